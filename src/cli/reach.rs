//! `gke-posture reach`: which workloads can reach which, and why.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::io::Write;
use std::net::IpAddr;

use crate::audit::prepare;
use crate::inventory::object::Protocol;
use crate::inventory::{ClassId, Dataplane, Inventory, Need, Tri};
use crate::network::address::Atoms;
use crate::network::explain::{Explanation, Side, class_name, explain};
use crate::network::table::{self, Connection, Ends, Ports, ReachSets, SetConnection, TablePeer, UnknownPorts};
use crate::network::{Direction, Peer, PortSet, Reach};
use crate::report::Outcome;

use super::input::Evidence;
use super::output::{self, paragraph};
use super::{Failure, limits, log};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    evidence: Evidence,
    /// Source: `namespace/name` where unique, `namespace/Kind/name`, `ip:ADDRESS` or `node`.
    #[arg(help_heading = "Question", long, value_name = "PEER")]
    from: Option<String>,
    /// Destination, as --from.
    #[arg(help_heading = "Question", long, value_name = "PEER")]
    to: Option<String>,
    /// Port at the destination's pods, 1-65535.
    #[arg(help_heading = "Question", long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Protocol of --port.
    #[arg(help_heading = "Question", long, value_enum, default_value = "tcp", requires = "port")]
    protocol: ProtocolArg,
    /// Exit with status 1 if the answer differs, and with 3 if it is unknown, also for a denial that rests on assumed
    /// enforcement. Requires --from and --to.
    #[arg(help_heading = "Question", long, value_enum, value_name = "ANSWER", requires = "from", requires = "to")]
    expect: Option<Expect>,
    /// With `json`, the connections between sets of peers; csv requires --pairs.
    #[arg(help_heading = "Question", long, value_enum, default_value = "table")]
    format: ReachFormat,
    /// Print the connections of every pair, in JSON or CSV. The output grows with the square of the workloads.
    #[arg(help_heading = "Question", long)]
    pairs: bool,
    /// Show full lists.
    #[arg(help_heading = "Question", long)]
    all: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ProtocolArg {
    Tcp,
    Udp,
    Sctp,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Expect {
    Allowed,
    Denied,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ReachFormat {
    Table,
    Json,
    Csv,
}

impl ProtocolArg {
    fn protocol(self) -> Protocol {
        match self {
            ProtocolArg::Tcp => Protocol::Tcp,
            ProtocolArg::Udp => Protocol::Udp,
            ProtocolArg::Sctp => Protocol::Sctp,
        }
    }
}

/// The evidence that the answer needs.
const NEEDS: [Need; 7] = [
    Need::Cluster,
    Need::Namespaces,
    Need::Workloads,
    Need::Services,
    Need::NetworkPolicies,
    Need::OtherPolicies,
    Need::CloudNativePg,
];

pub(super) fn run(args: Args) -> Result<u8, Failure> {
    limits::limit_time(args.evidence.live.timeout);
    if args.pairs && args.format == ReachFormat::Table || !args.pairs && args.format == ReachFormat::Csv {
        return Err(Failure::input(
            "cannot print reach in this form: --pairs is for --format json and csv, and --format csv is for --pairs",
        ));
    }
    let (snapshot, _) = args.evidence.read(NEEDS.into(), None)?;
    limits::inputs_are_read();
    if !snapshot.has_objects() {
        return Err(Failure {
            text: "cannot compute reach: the input contains no Kubernetes object of a known kind".to_owned(),
            status: 4,
        });
    }
    // Without an unread policy, the table would state as allowed what that policy denies.
    if let Some(gap) = snapshot.gaps.iter().find(|g| NEEDS.contains(&g.need)) {
        return Err(Failure {
            text: format!("reach cannot be computed: {}", gap.error),
            status: Outcome::Incomplete.status(),
        });
    }
    let (inventory, mut reach) = prepare(snapshot, args.evidence.dataplane.stated());
    let peers = |text: &Option<String>| text.as_ref().map(|t| find_peers(&inventory, t)).transpose();
    let (from, to) = (peers(&args.from)?, peers(&args.to)?);
    if let Some(to) = &to {
        reject_rewritten_destination(&args, &reach, to)?;
    }
    if let (Some(from), Some(to)) = (&from, &to) {
        if from.iter().chain(to).all(|p| !matches!(p, Peer::Class(_))) {
            return Err(Failure::input(
                "one of --from and --to must be a workload: policies do not apply between addresses and nodes",
            ));
        }
        if args.format == ReachFormat::Table {
            return print_answer(&args, &inventory, &mut reach, from, to);
        }
    }
    let atoms = reach.model.atoms.clone();
    let selected = |side: &Option<Vec<Peer>>, p: Peer| side.as_ref().is_none_or(|list| contains_peer(&atoms, list, p));
    let wanted = |a: Peer, b: Peer| selected(&from, a) && selected(&to, b);
    match args.format {
        ReachFormat::Json | ReachFormat::Csv if args.pairs => print_pairs(&args, &mut reach, &inventory, wanted)?,
        format => {
            let mut t = table::sets(&mut reach, &inventory, wanted);
            t.connections.retain_mut(|c| keep_selected_port(&args, &mut c.allow, &mut c.unknown));
            if format == ReachFormat::Table {
                output::print(&overview(&args, &reach, &t))?;
            } else {
                print_json(&t)?;
            }
        }
    }
    match (&from, &to) {
        (Some(from), Some(to)) => {
            let answer = evaluate(&args, &mut reach, from, to);
            Ok(exit_status(args.expect, answer, &reach))
        }
        _ => Ok(0),
    }
}

/// Reduces the ports of a connection to `--port`, if it is given. Returns whether any are left.
fn keep_selected_port(args: &Args, allow: &mut Vec<Ports>, unknown: &mut Vec<UnknownPorts>) -> bool {
    let Some(port) = args.port else { return true };
    let protocol = args.protocol.protocol();
    let holds = |p: Protocol, ranges: &mut Vec<(u16, u16)>| {
        let found = p == protocol && ranges.iter().any(|(a, b)| (*a..=*b).contains(&port));
        *ranges = vec![(port, port)];
        found
    };
    allow.retain_mut(|p| holds(p.protocol, &mut p.ports));
    unknown.retain_mut(|p| holds(p.protocol, &mut p.ports));
    !(allow.is_empty() && unknown.is_empty())
}

fn print_json(t: &ReachSets) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(t).map_err(|e| Failure::input(format!("cannot print JSON: {e}")))?;
    text.push('\n');
    output::print(&text)
}

/// Prints every pair, one line each, as they are computed.
fn print_pairs(
    args: &Args,
    reach: &mut Reach,
    inventory: &Inventory,
    wanted: impl Fn(Peer, Peer) -> bool,
) -> Result<(), Failure> {
    let ends = Ends::new(reach, inventory);
    let json = args.format == ReachFormat::Json;
    output::stream(json, |out| {
        if json {
            let head = serde_json::json!({
                "dataplane": reach.enforcement.dataplane,
                "enforced": reach.enforcement.enforced,
            });
            writeln!(out, "{{\n\"schemaVersion\": 1,")?;
            writeln!(out, "\"dataplane\": {},\n\"enforced\": {},", head["dataplane"], head["enforced"])?;
            let peers: Vec<&TablePeer> = ends.table_peers().collect();
            writeln!(out, "\"peers\": {},\n\"connections\": [", serde_json::to_string(&peers)?)?;
        } else {
            writeln!(out, "from,to,answer,protocol,first_port,last_port,reason")?;
        }
        let mut separator = "";
        table::visit_connections(reach, inventory, &ends, wanted, |mut c| {
            if !keep_selected_port(args, &mut c.allow, &mut c.unknown) {
                return Ok(());
            }
            if !json {
                return write_csv(out, &c);
            }
            write!(out, "{separator}{}", serde_json::to_string(&c)?)?;
            separator = ",\n";
            Ok(())
        })?;
        if json { writeln!(out, "\n]\n}}") } else { Ok(()) }
    })
}

/// One line for each range of ports.
fn write_csv(out: &mut dyn Write, c: &Connection) -> std::io::Result<()> {
    let quoted = |text: &str| {
        if text.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let (from, to) = (quoted(&c.from), quoted(&c.to));
    for p in &c.allow {
        for (first, last) in &p.ports {
            writeln!(out, "{from},{to},allow,{},{first},{last},", p.protocol)?;
        }
    }
    for p in &c.unknown {
        let reason = quoted(&p.reason);
        for (first, last) in &p.ports {
            writeln!(out, "{from},{to},unknown,{},{first},{last},{reason}", p.protocol)?;
        }
    }
    Ok(())
}

/// Whether a peer of the table is one of `asked`. An address means the range that contains it.
fn contains_peer(atoms: &Atoms, asked: &[Peer], peer: Peer) -> bool {
    asked.iter().any(|a| match (a, peer) {
        (Peer::Address(ip), Peer::Atom(i)) => atoms.find(*ip) == i,
        (a, p) => *a == p,
    })
}

/// Rejects addresses inside the cluster. Policies treat pods and nodes differently from other addresses, and never see the
/// address of a Service.
fn reject_cluster_address(inventory: &Inventory, ip: IpAddr) -> Result<(), Failure> {
    if let Some(class) = inventory.class_by_ip(ip) {
        let name = class_name(inventory, class);
        return Err(Failure::input(format!("{ip} is the address of a pod of {name}: use that peer")));
    }
    if let Some(s) = inventory.service_by_ip(ip) {
        let id = s.meta.object_ref();
        return Err(Failure::input(format!(
            "{ip} is the cluster IP of {id}, which is translated before policies apply: use a workload behind it, with the port of its pods"
        )));
    }
    let members = inventory.workloads.iter().flat_map(|w| &w.classes).flat_map(|c| &c.members);
    if let Some(m) = members.clone().find(|m| m.host_ips.contains(&ip)) {
        return Err(Failure::input(format!(
            "{ip} is the address of node {}: use `node`, which means any node except the destination's own, which always reaches its pods",
            m.node.as_deref().unwrap_or("(unnamed)")
        )));
    }
    Ok(())
}

/// On the legacy dataplane, the node rewrites a connection to the metadata server before policies apply:
/// `docs/semantics.md#dns-and-metadata`.
fn reject_rewritten_destination(args: &Args, reach: &Reach, to: &[Peer]) -> Result<(), Failure> {
    let metadata = IpAddr::from([169, 254, 169, 254]);
    let calico = reach.enforcement.candidates.contains(&Dataplane::Calico);
    let asked = to.contains(&Peer::Address(metadata)) && args.port.is_none_or(|p| p == 80 || p == 8080);
    if asked && calico && reach.model.network.gke_metadata > Tri::No {
        return Err(Failure::input(
            "on the legacy dataplane a node with the GKE metadata server rewrites 169.254.169.254 port 80 to 169.254.169.252 port 988 (8080 to 987) before policies apply: use --to ip:169.254.169.252 --port 988",
        ));
    }
    Ok(())
}

/// The peers that an argument names: all classes of a workload, or the second with `#2`.
fn find_peers(inventory: &Inventory, text: &str) -> Result<Vec<Peer>, Failure> {
    if text == "node" {
        return Ok(vec![Peer::Node]);
    }
    if let Some(address) = text.strip_prefix("ip:") {
        let ip: IpAddr = address.parse().map_err(|_| {
            Failure::input(format!("\"{address}\" is not an IPv4 or IPv6 address (as in ip:203.0.113.7)"))
        })?;
        reject_cluster_address(inventory, ip)?;
        return Ok(vec![Peer::Address(ip)]);
    }
    let (name, class) = match text.rsplit_once('#') {
        Some((name, n)) => match n.parse::<usize>() {
            Ok(n) if n > 0 => (name, Some(n - 1)),
            _ => {
                return Err(Failure::input(format!(
                    "\"#{n}\" in {text} is not the number of a class of pods (as in prod/web#2)"
                )));
            }
        },
        None => (text, None),
    };
    let parts: Vec<&str> = name.split('/').collect();
    let matches = |w: &crate::inventory::Workload| match parts.as_slice() {
        [ns, name] => w.object.namespace == *ns && w.object.name == *name,
        [ns, kind, name] => {
            w.object.namespace == *ns && w.object.kind.eq_ignore_ascii_case(kind) && w.object.name == *name
        }
        _ => false,
    };
    if !(2..=3).contains(&parts.len()) {
        return Err(Failure::input(format!(
            "\"{text}\" is not a peer: use namespace/name, namespace/Kind/name, ip:ADDRESS or node"
        )));
    }
    let found: Vec<usize> = (0..inventory.workloads.len()).filter(|i| matches(&inventory.workloads[*i])).collect();
    match found.as_slice() {
        [] => {
            let ids = inventory.workloads.iter().map(|w| w.id.as_str());
            let short: Vec<String> =
                inventory.workloads.iter().map(|w| format!("{}/{}", w.object.namespace, w.object.name)).collect();
            let hint = if parts.len() == 3 {
                crate::document::hint(name, ids)
            } else {
                crate::document::hint(name, short.iter().map(String::as_str))
            };
            Err(Failure::input(format!("no workload \"{text}\" in the evidence{hint}")))
        }
        [one] => {
            let all: Vec<ClassId> = (0..inventory.workloads[*one].classes.len()).map(|c| (*one, c)).collect();
            match class {
                None => Ok(all.into_iter().map(Peer::Class).collect()),
                Some(n) => all.get(n).map(|c| vec![Peer::Class(*c)]).ok_or_else(|| {
                    Failure::input(format!("{name} has no class #{} of pods (it has {})", n + 1, all.len()))
                }),
            }
        }
        several => {
            let ids: Vec<&str> = several.iter().map(|i| inventory.workloads[*i].id.as_str()).collect();
            Err(Failure::input(format!("\"{text}\" is not unique: {}", ids.join(", "))))
        }
    }
}

/// The answer for all pairs of classes. Unknown if they differ.
fn evaluate(args: &Args, reach: &mut Reach, from: &[Peer], to: &[Peer]) -> Tri {
    let mut answer: Option<Tri> = None;
    for a in from {
        for b in to {
            let d = reach.pair(*a, *b);
            let one = match args.port {
                Some(port) => reach.allows(d, args.protocol.protocol(), port),
                None if !reach.set(d.certain).is_empty() => Tri::Yes,
                None if !reach.set(d.possible).is_empty() => Tri::Maybe,
                None => Tri::No,
            };
            answer = Some(match answer {
                None => one,
                Some(x) if x == one => x,
                Some(_) => Tri::Maybe,
            });
        }
    }
    answer.unwrap_or(Tri::Maybe)
}

/// 0 as expected, 1 if not, 3 if the answer is unknown. Denied only if policies are enforced, which is assumed, is unknown.
fn exit_status(expect: Option<Expect>, answer: Tri, reach: &Reach) -> u8 {
    let assumed = reach.enforcement.enforced.is_none();
    match (expect, answer) {
        (None, _) => 0,
        (Some(_), Tri::No) if assumed => {
            log::note(
                "the connection is denied only if network policies are enforced, which is assumed: add the cluster \
                 configuration, or state the dataplane with --dataplane",
            );
            3
        }
        (Some(_), Tri::Maybe) => 3,
        (Some(Expect::Allowed), Tri::Yes) | (Some(Expect::Denied), Tri::No) => 0,
        _ => 1,
    }
}

fn peer_name(inventory: &Inventory, peer: Peer) -> String {
    match peer {
        Peer::Class(c) => class_name(inventory, c),
        Peer::Address(ip) => format!("ip:{ip}"),
        _ => "node".to_owned(),
    }
}

fn describe_enforcement(reach: &Reach) -> String {
    match (reach.enforcement.dataplane, reach.enforcement.enforced) {
        (Some(Dataplane::None), _) => "policies are not enforced".to_owned(),
        (Some(d), _) if reach.enforcement.stated => format!("{}, as stated", d.title()),
        (Some(d), _) => format!("{}, enforcing", d.title()),
        (None, _) if reach.enforcement.candidates.contains(&Dataplane::None) => "enforcement unknown".to_owned(),
        (None, _) => "enforcement assumed: no cluster configuration".to_owned(),
    }
}

/// Prints the answer to one question, with the rules that decide it.
fn print_answer(
    args: &Args,
    inventory: &Inventory,
    reach: &mut Reach,
    from: &[Peer],
    to: &[Peer],
) -> Result<u8, Failure> {
    let answer = evaluate(args, reach, from, to);
    let width = output::width().clamp(60, 140);
    let mut text = String::new();
    for a in from {
        for b in to {
            let e = explain(reach, inventory, *a, *b);
            let d = reach.pair(*a, *b);
            let one = match args.port {
                Some(port) => reach.allows(d, args.protocol.protocol(), port),
                None if !e.allows.0.is_empty() => Tri::Yes,
                None if !e.allows.1.is_empty() => Tri::Maybe,
                None => Tri::No,
            };
            let word = match one {
                Tri::Yes => "ALLOWED",
                Tri::No => "DENIED",
                Tri::Maybe => "UNKNOWN",
            };
            let what = match args.port {
                Some(port) => format!("{} {port}", args.protocol.protocol()),
                None if one == Tri::Maybe => format!("possibly {}", e.allows.1),
                None => e.allows.0.to_string(),
            };
            let (a_name, b_name) = (peer_name(inventory, *a), peer_name(inventory, *b));
            let _ = writeln!(text, "{word}   {a_name} → {b_name}   {what}   ({})", describe_enforcement(reach));
            if *a == *b && !reach.is_single(*a) {
                let _ = writeln!(text, "          between two replicas; a pod always reaches itself");
            }
            text.push('\n');
            for side in &e.sides {
                let name = if side.direction == Direction::Egress { &a_name } else { &b_name };
                print_side(&mut text, args, side, name, width);
            }
            if one == Tri::Maybe || args.port.is_none() {
                print_reasons(&mut text, &e, width);
            }
            if *a == Peer::Node {
                text.push_str("The destination's own node always reaches its pods.\n\n");
            }
            if one == Tri::Yes && reach.enforcement.enforced != Some(false) {
                print_how_to_deny(&mut text, inventory, &e, *b, width);
            }
        }
    }
    output::print(&text)?;
    Ok(exit_status(args.expect, answer, reach))
}

fn print_side(text: &mut String, args: &Args, side: &Side, name: &str, width: usize) {
    let side_name = if side.direction == Direction::Egress { "egress " } else { "ingress" };
    let _ = writeln!(text, "  {side_name}  {name}");
    paragraph(text, &side.summary, width, 11, 2);
    let asked = args.port.map(|p| PortSet::one(args.protocol.protocol(), p));
    let opens = |set: &PortSet| asked.as_ref().map_or(!set.is_empty(), |a| !set.intersection(a).is_empty());
    let (mut certain, mut perhaps) = (0, 0);
    for r in &side.rules {
        let verdict = match r.peer_matches {
            Tri::No => "does not match this peer".to_owned(),
            Tri::Yes if opens(&r.opens.0) => {
                certain += 1;
                format!("matches: opens {}", r.opens.0)
            }
            Tri::Yes | Tri::Maybe if opens(&r.opens.1) => {
                perhaps += 1;
                format!("may match: opens {}", r.opens.1)
            }
            Tri::Yes if r.opens.1.is_empty() => {
                format!("matches this peer, but the pod has none of its ports ({})", r.ports)
            }
            Tri::Yes => format!("matches this peer, but opens only {}", r.opens.1),
            Tri::Maybe => format!("may match this peer, but opens only {}", r.opens.1),
        };
        let _ = writeln!(text, "             {} of {}", r.rule, r.policy);
        let _ = writeln!(text, "               {}", r.origin);
        paragraph(text, &format!("{}, {}", r.peers, r.ports), width, 15, 2);
        paragraph(text, &verdict, width, 15, 2);
    }
    if !side.isolated_by.is_empty() && certain == 0 {
        let tail = match (side.rules.len(), perhaps) {
            (0, _) => "no rules: all traffic is denied".to_owned(),
            (1, 0) => "1 rule; it does not match".to_owned(),
            (n, 0) => format!("{n} rules; none matches"),
            (n, p) => format!("{n} rules; none certainly matches, {p} may match"),
        };
        let _ = writeln!(text, "             {tail}");
    }
    text.push('\n');
}

fn print_reasons(text: &mut String, e: &Explanation, width: usize) {
    for r in &e.reasons {
        paragraph(text, &format!("Unknown because: {}", r.text), width, 0, 2);
    }
    if !e.reasons.is_empty() {
        text.push('\n');
    }
}

/// Prints how to deny the connection.
fn print_how_to_deny(text: &mut String, inventory: &Inventory, e: &Explanation, to: Peer, width: usize) {
    let Peer::Class((w, c)) = to else { return };
    let workload = &inventory.workloads[w];
    let class = &workload.classes[c];
    let Some(side) = e.sides.iter().find(|s| s.direction == Direction::Ingress) else { return };
    if class.host_network || !side.isolated_by.is_empty() {
        return;
    }
    let labels: Vec<String> = class.labels.iter().take(2).map(|(k, v)| format!("{k}={v}")).collect();
    let who = if labels.is_empty() { "every pod".to_owned() } else { labels.join(",") };
    let advice = format!(
        "To deny it: add a NetworkPolicy in {} that selects {who} for ingress and does not allow this source.",
        workload.object.namespace
    );
    paragraph(text, &advice, width, 0, 2);
}

/// The name of a peer of the table, for people.
fn display_name(id: &str) -> String {
    match id {
        "ip:0.0.0.0-255.255.255.255,::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" => {
            "any address outside the cluster".to_owned()
        }
        "node" => "any other node".to_owned(),
        other => other.to_owned(),
    }
}

/// Blocks of the table that fit a screen.
const SHOWN_BLOCKS: usize = 12;
/// Lines of one list that fit a screen.
const SHOWN_LINES: usize = 6;

/// The whole table: one block for each set of destinations, with sources grouped by the ports that they can reach.
fn overview(args: &Args, reach: &Reach, t: &ReachSets) -> String {
    let mut text = format!("{}\n", describe_enforcement(reach));
    if let Some(r) = reach.enforcement.reason.as_ref().filter(|_| !reach.enforcement.stated) {
        paragraph(&mut text, &r.text, output::width().clamp(60, 140), 0, 0);
    }
    let names = Names::new(t);
    // Destinations, then ports, then sources.
    let mut blocks: BTreeMap<Vec<&str>, BTreeMap<String, BTreeSet<&str>>> = BTreeMap::new();
    for c in &t.connections {
        let sources = blocks.entry(names.members(&c.to)).or_default().entry(describe_ports(c)).or_default();
        sources.extend(names.members(&c.from));
    }
    let limit = |shown: usize| if args.all { usize::MAX } else { shown };
    let list = |text: &mut String, indent: &str, lines: Vec<String>| {
        let shown = lines.len().min(limit(SHOWN_LINES));
        for line in &lines[..shown] {
            let _ = writeln!(text, "{indent}{line}");
        }
        if lines.len() > shown {
            let _ = writeln!(text, "{indent}… {} more (--all)", lines.len() - shown);
        }
    };
    for (to, by_ports) in blocks.iter().take(limit(SHOWN_BLOCKS)) {
        text.push('\n');
        let destinations = names.describe(to.iter().copied());
        list(&mut text, "", destinations.iter().map(|line| format!("to {line}")).collect());
        for (ports, from) in by_ports {
            let _ = writeln!(text, "  {ports}");
            let sources = names.describe(from.iter().copied());
            list(&mut text, "      ", sources.iter().map(|line| format!("from {line}")).collect());
        }
    }
    let hidden = blocks.len().saturating_sub(limit(SHOWN_BLOCKS));
    if hidden > 0 {
        let _ = writeln!(text, "\n… {hidden} more groups of destinations (--all, or --to PEER)");
    }
    if t.connections.is_empty() {
        text.push_str("\nno connection is allowed between these peers\n");
    } else if args.from.is_none() || args.to.is_none() {
        text.push_str("\nFor the rules that decide, give one pair with --from, --to and --port. A pod always reaches itself, and its own node always reaches it.\n");
    }
    text
}

/// The ports of an entry, for people.
fn describe_ports(c: &SetConnection) -> String {
    let all = |ports: &[(u16, u16)]| ports == [(1, u16::MAX)];
    let words = |protocol: Protocol, ports: &[(u16, u16)]| {
        let one = |(a, b): &(u16, u16)| if a == b { a.to_string() } else { format!("{a}-{b}") };
        let list = if all(ports) { "all".to_owned() } else { ports.iter().map(one).collect::<Vec<_>>().join(", ") };
        format!("{protocol} {list}")
    };
    let certain = if c.allow.is_empty() {
        "no port for certain".to_owned()
    } else if c.allow.len() == 3 && c.allow.iter().all(|p| all(&p.ports)) {
        "all ports".to_owned()
    } else {
        c.allow.iter().map(|p| words(p.protocol, &p.ports)).collect::<Vec<_>>().join(", ")
    };
    if c.unknown.is_empty() {
        certain
    } else if c.unknown.len() == 3 && c.unknown.iter().all(|p| all(&p.ports)) {
        format!("{certain}; possibly all ports")
    } else {
        let perhaps: Vec<String> = c.unknown.iter().map(|p| words(p.protocol, &p.ports)).collect();
        format!("{certain}; possibly {}", perhaps.join(", "))
    }
}

/// The sets of a table, for people.
struct Names<'a> {
    sets: HashMap<&'a str, &'a [String]>,
    /// Namespace of each workload.
    namespaces: HashMap<&'a str, &'a str>,
    /// Number of workloads of each namespace.
    sizes: BTreeMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    fn new(t: &'a ReachSets) -> Self {
        let mut names = Names {
            sets: t.sets.iter().map(|(name, ids)| (name.as_str(), ids.as_slice())).collect(),
            namespaces: HashMap::new(),
            sizes: BTreeMap::new(),
        };
        for peer in &t.peers {
            if let TablePeer::Workload { id, namespace, .. } = peer {
                names.namespaces.insert(id, namespace);
                *names.sizes.entry(namespace).or_default() += 1;
            }
        }
        names
    }

    /// The ids of some sets, sorted.
    fn members(&self, sets: &[String]) -> Vec<&'a str> {
        let lists = sets.iter().filter_map(|s| self.sets.get(s.as_str()));
        let mut found: Vec<&str> = lists.flat_map(|ids| ids.iter().map(String::as_str)).collect();
        found.sort_unstable();
        found
    }

    /// One line for each namespace: its only workload, or how many of its workloads are meant; then addresses and nodes.
    fn describe(&self, ids: impl Iterator<Item = &'a str>) -> Vec<String> {
        let mut by_namespace: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut others = Vec::new();
        for id in ids {
            match self.namespaces.get(id) {
                Some(namespace) => by_namespace.entry(namespace).or_default().push(id),
                None => others.push(display_name(id)),
            }
        }
        let whole = |namespace: &str, found: usize| self.sizes.get(namespace) == Some(&found);
        let everything = by_namespace.len() == self.sizes.len()
            && by_namespace.iter().all(|(namespace, ids)| whole(namespace, ids.len()));
        if everything && self.namespaces.len() > FEW {
            let mut lines = vec![format!("all {} workloads", self.namespaces.len())];
            lines.extend(others);
            return lines;
        }
        let mut lines = Vec::new();
        for (namespace, ids) in by_namespace {
            if ids.len() <= FEW {
                lines.extend(ids.into_iter().map(str::to_owned));
            } else if whole(namespace, ids.len()) {
                lines.push(format!("{namespace}: all {} workloads", ids.len()));
            } else {
                let shown = ids.iter().take(FEW).map(|id| short_name(id)).collect::<Vec<_>>().join(", ");
                lines.push(format!("{namespace}: {} workloads ({shown}, …)", ids.len()));
            }
        }
        lines.extend(others);
        lines
    }
}

/// So many workloads of a namespace are listed one by one.
const FEW: usize = 3;

/// `name` of `namespace/Kind/name`.
fn short_name(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}
