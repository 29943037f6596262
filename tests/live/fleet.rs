//! Fleets, against servers that behave like Google's APIs and like the clusters' own.

use std::io::Read as _;
use std::process::{Command, Stdio};

use crate::servers::data::{self, Endpoint};
use crate::servers::google::Refusal;
use crate::servers::{Effect, FakeGoogle, FakeKube, Fault, Options};
use crate::support::{Out, Room, output};
use serde_json::Value;

struct Fleet {
    google: FakeGoogle,
    /// Their clusters are `projects/P/locations/europe-west1/clusters/NAME`.
    kubes: Vec<FakeKube>,
    token: String,
}

impl Fleet {
    /// Clusters by project and name, all below folder 11 and organization 22.
    fn of(clusters: &[(&str, &str)]) -> Fleet {
        let google = FakeGoogle::start();
        let mut kubes = Vec::new();
        for (project, name) in clusters {
            google.project(project, &["folders/11", "organizations/22"]);
            let options = Options { tokens: google.tokens().clone(), ..Options::default() };
            let kube = FakeKube::with(options, &data::as_applied(data::example()));
            let mut cluster = data::example_cluster();
            cluster["name"] = Value::from(*name);
            cluster["location"] = Value::from("europe-west1");
            cluster["zone"] = Value::from("europe-west1");
            google.cluster(&full(project, name), data::served_by(cluster, &kube, Endpoint::Public));
            kubes.push(kube);
        }
        let token = google.tokens().issue("auditor@example.com");
        kubes.iter().for_each(|k| k.allow_everything("auditor@example.com"));
        Fleet { google, kubes, token }
    }

    fn command(&self, room: &Room, line: &str) -> Command {
        let mut command = room.command(&line.split_whitespace().collect::<Vec<_>>());
        for service in ["CONTAINER", "CLOUDASSET", "CLOUDRESOURCEMANAGER"] {
            command.env(format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}"), self.google.url());
        }
        command.env("CLOUDSDK_AUTH_ACCESS_TOKEN", &self.token).env("HOME", room.path("."));
        command
    }

    #[track_caller]
    fn run(&self, room: &Room, line: &str) -> Out {
        output(self.command(room, line), None)
    }
}

fn full(project: &str, name: &str) -> String {
    format!("projects/{project}/locations/europe-west1/clusters/{name}")
}

fn entry<'a>(report: &'a Value, target: &str) -> &'a Value {
    let all = report["clusters"].as_array().unwrap();
    all.iter().find(|c| c["target"] == target).unwrap_or_else(|| panic!("no {target} in {report:#}"))
}

#[test]
fn one_cluster_that_cannot_be_read_hides_no_other() {
    let fleet = Fleet::of(&[("p-a", "one"), ("p-a", "two"), ("p-b", "three")]);
    fleet.kubes[1].faults().add(Fault::on("/*", Effect::status(401)));
    let room = Room::new();
    let out = fleet.run(&room, "audit --project p-a p-b --output-dir out --format json --parallel 3 --timeout 20s");
    let report = out.json();
    assert_eq!((out.status, report["outcome"].as_str()), (1, Some("findings-incomplete")), "{}", out.stderr);
    assert_eq!(report["totals"]["clusters"], 3);
    let two = entry(&report, &full("p-a", "two"));
    assert!(two["gaps"].to_string().contains("401"), "{two}");
    assert_eq!(two["outcome"], "findings-incomplete", "its configuration was read, and has findings");
    // Each cluster has a report of its own, which is the one that an audit of it alone gives.
    for (project, name) in [("p-a", "one"), ("p-b", "three")] {
        let target = full(project, name);
        assert!(entry(&report, &target)["outcome"].as_str().unwrap().starts_with("findings"));
        let own: Value = serde_json::from_str(&room.text(&format!("out/{project}_europe-west1_{name}.json"))).unwrap();
        let alone = fleet.run(&room, &format!("audit {target} --format json")).status(1).json();
        assert_eq!(own["results"], alone["results"]);
        assert!(room.text(&format!("out/{project}_europe-west1_{name}.md")).contains(name));
    }
    assert_eq!(serde_json::from_str::<Value>(&room.text("out/fleet.json")).unwrap(), report);
    fleet.google.record().assert_only_reads();
    fleet.kubes.iter().for_each(|k| k.record().assert_only_reads());
}

#[test]
fn folders_organizations_and_files_name_clusters() {
    let fleet = Fleet::of(&[("p-a", "one"), ("p-b", "two")]);
    let room = Room::new();
    let names = |report: &Value| -> Vec<String> {
        report["clusters"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap().to_owned()).collect()
    };
    for scope in ["--folder 11", "--organization organizations/22", "--project p-a,p-b"] {
        let report = fleet.run(&room, &format!("audit {scope} --format json")).status(1).json();
        assert_eq!(names(&report), ["one", "two"], "{scope}");
    }
    room.write("targets.txt", format!("# production\n{}  # the one\n\n", full("p-b", "two")));
    let report = fleet.run(&room, "audit --targets targets.txt --format json").status(1).json();
    assert_eq!(names(&report), ["two"]);
    room.write("targets.txt", "two\n");
    fleet.run(&room, "audit --targets targets.txt").status(2).warns("targets.txt:1: \"two\" is no cluster");
}

#[test]
fn what_could_not_be_searched_is_no_pass() {
    let fleet = Fleet::of(&[("p-a", "one")]);
    fleet.google.project("p-off", &[]);
    fleet.google.refuse("container.googleapis.com", "projects/p-off", Refusal::ServiceDisabled);
    fleet.google.missing_zone("p-a", "europe-west1-c");
    let room = Room::new();
    let out = fleet.run(&room, "audit --project p-a p-off --format json --fail-on none --allow-unknown");
    let report = out.json();
    assert_eq!((out.status, report["outcome"].as_str()), (3, Some("incomplete")), "{}", out.stderr);
    let gaps = report["gaps"].to_string();
    assert!(gaps.contains("europe-west1-c") && gaps.contains("gcloud services enable"), "{gaps}");
    // Nothing to audit is not nothing wrong.
    fleet.google.project("p-empty", &[]);
    let out = fleet.run(&room, "audit --project p-empty --format json");
    assert_eq!((out.status, out.json()["outcome"].as_str()), (3, Some("incomplete")));
    let out = fleet.run(&room, "audit --project p-off --format json");
    assert_eq!((out.status, out.json()["outcome"].as_str()), (4, Some("no-result")));
}

#[test]
fn a_cluster_that_the_inventory_still_lists_is_left_out() {
    let fleet = Fleet::of(&[("p-a", "one"), ("p-a", "gone")]);
    fleet.google.faults().add(Fault::on(&format!("/v1/{}*", full("p-a", "gone")), Effect::status(404)));
    let room = Room::new();
    let out = fleet.run(&room, "audit --folder 11 --format json").status(1).warns("no longer exists");
    assert_eq!(out.json()["scope"]["discovered"].as_array().unwrap().len(), 1);
    // Named by a person, it is one that could not be read.
    room.write("targets.txt", full("p-a", "gone"));
    fleet.run(&room, "audit --targets targets.txt").status(4);
    let report = fleet.run(&room, "audit --folder 11 --targets targets.txt --format json").status(1).json();
    assert_eq!(entry(&report, &full("p-a", "gone"))["error"]["fault"], "not-found");
}

#[test]
fn shards_share_the_clusters_and_merge_to_the_whole() {
    let clusters: Vec<(&str, &str)> = vec![("p-a", "one"), ("p-a", "two"), ("p-b", "three"), ("p-b", "four")];
    let fleet = Fleet::of(&clusters);
    let room = Room::new();
    fleet.run(&room, "audit --folder 11 --output-dir whole --format json").status(1);
    for index in 0..2 {
        let mut command = fleet.command(&room, "audit --folder 11 --output-dir parts --log-format json");
        command.env("JOB_COMPLETION_INDEX", index.to_string()).env("JOB_COMPLETIONS", "2").env("JOB_NAME", "j");
        let out = output(command, None);
        assert!([0, 1].contains(&out.status), "{}", out.stderr);
        // Whoever watches the log reads JSON, with the answer in the last line.
        let last: Value = serde_json::from_str(out.stderr.lines().last().unwrap()).unwrap();
        assert!(last["message"].as_str().unwrap().starts_with("fleet audit finished"), "{last}");
        assert!(out.stderr.lines().all(|l| serde_json::from_str::<Value>(l).is_ok()), "{}", out.stderr);
    }
    let merged = room.run(&["report", "merge", "parts", "--format", "json"]).status(1).json();
    let whole: Value = serde_json::from_str(&room.text("whole/fleet.json")).unwrap();
    assert_eq!(merged["clusters"], whole["clusters"]);
    assert_eq!(merged["totals"], whole["totals"]);
    // An index without a total is a mistake of the manifest, not the whole fleet.
    let mut command = fleet.command(&room, "audit --folder 11");
    command.env("JOB_COMPLETION_INDEX", "1");
    output(command, None).status(2).warns("JOB_COMPLETIONS");
    std::fs::remove_file(room.path("parts/fleet-1-of-2.json")).unwrap();
    let out = room.run(&["report", "merge", "parts", "--format", "json"]);
    assert_eq!(out.json()["missingShards"], serde_json::json!([1]));
}

#[test]
fn several_clusters_and_files_do_not_mix() {
    let fleet = Fleet::of(&[]);
    let room = Room::with("");
    for line in [
        "audit in.yaml --folder 11",
        "audit --demo --folder 11",
        "audit --folder 11 --context c",
        "audit --folder x",
        "audit --demo --output-dir d",
    ] {
        fleet.run(&room, line).status(2);
    }
}

#[test]
fn an_interrupted_fleet_reports_what_was_audited() {
    for (signal, status) in [("-INT", 130), ("-TERM", 143)] {
        let fleet = Fleet::of(&[("p-a", "done"), ("p-a", "hangs"), ("p-a", "waits")]);
        fleet.kubes[1].faults().add(Fault::on("/api/v1/pods", Effect::Hang));
        let room = Room::new();
        // One after the other.
        let line = "audit --project p-a --output-dir out --format json --parallel 1 --timeout 60s";
        let mut command = fleet.command(&room, line);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        while fleet.kubes[1].record().count("/api/v1/pods") == 0 {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let (mut printed, mut said) = (String::new(), String::new());
        child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(status), "{said}");
        assert!(said.contains("interrupted: 1 of 3 clusters audited"), "{said}");
        let report: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(report["outcome"], "findings-incomplete");
        assert!(entry(&report, &full("p-a", "done"))["error"].is_null());
        for name in ["hangs", "waits"] {
            let left = entry(&report, &full("p-a", name));
            assert_eq!(left["error"]["fault"], "not-attempted");
            assert!(left["error"]["why"].to_string().contains("interrupted"), "{left}");
        }
        let written = std::fs::read_to_string(room.path("out/fleet.json")).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), report);
    }
}

#[test]
fn an_interrupt_before_clusters_are_known_leaves_nothing() {
    let fleet = Fleet::of(&[("p-a", "one")]);
    fleet.google.faults().add(Fault::on("*", Effect::Hang));
    let room = Room::new();
    let line = "audit --project p-a --output fleet.json --timeout 60s";
    let mut child = fleet.command(&room, line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while fleet.google.record().entries().is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143), "{said}");
    assert!(said.contains("interrupted: looking for clusters; nothing was written"), "{said}");
    assert!(!room.path("fleet.json").exists());
}
