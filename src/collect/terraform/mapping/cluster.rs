//! `google_container_cluster`.

use super::Kind::{Block, Bool, Exclusions, Labels, Repeated, Text, TextBool, Texts, VpcNative};
use super::Presence::{Enabled, EnabledBy, Shared, Silent};
use super::*;

/// `google_container_cluster`.
pub const CLUSTER: &[Rule] = &[
    plain("name", "name", Text),
    computed("location", "location", Text),
    computed("self_link", "selfLink", Text),
    computed("endpoint", "endpoint", Text),
    plain("description", "description", Text),
    // Control plane and access
    computed(
        "private_cluster_config",
        "privateClusterConfig",
        Block(
            Silent,
            &[
                computed("enable_private_nodes", "enablePrivateNodes", Bool),
                computed("enable_private_endpoint", "enablePrivateEndpoint", Bool),
                computed("master_ipv4_cidr_block", "masterIpv4CidrBlock", Text),
                computed("private_endpoint_subnetwork", "privateEndpointSubnetwork", Text),
                switch("master_global_access_config", "masterGlobalAccessConfig", ENABLED),
                computed("private_endpoint", "privateEndpoint", Text),
                computed("public_endpoint", "publicEndpoint", Text),
                computed("peering_name", "peeringName", Text),
            ],
        ),
    ),
    computed(
        "private_cluster_config",
        "networkConfig",
        Block(Shared, &[computed("enable_private_nodes", "defaultEnablePrivateNodes", Bool)]),
    ),
    computed(
        "control_plane_endpoints_config",
        "controlPlaneEndpointsConfig",
        Block(
            Silent,
            &[
                computed(
                    "dns_endpoint_config",
                    "dnsEndpointConfig",
                    Block(
                        Silent,
                        &[
                            computed("endpoint", "endpoint", Text),
                            computed("allow_external_traffic", "allowExternalTraffic", Bool),
                            computed("enable_k8s_tokens_via_dns", "enableK8sTokensViaDns", Bool),
                            computed("enable_k8s_certs_via_dns", "enableK8sCertsViaDns", Bool),
                        ],
                    ),
                ),
                computed("ip_endpoints_config", "ipEndpointsConfig", Block(Silent, ENABLED)),
            ],
        ),
    ),
    computed(
        "master_authorized_networks_config",
        "masterAuthorizedNetworksConfig",
        Block(
            Enabled,
            &[
                plain(
                    "cidr_blocks",
                    "cidrBlocks",
                    Repeated(&[plain("cidr_block", "cidrBlock", Text), plain("display_name", "displayName", Text)]),
                ),
                computed("gcp_public_cidrs_access_enabled", "gcpPublicCidrsAccessEnabled", Bool),
                computed("private_endpoint_enforcement_enabled", "privateEndpointEnforcementEnabled", Bool),
            ],
        ),
    ),
    computed(
        "master_auth",
        "masterAuth",
        Block(
            Silent,
            &[
                computed(
                    "client_certificate_config",
                    "clientCertificateConfig",
                    Block(Silent, &[computed("issue_client_certificate", "issueClientCertificate", Bool)]),
                ),
                computed("client_certificate", "clientCertificate", Text),
                computed("cluster_ca_certificate", "clusterCaCertificate", Text),
            ],
        ),
    ),
    rule("enable_legacy_abac", "legacyAbac.enabled", Bool, Absent::Bool(false)),
    computed(
        "authenticator_groups_config",
        "authenticatorGroupsConfig",
        Block(EnabledBy("securityGroup"), &[computed("security_group", "securityGroup", Text)]),
    ),
    computed(
        "anonymous_authentication_config",
        "anonymousAuthenticationConfig",
        Block(Silent, &[computed("mode", "mode", Text)]),
    ),
    computed(
        "rbac_binding_config",
        "rbacBindingConfig",
        Block(
            Silent,
            &[
                computed(
                    "enable_insecure_binding_system_authenticated",
                    "enableInsecureBindingSystemAuthenticated",
                    Bool,
                ),
                computed(
                    "enable_insecure_binding_system_unauthenticated",
                    "enableInsecureBindingSystemUnauthenticated",
                    Bool,
                ),
            ],
        ),
    ),
    switch("identity_service_config", "identityServiceConfig", ENABLED),
    computed(
        "workload_identity_config",
        "workloadIdentityConfig",
        Block(Silent, &[computed("workload_pool", "workloadPool", Text)]),
    ),
    computed(
        "mesh_certificates",
        "meshCertificates",
        Block(Silent, &[computed("enable_certificates", "enableCertificates", Bool)]),
    ),
    rule("enable_autopilot", "autopilot.enabled", Bool, Absent::Bool(false)),
    plain("allow_net_admin", "autopilot.workloadPolicyConfig.allowNetAdmin", Bool),
    plain("autopilot_privileged_admission", "autopilot.privilegedAdmissionConfig.allowlistPaths", Texts),
    computed(
        "autopilot_cluster_policy_config",
        "autopilot.clusterPolicyConfig",
        Block(
            Silent,
            &[
                computed("no_system_mutation", "noSystemMutation", Bool),
                computed("no_system_impersonation", "noSystemImpersonation", Bool),
                computed("no_unsafe_webhooks", "noUnsafeWebhooks", Bool),
                computed("no_standard_node_pools", "noStandardNodePools", Bool),
            ],
        ),
    ),
    rule("enable_kubernetes_alpha", "enableKubernetesAlpha", Bool, Absent::Bool(false)),
    plain("enable_k8s_beta_apis", "enableK8sBetaApis", Block(Silent, &[plain("enabled_apis", "enabledApis", Texts)])),
    // Network
    plain(
        "network_policy",
        "networkPolicy",
        Block(
            Silent,
            &[
                plain("enabled", "enabled", Bool),
                rule("provider", "provider", Text, Absent::Text("PROVIDER_UNSPECIFIED")),
            ],
        ),
    ),
    computed("datapath_provider", "networkConfig.datapathProvider", Text),
    rule("enable_fqdn_network_policy", "networkConfig.enableFqdnNetworkPolicy", Bool, Absent::Bool(false)),
    rule(
        "enable_cilium_clusterwide_network_policy",
        "networkConfig.enableCiliumClusterwideNetworkPolicy",
        Bool,
        Absent::Bool(false),
    ),
    computed("enable_intranode_visibility", "networkConfig.enableIntraNodeVisibility", Bool),
    computed("enable_l4_ilb_subsetting", "networkConfig.enableL4ilbSubsetting", Bool),
    plain("disable_l4_lb_firewall_reconciliation", "networkConfig.disableL4LbFirewallReconciliation", Bool),
    rule("enable_multi_networking", "networkConfig.enableMultiNetworking", Bool, Absent::Bool(false)),
    computed("private_ipv6_google_access", "networkConfig.privateIpv6GoogleAccess", Text),
    plain("in_transit_encryption_config", "networkConfig.inTransitEncryptionConfig", Text),
    switch("default_snat_status", "networkConfig.defaultSnatStatus", DISABLED),
    switch("service_external_ips_config", "networkConfig.serviceExternalIpsConfig", ENABLED),
    computed(
        "gateway_api_config",
        "networkConfig.gatewayApiConfig",
        Block(Silent, &[computed("channel", "channel", Text)]),
    ),
    plain(
        "dns_config",
        "networkConfig.dnsConfig",
        Block(
            Silent,
            &[
                plain("cluster_dns", "clusterDns", Text),
                plain("cluster_dns_scope", "clusterDnsScope", Text),
                plain("cluster_dns_domain", "clusterDnsDomain", Text),
                plain("additive_vpc_scope_dns_domain", "additiveVpcScopeDnsDomain", Text),
            ],
        ),
    ),
    computed(
        "ip_allocation_policy",
        "ipAllocationPolicy",
        Block(
            Shared,
            &[
                computed("cluster_secondary_range_name", "clusterSecondaryRangeName", Text),
                computed("services_secondary_range_name", "servicesSecondaryRangeName", Text),
                computed("cluster_ipv4_cidr_block", "clusterIpv4CidrBlock", Text),
                computed("services_ipv4_cidr_block", "servicesIpv4CidrBlock", Text),
                computed("stack_type", "stackType", Text),
                computed("pod_cidr_overprovision_config", "podCidrOverprovisionConfig", Block(Silent, DISABLE)),
                computed(
                    "additional_pod_ranges_config",
                    "additionalPodRangesConfig",
                    Block(Silent, &[plain("pod_range_names", "podRangeNames", Texts)]),
                ),
            ],
        ),
    ),
    computed("networking_mode", "ipAllocationPolicy.useIpAliases", VpcNative),
    computed("cluster_ipv4_cidr", "clusterIpv4Cidr", Text),
    computed("services_ipv4_cidr", "servicesIpv4Cidr", Text),
    rule("network", "network", Text, Absent::Text("default")),
    rule("network", "networkConfig.network", Text, Absent::Text("default")),
    computed("subnetwork", "subnetwork", Text),
    computed("subnetwork", "networkConfig.subnetwork", Text),
    computed("node_locations", "locations", Texts),
    // Add-ons
    computed(
        "addons_config",
        "addonsConfig",
        Block(
            Silent,
            &[
                switch("network_policy_config", "networkPolicyConfig", DISABLED),
                switch("http_load_balancing", "httpLoadBalancing", DISABLED),
                switch("horizontal_pod_autoscaling", "horizontalPodAutoscaling", DISABLED),
                switch("dns_cache_config", "dnsCacheConfig", ENABLED),
                switch("gce_persistent_disk_csi_driver_config", "gcePersistentDiskCsiDriverConfig", ENABLED),
                switch("gcp_filestore_csi_driver_config", "gcpFilestoreCsiDriverConfig", ENABLED),
                switch("gcs_fuse_csi_driver_config", "gcsFuseCsiDriverConfig", ENABLED),
                switch("gke_backup_agent_config", "gkeBackupAgentConfig", ENABLED),
                switch("config_connector_config", "configConnectorConfig", ENABLED),
                switch("stateful_ha_config", "statefulHaConfig", ENABLED),
                switch("ray_operator_config", "rayOperatorConfig", ENABLED),
                switch("cloudrun_config", "cloudRunConfig", DISABLED),
            ],
        ),
    ),
    // Encryption, supply chain, posture
    computed(
        "database_encryption",
        "databaseEncryption",
        Block(Silent, &[computed("state", "state", Text), plain("key_name", "keyName", Text)]),
    ),
    plain(
        "user_managed_keys_config",
        "userManagedKeysConfig",
        Block(
            Silent,
            &[
                plain("cluster_ca", "clusterCa", Text),
                plain("etcd_api_ca", "etcdApiCa", Text),
                plain("etcd_peer_ca", "etcdPeerCa", Text),
                plain("aggregation_ca", "aggregationCa", Text),
                plain("service_account_signing_keys", "serviceAccountSigningKeys", Texts),
                plain("service_account_verification_keys", "serviceAccountVerificationKeys", Texts),
                plain("control_plane_disk_encryption_key", "controlPlaneDiskEncryptionKey", Text),
                plain("gkeops_etcd_backup_encryption_key", "gkeopsEtcdBackupEncryptionKey", Text),
            ],
        ),
    ),
    plain(
        "binary_authorization",
        "binaryAuthorization",
        Block(Silent, &[plain("enabled", "enabled", Bool), plain("evaluation_mode", "evaluationMode", Text)]),
    ),
    rule("enable_shielded_nodes", "shieldedNodes.enabled", Bool, Absent::Bool(true)),
    computed("confidential_nodes", "confidentialNodes", Block(Silent, CONFIDENTIAL)),
    computed(
        "security_posture_config",
        "securityPostureConfig",
        Block(Silent, &[computed("mode", "mode", Text), computed("vulnerability_mode", "vulnerabilityMode", Text)]),
    ),
    plain(
        "secret_manager_config",
        "secretManagerConfig",
        Block(
            Silent,
            &[
                plain("enabled", "enabled", Bool),
                computed(
                    "rotation_config",
                    "rotationConfig",
                    Block(
                        Silent,
                        &[plain("enabled", "enabled", Bool), computed("rotation_interval", "rotationInterval", Text)],
                    ),
                ),
            ],
        ),
    ),
    plain("secret_sync_config", "secretSyncConfig", Block(Silent, &[plain("enabled", "enabled", Bool)])),
    // Upkeep and observability
    computed("release_channel", "releaseChannel", Block(Silent, &[computed("channel", "channel", Text)])),
    computed(
        "gke_auto_upgrade_config",
        "gkeAutoUpgradeConfig",
        Block(Silent, &[computed("patch_mode", "patchMode", Text)]),
    ),
    plain("min_master_version", "initialClusterVersion", Text),
    computed("master_version", "currentMasterVersion", Text),
    computed("node_version", "currentNodeVersion", Text),
    plain(
        "maintenance_policy",
        "maintenancePolicy.window",
        Block(
            Silent,
            &[
                plain(
                    "daily_maintenance_window",
                    "dailyMaintenanceWindow",
                    Block(Silent, &[plain("start_time", "startTime", Text), computed("duration", "duration", Text)]),
                ),
                plain(
                    "recurring_window",
                    "recurringWindow",
                    Block(
                        Silent,
                        &[
                            plain("start_time", "window.startTime", Text),
                            plain("end_time", "window.endTime", Text),
                            plain("recurrence", "recurrence", Text),
                        ],
                    ),
                ),
                plain(
                    "maintenance_exclusion",
                    "maintenanceExclusions",
                    Exclusions(&[
                        plain("start_time", "startTime", Text),
                        plain("end_time", "endTime", Text),
                        plain(
                            "exclusion_options",
                            "maintenanceExclusionOptions",
                            Block(
                                Silent,
                                &[plain("scope", "scope", Text), plain("end_time_behavior", "endTimeBehavior", Text)],
                            ),
                        ),
                    ]),
                ),
            ],
        ),
    ),
    computed(
        "logging_config",
        "loggingConfig.componentConfig",
        Block(Silent, &[plain("enable_components", "enableComponents", Texts)]),
    ),
    computed("logging_service", "loggingService", Text),
    computed("monitoring_service", "monitoringService", Text),
    computed(
        "monitoring_config",
        "monitoringConfig",
        Block(
            Silent,
            &[
                computed("enable_components", "componentConfig.enableComponents", Texts),
                switch("managed_prometheus", "managedPrometheusConfig", ENABLED),
                computed(
                    "advanced_datapath_observability_config",
                    "advancedDatapathObservabilityConfig",
                    Block(
                        Silent,
                        &[
                            computed("enable_metrics", "enableMetrics", Bool),
                            computed("enable_relay", "enableRelay", Bool),
                        ],
                    ),
                ),
            ],
        ),
    ),
    computed(
        "notification_config",
        "notificationConfig",
        Block(
            Silent,
            &[plain(
                "pubsub",
                "pubsub",
                Block(
                    Silent,
                    &[
                        plain("enabled", "enabled", Bool),
                        plain("topic", "topic", Text),
                        plain("filter", "filter", Block(Silent, &[plain("event_type", "eventType", Texts)])),
                    ],
                ),
            )],
        ),
    ),
    switch("cost_management_config", "costManagementConfig", ENABLED),
    switch("vertical_pod_autoscaling", "verticalPodAutoscaling", ENABLED),
    plain(
        "fleet",
        "fleet",
        Block(Silent, &[plain("project", "project", Text), computed("membership", "membership", Text)]),
    ),
    plain("resource_labels", "resourceLabels", Labels),
    // Node pools that GKE makes
    computed(
        "cluster_autoscaling",
        "autoscaling",
        Block(
            Silent,
            &[
                computed("enabled", "enableNodeAutoprovisioning", Bool),
                computed("autoscaling_profile", "autoscalingProfile", Text),
                computed("auto_provisioning_locations", "autoprovisioningLocations", Texts),
                computed(
                    "auto_provisioning_defaults",
                    "autoprovisioningNodePoolDefaults",
                    Block(
                        Silent,
                        &[
                            plain("service_account", "serviceAccount", Text),
                            computed("oauth_scopes", "oauthScopes", Texts),
                            computed("image_type", "imageType", Text),
                            plain("boot_disk_kms_key", "bootDiskKmsKey", Text),
                            computed("management", "management", Block(Silent, MANAGEMENT)),
                            computed("shielded_instance_config", "shieldedInstanceConfig", Block(Silent, SHIELDED)),
                        ],
                    ),
                ),
            ],
        ),
    ),
    computed(
        "node_pool_defaults",
        "nodePoolDefaults",
        Block(
            Silent,
            &[computed(
                "node_config_defaults",
                "nodeConfigDefaults",
                Block(
                    Silent,
                    &[
                        computed("insecure_kubelet_readonly_port_enabled", PORT_OF_DEFAULTS, TextBool),
                        computed("logging_variant", "loggingConfig.variantConfig.variant", Text),
                    ],
                ),
            )],
        ),
    ),
    computed(
        "node_pool_auto_config",
        "nodePoolAutoConfig",
        Block(
            Silent,
            &[
                computed("node_kubelet_config", "nodeKubeletConfig", Block(Silent, &[PORT])),
                plain("network_tags", "networkTags", Block(Silent, &[plain("tags", "tags", Texts)])),
                plain("resource_manager_tags", "resourceManagerTags.tags", Labels),
            ],
        ),
    ),
    // The default pool's settings; the pools themselves are joined elsewhere.
    computed("node_config", "nodeConfig", Block(Silent, NODE_CONFIG)),
];

/// Of a cluster. `status` and what else only GKE reports is in no attribute; basic authentication and the dashboard have
/// left the provider.
pub const CLUSTER_UNRECORDED: &[Unrecorded] = &[
    unrecorded("status"),
    unrecorded("conditions"),
    unrecorded("currentNodeCount"),
    unrecorded("expireTime"),
    unrecorded("masterAuth.username"),
    unrecorded("masterAuth.password"),
    unrecorded("databaseEncryption.currentState"),
    unrecorded("databaseEncryption.lastOperationErrors"),
    unrecorded_object("addonsConfig.kubernetesDashboard"),
    unrecorded_object("controlPlaneEgress"),
    unrecorded_object("nodeCreationConfig"),
];
