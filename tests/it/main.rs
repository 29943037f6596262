//! Tests of the library and of the program that need no server.

// `json!` with a whole cluster in it.
#![recursion_limit = "512"]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;
#[path = "../terraform/mod.rs"]
mod terraform;

mod clusters;
mod gke;
mod oracle;

mod architecture;
mod checks;
mod cli_bad_input;
mod cli_checks;
mod cli_config;
mod cli_corpus;
mod cli_determinism;
mod cli_exit;
mod cli_gke_forms;
mod cli_hostile;
mod cli_inputs;
mod cli_limits;
mod cli_merge;
mod cli_output;
mod cli_reach;
mod cli_secrets;
mod cli_terraform;
mod database;
mod documentation;
mod evidence;
mod evidence_property;
mod example;
mod gke_cases;
mod gke_pitfalls;
mod gke_recordings;
mod gke_robust;
mod netpol_corpus;
mod network_cases;
mod network_property;
mod terraform_creation;
