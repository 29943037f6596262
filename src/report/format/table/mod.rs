//! The report for a terminal: the answer first, then findings worst first, coverage, and what was not evaluated.

mod drift;
mod findings;
mod framework;
pub(crate) mod grid;
mod header;
mod not_evaluated;
pub(crate) mod wrap;

use self::wrap::wrap;
use super::{Document, Options};
use crate::check::Severity;
use crate::report::Report;
use crate::report::text::block;
use crate::report::view::View;

/// How to render for a terminal.
#[derive(Clone, Debug, Default)]
pub struct Style {
    /// Columns of the terminal; fewer than 60 are taken as 60.
    pub width: usize,
    /// Color severities and the verdict. The text is the same without.
    pub color: bool,
    /// Show full lists.
    pub show_all: bool,
    /// Lines to end with, such as what to do next. Lines that are too long are wrapped.
    pub footer: Vec<String>,
}

impl Style {
    /// Without color and footer; long lists are cut.
    pub fn new(width: usize) -> Style {
        Style { width, ..Style::default() }
    }

    pub(crate) fn columns(&self) -> usize {
        self.width.max(60)
    }

    /// How many of a list to show: all where the line that says what is left out would save nothing.
    pub(crate) fn limit(&self, len: usize, most: usize) -> usize {
        if self.show_all || len <= most + 1 { len } else { most }
    }
}

pub(super) fn render(document: &Document<'_>, options: &Options<'_>) -> Result<String, String> {
    Ok(match &document.framework {
        None => render_report(document.report, &options.style),
        Some(framework) => framework::render(framework, document.report, &options.style),
    })
}

/// No line is wider than the style's width.
fn render_report(report: &Report, style: &Style) -> String {
    let view = View::new(report);
    let parts = [
        header(report, style),
        header::verdict(report, style),
        findings::render(&view, style),
        drift::render(&view.drift, style),
        header::coverage(report, &view, style),
        not_evaluated::render(report, &view, style),
        not_evaluated::waivers(report, style),
        closing(style),
    ];
    parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The footer of the style.
pub(crate) fn closing(style: &Style) -> String {
    let lines = style.footer.iter().flat_map(|l| footer(&block(l), style.columns()));
    lines.map(|l| l.trim_end().to_string() + "\n").collect()
}

/// A closing line; one that is too long breaks where a command and the note beside it part, if it has such a place.
fn footer(line: &str, max: usize) -> Vec<String> {
    let start = line.len() - line.trim_start().len();
    match line.get(start..).and_then(|body| body.find("   ")).map(|at| line.split_at(start + at)) {
        Some((command, note)) if wrap::width(line) > max => {
            let mut lines = wrap(command, max);
            lines.extend(wrap(&format!("        {}", note.trim()), max));
            lines
        }
        _ => wrap(line, max),
    }
}

pub(crate) use findings::Blocks;
pub(crate) use header::{flow, header, join, outcome_color};
pub(crate) use not_evaluated::sentence;

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

/// The name of a severity in its color.
pub(crate) fn severity(s: Severity, style: &Style) -> String {
    paint(s.name(), color_of(s), style)
}

#[cfg(test)]
mod tests;
