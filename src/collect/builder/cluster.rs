//! What of a cluster's configuration is in the evidence.

use std::collections::BTreeMap;

use crate::document::Problem;
use crate::inventory::{ClusterConfig, FaultKind, Gap, Need, Origin, ReadError};

use super::super::{gke, terraform};
use super::Builder;

impl Builder {
    /// Which of several clusters is meant.
    pub fn chosen_cluster(&self) -> Option<&str> {
        self.options.cluster.as_deref()
    }

    /// A cluster's configuration.
    pub fn cluster(&mut self, file: &str, line: u32, doc: &serde_json::Value) {
        self.described_cluster(Origin::file(file, line.max(1)), doc, BTreeMap::new());
    }

    /// A cluster's configuration, and Terraform's addresses of its parts.
    pub fn described_cluster(&mut self, origin: Origin, doc: &serde_json::Value, addresses: BTreeMap<String, String>) {
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
        self.snapshot.cluster = Some(ClusterConfig { config: gke::normalise(doc), origin });
    }

    /// When support ends. It names no cluster, so that another than the first could be another cluster's.
    pub(super) fn upgrade_info(&mut self, file: &str, line: u32, doc: &serde_json::Value) {
        let info = ClusterConfig { config: gke::normalise(doc), origin: Origin::file(file, line) };
        match &self.snapshot.upgrade_info {
            Some(earlier) if earlier.config != info.config => {
                let message =
                    format!("other upgrade information than in {}; one audit is about one cluster", earlier.origin);
                self.problems.push(Problem { file: file.to_owned(), line, column: 0, message });
            }
            _ => self.snapshot.upgrade_info = Some(info),
        }
    }

    /// The cluster that objects of Config Connector describe.
    pub(super) fn config_connector_cluster(&mut self) {
        let (origins, objects): (Vec<_>, Vec<_>) = std::mem::take(&mut self.config_connector).into_iter().unzip();
        let clusters = terraform::config_connector::clusters(&objects);
        let chosen = self.options.cluster.clone();
        let is_chosen =
            |c: &&terraform::Cluster| chosen.as_ref().is_none_or(|n| c.short_name() == n || c.address == *n);
        let found: Vec<&terraform::Cluster> = clusters.iter().filter(is_chosen).collect();
        if let [cluster] = found[..] {
            // Its address ends in the object's name.
            let is_it = |o: &serde_json::Value| {
                let name = o.pointer("/metadata/name").and_then(serde_json::Value::as_str).unwrap_or_default();
                o["kind"] == "ContainerCluster" && cluster.address == format!("ContainerCluster/{name}")
            };
            let at = objects.iter().position(is_it).and_then(|i| origins.get(i));
            self.described_cluster(at.cloned().unwrap_or_default(), &cluster.config, BTreeMap::new());
        } else if !clusters.is_empty() {
            let names: Vec<&str> = clusters.iter().map(terraform::Cluster::short_name).collect();
            let first = objects.iter().position(|o| o["kind"] == "ContainerCluster").and_then(|i| origins.get(i));
            let file = match first {
                Some(Origin::File { file, .. }) => file.clone(),
                _ => String::new(),
            };
            let message = format!(
                "{} of the ContainerClusters of Config Connector ({}) are meant, and one audit is about one cluster: \
                 choose one with --cluster NAME",
                found.len(),
                names.join(", ")
            );
            self.problems.push(Problem { file, line: 0, column: 0, message });
        }
        if clusters.is_empty() && !objects.is_empty() {
            let note =
                "ContainerNodePools of Config Connector without their ContainerCluster are not evaluated: add it";
            self.snapshot.notes.push(note.to_owned());
        }
    }

    /// A listing of clusters that lacks some zones' is not the whole list.
    pub(super) fn missing_zones(&mut self, file: &str, zones: &[String]) {
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
