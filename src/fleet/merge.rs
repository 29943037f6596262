//! One fleet report of the parts that shards wrote.

use std::collections::{BTreeMap, BTreeSet};

use crate::fleet::shard::{Shard, assign_shard};
use crate::inventory::{FaultKind, ReadError};
use crate::report::ExitPolicy;

use super::wording::{options, requested};
use super::*;

/// A part without the name of its run is left over from an earlier one if it is this much older than the newest part
/// (hours): shards run side by side, and schedules are daily.
const LEFT_OVER_HOURS: i64 = 12;

/// A part as it lies in a folder.
#[derive(Clone, Debug)]
pub struct PartInput {
    /// For messages.
    pub file: String,
    /// The shard that the file is named after.
    pub named: Shard,
    /// Content of the file.
    pub report: FleetReport,
}

/// Merges the parts of a fleet, in any order. `now` is the time of the new report, RFC 3339; without, it is that of the
/// newest part, so that the same parts give the same bytes.
///
/// Every shard without a part is missing, and so is one whose part is left over from an earlier run. Clusters that
/// belong to it are in the report, as not audited: the other parts list them.
///
/// # Errors
/// Parts that cannot belong together, each a sentence that begins with the file's name.
pub fn merge(mut parts: Vec<PartInput>, now: Option<String>) -> Result<FleetReport, Vec<String>> {
    parts.sort_by(|a, b| (a.named.index(), &a.file).cmp(&(b.named.index(), &b.file)));
    let mut problems = find_misnamed(&parts);
    if problems.is_empty() {
        problems = find_disagreements(&parts);
    }
    if problems.is_empty() {
        problems = find_duplicates(&parts);
    }
    if problems.is_empty() {
        problems = find_misplaced(&parts);
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let Some(first) = parts.first() else { return Err(vec!["there are no parts to merge".into()]) };
    let count = first.named.count();
    let (present, left): (Vec<&PartInput>, Vec<&PartInput>) = {
        let newest = NewestPart::of(&parts);
        parts.iter().partition(|p| !newest.is_left_over(p))
    };
    let mut clusters: Vec<ClusterEntry> = present.iter().flat_map(|p| p.report.clusters.iter().cloned()).collect();
    let missing = |index: u32| !present.iter().any(|p| p.named.index() == index);
    clusters.extend(not_audited(&present, count, missing));
    let mut of_shard: BTreeMap<u32, usize> = BTreeMap::new();
    for c in &clusters {
        *of_shard.entry(assign_shard(&c.target, count)).or_default() += 1;
    }
    let shards = (0..count)
        .map(|index| {
            let part = parts.iter().find(|p| p.named.index() == index);
            ShardState {
                index,
                count,
                present: !missing(index),
                clusters: of_shard.get(&index).copied().unwrap_or_default(),
                generated_at: part.map(|p| p.report.generated_at.clone()),
                why: match part {
                    None => Some("there is no part of it".into()),
                    Some(p) if left.iter().any(|l| l.file == p.file) => Some(NewestPart::of(&parts).why(p)),
                    Some(_) => None,
                },
            }
        })
        .collect();
    let reports = || present.iter().map(|p| &p.report);
    let checks: BTreeMap<&str, &CheckInfo> =
        reports().flat_map(|r| &r.checks).map(|c| (c.info.id.as_str(), &c.info)).collect();
    Ok(FleetReport::new(FleetParts {
        tool: first.report.tool.clone(),
        generated_at: now.unwrap_or_else(|| reports().map(|r| r.generated_at.clone()).max().unwrap_or_default()),
        exit: first.report.exit,
        scope: FleetScope {
            requested: first.report.scope.requested.clone(),
            discovered: reports().flat_map(|r| r.scope.discovered.iter().cloned()).collect(),
        },
        rules: first.report.rules.clone(),
        part: None,
        shards,
        clusters,
        checks: checks.into_values().cloned().collect(),
        gaps: reports().flat_map(|r| r.gaps.iter().cloned()).collect(),
        waivers: reports().flat_map(|r| r.waivers.iter().cloned()).collect(),
    }))
}

/// Parts that are not what their names say: copies, most likely.
fn find_misnamed(parts: &[PartInput]) -> Vec<String> {
    let wrong = parts.iter().filter(|p| p.report.part.as_ref().map(|p| p.shard) != Some(p.named));
    wrong
        .map(|p| match &p.report.part {
            Some(part) => format!(
                "{}: holds shard {}, not shard {} as its name says: rename it, or delete it",
                p.file, part.shard, p.named
            ),
            None => format!("{}: holds the report of a whole fleet, not shard {} as its name says", p.file, p.named),
        })
        .collect()
}

/// Parts that differ from most others in what all parts must have in common; for each, the first such thing.
fn find_disagreements(parts: &[PartInput]) -> Vec<String> {
    type Aspect = (&'static str, fn(&FleetReport) -> String, &'static str);
    const SAME: &str = "all shards of a fleet are run alike";
    let aspects: [Aspect; 7] = [
        ("written by", |r| format!("{} {}", r.tool.name, r.tool.version), "all parts are written by the same version"),
        (
            "one of",
            |r| r.part.as_ref().map_or(0, |p| p.shard.count()).to_string() + " shards",
            "delete the parts of the other split",
        ),
        ("about", |r| requested(&r.scope.requested, true), SAME),
        ("evaluated with the checks", |r| r.rules.checks.clone(), SAME),
        (
            "evaluated with the configuration",
            |r| r.rules.configuration.clone().unwrap_or_else(|| "none".into()),
            "all shards use the same gke-posture.yaml",
        ),
        ("run with", |r| policy(r.exit), SAME),
        ("run with", |r| options(&r.rules.options), SAME),
    ];
    let mut problems: BTreeMap<&str, String> = BTreeMap::new();
    for (what, value, advice) in aspects {
        let values: Vec<(&PartInput, String)> = parts.iter().map(|p| (p, value(&p.report))).collect();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, v) in &values {
            *counts.entry(v).or_default() += 1;
        }
        // Of equally many, that of the first part: `max_by_key` takes the last, so it goes backwards.
        let usual = values.iter().rev().max_by_key(|(_, v)| counts.get(v.as_str()));
        let Some((usual, expected)) = usual else { continue };
        for (part, v) in values.iter().filter(|(_, v)| v != expected) {
            problems.entry(&part.file).or_insert_with(|| {
                format!("{}: is {what} {v}, but {} is {what} {expected}: {advice}", part.file, usual.file)
            });
        }
    }
    problems.into_values().collect()
}

/// `--fail-on high`, with what goes with it.
fn policy(exit: ExitPolicy) -> String {
    let mut out = format!("--fail-on {}", exit.fail_on.map_or("none", |s| s.name()));
    for (set, flag) in [(exit.strict, " --strict"), (exit.allow_unknown, " --allow-unknown")] {
        if set {
            out.push_str(flag);
        }
    }
    out
}

/// Shards that several files hold.
fn find_duplicates(parts: &[PartInput]) -> Vec<String> {
    parts
        .windows(2)
        .filter(|w| w[0].named == w[1].named)
        .map(|w| format!("{}: holds shard {}, and so does {}: keep one", w[1].file, w[1].named, w[0].file))
        .collect()
}

/// Clusters in a part that they do not belong to. With this none can be in two parts either.
fn find_misplaced(parts: &[PartInput]) -> Vec<String> {
    let mut problems = vec![];
    for p in parts {
        let mut seen = BTreeSet::new();
        for c in &p.report.clusters {
            if !p.named.contains(&c.target) {
                problems.push(format!(
                    "{}: holds {}, which belongs to shard {}/{}: it was changed or damaged",
                    p.file,
                    c.target,
                    assign_shard(&c.target, p.named.count()),
                    p.named.count()
                ));
            } else if !seen.insert(&c.target) {
                problems.push(format!("{}: holds {} twice: it was changed or damaged", p.file, c.target));
            }
        }
    }
    problems
}

/// The newest part: what distinguishes parts of this run from those that an earlier one left in the folder.
struct NewestPart<'a> {
    part: Option<&'a PartInput>,
    /// The name of the newest run that has one. A shard that is run again by hand has none.
    run: Option<&'a str>,
}

fn run_name(p: &PartInput) -> Option<&str> {
    p.report.part.as_ref()?.run.as_deref()
}

fn written_at(p: &PartInput) -> Option<jiff::Timestamp> {
    p.report.generated_at.parse().ok()
}

impl<'a> NewestPart<'a> {
    fn of(parts: &'a [PartInput]) -> NewestPart<'a> {
        let newest =
            |named: bool| parts.iter().filter(|p| !named || run_name(p).is_some()).max_by_key(|p| written_at(p));
        NewestPart { part: newest(false), run: newest(true).and_then(run_name) }
    }

    fn is_left_over(&self, p: &PartInput) -> bool {
        match (run_name(p), self.part.and_then(written_at), written_at(p)) {
            (Some(own), ..) => Some(own) != self.run,
            (None, Some(newest), Some(own)) => newest.duration_since(own).as_hours() >= LEFT_OVER_HOURS,
            _ => false,
        }
    }

    fn why(&self, p: &PartInput) -> String {
        let of = |p: &PartInput| {
            format!("{}{}", p.report.generated_at, run_name(p).map_or(String::new(), |r| format!(" ({r})")))
        };
        let newest = self.part.map_or(String::new(), of);
        format!("its part is left over from an earlier run: {}, where the newest part is of {newest}", of(p))
    }
}

/// Clusters that a part found, and that no part holds.
fn not_audited(present: &[&PartInput], count: u32, missing: impl Fn(u32) -> bool) -> Vec<ClusterEntry> {
    let held: BTreeSet<&str> = present.iter().flat_map(|p| &p.report.clusters).map(|c| c.target.as_str()).collect();
    let found: BTreeSet<&str> = present.iter().flat_map(|p| &p.report.scope.discovered).map(String::as_str).collect();
    found
        .difference(&held)
        .filter_map(|target| Some((assign_shard(target, count), target.parse::<ClusterName>().ok()?)))
        .map(|(index, name)| {
            let shard = format!("{index}/{count}");
            let (why, fix) = if missing(index) {
                (
                    format!("shard {shard} is missing"),
                    format!("Run the audit again with --shard {shard}, then merge again."),
                )
            } else {
                (
                    format!("other shards found it and shard {shard} did not: it was made or deleted in the meantime"),
                    format!("If the cluster exists, run the audit again with --shard {shard}, then merge again."),
                )
            };
            ClusterEntry::without_result(&name, ReadError::new(FaultKind::NotAttempted, "the cluster", why, fix))
        })
        .collect()
}

#[cfg(test)]
mod tests;
