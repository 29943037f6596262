//! From clusters to a fleet report: counting and sorting happen here, once.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::check::{Severity, Verdict};
use crate::report::{ExitPolicy, Tool, VerdictCounts, WaiverReport, WaiverStatus};

use super::outcome::{OutcomeInput, decide_outcome};
use super::*;

/// What a fleet report is made of.
#[derive(Clone, Debug, Default)]
pub struct FleetParts {
    /// The program that writes the report.
    pub tool: Tool,
    /// RFC 3339 with seconds and `Z`.
    pub generated_at: String,
    /// Which results fail the audit of a cluster.
    pub exit: ExitPolicy,
    /// In any order.
    pub scope: FleetScope,
    /// What the clusters were evaluated with; its options in any order.
    pub rules: Rules,
    /// The share of the fleet that the report is about; `None`: all of it.
    pub part: Option<Part>,
    /// Of a merged report.
    pub shards: Vec<ShardState>,
    /// In any order; of a shard, those that belong to it.
    pub clusters: Vec<ClusterEntry>,
    /// Every check of the audit, in any order.
    pub checks: Vec<CheckInfo>,
    /// In any order; equal ones count once.
    pub gaps: Vec<DiscoveryGap>,
    /// The waivers of all reports, one after the other.
    pub waivers: Vec<WaiverReport>,
}

impl FleetReport {
    /// Counts, sorts and decides the outcome. The exit status is
    /// [`Outcome::status`](crate::report::Outcome::status) of `outcome`.
    pub fn new(parts: FleetParts) -> FleetReport {
        let FleetParts {
            tool,
            generated_at,
            exit,
            mut scope,
            mut rules,
            part,
            mut shards,
            mut clusters,
            checks,
            mut gaps,
            waivers,
        } = parts;
        clusters.sort_by(|a, b| a.target.cmp(&b.target));
        for list in [
            &mut scope.discovered,
            &mut scope.requested.projects,
            &mut scope.requested.folders,
            &mut scope.requested.organizations,
            &mut rules.options,
        ] {
            list.sort();
            list.dedup();
        }
        gaps.sort();
        gaps.dedup();
        shards.sort_by_key(|s| s.index);
        let missing_shards: Vec<u32> = shards.iter().filter(|s| !s.present).map(|s| s.index).collect();
        let outcome = decide_outcome(OutcomeInput {
            clusters: &clusters,
            discovered: scope.discovered.len(),
            gaps: &gaps,
            missing_shards: missing_shards.len(),
        });
        FleetReport {
            schema_version: FLEET_SCHEMA_VERSION,
            tool,
            generated_at,
            outcome,
            exit,
            scope,
            rules,
            part,
            shards,
            missing_shards,
            totals: sum_totals(&clusters),
            checks: count_clusters_by_check(checks, &clusters),
            clusters,
            gaps,
            waivers: sum_waivers(waivers),
        }
    }

    /// What a failure of a check is called; of a check that is not in the report, its id.
    pub(super) fn finding<'a>(&'a self, check: &'a str) -> &'a str {
        self.checks.iter().find(|c| c.info.id == check).map_or(check, |c| c.info.finding())
    }

    /// The clusters that gave a result, the worst first: by number of failures of each severity, then of unknown
    /// results, then by name.
    pub fn worst_first(&self) -> Vec<&ClusterEntry> {
        let mut evaluated: Vec<&ClusterEntry> = self.clusters.iter().filter(|c| c.summary.is_some()).collect();
        evaluated.sort_by_cached_key(|c| {
            let s = c.summary.unwrap_or_default();
            let failing = Severity::ALL.map(|severity| s.by_severity.of(severity));
            (Reverse(failing), Reverse(s.by_verdict.of(Verdict::Unknown)), c.target.clone())
        });
        evaluated
    }
}

fn sum_totals(clusters: &[ClusterEntry]) -> FleetTotals {
    let mut t = FleetTotals { clusters: clusters.len(), ..FleetTotals::default() };
    for c in clusters {
        t.by_outcome.add(c.outcome);
        let Some(s) = &c.summary else { continue };
        if let Some(worst) = Severity::ALL.into_iter().find(|severity| s.by_severity.of(*severity) > 0) {
            t.by_worst.add(worst);
        }
        t.by_verdict += s.by_verdict;
        t.by_severity += s.by_severity;
        t.unknown_by_severity += s.unknown_by_severity;
        t.coverage += s.coverage;
    }
    t
}

/// The verdict of a check on a cluster: the worst of its results there.
fn cluster_verdict(counts: &VerdictCounts) -> Verdict {
    let worst_first = [Verdict::Fail, Verdict::Unknown, Verdict::Waived, Verdict::Pass];
    worst_first.into_iter().find(|v| counts.of(*v) > 0).unwrap_or(Verdict::NotApplicable)
}

/// The checks over all clusters that gave a result: by worst severity, then those that most clusters fail, then those
/// that are unknown in most, then by id.
fn count_clusters_by_check(infos: Vec<CheckInfo>, clusters: &[ClusterEntry]) -> Vec<FleetCheck> {
    let evaluated = || clusters.iter().filter(|c| c.summary.is_some());
    let mut by_check: BTreeMap<&str, Vec<(&ClusterEntry, &ClusterCheck)>> = BTreeMap::new();
    for cluster in evaluated() {
        for check in &cluster.checks {
            by_check.entry(&check.check).or_default().push((cluster, check));
        }
    }
    let total = evaluated().count();
    let mut infos: BTreeMap<String, CheckInfo> = infos.into_iter().map(|i| (i.id.clone(), i)).collect();
    // A check that nobody described is still listed: findings must not get lost.
    for (id, here) in &by_check {
        let severity = here.iter().filter_map(|(_, c)| c.worst).max().unwrap_or(Severity::Info);
        infos.entry((*id).to_string()).or_insert_with(|| CheckInfo {
            id: (*id).into(),
            title: (*id).into(),
            finding: None,
            severity,
            why: String::new(),
            controls: BTreeMap::new(),
        });
    }
    let mut checks: Vec<FleetCheck> = infos
        .into_values()
        .map(|info| {
            let here = by_check.get(info.id.as_str()).map(Vec::as_slice).unwrap_or_default();
            let mut counts = VerdictCounts::from([(Verdict::NotApplicable, total - here.len())]);
            let (mut failing, mut unknown) = (vec![], vec![]);
            for (cluster, check) in here {
                let verdict = cluster_verdict(&check.counts);
                counts.add(verdict);
                match verdict {
                    Verdict::Fail => {
                        failing
                            .push(Failing { target: cluster.target.clone(), findings: check.counts.of(Verdict::Fail) });
                    }
                    Verdict::Unknown => unknown.push(cluster.target.clone()),
                    _ => {}
                }
            }
            failing.sort_by(|a, b| b.findings.cmp(&a.findings).then_with(|| a.target.cmp(&b.target)));
            FleetCheck {
                worst: here.iter().filter_map(|(_, c)| c.worst).max(),
                findings: failing.iter().map(|f| f.findings).sum(),
                clusters: counts,
                failing,
                unknown,
                info,
            }
        })
        .collect();
    checks.sort_by_cached_key(|c| {
        (Reverse(c.worst), Reverse(c.failing.len()), Reverse(c.unknown.len()), c.info.id.clone())
    });
    checks
}

/// Equal waivers of several clusters as one, in the order of the first of each: what they match is added up, and one is
/// unused only where it is in every cluster.
fn sum_waivers(waivers: Vec<WaiverReport>) -> Vec<WaiverReport> {
    let mut out: Vec<WaiverReport> = vec![];
    for w in waivers {
        let same = |o: &&mut WaiverReport| {
            (&o.check, &o.subject, &o.reason, &o.owner, &o.ticket, &o.until)
                == (&w.check, &w.subject, &w.reason, &w.owner, &w.ticket, &w.until)
        };
        match out.iter_mut().find(same) {
            None => out.push(w),
            Some(o) => {
                o.matched += w.matched;
                o.status = match (o.status, w.status) {
                    (WaiverStatus::Expired, _) | (_, WaiverStatus::Expired) => WaiverStatus::Expired,
                    (WaiverStatus::Active, _) | (_, WaiverStatus::Active) => WaiverStatus::Active,
                    _ => WaiverStatus::Unused,
                };
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::sample::{fleet, fleet_parts};
    use crate::report::format::json::to_json;
    use crate::report::{Outcome, SeverityCounts};

    #[test]
    fn the_order_of_the_input_does_not_matter() {
        let mut parts = fleet_parts();
        let before = to_json(&FleetReport::new(parts.clone())).unwrap();
        parts.clusters.reverse();
        parts.checks.reverse();
        parts.gaps.reverse();
        parts.scope.discovered.reverse();
        parts.gaps.push(parts.gaps[0].clone());
        assert_eq!(to_json(&FleetReport::new(parts)).unwrap(), before);
    }

    #[test]
    fn counters_add_up() {
        let report = fleet();
        let t = &report.totals;
        let by = t.by_outcome.total();
        assert_eq!((by, t.clusters), (report.clusters.len(), report.clusters.len()));
        let evaluated = report.clusters.iter().filter(|c| c.summary.is_some()).count();
        assert_eq!(evaluated, t.clusters - t.by_outcome.of(Outcome::NoResult));
        for c in &report.checks {
            let n = &c.clusters;
            assert_eq!(n.total(), evaluated, "{}", c.info.id);
            assert_eq!(
                (c.failing.len(), c.unknown.len()),
                (n.of(Verdict::Fail), n.of(Verdict::Unknown)),
                "{}",
                c.info.id
            );
        }
        assert_eq!(report.checks.iter().map(|c| c.findings).sum::<usize>(), t.by_verdict.of(Verdict::Fail));
        assert_eq!(t.by_severity.total(), t.by_verdict.of(Verdict::Fail));
    }

    #[test]
    fn the_worst_and_the_widest_come_first() {
        let report = fleet();
        let keys: Vec<_> = report.checks.iter().map(|c| (c.worst, c.failing.len())).collect();
        assert!(keys.windows(2).all(|w| w[0] >= w[1]), "{keys:?}");
        let order: Vec<_> =
            report.worst_first().iter().map(|c| c.summary.unwrap().by_severity.of(Severity::Critical)).collect();
        assert!(order.len() > 3 && order.windows(2).all(|w| w[0] >= w[1]), "{order:?}");
        assert!(report.worst_first().iter().all(|c| c.outcome != Outcome::NoResult));
    }

    #[test]
    fn a_cluster_is_counted_once_at_its_worst() {
        let mut parts = fleet_parts();
        parts.clusters.truncate(1);
        let mut one = parts.clusters.remove(0);
        let counts = |fail, unknown, waived, pass| {
            use Verdict::*;
            VerdictCounts::from([(Fail, fail), (Unknown, unknown), (Waived, waived), (Pass, pass)])
        };
        let info = |id: &str| CheckInfo {
            id: id.into(),
            title: id.into(),
            finding: None,
            severity: Severity::Low,
            why: String::new(),
            controls: BTreeMap::new(),
        };
        let rows = [
            ("a", counts(2, 1, 1, 1), Verdict::Fail),
            ("b", counts(0, 1, 1, 1), Verdict::Unknown),
            ("c", counts(0, 0, 1, 1), Verdict::Waived),
            ("d", counts(0, 0, 0, 1), Verdict::Pass),
        ];
        one.checks = rows
            .map(|(id, counts, _)| ClusterCheck {
                check: id.into(),
                counts,
                worst: (counts.of(Verdict::Fail) > 0).then_some(Severity::High),
            })
            .into();
        parts.clusters = vec![one];
        parts.checks = ["a", "b", "c", "d", "e"].map(info).into();
        let report = FleetReport::new(parts);
        let check = |id: &str| report.checks.iter().find(|c| c.info.id == id).unwrap();
        for (id, _, verdict) in rows {
            assert_eq!(check(id).clusters, VerdictCounts::from([(verdict, 1)]), "{id}");
        }
        assert_eq!(check("e").clusters.of(Verdict::NotApplicable), 1);
        assert_eq!((check("a").worst, check("a").findings), (Some(Severity::High), 2));
        assert_eq!((check("b").worst, check("b").findings), (None, 0));
    }

    #[test]
    fn a_check_that_nobody_described_is_listed_all_the_same() {
        let described = fleet();
        let report = FleetReport::new(FleetParts { checks: vec![], ..fleet_parts() });
        let failing = |r: &FleetReport| -> Vec<(String, usize)> {
            r.checks.iter().filter(|c| !c.failing.is_empty()).map(|c| (c.info.id.clone(), c.findings)).collect()
        };
        assert_eq!(failing(&report), failing(&described));
        assert_eq!(report.checks[0].info.severity, Severity::Critical);
    }

    #[test]
    fn clusters_without_a_result_count_as_such_and_nowhere_else() {
        let mut parts = fleet_parts();
        parts.clusters.retain(|c| c.summary.is_none());
        assert!(parts.clusters.len() > 1);
        let report = FleetReport::new(parts);
        assert_eq!(report.outcome, Outcome::NoResult);
        assert_eq!(report.totals.by_severity, SeverityCounts::default());
        assert!(report.checks.iter().all(|c| c.clusters == VerdictCounts::default()));
    }

    #[test]
    fn a_waiver_is_unused_only_where_it_is_in_every_cluster() {
        use WaiverStatus::*;
        let waiver = |check: &str, status, matched| WaiverReport {
            check: check.into(),
            subject: "*".into(),
            reason: "r".into(),
            owner: "o".into(),
            ticket: None,
            until: "2027-01-31".into(),
            status,
            matched,
        };
        let waivers = vec![
            waiver("b", Unused, 0),
            waiver("a", Unused, 0),
            waiver("b", Active, 2),
            waiver("a", Unused, 0),
            waiver("b", Unused, 0),
            waiver("c", Expired, 1),
            waiver("c", Expired, 2),
        ];
        let sums: Vec<_> = sum_waivers(waivers).into_iter().map(|w| (w.check, w.status, w.matched)).collect();
        assert_eq!(sums, [("b".into(), Active, 2), ("a".into(), Unused, 0), ("c".into(), Expired, 3)]);
    }
}
