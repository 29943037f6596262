//! The report for a terminal: the answer first, then findings worst first, coverage, and what was not evaluated.

mod drift;
mod findings;
mod open;
mod top;

use super::Report;
use super::wrap::wrap;
use crate::check::Severity;

/// How to render for a terminal.
#[derive(Clone, Debug, Default)]
pub struct Style {
    /// Columns of the terminal; fewer than 60 are taken as 60.
    pub width: usize,
    /// Colour severities and the verdict. The text is the same without.
    pub color: bool,
    /// Cut no list.
    pub show_all: bool,
    /// Lines to end with, such as what to do next. Lines that are too long are wrapped.
    pub footer: Vec<String>,
}

impl Style {
    /// Plain, with lists cut and no footer.
    pub fn new(width: usize) -> Style {
        Style { width, ..Style::default() }
    }

    pub(crate) fn columns(&self) -> usize {
        self.width.max(60)
    }
}

/// Renders a report for people at a terminal. No line is wider than the style's width.
pub fn render(report: &Report, style: &Style) -> String {
    let mut parts = vec![top::header(report, style), top::verdict(report, style)];
    parts.push(findings::render(report, style));
    parts.push(drift::render(report, style));
    parts.push(top::coverage(report, style));
    parts.push(open::not_evaluated(report, style));
    parts.push(open::waivers(report, style));
    parts.push(closing(style));
    parts.retain(|p| !p.is_empty());
    parts.join("\n")
}

/// The footer of the style.
pub(crate) fn closing(style: &Style) -> String {
    let lines = style.footer.iter().flat_map(|l| footer(&super::text::block(l), style.columns()));
    lines.map(|l| l.trim_end().to_string() + "\n").collect()
}

/// A closing line; one that is too long breaks where a command and the note beside it part, if it has such a place.
fn footer(line: &str, max: usize) -> Vec<String> {
    let start = line.len() - line.trim_start().len();
    match line.get(start..).and_then(|body| body.find("   ")).map(|at| line.split_at(start + at)) {
        Some((command, note)) if super::wrap::width(line) > max => {
            let mut lines = wrap(command, max);
            lines.extend(wrap(&format!("        {}", note.trim()), max));
            lines
        }
        _ => wrap(line, max),
    }
}

pub(crate) use findings::Blocks;
pub(crate) use open::{cost, sentence};
pub(crate) use top::{default_deny, flow, header, join, outcome_color};

pub(crate) fn paint(word: &str, code: &str, style: &Style) -> String {
    if style.color && !word.is_empty() { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_string() }
}

fn color_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "1;31",
        Severity::High => "31",
        Severity::Medium => "33",
        Severity::Low => "36",
        Severity::Info => "34",
    }
}

/// A word in the colour of its severity.
pub(crate) fn severity(s: Severity, style: &Style) -> String {
    paint(s.name(), color_of(s), style)
}

#[cfg(test)]
mod tests;
