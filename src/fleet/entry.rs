//! From one cluster's report, or from why there is none, to its entry in the fleet report.

use std::collections::BTreeMap;

use crate::check::Verdict;
use crate::inventory::{FaultKind, ReadError};
use crate::report::exit::counts;
use crate::report::view::{findings, subject};
use crate::report::{CheckSummary, Outcome, Report};

use super::*;

/// Number of checks whose worst finding is kept: the cluster's own report has them all.
const WORST_CHECKS: usize = 3;

impl ClusterEntry {
    /// A cluster that was audited. `state` is its status in the GKE API, `file` the name of its own report.
    ///
    /// A report without a result makes an entry with an error, as if the cluster could not be read.
    pub fn audited(name: &ClusterName, state: Option<String>, report: &Report, file: Option<String>) -> ClusterEntry {
        let mut entry = ClusterEntry::blank(name, report.outcome);
        entry.version = report.target.version.clone();
        entry.state = state;
        entry.gaps = report.gaps.clone();
        entry.drift = report.drift.clone();
        entry.report = file;
        entry.evidence = Some(report.evidence.evidence_digest.clone());
        if report.outcome == Outcome::NoResult {
            let nothing = || {
                let why = match report.evidence.objects {
                    0 => "it holds no object that this tool knows",
                    _ => "no result passed, failed or was waived",
                };
                let fix = "Audit the cluster alone to see more.";
                ReadError::new(FaultKind::Other, "the cluster's objects", why, fix)
            };
            // What was not attempted only follows from what went wrong.
            let cause = report.gaps.iter().find(|g| g.error.fault != FaultKind::NotAttempted);
            let cause = cause.or(report.gaps.first());
            entry.error = Some(cause.map_or_else(nothing, |gap| gap.error.clone()));
            return entry;
        }
        entry.summary = Some(ClusterSummary {
            by_verdict: report.summary.by_verdict,
            by_severity: report.summary.by_severity,
            unknown_by_severity: report.summary.unknown_by_severity,
            coverage: report.summary.coverage.total,
        });
        entry.worst = worst_findings(report);
        entry.checks = count_by_check(report);
        entry
    }

    /// A cluster that gave no result.
    pub fn without_result(name: &ClusterName, error: ReadError) -> ClusterEntry {
        ClusterEntry { error: Some(error), ..ClusterEntry::blank(name, Outcome::NoResult) }
    }

    fn blank(name: &ClusterName, outcome: Outcome) -> ClusterEntry {
        ClusterEntry {
            target: name.to_string(),
            name: name.name.clone(),
            project: name.project.clone(),
            location: name.location.clone(),
            version: None,
            state: None,
            outcome,
            exit_status: outcome.status(),
            summary: None,
            worst: vec![],
            checks: vec![],
            gaps: vec![],
            drift: None,
            error: None,
            report: None,
            evidence: None,
        }
    }
}

impl From<&CheckSummary> for CheckInfo {
    fn from(c: &CheckSummary) -> CheckInfo {
        CheckInfo {
            id: c.id.clone(),
            title: c.title.clone(),
            finding: c.finding.clone(),
            severity: c.severity,
            why: c.why.clone(),
            controls: c.controls.clone(),
        }
    }
}

fn worst_findings(report: &Report) -> Vec<WorstFinding> {
    let mut seen: Vec<&str> = vec![];
    let mut out = vec![];
    for group in findings(report) {
        let Some(first) = group.results().next().filter(|_| !seen.contains(&group.check)) else { continue };
        seen.push(group.check);
        out.push(WorstFinding {
            check: group.check.into(),
            severity: group.severity,
            subject: subject(first),
            message: first.message.clone(),
            count: group.results().count(),
        });
        if out.len() == WORST_CHECKS {
            break;
        }
    }
    out
}

fn count_by_check(report: &Report) -> Vec<ClusterCheck> {
    let mut by_check: BTreeMap<&str, ClusterCheck> = BTreeMap::new();
    for r in report.results.iter().filter(|r| counts(r)) {
        let check = by_check.entry(&r.check).or_default();
        check.counts.add(r.verdict);
        if r.verdict == Verdict::Fail {
            check.worst = check.worst.max(Some(r.severity));
        }
    }
    let named = by_check.into_iter().map(|(id, c)| ClusterCheck { check: id.into(), ..c });
    named.filter(|c| c.counts.applicable() > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Severity;
    use crate::report::sample::sample;
    use crate::report::{Parts, VerdictCounts};

    fn name() -> ClusterName {
        "projects/p/locations/l/clusters/c".parse().unwrap()
    }

    #[test]
    fn an_entry_counts_what_the_report_counts() {
        let report = sample();
        let entry = ClusterEntry::audited(&name(), Some("RUNNING".into()), &report, Some("p_l_c.json".into()));
        assert_eq!((entry.outcome, entry.exit_status), (Outcome::FindingsIncomplete, 1));
        let summary = entry.summary.unwrap();
        assert_eq!(summary.by_verdict, report.summary.by_verdict);
        assert_eq!(summary.by_severity, report.summary.by_severity);
        assert_eq!(summary.coverage, report.summary.coverage.total);
        let mut sum = VerdictCounts::default();
        entry.checks.iter().for_each(|c| sum += c.counts);
        assert_eq!(
            (sum.of(Verdict::Fail), sum.of(Verdict::Unknown)),
            (summary.by_verdict.of(Verdict::Fail), summary.by_verdict.of(Verdict::Unknown))
        );
        // Checks that apply to nothing are left out, and what another failure implies is not counted.
        for c in &entry.checks {
            assert_eq!(Some(c.counts), report.check(&c.check).map(|s| s.counts));
            assert_eq!(c.worst.is_some(), c.counts.of(Verdict::Fail) > 0);
        }
        assert_eq!(entry.gaps, report.gaps);
        assert_eq!(entry.evidence, Some(report.evidence.evidence_digest));
    }

    #[test]
    fn the_worst_findings_are_of_different_checks() {
        let entry = ClusterEntry::audited(&name(), None, &sample(), None);
        let seen: Vec<_> = entry.worst.iter().map(|w| (w.severity, w.check.as_str(), w.count)).collect();
        assert_eq!(
            seen,
            [
                (Severity::Critical, "db-cross-environment", 1),
                (Severity::Critical, "policy-port-mismatch", 1),
                (Severity::High, "db-cleartext-accepted", 1)
            ]
        );
    }

    #[test]
    fn a_report_without_a_result_counts_nothing() {
        let mut report = Report::new(Parts::default());
        report.outcome = Outcome::NoResult;
        let entry = ClusterEntry::audited(&name(), None, &report, None);
        assert_eq!((entry.outcome, entry.exit_status, entry.summary), (Outcome::NoResult, 4, None));
        assert_eq!(entry.error.unwrap().fault, FaultKind::Other);
        report.gaps = sample().gaps;
        let error = ClusterEntry::audited(&name(), None, &report, None).error.unwrap();
        assert_eq!(error.fault, FaultKind::Forbidden);
        assert_eq!(error.why, "403: auditor@example.com lacks `get configmaps`");
        let mut skipped = report.gaps[0].clone();
        skipped.error.fault = FaultKind::NotAttempted;
        report.gaps.insert(0, skipped);
        let error = ClusterEntry::audited(&name(), None, &report, None).error.unwrap();
        assert_eq!(error.fault, FaultKind::Forbidden);
    }
}
