//! Drift from the Terraform state.

use super::Style;
use super::wrap::wrap;
use crate::report::view::DriftView;

/// One block for each difference; nothing where there is none.
pub(super) fn render(drift: &[DriftView], style: &Style) -> String {
    if drift.is_empty() {
        return String::new();
    }
    let mut lines = vec!["drift from the Terraform state".to_owned()];
    for d in drift {
        lines.extend(wrap(&format!("  {} {}", d.address, d.attribute), style.columns()));
        lines.extend(wrap(&format!("      {}: state {}, cluster {}", d.object, d.state, d.live), style.columns()));
    }
    lines.join("\n") + "\n"
}
