//! Slim Kubernetes objects: only the fields that the analysis reads. They are what a snapshot stores.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::source::{ObjectRef, Origin};
use crate::lexicon::Value;

pub use super::label_map::Labels;

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
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub annotations: Labels,
    /// The controlling owner (`controller: true`), if any.
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
    /// `spec.template`; of a CronJob, `spec.jobTemplate.spec.template`.
    pub template: Template,
}

/// A pod template: what the pods of a controller are created with.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Template {
    /// `metadata.labels` of the template.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// `metadata.annotations` of the template, only those that the analysis reads.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub annotations: Labels,
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
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub annotations: Labels,
    /// `spec` of the pods. Equal specifications are shared.
    pub spec: Arc<PodSpec>,
    /// The pods, without those that have finished.
    pub members: Vec<Member>,
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

/// A Namespace. Its labels are what `namespaceSelector` matches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Identity, labels and origin of the object.
    pub meta: Meta,
}

/// `spec.type` of a Service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ServiceType {
    /// Reachable from inside the cluster, at its cluster IPs or (headless) at its pods. The default.
    #[default]
    ClusterIP,
    /// Also reachable at a port of every node.
    NodePort,
    /// Also reachable through a load balancer of the cloud provider.
    LoadBalancer,
    /// An alias (DNS CNAME) for `externalName`; it has no cluster IP and no endpoints.
    ExternalName,
}

/// Service of v1: where clients connect, and which pods receive the traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    /// Identity, labels and origin of the object.
    pub meta: Meta,
    /// `spec.type`.
    pub service_type: ServiceType,
    /// `clusterIP: None`.
    pub headless: bool,
    /// `clusterIPs`, empty in manifests.
    pub cluster_ips: Vec<std::net::IpAddr>,
    /// `spec.externalName`: the DNS name that a Service of type ExternalName stands for.
    pub external_name: Option<String>,
    /// `None` and empty mean the same: endpoints are made by hand.
    pub selector: Labels,
    /// `spec.ports`; may be empty for a headless Service.
    pub ports: Vec<ServicePort>,
}

/// An item of `spec.ports` of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServicePort {
    /// `name`; absent for an unnamed port.
    pub name: Option<String>,
    /// `port` that clients connect to, 1–65535.
    pub port: u16,
    /// `protocol`; TCP if not set.
    pub protocol: Protocol,
    /// Equal to `port` when the manifest names none.
    pub target: PortRef,
    /// `nodePort`, 1–65535; absent if not set or 0.
    pub node_port: Option<u16>,
}

/// A port by number or by the name of a container port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PortRef {
    /// Port number, 1–65535; 0 only where no port is given.
    Number(u16),
    /// Name of a container port, such as `http`; each pod may give it another number.
    Name(String),
}

impl Default for PortRef {
    fn default() -> Self {
        PortRef::Number(0)
    }
}

impl std::fmt::Display for PortRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PortRef::Number(n) => write!(f, "{n}"),
            PortRef::Name(n) => write!(f, "{n}"),
        }
    }
}

/// Addresses behind a Service, from an EndpointSlice or an Endpoints object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoints {
    /// Identity and origin of the object. Each subset of an Endpoints object is a separate entry.
    pub meta: Meta,
    /// Name of the Service in the same namespace.
    pub service: String,
    /// Addresses of all endpoints, ready or not; sorted, without duplicates.
    pub addresses: Vec<std::net::IpAddr>,
    /// Target ports by Service port name (empty for an unnamed port).
    pub ports: Vec<EndpointPort>,
}

/// An item of `ports` of an EndpointSlice or of an Endpoints subset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointPort {
    /// Name of the Service port; empty for an unnamed port.
    pub name: String,
    /// Port of the endpoints, 1–65535; absent if not set.
    pub port: Option<u16>,
    /// `protocol`; TCP if not set.
    pub protocol: Protocol,
}

/// ConfigMap of v1, a source of environment variables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigMap {
    /// Identity, labels and origin of the object.
    pub meta: Meta,
    /// Masked like an environment value of the key's name.
    pub data: BTreeMap<String, Value>,
    /// Keys of `binaryData`, which an environment never takes.
    pub binary_keys: Vec<String>,
}

/// A Secret: names, and settings of TLS where a person had it read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretNames {
    /// Identity, labels and origin of the Secret, without its annotations.
    pub meta: Meta,
    /// Keys of `data` and `stringData`, sorted, without duplicates.
    pub keys: Vec<String>,
    /// What was kept of each key's value; empty where the values were not read.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tls: BTreeMap<String, Value>,
}

/// Ingress of networking.k8s.io/v1: the Services that it exposes over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ingress {
    /// Identity, labels and origin of the object.
    pub meta: Meta,
    /// `spec.ingressClassName`; absent if not set: then an annotation or the default class decides.
    pub class: Option<String>,
    /// Backends of `spec.defaultBackend` and of all paths; sorted, without duplicates.
    pub backends: Vec<IngressBackend>,
}

/// A Service that an Ingress sends requests to, in the namespace of the Ingress.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct IngressBackend {
    /// `service.name`.
    pub service: String,
    /// `service.port`: number or name of a Service port; number 0 if not set.
    pub port: PortRef,
}

/// NetworkPolicy of networking.k8s.io/v1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkPolicy {
    /// Identity, labels and origin of the object.
    pub meta: Meta,
    /// `spec`. Empty (selects all pods, allows no ingress) if the object has none.
    pub spec: NetworkPolicySpec,
}

/// `spec` of a NetworkPolicy, as written; defaults are not applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkPolicySpec {
    /// `podSelector`: the pods of the policy's namespace that it applies to; an empty selector selects all.
    pub pod_selector: LabelSelector,
    /// As written; see `network::policy` for the default.
    pub policy_types: Vec<PolicyType>,
    /// Allowed ingress. Empty allows none if the policy isolates pods for ingress.
    pub ingress: Vec<IngressRule>,
    /// Allowed egress. Empty allows none if the policy isolates pods for egress.
    pub egress: Vec<EgressRule>,
}

impl NetworkPolicySpec {
    /// Every selector of labels in it.
    pub fn selectors_mut(&mut self) -> impl Iterator<Item = &mut LabelSelector> {
        let from = self.ingress.iter_mut().flat_map(|rule| &mut rule.from);
        let to = self.egress.iter_mut().flat_map(|rule| &mut rule.to);
        let peers = from.chain(to).flat_map(|peer| peer.pod_selector.iter_mut().chain(&mut peer.namespace_selector));
        std::iter::once(&mut self.pod_selector).chain(peers)
    }
}

/// An item of `policyTypes`: a direction in which the policy isolates its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PolicyType {
    /// Connections to the selected pods.
    Ingress,
    /// Connections from the selected pods.
    Egress,
}

/// An item of `ingress`: allows traffic that matches both lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IngressRule {
    /// Allowed sources. Empty or absent allows all sources.
    pub from: Vec<PolicyPeer>,
    /// Allowed ports of the selected pods. Empty or absent allows all ports.
    pub ports: Vec<PolicyPort>,
}

/// An item of `egress`: allows traffic that matches both lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EgressRule {
    /// Allowed destinations. Empty or absent allows all destinations.
    pub to: Vec<PolicyPeer>,
    /// Allowed ports of the destinations. Empty or absent allows all ports.
    pub ports: Vec<PolicyPort>,
}

/// An item of `from` or `to`: either an `ipBlock`, or selectors. A peer with none of them matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyPeer {
    /// `podSelector`; absent with a `namespaceSelector` means all pods of the matching namespaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_selector: Option<LabelSelector>,
    /// `namespaceSelector`; absent with a `podSelector` means the namespace of the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// `ipBlock`, which must be the only field of its peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_block: Option<IpBlock>,
}

/// Addresses of a range, without some parts of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IpBlock {
    /// `cidr` as written, IPv4 or IPv6; parse it with [`parse_cidr`].
    pub cidr: String,
    /// `except` as written: parts of `cidr` that the block does not contain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
}

/// A CIDR; bits below the mask are ignored. A bare address is none.
pub fn parse_cidr(text: &str) -> Option<ipnet::IpNet> {
    text.parse::<ipnet::IpNet>().ok().map(|n| n.trunc())
}

/// An item of `ports` of a rule: one port, a range of ports, or all ports of a protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyPort {
    /// `protocol`; TCP if not set.
    pub protocol: Protocol,
    /// `port`; absent means all ports of the protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<PortRef>,
    /// `endPort`: the last port of a range (inclusive) that starts at a numeric `port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_port: Option<u16>,
}

/// A label selector: all requirements must hold. An empty selector matches every object.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// `matchLabels`: keys that must be present with exactly this value.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub match_labels: Labels,
    /// `matchExpressions`, in list order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<Requirement>,
}

/// An item of `matchExpressions`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Requirement {
    /// Label key that the requirement is about.
    pub key: String,
    /// How the label is compared with `values`.
    pub operator: Operator,
    /// Sorted, without duplicates; empty for `Exists` and `DoesNotExist`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// Operator of a label requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// The key is present, and its value is listed.
    In,
    /// The key is absent, or its value is not listed.
    NotIn,
    /// The key is present, with any value.
    Exists,
    /// The key is absent.
    DoesNotExist,
}

/// Cluster of postgresql.cnpg.io/v1: the fields that decide who may log in, how, and under which pod labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CnpgCluster {
    /// Identity, labels and origin of the object.
    pub meta: Meta,
    /// Default 1.
    pub instances: u32,
    /// `spec.imageName`, whose tag gives the PostgreSQL version; absent if not set.
    pub image_name: Option<String>,
    /// `spec.imageCatalogRef.major`.
    pub image_catalog_major: Option<u32>,
    /// `spec.postgresql.pg_hba`, one string an item; an item may hold several lines.
    pub pg_hba: Vec<String>,
    /// `spec.postgresql.parameters`.
    pub parameters: Labels,
    /// `spec.postgresql.ldap` has `bindAsAuth` or `bindSearchAuth`.
    pub ldap: bool,
    /// Names in `spec.podSelectorRefs` with the number of addresses in `status.podSelectorRefs`, where the status was read.
    pub pod_selector_refs: BTreeMap<String, Option<Vec<String>>>,
    /// `spec.enableSuperuserAccess`; absent if not set, which means false.
    pub enable_superuser_access: Option<bool>,
    /// Labels put on every generated object, `spec.inheritedMetadata.labels`.
    pub inherited_labels: Labels,
    /// Application database and owner of `spec.bootstrap.*`; the operator's default is `app`/`app`.
    pub database: Option<String>,
    /// `owner` of the same bootstrap method; absent if not set.
    pub owner_role: Option<String>,
    /// Names of Secrets that carry credentials of this database, with what they hold.
    pub secrets: Vec<(String, String)>,
    /// Version of the operator, from annotation `cnpg.io/operatorVersion`.
    pub operator_version: Option<String>,
}

/// Pooler of postgresql.cnpg.io/v1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CnpgPooler {
    /// Identity, labels and origin of the object.
    pub meta: Meta,
    /// Name of the Cluster in the same namespace.
    pub cluster: String,
    /// `spec.instances`: number of PgBouncer pods, 1 if not set.
    pub instances: u32,
    /// `spec.pgbouncer.parameters`, with secrets masked.
    pub parameters: Labels,
    /// `spec.pgbouncer.pg_hba`, one string an item; an item may hold several lines.
    pub pg_hba: Vec<String>,
    /// Labels of `spec.template.metadata`.
    pub template_labels: Labels,
    /// An `authQuerySecret` is set.
    pub auth_query_secret: bool,
}

/// ComputeClass of cloud.google.com/v1: the fields that decide whether and how node pools are created for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComputeClass {
    /// Identity, labels and origin of the object.
    pub meta: Meta,
    /// `spec.nodePoolAutoCreation.enabled`.
    pub creates_pools: bool,
    /// `spec.nodePoolConfig.serviceAccount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
}
