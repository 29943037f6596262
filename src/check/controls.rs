//! Frameworks of controls, and which checks support them. They have files of their own; a check does not name them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::SourceFile;
use super::load::Placed;
use crate::config::Problem;
use crate::document::{Cursor, PathStyle, Problems, hint, parse_yaml};

/// A framework, such as a CIS benchmark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Framework {
    /// Id of the framework with its version, such as `cis-gke-1.9`.
    pub framework: String,
    /// Name of the framework with its version, and the section where only one is listed.
    pub title: String,
    /// What a reader of the list must know, such as which part of the framework it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// A later version replaces it: it is reported only when it is requested by name, and results do not have its ids.
    pub superseded: bool,
    /// In order of the file.
    pub controls: Vec<Control>,
}

/// One control of a framework.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Control {
    /// Id of the control in the framework, such as `5.6.2`.
    pub id: String,
    /// What the control requires, in one line.
    pub title: String,
    /// The part of it that the checks do not cover.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Checks that support it; none if no check covers it.
    pub checks: Vec<String>,
}

const PATHS: PathStyle = PathStyle { root: "controls", separator: ": ", indexes: false };

/// Reads all files of controls. `checks` are the ids that they may name.
pub(super) fn load(files: &[SourceFile], checks: &[&str]) -> (Vec<Framework>, Vec<Problem>) {
    let mut frameworks: Vec<Framework> = Vec::new();
    let mut all = Vec::new();
    for file in files {
        let root = match parse_yaml(&file.name, &file.text) {
            Ok(root) => root,
            Err(problem) => {
                all.push(problem);
                continue;
            }
        };
        let problems = Problems::new(PATHS);
        if let Some((framework, id)) = parse_framework(Cursor::new(&root, &problems), checks) {
            if frameworks.iter().any(|f| f.framework == framework.framework) {
                all.push(id.problem(&file.name, format!("duplicate framework \"{}\"", id.text)));
            }
            frameworks.push(framework);
        }
        all.extend(problems.drain(&file.name, &root));
    }
    frameworks.sort_by(|a, b| a.framework.cmp(&b.framework));
    (frameworks, all)
}

fn parse_framework(c: Cursor<'_>, known: &[&str]) -> Option<(Framework, Placed)> {
    let fields = c.object(&["framework", "title", "note", "superseded", "controls"])?;
    let [id, title, list] = ["framework", "title", "controls"].map(|key| fields.require(key));
    let id = id.and_then(|n| Some(Placed::new(n.text()?, n)));
    let title = title.and_then(|n| n.text());
    let note = fields.get("note").and_then(|n| n.text()).map(str::to_owned);
    let superseded = fields.bool_at("superseded").unwrap_or(false);
    let mut controls: Vec<Control> = Vec::new();
    for item in list.map(|n| n.list()).unwrap_or_default() {
        if let Some(control) = parse_control(item.named("control"), known) {
            if controls.iter().any(|c| c.id == control.id) {
                item.problem_without_path(item.position(), format_args!("duplicate control \"{}\"", control.id));
            }
            controls.push(control);
        }
    }
    let id = id?;
    Some((Framework { framework: id.text.clone(), title: title?.to_owned(), note, superseded, controls }, id))
}

fn parse_control(c: Cursor<'_>, known: &[&str]) -> Option<Control> {
    let fields = c.object(&["id", "title", "note", "checks"])?;
    let [id, title, list] = ["id", "title", "checks"].map(|key| fields.require(key));
    let [id, title] = [id, title].map(|field| field.and_then(|n| n.text()).map(str::to_owned));
    let note = fields.get("note").and_then(|n| n.text()).map(str::to_owned);
    let mut checks = Vec::new();
    for item in list.map(|n| n.list()).unwrap_or_default() {
        let Some(check) = item.text() else { continue };
        if !known.contains(&check) {
            let hint = hint(check, known.iter().copied());
            item.problem_without_path(item.position(), format_args!("unknown check \"{check}\"{hint}"));
        }
        checks.push(check.to_owned());
    }
    Some(Control { id: id?, title: title?, note, checks })
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
