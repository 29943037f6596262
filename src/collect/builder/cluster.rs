//! The cluster's configuration in the evidence.

use std::collections::BTreeMap;

use crate::document::{Problem, Recorded};
use crate::inventory::{ClusterConfig, Creation, FaultKind, Gap, Need, Origin, ReadError};

use super::super::gke;
use super::Builder;

/// What is particular to the source of a cluster's configuration; the default is the GKE API.
#[derive(Default)]
pub struct Source {
    /// Terraform's addresses, by subject.
    pub addresses: BTreeMap<String, String>,
    /// The fields that the source records; `None`: all.
    pub recorded: Option<Recorded>,
    /// The defaults with which the cluster is created.
    pub creation: Option<Creation>,
    /// Whether only node pools are described.
    pub pools_only: bool,
}

impl Builder {
    /// Which of several clusters is meant.
    pub fn chosen_cluster(&self) -> Option<&str> {
        self.options.cluster.as_deref()
    }

    /// Whether a cluster of that name and address is meant.
    pub fn is_chosen(&self, name: &str, address: &str) -> bool {
        self.chosen_cluster().is_none_or(|chosen| chosen == name || chosen == address)
    }

    /// Adds a cluster's configuration, and what is particular to its source.
    pub fn described_cluster(&mut self, origin: Origin, doc: &serde_json::Value, source: Source) {
        if let Some(earlier) = &self.snapshot.cluster {
            let message = format!(
                "a second cluster configuration (the first is {}); one audit is about one cluster",
                earlier.origin
            );
            let (file, line) = match origin {
                Origin::File { file, line, .. } => (file, line),
                Origin::Api { api, .. } => (api, 0),
            };
            self.problems.push(Problem { file, line, column: 0, message });
            return;
        }
        let Source { addresses, recorded, creation, pools_only } = source;
        self.snapshot.terraform = addresses;
        self.snapshot.cluster =
            Some(ClusterConfig { config: gke::normalise(doc), origin, recorded, creation, pools_only });
    }

    /// Adds when support ends. The document names no cluster: a second one that differs may be another cluster's.
    pub fn upgrade_info(&mut self, file: &str, line: u32, doc: &serde_json::Value) {
        let info = ClusterConfig {
            config: gke::normalise(doc),
            origin: Origin::file(file, line),
            recorded: None,
            creation: None,
            pools_only: false,
        };
        match &self.snapshot.upgrade_info {
            Some(earlier) if earlier.config != info.config => {
                let message =
                    format!("other upgrade information than in {}; one audit is about one cluster", earlier.origin);
                self.problems.push(Problem { file: file.to_owned(), line, column: 0, message });
            }
            _ => self.snapshot.upgrade_info = Some(info),
        }
    }

    /// Adds the gap of a listing that lacks the clusters of some zones.
    pub fn missing_zones(&mut self, file: &str, zones: &[String]) {
        if zones.is_empty() {
            return;
        }
        self.snapshot.gaps.push(Gap {
            id: "gke-missing-zones".to_owned(),
            need: Need::OtherClusters,
            error: ReadError::new(
                FaultKind::Unreachable,
                format!("the clusters of {}", zones.join(", ")),
                format!("{file} reports in missingZones that these zones did not answer"),
                "List the clusters again",
            ),
        });
    }
}
