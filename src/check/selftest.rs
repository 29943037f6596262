//! Runs the tests that every check carries.

use std::collections::BTreeMap;

use serde::Serialize;

use super::definition::{Check, CheckTest, Given};
use super::evaluate::Evaluator;
use super::registry::Registry;
use crate::config::Config;
use crate::facts::schema::{Fact, Facts, Subject, SubjectKind};
use crate::inventory::ObjectRef;

/// The outcome of a test of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestOutcome {
    /// Id of the check.
    pub check: String,
    /// Name of the test in the check file.
    pub name: String,
    /// Whether the verdict, and the severity and message if the test states them, are as expected.
    pub passed: bool,
    /// What differs; empty where it passed.
    pub detail: String,
}

pub(super) fn run(registry: &Registry) -> Vec<TestOutcome> {
    let config = Config::default();
    let all = registry.checks.iter().flat_map(|c| c.tests.iter().map(move |t| (c, t)));
    all.map(|(check, test)| outcome(registry, check, test, &config)).collect()
}

fn outcome(registry: &Registry, check: &Check, test: &CheckTest, config: &Config) -> TestOutcome {
    let subject = facts(check.subject, &test.given);
    // Without facts of the cluster, all of them are unknown.
    let cluster = facts(SubjectKind::Cluster, &test.given);
    let evaluator = Evaluator::new(registry, config, Some(&cluster), None);
    let result = evaluator.for_subject(&subject).evaluate(check);

    let mut differences = Vec::new();
    if result.verdict != test.expect {
        let reasons: Vec<&str> = result.reasons.iter().map(|r| r.text.as_str()).collect();
        let why = if reasons.is_empty() { result.message.clone() } else { reasons.join("; ") };
        differences.push(format!("expected {}, got {} ({why})", test.expect.name(), result.verdict.name()));
    }
    if let Some(severity) = test.severity
        && severity != result.severity
    {
        differences.push(format!("expected severity {}, got {}", severity.name(), result.severity.name()));
    }
    if let Some(text) = &test.message
        && !result.message.contains(text.as_str())
    {
        differences.push(format!("expected a message with \"{text}\", got \"{}\"", result.message));
    }
    TestOutcome {
        check: check.id.clone(),
        name: test.name.clone(),
        passed: differences.is_empty(),
        detail: differences.join("; "),
    }
}

fn facts(kind: SubjectKind, given: &Given) -> Facts {
    let values = given.get(&kind).into_iter().flatten().map(|(name, v)| (*name, Fact::Value(v.clone()))).collect();
    let object = ObjectRef { kind: kind.name().into(), name: "example".into(), ..ObjectRef::default() };
    let subject = Subject { id: format!("example/{}", kind.name()), kind, object };
    Facts { subject, values, evidence: BTreeMap::new() }
}
