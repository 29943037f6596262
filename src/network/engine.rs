//! Evaluation on one dataplane. The rules of each bundle of policies are merged once, by selector and address block; no row
//! over all targets is kept, so that the memory is that of the policies.

use std::collections::HashMap;
use std::rc::Rc;

use crate::inventory::object::Protocol;
use crate::inventory::{Dataplane, Reason, Tri};

use super::index::BundleId;
use super::model::{Model, Target};
use super::named_port;
use super::policy::{Direction, Peer, Policy, Port, Rule};
use super::ports::{ALL, Decision, NONE, Pool, PortSet, SetId};
use super::row::{PortProfile, Row, RowBuilder, merge_ports};

/// Policies that select a cell in one direction: certainly, and possibly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Selection {
    pub certain: Vec<usize>,
    pub maybe: Vec<usize>,
}

impl Selection {
    /// Whether the cell is isolated.
    pub(super) fn isolated(&self) -> Tri {
        match (self.certain.is_empty(), self.maybe.is_empty()) {
            (false, _) => Tri::Yes,
            (true, false) => Tri::Maybe,
            (true, true) => Tri::No,
        }
    }
}

/// Rules of a bundle: with the number of the subject's list of ports, where the rules name some.
pub(super) type RowKey = (BundleId, Option<usize>);

/// Destinations that every workload is asked for, such as cluster DNS, are remembered: so many at most.
const REMEMBERED_TARGETS: usize = 32;

/// Rows with more entries than this are not evaluated twice for one target.
const LONG_ROW: usize = 16;

#[derive(Debug)]
pub(super) struct Engine {
    pub dataplane: Dataplane,
    /// By direction.
    rows: [HashMap<RowKey, Rc<Row>>; 2],
    /// What a port name stands for, by the destination's list of ports; `None` is a destination that is no pod.
    names: HashMap<(Protocol, String), HashMap<Option<usize>, Decision>>,
    /// What each bundle opens towards a target; `None`: not evaluated yet.
    remembered: [HashMap<Target, Vec<Option<Decision>>>; 2],
    /// As `remembered`, for the long rows and every target.
    long: HashMap<(Direction, RowKey, Target), Decision>,
}

impl Engine {
    pub(super) fn new(dataplane: Dataplane) -> Self {
        Engine {
            dataplane,
            rows: Default::default(),
            names: HashMap::new(),
            remembered: Default::default(),
            long: HashMap::new(),
        }
    }

    /// The rules of a policy that this dataplane applies in a direction, and whether it does.
    pub(super) fn applies(&self, model: &Model, policy: &Policy, direction: Direction) -> Tri {
        if self.dataplane == Dataplane::None {
            return Tri::No;
        }
        let d = direction as usize;
        let isolates = if policy.isolates[d] {
            Tri::Yes
        } else if self.dataplane == Dataplane::DataplaneV2 && !policy.rules[d].is_empty() {
            // Cilium enforces rules of a direction that policyTypes leaves out (cilium/cilium#48703).
            if named_port::is_older_cilium(model.agents.cilium) { Tri::Yes } else { Tri::Maybe }
        } else {
            Tri::No
        };
        // With multi-networking a policy may be for another pod network only.
        let on_default_network = match (&policy.network, self.dataplane) {
            (Some(_), Dataplane::DataplaneV2) => !model.network.multi_networking,
            _ => Tri::Yes,
        };
        isolates.min(on_default_network)
    }

    /// The bundles that select a cell in a direction, and how certainly.
    fn bundles<'m>(
        &self,
        model: &'m Model,
        cell: usize,
        direction: Direction,
    ) -> impl Iterator<Item = (BundleId, Tri)> + use<'m, '_> {
        let c = &model.cells[cell];
        let signature = if c.host_network { &[] } else { model.selectors.bundles_of(c.signature) };
        signature.iter().filter_map(move |(id, selected)| {
            let policy = model.selectors.bundle_of(*id).policies.first()?;
            let enforced = (*selected).min(self.applies(model, &model.policies[*policy], direction));
            (enforced > Tri::No).then_some((*id, enforced))
        })
    }

    /// As [`Engine::bundles`], in a list.
    pub(super) fn bundles_list(&self, model: &Model, cell: usize, direction: Direction) -> Vec<(BundleId, Tri)> {
        self.bundles(model, cell, direction).collect()
    }

    /// Whether a cell is isolated by a policy of the kind that is evaluated.
    pub(super) fn isolates(&self, model: &Model, cell: usize, direction: Direction) -> Tri {
        self.bundles(model, cell, direction).map(|(_, enforced)| enforced).max().unwrap_or(Tri::No)
    }

    /// The policies that select a cell.
    pub(super) fn selection(&self, model: &Model, cell: usize, direction: Direction) -> Selection {
        let mut selection = Selection::default();
        for (bundle, enforced) in self.bundles(model, cell, direction) {
            let list = if enforced == Tri::Yes { &mut selection.certain } else { &mut selection.maybe };
            list.extend(&model.selectors.bundle_of(bundle).policies);
        }
        selection.certain.sort_unstable();
        selection.maybe.sort_unstable();
        selection
    }

    /// What the cell's own side allows towards (egress) or from (ingress) a target.
    pub(super) fn side(
        &mut self,
        model: &Model,
        pool: &mut Pool,
        direction: Direction,
        cell: usize,
        target: Target,
    ) -> Decision {
        if let Some(d) = self.without_rows(model, direction, cell) {
            return d;
        }
        let mut sides = SideBuilder::default();
        for (bundle, enforced) in self.bundles_list(model, cell, direction) {
            sides.add(self.bundle_opens(model, pool, direction, bundle, cell, target), enforced, pool);
        }
        sides.decide(pool)
    }

    /// The decision towards every target, where it does not depend on rules.
    pub(super) fn without_rows(&self, model: &Model, direction: Direction, cell: usize) -> Option<Decision> {
        if self.dataplane == Dataplane::None || model.cells[cell].host_network {
            return Some(Decision::ALL);
        }
        if self.opaque_applies_in(model, model.cells[cell].namespace, direction) {
            return Some(Decision::OPEN);
        }
        (self.isolates(model, cell, direction) == Tri::No).then_some(Decision::ALL)
    }

    /// Why rules that are not modelled may decide for this cell.
    pub(super) fn opaque(&self, model: &Model, cell: usize, direction: Direction) -> Option<Reason> {
        self.opaque_in(model, &model.namespaces[model.cells[cell].namespace].name, direction)
    }

    /// Whether [`Engine::opaque_in`] has a reason, for a namespace by index.
    fn opaque_applies_in(&self, model: &Model, namespace: usize, direction: Direction) -> bool {
        model.opaque.iter().any(|o| {
            (o.object.namespace.is_empty() || o.object.namespace == model.namespaces[namespace].name)
                && opaque_applies(model, self.dataplane, &o.group, &o.object.kind, direction)
        })
    }

    /// As [`Engine::opaque`], for every pod of a namespace.
    pub(super) fn opaque_in(&self, model: &Model, namespace: &str, direction: Direction) -> Option<Reason> {
        model.opaque.iter().find_map(|o| {
            let everywhere = o.object.namespace.is_empty() || o.object.namespace == namespace;
            if !everywhere || !opaque_applies(model, self.dataplane, &o.group, &o.object.kind, direction) {
                return None;
            }
            Some(Reason::undecided(format!(
                "{} ({}) may decide this and its rules are not evaluated by this version",
                o.object, o.object.api_version
            )))
        })
    }

    /// What the rules of a bundle that selects `cell` open towards a target.
    fn bundle_opens(
        &mut self,
        model: &Model,
        pool: &mut Pool,
        direction: Direction,
        bundle: BundleId,
        cell: usize,
        target: Target,
    ) -> Decision {
        let key = self.row_key(model, direction, bundle, cell);
        let asked_often = key.1.is_none() && model.cells.get(target).is_none_or(|c| c.class.is_none());
        let remembered = &mut self.remembered[direction as usize];
        let remember = asked_often && (remembered.contains_key(&target) || remembered.len() < REMEMBERED_TARGETS);
        if remember {
            let list = remembered.entry(target).or_default();
            if let Some(Some(d)) = list.get(bundle.place()) {
                return *d;
            }
        }
        let row = self.row(model, pool, direction, key, cell);
        let long = row.len() > LONG_ROW && !remember;
        if long && let Some(d) = self.long.get(&(direction, key, target)) {
            return *d;
        }
        let other = model.cells.get(target);
        let mut sides = SideBuilder::default();
        let dataplane = self.dataplane;
        let matching = row.matching(
            |term| other.map_or(Tri::No, |c| model.selectors.term_selects(term, c)),
            |block| block_matches(model, dataplane, block, target),
        );
        for (profile, matched) in matching {
            let d = self.resolve(model, pool, profile, target);
            sides.add(d, matched, pool);
        }
        let d = sides.open(pool);
        if remember {
            let list = self.remembered[direction as usize].entry(target).or_default();
            if list.len() <= bundle.place() {
                list.resize(bundle.place() + 1, None);
            }
            list[bundle.place()] = Some(d);
        } else if long {
            self.long.insert((direction, key, target), d);
        }
        d
    }

    /// The key of a bundle's row for a cell that it selects.
    pub(super) fn row_key(&self, model: &Model, direction: Direction, bundle: BundleId, cell: usize) -> RowKey {
        let policies = &model.selectors.bundle_of(bundle).policies;
        let named = direction == Direction::Ingress
            && policies.iter().any(|p| model.policies[*p].names_ports[direction as usize]);
        (bundle, named.then_some(model.cells[cell].ports_id))
    }

    /// The rules of a bundle. `cell` is one that it selects and whose list of ports is that of `key`.
    pub(super) fn row(
        &mut self,
        model: &Model,
        pool: &mut Pool,
        direction: Direction,
        key: RowKey,
        cell: usize,
    ) -> Rc<Row> {
        if let Some(row) = self.rows[direction as usize].get(&key) {
            return row.clone();
        }
        let subject = &model.cells[cell];
        let mut builder = RowBuilder::default();
        for p in &model.selectors.bundle_of(key.0).policies {
            for rule in &model.policies[*p].rules[direction as usize] {
                let Some(peers) = &rule.peers else {
                    builder.anywhere.push(&rule.ports);
                    continue;
                };
                for peer in peers {
                    match peer {
                        Peer::Block(b) => builder.blocks.entry(*b).or_default().push(&rule.ports),
                        Peer::Pods { .. } => {
                            if let Some(term) = model.selectors.term_of(subject.namespace, peer) {
                                builder.terms.entry(term).or_default().push(&rule.ports);
                            }
                        }
                    }
                }
            }
        }
        let dataplane = self.dataplane;
        let row = Rc::new(builder.build(|lists| {
            merge_ports(
                lists,
                pool,
                |port, a, b| range(model, dataplane, port, a, b),
                |protocol, name| {
                    (direction == Direction::Ingress)
                        .then(|| named_port::on_pod(model, dataplane, subject, name, protocol).sets(protocol))
                },
            )
        }));
        self.rows[direction as usize].insert(key, row.clone());
        row
    }

    /// The ports of a profile towards a target.
    pub(super) fn resolve(
        &mut self,
        model: &Model,
        pool: &mut Pool,
        profile: &PortProfile,
        target: Target,
    ) -> Decision {
        let mut all = profile.fixed.unwrap_or(Decision::NONE);
        let destination = model.cells.get(target);
        let ports = destination.map(|c| c.ports_id);
        for key in &profile.names {
            let known = self.names.get(key).and_then(|by_ports| by_ports.get(&ports)).copied();
            let d = known.unwrap_or_else(|| {
                let (protocol, name) = key;
                let numbers = named_port::towards(model, self.dataplane, destination, name, *protocol);
                let (certain, possible) = numbers.sets(*protocol);
                let d = Decision { certain: pool.intern(certain), possible: pool.intern(possible) };
                self.names.entry(key.clone()).or_default().insert(ports, d);
                d
            });
            all = all.or(d, pool);
        }
        all
    }

    /// How certainly a rule's peers hold a target, for explanations.
    pub(super) fn rule_matches(&self, model: &Model, policy: &Policy, rule: &Rule, target: Target) -> Tri {
        let Some(peers) = &rule.peers else { return Tri::Yes };
        peers.iter().map(|p| self.peer_matches(model, policy, p, target)).max().unwrap_or(Tri::No)
    }

    pub(super) fn peer_matches(&self, model: &Model, policy: &Policy, peer: &Peer, target: Target) -> Tri {
        match peer {
            Peer::Pods { .. } => {
                model.cells.get(target).map_or(Tri::No, |c| model.peer_selects(peer, &policy.meta.namespace, c))
            }
            Peer::Block(b) => block_matches(model, self.dataplane, *b, target),
        }
    }

    /// The ports of a rule towards a target, for explanations.
    pub(super) fn rule_ports(
        &mut self,
        model: &Model,
        pool: &mut Pool,
        rule: &Rule,
        direction: Direction,
        cell: usize,
        target: Target,
    ) -> Decision {
        let dataplane = self.dataplane;
        let profile = merge_ports(
            &[&rule.ports],
            pool,
            |port, a, b| range(model, dataplane, port, a, b),
            |protocol, name| {
                (direction == Direction::Ingress)
                    .then(|| named_port::on_pod(model, dataplane, &model.cells[cell], name, protocol).sets(protocol))
            },
        );
        self.resolve(model, pool, &profile, target)
    }
}

/// Puts together what several policies, each enforced with some certainty, open towards one target.
#[derive(Debug, Default)]
struct SideBuilder {
    certain: Vec<SetId>,
    possible: Vec<SetId>,
    /// Some policy is certainly enforced.
    isolated: bool,
    /// What every policy that is only possibly enforced would leave, if it were the only one.
    left: Option<SetId>,
}

impl SideBuilder {
    fn add(&mut self, d: Decision, enforced: Tri, pool: &mut Pool) {
        if d.possible != NONE {
            self.possible.push(d.possible);
        }
        if enforced == Tri::Yes {
            self.isolated = true;
            if d.certain != NONE {
                self.certain.push(d.certain);
            }
        } else {
            self.left = Some(self.left.map_or(d.certain, |left| pool.intersection(left, d.certain)));
        }
    }

    /// What is open of rules that match with some certainty.
    fn open(mut self, pool: &mut Pool) -> Decision {
        Decision { certain: pool.union_all(&mut self.certain), possible: pool.union_all(&mut self.possible) }
    }

    /// What a side allows. Isolated for certain, more policies can only allow more; else everything is possible.
    fn decide(self, pool: &mut Pool) -> Decision {
        match self.left {
            Some(left) if !self.isolated => Decision { certain: left, possible: ALL },
            None if !self.isolated => Decision::ALL,
            _ => self.open(pool),
        }
    }
}

/// Whether an ipBlock holds a target. On Dataplane V2 it holds addresses outside the cluster only, neither pods nor
/// nodes (cilium/cilium#9209, #19601, #20550).
pub(super) fn block_matches(model: &Model, dataplane: Dataplane, block: usize, target: Target) -> Tri {
    let block = &model.blocks[block];
    let first_atom = model.atom(0);
    if target >= first_atom {
        return block.covers(&model.atoms.ranges[target - first_atom]);
    }
    if dataplane == Dataplane::DataplaneV2 {
        return Tri::No;
    }
    if let Some(cell) = model.cells.get(target) {
        return model.block_holds_cell(block, cell);
    }
    if target == model.remote_node() {
        return model.block_holds_remote_node(block);
    }
    model.block_holds_node(block, &model.nodes[target - model.node(0)])
}

/// `endPort` is documented to have no effect on Dataplane V2, and newer Cilium knows ranges (from 1.16).
/// <https://cloud.google.com/kubernetes-engine/docs/how-to/network-policy#limitations>
fn range(model: &Model, dataplane: Dataplane, port: &Port, from: u16, to: u16) -> (PortSet, PortSet) {
    let whole = PortSet::range(port.protocol, from, to);
    if dataplane != Dataplane::DataplaneV2 || from == to {
        return (whole.clone(), whole);
    }
    let start = PortSet::one(port.protocol, from);
    match model.agents.cilium {
        Some(v) if v < (1, 16) => (start.clone(), start),
        Some(_) => (whole.clone(), whole),
        None => (start, whole),
    }
}

/// Whether objects of a kind that is not modelled are in force on a dataplane, in a direction.
fn opaque_applies(model: &Model, dataplane: Dataplane, group: &str, kind: &str, direction: Direction) -> bool {
    match (dataplane, group, kind) {
        (Dataplane::None, ..) => false,
        // One of the modelled kind whose rules could not be read.
        (_, "networking.k8s.io", "NetworkPolicy") => true,
        // Staged policies are shown, never enforced.
        (_, _, "StagedGlobalNetworkPolicy") => false,
        (Dataplane::Calico, "crd.projectcalico.org" | "projectcalico.org", _) => true,
        // Felix watches them from 3.29.
        (Dataplane::Calico, "policy.networking.k8s.io", "AdminNetworkPolicy" | "BaselineAdminNetworkPolicy") => {
            model.agents.calico.is_none_or(|v| v >= (3, 29))
        }
        (Dataplane::Calico, "policy.networking.k8s.io", "ClusterNetworkPolicy") => {
            model.agents.calico.is_some_and(|v| v >= (3, 32))
        }
        (Dataplane::DataplaneV2, "cilium.io", "CiliumClusterwideNetworkPolicy") => {
            model.network.cilium_clusterwide > Tri::No
        }
        (Dataplane::DataplaneV2, "cilium.io", _) => true,
        (Dataplane::DataplaneV2, "networking.gke.io", "FQDNNetworkPolicy") => {
            direction == Direction::Egress && model.network.fqdn > Tri::No
        }
        (Dataplane::DataplaneV2, "policy.networking.k8s.io", "ClusterNetworkPolicy") => true,
        (Dataplane::Upstream, "policy.networking.k8s.io", _) => true,
        _ => false,
    }
}
