//! The fleet report as Markdown, by its template, in the order of an auditor's questions.

use serde_json::{Value as Json, json};

use crate::check::{Severity, Verdict};
use crate::report::markdown::render_value;
use crate::report::table::sentence;
use crate::report::text::{self, count, line, number};
use crate::report::{Outcome, verdict};

use crate::fleet::unevaluated::{ReasonGroup, Unevaluated, list_unevaluated, share};
use crate::fleet::wording::{self, OUTCOMES, capital, short};
use crate::fleet::*;

const TEMPLATE_NAME: &str = "fleet.md.j2";
const TEMPLATE: &str = include_str!("../../../reports/fleet.md.j2");

/// Clusters in the list of the worst, and names of one list: section 6 and the JSON have them all.
const WORST: usize = 20;
const NAMES: usize = 20;

/// Renders a fleet report as Markdown.
///
/// # Errors
/// One sentence that begins with the template's name and line; none is known that a report can cause.
pub(super) fn render(report: &FleetReport) -> Result<String, String> {
    render_value(TEMPLATE_NAME, TEMPLATE, view(report)?)
}

/// The report as it is in JSON, and the same worded and grouped for people.
fn view(report: &FleetReport) -> Result<Json, String> {
    let mut root = serde_json::to_value(report).map_err(|e| format!("{TEMPLATE_NAME}: {e}"))?;
    let (word, lacks) = verdict::word(report.outcome);
    let mut add = |key: &str, value: Json| root[key] = value;
    add("verdict", json!({ "word": word, "lacks": lacks, "sentences": wording::sentences(report) }));
    add("requested", wording::requested(&report.scope.requested, true).into());
    add("found", count(report.scope.discovered.len(), "cluster", "clusters").into());
    add("missing", wording::missing(report).into());
    add("outcomes", OUTCOMES.map(|(o, does)| json!([capital(does), report.totals.by_outcome.of(o)])).to_vec().into());
    add("unevaluated", list_unevaluated(report).iter().map(unevaluated).collect());
    add(
        "worst",
        report
            .worst_first()
            .into_iter()
            .filter(|c| !c.worst.is_empty())
            .take(WORST)
            .map(|c| worst(report, c))
            .collect(),
    );
    add("failing", report.checks.iter().filter(|c| !c.failing.is_empty()).map(failing).collect());
    add("rows", report.clusters.iter().map(row).collect());
    add("coverage", wording::coverage(&report.totals.coverage).unwrap_or_default().into());
    Ok(root)
}

fn unevaluated(o: &Unevaluated) -> Json {
    let reason = |s: &ReasonGroup| json!({ "clusters": some(&s.clusters), "why": sentence(&capital(s.why.trim())), "fix": s.fix });
    json!({
        "title": o.title,
        "severity": o.severity,
        "extent": o.extent,
        "reasons": o.reasons.iter().map(reason).collect::<Vec<_>>(),
    })
}

/// The first names of a list, and how many more there are.
fn some(names: &[String]) -> Json {
    let shown = if names.len() <= NAMES + 1 { names.len() } else { NAMES };
    json!({ "names": names.iter().take(shown).collect::<Vec<_>>(), "more": names.len() - shown })
}

fn outcome_word(outcome: Outcome) -> String {
    let (word, lacks) = verdict::word(outcome);
    format!("{word}{lacks}")
}

fn worst(report: &FleetReport, c: &ClusterEntry) -> Json {
    let findings = c.worst.iter().map(|w| {
        json!({
            "severity": w.severity,
            "finding": report.finding(&w.check),
            "subject": w.subject,
            "message": w.message,
            "more": w.count - 1,
        })
    });
    json!({
        "cluster": short(&c.target),
        "outcome": outcome_word(c.outcome),
        "report": c.report,
        "findings": findings.collect::<Vec<_>>(),
    })
}

fn failing(c: &FleetCheck) -> Json {
    let names = wording::failing_names(c);
    json!({
        "id": c.info.id,
        "finding": c.info.finding(),
        "severity": c.worst,
        "why": c.info.why,
        "controls": c.info.controls,
        "extent": format!("{}, {}", share(c.failing.len(), c), count(c.findings, "finding", "findings")),
        "clusters": some(&names),
    })
}

/// A line of the list of all clusters. Counts of a cluster without a result are dashes, not zeros.
fn row(c: &ClusterEntry) -> Json {
    let counted = |of: &dyn Fn(&ClusterSummary) -> usize| c.summary.as_ref().map_or("–".into(), |s| number(of(s)));
    let isolated = |n: usize, unknown: usize, of: usize| match unknown {
        0 => text::share(n, of),
        u => format!("{}, {} unknown", text::share(n, of), number(u)),
    };
    let coverage = c.summary.as_ref().map(|s| s.coverage);
    json!({
        "cluster": short(&c.target),
        "outcome": outcome_word(c.outcome),
        "version": c.version.as_deref().map_or("not known".into(), line),
        "state": c.state.as_deref().filter(|s| *s != "RUNNING").map(line),
        "critical": counted(&|s| s.by_severity.of(Severity::Critical)),
        "high": counted(&|s| s.by_severity.of(Severity::High)),
        "medium": counted(&|s| s.by_severity.of(Severity::Medium)),
        "low": counted(&|s| s.by_severity.of(Severity::Low)),
        "info": counted(&|s| s.by_severity.of(Severity::Info)),
        "unknown": counted(&|s| s.by_verdict.of(Verdict::Unknown)),
        "workloads": coverage.map_or("–".into(), |c| number(c.workloads)),
        "ingress": coverage.map_or("–".into(), |c| isolated(c.ingress_isolated, c.ingress_unknown, c.workloads)),
        "egress": coverage.map_or("–".into(), |c| isolated(c.egress_isolated, c.egress_unknown, c.workloads)),
        "report": c.report,
        "evidence": c.evidence,
    })
}
