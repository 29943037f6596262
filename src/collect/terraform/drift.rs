//! Drift: where the live cluster differs from Terraform's state.
//!
//! Compared is what the table of attributes knows and the state holds a value for. Spellings that mean the same are no
//! difference: upper and lower case of enums, an enum's UNSPECIFIED and nothing, the order of sets, self-links and names,
//! `zones/` and `locations/`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::document::Reader;

use super::apply::Written;
use super::cluster::Cluster;
use super::mapping::Kind;
use crate::inventory::Drift;

/// Set by the version that GKE upgrades to, chosen once, an address that GKE gives, or a pool's that may be gone.
const NOT_COMPARED: [&str; 12] = [
    "selfLink",
    "endpoint",
    "currentMasterVersion",
    "currentNodeVersion",
    "initialClusterVersion",
    "initialNodeCount",
    "version",
    "nodeConfig",
    "locations",
    "masterAuth.clientCertificate",
    "masterAuth.clusterCaCertificate",
    "controlPlaneEndpointsConfig.dnsEndpointConfig.endpoint",
];

/// What the provider writes where the API has no value: (end of the path, value).
const FILLED_IN: [(&str, &str); 1] = [("variantConfig.variant", "DEFAULT")];

/// Newer fields with the same content: (the field of the table, the newer one, whether it is the opposite).
const NEWER: [(&str, &str, bool); 3] = [
    ("privateClusterConfig.enablePrivateNodes", "networkConfig.defaultEnablePrivateNodes", false),
    (
        "privateClusterConfig.enablePrivateEndpoint",
        "controlPlaneEndpointsConfig.ipEndpointsConfig.enablePublicEndpoint",
        true,
    ),
    ("masterAuthorizedNetworksConfig", "controlPlaneEndpointsConfig.ipEndpointsConfig.authorizedNetworksConfig", false),
];

/// The differences between a cluster of the state and the live one, in the order of the table. `live` is the Cluster
/// resource as the GKE API gives it.
pub fn differences(state: &Cluster, live: &Value) -> Vec<Drift> {
    let mut found = Vec::new();
    for (subject, written) in &state.written {
        let address = state.addresses.get(subject).cloned().unwrap_or_default();
        let (object, ours, theirs) = match subject.strip_prefix("nodePool/") {
            None => (format!("Cluster/{}", state.short_name()), Some(&state.config), Some(live)),
            Some(name) => (format!("NodePool/{name}"), pool(&state.config, name), pool(live, name)),
        };
        let Some(ours) = ours.map(|json| Reader::new(json, None)) else { continue };
        let Some(theirs) = theirs.map(|json| Reader::new(json, None)) else {
            found.push(Drift {
                object,
                address,
                attribute: "name".to_owned(),
                path: "name".to_owned(),
                state: ours.shown("name"),
                live: Value::Null,
            });
            continue;
        };
        let mut seen = BTreeSet::new();
        for w in written {
            let skipped = NOT_COMPARED.iter().any(|p| w.path == *p || w.path.starts_with(&format!("{p}.")));
            // An attribute that has two fields in the API is compared once.
            if !skipped
                && !seen.contains(&w.attribute)
                && let Some((state, live)) = compare(w, &ours, &theirs)
            {
                seen.insert(w.attribute.clone());
                found.push(Drift {
                    object: object.clone(),
                    address: address.clone(),
                    attribute: w.attribute.clone(),
                    path: w.path.clone(),
                    state,
                    live,
                });
            }
        }
    }
    found
}

fn pool<'a>(config: &'a Value, name: &str) -> Option<&'a Value> {
    let pools = config.get("nodePools")?.as_array()?;
    pools.iter().find(|p| p.get("name").and_then(Value::as_str) == Some(name))
}

/// The value of the state and the live one, if they differ.
fn compare(w: &Written, ours: &Reader<'_>, theirs: &Reader<'_>) -> Option<(Value, Value)> {
    let state = Some(ours.shown(&w.path)).filter(|state| !state.is_null())?;
    let live = Some(theirs.shown(&w.path)).filter(|live| !live.is_null());
    let live = live.or_else(|| newer(&w.path, theirs)).unwrap_or(Value::Null);
    let same = match w.kind {
        // An enum's number of which no name is known: it may be the same.
        Kind::Text if live.is_number() => true,
        Kind::Texts | Kind::Allowlist if live.as_array().is_some_and(|l| l.iter().any(Value::is_number)) => true,
        // Labels that others add are none of Terraform's; of withheld values nothing is known.
        Kind::Labels => state.as_object().into_iter().flatten().all(|(key, value)| {
            let live = live.get(key).unwrap_or(&Value::Null);
            [value, live].iter().any(|v| v.as_str() == Some(super::super::gke::WITHHELD)) || same(value, live)
        }),
        Kind::Texts | Kind::Allowlist | Kind::Repeated(_) => set(&state) == set(&live),
        _ => {
            let filled_in = FILLED_IN.iter().any(|(path, v)| live.is_null() && w.path.ends_with(path) && state == *v);
            filled_in || same(&state, &live)
        }
    };
    (!same).then_some((state, live))
}

fn newer(path: &str, live: &Reader<'_>) -> Option<Value> {
    NEWER.iter().find_map(|(old, new, opposite)| {
        let rest = path.strip_prefix(old)?;
        match (opposite, live.shown(&format!("{new}{rest}"))) {
            (_, Value::Null) => None,
            (true, Value::Bool(b)) => Some(Value::Bool(!b)),
            (_, found) => Some(found),
        }
    })
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.keys().chain(b.keys()).all(|k| same(a.get(k).unwrap_or(&Value::Null), b.get(k).unwrap_or(&Value::Null)))
        }
        (Value::Object(o), Value::Null) | (Value::Null, Value::Object(o)) => o.values().all(|v| same(v, &Value::Null)),
        (Value::Array(_), Value::Array(_) | Value::Null) | (Value::Null, Value::Array(_)) => set(a) == set(b),
        _ => normal(a) == normal(b),
    }
}

/// Members in no order, each in its normal form.
fn set(value: &Value) -> BTreeSet<String> {
    let member = |v: &Value| match v {
        Value::Object(map) => {
            let set = map.iter().map(|(k, v)| (k, normal(v))).filter(|(_, v)| !v.is_empty());
            set.map(|(k, v)| format!("{k}={v};")).collect()
        }
        // `cloud-platform` is the end of the scope's address.
        Value::String(s) if s.starts_with("https://www.googleapis.com/auth/") => {
            normal(&Value::from(s.trim_start_matches("https://www.googleapis.com/auth/")))
        }
        other => normal(other),
    };
    value.as_array().into_iter().flatten().map(member).collect()
}

/// The normal form of a plain value; empty: what the API leaves out.
fn normal(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(false) => String::new(),
        Value::Bool(true) => "true".to_owned(),
        Value::Number(n) if n.as_f64() == Some(0.0) => String::new(),
        Value::String(s) => {
            let upper = s.to_ascii_uppercase();
            if upper.ends_with("UNSPECIFIED") || upper == "LEGACY_DATAPATH" || upper == "0" {
                return String::new();
            }
            // A resource by its address, its path or its name.
            let path = s.split_once("/projects/").map_or(s.as_str(), |(_, path)| path);
            let is_link = s.contains("/projects/") || s.starts_with("projects/");
            let is_named = ["networks", "subnetworks"].iter().any(|p| path.contains(&format!("/{p}/")));
            match (is_link, is_named) {
                (true, true) => path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase(),
                (true, false) => {
                    path.trim_start_matches("projects/").replace("/zones/", "/locations/").to_ascii_lowercase()
                }
                _ => s.to_ascii_lowercase(),
            }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn spellings_of_the_same_are_no_difference() {
        for (a, b) in [
            (json!("CALICO"), json!("calico")),
            (json!("PROVIDER_UNSPECIFIED"), json!(null)),
            (json!("UNSPECIFIED"), json!(null)),
            (json!(false), json!(null)),
            (json!(0), json!(null)),
            (json!(110), json!("110")),
            (json!(["b", "a"]), json!(["a", "b"])),
            (json!(["cloud-platform"]), json!(["https://www.googleapis.com/auth/cloud-platform"])),
            (json!([{"cidrBlock": "10.0.0.0/8", "displayName": ""}]), json!([{"cidrBlock": "10.0.0.0/8"}])),
            (json!("projects/p/global/networks/n"), json!("n")),
            (
                json!("https://container.googleapis.com/v1/projects/p/zones/z/clusters/c"),
                json!("projects/p/locations/z/clusters/c"),
            ),
            (json!([]), json!(null)),
        ] {
            assert!(same(&a, &b) && same(&b, &a), "{a} {b}");
        }
        for (a, b) in [
            (json!(true), json!(null)),
            (json!(true), json!(false)),
            (json!("CALICO"), json!(null)),
            (json!(["a"]), json!(["a", "b"])),
            (json!([{"cidrBlock": "10.0.0.0/8"}]), json!([{"cidrBlock": "0.0.0.0/0"}])),
            (json!("projects/p/global/networks/n"), json!("m")),
            (json!(110), json!(32)),
        ] {
            assert!(!same(&a, &b), "{a} {b}");
        }
    }
}
