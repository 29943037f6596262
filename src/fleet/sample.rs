//! Fleets for the tests: clusters of every outcome, parts of them, and one whose every string is hostile.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::check::{Severity, Verdict};
use crate::fleet::shard::Shard;
use crate::inventory::{FaultKind, ReadError};
use crate::report::sample::{HOSTILE, sample};
use crate::report::{ExitPolicy, Parts, Report, Tool};

use super::*;

pub(super) const SHARDS: u32 = 4;

pub(super) fn name(i: usize) -> ClusterName {
    ClusterName {
        project: ["pay-prod", "pay-dev", "shop-prod"][i % 3].into(),
        location: ["europe-west1", "asia-east1-a"][i % 2].into(),
        name: format!("main-{i}"),
    }
}

pub(super) fn unreachable(i: usize) -> ClusterEntry {
    let fix = format!(
        "Run it where the private endpoint can be reached, or try:\n  gke-posture doctor {} --endpoint dns",
        name(i)
    );
    let why = "https://10.0.0.2: no answer within 30 s";
    let error = ReadError::new(FaultKind::Timeout, "the Kubernetes API", why, fix);
    ClusterEntry::without_result(&name(i), error)
}

fn forbidden(i: usize, why: &str) -> ClusterEntry {
    let fix = "Grant roles/container.clusterViewer on the project.";
    let error = ReadError::new(FaultKind::Forbidden, "the cluster's configuration", why, fix);
    ClusterEntry::without_result(&name(i), error)
}

/// The sample cluster without results that `keep` does not want, and without its gap unless `gap`.
fn audited(i: usize, gap: bool, keep: impl Fn(Severity, Verdict) -> bool) -> ClusterEntry {
    let report = sample();
    let report = Report::new(Parts {
        tool: report.tool,
        generated_at: report.generated_at,
        exit: report.exit,
        target: report.target,
        evidence: report.evidence,
        results: report.results.into_iter().filter(|r| keep(r.severity, r.verdict)).collect(),
        gaps: if gap { report.gaps } else { vec![] },
        checks: report.checks,
        namespaces: report.summary.coverage.namespaces,
        ..Parts::default()
    });
    ClusterEntry::audited(&name(i), Some("RUNNING".into()), &report, Some(name(i).file_stem() + ".json"))
}

/// Fourteen clusters of every outcome, and a project that could not be searched.
pub(super) fn fleet_parts() -> FleetParts {
    use Severity::*;
    let no_unknown = |_: Severity, v: Verdict| v != Verdict::Unknown;
    let mut clusters = vec![
        audited(0, true, |_, _| true),
        audited(1, false, no_unknown),
        audited(2, false, |s, v| no_unknown(s, v) && s < Critical),
        audited(3, false, |s, v| no_unknown(s, v) && s < High),
        audited(4, false, |_, v| v == Verdict::Pass),
        audited(5, false, |_, v| v == Verdict::Pass),
        audited(6, true, |s, v| v == Verdict::Unknown || s < High),
        audited(7, true, |_, v| v == Verdict::Pass),
        audited(8, false, |s, v| no_unknown(s, v) && s == Critical),
        unreachable(9),
        unreachable(10),
        forbidden(11, "403: auditor@example.com lacks container.clusters.get"),
        forbidden(12, "403: blocked by VPC Service Controls"),
    ];
    let mut stopped = unreachable(13);
    stopped.state = Some("PROVISIONING".into());
    clusters.push(stopped);
    let of = |list: &[&str]| list.iter().map(|s| (*s).to_string()).collect();
    let report = sample();
    FleetParts {
        tool: Tool { name: "gke-posture".into(), version: "0.1.0".into() },
        generated_at: "2026-11-23T09:00:05Z".into(),
        exit: ExitPolicy::default(),
        scope: FleetScope {
            requested: Requested {
                projects: of(&["pay-prod", "pay-dev", "shop-prod", "shop-dev"]),
                folders: of(&["4711"]),
                ..Requested::default()
            },
            discovered: clusters.iter().map(|c| c.target.clone()).collect(),
        },
        rules: Rules {
            checks: format!("sha256:{}", "c4ec".repeat(16)),
            configuration: Some(format!("sha256:{}", "c0f1".repeat(16))),
            options: of(&["--no-configmaps"]),
        },
        clusters,
        checks: report
            .checks
            .iter()
            .map(|c| CheckInfo {
                controls: BTreeMap::from([("PCI DSS 4.0".into(), vec!["1.4.4".into()])]),
                ..CheckInfo::from(c)
            })
            .collect(),
        gaps: vec![DiscoveryGap {
            scope: "projects/shop-dev".into(),
            error: ReadError::new(
                FaultKind::Forbidden,
                "the clusters of project shop-dev",
                "403: Kubernetes Engine API has not been used in project shop-dev before or it is disabled",
                "If the project has no cluster, leave it out. Else:\n  gcloud services enable container.googleapis.com --project shop-dev",
            ),
        }],
        waivers: report.waivers,
        ..FleetParts::default()
    }
}

pub(super) fn fleet() -> FleetReport {
    FleetReport::new(fleet_parts())
}

/// What shard `index` of [`SHARDS`] writes.
pub(super) fn part(index: u32) -> FleetReport {
    let shard = Shard::new(index, SHARDS).unwrap();
    let mut parts = fleet_parts();
    parts.clusters.retain(|c| shard.contains(&c.target));
    parts.part = Some(Part { shard, run: Some("audit-x7k2p".into()) });
    parts.generated_at = format!("2026-11-23T09:0{index}:05Z");
    FleetReport::new(parts)
}

pub(super) fn part_input(index: u32) -> PartInput {
    let shard = Shard::new(index, SHARDS).unwrap();
    PartInput { file: format!("r/{}.json", part_stem(Some(shard))), named: shard, report: part(index) }
}

/// The merged fleet without these shards.
pub(super) fn merged(missing: &[u32]) -> FleetReport {
    merge((0..SHARDS).filter(|i| !missing.contains(i)).map(part_input).collect(), None).unwrap()
}

/// A merged fleet with every string of its data lengthened by [`HOSTILE`].
pub(super) fn hostile_fleet() -> FleetReport {
    fn make_hostile(json: &mut Json) {
        // Words of a closed set stay as they are, or it would be no report.
        const KEEP: [&str; 7] = ["severity", "outcome", "failOn", "fault", "kind", "status", "worst"];
        match json {
            Json::String(s) => s.push_str(HOSTILE),
            Json::Array(items) => items.iter_mut().for_each(make_hostile),
            Json::Object(map) => {
                for (key, value) in map.iter_mut() {
                    if !(KEEP.contains(&key.as_str()) && value.is_string()) {
                        make_hostile(value);
                    }
                }
                if map.keys().any(|k| k.contains(' ')) {
                    *map = std::mem::take(map).into_iter().map(|(k, v)| (k + HOSTILE, v)).collect();
                }
            }
            _ => {}
        }
    }
    let mut json = serde_json::to_value(merged(&[2])).expect("a report is JSON");
    make_hostile(&mut json);
    serde_json::from_value(json).expect("it is still a report")
}
