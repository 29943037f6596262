//! The evidence of one audit: what was read, from where, when and by whom, and what could not be read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cluster_name::ClusterName;
use super::object::*;
use super::read_error::ReadError;
use super::source::{Need, Origin, Reason};

/// Version of the snapshot format. A file of a later version is refused.
pub const FORMAT: u32 = 1;

/// How far the absence of an object in the evidence means its absence in the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Completeness {
    /// Everything was listed: the built-in example, a live cluster, files with `--complete`.
    Complete,
    /// Files: workloads and Services of a namespace are complete if the input holds any workload of it.
    #[default]
    Files,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    pub id: String,
    /// The resource that is missing; every fact that needs it is unknown.
    pub need: Need,
    #[serde(flatten)]
    pub error: ReadError,
}

/// A cluster's configuration as camelCase JSON with enum names, without secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterConfig {
    pub config: serde_json::Value,
    pub origin: Origin,
}

/// The evidence. Every source produces one, and an audit reads nothing else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Snapshot {
    /// RFC 3339; absent for files, whose age is not known.
    pub collected_at: Option<String>,
    /// What the evidence was made from, in one phrase.
    pub source: String,
    /// Version of gke-posture that collected.
    pub collector: Option<String>,
    /// The account that read a live cluster, as the cluster or Google names it; absent where neither did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    pub completeness: Completeness,
    /// The cluster that was asked for by name, whether it could be read or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<ClusterName>,
    pub cluster: Option<ClusterConfig>,
    /// When support for the cluster's version ends, as `clusters.fetchClusterUpgradeInfo` says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade_info: Option<ClusterConfig>,
    pub namespaces: Vec<Namespace>,
    pub controllers: Vec<Controller>,
    pub pods: Vec<PodGroup>,
    pub services: Vec<Service>,
    pub endpoints: Vec<Endpoints>,
    pub config_maps: Vec<ConfigMap>,
    pub secrets: Vec<SecretNames>,
    pub network_policies: Vec<NetworkPolicy>,
    pub ingresses: Vec<Ingress>,
    pub cnpg_clusters: Vec<CnpgCluster>,
    pub cnpg_poolers: Vec<CnpgPooler>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compute_classes: Vec<ComputeClass>,
    /// Policy objects of kinds whose rules are not modelled (they make reach unknown where they are in force).
    pub opaque_policies: Vec<Meta>,
    /// Objects of kinds that are not modelled, counted by `apiVersion Kind`.
    pub unmodelled: BTreeMap<String, u32>,
    /// Pods of phase Succeeded or Failed: they hold no address and are left out.
    pub finished_pods: u32,
    /// Files of a folder that are neither YAML nor JSON.
    pub ignored_files: u32,
    pub gaps: Vec<Gap>,
    /// What was left unread on purpose, and why: no gap, but no evidence either.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unread: BTreeMap<Need, String>,
    /// Of a live cluster: the resourceVersion of each list that was read, by its path.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lists: BTreeMap<String, String>,
    /// Terraform's addresses of what is described in the evidence, by the id of the subject: `cluster`, `nodePool/NAME`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub terraform: BTreeMap<String, String>,
    /// What a reader should know of the input, such as a duplicate that replaced an earlier object.
    pub notes: Vec<String>,
}

impl Snapshot {
    /// Objects by kind, for the report.
    pub fn kinds(&self) -> BTreeMap<String, u32> {
        let mut kinds = BTreeMap::new();
        let mut count = |kind: &str, n: usize| {
            if n > 0 {
                *kinds.entry(kind.to_owned()).or_insert(0) += n as u32;
            }
        };
        count("Namespace", self.namespaces.len());
        count("Pod", self.pods.iter().map(|g| g.members.len()).sum());
        count("ConfigMap", self.config_maps.len());
        count("Secret", self.secrets.len());
        count("Service", self.services.len());
        count("NetworkPolicy", self.network_policies.len());
        count("Ingress", self.ingresses.len());
        count("Cluster (CloudNativePG)", self.cnpg_clusters.len());
        count("Pooler (CloudNativePG)", self.cnpg_poolers.len());
        count("ComputeClass", self.compute_classes.len());
        for c in &self.controllers {
            count(&c.meta.kind, 1);
        }
        for e in &self.endpoints {
            count(&e.meta.kind, 1);
        }
        for p in &self.opaque_policies {
            count(&p.kind, 1);
        }
        kinds
    }

    /// Whether nothing at all was read.
    pub fn is_empty(&self) -> bool {
        self.cluster.is_none() && self.kinds().is_empty()
    }

    /// Whether the input holds Kubernetes objects that an audit can judge. ComputeClasses are about the cluster's nodes.
    pub fn has_objects(&self) -> bool {
        self.kinds().keys().any(|kind| kind != "ComputeClass")
    }

    pub fn gap(&self, need: Need) -> Option<&Gap> {
        self.gaps.iter().find(|g| g.need == need)
    }

    /// Whether all that there is of a resource was asked for and came.
    pub fn was_read(&self, need: Need) -> bool {
        self.gap(need).is_none() && !self.unread.contains_key(&need)
    }

    /// Why a resource was not read; empty where it was. `what` is what would have been read.
    pub fn why_unread(&self, need: Need, what: &str) -> Vec<Reason> {
        let gaps = self.gaps.iter().filter(|g| g.need == need);
        let mut reasons: Vec<Reason> = gaps
            .map(|g| Reason::gap(&g.id, format!("{what} could not be read: {}. {}", g.error.why, g.error.fix)))
            .collect();
        reasons.extend(self.unread.get(&need).map(|why| Reason::missing(format!("{what} was not read: {why}"))));
        reasons
    }

    /// Takes over the objects of another part of the same evidence. No object may be in both.
    pub fn absorb(&mut self, part: Snapshot) {
        take_over(&mut self.namespaces, part.namespaces);
        take_over(&mut self.controllers, part.controllers);
        take_over(&mut self.pods, part.pods);
        take_over(&mut self.services, part.services);
        take_over(&mut self.endpoints, part.endpoints);
        take_over(&mut self.config_maps, part.config_maps);
        take_over(&mut self.secrets, part.secrets);
        take_over(&mut self.network_policies, part.network_policies);
        take_over(&mut self.ingresses, part.ingresses);
        take_over(&mut self.cnpg_clusters, part.cnpg_clusters);
        take_over(&mut self.cnpg_poolers, part.cnpg_poolers);
        take_over(&mut self.compute_classes, part.compute_classes);
        take_over(&mut self.opaque_policies, part.opaque_policies);
        for (kind, n) in part.unmodelled {
            *self.unmodelled.entry(kind).or_insert(0) += n;
        }
        self.finished_pods += part.finished_pods;
        self.gaps.extend(part.gaps);
        self.lists.extend(part.lists);
        self.notes.extend(part.notes);
    }

    /// Puts every list into a fixed order, so that equal evidence has equal bytes.
    pub fn sort(&mut self) {
        fn key(m: &Meta) -> (&str, &str, &str, &str) {
            (&m.namespace, &m.kind, &m.name, &m.api_version)
        }
        self.namespaces.sort_by(|a, b| a.meta.name.cmp(&b.meta.name));
        self.controllers.sort_by(|a, b| key(&a.meta).cmp(&key(&b.meta)));
        for g in &mut self.pods {
            g.members.sort();
        }
        self.pods.sort_by(|a, b| (key(&a.meta), &a.meta.owner, &a.spec).cmp(&(key(&b.meta), &b.meta.owner, &b.spec)));
        self.services.sort_by(|a, b| key(&a.meta).cmp(&key(&b.meta)));
        self.endpoints.sort_by(|a, b| key(&a.meta).cmp(&key(&b.meta)));
        self.config_maps.sort_by(|a, b| key(&a.meta).cmp(&key(&b.meta)));
        self.secrets.sort_by(|a, b| key(&a.meta).cmp(&key(&b.meta)));
        self.network_policies.sort_by(|a, b| key(&a.meta).cmp(&key(&b.meta)));
        self.ingresses.sort_by(|a, b| key(&a.meta).cmp(&key(&b.meta)));
        self.cnpg_clusters.sort_by(|a, b| key(&a.meta).cmp(&key(&b.meta)));
        self.cnpg_poolers.sort_by(|a, b| key(&a.meta).cmp(&key(&b.meta)));
        self.compute_classes.sort_by(|a, b| key(&a.meta).cmp(&key(&b.meta)));
        self.opaque_policies.sort_by(|a, b| key(a).cmp(&key(b)));
        self.gaps.sort();
        self.notes.sort();
    }
}

/// Appends, and takes no more memory than that needs: lists of a large cluster are large.
fn take_over<T>(list: &mut Vec<T>, mut part: Vec<T>) {
    if list.is_empty() {
        *list = part;
    } else {
        list.reserve_exact(part.len());
        list.append(&mut part);
    }
}
