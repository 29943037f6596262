//! Auto-provisioned nodes: defaults of node auto-provisioning, ComputeClasses, defaults of node pools.

use serde_json::Value as Json;

use crate::facts::reading::Reading;
use crate::facts::schema::Evidence;
use crate::facts::version::Gate;
use crate::inventory::object::ComputeClass;
use crate::inventory::{Completeness, Known, Reason};

use super::Source;

crate::configuration_facts! {
    /// Node pools that are created automatically.
    pub(super) struct AutoprovisioningFacts {
        /// Whether GKE creates node pools for the cluster as a whole (node auto-provisioning). The defaults are filled in even
        /// where it is off.
        node_autoprovisioning / "nodeAutoprovisioning": bool => [Cluster],
            "off unless autoscaling.enableNodeAutoprovisioning is true";
        /// The version from which a ComputeClass creates node pools even with node auto-provisioning off; null: this one does.
        compute_class_pools_from / "computeClassPoolsFrom": Option<String> => [Cluster],
            "versions compare part by part, with the number behind -gke.";
        /// ComputeClasses that create node pools. Beside the configuration alone there are taken to be none.
        pool_creating_classes / "poolCreatingClasses": Vec<String> => [ComputeClasses],
            "spec.nodePoolAutoCreation.enabled is true";
        /// Those of them that name no service account, and take the cluster's default.
        classes_without_account / "classesWithoutAccount": Vec<String> => [ComputeClasses],
            "spec.nodePoolConfig.serviceAccount is not set";
        /// Those of them that name the Compute Engine default service account.
        classes_with_default_account / "classesWithDefaultAccount": Vec<String> => [ComputeClasses],
            "spec.nodePoolConfig.serviceAccount is default, or NUMBER-compute@developer.gserviceaccount.com";
        /// Service account of nodes that are created automatically; empty is the Compute Engine default.
        auto_service_account / "autoServiceAccount": String => [Cluster],
            "autoscaling.autoprovisioningNodePoolDefaults.serviceAccount";
        /// Whether that is the Compute Engine default service account.
        auto_default_account / "autoDefaultAccount": bool => [Cluster],
            "not set, default, or NUMBER-compute@developer.gserviceaccount.com";
        /// Image of nodes that are created automatically.
        auto_image / "autoImage": String => [Cluster],
            "autoscaling.autoprovisioningNodePoolDefaults.imageType; not set is COS_CONTAINERD";
        /// Whether that is Container-Optimized OS with containerd.
        auto_cos / "autoCos": bool => [Cluster],
            "autoscaling.autoprovisioningNodePoolDefaults.imageType; not set is COS_CONTAINERD";
        /// Whether nodes that are created automatically have integrity monitoring.
        auto_integrity_monitoring / "autoIntegrityMonitoring": bool => [Cluster],
            "on where shieldedInstanceConfig is absent; absent in a shieldedInstanceConfig that is there, it is off";
        /// Whether nodes that are created automatically have secure boot.
        auto_secure_boot / "autoSecureBoot": bool => [Cluster], "off unless enableSecureBoot is true";
        /// Whether pools that are created automatically upgrade by themselves.
        auto_upgrade / "autoUpgrade": bool => [Cluster], "off unless management.autoUpgrade is true";
        /// Whether pools that are created automatically repair their nodes.
        auto_repair / "autoRepair": bool => [Cluster], "off unless management.autoRepair is true";
        /// Zones that automatic pools are restricted to; none: not restricted.
        auto_zones / "autoZones": Vec<String> => [Cluster], "autoscaling.autoprovisioningLocations";
        /// Whether boot disks of nodes that are created automatically have a key of Cloud KMS.
        auto_boot_disk_key / "autoBootDiskKey": bool => [Cluster],
            "autoscaling.autoprovisioningNodePoolDefaults.bootDiskKmsKey is set";
        /// Whether a default leaves the kubelet's read-only port open in new node pools, or this version cannot close it.
        default_readonly_port / "defaultReadonlyPort": bool => [Cluster],
            "open if any of the three defaults is true; closed only where nodePoolDefaults has false";
        /// Whether pools that are created automatically leave it open; on Autopilot that is the setting of all nodes.
        auto_readonly_port / "autoReadonlyPort": bool => [Cluster],
            "nodePoolAutoConfig.nodeKubeletConfig decides, without it (Standard only) the older field of the defaults";
    }
}

const DEFAULTS: &str = "autoscaling.autoprovisioningNodePoolDefaults";
const PORT: &str = "insecureKubeletReadonlyPortEnabled";

pub(super) fn read_facts(c: &Source<'_>) -> AutoprovisioningFacts {
    let d = &c.resource;
    let of = |field: &str| format!("{DEFAULTS}.{field}");
    let image = d.text(&of("imageType"));
    let shielded = of("shieldedInstanceConfig");
    let classes = |which: &dyn Fn(&ComputeClass) -> bool, path: &str| compute_classes(c, which, path);
    const ACCOUNT: &str = "spec.nodePoolConfig.serviceAccount";
    AutoprovisioningFacts {
        node_autoprovisioning: d.flag("autoscaling.enableNodeAutoprovisioning"),
        compute_class_pools_from: c.lacks(Gate::ComputeClassPools),
        pool_creating_classes: classes(&|_| true, "spec.nodePoolAutoCreation.enabled"),
        classes_without_account: classes(&|class| class.service_account.is_none(), ACCOUNT),
        classes_with_default_account: classes(
            &|class| class.service_account.as_deref().is_some_and(is_default_account),
            ACCOUNT,
        ),
        auto_default_account: d.text(&of("serviceAccount")).map(|account| is_default_account(&account)),
        auto_service_account: d.text(&of("serviceAccount")),
        auto_cos: image.clone().and_then(|image| match image.is_empty() {
            true => Reading::known(true),
            false => crate::facts::node_pool::is_cos(&of("imageType"), &image),
        }),
        auto_image: image,
        auto_integrity_monitoring: d
            .has(&shielded)
            .and_then(|there| match there {
                true => d.flag(&format!("{shielded}.enableIntegrityMonitoring")),
                false => Reading::known(true),
            })
            .without_ancestors(),
        auto_secure_boot: d.flag(&format!("{shielded}.enableSecureBoot")),
        auto_upgrade: d.flag(&of("management.autoUpgrade")),
        auto_repair: d.flag(&of("management.autoRepair")),
        auto_zones: d.texts("autoscaling.autoprovisioningLocations"),
        auto_boot_disk_key: d.text(&of("bootDiskKmsKey")).map(|key| !key.is_empty()),
        default_readonly_port: default_readonly_port(c),
        auto_readonly_port: auto_readonly_port(c),
    }
}

/// Whether a service account is the Compute Engine default, in either of its spellings.
pub fn is_default_account(account: &str) -> bool {
    let number = account.strip_suffix("-compute@developer.gserviceaccount.com");
    matches!(account, "" | "default") || number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Those that create node pools and are of one kind, with the field that decides.
fn compute_classes(c: &Source<'_>, which: &dyn Fn(&ComputeClass) -> bool, path: &str) -> Reading<Vec<String>> {
    let found = c.snapshot.compute_classes.iter().filter(|class| class.creates_pools && which(class));
    let (names, evidence): (Vec<String>, Vec<Evidence>) = found
        .map(|class| {
            let value = match path.ends_with("serviceAccount") {
                true => class.service_account.as_deref().map_or(Json::Null, Json::from),
                false => Json::from(true),
            };
            let object = class.meta.object_ref();
            let source = Some(class.meta.origin.clone());
            (
                class.meta.name.clone(),
                Evidence { object, path: path.to_owned(), value, rule: None, omitted: None, source },
            )
        })
        .unzip();
    // Of a cluster of which some objects are in the input, others need not be.
    if names.is_empty() && c.snapshot.completeness == Completeness::Files && c.snapshot.has_objects() {
        return Reading::unknown(Reason::missing(
            "whether there are ComputeClasses that create node pools is not in the input: add the output of `kubectl \
             get computeclasses -o yaml`, or state with --complete that everything is there",
        ));
    }
    Reading { value: Known::Value(names), evidence }
}

const POOL_DEFAULT: &str = "nodePoolDefaults.nodeConfigDefaults.nodeKubeletConfig";
const POOL_AUTO: &str = "nodePoolAutoConfig.nodeKubeletConfig";

/// "A blank value might still be enabled": what is not reported is not known, unless this version cannot close the port.
fn not_reported(c: &Source<'_>, path: &str) -> Reading<bool> {
    c.lacks(Gate::KubeletReadonlyPort).and_then(|from| match from {
        Some(_) => Reading::known(true),
        None => Reading::unknown(Reason::undecided(format!(
            "{path} is not reported, and the default depends on the version with which the cluster was made"
        ))),
    })
}

fn default_readonly_port(c: &Source<'_>) -> Reading<bool> {
    let d = &c.resource;
    let pools = format!("{POOL_DEFAULT}.{PORT}");
    let is_true = |path: String| d.optional(&path).map(|value| value == Some(true));
    let open = is_true(pools.clone())
        .or(|| is_true(format!("{POOL_AUTO}.{PORT}")))
        .or(|| is_true(format!("{DEFAULTS}.{PORT}")));
    open.or(|| d.optional(&pools).or_else(|| not_reported(c, &pools)))
}

fn auto_readonly_port(c: &Source<'_>) -> Reading<bool> {
    let d = &c.resource;
    let new = format!("{POOL_AUTO}.{PORT}");
    d.optional(&new).or_else(|| {
        c.autopilot().and_then(|autopilot| match autopilot {
            true => not_reported(c, &new),
            false => d.optional(&format!("{DEFAULTS}.{PORT}")).or_else(|| not_reported(c, &new)),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_account_has_two_spellings() {
        for account in ["", "default", "123456789-compute@developer.gserviceaccount.com"] {
            assert!(is_default_account(account), "{account}");
        }
        for account in [
            "nodes@p.iam.gserviceaccount.com",
            "x-compute@developer.gserviceaccount.com",
            "-compute@developer.gserviceaccount.com",
            "123-compute@developer.gserviceaccount.com.example.com",
            "Default",
        ] {
            assert!(!is_default_account(account), "{account}");
        }
    }
}
