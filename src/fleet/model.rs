//! The report on many clusters as data: what the JSON holds, and what every other format reads.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::Severity;
use crate::collect::live::DiscoveryGap;
use crate::fleet::shard::Shard;
use crate::inventory::ReadError;
use crate::report::{
    Coverage, Drift, ExitPolicy, Gap, Outcome, OutcomeCounts, SeverityCounts, Tool, VerdictCounts, WaiverReport,
};

/// Version of the shape of [`FleetReport`]. A file of another version is refused.
pub const FLEET_SCHEMA_VERSION: u32 = 2;

/// The result of an audit of many clusters. Every cluster that was found is in it, whether it could be read or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetReport {
    /// Version of this shape; raised when a field changes its meaning or goes.
    #[schemars(extend("const" = FLEET_SCHEMA_VERSION))]
    pub schema_version: u32,
    /// The program that wrote the report.
    pub tool: Tool,
    /// Time of the report, RFC 3339 with seconds and `Z`.
    pub generated_at: String,
    /// The answer in one word.
    pub outcome: Outcome,
    /// What the outcome of each cluster was decided by. `allowUnknown` holds inside a cluster only: it never accepts a
    /// cluster that could not be read.
    pub exit: ExitPolicy,
    /// Which clusters were requested, and which were found.
    pub scope: FleetScope,
    /// What the clusters were evaluated with.
    pub rules: Rules,
    /// The share of the fleet that this report is about; absent: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// The parts that this report was merged from, by index; empty where it was not merged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<ShardState>,
    /// Indexes of the shards that are not in this report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_shards: Vec<u32>,
    /// Sums over the clusters of this report.
    pub totals: FleetTotals,
    /// Every check with the clusters that fail it, worst and most widely failing first.
    pub checks: Vec<FleetCheck>,
    /// Every cluster, by name.
    pub clusters: Vec<ClusterEntry>,
    /// Where clusters may be that were not found.
    pub gaps: Vec<DiscoveryGap>,
    /// The configured waivers over all clusters that were evaluated.
    pub waivers: Vec<WaiverReport>,
}

/// Which clusters were requested, and which were found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetScope {
    /// Where to look for clusters, as the command line states it.
    pub requested: Requested,
    /// Full names of all clusters that were found, those of other shards too; sorted.
    pub discovered: Vec<String>,
}

/// What the command line requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Requested {
    /// Project IDs, without `projects/`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<String>,
    /// Numbers, without `folders/`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<String>,
    /// Numbers, without `organizations/`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub organizations: Vec<String>,
    /// A file with names of clusters, or a Terraform state that describes them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets_file: Option<TargetsFile>,
}

/// A file that names clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetsFile {
    /// As given on the command line.
    pub name: String,
    /// `sha256:…` of its bytes.
    pub digest: String,
}

/// What clusters are evaluated with. Parts of one fleet must agree on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    /// `sha256:…` over the files of all checks and controls.
    pub checks: String,
    /// `sha256:…` of the configuration file; absent: there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
    /// Further options that change results, such as `--no-configmaps`; sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// The share of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// The shard that the run audits.
    pub shard: Shard,
    /// What all shards of one run have in common: the name of the Cloud Run execution or of the Kubernetes Job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// A shard of a merged report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShardState {
    /// From 0, below `count`.
    pub index: u32,
    /// Number of shards in the fleet, at least 1.
    pub count: u32,
    /// Whether its part is in this report.
    pub present: bool,
    /// Clusters that belong to it, as far as is known.
    pub clusters: usize,
    /// Time of its part, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<String>,
    /// Why it is not present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// One cluster of the fleet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterEntry {
    /// `projects/P/locations/L/clusters/C`.
    pub target: String,
    /// Name of the cluster: `C` in `target`.
    pub name: String,
    /// ID of its project: `P` in `target`.
    pub project: String,
    /// Its region or zone: `L` in `target`.
    pub location: String,
    /// GKE version of the control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `status` of the cluster in the GKE API, such as `RUNNING`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The answer for this cluster in one word; `no-result` where it gave no result.
    pub outcome: Outcome,
    /// The exit status that goes with the outcome.
    pub exit_status: u8,
    /// The counts; absent where the cluster gave no result, which is not the same as counts of 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<ClusterSummary>,
    /// The worst findings, a few of them, each of another check.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub worst: Vec<WorstFinding>,
    /// Every check that applies to something in the cluster, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<ClusterCheck>,
    /// What could not be read in the cluster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// Drift from the Terraform state; absent where the cluster was not compared with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Vec<Drift>>,
    /// Why the cluster gave no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ReadError>,
    /// Name of the file with the cluster's own report, in the folder of the fleet report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// `sha256:…` over the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// The counts of one cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSummary {
    /// Results by verdict, without advice and results that another failure implies.
    pub by_verdict: VerdictCounts,
    /// Failing results.
    pub by_severity: SeverityCounts,
    /// Unknown results.
    pub unknown_by_severity: SeverityCounts,
    /// Without platform namespaces.
    pub coverage: Coverage,
}

/// The failures of one check in one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorstFinding {
    /// ID of the check.
    pub check: String,
    /// Severity of these failures.
    pub severity: Severity,
    /// The first of the subjects.
    pub subject: String,
    /// The message of its result.
    pub message: String,
    /// Failures of this check and severity.
    pub count: usize,
}

/// The results of one check in one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterCheck {
    /// ID of the check.
    pub check: String,
    /// Its results by verdict, without advice and results that another failure implies.
    #[serde(flatten)]
    pub counts: VerdictCounts,
    /// The worst severity of its failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<Severity>,
}

/// The counts of the fleet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetTotals {
    /// Clusters of this report; the numbers of `byOutcome` add up to it.
    pub clusters: usize,
    /// Clusters by outcome.
    pub by_outcome: OutcomeCounts,
    /// Clusters by the severity of their worst failure; those without one are in none.
    pub by_worst: SeverityCounts,
    /// Results of all clusters.
    pub by_verdict: VerdictCounts,
    /// Failing results of all clusters.
    pub by_severity: SeverityCounts,
    /// Unknown results of all clusters.
    pub unknown_by_severity: SeverityCounts,
    /// Workloads of all clusters, without platform namespaces.
    pub coverage: Coverage,
}

/// A check as the fleet report needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckInfo {
    /// ID of the check.
    pub id: String,
    /// The control: true where the check passes.
    pub title: String,
    /// What a failure is called; absent: as the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// Severity of its failures: as configured, or else the default of the check.
    pub severity: Severity,
    /// Why it matters.
    pub why: String,
    /// Framework → control ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub controls: BTreeMap<String, Vec<String>>,
}

impl CheckInfo {
    /// What a failure is called.
    pub fn finding(&self) -> &str {
        self.finding.as_ref().unwrap_or(&self.title)
    }
}

/// A check over all clusters that gave a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetCheck {
    /// What the check is.
    #[serde(flatten)]
    pub info: CheckInfo,
    /// The worst severity of its failures in any cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<Severity>,
    /// Failing results of all clusters.
    pub findings: usize,
    /// Clusters, each counted once: as failing where anything fails, else unknown, waived, pass, or not applicable.
    pub clusters: VerdictCounts,
    /// Full names of the clusters that fail it, with the number of failures; those with most first.
    pub failing: Vec<Failing>,
    /// Full names of the clusters where nothing fails and something is unknown; sorted.
    pub unknown: Vec<String>,
}

/// A cluster that fails a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failing {
    /// Full name of the cluster: `projects/P/locations/L/clusters/C`.
    pub target: String,
    /// Failing results of the check in this cluster, at least 1.
    pub findings: usize,
}
