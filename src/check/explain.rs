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
    pub id: String,
    /// The control: true where the check passes.
    pub title: String,
    /// What a failure is called.
    pub finding: String,
    pub severity: Severity,
    pub subject: SubjectKind,
    pub profile: Profile,
    /// It is advice unless the configuration enables it.
    pub opt_in: bool,
    pub why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    pub skip: Vec<SkipRule>,
    pub pass: String,
    pub lower: Vec<LowerRule>,
    /// Template.
    pub message: String,
    /// The facts that its expressions name, in order of appearance.
    pub facts: Vec<FactDoc>,
    /// What must be read for them; sorted.
    pub needs: Vec<Need>,
    /// Templates.
    pub fix: Fix,
    pub references: Vec<String>,
    pub implied_by: Vec<String>,
    pub controls: Vec<ControlDoc>,
    /// Display name of its file.
    pub file: String,
    /// Number of its tests.
    pub tests: usize,
}

/// When it does not apply, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SkipRule {
    pub when: String,
    /// Template.
    pub because: String,
}

/// When a failure has a lower severity, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LowerRule {
    pub when: String,
    pub to: Severity,
    pub because: String,
}

/// A fact that a check reads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FactDoc {
    /// As expressions name it, such as `database.engine`.
    pub path: String,
    pub doc: String,
    pub needs: Vec<Need>,
}

/// A control that a check supports.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ControlDoc {
    pub framework: String,
    pub id: String,
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
