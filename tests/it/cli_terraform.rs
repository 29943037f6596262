//! Plans and states of Terraform as evidence.

use crate::support::{Out, Room};
use crate::terraform::{ADDRESS, POOL, change, cluster, plan, pool, raw, resource, state, tomoda};
use proptest::prelude::*;
use serde_json::{Value, json};

fn audit(document: &Value, line: &str) -> Out {
    let room = Room::new();
    room.write("tf.json", document.to_string());
    room.sh(&format!("audit tf.json --format json {line}"))
}

/// The result of a check on the cluster.
fn result<'a>(report: &'a Value, check: &str) -> &'a Value {
    let all = report["results"].as_array().unwrap();
    all.iter().find(|r| r["check"] == check).unwrap_or_else(|| panic!("no {check} in {report:#}"))
}

const ENFORCED: &str = "network-policy-enforcement";

#[test]
fn state_plan_and_api_give_the_same_verdicts() {
    let room = Room::new();
    let api = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/tomoda/cluster.json")).unwrap();
    room.write("api.json", api);
    room.write("state.json", tomoda().to_string());
    let no_op = |address, values| change(address, &["no-op"], values, json!({}));
    room.write("plan.json", plan(vec![no_op(ADDRESS, cluster()), no_op(POOL, pool())]).to_string());
    room.write("terraform.tfstate.json", raw(cluster()).to_string());
    let verdicts = |file: &str| -> Vec<(String, String, Value)> {
        let report = room.sh(&format!("audit {file} --format json --profile all --fail-on none")).json();
        let results = report["results"].as_array().unwrap();
        let verdict = |r: &Value| (r["check"].to_string(), r["subject"]["id"].to_string(), r.clone());
        results.iter().map(verdict).collect()
    };
    let expected = verdicts("api.json");
    assert!(!expected.is_empty());
    // What Terraform does not record, or hides, is unknown for that reason, and nothing else differs.
    for file in ["state.json", "plan.json", "terraform.tfstate.json"] {
        let found = verdicts(file);
        assert_eq!(expected.len(), found.len(), "{file}");
        let mut same = 0;
        for ((check, subject, e), (_, _, f)) in expected.iter().zip(&found) {
            assert_eq!((&e["check"], &e["subject"]["id"]), (&f["check"], &f["subject"]["id"]), "{file}");
            if e["verdict"] == f["verdict"] {
                same += 1;
                continue;
            }
            assert_eq!(f["verdict"], "unknown", "{file}: {check} of {subject}");
            let reasons = f["reasons"].to_string();
            let not_there = ["not recorded by Terraform", "marked as sensitive in Terraform"];
            assert!(not_there.iter().any(|r| reasons.contains(r)), "{file}: {check} of {subject}: {reasons}");
        }
        assert!(same * 10 > expected.len() * 8, "{file}: {same} of {} are the same", expected.len());
        let enforced = found.iter().find(|(check, ..)| check.contains(ENFORCED)).unwrap();
        assert_eq!(enforced.2["verdict"], "pass", "{file}");
    }
}

/// A field that no attribute holds is not taken for one that is not set.
#[test]
fn every_pass_rests_on_what_terraform_records() {
    let mut autopilot = cluster();
    autopilot["enable_autopilot"] = json!(true);
    for document in [tomoda(), state(vec![resource(ADDRESS, autopilot)])] {
        let report = audit(&document, "--profile all --fail-on none").json();
        let mut seen = 0;
        for r in report["results"].as_array().unwrap().iter().filter(|r| r["verdict"] == "pass") {
            for e in r["evidence"].as_array().into_iter().flatten().filter(|e| e["source"]["terraform"].is_object()) {
                seen += 1;
                // Whether there are pools is in the resources themselves.
                let known = e["source"]["terraform"]["attribute"].is_string() || e["path"] == "nodePools";
                assert!(known, "{} passes by {e}", r["check"]);
            }
        }
        assert!(seen > 20, "{seen}");
    }
}

#[test]
fn the_facts_of_enforcement_follow_the_attributes() {
    for (attributes, verdict) in [
        (json!({}), "pass"),
        (json!({"network_policy": [{"enabled": false, "provider": "PROVIDER_UNSPECIFIED"}]}), "fail"),
        (json!({"network_policy": []}), "fail"),
        (json!({"network_policy": [null]}), "fail"),
        (json!({"network_policy": [], "datapath_provider": "ADVANCED_DATAPATH"}), "pass"),
        (json!({"datapath_provider": "LEGACY_DATAPATH"}), "pass"),
        (json!({"datapath_provider": "WARP_DATAPATH"}), "unknown"),
        (json!({"datapath_provider": 7}), "unknown"),
        (json!({"network_policy": "yes"}), "unknown"),
        (json!({"network_policy": [{"enabled": "true"}]}), "unknown"),
        (json!({"network_policy": [{"enabled": true}, {"enabled": true}]}), "unknown"),
        (json!({"addons_config": []}), "unknown"),
        (json!({"addons_config": [{"network_policy_config": [{"disabled": true}]}]}), "fail"),
    ] {
        let mut values = cluster();
        values.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
        let report = audit(&state(vec![resource(ADDRESS, values)]), "--fail-on none").json();
        assert_eq!(result(&report, ENFORCED)["verdict"], verdict, "{attributes}");
    }
    // An attribute that the document does not have at all is not one that is off.
    let mut values = cluster();
    values.as_object_mut().unwrap().remove("datapath_provider");
    let report = audit(&state(vec![resource(ADDRESS, values)]), "--fail-on none").json();
    assert_eq!(result(&report, ENFORCED)["verdict"], "unknown");
}

/// Lets the configuration of a plan write these attributes of the cluster.
fn write_attributes<'a>(document: &mut Value, attributes: impl Iterator<Item = &'a str>) {
    let expressions: Value = attributes.map(|a| (a.to_owned(), json!({"references": ["local.later"]}))).collect();
    let resource = json!({"type": "google_container_cluster", "name": "this", "expressions": expressions});
    document["configuration"] = json!({"root_module": {"resources": [resource]}});
}

#[test]
fn what_is_known_after_the_apply_is_unknown_with_that_reason() {
    for (missing, unknown, reason) in [
        (vec!["datapath_provider"], json!({"datapath_provider": true}), "datapathProvider is known after apply"),
        (vec!["addons_config"], json!({"addons_config": true}), "known after apply (Terraform plan)"),
        (vec![], json!({"network_policy": [{"enabled": true}]}), "networkPolicy.enabled is known after apply"),
        (vec![], json!({"network_policy": true}), "networkPolicy is known after apply"),
        (vec!["network_policy"], json!({"network_policy": [{"enabled": true}]}), "networkPolicy is known after apply"),
        // Not marked, and chosen by GKE all the same.
        (vec!["datapath_provider"], json!({}), "datapathProvider is known after apply"),
    ] {
        let mut after = cluster();
        for key in &missing {
            after.as_object_mut().unwrap().remove(*key);
        }
        if !missing.contains(&"datapath_provider") {
            // Legacy, written; an empty one of a cluster that is made is GKE's choice too.
            after["datapath_provider"] = json!("LEGACY_DATAPATH");
        }
        let mut document = plan(vec![change(ADDRESS, &["create"], after, unknown.clone())]);
        write_attributes(&mut document, missing.iter().copied().chain(["network_policy"]));
        let report = audit(&document, "--fail-on none").json();
        let r = result(&report, ENFORCED);
        assert_eq!(r["verdict"], "unknown", "{unknown}");
        assert!(r["reasons"].to_string().contains(reason), "{unknown}: {r:#}");
    }
    // No pass of any check rests on what is not known of a cluster: its name and location are.
    let after = json!({"name": "c", "location": "europe-west1"});
    let mut unknown = json!({"id": true});
    for key in cluster().as_object().unwrap().keys().filter(|k| *k != "name" && *k != "location") {
        unknown[key] = json!(true);
    }
    let mut document = plan(vec![change(ADDRESS, &["create"], after, unknown)]);
    write_attributes(&mut document, cluster().as_object().unwrap().keys().map(String::as_str));
    let report = audit(&document, "").json();
    for r in report["results"].as_array().unwrap() {
        let by_location = r["evidence"].as_array().into_iter().flatten().all(|e| e["path"] == "location");
        assert!(r["verdict"] != "pass" || (by_location && r["check"] == "control-plane-regional"), "{r:#}");
    }
}

/// In each form of a replacement, the cluster is made anew: nothing is kept of the one that it replaces.
#[test]
fn a_replaced_cluster_is_evaluated_as_one_that_is_created() {
    let after = json!({"name": "c", "location": "europe-west1", "project": "p", "node_config": [], "node_pool": []});
    let results = |actions: &[&str]| {
        let document = plan(vec![change(ADDRESS, actions, after.clone(), json!({"id": true}))]);
        audit(&document, "--profile all --fail-on none").json()["results"].as_array().unwrap().clone()
    };
    let created = results(&["create"]);
    for actions in [&["delete", "create"][..], &["create", "delete"], &["create", "forget"]] {
        let replaced = results(actions);
        assert_eq!(replaced.len(), created.len(), "{actions:?}");
        for (replaced, created) in replaced.iter().zip(&created) {
            assert_eq!(replaced, created, "{actions:?}");
        }
        let report = json!({"results": replaced});
        for (check, verdict, note) in [
            (ENFORCED, "fail", "networkConfig.datapathProvider is omitted: GKE creates it without"),
            ("node-auto-upgrade", "pass", "management.autoUpgrade is omitted: GKE creates it with true"),
        ] {
            let r = result(&report, check);
            assert_eq!(r["verdict"], verdict, "{actions:?}: {r:#}");
            assert!(r["note"].as_str().unwrap().contains(note), "{actions:?}: {r:#}");
        }
        assert_eq!(result(&report, "anonymous-auth-limited")["verdict"], "unknown", "the version is known after apply");
    }
}

/// The form in which a snapshot has what a source could not give makes nothing known in a document of the API.
#[test]
fn a_cluster_description_cannot_contain_what_is_not_known_and_pass() {
    let api = include_str!("../../examples/tomoda/cluster.json");
    for pointer in ["/networkConfig", "/networkPolicy", "/networkPolicy/enabled", "/addonsConfig/networkPolicyConfig"] {
        for code in ["known-after-apply", "none"] {
            let mut cluster: Value = serde_json::from_str(api).unwrap();
            *cluster.pointer_mut(pointer).unwrap() = json!({"$unavailable": code, "enabled": true, "disabled": false});
            let report = audit(&cluster, "--fail-on none").json();
            assert_eq!(result(&report, ENFORCED)["verdict"], "unknown", "{pointer} {code}");
        }
    }
}

#[test]
fn findings_name_the_address_and_the_attribute() {
    let mut values = cluster();
    values["network_policy"] = json!([]);
    let address = r#"module.gke["eu"].google_container_cluster.this[0]"#;
    let document = state(vec![resource(address, values)]);
    let report = audit(&document, "--fail-on none").json();
    let evidence = result(&report, ENFORCED)["evidence"].as_array().unwrap();
    let of =
        |path: &str| evidence.iter().find(|e| e["path"] == path).unwrap_or_else(|| panic!("{path}: {evidence:#?}"));
    let source = &of("networkPolicy.enabled")["source"];
    assert_eq!(source["file"], "tf.json");
    assert_eq!(source["terraform"], json!({"address": address, "attribute": "network_policy.enabled"}));
    let room = Room::new();
    room.write("tf.json", document.to_string());
    room.sh("audit tf.json --format markdown --fail-on none").says("tf.json: module.gke").says("datapath_provider");
}

#[test]
fn one_cluster_is_chosen_of_several() {
    let mut other = cluster();
    other["name"] = json!("other");
    other["network_policy"] = json!([]);
    let document = state(vec![
        resource("google_container_cluster.a[0]", cluster()),
        resource("google_container_cluster.a[1]", other),
    ]);
    audit(&document, "").status(2).warns("google_container_cluster.a[1] (other)").warns("--cluster");
    for (choice, verdict) in [("gke-tomoda", "pass"), ("other", "fail"), ("google_container_cluster.a[1]", "fail")] {
        let report = audit(&document, &format!("--cluster {choice} --fail-on none")).json();
        assert_eq!(result(&report, ENFORCED)["verdict"], verdict, "{choice}");
    }
    audit(&document, "--cluster nobody").status(2).warns("no cluster is called nobody");
    let room = Room::with("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n");
    room.sh("audit in.yaml --cluster c").status(2).warns("--cluster chooses");
    // One that goes is none; one of a data source counts where there is no other.
    let kept = change(ADDRESS, &["update"], cluster(), json!({}));
    let gone = change("google_container_cluster.old", &["delete"], cluster(), json!({}));
    assert_eq!(result(&audit(&plan(vec![gone, kept]), "--fail-on none").json(), ENFORCED)["verdict"], "pass");
    let mut data = resource("google_container_cluster.d", cluster());
    data["mode"] = json!("data");
    audit(&state(vec![data.clone(), resource(ADDRESS, cluster())]), "--fail-on none").status(0);
    assert_eq!(result(&audit(&state(vec![data]), "--fail-on none").json(), ENFORCED)["verdict"], "pass");
}

#[test]
fn other_versions_and_documents_are_refused() {
    for (document, words) in [
        (json!({"format_version": "2.0", "planned_values": {}}), "format_version \"2.0\""),
        (json!({"format_version": 1, "values": {}}), "format_version 1"),
        (json!({"version": 3, "terraform_version": "0.11", "serial": 1, "lineage": "x", "modules": []}), "version 3"),
        (json!({"format_version": "1.0", "provider_schemas": {}}), "neither a plan nor a state"),
    ] {
        audit(&document, "").status(2).warns(words);
    }
    // A state without a cluster is nothing to evaluate, and says so.
    let out = audit(&json!({"format_version": "1.0"}), "").status(4);
    assert!(out.all().contains("holds no GKE cluster"), "{out:?}");
}

/// The cluster of a document in the API's form, as a snapshot keeps it.
fn config(document: &Value) -> Value {
    let options = gke_posture::collect::Options::new("default", false);
    let text = document.to_string();
    let snapshot = gke_posture::collect::read_embedded(&[("tf.json", &text)], "test", options).unwrap();
    let cluster = snapshot.cluster.unwrap();
    json!({"config": cluster.config, "recorded": cluster.recorded, "terraform": snapshot.terraform})
}

#[test]
fn pools_are_joined_by_cluster_and_told_apart_by_name() {
    let names = |document: &Value| -> Vec<String> {
        let pools = config(document)["config"]["nodePools"].as_array().cloned().unwrap_or_default();
        pools.iter().map(|p| p["name"].as_str().unwrap().to_owned()).collect()
    };
    let mut listed = cluster();
    let mut second = listed["node_pool"][0].clone();
    second["name"] = json!("second");
    listed["node_pool"].as_array_mut().unwrap().push(second);
    let mut planned = pool();
    planned["node_config"][0]["workload_metadata_config"] = json!([{"mode": "GCE_METADATA"}]);
    // The resource is the pool that the cluster lists, and says what is planned.
    let document = plan(vec![
        change(ADDRESS, &["no-op"], listed.clone(), json!({})),
        change(POOL, &["update"], planned, json!({})),
    ]);
    assert_eq!(names(&document), ["general", "second"]);
    let found = config(&document);
    assert_eq!(found["config"]["nodePools"][0]["config"]["workloadMetadataConfig"]["mode"], "GCE_METADATA");
    assert_eq!(found["terraform"], json!({"cluster": ADDRESS, "nodePool/general": POOL, "nodePool/second": ADDRESS}));
    // One that goes is listed no more, one of another cluster is not its.
    let document =
        plan(vec![change(ADDRESS, &["no-op"], listed, json!({})), change(POOL, &["delete"], pool(), json!({}))]);
    assert_eq!(names(&document), ["second"]);
    let mut foreign = pool();
    foreign["cluster"] = json!("other");
    foreign["name"] = json!("foreign");
    assert_eq!(names(&state(vec![resource(ADDRESS, cluster()), resource(POOL, foreign)])), ["general"]);
    // A new cluster has the pools that are written, and GKE's own where that is kept.
    let mut new = cluster();
    new.as_object_mut().unwrap().remove("node_pool");
    let mut own = pool();
    own.as_object_mut().unwrap().remove("cluster");
    let made = |new: &Value| {
        plan(vec![
            change(ADDRESS, &["create"], new.clone(), json!({"node_pool": true})),
            change(POOL, &["create"], own.clone(), json!({"cluster": true})),
        ])
    };
    assert_eq!(names(&made(&new)), ["general"]);
    new["remove_default_node_pool"] = json!(false);
    assert_eq!(names(&made(&new)), ["general", "default-pool"]);
}

#[test]
fn pools_that_are_not_in_the_plan_may_be_elsewhere() {
    let bare = json!({"name": "c", "location": "europe-west1", "project": "p", "remove_default_node_pool": true});
    let report = audit(&plan(vec![change(ADDRESS, &["create"], bare, json!({}))]), "").json();
    let found = result(&report, "node-auto-upgrade");
    assert_eq!((&found["subject"]["id"], &found["verdict"]), (&json!("*"), &json!("unknown")), "{found:#}");
    let mut read = cluster();
    read["node_pool"] = json!([]);
    let report = audit(&state(vec![resource(ADDRESS, read)]), "").json();
    assert_eq!(result(&report, "node-auto-upgrade")["verdict"], "unknown");
}

#[test]
fn spellings_of_the_api_come_out() {
    let found = config(&tomoda())["config"].clone();
    for (pointer, value) in [
        ("/networkConfig/enableIntraNodeVisibility", json!(false)),
        ("/networkConfig/enableL4ilbSubsetting", json!(false)),
        ("/ipAllocationPolicy/useIpAliases", json!(true)),
        ("/ipAllocationPolicy/podCidrOverprovisionConfig/disable", json!(false)),
        ("/masterAuthorizedNetworksConfig/enabled", json!(true)),
        (
            "/masterAuthorizedNetworksConfig/cidrBlocks",
            json!([{"cidrBlock": "203.0.113.0/24", "displayName": "office"}]),
        ),
        ("/nodePoolDefaults/nodeConfigDefaults/nodeKubeletConfig/insecureKubeletReadonlyPortEnabled", json!(false)),
        ("/nodePools/0/config/kubeletConfig/insecureKubeletReadonlyPortEnabled", json!(false)),
        ("/nodePools/0/maxPodsConstraint/maxPodsPerNode", json!(110)),
        ("/autoscaling/enableNodeAutoprovisioning", json!(false)),
        ("/shieldedNodes/enabled", json!(true)),
        ("/currentMasterVersion", json!("1.33.4-gke.1350000")),
        ("/locations", json!(["asia-east1-a"])),
    ] {
        assert_eq!(found.pointer(pointer), Some(&value), "{pointer}");
    }
    // Blocks that are not there are not switched on, and not there.
    for pointer in
        ["/authenticatorGroupsConfig", "/nodePools/0/autoscaling", "/binaryAuthorization", "/deletionProtection"]
    {
        assert_eq!(found.pointer(pointer), None, "{pointer}");
    }
    // What is certain without being written, and what is not, in a plan.
    let after =
        json!({"name": "c", "location": "europe-west1", "authenticator_groups_config": [{"security_group": "g@x"}]});
    let made =
        config(&plan(vec![change("google_container_cluster.c", &["create"], after, json!({}))]))["config"].clone();
    for (pointer, value) in [
        ("/shieldedNodes/enabled", json!(true)),
        ("/legacyAbac/enabled", json!(false)),
        ("/network", json!("default")),
        ("/authenticatorGroupsConfig/enabled", json!(true)),
        ("/currentMasterVersion", json!({"$unavailable": "known-after-apply"})),
        ("/masterAuth/clusterCaCertificate", json!({"$unavailable": "known-after-apply"})),
        ("/nodePools/0/locations", json!({"$unavailable": "known-after-apply"})),
        // What GKE creates where it is omitted.
        ("/releaseChannel/channel", json!("REGULAR")),
        ("/ipAllocationPolicy/useIpAliases", json!(true)),
        ("/nodePools/0/config/imageType", json!("COS_CONTAINERD")),
    ] {
        assert_eq!(made.pointer(pointer), Some(&value), "{pointer}");
    }
    assert_eq!(made.pointer("/networkConfig/datapathProvider"), None);
    // What no attribute holds is not in it, and the snapshot has the fields that are.
    assert_eq!(made.pointer("/controlPlaneEgress"), None);
    let recorded = &config(&tomoda())["recorded"];
    assert_eq!(recorded["otherwise"], "not-recorded");
    assert_eq!(recorded["fields"].pointer("/networkConfig/datapathProvider"), Some(&json!({})));
    assert_eq!(recorded["fields"].pointer("/nodePools/config/imageType"), Some(&json!({})));
    assert_eq!(recorded["fields"].get("controlPlaneEgress"), None);
}

#[test]
fn no_sensitive_value_comes_out() {
    let mut values = cluster();
    values["resource_labels"] = json!({"team": "CANARY-label"});
    values["network_policy"] = json!([{"enabled": true, "provider": "CANARY-provider"}]);
    let mut r = resource(ADDRESS, values.clone());
    r["sensitive_values"] = json!({"resource_labels": {"team": true}, "network_policy": [{"provider": true}],
        "master_auth": [{"client_key": true}]});
    let deployment = json!({
        "metadata": [{"name": "web", "namespace": "app", "labels": {"app": "web"}}],
        "spec": [{"replicas": "1", "selector": [{"match_labels": {"app": "web"}}], "template": [{
            "metadata": [{"labels": {"app": "web"}}],
            "spec": [{"container": [{"name": "web", "image": "x", "env": [
                {"name": "DATABASE_URL", "value": "CANARY-env", "value_from": []},
                {"name": "PGSSLMODE", "value": "CANARY-mode", "value_from": []},
            ]}]}],
        }]}],
    });
    let mut d = resource("kubernetes_deployment_v1.web", deployment);
    d["sensitive_values"] = json!({"spec": [{"template": [{"spec": [{"container": [{"env": [
        {"value": true}, {"value": true}]}]}]}]}]});
    let mut file = raw(values);
    file["resources"][0]["instances"][0]["sensitive_attributes"] = json!([
        [{"type": "get_attr", "value": "resource_labels"}],
        [{"type": "get_attr", "value": "network_policy"}, {"type": "index", "value": {"value": 0, "type": "number"}},
         {"type": "get_attr", "value": "provider"}],
    ]);
    let room = Room::new();
    for document in [state(vec![r, d]), file] {
        room.write("tf.json", document.to_string());
        for line in [
            "audit tf.json --format json",
            "audit tf.json --format markdown",
            "audit tf.json --all",
            "snapshot tf.json --output s",
        ] {
            let out = room.sh(line);
            assert!(!out.all().contains("CANARY"), "{line}: {}", out.all());
        }
        let bytes = room.read("s");
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text).unwrap();
        assert!(text.contains("gke-tomoda") && !text.contains("CANARY"), "{text}");
        std::fs::remove_file(room.path("s")).unwrap();
    }
}

fn policy(spec: Value) -> Value {
    json!({"id": "app/p", "metadata": [{"name": "p", "namespace": "app", "labels": null}], "spec": [spec]})
}

fn web(namespace: &str) -> Value {
    json!({
        "metadata": [{"name": "web", "namespace": namespace}],
        "spec": [{"selector": [{"match_labels": {"app": "web"}}], "template": [{
            "metadata": [{"labels": {"app": "web"}}],
            "spec": [{"container": [{"name": "web", "image": "x", "port": [{"container_port": 8080}]}]}],
        }]}],
    })
}

/// Whether other/web reaches app/web, by a plan with this policy: reached, not, or not known.
fn reaches(spec: Value, unknown: Value) -> (i32, i32) {
    let room = Room::new();
    let create = |address: &str, after: Value, unknown: Value| change(address, &["create"], after, unknown);
    let uid = json!({"id": true, "metadata": [{"uid": true, "generation": true, "resource_version": true}],
        "spec": [{"strategy": true, "template": [{"metadata": [{"name": true}],
            "spec": [{"container": [{"image_pull_policy": true, "resources": true}], "node_name": true}]}]}]});
    let document = plan(vec![
        create("kubernetes_deployment_v1.app", web("app"), uid.clone()),
        create("kubernetes_deployment.other", web("other"), uid),
        create("kubernetes_network_policy_v1.p", policy(spec), unknown),
    ]);
    room.write("tf.json", document.to_string());
    let ask = |expect: &str| {
        let line =
            format!("reach tf.json --from other/web --to app/web --port 8080 --dataplane upstream --expect {expect}");
        room.sh(&line).status
    };
    (ask("allowed"), ask("denied"))
}

#[test]
fn policies_of_the_kubernetes_provider_are_read() {
    let app = json!([{"match_labels": {"app": "web"}, "match_expressions": []}]);
    let (allowed, denied, unknown) = ((0, 1), (1, 0), (3, 3));
    for (spec, after_unknown, expected) in [
        (json!({"pod_selector": app, "policy_types": ["Ingress"], "ingress": [], "egress": []}), json!({}), denied),
        (json!({"pod_selector": [null], "policy_types": ["Ingress"], "ingress": []}), json!({}), denied),
        (json!({"pod_selector": app, "policy_types": ["Ingress"], "ingress": [null]}), json!({}), allowed),
        (
            json!({"pod_selector": app, "policy_types": ["Ingress"], "ingress": [{"from": [], "ports": []}]}),
            json!({}),
            allowed,
        ),
        (
            json!({"pod_selector": app, "policy_types": ["Ingress"], "ingress": [{
                "from": [{"namespace_selector": [{"match_labels": {}, "match_expressions": []}], "pod_selector": [], "ip_block": []}],
                "ports": [{"port": "8080", "protocol": "TCP", "end_port": null}]}]}),
            json!({}),
            allowed,
        ),
        (
            json!({"pod_selector": app, "policy_types": ["Ingress"], "ingress": [{
                "from": [{"namespace_selector": [null]}], "ports": [{"port": "9090", "protocol": "TCP"}]}]}),
            json!({}),
            denied,
        ),
        // A part that is not known makes the policy one whose rules are not known.
        (
            json!({"pod_selector": app, "policy_types": ["Ingress"], "ingress": [{"from": [{}]}]}),
            json!({"spec": [{"ingress": [{"from": [{"ip_block": [{"cidr": true}]}]}]}]}),
            unknown,
        ),
        (json!({"pod_selector": app, "policy_types": ["Ingress"]}), json!({"spec": [{"ingress": true}]}), unknown),
        (json!({"policy_types": ["Ingress"], "ingress": []}), json!({"spec": [{"pod_selector": true}]}), unknown),
    ] {
        assert_eq!(reaches(spec.clone(), after_unknown.clone()), expected, "{spec} {after_unknown}");
    }
}

#[test]
fn manifests_are_read_and_unknown_ones_are_no_absence() {
    let manifest = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "deny", "namespace": "app", "labels": null},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}});
    let yaml = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: app}\nspec: {podSelector: {}, policyTypes: [Ingress]}\n";
    for (address, values) in [
        ("kubernetes_manifest.deny", json!({"manifest": manifest})),
        ("kubectl_manifest.deny", json!({"yaml_body": yaml})),
    ] {
        let mut r = resource(address, values);
        r["sensitive_values"] = json!({"yaml_body": true});
        let out = audit(&state(vec![resource("kubernetes_stateful_set_v1.w", web("app")), r]), "--fail-on none");
        let report = out.json();
        assert_eq!(report["evidence"]["kinds"], json!({"NetworkPolicy": 1, "StatefulSet": 1}), "{address}");
        assert_eq!(result(&report, "workload-ingress-isolated")["verdict"], "pass", "{address}");
        let evidence = result(&report, "workload-ingress-isolated")["evidence"].to_string();
        assert!(evidence.contains(address), "{evidence}");
    }
    let report = audit(
        &plan(vec![
            change("kubernetes_deployment_v1.w", &["create"], web("app"), json!({})),
            change("kubectl_manifest.some", &["create"], json!({}), json!({"yaml_body": true})),
        ]),
        "--fail-on none",
    )
    .status(4)
    .json();
    assert_eq!(result(&report, "workload-ingress-isolated")["verdict"], "unknown");
    assert!(report["gaps"].to_string().contains("kubectl_manifest.some"));
}

#[test]
fn remedies_are_those_that_were_asked_for() {
    let mut values = cluster();
    values["network_policy"] = json!([]);
    let document = state(vec![resource(ADDRESS, values)]);
    let fixes = |line: &str| result(&audit(&document, line).json(), ENFORCED)["fix"].clone();
    let all = fixes("");
    for tool in ["gcloud", "terraform", "kubectl"] {
        let one = fixes(&format!("--fix-for {tool}"));
        assert_eq!(one[tool], all[tool]);
        let others = one.as_object().into_iter().flatten().filter(|(k, v)| *k != tool && !v.is_null()).count();
        assert_eq!(others, 0, "{one}");
    }
    assert!(!all["gcloud"].is_null() && !all["terraform"].is_null());
}

/// Any JSON, often with the names of the format.
fn any_json() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec![
        "format_version",
        "values",
        "planned_values",
        "root_module",
        "resources",
        "child_modules",
        "resource_changes",
        "change",
        "after",
        "after_unknown",
        "address",
        "type",
        "name",
        "mode",
        "network_policy",
        "enabled",
        "node_pool",
        "index_key",
        "instances",
        "attributes",
        "sensitive_values",
        "cluster",
        "metadata",
        "spec",
        "manifest",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::sample::select(vec![
            "1.2",
            "google_container_cluster",
            "google_container_node_pool",
            "kubernetes_network_policy_v1",
            "kubernetes_manifest",
            "managed",
            "x",
            ""
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(7, 96, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

fn read(document: &Value) -> Result<(), String> {
    let options = gke_posture::collect::Options::new("default", false);
    let text = document.to_string();
    gke_posture::collect::read_embedded(&[("tf.json", &text)], "test", options)
        .map(|_| ())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_document_makes_the_reader_panic(mut document in any_json(), attributes in any_json(), key in 0usize..90) {
        if let Some(map) = document.as_object_mut() {
            map.insert("format_version".to_owned(), json!("1.2"));
        }
        let _ = read(&document);
        // And one attribute of a whole cluster is anything.
        let mut values = cluster();
        let name = values.as_object().unwrap().keys().nth(key % values.as_object().unwrap().len()).unwrap().clone();
        values[name] = attributes.clone();
        let _ = read(&plan(vec![change(ADDRESS, &["create"], values.clone(), attributes.clone())]));
        let _ = read(&state(vec![resource(ADDRESS, values), resource("kubernetes_service_v1.s", attributes)]));
    }
}

#[test]
fn odd_indexes_are_part_of_the_address() {
    let address = "google_container_cluster.c[99999999999999999999999999]";
    let mut r = resource(address, cluster());
    r["index"] = serde_json::from_str("99999999999999999999999999").unwrap();
    let report = audit(&state(vec![r]), "--fail-on none").json();
    assert!(result(&report, ENFORCED)["evidence"].to_string().contains(address));
}

#[test]
fn an_annotation_that_a_plan_does_not_know_is_not_absent() {
    let kept = |annotations: Value, unknown: Value| {
        let metadata = json!([{"name": "web", "namespace": "app", "annotations": annotations}]);
        let (mut after, after_unknown) = (web("app"), json!({"metadata": [{"annotations": unknown}]}));
        after["metadata"] = metadata.clone();
        after["spec"][0]["template"][0]["metadata"][0]["annotations"] = annotations;
        let unknown = json!({"metadata": after_unknown["metadata"], "spec": [{"template": [after_unknown]}]});
        let room = Room::new();
        room.write("tf.json", plan(vec![change("kubernetes_deployment.w", &["create"], after, unknown)]).to_string());
        assert_eq!(room.sh("snapshot tf.json -o s.gz").status, 0);
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&room.read("s.gz")[..]), &mut text).unwrap();
        let snapshot: Value = serde_json::from_str(&text).unwrap();
        let controller = &snapshot["evidence"]["controllers"][0];
        assert_eq!(controller["meta"]["annotations"], controller["template"]["annotations"]);
        controller["meta"]["annotations"].clone()
    };
    let env = json!({"example.com/env": "prod"});
    let later = json!({"$unavailable": "known-after-apply"});
    assert_eq!(kept(env.clone(), json!({})), env);
    assert_eq!(kept(Value::Null, json!({})), Value::Null);
    assert_eq!(kept(Value::Null, json!(true)), later);
    let part = json!({"example.com/env": "prod", "$unavailable": "known-after-apply"});
    assert_eq!(kept(env, json!({"cloud.google.com/neg": true})), part);
}
