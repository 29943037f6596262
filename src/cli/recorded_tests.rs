//! Every field that facts and the platform read of the cluster's configuration, and what Terraform and Config Connector
//! record of it: a field that they do not record is unknown, never absent.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::collect::terraform::{RECORDED_ELSEWHERE, full_cluster};
use crate::collect::{Options, enum_name, read_embedded};
use crate::config::Config;
use crate::document::{Lookup, Reader, requested_paths};
use crate::facts::{self, enums_read};
use crate::inventory::{ClusterConfig, Inventory, Origin, Snapshot};
use crate::network::Reach;
use crate::platform;

const NOT_RECORDED: &str = "not recorded by Terraform: audit the live cluster to know it";
const AFTER_APPLY: &str = "known after apply (Terraform plan)";

fn snapshot(file: &str, text: &str) -> Snapshot {
    read_embedded(&[(file, text)], "test", Options::new("default", true)).unwrap()
}

/// Works out all facts.
fn build(snapshot: Snapshot) -> facts::Knowledge {
    let inventory = Inventory::new(snapshot);
    let mut reach = Reach::new(&inventory, platform::describe(&inventory, None), &[]);
    facts::build(&inventory, &mut reach, &Config::default(), jiff::Timestamp::UNIX_EPOCH)
}

/// Clusters of several kinds, so that every field is read of one of them.
fn clusters() -> Vec<Value> {
    let example = include_str!("../../examples/tomoda/cluster.json");
    let mut full = full_cluster();
    full["currentMasterVersion"] = json!("1.35.6-gke.1");
    let mut variants = vec![json!({"name": "c", "nodePools": [{}]}), full, serde_json::from_str(example).unwrap()];
    for (path, value) in [
        ("/autopilot", json!({"enabled": true})),
        ("/currentMasterVersion", json!("1.25.1-gke.1")),
        ("/networkConfig/datapathProvider", json!("ADVANCED_DATAPATH")),
        ("/loggingConfig", Value::Null),
        ("/networkPolicy", json!({"enabled": true})),
        ("/masterAuth", json!({"clientCertificate": ""})),
        ("/conditions", json!([{"code": "CA_EXPIRING"}])),
        (
            "/maintenancePolicy",
            json!({"window": {"maintenanceExclusions": {"freeze": {"startTime": "1969-01-01T00:00:00Z"}}}}),
        ),
    ] {
        for mut variant in variants.clone().into_iter().take(3) {
            if value.is_null() {
                variant.as_object_mut().unwrap().remove(path.trim_start_matches('/'));
            } else if path.matches('/').count() == 1 {
                variant[path.trim_start_matches('/')] = value.clone();
            } else if let Some(place) = variant.pointer_mut(path) {
                *place = value.clone();
            }
            variants.push(variant);
        }
    }
    variants
}

/// The evidence with that cluster alone.
fn of_cluster(config: Value) -> Snapshot {
    let origin = Origin::file("cluster.json", 1);
    let cluster = ClusterConfig { config, origin, recorded: None, creation: None, pools_only: false };
    Snapshot { cluster: Some(cluster), ..Snapshot::default() }
}

/// The live API gives the numbers of enum values, and facts know them by their names.
#[test]
fn every_enum_that_is_read_has_names() {
    let read = |config: Value| enums_read(|| drop(build(of_cluster(config))));
    let paths: BTreeSet<String> = clusters().into_iter().flat_map(read).collect();
    assert!(paths.len() > 15, "{paths:#?}");
    for path in paths {
        let without_indexes: String =
            path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect();
        assert!(enum_name(&without_indexes, 1).is_some(), "{path} is not in src/collect/gke/enums.rs");
    }
}

#[test]
fn no_field_that_is_read_is_absent_because_nothing_records_it() {
    let read = |config: Value| requested_paths(|| drop(build(of_cluster(config))));
    let paths: BTreeSet<String> = clusters().into_iter().flat_map(read).collect();
    assert!(paths.len() > 120, "{paths:#?}");
    let resource = |address: &str, values: Value| {
        let (kind, name) = address.split_once('.').unwrap();
        json!({"address": address, "mode": "managed", "type": kind, "name": name, "values": values})
    };
    let values = json!({"name": "c", "location": "europe-west1", "project": "p", "node_pool": [{"name": "a"}]});
    let state = json!({"format_version": "1.0", "values": {"root_module": {"resources": [
        resource("google_container_cluster.c", values.clone()),
    ]}}});
    let plan = json!({"format_version": "1.2", "planned_values": {}, "resource_changes": [{
        "address": "google_container_cluster.c", "type": "google_container_cluster", "name": "c",
        "change": {"actions": ["create"], "after": values, "after_unknown": {}},
    }]});
    let connector = "apiVersion: container.cnrm.cloud.google.com/v1beta1\nkind: ContainerCluster\n\
                     metadata: {name: c}\nspec: {location: europe-west1}\n---\n\
                     apiVersion: container.cnrm.cloud.google.com/v1beta1\nkind: ContainerNodePool\n\
                     metadata: {name: a}\nspec: {location: europe-west1, clusterRef: {name: c}}\n";
    let full = full_cluster();
    let full_pool = &full["nodePools"][0];
    for (file, text, reason) in [
        ("state.json", state.to_string(), NOT_RECORDED),
        ("plan.json", plan.to_string(), NOT_RECORDED),
        ("cc.yaml", connector.to_owned(), "not written in the Config Connector resource: GKE chooses it"),
    ] {
        let cluster = snapshot(file, &text).cluster.unwrap();
        let pool = cluster.reader().part("nodePools[0]").unwrap();
        let mut unrecorded = BTreeSet::new();
        for path in &paths {
            for (reader, full, part) in [(cluster.reader(), &full, ""), (pool, full_pool, "pool ")] {
                // A field that is in the table, or an object with one.
                let path_in_table = path.replace(".freeze", ".*");
                let is_mapped = !Reader::new(full, None).shown(&path_in_table).is_null();
                match reader.read(path, "anything", Some) {
                    Lookup::Absent if part.is_empty() && RECORDED_ELSEWHERE.contains(&&**path) => {}
                    Lookup::Absent => assert!(is_mapped, "{file}: {part}{path} is absent, and nothing records it"),
                    Lookup::Value(_) => {}
                    Lookup::Unknown(text) => {
                        // Of an object that the plan does not know, no part is known.
                        assert!(text.ends_with(reason) || text.ends_with(AFTER_APPLY) || is_mapped, "{file}: {text}");
                        unrecorded.extend((!is_mapped).then(|| format!("{part}{path}")));
                    }
                }
            }
        }
        for path in ["controlPlaneEgress.mode", "status", "currentNodeCount", "pool status"] {
            assert!(unrecorded.contains(path), "{file}: {path} {unrecorded:#?}");
        }
        let text = match cluster.reader().text("controlPlaneEgress.inventedYesterday") {
            Lookup::Unknown(text) => text,
            other => panic!("{other:?}"),
        };
        assert!(text.ends_with(reason), "{text}");
    }
}
