//! The engine against a slow evaluator on tiny clusters at random, and properties that hold whatever the policies say.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;

use gke_posture::collect::{Options, read_embedded};
use gke_posture::inventory::object::Protocol;
use gke_posture::inventory::{Dataplane, Inventory, Tri};
use gke_posture::network::{self as net, PortSet, Reach};
use gke_posture::platform;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::clusters::generate::{self, Case};
use crate::clusters::manifest::{self, Style, text};
use crate::oracle::*;

/// Runs a property on `n` random values, then prints what was counted; a failure shows the smallest cluster as YAML.
/// `ORACLE_FACTOR=20 cargo test` looks longer.
fn check<S: Strategy>(n: u32, strategy: S, property: impl Fn(S::Value) -> Result<(), String>) {
    let factor: u32 = std::env::var("ORACLE_FACTOR").ok().and_then(|f| f.parse().ok()).unwrap_or(1);
    let n = n * factor;
    let config = ProptestConfig { failure_persistence: None, max_shrink_iters: 2000, ..ProptestConfig::with_cases(n) };
    let result = TestRunner::new(config).run(&strategy, |value| property(value).map_err(TestCaseError::fail));
    COUNTS.with_borrow_mut(|counts| {
        for (what, n) in std::mem::take(counts) {
            println!("{n:>12}  {what}");
        }
    });
    if let Err(e) = result {
        panic!("{e}");
    }
}

fn dataplane(profile: Profile) -> Dataplane {
    match profile {
        Profile::Upstream => Dataplane::Upstream,
        Profile::Calico => Dataplane::Calico,
        Profile::DataplaneV2 => Dataplane::DataplaneV2,
    }
}

fn proto(p: Proto) -> Protocol {
    match p {
        Proto::Tcp => Protocol::Tcp,
        Proto::Udp => Protocol::Udp,
        Proto::Sctp => Protocol::Sctp,
    }
}

const UNKNOWN: Versions = Versions { calico: None, cilium: None };

/// What the engine is asked about, with what is known of the agents.
fn profiles() -> Vec<(Profile, Versions)> {
    let calico = |m| (Profile::Calico, Versions { calico: Some(m), cilium: None });
    let cilium = |m| (Profile::DataplaneV2, Versions { calico: None, cilium: Some(m) });
    vec![
        (Profile::Upstream, UNKNOWN),
        (Profile::Calico, UNKNOWN),
        calico(29),
        calico(30),
        (Profile::DataplaneV2, UNKNOWN),
        cilium(13),
        cilium(16),
        cilium(18),
    ]
}

fn inventory(objects: &[Value], style: Style, complete: bool) -> Inventory {
    let (name, content) = text(objects, style);
    let options = Options::new("default", complete);
    match read_embedded(&[(name, &content)], "test", options) {
        Ok(snapshot) => Inventory::new(snapshot),
        Err(problems) => panic!("the input is refused: {problems:?}\n{content}"),
    }
}

/// The engine's side of a cluster.
struct Subject {
    inventory: Inventory,
    reach: Reach,
}

impl Subject {
    fn new(case: &Case, profile: Profile, versions: Versions) -> Self {
        let mut objects = manifest::agents(versions);
        objects.extend(case.cluster.objects(case.style));
        Self::of(&objects, case.style, true, profile)
    }

    fn of(objects: &[Value], style: Style, complete: bool, profile: Profile) -> Self {
        let inventory = inventory(objects, style, complete);
        let reach = Reach::new(&inventory, platform::describe(&inventory, Some(dataplane(profile))), &[]);
        Subject { inventory, reach }
    }

    fn class(&self, id: &str) -> Option<net::Peer> {
        let (w, workload) = self.inventory.workload(id)?;
        assert_eq!(workload.classes.len(), 1, "{id} has several classes");
        Some(net::Peer::Class((w, 0)))
    }

    fn pod(&self, pod: &Pod) -> net::Peer {
        let id = format!("{}/Pod/{}", pod.namespace, pod.name);
        self.class(&id).unwrap_or_else(|| panic!("{id} is missing from the inventory"))
    }

    /// (certain, possible)
    fn pair(&mut self, from: net::Peer, to: net::Peer) -> (PortSet, PortSet) {
        let d = self.reach.pair(from, to);
        (self.reach.set(d.certain).clone(), self.reach.set(d.possible).clone())
    }
}

/// How often the engine was compared, and how often and why it was weaker than the oracle.
fn count(what: impl Into<String>, n: u64) {
    COUNTS.with_borrow_mut(|c| *c.entry(what.into()).or_insert(0) += n);
}

thread_local! {
    static COUNTS: RefCell<BTreeMap<String, u64>> = const { RefCell::new(BTreeMap::new()) };
}

/// Worlds that this cluster can tell apart.
fn distinct_worlds(cluster: &Cluster, profile: Profile, versions: Versions) -> Vec<World> {
    let names =
        cluster.rules().flat_map(|r| r.ports.iter().flatten()).any(|p| matches!(p.port, Some(PortNumber::Name(_))));
    let ends = cluster.rules().flat_map(|r| r.ports.iter().flatten()).any(|p| p.end.is_some());
    let twice = names && cluster.pods.iter().any(named_twice);
    let stray = cluster.policies.iter().any(has_stray_rules);
    let mut found = Vec::new();
    for mut w in worlds(profile, versions) {
        w.end_port &= ends;
        w.stray_rules &= stray;
        w.calico_init_ports &= names;
        w.name_table &= names;
        w.names_cluster_wide &= names;
        if !twice {
            w.twice = Twice::All;
        }
        if !found.contains(&w) {
            found.push(w);
        }
    }
    found
}

/// A port name that stands for several numbers of one protocol on one pod.
fn named_twice(pod: &Pod) -> bool {
    let ports: Vec<_> = pod.containers.iter().flat_map(|c| &c.1).collect();
    ports.iter().any(|a| {
        ports.iter().any(|b| {
            a.name.is_some()
                && a.name == b.name
                && a.number != b.number
                && a.protocol.unwrap_or(Proto::Tcp) == b.protocol.unwrap_or(Proto::Tcp)
        })
    })
}

fn has_stray_rules(p: &Policy) -> bool {
    [(Side::Ingress, &p.ingress), (Side::Egress, &p.egress)].iter().any(|(side, rules)| {
        rules.as_ref().is_some_and(|r| !r.is_empty())
            && p.types.as_ref().is_some_and(|t| !t.is_empty() && !t.contains(side))
    })
}

fn has_names(p: &Policy) -> bool {
    let rules = p.ingress.iter().chain(&p.egress).flatten();
    rules.flat_map(|r| r.ports.iter().flatten()).any(|p| matches!(p.port, Some(PortNumber::Name(_))))
}

/// One pair to compare: every way in which the connection may be made, and the engine's answer.
struct Pair<'a> {
    name: String,
    questions: Vec<Question<'a>>,
    answer: (PortSet, PortSet),
    /// Documented reasons for which the engine may know less than the oracle.
    excuses: Vec<&'static str>,
    /// The text makes no statement where policies deny.
    unstated: bool,
}

/// Compares one pair on every port next to which either side changes its answer.
fn compare(cluster: &Cluster, worlds: &[World], ports: &[u16], pair: &Pair<'_>, what: &str) -> Result<(), String> {
    let (certain, possible) = &pair.answer;
    for p in PROTOS {
        let mut numbers = ports.to_vec();
        for set in [certain, possible] {
            for (a, b) in set.ranges(proto(p)) {
                numbers.extend([a.saturating_sub(1).max(1), *a, *b, b.saturating_add(1)]);
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        for n in numbers {
            let mut all = true;
            let mut any = false;
            for q in &pair.questions {
                for w in worlds {
                    let allowed = cluster.allowed(w, q, p, n);
                    all &= allowed;
                    any |= allowed;
                }
            }
            let (is_certain, is_possible) = (certain.contains(proto(p), n), possible.contains(proto(p), n));
            let describe = |e: &str| {
                Err(format!(
                    "{what}: {} {}/{n}: {e}: oracle certain {all}, possible {any}; engine certain {is_certain}, possible {is_possible}",
                    pair.name,
                    p.name(),
                ))
            };
            if is_certain && !is_possible {
                return describe("certain but not possible");
            }
            if pair.unstated && !any {
                count(format!("{what}: not stated by the reference"), 1);
                continue;
            }
            if is_certain && !all {
                return describe("ENGINE TOO SURE THAT IT IS ALLOWED");
            }
            if !is_possible && any {
                return describe("ENGINE TOO SURE THAT IT IS DENIED");
            }
            if (all && !is_certain) || (!any && is_possible) {
                if pair.excuses.is_empty() {
                    return describe("engine does not know what the oracle knows");
                }
                count(format!("{what}: engine weaker ({})", pair.excuses.join(", ")), 1);
            } else {
                count(format!("{what}: equal"), 1);
            }
        }
    }
    Ok(())
}

/// Every way in which a connection between two ends may be made.
fn questions<'a>(
    from: &End<'a>,
    to: &End<'a>,
    from_ips: &[IpAddr],
    to_ips: &[IpAddr],
    unplaced: bool,
) -> Vec<Question<'a>> {
    let mut found = Vec::new();
    for a in from_ips {
        for b in to_ips.iter().filter(|b| b.is_ipv4() == a.is_ipv4()) {
            for same_node in if unplaced { &[false, true][..] } else { &[false] } {
                found.push(Question {
                    from: from.clone(),
                    to: to.clone(),
                    from_ip: *a,
                    to_ip: *b,
                    same_node: *same_node,
                });
            }
        }
    }
    found
}

fn nodes(cluster: &Cluster) -> BTreeMap<&str, &[IpAddr]> {
    let alive = cluster.pods.iter().filter(|p| !p.finished);
    alive.filter_map(|p| Some((p.node.as_deref()?, p.host_ips.as_slice()))).collect()
}

const TWO_FAMILIES: &str = "an end has two address families";
const NO_ADDRESS: &str = "a pod has no address yet";
const TWICE: &str = "a port name stands for two numbers";
const VERSION: &str = "several answers hang on one unknown agent version";
const OWN_NODE: &str = "the destination's own node is counted among the nodes";

/// Compares everything about a cluster on one dataplane.
fn compare_all(case: &Case, profile: Profile, versions: Versions) -> Result<(), String> {
    let cluster = &case.cluster;
    let mut subject = Subject::new(case, profile, versions);
    let what = format!(
        "{profile:?} {}",
        match (versions.calico, versions.cilium) {
            (Some(m), _) => format!("calico 3.{m}"),
            (_, Some(m)) => format!("cilium 1.{m}"),
            _ => "version unknown".into(),
        }
    );
    let worlds = distinct_worlds(cluster, profile, versions);
    let ports = cluster.ports();
    let families = |ips: &[IpAddr]| ips.iter().any(IpAddr::is_ipv4) as u8 + ips.iter().any(IpAddr::is_ipv6) as u8;
    // What the two sides of a pair hang on.
    let excuses = |from: &End<'_>, to: &End<'_>, ips: [&[IpAddr]; 2]| {
        let mut found = Vec::new();
        if ips.iter().any(|i| families(i) > 1) {
            found.push(TWO_FAMILIES);
        }
        for end in [from, to] {
            if let End::Pod(p) = end {
                if cluster.pods[*p].node.is_none() {
                    found.push(NO_ADDRESS);
                }
                if end == to && named_twice(&cluster.pods[*p]) {
                    found.push(TWICE);
                }
            }
        }
        let hangs_on_version = |end: &End<'_>| {
            let End::Pod(p) = end else { return false };
            cluster.policies.iter().any(|n| cluster.selects(n, *p) && (has_stray_rules(n) || has_names(n)))
        };
        if profile == Profile::DataplaneV2 && worlds.len() > 1 && (hangs_on_version(from) || hangs_on_version(to)) {
            found.push(VERSION);
        }
        found
    };
    let alive: Vec<usize> = (0..cluster.pods.len()).filter(|p| !cluster.pods[*p].finished).collect();
    let nodes = nodes(cluster);
    let addresses: Vec<IpAddr> = cluster.samples();
    let check_pair = |pair: Pair<'_>| compare(cluster, &worlds, &ports, &pair, &what);
    for &a in &alive {
        let pod = &cluster.pods[a];
        let (peer, ips) = (subject.pod(pod), cluster.addresses(a));
        let end = End::Pod(a);
        for &b in &alive {
            let other = &cluster.pods[b];
            let (to, to_ips) = (End::Pod(b), cluster.addresses(b));
            let unplaced = pod.host_network && (pod.node.is_none() || other.node.is_none());
            let questions = questions(&end, &to, &ips, &to_ips, unplaced);
            let other_peer = subject.pod(other);
            let own_node = other.host_network && (other.node.is_none() || pod.node.is_none() || other.node == pod.node);
            check_pair(Pair {
                name: format!("{}/{} > {}/{}", pod.namespace, pod.name, other.namespace, other.name),
                answer: subject.pair(peer, other_peer),
                excuses: excuses(&end, &to, [&ips, &to_ips]),
                unstated: profile == Profile::Upstream && !pod.host_network && own_node,
                questions,
            })?;
        }
        for ip in &addresses {
            let out = End::Outside(*ip);
            for (from, to, engine) in [
                (&end, &out, subject.pair(peer, net::Peer::Address(*ip))),
                (&out, &end, subject.pair(net::Peer::Address(*ip), peer)),
            ] {
                check_pair(Pair {
                    name: format!("{from:?} > {to:?} ({}/{})", pod.namespace, pod.name),
                    answer: engine,
                    excuses: excuses(from, to, [&[*ip], &[*ip]]).into_iter().filter(|e| *e != NO_ADDRESS).collect(),
                    unstated: false,
                    questions: questions(from, to, &[*ip], &[*ip], false),
                })?;
            }
        }
        for i in 0..subject.reach.model.nodes.len() {
            let name = subject.reach.model.nodes[i].name.clone();
            let (name, node_ips) = nodes.get_key_value(name.as_str()).expect("a node of some pod");
            let node = End::Node { name, ips: node_ips };
            for (from, to, engine, from_ips, to_ips) in [
                (&end, &node, subject.pair(peer, net::Peer::OneNode(i)), &ips[..], *node_ips),
                (&node, &end, subject.pair(net::Peer::OneNode(i), peer), *node_ips, &ips[..]),
            ] {
                check_pair(Pair {
                    name: format!("{from:?} > {to:?} ({}/{})", pod.namespace, pod.name),
                    answer: engine,
                    excuses: excuses(from, to, [from_ips, to_ips]),
                    unstated: profile == Profile::Upstream
                        && from == &end
                        && !pod.host_network
                        && pod.node.as_deref().is_none_or(|n| n == *name),
                    questions: questions(from, to, from_ips, to_ips, pod.node.is_none()),
                })?;
            }
        }
        // Any node, and any node other than the destination's.
        let (to_node, from_node) = (subject.pair(peer, net::Peer::Node), subject.pair(net::Peer::Node, peer));
        let others: Vec<_> = nodes.iter().filter(|(name, _)| pod.node.as_deref() != Some(**name)).collect();
        let mut to_questions = Vec::new();
        let mut from_questions = Vec::new();
        for (name, node_ips) in &nodes {
            let node = End::Node { name, ips: node_ips };
            to_questions.extend(questions(&end, &node, &ips, node_ips, false));
        }
        for (name, node_ips) in others {
            let node = End::Node { name, ips: node_ips };
            from_questions.extend(questions(&node, &end, node_ips, &ips, false));
        }
        let own = pod.node.as_deref().and_then(|n| nodes.get(n)).copied().unwrap_or_default();
        for (name, questions, answer, node_is_source) in
            [("node", to_questions, to_node, false), ("node", from_questions, from_node, true)]
        {
            if questions.is_empty() {
                continue;
            }
            let node = End::Node { name: "", ips: &[] };
            let (from, to) = if node_is_source { (&node, &end) } else { (&end, &node) };
            let mut excuses = excuses(from, to, [&ips, own]);
            if node_is_source {
                excuses.push(OWN_NODE);
            }
            check_pair(Pair {
                name: format!("{} {name} {}/{}", if node_is_source { "from" } else { "to" }, pod.namespace, pod.name),
                answer,
                excuses,
                unstated: profile == Profile::Upstream && !node_is_source,
                questions,
            })?;
        }
    }
    Ok(())
}

fn agree(case: &Case, profile: Profile) -> Result<(), String> {
    for (_, versions) in profiles().into_iter().filter(|(p, _)| *p == profile) {
        compare_all(case, profile, versions)?;
    }
    Ok(())
}

/// The case with every named port of a policy made numeric.
fn without_names(mut case: Case) -> Case {
    let rules = case.cluster.policies.iter_mut().flat_map(|p| p.ingress.iter_mut().chain(&mut p.egress)).flatten();
    for item in rules.flat_map(|r| r.ports.iter_mut().flatten()) {
        if matches!(item.port, Some(PortNumber::Name(_))) {
            item.port = Some(PortNumber::Number(80));
        }
    }
    case
}

/// The case with policies that select everything and name most ports, and pods that declare names.
fn with_names(mut case: Case) -> Case {
    for p in &mut case.cluster.policies {
        p.selector = None;
        let rules = p.ingress.iter_mut().chain(&mut p.egress).flatten();
        for item in rules.flat_map(|r| r.ports.iter_mut().flatten()) {
            if let Some(PortNumber::Number(n)) = item.port {
                let name = if n < 443 { "dns" } else { "http" };
                *item = Port { port: Some(PortNumber::Name(name.into())), end: None, ..item.clone() };
            }
        }
    }
    for (_, ports) in case.cluster.pods.iter_mut().flat_map(|p| &mut p.containers) {
        for i in 0..ports.len() {
            let free = ["http", "dns"].into_iter().find(|n| ports.iter().all(|p| p.name.as_deref() != Some(n)));
            if ports[i].name.is_none() {
                ports[i].name = free.map(str::to_owned);
            }
        }
    }
    case
}

#[test]
fn the_engine_agrees_with_the_oracle_upstream() {
    check(200, generate::case(5), |case| agree(&case, Profile::Upstream));
}

#[test]
fn the_engine_agrees_with_the_oracle_on_calico() {
    check(200, generate::case(5), |case| agree(&case, Profile::Calico));
}

#[test]
fn the_engine_agrees_with_the_oracle_on_dataplane_v2_for_numeric_ports() {
    check(150, generate::case(5), |case| agree(&without_names(case), Profile::DataplaneV2));
}

#[test]
fn the_engine_agrees_with_the_oracle_for_named_ports() {
    check(100, generate::case(5), |case| {
        let case = with_names(case);
        agree(&case, Profile::Upstream)?;
        agree(&case, Profile::Calico)
    });
}

#[test]
fn the_engine_agrees_with_the_oracle_on_dataplane_v2_for_named_ports() {
    check(120, (generate::case(5), prop::bool::weighted(0.7)), |(case, more)| {
        agree(&if more { with_names(case) } else { case }, Profile::DataplaneV2)
    });
}

/// Whether a pod is on its node's network, and the ports of each container, all of them named `http`.
type PodPorts<'a> = (bool, &'a [(Role, &'a [(u16, Proto)])]);

/// A client whose egress is open for one port name towards everything, and some pods with ports.
fn named_case(protocol: Proto, pods: &[PodPorts<'_>]) -> Case {
    let pod = |i: usize, host_network: bool, containers: Vec<(Role, Vec<ContainerPort>)>| Pod {
        namespace: "x".into(),
        name: format!("p{i}"),
        labels: Labels::new(),
        host_network,
        ips: vec![IpAddr::from(if host_network { [10, 128, 0, 11] } else { [10, 4, 0, i as u8 + 1] })],
        node: Some("n1".into()),
        host_ips: vec![IpAddr::from([10, 128, 0, 11])],
        containers,
        finished: false,
    };
    let mut client = pod(0, false, Vec::new());
    client.labels.insert("team".into(), "red".into());
    let mut all = vec![client];
    for (i, (host_network, containers)) in pods.iter().enumerate() {
        let port = |(number, protocol): &(u16, Proto)| ContainerPort {
            name: Some("http".into()),
            number: *number,
            protocol: Some(*protocol),
        };
        let containers = containers.iter().map(|(role, p)| (*role, p.iter().map(port).collect())).collect();
        all.push(pod(i + 1, *host_network, containers));
    }
    let port = Port { protocol: Some(protocol), port: Some(PortNumber::Name("http".into())), end: None };
    let policy = Policy {
        namespace: "x".into(),
        name: "p".into(),
        selector: Some(Selector { labels: all[0].labels.clone(), expressions: Vec::new() }),
        types: Some(vec![Side::Egress]),
        ingress: None,
        egress: Some(vec![Rule { peers: None, ports: Some(vec![port]) }]),
    };
    let namespaces = vec![Namespace { name: "x".into(), labels: Labels::new() }];
    Case { cluster: Cluster { namespaces, pods: all, policies: vec![policy] }, style: Style::default() }
}

fn agrees_on_dataplane_v2(case: &Case) {
    if let Err(e) = agree(case, Profile::DataplaneV2) {
        panic!("{e}{case:?}");
    }
}

/// Cilium's cluster-wide table holds the ports of pods that have an address of their own.
#[test]
fn names_of_host_network_pods_do_not_count_cluster_wide() {
    let (http, host) = ([(8080, Proto::Tcp)], [(80, Proto::Tcp)]);
    agrees_on_dataplane_v2(&named_case(
        Proto::Tcp,
        &[(false, &[(Role::Regular, &http)]), (true, &[(Role::Regular, &host)])],
    ));
}

/// What a pod's later container has taken over by another protocol is not in the cluster-wide table either.
#[test]
fn a_name_taken_over_by_another_protocol_does_not_count_cluster_wide() {
    let (udp, tcp) = ([(80, Proto::Udp)], [(80, Proto::Tcp)]);
    agrees_on_dataplane_v2(&named_case(Proto::Udp, &[(false, &[(Role::Regular, &udp), (Role::Regular, &tcp)])]));
}

/// Nor is a number that the pod's later container has replaced.
#[test]
fn a_name_taken_over_by_another_number_does_not_count_cluster_wide() {
    let (first, last) = ([(53, Proto::Tcp)], [(80, Proto::Tcp)]);
    agrees_on_dataplane_v2(&named_case(Proto::Tcp, &[(false, &[(Role::Regular, &first), (Role::Regular, &last)])]));
}

/// With an agent that is not known to be old, either number may be the one.
#[test]
fn of_two_numbers_for_one_name_none_is_certain_on_an_unknown_agent() {
    let (first, last) = ([(53, Proto::Tcp)], [(80, Proto::Tcp)]);
    let mut case = named_case(Proto::Tcp, &[(false, &[(Role::Regular, &first), (Role::Regular, &last)])]);
    let policy = &mut case.cluster.policies[0];
    policy.selector = None;
    policy.types = Some(vec![Side::Ingress]);
    policy.ingress = policy.egress.take();
    agrees_on_dataplane_v2(&case);
}

/// `[[80, 81], …]` of each protocol, as the table writes it.
fn ranges(set: &PortSet) -> Value {
    let one = |p: Protocol| {
        let ranges = set.ranges(p);
        (!ranges.is_empty()).then(|| json!({"protocol": p, "ports": ranges}))
    };
    Protocol::ALL.into_iter().filter_map(one).collect::<Vec<_>>().into()
}

fn table(subject: &mut Subject) -> Value {
    let t = net::table::table(&mut subject.reach, &subject.inventory, |_, _| true);
    serde_json::to_value(t).expect("JSON")
}

/// Everything that the table says, compared with what the engine answers pair by pair.
fn table_is_faithful(case: &Case, profile: Profile, versions: Versions) -> Result<(), String> {
    let mut subject = Subject::new(case, profile, versions);
    let table = table(&mut subject);
    let mut connections: BTreeMap<(String, String), Value> = BTreeMap::new();
    for c in table["connections"].as_array().expect("connections") {
        let key = (c["from"].as_str().unwrap().to_owned(), c["to"].as_str().unwrap().to_owned());
        if connections.insert(key.clone(), c.clone()).is_some() {
            return Err(format!("{key:?} is listed twice"));
        }
    }
    // Every end that the table must have: (id in the table, the engine's name for it, outside the cluster).
    let mut ends: Vec<(String, net::Peer, bool)> = vec![("node".into(), net::Peer::Node, true)];
    for (w, workload) in subject.inventory.workloads.iter().enumerate() {
        ends.push((workload.id.clone(), net::Peer::Class((w, 0)), false));
    }
    let peers = table["peers"].as_array().expect("peers").clone();
    let mut groups: Vec<(String, Vec<(IpAddr, IpAddr)>)> = Vec::new();
    for p in &peers {
        let id = p["id"].as_str().unwrap().to_owned();
        if p["kind"] == "ip" {
            let list = p["ranges"].as_array().unwrap();
            let parse = |v: &Value| v.as_str().unwrap().parse::<IpAddr>().unwrap();
            groups.push((id, list.iter().map(|r| (parse(&r[0]), parse(&r[1]))).collect()));
        } else if !ends.iter().any(|e| e.0 == id) {
            return Err(format!("an unexpected peer {id}"));
        }
    }
    // The groups cover every address exactly once.
    let mut all: Vec<(IpAddr, IpAddr)> = groups.iter().flat_map(|g| g.1.clone()).collect();
    all.sort();
    let next = |ip: IpAddr| match ip {
        IpAddr::V4(a) => u32::from(a).checked_add(1).map(|n| IpAddr::V4(n.into())),
        IpAddr::V6(a) => u128::from(a).checked_add(1).map(|n| IpAddr::V6(n.into())),
    };
    let mut at: Option<IpAddr> = Some("0.0.0.0".parse().unwrap());
    for (first, last) in &all {
        let expected = at.or_else(|| "::".parse().ok());
        if expected != Some(*first) || first > last {
            return Err(format!("address ranges do not join: {expected:?} expected, {first}-{last} found"));
        }
        at = next(*last);
    }
    if at.is_some() || all.last().map(|r| r.1) != "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().ok() {
        return Err("address ranges end early".into());
    }
    for (id, list) in &groups {
        if list.windows(2).any(|w| next(w[0].1) == Some(w[1].0)) {
            return Err(format!("{id}: neighbouring ranges are not joined"));
        }
    }
    // Any address of a group speaks for it.
    for ip in case.cluster.samples() {
        let inside = |g: &&(String, Vec<(IpAddr, IpAddr)>)| {
            g.1.iter().any(|(a, b)| a.is_ipv4() == ip.is_ipv4() && *a <= ip && ip <= *b)
        };
        let group = groups.iter().find(inside).ok_or_else(|| format!("{ip} is in no group"))?;
        ends.push((group.0.clone(), net::Peer::Address(ip), true));
    }
    let mut listed = 0;
    for (from_id, from, from_outside) in &ends {
        for (to_id, to, to_outside) in &ends {
            let found = connections.get(&(from_id.clone(), to_id.clone()));
            if *from_outside && *to_outside {
                if found.is_some() {
                    return Err(format!("{from_id} > {to_id} is listed"));
                }
                continue;
            }
            // The pods here are bare ones: the table's diagonal is another replica, which they do not have.
            if from_id == to_id && from_id.contains("/Pod/") {
                if found.is_some() {
                    return Err(format!("{from_id} is listed with itself"));
                }
                continue;
            }
            let (certain, possible) = subject.pair(*from, *to);
            let (allow, unknown) = (ranges(&certain), ranges(&possible.difference(&certain)));
            let Some(found) = found else {
                if !possible.is_empty() {
                    return Err(format!("{from_id} > {to_id} ({to:?}) is not listed but may be {possible}"));
                }
                continue;
            };
            listed += 1;
            let strip = |v: &Value| {
                let list = v.as_array().cloned().unwrap_or_default();
                list.iter().map(|p| json!({"protocol": p["protocol"], "ports": p["ports"]})).collect::<Vec<_>>()
            };
            let reasons = found["unknown"].as_array().cloned().unwrap_or_default();
            if reasons.iter().any(|u| u["reason"].as_str().is_none_or(str::is_empty)) {
                return Err(format!("{from_id} > {to_id}: unknown without a reason: {found}"));
            }
            if Value::from(strip(&found["allow"])) != allow
                || Value::from(strip(&found["unknown"])) != unknown
                || found.get("unknown").is_some() == possible.difference(&certain).is_empty()
                || possible.is_empty()
            {
                return Err(format!("{from_id} > {to_id} ({to:?}): {found}, but the pair is {certain} / {possible}"));
            }
        }
    }
    count("table: entries equal to the pair's answer", listed);
    Ok(())
}

/// A table by sets, written out pair by pair as its description says.
fn written_out(t: &net::table::ReachSets) -> Result<BTreeMap<(String, String), Value>, String> {
    let sets: BTreeMap<&str, &Vec<String>> = t.sets.iter().map(|(name, ids)| (name.as_str(), ids)).collect();
    let peer = |id: &str| t.peers.iter().find(|p| p.id() == id).ok_or_else(|| format!("{id} is no peer"));
    let members = |names: &[String]| -> Result<std::collections::BTreeSet<String>, String> {
        let mut all = std::collections::BTreeSet::new();
        for name in names {
            all.extend(sets.get(name.as_str()).ok_or_else(|| format!("no set {name}"))?.iter().cloned());
        }
        Ok(all)
    };
    let mut found = BTreeMap::new();
    for c in &t.connections {
        for from in members(&c.from)? {
            for to in members(&c.to)? {
                use net::table::TablePeer::Workload;
                let (a, b) = (peer(&from)?, peer(&to)?);
                let outside = |p: &net::table::TablePeer| !matches!(p, Workload { .. });
                let alone = from == to && matches!(a, Workload { pods: Some(1), .. });
                if outside(a) && outside(b) || alone {
                    continue;
                }
                let answer = json!({"allow": c.allow, "unknown": c.unknown});
                if found.insert((from.clone(), to.clone()), answer).is_some() {
                    return Err(format!("{from} > {to} is in two entries"));
                }
            }
        }
    }
    Ok(found)
}

/// The two tables of a cluster say the same.
fn sets_mean_the_pairs(objects: &[Value], style: Style, profile: Profile) -> Result<(), String> {
    let mut subject = Subject::of(objects, style, true, profile);
    let by_sets = net::table::sets(&mut subject.reach, &subject.inventory, |_, _| true);
    let t = net::table::table(&mut subject.reach, &subject.inventory, |_, _| true);
    if t.peers != by_sets.peers {
        return Err("the peers differ".into());
    }
    let pairs: BTreeMap<(String, String), Value> = t
        .connections
        .iter()
        .map(|c| ((c.from.clone(), c.to.clone()), json!({"allow": c.allow, "unknown": c.unknown})))
        .collect();
    let written = written_out(&by_sets)?;
    for key in pairs.keys().chain(written.keys()) {
        if pairs.get(key) != written.get(key) {
            return Err(format!("{key:?}: {:?} by pairs, {:?} by sets", pairs.get(key), written.get(key)));
        }
    }
    count("sets: pairs equal", pairs.len() as u64);
    Ok(())
}

#[test]
fn the_sets_mean_what_the_pairs_say() {
    check(60, (generate::case(5), 0..3usize, any::<bool>()), |(case, which, pods)| {
        let objects = if pods { case.cluster.objects(case.style) } else { deployments(&case, which + 1, which == 1) };
        sets_mean_the_pairs(&objects, case.style, ALL[which])
    });
}

#[test]
fn the_table_says_what_the_pairs_say() {
    check(80, (generate::case(5), 0..8usize), |(case, which)| {
        let (profile, versions) = profiles()[which];
        table_is_faithful(&case, profile, versions).map_err(|e| format!("{profile:?} {versions:?}: {e}"))
    });
}

/// Label sets that an unread namespace may have: each key absent, with a value that selectors know, or with another.
fn completions() -> Vec<Labels> {
    let mut found = Vec::new();
    for a in [None, Some("red"), Some("blue"), Some("other")] {
        for b in [None, Some("red"), Some(""), Some("other")] {
            let pair = [("team", a), ("env", b)];
            found.push(pair.into_iter().filter_map(|(k, v)| Some((k.to_owned(), v?.to_owned()))).collect());
        }
    }
    found
}

/// With some Namespace objects missing the engine's answers must hold however those namespaces are labelled.
fn holds_for_every_completion(case: &Case, missing: usize, profile: Profile) -> Result<(), String> {
    let (hidden, read): (Vec<_>, Vec<_>) =
        case.cluster.namespaces.iter().cloned().enumerate().partition(|(i, _)| missing & (1 << i) != 0);
    let mut partial = case.cluster.clone();
    partial.namespaces = read.into_iter().map(|(_, n)| n).collect();
    let mut subject = Subject::of(&partial.objects(case.style), case.style, false, profile);
    let ports = case.cluster.ports();
    // Pods that have an address and one at most of each family on both sides: nothing but labels is open.
    let pods: Vec<usize> = (0..case.cluster.pods.len())
        .filter(|p| !case.cluster.pods[*p].finished && case.cluster.pods[*p].ips.len() == 1)
        .collect();
    let options = completions();
    for (n, labels) in options.iter().enumerate() {
        let mut whole = case.cluster.clone();
        for (i, _) in &hidden {
            // The second hidden namespace gets other labels than the first.
            whole.namespaces[*i].labels = options[(n + 5 * i) % options.len()].clone();
        }
        let worlds = distinct_worlds(&whole, profile, UNKNOWN);
        for &a in &pods {
            for &b in &pods {
                let (from, to) = (&whole.pods[a], &whole.pods[b]);
                let questions = questions(&End::Pod(a), &End::Pod(b), &from.ips, &to.ips, false);
                let (from_peer, to_peer) = (subject.pod(from), subject.pod(to));
                let (certain, possible) = subject.pair(from_peer, to_peer);
                // Where the reference makes no statement.
                let own_node = profile == Profile::Upstream && to.host_network && from.node == to.node;
                for p in PROTOS {
                    for &port in &ports {
                        for q in &questions {
                            for w in &worlds {
                                let allowed = whole.allowed(w, q, p, port);
                                let (c, m) = (certain.contains(proto(p), port), possible.contains(proto(p), port));
                                if (c && !allowed && !own_node) || (allowed && !m) {
                                    return Err(format!(
                                        "{profile:?}: {}/{} > {}/{} {}/{port}: engine certain {c}, possible {m}; \
                                         with hidden {:?} labelled {labels:?}, … allowed is {allowed}",
                                        from.namespace,
                                        from.name,
                                        to.namespace,
                                        to.name,
                                        p.name(),
                                        hidden.iter().map(|(_, n)| &n.name).collect::<Vec<_>>(),
                                    ));
                                }
                                count(
                                    if c == m {
                                        "hidden namespaces: answers certain"
                                    } else {
                                        "hidden namespaces: answers open"
                                    },
                                    1,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn unread_namespaces_make_no_answer_wrong() {
    check(40, (generate::case(4), 1..8usize), |(case, missing)| {
        let case = without_names(case);
        for profile in [Profile::Upstream, Profile::Calico, Profile::DataplaneV2] {
            holds_for_every_completion(&case, missing, profile)?;
        }
        Ok(())
    });
}

/// (from, to) → (allowed, possibly allowed), as the table has them; the reasons are words and may change.
type Answers = BTreeMap<(String, String), (Value, Value)>;

fn answers(objects: &[Value], style: Style, profile: Profile) -> Answers {
    let mut subject = Subject::of(objects, style, true, profile);
    let table = table(&mut subject);
    let strip = |v: &Value| {
        let list = v.as_array().cloned().unwrap_or_default();
        list.iter().map(|p| json!([p["protocol"], p["ports"]])).collect::<Vec<_>>().into()
    };
    let list = table["connections"].as_array().expect("connections");
    list.iter()
        .map(|c| {
            let id = |key: &str| c[key].as_str().expect("an id").to_owned();
            ((id("from"), id("to")), (strip(&c["allow"]), strip(&c["unknown"])))
        })
        .collect()
}

fn of(cluster: &Cluster, style: Style, profile: Profile) -> Answers {
    let versions = Versions { calico: Some(30), cilium: Some(16) };
    let mut objects = manifest::agents(versions);
    objects.extend(cluster.objects(style));
    answers(&objects, style, profile)
}

const ALL: [Profile; 3] = [Profile::Upstream, Profile::Calico, Profile::DataplaneV2];

fn same(a: &Answers, b: &Answers, what: &str) -> Result<(), String> {
    for key in a.keys().chain(b.keys()) {
        if a.get(key) != b.get(key) {
            return Err(format!("{what}: {key:?} was {:?} and is {:?}", a.get(key), b.get(key)));
        }
    }
    count(format!("{what}: pairs that stayed"), a.len() as u64);
    Ok(())
}

/// Every list of rules.
fn rule_lists(cluster: &mut Cluster) -> impl Iterator<Item = &mut Vec<Rule>> {
    cluster.policies.iter_mut().flat_map(|p| p.ingress.iter_mut().chain(&mut p.egress))
}

#[test]
fn names_and_order_of_policies_change_nothing() {
    check(60, (generate::case(5), any::<u64>()), |(case, seed)| {
        let mut other = case.cluster.clone();
        // A fixed shuffle from a seed: rotate and perhaps reverse each list.
        fn shuffle<T>(list: &mut [T], seed: u64) {
            if !list.is_empty() {
                let n = list.len();
                list.rotate_left(seed as usize % n);
            }
            if seed & 1 << 40 != 0 {
                list.reverse();
            }
        }
        shuffle(&mut other.policies, seed);
        for (i, p) in other.policies.iter_mut().enumerate() {
            p.name = format!("other-{}", (i as u64).wrapping_mul(seed | 1) % 1000 * 10 + i as u64);
        }
        for rules in rule_lists(&mut other) {
            shuffle(rules, seed >> 3);
            for r in rules {
                shuffle(r.peers.as_deref_mut().unwrap_or_default(), seed >> 5);
                shuffle(r.ports.as_deref_mut().unwrap_or_default(), seed >> 7);
            }
        }
        for profile in ALL {
            let style = Style { json: !case.style.json, nulls: !case.style.nulls };
            same(&of(&case.cluster, case.style, profile), &of(&other, style, profile), "names and order")?;
        }
        Ok(())
    });
}

#[test]
fn a_port_range_in_two_parts_is_the_same_range() {
    check(80, (generate::case(5), any::<u16>()), |(case, at)| {
        let mut other = case.cluster.clone();
        let mut split = 0;
        for r in rule_lists(&mut other).flatten() {
            let Some(ports) = &mut r.ports else { continue };
            for i in 0..ports.len() {
                if let (Some(PortNumber::Number(first)), Some(last)) = (ports[i].port.clone(), ports[i].end)
                    && first < last
                {
                    let middle = first + at % (last - first);
                    let rest = Port { port: Some(PortNumber::Number(middle + 1)), ..ports[i].clone() };
                    ports[i].end = Some(middle);
                    ports.push(rest);
                    split += 1;
                }
            }
        }
        count("port ranges split", split);
        for profile in [Profile::Upstream, Profile::Calico] {
            same(&of(&case.cluster, case.style, profile), &of(&other, case.style, profile), "split ranges")?;
        }
        Ok(())
    });
}

#[test]
fn match_labels_are_in_expressions() {
    fn rewrite(s: &mut Selector) {
        for (key, value) in std::mem::take(&mut s.labels) {
            s.expressions.push((key, Operator::In, vec![value]));
        }
    }
    check(60, generate::case(5), |case| {
        let mut other = case.cluster.clone();
        other.policies.iter_mut().filter_map(|p| p.selector.as_mut()).for_each(rewrite);
        for r in rule_lists(&mut other).flatten() {
            for peer in r.peers.iter_mut().flatten() {
                if let Peer::Pods { namespaces, pods } = peer {
                    namespaces.iter_mut().chain(pods).for_each(rewrite);
                }
            }
        }
        for profile in ALL {
            same(&of(&case.cluster, case.style, profile), &of(&other, case.style, profile), "In for matchLabels")?;
        }
        Ok(())
    });
}

/// A policy that selects isolated pods only can but allow more; one that selects free pods only can but take away.
#[test]
fn a_further_policy_adds_and_a_first_one_takes_away() {
    check(150, (generate::case(4), generate::policy()), |(case, mut added)| {
        added.name = "added".into();
        let versions = Versions { calico: Some(30), cilium: Some(16) };
        let mut more = case.clone();
        more.cluster.policies.push(added.clone());
        let mut alone = case.clone();
        alone.cluster.policies = vec![added];
        for profile in ALL {
            let mut before = Subject::new(&case, profile, versions);
            let mut after = Subject::new(&more, profile, versions);
            let mut only = Subject::new(&alone, profile, versions);
            let pods: Vec<&Pod> = case.cluster.pods.iter().filter(|p| !p.finished).collect();
            for a in &pods {
                for b in &pods {
                    let sides = [(a, net::Direction::Egress), (b, net::Direction::Ingress)];
                    // Per side: whether the new policy isolates it, and whether it was isolated before.
                    let mut touched: Vec<Tri> = Vec::new();
                    for (pod, direction) in sides {
                        let isolated = |s: &mut Subject| match s.pod(pod) {
                            net::Peer::Class(c) => s.reach.isolated(c, direction),
                            _ => Tri::Maybe,
                        };
                        match isolated(&mut only) {
                            Tri::No => {}
                            Tri::Yes => touched.push(isolated(&mut before)),
                            Tri::Maybe => touched.push(Tri::Maybe),
                        }
                    }
                    let (from, to) = (before.pod(a), before.pod(b));
                    let (c1, p1) = before.pair(from, to);
                    let (c2, p2) = after.pair(from, to);
                    let within = |x: &PortSet, y: &PortSet| x.difference(y).is_empty();
                    let name = || {
                        format!(
                            "{profile:?}: {}/{} > {}/{}: {c1} / {p1} before, {c2} / {p2} after",
                            a.namespace, a.name, b.namespace, b.name
                        )
                    };
                    let all = |t: Tri| touched.iter().all(|x| *x == t);
                    if all(Tri::Yes) && !(within(&c1, &c2) && within(&p1, &p2)) {
                        return Err(format!("a further policy takes away: {}", name()));
                    }
                    if all(Tri::No) && !(within(&c2, &c1) && within(&p2, &p1)) {
                        return Err(format!("a first policy adds: {}", name()));
                    }
                    let kind = match (touched.is_empty(), all(Tri::Yes), all(Tri::No)) {
                        (true, ..) => "not touched",
                        (_, true, _) => "isolated before",
                        (_, _, true) => "free before",
                        _ => "mixed",
                    };
                    count(format!("one more policy: {kind}"), 1);
                }
            }
        }
        Ok(())
    });
}

/// The pods of a cluster as Deployments: of templates only, or of running pods.
fn deployments(case: &Case, replicas: usize, running: bool) -> Vec<Value> {
    let cluster = &case.cluster;
    let mut objects: Vec<Value> = cluster.namespaces.iter().map(manifest::namespace).collect();
    for p in cluster.pods.iter().filter(|p| !p.finished) {
        objects.push(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": p.namespace, "name": p.name},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"a": "b"}},
                "template": {"metadata": {"labels": p.labels}, "spec": manifest::pod_spec(p)},
            },
        }));
        if !running {
            continue;
        }
        objects.push(json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {"namespace": p.namespace, "name": format!("{}-5d4f", p.name), "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "Deployment", "name": p.name, "controller": true, "uid": "u"},
            ]},
            "spec": {"replicas": replicas, "template": {"metadata": {"labels": p.labels}, "spec": manifest::pod_spec(p)}},
        }));
        for r in 0..replicas {
            let mut one = p.clone();
            one.name = format!("{}-5d4f-{r}", p.name);
            // Neighbours that no block of the generator tells apart.
            if !p.host_network {
                one.ips.retain(IpAddr::is_ipv4);
                if let Some(IpAddr::V4(ip)) = one.ips.first_mut()
                    && ip.octets()[..3] != [10, 4, 0]
                {
                    *ip = (u32::from(*ip) + (r as u32) % 9).into();
                }
            }
            let mut pod = manifest::pod(&one);
            pod["metadata"]["labels"]["pod-template-hash"] = json!("5d4f");
            pod["metadata"]["ownerReferences"] = json!([
                {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{}-5d4f", p.name), "controller": true, "uid": "u"},
            ]);
            objects.push(pod);
        }
    }
    objects.extend(cluster.policies.iter().map(|p| manifest::policy(p, case.style)));
    objects
}

#[test]
fn ten_times_the_replicas_change_nothing() {
    check(50, (generate::case(5), any::<bool>()), |(case, running)| {
        for profile in ALL {
            let one = answers(&deployments(&case, 1, running), case.style, profile);
            let mut ten = answers(&deployments(&case, 10, running), case.style, profile);
            // The only pod of a workload has no other replica to connect to.
            ten.retain(|(from, to), _| from != to);
            if one.keys().any(|(from, to)| from == to) {
                return Err("a single replica connects to another".into());
            }
            same(&one, &ten, if running { "ten running pods" } else { "ten replicas of a template" })?;
        }
        Ok(())
    });
}
