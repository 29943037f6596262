//! Databases, the connections to them, and who uses which: the join of environments, Services and pods.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::database::dsn::{DsnValue, Engine, Host};
use crate::database::env::{self, PodContext};
use crate::database::hba;
use crate::database::pooler::{PoolerPosture, evaluate_pooler};
use crate::database::profile::{self, Ownership, Profile};
use crate::database::resolve::{self, Endpoint, ServiceDirectory};
use crate::inventory::object::{
    CnpgCluster, ConfigMap, Container, EnvFromSource, EnvSource, Labels, PodSpec, Protocol, SecretNames, Service,
};
use crate::inventory::{ClassId, Inventory, Known, Need, ObjectRef, Origin, Reason, Workload};
use crate::network::service::{Backend, backends};

/// PostgreSQL's port: <https://www.postgresql.org/docs/current/runtime-config-connection.html>.
pub(super) const POSTGRES: u16 = 5432;

/// A PostgreSQL database in the cluster.
#[derive(Clone, Debug)]
pub struct Database {
    /// `namespace/Kind/name`.
    pub id: String,
    pub object: ObjectRef,
    pub origin: Origin,
    pub labels: Labels,
    /// Workloads that serve it: its instances and its poolers.
    pub servers: Vec<usize>,
    /// Workload of the instances, if it has pods.
    pub instances: Option<usize>,
    /// Index into `snapshot.cnpg_clusters`.
    pub cnpg: Option<usize>,
    /// Port at the pods.
    pub port: u16,
    /// What cleartext logins meet (CloudNativePG only: other servers' rules are not in the API).
    pub posture: Option<(hba::Rules, hba::Posture)>,
    /// Its poolers, which take connections of their own.
    pub poolers: Vec<Pooler>,
}

/// A CloudNativePG Pooler in front of a database.
#[derive(Clone, Debug)]
pub struct Pooler {
    /// Index into `snapshot.cnpg_poolers`.
    pub index: usize,
    pub workload: Option<usize>,
    pub posture: PoolerPosture,
}

impl Database {
    /// What a client meets at one of the server workloads; `None` where the rules are not in the API.
    pub fn met_at(&self, workload: usize) -> Option<&hba::Acceptance> {
        match self.poolers.iter().find(|p| p.workload == Some(workload)) {
            Some(p) => Some(&p.posture.client),
            None => self.posture.as_ref().map(|(_, p)| &p.acceptance),
        }
    }
}

/// What a connection leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leads {
    /// Databases by index.
    To(BTreeSet<usize>),
    /// To nothing that is a database of this cluster; the words say what instead.
    Elsewhere(String),
    /// Not known; it may be any.
    Unknown(Vec<Reason>),
}

/// One connection of a container.
#[derive(Clone, Debug)]
pub struct Connection {
    pub workload: usize,
    pub container: String,
    pub profile: Profile,
    pub leads: Leads,
    /// Nothing that its container's environment needs is missing.
    pub starts: bool,
    /// The server workloads it arrives at: instances or poolers.
    pub servers: BTreeSet<usize>,
    /// The typed hosts.
    pub hosts: Vec<String>,
    /// What was looked up on the way.
    pub path: Vec<String>,
}

/// Databases and connections of one inventory.
#[derive(Clone, Debug, Default)]
pub struct Databases {
    pub list: Vec<Database>,
    /// Sorted by workload, container and profile.
    pub connections: Vec<Connection>,
    /// Containers whose environment is not all read, so that they may use any database. Sorted by workload and container.
    pub opaque: Vec<OpaqueContainer>,
}

/// A container with variables that were not read, which may hold the settings of a connection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpaqueContainer {
    pub workload: usize,
    pub container: String,
    /// Nothing that its environment needs is missing.
    pub starts: bool,
    /// Why its connections are not known, never empty.
    pub reasons: Vec<Reason>,
}

impl OpaqueContainer {
    /// The same reasons for a reader who does not see which container it is.
    pub fn reasons_with_name<'a>(&'a self, workload: &'a Workload) -> impl Iterator<Item = Reason> + 'a {
        self.reasons.iter().map(|r| {
            let text = format!("container {} of {}: {}", self.container, workload.id, r.text);
            Reason { text, ..r.clone() }
        })
    }
}

/// The inventory as the database module needs it.
struct Evidence<'a>(&'a Inventory);

fn unread(inventory: &Inventory, need: Need, what: &str, otherwise: String) -> Reason {
    let reasons = inventory.snapshot.why_unread(need, what);
    reasons.into_iter().next().unwrap_or_else(|| Reason::missing(otherwise))
}

impl env::Sources for Evidence<'_> {
    fn config_map(&self, namespace: &str, name: &str) -> Known<Option<&ConfigMap>> {
        if let Some(c) = self.0.config_map(namespace, name) {
            return Known::Value(Some(c));
        }
        if self.0.complete(Need::ConfigMaps, namespace) {
            return Known::Value(None);
        }
        let what = format!("ConfigMap {namespace}/{name}");
        let otherwise = format!("{what} is not in the input: add it");
        Known::unknown(unread(self.0, Need::ConfigMaps, &what, otherwise))
    }

    fn secret(&self, namespace: &str, name: &str) -> Option<&SecretNames> {
        let found = |s: &&SecretNames| s.meta.namespace == namespace && s.meta.name == name && !s.tls.is_empty();
        self.0.snapshot.secrets.iter().find(found)
    }

    fn secret_keys(&self, namespace: &str, name: &str) -> Option<&[String]> {
        let found = |s: &&SecretNames| s.meta.namespace == namespace && s.meta.name == name;
        self.0.snapshot.secrets.iter().find(found).map(|s| s.keys.as_slice())
    }

    fn services(&self, namespace: &str) -> Known<Vec<&Service>> {
        if !self.0.complete(Need::Services, namespace) {
            let what = format!("Services of namespace {namespace}");
            let otherwise = format!("not all {what} are in the input");
            return Known::unknown(unread(self.0, Need::Services, &what, otherwise));
        }
        Known::Value(self.0.services_in(namespace).collect())
    }

    fn cnpg_clusters(&self, namespace: &str) -> Vec<&CnpgCluster> {
        self.0.snapshot.cnpg_clusters.iter().filter(|c| c.meta.namespace == namespace).collect()
    }
}

impl ServiceDirectory for Evidence<'_> {
    fn service(&self, namespace: &str, name: &str) -> Known<Option<&Service>> {
        if let Some(s) = self.0.service(namespace, name) {
            return Known::Value(Some(s));
        }
        if self.0.complete(Need::Services, namespace) {
            return Known::Value(None);
        }
        let what = format!("Service {namespace}/{name}");
        let otherwise = format!("{what} is not in the input: add it");
        Known::unknown(unread(self.0, Need::Services, &what, otherwise))
    }

    fn service_by_cluster_ip(&self, ip: IpAddr) -> Option<&Service> {
        self.0.service_by_ip(ip)
    }

    fn namespace_exists(&self, namespace: &str) -> Option<bool> {
        if self.0.namespaces.contains_key(namespace) {
            return Some(true);
        }
        self.0.complete(Need::Namespaces, namespace).then_some(false)
    }
}

/// Finds the databases and the connections.
pub(super) fn build(inventory: &Inventory, v6: bool) -> Databases {
    let mut found = Databases { list: databases(inventory, v6), ..Databases::default() };
    let mut server_of: BTreeMap<usize, usize> = BTreeMap::new();
    for (d, database) in found.list.iter().enumerate() {
        for w in &database.servers {
            server_of.insert(*w, d);
        }
    }
    for (w, workload) in inventory.workloads.iter().enumerate() {
        let operator_owned = workload.object.api_version.starts_with("postgresql.cnpg.io/");
        for class in &workload.classes {
            for (annotations, spec) in &class.specs {
                let pod = PodContext {
                    workload: &workload.object,
                    namespace: &workload.object.namespace,
                    pod_name: (workload.object.kind == "Pod").then_some(workload.object.name.as_str()),
                    labels: &class.labels,
                    annotations,
                    spec,
                    relaxed_names: true,
                };
                for container in &spec.containers {
                    connections_of(inventory, w, &pod, spec, container, operator_owned, &server_of, &mut found);
                }
            }
        }
    }
    found.connections.sort_by(|a, b| {
        (a.workload, &a.container, &a.profile.name, &a.hosts).cmp(&(
            b.workload,
            &b.container,
            &b.profile.name,
            &b.hosts,
        ))
    });
    // Pods of one workload mostly agree; where two generations differ both stay.
    found.connections.dedup_by(|a, b| {
        a.workload == b.workload && a.container == b.container && a.profile == b.profile && a.leads == b.leads
    });
    found.opaque.sort();
    // Pods of one workload mostly agree.
    found.opaque.dedup_by(|next, first| {
        let same = (next.workload, &next.container) == (first.workload, &first.container);
        if same {
            first.reasons.append(&mut next.reasons);
            first.reasons.sort();
            first.reasons.dedup();
        }
        same
    });
    found
}

#[allow(clippy::too_many_arguments)] // the loop body of `build`
fn connections_of(
    inventory: &Inventory,
    w: usize,
    pod: &PodContext<'_>,
    spec: &PodSpec,
    container: &Container,
    operator_owned: bool,
    server_of: &BTreeMap<usize, usize>,
    found: &mut Databases,
) {
    let evidence = Evidence(inventory);
    let environment = env::effective(pod, container, &evidence);
    let ownership = Ownership { database_operator: operator_owned };
    let reasons = profile::unread_variables(pod.namespace, container, &evidence);
    if !reasons.is_empty() && !operator_owned && !server_of.contains_key(&w) {
        let (container, starts) = (container.name.clone(), environment.errors.is_empty());
        found.opaque.push(OpaqueContainer { workload: w, container, starts, reasons });
    }
    for profile in profile::profiles(pod, container, &environment, &evidence, ownership) {
        if profile.engine != Engine::Postgres {
            continue;
        }
        let (leads, servers, path) = follow(inventory, pod, spec, &profile, server_of);
        let hosts = profile.hosts.iter().map(host_text).collect();
        let container = container.name.clone();
        let starts = environment.errors.is_empty();
        found.connections.push(Connection { workload: w, container, profile, leads, starts, servers, hosts, path });
    }
}

fn host_text(h: &Host) -> String {
    match &h.name {
        DsnValue::Known(n) => n.clone(),
        DsnValue::Absent => "(no host)".to_owned(),
        DsnValue::Opaque => "(a host that is not read)".to_owned(),
    }
}

/// Follows the hosts of a profile to databases.
fn follow(
    inventory: &Inventory,
    pod: &PodContext<'_>,
    spec: &PodSpec,
    profile: &Profile,
    server_of: &BTreeMap<usize, usize>,
) -> (Leads, BTreeSet<usize>, Vec<String>) {
    let evidence = Evidence(inventory);
    let mut servers = BTreeSet::new();
    let origin = resolve::Origin {
        namespace: pod.namespace,
        cluster_domain: "cluster.local",
        host_aliases: &spec.host_aliases,
        node_dns: false,
    };
    let (mut databases, mut reasons, mut elsewhere, mut path) = (BTreeSet::new(), Vec::new(), Vec::new(), Vec::new());
    for host in &profile.hosts {
        let name = match (&host.address, &host.name) {
            (DsnValue::Known(a), _) => a,
            (DsnValue::Absent, DsnValue::Known(n)) => n,
            (DsnValue::Absent, DsnValue::Absent) => {
                elsewhere.push("no host is set".to_owned());
                continue;
            }
            _ => {
                reasons.extend(profile.reasons.iter().cloned());
                if profile.reasons.is_empty() {
                    reasons.push(Reason::undecided(format!(
                        "the host of {} container profile {} is not readable: put it, which is not secret, into a literal or a ConfigMap",
                        pod.workload, profile.name
                    )));
                }
                continue;
            }
        };
        if host.is_socket() {
            elsewhere.push("a Unix socket".to_owned());
            continue;
        }
        let resolution = resolve::resolve(name, &origin, &evidence);
        path.extend(resolution.path.iter().cloned());
        let port = host.port.known().and_then(|p| p.trim().parse().ok()).unwrap_or(POSTGRES);
        match resolution.endpoint {
            Endpoint::Service { namespace, name, .. } => {
                let Some(service) = inventory.service(&namespace, &name) else { continue };
                let behind: Vec<ClassId> = backends(inventory, service, port, Protocol::Tcp)
                    .into_iter()
                    .filter_map(|b| match b {
                        Backend::Pods { class, .. } => Some(class),
                        Backend::Address { .. } => None,
                    })
                    .collect();
                let hit: Vec<usize> = behind.iter().filter_map(|(w, _)| server_of.get(w).copied()).collect();
                servers.extend(behind.iter().map(|(w, _)| *w).filter(|w| server_of.contains_key(w)));
                if hit.is_empty() {
                    if behind.is_empty() && !inventory.complete(Need::Workloads, &namespace) {
                        reasons.push(Reason::missing(format!(
                            "the pods behind Service {namespace}/{name} are not in the input: add the workloads of namespace {namespace}"
                        )));
                    } else {
                        elsewhere.push(format!("Service {namespace}/{name}, port {port}, with no database behind it"));
                    }
                }
                databases.extend(hit);
            }
            Endpoint::Address(ip) => match inventory.class_by_ip(ip).and_then(|(w, _)| Some((w, server_of.get(&w)?))) {
                Some((w, d)) => {
                    databases.insert(*d);
                    servers.insert(w);
                }
                None => elsewhere.push(format!("address {ip}")),
            },
            Endpoint::Loopback => elsewhere.push("the pod itself".to_owned()),
            Endpoint::External(name) => elsewhere.push(format!("{name}, outside the cluster")),
            Endpoint::Dangling(name) => elsewhere.push(format!("{name}, which does not exist")),
            Endpoint::Loop => elsewhere.push("an ExternalName that leads back to itself".to_owned()),
            Endpoint::Unknown(r) => reasons.extend(r),
        }
    }
    let leads = if !databases.is_empty() {
        Leads::To(databases)
    } else if !reasons.is_empty() {
        reasons.sort();
        reasons.dedup();
        Leads::Unknown(reasons)
    } else {
        Leads::Elsewhere(elsewhere.join("; "))
    };
    (leads, servers, path)
}

/// CloudNativePG Clusters and other PostgreSQL servers, sorted by id.
fn databases(inventory: &Inventory, v6: bool) -> Vec<Database> {
    let mut list = Vec::new();
    for (i, c) in inventory.snapshot.cnpg_clusters.iter().enumerate() {
        let object = c.meta.object_ref();
        let instances = inventory.workload(&object.to_string()).map(|(w, _)| w);
        let question = hba::Question { ipv4_only: !v6, ..hba::Question::default() };
        let poolers: Vec<Pooler> = inventory
            .snapshot
            .cnpg_poolers
            .iter()
            .enumerate()
            .filter(|(_, p)| p.meta.namespace == c.meta.namespace && p.cluster == c.meta.name)
            .map(|(index, p)| Pooler {
                index,
                workload: inventory.workload(&p.meta.object_ref().to_string()).map(|(w, _)| w),
                posture: evaluate_pooler(p, &question),
            })
            .collect();
        let rules = hba::parse(&hba::generated_lines(c), hba::postgres_major(c));
        let posture = hba::evaluate(&rules, &question);
        list.push(Database {
            id: object.to_string(),
            object,
            origin: c.meta.origin.clone(),
            labels: c.meta.labels.clone(),
            servers: instances.into_iter().chain(poolers.iter().filter_map(|p| p.workload)).collect(),
            instances,
            cnpg: Some(i),
            port: POSTGRES,
            posture: Some((rules, posture)),
            poolers,
        });
    }
    for (w, workload) in inventory.workloads.iter().enumerate() {
        if workload.object.api_version.starts_with("postgresql.cnpg.io/") {
            continue;
        }
        let Some(port) = postgres_server(workload) else { continue };
        list.push(Database {
            id: workload.id.clone(),
            object: workload.object.clone(),
            origin: workload.origin.clone(),
            labels: workload.labels.clone(),
            servers: vec![w],
            instances: Some(w),
            cnpg: None,
            port,
            posture: None,
            poolers: Vec::new(),
        });
    }
    list.sort_by(|a, b| a.id.cmp(&b.id));
    list
}

/// The port of a PostgreSQL server that a workload runs as a container of its own.
fn postgres_server(workload: &Workload) -> Option<u16> {
    const IMAGES: [&str; 6] = ["postgres", "postgresql", "postgis", "pgvector", "timescaledb", "spilo"];
    let is_postgres = |c: &Container| {
        let image = c.image.split('@').next().unwrap_or_default();
        let last = image.rsplit('/').next().unwrap_or_default();
        let name = last.split(':').next().unwrap_or_default().to_ascii_lowercase();
        IMAGES.iter().any(|i| name == *i || name.starts_with(&format!("{i}-")))
    };
    workload.classes.iter().flat_map(|c| &c.specs).flat_map(|(_, s)| &s.containers).find_map(|c| {
        (is_postgres(c) && profile::is_server(c))
            .then(|| c.ports.iter().find(|p| p.protocol == Protocol::Tcp).map_or(POSTGRES, |p| p.port))
    })
}

/// A Secret key that a workload's containers refer to: `key` is `None` for the whole Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SecretUse {
    pub secret: String,
    pub key: Option<String>,
    /// Field path in the pod specification.
    pub path: String,
}

/// The Secrets that the containers of a workload hold: variables, whole environments and mounted volumes.
pub(super) fn secret_uses(workload: &Workload) -> Vec<SecretUse> {
    let mut uses = Vec::new();
    for (_, spec) in workload.classes.iter().flat_map(|c| &c.specs) {
        for c in &spec.containers {
            for (i, e) in c.env.iter().enumerate() {
                if let EnvSource::SecretKey { name, key, .. } = &e.source {
                    let path = format!("containers[{}].env[{i}]", c.name);
                    uses.push(SecretUse { secret: name.clone(), key: Some(key.clone()), path });
                }
            }
            for (i, f) in c.env_from.iter().enumerate() {
                if let EnvFromSource::Secret { name, .. } = &f.source {
                    let path = format!("containers[{}].envFrom[{i}]", c.name);
                    uses.push(SecretUse { secret: name.clone(), key: None, path });
                }
            }
            for (i, m) in c.mounts.iter().enumerate() {
                let Some(v) = spec.volumes.iter().find(|v| v.name == m.volume) else { continue };
                for s in &v.secrets {
                    let path = format!("containers[{}].volumeMounts[{i}]", c.name);
                    match (&m.sub_path, &s.keys) {
                        (None, None) => uses.push(SecretUse { secret: s.secret.clone(), key: None, path }),
                        (Some(key), _) => {
                            uses.push(SecretUse { secret: s.secret.clone(), key: Some(key.clone()), path })
                        }
                        (None, Some(keys)) => uses.extend(keys.iter().map(|k| SecretUse {
                            secret: s.secret.clone(),
                            key: Some(k.clone()),
                            path: path.clone(),
                        })),
                    }
                }
            }
        }
    }
    uses.sort();
    uses.dedup();
    uses
}

/// Secret keys that feed the password or the whole address of a connection.
pub(super) fn credentials(inventory: &Inventory, connection: &Connection) -> Vec<(String, String)> {
    let workload = &inventory.workloads[connection.workload];
    let specs = workload.classes.iter().flat_map(|c| &c.specs).flat_map(|(_, s)| &s.containers);
    let mut found: Vec<(String, String)> = specs
        .filter(|c| c.name == connection.container)
        .flat_map(|c| profile::credential_keys(c, &connection.profile.name))
        .collect();
    found.sort();
    found.dedup();
    found
}
