//! The cluster as typed, small objects and the tables that join them. No I/O.

pub mod object;
mod source;

pub use source::{Cause, Known, Need, ObjectRef, Origin, Reason};
