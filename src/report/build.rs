//! Makes a report of its parts: everything is counted, sorted and decided here, once.

use std::collections::BTreeMap;

use crate::check::{CheckResult, FixTool, Verdict};

use super::exit::{OutcomeInput, counts, decide_outcome};
use super::model::SCHEMA_VERSION;
use super::*;

/// What a report is made of.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// The program that writes the report.
    pub tool: Tool,
    /// RFC 3339 with seconds and `Z`.
    pub generated_at: String,
    /// The options that decide the outcome.
    pub exit: ExitPolicy,
    /// The audited cluster.
    pub target: Target,
    /// What was read; a comparison that is not possible adds a note.
    pub evidence: EvidenceSummary,
    /// In any order.
    pub results: Vec<CheckResult>,
    /// The tool whose fixes are kept; `None`: those of all tools.
    pub fix_for: Option<FixTool>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// The configured waivers, in order of the file.
    pub waivers: Vec<WaiverReport>,
    /// Checks and objects that are out of scope.
    pub not_evaluated: NotEvaluated,
    /// Every check of the audit; the counts in them are overwritten.
    pub checks: Vec<CheckSummary>,
    /// In any order.
    pub namespaces: Vec<NamespaceCoverage>,
    /// Drift from the Terraform state, if it was requested.
    pub comparison: Comparison,
}

/// The comparison of the cluster with the Terraform state.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Comparison {
    /// No comparison was requested.
    #[default]
    NotRequested,
    /// It was requested, and the configuration of the cluster could not be read.
    NotPossible,
    /// The differences; empty if there are none.
    Done(Vec<Drift>),
}

impl Report {
    /// Counts, sorts and decides the outcome. The exit status is [`Outcome::status`] of `outcome`.
    pub fn new(parts: Parts) -> Report {
        let Parts {
            tool,
            generated_at,
            exit,
            target,
            mut evidence,
            mut results,
            fix_for,
            gaps,
            waivers,
            not_evaluated,
            mut checks,
            namespaces,
            comparison,
        } = parts;
        results.sort_by(|a, b| (&a.check, &a.subject.id).cmp(&(&b.check, &b.subject.id)));
        for fix in results.iter_mut().map(|r| &mut r.fix) {
            fix.keep(fix_for);
        }
        checks.sort_by(|a, b| a.id.cmp(&b.id));
        let input = OutcomeInput {
            results: &results,
            gaps: &gaps,
            comparison: &comparison,
            not_evaluated: &not_evaluated,
            checks: &checks,
        };
        let outcome = decide_outcome(input, exit);
        let summary = Summary::new(&results, namespaces);
        let mut by_check: BTreeMap<&str, VerdictCounts> = BTreeMap::new();
        for r in results.iter().filter(|r| counts(r)) {
            by_check.entry(&r.check).or_default().add(r.verdict);
        }
        for check in &mut checks {
            check.counts = by_check.remove(check.id.as_str()).unwrap_or_default();
        }
        let drift = match comparison {
            Comparison::NotRequested => None,
            Comparison::NotPossible => {
                evidence.notes.push(
                    "the cluster was not compared with the Terraform state: its configuration could not be read"
                        .to_owned(),
                );
                None
            }
            Comparison::Done(drift) => Some(drift),
        };
        Report {
            schema_version: SCHEMA_VERSION,
            tool,
            generated_at,
            outcome,
            exit,
            target,
            evidence,
            summary,
            checks,
            results,
            gaps,
            waivers,
            not_evaluated,
            drift,
        }
    }

    /// The summary of a check of this audit.
    pub fn check(&self, id: &str) -> Option<&CheckSummary> {
        let index = self.checks.binary_search_by(|c| c.id.as_str().cmp(id)).ok()?;
        self.checks.get(index)
    }

    /// The title of a check: the control. The id stands in for a check that the report does not list.
    pub fn title<'a>(&'a self, check: &'a str) -> &'a str {
        self.check(check).map_or(check, |c| &c.title)
    }

    /// What a failure of a check is called. The id stands in for a check that the report does not list.
    pub fn finding<'a>(&'a self, check: &'a str) -> &'a str {
        self.check(check).map_or(check, CheckSummary::finding)
    }
}

impl Summary {
    /// Counts results (those with `causedBy` nowhere) and sums the namespaces.
    pub fn new(results: &[CheckResult], mut namespaces: Vec<NamespaceCoverage>) -> Summary {
        let mut summary = Summary::default();
        for r in results.iter().filter(|r| counts(r)) {
            summary.by_verdict.add(r.verdict);
            match r.verdict {
                Verdict::Fail => summary.by_severity.add(r.severity),
                Verdict::Unknown => summary.unknown_by_severity.add(r.severity),
                _ => {}
            }
        }
        namespaces.sort_by(|a, b| a.namespace.cmp(&b.namespace));
        let total = &mut summary.coverage.total;
        for n in namespaces.iter().filter(|n| !n.platform) {
            *total += n.coverage;
        }
        summary.coverage.namespaces = namespaces;
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Severity;
    use crate::report::sample::{result, sample};

    #[test]
    fn counts_everything_but_the_implied() {
        let mut implied = result("b", Severity::Critical, Verdict::Fail, "x");
        implied.caused_by = Some("a".into());
        let results = vec![
            implied,
            result("b", Severity::High, Verdict::Fail, "y"),
            result("a", Severity::Low, Verdict::Unknown, "x"),
            result("a", Severity::Low, Verdict::Pass, "w"),
            result("a", Severity::Low, Verdict::NotApplicable, "v"),
            result("a", Severity::Low, Verdict::Waived, "u"),
        ];
        let checks = ["b", "a"].map(|id| CheckSummary {
            id: id.into(),
            title: id.into(),
            finding: None,
            severity: Severity::Low,
            why: String::new(),
            references: vec![],
            controls: BTreeMap::new(),
            counts: Counts::from([(Verdict::Pass, 99)]),
        });
        let report = Report::new(Parts { results, checks: checks.into(), ..Parts::default() });
        let expected = Verdict::ALL.into_iter().collect::<VerdictCounts>();
        assert_eq!(report.summary.by_verdict, expected);
        assert_eq!(report.summary.by_severity, Counts::from([(Severity::High, 1)]));
        assert_eq!(report.summary.unknown_by_severity, Counts::from([(Severity::Low, 1)]));
        assert_eq!(report.results.len(), 6);
        assert_eq!(report.checks[0].id, "a");
        assert_eq!(report.check("b").unwrap().counts, Counts::from([(Verdict::Fail, 1)]));
    }

    #[test]
    fn platform_namespaces_are_not_in_the_total() {
        let report = sample();
        let sum: usize =
            report.summary.coverage.namespaces.iter().filter(|n| !n.platform).map(|n| n.coverage.workloads).sum();
        assert_eq!(report.summary.coverage.total.workloads, sum);
        assert!(report.summary.coverage.namespaces.iter().any(|n| n.platform && n.coverage.workloads > 0));
    }

    #[test]
    fn drift_and_what_could_not_be_compared_decide_the_outcome_where_drift_fails_an_audit() {
        let drift = || Comparison::Done(vec![Drift::default()]);
        let made = |fail_on_drift, severity, comparison| {
            let report = Report::new(Parts {
                exit: ExitPolicy { fail_on_drift, ..ExitPolicy::default() },
                results: vec![result("a", severity, Verdict::Fail, "cluster")],
                comparison,
                ..Parts::default()
            });
            (report.outcome, report.drift.map(|d| d.len()), report.evidence.notes.len())
        };
        use Severity::{High, Low};
        assert_eq!(made(false, Low, drift()), (Outcome::Pass, Some(1), 0));
        assert_eq!(made(true, Low, drift()), (Outcome::Findings, Some(1), 0));
        assert_eq!(made(true, Low, Comparison::Done(vec![])), (Outcome::Pass, Some(0), 0));
        assert_eq!(made(true, Low, Comparison::NotPossible), (Outcome::Incomplete, None, 1));
        assert_eq!(made(true, High, Comparison::NotPossible), (Outcome::FindingsIncomplete, None, 1));
        assert_eq!(made(false, Low, Comparison::NotPossible), (Outcome::Pass, None, 1));
        assert_eq!(made(true, Low, Comparison::NotRequested), (Outcome::Pass, None, 0));
        let nothing = Report::new(Parts { comparison: drift(), ..Parts::default() });
        assert_eq!(nothing.outcome, Outcome::NoResult);
    }

    #[test]
    fn only_the_fixes_of_one_tool_are_kept() {
        let mut failing = result("a", Severity::Low, Verdict::Fail, "cluster");
        failing.fix =
            crate::check::Fix { kubectl: Some("k".into()), gcloud: Some("g".into()), terraform: Some("t".into()) };
        let made = |fix_for| {
            let report = Report::new(Parts { results: vec![failing.clone()], fix_for, ..Parts::default() });
            let fix = &report.results[0].fix;
            [&fix.kubectl, &fix.gcloud, &fix.terraform].map(Option::is_some)
        };
        assert_eq!(made(None), [true; 3]);
        assert_eq!(made(Some(FixTool::Kubectl)), [true, false, false]);
        assert_eq!(made(Some(FixTool::Gcloud)), [false, true, false]);
        assert_eq!(made(Some(FixTool::Terraform)), [false, false, true]);
    }
}
