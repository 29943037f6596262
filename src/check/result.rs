//! The result of a check for one subject.

use serde::{Deserialize, Serialize};

use crate::config::Severity;
use crate::facts::schema::{Evidence, Subject};
use crate::inventory::Reason;

/// What a check found for a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The control is in place for the subject.
    Pass,
    /// The control is not in place.
    Fail,
    /// The evidence does not decide it.
    Unknown,
    /// The control is not about this subject, for the reason in the message.
    NotApplicable,
    /// A failure, or an unknown, that the configuration accepts.
    Waived,
}

impl Verdict {
    /// Every verdict, in the order in which people want to see them.
    pub const ALL: [Verdict; 5] =
        [Verdict::Fail, Verdict::Unknown, Verdict::Waived, Verdict::Pass, Verdict::NotApplicable];

    /// Name in JSON and in reports.
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
    /// `kubectl` commands, or a manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubectl: Option<String>,
    /// `gcloud` commands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcloud: Option<String>,
    /// Terraform configuration that passes the check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terraform: Option<String>,
}

/// The waiver that a result was waived by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WaiverRef {
    /// Why the finding is accepted.
    pub reason: String,
    /// Who answers for the waiver.
    pub owner: String,
    /// Where it is tracked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Last day on which it holds, `YYYY-MM-DD`.
    pub until: String,
}

impl Fix {
    /// Whether there is no text for any tool.
    pub fn is_empty(&self) -> bool {
        *self == Fix::default()
    }

    /// Keeps the text for one tool; `None` keeps all.
    pub fn keep(&mut self, tool: Option<FixTool>) {
        let Some(tool) = tool else { return };
        for (text, own) in [
            (&mut self.kubectl, FixTool::Kubectl),
            (&mut self.gcloud, FixTool::Gcloud),
            (&mut self.terraform, FixTool::Terraform),
        ] {
            text.take_if(|_| tool != own);
        }
    }
}

/// A tool that findings are fixed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixTool {
    /// Commands of `kubectl` and manifests.
    Kubectl,
    /// Commands of `gcloud`.
    Gcloud,
    /// Changes to the Terraform configuration.
    Terraform,
}

/// One result for each (check, subject). What is the same for all subjects of a check is in the report's `checks`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckResult {
    /// Id of the check.
    pub check: String,
    /// Severity for this subject, after the configuration and `lower`.
    pub severity: Severity,
    /// The check's own severity, where `lower` or the configuration changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_severity: Option<Severity>,
    /// What the check found.
    pub verdict: Verdict,
    /// Reported, but not counted: the check is about operations, or has to be switched on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub advice: bool,
    /// What the result is about; its id is `*` for all subjects of the kind.
    pub subject: Subject,
    /// The fact about this subject.
    pub message: String,
    /// Qualifies a pass, or states why the severity of a failure is lower.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why an unknown is unknown. Why a check does not apply is in the message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// Evidence of the facts that decide the verdict.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// How to fix a failure.
    #[serde(default, skip_serializing_if = "Fix::is_empty")]
    pub fix: Fix,
    /// The check whose failure on the same subject implies this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<String>,
    /// The waiver that applies; present only if the verdict is `waived`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<WaiverRef>,
    /// SHA-256 (hex) of check id, a newline, and subject id.
    pub fingerprint: String,
}
