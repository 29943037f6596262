//! The tables that join the objects: namespaces, Services and their backends.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use super::labels::{LabelView, Tri};
use super::object::*;
use super::snapshot::{Completeness, Snapshot};
use super::source::{Need, ObjectRef, Origin};
use super::workload::{self, Workload};

/// A namespace that an object names; its own object may not have been read.
#[derive(Clone, Debug, PartialEq)]
pub struct NamespaceInfo {
    /// `metadata.name`, which is also the key in [`Inventory::namespaces`].
    pub name: String,
    /// The name label is always there and cannot be changed:
    /// <https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/#automatic-labelling>.
    pub labels: LabelView,
    /// Where the Namespace object was read; absent when only other objects name it.
    pub origin: Option<Origin>,
}

/// A pod class by index: workload, class.
pub type ClassId = (usize, usize);

/// The evidence with its joins.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// The evidence that the tables index.
    pub snapshot: Snapshot,
    /// Sorted by id.
    pub workloads: Vec<Workload>,
    /// What the owner references of objects claim that is not so; sorted.
    pub notes: Vec<String>,
    /// Jobs that have ended and that have no pods left.
    pub finished: Vec<ObjectRef>,
    /// Every namespace that was read or that an object is in, by name.
    pub namespaces: BTreeMap<String, NamespaceInfo>,
    /// Services that the CloudNativePG operator makes and that the input does not hold.
    pub derived_services: Vec<Service>,
    services: HashMap<(String, String), usize>,
    /// Services of each namespace, by index.
    services_in: HashMap<String, Vec<usize>>,
    /// Endpoints of each Service, by index.
    endpoints: HashMap<(String, String), Vec<usize>>,
    config_maps: HashMap<(String, String), usize>,
    cluster_ips: HashMap<IpAddr, usize>,
    pod_ips: HashMap<IpAddr, ClassId>,
    seen_namespaces: BTreeSet<String>,
    /// Workloads of each namespace, by index.
    by_namespace: HashMap<String, Vec<usize>>,
    /// Classes behind each selector Service, by its index.
    backends: Vec<Vec<(ClassId, Tri)>>,
    /// Services that select a class, by their index.
    selected_by: HashMap<ClassId, Vec<(usize, Tri)>>,
}

/// Label that every Namespace has, with its own name as the value.
pub const NAME_LABEL: &str = "kubernetes.io/metadata.name";

impl Inventory {
    /// Builds the workloads, the derived Services and all tables of a snapshot.
    pub fn new(snapshot: Snapshot) -> Self {
        let workload::Built { workloads, notes, finished } = workload::build(&snapshot);
        let namespaces = namespaces(&snapshot);
        let derived_services = derived_services(&snapshot);
        let mut inventory = Inventory {
            workloads,
            notes,
            finished,
            namespaces,
            services: HashMap::new(),
            services_in: HashMap::new(),
            endpoints: HashMap::new(),
            config_maps: HashMap::new(),
            cluster_ips: HashMap::new(),
            pod_ips: HashMap::new(),
            seen_namespaces: BTreeSet::new(),
            by_namespace: HashMap::new(),
            backends: Vec::new(),
            selected_by: HashMap::new(),
            derived_services,
            snapshot,
        };
        inventory.index();
        inventory
    }

    fn index(&mut self) {
        for (i, s) in self.all_services().enumerate().map(|(i, s)| (i, s.clone())).collect::<Vec<_>>() {
            for ip in &s.cluster_ips {
                self.cluster_ips.insert(*ip, i);
            }
            self.services_in.entry(s.meta.namespace.clone()).or_default().push(i);
            self.services.insert((s.meta.namespace, s.meta.name), i);
        }
        for (i, e) in self.snapshot.endpoints.iter().enumerate() {
            self.endpoints.entry((e.meta.namespace.clone(), e.service.clone())).or_default().push(i);
        }
        for (i, c) in self.snapshot.config_maps.iter().enumerate() {
            self.config_maps.entry((c.meta.namespace.clone(), c.meta.name.clone())).or_insert(i);
        }
        for (w, workload) in self.workloads.iter().enumerate() {
            self.seen_namespaces.insert(workload.object.namespace.clone());
            self.by_namespace.entry(workload.object.namespace.clone()).or_default().push(w);
            for (c, class) in workload.classes.iter().enumerate().filter(|(_, c)| !c.host_network) {
                for ip in class.members.iter().flat_map(|m| &m.ips) {
                    self.pod_ips.insert(*ip, (w, c));
                }
            }
        }
        let backends: Vec<_> = self.all_services().map(|s| self.select(s)).collect();
        for (i, classes) in backends.iter().enumerate() {
            for (class, tri) in classes {
                self.selected_by.entry(*class).or_default().push((i, *tri));
            }
        }
        self.backends = backends;
    }

    fn all_services(&self) -> impl Iterator<Item = &Service> {
        self.snapshot.services.iter().chain(&self.derived_services)
    }

    fn service_at(&self, i: usize) -> Option<&Service> {
        let own = self.snapshot.services.len();
        if i < own { self.snapshot.services.get(i) } else { self.derived_services.get(i - own) }
    }

    /// The Service of that name, including those that an operator makes.
    pub fn service(&self, namespace: &str, name: &str) -> Option<&Service> {
        self.services.get(&(namespace.to_owned(), name.to_owned())).and_then(|i| self.service_at(*i))
    }

    /// Services of a namespace, also those that an operator makes.
    pub fn services_in(&self, namespace: &str) -> impl Iterator<Item = &Service> {
        let list = self.services_in.get(namespace).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|i| self.service_at(*i))
    }

    /// The Service that has the address among its `spec.clusterIPs`.
    pub fn service_by_ip(&self, ip: IpAddr) -> Option<&Service> {
        self.cluster_ips.get(&ip).and_then(|i| self.service_at(*i))
    }

    /// The class of the pod with that address; `None` for the address of a pod on the host network.
    pub fn class_by_ip(&self, ip: IpAddr) -> Option<ClassId> {
        self.pod_ips.get(&ip).copied()
    }

    /// The workload with the ID `namespace/Kind/name`, and its index in [`Inventory::workloads`].
    pub fn workload(&self, id: &str) -> Option<(usize, &Workload)> {
        self.workloads.binary_search_by(|w| w.id.as_str().cmp(id)).ok().map(|i| (i, &self.workloads[i]))
    }

    /// Whether the absence of an object of this kind, in this namespace, means that the cluster has none.
    pub fn complete(&self, need: Need, namespace: &str) -> bool {
        if !self.snapshot.was_read(need) {
            return false;
        }
        match self.snapshot.completeness {
            Completeness::Complete => true,
            Completeness::Files => {
                matches!(need, Need::Workloads | Need::Services) && self.seen_namespaces.contains(namespace)
            }
        }
    }

    /// Workloads of a namespace, by index.
    pub fn workloads_in(&self, namespace: &str) -> &[usize] {
        self.by_namespace.get(namespace).map(Vec::as_slice).unwrap_or_default()
    }

    /// Classes that a selector Service sends traffic to. A Service without selector has none here; see `endpoints`.
    pub fn backends(&self, service: &Service) -> &[(ClassId, Tri)] {
        self.services
            .get(&(service.meta.namespace.clone(), service.meta.name.clone()))
            .and_then(|i| self.backends.get(*i))
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Services, also those that an operator makes, that select a class.
    pub fn services_of(&self, class: ClassId) -> impl Iterator<Item = (&Service, Tri)> {
        let list = self.selected_by.get(&class).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|(i, tri)| self.service_at(*i).map(|s| (s, *tri)))
    }

    fn select(&self, service: &Service) -> Vec<(ClassId, Tri)> {
        if service.selector.is_empty() || service.service_type == ServiceType::ExternalName {
            return Vec::new();
        }
        let mut found = Vec::new();
        for &w in self.workloads_in(&service.meta.namespace) {
            for (c, class) in self.workloads[w].classes.iter().enumerate() {
                let tri = if class.members.is_empty() {
                    class.view(None).matches_all(&service.selector)
                } else {
                    // One matching pod is enough to be a backend.
                    class
                        .members
                        .iter()
                        .map(|m| class.view(Some(m)).matches_all(&service.selector))
                        .max()
                        .unwrap_or(Tri::No)
                };
                if tri > Tri::No {
                    found.push(((w, c), tri));
                }
            }
        }
        found
    }

    /// Addresses of the EndpointSlices and Endpoints of a Service.
    pub fn endpoints<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = &'a Endpoints> {
        let list = self.endpoints.get(&(service.meta.namespace.clone(), service.meta.name.clone()));
        list.into_iter().flatten().filter_map(|i| self.snapshot.endpoints.get(*i))
    }

    /// The ConfigMap of that name, if the evidence contains it.
    pub fn config_map(&self, namespace: &str, name: &str) -> Option<&ConfigMap> {
        let i = self.config_maps.get(&(namespace.to_owned(), name.to_owned()))?;
        self.snapshot.config_maps.get(*i)
    }
}

/// Every namespace that an object is in or that was read itself.
fn namespaces(s: &Snapshot) -> BTreeMap<String, NamespaceInfo> {
    let mut found = BTreeMap::new();
    for n in &s.namespaces {
        let mut labels = n.meta.labels.clone();
        labels.insert(NAME_LABEL.to_owned(), n.meta.name.clone());
        let info = NamespaceInfo {
            name: n.meta.name.clone(),
            labels: LabelView::known(labels),
            origin: Some(n.meta.origin.clone()),
        };
        found.insert(n.meta.name.clone(), info);
    }
    let complete = s.completeness == Completeness::Complete && s.was_read(Need::Namespaces);
    let metas = s
        .controllers
        .iter()
        .map(|o| &o.meta)
        .chain(s.pods.iter().map(|o| &o.meta))
        .chain(s.services.iter().map(|o| &o.meta))
        .chain(s.network_policies.iter().map(|o| &o.meta))
        .chain(s.config_maps.iter().map(|o| &o.meta))
        .chain(s.ingresses.iter().map(|o| &o.meta))
        .chain(s.cnpg_clusters.iter().map(|o| &o.meta))
        .chain(s.cnpg_poolers.iter().map(|o| &o.meta));
    for meta in metas {
        found.entry(meta.namespace.clone()).or_insert_with(|| NamespaceInfo {
            name: meta.namespace.clone(),
            labels: LabelView {
                known: [(NAME_LABEL.to_owned(), meta.namespace.clone())].into(),
                open: BTreeMap::new(),
                more: !complete,
            },
            origin: None,
        });
    }
    found
}

/// `-rw`, `-ro` and `-r` of each CloudNativePG Cluster, as the operator makes them:
/// <https://cloudnative-pg.io/documentation/current/service_management/>.
fn derived_services(s: &Snapshot) -> Vec<Service> {
    let mut derived = Vec::new();
    for c in &s.cnpg_clusters {
        for (suffix, key, value) in [
            ("rw", "cnpg.io/instanceRole", "primary"),
            ("ro", "cnpg.io/instanceRole", "replica"),
            ("r", "cnpg.io/podRole", "instance"),
        ] {
            let name = format!("{}-{suffix}", c.meta.name);
            if s.services.iter().any(|o| o.meta.namespace == c.meta.namespace && o.meta.name == name) {
                continue;
            }
            derived.push(Service {
                selector: [("cnpg.io/cluster".to_owned(), c.meta.name.clone()), (key.to_owned(), value.to_owned())]
                    .into(),
                ports: vec![postgres_port()],
                ..derived_service(&c.meta, name)
            });
        }
    }
    for p in &s.cnpg_poolers {
        if s.services.iter().any(|o| o.meta.namespace == p.meta.namespace && o.meta.name == p.meta.name) {
            continue;
        }
        derived.push(Service {
            selector: [("cnpg.io/poolerName".to_owned(), p.meta.name.clone())].into(),
            ports: vec![postgres_port()],
            ..derived_service(&p.meta, p.meta.name.clone())
        });
    }
    derived
}

fn derived_service(owner: &Meta, name: String) -> Service {
    Service {
        meta: Meta {
            api_version: "v1".to_owned(),
            kind: "Service".to_owned(),
            namespace: owner.namespace.clone(),
            name,
            owner: Some(Owner {
                api_version: owner.api_version.clone(),
                kind: owner.kind.clone(),
                name: owner.name.clone(),
                uid: None,
            }),
            origin: owner.origin.clone(),
            ..Meta::default()
        },
        ..Service::default()
    }
}

fn postgres_port() -> ServicePort {
    ServicePort {
        name: Some("postgres".to_owned()),
        port: 5432,
        target: PortRef::Number(5432),
        ..ServicePort::default()
    }
}
