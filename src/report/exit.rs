//! The outcome of an audit and its exit status.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::{CheckResult, Severity, Verdict};
use crate::inventory::Cause;

use super::{Comparison, Gap};

/// Which results fail an audit, as given on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExitPolicy {
    /// Findings of this severity or worse fail the audit; `null` (`--fail-on none`): no finding does.
    pub fail_on: Option<Severity>,
    /// Unknown results and gaps do not make the audit incomplete.
    pub allow_unknown: bool,
    /// Unknowns whose cause is missing input or missing permissions make it incomplete too.
    pub strict: bool,
    /// A difference between the Terraform state and the cluster fails the audit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fail_on_drift: bool,
}

impl Default for ExitPolicy {
    fn default() -> Self {
        ExitPolicy { fail_on: Some(Severity::High), allow_unknown: false, strict: false, fail_on_drift: false }
    }
}

/// The outcome of an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// No finding at or above the threshold, and nothing that makes the audit incomplete.
    Pass,
    /// Findings at or above the threshold.
    Findings,
    /// No such finding, but something that counts could not be evaluated.
    Incomplete,
    /// Findings, and something that counts could not be evaluated.
    FindingsIncomplete,
    /// Nothing could be read. Never an outcome of [`exit_status`]: the caller knows it before there are results.
    NoResult,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 5] =
        [Outcome::Pass, Outcome::Findings, Outcome::Incomplete, Outcome::FindingsIncomplete, Outcome::NoResult];

    /// Name in JSON and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Findings => "findings",
            Outcome::Incomplete => "incomplete",
            Outcome::FindingsIncomplete => "findings-incomplete",
            Outcome::NoResult => "no-result",
        }
    }

    /// The exit status that goes with it.
    pub fn status(self) -> u8 {
        match self {
            Outcome::Pass => 0,
            Outcome::Findings | Outcome::FindingsIncomplete => 1,
            Outcome::Incomplete => 3,
            Outcome::NoResult => 4,
        }
    }
}

/// Whether a result counts in summaries and for the exit status. A result that another failure implies does not, and
/// neither does advice.
pub(crate) fn counts(result: &CheckResult) -> bool {
    result.caused_by.is_none() && !result.advice
}

/// Whether a result is a finding that fails the audit.
pub(crate) fn is_finding(result: &CheckResult, policy: ExitPolicy) -> bool {
    counts(result) && result.verdict == Verdict::Fail && policy.fail_on.is_some_and(|t| result.severity >= t)
}

/// Whether an unknown result makes the audit incomplete.
///
/// The threshold is `fail_on`, so with `--fail-on none` no unknown does. An unknown without a reason counts as
/// undecided, the stricter reading.
pub(crate) fn is_incomplete(result: &CheckResult, policy: ExitPolicy) -> bool {
    counts(result)
        && result.verdict == Verdict::Unknown
        && policy.fail_on.is_some_and(|t| result.severity >= t)
        && (policy.strict
            || !policy.allow_unknown
                && (result.reasons.is_empty()
                    || result.reasons.iter().any(|r| matches!(r.cause, Cause::Gap | Cause::Undecided))))
}

/// Exit status and outcome of an audit that had results: 0, 1 or 3, and 1 takes precedence over 3.
///
/// A gap makes an audit incomplete whatever the threshold, even `none`. With `allow_unknown` neither unknown results nor
/// gaps do; both stay in the report. If `strict` is given too, `strict` takes precedence.
pub fn exit_status(
    results: &[CheckResult],
    gaps: &[Gap],
    comparison: &Comparison,
    policy: ExitPolicy,
) -> (u8, Outcome) {
    let drift = policy.fail_on_drift && matches!(comparison, Comparison::Done(drift) if !drift.is_empty());
    let not_compared = policy.fail_on_drift && *comparison == Comparison::NotPossible;
    let findings = drift || results.iter().any(|r| is_finding(r, policy));
    let gaps_count = !gaps.is_empty() && (policy.strict || !policy.allow_unknown);
    let incomplete = gaps_count || not_compared || results.iter().any(|r| is_incomplete(r, policy));
    let outcome = match (findings, incomplete) {
        (false, false) => Outcome::Pass,
        (true, false) => Outcome::Findings,
        (false, true) => Outcome::Incomplete,
        (true, true) => Outcome::FindingsIncomplete,
    };
    (outcome.status(), outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Reason;
    use crate::report::sample::result;

    fn fail(severity: Severity) -> CheckResult {
        result("c", severity, Verdict::Fail, "a/Deployment/b")
    }
    fn unknown(severity: Severity, causes: &[Cause]) -> CheckResult {
        let mut r = result("c", severity, Verdict::Unknown, "a/Deployment/b");
        r.reasons = causes.iter().map(|&cause| Reason { cause, text: "x".into(), gap: None }).collect();
        r
    }
    fn policy(fail_on: Option<Severity>, flags: &str) -> ExitPolicy {
        ExitPolicy {
            fail_on,
            allow_unknown: flags.contains("allow"),
            strict: flags.contains("strict"),
            fail_on_drift: false,
        }
    }

    #[test]
    fn table() {
        use Cause::*;
        use Outcome::*;
        use Severity::*;
        let waived = |mut r: CheckResult| {
            r.verdict = Verdict::Waived;
            r
        };
        let implied = |mut r: CheckResult| {
            r.caused_by = Some("other".into());
            r
        };
        type Row = (&'static str, Vec<CheckResult>, usize, Option<Severity>, &'static str, u8, Outcome);
        let rows: Vec<Row> = vec![
            ("nothing", vec![], 0, Some(High), "", 0, Pass),
            ("below", vec![fail(Medium)], 0, Some(High), "", 0, Pass),
            ("at", vec![fail(High)], 0, Some(High), "", 1, Findings),
            ("above", vec![fail(Critical)], 0, Some(High), "", 1, Findings),
            ("fail-on none", vec![fail(Critical)], 0, None, "", 0, Pass),
            ("fail-on low", vec![fail(Low)], 0, Some(Low), "", 1, Findings),
            ("waived", vec![waived(fail(Critical))], 0, Some(High), "", 0, Pass),
            ("implied", vec![implied(fail(Critical))], 0, Some(High), "", 0, Pass),
            ("gap", vec![], 1, Some(High), "", 3, Incomplete),
            ("gap, fail-on none", vec![], 1, None, "", 3, Incomplete),
            ("gap allowed", vec![], 1, Some(High), "allow", 0, Pass),
            ("gap, strict", vec![], 1, Some(High), "strict", 3, Incomplete),
            ("gap and finding", vec![fail(High)], 1, Some(High), "", 1, FindingsIncomplete),
            ("finding, gap allowed", vec![fail(High)], 1, Some(High), "allow", 1, Findings),
            ("unknown: gap", vec![unknown(High, &[Gap])], 0, Some(High), "", 3, Incomplete),
            ("unknown: undecided", vec![unknown(High, &[Undecided])], 0, Some(High), "", 3, Incomplete),
            ("unknown below", vec![unknown(Medium, &[Undecided])], 0, Some(High), "", 0, Pass),
            ("unknown, fail-on none", vec![unknown(Critical, &[Undecided])], 0, None, "strict", 0, Pass),
            ("unknown allowed", vec![unknown(Critical, &[Undecided])], 0, Some(High), "allow", 0, Pass),
            ("unknown waived", vec![waived(unknown(High, &[Undecided]))], 0, Some(High), "strict", 0, Pass),
            ("missing input", vec![unknown(High, &[MissingInput])], 0, Some(High), "", 0, Pass),
            ("missing input, strict", vec![unknown(High, &[MissingInput])], 0, Some(High), "strict", 3, Incomplete),
            ("withheld", vec![unknown(High, &[Withheld])], 0, Some(High), "", 0, Pass),
            ("withheld, strict", vec![unknown(High, &[Withheld])], 0, Some(High), "strict", 3, Incomplete),
            ("strict below", vec![unknown(Low, &[Withheld])], 0, Some(High), "strict", 0, Pass),
            ("two causes", vec![unknown(High, &[Withheld, Gap])], 0, Some(High), "", 3, Incomplete),
            ("no reason", vec![unknown(High, &[])], 0, Some(High), "", 3, Incomplete),
            ("strict and allow", vec![unknown(High, &[Withheld])], 0, Some(High), "strict allow", 3, Incomplete),
            ("1 over 3", vec![unknown(High, &[Gap]), fail(High)], 0, Some(High), "", 1, FindingsIncomplete),
            ("finding below, 3", vec![unknown(High, &[Gap]), fail(Low)], 0, Some(High), "", 3, Incomplete),
        ];
        for (name, results, gaps, fail_on, flags, status, outcome) in rows {
            let gaps = vec![super::Gap::default(); gaps];
            assert_eq!(
                exit_status(&results, &gaps, &Comparison::NotRequested, policy(fail_on, flags)),
                (status, outcome),
                "{name}"
            );
        }
    }

    #[test]
    fn order_does_not_matter() {
        let mut results = vec![fail(Severity::High), unknown(Severity::High, &[Cause::Gap]), fail(Severity::Low)];
        let status = |results: &[_]| exit_status(results, &[], &Comparison::NotRequested, ExitPolicy::default());
        let first = status(&results);
        results.reverse();
        assert_eq!(status(&results), first);
    }
}
