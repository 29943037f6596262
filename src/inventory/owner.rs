//! Owner references: from an object to the workload that it belongs to.
//!
//! An owner reference is a claim: whoever may create an object may write any owner into it. It is followed to an object
//! that was read only if API group, kind, name and, where both are known, uid are those of the owner, and if the owner is
//! of a kind that makes such objects: <https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/>.

use std::collections::{BTreeMap, HashMap};

use super::object::*;
use super::snapshot::Snapshot;
use super::source::{ObjectRef, Origin};

const CNPG: &str = "postgresql.cnpg.io";

/// The topmost controller of an object, or the object itself.
pub(super) struct Top {
    pub object: ObjectRef,
    pub origin: Origin,
    pub labels: Labels,
}

impl Top {
    pub(super) fn of(meta: &Meta) -> Top {
        Top { object: meta.object_ref(), origin: meta.origin.clone(), labels: meta.labels.clone() }
    }
}

/// Claims of owners that are not so, with the objects that make them.
#[derive(Default)]
pub(super) struct Claims(BTreeMap<(String, &'static str), Vec<String>>);

impl Claims {
    fn add(&mut self, child: &Meta, owner: &Owner, why: &'static str) {
        let owner = format!("{} {}/{}", owner.api_version, owner.kind, owner.name);
        self.0.entry((owner, why)).or_default().push(child.object_ref().to_string());
    }

    /// One note for each owner and reason; sorted.
    pub(super) fn into_notes(self) -> Vec<String> {
        const MOST: usize = 3;
        let note = |((owner, why), mut children): ((String, &str), Vec<String>)| {
            children.sort();
            children.dedup();
            let more = match children.len() {
                n if n > MOST => format!(" and {} more", n - MOST),
                _ => String::new(),
            };
            children.truncate(MOST);
            let verb = if children.len() == 1 { "names" } else { "name" };
            format!(
                "{}{more} {verb} {owner} as controller, but {why}: evaluated without that owner",
                children.join(", ")
            )
        };
        self.0.into_iter().map(note).collect()
    }
}

/// What of pods decides whether an operator made them.
struct Look<'a> {
    labels: &'a Labels,
    /// Labels of one pod beside those.
    own: Option<&'a Labels>,
    spec: &'a PodSpec,
    /// Whether more than metadata was read.
    known: bool,
}

impl Look<'_> {
    fn label(&self, key: &str) -> Option<&str> {
        self.own.and_then(|own| own.get(key)).or_else(|| self.labels.get(key))
    }

    fn has_container(&self, name: &str) -> bool {
        self.spec.containers.iter().any(|c| c.role == ContainerRole::Regular && c.name == name)
    }

    /// What the operator puts on the instances of a Cluster:
    /// <https://cloudnative-pg.io/documentation/current/labels_annotations/>.
    fn is_instance(&self, cluster: &str) -> bool {
        self.label("cnpg.io/cluster") == Some(cluster)
            && self.label("cnpg.io/podRole") == Some("instance")
            && self.label("cnpg.io/instanceName").is_some()
            && self.has_container("postgres")
    }

    /// What the operator puts on the pods of a Pooler.
    fn is_pooler(&self, pooler: &str) -> bool {
        self.label("cnpg.io/poolerName") == Some(pooler)
            && self.label("cnpg.io/podRole") == Some("pooler")
            && self.has_container("pgbouncer")
    }
}

/// An object that owns others.
#[derive(Clone, Copy)]
struct Owning<'a> {
    meta: &'a Meta,
    /// What the labels of its pods contain.
    selector: Option<&'a Labels>,
}

/// Objects that own others, by namespace and name.
pub(super) struct Owners<'a>(HashMap<(&'a str, &'a str), Vec<Owning<'a>>>);

/// What a reference leads to.
enum Found<'a> {
    Owner(Owning<'a>),
    /// It was not read: the reference alone names it.
    Unread,
    /// Another object has the id that the owner would have.
    Other,
}

impl<'a> Owners<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        // The API refuses a selector that does not match the template: such a one says nothing.
        let is_sound = |c: &&Controller| {
            c.selector.iter().all(|(key, value)| c.template.labels.get(key).is_some_and(|own| own == value))
        };
        let selector = |c: &'a Controller| Some(c).filter(is_sound).map(|c| &c.selector);
        let controllers = snapshot.controllers.iter().map(|c| Owning { meta: &c.meta, selector: selector(c) });
        let clusters = snapshot.cnpg_clusters.iter().map(|c| Owning { meta: &c.meta, selector: None });
        let poolers = snapshot.cnpg_poolers.iter().map(|p| Owning { meta: &p.meta, selector: None });
        let mut owners = Owners(HashMap::new());
        for owning in controllers.chain(clusters).chain(poolers) {
            owners.0.entry((&owning.meta.namespace, &owning.meta.name)).or_default().push(owning);
        }
        owners
    }

    fn find(&self, namespace: &str, owner: &Owner) -> Found<'a> {
        let named = self.0.get(&(namespace, owner.name.as_str())).map(Vec::as_slice).unwrap_or_default();
        match named.iter().find(|o| owner.is(o.meta)) {
            Some(found) => Found::Owner(*found),
            None if named.iter().any(|o| o.meta.kind == owner.kind) => Found::Other,
            None => Found::Unread,
        }
    }

    fn was_read(&self, namespace: &str, kind: &str, name: &str) -> bool {
        self.0.get(&(namespace, name)).is_some_and(|named| named.iter().any(|o| o.meta.kind == kind))
    }

    /// Follows controlling owners to the top. `first` is what `meta` claims, or what follows from it.
    fn top(&self, meta: &Meta, first: Option<Owner>, derived: bool, look: &Look<'_>, claims: &mut Claims) -> Top {
        let mut at = meta;
        let mut next = first;
        let mut passed = vec![meta];
        let mut derived = derived;
        while let Some(owner) = next {
            let found = match self.find(&meta.namespace, &owner) {
                Found::Owner(found) => found,
                Found::Unread => {
                    let object = ObjectRef {
                        api_version: owner.api_version,
                        kind: owner.kind,
                        namespace: meta.namespace.clone(),
                        name: owner.name,
                    };
                    return Top { object, origin: meta.origin.clone(), labels: Labels::new() };
                }
                Found::Other => {
                    claims.add(at, &owner, "the object of that name has another API group or uid");
                    break;
                }
            };
            if passed.iter().any(|p| std::ptr::eq(*p, found.meta)) {
                claims.add(meta, &owner, "the references form a cycle");
                return Top::of(meta);
            }
            match evaluate_claim(found, at, derived, look) {
                Claim::Holds => {}
                Claim::Separate => break,
                Claim::Refused(why) => {
                    claims.add(at, &owner, why);
                    break;
                }
            }
            derived = false;
            passed.push(found.meta);
            at = found.meta;
            next = at.owner.clone();
        }
        Top::of(at)
    }

    pub(super) fn top_of_controller(&self, c: &Controller, claims: &mut Claims) -> Top {
        let look = Look { labels: &c.template.labels, own: None, spec: &c.template.spec, known: c.has_template() };
        self.top(&c.meta, c.meta.owner.clone(), false, &look, claims)
    }

    /// The tops of the pods of a group, each with its pods: each of those of an operator's object is matched alone.
    pub(super) fn tops_of_pods(&self, group: &PodGroup, claims: &mut Claims) -> Vec<(Top, Vec<Member>)> {
        let Some(owner) = group.meta.owner.clone() else { return vec![(Top::of(&group.meta), group.members.clone())] };
        // A static pod is "owned" by its Node, and is a workload of its own.
        if owner.kind == "Node" && owner.group().is_empty() {
            return vec![(Top::of(&group.meta), group.members.clone())];
        }
        let (owner, derived) = match self.derive(group, &owner) {
            Some(derived) => (derived, true),
            None => (owner, false),
        };
        let mut tops: Vec<(Top, Vec<Member>)> = Vec::new();
        for like in group.members.chunk_by(|a, b| std::sync::Arc::ptr_eq(&a.labels, &b.labels) || a.labels == b.labels)
        {
            let Some(one) = like.first() else { continue };
            // A pod that stays on its own has its own name.
            let own = Meta { name: one.name.clone(), ..group.meta.clone() };
            let look = Look { labels: &group.meta.labels, own: Some(&one.labels), spec: &group.spec, known: true };
            let top = self.top(&own, Some(owner.clone()), derived, &look, claims);
            if top.object == own.object_ref() {
                for member in like {
                    let own = Meta { name: member.name.clone(), ..group.meta.clone() };
                    tops.push((Top::of(&own), vec![member.clone()]));
                }
                continue;
            }
            match tops.iter_mut().find(|(earlier, _)| earlier.object == top.object) {
                Some((_, members)) => members.extend_from_slice(like),
                None => tops.push((top, like.to_vec())),
            }
        }
        tops
    }

    /// The controller of the owner of pods, where the owner was not read and its name shows it.
    fn derive(&self, group: &PodGroup, owner: &Owner) -> Option<Owner> {
        let namespace = &group.meta.namespace;
        if self.was_read(namespace, &owner.kind, &owner.name) {
            return None;
        }
        match (owner.group(), owner.kind.as_str()) {
            // A Deployment names its ReplicaSets NAME-HASH, and the hash is a label of the pods.
            ("apps", "ReplicaSet") => {
                let hash = group.members.iter().find_map(|m| m.labels.get("pod-template-hash"))?;
                let name = owner.name.strip_suffix(hash)?.strip_suffix('-')?;
                Some(Owner { kind: "Deployment".into(), name: name.into(), uid: None, ..owner.clone() })
            }
            // A CronJob names its Jobs NAME-MINUTES.
            ("batch", "Job") => {
                let (name, minutes) = owner.name.rsplit_once('-')?;
                let numbered = !minutes.is_empty() && minutes.bytes().all(|b| b.is_ascii_digit());
                let api_version = "batch/v1".to_owned();
                (numbered && self.was_read(namespace, "CronJob", name)).then(|| Owner {
                    kind: "CronJob".into(),
                    name: name.into(),
                    api_version,
                    uid: None,
                })
            }
            _ => None,
        }
    }
}

/// What becomes of a claim on an object that was read.
enum Claim {
    Holds,
    /// It is so, and the object is a workload of its own all the same.
    Separate,
    Refused(&'static str),
}

/// Whether `owner` may be the controller of `child`. `derived`: the object between the two was not read.
fn evaluate_claim(owner: Owning<'_>, child: &Meta, derived: bool, look: &Look<'_>) -> Claim {
    let Owning { meta, selector } = owner;
    let selects = !look.known || selector.is_none_or(|s| s.iter().all(|(key, value)| look.label(key) == Some(value)));
    let makes = match (meta.group(), meta.kind.as_str(), child.kind.as_str()) {
        ("apps", "Deployment", "ReplicaSet") | ("batch", "CronJob", "Job") => true,
        ("apps", "Deployment", "Pod") | ("batch", "CronJob", "Pod") => derived,
        ("apps", "ReplicaSet" | "StatefulSet" | "DaemonSet", "Pod") => true,
        ("batch", "Job", "Pod") | ("", "ReplicationController", "Pod") => true,
        // Jobs of the operator run beside the instances.
        (CNPG, "Cluster", "Job") => return Claim::Separate,
        (CNPG, "Cluster", "Pod") if !look.is_instance(&meta.name) => {
            return Claim::Refused("the labels or the container `postgres` of an instance are missing");
        }
        (CNPG, "Pooler", "Deployment") if look.known && !look.is_pooler(&meta.name) => {
            return Claim::Refused("the labels or the container `pgbouncer` of a pooler are missing");
        }
        (CNPG, "Cluster", "Pod") | (CNPG, "Pooler", "Deployment") => true,
        _ => false,
    };
    match (makes, selects) {
        (true, true) => Claim::Holds,
        (true, false) => Claim::Refused("its selector does not match their labels"),
        (false, _) => Claim::Refused("that kind does not make such objects"),
    }
}
