//! What a check says of a subject.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::Severity;
use crate::facts::schema::{Evidence, Subject};
use crate::inventory::Reason;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Pass,
    Fail,
    Unknown,
    NotApplicable,
    Waived,
}

impl Verdict {
    pub const ALL: [Verdict; 5] =
        [Verdict::Fail, Verdict::Unknown, Verdict::Waived, Verdict::Pass, Verdict::NotApplicable];

    pub fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Unknown => "unknown",
            Verdict::NotApplicable => "not-applicable",
            Verdict::Waived => "waived",
        }
    }
}

/// How to fix a finding, per tool; texts are already filled in for the subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubectl: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcloud: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terraform: Option<String>,
}

/// The waiver that a result was waived by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WaiverRef {
    pub reason: String,
    pub owner: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Last day on which it holds, `YYYY-MM-DD`.
    pub until: String,
}

/// One result for each (check, subject).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckResult {
    pub check: String,
    pub title: String,
    pub severity: Severity,
    /// The check's own severity, where `lower` or the configuration changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_severity: Option<Severity>,
    pub verdict: Verdict,
    /// It is told of and not counted: a check of operations beside security, or one that has to be asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub advice: bool,
    pub subject: Subject,
    pub message: String,
    /// Qualifies a pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why an unknown is unknown. Why a check does not apply is in the message: no cause of an unknown fits it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    #[serde(default)]
    pub fix: Fix,
    /// Framework → control ids.
    #[serde(default)]
    pub controls: Arc<BTreeMap<String, Vec<String>>>,
    /// The check whose failure on the same subject implies this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<WaiverRef>,
    /// SHA-256 (hex) of check id, a newline, and subject id.
    pub fingerprint: String,
}
