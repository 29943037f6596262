//! What a check may say beyond `pass`: reasons not to apply, a profile, that it has to be asked for.

use serde_json::json;

use super::*;

const SKIPPED: &str = "skip:\n  - { when: cluster.enforced, because: 'managed by {{ cluster.version }}' }\n  \
                       - { when: database.open, because: it is open }";

fn skipped(cluster: Json, database: Json) -> CheckResult {
    let r = registry(&[check_text("a", "database.tls", SKIPPED)]);
    run(&r, &table(vec![facts(SubjectKind::Database, "d", database)], Some(cluster))).remove(0)
}

#[test]
fn the_first_reason_that_holds_is_given_in_words() {
    let result = skipped(json!({"enforced": true, "version": "1.33"}), json!({"tls": false, "open": true}));
    assert_eq!((result.verdict, result.message.as_str()), (Verdict::NotApplicable, "managed by 1.33"));
    let result = skipped(json!({"enforced": false}), json!({"tls": true, "open": true}));
    assert_eq!((result.verdict, result.message.as_str()), (Verdict::NotApplicable, "it is open"));
    assert_eq!(result.evidence.iter().map(|e| e.path.as_str()).collect::<Vec<_>>(), ["open"]);
    assert_eq!(skipped(json!({"enforced": false}), json!({"tls": true, "open": false})).verdict, Verdict::Pass);
}

#[test]
fn a_reason_in_doubt_leaves_the_check_open_unless_another_one_holds() {
    let doubt = json!({"enforced": {"unknown": "why"}});
    let result = skipped(doubt.clone(), json!({"tls": true, "open": false}));
    assert_eq!((result.verdict, result.reasons[0].text.as_str()), (Verdict::Unknown, "why"));
    assert_eq!(skipped(doubt, json!({"tls": false, "open": true})).verdict, Verdict::NotApplicable);
}

#[test]
fn what_a_reason_reads_is_needed_for_the_verdict() {
    let r = registry(&[check_text("a", "database.tls", SKIPPED)]);
    let needs = r.get("a").unwrap().verdict_needs();
    assert!(needs.contains(&Need::Cluster) && needs.contains(&Need::NetworkPolicies), "{needs:?}");
    assert_eq!(r.describe("a").unwrap().skip.len(), 2);
}

fn operations() -> String {
    check_text("ops", "database.open", "profile: operations").replace("severity: high", "severity: low")
}

#[test]
fn a_check_of_operations_is_evaluated_where_it_is_selected_and_counted_where_it_is_meant() {
    let r = registry(&[check_text("sec", "database.tls", ""), operations()]);
    let t = table(vec![facts(SubjectKind::Database, "d", json!({"tls": false, "open": false}))], None);
    let seen = |text: &str| {
        let results = r.run(&t, &configured(&r, text), today());
        results.into_iter().map(|r| (r.check, r.advice)).collect::<Vec<_>>()
    };
    let (sec, ops) = (("sec".to_owned(), false), |advice| ("ops".to_owned(), advice));
    assert_eq!(seen(""), std::slice::from_ref(&sec));
    assert_eq!(seen("profile: operations"), [ops(false)]);
    assert_eq!(seen("profile: all"), [ops(true), sec.clone()]);
    // One by one.
    assert_eq!(seen("checks: { ops: { enabled: true } }"), [ops(true), sec.clone()]);
    assert_eq!(seen("profile: all\nchecks: { ops: { enabled: false } }"), [sec]);
}

#[test]
fn a_check_that_has_to_be_asked_for_is_advice_until_it_is() {
    let r = registry(&[check_text("a", "database.tls", "optIn: true")]);
    let t = table(vec![facts(SubjectKind::Database, "d", json!({"tls": false}))], None);
    let advice = |text: &str| r.run(&t, &configured(&r, text), today())[0].advice;
    assert!(advice(""));
    assert!(!advice("checks: { a: { enabled: true } }"));
}

#[test]
fn a_failure_of_the_cluster_may_cause_one_of_another_subject() {
    let cause = "id: cause\ntitle: t\nseverity: low\nsubject: cluster\npass: cluster.enforced\nmessage: m\nwhy: w\n\
                 tests:\n  - { name: a, given: { cluster: { enforced: true } }, expect: pass }\n  \
                 - { name: b, given: { cluster: { enforced: false } }, expect: fail }\n";
    let r = registry(&[cause.to_owned(), check_text("effect", "database.tls", "impliedBy: [cause]")]);
    let effect = |enforced: bool| {
        let databases = vec![facts(SubjectKind::Database, "d", json!({"tls": false}))];
        let results = run(&r, &table(databases, Some(json!({"enforced": enforced}))));
        results.into_iter().find(|r| r.check == "effect").unwrap().caused_by
    };
    assert_eq!(effect(false).as_deref(), Some("cause"));
    assert_eq!(effect(true), None);
}

#[test]
fn mistakes_in_these_keys_are_refused() {
    for (more, expected) in [
        ("profile: operatons", "profile: unknown profile \"operatons\" (did you mean \"operations\"?)"),
        ("profile: operations", "severity: high: a check of operations is low at most"),
        ("optIn: maybe", "optIn: expected true or false, found a string"),
        ("skip: [{ when: database.tls }]", "skip: \"because\" is missing"),
        ("skip: [{ when: database.tsl, because: x }]", "skip: when: unknown fact \"database.tsl\""),
    ] {
        let files =
            Files { checks: vec![file("a.yaml", &check_text("a", "database.tls", more))], controls: Vec::new() };
        let problems = Registry::load(&files, vocabulary).expect_err(more);
        assert!(problems.iter().any(|p| p.to_string().contains(expected)), "{more}: {problems:?}");
    }
}
