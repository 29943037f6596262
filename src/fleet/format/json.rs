//! The fleet report as JSON: the model itself, each element of a list on one line.

use crate::fleet::FleetReport;
use crate::report::format::json::to_json;

pub(super) fn render(report: &FleetReport) -> Result<String, String> {
    to_json(report)
}
