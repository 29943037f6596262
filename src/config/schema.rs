//! The JSON Schema of `gke-posture.yaml`, for editors.

/// JSON Schema of `gke-posture.yaml`, as checked in at `schemas/config.schema.json`.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(super::Config).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, KnownNames};

    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/config.schema.json");

    fn json_of(yaml: &str) -> serde_json::Value {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn the_checked_in_schema_is_current() {
        let current = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(PATH, &current).unwrap();
        }
        let checked_in = std::fs::read_to_string(PATH).unwrap_or_default();
        assert!(
            checked_in == current,
            "schemas/config.schema.json is out of date; refresh it with: BLESS=1 cargo test --lib config::schema"
        );
    }

    #[test]
    fn the_schema_and_the_parser_agree() {
        let validator = jsonschema::validator_for(&json_schema()).unwrap();
        let known = KnownNames { checks: vec!["a".into()] };
        for (valid, text) in [
            (true, super::super::tests::FULL),
            (true, "{}"),
            (false, "thresholds: { ingressCoverage: 101 }"),
            (false, "waiver: []"),
            (false, "checks: { a: { severity: hi } }"),
            (false, "checks: { a: { enable: true } }"),
            (false, "environments: { production: { namespace: [a] } }"),
            (false, "environments: { production: { namespaces: a } }"),
            (false, "waivers: [{ check: a, subject: b, reason: c, owner: d }]"),
        ] {
            assert_eq!(validator.is_valid(&json_of(text)), valid, "schema: {text}");
            let parsed = Config::parse("c.yaml", text, &known);
            assert_eq!(parsed.is_ok(), valid, "parser: {text}: {parsed:?}");
        }
    }
}
