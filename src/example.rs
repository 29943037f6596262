//! The built-in example: `examples/tomoda/`, compiled in.

use crate::collect::{CONFIG_NAMES, Options, Problem, read_embedded};
use crate::inventory::Snapshot;

static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/example.rs"));

/// What a report calls it.
pub const SOURCE: &str = "built-in example";

/// The example's evidence, which is complete.
///
/// # Errors
/// None with the files of a release; a developer's mistake in an example file is said like any input's.
pub fn snapshot() -> Result<Snapshot, Vec<Problem>> {
    read_embedded(FILES, SOURCE, Options::new("default", true))
}

/// Name and text of the example's configuration.
pub fn config() -> Option<(&'static str, &'static str)> {
    FILES.iter().find(|(name, _)| CONFIG_NAMES.iter().any(|c| name.ends_with(c))).copied()
}
