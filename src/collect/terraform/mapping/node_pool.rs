//! `google_container_node_pool`, and the settings of nodes wherever they are.

use super::Kind::{Block, Bool, Labels, Number, Repeated, Text, Texts};
use super::Presence::{Enabled, Silent};
use super::*;

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

/// Of a node pool.
pub const NODE_POOL_UNRECORDED: &[Unrecorded] =
    &[unrecorded("status"), unrecorded("conditions"), unrecorded_object("maintenancePolicy")];
