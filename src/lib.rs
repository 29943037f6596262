//! gke-posture: who can reach what in a GKE cluster, is it enforced, and is the database connection really encrypted.

pub mod check;
pub mod database;
pub mod facts;
pub mod inventory;
pub mod lexicon;
