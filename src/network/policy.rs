//! NetworkPolicies made ready for evaluation: defaults applied, blocks parsed, peers named once.

use crate::inventory::object::{
    LabelSelector, Meta, NetworkPolicy, PolicyPeer, PolicyPort, PolicyType, PortRef, Protocol,
};

use std::collections::HashMap;

use super::address::Block;

/// Direction of traffic, as seen from the pods that a policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// To the pods.
    Ingress,
    /// From the pods.
    Egress,
}

impl Direction {
    /// Both directions, in the order of [`Policy::isolates`] and [`Policy::rules`].
    pub const BOTH: [Direction; 2] = [Direction::Ingress, Direction::Egress];

    /// `ingress` or `egress`, as the fields of a policy are called.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Ingress => "ingress",
            Direction::Egress => "egress",
        }
    }
}

/// The distinct blocks of all policies.
#[derive(Clone, Debug, Default)]
pub struct Blocks {
    /// In order of first use, by the index in [`Peer::Block`].
    pub list: Vec<Block>,
    index: HashMap<Block, usize>,
}

impl Blocks {
    fn intern(&mut self, block: Block) -> usize {
        *self.index.entry(block).or_insert_with_key(|b| {
            self.list.push(b.clone());
            self.list.len() - 1
        })
    }
}

/// A NetworkPolicy with defaults applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Identity and origin of the object.
    pub meta: Meta,
    /// `spec.podSelector`; an empty one selects every pod in the namespace.
    pub selector: LabelSelector,
    /// Directions in the effective policyTypes.
    pub isolates: [bool; 2],
    /// Rules as written, also for a direction that policyTypes leaves out.
    pub rules: [Vec<Rule>; 2],
    /// Whether a rule of the direction has a port by name.
    pub(super) names_ports: [bool; 2],
    /// Annotation `networking.gke.io/network`, unless it names the default network.
    pub network: Option<String>,
}

/// An entry of `spec.ingress` or `spec.egress`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `None` (an absent or empty list): everything.
    pub peers: Option<Vec<Peer>>,
    /// Empty: every port of every protocol.
    pub ports: Vec<Port>,
}

/// An entry of a rule's `from` or `to`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// Pods of the policy's own namespace (`namespaces: None`) or of matching ones; `pods: None` is every pod.
    Pods {
        /// `namespaceSelector`; an empty one selects every namespace.
        namespaces: Option<LabelSelector>,
        /// `podSelector`.
        pods: Option<LabelSelector>,
    },
    /// `ipBlock`, by index into [`Blocks::list`].
    Block(usize),
}

/// An entry of a rule's `ports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// `protocol`; TCP if absent.
    pub protocol: Protocol,
    /// `port` and `endPort`.
    pub what: PortMatch,
}

/// Which ports of its protocol an entry of `ports` allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortMatch {
    /// Every port: `port` is absent.
    All,
    /// Inclusive.
    Range(u16, u16),
    /// Name of a container port. Which numbers it stands for depends on the dataplane.
    Named(String),
}

impl Policy {
    /// `policyTypes` absent or empty defaults to Ingress, and Egress if there is an egress rule:
    /// <https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/#NetworkPolicySpec>.
    pub fn new(p: &NetworkPolicy, blocks: &mut Blocks) -> Self {
        let types = &p.spec.policy_types;
        let isolates = if types.is_empty() {
            [true, !p.spec.egress.is_empty()]
        } else {
            [types.contains(&PolicyType::Ingress), types.contains(&PolicyType::Egress)]
        };
        let mut rule = |peers: &[PolicyPeer], ports: &[PolicyPort]| Rule {
            peers: (!peers.is_empty()).then(|| peers.iter().filter_map(|p| peer(p, blocks)).collect()),
            ports: ports.iter().map(port).collect(),
        };
        let named = |ports: &[PolicyPort]| ports.iter().any(|p| matches!(p.port, Some(PortRef::Name(_))));
        let names_ports =
            [p.spec.ingress.iter().any(|r| named(&r.ports)), p.spec.egress.iter().any(|r| named(&r.ports))];
        let ingress = p.spec.ingress.iter().map(|r| rule(&r.from, &r.ports)).collect();
        let egress = p.spec.egress.iter().map(|r| rule(&r.to, &r.ports)).collect();
        // Unknown only in a Terraform plan, which gives no policy whose annotations it does not know.
        let network = p.meta.annotations.get("networking.gke.io/network").value().copied().flatten();
        Policy {
            meta: p.meta.clone(),
            selector: p.spec.pod_selector.clone(),
            isolates,
            rules: [ingress, egress],
            names_ports,
            network: network.filter(|n| *n != "default").map(str::to_owned),
        }
    }

    /// Entries of `from` and `to` in all of its rules.
    pub(super) fn peers_of_rules(&self) -> impl Iterator<Item = &Peer> {
        self.rules.iter().flatten().filter_map(|r| r.peers.as_ref()).flatten()
    }

    /// Indexes of the blocks in the rules of one direction.
    pub(super) fn blocks_of_rules(&self, direction: Direction) -> impl Iterator<Item = usize> {
        let peers = self.rules[direction as usize].iter().filter_map(|r| r.peers.as_ref()).flatten();
        peers.filter_map(|p| match p {
            Peer::Block(b) => Some(*b),
            Peer::Pods { .. } => None,
        })
    }

    /// `NAMESPACE/NetworkPolicy/NAME`.
    pub fn id(&self) -> String {
        format!("{}/NetworkPolicy/{}", self.meta.namespace, self.meta.name)
    }
}

fn peer(p: &PolicyPeer, blocks: &mut Blocks) -> Option<Peer> {
    if let Some(b) = &p.ip_block {
        return Some(Peer::Block(blocks.intern(Block::new(b)?)));
    }
    match (&p.namespace_selector, &p.pod_selector) {
        // Refused when read; it must never mean everyone.
        (None, None) => None,
        (namespaces, pods) => Some(Peer::Pods { namespaces: namespaces.clone(), pods: pods.clone() }),
    }
}

fn port(p: &PolicyPort) -> Port {
    let what = match (&p.port, p.end_port) {
        (None, _) => PortMatch::All,
        (Some(PortRef::Number(n)), end) => PortMatch::Range(*n, end.unwrap_or(*n)),
        (Some(PortRef::Name(n)), _) => PortMatch::Named(n.clone()),
    };
    Port { protocol: p.protocol, what }
}
