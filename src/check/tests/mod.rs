//! Tests of the module as a whole, over a small vocabulary of their own.

mod cel;
mod format;
mod load;
mod results;
mod texts;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::*;
use crate::config::{Config, KnownNames};
use crate::facts::schema::{Evidence, Fact, FactTable, FactType, Facts, Field, Subject, SubjectKind};
use crate::inventory::{Need, ObjectRef, Reason};

const fn field(name: &'static str, ty: FactType, nullable: bool, needs: &'static [Need]) -> Field {
    Field { name, ty, nullable, doc: " What it is.\n And more.\n", needs }
}

static CLUSTER: [Field; 3] = [
    field("version", FactType::String, false, &[Need::Cluster]),
    field("enforced", FactType::Bool, false, &[Need::Cluster]),
    field("channel", FactType::String, true, &[Need::Cluster]),
];

static DATABASE: [Field; 9] = [
    field("name", FactType::String, false, &[]),
    field("engine", FactType::String, false, &[Need::CloudNativePg]),
    field("tls", FactType::Bool, false, &[Need::CloudNativePg]),
    field("open", FactType::Bool, false, &[Need::NetworkPolicies, Need::Workloads]),
    field("port", FactType::Int, false, &[]),
    field("clients", FactType::StringList, false, &[Need::Workloads]),
    field("ranges", FactType::StringList, false, &[]),
    field("environment", FactType::String, true, &[]),
    field("image", FactType::String, false, &[]),
];

static NAMESPACE: [Field; 1] = [field("name", FactType::String, false, &[Need::Namespaces])];

pub(super) fn vocabulary(kind: SubjectKind) -> &'static [Field] {
    match kind {
        SubjectKind::Cluster => &CLUSTER,
        SubjectKind::Database => &DATABASE,
        SubjectKind::Namespace => &NAMESPACE,
        _ => &[],
    }
}

/// Facts of a subject; a JSON object of the form `{"unknown": "why"}` makes a fact unknown.
pub(super) fn facts(kind: SubjectKind, id: &str, values: Json) -> Facts {
    let mut map = BTreeMap::new();
    let mut evidence = BTreeMap::new();
    let object =
        ObjectRef { kind: "Cluster".into(), namespace: "data".into(), name: id.into(), ..ObjectRef::default() };
    for field in vocabulary(kind) {
        let Some(value) = values.get(field.name) else { continue };
        let fact = match value.get("unknown").and_then(Json::as_str) {
            Some(why) => Fact::Unknown(vec![Reason::undecided(why)]),
            None => Fact::Value(value.clone()),
        };
        map.insert(field.name, fact);
        let piece = Evidence {
            object: object.clone(),
            path: field.name.into(),
            value: value.clone(),
            rule: None,
            omitted: None,
            source: None,
        };
        evidence.insert(field.name, vec![piece]);
    }
    Facts { subject: Subject { id: id.into(), kind, object }, values: map, evidence }
}

pub(super) fn table(databases: Vec<Facts>, cluster: Option<Json>) -> FactTable {
    FactTable {
        pools_only: false,
        cluster: cluster.map(|c| facts(SubjectKind::Cluster, "cluster", c)),
        subjects: BTreeMap::from([(SubjectKind::Database, databases)]),
        unlisted: BTreeMap::new(),
    }
}

pub(super) fn file(name: &str, text: &str) -> SourceFile {
    SourceFile { name: name.into(), text: text.into() }
}

/// A check with the given id, `pass` and further lines.
pub(super) fn check_text(id: &str, pass: &str, more: &str) -> String {
    format!(
        "id: {id}\ntitle: T of {id}\nseverity: high\nsubject: database\npass: {pass}\n\
         message: \"{{{{ database.name }}}} fails {id}\"\nwhy: because\n{more}\n\
         tests:\n  - {{ name: good, given: {{ database: {{ tls: true }} }}, expect: pass }}\n  \
         - {{ name: bad, given: {{ database: {{ tls: false }} }}, expect: fail }}\n"
    )
}

pub(super) fn registry(checks: &[String]) -> Registry {
    let checks = checks.iter().enumerate().map(|(i, text)| file(&format!("c{i}.yaml"), text)).collect();
    match Registry::load(&Files { checks, controls: Vec::new() }, vocabulary) {
        Ok(registry) => registry,
        Err(problems) => panic!("{}", problems.iter().map(|p| p.to_string()).collect::<Vec<_>>().join("\n")),
    }
}

pub(super) fn today() -> jiff::civil::Date {
    jiff::civil::date(2026, 11, 23)
}

pub(super) fn run(registry: &Registry, table: &FactTable) -> Vec<CheckResult> {
    registry.run(table, &Config::default(), today())
}

pub(super) fn configured(registry: &Registry, text: &str) -> Config {
    Config::parse("gke-posture.yaml", text, &registry.known_names()).unwrap()
}

#[test]
fn known_names_are_all_check_ids() {
    let r = registry(&[check_text("b", "database.tls", ""), check_text("a", "database.tls", "")]);
    let KnownNames { checks } = r.known_names();
    assert_eq!(checks, ["a", "b"]);
}

/// The embedded checks are loaded where the real vocabulary is.
#[test]
fn no_files_make_an_empty_registry() {
    assert_eq!(Registry::load(&Files::default(), vocabulary).unwrap().checks().len(), 0);
}
