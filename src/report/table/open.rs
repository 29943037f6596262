//! What was not evaluated, and waivers that do not do what they were written for.

use super::Style;
use super::findings::Blocks;
use crate::check::Verdict;
use crate::report::group::{self, Group, fold, groups, only_gap, reasons, subject};
use crate::report::text::{block, count, line, number};
use crate::report::wrap::{width, wrap};
use crate::report::{Report, WaiverStatus};

/// Unknown results with what they take, gaps with what they cost, and what was out of scope.
pub(crate) fn not_evaluated(report: &Report, style: &Style) -> String {
    let unknown: Vec<Group> = groups(report, Verdict::Unknown);
    // A result that is unknown for a gap alone is told of with the gap: one line for the cause, not one for each effect.
    let mut own = vec![];
    for mut g in unknown {
        g.results.retain(|r| only_gap(report, r).is_none());
        if !g.results.is_empty() {
            own.push(g);
        }
    }
    let mut out = String::new();
    if !own.is_empty() || !report.gaps.is_empty() {
        let names = own.iter().flat_map(|g| &g.results).map(|r| width(&subject(r)));
        let names: Vec<usize> = names.collect();
        let mut blocks = Blocks::new(style, names.into_iter(), ["severity", "not evaluated", "why, and what it takes"]);
        for gap in &report.gaps {
            blocks.heading("gap".into(), &format!("{} could not be read", line(&gap.error.what)), "", "");
            // Over the full width: what fixes it often is a command to paste.
            blocks.wide(&format!("{} {}", sentence(&line(&gap.error.why)), cost(report, &gap.id)));
            blocks.wide(&block(&gap.error.fix));
        }
        for g in &own {
            blocks.group(g, fold(&g.results, |r| block(&reasons(r))));
        }
        out.push_str(&blocks.render());
    }
    let mut also: Vec<String> = vec![];
    for n in &report.not_evaluated {
        let mut text = format!("Not evaluated: {}: {}", count(n.checks.len(), "check", "checks"), line(&n.reason));
        if style.show_all {
            let titles: Vec<String> =
                n.checks.iter().map(|id| report.check(id).map_or(line(id), |c| line(&c.title))).collect();
            text = format!("{text} ({})", titles.join("; "));
        }
        also.push(text);
    }
    let waived = report.summary.by_verdict.of(Verdict::Waived);
    if waived > 0 {
        let by = report.waivers.iter().filter(|w| w.status == WaiverStatus::Active && w.matched > 0).count();
        also.push(format!(
            "Waived: {} by {}; the Markdown and the JSON report list them",
            count(waived, "result", "results"),
            count(by, "waiver", "waivers")
        ));
    }
    also.extend(advice(report, style));
    also.extend(notes(report, style));
    let e = &report.evidence;
    if !e.unmodelled.is_empty() {
        let total = e.unmodelled.values().sum();
        let shown = if style.show_all || e.unmodelled.len() <= 6 { e.unmodelled.len() } else { 5 };
        let mut kinds: Vec<String> =
            e.unmodelled.iter().take(shown).map(|(k, n)| format!("{} ({})", line(k), number(*n))).collect();
        if shown < e.unmodelled.len() {
            kinds.push(format!("… {} more kinds (--all)", number(e.unmodelled.len() - shown)));
        }
        also.push(format!(
            "Not looked at: {} of kinds that no check knows: {}",
            count(total, "object", "objects"),
            kinds.join(", ")
        ));
    }
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
        // Hanging, so that each starts where the eye looks.
        for (i, l) in wrap(&text, style.columns() - 2).into_iter().enumerate() {
            out.push_str(if i == 0 { "" } else { "  " });
            out.push_str(&l);
            out.push('\n');
        }
    }
    out
}

/// Checks whose failure is advice, by title: they have to be asked for, or are about operations.
fn advice(report: &Report, style: &Style) -> Option<String> {
    const MOST: usize = 5;
    let failing = group::advice(report, Verdict::Fail);
    if failing.is_empty() {
        return None;
    }
    let shown = if style.show_all || failing.len() <= MOST + 1 { failing.len() } else { MOST };
    let titles: Vec<String> =
        failing.iter().take(shown).map(|g| format!("{} ({})", line(g.title), line(g.check))).collect();
    let more = match failing.len() - shown {
        0 => String::new(),
        n => format!("; {} more (--all)", number(n)),
    };
    Some(format!("Advice, not counted: {}{more}", titles.join("; ")))
}

/// Passes that carry a note, by note: a pass with a condition is read as one without if nobody says so.
fn notes(report: &Report, style: &Style) -> Vec<String> {
    const MOST: usize = 3;
    let passes: Vec<_> = report
        .results
        .iter()
        .filter(|r| crate::report::exit::counts(r) && r.verdict == Verdict::Pass && r.note.is_some())
        .collect();
    let folds = fold(&passes, |r| r.note.as_deref().map(line).unwrap_or_default());
    let shown = if style.show_all || folds.len() <= MOST + 1 { folds.len() } else { MOST };
    let mut out: Vec<String> = folds
        .iter()
        .take(shown)
        .map(|f| match f.results[..] {
            [one] => format!("Passed with a note: {}: {}", subject(one), f.text),
            _ => format!("Passed with a note: {}: {}", count(f.results.len(), "result", "results"), f.text),
        })
        .collect();
    if shown < folds.len() {
        out.push(format!("Passed with a note: {} more (--all)", number(folds.len() - shown)));
    }
    out
}

/// What a gap costs: how many results of how many checks are unknown for it.
pub(crate) fn cost(report: &Report, gap: &str) -> String {
    let hit = report.results.iter().filter(|r| {
        crate::report::exit::counts(r)
            && r.verdict == Verdict::Unknown
            && r.reasons.iter().any(|reason| reason.gap.as_deref() == Some(gap))
    });
    let checks: Vec<&str> = hit.map(|r| r.check.as_str()).collect();
    let results = checks.len();
    let distinct = checks.iter().collect::<std::collections::BTreeSet<_>>().len();
    match results {
        0 => "No result depends on it.".into(),
        n => format!(
            "{} of {} {} unknown for it.",
            count(n, "result", "results"),
            count(distinct, "check", "checks"),
            if n == 1 { "is" } else { "are" }
        ),
    }
}

/// Waivers that have run out or match nothing.
pub(crate) fn waivers(report: &Report, style: &Style) -> String {
    let dead: Vec<_> = report.waivers.iter().filter(|w| w.status != WaiverStatus::Active).collect();
    if dead.is_empty() {
        return String::new();
    }
    let names = dead.iter().map(|w| width(&line(&w.subject)));
    let mut blocks = Blocks::new(style, names, ["waiver", "check and subject", "reason and owner"]);
    for w in dead {
        let title = report.check(&w.check).map_or_else(|| line(&w.check), |c| line(&c.title));
        blocks.heading(w.status.name().to_string(), &title, &w.check, "");
        let ticket = w.ticket.as_ref().map_or(String::new(), |t| format!(", {}", line(t)));
        let (reason, owner, until) = (line(&w.reason), line(&w.owner), line(&w.until));
        let fate = match (w.status, w.matched) {
            (WaiverStatus::Expired, 0) => format!("Ended on {until}, and matches nothing."),
            (WaiverStatus::Expired, n) => format!(
                "Ended on {until}: {} {} again.",
                count(n, "result", "results"),
                if n == 1 { "counts" } else { "count" }
            ),
            _ => format!("Matches nothing that fails; it would end on {until}."),
        };
        let subject = blocks.names(&[line(&w.subject)]);
        blocks.row(&subject, &format!("{fate} {} {owner}{ticket}", sentence(&reason)));
    }
    blocks.render()
}

/// With a full stop, unless there is one.
pub(crate) fn sentence(s: &str) -> String {
    if s.is_empty() || s.ends_with(['.', '!', '?']) { s.to_string() } else { format!("{s}.") }
}
