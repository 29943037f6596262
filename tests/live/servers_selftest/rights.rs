//! Who may do what on the API server, and in which words it refuses.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, PostParams};
use serde_json::json;

use super::{Client, POLICIES, kube_client, run};
use crate::servers::{FakeKube, Options, data};

#[test]
fn refusals_are_in_kubernetes_words() {
    let kube = FakeKube::start(&data::example());
    let admin = kube.user("admin");
    let nobody = kube.powerless("x");
    let (admin, nobody) = (Client::new(&kube, Some(&admin)), Client::new(&kube, Some(&nobody)));
    let (stranger, anonymous) = (Client::new(&kube, Some("wrong")), Client::new(&kube, None));
    run(async {
        assert_eq!(
            nobody.get(POLICIES).await.text(),
            "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"networkpolicies.networking.k8s.io is forbidden: User \\\"x\\\" cannot list resource \\\"networkpolicies\\\" in API group \\\"networking.k8s.io\\\" at the cluster scope\",\"reason\":\"Forbidden\",\"details\":{\"group\":\"networking.k8s.io\",\"kind\":\"networkpolicies\"},\"code\":403}\n"
        );
        for (path, message) in [
            (
                "/api/v1/namespaces/default/pods",
                "pods is forbidden: User \"x\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"",
            ),
            (
                "/api/v1/namespaces/default/configmaps/x",
                "configmaps \"x\" is forbidden: User \"x\" cannot get resource \"configmaps\" in API group \"\" in the namespace \"default\"",
            ),
            (
                "/api/v1/namespaces/default",
                "namespaces \"default\" is forbidden: User \"x\" cannot get resource \"namespaces\" in API group \"\" in the namespace \"default\"",
            ),
            (
                "/api/v1/nodes/n1",
                "nodes \"n1\" is forbidden: User \"x\" cannot get resource \"nodes\" in API group \"\" at the cluster scope",
            ),
            // Rights come before existence.
            (
                "/apis/cilium.io/v2/ciliumnetworkpolicies",
                "ciliumnetworkpolicies.cilium.io is forbidden: User \"x\" cannot list resource \"ciliumnetworkpolicies\" in API group \"cilium.io\" at the cluster scope",
            ),
            ("/foo", "forbidden: User \"x\" cannot get path \"/foo\""),
        ] {
            let got = nobody.get(path).await;
            assert_eq!((got.status, got.json()["message"].as_str()), (403, Some(message)), "{path}");
        }
        // Everybody may discover, once authenticated; anybody may ask for the version.
        for path in ["/api", "/apis", "/apis/apps/v1", "/version", "/healthz"] {
            assert_eq!(nobody.get(path).await.status, 200, "{path}");
            assert_eq!(stranger.get(path).await.status, 401, "{path}");
        }
        assert_eq!(anonymous.get("/version").await.status, 200);
        let got = anonymous.get("/api/v1/pods").await;
        assert!(got.text().contains("User \\\"system:anonymous\\\" cannot list"), "{got:?}");
        assert_eq!(
            stranger.get("/api/v1/pods").await.text(),
            "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"Unauthorized\",\"reason\":\"Unauthorized\",\"code\":401}\n"
        );
        // Absent: a group, a resource of a custom group, a resource of the server's own, an object.
        for path in [
            "/apis/cilium.io/v2",
            "/apis/cilium.io/v2/ciliumnetworkpolicies",
            "/apis/postgresql.cnpg.io/v1/foos",
            "/foo",
        ] {
            let got = admin.get(path).await;
            assert_eq!((got.status, got.text()), (404, "404 page not found\n"), "{path}");
            assert_eq!(got.header("content-type"), "text/plain; charset=utf-8");
        }
        for path in ["/api/v1/foos", "/apis/apps/v7", "/apis/apps/v1/namespaces/default/foos/x"] {
            let got = admin.get(path).await;
            let message = "the server could not find the requested resource";
            assert_eq!((got.status, got.json()["message"].as_str()), (404, Some(message)), "{path}");
        }
        for (path, message) in [
            ("/api/v1/namespaces/nope", "namespaces \"nope\" not found"),
            ("/apis/apps/v1/namespaces/prod/deployments/x", "deployments.apps \"x\" not found"),
        ] {
            let got = admin.get(path).await;
            assert_eq!((got.status, got.json()["message"].as_str()), (404, Some(message)), "{path}");
        }
        // A namespace that is not there is empty.
        assert_eq!(admin.get("/api/v1/namespaces/nope/pods").await.json()["items"], json!([]));
    });
}

#[test]
fn one_table_decides_requests_and_reviews() {
    let kube = FakeKube::start(&data::example());
    let token = kube.user("auditor");
    let least = kube.powerless("least");
    kube.deny("auditor", "list", "networking.k8s.io", "networkpolicies");
    kube.deny_in("auditor", "get", "", "configmaps", "prod");
    kube.groups("auditor", &["ops"]);
    let rules = json!([{"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": ["list"]}]);
    kube.bind("least", &json!({"rules": rules}));
    let (auditor, least) = (Client::new(&kube, Some(&token)), Client::new(&kube, Some(&least)));
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    run(async {
        for (client, verb, group, resource, namespace, allowed, path) in [
            (&auditor, "list", "networking.k8s.io", "networkpolicies", "", false, POLICIES),
            (&auditor, "list", "", "pods", "", true, "/api/v1/pods"),
            (&auditor, "get", "", "configmaps", "prod", false, "/api/v1/namespaces/prod/configmaps/tomoda-config"),
            (&auditor, "get", "", "configmaps", "tomoda", true, "/api/v1/namespaces/tomoda/configmaps/tomoda-config"),
            (&least, "list", "networking.k8s.io", "networkpolicies", "", true, POLICIES),
            (&least, "list", "", "pods", "", false, "/api/v1/pods"),
        ] {
            let attributes = json!({"verb": verb, "group": group, "resource": resource, "namespace": namespace});
            let review = json!({"spec": {"resourceAttributes": attributes}});
            let got = client.post(reviews, &review).await;
            assert_eq!((got.status, &got.json()["status"]["allowed"]), (201, &json!(allowed)), "{verb} {resource}");
            assert_eq!(client.get(path).await.status, if allowed { 200 } else { 403 }, "{path}");
        }
        // RBAC only adds: not everywhere is not all at once.
        let attributes = json!({"verb": "get", "group": "", "resource": "configmaps"});
        let got = auditor.post(reviews, &json!({"spec": {"resourceAttributes": attributes}})).await;
        assert_eq!(got.json()["status"]["allowed"], false);
        let me = auditor.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", &json!({})).await.json();
        assert_eq!(me["status"]["userInfo"], json!({"username": "auditor", "groups": ["ops", "system:authenticated"]}));
        kube.allow_again();
        assert_eq!(auditor.get(POLICIES).await.status, 200);
    });
    kube.record().assert_only_reads();
}

#[test]
fn gke_has_its_own_words_and_lets_nobody_in_when_told_so() {
    let options = Options { gke_words: true, anonymous: false, minor: 34, ..Options::default() };
    let kube = FakeKube::with(options, &[]);
    let token = kube.powerless("x");
    run(async {
        let got = Client::new(&kube, Some(&token)).get("/api/v1/pods").await.json();
        let message = got["message"].as_str().unwrap();
        assert!(
            message.ends_with("at the cluster scope: requires one of [\"container.pods.list\"] permission(s)."),
            "{message}"
        );
        assert_eq!(Client::new(&kube, None).get("/version").await.status, 401);
        let client = Client::new(&kube, Some(&token));
        assert_eq!(client.get("/apis/resource.k8s.io/v1").await.status, 200);
        assert_eq!(client.get("/version").await.json()["minor"], "34");
    });
}

#[test]
fn writes_are_refused_and_remembered() {
    let kube = FakeKube::start(&[]);
    let token = kube.user("admin");
    run(async {
        let client = kube_client(&kube, &token).await;
        let api: Api<ConfigMap> = Api::default_namespaced(client);
        api.create(&PostParams::default(), &ConfigMap::default()).await.unwrap_err();
        let client = Client::new(&kube, Some(&token));
        assert_eq!(client.get("/api/v1/pods?watch=true").await.status, 405);
    });
    let writes = kube.record().writes();
    assert_eq!(writes, ["POST /api/v1/namespaces/default/configmaps", "GET /api/v1/pods?watch=true"]);
    let entry = &kube.record().entries()[0];
    assert_eq!((entry.number, entry.user.as_deref(), entry.status), (1, Some("admin"), Some(405)));
}
