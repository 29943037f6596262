//! The audit of many clusters: finds them, audits several at a time, and makes one report on all of them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::{Id, JoinError, JoinSet};

use crate::audit::{self, Evidence, Settings};
use crate::check::{FixTool, Registry};
use crate::collect::live::{self, Discovered, Options, Progress, Target, discover};
use crate::collect::terraform::Cluster;
use crate::config::Config;
use crate::inventory::{ClusterName, Dataplane, FaultKind, ReadError, Snapshot};
use crate::report::{ExitPolicy, Report, Tool, WaiverReport};

use super::{CheckInfo, ClusterEntry, FleetParts, FleetReport, FleetScope, Part, Rules, Targets};

/// What a fleet audit is about, and what its clusters are read and evaluated with.
pub struct FleetAudit {
    /// The clusters that were requested, by name or by scope.
    pub targets: Targets,
    /// The share of this run; `None`: all clusters.
    pub part: Option<Part>,
    /// Clusters audited at a time, at least one.
    pub parallel: usize,
    /// The checks that run.
    pub registry: Registry,
    /// Configuration that holds for every cluster.
    pub config: Config,
    /// Stated by the user; `None`: decided by the configuration of each cluster.
    pub dataplane: Option<Dataplane>,
    /// Which results fail the audit of a cluster.
    pub exit: ExitPolicy,
    /// The tool whose fixes the reports have; `None`: all tools.
    pub fix_for: Option<FixTool>,
    /// The one time of the run.
    pub now: jiff::Timestamp,
    /// How clusters are found and read.
    pub options: Options,
    /// Digests and options that the report states; parts of one fleet must agree on them.
    pub rules: Rules,
    /// The clusters that a Terraform state describes, which they are compared with.
    pub terraform: BTreeMap<ClusterName, Cluster>,
}

impl FleetAudit {
    fn settings(&self) -> Settings<'_> {
        Settings {
            dataplane: self.dataplane,
            exit: self.exit,
            fix_for: self.fix_for,
            ..Settings::new(&self.registry, &self.config, self.now)
        }
    }
}

/// Is notified while clusters are found and audited.
pub trait Observer: Send + Sync {
    /// This many clusters are audited in this run.
    fn clusters_found(&self, count: usize);

    /// Keeps the report on one cluster, and returns the name of its file if there is one. Not called after an interrupt.
    ///
    /// # Errors
    /// Why it could not be written.
    fn keep_report(&self, name: &ClusterName, report: &Report) -> Result<Option<String>, String>;

    /// A cluster was audited, or gave no result.
    fn cluster_finished(&self, entry: &ClusterEntry);
}

/// A fleet audit that ended, possibly early.
pub struct FleetRun {
    /// Report on all clusters of this run.
    pub report: FleetReport,
    /// Clusters that Cloud Asset Inventory lists and that no longer exist. They are not in the report.
    pub deleted: Vec<String>,
    /// Why a cluster's own report could not be kept: the first of such errors.
    pub unwritten: Option<String>,
    /// The number of the signal that ended it early. The clusters that were not audited are in the report as such.
    pub interrupted: Option<u8>,
}

/// Why a fleet audit has no report.
pub enum StartError {
    /// Nothing could be searched.
    Discovery(String),
    /// The number of the signal that came before the clusters were known.
    Interrupted(u8),
}

/// Audits many clusters. `interrupt` ends it early, with the number of a signal.
///
/// # Errors
/// It is not known which clusters there are. What is wrong with single clusters is in the report.
pub async fn run(
    audit: FleetAudit,
    observer: Arc<dyn Observer>,
    interrupt: impl Future<Output = u8>,
) -> Result<FleetRun, StartError> {
    let mut interrupt = pin!(interrupt);
    let mut discovered = Discovered::default();
    if !audit.targets.scopes.is_empty() {
        let scopes: Vec<_> = audit.targets.scopes.iter().cloned().collect();
        discovered = tokio::select! {
            found = discover(&scopes, &audit.options) => found.map_err(StartError::Discovery)?,
            signal = &mut interrupt => return Err(StartError::Interrupted(signal)),
        };
    }
    discovered.clusters.extend(audit.targets.named.iter().cloned());
    let is_own = |name: &&ClusterName| audit.part.as_ref().is_none_or(|p| p.shard.contains(&name.to_string()));
    let own: VecDeque<ClusterName> = discovered.clusters.iter().filter(is_own).cloned().collect();
    observer.clusters_found(own.len());
    tracing::info!(found = discovered.clusters.len() as u64, own = own.len() as u64, "clusters");
    let run = Arc::new(Run { audit, observer, interrupted: AtomicBool::new(false) });
    let (audited, interrupted) = run.audit_all(own, interrupt).await;
    Ok(run.finish(discovered, audited, interrupted))
}

/// What the audits of the clusters share.
struct Run {
    audit: FleetAudit,
    observer: Arc<dyn Observer>,
    interrupted: AtomicBool,
}

/// What came of one cluster.
struct Audited {
    entry: ClusterEntry,
    waivers: Vec<WaiverReport>,
    unwritten: Option<String>,
}

impl From<ClusterEntry> for Audited {
    fn from(entry: ClusterEntry) -> Audited {
        Audited { entry, waivers: Vec::new(), unwritten: None }
    }
}

impl Run {
    /// Audits the clusters in this order, until all are or an interrupt.
    async fn audit_all(
        self: &Arc<Self>,
        mut waiting: VecDeque<ClusterName>,
        mut interrupt: Pin<&mut impl Future<Output = u8>>,
    ) -> (Vec<Audited>, Option<u8>) {
        let mut tasks = JoinSet::new();
        let mut running: HashMap<Id, ClusterName> = HashMap::new();
        let mut done: Vec<Audited> = Vec::new();
        let mut finish = |result: Result<(Id, Audited), JoinError>, running: &mut HashMap<Id, ClusterName>| {
            let id = result.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
            let Some(name) = running.remove(&id) else { return };
            let one = result.map_or_else(|_| failed(&name, "the audit of this cluster ended unexpectedly"), |(_, a)| a);
            self.observer.cluster_finished(&one.entry);
            done.push(one);
        };
        let mut interrupted = None;
        loop {
            while tasks.len() < self.audit.parallel
                && let Some(name) = waiting.pop_front()
            {
                let (run, own) = (self.clone(), name.clone());
                running.insert(tasks.spawn(async move { run.audit_one(own).await }).id(), name);
            }
            let result = tokio::select! {
                biased;
                result = tasks.join_next_with_id() => result,
                signal = &mut interrupt => {
                    interrupted = Some(signal);
                    self.interrupted.store(true, Ordering::Relaxed);
                    break;
                }
            };
            let Some(result) = result else { break };
            finish(result, &mut running);
        }
        while let Some(result) = tasks.try_join_next_with_id() {
            finish(result, &mut running);
        }
        done.extend(running.into_values().chain(waiting).map(|name| self.not_audited(&name)));
        // Tasks end in any order; the report has one.
        done.sort_by(|a, b| a.entry.target.cmp(&b.entry.target));
        (done, interrupted)
    }

    async fn audit_one(self: Arc<Self>, name: ClusterName) -> Audited {
        let progress = Arc::new(Progress::default());
        let snapshot = match live::collect(&Target::Gke(name.clone()), &self.audit.options, &progress).await {
            Ok(snapshot) => snapshot,
            Err(why) => return failed(&name, &why),
        };
        let own = name.clone();
        let evaluated = tokio::task::spawn_blocking(move || self.evaluate(&own, snapshot)).await;
        evaluated.unwrap_or_else(|_| failed(&name, "the evaluation of this cluster ended unexpectedly"))
    }

    fn evaluate(&self, name: &ClusterName, snapshot: Snapshot) -> Audited {
        let status = snapshot.cluster.as_ref().and_then(|c| c.config.get("status")?.as_str().map(str::to_owned));
        let evidence = Evidence::new(snapshot, self.audit.terraform.get(name));
        let report = audit::audit(evidence, &self.audit.settings());
        let (mut file, mut unwritten) = (None, None);
        if !self.interrupted.load(Ordering::Relaxed) {
            match self.observer.keep_report(name, &report) {
                Ok(name) => file = name,
                Err(why) => unwritten = Some(why),
            }
        }
        Audited { entry: ClusterEntry::audited(name, status, &report, file), waivers: report.waivers, unwritten }
    }

    fn not_audited(&self, name: &ClusterName) -> Audited {
        let fix = match &self.audit.part {
            Some(part) => format!("Run the audit again with --shard {}.", part.shard),
            None => "Run the audit again.".to_owned(),
        };
        let why = "the run was interrupted before that";
        ClusterEntry::without_result(name, ReadError::new(FaultKind::NotAttempted, name.to_string(), why, fix)).into()
    }

    fn finish(&self, discovered: Discovered, audited: Vec<Audited>, interrupted: Option<u8>) -> FleetRun {
        let audit = &self.audit;
        let is_named = |a: &Audited| audit.targets.named.iter().any(|n| n.to_string() == a.entry.target);
        let is_deleted = |a: &Audited| {
            let not_found = a.entry.error.as_ref().is_some_and(|e| e.fault == FaultKind::NotFound);
            not_found && audit.targets.use_asset_inventory() && !is_named(a)
        };
        let (deleted, audited): (Vec<_>, Vec<_>) = audited.into_iter().partition(is_deleted);
        let deleted: Vec<String> = deleted.into_iter().map(|a| a.entry.target).collect();
        let names = discovered.clusters.iter().map(ToString::to_string).filter(|name| !deleted.contains(name));
        let scope = FleetScope { requested: audit.targets.requested(), discovered: names.collect() };
        let mut parts = FleetParts {
            tool: Tool::current(),
            generated_at: audit.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            exit: audit.exit,
            scope,
            rules: audit.rules.clone(),
            part: audit.part.clone(),
            checks: audit::describe_checks(&self.audit.settings()).iter().map(CheckInfo::from).collect(),
            gaps: discovered.gaps,
            ..FleetParts::default()
        };
        let mut unwritten = None;
        for a in audited {
            parts.clusters.push(a.entry);
            parts.waivers.extend(a.waivers);
            unwritten = unwritten.or(a.unwritten);
        }
        FleetRun { report: FleetReport::new(parts), deleted, unwritten, interrupted }
    }
}

fn failed(name: &ClusterName, why: &str) -> Audited {
    let fix = "Audit the cluster alone to see more.";
    ClusterEntry::without_result(name, ReadError::new(FaultKind::Other, name.to_string(), why, fix)).into()
}
