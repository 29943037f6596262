//! The same evidence and the same now give the same bytes, from whatever the evidence is read.

use std::io::{Read, Write};

use crate::support::{CALICO, Room, deployment, formats, policy};

/// A little of everything, in several files.
fn cluster() -> Room {
    let room = Room::new();
    room.write("in/cluster.json", CALICO);
    room.write("in/a/web.yaml", deployment("shop", "web") + &deployment("shop", "worker"));
    room.write("in/b/policies.yaml", policy("shop", "web", "{ podSelector: { matchLabels: { app: web } } }"));
    room.write(
        "in/b/pods.yaml",
        (1..4)
            .map(|i| {
                format!(
                    "apiVersion: v1
kind: Pod
metadata:
  name: db-{i}
  namespace: data
  labels: {{ app: db, statefulset.kubernetes.io/pod-name: db-{i} }}
  ownerReferences: [{{ apiVersion: apps/v1, kind: StatefulSet, name: db, controller: true }}]
spec: {{ nodeName: n{i}, containers: [{{ name: postgres, image: postgres, ports: [{{ containerPort: 5432 }}] }}] }}
status: {{ phase: Running, podIP: 10.0.0.{i} }}
---
"
                )
            })
            .collect::<String>(),
    );
    room.write("in/c.yaml", "apiVersion: v1\nkind: Service\nmetadata: { name: web, namespace: shop }\nspec: { selector: { app: web }, ports: [{ port: 80, targetPort: http }] }\n");
    room
}

#[test]
fn two_runs_give_the_same_bytes() {
    let room = cluster();
    for format in formats() {
        let run = || room.sh(&format!("audit in --format {format}")).stdout;
        assert_eq!(run(), run(), "{format}");
    }
    let demo = || room.sh("audit --demo --format json").stdout;
    assert_eq!(demo(), demo());
    assert_eq!(room.sh("reach in --format json").stdout, room.sh("reach in --format json").stdout);
}

#[test]
fn the_order_and_the_bundling_of_inputs_do_not_change_a_result() {
    let room = cluster();
    let results = |inputs: &str| {
        let mut report = room.sh(&format!("audit {inputs} --format json")).json();
        // How the inputs were named is part of the evidence, and so of its digest.
        report["evidence"].as_object_mut().unwrap().retain(|k, _| k != "source" && k != "evidenceDigest");
        report
    };
    let folder = results("in");
    let mut files = ["in/cluster.json", "in/a/web.yaml", "in/b/policies.yaml", "in/b/pods.yaml", "in/c.yaml"];
    assert_eq!(results(&files.join(" ")), folder);
    files.reverse();
    assert_eq!(results(&files.join(" ")), folder);
    assert_eq!(
        room.sh("reach in --format json").stdout,
        room.sh(&format!("reach {} --format json", files.join(" "))).stdout
    );
}

#[test]
fn the_order_of_documents_does_not_change_a_result() {
    let room = cluster();
    let answers = || (room.sh("audit in --format json").json(), room.sh("reach in --format json").stdout);
    let strip = |mut report: serde_json::Value| {
        fn go(v: &mut serde_json::Value) {
            match v {
                serde_json::Value::Object(map) => {
                    // Documents that changed places have other line numbers.
                    map.retain(|k, _| !matches!(k.as_str(), "line" | "evidenceDigest" | "collectedAt"));
                    map.values_mut().for_each(go);
                }
                serde_json::Value::Array(items) => items.iter_mut().for_each(go),
                _ => {}
            }
        }
        go(&mut report);
        report
    };
    let (report, reach) = answers();
    let text = room.text("in/b/pods.yaml");
    let mut documents: Vec<&str> = text.split_inclusive("---\n").collect();
    documents.reverse();
    room.write("in/b/pods.yaml", documents.concat());
    let (reversed, reach_reversed) = answers();
    assert_eq!(strip(reversed), strip(report));
    assert_eq!(reach_reversed, reach);
}

#[test]
fn a_snapshot_is_audited_as_its_inputs_byte_for_byte() {
    let room = cluster();
    let out = room.sh("snapshot in -o made/in.snapshot").status(0).warns("Next: gke-posture audit made/in.snapshot");
    assert_eq!(out.stdout, "");
    room.sh("snapshot in -o again.snapshot").status(0);
    assert_eq!(room.read("made/in.snapshot"), room.read("again.snapshot"));
    for format in formats() {
        let a = room.sh(&format!("audit in --format {format}"));
        let b = room.sh(&format!("audit made/in.snapshot --format {format}"));
        assert_eq!((a.status, a.stdout), (b.status, b.stdout), "{format}");
    }
    assert_eq!(room.sh("reach in").stdout, room.sh("reach made/in.snapshot").stdout);
    // A snapshot of a snapshot is the same snapshot, and standard input will do.
    room.sh("snapshot made/in.snapshot -o twice.snapshot").status(0);
    assert_eq!(room.read("made/in.snapshot"), room.read("twice.snapshot"));
    let piped = room.pipe(&["audit", "-", "--format", "json"], &room.read("made/in.snapshot"));
    assert_eq!(piped.stdout, room.sh("audit in --format json").stdout);
}

#[test]
fn the_example_survives_a_snapshot() {
    let room = Room::new();
    room.sh("snapshot --demo -o demo.snapshot").status(0);
    let demo = room.sh("audit --demo --no-config --fail-on high --format json");
    let saved = room.sh("audit demo.snapshot --no-config --fail-on high --format json");
    assert_eq!((demo.status, demo.stdout), (saved.status, saved.stdout));
}

#[test]
fn without_a_stated_time_the_snapshots_own_time_is_now() {
    let room = cluster();
    room.sh("snapshot in -o in.snapshot").status(0);
    let mut command = room.command(&["audit", "in.snapshot", "--format", "json"]);
    command.env_remove("SOURCE_DATE_EPOCH");
    let report = crate::support::output(command, None).json();
    assert_eq!(report["generatedAt"], "2025-11-24T16:00:00Z");
    assert_eq!(report["evidence"]["collectedAt"], "2025-11-24T16:00:00Z");
    let mut command = room.command(&["audit", "in.snapshot"]);
    command.env("SOURCE_DATE_EPOCH", "noon");
    crate::support::output(command, None).status(2).warns("SOURCE_DATE_EPOCH is not a number of seconds");
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(text.as_bytes()).unwrap();
    gz.finish().unwrap()
}

fn gunzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_file_that_is_no_snapshot_of_this_tool_is_an_error() {
    let room = cluster();
    room.sh("snapshot in -o ok.snapshot").status(0);
    let good = room.read("ok.snapshot");
    let text = gunzip(&good);
    assert!(text.starts_with(r#"{"gkePostureSnapshot":1,"#), "{text}");
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("truncated", good[..good.len() / 2].to_vec(), "damaged or cut off"),
        ("without its end", good[..good.len() - 4].to_vec(), "damaged or cut off"),
        ("flipped", flipped, "damaged"),
        ("only magic", vec![0x1f, 0x8b], "damaged or cut off"),
        (
            "future",
            gzip(&text.replace(r#""gkePostureSnapshot":1,"#, r#""gkePostureSnapshot":2,"#)),
            "use a newer gke-posture",
        ),
        ("foreign text", gzip("hello"), "not a snapshot of this tool"),
        ("foreign JSON", gzip(r#"{"a": 1}"#), "not a snapshot of this tool"),
        ("manifest", gzip(&deployment("a", "b")), "not a snapshot of this tool"),
        ("wrong type", gzip(&text.replace(r#""controllers":["#, r#""controllers":[7,"#)), "damaged"),
        ("nothing", gzip(""), "not a snapshot of this tool"),
    ];
    for (name, bytes, message) in cases {
        room.write("bad.snapshot", bytes);
        let out = room.sh("audit bad.snapshot").status(2).warns("error: bad.snapshot: ").warns(message);
        assert_eq!(out.stdout, "", "{name}");
        assert_eq!(out.stderr.lines().count(), 1, "{name}: {}", out.stderr);
    }
}

#[test]
fn a_snapshot_stands_alone() {
    let room = cluster();
    room.sh("snapshot in -o in.snapshot").status(0);
    for line in ["in.snapshot in/c.yaml", "in/c.yaml in.snapshot", "in.snapshot in.snapshot"] {
        room.sh(&format!("audit {line}")).status(2).warns("snapshot");
    }
}
