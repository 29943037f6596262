//! The fleet report for a terminal: the outcome, the worst clusters, what fails most widely, and what was not evaluated.

use crate::check::{Severity, Verdict};
use crate::report::grid::{GAP, Grid, fit};
use crate::report::table::{Blocks, Style, closing, flow, join, outcome_color, paint, sentence, severity};
use crate::report::text::{block, count, line, number, time};
use crate::report::wrap::{width, wrap};
use crate::report::{Drift, Outcome, WaiverStatus, verdict};

use crate::fleet::unevaluated::{Unevaluated, list_unevaluated, share};
use crate::fleet::wording::{self, OUTCOMES, capital, short};
use crate::fleet::*;

/// Clusters, checks, causes, reasons of one cause and names of one list before a list is cut.
const CLUSTERS: usize = 10;
const CHECKS: usize = 10;
const CAUSES: usize = 8;
const REASONS: usize = 3;
const NAMES: usize = 4;
/// From this width (columns) the table of clusters has a column for the worst finding.
const WIDE: usize = 110;

/// Renders a fleet report for people at a terminal. No line is wider than the style's width.
pub(super) fn render(report: &FleetReport, style: &Style) -> String {
    let mut parts = vec![
        header(report, style),
        outcome(report, style),
        clusters(report, style),
        checks(report, style),
        unevaluated(report, style),
        waivers(report, style),
        drift(report, style),
        closing(style),
    ];
    parts.retain(|p| !p.is_empty());
    parts.join("\n")
}

/// What was requested, which parts there are, and what evaluated it.
fn header(report: &FleetReport, style: &Style) -> String {
    let found = report.scope.discovered.len();
    let mut rows = vec![(
        "fleet",
        vec![
            wording::requested(&report.scope.requested, style.show_all),
            format!("{} found", count(found, "cluster", "clusters")),
        ],
    )];
    if let Some(part) = &report.part {
        let own = report.clusters.len();
        let belong = if own == 1 { "belongs" } else { "belong" };
        rows.push((
            "shard",
            vec![
                format!("{}, counted from 0", part.shard),
                format!("{} of them {belong} to it", number(own)),
                part.run.as_deref().map(line).unwrap_or_default(),
            ],
        ));
    }
    if !report.shards.is_empty() {
        let present: Vec<&ShardState> = report.shards.iter().filter(|s| s.present).collect();
        let times = || present.iter().filter_map(|s| s.generated_at.as_deref());
        let span = match (times().min(), times().max()) {
            (Some(first), Some(last)) if time(first) != time(last) => format!("{} to {}", time(first), time(last)),
            (Some(first), _) => time(first),
            _ => String::new(),
        };
        let missing = wording::missing(report);
        rows.push((
            "parts",
            vec![
                format!("{} of {}", number(present.len()), count(report.shards.len(), "shard", "shards")),
                if missing.is_empty() { String::new() } else { format!("missing: {missing}") },
                span,
            ],
        ));
    }
    rows.push((
        "tool",
        vec![
            format!("{} {}", line(&report.tool.name), line(&report.tool.version)),
            count(report.checks.len(), "check", "checks"),
            report.rules.options.iter().map(|o| line(o)).collect::<Vec<_>>().join(" "),
            time(&report.generated_at),
        ],
    ));
    let first = rows.iter().map(|(l, _)| width(l)).max().unwrap_or(0);
    let mut grid = Grid::new(vec![first, style.columns() - first - GAP]);
    for (label, segments) in rows {
        let text = join(&segments, grid.span(1));
        grid.laid(vec![label.into(), text]);
    }
    grid.render()
}

/// The outcome, clusters by outcome, findings by severity, and what follows.
fn outcome(report: &FleetReport, style: &Style) -> String {
    let t = &report.totals;
    let (word, lacks) = verdict::word(report.outcome);
    let mut segments = vec![(format!("{word}{lacks}"), paint(word, outcome_color(report.outcome), style) + lacks)];
    let plain = |s: String| (s.clone(), s);
    let colon = if t.clusters > 0 { ":" } else { "" };
    segments.push(plain(count(t.clusters, "cluster", "clusters") + colon));
    for (outcome, does) in OUTCOMES {
        let n = t.by_outcome.of(outcome);
        if n > 0 {
            let n = number(n);
            segments.push((format!("{n} {does}"), format!("{n} {}", paint(does, outcome_color(outcome), style))));
        }
    }
    let mut out = flow(segments, style);
    if t.by_outcome.of(Outcome::NoResult) < t.clusters {
        let failing: Vec<_> = t.by_severity.nonzero().collect();
        let mut segments = vec![plain("findings".into())];
        if failing.is_empty() {
            segments.push(plain("0".into()));
        }
        for (s, n) in failing {
            segments.push((format!("{} {}", number(n), s.name()), format!("{} {}", number(n), severity(s, style))));
        }
        if t.by_verdict.of(Verdict::Unknown) > 0 {
            let n = number(t.by_verdict.of(Verdict::Unknown));
            segments.push((format!("   {n} unknown"), format!("   {n} {}", paint("unknown", "35", style))));
        }
        segments.push(plain(format!("{} pass", number(t.by_verdict.of(Verdict::Pass)))));
        if t.by_verdict.of(Verdict::Waived) > 0 {
            segments.push(plain(format!("{} waived", number(t.by_verdict.of(Verdict::Waived)))));
        }
        out.push_str(&flow(segments, style));
    }
    let mut text = wording::sentences(report);
    text.extend(wording::coverage(&t.coverage));
    out.push_str(&lines(&text.join("\n"), style));
    out
}

/// The clusters that gave a result, worst first. Without `--all` those in which nothing fails and nothing is missing are
/// only counted.
fn clusters(report: &FleetReport, style: &Style) -> String {
    let evaluated = report.worst_first();
    let is_clean = |c: &ClusterEntry| c.outcome == Outcome::Pass && c.worst.is_empty();
    let listed: Vec<&ClusterEntry> = evaluated.iter().copied().filter(|c| style.show_all || !is_clean(c)).collect();
    if listed.is_empty() {
        return String::new();
    }
    let wide = style.columns() >= WIDE;
    // Few audits have findings of severity info.
    let advice = listed.iter().any(|c| c.summary.is_some_and(|s| s.by_severity.of(Severity::Info) > 0));
    let counted: Vec<Severity> = Severity::ALL.into_iter().filter(|s| advice || *s != Severity::Info).collect();
    let mut head = vec!["cluster", "outcome"];
    head.extend(counted.iter().map(|s| s.name()));
    head.push("unknown");
    if wide {
        head.push("worst finding");
    }
    let mut rows: Vec<Vec<String>> = vec![head.iter().map(|h| (*h).to_string()).collect()];
    let shown = style.limit(listed.len(), CLUSTERS);
    for c in listed.iter().take(shown) {
        let (word, lacks) = verdict::word(c.outcome);
        let s = c.summary.unwrap_or_default();
        let mut row = vec![short(&c.target), format!("{word}{lacks}")];
        row.extend(counted.iter().map(|severity| number(s.by_severity.of(*severity))));
        row.push(number(s.by_verdict.of(Verdict::Unknown)));
        if wide {
            row.push(c.worst.first().map_or(String::new(), |w| line(report.finding(&w.check))));
        }
        rows.push(row);
    }
    let gap = if wide { GAP } else { 2 };
    let mut grid = Grid::new(fit(&rows, style.columns(), gap)).gap(gap);
    for column in 2..=counted.len() + 2 {
        grid = grid.right(column);
    }
    for (i, row) in rows.iter().enumerate() {
        match i.checked_sub(1).and_then(|at| listed.get(at)) {
            None => grid.head(row),
            Some(c) => grid.painted(row, 1, |text| paint(text, outcome_color(c.outcome), style)),
        }
    }
    let mut out = grid.render();
    let mut rest = vec![];
    if shown < listed.len() {
        rest.push(format!("… {}: --all shows them", count(listed.len() - shown, "more cluster", "more clusters")));
    }
    if listed.len() < evaluated.len() {
        rest.push(format!(
            "Not listed: {} in which nothing fails (--all)",
            count(evaluated.len() - listed.len(), "cluster", "clusters")
        ));
    }
    out.push_str(&lines(&rest.join("\n"), style));
    out
}

/// Checks that fail, worst and most widely first, with the clusters that fail them.
fn checks(report: &FleetReport, style: &Style) -> String {
    let failing: Vec<&FleetCheck> = report.checks.iter().filter(|c| !c.failing.is_empty()).collect();
    if failing.is_empty() {
        return String::new();
    }
    let mut blocks = Blocks::new(style, std::iter::empty(), ["severity", "check and clusters", ""]);
    let shown = style.limit(failing.len(), CHECKS);
    for c in failing.iter().take(shown) {
        let word = c.worst.map_or(String::new(), |s| severity(s, style));
        let extent = format!("{}, {}", share(c.failing.len(), c), count(c.findings, "finding", "findings"));
        blocks.heading(word, c.info.finding(), &c.info.id, &extent);
        let names = wording::failing_names(c);
        blocks.wide(&some(style, &names));
    }
    let mut out = blocks.render();
    if shown < failing.len() {
        out.push('\n');
        let rest = format!("… {} more checks fail: --all shows them", number(failing.len() - shown));
        out.push_str(&lines(&rest, style));
    }
    out
}

/// What was not evaluated, by cause.
fn unevaluated(report: &FleetReport, style: &Style) -> String {
    let all = list_unevaluated(report);
    if all.is_empty() {
        return String::new();
    }
    let mut blocks = Blocks::new(style, std::iter::empty(), ["cause", "not evaluated", ""]);
    // Only the unknown checks, which come last, are cut: the rest kept clusters from being evaluated.
    let (hard, soft): (Vec<Unevaluated>, Vec<Unevaluated>) = all.into_iter().partition(|o| o.severity.is_none());
    let shown = style.limit(soft.len(), CAUSES);
    for o in hard.iter().chain(soft.iter().take(shown)) {
        let word = o.severity.map_or_else(|| o.word.clone(), |s| severity(s, style));
        blocks.heading(word, &o.title, &o.check, &o.extent);
        let listed = style.limit(o.reasons.len(), REASONS);
        for s in o.reasons.iter().take(listed) {
            if !s.clusters.is_empty() {
                blocks.wide(&some(style, &s.clusters));
            }
            blocks.wide(&sentence(&capital(&line(&s.why))));
            if !s.fix.is_empty() {
                blocks.wide(&block(&s.fix));
            }
        }
        if listed < o.reasons.len() {
            let left: usize = o.reasons.iter().skip(listed).map(|s| s.clusters.len()).sum();
            blocks.wide(&format!("… {} for other reasons: --all shows them", count(left, "cluster", "clusters")));
        }
    }
    let mut out = blocks.render();
    if shown < soft.len() {
        out.push('\n');
        let rest = format!("… {} more checks are unknown in clusters: --all shows them", number(soft.len() - shown));
        out.push_str(&lines(&rest, style));
    }
    out
}

/// Waivers that have run out or match nothing in any cluster.
fn waivers(report: &FleetReport, style: &Style) -> String {
    let mut out = String::new();
    for w in report.waivers.iter().filter(|w| w.status != WaiverStatus::Active) {
        let fate = match w.status {
            WaiverStatus::Expired => {
                format!("ended on {}; it would waive {}", line(&w.until), count(w.matched, "result", "results"))
            }
            _ => "matches nothing in any cluster".into(),
        };
        let text = format!("Waiver of {} for {}, by {}: {fate}", line(&w.check), line(&w.subject), line(&w.owner));
        for (i, l) in wrap(&text, style.columns() - 2).into_iter().enumerate() {
            out.push_str(if i == 0 { "" } else { "  " });
            out.push_str(&l);
            out.push('\n');
        }
    }
    out
}

/// Where clusters drift from the Terraform state.
fn drift(report: &FleetReport, style: &Style) -> String {
    let drifts = report.clusters.iter().flat_map(|c| c.drift.iter().flatten().map(move |d| (c, d)));
    let text = |(c, d): (&ClusterEntry, &Drift)| {
        lines(&line(&format!("drift: {}: {} {}", c.target, d.address, d.attribute)), style)
    };
    drifts.map(text).collect()
}

/// A text as lines that fit; none for none.
fn lines(text: &str, style: &Style) -> String {
    let fitting = wrap(text, style.columns());
    if text.is_empty() { String::new() } else { fitting.join("\n") + "\n" }
}

/// Names in a row, cut where there are many.
fn some(style: &Style, names: &[String]) -> String {
    let shown = style.limit(names.len(), NAMES);
    let mut text = names.iter().take(shown).cloned().collect::<Vec<_>>().join(", ");
    if shown < names.len() {
        text.push_str(&format!(" … {} more (--all)", number(names.len() - shown)));
    }
    text
}
