//! The environment that a container's process sees, as the kubelet computes it.
//!
//! Order and expansion follow the Kubernetes documentation:
//! [environment variables](https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/),
//! [dependent variables](https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/),
//! [`envFrom`](https://kubernetes.io/docs/tasks/configure-pod-container/configure-pod-configmap/) and
//! [service links](https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables).

mod build;
mod expand;
mod links;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;

pub(crate) use build::effective;
pub(crate) use value::{EnvValue, HOLE, Opaque, Template};

use crate::inventory::object::{CnpgCluster, ConfigMap, Labels, PodSpec, SecretNames, Service};
use crate::inventory::{Annotations, Known, ObjectRef, Reason};

/// What an environment refers to outside its pod.
pub(crate) trait Sources {
    /// The ConfigMap `name` of `namespace`: `Value(None)` when it is certain that there is none, `Unknown` when the
    /// evidence is partial (the reason says to add it to the input).
    fn config_map(&self, namespace: &str, name: &str) -> Known<Option<&ConfigMap>>;

    /// A Secret whose values a person has had read, with what was kept of each key; `None` where they were not.
    fn secret(&self, _namespace: &str, _name: &str) -> Option<&SecretNames> {
        None
    }

    /// The key names of a Secret; `None` where they were not read.
    fn secret_keys(&self, _namespace: &str, _name: &str) -> Option<&[String]> {
        None
    }

    /// All Services of `namespace`, for service links.
    fn services(&self, namespace: &str) -> Known<Vec<&Service>>;

    /// CloudNativePG Clusters of `namespace`, whose operator-made Secrets have a known shape.
    fn cnpg_clusters(&self, _namespace: &str) -> Vec<&CnpgCluster> {
        Vec::new()
    }
}

/// The pod whose containers are evaluated: a live pod or a template.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PodContext<'a> {
    /// The workload, for messages and evidence.
    pub workload: &'a ObjectRef,
    pub namespace: &'a str,
    /// `None` for a template: `metadata.name` is then a run-time value.
    pub pod_name: Option<&'a str>,
    pub labels: &'a Labels,
    pub annotations: &'a Annotations,
    pub spec: &'a PodSpec,
    /// Whether any printable name is accepted (feature gate `RelaxedEnvironmentVariableValidation`, on from 1.32).
    /// If not, an invalid name that comes from `envFrom` is skipped.
    pub relaxed_names: bool,
}

/// The list item that set a variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// `env[i]`.
    Env(usize),
    /// `envFrom[i]`.
    EnvFrom(usize),
    /// A service link of the named Service.
    ServiceLink(String),
}

/// The object and key that an item took its value from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// `ConfigMap`, `Secret` or `Service`.
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
    /// Key in the object's `data`; absent for a Service.
    pub key: Option<String>,
}

/// Where the effective value of a variable comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Provenance {
    pub container: String,
    pub item: Item,
    /// `None` for a literal.
    pub source: Option<Source>,
}

impl Provenance {
    /// Path inside the pod specification, `containers[app].env[3]`.
    pub fn path(&self) -> String {
        match &self.item {
            Item::Env(i) => format!("containers[{}].env[{i}]", self.container),
            Item::EnvFrom(i) => format!("containers[{}].envFrom[{i}]", self.container),
            Item::ServiceLink(_) => format!("containers[{}]", self.container),
        }
    }

    /// The object that holds the value and the path in it: a ConfigMap's `data.KEY`, or the workload's own
    /// specification.
    pub fn evidence(&self, workload: &ObjectRef) -> (ObjectRef, String) {
        match &self.source {
            Some(s) if s.kind == "ConfigMap" => (
                ObjectRef {
                    api_version: "v1".to_owned(),
                    kind: s.kind.to_owned(),
                    namespace: s.namespace.clone(),
                    name: s.name.clone(),
                },
                s.key.as_ref().map_or_else(|| "data".to_owned(), |k| format!("data[{k}]")),
            ),
            _ => (workload.clone(), self.path()),
        }
    }
}

/// One variable of the effective environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub value: EnvValue,
    pub from: Provenance,
}

/// The effective environment of one container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    pub container: String,
    /// Every variable with a visible definition, service links excluded.
    pub variables: BTreeMap<String, Variable>,
    /// Variables made from Services; a declared variable of the same name wins.
    pub service_links: BTreeMap<String, Variable>,
    /// `envFrom` sources that may define further names.
    pub opaque: Vec<Opaque>,
    /// Names that `env` lists more than once, with their indexes in list order.
    pub duplicates: Vec<(String, Vec<usize>)>,
    /// Invalid names that the kubelet skips, with the source they came from.
    pub skipped: Vec<(String, Source)>,
    /// Why the container cannot start (`CreateContainerConfigError`); empty if nothing stops it.
    pub errors: Vec<Reason>,
    /// Why the service links are not known.
    pub links_unknown: Vec<Reason>,
}

impl Environment {
    /// The value of `name`: from a visible definition, a service link, or what its absence means here.
    pub(crate) fn get(&self, name: &str) -> EnvValue {
        if let Some(v) = self.variables.get(name) {
            return v.value.clone();
        }
        let by: Vec<Opaque> = self.opaque.iter().filter(|o| o.may_define(name)).cloned().collect();
        match self.service_links.get(name) {
            // A declared variable would win over the link.
            Some(link) if by.is_empty() => link.value.clone(),
            Some(link) => match &link.value {
                EnvValue::Known(v) => EnvValue::Shadowable { value: v.clone(), by },
                other => other.clone(),
            },
            None if by.is_empty() => EnvValue::Absent,
            None => EnvValue::MaybeAbsent(by),
        }
    }

    /// Sentences for a variable that may be set by something that is not read.
    pub(crate) fn reasons(&self, name: &str, pod: &PodContext<'_>) -> Vec<Reason> {
        let subject = format!("{name} of {} container {}", pod.workload, self.container);
        match self.get(name) {
            EnvValue::MaybeAbsent(by) | EnvValue::Shadowable { by, .. } => {
                by.iter().map(|o| o.reason(&subject, true)).collect()
            }
            EnvValue::Opaque(o) => vec![o.reason(&subject, false)],
            EnvValue::Partial(t) => t.holes().map(|o| o.reason(&format!("part of {subject}"), false)).collect(),
            EnvValue::Runtime(why) => vec![Reason::undecided(format!("{subject} is set at run time: {why}"))],
            EnvValue::Error(why) => vec![Reason::undecided(format!("{subject}: {why}"))],
            EnvValue::Known(_) | EnvValue::Absent => Vec::new(),
        }
    }
}
