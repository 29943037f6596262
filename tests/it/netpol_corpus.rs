//! Conformance with the expected outputs of np-guard/netpol-analyzer, where a checkout of them lies beside the repository
//! or where `NETPOL_CORPUS` says. Nothing of it is part of this repository; without it the test says so and passes.
//!
//! That tool answers some questions otherwise than Kubernetes does. For each of these there is one rewriting of the input
//! below ([`Compat`]), after which the engine must give its very answers. The input as it stands is evaluated too: there
//! the engine may differ only where one of those rules has something to say.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use gke_posture::collect::{Options, read, read_embedded};
use gke_posture::inventory::object::Protocol;
use gke_posture::inventory::{Dataplane, Inventory, Snapshot};
use gke_posture::network::Reach;
use gke_posture::network::explain::class_name;
use gke_posture::network::table::{Ports, ReachTable, TablePeer, table};
use gke_posture::platform;
use serde_json::{Value, json};

/// Ranges of TCP, UDP and SCTP.
type Conns = [Vec<(u16, u16)>; 3];

const EVERYTHING: (u16, u16) = (1, 65535);

fn corpus() -> Option<PathBuf> {
    let path = std::env::var_os("NETPOL_CORPUS")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/netpol-analyzer"));
    path.join("tests").is_dir().then_some(path)
}

/// Every object of a directory, lists taken apart.
fn objects(dir: &Path) -> Vec<Value> {
    fn flatten(value: Value, found: &mut Vec<Value>) {
        match (value["kind"].as_str().and_then(|k| k.strip_suffix("List")), value.get("items")) {
            (Some(kind), Some(Value::Array(items))) => {
                for item in items {
                    let mut item = item.clone();
                    if !kind.is_empty() && item.get("kind").is_none() {
                        item["kind"] = kind.into();
                        item["apiVersion"] = value["apiVersion"].clone();
                    }
                    flatten(item, found);
                }
            }
            _ if value.is_object() => found.push(value),
            _ => {}
        }
    }
    let mut found = Vec::new();
    let mut entries: Vec<PathBuf> = std::fs::read_dir(dir).expect("a directory").map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(objects(&path));
        } else if matches!(path.extension().and_then(|e| e.to_str()), Some("yaml" | "yml" | "json")) {
            let text = std::fs::read_to_string(&path).expect("text");
            let documents: Vec<Value> = match serde_json::from_str(&text) {
                Ok(one) => vec![one],
                Err(_) => serde_saphyr::from_multiple(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display())),
            };
            documents.into_iter().for_each(|d| flatten(d, &mut found));
        }
    }
    found
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn namespace(object: &Value) -> String {
    match text(object, "/metadata/namespace") {
        "" => "default".into(),
        n => n.into(),
    }
}

/// The specification of the pods that an object is or makes.
fn pod_spec(object: &mut Value) -> Option<&mut Value> {
    let path = match object["kind"].as_str()? {
        "Pod" => "/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" | "Job" | "ReplicationController" => {
            "/spec/template/spec"
        }
        _ => return None,
    };
    object.pointer_mut(path)
}

/// What a peer of that tool is to us.
#[derive(Clone, Debug)]
enum Subject {
    Pod { namespace: String, name: String },
    Controller { id: String },
}

/// Peers by the names of that tool: `ns/name[Kind]`. Pods stand under their owner; the first one represents them all.
fn peers(objects: &[Value]) -> BTreeMap<String, Subject> {
    let mut found = BTreeMap::new();
    for o in objects {
        let (kind, ns, name) = (text(o, "/kind"), namespace(o), text(o, "/metadata/name"));
        if pod_spec(&mut o.clone()).is_none() {
            continue;
        }
        if kind != "Pod" {
            found.insert(format!("{ns}/{name}[{kind}]"), Subject::Controller { id: format!("{ns}/{kind}/{name}") });
            continue;
        }
        let owners = o.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        let owner = owners.into_iter().flatten().find(|r| r["kind"] != "Node");
        let (owner_name, owner_kind) = match owner {
            Some(r) => (text(r, "/name"), r["kind"].as_str().unwrap_or("Pod")),
            None => (name, "Pod"),
        };
        let subject = Subject::Pod { namespace: ns.clone(), name: name.into() };
        found.entry(format!("{ns}/{owner_name}[{owner_kind}]")).or_insert(subject);
    }
    found
}

/// The rules of that tool that are not those of Kubernetes, as changes to its input. The numbers are those of the list of
/// known disagreements in our notes on NetworkPolicy semantics.
#[derive(Clone, Copy)]
enum Compat {
    /// For addresses outside the cluster: what an `ipBlock` says holds.
    Outside,
    /// For pods: an `ipBlock` never holds a pod (5).
    Pods,
}

fn rewritten(objects: &[Value], mode: Compat) -> Vec<Value> {
    let mut objects = objects.to_vec();
    for o in &mut objects {
        // Pods that have ended are there as if they ran (3).
        if o["kind"] == "Pod"
            && let Some(status) = o.get_mut("status").and_then(Value::as_object_mut)
        {
            status.remove("phase");
        }
        if let Some(spec) = pod_spec(o).and_then(Value::as_object_mut) {
            // A pod on the network of its node is a pod like any other (2).
            spec.remove("hostNetwork");
            // Init containers and sidecars have no ports (4).
            spec.remove("initContainers");
            // The first port of a name is the one, whatever its protocol (10).
            let mut seen = BTreeSet::new();
            for c in spec.get_mut("containers").and_then(Value::as_array_mut).into_iter().flatten() {
                for p in c.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
                    if let Some(name) = p["name"].as_str().map(str::to_owned)
                        && !seen.insert(name)
                    {
                        p.as_object_mut().expect("a port").remove("name");
                    }
                }
            }
        }
        if o["kind"] == "NetworkPolicy" && matches!(mode, Compat::Pods) {
            without_blocks(o);
        }
    }
    objects
}

/// Takes `ipBlock` peers out of a policy; a rule that had no other peer matches nothing and goes.
fn without_blocks(policy: &mut Value) {
    // The direction counts by what was written, so the default is written down first.
    let has_egress = policy.pointer("/spec/egress").and_then(Value::as_array).is_some_and(|r| !r.is_empty());
    let types = policy.pointer("/spec/policyTypes").and_then(Value::as_array);
    if types.is_none_or(|t| t.is_empty()) {
        policy["spec"]["policyTypes"] = if has_egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    }
    for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
        let Some(list) = policy["spec"].get_mut(rules).and_then(Value::as_array_mut) else { continue };
        list.retain_mut(|rule| match rule.get_mut(peers).and_then(Value::as_array_mut) {
            Some(peers) if !peers.is_empty() => {
                peers.retain(|p| p.get("ipBlock").is_none());
                !peers.is_empty()
            }
            _ => true,
        });
    }
}

/// The table of some evidence and where in it each peer stands.
struct Answers {
    inventory: Inventory,
    connections: BTreeMap<(String, String), (Conns, Conns)>,
    table: ReachTable,
}

impl Answers {
    fn new(snapshot: Snapshot) -> Self {
        let inventory = Inventory::new(snapshot);
        let mut reach = Reach::new(&inventory, platform::describe(&inventory, Some(Dataplane::Upstream)), &[]);
        let table = table(&mut reach, &inventory, |_, _| true);
        let mut connections = BTreeMap::new();
        for c in &table.connections {
            let unknown = c.unknown.iter().map(|u| Ports { protocol: u.protocol, ports: u.ports.clone() });
            connections.insert((c.from.clone(), c.to.clone()), (conns(&c.allow), conns(&unknown.collect::<Vec<_>>())));
        }
        Answers { inventory, connections, table }
    }

    fn of(objects: &[Value]) -> Self {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string();
        let options = Options::new("default", true);
        let snapshot = read_embedded(&[("corpus.json", &list)], "corpus", options);
        Self::new(snapshot.unwrap_or_else(|p| panic!("{p:?}")))
    }

    /// (id, whether it is on the network of its node); `None` for what has no pod that runs.
    fn id(&self, subject: &Subject) -> Option<(String, bool)> {
        let found = self.inventory.workloads.iter().enumerate().find_map(|(w, workload)| match subject {
            Subject::Controller { id } => (workload.id == *id).then_some((w, 0)),
            Subject::Pod { namespace, name } if workload.object.namespace == *namespace => {
                let class = workload.classes.iter().position(|c| c.members.iter().any(|m| m.name == *name));
                class.map(|c| (w, c))
            }
            Subject::Pod { .. } => None,
        })?;
        Some((class_name(&self.inventory, found), self.inventory.workloads[found.0].classes[found.1].host_network))
    }

    fn ip(&self, ip: IpAddr) -> &str {
        let holds = |p: &&TablePeer| match p {
            TablePeer::Ip { ranges, .. } => ranges.iter().any(|(a, b)| {
                let (a, b): (IpAddr, IpAddr) = (a.parse().unwrap(), b.parse().unwrap());
                a.is_ipv4() == ip.is_ipv4() && a <= ip && ip <= b
            }),
            _ => false,
        };
        self.table.peers.iter().find(holds).expect("a group for every address").id()
    }

    /// (certainly allowed, in doubt)
    fn pair(&self, from: &str, to: &str) -> (Conns, Conns) {
        self.connections.get(&(from.to_owned(), to.to_owned())).cloned().unwrap_or_default()
    }
}

fn conns(list: &[Ports]) -> Conns {
    let mut found = Conns::default();
    for p in list {
        found[place(p.protocol)].clone_from(&p.ports);
    }
    found
}

fn place(p: Protocol) -> usize {
    Protocol::ALL.iter().position(|q| *q == p).expect("a protocol")
}

/// `All Connections`, or `SCTP 1-2,5,TCP 80`: a comma separates ports and protocols alike.
fn parse_conns(text: &str) -> Conns {
    match text {
        "All Connections" => return [vec![EVERYTHING], vec![EVERYTHING], vec![EVERYTHING]],
        "No Connections" => return Conns::default(),
        _ => {}
    }
    let mut found = Conns::default();
    let mut at = None;
    for item in text.split(',') {
        let ports = match item.split_once(' ') {
            Some((protocol, ports)) => {
                at = Protocol::ALL.iter().position(|p| p.to_string() == protocol);
                ports
            }
            None => item,
        };
        let (a, b) = ports.split_once('-').unwrap_or((ports, ports));
        found[at.unwrap_or_else(|| panic!("protocol of {text:?}"))].push((a.parse().unwrap(), b.parse().unwrap()));
    }
    found
}

/// Whether `a` holds nothing that `b` does not.
fn within(a: &Conns, b: &Conns) -> bool {
    // The ranges of `b` do not touch each other, so each of `a` lies in one of them.
    (0..3).all(|p| a[p].iter().all(|(x, y)| b[p].iter().any(|(u, v)| u <= x && y <= v)))
}

fn joined(a: &Conns, b: &Conns) -> Conns {
    let mut all = Conns::default();
    for p in 0..3 {
        let mut ranges: Vec<_> = a[p].iter().chain(&b[p]).copied().collect();
        ranges.sort_unstable();
        for (x, y) in ranges {
            match all[p].last_mut() {
                Some(last) if u32::from(x) <= u32::from(last.1) + 1 => last.1 = last.1.max(y),
                _ => all[p].push((x, y)),
            }
        }
    }
    all
}

/// What that tool prints.
#[derive(Default)]
struct Expected {
    pairs: BTreeMap<(String, String), Conns>,
    /// (range, peer, whether the range is the source)
    outside: Vec<((u32, u32), String, bool, Conns)>,
    skipped: usize,
    lines: usize,
}

fn expected(text: &str) -> Expected {
    let mut found = Expected::default();
    for line in text.lines().filter(|l| l.contains(" => ")) {
        let (src, rest) = line.split_once(" => ").expect("an arrow");
        let (dst, conns) = rest.split_once(" : ").expect("connections");
        let (src, dst, conns) = (src.trim(), dst.trim(), parse_conns(conns.trim()));
        let range = |peer: &str| {
            let (a, b) = peer.strip_suffix("[External]")?.split_once('-')?;
            let number = |t: &str| Some(u32::from(t.parse::<Ipv4Addr>().ok()?));
            Some((number(a)?, number(b)?))
        };
        if src.starts_with('{') || dst.starts_with('{') {
            // A controller of Ingress objects that is not in the input.
            found.skipped += 1;
            continue;
        }
        found.lines += 1;
        match (range(src), range(dst)) {
            (Some(r), None) => found.outside.push((r, dst.into(), true, conns)),
            (None, Some(r)) => found.outside.push((r, src.into(), false, conns)),
            (None, None) => assert!(found.pairs.insert((src.into(), dst.into()), conns).is_none(), "{line}"),
            (Some(_), Some(_)) => panic!("{line}"),
        }
    }
    found
}

/// The lowest address of every part into which the blocks and the expected ranges cut all addresses.
fn samples(objects: &[Value], expected: &Expected) -> Vec<Ipv4Addr> {
    let mut cuts = BTreeSet::from([0u32]);
    let mut add = |first: u32, last: u32| {
        cuts.insert(first);
        cuts.extend(last.checked_add(1));
    };
    for ((a, b), ..) in &expected.outside {
        add(*a, *b);
    }
    fn cidrs(value: &Value, found: &mut Vec<ipnet::Ipv4Net>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(s)) = map.get("cidr") {
                    found.extend(s.parse::<ipnet::Ipv4Net>());
                }
                let except = map.get("except").and_then(Value::as_array).into_iter().flatten();
                found.extend(except.filter_map(|e| e.as_str()?.parse::<ipnet::Ipv4Net>().ok()));
                map.values().for_each(|v| cidrs(v, found));
            }
            Value::Array(list) => list.iter().for_each(|v| cidrs(v, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    objects.iter().filter(|o| o["kind"] == "NetworkPolicy").for_each(|o| cidrs(o, &mut found));
    for net in found {
        add(net.network().into(), net.broadcast().into());
    }
    cuts.into_iter().map(Ipv4Addr::from).collect()
}

/// How the answers of a directory compare.
#[derive(Default)]
struct Outcome {
    lines: usize,
    skipped: usize,
    /// Admin policies leave the answers open, and the right one must be among them.
    bounded: bool,
    pairs: usize,
    addresses: usize,
    native: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
}

fn evaluate(dir: &Path, expected: &Expected) -> Outcome {
    let mut out = Outcome { lines: expected.lines, skipped: expected.skipped, ..Outcome::default() };
    let objects = objects(dir);
    let peers = peers(&objects);
    for name in expected.pairs.keys().flat_map(|(a, b)| [a, b]).chain(expected.outside.iter().map(|o| &o.1)) {
        if !peers.contains_key(name) {
            out.wrong.push(format!("{name} is expected and is no peer"));
        }
    }
    // Admin policies are not evaluated by this version: the right answer must lie between certain and possible.
    let bounded = objects.iter().any(|o| text(o, "/kind").ends_with("AdminNetworkPolicy"));
    out.bounded = bounded;
    let agrees = |(certain, doubt): &(Conns, Conns), right: &Conns| {
        if bounded {
            within(certain, right) && within(right, &joined(certain, doubt))
        } else {
            certain == right && *doubt == Conns::default()
        }
    };

    let pods = Answers::of(&rewritten(&objects, Compat::Pods));
    let options = Options::new("default", true);
    let native = Answers::new(read(&[dir.to_string_lossy().into_owned()], options).unwrap_or_else(|p| panic!("{p:?}")));
    let has_blocks = |o: &Value| o["kind"] == "NetworkPolicy" && o.to_string().contains("\"ipBlock\"");
    let blocks = objects.iter().any(has_blocks);
    for (a, a_subject) in &peers {
        for (b, b_subject) in peers.iter().filter(|(b, _)| *b != a) {
            let right = expected.pairs.get(&(a.clone(), b.clone())).cloned().unwrap_or_default();
            let (Some(from), Some(to)) = (pods.id(a_subject), pods.id(b_subject)) else {
                out.wrong.push(format!("{a} or {b} is missing"));
                continue;
            };
            let answer = pods.pair(&from.0, &to.0);
            out.pairs += 1;
            if !agrees(&answer, &right) {
                out.wrong.push(format!("{a} => {b}: expected {right:?}, the engine says {answer:?}"));
            }
            // The input as it stands.
            let why = match (native.id(a_subject), native.id(b_subject)) {
                (Some((_, true)), _) | (_, Some((_, true))) => "hostNetwork",
                (Some((from, _)), Some((to, _))) => {
                    let answer = native.pair(&from, &to);
                    if agrees(&answer, &right) {
                        "equal"
                    } else if blocks && within(&right, &joined(&answer.0, &answer.1)) && within(&right, &answer.0) {
                        // Blocks that hold pods too allow more, certainly or (for pods without address) perhaps.
                        "ipBlock holds pods"
                    } else {
                        out.wrong
                            .push(format!("{a} => {b} as it stands: expected {right:?}, the engine says {answer:?}"));
                        "wrong"
                    }
                }
                _ => "ended",
            };
            *out.native.entry(why).or_insert(0) += 1;
        }
    }

    let outside = Answers::of(&rewritten(&objects, Compat::Outside));
    for ip in samples(&objects, expected) {
        let group = outside.ip(ip.into()).to_owned();
        let native_group = native.ip(ip.into()).to_owned();
        for (name, subject) in &peers {
            let Some((id, _)) = outside.id(subject) else { continue };
            for is_source in [true, false] {
                let number = u32::from(ip);
                let mut lines = expected.outside.iter().filter(|(r, peer, source, _)| {
                    r.0 <= number && number <= r.1 && peer == name && *source == is_source
                });
                let right = lines.next().map(|l| l.3.clone()).unwrap_or_default();
                let ends = |a: &str, b: &str| {
                    if is_source { (a.to_owned(), b.to_owned()) } else { (b.to_owned(), a.to_owned()) }
                };
                let (from, to) = ends(&group, &id);
                let answer = outside.pair(&from, &to);
                out.addresses += 1;
                if !agrees(&answer, &right) {
                    out.wrong.push(format!(
                        "{ip} (source: {is_source}) and {name}: expected {right:?}, the engine says {answer:?}"
                    ));
                }
                // As it stands only pods on the network of their node may differ.
                if let Some((id, false)) = native.id(subject) {
                    let (from, to) = ends(&native_group, &id);
                    if !agrees(&native.pair(&from, &to), &right) {
                        out.wrong.push(format!("{ip} and {name} as it stands"));
                    }
                }
            }
        }
    }
    out
}

#[test]
fn the_engine_agrees_with_netpol_analyzer() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus of netpol-analyzer; NETPOL_CORPUS may name one (with tests/ and expected/)");
        return;
    };
    let mut dirs: Vec<PathBuf> =
        std::fs::read_dir(corpus.join("tests")).expect("tests").map(|e| e.unwrap().path()).collect();
    dirs.sort();
    let mut failed = Vec::new();
    for dir in &dirs {
        let name = dir.file_name().expect("a name").to_string_lossy().into_owned();
        let file = corpus.join("expected").join(format!("{name}_connlist_output.txt"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let o = evaluate(dir, &expected(&text));
        let word = match (o.wrong.is_empty(), o.bounded) {
            (true, false) => "equal",
            (true, true) => "within",
            (false, _) => "WRONG",
        };
        println!(
            "{word:6} {name}: {} lines ({} of an ingress controller left out), {} pairs, {} addresses; as it stands: {:?}",
            o.lines, o.skipped, o.pairs, o.addresses, o.native
        );
        for w in o.wrong.iter().take(5) {
            println!("        {w}");
        }
        if !o.wrong.is_empty() {
            failed.push(format!("{name} ({})", o.wrong.len()));
        }
    }
    assert!(!dirs.is_empty(), "the corpus is empty");
    assert!(failed.is_empty(), "directories that differ: {failed:?}");
}
