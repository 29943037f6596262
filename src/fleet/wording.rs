//! The outcome of a fleet in sentences, and the names of its parts, as all formats write them.

use crate::check::{Severity, Verdict};
use crate::inventory::FaultKind;
use crate::report::Outcome;
use crate::report::text::{count, line, number};
use crate::report::verdict::or_worse;

use super::*;

/// Outcomes in the order in which they are listed, each as it stands after a number of clusters.
pub(super) const OUTCOMES: [(Outcome, &str); 5] = [
    (Outcome::Findings, "fail"),
    (Outcome::FindingsIncomplete, "fail, incomplete"),
    (Outcome::Incomplete, "incomplete"),
    (Outcome::NoResult, "no result"),
    (Outcome::Pass, "pass"),
];

/// The short name of a cluster: `PROJECT/LOCATION/NAME`.
pub(super) fn short(target: &str) -> String {
    match target.parse::<ClusterName>() {
        Ok(n) => line(&format!("{}/{}/{}", n.project, n.location, n.name)),
        Err(_) => line(target),
    }
}

/// The clusters that fail a check, each with the number of failures where there are several.
pub(super) fn failing_names(check: &FleetCheck) -> Vec<String> {
    let name = |f: &Failing| match f.findings {
        1 => short(&f.target),
        n => format!("{} ({})", short(&f.target), number(n)),
    };
    check.failing.iter().map(name).collect()
}

/// What was requested, in one phrase; `all` names everything, else long lists are counted.
pub(super) fn requested(requested: &Requested, all: bool) -> String {
    let list = |items: &[String], one: &str, many: &str| match items {
        [] => None,
        [item] => Some(format!("{one} {}", line(item))),
        items if all || items.len() <= 3 => {
            Some(format!("{many} {}", items.iter().map(|i| line(i)).collect::<Vec<_>>().join(", ")))
        }
        items => Some(count(items.len(), one, many)),
    };
    let parts: Vec<String> = [
        list(&requested.organizations, "organization", "organizations"),
        list(&requested.folders, "folder", "folders"),
        list(&requested.projects, "project", "projects"),
        requested.targets_file.as_ref().map(|f| match all {
            true => format!("targets file {} ({})", line(&f.name), line(&f.digest)),
            false => format!("targets file {}", line(&f.name)),
        }),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() { "no scope".into() } else { parts.join(", ") }
}

/// Options that change results.
pub(super) fn options(options: &[String]) -> String {
    if options.is_empty() { "no further option".into() } else { options.join(" ") }
}

/// `shard 3 of 8`, `shards 3 and 5 of 8`, `20 of 32 shards`.
pub(super) fn missing(report: &FleetReport) -> String {
    let total = report.shards.len();
    match &report.missing_shards[..] {
        [] => String::new(),
        [one] => format!("shard {one} of {total}"),
        many if many.len() <= 5 => format!("shards {} of {total}", and(many.iter().map(u32::to_string).collect())),
        many => format!("{} of {} shards", number(many.len()), number(total)),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn and(mut items: Vec<String>) -> String {
    match (items.pop(), items.is_empty()) {
        (None, _) => String::new(),
        (Some(last), true) => last,
        (Some(last), false) => format!("{} and {last}", items.join(", ")),
    }
}

fn clusters(n: usize) -> String {
    count(n, "cluster", "clusters")
}

fn verb<'a>(n: usize, one: &'a str, many: &'a str) -> &'a str {
    if n == 1 { one } else { many }
}

/// Why the answer is not complete, in phrases.
fn list_doubts(report: &FleetReport) -> Vec<String> {
    let by = &report.totals.by_outcome;
    let mut out = vec![];
    let partly = by.of(Outcome::Incomplete) + by.of(Outcome::FindingsIncomplete);
    if partly > 0 {
        out.push(format!("{} {} not evaluated completely", clusters(partly), verb(partly, "was", "were")));
    }
    let was_attempted = |c: &&ClusterEntry| c.error.as_ref().is_some_and(|e| e.fault != FaultKind::NotAttempted);
    let silent = report.clusters.iter().filter(was_attempted).count();
    if silent > 0 {
        out.push(format!("{} gave no result", clusters(silent)));
    }
    let not_audited = by.of(Outcome::NoResult) - silent;
    if not_audited > 0 {
        out.push(format!("{} {} not audited", clusters(not_audited), verb(not_audited, "was", "were")));
    }
    if !report.missing_shards.is_empty() {
        out.push(format!("{} {} missing", missing(report), verb(report.missing_shards.len(), "is", "are")));
    }
    match &report.gaps[..] {
        [] => {}
        [one] => out.push(format!("{} could not be read, so there may be more", line(&one.error.what))),
        many => out.push(format!("{} parts of the scope could not be read, so there may be more", number(many.len()))),
    }
    out
}

/// What follows for the exit status, in one or two sentences.
pub(super) fn sentences(report: &FleetReport) -> Vec<String> {
    let t = &report.totals;
    let evaluated = t.clusters - t.by_outcome.of(Outcome::NoResult);
    let failing = t.by_outcome.of(Outcome::Findings) + t.by_outcome.of(Outcome::FindingsIncomplete);
    let threshold = or_worse(report.exit.fail_on.map_or("", Severity::name));
    let mut out = vec![];
    if report.outcome == Outcome::NoResult {
        out.push("No cluster gave a result, so nothing was evaluated.".to_string());
    } else if report.scope.discovered.is_empty() {
        out.push("No cluster was found, so nothing was evaluated. An audit of a fleet expects at least one.".into());
    } else if t.clusters == 0 {
        let found = report.scope.discovered.len();
        let shard = report.part.as_ref().map_or(String::new(), |p| format!(" {}", p.shard));
        out.push(format!(
            "Of the {} that {} found, none belongs to shard{shard}.",
            clusters(found),
            verb(found, "was", "were")
        ));
    } else {
        out.push(match report.exit.fail_on {
            None if t.by_verdict.of(Verdict::Fail) > 0 => "No finding fails this audit, as --fail-on is none.".into(),
            Some(_) if failing > 0 => format!(
                "{} of {} {} findings that are {threshold}, which fails this audit.",
                number(failing),
                clusters(evaluated),
                verb(failing, "has", "have"),
            ),
            Some(_) if t.by_verdict.of(Verdict::Fail) > 0 => {
                format!("No cluster has a finding that is {threshold}, which is what fails this audit.")
            }
            _ => format!(
                "Nothing failed in {}.",
                match evaluated {
                    1 => "the cluster that was evaluated".into(),
                    n => format!("the {} that were evaluated", clusters(n)),
                }
            ),
        });
    }
    let doubts = list_doubts(report);
    if !doubts.is_empty() && report.outcome == Outcome::NoResult {
        out.push(format!("{}.", capital(&and(doubts))));
    } else if !doubts.is_empty() {
        out.push(format!("The answer is incomplete: {}.", and(doubts)));
    }
    if report.exit.allow_unknown
        && (t.by_outcome.of(Outcome::NoResult) > 0 || !report.gaps.is_empty() || !report.missing_shards.is_empty())
    {
        out.push("--allow-unknown accepts what is unknown in a cluster, not a cluster that was not read.".into());
    }
    out
}

/// With a capital letter at the beginning, unless it begins with something that is no word, such as an address.
pub(super) fn capital(s: &str) -> String {
    let first = s.split(' ').next().unwrap_or_default();
    if !first.trim_end_matches(',').chars().all(|c| c.is_ascii_lowercase()) {
        return s.to_string();
    }
    let mut chars = s.chars();
    chars.next().map_or(String::new(), |c| c.to_uppercase().chain(chars).collect())
}

/// How far network policies isolate the workloads of all clusters.
pub(super) fn coverage(c: &crate::report::Coverage) -> Option<String> {
    use crate::report::text::share;
    let unknown = c.ingress_unknown + c.egress_unknown;
    let doubt = if unknown > 0 { "; for some it is unknown" } else { "" };
    (c.workloads > 0).then(|| {
        format!(
            "Network policies isolate {} of {} for ingress and {} for egress{doubt}.",
            share(c.ingress_isolated, c.workloads),
            count(c.workloads, "workload", "workloads"),
            share(c.egress_isolated, c.workloads),
        )
    })
}
