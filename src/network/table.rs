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
    pub schema_version: u32,
    /// `null`: not known.
    pub dataplane: Option<Dataplane>,
    /// `null`: not known, or assumed.
    pub enforced: Option<bool>,
    pub peers: Vec<TablePeer>,
    pub connections: Vec<Connection>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum TablePeer {
    #[serde(rename_all = "camelCase")]
    Workload {
        id: String,
        namespace: String,
        /// `null` where the number is not known (a DaemonSet's or CronJob's template).
        pods: Option<u32>,
        host_network: bool,
    },
    /// Addresses outside the cluster that every policy treats alike; inclusive ranges.
    Ip { id: String, ranges: Vec<(String, String)> },
    /// Any node other than the destination's.
    Node { id: String },
}

impl TablePeer {
    pub fn id(&self) -> &str {
        match self {
            TablePeer::Workload { id, .. } | TablePeer::Ip { id, .. } | TablePeer::Node { id } => id,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Connection {
    pub from: String,
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
    pub protocol: Protocol,
    pub ports: Vec<(u16, u16)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct UnknownPorts {
    pub protocol: Protocol,
    pub ports: Vec<(u16, u16)>,
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
