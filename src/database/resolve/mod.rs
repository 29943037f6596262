//! From the host that a client types to the Service behind it, without asking any network.
//!
//! Names follow [DNS for Services and Pods](https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/);
//! an [ExternalName](https://kubernetes.io/docs/concepts/services-networking/service/#externalname) is a CNAME and
//! nothing else.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use crate::inventory::object::{HostAlias, Service, ServiceType};
use crate::inventory::{Known, Reason};

/// ExternalName hops before giving up.
pub const MAX_CHAIN: usize = 8;

/// The Services of the cluster.
pub trait ServiceDirectory {
    /// `Value(None)` when it is certain that there is no such Service.
    fn service(&self, namespace: &str, name: &str) -> Known<Option<&Service>>;

    fn by_cluster_ip(&self, ip: IpAddr) -> Option<&Service>;

    /// Whether the namespace exists; `None` if that is not known.
    fn namespace_exists(&self, _namespace: &str) -> Option<bool> {
        None
    }
}

/// Where a client dials from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    pub namespace: &'a str,
    /// `cluster.local` unless configured otherwise.
    pub cluster_domain: &'a str,
    pub host_aliases: &'a [HostAlias],
    /// The pod uses the node's resolver, which does not know cluster names.
    pub node_dns: bool,
}

/// What a host leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Service {
        namespace: String,
        name: String,
        /// One pod of a headless Service.
        pod: Option<String>,
    },
    /// An address that is no cluster IP: a pod's, or outside the cluster.
    Address(IpAddr),
    /// The pod itself.
    Loopback,
    /// A name outside the cluster's domain.
    External(String),
    /// A cluster name without a Service.
    Dangling(String),
    /// ExternalNames that lead back to themselves, or a chain of more than [`MAX_CHAIN`].
    Loop,
    Unknown(Vec<Reason>),
}

/// An endpoint with the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    pub endpoint: Endpoint,
    /// What was looked up in turn, the typed host first; Services as `namespace/Service/name`.
    pub path: Vec<String>,
    /// ExternalName Services passed on the way, as `(namespace, name)`.
    pub aliases: Vec<(String, String)>,
    /// A Service in another namespace than the client's.
    pub cross_namespace: bool,
}

/// Follows `host`, without its port: the port that the client dials stays what it is through an ExternalName or a
/// headless Service, and is a Service port otherwise.
pub fn resolve(host: &str, origin: &Origin<'_>, directory: &dyn ServiceDirectory) -> Resolution {
    let mut walk = Walk {
        origin,
        directory,
        out: Resolution {
            endpoint: Endpoint::Loop,
            path: vec![host.to_owned()],
            aliases: Vec::new(),
            cross_namespace: false,
        },
    };
    walk.out.endpoint = walk.typed(host);
    walk.out
}

struct Walk<'a> {
    origin: &'a Origin<'a>,
    directory: &'a dyn ServiceDirectory,
    out: Resolution,
}

impl Walk<'_> {
    fn typed(&mut self, host: &str) -> Endpoint {
        let lower = host.trim().to_ascii_lowercase();
        let bare = lower.trim_start_matches('[').trim_end_matches(']');
        if bare.is_empty() || bare == "localhost" || bare.ends_with(".localhost") {
            return Endpoint::Loopback;
        }
        if let Ok(ip) = bare.parse() {
            return self.address(ip);
        }
        let alias = self.origin.host_aliases.iter().find(|a| a.hostnames.iter().any(|h| h.eq_ignore_ascii_case(bare)));
        if let Some(alias) = alias {
            self.out.path.push(format!("hostAliases {}", alias.ip));
            return match alias.ip.parse() {
                Ok(ip) => self.address(ip),
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
            Some(absolute) => self.absolute(absolute),
            None => self.searched(bare),
        }
    }

    fn address(&mut self, ip: IpAddr) -> Endpoint {
        if ip.is_loopback() || ip.is_unspecified() {
            return Endpoint::Loopback;
        }
        match self.directory.by_cluster_ip(ip) {
            Some(s) => {
                let (namespace, name) = (s.meta.namespace.clone(), s.meta.name.clone());
                self.arrive(&namespace, &name, None, s)
            }
            None => Endpoint::Address(ip),
        }
    }

    /// A name that goes through the search list.
    fn searched(&mut self, name: &str) -> Endpoint {
        let labels: Vec<&str> = name.split('.').collect();
        let own = self.origin.namespace.to_owned();
        match labels.as_slice() {
            [service] => self.service(&own, service, None),
            // `NAME.<namespace>.svc.<domain>` stands first in the list: a pod of a headless Service here.
            [pod, service] if self.is_headless(&own, service) => self.service(&own, service, Some(pod)),
            [service, namespace] => self.two_labels(service, namespace, name),
            [service, namespace, "svc"] => self.service(namespace, service, None),
            [pod, service, namespace] if self.is_headless(namespace, service) => {
                self.service(namespace, service, Some(pod))
            }
            [pod, service, namespace, "svc"] => self.service(namespace, service, Some(pod)),
            [ip, _, "pod"] if dashed(ip).is_some() => self.dashed(ip),
            _ => self.absolute(name),
        }
    }

    fn two_labels(&mut self, service: &str, namespace: &str, name: &str) -> Endpoint {
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
        self.service(namespace, service, None)
    }

    fn is_headless(&self, namespace: &str, service: &str) -> bool {
        matches!(self.directory.service(namespace, service), Known::Value(Some(s)) if s.headless)
    }

    /// A fully qualified name.
    fn absolute(&mut self, name: &str) -> Endpoint {
        let domain = self.origin.cluster_domain;
        let Some(inside) = name.strip_suffix(domain).and_then(|n| n.strip_suffix('.')) else {
            // A cluster name under a domain that this cluster does not have.
            let foreign = name.ends_with(".svc.cluster.local") || name.ends_with(".svc");
            return if foreign { Endpoint::Dangling(name.to_owned()) } else { Endpoint::External(name.to_owned()) };
        };
        let labels: Vec<&str> = inside.split('.').collect();
        match labels.as_slice() {
            [service, namespace, "svc"] => self.service(namespace, service, None),
            [pod, service, namespace, "svc"] => self.service(namespace, service, Some(pod)),
            [ip, _, "pod"] if dashed(ip).is_some() => self.dashed(ip),
            _ => Endpoint::Dangling(name.to_owned()),
        }
    }

    fn dashed(&mut self, label: &str) -> Endpoint {
        dashed(label).map_or_else(|| Endpoint::Dangling(label.to_owned()), Endpoint::Address)
    }

    fn service(&mut self, namespace: &str, name: &str, pod: Option<&str>) -> Endpoint {
        match self.directory.service(namespace, name) {
            Known::Value(Some(s)) => self.arrive(namespace, name, pod, s),
            Known::Value(None) => {
                self.out.path.push(format!("{namespace}/Service/{name} (missing)"));
                Endpoint::Dangling(format!("{namespace}/{name}"))
            }
            Known::Unknown(reasons) => {
                self.out.path.push(format!("{namespace}/Service/{name} (not read)"));
                Endpoint::Unknown(reasons)
            }
        }
    }

    fn arrive(&mut self, namespace: &str, name: &str, pod: Option<&str>, service: &Service) -> Endpoint {
        self.out.path.push(format!("{namespace}/Service/{name}"));
        self.out.cross_namespace |= namespace != self.origin.namespace;
        if service.service_type != ServiceType::ExternalName {
            return Endpoint::Service {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                pod: pod.map(str::to_owned),
            };
        }
        let here = (namespace.to_owned(), name.to_owned());
        if self.out.aliases.contains(&here) || self.out.aliases.len() >= MAX_CHAIN {
            return Endpoint::Loop;
        }
        self.out.aliases.push(here);
        let target = service.external_name.as_deref().unwrap_or_default().to_ascii_lowercase();
        let target = target.trim_end_matches('.');
        self.out.path.push(target.to_owned());
        // An address is read as a name, which does not exist; a CNAME goes through no search list.
        if target.is_empty() || target.parse::<IpAddr>().is_ok() || !target.contains('.') {
            return Endpoint::Dangling(target.to_owned());
        }
        self.absolute(target)
    }
}

/// `10-0-0-1` of a pod's name in DNS.
fn dashed(label: &str) -> Option<IpAddr> {
    label.replace('-', ".").parse().ok().or_else(|| label.replace('-', ":").parse().ok())
}
