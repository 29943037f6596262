//! The reachability engine: NetworkPolicy v1 as GKE's dataplanes enforce it, symbolic in ports and addresses.
//!
//! Semantics: <https://kubernetes.io/docs/concepts/services-networking/network-policies/>.

pub mod address;
mod engine;
pub mod explain;
pub mod model;
mod named_port;
pub mod policy;
pub mod ports;
pub mod reach;
mod runs;
pub mod service;
pub mod table;
pub mod well_known;

pub use policy::Direction;
pub use ports::{Decision, PortSet};
pub use reach::{Peer, Reach};
