//! Which cluster is meant.

/// A GKE cluster by its full name: `projects/P/locations/L/clusters/C`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterName {
    pub project: String,
    /// Region or zone.
    pub location: String,
    pub cluster: String,
}

impl ClusterName {
    /// Reads the forms in which Google's tools write a cluster: the resource name (with `locations` or `zones`, with or
    /// without the API's address before it) and kubectl's context `gke_P_L_C`. Anything else is `None`.
    pub fn parse(text: &str) -> Option<ClusterName> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("gke_") {
            // No part may hold an underscore: <https://cloud.google.com/kubernetes-engine/docs/reference/rest>.
            let mut parts = rest.splitn(3, '_');
            return ClusterName::new(parts.next()?, parts.next()?, parts.next()?);
        }
        let path = match text.split_once("projects/") {
            Some(("" | "/", _)) => text.trim_start_matches('/'),
            Some((before, _)) if before.starts_with("https://") || before.starts_with("//") => &text[before.len()..],
            _ => return None,
        };
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        match parts[..] {
            ["projects", project, "locations" | "zones", location, "clusters", cluster] => {
                ClusterName::new(project, location, cluster)
            }
            _ => None,
        }
    }

    fn new(project: &str, location: &str, cluster: &str) -> Option<ClusterName> {
        // Project ids of a domain hold a colon: `example.com:project`.
        let project_id = |c: char| c.is_ascii_alphanumeric() || "-.:".contains(c);
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let fits = !project.is_empty() && !project.starts_with('.') && project.chars().all(project_id);
        let fits = fits && [location, cluster].iter().all(|p| !p.is_empty() && p.chars().all(plain));
        fits.then(|| ClusterName {
            project: project.to_owned(),
            location: location.to_owned(),
            cluster: cluster.to_owned(),
        })
    }
}

impl std::fmt::Display for ClusterName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "projects/{}/locations/{}/clusters/{}", self.project, self.location, self.cluster)
    }
}

/// Where the evidence of a live audit comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The GKE API, then Kubernetes at the cluster's own endpoint.
    Gke(ClusterName),
    /// Kubernetes by a kubeconfig; `None`: its current context, the default files, or the pod's service account. With `gke`
    /// the cluster's configuration too, from the GKE API.
    Kubeconfig { file: Option<std::path::PathBuf>, context: Option<String>, gke: Option<ClusterName> },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_name_is_the_same_cluster() {
        let expected = ClusterName::new("p-1", "asia-east1-a", "c").unwrap();
        for text in [
            "projects/p-1/locations/asia-east1-a/clusters/c",
            "projects/p-1/zones/asia-east1-a/clusters/c",
            "/projects/p-1/locations/asia-east1-a/clusters/c",
            "//container.googleapis.com/projects/p-1/zones/asia-east1-a/clusters/c",
            "https://container.googleapis.com/v1/projects/p-1/locations/asia-east1-a/clusters/c",
            "gke_p-1_asia-east1-a_c",
        ] {
            assert_eq!(ClusterName::parse(text), Some(expected.clone()), "{text}");
        }
        assert_eq!(ClusterName::parse("gke_example.com:p_l_c").unwrap().project, "example.com:p");
        assert_eq!(expected.to_string(), "projects/p-1/locations/asia-east1-a/clusters/c");
    }

    #[test]
    fn what_is_no_name_is_none() {
        for text in [
            "",
            "projects/p",
            "projects/p/locations/l/clusters/",
            "projects/p/locations/l/clusters/c/nodePools/n",
            "projects/../locations/l/clusters/c?x",
            "manifests/projects/p/locations/l/clusters/c",
            "gke_p_l",
            "gke_p_l_c_d",
            "cluster.json",
        ] {
            assert_eq!(ClusterName::parse(text), None, "{text}");
        }
    }
}
