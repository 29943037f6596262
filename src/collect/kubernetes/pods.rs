//! Pods and the controllers that make them.

use std::sync::Arc;

use crate::document::Cursor;
use crate::inventory::object::*;

use super::super::interner::Interner;
use super::{FromObject, ReadOptions, parse_annotations, parse_pod_spec};

/// Labels that differ between the pods of one controller: pods that differ only in these are one group. Their values are
/// kept with each pod, in case a selector uses one.
const PER_POD_LABELS: [&str; 13] = [
    "pod-template-hash",
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-name",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "job-name",
    "controller-uid",
    "cnpg.io/instanceName",
    "cnpg.io/instanceRole",
    "role",
];

/// `role` is CloudNativePG's old name of `cnpg.io/instanceRole`, and an ordinary label of every other pod.
fn is_per_pod(key: &str, labels: &Labels) -> bool {
    PER_POD_LABELS.contains(&key) && (key != "role" || labels.contains_key("cnpg.io/instanceName"))
}

fn parse_template(c: Option<Cursor<'_>>, interner: &Interner) -> Template {
    let Some(c) = c else { return Template::default() };
    let meta = c.get("metadata");
    let strings = |key: &str| meta.as_ref().and_then(|m| m.get(key)).map(|l| l.strings()).unwrap_or_default();
    let annotations = meta.as_ref().map(parse_annotations).unwrap_or_default();
    let mut labels = strings("labels");
    interner.intern_labels(&mut labels);
    Template { labels, annotations, spec: c.get("spec").map(|s| parse_pod_spec(&s, interner)).unwrap_or_default() }
}

impl FromObject for Controller {
    fn read(c: &Cursor<'_>, meta: Meta, options: &ReadOptions<'_>) -> impl IntoIterator<Item = Controller> {
        Some(parse_controller(c, meta, options))
    }
}

impl FromObject for PodGroup {
    fn read(c: &Cursor<'_>, meta: Meta, options: &ReadOptions<'_>) -> impl IntoIterator<Item = PodGroup> {
        parse_pod(c, meta, options)
    }
}

/// Parses a controller of the kind `meta.kind`.
fn parse_controller(c: &Cursor<'_>, meta: Meta, options: &ReadOptions<'_>) -> Controller {
    let interner = options.interner;
    let spec = c.get("spec");
    let at = |path: &str| spec.as_ref().and_then(|s| s.at(path));
    let count = |path: &str| at(path).and_then(|n| n.int()).map(|n| u32::try_from(n).unwrap_or(0));
    let (replicas, finished, template) = match meta.kind.as_str() {
        "DaemonSet" => (None, false, parse_template(at("template"), interner)),
        "CronJob" => (None, false, parse_template(at("jobTemplate.spec.template"), interner)),
        "Job" => {
            let ended = options.status(c).is_some_and(|s| {
                s.items("conditions").iter().any(|i| {
                    matches!(i.string_at("type").as_deref(), Some("Complete" | "Failed" | "SuccessCriteriaMet"))
                        && i.string_at("status").as_deref() == Some("True")
                })
            });
            (Some(count("parallelism").unwrap_or(1)), ended, parse_template(at("template"), interner))
        }
        // Metadata alone states nothing more.
        _ if spec.is_none() => (None, false, Template::default()),
        _ => (Some(count("replicas").unwrap_or(1)), false, parse_template(at("template"), interner)),
    };
    let selector = match meta.kind.as_str() {
        "CronJob" => None,
        "ReplicationController" => at("selector"),
        _ => at("selector.matchLabels"),
    };
    let mut selector: Labels = selector.map(|s| s.strings()).unwrap_or_default();
    interner.intern_labels(&mut selector);
    Controller { meta, replicas, finished, selector, template }
}

/// Whether a pod with this status has finished: then its IP address may belong to another pod.
fn has_finished(status: Option<&Cursor<'_>>) -> bool {
    matches!(status.and_then(|s| s.string_at("phase")).as_deref(), Some("Succeeded" | "Failed"))
}

/// The part of a pod that differs between the pods of one controller.
fn parse_member(name: String, node: Option<String>, status: Option<&Cursor<'_>>, labels: Arc<Labels>) -> Member {
    let ips = |list: &str, single: &str| {
        let Some(s) = status else { return Vec::new() };
        let mut found: Vec<_> =
            s.items(list).iter().filter_map(|i| i.string_at("ip")).filter_map(|ip| ip.parse().ok()).collect();
        if found.is_empty() {
            found.extend(s.string_at(single).and_then(|ip| ip.parse::<std::net::IpAddr>().ok()));
        }
        // There is one such list for each pod.
        found.shrink_to_fit();
        found
    };
    Member { name, ips: ips("podIPs", "podIP"), node, host_ips: ips("hostIPs", "hostIP"), labels }
}

/// Parses a pod as a group of one; `None` if it has finished.
fn parse_pod(c: &Cursor<'_>, mut meta: Meta, options: &ReadOptions<'_>) -> Option<PodGroup> {
    let interner = options.interner;
    let status = options.status(c);
    // Each pod has its own.
    meta.uid = None;
    if has_finished(status.as_ref()) {
        return None;
    }
    let spec = c.get("spec");
    let labels: Labels = meta.labels.iter().filter(|(k, _)| is_per_pod(k, &meta.labels)).collect();
    meta.labels.retain(|k, _| !labels.contains_key(k));
    let node = spec.as_ref().and_then(|s| s.string_at("nodeName"));
    let member = parse_member(meta.name.clone(), node, status.as_ref(), Arc::new(labels));
    Some(PodGroup {
        annotations: std::mem::take(&mut meta.annotations),
        spec: spec.map_or_else(|| interner.intern_spec(PodSpec::default()), |s| parse_pod_spec(&s, interner)),
        meta,
        members: vec![member],
        manifest: !options.from_server,
    })
}
