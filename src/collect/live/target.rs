//! Which cluster is meant.

use crate::inventory::ClusterName;

/// Where the evidence of a live audit comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The GKE API, then Kubernetes at the cluster's own endpoint.
    Gke(ClusterName),
    /// Kubernetes by a kubeconfig; `None`: its current context, the default files, or the pod's service account. With `gke`
    /// the cluster's configuration too, from the GKE API.
    Kubeconfig { file: Option<std::path::PathBuf>, context: Option<String>, gke: Option<ClusterName> },
}
