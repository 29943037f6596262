//! Names of enum numbers, as the official client's model has them.
//!
//! Tools that marshal the protobuf structs, the official client among them, write an enum as its number.

use google_cloud_container_v1::model as m;

type Name = fn(i32) -> Option<String>;

/// What the model calls a number; `None` where it does not know it.
macro_rules! of {
    ($enum:ty) => {
        |n| <$enum>::from(n).name().map(str::to_owned)
    };
}

/// Every enum that a rule of this program reads, by the end of its field's path. The client of the live API gives their
/// numbers.
const ENUMS: &[(&str, Name)] = &[
    ("networkConfig.datapathProvider", of!(m::DatapathProvider)),
    ("networkConfig.dnsConfig.clusterDns", of!(m::dns_config::Provider)),
    ("networkPolicy.provider", of!(m::network_policy::Provider)),
    ("ipAllocationPolicy.stackType", of!(m::StackType)),
    ("workloadMetadataConfig.mode", of!(m::workload_metadata_config::Mode)),
    ("sandboxConfig.type", of!(m::sandbox_config::Type)),
    ("confidentialNodes.confidentialInstanceType", of!(m::confidential_nodes::ConfidentialInstanceType)),
    ("databaseEncryption.state", of!(m::database_encryption::State)),
    ("databaseEncryption.currentState", of!(m::database_encryption::CurrentState)),
    ("binaryAuthorization.evaluationMode", of!(m::binary_authorization::EvaluationMode)),
    ("releaseChannel.channel", of!(m::release_channel::Channel)),
    ("securityPostureConfig.mode", of!(m::security_posture_config::Mode)),
    ("securityPostureConfig.vulnerabilityMode", of!(m::security_posture_config::VulnerabilityMode)),
    ("anonymousAuthenticationConfig.mode", of!(m::anonymous_authentication_config::Mode)),
    ("controlPlaneEgress.mode", of!(m::control_plane_egress::Mode)),
    ("nodeCreationConfig.nodeCreationMode", of!(m::node_creation_config::Mode)),
    ("gkeAutoUpgradeConfig.patchMode", of!(m::gke_auto_upgrade_config::PatchMode)),
    ("notificationConfig.pubsub.filter.eventType", of!(m::notification_config::EventType)),
    ("loggingConfig.componentConfig.enableComponents", of!(m::logging_component_config::Component)),
    ("monitoringConfig.componentConfig.enableComponents", of!(m::monitoring_component_config::Component)),
    ("maintenanceExclusionOptions.scope", of!(m::maintenance_exclusion_options::Scope)),
    ("maintenanceExclusionOptions.endTimeBehavior", of!(m::maintenance_exclusion_options::EndTimeBehavior)),
    ("conditions.code", of!(m::status_condition::Code)),
    ("nodePools.status", of!(m::node_pool::Status)),
];

/// The name of number `n` at `path` (without indexes). A number that is not listed stays a number, which no rule takes for a
/// known value.
pub(crate) fn name(path: &str, n: i64) -> Option<String> {
    let n = i32::try_from(n).ok()?;
    // Not by its end: other messages have a status of their own.
    if path == "status" {
        return m::cluster::Status::from(n).name().map(str::to_owned);
    }
    let ends = |suffix: &str| path == suffix || path.strip_suffix(suffix).is_some_and(|p| p.ends_with('.'));
    let (_, name) = ENUMS.iter().find(|(suffix, _)| ends(suffix))?;
    name(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_names_of_the_api() {
        for (path, n, expected) in [
            ("status", 6, "DEGRADED"),
            ("nodePools.status", 6, "ERROR"),
            ("databaseEncryption.currentState", 8, "CURRENT_STATE_ALL_OBJECTS_ENCRYPTION_ENABLED"),
            ("databaseEncryption.state", 3, "ALL_OBJECTS_ENCRYPTION_ENABLED"),
            ("binaryAuthorization.evaluationMode", 2, "PROJECT_SINGLETON_POLICY_ENFORCE"),
            ("nodePools.config.workloadMetadataConfig.mode", 2, "GKE_METADATA"),
            ("nodePools.conditions.code", 10, "NODE_SERVICE_ACCOUNT_MISSING_PERMISSIONS"),
            ("conditions.code", 2, "GKE_SERVICE_ACCOUNT_DELETED"),
            (
                "maintenancePolicy.window.maintenanceExclusions.x.maintenanceExclusionOptions.scope",
                2,
                "NO_MINOR_OR_NODE_UPGRADES",
            ),
            ("loggingConfig.componentConfig.enableComponents", 5, "CONTROLLER_MANAGER"),
        ] {
            assert_eq!(name(path, n).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn a_number_that_the_model_does_not_know_has_no_name() {
        assert_eq!(name("releaseChannel.channel", 99), None);
        assert_eq!(name("releaseChannel.channel", i64::MAX), None);
        assert_eq!(name("currentNodeCount", 1), None);
        assert_eq!(name("ipAllocationPolicy.additionalIpRangesConfigs.status", 1), None);
    }
}
