//! How the cluster stays up to date: channel, windows, exclusions, support, notifications.

use jiff::Timestamp;

use crate::document::path::entry;
use crate::facts::reading::{Reading, members};
use crate::facts::resource::Resource;
use crate::inventory::{ObjectRef, Reason};

use super::{Source, days_between};

crate::configuration_facts! {
    /// Upgrades and what announces or delays them.
    pub(super) struct UpkeepFacts {
        /// Release channel; empty: none.
        release_channel / "releaseChannel": String => [Cluster], "releaseChannel.channel; UNSPECIFIED is none";
        /// Whether it is an alpha cluster.
        alpha / "alpha": bool => [Cluster], "off unless enableKubernetesAlpha is true";
        /// When an alpha cluster is deleted; empty for others.
        expire_time / "expireTime": String => [Cluster], "expireTime";
        /// Whether there is a maintenance window.
        maintenance_window / "maintenanceWindow": bool => [Cluster],
            "maintenancePolicy.window has a daily or a recurring window; a resourceVersion alone is none";
        /// Maintenance exclusions in force that keep security patches away from the control plane and the nodes.
        exclusions_of_patches / "exclusionsOfPatches": Vec<String> => [Cluster],
            "in force now, with scope NO_UPGRADES, which is also what an absent scope means";
        /// Maintenance exclusions in force, also of node pools, that keep them away from the nodes.
        exclusions_of_nodes / "exclusionsOfNodes": Vec<String> => [Cluster],
            "in force now, with scope NO_MINOR_OR_NODE_UPGRADES, or until the end of support for a node pool";
        /// Those of them that are the cluster's own, not a node pool's.
        active_exclusions / "activeExclusions": Vec<String> => [Cluster],
            "in force now, with scope NO_UPGRADES or NO_MINOR_OR_NODE_UPGRADES";
        /// Node pools that are excluded from upgrades until the end of support.
        excluded_pools / "excludedPools": Vec<String> => [Cluster],
            "nodePools[].maintenancePolicy.exclusionUntilEndOfSupport.enabled";
        /// Whether cluster notifications go to a Pub/Sub topic.
        notifications / "notifications": bool => [Cluster],
            "notificationConfig.pubsub.enabled is true and topic is set";
        /// Whether security bulletins are among them.
        bulletins / "bulletins": bool => [Cluster],
            "no filter, an empty one, or one that lets SECURITY_BULLETIN_EVENT through";
        /// Days until support for this minor version ends: extended support in channel EXTENDED, standard support in others.
        support_days_left / "supportDaysLeft": i64 => [Cluster, UpgradeInfo],
            "endOfExtendedSupportTimestamp in channel EXTENDED, else endOfStandardSupportTimestamp";
        /// Date on which it ends.
        support_end / "supportEnd": String => [Cluster, UpgradeInfo],
            "endOfExtendedSupportTimestamp in channel EXTENDED, else endOfStandardSupportTimestamp";
        /// Whether patches are taken as soon as they are there.
        accelerated_patches / "acceleratedPatches": bool => [Cluster], "gkeAutoUpgradeConfig.patchMode ACCELERATED";
    }
}

const WINDOW: &str = "maintenancePolicy.window";
const PUBSUB: &str = "notificationConfig.pubsub";

pub(super) fn read_facts(c: &Source<'_>) -> UpkeepFacts {
    let d = &c.resource;
    let (patches, nodes) = exclusions(c);
    let notifications =
        d.flag(&format!("{PUBSUB}.enabled")).and(|| d.text(&format!("{PUBSUB}.topic")).map(|t| !t.is_empty()));
    let end = support_end(c);
    UpkeepFacts {
        release_channel: channel(d),
        alpha: d.flag("enableKubernetesAlpha"),
        expire_time: d.text("expireTime"),
        maintenance_window: d
            .has(&format!("{WINDOW}.dailyMaintenanceWindow"))
            .or(|| d.has(&format!("{WINDOW}.recurringWindow")))
            .or(|| d.has(&format!("{WINDOW}.recurringMaintenanceWindow"))),
        exclusions_of_patches: patches,
        exclusions_of_nodes: nodes,
        active_exclusions: active_exclusions(c),
        excluded_pools: excluded_pools(c),
        bulletins: notifications.clone().and(|| {
            let filter = format!("{PUBSUB}.filter.eventType");
            d.each(&filter).and_then(|events| match events.is_empty() {
                true => Reading::known(true),
                false => d.contains(&filter, "SECURITY_BULLETIN_EVENT"),
            })
        }),
        notifications,
        support_days_left: end.clone().map(|end| days_between(c.now, end)),
        support_end: end.map(|end| end.strftime("%Y-%m-%d").to_string()),
        accelerated_patches: d
            .word("gkeAutoUpgradeConfig.patchMode", &["PATCH_MODE_UNSPECIFIED", "ACCELERATED"])
            .map(|mode| mode == "ACCELERATED"),
    }
}

fn channel(d: &Resource<'_>) -> Reading<String> {
    d.word("releaseChannel.channel", &["UNSPECIFIED", "RAPID", "REGULAR", "STABLE", "EXTENDED"])
        .map(|channel| if channel == "UNSPECIFIED" { String::new() } else { channel })
}

/// What an exclusion keeps away.
#[derive(Clone, Copy, PartialEq)]
enum Scope {
    Everything,
    Nodes,
    MinorVersions,
}

/// Names of the cluster's own exclusions in force that keep away patches.
fn active_exclusions(c: &Source<'_>) -> Reading<Vec<String>> {
    let all = format!("{WINDOW}.maintenanceExclusions");
    c.resource.keys(&all).and_then(|names| {
        let is_active = |name: &String| {
            let path = entry(&all, name);
            exclusion(c, &path, Scope::Everything)
                .or(|| exclusion(c, &path, Scope::Nodes))
                .map(|it| it.then(|| name.clone()))
        };
        match names.is_empty() {
            true => Reading::known(Vec::new()),
            false => members(names.iter().map(is_active).collect()),
        }
    })
}

/// Exclusions in force that keep away everything, and those that keep away what the nodes need.
fn exclusions(c: &Source<'_>) -> (Reading<Vec<String>>, Reading<Vec<String>>) {
    let d = &c.resource;
    let all = format!("{WINDOW}.maintenanceExclusions");
    let of = |wanted: Scope| {
        d.keys(&all).and_then(|names| {
            let of_cluster =
                names.iter().map(|name| exclusion(c, &entry(&all, name), wanted).map(|it| it.then(|| name.clone())));
            let mut found: Vec<_> = of_cluster.collect();
            if wanted == Scope::Nodes {
                let named = |pool: Option<String>| pool.map(|name| format!("node pool {name}"));
                found.extend(of_pools(c).into_iter().map(|pool| pool.map(named)));
            }
            match found.is_empty() {
                true => Reading::known(Vec::new()),
                false => members(found),
            }
        })
    };
    (of(Scope::Everything), of(Scope::Nodes))
}

/// Whether an exclusion is in force and keeps away what is asked for.
fn exclusion(c: &Source<'_>, path: &str, wanted: Scope) -> Reading<bool> {
    let d = &c.resource;
    let options = format!("{path}.maintenanceExclusionOptions");
    let scope = || {
        let scope = format!("{options}.scope");
        // The zero value of this enum is the widest scope, and the API leaves out zero values.
        d.word(&scope, &["NO_UPGRADES", "NO_MINOR_UPGRADES", "NO_MINOR_OR_NODE_UPGRADES"]).map(|scope| {
            match scope.as_str() {
                "NO_MINOR_UPGRADES" => Scope::MinorVersions,
                "NO_MINOR_OR_NODE_UPGRADES" => Scope::Nodes,
                _ => Scope::Everything,
            }
        })
    };
    let behavior = || {
        d.word(&format!("{options}.endTimeBehavior"), &["END_TIME_BEHAVIOR_UNSPECIFIED", "UNTIL_END_OF_SUPPORT"])
            .map(|behavior| behavior == "UNTIL_END_OF_SUPPORT")
    };
    let begun = when(c, &format!("{path}.startTime")).map(|start| start <= c.now);
    let goes_on = || behavior().or(|| when(c, &format!("{path}.endTime")).map(|end| c.now < end));
    begun.and(goes_on).and(|| scope().map(|scope| scope == wanted))
}

fn when(c: &Source<'_>, path: &str) -> Reading<Timestamp> {
    c.resource.time(path).and_then(|time| match time {
        Some(time) => Reading::known(time),
        None => Reading::unknown(Reason::undecided(format!(
            "{path} is not set, so it is not known whether the exclusion is in force"
        ))),
    })
}

fn excluded_pools(c: &Source<'_>) -> Reading<Vec<String>> {
    let pools = of_pools(c);
    if pools.is_empty() { Reading::known(Vec::new()) } else { members(pools) }
}

/// Pools that are excluded from upgrades until their version's support ends.
fn of_pools(c: &Source<'_>) -> Vec<Reading<Option<String>>> {
    let d = &c.resource;
    let pools = d.each("nodePools");
    let Some(pools) = pools.value.value() else { return vec![pools.map(|_| None)] };
    pools
        .iter()
        .map(|pool| {
            let name = d.text(&format!("{pool}.name"));
            let name = name.value.value().map_or(pool.as_str(), String::as_str).to_owned();
            d.flag(&format!("{pool}.maintenancePolicy.exclusionUntilEndOfSupport.enabled")).map(|on| on.then_some(name))
        })
        .collect()
}

/// The end that counts for the cluster's channel, if the upgrade information is in the input.
fn support_end(c: &Source<'_>) -> Reading<Timestamp> {
    let Some(info) = &c.snapshot.upgrade_info else {
        return Reading::unknown(Reason::missing(
            "when support ends is not part of the cluster configuration: add the output of `gcloud container clusters \
             get-upgrade-info --format=json` to the input",
        ));
    };
    let object = ObjectRef { kind: "ClusterUpgradeInfo".to_owned(), ..c.resource.object().clone() };
    let info = Resource::new(info, object);
    channel(&c.resource).and_then(|channel| {
        let path = match channel.as_str() {
            "EXTENDED" => "endOfExtendedSupportTimestamp",
            _ => "endOfStandardSupportTimestamp",
        };
        info.time(path).and_then(|end| match end {
            Some(end) => Reading::known(end),
            None => Reading::unknown(Reason::missing(format!("{path} is not in the upgrade information"))),
        })
    })
}
