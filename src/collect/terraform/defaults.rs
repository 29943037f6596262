//! What GKE puts in where a cluster or node pool is created without a field, as data.
//!
//! Only for resources that are created: an existing cluster keeps what it was created or changed with.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::document::path::join;
use crate::document::{Fields, Unavailable};

use self::Only::{Autopilot, Either, Standard};
use self::When::{Always, With, Without};

/// A field's value after creation without it.
pub(super) struct CreationDefault {
    /// Path in the API, from the cluster or node pool.
    path: &'static str,
    only: Only,
    when: When,
    /// JSON; empty: the field is not set.
    value: &'static str,
    /// The first version of GKE that creates it so; empty: every version with which a cluster can be created.
    since: &'static str,
    /// Where it is documented or recorded.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the table"))]
    source: &'static str,
}

/// Mode of operation of the cluster.
#[derive(Clone, Copy, PartialEq)]
enum Only {
    Either,
    Standard,
    Autopilot,
}

/// What else must be written, or not.
#[derive(Clone, Copy)]
enum When {
    Always,
    With(&'static str),
    Without(&'static str),
}

/// What the API returns of a cluster that Config Connector created from `location` and `initialNodeCount` alone.
const RECORDED: &str = "https://github.com/GoogleCloudPlatform/k8s-config-connector/tree/master/pkg/test/resourcefixture/testdata/basic/container/v1beta1/containercluster";
/// Reference of the Cluster resource.
const API: &str = "https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters";
/// What Autopilot sets up.
const AUTOPILOT: &str =
    "https://cloud.google.com/kubernetes-engine/docs/resources/autopilot-standard-feature-comparison";
const SECURITY_POSTURE: &str = "https://cloud.google.com/kubernetes-engine/docs/concepts/about-configuration-scanning";
const CHANNELS: &str = "https://cloud.google.com/kubernetes-engine/docs/concepts/release-channels";
const READONLY_PORT: &str = "https://cloud.google.com/kubernetes-engine/docs/how-to/disable-kubelet-readonly-port";
const VPC_NATIVE: &str =
    "https://registry.terraform.io/providers/hashicorp/google/latest/docs/guides/version_5_upgrade";
const CLOUD_DNS: &str = "https://cloud.google.com/kubernetes-engine/docs/how-to/cloud-dns";

const fn row(
    path: &'static str,
    only: Only,
    when: When,
    value: &'static str,
    since: &'static str,
    source: &'static str,
) -> CreationDefault {
    CreationDefault { path, only, when, value, since, source }
}

/// Of a cluster.
#[rustfmt::skip]
pub(super) const CLUSTER: &[CreationDefault] = &[
    // Control plane and access
    row("controlPlaneEndpointsConfig.ipEndpointsConfig.enabled", Either, Always, "true", "", RECORDED),
    row("controlPlaneEndpointsConfig.dnsEndpointConfig.allowExternalTraffic", Either, Always, "false", "", RECORDED),
    row("controlPlaneEndpointsConfig.dnsEndpointConfig.enableK8sTokensViaDns", Either, Always, "false", "", RECORDED),
    row("controlPlaneEndpointsConfig.dnsEndpointConfig.enableK8sCertsViaDns", Either, Always, "false", "", RECORDED),
    row("privateClusterConfig.enablePrivateEndpoint", Either, Always, "false", "", API),
    row("privateClusterConfig.enablePrivateNodes", Either, Always, "false", "", API),
    row("networkConfig.defaultEnablePrivateNodes", Either, Always, "false", "", API),
    row("masterAuthorizedNetworksConfig.enabled", Either, Always, "false", "", RECORDED),
    row("masterAuthorizedNetworksConfig.cidrBlocks", Either, Always, "", "", RECORDED),
    row("masterAuthorizedNetworksConfig.gcpPublicCidrsAccessEnabled", Either, Always, "true", "", RECORDED),
    row("masterAuthorizedNetworksConfig.privateEndpointEnforcementEnabled", Either, Always, "false", "", API),
    row("masterAuth.clientCertificateConfig.issueClientCertificate", Either, Always, "false", "1.12", API),
    row("masterAuth.username", Either, Always, "", "1.19", "https://cloud.google.com/kubernetes-engine/docs/deprecations/basic-authentication"),
    row("masterAuth.password", Either, Always, "", "1.19", "https://cloud.google.com/kubernetes-engine/docs/deprecations/basic-authentication"),
    row("authenticatorGroupsConfig", Either, Always, "", "", RECORDED),
    row("rbacBindingConfig.enableInsecureBindingSystemAuthenticated", Either, Always, "true", "", RECORDED),
    row("rbacBindingConfig.enableInsecureBindingSystemUnauthenticated", Either, Always, "true", "", RECORDED),
    row("identityServiceConfig", Either, Always, "", "", RECORDED),
    row("workloadIdentityConfig", Standard, Always, "", "", RECORDED),
    row("meshCertificates", Standard, Always, "", "", RECORDED),
    row("autopilot.privilegedAdmissionConfig", Either, Always, "", "", API),
    row("autopilot.clusterPolicyConfig", Either, Always, "", "", RECORDED),
    // Network
    row("networkConfig.datapathProvider", Standard, Always, "", "", RECORDED),
    row("networkConfig.datapathProvider", Autopilot, Always, r#""ADVANCED_DATAPATH""#, "1.22", AUTOPILOT),
    row("networkConfig.enableIntraNodeVisibility", Standard, Always, "false", "", RECORDED),
    row("networkConfig.enableIntraNodeVisibility", Autopilot, Always, "true", "", AUTOPILOT),
    row("networkConfig.enableL4ilbSubsetting", Standard, Always, "false", "", RECORDED),
    row("networkConfig.defaultSnatStatus", Either, Always, "", "", RECORDED),
    row("networkConfig.serviceExternalIpsConfig.enabled", Either, Always, "false", "1.21", RECORDED),
    row("networkConfig.gatewayApiConfig", Standard, Always, "", "", RECORDED),
    row("networkConfig.dnsConfig", Autopilot, Always, r#"{"clusterDns": "CLOUD_DNS", "clusterDnsScope": "CLUSTER_SCOPE"}"#, "1.25.9", CLOUD_DNS),
    row("ipAllocationPolicy.useIpAliases", Either, Always, "true", "", VPC_NATIVE),
    // Add-ons
    row("addonsConfig.networkPolicyConfig.disabled", Standard, Always, "true", "", RECORDED),
    row("addonsConfig.httpLoadBalancing", Either, Always, "{}", "", RECORDED),
    row("addonsConfig.horizontalPodAutoscaling", Either, Always, "{}", "", RECORDED),
    row("addonsConfig.dnsCacheConfig", Standard, Always, "", "", RECORDED),
    row("addonsConfig.dnsCacheConfig.enabled", Autopilot, Always, "true", "", AUTOPILOT),
    row("addonsConfig.gcePersistentDiskCsiDriverConfig.enabled", Either, Always, "true", "", RECORDED),
    row("addonsConfig.gcpFilestoreCsiDriverConfig", Standard, Always, "", "", RECORDED),
    row("addonsConfig.gcsFuseCsiDriverConfig", Standard, Always, "", "", RECORDED),
    row("addonsConfig.gkeBackupAgentConfig", Standard, Always, "", "", RECORDED),
    row("addonsConfig.configConnectorConfig", Standard, Always, "", "", RECORDED),
    row("addonsConfig.statefulHaConfig", Standard, Always, "", "", RECORDED),
    row("addonsConfig.rayOperatorConfig", Standard, Always, "", "", RECORDED),
    row("addonsConfig.cloudRunConfig", Either, Always, "", "", RECORDED),
    row("addonsConfig.kubernetesDashboard.disabled", Either, Always, "true", "1.15", RECORDED),
    // Encryption, posture
    row("databaseEncryption.state", Either, Always, r#""DECRYPTED""#, "", RECORDED),
    row("databaseEncryption.currentState", Either, Without("databaseEncryption.keyName"), r#""CURRENT_STATE_DECRYPTED""#, "", RECORDED),
    row("confidentialNodes", Either, Always, "", "", RECORDED),
    row("securityPostureConfig.mode", Either, Always, r#""BASIC""#, "1.27", SECURITY_POSTURE),
    row("securityPostureConfig.vulnerabilityMode", Either, Always, r#""VULNERABILITY_MODE_UNSPECIFIED""#, "", RECORDED),
    // Upkeep and observability
    row("releaseChannel.channel", Standard, Without("initialClusterVersion"), r#""REGULAR""#, "", CHANNELS),
    row("releaseChannel.channel", Autopilot, Always, r#""REGULAR""#, "", CHANNELS),
    row("gkeAutoUpgradeConfig", Either, Always, "", "", RECORDED),
    row("loggingConfig", Either, With("loggingService"), "", "", API),
    row("monitoringConfig", Either, With("monitoringService"), "", "", API),
    row("loggingConfig.componentConfig.enableComponents", Either, Without("loggingService"), r#"["SYSTEM_COMPONENTS", "WORKLOADS"]"#, "", RECORDED),
    row("monitoringConfig.componentConfig.enableComponents", Either, Without("monitoringService"), r#"["SYSTEM_COMPONENTS"]"#, "", RECORDED),
    row("monitoringConfig.managedPrometheusConfig.enabled", Either, Without("monitoringService"), "true", "1.27", RECORDED),
    row("notificationConfig.pubsub", Either, Always, "{}", "", RECORDED),
    row("costManagementConfig", Standard, Always, "", "", RECORDED),
    // Node pools that GKE makes
    row("autoscaling.enableNodeAutoprovisioning", Standard, Always, "false", "", RECORDED),
    row("autoscaling.enableNodeAutoprovisioning", Autopilot, Always, "true", "", AUTOPILOT),
    row("autoscaling.autoprovisioningNodePoolDefaults", Standard, Always, r#"{"imageType": "COS_CONTAINERD", "management": {"autoRepair": true, "autoUpgrade": true}, "serviceAccount": "default", "insecureKubeletReadonlyPortEnabled": false}"#, "", RECORDED),
    row("autoscaling.autoprovisioningNodePoolDefaults.serviceAccount", Autopilot, Always, r#""default""#, "", AUTOPILOT),
    row("autoscaling.autoprovisioningNodePoolDefaults.bootDiskKmsKey", Autopilot, Always, "", "", AUTOPILOT),
    row("autoscaling.autoprovisioningLocations", Either, Always, "", "", RECORDED),
    row("nodePoolDefaults.nodeConfigDefaults.nodeKubeletConfig.insecureKubeletReadonlyPortEnabled", Either, Always, "false", "1.32", READONLY_PORT),
    row("nodePoolAutoConfig.nodeKubeletConfig.insecureKubeletReadonlyPortEnabled", Either, Always, "false", "1.32", READONLY_PORT),
];

/// Of a node pool of a Standard cluster.
#[rustfmt::skip]
pub(super) const NODE_POOL: &[CreationDefault] = &[
    row("config.serviceAccount", Either, Always, r#""default""#, "", RECORDED),
    row("config.oauthScopes", Either, Always, r#"["https://www.googleapis.com/auth/devstorage.read_only", "https://www.googleapis.com/auth/logging.write", "https://www.googleapis.com/auth/monitoring", "https://www.googleapis.com/auth/service.management.readonly", "https://www.googleapis.com/auth/servicecontrol", "https://www.googleapis.com/auth/trace.append"]"#, "", RECORDED),
    row("config.imageType", Either, Always, r#""COS_CONTAINERD""#, "", RECORDED),
    row("config.metadata", Either, Always, r#"{"disable-legacy-endpoints": "true"}"#, "1.12", RECORDED),
    row("config.workloadMetadataConfig", Either, Always, "", "", RECORDED),
    row("config.shieldedInstanceConfig.enableSecureBoot", Either, Always, "false", "", RECORDED),
    row("config.shieldedInstanceConfig.enableIntegrityMonitoring", Either, Always, "true", "", RECORDED),
    row("config.bootDiskKmsKey", Either, Always, "", "", RECORDED),
    row("config.sandboxConfig", Either, Always, "", "", RECORDED),
    row("config.kubeletConfig.insecureKubeletReadonlyPortEnabled", Either, Always, "false", "1.32", READONLY_PORT),
    row("config.kubeletConfig.allowedUnsafeSysctls", Either, Always, "", "", RECORDED),
    row("config.confidentialNodes", Either, Always, "", "", RECORDED),
    row("config.linuxNodeConfig", Either, Always, "", "", RECORDED),
    row("management.autoRepair", Either, Always, "true", "", RECORDED),
    row("management.autoUpgrade", Either, Always, "true", "", RECORDED),
    row("networkConfig.enablePrivateNodes", Either, Always, "", "", RECORDED),
    row("autoscaling", Either, Always, "", "", RECORDED),
    row("maintenancePolicy.exclusionUntilEndOfSupport.enabled", Either, Always, "false", "", API),
];

/// A resource that is created, to be completed.
pub(super) struct Created<'a> {
    pub config: &'a mut Map<String, Value>,
    /// The fields that the mapping knows, from the resource.
    pub fields: &'a Fields,
    pub autopilot: bool,
    /// The version that is asked for; empty: GKE chooses.
    pub version: &'a str,
    /// Whether a field is written, with a value that is known later.
    pub written_later: &'a dyn Fn(&str) -> bool,
}

impl Created<'_> {
    /// Puts the defaults in the place of what is omitted. Returns their paths, each with what it was made of.
    pub(super) fn complete(mut self, defaults: &[CreationDefault]) -> BTreeMap<String, String> {
        let mut made = BTreeMap::new();
        for default in defaults {
            if self.applies(default) && self.is_omitted(default.path) && self.put(default) {
                made.insert(default.path.to_owned(), described(default.value));
            }
        }
        self.remove_fields_of_other_attributes();
        made
    }

    /// The provider writes them into the same object from attributes that have fields of their own.
    fn remove_fields_of_other_attributes(&mut self) {
        let endpoints = self.config.get_mut("controlPlaneEndpointsConfig").and_then(|e| e.get_mut("ipEndpointsConfig"));
        let Some(endpoints) = endpoints.and_then(Value::as_object_mut) else { return };
        endpoints.retain(|name, _| !matches!(name.as_str(), "enablePublicEndpoint" | "authorizedNetworksConfig"));
    }

    fn applies(&self, default: &CreationDefault) -> bool {
        let mode = match default.only {
            Only::Either => true,
            Only::Standard => !self.autopilot,
            Only::Autopilot => self.autopilot,
        };
        let when = match default.when {
            When::Always => true,
            When::With(path) => self.has_value(path),
            When::Without(path) => !self.has_value(path) && !(self.written_later)(path),
        };
        mode && when && (self.version.is_empty() || !is_older(self.version, default.since))
    }

    fn has_value(&self, path: &str) -> bool {
        at(self.config, path).is_some_and(|v| Unavailable::from_json(v).is_none())
    }

    /// Whether nothing is written at the path, nor above it as a whole.
    fn is_omitted(&self, path: &str) -> bool {
        let mut value: Option<&Value> = None;
        let mut object = Some(&*self.config);
        for key in path.split('.') {
            value = object.and_then(|o| o.get(key));
            match value {
                None => return !(self.written_later)(path),
                Some(v) => match Unavailable::from_json(v) {
                    Some(Unavailable::KnownAfterApply | Unavailable::NotWritten) => {
                        return !(self.written_later)(path);
                    }
                    Some(_) => return false,
                    None => object = v.as_object(),
                },
            }
        }
        // An object of which nothing is written.
        value.is_some_and(is_made_later)
    }

    /// Sets the field. Where a whole object above it is unavailable, its other fields stay so.
    fn put(&mut self, default: &CreationDefault) -> bool {
        let mut object = &mut *self.config;
        let mut before = String::new();
        let mut keys = default.path.split('.').peekable();
        while let Some(key) = keys.next() {
            before = join(&before, key);
            if keys.peek().is_none() {
                return match serde_json::from_str(default.value) {
                    Ok(value) => {
                        object.insert(key.to_owned(), value);
                        true
                    }
                    Err(_) => {
                        object.remove(key);
                        true
                    }
                };
            }
            let below = object.entry(key).or_insert_with(|| json!({}));
            if let Some(why) = Unavailable::from_json(below) {
                let others = self.fields.below(&before).map(Fields::names).unwrap_or_default();
                *below = others.into_iter().map(|name| (name.to_owned(), why.to_json())).collect();
            }
            let Some(next) = below.as_object_mut() else { return false };
            object = next;
        }
        false
    }
}

/// Whether the value, or all that is in the object, is what GKE chooses.
fn is_made_later(value: &Value) -> bool {
    match Unavailable::from_json(value) {
        Some(why) => matches!(why, Unavailable::KnownAfterApply | Unavailable::NotWritten),
        None => value.as_object().is_some_and(|fields| !fields.is_empty() && fields.values().all(is_made_later)),
    }
}

fn at<'v>(config: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    match path.split_once('.') {
        None => config.get(path),
        Some((key, rest)) => at(config.get(key)?.as_object()?, rest),
    }
}

/// With what GKE creates it, as the end of a sentence.
fn described(value: &str) -> String {
    match value {
        "" => "without".to_owned(),
        value => format!("with {}", value.replace('"', "")),
    }
}

/// Whether a version is older than another, by their numbers.
fn is_older(version: &str, since: &str) -> bool {
    let numbers =
        |text: &str| -> Vec<u64> { text.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect() };
    numbers(version) < numbers(since)
}

#[cfg(test)]
mod tests {
    use super::super::mapping::recorded;
    use super::*;

    #[test]
    fn every_default_is_json_of_a_field_that_is_known_and_has_a_source() {
        let fields = recorded(Unavailable::NotRecorded).fields;
        // No attribute holds them; a cluster that is created has them all the same.
        let without_attribute = ["addonsConfig.kubernetesDashboard.disabled", "databaseEncryption.currentState"];
        for default in CLUSTER {
            let known = fields.below(default.path).is_some() || without_attribute.contains(&default.path);
            assert!(known, "{}", default.path);
        }
        let pools = fields.below("nodePools").unwrap();
        for default in NODE_POOL {
            let known = pools.below(default.path).is_some() || default.path.starts_with("maintenancePolicy.");
            assert!(known, "{}", default.path);
        }
        for default in CLUSTER.iter().chain(NODE_POOL) {
            assert!(
                default.value.is_empty() || serde_json::from_str::<Value>(default.value).is_ok(),
                "{}",
                default.path
            );
            assert!(default.source.starts_with("https://"), "{}", default.path);
        }
    }

    #[test]
    fn an_unavailable_object_keeps_its_other_fields_unavailable() {
        let later = Unavailable::KnownAfterApply.to_json();
        let mut config = json!({"a": later, "b": {"x": 1, "y": later}, "c": {"z": later}}).as_object().unwrap().clone();
        let mut fields = Fields::default();
        for path in ["a.one", "a.two", "b.x", "b.y", "c.z", "d.w"] {
            fields.insert(path);
        }
        let rows = [
            row("a.one", Either, Always, "true", "", API),
            row("b.x", Either, Always, "2", "", API),
            row("b.y", Either, Always, "3", "1.30", API),
            row("c", Either, Always, "", "", API),
            row("d.w", Either, Always, "4", "1.99", API),
            row("e", Autopilot, Always, "5", "", API),
        ];
        let created = Created {
            config: &mut config,
            fields: &fields,
            autopilot: false,
            version: "1.31.4-gke.1",
            written_later: &|_| false,
        };
        let made = created.complete(&rows);
        assert_eq!(Value::Object(config), json!({"a": {"one": true, "two": later}, "b": {"x": 1, "y": 3}}));
        let expected = [("a.one", "with true"), ("b.y", "with 3"), ("c", "without")];
        assert_eq!(made, expected.map(|(path, text)| (path.to_owned(), text.to_owned())).into());
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert!(is_older("1.9.7-gke.11", "1.32") && is_older("1.31", "1.32"));
        assert!(!is_older("1.32.0-gke.1", "1.32") && !is_older("1.33", "1.32"));
    }
}
