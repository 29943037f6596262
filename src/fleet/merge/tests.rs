use super::*;
use crate::check::Severity;
use crate::fleet::sample::{SHARDS, fleet, merged, part, part_input};
use crate::report::Outcome;
use crate::report::format::json::to_json;

fn all() -> Vec<PartInput> {
    (0..SHARDS).map(part_input).collect()
}

/// The errors after a change to one part.
fn errors(change: impl Fn(&mut PartInput)) -> Vec<String> {
    let mut parts = all();
    change(&mut parts[2]);
    merge(parts, None).unwrap_err()
}

#[track_caller]
fn refused(change: impl Fn(&mut PartInput), says: &[&str]) {
    let errors = errors(change);
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].starts_with("r/fleet-2-of-4.json: "), "{errors:?}");
    for s in says {
        assert!(errors[0].contains(s), "no {s:?} in {errors:?}");
    }
}

#[test]
fn all_parts_together_are_the_fleet() {
    let (merged, whole) = (merged(&[]), fleet());
    assert!((0..SHARDS).all(|i| !part(i).clusters.is_empty()), "the sample should use every shard");
    assert_eq!(merged.clusters, whole.clusters);
    assert_eq!(merged.totals, whole.totals);
    assert_eq!(merged.checks, whole.checks);
    assert_eq!(merged.gaps, whole.gaps);
    assert_eq!(merged.scope, whole.scope);
    assert_eq!(merged.outcome, whole.outcome);
    assert_eq!((merged.part, merged.missing_shards), (None, vec![]));
    assert!(merged.shards.iter().all(|s| s.present && s.why.is_none()));
    assert_eq!(merged.shards.iter().map(|s| s.clusters).sum::<usize>(), whole.clusters.len());
    // The newest part's time, unless one is given.
    assert_eq!(merged.generated_at, "2026-11-23T09:03:05Z");
    assert_eq!(merge(all(), Some("2026-11-24T00:00:00Z".into())).unwrap().generated_at, "2026-11-24T00:00:00Z");
}

#[test]
fn the_order_of_parts_does_not_matter() {
    let mut parts = all();
    parts.reverse();
    assert_eq!(to_json(&merge(parts, None).unwrap()), to_json(&merged(&[])));
}

#[test]
fn a_missing_shard_is_told_with_its_clusters() {
    let report = merged(&[2]);
    assert_eq!(report.missing_shards, [2]);
    let state = &report.shards[2];
    assert_eq!((state.present, state.clusters), (false, part(2).clusters.len()));
    assert_eq!(state.why.as_deref(), Some("there is no part of it"));
    // No cluster gets lost.
    let targets = |r: &FleetReport| r.clusters.iter().map(|c| c.target.clone()).collect::<Vec<_>>();
    assert_eq!(targets(&report), targets(&fleet()));
    for c in part(2).clusters {
        let entry = report.clusters.iter().find(|e| e.target == c.target).unwrap();
        assert_eq!((entry.outcome, entry.summary), (Outcome::NoResult, None));
        let error = entry.error.as_ref().unwrap();
        assert_eq!((error.fault, error.why.as_str()), (FaultKind::NotAttempted, "shard 2/4 is missing"));
        assert!(error.fix.contains("--shard 2/4"));
    }
}

/// Of each outcome that the present parts have alone, what it becomes when a shard is missing.
#[test]
fn a_missing_shard_makes_the_answer_incomplete() {
    let only = |wanted: Outcome| {
        let mut parts = all();
        for p in &mut parts {
            p.report.clusters.retain(|c| c.outcome == wanted);
            p.report.gaps.clear();
            // Those that were dropped were never there.
            let kept: Vec<String> =
                fleet().clusters.iter().filter(|c| c.outcome == wanted).map(|c| c.target.clone()).collect();
            p.report.scope.discovered = kept;
        }
        parts
    };
    for (wanted, with_all, with_one_missing) in [
        (Outcome::Pass, Outcome::Pass, Outcome::Incomplete),
        (Outcome::Findings, Outcome::Findings, Outcome::FindingsIncomplete),
        (Outcome::Incomplete, Outcome::Incomplete, Outcome::Incomplete),
        (Outcome::NoResult, Outcome::NoResult, Outcome::NoResult),
    ] {
        let mut parts = only(wanted);
        assert_eq!(merge(parts.clone(), None).unwrap().outcome, with_all);
        // One that holds nothing, if there is one: even then nobody knows that it is empty.
        let at = parts.iter().position(|p| p.report.clusters.is_empty()).unwrap_or(0);
        parts.remove(at);
        assert_eq!(merge(parts, None).unwrap().outcome, with_one_missing, "{wanted:?}");
    }
}

#[test]
fn what_only_other_shards_found_is_not_audited() {
    let mut parts = all();
    let new: ClusterName = "projects/pay-prod/locations/europe-west1/clusters/new".parse().unwrap();
    let own = assign_shard(&new.to_string(), SHARDS);
    let other = parts.iter_mut().find(|p| p.named.index() != own).unwrap();
    other.report.scope.discovered.push(new.to_string());
    let report = merge(parts, None).unwrap();
    let entry = report.clusters.iter().find(|c| c.name == "new").unwrap();
    let error = entry.error.as_ref().unwrap();
    assert_eq!((entry.outcome, error.fault), (Outcome::NoResult, FaultKind::NotAttempted));
    assert!(error.why.contains(&format!("other shards found it and shard {own}/4 did not")), "{error:?}");
    assert!(report.missing_shards.is_empty());
}

#[test]
fn gaps_of_all_shards_are_kept_once() {
    let mut parts = all();
    parts[1].report.gaps[0].error.why = "429: too many requests".into();
    let report = merge(parts, None).unwrap();
    assert_eq!(report.gaps.len(), 2);
}

#[test]
fn a_part_of_an_earlier_run_counts_as_missing() {
    let stale = |change: &dyn Fn(&mut PartInput)| {
        let mut parts = all();
        change(&mut parts[2]);
        merge(parts, None).unwrap()
    };
    let run = |p: &mut PartInput, run: Option<&str>, time: &str| {
        p.report.part.as_mut().unwrap().run = run.map(Into::into);
        p.report.generated_at = time.into();
    };
    let report = stale(&|p| run(p, Some("audit-old"), "2026-11-22T09:02:05Z"));
    assert_eq!(report.missing_shards, [2]);
    let why = report.shards[2].why.as_deref().unwrap();
    assert!(why.contains("earlier run: 2026-11-22T09:02:05Z (audit-old)") && why.contains("(audit-x7k2p)"), "{why}");
    assert!(report.clusters.iter().any(|c| c.error.as_ref().is_some_and(|e| e.fault == FaultKind::NotAttempted)));
    // Even a minute apart, another run is another run; the newest is the one that counts.
    assert_eq!(stale(&|p| run(p, Some("audit-old"), "2026-11-23T09:02:05Z")).missing_shards, [2]);
    assert_eq!(stale(&|p| run(p, Some("audit-new"), "2026-11-23T09:09:05Z")).missing_shards, [0, 1, 3]);
    // Run again by hand, without a name: by its time.
    assert!(stale(&|p| run(p, None, "2026-11-23T20:02:05Z")).missing_shards.is_empty());
    assert!(stale(&|p| run(p, None, "2026-11-22T21:03:06Z")).missing_shards.is_empty());
    assert_eq!(stale(&|p| run(p, None, "2026-11-22T21:03:05Z")).missing_shards, [2]);
    // However long one run takes, it is one run.
    assert!(stale(&|p| run(p, Some("audit-x7k2p"), "2026-11-18T09:02:05Z")).missing_shards.is_empty());
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    refused(
        |p| p.report.tool.version = "0.2.0".into(),
        &["is written by gke-posture 0.2.0", "but r/fleet-0-of-4.json is written by gke-posture 0.1.0"],
    );
    refused(|p| p.report.rules.checks = "sha256:other".into(), &["evaluated with the checks sha256:other", "c4ec"]);
    refused(|p| p.report.rules.configuration = None, &["evaluated with the configuration none", "c0f1"]);
    refused(|p| p.report.rules.options.clear(), &["run with no further option", "run with --no-configmaps"]);
    refused(
        |p| p.report.exit.fail_on = Some(Severity::Critical),
        &["run with --fail-on critical, but", "run with --fail-on high"],
    );
    refused(|p| p.report.exit.fail_on = None, &["--fail-on none"]);
    refused(|p| p.report.exit.allow_unknown = true, &["--fail-on high --allow-unknown"]);
    refused(|p| p.report.exit.strict = true, &["--fail-on high --strict"]);
    refused(|p| p.report.scope.requested.projects.truncate(1), &["is about folder 4711, project pay-dev, but"]);
    refused(|p| p.report.scope.requested.folders.clear(), &["folder 4711"]);
    refused(
        |p| {
            p.report.scope.requested.targets_file =
                Some(TargetsFile { name: "t.txt".into(), digest: "sha256:1".into() });
        },
        &["targets file t.txt (sha256:1)"],
    );
}

#[test]
fn one_line_for_each_odd_file_and_the_majority_decides() {
    let mut parts = all();
    for i in [0, 3] {
        parts[i].report.tool.version = "0.2.0".into();
        parts[i].report.rules.checks = "sha256:other".into();
    }
    parts.push(PartInput { file: "r/x.json".into(), ..part_input(1) });
    let errors = merge(parts, None).unwrap_err();
    let files: Vec<_> = errors.iter().map(|e| e.split(':').next().unwrap()).collect();
    assert_eq!(files, ["r/fleet-0-of-4.json", "r/fleet-3-of-4.json"]);
}

#[test]
fn parts_of_another_split_are_refused() {
    let mut parts = all();
    let named = Shard::new(5, 8).unwrap();
    let mut report = part(1);
    report.part.as_mut().unwrap().shard = named;
    report.clusters.clear();
    parts.push(PartInput { file: "r/fleet-5-of-8.json".into(), named, report });
    let errors = merge(parts, None).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].contains("fleet-5-of-8.json: is one of 8 shards, but r/fleet-0-of-4.json is one of 4 shards"));
}

#[test]
fn copies_and_renamed_files_are_refused() {
    refused(|p| p.report = part(1), &["holds shard 1/4, not shard 2/4 as its name says"]);
    refused(|p| p.report = fleet(), &["holds the report of a whole fleet, not shard 2/4"]);
    let mut parts = all();
    parts.push(PartInput { file: "r/b/fleet-2-of-4.json".into(), ..part_input(2) });
    let errors = merge(parts, None).unwrap_err();
    assert_eq!(errors, ["r/fleet-2-of-4.json: holds shard 2/4, and so does r/b/fleet-2-of-4.json: keep one"]);
    refused(|p| p.report.clusters.push(part(1).clusters[0].clone()), &["which belongs to shard 1/4"]);
    refused(|p| p.report.clusters.push(part(2).clusters[0].clone()), &["twice"]);
}

#[test]
fn nothing_to_merge_is_an_error() {
    assert!(merge(vec![], None).is_err());
}
