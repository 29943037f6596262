//! For generated inputs: no object vanishes, and none takes away the finding of another.

use std::collections::BTreeSet;

use gke_posture::audit::{Evidence, Settings, audit};
use gke_posture::check::{Registry, builtin_files};
use gke_posture::collect::{Options, read_embedded};
use gke_posture::config::Config;
use gke_posture::inventory::{Inventory, Snapshot};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config as RunnerConfig, TestRunner};
use serde_json::{Value, json};

/// API version and kind of the objects: those with pods come first, [`WITH_PODS`] of them.
const KINDS: [(&str, &str); 22] = [
    ("v1", "Pod"),
    ("v1", "ReplicationController"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "Namespace"),
    ("v1", "ServiceAccount"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("networking.k8s.io/v1", "Ingress"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("postgresql.cnpg.io/v1", "Cluster"),
    ("postgresql.cnpg.io/v1", "Pooler"),
    ("cilium.io/v2", "CiliumNetworkPolicy"),
    ("extensions/v1beta1", "Deployment"),
    ("example.com/v1", "Pod"),
    ("example.com/v1", "Cluster"),
];
const WITH_PODS: usize = 8;

#[derive(Clone, Debug)]
struct Object {
    kind: usize,
    name: &'static str,
    namespace: &'static str,
    generated: bool,
    /// As a server gave it.
    uid: bool,
    /// A status of something that has ended.
    ended: bool,
    labels: &'static str,
    /// Kind, name and whether the reference has the owner's uid, another or none.
    owner: Option<(usize, &'static str, u8)>,
    /// How deep it is in lists.
    depth: u8,
}

fn object() -> impl Strategy<Value = Object> {
    let name = || select(vec!["a", "b", "a-1"]);
    let kind = || prop_oneof![3 => 0..WITH_PODS, 2 => 0..KINDS.len()];
    (
        kind(),
        name(),
        select(vec!["n", "m"]),
        prop::bool::weighted(0.15),
        any::<bool>(),
        any::<bool>(),
        select(vec!["a", "b"]),
        prop::option::of((kind(), name(), 0..3u8)),
        0..3u8,
    )
        .prop_map(|(kind, name, namespace, generated, uid, ended, labels, owner, depth)| Object {
            kind,
            name,
            namespace,
            generated,
            uid,
            ended,
            labels,
            owner,
            depth,
        })
}

impl Object {
    fn kind(&self) -> &'static str {
        KINDS[self.kind].1
    }

    fn group(&self) -> &'static str {
        KINDS[self.kind].0.rsplit_once('/').map_or("", |(group, _)| group)
    }

    fn is_cluster_scoped(&self) -> bool {
        self.kind() == "Namespace"
    }

    fn name(&self) -> String {
        if self.generated { format!("{}*", self.name) } else { self.name.to_owned() }
    }

    /// `NAMESPACE/NAME`
    fn place(&self) -> String {
        match self.is_cluster_scoped() {
            true => self.name(),
            false => format!("{}/{}", self.namespace, self.name()),
        }
    }

    fn identity(&self) -> (&'static str, &'static str, String) {
        (self.group(), self.kind(), self.place())
    }

    /// The manifest; the image of its pods is its own.
    fn manifest(&self, image: &str) -> Value {
        let mut metadata = json!({"labels": {"l": self.labels}});
        metadata[if self.generated { "generateName" } else { "name" }] = json!(self.name);
        if !self.is_cluster_scoped() {
            metadata["namespace"] = json!(self.namespace);
        }
        if self.uid {
            metadata["uid"] = json!(format!("uid-{}-{}-{}", self.kind(), self.namespace, self.name));
        }
        if let Some((kind, name, uid)) = self.owner {
            let mut owner =
                json!({"apiVersion": KINDS[kind].0, "kind": KINDS[kind].1, "name": name, "controller": true});
            match uid {
                0 => {}
                1 => owner["uid"] = json!(format!("uid-{}-{}-{name}", KINDS[kind].1, self.namespace)),
                _ => owner["uid"] = json!("another"),
            }
            metadata["ownerReferences"] = json!([owner]);
        }
        let spec = json!({"hostNetwork": true, "containers": [{"name": "main", "image": image}]});
        let template = json!({"metadata": {"labels": {"l": self.labels}}, "spec": spec});
        let selector = json!({"matchLabels": {"l": self.labels}});
        let mut object = json!({"apiVersion": KINDS[self.kind].0, "kind": self.kind(), "metadata": metadata});
        object["spec"] = match self.kind() {
            "NetworkPolicy" => json!({"podSelector": {}}),
            "Pooler" => json!({"cluster": {"name": "a"}}),
            _ if self.kind >= WITH_PODS => json!({}),
            "Pod" => spec,
            "CronJob" => json!({"jobTemplate": {"spec": {"template": template}}}),
            "ReplicationController" => json!({"selector": {"l": self.labels}, "template": template}),
            "Job" => json!({"template": template}),
            _ => json!({"selector": selector, "template": template}),
        };
        if self.ended {
            object["status"] = json!({"phase": "Succeeded", "conditions": [{"type": "Complete", "status": "True"}]});
        }
        (0..self.depth).fold(object, |inner, _| json!({"apiVersion": "v1", "kind": "List", "items": [inner]}))
    }
}

/// The result of an audit, with its inventory.
struct Audited {
    report: Value,
    inventory: Inventory,
}

fn image(i: usize) -> String {
    format!("example/image-{i}")
}

fn snapshot(objects: &[Object]) -> Snapshot {
    let texts: Vec<(String, String)> =
        objects.iter().enumerate().map(|(i, o)| (format!("{i}.json"), o.manifest(&image(i)).to_string())).collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    read_embedded(&files, "test", Options::new("default", false)).expect("valid manifests")
}

impl Audited {
    fn new(registry: &Registry, objects: &[Object]) -> Audited {
        let config = Config::default();
        let settings = Settings::new(registry, &config, jiff::Timestamp::UNIX_EPOCH);
        let report = audit(Evidence::new(snapshot(objects), None), &settings);
        Audited { report: serde_json::to_value(report).unwrap(), inventory: Inventory::new(snapshot(objects)) }
    }

    fn results(&self) -> &[Value] {
        self.report["results"].as_array().unwrap()
    }

    fn is_subject(&self, id: &str) -> bool {
        self.results().iter().any(|r| r["subject"]["id"] == id)
    }

    /// The images of workloads that fail for their use of the host's network.
    fn failing_images(&self) -> BTreeSet<String> {
        let fails = |id: &str| {
            let mut of_check = self.results().iter().filter(|r| r["check"] == "workload-host-network");
            of_check.any(|r| r["subject"]["id"] == id && r["verdict"] == "fail")
        };
        let failing = self.inventory.workloads.iter().filter(|w| fails(&w.id));
        let specs = failing.flat_map(|w| &w.classes).flat_map(|c| &c.specs);
        specs.flat_map(|(_, spec)| &spec.containers).map(|c| c.image.clone()).collect()
    }

    /// Whether the object is in the report: as a subject or evidence, as a part of one, or by name as not evaluated.
    fn has(&self, object: &Object, image: &str) -> bool {
        let is_it = |o: &Value| {
            let namespace = o["namespace"].as_str().unwrap_or_default();
            o["kind"] == object.kind()
                && o["name"] == object.name()
                && (object.is_cluster_scoped() || namespace == object.namespace)
        };
        let of_result = |r: &Value| {
            is_it(&r["subject"]["object"])
                || r["evidence"].as_array().into_iter().flatten().any(|e| is_it(&e["object"]))
        };
        let not_evaluated = |o: &Value| {
            o["kind"] == object.kind()
                && o["apiVersion"].as_str().is_some_and(|v| v.rsplit_once('/').map_or("", |(g, _)| g) == object.group())
                && o["names"].as_array().into_iter().flatten().any(|n| *n == object.place())
        };
        // Part of a workload that is a subject.
        let part = || {
            self.inventory.workloads.iter().filter(|w| self.is_subject(&w.id)).any(|w| {
                let mut specs = w.classes.iter().flat_map(|c| &c.specs);
                specs.any(|(_, spec)| spec.containers.iter().any(|c| c.image == image))
            })
        };
        // What stands between pods of a server and their topmost controller.
        let between = || {
            let owner = object.owner.map(|(kind, name, _)| format!("{}/{}/{name}", object.namespace, KINDS[kind].1));
            owner.is_some_and(|id| self.is_subject(&id))
        };
        self.results().iter().any(of_result)
            || self.report["notEvaluated"]["objects"].as_array().unwrap().iter().any(not_evaluated)
            || object.kind < WITH_PODS && (part() || between())
    }
}

/// What later objects replace, as kubectl would: the identity of each is left once.
fn without_duplicates(objects: Vec<Object>) -> Vec<Object> {
    let mut seen = BTreeSet::new();
    objects.into_iter().filter(|o| o.generated || seen.insert(o.identity())).collect()
}

fn registry() -> Registry {
    Registry::load(&builtin_files(), gke_posture::facts::vocabulary).expect("built-in checks load")
}

fn check<S: Strategy>(strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let mut runner = TestRunner::new(RunnerConfig { cases: 200, failure_persistence: None, ..RunnerConfig::default() });
    runner.run(&strategy, test).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn every_object_is_found_again() {
    let registry = registry();
    check(prop::collection::vec(object(), 1..7), |objects| {
        let audited = Audited::new(&registry, &objects);
        // A later object of the same identity replaces an earlier one, and a note says so.
        for (i, object) in objects.iter().enumerate() {
            let replaced = !object.generated && objects[i + 1..].iter().any(|o| o.identity() == object.identity());
            if replaced {
                let notes = audited.report["evidence"]["notes"].to_string();
                let id = format!("{}/{}/{}", object.namespace, object.kind(), object.name);
                let unmodelled = ["extensions/v1beta1", "example.com/v1"].contains(&KINDS[object.kind].0)
                    || ["Namespace", "ServiceAccount"].contains(&object.kind());
                prop_assert!(unmodelled || notes.contains(&id), "{object:?} is replaced without a note: {notes}");
            } else {
                prop_assert!(audited.has(object, &image(i)), "{object:?} is not in {}", audited.report);
            }
        }
        Ok(())
    });
}

#[test]
fn an_object_takes_no_finding_from_another() {
    let registry = registry();
    check((prop::collection::vec(object(), 1..5), object()), |(objects, added)| {
        let mut objects = without_duplicates(objects);
        // Pods that a server gave show that their controller has made its pods, and stand for its template.
        let changes = added.kind() == "Pod" && added.uid;
        let replaces = !added.generated && objects.iter().any(|o| o.identity() == added.identity());
        if changes || replaces {
            return Ok(());
        }
        let before = Audited::new(&registry, &objects).failing_images();
        objects.push(added.clone());
        let after = Audited::new(&registry, &objects);
        let lost: Vec<_> = before.difference(&after.failing_images()).cloned().collect();
        prop_assert!(lost.is_empty(), "{added:?} takes away {lost:?} of {objects:?}");
        Ok(())
    });
}
