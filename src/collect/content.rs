//! The content of a file as evidence. What a document is, is detected from its content.

use std::path::Path;

use crate::document::{
    Content, Cursor, JsonList, Node, Problem, Problems, json_problem, parse_json, parse_yaml_documents,
};
use crate::inventory::Origin;
use crate::lexicon::mask_text;

use super::builder::Builder;
use super::{gke, terraform};

const NOT_TEXT: &str = "not text: neither YAML, JSON nor a snapshot of this tool";
const NOT_EVIDENCE: &str = "neither a Kubernetes object (apiVersion and kind), nor a cluster as \
                            `gcloud container clusters describe --format=json` prints it, nor a plan or state as \
                            `terraform show -json` does";

/// The text of a file.
///
/// # Errors
/// It is not UTF-8.
pub(super) fn text_of(file: &str, bytes: Vec<u8>) -> Result<String, Problem> {
    String::from_utf8(bytes).map_err(|e| {
        let valid = e.as_bytes().iter().take(e.utf8_error().valid_up_to());
        let line = 1 + valid.filter(|b| **b == b'\n').count() as u32;
        Problem { file: file.to_owned(), line, column: 0, message: NOT_TEXT.to_owned() }
    })
}

/// Reads the documents of a text into the builder. `named`: the user names this very file, so that it must hold evidence.
/// Returns whether it does.
pub(super) fn read_text(builder: &mut Builder, file: &str, text: &str, named: bool) -> bool {
    let problem = |line, message: &str| Problem { file: file.to_owned(), line, column: 0, message: message.to_owned() };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        match named {
            true => builder.problem(problem(0, "the file is empty")),
            false => builder.snapshot_mut().notes.push(format!("{file} is empty")),
        }
        return false;
    }
    if text.contains('\0') {
        builder.problem(problem(0, NOT_TEXT));
        return false;
    }
    if let Some(list) = JsonList::detect(text) {
        read_json_list(builder, file, text, &list);
        return true;
    }
    let documents = match parse(file, text) {
        Ok(documents) => documents,
        Err(problem) => {
            builder.problem(problem);
            return false;
        }
    };
    let mut any = false;
    for node in &documents {
        let is_evidence = match &node.content {
            Content::Null => continue,
            // All of them are read, whatever the first one is.
            Content::List(items) => items
                .iter()
                .map(|item| read_document(builder, file, item))
                .fold(!items.is_empty(), |all, one| all & one),
            _ => read_document(builder, file, node),
        };
        any |= is_evidence;
        let line = node.line.max(1);
        match (is_evidence, named) {
            (true, _) => {}
            (false, true) => builder.problem(problem(line, NOT_EVIDENCE)),
            (false, false) => {
                let note = format!("{} is not a Kubernetes object and was left out", Origin::file(file, line));
                builder.snapshot_mut().notes.push(note);
            }
        }
    }
    any
}

fn parse<'a>(file: &str, text: &'a str) -> Result<Vec<Node<'a>>, Problem> {
    if !text.trim_start().starts_with(['{', '[']) {
        return parse_yaml_documents(file, text, mask_text);
    }
    match parse_json(file, text, mask_text) {
        Ok(document) => Ok(vec![document]),
        // A flow-style YAML file may start like JSON.
        Err(json_error) => parse_yaml_documents(file, text, mask_text).map_err(|yaml_error| {
            let is_json = Path::new(file).extension().is_some_and(|e| e == "json");
            if is_json { json_error } else { yaml_error }
        }),
    }
}

/// Reads a list of objects an item at a time: it may be as large as a cluster.
fn read_json_list(builder: &mut Builder, file: &str, text: &str, list: &JsonList<'_>) {
    let item_kind = list.kind.as_deref().and_then(|kind| kind.strip_suffix("List"));
    for item in list.nodes(text) {
        match item {
            Ok(node) => builder.object(file, &node, list.api_version.as_deref().zip(item_kind)),
            Err((line, e)) => builder.problem(json_problem(file, line, &e, mask_text)),
        }
    }
}

/// Reads one document: an object, a list of objects, a cluster's configuration, or what Terraform prints. Returns whether
/// it is any of these.
fn read_document(builder: &mut Builder, file: &str, node: &Node<'_>) -> bool {
    let text = |key: &str| node.get(key).and_then(Node::as_str);
    if let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) {
        match kind.strip_suffix("List").filter(|_| node.get("items").is_some()) {
            Some(item_kind) => {
                let problems = Problems::default();
                for item in Cursor::new(node, &problems).items("items") {
                    builder.object(file, item.node, Some((api_version, item_kind)));
                }
                problems.drain(file, node).into_iter().for_each(|p| builder.problem(p));
            }
            None => builder.object(file, node, None),
        }
        return true;
    }
    let json = node.to_json();
    if terraform::read(builder, file, &json) {
        return true;
    }
    if gke::is_cluster(&json) {
        builder.cluster(file, node.line, &json);
    } else if let Some((clusters, missing_zones)) = gke::listing(&json) {
        clusters.iter().for_each(|c| builder.cluster(file, node.line, c));
        builder.missing_zones(file, &missing_zones);
    } else if gke::is_upgrade_info(&json) {
        builder.upgrade_info(file, node.line.max(1), &json);
    } else {
        return false;
    }
    true
}
