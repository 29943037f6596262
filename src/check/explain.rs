//! A check as `checks show` prints it.

use serde::Serialize;

use super::definition::Check;
use super::registry::Registry;
use super::{Fix, Profile, Severity};
use crate::facts::schema::SubjectKind;
use crate::inventory::Need;

/// Everything about a check.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Id of the check, as in reports and in the configuration.
    pub id: String,
    /// The control: true where the check passes.
    pub title: String,
    /// What a failure is called.
    pub finding: String,
    /// The check's own severity, before the configuration and `lower` change it.
    pub severity: Severity,
    /// Kind of subject that it is evaluated for.
    pub subject: SubjectKind,
    /// Whether it is about security or operations.
    pub profile: Profile,
    /// It is advice unless the configuration enables it.
    pub opt_in: bool,
    /// Why it matters.
    pub why: String,
    /// Expression for where it applies; absent means always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Where it does not apply; the first rule whose `when` is true gives the reason.
    pub skip: Vec<SkipRule>,
    /// Expression for its verdict: true means a pass, false a failure.
    pub pass: String,
    /// Where a failure has a lower severity; the first rule whose `when` is true counts.
    pub lower: Vec<LowerRule>,
    /// Template.
    pub message: String,
    /// The facts that its expressions name, in order of appearance.
    pub facts: Vec<FactDoc>,
    /// What must be read for them; sorted.
    pub needs: Vec<Need>,
    /// Templates.
    pub fix: Fix,
    /// Documentation of the rule, as `https://` addresses.
    pub references: Vec<String>,
    /// Ids of checks whose failure, on the same subject or on the cluster, implies a failure of this one.
    pub implied_by: Vec<String>,
    /// Controls that it supports, of every framework, superseded ones too.
    pub controls: Vec<ControlDoc>,
    /// Display name of its file.
    pub file: String,
    /// Number of its tests.
    pub tests: usize,
}

/// When it does not apply, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SkipRule {
    /// Expression: the check does not apply where it is true.
    pub when: String,
    /// Template.
    pub because: String,
}

/// When a failure has a lower severity, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LowerRule {
    /// Expression: the severity is lower where it is true.
    pub when: String,
    /// The severity instead, lower than that of the check.
    pub to: Severity,
    /// Why it is lower, in plain text.
    pub because: String,
}

/// A fact that a check reads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FactDoc {
    /// As expressions name it, such as `database.engine`.
    pub path: String,
    /// Its meaning, in one line.
    pub doc: String,
    /// What must be read to compute it.
    pub needs: Vec<Need>,
}

/// A control that a check supports.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ControlDoc {
    /// Id of the framework with its version, such as `cis-gke-1.9.0`.
    pub framework: String,
    /// Id of the control in the framework, such as `5.6.2`.
    pub id: String,
    /// What the control requires.
    pub title: String,
}

pub(super) fn explain(registry: &Registry, check: &Check) -> Explanation {
    let mut facts: Vec<FactDoc> = Vec::new();
    for path in check.expressions().flat_map(|e| e.paths()) {
        let name = path.to_string();
        if !facts.iter().any(|f| f.path == name) {
            // Doc comments come line by line, each with a leading space.
            let doc = path.field.doc.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_string();
            facts.push(FactDoc { path: name, doc, needs: path.field.needs.to_vec() });
        }
    }
    let controls = registry.frameworks.iter().flat_map(|f| {
        let named = f.controls.iter().filter(|c| c.checks.contains(&check.id));
        named.map(|c| ControlDoc { framework: f.framework.clone(), id: c.id.clone(), title: c.title.clone() })
    });
    Explanation {
        id: check.id.clone(),
        title: check.title.clone(),
        finding: check.finding.clone(),
        severity: check.severity,
        subject: check.subject,
        profile: check.profile,
        opt_in: check.opt_in,
        why: check.why.clone(),
        when: check.when.as_ref().map(|e| e.source().to_string()),
        skip: check
            .skip
            .iter()
            .map(|s| SkipRule { when: s.when.source().to_string(), because: s.because.clone() })
            .collect(),
        pass: check.pass.source().to_string(),
        lower: check
            .lower
            .iter()
            .map(|l| LowerRule { when: l.when.source().to_string(), to: l.to, because: l.because.clone() })
            .collect(),
        message: check.message.clone(),
        facts,
        needs: check.needs(),
        fix: check.fix.clone(),
        references: check.references.clone(),
        implied_by: check.implied_by.clone(),
        controls: controls.collect(),
        file: check.file.clone(),
        tests: check.tests.len(),
    }
}
