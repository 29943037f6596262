//! What is otherwise in the cluster than in Terraform's state.

use super::Style;
use crate::report::Report;
use crate::report::text::line;
use crate::report::view::shown;
use crate::report::wrap::wrap;

/// One block for each difference; nothing where there is none.
pub(crate) fn render(report: &Report, style: &Style) -> String {
    let Some(drift) = report.drift.as_ref().filter(|d| !d.is_empty()) else { return String::new() };
    let mut lines = vec!["drift: otherwise in the cluster than in Terraform's state".to_owned()];
    for d in drift {
        lines.extend(wrap(&format!("  {} {}", line(&d.address), line(&d.attribute)), style.columns()));
        let change = format!("      {}: state {}, cluster {}", line(&d.object), shown(&d.state), shown(&d.live));
        lines.extend(wrap(&change, style.columns()));
    }
    lines.join("\n") + "\n"
}
