//! Reach between the peers that people know: workloads, nodes, addresses. Two sets: certain and possible.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use crate::inventory::object::Protocol;
use crate::inventory::{ClassId, Dataplane, Enforcement, Inventory, Platform, Reason, Tri};

use super::engine::Engine;
use super::model::{Imagined, Model, Target};
use super::outside::SideKey;
use super::policy::Direction;
use super::ports::{ALL, Decision, Pool, PortSet};
use super::spread::{self, IngressIndex};
use super::table::{Ends, Part};

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// Pods of a class of a workload. Towards itself: another replica.
    Class(ClassId),
    /// The imagined pod of this number.
    Imagined(usize),
    /// Any node other than the destination's.
    Node,
    /// A node by index into the model.
    OneNode(usize),
    /// An address outside the cluster.
    Address(IpAddr),
    /// An elementary address range by index.
    Atom(usize),
}

/// The nodes of some pods; `None` if not all of them are known.
fn nodes_of(nodes: &[Option<usize>]) -> Option<BTreeSet<usize>> {
    nodes.iter().copied().collect::<Option<BTreeSet<usize>>>().filter(|n| !n.is_empty())
}

/// Answers questions about one cluster. Results are remembered, which is why questions take `&mut self`.
pub struct Reach {
    /// The cluster that the questions are about.
    pub model: Model,
    /// What enforces policies. A result is certain only if all its candidates agree.
    pub enforcement: Enforcement,
    /// Port sets that decisions refer to by number.
    pub pool: Pool,
    pub(super) engines: Vec<Engine>,
    /// Answers of [`Reach::internet`].
    pub(super) internet: HashMap<Vec<SideKey>, Decision>,
    /// Classes that are one pod and can be no more: a connection to itself never leaves it.
    single: HashSet<ClassId>,
}

impl Reach {
    /// `imagined` are pods whose treatment will be asked for.
    pub fn new(inventory: &Inventory, platform: Platform, imagined: &[Imagined]) -> Self {
        let Platform { enforcement, agents, network } = platform;
        let engines = enforcement.candidates.iter().map(|d| Engine::new(*d)).collect();
        let single = inventory
            .workloads
            .iter()
            .enumerate()
            .filter(|(_, w)| w.object.kind == "Pod")
            .flat_map(|(i, w)| (0..w.classes.len()).map(move |c| (i, c)))
            .collect();
        Reach {
            model: Model::new(inventory, network, agents, imagined),
            enforcement,
            pool: Pool::default(),
            engines,
            internet: HashMap::new(),
            single,
        }
    }

    /// What `from` may reach at `to`.
    pub fn pair(&mut self, from: Peer, to: Peer) -> Decision {
        if from == to && self.is_single(from) {
            return Decision::ALL;
        }
        let mut result: Option<Decision> = None;
        for i in 0..self.engines.len() {
            let d = self.pair_on(i, from, to);
            result = Some(match result {
                None => d,
                Some(r) => r.either(d, &mut self.pool),
            });
        }
        result.unwrap_or(Decision::OPEN)
    }

    /// Whether a peer is one pod and no more: no other replica could be meant.
    pub fn is_single(&self, peer: Peer) -> bool {
        matches!(peer, Peer::Class(c) if self.single.contains(&c))
    }

    fn cells(&self, peer: Peer) -> Vec<usize> {
        match peer {
            Peer::Class(c) => self.model.cells_of(c).to_vec(),
            Peer::Imagined(i) => vec![self.model.imagined(i)],
            _ => Vec::new(),
        }
    }

    fn target(&self, peer: Peer) -> Option<Target> {
        match peer {
            Peer::Class(_) | Peer::Imagined(_) => None,
            Peer::Node => Some(self.model.remote_node()),
            Peer::OneNode(i) => Some(self.model.node(i)),
            Peer::Address(ip) => Some(self.model.address(ip)),
            Peer::Atom(i) => Some(self.model.atom(i)),
        }
    }

    fn pair_on(&mut self, engine: usize, from: Peer, to: Peer) -> Decision {
        let (sources, targets) = (self.cells(from), self.cells(to));
        let mut result: Option<Decision> = None;
        let mut add = |d: Decision, pool: &mut Pool| {
            result = Some(match result {
                None => d,
                Some(r) => r.either(d, pool),
            });
        };
        match (self.target(from), self.target(to)) {
            (None, None) => {
                for &a in &sources {
                    for &b in &targets {
                        let d = self.cell_pair(engine, a, b);
                        add(d, &mut self.pool);
                    }
                }
            }
            (None, Some(t)) => {
                for &a in &sources {
                    let d = if to == Peer::Node {
                        self.egress_to_nodes(engine, a)
                    } else {
                        self.side_on(engine, Direction::Egress, a, t)
                    };
                    add(d, &mut self.pool);
                }
            }
            (Some(t), None) => {
                for &b in &targets {
                    let d = self.outside_pair(engine, from, t, b);
                    add(d, &mut self.pool);
                }
            }
            (Some(_), Some(_)) => return Decision::ALL,
        }
        result.unwrap_or(Decision::OPEN)
    }

    fn side_on(&mut self, engine: usize, direction: Direction, cell: usize, target: Target) -> Decision {
        self.engines[engine].side(&self.model, &mut self.pool, direction, cell, target)
    }

    fn outside_pair(&mut self, engine: usize, from: Peer, target: Target, cell: usize) -> Decision {
        let remote = self.side_on(engine, Direction::Ingress, cell, target);
        match from {
            Peer::Node => self.other_nodes_pair(engine, cell, remote),
            Peer::OneNode(n) => {
                let on_it = self.locality(cell, |node| node == n);
                self.as_node(remote, on_it)
            }
            _ => remote,
        }
    }

    /// What a cell may send to any node: what it may send to each of them, since several rules together may hold them all.
    fn egress_to_nodes(&mut self, engine: usize, cell: usize) -> Decision {
        let remote = self.side_on(engine, Direction::Egress, cell, self.model.remote_node());
        if self.model.more_nodes || remote.certain == remote.possible {
            return remote;
        }
        let mut result: Option<Decision> = None;
        for n in 0..self.model.nodes.len() {
            let d = self.side_on(engine, Direction::Egress, cell, self.model.node(n));
            result = Some(match result {
                None => d,
                Some(r) => r.either(d, &mut self.pool),
            });
        }
        result.unwrap_or(remote)
    }

    /// What nodes other than the destination's may reach: each known one, and `remote`, which stands for unknown ones.
    fn other_nodes_pair(&mut self, engine: usize, cell: usize, remote: Decision) -> Decision {
        if self.model.more_nodes {
            return remote;
        }
        let mut result: Option<Decision> = None;
        for n in 0..self.model.nodes.len() {
            if self.locality(cell, |node| node == n) == Tri::Yes {
                continue;
            }
            let d = self.side_on(engine, Direction::Ingress, cell, self.model.node(n));
            result = Some(match result {
                None => d,
                Some(r) => r.either(d, &mut self.pool),
            });
        }
        result.unwrap_or(remote)
    }

    /// Ingress from the pod's own node is always allowed.
    fn as_node(&mut self, remote: Decision, local: Tri) -> Decision {
        match local {
            Tri::Yes => Decision::ALL,
            Tri::No => remote,
            Tri::Maybe => Decision { certain: remote.certain, possible: ALL },
        }
    }

    fn locality(&self, cell: usize, is: impl Fn(usize) -> bool) -> Tri {
        let nodes = &self.model.cells[cell].nodes;
        if nodes.is_empty() || nodes.iter().any(Option::is_none) {
            return Tri::Maybe;
        }
        let here = nodes.iter().flatten().filter(|n| is(**n)).count();
        match here {
            0 => Tri::No,
            n if n == nodes.len() => Tri::Yes,
            _ => Tri::Maybe,
        }
    }

    /// Whether the pods of cell `b` are on the nodes of a source on the host's network; `None`: not all of those are known.
    fn shares_node(&self, sources: &Option<BTreeSet<usize>>, b: usize) -> Tri {
        let Some(sources) = sources else { return Tri::Maybe };
        match self.locality(b, |n| sources.contains(&n)) {
            Tri::Yes if sources.len() > 1 => Tri::Maybe,
            answer => answer,
        }
    }

    /// Computes what each wanted source may send to every end, in their order, and hands it to `visit` until that fails.
    pub(super) fn visit_sources<E>(
        &mut self,
        ends: &Ends,
        wanted: &impl Fn(Peer, Peer) -> bool,
        mut visit: impl FnMut(&mut Reach, usize, &[Decision]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut ingress: Vec<IngressIndex> = Vec::new();
        for engine in &mut self.engines {
            ingress.push(IngressIndex::new(engine, &self.model, &mut self.pool));
        }
        let cells: Vec<Vec<usize>> = ends.peers().map(|p| self.cells(p)).collect();
        for (i, from) in ends.peers().enumerate() {
            if !ends.peers().any(|to| wanted(from, to)) {
                continue;
            }
            let row = match self.target(from) {
                None => self.row_of_class(&ingress, &cells[i], ends, &cells),
                Some(target) => self.row_of_outside(&ingress, from, target, &cells),
            };
            visit(self, i, &row)?;
        }
        Ok(())
    }

    /// What the pods of some cells may send to every end: as [`Reach::pair`] for each of them. `cells` are those of the
    /// ends.
    fn row_of_class(
        &mut self,
        ingress: &[IngressIndex],
        sources: &[usize],
        ends: &Ends,
        cells: &[Vec<usize>],
    ) -> Vec<Decision> {
        let others: Vec<Target> = ends.peers().filter_map(|p| self.target(p)).collect();
        let mut row: Vec<Option<Decision>> = vec![None; cells.len()];
        for (e, index) in ingress.iter().enumerate() {
            for &a in sources {
                let egress = spread::egress(&mut self.engines[e], &self.model, &mut self.pool, a, &others);
                let from_a = index.from(&self.engines[e], &self.model, &mut self.pool, a);
                let nodes = self.model.cells[a].host_network.then(|| nodes_of(&self.model.cells[a].nodes));
                let mut other = self.model.cells.len();
                for (at, to) in ends.peers().enumerate() {
                    let d = match to {
                        Peer::Class(_) => {
                            let mut result: Option<Decision> = None;
                            for &b in &cells[at] {
                                let side = match &nodes {
                                    Some(nodes) if !self.model.cells[b].host_network => {
                                        self.as_node(from_a[b], self.shares_node(nodes, b))
                                    }
                                    _ => from_a[b],
                                };
                                let d = egress[b].and(side, &mut self.pool);
                                result = Some(result.map_or(d, |r| r.either(d, &mut self.pool)));
                            }
                            result.unwrap_or(Decision::OPEN)
                        }
                        Peer::Node => self.egress_to_nodes(e, a),
                        _ => egress[other],
                    };
                    other += usize::from(!matches!(to, Peer::Class(_)));
                    row[at] = Some(row[at].map_or(d, |r| r.either(d, &mut self.pool)));
                }
            }
        }
        row.into_iter().map(|d| d.unwrap_or(Decision::OPEN)).collect()
    }

    /// What an address or the other nodes may send to every end: as [`Reach::pair`] for each of them.
    fn row_of_outside(
        &mut self,
        ingress: &[IngressIndex],
        from: Peer,
        source: Target,
        cells: &[Vec<usize>],
    ) -> Vec<Decision> {
        let mut row: Vec<Option<Decision>> = vec![None; cells.len()];
        for (e, index) in ingress.iter().enumerate() {
            let mut to_cell = index.from(&self.engines[e], &self.model, &mut self.pool, source);
            if from == Peer::Node && !self.model.more_nodes {
                let mut met: Vec<Option<Decision>> = vec![None; to_cell.len()];
                for n in 0..self.model.nodes.len() {
                    let one = index.from(&self.engines[e], &self.model, &mut self.pool, self.model.node(n));
                    for (b, d) in one.into_iter().enumerate() {
                        if self.locality(b, |node| node == n) != Tri::Yes {
                            met[b] = Some(met[b].map_or(d, |m| m.either(d, &mut self.pool)));
                        }
                    }
                }
                for (d, met) in to_cell.iter_mut().zip(met) {
                    *d = met.unwrap_or(*d);
                }
            }
            for (at, of_end) in cells.iter().enumerate() {
                for &b in of_end {
                    let d = to_cell[b];
                    row[at] = Some(row[at].map_or(d, |r| r.either(d, &mut self.pool)));
                }
            }
        }
        row.into_iter().map(|d| d.unwrap_or(Decision::NONE)).collect()
    }

    /// The part of the table that a destination belongs to.
    pub(super) fn part_of(&self, peer: Peer) -> Part {
        let Peer::Class(class) = peer else { return Part::Outside };
        let open = |engine: &Engine| {
            let cells = self.model.cells_of(class);
            cells.iter().all(|c| engine.without_rows(&self.model, Direction::Ingress, *c) == Some(Decision::ALL))
        };
        if self.engines.iter().all(open) { Part::Open } else { Part::Restricted }
    }

    fn cell_pair(&mut self, engine: usize, a: usize, b: usize) -> Decision {
        // Without enforcement, and towards pods on the host's network, only the other side counts; `side` says so.
        let egress = self.side_on(engine, Direction::Egress, a, b);
        let ingress = if self.model.cells[b].host_network {
            Decision::ALL
        } else if self.model.cells[a].host_network {
            let remote = self.side_on(engine, Direction::Ingress, b, a);
            let local = self.shares_node(&nodes_of(&self.model.cells[a].nodes), b);
            self.as_node(remote, local)
        } else {
            self.side_on(engine, Direction::Ingress, b, a)
        };
        egress.and(ingress, &mut self.pool)
    }

    /// One side of a class alone, towards a peer: used where only the class's own policies are in question.
    pub fn side(&mut self, direction: Direction, class: ClassId, peer: Peer) -> Decision {
        let mut result: Option<Decision> = None;
        for engine in 0..self.engines.len() {
            let d = self.side_of(engine, direction, class, peer);
            result = Some(match result {
                None => d,
                Some(r) => r.either(d, &mut self.pool),
            });
        }
        result.unwrap_or(Decision::OPEN)
    }

    /// As [`Reach::side`], on one of the dataplanes that may be the case.
    pub(super) fn side_of(&mut self, engine: usize, direction: Direction, class: ClassId, peer: Peer) -> Decision {
        let targets = match self.target(peer) {
            Some(t) => vec![t],
            None => self.cells(peer),
        };
        let mut result: Option<Decision> = None;
        for cell in self.model.cells_of(class).to_vec() {
            for &t in &targets {
                let d = self.side_on(engine, direction, cell, t);
                result = Some(match result {
                    None => d,
                    Some(r) => r.either(d, &mut self.pool),
                });
            }
        }
        result.unwrap_or(Decision::OPEN)
    }

    /// Whether a decision allows one port.
    pub fn allows(&self, d: Decision, protocol: Protocol, port: u16) -> Tri {
        if self.pool.get(d.certain).contains(protocol, port) {
            Tri::Yes
        } else if self.pool.get(d.possible).contains(protocol, port) {
            Tri::Maybe
        } else {
            Tri::No
        }
    }

    /// As [`Reach::any_pair`], but a pod on the host's network counts as on another node than the destination's: the
    /// destination's own node always reaches its pods, whatever any policy says.
    pub fn any_pair_from_other_nodes(&mut self, from: Peer, to: Peer) -> Decision {
        let (sources, targets) = (self.cells(from), self.cells(to));
        if !sources.iter().any(|c| self.model.cells[*c].host_network) {
            return self.any_pair(from, to);
        }
        let mut result: Option<Decision> = None;
        for &b in &targets {
            let mut one: Option<Decision> = None;
            for engine in 0..self.engines.len() {
                let remote = self.model.remote_node();
                let side = self.side_on(engine, Direction::Ingress, b, remote);
                let d = self.other_nodes_pair(engine, b, side);
                one = Some(match one {
                    None => d,
                    Some(o) => o.either(d, &mut self.pool),
                });
            }
            let one = one.unwrap_or(Decision::OPEN);
            result = Some(match result {
                None => one,
                Some(r) => r.or(one, &mut self.pool),
            });
        }
        result.unwrap_or(Decision::OPEN)
    }

    /// What some pod of `from` reaches at some pod of `to`: one pod that can is enough.
    pub fn any_pair(&mut self, from: Peer, to: Peer) -> Decision {
        let whole = self.pair(from, to);
        let (sources, targets) = (self.cells(from), self.cells(to));
        if sources.len() <= 1 && targets.len() <= 1 {
            return whole;
        }
        let mut certain: Option<Decision> = None;
        for a in &sources {
            for b in &targets {
                let mut one: Option<Decision> = None;
                for engine in 0..self.engines.len() {
                    let d = self.cell_pair(engine, *a, *b);
                    one = Some(match one {
                        None => d,
                        Some(o) => o.either(d, &mut self.pool),
                    });
                }
                let one = one.unwrap_or(Decision::OPEN);
                certain = Some(match certain {
                    None => one,
                    Some(c) => c.or(one, &mut self.pool),
                });
            }
        }
        certain.unwrap_or(whole)
    }

    /// Whether a class is isolated in a direction: whether some policy that is enforced selects it.
    pub fn isolated(&mut self, class: ClassId, direction: Direction) -> Tri {
        let mut result: Option<Tri> = None;
        for e in 0..self.engines.len() {
            for cell in self.model.cells_of(class).to_vec() {
                let one = match self.engines[e].dataplane {
                    Dataplane::None => Tri::No,
                    _ if self.model.cells[cell].host_network => Tri::No,
                    _ => {
                        let own = self.engines[e].isolates(&self.model, cell, direction);
                        match self.engines[e].opaque(&self.model, cell, direction) {
                            Some(_) => own.max(Tri::Maybe),
                            None => own,
                        }
                    }
                };
                result = Some(match result {
                    None => one,
                    Some(r) if r == one => r,
                    Some(_) => Tri::Maybe,
                });
            }
        }
        result.unwrap_or(Tri::Maybe)
    }

    /// The classes that a policy selects, and how certainly: as its most certain pods, in order.
    pub fn classes_selected_by(&self, policy: usize) -> Vec<(ClassId, Tri)> {
        let mut found: Vec<(ClassId, Tri)> = Vec::new();
        for (cell, selected) in self.model.cells_selected_by(policy) {
            let Some(class) = self.model.cells[cell].class else { continue };
            match found.last_mut() {
                Some((last, so_far)) if *last == class => *so_far = (*so_far).max(selected),
                _ => found.push((class, selected)),
            }
        }
        found
    }

    /// Indices of the policies that select a class in a direction, as if enforced: certainly and possibly.
    pub fn policies_of(&self, class: ClassId, direction: Direction) -> (Vec<usize>, Vec<usize>) {
        let (mut certain, mut maybe) = (Vec::new(), Vec::new());
        let cells = self.model.cells_of(class);
        // The policies that may select a cell, with the number of cells that they certainly select.
        let mut hits: BTreeMap<usize, usize> = BTreeMap::new();
        for cell in cells {
            for (bundle, selected) in self.model.selectors.bundles_of(self.model.cells[*cell].signature) {
                for p in &self.model.selectors.bundle_of(*bundle).policies {
                    if self.model.policies[*p].isolates[direction as usize] {
                        *hits.entry(*p).or_default() += usize::from(*selected == Tri::Yes);
                    }
                }
            }
        }
        for (p, yes) in hits {
            if yes == cells.len() { certain.push(p) } else { maybe.push(p) }
        }
        (certain, maybe)
    }

    /// Why policies of kinds that are not evaluated may isolate the pods of a namespace.
    pub fn opaque_in(&self, namespace: &str, direction: Direction) -> Option<Reason> {
        self.engines.iter().find_map(|e| e.opaque_in(&self.model, namespace, direction))
    }

    /// Returns the port set with a number from a [`Decision`].
    ///
    /// # Panics
    /// If the pool has no set with this number.
    pub fn set(&self, id: u32) -> &PortSet {
        self.pool.get(id)
    }

    pub(super) fn engines(&mut self) -> (&Model, &mut Pool, &mut Vec<Engine>) {
        (&self.model, &mut self.pool, &mut self.engines)
    }

    /// Why a pair's answer is not certain; empty when it is.
    pub fn reasons(&mut self, inventory: &Inventory, from: Peer, to: Peer) -> Vec<Reason> {
        super::explain::reasons(self, inventory, from, to)
    }
}
