//! The built-in example: `examples/tomoda/`, compiled in.

use crate::collect::{CONFIG_NAMES, Options, Problem, read_embedded};
use crate::inventory::Snapshot;

static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/example.rs"));

/// The name of the example in reports.
pub(crate) const SOURCE: &str = "built-in example";

/// Reads the example's evidence, which is complete.
///
/// # Errors
/// Problems in the example's files, which a release does not have.
pub(crate) fn snapshot() -> Result<Snapshot, Vec<Problem>> {
    read_embedded(FILES, SOURCE, Options::new("default", true))
}

/// The name and the text of the example's configuration.
pub(crate) fn config() -> Option<(&'static str, &'static str)> {
    FILES.iter().find(|(name, _)| CONFIG_NAMES.iter().any(|c| name.ends_with(c))).copied()
}
