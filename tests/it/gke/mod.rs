//! Audits a cluster configuration as a file would be: text, evidence, facts, verdicts, in one process.
#![allow(dead_code)]

pub(crate) mod change;

use std::sync::LazyLock;

use gke_posture::audit::{Evidence, Settings, audit as run};
use gke_posture::check::{CheckResult, Registry, Verdict, builtin_files};
use gke_posture::collect::{Options, read_embedded};
use gke_posture::config::Config;
use gke_posture::facts;
use gke_posture::report::Report;
use serde_json::Value;

/// The time of every run.
pub(crate) const NOW: &str = "2026-11-24T00:00:00Z";

pub(crate) static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    Registry::load(&builtin_files(), facts::vocabulary)
        .unwrap_or_else(|problems| panic!("{}", problems.iter().map(|p| format!("{p}\n")).collect::<String>()))
});

/// The report on a cluster, with Kubernetes objects beside it, evaluated as a gke-posture.yaml says.
pub(crate) fn audit_with(cluster: &Value, objects: &[Value], config: &str) -> Report {
    let mut files = vec![("cluster.json".to_owned(), cluster.to_string())];
    files.extend(objects.iter().enumerate().map(|(i, o)| (format!("object-{i}.json"), o.to_string())));
    audit_files(&files, config)
}

pub(crate) fn audit(cluster: &Value) -> Report {
    audit_with(cluster, &[], "")
}

pub(crate) fn audit_files(files: &[(String, String)], config: &str) -> Report {
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    let options = Options::new("default", false);
    let snapshot = read_embedded(&files, "a test", options).expect("the input is sound");
    let config =
        Config::parse("gke-posture.yaml", config, &REGISTRY.known_names()).expect("the configuration is sound");
    run(Evidence::new(snapshot, None), &Settings::new(&REGISTRY, &config, NOW.parse().unwrap()))
}

/// The worst result of a check, or that of one pool.
pub(crate) fn result<'r>(report: &'r Report, check: &str, pool: Option<&str>) -> &'r CheckResult {
    assert!(REGISTRY.get(check).is_some(), "there is no check {check}");
    let badness = |r: &&CheckResult| match r.verdict {
        Verdict::Fail => (3, Some(r.severity)),
        Verdict::Unknown => (2, None),
        Verdict::Pass | Verdict::Waived => (1, None),
        Verdict::NotApplicable => (0, None),
    };
    let id = pool.map(|p| format!("nodePool/{p}"));
    let of_check = report.results.iter().filter(|r| r.check == check);
    of_check
        .filter(|r| id.as_ref().is_none_or(|id| r.subject.id == *id))
        .max_by_key(badness)
        .unwrap_or_else(|| panic!("no result of {check} {pool:?}"))
}

/// A verdict in a word: `warn` is a failure of a lower severity than its check's.
pub(crate) fn word(r: &CheckResult) -> &'static str {
    let own = REGISTRY.get(&r.check).unwrap().severity;
    match r.verdict {
        Verdict::Fail if r.severity < own => "warn",
        other => other.name(),
    }
}

/// The configuration as the official client's model serialises it: enums as numbers.
pub(crate) fn through_model(cluster: &Value) -> Value {
    let model: google_cloud_container_v1::model::Cluster =
        serde_json::from_value(cluster.clone()).expect("the official model reads it");
    serde_json::to_value(model).expect("and writes it")
}

/// The results about the cluster and its pools, as (check, subject, verdict, severity).
pub(crate) fn verdicts(report: &Report) -> Vec<(String, String, &'static str, &'static str)> {
    report
        .results
        .iter()
        .map(|r| (r.check.clone(), r.subject.id.clone(), r.verdict.name(), r.severity.name()))
        .collect()
}

/// Recorded responses of the GKE API, by name; none where the corpus is not beside this repository.
pub(crate) fn recordings() -> Vec<(String, Value)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/gke-clusters");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: there is no {}", folder.display());
        return Vec::new();
    };
    let files = entries.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "json"));
    let mut found: Vec<(String, Value)> = files
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap())
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}
