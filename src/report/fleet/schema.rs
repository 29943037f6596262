//! The published JSON Schema of the fleet report.

use serde_json::Value as Json;

use super::FleetReport;

/// JSON Schema (2020-12) of [`FleetReport::json`]; also checked in as `schemas/fleet.schema.json`.
pub fn json_schema() -> Json {
    let mut schema = schemars::schema_for!(FleetReport).to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), "gke-posture fleet report".into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fleet::FleetParts;
    use crate::report::fleet::sample::{fleet, hostile_fleet, merged, part};

    #[test]
    fn checked_in_schema_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/fleet.schema.json");
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
        for report in [fleet(), hostile_fleet(), part(1), merged(&[2]), FleetReport::new(FleetParts::default())] {
            let json: Json = serde_json::from_str(&report.json()).unwrap();
            let errors: Vec<String> = validator.iter_errors(&json).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
        let mut json: Json = serde_json::from_str(&fleet().json()).unwrap();
        json["outcome"] = "green".into();
        assert!(!validator.is_valid(&json));
        json["outcome"] = "pass".into();
        assert!(validator.is_valid(&json));
        json["schemaVersion"] = 2.into();
        assert!(!validator.is_valid(&json));
    }
}
