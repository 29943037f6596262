//! Where a piece of evidence comes from, and why a piece is missing.

use serde::{Deserialize, Serialize};

/// The place an object was read from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Origin {
    /// A file given as input; `line` is 1-based and points at the object's first line.
    File {
        /// Name of the file; empty if the origin is not known.
        file: String,
        /// Line of the object's start, from 1; 0 if it is not known.
        line: u32,
        /// Where Terraform has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terraform: Option<Terraform>,
    },
    /// A list or get request against an API.
    #[serde(rename_all = "camelCase")]
    Api {
        /// Path of the request, such as `/api/v1/pods` or `container.googleapis.com/v1/projects/P/…`.
        api: String,
        /// `metadata.resourceVersion` of the object; absent for resources of the GKE API.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resource_version: Option<String>,
        /// Where Terraform has it, for audits that were given its state.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terraform: Option<Terraform>,
    },
}

/// A place in Terraform.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Terraform {
    /// Of the resource, such as `module.gke["eu"].google_container_cluster.this[0]`.
    pub address: String,
    /// What to change there, such as `network_policy.enabled`; absent where there is no such attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
}

impl std::fmt::Display for Terraform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.address)?;
        self.attribute.as_ref().map_or(Ok(()), |a| write!(f, " {a}"))
    }
}

impl Origin {
    /// A place in a file.
    pub fn file(file: impl Into<String>, line: u32) -> Self {
        Origin::File { file: file.into(), line, terraform: None }
    }

    /// An answer of an API.
    pub fn api(api: impl Into<String>, resource_version: Option<String>) -> Self {
        Origin::Api { api: api.into(), resource_version, terraform: None }
    }

    /// The same place, with the one in Terraform.
    pub fn with_terraform(mut self, place: Terraform) -> Self {
        let (Origin::File { terraform, .. } | Origin::Api { terraform, .. }) = &mut self;
        *terraform = Some(place);
        self
    }
}

impl Default for Origin {
    fn default() -> Self {
        Origin::file("", 0)
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            // Of a plan or a state the address says more than the line, which is always that of the whole document.
            Origin::File { file, terraform: Some(place), .. } => write!(f, "{file}: {place}"),
            Origin::File { file, line: 0, .. } => f.write_str(file),
            Origin::File { file, line, .. } => write!(f, "{file}:{line}"),
            Origin::Api { api, terraform: Some(place), .. } => write!(f, "{api}: {place}"),
            Origin::Api { api, .. } => f.write_str(api),
        }
    }
}

/// Identity of a Kubernetes (or GKE) object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// API group and version, such as `apps/v1`; `v1` for the core group.
    pub api_version: String,
    /// Kind as in manifests, such as `Deployment`.
    pub kind: String,
    /// Empty, and absent from JSON, for a cluster-scoped or GKE object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// `metadata.name`, or the name of the GKE resource.
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
    /// Why the value is not known, as a type that programs can compare.
    pub cause: Cause,
    /// What is missing and, where possible, how to provide it.
    pub text: String,
    /// Id of the gap, for the cause `gap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
}

impl Reason {
    /// A reason with the cause [`Cause::MissingInput`].
    pub fn missing(text: impl Into<String>) -> Self {
        Reason { cause: Cause::MissingInput, text: text.into(), gap: None }
    }
    /// A reason with the cause [`Cause::Undecided`].
    pub fn undecided(text: impl Into<String>) -> Self {
        Reason { cause: Cause::Undecided, text: text.into(), gap: None }
    }
    /// A reason with the cause [`Cause::Withheld`].
    pub fn withheld(text: impl Into<String>) -> Self {
        Reason { cause: Cause::Withheld, text: text.into(), gap: None }
    }
    /// A reason with the cause [`Cause::Gap`]; `id` is that of the gap.
    pub fn gap(id: impl Into<String>, text: impl Into<String>) -> Self {
        Reason { cause: Cause::Gap, text: text.into(), gap: Some(id.into()) }
    }
}

/// A value that is known, or not known for the given reasons (never empty).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// The evidence decides the value.
    Value(T),
    /// The evidence does not decide the value, for these reasons.
    Unknown(Vec<Reason>),
}

impl<T> Known<T> {
    /// An unknown with a single reason.
    pub fn unknown(reason: Reason) -> Self {
        Known::Unknown(vec![reason])
    }
    /// The value; `None` if it is unknown.
    pub fn value(&self) -> Option<&T> {
        match self {
            Known::Value(v) => Some(v),
            Known::Unknown(_) => None,
        }
    }
    /// Why the value is unknown; empty if it is known.
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Known::Value(_) => &[],
            Known::Unknown(r) => r,
        }
    }
    /// Applies `f` to a known value and keeps the reasons of an unknown one.
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

/// A resource that a fact needs. Gaps, least-privilege roles and "which checks this costs" are derived from these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The Cluster resource of the GKE API (`container.clusters.get`).
    Cluster,
    /// When support of the cluster's version ends (`clusters.fetchClusterUpgradeInfo`, `container.clusters.get`).
    UpgradeInfo,
    /// Namespace objects, for their labels.
    Namespaces,
    /// Pods and the controllers that make them.
    Workloads,
    /// Services of the core API.
    Services,
    /// Addresses behind Services without a selector.
    EndpointSlices,
    /// ConfigMaps that workloads reference, read one by one.
    ConfigMaps,
    /// NetworkPolicies of `networking.k8s.io`.
    NetworkPolicies,
    /// Policies of other kinds, such as CiliumNetworkPolicy: whether there are any.
    OtherPolicies,
    /// Ingresses of `networking.k8s.io`.
    Ingresses,
    /// Cluster and Pooler of postgresql.cnpg.io.
    CloudNativePg,
    /// ComputeClass of cloud.google.com: what creates node pools by itself.
    ComputeClasses,
    /// Clusters beside the one that is audited. No fact needs them.
    OtherClusters,
}

/// A right on a Kubernetes resource: <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Right {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// Plural, lower case.
    pub resource: &'static str,
    /// RBAC verb: `list` or `get`.
    pub verb: &'static str,
}

const fn list(group: &'static str, resource: &'static str) -> Right {
    Right { group, resource, verb: "list" }
}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

impl Need {
    /// What facts need.
    pub const ALL: [Need; 12] = [
        Need::Cluster,
        Need::UpgradeInfo,
        Need::Namespaces,
        Need::Workloads,
        Need::Services,
        Need::EndpointSlices,
        Need::ConfigMaps,
        Need::NetworkPolicies,
        Need::OtherPolicies,
        Need::Ingresses,
        Need::CloudNativePg,
        Need::ComputeClasses,
    ];

    /// What a person calls it.
    pub fn name(self) -> &'static str {
        match self {
            Need::Cluster => "cluster configuration",
            Need::UpgradeInfo => "upgrade information",
            Need::Namespaces => "Namespaces",
            Need::Workloads => "workloads",
            Need::Services => "Services",
            Need::EndpointSlices => "EndpointSlices",
            Need::ConfigMaps => "ConfigMaps",
            Need::NetworkPolicies => "NetworkPolicies",
            Need::OtherPolicies => "policies of other kinds",
            Need::Ingresses => "Ingresses",
            Need::CloudNativePg => "CloudNativePG Clusters and Poolers",
            Need::ComputeClasses => "ComputeClasses",
            Need::OtherClusters => "other clusters",
        }
    }

    /// The rights in Kubernetes that reading it takes; none for what the GKE API gives.
    pub fn rights(self) -> &'static [Right] {
        match self {
            Need::Cluster | Need::UpgradeInfo | Need::OtherClusters => &[],
            Need::Namespaces => const { &[list("", "namespaces")] },
            Need::Workloads => {
                const {
                    &[
                        list("", "pods"),
                        list("", "replicationcontrollers"),
                        list("apps", "daemonsets"),
                        list("apps", "deployments"),
                        list("apps", "replicasets"),
                        list("apps", "statefulsets"),
                        list("batch", "cronjobs"),
                        list("batch", "jobs"),
                    ]
                }
            }
            Need::Services => const { &[list("", "services")] },
            Need::EndpointSlices => const { &[list("discovery.k8s.io", "endpointslices")] },
            Need::ConfigMaps => &[Right { group: "", resource: "configmaps", verb: "get" }],
            Need::NetworkPolicies => const { &[list("networking.k8s.io", "networkpolicies")] },
            Need::OtherPolicies => {
                const {
                    &[
                        list("cilium.io", "ciliumclusterwidenetworkpolicies"),
                        list("cilium.io", "ciliumnetworkpolicies"),
                        list("crd.projectcalico.org", "globalnetworkpolicies"),
                        list("crd.projectcalico.org", "networkpolicies"),
                        list("crd.projectcalico.org", "stagedglobalnetworkpolicies"),
                        list("networking.gke.io", "fqdnnetworkpolicies"),
                        list("policy.networking.k8s.io", "adminnetworkpolicies"),
                        list("policy.networking.k8s.io", "baselineadminnetworkpolicies"),
                        list("policy.networking.k8s.io", "clusternetworkpolicies"),
                        list("projectcalico.org", "globalnetworkpolicies"),
                        list("projectcalico.org", "networkpolicies"),
                        list("projectcalico.org", "stagedglobalnetworkpolicies"),
                    ]
                }
            }
            Need::Ingresses => const { &[list("networking.k8s.io", "ingresses")] },
            Need::CloudNativePg => {
                const { &[list("postgresql.cnpg.io", "clusters"), list("postgresql.cnpg.io", "poolers")] }
            }
            Need::ComputeClasses => const { &[list("cloud.google.com", "computeclasses")] },
        }
    }

    /// The permission of Google's IAM that reading it takes; `None` for what Kubernetes gives.
    pub fn permission(self) -> Option<&'static str> {
        match self {
            Need::Cluster | Need::UpgradeInfo => Some("container.clusters.get"),
            Need::OtherClusters => Some("container.clusters.list"),
            _ => None,
        }
    }

    /// The rights in words: `list pods, deployments.apps`.
    pub fn rights_text(self) -> String {
        let mut text = self.permission().unwrap_or_default().to_owned();
        let mut last = "";
        for right in self.rights() {
            let whole = right.to_string();
            let shown = if right.verb == last { whole[right.verb.len() + 1..].to_owned() } else { whole };
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(&shown);
            last = right.verb;
        }
        text
    }
}
