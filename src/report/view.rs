//! The report as people read it: results grouped by check, counted and worded once for every format.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::check::{CheckResult, Fix, Severity, Verdict};
use crate::facts::schema::{Evidence, SubjectKind};

use super::exit::counts;
use super::text::{block, count, line, noun, number};
use super::{Coverage, Gap, NamespaceCoverage, Report, WaiverReport, WaiverStatus};

/// Longest value that is shown in full.
const LONGEST_VALUE: usize = 160;

/// Different fixes of one statement that are shown: those of further subjects differ in names only.
const MOST_FIXES: usize = 3;

/// What a format shows of a report. Lists are complete: a format may cut them.
pub(crate) struct View<'a> {
    /// Failures, the worst first.
    pub findings: Vec<Group<'a>>,
    /// Unknown results, the worst first, without those that are unknown because of a gap alone.
    pub unknowns: Vec<Group<'a>>,
    pub gaps: Vec<GapView<'a>>,
    /// Failures that are not counted.
    pub advice: Vec<Group<'a>>,
    /// Notes on passing results.
    pub notes: Vec<Statement<'a>>,
    pub waived: Vec<&'a CheckResult>,
    pub drift: Vec<DriftView>,
    pub coverage: Vec<CoverageRow<'a>>,
}

impl<'a> View<'a> {
    /// Groups and words a report.
    pub(crate) fn new(report: &'a Report) -> View<'a> {
        let counted = |verdict: Verdict| move |r: &CheckResult| counts(r) && r.verdict == verdict;
        let passing = counted(Verdict::Pass);
        let noted: Vec<&CheckResult> = report.results.iter().filter(|r| passing(r) && r.note.is_some()).collect();
        let waived = counted(Verdict::Waived);
        View {
            findings: failures(report, counted(Verdict::Fail)),
            unknowns: unknowns(report),
            gaps: report.gaps.iter().map(|gap| GapView { gap, cost: cost(report, &gap.id) }).collect(),
            advice: failures(report, |r| r.advice && r.caused_by.is_none() && r.verdict == Verdict::Fail),
            notes: statements(&noted, |r| r.note.as_deref().map(line).unwrap_or_default()),
            waived: report.results.iter().filter(|r| waived(r)).collect(),
            drift: report.drift.iter().flatten().map(DriftView::new).collect(),
            coverage: report.summary.coverage.namespaces.iter().map(CoverageRow::new).collect(),
        }
    }
}

/// Results of one check with one verdict and one severity.
pub(crate) struct Group<'a> {
    pub check: &'a str,
    /// What a failure is called, or of unknown results the control.
    pub heading: &'a str,
    pub severity: Severity,
    /// Results by what they state, those that are stated of most subjects first.
    pub statements: Vec<Statement<'a>>,
    /// Subjects that the check applies to, whatever the verdict and severity.
    applicable: usize,
}

impl<'a> Group<'a> {
    pub(crate) fn results(&self) -> impl Iterator<Item = &'a CheckResult> + '_ {
        self.statements.iter().flat_map(|s| s.results.iter().copied())
    }

    /// `6 of 10 workloads`, and the severity before it was changed; empty if there is nothing to add.
    pub(crate) fn extent(&self) -> String {
        let parts = [self.share(), self.changed_severity()];
        parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(", ")
    }

    fn changed_severity(&self) -> String {
        let base = self.results().next().and_then(|r| r.base_severity);
        match base.filter(|b| self.results().all(|r| r.base_severity == Some(*b))) {
            Some(b) if b > self.severity => format!("lowered from {}", b.name()),
            Some(b) if b < self.severity => format!("raised from {}", b.name()),
            _ => String::new(),
        }
    }

    fn share(&self) -> String {
        let n = self.results().count();
        let Some(first) = self.results().next() else { return String::new() };
        let (one, many) = noun(first.subject.kind);
        match self.applicable {
            // A single subject is listed right below: its number adds nothing.
            of if n <= 1 || of < n => String::new(),
            2 if n == 2 => format!("both {many}"),
            of if of == n => format!("all {}", count(of, one, many)),
            of => format!("{} of {}", number(n), count(of, one, many)),
        }
    }

    /// Whether all subjects are settings of the cluster, not what runs in it.
    pub(crate) fn is_configuration(&self) -> bool {
        self.results().all(|r| is_configuration(r.subject.kind))
    }
}

/// What is stated of one or more subjects.
pub(crate) struct Statement<'a> {
    pub text: String,
    pub results: Vec<&'a CheckResult>,
}

impl<'a> Statement<'a> {
    /// Names of the subjects.
    pub(crate) fn subjects(&self) -> Vec<String> {
        self.results.iter().map(|r| subject(r)).collect()
    }

    /// `3 workloads`.
    pub(crate) fn number_of_subjects(&self) -> String {
        self.results.first().map_or(String::new(), |r| {
            let (one, many) = noun(r.subject.kind);
            count(self.results.len(), one, many)
        })
    }

    pub(crate) fn evidence(&self) -> impl Iterator<Item = &'a Evidence> + '_ {
        self.results.iter().flat_map(|r| &r.evidence)
    }

    /// The first different fixes with their subjects, and whether there are more.
    pub(crate) fn fixes(&self) -> (Vec<(&'a Fix, Vec<String>)>, bool) {
        let mut fixes: Vec<(&Fix, Vec<String>)> = vec![];
        for &r in self.results.iter().filter(|r| !r.fix.is_empty()) {
            if let Some((_, subjects)) = fixes.iter_mut().find(|(fix, _)| **fix == r.fix) {
                subjects.push(subject(r));
            } else if fixes.len() <= MOST_FIXES {
                // One more than is shown tells that there are more.
                fixes.push((&r.fix, vec![subject(r)]));
            }
        }
        let more = fixes.len() > MOST_FIXES;
        fixes.truncate(MOST_FIXES);
        (fixes, more)
    }
}

/// A gap and what it costs.
pub(crate) struct GapView<'a> {
    pub gap: &'a Gap,
    /// How many results are unknown because of it, in one sentence.
    pub cost: String,
}

/// A difference from the Terraform state, with values as people write them.
pub(crate) struct DriftView {
    pub object: String,
    pub address: String,
    pub attribute: String,
    pub state: String,
    pub live: String,
}

impl DriftView {
    fn new(d: &super::Drift) -> DriftView {
        DriftView {
            object: line(&d.object),
            address: line(&d.address),
            attribute: line(&d.attribute),
            state: shown(&d.state),
            live: shown(&d.live),
        }
    }
}

/// The coverage of a namespace.
pub(crate) struct CoverageRow<'a> {
    pub namespace: String,
    /// With `(guessed)` where the environment is derived from the name.
    pub environment: String,
    pub platform: bool,
    pub coverage: &'a Coverage,
    /// Whether a policy that selects every pod denies by default, per direction.
    pub default_deny: &'static str,
}

impl<'a> CoverageRow<'a> {
    fn new(n: &'a NamespaceCoverage) -> CoverageRow<'a> {
        CoverageRow {
            namespace: line(&n.namespace),
            environment: match (&n.environment, n.platform) {
                (Some(e), _) if n.environment_guessed => format!("{} (guessed)", line(e)),
                (Some(e), _) => line(e),
                (None, true) => "platform".into(),
                (None, false) => "not set".into(),
            },
            platform: n.platform,
            coverage: &n.coverage,
            default_deny: match (n.default_deny_ingress, n.default_deny_egress) {
                (Some(true), Some(true)) => "yes",
                (Some(false), Some(false)) => "no",
                (Some(true), Some(false)) => "ingress only",
                (Some(false), Some(true)) => "egress only",
                (Some(true), None) => "ingress, rest unknown",
                (None, Some(true)) => "egress, rest unknown",
                _ => "unknown",
            },
        }
    }
}

/// Whether a kind of subject is the cluster's configuration, not what runs in it.
fn is_configuration(kind: SubjectKind) -> bool {
    matches!(kind, SubjectKind::Cluster | SubjectKind::NodePool)
}

/// Counted failures by check, the worst first.
pub(crate) fn findings(report: &Report) -> Vec<Group<'_>> {
    failures(report, |r| counts(r) && r.verdict == Verdict::Fail)
}

fn failures<'a>(report: &'a Report, wanted: impl Fn(&CheckResult) -> bool) -> Vec<Group<'a>> {
    groups(report, wanted, |check| report.finding(check), |r| line(&r.message))
}

fn unknowns(report: &Report) -> Vec<Group<'_>> {
    // A result that is unknown because of a gap alone is reported with the gap: one entry for the cause, not one for each
    // effect.
    let wanted = |r: &CheckResult| counts(r) && r.verdict == Verdict::Unknown && only_gap(report, r).is_none();
    groups(report, wanted, |check| report.title(check), |r| block(&reasons(r)))
}

/// Results by check and severity: the worst severity first, in each what runs in the cluster before how it is configured,
/// then by check id; in each by subject.
fn groups<'a>(
    report: &'a Report,
    wanted: impl Fn(&CheckResult) -> bool,
    heading: impl Fn(&'a str) -> &'a str,
    statement: impl Fn(&CheckResult) -> String,
) -> Vec<Group<'a>> {
    let mut by_check: BTreeMap<(Reverse<Severity>, bool, &str), Vec<&CheckResult>> = BTreeMap::new();
    for r in report.results.iter().filter(|r| wanted(r)) {
        let key = (Reverse(r.severity), is_configuration(r.subject.kind), r.check.as_str());
        by_check.entry(key).or_default().push(r);
    }
    by_check
        .into_iter()
        .map(|((severity, _, check), results)| Group {
            check,
            heading: heading(check),
            severity: severity.0,
            applicable: report.check(check).map_or(results.len(), |c| c.counts.applicable()),
            statements: statements(&results, &statement),
        })
        .collect()
}

/// Results by their text: those with most results first, then in order of the first result of each.
fn statements<'a>(results: &[&'a CheckResult], text: impl Fn(&CheckResult) -> String) -> Vec<Statement<'a>> {
    let mut out: Vec<Statement<'a>> = Vec::new();
    let mut indexes: BTreeMap<String, usize> = BTreeMap::new();
    for &r in results {
        let text = text(r);
        match indexes.get(&text).and_then(|&i| out.get_mut(i)) {
            Some(statement) => statement.results.push(r),
            None => {
                indexes.insert(text.clone(), out.len());
                out.push(Statement { text, results: vec![r] });
            }
        }
    }
    out.sort_by_key(|s| Reverse(s.results.len()));
    out
}

/// Why a result is unknown: its reasons, else its message.
fn reasons(r: &CheckResult) -> String {
    let mut texts: Vec<&str> = Vec::new();
    for reason in &r.reasons {
        if !reason.text.is_empty() && !texts.contains(&reason.text.as_str()) {
            texts.push(&reason.text);
        }
    }
    match (texts.is_empty(), r.message.is_empty()) {
        (false, _) => texts.join("\n"),
        (true, false) => r.message.clone(),
        (true, true) => "the evidence does not decide it".into(),
    }
}

/// The gap that alone makes a result unknown, if the report lists it.
fn only_gap<'a>(report: &'a Report, r: &CheckResult) -> Option<&'a str> {
    let mut ids = r.reasons.iter().map(|reason| reason.gap.as_deref());
    let first = ids.next()??;
    let gap = report.gaps.iter().find(|g| g.id == first)?;
    ids.all(|id| id == Some(first)).then_some(gap.id.as_str())
}

/// How many results of how many checks are unknown because of a gap.
fn cost(report: &Report, gap: &str) -> String {
    let hit = report.results.iter().filter(|r| {
        counts(r) && r.verdict == Verdict::Unknown && r.reasons.iter().any(|reason| reason.gap.as_deref() == Some(gap))
    });
    let checks: Vec<&str> = hit.map(|r| r.check.as_str()).collect();
    let distinct = checks.iter().collect::<BTreeSet<_>>().len();
    match checks.len() {
        0 => "No result depends on it.".into(),
        n => format!(
            "{} of {} {} unknown because of it.",
            count(n, "result", "results"),
            count(distinct, "check", "checks"),
            if n == 1 { "is" } else { "are" }
        ),
    }
}

/// The name of a subject for people.
pub(crate) fn subject(r: &CheckResult) -> String {
    if r.subject.id == "*" { format!("all {}", noun(r.subject.kind).1) } else { line(&r.subject.id) }
}

/// What became of a waiver that waives nothing.
pub(crate) fn waiver_status(w: &WaiverReport) -> String {
    let until = line(&w.until);
    match (w.status, w.matched) {
        (WaiverStatus::Expired, 0) => format!("Ended on {until}, and matches nothing."),
        (WaiverStatus::Expired, n) => format!(
            "Ended on {until}: {} {} again.",
            count(n, "result", "results"),
            if n == 1 { "counts" } else { "count" }
        ),
        _ => format!("Matches nothing that fails; it would end on {until}."),
    }
}

/// A value as a person would write it down; long ones are cut.
pub(crate) fn shown(value: &Json) -> String {
    let scalar = |v: &Json| match v {
        Json::String(s) if s.is_empty() => Some("\"\"".to_string()),
        Json::String(s) => Some(line(s)),
        Json::Bool(_) | Json::Number(_) => Some(v.to_string()),
        _ => None,
    };
    let joined = match value {
        Json::Null => Some("not set".to_string()),
        Json::Array(items) if items.is_empty() => Some("none".to_string()),
        Json::Array(items) => items.iter().map(scalar).collect::<Option<Vec<_>>>().map(|v| v.join(", ")),
        Json::Object(map) if map.is_empty() => Some("none".to_string()),
        Json::Object(map) => {
            let pair = |(k, v): (&String, &Json)| scalar(v).map(|v| format!("{}={v}", line(k)));
            map.iter().map(pair).collect::<Option<Vec<_>>>().map(|v| v.join(", "))
        }
        other => scalar(other),
    };
    let text = joined.unwrap_or_else(|| value.to_string());
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
