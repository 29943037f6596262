//! The published JSON Schema of the report.

use schemars::JsonSchema;
use serde_json::Value as Json;

use super::Report;

/// The JSON Schema of a type, with a title.
pub(crate) fn of<T: JsonSchema>(title: &str) -> Json {
    let mut schema = schemars::schema_for!(T).to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), title.into());
    }
    schema
}

/// JSON Schema (2020-12) of the JSON of a [`Report`]; also checked in as `schemas/report.schema.json`.
pub fn json_schema() -> Json {
    of::<Report>("gke-posture report")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::report::format::json::to_json;
    use crate::report::sample::{hostile, sample};

    /// The file of that name in `schemas/` is this schema.
    pub(crate) fn assert_current(file: &str, schema: &Json) {
        let path = format!("{}/schemas/{file}", env!("CARGO_MANIFEST_DIR"));
        let expected = format!("{schema:#}\n");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &expected).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == expected, "{path} is out of date: run with BLESS=1 to refresh it");
    }

    /// These reports are valid; one with another outcome or version is not.
    pub(crate) fn assert_describes(schema: &Json, reports: &[String]) {
        let validator = jsonschema::validator_for(schema).unwrap();
        for text in reports {
            let mut json: Json = serde_json::from_str(text).unwrap();
            let errors: Vec<String> = validator.iter_errors(&json).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{errors:#?}");
            let outcome = std::mem::replace(&mut json["outcome"], "green".into());
            assert!(!validator.is_valid(&json));
            json["outcome"] = outcome;
            json["schemaVersion"] = 99.into();
            assert!(!validator.is_valid(&json));
        }
    }

    #[test]
    fn checked_in_schema_is_current() {
        assert_current("report.schema.json", &json_schema());
    }

    #[test]
    fn reports_are_valid_and_others_are_not() {
        let reports = [sample(), hostile(), Report::new(Default::default())].map(|r| to_json(&r).unwrap());
        assert_describes(&json_schema(), &reports);
    }
}
