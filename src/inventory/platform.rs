//! What the engines need to know of the cluster's platform: who enforces policies, agents' versions, the cluster's network.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Reason, Tri};

/// What enforces NetworkPolicies on the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dataplane {
    /// GKE's legacy dataplane with the Calico add-on.
    Calico,
    /// GKE Dataplane V2 (managed Cilium).
    DataplaneV2,
    /// The behavior that the Kubernetes API describes, on no product in particular.
    Upstream,
    /// Nothing: policies are stored and ignored.
    None,
}

impl Dataplane {
    /// Name in sentences for people.
    pub fn title(self) -> &'static str {
        match self {
            Dataplane::Calico => "Calico",
            Dataplane::DataplaneV2 => "Dataplane V2",
            Dataplane::Upstream => "upstream semantics",
            Dataplane::None => "no enforcement",
        }
    }

    /// Name in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Dataplane::Calico => "calico",
            Dataplane::DataplaneV2 => "dataplane-v2",
            Dataplane::Upstream => "upstream",
            Dataplane::None => "none",
        }
    }
}

/// What reachability depends on beside the objects of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Whether NetworkPolicies are enforced, and by which dataplane.
    pub enforcement: Enforcement,
    /// Versions of the agents that enforce policies.
    pub agents: Agents,
    /// Network settings of the cluster that affect reachability.
    pub network: ClusterNetwork,
}

/// Whether policies are enforced, by what, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enforcement {
    /// `None`: the evidence does not decide it.
    pub dataplane: Option<Dataplane>,
    /// `None`: the evidence does not decide it.
    pub enforced: Option<bool>,
    /// What may be the case: reachability is certain where all of them agree. Never empty.
    pub candidates: Vec<Dataplane>,
    /// The user states it with `--dataplane`.
    pub stated: bool,
    /// Why it is not decided.
    pub reason: Option<Reason>,
    /// The fields of the cluster configuration that decide, with their values.
    pub evidence: Vec<(&'static str, serde_json::Value)>,
}

/// Minor versions of the agents that enforce policies; `None` where they are not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agents {
    /// (major, minor) of calico-node.
    pub calico: Option<(u32, u32)>,
    /// (major, minor) of the Cilium in anetd.
    pub cilium: Option<(u32, u32)>,
}

/// What else of the cluster configuration bears on reachability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterNetwork {
    /// `networkConfig.enableMultiNetworking`.
    pub multi_networking: Tri,
    /// `networkConfig.enableFqdnNetworkPolicy`.
    pub fqdn: Tri,
    /// `networkConfig.enableCiliumClusterwideNetworkPolicy`.
    pub cilium_clusterwide: Tri,
    /// Where IPv4 addresses of pods are; all addresses if it is not known.
    pub pod_ranges: Vec<IpNet>,
    /// Pods may have IPv6 addresses too.
    pub v6: bool,
    /// `addonsConfig.dnsCacheConfig.enabled`: NodeLocal DNSCache.
    pub node_local_dns: Tri,
    /// `networkConfig.dnsConfig.clusterDns` is CLOUD_DNS.
    pub cloud_dns: Tri,
    /// Node pools run the GKE metadata server (`workloadMetadataConfig.mode: GKE_METADATA`): all, none, or some.
    pub gke_metadata: Tri,
}
