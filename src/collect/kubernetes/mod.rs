//! Parses Kubernetes objects: of each only the fields that the audit needs.

mod pod_spec;
mod pods;
mod services;
mod spec_key;

use std::collections::{BTreeMap, HashMap};

use base64::prelude::*;

use crate::document::{Content, Cursor};
use crate::inventory::object::*;
use crate::inventory::{Annotations, Origin};
use crate::lexicon;

use super::interner::Interner;

pub(super) use pod_spec::parse_pod_spec;

/// API version and kind of an object.
pub(crate) struct Head<'a> {
    pub api_version: &'a str,
    pub kind: &'a str,
}

impl Head<'_> {
    /// API group, empty for the core group.
    pub(crate) fn group(&self) -> &str {
        self.api_version.rsplit_once('/').map_or("", |(g, _)| g)
    }
}

impl Head<'_> {
    /// Whether it is a cluster or a node pool as Config Connector describes it:
    /// <https://cloud.google.com/config-connector/docs/reference/resource-docs/container/containercluster>.
    pub(crate) fn is_config_connector(&self) -> bool {
        self.group() == "container.cnrm.cloud.google.com"
            && matches!(self.kind, "ContainerCluster" | "ContainerNodePool")
    }
}

/// The variables that keys of a Secret become, by (namespace, name) of the Secret and by key.
pub(super) type SecretVariables = HashMap<(String, String), BTreeMap<String, String>>;

/// What reading an object needs besides the object.
pub(super) struct ReadOptions<'a> {
    pub interner: &'a Interner,
    /// Present where a person has allowed that values of Secrets are read.
    pub secret_variables: Option<&'a SecretVariables>,
    /// A server gave the object. The status of a manifest is what somebody wrote there, and has no effect when applied:
    /// <https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#spec-and-status>.
    pub from_server: bool,
}

impl ReadOptions<'_> {
    /// The status of an object, where it counts.
    pub(super) fn status<'c>(&self, c: &Cursor<'c>) -> Option<Cursor<'c>> {
        c.get("status").filter(|_| self.from_server)
    }
}

/// A type of the evidence, as it is read from an object of the Kubernetes API.
pub(super) trait FromObject: Sized {
    /// Reads an object whose metadata is `meta`. Most objects give one value; a pod that has finished gives none.
    fn read(c: &Cursor<'_>, meta: Meta, options: &ReadOptions<'_>) -> impl IntoIterator<Item = Self>;
}

impl FromObject for Namespace {
    fn read(_: &Cursor<'_>, meta: Meta, _: &ReadOptions<'_>) -> impl IntoIterator<Item = Namespace> {
        Some(Namespace { meta })
    }
}

/// Of a policy whose rules are not modeled only the metadata is kept.
impl FromObject for Meta {
    fn read(_: &Cursor<'_>, meta: Meta, _: &ReadOptions<'_>) -> impl IntoIterator<Item = Meta> {
        Some(meta)
    }
}

impl FromObject for ConfigMap {
    fn read(c: &Cursor<'_>, meta: Meta, _: &ReadOptions<'_>) -> impl IntoIterator<Item = ConfigMap> {
        Some(parse_config_map(c, meta))
    }
}

impl FromObject for SecretNames {
    fn read(c: &Cursor<'_>, meta: Meta, options: &ReadOptions<'_>) -> impl IntoIterator<Item = SecretNames> {
        Some(match options.secret_variables {
            None => parse_secret(c, meta),
            Some(variables) => {
                let own = variables.get(&(meta.namespace.clone(), meta.name.clone()));
                parse_secret_with_tls(c, meta, own.unwrap_or(&BTreeMap::new()))
            }
        })
    }
}

impl FromObject for ComputeClass {
    fn read(c: &Cursor<'_>, meta: Meta, _: &ReadOptions<'_>) -> impl IntoIterator<Item = ComputeClass> {
        Some(parse_compute_class(c, meta))
    }
}

/// The annotations that the audit needs, with secrets in their values masked.
fn parse_annotations(metadata: &Cursor<'_>) -> Annotations {
    let all = metadata.get("annotations").map(|all| all.strings::<Vec<_>>()).unwrap_or_default();
    Annotations::collect(all, lexicon::mask_annotation)
}

/// Parses metadata. `namespace` is that of namespaced objects that name none; empty for cluster-scoped ones.
pub(super) fn parse_meta(c: &Cursor<'_>, head: &Head<'_>, namespace: &str, origin: &Origin) -> Option<Meta> {
    let Some(m) = c.get("metadata") else {
        c.problem("metadata is missing");
        return None;
    };
    let name = match m.get("name") {
        Some(n) => n.str()?.to_owned(),
        None => match m.get("generateName").and_then(|n| n.str()) {
            Some(prefix) => format!("{prefix}*"),
            None => {
                m.problem("name is missing");
                return None;
            }
        },
    };
    let namespace = if namespace.is_empty() {
        String::new()
    } else {
        match m.string_at("namespace") {
            Some(n) if !n.is_empty() => n,
            _ => namespace.to_owned(),
        }
    };
    let annotations = parse_annotations(&m);
    let owner = m.items("ownerReferences").into_iter().find_map(|o| {
        let controller = o.bool_at("controller").unwrap_or(false);
        let owner = Owner {
            api_version: o.string_at("apiVersion").unwrap_or_default(),
            kind: o.string_at("kind")?,
            name: o.string_at("name")?,
            uid: o.string_at("uid").filter(|uid| !uid.is_empty()),
        };
        controller.then_some(owner)
    });
    Some(Meta {
        api_version: head.api_version.to_owned(),
        kind: head.kind.to_owned(),
        namespace,
        name,
        labels: m.get("labels").map(|l| l.strings()).unwrap_or_default(),
        annotations,
        uid: m.string_at("uid").filter(|uid| !uid.is_empty()),
        owner,
        origin: origin.clone(),
    })
}

pub(super) fn parse_protocol(c: &Cursor<'_>) -> Protocol {
    match c.get("protocol") {
        None => Protocol::Tcp,
        Some(p) => match p.str() {
            Some("TCP" | "") => Protocol::Tcp,
            Some("UDP") => Protocol::Udp,
            Some("SCTP") => Protocol::Sctp,
            Some(other) => {
                let hint = match other.to_ascii_uppercase().as_str() {
                    up @ ("TCP" | "UDP" | "SCTP") => format!(" (did you mean \"{up}\"?)"),
                    _ => String::new(),
                };
                p.problem(format_args!("unknown value \"{other}\"{hint}; the API server refuses this object"));
                Protocol::Tcp
            }
            None => Protocol::Tcp,
        },
    }
}

/// A port by number or name.
pub(super) fn parse_port(c: &Cursor<'_>) -> Option<PortRef> {
    match &c.node.content {
        Content::Str(name) => {
            if is_port_name(name) {
                Some(PortRef::Name(name.clone().into_owned()))
            } else {
                c.problem(format_args!(
                    "\"{name}\" is not a port name (at most 15 of a-z, 0-9 and -, with a letter); the API server refuses this object"
                ));
                None
            }
        }
        _ => c.port().map(PortRef::Number),
    }
}

/// IANA service name as the API validates it:
/// <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#ports>.
pub(super) fn is_port_name(name: &str) -> bool {
    (1..=15).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && name.bytes().any(|b| b.is_ascii_lowercase())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

fn parse_config_map(c: &Cursor<'_>, meta: Meta) -> ConfigMap {
    let data: Vec<_> = c.get("data").map(|d| d.strings()).unwrap_or_default();
    ConfigMap {
        meta,
        data: data.iter().map(|(k, v)| ((*k).to_owned(), lexicon::Value::mask(k, v))).collect(),
        binary_keys: c
            .get("binaryData")
            .map(|d| d.entries())
            .unwrap_or_default()
            .iter()
            .map(|(e, _)| e.key.to_string())
            .collect(),
    }
}

/// Parses names and keys of a Secret. Its values are not decoded.
fn parse_secret(c: &Cursor<'_>, meta: Meta) -> SecretNames {
    let mut keys: Vec<String> = ["data", "stringData"]
        .iter()
        .filter_map(|k| c.get(k))
        .flat_map(|d| d.entries().into_iter().map(|(e, _)| e.key.to_string()).collect::<Vec<_>>())
        .collect();
    keys.sort();
    keys.dedup();
    SecretNames { meta: Meta { annotations: Annotations::default(), ..meta }, keys, ..SecretNames::default() }
}

/// As [`parse_secret`], with TLS settings among its values. `variables` are the names of environment variables by key,
/// where they differ from it.
fn parse_secret_with_tls(c: &Cursor<'_>, meta: Meta, variables: &BTreeMap<String, String>) -> SecretNames {
    let mut found = parse_secret(c, meta);
    for (entry, value) in c.get("data").map(|d| d.entries()).unwrap_or_default() {
        let key = &*entry.key;
        let raw =
            value.node.as_str().and_then(|t| BASE64_STANDARD.decode(t).ok()).and_then(|b| String::from_utf8(b).ok());
        let name = variables.get(key).map_or(key, String::as_str);
        let kept = raw.map_or_else(lexicon::Value::withheld, |raw| lexicon::Value::tls_setting(name, &raw));
        found.tls.insert(key.to_owned(), kept);
    }
    found
}

fn parse_compute_class(c: &Cursor<'_>, meta: Meta) -> ComputeClass {
    let spec = c.get("spec");
    let at = |path: &str| spec.as_ref().and_then(|s| s.at(path));
    ComputeClass {
        meta,
        creates_pools: at("nodePoolAutoCreation").and_then(|n| n.bool_at("enabled")).unwrap_or(false),
        service_account: at("nodePoolConfig").and_then(|n| n.string_at("serviceAccount")).filter(|s| !s.is_empty()),
    }
}
