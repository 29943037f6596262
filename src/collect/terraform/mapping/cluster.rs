//! `google_container_cluster`.

use super::node_pool::{CONFIDENTIAL, MANAGEMENT, NODE_CONFIG, SHIELDED};
use super::{DISABLED, ENABLED, Rule, rules};

/// `google_container_cluster`.
pub(crate) const CLUSTER: &[Rule] = rules! {
    unset name: Text,
    computed location: Text,
    computed self_link: Text,
    computed endpoint: Text,
    unset description: Text,
    // Control plane and access
    computed private_cluster_config: Block {
        computed enable_private_nodes: Bool,
        computed enable_private_endpoint: Bool,
        computed master_ipv4_cidr_block: Text,
        computed private_endpoint_subnetwork: Text,
        computed master_global_access_config: Block(ENABLED),
        computed private_endpoint: Text,
        computed public_endpoint: Text,
        computed peering_name: Text,
    },
    computed private_cluster_config ["networkConfig"]: Shared {
        computed enable_private_nodes ["defaultEnablePrivateNodes"]: Bool,
    },
    computed control_plane_endpoints_config: Block {
        computed dns_endpoint_config: Block {
            computed endpoint: Text,
            computed allow_external_traffic: Bool,
            computed enable_k8s_tokens_via_dns: Bool,
            computed enable_k8s_certs_via_dns: Bool,
        },
        computed ip_endpoints_config: Block(ENABLED),
    },
    computed master_authorized_networks_config: Enabled {
        unset cidr_blocks: Repeated { unset cidr_block: Text, unset display_name: Text },
        computed gcp_public_cidrs_access_enabled: Bool,
        computed private_endpoint_enforcement_enabled: Bool,
    },
    computed master_auth: Block {
        computed client_certificate_config: Block { computed issue_client_certificate: Bool },
        // Until version 3 of the provider.
        unset username: Text,
        computed client_certificate: Text,
        computed cluster_ca_certificate: Text,
    },
    off enable_legacy_abac ["legacyAbac.enabled"]: Bool,
    computed authenticator_groups_config: EnabledBy("securityGroup") { computed security_group: Text },
    computed anonymous_authentication_config: Block { computed mode: Text },
    computed rbac_binding_config: Block {
        computed enable_insecure_binding_system_authenticated: Bool,
        computed enable_insecure_binding_system_unauthenticated: Bool,
    },
    computed identity_service_config: Block(ENABLED),
    computed workload_identity_config: Block {
        computed workload_pool: Text,
        // Until version 3 of the provider, and in Config Connector.
        unset identity_namespace ["workloadPool"]: Text,
    },
    computed mesh_certificates: Block { computed enable_certificates: Bool },
    off enable_autopilot ["autopilot.enabled"]: Bool,
    unset allow_net_admin ["autopilot.workloadPolicyConfig."]: Bool,
    unset autopilot_privileged_admission ["autopilot.privilegedAdmissionConfig.allowlistPaths"]: Allowlist,
    computed autopilot_cluster_policy_config ["autopilot.clusterPolicyConfig"]: Block {
        computed no_system_mutation: Bool,
        computed no_system_impersonation: Bool,
        computed no_unsafe_webhooks: Bool,
        computed no_standard_node_pools: Bool,
    },
    off enable_kubernetes_alpha: Bool,
    unset enable_k8s_beta_apis: Block { unset enabled_apis: Texts },
    // Network
    unset network_policy: Block { unset enabled: Bool, default("PROVIDER_UNSPECIFIED") provider: Text },
    computed datapath_provider ["networkConfig."]: Text,
    off enable_fqdn_network_policy ["networkConfig."]: Bool,
    off enable_cilium_clusterwide_network_policy ["networkConfig."]: Bool,
    computed enable_intranode_visibility ["networkConfig.enableIntraNodeVisibility"]: Bool,
    computed enable_l4_ilb_subsetting ["networkConfig.enableL4ilbSubsetting"]: Bool,
    unset disable_l4_lb_firewall_reconciliation ["networkConfig."]: Bool,
    off enable_multi_networking ["networkConfig."]: Bool,
    computed private_ipv6_google_access ["networkConfig."]: Text,
    unset in_transit_encryption_config ["networkConfig."]: Text,
    computed default_snat_status ["networkConfig."]: Block(DISABLED),
    computed service_external_ips_config ["networkConfig."]: Block(ENABLED),
    computed gateway_api_config ["networkConfig."]: Block { computed channel: Text },
    unset dns_config ["networkConfig."]: Block {
        unset cluster_dns: Text,
        unset cluster_dns_scope: Text,
        unset cluster_dns_domain: Text,
        unset additive_vpc_scope_dns_domain: Text,
    },
    computed ip_allocation_policy: Shared {
        computed cluster_secondary_range_name: Text,
        computed services_secondary_range_name: Text,
        computed cluster_ipv4_cidr_block: Text,
        computed services_ipv4_cidr_block: Text,
        computed stack_type: Text,
        computed pod_cidr_overprovision_config: Block { computed disabled ["disable"]: Bool },
        computed additional_pod_ranges_config: Block { unset pod_range_names: Texts },
    },
    computed networking_mode ["ipAllocationPolicy.useIpAliases"]: VpcNative,
    computed cluster_ipv4_cidr: Text,
    computed services_ipv4_cidr: Text,
    default("default") network: Text,
    default("default") network ["networkConfig."]: Text,
    computed subnetwork: Text,
    computed subnetwork ["networkConfig."]: Text,
    computed node_locations ["locations"]: Texts,
    // Add-ons
    computed addons_config: Block {
        computed network_policy_config: Block(DISABLED),
        computed http_load_balancing: Block(DISABLED),
        computed horizontal_pod_autoscaling: Block(DISABLED),
        computed dns_cache_config: Block(ENABLED),
        computed gce_persistent_disk_csi_driver_config: Block(ENABLED),
        computed gcp_filestore_csi_driver_config: Block(ENABLED),
        computed gcs_fuse_csi_driver_config: Block(ENABLED),
        computed gke_backup_agent_config: Block(ENABLED),
        computed config_connector_config: Block(ENABLED),
        computed stateful_ha_config: Block(ENABLED),
        computed ray_operator_config: Block(ENABLED),
        computed cloudrun_config ["cloudRunConfig"]: Block(DISABLED),
    },
    // Encryption, supply chain, posture
    computed database_encryption: Block { computed state: Text, unset key_name: Text },
    unset user_managed_keys_config: Block {
        unset cluster_ca: Text,
        unset etcd_api_ca: Text,
        unset etcd_peer_ca: Text,
        unset aggregation_ca: Text,
        unset service_account_signing_keys: Texts,
        unset service_account_verification_keys: Texts,
        unset control_plane_disk_encryption_key: Text,
        unset gkeops_etcd_backup_encryption_key: Text,
    },
    unset binary_authorization: Block { unset enabled: Bool, unset evaluation_mode: Text },
    // Until version 4 of the provider, and in Config Connector.
    unset enable_binary_authorization ["binaryAuthorization.enabled"]: Bool,
    on enable_shielded_nodes ["shieldedNodes.enabled"]: Bool,
    computed confidential_nodes: Block(CONFIDENTIAL),
    computed security_posture_config: Block { computed mode: Text, computed vulnerability_mode: Text },
    unset secret_manager_config: Block {
        unset enabled: Bool,
        computed rotation_config: Block { unset enabled: Bool, computed rotation_interval: Text },
    },
    unset secret_sync_config: Block { unset enabled: Bool },
    // Upkeep and observability
    computed release_channel: Block { computed channel: Text },
    computed gke_auto_upgrade_config: Block { computed patch_mode: Text },
    unset min_master_version ["initialClusterVersion"]: Text,
    computed master_version ["currentMasterVersion"]: Text,
    computed node_version ["currentNodeVersion"]: Text,
    unset maintenance_policy ["maintenancePolicy.window"]: Block {
        unset daily_maintenance_window: Block { unset start_time: Text, computed duration: Text },
        unset recurring_window: Block {
            unset start_time ["window."]: Text,
            unset end_time ["window."]: Text,
            unset recurrence: Text,
        },
        unset recurring_maintenance_window: Block { unset recurrence: Text },
        unset maintenance_exclusion ["maintenanceExclusions"]: Exclusions {
            unset start_time: Text,
            unset end_time: Text,
            unset exclusion_options ["maintenanceExclusionOptions"]: Block {
                unset scope: Text,
                unset end_time_behavior: Text,
            },
        },
    },
    computed logging_config ["loggingConfig.componentConfig"]: Block { unset enable_components: Texts },
    computed logging_service: Text,
    computed monitoring_service: Text,
    computed monitoring_config: Block {
        computed enable_components ["componentConfig."]: Texts,
        computed managed_prometheus ["managedPrometheusConfig"]: Block(ENABLED),
        computed advanced_datapath_observability_config: Block {
            computed enable_metrics: Bool,
            computed enable_relay: Bool,
        },
    },
    computed notification_config: Block {
        unset pubsub: Block {
            unset enabled: Bool,
            unset topic: Text,
            unset filter: Block { unset event_type: Texts },
        },
    },
    computed cost_management_config: Block(ENABLED),
    computed vertical_pod_autoscaling: Block(ENABLED),
    unset fleet: Block { unset project: Text, computed membership: Text },
    unset resource_labels: Labels,
    // Node pools that GKE makes
    computed cluster_autoscaling ["autoscaling"]: Block {
        computed enabled ["enableNodeAutoprovisioning"]: Bool,
        computed autoscaling_profile: Text,
        computed auto_provisioning_locations ["autoprovisioningLocations"]: Texts,
        computed auto_provisioning_defaults ["autoprovisioningNodePoolDefaults"]: Block {
            unset service_account: Text,
            computed oauth_scopes: Texts,
            computed image_type: Text,
            unset boot_disk_kms_key: Text,
            computed management: Block(MANAGEMENT),
            computed shielded_instance_config: Block(SHIELDED),
        },
    },
    computed node_pool_defaults: Block {
        computed node_config_defaults: Block {
            computed insecure_kubelet_readonly_port_enabled ["nodeKubeletConfig."]: TextBool,
            computed logging_variant ["loggingConfig.variantConfig.variant"]: Text,
        },
    },
    computed node_pool_auto_config: Block {
        computed node_kubelet_config: Block { computed insecure_kubelet_readonly_port_enabled: TextBool },
        unset network_tags: Block { unset tags: Texts },
        unset resource_manager_tags ["resourceManagerTags.tags"]: Labels,
    },
    // The default pool's settings; the pools themselves are joined elsewhere.
    computed node_config: Block(NODE_CONFIG),
};

/// Fields of the API that have the content of another one, which is in the table: that they are absent means nothing else.
pub(crate) const RECORDED_ELSEWHERE: [&str; 4] = [
    // `masterAuthorizedNetworksConfig`.
    "controlPlaneEndpointsConfig.ipEndpointsConfig.authorizedNetworksConfig",
    // The opposite of `privateClusterConfig.enablePrivateEndpoint`.
    "controlPlaneEndpointsConfig.ipEndpointsConfig.enablePublicEndpoint",
    // Issued together with `masterAuth.clientCertificate`.
    "masterAuth.clientKey",
    // A password is set only together with `masterAuth.username`.
    "masterAuth.password",
];
