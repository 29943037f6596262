//! Takes out of the cluster's configuration what must not be kept.

use serde_json::Value;

use crate::document::Unavailable;

/// Replaces a value that must not be kept but whose presence matters.
pub(crate) const WITHHELD: &str = "(withheld)";

/// Takes out credentials: what is known to be one, and what looks like one.
pub(super) fn strip_secrets(cluster: &mut Value) {
    if let Some(auth) = cluster.get_mut("masterAuth").and_then(Value::as_object_mut) {
        for key in ["password", "clientKey", "clientCertificate"] {
            if let Some(v) = auth.get_mut(key) {
                // That one was issued is a finding; its text is not needed.
                if v.as_str().is_some_and(|s| !s.is_empty()) {
                    *v = Value::String(WITHHELD.to_owned());
                }
            }
        }
    }
    strip(cluster);
}

/// Replaces every text below a key with the name of a secret. Switches stay, and an empty text, which means that there is none.
fn withhold(value: &mut Value) {
    if Unavailable::from_json(value).is_some() {
        return;
    }
    match value {
        Value::Object(map) => map.values_mut().for_each(withhold),
        Value::Array(items) => items.iter_mut().for_each(withhold),
        Value::String(s) if !s.is_empty() => *s = WITHHELD.to_owned(),
        _ => {}
    }
}

fn strip(value: &mut Value) {
    if Unavailable::from_json(value).is_some() {
        return;
    }
    match value {
        Value::Object(map) => {
            // Instance metadata may hold start-up scripts and keys; one entry of it is configuration.
            if let Some(Value::Object(metadata)) =
                map.get_mut("metadata").filter(|m| Unavailable::from_json(m).is_none())
            {
                for (key, v) in metadata.iter_mut() {
                    if key != "disable-legacy-endpoints" {
                        *v = Value::String(WITHHELD.to_owned());
                    }
                }
            }
            for (key, v) in map.iter_mut() {
                // Its keys are names that people gave.
                if let ("maintenanceExclusions", Value::Object(by_name)) = (key.as_str(), &mut *v) {
                    by_name.values_mut().for_each(strip);
                    continue;
                }
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
                // A setting, not a header of that name.
                let looks_secret = lower != "binaryauthorization" && ENDS.iter().any(|w| lower.ends_with(w))
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
