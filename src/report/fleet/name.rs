//! What a cluster is called, and what the files of a fleet audit are called.

use std::fmt;
use std::str::FromStr;

use crate::shard::Shard;

/// The full name of a cluster. Displays as `projects/P/locations/L/clusters/C`, which is what shards are decided by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterName {
    pub project: String,
    /// A region or a zone.
    pub location: String,
    pub name: String,
}

impl ClusterName {
    /// File name, without its ending, of what is written about the cluster: `PROJECT_LOCATION_NAME`.
    ///
    /// No two clusters share one: none of the three may hold a `_`, and characters that some file system does not take
    /// (the `:` of a project below a domain) become `%` and their code in hexadecimal.
    pub fn file_stem(&self) -> String {
        [&self.project, &self.location, &self.name].map(|s| file_safe(s)).join("_")
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projects/{}/locations/{}/clusters/{}", self.project, self.location, self.name)
    }
}

impl FromStr for ClusterName {
    type Err = String;

    /// Takes the full name only; `zones` for `locations` is the same cluster, as the API has it.
    fn from_str(text: &str) -> Result<ClusterName, String> {
        match text.split('/').collect::<Vec<_>>()[..] {
            ["projects", project, "locations" | "zones", location, "clusters", name]
                if ![project, location, name].contains(&"") =>
            {
                Ok(ClusterName { project: project.into(), location: location.into(), name: name.into() })
            }
            _ => Err(format!("\"{text}\" is no cluster: one is written projects/P/locations/L/clusters/C")),
        }
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

/// File name, without its ending, of a run's fleet report: `fleet`, and `fleet-3-of-8` for a shard, so that all shards
/// may write into one folder.
pub fn part_stem(shard: Option<Shard>) -> String {
    match shard.filter(|s| !s.is_whole()) {
        Some(s) => format!("fleet-{}-of-{}", s.index(), s.count()),
        None => "fleet".into(),
    }
}

/// What a file of a folder of reports is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartFile {
    /// The report of a run over the whole fleet, or one that was merged.
    Whole,
    /// The report of one shard. `None`: named like one, but of no shard that can be.
    Shard(Option<Shard>),
}

/// Whether a file is a fleet report that merging reads; `None` for everything else, such as reports of single clusters.
pub fn part_file(file_name: &str) -> Option<PartFile> {
    let stem = file_name.strip_suffix(".json")?;
    if stem == "fleet" {
        return Some(PartFile::Whole);
    }
    let (index, count) = stem.strip_prefix("fleet-")?.split_once("-of-")?;
    Some(PartFile::Shard(format!("{index}/{count}").parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cluster(project: &str, location: &str, name: &str) -> ClusterName {
        ClusterName { project: project.into(), location: location.into(), name: name.into() }
    }

    #[test]
    fn a_cluster_is_read_as_it_is_written() {
        let one = cluster("pay-prod", "europe-west1", "main");
        assert_eq!(one.to_string(), "projects/pay-prod/locations/europe-west1/clusters/main");
        assert_eq!(one.to_string().parse(), Ok(one.clone()));
        assert_eq!("projects/pay-prod/zones/europe-west1/clusters/main".parse(), Ok(one));
        for text in ["", "main", "projects/p/locations/l/clusters/", "projects//locations/l/clusters/c", "a/b/c/d/e/f"]
        {
            assert!(text.parse::<ClusterName>().is_err(), "{text}");
        }
    }

    #[test]
    fn files_of_reports_are_told_by_name() {
        assert_eq!(cluster("pay-prod", "europe-west1", "main").file_stem(), "pay-prod_europe-west1_main");
        assert_eq!(cluster("example.com:pay", "l", "../x").file_stem(), "example.com%3Apay_l_..%2Fx");
        let third = Shard::new(3, 8).ok();
        assert_eq!(part_stem(third), "fleet-3-of-8");
        assert_eq!(part_stem(None), "fleet");
        assert_eq!(part_stem(Shard::new(0, 1).ok()), "fleet");
        assert_eq!(part_file("fleet-3-of-8.json"), Some(PartFile::Shard(third)));
        assert_eq!(part_file("fleet-8-of-8.json"), Some(PartFile::Shard(None)));
        assert_eq!(part_file("fleet-a-of-b.json"), Some(PartFile::Shard(None)));
        assert_eq!(part_file("fleet.json"), Some(PartFile::Whole));
        for other in ["fleet-3-of-8.md", "fleet-3.json", "pay-prod_europe-west1_main.json", ".fleet.json.42", "fleet"] {
            assert_eq!(part_file(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_two_clusters_share_a_file(a in "[a-z_:%/.-]{1,6}", b in "[a-z_:%/.-]{1,6}", c in "[a-z_]{1,3}", d in "[a-z_:%/.-]{1,6}", e in "[a-z_:%/.-]{1,6}") {
            let (one, other) = (cluster(&a, &b, &c), cluster(&d, &e, &c));
            prop_assert_eq!(one.file_stem() == other.file_stem(), one == other);
            prop_assert!(part_file(&(one.file_stem() + ".json")).is_none());
            prop_assert!(!one.file_stem().contains('/'));
        }
    }
}
