//! The [`Report`]: what an audit found, and its renderings as terminal table, Markdown and JSON. No I/O.

mod build;
mod escape;
mod exit;
pub mod fleet;
pub mod framework;
mod grid;
mod group;
pub mod markdown;
mod model;
#[cfg(test)]
mod sample;
mod schema;
pub mod table;
mod text;
mod verdict;
mod view;
mod wrap;

pub use build::Parts;
pub use exit::{ExitPolicy, Outcome, exit_status};
pub use model::{
    CheckSummary, Collector, Coverage, CoverageSummary, Dataplane, Drift, EvidenceSummary, Gap, NamespaceCoverage,
    NotJudged, Report, SeverityCounts, Summary, Target, Tool, VerdictCounts, WaiverReport, WaiverStatus,
};
pub use schema::json_schema;
