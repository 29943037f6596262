//! The reachability engine: NetworkPolicy v1 as GKE's dataplanes enforce it, symbolic in ports and addresses.
//!
//! Semantics: <https://kubernetes.io/docs/concepts/services-networking/network-policies/>.

pub mod address;
mod engine;
pub mod explain;
mod index;
pub mod model;
mod named_port;
mod outside;
pub mod policy;
pub mod ports;
pub mod reach;
mod row;
pub mod service;
mod spread;
pub mod table;
pub mod well_known;

pub use policy::Direction;
pub use ports::{Decision, PortSet};
pub use reach::{Peer, Reach};
