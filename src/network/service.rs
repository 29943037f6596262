//! From a Service to the pods and ports behind it. A policy never sees the Service: it sees the pod and its port.
//!
//! <https://kubernetes.io/docs/concepts/services-networking/service/>

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::inventory::object::{ContainerRole, PortRef, Protocol, Service, ServicePort};
use crate::inventory::{Class, ClassId, Inventory, Tri};

/// What stands behind one port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Pods of a class, with how certainly the Service selects them, and the port that the connection arrives at.
    Pods {
        /// The class by index: workload, class.
        class: ClassId,
        /// Whether the selector matches them; `Yes` if an EndpointSlice lists their address.
        selected: Tri,
        /// Port of the pod; for a headless Service, the port that the client dials.
        port: u16,
    },
    /// An address that belongs to no pod in the evidence.
    Address {
        /// From an EndpointSlice.
        ip: IpAddr,
        /// Port at that address; for a headless Service, the port that the client dials.
        port: u16,
    },
}

/// Numbers that a targetPort has on the pods of a class: a name resolves on each pod to the container ports of that name
/// and protocol, of containers and sidecars.
pub fn target_ports(class: &Class, target: &PortRef, protocol: Protocol) -> BTreeSet<u16> {
    match target {
        PortRef::Number(n) => [*n].into(),
        PortRef::Name(name) => class
            .ports
            .iter()
            .filter(|(role, p)| {
                matches!(role, ContainerRole::Regular | ContainerRole::Sidecar)
                    && p.protocol == protocol
                    && p.name.as_deref() == Some(name)
            })
            .map(|(_, p)| p.port)
            .take(1)
            .collect(),
    }
}

/// Whether some container of the class declares the port. A declaration is information, not a switch: a process may
/// listen on a port that no container declares.
pub fn declares(class: &Class, port: u16, protocol: Protocol) -> bool {
    class.ports.iter().any(|(role, p)| *role != ContainerRole::Init && p.port == port && p.protocol == protocol)
}

/// Backends of `port` of a Service, for a client that dials it.
pub fn backends(inventory: &Inventory, service: &Service, port: u16, protocol: Protocol) -> Vec<Backend> {
    let entry = service.ports.iter().find(|p| p.port == port && p.protocol == protocol);
    let mut found = Vec::new();
    if service.headless {
        // DNS gives pod addresses and nothing is translated: the dialled port is the pod's.
        for &(class, selected) in inventory.backends(service) {
            found.push(Backend::Pods { class, selected, port });
        }
    } else if let Some(entry) = entry {
        for &(class, selected) in inventory.backends(service) {
            let pods = &inventory.workloads[class.0].classes[class.1];
            for port in target_ports(pods, &entry.target, protocol) {
                found.push(Backend::Pods { class, selected, port });
            }
        }
    }
    if service.selector.is_empty() {
        found.extend(by_hand(inventory, service, entry, port, protocol));
    }
    found
}

/// A Service without selector sends traffic to the addresses of its EndpointSlices.
fn by_hand(
    inventory: &Inventory,
    service: &Service,
    entry: Option<&ServicePort>,
    port: u16,
    protocol: Protocol,
) -> Vec<Backend> {
    let mut found = Vec::new();
    for slice in inventory.endpoints(service) {
        let name = entry.and_then(|e| e.name.clone()).unwrap_or_default();
        let target = if service.headless {
            Some(port)
        } else {
            slice.ports.iter().find(|p| p.name == name && p.protocol == protocol).and_then(|p| p.port).or(
                match entry.map(|e| &e.target) {
                    Some(PortRef::Number(n)) if slice.ports.is_empty() => Some(*n),
                    _ => None,
                },
            )
        };
        let Some(port) = target else { continue };
        for ip in &slice.addresses {
            found.push(match inventory.class_by_ip(*ip) {
                Some(class) => Backend::Pods { class, selected: Tri::Yes, port },
                None => Backend::Address { ip: *ip, port },
            });
        }
    }
    found
}
