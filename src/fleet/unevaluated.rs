//! What a fleet report does not know, by cause. The table and the Markdown list the same.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::check::Severity;
use crate::inventory::{FaultKind, ReadError};
use crate::report::text::{count, line, number};

use super::shard::assign_shard;
use super::wording::{capital, short};
use super::*;

/// A cause, with the clusters that it concerns.
pub(super) struct Unevaluated {
    /// One word: where the cause is, or the severity of the check that is unknown.
    pub word: String,
    pub severity: Option<Severity>,
    pub title: String,
    /// Id of the check that is unknown.
    pub check: String,
    /// `10 clusters`, where that is not in the title.
    pub extent: String,
    /// One for each different reason; at least one.
    pub reasons: Vec<ReasonGroup>,
}

/// A reason, and the clusters that share it.
pub(super) struct ReasonGroup {
    /// Short names.
    pub clusters: Vec<String>,
    pub why: String,
    /// Empty where an earlier reason has the same.
    pub fix: String,
}

impl Unevaluated {
    /// A cause outside of checks.
    fn new(word: &str, title: String, extent: String, reasons: Vec<ReasonGroup>) -> Unevaluated {
        Unevaluated { word: word.into(), severity: None, title, check: String::new(), extent, reasons }
    }
}

/// Everything that was not evaluated: parts of the scope first, then shards, clusters without a result, what could not be
/// read inside clusters, and checks that are unknown in clusters; the latter worst first.
pub(super) fn list_unevaluated(report: &FleetReport) -> Vec<Unevaluated> {
    let mut out: Vec<Unevaluated> = report.gaps.iter().map(of_scope).collect();
    out.extend(missing_shards(report));
    out.extend(clusters_without_result(report));
    out.extend(gaps_in_clusters(report));
    out.extend(unknown_checks(report));
    out
}

fn of_scope(gap: &DiscoveryGap) -> Unevaluated {
    let reason = ReasonGroup { clusters: vec![], why: gap.error.why.clone(), fix: gap.error.fix.clone() };
    let title = format!("{} could not be read", capital(&line(&gap.error.what)));
    Unevaluated::new("scope", title, String::new(), vec![reason])
}

/// Missing shards with the same reason together, and the clusters that belong to them.
fn missing_shards(report: &FleetReport) -> Vec<Unevaluated> {
    let mut by_why: BTreeMap<&str, Vec<&ShardState>> = BTreeMap::new();
    for s in report.shards.iter().filter(|s| !s.present) {
        by_why.entry(s.why.as_deref().unwrap_or_default()).or_default().push(s);
    }
    let one = |(why, shards): (&str, Vec<&ShardState>)| {
        let indexes: BTreeSet<u32> = shards.iter().map(|s| s.index).collect();
        let total = report.shards.len();
        let is_own = |c: &&ClusterEntry| is_not_audited(c) && indexes.contains(&assign_shard(&c.target, total as u32));
        let clusters: Vec<String> = report.clusters.iter().filter(is_own).map(|c| short(&c.target)).collect();
        let list: Vec<String> = indexes.iter().map(u32::to_string).collect();
        let (title, verb, first) = match &list[..] {
            [one] => (format!("Shard {one} of {total}"), "is", one.clone()),
            many if many.len() <= 20 => (format!("Shards {} of {total}", many.join(", ")), "are", "INDEX".into()),
            many => (format!("{} of {} shards", number(many.len()), number(total)), "are", "INDEX".into()),
        };
        let extent = count(clusters.len(), "cluster", "clusters");
        let fix = format!("Run the audit again with --shard {first}/{total}, then merge again.");
        let reason = ReasonGroup { clusters, why: capital(why), fix };
        Unevaluated::new("shard", format!("{title} {verb} missing"), extent, vec![reason])
    };
    by_why.into_iter().map(one).collect()
}

fn is_not_audited(c: &ClusterEntry) -> bool {
    c.error.as_ref().is_some_and(|e| e.fault == FaultKind::NotAttempted)
}

/// What kept clusters from giving a result, as a reader tells such clusters apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Failure {
    /// No answer: network, time, TLS, or a cluster that does not run.
    Unreachable,
    /// The caller has no permission, or is not known.
    Forbidden,
    /// The answers could not be used.
    NoResult,
    /// It was not attempted: its shard is missing, or the run was interrupted.
    NotAudited,
}

impl From<FaultKind> for Failure {
    fn from(fault: FaultKind) -> Self {
        match fault {
            FaultKind::Unauthenticated | FaultKind::Forbidden => Failure::Forbidden,
            FaultKind::Timeout | FaultKind::Unreachable | FaultKind::UntrustedCertificate => Failure::Unreachable,
            FaultKind::NotAttempted => Failure::NotAudited,
            FaultKind::NotFound
            | FaultKind::TooManyRequests
            | FaultKind::ServerError
            | FaultKind::IncompleteAnswer
            | FaultKind::InvalidAnswer
            | FaultKind::Expired
            | FaultKind::NotYetKnown
            | FaultKind::Other => Failure::NoResult,
        }
    }
}

/// Clusters without a result, but for those of missing shards.
fn clusters_without_result(report: &FleetReport) -> Vec<Unevaluated> {
    let is_of_missing_shard = |c: &ClusterEntry| {
        let index = || assign_shard(&c.target, report.shards.len() as u32);
        is_not_audited(c) && !report.missing_shards.is_empty() && report.missing_shards.contains(&index())
    };
    let mut by_failure: BTreeMap<Failure, ReasonGroups<'_>> = BTreeMap::new();
    for c in report.clusters.iter().filter(|c| !is_of_missing_shard(c)) {
        if let Some(e) = &c.error {
            by_failure.entry(e.fault.into()).or_default().add(&c.target, e);
        }
    }
    let one = |(failure, groups): (Failure, ReasonGroups<'_>)| {
        let n = groups.clusters();
        let happened = match failure {
            Failure::Unreachable => "could not be reached",
            Failure::Forbidden => "could not be read",
            Failure::NoResult => "gave no result",
            Failure::NotAudited if n == 1 => "was not audited",
            Failure::NotAudited => "were not audited",
        };
        let title = format!("{} {happened}", count(n, "cluster", "clusters"));
        Unevaluated::new("cluster", title, String::new(), groups.into_reasons())
    };
    by_failure.into_iter().map(one).collect()
}

/// What could not be read inside clusters, most widely missing first.
fn gaps_in_clusters(report: &FleetReport) -> Vec<Unevaluated> {
    let mut by_what: BTreeMap<&str, ReasonGroups<'_>> = BTreeMap::new();
    // The gaps of a cluster without a result are listed as its error.
    for c in report.clusters.iter().filter(|c| c.summary.is_some()) {
        for g in &c.gaps {
            by_what.entry(&g.error.what).or_default().add(&c.target, &g.error);
        }
    }
    let mut list: Vec<_> = by_what.into_iter().collect();
    list.sort_by_key(|(_, groups)| Reverse(groups.clusters()));
    let one = |(what, groups): (&str, ReasonGroups<'_>)| {
        let extent = count(groups.clusters(), "cluster", "clusters");
        Unevaluated::new("gap", format!("{} could not be read", capital(&line(what))), extent, groups.into_reasons())
    };
    list.into_iter().map(one).collect()
}

/// Checks that are unknown in clusters where they do not fail, by the check's severity, then most widely unknown first.
fn unknown_checks(report: &FleetReport) -> Vec<Unevaluated> {
    let mut list: Vec<&FleetCheck> = report.checks.iter().filter(|c| !c.unknown.is_empty()).collect();
    list.sort_by_key(|c| (Reverse(c.info.severity), Reverse(c.unknown.len()), &c.info.id));
    let one = |c: &FleetCheck| Unevaluated {
        word: c.info.severity.name().into(),
        severity: Some(c.info.severity),
        title: c.info.title.clone(),
        check: c.info.id.clone(),
        extent: format!("unknown in {}", share(c.unknown.len(), c)),
        reasons: vec![ReasonGroup {
            clusters: c.unknown.iter().map(|t| short(t)).collect(),
            why: "The report of each cluster says why.".into(),
            fix: String::new(),
        }],
    };
    list.into_iter().map(one).collect()
}

/// `3 of 20 clusters`, of those that gave a result.
pub(super) fn share(n: usize, check: &FleetCheck) -> String {
    match check.clusters.total() {
        2 if n == 2 => "both clusters".into(),
        of if of == n && n > 1 => format!("all {}", count(of, "cluster", "clusters")),
        of => format!("{} of {}", number(n), count(of, "cluster", "clusters")),
    }
}

/// Clusters by reason, in the order of the first of each. The fix for the first of them stands for all, and for later
/// reasons too where it differs in the cluster's name only.
#[derive(Default)]
struct ReasonGroups<'a>(Vec<(&'a ReadError, Vec<&'a str>)>);

impl<'a> ReasonGroups<'a> {
    fn add(&mut self, target: &'a str, error: &'a ReadError) {
        match self.0.iter_mut().find(|(e, _)| e.why == error.why) {
            Some((_, targets)) => targets.push(target),
            None => self.0.push((error, vec![target])),
        }
    }

    fn clusters(&self) -> usize {
        self.0.iter().flat_map(|(_, targets)| targets).collect::<BTreeSet<_>>().len()
    }

    /// The reason of most clusters first.
    fn into_reasons(mut self) -> Vec<ReasonGroup> {
        self.0.sort_by_key(|(_, targets)| Reverse(targets.len()));
        let mut fixes: BTreeSet<String> = BTreeSet::new();
        let mut out = vec![];
        for (error, targets) in self.0 {
            let is_new = targets.first().is_some_and(|first| fixes.insert(without_names(&error.fix, first)));
            out.push(ReasonGroup {
                clusters: targets.into_iter().map(short).collect(),
                why: error.why.clone(),
                fix: if is_new { error.fix.clone() } else { String::new() },
            });
        }
        out
    }
}

/// A text without the names of the cluster that it is about.
fn without_names(text: &str, target: &str) -> String {
    let mut text = text.replace(target, "");
    if let Ok(n) = target.parse::<ClusterName>() {
        for name in [n.name, n.location, n.project] {
            text = text.replace(&name, "");
        }
    }
    text
}
