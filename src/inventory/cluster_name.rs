//! What a GKE cluster is called.

use serde::{Deserialize, Serialize};

/// A GKE cluster by its full name: `projects/P/locations/L/clusters/C`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterName {
    /// Project ID; one that belongs to a domain contains a colon, as in `example.com:project`.
    pub project: String,
    /// Region or zone.
    pub location: String,
    /// Name of the cluster, unique within its project and location.
    pub name: String,
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

    /// File name, without its ending, of what is written about the cluster: `PROJECT_LOCATION_NAME`.
    ///
    /// No two clusters share one: none of the three may hold a `_`, and characters that some file system does not take
    /// (the `:` of a project below a domain) become `%` and their code in hexadecimal.
    pub fn file_stem(&self) -> String {
        [&self.project, &self.location, &self.name].map(|s| file_safe(s)).join("_")
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
            name: cluster.to_owned(),
        })
    }
}

impl std::str::FromStr for ClusterName {
    type Err = String;

    fn from_str(text: &str) -> Result<ClusterName, String> {
        ClusterName::parse(text)
            .ok_or_else(|| format!("\"{text}\" is no cluster: one is written projects/P/locations/L/clusters/C"))
    }
}

impl std::fmt::Display for ClusterName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "projects/{}/locations/{}/clusters/{}", self.project, self.location, self.name)
    }
}

fn file_safe(s: &str) -> String {
    let mut out = String::new();
    for byte in s.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let one: ClusterName = "projects/pay-prod/zones/europe-west1/clusters/main".parse().unwrap();
        assert_eq!(one.to_string(), "projects/pay-prod/locations/europe-west1/clusters/main");
        assert_eq!(one.to_string().parse(), Ok(one.clone()));
        assert_eq!(one.file_stem(), "pay-prod_europe-west1_main");
        assert!("main".parse::<ClusterName>().is_err());
    }

    fn cluster(project: &str, location: &str, name: &str) -> ClusterName {
        ClusterName { project: project.into(), location: location.into(), name: name.into() }
    }

    proptest! {
        #[test]
        fn no_two_clusters_share_a_file(a in "[a-z_:%/.-]{1,6}", b in "[a-z_:%/.-]{1,6}", c in "[a-z_]{1,3}", d in "[a-z_:%/.-]{1,6}", e in "[a-z_:%/.-]{1,6}") {
            let (one, other) = (cluster(&a, &b, &c), cluster(&d, &e, &c));
            prop_assert_eq!(one.file_stem() == other.file_stem(), one == other);
            prop_assert!(!one.file_stem().contains('/'));
        }
    }
}
