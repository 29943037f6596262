//! Everything about who reaches whom, in the form that other tools read.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::inventory::object::Protocol;
use crate::inventory::{Dataplane, Inventory};

use super::address::Range;
use super::explain::class_name;
use super::policy::Direction;
use super::ports::{Decision, PortSet};
use super::reach::{Peer, Reach};

/// The whole table, pair by pair. A pair that is not listed cannot connect.
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

/// The ends of connections, in the order of the table.
pub struct Ends {
    list: Vec<(Peer, TablePeer)>,
}

impl Ends {
    /// Every class of pods, the address groups, and the other nodes.
    pub fn new(reach: &mut Reach, inventory: &Inventory) -> Ends {
        let mut list: Vec<(Peer, TablePeer)> = Vec::new();
        for c in classes(inventory) {
            let w = &inventory.workloads[c.0];
            let class = &w.classes[c.1];
            let pods = if w.classes.len() == 1 { w.pods } else { Some(class.members.len() as u32) };
            list.push((
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
            list.push((
                Peer::Atom(atom),
                TablePeer::Ip {
                    id: format!("ip:{}", text.join(",")),
                    ranges: ranges.iter().map(|r| (r.first().to_string(), r.last().to_string())).collect(),
                },
            ));
        }
        list.push((Peer::Node, TablePeer::Node { id: "node".to_owned() }));
        Ends { list }
    }

    /// The peers as the engine names them, in order.
    pub(super) fn peers(&self) -> impl Iterator<Item = Peer> + Clone {
        self.list.iter().map(|(peer, _)| *peer)
    }

    /// The peers as the table names them, in order.
    pub fn table_peers(&self) -> impl Iterator<Item = &TablePeer> {
        self.list.iter().map(|(_, peer)| peer)
    }

    fn is_outside(&self, end: usize) -> bool {
        !matches!(self.list[end].0, Peer::Class(_))
    }

    /// Whether the table has no entry for a pair: two ends outside the cluster, or the only pod of a workload with itself.
    fn is_left_out(&self, from: usize, to: usize) -> bool {
        let alone = |end: usize| matches!(self.list[end].1, TablePeer::Workload { pods: Some(1), .. });
        self.is_outside(from) && self.is_outside(to) || from == to && alone(from)
    }
}

/// Address groups: elementary ranges that every class treats alike, merged.
fn address_groups(reach: &mut Reach, inventory: &Inventory) -> Vec<(Vec<Range>, usize)> {
    let count = reach.model.atoms.ranges.len();
    // The groups are refined by one class after the other; classes with the same rules are evaluated once.
    let mut group_of: Vec<usize> = vec![0; count];
    let mut seen = HashSet::new();
    for class in classes(inventory) {
        for direction in Direction::BOTH {
            if !seen.insert((direction, reach.sides(class, direction))) {
                continue;
            }
            let Some(decisions) = reach.by_atom(class, direction) else { continue };
            let mut numbers: HashMap<(usize, Decision), usize> = HashMap::new();
            for (group, decision) in group_of.iter_mut().zip(decisions) {
                let next = numbers.len();
                *group = *numbers.entry((*group, decision)).or_insert(next);
            }
        }
    }
    let mut groups: Vec<(Vec<Range>, usize)> = Vec::new();
    let mut index: HashMap<usize, usize> = HashMap::new();
    for (atom, (range, group)) in reach.model.atoms.ranges.iter().zip(group_of).enumerate() {
        let group = *index.entry(group).or_insert_with(|| {
            groups.push((Vec::new(), atom));
            groups.len() - 1
        });
        let ranges = &mut groups[group].0;
        match ranges.last().and_then(|last| last.joined(range)) {
            Some(joined) => {
                ranges.pop();
                ranges.push(joined);
            }
            None => ranges.push(*range),
        }
    }
    groups
}

fn classes(inventory: &Inventory) -> Vec<(usize, usize)> {
    inventory.workloads.iter().enumerate().flat_map(|(w, x)| (0..x.classes.len()).map(move |c| (w, c))).collect()
}

/// Computes the connections of all pairs that `wanted` asks for, source by source, and hands each to `visit` until that
/// fails. Only those of one source are in memory.
///
/// # Errors
/// The error of `visit`.
pub fn visit_connections<E>(
    reach: &mut Reach,
    inventory: &Inventory,
    ends: &Ends,
    wanted: impl Fn(Peer, Peer) -> bool,
    mut visit: impl FnMut(Connection) -> Result<(), E>,
) -> Result<(), E> {
    reach.visit_sources(ends, &wanted, |reach, from, row| {
        for (to, decision) in row.iter().enumerate() {
            let (from_peer, to_peer) = (&ends.list[from], &ends.list[to]);
            if *decision == Decision::NONE || ends.is_left_out(from, to) || !wanted(from_peer.0, to_peer.0) {
                continue;
            }
            let reason = reason(reach, inventory, *decision, from_peer.0, to_peer.0);
            let (allow, unknown) = reach.describe(*decision, reason.as_deref());
            visit(Connection { from: from_peer.1.id().to_owned(), to: to_peer.1.id().to_owned(), allow, unknown })?;
        }
        Ok(())
    })
}

/// Why a decision is not certain; `None` if it is.
fn reason(reach: &mut Reach, inventory: &Inventory, d: Decision, from: Peer, to: Peer) -> Option<String> {
    (d.certain != d.possible).then(|| {
        let texts: Vec<String> = reach.reasons(inventory, from, to).into_iter().map(|r| r.text).collect();
        texts.join("; ")
    })
}

impl Reach {
    /// A decision as the table states it.
    fn describe(&self, d: Decision, reason: Option<&str>) -> (Vec<Ports>, Vec<UnknownPorts>) {
        let certain = self.set(d.certain);
        let unknown = ports(&self.set(d.possible).difference(certain)).into_iter().map(|p| UnknownPorts {
            protocol: p.protocol,
            ports: p.ports,
            reason: reason.unwrap_or_default().to_owned(),
        });
        (ports(certain), unknown.collect())
    }
}

/// Computes the table for all peers, or for the pairs that `wanted` asks for.
pub fn table(reach: &mut Reach, inventory: &Inventory, wanted: impl Fn(Peer, Peer) -> bool) -> ReachTable {
    let ends = Ends::new(reach, inventory);
    let mut connections = Vec::new();
    let done: Result<(), std::convert::Infallible> = visit_connections(reach, inventory, &ends, wanted, |c| {
        connections.push(c);
        Ok(())
    });
    let Ok(()) = done;
    ReachTable {
        schema_version: 1,
        dataplane: reach.enforcement.dataplane,
        enforced: reach.enforcement.enforced,
        peers: ends.list.into_iter().map(|(_, p)| p).collect(),
        connections,
    }
}

/// The table by sets of peers. Its size grows with the policies and workloads, not with their pairs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReachSets {
    /// Version of this shape: 2.
    pub schema_version: u32,
    /// `null`: not known.
    pub dataplane: Option<Dataplane>,
    /// `null`: not known, or assumed.
    pub enforced: Option<bool>,
    /// Every end of a connection: workloads, then address ranges, then `node`.
    pub peers: Vec<TablePeer>,
    /// Names of sets, with the ids of their peers.
    #[serde(serialize_with = "in_order", deserialize_with = "from_map")]
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub sets: Vec<(String, Vec<String>)>,
    /// Pairs with a port that is allowed or may be. No pair is in two entries.
    pub connections: Vec<SetConnection>,
}

fn in_order<S: serde::Serializer>(sets: &[(String, Vec<String>)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(sets.iter().map(|(name, ids)| (name, ids)))
}

fn from_map<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Vec<String>)>, D::Error> {
    BTreeMap::deserialize(deserializer).map(|map: BTreeMap<_, _>| map.into_iter().collect())
}

/// The ports on which each peer of `from` may connect to each peer of `to`. Two ends that are `ip` or `node` are no pair,
/// nor is a peer with itself if its `pods` is 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SetConnection {
    /// Names of sets: any peer of any of them opens the connection.
    pub from: Vec<String>,
    /// Names of sets: any peer of any of them accepts it.
    pub to: Vec<String>,
    /// Certainly allowed.
    pub allow: Vec<Ports>,
    /// Possibly allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<UnknownPorts>,
}

/// Numbers values in order of first appearance.
struct Numbering<T> {
    numbers: HashMap<T, usize>,
}

impl<T: std::hash::Hash + Eq> Numbering<T> {
    fn new() -> Self {
        Numbering { numbers: HashMap::new() }
    }

    fn number(&mut self, value: T) -> usize {
        let next = self.numbers.len();
        *self.numbers.entry(value).or_insert(next)
    }

    fn into_list(self) -> Vec<T> {
        let mut list: Vec<(T, usize)> = self.numbers.into_iter().collect();
        list.sort_unstable_by_key(|(_, n)| *n);
        list.into_iter().map(|(value, _)| value).collect()
    }
}

/// What some sources may reach: for each decision, with the number of its reason, the sets of destinations.
type Behavior = Vec<((Decision, Option<usize>), Vec<usize>)>;

/// Computes the table by sets, for all peers, or for the pairs that `wanted` asks for.
pub fn sets(reach: &mut Reach, inventory: &Inventory, wanted: impl Fn(Peer, Peer) -> bool) -> ReachSets {
    let ends = Ends::new(reach, inventory);
    let (mut reasons, mut sets, mut behaviors) = (Numbering::new(), Numbering::new(), Numbering::new());
    // Sources of each behavior.
    let mut sources: Vec<Vec<usize>> = Vec::new();
    let parts: Vec<Part> = ends.peers().map(|p| reach.part_of(p)).collect();
    let done: Result<(), std::convert::Infallible> = reach.visit_sources(&ends, &wanted, |reach, from, row| {
        let mut by_decision: BTreeMap<(Decision, Option<usize>, Part), Vec<usize>> = BTreeMap::new();
        for (to, decision) in row.iter().enumerate() {
            let both_outside = ends.is_outside(from) && ends.is_outside(to);
            let (from_peer, to_peer) = (ends.list[from].0, ends.list[to].0);
            if *decision == Decision::NONE || both_outside || !wanted(from_peer, to_peer) {
                continue;
            }
            let reason = reason(reach, inventory, *decision, from_peer, to_peer).map(|text| reasons.number(text));
            by_decision.entry((*decision, reason, parts[to])).or_default().push(to);
        }
        let mut behavior: Behavior = Vec::new();
        for ((decision, reason, _), to) in by_decision {
            let set = sets.number(to);
            match behavior.last_mut() {
                Some((last, list)) if *last == (decision, reason) => list.push(set),
                _ => behavior.push(((decision, reason), vec![set])),
            }
        }
        let number = behaviors.number(behavior);
        if number == sources.len() {
            sources.push(Vec::new());
        }
        sources[number].push(from);
        Ok(())
    });
    let Ok(()) = done;
    let reasons = reasons.into_list();
    // Entries of different behaviors that agree are one.
    let mut entries = Numbering::new();
    let mut from_sets: Vec<Vec<usize>> = Vec::new();
    for (behavior, from) in behaviors.into_list().into_iter().zip(sources) {
        if behavior.is_empty() {
            continue;
        }
        let from = sets.number(from);
        for entry in behavior {
            let number = entries.number(entry);
            if number == from_sets.len() {
                from_sets.push(Vec::new());
            }
            from_sets[number].push(from);
        }
    }
    let name = |set: &usize| format!("s{}", set + 1);
    let connections = entries.into_list().into_iter().zip(from_sets).map(|(((decision, reason), to), from)| {
        let reason = reason.and_then(|n| reasons.get(n)).map(String::as_str);
        let (allow, unknown) = reach.describe(decision, reason);
        SetConnection { from: from.iter().map(name).collect(), to: to.iter().map(name).collect(), allow, unknown }
    });
    let connections = connections.collect();
    let ids = |set: Vec<usize>| set.into_iter().map(|end| ends.list[end].1.id().to_owned()).collect();
    let sets = sets.into_list().into_iter().enumerate().map(|(n, set)| (name(&n), ids(set))).collect();
    ReachSets {
        schema_version: 2,
        dataplane: reach.enforcement.dataplane,
        enforced: reach.enforcement.enforced,
        peers: ends.list.into_iter().map(|(_, p)| p).collect(),
        sets,
        connections,
    }
}

/// Destinations that make separate sets: most sources have the same of one part, whatever they may reach of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Pods whose ingress no policy restricts.
    Open,
    /// Other pods.
    Restricted,
    /// Addresses and nodes.
    Outside,
}

#[cfg(test)]
mod tests {
    /// The checked-in schemas of both forms of the table.
    #[test]
    fn the_checked_in_schemas_are_current() {
        for (name, schema) in [
            ("reach", schemars::schema_for!(super::ReachSets)),
            ("reach-pairs", schemars::schema_for!(super::ReachTable)),
        ] {
            let path = format!("{}/schemas/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
            let current = serde_json::to_string_pretty(schema.as_value()).unwrap() + "\n";
            if std::env::var_os("BLESS").is_some() {
                std::fs::write(&path, &current).unwrap();
            }
            let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(checked_in == current, "{path} is out of date; refresh it with: BLESS=1 cargo test --lib schema");
        }
    }
}
