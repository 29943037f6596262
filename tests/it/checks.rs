//! The built-in checks: each carries its own tests, and the registry that embeds them must load.

use gke_posture::check::{Registry, builtin_files};
use gke_posture::facts;

#[test]
fn every_built_in_check_passes_its_own_tests() {
    let registry = Registry::load(&builtin_files(), facts::vocabulary)
        .unwrap_or_else(|problems| panic!("{}", problems.iter().map(|p| format!("{p}\n")).collect::<String>()));
    let outcomes = registry.run_tests();
    let failed: Vec<_> = outcomes.iter().filter(|o| !o.passed).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(
        outcomes.len() >= 3 * registry.checks().len(),
        "{} tests of {} checks",
        outcomes.len(),
        registry.checks().len()
    );
}

#[test]
fn every_check_says_why_and_names_its_source() {
    let registry = Registry::load(&builtin_files(), facts::vocabulary).expect("tested above");
    for check in registry.checks() {
        assert!(check.why.split_whitespace().count() >= 15, "{}: why it matters, in a sentence or two", check.id);
        assert!(!check.references.is_empty(), "{}: no reference", check.id);
        assert!(check.references.iter().all(|r| r.starts_with("https://")), "{}", check.id);
        assert!(
            check.fix.kubectl.is_some() || check.fix.gcloud.is_some() || check.fix.terraform.is_some(),
            "{}",
            check.id
        );
    }
}
