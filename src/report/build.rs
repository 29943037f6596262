//! From the parts that an audit has in hand to a report: counting and sorting happen here, once.

use std::collections::BTreeMap;

use crate::check::{CheckResult, Verdict};

use super::exit::counts;
use super::*;

/// What a report is made of.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    pub tool: Tool,
    /// RFC 3339 with seconds and `Z`.
    pub generated_at: String,
    pub exit: ExitPolicy,
    pub target: Target,
    pub evidence: EvidenceSummary,
    /// In any order.
    pub results: Vec<CheckResult>,
    pub gaps: Vec<Gap>,
    pub waivers: Vec<WaiverReport>,
    pub not_evaluated: Vec<NotEvaluated>,
    /// Every check of the audit; the counts in them are overwritten.
    pub checks: Vec<CheckSummary>,
    /// In any order.
    pub namespaces: Vec<NamespaceCoverage>,
}

impl Report {
    /// Counts, sorts and decides the outcome. The exit status is [`Outcome::status`] of `outcome`.
    ///
    /// A caller that could read nothing at all sets `outcome` to [`Outcome::NoResult`] afterwards.
    pub fn new(parts: Parts) -> Report {
        let Parts {
            tool,
            generated_at,
            exit,
            target,
            evidence,
            mut results,
            gaps,
            waivers,
            not_evaluated,
            mut checks,
            namespaces,
        } = parts;
        results.sort_by(|a, b| (&a.check, &a.subject.id).cmp(&(&b.check, &b.subject.id)));
        checks.sort_by(|a, b| a.id.cmp(&b.id));
        let (_, outcome) = exit_status(&results, &gaps, exit);
        let summary = Summary::new(&results, namespaces);
        let mut by_check: BTreeMap<&str, VerdictCounts> = BTreeMap::new();
        for r in results.iter().filter(|r| counts(r)) {
            by_check.entry(&r.check).or_default().add(r.verdict);
        }
        for check in &mut checks {
            check.counts = by_check.remove(check.id.as_str()).unwrap_or_default();
        }
        Report {
            schema_version: 1,
            tool,
            generated_at,
            outcome,
            exit,
            target,
            evidence,
            summary,
            results,
            gaps,
            waivers,
            not_evaluated,
            checks,
            drift: None,
        }
    }

    /// Adds what a comparison with Terraform's state found.
    pub fn compared(&mut self, drift: Vec<Drift>) {
        if self.exit.fail_on_drift && !drift.is_empty() {
            self.outcome = match self.outcome {
                Outcome::Pass => Outcome::Findings,
                Outcome::Incomplete => Outcome::FindingsIncomplete,
                other => other,
            };
        }
        self.drift = Some(drift);
    }

    /// Says that a comparison with Terraform's state that was asked for could not be made: with `--fail-on-drift` no pass.
    pub fn not_compared(&mut self) {
        if self.exit.fail_on_drift {
            self.outcome = match self.outcome {
                Outcome::Pass => Outcome::Incomplete,
                Outcome::Findings => Outcome::FindingsIncomplete,
                other => other,
            };
        }
        self.evidence.notes.push(
            "Terraform's state was not compared with the cluster, whose configuration could not be read".to_owned(),
        );
    }

    /// The report as pretty JSON with a newline at the end.
    pub fn json(&self) -> String {
        // Only maps with keys that are not strings, or a failing Serialize, could be an error: there are none here.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The summary of a check of this audit.
    pub fn check(&self, id: &str) -> Option<&CheckSummary> {
        let at = self.checks.binary_search_by(|c| c.id.as_str().cmp(id)).ok()?;
        self.checks.get(at)
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
            severity: Severity::Low,
            why: String::new(),
            references: vec![],
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
    fn json_round_trips_and_ends_with_a_newline() {
        let report = sample();
        let text = report.json();
        assert!(text.ends_with("}\n"));
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
        assert_eq!(text, sample().json());
    }
}
