//! A broken configuration: no panic, and no check that passes because of what it could not read.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::gke::change::{broken, get, path_of, paths, set};
use gke_posture::check::Verdict;
use gke_posture::report::Report;
use proptest::prelude::*;
use serde_json::{Value, json};

const CASES: &str = include_str!("../cases/gke-config-cases.yaml");

/// The base of the cases, a cluster that is set up well, an Autopilot one, and the recordings where they are.
static CLUSTERS: LazyLock<Vec<(String, Value)>> = LazyLock::new(|| {
    let all: Value = serde_saphyr::from_str(CASES).unwrap();
    let mut clusters = vec![("base".to_owned(), all["base"].clone())];
    clusters.push(("good".to_owned(), good()));
    let mut autopilot = good();
    autopilot["autopilot"] = json!({"enabled": true, "privilegedAdmissionConfig": {"allowlistPaths": ["gke://P/*"]}});
    clusters.push(("autopilot".to_owned(), autopilot));
    clusters.extend(crate::gke::recordings());
    clusters
});

/// Almost every check passes here, so that almost every field can be broken.
fn good() -> Value {
    serde_json::from_str(include_str!("../cases/gke-good.json")).unwrap()
}

fn evaluate(cluster: &Value) -> Report {
    crate::gke::audit_with(cluster, &[], "{ profile: all, callerPermissions: [container.clusters.getCredentials] }")
}

/// (path, checks and subjects that pass by it).
fn passing(cluster: &Value, report: &Report) -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut by_path: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for r in report.results.iter().filter(|r| r.verdict == Verdict::Pass) {
        for path in r.evidence.iter().filter_map(|e| path_of(cluster, e)).filter(|path| decides(cluster, path)) {
            by_path.entry(path).or_default().insert((r.check.clone(), r.subject.id.clone()));
        }
    }
    by_path
}

/// When an exclusion that keeps minor versions away only is in force decides nothing: it passes then as well.
fn decides(cluster: &Value, path: &str) -> bool {
    const WHEN: [&str; 3] = [".startTime", ".endTime", ".maintenanceExclusionOptions.endTimeBehavior"];
    let exclusion = WHEN.iter().find_map(|tail| path.strip_suffix(tail));
    !exclusion.is_some_and(|exclusion| {
        let scope = format!("{exclusion}.maintenanceExclusionOptions.scope");
        exclusion.contains(".maintenanceExclusions.") && get(cluster, &scope) == &json!("NO_MINOR_UPGRADES")
    })
}

/// Those that still pass with a broken value there.
fn still_passing(cluster: &Value, path: &str, value: Value, by: &BTreeSet<(String, String)>) -> Vec<String> {
    let mut changed = cluster.clone();
    if !set(&mut changed, path, value.clone()) {
        return Vec::new();
    }
    let report = evaluate(&changed);
    let passes = report.results.iter().filter(|r| r.verdict == Verdict::Pass);
    let still = passes.filter(|r| by.contains(&(r.check.clone(), r.subject.id.clone())));
    still.map(|r| format!("{} of {} passes with {path} = {value}", r.check, r.subject.id)).collect()
}

#[test]
fn the_good_cluster_passes_nearly_everything() {
    let report = evaluate(&good());
    let failing = report.results.iter().filter(|r| r.verdict != Verdict::Pass);
    let failing: Vec<String> = failing.map(|r| format!("{} {}: {}", r.check, r.verdict.name(), r.message)).collect();
    let expected = [
        "autopilot-boot-disk-cmek not-applicable",
        "autopilot-mode fail",
        "cluster-ca-expiry unknown",
        "control-plane-dns-only fail",
        "control-plane-no-public-ip fail",
        "version-supported unknown",
    ];
    let named: Vec<&str> = failing.iter().map(|f| f.split(':').next().unwrap()).collect();
    assert_eq!(named, expected, "{failing:#?}");
}

#[test]
fn no_check_passes_by_a_field_that_is_broken() {
    let mut wrong = Vec::new();
    for (name, cluster) in CLUSTERS.iter().take(2) {
        let report = evaluate(cluster);
        for (path, by) in passing(cluster, &report) {
            // Null, one wrong type, and for an enum a value that does not exist yet: the rest is tried at random.
            let values = broken(get(cluster, &path));
            for value in [values.first(), values.get(2), values.get(5)].into_iter().flatten().cloned() {
                wrong.extend(still_passing(cluster, &path, value, &by).into_iter().map(|w| format!("{name}: {w}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn verdict(cluster: &Value, check: &str) -> Verdict {
    evaluate(cluster).results.iter().find(|r| r.check == check).unwrap().verdict
}

#[test]
fn what_is_certain_is_said_beside_what_cannot_be_read() {
    let mut cluster = good();
    cluster["nodePools"] = json!(null);
    assert_eq!(verdict(&cluster, "cluster-conditions"), Verdict::Unknown);
    cluster["conditions"] = json!([{"code": "CA_EXPIRING"}]);
    assert_eq!(verdict(&cluster, "cluster-conditions"), Verdict::Fail);
}

#[test]
fn a_type_of_confidential_nodes_switches_nothing_on() {
    let mut cluster = good();
    for (value, expected) in [
        (json!({"enabled": true}), Verdict::Pass),
        (json!({"enabled": false, "confidentialInstanceType": "TDX"}), Verdict::Fail),
        (json!({"confidentialInstanceType": "SEV"}), Verdict::Fail),
    ] {
        cluster["confidentialNodes"] = value;
        cluster["nodePools"][0]["config"].as_object_mut().unwrap().remove("confidentialNodes");
        assert_eq!(verdict(&cluster, "confidential-nodes"), expected, "{}", cluster["confidentialNodes"]);
    }
}

#[test]
fn an_exclusion_may_have_any_name() {
    for name in ["freeze", "rotate-db-password", "metadata", "secret"] {
        let mut cluster = good();
        cluster["maintenancePolicy"]["window"]["maintenanceExclusions"] = json!({name: {
            "startTime": "2020-01-01T00:00:00Z", "endTime": "2099-01-01T00:00:00Z",
        }});
        assert_eq!(verdict(&cluster, "maintenance-exclusion-scope"), Verdict::Fail, "{name}");
    }
}

#[test]
fn a_field_in_two_spellings_with_two_values_decides_nothing() {
    let mut cluster = good();
    assert_eq!(verdict(&cluster, "secrets-encryption-cmek"), Verdict::Pass);
    let same = cluster["databaseEncryption"].clone();
    cluster["database_encryption"] = same;
    assert_eq!(verdict(&cluster, "secrets-encryption-cmek"), Verdict::Pass);
    cluster["database_encryption"] = json!({"state": "DECRYPTED"});
    assert_eq!(verdict(&cluster, "secrets-encryption-cmek"), Verdict::Unknown);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// The same at random, in recorded responses too.
    #[test]
    fn no_check_passes_by_a_field_that_is_broken_anywhere(at in any::<prop::sample::Index>(), which in any::<prop::sample::Index>(), how in any::<prop::sample::Index>()) {
        let (name, cluster) = at.get(&CLUSTERS);
        let passing: Vec<_> = passing(cluster, &evaluate(cluster)).into_iter().collect();
        let (path, by) = which.get(&passing);
        let values = broken(get(cluster, path));
        let wrong = still_passing(cluster, path, how.get(&values).clone(), by);
        prop_assert!(wrong.is_empty(), "{name}: {wrong:?}");
    }

    /// Several changes at once, anywhere: there is an answer, and it is one for each check.
    #[test]
    fn nothing_that_is_in_a_configuration_makes_it_panic(
        at in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>()), 1..6),
    ) {
        let (_, cluster) = at.get(&CLUSTERS);
        let mut changed = cluster.clone();
        for (which, how, anew) in changes {
            let paths = paths(&changed);
            let mut path = which.get(&paths).clone();
            if anew {
                path.push_str(".somethingNew");
            }
            let value = how.get(&broken(get(&changed, &path))).clone();
            set(&mut changed, &path, value);
        }
        // A document that is no cluster any more is no subject.
        if changed.get("nodePools").is_some() || changed.get("currentMasterVersion").is_some() {
            let report = evaluate(&changed);
            for check in crate::gke::REGISTRY.checks().iter().filter(|c| c.subject.name() == "cluster") {
                prop_assert_eq!(report.results.iter().filter(|r| r.check == check.id).count(), 1, "{}", check.id);
            }
        }
    }

    /// A field that is taken out is absent, which is what the API makes of a zero value: an answer as well.
    #[test]
    fn a_field_may_be_missing(at in any::<prop::sample::Index>(), which in any::<prop::sample::Index>()) {
        let (_, cluster) = at.get(&CLUSTERS);
        let all: Vec<String> = cluster.as_object().unwrap().keys().cloned().collect();
        let mut changed = cluster.clone();
        changed.as_object_mut().unwrap().remove(which.get(&all));
        prop_assert!(!evaluate(&changed).results.is_empty());
    }
}
