//! What the cluster's configuration and its agents mean for reachability, decided once and given to the engine as a value.

mod agents;
mod enforcement;
mod network;

use crate::inventory::{ClusterConfig, Dataplane, Inventory, Platform};

/// Decides what reachability depends on beside the objects of the cluster. `stated`: the dataplane that the user states.
pub fn describe(inventory: &Inventory, stated: Option<Dataplane>) -> Platform {
    let cluster = inventory.snapshot.cluster.as_ref().filter(|c| !c.pools_only).map(ClusterConfig::reader);
    Platform {
        enforcement: stated.map_or_else(|| enforcement::decide(cluster), enforcement::state),
        agents: agents::versions(inventory),
        network: network::describe(cluster),
    }
}
