//! Real manifests and cluster configurations from a folder beside the repository, if it is there. Nothing of it is
//! copied; what matters is that nothing crashes and that every refusal names its place.

use std::path::{Path, PathBuf};

use crate::support::{Room, formats};

fn corpus() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no {}", path.display());
    None
}

fn children(dir: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(dir).into_iter().flatten().map(|e| e.unwrap().path()).collect();
    all.sort();
    all
}

#[track_caller]
fn smoke(input: &Path, formats: &[&str]) {
    let room = Room::new();
    let name = input.to_str().unwrap();
    for format in formats {
        let out = room.run(&["audit", name, "--format", format]);
        assert!([0, 1, 2, 3, 4].contains(&out.status), "{name}: {out:?}");
        if out.status == 2 {
            let place =
                out.stderr.lines().all(|l| l.starts_with("error: ") && l.contains(".yaml:") || l.contains(".json:"));
            assert!(place, "{name}: {}", out.stderr);
            return;
        }
        assert!(!out.stdout.is_empty());
        if *format == "json" {
            let report = out.json();
            for r in report["results"].as_array().unwrap() {
                let text = r["message"].as_str().unwrap();
                assert!(!text.is_empty() && !text.contains("{{") && !text.contains("undefined"), "{name}: {r}");
                assert_eq!(
                    r["verdict"] == "unknown",
                    r["reasons"].as_array().is_some_and(|l| !l.is_empty()),
                    "{name}: {r}"
                );
            }
        }
    }
    let reach = room.run(&["reach", name]);
    assert!([0, 4].contains(&reach.status), "{name}: {reach:?}");
}

#[test]
fn manifests() {
    let Some(corpus) = corpus() else { return };
    for project in children(&corpus.join("manifests")).iter().filter(|p| p.is_dir()) {
        smoke(project, &formats().collect::<Vec<_>>());
        for file in children(project) {
            smoke(&file, &["json"]);
        }
    }
}

#[test]
fn clusters() {
    let Some(corpus) = corpus() else { return };
    for file in children(&corpus.join("gke-clusters")).iter().filter(|p| p.extension().is_some_and(|e| e == "json")) {
        smoke(file, &["json"]);
    }
}

#[test]
fn policy_topologies() {
    let Some(corpus) = corpus() else { return };
    for dir in children(&corpus.join("netpol-analyzer/tests")) {
        smoke(&dir, &["json"]);
    }
}
