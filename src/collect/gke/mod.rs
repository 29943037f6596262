//! The cluster's configuration in one normal form: camelCase JSON with enum names, without secrets.
//!
//! gcloud and the REST API print camelCase with enum names. Tools that marshal the protobuf structs print snake_case, enum
//! numbers and a wrapper around each oneof; both are read. Field names:
//! <https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters>.

mod assets;
mod enums;
#[cfg(test)]
pub(crate) use enums::name as enum_name;
mod secrets;

pub(super) use assets::{Asset, asset};
pub(super) use secrets::WITHHELD;

use serde_json::{Map, Value};

use crate::document::Unavailable;
use crate::inventory::ClusterName;

/// Whether a document without `kind` is a GKE cluster description.
pub(super) fn is_cluster(doc: &Value) -> bool {
    let Value::Object(map) = doc else { return false };
    const MARKS: [&str; 8] = [
        "currentMasterVersion",
        "current_master_version",
        "masterAuth",
        "master_auth",
        "nodePools",
        "node_pools",
        "addonsConfig",
        "addons_config",
    ];
    !map.contains_key("kind")
        && pool_listing(doc).is_none()
        && (MARKS.iter().any(|m| map.contains_key(*m)) || is_new_cluster(map))
}

/// A cluster that is being made has little more than a name and a status. So has a node pool, but that has a `config`.
fn is_new_cluster(map: &Map<String, Value>) -> bool {
    const STATUS: [&str; 6] = ["PROVISIONING", "RUNNING", "RECONCILING", "STOPPING", "ERROR", "DEGRADED"];
    let is_status = |v: &Value| match v {
        Value::String(s) => STATUS.contains(&s.as_str()),
        other => other.as_i64().and_then(|n| enums::name("status", n)).is_some(),
    };
    let named = map.get("name").is_some_and(Value::is_string);
    named && map.get("status").is_some_and(is_status) && !map.contains_key("config")
}

/// Whether a document without `kind` is a node pool, as `gcloud container node-pools describe --format=json` prints it.
pub(super) fn is_pool(doc: &Value) -> bool {
    let Value::Object(map) = doc else { return false };
    let link = map.get("selfLink").or_else(|| map.get("self_link")).and_then(Value::as_str);
    let named = map.get("name").is_some_and(Value::is_string);
    named && !map.contains_key("kind") && link.is_some_and(|link| link.contains("/nodePools/"))
}

/// A page of `nodePools.list`, which has nothing but the pools.
pub(super) fn pool_listing(doc: &Value) -> Option<&[Value]> {
    let map = doc.as_object().filter(|m| m.len() == 1)?;
    let pools = map.get("nodePools").or_else(|| map.get("node_pools")).and_then(Value::as_array)?;
    Some(pools.as_slice()).filter(|pools| !pools.is_empty() && pools.iter().all(is_pool))
}

/// The full name of a normalised cluster, or of the cluster of a normalised node pool.
pub(super) fn full_name(config: &Value) -> Option<ClusterName> {
    let link = config.get("selfLink")?.as_str()?;
    ClusterName::parse(link.split_once("/nodePools/").map_or(link, |(cluster, _)| cluster))
}

/// A page of `clusters.list`: the clusters in it, and the zones that did not answer.
pub(super) fn listing(doc: &Value) -> Option<(&[Value], Vec<String>)> {
    let map = doc.as_object().filter(|m| !m.contains_key("kind"))?;
    let zones = map.get("missingZones").or_else(|| map.get("missing_zones")).and_then(Value::as_array);
    let some = |clusters: &&Vec<Value>| !clusters.is_empty() || zones.is_some_and(|z| !z.is_empty());
    let clusters = map.get("clusters")?.as_array().filter(some).filter(|c| c.iter().all(is_cluster))?;
    let missing = zones.into_iter().flatten().map(|z| z.as_str().map_or_else(|| z.to_string(), str::to_owned));
    Some((clusters, missing.collect()))
}

/// Whether a document is what `gcloud container clusters get-upgrade-info --format=json` prints.
pub(super) fn is_upgrade_info(doc: &Value) -> bool {
    const MARKS: [&str; 4] = [
        "endOfStandardSupportTimestamp",
        "end_of_standard_support_timestamp",
        "endOfExtendedSupportTimestamp",
        "end_of_extended_support_timestamp",
    ];
    doc.as_object().is_some_and(|map| !map.contains_key("kind") && MARKS.iter().any(|m| map.contains_key(*m)))
}

/// Normalises a description.
pub(super) fn normalise(doc: &Value) -> Value {
    let mut out = camel(doc, "");
    secrets::strip_secrets(&mut out);
    out
}

/// Normalises a node pool.
pub(super) fn normalise_pool(doc: &Value) -> Value {
    // Its fields are told by where they are in the cluster.
    let mut cluster = normalise(&serde_json::json!({ "nodePools": [doc] }));
    let pools = cluster.get_mut("nodePools").and_then(Value::as_array_mut);
    pools.and_then(Vec::pop).unwrap_or_default()
}

/// Maps whose keys are the user's own and stay as they are.
const USER_KEYS: [&str; 7] =
    ["labels", "resourceLabels", "metadata", "tags", "nodeLabels", "items", "maintenanceExclusions"];

fn camel(value: &Value, path: &str) -> Value {
    // Also what a document of the API has in the form of one: nothing of it is kept.
    if let Some(why) = Unavailable::from_json(value) {
        return why.to_json();
    }
    match value {
        Value::Object(map) => {
            let user = USER_KEYS.contains(&path.rsplit('.').next().unwrap_or_default());
            let mut out = Map::new();
            for (k, v) in map {
                let (k, v) = if user { (k.as_str(), v) } else { unwrapped(k, v) };
                let key = if user { k.to_owned() } else { camel_case(k) };
                let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let v = camel(v, &inner);
                let twice = out.get(&key).is_some_and(|earlier| *earlier != v);
                out.insert(key, if twice { Unavailable::Contradiction.to_json() } else { v });
            }
            Value::Object(out)
        }
        Value::Array(items) => Value::Array(items.iter().map(|v| camel(v, path)).collect()),
        Value::Number(n) => match n.as_i64().and_then(|n| enums::name(path, n)) {
            Some(name) => Value::String(name),
            None => value.clone(),
        },
        _ => value.clone(),
    }
}

/// Go writes a oneof as `Policy: { RecurringWindow: … }`; the API's JSON has the inner field alone.
fn unwrapped<'a>(key: &'a str, value: &'a Value) -> (&'a str, &'a Value) {
    let upper = |k: &str| k.starts_with(|c: char| c.is_ascii_uppercase());
    match value {
        Value::Object(inner) if upper(key) && inner.len() == 1 => match inner.iter().next() {
            Some((k, v)) if upper(k) => (k, v),
            _ => (key, value),
        },
        _ => (key, value),
    }
}

/// `enable_l4ilb_subsetting` → `enableL4ilbSubsetting`; a name without `_` keeps all but a capital at its start.
pub(super) fn camel_case(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    let mut upper = false;
    for (i, c) in key.chars().enumerate() {
        match c {
            '_' => upper = true,
            c if upper => {
                out.extend(c.to_uppercase());
                upper = false;
            }
            c if i == 0 => out.push(c.to_ascii_lowercase()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_marshals_the_protobuf_struct_is_read_as_well() {
        let dump = json!({
            "name": "c",
            "node_pools": [{"config": {"workload_metadata_config": {"mode": 2}, "labels": {"my_label": "x"}}}],
            "network_config": {"enable_l4ilb_subsetting": true, "datapath_provider": 2},
            "maintenance_policy": {"window": {
                "Policy": {"RecurringWindow": {"recurrence": "FREQ=DAILY"}},
                "maintenance_exclusions": {"my_freeze": {"Options": {"MaintenanceExclusionOptions": {"scope": 1}}}},
            }},
        });
        let expected = json!({
            "name": "c",
            "nodePools": [{"config": {"workloadMetadataConfig": {"mode": "GKE_METADATA"}, "labels": {"my_label": "x"}}}],
            "networkConfig": {"enableL4ilbSubsetting": true, "datapathProvider": "ADVANCED_DATAPATH"},
            "maintenancePolicy": {"window": {
                "recurringWindow": {"recurrence": "FREQ=DAILY"},
                "maintenanceExclusions": {"my_freeze": {"maintenanceExclusionOptions": {"scope": "NO_MINOR_UPGRADES"}}},
            }},
        });
        assert_eq!(normalise(&dump), expected);
        let both =
            normalise(&json!({"database_encryption": {"state": 1}, "databaseEncryption": {"state": "DECRYPTED"}}));
        assert_eq!(both["databaseEncryption"], Unavailable::Contradiction.to_json());
        let same =
            normalise(&json!({"database_encryption": {"state": 2}, "databaseEncryption": {"state": "DECRYPTED"}}));
        assert_eq!(same["databaseEncryption"], json!({"state": "DECRYPTED"}));
        // What is normal stays as it is.
        assert_eq!(normalise(&expected), expected);
    }

    #[test]
    fn a_new_cluster_is_not_taken_for_a_node_pool() {
        assert!(is_cluster(&json!({"name": "x", "status": "PROVISIONING"})));
        assert!(!is_cluster(&json!({"name": "x", "status": "PROVISIONING", "config": {}})));
        assert!(is_cluster(&json!({"name": "x", "status": 1})));
        assert!(!is_cluster(&json!({"name": "x", "status": "done"})));
        assert!(!is_cluster(&json!({"name": "x", "status": 99})));
        assert!(!is_cluster(&json!({"name": "x", "status": "RUNNING", "kind": "Thing"})));
    }

    #[test]
    fn a_listing_names_the_zones_that_did_not_answer() {
        let doc = json!({"clusters": [{"name": "c", "nodePools": []}], "missingZones": ["us-central1-b"]});
        let (clusters, missing) = listing(&doc).unwrap();
        assert_eq!((clusters.len(), missing), (1, vec!["us-central1-b".to_owned()]));
        assert!(listing(&json!({"clusters": [{"name": "a context of a kubeconfig"}]})).is_none());
    }

    #[test]
    fn what_is_not_a_value_stays_so_and_hides_no_secret() {
        let known_after_apply = Unavailable::KnownAfterApply.to_json();
        let doc = json!({
            "masterAuth": {"password": Unavailable::Sensitive.to_json()},
            "maintenancePolicy": {"window": {"maintenanceExclusions": known_after_apply}},
            "nodePools": [{"config": {"metadata": known_after_apply}}],
        });
        assert_eq!(normalise(&doc), doc);
        // One that a document of the API has itself is no value either, and nothing of it is kept.
        let forged = json!({"$unavailable": "hunter2", "enabled": true});
        let doc = json!({"networkPolicy": forged, "masterAuth": {"password": forged}, "resourceLabels": forged});
        let unreadable = Unavailable::Unreadable.to_json();
        assert_eq!(
            normalise(&doc),
            json!({"networkPolicy": unreadable, "masterAuth": {"password": unreadable}, "resourceLabels": unreadable})
        );
    }
}
