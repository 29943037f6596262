//! Facts of the cluster itself.

use serde_json::Value as Json;

use crate::inventory::{Known, ObjectRef, Reason, Tri};
use crate::network::dataplane::{Field, field};

use super::context::{self, Context};
use super::schema::{Facts, SubjectKind};

crate::facts! {
    /// Facts of the cluster.
    pub struct ClusterFacts {
        /// Name of the cluster.
        name / "name": String => [Cluster],
        /// Region or zone.
        location / "location": String => [Cluster],
        /// Whether NetworkPolicies are enforced: by Dataplane V2, or by Calico with both of its switches on.
        network_policy_enforced / "networkPolicyEnforced": bool => [Cluster],
        /// What enforces: `calico`, `dataplane-v2` or `none`.
        dataplane / "dataplane": String => [Cluster],
        /// Number of NetworkPolicy objects.
        network_policies / "networkPolicies": i64 => [NetworkPolicies],
        /// Whether every node pool runs the GKE metadata server, which gives pods their own identity only.
        gke_metadata_server / "gkeMetadataServer": bool => [Cluster],
    }
}

/// The Cluster resource as an object.
pub fn object(config: &Json) -> ObjectRef {
    ObjectRef {
        api_version: "container.googleapis.com/v1".to_owned(),
        kind: "Cluster".to_owned(),
        namespace: String::new(),
        name: text(config, "name").unwrap_or_else(|| "cluster".to_owned()),
    }
}

fn text(config: &Json, key: &str) -> Option<String> {
    config.get(key).and_then(Json::as_str).filter(|s| !s.is_empty()).map(str::to_owned)
}

/// `None` without cluster configuration.
pub fn build(cx: &mut Context<'_>) -> Option<Facts> {
    let cluster = cx.inventory.snapshot.cluster.as_ref()?;
    let config = &cluster.config;
    let string = |key: &'static str| match field(config, &[key]) {
        Field::Value(Json::String(s)) => Known::Value(s.clone()),
        _ => Known::unknown(Reason::missing(format!("{key} is not in the cluster configuration"))),
    };
    let enforcement = &cx.reach.enforcement;
    let undecided = || {
        enforcement.reason.clone().unwrap_or_else(|| Reason::undecided("the cluster configuration does not decide it"))
    };
    let values = ClusterFacts {
        name: string("name"),
        location: string("location"),
        network_policy_enforced: enforcement.enforced.map_or_else(|| Known::unknown(undecided()), Known::Value),
        dataplane: enforcement
            .dataplane
            .map_or_else(|| Known::unknown(undecided()), |d| Known::Value(d.name().to_owned())),
        network_policies: Known::Value(cx.inventory.snapshot.network_policies.len() as i64),
        gke_metadata_server: match cx.reach.model.network.gke_metadata {
            Tri::Yes => Known::Value(true),
            Tri::No => Known::Value(false),
            Tri::Maybe => Known::unknown(Reason::undecided(
                "workloadMetadataConfig.mode is not the same, or not readable, in all node pools",
            )),
        },
    };
    let enforced = cx.enforcement_evidence();
    let pools = vec![context::evidence(
        object(config),
        &cluster.origin,
        "nodePools[].config.workloadMetadataConfig.mode",
        config
            .get("nodePools")
            .and_then(Json::as_array)
            .map(|pools| {
                pools
                    .iter()
                    .map(|p| p.pointer("/config/workloadMetadataConfig/mode").cloned().unwrap_or(Json::Null))
                    .collect()
            })
            .unwrap_or(Json::Null),
        "GKE_METADATA is the GKE metadata server",
    )];
    Some(context::facts(
        "cluster".to_owned(),
        SubjectKind::Cluster,
        object(config),
        values.into_values(),
        vec![("networkPolicyEnforced", enforced.clone()), ("dataplane", enforced), ("gkeMetadataServer", pools)],
    ))
}
