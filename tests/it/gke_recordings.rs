//! Recorded responses of the GKE API, where they are beside this repository: what the checks say of each is in
//! `snapshots/`, worked out by hand from the catalogue first. Refresh with BLESS=1 after reading the difference.
use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::gke::change::{get, path_of};
use gke_posture::check::CheckResult;
use serde_json::Value;

const CONFIG: &str = "profile: all";

/// One line for each check: its verdict, and the subjects where they differ.
fn compact(results: &[CheckResult]) -> String {
    let mut by_check: BTreeMap<&str, Vec<(String, &CheckResult)>> = BTreeMap::new();
    for r in results {
        by_check.entry(&r.check).or_default().push((crate::gke::word(r).to_owned(), r));
    }
    let mut text = String::new();
    for (check, results) in by_check {
        let all_same = results.iter().all(|(word, _)| *word == results[0].0);
        let said = match all_same {
            true => results[0].0.clone(),
            false => {
                let each = results.iter().map(|(word, r)| format!("{} {word}", r.subject.object.name));
                each.collect::<Vec<_>>().join(", ")
            }
        };
        text.push_str(&format!("{check:<40} {said}\n"));
    }
    text
}

#[test]
fn verdicts_are_those_that_were_checked_by_hand() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots"));
    for (name, cluster) in crate::gke::recordings() {
        let found = compact(&crate::gke::audit_with(&cluster, &[], CONFIG).results);
        let path = folder.join(format!("{name}.txt"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(found, expected, "{name}");
    }
}

/// A field that the normal form lost, or took for a secret, would be evaluated as absent.
#[test]
fn nothing_that_a_check_reads_is_lost_on_the_way() {
    for (name, cluster) in crate::gke::recordings() {
        let mut seen = 0;
        for r in &crate::gke::audit_with(&cluster, &[], CONFIG).results {
            for e in &r.evidence {
                let Some(path) = path_of(&cluster, e) else { continue };
                let there = get(&cluster, &path);
                // The certificate is told by its end; what is not set is told as null.
                if path == "masterAuth.clusterCaCertificate" {
                    assert!(e.value.as_str().unwrap().starts_with("ends "), "{name}: {:?}", e.value);
                } else {
                    assert_eq!(e.value, *there, "{name}: {}: {path}", r.check);
                }
                seen += usize::from(!there.is_null());
            }
        }
        assert!(seen > 30, "{name}: only {seen} fields that are set");
    }
}

/// As a live cluster comes: through the official client's model, which writes enums as numbers and keeps what it does not know.
#[test]
fn the_official_models_json_gives_the_same_verdicts() {
    for (name, cluster) in crate::gke::recordings() {
        let model = crate::gke::through_model(&cluster);
        assert!(model.to_string().contains("\"status\":2"), "{name}: an enum as a number");
        let (plain, through) =
            (crate::gke::audit_with(&cluster, &[], CONFIG), crate::gke::audit_with(&model, &[], CONFIG));
        assert_eq!(crate::gke::verdicts(&plain), crate::gke::verdicts(&through), "{name}");
    }
}

/// One of the recordings holds an invented credential in a header.
#[test]
fn no_header_of_a_registry_is_repeated() {
    for (name, cluster) in crate::gke::recordings() {
        let headers: Vec<String> = credentials(&cluster);
        let json = serde_json::to_string(&crate::gke::audit_with(&cluster, &[], CONFIG)).unwrap();
        assert!(headers.iter().all(|h| !json.contains(h.as_str())), "{name}");
    }
}

/// Every text below a `header`.
fn credentials(value: &Value) -> Vec<String> {
    fn texts(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::String(s) if s.len() > 8 && s.contains(' ') => out.push(s.clone()),
            Value::Array(items) => items.iter().for_each(|v| texts(v, out)),
            Value::Object(map) => map.values().for_each(|v| texts(v, out)),
            _ => {}
        }
    }
    let mut out = Vec::new();
    match value {
        Value::Array(items) => items.iter().for_each(|v| out.extend(credentials(v))),
        Value::Object(map) => map.iter().for_each(|(k, v)| match k.as_str() {
            "header" => texts(v, &mut out),
            _ => out.extend(credentials(v)),
        }),
        _ => {}
    }
    out
}
