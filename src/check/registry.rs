//! All checks and controls of a run.

use std::collections::{BTreeMap, BTreeSet};

use super::controls::{self, Framework};
use super::definition::Check;
use super::expr::with_deep_stack;
use super::load::{self, Loaded, Placed};
use super::scope::{Scope, Vocabulary};
use super::{Files, explain, selftest};
use crate::config::{Config, KnownNames, Problem};
use crate::document::hint;
use crate::facts::schema::{FactTable, SubjectKind};
use crate::inventory::Need;

/// The checks, sorted by id, and the frameworks that refer to them.
#[derive(Debug)]
pub struct Registry {
    pub(super) checks: Vec<Check>,
    pub(super) frameworks: Vec<Framework>,
    pub(super) vocabulary: Vocabulary,
    /// Check id → framework → control ids.
    controls: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl Registry {
    /// Reads checks and controls; `vocabulary` gives the facts of each subject kind.
    ///
    /// # Errors
    /// All mistakes of all files, in order of file, line and column.
    pub fn load(files: &Files, vocabulary: Vocabulary) -> Result<Registry, Vec<Problem>> {
        with_deep_stack(|| Self::load_all(files, vocabulary))
    }

    fn load_all(files: &Files, vocabulary: Vocabulary) -> Result<Registry, Vec<Problem>> {
        let mut loaded: Vec<(&str, Loaded)> =
            files.checks.iter().map(|f| (f.name.as_str(), load::load(f, vocabulary))).collect();
        let mut problems: Vec<Problem> = loaded.iter_mut().flat_map(|(_, l)| std::mem::take(&mut l.problems)).collect();

        let mut ids: BTreeMap<String, &str> = BTreeMap::new();
        for (file, one) in &loaded {
            let Some(id) = &one.id else { continue };
            match ids.get(&id.text) {
                Some(first) => {
                    problems.push(id.problem(file, format!("duplicate check \"{}\": {first} has it too", id.text)));
                }
                None => {
                    ids.insert(id.text.clone(), file);
                }
            }
        }
        let names: Vec<&str> = ids.keys().map(String::as_str).collect();
        problems.extend(implications(&loaded, &names));
        let (frameworks, more) = controls::load(&files.controls, &names);
        problems.extend(more);
        if !problems.is_empty() {
            problems.sort();
            return Err(problems);
        }
        let mut checks: Vec<Check> = loaded.into_iter().filter_map(|(_, l)| l.check).collect();
        checks.sort_by(|a, b| a.id.cmp(&b.id));
        let controls = checks.iter().map(|c| (c.id.clone(), controls::of_check(&frameworks, &c.id))).collect();
        Ok(Registry { checks, frameworks, vocabulary, controls })
    }

    /// The checks, sorted by id.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The check of that id.
    pub fn get(&self, id: &str) -> Option<&Check> {
        self.checks.binary_search_by(|c| c.id.as_str().cmp(id)).ok().map(|i| &self.checks[i])
    }

    /// The frameworks, sorted by id.
    pub fn frameworks(&self) -> &[Framework] {
        &self.frameworks
    }

    /// Framework → ids of the controls that a check supports.
    pub fn controls_of(&self, check: &str) -> &BTreeMap<String, Vec<String>> {
        static NONE: BTreeMap<String, Vec<String>> = BTreeMap::new();
        self.controls.get(check).unwrap_or(&NONE)
    }

    /// What the configuration may refer to.
    pub fn known_names(&self) -> KnownNames {
        KnownNames { checks: self.checks.iter().map(|c| c.id.clone()).collect() }
    }

    /// Ids of the checks that have no verdict without `need`; sorted.
    pub fn checks_needing(&self, need: Need) -> Vec<&str> {
        self.checks.iter().filter(|c| c.verdict_needs().contains(&need)).map(|c| c.id.as_str()).collect()
    }

    /// What the enabled checks need: their facts, and the lists that give their subjects.
    pub fn needs(&self, config: &Config) -> BTreeSet<Need> {
        let enabled = self.checks.iter().filter(|c| c.is_selected(config));
        enabled.flat_map(|c| c.needs().into_iter().chain(crate::facts::lists(c.subject))).collect()
    }

    /// Checks that are out of scope: the inputs have no subjects of their kind. Sorted by check id.
    pub fn out_of_scope(&self, table: &FactTable) -> Vec<(&str, SubjectKind)> {
        let absent = |kind: SubjectKind| match kind {
            SubjectKind::Cluster => table.pools_only || table.cluster.is_none() && !table.unlisted.contains_key(&kind),
            _ => !table.subjects.contains_key(&kind) && !table.unlisted.contains_key(&kind),
        };
        self.checks.iter().filter(|c| absent(c.subject)).map(|c| (c.id.as_str(), c.subject)).collect()
    }

    /// Runs the tests of all checks, in order of check id and file.
    pub fn run_tests(&self) -> Vec<super::TestOutcome> {
        selftest::run(self)
    }

    /// Everything about a check, for `checks show`.
    pub fn describe(&self, check: &str) -> Option<super::Explanation> {
        self.get(check).map(|c| explain::explain(self, c))
    }

    pub(super) fn scope(&self, subject: SubjectKind) -> Scope {
        Scope { subject, vocabulary: self.vocabulary }
    }
}

/// Problems in `impliedBy`: unknown ids, other subjects, cycles.
fn implications(loaded: &[(&str, Loaded)], names: &[&str]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut causes: BTreeMap<&str, &[Placed]> = BTreeMap::new();
    let mut subjects: BTreeMap<&str, SubjectKind> = BTreeMap::new();
    for (_, one) in loaded {
        if let Some(id) = &one.id {
            causes.entry(&id.text).or_insert(&one.implied_by);
        }
        if let Some(check) = &one.check {
            subjects.insert(&check.id, check.subject);
        }
    }
    for (file, one) in loaded {
        let own = one.id.as_ref().map_or("", |id| id.text.as_str());
        for cause in &one.implied_by {
            let name = cause.text.as_str();
            if !names.contains(&name) {
                let message = format!("impliedBy: unknown check \"{name}\"{}", hint(name, names.iter().copied()));
                problems.push(cause.problem(file, message));
            } else if let (Some(a), Some(b)) = (subjects.get(own), subjects.get(name))
                && a != b
                && *b != SubjectKind::Cluster
            {
                let message = format!(
                    "impliedBy: \"{name}\" is a check of another kind of subject, {} not {}",
                    b.name(),
                    a.name()
                );
                problems.push(cause.problem(file, message));
            } else if reaches(&causes, name, own) {
                let message = format!("impliedBy: \"{own}\" and \"{name}\" imply each other");
                problems.push(cause.problem(file, message));
            }
        }
    }
    problems
}

/// True where `to` is `from` or one of its causes, however far.
fn reaches<'a>(causes: &BTreeMap<&'a str, &'a [Placed]>, from: &'a str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut pending = vec![from];
    while let Some(id) = pending.pop() {
        if id == to {
            return true;
        }
        if seen.insert(id) {
            pending.extend(causes.get(id).into_iter().flat_map(|c| c.iter()).map(|p| p.text.as_str()));
        }
    }
    false
}
