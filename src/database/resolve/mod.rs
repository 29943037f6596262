//! Resolves the host in a client's settings to a Service, without network access.
//!
//! Names follow [DNS for Services and Pods](https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/);
//! an [ExternalName](https://kubernetes.io/docs/concepts/services-networking/service/#externalname) Service is a CNAME.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use crate::inventory::object::{HostAlias, Service, ServiceType};
use crate::inventory::{Known, Reason};

/// The most ExternalName Services in one resolution.
pub(crate) const MAX_CHAIN: usize = 8;

/// The Services of the cluster.
pub(crate) trait ServiceDirectory {
    /// `Value(None)` if it is certain that no such Service exists.
    fn service(&self, namespace: &str, name: &str) -> Known<Option<&Service>>;

    fn service_by_cluster_ip(&self, ip: IpAddr) -> Option<&Service>;

    /// Whether the namespace exists; `None` if that is not known.
    fn namespace_exists(&self, _namespace: &str) -> Option<bool> {
        None
    }
}

/// The pod that connects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub namespace: &'a str,
    /// `cluster.local` unless configured otherwise.
    pub cluster_domain: &'a str,
    pub host_aliases: &'a [HostAlias],
    /// The pod uses the node's resolver, which does not resolve cluster names.
    pub node_dns: bool,
}

/// What a host resolves to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Service {
        namespace: String,
        name: String,
        /// One pod of a headless Service.
        pod: Option<String>,
    },
    /// An address that is not a cluster IP: a pod's, or an address outside the cluster.
    Address(IpAddr),
    /// The pod itself.
    Loopback,
    /// A name outside the cluster's domain.
    External(String),
    /// A cluster name without a Service.
    Dangling(String),
    /// ExternalName Services that refer back to themselves, or more than [`MAX_CHAIN`] of them.
    Loop,
    Unknown(Vec<Reason>),
}

/// An endpoint, and how the host resolves to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolution {
    pub endpoint: Endpoint,
    /// The names that were resolved, in order, the host of the settings first. Services as `namespace/Service/name`.
    pub path: Vec<String>,
    /// The ExternalName Services in between, as `(namespace, name)`.
    pub aliases: Vec<(String, String)>,
    /// Whether a Service is in another namespace than the client.
    pub cross_namespace: bool,
}

/// Resolves `host`, given without its port. The client's port is a Service port, except through an ExternalName or a
/// headless Service, which do not translate ports.
pub(crate) fn resolve(host: &str, origin: &Origin<'_>, directory: &dyn ServiceDirectory) -> Resolution {
    let mut resolver = Resolver {
        origin,
        directory,
        resolution: Resolution {
            endpoint: Endpoint::Loop,
            path: vec![host.to_owned()],
            aliases: Vec::new(),
            cross_namespace: false,
        },
    };
    resolver.resolution.endpoint = resolver.resolve_host(host);
    resolver.resolution
}

struct Resolver<'a> {
    origin: &'a Origin<'a>,
    directory: &'a dyn ServiceDirectory,
    resolution: Resolution,
}

impl Resolver<'_> {
    fn resolve_host(&mut self, host: &str) -> Endpoint {
        let lower = host.trim().to_ascii_lowercase();
        let bare = lower.trim_start_matches('[').trim_end_matches(']');
        if bare.is_empty() || bare == "localhost" || bare.ends_with(".localhost") {
            return Endpoint::Loopback;
        }
        if let Ok(ip) = bare.parse() {
            return self.resolve_address(ip);
        }
        let alias = self.origin.host_aliases.iter().find(|a| a.hostnames.iter().any(|h| h.eq_ignore_ascii_case(bare)));
        if let Some(alias) = alias {
            self.resolution.path.push(format!("hostAliases {}", alias.ip));
            return match alias.ip.parse() {
                Ok(ip) => self.resolve_address(ip),
                Err(_) => Endpoint::Dangling(alias.ip.clone()),
            };
        }
        if self.origin.node_dns {
            let cluster = format!(".{}", self.origin.cluster_domain);
            return if bare.ends_with(&cluster) || !bare.contains('.') {
                Endpoint::Dangling(bare.to_owned())
            } else {
                Endpoint::External(bare.to_owned())
            };
        }
        match bare.strip_suffix('.') {
            Some(absolute) => self.resolve_absolute(absolute),
            None => self.resolve_with_search_list(bare),
        }
    }

    fn resolve_address(&mut self, ip: IpAddr) -> Endpoint {
        if ip.is_loopback() || ip.is_unspecified() {
            return Endpoint::Loopback;
        }
        match self.directory.service_by_cluster_ip(ip) {
            Some(s) => {
                let (namespace, name) = (s.meta.namespace.clone(), s.meta.name.clone());
                self.follow_service(&namespace, &name, None, s)
            }
            None => Endpoint::Address(ip),
        }
    }

    /// Resolves a name by the search list.
    fn resolve_with_search_list(&mut self, name: &str) -> Endpoint {
        let labels: Vec<&str> = name.split('.').collect();
        let own = self.origin.namespace.to_owned();
        match labels.as_slice() {
            [service] => self.resolve_service(&own, service, None),
            // `NAME.<namespace>.svc.<domain>` is first in the search list, so this is a pod of a headless Service.
            [pod, service] if self.is_headless(&own, service) => self.resolve_service(&own, service, Some(pod)),
            [service, namespace] => self.resolve_two_labels(service, namespace, name),
            [service, namespace, "svc"] => self.resolve_service(namespace, service, None),
            [pod, service, namespace] if self.is_headless(namespace, service) => {
                self.resolve_service(namespace, service, Some(pod))
            }
            [pod, service, namespace, "svc"] => self.resolve_service(namespace, service, Some(pod)),
            [ip, _, "pod"] if pod_address(ip).is_some() => self.resolve_pod_name(ip),
            _ => self.resolve_absolute(name),
        }
    }

    fn resolve_two_labels(&mut self, service: &str, namespace: &str, name: &str) -> Endpoint {
        const PUBLIC: &[&str] =
            &["com", "net", "org", "io", "local", "internal", "cloud", "eu", "de", "uk", "fr", "co"];
        let certain_no = matches!(self.directory.service(namespace, service), Known::Value(None));
        let outside = match self.directory.namespace_exists(namespace) {
            Some(exists) => !exists,
            None => PUBLIC.contains(&namespace),
        };
        if outside && (certain_no || PUBLIC.contains(&namespace)) {
            return Endpoint::External(name.to_owned());
        }
        self.resolve_service(namespace, service, None)
    }

    fn is_headless(&self, namespace: &str, service: &str) -> bool {
        matches!(self.directory.service(namespace, service), Known::Value(Some(s)) if s.headless)
    }

    /// Resolves a fully qualified name.
    fn resolve_absolute(&mut self, name: &str) -> Endpoint {
        let domain = self.origin.cluster_domain;
        let Some(inside) = name.strip_suffix(domain).and_then(|n| n.strip_suffix('.')) else {
            // A Service name under the domain of another cluster.
            let foreign = name.ends_with(".svc.cluster.local") || name.ends_with(".svc");
            return if foreign { Endpoint::Dangling(name.to_owned()) } else { Endpoint::External(name.to_owned()) };
        };
        let labels: Vec<&str> = inside.split('.').collect();
        match labels.as_slice() {
            [service, namespace, "svc"] => self.resolve_service(namespace, service, None),
            [pod, service, namespace, "svc"] => self.resolve_service(namespace, service, Some(pod)),
            [ip, _, "pod"] if pod_address(ip).is_some() => self.resolve_pod_name(ip),
            _ => Endpoint::Dangling(name.to_owned()),
        }
    }

    fn resolve_pod_name(&mut self, label: &str) -> Endpoint {
        pod_address(label).map_or_else(|| Endpoint::Dangling(label.to_owned()), Endpoint::Address)
    }

    fn resolve_service(&mut self, namespace: &str, name: &str, pod: Option<&str>) -> Endpoint {
        match self.directory.service(namespace, name) {
            Known::Value(Some(s)) => self.follow_service(namespace, name, pod, s),
            Known::Value(None) => {
                self.resolution.path.push(format!("{namespace}/Service/{name} (missing)"));
                Endpoint::Dangling(format!("{namespace}/{name}"))
            }
            Known::Unknown(reasons) => {
                self.resolution.path.push(format!("{namespace}/Service/{name} (not read)"));
                Endpoint::Unknown(reasons)
            }
        }
    }

    fn follow_service(&mut self, namespace: &str, name: &str, pod: Option<&str>, service: &Service) -> Endpoint {
        self.resolution.path.push(format!("{namespace}/Service/{name}"));
        self.resolution.cross_namespace |= namespace != self.origin.namespace;
        if service.service_type != ServiceType::ExternalName {
            return Endpoint::Service {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                pod: pod.map(str::to_owned),
            };
        }
        let here = (namespace.to_owned(), name.to_owned());
        if self.resolution.aliases.contains(&here) || self.resolution.aliases.len() >= MAX_CHAIN {
            return Endpoint::Loop;
        }
        self.resolution.aliases.push(here);
        let target = service.external_name.as_deref().unwrap_or_default().to_ascii_lowercase();
        let target = target.trim_end_matches('.');
        self.resolution.path.push(target.to_owned());
        // DNS treats an address as a name, which does not exist. A CNAME does not go through the search list.
        if target.is_empty() || target.parse::<IpAddr>().is_ok() || !target.contains('.') {
            return Endpoint::Dangling(target.to_owned());
        }
        self.resolve_absolute(target)
    }
}

/// The address in a pod's DNS name: `10-0-0-1`.
fn pod_address(label: &str) -> Option<IpAddr> {
    label.replace('-', ".").parse().ok().or_else(|| label.replace('-', ":").parse().ok())
}
