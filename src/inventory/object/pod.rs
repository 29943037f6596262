//! Pods, their containers, and the controllers that create them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Annotations, Labels, Meta, Protocol};
use crate::lexicon::Value;

/// What of a pod's specification matters to reachability and to the environment of its containers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    /// `hostNetwork`: the pod uses the addresses of its node.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub host_network: bool,
    /// `enableServiceLinks`, true by default in the API.
    pub service_links: bool,
    /// `serviceAccountName`; absent if not set, which means the ServiceAccount `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// `hostAliases`: entries that the kubelet adds to `/etc/hosts`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host_aliases: Vec<HostAlias>,
    /// Init containers, sidecars, containers and ephemeral containers, in that order.
    pub containers: Vec<Container>,
    /// `volumes`, also those without Secrets and ConfigMaps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
}

/// An item of `hostAliases`: names that resolve to a fixed address inside the pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostAlias {
    /// `ip`, as written.
    pub ip: String,
    /// `hostnames` that resolve to the address.
    pub hostnames: Vec<String>,
}

/// Role of a container in its pod, from the list that it is in and its `restartPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ContainerRole {
    /// An init container that ends before the regular containers start.
    Init,
    /// An init container with `restartPolicy: Always`.
    Sidecar,
    /// An item of `containers`.
    #[default]
    Regular,
    /// An item of `ephemeralContainers`, added to a running pod for debugging.
    Ephemeral,
}

/// A container of a pod: its ports, environment, mounts and command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// `name`, unique within the pod.
    pub name: String,
    /// Init, sidecar, regular or ephemeral.
    pub role: ContainerRole,
    /// `image`, with secrets masked; empty if not set.
    pub image: String,
    /// `ports`. A container may listen on ports that it does not declare.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ContainerPort>,
    /// In list order; a name may appear more than once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    /// `envFrom`, in list order; `env` takes precedence, and of two items the later one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env_from: Vec<EnvFrom>,
    /// `volumeMounts`, in list order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// `command` followed by `args`, masked like environment values (flags of a database proxy are read).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<Value>,
}

/// An item of `ports` of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerPort {
    /// `name`, which Services and NetworkPolicies may refer to; absent for an unnamed port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// 1–65535.
    pub port: u16,
    /// `protocol`; TCP if not set.
    #[serde(default)]
    pub protocol: Protocol,
    /// `hostPort`, 1–65535; absent if not set or 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_port: Option<u16>,
}

/// An item of `env` of a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EnvVar {
    /// Name of the environment variable.
    pub name: String,
    /// `value` or `valueFrom`.
    pub source: EnvSource,
}

/// Where one `env` item takes its value from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EnvSource {
    /// `value`, not yet expanded; empty when neither `value` nor `valueFrom` is given.
    Value(Value),
    /// `configMapKeyRef`: a key of a ConfigMap in the namespace of the pod.
    ConfigMapKey {
        /// Name of the ConfigMap.
        name: String,
        /// Key in its `data`.
        key: String,
        /// The container starts even if the ConfigMap or the key does not exist.
        optional: bool,
    },
    /// `secretKeyRef`: a key of a Secret in the namespace of the pod.
    SecretKey {
        /// Name of the Secret.
        name: String,
        /// Key in its `data`.
        key: String,
        /// The container starts even if the Secret or the key does not exist.
        optional: bool,
    },
    /// `fieldRef.fieldPath`.
    Field(String),
    /// `resourceFieldRef.resource`, such as `limits.memory`.
    ResourceField(String),
    /// `fileKeyRef`: a key of a file that an init container writes, so its value is known only at run time.
    FileKey {
        /// The container starts even if the file or the key does not exist.
        optional: bool,
    },
}

/// An item of `envFrom`: all keys of a ConfigMap or Secret become variables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EnvFrom {
    /// `prefix`, added to the start of each key; empty if not set.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// The ConfigMap or Secret.
    pub source: EnvFromSource,
}

/// The object that an `envFrom` item reads, in the namespace of the pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EnvFromSource {
    /// `configMapRef`.
    ConfigMap {
        /// Name of the ConfigMap.
        name: String,
        /// The container starts even if the ConfigMap does not exist.
        optional: bool,
    },
    /// `secretRef`.
    Secret {
        /// Name of the Secret.
        name: String,
        /// The container starts even if the Secret does not exist.
        optional: bool,
    },
}

/// An item of `volumeMounts` of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mount {
    /// `name` of the volume in the pod specification.
    pub volume: String,
    /// `mountPath` in the container.
    pub path: String,
    /// `subPath`; absent if the root of the volume is mounted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_path: Option<String>,
}

/// A pod volume and the Secrets it carries (also those of `projected` sources).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Volume {
    /// `name`, which [`Mount::volume`] refers to.
    pub name: String,
    /// Secrets of `secret.secretName` and of `projected.sources`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretSource>,
    /// ConfigMap names.
    #[serde(default, rename = "configMaps", skip_serializing_if = "Vec::is_empty")]
    pub config_maps: Vec<String>,
}

/// A Secret that a volume contains.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SecretSource {
    /// Name of the Secret, in the namespace of the pod.
    pub secret: String,
    /// The `items` keys; `None` is the whole Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
}

/// A controller with a pod template (Deployment, StatefulSet, CronJob, …).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Controller {
    /// Identity, labels and origin of the object.
    pub meta: Meta,
    /// Desired pods; `None` where the kind has no such number (DaemonSet, CronJob).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// A Job whose status says it has ended: its pods are gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub finished: bool,
    /// `spec.selector.matchLabels`, or `spec.selector` of a ReplicationController: what the labels of its pods contain.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub selector: Labels,
    /// `spec.template`; of a CronJob, `spec.jobTemplate.spec.template`.
    pub template: Template,
}

impl Controller {
    /// Whether more than its metadata was read.
    pub fn has_template(&self) -> bool {
        self.template != Template::default()
    }
}

/// A pod template: what the pods of a controller are created with.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Template {
    /// `metadata.labels` of the template.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// `metadata.annotations` of the template, only those that the analysis reads.
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// Equal ones of a live cluster are shared.
    pub spec: Arc<PodSpec>,
}

/// Pods of one owner that are equal but for their [`Member`] details.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodGroup {
    /// Identity of the first member; `labels` without the per-pod keys.
    pub meta: Meta,
    /// `metadata.annotations` of the pods, only those that the analysis reads.
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// `spec` of the pods. Equal specifications are shared.
    pub spec: Arc<PodSpec>,
    /// The pods, without those that have finished.
    pub members: Vec<Member>,
    /// No server gave them (they have no `metadata.uid`): they do not show that their controller has made its pods.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub manifest: bool,
}

/// One pod of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Member {
    /// `metadata.name` of the pod; empty for a pod that is only derived from a template.
    pub name: String,
    /// `status.podIPs`, one an address family.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ips: Vec<std::net::IpAddr>,
    /// `spec.nodeName`; absent until the pod is scheduled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// `status.hostIPs`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host_ips: Vec<std::net::IpAddr>,
    /// Values of the per-pod label keys; pods of one controller share them where they are equal.
    #[serde(skip_serializing_if = "is_empty")]
    pub labels: Arc<Labels>,
}

fn is_empty(labels: &Arc<Labels>) -> bool {
    labels.is_empty()
}
