//! Where a piece of evidence comes from, and why a piece is missing.

use serde::{Deserialize, Serialize};

/// The place an object was read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Origin {
    /// A file given as input; `line` is 1-based and points at the object's first line.
    File { file: String, line: u32 },
    /// A list or get request against an API.
    #[serde(rename_all = "camelCase")]
    Api {
        api: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resource_version: Option<String>,
    },
}

impl Default for Origin {
    fn default() -> Self {
        Origin::File { file: String::new(), line: 0 }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::File { file, line: 0 } => f.write_str(file),
            Origin::File { file, line } => write!(f, "{file}:{line}"),
            Origin::Api { api, .. } => f.write_str(api),
        }
    }
}

/// Identity of a Kubernetes (or GKE) object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    pub api_version: String,
    pub kind: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    pub name: String,
}

impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}/{}", self.kind, self.name)
        } else {
            write!(f, "{}/{}/{}", self.namespace, self.kind, self.name)
        }
    }
}

/// Why something is not known. Every unknown carries one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It could not be read.
    Gap,
    /// It is not in the input.
    MissingInput,
    /// The evidence does not decide it (an opaque Secret, an agent's version).
    Undecided,
    /// Only callers with more rights see it.
    Withheld,
}

/// A reason for an unknown: its cause and one sentence for a person, which also says how to make it knowable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Reason {
    pub cause: Cause,
    pub text: String,
    /// Id of the gap, for the cause `gap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
}

impl Reason {
    pub fn missing(text: impl Into<String>) -> Self {
        Reason { cause: Cause::MissingInput, text: text.into(), gap: None }
    }
    pub fn undecided(text: impl Into<String>) -> Self {
        Reason { cause: Cause::Undecided, text: text.into(), gap: None }
    }
    pub fn withheld(text: impl Into<String>) -> Self {
        Reason { cause: Cause::Withheld, text: text.into(), gap: None }
    }
    pub fn gap(id: impl Into<String>, text: impl Into<String>) -> Self {
        Reason { cause: Cause::Gap, text: text.into(), gap: Some(id.into()) }
    }
}

/// A value that is known, or not known for the given reasons (never empty).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    Value(T),
    Unknown(Vec<Reason>),
}

impl<T> Known<T> {
    pub fn unknown(reason: Reason) -> Self {
        Known::Unknown(vec![reason])
    }
    pub fn value(&self) -> Option<&T> {
        match self {
            Known::Value(v) => Some(v),
            Known::Unknown(_) => None,
        }
    }
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Known::Value(_) => &[],
            Known::Unknown(r) => r,
        }
    }
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Known::Value(v) => Known::Value(f(v)),
            Known::Unknown(r) => Known::Unknown(r),
        }
    }
}

impl<T> From<T> for Known<T> {
    fn from(v: T) -> Self {
        Known::Value(v)
    }
}

/// A resource that a fact needs, with the right that reading it takes. Gaps, least-privilege roles and
/// "which checks this costs" are derived from these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The Cluster resource of the GKE API (`container.clusters.get`).
    Cluster,
    Namespaces,
    /// Pods and the controllers that make them.
    Workloads,
    Services,
    EndpointSlices,
    ConfigMaps,
    NetworkPolicies,
    Ingresses,
    /// Cluster and Pooler of postgresql.cnpg.io.
    CloudNativePg,
}

impl Need {
    /// What a person calls it, and the right that reads it.
    pub fn describe(self) -> (&'static str, &'static str) {
        match self {
            Need::Cluster => ("cluster configuration", "container.clusters.get"),
            Need::Namespaces => ("Namespaces", "list namespaces"),
            Need::Workloads => (
                "workloads",
                "list pods, deployments.apps, replicasets.apps, statefulsets.apps, daemonsets.apps, jobs.batch, cronjobs.batch, replicationcontrollers",
            ),
            Need::Services => ("Services", "list services"),
            Need::EndpointSlices => ("EndpointSlices", "list endpointslices.discovery.k8s.io"),
            Need::ConfigMaps => ("ConfigMaps", "get configmaps"),
            Need::NetworkPolicies => ("NetworkPolicies", "list networkpolicies.networking.k8s.io"),
            Need::Ingresses => ("Ingresses", "list ingresses.networking.k8s.io"),
            Need::CloudNativePg => {
                ("CloudNativePG Clusters and Poolers", "list clusters.postgresql.cnpg.io, poolers.postgresql.cnpg.io")
            }
        }
    }
}
