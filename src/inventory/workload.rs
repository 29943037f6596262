//! Pods become workloads: one for each topmost controller, with classes of equal pods.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::annotations::Annotations;
use super::labels::LabelView;
use super::object::*;
use super::snapshot::Snapshot;
use super::source::{ObjectRef, Origin};

/// The topmost controller of some pods, or a pod of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// `namespace/Kind/name`.
    pub id: String,
    /// Identity of the controller, or of a pod without one.
    pub object: ObjectRef,
    /// Where the controller was read, or one of its pods if the controller itself was not read.
    pub origin: Origin,
    /// Labels of the controller object itself (not of its pods).
    pub labels: Labels,
    /// Pods it has, or is meant to have; `None` where that is not known (DaemonSet, CronJob).
    pub pods: Option<u32>,
    /// `false` for a controller that is scaled to zero.
    pub running: bool,
    /// Never empty.
    pub classes: Vec<Class>,
}

/// Pods of one workload that have the same labels, ports and network.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Labels that all pods of the class share, without those that differ between pods.
    pub labels: Labels,
    /// Label keys that pods get at run time, not in the template; `true`: certainly.
    pub open: BTreeMap<String, bool>,
    /// `spec.hostNetwork`: pods use the addresses of their nodes.
    pub host_network: bool,
    /// In the order of the containers.
    pub ports: Vec<(ContainerRole, ContainerPort)>,
    /// The distinct specifications, with the annotations of each.
    pub specs: Vec<(Annotations, Arc<PodSpec>)>,
    /// Pods with what sets each apart. Empty: only the template is known.
    pub members: Vec<Member>,
}

impl Class {
    /// Labels of one pod of the class; of any pod when `member` is `None`.
    pub fn view(&self, member: Option<&Member>) -> LabelView {
        let mut known = self.labels.clone();
        let mut open = self.open.clone();
        if let Some(m) = member {
            for (k, v) in m.labels.iter() {
                open.remove(k);
                known.insert(k, v);
            }
        } else {
            for m in &self.members {
                for k in m.labels.keys() {
                    open.entry(k.to_owned()).or_insert(false);
                }
            }
        }
        LabelView { known, open, more: false }
    }
}

type Key = (String, String, String);

fn key(namespace: &str, kind: &str, name: &str) -> Key {
    (namespace.to_owned(), kind.to_owned(), name.to_owned())
}

/// Makes the workloads of a snapshot, sorted by id.
pub fn build(snapshot: &Snapshot) -> Vec<Workload> {
    let mut owners: HashMap<Key, &Meta> = HashMap::new();
    for c in &snapshot.controllers {
        owners.insert(key(&c.meta.namespace, &c.meta.kind, &c.meta.name), &c.meta);
    }
    for c in &snapshot.cnpg_clusters {
        owners.insert(key(&c.meta.namespace, &c.meta.kind, &c.meta.name), &c.meta);
    }
    for p in &snapshot.cnpg_poolers {
        owners.insert(key(&p.meta.namespace, &p.meta.kind, &p.meta.name), &p.meta);
    }
    let mut found: BTreeMap<String, Workload> = BTreeMap::new();
    for group in &snapshot.pods {
        let (object, origin, labels) = controller_of_pod(group, &owners);
        let workload = workload_of(&mut found, object, origin, labels);
        let pods = group.members.len() as u32;
        workload.pods = Some(workload.pods.unwrap_or(0) + pods);
        add_class(workload, &group.meta.labels, BTreeMap::new(), &group.annotations, &group.spec, &group.members);
    }
    for c in &snapshot.controllers {
        let (object, origin, labels) = topmost_controller(&c.meta, &owners);
        let is_top = object.kind == c.meta.kind && object.name == c.meta.name;
        let has_pods = found.contains_key(&object.to_string());
        let top_has_template = !is_top && owners.contains_key(&key(&object.namespace, &object.kind, &object.name));
        // Live pods beat templates, a Deployment's template beats its ReplicaSets', an ended Job has no pods left.
        if has_pods || top_has_template || c.finished {
            continue;
        }
        let workload = workload_of(&mut found, object, origin, labels);
        workload.pods = c.replicas;
        workload.running = c.replicas != Some(0);
        let (open, members) = template_pods(c);
        add_class(workload, &c.template.labels, open, &c.template.annotations, &c.template.spec, &members);
    }
    for c in &snapshot.cnpg_clusters {
        if !found.contains_key(&c.meta.object_ref().to_string()) {
            add_instance_pods(&mut found, c);
        }
    }
    for p in &snapshot.cnpg_poolers {
        if !found.contains_key(&p.meta.object_ref().to_string()) {
            add_pooler_pods(&mut found, p);
        }
    }
    let mut workloads: Vec<Workload> = found.into_values().collect();
    for w in &mut workloads {
        w.classes.sort_by(|a, b| {
            (&a.labels, a.host_network, &a.ports, &a.specs).cmp(&(&b.labels, b.host_network, &b.ports, &b.specs))
        });
        for c in &mut w.classes {
            c.members.sort();
        }
    }
    workloads
}

fn workload_of(
    found: &mut BTreeMap<String, Workload>,
    object: ObjectRef,
    origin: Origin,
    labels: Labels,
) -> &mut Workload {
    found.entry(object.to_string()).or_insert_with(|| Workload {
        id: object.to_string(),
        object,
        origin,
        labels,
        pods: None,
        running: true,
        classes: Vec::new(),
    })
}

fn add_class(
    workload: &mut Workload,
    labels: &Labels,
    open: BTreeMap<String, bool>,
    annotations: &Annotations,
    spec: &Arc<PodSpec>,
    members: &[Member],
) {
    let ports: Vec<_> = spec.containers.iter().flat_map(|c| c.ports.iter().map(|p| (c.role, p.clone()))).collect();
    let same = |c: &&mut Class| {
        c.labels == *labels && c.open == open && c.host_network == spec.host_network && c.ports == ports
    };
    let spec = (annotations.clone(), spec.clone());
    match workload.classes.iter_mut().find(same) {
        Some(class) => {
            if !class.specs.contains(&spec) {
                class.specs.push(spec);
                class.specs.sort();
            }
            class.members.extend_from_slice(members);
        }
        None => workload.classes.push(Class {
            labels: labels.clone(),
            open,
            host_network: spec.1.host_network,
            ports,
            specs: vec![spec],
            members: members.to_vec(),
        }),
    }
}

/// Follows controlling owners to the top.
fn topmost_controller(meta: &Meta, owners: &HashMap<Key, &Meta>) -> (ObjectRef, Origin, Labels) {
    let mut at = meta;
    // Owner chains have at most a handful of links; the bound keeps a forged cycle from going on.
    for _ in 0..8 {
        let Some(owner) = &at.owner else { break };
        match owners.get(&key(&meta.namespace, &owner.kind, &owner.name)) {
            Some(next) => at = next,
            None => {
                let object = ObjectRef {
                    api_version: owner.api_version.clone(),
                    kind: owner.kind.clone(),
                    namespace: meta.namespace.clone(),
                    name: owner.name.clone(),
                };
                return (object, meta.origin.clone(), Labels::new());
            }
        }
    }
    (at.object_ref(), at.origin.clone(), at.labels.clone())
}

fn controller_of_pod(group: &PodGroup, owners: &HashMap<Key, &Meta>) -> (ObjectRef, Origin, Labels) {
    let mut meta = group.meta.clone();
    let Some(owner) = meta.owner.clone() else {
        return (meta.object_ref(), meta.origin.clone(), meta.labels.clone());
    };
    // A static pod is "owned" by its Node, and is a workload of its own.
    if owner.kind == "Node" {
        return (meta.object_ref(), meta.origin.clone(), meta.labels.clone());
    }
    if owner.kind == "ReplicaSet" && !owners.contains_key(&key(&meta.namespace, "ReplicaSet", &owner.name)) {
        // The ReplicaSet was not read; the Deployment names it NAME-HASH, and the hash is a label of its pods.
        let hash = group.members.iter().find_map(|m| m.labels.get("pod-template-hash"));
        if let Some(name) = hash.and_then(|h| owner.name.strip_suffix(h)).and_then(|n| n.strip_suffix('-')) {
            meta.owner = Some(Owner { kind: "Deployment".into(), name: name.into(), ..owner });
        }
    }
    if owner.kind == "Job" && !owners.contains_key(&key(&meta.namespace, "Job", &owner.name)) {
        // The Job was not read; a CronJob that was names its Jobs NAME-MINUTES.
        if let Some((name, minutes)) = owner.name.rsplit_once('-') {
            let numbered = !minutes.is_empty() && minutes.bytes().all(|b| b.is_ascii_digit());
            if numbered && owners.contains_key(&key(&meta.namespace, "CronJob", name)) {
                meta.owner = Some(Owner { kind: "CronJob".into(), name: name.into(), api_version: "batch/v1".into() });
            }
        }
    }
    topmost_controller(&meta, owners)
}

/// What the pods of a template will have that the template does not say:
/// <https://kubernetes.io/docs/reference/labels-annotations-taints/>.
fn template_pods(c: &Controller) -> (BTreeMap<String, bool>, Vec<Member>) {
    let open = |keys: &[&str]| keys.iter().map(|k| ((*k).to_owned(), true)).collect::<BTreeMap<_, _>>();
    let name = &c.meta.name;
    let mut members = Vec::new();
    let mut keys = match c.meta.kind.as_str() {
        "Deployment" | "ReplicaSet" => open(&["pod-template-hash"]),
        "DaemonSet" => open(&["controller-revision-hash", "pod-template-generation"]),
        "StatefulSet" => {
            for i in 0..c.replicas.unwrap_or(1).min(1000) {
                members.push(Member {
                    labels: Arc::new(Labels::from([
                        ("statefulset.kubernetes.io/pod-name".to_owned(), format!("{name}-{i}")),
                        ("apps.kubernetes.io/pod-index".to_owned(), i.to_string()),
                    ])),
                    ..Member::default()
                });
            }
            open(&["controller-revision-hash"])
        }
        "Job" | "CronJob" => {
            let mut keys = open(&["batch.kubernetes.io/controller-uid", "controller-uid"]);
            keys.insert("batch.kubernetes.io/job-completion-index".to_owned(), false);
            if c.meta.kind == "Job" {
                members.push(Member {
                    labels: Arc::new(Labels::from([
                        ("batch.kubernetes.io/job-name".to_owned(), name.clone()),
                        ("job-name".to_owned(), name.clone()),
                    ])),
                    ..Member::default()
                });
            } else {
                keys.extend(open(&["batch.kubernetes.io/job-name", "job-name"]));
            }
            keys
        }
        _ => BTreeMap::new(),
    };
    keys.retain(|k, _| !c.template.labels.contains_key(k));
    (keys, members)
}

/// Labels that newer operators add to every pod, whose version is not known here.
const CNPG_NEWER_LABELS: [&str; 5] = [
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/version",
    "app.kubernetes.io/component",
    "app.kubernetes.io/managed-by",
];

fn open_cnpg(labels: &Labels, present: &[&str]) -> BTreeMap<String, bool> {
    let mut open: BTreeMap<String, bool> = CNPG_NEWER_LABELS.iter().map(|k| ((*k).to_owned(), false)).collect();
    open.extend(present.iter().map(|k| ((*k).to_owned(), true)));
    open.retain(|k, _| !labels.contains_key(k));
    open
}

fn port(name: &str, port: u16) -> ContainerPort {
    ContainerPort { name: Some(name.to_owned()), port, ..ContainerPort::default() }
}

/// The instance pods that the operator makes of a Cluster:
/// <https://cloudnative-pg.io/documentation/current/labels_annotations/>.
fn add_instance_pods(found: &mut BTreeMap<String, Workload>, c: &CnpgCluster) {
    let mut labels = c.inherited_labels.clone();
    labels.insert("cnpg.io/cluster".to_owned(), c.meta.name.clone());
    labels.insert("cnpg.io/podRole".to_owned(), "instance".to_owned());
    let members: Vec<Member> = (0..c.instances.min(100))
        .map(|i| {
            let role = if i == 0 { "primary" } else { "replica" };
            Member {
                labels: Arc::new(Labels::from([
                    ("cnpg.io/instanceRole".to_owned(), role.to_owned()),
                    ("role".to_owned(), role.to_owned()),
                ])),
                ..Member::default()
            }
        })
        .collect();
    let spec = PodSpec {
        service_links: true,
        service_account: Some(c.meta.name.clone()),
        containers: vec![Container {
            name: "postgres".to_owned(),
            image: c.image_name.clone().unwrap_or_default(),
            ports: vec![port("postgresql", 5432), port("metrics", 9187), port("status", 8000)],
            ..Container::default()
        }],
        ..PodSpec::default()
    };
    let open = open_cnpg(&labels, &["cnpg.io/instanceName"]);
    let workload = workload_of(found, c.meta.object_ref(), c.meta.origin.clone(), c.meta.labels.clone());
    workload.pods = Some(c.instances);
    workload.running = c.instances > 0;
    add_class(workload, &labels, open, &Annotations::default(), &Arc::new(spec), &members);
}

fn add_pooler_pods(found: &mut BTreeMap<String, Workload>, p: &CnpgPooler) {
    let mut labels = p.template_labels.clone();
    labels.insert("cnpg.io/cluster".to_owned(), p.cluster.clone());
    labels.insert("cnpg.io/podRole".to_owned(), "pooler".to_owned());
    labels.insert("cnpg.io/poolerName".to_owned(), p.meta.name.clone());
    let spec = PodSpec {
        service_links: true,
        containers: vec![Container {
            name: "pgbouncer".to_owned(),
            ports: vec![port("pgbouncer", 5432), port("metrics", 9127)],
            ..Container::default()
        }],
        ..PodSpec::default()
    };
    let open = open_cnpg(&labels, &["pod-template-hash"]);
    let workload = workload_of(found, p.meta.object_ref(), p.meta.origin.clone(), p.meta.labels.clone());
    workload.pods = Some(p.instances);
    workload.running = p.instances > 0;
    add_class(workload, &labels, open, &Annotations::default(), &Arc::new(spec), &[]);
}
