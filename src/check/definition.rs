//! The content of a check file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::expr::Expr;
use super::{Fix, Severity, Verdict};
use crate::config::{Config, Profile, Selection};
use crate::facts::schema::SubjectKind;
use crate::inventory::Need;

/// One check, compiled.
#[derive(Debug)]
pub struct Check {
    /// Words of lower-case letters and digits joined by `-`.
    pub id: String,
    /// The control: true where the check passes.
    pub title: String,
    /// What a failure is called; the title if the file has no `finding`.
    pub finding: String,
    /// Severity of a failure, before the configuration and `lower` change it.
    pub severity: Severity,
    /// Kind of subject that it is evaluated for: each subject gives one result.
    pub subject: SubjectKind,
    /// What it is about; security if the file has no `profile`.
    pub profile: Profile,
    /// It is advice unless the configuration enables it: reported, but not counted.
    pub opt_in: bool,
    /// Applicability; absent means always.
    pub when: Option<Expr>,
    /// Where it does not apply, and why: the first whose `when` is true gives the reason.
    pub skip: Vec<Skip>,
    /// The condition: true means a pass, false a failure.
    pub pass: Expr,
    /// In order: the first whose `when` is true counts.
    pub lower: Vec<Lower>,
    /// Template of a failure's message.
    pub message: String,
    /// Template of an unknown's message; without it the reasons are the message.
    pub unknown: Option<String>,
    /// All unknowns of this check become one, with subject `*`.
    pub unknown_once: bool,
    /// Qualify a pass: each whose `when` is true or absent.
    pub notes: Vec<Note>,
    /// Checks whose failure implies a failure of this one: on the same subject, or on the cluster.
    pub implied_by: Vec<String>,
    /// Why it matters: the risk of a failure.
    pub why: String,
    /// Templates.
    pub fix: Fix,
    /// Documentation of the rule; every one is an `https://` address.
    pub references: Vec<String>,
    /// At least one expects a pass and one a failure.
    pub tests: Vec<CheckTest>,
    /// Display name of its file.
    pub file: String,
}

/// A rule by which a check does not apply, with the reason.
#[derive(Debug)]
pub struct Skip {
    /// The check does not apply where it is true.
    pub when: Expr,
    /// Template.
    pub because: String,
}

/// Still a failure, but of a lower severity.
#[derive(Debug)]
pub struct Lower {
    /// The severity is lower where it is true; an unknown lowers nothing.
    pub when: Expr,
    /// The severity instead, lower than that of the check.
    pub to: Severity,
    /// Why it is lower, in plain text; part of the result's note.
    pub because: String,
}

/// Qualifies a pass.
#[derive(Debug)]
pub struct Note {
    /// Where the note applies; absent means on every pass.
    pub when: Option<Expr>,
    /// Template.
    pub text: String,
}

/// Facts by subject kind and name.
pub type Given = BTreeMap<SubjectKind, BTreeMap<&'static str, Json>>;

/// A test of a check: its verdict for given facts.
#[derive(Clone, Debug)]
pub struct CheckTest {
    /// What the test shows; unique within the check.
    pub name: String,
    /// A fact that is not given is unknown, with cause `missing-input`.
    pub given: Given,
    /// The verdict, never `waived`.
    pub expect: Verdict,
    /// Severity that the result must have; absent means any.
    pub severity: Option<Severity>,
    /// Text that the message must contain.
    pub message: Option<String>,
}

impl Check {
    /// Every expression of the check.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let conditions = self.lower.iter().map(|l| &l.when);
        let notes = self.notes.iter().filter_map(|r| r.when.as_ref());
        self.deciding().chain(conditions).chain(notes)
    }

    /// The expressions that make the verdict.
    fn deciding(&self) -> impl Iterator<Item = &Expr> {
        self.when.iter().chain(self.skip.iter().map(|s| &s.when)).chain([&self.pass])
    }

    /// Whether a run evaluates it.
    pub fn is_selected(&self, config: &Config) -> bool {
        config.is_switched_on(&self.id) || config.is_enabled(&self.id) && config.profile.includes(self.profile)
    }

    /// Whether its results are reported but not counted: it is opt-in and not enabled, or about operations in a run about
    /// security.
    pub fn is_advice(&self, config: &Config) -> bool {
        let is_secondary = self.profile == Profile::Operations && config.profile != Selection::Operations;
        is_secondary || self.opt_in && !config.is_switched_on(&self.id)
    }

    /// What its verdict needs, derived from the facts that `when`, `skip` and `pass` name and from how its subjects are
    /// listed; without it there is no verdict.
    pub fn verdict_needs(&self) -> BTreeSet<Need> {
        let facts = self.deciding().flat_map(|e| e.paths());
        facts.flat_map(|p| p.field.needs.iter().copied()).chain(crate::facts::lists(self.subject)).collect()
    }

    /// What must be read for this check, derived from the facts that its expressions name; sorted.
    pub fn needs(&self) -> Vec<Need> {
        let mut needs: Vec<Need> =
            self.expressions().flat_map(|e| e.paths()).flat_map(|p| p.field.needs.iter().copied()).collect();
        needs.sort();
        needs.dedup();
        needs
    }
}
