//! What a port name of a policy stands for, on each dataplane.
//!
//! A name resolves on the destination pod to the container port whose name and protocol match:
//! <https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/#NetworkPolicyPort>.

use std::collections::BTreeSet;

use crate::inventory::Dataplane;
use crate::inventory::object::{ContainerRole, Protocol};

use super::model::{Cell, Model};
use super::ports::PortSet;

/// Numbers that a name certainly and possibly opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    pub certain: BTreeSet<u16>,
    pub possible: BTreeSet<u16>,
}

impl Numbers {
    pub(super) fn sets(&self, protocol: Protocol) -> (PortSet, PortSet) {
        let set = |numbers: &BTreeSet<u16>| {
            numbers.iter().fold(PortSet::empty(), |s, n| s.union(&PortSet::one(protocol, *n)))
        };
        (set(&self.certain), set(&self.possible))
    }

    fn exactly(numbers: BTreeSet<u16>) -> Self {
        Numbers { certain: numbers.clone(), possible: numbers }
    }

    /// Either may be the case.
    fn either(a: BTreeSet<u16>, b: BTreeSet<u16>) -> Self {
        Numbers { certain: a.intersection(&b).copied().collect(), possible: a.union(&b).copied().collect() }
    }
}

fn numbers(cell: &Cell, name: &str, protocol: Protocol, roles: &[ContainerRole]) -> BTreeSet<u16> {
    cell.ports
        .iter()
        .filter(|(role, p)| roles.contains(role) && p.protocol == protocol && p.name.as_deref() == Some(name))
        .map(|(_, p)| p.port)
        .collect()
}

const REGULAR: [ContainerRole; 1] = [ContainerRole::Regular];
/// Containers whose ports count for Kubernetes itself (the lookup of a Service's targetPort).
const SERVING: [ContainerRole; 2] = [ContainerRole::Regular, ContainerRole::Sidecar];
const EVERY: [ContainerRole; 3] = [ContainerRole::Regular, ContainerRole::Sidecar, ContainerRole::Init];

/// Cilium up to 1.17, on which Dataplane V2 is known to be based.
pub(super) fn is_older_cilium(version: Option<(u32, u32)>) -> bool {
    version.is_some_and(|v| v <= (1, 17))
}

/// Resolves `name` on the pods of `cell`.
pub(super) fn on_pod(model: &Model, dataplane: Dataplane, cell: &Cell, name: &str, protocol: Protocol) -> Numbers {
    let found = match dataplane {
        Dataplane::Calico => match model.agents.calico {
            // From 3.30 Felix registers the ports of init containers too.
            Some(v) if v >= (3, 30) => Numbers::exactly(numbers(cell, name, protocol, &EVERY)),
            Some(_) => Numbers::exactly(numbers(cell, name, protocol, &REGULAR)),
            None => Numbers::either(numbers(cell, name, protocol, &REGULAR), numbers(cell, name, protocol, &EVERY)),
        },
        Dataplane::DataplaneV2 => {
            let older = last_by_name(cell, name, protocol);
            if is_older_cilium(model.agents.cilium) {
                Numbers::exactly(older)
            } else {
                let newer = numbers(cell, name, protocol, &SERVING);
                if newer.len() > 1 {
                    // Whether the first, the last or all count is not known of newer agents.
                    return Numbers { certain: BTreeSet::new(), possible: newer };
                }
                Numbers::either(older, newer)
            }
        }
        Dataplane::Upstream | Dataplane::None => Numbers::exactly(numbers(cell, name, protocol, &SERVING)),
    };
    // Two numbers for one name: the first, the last or all of them count, depending on who reads it.
    if found.certain.len() > 1 {
        return Numbers { certain: BTreeSet::new(), possible: found.possible };
    }
    found
}

/// Cilium keeps one entry a name and pod: the last declaration wins, whatever its protocol.
fn last_by_name(cell: &Cell, name: &str, protocol: Protocol) -> BTreeSet<u16> {
    cell.ports
        .iter()
        .rev()
        .find(|(role, p)| *role == ContainerRole::Regular && p.name.as_deref() == Some(name))
        .filter(|(_, p)| p.protocol == protocol)
        .map(|(_, p)| p.port)
        .into_iter()
        .collect()
}

/// Resolves `name` of an egress rule towards a destination; `None` is a destination that is not a pod.
pub(super) fn towards(
    model: &Model,
    dataplane: Dataplane,
    destination: Option<&Cell>,
    name: &str,
    protocol: Protocol,
) -> Numbers {
    let own = match destination {
        Some(cell) if !cell.host_network => on_pod(model, dataplane, cell, name, protocol),
        // A name says nothing about an address.
        _ => Numbers::default(),
    };
    if dataplane != Dataplane::DataplaneV2 {
        return own;
    }
    // Older Cilium resolves the name once for the whole cluster: one number is opened towards every peer of the rule,
    // several open nothing (cilium/cilium#24779, #30003). Of newer agents either half of that may still hold.
    let everywhere = model.port_names.get(&(name.to_owned(), protocol));
    let registered = everywhere.map(|n| n.registered.clone()).unwrap_or_default();
    let cluster_wide = if registered.len() == 1 { registered } else { BTreeSet::new() };
    if is_older_cilium(model.agents.cilium) {
        return Numbers::exactly(cluster_wide);
    }
    let serving = everywhere.map(|n| n.serving.clone()).unwrap_or_default();
    let certain =
        if serving.len() == 1 { own.certain.intersection(&cluster_wide).copied().collect() } else { BTreeSet::new() };
    Numbers { certain, possible: own.possible.into_iter().chain(cluster_wide).chain(serving).collect() }
}
