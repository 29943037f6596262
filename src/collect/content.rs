//! The content of a file as evidence. What a document is, is detected from its content.

use std::path::Path;

use serde_json::Value;

use crate::document::{
    Content, Cursor, JsonList, Node, Problem, Problems, json_problem, parse_json, parse_yaml_documents,
};
use crate::inventory::Origin;
use crate::lexicon::mask_text;

use super::builder::Builder;
use super::folder::CONFIG_NAMES;
use super::gke::Asset;
use super::{gke, rendering, terraform};

const NOT_TEXT: &str = "not text: neither YAML, JSON nor a snapshot of this tool";
const NOT_EVIDENCE: &str = "neither a Kubernetes object (apiVersion and kind), nor a cluster as \
                            `gcloud container clusters describe --format=json` prints it, nor a plan or state as \
                            `terraform show -json` does";

/// The text of a file.
///
/// # Errors
/// It is not UTF-8.
pub(super) fn text_of(file: &str, bytes: Vec<u8>) -> Result<String, Problem> {
    if let Some(hint) = rendering::of_bytes(&bytes) {
        return Err(Problem { file: file.to_owned(), line: 0, column: 0, message: hint.to_owned() });
    }
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
    if let Some(array) = array_of_lines(text) {
        return read_text(builder, file, &array, named);
    }
    if let Some(list) = JsonList::detect(text) {
        read_json_list(builder, file, text, &list);
        return true;
    }
    let documents = match parse(file, text) {
        Ok(documents) => documents,
        Err(parse_error) => {
            match rendering::of_text(text) {
                Some(rendering::TEMPLATE) => builder.template(file),
                Some(hint) => builder.problem(problem(0, hint)),
                None => builder.problem(parse_error),
            }
            return false;
        }
    };
    if !named && is_configuration(file, &documents) {
        return false;
    }
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
            (false, true) => match rendering::of_text(text) {
                Some(hint) => builder.problem(problem(0, hint)),
                None => builder.problem(problem(line, NOT_EVIDENCE)),
            },
            (false, false) => {
                let note = format!("{} is not a Kubernetes object and was left out", Origin::file(file, line));
                builder.snapshot_mut().notes.push(note);
            }
        }
    }
    any
}

/// Whether a file is the configuration of this program, by its name and its content.
fn is_configuration(file: &str, documents: &[Node<'_>]) -> bool {
    const KEYS: [&str; 8] = [
        "callerPermissions",
        "checks",
        "environments",
        "platformNamespaces",
        "profile",
        "thresholds",
        "untrustedWorkloads",
        "waivers",
    ];
    let name = Path::new(file).file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let [Node { content: Content::Object(entries), .. }] = documents else { return false };
    CONFIG_NAMES.contains(&name) && entries.iter().all(|e| KEYS.contains(&&*e.key))
}

/// JSON with one asset in each line, as `gcloud asset export` writes it, as one array with the same lines.
fn array_of_lines(text: &str) -> Option<String> {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let is_asset = |line: &str| serde_json::from_str(line).is_ok_and(|json: Value| gke::asset(&json).is_some());
    (text.starts_with('{') && lines().count() > 1 && lines().all(is_asset))
        .then(|| format!("[{}]", lines().collect::<Vec<_>>().join(",\n")))
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

/// Whether an object is a list of others, and no object of a kind that is called so.
fn is_list(node: &Node<'_>, kind: &str) -> bool {
    let named = || node.get("metadata").is_some_and(|m| m.get("name").is_some());
    kind.ends_with("List") && node.get("items").is_some() && !named()
}

/// Reads the objects of a list, and of the lists in it, as kubectl does. The depth of a document is bounded.
fn read_list(builder: &mut Builder, file: &str, list: &Node<'_>, (api_version, kind): (&str, &str)) {
    let item_kind = kind.strip_suffix("List").unwrap_or(kind);
    let problems = Problems::default();
    for item in Cursor::new(list, &problems).items("items") {
        read_item(builder, file, item.node, Some((api_version, item_kind)));
    }
    problems.drain(file, list).into_iter().for_each(|p| builder.problem(p));
}

/// Reads an item of a list. `inherited`: the API version and kind of one that states none.
fn read_item(builder: &mut Builder, file: &str, item: &Node<'_>, inherited: Option<(&str, &str)>) {
    let own = |key: &str| item.get(key).and_then(Node::as_str);
    match (own("apiVersion"), own("kind")) {
        (Some(api_version), Some(kind)) if is_list(item, kind) => read_list(builder, file, item, (api_version, kind)),
        _ => builder.object(file, item, inherited),
    }
}

/// Whether the identity of an object is left to a template engine.
fn is_template(node: &Node<'_>) -> bool {
    let metadata = node.get("metadata");
    let texts = [node.get("apiVersion"), node.get("kind"), metadata.and_then(|m| m.get("name"))];
    let namespace = metadata.and_then(|m| m.get("namespace"));
    texts.into_iter().chain([namespace]).flatten().filter_map(Node::as_str).any(|text| text.contains("{{"))
}

/// Reads a list of objects an item at a time: it may be as large as a cluster.
fn read_json_list(builder: &mut Builder, file: &str, text: &str, list: &JsonList<'_>) {
    let item_kind = list.kind.as_deref().and_then(|kind| kind.strip_suffix("List"));
    for item in list.nodes(text) {
        match item {
            Ok(node) => read_item(builder, file, &node, list.api_version.as_deref().zip(item_kind)),
            Err((line, e)) => builder.problem(json_problem(file, line, &e, mask_text)),
        }
    }
}

/// Reads one document: an object, a list of objects, a cluster's configuration, or what Terraform prints. Returns whether
/// it is any of these.
fn read_document(builder: &mut Builder, file: &str, node: &Node<'_>) -> bool {
    let text = |key: &str| node.get(key).and_then(Node::as_str);
    if let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) {
        if is_template(node) {
            builder.template(file);
        } else if is_list(node, kind) {
            read_list(builder, file, node, (api_version, kind));
        } else {
            builder.object(file, node, None);
        }
        return true;
    }
    let json = node.to_json();
    if terraform::read(builder, file, &json) {
        return true;
    }
    if gke::is_cluster(&json) {
        builder.cluster(file, node.line, &json, None);
    } else if let Some((clusters, missing_zones)) = gke::listing(&json) {
        clusters.iter().for_each(|c| builder.cluster(file, node.line, c, None));
        builder.missing_zones(file, &missing_zones);
    } else if gke::is_pool(&json) {
        builder.node_pool(file, node.line, &json, None);
    } else if let Some(pools) = gke::pool_listing(&json) {
        pools.iter().for_each(|pool| builder.node_pool(file, node.line, pool, None));
    } else if let Some(assets) = json.get("assets").and_then(|a| a.as_array()).filter(|a| is_assets(a)) {
        assets.iter().for_each(|a| {
            read_asset(builder, file, node.line, a);
        });
    } else if read_asset(builder, file, node.line, &json) {
    } else if gke::is_upgrade_info(&json) {
        builder.upgrade_info(file, node.line.max(1), &json);
    } else {
        return false;
    }
    true
}

fn is_assets(items: &[Value]) -> bool {
    !items.is_empty() && items.iter().all(|item| gke::asset(item).is_some())
}

/// Reads an asset of Cloud Asset Inventory. Returns whether it is one.
fn read_asset(builder: &mut Builder, file: &str, line: u32, json: &Value) -> bool {
    let Some(asset) = gke::asset(json) else { return false };
    match asset {
        Asset::Cluster(config, name) => builder.cluster(file, line, config, name),
        Asset::NodePool(config, name) => builder.node_pool(file, line, config, name),
        Asset::WithoutContent(name) => builder.problem(Problem {
            file: file.to_owned(),
            line,
            column: 0,
            message: format!(
                "the asset {name} has no resource.data: export it with `gcloud asset list --content-type=resource \
                 --format=json` or `gcloud asset export --content-type=resource`"
            ),
        }),
        Asset::Other(kind, name) => {
            let note = format!(
                "{file}:{line}: the asset {name} ({kind}) is neither a GKE cluster nor a node pool, and was left out"
            );
            builder.snapshot_mut().notes.push(note);
        }
    }
    true
}
