//! Severity of findings.

use serde::{Deserialize, Serialize};

use crate::document::Cursor;

/// Severity of a finding. It is defined here, not with the results, because the user's file may set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Advice: a practice that nothing depends on, or what remains of a failure of low severity.
    Info,
    /// Further hardening; the maximum for a check file of profile `operations`.
    Low,
    /// A layer of defense is missing, such as the isolation of a workload.
    Medium,
    /// A main control is missing or has no effect. The default threshold of `--fail-on`.
    High,
    /// Production data or the control plane lacks a basic protection.
    Critical,
}

impl Severity {
    /// Worst first.
    pub const ALL: [Severity; 5] =
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];

    /// Name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Info => "info",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    /// Parses the name of a severity in a file; any other text is a problem.
    pub(crate) fn parse(c: Cursor<'_>) -> Option<Self> {
        c.one_of("severity", &Self::ALL.map(|s| (s.name(), s)))
    }
}
