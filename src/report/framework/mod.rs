//! A report grouped by the controls of a framework.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::{CheckResult, Control, Framework, Severity, Verdict};

use super::text::line;
use super::{Countable, Counts, EvidenceSummary, Gap, Outcome, Report, Target, Tool, VerdictCounts};

const SCHEMA_VERSION: u32 = 2;

/// The status of every control of a framework.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FrameworkReport {
    /// Version of this shape; raised when a field changes its meaning or is removed.
    #[schemars(extend("const" = SCHEMA_VERSION))]
    pub schema_version: u32,
    /// The program that wrote the report.
    pub tool: Tool,
    /// RFC 3339 with seconds and `Z`.
    pub generated_at: String,
    /// The outcome of the audit as a whole, also for checks that the framework does not name.
    pub outcome: Outcome,
    /// The audited cluster.
    pub target: Target,
    /// What was read, from where, when and by whom.
    pub evidence: EvidenceSummary,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// The framework that the results are grouped by.
    pub framework: FrameworkInfo,
    /// Controls by status.
    pub summary: Counts<ControlStatus, 5>,
    /// Every control, in the framework's order.
    pub controls: Vec<ControlResult>,
}

/// A framework.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FrameworkInfo {
    /// With its version, such as `cis-gke-1.9.0`.
    pub id: String,
    /// Name of the framework with its version.
    pub title: String,
    /// Which part of the framework is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The status of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ControlStatus {
    /// Every check of it passes, as far as it applies.
    Met,
    /// A check of it fails. One that is waived still fails the control.
    NotMet,
    /// A check of it is unknown or was not evaluated; none fails.
    NotEvaluated,
    /// Its checks apply to nothing here.
    NotApplicable,
    /// It has no check.
    NotCovered,
}

impl ControlStatus {
    /// The status for people.
    pub fn name(self) -> &'static str {
        match self {
            ControlStatus::Met => "met",
            ControlStatus::NotMet => "not met",
            ControlStatus::NotEvaluated => "not evaluated",
            ControlStatus::NotApplicable => "not applicable",
            ControlStatus::NotCovered => "not covered by this tool",
        }
    }
}

impl Countable<5> for ControlStatus {
    /// What needs work first.
    const ALL: [Self; 5] = [
        ControlStatus::NotMet,
        ControlStatus::NotEvaluated,
        ControlStatus::Met,
        ControlStatus::NotApplicable,
        ControlStatus::NotCovered,
    ];
    fn key(self) -> &'static str {
        match self {
            ControlStatus::Met => "met",
            ControlStatus::NotMet => "notMet",
            ControlStatus::NotEvaluated => "notEvaluated",
            ControlStatus::NotApplicable => "notApplicable",
            ControlStatus::NotCovered => "notCovered",
        }
    }
}

/// A control with the results of its checks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlResult {
    /// Id of the control in the framework, such as `5.6.2`.
    pub id: String,
    /// What the control requires.
    pub title: String,
    /// Whether it is met, by the results of its checks.
    pub status: ControlStatus,
    /// What the checks do not cover of the control.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Its checks, with the counts of all of their results, implied ones and advice too.
    pub checks: Vec<ControlCheck>,
    /// Failures, the worst first.
    pub findings: Vec<ControlFinding>,
    /// Why it is not evaluated or does not apply; notes on what passes.
    pub reasons: Vec<String>,
}

/// A check and the counts of its results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlCheck {
    /// Id of the check.
    pub id: String,
    /// Title of the check; its id if the report does not list the check.
    pub title: String,
    /// Its results by verdict, implied ones and advice too.
    pub counts: VerdictCounts,
}

/// A failure that keeps a control from being met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlFinding {
    /// Id of the check that fails.
    pub check: String,
    /// Severity for this subject.
    pub severity: Severity,
    /// `fail`, or `waived` where the configuration accepts it.
    pub verdict: Verdict,
    /// Id of the subject.
    pub subject: String,
    /// The fact about this subject.
    pub message: String,
    /// As in the report.
    pub fingerprint: String,
}

impl FrameworkReport {
    /// Groups the results of a report by control.
    pub fn new(report: &Report, framework: &Framework) -> FrameworkReport {
        let mut by_check: BTreeMap<&str, Vec<&CheckResult>> = BTreeMap::new();
        for r in &report.results {
            by_check.entry(&r.check).or_default().push(r);
        }
        let controls: Vec<ControlResult> = framework.controls.iter().map(|c| evaluate(report, c, &by_check)).collect();
        FrameworkReport {
            schema_version: SCHEMA_VERSION,
            tool: report.tool.clone(),
            generated_at: report.generated_at.clone(),
            outcome: report.outcome,
            target: report.target.clone(),
            evidence: report.evidence.clone(),
            gaps: report.gaps.clone(),
            framework: FrameworkInfo {
                id: framework.framework.clone(),
                title: framework.title.clone(),
                note: framework.note.clone(),
            },
            summary: controls.iter().map(|c| c.status).collect(),
            controls,
        }
    }
}

/// What is stated of a control, for people.
pub(crate) struct ControlStatement {
    /// Of a failure.
    pub severity: Option<Severity>,
    pub waived: bool,
    /// Of a failure.
    pub subjects: Vec<String>,
    pub text: String,
}

impl ControlResult {
    /// Failures by message, then the reasons.
    pub(crate) fn statements(&self) -> Vec<ControlStatement> {
        let mut out: Vec<ControlStatement> = Vec::new();
        let mut indexes: BTreeMap<(&str, Verdict, Severity), usize> = BTreeMap::new();
        for f in &self.findings {
            let index = *indexes.entry((&f.message, f.verdict, f.severity)).or_insert(out.len());
            match out.get_mut(index) {
                Some(statement) => statement.subjects.push(line(&f.subject)),
                None => out.push(ControlStatement {
                    severity: Some(f.severity),
                    waived: f.verdict == Verdict::Waived,
                    subjects: vec![line(&f.subject)],
                    text: line(&f.message),
                }),
            }
        }
        let reasons = self.reasons.iter().map(|r| ControlStatement {
            severity: None,
            waived: false,
            subjects: Vec::new(),
            text: line(r),
        });
        out.extend(reasons);
        out
    }
}

/// JSON Schema (2020-12) of the JSON of [`FrameworkReport`]; also checked in as `schemas/framework.schema.json`.
pub fn json_schema() -> serde_json::Value {
    super::schema::of::<FrameworkReport>("gke-posture framework report")
}

fn evaluate(report: &Report, control: &Control, by_check: &BTreeMap<&str, Vec<&CheckResult>>) -> ControlResult {
    let mut checks = Vec::new();
    let mut findings: Vec<ControlFinding> = Vec::new();
    let (mut undecided, mut inapplicable, mut notes, mut passes) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for id in &control.checks {
        let mut counts = VerdictCounts::default();
        let results = by_check.get(id.as_str()).map_or(&[][..], Vec::as_slice);
        for r in results {
            counts.add(r.verdict);
            match r.verdict {
                // The failure that it follows from is listed already.
                Verdict::Fail if r.caused_by.as_ref().is_some_and(|cause| control.checks.contains(cause)) => {}
                Verdict::Fail => findings.push(finding(r)),
                // A waiver accepts that the control is not met; it does not meet it.
                Verdict::Waived if r.reasons.is_empty() => findings.push(finding(r)),
                Verdict::Unknown | Verdict::Waived => push(&mut undecided, r.message.clone()),
                Verdict::NotApplicable => push(&mut inapplicable, r.message.clone()),
                Verdict::Pass => {
                    passes += 1;
                    if let Some(note) = &r.note {
                        push(&mut notes, format!("{}: {note}", r.subject.id));
                    }
                }
            }
        }
        if results.is_empty() {
            push(&mut undecided, format!("{id} was not evaluated: {}", why_not(report, id)));
        }
        checks.push(ControlCheck { id: id.clone(), title: report.title(id).to_owned(), counts });
    }
    findings.sort_by(|a, b| (b.severity, &a.check, &a.subject).cmp(&(a.severity, &b.check, &b.subject)));
    let status = match () {
        () if control.checks.is_empty() => ControlStatus::NotCovered,
        () if !findings.is_empty() => ControlStatus::NotMet,
        () if !undecided.is_empty() => ControlStatus::NotEvaluated,
        () if passes > 0 => ControlStatus::Met,
        () => ControlStatus::NotApplicable,
    };
    let reasons = match status {
        ControlStatus::NotEvaluated => undecided,
        ControlStatus::NotApplicable => inapplicable,
        ControlStatus::Met => notes,
        _ => Vec::new(),
    };
    let (id, title, note) = (control.id.clone(), control.title.clone(), control.note.clone());
    ControlResult { id, title, status, note, checks, findings, reasons }
}

fn finding(r: &CheckResult) -> ControlFinding {
    ControlFinding {
        check: r.check.clone(),
        severity: r.severity,
        verdict: r.verdict,
        subject: r.subject.id.clone(),
        message: r.message.clone(),
        fingerprint: r.fingerprint.clone(),
    }
}

fn why_not(report: &Report, check: &str) -> String {
    let listed = report.not_evaluated.checks.iter().find(|n| n.checks.iter().any(|c| c == check));
    listed.map_or_else(|| "the evidence holds nothing that it is about".to_owned(), |n| n.reason.clone())
}

fn push(list: &mut Vec<String>, text: String) {
    if !list.contains(&text) {
        list.push(text);
    }
}

#[cfg(test)]
mod tests;
