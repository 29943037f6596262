//! The outcome of an audit and its exit status.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::{CheckResult, Severity, Verdict};
use crate::inventory::Cause;

use super::{CheckSummary, Comparison, Gap, NotEvaluated};

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
    /// Nothing was evaluated: no result passed, failed or was waived.
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

/// Whether a result is an answer: a subject was evaluated, and passed, failed or was waived.
pub(crate) fn is_answer(result: &CheckResult) -> bool {
    counts(result) && matches!(result.verdict, Verdict::Pass | Verdict::Fail | Verdict::Waived)
}

/// Checks that are out of scope for want of input, and that make a strict audit incomplete: those of which a failure would
/// fail the audit.
pub(crate) fn checks_without_input<'a>(
    not_evaluated: &'a NotEvaluated,
    checks: &'a [CheckSummary],
    policy: ExitPolicy,
) -> impl Iterator<Item = &'a str> {
    let severity = |id: &str| checks.iter().find(|c| c.id == id).map(|c| c.severity);
    let counts = move |id: &&String| policy.fail_on.is_some_and(|t| severity(id).is_none_or(|s| s >= t));
    let without_input = not_evaluated.checks.iter().filter(move |u| policy.strict && u.lacks_cluster());
    without_input.flat_map(|u| &u.checks).filter(counts).map(String::as_str)
}

/// What the outcome of an audit is decided by.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutcomeInput<'a> {
    /// Every result.
    pub(super) results: &'a [CheckResult],
    /// What could not be read.
    pub(super) gaps: &'a [Gap],
    /// The comparison with the Terraform state.
    pub(super) comparison: &'a Comparison,
    /// What is out of scope.
    pub(super) not_evaluated: &'a NotEvaluated,
    /// The checks of the audit, for their severities.
    pub(super) checks: &'a [CheckSummary],
}

/// The outcome of an audit. [`Outcome::status`] is its exit status.
///
/// Without a result that passed, failed or was waived there is no outcome to speak of ([`Outcome::NoResult`]), whatever the
/// options. Otherwise findings take precedence over what is incomplete. A gap makes an audit incomplete whatever the
/// threshold, even `none`. With `allow_unknown` neither unknown results nor gaps do; both stay in the report. If `strict` is
/// given too, `strict` takes precedence.
pub(super) fn decide_outcome(input: OutcomeInput<'_>, policy: ExitPolicy) -> Outcome {
    let OutcomeInput { results, gaps, comparison, not_evaluated, checks } = input;
    if !results.iter().any(is_answer) {
        return Outcome::NoResult;
    }
    let drift = policy.fail_on_drift && matches!(comparison, Comparison::Done(drift) if !drift.is_empty());
    let not_compared = policy.fail_on_drift && *comparison == Comparison::NotPossible;
    let findings = drift || results.iter().any(|r| is_finding(r, policy));
    let gaps_count = !gaps.is_empty() && (policy.strict || !policy.allow_unknown);
    let incomplete = gaps_count
        || not_compared
        || results.iter().any(|r| is_incomplete(r, policy))
        || checks_without_input(not_evaluated, checks, policy).next().is_some();
    match (findings, incomplete) {
        (false, false) => Outcome::Pass,
        (true, false) => Outcome::Findings,
        (false, true) => Outcome::Incomplete,
        (true, true) => Outcome::FindingsIncomplete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Reason;
    use crate::report::UnusedChecks;
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
        let advice = |mut r: CheckResult| {
            r.advice = true;
            r
        };
        let verdict = |verdict| result("c", High, verdict, "a/Deployment/b");
        // Of results that are no answers nothing follows, whatever the options.
        let nothing: Vec<Vec<CheckResult>> = vec![
            vec![],
            vec![verdict(Verdict::NotApplicable)],
            vec![unknown(High, &[Gap]), unknown(Low, &[MissingInput])],
            vec![advice(verdict(Verdict::Pass))],
        ];
        for results in nothing {
            for (gaps, flags) in [(0, ""), (1, ""), (0, "strict"), (1, "allow")] {
                for fail_on in [None, Some(High)] {
                    assert_eq!(decide(&results, gaps, policy(fail_on, flags)), NoResult, "{flags}: {results:?}");
                }
            }
        }
        let rows: Vec<Row> = vec![
            ("passed", vec![verdict(Verdict::Pass)], 0, Some(High), "", 0, Pass),
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
        for (name, mut results, gaps, fail_on, flags, status, outcome) in rows {
            results.push(verdict(Verdict::Pass));
            let decided = decide(&results, gaps, policy(fail_on, flags));
            assert_eq!((decided.status(), decided), (status, outcome), "{name}");
        }
    }

    fn decide(results: &[CheckResult], gaps: usize, policy: ExitPolicy) -> Outcome {
        let gaps = vec![super::Gap::default(); gaps];
        let not_evaluated = NotEvaluated::default();
        let comparison = &Comparison::NotRequested;
        decide_outcome(
            OutcomeInput { results, gaps: &gaps, comparison, not_evaluated: &not_evaluated, checks: &[] },
            policy,
        )
    }

    #[test]
    fn checks_without_their_input_count_when_strict() {
        let results = [result("c", Severity::High, Verdict::Pass, "a/Deployment/b")];
        let decided = |reason: &str, fail_on, flags| {
            let checks = vec!["d".to_owned()];
            let not_evaluated =
                NotEvaluated { checks: vec![UnusedChecks { checks, reason: reason.to_owned() }], ..Default::default() };
            let checks = [CheckSummary {
                severity: Severity::Medium,
                ..crate::report::sample::sample().checks.into_iter().next().expect("a check")
            }]
            .map(|c| CheckSummary { id: "d".to_owned(), ..c });
            let comparison = &Comparison::NotRequested;
            let input = OutcomeInput {
                results: &results,
                gaps: &[],
                comparison,
                not_evaluated: &not_evaluated,
                checks: &checks,
            };
            decide_outcome(input, policy(fail_on, flags))
        };
        let (low, high) = (Some(Severity::Low), Some(Severity::High));
        let reason = UnusedChecks::NO_CLUSTER;
        assert_eq!(decided(reason, low, "strict"), Outcome::Incomplete);
        assert_eq!(decided(reason, low, ""), Outcome::Pass);
        assert_eq!(decided(reason, high, "strict"), Outcome::Pass);
        assert_eq!(decided(reason, None, "strict"), Outcome::Pass);
        assert_eq!(decided(UnusedChecks::NO_OBJECTS, low, "strict"), Outcome::Pass);
        assert_eq!(decided("switched off in the configuration", low, "strict"), Outcome::Pass);
    }

    #[test]
    fn order_does_not_matter() {
        let mut results = vec![fail(Severity::High), unknown(Severity::High, &[Cause::Gap]), fail(Severity::Low)];
        let first = decide(&results, 0, ExitPolicy::default());
        results.reverse();
        assert_eq!(decide(&results, 0, ExitPolicy::default()), first);
    }
}
