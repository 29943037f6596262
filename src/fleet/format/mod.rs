//! The formats of a fleet report, one file each.

pub mod json;
pub mod markdown;
pub mod table;
#[cfg(test)]
mod tests;
