//! Facts of a node pool.

mod fields;

use crate::inventory::{Known, ObjectRef, Reason};

use super::cluster;
use super::context::Context;
use super::schema::{Facts, Sheet, Subject, SubjectKind};

pub use fields::{PoolFacts, is_cos};

/// The node pools, or why they could not be listed. `None` without cluster configuration.
pub fn build(cx: &Context<'_>) -> Option<Result<Vec<Facts>, Vec<Reason>>> {
    let source = cluster::source(cx)?;
    let pools = source.resource.each("nodePools");
    let Known::Value(paths) = pools.value else { return Some(Err(pools.value.reasons().to_vec())) };
    if paths.is_empty() && source.resource.number("currentNodeCount").value.value().is_some_and(|nodes| *nodes > 0) {
        let text = "nodePools is not in the cluster configuration, which has nodes";
        return Some(Err(vec![Reason::missing(text)]));
    }
    let pools = paths.into_iter().filter_map(|path| {
        let resource = source.resource.part(&path, |pool| ObjectRef {
            api_version: "container.googleapis.com/v1".to_owned(),
            kind: "NodePool".to_owned(),
            namespace: String::new(),
            // A pool without a name is audited all the same.
            name: pool.text("name").value().filter(|n| !n.is_empty()).unwrap_or(&path).to_owned(),
        })?;
        let object = resource.object().clone();
        let Sheet { values, evidence } = fields::read_facts(&source, &resource).into_sheet();
        Some(Facts {
            subject: Subject { id: format!("nodePool/{}", object.name), kind: SubjectKind::NodePool, object },
            values,
            evidence,
        })
    });
    Some(Ok(pools.collect()))
}
