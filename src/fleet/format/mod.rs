//! The formats of a fleet report, one file each.

mod json;
mod markdown;
mod table;
#[cfg(test)]
mod tests;

use super::FleetReport;
use crate::report::{Format, Style};

/// Renders a fleet report. The style is for the terminal; other formats ignore it.
///
/// # Errors
/// One sentence that states what could not be rendered.
pub fn render(report: &FleetReport, format: Format, style: &Style) -> Result<String, String> {
    match format {
        Format::Table => Ok(table::render(report, style)),
        Format::Markdown => markdown::render(report),
        Format::Json => json::render(report),
    }
}
