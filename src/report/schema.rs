//! The published JSON Schema of the report.

use serde_json::Value as Json;

use super::Report;

/// JSON Schema (2020-12) of [`Report::json`]; also checked in as `schemas/report.schema.json`.
pub fn json_schema() -> Json {
    let mut schema = schemars::schema_for!(Report).to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), "gke-posture report".into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{hostile, sample};

    #[test]
    fn checked_in_schema_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/report.schema.json");
        let expected = format!("{:#}\n", json_schema());
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, &expected).unwrap();
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert!(found == expected, "{path} is out of date: run with BLESS=1 to refresh it");
    }

    #[test]
    fn reports_are_valid_and_others_are_not() {
        let schema = json_schema();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for report in [sample(), hostile(), Report::new(Default::default())] {
            let json: Json = serde_json::from_str(&report.json()).unwrap();
            let errors: Vec<String> = validator.iter_errors(&json).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
        let mut json: Json = serde_json::from_str(&sample().json()).unwrap();
        json["outcome"] = "green".into();
        assert!(!validator.is_valid(&json));
        json["outcome"] = "pass".into();
        json["schemaVersion"] = 2.into();
        assert!(!validator.is_valid(&json));
    }
}
