//! Pods are folded as they come: those of one controller that are equal become one group.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use crate::inventory::object::PodGroup;

use super::{Builder, push};

/// What makes pods equal: labels, owner and specification do; name and node do not. Equal specifications are one.
fn group_key(pod: &PodGroup) -> impl Hash + PartialEq + '_ {
    let meta = &pod.meta;
    let name = meta.owner.is_none().then_some(&meta.name);
    (&meta.namespace, &meta.owner, name, &meta.labels, &pod.annotations, Arc::as_ptr(&pod.spec), pod.manifest)
}

impl Builder {
    /// Adds the members of a group to the equal one that is there, else the group.
    pub(super) fn fold(&mut self, mut pod: PodGroup) {
        let candidates = self.groups.entry(self.hasher.hash_one(group_key(&pod))).or_default();
        let pods = &mut self.snapshot.pods;
        let equal = candidates.iter().copied().find(|&i| pods.get(i).is_some_and(|g| group_key(g) == group_key(&pod)));
        let Some(group) = equal.and_then(|i| pods.get_mut(i)) else {
            candidates.push(pods.len());
            push(pods, pod);
            return;
        };
        // The pods of a controller have the same labels but for those of StatefulSets: they share them.
        if let Some(last) = group.members.last().map(|m| m.labels.clone()) {
            pod.members.iter_mut().filter(|m| m.labels == last).for_each(|m| m.labels = last.clone());
        }
        group.members.append(&mut pod.members);
    }

    /// Removes the groups that a later duplicate has emptied.
    pub(super) fn drop_empty_groups(&mut self) {
        self.snapshot.pods.retain(|g| !g.members.is_empty());
    }
}
