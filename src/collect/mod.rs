//! The only module that reads files and calls APIs. Every source becomes a [`Snapshot`](crate::inventory::Snapshot).

mod api_format;
mod archive;
mod builder;
mod cnpg;
mod files;
mod gke;
mod interner;
mod json_text;
mod kubernetes;
pub mod live;
mod pod_text;
mod policy;
mod spec_text;
pub mod terraform;

pub use crate::document::Problem;
pub use archive::{decode, digest, encode, write_atomically};
pub use builder::Options;
pub use files::{CONFIG_NAMES, read, read_embedded};
