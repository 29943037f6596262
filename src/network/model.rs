//! What the engine evaluates: cells of indistinguishable pods, nodes, address ranges and policies.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::inventory::object::{ContainerPort, ContainerRole, LabelSelector, Member, Protocol};
use crate::inventory::{Agents, ClusterNetwork, Inventory, LabelView, NAME_LABEL, ObjectRef, Tri, labels};

use super::address::{Atoms, Block, Range};
use super::index::{Index, Selected, SignatureId, TermId};
use super::policy::{Blocks, Peer, Policy};

/// Pods that no policy can tell apart: a class of a workload, split by the per-pod labels that selectors use.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Index of the workload and of its class; `None` for a pod that is only imagined.
    pub class: Option<(usize, usize)>,
    /// Index into [`Model::namespaces`].
    pub namespace: usize,
    /// Labels of the pods. The value of a per-pod label that no selector uses is left open.
    pub labels: LabelView,
    /// `spec.hostNetwork`: policies neither isolate nor select such pods.
    pub host_network: bool,
    /// `spec.containers[*].ports` and those of init containers, with the role of the container.
    pub ports: Vec<(ContainerRole, ContainerPort)>,
    /// Equal for cells of equal `ports` that are all on the host's network or all not.
    pub ports_id: usize,
    /// Which policies select the pods.
    pub signature: SignatureId,
    /// One entry a pod: the ranges, one an address family, in which its address lies. Empty: no pod is known.
    pub addresses: Vec<Vec<Range>>,
    /// Node of each pod, by index into [`Model::nodes`]; `None` where it is not known. Empty: no pod is known.
    pub nodes: Vec<Option<usize>>,
}

/// A namespace with its pods and policies.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.labels`; partly open if the Namespace object is not in the evidence.
    pub labels: LabelView,
    /// Indexes into [`Model::cells`], imagined pods included.
    pub cells: Vec<usize>,
    /// Indexes into [`Model::policies`].
    pub policies: Vec<usize>,
}

/// A node known from the pods on it.
#[derive(Clone, Debug)]
pub struct Node {
    /// `spec.nodeName` of its pods.
    pub name: String,
    /// `status.hostIPs` of its pods, each a range of one address; empty if no pod states them.
    pub addresses: Vec<Range>,
}

/// A policy object whose rules are not evaluated.
#[derive(Clone, Debug)]
pub struct Opaque {
    /// The policy object; without a namespace if it is cluster-scoped.
    pub object: ObjectRef,
    /// API group, such as `cilium.io`; empty for the core group.
    pub group: String,
}

/// A pod that is not in the evidence but whose treatment is a question: "any pod of any namespace", kube-dns, an operator.
#[derive(Clone, Debug)]
pub struct Imagined {
    /// Name of its namespace, which need not be in the evidence.
    pub namespace: String,
    /// Labels of the pod.
    pub labels: LabelView,
    /// Ports of its container, a regular one.
    pub ports: Vec<ContainerPort>,
}

/// The numbers of one port name over all pods.
#[derive(Clone, Debug, Default)]
pub struct PortNumbers {
    /// As older Cilium registers them: regular containers, the last declaration of a name in a pod.
    pub registered: BTreeSet<u16>,
    /// As Kubernetes reads them: regular containers and sidecars, every declaration.
    pub serving: BTreeSet<u16>,
}

/// Place of a peer in the rows of the engine.
pub type Target = usize;

/// One cluster as the engine evaluates it. Other types refer to its lists by index.
#[derive(Clone, Debug)]
pub struct Model {
    /// Cells of the workloads, then one of each imagined pod.
    pub cells: Vec<Cell>,
    /// Sorted by name.
    pub namespaces: Vec<Namespace>,
    /// Nodes that a pod names, in order of first appearance.
    pub nodes: Vec<Node>,
    /// Address ranges that no `ipBlock` splits.
    pub atoms: Atoms,
    /// The distinct `ipBlock`s of all policies, by the index in [`Peer::Block`].
    pub blocks: Vec<Block>,
    /// NetworkPolicies in the order of the evidence.
    pub policies: Vec<Policy>,
    /// Policies of other kinds, whose rules are not evaluated.
    pub opaque: Vec<Opaque>,
    /// Settings of the cluster configuration that bear on reachability.
    pub network: ClusterNetwork,
    /// Versions of the agents that enforce policies.
    pub agents: Agents,
    /// Nodes exist that are not in `nodes`.
    pub more_nodes: bool,
    /// Cells of each class.
    by_class: HashMap<(usize, usize), Vec<usize>>,
    /// Index of each namespace by its name.
    by_name: HashMap<String, usize>,
    /// The selectors of the policies.
    pub(super) selectors: Index,
    /// Numbers that a container port name has in the whole cluster, by name and protocol.
    pub port_names: HashMap<(String, Protocol), PortNumbers>,
    imagined: usize,
}

impl Model {
    /// Builds the model. A namespace of an imagined pod is added if the inventory does not have it.
    pub fn new(inventory: &Inventory, network: ClusterNetwork, agents: Agents, imagined: &[Imagined]) -> Self {
        let mut blocks = Blocks::default();
        let policies: Vec<Policy> =
            inventory.snapshot.network_policies.iter().map(|p| Policy::new(p, &mut blocks)).collect();
        let blocks = blocks.list;
        let mut names: BTreeMap<String, LabelView> =
            inventory.namespaces.iter().map(|(n, i)| (n.clone(), i.labels.clone())).collect();
        for i in imagined {
            names.entry(i.namespace.clone()).or_insert_with(|| super::well_known::imagined_namespace(&i.namespace));
        }
        let mut namespaces: Vec<Namespace> = names
            .into_iter()
            .map(|(name, labels)| Namespace { name, labels, cells: Vec::new(), policies: Vec::new() })
            .collect();
        let index: HashMap<String, usize> = namespaces.iter().enumerate().map(|(i, n)| (n.name.clone(), i)).collect();
        for (i, p) in policies.iter().enumerate() {
            if let Some(ns) = index.get(&p.meta.namespace) {
                namespaces[*ns].policies.push(i);
            }
        }
        let used = used_keys(inventory, &policies);
        let mut nodes = NodeTable::default();
        let mut cells: Vec<Cell> = Vec::new();
        let mut by_class: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
        let mut port_lists = PortLists::default();
        for (w, workload) in inventory.workloads.iter().enumerate() {
            let Some(&namespace) = index.get(&workload.object.namespace) else { continue };
            for (c, class) in workload.classes.iter().enumerate() {
                // Members that differ in a label that some selector reads go apart.
                let mut parts: BTreeMap<LabelView, Vec<&Member>> = BTreeMap::new();
                for m in &class.members {
                    let mut view = class.view(Some(m));
                    for key in m.labels.keys().filter(|k| !used.contains(*k)) {
                        view.known.remove(key);
                        view.open.insert(key.to_owned(), true);
                    }
                    parts.entry(view).or_default().push(m);
                }
                if parts.is_empty() {
                    parts.insert(class.view(None), Vec::new());
                }
                for (view, members) in parts {
                    let id = cells.len();
                    cells.push(Cell {
                        class: Some((w, c)),
                        namespace,
                        labels: view,
                        host_network: class.host_network,
                        ports: class.ports.clone(),
                        ports_id: port_lists.of(&class.ports, class.host_network),
                        signature: SignatureId::default(),
                        addresses: members.iter().map(|m| addresses(m, class.host_network)).collect(),
                        nodes: members.iter().map(|m| nodes.of(m)).collect(),
                    });
                    namespaces[namespace].cells.push(id);
                    by_class.entry((w, c)).or_default().push(id);
                }
            }
        }
        let port_names = port_names(&cells);
        for i in imagined {
            let Some(&namespace) = index.get(&i.namespace) else { continue };
            let id = cells.len();
            let ports: Vec<_> = i.ports.iter().map(|p| (ContainerRole::Regular, p.clone())).collect();
            cells.push(Cell {
                class: None,
                namespace,
                labels: i.labels.clone(),
                host_network: false,
                ports_id: port_lists.of(&ports, false),
                signature: SignatureId::default(),
                ports,
                addresses: Vec::new(),
                nodes: Vec::new(),
            });
            namespaces[namespace].cells.push(id);
        }
        let opaque = inventory
            .snapshot
            .opaque_policies
            .iter()
            .map(|m| Opaque {
                object: m.object_ref(),
                group: m.api_version.rsplit_once('/').map_or("", |(g, _)| g).to_owned(),
            })
            .collect();
        let named = namespaces.iter().all(|n| n.labels.known.get(NAME_LABEL) == Some(&n.name));
        let candidates = |s: &LabelSelector| candidates(s, named, &index, namespaces.len());
        let selectors = Index::new(&mut cells, &namespaces, &policies, candidates);
        Model {
            atoms: Atoms::new(blocks.iter()),
            more_nodes: inventory.snapshot.completeness != crate::inventory::Completeness::Complete
                || nodes.list.is_empty(),
            nodes: nodes.list,
            agents,
            cells,
            blocks,
            policies,
            opaque,
            network,
            by_class,
            selectors,
            by_name: index,
            namespaces,
            port_names,
            imagined: imagined.len(),
        }
    }

    /// The policies of a namespace, by index.
    pub fn policies_in(&self, namespace: &str) -> &[usize] {
        self.by_name.get(namespace).map(|ns| self.namespaces[*ns].policies.as_slice()).unwrap_or_default()
    }

    /// The cells that a policy selects, by index, and how certainly.
    pub(super) fn cells_selected_by(&self, policy: usize) -> Selected {
        let Some(policy) = self.policies.get(policy) else { return Selected::new() };
        let Some(own) = self.by_name.get(&policy.meta.namespace) else { return Selected::new() };
        self.selectors.cells_of_selector(*own, &policy.selector, &self.cells, &self.namespaces)
    }

    /// The cells that a term selects.
    pub(super) fn cells_of_term(&self, term: TermId) -> &Selected {
        self.selectors.cells_of_term(term, &self.cells, &self.namespaces)
    }

    /// Cells of a class (workload and class), by index; empty for a class that is not in the model.
    pub fn cells_of(&self, class: (usize, usize)) -> &[usize] {
        self.by_class.get(&class).map(Vec::as_slice).unwrap_or_default()
    }

    /// The cell of the `i`-th imagined pod.
    pub fn imagined(&self, i: usize) -> usize {
        self.cells.len() - self.imagined + i
    }

    /// Number of targets in a row: cells, any remote node, known nodes, address ranges.
    pub fn targets(&self) -> usize {
        self.cells.len() + 1 + self.nodes.len() + self.atoms.ranges.len()
    }

    /// Target that stands for any node other than the one the pod runs on.
    pub fn remote_node(&self) -> Target {
        self.cells.len()
    }

    /// Target of the node at index `i` of [`Model::nodes`].
    pub fn node(&self, i: usize) -> Target {
        self.cells.len() + 1 + i
    }

    /// Target of the address range at index `i` of [`Model::atoms`].
    pub fn atom(&self, i: usize) -> Target {
        self.cells.len() + 1 + self.nodes.len() + i
    }

    /// Target of the address range that holds `ip`.
    pub fn address(&self, ip: IpAddr) -> Target {
        self.atom(self.atoms.find(ip))
    }

    /// Whether a block holds the addresses of a pod cell.
    pub fn block_holds_cell(&self, block: &Block, cell: &Cell) -> Tri {
        if cell.host_network {
            return self.block_holds_nodes(block, cell);
        }
        let unknown;
        let pods = if cell.addresses.is_empty() {
            unknown = [Vec::new()];
            &unknown[..]
        } else {
            &cell.addresses
        };
        all_of(pods.iter().map(|ranges| {
            if ranges.is_empty() { self.block_holds_unread_pod(block) } else { any_family(block, ranges) }
        }))
    }

    fn block_holds_unread_pod(&self, block: &Block) -> Tri {
        if !block.range.is_v4() {
            // A second address of the other family is possible, and then decides for that family only.
            return if self.network.v6 { Tri::Maybe } else { Tri::No };
        }
        all_of(self.network.pod_ranges.iter().map(|net| block.covers(&Range::from(*net))))
    }

    fn block_holds_nodes(&self, block: &Block, cell: &Cell) -> Tri {
        if cell.addresses.is_empty() || cell.addresses.iter().any(Vec::is_empty) {
            return self.block_holds_unread_node(block);
        }
        all_of(cell.addresses.iter().map(|ranges| any_family(block, ranges)))
    }

    fn block_holds_unread_node(&self, block: &Block) -> Tri {
        if !block.range.is_v4() {
            return if self.network.v6 { Tri::Maybe } else { Tri::No };
        }
        block.covers(&Range::ALL_V4)
    }

    /// Whether a block holds the address of any node there is.
    pub fn block_holds_remote_node(&self, block: &Block) -> Tri {
        let known = self.nodes.iter().map(|n| self.block_holds_node(block, n));
        if self.more_nodes {
            return all_of(known.chain(std::iter::once(self.block_holds_unread_node(block))));
        }
        all_of(known)
    }

    /// Whether a block holds the addresses of a node; of one without known addresses, those it may have.
    pub fn block_holds_node(&self, block: &Block, node: &Node) -> Tri {
        if node.addresses.is_empty() { self.block_holds_unread_node(block) } else { any_family(block, &node.addresses) }
    }

    /// Whether a peer of a policy in `namespace` selects any pod of the evidence.
    pub fn peer_selects_any(&self, peer: &Peer, namespace: &str) -> Tri {
        let term = self.by_name.get(namespace).and_then(|own| self.selectors.term_of(*own, peer));
        let Some(term) = term else { return Tri::No };
        let selected = self.cells_of_term(term).iter();
        selected.filter(|(c, _)| self.cells[*c].class.is_some()).map(|(_, matched)| *matched).max().unwrap_or(Tri::No)
    }

    /// Whether a peer of a policy in `namespace` selects the pods of `cell`.
    pub fn peer_selects(&self, peer: &Peer, namespace: &str, cell: &Cell) -> Tri {
        match peer {
            Peer::Block(_) => Tri::No,
            Peer::Pods { .. } if cell.host_network => Tri::No,
            Peer::Pods { namespaces, pods } => {
                let ns = &self.namespaces[cell.namespace];
                let in_namespace = match namespaces {
                    None => (ns.name == namespace).into(),
                    Some(selector) => ns.labels.matches(selector),
                };
                if in_namespace == Tri::No {
                    return Tri::No;
                }
                in_namespace.min(pods.as_ref().map_or(Tri::Yes, |s| cell.labels.matches(s)))
            }
        }
    }
}

/// The namespaces that a selector may match, by index, in order. Those of a name are looked up, if every namespace is known
/// to carry its own name as a label: in a large cluster most selectors are of that kind.
fn candidates(selector: &LabelSelector, named: bool, by_name: &HashMap<String, usize>, count: usize) -> Vec<usize> {
    match selector.match_labels.get(NAME_LABEL).filter(|_| named) {
        Some(name) => by_name.get(name).copied().into_iter().collect(),
        None => (0..count).collect(),
    }
}

/// Labels of a namespace of which only the name is known.
pub fn namespace_view(name: &str, more: bool) -> LabelView {
    LabelView { known: [(NAME_LABEL.to_owned(), name.to_owned())].into(), open: BTreeMap::new(), more }
}

/// Yes if all are, No if none is, Maybe otherwise; an empty list is Maybe.
fn all_of(items: impl Iterator<Item = Tri>) -> Tri {
    let mut result: Option<Tri> = None;
    for t in items {
        result = Some(match result {
            None => t,
            Some(r) if r == t => r,
            Some(_) => Tri::Maybe,
        });
    }
    result.unwrap_or(Tri::Maybe)
}

/// A connection has one family; a block of the other says nothing about it.
fn any_family(block: &Block, ranges: &[Range]) -> Tri {
    all_of(ranges.iter().map(|r| block.covers(r)))
}

fn addresses(m: &Member, host_network: bool) -> Vec<Range> {
    let ips = if host_network && m.ips.is_empty() { &m.host_ips } else { &m.ips };
    ips.iter().map(|ip| Range::of(*ip)).collect()
}

/// The per-pod label keys that a selector of a policy or a Service looks at.
fn used_keys(inventory: &Inventory, policies: &[Policy]) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for p in policies {
        used.extend(labels::keys(&p.selector).map(str::to_owned));
        for peer in p.rules.iter().flatten().filter_map(|r| r.peers.as_ref()).flatten() {
            if let Peer::Pods { pods: Some(s), .. } = peer {
                used.extend(labels::keys(s).map(str::to_owned));
            }
        }
    }
    for s in &inventory.snapshot.services {
        used.extend(s.selector.keys().map(str::to_owned));
    }
    for s in &inventory.derived_services {
        used.extend(s.selector.keys().map(str::to_owned));
    }
    used
}

/// Numbers equal lists of ports.
#[derive(Default)]
struct PortLists(HashMap<(Vec<(ContainerRole, ContainerPort)>, bool), usize>);

impl PortLists {
    fn of(&mut self, ports: &[(ContainerRole, ContainerPort)], host_network: bool) -> usize {
        let next = self.0.len();
        *self.0.entry((ports.to_vec(), host_network)).or_insert(next)
    }
}

#[derive(Default)]
struct NodeTable {
    list: Vec<Node>,
    index: HashMap<String, usize>,
}

impl NodeTable {
    fn of(&mut self, m: &Member) -> Option<usize> {
        let name = m.node.as_ref().filter(|n| !n.is_empty())?;
        let i = *self.index.entry(name.clone()).or_insert_with(|| {
            self.list.push(Node { name: name.clone(), addresses: Vec::new() });
            self.list.len() - 1
        });
        if self.list[i].addresses.is_empty() {
            self.list[i].addresses = m.host_ips.iter().map(|ip| Range::of(*ip)).collect();
        }
        Some(i)
    }
}

fn port_names(cells: &[Cell]) -> HashMap<(String, Protocol), PortNumbers> {
    let mut names: HashMap<(String, Protocol), PortNumbers> = HashMap::new();
    // A pod on the host's network is no endpoint of the agent.
    for cell in cells.iter().filter(|c| !c.host_network) {
        // One entry a name and pod: the last declaration wins, whatever its protocol.
        let mut table: BTreeMap<&str, &ContainerPort> = BTreeMap::new();
        for (role, port) in &cell.ports {
            let Some(name) = &port.name else { continue };
            if *role == ContainerRole::Regular {
                table.insert(name, port);
            }
            if matches!(role, ContainerRole::Regular | ContainerRole::Sidecar) {
                names.entry((name.clone(), port.protocol)).or_default().serving.insert(port.port);
            }
        }
        for (name, port) in table {
            names.entry((name.to_owned(), port.protocol)).or_default().registered.insert(port.port);
        }
    }
    names
}
