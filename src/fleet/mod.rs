//! The report on many clusters: [`FleetReport`], how parts of it become one, and its renderings. No I/O.

mod build;
mod decode;
mod entry;
mod exit;
pub mod markdown;
mod merge;
mod model;
mod name;
mod open;
#[cfg(test)]
mod sample;
mod schema;
pub mod shard;
pub mod table;
#[cfg(test)]
mod tests;
mod words;

use crate::inventory::ClusterName;

pub use build::FleetParts;
pub use decode::decode;
pub use merge::{PartInput, merge};
pub use model::{
    Asked, CheckInfo, ClusterCheck, ClusterEntry, ClusterError, ClusterSummary, DiscoveryGap, ErrorKind,
    FLEET_SCHEMA_VERSION, Failing, FleetCheck, FleetReport, FleetScope, FleetTotals, Part, Rules, ShardState,
    TargetsFile, WorstFinding,
};
pub use name::{PartFile, part_file, part_stem};
pub use schema::json_schema;
