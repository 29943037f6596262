//! Reads the file, and reports every mistake in it at once.

use jiff::civil::Date;

use super::decode::Decoder;
use super::yaml::{self, Node, Value};
use super::{
    CallerPermission, CheckSetting, Config, Environment, KnownNames, Pattern, Problem, Selection, Thresholds, Waiver,
    hint,
};

impl Config {
    /// Reads the text of a configuration file. `name` is how problems call the file. An empty file is valid.
    ///
    /// # Errors
    /// Every mistake in the file, in order of line and column: syntax, unknown keys and check ids (with the nearest
    /// valid name), wrong types, bad dates, missing fields, values out of range, a name in two environments.
    pub fn parse(name: &str, text: &str, known: &KnownNames) -> Result<Config, Vec<Problem>> {
        let root = yaml::parse(name, text).map_err(|p| vec![p])?;
        let mut decoder = Decoder::new(name);
        let config = decode(&mut decoder, &root, known);
        let mut problems = decoder.problems;
        if problems.is_empty() {
            return Ok(config);
        }
        problems.sort();
        Err(problems)
    }
}

fn decode(d: &mut Decoder<'_>, root: &Node, known: &KnownNames) -> Config {
    let mut config = Config::default();
    if root.value == Value::Null {
        return config;
    }
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
    let fields = d.fields(root, "configuration", &keys);
    if let Some(node) = fields.get("environments") {
        let mut names: Vec<(String, &str)> = Vec::new();
        for entry in d.entries(node, "environments") {
            let environment = environment(d, entry.name, entry.value, &mut names);
            config.environments.insert(entry.name.into(), environment);
        }
    }
    if let Some(node) = fields.get("platformNamespaces") {
        config.platform_namespaces = patterns(d, node, "platformNamespaces");
    }
    if let Some(node) = fields.get("profile") {
        let known = Selection::ALL.map(|s| (s.name(), s));
        config.profile = d.one_of(node, "profile", "profile", &known).unwrap_or_default();
    }
    if let Some(node) = fields.get("callerPermissions") {
        const WHAT: &str = "callerPermissions";
        let known = CallerPermission::ALL.map(|p| (p.name(), p));
        let items = d.items(node, WHAT);
        config.caller_permissions = items.iter().filter_map(|n| d.one_of(n, WHAT, "permission", &known)).collect();
    }
    if let Some(node) = fields.get("untrustedWorkloads") {
        config.untrusted_workloads = d.boolean(node, "untrustedWorkloads").unwrap_or_default();
    }
    if let Some(node) = fields.get("checks") {
        for entry in d.entries(node, "checks") {
            known_check(d, entry.key, entry.name, known);
            config.checks.insert(entry.name.into(), check_setting(d, entry.name, entry.value));
        }
    }
    if let Some(node) = fields.get("thresholds") {
        config.thresholds = thresholds(d, node);
    }
    if let Some(node) = fields.get("waivers") {
        config.waivers = d.items(node, "waivers").iter().filter_map(|n| waiver(d, n, known)).collect();
    }
    config
}

fn known_check(d: &mut Decoder<'_>, at: &Node, id: &str, known: &KnownNames) {
    if !known.checks.iter().any(|c| c == id) {
        d.report(at, format!("unknown check \"{id}\"{}", hint(id, known.checks.iter().map(String::as_str))));
    }
}

fn patterns(d: &mut Decoder<'_>, node: &Node, what: &str) -> Vec<Pattern> {
    d.texts(node, what).into_iter().map(|(text, _)| Pattern::new(text)).collect()
}

/// `names` are the entries of the environments read so far, to find one that is in two.
fn environment<'n>(
    d: &mut Decoder<'_>,
    name: &'n str,
    node: &'n Node,
    names: &mut Vec<(String, &'n str)>,
) -> Environment {
    let what = format!("environments.{name}");
    let fields = d.fields(node, &what, &["namespaces", "databases"]);
    let mut environment = Environment::default();
    for (key, target) in [("namespaces", &mut environment.namespaces), ("databases", &mut environment.databases)] {
        let Some(list) = fields.get(key) else { continue };
        for (text, item) in d.texts(list, &format!("{what}.{key}")) {
            let entry = format!("{key} {text}");
            match names.iter().find(|(e, other)| *e == entry && *other != name) {
                Some((_, other)) => d.report(item, format!("\"{text}\" is in environment \"{other}\" already")),
                None => names.push((entry, name)),
            }
            target.push(Pattern::new(text));
        }
    }
    environment
}

fn check_setting(d: &mut Decoder<'_>, id: &str, node: &Node) -> CheckSetting {
    let what = format!("checks.{id}");
    let fields = d.fields(node, &what, &["enabled", "severity"]);
    let enabled = fields.get("enabled").and_then(|n| d.boolean(n, &format!("{what}.enabled")));
    let severity = fields.get("severity").and_then(|n| d.severity(n, &format!("{what}.severity")));
    CheckSetting { enabled, severity }
}

fn thresholds(d: &mut Decoder<'_>, node: &Node) -> Thresholds {
    let fields = d.fields(node, "thresholds", &["ingressCoverage", "egressCoverage"]);
    let mut t = Thresholds::default();
    for (key, target) in [("ingressCoverage", &mut t.ingress_coverage), ("egressCoverage", &mut t.egress_coverage)] {
        if let Some(percent) = fields.get(key).and_then(|n| d.percent(n, &format!("thresholds.{key}"))) {
            *target = percent;
        }
    }
    t
}

fn waiver(d: &mut Decoder<'_>, node: &Node, known: &KnownNames) -> Option<Waiver> {
    const WHAT: &str = "waiver";
    let fields = d.fields(node, WHAT, &["check", "subject", "reason", "owner", "ticket", "until"]);
    let mut text = |key: &str, required: bool| {
        let node = if required { fields.require(d, WHAT, key) } else { fields.get(key) };
        node.and_then(|n| d.text(n, &format!("{WHAT}: {key}")))
    };
    let check = text("check", true);
    let subject = text("subject", true);
    let reason = text("reason", true);
    let owner = text("owner", true);
    let ticket = text("ticket", false);
    let until = text("until", true);
    if let (Some(id), Some(at)) = (&check, fields.get("check")) {
        if id != "*" && id.contains('*') {
            d.report(at, format!("waiver: check \"{id}\": expected the exact id of a check, or \"*\" for every check"));
        } else if id != "*" {
            known_check(d, at, id, known);
        }
    }
    let until = until.and_then(|t| {
        let date = date(&t);
        if let (None, Some(at)) = (date, fields.get("until")) {
            d.report(at, format!("waiver: until: \"{t}\" is no date, expected YYYY-MM-DD"));
        }
        date
    });
    Some(Waiver {
        check: check?,
        subject: Pattern::new(subject?),
        reason: reason?,
        owner: owner?,
        ticket,
        until: until?,
    })
}

/// Exactly `YYYY-MM-DD`; jiff alone would take a time as well.
fn date(text: &str) -> Option<Date> {
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
            ("thresholds: 5", "1:13: thresholds: expected a mapping, found a number"),
            ("checks: { other: { enabled: yes } }", "1:29: checks.other.enabled: expected true or false, found text"),
            (
                "checks: { other: { severity: hihg } }",
                "(did you mean \"high\"?); valid: critical, high, medium, low, info",
            ),
            ("profile: securty", "1:10: profile: unknown profile \"securty\" (did you mean \"security\"?)"),
            ("callerPermissions: [container.admin]", "unknown permission \"container.admin\""),
            ("untrustedWorkloads: perhaps", "expected true or false, found text"),
            ("checks: { other: false }", "checks.other: expected a mapping, found true or false"),
            ("platformNamespaces: x", "platformNamespaces: expected a list, found text"),
            ("platformNamespaces: [1]", "expected text, found a number (put it in quotes)"),
            ("platformNamespaces: ['']", "platformNamespaces: is empty"),
            ("environments: [a]", "environments: expected a mapping, found a list"),
            ("[]", "1:1: configuration: expected a mapping, found a list"),
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
                .contains("expected the exact id of a check, or \"*\"")
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
