//! The lists that the rights of each need stand for.

use crate::inventory::{Need, ObjectKind, Right};

/// A resource that is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    pub need: Need,
    pub right: Right,
    pub kind: &'static str,
    /// Part of Kubernetes itself, in version v1 of its group; others are asked for where the server has them.
    pub builtin: bool,
}

/// What is listed for `need`.
pub(super) fn resources(need: Need) -> Vec<Resource> {
    let listed = need.rights().iter().filter(|r| r.verb == "list");
    // A test of the table of kinds makes sure that no right is without a kind.
    let kinds = listed.filter_map(|right| Some((right, ObjectKind::of_resource(right.group, right.resource)?)));
    kinds
        .map(|(right, kind)| Resource { need, right: *right, kind: kind.kind, builtin: is_builtin(right.group) })
        .collect()
}

fn is_builtin(group: &str) -> bool {
    matches!(group, "" | "apps" | "batch" | "discovery.k8s.io" | "networking.k8s.io")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_of_every_need_is_asked_for() {
        for need in Need::ALL {
            let lists = need.rights().iter().filter(|r| r.verb == "list").count();
            assert_eq!(resources(need).len(), lists, "{need:?}");
        }
    }
}
