//! The objects of the input that no result is about, counted and named.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::CheckResult;
use crate::inventory::object::Meta;
use crate::inventory::{Inventory, ObjectRef, with_object_lists};
use crate::report::UnusedObjects;

const UNUSED: &str = "no result is about them or rests on them";

/// Objects by reason, API version and kind.
#[derive(Default)]
struct Unused(BTreeMap<(&'static str, String, String), (usize, Vec<String>)>);

impl Unused {
    fn add(&mut self, reason: &'static str, api_version: &str, kind: &str, count: usize, names: Vec<String>) {
        let (counted, named) = self.0.entry((reason, api_version.to_owned(), kind.to_owned())).or_default();
        *counted += count;
        named.extend(names);
    }
}

/// Lists the objects that are no subject, no part of one and no evidence.
pub(super) fn list_objects(inventory: &Inventory, results: &[CheckResult]) -> Vec<UnusedObjects> {
    let snapshot = &inventory.snapshot;
    let mut unused = Unused::default();
    for (key, count) in &snapshot.unmodelled {
        // The key is `apiVersion kind`.
        let (api_version, kind) = key.rsplit_once(' ').unwrap_or(("", key));
        let names = snapshot.unmodelled_names.get(key).cloned().unwrap_or_default();
        unused.add(UnusedObjects::NO_CHECK, api_version, kind, *count as usize, names);
    }
    if snapshot.finished_pods > 0 {
        let names = snapshot.finished_pod_names.clone();
        unused.add("they have finished", "v1", "Pod", snapshot.finished_pods as usize, names);
    }
    for object in &inventory.finished {
        unused.add("they have finished", &object.api_version, &object.kind, 1, vec![name(object)]);
    }
    let mut seen: BTreeSet<(&str, &str, &str, &str)> = BTreeSet::new();
    for result in results {
        seen.insert(identity(&result.subject.object));
        seen.extend(result.evidence.iter().map(|e| identity(&e.object)));
    }
    for meta in single_objects(inventory) {
        let object = meta.object_ref();
        if !seen.contains(&identity(&object)) {
            unused.add(UNUSED, &object.api_version, &object.kind, 1, vec![name(&object)]);
        }
    }
    let list = unused.0.into_iter().map(|((reason, api_version, kind), (count, mut names))| {
        names.sort();
        UnusedObjects { api_version, kind, count, names, reason: reason.to_owned() }
    });
    list.collect()
}

/// Objects that are not part of a workload.
fn single_objects(inventory: &Inventory) -> Vec<&Meta> {
    macro_rules! collect_metas {
        ($(
            $(#[$attribute:meta])*
            $list:ident $field:ident: $object:ident = [ $($kinds:tt)+ ];
        )+) => {
            vec![$(metas!($list $field),)+].into_iter().flatten().collect()
        };
    }
    macro_rules! metas {
        // Every one of them is in the workload of its topmost controller, or has finished.
        (Controllers $field:ident) => {
            Vec::new()
        };
        (Pods $field:ident) => {
            Vec::new()
        };
        (OpaquePolicies $field:ident) => {
            inventory.snapshot.$field.iter().collect::<Vec<&Meta>>()
        };
        ($list:ident $field:ident) => {
            inventory.snapshot.$field.iter().map(|object| &object.meta).collect::<Vec<&Meta>>()
        };
    }
    with_object_lists!(collect_metas)
}

/// Versions of an API group show the same objects.
fn identity(object: &ObjectRef) -> (&str, &str, &str, &str) {
    let group = object.api_version.rsplit_once('/').map_or("", |(group, _)| group);
    (group, &object.kind, &object.namespace, &object.name)
}

/// `NAMESPACE/NAME`, or the name of an object without a namespace.
fn name(object: &ObjectRef) -> String {
    match object.namespace.as_str() {
        "" => object.name.clone(),
        namespace => format!("{namespace}/{}", object.name),
    }
}
