//! Evaluation on one dataplane. Each distinct set of policies is evaluated once, towards every target at once; a pair of
//! peers is then two look-ups and an intersection.

use std::collections::HashMap;
use std::rc::Rc;

use crate::inventory::object::LabelSelector;
use crate::inventory::{Dataplane, Reason, Tri};

use super::model::{Cell, Model, Target};
use super::named_port;
use super::policy::{Direction, Peer, Policy, Port, PortMatch, Rule};
use super::ports::{Decision, NONE, Pool, PortSet};
use super::runs::Runs;

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

/// Key of a row: direction, selection, and for ingress with named ports the cell whose names resolve.
type RowKey = (Direction, Rc<Selection>, Option<usize>);

#[derive(Debug)]
pub(super) struct Engine {
    pub dataplane: Dataplane,
    selections: HashMap<(usize, Direction), Rc<Selection>>,
    /// What one cell's side allows towards (or from) every target. Most targets are treated as their neighbours are.
    rows: HashMap<RowKey, Rc<Runs<Decision>>>,
    /// How certainly a peer of a policy selects every target; with the policy's namespace, where that decides.
    selected: HashMap<(Option<String>, Peer), Rc<Runs<Tri>>>,
}

impl Engine {
    pub(super) fn new(dataplane: Dataplane) -> Self {
        Engine { dataplane, selections: HashMap::new(), rows: HashMap::new(), selected: HashMap::new() }
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

    /// The policies that select a cell.
    pub(super) fn selection(&mut self, model: &Model, cell: usize, direction: Direction) -> Rc<Selection> {
        if let Some(s) = self.selections.get(&(cell, direction)) {
            return s.clone();
        }
        let c = &model.cells[cell];
        let mut selection = Selection::default();
        if !c.host_network {
            for &p in &model.namespaces[c.namespace].policies {
                let policy = &model.policies[p];
                match c.labels.matches(&policy.selector).min(self.applies(model, policy, direction)) {
                    Tri::Yes => selection.certain.push(p),
                    Tri::Maybe => selection.maybe.push(p),
                    Tri::No => {}
                }
            }
        }
        let selection = Rc::new(selection);
        self.selections.insert((cell, direction), selection.clone());
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
        if self.dataplane == Dataplane::None || model.cells[cell].host_network {
            return Decision::ALL;
        }
        if self.opaque(model, cell, direction).is_some() {
            return Decision::OPEN;
        }
        let selection = self.selection(model, cell, direction);
        if selection.isolated() == Tri::No {
            return Decision::ALL;
        }
        self.row(model, pool, direction, cell, selection).at(target).unwrap_or(Decision::OPEN)
    }

    /// Why rules that are not modelled may decide for this cell.
    pub(super) fn opaque(&self, model: &Model, cell: usize, direction: Direction) -> Option<Reason> {
        self.opaque_in(model, &model.namespaces[model.cells[cell].namespace].name, direction)
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

    fn row(
        &mut self,
        model: &Model,
        pool: &mut Pool,
        direction: Direction,
        cell: usize,
        selection: Rc<Selection>,
    ) -> Rc<Runs<Decision>> {
        let named = direction == Direction::Ingress
            && selection.certain.iter().chain(&selection.maybe).any(|p| uses_names(&model.policies[*p], direction));
        let key = (direction, selection, named.then_some(cell));
        if let Some(row) = self.rows.get(&key) {
            return row.clone();
        }
        let row = Rc::new(Runs::of(self.compute(model, pool, direction, cell, &key.1)));
        self.rows.insert(key, row.clone());
        row
    }

    fn compute(
        &mut self,
        model: &Model,
        pool: &mut Pool,
        direction: Direction,
        cell: usize,
        selection: &Selection,
    ) -> Vec<Decision> {
        let n = model.targets();
        if !selection.certain.is_empty() {
            // Isolated for certain: more policies can only allow more.
            let mut row = vec![Decision::NONE; n];
            for p in &selection.certain {
                self.allow(model, pool, direction, cell, *p, &mut row);
            }
            if selection.maybe.is_empty() {
                return row;
            }
            let mut perhaps = vec![Decision::NONE; n];
            for p in &selection.maybe {
                self.allow(model, pool, direction, cell, *p, &mut perhaps);
            }
            for (d, m) in row.iter_mut().zip(perhaps) {
                d.possible = pool.union(d.possible, m.possible);
            }
            return row;
        }
        // Perhaps isolated: what certainly stays is what each policy alone would leave.
        let mut row = vec![Decision::ALL; n];
        for p in &selection.maybe {
            let mut alone = vec![Decision::NONE; n];
            self.allow(model, pool, direction, cell, *p, &mut alone);
            for (d, a) in row.iter_mut().zip(alone) {
                d.certain = pool.intersection(d.certain, a.certain);
            }
        }
        row
    }

    /// Adds to `row` what the rules of one policy allow.
    fn allow(
        &mut self,
        model: &Model,
        pool: &mut Pool,
        direction: Direction,
        cell: usize,
        policy: usize,
        row: &mut [Decision],
    ) {
        let p = &model.policies[policy];
        let dataplane = self.dataplane;
        for rule in &p.rules[direction as usize] {
            let mut ports = PortCache::new(rule);
            let mut add = |pool: &mut Pool, target: Target, matched: Tri| {
                let d = ports.decision(model, pool, dataplane, direction, cell, target);
                row[target] = match matched {
                    Tri::Yes => row[target].or(d, pool),
                    Tri::Maybe => row[target].or(Decision { certain: NONE, possible: d.possible }, pool),
                    Tri::No => row[target],
                };
            };
            let Some(peers) = &rule.peers else {
                for target in 0..model.targets() {
                    add(pool, target, Tri::Yes);
                }
                continue;
            };
            for peer in peers {
                let selected = self.selected(model, peer, &p.meta.namespace);
                for (targets, matched) in selected.iter().filter(|(_, matched)| *matched > Tri::No) {
                    for target in targets {
                        add(pool, target, matched);
                    }
                }
            }
        }
    }

    /// How certainly a peer of a policy in `namespace` selects every target.
    fn selected(&mut self, model: &Model, peer: &Peer, namespace: &str) -> Rc<Runs<Tri>> {
        let own = matches!(peer, Peer::Pods { namespaces: None, .. });
        let key = (own.then(|| namespace.to_owned()), peer.clone());
        if let Some(selected) = self.selected.get(&key) {
            return selected.clone();
        }
        let selected = match peer {
            Peer::Pods { namespaces, .. } => selected_cells(model, peer, namespaces.as_ref(), namespace),
            Peer::Block(b) => (0..model.targets()).map(|t| block_matches(model, self.dataplane, *b, t)).collect(),
        };
        let selected = Rc::new(Runs::of(selected));
        self.selected.insert(key, selected.clone());
        selected
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
        &self,
        model: &Model,
        pool: &mut Pool,
        rule: &Rule,
        direction: Direction,
        cell: usize,
        target: Target,
    ) -> Decision {
        PortCache::new(rule).decision(model, pool, self.dataplane, direction, cell, target)
    }
}

fn uses_names(policy: &Policy, direction: Direction) -> bool {
    policy.rules[direction as usize].iter().flat_map(|r| &r.ports).any(|p| matches!(p.what, PortMatch::Named(_)))
}

fn selected_cells(model: &Model, peer: &Peer, namespaces: Option<&LabelSelector>, namespace: &str) -> Vec<Tri> {
    let mut found = vec![Tri::No; model.targets()];
    for ns in model.candidates(namespaces, namespace) {
        for &cell in &model.namespaces[ns].cells {
            found[cell] = model.peer_selects(peer, namespace, &model.cells[cell]);
        }
    }
    found
}

/// Whether an ipBlock holds a target. On Dataplane V2 it holds addresses outside the cluster only, neither pods nor
/// nodes (cilium/cilium#9209, #19601, #20550).
fn block_matches(model: &Model, dataplane: Dataplane, block: usize, target: Target) -> Tri {
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

/// The ports of one rule, computed once where they do not depend on the target, and else once for each list of ports
/// that a target has.
struct PortCache<'a> {
    ports: &'a [Port],
    fixed: Option<Decision>,
    /// By `Cell::ports_id`; `None` is a target that is no pod.
    by_ports: HashMap<Option<usize>, Decision>,
}

impl<'a> PortCache<'a> {
    fn new(rule: &'a Rule) -> Self {
        PortCache {
            ports: &rule.ports,
            fixed: rule.ports.is_empty().then_some(Decision::ALL),
            by_ports: HashMap::new(),
        }
    }

    fn decision(
        &mut self,
        model: &Model,
        pool: &mut Pool,
        dataplane: Dataplane,
        direction: Direction,
        cell: usize,
        target: Target,
    ) -> Decision {
        if let Some(d) = self.fixed {
            return d;
        }
        let key = model.cells.get(target).map(|c| c.ports_id);
        if let Some(d) = self.by_ports.get(&key) {
            return *d;
        }
        let (mut certain, mut possible) = (PortSet::empty(), PortSet::empty());
        let mut depends = false;
        for port in self.ports {
            let (c, p) = match &port.what {
                PortMatch::All => {
                    let set = PortSet::range(port.protocol, 1, u16::MAX);
                    (set.clone(), set)
                }
                PortMatch::Range(a, b) => range(model, dataplane, port, *a, *b),
                PortMatch::Named(name) => {
                    let numbers = match direction {
                        Direction::Ingress => {
                            named_port::on_pod(model, dataplane, &model.cells[cell], name, port.protocol)
                        }
                        Direction::Egress => {
                            depends = true;
                            let destination: Option<&Cell> = model.cells.get(target);
                            named_port::towards(model, dataplane, destination, name, port.protocol)
                        }
                    };
                    numbers.sets(port.protocol)
                }
            };
            certain = certain.union(&c);
            possible = possible.union(&p);
        }
        let d = Decision { certain: pool.intern(certain), possible: pool.intern(possible) };
        if depends {
            self.by_ports.insert(key, d);
        } else {
            self.fixed = Some(d);
        }
        d
    }
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
