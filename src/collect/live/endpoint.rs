//! At which of its addresses a cluster's Kubernetes API is asked.

use serde_json::Value as Json;

use super::overrides;

/// What a person may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The DNS endpoint where it is open to callers from outside, then the public, the private address, and the gateway.
    #[default]
    Auto,
    /// Only the DNS endpoint, open to callers from outside or not.
    Dns,
    /// Only the public address of the control plane.
    Public,
    /// Only the private address of the control plane.
    Private,
    /// Only Connect Gateway, which requires a fleet membership.
    Gateway,
}

/// The kinds of addresses: <https://cloud.google.com/kubernetes-engine/docs/concepts/network-isolation>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Dns,
    Public,
    Private,
    Gateway,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Dns => "DNS endpoint",
            Kind::Public => "public endpoint",
            Kind::Private => "private endpoint",
            Kind::Gateway => "Connect Gateway",
        })
    }
}

impl Kind {
    /// What it takes to reach it, for a person whose connection failed.
    pub(super) fn fix(self) -> &'static str {
        match self {
            Kind::Dns => {
                "The DNS endpoint requires the permission container.clusters.connect and, from outside Google Cloud, allowExternalTraffic"
            }
            Kind::Public => "The public endpoint requires an address that the authorized networks allow",
            Kind::Private => {
                "The private endpoint is reached from the cluster's VPC, or through a VPN or peering that routes to it"
            }
            Kind::Gateway => {
                "Connect Gateway requires roles/gkehub.gatewayReader and a binding made by `gcloud container fleet memberships generate-gateway-rbac`"
            }
        }
    }
}

/// An address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub kind: Kind,
    pub url: String,
    /// Base64 of the PEM certificates that the server's must come from; `None`: those that the machine trusts.
    pub authority: Option<String>,
}

/// The addresses to try, in order. `cluster` is the Cluster resource.
///
/// # Errors
/// Why there is none, for a person.
pub(super) fn endpoints(cluster: &Json, choice: Choice) -> Result<Vec<Endpoint>, String> {
    let at = |path: &str| cluster.pointer(path);
    let text = |path: &str| at(path).and_then(Json::as_str).filter(|s| !s.is_empty());
    let flag = |path: &str| at(path).and_then(Json::as_bool);
    let authority = text("/masterAuth/clusterCaCertificate").map(str::to_owned);
    let ip = "/controlPlaneEndpointsConfig/ipEndpointsConfig";
    let has_ip = flag(&format!("{ip}/enabled")).unwrap_or(true);
    let public_open = has_ip
        && flag(&format!("{ip}/enablePublicEndpoint"))
            .or_else(|| flag("/privateClusterConfig/enablePrivateEndpoint").map(|private| !private))
            .unwrap_or(true);
    let private_address =
        text(&format!("{ip}/privateEndpoint")).or_else(|| text("/privateClusterConfig/privateEndpoint"));
    let public_address = text(&format!("{ip}/publicEndpoint"))
        .or_else(|| text("/privateClusterConfig/publicEndpoint"))
        // `endpoint` is whichever address gcloud would use.
        .or_else(|| text("/endpoint").filter(|e| private_address != Some(e)));
    let dns_address = text("/controlPlaneEndpointsConfig/dnsEndpointConfig/endpoint");
    let dns_open = flag("/controlPlaneEndpointsConfig/dnsEndpointConfig/allowExternalTraffic").unwrap_or(false);

    let by_ip = |kind, address: Option<&str>| {
        let authority = authority.clone()?;
        Some(Endpoint { kind, url: format!("https://{}", bracketed(address?)), authority: Some(authority) })
    };
    let dns = dns_address.map(|a| Endpoint { kind: Kind::Dns, url: format!("https://{a}"), authority: None });
    let public = by_ip(Kind::Public, public_address);
    let private = by_ip(Kind::Private, private_address);
    let gateway = || gateway(cluster);
    let one = |found: Option<Endpoint>, otherwise: &str| found.map(|e| vec![e]).ok_or_else(|| otherwise.to_owned());
    match choice {
        Choice::Dns => one(dns, "the cluster has no DNS endpoint"),
        Choice::Public => one(
            public.filter(|_| public_open),
            "the cluster's public endpoint is off; use --endpoint dns, private or gateway",
        ),
        Choice::Private => one(private.filter(|_| has_ip), "the cluster reports no private endpoint"),
        Choice::Gateway => match gateway()? {
            Some(e) => Ok(vec![e]),
            None => Err("the cluster is in no fleet, which Connect Gateway requires".to_owned()),
        },
        Choice::Auto => {
            let mut all = Vec::new();
            all.extend(dns.clone().filter(|_| dns_open));
            all.extend(public.filter(|_| public_open));
            all.extend(private.filter(|_| has_ip));
            // From inside the VPC the DNS endpoint answers without being open to the outside.
            all.extend(dns.filter(|_| !dns_open));
            all.extend(gateway()?);
            if all.is_empty() {
                return Err(match authority {
                    Some(_) => "the cluster reports no endpoint (is it still being made?)".to_owned(),
                    None => "the cluster reports no endpoint that can be used: it gives no DNS endpoint and no certificate authority".to_owned(),
                });
            }
            Ok(all)
        }
    }
}

/// `[v6]`, `v6` and names as a URL takes them; a port may follow.
fn bracketed(address: &str) -> String {
    match address.parse::<std::net::Ipv6Addr>() {
        Ok(_) => format!("[{address}]"),
        Err(_) => address.to_owned(),
    }
}

/// <https://cloud.google.com/kubernetes-engine/enterprise/multicluster-management/gateway/using>
fn gateway(cluster: &Json) -> Result<Option<Endpoint>, String> {
    let Some(membership) = cluster.pointer("/fleet/membership").and_then(Json::as_str) else { return Ok(None) };
    let path = membership.trim_start_matches("//gkehub.googleapis.com/");
    let parts: Vec<&str> = path.split('/').collect();
    let ["projects", project, "locations", location, "memberships", name] = parts[..] else { return Ok(None) };
    let host = match (overrides::endpoint("CONNECTGATEWAY")?, location) {
        (Some(other), _) => other,
        (None, "global") => "https://connectgateway.googleapis.com".to_owned(),
        (None, region) => format!("https://{region}-connectgateway.googleapis.com"),
    };
    let url = format!("{host}/v1/projects/{project}/locations/{location}/gkeMemberships/{name}");
    Ok(Some(Endpoint { kind: Kind::Gateway, url, authority: None }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn urls(cluster: &Json, choice: Choice) -> Result<Vec<String>, String> {
        Ok(endpoints(cluster, choice)?.into_iter().map(|e| format!("{} {}", e.kind, e.url)).collect())
    }

    #[test]
    fn the_order_is_dns_if_open_public_private_gateway() {
        let c = json!({
            "endpoint": "203.0.113.9", "masterAuth": {"clusterCaCertificate": "Q0E="},
            "controlPlaneEndpointsConfig": {
                "dnsEndpointConfig": {"allowExternalTraffic": true, "endpoint": "gke-x.r.gke.goog"},
                "ipEndpointsConfig": {"enabled": true, "enablePublicEndpoint": true, "publicEndpoint": "203.0.113.9",
                    "privateEndpoint": "10.0.0.2"}},
            "fleet": {"membership": "//gkehub.googleapis.com/projects/7/locations/r/memberships/c"},
        });
        assert_eq!(
            urls(&c, Choice::Auto).unwrap(),
            [
                "DNS endpoint https://gke-x.r.gke.goog",
                "public endpoint https://203.0.113.9",
                "private endpoint https://10.0.0.2",
                "Connect Gateway https://r-connectgateway.googleapis.com/v1/projects/7/locations/r/gkeMemberships/c",
            ]
        );
        assert_eq!(urls(&c, Choice::Private).unwrap(), ["private endpoint https://10.0.0.2"]);
        let mut closed = c.clone();
        closed["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["allowExternalTraffic"] = json!(false);
        assert_eq!(urls(&closed, Choice::Auto).unwrap()[2], "DNS endpoint https://gke-x.r.gke.goog");
    }

    #[test]
    fn what_is_off_is_not_tried() {
        let private = json!({
            "endpoint": "10.0.0.2", "masterAuth": {"clusterCaCertificate": "Q0E="},
            "privateClusterConfig": {"enablePrivateEndpoint": true, "privateEndpoint": "10.0.0.2", "publicEndpoint": "203.0.113.9"},
        });
        assert_eq!(urls(&private, Choice::Auto).unwrap(), ["private endpoint https://10.0.0.2"]);
        assert!(urls(&private, Choice::Public).unwrap_err().contains("is off"));
        assert!(urls(&private, Choice::Dns).unwrap_err().contains("no DNS endpoint"));
        assert!(urls(&private, Choice::Gateway).unwrap_err().contains("fleet"));
        let dns_only = json!({
            "masterAuth": {"clusterCaCertificate": "Q0E="},
            "controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"allowExternalTraffic": true, "endpoint": "d"},
                "ipEndpointsConfig": {"enabled": false, "publicEndpoint": "203.0.113.9"}},
        });
        assert_eq!(urls(&dns_only, Choice::Auto).unwrap(), ["DNS endpoint https://d"]);
        assert!(endpoints(&json!({}), Choice::Auto).is_err());
    }

    #[test]
    fn an_address_may_carry_a_port() {
        let c = json!({"endpoint": "127.0.0.1:8443", "masterAuth": {"clusterCaCertificate": "Q0E="}});
        assert_eq!(urls(&c, Choice::Auto).unwrap(), ["public endpoint https://127.0.0.1:8443"]);
        assert_eq!(bracketed("fd00::1"), "[fd00::1]");
        assert_eq!(bracketed("[fd00::1]:443"), "[fd00::1]:443");
    }

    /// Any JSON in the places that are read.
    fn anything() -> impl Strategy<Value = Json> {
        prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            any::<i64>().prop_map(Json::from),
            "[a-z:./\\[\\]0-9]{0,12}".prop_map(Json::from),
            Just(json!([])),
            Just(json!({})),
        ]
    }

    proptest! {
        #[test]
        fn no_configuration_breaks_it(a in anything(), b in anything(), c in anything(), d in anything(), e in anything()) {
            for cluster in [
                json!({"endpoint": a, "masterAuth": b, "controlPlaneEndpointsConfig": c, "privateClusterConfig": d, "fleet": e}),
                json!({"endpoint": a, "masterAuth": {"clusterCaCertificate": b},
                    "controlPlaneEndpointsConfig": {"dnsEndpointConfig": c, "ipEndpointsConfig": {"enabled": d, "publicEndpoint": a}},
                    "fleet": {"membership": e}}),
                a.clone(),
            ] {
                for choice in [Choice::Auto, Choice::Dns, Choice::Public, Choice::Private, Choice::Gateway] {
                    let _ = endpoints(&cluster, choice);
                }
            }
        }
    }
}
