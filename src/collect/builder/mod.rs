//! Puts objects into a snapshot: pods are folded as they come, a later duplicate replaces an earlier object.

mod cluster;
mod described;
mod duplicates;
mod pods;

pub(super) use cluster::Source;

use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::Arc;

use crate::document::{Cursor, Node, Problem, Problems};
use crate::inventory::object::*;
use crate::inventory::{Completeness, List, ObjectKind, Origin, Scope, Snapshot, with_object_lists};

use super::interner::Interner;
use super::kubernetes::{self as k8s, FromObject, Head, ReadOptions, SecretVariables};
use super::names;
use super::rendering;

/// How files are read.
pub struct Options {
    /// Namespace of objects that name none.
    pub namespace: String,
    /// Whether the files hold everything there is.
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

/// Makes a snapshot of objects.
pub struct Builder {
    options: Options,
    snapshot: Snapshot,
    problems: Vec<Problem>,
    /// Origin of each object, for duplicates: (group and kind, namespace, name) → origin.
    seen: HashMap<(String, String, String), Origin>,
    /// Groups of equal pods by a hash over everything but the members; pods of one hash need not be equal.
    groups: HashMap<u64, Vec<usize>>,
    hasher: RandomState,
    interner: Arc<Interner>,
    /// Objects come from lists of an API, which hold each once.
    listed: bool,
    /// Objects of Config Connector with their origins: a cluster and its node pools may be in several files.
    config_connector: Vec<(Origin, serde_json::Value)>,
    /// Clusters and node pools as the GKE API gives them.
    described: Vec<described::Described>,
    /// Present where values of Secrets may be read.
    secret_variables: Option<SecretVariables>,
    /// Files that are templates.
    templates: Vec<String>,
}

/// `NAMESPACE/NAME` of an object of any kind, as far as it states them.
fn name_of(c: &Cursor<'_>) -> String {
    let text = |key: &str| c.node.get("metadata").and_then(|m| m.get(key)).and_then(Node::as_str);
    let name = match (text("name"), text("generateName")) {
        (Some(name), _) => name.to_owned(),
        (None, Some(prefix)) => format!("{prefix}*"),
        (None, None) => "(without a name)".to_owned(),
    };
    text("namespace").map_or_else(|| name.clone(), |namespace| format!("{namespace}/{name}"))
}

/// Lists of a large cluster are large: beyond what a page has they grow by an eighth, not to twice their size.
fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() && list.len() >= 512 {
        list.reserve_exact(list.len() / 8);
    }
    list.push(item);
}

macro_rules! define_read_object {
    ($(
        $(#[$attribute:meta])*
        $list:ident $field:ident: $object:ident = [ $($kinds:tt)+ ];
    )+) => {
        impl Builder {
            /// Reads an object and adds it to its list.
            fn read_object(&mut self, list: List, c: &Cursor<'_>, mut meta: Meta) {
                let options = ReadOptions {
                    interner: &self.interner,
                    secret_variables: self.secret_variables.as_ref(),
                    from_server: self.listed || meta.uid.is_some(),
                };
                if !matches!(list, List::Controllers | List::CnpgClusters | List::CnpgPoolers) {
                    meta.uid = None;
                }
                match list {
                    $(List::$list => {
                        let objects = <$object as FromObject>::read(c, meta, &options);
                        objects.into_iter().for_each(|object| push(&mut self.snapshot.$field, object));
                    })+
                }
            }
        }
    };
}

with_object_lists!(define_read_object);

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
            interner: Arc::default(),
            listed: false,
            config_connector: Vec::new(),
            described: Vec::new(),
            secret_variables: None,
            templates: Vec::new(),
        }
    }

    /// For the lists of a Kubernetes API, which have an interner in common.
    pub fn for_lists(interner: Arc<Interner>) -> Self {
        let options = Options::new("default", true);
        Builder { listed: true, interner, ..Builder::new(options) }
    }

    /// For Secrets whose values may be read.
    pub fn for_secret_values(variables: SecretVariables) -> Self {
        Builder { secret_variables: Some(variables), ..Builder::for_lists(Arc::default()) }
    }

    /// Adds an item of a list, whose kind the list states.
    ///
    /// # Errors
    /// What of the object could not be understood, in one sentence. A NetworkPolicy of which that holds is kept as one
    /// whose rules are not known.
    pub(crate) fn item(&mut self, node: &Node, head: &Head<'_>, api: &str) -> Result<(), String> {
        let metadata = |key: &str| node.get("metadata").and_then(|m| m.get(key)).and_then(Node::as_str);
        let origin = Origin::api(api, metadata("resourceVersion").map(str::to_owned));
        self.add(node, head, &origin, None)
    }

    /// Adds an object of Terraform. `unknown`: what of it is known only after the apply, and bears on what it does.
    ///
    /// # Errors
    /// As of [`item`](Self::item).
    pub(crate) fn terraform(
        &mut self,
        node: &Node,
        head: &Head<'_>,
        origin: &Origin,
        unknown: Option<&str>,
    ) -> Result<(), String> {
        self.add(node, head, origin, unknown)
    }

    fn add(&mut self, node: &Node, head: &Head<'_>, origin: &Origin, unknown: Option<&str>) -> Result<(), String> {
        let problems = Problems::default();
        let c = Cursor::new(node, &problems);
        let metadata = |key: &str| node.get("metadata").and_then(|m| m.get(key)).and_then(Node::as_str);
        let policies = self.snapshot.network_policies.len();
        self.dispatch(&c, head, origin);
        let problems = problems.drain("", node);
        let Some(first) = problems.first().map(|p| p.message.as_str()).or(unknown) else { return Ok(()) };
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

    /// Notes a file that has to be rendered first.
    pub fn template(&mut self, file: &str) {
        if self.templates.last().is_none_or(|last| last != file) {
            self.templates.push(file.to_owned());
        }
    }

    pub fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Objects of Config Connector with their origins; they are removed.
    pub fn drain_config_connector(&mut self) -> Vec<(Origin, serde_json::Value)> {
        std::mem::take(&mut self.config_connector)
    }

    pub fn snapshot_mut(&mut self) -> &mut Snapshot {
        &mut self.snapshot
    }

    /// Takes over a later page of the same list.
    pub fn append(&mut self, page: Builder) {
        let mut part = page.snapshot;
        for group in std::mem::take(&mut part.pods) {
            self.fold(group);
        }
        self.snapshot.absorb(part);
    }

    /// The snapshot of one list.
    pub fn into_part(mut self) -> Snapshot {
        self.drop_empty_groups();
        self.snapshot.pods.iter_mut().for_each(|g| g.members.shrink_to_fit());
        self.snapshot
    }

    /// The snapshot in its fixed order.
    ///
    /// # Errors
    /// All problems.
    pub fn finish(mut self) -> Result<Snapshot, Vec<Problem>> {
        // A chart has many, and one command renders them all.
        if let Some(file) = self.templates.first().cloned() {
            let more = match self.templates.len() - 1 {
                0 => String::new(),
                1 => " (and so is 1 more file)".to_owned(),
                n => format!(" (and so are {n} more files)"),
            };
            let message = format!("{}{more}", rendering::TEMPLATE);
            self.problems.push(Problem { file, line: 0, column: 0, message });
        }
        if !self.problems.is_empty() {
            self.problems.sort();
            self.problems.dedup();
            return Err(self.problems);
        }
        self.drop_empty_groups();
        self.snapshot.sort();
        Ok(self.snapshot)
    }

    /// Adds an object. `list`: apiVersion and kind of items of a typed list, which have none of their own.
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
                let head = Head { api_version, kind };
                if ObjectKind::find(head.group(), kind).is_some() {
                    names::check_object(&c, kind);
                }
                self.dispatch(&c, &head, &origin);
            }
            _ => c.problem("apiVersion or kind is missing: not a Kubernetes object"),
        }
        self.problems.extend(problems.drain(file, node));
    }

    fn dispatch(&mut self, c: &Cursor<'_>, head: &Head<'_>, origin: &Origin) {
        if head.is_config_connector() && !self.listed {
            let mut object = c.node.to_json();
            // Items of a typed list do not state their kind.
            if let Some(map) = object.as_object_mut() {
                map.insert("kind".to_owned(), head.kind.into());
            }
            self.config_connector.push((origin.clone(), object));
            return;
        }
        let Some(kind) = ObjectKind::find(head.group(), head.kind) else {
            let key = format!("{} {}", head.api_version, head.kind);
            *self.snapshot.unmodelled.entry(key.clone()).or_insert(0) += 1;
            self.snapshot.unmodelled_names.entry(key).or_default().push(name_of(c));
            return;
        };
        let namespace = match kind.scope {
            Scope::Cluster => "",
            Scope::Namespaced => &self.options.namespace,
        };
        let Some(mut meta) = k8s::parse_meta(c, head, namespace, origin) else { return };
        if self.listed {
            self.interner.intern_labels(&mut meta.labels);
            self.interner.intern_labels(meta.annotations.texts_mut());
        } else {
            self.replace_duplicate(head, &meta);
        }
        match kind.list {
            List::Pods => self.read_pod(c, meta),
            list => self.read_object(list, c, meta),
        }
    }

    /// Pods are folded, and those that have finished are counted.
    fn read_pod(&mut self, c: &Cursor<'_>, meta: Meta) {
        let from_server = self.listed || meta.uid.is_some();
        let options = ReadOptions { interner: &self.interner, secret_variables: None, from_server };
        let name = (!self.listed).then(|| format!("{}/{}", meta.namespace, meta.name));
        let pod: Option<PodGroup> = PodGroup::read(c, meta, &options).into_iter().next();
        match pod {
            Some(pod) => self.fold(pod),
            None => {
                self.snapshot.finished_pods += 1;
                self.snapshot.finished_pod_names.extend(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{parse_json, parse_json_value};
    use crate::inventory::KINDS;

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
            let node = parse_json_value(&text).unwrap();
            builder.item(&node, &Head { api_version: "v1", kind: "Pod" }, "/api/v1/pods").unwrap();
        }
        builder.into_part()
    }

    /// Objects of a kind, as files hold them.
    fn files(kind: &ObjectKind, names: &[&str]) -> Snapshot {
        let version = if kind.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", kind.group) };
        let mut builder = Builder::new(Options::new("n", false));
        for name in names {
            let subsets = if kind.kind == "Endpoints" { r#", "subsets": [{}]"# } else { "" };
            let text = format!(
                r#"{{"apiVersion": "{version}", "kind": "{}", "metadata": {{"name": "{name}"}}{subsets}}}"#,
                kind.kind
            );
            builder.object(&format!("{name}.json"), &parse_json("", &text, str::to_owned).unwrap(), None);
        }
        builder.finish().unwrap()
    }

    /// Namespace and name of each object of a snapshot, in order.
    fn names(snapshot: &Snapshot) -> Vec<(String, String)> {
        let json = serde_json::to_value(snapshot).unwrap();
        let lists = json.as_object().unwrap().values().filter_map(|list| list.as_array());
        let metas = lists.flatten().filter_map(|object| object.get("meta").or(Some(object)).filter(|m| m.is_object()));
        let text = |meta: &serde_json::Value, key: &str| meta[key].as_str().unwrap_or_default().to_owned();
        metas.map(|meta| (text(meta, "namespace"), text(meta, "name"))).collect()
    }

    #[test]
    fn every_kind_of_the_table_is_read_counted_sorted_merged_and_found_as_a_duplicate() {
        for kind in KINDS {
            let what = format!("{kind:?}");
            let namespace = if kind.scope == Scope::Cluster { "" } else { "n" };
            let both = [(namespace.to_owned(), "a".to_owned()), (namespace.to_owned(), "b".to_owned())];
            let count = |snapshot: &Snapshot| {
                let kinds: Vec<_> = snapshot.kinds().into_iter().collect();
                assert!(matches!(&kinds[..], [(name, _)] if name.starts_with(kind.kind)), "{what}: {kinds:?}");
                kinds[0].1
            };
            let read = files(kind, &["b", "a"]);
            assert_eq!((count(&read), names(&read)), (2, both.to_vec()), "{what}");
            assert!(read.unmodelled.is_empty() && !read.is_empty(), "{what}");
            assert_eq!(read.has_objects(), kind.list != List::ComputeClasses, "{what}");
            let mut merged = files(kind, &["b"]);
            merged.absorb(files(kind, &["a"]));
            merged.sort();
            assert_eq!(merged, read, "{what}");
            let twice = files(kind, &["a", "b", "a"]);
            assert_eq!((count(&twice), names(&twice)), (2, both.to_vec()), "{what}");
            assert!(matches!(&twice.notes[..], [note] if note.contains("is given twice")), "{what}: {:?}", twice.notes);
        }
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
