//! Which cluster is meant.

use crate::inventory::ClusterName;

/// Where the evidence of a live audit comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The GKE API, then Kubernetes at the cluster's own endpoint.
    Gke(ClusterName),
    /// Kubernetes by a kubeconfig; `None`: its current context, the default files, or the pod's service account. With `gke`
    /// the cluster's configuration too, from the GKE API.
    Kubeconfig {
        /// The kubeconfig; `None`: the files in `KUBECONFIG`, or `~/.kube/config`.
        file: Option<std::path::PathBuf>,
        /// A context of the kubeconfig; `None`: its current context.
        context: Option<String>,
        /// The cluster in the GKE API; `None`: its configuration is not read.
        gke: Option<ClusterName>,
    },
}
