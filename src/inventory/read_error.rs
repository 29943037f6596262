//! Why something could not be read.

use serde::{Deserialize, Serialize};

/// What went wrong with a read, as a type: programs compare this, people read [`ReadError`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// There are no credentials, or the server does not accept them (HTTP 401).
    Unauthenticated,
    /// The caller lacks a permission (HTTP 403).
    Forbidden,
    /// The resource does not exist (HTTP 404).
    NotFound,
    /// The server limits the rate of requests (HTTP 429).
    TooManyRequests,
    /// The server failed (HTTP 5xx).
    ServerError,
    /// No answer, or only a part of it, within the allowed time.
    Timeout,
    /// No connection: an address that nobody listens at, or no route to it.
    Unreachable,
    /// The server's certificate is not trusted.
    UntrustedCertificate,
    /// The connection closed before the answer was complete.
    IncompleteAnswer,
    /// An answer with an unexpected status, or with content that cannot be parsed.
    InvalidAnswer,
    /// A list changed faster than it could be read (HTTP 410).
    Expired,
    /// The value does not exist yet: a Terraform plan computes it during apply, or the cluster is still being created.
    NotYetKnown,
    /// The read was not attempted, because it depends on another one or because the run was interrupted.
    NotAttempted,
    /// None of the above, or a snapshot of a version that did not record it.
    #[default]
    Other,
}

/// Something that could not be read: the one shape in which gaps, cluster errors and `doctor` explain it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReadError {
    /// What went wrong, as a type that programs can compare; `other` if it was not recorded.
    #[serde(default)]
    pub fault: FaultKind,
    /// What was being read.
    pub what: String,
    /// What went wrong, without a full stop at the end.
    pub why: String,
    /// How to fix it.
    // Snapshots of version 0.1 call it `mend`.
    #[serde(alias = "mend")]
    pub fix: String,
}

impl ReadError {
    /// Makes an error of its parts. A full stop at the end of `why` is removed.
    pub fn new(fault: FaultKind, what: impl Into<String>, why: impl AsRef<str>, fix: impl Into<String>) -> Self {
        let why = why.as_ref().trim().trim_end_matches('.').to_owned();
        ReadError { fault, what: what.into(), why, fix: fix.into() }
    }
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} could not be read: {}. {}", self.what, self.why, self.fix)
    }
}
