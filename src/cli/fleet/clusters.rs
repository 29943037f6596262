//! The audits of a fleet's clusters, several at a time.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::{Id, JoinError, JoinHandle, JoinSet};

use crate::audit::{Evidence, Settings, audit};
use crate::check::{FixTool, Registry};
use crate::collect::live::{self, Options, Progress, Target};
use crate::collect::terraform::Cluster;
use crate::config::{Config, Severity};
use crate::fleet::ClusterEntry;
use crate::inventory::{ClusterName, FaultKind, ReadError, Snapshot};
use crate::network::Dataplane;
use crate::report::{self, ExitPolicy, Format, Report, WaiverReport};

use super::super::{Failure, log, output};

/// How far the run is.
#[derive(Default)]
pub struct State {
    pub all: AtomicUsize,
    pub done: AtomicUsize,
}

/// What came of a fleet's clusters.
#[derive(Default)]
pub struct Audited {
    pub entries: Vec<ClusterEntry>,
    pub waivers: Vec<WaiverReport>,
    /// The number of the signal that ended it early; the clusters that were not audited have entries that say so.
    pub interrupted: Option<u8>,
}

/// What the audits share.
pub struct Shared {
    pub registry: Registry,
    pub config: Config,
    pub dataplane: Option<Dataplane>,
    pub exit: ExitPolicy,
    pub now: jiff::Timestamp,
    pub options: Options,
    pub output_dir: Option<PathBuf>,
    /// What Terraform's state says of the clusters.
    pub terraform: BTreeMap<ClusterName, Cluster>,
    pub fix_for: Option<FixTool>,
    /// The first report that could not be written.
    pub failed: Mutex<Option<Failure>>,
    /// What a person does about clusters that an interrupted run did not audit.
    pub again: String,
    /// The run has been interrupted: no more reports on clusters are written.
    pub stopped: AtomicBool,
}

type Judged = (ClusterEntry, Vec<WaiverReport>);

/// Audits the clusters, until all are or `stop` gives the number of a signal.
pub async fn audit_all(
    shared: &Arc<Shared>,
    clusters: Vec<ClusterName>,
    parallel: usize,
    state: &State,
    stop: &mut JoinHandle<u8>,
) -> Audited {
    let mut tasks = JoinSet::new();
    let mut running: HashMap<Id, ClusterName> = HashMap::new();
    // Begun in this order.
    let mut waiting = VecDeque::from(clusters);
    let mut done: Vec<Judged> = Vec::new();
    let mut take = |result: Result<(Id, Judged), JoinError>, running: &mut HashMap<Id, ClusterName>| {
        let id = result.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let Some(name) = running.remove(&id) else { return };
        let broken = |_| (failed(&name, "the audit of this cluster broke off"), Vec::new());
        let one = result.map_or_else(broken, |(_, one)| one);
        state.done.fetch_add(1, Ordering::Relaxed);
        say(&one.0);
        done.push(one);
    };
    let mut interrupted = None;
    loop {
        while tasks.len() < parallel
            && let Some(name) = waiting.pop_front()
        {
            let (shared, own) = (shared.clone(), name.clone());
            running.insert(tasks.spawn(async move { audit_one(&shared, &own).await }).id(), name);
        }
        let result = tokio::select! {
            biased;
            result = tasks.join_next_with_id() => result,
            number = &mut *stop => {
                // Where waiting for signals broke off, it is as if Ctrl-C had been pressed.
                interrupted = Some(number.unwrap_or(2));
                shared.stopped.store(true, Ordering::Relaxed);
                break;
            }
        };
        let Some(result) = result else { break };
        take(result, &mut running);
    }
    while let Some(result) = tasks.try_join_next_with_id() {
        take(result, &mut running);
    }
    for name in running.into_values().chain(waiting) {
        done.push((not_audited(&name, &shared.again), Vec::new()));
    }
    // Tasks end in any order; the report has one.
    done.sort_by(|a, b| a.0.target.cmp(&b.0.target));
    let (entries, waivers): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    Audited { entries, waivers: waivers.into_iter().flatten().collect(), interrupted }
}

fn failed(name: &ClusterName, why: &str) -> ClusterEntry {
    unread(name, FaultKind::Other, why, "Audit the cluster alone to see more.")
}

fn not_audited(name: &ClusterName, again: &str) -> ClusterEntry {
    unread(name, FaultKind::NotAttempted, "the run was interrupted before that", again)
}

fn unread(name: &ClusterName, fault: FaultKind, why: &str, fix: &str) -> ClusterEntry {
    ClusterEntry::unread(name, ReadError::new(fault, name.to_string(), why, fix))
}

async fn audit_one(shared: &Arc<Shared>, name: &ClusterName) -> Judged {
    let progress = Arc::new(Progress::default());
    let snapshot = match live::collect(&Target::Gke(name.clone()), &shared.options, &progress).await {
        Ok(snapshot) => snapshot,
        Err(why) => return (failed(name, &why), Vec::new()),
    };
    let (own, cluster) = (shared.clone(), name.clone());
    match tokio::task::spawn_blocking(move || judge(&own, &cluster, snapshot)).await {
        Ok(judged) => judged,
        Err(_) => (failed(name, "judging it broke off"), Vec::new()),
    }
}

fn judge(shared: &Shared, name: &ClusterName, snapshot: Snapshot) -> Judged {
    let state = snapshot.cluster.as_ref().and_then(|c| c.config.get("status")?.as_str().map(str::to_owned));
    let settings = Settings {
        dataplane: shared.dataplane,
        exit: shared.exit,
        fix_for: shared.fix_for,
        ..Settings::new(&shared.registry, &shared.config, shared.now)
    };
    let report = audit(Evidence::new(snapshot, shared.terraform.get(name)), &settings);
    let mut file = None;
    if let Some(dir) = shared.output_dir.as_ref().filter(|_| !shared.stopped.load(Ordering::Relaxed)) {
        match write(dir, name, &report) {
            Ok(name) => file = Some(name),
            Err(failure) => {
                shared.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
            }
        }
    }
    let entry = ClusterEntry::judged(name, state, &report, file);
    (entry, report.waivers)
}

/// Writes a cluster's own reports and answers the name of the JSON.
fn write(dir: &Path, name: &ClusterName, report: &Report) -> Result<String, Failure> {
    let stem = name.file_stem();
    let render = |format| report::render(report, format, &Default::default()).map_err(Failure::input);
    output::write_file(&dir.join(format!("{stem}.md")), render(Format::Markdown)?.as_bytes())?;
    let file = format!("{stem}.json");
    output::write_file(&dir.join(&file), render(Format::Json)?.as_bytes())?;
    Ok(file)
}

pub fn is_gone(entry: &ClusterEntry) -> bool {
    entry.error.as_ref().is_some_and(|e| e.error.fault == FaultKind::NotFound)
}

/// One line for a cluster that is done.
fn say(entry: &ClusterEntry) {
    let outcome = entry.outcome.name();
    match (&entry.summary, &entry.error) {
        (Some(s), _) => {
            let by = &s.by_severity;
            let counts = Severity::ALL.map(|s| format!("{} {}", by.of(s), s.name())).join(", ");
            if log::is_animated() {
                super::super::live::above(&format!("{outcome:<20}  {}  {counts}", entry.target));
            }
            tracing::info!(cluster = entry.target, outcome, counts, "cluster audited");
        }
        (None, error) => {
            let why = error.as_ref().map(|e| e.error.why.as_str()).unwrap_or_default();
            if log::is_animated() {
                super::super::live::above(&format!("{outcome:<20}  {}  {why}", entry.target));
            }
            tracing::warn!(cluster = entry.target, outcome, why, "cluster without a result");
        }
    }
}
