//! Loading: problems and their positions, controls, tests of checks, explanations.

use super::*;

fn problems(files: &[(&str, &str)], controls: &[(&str, &str)]) -> Vec<String> {
    let of = |list: &[(&str, &str)]| list.iter().map(|(n, t)| file(n, t)).collect();
    let files = Files { checks: of(files), controls: of(controls) };
    let problems = Registry::load(&files, vocabulary).expect_err("problems");
    problems.iter().map(|p| p.to_string()).collect()
}

fn only(text: &str) -> String {
    let all = problems(&[("a.yaml", text)], &[]);
    assert_eq!(all.len(), 1, "{all:#?}");
    all[0].clone()
}

const GOOD: &str = include_str!("good.yaml");

#[test]
fn a_complete_check_loads_and_its_tests_pass() {
    let r = registry(&[GOOD.into()]);
    let check = r.get("database-encrypted").unwrap();
    assert_eq!(check.severity, Severity::High);
    assert_eq!(check.subject, SubjectKind::Database);
    assert_eq!(check.needs(), [Need::Cluster, Need::CloudNativePg]);
    let outcomes = r.run_tests();
    assert!(outcomes.iter().all(|o| o.passed), "{outcomes:#?}");
    assert_eq!(outcomes.len(), 6);
    assert_eq!(r.checks_needing(Need::Cluster), ["database-encrypted"]);
    assert!(r.checks_needing(Need::Services).is_empty());
}

#[test]
fn unknown_keys_and_missing_ones_are_reported_with_their_place() {
    let text = GOOD.replace("severity: high\nsubject", "severty: high\nsubject");
    let all = problems(&[("a.yaml", &text)], &[]);
    assert_eq!(
        all,
        [
            "a.yaml:1:1: check: \"severity\" is missing",
            "a.yaml:3:1: check: unknown key \"severty\" (did you mean \"severity\"?)"
        ]
    );
}

#[test]
fn a_key_of_an_earlier_version_is_refused_with_its_new_name() {
    for (old, new, value) in [("remark", "note", "\"r\""), ("remarks", "notes", "[{ text: \"r\" }]")] {
        let text = check_text("a", "database.tls", &format!("{old}: {value}"));
        assert_eq!(only(&text), format!("a.yaml:8:1: check: unknown key \"{old}\": it is called \"{new}\" now"));
    }
}

#[test]
fn a_fact_of_an_earlier_version_is_refused_with_its_new_name() {
    let text = check_text("a", "database.tls", "")
        .replace("subject: database\npass: database.tls", "subject: database\npass: database.cutOffEmpty");
    let files = Files { checks: vec![file("a.yaml", &text)], controls: Vec::new() };
    let problems = Registry::load(&files, crate::facts::vocabulary).unwrap_err();
    let message = "pass: unknown fact \"database.cutOffEmpty\" (did you mean \"blockedPeersEmpty\"?)";
    assert!(problems.iter().any(|p| p.message == message), "{problems:#?}");
}

#[test]
fn the_title_stands_in_where_a_check_does_not_say_what_a_failure_is_called() {
    let plain = check_text("a", "database.tls", "");
    let named = check_text("b", "database.tls", "finding: Database accepts unencrypted connections");
    let r = registry(&[plain, named]);
    assert_eq!(r.get("a").unwrap().finding, "T of a");
    assert_eq!(r.get("b").unwrap().finding, "Database accepts unencrypted connections");
    assert_eq!(r.describe("b").unwrap().finding, "Database accepts unencrypted connections");
    let empty = check_text("a", "database.tls", "finding: \"\"");
    assert_eq!(only(&empty), "a.yaml:8:10: finding: is empty");
}

#[test]
fn mistakes_in_expressions_have_line_and_column_in_the_file() {
    let plain = check_text("a", "database.open == false || database.tsl", "");
    assert_eq!(only(&plain), "a.yaml:5:33: pass: unknown fact \"database.tsl\" (did you mean \"tls\"?)");
    let quoted = check_text("a", "\"database.open || 'x' == \\\"x\\\" || database.tsl\"", "");
    assert!(only(&quoted).starts_with("a.yaml:5:41: pass: unknown fact"), "{}", only(&quoted));
    let block = check_text("a", "|\n  database.open ||\n    database.tsl", "");
    assert!(only(&block).starts_with("a.yaml:7:5: pass: unknown fact"), "{}", only(&block));
    let lower = check_text("a", "database.tls", "lower:\n  - { when: database.nme == 'x', to: low, because: b }");
    assert!(only(&lower).starts_with("a.yaml:9:13: lower: when: unknown fact \"database.nme\""), "{}", only(&lower));
}

#[test]
fn values_of_a_wrong_kind_are_refused() {
    for (from, to, expected) in [
        ("severity: high", "severity: hgh", "3:11: severity: unknown severity \"hgh\" (did you mean \"high\"?)"),
        ("subject: database", "subject: databse", "subject: unknown kind \"databse\" (did you mean \"database\"?)"),
        ("id: database-encrypted", "id: Database_X", "1:5: id: \"Database_X\": expected lower-case words"),
        ("why: Plain", "why: 5\nx: Plain", "why: expected a string, found a number (put it in quotes)"),
        ("unknownOnce: false", "unknownOnce: maybe", "unknownOnce: expected true or false, found a string"),
        ("https://example.com", "http://example.com", "expected an https:// address"),
        ("to: medium", "to: high", "lower: to: high is not lower than the check's severity, high"),
        ("expect: fail, severity: high", "expect: failed, severity: high", "unknown verdict \"failed\""),
        ("because: not production", "becuse: not production", "unknown key \"becuse\" (did you mean \"because\"?)"),
        ("kubectl: edit", "kubctl: edit", "unknown key \"kubctl\" (did you mean \"kubectl\"?)"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let all = problems(&[("a.yaml", &GOOD.replace(from, to))], &[]);
        assert!(all.iter().any(|p| p.contains(expected)), "{to}: {all:#?}");
    }
}

#[test]
fn a_check_needs_a_passing_and_a_failing_test() {
    let without = |verdict: &str| {
        let text = check_text("a", "database.tls", "");
        text.lines().filter(|l| !l.ends_with(&format!("expect: {verdict} }}"))).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(only(&without("pass")), "a.yaml:10:3: tests: no passing test (expect: pass)");
    assert_eq!(only(&without("fail")), "a.yaml:10:3: tests: no failing test (expect: fail)");
    let none = check_text("a", "database.tls", "").split("tests:").next().unwrap().to_string();
    assert_eq!(only(&none), "a.yaml:1:1: check: \"tests\" is missing");
}

#[test]
fn given_facts_must_exist_and_have_the_right_type() {
    for (given, expected) in [
        ("{ database: { tsl: true } }", "unknown fact \"database.tsl\" (did you mean \"tls\"?)"),
        ("{ database: { tls: 1 } }", "database.tls: expected true or false, found a number"),
        ("{ database: { tls: null } }", "database.tls: expected true or false, found null"),
        ("{ database: { environment: 1 } }", "expected a string or null, found a number"),
        ("{ database: { clients: [1] } }", "database.clients: expected a list of strings, found a list"),
        ("{ workload: {} }", "unknown name \"workload\"; a database check sees"),
        ("{ database: 1 }", "tests: given: database: expected an object, found a number"),
    ] {
        let text = check_text("a", "database.tls", "").replace("{ database: { tls: true } }", given);
        let message = only(&text);
        assert!(message.contains(expected), "{given}: {message}");
    }
}

#[test]
fn templates_are_checked_too() {
    for (message, expected) in [
        ("\"x {{ database.nme }}\"", "6:16: message: unknown fact \"database.nme\" (did you mean \"name\"?)"),
        ("\"{{ database }}\"", "\"database\" as a whole may not be used"),
        ("\"{{ subject.nmae }}\"", "\"subject\" has id, kind, namespace, name"),
        ("\"{{ workload.name }}\"", "unknown name \"workload\""),
        ("\"{{ database.name \"", "template: "),
        ("\"{{ database.name | nofilter }}\"", "template: filter nofilter is unknown"),
        ("\"{{ database.tls | length }}\"", "template: length takes a list or a string"),
    ] {
        let good = "\"{{ database.name }} fails a\"";
        let text = check_text("a", "database.tls", "").replace(good, message);
        let found = only(&text);
        assert!(found.contains(expected), "{message}: {found}");
    }
}

#[test]
fn all_problems_of_all_files_come_in_one_go_in_order() {
    let a = check_text("a", "database.tsl", "impliedBy: [nope]");
    let b = check_text("a", "database.tls", "x: 1");
    let all = problems(&[("b.yaml", &b), ("a.yaml", &a), ("c.yaml", "a: [")], &[]);
    let places: Vec<_> = all.iter().map(|p| p.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["a.yaml:1:5", "a.yaml:5:7", "a.yaml:8:13", "b.yaml:8:1", "c.yaml:1:4"], "{all:#?}");
    assert_eq!(all[0], "a.yaml:1:5: duplicate check \"a\": b.yaml has it too");
}

#[test]
fn implications_name_checks_of_the_same_subject_and_go_one_way() {
    let a = check_text("aa", "database.tls", "impliedBy: [bb]");
    let b = check_text("bb", "database.tls", "impliedBy: [cc]");
    let c = check_text("cc", "database.tls", "impliedBy: [aa]");
    let all = problems(&[("a.yaml", &a), ("b.yaml", &b), ("c.yaml", &c)], &[]);
    assert_eq!(all.len(), 3, "{all:#?}");
    assert_eq!(all[0], "a.yaml:8:13: impliedBy: \"aa\" and \"bb\" imply each other");
    let own = check_text("aa", "database.tls", "impliedBy: [aa]");
    assert!(only(&own).contains("imply each other"));
    let nope = check_text("check-one", "database.tls", "impliedBy: [chekc-one]");
    assert!(only(&nope).contains("unknown check \"chekc-one\" (did you mean \"check-one\"?)"));
    let other = "id: bb\ntitle: t\nseverity: low\nsubject: cluster\npass: cluster.enforced\nmessage: m\nwhy: w\n\
                 tests:\n  - { name: a, given: { cluster: { enforced: true } }, expect: pass }\n  \
                 - { name: b, given: { cluster: { enforced: false } }, expect: fail }\n";
    // What is wrong with the cluster may cause anything.
    registry(&[a.clone(), other.to_owned()]);
    let other = other.replace("subject: cluster", "subject: namespace");
    let other = other.replace("pass: cluster.enforced", "pass: cluster.enforced && namespace.name == 'x'");
    let all = problems(&[("a.yaml", &a), ("b.yaml", &other)], &[]);
    assert_eq!(all, ["a.yaml:8:13: impliedBy: \"bb\" is a check of another kind of subject, namespace not database"]);
}

const CIS: &str = "framework: cis-gke-1.9\ntitle: CIS GKE\ncontrols:\n  \
                   - { id: '4.3.1', title: One, checks: [aa] }\n  - { id: '4.3.2', title: Two, checks: [aa, bb] }\n  \
                   - { id: '4.3.3', title: Three, checks: [] }\n";

#[test]
fn controls_name_known_checks_and_reach_explanations() {
    let checks = [check_text("aa", "database.tls", ""), check_text("bb", "database.tls", "")];
    let files = Files {
        checks: vec![file("a", &checks[0]), file("b", &checks[1])],
        controls: vec![file("controls/cis.yaml", CIS)],
    };
    let r = Registry::load(&files, vocabulary).unwrap();
    assert_eq!(r.frameworks()[0].controls.len(), 3);
    assert_eq!(r.controls_of("aa")["cis-gke-1.9"], ["4.3.1", "4.3.2"]);
    assert_eq!(r.controls_of("bb")["cis-gke-1.9"], ["4.3.2"]);
    let controls: Vec<_> = r.describe("bb").unwrap().controls.into_iter().map(|c| (c.id, c.title)).collect();
    assert_eq!(controls, [("4.3.2".to_string(), "Two".to_string())]);

    let all = problems(
        &[("a.yaml", &checks[0])],
        &[("c1.yaml", CIS), ("c2.yaml", "framework: cis-gke-1.9\ntitle: t\ncontrols: []\nmore: 1\n")],
    );
    assert_eq!(
        all,
        [
            "c1.yaml:5:45: unknown check \"bb\"",
            "c2.yaml:1:12: duplicate framework \"cis-gke-1.9\"",
            "c2.yaml:4:1: controls: unknown key \"more\"; valid: framework, title, note, superseded, controls"
        ]
    );
}

#[test]
fn a_test_that_differs_reports_how() {
    let text = check_text("a", "database.tls", "")
        .replace("expect: pass }", "expect: pass, severity: low }")
        .replace("tls: false } }, expect: fail }", "tls: true } }, expect: fail, message: nonsense }");
    let outcomes = registry(&[text]).run_tests();
    assert!(outcomes.iter().all(|o| !o.passed));
    assert_eq!(outcomes[0].detail, "expected severity low, got high");
    assert!(outcomes[1].detail.starts_with("expected fail, got pass"), "{}", outcomes[1].detail);
    assert!(outcomes[1].detail.contains("expected a message with \"nonsense\""));
}

#[test]
fn an_explanation_says_what_is_read() {
    let e = registry(&[GOOD.into()]).describe("database-encrypted").unwrap();
    let paths: Vec<_> = e.facts.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(paths, ["database.engine", "database.tls", "cluster.enforced", "database.environment", "database.port"]);
    assert_eq!(e.facts[0].doc, "What it is. And more.");
    assert_eq!(e.needs, [Need::Cluster, Need::CloudNativePg]);
    assert_eq!(e.when.as_deref(), Some("database.engine == \"postgres\""));
    assert_eq!(e.lower[0].to, Severity::Medium);
    assert_eq!(e.tests, 6);
    assert!(registry(&[GOOD.into()]).describe("nope").is_none());
}

#[test]
fn no_text_makes_the_loader_panic() {
    let texts = ["", "[]", "a", "id: [", "id: {}\npass: []\ntests: {}", "\u{0}", "- - -", "tests: [1, {given: [x]}]"];
    for text in texts {
        assert!(!problems(&[("x.yaml", text)], &[("y.yaml", text)]).is_empty(), "{text}");
    }
    // Every truncation of a good file, for the places in the middle of scalars.
    for (end, _) in GOOD.char_indices() {
        let _ = Registry::load(&Files { checks: vec![file("x", &GOOD[..end])], controls: vec![] }, vocabulary);
    }
}
