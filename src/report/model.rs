//! The report as data: what its JSON holds, and what every format reads.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::{CheckResult, Severity};
pub use crate::config::{WaiverReport, WaiverStatus};
use crate::inventory::ReadError;
pub use crate::inventory::{Dataplane, Drift};

use super::{ExitPolicy, Outcome, SeverityCounts, VerdictCounts};

/// Version of the JSON of reports; raised when a field changes its meaning or is removed.
pub(super) const SCHEMA_VERSION: u32 = 2;

/// The report of one audit. Its parts do not change once it is made by [`Report::new`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    #[schemars(extend("const" = SCHEMA_VERSION))]
    pub schema_version: u32,
    /// The program that wrote the report.
    pub tool: Tool,
    /// Time of the report, RFC 3339 with seconds and `Z`.
    pub generated_at: String,
    /// The answer in one word.
    pub outcome: Outcome,
    /// The options that `outcome` was decided by.
    pub exit: ExitPolicy,
    /// The cluster that was audited.
    pub target: Target,
    /// The evidence of the audit.
    pub evidence: EvidenceSummary,
    /// The counts.
    pub summary: Summary,
    /// Every check of this audit, passing ones too, sorted by id.
    pub checks: Vec<CheckSummary>,
    /// One result for each check and subject, sorted by check and subject.
    pub results: Vec<CheckResult>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// The configured waivers, and the status of each.
    pub waivers: Vec<WaiverReport>,
    /// What is out of scope.
    pub not_evaluated: NotEvaluated,
    /// Drift from the Terraform state; absent where the cluster was not compared with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Vec<Drift>>,
}

/// A program and its version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    /// Name of the program.
    pub name: String,
    /// Semantic version, such as `0.1.0`.
    pub version: String,
}

impl Tool {
    /// This program.
    pub(crate) fn current() -> Tool {
        Tool { name: "gke-posture".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// The audited cluster, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Name of the cluster, without project and location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Project, from the cluster's `selfLink`, or as given on the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Region or zone of the control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// GKE version of the control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The dataplane whose rules were applied to network policies; `null`: not known.
    pub dataplane: Option<Dataplane>,
    /// Whether network policies take effect; `null`: not known, and assumed.
    pub enforced: Option<bool>,
    /// How `dataplane` and `enforced` are known, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataplane_note: Option<String>,
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
    /// Who collected the evidence; absent if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collector: Option<Collector>,
    /// `sha256:…` over the evidence.
    pub evidence_digest: String,
    /// Objects in all.
    pub objects: usize,
    /// Objects by kind.
    pub kinds: BTreeMap<String, usize>,
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
    /// What was being read, what went wrong, and the fix.
    #[serde(flatten)]
    pub error: ReadError,
}

/// What an audit did not look at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotEvaluated {
    /// Checks that are out of scope.
    pub checks: Vec<UnusedChecks>,
    /// Objects of the input that are no subject, no part of one and no evidence.
    pub objects: Vec<UnusedObjects>,
}

impl NotEvaluated {
    /// Whether everything was looked at.
    pub fn is_empty(&self) -> bool {
        self.checks.is_empty() && self.objects.is_empty()
    }
}

/// Checks that were not applied, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnusedChecks {
    /// Ids; sorted.
    pub checks: Vec<String>,
    /// Why, such as `switched off in the configuration`.
    pub reason: String,
}

impl UnusedChecks {
    /// The reason for checks of clusters and node pools.
    pub(crate) const NO_CLUSTER: &str = "no cluster configuration given";
    /// The reason for checks of what runs in a cluster.
    pub(crate) const NO_OBJECTS: &str = "no Kubernetes objects given";

    /// Whether `--strict` counts them: the checks of clusters and node pools, which belong to every audit.
    pub(crate) fn lacks_cluster(&self) -> bool {
        self.reason == Self::NO_CLUSTER
    }
}

/// Objects of one kind that no result is about, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnusedObjects {
    /// `apiVersion`, such as `batch/v1`.
    pub api_version: String,
    /// `kind`, such as `CronJob`.
    pub kind: String,
    /// Number of objects.
    pub count: usize,
    /// `NAMESPACE/NAME`, or the name of an object without a namespace; empty where only their number is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Why no result is about them.
    pub reason: String,
}

impl UnusedObjects {
    /// The reason for objects of kinds that this version knows nothing of.
    pub(crate) const NO_CHECK: &str = "no check is about objects of this kind";
}

/// A check of this audit with the counts of its results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckSummary {
    /// Id of the check, as in the configuration.
    pub id: String,
    /// The control: true where the check passes.
    pub title: String,
    /// What a failure is called; absent where the title has to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<String>,
    /// Before `lower` changes it for a subject.
    pub severity: Severity,
    /// Why it matters.
    pub why: String,
    /// Documentation of the rule, as `https://` addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// Framework → control ids.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub controls: BTreeMap<String, Vec<String>>,
    /// Set by [`Report::new`].
    #[serde(default)]
    pub counts: VerdictCounts,
}

impl CheckSummary {
    /// What a failure is called.
    pub fn finding(&self) -> &str {
        self.finding.as_ref().unwrap_or(&self.title)
    }
}

/// The counts of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Results by verdict. Like all counts of the summary, without implied failures and advice.
    pub by_verdict: VerdictCounts,
    /// Failing results.
    pub by_severity: SeverityCounts,
    /// Unknown results.
    pub unknown_by_severity: SeverityCounts,
    /// How many workloads network policies isolate.
    pub coverage: CoverageSummary,
}

/// How much of the cluster network policies cover.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoverageSummary {
    /// Without platform namespaces.
    pub total: Coverage,
    /// Every namespace, platform namespaces too; sorted by name.
    pub namespaces: Vec<NamespaceCoverage>,
}

/// Workloads, and how many of them a policy isolates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// Running workloads to which network policies apply (not on the host network).
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
    /// Name of the namespace.
    pub namespace: String,
    /// Its environment; absent if it is not set and cannot be guessed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The environment is derived from a word in the name, neither configured nor labeled.
    #[serde(default)]
    pub environment_guessed: bool,
    /// Run by GKE: shown, but not part of the total.
    #[serde(default)]
    pub platform: bool,
    /// Its workloads, and how many of them a policy isolates.
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
