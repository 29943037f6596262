//! Variables that the kubelet makes from Services.

use std::net::IpAddr;

use crate::inventory::object::{Protocol, Service, ServiceType};

/// `(name, value)` for each variable of `service`; a Service without a cluster IP makes none.
///
/// `value` is `None` when the address is not in the evidence: manifests do not carry it.
pub(super) fn of_service(service: &Service) -> Vec<(String, Option<String>)> {
    if service.headless || service.service_type == ServiceType::ExternalName {
        return Vec::new();
    }
    let Some(first) = service.ports.first() else { return Vec::new() };
    let ip = service.cluster_ips.first();
    let stem = service.meta.name.to_ascii_uppercase().replace('-', "_");
    let mut out = vec![
        (format!("{stem}_SERVICE_HOST"), ip.map(IpAddr::to_string)),
        (format!("{stem}_SERVICE_PORT"), Some(first.port.to_string())),
    ];
    for port in &service.ports {
        if let Some(name) = port.name.as_deref().filter(|n| !n.is_empty()) {
            let name = name.to_ascii_uppercase().replace('-', "_");
            out.push((format!("{stem}_SERVICE_PORT_{name}"), Some(port.port.to_string())));
        }
    }
    let address = |protocol: &str, port: u16| {
        ip.map(|ip| match ip {
            IpAddr::V4(v4) => format!("{protocol}://{v4}:{port}"),
            IpAddr::V6(v6) => format!("{protocol}://[{v6}]:{port}"),
        })
    };
    let lower = |p: Protocol| p.to_string().to_ascii_lowercase();
    out.push((format!("{stem}_PORT"), address(&lower(first.protocol), first.port)));
    for port in &service.ports {
        let base = format!("{stem}_PORT_{}_{}", port.port, port.protocol);
        let protocol = lower(port.protocol);
        out.push((base.clone(), address(&protocol, port.port)));
        out.push((format!("{base}_PROTO"), Some(protocol)));
        out.push((format!("{base}_PORT"), Some(port.port.to_string())));
        out.push((format!("{base}_ADDR"), ip.map(IpAddr::to_string)));
    }
    out
}
