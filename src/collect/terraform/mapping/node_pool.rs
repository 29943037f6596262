//! `google_container_node_pool`, and the settings of nodes wherever they are.

use super::{ENABLED, Rule, rules};

/// `google_container_node_pool`, and `node_pool` of a cluster.
pub(crate) const NODE_POOL: &[Rule] = rules! {
    computed name: Text,
    computed node_config ["config"]: Block(NODE_CONFIG),
    computed management: Block(MANAGEMENT),
    computed network_config: Block {
        computed enable_private_nodes: Bool,
        computed create_pod_range: Bool,
        computed pod_range: Text,
        computed pod_ipv4_cidr_block: Text,
    },
    unset autoscaling: Enabled {
        unset min_node_count: Number,
        unset max_node_count: Number,
        unset total_min_node_count: Number,
        unset total_max_node_count: Number,
        computed location_policy: Text,
    },
    computed max_pods_per_node ["maxPodsConstraint."]: Number,
    computed upgrade_settings: Block {
        unset max_surge: Number,
        unset max_unavailable: Number,
        unset strategy: Text,
    },
    computed version: Text,
    computed node_locations ["locations"]: Texts,
    computed initial_node_count: Number,
};

/// `node_config` of a pool and of a cluster.
pub(crate) const NODE_CONFIG: &[Rule] = rules! {
    computed service_account: Text,
    computed oauth_scopes: Texts,
    computed image_type: Text,
    computed machine_type: Text,
    computed metadata: Labels,
    computed workload_metadata_config: Block {
        unset mode: Text,
        // Until version 3 of the provider, and in Config Connector.
        unset node_metadata ["mode"]: Words(NODE_METADATA),
    },
    computed shielded_instance_config: Block(SHIELDED),
    unset boot_disk_kms_key: Text,
    unset sandbox_config: Block { unset type: Text, unset sandbox_type ["type"]: Words(SANDBOX) },
    computed kubelet_config: Block {
        computed insecure_kubelet_readonly_port_enabled: TextBool,
        computed pod_pids_limit: Number,
        computed allowed_unsafe_sysctls: Texts,
    },
    computed confidential_nodes: Block(CONFIDENTIAL),
    computed taint ["taints"]: Repeated {
        unset key: Text,
        unset value: Text,
        unset effect: Text,
    },
    unset tags: Texts,
    computed labels: Labels,
    unset resource_labels: Labels,
    computed guest_accelerator ["accelerators"]: Repeated {
        unset type ["acceleratorType"]: Text,
        unset count ["acceleratorCount"]: Number,
    },
    computed logging_variant ["loggingConfig.variantConfig.variant"]: Text,
    computed linux_node_config: Block { unset sysctls: Labels, computed cgroup_mode: Text },
    computed containerd_config: Block {
        computed private_registry_access_config: Block { unset enabled: Bool },
        computed writable_cgroups: Block(ENABLED),
    },
    unset spot: Bool,
    unset preemptible: Bool,
    unset gvnic: Block { unset enabled: Bool },
    computed gcfs_config: Block(ENABLED),
};

/// `node_metadata`, the earlier form of `mode`
/// (<https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1beta1/NodeConfig#NodeMetadata>).
const NODE_METADATA: &[(&str, &str)] = &[
    ("UNSPECIFIED", "MODE_UNSPECIFIED"),
    ("SECURE", "GCE_METADATA"),
    ("EXPOSE", "GCE_METADATA"),
    ("GKE_METADATA_SERVER", "GKE_METADATA"),
];

/// `sandbox_type`.
const SANDBOX: &[(&str, &str)] = &[("gvisor", "GVISOR")];

/// `management`.
pub(super) const MANAGEMENT: &[Rule] = rules! {
    computed auto_repair: Bool,
    computed auto_upgrade: Bool,
};

/// `shielded_instance_config`.
pub(super) const SHIELDED: &[Rule] = rules! {
    computed enable_secure_boot: Bool,
    computed enable_integrity_monitoring: Bool,
};

/// `confidential_nodes`.
pub(super) const CONFIDENTIAL: &[Rule] = rules! {
    computed enabled: Bool,
    computed confidential_instance_type: Text,
};
