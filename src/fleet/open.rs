//! What a fleet report does not know, by cause: the table and the Markdown tell the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::{Severity, Verdict};
use crate::report::text::{count, line, number};

use super::words::{capital, fate, short};
use super::*;

/// A cause, with the clusters that it concerns.
pub(super) struct Cause {
    /// One word: what the cause lies in, or the severity of what is not known for it.
    pub word: String,
    pub severity: Option<Severity>,
    pub title: String,
    /// Id of the check that is not decided.
    pub check: String,
    /// `10 clusters`, where that is not in the title.
    pub extent: String,
    /// One for each different reason; at least one.
    pub said: Vec<Said>,
}

/// A reason, and the clusters that share it.
pub(super) struct Said {
    /// Short names.
    pub clusters: Vec<String>,
    pub why: String,
    pub fix: String,
}

/// Everything that is not known: the scope first, then shards, clusters without a result, what could not be read inside
/// clusters, and checks that are unknown in clusters; the latter worst first.
pub(super) fn causes(report: &FleetReport) -> Vec<Cause> {
    let mut out: Vec<Cause> = report.gaps.iter().map(discovery).collect();
    out.extend(shards(report));
    out.extend(unread(report));
    out.extend(gaps(report));
    out.extend(unknowns(report));
    out
}

fn discovery(gap: &DiscoveryGap) -> Cause {
    Cause {
        word: "scope".into(),
        severity: None,
        title: format!("{} could not be read", capital(&line(&gap.error.what))),
        check: String::new(),
        extent: String::new(),
        said: vec![Said { clusters: vec![], why: gap.error.why.clone(), fix: gap.error.fix.clone() }],
    }
}

/// Missing shards with the same reason together, and the clusters that fall to them.
fn shards(report: &FleetReport) -> Vec<Cause> {
    let mut by_why: BTreeMap<&str, Vec<&ShardState>> = BTreeMap::new();
    for s in report.shards.iter().filter(|s| !s.present) {
        by_why.entry(s.why.as_deref().unwrap_or_default()).or_default().push(s);
    }
    let one = |(why, shards): (&str, Vec<&ShardState>)| {
        let indexes: BTreeSet<u32> = shards.iter().map(|s| s.index).collect();
        let total = report.shards.len();
        let clusters: Vec<String> = report
            .clusters
            .iter()
            .filter(|c| is_untried(c) && indexes.contains(&crate::fleet::shard::assign(&c.target, total as u32)))
            .map(|c| short(&c.target))
            .collect();
        let list: Vec<String> = indexes.iter().map(u32::to_string).collect();
        let (title, verb, first) = match &list[..] {
            [one] => (format!("Shard {one} of {total}"), "is", one.clone()),
            many if many.len() <= 20 => (format!("Shards {} of {total}", many.join(", ")), "are", "INDEX".into()),
            many => (format!("{} of {} shards", number(many.len()), number(total)), "are", "INDEX".into()),
        };
        Cause {
            word: "shard".into(),
            severity: None,
            title: format!("{title} {verb} missing"),
            check: String::new(),
            extent: count(clusters.len(), "cluster", "clusters"),
            said: vec![Said {
                clusters,
                why: capital(why),
                fix: format!("Run the audit again with --shard {first}/{total}, then merge again."),
            }],
        }
    };
    by_why.into_iter().map(one).collect()
}

fn is_untried(c: &ClusterEntry) -> bool {
    c.error.as_ref().is_some_and(|e| e.kind == ErrorKind::NotAudited)
}

/// Clusters without a result, but for those of missing shards.
fn unread(report: &FleetReport) -> Vec<Cause> {
    let missing = |c: &ClusterEntry| {
        is_untried(c)
            && report.missing_shards.contains(&crate::fleet::shard::assign(&c.target, report.shards.len() as u32))
    };
    let mut by_kind: BTreeMap<ErrorKind, Folds<'_>> = BTreeMap::new();
    for c in &report.clusters {
        if let Some(e) = c.error.as_ref().filter(|_| report.missing_shards.is_empty() || !missing(c)) {
            by_kind.entry(e.kind).or_default().add(&c.target, &e.error.why, &e.error.fix);
        }
    }
    let one = |(kind, folds): (ErrorKind, Folds<'_>)| {
        let n = folds.clusters();
        let be = match (kind, n) {
            (ErrorKind::NotAudited, 1) => "was ",
            (ErrorKind::NotAudited, _) => "were ",
            _ => "",
        };
        Cause {
            word: "cluster".into(),
            severity: None,
            title: format!("{} {be}{}", count(n, "cluster", "clusters"), fate(kind)),
            check: String::new(),
            extent: String::new(),
            said: folds.said(),
        }
    };
    by_kind.into_iter().map(one).collect()
}

/// What could not be read inside clusters, most widely missing first.
fn gaps(report: &FleetReport) -> Vec<Cause> {
    let mut by_what: BTreeMap<&str, Folds<'_>> = BTreeMap::new();
    // The gaps of a cluster without a result are told of with its error.
    for c in report.clusters.iter().filter(|c| c.summary.is_some()) {
        for g in &c.gaps {
            by_what.entry(&g.error.what).or_default().add(&c.target, &g.error.why, &g.error.fix);
        }
    }
    let mut list: Vec<_> = by_what.into_iter().collect();
    list.sort_by_key(|(_, folds)| std::cmp::Reverse(folds.clusters()));
    let one = |(what, folds): (&str, Folds<'_>)| Cause {
        word: "gap".into(),
        severity: None,
        title: format!("{} could not be read", capital(&line(what))),
        check: String::new(),
        extent: count(folds.clusters(), "cluster", "clusters"),
        said: folds.said(),
    };
    list.into_iter().map(one).collect()
}

/// Checks that are unknown in clusters where they do not fail, by the check's severity, then most widely unknown first.
fn unknowns(report: &FleetReport) -> Vec<Cause> {
    let mut list: Vec<&FleetCheck> = report.checks.iter().filter(|c| !c.unknown.is_empty()).collect();
    list.sort_by(|a, b| {
        let key = |c: &FleetCheck| (std::cmp::Reverse(c.info.severity), std::cmp::Reverse(c.unknown.len()));
        key(a).cmp(&key(b)).then_with(|| a.info.id.cmp(&b.info.id))
    });
    let one = |c: &FleetCheck| Cause {
        word: c.info.severity.name().into(),
        severity: Some(c.info.severity),
        title: c.info.title.clone(),
        check: c.info.id.clone(),
        extent: format!("unknown in {}", share(c.unknown.len(), c)),
        said: vec![Said {
            clusters: c.unknown.iter().map(|t| short(t)).collect(),
            why: "The report of each cluster says why.".into(),
            fix: String::new(),
        }],
    };
    list.into_iter().map(one).collect()
}

/// `3 of 20 clusters`, of those that gave a result.
pub(super) fn share(n: usize, check: &FleetCheck) -> String {
    match check.clusters.applicable() + check.clusters.of(Verdict::NotApplicable) {
        of if of == n && n > 1 => format!("all {}", count(of, "cluster", "clusters")),
        of => format!("{} of {}", number(n), count(of, "cluster", "clusters")),
    }
}

/// Clusters by reason, in the order of the first of each; what fixes the first of them stands for all, and for later
/// reasons too where it differs in the cluster's name only.
#[derive(Default)]
struct Folds<'a>(Vec<(&'a str, &'a str, Vec<&'a str>)>);

impl<'a> Folds<'a> {
    fn add(&mut self, target: &'a str, why: &'a str, fix: &'a str) {
        match self.0.iter_mut().find(|(w, ..)| *w == why) {
            Some((.., targets)) => targets.push(target),
            None => self.0.push((why, fix, vec![target])),
        }
    }

    fn clusters(&self) -> usize {
        self.0.iter().flat_map(|(.., targets)| targets).collect::<BTreeSet<_>>().len()
    }

    /// What is said of most first.
    fn said(mut self) -> Vec<Said> {
        self.0.sort_by_key(|(.., targets)| std::cmp::Reverse(targets.len()));
        let mut told: BTreeSet<String> = BTreeSet::new();
        let mut out = vec![];
        for (why, fix, targets) in self.0 {
            let new = targets.first().is_some_and(|first| told.insert(nameless(fix, first)));
            out.push(Said {
                clusters: targets.into_iter().map(short).collect(),
                why: why.into(),
                fix: if new { fix.into() } else { String::new() },
            });
        }
        out
    }
}

/// A text without the names of the cluster that it is about.
fn nameless(text: &str, target: &str) -> String {
    let mut text = text.replace(target, "");
    if let Ok(n) = target.parse::<ClusterName>() {
        for name in [n.name, n.location, n.project] {
            text = text.replace(&name, "");
        }
    }
    text
}
