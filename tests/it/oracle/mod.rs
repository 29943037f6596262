//! A slow evaluator of NetworkPolicies that is meant to be obviously right. It decides one connection at a time (two ends, a
//! protocol, a port) and shares nothing with the engine: not its types, not its parsers, not its sets.
//!
//! What the evidence leaves open is a [`World`]: one way in which the agent may behave. A question is asked in every
//! world that may be the case; the answer is certain where all worlds agree.
//!
//! <https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/>

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::net::IpAddr;

pub(crate) type Labels = BTreeMap<String, String>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Proto {
    Tcp,
    Udp,
    Sctp,
}

pub(crate) const PROTOS: [Proto; 3] = [Proto::Tcp, Proto::Udp, Proto::Sctp];

impl Proto {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Proto::Tcp => "TCP",
            Proto::Udp => "UDP",
            Proto::Sctp => "SCTP",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Side {
    Ingress,
    Egress,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Cluster {
    pub namespaces: Vec<Namespace>,
    pub pods: Vec<Pod>,
    pub policies: Vec<Policy>,
}

#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    pub name: String,
    pub labels: Labels,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Regular,
    /// An init container with `restartPolicy: Always`.
    Sidecar,
    Init,
}

#[derive(Clone, Debug)]
pub(crate) struct ContainerPort {
    pub name: Option<String>,
    pub number: u16,
    /// Absent is TCP.
    pub protocol: Option<Proto>,
}

#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub namespace: String,
    pub name: String,
    pub labels: Labels,
    pub host_network: bool,
    /// Empty: not scheduled yet.
    pub ips: Vec<IpAddr>,
    pub node: Option<String>,
    /// Addresses of its node.
    pub host_ips: Vec<IpAddr>,
    /// In the order of the manifest, init containers and sidecars first.
    pub containers: Vec<(Role, Vec<ContainerPort>)>,
    /// Phase Succeeded: it has no network any more.
    pub finished: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub namespace: String,
    pub name: String,
    pub selector: Option<Selector>,
    pub types: Option<Vec<Side>>,
    pub ingress: Option<Vec<Rule>>,
    pub egress: Option<Vec<Rule>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rule {
    pub peers: Option<Vec<Peer>>,
    pub ports: Option<Vec<Port>>,
}

#[derive(Clone, Debug)]
pub(crate) enum Peer {
    Pods { namespaces: Option<Selector>, pods: Option<Selector> },
    Block { cidr: String, except: Vec<String> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    pub labels: Labels,
    pub expressions: Vec<(String, Operator, Vec<String>)>,
}

#[derive(Clone, Debug)]
pub(crate) enum PortNumber {
    Number(u16),
    Name(String),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Port {
    pub protocol: Option<Proto>,
    pub port: Option<PortNumber>,
    pub end: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Profile {
    Upstream,
    Calico,
    DataplaneV2,
}

/// Which of several declarations of one port name in a pod counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twice {
    First,
    Last,
    All,
}

/// One way in which things may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct World {
    pub profile: Profile,
    /// Calico from 3.30 registers the ports of init containers and sidecars too.
    pub calico_init_ports: bool,
    /// Cilium from 1.16 honours `endPort`.
    pub end_port: bool,
    /// Cilium enforces rules of a direction that policyTypes leaves out.
    pub stray_rules: bool,
    /// Cilium's table of a pod's port names: regular containers only, keyed by the name alone, the last one stays.
    pub name_table: bool,
    /// Cilium resolves names of egress rules once for the whole cluster.
    pub names_cluster_wide: bool,
    pub twice: Twice,
}

/// Minor versions of the agents (of Calico 3 and Cilium 1), where known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Versions {
    pub calico: Option<u32>,
    pub cilium: Option<u32>,
}

/// Every way in which a dataplane may behave, given what is known of its agent.
pub(crate) fn worlds(profile: Profile, versions: Versions) -> Vec<World> {
    let plain = World {
        profile,
        calico_init_ports: false,
        end_port: true,
        stray_rules: false,
        name_table: false,
        names_cluster_wide: false,
        twice: Twice::All,
    };
    let twice = [Twice::First, Twice::Last, Twice::All];
    let either = [false, true];
    match profile {
        Profile::Upstream => twice.iter().map(|t| World { twice: *t, ..plain }).collect(),
        Profile::Calico => {
            let init = match versions.calico {
                Some(minor) => vec![minor >= 30],
                None => either.to_vec(),
            };
            init.into_iter().map(|i| World { calico_init_ports: i, ..plain }).collect()
        }
        Profile::DataplaneV2 => {
            let end_port = match versions.cilium {
                Some(minor) => vec![minor >= 16],
                None => either.to_vec(),
            };
            let mut all = Vec::new();
            for end_port in end_port {
                let old = World {
                    end_port,
                    stray_rules: true,
                    name_table: true,
                    names_cluster_wide: true,
                    twice: Twice::Last,
                    ..plain
                };
                if versions.cilium.is_some_and(|m| m <= 17) {
                    all.push(old);
                    continue;
                }
                // Each deviation may have been fixed, or not, in a later version (which all honour endPort).
                if !end_port {
                    all.push(old);
                    continue;
                }
                for stray_rules in either {
                    for name_table in either {
                        for names_cluster_wide in either {
                            let tables = if name_table { &[Twice::Last][..] } else { &twice[..] };
                            for t in tables {
                                all.push(World { stray_rules, name_table, names_cluster_wide, twice: *t, ..old });
                            }
                        }
                    }
                }
            }
            all
        }
    }
}

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End<'a> {
    /// A pod by index. The same index twice: the pod itself, since a bare pod has no replicas.
    Pod(usize),
    Node {
        name: &'a str,
        ips: &'a [IpAddr],
    },
    /// An address outside the cluster.
    Outside(IpAddr),
}

/// A connection of one address family between two ends.
#[derive(Clone, Debug)]
pub(crate) struct Question<'a> {
    pub from: End<'a>,
    pub to: End<'a>,
    pub from_ip: IpAddr,
    pub to_ip: IpAddr,
    /// Whether a source on the network of a node sits on the destination's node, where the placement does not say.
    pub same_node: bool,
}

impl Cluster {
    pub(crate) fn allowed(&self, w: &World, q: &Question<'_>, protocol: Proto, port: u16) -> bool {
        // A pod's connection to its own address never leaves it, and no policy sees it.
        let itself = matches!((&q.from, &q.to), (End::Pod(a), End::Pod(b)) if a == b);
        itself || self.egress(w, q, protocol, port) && self.ingress(w, q, protocol, port)
    }

    fn egress(&self, w: &World, q: &Question<'_>, protocol: Proto, port: u16) -> bool {
        let End::Pod(source) = q.from else { return true };
        if self.pods[source].host_network {
            return true;
        }
        self.side(w, Side::Egress, source, &q.to, q.to_ip, q, protocol, port)
    }

    fn ingress(&self, w: &World, q: &Question<'_>, protocol: Proto, port: u16) -> bool {
        let End::Pod(destination) = q.to else { return true };
        if self.pods[destination].host_network {
            return true;
        }
        // The node that runs the pod always may connect, and so does everything on that node's network.
        let node = match &q.from {
            End::Pod(p) if self.pods[*p].host_network => Some(self.pods[*p].node.as_deref()),
            End::Node { name, .. } => Some(Some(*name)),
            _ => None,
        };
        if let Some(node) = node {
            let local = match (node, self.pods[destination].node.as_deref()) {
                (Some(a), Some(b)) => a == b,
                _ => q.same_node,
            };
            if local {
                return true;
            }
        }
        self.side(w, Side::Ingress, destination, &q.from, q.from_ip, q, protocol, port)
    }

    /// Whether the policies that isolate `subject` in a direction let the other end through, if there are any.
    #[allow(clippy::too_many_arguments)]
    fn side(
        &self,
        w: &World,
        side: Side,
        subject: usize,
        other: &End<'_>,
        other_ip: IpAddr,
        q: &Question<'_>,
        protocol: Proto,
        port: u16,
    ) -> bool {
        let mut isolated = false;
        for policy in &self.policies {
            if !self.selects(policy, subject) || !enforces(w, policy, side) {
                continue;
            }
            isolated = true;
            let rules = match side {
                Side::Ingress => &policy.ingress,
                Side::Egress => &policy.egress,
            };
            for rule in rules.iter().flatten() {
                if self.peers_match(w, policy, rule, other, other_ip)
                    && self.ports_match(w, side, rule, q, protocol, port)
                {
                    return true;
                }
            }
        }
        !isolated
    }

    pub(crate) fn selects(&self, policy: &Policy, pod: usize) -> bool {
        let pod = &self.pods[pod];
        !pod.host_network
            && pod.namespace == policy.namespace
            && policy.selector.as_ref().is_none_or(|s| matches(s, &pod.labels))
    }

    fn peers_match(&self, w: &World, policy: &Policy, rule: &Rule, other: &End<'_>, ip: IpAddr) -> bool {
        let peers = match &rule.peers {
            None => return true,
            Some(peers) if peers.is_empty() => return true,
            Some(peers) => peers,
        };
        peers.iter().any(|peer| match peer {
            Peer::Block { cidr, except } => {
                // On Dataplane V2 a block holds addresses outside the cluster only.
                if w.profile == Profile::DataplaneV2 && !matches!(other, End::Outside(_)) {
                    return false;
                }
                in_cidr(cidr, ip) && !except.iter().any(|e| in_cidr(e, ip))
            }
            Peer::Pods { namespaces, pods } => {
                let End::Pod(p) = other else { return false };
                let pod = &self.pods[*p];
                if pod.host_network {
                    return false;
                }
                let in_namespace = match namespaces {
                    None => pod.namespace == policy.namespace,
                    Some(s) => matches(s, &self.namespace_labels(&pod.namespace)),
                };
                in_namespace && pods.as_ref().is_none_or(|s| matches(s, &pod.labels))
            }
        })
    }

    pub(crate) fn namespace_labels(&self, name: &str) -> Labels {
        let mut labels = self.namespaces.iter().find(|n| n.name == name).map(|n| n.labels.clone()).unwrap_or_default();
        labels.insert("kubernetes.io/metadata.name".to_owned(), name.to_owned());
        labels
    }

    fn ports_match(&self, w: &World, side: Side, rule: &Rule, q: &Question<'_>, protocol: Proto, port: u16) -> bool {
        let ports = match &rule.ports {
            None => return true,
            Some(ports) if ports.is_empty() => return true,
            Some(ports) => ports,
        };
        ports.iter().any(|item| {
            if item.protocol.unwrap_or(Proto::Tcp) != protocol {
                return false;
            }
            match &item.port {
                None => true,
                Some(PortNumber::Number(n)) => match item.end {
                    Some(end) if w.profile != Profile::DataplaneV2 || w.end_port => *n <= port && port <= end,
                    _ => *n == port,
                },
                Some(PortNumber::Name(name)) => self.named(w, side, &q.to, name, protocol).contains(&port),
            }
        })
    }

    /// The numbers that a port name stands for towards a destination.
    fn named(&self, w: &World, side: Side, to: &End<'_>, name: &str, protocol: Proto) -> Vec<u16> {
        if w.profile == Profile::DataplaneV2 && w.names_cluster_wide && side == Side::Egress {
            // The agent's table holds what it keeps of each pod that has an address of its own.
            let pods = self.pods.iter().filter(|p| !p.finished && !p.host_network);
            let mut all: Vec<u16> = pods.flat_map(|p| named_on(w, p, name, protocol)).collect();
            all.sort_unstable();
            all.dedup();
            return if all.len() == 1 { all } else { Vec::new() };
        }
        match to {
            End::Pod(p) if !self.pods[*p].host_network => named_on(w, &self.pods[*p], name, protocol),
            _ => Vec::new(),
        }
    }

    /// Addresses at which a pod may be met. A pod that has none yet may get any: one of each part that blocks make.
    pub(crate) fn addresses(&self, pod: usize) -> Vec<IpAddr> {
        let pod = &self.pods[pod];
        let ips = if pod.host_network && pod.ips.is_empty() { &pod.host_ips } else { &pod.ips };
        if ips.is_empty() { self.samples().into_iter().filter(IpAddr::is_ipv4).collect() } else { ips.clone() }
    }

    /// The first address of every part into which all blocks cut the address space, and the one before each cut.
    pub(crate) fn samples(&self) -> Vec<IpAddr> {
        let mut v4: Vec<u128> = vec![0, u128::from(u32::MAX)];
        let mut v6: Vec<u128> = vec![0, u128::MAX];
        for text in self.cidrs() {
            let (ip, len) = parse(text);
            let (bits, list) = if ip.is_ipv4() { (32, &mut v4) } else { (128, &mut v6) };
            let size = if bits == len { 0 } else { u128::MAX >> (128 - (bits - len)) };
            let first = number(ip) & !size;
            let last = first | size;
            list.extend([first, last]);
            list.extend(first.checked_sub(1));
            list.extend(last.checked_add(1).filter(|n| bits == 128 || *n <= u128::from(u32::MAX)));
        }
        let mut found: Vec<IpAddr> = v4.into_iter().map(|n| IpAddr::from((n as u32).to_be_bytes())).collect();
        found.extend(v6.into_iter().map(|n| IpAddr::from(n.to_be_bytes())));
        found.sort();
        found.dedup();
        found
    }

    pub(crate) fn cidrs(&self) -> impl Iterator<Item = &str> {
        self.rules().flat_map(|r| r.peers.iter().flatten()).flat_map(|p| match p {
            Peer::Block { cidr, except } => {
                std::iter::once(cidr.as_str()).chain(except.iter().map(String::as_str)).collect()
            }
            Peer::Pods { .. } => Vec::new(),
        })
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.policies.iter().flat_map(|p| p.ingress.iter().flatten().chain(p.egress.iter().flatten()))
    }

    /// Ports next to which an answer may change.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let mut found = vec![1, u16::MAX];
        let mut around = |n: u16| found.extend([n.saturating_sub(1).max(1), n, n.saturating_add(1)]);
        for item in self.rules().flat_map(|r| r.ports.iter().flatten()) {
            if let Some(PortNumber::Number(n)) = item.port {
                around(n);
            }
            if let Some(n) = item.end {
                around(n);
            }
        }
        for p in self.pods.iter().flat_map(|p| &p.containers).flat_map(|c| &c.1) {
            around(p.number);
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Whether a policy is about a direction at all.
pub(crate) fn enforces(w: &World, policy: &Policy, side: Side) -> bool {
    let rules = match side {
        Side::Ingress => &policy.ingress,
        Side::Egress => &policy.egress,
    };
    let some_rule = rules.as_ref().is_some_and(|r| !r.is_empty());
    let named = match &policy.types {
        Some(types) if !types.is_empty() => types.contains(&side),
        _ => side == Side::Ingress || some_rule,
    };
    named || (w.profile == Profile::DataplaneV2 && w.stray_rules && some_rule)
}

pub(crate) fn matches(selector: &Selector, labels: &Labels) -> bool {
    selector.labels.iter().all(|(k, v)| labels.get(k).is_some_and(|have| have == v))
        && selector.expressions.iter().all(|(key, operator, values)| match (operator, labels.get(key)) {
            (Operator::In, Some(have)) => values.contains(have),
            (Operator::In, None) => false,
            (Operator::NotIn, Some(have)) => !values.contains(have),
            (Operator::NotIn, None) => true,
            (Operator::Exists, have) => have.is_some(),
            (Operator::DoesNotExist, have) => have.is_none(),
        })
}

/// Numbers of a port name on one pod.
fn named_on(w: &World, pod: &Pod, name: &str, protocol: Proto) -> Vec<u16> {
    let ports_of = |roles: &[Role]| -> Vec<&ContainerPort> {
        roles
            .iter()
            .flat_map(|role| pod.containers.iter().filter(move |c| c.0 == *role))
            .flat_map(|c| &c.1)
            .filter(|p| p.name.as_deref() == Some(name))
            .collect()
    };
    let protocol_of = |p: &ContainerPort| p.protocol.unwrap_or(Proto::Tcp);
    match w.profile {
        Profile::DataplaneV2 if w.name_table => {
            let kept = ports_of(&[Role::Regular]).pop();
            return kept.filter(|p| protocol_of(p) == protocol).map(|p| p.number).into_iter().collect();
        }
        _ => {}
    }
    let roles = match w.profile {
        Profile::Calico if w.calico_init_ports => &[Role::Regular, Role::Sidecar, Role::Init][..],
        Profile::Calico => &[Role::Regular],
        _ => &[Role::Regular, Role::Sidecar],
    };
    let fitting: Vec<u16> =
        ports_of(roles).into_iter().filter(|p| protocol_of(p) == protocol).map(|p| p.number).collect();
    match w.twice {
        Twice::All => fitting,
        Twice::First => fitting.first().copied().into_iter().collect(),
        Twice::Last => fitting.last().copied().into_iter().collect(),
    }
}

fn parse(cidr: &str) -> (IpAddr, u32) {
    let (ip, len) = cidr.split_once('/').expect("a prefix length");
    (ip.parse().expect("an address"), len.parse().expect("a number"))
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(a) => u32::from(a).into(),
        IpAddr::V6(a) => a.into(),
    }
}

pub(crate) fn in_cidr(cidr: &str, ip: IpAddr) -> bool {
    let (base, len) = parse(cidr);
    if base.is_ipv4() != ip.is_ipv4() {
        return false;
    }
    let bits = if base.is_ipv4() { 32 } else { 128 };
    len == 0 || number(base) >> (bits - len) == number(ip) >> (bits - len)
}
