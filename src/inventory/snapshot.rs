//! The evidence of one audit: what was read, from where, when and by whom, and what could not be read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::document::{Reader, Recorded};

use super::cluster_name::ClusterName;
use super::kinds::{KINDS, List, Object, with_object_lists};
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
    /// What reasons refer to, such as `gke-cluster`. Gaps with the same cause share an ID.
    pub id: String,
    /// The resource that is missing; every fact that needs it is unknown.
    pub need: Need,
    /// What was being read, what went wrong, and the fix.
    #[serde(flatten)]
    pub error: ReadError,
}

/// A cluster's configuration as camelCase JSON with enum names, without secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterConfig {
    /// The resource. Read it with [`ClusterConfig::reader`], so that fields the source does not record are unknown.
    pub config: serde_json::Value,
    /// Where the configuration was read.
    pub origin: Origin,
    /// The fields that its source records, for sources other than the GKE API; `None`: an absent field is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Recorded>,
    /// How GKE completes it, if the source describes a cluster that is to be created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation: Option<Creation>,
    /// Whether only its node pools are described, and nothing of the cluster itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pools_only: bool,
}

/// What is known of a cluster or node pool because it is created: GKE puts its defaults in the place of what is omitted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Creation {
    /// The fields of the configuration that are omitted, by path, each with one sentence about the default that it has here.
    #[serde(default)]
    pub omitted: BTreeMap<String, String>,
    /// The oldest version with which the cluster can be created; absent: the cluster exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_version: Option<String>,
}

impl Creation {
    /// The sentence about the default that a field has, or that the object has which it is in.
    pub fn omission(&self, path: &str) -> Option<&str> {
        let is_at = |omitted: &str| {
            path.strip_prefix(omitted).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.omitted.iter().find(|(omitted, _)| is_at(omitted)).map(|(_, sentence)| sentence.as_str())
    }
}

impl ClusterConfig {
    /// Reads the configuration; a field that its source does not record is unknown, not unset.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(&self.config, self.recorded.as_ref())
    }
}

macro_rules! define_snapshot {
    ($(
        $(#[$attribute:meta])*
        $list:ident $field:ident: $object:ident = [ $($kinds:tt)+ ];
    )+) => {
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
            /// Whether an object that is absent from the evidence is absent from the cluster too.
            pub completeness: Completeness,
            /// The cluster that was asked for by name, whether it could be read or not.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub name: Option<ClusterName>,
            /// The Cluster resource of the GKE API; absent where it was not given or could not be read.
            pub cluster: Option<ClusterConfig>,
            /// When support for the cluster's version ends, as `clusters.fetchClusterUpgradeInfo` reports it.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub upgrade_info: Option<ClusterConfig>,
            $(
                $(#[$attribute])*
                pub $field: Vec<$object>,
            )+
            /// Objects of kinds that are not modeled, counted by `apiVersion Kind`.
            pub unmodelled: BTreeMap<String, u32>,
            /// Names of those of [`unmodelled`](Self::unmodelled), each `NAMESPACE/NAME`, by the same key.
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            pub unmodelled_names: BTreeMap<String, Vec<String>>,
            /// Pods of phase Succeeded or Failed: they hold no address and are left out.
            pub finished_pods: u32,
            /// Names of finished pods, each `NAMESPACE/NAME`; those of a live cluster are only counted.
            #[serde(skip_serializing_if = "Vec::is_empty")]
            pub finished_pod_names: Vec<String>,
            /// Files of a folder that are neither YAML nor JSON.
            pub ignored_files: u32,
            /// What could not be read. Empty when every read succeeded.
            pub gaps: Vec<Gap>,
            /// What was left unread on purpose, and why: no gap, but no evidence either.
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            pub unread: BTreeMap<Need, String>,
            /// Of a live cluster: the resourceVersion of each list that was read, by its path.
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            pub lists: BTreeMap<String, String>,
            /// Terraform's addresses of what is described in the evidence, by the id of the subject: `cluster`,
            /// `nodePool/NAME`.
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            pub terraform: BTreeMap<String, String>,
            /// What a reader should know of the input, such as a duplicate that replaced an earlier object.
            pub notes: Vec<String>,
        }

        impl Snapshot {
            /// Number of objects by kind, for the report.
            pub fn kinds(&self) -> BTreeMap<String, u32> {
                let mut kinds = BTreeMap::new();
                $(count(&mut kinds, &self.$field);)+
                kinds
            }

            /// Whether a list holds objects.
            fn has_any(&self, list: List) -> bool {
                match list {
                    $(List::$list => !self.$field.is_empty(),)+
                }
            }

            /// Takes over the objects of another part of the same evidence. No object may be in both.
            pub fn absorb(&mut self, part: Snapshot) {
                $(take_over(&mut self.$field, part.$field);)+
                for (kind, n) in part.unmodelled {
                    *self.unmodelled.entry(kind).or_insert(0) += n;
                }
                for (kind, names) in part.unmodelled_names {
                    self.unmodelled_names.entry(kind).or_default().extend(names);
                }
                self.finished_pods += part.finished_pods;
                self.finished_pod_names.extend(part.finished_pod_names);
                self.gaps.extend(part.gaps);
                self.lists.extend(part.lists);
                self.notes.extend(part.notes);
            }

            /// Removes the object of this identity from whichever list it is in.
            pub fn remove(&mut self, identity: &Meta) {
                $(self.$field.retain_mut(|object| object.remove(identity));)+
            }

            /// Puts every list into a fixed order, so that equal evidence has equal bytes.
            pub fn sort(&mut self) {
                $(Object::sort(&mut self.$field);)+
                self.unmodelled_names.values_mut().for_each(|names| names.sort());
                self.finished_pod_names.sort();
                self.gaps.sort();
                self.notes.sort();
            }
        }
    };
}

with_object_lists!(define_snapshot);

impl Snapshot {
    /// Whether nothing at all was read.
    pub fn is_empty(&self) -> bool {
        self.cluster.is_none() && !KINDS.iter().any(|kind| self.has_any(kind.list))
    }

    /// Whether the input holds Kubernetes objects that an audit can evaluate. ComputeClasses are about the cluster's nodes.
    pub fn has_objects(&self) -> bool {
        KINDS.iter().any(|kind| kind.list != List::ComputeClasses && self.has_any(kind.list))
    }

    /// The first gap of the resource, if any; every fact that needs the resource is unknown then.
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
}

/// Counts objects by kind. CloudNativePG's kinds have names that say nothing by themselves.
fn count<T: Object>(kinds: &mut BTreeMap<String, u32>, list: &[T]) {
    for object in list.iter().filter(|o| o.count() > 0) {
        let meta = object.meta();
        let name = match meta.group() {
            "postgresql.cnpg.io" => Cow::from(format!("{} (CloudNativePG)", meta.kind)),
            _ => Cow::from(&meta.kind),
        };
        let n = u32::try_from(object.count()).unwrap_or(u32::MAX);
        match kinds.get_mut(&*name) {
            Some(count) => *count += n,
            None => drop(kinds.insert(name.into_owned(), n)),
        }
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
