//! From facts to results: verdicts, severities, waivers, causes, order.

use serde_json::json;

use super::*;
use crate::config::WaiverStatus;

fn db(id: &str, values: Json) -> Facts {
    facts(SubjectKind::Database, id, values)
}

fn one(check: String, values: Json) -> CheckResult {
    let results = run(&registry(&[check]), &table(vec![db("d", values)], None));
    assert_eq!(results.len(), 1, "{results:#?}");
    results.into_iter().next().unwrap()
}

fn verdicts(results: &[CheckResult]) -> Vec<(&str, &str, Verdict)> {
    results.iter().map(|r| (r.check.as_str(), r.subject.id.as_str(), r.verdict)).collect()
}

#[test]
fn pass_fail_and_unknown() {
    let check = || check_text("a", "database.tls", "fix: { kubectl: 'fix {{ database.name }}' }");
    let pass = one(check(), json!({"tls": true, "name": "pg"}));
    assert_eq!(pass.verdict, Verdict::Pass);
    assert_eq!(pass.fix, Fix::default());
    let fail = one(check(), json!({"tls": false, "name": "pg"}));
    assert_eq!((fail.verdict, fail.message.as_str()), (Verdict::Fail, "pg fails a"));
    assert_eq!(fail.fix.kubectl.as_deref(), Some("fix pg"));
    assert_eq!(fail.severity, Severity::High);
    assert_eq!(fail.base_severity, None);
    let unknown = one(check(), json!({"tls": {"unknown": "opaque"}}));
    assert_eq!((unknown.verdict, unknown.message.as_str()), (Verdict::Unknown, "cannot be decided: opaque"));
    assert_eq!(unknown.reasons, [Reason::undecided("opaque")]);
    assert_eq!(unknown.fix, Fix::default());
}

#[test]
fn applicability_comes_first() {
    let check = || check_text("a", "database.tls", "when: database.engine == 'postgres'");
    let r = one(check(), json!({"tls": {"unknown": "x"}, "engine": "mysql"}));
    assert_eq!(r.verdict, Verdict::NotApplicable);
    assert_eq!(r.message, "does not apply to d: `database.engine == 'postgres'` is false");
    let r = one(check(), json!({"tls": true, "engine": {"unknown": "which engine"}}));
    assert_eq!((r.verdict, r.reasons[0].text.as_str()), (Verdict::Unknown, "which engine"));
    let r = one(check(), json!({"tls": true, "engine": "postgres"}));
    assert_eq!(r.verdict, Verdict::Pass);
}

#[test]
fn a_check_without_cluster_configuration_is_unknown_where_it_needs_it() {
    let r = one(check_text("a", "database.tls || cluster.enforced", ""), json!({"tls": false}));
    assert_eq!(r.reasons, [Reason::missing("no cluster configuration given")]);
    // Where it could not be read, that is the reason, and its cause counts for the exit status.
    let mut t = table(vec![db("d", json!({"tls": false}))], None);
    let gap = Reason::gap("g", "not allowed to get the cluster");
    t.unlisted.insert(SubjectKind::Cluster, vec![gap.clone()]);
    assert_eq!(run(&registry(&[check_text("a", "database.tls || cluster.enforced", "")]), &t)[0].reasons, [gap]);
    let r = one(check_text("a", "database.tls || cluster.enforced", ""), json!({"tls": true}));
    assert_eq!(r.verdict, Verdict::Pass);
}

#[test]
fn the_first_true_rule_lowers_a_failure_and_an_unknown_lowers_nothing() {
    let check = || {
        let lower = "lower:\n  - { when: database.environment == 'development', to: low, because: sandbox }\n  \
                     - { when: database.environment != 'production', to: medium, because: not production }";
        check_text("a", "database.tls", lower)
    };
    let of = |environment: Json| {
        let r = one(check(), json!({"tls": false, "environment": environment}));
        assert_eq!(r.verdict, Verdict::Fail);
        (r.severity, r.base_severity, r.note)
    };
    assert_eq!(
        of(json!("development")),
        (Severity::Low, Some(Severity::High), Some("low instead of high: sandbox".to_string()))
    );
    assert_eq!(of(json!("staging")).0, Severity::Medium);
    assert_eq!(of(json!("production")), (Severity::High, None, None));
    assert_eq!(of(json!({"unknown": "?"})), (Severity::High, None, None));
    let pass = one(check(), json!({"tls": true, "environment": "development"}));
    assert_eq!((pass.severity, pass.base_severity), (Severity::High, None));
}

#[test]
fn configuration_sets_the_severity_and_lower_may_only_lower_it_further() {
    let lower = "lower:\n  - { when: database.open, to: medium, because: b }";
    let r = registry(&[check_text("a", "database.tls", lower)]);
    let severity = |configured: &str, open: bool| {
        let t = table(vec![db("d", json!({"tls": false, "open": open}))], None);
        let config = super::configured(&r, &format!("checks: {{ a: {{ severity: {configured} }} }}"));
        let result = r.run(&t, &config, today()).remove(0);
        (result.severity, result.base_severity)
    };
    assert_eq!(severity("critical", false), (Severity::Critical, Some(Severity::High)));
    assert_eq!(severity("critical", true), (Severity::Medium, Some(Severity::High)));
    assert_eq!(severity("low", true), (Severity::Low, Some(Severity::High)));
    assert_eq!(severity("high", false), (Severity::High, None));
}

#[test]
fn a_check_that_is_switched_off_gives_nothing() {
    let r = registry(&[check_text("a", "database.tls", "")]);
    let mut t = table(vec![db("d", json!({"tls": false}))], None);
    let config = super::configured(&r, "checks: { a: { enabled: false } }");
    assert!(r.run(&t, &config, today()).is_empty());
    t.unlisted.insert(SubjectKind::Database, vec![Reason::missing("x")]);
    assert!(r.run(&t, &config, today()).is_empty());
}

#[test]
fn notes_qualify_a_pass_only() {
    let notes = "notes:\n  - { when: database.open, text: 'open on {{ database.port }}' }\n  - { text: declared only }";
    let check = || check_text("a", "database.tls", notes);
    let r = one(check(), json!({"tls": true, "open": true, "port": 1}));
    assert_eq!(r.note.as_deref(), Some("open on 1 declared only"));
    let r = one(check(), json!({"tls": true, "open": {"unknown": "?"}}));
    assert_eq!(r.note.as_deref(), Some("declared only"));
    assert_eq!(one(check(), json!({"tls": false, "open": true})).note, None);
}

#[test]
fn evidence_is_that_of_the_deciding_facts() {
    let paths = |pass: &str, values: Json| {
        let r = one(check_text("a", &serde_json::to_string(pass).unwrap(), ""), values);
        r.evidence.iter().map(|e| e.path.clone()).collect::<Vec<_>>()
    };
    let values = json!({"tls": false, "open": true, "port": 1, "name": "n"});
    assert_eq!(paths("database.open && database.tls", values.clone()), ["tls"]);
    assert_eq!(paths("database.tls || database.open", values.clone()), ["open"]);
    assert_eq!(paths("database.tls || database.port == 2", values.clone()), ["tls", "port"]);
    assert_eq!(paths("database.port == 1 && database.port < 9 && database.open", values.clone()), ["port", "open"]);
    assert_eq!(paths("database.open ? !database.tls : database.name == 'x'", values), ["open", "tls"]);
}

#[test]
fn kinds_out_of_scope_give_no_results_and_are_named() {
    let cluster = "id: c\ntitle: t\nseverity: low\nsubject: cluster\npass: cluster.enforced\nmessage: m\nwhy: w\n\
                   tests:\n  - { name: a, given: { cluster: { enforced: true } }, expect: pass }\n  \
                   - { name: b, given: { cluster: { enforced: false } }, expect: fail }\n";
    let r = registry(&[check_text("a", "database.tls", ""), cluster.into()]);
    let t = table(vec![], None);
    assert!(run(&r, &t).is_empty());
    assert_eq!(r.out_of_scope(&t), [("c", SubjectKind::Cluster)]);
    let t = FactTable {
        cluster: Some(facts(SubjectKind::Cluster, "cluster", json!({"enforced": true}))),
        ..FactTable::default()
    };
    assert_eq!(verdicts(&run(&r, &t)), [("c", "cluster", Verdict::Pass)]);
    assert_eq!(r.out_of_scope(&t), [("a", SubjectKind::Database)]);
}

#[test]
fn subjects_that_could_not_be_listed_give_one_unknown_a_check() {
    let r = registry(&[check_text("a", "database.tls", ""), check_text("b", "database.tls", "")]);
    let reason = Reason::gap("g1", "not allowed to list clusters.postgresql.cnpg.io");
    let mut t = FactTable::default();
    t.unlisted.insert(SubjectKind::Database, vec![reason.clone()]);
    let results = run(&r, &t);
    assert_eq!(verdicts(&results), [("a", "*", Verdict::Unknown), ("b", "*", Verdict::Unknown)]);
    assert_eq!(results[0].reasons, [reason]);
    assert_eq!(
        results[0].message,
        "databases could not be listed; cannot be decided: not allowed to list clusters.postgresql.cnpg.io"
    );
    assert!(r.out_of_scope(&t).is_empty());
    // Those that are known are evaluated all the same.
    t.subjects.insert(SubjectKind::Database, vec![db("d", json!({"tls": false}))]);
    assert_eq!(run(&r, &t).len(), 4);
}

#[test]
fn unknown_once_folds_all_unknowns_of_a_check_into_one() {
    let r = registry(&[check_text("a", "database.environment == 'x'", "unknownOnce: true")
        .replace("tls: true", "environment: x")
        .replace("tls: false", "environment: y")]);
    let why = |text: &str| json!({"environment": {"unknown": text}});
    let t = table(vec![db("d1", why("no env")), db("d2", json!({"environment": "x"})), db("d3", why("no env"))], None);
    let results = run(&r, &t);
    assert_eq!(verdicts(&results), [("a", "*", Verdict::Unknown), ("a", "d2", Verdict::Pass)]);
    assert_eq!(results[0].reasons, [Reason::undecided("no env")]);
    assert_eq!(results[0].message, "cannot be decided: no env");
    assert_eq!(results[0].fingerprint, fingerprint("a", "*"));
    // Different reasons are all carried; unlisted subjects fold in as well.
    let mut t = table(vec![db("d1", why("one")), db("d2", why("two"))], None);
    t.unlisted.insert(SubjectKind::Database, vec![Reason::missing("three")]);
    let results = run(&r, &t);
    assert_eq!(verdicts(&results), [("a", "*", Verdict::Unknown)]);
    let texts: Vec<_> = results[0].reasons.iter().map(|r| r.text.as_str()).collect();
    assert_eq!(texts, ["three", "one", "two"]);
    // A waiver for one subject takes it out first; one for `*` takes the rest.
    let t = table(vec![db("d1", why("x")), db("d2", why("x"))], None);
    let config = super::configured(&r, "waivers: [{ check: a, subject: d1, reason: r, owner: o, until: 2027-01-01 }]");
    assert_eq!(verdicts(&r.run(&t, &config, today())), [("a", "*", Verdict::Unknown), ("a", "d1", Verdict::Waived)]);
}

#[test]
fn a_failure_that_another_implies_names_its_cause() {
    let r = registry(&[
        check_text("cause", "database.tls", ""),
        check_text("effect", "database.open", "impliedBy: [cause]"),
    ]);
    let causes = |config: &Config, values: Json| {
        let results = r.run(
            &table(vec![db("d", values), db("other", json!({"tls": false, "open": true}))], None),
            config,
            today(),
        );
        let effect = results.iter().find(|r| r.check == "effect" && r.subject.id == "d").unwrap().clone();
        let cause = results.iter().find(|r| r.check == "cause" && r.subject.id == "d").unwrap();
        assert_eq!(cause.caused_by, None);
        (effect.verdict, effect.caused_by)
    };
    let none = Config::default();
    assert_eq!(causes(&none, json!({"tls": false, "open": false})), (Verdict::Fail, Some("cause".into())));
    // Only a failure on the same subject counts, and only of a failing result.
    assert_eq!(causes(&none, json!({"tls": true, "open": false})), (Verdict::Fail, None));
    assert_eq!(causes(&none, json!({"tls": false, "open": true})), (Verdict::Pass, None));
    let waived =
        super::configured(&r, "waivers: [{ check: cause, subject: d, reason: r, owner: o, until: 2027-01-01 }]");
    // Who accepts the cause accepts what follows from it: the effect stays uncounted.
    assert_eq!(causes(&waived, json!({"tls": false, "open": false})), (Verdict::Fail, Some("cause".into())));
}

#[test]
fn waivers_take_failures_and_unknowns_never_a_pass_and_are_reported() {
    let r = registry(&[check_text("a", "database.tls", "")]);
    let t = table(
        vec![
            db("dev/fail", json!({"tls": false})),
            db("dev/pass", json!({"tls": true})),
            db("dev/unknown", json!({})),
            db("prod/fail", json!({"tls": false})),
            db("test/fail", json!({"tls": false})),
        ],
        None,
    );
    let config = super::configured(
        &r,
        "waivers:\n  - { check: a, subject: 'dev/*', reason: sandbox, owner: me, ticket: J-1, until: 2026-11-23 }\n  \
         - { check: a, subject: prod/fail, reason: old, owner: me, until: 2026-11-22 }\n  \
         - { check: a, subject: gone, reason: x, owner: me, until: 2030-01-01 }\n",
    );
    let results = r.run(&t, &config, today());
    let seen: Vec<_> = results.iter().map(|r| r.verdict).collect();
    assert_eq!(seen, [Verdict::Waived, Verdict::Pass, Verdict::Waived, Verdict::Fail, Verdict::Fail]);
    assert_eq!(
        results[0].waiver,
        Some(WaiverRef {
            reason: "sandbox".into(),
            owner: "me".into(),
            ticket: Some("J-1".into()),
            until: "2026-11-23".into()
        })
    );
    assert_eq!(results[0].message, "unknown fails a");
    let report = waiver_report(&config, &results, today());
    let seen: Vec<_> = report.iter().map(|w| (w.subject.as_str(), w.status, w.matched)).collect();
    assert_eq!(
        seen,
        [
            ("dev/*", WaiverStatus::Active, 2),
            ("prod/fail", WaiverStatus::Expired, 1),
            ("gone", WaiverStatus::Unused, 0)
        ]
    );
}

#[test]
fn fingerprints_depend_on_check_and_subject_only() {
    // printf 'a\nd' | sha256sum
    let found = fingerprint("a", "d");
    assert_eq!(found, "4b411edcf983108b728ee7f7a9ac36b84543c8f026fdef4a4ec821b282f96bc2");
    let check = || check_text("a", "database.tls", "");
    assert_eq!(one(check(), json!({"tls": true})).fingerprint, found);
    assert_eq!(one(check().replace("high", "low"), json!({})).fingerprint, found);
    assert_ne!(fingerprint("a", "e"), found);
    assert_ne!(fingerprint("ad", ""), fingerprint("a", "d"));
}

#[test]
fn results_are_sorted_and_the_same_every_time() {
    let r = registry(&[
        check_text("b", "database.clients.exists(c, c == 'x')", "")
            .replace("tls: true", "clients: [x]")
            .replace("tls: false", "clients: []"),
        check_text("a", "database.tls", ""),
    ]);
    let t = table(vec![db("z", json!({"tls": true})), db("y", json!({"tls": false}))], None);
    let first = run(&r, &t);
    let order: Vec<_> = first.iter().map(|r| (r.check.as_str(), r.subject.id.as_str())).collect();
    assert_eq!(order, [("a", "y"), ("a", "z"), ("b", "y"), ("b", "z")]);
    let text = serde_json::to_string(&first).unwrap();
    assert_eq!(serde_json::to_string(&run(&r, &t)).unwrap(), text);
}

/// `namespace` is a reserved word of CEL.
#[test]
fn namespaces_can_be_evaluated() {
    let text = "id: n\ntitle: t\nseverity: low\nsubject: namespace\nwhen: namespace.name != 'skip'\n\
                pass: namespace.name == 'prod' || cluster.enforced\nmessage: '{{ namespace.name }} fails'\nwhy: w\n\
                tests:\n  - { name: a, given: { namespace: { name: prod } }, expect: pass }\n  \
                - { name: b, given: { namespace: { name: dev }, cluster: { enforced: false } }, expect: fail }\n";
    let r = registry(&[text.into()]);
    assert!(r.run_tests().iter().all(|t| t.passed));
    let mut t = FactTable::default();
    let of = |name: &str| facts(SubjectKind::Namespace, name, json!({"name": name}));
    t.subjects.insert(SubjectKind::Namespace, vec![of("prod"), of("skip"), of("tomoda")]);
    let results = run(&r, &t);
    let expected =
        [("n", "prod", Verdict::Pass), ("n", "skip", Verdict::NotApplicable), ("n", "tomoda", Verdict::Unknown)];
    assert_eq!(verdicts(&results), expected);
    assert_eq!(r.describe("n").unwrap().facts[0].path, "namespace.name");
    let bad = text.replace("namespace.name != 'skip'", "true && namespace.nme != 'skip'");
    let files = Files { checks: vec![file("a", &bad)], controls: vec![] };
    let problems = Registry::load(&files, vocabulary).unwrap_err();
    assert_eq!(problems[0].to_string(), "a:5:15: when: unknown fact \"namespace.nme\" (did you mean \"name\"?)");
}
