//! Values that a source could not give, and why.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Why a document does not have a value that it is about.
///
/// In JSON an object with the one key `$unavailable` takes the value's place: `{"$unavailable": "known-after-apply"}`. Only
/// this file writes and reads that object. Every object with that key counts as unavailable, so a document that contains
/// one of its own can make a value unknown, but never known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unavailable {
    /// A Terraform plan does not know it yet.
    KnownAfterApply,
    /// Terraform marks it as sensitive.
    Sensitive,
    /// Terraform has no attribute for it, or the provider's version does not record it.
    NotRecorded,
    /// A Config Connector resource does not state it, so GKE chooses it.
    NotWritten,
    /// Only node pools are in the input, without their cluster.
    NotGiven,
    /// The document has it in two spellings with two values.
    Contradiction,
    /// It is not of the type that the source gives it.
    Unreadable,
}

const ALL: [(Unavailable, &str, &str); 7] = [
    (Unavailable::KnownAfterApply, "known-after-apply", "known after apply (Terraform plan)"),
    (Unavailable::Sensitive, "sensitive", "marked as sensitive in Terraform"),
    (Unavailable::NotRecorded, "not-recorded", "not recorded by Terraform: audit the live cluster to know it"),
    (Unavailable::NotWritten, "not-written", "not written in the Config Connector resource: GKE chooses it"),
    (Unavailable::NotGiven, "not-given", "not given: the input has node pools without their cluster"),
    (Unavailable::Contradiction, "contradiction", "there in two spellings with two values"),
    (Unavailable::Unreadable, "unreadable", "of another type than its source gives it"),
];

impl Unavailable {
    /// The key of the JSON object that takes the value's place.
    pub(crate) const KEY: &str = "$unavailable";

    /// The reason as the end of a sentence about the value: "known after apply (Terraform plan)".
    pub fn reason(self) -> &'static str {
        ALL.iter().find(|(one, ..)| *one == self).map_or("", |(.., reason)| reason)
    }

    /// What takes the value's place in JSON.
    pub fn to_json(self) -> Value {
        json!({ Unavailable::KEY: ALL.iter().find(|(one, ..)| *one == self).map(|(_, code, _)| code) })
    }

    /// Why this is not a value; `None` if it is one.
    pub fn from_json(value: &Value) -> Option<Unavailable> {
        let code = value.as_object()?.get(Unavailable::KEY)?;
        Some(Unavailable::from_code(code.as_str().unwrap_or_default()))
    }

    /// The reason with this code; `Unreadable` if there is none.
    pub(crate) fn from_code(code: &str) -> Unavailable {
        ALL.iter().find(|(_, name, _)| code == *name).map_or(Unavailable::Unreadable, |(one, ..)| *one)
    }

    /// Why a value or a part of it is not one; `None` if all of it is.
    pub fn within(value: &Value) -> Option<Unavailable> {
        Unavailable::from_json(value).or_else(|| match value {
            Value::Object(map) => map.values().find_map(Unavailable::within),
            Value::Array(items) => items.iter().find_map(Unavailable::within),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_survives_json_and_has_a_text() {
        for (one, code, _) in ALL {
            assert_eq!(Unavailable::from_json(&one.to_json()), Some(one));
            assert_eq!(serde_json::to_value(one).unwrap(), code);
            assert!(!one.reason().is_empty());
            assert_eq!(Unavailable::within(&json!({"a": [1, {"b": one.to_json()}]})), Some(one));
        }
        for value in
            [json!(null), json!("$unavailable"), json!({}), json!([{"x": 1}]), json!({"unavailable": "sensitive"})]
        {
            assert_eq!((Unavailable::from_json(&value), Unavailable::within(&value)), (None, None), "{value}");
        }
    }

    #[test]
    fn an_object_of_a_documents_own_with_the_key_is_no_value() {
        for value in [
            json!({"$unavailable": "no such reason"}),
            json!({"$unavailable": true}),
            json!({"$unavailable": null, "enabled": true}),
            json!({"$unavailable": "sensitive", "disabled": false}),
        ] {
            assert!(Unavailable::from_json(&value).is_some(), "{value}");
        }
    }
}
