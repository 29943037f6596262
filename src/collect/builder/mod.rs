//! Puts objects into a snapshot: pods are folded as they come, a later duplicate replaces an earlier object.

mod cluster;
mod duplicates;

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::document::Problem;
use crate::document::{Cursor, Node, Problems};
use crate::inventory::object::*;
use crate::inventory::{Completeness, Origin, Snapshot};

use super::interner::Interner;
use super::kubernetes::{self as k8s, Head};
use super::{cnpg, gke, policy, terraform};

/// Namespace in which objects that name none are put.
pub struct Options {
    pub namespace: String,
    pub complete: bool,
    /// Name, or Terraform's address, of the one cluster that is meant where a document describes several.
    pub cluster: Option<String>,
}

impl Options {
    /// For documents that describe no more than one cluster.
    pub fn new(namespace: &str, complete: bool) -> Self {
        Options { namespace: namespace.to_owned(), complete, cluster: None }
    }
}

pub struct Builder {
    options: Options,
    snapshot: Snapshot,
    problems: Vec<Problem>,
    /// Where each object stands, for duplicates: (group and kind, namespace, name) → origin.
    seen: HashMap<(String, String, String), Origin>,
    /// Groups of equal pods by a hash over everything but the members; pods of one hash need not be equal.
    groups: HashMap<u64, Vec<usize>>,
    hasher: RandomState,
    /// The group of the last object, where that was a pod.
    last_group: Option<usize>,
    interner: Arc<Interner>,
    /// Objects come from lists of an API, which hold each once.
    listed: bool,
    /// Objects of Config Connector with their places: a cluster and its node pools may stand in several files.
    config_connector: Vec<(Origin, serde_json::Value)>,
    /// Secrets come with leave to read their values: the variables that a key becomes, by (namespace, name) and key.
    secret_values: Option<HashMap<(String, String), BTreeMap<String, String>>>,
}

/// Policy kinds that may decide reachability and that this version does not model: (API group, kind).
const OPAQUE_POLICIES: [(&str, &str); 12] = [
    ("policy.networking.k8s.io", "AdminNetworkPolicy"),
    ("policy.networking.k8s.io", "BaselineAdminNetworkPolicy"),
    ("policy.networking.k8s.io", "ClusterNetworkPolicy"),
    ("cilium.io", "CiliumClusterwideNetworkPolicy"),
    ("cilium.io", "CiliumNetworkPolicy"),
    ("networking.gke.io", "FQDNNetworkPolicy"),
    ("crd.projectcalico.org", "GlobalNetworkPolicy"),
    ("crd.projectcalico.org", "NetworkPolicy"),
    ("crd.projectcalico.org", "StagedGlobalNetworkPolicy"),
    ("projectcalico.org", "GlobalNetworkPolicy"),
    ("projectcalico.org", "NetworkPolicy"),
    ("projectcalico.org", "StagedGlobalNetworkPolicy"),
];

const CLUSTER_SCOPED: [&str; 7] = [
    "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy",
    "ClusterNetworkPolicy",
    "CiliumClusterwideNetworkPolicy",
    "ComputeClass",
    "GlobalNetworkPolicy",
    "StagedGlobalNetworkPolicy",
];

/// What makes pods equal: labels, owner and specification do; name and place do not. Equal specifications are one.
fn likeness(pod: &PodGroup) -> impl std::hash::Hash + PartialEq + '_ {
    let meta = &pod.meta;
    let name = meta.owner.is_none().then_some(&meta.name);
    (&meta.namespace, &meta.owner, name, &meta.labels, &pod.annotations, Arc::as_ptr(&pod.spec))
}

/// Lists of a large cluster are large: beyond what a page has they grow by an eighth, not to twice their size.
fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() && list.len() >= 512 {
        list.reserve_exact(list.len() / 8);
    }
    list.push(item);
}

impl Builder {
    pub fn new(options: Options) -> Self {
        let completeness = if options.complete { Completeness::Complete } else { Completeness::Files };
        Builder {
            options,
            snapshot: Snapshot { completeness, ..Snapshot::default() },
            problems: Vec::new(),
            seen: HashMap::new(),
            groups: HashMap::new(),
            hasher: RandomState::new(),
            last_group: None,
            interner: Arc::default(),
            listed: false,
            config_connector: Vec::new(),
            secret_values: None,
        }
    }

    /// For the lists of a Kubernetes API, which share `interner`.
    pub fn for_lists(interner: Arc<Interner>) -> Self {
        let options = Options::new("default", true);
        Builder { listed: true, interner, ..Builder::new(options) }
    }

    /// For Secrets whose values a person has had read. `variables` are the names under which keys are used.
    pub fn for_secret_values(variables: HashMap<(String, String), BTreeMap<String, String>>) -> Self {
        Builder { secret_values: Some(variables), ..Builder::for_lists(Arc::default()) }
    }

    /// One item of a list, whose kind the list says.
    ///
    /// # Errors
    /// What of the object could not be understood, in one sentence. A NetworkPolicy of which that holds is kept as one
    /// whose rules are not known.
    pub(crate) fn item(&mut self, node: &Node, head: &Head<'_>, api: &str) -> Result<(), String> {
        let metadata = |key: &str| node.get("metadata").and_then(|m| m.get(key)).and_then(Node::as_str);
        let origin = Origin::api(api, metadata("resourceVersion").map(str::to_owned));
        self.at(node, head, &origin, None)
    }

    /// Whether the last item was a pod that may have siblings: those of nobody are not put together.
    pub fn can_have_sibling(&self) -> bool {
        self.last_group.and_then(|i| self.snapshot.pods.get(i)).is_some_and(|group| group.meta.owner.is_some())
    }

    /// A pod that differs from the last item, which [can have](Self::can_have_sibling) siblings, in nothing but what a
    /// member has of its own; it gets that one's labels.
    pub fn sibling(&mut self, mut member: Member) {
        let Some(group) = self.last_group.and_then(|i| self.snapshot.pods.get_mut(i)) else { return };
        if let Some(last) = group.members.last() {
            member.labels = last.labels.clone();
        }
        group.members.push(member);
    }

    /// One object of Terraform. `vague`: what of it is known only after the apply, and bears on what it does.
    ///
    /// # Errors
    /// As of [`item`](Self::item).
    pub(crate) fn terraform(
        &mut self,
        node: &Node,
        head: &Head<'_>,
        origin: &Origin,
        vague: Option<&str>,
    ) -> Result<(), String> {
        self.at(node, head, origin, vague)
    }

    fn at(&mut self, node: &Node, head: &Head<'_>, origin: &Origin, vague: Option<&str>) -> Result<(), String> {
        let problems = Problems::default();
        let c = Cursor::new(node, &problems);
        let metadata = |key: &str| node.get("metadata").and_then(|m| m.get(key)).and_then(Node::as_str);
        let policies = self.snapshot.network_policies.len();
        self.dispatch(&c, head, origin);
        let problems = problems.drain("", node);
        let Some(first) = problems.first().map(|p| p.message.as_str()).or(vague) else { return Ok(()) };
        let name = metadata("name").unwrap_or("without a name");
        let what = match metadata("namespace") {
            Some(namespace) => format!("{namespace}/{}/{name}", head.kind),
            None => format!("{}/{name}", head.kind),
        };
        if self.snapshot.network_policies.len() > policies
            && let Some(policy) = self.snapshot.network_policies.pop()
        {
            self.snapshot.notes.push(format!("{what} is taken as a policy whose rules are not known: {first}"));
            self.snapshot.opaque_policies.push(policy.meta);
            return Ok(());
        }
        Err(format!("{what}: {first}"))
    }

    pub fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub fn snapshot_mut(&mut self) -> &mut Snapshot {
        &mut self.snapshot
    }

    /// Takes over what another builder read of the same list, after what was read before.
    pub fn append(&mut self, page: Builder) {
        let mut part = page.snapshot;
        for group in std::mem::take(&mut part.pods) {
            self.fold(group);
        }
        self.snapshot.absorb(part);
    }

    /// What was read of one list.
    pub fn into_part(mut self) -> Snapshot {
        self.snapshot.pods.retain(|g| !g.members.is_empty());
        self.snapshot.pods.iter_mut().for_each(|g| g.members.shrink_to_fit());
        self.snapshot
    }

    /// The snapshot in its fixed order, or everything that was wrong.
    pub fn finish(mut self) -> Result<Snapshot, Vec<Problem>> {
        self.config_connector_cluster();
        if !self.problems.is_empty() {
            self.problems.sort();
            self.problems.dedup();
            return Err(self.problems);
        }
        self.snapshot.pods.retain(|g| !g.members.is_empty());
        self.snapshot.sort();
        Ok(self.snapshot)
    }

    /// A document's top level: one object, or a list of them. Answers whether it was anything that we read.
    pub(crate) fn document(&mut self, file: &str, node: &Node) -> bool {
        let kind = node.get("kind").and_then(Node::as_str);
        let api_version = node.get("apiVersion").and_then(Node::as_str);
        match (api_version, kind) {
            (Some(api_version), Some(kind)) => {
                match kind.strip_suffix("List") {
                    Some(item_kind) if node.get("items").is_some() => {
                        let problems = Problems::default();
                        for item in Cursor::new(node, &problems).items("items") {
                            self.object(file, item.node, Some((api_version, item_kind)));
                        }
                        self.problems.extend(problems.drain(file, node));
                    }
                    _ => self.object(file, node, None),
                }
                true
            }
            _ => {
                let json = node.to_json();
                if terraform::read(self, file, &json) {
                    // What it names has been put in.
                } else if gke::is_cluster(&json) {
                    self.cluster(file, node.line, &json);
                } else if let Some((clusters, missing)) = gke::listing(&json) {
                    clusters.iter().for_each(|c| self.cluster(file, node.line, c));
                    self.missing_zones(file, &missing);
                } else if gke::is_upgrade_info(&json) {
                    self.upgrade_info(file, node.line.max(1), &json);
                } else {
                    return false;
                }
                true
            }
        }
    }

    /// One object. `list` gives apiVersion and kind of items of a typed list, which carry none of their own.
    pub(crate) fn object(&mut self, file: &str, node: &Node, list: Option<(&str, &str)>) {
        let problems = Problems::default();
        let c = Cursor::new(node, &problems);
        let own = |key: &str| node.get(key).and_then(Node::as_str);
        let (default_api, default_kind) = match list {
            Some((api, kind)) if !kind.is_empty() => (Some(api), Some(kind)),
            _ => (None, None),
        };
        match (own("apiVersion").or(default_api), own("kind").or(default_kind)) {
            (Some(api_version), Some(kind)) => {
                let origin = Origin::file(file, node.line);
                self.dispatch(&c, &Head { api_version, kind }, &origin);
            }
            _ => c.problem("apiVersion or kind is missing: not a Kubernetes object"),
        }
        self.problems.extend(problems.drain(file, node));
    }

    fn dispatch(&mut self, c: &Cursor<'_>, head: &Head<'_>, origin: &Origin) {
        self.last_group = None;
        let namespace = self.options.namespace.clone();
        let group = head.group();
        if group == terraform::config_connector::GROUP
            && matches!(head.kind, "ContainerCluster" | "ContainerNodePool")
            && !self.listed
        {
            let mut object = c.node.to_json();
            // Of a typed list its items do not say it.
            if let Some(map) = object.as_object_mut() {
                map.insert("kind".to_owned(), head.kind.into());
            }
            self.config_connector.push((origin.clone(), object));
            return;
        }
        let known = matches!(
            (group, head.kind),
            ("", "Namespace" | "Pod" | "Service" | "Endpoints" | "ConfigMap" | "Secret" | "ReplicationController")
                | ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
                | ("batch", "Job" | "CronJob")
                | ("discovery.k8s.io", "EndpointSlice")
                | ("networking.k8s.io", "NetworkPolicy" | "Ingress")
                | ("postgresql.cnpg.io", "Cluster" | "Pooler")
                | ("cloud.google.com", "ComputeClass")
        );
        let opaque = OPAQUE_POLICIES.contains(&(group, head.kind));
        if !known && !opaque {
            *self.snapshot.unmodelled.entry(format!("{} {}", head.api_version, head.kind)).or_insert(0) += 1;
            return;
        }
        let scope = if head.kind == "Namespace" || CLUSTER_SCOPED.contains(&head.kind) { "" } else { &namespace };
        let Some(mut meta) = k8s::meta(c, head, scope, origin) else { return };
        if self.listed {
            self.interner.intern_labels(&mut meta.labels);
            self.interner.intern_labels(&mut meta.annotations);
            return self.place(c, head, meta, opaque);
        }
        // Folded pods and generated names have no identity of their own that could repeat.
        if head.kind != "Pod" && !meta.name.ends_with('*') {
            self.replace_duplicate(head, &meta);
        } else if head.kind == "Pod" && !meta.name.ends_with('*') && self.note_duplicate(head, &meta) {
            // Groups keep their index; an emptied one is dropped at the end.
            for group in self.snapshot.pods.iter_mut().filter(|g| g.meta.namespace == meta.namespace) {
                group.members.retain(|m| m.name != meta.name);
            }
        }
        self.place(c, head, meta, opaque);
    }

    /// Reads the object and puts it into its list.
    fn place(&mut self, c: &Cursor<'_>, head: &Head<'_>, meta: Meta, opaque: bool) {
        let s = &mut self.snapshot;
        match (head.group(), head.kind) {
            _ if opaque => s.opaque_policies.push(meta),
            (_, "Namespace") => push(&mut s.namespaces, Namespace { meta }),
            (_, "Pod") => match k8s::pod(c, meta, &self.interner) {
                Some(pod) => self.fold(pod),
                None => s.finished_pods += 1,
            },
            (_, "Service") => {
                let mut service = k8s::service(c, meta);
                self.interner.intern_labels(&mut service.selector);
                push(&mut s.services, service);
            }
            (_, "Endpoints") => s.endpoints.extend(k8s::endpoints(c, meta)),
            (_, "EndpointSlice") => push(&mut s.endpoints, k8s::endpoint_slice(c, meta)),
            (_, "ConfigMap") => s.config_maps.push(k8s::config_map(c, meta)),
            (_, "Secret") => s.secrets.push(match &self.secret_values {
                None => k8s::secret(c, meta),
                Some(variables) => {
                    let own = variables.get(&(meta.namespace.clone(), meta.name.clone()));
                    k8s::secret_with_tls(c, meta, own.unwrap_or(&BTreeMap::new()))
                }
            }),
            ("networking.k8s.io", "NetworkPolicy") => {
                let mut policy = policy::network_policy(c, meta);
                policy.spec.selectors_mut().for_each(|s| self.interner.intern_labels(&mut s.match_labels));
                push(&mut s.network_policies, policy);
            }
            (_, "Ingress") => s.ingresses.push(k8s::ingress(c, meta)),
            ("postgresql.cnpg.io", "Cluster") => s.cnpg_clusters.push(cnpg::cluster(c, meta)),
            (_, "Pooler") => s.cnpg_poolers.push(cnpg::pooler(c, meta)),
            (_, "ComputeClass") => s.compute_classes.push(k8s::compute_class(c, meta)),
            _ => push(&mut s.controllers, k8s::controller(c, meta, &self.interner)),
        }
    }

    fn fold(&mut self, mut pod: PodGroup) {
        let candidates = self.groups.entry(self.hasher.hash_one(likeness(&pod))).or_default();
        let same = candidates.iter().find(|&&i| likeness(&self.snapshot.pods[i]) == likeness(&pod));
        let Some(&i) = same else {
            candidates.push(self.snapshot.pods.len());
            self.last_group = Some(self.snapshot.pods.len());
            push(&mut self.snapshot.pods, pod);
            return;
        };
        self.last_group = Some(i);
        let members = &mut self.snapshot.pods[i].members;
        // The pods of a controller have the same labels but for those of StatefulSets: they share them.
        if let Some(last) = members.last().map(|m| m.labels.clone()) {
            pod.members.iter_mut().filter(|m| m.labels == last).for_each(|m| m.labels = last.clone());
        }
        members.append(&mut pod.members);
    }
}

#[cfg(test)]
mod tests {
    use super::super::api_format::{self, Part};
    use super::*;

    /// Pods of one ReplicaSet as a live cluster has them; each with a token's volume of this name.
    fn read(pods: &[(&str, &str)]) -> Snapshot {
        let mut builder = Builder::for_lists(Arc::default());
        for (name, volume) in pods {
            let text = format!(
                r#"{{"metadata": {{"name": "{name}", "namespace": "n", "labels": {{"app": "a", "pod-template-hash": "h"}},
                    "ownerReferences": [{{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "a-h", "controller": true}}]}},
                  "spec": {{"volumes": [{{"name": "ca", "secret": {{"secretName": "ca"}}}}, {{"name": "{volume}", "projected": {{}}}}],
                    "containers": [{{"name": "c", "image": "i", "volumeMounts": [
                      {{"name": "ca", "mountPath": "/ca"}}, {{"name": "{volume}", "mountPath": "/run"}}]}}]}},
                  "status": {{"podIP": "10.0.0.1"}}}}"#
            );
            let node = api_format::read(&text, Part::Any).unwrap();
            builder.item(&node, &Head { api_version: "v1", kind: "Pod" }, "/api/v1/pods").unwrap();
        }
        builder.into_part()
    }

    #[test]
    fn pods_that_differ_in_the_name_of_their_tokens_volume_are_one_group() {
        let s = read(&[("a-h-1", "kube-api-access-x7k2p"), ("a-h-2", "kube-api-access-bcdf9")]);
        let [group] = &s.pods[..] else { panic!("{} groups", s.pods.len()) };
        assert_eq!(group.members.len(), 2);
        assert!(Arc::ptr_eq(&group.members[0].labels, &group.members[1].labels));
        let mounts: Vec<&str> = group.spec.containers[0].mounts.iter().map(|m| m.volume.as_str()).collect();
        let volumes: Vec<&str> = group.spec.volumes.iter().map(|v| v.name.as_str()).collect();
        assert_eq!((mounts, volumes), (vec!["ca", "kube-api-access"], vec!["ca", "kube-api-access"]));
    }

    #[test]
    fn other_volumes_keep_their_names_and_make_a_difference() {
        for name in ["kube-api-access-token", "kube-api-access-X7K2P", "kube-api-accessx7k2p", "data-x7k2p"] {
            let s = read(&[("a-h-1", name), ("a-h-2", name), ("a-h-3", "ca2")]);
            assert_eq!(s.pods.iter().map(|g| g.members.len()).collect::<Vec<_>>(), [2, 1], "{name}");
            assert_eq!(s.pods[0].spec.volumes[1].name, name);
        }
    }
}
