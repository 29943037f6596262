//! `google_container_cluster` and its `google_container_node_pool`s as the Cluster resource of the GKE API.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::document::path::join;
use crate::document::{Fields, Recorded, Unavailable};
use crate::inventory::{ClusterName, Creation};

use super::apply::{Mapper, Written};
use super::defaults::{self, Created};
use super::document::{Document, Form, Resource};
use super::mapping::{CLUSTER, Kind, NODE_CONFIG, NODE_POOL, Rule, attribute_of, recorded, rules};

/// A cluster of a document, in the API's form.
pub struct Cluster {
    /// Terraform's address of it.
    pub address: String,
    /// The Cluster resource of the GKE API; fields that the document does not have are absent or marked as unavailable.
    pub config: Value,
    /// The fields of it that such a document records.
    pub recorded: Recorded,
    /// The defaults with which GKE creates it, or node pools of it.
    pub creation: Option<Creation>,
    /// Whether only its node pools are described.
    pub pools_only: bool,
    /// Addresses by subject: `cluster`, `nodePool/NAME`.
    pub addresses: BTreeMap<String, String>,
    /// What of it is written in Terraform, by subject.
    pub written: BTreeMap<String, Vec<Written>>,
}

impl Cluster {
    /// The full name, as far as the document has it.
    pub fn name(&self) -> Option<ClusterName> {
        let text = |key: &str| self.config.get(key).and_then(Value::as_str);
        text("selfLink").and_then(ClusterName::parse)
    }

    /// Name as people give it; the address where it is not known.
    pub fn short_name(&self) -> &str {
        self.config.get("name").and_then(Value::as_str).unwrap_or(&self.address)
    }
}

pub(super) const CLUSTER_TYPE: &str = "google_container_cluster";
pub(super) const POOL_TYPE: &str = "google_container_node_pool";

/// All clusters of a document. Those of data sources only where Terraform manages none.
pub(super) fn clusters(document: &Document) -> Vec<Cluster> {
    let of_kind = |data: bool| -> Vec<&Resource> {
        document.resources.iter().filter(|r| r.kind == CLUSTER_TYPE && r.data == data && !r.deleted).collect()
    };
    let mut found = of_kind(false);
    if found.is_empty() {
        found = of_kind(true);
    }
    let pools: Vec<&Resource> = document.resources.iter().filter(|r| r.kind == POOL_TYPE && !r.data).collect();
    found.iter().map(|r| cluster(document, r, found.len(), &pools)).collect()
}

/// The clusters of which a document describes only node pools, each with its pools.
pub(super) fn clusters_of_pools(document: &Document) -> Vec<Cluster> {
    let pools: Vec<&Resource> = document.resources.iter().filter(|r| r.kind == POOL_TYPE && !r.data).collect();
    let present = pools.iter().filter(|pool| !pool.deleted);
    let named: BTreeSet<Option<&str>> = present.map(|pool| text(pool, "cluster")).collect();
    let of = |name: Option<&str>| {
        let own: Vec<&Resource> = pools.iter().filter(|pool| text(pool, "cluster") == name).copied().collect();
        // Node pools can be added to Standard clusters only.
        let values = json!({ "name": name, "enable_autopilot": false, "remove_default_node_pool": true });
        let cluster = Resource { values, ..Resource::unnamed(CLUSTER_TYPE) };
        let recorded = recorded(Unavailable::NotGiven);
        let mut completion = Completion {
            document,
            cluster: &cluster,
            fields: &recorded.fields,
            version: String::new(),
            omitted: BTreeMap::new(),
        };
        let mut addresses = BTreeMap::new();
        let (list, written) = node_pools(document, &cluster, &own, &mut addresses, &mut completion);
        let omitted = completion.omitted;
        let mut fields = Fields::default();
        *fields.insert("nodePools") = recorded.fields.below("nodePools").cloned().unwrap_or_default();
        fields.insert("autopilot.enabled");
        Cluster {
            address: name.unwrap_or("a cluster that is known after apply").to_owned(),
            config: json!({ "name": name, "autopilot": { "enabled": false }, "nodePools": list }),
            recorded: Recorded { otherwise: Unavailable::NotGiven, fields },
            creation: (!omitted.is_empty()).then_some(Creation { omitted, oldest_version: None }),
            pools_only: true,
            addresses,
            written,
        }
    };
    named.into_iter().map(of).collect()
}

fn text<'a>(resource: &'a Resource, key: &str) -> Option<&'a str> {
    resource.values.get(key).and_then(Value::as_str).filter(|s| !s.is_empty())
}

fn cluster(document: &Document, resource: &Resource, of: usize, pools: &[&Resource]) -> Cluster {
    let mut mapper = Mapper::new(document.form, resource);
    let mut config = mapper.map(CLUSTER, &resource.values, &resource.unknown);
    let mut written = BTreeMap::from([("cluster".to_owned(), mapper.written)]);
    let mut addresses = BTreeMap::from([("cluster".to_owned(), resource.address.clone())]);
    identity(resource, &mut config);
    zones(&mut config);
    let otherwise = match document.form {
        Form::Spec => Unavailable::NotWritten,
        Form::Plan | Form::State => Unavailable::NotRecorded,
    };
    let recorded = recorded(otherwise);
    let version = config.get("initialClusterVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
    let oldest_version = if version.is_empty() { OLDEST_VERSION.to_owned() } else { version.clone() };
    let mut completion =
        Completion { document, cluster: resource, fields: &recorded.fields, version, omitted: BTreeMap::new() };
    let has = |values: &Value| values.get("control_plane_endpoints_config").is_some();
    if !resource.created && !has(&resource.values) && !has(&resource.unknown) {
        endpoints_of_older_provider(&mut config);
    }
    if resource.defaults_apply {
        completion.complete(resource, CLUSTER, defaults::CLUSTER, "", &mut config);
    }
    let joined = joined(document, resource, of, pools);
    let node_pools = match joined {
        None => Unavailable::KnownAfterApply.to_json(),
        Some(own) => {
            let (list, of_pools) = node_pools(document, resource, &own, &mut addresses, &mut completion);
            written.extend(of_pools);
            list
        }
    };
    config.insert("nodePools".to_owned(), node_pools);
    let omitted = completion.omitted;
    let oldest_version = resource.defaults_apply.then_some(oldest_version);
    let creation = (resource.defaults_apply || !omitted.is_empty()).then_some(Creation { omitted, oldest_version });
    Cluster {
        address: resource.address.clone(),
        config: Value::Object(config),
        recorded,
        creation,
        pools_only: false,
        addresses,
        written,
    }
}

/// No cluster can be created with an older version: its extended support has ended
/// (<https://cloud.google.com/kubernetes-engine/docs/release-schedule>).
const OLDEST_VERSION: &str = "1.31";

/// Puts GKE's defaults in the place of what is omitted in resources that are created.
struct Completion<'a> {
    document: &'a Document,
    cluster: &'a Resource,
    /// The fields of the cluster that the mapping knows.
    fields: &'a Fields,
    /// The version of GKE that is asked for; empty: GKE chooses.
    version: String,
    /// Sentences about the defaults, by path from the cluster.
    omitted: BTreeMap<String, String>,
}

impl Completion<'_> {
    /// `prefix`: the path of the object from the cluster; `resource`: where it is written.
    fn complete(
        &mut self,
        resource: &Resource,
        rules: &[Rule],
        table: &[defaults::CreationDefault],
        prefix: &str,
        config: &mut Map<String, Value>,
    ) {
        let expressions = expressions(self.document, resource);
        let written_later = |path: &str| {
            let attribute = attribute_of(rules, path);
            attribute.is_some_and(|attribute| {
                expressions.is_some_and(|expressions| is_written(expressions, &attribute))
                    || is_written_empty(rules, &resource.values, &attribute)
            })
        };
        let pools = self.fields.below("nodePools");
        let created = Created {
            fields: if prefix.is_empty() { self.fields } else { pools.unwrap_or(self.fields) },
            autopilot: self.cluster.values.get("enable_autopilot") == Some(&Value::Bool(true)),
            version: &self.version,
            written_later: &written_later,
            config,
        };
        let acquired =
            if self.document.form == Form::Spec { ", unless this resource acquires an existing one" } else { "" };
        for (path, value) in created.complete(table) {
            let sentence = format!("{path} is omitted: GKE creates it {value}{acquired}");
            self.omitted.insert(join(prefix, &path), sentence);
        }
    }
}

/// A provider that does not know `control_plane_endpoints_config` (before 6.10) records the IP endpoints in
/// `private_cluster_config` and `master_authorized_networks_config`, which decide where there is nothing else.
fn endpoints_of_older_provider(config: &mut Map<String, Value>) {
    let Some(endpoints) = config.get_mut("controlPlaneEndpointsConfig") else { return };
    if Unavailable::from_json(endpoints).is_some() {
        *endpoints = json!({ "dnsEndpointConfig": endpoints });
    }
}

/// Whether an attribute is written as an empty list of texts, such as `logging_config.enable_components = []`: the API has
/// no field then, and that is not what it creates where nothing is written.
fn is_written_empty(rules: &[Rule], values: &Value, attribute: &str) -> bool {
    let (name, below) = attribute.split_once('.').map_or((attribute, None), |(name, below)| (name, Some(below)));
    let Some(value) = values.get(name) else { return false };
    rules.iter().filter(|rule| rule.attribute == name).any(|rule| match (rule.kind, below) {
        (Kind::Block(_, inner), Some(below)) => {
            value.get(0).is_some_and(|content| is_written_empty(inner, content, below))
        }
        (Kind::Texts, None) => value.as_array().is_some_and(Vec::is_empty),
        _ => false,
    })
}

/// Whether the configuration writes an attribute, such as `private_cluster_config.enable_private_nodes`.
fn is_written(expressions: &Value, attribute: &str) -> bool {
    let mut block = expressions;
    for name in attribute.split('.') {
        match block.get(name) {
            None => return false,
            // Blocks are lists, expressions are objects.
            Some(Value::Array(blocks)) => block = blocks.first().unwrap_or(&Value::Null),
            Some(_) => return true,
        }
    }
    true
}

/// `selfLink` from `id`, or from what is written, which names the cluster before there is one.
fn identity(resource: &Resource, config: &mut Map<String, Value>) {
    if config.get("selfLink").is_some_and(Value::is_string) {
        return;
    }
    let id = text(resource, "id").filter(|id| ClusterName::parse(id).is_some()).map(str::to_owned);
    let parts = (text(resource, "project"), text(resource, "location"), text(resource, "name"));
    let name = id.or_else(|| match parts {
        (Some(p), Some(l), Some(n)) => Some(format!("projects/{p}/locations/{l}/clusters/{n}")),
        _ => None,
    });
    if let Some(name) = name.filter(|n| ClusterName::parse(n).is_some()) {
        config.insert("selfLink".to_owned(), Value::String(format!("https://container.googleapis.com/v1/{name}")));
    }
}

/// Terraform lists the zones beside a cluster's own, the API lists that too.
fn zones(config: &mut Map<String, Value>) {
    let own = config.get("location").and_then(Value::as_str).filter(|l| l.matches('-').count() == 2).map(Value::from);
    match (own, config.get_mut("locations")) {
        (Some(own), Some(Value::Array(zones))) if !zones.contains(&own) => zones.insert(0, own),
        (Some(own), None) => {
            config.insert("locations".to_owned(), Value::Array(vec![own]));
        }
        _ => {}
    }
}

/// The pools that are resources of their own and belong to this cluster, those that go too; `None`: not known.
fn joined<'a>(document: &Document, cluster: &Resource, of: usize, pools: &[&'a Resource]) -> Option<Vec<&'a Resource>> {
    let mut own = Vec::new();
    for pool in pools {
        match belongs(document, cluster, of, pool) {
            Some(true) => own.push(*pool),
            Some(false) => {}
            None => return None,
        }
    }
    Some(own)
}

fn belongs(document: &Document, cluster: &Resource, of: usize, pool: &Resource) -> Option<bool> {
    let Some(named) = text(pool, "cluster") else {
        if of == 1 && !cluster.data {
            return Some(true);
        }
        return reference(document, pool).map(|name| {
            // Of several clusters of one name, the one with the pool's key.
            let same_key = cluster.key == pool.key || cluster.key.is_null() || pool.key.is_null();
            pool.module == cluster.module && name == cluster.name && same_key
        });
    };
    if let Some(full) = ClusterName::parse(named) {
        let same = |key: &str, own: &str| text(cluster, key).is_none_or(|v| v == own);
        return Some(same("name", &full.name) && same("location", &full.location) && same("project", &full.project));
    }
    let same = |key: &str| match (text(cluster, key), text(pool, key)) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    match text(cluster, "name") {
        None if of == 1 => Some(true),
        None => None,
        Some(name) => Some(name == named && same("location") && same("project")),
    }
}

/// The cluster that a pool's `cluster` refers to in its module, by name.
fn reference(document: &Document, pool: &Resource) -> Option<String> {
    let references = expressions(document, pool)?.pointer("/cluster/references")?.as_array()?;
    references.iter().filter_map(Value::as_str).find_map(|r| {
        let rest = r.strip_prefix(CLUSTER_TYPE)?.strip_prefix('.')?;
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        Some(rest[..end].to_owned())
    })
}

/// What the configuration of a plan writes for a resource, by attribute.
fn expressions<'d>(document: &'d Document, resource: &Resource) -> Option<&'d Value> {
    let mut module = document.configuration.get("root_module")?;
    // `module.a["k"].module.b` → a, b
    let mut rest = resource.module.as_str();
    while let Some(after) = rest.strip_prefix("module.") {
        let end = after.find(['.', '[']).unwrap_or(after.len());
        module = module.get("module_calls")?.get(&after[..end])?.get("module")?;
        rest = after[end..].find("module.").map_or("", |at| &after[end..][at..]);
    }
    let is_it = |r: &&Value| {
        r.get("type").and_then(Value::as_str) == Some(&resource.kind)
            && r.get("name").and_then(Value::as_str) == Some(&resource.name)
    };
    module.get("resources")?.as_array()?.iter().find(is_it)?.get("expressions")
}

type WrittenOfPools = BTreeMap<String, Vec<Written>>;

/// The pools: those that are resources, which have what is planned, and those that the cluster lists beside them.
fn node_pools(
    document: &Document,
    cluster: &Resource,
    own: &[&Resource],
    addresses: &mut BTreeMap<String, String>,
    completion: &mut Completion<'_>,
) -> (Value, WrittenOfPools) {
    let mut pools = Vec::new();
    let mut written = BTreeMap::new();
    let mut names = BTreeSet::new();
    for pool in own.iter().filter(|p| !p.deleted) {
        let mut mapper = Mapper::new(document.form, pool);
        let mut config = mapper.map(NODE_POOL, &pool.values, &pool.unknown);
        // A name that is generated during apply is not in use yet.
        let name = match config.get("name") {
            Some(Value::String(name)) => name.clone(),
            _ => pool.address.clone(),
        };
        config.insert("name".to_owned(), Value::from(name.as_str()));
        let subject = format!("nodePool/{name}");
        addresses.insert(subject.clone(), pool.address.clone());
        written.insert(subject, mapper.written);
        names.insert(name);
        if pool.defaults_apply {
            let prefix = format!("nodePools[{}]", pools.len());
            completion.complete(pool, NODE_POOL, defaults::NODE_POOL, &prefix, &mut config);
        }
        pools.push(Value::Object(config));
    }
    let named = |values: &Value| values.get("name").and_then(Value::as_str).map(str::to_owned);
    let gone: BTreeSet<String> =
        own.iter().filter_map(|pool| if pool.deleted { named(&pool.values) } else { named(&pool.replaced) }).collect();
    let unknown = cluster.unknown.get("node_pool").unwrap_or(&Value::Null);
    let listed = cluster.values.get("node_pool");
    let removed = cluster.values.get("remove_default_node_pool") == Some(&Value::Bool(true));
    let autopilot = cluster.values.get("enable_autopilot") == Some(&Value::Bool(true));
    match listed {
        Some(Value::Array(list)) if *unknown != Value::Bool(true) && !list.is_empty() => {
            for (i, pool) in list.iter().enumerate() {
                let unknown = unknown.get(i).unwrap_or(&Value::Null);
                let mut mapper = Mapper::new(document.form, cluster);
                let mut config = mapper.map(NODE_POOL, pool, unknown);
                let name = match config.get("name") {
                    Some(Value::String(name)) => name.clone(),
                    _ => format!("node_pool[{i}]"),
                };
                if gone.contains(name.as_str()) || !names.insert(name.clone()) {
                    continue;
                }
                config.insert("name".to_owned(), Value::from(name.as_str()));
                let subject = format!("nodePool/{name}");
                addresses.insert(subject.clone(), cluster.address.clone());
                let prefixed = |w: Written| Written { attribute: format!("node_pool[{i}].{}", w.attribute), ..w };
                written.insert(subject, mapper.written.into_iter().map(prefixed).collect());
                if cluster.defaults_apply {
                    let prefix = format!("nodePools[{}]", pools.len());
                    completion.complete(cluster, &[], defaults::NODE_POOL, &prefix, &mut config);
                }
                pools.push(Value::Object(config));
            }
        }
        Some(Value::Array(_) | Value::Null) | None => {
            let made = document.form != Form::State && (cluster.created || listed.is_none());
            if made && !removed && !autopilot {
                // GKE makes a default pool, of the cluster's node_config.
                if names.insert("default-pool".to_owned()) {
                    let mut pool = default_pool(document, cluster);
                    if cluster.defaults_apply {
                        let prefix = format!("nodePools[{}]", pools.len());
                        completion.complete(cluster, DEFAULT_POOL, defaults::NODE_POOL, &prefix, &mut pool);
                    }
                    pools.push(Value::Object(pool));
                    addresses.insert("nodePool/default-pool".to_owned(), cluster.address.clone());
                }
            } else if autopilot && cluster.defaults_apply {
                // GKE makes those of Autopilot, and nothing of them is the user's choice.
            } else if pools.is_empty() && made {
                // The pools of a cluster without the default one may be written elsewhere.
                return (chosen_by_gke(document).to_json(), written);
            } else if document.form == Form::State && pools.is_empty() {
                // A state lists them as they were when the cluster was read last: before those of other documents.
                return (Unavailable::NotRecorded.to_json(), written);
            }
        }
        Some(_) => return (Unavailable::Unreadable.to_json(), written),
    }
    (Value::Array(pools), written)
}

/// Why something is not known that is not written and that GKE chooses.
fn chosen_by_gke(document: &Document) -> Unavailable {
    if document.form == Form::Spec { Unavailable::NotWritten } else { Unavailable::KnownAfterApply }
}

const DEFAULT_POOL: &[Rule] = rules! {
    computed node_config ["config"]: Block(NODE_CONFIG),
    unset initial_node_count: Number,
};

fn default_pool(document: &Document, cluster: &Resource) -> Map<String, Value> {
    let mut pool = Mapper::new(document.form, cluster).map(DEFAULT_POOL, &cluster.values, &cluster.unknown);
    // What the cluster has no attribute for is GKE's choice.
    for rule in NODE_POOL {
        let path = rule.path();
        let key = path.split_once('.').map_or(&*path, |(key, _)| key);
        pool.entry(key).or_insert_with(|| chosen_by_gke(document).to_json());
    }
    pool.insert("name".to_owned(), Value::from("default-pool"));
    pool
}
