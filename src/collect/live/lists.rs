//! Lists of a kind, page by page, folded into the evidence as they come.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use crate::document::ListMeta;
use crate::inventory::Snapshot;

use super::super::builder::Builder;
use super::super::interner::Interner;
use super::api::{Api, JSON, METADATA};
use super::decompress::{LARGEST, ResponseBody};
use super::fault::Fault;
use super::items::Items;
use super::kinds::Resource;
use super::page;

/// Objects of a page: <https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks>.
const PAGE: usize = 500;
/// How often a list is read from its start: when it grew too old to go on with, and when a page cannot be unpacked or read.
const READINGS: u32 = 3;

/// How far a run has come; read by whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Objects read so far, of all kinds; those of a list that is begun anew count again.
    pub objects: AtomicUsize,
    /// Pods among `objects`.
    pub pods: AtomicUsize,
    /// Lists that ended, with or without success, and those that the cluster does not serve.
    pub kinds_done: AtomicUsize,
    /// Lists to read; 0 until the cluster is connected.
    pub kinds: AtomicUsize,
}

/// Path of a resource's list in all namespaces.
pub(super) fn path(group: &str, version: &str, resource: &str) -> String {
    match group {
        "" => format!("/api/{version}/{resource}"),
        group => format!("/apis/{group}/{version}/{resource}"),
    }
}

/// Reads the lists of one cluster.
pub(super) struct Lists {
    api: Arc<Api>,
    interner: Arc<Interner>,
    progress: Arc<Progress>,
    /// Pages that may be read at a time, and the permits that are left.
    limit: usize,
    readers: Arc<Semaphore>,
    /// Buffers for the content of a page, one for each page that is read at a time.
    buffers: Mutex<Vec<Vec<u8>>>,
}

/// A page that is being read.
type Reading = tokio::task::JoinHandle<Result<(Builder, ListMeta), Fault>>;

impl Lists {
    pub(super) fn new(api: Arc<Api>, progress: Arc<Progress>) -> Lists {
        let limit = readers();
        let readers = Arc::new(Semaphore::new(limit));
        Lists { api, interner: Arc::default(), progress, limit, readers, buffers: Mutex::default() }
    }

    /// Reads a whole list.
    ///
    /// # Errors
    /// The fault that ended it. A list is all or nothing: what was read before is forgotten.
    pub(super) async fn read(
        self: &Arc<Self>,
        resource: &Resource,
        version: &str,
        metadata: bool,
    ) -> Result<Snapshot, Fault> {
        let (group, path) = (resource.right.group, path(resource.right.group, version, resource.right.resource));
        let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        let items = Items { kind: resource.kind, api_version, path };
        let mut reading = 1;
        loop {
            match self.once(&items, metadata).await {
                Err(fault @ (Fault::Expired | Fault::Malformed(_) | Fault::CutOff(_))) if reading < READINGS => {
                    tracing::info!(path = items.path, %fault, "beginning the list anew");
                    reading += 1;
                }
                other => return other,
            }
        }
    }

    async fn once(self: &Arc<Self>, items: &Items, metadata: bool) -> Result<Snapshot, Fault> {
        let accept = if metadata { METADATA } else { JSON };
        let path = &items.path;
        let mut whole = Builder::for_lists(self.interner.clone());
        let mut readings: VecDeque<Reading> = VecDeque::new();
        let mut token: Option<String> = None;
        let mut resource_version = None;
        loop {
            let url = match &token {
                None => format!("{path}?limit={PAGE}"),
                Some(token) => format!("{path}?limit={PAGE}&continue={}", encode(token)),
            };
            let answer = match self.api.get_packed(&url, accept).await {
                Ok(answer) => answer,
                Err(fault) => {
                    // A list is named by its earliest fault, however many pages are read at a time.
                    drain(&mut readings, &mut whole).await?;
                    return Err(fault);
                }
            };
            let head = page::head(&answer.start());
            while readings.len() >= self.limit {
                next(&mut readings, &mut whole).await?;
            }
            // It is never closed.
            let reader = self.readers.clone().acquire_owned().await;
            let (own, items) = (self.clone(), items.clone());
            readings.push_back(tokio::task::spawn_blocking(move || {
                let _reader = reader;
                own.page(&answer, &items)
            }));
            let meta = match head {
                // The next page is asked for while this one is read.
                Some(meta) => meta,
                None => drain(&mut readings, &mut whole)
                    .await?
                    .ok_or_else(|| Fault::Malformed("a page was lost".to_owned()))?,
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

    /// Reads one page.
    fn page(&self, answer: &ResponseBody, items: &Items) -> Result<(Builder, ListMeta), Fault> {
        let mut buffer = self.buffers().pop().unwrap_or_default();
        let read = answer.open(&mut buffer, LARGEST).and_then(|body| self.items(body, items));
        self.buffers().push(buffer);
        read
    }

    fn buffers(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        // No update is left half done by a reader that panics.
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn items(&self, body: &[u8], items: &Items) -> Result<(Builder, ListMeta), Fault> {
        let mut builder = Builder::for_lists(self.interner.clone());
        let (meta, count) = items.fold(body, &mut builder)?;
        self.progress.objects.fetch_add(count, Ordering::Relaxed);
        if items.kind == "Pod" {
            self.progress.pods.fetch_add(count, Ordering::Relaxed);
        }
        Ok((builder, meta))
    }
}

/// Pages that are read at a time, so many that no processor waits for one; the next ones are fetched meanwhile, one after
/// the other.
fn readers() -> usize {
    std::thread::available_parallelism().map_or(4, |n| (2 * n.get()).clamp(4, 8))
}

/// Waits for the earliest page and appends it to those before it, in the order of the list.
async fn next(readings: &mut VecDeque<Reading>, whole: &mut Builder) -> Result<Option<ListMeta>, Fault> {
    let Some(reading) = readings.pop_front() else { return Ok(None) };
    let (page, meta) = reading.await.map_err(|_| Fault::Malformed("reading a page failed".to_owned()))??;
    whole.append(page);
    Ok(Some(meta))
}

/// Waits for all pages. Returns the metadata of the last one.
async fn drain(readings: &mut VecDeque<Reading>, whole: &mut Builder) -> Result<Option<ListMeta>, Fault> {
    let mut last = None;
    while !readings.is_empty() {
        last = next(readings, whole).await?;
    }
    Ok(last)
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
