//! The built-in checks: each carries its own tests, and the registry that embeds them must load.

use std::collections::BTreeSet;

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

/// A title states the control, a finding its failure: both are read in lists, one below the other.
#[test]
fn titles_and_findings_are_short_and_no_two_are_the_same() {
    let registry = Registry::load(&builtin_files(), facts::vocabulary).expect("tested above");
    let mut seen = BTreeSet::new();
    for check in registry.checks() {
        for text in [&check.title, &check.finding] {
            // A title stands in for a finding that is not given, so this also refuses a check without one.
            assert!(seen.insert(text.clone()), "{}: two checks or two texts say \"{text}\"", check.id);
            assert!(text.chars().count() <= 72, "{}: more than 72 characters: {text}", check.id);
            assert!(!text.ends_with(['.', '!', ':', ',', ' ']), "{}: ends in a stop: {text}", check.id);
            assert!(!text.starts_with(|c: char| c.is_lowercase() || c == ' '), "{}: {text}", check.id);
        }
    }
}
