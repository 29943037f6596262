//! Many clusters: which ones, their audits, the shards of a fleet, and one report on all of them.
//!
//! Reads clusters by [`collect`](crate::collect), and no files; writing is left to an [`Observer`].

mod build;
mod decode;
mod entry;
mod format;
mod merge;
mod model;
mod outcome;
mod part_file;
mod run;
#[cfg(test)]
mod sample;
mod schema;
pub mod shard;
mod targets;
mod unevaluated;
mod wording;

pub use crate::collect::live::DiscoveryGap;
use crate::inventory::ClusterName;

pub use build::FleetParts;
pub use decode::decode;
pub use format::{check_format, render};
pub use merge::{PartInput, merge};
pub use model::{
    CheckInfo, ClusterCheck, ClusterEntry, ClusterSummary, FLEET_SCHEMA_VERSION, Failing, FleetCheck, FleetReport,
    FleetScope, FleetTotals, Part, Requested, Rules, ShardState, TargetsFile, WorstFinding,
};
pub use part_file::{PartFile, part_file, part_stem};
pub use run::{FleetAudit, FleetRun, Observer, StartError, run};
pub use schema::json_schema;
pub use targets::Targets;
