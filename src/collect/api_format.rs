//! How much of what a Kubernetes API gives becomes a tree: no more than the readers of this room ask for.

use serde::de::{Deserialize as _, Deserializer};

use super::spec_text::SpecText;
use super::tree::{Kind, Node, Place, node_without_place};

/// Nodes of serde_json as the Kubernetes API gives them, without what no reader of this room asks for. Most of a pod's
/// bytes are such.
pub struct Api;
/// As [`Api`], pods: what `spec` says is left as text, for most pods have that of another. Of the rest no more than what
/// [`super::kubernetes`] asks for.
pub struct Pods;
/// As [`Api`], controllers: what `spec.template.spec` says is left as text.
pub struct Templates;
/// What is at `metadata` of both.
struct OfMetadata;
/// What is at `status` of [`Pods`].
struct OfPodStatus;
/// What is at `spec` of [`Templates`].
struct OfController;
/// What is at `spec.template` of [`Templates`].
struct OfTemplate;

/// A format of which the values of some keys are read in another way than [`Api`]'s. `$skips`: which keys are passed over.
macro_rules! api_with {
    ($place:ty, $skips:expr, { $($key:literal => $value:expr),* }) => {
        impl Place for $place {
            fn node<'de, D: Deserializer<'de>>(d: D, free: bool) -> Result<Node<'de>, D::Error> {
                node_without_place::<$place, D>(d, free)
            }
            fn skips(key: &str) -> bool {
                $skips(key)
            }
            fn value<'de, D: Deserializer<'de>>(key: &str, d: D, free: bool) -> Result<Node<'de>, D::Error> {
                match key {
                    $($key => $value(d),)*
                    _ => Api::node(d, free),
                }
            }
        }
    };
}

api_with!(Pods, Api::skips, {
    "metadata" => |d| OfMetadata::node(d, false), "spec" => spec, "status" => |d| OfPodStatus::node(d, false)
});
api_with!(Templates, Api::skips, {
    "metadata" => |d| OfMetadata::node(d, false), "spec" => |d| OfController::node(d, false)
});
api_with!(OfController, Api::skips, { "template" => |d| OfTemplate::node(d, false) });
api_with!(OfTemplate, Api::skips, { "spec" => spec });
api_with!(OfMetadata, is_no_metadata, {});
api_with!(OfPodStatus, is_no_pod_status, {});

fn is_no_metadata(key: &str) -> bool {
    !matches!(
        key,
        "name" | "generateName" | "namespace" | "labels" | "annotations" | "ownerReferences" | "resourceVersion"
    )
}

fn is_no_pod_status(key: &str) -> bool {
    !matches!(key, "phase" | "podIP" | "podIPs" | "hostIP" | "hostIPs")
}

fn spec<'de, D: Deserializer<'de>>(d: D) -> Result<Node<'de>, D::Error> {
    let spec = Option::<SpecText>::deserialize(d)?;
    Ok(Node { kind: spec.map_or(Kind::Null, |s| Kind::Spec(Box::new(s))), line: 0, column: 0 })
}

impl Place for Api {
    fn node<'de, D: Deserializer<'de>>(d: D, free: bool) -> Result<Node<'de>, D::Error> {
        node_without_place::<Api, D>(d, free)
    }

    fn skips(key: &str) -> bool {
        // No name that a rule of a policy may have one day: a field that is not known must be seen there.
        matches!(
            key,
            "affinity"
                | "blockOwnerDeletion"
                | "containerStatuses"
                | "creationTimestamp"
                | "defaultMode"
                | "divisor"
                | "dnsPolicy"
                | "downwardAPI"
                | "emptyDir"
                | "ephemeralContainerStatuses"
                | "imagePullPolicy"
                | "initContainerStatuses"
                | "internalTrafficPolicy"
                | "ipFamilies"
                | "ipFamilyPolicy"
                | "lastProbeTime"
                | "lastTransitionTime"
                | "lifecycle"
                | "livenessProbe"
                | "loadBalancer"
                | "managedFields"
                | "monitoring"
                | "nodeSelector"
                | "observedGeneration"
                | "preemptionPolicy"
                | "progressDeadlineSeconds"
                | "qosClass"
                | "readinessProbe"
                | "resources"
                | "revisionHistoryLimit"
                | "schedulerName"
                | "securityContext"
                | "sessionAffinity"
                | "startTime"
                | "startupProbe"
                | "storage"
                | "targetRef"
                | "terminationGracePeriodSeconds"
                | "terminationMessagePath"
                | "terminationMessagePolicy"
                | "tolerations"
                | "topology"
                | "topologySpreadConstraints"
                | "uid"
                | "updateStrategy"
                | "zone"
        )
    }
}
