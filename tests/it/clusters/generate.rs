//! Tiny clusters at random.

use std::fmt;
use std::net::IpAddr;

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

use super::manifest::{Style, text};
use crate::oracle::*;

const NAMESPACES: [&str; 3] = ["x", "y", "z"];
const KEYS: [&str; 2] = ["team", "env"];
const VALUES: [&str; 2] = ["red", "blue"];
const PORTS: [u16; 6] = [53, 80, 81, 443, 8080, 65535];
const NAMES: [&str; 2] = ["http", "dns"];
/// Blocks with what may be taken out of each.
const BLOCKS: [(&str, &[&str]); 9] = [
    ("0.0.0.0/0", &["10.4.0.0/16", "10.4.1.0/24", "203.0.113.0/24", "10.128.0.11/32"]),
    ("10.4.0.0/16", &["10.4.0.0/24", "10.4.1.0/25", "10.4.2.20/32"]),
    ("10.4.1.0/24", &["10.4.1.0/25"]),
    ("10.4.0.10/32", &[]),
    ("10.128.0.0/20", &["10.128.0.12/31"]),
    ("203.0.113.77/24", &["203.0.113.128/25", "203.0.113.0/26"]),
    ("255.255.255.0/24", &["255.255.255.255/32"]),
    ("::/0", &["fd00::/64", "2001:db8::/32"]),
    ("fd00::/64", &["fd00::a/128", "fd00::10/124"]),
];

/// A cluster that prints itself as the YAML that shows the failure.
#[derive(Clone)]
pub(crate) struct Case {
    pub cluster: Cluster,
    pub style: Style,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", text(&self.cluster.objects(self.style), Style { json: false, ..self.style }).1)
    }
}

fn labels() -> impl Strategy<Value = Labels> {
    (weighted(0.6, 0..2usize), weighted(0.4, 0..2usize), prop::bool::weighted(0.05)).prop_map(|(a, b, empty)| {
        let mut labels = Labels::new();
        for (key, value) in KEYS.iter().zip([a, b]) {
            if let Some(v) = value {
                labels.insert((*key).into(), VALUES[v].into());
            }
        }
        if empty {
            labels.insert(KEYS[1].into(), String::new());
        }
        labels
    })
}

fn selector(key: impl Strategy<Value = String> + Clone + 'static) -> BoxedStrategy<Selector> {
    let value =
        prop_oneof![8 => select(&VALUES[..]), 1 => Just(""), 1 => select(&NAMESPACES[..])].prop_map(str::to_owned);
    let expression =
        (key.clone(), 0..4u8, vec(value.clone(), 1..3)).prop_map(|(key, operator, values)| match operator {
            0 => (key, Operator::In, values),
            1 => (key, Operator::NotIn, values),
            2 => (key, Operator::Exists, Vec::new()),
            _ => (key, Operator::DoesNotExist, Vec::new()),
        });
    let labels = prop_oneof![
        3 => Just(Labels::new()),
        3 => (key.clone(), value.clone()).prop_map(|kv| Labels::from([kv])),
        1 => vec((key, value), 2).prop_map(Labels::from_iter),
    ];
    (labels, prop_oneof![3 => vec(expression.clone(), 0..1), 2 => vec(expression.clone(), 1), 1 => vec(expression, 2)])
        .prop_map(|(labels, expressions)| Selector { labels, expressions })
        .boxed()
}

fn pod_selector() -> BoxedStrategy<Selector> {
    selector(select(&KEYS[..]).prop_map(str::to_owned))
}

fn namespace_selector() -> BoxedStrategy<Selector> {
    let name = Just("kubernetes.io/metadata.name");
    let named = select(&NAMESPACES[..]).prop_map(|n| Selector {
        labels: [("kubernetes.io/metadata.name".to_owned(), n.to_owned())].into(),
        expressions: Vec::new(),
    });
    prop_oneof![
        5 => selector(prop_oneof![6 => select(&KEYS[..]), 1 => name].prop_map(str::to_owned)),
        2 => named,
    ]
    .boxed()
}

fn peer() -> BoxedStrategy<Peer> {
    let block = (0..BLOCKS.len(), vec(any::<prop::sample::Index>(), 0..3)).prop_map(|(i, except)| {
        let (cidr, parts) = BLOCKS[i];
        let mut except: Vec<String> = match parts.len() {
            0 => Vec::new(),
            n => except.iter().map(|e| parts[e.index(n)].to_owned()).collect(),
        };
        except.dedup();
        Peer::Block { cidr: cidr.to_owned(), except }
    });
    prop_oneof![
        3 => pod_selector().prop_map(|s| Peer::Pods { namespaces: None, pods: Some(s) }),
        3 => namespace_selector().prop_map(|s| Peer::Pods { namespaces: Some(s), pods: None }),
        2 => (namespace_selector(), pod_selector())
            .prop_map(|(n, p)| Peer::Pods { namespaces: Some(n), pods: Some(p) }),
        5 => block,
    ]
    .boxed()
}

fn protocol() -> impl Strategy<Value = Option<Proto>> + Clone {
    prop_oneof![3 => Just(None), 2 => Just(Some(Proto::Tcp)), 3 => Just(Some(Proto::Udp)), 1 => Just(Some(Proto::Sctp))]
}

fn port() -> BoxedStrategy<Port> {
    let number = (select(&PORTS[..]), weighted(0.4, prop_oneof![select(&PORTS[..]), Just(82u16), Just(9000)]))
        .prop_map(|(n, end)| (Some(PortNumber::Number(n)), end.map(|e| e.max(n))));
    let what = prop_oneof![
        1 => Just((None, None)),
        5 => number,
        4 => select(&NAMES[..]).prop_map(|n| (Some(PortNumber::Name(n.to_owned())), None)),
    ];
    (protocol(), what).prop_map(|(protocol, (port, end))| Port { protocol, port, end }).boxed()
}

fn rules() -> BoxedStrategy<Option<Vec<Rule>>> {
    let rule = (weighted(0.8, vec(peer(), 0..3)), weighted(0.7, vec(port(), 0..3)))
        .prop_map(|(peers, ports)| Rule { peers, ports });
    weighted(0.75, vec(rule, 0..3)).boxed()
}

pub(crate) fn policy() -> BoxedStrategy<Policy> {
    use Side::*;
    let types = prop_oneof![
        2 => Just(None),
        1 => Just(Some(vec![])),
        2 => Just(Some(vec![Ingress])),
        2 => Just(Some(vec![Egress])),
        3 => Just(Some(vec![Ingress, Egress])),
    ];
    let selector =
        prop_oneof![2 => Just(None), 2 => Just(Some(Selector::default())), 6 => pod_selector().prop_map(Some)];
    (select(&NAMESPACES[..]), selector, types, rules(), rules())
        .prop_map(|(namespace, selector, types, ingress, egress)| Policy {
            namespace: namespace.to_owned(),
            name: String::new(),
            selector,
            types,
            ingress,
            egress,
        })
        .boxed()
}

fn containers() -> BoxedStrategy<Vec<(Role, Vec<ContainerPort>)>> {
    let port = (weighted(0.8, select(&NAMES[..])), select(&PORTS[..]), protocol())
        .prop_map(|(name, number, protocol)| ContainerPort { name: name.map(str::to_owned), number, protocol });
    let role = prop_oneof![6 => Just(Role::Regular), 2 => Just(Role::Sidecar), 1 => Just(Role::Init)];
    vec((role, vec(port, 0..3)), 0..3)
        .prop_map(|mut list| {
            // Init containers and sidecars come first; a name is unique within its container.
            list.sort_by_key(|(role, _)| *role == Role::Regular);
            for (_, ports) in &mut list {
                if ports.len() == 2 && ports[0].name == ports[1].name {
                    ports[1].name = None;
                }
            }
            list
        })
        .boxed()
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[derive(Clone, Debug)]
struct Draft {
    namespace: usize,
    labels: Labels,
    host_network: bool,
    /// 0: not scheduled; 1, 2: on that node.
    node: usize,
    single_stack: bool,
    finished: bool,
    containers: Vec<(Role, Vec<ContainerPort>)>,
}

fn draft() -> impl Strategy<Value = Draft> {
    let node = prop_oneof![1 => Just(0usize), 12 => Just(1), 12 => Just(2)];
    (
        0..3usize,
        labels(),
        prop::bool::weighted(0.2),
        node,
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.05),
        containers(),
    )
        .prop_map(|(namespace, labels, host_network, node, single_stack, finished, containers)| Draft {
            namespace,
            labels,
            host_network,
            node,
            single_stack,
            finished,
            containers,
        })
}

/// A cluster of at most six pods, three namespaces and `policies` policies.
pub(crate) fn case(policies: usize) -> impl Strategy<Value = Case> {
    let override_name = prop::bool::weighted(0.1);
    (
        vec((labels(), override_name), 3),
        vec(draft(), 1..=6),
        vec(policy(), 0..=policies),
        prop::bool::weighted(0.25),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(namespaces, drafts, mut policies, dual_stack, nulls, json)| {
            for (i, p) in policies.iter_mut().enumerate() {
                p.name = format!("np{i}");
            }
            let namespaces = NAMESPACES
                .iter()
                .zip(namespaces)
                .map(|(name, (mut labels, override_name))| {
                    if override_name {
                        labels.insert("kubernetes.io/metadata.name".into(), "x".into());
                    }
                    Namespace { name: (*name).into(), labels }
                })
                .collect();
            let pods = drafts
                .into_iter()
                .enumerate()
                .map(|(i, d)| {
                    let node = (d.node > 0).then(|| format!("n{}", d.node));
                    let mut host_ips = Vec::new();
                    let mut ips = Vec::new();
                    if node.is_some() {
                        host_ips.push(ip(&format!("10.128.0.{}", 10 + d.node)));
                        ips.push(ip(&format!("10.4.{}.{}", i % 3, 10 * (i + 1))));
                        if dual_stack {
                            host_ips.push(ip(&format!("fd10::{}", 10 + d.node)));
                            if !d.single_stack {
                                ips.push(ip(&format!("fd00::{:x}", 10 + 3 * i)));
                            }
                        }
                        if d.host_network {
                            ips.clone_from(&host_ips);
                        }
                    }
                    Pod {
                        namespace: NAMESPACES[d.namespace].into(),
                        name: format!("p{i}"),
                        labels: d.labels,
                        host_network: d.host_network,
                        ips,
                        node,
                        host_ips,
                        containers: d.containers,
                        finished: d.finished,
                    }
                })
                .collect();
            Case { cluster: Cluster { namespaces, pods, policies }, style: Style { nulls, json } }
        })
}
