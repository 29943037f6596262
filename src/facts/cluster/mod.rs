//! Facts of the cluster itself, one file for each topic.

mod addons;
mod autoprovisioning;
mod encryption;
mod endpoints;
mod health;
mod identity;
mod network;
mod observability;
mod upkeep;

use std::sync::LazyLock;

use serde_json::Value as Json;

use crate::inventory::{ClusterName, FaultKind, Gap, Known, Need, ObjectRef, ReadError, Reason, Snapshot, Tri};

use super::context::Context;
use super::reading::Reading;
use super::resource::Resource;
use super::schema::{Facts, Field, Sheet, Subject, SubjectKind};
use super::version::{Gate, Version};

pub use autoprovisioning::is_default_account;

crate::configuration_facts! {
    /// What the cluster is.
    pub struct ClusterFacts {
        /// Name of the cluster.
        name / "name": String => [Cluster], "the API's name";
        /// Region or zone.
        location / "location": String => [Cluster], "location, without it zone";
        /// Project of the cluster.
        project / "project": String => [Cluster], "the project in selfLink";
        /// GKE version of the control plane.
        version / "version": String => [Cluster], "currentMasterVersion";
        /// Whether it is an Autopilot cluster, whose nodes GKE manages.
        autopilot / "autopilot": bool => [Cluster], "autopilot.enabled alone decides the mode";
        /// Whether the control plane runs in several zones.
        regional / "regional": bool => [Cluster], "a region has one hyphen in its name, a zone has two";
        /// Whether NetworkPolicies are enforced: by Dataplane V2, or by Calico with both of its switches on.
        network_policy_enforced / "networkPolicyEnforced": bool => [Cluster],
            "Dataplane V2 always enforces; the legacy dataplane enforces when networkPolicy.enabled is true and the add-on is not disabled";
        /// What enforces: `calico`, `dataplane-v2` or `none`.
        dataplane / "dataplane": String => [Cluster],
            "Dataplane V2 always enforces; the legacy dataplane enforces when networkPolicy.enabled is true and the add-on is not disabled";
        /// Number of NetworkPolicy objects.
        network_policies / "networkPolicies": i64 => [NetworkPolicies], "the objects that were read";
        /// Whether every node pool runs the GKE metadata server, which gives pods their own identity only.
        gke_metadata_server / "gkeMetadataServer": bool => [Cluster], "GKE_METADATA is the GKE metadata server";
        /// Whether gke-posture.yaml states that untrusted workloads run in the cluster.
        untrusted_workloads / "untrustedWorkloads": bool => [], "untrustedWorkloads of gke-posture.yaml";
    }
}

/// All facts of the cluster, topic by topic.
pub static SCHEMA: LazyLock<Vec<Field>> = LazyLock::new(|| {
    [
        ClusterFacts::SCHEMA,
        endpoints::EndpointFacts::SCHEMA,
        network::NetworkFacts::SCHEMA,
        identity::IdentityFacts::SCHEMA,
        encryption::EncryptionFacts::SCHEMA,
        health::HealthFacts::SCHEMA,
        autoprovisioning::AutoprovisioningFacts::SCHEMA,
        upkeep::UpkeepFacts::SCHEMA,
        observability::ObservabilityFacts::SCHEMA,
        addons::AddonFacts::SCHEMA,
    ]
    .concat()
});

/// The cluster's configuration, and what it is read with.
pub(super) struct Source<'a> {
    pub resource: Resource<'a>,
    pub snapshot: &'a Snapshot,
    pub settings: &'a crate::config::Config,
    pub now: jiff::Timestamp,
}

impl Source<'_> {
    /// GKE version of the control plane.
    pub(super) fn version(&self) -> Reading<Version> {
        version(&self.resource, "currentMasterVersion")
    }

    pub(super) fn autopilot(&self) -> Reading<bool> {
        self.resource.flag("autopilot.enabled")
    }

    /// The version that brings a feature, if the control plane does not have it yet.
    pub(super) fn lacks(&self, gate: Gate) -> Reading<Option<String>> {
        let version = self.version();
        // A cluster that is created has the feature if the oldest version with which that is possible has it.
        if version.value.value().is_none() && self.oldest_version().is_some_and(|oldest| gate.is_open(oldest)) {
            return Reading { value: Known::Value(None), ..version.map(|_| None) };
        }
        version.map(|v| (!gate.is_open(v)).then(|| gate.version().to_owned()))
    }

    /// The oldest version that a cluster that is to be created can have; `None` of one that exists.
    pub(super) fn oldest_version(&self) -> Option<Version> {
        let creation = self.snapshot.cluster.as_ref()?.creation.as_ref()?;
        Version::parse(creation.oldest_version.as_deref()?)
    }
}

/// The version in a field.
pub(super) fn version(d: &Resource<'_>, path: &str) -> Reading<Version> {
    d.required(path).and_then(|text| match Version::parse(&text) {
        Some(version) => Reading::known(version),
        None => Reading::unknown(Reason::undecided(format!("{path}: \"{text}\" is no version of GKE"))),
    })
}

/// Whole days from `now` to `then`, negative if it is past.
pub(super) fn days_between(now: jiff::Timestamp, then: jiff::Timestamp) -> i64 {
    (then.as_second() - now.as_second()).div_euclid(24 * 60 * 60)
}

/// The Cluster resource as an object.
pub fn object(config: &Json) -> ObjectRef {
    let name = config.get("name").and_then(Json::as_str).filter(|s| !s.is_empty()).unwrap_or("cluster");
    ObjectRef {
        api_version: "container.googleapis.com/v1".to_owned(),
        kind: "Cluster".to_owned(),
        namespace: String::new(),
        name: name.to_owned(),
    }
}

/// `None` without cluster configuration.
pub fn build(cx: &Context<'_>) -> Option<Facts> {
    let source = source(cx)?;
    let object = source.resource.object().clone();
    let mut sheet = general(cx, &source).into_sheet();
    for topic in [
        endpoints::read_facts(&source).into_sheet(),
        network::read_facts(&source).into_sheet(),
        identity::read_facts(&source).into_sheet(),
        encryption::read_facts(&source).into_sheet(),
        health::read_facts(&source).into_sheet(),
        autoprovisioning::read_facts(&source).into_sheet(),
        upkeep::read_facts(&source).into_sheet(),
        observability::read_facts(&source).into_sheet(),
        addons::read_facts(&source).into_sheet(),
    ] {
        sheet.add(topic);
    }
    let Sheet { values, evidence } = sheet;
    Some(Facts { subject: Subject { id: "cluster".to_owned(), kind: SubjectKind::Cluster, object }, values, evidence })
}

pub(super) fn source<'a>(cx: &Context<'a>) -> Option<Source<'a>> {
    let snapshot: &'a Snapshot = &cx.inventory.snapshot;
    let cluster = snapshot.cluster.as_ref()?;
    let resource = Resource::new(cluster, object(&cluster.config));
    Some(Source { resource, snapshot, settings: cx.config, now: cx.now })
}

/// Why a cluster cannot be audited yet, or no longer: it is being created or deleted.
///
/// A cluster in error or degraded is audited: its configuration does not depend on that.
pub fn unsettled(snapshot: &Snapshot) -> Option<Gap> {
    let config = &snapshot.cluster.as_ref()?.config;
    let status = config.get("status")?.as_str()?;
    let (state, fix) = match status {
        "PROVISIONING" => ("is being made", "Audit it again when it is RUNNING"),
        "STOPPING" => ("is being deleted", "There is nothing to fix: a cluster that is deleted needs no audit"),
        _ => return None,
    };
    Some(Gap {
        id: "cluster-status".to_owned(),
        need: Need::Cluster,
        error: ReadError::new(
            FaultKind::NotYetKnown,
            format!("the settled configuration of cluster {}", object(config).name),
            format!("its status is {status}: the cluster {state}"),
            fix,
        ),
    })
}

fn general(cx: &Context<'_>, source: &Source<'_>) -> ClusterFacts {
    let d = &source.resource;
    let enforcement = &cx.reach.enforcement;
    let evidence = cx.enforcement_evidence();
    let undecided = || {
        enforcement.reason.clone().unwrap_or_else(|| Reason::undecided("the cluster configuration does not decide it"))
    };
    let enforced = enforcement.enforced.map_or_else(|| Known::unknown(undecided()), Known::Value);
    let dataplane =
        enforcement.dataplane.map_or_else(|| Known::unknown(undecided()), |d| Known::Value(d.name().to_owned()));
    ClusterFacts {
        name: d.required("name"),
        location: location(d),
        project: d.required("selfLink").and_then(|link| match ClusterName::parse(&link) {
            Some(full) => Reading::known(full.project),
            None => Reading::unknown(Reason::undecided("selfLink does not name a project")),
        }),
        version: d.required("currentMasterVersion"),
        autopilot: source.autopilot(),
        regional: location(d).and_then(|l| match l.matches('-').count() {
            1 => Reading::known(true),
            2 => Reading::known(false),
            _ => Reading::unknown(Reason::undecided(format!("location: \"{l}\" is neither a region nor a zone"))),
        }),
        network_policy_enforced: Reading { value: enforced, evidence: evidence.clone() },
        dataplane: Reading { value: dataplane, evidence },
        network_policies: Reading::known(cx.inventory.snapshot.network_policies.len() as i64),
        gke_metadata_server: metadata_server(cx, d),
        untrusted_workloads: Reading::known(source.settings.untrusted_workloads),
    }
}

fn location(d: &Resource<'_>) -> Reading<String> {
    d.text("location").and_then(|l| if l.is_empty() { d.required("zone") } else { Reading::known(l) })
}

/// As the reachability engine sees it, with the pools' settings as evidence.
fn metadata_server(cx: &Context<'_>, d: &Resource<'_>) -> Reading<bool> {
    let value = match cx.reach.model.network.gke_metadata {
        Tri::Yes => Known::Value(true),
        Tri::No => Known::Value(false),
        Tri::Maybe => Known::unknown(Reason::undecided(
            "workloadMetadataConfig.mode is not the same, or not readable, in all node pools",
        )),
    };
    let pools = d.each("nodePools").and_then(|pools| {
        Reading::all(pools.iter().map(|p| d.text(&format!("{p}.config.workloadMetadataConfig.mode"))))
    });
    Reading { value, evidence: pools.evidence }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::document::{Fields, Recorded, Unavailable};
    use crate::facts::schema::Fact;
    use crate::inventory::{ClusterConfig, Inventory, Origin};
    use crate::network::Reach;
    use serde_json::json;

    /// A fact that is known here reads the configuration without regard to what its source records.
    #[test]
    fn a_source_that_records_nothing_makes_no_fact_known() {
        let recorded = Some(Recorded { otherwise: Unavailable::NotRecorded, fields: Fields::default() });
        let cluster = ClusterConfig {
            config: json!({"nodePools": [{}]}),
            origin: Origin::default(),
            recorded,
            creation: None,
            pools_only: false,
        };
        let snapshot = Snapshot { cluster: Some(cluster), ..Snapshot::default() };
        let inventory = Inventory::new(snapshot);
        let mut reach = Reach::new(&inventory, crate::platform::describe(&inventory, None), &[]);
        let table = crate::facts::build(&inventory, &mut reach, &Config::default(), jiff::Timestamp::UNIX_EPOCH).table;
        let pools = table.subjects.get(&SubjectKind::NodePool).map(Vec::as_slice).unwrap_or_default();
        assert_eq!(pools.len(), 1);
        let mut unknown = 0;
        for (facts, schema) in
            [(table.cluster.as_ref().unwrap(), &SCHEMA[..]), (&pools[0], crate::facts::node_pool::PoolFacts::SCHEMA)]
        {
            for field in schema.iter().filter(|f| f.needs == [Need::Cluster]) {
                match &facts.values[field.name] {
                    Fact::Unknown(_) => unknown += 1,
                    Fact::Value(value) => panic!("{} of {} is {value}", field.name, facts.subject.id),
                }
            }
        }
        assert!(unknown > 90, "{unknown}");
    }
}
