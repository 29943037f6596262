//! Terraform: plans and states as evidence, in the forms in which the APIs describe the same things.

mod apply;
mod cluster;
pub mod config_connector;
mod defaults;
mod document;
mod drift;
mod kubernetes;
mod mapping;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::document::Problem;
use crate::inventory::{Origin, Terraform};

use super::builder::{Builder, Source};
use document::{Document, Form};

pub use cluster::Cluster;
pub use drift::differences;
#[cfg(test)]
pub(crate) use mapping::{RECORDED_ELSEWHERE, full_cluster};

/// Reads a document into the snapshot. Answers whether it is Terraform's.
pub fn read(builder: &mut Builder, file: &str, doc: &Value) -> bool {
    let document = match document::parse(doc) {
        None => return false,
        Some(Ok(document)) => document,
        Some(Err(message)) => {
            builder.problem(Problem { file: file.to_owned(), line: 0, column: 0, message });
            return true;
        }
    };
    choose(builder, file, &document);
    kubernetes::add_objects(builder, file, &document);
    true
}

/// The one cluster that the audit is about.
fn choose(builder: &mut Builder, file: &str, document: &Document) {
    let mut all = cluster::clusters(document);
    if all.is_empty() {
        all = cluster::clusters_of_pools(document);
    }
    let list = |all: &[cluster::Cluster]| {
        let lines = all.iter().map(|c| format!("  {} ({})", c.address, c.short_name()));
        lines.collect::<Vec<_>>().join("\n")
    };
    let problem = |message: String| Problem { file: file.to_owned(), line: 0, column: 0, message };
    let chosen = builder.chosen_cluster().map(str::to_owned);
    let is_chosen = |c: &cluster::Cluster| chosen.as_ref().is_none_or(|n| c.short_name() == n || c.address == *n);
    let (mut found, others): (Vec<_>, Vec<_>) = all.into_iter().partition(is_chosen);
    match found.len() {
        0 if others.is_empty() => {
            let what = if document.form == Form::Plan { "plan" } else { "state" };
            builder.snapshot_mut().notes.push(format!("{file}: this {what} of Terraform holds no GKE cluster"));
        }
        0 => builder.problem(problem(format!(
            "no cluster is called {}; there are\n{}",
            chosen.unwrap_or_default(),
            list(&others)
        ))),
        1 => {
            if let Some(c) = found.pop() {
                let place = Terraform { address: c.address.clone(), attribute: None };
                let origin = Origin::file(file, 1).with_terraform(place);
                builder.described_cluster(
                    origin,
                    &c.config,
                    Source {
                        addresses: c.addresses,
                        recorded: Some(c.recorded),
                        creation: c.creation,
                        pools_only: c.pools_only,
                    },
                );
            }
        }
        n => builder.problem(problem(format!(
            "{n} clusters, and one audit is about one: choose one with --cluster NAME, or audit those that are there \
             with --terraform\n{}",
            list(&found)
        ))),
    }
}

/// The clusters of a state. `name`: of the file, for errors.
///
/// # Errors
/// Why they cannot be read.
pub fn clusters_of_state(name: &str, text: &str) -> Result<Vec<Cluster>, String> {
    let doc: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|e| format!("{name}:{}: not valid JSON: give the output of `terraform show -json`", e.line()))?;
    match document::parse(&doc) {
        Some(Ok(d)) if d.form == Form::State => Ok(cluster::clusters(&d)),
        Some(Ok(_)) => Err(format!(
            "{name} is a plan, of which nothing is live yet: give the state after the apply, or audit the plan as a file"
        )),
        Some(Err(e)) => Err(format!("{name}: {e}")),
        None => Err(format!("{name} is no state of Terraform: give the output of `terraform show -json`")),
    }
}

/// The place in Terraform of a field that evidence names, by the addresses of a snapshot.
///
/// `pool`: the name of the node pool that the evidence is about; `path` is from there, else from the cluster.
pub fn place(addresses: &BTreeMap<String, String>, pool: Option<&str>, path: &str) -> Option<Terraform> {
    let cluster = addresses.get("cluster")?;
    match pool {
        None => Some(Terraform { address: cluster.clone(), attribute: mapping::attribute_of(mapping::CLUSTER, path) }),
        Some(name) => {
            let address = addresses.get(&format!("nodePool/{name}"))?;
            let attribute = mapping::attribute_of(mapping::NODE_POOL, path);
            // A pool without a resource of its own is a block of the cluster.
            let attribute = attribute.map(|a| if address == cluster { format!("node_pool.{a}") } else { a });
            Some(Terraform { address: address.clone(), attribute })
        }
    }
}
