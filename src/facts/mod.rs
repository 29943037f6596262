//! What an auditor wants to know about one subject, one file for each subject kind.

pub mod cluster;
mod context;
pub mod environment;
pub mod namespace;
pub mod network_policy;
pub mod schema;
pub mod service;
pub mod workload;
