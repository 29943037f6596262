//! Which attribute of Terraform's `google_container_cluster` and `google_container_node_pool` is which field of the GKE
//! API, as data. Source: the provider's `resource_container_cluster` and `resource_container_node_pool`
//! (<https://github.com/GoogleCloudPlatform/magic-modules>); names differ where the table says so, nowhere else.

/// One attribute or block.
pub struct Rule {
    /// Name in Terraform.
    pub tf: &'static str,
    /// Path in the API, from the object that the enclosing block is. Empty: that object itself.
    pub api: &'static str,
    pub kind: Kind,
    pub absent: Absent,
}

/// What the value is, in Terraform and in the API.
#[derive(Clone, Copy)]
pub enum Kind {
    Bool,
    Text,
    /// `"TRUE"` or `"FALSE"` in Terraform, a boolean in the API.
    TextBool,
    /// `VPC_NATIVE` or `ROUTES` in Terraform, true or false in the API.
    VpcNative,
    Number,
    /// A list or set of texts.
    Texts,
    /// A map whose keys are the user's own.
    Labels,
    /// A block: a list of at most one in Terraform.
    Block(Presence, &'static [Rule]),
    /// Blocks: a list in both.
    Repeated(&'static [Rule]),
    /// `maintenance_exclusion`: a list in Terraform, a map by name in the API.
    Exclusions(&'static [Rule]),
}

/// What a block says by being there.
#[derive(Clone, Copy, PartialEq)]
pub enum Presence {
    /// Nothing.
    Silent,
    /// Terraform has no switch: a block that is there is switched on, the API's `enabled`.
    Enabled,
    /// Switched on if this field of it is set.
    EnabledBy(&'static str),
    /// Other attributes write into the same object of the API.
    Shared,
}

/// What an attribute that Terraform's document does not hold means.
#[derive(Clone, Copy, PartialEq)]
pub enum Absent {
    /// Optional and computed: GKE chooses, so in a plan it is not known.
    Computed,
    /// Not computed: the field is not set.
    Unset,
    /// Not computed, with a default of the provider.
    Bool(bool),
    Text(&'static str),
}

use Absent::{Computed, Unset};
use Kind::{Block, Bool, Exclusions, Labels, Number, Repeated, Text, TextBool, Texts, VpcNative};
use Presence::{Enabled, EnabledBy, Shared, Silent};

const fn rule(tf: &'static str, api: &'static str, kind: Kind, absent: Absent) -> Rule {
    Rule { tf, api, kind, absent }
}

/// GKE chooses where it is not set.
const fn computed(tf: &'static str, api: &'static str, kind: Kind) -> Rule {
    rule(tf, api, kind, Computed)
}

/// Not set where it is not set.
const fn plain(tf: &'static str, api: &'static str, kind: Kind) -> Rule {
    rule(tf, api, kind, Unset)
}

/// A block with nothing but a switch of the same name.
const fn switch(tf: &'static str, api: &'static str, inner: &'static [Rule]) -> Rule {
    rule(tf, api, Block(Silent, inner), Computed)
}

const ENABLED: &[Rule] = &[computed("enabled", "enabled", Bool)];
const DISABLED: &[Rule] = &[computed("disabled", "disabled", Bool)];
const PORT: Rule = computed("insecure_kubelet_readonly_port_enabled", "insecureKubeletReadonlyPortEnabled", TextBool);

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

const PORT_OF_DEFAULTS: &str = "nodeKubeletConfig.insecureKubeletReadonlyPortEnabled";
const DISABLE: &[Rule] = &[computed("disabled", "disable", Bool)];
const CONFIDENTIAL: &[Rule] =
    &[computed("enabled", "enabled", Bool), computed("confidential_instance_type", "confidentialInstanceType", Text)];
const MANAGEMENT: &[Rule] =
    &[computed("auto_repair", "autoRepair", Bool), computed("auto_upgrade", "autoUpgrade", Bool)];
const SHIELDED: &[Rule] = &[
    computed("enable_secure_boot", "enableSecureBoot", Bool),
    computed("enable_integrity_monitoring", "enableIntegrityMonitoring", Bool),
];

/// `node_config` of a pool and of a cluster.
pub const NODE_CONFIG: &[Rule] = &[
    computed("service_account", "serviceAccount", Text),
    computed("oauth_scopes", "oauthScopes", Texts),
    computed("image_type", "imageType", Text),
    computed("machine_type", "machineType", Text),
    computed("metadata", "metadata", Labels),
    computed("workload_metadata_config", "workloadMetadataConfig", Block(Silent, &[plain("mode", "mode", Text)])),
    computed("shielded_instance_config", "shieldedInstanceConfig", Block(Silent, SHIELDED)),
    plain("boot_disk_kms_key", "bootDiskKmsKey", Text),
    plain("sandbox_config", "sandboxConfig", Block(Silent, &[plain("type", "type", Text)])),
    computed(
        "kubelet_config",
        "kubeletConfig",
        Block(
            Silent,
            &[
                PORT,
                computed("pod_pids_limit", "podPidsLimit", Number),
                computed("allowed_unsafe_sysctls", "allowedUnsafeSysctls", Texts),
            ],
        ),
    ),
    computed("confidential_nodes", "confidentialNodes", Block(Silent, CONFIDENTIAL)),
    computed(
        "taint",
        "taints",
        Repeated(&[plain("key", "key", Text), plain("value", "value", Text), plain("effect", "effect", Text)]),
    ),
    plain("tags", "tags", Texts),
    computed("labels", "labels", Labels),
    plain("resource_labels", "resourceLabels", Labels),
    computed(
        "guest_accelerator",
        "accelerators",
        Repeated(&[plain("type", "acceleratorType", Text), plain("count", "acceleratorCount", Number)]),
    ),
    computed("logging_variant", "loggingConfig.variantConfig.variant", Text),
    computed(
        "linux_node_config",
        "linuxNodeConfig",
        Block(Silent, &[plain("sysctls", "sysctls", Labels), computed("cgroup_mode", "cgroupMode", Text)]),
    ),
    computed(
        "containerd_config",
        "containerdConfig",
        Block(
            Silent,
            &[
                computed(
                    "private_registry_access_config",
                    "privateRegistryAccessConfig",
                    Block(Silent, &[plain("enabled", "enabled", Bool)]),
                ),
                computed("writable_cgroups", "writableCgroups", Block(Silent, ENABLED)),
            ],
        ),
    ),
    plain("spot", "spot", Bool),
    plain("preemptible", "preemptible", Bool),
    plain("gvnic", "gvnic", Block(Silent, &[plain("enabled", "enabled", Bool)])),
    computed("gcfs_config", "gcfsConfig", Block(Silent, ENABLED)),
];

/// `google_container_node_pool`, and `node_pool` of a cluster.
pub const NODE_POOL: &[Rule] = &[
    computed("name", "name", Text),
    computed("node_config", "config", Block(Silent, NODE_CONFIG)),
    computed("management", "management", Block(Silent, MANAGEMENT)),
    computed(
        "network_config",
        "networkConfig",
        Block(
            Silent,
            &[
                computed("enable_private_nodes", "enablePrivateNodes", Bool),
                computed("create_pod_range", "createPodRange", Bool),
                computed("pod_range", "podRange", Text),
                computed("pod_ipv4_cidr_block", "podIpv4CidrBlock", Text),
            ],
        ),
    ),
    plain(
        "autoscaling",
        "autoscaling",
        Block(
            Enabled,
            &[
                plain("min_node_count", "minNodeCount", Number),
                plain("max_node_count", "maxNodeCount", Number),
                plain("total_min_node_count", "totalMinNodeCount", Number),
                plain("total_max_node_count", "totalMaxNodeCount", Number),
                computed("location_policy", "locationPolicy", Text),
            ],
        ),
    ),
    computed("max_pods_per_node", "maxPodsConstraint.maxPodsPerNode", Number),
    computed(
        "upgrade_settings",
        "upgradeSettings",
        Block(
            Silent,
            &[
                plain("max_surge", "maxSurge", Number),
                plain("max_unavailable", "maxUnavailable", Number),
                plain("strategy", "strategy", Text),
            ],
        ),
    ),
    computed("version", "version", Text),
    computed("node_locations", "locations", Texts),
    computed("initial_node_count", "initialNodeCount", Number),
];

/// A field of the API that Terraform does not record, and of whose absence something would be concluded.
pub struct Unrecorded {
    /// Path in the API.
    pub api: &'static str,
    /// Whether the API has an object there.
    pub object: bool,
}

const fn unrecorded(api: &'static str) -> Unrecorded {
    Unrecorded { api, object: false }
}

const fn unrecorded_object(api: &'static str) -> Unrecorded {
    Unrecorded { api, object: true }
}

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

/// Of a node pool.
pub const NODE_POOL_UNRECORDED: &[Unrecorded] =
    &[unrecorded("status"), unrecorded("conditions"), unrecorded_object("maintenancePolicy")];

/// The attribute of a field of the API, such as `network_policy.enabled` of `networkPolicy.enabled`; for a field below or
/// above what the table knows, the nearest that holds it.
pub fn attribute_of(rules: &[Rule], path: &str) -> Option<String> {
    let mut best: Option<(usize, String)> = None;
    for rule in rules {
        let inner = match rule.api {
            "" => Some(path),
            api if api == path => Some(""),
            api => path.strip_prefix(api).and_then(|rest| rest.strip_prefix('.').or(rest.strip_prefix('['))),
        };
        let Some(inner) = inner else { continue };
        let deeper = match rule.kind {
            Block(_, rules) if !inner.is_empty() => attribute_of(rules, inner).map(|a| format!("{}.{a}", rule.tf)),
            _ => None,
        };
        // Another object that several blocks write into says nothing about a field that none of them has.
        let shared = matches!(rule.kind, Block(Shared, _));
        let found = match deeper {
            Some(deeper) => Some((path.len(), deeper)),
            None if shared && !inner.is_empty() => None,
            None => Some((rule.api.len(), rule.tf.to_owned())),
        };
        if let Some(found) = found
            && best.as_ref().is_none_or(|b| found.0 > b.0)
        {
            best = Some(found);
        }
    }
    best.map(|(_, attribute)| attribute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_their_attributes() {
        for (path, attribute) in [
            ("networkPolicy.enabled", "network_policy.enabled"),
            ("addonsConfig.networkPolicyConfig.disabled", "addons_config.network_policy_config.disabled"),
            ("addonsConfig.networkPolicyConfig", "addons_config.network_policy_config"),
            ("networkConfig.datapathProvider", "datapath_provider"),
            ("networkConfig.enableL4ilbSubsetting", "enable_l4_ilb_subsetting"),
            ("networkConfig.defaultEnablePrivateNodes", "private_cluster_config.enable_private_nodes"),
            ("ipAllocationPolicy.useIpAliases", "networking_mode"),
            ("ipAllocationPolicy.stackType", "ip_allocation_policy.stack_type"),
            ("masterAuthorizedNetworksConfig.cidrBlocks[0].cidrBlock", "master_authorized_networks_config.cidr_blocks"),
            ("masterAuthorizedNetworksConfig.enabled", "master_authorized_networks_config"),
            ("maintenancePolicy.window", "maintenance_policy"),
            ("shieldedNodes.enabled", "enable_shielded_nodes"),
        ] {
            assert_eq!(attribute_of(CLUSTER, path).as_deref(), Some(attribute), "{path}");
        }
        for path in ["status", "networkConfig.unheard", "ipAllocationPolicy.unheard"] {
            assert_eq!(attribute_of(CLUSTER, path), None, "{path}");
        }
        assert_eq!(
            attribute_of(NODE_POOL, "config.workloadMetadataConfig.mode").as_deref(),
            Some("node_config.workload_metadata_config.mode")
        );
    }
}
