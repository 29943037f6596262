//! Documents in the shapes in which Terraform prints the google provider's resources, written by hand.
#![allow(dead_code)]

use serde_json::{Value, json};

pub(crate) const ADDRESS: &str = "module.gke.google_container_cluster.this";
pub(crate) const POOL: &str = "module.gke.google_container_node_pool.general";

fn ca_certificate() -> Value {
    let text = include_str!("../../examples/tomoda/cluster.json");
    serde_json::from_str::<Value>(text).unwrap()["masterAuth"]["clusterCaCertificate"].clone()
}

/// The attributes of the cluster of `examples/tomoda/cluster.json`, as a state has them.
pub(crate) fn cluster() -> Value {
    json!({
        "id": "projects/development-485000/locations/asia-east1-a/clusters/gke-tomoda",
        "self_link": "https://container.googleapis.com/v1/projects/development-485000/zones/asia-east1-a/clusters/gke-tomoda",
        "name": "gke-tomoda", "project": "development-485000", "location": "asia-east1-a", "description": "",
        "endpoint": "203.0.113.10",
        "private_cluster_config": [{
            "enable_private_nodes": true, "enable_private_endpoint": false, "master_ipv4_cidr_block": "",
            "private_endpoint_subnetwork": "", "master_global_access_config": [{"enabled": false}],
            "private_endpoint": "10.10.0.2", "public_endpoint": "203.0.113.10", "peering_name": "",
        }],
        "control_plane_endpoints_config": [{
            "dns_endpoint_config": [{
                "endpoint": "gke-00000000000000000000000000000000000a-000000000000.asia-east1-a.gke.goog",
                "allow_external_traffic": false, "enable_k8s_tokens_via_dns": false, "enable_k8s_certs_via_dns": false,
            }],
            "ip_endpoints_config": [{"enabled": true}],
        }],
        "master_authorized_networks_config": [{
            "cidr_blocks": [{"cidr_block": "203.0.113.0/24", "display_name": "office"}],
            "gcp_public_cidrs_access_enabled": false, "private_endpoint_enforcement_enabled": false,
        }],
        "master_auth": [{
            "client_certificate": "", "client_key": "CANARY-client-key",
            "client_certificate_config": [{"issue_client_certificate": false}],
            "cluster_ca_certificate": ca_certificate(),
        }],
        "enable_legacy_abac": false,
        "authenticator_groups_config": [],
        "anonymous_authentication_config": [{"mode": "ENABLED"}],
        "rbac_binding_config": [{
            "enable_insecure_binding_system_authenticated": true,
            "enable_insecure_binding_system_unauthenticated": true,
        }],
        "identity_service_config": [],
        "workload_identity_config": [{"workload_pool": "development-485000.svc.id.goog"}],
        "mesh_certificates": [], "enable_autopilot": false, "allow_net_admin": null,
        "autopilot_privileged_admission": [], "autopilot_cluster_policy_config": [],
        "enable_kubernetes_alpha": false, "enable_k8s_beta_apis": [],
        "network_policy": [{"enabled": true, "provider": "CALICO"}],
        "datapath_provider": "", "enable_fqdn_network_policy": false,
        "enable_cilium_clusterwide_network_policy": false, "enable_intranode_visibility": false,
        "enable_l4_ilb_subsetting": false, "disable_l4_lb_firewall_reconciliation": false,
        "enable_multi_networking": false, "private_ipv6_google_access": "", "in_transit_encryption_config": "",
        "default_snat_status": [{"disabled": false}], "service_external_ips_config": [{"enabled": false}],
        "gateway_api_config": [], "dns_config": [],
        "ip_allocation_policy": [{
            "cluster_secondary_range_name": "tomoda-pods", "services_secondary_range_name": "tomoda-services",
            "cluster_ipv4_cidr_block": "10.20.0.0/16", "services_ipv4_cidr_block": "10.30.0.0/20",
            "stack_type": "IPV4", "pod_cidr_overprovision_config": [{"disabled": false}],
            "additional_pod_ranges_config": [],
        }],
        "networking_mode": "VPC_NATIVE", "cluster_ipv4_cidr": "10.20.0.0/16", "services_ipv4_cidr": "10.30.0.0/20",
        "network": "projects/development-485000/global/networks/tomoda",
        "subnetwork": "projects/development-485000/regions/asia-east1/subnetworks/tomoda-asia-east1",
        "node_locations": [],
        "addons_config": [{
            "network_policy_config": [{"disabled": false}], "http_load_balancing": [],
            "horizontal_pod_autoscaling": [], "dns_cache_config": [{"enabled": false}],
            "gce_persistent_disk_csi_driver_config": [{"enabled": true}], "gcp_filestore_csi_driver_config": [],
            "gcs_fuse_csi_driver_config": [], "gke_backup_agent_config": [], "config_connector_config": [],
            "stateful_ha_config": [], "ray_operator_config": [], "cloudrun_config": [],
        }],
        "database_encryption": [{"state": "DECRYPTED", "key_name": ""}],
        "user_managed_keys_config": [], "binary_authorization": [],
        "enable_shielded_nodes": true, "confidential_nodes": [],
        "security_posture_config": [{"mode": "BASIC", "vulnerability_mode": "VULNERABILITY_MODE_UNSPECIFIED"}],
        "secret_manager_config": [], "secret_sync_config": [],
        "release_channel": [{"channel": "REGULAR"}], "gke_auto_upgrade_config": [],
        "min_master_version": null, "master_version": "1.33.4-gke.1350000", "node_version": "1.33.4-gke.1350000",
        "maintenance_policy": [{
            "daily_maintenance_window": [{"start_time": "18:00", "duration": "PT4H0M0S"}],
            "recurring_window": [], "maintenance_exclusion": [],
        }],
        "logging_config": [{"enable_components": ["SYSTEM_COMPONENTS", "WORKLOADS"]}],
        "logging_service": "logging.googleapis.com/kubernetes",
        "monitoring_service": "monitoring.googleapis.com/kubernetes",
        "monitoring_config": [{
            "enable_components": ["SYSTEM_COMPONENTS"], "managed_prometheus": [],
            "advanced_datapath_observability_config": [{"enable_metrics": false, "enable_relay": false}],
        }],
        "notification_config": [{"pubsub": [{"enabled": false, "topic": "", "filter": []}]}],
        "cost_management_config": [], "vertical_pod_autoscaling": [], "fleet": [], "resource_labels": {},
        "cluster_autoscaling": [{
            "enabled": false, "autoscaling_profile": "BALANCED", "auto_provisioning_locations": [],
            "auto_provisioning_defaults": [],
        }],
        "node_pool_defaults": [{"node_config_defaults": [{
            "insecure_kubelet_readonly_port_enabled": "FALSE", "logging_variant": "DEFAULT",
        }]}],
        "node_pool_auto_config": [{
            "node_kubelet_config": [{"insecure_kubelet_readonly_port_enabled": "FALSE"}],
            "network_tags": [], "resource_manager_tags": {},
        }],
        "node_config": [node_config()],
        "node_pool": [pool_block()],
        "remove_default_node_pool": true, "deletion_protection": true, "initial_node_count": 1,
    })
}

fn node_config() -> Value {
    json!({
        "service_account": "gke-nodes@development-485000.iam.gserviceaccount.com",
        "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"],
        "image_type": "COS_CONTAINERD", "machine_type": "e2-standard-4",
        "metadata": {"disable-legacy-endpoints": "true"},
        "workload_metadata_config": [{"mode": "GKE_METADATA"}],
        "shielded_instance_config": [{"enable_secure_boot": true, "enable_integrity_monitoring": true}],
        "boot_disk_kms_key": "", "sandbox_config": [],
        "kubelet_config": [{
            "insecure_kubelet_readonly_port_enabled": "FALSE", "pod_pids_limit": 0, "allowed_unsafe_sysctls": [],
        }],
        "confidential_nodes": [], "taint": [], "tags": [], "labels": {},
        "resource_labels": {"goog-gke-node-pool-provisioning-model": "on-demand"},
        "guest_accelerator": [], "logging_variant": "DEFAULT", "linux_node_config": [], "containerd_config": [],
        "spot": false, "preemptible": false, "gvnic": [], "gcfs_config": [],
    })
}

fn pool_block() -> Value {
    json!({
        "name": "general", "node_config": [node_config()],
        "management": [{"auto_repair": true, "auto_upgrade": true}],
        "network_config": [{
            "enable_private_nodes": true, "create_pod_range": false, "pod_range": "tomoda-pods",
            "pod_ipv4_cidr_block": "10.20.0.0/16",
        }],
        "autoscaling": [], "max_pods_per_node": 110,
        "upgrade_settings": [{"max_surge": 1, "max_unavailable": 0, "strategy": "SURGE"}],
        "version": "1.33.4-gke.1350000", "node_locations": ["asia-east1-a"], "initial_node_count": 3,
    })
}

/// The pool as a resource of its own.
pub(crate) fn pool() -> Value {
    let mut pool = pool_block();
    let cluster = json!({"cluster": "gke-tomoda", "location": "asia-east1-a", "project": "development-485000"});
    pool.as_object_mut().unwrap().extend(cluster.as_object().unwrap().clone());
    pool
}

/// A resource in `values`.
pub(crate) fn resource(address: &str, values: Value) -> Value {
    let (kind, name) = kind_and_name(address);
    json!({
        "address": address, "mode": "managed", "type": kind, "name": name, "schema_version": 2,
        "provider_name": "registry.terraform.io/hashicorp/google", "values": values, "sensitive_values": {},
    })
}

fn kind_and_name(address: &str) -> (String, String) {
    let mut rest = address;
    while let Some(after) = rest.strip_prefix("module.") {
        let end = after.find("].").map_or_else(|| after.find('.').unwrap(), |e| e + 1);
        rest = &after[end + 1..];
    }
    let rest = rest.split('[').next().unwrap();
    let (kind, name) = rest.split_once('.').unwrap();
    (kind.to_owned(), name.to_owned())
}

/// `terraform show -json` of a state with these resources, all in one module.
pub(crate) fn state(resources: Vec<Value>) -> Value {
    json!({
        "format_version": "1.0", "terraform_version": "1.11.4",
        "values": {"root_module": {"child_modules": [{"address": "module.gke", "resources": resources}]}},
    })
}

/// The state of the cluster and its pool.
pub(crate) fn tomoda() -> Value {
    state(vec![resource(ADDRESS, cluster()), resource(POOL, pool())])
}

/// One entry of `resource_changes`.
pub(crate) fn change(address: &str, actions: &[&str], after: Value, unknown: Value) -> Value {
    let (kind, name) = kind_and_name(address);
    let (before, after) = if actions == ["delete"] { (after, Value::Null) } else { (Value::Null, after) };
    json!({
        "address": address, "mode": "managed", "type": kind, "name": name,
        "provider_name": "registry.terraform.io/hashicorp/google-beta",
        "change": {"actions": actions, "before": before, "after": after, "after_unknown": unknown,
                   "before_sensitive": {}, "after_sensitive": {}},
    })
}

pub(crate) fn plan(changes: Vec<Value>) -> Value {
    json!({
        "format_version": "1.2", "terraform_version": "1.11.4", "planned_values": {"root_module": {}},
        "resource_changes": changes, "configuration": {"root_module": {}}, "applyable": true, "errored": false,
    })
}

/// A state file.
pub(crate) fn raw(cluster: Value) -> Value {
    json!({
        "version": 4, "terraform_version": "1.11.4", "serial": 7, "lineage": "x", "outputs": {},
        "resources": [{
            "module": "module.gke[\"eu\"]", "mode": "managed", "type": "google_container_cluster", "name": "this",
            "provider": "provider[\"registry.terraform.io/hashicorp/google\"]",
            "instances": [{"index_key": 0, "schema_version": 2, "attributes": cluster, "sensitive_attributes": [
                [{"type": "get_attr", "value": "master_auth"}, {"type": "index", "value": {"value": 0, "type": "number"}},
                 {"type": "get_attr", "value": "cluster_ca_certificate"}],
            ]}],
        }],
        "check_results": null,
    })
}
