//! ReplicaSets, of which a cluster has up to eleven for each Deployment (`revisionHistoryLimit`). Their metadata will do,
//! which joins pods and Deployments, as long as something else that is read has their template.
//!
//! <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#clean-up-policy>

use std::collections::HashSet;

use crate::inventory::Snapshot;

use super::kinds::Resource;

const KIND: &str = "ReplicaSet";

pub(super) fn is(resource: &Resource) -> bool {
    resource.kind == KIND
}

/// Whether there is a ReplicaSet without template whose owner was not read: it may have none, or be that of a
/// custom resource.
pub(super) fn lack_templates(snapshot: &Snapshot) -> bool {
    let controllers = snapshot.controllers.iter().filter(|c| c.meta.kind != KIND).map(|c| &c.meta);
    let read: HashSet<(&str, &str, &str)> =
        controllers.map(|m| (m.namespace.as_str(), m.kind.as_str(), m.name.as_str())).collect();
    let bare = snapshot.controllers.iter().filter(|c| c.meta.kind == KIND && c.template.spec.containers.is_empty());
    bare.map(|c| &c.meta).any(|m| {
        let owner = m.owner.as_ref().map(|o| (m.namespace.as_str(), o.kind.as_str(), o.name.as_str()));
        owner.is_none_or(|owner| !read.contains(&owner))
    })
}

/// Replaces the ReplicaSets of which only metadata was read.
pub(super) fn replace(snapshot: &mut Snapshot, whole: Snapshot) {
    snapshot.controllers.retain(|c| c.meta.kind != KIND);
    snapshot.absorb(whole);
}
