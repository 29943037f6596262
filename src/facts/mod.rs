//! Facts about the subjects of checks, one file for each subject kind.

mod certificate;
pub mod cluster;
mod connections;
mod context;
pub mod database;
pub mod database_client;
mod database_server;
pub mod environment;
pub mod namespace;
pub mod network_policy;
pub mod node_pool;
pub mod reading;
mod resource;
#[cfg(test)]
pub(crate) use resource::enums_read;
pub mod schema;
pub mod service;
pub mod version;
pub mod workload;

use std::collections::BTreeMap;

use crate::config::Config;
use crate::inventory::{Inventory, Need, Reason, Snapshot};
use crate::network::Reach;

use context::Context;
use namespace::Coverage;
use schema::{Fact, FactTable, Facts, Field, SubjectKind};

/// The facts that checks of a kind may name.
pub fn vocabulary(kind: SubjectKind) -> &'static [Field] {
    match kind {
        SubjectKind::Cluster => &cluster::SCHEMA,
        SubjectKind::Namespace => namespace::NamespaceFacts::SCHEMA,
        SubjectKind::Workload => workload::WorkloadFacts::SCHEMA,
        SubjectKind::NetworkPolicy => network_policy::NetworkPolicyFacts::SCHEMA,
        SubjectKind::Service => service::ServiceFacts::SCHEMA,
        SubjectKind::Database => database::DatabaseFacts::SCHEMA,
        SubjectKind::DatabaseClient => database_client::DatabaseClientFacts::SCHEMA,
        SubjectKind::NodePool => node_pool::PoolFacts::SCHEMA,
    }
}

/// All facts of an audit.
pub struct Knowledge {
    /// Facts of every subject.
    pub table: FactTable,
    /// Sorted by namespace.
    pub coverage: Vec<Coverage>,
    /// What a reader should know of how the facts were found.
    pub notes: Vec<String>,
}

/// Builds all facts. `now` is the one time of the run.
pub fn build(inventory: &Inventory, reach: &mut Reach, config: &Config, now: jiff::Timestamp) -> Knowledge {
    let mut cx = Context::new(inventory, reach, config, now);
    let pools_only = inventory.snapshot.cluster.as_ref().is_some_and(|c| c.pools_only);
    let mut table = FactTable { cluster: cluster::build(&cx), pools_only, ..FactTable::default() };
    match node_pool::build(&cx) {
        Some(Ok(pools)) => drop(table.subjects.insert(SubjectKind::NodePool, pools)),
        Some(Err(reasons)) => drop(table.unlisted.insert(SubjectKind::NodePool, reasons)),
        None => {}
    }
    let (mut coverage, mut notes) = (Vec::new(), Vec::new());
    if inventory.snapshot.has_objects() {
        let workloads: Vec<Facts> = (0..inventory.workloads.len()).map(|w| workload::build(&mut cx, w)).collect();
        table.subjects.insert(SubjectKind::Workload, workloads);
        let mut namespaces = Vec::new();
        for name in inventory.namespaces.keys() {
            let c = namespace::coverage(&mut cx, name);
            namespaces.push(namespace::build(&mut cx, name, &c));
            coverage.push(c);
        }
        table.subjects.insert(SubjectKind::Namespace, namespaces);
        let policies = (0..cx.reach.model.policies.len()).map(|p| network_policy::build(&mut cx, p)).collect();
        table.subjects.insert(SubjectKind::NetworkPolicy, policies);
        let services = inventory.snapshot.services.iter().map(|s| service::build(&mut cx, s)).collect();
        table.subjects.insert(SubjectKind::Service, services);
        let v6 = cx.reach.model.network.v6;
        let databases = connections::build(inventory, v6);
        notes = database::notes(&cx, &databases);
        let list = (0..databases.list.len()).map(|d| database::build(&mut cx, &databases, d)).collect();
        table.subjects.insert(SubjectKind::Database, list);
        let ids = database_client::ids(&cx, &databases);
        let clients = databases
            .connections
            .iter()
            .zip(ids)
            .map(|(c, id)| database_client::build(&mut cx, &databases, c, id))
            .collect::<Vec<_>>();
        let unread = databases.opaque.iter().map(|c| database_client::build_unread(&cx, c));
        let clients = clients.into_iter().chain(unread).collect();
        table.subjects.insert(SubjectKind::DatabaseClient, clients);
    }
    for list in table.subjects.values_mut() {
        list.sort_by(|a, b| a.subject.cmp(&b.subject));
    }
    apply_gaps(&mut table, &inventory.snapshot);
    if !inventory.snapshot.was_read(Need::Workloads) {
        coverage.clear();
    } else if !inventory.snapshot.was_read(Need::NetworkPolicies) {
        coverage.iter_mut().for_each(Coverage::forget_policies);
    }
    Knowledge { table, coverage, notes }
}

/// The resource whose listing gives the subjects of a kind.
pub fn lists(kind: SubjectKind) -> Option<Need> {
    match kind {
        SubjectKind::Cluster | SubjectKind::NodePool => Some(Need::Cluster),
        SubjectKind::Namespace => Some(Need::Namespaces),
        SubjectKind::Workload | SubjectKind::DatabaseClient => Some(Need::Workloads),
        SubjectKind::NetworkPolicy => Some(Need::NetworkPolicies),
        SubjectKind::Service => Some(Need::Services),
        SubjectKind::Database => Some(Need::CloudNativePg),
    }
}

/// Makes the facts unknown whose needs were not read, and the subject kinds unlisted that could not be listed.
///
/// ConfigMaps are read one by one: the environment of each container decides what depends on a missing one.
fn apply_gaps(table: &mut FactTable, snapshot: &Snapshot) {
    let by_need: BTreeMap<Need, Vec<Reason>> = Need::ALL
        .into_iter()
        .filter(|need| *need != Need::ConfigMaps)
        .map(|need| (need, why_unread(snapshot, need)))
        .filter(|(_, reasons)| !reasons.is_empty())
        .collect();
    if by_need.is_empty() {
        return;
    }
    let cluster = table.cluster.iter_mut().map(|f| (SubjectKind::Cluster, f));
    let others = table.subjects.iter_mut().flat_map(|(kind, list)| list.iter_mut().map(move |f| (*kind, f)));
    for (kind, facts) in cluster.chain(others) {
        for field in vocabulary(kind) {
            let reasons: Vec<Reason> = field.needs.iter().filter_map(|n| by_need.get(n)).flatten().cloned().collect();
            if !reasons.is_empty() {
                facts.values.insert(field.name, Fact::Unknown(reasons));
            }
        }
    }
    for kind in SubjectKind::ALL {
        let Some(reasons) = lists(kind).and_then(|n| by_need.get(&n)) else { continue };
        let listed = match kind {
            // A cluster that was requested and could not be read is in scope.
            SubjectKind::Cluster => table.cluster.is_none(),
            // Node pools that were read keep their ids; if none was read, the configuration may still have some.
            SubjectKind::NodePool => table.subjects.get(&kind).is_none_or(Vec::is_empty),
            _ => table.subjects.remove(&kind).is_some() || !snapshot.gaps.is_empty(),
        };
        if listed {
            table.unlisted.insert(kind, reasons.clone());
        }
    }
}

fn why_unread(snapshot: &Snapshot, need: Need) -> Vec<Reason> {
    let mut found = Vec::new();
    for g in snapshot.gaps.iter().filter(|g| g.need == need) {
        found.push(Reason::gap(&g.id, g.error.to_string()));
    }
    found.extend(snapshot.unread.get(&need).map(|why| Reason::missing(format!("{} not read: {why}", need.name()))));
    found
}
