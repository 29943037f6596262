//! The ways to the control plane, and from it.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::facts::reading::{Reading, members};
use crate::facts::version::Gate;
use crate::inventory::Reason;

use super::Source;

crate::configuration_facts! {
    /// The control plane's endpoints.
    pub(super) struct EndpointFacts {
        /// Whether the control plane has IP endpoints at all, public or private.
        ip_endpoint / "ipEndpoint": bool => [Cluster],
            "on unless controlPlaneEndpointsConfig.ipEndpointsConfig.enabled is false";
        /// Whether the control plane has a public IP endpoint. Addresses that are filled in do not decide it.
        public_ip_endpoint / "publicIpEndpoint": bool => [Cluster],
            "ipEndpointsConfig.enablePublicEndpoint decides, without it the opposite of privateClusterConfig.enablePrivateEndpoint";
        /// Whether authorized networks restrict the IP endpoints; an empty list of them is the tightest restriction.
        authorized_networks / "authorizedNetworks": bool => [Cluster],
            "ipEndpointsConfig.authorizedNetworksConfig decides, without it masterAuthorizedNetworksConfig";
        /// Whether the authorized networks cover all addresses, alone or together.
        authorized_networks_cover_world / "authorizedNetworksCoverWorld": bool => [Cluster],
            "one range with prefix length 0, or several that together leave no address out";
        /// Authorized networks of IPv4 that are larger than a /8.
        wide_authorized_networks / "wideAuthorizedNetworks": Vec<String> => [Cluster],
            "a range of IPv4 with a prefix shorter than 8";
        /// Whether addresses of Google Cloud, those of its other customers too, pass the authorized networks; null: not
        /// reported.
        google_cloud_access / "googleCloudAccess": Option<bool> => [Cluster],
            "the server's default was observed to be true";
        /// Whether the authorized networks hold for the private endpoint too.
        private_endpoint_restricted / "privateEndpointRestricted": bool => [Cluster],
            "off unless privateEndpointEnforcementEnabled is true";
        /// Whether the DNS endpoint accepts requests from outside of the VPC network.
        dns_endpoint / "dnsEndpoint": bool => [Cluster],
            "off unless dnsEndpointConfig.allowExternalTraffic is true";
        /// Whether the DNS endpoint accepts tokens of Kubernetes, such as those of service accounts, beside IAM.
        dns_endpoint_tokens / "dnsEndpointTokens": bool => [Cluster],
            "off unless dnsEndpointConfig.enableK8sTokensViaDns is true";
        /// Whether the DNS endpoint accepts client certificates of Kubernetes beside IAM.
        dns_endpoint_certificates / "dnsEndpointCertificates": bool => [Cluster],
            "off unless dnsEndpointConfig.enableK8sCertsViaDns is true";
        /// The version that brings the restriction of what the control plane calls; null: this one has it.
        control_plane_egress_from / "controlPlaneEgressFrom": Option<String> => [Cluster],
            "versions compare part by part, with the number behind -gke.";
        /// Whether the control plane calls no address of its own accord, such as that of a webhook's URL.
        control_plane_egress_restricted / "controlPlaneEgressRestricted": bool => [Cluster],
            "controlPlaneEgress.mode NONE; VIA_CONTROL_PLANE, and nothing, leave it open";
    }
}

const ENDPOINTS: &str = "controlPlaneEndpointsConfig.ipEndpointsConfig";
const DNS: &str = "controlPlaneEndpointsConfig.dnsEndpointConfig";
const LEGACY: &str = "privateClusterConfig";

pub(super) fn read_facts(c: &Source<'_>) -> EndpointFacts {
    let d = &c.resource;
    let of =
        |message: &Reading<String>, field: &str| -> Reading<String> { message.clone().map(|m| format!("{m}.{field}")) };
    let message = authorized_networks(c);
    EndpointFacts {
        ip_endpoint: ip_endpoint(c),
        public_ip_endpoint: public_ip_endpoint(c),
        authorized_networks: of(&message, "enabled").and_then(|path| d.flag(&path)),
        authorized_networks_cover_world: message.clone().and_then(|m| cover_world(c, &m)),
        wide_authorized_networks: message.clone().and_then(|m| wide(c, &m)),
        google_cloud_access: of(&message, "gcpPublicCidrsAccessEnabled").and_then(|path| d.optional(&path)),
        private_endpoint_restricted: of(&message, "privateEndpointEnforcementEnabled").and_then(|path| d.flag(&path)),
        dns_endpoint: d.flag(&format!("{DNS}.allowExternalTraffic")),
        dns_endpoint_tokens: d.flag(&format!("{DNS}.enableK8sTokensViaDns")),
        dns_endpoint_certificates: d.flag(&format!("{DNS}.enableK8sCertsViaDns")),
        control_plane_egress_from: c.lacks(Gate::ControlPlaneEgress),
        control_plane_egress_restricted: d
            .word("controlPlaneEgress.mode", &["MODE_UNSPECIFIED", "VIA_CONTROL_PLANE", "NONE"])
            .map(|mode| mode == "NONE"),
    }
}

fn ip_endpoint(c: &Source<'_>) -> Reading<bool> {
    c.resource.optional(&format!("{ENDPOINTS}.enabled")).or_else(|| Reading::known(true))
}

/// The new and the legacy field are opposites.
fn public_ip_endpoint(c: &Source<'_>) -> Reading<bool> {
    let d = &c.resource;
    ip_endpoint(c).and(|| {
        d.optional(&format!("{ENDPOINTS}.enablePublicEndpoint"))
            .or_else(|| !d.flag(&format!("{LEGACY}.enablePrivateEndpoint")))
    })
}

/// Path of the authorized networks: the new field, or the legacy one.
fn authorized_networks(c: &Source<'_>) -> Reading<String> {
    let new = format!("{ENDPOINTS}.authorizedNetworksConfig");
    let found = c.resource.has(&new);
    let path = found.clone().map(|there| if there { new } else { "masterAuthorizedNetworksConfig".to_owned() });
    // The fields of the object are the evidence, not that it is there.
    match path.value.value() {
        Some(_) => Reading { evidence: Vec::new(), ..path },
        None => path,
    }
}

/// The ranges, each as text and as range.
fn blocks(c: &Source<'_>, message: &str) -> Reading<Vec<Reading<IpNet>>> {
    let d = &c.resource;
    d.each(&format!("{message}.cidrBlocks")).map(|paths| {
        paths
            .iter()
            .map(|path| {
                d.text(&format!("{path}.cidrBlock")).and_then(|text| match text.parse::<IpNet>() {
                    Ok(net) => Reading::known(net),
                    Err(_) => Reading::unknown(Reason::undecided(format!(
                        "{path}.cidrBlock: \"{text}\" is no range of addresses"
                    ))),
                })
            })
            .collect()
    })
}

fn cover_world(c: &Source<'_>, message: &str) -> Reading<bool> {
    blocks(c, message).and_then(|blocks| {
        let certain: Vec<IpNet> = blocks.iter().filter_map(|b| b.value.value().copied()).collect();
        if covers_all(&certain) {
            let known = blocks.into_iter().filter(|b| b.value.value().is_some());
            return Reading::all(known).map(|_| true);
        }
        Reading::all(blocks).map(|_| false)
    })
}

fn wide(c: &Source<'_>, message: &str) -> Reading<Vec<String>> {
    let is_wide = |net: IpNet| matches!(net, IpNet::V4(v4) if v4.prefix_len() < 8).then(|| net.to_string());
    blocks(c, message).and_then(|blocks| match blocks.is_empty() {
        true => Reading::known(Vec::new()),
        false => members(blocks.into_iter().map(|b| b.map(is_wide)).collect()),
    })
}

/// Whether ranges leave out no address of IPv4, or none of IPv6.
fn covers_all(nets: &[IpNet]) -> bool {
    let covers = |v4: bool, last: u128| {
        let number = |a: IpAddr| match a {
            IpAddr::V4(a) => u128::from(a.to_bits()),
            IpAddr::V6(a) => a.to_bits(),
        };
        let own = nets.iter().filter(|n| matches!(n, IpNet::V4(_)) == v4);
        let mut ranges: Vec<(u128, u128)> = own.map(|n| (number(n.network()), number(n.broadcast()))).collect();
        ranges.sort_unstable();
        let mut next = 0u128;
        for (from, to) in ranges {
            if from > next {
                return false;
            }
            if to >= last {
                return true;
            }
            next = next.max(to + 1);
        }
        false
    };
    covers(true, u128::from(u32::MAX)) || covers(false, u128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_the_world_alone_or_together() {
        for (nets, expected) in [
            (vec![], false),
            (vec!["0.0.0.0/0"], true),
            (vec!["::/0"], true),
            (vec!["128.0.0.0/1", "0.0.0.0/1"], true),
            (vec!["0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/2"], true),
            (vec!["0.0.0.0/1", "192.0.0.0/2"], false),
            (vec!["0.0.0.0/1", "::/1"], false),
            (vec!["::/1", "8000::/1"], true),
            (vec!["10.0.0.0/8", "0.0.0.0/1", "128.0.0.0/1"], true),
        ] {
            let parsed: Vec<IpNet> = nets.iter().map(|n| n.parse().unwrap()).collect();
            assert_eq!(covers_all(&parsed), expected, "{nets:?}");
        }
    }
}
