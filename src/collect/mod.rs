//! The only module that reads files and calls APIs. Every source becomes a [`Snapshot`](crate::inventory::Snapshot).

mod archive;
mod builder;
mod cnpg;
mod config_connector;
mod content;
mod folder;
mod gke;
#[cfg(test)]
pub(crate) use gke::enum_name;
mod inputs;
mod interner;
mod kubernetes;
mod kustomization;
pub mod live;
mod names;
mod policy;
mod rendering;
pub mod terraform;

pub use crate::document::Problem;
pub use archive::{decode, digest, encode, write_atomically};
pub use builder::Options;
pub use folder::CONFIG_NAMES;
pub use inputs::{read, read_embedded};
