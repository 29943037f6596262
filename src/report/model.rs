//! The report as data: what the JSON holds, and what every other rendering reads.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::{CheckResult, Severity};
pub use crate::config::{WaiverReport, WaiverStatus};
use crate::inventory::ReadError;

use super::{ExitPolicy, Outcome, SeverityCounts, VerdictCounts};

/// Everything that one audit has to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of this shape; raised when a field changes its meaning or goes.
    #[schemars(extend("const" = 1))]
    pub schema_version: u32,
    /// The program that wrote the report.
    pub tool: Tool,
    /// Time of the report, RFC 3339 with seconds and `Z`.
    pub generated_at: String,
    /// The answer in one word.
    pub outcome: Outcome,
    /// What `outcome` was decided by.
    pub exit: ExitPolicy,
    /// The cluster that was audited.
    pub target: Target,
    /// What the audit looked at.
    pub evidence: EvidenceSummary,
    /// The counts.
    pub summary: Summary,
    /// One result for each check and subject, sorted by check and subject.
    pub results: Vec<CheckResult>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// The configured waivers, and what became of each.
    pub waivers: Vec<WaiverReport>,
    /// Checks that were out of scope, and why.
    pub not_evaluated: Vec<NotEvaluated>,
    /// Every check of this audit, passing ones too, sorted by id.
    pub checks: Vec<CheckSummary>,
    /// What is otherwise in the cluster than in Terraform's state; absent where the two were not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Vec<Drift>>,
}

/// A setting that is otherwise in the cluster than in Terraform's state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// `Cluster/NAME` or `NodePool/NAME`.
    pub object: String,
    /// Address of the resource in Terraform.
    pub address: String,
    /// The attribute to change there.
    pub attribute: String,
    /// Path in the GKE API, from the object.
    pub path: String,
    /// As the state has it, in the form of the API.
    pub state: serde_json::Value,
    /// As the cluster has it; `null`: not set.
    pub live: serde_json::Value,
}

/// A program and its version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    pub name: String,
    pub version: String,
}

/// The audited cluster, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// GKE version of the control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whose rules of network policy were applied; `null`: not known.
    pub dataplane: Option<Dataplane>,
    /// Whether network policies take effect; `null`: not known, and assumed.
    pub enforced: Option<bool>,
    /// What a reader must know about `dataplane` and `enforced`, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataplane_note: Option<String>,
}

/// The engine that enforces network policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dataplane {
    Calico,
    DataplaneV2,
    Upstream,
    None,
}

/// What was read, from where, when and by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceSummary {
    /// Such as `built-in example` or `files: a.yaml, b/`.
    pub source: String,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collector: Option<Collector>,
    /// `sha256:…` over the evidence.
    pub digest: String,
    /// Objects in all.
    pub objects: usize,
    /// Objects by kind.
    pub kinds: BTreeMap<String, usize>,
    /// Objects that no check looks at, by `apiVersion Kind`.
    pub unmodelled: BTreeMap<String, usize>,
    /// Input files that hold no object.
    pub ignored_files: usize,
    /// Whether absence from the evidence proves absence from the cluster.
    pub complete: bool,
    /// Notes on the input, such as duplicates that were replaced.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// Who collected the evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Collector {
    /// The account that read the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Version of gke-posture that collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Something that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// What the reasons of unknown results refer to.
    pub id: String,
    /// The resource and the right that reading it takes.
    pub need: String,
    #[serde(flatten)]
    pub error: ReadError,
}

/// Checks that were not applied at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotEvaluated {
    pub checks: Vec<String>,
    pub reason: String,
}

/// A check of this audit with its counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckSummary {
    pub id: String,
    pub title: String,
    pub severity: Severity,
    /// Why it matters.
    pub why: String,
    #[serde(default)]
    pub references: Vec<String>,
    /// Filled by [`Report::new`].
    #[serde(default)]
    pub counts: VerdictCounts,
}

/// The counts of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub by_verdict: VerdictCounts,
    /// Failing results.
    pub by_severity: SeverityCounts,
    /// Unknown results.
    pub unknown_by_severity: SeverityCounts,
    pub coverage: CoverageSummary,
}

/// How much of the cluster network policies cover.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoverageSummary {
    /// Without platform namespaces.
    pub total: Coverage,
    pub namespaces: Vec<NamespaceCoverage>,
}

/// Workloads, and how many of them a policy isolates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    pub workloads: usize,
    /// Certainly isolated.
    pub ingress_isolated: usize,
    /// Neither certainly isolated nor certainly open.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ingress_unknown: usize,
    /// Certainly isolated.
    pub egress_isolated: usize,
    /// Neither certainly isolated nor certainly open.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub egress_unknown: usize,
}

impl AddAssign for Coverage {
    fn add_assign(&mut self, other: Self) {
        self.workloads += other.workloads;
        self.ingress_isolated += other.ingress_isolated;
        self.ingress_unknown += other.ingress_unknown;
        self.egress_isolated += other.egress_isolated;
        self.egress_unknown += other.egress_unknown;
    }
}

/// The coverage of one namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceCoverage {
    pub namespace: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The environment was read off the name, not configured or labelled.
    #[serde(default)]
    pub environment_guessed: bool,
    /// Run by GKE: shown, but not part of the total.
    #[serde(default)]
    pub platform: bool,
    #[serde(flatten)]
    pub coverage: Coverage,
    /// `null`: not known.
    pub default_deny_ingress: Option<bool>,
    /// `null`: not known.
    pub default_deny_egress: Option<bool>,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}
