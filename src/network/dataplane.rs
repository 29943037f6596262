//! Who enforces policies, and what is known of the agent that does.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::inventory::{Inventory, Reason, Tri};

use super::address::Range;

/// What enforces NetworkPolicies on the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dataplane {
    /// GKE's legacy dataplane with the Calico add-on.
    Calico,
    /// GKE Dataplane V2 (managed Cilium).
    DataplaneV2,
    /// The behaviour that the Kubernetes API describes, on no product in particular.
    Upstream,
    /// Nothing: policies are stored and ignored.
    None,
}

impl Dataplane {
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

/// Whether policies are enforced, by what, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enforcement {
    /// `None`: not decided by the evidence.
    pub dataplane: Option<Dataplane>,
    /// `None`: not decided by the evidence.
    pub enforced: Option<bool>,
    /// What may be the case; reach is certain where all of them agree. Never empty.
    pub candidates: Vec<Dataplane>,
    /// Stated by the user with `--dataplane`.
    pub stated: bool,
    /// Why it is not decided.
    pub reason: Option<Reason>,
    /// The fields of the cluster configuration that decide, with their values.
    pub evidence: Vec<(&'static str, Value)>,
}

impl Enforcement {
    /// What the user states.
    pub fn stated(dataplane: Dataplane) -> Self {
        Enforcement {
            dataplane: Some(dataplane),
            enforced: Some(dataplane != Dataplane::None),
            candidates: vec![dataplane],
            stated: true,
            reason: None,
            evidence: Vec::new(),
        }
    }

    /// Decides from the Cluster resource of the GKE API: Dataplane V2 always enforces; the legacy dataplane does with
    /// Calico, for which both switches must be on.
    /// <https://cloud.google.com/kubernetes-engine/docs/how-to/network-policy#enabling_network_policy_enforcement>
    ///
    /// Without a configuration enforcement is assumed, and reach is certain where Calico and Dataplane V2 agree.
    pub fn decide(cluster: Option<&Value>) -> Self {
        let Some(cluster) = cluster else {
            return Enforcement {
                dataplane: None,
                enforced: None,
                candidates: vec![Dataplane::Calico, Dataplane::DataplaneV2],
                stated: false,
                reason: Some(Reason::missing(
                    "no cluster configuration is given, so whether and how policies are enforced is not known: add the \
                     output of `gcloud container clusters describe --format=json` to the input, or state it with --dataplane",
                )),
                evidence: Vec::new(),
            };
        };
        let provider = field(cluster, &["networkConfig", "datapathProvider"]);
        let enabled = field(cluster, &["networkPolicy", "enabled"]);
        let addon = field(cluster, &["addonsConfig", "networkPolicyConfig"]);
        let disabled = field(cluster, &["addonsConfig", "networkPolicyConfig", "disabled"]);
        let show = |f: &Field<'_>| f.value().cloned().unwrap_or(Value::Null);
        let mut result = Enforcement {
            dataplane: None,
            enforced: None,
            candidates: vec![Dataplane::None, Dataplane::Calico, Dataplane::DataplaneV2],
            stated: false,
            reason: None,
            evidence: vec![("networkConfig.datapathProvider", show(&provider))],
        };
        let undecided = |mut e: Enforcement, candidates: &[Dataplane], text: String| {
            e.candidates = candidates.to_vec();
            e.reason = Some(Reason::undecided(text));
            e
        };
        match &provider {
            Field::Value(Value::String(s)) if s == "ADVANCED_DATAPATH" => {
                result.dataplane = Some(Dataplane::DataplaneV2);
                result.enforced = Some(true);
                result.candidates = vec![Dataplane::DataplaneV2];
                return result;
            }
            Field::Absent => {}
            Field::Value(Value::String(s)) if s == "LEGACY_DATAPATH" || s == "DATAPATH_PROVIDER_UNSPECIFIED" => {}
            Field::Value(v) => {
                let all = result.candidates.clone();
                return undecided(
                    result,
                    &all,
                    format!("networkConfig.datapathProvider has the value {v}, which this version does not know"),
                );
            }
            Field::Unreadable => {
                let all = result.candidates.clone();
                return undecided(
                    result,
                    &all,
                    unreadable(cluster, &["networkConfig", "datapathProvider"], "networkConfig"),
                );
            }
        }
        result.evidence.push(("networkPolicy.enabled", show(&enabled)));
        result.evidence.push(("addonsConfig.networkPolicyConfig", show(&addon)));
        let legacy = [Dataplane::None, Dataplane::Calico];
        match enabled {
            Field::Absent | Field::Value(Value::Bool(false)) => {
                result.dataplane = Some(Dataplane::None);
                result.enforced = Some(false);
                result.candidates = vec![Dataplane::None];
                result
            }
            Field::Value(Value::Bool(true)) => match (&addon, &disabled) {
                (Field::Absent, _) => undecided(
                    result,
                    &legacy,
                    "networkPolicy.enabled is true but addonsConfig.networkPolicyConfig is missing, which decides whether the add-on runs".to_owned(),
                ),
                (_, Field::Absent | Field::Value(Value::Bool(false))) if matches!(addon, Field::Value(Value::Object(_))) => {
                    result.dataplane = Some(Dataplane::Calico);
                    result.enforced = Some(true);
                    result.candidates = vec![Dataplane::Calico];
                    result
                }
                (_, Field::Value(Value::Bool(true))) => {
                    result.dataplane = Some(Dataplane::None);
                    result.enforced = Some(false);
                    result.candidates = vec![Dataplane::None];
                    result
                }
                _ => undecided(result, &legacy, unreadable(
                    cluster,
                    &["addonsConfig", "networkPolicyConfig", "disabled"],
                    "addonsConfig.networkPolicyConfig",
                )),
            },
            _ => undecided(result, &legacy, unreadable(cluster, &["networkPolicy", "enabled"], "networkPolicy")),
        }
    }
}

/// A field of a JSON document: a wrong type on the way makes it unreadable, never absent.
pub enum Field<'a> {
    /// Missing: the API's zero value.
    Absent,
    Value(&'a Value),
    /// Also a null, which the API never prints: nothing is read into it.
    Unreadable,
}

impl<'a> Field<'a> {
    pub fn value(&self) -> Option<&'a Value> {
        match self {
            Field::Value(v) => Some(v),
            _ => None,
        }
    }
}

pub fn field<'a>(doc: &'a Value, path: &[&str]) -> Field<'a> {
    let mut at = doc;
    for key in path {
        match at {
            _ if not_known(at).is_some() => return Field::Unreadable,
            Value::Object(map) => match map.get(*key) {
                None => return Field::Absent,
                Some(Value::Null) => return Field::Unreadable,
                Some(v) => at = v,
            },
            _ => return Field::Unreadable,
        }
    }
    if not_known(at).is_some() { Field::Unreadable } else { Field::Value(at) }
}

/// Why a value that a reader could not take from its document is not known; `None` for a value of the API.
///
/// The reader of Terraform puts an object with one of these keys in the value's place, in a list where the API has an
/// object.
pub fn not_known(value: &Value) -> Option<&'static str> {
    let marker = match value {
        Value::Array(items) if items.len() == 1 => &items[0],
        other => other,
    };
    let map = marker.as_object().filter(|m| m.len() == 1)?;
    match map.keys().next()?.as_str() {
        "$unknownUntilApply" => Some("known after apply (Terraform plan)"),
        "$sensitive" => Some("marked as sensitive in Terraform"),
        "$notInTerraform" => Some("not recorded by Terraform: audit the live cluster to know it"),
        "$notWritten" => Some("not written in the Config Connector resource: GKE chooses it"),
        "$contradiction" => Some("there in two spellings with two values"),
        "$unreadable" => Some("of another type than the provider gives it"),
        _ => None,
    }
}

/// Why the field at a path cannot be read. `what`: the message of the API that it is in.
pub fn unreadable(doc: &Value, path: &[&str], what: &str) -> String {
    let mut at = doc;
    for key in path {
        match at.get(*key) {
            Some(v) => at = v,
            None => break,
        }
        if let Some(why) = not_known(at) {
            return format!("{} is {why}", path.join("."));
        }
    }
    format!("{what} of the cluster configuration has an unexpected form")
}

/// Minor versions of the agents, from the image tags of their DaemonSets in kube-system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agents {
    /// (major, minor) of calico-node.
    pub calico: Option<(u32, u32)>,
    /// (major, minor) of the Cilium that anetd is.
    pub cilium: Option<(u32, u32)>,
}

impl Agents {
    pub fn of(inventory: &Inventory) -> Self {
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
            // During a roll-out both run: not known.
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
}

/// `…/node:v3.26.3-gke.4@sha256:…` → (3, 26).
fn image_version(image: &str) -> Option<(u32, u32)> {
    let image = image.split('@').next()?;
    let (_, tag) = image.rsplit_once(':')?;
    let tag = tag.strip_prefix('v').unwrap_or(tag);
    let mut parts = tag.split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// What else of the cluster's configuration bears on reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterNetwork {
    /// `networkConfig.enableMultiNetworking`.
    pub multi_networking: Tri,
    /// `networkConfig.enableFqdnNetworkPolicy`.
    pub fqdn: Tri,
    /// `networkConfig.enableCiliumClusterwideNetworkPolicy`.
    pub cilium_clusterwide: Tri,
    /// Where pod addresses lie; all addresses when not known.
    pub pod_ranges: Vec<Range>,
    /// Pods may have IPv6 addresses too.
    pub v6: bool,
    /// `addonsConfig.dnsCacheConfig.enabled`: NodeLocal DNSCache.
    pub node_local_dns: Tri,
    /// `networkConfig.dnsConfig.clusterDns` is CLOUD_DNS.
    pub cloud_dns: Tri,
    /// Node pools run the GKE metadata server (`workloadMetadataConfig.mode: GKE_METADATA`): all, none, or some.
    pub gke_metadata: Tri,
}

impl ClusterNetwork {
    pub fn of(cluster: Option<&Value>) -> Self {
        let Some(c) = cluster else {
            return ClusterNetwork {
                multi_networking: Tri::Maybe,
                fqdn: Tri::Maybe,
                cilium_clusterwide: Tri::Maybe,
                pod_ranges: vec![Range::ALL_V4],
                v6: true,
                node_local_dns: Tri::Maybe,
                cloud_dns: Tri::Maybe,
                gke_metadata: Tri::Maybe,
            };
        };
        // A plain boolean that is absent is false; an optional one that is absent was not reported.
        let plain = |path: &[&str]| match field(c, path) {
            Field::Absent => Tri::No,
            Field::Value(Value::Bool(b)) => Tri::from(*b),
            _ => Tri::Maybe,
        };
        let optional = |path: &[&str]| match field(c, path) {
            Field::Value(Value::Bool(b)) => Tri::from(*b),
            _ => Tri::Maybe,
        };
        let mut pod_ranges: Vec<Range> = [
            field(c, &["ipAllocationPolicy", "clusterIpv4CidrBlock"]),
            field(c, &["ipAllocationPolicy", "clusterIpv4Cidr"]),
            field(c, &["clusterIpv4Cidr"]),
        ]
        .iter()
        .filter_map(|f| f.value().and_then(Value::as_str).and_then(Range::parse))
        .collect();
        let pools = field(c, &["nodePools"]);
        let pools = pools.value().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for pool in pools {
            if let Field::Value(Value::String(s)) = field(pool, &["networkConfig", "podIpv4CidrBlock"]) {
                pod_ranges.extend(Range::parse(s));
            }
        }
        pod_ranges.sort();
        pod_ranges.dedup();
        // Pods of an additional range could be anywhere: without the list of ranges nothing is excluded.
        let more = !matches!(field(c, &["ipAllocationPolicy", "additionalPodRangesConfig"]), Field::Absent);
        if pod_ranges.is_empty() || more {
            pod_ranges = vec![Range::ALL_V4];
        }
        let modes: Vec<Tri> = pools
            .iter()
            .map(|p| match field(p, &["config", "workloadMetadataConfig", "mode"]) {
                Field::Value(Value::String(s)) if s == "GKE_METADATA" => Tri::Yes,
                Field::Value(Value::String(s)) if s == "GCE_METADATA" || s == "MODE_UNSPECIFIED" => Tri::No,
                Field::Absent => Tri::No,
                _ => Tri::Maybe,
            })
            .collect();
        let autopilot = plain(&["autopilot", "enabled"]);
        let gke_metadata = if autopilot == Tri::Yes {
            Tri::Yes
        } else {
            match (modes.iter().min(), modes.iter().max()) {
                (Some(a), Some(b)) if a == b => *a,
                _ => Tri::Maybe,
            }
        };
        ClusterNetwork {
            multi_networking: plain(&["networkConfig", "enableMultiNetworking"]),
            fqdn: optional(&["networkConfig", "enableFqdnNetworkPolicy"]),
            cilium_clusterwide: optional(&["networkConfig", "enableCiliumClusterwideNetworkPolicy"]),
            pod_ranges,
            v6: match field(c, &["ipAllocationPolicy", "stackType"]) {
                Field::Absent => false,
                Field::Value(Value::String(s)) => s != "IPV4",
                _ => true,
            },
            node_local_dns: plain(&["addonsConfig", "dnsCacheConfig", "enabled"]),
            cloud_dns: match field(c, &["networkConfig", "dnsConfig", "clusterDns"]) {
                Field::Absent => Tri::No,
                Field::Value(Value::String(s)) => match s.as_str() {
                    "CLOUD_DNS" => Tri::Yes,
                    "KUBE_DNS" => Tri::No,
                    // The platform's default is Cloud DNS on Autopilot and kube-dns on Standard.
                    "PLATFORM_DEFAULT" | "PROVIDER_UNSPECIFIED" => autopilot,
                    _ => Tri::Maybe,
                },
                _ => Tri::Maybe,
            },
            gke_metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn enforcement_follows_the_decision_function() {
        use Dataplane::*;
        for (doc, dataplane, enforced) in [
            (json!({"networkConfig": {"datapathProvider": "ADVANCED_DATAPATH"}}), Some(DataplaneV2), Some(true)),
            // On Dataplane V2 the Calico switches are ignored (T102).
            (
                json!({"networkConfig": {"datapathProvider": "ADVANCED_DATAPATH"}, "networkPolicy": {}, "addonsConfig": {"networkPolicyConfig": {"disabled": true}}}),
                Some(DataplaneV2),
                Some(true),
            ),
            (
                json!({"networkPolicy": {"enabled": true}, "addonsConfig": {"networkPolicyConfig": {}}}),
                Some(Calico),
                Some(true),
            ),
            // The add-on alone does nothing on nodes (T100).
            (json!({"addonsConfig": {"networkPolicyConfig": {}}}), Some(None), Some(false)),
            (
                json!({"networkPolicy": {"enabled": true}, "addonsConfig": {"networkPolicyConfig": {"disabled": true}}}),
                Some(None),
                Some(false),
            ),
            (json!({"networkPolicy": {"enabled": true}}), Option::None, Option::None),
            (
                json!({"networkConfig": {"datapathProvider": "MIGRATE_TO_ADVANCED_DATAPATH"}}),
                Option::None,
                Option::None,
            ),
            (json!({"networkConfig": []}), Option::None, Option::None),
            (json!({"networkConfig": null}), Option::None, Option::None),
            (json!({"networkPolicy": null}), Option::None, Option::None),
            (json!({"networkPolicy": {"enabled": null}}), Option::None, Option::None),
            (
                json!({"networkPolicy": {"enabled": true}, "addonsConfig": {"networkPolicyConfig": null}}),
                Option::None,
                Option::None,
            ),
            (
                json!({"networkPolicy": {"enabled": true}, "addonsConfig": {"networkPolicyConfig": {"disabled": null}}}),
                Option::None,
                Option::None,
            ),
            (
                json!({"networkPolicy": {"enabled": "true"}, "addonsConfig": {"networkPolicyConfig": {}}}),
                Option::None,
                Option::None,
            ),
            (
                json!({"networkPolicy": {"enabled": true}, "addonsConfig": {"networkPolicyConfig": {"disabled": 1}}}),
                Option::None,
                Option::None,
            ),
        ] {
            let e = Enforcement::decide(Some(&doc));
            assert_eq!((e.dataplane, e.enforced), (dataplane, enforced), "{doc}");
            assert_eq!(e.reason.is_some(), enforced.is_none(), "{doc}");
        }
    }

    #[test]
    fn without_configuration_enforcement_is_assumed_and_said_to_be() {
        let e = Enforcement::decide(Option::None);
        assert_eq!((e.dataplane, e.enforced), (Option::None, Option::None));
        assert_eq!(e.candidates, [Dataplane::Calico, Dataplane::DataplaneV2]);
        assert!(e.reason.is_some());
    }

    #[test]
    fn agent_versions_come_from_image_tags() {
        assert_eq!(image_version("gke.gcr.io/calico/node:v3.26.3-gke.4@sha256:ab"), Some((3, 26)));
        assert_eq!(image_version("gke.gcr.io/cilium/cilium:v1.13.10-gke.6"), Some((1, 13)));
        assert_eq!(image_version("registry:5000/cilium"), Option::None);
        assert_eq!(image_version("cilium:latest"), Option::None);
    }

    #[test]
    fn an_optional_switch_that_is_absent_was_not_reported() {
        let n = ClusterNetwork::of(Some(&json!({"networkConfig": {}, "nodePools": []})));
        assert_eq!(n.fqdn, Tri::Maybe);
        assert_eq!(n.multi_networking, Tri::No);
        let n = ClusterNetwork::of(Some(&json!({"nodePools": [
            {"config": {"workloadMetadataConfig": {"mode": "GKE_METADATA"}}},
            {"config": {}}
        ]})));
        assert_eq!(n.gke_metadata, Tri::Maybe);
    }
}
