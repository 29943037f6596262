//! Clusters and node pools that a plan creates or changes: what is written, what is omitted, and what is gone.

use crate::support::{Room, verdicts};
use crate::terraform::{change, plan, resource, state};
use serde_json::{Value, json};

const CLUSTER: &str = "google_container_cluster.shop";
const POOL: &str = "google_container_node_pool.general";

fn audit(document: &Value, line: &str) -> Value {
    let room = Room::new();
    room.write("tf.json", document.to_string());
    room.sh(&format!("audit tf.json --format json --profile all --fail-on none {line}")).json()
}

fn verdict(report: &Value, check: &str) -> String {
    match &verdicts(report, check)[..] {
        [(_, verdict)] => verdict.clone(),
        all => panic!("{check}: {all:?}"),
    }
}

/// What a cluster has that is written like this, with everything else omitted.
fn created(written: Value) -> Value {
    let mut after = json!({"name": "shop", "location": "europe-west4", "project": "p-7"});
    after.as_object_mut().unwrap().extend(written.as_object().unwrap().clone());
    audit(
        &plan(vec![change(CLUSTER, &["create"], after, json!({"id": true, "control_plane_endpoints_config": true}))]),
        "",
    )
}

#[test]
fn what_is_written_decides_although_a_newer_block_is_known_after_apply() {
    let networks = |ranges: &[&str]| {
        let blocks: Vec<Value> = ranges.iter().map(|r| json!({"cidr_block": r, "display_name": ""})).collect();
        json!([{"cidr_blocks": blocks}])
    };
    for (written, check, expected) in [
        (
            json!({"master_authorized_networks_config": networks(&["0.0.0.0/0"])}),
            "authorized-networks-not-world",
            "fail",
        ),
        (
            json!({"master_authorized_networks_config": networks(&["0.0.0.0/1", "128.0.0.0/1"])}),
            "authorized-networks-not-world",
            "fail",
        ),
        (
            json!({"master_authorized_networks_config": networks(&["198.51.100.0/24"])}),
            "authorized-networks-not-world",
            "pass",
        ),
        (json!({}), "control-plane-authorized-networks", "fail"),
        (json!({"private_cluster_config": [{"enable_private_endpoint": true}]}), "control-plane-no-public-ip", "pass"),
        (json!({"private_cluster_config": [{"enable_private_endpoint": false}]}), "control-plane-no-public-ip", "fail"),
        (json!({"private_cluster_config": [{"enable_private_nodes": true}]}), "private-nodes", "pass"),
        (json!({}), "private-nodes", "fail"),
        (
            json!({"master_auth": [{"client_certificate_config": [{"issue_client_certificate": true}]}]}),
            "client-certificate-disabled",
            "fail",
        ),
        (
            json!({"master_auth": [{"client_certificate_config": [{"issue_client_certificate": false}]}]}),
            "client-certificate-disabled",
            "pass",
        ),
        (json!({}), "client-certificate-disabled", "pass"),
        (json!({"logging_service": "none"}), "cloud-logging", "fail"),
        (json!({"monitoring_service": "none"}), "cloud-monitoring", "fail"),
        (json!({}), "cloud-logging", "pass"),
        (json!({"logging_config": [{"enable_components": ["SYSTEM_COMPONENTS"]}]}), "cloud-logging", "fail"),
        // Written, and empty: nothing is collected.
        (json!({"logging_config": [{"enable_components": []}]}), "cloud-logging", "fail"),
        (json!({"monitoring_config": [{"enable_components": []}]}), "cloud-monitoring", "fail"),
        // Autopilot is Dataplane V2, Standard is not unless that is written.
        (json!({"enable_autopilot": true}), "network-policy-enforcement", "pass"),
        (json!({"enable_autopilot": true}), "dataplane-v2", "pass"),
        (json!({}), "network-policy-enforcement", "fail"),
        (json!({"datapath_provider": "ADVANCED_DATAPATH"}), "network-policy-enforcement", "pass"),
        (
            json!({"enable_autopilot": true, "autopilot_privileged_admission": [""]}),
            "autopilot-privileged-admission",
            "pass",
        ),
        // The names of earlier versions of the provider.
        (json!({"enable_binary_authorization": true}), "binary-authorization", "pass"),
        (json!({"enable_binary_authorization": false}), "binary-authorization", "fail"),
        (json!({"workload_identity_config": [{"identity_namespace": "p-7.svc.id.goog"}]}), "workload-identity", "pass"),
        (
            json!({"node_config": [{"workload_metadata_config": [{"node_metadata": "GKE_METADATA_SERVER"}]}]}),
            "gke-metadata-server",
            "pass",
        ),
        (
            json!({"node_config": [{"workload_metadata_config": [{"node_metadata": "EXPOSE"}]}]}),
            "gke-metadata-server",
            "fail",
        ),
    ] {
        assert_eq!(verdict(&created(written.clone()), check), expected, "{check} with {written}");
    }
}

#[test]
fn a_verdict_that_rests_on_a_default_says_so_and_others_do_not() {
    let report = created(json!({"enable_shielded_nodes": true}));
    let find = |check: &str| {
        let all = report["results"].as_array().unwrap();
        all.iter().find(|r| r["check"] == check).unwrap().clone()
    };
    let default = find("workload-identity");
    assert_eq!(default["note"], "workloadIdentityConfig is omitted: GKE creates it without");
    let evidence = default["evidence"][0].clone();
    assert_eq!(evidence["omitted"], default["note"], "{evidence}");
    assert_eq!(find("shielded-nodes")["note"], Value::Null);
    let connector = "apiVersion: container.cnrm.cloud.google.com/v1beta1\nkind: ContainerCluster\nmetadata: { name: c }\nspec: { location: europe-west4 }\n";
    let report = Room::with(connector).sh("audit in.yaml --format json").json();
    let all = report["results"].as_array().unwrap();
    let acquired = all.iter().find(|r| r["check"] == "workload-identity").unwrap();
    let note =
        "workloadIdentityConfig is omitted: GKE creates it without, unless this resource acquires an existing one";
    assert_eq!(acquired["note"], note);
}

#[test]
fn nothing_is_inferred_for_a_cluster_that_exists() {
    let values = json!({"name": "shop", "location": "europe-west4", "project": "p-7", "enable_autopilot": true});
    let report = audit(&state(vec![resource(CLUSTER, values.clone())]), "");
    assert_eq!(verdict(&report, "network-policy-enforcement"), "unknown");
    let update = plan(vec![change(CLUSTER, &["update"], values, json!({}))]);
    assert_eq!(verdict(&audit(&update, ""), "network-policy-enforcement"), "unknown");
}

#[test]
fn a_version_that_is_asked_for_can_be_older_than_a_default() {
    let port = |version: &str| verdict(&created(json!({"min_master_version": version})), "kubelet-readonly-port");
    assert_eq!(port("1.33.1-gke.100"), "pass");
    assert_eq!(port("1.31.9-gke.100"), "unknown");
}

fn pool(name: &str, mode: &str) -> Value {
    json!({"name": name, "cluster": "shop", "location": "europe-west4", "project": "p-7",
        "node_config": [{"workload_metadata_config": [{"mode": mode}]}]})
}

#[test]
fn a_pool_that_a_plan_deletes_or_replaces_is_gone_and_a_deposed_one_of_a_state_is_not() {
    let listed = |mode: &str| json!({"name": "shop", "location": "europe-west4", "project": "p-7", "node_pool": [pool("old", mode)]});
    let pools = |document: &Value| -> Vec<(String, String)> { verdicts(&audit(document, ""), "gke-metadata-server") };
    let with =
        |pool_change: Value| plan(vec![change(CLUSTER, &["no-op"], listed("GCE_METADATA"), json!({})), pool_change]);
    let pass = |name: &str| vec![(format!("nodePool/{name}"), "pass".to_owned())];
    for actions in [&["create", "delete"][..], &["delete", "create"]] {
        let mut replaced = change(POOL, actions, pool("new", "GKE_METADATA"), json!({}));
        replaced["change"]["before"] = pool("old", "GCE_METADATA");
        assert_eq!(pools(&with(replaced)), pass("new"), "{actions:?}");
    }
    let mut deposed = change(POOL, &["delete"], pool("old", "GCE_METADATA"), json!({}));
    deposed["deposed"] = json!("a1b2c3d4");
    let kept = change(POOL, &["create"], pool("new", "GKE_METADATA"), json!({}));
    let document = plan(vec![change(CLUSTER, &["no-op"], listed("GCE_METADATA"), json!({})), kept, deposed]);
    assert_eq!(pools(&document), pass("new"));

    let instance =
        |values: Value, deposed: Value| json!({"schema_version": 2, "attributes": values, "deposed": deposed});
    let file = |kind: &str, name: &str, instances: Value| json!({"mode": "managed", "type": kind, "name": name, "provider": "p", "instances": instances});
    let mut cluster = listed("GKE_METADATA");
    cluster["node_pool"] = json!([]);
    let raw = json!({"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "x", "outputs": {}, "resources": [
        file("google_container_cluster", "shop", json!([instance(cluster, Value::Null)])),
        file("google_container_node_pool", "general", json!([
            instance(pool("new", "GKE_METADATA"), Value::Null), instance(pool("old", "GCE_METADATA"), json!("a1b2c3d4"))])),
    ]});
    let both: Vec<String> = pools(&raw).into_iter().map(|(pool, _)| pool).collect();
    assert_eq!(both, ["nodePool/new", "nodePool/old"]);
}

#[test]
fn node_pools_are_evaluated_without_their_cluster() {
    let document = plan(vec![change(POOL, &["create"], pool("general", "GCE_METADATA"), json!({"project": true}))]);
    let report = audit(&document, "");
    assert_eq!(verdict(&report, "gke-metadata-server"), "fail");
    assert_eq!(verdict(&report, "secure-boot"), "fail");
    assert_eq!(verdict(&report, "node-auto-upgrade"), "pass");
    let kinds: std::collections::BTreeSet<&str> =
        report["results"].as_array().unwrap().iter().map(|r| r["subject"]["kind"].as_str().unwrap()).collect();
    assert_eq!(Vec::from_iter(kinds), ["nodePool"]);
    let unused = report["notEvaluated"]["checks"].to_string();
    assert!(
        unused.contains("network-policy-enforcement") && unused.contains("no cluster configuration given"),
        "{unused}"
    );
    // Pools of two clusters are two audits.
    let mut other = pool("other", "GKE_METADATA");
    other["cluster"] = json!("other");
    let two = plan(vec![
        change(POOL, &["create"], pool("general", "GCE_METADATA"), json!({})),
        change("google_container_node_pool.other", &["create"], other, json!({})),
    ]);
    let room = Room::new();
    room.write("tf.json", two.to_string());
    room.sh("audit tf.json").status(2).warns("--cluster").warns("other").warns("shop");
    assert_eq!(verdict(&audit(&two, "--cluster other"), "gke-metadata-server"), "pass");
}

#[test]
fn pools_belong_to_the_cluster_with_their_key() {
    let cluster = |name: &str| json!({"name": name, "location": "europe-west4", "project": "p-7", "remove_default_node_pool": true});
    let mut changes = Vec::new();
    for key in ["eu", "us"] {
        let mut of =
            change(&format!("google_container_cluster.c[\"{key}\"]"), &["create"], cluster(key), json!({"id": true}));
        of["index"] = json!(key);
        let mut after = pool(&format!("pool-{key}"), "GKE_METADATA");
        after.as_object_mut().unwrap().remove("cluster");
        let mut own =
            change(&format!("google_container_node_pool.p[\"{key}\"]"), &["create"], after, json!({"cluster": true}));
        own["index"] = json!(key);
        changes.extend([of, own]);
    }
    let mut document = plan(changes);
    document["configuration"] = json!({"root_module": {"resources": [{
        "type": "google_container_node_pool", "name": "p",
        "expressions": {"cluster": {"references": ["google_container_cluster.c", "each.key"]}}}]}});
    for key in ["eu", "us"] {
        let found = verdicts(&audit(&document, &format!("--cluster {key}")), "gke-metadata-server");
        assert_eq!(found, [(format!("nodePool/pool-{key}"), "pass".to_owned())]);
    }
}

#[test]
fn the_state_of_an_older_provider_decides_by_what_it_has() {
    let mut values = crate::terraform::cluster();
    let map = values.as_object_mut().unwrap();
    map.remove("control_plane_endpoints_config");
    map.insert(
        "private_cluster_config".into(),
        json!([{"enable_private_endpoint": false, "enable_private_nodes": true}]),
    );
    map.insert(
        "master_authorized_networks_config".into(),
        json!([{"cidr_blocks": [{"cidr_block": "0.0.0.0/0", "display_name": ""}]}]),
    );
    let report = audit(&state(vec![resource(CLUSTER, values)]), "");
    assert_eq!(verdict(&report, "control-plane-no-public-ip"), "fail");
    assert_eq!(verdict(&report, "authorized-networks-not-world"), "fail");
}
