//! Add-ons and other switches of the cluster.

use crate::facts::reading::Reading;
use crate::facts::version::Gate;

use super::Source;

crate::configuration_facts! {
    /// Add-ons and switches.
    pub(super) struct AddonFacts {
        /// Whether the web UI add-on is off.
        dashboard_off / "dashboardOff": bool => [Cluster],
            "addonsConfig.kubernetesDashboard.disabled is true, or from 1.15 on the add-on is absent";
        /// Whether Secret Manager's add-on mounts secrets, and rotates them.
        secret_manager / "secretManager": bool => [Cluster],
            "secretManagerConfig.enabled and rotationConfig.enabled are true";
        /// Whether NodeLocal DNSCache runs.
        node_local_dns / "nodeLocalDns": bool => [Cluster], "addonsConfig.dnsCacheConfig.enabled";
        /// Whether the controller of HTTP load balancers runs.
        http_load_balancing / "httpLoadBalancing": bool => [Cluster],
            "on unless addonsConfig.httpLoadBalancing.disabled is true";
        /// Whether the CSI driver of Persistent Disk runs.
        pd_csi_driver / "pdCsiDriver": bool => [Cluster], "addonsConfig.gcePersistentDiskCsiDriverConfig.enabled";
        /// Number of labels of the cluster.
        resource_labels / "resourceLabels": i64 => [Cluster], "resourceLabels";
        /// Node pools whose pods run in GKE Sandbox (gVisor).
        sandbox_pools / "sandboxPools": Vec<String> => [Cluster], "config.sandboxConfig.type GVISOR";
    }
}

pub(super) fn read_facts(c: &Source<'_>) -> AddonFacts {
    let d = &c.resource;
    AddonFacts {
        dashboard_off: dashboard_off(c),
        secret_manager: d
            .flag("secretManagerConfig.enabled")
            .and(|| d.flag("secretManagerConfig.rotationConfig.enabled")),
        node_local_dns: d.flag("addonsConfig.dnsCacheConfig.enabled"),
        http_load_balancing: !d.flag("addonsConfig.httpLoadBalancing.disabled"),
        pd_csi_driver: d.flag("addonsConfig.gcePersistentDiskCsiDriverConfig.enabled"),
        resource_labels: d.keys("resourceLabels").map(|keys| keys.len() as i64),
        sandbox_pools: sandbox_pools(c),
    }
}

fn dashboard_off(c: &Source<'_>) -> Reading<bool> {
    const PATH: &str = "addonsConfig.kubernetesDashboard";
    let d = &c.resource;
    d.has(PATH)
        .and_then(|there| match there {
            true => d.flag(&format!("{PATH}.disabled")),
            false => c.lacks(Gate::NoDashboard).map(|from| from.is_none()),
        })
        .without_ancestors()
}

/// Known only if it is known of every pool: one that cannot be read may be one of them.
fn sandbox_pools(c: &Source<'_>) -> Reading<Vec<String>> {
    let d = &c.resource;
    d.each("nodePools").and_then(|pools| {
        let one = |pool: &String| {
            let name = d.text(&format!("{pool}.name"));
            let name = name.value.value().map_or(pool.as_str(), String::as_str).to_owned();
            let kind = d.word(&format!("{pool}.config.sandboxConfig.type"), &["UNSPECIFIED", "GVISOR"]);
            kind.map(|kind| (kind == "GVISOR").then_some(name))
        };
        Reading::all(pools.iter().map(one)).map(|names| names.into_iter().flatten().collect())
    })
}
