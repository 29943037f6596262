//! The fleet report as JSON: the model itself.

use crate::fleet::FleetReport;

/// Renders a fleet report as indented JSON with a newline at the end.
///
/// # Errors
/// It could not be written as JSON; no report is known that causes that.
pub fn render(report: &FleetReport) -> Result<String, String> {
    let mut text =
        serde_json::to_string_pretty(report).map_err(|e| format!("cannot render the report as JSON: {e}"))?;
    text.push('\n');
    Ok(text)
}
