//! The cluster as typed, small objects and the tables that join them. No I/O.

mod annotations;
mod cluster_name;
mod drift;
pub mod join;
mod kinds;
mod label_map;
pub mod labels;
pub mod object;
mod owner;
mod platform;
mod read_error;
pub mod snapshot;
mod source;
pub mod workload;

pub use annotations::Annotations;
pub use cluster_name::ClusterName;
pub use drift::Drift;
pub use join::{ClassId, Inventory, NAME_LABEL, NamespaceInfo};
pub(crate) use kinds::with_object_lists;
pub use kinds::{KINDS, List, ObjectKind, Scope};
pub use labels::{LabelView, Tri};
pub use platform::{Agents, ClusterNetwork, Dataplane, Enforcement, Platform};
pub use read_error::{FaultKind, ReadError};
pub use snapshot::{ClusterConfig, Completeness, Creation, Gap, Snapshot};
pub use source::{Cause, Known, Need, ObjectRef, Origin, Reason, Right, Terraform};
pub use workload::{Class, Workload};
