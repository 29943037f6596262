//! The [`Report`]: what an audit found, and its renderings as terminal table, Markdown and JSON. No I/O.

mod build;
mod counts;
pub(crate) mod escape;
pub(crate) mod exit;
pub mod framework;
pub(crate) mod grid;
pub(crate) mod group;
pub mod markdown;
mod model;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod schema;
pub mod table;
pub(crate) mod text;
pub(crate) mod verdict;
mod view;
pub(crate) mod wrap;

pub use build::Parts;
pub use counts::{Countable, Counts, OutcomeCounts, SeverityCounts, VerdictCounts};
pub use exit::{ExitPolicy, Outcome, exit_status};
pub use model::{
    CheckSummary, Collector, Coverage, CoverageSummary, Dataplane, Drift, EvidenceSummary, Gap, NamespaceCoverage,
    NotEvaluated, Report, Summary, Target, Tool, WaiverReport, WaiverStatus,
};
pub use schema::json_schema;
