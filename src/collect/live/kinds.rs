//! The lists that the rights of each need stand for.

use crate::inventory::{Need, Right};

/// A resource that is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    pub need: Need,
    pub right: Right,
    pub kind: &'static str,
    /// Part of Kubernetes itself, in version v1 of its group; others are asked for where the server has them.
    pub builtin: bool,
}

/// What is listed for `need`.
pub fn resources(need: Need) -> Vec<Resource> {
    let listed = need.rights().iter().filter(|r| r.verb == "list");
    listed.map(|right| Resource { need, right: *right, kind: kind(right), builtin: is_builtin(right.group) }).collect()
}

fn is_builtin(group: &str) -> bool {
    matches!(group, "" | "apps" | "batch" | "discovery.k8s.io" | "networking.k8s.io")
}

/// The kind of the resource's objects. One without a kind of its own reads as unknown to the builder, which a test refuses.
fn kind(right: &Right) -> &'static str {
    const KINDS: [(&str, &str); 24] = [
        ("adminnetworkpolicies", "AdminNetworkPolicy"),
        ("baselineadminnetworkpolicies", "BaselineAdminNetworkPolicy"),
        ("ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy"),
        ("ciliumnetworkpolicies", "CiliumNetworkPolicy"),
        ("clusternetworkpolicies", "ClusterNetworkPolicy"),
        ("clusters", "Cluster"),
        ("computeclasses", "ComputeClass"),
        ("cronjobs", "CronJob"),
        ("daemonsets", "DaemonSet"),
        ("deployments", "Deployment"),
        ("endpointslices", "EndpointSlice"),
        ("fqdnnetworkpolicies", "FQDNNetworkPolicy"),
        ("globalnetworkpolicies", "GlobalNetworkPolicy"),
        ("ingresses", "Ingress"),
        ("jobs", "Job"),
        ("namespaces", "Namespace"),
        ("networkpolicies", "NetworkPolicy"),
        ("pods", "Pod"),
        ("poolers", "Pooler"),
        ("replicasets", "ReplicaSet"),
        ("replicationcontrollers", "ReplicationController"),
        ("services", "Service"),
        ("stagedglobalnetworkpolicies", "StagedGlobalNetworkPolicy"),
        ("statefulsets", "StatefulSet"),
    ];
    KINDS.iter().find(|(resource, _)| *resource == right.resource).map_or("", |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_of_every_need_has_a_kind() {
        for need in Need::ALL {
            for r in resources(need) {
                assert!(!r.kind.is_empty(), "{need:?}: {}", r.right);
            }
        }
    }
}
