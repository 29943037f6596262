//! The test servers against the clients that the program is built on, so that a test may believe them.
//!
//! The documents that are pinned here word for word were taken from a kube-apiserver v1.34.4.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod servers;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use google_cloud_auth::credentials::{
    AccessTokenCredentials, external_account, impersonated, mds, service_account, user_account,
};
use google_cloud_container_v1::client::ClusterManager;
use google_cloud_gax::retry_policy::NeverRetry;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, DynamicObject, ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use servers::data::{self, Endpoint};
use servers::google::Refusal;
use servers::kubeconfig::{self, Identity};
use servers::live::{self, Scale};
use servers::ports;
use servers::*;

const CNPG: &str = "/apis/postgresql.cnpg.io/v1/clusters";
const POLICIES: &str = "/apis/networking.k8s.io/v1/networkpolicies";

fn run<T>(future: impl Future<Output = T>) -> T {
    // Fails when another test of this process was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// What came back, as far as it came.
#[derive(Debug)]
struct Got {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Result<String, String>,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|v| v.to_str().unwrap()).unwrap_or_default()
    }

    #[track_caller]
    fn text(&self) -> &str {
        self.body.as_ref().unwrap()
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(self.text()).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// A client for one server, as one user.
struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Client {
    fn new(kube: &FakeKube, token: Option<&str>) -> Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        if !kube.authority_pem.is_empty() {
            builder = builder.tls_certs_only([reqwest::Certificate::from_pem(kube.authority_pem.as_bytes()).unwrap()]);
        }
        Client { http: builder.build().unwrap(), base: kube.url(), token: token.map(str::to_owned) }
    }

    fn google(google: &FakeGoogle, token: Option<&str>) -> Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Client { http, base: google.url(), token: token.map(str::to_owned) }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Got, String> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let response = request.send().await.map_err(|e| format!("{e:?}"))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.text().await.map_err(|e| format!("{e:?}"));
        Ok(Got { status, headers, body })
    }

    async fn try_get(&self, path: &str) -> Result<Got, String> {
        self.send(self.http.get(format!("{}{path}", self.base))).await
    }

    async fn get(&self, path: &str) -> Got {
        self.try_get(path).await.unwrap()
    }

    async fn accept(&self, path: &str, accept: &str) -> Got {
        self.send(self.http.get(format!("{}{path}", self.base)).header("Accept", accept)).await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Got {
        self.send(self.http.post(format!("{}{path}", self.base)).json(body)).await.unwrap()
    }
}

fn config_maps(names: &[&str]) -> Vec<Value> {
    let one = |n: &&str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": n}, "data": {"k": "v"}});
    names.iter().map(one).collect()
}

fn bare(objects: &[Value]) -> FakeKube {
    FakeKube::with(Options { system_objects: false, ..Options::default() }, objects)
}

async fn kube_client(kube: &FakeKube, token: &str) -> kube::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = kubeconfig::kubeconfig(kube, "gke_p_l_c", &Identity::Token(token.to_owned()));
    let file = Kubeconfig::from_yaml(&file.to_string()).unwrap();
    let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    kube::Client::try_from(config).unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|i| i["metadata"]["name"].as_str().unwrap()).collect()
}

// ---- The API server: documents.

#[test]
fn kube_discovers_the_example_in_both_ways() {
    let kube = FakeKube::start(&data::example());
    let token = kube.user("auditor");
    run(async {
        let client = kube_client(&kube, &token).await;
        for aggregated in [false, true] {
            let discovery = kube::Discovery::new(client.clone());
            let discovery =
                if aggregated { discovery.run_aggregated().await.unwrap() } else { discovery.run().await.unwrap() };
            let groups: BTreeSet<&str> = discovery.groups().map(|g| g.name()).collect();
            assert!(groups.contains("apps") && groups.contains("postgresql.cnpg.io"), "{groups:?}");
            assert!(!groups.contains("cilium.io"), "{groups:?}");
            let group = discovery.get("postgresql.cnpg.io").unwrap();
            let (resource, capabilities) = group.recommended_kind("Cluster").unwrap();
            assert_eq!(resource.plural, "clusters");
            assert_eq!(capabilities.scope, kube::discovery::Scope::Namespaced);
            let (node, capabilities) = discovery.get("").unwrap().recommended_kind("Node").unwrap();
            assert_eq!((node.plural.as_str(), capabilities.scope), ("nodes", kube::discovery::Scope::Cluster));
        }
        let version = client.apiserver_version().await.unwrap();
        assert_eq!(version.git_version, "v1.33.4-gke.1350000");
    });
    kube.record().assert_only_reads();
}

#[test]
fn discovery_says_what_a_real_server_says() {
    let kube = FakeKube::start(&[]);
    let token = kube.user("auditor");
    kube.install(Crd::new("postgresql.cnpg.io", "v1", "Cluster", "clusters", true));
    kube.break_group("metrics.k8s.io", "v1beta1");
    let client = Client::new(&kube, Some(&token));
    run(async {
        assert_eq!(
            client.get("/apis/postgresql.cnpg.io").await.text(),
            "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",\"name\":\"postgresql.cnpg.io\",\"versions\":[{\"groupVersion\":\"postgresql.cnpg.io/v1\",\"version\":\"v1\"}],\"preferredVersion\":{\"groupVersion\":\"postgresql.cnpg.io/v1\",\"version\":\"v1\"}}\n"
        );
        let resources = client.get("/apis/postgresql.cnpg.io/v1").await;
        assert_eq!(
            resources.json()["resources"],
            json!([{
                "name": "clusters", "singularName": "cluster", "namespaced": true, "kind": "Cluster",
                "verbs": ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"],
                "storageVersionHash": "Tpdw74pNgSM=",
            }])
        );
        assert!(
            client.get("/api/v1").await.text().starts_with("{\"kind\":\"APIResourceList\",\"groupVersion\":\"v1\"")
        );
        // An aggregated API that is down is listed all the same.
        let groups = client.get("/apis").await.json();
        let listed = groups["groups"].as_array().unwrap().iter().any(|g| g["name"] == "metrics.k8s.io");
        assert!(listed);
        assert_eq!(client.get("/apis/metrics.k8s.io/v1beta1").await.status, 503);
        let asked = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        let aggregated = client.accept("/apis", asked).await;
        assert_eq!(
            aggregated.header("content-type"),
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        );
        let items = aggregated.json()["items"].as_array().unwrap().clone();
        let of = |name: &str| items.iter().find(|g| g["metadata"]["name"] == name).unwrap()["versions"][0].clone();
        assert_eq!(of("metrics.k8s.io"), json!({"version": "v1beta1", "freshness": "Stale"}));
        assert_eq!(of("postgresql.cnpg.io")["resources"][0]["responseKind"]["kind"], "Cluster");
        let deployments = of("apps")["resources"].as_array().unwrap()[2].clone();
        assert_eq!(deployments["resource"], "deployments");
        assert_eq!(deployments["subresources"][0]["responseKind"]["group"], "autoscaling");
    });
}

#[test]
fn lists_have_the_shape_of_typed_and_of_custom_ones() {
    let kube = bare(&config_maps(&["a", "b", "c"]));
    for name in ["x", "y", "z"] {
        kube.put(json!({"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": name}, "spec": {"instances": 1}}));
    }
    let token = kube.user("auditor");
    let client = Client::new(&kube, Some(&token));
    run(async {
        let typed = client.get("/api/v1/configmaps?limit=1").await;
        assert_eq!(typed.header("content-type"), "application/json");
        assert!(
            typed
                .text()
                .starts_with("{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"")
        );
        let list = typed.json();
        assert_eq!(list["metadata"]["remainingItemCount"], 2);
        assert_eq!(list["items"][0].get("kind"), None);
        assert_eq!(list["items"][0].get("apiVersion"), None);
        let custom = client.get(&format!("{CNPG}?limit=1")).await;
        assert!(custom.text().starts_with("{\"apiVersion\":\"postgresql.cnpg.io/v1\",\"items\":[{\"apiVersion\":\"postgresql.cnpg.io/v1\",\"kind\":\"Cluster\",\"metadata\":{"));
        assert_eq!(custom.json()["metadata"]["remainingItemCount"], 2);
        assert!(custom.text().contains("\"kind\":\"ClusterList\",\"metadata\":{\"continue\":\"ey"));
        // The last page of a typed list has no `continue`, that of a custom one an empty one.
        assert_eq!(client.get("/api/v1/configmaps").await.json()["metadata"].get("continue"), None);
        assert_eq!(client.get(CNPG).await.json()["metadata"]["continue"], "");
        // Single objects say what they are.
        let one = client.get("/api/v1/namespaces/default/configmaps/a").await;
        assert!(one.text().starts_with("{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\","));
        // Metadata alone; an empty list of those is null.
        let asked = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
        let slim = client.accept("/api/v1/configmaps?limit=1", asked).await;
        assert!(slim.text().starts_with("{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{\"resourceVersion\":\""));
        assert_eq!(slim.json()["items"][0]["kind"], "PartialObjectMetadata");
        assert_eq!(slim.json()["items"][0].get("data"), None);
        assert_eq!(client.accept("/api/v1/pods", asked).await.json()["items"], Value::Null);
        assert_eq!(client.get("/api/v1/pods").await.json()["items"], json!([]));
        assert_eq!(client.accept("/api/v1/pods", "text/html").await.status, 406);
    });
}

#[test]
fn pages_show_one_moment_until_their_token_expires() {
    let kube = bare(&config_maps(&["a", "b", "c", "d", "e"]));
    let token = kube.user("auditor");
    let client = Client::new(&kube, Some(&token));
    run(async {
        let first = client.get("/api/v1/configmaps?limit=2").await.json();
        assert_eq!(names(&first), ["a", "b"]);
        let more = first["metadata"]["continue"].as_str().unwrap();
        // What happens now is not in the pages of this list.
        kube.put(config_maps(&["bb"]).remove(0));
        kube.delete("v1", "ConfigMap", "default", "c");
        let second = client.get(&format!("/api/v1/configmaps?limit=2&continue={more}")).await.json();
        assert_eq!(names(&second), ["c", "d"]);
        assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
        assert_eq!(names(&client.get("/api/v1/configmaps").await.json()), ["a", "b", "bb", "d", "e"]);
        kube.compact();
        let gone = client.get(&format!("/api/v1/configmaps?limit=2&continue={more}")).await;
        assert_eq!((gone.status, gone.json()["reason"].as_str()), (410, Some("Expired")));
        // With the token of the answer the list goes on, as things are now.
        let again = gone.json()["metadata"]["continue"].as_str().unwrap().to_owned();
        let rest = client.get(&format!("/api/v1/configmaps?limit=9&continue={again}")).await.json();
        assert_eq!(names(&rest), ["bb", "d", "e"]);
        // "Any version" comes from a cache that knows no pages.
        let cached = client.get("/api/v1/configmaps?limit=2&resourceVersion=0").await.json();
        assert_eq!(names(&cached).len(), 5);
        for (query, message) in [
            ("limit=abc", "strconv.ParseInt: parsing \"abc\": invalid syntax"),
            ("continue=xyz", "invalid continue token"),
            ("resourceVersion=1&continue=abc", "specifying resource version is not allowed when using continue"),
        ] {
            let bad = client.get(&format!("/api/v1/configmaps?{query}")).await;
            assert_eq!(bad.status, 400, "{query}");
            assert!(bad.json()["message"].as_str().unwrap().contains(message), "{bad:?}");
        }
    });
}

#[test]
fn kube_lists_in_pages_and_by_namespace() {
    let mut objects = config_maps(&["a", "b", "c"]);
    objects[2]["metadata"]["namespace"] = json!("other");
    objects[0]["metadata"]["labels"] = json!({"app": "x"});
    let kube = bare(&objects);
    let token = kube.user("auditor");
    run(async {
        let client = kube_client(&kube, &token).await;
        let all: Api<ConfigMap> = Api::all(client.clone());
        let mut found = Vec::new();
        let mut params = ListParams::default().limit(1);
        loop {
            let page = all.list(&params).await.unwrap();
            found.extend(page.items.into_iter().map(|c| c.metadata.name.unwrap()));
            match page.metadata.continue_.filter(|c| !c.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => break,
            }
        }
        assert_eq!(found, ["a", "b", "c"]);
        let other: Api<ConfigMap> = Api::namespaced(client.clone(), "other");
        assert_eq!(other.list(&ListParams::default()).await.unwrap().items.len(), 1);
        assert_eq!(all.list(&ListParams::default().labels("app in (x, y)")).await.unwrap().items.len(), 1);
        assert_eq!(all.list(&ListParams::default().labels("!app")).await.unwrap().items.len(), 2);
        assert_eq!(all.list(&ListParams::default().fields("metadata.name=b")).await.unwrap().items.len(), 1);
        let refused = all.list(&ListParams::default().fields("data.k=v")).await.unwrap_err();
        assert!(refused.to_string().contains("field label not supported: data.k"), "{refused}");
        assert_eq!(all.list_metadata(&ListParams::default()).await.unwrap().items.len(), 3);
    });
    assert_eq!(kube.record().count("/api/v1/configmaps?*limit=1*"), 3);
}

#[test]
fn objects_get_what_an_api_server_adds() {
    let mut objects = data::example();
    objects.push(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "prod"}, "stringData": {"p": "x"}}));
    let kube = FakeKube::start(&live::with_pods(data::as_applied(objects)));
    let token = kube.user("auditor");
    let client = Client::new(&kube, Some(&token));
    run(async {
        let api = client.get("/apis/apps/v1/namespaces/prod/deployments/tomoda-api").await.json();
        for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"] {
            assert!(api["metadata"].get(field).is_some(), "{field}");
        }
        let container = &api["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["terminationMessagePath"], "/dev/termination-log");
        assert_eq!(container["imagePullPolicy"], "IfNotPresent");
        // Nothing was made up on the way to the defaults.
        assert!(!api["spec"].to_string().contains("null"), "{api}");
        let fields = &api["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:template"]["f:spec"];
        assert!(fields["f:containers"]["k:{\"name\":\"api\"}"]["f:image"].is_object(), "{fields}");
        let pods = client.get("/api/v1/namespaces/prod/pods?labelSelector=app%3Dtomoda-api").await.json();
        assert_eq!(pods["items"].as_array().unwrap().len(), 3);
        assert_eq!(pods["items"][0]["metadata"]["ownerReferences"][0]["kind"], "ReplicaSet");
        assert_eq!(pods["items"][0]["status"]["phase"], "Running");
        assert_eq!(pods["metadata"].get("remainingItemCount"), None);
        let secret = client.get("/api/v1/namespaces/prod/secrets/s").await.json();
        assert_eq!((&secret["data"]["p"], secret.get("stringData")), (&json!("eA=="), None));
        let namespace = client.get("/api/v1/namespaces/prod").await.json();
        assert_eq!(namespace["metadata"]["labels"]["kubernetes.io/metadata.name"], "prod");
        let policies = client.get(POLICIES).await.json();
        assert!(policies["items"].as_array().unwrap().iter().all(|p| p["spec"]["policyTypes"].is_array()));
        // The types that kube has of these kinds read them.
        let typed: Api<Pod> = Api::all(kube_client(&kube, &token).await);
        let typed = typed.list(&ListParams::default()).await.unwrap();
        assert!(typed.items.iter().all(|p| p.spec.as_ref().unwrap().node_name.is_some()));
    });
}

// ---- The API server: who may do what.

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

// ---- Transport.

#[test]
fn large_answers_are_compressed_for_those_who_accept_it() {
    let big: Vec<Value> = (0..40)
        .map(|i| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("c{i}")}, "data": {"x": "y".repeat(4000)}}))
        .collect();
    let kube = bare(&big);
    let always = FakeKube::with(Options { gzip: Gzip::Always, tls: None, ..Options::default() }, &[]);
    let (token, other) = (kube.user("a"), always.user("a"));
    run(async {
        // reqwest decodes and takes the header away; it asked for gzip.
        let client = Client::new(&kube, Some(&token));
        let got = client.get("/api/v1/configmaps").await;
        assert_eq!((got.header("vary"), got.json()["items"].as_array().unwrap().len()), ("Accept-Encoding", 40));
        assert_eq!(client.get("/api/v1/pods").await.header("vary"), "");
        assert_eq!(Client::new(&always, Some(&other)).get("/api/v1/pods").await.header("vary"), "Accept-Encoding");
        let plain = reqwest::Client::builder().no_gzip().no_proxy().build().unwrap();
        let plain = Client { http: plain, base: always.url(), token: Some(other.clone()) };
        assert_eq!(plain.get("/api/v1/pods").await.header("vary"), "");
        let api: Api<ConfigMap> = Api::all(kube_client(&kube, &token).await);
        assert_eq!(api.list(&ListParams::default()).await.unwrap().items.len(), 40);
    });
}

#[test]
fn certificates_can_be_wrong_in_three_ways() {
    for (certificate, fault) in [
        (Certificate::Right, None),
        (Certificate::UnknownAuthority, Some("UnknownIssuer")),
        (Certificate::WrongName, Some("NotValidForName")),
        (Certificate::Expired, Some("Expired")),
    ] {
        let kube = FakeKube::with(Options { tls: Some(certificate), ..Options::default() }, &[]);
        let token = kube.user("a");
        match (run(Client::new(&kube, Some(&token)).try_get("/version")), fault) {
            (Ok(got), None) => assert_eq!(got.status, 200),
            (Err(e), Some(fault)) => assert!(e.contains(fault), "{certificate:?}: {e}"),
            (got, _) => panic!("{certificate:?}: {got:?}"),
        }
    }
}

#[test]
fn behind_a_prefix_is_the_same_cluster() {
    let prefix = "/v1/projects/1/locations/global/gkeMemberships/m";
    let kube = FakeKube::with(Options { prefix: prefix.into(), ..Options::default() }, &data::example());
    let token = kube.user("a");
    run(async {
        let client = kube_client(&kube, &token).await;
        let clusters: Api<DynamicObject> = Api::all_with(
            client,
            &kube::api::ApiResource {
                group: "postgresql.cnpg.io".into(),
                version: "v1".into(),
                api_version: "postgresql.cnpg.io/v1".into(),
                kind: "Cluster".into(),
                plural: "clusters".into(),
            },
        );
        assert_eq!(clusters.list(&ListParams::default()).await.unwrap().items.len(), 2);
    });
    assert_eq!(kube.record().paths(), [format!("GET {prefix}{CNPG}")]);
}

#[test]
fn addresses_without_a_server() {
    let http = || {
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder().no_proxy().build().unwrap()
    };
    let (closed, silent, babble) = (ports::Closed::new(), ports::Silent::new(), ports::Babble::new(b"SSH-2.0-x\r\n"));
    run(async {
        let refused = http().get(format!("http://{}/", closed.address)).send().await.unwrap_err();
        assert!(refused.is_connect(), "{refused:?}");
        // The connection is made, and then nothing ever comes: any time is too short.
        let waits = http().get(format!("http://{}/", silent.address)).timeout(Duration::from_millis(50)).send().await;
        assert!(waits.unwrap_err().is_timeout());
        for scheme in ["http", "https"] {
            http().get(format!("{scheme}://{}/", babble.address)).send().await.unwrap_err();
        }
    });
}

// ---- Faults.

#[test]
fn every_fault_is_what_it_says() {
    let kube = bare(&config_maps(&["a", "b", "c"]));
    let token = kube.user("a");
    let pods = "/api/v1/configmaps";
    /// What a client gets to see.
    type Seen = fn(Result<Got, String>) -> bool;
    let no_answer: Seen = |got| got.is_err();
    let broken_body: Seen = |got| got.is_ok_and(|g| g.status == 200 && g.body.is_err());
    let page = Effect::body(200, "text/html", "<html>");
    let shape = Effect::Shape;
    let table: Vec<(&str, Effect, Seen)> = vec![
        ("status", Effect::status(500), |g| g.unwrap().json()["reason"] == "InternalError"),
        ("unavailable", Effect::status(503), |g| g.unwrap().json()["code"] == 503),
        ("retry after", Effect::retry_after(429, "7"), |g| {
            let g = g.unwrap();
            g.status == 429 && g.header("retry-after") == "7" && g.json()["reason"] == "TooManyRequests"
        }),
        ("own body", page, |g| g.unwrap().text() == "<html>"),
        ("close", Effect::Close, no_answer),
        ("reset", Effect::Reset, no_answer),
        ("reset, headers", Effect::ResetWithin(Cut::Headers), |g| g.is_err() || g.is_ok_and(|g| g.body.is_err())),
        ("reset, half", Effect::ResetWithin(Cut::Half), |g| g.is_err() || g.is_ok_and(|g| g.body.is_err())),
        ("cut, headers", Effect::CutLength(Cut::Headers), broken_body),
        ("cut, half", Effect::CutLength(Cut::Half), broken_body),
        ("cut, last", Effect::CutLength(Cut::Last), broken_body),
        ("chunks, headers", Effect::CutChunked(Cut::Headers), broken_body),
        ("chunks, half", Effect::CutChunked(Cut::Half), broken_body),
        ("chunks, last", Effect::CutChunked(Cut::Last), broken_body),
        ("gzip cut", Effect::GzipCut, broken_body),
        ("gzip garbage", Effect::GzipGarbage, broken_body),
        ("malformed", Effect::Malformed, |g| serde_json::from_str::<Value>(g.unwrap().text()).is_err()),
        ("no body", Effect::NoBody, |g| g.unwrap().text().is_empty()),
        ("items null", shape(Shape::ItemsNull), |g| g.unwrap().json()["items"].is_null()),
        ("items absent", shape(Shape::ItemsAbsent), |g| g.unwrap().json().get("items").is_none()),
        ("items object", shape(Shape::ItemsObject), |g| g.unwrap().json()["items"].is_object()),
        ("item string", shape(Shape::ItemString), |g| g.unwrap().json()["items"][0].is_string()),
        ("item null", shape(Shape::ItemNull), |g| g.unwrap().json()["items"][0].is_null()),
        ("metadata null", shape(Shape::MetadataNull), |g| g.unwrap().json()["items"][0]["metadata"].is_null()),
        ("spec string", shape(Shape::SpecString), |g| g.unwrap().json()["items"][0]["spec"].is_string()),
        ("array", shape(Shape::Array), |g| g.unwrap().json() == json!([])),
        ("null", shape(Shape::Null), |g| g.unwrap().json().is_null()),
        ("empty", shape(Shape::Empty), |g| g.unwrap().json() == json!({})),
        ("edit", Effect::edit(|v| v["x"] = json!(1)), |g| g.unwrap().json()["x"] == 1),
        ("portal", Effect::Html { code: 200 }, |g| {
            let g = g.unwrap();
            g.status == 200 && g.header("content-type").starts_with("text/html")
        }),
        ("proxy", Effect::Html { code: 502 }, |g| g.unwrap().text().contains("502 Bad Gateway")),
        ("redirect", Effect::Redirect { code: 302, to: "https://login.example/".into() }, |g| {
            g.unwrap().header("location") == "https://login.example/"
        }),
        ("expired", Effect::Expired, |g| g.unwrap().json()["reason"] == "Expired"),
        ("drip", Effect::Drip { bytes: 100, pause: Duration::from_millis(1) }, |g| {
            names(&g.unwrap().json()).len() == 3
        }),
    ];
    run(async {
        for (name, effect, seen) in table {
            kube.faults().clear();
            kube.faults().add(Fault::on(pods, effect).once());
            // A connection of its own: nothing is tried again on a new one behind the test's back.
            let client = Client::new(&kube, Some(&token));
            let got = client.try_get(pods).await;
            let debug = format!("{got:?}");
            assert!(seen(got), "{name}: {debug}");
            assert_eq!(kube.faults().struck(), 1, "{name}");
            assert_eq!(client.get(pods).await.status, 200, "after {name}");
        }
        // What never ends.
        for effect in [Effect::Hang, Effect::Stall] {
            kube.faults().clear();
            kube.faults().add(Fault::on(pods, effect).once());
            let client = Client::new(&kube, Some(&token));
            assert!(tokio::time::timeout(Duration::from_millis(50), client.get(pods)).await.is_err());
            assert_eq!(client.get(pods).await.status, 200);
        }
    });
}

#[test]
fn faults_choose_their_requests() {
    let kube = bare(&config_maps(&["a", "b", "c"]));
    let token = kube.user("a");
    let client = Client::new(&kube, Some(&token));
    kube.faults().add(Fault::on("/api/v1/configmaps?*continue=*", Effect::Expired).once());
    kube.faults().add(Fault::on("/api/v1/pods", Effect::status(500)).from(2).times(2));
    kube.faults().add(Fault::on("/api/v1/nodes*", Effect::status(503)).verb("POST"));
    run(async {
        let mut seen = Vec::new();
        for _ in 0..5 {
            seen.push(client.get("/api/v1/pods").await.status);
        }
        assert_eq!(seen, [200, 500, 500, 200, 200]);
        assert_eq!(client.get("/api/v1/nodes").await.status, 200);
        let first = client.get("/api/v1/configmaps?limit=1").await.json();
        let next = format!("/api/v1/configmaps?limit=1&continue={}", first["metadata"]["continue"].as_str().unwrap());
        assert_eq!(client.get(&next).await.status, 410);
        assert_eq!(client.get(&next).await.status, 200);
        // Revoked at the third request for anything.
        kube.faults().clear();
        kube.faults().add(Fault::on("*", Effect::Revoke).from(3).once());
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(client.get("/version").await.status);
        }
        assert_eq!(seen, [200, 200, 401, 401]);
        // A token that is good for two requests, without a clock.
        kube.faults().clear();
        kube.tokens().set_uses(2);
        let client = Client::new(&kube, Some(&kube.user("b")));
        let seen = [client.get("/api").await.status, client.get("/api").await.status, client.get("/api").await.status];
        assert_eq!(seen, [200, 200, 401]);
    });
    assert_eq!(kube.record().count("/api/v1/pods"), 5);
}

#[test]
fn a_server_ends_with_what_hangs() {
    let kube = bare(&[]);
    let token = kube.user("a");
    kube.faults().add(Fault::on("*", Effect::Hang));
    let client = Client::new(&kube, Some(&token));
    run(async {
        let request = tokio::spawn(async move { client.try_get("/version").await });
        while kube.record().entries().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(kube.record().entries()[0].status, None);
        drop(kube);
        assert!(request.await.unwrap().is_err());
    });
}

// ---- Google.

const CLUSTER: &str = "projects/development-485000/locations/asia-east1-a/clusters/gke-tomoda";

async fn gke(google: &FakeGoogle, credentials: google_cloud_auth::credentials::Credentials) -> ClusterManager {
    ClusterManager::builder()
        .with_endpoint(google.url())
        .with_credentials(credentials)
        .with_retry_policy(NeverRetry)
        .build()
        .await
        .unwrap()
}

fn with_cluster() -> FakeGoogle {
    let google = FakeGoogle::start();
    google.project("development-485000", &["folders/11", "organizations/22"]);
    google.cluster(CLUSTER, data::example_cluster());
    google
}

fn person(google: &FakeGoogle) -> google_cloud_auth::credentials::Credentials {
    user_account::Builder::new(google.authorized_user("person@example.com")).build().unwrap()
}

#[test]
fn the_official_client_reads_clusters() {
    let google = with_cluster();
    google.missing_zone("development-485000", "asia-east1-b");
    run(async {
        let client = gke(&google, person(&google)).await;
        let cluster = client.get_cluster().set_name(CLUSTER).send().await.unwrap();
        assert_eq!(cluster.current_master_version, "1.33.4-gke.1350000");
        assert_eq!(
            cluster.network_policy.as_ref().unwrap().provider,
            google_cloud_container_v1::model::network_policy::Provider::Calico
        );
        assert_eq!(cluster.status, google_cloud_container_v1::model::cluster::Status::Running);
        let list = client.list_clusters().set_parent("projects/development-485000/locations/-").send().await.unwrap();
        assert_eq!((list.clusters.len(), list.missing_zones.as_slice()), (1, &["asia-east1-b".to_owned()][..]));
        // On the wire enums are integers for this client, and names for others.
        let token = google.tokens().issue("person@example.com");
        let curl = Client::google(&google, Some(&token));
        let path = format!("/v1/{CLUSTER}");
        assert_eq!(curl.get(&path).await.json()["status"], "RUNNING");
        assert_eq!(curl.get(&format!("{path}?%24alt=json%3Benum-encoding%3Dint")).await.json()["status"], 2);
    });
    let asked = google.record().matching(&format!("/v1/{CLUSTER}?*%24alt=json*"));
    assert_eq!(asked[0].user.as_deref(), Some("person@example.com"));
    google.record().assert_only_reads();
}

#[test]
fn failures_of_google_carry_their_reason() {
    let google = with_cluster();
    let reason = |e: google_cloud_container_v1::Error| {
        let details = e.status().map(|s| format!("{:?}", s.details)).unwrap_or_default();
        (e.http_status_code(), details, e.to_string())
    };
    run(async {
        let client = gke(&google, person(&google)).await;
        let get = |name: &str| client.get_cluster().set_name(name).send();
        let missing = get("projects/development-485000/locations/asia-east1-a/clusters/nope").await.unwrap_err();
        let (code, _, text) = reason(missing);
        assert_eq!(code, Some(404));
        assert!(
            text.contains("Not found: projects/development-485000/locations/asia-east1-a/clusters/nope."),
            "{text}"
        );
        for (refusal, expected) in [
            (Refusal::ServiceDisabled, "SERVICE_DISABLED"),
            (Refusal::VpcServiceControls, "SECURITY_POLICY_VIOLATED"),
            (Refusal::BillingDisabled, "BILLING_DISABLED"),
            (Refusal::QuotaExceeded, "RATE_LIMIT_EXCEEDED"),
        ] {
            google.allow_again();
            google.refuse("container.googleapis.com", "projects/development-485000", refusal);
            let (code, details, _) = reason(get(CLUSTER).await.unwrap_err());
            assert_eq!(code, Some(if refusal == Refusal::QuotaExceeded { 429 } else { 403 }));
            assert!(details.contains(expected), "{details}");
        }
        google.allow_again();
        google.deny("container.clusters.get", "projects/development-485000");
        let (code, details, text) = reason(get(CLUSTER).await.unwrap_err());
        assert_eq!(code, Some(403));
        assert!(details.contains("IAM_PERMISSION_DENIED"), "{details}");
        assert!(
            text.contains(&format!("Required \"container.clusters.get\" permission(s) for \"{CLUSTER}\".")),
            "{text}"
        );
        // What may not be seen is not said to exist.
        let (code, ..) = reason(get("projects/other/locations/l/clusters/c").await.unwrap_err());
        assert_eq!(code, Some(403));
        google.allow_again();
        google.tokens().revoke_all();
        let (code, details, _) = reason(get(CLUSTER).await.unwrap_err());
        assert_eq!(code, Some(401));
        assert!(details.contains("ACCESS_TOKEN_TYPE_UNSUPPORTED"), "{details}");
        let got = Client::google(&google, None).get(&format!("/v1/{CLUSTER}")).await;
        assert_eq!((got.status, got.header("www-authenticate")), (401, "Bearer"));
    });
}

#[test]
fn every_kind_of_credentials_gets_a_token() {
    let google = with_cluster();
    google.may_impersonate("person@example.com", "auditor@p.iam.gserviceaccount.com");
    google.machine("machine@p.iam.gserviceaccount.com");
    let dir = tempfile::tempdir().unwrap();
    let scope = ["https://www.googleapis.com/auth/cloud-platform"];
    let account = google.service_account_key("robot@p.iam.gserviceaccount.com");
    let user = google.authorized_user("person@example.com");
    let federated = google.external_account("principal://pool/ci", "subject", &dir.path().join("subject"));
    let through = google.impersonated(&user, "auditor@p.iam.gserviceaccount.com");
    let not_allowed = google.impersonated(&user, "other@p.iam.gserviceaccount.com");
    run(async {
        let tokens: Vec<(&str, AccessTokenCredentials)> = vec![
            (
                "robot@p.iam.gserviceaccount.com",
                service_account::Builder::new(account)
                    .with_access_specifier(service_account::AccessSpecifier::from_scopes(scope))
                    .build_access_token_credentials()
                    .unwrap(),
            ),
            ("person@example.com", user_account::Builder::new(user).build_access_token_credentials().unwrap()),
            (
                "machine@p.iam.gserviceaccount.com",
                mds::Builder::default().with_endpoint(google.url()).build_access_token_credentials().unwrap(),
            ),
            (
                "principal://pool/ci",
                external_account::Builder::new(federated).with_scopes(scope).build_access_token_credentials().unwrap(),
            ),
            (
                "auditor@p.iam.gserviceaccount.com",
                impersonated::Builder::new(through).build_access_token_credentials().unwrap(),
            ),
        ];
        for (who, credentials) in tokens {
            let token = credentials.access_token().await.unwrap_or_else(|e| panic!("{who}: {e:?}")).token;
            let path = format!("/v1/{CLUSTER}");
            let got = Client::google(&google, Some(&token)).get(&path).await;
            assert_eq!(got.status, 200, "{who}");
            assert_eq!(google.record().matching(&path).pop().unwrap().user.as_deref(), Some(who));
            // A cluster knows the tokens that Google handed out; a token that an account signed itself is none of them.
            assert_eq!(google.tokens().owner(&token).is_some(), !who.starts_with("robot"), "{who}");
        }
        let refused = impersonated::Builder::new(not_allowed)
            .with_retry_policy(NeverRetry)
            .build_access_token_credentials()
            .unwrap()
            .access_token()
            .await
            .unwrap_err();
        assert!(format!("{refused:?}").contains("iam.serviceAccounts.getAccessToken"), "{refused:?}");
        google.revoke_refresh_tokens();
        let stale = google_cloud_auth::credentials::user_account::Builder::new(json!({
            "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "old",
            "token_uri": format!("{}/token", google.url()),
        }));
        let stale = stale.with_retry_policy(NeverRetry).build_access_token_credentials().unwrap();
        let stale = stale.access_token().await.unwrap_err();
        assert!(format!("{stale:?}").contains("invalid_grant"), "{stale:?}");
        // The metadata server insists on its header.
        let plain = Client::google(&google, None);
        let path = "/computeMetadata/v1/instance/service-accounts/default/token";
        assert_eq!(plain.get(path).await.status, 403);
        let asked = plain.http.get(format!("{}{path}", plain.base)).header("Metadata-Flavor", "Google");
        let got = plain.send(asked).await.unwrap();
        assert_eq!((got.header("metadata-flavor"), &got.json()["token_type"]), ("Google", &json!("Bearer")));
        let domain = plain.http.get(format!("{}/computeMetadata/v1/universe/universe-domain", plain.base));
        let got = plain.send(domain.header("Metadata-Flavor", "Google")).await.unwrap();
        assert_eq!(got.text(), "googleapis.com");
        // The grant that other clients use for service accounts.
        let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", "a.b.c")];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let got = plain.send(plain.http.post(format!("{}/token", plain.base)).body(body)).await.unwrap();
        assert_eq!((got.status, &got.json()["error"]), (400, &json!("invalid_grant")));
    });
}

#[test]
fn a_fleet_is_found_in_pages() {
    let google = FakeGoogle::start();
    for n in 0..3 {
        google.project(&format!("p{n}"), if n < 2 { &["folders/1", "organizations/9"] } else { &["organizations/9"] });
        for c in ["a", "b"] {
            google.cluster(&format!("projects/p{n}/locations/europe-west1/clusters/{c}"), data::example_cluster());
        }
    }
    google.membership("projects/p0/locations/global/memberships/m", "projects/p0/locations/europe-west1/clusters/a");
    google.deny("container.clusters.get", "projects/p2");
    let token = google.tokens().issue("a@example.com");
    let client = Client::google(&google, Some(&token));
    run(async {
        for (scope, expected) in [("projects/p0", 2), ("folders/1", 4), ("organizations/9", 6), ("folders/7", 0)] {
            let mut found = Vec::new();
            let mut next = String::new();
            loop {
                let types = "assetTypes=container.googleapis.com/Cluster";
                let path = format!("/v1/{scope}:searchAllResources?{types}&pageSize=1&pageToken={next}");
                let page = client.get(&path).await.json();
                found.extend(page["results"].as_array().cloned().unwrap_or_default());
                match page["nextPageToken"].as_str() {
                    Some(token) => next = token.to_owned(),
                    None => break,
                }
            }
            assert_eq!(found.len(), expected, "{scope}");
            if let Some(first) = found.first() {
                assert_eq!(first["name"], "//container.googleapis.com/projects/p0/locations/europe-west1/clusters/a");
            }
        }
        let hub = client.get("/v1/projects/p0/locations/-/memberships").await.json();
        let cluster = "//container.googleapis.com/projects/p0/locations/europe-west1/clusters/a";
        assert_eq!(hub["resources"][0]["endpoint"]["gkeCluster"]["resourceLink"], cluster);
        let asked = json!({"permissions": ["container.clusters.get", "container.clusters.list"]});
        for (project, held) in [("p0", &asked["permissions"]), ("p2", &json!(["container.clusters.list"]))] {
            let got = client.post(&format!("/v1/projects/{project}:testIamPermissions"), &asked).await;
            assert_eq!(&got.json()["permissions"], held);
        }
        assert_eq!(client.post("/v3/projects/nope:testIamPermissions", &asked).await.json(), json!({}));
        google.refuse("cloudresourcemanager.googleapis.com", "projects/p0", Refusal::ServiceDisabled);
        assert_eq!(client.post("/v3/projects/p0:testIamPermissions", &asked).await.status, 403);
    });
    google.record().assert_only_reads();
}

// ---- Together.

#[test]
fn a_cluster_is_reached_as_its_configuration_says() {
    let google = FakeGoogle::start();
    let options = Options { tokens: google.tokens().clone(), ..Options::default() };
    let kube = FakeKube::with(options, &data::example());
    kube.allow_everything("person@example.com");
    google.cluster(CLUSTER, data::served_by(data::example_cluster(), &kube, Endpoint::Public));
    run(async {
        let credentials = person(&google);
        let cluster = gke(&google, credentials).await.get_cluster().set_name(CLUSTER).send().await.unwrap();
        let token = google.tokens().issue("person@example.com");
        let authority = &cluster.master_auth.as_ref().unwrap().cluster_ca_certificate;
        let pem = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, authority).unwrap();
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()])
            .build()
            .unwrap();
        let client = Client { http, base: format!("https://{}", cluster.endpoint), token: Some(token.clone()) };
        assert_eq!(client.get(POLICIES).await.json()["items"].as_array().unwrap().len(), 6);
        google.tokens().revoke(&token);
        assert_eq!(client.get(POLICIES).await.status, 401);
    });
    assert_eq!(kube.record().entries()[0].user.as_deref(), Some("person@example.com"));
}

#[test]
fn a_generated_cluster_is_as_large_as_it_says() {
    let scale = Scale { namespaces: 3, deployments: 2, replicas: 4, policies: 2 };
    let kube = FakeKube::with(Options { tls: None, system_objects: false, ..Options::default() }, &[]);
    live::generate(scale, &mut |object| kube.put(object));
    let token = kube.user("a");
    let client = Arc::new(Client::new(&kube, Some(&token)));
    run(async {
        let count = async |path: &str| client.get(path).await.json()["items"].as_array().unwrap().len();
        assert_eq!(count("/api/v1/pods").await, scale.pods());
        assert_eq!(count("/apis/apps/v1/replicasets").await, 6);
        assert_eq!(count(POLICIES).await, 6);
        assert_eq!(count("/api/v1/namespaces").await, 3);
        // Addresses are the pods' own.
        let pods = client.get("/api/v1/pods").await.json();
        let ips: BTreeSet<&str> =
            pods["items"].as_array().unwrap().iter().map(|p| p["status"]["podIP"].as_str().unwrap()).collect();
        assert_eq!(ips.len(), scale.pods());
    });
}
