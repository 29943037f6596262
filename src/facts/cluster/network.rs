//! The cluster in its VPC network.

use crate::facts::reading::Reading;

use crate::inventory::Reason;

use super::Source;

crate::configuration_facts! {
    /// The cluster's network.
    pub(super) struct NetworkFacts {
        /// Whether new node pools get nodes without external addresses, unless the pool sets it otherwise.
        private_nodes_default / "privateNodesDefault": bool => [Cluster],
            "networkConfig.defaultEnablePrivateNodes decides, without it privateClusterConfig.enablePrivateNodes";
        /// Whether traffic between pods of one node passes the VPC network, where it is logged and filtered.
        intranode_visibility / "intranodeVisibility": bool => [Cluster],
            "networkConfig.enableIntraNodeVisibility";
        /// Whether pods have addresses of the VPC network (alias IP).
        vpc_native / "vpcNative": bool => [Cluster], "ipAllocationPolicy.useIpAliases";
        /// Name of the VPC network.
        vpc / "vpc": String => [Cluster], "the last part of networkConfig.network, without it of network";
        /// Whether the cluster runs GKE Dataplane V2.
        dataplane_v2 / "dataplaneV2": bool => [Cluster],
            "networkConfig.datapathProvider ADVANCED_DATAPATH; without a value it is the legacy dataplane";
        /// Whether a Service may claim any address with `spec.externalIPs`.
        service_external_ips / "serviceExternalIps": bool => [Cluster],
            "off unless networkConfig.serviceExternalIpsConfig.enabled is true";
        /// Whether internal load balancers send to a subset of the nodes only.
        l4_ilb_subsetting / "l4IlbSubsetting": bool => [Cluster], "networkConfig.enableL4ilbSubsetting";
        /// Number of nodes.
        nodes / "nodes": i64 => [Cluster], "currentNodeCount";
    }
}

pub(super) fn read_facts(c: &Source<'_>) -> NetworkFacts {
    let d = &c.resource;
    NetworkFacts {
        private_nodes_default: private_nodes_default(c),
        intranode_visibility: d.flag("networkConfig.enableIntraNodeVisibility"),
        vpc_native: d.flag("ipAllocationPolicy.useIpAliases"),
        vpc: d
            .text("networkConfig.network")
            .and_then(|n| if n.is_empty() { d.required("network") } else { Reading::known(n) })
            .map(|path| path.rsplit('/').next().unwrap_or_default().to_owned()),
        dataplane_v2: d
            .word(
                "networkConfig.datapathProvider",
                &["DATAPATH_PROVIDER_UNSPECIFIED", "LEGACY_DATAPATH", "ADVANCED_DATAPATH"],
            )
            .map(|provider| provider == "ADVANCED_DATAPATH"),
        service_external_ips: d.flag("networkConfig.serviceExternalIpsConfig.enabled"),
        l4_ilb_subsetting: d.flag("networkConfig.enableL4ilbSubsetting"),
        nodes: nodes(c),
    }
}

pub(super) fn private_nodes_default(c: &Source<'_>) -> Reading<bool> {
    c.resource
        .optional("networkConfig.defaultEnablePrivateNodes")
        .or_else(|| c.resource.flag("privateClusterConfig.enablePrivateNodes"))
}

/// `currentNodeCount` is deprecated: 0 is known only if there are no node pools, else the field may not be filled in.
fn nodes(c: &Source<'_>) -> Reading<i64> {
    c.resource.number("currentNodeCount").and_then(|count| match count {
        0 => c.resource.each("nodePools").and_then(|pools| match pools.is_empty() {
            true => Reading::known(0),
            false => Reading::unknown(Reason::undecided(
                "currentNodeCount is not reported: its node pools may be empty or large",
            )),
        }),
        count => Reading::known(count),
    })
}
