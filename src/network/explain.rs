//! Why a pair is decided as it is: the policies and rules of both sides, walked again for one pair.

use crate::inventory::labels::display;
use crate::inventory::object::{LabelSelector, Protocol};
use crate::inventory::{ClassId, Dataplane, Inventory, LabelView, Origin, Reason, Tri};

use super::engine::Engine;
use super::model::{Cell, Model, Target};
use super::policy::{Direction, Peer as RulePeer, Policy, Port, PortMatch, Rule};
use super::ports::{Decision, Pool, PortSet};
use super::reach::{Peer, Reach};

/// One rule and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTrace {
    /// `namespace/NetworkPolicy/name`.
    pub policy: String,
    /// Where the policy was read from.
    pub origin: Origin,
    /// `ingress[0]`.
    pub rule: String,
    /// What the rule says of peers, such as `from namespace team=red`.
    pub peers: String,
    /// What the rule states of ports, such as `TCP 5432`.
    pub ports: String,
    /// Whether the peers of the rule include the other end of the connection.
    pub peer_matches: Tri,
    /// Ports that the rule certainly and possibly opens towards this peer.
    pub opens: (PortSet, PortSet),
}

/// One side of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Egress for the source, ingress for the destination.
    pub direction: Direction,
    /// One sentence: what holds here and why.
    pub summary: String,
    /// Policies that isolate the side.
    pub isolated_by: Vec<String>,
    /// Rules of the policies in `isolated_by` for this direction, in their order.
    pub rules: Vec<RuleTrace>,
    /// Ports that this side certainly and possibly allows.
    pub allows: (PortSet, PortSet),
}

/// The whole answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Ports that are certainly and possibly allowed from source to destination.
    pub allows: (PortSet, PortSet),
    /// Egress of the source, then ingress of the destination. An end that is not a pod has no side.
    pub sides: Vec<Side>,
    /// Why the answer is not certain; empty when it is.
    pub reasons: Vec<Reason>,
}

/// Explains a pair.
pub fn explain(reach: &mut Reach, inventory: &Inventory, from: Peer, to: Peer) -> Explanation {
    let d = reach.pair(from, to);
    let allows = sets(&reach.pool, d);
    let mut sides = Vec::new();
    if let Some(cell) = first_cell(reach, from) {
        sides.push(side(reach, Direction::Egress, cell, from, to));
    }
    if let Some(cell) = first_cell(reach, to) {
        sides.push(side(reach, Direction::Ingress, cell, to, from));
    }
    Explanation { allows, sides, reasons: reasons(reach, inventory, from, to) }
}

fn sets(pool: &Pool, d: Decision) -> (PortSet, PortSet) {
    (pool.get(d.certain).clone(), pool.get(d.possible).clone())
}

fn first_cell(reach: &Reach, peer: Peer) -> Option<usize> {
    match peer {
        Peer::Class(c) => reach.model.cells_of(c).first().copied(),
        Peer::Imagined(i) => Some(reach.model.imagined(i)),
        _ => None,
    }
}

fn target_of(reach: &Reach, peer: Peer) -> Target {
    match peer {
        Peer::Node => reach.model.remote_node(),
        Peer::OneNode(i) => reach.model.node(i),
        Peer::Address(ip) => reach.model.address(ip),
        Peer::Atom(i) => reach.model.atom(i),
        Peer::Class(_) | Peer::Imagined(_) => first_cell(reach, peer).unwrap_or(0),
    }
}

fn side(reach: &mut Reach, direction: Direction, cell: usize, subject: Peer, other: Peer) -> Side {
    let target = target_of(reach, other);
    let from_host =
        matches!(other, Peer::Class(c) if reach.model.cells_of(c).iter().any(|x| reach.model.cells[*x].host_network));
    let (model, pool, engines) = reach.engines();
    // Where enforcement is not known, the rules are what there is to explain; that they may not be enforced is a reason.
    let at = engines.iter().position(|e| e.dataplane != Dataplane::None).unwrap_or(0);
    let Some(engine) = engines.get_mut(at) else {
        return Side {
            direction,
            summary: "nothing is known of the dataplane".to_owned(),
            isolated_by: Vec::new(),
            rules: Vec::new(),
            allows: (PortSet::empty(), PortSet::all()),
        };
    };
    let everything = if direction == Direction::Egress { "all egress is allowed" } else { "all ingress is allowed" };
    let open = |summary: String| Side {
        direction,
        summary,
        isolated_by: Vec::new(),
        rules: Vec::new(),
        allows: (PortSet::all(), PortSet::all()),
    };
    if engine.dataplane == Dataplane::None {
        return open(format!("policies are not enforced in this cluster: {everything}"));
    }
    if model.cells[cell].host_network {
        return open(format!("its pods use the host's network, which policies cannot restrain: {everything}"));
    }
    let selection = engine.selection(model, cell, direction);
    let allows = engine.side(model, pool, direction, cell, target);
    let allows = sets(pool, allows);
    if selection.isolated() == Tri::No {
        let summary = match engine.opaque(model, cell, direction) {
            Some(r) => r.text,
            None => format!("no policy selects it for {}: {everything}", direction.name()),
        };
        return Side { direction, summary, isolated_by: Vec::new(), rules: Vec::new(), allows };
    }
    let all: Vec<usize> = selection.certain.iter().chain(&selection.maybe).copied().collect();
    let isolated_by: Vec<String> = all.iter().map(|p| model.policies[*p].id()).collect();
    let mut rules = Vec::new();
    for p in &all {
        let policy = &model.policies[*p];
        for (i, rule) in policy.rules[direction as usize].iter().enumerate() {
            let matched = engine.rule_matches(model, policy, rule, target);
            let opens = if matched == Tri::No {
                Decision::NONE
            } else {
                engine.rule_ports(model, pool, rule, direction, cell, target)
            };
            rules.push(RuleTrace {
                policy: policy.id(),
                origin: policy.meta.origin.clone(),
                rule: format!("{}[{i}]", direction.name()),
                peers: describe_peers(model, rule, direction, &policy.meta.namespace),
                ports: describe_ports(&rule.ports),
                peer_matches: matched,
                opens: sets(pool, opens),
            });
        }
    }
    let mut summary = if selection.certain.is_empty() {
        format!("perhaps isolated by {}", isolated_by.join(", "))
    } else {
        format!("isolated by {}", isolated_by.join(", "))
    };
    if direction == Direction::Ingress && (from_host || matches!(other, Peer::OneNode(_))) {
        summary.push_str("; traffic from the pod's own node is always allowed");
    }
    let _ = subject;
    Side { direction, summary, isolated_by, rules, allows }
}

/// A rule's peers in words.
pub fn describe_peers(model: &Model, rule: &Rule, direction: Direction, namespace: &str) -> String {
    let word = if direction == Direction::Ingress { "from" } else { "to" };
    let Some(peers) = &rule.peers else { return format!("{word} anywhere") };
    let list: Vec<String> = peers.iter().map(|p| describe_peer(model, p, namespace)).collect();
    format!("{word} {}", list.join(" or "))
}

/// One peer in words.
pub fn describe_peer(model: &Model, peer: &RulePeer, namespace: &str) -> String {
    let any = |s: &LabelSelector| s.match_labels.is_empty() && s.match_expressions.is_empty();
    match peer {
        RulePeer::Block(b) => {
            let block = &model.blocks[*b];
            let except: Vec<String> = block.except.iter().map(|e| e.cidr()).collect();
            if except.is_empty() {
                block.range.cidr()
            } else {
                format!("{} except {}", block.range.cidr(), except.join(", "))
            }
        }
        RulePeer::Pods { namespaces, pods } => {
            let pods = match pods {
                None => "every pod".to_owned(),
                Some(s) if any(s) => "every pod".to_owned(),
                Some(s) => format!("pods {}", display(s)),
            };
            match namespaces {
                None => format!("{pods} of namespace {namespace}"),
                Some(s) if any(s) => format!("{pods} of any namespace"),
                Some(s) => format!("{pods} of namespaces {}", display(s)),
            }
        }
    }
}

/// A rule's ports in words.
pub fn describe_ports(ports: &[Port]) -> String {
    if ports.is_empty() {
        return "all ports".to_owned();
    }
    let one = |p: &Port| match &p.what {
        PortMatch::All => format!("{} all", p.protocol),
        PortMatch::Range(a, b) if a == b => format!("{} {a}", p.protocol),
        PortMatch::Range(a, b) => format!("{} {a}-{b}", p.protocol),
        PortMatch::Named(n) => format!("{} \"{n}\"", p.protocol),
    };
    ports.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Every reason for which a pair's answer is possible only; empty when it is certain.
pub fn reasons(reach: &mut Reach, inventory: &Inventory, from: Peer, to: Peer) -> Vec<Reason> {
    let d = reach.pair(from, to);
    if d.certain == d.possible {
        return Vec::new();
    }
    let mut found: Vec<Reason> = Vec::new();
    let cells = |peer: Peer, reach: &Reach| match peer {
        Peer::Class(c) => reach.model.cells_of(c).to_vec(),
        Peer::Imagined(i) => vec![reach.model.imagined(i)],
        _ => Vec::new(),
    };
    let (sources, destinations) = (cells(from, reach), cells(to, reach));
    let ends = [(Direction::Egress, sources.clone(), to), (Direction::Ingress, destinations.clone(), from)];
    let other_cells = [destinations.clone(), sources.clone()];
    let mut per_engine = Vec::new();
    for (end, (direction, subjects, other)) in ends.iter().enumerate() {
        let targets: Vec<Target> = match other {
            Peer::Class(_) | Peer::Imagined(_) => other_cells[end].clone(),
            _ => vec![target_of(reach, *other)],
        };
        let (model, pool, engines) = reach.engines();
        for engine in engines.iter_mut() {
            for &cell in subjects {
                for &target in &targets {
                    let side = engine.side(model, pool, *direction, cell, target);
                    per_engine.push((engine.dataplane, *direction, side));
                    if side.certain != side.possible {
                        walk(engine, model, inventory, *direction, cell, target, &mut found);
                    }
                }
            }
        }
    }
    let host = |cells: &[usize], reach: &Reach| cells.iter().any(|c| reach.model.cells[*c].host_network);
    if host(&sources, reach) && !host(&destinations, reach) && !destinations.is_empty() {
        found.push(Reason::undecided(
            "a pod on the host's network counts as its node: from the destination's own node it is always allowed, from \
             another it needs a rule, and which holds depends on where the pods run",
        ));
    }
    if let Peer::OneNode(_) = from {
        found.push(Reason::undecided("whether the node is the destination's own depends on where its pods run"));
    }
    let dataplanes: Vec<Dataplane> = reach.enforcement.candidates.clone();
    let differ = dataplanes.iter().any(|d| {
        let of =
            |x: &Dataplane| per_engine.iter().filter(|(p, ..)| p == x).map(|(_, a, b)| (*a, *b)).collect::<Vec<_>>();
        of(d) != of(&dataplanes[0])
    });
    if differ {
        let mut reason =
            reach.enforcement.reason.clone().unwrap_or_else(|| Reason::undecided("the dataplane is not known"));
        let names: Vec<&str> = dataplanes.iter().map(|d| d.title()).collect();
        reason.text = format!("{} answer differently here; {}", names.join(" and "), reason.text);
        found.push(reason);
    }
    if found.is_empty() {
        found.push(Reason::undecided("the pods of this workload are not all treated alike"));
    }
    found.sort();
    found.dedup();
    found
}

fn walk(
    engine: &mut Engine,
    model: &Model,
    inventory: &Inventory,
    direction: Direction,
    cell: usize,
    target: Target,
    found: &mut Vec<Reason>,
) {
    if let Some(r) = engine.opaque(model, cell, direction) {
        found.push(r);
        return;
    }
    let selection = engine.selection(model, cell, direction);
    for p in &selection.maybe {
        why_maybe_selected(engine, model, inventory, direction, cell, *p, found);
    }
    for p in selection.certain.iter().chain(&selection.maybe) {
        let policy = &model.policies[*p];
        for rule in &policy.rules[direction as usize] {
            walk_rule(engine, model, inventory, policy, rule, direction, cell, target, found);
        }
    }
}

/// Why it is not certain that a policy selects a cell.
fn why_maybe_selected(
    engine: &Engine,
    model: &Model,
    inventory: &Inventory,
    direction: Direction,
    cell: usize,
    policy: usize,
    found: &mut Vec<Reason>,
) {
    let subject = &model.cells[cell];
    let policy = &model.policies[policy];
    let name = name_of(inventory, subject);
    if let Some(r) = why_labels(&subject.labels, &policy.selector, &format!("whether {} selects {name}", policy.id())) {
        found.push(r);
    }
    if engine.applies(model, policy, direction) == Tri::Maybe {
        found.push(Reason::undecided(if policy.isolates[direction as usize] {
            format!("{} is annotated for another pod network, and whether multi-networking is on is not known", policy.id())
        } else {
            format!(
                "{} has {} rules but policyTypes leaves {} out: some agents of Dataplane V2 enforce them all the same, and the agent's version is not known",
                policy.id(),
                direction.name(),
                if direction == Direction::Ingress { "Ingress" } else { "Egress" }
            )
        }));
    }
}

#[allow(clippy::too_many_arguments)] // one step of `walk`, with all of its state
fn walk_rule(
    engine: &Engine,
    model: &Model,
    inventory: &Inventory,
    policy: &Policy,
    rule: &Rule,
    direction: Direction,
    cell: usize,
    target: Target,
    found: &mut Vec<Reason>,
) {
    let matched = engine.rule_matches(model, policy, rule, target);
    if matched == Tri::No {
        return;
    }
    for peer in rule.peers.iter().flatten() {
        if engine.peer_matches(model, policy, peer, target) != Tri::Maybe {
            continue;
        }
        match (peer, model.cells.get(target)) {
            (RulePeer::Pods { namespaces, pods }, Some(other)) => {
                let ns = &model.namespaces[other.namespace];
                if let Some(s) = namespaces
                    && ns.labels.more
                    && ns.labels.matches(s) == Tri::Maybe
                {
                        found.push(Reason::missing(format!(
                            "the labels of namespace {} are not in the input (its Namespace object is missing), and {} asks for {}",
                            ns.name,
                            policy.id(),
                            display(s)
                        )));
                }
                if let Some(s) = pods {
                    let name = name_of(inventory, other);
                    if let Some(r) = why_labels(&other.labels, s, &format!("whether {} means {name}", policy.id())) {
                        found.push(r);
                    }
                }
            }
            (RulePeer::Block(_), _) => found.push(Reason::missing(format!(
                "an ipBlock of {} decides, and the address of the peer is not known: give live Pods, whose addresses are",
                policy.id()
            ))),
            _ => {}
        }
    }
    for port in &rule.ports {
        match &port.what {
            PortMatch::Range(a, b)
                if a != b && engine.dataplane == Dataplane::DataplaneV2 && model.agents.cilium.is_none() =>
            {
                found.push(Reason::undecided(format!(
                    "{} uses endPort, which older agents of Dataplane V2 ignore, and the version of anetd is not known: use one entry a port",
                    policy.id()
                )));
            }
            PortMatch::Named(name) => {
                let destination =
                    if direction == Direction::Ingress { model.cells.get(cell) } else { model.cells.get(target) };
                let numbers = match direction {
                    Direction::Ingress => {
                        super::named_port::on_pod(model, engine.dataplane, &model.cells[cell], name, port.protocol)
                    }
                    Direction::Egress => {
                        super::named_port::towards(model, engine.dataplane, destination, name, port.protocol)
                    }
                };
                if numbers.certain != numbers.possible {
                    found.push(Reason::undecided(format!(
                        "the port name \"{name}\" of {} does not stand for the same number with every agent{}: use the number",
                        policy.id(),
                        if engine.dataplane == Dataplane::DataplaneV2 { " of Dataplane V2" } else { "" }
                    )));
                }
            }
            _ => {}
        }
    }
}

/// Why a selector neither certainly matches nor certainly does not.
fn why_labels(view: &LabelView, selector: &LabelSelector, what: &str) -> Option<Reason> {
    if view.matches(selector) != Tri::Maybe {
        return None;
    }
    let keys: Vec<&str> = crate::inventory::labels::keys(selector)
        .filter(|k| view.open.contains_key(*k) && !view.known.contains_key(k))
        .collect();
    Some(Reason::undecided(format!(
        "{what} depends on the label {}, which pods get at run time: give live Pods",
        keys.join(", ")
    )))
}

fn name_of(inventory: &Inventory, cell: &Cell) -> String {
    match cell.class {
        Some((w, _)) => inventory.workloads.get(w).map(|w| w.id.clone()).unwrap_or_default(),
        None => "the pod".to_owned(),
    }
}

/// Name of a class: the workload's id, with `#2` and so on from its second class.
pub fn class_name(inventory: &Inventory, class: ClassId) -> String {
    let Some(w) = inventory.workloads.get(class.0) else { return String::new() };
    if class.1 == 0 { w.id.clone() } else { format!("{}#{}", w.id, class.1 + 1) }
}

/// One protocol and port as a set, for questions about a single port.
pub fn single(protocol: Protocol, port: u16) -> PortSet {
    PortSet::one(protocol, port)
}

/// Why it is not certain whether a class is isolated; empty when it is.
pub fn isolation_reasons(
    reach: &mut Reach,
    inventory: &Inventory,
    class: ClassId,
    direction: Direction,
) -> Vec<Reason> {
    if reach.isolated(class, direction) != Tri::Maybe {
        return Vec::new();
    }
    let mut found = Vec::new();
    let cells = reach.model.cells_of(class).to_vec();
    let (model, _, engines) = reach.engines();
    let mut answers = Vec::new();
    for engine in engines.iter_mut() {
        for &cell in &cells {
            let opaque = engine.opaque(model, cell, direction);
            let selection = engine.selection(model, cell, direction);
            answers.push(selection.isolated());
            found.extend(opaque);
            for p in &selection.maybe {
                why_maybe_selected(engine, model, inventory, direction, cell, *p, &mut found);
            }
        }
    }
    if answers.iter().any(|a| *a != answers[0]) || found.is_empty() {
        found.push(
            reach
                .enforcement
                .reason
                .clone()
                .unwrap_or_else(|| Reason::undecided("the pods of this workload are not all selected alike")),
        );
    }
    found.sort();
    found.dedup();
    found
}
