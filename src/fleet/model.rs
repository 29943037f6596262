//! The report on many clusters as data: what the JSON holds, and what every other rendering reads.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::Severity;
use crate::fleet::shard::Shard;
use crate::inventory::{FaultKind, ReadError};
use crate::report::{
    Coverage, Drift, ExitPolicy, Gap, Outcome, OutcomeCounts, SeverityCounts, Tool, VerdictCounts, WaiverReport,
};

/// Version of the shape of [`FleetReport`]. A file of a later version is refused.
pub const FLEET_SCHEMA_VERSION: u32 = 1;

/// What the audit of many clusters has to say: every cluster that was found is in it, whether it could be read or not.
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
    /// Which clusters were asked for, and which were found.
    pub scope: FleetScope,
    /// What the clusters were judged by.
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
    pub totals: FleetTotals,
    /// Every check with the clusters that fail it, worst and most widely failing first.
    pub checks: Vec<FleetCheck>,
    /// Every cluster, by name.
    pub clusters: Vec<ClusterEntry>,
    /// Where clusters may be that were not found.
    pub gaps: Vec<DiscoveryGap>,
    /// The configured waivers over all clusters that were judged.
    pub waivers: Vec<WaiverReport>,
}

/// Which clusters were asked for, and which were found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetScope {
    pub asked: Asked,
    /// Full names of all clusters that were found, those of other shards too; sorted.
    pub discovered: Vec<String>,
}

/// What the command line asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Asked {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub projects: Vec<String>,
    /// Numbers, without `folders/`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<String>,
    /// Numbers, without `organizations/`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub organizations: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets_file: Option<TargetsFile>,
    /// Clusters that were named one by one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
}

/// A file with names of clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetsFile {
    /// As given on the command line.
    pub name: String,
    /// `sha256:…` of its bytes.
    pub digest: String,
}

/// What clusters are judged by: parts of one fleet must agree on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rules {
    /// `sha256:…` over the files of all checks and controls.
    pub checks: String,
    /// `sha256:…` of the configuration file; absent: there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<String>,
    /// Further options that change what is judged, such as `--no-configmaps`; sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// The share of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    pub shard: Shard,
    /// What all shards of one run have in common: the name of the Cloud Run execution or of the Kubernetes Job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// A shard of a merged report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShardState {
    pub index: u32,
    pub count: u32,
    /// Whether its part is in this report.
    pub present: bool,
    /// Clusters that fell to it, as far as is known.
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
    pub name: String,
    pub project: String,
    pub location: String,
    /// GKE version of the control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What the GKE API says of its state, such as `RUNNING`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
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
    /// What is otherwise in the cluster than in Terraform's state; absent where the two were not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Vec<Drift>>,
    /// Why the cluster gave no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ClusterError>,
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
    pub check: String,
    pub title: String,
    pub severity: Severity,
    /// The first of the subjects.
    pub subject: String,
    /// What is said of it.
    pub message: String,
    /// Failures of this check and severity.
    pub count: usize,
}

/// The results of one check in one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterCheck {
    pub check: String,
    #[serde(flatten)]
    pub counts: VerdictCounts,
    /// The worst severity of its failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<Severity>,
}

/// Why a cluster gave no result.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterError {
    pub kind: ErrorKind,
    #[serde(flatten)]
    pub error: ReadError,
}

impl From<ReadError> for ClusterError {
    fn from(error: ReadError) -> Self {
        ClusterError { kind: error.fault.into(), error }
    }
}

/// What kept a cluster from giving a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// No answer from it: network, time, TLS, or a cluster that does not run.
    Unreachable,
    /// It answered that the caller may not read it, or does not know the caller.
    Forbidden,
    /// It was read, and the answer was of no use.
    Failed,
    /// Nobody tried: its shard is missing, or the run was interrupted.
    NotAudited,
}

impl From<FaultKind> for ErrorKind {
    fn from(fault: FaultKind) -> Self {
        match fault {
            FaultKind::Unauthenticated | FaultKind::Forbidden => ErrorKind::Forbidden,
            FaultKind::Timeout | FaultKind::Unreachable | FaultKind::UntrustedCertificate => ErrorKind::Unreachable,
            FaultKind::NotAttempted => ErrorKind::NotAudited,
            FaultKind::NotFound
            | FaultKind::TooManyRequests
            | FaultKind::ServerError
            | FaultKind::IncompleteAnswer
            | FaultKind::InvalidAnswer
            | FaultKind::Expired
            | FaultKind::NotYetKnown
            | FaultKind::Other => ErrorKind::Failed,
        }
    }
}

/// A part of the scope in which there may be clusters that were not found.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveryGap {
    /// What of the scope it is about, such as `projects/P`.
    pub scope: String,
    #[serde(flatten)]
    pub error: ReadError,
}

/// The counts of the fleet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetTotals {
    /// Clusters of this report; the numbers of `byOutcome` add up to it.
    pub clusters: usize,
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
    pub id: String,
    pub title: String,
    pub severity: Severity,
    /// Why it matters.
    pub why: String,
    /// Framework → control ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub controls: BTreeMap<String, Vec<String>>,
}

/// A check over all clusters that gave a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FleetCheck {
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
    pub target: String,
    pub findings: usize,
}
