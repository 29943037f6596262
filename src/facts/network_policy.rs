//! Facts of a NetworkPolicy: whether it does what its author meant.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::inventory::object::{PortRef, Protocol};
use crate::inventory::{ClassId, Dataplane, Known, Need, Reason, Tri};
use crate::network::policy::{Peer as RulePeer, Port, PortMatch};
use crate::network::service::target_ports;
use crate::network::{Direction, explain, well_known};

use super::context::{self, Context, SetFacts, set_of};
use super::schema::{Evidence, Facts, SubjectKind};

crate::facts! {
    /// Facts of a NetworkPolicy.
    pub struct NetworkPolicyFacts {
        /// `namespace/NetworkPolicy/name`.
        name / "name": String => [NetworkPolicies],
        /// Whether its namespace is a platform namespace.
        platform / "platform": bool => [NetworkPolicies],
        /// Whether policies are enforced (assumed without a cluster configuration).
        enforced / "enforced": bool => [],
        /// Whether it isolates ingress.
        ingress / "ingress": bool => [NetworkPolicies],
        /// Whether it isolates egress.
        egress / "egress": bool => [NetworkPolicies],
        /// Workloads that it certainly selects.
        selected / "selected": Vec<String> => [NetworkPolicies, Workloads],
        /// Workloads that it possibly selects.
        selected_maybe / "selectedMaybe": Vec<String> => [NetworkPolicies, Workloads],
        /// Whether it selects no workload at all.
        selected_empty / "selectedEmpty": bool => [NetworkPolicies, Workloads],
        /// Peers of its rules that select no pod, such as `ingress[0].from[1]: pods app=x of namespace y`.
        unmatched_peers / "unmatchedPeers": Vec<String> => [NetworkPolicies, Workloads, Namespaces],
        /// Peers for which the evidence does not decide whether they select a pod.
        unmatched_peers_maybe / "unmatchedPeersMaybe": Vec<String> => [NetworkPolicies, Workloads, Namespaces],
        /// Whether every peer selects some pod.
        unmatched_peers_empty / "unmatchedPeersEmpty": bool => [NetworkPolicies, Workloads, Namespaces],
        /// Ingress ports that no selected pod serves, with what is served instead.
        mismatched_ports / "mismatchedPorts": Vec<String> => [NetworkPolicies, Workloads, Services],
        /// Ingress ports for which the evidence does not decide whether a pod serves them (no container declares a port).
        mismatched_ports_maybe / "mismatchedPortsMaybe": Vec<String> => [NetworkPolicies, Workloads, Services],
        /// Whether every ingress port is served.
        mismatched_ports_empty / "mismatchedPortsEmpty": bool => [NetworkPolicies, Workloads, Services],
        /// Rules of a direction that is not in policyTypes.
        rules_outside_policy_types / "rulesOutsidePolicyTypes": Vec<String> => [NetworkPolicies],
        /// Port entries with an endPort above their port.
        end_ports / "endPorts": Vec<String> => [NetworkPolicies],
        /// Whether Dataplane V2 enforces it.
        on_dataplane_v2 / "onDataplaneV2": bool => [Cluster],
        /// Where cluster DNS answers, as policies see it, such as `Cloud DNS answers at 169.254.169.254`.
        dns_server / "dnsServer": String => [Cluster],
        /// Workloads to which its rules allow some egress, but no policy allows cluster DNS.
        without_dns / "withoutDns": Vec<String> => [NetworkPolicies, Workloads, Namespaces],
        /// Workloads for which that is possible.
        without_dns_maybe / "withoutDnsMaybe": Vec<String> => [NetworkPolicies, Workloads, Namespaces],
        /// Whether every workload to which its rules allow egress can reach cluster DNS.
        without_dns_empty / "withoutDnsEmpty": bool => [NetworkPolicies, Workloads, Namespaces],
    }
}

/// Facts of the policy `cx.reach.model.policies[index]`.
pub fn build(cx: &mut Context<'_>, index: usize) -> Facts {
    let policy = cx.reach.model.policies[index].clone();
    let meta = policy.meta.clone();
    let (classes, selected) = selection(cx, index);
    let unmatched = unmatched_peers(cx, index);
    let (mismatched, port_evidence) = mismatched_ports(cx, index, &classes);
    let dns = without_dns(cx, index, &classes);
    let selector = crate::inventory::labels::display(&policy.selector);
    let selected_evidence = cx.evidence(
        &meta,
        "spec.podSelector",
        Json::from(selector),
        &format!("compared with the pod labels of every workload of namespace {}", meta.namespace),
    );
    let outside: Vec<String> = Direction::BOTH
        .iter()
        .filter(|d| !policy.isolates[**d as usize])
        .flat_map(|d| (0..policy.rules[*d as usize].len()).map(|i| format!("{}[{i}]", d.name())))
        .collect();
    let end_ports: Vec<String> = Direction::BOTH
        .iter()
        .flat_map(|d| policy.rules[*d as usize].iter().enumerate().map(move |(i, r)| (d, i, r)))
        .flat_map(|(d, i, r)| r.ports.iter().enumerate().map(move |(j, p)| (d, i, j, p)))
        .filter(|(.., p)| matches!(p.what, PortMatch::Range(a, b) if a != b))
        .map(|(d, i, j, p)| {
            format!("{}[{i}].ports[{j}]: {}", d.name(), explain::describe_ports(std::slice::from_ref(p)))
        })
        .collect();
    let field =
        |path: &str, value: &[String], rule: &str| vec![cx.evidence(&meta, path, Json::from(value.to_vec()), rule)];
    let outside_evidence = field(
        "spec.policyTypes",
        &policy_types(policy.isolates),
        "rules of a direction that is not in policyTypes have no effect according to the API; some agents of Dataplane V2 enforce them",
    );
    let end_evidence = field("endPort", &end_ports, "GKE documents that endPort has no effect on Dataplane V2");
    let list = |known: &Known<Vec<String>>| known.value().cloned().unwrap_or_default();
    let unmatched_evidence = field("peers", &list(&unmatched.certain), "no pod of the evidence has these labels");
    let dns_evidence =
        field("spec.egress", &list(&dns.certain), "isolated for egress, and no policy allows port 53 to cluster DNS");
    let candidates = &cx.reach.enforcement.candidates;
    let values = NetworkPolicyFacts {
        name: Known::Value(policy.id()),
        platform: Known::Value(cx.is_platform(&meta.namespace)),
        enforced: cx.policies_enforced(),
        ingress: Known::Value(policy.isolates[0]),
        egress: Known::Value(policy.isolates[1]),
        selected: selected.certain,
        selected_maybe: selected.maybe,
        selected_empty: selected.empty,
        unmatched_peers: unmatched.certain,
        unmatched_peers_maybe: unmatched.maybe,
        unmatched_peers_empty: unmatched.empty,
        mismatched_ports: mismatched.certain,
        mismatched_ports_maybe: mismatched.maybe,
        mismatched_ports_empty: mismatched.empty,
        rules_outside_policy_types: Known::Value(outside),
        end_ports: Known::Value(end_ports),
        on_dataplane_v2: if candidates.as_slice() == [Dataplane::DataplaneV2] {
            Known::Value(true)
        } else if candidates.contains(&Dataplane::DataplaneV2) {
            Known::Unknown(cx.reach.enforcement.reason.iter().cloned().collect())
        } else {
            Known::Value(false)
        },
        dns_server: Known::Value(well_known::dns_server(cx.reach, cx.inventory)),
        without_dns: dns.certain,
        without_dns_maybe: dns.maybe,
        without_dns_empty: dns.empty,
    };
    context::facts(
        policy.id(),
        SubjectKind::NetworkPolicy,
        meta.object_ref(),
        values.into_values(),
        vec![
            ("selectedEmpty", vec![selected_evidence]),
            ("unmatchedPeersEmpty", unmatched_evidence),
            ("mismatchedPortsEmpty", port_evidence),
            ("rulesOutsidePolicyTypes", outside_evidence),
            ("endPorts", end_evidence),
            ("withoutDnsEmpty", dns_evidence),
        ],
    )
}

fn policy_types(isolates: [bool; 2]) -> Vec<String> {
    ["Ingress", "Egress"].iter().zip(isolates).filter(|(_, on)| *on).map(|(t, _)| (*t).to_owned()).collect()
}

/// Classes that the policy selects, and the workloads they belong to as facts.
fn selection(cx: &Context<'_>, index: usize) -> (Vec<(ClassId, Tri)>, SetFacts) {
    let policy = &cx.reach.model.policies[index];
    let mut classes = Vec::new();
    let (mut certain, mut maybe) = (Vec::new(), Vec::new());
    for (class, selected) in cx.reach.classes_selected_by(index) {
        let id = cx.inventory.workloads[class.0].id.clone();
        if selected == Tri::Yes {
            certain.push(id)
        } else {
            maybe.push(id)
        }
        classes.push((class, selected));
    }
    let mut reasons =
        vec![Reason::undecided("the selector requires a label that pods get at run time: add live Pods to the input")];
    if certain.is_empty() && maybe.is_empty() && !cx.inventory.complete(Need::Workloads, &policy.meta.namespace) {
        reasons = vec![Reason::missing(format!(
            "the input holds no workload of namespace {}: add them, or use --complete if there are none",
            policy.meta.namespace
        ))];
        return (
            classes,
            SetFacts {
                certain: Known::Value(Vec::new()),
                maybe: Known::Value(Vec::new()),
                empty: Known::Unknown(reasons),
            },
        );
    }
    (classes, set_of(certain, maybe, reasons))
}

/// Selector peers that match no pod of the evidence.
fn unmatched_peers(cx: &Context<'_>, index: usize) -> SetFacts {
    let policy = &cx.reach.model.policies[index];
    let model = &cx.reach.model;
    let complete_everywhere = cx.inventory.snapshot.completeness == crate::inventory::Completeness::Complete
        && cx.inventory.snapshot.was_read(Need::Workloads);
    let (mut certain, mut maybe, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
    for d in Direction::BOTH {
        let list = if d == Direction::Ingress { "from" } else { "to" };
        for (i, rule) in policy.rules[d as usize].iter().enumerate() {
            for (j, peer) in rule.peers.iter().flatten().enumerate() {
                let RulePeer::Pods { namespaces, .. } = peer else { continue };
                let hit = model.peer_selects_any(peer, &policy.meta.namespace);
                let text = format!(
                    "{}[{i}].{list}[{j}]: {}",
                    d.name(),
                    explain::describe_peer(model, peer, &policy.meta.namespace)
                );
                let complete = complete_everywhere
                    || namespaces.is_none() && cx.inventory.complete(Need::Workloads, &policy.meta.namespace);
                match hit {
                    Tri::Yes => {}
                    Tri::No if complete => certain.push(text),
                    Tri::No => {
                        reasons.push(Reason::missing(format!(
                            "{text} selects no pod of the input, which may not contain every workload: add the others, or use --complete if there are none"
                        )));
                        maybe.push(text);
                    }
                    Tri::Maybe => {
                        reasons.push(Reason::missing(format!(
                            "whether {text} selects a pod depends on labels that are not in the input: add the Namespace objects and live Pods"
                        )));
                        maybe.push(text);
                    }
                }
            }
        }
    }
    set_of(certain, maybe, reasons)
}

/// What the pods of a class serve for one protocol: declared container ports, and targets of the Services that select it.
struct Served {
    declared: BTreeSet<u16>,
    targets: BTreeSet<u16>,
    /// (Service, Service port, target)
    services: Vec<(String, u16, u16)>,
}

fn served(cx: &Context<'_>, class: ClassId, protocol: Protocol) -> Served {
    let pods = &cx.inventory.workloads[class.0].classes[class.1];
    let mut served = Served {
        declared: pods.ports.iter().filter(|(_, p)| p.protocol == protocol).map(|(_, p)| p.port).collect(),
        targets: BTreeSet::new(),
        services: Vec::new(),
    };
    for (s, selected) in cx.inventory.services_of(class) {
        if s.headless || selected != Tri::Yes {
            continue;
        }
        for p in s.ports.iter().filter(|p| p.protocol == protocol) {
            for t in target_ports(pods, &p.target, protocol) {
                served.targets.insert(t);
                served.services.push((s.meta.name.clone(), p.port, t));
            }
        }
    }
    served
}

/// Ports of ingress rules that no selected pod serves: the rule then matches no traffic.
fn mismatched_ports(cx: &Context<'_>, index: usize, classes: &[(ClassId, Tri)]) -> (SetFacts, Vec<Evidence>) {
    let policy = &cx.reach.model.policies[index];
    let meta = &policy.meta;
    let (mut certain, mut maybe, mut reasons, mut evidence) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    if !policy.isolates[0] || classes.is_empty() {
        return (set_of(certain, maybe, reasons), evidence);
    }
    for (i, rule) in policy.rules[0].iter().enumerate() {
        for (j, port) in rule.ports.iter().enumerate() {
            let answers: Vec<(ClassId, Fit)> = classes.iter().map(|(c, _)| (*c, fit(cx, *c, port))).collect();
            if answers.iter().any(|(_, f)| *f == Fit::Served) {
                continue;
            }
            let here = format!("ingress[{i}].ports[{j}]");
            let what = explain::describe_ports(std::slice::from_ref(port));
            if answers.iter().all(|(_, f)| *f == Fit::Undeclared) {
                maybe.push(format!("{here}: {what}"));
                reasons.push(Reason::undecided(format!(
                    "no container that {} selects declares a port, so it is not known whether {what} is served: declare containerPort",
                    policy.id()
                )));
                continue;
            }
            for (class, f) in &answers {
                let Fit::Not(instead) = f else { continue };
                let w = &cx.inventory.workloads[class.0];
                certain.push(format!("{here}: {what}, but {} {instead}", w.id));
                evidence.push(cx.evidence(
                    meta,
                    &format!("spec.{here}"),
                    Json::from(what.clone()),
                    "a policy port is the port at which the connection arrives at the pod, after the Service",
                ));
                evidence.push(cx.of_workload(w, "ports", Json::from(instead.clone()), ""));
            }
        }
    }
    (set_of(certain, maybe, reasons), evidence)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Fit {
    Served,
    /// What the pods serve instead, such as `listens on TCP 8082`.
    Not(String),
    /// No port of the protocol is declared, and no Service has one as target.
    Undeclared,
}

fn fit(cx: &Context<'_>, class: ClassId, port: &Port) -> Fit {
    let pods = &cx.inventory.workloads[class.0].classes[class.1];
    let served = served(cx, class, port.protocol);
    let wanted: BTreeSet<u16> = match &port.what {
        PortMatch::All => return Fit::Served,
        PortMatch::Range(a, b) => {
            let all = served.declared.union(&served.targets);
            all.copied().filter(|p| (*a..=*b).contains(p)).collect()
        }
        PortMatch::Named(name) => {
            let found = target_ports(pods, &PortRef::Name(name.clone()), port.protocol);
            if found.is_empty() {
                let other: Vec<String> = pods
                    .ports
                    .iter()
                    .filter_map(|(_, p)| p.name.as_ref().map(|n| format!("{n} for {} {}", p.protocol, p.port)))
                    .collect();
                return if pods.ports.is_empty() {
                    Fit::Not(format!("declares no port named \"{name}\""))
                } else {
                    Fit::Not(format!(
                        "declares no {} port named \"{name}\" (it has: {})",
                        port.protocol,
                        other.join(", ")
                    ))
                };
            }
            found
        }
    };
    if served.declared.is_empty() && served.targets.is_empty() {
        return Fit::Undeclared;
    }
    let list = |set: &BTreeSet<u16>| set.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    if wanted.is_empty() {
        let by_service = served
            .services
            .iter()
            .find(|(_, p, t)| p != t && matches!(port.what, PortMatch::Range(a, b) if (a..=b).contains(p)));
        return Fit::Not(match by_service {
            Some((s, p, t)) => format!("is reached at {t}: Service {s} maps its port {p} to {t}"),
            None if served.declared.is_empty() => format!("is reached at {} {}", port.protocol, list(&served.targets)),
            None => format!("listens on {} {}", port.protocol, list(&served.declared)),
        });
    }
    // Declared, but the Services send their traffic to another port, which no policy allows.
    let meets_service = served.targets.is_empty() || wanted.iter().any(|p| served.targets.contains(p));
    if meets_service || served.targets.iter().any(|t| is_port_allowed(cx, class, port.protocol, *t)) {
        return Fit::Served;
    }
    let (service, from, to) = &served.services[0];
    Fit::Not(format!("is reached at {to}: Service {service} maps its port {from} to {to}, and no policy allows {to}"))
}

/// Whether some policy that selects the class allows a port for any peer.
fn is_port_allowed(cx: &Context<'_>, class: ClassId, protocol: Protocol, port: u16) -> bool {
    let pods = &cx.inventory.workloads[class.0].classes[class.1];
    let (certain, maybe) = cx.reach.policies_of(class, Direction::Ingress);
    certain.iter().chain(&maybe).filter_map(|p| cx.reach.model.policies.get(*p)).flat_map(|p| &p.rules[0]).any(|r| {
        r.ports.is_empty()
            || r.ports.iter().any(|p| {
                p.protocol == protocol
                    && match &p.what {
                        PortMatch::All => true,
                        PortMatch::Range(a, b) => (*a..=*b).contains(&port),
                        PortMatch::Named(n) => target_ports(pods, &PortRef::Name(n.clone()), protocol).contains(&port),
                    }
            })
    })
}

/// Workloads to which the egress rules of this policy allow something, but no policy allows DNS.
fn without_dns(cx: &mut Context<'_>, index: usize, classes: &[(ClassId, Tri)]) -> SetFacts {
    let policy = cx.reach.model.policies[index].clone();
    let (mut certain, mut maybe, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
    // A policy without egress rules denies all egress on purpose. Egress to anything but one address needs DNS.
    let allows_egress = policy.isolates[1]
        && policy.rules[1].iter().any(|r| r.peers.as_ref().is_none_or(|p| p.iter().any(|x| !only_one_address(cx, x))));
    if !allows_egress || cx.reach.enforcement.enforced == Some(false) {
        return set_of(certain, maybe, reasons);
    }
    for (class, _) in classes {
        if cx.inventory.workloads[class.0].classes[class.1].host_network {
            continue;
        }
        let id = cx.inventory.workloads[class.0].id.clone();
        let isolated = cx.reach.isolated(*class, Direction::Egress);
        let d = well_known::dns(cx.reach, cx.inventory, *class);
        let udp = cx.reach.allows(d, Protocol::Udp, 53);
        let tcp = cx.reach.allows(d, Protocol::Tcp, 53);
        match (isolated, udp.max(tcp)) {
            (Tri::No, _) | (_, Tri::Yes) => {}
            (Tri::Yes, Tri::No) => certain.push(id),
            _ => {
                maybe.push(id.clone());
                let network = &cx.reach.model.network;
                reasons.push(if cx.inventory.snapshot.cluster.is_none() {
                    Reason::missing(format!(
                        "how {id} reaches DNS depends on the cluster configuration (NodeLocal DNSCache, Cloud DNS), which is not in the input"
                    ))
                } else if network.node_local_dns == Tri::Yes {
                    Reason::undecided(format!(
                        "with NodeLocal DNSCache, {id} queries the address of the kube-dns Service, which is not in the evidence"
                    ))
                } else {
                    Reason::undecided(format!("it is not certain whether {id} can reach cluster DNS"))
                });
                reasons.extend(explain::isolation_reasons(cx.reach, cx.inventory, *class, Direction::Egress));
            }
        }
    }
    set_of(certain, maybe, reasons)
}

/// Whether a peer is a single address, for which no name is needed.
fn only_one_address(cx: &Context<'_>, peer: &RulePeer) -> bool {
    match peer {
        RulePeer::Block(b) => {
            let range = cx.reach.model.blocks[*b].range;
            range.first() == range.last()
        }
        RulePeer::Pods { .. } => false,
    }
}
