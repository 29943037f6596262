//! The formats of a fleet report, one file each.

mod json;
mod markdown;
mod table;
#[cfg(test)]
mod tests;

use super::FleetReport;
use crate::report::{Format, Style};

type Renderer = fn(&FleetReport, &Style) -> Result<String, String>;

/// The formats that a fleet report has.
const RENDERERS: [(Format, Renderer); 3] = [
    (Format::Table, |report, style| Ok(table::render(report, style))),
    (Format::Markdown, |report, _| markdown::render(report)),
    (Format::Json, |report, _| json::render(report)),
];

/// Checks that a fleet report has that format.
///
/// # Errors
/// One sentence that lists the formats that it has.
pub fn check_format(format: Format) -> Result<(), String> {
    renderer(format).map(|_| ())
}

/// Renders a fleet report. The style is for the terminal; other formats ignore it.
///
/// # Errors
/// One sentence that states what could not be rendered.
pub fn render(report: &FleetReport, format: Format, style: &Style) -> Result<String, String> {
    renderer(format)?(report, style)
}

fn renderer(format: Format) -> Result<Renderer, String> {
    RENDERERS.iter().find(|(one, _)| *one == format).map(|(_, render)| *render).ok_or_else(|| {
        let names: Vec<&str> = RENDERERS.iter().map(|(one, _)| one.name()).collect();
        format!("the report of a fleet has no format {}; it has {}", format.name(), names.join(", "))
    })
}
