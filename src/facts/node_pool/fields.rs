//! The fields of a node pool that checks read.

use crate::document::path::entry;
use crate::facts::cluster::{self, Source, is_default_account};
use crate::facts::reading::{Reading, members};
use crate::facts::resource::Resource;
use crate::facts::version::Gate;
use crate::inventory::Reason;

crate::configuration_facts! {
    /// Facts of a node pool.
    pub struct PoolFacts {
        /// Name of the pool.
        name / "name": String => [Cluster], "the API's name";
        /// GKE version of its nodes.
        version / "version": String => [Cluster], "version";
        /// Minor versions by which the nodes are behind the control plane; negative: ahead of it.
        minors_behind / "minorsBehind": i64 => [Cluster],
            "the minor versions are compared as numbers; the major versions must be equal";
        /// Whether the nodes run Windows.
        windows / "windows": bool => [Cluster], "config.imageType begins with WINDOWS, in any spelling";
        /// Image of the nodes.
        image / "image": String => [Cluster], "config.imageType";
        /// Whether that is Container-Optimized OS with containerd.
        cos / "cos": bool => [Cluster], "config.imageType COS_CONTAINERD, in any spelling";
        /// Service account of the nodes; empty is the Compute Engine default.
        service_account / "serviceAccount": String => [Cluster], "config.serviceAccount";
        /// Whether that is the Compute Engine default service account.
        default_account / "defaultAccount": bool => [Cluster],
            "not set, default, or NUMBER-compute@developer.gserviceaccount.com";
        /// OAuth scopes that let the default service account do much.
        broad_scopes / "broadScopes": Vec<String> => [Cluster],
            "cloud-platform, compute, devstorage.full_control and devstorage.read_write";
        /// Whether pods reach the GKE metadata server instead of the node's credentials.
        gke_metadata_server / "gkeMetadataServer": bool => [Cluster],
            "config.workloadMetadataConfig.mode GKE_METADATA; GCE_METADATA, and nothing, expose the node's credentials";
        /// Whether the nodes answer the legacy metadata endpoints.
        legacy_metadata / "legacyMetadata": bool => [Cluster],
            "metadata disable-legacy-endpoints is true; not set, they are off from 1.12 on";
        /// Whether the pool sets that itself.
        legacy_metadata_set / "legacyMetadataSet": bool => [Cluster], "metadata disable-legacy-endpoints is set";
        /// Whether secure boot is on.
        secure_boot / "secureBoot": bool => [Cluster], "off unless config.shieldedInstanceConfig.enableSecureBoot is true";
        /// Whether integrity monitoring is on.
        integrity_monitoring / "integrityMonitoring": bool => [Cluster],
            "off unless config.shieldedInstanceConfig.enableIntegrityMonitoring is true";
        /// Whether broken nodes are repaired automatically.
        auto_repair / "autoRepair": bool => [Cluster], "off unless management.autoRepair is true";
        /// Whether nodes are upgraded automatically.
        auto_upgrade / "autoUpgrade": bool => [Cluster], "off unless management.autoUpgrade is true";
        /// Whether the pool grows and shrinks by itself.
        autoscaling / "autoscaling": bool => [Cluster], "off unless autoscaling.enabled is true";
        /// Number of zones.
        zones / "zones": i64 => [Cluster], "the number of locations";
        /// Whether the nodes have internal addresses only; null: the pool does not set it.
        private_nodes / "privateNodes": Option<bool> => [Cluster],
            "networkConfig.enablePrivateNodes; not set, older pools keep external addresses whatever the cluster's default";
        /// Whether boot disks have a key of Cloud KMS.
        boot_disk_key / "bootDiskKey": bool => [Cluster], "config.bootDiskKmsKey is set";
        /// Whether the kubelet's read-only port is open.
        readonly_port / "readonlyPort": bool => [Cluster],
            "config.kubeletConfig.insecureKubeletReadonlyPortEnabled; before 1.26.4-gke.500 it cannot be closed";
        /// Unsafe sysctls that pods may set, by pattern.
        sysctl_patterns / "sysctlPatterns": Vec<String> => [Cluster],
            "an entry of config.kubeletConfig.allowedUnsafeSysctls that ends in *";
        /// Unsafe sysctls that pods may set, by name.
        sysctls / "sysctls": Vec<String> => [Cluster],
            "an entry of config.kubeletConfig.allowedUnsafeSysctls that does not end in *";
    }
}

const SCOPES: &str = "https://www.googleapis.com/auth/";
const BROAD: [&str; 4] = ["cloud-platform", "compute", "devstorage.full_control", "devstorage.read_write"];

pub(super) fn read_facts(c: &Source<'_>, d: &Resource<'_>) -> PoolFacts {
    let image = || d.text("config.imageType");
    let windows = || image().map(|image| is_windows(&image));
    let sysctls = |pattern: bool| {
        let path = "config.kubeletConfig.allowedUnsafeSysctls";
        d.each(path).and_then(|entries| match entries.is_empty() {
            true => Reading::known(Vec::new()),
            false => {
                members(entries.iter().map(|e| d.text(e).map(|t| (t.ends_with('*') == pattern).then_some(t))).collect())
            }
        })
    };
    PoolFacts {
        name: d.required("name"),
        version: d.required("version"),
        minors_behind: minors_behind(c, d),
        windows: windows(),
        cos: image().and_then(|image| is_cos("config.imageType", &image)),
        image: image(),
        service_account: d.text("config.serviceAccount"),
        default_account: d.text("config.serviceAccount").map(|account| is_default_account(&account)),
        broad_scopes: broad_scopes(d),
        gke_metadata_server: d
            .word("config.workloadMetadataConfig.mode", &["MODE_UNSPECIFIED", "GCE_METADATA", "GKE_METADATA"])
            .map(|mode| mode == "GKE_METADATA"),
        legacy_metadata: legacy_metadata(d),
        legacy_metadata_set: d.text(&legacy_key()).map(|value| !value.is_empty()),
        secure_boot: d.flag("config.shieldedInstanceConfig.enableSecureBoot"),
        integrity_monitoring: d.flag("config.shieldedInstanceConfig.enableIntegrityMonitoring"),
        auto_repair: d.flag("management.autoRepair"),
        auto_upgrade: d.flag("management.autoUpgrade"),
        autoscaling: d.flag("autoscaling.enabled"),
        zones: d.texts("locations").map(|zones| zones.len() as i64),
        private_nodes: d.optional("networkConfig.enablePrivateNodes"),
        boot_disk_key: d.text("config.bootDiskKmsKey").map(|key| !key.is_empty()),
        readonly_port: readonly_port(d),
        sysctl_patterns: sysctls(true),
        sysctls: sysctls(false),
    }
}

fn is_windows(image: &str) -> bool {
    image.to_ascii_uppercase().starts_with("WINDOWS")
}

/// Whether an image is Container-Optimized OS with containerd. Custom images may be anything.
pub fn is_cos(path: &str, image: &str) -> Reading<bool> {
    match image.to_ascii_uppercase().as_str() {
        "COS_CONTAINERD" => Reading::known(true),
        // Not set in a response, and the Docker images of before 1.24.
        "" | "COS" => Reading::known(false),
        upper if upper.starts_with("UBUNTU") || is_windows(upper) => Reading::known(false),
        _ => Reading::unknown(Reason::undecided(format!(
            "{path} has the value \"{image}\", of which this version does not know what it is made from"
        ))),
    }
}

fn minors_behind(c: &Source<'_>, d: &Resource<'_>) -> Reading<i64> {
    c.version().with(cluster::version(d, "version")).and_then(|(control_plane, nodes)| {
        if control_plane.major() != nodes.major() {
            return Reading::unknown(Reason::undecided("nodes and control plane have different major versions"));
        }
        let minor = |v: u64| i64::try_from(v).unwrap_or(i64::MAX);
        Reading::known(minor(control_plane.minor()) - minor(nodes.minor()))
    })
}

/// Scopes matter only for the default service account, which has a check of its own.
fn broad_scopes(d: &Resource<'_>) -> Reading<Vec<String>> {
    d.each("config.oauthScopes").and_then(|scopes| {
        let one = |path: &String| {
            d.text(path).map(|scope| {
                let short = scope.strip_prefix(SCOPES).unwrap_or(&scope).to_owned();
                BROAD.contains(&short.as_str()).then_some(short)
            })
        };
        match scopes.is_empty() {
            true => Reading::known(Vec::new()),
            false => members(scopes.iter().map(one).collect()),
        }
    })
}

fn legacy_key() -> String {
    entry("config.metadata", "disable-legacy-endpoints")
}

fn legacy_metadata(d: &Resource<'_>) -> Reading<bool> {
    d.text(&legacy_key()).and_then(|value| match value.to_ascii_lowercase().as_str() {
        "true" => Reading::known(false),
        "false" => Reading::known(true),
        "" => cluster::version(d, "version").map(|v| !Gate::NoLegacyMetadata.is_open(v)),
        _ => Reading::unknown(Reason::undecided(format!("{}: \"{value}\" is neither true nor false", legacy_key()))),
    })
}

fn readonly_port(d: &Resource<'_>) -> Reading<bool> {
    const PATH: &str = "config.kubeletConfig.insecureKubeletReadonlyPortEnabled";
    d.optional(PATH).or_else(|| {
        cluster::version(d, "version").and_then(|v| match Gate::KubeletReadonlyPort.is_open(v) {
            false => Reading::known(true),
            true => Reading::unknown(Reason::undecided(format!(
                "{PATH} is not reported: the response is of an older shape, or the pool takes a default that is not in it"
            ))),
        })
    })
}
