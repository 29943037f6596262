//! Objects that Terraform's `kubernetes` and `kubectl` providers make, as the Kubernetes API has them.
//!
//! The provider writes blocks as lists and names in the singular (`spec[0].ingress[0].ports`, `container`); the API's
//! names and forms come back here, and the reader of files reads the rest.

use serde_json::{Map, Value, json};

use crate::document::{Content, Node, Problem, Unavailable, parse_yaml_documents};
use crate::inventory::{FaultKind, Gap, Need, Origin, ReadError, Terraform};
use crate::lexicon::mask_text;

use super::super::builder::Builder;
use super::super::gke::camel_case;
use super::super::kubernetes::Head;
use super::document::{Document, Resource, is_marked};

/// (resource type without `_v1`, apiVersion, kind, what is not known without it).
const TYPES: [(&str, &str, &str, Need); 7] = [
    ("kubernetes_network_policy", "networking.k8s.io/v1", "NetworkPolicy", Need::NetworkPolicies),
    ("kubernetes_namespace", "v1", "Namespace", Need::Namespaces),
    ("kubernetes_deployment", "apps/v1", "Deployment", Need::Workloads),
    ("kubernetes_stateful_set", "apps/v1", "StatefulSet", Need::Workloads),
    ("kubernetes_daemon_set", "apps/v1", "DaemonSet", Need::Workloads),
    ("kubernetes_service", "v1", "Service", Need::Services),
    ("kubernetes_config_map", "v1", "ConfigMap", Need::ConfigMaps),
];

/// Reads all of them.
pub(super) fn add_objects(builder: &mut Builder, file: &str, document: &Document) {
    for resource in document.resources.iter().filter(|r| !r.deleted && !r.data) {
        let place = Terraform { address: resource.address.clone(), attribute: None };
        let origin = Origin::file(file, 1).with_terraform(place);
        let kind = resource.kind.strip_suffix("_v1").unwrap_or(&resource.kind);
        let read = match kind {
            "kubernetes_manifest" => add_manifest(builder, resource, &origin),
            "kubectl_manifest" => add_yaml_manifest(builder, resource, &origin),
            _ => match TYPES.iter().find(|(name, ..)| *name == kind) {
                Some((_, api_version, kind, need)) => add_blocks(builder, resource, &origin, api_version, kind, *need),
                None => Ok(()),
            },
        };
        if let Err(message) = read {
            let message = format!("{}: {message}", resource.address);
            builder.problem(Problem { file: file.to_owned(), line: 0, column: 0, message });
        }
    }
}

/// What is not known and bears on other objects than itself.
fn add_gap(builder: &mut Builder, resource: &Resource, needs: &[Need], what: &str) {
    for need in needs {
        builder.snapshot_mut().gaps.push(Gap {
            id: format!("terraform-{}", resource.address),
            need: *need,
            error: ReadError::new(
                FaultKind::NotYetKnown,
                &resource.address,
                format!("{what} {UNKNOWN}"),
                "Audit the cluster after the apply",
            ),
        });
    }
}

const UNKNOWN: &str = "is known after apply (Terraform plan), or marked as sensitive";

/// What a manifest of which not even the kind is known may be.
const ANYTHING: [Need; 5] =
    [Need::NetworkPolicies, Need::OtherPolicies, Need::Workloads, Need::Services, Need::Namespaces];

fn add_blocks(
    builder: &mut Builder,
    resource: &Resource,
    origin: &Origin,
    api_version: &str,
    kind: &str,
    need: Need,
) -> Result<(), String> {
    let mut translator =
        Translator { is_manifest: false, is_policy: need == Need::NetworkPolicies, unknown: Vec::new() };
    let mut object = translator.fields(&resource.values, &resource.unknown, "");
    object.retain(|key, _| matches!(key.as_str(), "metadata" | "spec" | "data" | "binaryData"));
    object.insert("apiVersion".to_owned(), Value::from(api_version));
    object.insert("kind".to_owned(), Value::from(kind));
    add_object(builder, resource, origin, Value::Object(object), translator.unknown, need)
}

/// A manifest as a value of Terraform.
fn add_manifest(builder: &mut Builder, resource: &Resource, origin: &Origin) -> Result<(), String> {
    let unknown = resource.unknown.get("manifest").unwrap_or(&Value::Null);
    match resource.values.get("manifest") {
        Some(value @ Value::Object(_)) if *unknown != Value::Bool(true) => {
            let is_policy = value.get("kind").and_then(Value::as_str) == Some("NetworkPolicy");
            let mut translator = Translator { is_manifest: true, is_policy, unknown: Vec::new() };
            let object = translator.fields(value, unknown, "");
            add_document(builder, resource, origin, Value::Object(object), translator.unknown)
        }
        _ => add_document(builder, resource, origin, Value::Null, Vec::new()),
    }
}

/// A manifest as text.
fn add_yaml_manifest(builder: &mut Builder, resource: &Resource, origin: &Origin) -> Result<(), String> {
    match resource.values.get("yaml_body").and_then(Value::as_str) {
        None => add_document(builder, resource, origin, Value::Null, Vec::new()),
        Some(text) => {
            for node in parse_yaml_documents("yaml_body", text, mask_text).map_err(|p| p.message)? {
                add_document(builder, resource, origin, node.to_json(), Vec::new())?;
            }
            Ok(())
        }
    }
}

fn add_document(
    builder: &mut Builder,
    resource: &Resource,
    origin: &Origin,
    object: Value,
    unknown: Vec<String>,
) -> Result<(), String> {
    let kind = object.get("kind").and_then(Value::as_str);
    if kind.is_none() || object.get("apiVersion").and_then(Value::as_str).is_none() {
        add_gap(builder, resource, &ANYTHING, "the manifest's apiVersion or kind");
        return Ok(());
    }
    let need = TYPES.iter().find(|(_, _, k, _)| Some(*k) == kind).map_or(Need::OtherPolicies, |(.., need)| *need);
    add_object(builder, resource, origin, object, unknown, need)
}

/// Gives an object to the reader of files, or records what is not known because of it.
fn add_object(
    builder: &mut Builder,
    resource: &Resource,
    origin: &Origin,
    mut object: Value,
    mut unknown: Vec<String>,
    need: Need,
) -> Result<(), String> {
    let named = unknown.len();
    unknown.retain(|path| path != "metadata.name");
    if unknown.len() < named
        && let Some(Value::Object(metadata)) = object.get_mut("metadata")
    {
        // Nothing else can mean it by a name that there is not yet.
        metadata.insert("name".to_owned(), Value::from(resource.address.as_str()));
    }
    let whose = |what: &[String]| what.first().cloned().unwrap_or_default();
    let located = !unknown.iter().any(|path| path == "metadata" || path == "metadata.namespace");
    match need {
        _ if unknown.is_empty() => {}
        Need::NetworkPolicies if located => {}
        Need::ConfigMaps => {
            let note = format!("{} was left out: {} {UNKNOWN}", resource.address, whose(&unknown));
            builder.snapshot_mut().notes.push(note);
            return Ok(());
        }
        need => {
            add_gap(builder, resource, &[need], &whose(&unknown));
            return Ok(());
        }
    }
    let unknown = unknown.first().map(|path| format!("{path} {UNKNOWN}"));
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    builder.terraform(&node(&object), &Head { api_version: &api_version, kind: &kind }, origin, unknown.as_deref())
}

fn node(value: &Value) -> Node<'_> {
    let content = match value {
        Value::Null => Content::Null,
        Value::Bool(b) => Content::Bool(*b),
        Value::Number(n) => n.as_i64().map_or_else(|| Content::Float(n.as_f64().unwrap_or_default()), Content::Int),
        Value::String(s) => Content::Str(s.into()),
        Value::Array(items) => Content::List(items.iter().map(node).collect()),
        Value::Object(map) => Content::Object(map.iter().map(|(k, v)| (k, node(v)).into()).collect()),
    };
    content.into()
}

/// Blocks whose name in the API is another, where they are lists.
const PLURALS: [(&str, &str); 8] = [
    ("container", "containers"),
    ("init_container", "initContainers"),
    ("port", "ports"),
    ("volume", "volumes"),
    ("volume_mount", "volumeMounts"),
    ("toleration", "tolerations"),
    ("volume_claim_template", "volumeClaimTemplates"),
    ("volume_device", "volumeDevices"),
];

/// Blocks that are lists in the API too. Every other one is an object there.
const LISTS: [&str; 18] = [
    "containers",
    "initContainers",
    "ports",
    "volumes",
    "volumeMounts",
    "tolerations",
    "volumeClaimTemplates",
    "volumeDevices",
    "env",
    "envFrom",
    "ingress",
    "egress",
    "from",
    "to",
    "matchExpressions",
    "items",
    "imagePullSecrets",
    "hostAliases",
];

/// What bears on who reaches whom, or on a database's connection, by the last name of its path in the API. Of the rest
/// the provider computes much, so that it is not known in any plan.
const BEARING: [&str; 25] = [
    "metadata",
    "name",
    "namespace",
    "labels",
    "spec",
    "template",
    "selector",
    "matchLabels",
    "matchExpressions",
    "key",
    "operator",
    "values",
    "hostNetwork",
    "containers",
    "initContainers",
    "ports",
    "containerPort",
    "port",
    "targetPort",
    "protocol",
    "args",
    "command",
    "env",
    "envFrom",
    "data",
];

/// Parts of a pod that have names, and bear on nothing.
const ASIDE: [&str; 6] =
    ["volumes", "volumeMounts", "volumeClaimTemplates", "imagePullSecrets", "livenessProbe", "status"];

/// Translates a resource into the API's names and forms.
struct Translator {
    /// It is a manifest, whose names and forms are the API's already.
    is_manifest: bool,
    /// Everything below `spec` bears on what the object does, and an annotation names its network.
    is_policy: bool,
    /// Paths of what is not known and bears on something.
    unknown: Vec<String>,
}

impl Translator {
    fn fields(&mut self, values: &Value, unknown: &Value, path: &str) -> Map<String, Value> {
        let mut out = Map::new();
        let keys = |v: &Value| v.as_object().map(|m| m.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
        let mut names = keys(values);
        // What is known after the apply is not among the values.
        names.extend(keys(unknown).into_iter().filter(|k| values.get(k).is_none()));
        for name in names {
            let value = values.get(&name).unwrap_or(&Value::Null);
            let unknown = unknown.get(&name).unwrap_or(&Value::Null);
            let list = value.is_array() || unknown.is_array();
            let key = match PLURALS.iter().find(|(one, _)| *one == name) {
                Some((_, many)) if list && !self.is_manifest => (*many).to_owned(),
                _ if self.is_manifest => name.clone(),
                _ => camel_case(&name),
            };
            let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if let Some(found) = self.value(&key, value, unknown, &at) {
                out.insert(key, found);
            }
        }
        if path.ends_with("env[]") {
            complete_variable(&mut out);
        }
        out
    }

    fn value(&mut self, key: &str, value: &Value, unknown: &Value, path: &str) -> Option<Value> {
        if key == "annotations" && !self.is_policy && path.ends_with("metadata.annotations") {
            return annotations(value, unknown);
        }
        if *unknown == Value::Bool(true) || Unavailable::from_json(value).is_some() {
            if path.contains("env[].value") {
                return Some(Unavailable::KnownAfterApply.to_json());
            }
            self.note_unknown(key, path);
            return None;
        }
        match value {
            // A part of it is known after the apply, and the rest not there.
            Value::Null if is_marked(unknown) => {
                self.note_unknown(key, path);
                None
            }
            Value::Null => None,
            Value::String(s) if !self.is_manifest => match key {
                _ if s.is_empty() => None,
                "port" | "targetPort" | "replicas" => {
                    Some(s.parse::<i64>().map_or_else(|_| value.clone(), Value::from))
                }
                _ => Some(value.clone()),
            },
            Value::Number(n) if key == "endPort" && n.as_i64() == Some(0) && !self.is_manifest => None,
            Value::Array(items) => self.list(key, items, unknown, path),
            Value::Object(map) if self.is_manifest => {
                let user = map.is_empty() || matches!(key, "labels" | "annotations" | "matchLabels" | "data");
                if user {
                    self.labels(key, map, unknown, path)
                } else {
                    Some(Value::Object(self.fields(value, unknown, path)))
                }
            }
            // Blocks are lists, so this is a map of the user's own.
            Value::Object(map) => self.labels(key, map, unknown, path),
            other => Some(other.clone()),
        }
    }

    fn labels(&mut self, key: &str, map: &Map<String, Value>, unknown: &Value, path: &str) -> Option<Value> {
        if is_marked(unknown) || map.values().any(|v| Unavailable::from_json(v).is_some()) {
            self.note_unknown(key, path);
            return None;
        }
        Some(Value::Object(map.clone()))
    }

    fn list(&mut self, key: &str, items: &[Value], unknown: &Value, path: &str) -> Option<Value> {
        let of = |i: usize| unknown.get(i).unwrap_or(&Value::Null);
        // Members that are known only after the apply.
        if unknown.as_array().is_some_and(|u| u.iter().skip(items.len()).any(is_marked)) {
            self.note_unknown(key, path);
            return None;
        }
        let blocks = self.is_manifest || items.iter().all(|i| i.is_object() || i.is_null());
        if !blocks || items.iter().all(|i| !i.is_object() && !i.is_null()) {
            if is_marked(unknown) || items.iter().any(|i| Unavailable::from_json(i).is_some()) {
                self.note_unknown(key, path);
                return None;
            }
            return (!items.is_empty() || LISTS.contains(&key)).then(|| Value::Array(items.to_vec()));
        }
        if !self.is_manifest && !LISTS.contains(&key) && items.len() == 1 {
            return match (of(0), &items[0]) {
                (Value::Bool(true), _) => {
                    self.note_unknown(key, path);
                    None
                }
                (unknown, item) => Some(Value::Object(self.fields(item, unknown, path))),
            };
        }
        let below = format!("{path}[]");
        let mut list = Vec::new();
        for (i, item) in items.iter().enumerate() {
            if *of(i) == Value::Bool(true) || Unavailable::from_json(item).is_some() {
                self.note_unknown(key, path);
                return None;
            }
            list.push(match item {
                Value::Object(_) | Value::Null => Value::Object(self.fields(item, of(i), &below)),
                other => other.clone(),
            });
        }
        Some(Value::Array(list))
    }

    fn note_unknown(&mut self, key: &str, path: &str) {
        let below = |part: &str| path.split('.').any(|p| p.trim_end_matches("[]") == part);
        // The provider computes a name for the pods' template, which nothing has.
        let unused = matches!(path, "spec.template.metadata.name" | "spec.template.metadata.namespace");
        let bears = if self.is_policy && (path.starts_with("spec") || key == "annotations") {
            true
        } else {
            BEARING.contains(&key) && !unused && !ASIDE.iter().any(|part| below(part))
        };
        if bears {
            self.unknown.push(path.to_owned());
        }
    }
}

/// The annotations with known texts, and why others are unavailable.
fn annotations(value: &Value, unknown: &Value) -> Option<Value> {
    let why = Unavailable::within(value).or_else(|| is_marked(unknown).then_some(Unavailable::KnownAfterApply));
    let texts = value.as_object().into_iter().flatten().filter(|(_, text)| text.is_string());
    let mut known: Map<String, Value> = texts.map(|(key, text)| (key.clone(), text.clone())).collect();
    known.remove(Unavailable::KEY);
    if let Some(why) = why {
        known.extend(why.to_json().as_object().cloned().unwrap_or_default());
    }
    (!known.is_empty()).then_some(Value::Object(known))
}

/// A variable has a value or a source of one. What is not known of either counts as set when the pod runs.
fn complete_variable(variable: &mut Map<String, Value>) {
    if variable.values().any(|v| Unavailable::within(v).is_some()) {
        variable.remove("value");
        let from = json!({ "fieldRef": { "fieldPath": "a value that Terraform knows after the apply or keeps as sensitive" } });
        variable.insert("valueFrom".to_owned(), from);
    } else if variable.contains_key("valueFrom") {
        variable.remove("value");
    }
}
