//! How much of what a Kubernetes API gives becomes a tree: no more than the readers of this room ask for. Most of a pod's
//! bytes are such.

use std::sync::Arc;

use crate::document::{Content, Node, RawObject, parse_json_value};

use super::json_text::{Walk, Wrong};
use super::spec_text::{Alike, SpecText};

/// Deepest nesting that is read; serde_json's own.
const DEEPEST: usize = 128;

/// What part of an object a value is: what is read of it depends on that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Without what no reader of this room asks for.
    Any,
    /// The keys are their author's own, as those of `labels`: none is passed over.
    Free,
    /// A pod. What `spec` says is left as text, for most pods have that of another. Of the rest no more than what
    /// [`super::kubernetes`] asks for.
    Pod,
    PodStatus,
    /// A controller. What `spec.template.spec` says is left as text.
    Controller,
    ControllerSpec,
    Template,
    PodSpec,
    TemplateSpec,
    /// What is at `metadata` of a pod or controller.
    Metadata,
}

impl Part {
    /// What items of a list of this kind are.
    pub(super) fn of_kind(kind: &str) -> Part {
        match kind {
            "Pod" => Part::Pod,
            "DaemonSet" | "Deployment" | "Job" | "ReplicaSet" | "ReplicationController" | "StatefulSet" => {
                Part::Controller
            }
            _ => Part::Any,
        }
    }

    /// What is at `key`; `None` where it is passed over.
    fn at(self, key: &str) -> Option<Part> {
        let passed_over = match self {
            Part::Free => false,
            Part::Metadata => is_no_metadata(key),
            Part::PodStatus => is_no_pod_status(key),
            _ => is_unread(key),
        };
        if passed_over {
            return None;
        }
        Some(match (self, key) {
            (Part::Pod | Part::Controller, "metadata") => Part::Metadata,
            (Part::Pod, "spec") => Part::PodSpec,
            (Part::Template, "spec") => Part::TemplateSpec,
            (Part::Pod, "status") => Part::PodStatus,
            (Part::Controller, "spec") => Part::ControllerSpec,
            (Part::ControllerSpec, "template") => Part::Template,
            _ if is_free(key) => Part::Free,
            _ => Part::Any,
        })
    }
}

/// Makes trees of the values of one text.
pub(super) struct Reader<'a> {
    pub walk: Walk<'a>,
    /// The last specification of a pod.
    last: Option<Alike<'a>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Reader { walk: Walk::new(text), last: None }
    }

    /// The value at this place.
    ///
    /// # Errors
    /// Where the text is no JSON, or nested too deep.
    pub(super) fn node(&mut self, part: Part) -> Result<Node<'a>, Wrong> {
        self.below(part, DEEPEST)
    }

    /// The specification of a pod at this place, if it is like the last one; if not, nothing but white space is passed over.
    pub(super) fn spec_like_last(&mut self) -> Option<SpecText<'a>> {
        self.last.as_ref()?.read(&mut self.walk)
    }

    fn spec_of_pod(&mut self) -> Result<SpecText<'a>, Wrong> {
        if let Some(spec) = self.spec_like_last() {
            return Ok(spec);
        }
        let start = self.walk.clone();
        let spec = SpecText::read(&mut self.walk)?;
        self.last = Alike::new(self.walk.text_since(&start), &spec);
        Ok(spec)
    }

    fn below(&mut self, part: Part, depth: usize) -> Result<Node<'a>, Wrong> {
        let depth = depth.checked_sub(1).ok_or(Wrong)?;
        let content = match self.walk.peek()? {
            b'{' if part == Part::PodSpec => Content::Raw(Arc::new(self.spec_of_pod()?)),
            b'{' if part == Part::TemplateSpec => Content::Raw(Arc::new(SpecText::read(&mut self.walk)?)),
            b'{' => {
                let mut entries = Vec::new();
                let mut first = true;
                while let Some(key) = self.walk.key(&mut first)? {
                    match part.at(&key) {
                        Some(part) => entries.push((key, self.below(part, depth)?).into()),
                        None => drop(self.walk.skip()?),
                    }
                }
                Content::Object(entries)
            }
            b'[' => {
                let mut items = Vec::new();
                let mut first = true;
                while self.walk.element(&mut first)? {
                    items.push(self.below(Part::Any, depth)?);
                }
                Content::List(items)
            }
            b'"' => Content::Str(self.walk.string()?),
            _ => parse_json_value(self.walk.word()?).map_err(|_| Wrong)?.content,
        };
        Ok(content.into())
    }
}

/// The whole text as one value.
///
/// # Errors
/// As of [`Reader::node`].
pub(super) fn read(text: &str, part: Part) -> Result<Node<'_>, Wrong> {
    let mut reader = Reader::new(text);
    let node = reader.node(part)?;
    reader.walk.end()?;
    Ok(node)
}

/// What a specification says, but for the node's name.
///
/// # Errors
/// As of [`Reader::node`].
pub(super) fn read_spec<'a>(spec: &'a dyn RawObject) -> Result<Node<'a>, Wrong> {
    let fields = spec.fields().into_iter().map(|(key, value)| Ok((key, read(value, Part::Any)?).into()));
    Ok(Content::Object(fields.collect::<Result<_, _>>()?).into())
}

fn is_no_metadata(key: &str) -> bool {
    !matches!(
        key,
        "name" | "generateName" | "namespace" | "labels" | "annotations" | "ownerReferences" | "resourceVersion"
    )
}

fn is_no_pod_status(key: &str) -> bool {
    !matches!(key, "phase" | "podIP" | "podIPs" | "hostIP" | "hostIPs")
}

/// Maps whose keys are the author's own.
fn is_free(key: &str) -> bool {
    matches!(
        key,
        "labels" | "annotations" | "matchLabels" | "selector" | "data" | "binaryData" | "stringData" | "parameters"
    )
}

fn is_unread(key: &str) -> bool {
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
