//! Destinations that nearly every pod needs, or should not have: cluster DNS and the metadata server.
//!
//! DNS: <https://cloud.google.com/kubernetes-engine/docs/how-to/nodelocal-dns-cache>,
//! <https://cloud.google.com/kubernetes-engine/docs/how-to/cloud-dns>.
//! Metadata: <https://cloud.google.com/kubernetes-engine/docs/how-to/network-policy#network-policy-and-workload-identity>.

use std::net::{IpAddr, Ipv4Addr};

use crate::inventory::object::{ContainerPort, Labels, Protocol};
use crate::inventory::{ClassId, Dataplane, Inventory, LabelView, Tri};

use super::model::{Imagined, namespace_view};
use super::policy::Direction;
use super::ports::{Decision, PortSet};
use super::reach::{Peer, Reach};

/// A pod without labels in a namespace that no policy names: "any pod of any namespace".
pub const STRANGER: Peer = Peer::Imagined(0);
const KUBE_DNS: Peer = Peer::Imagined(1);
const NODE_LOCAL_DNS: Peer = Peer::Imagined(2);
/// The CloudNativePG operator where its installation puts it.
pub const CNPG_OPERATOR: Peer = Peer::Imagined(3);

const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
const METADATA_REWRITTEN: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 252));
const NODE_LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 20, 10));

/// Name of the namespace of [`STRANGER`]; no namespace can have it.
const NOWHERE: &str = "(any namespace)";

/// The imagined pods that the constants above number.
pub fn imagined() -> Vec<Imagined> {
    let pod = |namespace: &str, labels: &[(&str, &str)], ports: &[(&str, u16, Protocol)]| Imagined {
        namespace: namespace.to_owned(),
        labels: LabelView::known(labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Labels>()),
        ports: ports
            .iter()
            .map(|(name, port, protocol)| ContainerPort {
                name: Some((*name).to_owned()),
                port: *port,
                protocol: *protocol,
                host_port: None,
            })
            .collect(),
    };
    vec![
        pod(NOWHERE, &[], &[]),
        pod("kube-system", &[("k8s-app", "kube-dns")], &[("dns", 53, Protocol::Udp), ("dns-tcp", 53, Protocol::Tcp)]),
        pod(
            "kube-system",
            &[("k8s-app", "node-local-dns")],
            &[("dns", 53, Protocol::Udp), ("dns-tcp", 53, Protocol::Tcp)],
        ),
        pod("cnpg-system", &[("app.kubernetes.io/name", "cloudnative-pg")], &[]),
    ]
}

/// Labels of [`STRANGER`]'s namespace: its name is none that a policy could mean, and it has no other label.
pub(super) fn imagined_namespace(name: &str) -> LabelView {
    if name == NOWHERE { namespace_view(name, false) } else { namespace_view(name, true) }
}

/// Classes of the pods that answer for cluster DNS.
fn dns_pods(inventory: &Inventory, label: &str) -> Vec<ClassId> {
    let mut found = Vec::new();
    for &w in inventory.workloads_in("kube-system") {
        for (c, class) in inventory.workloads[w].classes.iter().enumerate() {
            if !class.host_network && class.labels.get("k8s-app").is_some_and(|v| v == label) {
                found.push((w, c));
            }
        }
    }
    found
}

/// What a class may send to the cluster's DNS, of port 53 UDP and TCP.
pub fn dns(reach: &mut Reach, inventory: &Inventory, class: ClassId) -> Decision {
    let network = reach.model.network.clone();
    let service_ip = inventory.service("kube-system", "kube-dns").and_then(|s| s.cluster_ips.first().copied());
    let mut result: Option<Decision> = None;
    for engine in 0..reach.enforcement.candidates.len() {
        let dataplane = reach.enforcement.candidates[engine];
        for (cloud, local) in combinations(network.cloud_dns, network.node_local_dns) {
            let d = match (cloud, local) {
                (true, false) => reach.side_of(engine, Direction::Egress, class, Peer::Address(METADATA)),
                (true, true) => reach.side_of(engine, Direction::Egress, class, Peer::Address(NODE_LOCAL)),
                (false, true) if dataplane == Dataplane::DataplaneV2 => {
                    pods(reach, inventory, engine, class, "node-local-dns", NODE_LOCAL_DNS)
                }
                // The cache runs on the node and answers on the Service's address, which is then not translated.
                (false, true) => match service_ip {
                    Some(ip) => reach.side_of(engine, Direction::Egress, class, Peer::Address(ip)),
                    None => reach.every_address(engine, class, &[(Protocol::Udp, 53), (Protocol::Tcp, 53)]),
                },
                (false, false) => pods(reach, inventory, engine, class, "kube-dns", KUBE_DNS),
            };
            result = Some(match result {
                None => d,
                Some(r) => r.either(d, &mut reach.pool),
            });
        }
    }
    let port_53 = reach.pool.intern(PortSet::one(Protocol::Udp, 53).union(&PortSet::one(Protocol::Tcp, 53)));
    let all = result.unwrap_or(Decision::OPEN);
    all.and(Decision { certain: port_53, possible: port_53 }, &mut reach.pool)
}

fn pods(
    reach: &mut Reach,
    inventory: &Inventory,
    engine: usize,
    class: ClassId,
    label: &str,
    otherwise: Peer,
) -> Decision {
    let found = dns_pods(inventory, label);
    if found.is_empty() {
        return reach.side_of(engine, Direction::Egress, class, otherwise);
    }
    let mut result: Option<Decision> = None;
    for pod in found {
        let d = reach.side_of(engine, Direction::Egress, class, Peer::Class(pod));
        result = Some(match result {
            None => d,
            Some(r) => r.or(d, &mut reach.pool),
        });
    }
    result.unwrap_or(Decision::OPEN)
}

/// Where cluster DNS answers, as a policy sees it, for people.
pub fn dns_server(reach: &Reach, inventory: &Inventory) -> String {
    let network = &reach.model.network;
    let v2 = reach.enforcement.candidates.as_slice() == [Dataplane::DataplaneV2];
    let service_ip = inventory.service("kube-system", "kube-dns").and_then(|s| s.cluster_ips.first().copied());
    match (network.cloud_dns, network.node_local_dns) {
        (Tri::Maybe, _) | (_, Tri::Maybe) => {
            "where DNS answers depends on the cluster's configuration, which is not known".to_owned()
        }
        (Tri::Yes, Tri::No) => format!("Cloud DNS answers at {METADATA}"),
        (Tri::Yes, Tri::Yes) => format!("NodeLocal DNSCache answers at {NODE_LOCAL}"),
        (Tri::No, Tri::Yes) if v2 => "NodeLocal DNSCache answers in the node-local-dns pods".to_owned(),
        (Tri::No, Tri::Yes) => format!(
            "NodeLocal DNSCache answers on the node at the address of the kube-dns Service{}",
            service_ip.map_or(String::new(), |ip| format!(", {ip}"))
        ),
        (Tri::No, Tri::No) => "kube-dns answers in its pods, labelled k8s-app=kube-dns".to_owned(),
    }
}

fn combinations(a: Tri, b: Tri) -> Vec<(bool, bool)> {
    let values = |t: Tri| match t {
        Tri::Yes => vec![true],
        Tri::No => vec![false],
        Tri::Maybe => vec![false, true],
    };
    values(a).into_iter().flat_map(|x| values(b).into_iter().map(move |y| (x, y))).collect()
}

/// Where the metadata server is met, as the policy sees it.
pub fn metadata_addresses(dataplane: Dataplane, gke_metadata: Tri) -> Vec<(IpAddr, u16)> {
    match (dataplane, gke_metadata) {
        // The node rewrites the connection before the policy sees it, where it runs the GKE metadata server.
        (Dataplane::Calico, Tri::Yes) => vec![(METADATA_REWRITTEN, 988)],
        (Dataplane::Calico, Tri::Maybe) => vec![(METADATA_REWRITTEN, 988), (METADATA, 80)],
        _ => vec![(METADATA, 80)],
    }
}

/// Whether a class reaches the metadata server, dialled as 169.254.169.254 port 80.
pub fn metadata(reach: &mut Reach, class: ClassId) -> Tri {
    let gke_metadata = reach.model.network.gke_metadata;
    let mut result: Option<Tri> = None;
    for engine in 0..reach.enforcement.candidates.len() {
        for (ip, port) in metadata_addresses(reach.enforcement.candidates[engine], gke_metadata) {
            let d = reach.side_of(engine, Direction::Egress, class, Peer::Address(ip));
            let one = reach.allows(d, Protocol::Tcp, port);
            result = Some(match result {
                None => one,
                Some(r) if r == one => r,
                Some(_) => Tri::Maybe,
            });
        }
    }
    result.unwrap_or(Tri::Maybe)
}
