//! What the checks say of cluster configurations: `cases/gke-config-cases.yaml`, from a file to verdicts.
use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use gke_posture::check::Verdict;
use gke_posture::report::{Outcome, Report};

const CASES: &str = include_str!("../cases/gke-config-cases.yaml");

/// Fields of a NodePool; what else a case says of a pool belongs to its NodeConfig.
const OF_POOL: [&str; 9] = [
    "autoscaling",
    "conditions",
    "locations",
    "maintenancePolicy",
    "management",
    "name",
    "networkConfig",
    "status",
    "version",
];

struct Case {
    name: String,
    cluster: Value,
    objects: Vec<Value>,
    config: String,
    spec: Value,
}

fn cases() -> Vec<Case> {
    let all: Value = serde_saphyr::from_str(CASES).expect("the cases are valid YAML");
    all["cases"].as_array().unwrap().iter().map(|spec| case(&all["base"], spec)).collect()
}

fn case(base: &Value, spec: &Value) -> Case {
    const KEYS: [&str; 12] = [
        "name",
        "set",
        "remove",
        "pool",
        "poolRemove",
        "pools",
        "version",
        "objects",
        "config",
        "only",
        "skipped",
        "expect",
    ];
    let name = spec["name"].as_str().expect("a name").to_owned();
    for key in spec.as_object().unwrap().keys() {
        assert!(KEYS.contains(&key.as_str()), "{name}: {key} is no part of a case");
    }
    let mut cluster = base.clone();
    if let Some(only) = spec.get("only") {
        cluster = only.clone();
    }
    let own = base["nodePools"][0].clone();
    if let Some(pools) = spec["pools"].as_array() {
        cluster["nodePools"] = pools.iter().map(|p| pool(&own, p)).collect();
    }
    if let Some(changes) = spec.get("pool") {
        cluster["nodePools"][0] = pool(&own, changes);
    }
    for key in strings(&spec["poolRemove"]) {
        assert!(cluster["nodePools"][0]["config"].as_object_mut().unwrap().remove(&key).is_some(), "{name}: {key}");
    }
    for key in strings(&spec["remove"]) {
        cluster.as_object_mut().unwrap().remove(&key);
    }
    for (key, value) in spec["set"].as_object().cloned().unwrap_or_default() {
        cluster[key] = value;
    }
    if let Some(version) = spec["version"].as_str() {
        cluster["currentMasterVersion"] = version.into();
        cluster["nodePools"].as_array_mut().unwrap().iter_mut().for_each(|p| p["version"] = version.into());
    }
    Case {
        name,
        cluster,
        objects: spec["objects"].as_array().cloned().unwrap_or_default(),
        config: spec["config"].as_str().unwrap_or_default().to_owned(),
        spec: spec.clone(),
    }
}

fn pool(own: &Value, changes: &Value) -> Value {
    let mut pool = own.clone();
    for (key, value) in changes.as_object().unwrap() {
        let at = if OF_POOL.contains(&key.as_str()) { &mut pool } else { &mut pool["config"] };
        at[key] = value.clone();
    }
    pool
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|s| s.as_str().unwrap().to_owned()).collect()
}

/// What is wrong with a report, by the case.
fn mistakes(case: &Case, report: &Report) -> Vec<String> {
    let empty = Map::new();
    let mut wrong = Vec::new();
    for (verdict, entries) in case.spec["expect"].as_object().unwrap_or(&empty) {
        for entry in entries.as_array().unwrap() {
            let check = entry.as_str().or(entry["check"].as_str()).unwrap();
            let r = crate::gke::result(report, check, entry["pool"].as_str());
            let holds = match verdict.as_str() {
                "warn" => crate::gke::word(r) == "warn",
                // A check whose own severity was lowered warns and does not fail.
                "fail" => {
                    crate::gke::word(r) == "fail"
                        || check == "kubelet-readonly-port-defaults" && r.verdict == Verdict::Fail
                }
                other => r.verdict.name() == other,
            };
            if !holds {
                wrong.push(format!(
                    "{}: {check}: expected {verdict}, got {}: {}",
                    case.name,
                    crate::gke::word(r),
                    r.message
                ));
            }
            if let Some(severity) = entry["severity"].as_str()
                && severity != r.severity.name()
            {
                wrong.push(format!("{}: {check}: expected {severity}, got {}", case.name, r.severity.name()));
            }
        }
    }
    wrong
}

#[test]
fn every_case_gives_the_verdicts_that_it_names() {
    let mut wrong = Vec::new();
    for case in cases().iter().filter(|c| c.spec.get("skipped").is_none()) {
        let report = crate::gke::audit_with(&case.cluster, &case.objects, &case.config);
        wrong.extend(mistakes(case, &report));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_cluster_that_is_being_made_or_deleted_is_skipped_and_passes_nothing() {
    for case in cases() {
        let Some(status) = case.spec["skipped"].as_str() else { continue };
        let report = crate::gke::audit_with(&case.cluster, &case.objects, &case.config);
        let decided = report.results.iter().filter(|r| r.verdict != Verdict::Unknown);
        let decided: Vec<_> = decided.map(|r| (&r.check, r.verdict.name())).collect();
        assert!(decided.is_empty(), "{}: {decided:?}", case.name);
        assert!(report.gaps.iter().any(|g| g.error.why.contains(status)), "{}: {:?}", case.name, report.gaps);
        assert_eq!(report.outcome, Outcome::NoResult, "{}", case.name);
    }
}

/// The official client writes enums as numbers; nothing may hang on how they are written.
#[test]
fn the_official_models_json_gives_the_same_verdicts() {
    for case in cases() {
        let plain = crate::gke::audit_with(&case.cluster, &case.objects, &case.config);
        let model = crate::gke::audit_with(&crate::gke::through_model(&case.cluster), &case.objects, &case.config);
        assert_eq!(crate::gke::verdicts(&plain), crate::gke::verdicts(&model), "{}", case.name);
    }
}

#[test]
fn no_case_of_the_catalogue_is_missing() {
    let numbers: BTreeSet<u32> =
        cases().iter().map(|c| c.name.split(':').next().unwrap().trim().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=57).collect());
    let names: Vec<String> = cases().into_iter().map(|c| c.name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "two cases have one name");
}

/// Every result about the configuration says where it comes from: object, field and rule.
#[test]
fn every_pass_and_every_failure_has_evidence() {
    let all: Value = serde_saphyr::from_str(CASES).unwrap();
    let report = crate::gke::audit_with(&all["base"], &[], "");
    for r in report.results.iter().filter(|r| matches!(r.verdict, Verdict::Pass | Verdict::Fail)) {
        assert!(!r.evidence.is_empty(), "{}", r.check);
        for e in &r.evidence {
            assert!(e.rule.is_some() && !e.path.is_empty() && e.source.is_some(), "{}: {e:?}", r.check);
        }
    }
    let passing = report.results.iter().find(|r| r.check == "shielded-nodes").unwrap();
    assert_eq!(passing.evidence[0].path, "shieldedNodes.enabled");
    assert_eq!(passing.evidence[0].value, json!(true));
}
