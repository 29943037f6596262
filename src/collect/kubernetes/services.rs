//! Services, their endpoints, and Ingresses.

use crate::document::{Content, Cursor};
use crate::inventory::object::*;

use super::{FromObject, ReadOptions, parse_port, parse_protocol};

impl FromObject for Service {
    fn read(c: &Cursor<'_>, meta: Meta, options: &ReadOptions<'_>) -> impl IntoIterator<Item = Service> {
        let mut service = parse_service(c, meta);
        options.interner.intern_labels(&mut service.selector);
        Some(service)
    }
}

impl FromObject for Endpoints {
    fn read(c: &Cursor<'_>, meta: Meta, _: &ReadOptions<'_>) -> impl IntoIterator<Item = Endpoints> {
        if meta.kind == "EndpointSlice" { vec![parse_endpoint_slice(c, meta)] } else { parse_endpoints(c, meta) }
    }
}

impl FromObject for Ingress {
    fn read(c: &Cursor<'_>, meta: Meta, _: &ReadOptions<'_>) -> impl IntoIterator<Item = Ingress> {
        Some(parse_ingress(c, meta))
    }
}

fn parse_service(c: &Cursor<'_>, meta: Meta) -> Service {
    let Some(spec) = c.get("spec") else { return Service { meta, ..Service::default() } };
    let service_type = match spec.get("type").and_then(|t| t.str().map(|s| (s, t))) {
        None => ServiceType::ClusterIP,
        Some((s, t)) => match s {
            "ClusterIP" => ServiceType::ClusterIP,
            "NodePort" => ServiceType::NodePort,
            "LoadBalancer" => ServiceType::LoadBalancer,
            "ExternalName" => ServiceType::ExternalName,
            other => {
                t.problem(format_args!("unknown value \"{other}\"; the API server refuses this object"));
                ServiceType::ClusterIP
            }
        },
    };
    let mut cluster_ips = spec.string_list("clusterIPs");
    cluster_ips.extend(spec.string_at("clusterIP"));
    let ports = spec.items("ports");
    Service {
        meta,
        service_type,
        headless: cluster_ips.iter().any(|ip| ip == "None"),
        cluster_ips: {
            let mut parsed: Vec<std::net::IpAddr> = cluster_ips.iter().filter_map(|ip| ip.parse().ok()).collect();
            parsed.sort();
            parsed.dedup();
            parsed
        },
        external_name: spec.string_at("externalName"),
        selector: spec.get("selector").map(|s| s.strings()).unwrap_or_default(),
        ports: ports
            .iter()
            .filter_map(|p| {
                let port = p.get("port")?.port()?;
                let target = match p.get("targetPort") {
                    None => PortRef::Number(port),
                    Some(t) if matches!(t.node.content, Content::Int(0)) => PortRef::Number(port),
                    Some(t) => parse_port(&t)?,
                };
                Some(ServicePort {
                    name: p.string_at("name").filter(|n| !n.is_empty()),
                    port,
                    protocol: parse_protocol(p),
                    target,
                    node_port: p.get("nodePort").filter(|n| n.node.content != Content::Int(0)).and_then(|n| n.port()),
                })
            })
            .collect(),
    }
}

fn parse_endpoint_slice(c: &Cursor<'_>, meta: Meta) -> Endpoints {
    let service = meta.labels.get("kubernetes.io/service-name").unwrap_or_default().to_owned();
    let addresses = c.items("endpoints").iter().flat_map(|e| e.string_list("addresses")).collect::<Vec<_>>();
    Endpoints { meta, service, addresses: parse_addresses(&addresses), ports: parse_endpoint_ports(c) }
}

fn parse_endpoints(c: &Cursor<'_>, meta: Meta) -> Vec<Endpoints> {
    let service = meta.name.clone();
    c.items("subsets")
        .iter()
        .map(|s| {
            let addresses: Vec<_> = ["addresses", "notReadyAddresses"]
                .iter()
                .flat_map(|key| s.items(key))
                .filter_map(|a| a.string_at("ip"))
                .collect();
            Endpoints {
                meta: meta.clone(),
                service: service.clone(),
                addresses: parse_addresses(&addresses),
                ports: parse_endpoint_ports(s),
            }
        })
        .collect()
}

fn parse_addresses(texts: &[String]) -> Vec<std::net::IpAddr> {
    let mut found: Vec<std::net::IpAddr> = texts.iter().filter_map(|a| a.parse().ok()).collect();
    found.sort();
    found.dedup();
    found
}

fn parse_endpoint_ports(c: &Cursor<'_>) -> Vec<EndpointPort> {
    c.items("ports")
        .iter()
        .map(|p| EndpointPort {
            name: p.string_at("name").unwrap_or_default(),
            port: p.get("port").and_then(|n| n.port()),
            protocol: parse_protocol(p),
        })
        .collect()
}

fn parse_ingress(c: &Cursor<'_>, meta: Meta) -> Ingress {
    let Some(spec) = c.get("spec") else { return Ingress { meta, ..Ingress::default() } };
    let backend = |b: &Cursor<'_>| -> Option<IngressBackend> {
        let service = b.get("service")?;
        let port = service.get("port");
        Some(IngressBackend {
            service: service.string_at("name")?,
            port: port
                .and_then(|p| match (p.get("number"), p.string_at("name")) {
                    (Some(n), _) => n.port().map(PortRef::Number),
                    (None, Some(name)) => Some(PortRef::Name(name)),
                    (None, None) => None,
                })
                .unwrap_or_default(),
        })
    };
    let mut backends: Vec<IngressBackend> = spec.get("defaultBackend").iter().filter_map(&backend).collect();
    for rule in spec.items("rules") {
        for path in rule.get("http").map(|h| h.items("paths")).unwrap_or_default() {
            backends.extend(path.get("backend").as_ref().and_then(&backend));
        }
    }
    backends.sort();
    backends.dedup();
    Ingress { meta, class: spec.string_at("ingressClassName"), backends }
}
