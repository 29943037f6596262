//! What the API server says: discovery, lists, pages, objects.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, ListParams};
use serde_json::{Value, json};

use super::{CNPG, Client, POLICIES, bare, config_maps, kube_client, names, run};
use crate::servers::data::manifests;
use crate::servers::live::{self, Scale};
use crate::servers::{Crd, FakeKube, Options, data};

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
        let down = client.get("/apis/metrics.k8s.io/v1beta1").await;
        assert_eq!((down.status, down.text()), (503, "service unavailable\n"));
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
        let secret = client.get("/api/v1/namespaces/prod/secrets/s").await;
        assert!(secret.text().starts_with("{\"kind\":\"Secret\",\"apiVersion\":\"v1\",\"metadata\":{"));
        let secret = secret.json();
        assert_eq!((&secret["data"]["p"], secret.get("stringData")), (&json!("eA=="), None));
        // What is empty is not there any more; what has no fields is.
        let empty = manifests(
            "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: empty}, spec: {podSelector: {}, ingress: []}}",
        );
        kube.put(empty.unwrap().remove(0));
        let policy = client.get("/apis/networking.k8s.io/v1/namespaces/default/networkpolicies/empty").await.json();
        assert_eq!(policy["spec"], json!({"podSelector": {}, "policyTypes": ["Ingress"]}));
        let env = "{apiVersion: v1, kind: Pod, metadata: {name: empty}, spec: {nodeName: node-0, containers: [{name: c, env: [{name: A, value: ''}]}]}}";
        kube.put(manifests(env).unwrap().remove(0));
        let pod = client.get("/api/v1/namespaces/default/pods/empty").await.json();
        assert_eq!(pod["spec"]["containers"][0]["env"], json!([{"name": "A"}]));
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

#[test]
fn a_generated_cluster_is_as_large_as_it_says() {
    let scale = Scale { namespaces: 3, deployments: 2, replicas: 4, policies: 2 };
    let kube = FakeKube::with(Options { tls: None, system_objects: false, ..Options::default() }, &[]);
    live::generate(scale, &mut |object| kube.put(object));
    let token = kube.user("a");
    let client = Client::new(&kube, Some(&token));
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
