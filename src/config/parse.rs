//! Parses the file, and reports every mistake in it at once.

use jiff::civil::Date;

use super::{
    CallerPermission, CheckSetting, Config, Environment, KnownNames, Pattern, Problem, Selection, Severity, Thresholds,
    Waiver,
};
use crate::document::{Cursor, PathStyle, Problems, hint, parse_yaml};

const PATHS: PathStyle = PathStyle { root: "configuration", separator: ".", indexes: false };

impl Config {
    /// Parses the text of a configuration file. `name` is the file's name in problems. An empty file is valid.
    ///
    /// # Errors
    /// Every mistake in the file, in order of line and column: syntax, unknown keys and check ids (with the nearest
    /// valid name), wrong types, bad dates, missing fields, values out of range, a name in two environments.
    pub fn parse(name: &str, text: &str, known: &KnownNames) -> Result<Config, Vec<Problem>> {
        let root = parse_yaml(name, text).map_err(|p| vec![p])?;
        let problems = Problems::new(PATHS);
        let config = if root.is_null() { Config::default() } else { parse(Cursor::new(&root, &problems), known) };
        let mut problems = problems.drain(name, &root);
        if problems.is_empty() {
            return Ok(config);
        }
        problems.sort();
        Err(problems)
    }
}

fn parse(root: Cursor<'_>, known: &KnownNames) -> Config {
    let keys = [
        "environments",
        "platformNamespaces",
        "profile",
        "callerPermissions",
        "untrustedWorkloads",
        "checks",
        "thresholds",
        "waivers",
    ];
    let mut config = Config::default();
    let Some(root) = root.object(&keys) else { return config };
    let mut names: Vec<(String, &str)> = Vec::new();
    for (entry, value) in root.get("environments").map(|c| c.entries()).unwrap_or_default() {
        config.environments.insert(entry.key.to_string(), parse_environment(value, &entry.key, &mut names));
    }
    let items = root.items("platformNamespaces");
    config.platform_namespaces = items.iter().filter_map(|c| c.text()).map(Pattern::new).collect();
    let profiles = Selection::ALL.map(|s| (s.name(), s));
    config.profile = root.get("profile").and_then(|c| c.one_of("profile", &profiles)).unwrap_or_default();
    let permissions = CallerPermission::ALL.map(|p| (p.name(), p));
    let items = root.items("callerPermissions");
    config.caller_permissions = items.iter().filter_map(|c| c.one_of("permission", &permissions)).collect();
    config.untrusted_workloads = root.bool_at("untrustedWorkloads").unwrap_or_default();
    for (entry, value) in root.get("checks").map(|c| c.entries()).unwrap_or_default() {
        require_known_check(value, (entry.line, entry.column), &entry.key, known);
        config.checks.insert(entry.key.to_string(), parse_check_setting(value));
    }
    config.thresholds = root.get("thresholds").map(parse_thresholds).unwrap_or_default();
    config.waivers = root.items("waivers").into_iter().filter_map(|c| parse_waiver(c.named("waiver"), known)).collect();
    config
}

fn require_known_check(c: Cursor<'_>, position: (u32, u32), id: &str, known: &KnownNames) {
    if !known.checks.iter().any(|check| check == id) {
        let hint = hint(id, known.checks.iter().map(String::as_str));
        c.problem_without_path(position, format_args!("unknown check \"{id}\"{hint}"));
    }
}

/// `names` are the entries of the environments parsed so far, to find one that is in two.
fn parse_environment<'a>(c: Cursor<'a>, name: &'a str, names: &mut Vec<(String, &'a str)>) -> Environment {
    let mut environment = Environment::default();
    let Some(c) = c.object(&["namespaces", "databases"]) else { return environment };
    for (key, patterns) in [("namespaces", &mut environment.namespaces), ("databases", &mut environment.databases)] {
        for item in c.items(key) {
            let Some(text) = item.text() else { continue };
            let entry = format!("{key} {text}");
            match names.iter().find(|(e, other)| *e == entry && *other != name) {
                Some((_, other)) => item.problem_without_path(
                    item.position(),
                    format_args!("\"{text}\" is in environment \"{other}\" already"),
                ),
                None => names.push((entry, name)),
            }
            patterns.push(Pattern::new(text));
        }
    }
    environment
}

fn parse_check_setting(c: Cursor<'_>) -> CheckSetting {
    let Some(c) = c.object(&["enabled", "severity"]) else { return CheckSetting::default() };
    CheckSetting { enabled: c.bool_at("enabled"), severity: c.get("severity").and_then(Severity::parse) }
}

fn parse_thresholds(c: Cursor<'_>) -> Thresholds {
    let Some(c) = c.object(&["ingressCoverage", "egressCoverage"]) else { return Thresholds::default() };
    let percent = |key: &str| c.get(key).and_then(|n| n.percent()).unwrap_or_default();
    Thresholds { ingress_coverage: percent("ingressCoverage"), egress_coverage: percent("egressCoverage") }
}

fn parse_waiver(c: Cursor<'_>, known: &KnownNames) -> Option<Waiver> {
    let c = c.object(&["check", "subject", "reason", "owner", "ticket", "until"])?;
    let [check, subject, reason, owner, until] =
        ["check", "subject", "reason", "owner", "until"].map(|key| c.require(key).and_then(|n| Some((n, n.text()?))));
    let ticket = c.get("ticket").and_then(|n| n.text());
    if let Some((n, id)) = check {
        match id.contains('*') {
            true => n.problem(format_args!(
                "\"{id}\": expected the exact id of one check: a waiver of many would also hide findings that nobody has seen"
            )),
            false => require_known_check(n, n.position(), id, known),
        }
    }
    let until = until.and_then(|(n, text)| {
        let date = parse_date(text);
        if date.is_none() {
            n.problem(format_args!("\"{text}\" is no date, expected YYYY-MM-DD"));
        }
        date
    });
    Some(Waiver {
        check: check?.1.to_owned(),
        subject: Pattern::new(subject?.1),
        reason: reason?.1.to_owned(),
        owner: owner?.1.to_owned(),
        ticket: ticket.map(str::to_owned),
        until: until?,
    })
}

/// Exactly `YYYY-MM-DD`; jiff alone would accept a time as well.
fn parse_date(text: &str) -> Option<Date> {
    text.parse::<Date>().ok().filter(|d| d.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let known = KnownNames { checks: vec!["db-tls-required".into(), "other".into()] };
        Config::parse("gke-posture.yaml", text, &known).unwrap_err().iter().map(|p| p.to_string()).collect()
    }

    fn only(text: &str) -> String {
        let all = problems(text);
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].clone()
    }

    #[test]
    fn an_empty_file_is_valid() {
        for text in ["", "# nothing yet\n", "waivers:\nchecks:\n"] {
            assert_eq!(Config::parse("c", text, &KnownNames::default()).unwrap(), Config::default());
        }
    }

    #[test]
    fn a_mistyped_check_id_is_named_with_its_place_and_the_nearest() {
        let text = "\n\n\n\n\n\n\nwaivers:\n  - check: db-tls-reqired\n    subject: x\n    reason: r\n    owner: o\n    until: 2027-01-31\n";
        assert_eq!(
            only(text),
            "gke-posture.yaml:9:12: unknown check \"db-tls-reqired\" (did you mean \"db-tls-required\"?)"
        );
        assert_eq!(
            only("checks:\n  othr: { enabled: false }\n"),
            "gke-posture.yaml:2:3: unknown check \"othr\" (did you mean \"other\"?)"
        );
    }

    #[test]
    fn unknown_keys_are_named_with_the_nearest() {
        assert_eq!(
            only("waiver: []"),
            "gke-posture.yaml:1:1: configuration: unknown key \"waiver\" (did you mean \"waivers\"?)"
        );
        assert_eq!(
            only("thresholds: { zebra: 1 }"),
            "gke-posture.yaml:1:15: thresholds: unknown key \"zebra\"; valid: ingressCoverage, egressCoverage"
        );
        assert!(only("environments: { p: { namespace: [a] } }").contains("(did you mean \"namespaces\"?)"));
    }

    #[test]
    fn values_of_a_wrong_type_or_range_are_refused() {
        for (text, expected) in [
            (
                "thresholds: { egressCoverage: 101 }",
                "1:31: thresholds.egressCoverage: 101 is out of range, expected 0 to 100",
            ),
            ("thresholds: { egressCoverage: -1 }", "-1 is out of range"),
            ("thresholds: { egressCoverage: 0.5 }", "expected a whole number from 0 to 100, found a number"),
            ("thresholds: 5", "1:13: thresholds: expected an object, found a number"),
            (
                "checks: { other: { enabled: yes } }",
                "1:29: checks.other.enabled: expected true or false, found a string",
            ),
            (
                "checks: { other: { severity: hihg } }",
                "(did you mean \"high\"?); valid: critical, high, medium, low, info",
            ),
            ("profile: securty", "1:10: profile: unknown profile \"securty\" (did you mean \"security\"?)"),
            ("callerPermissions: [container.admin]", "unknown permission \"container.admin\""),
            ("untrustedWorkloads: perhaps", "expected true or false, found a string"),
            ("checks: { other: false }", "checks.other: expected an object, found a boolean"),
            ("platformNamespaces: x", "platformNamespaces: expected a list, found a string"),
            ("platformNamespaces: [1]", "platformNamespaces: expected a string, found a number (put it in quotes)"),
            ("platformNamespaces: ['']", "platformNamespaces: is empty"),
            ("environments: [a]", "environments: expected an object, found a list"),
            ("[]", "1:1: configuration: expected an object, found a list"),
        ] {
            let message = only(text);
            assert!(message.contains(expected), "{text}: {message}");
        }
    }

    #[test]
    fn a_waiver_needs_all_its_fields_and_a_real_date() {
        let all = problems("waivers: [{ check: other }]");
        assert_eq!(all.len(), 4, "{all:?}");
        for (key, message) in ["owner", "reason", "subject", "until"].iter().zip(&all) {
            assert_eq!(*message, format!("gke-posture.yaml:1:11: waiver: \"{key}\" is missing"));
        }
        let with =
            |until: &str| format!("waivers: [{{ check: other, subject: x, reason: r, owner: o, until: {until} }}]");
        for bad in ["2027-02-30", "soon", "2027-1-31", "2027-01-31T10:00:00", "20270131x"] {
            assert!(only(&with(bad)).contains("is no date, expected YYYY-MM-DD"), "{bad}");
        }
        assert!(
            only("waivers: [{ check: 'db-*', subject: x, reason: r, owner: o, until: 2027-01-31 }]")
                .contains("expected the exact id of one check")
        );
        assert!(
            only("waivers: [{ check: '*', subject: '*', reason: r, owner: o, until: 2027-01-31 }]")
                .starts_with("gke-posture.yaml:1:20: waiver.check: \"*\": expected the exact id of one check")
        );
        assert!(
            only("waivers: [{ check: other, subject: x, reason: r, owner: o, until: 2027-01-31, ticket: 7 }]")
                .contains("put it in quotes")
        );
    }

    #[test]
    fn all_mistakes_are_reported_in_one_go_in_order() {
        let all = problems(
            "wavers: []\nthresholds: { ingressCoverage: 200 }\nchecks: { nope: {}, other: { severity: 1 } }\n",
        );
        let places: Vec<_> = all.iter().map(|m| m.split(": ").next().unwrap().to_string()).collect();
        let expected = ["1:1", "2:32", "3:11", "3:40"].map(|p| format!("gke-posture.yaml:{p}"));
        assert_eq!(places, expected, "{all:?}");
    }

    #[test]
    fn one_name_belongs_to_one_environment() {
        let text = "environments:\n  a: { namespaces: [x, 'y*'] }\n  b: { namespaces: ['y*'], databases: [x] }\n";
        assert_eq!(only(text), "gke-posture.yaml:3:21: \"y*\" is in environment \"a\" already");
    }

    #[test]
    fn a_syntax_error_has_its_place() {
        assert!(only("a: [1,\nb").starts_with("gke-posture.yaml:1:4: "));
    }
}
