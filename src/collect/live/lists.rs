//! Lists of a kind, page by page, folded into the evidence as they come.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use crate::inventory::Snapshot;

use super::super::api_format::{Api as Nodes, Pods, Templates};
use super::super::builder::Builder;
use super::super::kubernetes::Head;
use super::super::shared::Shared;
use super::super::tree::Node;
use super::api::{Api, JSON, METADATA};
use super::fault::Fault;
use super::kinds::Resource;
use super::page;

/// Objects of a page: <https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks>.
const PAGE: usize = 500;
/// How often a list is read from its start: when it grew too old to go on with, and when a page cannot be read.
const READINGS: u32 = 3;

/// How far a run has come; read by whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    pub objects: AtomicUsize,
    pub pods: AtomicUsize,
    pub kinds_done: AtomicUsize,
    pub kinds: AtomicUsize,
}

/// Path of a resource's list in all namespaces.
pub fn path(group: &str, version: &str, resource: &str) -> String {
    match group {
        "" => format!("/api/{version}/{resource}"),
        group => format!("/apis/{group}/{version}/{resource}"),
    }
}

/// Reads a whole list.
///
/// # Errors
/// The fault that ended it. A list is all or nothing: what was read before is forgotten.
pub async fn list(
    api: &Api,
    resource: &Resource,
    version: &str,
    metadata: bool,
    shared: &Arc<Shared>,
    progress: &Arc<Progress>,
) -> Result<Snapshot, Fault> {
    let path = path(resource.right.group, version, resource.right.resource);
    let mut reading = 1;
    loop {
        match once(api, resource, version, &path, metadata, shared, progress).await {
            Err(fault @ (Fault::Expired | Fault::Malformed(_) | Fault::CutOff(_))) if reading < READINGS => {
                tracing::info!(path, %fault, "beginning the list anew");
                reading += 1;
            }
            other => return other,
        }
    }
}

/// A page that is being read.
type Reading = tokio::task::JoinHandle<Result<(Builder, page::ListMeta), Fault>>;

/// Pages that may be read at a time: the next ones are fetched meanwhile, one after the other.
fn readers() -> usize {
    std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 4))
}

async fn once(
    api: &Api,
    resource: &Resource,
    version: &str,
    path: &str,
    metadata: bool,
    shared: &Arc<Shared>,
    progress: &Arc<Progress>,
) -> Result<Snapshot, Fault> {
    let accept = if metadata { METADATA } else { JSON };
    let api_version = match resource.right.group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    };
    let mut whole = Builder::for_lists(shared.clone());
    let mut readings: VecDeque<Reading> = VecDeque::new();
    let mut token: Option<String> = None;
    let mut resource_version = None;
    loop {
        let url = match &token {
            None => format!("{path}?limit={PAGE}"),
            Some(token) => format!("{path}?limit={PAGE}&continue={}", encode(token)),
        };
        let body = match api.get(&url, accept).await {
            Ok(body) => body,
            Err(fault) => {
                // A list is named by its earliest fault, however many pages are read at a time.
                drain(&mut readings, &mut whole).await?;
                return Err(fault);
            }
        };
        let head = page::head(&body);
        while readings.len() >= readers() {
            next(&mut readings, &mut whole).await?;
        }
        let own = Builder::for_lists(shared.clone());
        let (kind, api_version, path) = (resource.kind, api_version.clone(), path.to_owned());
        let progress = progress.clone();
        readings.push_back(tokio::task::spawn_blocking(move || read(own, &body, kind, &api_version, &path, &progress)));
        let meta = match head {
            // The next page is asked for while this one is read.
            Some(meta) => meta,
            None => {
                drain(&mut readings, &mut whole).await?.ok_or_else(|| Fault::Malformed("a page was lost".to_owned()))?
            }
        };
        if resource_version.is_none() {
            resource_version = meta.resource_version.clone();
        }
        match meta.token.filter(|t| !t.is_empty()) {
            // A server that gives the same token again would never end.
            Some(next) if token.as_ref() == Some(&next) => {
                drain(&mut readings, &mut whole).await?;
                return Err(Fault::Malformed("the list's pages do not advance".to_owned()));
            }
            Some(next) => token = Some(next),
            None => break,
        }
    }
    drain(&mut readings, &mut whole).await?;
    let mut snapshot = whole.into_part();
    snapshot.lists.insert(path.to_owned(), resource_version.unwrap_or_default());
    Ok(snapshot)
}

/// Waits for the earliest page and puts it to those before it, in the order of the list.
async fn next(readings: &mut VecDeque<Reading>, whole: &mut Builder) -> Result<Option<page::ListMeta>, Fault> {
    let Some(reading) = readings.pop_front() else { return Ok(None) };
    let (page, meta) = reading.await.map_err(|_| Fault::Malformed("reading a page failed".to_owned()))??;
    whole.append(page);
    Ok(Some(meta))
}

/// Waits for all pages; answers what the last one said.
async fn drain(readings: &mut VecDeque<Reading>, whole: &mut Builder) -> Result<Option<page::ListMeta>, Fault> {
    let mut last = None;
    while !readings.is_empty() {
        last = next(readings, whole).await?;
    }
    Ok(last)
}

fn read(
    mut builder: Builder,
    body: &Bytes,
    kind: &str,
    api_version: &str,
    path: &str,
    progress: &Progress,
) -> Result<(Builder, page::ListMeta), Fault> {
    let head = Head { api_version, kind };
    let mut wrong: Option<String> = None;
    let mut count = 0;
    let mut each = |node: &Node| {
        count += 1;
        if let Err(why) = builder.item(node, &head, path) {
            wrong.get_or_insert(why);
        }
    };
    let meta = match kind {
        "Pod" => page::read::<Pods>(body, &mut each),
        "DaemonSet" | "Deployment" | "Job" | "ReplicaSet" | "ReplicationController" | "StatefulSet" => {
            page::read::<Templates>(body, &mut each)
        }
        _ => page::read::<Nodes>(body, &mut each),
    }?;
    if let Some(why) = wrong {
        return Err(Fault::Refused { status: 200, message: format!("an object that cannot be understood: {why}") });
    }
    progress.objects.fetch_add(count, Ordering::Relaxed);
    if kind == "Pod" {
        progress.pods.fetch_add(count, Ordering::Relaxed);
    }
    Ok((builder, meta))
}

/// A token as a query takes it.
fn encode(token: &str) -> String {
    let mut out = String::with_capacity(token.len());
    for b in token.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}
