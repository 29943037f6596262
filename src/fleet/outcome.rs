//! From clusters to the outcome of a fleet.

use crate::report::Outcome;

use super::{ClusterEntry, DiscoveryGap};

/// What the outcome of a fleet is decided by.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutcomeInput<'a> {
    /// Clusters of this report.
    pub clusters: &'a [ClusterEntry],
    /// Clusters that were found, those of other shards too.
    pub discovered: usize,
    /// Places where clusters may be that were not found.
    pub gaps: &'a [DiscoveryGap],
    /// Shards that are not in a merged report.
    pub missing_shards: usize,
}

/// The outcome of a fleet; the exit status is [`Outcome::status`] of it. 1 wins over 3, as for a single cluster.
///
/// - Findings (1): a cluster has them.
/// - No result (4): there was a cluster to audit and none gave a result; or none was found, and not all of the scope
///   could be searched, so that nothing at all was read.
/// - Incomplete (3): a cluster is incomplete or gave no result, a shard is missing, a part of the scope could not be
///   searched, or there is no cluster in all of it: an audit of a fleet expects at least one.
/// - Pass (0): everything else, and so a shard to which none of the clusters that were found belongs.
///
/// `--allow-unknown` and `--strict` are in the outcome of each cluster already. Neither counts here: what is unknown
/// inside a cluster may be accepted, but a cluster that was not audited is never a pass.
pub(super) fn decide_outcome(input: OutcomeInput<'_>) -> Outcome {
    let is = |wanted: &[Outcome]| input.clusters.iter().any(|c| wanted.contains(&c.outcome));
    let any_result = input.clusters.iter().any(|c| c.outcome != Outcome::NoResult);
    if !any_result && (!input.clusters.is_empty() || input.discovered == 0 && !input.gaps.is_empty()) {
        return Outcome::NoResult;
    }
    let findings = is(&[Outcome::Findings, Outcome::FindingsIncomplete]);
    let incomplete = is(&[Outcome::Incomplete, Outcome::FindingsIncomplete, Outcome::NoResult])
        || !input.gaps.is_empty()
        || input.missing_shards > 0
        || input.discovered == 0;
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
    use crate::check::{Severity, Verdict};
    use crate::fleet::sample::{name, unreachable};
    use crate::inventory::Reason;
    use crate::report::sample::result;
    use crate::report::{ExitPolicy, Gap, Parts, Report};
    use Outcome::*;

    /// Clusters of these outcomes.
    fn clusters(outcomes: &[Outcome]) -> Vec<ClusterEntry> {
        let one = |(i, o): (usize, &Outcome)| {
            let mut entry = unreachable(i);
            entry.outcome = *o;
            entry
        };
        outcomes.iter().enumerate().map(one).collect()
    }

    #[test]
    fn table() {
        /// Outcomes of clusters, clusters found besides those, gaps of discovery, missing shards.
        type Row<'a> = (&'a str, &'a [Outcome], usize, usize, usize, Outcome, u8);
        let rows: &[Row<'_>] = &[
            ("all pass", &[Pass, Pass], 0, 0, 0, Pass, 0),
            ("one fails", &[Pass, Findings], 0, 0, 0, Findings, 1),
            ("one is incomplete", &[Pass, Incomplete], 0, 0, 0, Incomplete, 3),
            ("1 over 3", &[Findings, Incomplete], 0, 0, 0, FindingsIncomplete, 1),
            ("both in one", &[FindingsIncomplete, Pass], 0, 0, 0, FindingsIncomplete, 1),
            ("one unreachable", &[Pass, NoResult], 0, 0, 0, Incomplete, 3),
            ("one unreachable, one fails", &[Findings, NoResult], 0, 0, 0, FindingsIncomplete, 1),
            ("all unreachable", &[NoResult, NoResult], 0, 0, 0, NoResult, 4),
            ("all unreachable, and a gap", &[NoResult], 0, 1, 0, NoResult, 4),
            ("one incomplete, rest unreachable", &[Incomplete, NoResult], 0, 0, 0, Incomplete, 3),
            ("a gap of discovery", &[Pass], 0, 1, 0, Incomplete, 3),
            ("a gap of discovery, one fails", &[Findings], 0, 1, 0, FindingsIncomplete, 1),
            ("a shard is missing", &[Pass], 0, 0, 1, Incomplete, 3),
            ("a shard is missing, one fails", &[Findings], 0, 0, 1, FindingsIncomplete, 1),
            ("none found", &[], 0, 0, 0, Incomplete, 3),
            ("none found, all searched, a shard is missing", &[], 0, 0, 1, Incomplete, 3),
            ("none found, and not all was searched", &[], 0, 1, 0, NoResult, 4),
            ("nothing belongs to this shard", &[], 5, 0, 0, Pass, 0),
            ("nothing belongs to this shard, and a gap", &[], 5, 1, 0, Incomplete, 3),
        ];
        for &(what, outcomes, others, gaps, missing_shards, expected, status) in rows {
            let clusters = clusters(outcomes);
            let gaps = vec![DiscoveryGap::default(); gaps];
            let seen =
                OutcomeInput { clusters: &clusters, discovered: outcomes.len() + others, gaps: &gaps, missing_shards };
            assert_eq!(decide_outcome(seen), expected, "{what}");
            assert_eq!(decide_outcome(seen).status(), status, "{what}");
        }
    }

    /// What `--allow-unknown` accepts in a cluster, and what it does not accept in a fleet.
    #[test]
    fn allowing_unknowns_accepts_no_cluster_that_was_not_read() {
        for (allow_unknown, inside, status) in [(false, Incomplete, 3), (true, Pass, 0)] {
            let mut unknown = result("c", Severity::High, Verdict::Unknown, "a/Deployment/b");
            unknown.reasons = vec![Reason::undecided("x")];
            let report = Report::new(Parts {
                exit: ExitPolicy { allow_unknown, ..ExitPolicy::default() },
                results: vec![unknown, result("c", Severity::High, Verdict::Pass, "a/Deployment/c")],
                gaps: vec![Gap::default()],
                ..Parts::default()
            });
            let read = ClusterEntry::audited(&name(0), None, &report, None);
            assert_eq!(read.outcome, inside);
            let fleet = |clusters: &[ClusterEntry], gaps: &[DiscoveryGap], missing_shards| {
                decide_outcome(OutcomeInput { clusters, discovered: clusters.len(), gaps, missing_shards }).status()
            };
            assert_eq!(fleet(std::slice::from_ref(&read), &[], 0), status);
            // Whether allowed or not.
            assert_eq!(fleet(&[read.clone(), unreachable(1)], &[], 0), 3);
            assert_eq!(fleet(&[unreachable(1)], &[], 0), 4);
            assert_eq!(fleet(std::slice::from_ref(&read), &[DiscoveryGap::default()], 0), 3);
            assert_eq!(fleet(&[read], &[], 1), 3);
            assert_eq!(fleet(&[], &[], 0), 3);
        }
    }
}
