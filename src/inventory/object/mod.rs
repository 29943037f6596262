//! Slim Kubernetes objects: only the fields that the analysis reads. They are what a snapshot stores.

mod custom;
mod pod;
mod policy;
mod service;

use serde::{Deserialize, Serialize};

use super::annotations::Annotations;
use super::source::{ObjectRef, Origin};

pub use super::label_map::Labels;
pub use custom::*;
pub use pod::*;
pub use policy::*;
pub use service::*;

/// Names, labels and provenance of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// API group and version, such as `apps/v1`; `v1` for the core group.
    pub api_version: String,
    /// Kind as in manifests, such as `Deployment`.
    pub kind: String,
    /// Empty for a cluster-scoped object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// `metadata.name`, or `metadata.generateName` followed by `*`.
    pub name: String,
    /// `metadata.labels`; of a [`PodGroup`], those that all its pods share.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Only annotations that the analysis reads.
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// `metadata.uid`, which only a server sets; kept of objects that can own others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// The controlling owner (`controller: true`), if any. It is what the object claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Where the object was read.
    pub origin: Origin,
}

impl Meta {
    /// API group, empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.rsplit_once('/').map_or("", |(group, _)| group)
    }

    /// The identity without labels and origin.
    pub fn object_ref(&self) -> ObjectRef {
        ObjectRef {
            api_version: self.api_version.clone(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// An item of `metadata.ownerReferences`, in the namespace of the object that it owns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// `apiVersion` of the owner; empty if the reference lacks it.
    pub api_version: String,
    /// `kind` of the owner, such as `ReplicaSet`.
    pub kind: String,
    /// `name` of the owner.
    pub name: String,
    /// `uid` of the owner, if the reference has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

impl Owner {
    /// API group, empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.rsplit_once('/').map_or("", |(group, _)| group)
    }

    /// Whether an object is this owner. An object of the same name and another uid is a later one.
    pub fn is(&self, object: &Meta) -> bool {
        self.kind == object.kind
            && self.name == object.name
            && self.group() == object.group()
            && (self.uid.is_none() || object.uid.is_none() || self.uid == object.uid)
    }
}

/// Transport protocols of the Kubernetes API.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP, which the API uses when no protocol is set.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Protocol {
    /// Every protocol, in ascending order.
    pub const ALL: [Protocol; 3] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Sctp => "SCTP",
        })
    }
}
