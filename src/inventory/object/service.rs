//! Namespaces, Services and what is behind them, and configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Labels, Meta, Protocol};
use crate::lexicon::Value;

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
