//! Which attribute of Terraform's `google_container_cluster` and `google_container_node_pool` is which field of the GKE
//! API, as data. Source: the provider's `resource_container_cluster` and `resource_container_node_pool`
//! (<https://github.com/GoogleCloudPlatform/magic-modules>); names differ where the table says so, nowhere else.

mod cluster;
mod node_pool;

pub use cluster::{CLUSTER, CLUSTER_UNRECORDED};
pub use node_pool::{NODE_CONFIG, NODE_POOL, NODE_POOL_UNRECORDED};

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
use Kind::{Block, Bool, Text, TextBool};
use Presence::{Shared, Silent};

pub const fn rule(tf: &'static str, api: &'static str, kind: Kind, absent: Absent) -> Rule {
    Rule { tf, api, kind, absent }
}

/// GKE chooses where it is not set.
pub const fn computed(tf: &'static str, api: &'static str, kind: Kind) -> Rule {
    rule(tf, api, kind, Computed)
}

/// Not set where it is not set.
pub const fn plain(tf: &'static str, api: &'static str, kind: Kind) -> Rule {
    rule(tf, api, kind, Unset)
}

/// A block with nothing but a switch of the same name.
pub const fn switch(tf: &'static str, api: &'static str, inner: &'static [Rule]) -> Rule {
    rule(tf, api, Block(Silent, inner), Computed)
}

const ENABLED: &[Rule] = &[computed("enabled", "enabled", Bool)];
const DISABLED: &[Rule] = &[computed("disabled", "disabled", Bool)];
const PORT: Rule = computed("insecure_kubelet_readonly_port_enabled", "insecureKubeletReadonlyPortEnabled", TextBool);
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

/// A field of the API that Terraform does not record, and of whose absence something would be concluded.
pub struct Unrecorded {
    /// Path in the API.
    pub api: &'static str,
    /// Whether the API has an object there.
    pub object: bool,
}

pub const fn unrecorded(api: &'static str) -> Unrecorded {
    Unrecorded { api, object: false }
}

pub const fn unrecorded_object(api: &'static str) -> Unrecorded {
    Unrecorded { api, object: true }
}

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
