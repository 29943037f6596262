//! What a server was asked: the proof that only reads happen, and only those that were meant.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hyper::HeaderMap;
use hyper::body::Bytes;

/// `POST`s that change nothing: questions about oneself, and tokens.
const READING_POSTS: [&str; 7] = [
    "*/selfsubjectaccessreviews",
    "*/selfsubjectrulesreviews",
    "*/selfsubjectreviews",
    "*:testIamPermissions",
    "*:generateAccessToken",
    "/token",
    "/v1/token",
];

/// One request, as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// 1 for the first request to this server.
    pub number: usize,
    pub verb: String,
    pub path: String,
    /// Without the `?`, as sent.
    pub query: String,
    /// Who the credentials say it is; none for anonymous requests and unknown tokens.
    pub user: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// None as long as nothing was answered: hanging, or closed without an answer.
    pub status: Option<u16>,
}

impl Entry {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// `VERB path?query`.
    pub(crate) fn line(&self) -> String {
        match self.query.as_str() {
            "" => format!("{} {}", self.verb, self.path),
            query => format!("{} {}?{query}", self.verb, self.path),
        }
    }
}

/// Shared by the server's thread and the test.
#[derive(Clone, Default)]
pub(crate) struct Record(Arc<Inner>);

#[derive(Default)]
struct Inner {
    entries: Mutex<Vec<Entry>>,
    asked: AtomicUsize,
    connections: AtomicUsize,
    in_flight: AtomicUsize,
    peak: AtomicUsize,
}

impl Record {
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.0.entries.lock().unwrap().clone()
    }

    /// Each `VERB path` once, sorted.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.entries().iter().map(|e| format!("{} {}", e.verb, e.path)).collect();
        paths.sort();
        paths.dedup();
        paths
    }

    /// Requests whose path, or path and query, match a pattern of [`super::faults::matches`].
    pub(crate) fn matching(&self, pattern: &str) -> Vec<Entry> {
        self.entries().into_iter().filter(|e| super::faults::matches(pattern, &e.path, &e.query)).collect()
    }

    pub(crate) fn count(&self, pattern: &str) -> usize {
        self.matching(pattern).len()
    }

    /// Forgets what was asked so far; numbers go on.
    pub(crate) fn clear(&self) {
        self.0.entries.lock().unwrap().clear();
    }

    /// Connections accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.0.connections.load(Ordering::SeqCst)
    }

    /// The largest number of requests that were being answered at the same time.
    pub(crate) fn peak(&self) -> usize {
        self.0.peak.load(Ordering::SeqCst)
    }

    /// Requests that may have changed something.
    pub(crate) fn writes(&self) -> Vec<String> {
        let reads = |e: &Entry| match e.verb.as_str() {
            "GET" | "HEAD" => !e.query.contains("watch="),
            "POST" => READING_POSTS.iter().any(|p| super::faults::matches(p, &e.path, "")),
            _ => false,
        };
        self.entries().iter().filter(|e| !reads(e)).map(Entry::line).collect()
    }

    #[track_caller]
    pub(crate) fn assert_only_reads(&self) {
        let writes = self.writes();
        assert!(writes.is_empty(), "not only reads:\n{}", writes.join("\n"));
    }

    pub(super) fn connected(&self) {
        self.0.connections.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns the request's number.
    pub(super) fn asked(&self, mut entry: Entry) -> usize {
        let now = self.0.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.peak.fetch_max(now, Ordering::SeqCst);
        let mut entries = self.0.entries.lock().unwrap();
        entry.number = self.0.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let number = entry.number;
        entries.push(entry);
        number
    }

    /// `status` is none when the connection was closed instead.
    pub(super) fn answered(&self, number: usize, status: Option<u16>) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
        // Absent if the test has cleared the record meanwhile.
        if let Some(entry) = self.0.entries.lock().unwrap().iter_mut().rev().find(|e| e.number == number) {
            entry.status = status;
        }
    }
}
