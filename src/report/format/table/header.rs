//! The head of the table, the verdict line and the coverage.

use super::grid::{GAP, Grid, fit};
use super::wrap::{width, wrap};
use super::{Style, paint, severity};
use crate::check::Verdict;
use crate::report::text::{count, line, number, percent, time};
use crate::report::view::{CoverageRow, View};
use crate::report::verdict;
use crate::report::{Outcome, Report};

/// What was audited and by what evidence.
pub(crate) fn header(report: &Report, style: &Style) -> String {
    let t = &report.target;
    let mut target = vec![];
    let place: Vec<String> = [&t.project, &t.location].into_iter().flatten().map(|s| line(s)).collect();
    if !place.is_empty() {
        target.push(place.join(" / "));
    }
    target.extend(t.version.as_ref().map(|v| format!("GKE {}", line(v))));
    target.push(verdict::enforcement(t));
    // A name that is too long to be a label stands beside one.
    let label = match t.name.as_deref().map(line) {
        Some(name) if width(&name) <= 20 => name,
        Some(name) => {
            target.insert(0, name);
            "cluster".to_string()
        }
        None => "cluster".to_string(),
    };
    let e = &report.evidence;
    let mut evidence = vec![line(&e.source), count(e.objects, "object", "objects")];
    evidence.push(match (report.gaps.len(), e.complete) {
        (0, true) => "nothing missing".into(),
        (0, false) => "partial: what is not in it counts as unknown".into(),
        (n, complete) => {
            let what = match &report.gaps[..] {
                [one] => line(&one.error.what),
                _ => count(n, "thing", "things"),
            };
            format!("{}{what} not read", if complete { "" } else { "partial, and " })
        }
    });
    evidence.extend(e.collected_at.as_deref().map(time));
    let mut rows = vec![(label, target), ("evidence".to_string(), evidence)];
    rows.extend(t.dataplane_note.iter().chain(&e.notes).map(|n| ("note".to_string(), vec![line(n)])));
    let first = rows.iter().map(|(l, _)| width(l)).max().unwrap_or(0);
    let mut grid = Grid::new(vec![first, style.columns() - first - GAP]);
    for (label, segments) in rows {
        let text = join(&segments, grid.span(1));
        grid.laid(vec![label, text]);
    }
    grid.render()
}

/// Segments with three spaces between them, broken between segments where possible.
pub(crate) fn join(segments: &[String], max: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for s in segments.iter().filter(|s| !s.is_empty()) {
        match lines.last_mut() {
            Some(last) if width(last) + 3 + width(s) <= max => {
                last.push_str("   ");
                last.push_str(s);
            }
            _ => lines.extend(wrap(s, max)),
        }
    }
    lines.join("\n")
}

/// The answer with its counts, and what follows from it.
pub(super) fn verdict(report: &Report, style: &Style) -> String {
    let (word, lacks) = verdict::word(report.outcome);
    let by = &report.summary.by_verdict;
    // Plain and colored side by side: widths are those of the plain text.
    let mut segments: Vec<(String, String)> =
        vec![(format!("{word}{lacks}"), paint(word, outcome_color(report.outcome), style) + lacks)];
    let failing = &report.summary.by_severity;
    if failing.total() == 0 && report.outcome != Outcome::NoResult {
        segments.push(("0 failing".into(), "0 failing".into()));
    }
    for (s, n) in failing.nonzero() {
        segments.push((format!("{} {}", number(n), s.name()), format!("{} {}", number(n), severity(s, style))));
    }
    if by.of(Verdict::Unknown) > 0 {
        let n = number(by.of(Verdict::Unknown));
        segments.push((format!("   {n} unknown"), format!("   {n} {}", paint("unknown", "35", style))));
    }
    let pass = format!("{} pass", number(by.of(Verdict::Pass)));
    segments.push((pass.clone(), pass));
    if by.of(Verdict::Waived) > 0 {
        let waived = format!("{} waived", number(by.of(Verdict::Waived)));
        segments.push((waived.clone(), waived));
    }
    let mut out = flow(segments, style);
    for l in wrap(&verdict::sentences(report).join("\n"), style.columns()) {
        out.push_str(&l);
        out.push('\n');
    }
    out
}

/// Texts, plain and colored, side by side as far as they fit. Widths are those of the plain ones.
pub(crate) fn flow(segments: Vec<(String, String)>, style: &Style) -> String {
    let (mut out, mut used) = (String::new(), 0);
    for (plain, shown) in segments {
        if used > 0 && used + 3 + width(&plain) > style.columns() {
            out.push('\n');
            used = 0;
            out.push_str(shown.trim_start());
            used += width(plain.trim_start());
        } else {
            let gap = if used > 0 { 3 } else { 0 };
            out.push_str(&" ".repeat(gap));
            out.push_str(&shown);
            used += gap + width(&plain);
        }
    }
    out.push('\n');
    out
}

/// The color of an outcome.
pub(crate) fn outcome_color(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "1;32",
        Outcome::Incomplete => "1;35",
        _ => "1;31",
    }
}

/// How much network policies cover, by namespace.
pub(super) fn coverage(report: &Report, view: &View<'_>, style: &Style) -> String {
    let t = &report.summary.coverage.total;
    let (platform, own): (Vec<&CoverageRow<'_>>, Vec<_>) = view.coverage.iter().partition(|n| n.platform);
    if own.is_empty() {
        return String::new();
    }
    let mut rows: Vec<Vec<String>> = vec![
        ["namespace", "environment", "workloads", "ingress isolated", "egress isolated", "default deny"]
            .map(String::from)
            .into(),
    ];
    // Counts and percentages stand in columns of their own, though a header covers both.
    let digits = number(t.workloads).len();
    let isolated = |n: usize, unknown: usize, of: usize| {
        let unknown = if unknown > 0 { format!(", {} unknown", number(unknown)) } else { String::new() };
        let text = match percent(n, of) {
            Some(p) => format!("{:>digits$}  {p:>5}{unknown}", number(n)),
            None => format!("{:>digits$}{unknown}", "–"),
        };
        text.replace(' ', "\u{a0}")
    };
    for n in &own {
        let v = n.coverage;
        rows.push(vec![
            n.namespace.clone(),
            n.environment.clone(),
            number(v.workloads),
            isolated(v.ingress_isolated, v.ingress_unknown, v.workloads),
            isolated(v.egress_isolated, v.egress_unknown, v.workloads),
            n.default_deny.into(),
        ]);
    }
    rows.push(vec![
        "total".into(),
        String::new(),
        number(t.workloads),
        isolated(t.ingress_isolated, t.ingress_unknown, t.workloads),
        isolated(t.egress_isolated, t.egress_unknown, t.workloads),
        String::new(),
    ]);
    let total: usize = fit(&rows, usize::MAX, GAP).iter().sum();
    let gap = if total + GAP * (rows[0].len() - 1) <= style.columns() { GAP } else { 2 };
    let mut grid = Grid::new(fit(&rows, style.columns(), gap)).gap(gap).right(2);
    let last = rows.len() - 1;
    for (i, row) in rows.iter().enumerate() {
        match i {
            0 => grid.head(row),
            _ => {
                if i == last && own.len() > 1 {
                    grid.blank();
                }
                if i < last || own.len() > 1 {
                    grid.row(row);
                }
            }
        }
    }
    let mut out = grid.render();
    let mut notes = vec![];
    if report.target.enforced == Some(false) {
        notes.push("Network policies are not enforced in this cluster: none of them has an effect.".to_string());
    }
    if !platform.is_empty() {
        let names: Vec<String> = platform.iter().map(|n| n.namespace.clone()).collect();
        notes.push(format!(
            "Not counted: {} of the platform ({}).",
            count(names.len(), "namespace", "namespaces"),
            names.join(", ")
        ));
    }
    for l in notes.iter().flat_map(|r| wrap(r, style.columns())) {
        out.push_str(&l);
        out.push('\n');
    }
    out
}
