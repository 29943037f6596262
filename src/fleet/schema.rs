//! The published JSON Schema of the fleet report.

use serde_json::Value as Json;

use super::FleetReport;
use crate::report::schema::of;

/// JSON Schema (2020-12) of [`FleetReport::json`]; also checked in as `schemas/fleet.schema.json`.
pub fn json_schema() -> Json {
    of::<FleetReport>("gke-posture fleet report")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::FleetParts;
    use crate::fleet::sample::{fleet, hostile_fleet, merged, part};
    use crate::report::format::json::to_json;
    use crate::report::schema::tests::{assert_current, assert_describes};

    #[test]
    fn checked_in_schema_is_current() {
        assert_current("fleet.schema.json", &json_schema());
    }

    #[test]
    fn reports_are_valid_and_others_are_not() {
        let reports = [fleet(), hostile_fleet(), part(1), merged(&[2]), FleetReport::new(FleetParts::default())];
        assert_describes(&json_schema(), &reports.map(|r| to_json(&r).unwrap()));
    }
}
