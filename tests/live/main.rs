//! Tests over the network: against servers that behave like Google's and Kubernetes' APIs, and, where one is named,
//! against a real Kubernetes API server.

// `json!` with a whole cluster in it.
#![recursion_limit = "512"]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../servers/mod.rs"]
mod servers;
#[path = "../support/mod.rs"]
mod support;
#[path = "../terraform/mod.rs"]
mod terraform;

mod deploy;
mod faults;
mod fleet;
mod gke;
mod real_server;
mod secrets;
mod servers_selftest;
mod terraform_apply;
mod world;
