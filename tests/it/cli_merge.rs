//! `report merge`: parts as shards write them become one report, and nothing that is missing is passed over.

use std::path::Path;
use std::sync::OnceLock;

use crate::support::{Out, Room, deployment};
use gke_posture::fleet::shard::Shard;
use gke_posture::fleet::{
    CheckInfo, ClusterEntry, DiscoveryGap, FleetParts, FleetReport, FleetScope, Part, Requested, Rules, part_stem,
};
use gke_posture::inventory::{ClusterName, FaultKind, ReadError};
use gke_posture::report::{ExitPolicy, Format, Report, Style, Tool};
use serde_json::Value;

/// What becomes of a cluster.
#[derive(Clone, Copy, PartialEq)]
enum Is {
    Clean,
    Failing,
    Unreachable,
}
use Is::*;

/// A fleet that shards audit.
struct Fleet {
    clean: Report,
    failing: Report,
    clusters: Vec<(ClusterName, Is)>,
    gaps: Vec<DiscoveryGap>,
    exit: ExitPolicy,
}

impl Fleet {
    /// Real reports of two kinds stand for all clusters.
    fn new(clusters: &[Is]) -> Fleet {
        static REPORTS: OnceLock<[Report; 2]> = OnceLock::new();
        let [clean, failing] = REPORTS.get_or_init(|| {
            let room = Room::with(&deployment("shop", "web"));
            ["in.yaml", "--demo"]
                .map(|input| serde_json::from_str(&room.sh(&format!("audit {input} --format json")).stdout).unwrap())
        });
        let name = |i: usize| ClusterName {
            project: format!("shop-{}", i % 3),
            location: "europe-west1".into(),
            name: format!("main-{i}"),
        };
        Fleet {
            clean: clean.clone(),
            failing: failing.clone(),
            clusters: clusters.iter().enumerate().map(|(i, is)| (name(i), *is)).collect(),
            gaps: vec![],
            exit: ExitPolicy::default(),
        }
    }

    fn report(&self, shard: Option<Shard>) -> FleetReport {
        let own = self.clusters.iter().filter(|(n, _)| shard.is_none_or(|s| s.contains(&n.to_string())));
        let entry = |(name, is): &(ClusterName, Is)| {
            let evaluated = |r| ClusterEntry::audited(name, None, r, Some(name.file_stem() + ".json"));
            match is {
                Clean => evaluated(&self.clean),
                Failing => evaluated(&self.failing),
                Unreachable => ClusterEntry::without_result(
                    name,
                    ReadError::new(
                        FaultKind::Timeout,
                        "the Kubernetes API",
                        "https://10.0.0.2: no answer within 30 s",
                        "Use --endpoint dns.",
                    ),
                ),
            }
        };
        FleetReport::new(FleetParts {
            tool: Tool { name: "gke-posture".into(), version: "0.1.0".into() },
            generated_at: format!("2025-11-24T0{}:00:00Z", shard.map_or(0, Shard::index)),
            exit: self.exit,
            scope: FleetScope {
                requested: Requested { folders: vec!["4711".into()], ..Requested::default() },
                discovered: self.clusters.iter().map(|(n, _)| n.to_string()).collect(),
            },
            rules: Rules { checks: "sha256:1".into(), ..Rules::default() },
            part: shard.map(|shard| Part { shard, run: Some("audit-x7k2p".into()) }),
            clusters: own.map(entry).collect(),
            checks: self.failing.checks.iter().map(CheckInfo::from).collect(),
            gaps: self.gaps.clone(),
            ..FleetParts::default()
        })
    }

    /// Writes the parts of these shards of `count` into `folder`, as the shards do.
    fn write(&self, room: &Room, folder: &str, shards: &[u32], count: u32) {
        for &index in shards {
            let shard = Shard::new(index, count).ok();
            let report = self.report(shard);
            for c in report.clusters.iter().filter_map(|c| c.report.as_ref()) {
                room.write(&format!("{folder}/{c}"), "{}");
            }
            room.write(&format!("{folder}/{}.json", part_stem(shard)), render(&report));
        }
    }
}

fn merge(fleet: &Fleet, shards: &[u32], count: u32, flags: &str) -> Out {
    let room = Room::new();
    fleet.write(&room, "r", shards, count);
    room.sh(&format!("report merge r {flags}"))
}

fn render(report: &FleetReport) -> String {
    gke_posture::fleet::render(report, Format::Json, &Style::default()).unwrap()
}

/// Changes the JSON of a file.
fn edit(room: &Room, file: &str, change: impl Fn(&mut Value)) {
    let mut json = serde_json::from_str(&room.text(file)).unwrap();
    change(&mut json);
    room.write(file, json.to_string());
}

#[test]
fn the_exit_status_tells_whether_all_was_judged() {
    let gap = DiscoveryGap {
        error: ReadError { what: "zone europe-west1-b of project shop-1".into(), ..ReadError::default() },
        ..DiscoveryGap::default()
    };
    let allow = ExitPolicy { allow_unknown: true, ..ExitPolicy::default() };
    let none = ExitPolicy { fail_on: None, ..ExitPolicy::default() };
    const MIXED: &[Is] = &[Clean, Failing, Clean, Unreachable, Clean, Failing];
    type Row<'a> = (&'a str, &'a [Is], Vec<DiscoveryGap>, ExitPolicy, &'a [u32], i32, &'a str);
    let rows: Vec<Row> = vec![
        ("all clean", &[Clean; 6], vec![], ExitPolicy::default(), &[0, 1, 2], 0, "pass"),
        ("one fails", &[Clean, Failing], vec![], ExitPolicy::default(), &[0, 1, 2], 1, "findings"),
        ("fail-on none", &[Clean], vec![], none, &[0, 1, 2], 0, "pass"),
        ("one unreachable", &[Clean, Unreachable], vec![], ExitPolicy::default(), &[0, 1, 2], 3, "incomplete"),
        ("1 wins over 3", MIXED, vec![], ExitPolicy::default(), &[0, 1, 2], 1, "findings-incomplete"),
        ("all unreachable", &[Unreachable; 6], vec![], ExitPolicy::default(), &[0, 1, 2], 4, "no-result"),
        ("no cluster", &[], vec![], ExitPolicy::default(), &[0, 1, 2], 3, "incomplete"),
        ("no cluster, a gap", &[], vec![gap.clone()], ExitPolicy::default(), &[0, 1, 2], 4, "no-result"),
        ("a gap", &[Clean; 6], vec![gap.clone()], ExitPolicy::default(), &[0, 1, 2], 3, "incomplete"),
        ("a shard is missing", &[Clean; 9], vec![], ExitPolicy::default(), &[0, 2], 3, "incomplete"),
        ("most are missing", &[Failing; 9], vec![], ExitPolicy::default(), &[1], 1, "findings-incomplete"),
        ("unreachable, allowed", &[Clean, Unreachable], vec![], allow, &[0, 1, 2], 3, "incomplete"),
        ("all unreachable, allowed", &[Unreachable; 2], vec![], allow, &[0, 1, 2], 4, "no-result"),
        ("a gap, allowed", &[Clean; 6], vec![gap], allow, &[0, 1, 2], 3, "incomplete"),
        ("a shard is missing, allowed", &[Clean; 9], vec![], allow, &[0, 2], 3, "incomplete"),
    ];
    for (what, clusters, gaps, exit, shards, status, outcome) in rows {
        let mut fleet = Fleet::new(clusters);
        fleet.gaps = gaps;
        fleet.exit = exit;
        for format in ["json", "table", "markdown"] {
            let out = merge(&fleet, shards, 3, &format!("--format {format}"));
            assert_eq!(out.status, status, "{what}, {format}: {out:?}");
            if format == "json" {
                assert_eq!(out.json()["outcome"], outcome, "{what}");
                assert_eq!(out.json()["totals"]["clusters"], clusters.len(), "{what}");
            }
        }
    }
}

#[test]
fn parts_become_the_report_of_the_whole_fleet() {
    let fleet = Fleet::new(&[Clean, Failing, Clean, Unreachable, Clean, Failing, Clean, Clean]);
    let merged = merge(&fleet, &[0, 1, 2], 3, "--format json").status(1).json();
    let whole: Value = serde_json::from_str(&render(&fleet.report(None))).unwrap();
    for key in ["clusters", "totals", "checks", "scope", "outcome", "gaps", "exit", "rules"] {
        assert_eq!(merged[key], whole[key], "{key}");
    }
    // One time for the run, as everywhere.
    assert_eq!(merged["generatedAt"], "2025-11-24T16:00:00Z");
    let shards: Vec<&Value> = merged["shards"].as_array().unwrap().iter().map(|s| &s["present"]).collect();
    assert_eq!(shards, [true, true, true]);

    let table = merge(&fleet, &[0, 1, 2], 3, "").stdout;
    for needle in [
        "fleet   folder 4711   8 clusters found",
        "parts   3 of 3 shards   2025-11-24 00:00 UTC to 2025-11-24 02:00 UTC",
        "FAIL, incomplete   8 clusters:   2 fail   1 no result   5 pass",
        "2 of 7 clusters have findings that are high or worse, which fails this audit.",
        "shop-1/europe-west1/main-1",
        "NetworkPolicy allows an ingress",
        "1 cluster could not be reached",
        "shop-0/europe-west1/main-3",
        "Use --endpoint dns.",
        "Next: r/shop-1_europe-west1_main-1.json",
    ] {
        assert!(table.contains(needle), "no {needle:?} in\n{table}");
    }
}

#[test]
fn without_a_given_time_the_newest_part_tells_it() {
    let room = Room::new();
    Fleet::new(&[Clean; 5]).write(&room, "r", &[0, 1], 3);
    let mut command = room.command(&["report", "merge", "r", "--format", "json"]);
    command.env_remove("SOURCE_DATE_EPOCH");
    assert_eq!(crate::support::output(command, None).json()["generatedAt"], "2025-11-24T01:00:00Z");
}

#[test]
fn missing_shards_are_named_with_their_clusters() {
    let fleet = Fleet::new(&[Clean; 12]);
    let mut lost: Vec<String> = fleet
        .clusters
        .iter()
        .map(|(n, _)| n.to_string())
        .filter(|n| Shard::new(2, 4).unwrap().contains(n) || Shard::new(3, 4).unwrap().contains(n))
        .collect();
    lost.sort();
    assert!(lost.len() > 2);
    let out = merge(&fleet, &[0, 1], 4, "--format json").status(3);
    let json = out.json();
    assert_eq!(json["missingShards"], serde_json::json!([2, 3]));
    let unread = json["clusters"].as_array().unwrap().iter().filter(|c| c["outcome"] == "no-result");
    assert_eq!(unread.clone().map(|c| c["target"].as_str().unwrap()).collect::<Vec<_>>(), lost);
    assert!(unread.clone().all(|c| c["error"]["fault"] == "not-attempted" && c["summary"].is_null()));
    out.warns("note: shard 2 of 4 is missing: there is no part of it").warns("note: shard 3 of 4 is missing");

    let table = merge(&fleet, &[0, 1], 4, "--all").status(3).says("Shards 2, 3 of 4 are missing").stdout;
    for name in lost.iter().map(|t| t.rsplit('/').next().unwrap()) {
        assert!(table.contains(&format!("europe-west1/{name}")), "no {name} in\n{table}");
    }
    merge(&fleet, &[0, 1], 4, "--format markdown").status(3).says("missing: shards 2 and 3 of 4");
}

#[test]
fn a_part_that_an_earlier_run_left_behind_is_not_taken_for_this_one() {
    let room = Room::new();
    Fleet::new(&[Clean; 9]).write(&room, "r", &[0, 1, 2], 3);
    room.sh("report merge r").status(0);
    edit(&room, "r/fleet-1-of-3.json", |j| j["part"]["run"] = "audit-old".into());
    room.sh("report merge r").status(3).says("Its part is left over from an earlier run").says("(audit-old)");
}

#[test]
fn parts_that_cannot_be_used_are_refused_by_name() {
    let fleet = Fleet::new(&[Clean, Failing, Clean, Unreachable, Clean]);
    let refused = |change: &dyn Fn(&Room), says: &[&str]| {
        let room = Room::new();
        fleet.write(&room, "r", &[0, 1, 2], 3);
        change(&room);
        for format in ["table", "json"] {
            let out = room.sh(&format!("report merge r --format {format} -o out.json")).status(2);
            assert_eq!(out.stdout, "", "nothing that could be taken for a report");
            assert!(!room.path("out.json").exists());
            for s in says {
                assert!(out.stderr.contains(s), "no {s:?} in {}", out.stderr);
            }
        }
    };
    const FILE: &str = "r/fleet-1-of-3.json";
    let cut = |room: &Room| {
        let text = room.text(FILE);
        room.write(FILE, &text[..text.len() / 3]);
    };
    refused(&cut, &["error: r/fleet-1-of-3.json: is damaged or cut off (EOF while parsing", "run its shard again"]);
    refused(&|r| _ = r.write(FILE, ""), &["r/fleet-1-of-3.json: is damaged or cut off"]);
    refused(&|r| _ = r.write(FILE, [0xff, 0xfe, 0x00]), &["r/fleet-1-of-3.json: is damaged"]);
    refused(
        &|r| _ = r.write(FILE, serde_json::to_string(&fleet.clean).unwrap()),
        &["r/fleet-1-of-3.json: is the report of one cluster, not of a fleet"],
    );
    refused(
        &|r| edit(r, FILE, |j| j["schemaVersion"] = 3.into()),
        &[
            "r/fleet-1-of-3.json: has version 3 of the fleet report, written by gke-posture 0.1.0",
            "use a newer gke-posture",
        ],
    );
    refused(
        &|r| edit(r, FILE, |j| j["schemaVersion"] = 1.into()),
        &["r/fleet-1-of-3.json: has version 1 of the fleet report", "run its shard again with this one"],
    );
    refused(
        &|r| edit(r, FILE, |j| j["tool"]["version"] = "0.0.9".into()),
        &[
            "r/fleet-1-of-3.json: is written by gke-posture 0.0.9, but r/fleet-0-of-3.json is written by gke-posture 0.1.0",
        ],
    );
    refused(
        &|r| edit(r, FILE, |j| j["rules"]["checks"] = "sha256:2".into()),
        &["is evaluated with the checks sha256:2"],
    );
    refused(&|r| edit(r, FILE, |j| j["scope"]["requested"]["folders"][0] = "1".into()), &["is about folder 1, but"]);
    refused(&|r| edit(r, FILE, |j| j["exit"]["allowUnknown"] = true.into()), &["--fail-on high --allow-unknown"]);
    refused(&|r| fleet.write(r, "r", &[7], 8), &["r/fleet-7-of-8.json: is one of 8 shards", "is one of 3 shards"]);
    refused(
        &|r| _ = r.write("r/fleet-2-of-3.json", r.read(FILE)),
        &["r/fleet-2-of-3.json: holds shard 1/3, not shard 2/3 as its name says"],
    );
    refused(&|r| _ = r.write("r/fleet-3-of-3.json", "{}"), &["r/fleet-3-of-3.json: it is named after no shard"]);
    // All problems at once.
    refused(
        &|r| {
            r.write(FILE, "{");
            r.write("r/fleet-0-of-3.json", "");
        },
        &["error: r/fleet-1-of-3.json: is damaged", "error: r/fleet-0-of-3.json: is damaged"],
    );
}

/// A part in which somebody made a cluster better than it is.
#[test]
fn a_part_that_contradicts_itself_is_refused() {
    let fleet = Fleet::new(&[Unreachable, Failing]);
    for (at, is) in [(0, "no-result"), (1, "findings")] {
        let room = Room::new();
        fleet.write(&room, "r", &[0], 1);
        let file = "r/fleet.json";
        assert_eq!(serde_json::from_str::<Value>(&room.text(file)).unwrap()["clusters"][at]["outcome"], is);
        edit(&room, file, |j| {
            j["clusters"][at]["outcome"] = "pass".into();
            j["clusters"][at]["exitStatus"] = 0.into();
        });
        room.sh("report merge r").status(2).warns("r/fleet.json: contradicts itself");
    }
}

#[test]
fn a_folder_without_parts_is_an_input_error() {
    let room = Room::new();
    room.write("r/shop-0_europe-west1_main-0.json", "{}").write("r/fleet-0-of-2.md", "x").write("file", "");
    room.sh("report merge r").status(2).warns("r holds no part of a fleet report (fleet-INDEX-of-TOTAL.json");
    room.sh("report merge none").status(2).warns("cannot read the folder none");
    room.sh("report merge file").status(2).warns("cannot read the folder file");
    room.sh("report merge").status(2);
    room.sh("report").status(2);
    room.sh("report merge r -o x.html").status(2).warns(".md, .json or .txt");
}

#[test]
fn parts_may_lie_in_one_folder_each() {
    let room = Room::new();
    let fleet = Fleet::new(&[Clean, Failing, Clean, Clean, Failing]);
    for index in 0..3 {
        fleet.write(&room, &format!("artifacts/shard-{index}"), &[index], 3);
    }
    let json = room.sh("report merge artifacts --format json").status(1).json();
    for c in json["clusters"].as_array().unwrap() {
        let file = c["report"].as_str().unwrap();
        assert!(room.path("artifacts").join(file).is_file(), "{file}");
    }
    room.sh("report merge artifacts").says("Next: artifacts/shard-");
    // Two of one shard.
    fleet.write(&room, "artifacts/copy", &[1], 3);
    room.sh("report merge artifacts").status(2).warns("holds shard 1/3, and so does");
    // What lies in the folder itself is this run; folders in it are others.
    fleet.write(&room, "artifacts", &[0, 1, 2], 3);
    room.sh("report merge artifacts").status(1);
}

#[test]
fn a_whole_fleet_is_its_own_merge_and_never_one_of_the_parts() {
    let room = Room::new();
    let fleet = Fleet::new(&[Clean, Failing, Clean]);
    room.write("r/fleet.json", render(&fleet.report(None)));
    let out = room.sh("report merge r --format json").status(1);
    assert_eq!(out.stdout, room.text("r/fleet.json"));
    fleet.write(&room, "r", &[0, 1], 2);
    let first = room.sh("report merge r --format json").warns("r/fleet.json is the report of a whole fleet");
    // Written beside its parts, it changes nothing the next time.
    let second = room.sh("report merge r --format json -o r/fleet.json");
    assert!(!second.stderr.contains("is not merged"), "{}", second.stderr);
    assert_eq!((first.stdout.as_str(), room.text("r/fleet.json").as_str()), (second.stdout.as_str(), &*second.stdout));
    room.write("s/a/fleet.json", render(&fleet.report(None))).write("s/b/fleet.json", render(&fleet.report(None)));
    room.sh("report merge s").status(2).warns("s holds 2 reports of whole fleets");
}

#[test]
fn the_same_parts_give_the_same_bytes_in_every_format() {
    let fleet = Fleet::new(&[Clean, Failing, Clean, Unreachable, Clean, Failing]);
    let make = |order: &[u32]| {
        let room = Room::new();
        fleet.write(&room, "r", order, 3);
        room.sh("report merge r -o o.json -o o.md -o o.txt").status(1);
        ["o.json", "o.md", "o.txt"].map(|f| room.text(f))
    };
    assert_eq!(make(&[0, 1, 2]), make(&[2, 0, 1]));
}

#[test]
fn the_json_is_valid_by_the_published_schema() {
    let room = Room::new();
    let schema = room.sh("schema fleet").status(0).json();
    let checked_in = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/fleet.schema.json"));
    assert_eq!(schema, serde_json::from_str::<Value>(&checked_in.unwrap()).unwrap());
    let validator = jsonschema::validator_for(&schema).unwrap();
    for clusters in [&[Clean, Failing, Unreachable, Clean][..], &[]] {
        let json = merge(&Fleet::new(clusters), &[0, 2], 3, "--format json").json();
        let errors: Vec<String> = validator.iter_errors(&json).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let room = Room::new();
    Fleet::new(&[Clean, Failing, Clean, Unreachable, Clean, Failing]).write(&room, "r", &[0, 2], 3);
    for width in [60, 80, 140] {
        let mut command = room.command(&["report", "merge", "r"]);
        command.env("COLUMNS", width.to_string());
        for line in crate::support::output(command, None).stdout.lines() {
            assert!(line.chars().count() <= width, "{line}");
        }
    }
}
