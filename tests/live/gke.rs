//! A GKE cluster, from its name to the audit: every way to name it, to reach it and to prove who asks; and what of it
//! lasts in a snapshot.
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use gke_posture::inventory::Need;
use serde_json::{Value, json};

use crate::servers::data::{self, Endpoint};
use crate::servers::kubeconfig::{self, Identity};
use crate::servers::ports::Closed;
use crate::servers::{Effect, FakeKube, Fault, Gzip, Options, live};
use crate::support::Out;
use crate::world::{CLUSTER, Login, PROJECT, WHO, World, results};

const JSON: [&str; 2] = ["--format", "json"];

fn audit<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&["audit"], args, &JSON].concat()
}

/// Everything was read.
#[track_caller]
fn complete(out: Out) -> Value {
    let out = out.status(1);
    let report = out.json();
    assert_eq!((&report["gaps"], &report["outcome"]), (&json!([]), &json!("findings")), "{}", out.stderr);
    assert!(results(&report).len() > 140, "{}", results(&report).len());
    report
}

/// The notes and the source of the evidence, which say how it was reached.
fn evidence(report: &Value) -> String {
    report["evidence"].to_string()
}

#[test]
fn a_cluster_has_many_names() {
    let w = World::new();
    let full = complete(w.run(Login::Token, &audit(&[CLUSTER])));
    let context = "gke_development-485000_asia-east1-a_gke-tomoda";
    let by_context = complete(w.run(Login::Token, &audit(&[context])));
    assert_eq!(results(&by_context), results(&full));
    let options = ["--project", PROJECT, "--location", "asia-east1-a", "--cluster", "gke-tomoda"];
    let by_options = complete(w.run(Login::Token, &audit(&options)));
    assert_eq!(results(&by_options), results(&full));
    for report in [&full, &by_context, &by_options] {
        assert_eq!(report["target"]["name"], "gke-tomoda");
        assert_eq!(report["target"]["project"], PROJECT);
    }
    w.assert_only_reads(false);
}

#[test]
fn without_a_name_it_is_the_current_context() {
    let w = World::new();
    let kube = w.google.tokens().issue(WHO);
    std::fs::create_dir_all(w.room.path("home/.kube")).unwrap();
    let file = w.room.path("home/.kube/config");
    // By its name it is a GKE cluster, so that its configuration is read too.
    kubeconfig::write(&file, &w.kube, "gke_development-485000_asia-east1-a_gke-tomoda", &kube);
    let gke = complete(w.run(Login::Token, &["audit", "--format", "json"]));
    assert_eq!(gke["target"]["name"], "gke-tomoda");
    assert_eq!(w.google.record().count(&format!("/v1/{CLUSTER}")), 1);
    // By any other name Kubernetes alone is read, and the checks of the configuration are unknown, not passed.
    w.google.record().clear();
    kubeconfig::write(&file, &w.kube, "somewhere", &kube);
    let out = w.run(Login::Nobody, &["audit", "--format", "json"]);
    let report = out.json();
    assert_eq!(report["gaps"], json!([]), "{}", out.stderr);
    assert_eq!(w.google.record().entries().len(), 0);
    let cluster = |r: &&Value| r["subject"]["kind"] == "cluster" && r["verdict"] == "pass";
    assert_eq!(report["results"].as_array().unwrap().iter().filter(cluster).count(), 0);
}

#[test]
fn each_endpoint_is_reached_as_it_takes() {
    let path = "/v1/projects/100000000001/locations/global/gkeMemberships/tomoda";
    for (endpoint, word) in [
        ("public", "public endpoint"),
        ("private", "private endpoint"),
        ("dns", "DNS endpoint"),
        ("gateway", "Connect Gateway"),
    ] {
        let gateway = endpoint == "gateway";
        let options = match gateway {
            true => Options { tls: None, prefix: path.to_owned(), ..Options::default() },
            false => Options::default(),
        };
        let w = World::with(options, &crate::world::objects());
        let kind = match endpoint {
            "private" => Endpoint::Private,
            "dns" => Endpoint::Dns,
            _ => Endpoint::Public,
        };
        let mut cluster = data::served_by(data::example_cluster(), &w.kube, kind);
        cluster["fleet"]["membership"] =
            json!("//gkehub.googleapis.com/projects/100000000001/locations/global/memberships/tomoda");
        w.google.cluster(CLUSTER, cluster);
        let mut command = w.command(Login::Token, &audit(&[CLUSTER, "--endpoint", endpoint]));
        w.room.write("ca.pem", &w.kube.authority_pem);
        if endpoint == "dns" {
            command.env("SSL_CERT_FILE", w.room.path("ca.pem"));
        }
        command.env("CLOUDSDK_API_ENDPOINT_OVERRIDES_CONNECTGATEWAY", w.kube.url().replace(path, ""));
        let out = crate::support::output(command, None);
        let report = out.json();
        assert_eq!(report["gaps"], json!([]), "{endpoint}: {}", out.stderr);
        assert!(evidence(&report).contains(word), "{endpoint}: {}", evidence(&report));
        w.assert_only_reads(false);
    }
}

#[test]
fn a_dead_address_is_passed_over_and_said() {
    let w = World::new();
    let closed = Closed::new();
    let mut cluster = data::served_by(data::example_cluster(), &w.kube, Endpoint::Private);
    cluster["controlPlaneEndpointsConfig"]["ipEndpointsConfig"]["enablePublicEndpoint"] = json!(true);
    cluster["controlPlaneEndpointsConfig"]["ipEndpointsConfig"]["publicEndpoint"] = json!(closed.address.to_string());
    w.google.cluster(CLUSTER, cluster);
    let out = w.run(Login::Token, &audit(&[CLUSTER]));
    let report = out.json();
    assert_eq!(report["gaps"], json!([]), "{}", out.stderr);
    let said = evidence(&report);
    assert!(said.contains("the private endpoint was used") && said.contains(&closed.address.to_string()), "{said}");
    // Alone it is a gap that says what it takes.
    let out = w.run(Login::Token, &audit(&[CLUSTER, "--endpoint", "public"]));
    let report = out.json();
    assert!(report["gaps"].to_string().contains("authorized networks"), "{}", report["gaps"]);
    assert_eq!(report["outcome"], "findings-incomplete", "{}", out.stderr);
}

#[test]
fn each_source_of_credentials_is_taken() {
    let first = {
        let w = World::new();
        results(&complete(w.run(Login::Token, &audit(&[CLUSTER]))))
    };
    for login in [Login::TokenFile, Login::Key, Login::User, Login::Metadata] {
        let w = World::new();
        assert_eq!(results(&complete(w.run(login, &audit(&[CLUSTER])))), first, "{login:?}");
        let users: Vec<Option<String>> = w.kube.record().entries().into_iter().map(|e| e.user).collect();
        assert!(users.iter().all(|u| u.as_deref() == Some(WHO)), "{login:?}: {users:?}");
    }
    // Terraform's variable, and the file of `gcloud auth application-default login` where it lies.
    let w = World::new();
    let mut command = w.command(Login::Nobody, &audit(&[CLUSTER]));
    command.env("GOOGLE_OAUTH_ACCESS_TOKEN", w.google.tokens().issue(WHO));
    complete(crate::support::output(command, None));
    w.room.write("home/.config/gcloud/application_default_credentials.json", w.google.authorized_user(WHO).to_string());
    complete(w.run(Login::Nobody, &audit(&[CLUSTER])));
    // Workload identity federation, and impersonation by a credentials file.
    let federated = w.google.external_account(WHO, "subject", &w.room.path("subject"));
    let person = w.google.authorized_user("person@example.com");
    w.google.may_impersonate("person@example.com", WHO);
    for credentials in [federated, w.google.impersonated(&person, WHO)] {
        w.room.write("other.json", credentials.to_string());
        let mut command = w.command(Login::Nobody, &audit(&[CLUSTER]));
        command.env("GOOGLE_APPLICATION_CREDENTIALS", w.room.path("other.json"));
        complete(crate::support::output(command, None));
    }
    w.assert_only_reads(false);
}

#[test]
fn without_credentials_it_says_what_was_tried() {
    let w = World::new();
    let out = w.run(Login::Nobody, &audit(&[CLUSTER])).status(4);
    let report = out.json();
    assert_eq!(report["outcome"], "no-result");
    let gaps = report["gaps"].to_string();
    for tried in [
        "CLOUDSDK_AUTH_ACCESS_TOKEN",
        "GOOGLE_OAUTH_ACCESS_TOKEN",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "application_default_credentials.json",
        "metadata server",
        "gcloud auth application-default login",
    ] {
        assert!(gaps.contains(tried), "{tried}: {gaps}");
    }
    assert_eq!(w.google.record().entries().len() + w.kube.record().entries().len(), 0);
}

#[test]
fn a_token_that_expires_on_the_way_is_replaced() {
    for login in [Login::Key, Login::User, Login::Metadata] {
        let w = World::new();
        // Good for a few requests: the lists alone take more.
        w.google.tokens().set_uses(9);
        complete(w.run(login, &audit(&[CLUSTER])));
        assert!(w.kube.record().entries().iter().any(|e| e.status == Some(401)), "{login:?}: none expired");
    }
}

#[test]
fn a_cluster_that_does_not_run_is_said_to_be_so() {
    let w = World::new();
    let mut cluster = data::served_by(data::example_cluster(), &w.kube, Endpoint::Public);
    cluster["status"] = json!("RECONCILING");
    w.google.cluster(CLUSTER, cluster);
    let report = w.run(Login::Token, &audit(&[CLUSTER])).json();
    assert!(evidence(&report).contains("RECONCILING, not RUNNING"), "{}", evidence(&report));
}

#[test]
fn a_snapshot_gives_what_the_cluster_gave() {
    let w = World::new();
    let direct = complete(w.run(Login::Token, &audit(&[CLUSTER])));
    let made = w.run(Login::Token, &["snapshot", CLUSTER, "-o", "evidence.snapshot"]).status(0);
    let again = complete(w.run(Login::Nobody, &audit(&["evidence.snapshot"])));
    assert_eq!(results(&again), results(&direct));
    // Its digest pins it.
    let text = made.all();
    let digest = text.split_whitespace().find(|t| t.starts_with("sha256:")).expect("a digest is printed");
    let digest = digest.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
    complete(w.run(Login::Nobody, &audit(&["evidence.snapshot", "--expect-digest", digest])));
    let other = format!("sha256:{}", "0".repeat(64));
    w.run(Login::Nobody, &audit(&["evidence.snapshot", "--expect-digest", &other])).status(2).warns(digest);
    // Whatever is not it is refused.
    let bytes = w.room.read("evidence.snapshot");
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
    let packed = |text: &[u8]| {
        let mut packer = flate2::read::GzEncoder::new(text, flate2::Compression::fast());
        let mut out = Vec::new();
        packer.read_to_end(&mut out).unwrap();
        out
    };
    let text = String::from_utf8(plain.clone()).unwrap();
    let newer = text.replacen("\"gkePostureSnapshot\":1,", "\"gkePostureSnapshot\":999,", 1);
    assert_ne!(newer, text);
    let mut flipped = bytes.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    for (what, bytes) in [
        ("truncated", bytes[..bytes.len() / 2].to_vec()),
        ("without its last byte", bytes[..bytes.len() - 1].to_vec()),
        ("damaged", flipped),
        ("of a future version", packed(newer.as_bytes())),
        ("half of its text", packed(&plain[..plain.len() / 2])),
    ] {
        w.room.write("wrong.snapshot", bytes);
        let out = w.run(Login::Nobody, &audit(&["wrong.snapshot"]));
        assert_eq!(out.status, 2, "{what}: {}", out.stdout);
        assert!(out.stderr.contains("wrong.snapshot") && out.stdout.is_empty(), "{what}: {}", out.all());
    }
}

/// (check, subject, verdict) of all results.
fn verdicts(report: &Value) -> Vec<[String; 3]> {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let all = report["results"].as_array().unwrap().iter();
    all.map(|r| [text(&r["check"]), text(&r["subject"]["id"]), text(&r["verdict"])]).collect()
}

#[test]
fn live_and_files_agree() {
    let w = World::with(Options { system_objects: false, ..Options::default() }, &live::with_pods(data::example()));
    // What the API server's address is, the files say as the server does.
    let cluster = data::served_by(data::example_cluster(), &w.kube, Endpoint::Public);
    w.room.write("cluster.json", cluster.to_string());
    let found = complete(w.run(Login::Token, &audit(&[CLUSTER])));
    let k8s = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tomoda/k8s").display().to_string();
    w.room.write("upgrades.json", r#"{"endOfStandardSupportTimestamp": "2099-06-12"}"#);
    let files = w.run(Login::Nobody, &audit(&[&k8s, "cluster.json", "upgrades.json", "--complete"])).json();
    assert_eq!(verdicts(&found), verdicts(&files));
}

/// A ReplicaSet whose template nothing else has.
fn lone_set(name: &str, owner: Option<&str>) -> Value {
    let owners: Vec<Value> = owner
        .map(|name| json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": name, "uid": "1", "controller": true}))
        .into_iter()
        .collect();
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": "prod", "labels": {"app": name}, "ownerReferences": owners},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "c", "image": "registry.example.com/c:1", "ports": [{"containerPort": 8080}]}]},
        }},
    })
}

#[test]
fn replica_sets_are_read_whole_only_where_nothing_else_has_their_template() {
    let asked = |w: &World| -> Vec<bool> {
        let all = w.kube.record().matching("/apis/apps/v1/replicasets");
        all.iter().map(|e| e.header("accept").unwrap().contains("as=PartialObjectMetadataList")).collect()
    };
    let w = World::new();
    complete(w.run(Login::Token, &audit(&[CLUSTER])));
    assert_eq!(asked(&w), [true]);

    let sets = [lone_set("alone", None), lone_set("rollout-5b8", Some("rollout"))];
    let objects = [live::with_pods(data::example()), sets.to_vec()].concat();
    let w = World::with(Options { system_objects: false, ..Options::default() }, &objects);
    let found = complete(w.run(Login::Token, &audit(&[CLUSTER])));
    assert_eq!(asked(&w), [true, false]);
    // Read as the files say them.
    let cluster = data::served_by(data::example_cluster(), &w.kube, Endpoint::Public);
    w.room.write("cluster.json", cluster.to_string());
    for (i, set) in sets.iter().enumerate() {
        w.room.write(&format!("set-{i}.json"), set.to_string());
    }
    w.room.write("upgrades.json", r#"{"endOfStandardSupportTimestamp": "2099-06-12"}"#);
    let k8s = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tomoda/k8s").display().to_string();
    let given = audit(&[&k8s, "cluster.json", "upgrades.json", "set-0.json", "set-1.json", "--complete"]);
    let files = w.run(Login::Nobody, &given).json();
    assert_eq!(verdicts(&found), verdicts(&files));
    for id in ["prod/ReplicaSet/alone", "prod/Rollout/rollout"] {
        assert!(verdicts(&found).iter().any(|v| v[1] == id), "{id}");
    }
}

#[test]
fn a_list_of_several_faults_is_named_by_the_first() {
    let service = |n: usize| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": format!("s-{n:03}"), "namespace": "prod"},
            "spec": {"clusterIP": "None", "type": if n == 0 { "Nonsense" } else { "ClusterIP" }}})
    };
    let objects = [live::with_pods(data::example()), (0..600).map(service).collect()].concat();
    let w = World::with(Options::default(), &objects);
    w.kube.faults().add(Fault::on("/api/v1/services?*continue=*", Effect::status(403)));
    let report = w.run(Login::Token, &audit(&[CLUSTER])).status(1).json();
    let [gap] = &report["gaps"].as_array().unwrap()[..] else { panic!("{}", report["gaps"]) };
    // The second page is refused while the first one is read, or after that.
    assert!(gap.to_string().contains("Nonsense"), "{gap}");
    assert!(w.kube.record().count("/api/v1/services?*continue=*") > 0);
}

#[test]
fn what_is_no_json_is_a_fault_also_where_nobody_reads_it() {
    let list = r#"{"kind":"NamespaceList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[
        {"metadata":{"name":"prod","managedFields":[{"a" 1}]}}]}"#;
    for gzip in [Gzip::Large, Gzip::Always] {
        let w = World::with(Options { gzip, ..Options::default() }, &live::with_pods(data::example()));
        w.kube.faults().add(Fault::on("/api/v1/namespaces", Effect::body(200, "application/json", list)));
        let report = w.run(Login::Token, &audit(&[CLUSTER])).json();
        let [gap] = &report["gaps"].as_array().unwrap()[..] else { panic!("{}", report["gaps"]) };
        assert_eq!(gap["id"], "namespaces");
        assert!(gap["why"].as_str().unwrap().contains("line 2 column"), "{gap}");
    }
}

/// Starts a run that hangs at a list, sends a signal, and gives what it left.
fn interrupted(signal: &str, args: &[&str]) -> (World, Option<i32>, String) {
    let w = World::new();
    w.kube.faults().add(Fault::on("/api/v1/pods", Effect::Hang));
    let mut child = w.command(Login::Token, args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while w.kube.record().count("/api/v1/pods") == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let sent = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let status = child.wait().unwrap().code();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (w, status, said)
}

#[test]
fn an_interrupt_ends_it_and_leaves_nothing() {
    for (signal, status) in [("-INT", 130), ("-TERM", 143)] {
        for (args, file) in [
            (vec!["snapshot", CLUSTER, "-o", "left"], "left"),
            (vec!["audit", CLUSTER, "-o", "left.json"], "left.json"),
        ] {
            let (w, ended, said) = interrupted(signal, &args);
            assert_eq!(ended, Some(status), "{signal}: {said}");
            assert!(said.contains("interrupted") && said.contains("nothing was written"), "{said}");
            let left = |n: std::io::Result<std::fs::DirEntry>| n.unwrap().file_name().to_string_lossy().into_owned();
            let names: Vec<String> = std::fs::read_dir(w.room.path("")).unwrap().map(left).collect();
            assert!(!names.iter().any(|n| n.contains("left")), "{file}: {names:?}");
        }
    }
}

#[test]
fn an_interrupt_ends_it_also_when_everything_has_been_read() {
    for (signal, status) in [("-INT", 130), ("-TERM", 143)] {
        let w = World::new();
        let mut command = w.command(Login::Token, &audit(&[CLUSTER]));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The report is larger than a pipe: with nobody who reads on, it is being printed for ever.
        let mut printed = child.stdout.take().unwrap();
        printed.read_exact(&mut [0]).unwrap();
        let sent = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let ended = (0..600).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            child.try_wait().unwrap()
        });
        let Some(ended) = ended else {
            child.kill().unwrap();
            panic!("{signal} was ignored");
        };
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(ended.code(), Some(status), "{said}");
        assert!(said.contains("interrupted"), "{said}");
    }
}

#[test]
fn doctor_names_what_is_missing_and_what_it_costs() {
    let w = World::new();
    w.run(Login::Key, &["doctor", CLUSTER]).status(0).says("Everything that the enabled checks need can be read");
    w.kube.deny("*", "list", "networking.k8s.io", "networkpolicies");
    w.kube.deny("*", "get", "", "configmaps");
    let out = w.run(Login::Key, &["doctor", CLUSTER]).status(3);
    let line = |what: &str| out.stdout.lines().find(|l| l.contains(what)).unwrap_or_default().to_owned();
    assert!(line("list networkpolicies.networking.k8s.io").starts_with("NO"), "{}", out.stdout);
    assert!(line("get configmaps").starts_with("NO"), "{}", out.stdout);
    assert!(line("list pods").starts_with("yes"), "{}", out.stdout);
    for said in [WHO, "workload-ingress-isolated", "database-client-tls-mode", "doctor --print cluster-role"] {
        assert!(out.stdout.contains(said), "{said}: {}", out.stdout);
    }
    // It asks questions about itself and writes nothing.
    w.kube.record().assert_only_reads();
    w.google.record().assert_only_reads();
    assert!(w.kube.record().count("*/selfsubjectaccessreviews") > 10);
    assert_eq!(w.kube.record().matching("/api/v1/*").len(), 0, "objects were read");
    // The role needs nobody.
    let alone = World::new();
    let mut command = alone.command(Login::Nobody, &["doctor", "--print", "cluster-role", "--user", WHO]);
    command.env_remove("HOME");
    crate::support::output(command, None).status(0).says("kind: ClusterRoleBinding").says(WHO);
    assert_eq!(alone.google.record().entries().len() + alone.kube.record().entries().len(), 0);
}

/// The checks that `doctor` says are unknown, and its exit status.
fn costs_by_doctor(w: &World, login: Login) -> (BTreeSet<String>, i32) {
    let out = w.run(login, &["doctor", CLUSTER]);
    let list = out.stdout.split_once("checks are unknown:").map_or("", |(_, rest)| rest);
    let list = list.split("\n\n").next().unwrap_or_default();
    let ids = list.split([',', ' ', '\n']).filter(|id| !id.is_empty()).map(str::to_owned).collect();
    (ids, out.status)
}

/// The checks with a result that is unknown because of a gap, and those that were decided for some subject.
fn costs_by_audit(report: &serde_json::Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let results = report["results"].as_array().unwrap();
    let id = |r: &serde_json::Value| r["check"].as_str().unwrap().to_owned();
    let is_gap = |r: &&serde_json::Value| {
        r["verdict"] == "unknown" && r["reasons"].as_array().unwrap().iter().any(|reason| reason["cause"] == "gap")
    };
    let decided = |r: &&serde_json::Value| r["verdict"] == "pass" || r["verdict"] == "fail";
    (results.iter().filter(is_gap).map(id).collect(), results.iter().filter(decided).map(id).collect())
}

#[test]
fn doctor_and_the_gaps_of_an_audit_agree_for_every_right_that_is_taken_away() {
    let compare = |what: &str, w: &World, login: fn() -> Login, one_by_one: bool| {
        let (doctor, status) = costs_by_doctor(w, login());
        let report = w.run(login(), &audit(&[CLUSTER])).json();
        let gaps = report["gaps"].as_array().unwrap();
        let (lost, decided) = costs_by_audit(&report);
        assert_eq!(status == 0, gaps.is_empty(), "{what}: {gaps:?}");
        let unforeseen: Vec<_> = lost.difference(&doctor).collect();
        assert!(unforeseen.is_empty(), "{what}: unknown, and doctor does not say so: {unforeseen:?}");
        // ConfigMaps are read one by one: a subject that refers to none is decided.
        let decided: Vec<_> = doctor.intersection(&decided).collect();
        assert!(one_by_one || decided.is_empty(), "{what}: decided, though doctor says unknown: {decided:?}");
    };
    for need in Need::ALL {
        for right in need.rights() {
            let w = World::new();
            w.kube.deny("*", right.verb, right.group, right.resource);
            compare(&right.to_string(), &w, || Login::Key, need == Need::ConfigMaps);
        }
    }
    let w = World::new();
    w.google.deny("container.clusters.get", "*");
    compare("container.clusters.get", &w, || Login::Key, false);
    compare("no credentials of Google", &World::new(), || Login::Nobody, false);
}

#[test]
fn only_what_the_enabled_checks_need_is_asked_for() {
    let w = World::new();
    let all = w.run(Login::Token, &audit(&[CLUSTER])).json();
    assert!(w.kube.record().count("/apis/networking.k8s.io/v1/networkpolicies") == 1);
    w.kube.record().clear();
    // All checks off but one of the cluster's configuration, and then one of namespaces.
    let ids: Vec<&str> = all["checks"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
    let off = |kept: &str| {
        let off: Vec<String> =
            ids.iter().filter(|id| **id != kept).map(|id| format!("  {id}: {{ enabled: false }}\n")).collect();
        format!("checks:\n{}", off.concat())
    };
    w.room.write("gke-posture.yaml", off("cluster-network-policy-enforced"));
    w.run(Login::Token, &audit(&[CLUSTER]));
    assert_eq!(w.kube.record().paths(), Vec::<String>::new());
    w.room.write("gke-posture.yaml", off("workload-host-network"));
    w.run(Login::Token, &audit(&[CLUSTER]));
    for unasked in ["*/networkpolicies", "*/endpointslices", "*/configmaps/*", "*/clusters", "*/poolers"] {
        assert_eq!(w.kube.record().count(unasked), 0, "{unasked}");
    }
    assert_eq!(w.kube.record().count("/api/v1/pods"), 1);
}

#[test]
fn reach_and_snapshot_only_read() {
    let w = World::new();
    w.run(Login::Token, &["reach", CLUSTER, "--format", "json"]);
    w.run(Login::Token, &["snapshot", CLUSTER, "-o", "s"]).status(0);
    w.run(Login::Token, &["audit", "--project", PROJECT, "--format", "json"]);
    w.assert_only_reads(false);
    assert!(!w.kube.record().entries().is_empty());
}

#[test]
fn answers_may_be_compressed_or_not() {
    let found: Vec<Value> = [Gzip::Never, Gzip::Large, Gzip::Always]
        .into_iter()
        .map(|gzip| {
            let w = World::with(Options { gzip, ..Options::default() }, &live::with_pods(data::example()));
            let found = complete(w.run(Login::Token, &audit(&[CLUSTER])));
            let all = w.kube.record().entries();
            assert!(all.iter().all(|e| e.header("accept-encoding") == Some("gzip")), "{gzip:?}");
            found["results"].clone()
        })
        .collect();
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0], found[2]);
    // A kubeconfig may do without.
    let w = World::new();
    let token = w.google.tokens().issue(WHO);
    let mut kubeconfig = kubeconfig::kubeconfig(&w.kube, "some", &Identity::Token(token));
    kubeconfig["clusters"][0]["cluster"]["disable-compression"] = json!(true);
    w.room.write("kubeconfig", kubeconfig.to_string());
    let out = w.run(Login::Nobody, &audit(&["--kubeconfig", "kubeconfig"]));
    assert_eq!(out.json()["gaps"], json!([]), "{}", out.stderr);
    assert!(w.kube.record().entries().iter().all(|e| e.header("accept-encoding").is_none()));
}

#[test]
fn a_kubeconfig_may_run_a_plugin() {
    let w = World::new();
    let kube: &FakeKube = &w.kube;
    let token = w.google.tokens().issue(WHO);
    w.room.write("plugin", format!(
        "#!/bin/sh\necho '{{\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"{token}\"}}}}'\n"
    ));
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(w.room.path("plugin"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let exec = Identity::Exec { command: w.room.path("plugin").display().to_string(), args: vec![] };
    w.room.write("kubeconfig", kubeconfig::kubeconfig(kube, "some", &exec).to_string());
    let out = w.run(Login::Nobody, &audit(&["--kubeconfig", "kubeconfig"]));
    assert_eq!(out.json()["gaps"], json!([]), "{}", out.stderr);
}

#[test]
fn a_policy_that_is_not_understood_makes_reach_unknown_in_its_namespace() {
    let w = World::new();
    let before = complete(w.run(Login::Token, &audit(&[CLUSTER])));
    w.kube.faults().add(Fault::on(
        "/apis/networking.k8s.io/v1/networkpolicies",
        Effect::edit(|list| {
            for policy in list["items"].as_array_mut().unwrap() {
                if policy["metadata"]["name"] == "tomoda-api-policy" && policy["metadata"]["namespace"] == "prod" {
                    policy["spec"]["ingress"] = json!("all");
                }
            }
        }),
    ));
    let after = w.run(Login::Token, &audit(&[CLUSTER])).json();
    let verdict = |report: &Value, check: &str, id: &str| {
        let of = |r: &&Value| r["check"] == check && r["subject"]["id"] == id;
        results(report).iter().find(of).unwrap_or_else(|| panic!("no {check} of {id}"))["verdict"].clone()
    };
    let check = "workload-ingress-isolated";
    for (id, then) in [("prod/Deployment/tomoda-api", "unknown"), ("tomoda/Deployment/tomoda-api", "pass")] {
        assert_eq!(verdict(&before, check, id), "pass", "{id}");
        assert_eq!(verdict(&after, check, id), then, "{id}");
    }
    let check = "workload-reachable-from-every-namespace";
    for id in ["prod/Deployment/tomoda-api", "prod/Deployment/frontend"] {
        assert_ne!(verdict(&before, check, id), "unknown", "{id}");
        assert_eq!(verdict(&after, check, id), "unknown", "{id}");
    }
    assert!(evidence(&after).contains("tomoda-api-policy"), "{}", evidence(&after));
}
