//! Pods become workloads: one for each topmost controller, with classes of equal pods.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::annotations::Annotations;
use super::labels::LabelView;
use super::object::*;
use super::owner::{Claims, Owners, Top};
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

/// The workloads of a snapshot, and what became of the objects that make none.
pub struct Built {
    /// Sorted by id.
    pub workloads: Vec<Workload>,
    /// What the owner references of objects claim that is not so; sorted.
    pub notes: Vec<String>,
    /// Jobs that have ended and that have no pods left.
    pub finished: Vec<ObjectRef>,
}

/// Makes the workloads of a snapshot.
///
/// An owner names the workload of an object, and drops none: live pods stand for the template of their controller, and a
/// Deployment's template for the equal ones of its ReplicaSets. Everything else is a class of its workload.
pub fn build(snapshot: &Snapshot) -> Built {
    let owners = Owners::new(snapshot);
    let mut claims = Claims::default();
    let mut found: BTreeMap<String, Workload> = BTreeMap::new();
    // Workloads of which a server gave pods, and those of which manifests did: anybody may write such a pod.
    let (mut live, mut written): (BTreeSet<String>, BTreeSet<String>) = Default::default();
    for group in &snapshot.pods {
        for (top, members) in owners.tops_of_pods(group, &mut claims) {
            let workload = workload_of(&mut found, top);
            workload.pods = Some(workload.pods.unwrap_or(0) + members.len() as u32);
            add_class(workload, &group.meta.labels, BTreeMap::new(), &group.annotations, &group.spec, &members);
            let pods = if group.manifest { &mut written } else { &mut live };
            pods.insert(workload.id.clone());
        }
    }
    let mut finished = Vec::new();
    // Those at the top come first: the templates below them mostly are the same.
    let mut below = Vec::new();
    for c in &snapshot.controllers {
        let top = owners.top_of_controller(c, &mut claims);
        if live.contains(&top.object.to_string()) {
            continue;
        }
        if c.finished {
            finished.push(c.meta.object_ref());
        } else if top.object == c.meta.object_ref() {
            add_template(&mut found, c, top, &written);
        } else {
            below.push((c, top));
        }
    }
    for (c, top) in below {
        let is_known = found.contains_key(&top.object.to_string());
        // The ReplicaSets of earlier revisions have no pods, and some are known by their metadata alone.
        if !is_known || c.replicas != Some(0) && c.has_template() {
            add_template(&mut found, c, top, &written);
        }
    }
    // An operator's object has no template of its own: pods that look like its pods stand for it.
    let has_pods = |meta: &Meta| {
        let id = meta.object_ref().to_string();
        live.contains(&id) || written.contains(&id)
    };
    for c in snapshot.cnpg_clusters.iter().filter(|c| !has_pods(&c.meta)) {
        add_instance_pods(&mut found, c);
    }
    for p in snapshot.cnpg_poolers.iter().filter(|p| !has_pods(&p.meta)) {
        add_pooler_pods(&mut found, p);
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
    finished.sort();
    Built { workloads, notes: claims.into_notes(), finished }
}

/// Adds the pods that a controller makes of its template. `written`: workloads with pods of manifests, which are counted
/// already.
fn add_template(found: &mut BTreeMap<String, Workload>, c: &Controller, top: Top, written: &BTreeSet<String>) {
    let is_own = top.object == c.meta.object_ref();
    let is_new = !found.contains_key(&top.object.to_string());
    let workload = workload_of(found, top);
    let (mut open, members) = template_pods(c);
    let mut labels = c.template.labels.clone();
    if !is_own {
        // What the controller above has added, and adds to the pods of its own template too.
        for key in ADDED_BY_CONTROLLERS {
            if labels.contains_key(key) {
                labels.retain(|k, _| k != key);
                open.insert(key.to_owned(), true);
            }
        }
    }
    let running = c.replicas != Some(0);
    if written.contains(&workload.id) {
        let is_same = |class: &Class| class.labels == labels && class.specs.iter().any(|(_, s)| *s == c.template.spec);
        if workload.classes.iter().any(is_same) {
            return;
        }
    } else if is_new {
        (workload.pods, workload.running) = (c.replicas, running);
    } else if is_own {
        workload.pods = workload.pods.zip(c.replicas).map(|(a, b)| a + b);
        workload.running |= running;
    } else {
        workload.running |= running;
    }
    add_class(workload, &labels, open, &c.template.annotations, &c.template.spec, &members);
}

/// Labels that a Deployment and a CronJob add to the templates of what they make:
/// <https://kubernetes.io/docs/reference/labels-annotations-taints/>.
const ADDED_BY_CONTROLLERS: [&str; 5] = [
    "pod-template-hash",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "controller-uid",
    "job-name",
];

fn workload_of(found: &mut BTreeMap<String, Workload>, top: Top) -> &mut Workload {
    let Top { object, origin, labels } = top;
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
    let workload = workload_of(found, Top::of(&c.meta));
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
    let workload = workload_of(found, Top::of(&p.meta));
    workload.pods = Some(p.instances);
    workload.running = p.instances > 0;
    add_class(workload, &labels, open, &Annotations::default(), &Arc::new(spec), &[]);
}
