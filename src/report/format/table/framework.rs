//! A report grouped by control, for a terminal.

use super::grid::{GAP, Grid};
use super::wrap::{width, wrap};
use super::{Style, closing, header, paint, severity};
use crate::check::Severity;
use crate::report::Report;
use crate::report::framework::{ControlResult, ControlStatement, ControlStatus, FrameworkReport};
use crate::report::text::{count, line, number};

/// Lines below one control before they are cut.
const LINES: usize = 3;
/// Subjects of one line before they are cut.
const SUBJECTS: usize = 3;

pub(super) fn render(framework: &FrameworkReport, report: &Report, style: &Style) -> String {
    let mut parts = vec![header(report, style), summary(framework, style), controls(framework, style)];
    parts.push(not_covered(framework, style));
    parts.push(closing(style));
    parts.retain(|p| !p.is_empty());
    parts.join("\n")
}

fn summary(framework: &FrameworkReport, style: &Style) -> String {
    let max = style.columns();
    let info = &framework.framework;
    let mut lines = wrap(&format!("{}   ({})", line(&info.title), line(&info.id)), max);
    let worded = |(status, n): (ControlStatus, usize)| (status, format!("{} {}", number(n), status.name()));
    let counts: Vec<(ControlStatus, String)> = framework.summary.nonzero().map(worded).collect();
    // Wrapped as plain text and colored afterwards: color has no width.
    let plain = wrap(&counts.iter().map(|(_, w)| w.replace(' ', "\u{a0}")).collect::<Vec<_>>().join("   "), max);
    for mut l in plain {
        l = l.replace('\u{a0}', " ");
        for (status, words) in &counts {
            l = l.replace(words.as_str(), &paint(words, color(*status), style));
        }
        lines.push(l);
    }
    lines.extend(info.note.iter().flat_map(|n| wrap(&line(n), max)));
    lines.into_iter().map(|l| l + "\n").collect()
}

/// What is not covered is listed below, not in the table.
fn controls(framework: &FrameworkReport, style: &Style) -> String {
    let covered: Vec<&ControlResult> =
        framework.controls.iter().filter(|c| c.status != ControlStatus::NotCovered).collect();
    if covered.is_empty() {
        return String::new();
    }
    let ids = covered.iter().map(|c| width(&line(&c.id))).max().unwrap_or(0).clamp(7, 16);
    let status = ControlStatus::NotApplicable.name().len();
    let room = style.columns().saturating_sub(ids + status + 2 * GAP);
    let mut grid = Grid::new(vec![ids, status, room]);
    grid.head_full(&["control", "status", "what it requires"]);
    for control in covered {
        let word = paint(control.status.name(), color(control.status), style);
        grid.laid(vec![wrap(&line(&control.id), ids).join("\n"), word, wrap(&line(&control.title), room).join("\n")]);
        let statements = statements(control);
        let shown = if style.show_all || statements.len() <= LINES + 1 { statements.len() } else { LINES };
        for (word, text) in statements.iter().take(shown) {
            let text: Vec<String> = wrap(text, room - 2).into_iter().map(|l| format!("  {l}")).collect();
            let word = word.map_or(String::new(), |s| severity(s, style));
            grid.laid(vec![String::new(), word, text.join("\n")]);
        }
        if shown < statements.len() {
            grid.laid(vec![
                String::new(),
                String::new(),
                format!("  … {} more: --all shows them", number(statements.len() - shown)),
            ]);
        }
    }
    grid.render()
}

/// The lines below a control: failures by message, reasons, and what the checks do not cover of it.
fn statements(control: &ControlResult) -> Vec<(Option<Severity>, String)> {
    let worded = |s: ControlStatement| {
        let waived = if s.waived { " (waived)" } else { "" };
        match s.severity {
            Some(_) => (s.severity, format!("{}: {}{waived}", few(&s.subjects), s.text)),
            None => (None, s.text),
        }
    };
    let note = control.note.iter().map(|n| (None, format!("Note: {}", line(n))));
    control.statements().into_iter().map(worded).chain(note).collect()
}

fn few(subjects: &[String]) -> String {
    if subjects.len() <= SUBJECTS + 1 {
        return subjects.join(", ");
    }
    let shown = subjects.get(..SUBJECTS).unwrap_or_default();
    format!("{} and {} more", shown.join(", "), number(subjects.len() - SUBJECTS))
}

fn not_covered(framework: &FrameworkReport, style: &Style) -> String {
    let of = |c: &&ControlResult| c.status == ControlStatus::NotCovered;
    let left: Vec<&ControlResult> = framework.controls.iter().filter(of).collect();
    if left.is_empty() {
        return String::new();
    }
    let names: Vec<String> = left
        .iter()
        .map(|c| if style.show_all { format!("{} {}", line(&c.id), line(&c.title)) } else { line(&c.id) })
        .collect();
    let join = if style.show_all { "; " } else { ", " };
    let text = format!("Not covered by this tool, {}: {}", count(left.len(), "control", "controls"), names.join(join));
    let lines = wrap(&text, style.columns() - 2).into_iter().enumerate();
    lines.map(|(i, l)| format!("{}{l}\n", if i == 0 { "" } else { "  " })).collect()
}

fn color(status: ControlStatus) -> &'static str {
    match status {
        ControlStatus::Met => "32",
        ControlStatus::NotMet => "31",
        ControlStatus::NotEvaluated => "35",
        ControlStatus::NotApplicable | ControlStatus::NotCovered => "0",
    }
}
