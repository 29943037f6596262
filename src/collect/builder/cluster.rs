//! The cluster's configuration in the evidence.

use std::collections::BTreeMap;

use crate::document::{Problem, Recorded};
use crate::inventory::{ClusterConfig, FaultKind, Gap, Need, Origin, ReadError};

use super::super::gke;
use super::Builder;

impl Builder {
    /// Which of several clusters is meant.
    pub fn chosen_cluster(&self) -> Option<&str> {
        self.options.cluster.as_deref()
    }

    /// Whether a cluster of that name and address is meant.
    pub fn is_chosen(&self, name: &str, address: &str) -> bool {
        self.chosen_cluster().is_none_or(|chosen| chosen == name || chosen == address)
    }

    /// Adds a cluster's configuration.
    pub fn cluster(&mut self, file: &str, line: u32, doc: &serde_json::Value) {
        self.described_cluster(Origin::file(file, line.max(1)), doc, BTreeMap::new(), None);
    }

    /// Adds a cluster's configuration, Terraform's addresses of its parts, and the fields that its source records.
    pub fn described_cluster(
        &mut self,
        origin: Origin,
        doc: &serde_json::Value,
        addresses: BTreeMap<String, String>,
        recorded: Option<Recorded>,
    ) {
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
        self.snapshot.terraform = addresses;
        self.snapshot.cluster = Some(ClusterConfig { config: gke::normalise(doc), origin, recorded });
    }

    /// Adds when support ends. The document names no cluster: a second one that differs may be another cluster's.
    pub fn upgrade_info(&mut self, file: &str, line: u32, doc: &serde_json::Value) {
        let info = ClusterConfig { config: gke::normalise(doc), origin: Origin::file(file, line), recorded: None };
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
