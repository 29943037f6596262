//! Facts of a workload: what isolates it, who can reach it, and what it can reach.

use serde_json::Value as Json;

use crate::inventory::{Known, Reason, Tri};
use crate::network::explain::{class_name, reasons};
use crate::network::{Direction, Peer, well_known};

use super::context::{self, Context, tri};
use super::environment;
use super::schema::{Evidence, Facts, SubjectKind};

crate::facts! {
    /// Facts of a workload. A fact is that of its worst class of pods.
    pub struct WorkloadFacts {
        /// `namespace/Kind/name`.
        name / "name": String => [Workloads],
        /// Namespace.
        namespace / "namespace": String => [Workloads],
        /// Whether its namespace is a platform namespace.
        platform / "platform": bool => [Workloads],
        /// Whether it has pods, or should have some: false if it is scaled to zero.
        running / "running": bool => [Workloads],
        /// Its environment; `null` if it is not set.
        environment / "environment": Option<String> => [Workloads, Namespaces],
        /// Whether some of its pods use the host network, where NetworkPolicies do not apply.
        host_network / "hostNetwork": bool => [Workloads],
        /// Policies whose podSelector matches its hostNetwork pods, without effect on them.
        host_network_policies / "hostNetworkPolicies": Vec<String> => [Workloads, NetworkPolicies],
        /// Whether an enforced policy isolates every one of its pods for ingress.
        ingress_isolated / "ingressIsolated": bool => [Workloads, Namespaces, NetworkPolicies],
        /// Whether an enforced policy isolates every one of its pods for egress.
        egress_isolated / "egressIsolated": bool => [Workloads, Namespaces, NetworkPolicies],
        /// Policies that select it for ingress, enforced or not.
        ingress_policies / "ingressPolicies": Vec<String> => [Workloads, NetworkPolicies],
        /// Policies that select it for egress, enforced or not.
        egress_policies / "egressPolicies": Vec<String> => [Workloads, NetworkPolicies],
        /// Whether policies are enforced (assumed without a cluster configuration).
        policies_enforced / "policiesEnforced": bool => [],
        /// Whether a pod without labels, in a namespace that no policy names, can reach some port of it.
        reachable_from_every_namespace / "reachableFromEveryNamespace": bool => [Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// The ports that such a pod can reach, such as `TCP 8080`.
        ports_open_to_every_namespace / "portsOpenToEveryNamespace": String => [Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Whether it can reach more than half of the public IPv4 addresses on some port.
        reaches_internet / "reachesInternet": bool => [Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// The ports on which it can, such as `TCP 443`.
        internet_ports / "internetPorts": String => [Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Whether it can reach the metadata server, at the address that policies see on this dataplane.
        reaches_metadata_server / "reachesMetadataServer": bool => [Workloads, Namespaces, NetworkPolicies, OtherPolicies],
    }
}

/// Facts of the workload `cx.inventory.workloads[w]`.
pub fn build(cx: &mut Context<'_>, w: usize) -> Facts {
    let workload = cx.inventory.workloads[w].clone();
    let namespace = workload.object.namespace.clone();
    let pod_classes = cx.pod_classes(w);
    let host_classes: Vec<usize> = (0..workload.classes.len()).filter(|c| workload.classes[*c].host_network).collect();
    let ingress = cx.isolation(w, Direction::Ingress);
    let egress = cx.isolation(w, Direction::Egress);

    let mut host_policies: Vec<String> = Vec::new();
    for c in &host_classes {
        for d in Direction::BOTH {
            let (certain, _) = cx.reach.policies_of((w, *c), d);
            host_policies.extend(cx.policy_ids(&certain));
        }
    }
    host_policies.sort();
    host_policies.dedup();

    let (mut everyone, mut everyone_reasons) = (Tri::No, Vec::new());
    let mut everyone_ports = crate::network::PortSet::empty();
    let (mut internet, mut internet_reasons) = (Tri::No, Vec::new());
    let mut internet_ports = crate::network::PortSet::empty();
    let (mut metadata, mut metadata_reasons) = (Tri::No, Vec::new());
    for class in &pod_classes {
        let to = Peer::Class(*class);
        let d = cx.reach.pair(well_known::STRANGER, to);
        let open = cx.reach.set(d.certain).clone();
        if !open.is_empty() {
            everyone = Tri::Yes;
            everyone_ports = everyone_ports.union(&open);
        } else if !cx.reach.set(d.possible).is_empty() {
            everyone = everyone.max(Tri::Maybe);
            everyone_reasons.extend(reasons(cx.reach, cx.inventory, well_known::STRANGER, to));
        }
        let d = cx.reach.internet(*class);
        let open = cx.reach.set(d.certain).clone();
        if !open.is_empty() {
            internet = Tri::Yes;
            internet_ports = internet_ports.union(&open);
        } else if !cx.reach.set(d.possible).is_empty() {
            internet = internet.max(Tri::Maybe);
            internet_reasons.extend(egress_reasons(cx, *class));
        }
        let one = well_known::metadata(cx.reach, *class);
        if one == Tri::Maybe {
            metadata_reasons.extend(metadata_reason(cx, *class));
        }
        metadata = metadata.max(one);
    }
    let enforced = cx.policies_enforced();
    let namespace_labels = cx.inventory.namespaces.get(&namespace).map(|n| n.labels.known.clone()).unwrap_or_default();
    let environment = environment::of_namespace(cx.config, &namespace, &namespace_labels).map(|e| e.name);
    let values = WorkloadFacts {
        name: Known::Value(workload.id.clone()),
        namespace: Known::Value(namespace.clone()),
        platform: Known::Value(cx.is_platform(&namespace)),
        running: Known::Value(workload.running),
        environment: Known::Value(environment),
        host_network: Known::Value(!host_classes.is_empty()),
        host_network_policies: Known::Value(host_policies),
        ingress_isolated: ingress.isolated.clone(),
        egress_isolated: egress.isolated.clone(),
        ingress_policies: Known::Value(cx.policy_ids(&ingress.policies)),
        egress_policies: Known::Value(cx.policy_ids(&egress.policies)),
        policies_enforced: enforced,
        reachable_from_every_namespace: tri(everyone, everyone_reasons),
        ports_open_to_every_namespace: Known::Value(everyone_ports.to_string()),
        reaches_internet: tri(internet, internet_reasons),
        internet_ports: Known::Value(internet_ports.to_string()),
        reaches_metadata_server: tri(metadata, metadata_reasons),
    };
    let ingress_evidence = direction_evidence(cx, w, Direction::Ingress, &ingress.policies);
    let egress_evidence = direction_evidence(cx, w, Direction::Egress, &egress.policies);
    let metadata_seen: Vec<String> = cx
        .reach
        .enforcement
        .candidates
        .iter()
        .flat_map(|d| well_known::metadata_addresses(*d, cx.reach.model.network.gke_metadata))
        .map(|(ip, port)| format!("{ip} TCP {port}"))
        .collect();
    let mut metadata_evidence = egress_evidence.clone();
    metadata_evidence.push(cx.of_workload(
        &workload,
        "metadata server as policies see it",
        Json::from(metadata_seen),
        "on the legacy dataplane, a node with the GKE metadata server rewrites 169.254.169.254:80 to 169.254.169.252:988 before policies apply",
    ));
    let host_evidence = vec![cx.of_workload(
        &workload,
        "spec.hostNetwork",
        Json::from(!host_classes.is_empty()),
        "NetworkPolicies do not apply to pods on the host network",
    )];
    context::facts(
        workload.id.clone(),
        SubjectKind::Workload,
        workload.object.clone(),
        values.into_values(),
        vec![
            ("hostNetwork", host_evidence),
            ("ingressIsolated", ingress_evidence.clone()),
            ("egressIsolated", egress_evidence.clone()),
            ("reachableFromEveryNamespace", ingress_evidence),
            ("reachesInternet", egress_evidence),
            ("reachesMetadataServer", metadata_evidence),
        ],
    )
}

/// Evidence of the policies in one direction, and of the cluster's enforcement if they are not enforced.
fn direction_evidence(cx: &Context<'_>, w: usize, direction: Direction, policies: &[usize]) -> Vec<Evidence> {
    let mut list = Vec::new();
    if cx.reach.enforcement.enforced == Some(false) {
        list.extend(cx.enforcement_evidence());
    }
    list.extend(cx.isolation_evidence(w, direction, policies));
    list
}

fn egress_reasons(cx: &mut Context<'_>, class: (usize, usize)) -> Vec<Reason> {
    let mut found = Vec::new();
    for address in cx.reach.egress_examples(class) {
        found.extend(reasons(cx.reach, cx.inventory, Peer::Class(class), Peer::Address(address)));
        if !found.is_empty() {
            break;
        }
    }
    found
}

fn metadata_reason(cx: &mut Context<'_>, class: (usize, usize)) -> Vec<Reason> {
    let mut found = egress_reasons(cx, class);
    let network = &cx.reach.model.network;
    if cx.inventory.snapshot.cluster.is_none() || cx.reach.enforcement.candidates.len() > 1 {
        found.extend(cx.reach.enforcement.reason.clone());
    } else if network.gke_metadata == Tri::Maybe {
        found.push(Reason::undecided(
            "node pools differ in workloadMetadataConfig.mode, which decides the address that policies see",
        ));
    }
    if found.is_empty() {
        found.push(Reason::undecided(format!(
            "whether {} can reach the metadata server depends on facts that are not in the evidence",
            class_name(cx.inventory, class)
        )));
    }
    found
}
