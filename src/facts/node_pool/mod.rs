//! Facts of a node pool.

mod fields;

use serde_json::Value as Json;

use crate::inventory::{Known, ObjectRef, Reason};

use super::cluster;
use super::context::Context;
use super::document::Document;
use super::schema::{Facts, Sheet, Subject, SubjectKind};

pub use fields::{PoolFacts, is_cos};

/// The node pools, or why they could not be listed. `None` without cluster configuration.
pub fn build(cx: &Context<'_>) -> Option<Result<Vec<Facts>, Vec<Reason>>> {
    let source = cluster::source(cx)?;
    let pools = source.document.each("nodePools");
    let Known::Value(paths) = pools.value else { return Some(Err(pools.value.reasons().to_vec())) };
    if paths.is_empty() && source.document.number("currentNodeCount").value.value().is_some_and(|nodes| *nodes > 0) {
        let text = "nodePools is not in the cluster configuration, which has nodes";
        return Some(Err(vec![Reason::missing(text)]));
    }
    let origin = &cx.inventory.snapshot.cluster.as_ref()?.origin;
    let list = cx.inventory.snapshot.cluster.as_ref()?.config.get("nodePools").and_then(Json::as_array);
    let pools = list.into_iter().flatten().zip(paths).map(|(pool, path)| {
        let name = match pool.get("name").and_then(Json::as_str).filter(|n| !n.is_empty()) {
            Some(name) => name.to_owned(),
            // A pool without a name is judged all the same.
            None => path,
        };
        let object = ObjectRef {
            api_version: "container.googleapis.com/v1".to_owned(),
            kind: "NodePool".to_owned(),
            namespace: String::new(),
            name: name.clone(),
        };
        let document = Document::new(pool, object.clone(), origin);
        let Sheet { values, evidence } = fields::read(&source, &document).into_sheet();
        Facts {
            subject: Subject { id: format!("nodePool/{name}"), kind: SubjectKind::NodePool, object },
            values,
            evidence,
        }
    });
    Some(Ok(pools.collect()))
}
