//! The report turned round: control by control of a framework, from the results of an audit.

mod markdown;
mod table;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::{CheckResult, Control, Framework, Severity, Verdict};

use super::{Countable, Counts, EvidenceSummary, Gap, Outcome, Report, Target, Tool, VerdictCounts};

/// What an audit says of every control of a framework.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FrameworkReport {
    /// Version of this shape; raised when a field changes its meaning or goes.
    #[schemars(extend("const" = 1))]
    pub schema_version: u32,
    pub tool: Tool,
    /// RFC 3339 with seconds and `Z`.
    pub generated_at: String,
    /// The outcome of the audit as a whole, whatever the framework asks for.
    pub outcome: Outcome,
    pub target: Target,
    pub evidence: EvidenceSummary,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    pub framework: FrameworkInfo,
    /// Controls by status.
    pub summary: Counts<ControlStatus, 5>,
    /// Every control, in the framework's order.
    pub controls: Vec<ControlResult>,
}

/// Which framework, and how much of it is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FrameworkInfo {
    /// With its version, such as `cis-gke-1.9.0`.
    pub id: String,
    pub title: String,
    /// What a reader must know of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What is known of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ControlStatus {
    /// Every check that speaks to it passes, as far as it applies.
    Met,
    /// A check that speaks to it fails. One that is waived still fails the control.
    NotMet,
    /// A check that speaks to it does not know, or was not run; none fails.
    NotEvaluated,
    /// The checks that speak to it do not apply to anything here.
    NotApplicable,
    /// No check speaks to it.
    NotCovered,
}

impl ControlStatus {
    /// In words.
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
    /// What takes work first.
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

/// One control and what its checks say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlResult {
    pub id: String,
    pub title: String,
    pub status: ControlStatus,
    /// What of the control the checks do not see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The checks that speak to it, with all of their results, implied ones and advice too.
    pub checks: Vec<ControlCheck>,
    /// What fails, worst first.
    pub findings: Vec<ControlFinding>,
    /// Why it is not evaluated, or does not apply; what was noted of what passes.
    pub reasons: Vec<String>,
}

/// A check and the counts of its results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlCheck {
    pub id: String,
    pub counts: VerdictCounts,
}

/// A failure that keeps a control from being met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlFinding {
    pub check: String,
    pub title: String,
    pub severity: Severity,
    /// `fail`, or `waived` where the configuration accepts it.
    pub verdict: Verdict,
    pub subject: String,
    pub message: String,
    /// As in the report.
    pub fingerprint: String,
}

impl FrameworkReport {
    /// Turns a report round.
    pub fn new(report: &Report, framework: &Framework) -> FrameworkReport {
        let mut by_check: BTreeMap<&str, Vec<&CheckResult>> = BTreeMap::new();
        for r in &report.results {
            by_check.entry(&r.check).or_default().push(r);
        }
        let controls: Vec<ControlResult> = framework.controls.iter().map(|c| judge(report, c, &by_check)).collect();
        FrameworkReport {
            schema_version: 1,
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

    /// Pretty JSON with a newline at the end.
    pub fn json(&self) -> String {
        // As for the report: there is nothing in it that JSON cannot say.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// As Markdown.
    ///
    /// # Errors
    /// One sentence that begins with the template's name and line.
    pub fn markdown(&self) -> Result<String, String> {
        markdown::render(self)
    }

    /// For a terminal. The header is that of the report.
    pub fn table(&self, report: &Report, style: &super::table::Style) -> String {
        table::render(self, report, style)
    }
}

/// JSON Schema (2020-12) of [`FrameworkReport::json`]; also checked in as `schemas/framework.schema.json`.
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(FrameworkReport).to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), "gke-posture framework report".into());
    }
    schema
}

fn judge(report: &Report, control: &Control, by_check: &BTreeMap<&str, Vec<&CheckResult>>) -> ControlResult {
    let mut checks = Vec::new();
    let mut findings: Vec<ControlFinding> = Vec::new();
    let (mut open, mut inapplicable, mut notes, mut passes) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for id in &control.checks {
        let mut counts = VerdictCounts::default();
        let results = by_check.get(id.as_str()).map_or(&[][..], Vec::as_slice);
        for r in results {
            counts.add(r.verdict);
            match r.verdict {
                // The failure that it follows from says the same.
                Verdict::Fail if r.caused_by.as_ref().is_some_and(|cause| control.checks.contains(cause)) => {}
                Verdict::Fail => findings.push(finding(r)),
                // A waiver accepts that the control is not met; it does not meet it.
                Verdict::Waived if r.reasons.is_empty() => findings.push(finding(r)),
                Verdict::Unknown | Verdict::Waived => push(&mut open, r.message.clone()),
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
            push(&mut open, format!("{id} was not evaluated: {}", why_not(report, id)));
        }
        checks.push(ControlCheck { id: id.clone(), counts });
    }
    findings.sort_by(|a, b| (b.severity, &a.check, &a.subject).cmp(&(a.severity, &b.check, &b.subject)));
    let status = match () {
        () if control.checks.is_empty() => ControlStatus::NotCovered,
        () if !findings.is_empty() => ControlStatus::NotMet,
        () if !open.is_empty() => ControlStatus::NotEvaluated,
        () if passes > 0 => ControlStatus::Met,
        () => ControlStatus::NotApplicable,
    };
    let reasons = match status {
        ControlStatus::NotEvaluated => open,
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
        title: r.title.clone(),
        severity: r.severity,
        verdict: r.verdict,
        subject: r.subject.id.clone(),
        message: r.message.clone(),
        fingerprint: r.fingerprint.clone(),
    }
}

fn why_not(report: &Report, check: &str) -> String {
    let listed = report.not_evaluated.iter().find(|n| n.checks.iter().any(|c| c == check));
    listed.map_or_else(|| "there is nothing in the evidence that it is about".to_owned(), |n| n.reason.clone())
}

fn push(list: &mut Vec<String>, text: String) {
    if !list.contains(&text) {
        list.push(text);
    }
}

#[cfg(test)]
mod tests;
