//! Differences between a cluster and the Terraform state that describes it.

use serde::{Deserialize, Serialize};

/// A setting that differs between the Terraform state and the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// `Cluster/NAME` or `NodePool/NAME`.
    pub object: String,
    /// Address of the resource in Terraform.
    pub address: String,
    /// The attribute to change there.
    pub attribute: String,
    /// Path in the GKE API, from the object.
    pub path: String,
    /// The value in the state, in the form of the API.
    pub state: serde_json::Value,
    /// The value in the cluster; `null`: not set.
    pub live: serde_json::Value,
}
