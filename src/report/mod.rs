//! The [`Report`] of an audit: its data, the typed view of them that people read, and its formats. No I/O.

mod build;
mod counts;
pub(crate) mod exit;
pub(crate) mod format;
pub mod framework;
mod model;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod schema;
pub(crate) mod text;
pub(crate) mod verdict;
pub(crate) mod view;

pub(crate) use format::table::{grid, wrap};
pub(crate) use format::{markdown, table};

pub use build::{Comparison, Parts};
pub use counts::{Countable, Counts, OutcomeCounts, SeverityCounts, VerdictCounts};
pub use exit::{ExitPolicy, Outcome};
pub use format::table::Style;
pub use format::{Format, Options, render};
pub use model::{
    CheckSummary, Collector, Coverage, CoverageSummary, Dataplane, Drift, EvidenceSummary, Gap, NamespaceCoverage,
    NotEvaluated, Report, Summary, Target, Tool, UnusedChecks, UnusedObjects, WaiverReport, WaiverStatus,
};
pub use schema::json_schema;
