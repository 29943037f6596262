//! Which attribute of Terraform's `google_container_cluster` and `google_container_node_pool` is which field of the GKE
//! API, as data.
//!
//! Source: the provider's `resource_container_cluster` and `resource_container_node_pool`
//! (<https://github.com/GoogleCloudPlatform/magic-modules>). The API's name is the attribute's in camel case, except where
//! the table states another.

mod cluster;
mod node_pool;

use std::borrow::Cow;

use crate::document::path::join;
use crate::document::{Fields, Recorded, Unavailable};

use super::super::gke::camel_case;

pub(super) use cluster::CLUSTER;
pub(crate) use cluster::RECORDED_ELSEWHERE;
pub(super) use node_pool::{NODE_CONFIG, NODE_POOL};

/// One attribute or block.
pub struct Rule {
    /// Name in Terraform.
    pub attribute: &'static str,
    /// Path in the API from the object that the enclosing block is, if it is not the attribute's name in camel case. A path
    /// that ends in a dot is that of an object which has a field of that name.
    pub field: Option<&'static str>,
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
    /// One of these words; the API has the second of each pair.
    Words(&'static [(&'static str, &'static str)]),
    /// Texts, of which an only one that is empty means that the list is there and has none.
    Allowlist,
    /// A list or set of texts.
    Texts,
    /// A map whose keys users choose.
    Labels,
    /// A block: a list of at most one in Terraform.
    Block(Presence, &'static [Rule]),
    /// Blocks: a list in both.
    Repeated(&'static [Rule]),
    /// `maintenance_exclusion`: a list in Terraform, a map by name in the API.
    Exclusions(&'static [Rule]),
}

/// What the presence of a block means.
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
    /// Optional and computed: GKE chooses, so a plan does not know it.
    Computed,
    /// Not computed: the field is not set.
    Unset,
    /// Not computed, with a default of the provider.
    Bool(bool),
    Text(&'static str),
}

/// A table of attributes, one a row: `computed`, `unset`, `on`, `off` or `default("…")` is what an absent attribute means,
/// then the attribute, `["…"]` for a field of another name, and the kind.
macro_rules! rules {
    ($( $absent:ident $(($default:literal))? $attribute:ident $([$field:literal])? : $kind:ident $(($argument:expr))?
        $({ $($inner:tt)* })? ),* $(,)?) => {
        &[$( $crate::collect::terraform::mapping::Rule {
            attribute: stringify!($attribute),
            field: rules!(@field $($field)?),
            kind: rules!(@kind $kind $(($argument))? $({ $($inner)* })?),
            absent: rules!(@absent $absent $($default)?),
        } ),*]
    };
    (@field) => { None };
    (@field $field:literal) => { Some($field) };
    (@kind Block $inner:tt) => { rules!(@block Silent, $inner) };
    (@kind Shared $inner:tt) => { rules!(@block Shared, $inner) };
    (@kind Enabled $inner:tt) => { rules!(@block Enabled, $inner) };
    (@kind EnabledBy ($field:expr) $inner:tt) => { rules!(@block EnabledBy($field), $inner) };
    (@kind $list:ident { $($inner:tt)* }) => {
        $crate::collect::terraform::mapping::Kind::$list(rules! { $($inner)* })
    };
    (@kind Words ($words:expr)) => { $crate::collect::terraform::mapping::Kind::Words($words) };
    (@kind $leaf:ident) => { $crate::collect::terraform::mapping::Kind::$leaf };
    (@block $presence:ident $(($field:expr))?, ($inner:expr)) => {
        $crate::collect::terraform::mapping::Kind::Block(
            $crate::collect::terraform::mapping::Presence::$presence $(($field))?, $inner)
    };
    (@block $presence:ident $(($field:expr))?, { $($inner:tt)* }) => {
        rules!(@block $presence $(($field))?, (rules! { $($inner)* }))
    };
    (@absent computed) => { $crate::collect::terraform::mapping::Absent::Computed };
    (@absent unset) => { $crate::collect::terraform::mapping::Absent::Unset };
    (@absent on) => { $crate::collect::terraform::mapping::Absent::Bool(true) };
    (@absent off) => { $crate::collect::terraform::mapping::Absent::Bool(false) };
    (@absent default $text:literal) => { $crate::collect::terraform::mapping::Absent::Text($text) };
}
pub(super) use rules;

const ENABLED: &[Rule] = rules! { computed enabled: Bool };
const DISABLED: &[Rule] = rules! { computed disabled: Bool };

impl Rule {
    /// Path of the field in the API, from the object that the enclosing block is.
    pub fn path(&self) -> Cow<'static, str> {
        match self.field {
            Some(object) if object.ends_with('.') => format!("{object}{}", camel_case(self.attribute)).into(),
            Some(field) => field.into(),
            None => camel_case(self.attribute).into(),
        }
    }
}

/// The fields of a Cluster resource that are in the table: what else it has, Terraform does not record. `otherwise`: why
/// another field is not known.
pub(super) fn recorded(otherwise: Unavailable) -> Recorded {
    let mut fields = Fields::default();
    insert(&mut fields, CLUSTER);
    insert(fields.insert("nodePools"), NODE_POOL);
    for path in RECORDED_ELSEWHERE {
        fields.insert(path);
    }
    Recorded { otherwise, fields }
}

fn insert(fields: &mut Fields, rules: &[Rule]) {
    for rule in rules {
        match rule.kind {
            Kind::Block(presence, inner) => {
                let block = fields.insert(&rule.path());
                insert(block, inner);
                if matches!(presence, Presence::Enabled | Presence::EnabledBy(_)) {
                    block.insert("enabled");
                }
            }
            Kind::Repeated(inner) => insert(fields.insert(&rule.path()), inner),
            Kind::Exclusions(inner) => insert(fields.insert_map(&rule.path()), inner),
            Kind::Labels => drop(fields.insert_map(&rule.path())),
            _ => drop(fields.insert(&rule.path())),
        }
    }
}

/// The attribute of a field of the API, such as `network_policy.enabled` of `networkPolicy.enabled`; for a field below or
/// above what the table knows, the nearest that holds it.
pub(super) fn attribute_of(rules: &[Rule], path: &str) -> Option<String> {
    let mut best: Option<(usize, String)> = None;
    for rule in rules {
        let field = rule.path();
        let below = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
        let Some(inner) = path.strip_prefix(&*field).filter(|rest| below(rest)) else { continue };
        let inner = inner.strip_prefix('.').unwrap_or(inner);
        let deeper = match rule.kind {
            Kind::Block(_, rules) if !inner.is_empty() => attribute_of(rules, inner),
            _ => None,
        };
        // An object that several blocks write into is not the place of a field that none of them has.
        let shared = matches!(rule.kind, Kind::Block(Presence::Shared, _));
        let found = match deeper {
            Some(deeper) => (path.len(), join(rule.attribute, &deeper)),
            None if shared && !inner.is_empty() => continue,
            None => (field.len(), rule.attribute.to_owned()),
        };
        if best.as_ref().is_none_or(|b| found.0 > b.0) {
            best = Some(found);
        }
    }
    best.map(|(_, attribute)| attribute)
}

/// A Cluster resource as the mapper writes it of a document in which every attribute of the table is set. A map has the key
/// `*`.
#[cfg(test)]
pub(crate) fn full_cluster() -> serde_json::Value {
    let mut cluster = tests::mapped(CLUSTER);
    cluster["nodePools"] = serde_json::json!([tests::mapped(NODE_POOL)]);
    cluster
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::terraform::apply::Mapper;
    use crate::collect::terraform::document::{Form, Resource};
    use serde_json::{Map, Value, json};

    /// A resource in which every attribute is set.
    fn full(rules: &[Rule]) -> Map<String, Value> {
        let mut attributes = Map::new();
        for rule in rules {
            let value = match rule.kind {
                Kind::Bool => json!(true),
                Kind::Text => json!("x"),
                Kind::TextBool => json!("TRUE"),
                Kind::VpcNative => json!("VPC_NATIVE"),
                Kind::Number => json!(1),
                Kind::Words(words) => json!(words[0].0),
                Kind::Texts | Kind::Allowlist => json!(["x"]),
                Kind::Labels => json!({"*": "x"}),
                Kind::Block(_, inner) | Kind::Repeated(inner) => json!([full(inner)]),
                Kind::Exclusions(inner) => {
                    let mut exclusion = full(inner);
                    exclusion.insert("exclusion_name".to_owned(), json!("*"));
                    json!([exclusion])
                }
            };
            // Two rows may read one block.
            match (attributes.get_mut(rule.attribute), &value[0]) {
                (Some(Value::Array(earlier)), Value::Object(more)) => {
                    earlier[0].as_object_mut().unwrap().extend(more.clone());
                }
                _ => drop(attributes.insert(rule.attribute.to_owned(), value)),
            }
        }
        attributes
    }

    pub(super) fn mapped(rules: &[Rule]) -> Value {
        let values = Value::Object(full(rules));
        let resource = Resource { values: values.clone(), ..Resource::unnamed("") };
        Value::Object(Mapper::new(Form::State, &resource).map(rules, &values, &Value::Null))
    }

    fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(key, v)| leaves(v, &join(path, key), found)),
            Value::Array(items) if items[0].is_object() => items.iter().for_each(|v| leaves(v, path, found)),
            _ => found.push(path.to_owned()),
        }
    }

    #[test]
    fn the_recorded_fields_are_those_that_the_mapper_writes() {
        let mut written = Vec::new();
        leaves(&full_cluster(), "", &mut written);
        assert!(written.len() > 200, "{}", written.len());
        written.extend(RECORDED_ELSEWHERE.map(str::to_owned));
        written.sort();
        written.dedup();
        let mut recorded = recorded(Unavailable::NotRecorded).fields.leaves();
        recorded.sort();
        assert_eq!(recorded, written);
        for path in RECORDED_ELSEWHERE {
            assert!(
                full_cluster().pointer(&format!("/{}", path.replace('.', "/"))).is_none(),
                "{path} is in the table"
            );
        }
    }

    #[test]
    fn names_are_derived_unless_the_table_states_another() {
        let path = |attribute: &str, field: Option<&'static str>| {
            let find = |rules: &'static [Rule]| rules.iter().find(|r| r.attribute == attribute && r.field == field);
            find(CLUSTER).or_else(|| find(NODE_POOL)).unwrap().path().into_owned()
        };
        assert_eq!(path("release_channel", None), "releaseChannel");
        assert_eq!(path("datapath_provider", Some("networkConfig.")), "networkConfig.datapathProvider");
        assert_eq!(path("node_locations", Some("locations")), "locations");
    }

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
