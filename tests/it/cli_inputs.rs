//! What an input may be: kinds, lists, encodings, folders, standard input, and what pods become.

use crate::support::{CALICO, Out, Room, deployment, policy, verdicts};
use serde_json::{Value, json};

/// Ids of the workloads that the input holds, with their number of pods.
#[track_caller]
fn workloads(out: &Out) -> Vec<(String, Option<u64>)> {
    assert_eq!(out.status, 0, "{out:?}");
    out.json()["peers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| p["kind"] == "workload")
        .map(|p| (p["id"].as_str().unwrap().to_owned(), p["pods"].as_u64()))
        .collect()
}

#[track_caller]
fn ids(text: &str) -> Vec<String> {
    workloads(&Room::with(text).sh("reach in.yaml --format json")).into_iter().map(|(id, _)| id).collect()
}

fn evidence(room: &Room, inputs: &str) -> Value {
    room.sh(&format!("audit {inputs} --format json")).json()["evidence"].clone()
}

const TEMPLATE: &str = "{ metadata: { labels: { app: a } }, spec: { containers: [{ name: c, image: i }] } }";

#[test]
fn every_workload_kind_is_a_workload() {
    let kinds = [
        ("apps/v1", "Deployment", format!("replicas: 2, template: {TEMPLATE}"), Some(2)),
        ("apps/v1", "ReplicaSet", format!("template: {TEMPLATE}"), Some(1)),
        ("apps/v1", "StatefulSet", format!("replicas: 3, template: {TEMPLATE}"), Some(3)),
        ("apps/v1", "DaemonSet", format!("template: {TEMPLATE}"), None),
        ("batch/v1", "Job", format!("parallelism: 4, template: {TEMPLATE}"), Some(4)),
        (
            "batch/v1",
            "CronJob",
            format!("schedule: '* * * * *', jobTemplate: {{ spec: {{ template: {TEMPLATE} }} }}"),
            None,
        ),
        ("v1", "ReplicationController", format!("replicas: 1, template: {TEMPLATE}"), Some(1)),
        ("v1", "Pod", "containers: [{ name: c, image: i }]".to_owned(), Some(1)),
        ("postgresql.cnpg.io/v1", "Cluster", "instances: 3".to_owned(), Some(3)),
        ("postgresql.cnpg.io/v1", "Pooler", "cluster: { name: x }, instances: 2, type: rw".to_owned(), Some(2)),
    ];
    let text: String = kinds
        .iter()
        .map(|(api, kind, spec, _)| {
            format!(
                "apiVersion: {api}\nkind: {kind}\nmetadata: {{ name: x, namespace: shop }}\nspec: {{ {spec} }}\n---\n"
            )
        })
        .collect();
    let mut expected: Vec<_> = kinds.iter().map(|(_, kind, _, pods)| (format!("shop/{kind}/x"), *pods)).collect();
    expected.sort();
    assert_eq!(workloads(&Room::with(&text).sh("reach in.yaml --format json")), expected);
}

#[test]
fn the_other_kinds_are_read_and_counted() {
    let text = "
apiVersion: v1
kind: Namespace
metadata: { name: shop }
---
apiVersion: v1
kind: Service
metadata: { name: s, namespace: shop }
spec: { ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Endpoints
metadata: { name: s, namespace: shop }
subsets: [{ addresses: [{ ip: 10.0.0.1 }], ports: [{ port: 80 }] }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: s-1, namespace: shop, labels: { kubernetes.io/service-name: s } }
addressType: IPv4
endpoints: [{ addresses: [10.0.0.1] }]
ports: [{ port: 80 }]
---
apiVersion: v1
kind: ConfigMap
metadata: { name: c, namespace: shop }
data: { a: b }
---
apiVersion: v1
kind: Secret
metadata: { name: c, namespace: shop }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: p, namespace: shop }
spec: { podSelector: {} }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: i, namespace: shop }
spec: { rules: [{ host: a.example }, { http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: s, port: { number: 80 } } } }] } }] }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: a }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: b }
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: { name: b }
";
    let room = Room::with(text);
    let e = evidence(&room, "in.yaml");
    for kind in
        ["Namespace", "Service", "Endpoints", "EndpointSlice", "ConfigMap", "Secret", "NetworkPolicy", "Ingress"]
    {
        assert_eq!(e["kinds"][kind], 1, "{kind}: {e}");
    }
    let report = room.sh("audit in.yaml --format json").json();
    let objects: Vec<(&Value, &Value, &Value)> = report["notEvaluated"]["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| (&o["apiVersion"], &o["kind"], &o["count"]))
        .collect();
    assert_eq!(
        objects,
        [
            (&json!("cert-manager.io/v1"), &json!("Certificate"), &json!(1)),
            (&json!("v1"), &json!("ServiceAccount"), &json!(2)),
            // Nothing refers to these.
            (&json!("discovery.k8s.io/v1"), &json!("EndpointSlice"), &json!(1)),
            (&json!("networking.k8s.io/v1"), &json!("Ingress"), &json!(1)),
            (&json!("v1"), &json!("ConfigMap"), &json!(1)),
            (&json!("v1"), &json!("Endpoints"), &json!(1)),
            (&json!("v1"), &json!("Secret"), &json!(1)),
        ]
    );
    assert_eq!(report["notEvaluated"]["objects"][1]["names"], json!(["a", "b"]));
    assert_eq!(report["notEvaluated"]["objects"][4]["names"], json!(["shop/c"]));
    for format in ["table", "markdown"] {
        room.sh(&format!("audit in.yaml --format {format}")).says("ServiceAccount (2").says("Certificate (1");
    }
}

#[test]
fn lists_of_all_sorts_are_unfolded() {
    let item = |kind: bool| {
        let mut d = json!({ "metadata": { "name": "web", "namespace": "shop" },
            "spec": { "template": { "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [] } } } });
        if kind {
            d["apiVersion"] = json!("apps/v1");
            d["kind"] = json!("Deployment");
        }
        d
    };
    for list in [
        json!({ "apiVersion": "v1", "kind": "List", "items": [item(true)], "metadata": { "resourceVersion": "" } }),
        json!({ "apiVersion": "apps/v1", "kind": "DeploymentList", "items": [item(false)] }),
        json!({ "apiVersion": "apps/v1", "kind": "DeploymentList", "items": [item(true)] }),
        json!([item(true)]),
        json!([{ "apiVersion": "v1", "kind": "List", "items": [item(true)] }]),
        item(true),
    ] {
        for text in [list.to_string(), format!("---\n{list}\n---\n"), serde_json::to_string_pretty(&list).unwrap()] {
            assert_eq!(ids(&text), ["shop/Deployment/web"], "{text}");
        }
    }
    let empty = Room::with(r#"{"apiVersion": "v1", "kind": "List", "items": []}"#);
    empty.sh("audit in.yaml").status(4);
    // An item of a list that is no object says so.
    Room::with(r#"{"apiVersion": "v1", "kind": "List", "items": [{"metadata": {"name": "x"}}]}"#)
        .sh("audit in.yaml")
        .status(2)
        .warns("in.yaml:1: apiVersion or kind is missing");
}

#[test]
fn items_of_a_json_list_are_named_by_the_line_on_which_each_starts() {
    let room = Room::new();
    room.write(
        "in.json",
        "{\n \"apiVersion\": \"v1\",\n \"kind\": \"List\",\n \"items\": [\n  {\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"a\"}},\n  {\"apiVersion\": \"v1\", \"kind\": \"Service\",\n   \"metadata\": {\"name\": \"s\"},\n   \"spec\": {\"ports\": [{\"port\": \"http\"}]}}\n ]\n}\n",
    );
    room.sh("audit in.json").status(2).warns("in.json:6: spec.ports[0].port: expected a whole number");
}

#[test]
fn standard_input_and_folders_are_inputs() {
    let room = Room::new();
    let text = deployment("shop", "web");
    let out = room.pipe(&["reach", "-", "--format", "json"], text.as_bytes());
    assert_eq!(workloads(&out).len(), 1);
    room.pipe(&["audit", "-"], b"").status(2).warns("(standard input): the file is empty");
    room.pipe(&["audit", "-"], b"a: [").status(2).warns("(standard input):1:4");
    room.write("d/one.yaml", &text)
        .write("d/deep/er/two.yml", deployment("shop", "two"))
        .write(
            "d/deep/three.json",
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "n" } }).to_string(),
        )
        .write("d/README.md", "read me")
        .write("d/.git/x.yaml", "broken: [")
        .write("d/values.yaml", "image: x\n")
        .write("d/empty.yaml", "");
    assert_eq!(workloads(&room.sh("reach d --format json")).len(), 2);
    let e = evidence(&room, "d");
    assert_eq!(e["ignoredFiles"], 1);
    let notes = e["notes"].to_string();
    assert!(notes.contains("d/README.md is neither YAML nor JSON"), "{notes}");
    assert!(
        notes.contains("d/values.yaml:1 is not a Kubernetes object") && notes.contains("d/empty.yaml is empty"),
        "{notes}"
    );
    // Several inputs are one cluster; standard input may be one of them.
    let out = room.pipe(&["reach", "d", "-", "--format", "json"], deployment("shop", "piped").as_bytes());
    assert_eq!(workloads(&out).len(), 3);
}

#[test]
fn the_namespace_of_objects_that_name_none_is_chosen() {
    let room = Room::with(&deployment("shop", "web").replace(", namespace: shop", ""));
    assert_eq!(workloads(&room.sh("reach in.yaml --format json"))[0].0, "default/Deployment/web");
    assert_eq!(workloads(&room.sh("reach in.yaml --namespace shop --format json"))[0].0, "shop/Deployment/web");
    let out = room.sh("audit in.yaml --namespace shop --format json").status(0);
    assert!(verdicts(&out.json(), "workload-ingress-isolated").iter().all(|(id, _)| id.starts_with("shop/")));
}

#[test]
fn a_cluster_is_read_in_every_encoding() {
    let room = Room::new();
    let enforced = |text: &str| {
        room.write("c.json", text);
        let report = room.sh("audit c.json --format json").json();
        (
            report["target"]["dataplane"].clone(),
            report["target"]["enforced"].clone(),
            report["target"]["version"].clone(),
        )
    };
    let v2 = (json!("dataplane-v2"), json!(true), json!("1.33"));
    let calico = (json!("calico"), json!(true), json!("1.33"));
    for (text, expected) in [
        (r#"{"currentMasterVersion":"1.33","networkConfig":{"datapathProvider":"ADVANCED_DATAPATH"}}"#, &v2),
        (r#"{"current_master_version":"1.33","network_config":{"datapath_provider":2}}"#, &v2),
        (r#"{"current_master_version":"1.33","networkConfig":{"datapath_provider":"ADVANCED_DATAPATH"}}"#, &v2),
        (
            r#"{"currentMasterVersion":"1.33","networkPolicy":{"enabled":true,"provider":"CALICO"},"addonsConfig":{"networkPolicyConfig":{}}}"#,
            &calico,
        ),
        (
            r#"{"current_master_version":"1.33","network_policy":{"enabled":true,"provider":1},"addons_config":{"network_policy_config":{"disabled":false}}}"#,
            &calico,
        ),
        (r#"[{"currentMasterVersion":"1.33","networkConfig":{"datapathProvider":"ADVANCED_DATAPATH"}}]"#, &v2),
        ("currentMasterVersion: '1.33'\nnetworkConfig: { datapathProvider: ADVANCED_DATAPATH }\n", &v2),
    ] {
        assert_eq!(&enforced(text), expected, "{text}");
    }
}

#[test]
fn two_clusters_are_an_error_in_one_file_or_in_two() {
    let room = Room::new();
    room.write("a.json", CALICO).write("b.json", CALICO).write("both.json", format!("[{CALICO},\n{CALICO}]"));
    room.sh("audit a.json b.json").status(2).warns("b.json:1: a second cluster configuration (the first is a.json:1)");
    room.sh("audit both.json").status(2).warns("both.json:3: a second cluster configuration");
}

const CONNECTOR: &str = r#"
apiVersion: container.cnrm.cloud.google.com/v1beta1
kind: ContainerCluster
metadata:
  name: shop
  labels: { team: shop }
  annotations: { cnrm.cloud.google.com/project-id: p-1, cnrm.cloud.google.com/remove-default-node-pool: "true" }
spec:
  location: europe-west1
  networkRef: { external: projects/p-1/global/networks/vpc }
  datapathProvider: LEGACY_DATAPATH
  networkPolicy: { enabled: true, provider: CALICO }
  addonsConfig: { networkPolicyConfig: { disabled: false } }
  enableL4IlbSubsetting: true
  databaseEncryption: { state: ENCRYPTED, keyName: k }
"#;

const CONNECTOR_POOL: &str = r#"
apiVersion: container.cnrm.cloud.google.com/v1beta1
kind: ContainerNodePool
metadata: { name: general }
spec:
  clusterRef: { name: shop }
  management: { autoRepair: true }
  nodeConfig:
    imageType: COS_CONTAINERD
    serviceAccountRef: { external: nodes@p-1.iam.gserviceaccount.com }
    bootDiskKMSCryptoKeyRef: { name: disks }
    workloadMetadataConfig: { mode: GCE_METADATA }
"#;

#[test]
fn config_connector_describes_a_cluster_and_its_pools() {
    let room = Room::new();
    room.write("pool.yaml", CONNECTOR_POOL).write("z/cluster.yaml", CONNECTOR);
    let report = room.sh("audit . --format json --profile all --fail-on none").json();
    assert_eq!(report["target"]["name"], "shop");
    assert_eq!(report["target"]["project"], "p-1");
    for (check, subject, verdict) in [
        ("network-policy-enforcement", "cluster", "pass"),
        ("secrets-encryption-cmek", "cluster", "pass"),
        ("l4-ilb-subsetting", "cluster", "unknown"),
        ("default-vpc-network", "cluster", "pass"),
        ("resource-labels", "cluster", "pass"),
        ("node-auto-repair", "nodePool/general", "pass"),
        ("node-service-account", "nodePool/general", "pass"),
        ("boot-disk-cmek", "nodePool/general", "pass"),
        ("gke-metadata-server", "nodePool/general", "fail"),
        // Not written: GKE creates it so.
        ("node-auto-upgrade", "nodePool/general", "pass"),
        ("security-posture", "cluster", "pass"),
        ("secure-boot", "nodePool/general", "fail"),
        ("rbac-no-authenticated-bindings", "cluster", "fail"),
        // No cluster that can be created has static passwords.
        ("basic-auth-disabled", "cluster", "pass"),
        // Not written, and not a setting.
        ("cluster-conditions", "cluster", "unknown"),
    ] {
        let found = crate::support::verdicts(&report, check);
        assert_eq!(found, [(subject.to_owned(), verdict.to_owned())], "{check}");
    }
    let evidence = report["results"].as_array().unwrap().iter().filter_map(|r| r["evidence"].as_array()).flatten();
    let sources: Vec<String> = evidence.map(|e| e["source"].to_string()).collect();
    assert!(sources.iter().any(|s| s.contains("cluster.yaml")), "{sources:?}");
    assert!(!sources.iter().any(|s| s.contains("terraform")), "{sources:?}");
    // Of two one is chosen, and a pool alone is no cluster.
    room.write("two.yaml", CONNECTOR.replace("name: shop", "name: two"));
    room.sh("audit .").status(2).warns("two.yaml").warns("(two, shop)").warns("--cluster");
    assert_eq!(room.sh("audit . --cluster two --format json").json()["target"]["name"], "two");
    room.sh("audit . --cluster three").status(2).warns("two.yaml").warns("(two, shop)");
    let alone = room.sh("audit pool.yaml --format json --fail-on none").json();
    assert_eq!(crate::support::verdicts(&alone, "gke-metadata-server"), [("nodePool/general".into(), "fail".into())]);
    assert_eq!(crate::support::verdicts(&alone, "network-policy-enforcement"), []);
    let unused = alone["notEvaluated"]["checks"].to_string();
    assert!(unused.contains("network-policy-enforcement") && unused.contains("no cluster configuration given"));
}

#[test]
fn what_config_connector_does_not_say_well_decides_nothing() {
    for (from, to) in [
        ("networkPolicy: { enabled: true, provider: CALICO }", "networkPolicy: yes"),
        ("networkPolicy: { enabled: true, provider: CALICO }", "networkPolicy: [{ enabled: true }, { enabled: true }]"),
        ("enabled: true", "enabled: \"true\""),
        ("datapathProvider: LEGACY_DATAPATH", "datapathProvider: 7"),
        ("addonsConfig: { networkPolicyConfig: { disabled: false } }", "addonsConfig: 5"),
    ] {
        assert!(CONNECTOR.contains(from), "{from}");
        let report = Room::with(&CONNECTOR.replace(from, to)).sh("audit in.yaml --format json").json();
        let found = crate::support::verdicts(&report, "network-policy-enforcement");
        assert_eq!(found, [("cluster".to_owned(), "unknown".to_owned())], "{to}");
    }
    for spec in ["", "spec: []", "spec: null", "spec: x"] {
        let text = format!(
            "apiVersion: container.cnrm.cloud.google.com/v1beta1\nkind: ContainerCluster\nmetadata: {{ name: c }}\n{spec}\n"
        );
        let report = Room::with(&text).sh("audit in.yaml --format json --profile all").json();
        let passes = report["results"].as_array().unwrap().iter().filter(|r| r["verdict"] == "pass");
        let passes: Vec<&str> = passes.map(|r| r["check"].as_str().unwrap()).collect();
        // What the provider's own defaults say.
        let defaults =
            ["alpha-cluster", "autopilot-net-admin", "gke-sandbox", "legacy-abac-disabled", "shielded-nodes"];
        assert!(passes.iter().all(|p| defaults.contains(p)), "{spec}: {passes:?}");
    }
}

#[test]
fn upgrade_information_is_that_of_one_cluster() {
    let info = |end: &str| format!(r#"{{"endOfStandardSupportTimestamp": "{end}"}}"#);
    let room = Room::new();
    room.write("c.json", CALICO).write("u1.json", info("2001-12-20")).write("u2.json", info("2098-12-20"));
    let verdict = |report: &serde_json::Value| crate::support::verdicts(report, "version-supported")[0].1.clone();
    assert_eq!(verdict(&room.sh("audit c.json u1.json --format json").json()), "fail");
    assert_eq!(verdict(&room.sh("audit c.json u2.json --format json").json()), "pass");
    room.write("again.json", info("2098-12-20"));
    assert_eq!(verdict(&room.sh("audit c.json u2.json again.json --format json").json()), "pass");
    room.sh("audit c.json u1.json u2.json").status(2).warns("u2.json:1: other upgrade information than in u1.json:1");
}

#[test]
fn a_framework_may_be_named_without_its_last_zero() {
    let room = Room::new();
    let of = |id: &str| room.sh(&format!("audit --demo --framework {id} --format json")).json()["framework"].clone();
    assert_eq!(of("cis-gke-1.9"), of("cis-gke-1.9.0"));
    room.sh("audit --demo --framework cis-gke-1")
        .status(2)
        .warns("unknown framework \"cis-gke-1\"")
        .warns("cis-gke-2.0.0");
}

/// Some objects of a cluster do not say that others are not there.
#[test]
fn compute_classes_that_may_be_missing_are_not_known_to_be_none() {
    let mut cluster: serde_json::Value = serde_json::from_str(include_str!("../cases/gke-good.json")).unwrap();
    cluster.as_object_mut().unwrap().remove("autoscaling");
    let room = Room::with(&deployment("shop", "web"));
    room.write("cluster.json", cluster.to_string());
    let verdict = |line: &str| {
        let report = room.sh(&format!("audit {line} --format json")).json();
        crate::support::verdicts(&report, "kubelet-readonly-port-defaults")[0].1.clone()
    };
    assert_eq!(verdict("cluster.json"), "pass");
    assert_eq!(verdict("cluster.json in.yaml --complete"), "pass");
    assert_eq!(verdict("cluster.json in.yaml"), "unknown");
}

#[test]
fn zones_that_did_not_answer_are_said_even_without_a_cluster() {
    let room = Room::with(&deployment("shop", "web"));
    room.write("list.json", r#"{"clusters": [], "missingZones": ["europe-west1-b"]}"#);
    room.sh("audit in.yaml list.json").says("europe-west1-b");
}

#[test]
fn a_later_duplicate_replaces_an_earlier_object_and_is_noted() {
    let text = deployment("shop", "web") + &deployment("shop", "web").replace("8080", "9090");
    let room = Room::with(&text);
    let notes = evidence(&room, "in.yaml")["notes"].to_string();
    assert!(notes.contains("shop/Deployment/web is given twice: in.yaml:10 replaces in.yaml:1"), "{notes}");
    room.sh("audit in.yaml").says("is given twice");
    room.sh("audit in.yaml --format markdown").says("is given twice");
    assert_eq!(ids(&text).len(), 1);
    // Another namespace or kind is no duplicate.
    let room = Room::with(&(deployment("a", "web") + &deployment("b", "web")));
    assert_eq!(evidence(&room, "in.yaml")["notes"], json!([]));
}

fn pod(name: &str, owner: &str, labels: &str, status: &str) -> String {
    let owner = match owner.split_once('/') {
        Some((kind, name)) => {
            let api = if kind == "Job" { "batch/v1" } else { "apps/v1" };
            format!("ownerReferences: [{{ apiVersion: {api}, kind: {kind}, name: {name}, controller: true }}]")
        }
        None => "ownerReferences: []".to_owned(),
    };
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{ name: {name}, namespace: shop, uid: uid-of-{name}, labels: {{ {labels} }}, {owner} }}
spec: {{ nodeName: node-1, containers: [{{ name: c, image: i }}] }}
status: {{ {status} }}
---
"
    )
}

#[test]
fn owners_collapse_to_the_topmost_controller() {
    let rs = format!(
        "apiVersion: apps/v1
kind: ReplicaSet
metadata: {{ name: web-7d77fb55cc, namespace: shop, ownerReferences: [{{ apiVersion: apps/v1, kind: Deployment, name: web, controller: true }}] }}
spec: {{ replicas: 2, template: {TEMPLATE} }}
---
"
    );
    let labels = "app: web, pod-template-hash: 7d77fb55cc";
    let pods = pod("web-7d77fb55cc-a", "ReplicaSet/web-7d77fb55cc", labels, "podIP: 10.0.0.1")
        + &pod("web-7d77fb55cc-b", "ReplicaSet/web-7d77fb55cc", labels, "podIP: 10.0.0.2");
    let web = "shop/Deployment/web".to_owned();
    let count = |text: &str| workloads(&Room::with(text).sh("reach in.yaml --format json"));
    assert_eq!(count(&(deployment("shop", "web") + &rs + &pods)), [(web.clone(), Some(2))]);
    // The ReplicaSet was not read: its name says whose it is.
    assert_eq!(count(&pods), [(web.clone(), Some(2))]);
    assert_eq!(count(&rs), [(web.clone(), Some(2))]);
    // Live pods beat the template: its two replicas are three pods.
    let three = pods.clone() + &pod("web-7d77fb55cc-c", "ReplicaSet/web-7d77fb55cc", labels, "podIP: 10.0.0.3");
    assert_eq!(count(&(deployment("shop", "web") + &three)), [(web, Some(3))]);

    let job = "apiVersion: batch/v1
kind: Job
metadata: { name: tidy-29000000, namespace: shop, ownerReferences: [{ apiVersion: batch/v1, kind: CronJob, name: tidy, controller: true }] }
spec: { template: { metadata: { labels: { app: tidy } }, spec: { containers: [] } } }
---
";
    let run = pod("tidy-29000000-x", "Job/tidy-29000000", "app: tidy", "phase: Running");
    assert_eq!(ids(&(job.to_owned() + &run)), ["shop/CronJob/tidy"]);
    let cron = "apiVersion: batch/v1\nkind: CronJob\nmetadata: { name: tidy, namespace: shop }\nspec: { jobTemplate: { spec: { template: { spec: { containers: [] } } } } }\n---\n";
    assert_eq!(ids(&(cron.to_owned() + &run)), ["shop/CronJob/tidy"]);
    assert_eq!(ids(&pod("alone", "", "app: a", "phase: Running")), ["shop/Pod/alone"]);
}

#[test]
fn live_pods_are_judged_by_what_they_are_not_by_the_template() {
    // The template exposes 8080, the pod that runs has hostNetwork: only the pod counts.
    let live = pod("web-1", "ReplicaSet/web-5c", "app: web, pod-template-hash: 5c", "podIP: 10.0.0.1")
        .replace("nodeName", "hostNetwork: true, nodeName");
    let room = Room::with(&(deployment("shop", "web") + &live));
    let report = room.sh("audit in.yaml --format json").json();
    assert_eq!(verdicts(&report, "workload-host-network"), [("shop/Deployment/web".to_owned(), "fail".to_owned())]);
}

#[test]
fn finished_pods_and_jobs_hold_no_address() {
    let done = pod("done", "", "app: a", "phase: Succeeded") + &pod("failed", "", "app: a", "phase: Failed");
    let text = done + &pod("pending", "", "app: a", "phase: Pending");
    assert_eq!(ids(&text), ["shop/Pod/pending"]);
    let notes = evidence(&Room::with(&text), "in.yaml")["notes"].to_string();
    assert!(notes.contains("2 finished pods"), "{notes}");
    let job = format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {{ name: j, namespace: shop, uid: u }}\nspec: {{ template: {TEMPLATE} }}\nstatus: {{ conditions: [{{ type: Complete, status: 'True' }}] }}\n---\n"
    );
    assert_eq!(ids(&(job + &deployment("shop", "web"))), ["shop/Deployment/web"]);
}

#[test]
fn a_controller_without_replicas_stays_but_is_never_live_exposure() {
    let room = Room::with(&deployment("shop", "web").replace("replicas: 2", "replicas: 0"));
    assert_eq!(workloads(&room.sh("reach in.yaml --format json")), [("shop/Deployment/web".to_owned(), Some(0))]);
    let report = room.sh("audit in.yaml --format json --fail-on low").json();
    for (check, verdict) in
        [("workload-ingress-isolated", "not-applicable"), ("workload-egress-isolated", "not-applicable")]
    {
        let found = verdicts(&report, check);
        assert!(found.iter().all(|(_, v)| v == verdict), "{check}: {found:?}");
    }
}

#[test]
fn pods_of_a_cloudnativepg_cluster_are_derived_only_where_none_are_given() {
    let cluster = "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: { name: pg, namespace: shop }\nspec: { instances: 3 }\n---\n";
    let live = |i: u32| {
        pod(
            &format!("pg-{i}"),
            "Cluster/pg",
            &format!("cnpg.io/cluster: pg, cnpg.io/instanceName: pg-{i}, cnpg.io/podRole: instance"),
            "phase: Running",
        )
        .replace("{ name: c,", "{ name: postgres,")
        .replace("apiVersion: apps/v1, kind: Cluster", "apiVersion: postgresql.cnpg.io/v1, kind: Cluster")
    };
    let count = |text: &str| workloads(&Room::with(text).sh("reach in.yaml --format json"));
    assert_eq!(count(cluster), [("shop/Cluster/pg".to_owned(), Some(3))]);
    assert_eq!(count(&(cluster.to_owned() + &live(1) + &live(2))), [("shop/Cluster/pg".to_owned(), Some(2))]);
    assert_eq!(count(&live(1)), [("shop/Cluster/pg".to_owned(), Some(1))]);
}

#[test]
fn completeness_decides_what_absence_means() {
    let text = deployment("shop", "web")
        + &crate::support::policy(
            "shop",
            "p",
            "{ podSelector: { matchLabels: { app: web } }, ingress: [{ from: [{ namespaceSelector: { matchLabels: { a: b } } }] }] }",
        );
    let room = Room::with(&text);
    let verdict = |flags: &str| {
        verdicts(&room.sh(&format!("audit in.yaml --format json {flags}")).json(), "policy-peer-selects-nothing")[0]
            .1
            .clone()
    };
    assert_eq!(verdict(""), "unknown");
    assert_eq!(verdict("--complete"), "fail");
    assert_eq!(evidence(&room, "in.yaml")["complete"], false);
    assert_eq!(evidence(&room, "in.yaml --complete")["complete"], true);
}

#[test]
fn a_default_deny_that_an_unread_policy_may_open_is_no_pass() {
    let deny = "{ podSelector: {}, policyTypes: [Ingress, Egress] }";
    let text = deployment("prod", "api") + &policy("prod", "deny", deny);
    let room = Room::with(&text);
    room.write(
        "opens.yaml",
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: { name: open, namespace: prod }\n\
         spec: { endpointSelector: {}, ingress: [{ fromEntities: [all] }] }\n",
    );
    let verdict = |inputs: &str, dataplane: &str| {
        let report = room.sh(&format!("audit {inputs} --dataplane {dataplane} --format json")).json();
        ["namespace-default-deny-ingress", "namespace-default-deny-egress"]
            .map(|check| verdicts(&report, check)[0].1.clone())
    };
    assert_eq!(verdict("in.yaml", "dataplane-v2"), ["pass", "pass"]);
    assert_eq!(verdict("in.yaml opens.yaml", "dataplane-v2"), ["unknown", "unknown"]);
    // Calico does not read the kind; without enforcement nothing is denied.
    assert_eq!(verdict("in.yaml opens.yaml", "calico"), ["pass", "pass"]);
    assert_eq!(verdict("in.yaml opens.yaml", "none"), ["fail", "fail"]);
}
