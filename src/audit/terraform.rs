//! From the settings of a cluster to where Terraform sets them, and the comparison of both.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::check::CheckResult;
use crate::collect::terraform::{Cluster, differences, place};
use crate::facts::schema::Evidence;
use crate::inventory::{Snapshot, Terraform};
use crate::report::Comparison;

/// Adds to the evidence of results where Terraform sets it; changes nothing without Terraform.
pub(super) fn add_places(results: &mut [CheckResult], snapshot: &Snapshot) {
    if snapshot.terraform.is_empty() {
        return;
    }
    let pools = snapshot.cluster.as_ref().and_then(|c| c.config.get("nodePools")?.as_array());
    // In the order of the configuration, whose paths count them.
    let pools: Vec<&str> =
        pools.into_iter().flatten().map(|p| p.get("name").and_then(Json::as_str).unwrap_or_default()).collect();
    for evidence in results.iter_mut().flat_map(|r| &mut r.evidence) {
        if evidence.object.api_version.starts_with("container.googleapis.com/")
            && let Some(place) = place_of(evidence, &snapshot.terraform, &pools)
        {
            evidence.source = evidence.source.take().map(|origin| origin.with_terraform(place));
        }
    }
}

fn place_of(evidence: &Evidence, addresses: &BTreeMap<String, String>, pools: &[&str]) -> Option<Terraform> {
    if evidence.object.kind == "NodePool" {
        return place(addresses, Some(&evidence.object.name), &evidence.path);
    }
    // `nodePools[1].config.imageType` of the cluster is the pool's own.
    let of_pool = || {
        let (index, path) = evidence.path.strip_prefix("nodePools[")?.split_once("].")?;
        Some((*pools.get(index.parse::<usize>().ok()?)?, path))
    };
    match of_pool() {
        Some((pool, path)) => place(addresses, Some(pool), path),
        None => place(addresses, None, &evidence.path),
    }
}

/// Compares the cluster of the state, if there is one, with the live one.
pub(super) fn compare(state: Option<&Cluster>, snapshot: &Snapshot) -> Comparison {
    match (state, &snapshot.cluster) {
        (None, _) => Comparison::NotRequested,
        (Some(_), None) => Comparison::NotPossible,
        (Some(state), Some(live)) => Comparison::Done(differences(state, &live.config)),
    }
}
