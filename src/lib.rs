//! gke-posture: who can reach what in a GKE cluster, is it enforced, and is the database connection really encrypted.
//!
//! One way: [`collect`] reads evidence into a snapshot, [`inventory`] joins it, [`network`] and [`database`] work out
//! what follows, [`facts`] says it of one subject at a time, [`check`] judges, [`report`] renders. [`audit`] is that road.

pub mod audit;
pub mod check;
pub mod cli;
pub mod collect;
pub mod config;
pub mod database;
pub(crate) mod document;
pub mod example;
pub mod facts;
pub mod fleet;
pub mod inventory;
pub mod lexicon;
pub mod network;
pub mod report;
