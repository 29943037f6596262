//! The cluster's configuration in one normal form: camelCase JSON with enum names, without secrets.
//!
//! gcloud and the REST API print camelCase with enum names. Tools that marshal the protobuf structs print snake_case and
//! enum numbers; both are read. Field names: <https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters>.

use serde_json::{Map, Value};

/// Whether a document without `kind` is a GKE cluster description.
pub fn is_cluster(doc: &Value) -> bool {
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
    !map.contains_key("kind") && MARKS.iter().any(|m| map.contains_key(*m))
}

/// Normalises a description.
pub fn normalise(doc: &Value) -> Value {
    let mut out = camel(doc, "");
    strip_secrets(&mut out);
    out
}

/// Maps whose keys are the user's own and stay as they are.
const USER_KEYS: [&str; 6] = ["labels", "resourceLabels", "metadata", "tags", "nodeLabels", "items"];

fn camel(value: &Value, path: &str) -> Value {
    match value {
        Value::Object(map) => {
            let user = USER_KEYS.contains(&path.rsplit('.').next().unwrap_or_default());
            Value::Object(
                map.iter()
                    .map(|(k, v)| {
                        let key = if user { k.clone() } else { camel_key(k) };
                        let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                        (key, camel(v, &inner))
                    })
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(|v| camel(v, path)).collect()),
        Value::Number(n) => match n.as_i64().and_then(|n| enum_name(path, n)) {
            Some(name) => Value::String(name.to_owned()),
            None => value.clone(),
        },
        _ => value.clone(),
    }
}

/// `enable_l4ilb_subsetting` → `enableL4ilbSubsetting`; a name without `_` stays.
fn camel_key(key: &str) -> String {
    if !key.contains('_') {
        return key.to_owned();
    }
    let mut out = String::with_capacity(key.len());
    let mut upper = false;
    for c in key.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                out.extend(c.to_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}

/// Names of enum numbers, by the end of the field's path. A number that is not listed stays a number, which no rule
/// takes for a known value.
fn enum_name(path: &str, n: i64) -> Option<&'static str> {
    const TABLE: [(&str, &[(i64, &str)]); 11] = [
        (
            "networkConfig.datapathProvider",
            &[(0, "DATAPATH_PROVIDER_UNSPECIFIED"), (1, "LEGACY_DATAPATH"), (2, "ADVANCED_DATAPATH")],
        ),
        ("networkPolicy.provider", &[(0, "PROVIDER_UNSPECIFIED"), (1, "CALICO")]),
        ("workloadMetadataConfig.mode", &[(0, "MODE_UNSPECIFIED"), (1, "GCE_METADATA"), (2, "GKE_METADATA")]),
        (
            "databaseEncryption.state",
            &[(0, "UNKNOWN"), (1, "ENCRYPTED"), (2, "DECRYPTED"), (3, "ALL_OBJECTS_ENCRYPTION_ENABLED")],
        ),
        (
            "binaryAuthorization.evaluationMode",
            &[(0, "EVALUATION_MODE_UNSPECIFIED"), (1, "DISABLED"), (2, "PROJECT_SINGLETON_POLICY_ENFORCE")],
        ),
        ("releaseChannel.channel", &[(0, "UNSPECIFIED"), (1, "RAPID"), (2, "REGULAR"), (3, "STABLE"), (4, "EXTENDED")]),
        ("securityPostureConfig.mode", &[(0, "MODE_UNSPECIFIED"), (1, "DISABLED"), (2, "BASIC"), (3, "ENTERPRISE")]),
        ("anonymousAuthenticationConfig.mode", &[(0, "MODE_UNSPECIFIED"), (1, "ENABLED"), (2, "LIMITED")]),
        ("controlPlaneEgress.mode", &[(0, "MODE_UNSPECIFIED"), (1, "VIA_CONTROL_PLANE"), (2, "NONE")]),
        (
            "nodeCreationConfig.nodeCreationMode",
            &[(0, "MODE_UNSPECIFIED"), (1, "VIA_KUBELET"), (2, "VIA_CONTROL_PLANE")],
        ),
        (
            "dnsConfig.clusterDns",
            &[(0, "PROVIDER_UNSPECIFIED"), (1, "PLATFORM_DEFAULT"), (2, "CLOUD_DNS"), (3, "KUBE_DNS")],
        ),
    ];
    if path == "status" {
        const STATUS: [&str; 7] =
            ["STATUS_UNSPECIFIED", "PROVISIONING", "RUNNING", "RECONCILING", "STOPPING", "ERROR", "DEGRADED"];
        return usize::try_from(n).ok().and_then(|i| STATUS.get(i)).copied();
    }
    let ends = |suffix: &str| path == suffix || path.strip_suffix(suffix).is_some_and(|p| p.ends_with('.'));
    let (_, names) = TABLE.iter().find(|(suffix, _)| ends(suffix))?;
    names.iter().find(|(number, _)| *number == n).map(|(_, name)| *name)
}

/// What replaces a value that must not be kept but whose presence says something.
pub const WITHHELD: &str = "(withheld)";

/// Takes out credentials: what is known to be one, and what looks like one.
fn strip_secrets(cluster: &mut Value) {
    if let Some(auth) = cluster.get_mut("masterAuth").and_then(Value::as_object_mut) {
        for key in ["password", "clientKey", "clientCertificate"] {
            if let Some(v) = auth.get_mut(key) {
                // Whether one was issued is a finding; what it is, is nobody's business.
                if v.as_str().is_some_and(|s| !s.is_empty()) {
                    *v = Value::String(WITHHELD.to_owned());
                }
            }
        }
    }
    strip(cluster);
}

/// Takes out every text of what has the name of a secret. Switches stay, and an empty text, which says that there is none.
fn withhold(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(withhold),
        Value::Array(items) => items.iter_mut().for_each(withhold),
        Value::String(s) if !s.is_empty() => *s = WITHHELD.to_owned(),
        _ => {}
    }
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            // Instance metadata may hold start-up scripts and keys; one entry of it is configuration.
            if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
                for (key, v) in metadata.iter_mut() {
                    if key != "disable-legacy-endpoints" {
                        *v = Value::String(WITHHELD.to_owned());
                    }
                }
            }
            for (key, v) in map.iter_mut() {
                let lower = key.to_ascii_lowercase();
                const ENDS: [&str; 11] = [
                    "password",
                    "passphrase",
                    "token",
                    "secret",
                    "authorization",
                    "credential",
                    "credentials",
                    "privatekey",
                    "clientkey",
                    "accesskey",
                    "apikey",
                ];
                let looks_secret = ENDS.iter().any(|w| lower.ends_with(w))
                    || lower == "header"
                    || lower == "headers"
                    || lower == "host" && v.is_array();
                if looks_secret && v.is_array() {
                    *v = Value::String(WITHHELD.to_owned());
                } else if looks_secret {
                    withhold(v);
                } else {
                    strip(v);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::String(s) => {
            let masked = crate::lexicon::mask_text(s);
            if masked != *s {
                *s = masked;
            }
        }
        _ => {}
    }
}
