use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::inventory::object::{Container, EnvFrom, EnvFromSource, EnvSource, EnvVar, Meta, ServicePort};
use crate::lexicon;

/// Test double: maps of one namespace, `prod`.
#[derive(Default)]
struct World {
    maps: BTreeMap<String, ConfigMap>,
    services: Vec<Service>,
    partial: bool,
}

impl Sources for World {
    fn config_map(&self, namespace: &str, name: &str) -> Known<Option<&ConfigMap>> {
        match self.maps.get(name) {
            Some(m) => Known::Value(Some(m)),
            None if self.partial => Known::unknown(Reason::missing(format!("ConfigMap {namespace}/{name}"))),
            None => Known::Value(None),
        }
    }
    fn services(&self, namespace: &str) -> Known<Vec<&Service>> {
        Known::Value(self.services.iter().filter(|s| s.meta.namespace == namespace).collect())
    }
}

fn world(maps: &[(&str, &[(&str, &str)])]) -> World {
    let maps = maps
        .iter()
        .map(|(name, data)| {
            let data = data.iter().map(|(k, v)| ((*k).to_owned(), lexicon::Value::mask(k, v))).collect();
            ((*name).to_owned(), ConfigMap { data, ..ConfigMap::default() })
        })
        .collect();
    World { maps, ..World::default() }
}

fn map(name: &str) -> EnvFrom {
    EnvFrom { prefix: String::new(), source: EnvFromSource::ConfigMap { name: name.into(), optional: false } }
}
fn prefixed(prefix: &str, name: &str) -> EnvFrom {
    EnvFrom { prefix: prefix.into(), ..map(name) }
}
fn optional_map(name: &str) -> EnvFrom {
    EnvFrom { prefix: String::new(), source: EnvFromSource::ConfigMap { name: name.into(), optional: true } }
}
fn secret(name: &str) -> EnvFrom {
    EnvFrom { prefix: String::new(), source: EnvFromSource::Secret { name: name.into(), optional: false } }
}
fn lit(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.into(), source: EnvSource::Value(lexicon::Value::mask(name, value)) }
}
fn from_secret(name: &str, object: &str, key: &str, optional: bool) -> EnvVar {
    EnvVar { name: name.into(), source: EnvSource::SecretKey { name: object.into(), key: key.into(), optional } }
}

fn run_relaxed(world: &World, env_from: Vec<EnvFrom>, env: Vec<EnvVar>, relaxed_names: bool) -> Environment {
    let container = Container { name: "app".into(), env, env_from, ..Container::default() };
    let spec = PodSpec { service_links: true, containers: vec![container.clone()], ..PodSpec::default() };
    let workload = workload();
    let none = Labels::new();
    let pod = PodContext {
        workload: &workload,
        namespace: "prod",
        pod_name: None,
        labels: &none,
        annotations: &Annotations::default(),
        spec: &spec,
        relaxed_names,
    };
    effective(&pod, &container, world)
}

fn workload() -> ObjectRef {
    ObjectRef {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        namespace: "prod".into(),
        name: "backend".into(),
    }
}

fn run(world: &World, env_from: Vec<EnvFrom>, env: Vec<EnvVar>) -> Environment {
    run_relaxed(world, env_from, env, true)
}

fn known(v: &str) -> EnvValue {
    EnvValue::Known(v.into())
}

fn opaque_secret(name: &str, key: Option<&str>) -> Opaque {
    Opaque::Secret { namespace: "prod".into(), name: name.into(), key: key.map(str::to_owned), prefix: String::new() }
}

const M: &str = "DB_SSLMODE";

#[test]
fn e01_to_e07_precedence_and_prefixes() {
    let w = world(&[("a", &[(M, "require")]), ("b", &[(M, "disable")]), ("s", &[("SSLMODE", "require")])]);
    assert_eq!(run(&w, vec![map("a"), map("b")], vec![]).get(M), known("disable"), "E01");
    assert_eq!(run(&w, vec![map("b")], vec![lit(M, "require")]).get(M), known("require"), "E02");
    let e03 = run(&w, vec![map("b")], vec![from_secret(M, "s", "mode", true)]).get(M);
    assert_eq!(
        e03,
        EnvValue::Shadowable { value: "disable".into(), by: vec![opaque_secret("s", Some("mode"))] },
        "E03"
    );
    let e04 = run(&w, vec![map("b")], vec![from_secret(M, "s", "mode", false)]).get(M);
    assert_eq!(e04, EnvValue::Opaque(opaque_secret("s", Some("mode"))), "E04");
    assert_eq!(run(&w, vec![map("a")], vec![lit(M, "")]).get(M), known(""), "E05");
    let e06 = run(&w, vec![prefixed("PG_", "a")], vec![]);
    assert_eq!((e06.get("PG_DB_SSLMODE"), e06.get(M)), (known("require"), EnvValue::Absent), "E06");
    assert_eq!(run(&w, vec![prefixed("DB_", "s")], vec![]).get(M), known("require"), "E07");
}

#[test]
fn e08_to_e16_expansion_and_duplicates() {
    let url = |mode: &str| format!("postgres://h/d?sslmode={mode}");
    let w = world(&[("u", &[("URL", "postgres://h/d?sslmode=$(MODE)")]), ("a", &[(M, "require")])]);
    let forward = vec![lit("URL", &url("$(MODE)")), lit("MODE", "require")];
    assert_eq!(run(&w, vec![], forward.clone()).get("URL"), known(&url("$(MODE)")), "E08");
    match run(&w, vec![secret("s")], forward).get("URL") {
        EnvValue::Partial(t) => {
            assert_eq!(t.to_string(), url("‹Secret prod/s›"), "E08b");
            assert_eq!(t.marked(), url("\u{E000}"), "E08b");
        }
        other => panic!("E08b: {other:?}"),
    }
    for (id, text, want) in [
        ("E09", "$(MODE)", "require"),
        ("E10", "$$(MODE)", "$(MODE)"),
        ("E11", "${MODE}", "${MODE}"),
        ("triple", "$$$(MODE)", "$require"),
        ("unclosed", "$(MODE", "$(MODE"),
        ("nested", "$(A$(MODE))", "$(A$(MODE))"),
        ("backslash", "\\$(MODE)", "\\require"),
    ] {
        let env = run(&w, vec![], vec![lit("MODE", "require"), lit("URL", &url(text))]);
        assert_eq!(env.get("URL"), known(&url(want)), "{id}");
    }
    assert_eq!(run(&w, vec![map("u")], vec![lit("MODE", "require")]).get("URL"), known(&url("$(MODE)")), "E12");
    let e13 = run(&w, vec![], vec![lit("A", "1"), lit("B", "$(A)"), lit("A", "2")]);
    assert_eq!((e13.get("A"), e13.get("B")), (known("2"), known("1")), "E13");
    let e14 = run(&w, vec![], vec![lit(M, "require"), lit(M, "disable")]);
    assert_eq!(e14.get(M), known("disable"), "E14");
    assert_eq!(e14.duplicates, vec![(M.to_owned(), vec![0, 1])], "E14");
    let own = lit(M, "$(DB_SSLMODE)");
    assert_eq!(run(&w, vec![map("a")], vec![own.clone()]).get(M), known("require"), "E15");
    assert_eq!(run(&w, vec![], vec![own]).get(M), known("$(DB_SSLMODE)"), "E16");
}

#[test]
fn e17_to_e22_what_opaque_and_missing_sources_mean() {
    let mut w = world(&[("a", &[(M, "require")])]);
    w.maps.insert("bin".into(), ConfigMap { binary_keys: vec![M.into()], ..ConfigMap::default() });
    let s = opaque_secret("s", None);
    assert_eq!(run(&w, vec![secret("s")], vec![]).get(M), EnvValue::MaybeAbsent(vec![s.clone()]), "E17");
    let e18 = run(&w, vec![map("a"), secret("s")], vec![]).get(M);
    assert_eq!(e18, EnvValue::Shadowable { value: "require".into(), by: vec![s] }, "E18");
    assert_eq!(run(&w, vec![secret("s"), map("a")], vec![]).get(M), known("require"), "E19");
    let e20 = run(&w, vec![optional_map("gone")], vec![]);
    assert_eq!((e20.get(M), e20.errors.len()), (EnvValue::Absent, 0), "E20");
    assert_eq!(run(&w, vec![map("gone")], vec![]).errors.len(), 1, "E21");
    let e22 = run(&w, vec![map("bin")], vec![]);
    assert_eq!((e22.get(M), e22.errors.len()), (EnvValue::Absent, 0), "E22");
}

#[test]
fn e23_to_e30_partial_values_fields_links_and_names() {
    let w = world(&[("a", &[("1DB", "x=1"), (M, "require")])]);
    let url = lit("URL", "postgres://u:$(PW)@db.data/x?sslmode=disable");
    match run(&w, vec![], vec![from_secret("PW", "s", "p", false), url]).get("URL") {
        EnvValue::Partial(t) => {
            assert_eq!(t.to_string(), "postgres://u:‹Secret prod/s key p›@db.data/x?sslmode=disable", "E23");
        }
        other => panic!("E23: {other:?}"),
    }
    let field = |path: &str| EnvVar { name: M.into(), source: EnvSource::Field(path.into()) };
    assert_eq!(run(&w, vec![], vec![field("metadata.annotations['db/ssl']")]).get(M), known(""), "E24");
    assert_eq!(run(&w, vec![], vec![field("metadata.labels['x']")]).get(M), known(""));
    assert_eq!(run(&w, vec![], vec![field("metadata.namespace")]).get(M), known("prod"));
    assert!(matches!(run(&w, vec![], vec![field("status.podIP")]).get(M), EnvValue::Runtime(_)));
    // An annotation that collection drops is not known to be missing.
    let dropped = run(&w, vec![], vec![field("metadata.annotations['example.com/x']")]).get(M);
    assert!(matches!(dropped, EnvValue::Opaque(_)));
    let file = EnvVar { name: M.into(), source: EnvSource::FileKey { optional: false } };
    assert!(matches!(run(&w, vec![], vec![file]).get(M), EnvValue::Runtime(_)), "E25");

    let mut linked = world(&[]);
    linked.services.push(Service {
        meta: Meta { namespace: "prod".into(), name: "db".into(), ..Meta::default() },
        cluster_ips: vec!["10.0.0.7".parse().unwrap()],
        ports: vec![ServicePort { port: 5432, ..ServicePort::default() }],
        ..Service::default()
    });
    let e26 = run(&linked, vec![], vec![]);
    assert_eq!(e26.get("DB_PORT"), known("tcp://10.0.0.7:5432"), "E26");
    assert_eq!(e26.get("DB_SERVICE_HOST"), known("10.0.0.7"), "E26");
    assert!(e26.variables.is_empty(), "E26: a link is no user configuration");
    assert_eq!(run(&linked, vec![], vec![lit("DB_PORT", "5433")]).get("DB_PORT"), known("5433"));
    assert_eq!(run(&linked, vec![], vec![lit("X", "$(DB_PORT)")]).get("X"), known("tcp://10.0.0.7:5432"));

    // E27: containers are evaluated one by one. E29: the present value of the ConfigMap is the value.
    let e30 = run_relaxed(&w, vec![map("a")], vec![], false);
    assert_eq!(e30.get(M), known("require"), "E30");
    assert_eq!(e30.skipped.len(), 1, "E30");
    let relaxed = run(&w, vec![map("a")], vec![]);
    assert!(relaxed.skipped.is_empty() && relaxed.variables.contains_key("1DB"), "E30 on 1.34");
}

#[test]
fn e27_each_container_has_its_own_environment() {
    let w = World::default();
    assert_eq!(run(&w, vec![], vec![lit(M, "disable")]).get(M), known("disable"), "E27 init");
    assert_eq!(run(&w, vec![], vec![lit(M, "require")]).get(M), known("require"), "E27 main");
}

#[test]
fn e29_config_map_value_is_the_present_one() {
    let w = world(&[("a", &[(M, "require")])]);
    let env = run(&w, vec![map("a")], vec![]);
    let from = &env.variables[M].from;
    assert_eq!(from.path(), "containers[app].envFrom[0]");
    let (object, path) = from.evidence(&workload());
    assert_eq!((object.to_string(), path.as_str()), ("prod/ConfigMap/a".to_owned(), "data[DB_SSLMODE]"));
}

#[test]
fn a_config_map_outside_partial_input_is_unknown_and_says_what_to_add() {
    let w = World { partial: true, ..World::default() };
    let env = run(&w, vec![map("a")], vec![]);
    assert!(matches!(env.get(M), EnvValue::MaybeAbsent(_)));
    assert!(env.errors.is_empty());
    let (workload, spec, none) = (workload(), PodSpec::default(), Labels::new());
    let pod = PodContext {
        workload: &workload,
        namespace: "prod",
        pod_name: None,
        labels: &none,
        annotations: &Annotations::default(),
        spec: &spec,
        relaxed_names: true,
    };
    let reasons = env.reasons(M, &pod);
    assert_eq!(reasons[0].cause, crate::inventory::Cause::MissingInput);
    assert!(reasons[0].text.contains("ConfigMap prod/a"), "{}", reasons[0].text);
    let opaque = run(&w, vec![secret("backend")], vec![]).reasons(M, &pod);
    assert_eq!(
        opaque[0].text,
        "DB_SSLMODE of prod/Deployment/backend container app may be set by Secret prod/backend, whose values are not read: move the mode, which is not secret, into a literal or a ConfigMap"
    );
}

#[test]
fn a_withheld_value_is_opaque_and_its_reference_is_a_hole() {
    let w = World::default();
    let env = run(&w, vec![], vec![lit("DB_PASSWORD", "hunter2"), lit("URL", "postgres://u:$(DB_PASSWORD)@h/d")]);
    assert!(matches!(env.get("DB_PASSWORD"), EnvValue::Opaque(Opaque::Withheld { .. })));
    assert!(matches!(env.get("URL"), EnvValue::Partial(_)));
}

#[test]
fn a_reference_to_a_name_that_is_not_set_stays_as_it_is() {
    assert_eq!(expand::expand("--mode=$(NONE)", &|_| None).marked(), "--mode=$(NONE)");
}

/// Written from the documented table, character by character, with no regard for speed.
fn slow(text: &str, values: &[(&str, &str)]) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while at < chars.len() {
        let next = chars.get(at + 1).copied();
        if chars[at] == '$' && next == Some('$') {
            out.push('$');
            at += 2;
        } else if chars[at] == '$' && next == Some('(') && chars[at..].contains(&')') {
            let close = (at..chars.len()).find(|&i| chars[i] == ')').unwrap();
            let name: String = chars[at + 2..close].iter().collect();
            match values.iter().find(|(n, _)| *n == name) {
                Some((_, v)) => out.push_str(v),
                None => out.extend(&chars[at..=close]),
            }
            at = close + 1;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

proptest! {
    #[test]
    fn expansion_agrees_with_the_slow_expander(text in "[$()AB x{}é]{0,24}") {
        let values = [("A", "1"), ("B", "$(A)"), ("AB", "")];
        let fast = expand::expand(&text, &|name| {
            values.iter().find(|(n, _)| *n == name).map(|(_, v)| known(v).template())
        });
        prop_assert_eq!(fast.marked(), slow(&text, &values));
    }
}
