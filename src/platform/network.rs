//! The cluster's address ranges, DNS, metadata server and kinds of policies.

use ipnet::{IpNet, Ipv4Net};

use crate::document::{Lookup, Reader};
use crate::inventory::object::parse_cidr;
use crate::inventory::{ClusterNetwork, Tri};

/// Without a configuration everything is possible.
pub(super) fn describe(cluster: Option<Reader<'_>>) -> ClusterNetwork {
    let Some(cluster) = cluster else {
        return ClusterNetwork {
            multi_networking: Tri::Maybe,
            fqdn: Tri::Maybe,
            cilium_clusterwide: Tri::Maybe,
            pod_ranges: any_address(),
            v6: true,
            node_local_dns: Tri::Maybe,
            cloud_dns: Tri::Maybe,
            gke_metadata: Tri::Maybe,
        };
    };
    // A plain boolean that is absent is false; an optional one that is absent was not reported.
    let or_absent = |path: &str, absent: Tri| match cluster.boolean(path) {
        Lookup::Absent => absent,
        Lookup::Value(on) => Tri::from(on),
        Lookup::Unknown(_) => Tri::Maybe,
    };
    let plain = |path: &str| or_absent(path, Tri::No);
    let optional = |path: &str| or_absent(path, Tri::Maybe);
    let autopilot = plain("autopilot.enabled");
    ClusterNetwork {
        multi_networking: plain("networkConfig.enableMultiNetworking"),
        fqdn: optional("networkConfig.enableFqdnNetworkPolicy"),
        cilium_clusterwide: optional("networkConfig.enableCiliumClusterwideNetworkPolicy"),
        pod_ranges: pod_ranges(&cluster),
        v6: !matches!(cluster.text("ipAllocationPolicy.stackType"), Lookup::Absent | Lookup::Value("IPV4")),
        node_local_dns: plain("addonsConfig.dnsCacheConfig.enabled"),
        cloud_dns: match cluster.text("networkConfig.dnsConfig.clusterDns") {
            Lookup::Value("CLOUD_DNS") => Tri::Yes,
            Lookup::Absent | Lookup::Value("KUBE_DNS") => Tri::No,
            // The platform's default is Cloud DNS on Autopilot and kube-dns on Standard.
            Lookup::Value("PLATFORM_DEFAULT" | "PROVIDER_UNSPECIFIED") => autopilot,
            _ => Tri::Maybe,
        },
        gke_metadata: if autopilot == Tri::Yes { Tri::Yes } else { gke_metadata(&cluster) },
    }
}

fn any_address() -> Vec<IpNet> {
    vec![Ipv4Net::default().into()]
}

/// A reader of each node pool.
fn pools<'a>(cluster: &Reader<'a>) -> Vec<Reader<'a>> {
    let count = cluster.list("nodePools").value().map_or(0, <[_]>::len);
    (0..count).filter_map(|i| cluster.part(&format!("nodePools[{i}]"))).collect()
}

fn pod_ranges(cluster: &Reader<'_>) -> Vec<IpNet> {
    let range = |text: &str| parse_cidr(text).map(|net| net.trunc());
    // Three fields for one range; the older ones need not be filled in.
    let of_cluster =
        ["ipAllocationPolicy.clusterIpv4CidrBlock", "ipAllocationPolicy.clusterIpv4Cidr", "clusterIpv4Cidr"];
    let mut ranges: Vec<IpNet> =
        of_cluster.iter().filter_map(|path| cluster.text(path).value().and_then(range)).collect();
    // Of an additional range only the name is given, so its addresses may be any.
    let mut complete = cluster.object("ipAllocationPolicy.additionalPodRangesConfig") == Lookup::Absent;
    for pool in pools(cluster) {
        match pool.text("networkConfig.podIpv4CidrBlock") {
            Lookup::Value(text) => ranges.extend(range(text)),
            Lookup::Absent => {}
            Lookup::Unknown(_) => complete = false,
        }
    }
    ranges.sort();
    ranges.dedup();
    if complete && !ranges.is_empty() { ranges } else { any_address() }
}

fn gke_metadata(cluster: &Reader<'_>) -> Tri {
    let modes: Vec<Tri> = pools(cluster)
        .iter()
        .map(|pool| match pool.text("config.workloadMetadataConfig.mode") {
            Lookup::Value("GKE_METADATA") => Tri::Yes,
            Lookup::Absent | Lookup::Value("GCE_METADATA" | "MODE_UNSPECIFIED") => Tri::No,
            _ => Tri::Maybe,
        })
        .collect();
    match (modes.iter().min(), modes.iter().max()) {
        (Some(a), Some(b)) if a == b => *a,
        _ => Tri::Maybe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Unavailable;
    use serde_json::{Value, json};

    fn network(config: &Value) -> ClusterNetwork {
        describe(Some(Reader::new(config, None)))
    }

    #[test]
    fn an_optional_switch_that_is_absent_was_not_reported() {
        let n = network(&json!({"networkConfig": {}, "nodePools": []}));
        assert_eq!(n.fqdn, Tri::Maybe);
        assert_eq!(n.multi_networking, Tri::No);
        let n = network(&json!({"nodePools": [
            {"config": {"workloadMetadataConfig": {"mode": "GKE_METADATA"}}},
            {"config": {}}
        ]}));
        assert_eq!(n.gke_metadata, Tri::Maybe);
    }

    #[test]
    fn pods_are_in_the_ranges_that_are_given_or_anywhere() {
        let ranges =
            |config: Value| -> Vec<String> { network(&config).pod_ranges.iter().map(ToString::to_string).collect() };
        let cluster = json!({"clusterIpv4CidrBlock": "10.4.0.9/14"});
        let pool = |range: &str| json!({"networkConfig": {"podIpv4CidrBlock": range}});
        assert_eq!(
            ranges(json!({"ipAllocationPolicy": cluster, "nodePools": [pool("10.9.0.0/16"), pool("10.9.0.0/16")]})),
            ["10.4.0.0/14", "10.9.0.0/16"]
        );
        assert_eq!(ranges(json!({})), ["0.0.0.0/0"]);
        let more = json!({"clusterIpv4CidrBlock": "10.4.0.0/14", "additionalPodRangesConfig": {}});
        assert_eq!(ranges(json!({"ipAllocationPolicy": more})), ["0.0.0.0/0"]);
        let unknown = json!({"networkConfig": {"podIpv4CidrBlock": Unavailable::KnownAfterApply.to_json()}});
        assert_eq!(ranges(json!({"ipAllocationPolicy": cluster, "nodePools": [unknown]})), ["0.0.0.0/0"]);
    }
}
