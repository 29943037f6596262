//! What Terraform prints as a list of resources: `terraform show -json` of a plan or of a state, and a state file itself.
//!
//! The shapes: <https://developer.hashicorp.com/terraform/internals/json-format>. Major version 1 of the format is read;
//! fields that are not known are passed over, as the format asks.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::document::Unavailable;

use super::cluster::POOL_TYPE;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plan,
    State,
    /// The desired state in a Config Connector resource.
    Spec,
}

pub(super) struct Document {
    pub form: Form,
    pub resources: Vec<Resource>,
    /// `configuration` of a plan.
    pub configuration: Value,
}

/// A resource after the plan, or in the state.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub address: String,
    /// Address of its module, empty for the root.
    pub module: String,
    pub kind: String,
    pub name: String,
    pub data: bool,
    /// The attributes; what is marked as sensitive is replaced.
    pub values: Value,
    /// The same shape with `true` where a value is known only after the apply.
    pub unknown: Value,
    /// The plan makes it, also as a replacement, so that what is not written is chosen by the provider or the server.
    pub created: bool,
    /// It is created, and the document tells what is written: what is not, GKE creates with its defaults.
    pub defaults_apply: bool,
    /// The plan deletes it.
    pub deleted: bool,
    /// The attributes of the object that the plan replaces by this one; null: there is none.
    pub replaced: Value,
    /// The key of `for_each` or the index of `count`; null: neither.
    pub key: Value,
}

impl Resource {
    /// A resource of which nothing is known.
    pub(super) fn unnamed(kind: &str) -> Resource {
        Resource {
            address: String::new(),
            module: String::new(),
            kind: kind.to_owned(),
            name: String::new(),
            data: false,
            values: Value::Null,
            unknown: Value::Null,
            created: false,
            defaults_apply: false,
            deleted: false,
            replaced: Value::Null,
            key: Value::Null,
        }
    }
}

/// Reads a document; `None`: it is not Terraform's.
///
/// # Errors
/// Why a document of Terraform cannot be read.
pub(super) fn parse(doc: &Value) -> Option<Result<Document, String>> {
    let map = doc.as_object()?;
    if map.contains_key("kind") || map.contains_key("apiVersion") {
        return None;
    }
    if let Some(version) = map.get("format_version") {
        return Some(parse_shown(map, version));
    }
    let state = map.get("resources").is_some_and(Value::is_array)
        && (map.contains_key("terraform_version") || map.contains_key("lineage") || map.contains_key("serial"));
    match map.get("version") {
        Some(Value::Number(n)) if state && n.as_u64() == Some(4) => Some(Ok(parse_state_file(map))),
        Some(version) if state || map.contains_key("lineage") => Some(Err(format!(
            "a state file of Terraform of version {version}, and this program reads version 4: give it the output of \
             `terraform show -json`"
        ))),
        _ => None,
    }
}

fn parse_shown(map: &Map<String, Value>, version: &Value) -> Result<Document, String> {
    let text = version.as_str().unwrap_or_default();
    let major = text.split_once('.').map_or(text, |(major, _)| major);
    if major != "1" {
        return Err(format!(
            "a document of Terraform with format_version {version}, and this program reads 1.x: use a version of \
             gke-posture or of Terraform that fits the other"
        ));
    }
    if map.contains_key("provider_schemas") || map.contains_key("valid") {
        return Err("neither a plan nor a state of Terraform: give the output of `terraform show -json`".to_owned());
    }
    if map.contains_key("planned_values") || map.contains_key("resource_changes") {
        return Ok(parse_plan(map));
    }
    let mut resources = Vec::new();
    if let Some(values) = map.get("values") {
        add_module(values.get("root_module"), "", &mut resources);
    }
    Ok(Document { form: Form::State, resources, configuration: Value::Null })
}

fn parse_plan(map: &Map<String, Value>) -> Document {
    let mut resources = Vec::new();
    let mut seen = HashSet::new();
    for change in map.get("resource_changes").and_then(Value::as_array).into_iter().flatten() {
        let Some(mut resource) = head(change) else { continue };
        resource.module = text(change, "module_address");
        // An object that an earlier apply left behind and that this one removes.
        let deposed = change.get("deposed").is_some_and(|d| !d.is_null());
        let c = change.get("change").unwrap_or(&Value::Null);
        let actions: Vec<&str> =
            c.get("actions").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        resource.deleted = deposed || matches!(actions[..], ["delete"] | ["forget"]);
        // A replacement creates it, in either order: `["delete", "create"]` or `["create", "delete"]`.
        resource.created = actions.contains(&"create") && !deposed;
        // Without the configuration, an omitted attribute cannot be told from one whose value is known later.
        resource.defaults_apply = resource.created && map.get("configuration").is_some_and(Value::is_object);
        if resource.created && actions.len() > 1 {
            resource.replaced = c.get("before").cloned().unwrap_or(Value::Null);
        }
        resource.values = c.get(if resource.deleted { "before" } else { "after" }).cloned().unwrap_or(Value::Null);
        if !resource.deleted {
            resource.unknown = c.get("after_unknown").cloned().unwrap_or(Value::Null);
        }
        let marks = c.get(if resource.deleted { "before_sensitive" } else { "after_sensitive" });
        hide(&mut resource, marks);
        if !deposed {
            seen.insert(resource.address.clone());
        }
        resources.push(resource);
    }
    let mut planned = Vec::new();
    if let Some(values) = map.get("planned_values") {
        add_module(values.get("root_module"), "", &mut planned);
    }
    // What data sources returned while planning is in the prior state.
    let mut prior = Vec::new();
    if let Some(values) = map.get("prior_state").and_then(|p| p.get("values")) {
        add_module(values.get("root_module"), "", &mut prior);
    }
    prior.retain(|r| r.data);
    for resource in planned.into_iter().chain(prior) {
        if seen.insert(resource.address.clone()) {
            resources.push(resource);
        }
    }
    let configuration = map.get("configuration").cloned().unwrap_or(Value::Null);
    Document { form: Form::Plan, resources, configuration }
}

/// Resources of a module and of those below it. Documents are nested no deeper than the reader of JSON allows.
fn add_module(module: Option<&Value>, address: &str, found: &mut Vec<Resource>) {
    let Some(module) = module else { return };
    for r in module.get("resources").and_then(Value::as_array).into_iter().flatten() {
        let Some(mut resource) = head(r) else { continue };
        resource.module = address.to_owned();
        resource.values = r.get("values").cloned().unwrap_or(Value::Null);
        hide(&mut resource, r.get("sensitive_values"));
        found.push(resource);
    }
    for child in module.get("child_modules").and_then(Value::as_array).into_iter().flatten() {
        add_module(Some(child), &text(child, "address"), found);
    }
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn head(value: &Value) -> Option<Resource> {
    let kind = value.get("type")?.as_str()?.to_owned();
    let name = text(value, "name");
    let address = match text(value, "address") {
        a if a.is_empty() => format!("{kind}.{name}"),
        a => a,
    };
    let key = value.get("index").cloned().unwrap_or(Value::Null);
    Some(Resource { address, name, data: text(value, "mode") == "data", key, ..Resource::unnamed(&kind) })
}

/// A state file, which has a shape of its own.
fn parse_state_file(map: &Map<String, Value>) -> Document {
    let mut resources = Vec::new();
    for r in map.get("resources").and_then(Value::as_array).into_iter().flatten() {
        let Some(base) = head(r) else { continue };
        let module = text(r, "module");
        let mut address = if base.data { format!("data.{}", base.address) } else { base.address.clone() };
        if !module.is_empty() {
            address = format!("{module}.{address}");
        }
        for instance in r.get("instances").and_then(Value::as_array).into_iter().flatten() {
            // A node pool that an apply replaced and did not delete is still there.
            let deposed = instance.get("deposed").and_then(Value::as_str);
            if deposed.is_some() && base.kind != POOL_TYPE {
                continue;
            }
            let index = match instance.get("index_key") {
                None | Some(Value::Null) => String::new(),
                Some(key) => format!("[{key}]"),
            };
            let mut resource = base.clone();
            let deposed = deposed.map(|key| format!(" (deposed {key})")).unwrap_or_default();
            resource.address = format!("{address}{index}{deposed}");
            resource.key = instance.get("index_key").cloned().unwrap_or(Value::Null);
            resource.module.clone_from(&module);
            resource.values = instance.get("attributes").cloned().unwrap_or(Value::Null);
            for path in instance.get("sensitive_attributes").and_then(Value::as_array).into_iter().flatten() {
                hide_path(&mut resource.values, path.as_array().map(Vec::as_slice).unwrap_or_default());
            }
            resources.push(resource);
        }
    }
    Document { form: Form::State, resources, configuration: Value::Null }
}

/// `kubectl_manifest` marks each of its manifests as sensitive. They are read as those of files are, of which no secret
/// is kept.
const MANIFEST: (&str, &str) = ("kubectl_manifest", "yaml_body");

fn hide(resource: &mut Resource, marks: Option<&Value>) {
    let Some(marks) = marks else { return };
    match (marks, &mut resource.values) {
        (Value::Object(marks), Value::Object(values)) => {
            for (key, mark) in marks {
                if (resource.kind.as_str(), key.as_str()) == MANIFEST {
                    continue;
                }
                if let Some(v) = values.get_mut(key) {
                    mask(v, mark);
                }
            }
        }
        (marks, values) => mask(values, marks),
    }
}

/// Replaces what is marked, in the shape of the value.
fn mask(value: &mut Value, marks: &Value) {
    match (marks, value) {
        (Value::Bool(true), value) if !value.is_null() => *value = Unavailable::Sensitive.to_json(),
        (Value::Object(marks), Value::Object(map)) => {
            for (key, mark) in marks {
                if let Some(v) = map.get_mut(key) {
                    mask(v, mark);
                }
            }
        }
        (Value::Array(marks), Value::Array(items)) => {
            // Members of a set have no place of their own: a mark on one of them may be another's.
            let any = marks.iter().any(is_marked);
            let same = marks.len() == items.len();
            for (i, item) in items.iter_mut().enumerate() {
                match marks.get(i).filter(|_| same) {
                    Some(mark) => mask(item, mark),
                    None if any => *item = Unavailable::Sensitive.to_json(),
                    None => {}
                }
            }
        }
        _ => {}
    }
}

/// Whether anything of a shape is marked.
pub(super) fn is_marked(marks: &Value) -> bool {
    match marks {
        Value::Bool(b) => *b,
        Value::Array(items) => items.iter().any(is_marked),
        Value::Object(map) => map.values().any(is_marked),
        _ => false,
    }
}

/// A path of a state file: `[{"type": "get_attr", "value": "master_auth"}, {"type": "index", "value": {"value": 0}}]`.
fn hide_path(value: &mut Value, path: &[Value]) {
    let Some((step, rest)) = path.split_first() else {
        if !value.is_null() {
            *value = Unavailable::Sensitive.to_json();
        }
        return;
    };
    let key = step.get("value").unwrap_or(step);
    let key = key.get("value").unwrap_or(key);
    match (value, key) {
        (Value::Object(map), Value::String(key)) => {
            if let Some(v) = map.get_mut(key) {
                hide_path(v, rest);
            }
        }
        (Value::Array(items), Value::Number(n)) => {
            let at = n.as_u64().and_then(|n| usize::try_from(n).ok());
            if let Some(v) = at.and_then(|at| items.get_mut(at)) {
                hide_path(v, rest);
            }
        }
        // A member of a set, named by itself: which one it is does not matter where all are hidden.
        (Value::Array(items), _) => items.iter_mut().for_each(|v| *v = Unavailable::Sensitive.to_json()),
        _ => {}
    }
}
