//! The cluster that objects of Config Connector describe. They may be in several files: they are put together when all
//! inputs have been read.

use serde_json::Value;

use crate::document::Problem;
use crate::inventory::Origin;

use super::builder::{Builder, Source};
use super::terraform::{Cluster, config_connector};

/// Gives the builder the cluster that its objects of Config Connector describe, if there are any.
pub(super) fn describe_cluster(builder: &mut Builder) {
    let (origins, objects): (Vec<_>, Vec<_>) = builder.drain_config_connector().into_iter().unzip();
    let clusters = config_connector::clusters(&objects);
    if clusters.is_empty() {
        return;
    }
    let is_cluster = |o: &Value| o["kind"] == "ContainerCluster";
    let chosen: Vec<&Cluster> = clusters.iter().filter(|c| builder.is_chosen(c.short_name(), &c.address)).collect();
    if let [cluster] = chosen[..] {
        // Its address ends in the object's name.
        let is_it = |o: &Value| {
            let name = o.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            is_cluster(o) && cluster.address == format!("ContainerCluster/{name}")
        };
        let origin = objects
            .iter()
            .position(is_it)
            .and_then(|i| origins.get(i))
            .or(origins.first())
            .cloned()
            .unwrap_or_default();
        builder.described_cluster(
            origin,
            &cluster.config,
            Source {
                recorded: Some(cluster.recorded.clone()),
                creation: cluster.creation.clone(),
                pools_only: cluster.pools_only,
                ..Source::default()
            },
        );
        return;
    }
    let file = match objects.iter().position(is_cluster).and_then(|i| origins.get(i)) {
        Some(Origin::File { file, .. }) => file.clone(),
        _ => String::new(),
    };
    let names: Vec<&str> = clusters.iter().map(Cluster::short_name).collect();
    let message = format!(
        "{} of the ContainerClusters of Config Connector ({}) are meant, and one audit is about one cluster: \
         choose one with --cluster NAME",
        chosen.len(),
        names.join(", ")
    );
    builder.problem(Problem { file, line: 0, column: 0, message });
}
