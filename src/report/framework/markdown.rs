//! Control by control as Markdown.

use super::FrameworkReport;
use crate::report::markdown::render_value;

const NAME: &str = "framework.md.j2";
const TEMPLATE: &str = include_str!("../../../reports/framework.md.j2");

pub(super) fn render(report: &FrameworkReport) -> Result<String, String> {
    let json = serde_json::to_value(report).map_err(|e| format!("{NAME}: {e}"))?;
    render_value(NAME, TEMPLATE, json)
}
