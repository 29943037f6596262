//! Frameworks of controls, and which checks speak to them. They live in files of their own, never in a check.

use std::collections::BTreeMap;

use serde::Serialize;

use super::SourceFile;
use super::load::Placed;
use crate::config::yaml;
use crate::config::{Decoder, Problem, hint};

/// A framework, such as a CIS benchmark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Framework {
    /// Id of the framework with its version, such as `cis-gke-1.9`.
    pub framework: String,
    pub title: String,
    /// What a reader of the list must know, such as which part of the framework it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// A later version takes its place: it is asked for by name, and results do not carry its ids.
    pub superseded: bool,
    /// In order of the file.
    pub controls: Vec<Control>,
}

/// One control of a framework.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Control {
    pub id: String,
    pub title: String,
    /// What of it the checks do not see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Checks that speak to it; none where the tool has nothing to say of it.
    pub checks: Vec<String>,
}

/// Reads all files of controls. `checks` are the ids that they may name.
pub(super) fn load(files: &[SourceFile], checks: &[&str]) -> (Vec<Framework>, Vec<Problem>) {
    let mut frameworks: Vec<Framework> = Vec::new();
    let mut problems = Vec::new();
    for file in files {
        let mut d = Decoder::new(&file.name);
        match yaml::parse(&file.name, &file.text) {
            Err(problem) => problems.push(problem),
            Ok(root) => {
                if let Some((framework, id)) = read(&mut d, &root, checks) {
                    if frameworks.iter().any(|f| f.framework == framework.framework) {
                        problems.push(id.problem(&file.name, format!("duplicate framework \"{}\"", id.text)));
                    }
                    frameworks.push(framework);
                }
            }
        }
        problems.extend(d.problems);
    }
    frameworks.sort_by(|a, b| a.framework.cmp(&b.framework));
    (frameworks, problems)
}

fn read(d: &mut Decoder<'_>, root: &yaml::Node, known: &[&str]) -> Option<(Framework, Placed)> {
    let fields = d.fields(root, "controls", &["framework", "title", "note", "superseded", "controls"]);
    let mut require = |key: &str| fields.require(d, "controls", key);
    let [id, title, list] = ["framework", "title", "controls"].map(&mut require);
    let id = id.and_then(|n| d.text(n, "framework").map(|t| Placed::new(t, n)));
    let title = title.and_then(|n| d.text(n, "title"));
    let note = fields.get("note").and_then(|n| d.text(n, "note"));
    let superseded = fields.get("superseded").and_then(|n| d.boolean(n, "superseded")).unwrap_or(false);
    let mut controls: Vec<Control> = Vec::new();
    for item in list.map_or(&[][..], |n| d.items(n, "controls")) {
        const WHAT: &str = "control";
        let fields = d.fields(item, WHAT, &["id", "title", "note", "checks"]);
        let mut require = |key: &str| fields.require(d, WHAT, key);
        let [id, title, checks] = ["id", "title", "checks"].map(&mut require);
        let id = id.and_then(|n| d.text(n, "control: id"));
        let title = title.and_then(|n| d.text(n, "control: title"));
        let note = fields.get("note").and_then(|n| d.text(n, "control: note"));
        let mut named = Vec::new();
        for (check, node) in checks.map_or_else(Vec::new, |n| d.texts(n, "control: checks")) {
            if !known.contains(&check.as_str()) {
                d.report(node, format!("unknown check \"{check}\"{}", hint(&check, known.iter().copied())));
            }
            named.push(check);
        }
        if let (Some(id), Some(title)) = (id, title) {
            if controls.iter().any(|c| c.id == id) {
                d.report(item, format!("duplicate control \"{id}\""));
            }
            controls.push(Control { id, title, note, checks: named });
        }
    }
    let id = id?;
    Some((Framework { framework: id.text.clone(), title: title?, note, superseded, controls }, id))
}

/// Framework → control ids for one check, in order of the framework's file; of frameworks that no later version replaces.
pub(super) fn of_check(frameworks: &[Framework], check: &str) -> BTreeMap<String, Vec<String>> {
    let mut map = BTreeMap::new();
    for framework in frameworks.iter().filter(|f| !f.superseded) {
        let named = framework.controls.iter().filter(|c| c.checks.iter().any(|id| id == check));
        let ids: Vec<String> = named.map(|c| c.id.clone()).collect();
        if !ids.is_empty() {
            map.insert(framework.framework.clone(), ids);
        }
    }
    map
}
