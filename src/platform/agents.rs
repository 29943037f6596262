//! Versions of the agents that enforce policies, from the image tags of their DaemonSets in kube-system.

use crate::inventory::{Agents, Inventory};

pub(super) fn versions(inventory: &Inventory) -> Agents {
    let version = |name: &str, container: &str| {
        let workload =
            inventory.workloads.iter().find(|w| w.object.namespace == "kube-system" && w.object.name == name)?;
        let mut versions: Vec<(u32, u32)> = workload
            .classes
            .iter()
            .flat_map(|c| &c.specs)
            .flat_map(|(_, s)| &s.containers)
            .filter(|c| c.name == container)
            .filter_map(|c| image_version(&c.image))
            .collect();
        versions.sort_unstable();
        versions.dedup();
        // During a rollout both run, so the version is not known.
        match versions.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    };
    Agents {
        calico: version("calico-node", "calico-node"),
        cilium: version("anetd", "cilium-agent").or_else(|| version("anetd", "anetd")),
    }
}

/// `…/node:v3.26.3-gke.4@sha256:…` → (3, 26).
fn image_version(image: &str) -> Option<(u32, u32)> {
    let image = image.split('@').next()?;
    let (_, tag) = image.rsplit_once(':')?;
    let tag = tag.strip_prefix('v').unwrap_or(tag);
    let mut parts = tag.split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agent_versions_come_from_image_tags() {
        assert_eq!(image_version("gke.gcr.io/calico/node:v3.26.3-gke.4@sha256:ab"), Some((3, 26)));
        assert_eq!(image_version("gke.gcr.io/cilium/cilium:v1.13.10-gke.6"), Some((1, 13)));
        assert_eq!(image_version("registry:5000/cilium"), None);
        assert_eq!(image_version("cilium:latest"), None);
    }
}
