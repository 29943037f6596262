//! What an expression may say, and what it comes to.

use serde_json::json;

use super::super::expr::{ClusterView, Expr, Outcome, View};
use super::super::scope::Scope;
use super::*;

fn scope() -> Scope {
    Scope { subject: SubjectKind::Database, vocabulary }
}

fn outcome(source: &str, values: Json) -> Outcome {
    let expr = Expr::compile(source, scope()).unwrap_or_else(|m| panic!("{source}: {m:?}"));
    let facts = facts(SubjectKind::Database, "d", values);
    let cluster = super::facts(SubjectKind::Cluster, "cluster", json!({"version": "1.35.6-gke.1250000"}));
    let cluster = ClusterView::new(Some(&cluster), vocabulary(SubjectKind::Cluster), &[]);
    expr.eval(&View::new(&facts, vocabulary(SubjectKind::Database), &cluster))
}

fn reasons(source: &str, values: Json) -> Vec<String> {
    match outcome(source, values) {
        Outcome::Unknown(reasons) => reasons.into_iter().map(|r| r.text).collect(),
        other => panic!("{source}: {other:?}"),
    }
}

fn mistake(source: &str) -> String {
    let mistakes = Expr::compile(source, scope()).err().unwrap_or_else(|| panic!("{source} was taken"));
    mistakes.iter().map(|m| format!("{}: {}", m.offset, m.message)).collect::<Vec<_>>().join("\n")
}

/// tls is false, open true, environment unknown.
fn one_unknown() -> Json {
    json!({"tls": false, "open": true, "image": {"unknown": "why image"}, "clients": ["a", "b"]})
}

#[test]
fn a_definite_operand_decides_in_either_order() {
    let unknown = "database.image == 'x'";
    for (source, expected) in [
        (format!("database.tls && {unknown}"), Outcome::False),
        (format!("{unknown} && database.tls"), Outcome::False),
        (format!("database.open || {unknown}"), Outcome::True),
        (format!("{unknown} || database.open"), Outcome::True),
        (format!("!({unknown} || database.open)"), Outcome::False),
        (format!("{unknown} && {unknown} && database.tls"), Outcome::False),
        (format!("({unknown} || {unknown}) || database.open"), Outcome::True),
        (format!("database.tls ? {unknown} : database.open"), Outcome::True),
    ] {
        assert_eq!(outcome(&source, one_unknown()), expected, "{source}");
    }
}

#[test]
fn an_unknown_that_could_change_the_outcome_is_never_a_verdict() {
    let unknown = "database.image == 'x'";
    for source in [
        unknown.to_string(),
        format!("!({unknown})"),
        format!("database.open && {unknown}"),
        format!("{unknown} && database.open"),
        format!("database.tls || {unknown}"),
        format!("{unknown} || database.tls"),
        format!("{unknown} || {unknown}"),
        format!("{unknown} && {unknown}"),
        format!("{unknown} ? true : true"),
        format!("database.open ? {unknown} : true"),
        format!("({unknown} && database.open) || database.tls"),
        format!("({unknown}) == ({unknown})"),
        format!("({unknown}) != true"),
        format!("[{unknown}, true] == [true, true]"),
        "database.image in ['x']".to_string(),
        "database.clients.exists(c, c == database.image)".to_string(),
        "database.clients.all(c, c != database.image)".to_string(),
        "database.clients.filter(c, c == database.image).size() == 0".to_string(),
        "database.clients.map(c, c + database.image) == []".to_string(),
        "database.clients.exists_one(c, c == database.image)".to_string(),
        "ver(database.image) >= ver('1')".to_string(),
        "database.image.startsWith('x')".to_string(),
    ] {
        assert_eq!(reasons(&source, one_unknown()), ["why image"], "{source}");
    }
}

#[test]
fn a_list_decides_where_one_element_does() {
    let source = "database.clients.exists(c, c == 'a' || c == database.image)";
    assert_eq!(outcome(source, one_unknown()), Outcome::True);
    let source = "database.clients.all(c, c != 'b' && c != database.image)";
    assert_eq!(outcome(source, one_unknown()), Outcome::False);
    assert_eq!(outcome("database.clients.all(c, c == database.image)", json!({"clients": []})), Outcome::True);
}

#[test]
fn only_the_unknown_facts_that_matter_give_reasons() {
    let values = json!({"tls": {"unknown": "why tls"}, "open": true, "image": {"unknown": "why image"}, "port": 1});
    // `open || image` is true whatever the image is.
    let source = "(database.open || database.image == 'x') && database.tls";
    assert_eq!(reasons(source, values.clone()), ["why tls"]);
    assert_eq!(reasons("database.tls && database.image == 'x'", values.clone()), ["why tls", "why image"]);
    assert_eq!(reasons("database.tls || database.tls", values), ["why tls"]);
}

#[test]
fn every_other_run_time_error_is_unknown_too() {
    let values = json!({"image": "latest", "port": 0, "tls": true});
    assert_eq!(
        reasons("ver(database.image) >= ver('1.2')", values.clone()),
        ["`ver(database.image) >= ver('1.2')` cannot be evaluated: \"latest\" is no version"]
    );
    assert!(reasons("10 / database.port == 1", values.clone())[0].contains("cannot be evaluated"));
    assert!(reasons("9223372036854775807 + database.port + 1 == 1", values)[0].contains("cannot be evaluated"));
}

#[test]
fn a_fact_that_is_absent_or_of_a_wrong_type_is_unknown() {
    assert_eq!(reasons("database.tls", json!({})), ["database.tls is not given"]);
    for bad in [json!("true"), json!(null), json!(1)] {
        assert_eq!(reasons("database.tls", json!({"tls": bad})), ["database.tls has an unexpected type"]);
    }
    for bad in [json!(u64::MAX), json!(1.0), json!(null)] {
        assert_eq!(reasons("database.port == 1", json!({"port": bad})), ["database.port has an unexpected type"]);
    }
    assert_eq!(
        reasons("database.clients == []", json!({"clients": ["a", 1]})),
        ["database.clients has an unexpected type"]
    );
}

#[test]
fn integers_are_ints_and_null_is_a_known_nothing() {
    for (source, values) in [
        ("database.port + 1 == 5433", json!({"port": 5432})),
        ("database.port - 5433 == -1", json!({"port": 5432})),
        ("database.environment == null", json!({"environment": null})),
        ("database.environment != 'production'", json!({"environment": null})),
        ("database.environment == 'production'", json!({"environment": "production"})),
        ("database.environment == cluster.channel || true", json!({"environment": null})),
        ("ver(cluster.version) > ver('1.35.6-gke.1')", json!({})),
        ("size(database.clients) == 2 && database.clients.size() == 2", json!({"clients": ["a", "b"]})),
        ("'a' in database.clients && !('c' in database.clients)", json!({"clients": ["a", "b"]})),
        ("database.ranges.exists(r, cidr(r).contains(ip('8.8.8.8')))", json!({"ranges": ["0.0.0.0/0"]})),
        ("database.clients.filter(c, c.startsWith('a')).map(c, c + '!') == ['a!']", json!({"clients": ["a", "b"]})),
        ("database.clients.map(c, size(c)) == [1]", json!({"clients": ["a"]})),
        ("database.clients.exists(c, database.ranges.exists(r, r == c))", json!({"clients": ["a"], "ranges": ["a"]})),
        ("string(database.port) == '1' && int('1') == database.port", json!({"port": 1})),
        ("database.image.matches('^postgres:[0-9]+$')", json!({"image": "postgres:16"})),
    ] {
        assert_eq!(outcome(source, values), Outcome::True, "{source}");
    }
}

#[test]
fn facts_are_named_in_full_and_must_exist() {
    for (source, expected) in [
        ("database.tsl", "0: unknown fact \"database.tsl\" (did you mean \"tls\"?)"),
        ("true && cluster.zebra", "8: unknown fact \"cluster.zebra\""),
        (
            "databse.tls",
            "0: unknown name \"databse\" (did you mean \"database\"?); a database check sees `database` and `cluster`",
        ),
        ("namespace.name == 'x'", "0: unknown name \"namespace\"; a database check sees `database` and `cluster`"),
        ("database == cluster", "\"database\" as a whole may not be used"),
        ("has(database.tls)", "has() may not be used"),
        ("'tls' in database", "`in` takes a list: every fact exists"),
        ("database['tls']", "0: write database.tls instead of database[\"tls\"]"),
        ("database[database.name] == 1", "an index may not be used"),
        ("database.clients[0] == 'a'", "an index may not be used"),
        ("database.name.length == 1", "\"database.name\" has no field \"length\""),
        ("database.clients.exists(c, c.name == 'x')", "\"c\" is an element of a list, it has no field \"name\""),
        ("[database].exists(d, d.tls)", "\"database\" as a whole may not be used"),
        ("{'a': 1} == {'a': 1}", "maps and messages may not be built here"),
        ("database.?tls == 1", "unsupported syntax"),
    ] {
        let found = mistake(source);
        assert!(found.contains(expected), "{source}: {found}");
    }
}

#[test]
fn a_fact_that_may_be_null_is_only_compared() {
    for source in [
        "database.environment.startsWith('p')",
        "database.environment in ['production']",
        "database.environment + 'x' == 'y'",
        "ver(database.environment) > ver('1')",
        "(database.tls ? database.environment : 'x') == 'x'",
        "[database.environment] == ['x']",
        "database.clients.map(c, database.environment) == []",
        "database.clients.exists(c, database.environment.contains(c))",
        "size(database.environment) == 1",
        "database.environment",
    ] {
        let found = mistake(source);
        assert!(found.contains("\"database.environment\" may be null"), "{source}: {found}");
    }
    let found = mistake("database.tls == null");
    assert_eq!(found, "13: \"database.tls\" is never null");
}

#[test]
fn types_must_fit() {
    for (source, expected) in [
        ("database.name", "the expression is a string, expected a boolean"),
        ("database.clients", "the expression is a list, expected a boolean"),
        ("database.port + 1", "the expression is an integer, expected a boolean"),
        ("database.port == '5432'", "14: an integer and a string are never equal"),
        ("database.name == true", "never equal"),
        ("database.clients == [1]", "never equal"),
        ("database.tls && database.name", "16: && takes a boolean, found a string"),
        ("!database.port", "! takes a boolean, found an integer"),
        ("database.name < 'x'", "have no order (versions are compared as ver(x) < ver(y))"),
        ("ver('1') < 1", "a version and an integer have no order"),
        ("database.port in database.clients", "never found"),
        ("database.port in database.name", "`in` takes a list, found a string"),
        ("database.clients.contains('a')", "a list does not contain a string (write x in list)"),
        ("cidr('10.0.0.0/8').contains('10.0.0.1')", "a CIDR range does not contain a string"),
        ("database.name.exists(c, c == 'x')", "take a list, found a string"),
        ("database.clients.exists(c, c == 1)", "never equal"),
        ("database.clients.exists(c, c)", "takes a boolean, found a string"),
        ("database.clients.exists(c)", "exists() takes"),
        ("database.clients.exists(database, true)", "\"database\" is taken"),
        ("database.clients.all(c, database.clients.all(c, c == 'x'))", "\"c\" is taken"),
        ("database.tls ? 1 : 'x'", "?: gives an integer or a string"),
        ("database.port == 1.5", "use an integer or a string"),
        ("[1, 'a'] == []", "a list of one type is expected"),
        ("database.tls + database.tls == true", "do not add"),
        ("size(database.port) == 1", "an integer has no size"),
        ("version(database.name) == ver('1')", "0: unknown function \"version\""),
        ("database.name.startWith('x')", "14: unknown function \"startWith\" (did you mean \"startsWith\"?)"),
        ("type(database.name) == string", "unknown function \"type\""),
        ("ver(database.port) > ver('1')", "ver() takes a string, found an integer"),
        ("ver('1', '2') > ver('1')", "ver() takes 1 argument(s)"),
        ("ver('1.x') > ver('1')", "0: \"1.x\" is no version"),
        ("database.name.matches('[')", "14: "),
    ] {
        let found = mistake(source);
        assert!(found.contains(expected), "{source}: {found}");
    }
}

#[test]
fn text_that_is_no_expression_is_refused_at_its_place() {
    for (source, offset) in [("database.tls &&", 15), ("database.tls ==\n  'x", 18), ("", 0), ("a b", 2)] {
        let found = mistake(source);
        assert!(found.starts_with(&format!("{offset}: ")), "{source}: {found}");
        assert!(!found.contains("expecting {"), "{found}");
    }
    assert!(mistake(&"x".repeat(5000)).contains("longer than"));
    let deep = vec!["1"; 300].join("+") + " == 1";
    assert!(mistake(&deep).contains("nested more than"), "{}", mistake(&deep));
    assert!(!mistake("'((((((((((((((((((((((((((' == database.name && x").contains("nested"));
    for open in ["(", "[", "{", "f("] {
        assert!(mistake(&open.repeat(300)).contains("brackets are nested"), "{open}");
    }
}

/// A long flat chain is no deep one.
#[test]
fn many_operands_are_fine() {
    let source = vec!["database.tls"; 200].join(" && ");
    assert_eq!(outcome(&source, json!({"tls": true})), Outcome::True);
}

/// The largest expressions that are taken are compiled and evaluated on any thread.
#[test]
fn nothing_that_is_taken_overflows_the_stack() {
    let values = json!({"tls": true, "port": 1, "clients": ["a"]});
    let brackets =
        |open: &str, inner: &str, close: &str, n: usize| format!("{}{inner}{}", open.repeat(n), close.repeat(n));
    for pass in [
        brackets("(true && ", "database.tls", ")", 16),
        brackets("[", "", "]", 16) + " == []",
        format!("database.port == {}", vec!["1"; 28].join("+")),
        (0..2).fold("true".into(), |inner, i| format!("database.clients.all(c{i}, {inner})")),
        (0..15)
            .fold("database.port".into(), |inner, _| format!("int(string({inner}))"))
            .replacen("int(string(", "", 8)
            .replacen("))", "", 8)
            + " == 1",
    ] {
        let r = registry(&[check_text("a", &serde_json::to_string(&pass).unwrap(), "")]);
        let results = run(&r, &table(vec![facts(SubjectKind::Database, "d", values.clone())], None));
        assert_ne!(results[0].verdict, Verdict::Unknown, "{pass}");
    }
    // A macro in a macro in a macro: more than its depth, its time is refused.
    let macros = (0..3).fold("true".into(), |inner: String, i| format!("database.clients.all(c{i}, {inner})"));
    for pass in ["(", "[", "database.clients.all(x, "].map(|open| open.repeat(16)).into_iter().chain([macros]) {
        let text = check_text("a", &serde_json::to_string(&pass).unwrap(), "");
        assert!(Registry::load(&Files { checks: vec![file("a", &text)], controls: vec![] }, vocabulary).is_err());
    }
}

mod sound {
    use proptest::prelude::*;

    use super::*;

    /// Boolean expressions over three facts, two of which are unknown.
    fn expression() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("database.tls".to_string()),
            Just("database.open".to_string()),
            Just("database.port == 1".to_string()),
            Just("true".to_string()),
            Just("false".to_string()),
            Just("['a', 'b'].exists(x, x == 'b' && database.open)".to_string()),
            Just("['a', 'b'].all(x, x == 'a' || database.tls)".to_string()),
        ];
        leaf.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(({a}) == ({b}))")),
                (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
                inner.prop_map(|a| format!("!({a})")),
            ]
        })
    }

    proptest! {
        /// A verdict in spite of unknown facts holds for every value that they could have.
        #[test]
        fn a_verdict_holds_whatever_the_unknown_facts_are(source in expression(), port in 1..3) {
            let with = |tls: Json, open: Json| outcome(&source, json!({"tls": tls, "open": open, "port": port}));
            let unknown = with(json!({"unknown": "why tls"}), json!({"unknown": "why open"}));
            for tls in [false, true] {
                for open in [false, true] {
                    let known = with(json!(tls), json!(open));
                    prop_assert!(!matches!(known, Outcome::Unknown(_)), "{source}: {known:?}");
                    if !matches!(unknown, Outcome::Unknown(_)) {
                        prop_assert_eq!(&unknown, &known, "{}", &source);
                    }
                }
            }
            if let Outcome::Unknown(reasons) = unknown {
                prop_assert!(reasons.iter().all(|r| r.text.starts_with("why ")), "{source}: {reasons:?}");
            }
        }
    }
}
