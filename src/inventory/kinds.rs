//! The kinds of Kubernetes objects that the evidence holds: one table.
//!
//! Counting, merging, sorting, duplicate detection, the choice of a reader and the lists that a live cluster is asked for
//! follow from it.

use super::object::*;

/// Passes the table to a macro: a row for each list of a [`Snapshot`](super::Snapshot), which is the name of the list, the
/// field, the type of its objects, and the kinds of the API that they are read from, each with scope, API group, kind and
/// plural. To add a kind of object is to add a row here, its type in [`object`](super::object), and its reader, which is
/// `FromObject` in [`collect`](crate::collect).
macro_rules! with_object_lists {
    ($callback:ident) => {
        $callback! {
            /// Namespaces.
            Namespaces namespaces: Namespace = [
                Cluster "" "Namespace" "namespaces",
            ];
            /// Controllers with a pod template.
            Controllers controllers: Controller = [
                Namespaced "" "ReplicationController" "replicationcontrollers",
                Namespaced "apps" "DaemonSet" "daemonsets",
                Namespaced "apps" "Deployment" "deployments",
                Namespaced "apps" "ReplicaSet" "replicasets",
                Namespaced "apps" "StatefulSet" "statefulsets",
                Namespaced "batch" "CronJob" "cronjobs",
                Namespaced "batch" "Job" "jobs",
            ];
            /// Pods that have not finished, grouped by owner and specification.
            Pods pods: PodGroup = [
                Namespaced "" "Pod" "pods",
            ];
            /// Services, without those that only an operator makes.
            Services services: Service = [
                Namespaced "" "Service" "services",
            ];
            /// Addresses behind Services, from EndpointSlices and Endpoints objects.
            Endpoints endpoints: Endpoints = [
                Namespaced "" "Endpoints" "endpoints",
                Namespaced "discovery.k8s.io" "EndpointSlice" "endpointslices",
            ];
            /// ConfigMaps, with values that may be secret masked.
            ConfigMaps config_maps: ConfigMap = [
                Namespaced "" "ConfigMap" "configmaps",
            ];
            /// Secrets: names and keys, and TLS settings where reading values is allowed.
            Secrets secrets: SecretNames = [
                Namespaced "" "Secret" "secrets",
            ];
            /// NetworkPolicies of `networking.k8s.io`.
            NetworkPolicies network_policies: NetworkPolicy = [
                Namespaced "networking.k8s.io" "NetworkPolicy" "networkpolicies",
            ];
            /// Ingresses of `networking.k8s.io`.
            Ingresses ingresses: Ingress = [
                Namespaced "networking.k8s.io" "Ingress" "ingresses",
            ];
            /// Clusters of the CloudNativePG operator.
            CnpgClusters cnpg_clusters: CnpgCluster = [
                Namespaced "postgresql.cnpg.io" "Cluster" "clusters",
            ];
            /// Poolers (PgBouncer) of the CloudNativePG operator.
            CnpgPoolers cnpg_poolers: CnpgPooler = [
                Namespaced "postgresql.cnpg.io" "Pooler" "poolers",
            ];
            /// GKE ComputeClasses.
            #[serde(skip_serializing_if = "Vec::is_empty")]
            ComputeClasses compute_classes: ComputeClass = [
                Cluster "cloud.google.com" "ComputeClass" "computeclasses",
            ];
            /// Policy objects of kinds whose rules are not modeled: they make reachability unknown where they are in force.
            OpaquePolicies opaque_policies: Meta = [
                Cluster "cilium.io" "CiliumClusterwideNetworkPolicy" "ciliumclusterwidenetworkpolicies",
                Namespaced "cilium.io" "CiliumNetworkPolicy" "ciliumnetworkpolicies",
                Cluster "crd.projectcalico.org" "GlobalNetworkPolicy" "globalnetworkpolicies",
                Namespaced "crd.projectcalico.org" "NetworkPolicy" "networkpolicies",
                Cluster "crd.projectcalico.org" "StagedGlobalNetworkPolicy" "stagedglobalnetworkpolicies",
                Namespaced "networking.gke.io" "FQDNNetworkPolicy" "fqdnnetworkpolicies",
                Cluster "policy.networking.k8s.io" "AdminNetworkPolicy" "adminnetworkpolicies",
                Cluster "policy.networking.k8s.io" "BaselineAdminNetworkPolicy" "baselineadminnetworkpolicies",
                Cluster "policy.networking.k8s.io" "ClusterNetworkPolicy" "clusternetworkpolicies",
                Cluster "projectcalico.org" "GlobalNetworkPolicy" "globalnetworkpolicies",
                Namespaced "projectcalico.org" "NetworkPolicy" "networkpolicies",
                Cluster "projectcalico.org" "StagedGlobalNetworkPolicy" "stagedglobalnetworkpolicies",
            ];
        }
    };
}
pub(crate) use with_object_lists;

/// Whether objects of a kind are in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Objects are cluster-scoped and have no namespace.
    Cluster,
    /// Each object is in a namespace.
    Namespaced,
}

/// A kind of the Kubernetes API whose objects are evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectKind {
    /// The list of the snapshot that its objects are in.
    pub list: List,
    /// Whether objects of the kind are in a namespace.
    pub scope: Scope,
    /// API group, empty for the core group.
    pub group: &'static str,
    /// Kind as in manifests, such as `Deployment`.
    pub kind: &'static str,
    /// Plural, lower case, as in paths of the API and in rights.
    pub resource: &'static str,
}

impl ObjectKind {
    /// The kind of that group and name; `None` where the evidence holds no objects of it.
    pub fn find(group: &str, kind: &str) -> Option<&'static ObjectKind> {
        KINDS.iter().find(|k| k.kind == kind && k.group == group)
    }

    /// The kind of that group and plural.
    pub fn of_resource(group: &str, resource: &str) -> Option<&'static ObjectKind> {
        KINDS.iter().find(|k| k.resource == resource && k.group == group)
    }
}

macro_rules! define_kinds {
    ($(
        $(#[$attribute:meta])*
        $list:ident $field:ident: $object:ident = [ $($scope:ident $group:literal $kind:literal $resource:literal,)+ ];
    )+) => {
        /// A list of objects in a snapshot.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum List {
            $(
                #[doc = concat!("The list [`Snapshot::", stringify!($field), "`](super::Snapshot::", stringify!($field), ").")]
                $list,
            )+
        }

        /// Every kind whose objects are evidence.
        pub const KINDS: &[ObjectKind] = &[
            $($(ObjectKind {
                list: List::$list,
                scope: Scope::$scope,
                group: $group,
                kind: $kind,
                resource: $resource,
            },)+)+
        ];

        $(implement_object! { $object })+
    };
}

/// Most types have a field `meta`; the two that differ are implemented below.
macro_rules! implement_object {
    (PodGroup) => {};
    (Meta) => {};
    ($object:ident) => {
        impl Object for $object {
            fn meta(&self) -> &Meta {
                &self.meta
            }
        }
    };
}

with_object_lists!(define_kinds);

/// What the lists of a snapshot need to know of their objects.
pub(crate) trait Object: Sized {
    fn meta(&self) -> &Meta;

    /// How many objects of the API it is.
    fn count(&self) -> usize {
        1
    }

    /// Puts a list into its fixed order.
    fn sort(list: &mut [Self]) {
        list.sort_by(|a, b| a.meta().sort_key().cmp(&b.meta().sort_key()));
    }

    /// Removes the object of this identity. Returns whether the entry stays in its list.
    fn remove(&mut self, identity: &Meta) -> bool {
        !self.meta().is_same_object(identity)
    }
}

impl Object for PodGroup {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn count(&self) -> usize {
        self.members.len()
    }

    fn sort(list: &mut [Self]) {
        list.iter_mut().for_each(|group| group.members.sort());
        list.sort_by(|a, b| {
            (a.meta.sort_key(), &a.meta.owner, &a.spec).cmp(&(b.meta.sort_key(), &b.meta.owner, &b.spec))
        });
    }

    /// The group stays even without members: groups that are being filled are known by their index.
    fn remove(&mut self, identity: &Meta) -> bool {
        if identity.kind == "Pod" && identity.group().is_empty() && identity.namespace == self.meta.namespace {
            self.members.retain(|m| m.name != identity.name);
        }
        true
    }
}

impl Object for Meta {
    fn meta(&self) -> &Meta {
        self
    }
}

impl Meta {
    fn sort_key(&self) -> (&str, &str, &str, &str) {
        (&self.namespace, &self.kind, &self.name, &self.api_version)
    }

    /// Whether both are of one object. Versions of an API group show the same objects.
    fn is_same_object(&self, other: &Meta) -> bool {
        self.kind == other.kind
            && self.namespace == other.namespace
            && self.name == other.name
            && self.group() == other.group()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Need;
    use super::*;

    #[test]
    fn a_kind_is_in_the_table_once() {
        for (i, k) in KINDS.iter().enumerate() {
            assert_eq!(ObjectKind::find(k.group, k.kind), Some(k));
            assert_eq!(ObjectKind::of_resource(k.group, k.resource), Some(k));
            let twice = |o: &&ObjectKind| o.group == k.group && (o.kind == k.kind || o.resource == k.resource);
            assert_eq!(KINDS.iter().filter(twice).count(), 1, "{i}: {k:?}");
        }
        assert_eq!(ObjectKind::find("example.com", "Pod"), None);
    }

    #[test]
    fn every_right_on_objects_is_about_a_kind_of_the_table() {
        for right in Need::ALL.iter().flat_map(|need| need.rights()) {
            assert!(ObjectKind::of_resource(right.group, right.resource).is_some(), "{right}");
        }
    }
}
