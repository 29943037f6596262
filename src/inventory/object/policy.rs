//! NetworkPolicy of networking.k8s.io/v1, and label selectors.

use serde::{Deserialize, Serialize};

use super::{Labels, Meta, PortRef, Protocol};

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
