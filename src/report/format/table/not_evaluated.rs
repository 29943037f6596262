//! What was not evaluated, and waivers that waive nothing.

use std::collections::BTreeMap;

use super::Style;
use super::findings::Blocks;
use super::wrap::{width, wrap};
use crate::report::text::{block, count, line, number};
use crate::report::view::{Group, View, subject, waiver_status};
use crate::report::{Report, UnusedObjects, WaiverStatus};

/// Unknown results, gaps with their cost, and what is out of scope.
pub(super) fn render(report: &Report, view: &View<'_>, style: &Style) -> String {
    let mut out = String::new();
    if !view.unknowns.is_empty() || !view.gaps.is_empty() {
        let names = view.unknowns.iter().flat_map(Group::results).map(|r| width(&subject(r)));
        let mut blocks = Blocks::new(style, names, ["severity", "not evaluated", "why, and how to fix it"]);
        for g in &view.gaps {
            let error = &g.gap.error;
            blocks.heading("gap".into(), &format!("{} could not be read", line(&error.what)), "", "");
            // Over the full width: the fix often is a command to paste.
            blocks.wide(&format!("{} {}", sentence(&line(&error.why)), g.cost));
            blocks.wide(&block(&error.fix));
        }
        for group in &view.unknowns {
            blocks.group(group);
        }
        out.push_str(&blocks.render());
    }
    let mut also: Vec<String> = vec![];
    for n in &report.not_evaluated.checks {
        let mut text = format!("Not evaluated: {}: {}", count(n.checks.len(), "check", "checks"), line(&n.reason));
        if style.show_all {
            let titles: Vec<String> = n.checks.iter().map(|id| line(report.title(id))).collect();
            text = format!("{text} ({})", titles.join("; "));
        }
        also.push(text);
    }
    let waived = view.waived.len();
    if waived > 0 {
        let by = report.waivers.iter().filter(|w| w.status == WaiverStatus::Active && w.matched > 0).count();
        also.push(format!(
            "Waived: {} by {}; the Markdown and the JSON report list them",
            count(waived, "result", "results"),
            count(by, "waiver", "waivers")
        ));
    }
    also.extend(advice(view, style));
    also.extend(notes(view, style));
    also.extend(objects(report, style));
    let e = &report.evidence;
    if e.ignored_files > 0 {
        also.push(format!(
            "Ignored: {} without a Kubernetes object",
            count(e.ignored_files, "input file", "input files")
        ));
    }
    if !also.is_empty() && !out.is_empty() {
        out.push('\n');
    }
    for text in also {
        // Continued lines are indented, so that the beginnings stand out.
        for (i, l) in wrap(&text, style.columns() - 2).into_iter().enumerate() {
            out.push_str(if i == 0 { "" } else { "  " });
            out.push_str(&l);
            out.push('\n');
        }
    }
    out
}

/// Objects that no result is about, by reason and kind.
fn objects(report: &Report, style: &Style) -> Vec<String> {
    const MOST: usize = 5;
    const MOST_NAMES: usize = 3;
    let mut by_reason: BTreeMap<&str, Vec<&UnusedObjects>> = BTreeMap::new();
    for objects in &report.not_evaluated.objects {
        by_reason.entry(&objects.reason).or_default().push(objects);
    }
    let kind = |o: &&UnusedObjects| {
        let names = match o.names.len() {
            n if n > 0 && (style.show_all || n <= MOST_NAMES && n == o.count) => {
                format!(": {}", o.names.iter().map(|n| line(n)).collect::<Vec<_>>().join(", "))
            }
            _ => String::new(),
        };
        format!("{} {} ({}{names})", line(&o.api_version), line(&o.kind), number(o.count))
    };
    let sentence = |(reason, objects): (&str, Vec<&UnusedObjects>)| {
        let shown = if style.show_all || objects.len() <= MOST + 1 { objects.len() } else { MOST };
        let mut kinds: Vec<String> = objects.iter().take(shown).map(kind).collect();
        if shown < objects.len() {
            kinds.push(format!("… {} more kinds (--all)", number(objects.len() - shown)));
        }
        let total = count(objects.iter().map(|o| o.count).sum(), "object", "objects");
        match reason {
            UnusedObjects::NO_CHECK => {
                format!("Not evaluated: {total} of kinds that no check is about: {}", kinds.join(", "))
            }
            _ => format!("Not evaluated: {total}, as {}: {}", line(reason), kinds.join(", ")),
        }
    };
    by_reason.into_iter().map(sentence).collect()
}

/// Failures that are not counted, by check.
fn advice(view: &View<'_>, style: &Style) -> Option<String> {
    const MOST: usize = 5;
    let failing = &view.advice;
    if failing.is_empty() {
        return None;
    }
    let shown = if style.show_all || failing.len() <= MOST + 1 { failing.len() } else { MOST };
    let titles: Vec<String> =
        failing.iter().take(shown).map(|g| format!("{} ({})", line(g.heading), line(g.check))).collect();
    let more = match failing.len() - shown {
        0 => String::new(),
        n => format!("; {} more (--all)", number(n)),
    };
    Some(format!("Advice, not counted: {}{more}", titles.join("; ")))
}

/// Notes on passing results: without its note, a conditional pass reads as an unconditional one.
fn notes(view: &View<'_>, style: &Style) -> Vec<String> {
    const MOST: usize = 3;
    let notes = &view.notes;
    let shown = if style.show_all || notes.len() <= MOST + 1 { notes.len() } else { MOST };
    let mut out: Vec<String> = notes
        .iter()
        .take(shown)
        .map(|s| match s.results[..] {
            [one] => format!("Passed with a note: {}: {}", subject(one), s.text),
            _ => format!("Passed with a note: {}: {}", count(s.results.len(), "result", "results"), s.text),
        })
        .collect();
    if shown < notes.len() {
        out.push(format!("Passed with a note: {} more (--all)", number(notes.len() - shown)));
    }
    out
}

/// Waivers that are expired or match nothing.
pub(super) fn waivers(report: &Report, style: &Style) -> String {
    let dead: Vec<_> = report.waivers.iter().filter(|w| w.status != WaiverStatus::Active).collect();
    if dead.is_empty() {
        return String::new();
    }
    let names = dead.iter().map(|w| width(&line(&w.subject)));
    let mut blocks = Blocks::new(style, names, ["waiver", "check and subject", "reason and owner"]);
    for w in dead {
        let title = line(report.title(&w.check));
        blocks.heading(w.status.name().to_string(), &title, &w.check, "");
        let ticket = w.ticket.as_ref().map_or(String::new(), |t| format!(", {}", line(t)));
        let (reason, owner, status) = (line(&w.reason), line(&w.owner), waiver_status(w));
        let subject = blocks.names(&[line(&w.subject)]);
        blocks.row(&subject, &format!("{status} {} {owner}{ticket}", sentence(&reason)));
    }
    blocks.render()
}

/// With a full stop, unless there is one.
pub(crate) fn sentence(s: &str) -> String {
    if s.is_empty() || s.ends_with(['.', '!', '?']) { s.to_string() } else { format!("{s}.") }
}
