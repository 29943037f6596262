//! Documents of JSON and YAML: trees, how they are read, and what a source could not give.

pub mod path;
mod reader;
mod unavailable;

pub use reader::{Fields, Lookup, Reader, Recorded, describe};
pub use unavailable::Unavailable;

#[cfg(test)]
pub(crate) use reader::requested_paths;
