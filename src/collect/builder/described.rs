//! Clusters and node pools as the GKE API gives them. Several files may hold parts of one cluster, and one file may list
//! several: which of them is meant is decided when all inputs have been read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::document::{Fields, Problem, Recorded, Unavailable};
use crate::inventory::{ClusterName, Origin};

use super::super::gke;
use super::{Builder, Source};

/// A cluster or a node pool of the inputs, normalised.
pub(super) struct Described {
    origin: Origin,
    config: Value,
    /// The cluster that it is, or that it belongs to.
    full_name: Option<ClusterName>,
    is_pool: bool,
}

impl Described {
    fn name(&self) -> &str {
        self.config.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// The cluster's name as `--cluster` takes it.
    fn cluster(&self) -> String {
        match &self.full_name {
            Some(full) => full.to_string(),
            None if self.is_pool => "(a cluster that its node pool does not name)".to_owned(),
            None => self.name().to_owned(),
        }
    }

    fn is_called(&self, chosen: &str) -> bool {
        let wanted = ClusterName::parse(chosen);
        match &self.full_name {
            Some(full) => full.name == chosen || wanted.is_some_and(|w| w == *full),
            None => !self.is_pool && self.name() == chosen,
        }
    }

    fn problem(&self, message: String) -> Problem {
        let (file, line) = match &self.origin {
            Origin::File { file, line, .. } => (file.clone(), *line),
            Origin::Api { api, .. } => (api.clone(), 0),
        };
        Problem { file, line, column: 0, message }
    }
}

impl Builder {
    /// Adds a cluster as the GKE API gives it. `full_name`: what the file calls it beside that.
    pub fn cluster(&mut self, file: &str, line: u32, doc: &Value, full_name: Option<ClusterName>) {
        let config = gke::normalise(doc);
        let full_name = full_name.or_else(|| gke::full_name(&config));
        let origin = Origin::file(file, line.max(1));
        self.described.push(Described { origin, config, full_name, is_pool: false });
    }

    /// Adds a node pool as the GKE API gives it. `full_name`: what the file says of its cluster beside that.
    pub fn node_pool(&mut self, file: &str, line: u32, doc: &Value, full_name: Option<ClusterName>) {
        let config = gke::normalise_pool(doc);
        let full_name = full_name.or_else(|| gke::full_name(&config));
        let origin = Origin::file(file, line.max(1));
        self.described.push(Described { origin, config, full_name, is_pool: true });
    }

    /// Puts the one cluster that is meant into the snapshot, with its node pools.
    pub fn choose_described_cluster(&mut self) {
        let all = std::mem::take(&mut self.described);
        if all.is_empty() {
            return;
        }
        let chosen = self.chosen_cluster().map(str::to_owned);
        let names: BTreeSet<String> = all.iter().map(Described::cluster).collect();
        let list = names.iter().map(|name| format!("  {name}")).collect::<Vec<_>>().join("\n");
        let is_meant = |d: &Described| chosen.as_deref().is_none_or(|chosen| d.is_called(chosen));
        let (meant, others): (Vec<_>, Vec<_>) = all.into_iter().partition(is_meant);
        let Some(first) = meant.first() else {
            // Terraform may hold the one that is meant.
            if self.snapshot.cluster.is_none()
                && let Some(other) = others.first()
            {
                let chosen = chosen.unwrap_or_default();
                self.problems.push(other.problem(format!("no cluster is called {chosen}; there are\n{list}")));
            }
            return;
        };
        let clusters: Vec<&Described> = meant.iter().filter(|d| !d.is_pool).collect();
        let main = clusters.first().copied().unwrap_or(first);
        let second = clusters.get(1).copied();
        let second = second.or_else(|| meant.iter().find(|d| d.is_pool && d.full_name != main.full_name));
        if let Some(second) = second {
            self.problems.push(second.problem(format!(
                "a second cluster configuration (the first is {}); one audit is about one cluster: choose one with \
                 --cluster, by its name or its full name\n{list}",
                main.origin
            )));
            return;
        }
        let mut config = if main.is_pool { cluster_of_pools(main) } else { main.config.clone() };
        if let (Some(full), Some(map)) = (&main.full_name, config.as_object_mut()) {
            map.entry("selfLink").or_insert_with(|| self_link(full));
        }
        for pool in meant.iter().filter(|d| d.is_pool) {
            add_pool(&mut config, pool);
        }
        let recorded = main.is_pool.then(|| {
            let mut fields = Fields::default();
            for field in ["name", "selfLink", "location"] {
                fields.insert(field);
            }
            fields.insert_all_below("nodePools");
            Recorded { otherwise: Unavailable::NotGiven, fields }
        });
        let mut left_out: BTreeMap<String, usize> = BTreeMap::new();
        others.iter().for_each(|d| *left_out.entry(d.cluster()).or_default() += 1);
        for name in left_out.keys() {
            self.snapshot.notes.push(format!("{name} is in the input too, and was left out: --cluster names another"));
        }
        let source = Source { recorded, pools_only: main.is_pool, ..Source::default() };
        let origin = main.origin.clone();
        self.described_cluster(origin, &config, source);
    }
}

fn self_link(full: &ClusterName) -> Value {
    Value::String(format!("https://container.googleapis.com/v1/{full}"))
}

/// What node pools say of their cluster.
fn cluster_of_pools(pool: &Described) -> Value {
    match &pool.full_name {
        Some(full) => json!({
            "name": full.name,
            "location": full.location,
            "nodePools": [],
        }),
        None => json!({ "nodePools": [] }),
    }
}

/// Adds a pool to those of its cluster. What differs from the pool of that name there is known of neither.
fn add_pool(config: &mut Value, pool: &Described) {
    let Some(cluster) = config.as_object_mut() else { return };
    let pools = cluster.entry("nodePools").or_insert_with(|| json!([]));
    // A list that cannot be read stays as it is: its pools are unknown.
    let Value::Array(pools) = pools else { return };
    let is_it = |other: &&mut Value| other.get("name").and_then(Value::as_str) == Some(pool.name());
    match pools.iter_mut().find(is_it) {
        Some(other) => agree(other, &pool.config),
        None => pools.push(pool.config.clone()),
    }
}

/// Keeps of a value what another one of the same object confirms.
fn agree(value: &mut Value, other: &Value) {
    match (value, other) {
        (Value::Object(map), Value::Object(others)) => {
            for (key, other) in others {
                match map.get_mut(key) {
                    Some(value) => agree(value, other),
                    None => {
                        map.insert(key.clone(), Unavailable::Contradiction.to_json());
                    }
                }
            }
            for (_, value) in map.iter_mut().filter(|(key, _)| !others.contains_key(*key)) {
                *value = Unavailable::Contradiction.to_json();
            }
        }
        (value, other) if value != other => *value = Unavailable::Contradiction.to_json(),
        _ => {}
    }
}
