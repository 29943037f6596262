//! Config Connector's ContainerCluster and ContainerNodePool, whose `spec` has the attributes of Terraform's provider in
//! camel case, with objects for its blocks of one and references for names:
//! <https://cloud.google.com/config-connector/docs/reference/resource-docs/container/containercluster>.

use serde_json::{Map, Value, json};

use super::cluster::{self, CLUSTER_TYPE, Cluster, POOL_TYPE};
use super::document::{Document, Form, Resource};
use super::mapping::{CLUSTER, Kind, NODE_POOL, Rule};

/// Terraform's attributes that are references here.
const REFERENCES: [(&str, &str); 7] = [
    ("network", "networkRef"),
    ("subnetwork", "subnetworkRef"),
    ("private_endpoint_subnetwork", "privateEndpointSubnetworkRef"),
    ("service_account", "serviceAccountRef"),
    ("boot_disk_kms_key", "bootDiskKMSCryptoKeyRef"),
    ("boot_disk_kms_key", "bootDiskKMSKeyRef"),
    ("topic", "topicRef"),
];

/// The clusters that these objects describe, with their node pools.
pub fn clusters(objects: &[Value]) -> Vec<Cluster> {
    let resources = objects.iter().map(resource).collect();
    let document = Document { form: Form::Spec, resources, configuration: Value::Null };
    let found = cluster::clusters(&document);
    if found.is_empty() { cluster::clusters_of_pools(&document) } else { found }
}

fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer).and_then(Value::as_str).filter(|s| !s.is_empty())
}

fn resource(object: &Value) -> Resource {
    let is_cluster = text(object, "/kind") == Some("ContainerCluster");
    let (kind, rules) = if is_cluster { (CLUSTER_TYPE, CLUSTER) } else { (POOL_TYPE, NODE_POOL) };
    let spec = object.get("spec").unwrap_or(&Value::Null);
    let mut values = attributes(rules, spec);
    let own = text(object, "/metadata/name").unwrap_or_default();
    let annotation = |key: &str| object.pointer("/metadata/annotations").and_then(|a| a.get(key)?.as_str());
    let name = text(spec, "/resourceID").unwrap_or(own);
    values.insert("name".to_owned(), json!(name));
    let project = annotation("cnrm.cloud.google.com/project-id").or(text(spec, "/projectRef/external"));
    for (key, value) in [("location", text(spec, "/location")), ("project", project)] {
        if let Some(value) = value {
            values.insert(key.to_owned(), json!(value));
        }
    }
    if is_cluster {
        // Config Connector makes labels of the object labels of the cluster.
        if let Some(labels) = object.pointer("/metadata/labels") {
            values.insert("resource_labels".to_owned(), labels.clone());
        }
        let removed = annotation("cnrm.cloud.google.com/remove-default-node-pool") == Some("true");
        values.insert("remove_default_node_pool".to_owned(), json!(removed));
    } else if let Some(cluster) = spec.get("clusterRef").and_then(referred) {
        values.insert("cluster".to_owned(), json!(cluster));
    }
    Resource {
        address: format!("{}/{own}", text(object, "/kind").unwrap_or_default()),
        name: own.to_owned(),
        values: Value::Object(values),
        created: true,
        defaults_apply: spec.is_object(),
        ..Resource::unnamed(kind)
    }
}

/// What a reference names.
fn referred(reference: &Value) -> Option<&str> {
    text(reference, "/external").or(text(reference, "/name"))
}

/// The field of an attribute, whatever its capitals: `enable_l4_ilb_subsetting` is `enableL4IlbSubsetting`.
fn field<'a>(spec: &'a Value, attribute: &str) -> Option<&'a Value> {
    let wanted = attribute.replace('_', "");
    spec.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(&wanted)).map(|(_, v)| v)
}

/// An object of the spec as Terraform has it.
fn attributes(rules: &[Rule], spec: &Value) -> Map<String, Value> {
    let mut found = Map::new();
    for rule in rules {
        let reference = || {
            let mut keys = REFERENCES.iter().filter(|(attribute, _)| *attribute == rule.attribute);
            // One that cannot be read is no text, which the table of attributes refuses.
            keys.find_map(|(_, key)| spec.get(*key)).map(|r| referred(r).map_or_else(|| r.clone(), Value::from))
        };
        let Some(value) = field(spec, rule.attribute).cloned().or_else(reference) else { continue };
        let value = match (rule.kind, value) {
            (Kind::Block(_, inner), value @ Value::Object(_)) => json!([attributes(inner, &value)]),
            (Kind::Repeated(inner) | Kind::Exclusions(inner), Value::Array(items)) => {
                items.iter().map(|item| member(rule, inner, item)).collect()
            }
            (_, value) => value,
        };
        // Several rules may read one attribute.
        match (found.get_mut(rule.attribute), value) {
            (Some(Value::Array(earlier)), Value::Array(more)) if matches!(rule.kind, Kind::Block(..)) => {
                if let (Some(Value::Object(earlier)), Some(Value::Object(more))) = (earlier.first_mut(), more.first()) {
                    earlier.extend(more.clone());
                }
            }
            (_, value) => {
                found.insert(rule.attribute.to_owned(), value);
            }
        }
    }
    found
}

fn member(rule: &Rule, inner: &[Rule], item: &Value) -> Value {
    if !item.is_object() {
        return item.clone();
    }
    let mut member = attributes(inner, item);
    if let (Kind::Exclusions(_), Some(name)) = (rule.kind, field(item, "exclusion_name")) {
        member.insert("exclusion_name".to_owned(), name.clone());
    }
    Value::Object(member)
}
