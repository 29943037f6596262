//! Everything about who reaches whom, in the form that other tools read.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::inventory::object::Protocol;
use crate::inventory::{Dataplane, Inventory};

use super::address::Range;
use super::explain::class_name;
use super::ports::{Decision, PortSet};
use super::reach::{Peer, Reach};

/// The whole table. A pair that is not listed cannot connect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReachTable {
    /// Version of this shape: 1.
    pub schema_version: u32,
    /// `null`: not known.
    pub dataplane: Option<Dataplane>,
    /// `null`: not known, or assumed.
    pub enforced: Option<bool>,
    /// Every end of a connection: workloads, then address ranges, then `node`.
    pub peers: Vec<TablePeer>,
    /// Pairs with a port that is allowed or may be. Pairs without a workload are not evaluated.
    pub connections: Vec<Connection>,
}

/// An end of connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum TablePeer {
    /// Pods of a workload. If its pods differ in labels, ports or network, each kind of them is a peer.
    #[serde(rename_all = "camelCase")]
    Workload {
        /// `namespace/Kind/name`; followed by `#2` and so on for further kinds of pods of the workload.
        id: String,
        /// `metadata.namespace` of the workload.
        namespace: String,
        /// `null` where the number is not known (a DaemonSet's or CronJob's template).
        pods: Option<u32>,
        /// `spec.hostNetwork`: policies do not isolate such pods.
        host_network: bool,
    },
    /// Addresses outside the cluster that every policy treats alike; inclusive ranges.
    Ip {
        /// `ip:` and the ranges as `FIRST-LAST`, separated by commas.
        id: String,
        /// First and last address of each range.
        ranges: Vec<(String, String)>,
    },
    /// Any node other than the destination's.
    Node {
        /// Always `node`.
        id: String,
    },
}

impl TablePeer {
    /// Name of the peer in [`Connection`].
    pub fn id(&self) -> &str {
        match self {
            TablePeer::Workload { id, .. } | TablePeer::Ip { id, .. } | TablePeer::Node { id } => id,
        }
    }
}

/// The ports on which one peer may connect to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Connection {
    /// `id` of the peer that opens the connection.
    pub from: String,
    /// `id` of the peer that accepts it.
    pub to: String,
    /// Certainly allowed.
    pub allow: Vec<Ports>,
    /// Possibly allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<UnknownPorts>,
}

/// Inclusive port ranges, sorted and disjoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Ports {
    /// Protocol of the ports.
    pub protocol: Protocol,
    /// First and last port of each range, from 1 to 65535.
    pub ports: Vec<(u16, u16)>,
}

/// Ports that may be allowed: inclusive ranges, sorted and disjoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UnknownPorts {
    /// Protocol of the ports.
    pub protocol: Protocol,
    /// First and last port of each range, from 1 to 65535.
    pub ports: Vec<(u16, u16)>,
    /// Why it is not certain; several reasons are separated by `; `.
    pub reason: String,
}

fn ports(set: &PortSet) -> Vec<Ports> {
    Protocol::ALL
        .iter()
        .filter(|p| !set.ranges(**p).is_empty())
        .map(|p| Ports { protocol: *p, ports: set.ranges(*p).to_vec() })
        .collect()
}

/// Address groups: elementary ranges that every class treats alike, merged.
pub fn address_groups(reach: &mut Reach, inventory: &Inventory) -> Vec<(Vec<Range>, usize)> {
    let classes = classes(inventory);
    let mut groups: Vec<(Vec<Range>, usize)> = Vec::new();
    let mut index: HashMap<Vec<Decision>, usize> = HashMap::new();
    for atom in 0..reach.model.atoms.ranges.len() {
        let mut behaviour = Vec::with_capacity(classes.len() * 2);
        for &c in &classes {
            for d in [reach.pair(Peer::Class(c), Peer::Atom(atom)), reach.pair(Peer::Atom(atom), Peer::Class(c))] {
                behaviour.push(d);
            }
        }
        let range = reach.model.atoms.ranges[atom];
        let group = *index.entry(behaviour).or_insert_with(|| {
            groups.push((Vec::new(), atom));
            groups.len() - 1
        });
        let ranges = &mut groups[group].0;
        match ranges.last().and_then(|last| last.joined(&range)) {
            Some(joined) => {
                ranges.pop();
                ranges.push(joined);
            }
            None => ranges.push(range),
        }
    }
    groups
}

fn classes(inventory: &Inventory) -> Vec<(usize, usize)> {
    inventory.workloads.iter().enumerate().flat_map(|(w, x)| (0..x.classes.len()).map(move |c| (w, c))).collect()
}

/// Computes the table for all peers, or for the pairs that `wanted` asks for.
pub fn table(reach: &mut Reach, inventory: &Inventory, wanted: impl Fn(Peer, Peer) -> bool) -> ReachTable {
    let mut ends: Vec<(Peer, TablePeer)> = Vec::new();
    for c in classes(inventory) {
        let w = &inventory.workloads[c.0];
        let class = &w.classes[c.1];
        let pods = if w.classes.len() == 1 { w.pods } else { Some(class.members.len() as u32) };
        ends.push((
            Peer::Class(c),
            TablePeer::Workload {
                id: class_name(inventory, c),
                namespace: w.object.namespace.clone(),
                pods,
                host_network: class.host_network,
            },
        ));
    }
    for (ranges, atom) in address_groups(reach, inventory) {
        let text: Vec<String> = ranges.iter().map(|r| r.to_string()).collect();
        ends.push((
            Peer::Atom(atom),
            TablePeer::Ip {
                id: format!("ip:{}", text.join(",")),
                ranges: ranges.iter().map(|r| (r.first().to_string(), r.last().to_string())).collect(),
            },
        ));
    }
    ends.push((Peer::Node, TablePeer::Node { id: "node".to_owned() }));
    let mut connections = Vec::new();
    for (from, from_peer) in &ends {
        for (to, to_peer) in &ends {
            let outside = |p: &Peer| !matches!(p, Peer::Class(_));
            // One pod that can have no replica does not connect to another of itself.
            let itself = from == to && reach.is_single(*from);
            if itself || outside(from) && outside(to) || !wanted(*from, *to) {
                continue;
            }
            let d = reach.pair(*from, *to);
            if d == Decision::NONE {
                continue;
            }
            let certain = reach.set(d.certain).clone();
            let doubtful = reach.set(d.possible).difference(&certain);
            let unknown = if doubtful.is_empty() {
                Vec::new()
            } else {
                let texts: Vec<String> = reach.reasons(inventory, *from, *to).into_iter().map(|r| r.text).collect();
                let reason = texts.join("; ");
                ports(&doubtful)
                    .into_iter()
                    .map(|p| UnknownPorts { protocol: p.protocol, ports: p.ports, reason: reason.clone() })
                    .collect()
            };
            connections.push(Connection {
                from: from_peer.id().to_owned(),
                to: to_peer.id().to_owned(),
                allow: ports(&certain),
                unknown,
            });
        }
    }
    ReachTable {
        schema_version: 1,
        dataplane: reach.enforcement.dataplane,
        enforced: reach.enforcement.enforced,
        peers: ends.into_iter().map(|(_, p)| p).collect(),
        connections,
    }
}
