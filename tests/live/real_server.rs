//! Against a real Kubernetes API server, whichever the environment names: `GKE_POSTURE_LIVE_KUBECONFIG` is the kubeconfig
//! of one of its administrators. The server is written to; use one that nobody misses.
//!
//! The example's objects are applied, and audited as an identity with exactly the role that `doctor` prints. The results
//! must be those of the same objects from files. Then the rights are taken away one by one: a gap each time, never a pass
//! that needs what was not read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::Room;
use gke_posture::check::{Registry, builtin_files};
use gke_posture::facts;
use gke_posture::inventory::Need;
use http_body_util::BodyExt;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

const VARIABLE: &str = "GKE_POSTURE_LIVE_KUBECONFIG";
const NAMESPACE: &str = "gke-posture-test";

struct Server {
    runtime: tokio::runtime::Runtime,
    client: kube::Client,
    kubeconfig: Kubeconfig,
}

impl Server {
    /// `None`, with a message, where no server is named.
    fn named() -> Option<Server> {
        let Some(path) = std::env::var_os(VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from) else {
            eprintln!("skipped: {VARIABLE} names no administrator's kubeconfig of a Kubernetes API server");
            return None;
        };
        gke_posture::collect::live::install_tls();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let kubeconfig = Kubeconfig::read_from(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let options = KubeConfigOptions::default();
        let config = runtime.block_on(kube::Config::from_custom_kubeconfig(kubeconfig.clone(), &options)).unwrap();
        let client = runtime.block_on(async { kube::Client::try_from(config) }).unwrap();
        Some(Server { runtime, client, kubeconfig })
    }

    /// The status and the answer of one request.
    fn ask(&self, method: &str, path: &str, content_type: &str, body: &Value) -> (u16, Value) {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
            .header("accept", "application/json")
            .body(kube::client::Body::from(if body.is_null() { Vec::new() } else { body.to_string().into_bytes() }))
            .unwrap();
        self.runtime.block_on(async {
            let answer = self.client.send(request).await.unwrap_or_else(|e| panic!("{method} {path}: {e}"));
            let status = answer.status().as_u16();
            let bytes = answer.into_body().collect().await.unwrap().to_bytes();
            (status, serde_json::from_slice(&bytes).unwrap_or_default())
        })
    }

    fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask("GET", path, "application/json", &Value::Null);
        assert_eq!(status, 200, "GET {path}: {answer}");
        answer
    }

    /// The versions in which the server has a resource, the preferred first; none where it has no such resource.
    fn versions(&self, group: &str, resource: &str) -> Vec<String> {
        if group.is_empty() {
            return vec!["v1".to_owned()];
        }
        let groups = self.get("/apis");
        let group = groups["groups"].as_array().unwrap().iter().find(|g| g["name"] == group);
        let versions = group.into_iter().flat_map(|g| g["versions"].as_array().unwrap());
        let with = versions.filter(|v| {
            let list = self.get(&format!("/apis/{}", v["groupVersion"].as_str().unwrap()));
            list["resources"].as_array().unwrap().iter().any(|r| r["name"] == resource)
        });
        with.map(|v| v["version"].as_str().unwrap().to_owned()).collect()
    }

    /// Server-side apply; until it is taken, for what takes a moment to be there (a namespace, a custom kind).
    fn apply(&self, object: &Value) {
        let path = format!("{}?fieldManager=gke-posture-test&force=true", path_of(object));
        until(&format!("apply {path}"), || {
            let (status, answer) = self.ask("PATCH", &path, "application/apply-patch+yaml", object);
            if (200..300).contains(&status) { Ok(()) } else { Err(answer.to_string()) }
        });
    }

    fn delete(&self, path: &str) {
        self.ask("DELETE", path, "application/json", &Value::Null);
    }

    /// A kubeconfig for a bearer token, on the same server.
    fn kubeconfig_for(&self, token: &str, path: &Path) {
        let context = self.kubeconfig.current_context.clone().unwrap();
        let context = self.kubeconfig.contexts.iter().find(|c| c.name == context).unwrap().context.clone().unwrap();
        let cluster = self.kubeconfig.clusters.iter().find(|c| c.name == context.cluster).unwrap();
        let text = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "auditor",
            "clusters": [{"name": "server", "cluster": cluster.cluster}],
            "users": [{"name": "auditor", "user": {"token": token}}],
            "contexts": [{"name": "auditor", "context": {"cluster": "server", "user": "auditor"}}],
        });
        std::fs::write(path, text.to_string()).unwrap();
    }
}

/// Repeats until it succeeds: a server takes a moment to know what it was told. It has failed when a minute was not enough.
#[track_caller]
fn until<T>(what: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(why) => assert!(start.elapsed() < Duration::from_secs(60), "{what}: {why}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The plural of a kind, as the API's paths have it.
fn plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    match kind {
        "NetworkPolicy" | "FQDNNetworkPolicy" => lower.replace("policy", "policies"),
        "Ingress" | "StorageClass" | "IngressClass" => format!("{lower}es"),
        "Endpoints" => lower,
        _ => format!("{lower}s"),
    }
}

fn is_cluster_scoped(kind: &str) -> bool {
    matches!(kind, "Namespace" | "CustomResourceDefinition" | "ClusterRole" | "ClusterRoleBinding" | "IngressClass")
}

fn path_of(object: &Value) -> String {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (version, kind, name) = (text("/apiVersion"), text("/kind"), text("/metadata/name"));
    let root = if version.contains('/') { "/apis" } else { "/api" };
    let namespace = match is_cluster_scoped(kind) {
        true => String::new(),
        false => format!(
            "/namespaces/{}",
            object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or("default")
        ),
    };
    format!("{root}/{version}{namespace}/{}/{name}", plural(kind))
}

/// A custom kind of which the server takes any object.
fn definition(group: &str, kind: &str, version: &str) -> Value {
    let names = plural(kind);
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("{names}.{group}"),
            // Groups of Kubernetes itself take the approval that their definitions carry.
            "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"},
        },
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": names, "singular": kind.to_lowercase()},
            "versions": [{"name": version, "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
        },
    })
}

/// The objects of the example, as a server of other addresses takes them.
fn example() -> Vec<Value> {
    let mut pending = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tomoda/k8s")];
    let mut files = Vec::new();
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { pending.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    let mut objects = Vec::new();
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "yaml")) {
        let text = std::fs::read_to_string(file).unwrap();
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for mut object in documents {
            // Addresses are the server's to give, status is the controllers' to write.
            if let Some(spec) = object.pointer_mut("/spec").and_then(Value::as_object_mut) {
                let headless = spec.get("clusterIP").and_then(Value::as_str) == Some("None");
                if !headless {
                    spec.remove("clusterIP");
                    spec.remove("clusterIPs");
                }
            }
            object.as_object_mut().map(|o| o.remove("status"));
            if object.get("kind").is_some() {
                objects.push(object);
            }
        }
    }
    objects.sort_by_key(|o| o["kind"] != "Namespace");
    objects
}

/// Everything that an audit may read, as `kubectl get -o json` prints it.
fn dump(server: &Server) -> Value {
    let registry = Registry::load(&builtin_files(), facts::vocabulary).unwrap();
    let needs = registry.needs(&gke_posture::config::Config::default());
    let mut items = Vec::new();
    let mut list = |group: &str, version: &str, resource: &str| {
        let path = match group {
            "" => format!("/api/{version}/{resource}"),
            group => format!("/apis/{group}/{version}/{resource}"),
        };
        let answer = server.get(&path);
        let kind = answer["kind"].as_str().unwrap().trim_end_matches("List").to_owned();
        for item in answer["items"].as_array().unwrap() {
            let mut item = item.clone();
            item["kind"] = json!(kind);
            item["apiVersion"] =
                json!(if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") });
            items.push(item);
        }
    };
    for right in needs.iter().flat_map(|n| n.rights()).filter(|r| r.verb == "list") {
        if let Some(version) = server.versions(right.group, right.resource).first() {
            list(right.group, version, right.resource);
        }
    }
    list("", "v1", "configmaps");
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// The results without where they were read.
fn results(report: &Value) -> Vec<Value> {
    let mut results = report["results"].as_array().unwrap().clone();
    for result in &mut results {
        for evidence in result["evidence"].as_array_mut().into_iter().flatten() {
            evidence.as_object_mut().map(|e| e.remove("source"));
        }
    }
    results
}

/// (check, subject) → verdict, of subjects in these namespaces.
fn verdicts(report: &Value, namespaces: &BTreeSet<String>) -> BTreeSet<String> {
    let own = |id: &str| {
        let first = id.strip_prefix("namespace/").unwrap_or(id).split('/').next().unwrap_or_default();
        namespaces.contains(first)
    };
    let all = report["results"].as_array().unwrap().iter();
    all.filter(|r| own(r["subject"]["id"].as_str().unwrap()))
        .map(|r| format!("{} {} {}", r["check"], r["subject"]["id"], r["verdict"]))
        .collect()
}

fn printed_role(room: &Room) -> Vec<Value> {
    let account = format!("{NAMESPACE}/auditor");
    let out = room.run(&["doctor", "--print", "cluster-role", "--service-account", &account]).status(0);
    serde_saphyr::from_multiple(&out.stdout).unwrap()
}

#[test]
fn a_real_server_with_the_printed_role() {
    let Some(server) = Server::named() else { return };
    let room = Room::new();

    server.apply(&definition("postgresql.cnpg.io", "Cluster", "v1"));
    server.apply(&definition("postgresql.cnpg.io", "Pooler", "v1"));
    server.apply(&definition("networking.gke.io", "FQDNNetworkPolicy", "v1alpha1"));
    let objects = example();
    let mut namespaces: BTreeSet<String> =
        objects.iter().filter_map(|o| o.pointer("/metadata/namespace")?.as_str().map(str::to_owned)).collect();
    for name in namespaces.iter().map(String::as_str).chain([NAMESPACE]) {
        server.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
    }
    objects.iter().for_each(|o| server.apply(o));
    // What is in it on a server of its own depends on the server.
    namespaces.remove("kube-system");

    // An identity with exactly the role that is printed.
    server.apply(
        &json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "auditor", "namespace": NAMESPACE}}),
    );
    let role = printed_role(&room);
    role.iter().for_each(|o| server.apply(o));
    let request =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}});
    let token = until("a token", || {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/serviceaccounts/auditor/token");
        let (_, answer) = server.ask("POST", &path, "application/json", &request);
        answer.pointer("/status/token").and_then(Value::as_str).map(str::to_owned).ok_or_else(|| answer.to_string())
    });
    server.kubeconfig_for(&token, &room.path("auditor.kubeconfig"));
    let doctor = ["doctor", "--kubeconfig", "auditor.kubeconfig"];
    until("the role is in force", || {
        let out = room.run(&doctor);
        if out.status == 0 { Ok(()) } else { Err(out.all()) }
    });

    // The same results as of the same objects from files.
    let live = ["audit", "--kubeconfig", "auditor.kubeconfig", "--format", "json", "--fail-on", "none"];
    let report = room.run(&live).json();
    assert_eq!(report["gaps"].as_array().map_or(0, Vec::len), 0, "{}", report["gaps"]);
    room.write("dump.json", dump(&server).to_string());
    let files = ["audit", "dump.json", "--complete", "--format", "json", "--fail-on", "none"];
    let expected = room.run(&files).json();
    let (got, want) = (results(&report), results(&expected));
    for (a, b) in got.iter().zip(&want) {
        assert_eq!(a, b);
    }
    assert_eq!(got.len(), want.len());
    assert!(got.len() > 100, "{} results", got.len());

    // The verdicts on what was applied are those of the example's own files.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tomoda/k8s").display().to_string();
    let own = room.run(&["audit", &folder, "--complete", "--format", "json", "--fail-on", "none"]).json();
    assert_eq!(verdicts(&report, &namespaces), verdicts(&own, &namespaces));

    // A snapshot gives the same.
    room.run(&["snapshot", "--kubeconfig", "auditor.kubeconfig", "-o", "evidence.snapshot"]).status(0);
    let again = room.run(&["audit", "evidence.snapshot", "--format", "json", "--fail-on", "none"]).status(0).json();
    assert_eq!(results(&again), got);

    without_each_right(&server, &room, &role[0], &live);

    for object in &role {
        server.delete(&path_of(object));
    }
}

/// Takes away one right after the other.
fn without_each_right(server: &Server, room: &Room, role: &Value, live: &[&str]) {
    let registry = Registry::load(&builtin_files(), facts::vocabulary).unwrap();
    for need in Need::ALL {
        for right in need.rights() {
            let rules = role["rules"].as_array().unwrap();
            let has = |rule: &Value, key: &str, what: &str| rule[key].as_array().unwrap().iter().any(|v| v == what);
            let Some(at) = rules.iter().position(|r| {
                has(r, "apiGroups", right.group) && has(r, "resources", right.resource) && has(r, "verbs", right.verb)
            }) else {
                // No enabled check needs it, so that the role does not have it.
                assert!(registry.checks_needing(need).is_empty(), "{right} is not in the printed role");
                continue;
            };
            // A kind that the server does not have takes no right.
            let there = !server.versions(right.group, right.resource).is_empty();
            let mut less = role.clone();
            less["rules"][at]["resources"].as_array_mut().unwrap().retain(|r| r != right.resource);
            less["rules"].as_array_mut().unwrap().retain(|r| r["resources"] != json!([]));
            server.apply(&less);
            until(&format!("{right} is gone"), || {
                let out = room.run(&["doctor", "--kubeconfig", "auditor.kubeconfig"]);
                let gone = out.status == 3 && out.stdout.contains("NO ");
                if gone || !there { Ok(()) } else { Err(out.all()) }
            });
            let out = room.run(live);
            let report = out.json();
            let gaps = report["gaps"].as_array().unwrap();
            if there {
                assert_eq!(gaps.len(), 1, "without {right}: {gaps:?}");
                let text = gaps[0].to_string();
                assert!(text.contains(right.resource) && text.contains("403"), "without {right}: {text}");
                assert_eq!(out.status, 3, "without {right}: {}", out.stderr);
                assert_eq!(report["outcome"], "incomplete");
                // ConfigMaps are read one by one, so that only what depends on one of them is unknown.
                let costs: Vec<&str> = if need == Need::ConfigMaps { vec![] } else { registry.checks_needing(need) };
                for r in report["results"].as_array().unwrap() {
                    let passes = r["verdict"] == "pass" && costs.iter().any(|c| r["check"] == *c);
                    assert!(!passes, "without {right}, {} passes for {}", r["check"], r["subject"]["id"]);
                }
            } else {
                assert_eq!((gaps.len(), out.status), (0, 0), "without {right}: {gaps:?}");
            }
            server.apply(role);
            until(&format!("{right} is back"), || {
                let out = room.run(&["doctor", "--kubeconfig", "auditor.kubeconfig"]);
                if out.status == 0 { Ok(()) } else { Err(out.all()) }
            });
        }
    }
}
