//! gke-posture audits GKE clusters: who can reach what, are policies enforced, and are database connections encrypted.
//!
//! Data flows one way. [`collect`] reads evidence into a snapshot, [`inventory`] joins it, [`network`] and [`database`]
//! analyze it, [`facts`] computes the facts of each subject, [`check`] evaluates checks on them, and [`report`] renders the
//! results. [`audit`] is this pipeline for one cluster, [`fleet`] for many.

pub mod audit;
pub mod check;
pub mod cli;
pub mod collect;
pub mod config;
mod database;
mod document;
mod example;
pub mod facts;
pub mod fleet;
pub mod inventory;
mod lexicon;
pub mod network;
pub mod platform;
pub mod report;
