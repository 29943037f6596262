//! `gke-posture audit` of many clusters: finds them, audits several at a time, writes a report on each and one on all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::audit::{Settings, audit};
use crate::check::Registry;
use crate::collect;
use crate::collect::live::{self, Discovered, Options, Progress, Scope, Target, discover};
use crate::collect::terraform::Cluster;
use crate::config::Config;
use crate::inventory::{ClusterName, Snapshot};
use crate::network::Dataplane;
use crate::report::fleet::{
    Asked, CheckInfo, ClusterEntry, ClusterError, DiscoveryGap, ErrorKind, FleetParts, FleetReport, FleetScope, Part,
    Rules, TargetsFile, markdown, part_stem, table,
};
use crate::report::table::Style;
use crate::report::{self, ExitPolicy, Outcome, Report, WaiverReport};
use crate::shard::Shard;

use super::audit::Format;
use super::live::{LiveArgs, Status, block_on};
use super::terraform::{self, FixFor};
use super::{Failure, log, output, shard};

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Fleets")]
pub struct FleetArgs {
    /// All clusters of a folder, by its number. May be repeated. `--project` without `--cluster` does the same for projects.
    #[arg(long, value_name = "NUMBER", num_args = 1.., value_delimiter = ',')]
    pub folder: Vec<String>,
    /// All clusters of an organization, by its number. May be repeated.
    #[arg(long, value_name = "NUMBER", num_args = 1.., value_delimiter = ',')]
    pub organization: Vec<String>,
    /// The clusters that a file names, one a line (`projects/P/locations/L/clusters/C`); `#` begins a comment.
    #[arg(long, value_name = "FILE")]
    pub targets: Option<PathBuf>,
    /// Clusters audited at a time.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub parallel: u16,
    /// Folder for a report on each cluster (JSON and Markdown) and one on all of them.
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
    /// Audit only this share of the clusters, such as 0/8 for the first of eight [default: what CLOUD_RUN_TASK_INDEX and
    /// CLOUD_RUN_TASK_COUNT, or JOB_COMPLETION_INDEX and JOB_COMPLETIONS say; else all of them]
    #[arg(long, value_name = "INDEX/TOTAL")]
    pub shard: Option<Shard>,
}

/// What a fleet audit is asked to do, beside where the clusters are.
pub struct Job<'a> {
    pub registry: Registry,
    pub config: Config,
    /// `sha256:…` over the texts of checks, and of the configuration.
    pub rules: (String, Option<String>),
    pub dataplane: Option<Dataplane>,
    pub exit: ExitPolicy,
    pub now: jiff::Timestamp,
    pub live: &'a LiveArgs,
    /// Terraform's state, whose clusters are audited.
    pub state: Option<terraform::State>,
    pub fix_for: FixFor,
    pub format: Format,
    pub outputs: Vec<(&'a Path, Format)>,
    pub show_all: bool,
    pub color: bool,
}

impl FleetArgs {
    /// Whether many clusters are asked for.
    pub fn is_asked(&self, live: &LiveArgs) -> bool {
        let projects = !live.project.is_empty() && live.cluster.is_none() && live.location.is_none();
        projects || !self.folder.is_empty() || !self.organization.is_empty() || self.targets.is_some()
    }

    /// Options that mean something only there.
    pub fn refuse_alone(&self) -> Result<(), Failure> {
        match (&self.output_dir, self.shard) {
            (Some(_), _) => Err(Failure::input("--output-dir is for several clusters; for one use --output FILE")),
            (_, Some(_)) => {
                Err(Failure::input("--shard is for several clusters: --project, --folder, --organization or --targets"))
            }
            _ => Ok(()),
        }
    }

    fn scopes(&self, live: &LiveArgs) -> Result<Vec<Scope>, Failure> {
        let number = |kind: &str, text: &String| {
            let bare = text.trim_start_matches(&format!("{kind}s/")).to_owned();
            let fits = !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit());
            if fits { Ok(bare) } else { Err(Failure::input(format!("--{kind} {text}: it is named by its number"))) }
        };
        let mut scopes = BTreeSet::new();
        for id in &live.project {
            let bare = id.trim_start_matches("projects/");
            let fits = |c: char| c.is_ascii_alphanumeric() || "-.:".contains(c);
            if bare.is_empty() || !bare.chars().all(fits) {
                return Err(Failure::input(format!("--project {id}: it is named by its id")));
            }
            scopes.insert(Scope::Project(bare.to_owned()));
        }
        for n in &self.folder {
            scopes.insert(Scope::Folder(number("folder", n)?));
        }
        for n in &self.organization {
            scopes.insert(Scope::Organization(number("organization", n)?));
        }
        Ok(scopes.into_iter().collect())
    }
}

/// Names of a file, and the file for the report.
fn targets(path: &Path) -> Result<(BTreeSet<ClusterName>, TargetsFile), Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| Failure::input(format!("cannot read {name}: {e}")))?;
    let mut names = BTreeSet::new();
    let mut problems = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        match line.parse() {
            _ if line.is_empty() => {}
            Ok(cluster) => {
                names.insert(cluster);
            }
            Err(e) => problems.push(format!("{name}:{}: {e}", i + 1)),
        }
    }
    if !problems.is_empty() {
        return Err(Failure::problems(&problems));
    }
    let hash = Sha256::digest(text.as_bytes());
    let digest = hash.iter().fold(String::from("sha256:"), |s, b| s + &format!("{b:02x}"));
    Ok((names, TargetsFile { name, digest }))
}

/// How far the run is.
#[derive(Default)]
struct State {
    all: AtomicUsize,
    done: AtomicUsize,
}

/// Runs the audit of a fleet and answers the exit status.
pub fn run(args: &FleetArgs, job: Job<'_>) -> Result<u8, Failure> {
    let scopes = args.scopes(job.live)?;
    let (mut named, mut targets_file) = match &args.targets {
        None => (BTreeSet::new(), None),
        Some(path) => targets(path).map(|(names, file)| (names, Some(file)))?,
    };
    let mut terraform = BTreeMap::new();
    if let Some(state) = job.state {
        if targets_file.is_some() || !scopes.is_empty() {
            return Err(Failure::input(
                "--terraform names the clusters itself: give no --targets, --folder or --organization",
            ));
        }
        named.extend(state.clusters.keys().cloned());
        targets_file = Some(state.file);
        terraform = state.clusters;
    }
    let choice = shard::choose(args.shard, |name| std::env::var_os(name))?;
    choice.note.iter().for_each(|note| log::note(note));
    if let Some(dir) = &args.output_dir {
        std::fs::create_dir_all(dir).map_err(|e| Failure::input(format!("cannot make {}: {e}", dir.display())))?;
    }
    let options = job.live.options(job.registry.needs(&job.config), job.now);
    let state = Arc::new(State::default());
    let shown = state.clone();
    let status: Status = Arc::new(move || {
        let at = |n: &AtomicUsize| n.load(Ordering::Relaxed);
        match at(&shown.all) {
            0 => "looking for clusters".to_owned(),
            all => format!("{} of {all} clusters audited", at(&shown.done)),
        }
    });
    let by_assets = scopes.iter().any(|s| !matches!(s, Scope::Project(_)));
    let asked = asked(&scopes, targets_file);
    let shared = Arc::new(Shared {
        registry: job.registry,
        config: job.config,
        dataplane: job.dataplane,
        exit: job.exit,
        now: job.now,
        options,
        output_dir: args.output_dir.clone(),
        terraform,
        fix_for: job.fix_for,
        failed: Mutex::new(None),
    });
    let (found, mut entries, waivers) = block_on(&status, async {
        let mut found = match scopes.is_empty() {
            true => Discovered::default(),
            false => discover(&scopes, &shared.options).await.map_err(|e| Failure { text: e, status: 4 })?,
        };
        found.clusters.extend(named);
        let takes = |c: &&ClusterName| choice.shard.is_none_or(|s| s.takes(&c.to_string()));
        let own: Vec<ClusterName> = found.clusters.iter().filter(takes).cloned().collect();
        state.all.store(own.len(), Ordering::Relaxed);
        tracing::info!(found = found.clusters.len() as u64, own = own.len() as u64, "clusters");
        let (entries, waivers) = audit_all(&shared, own, usize::from(args.parallel), &state).await;
        Ok::<_, Failure>((found, entries, waivers))
    })??;
    if let Some(failure) = shared.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Err(failure);
    }
    let mut discovered = found.clusters;
    if by_assets {
        // The inventory lags some minutes behind, and lists clusters that are gone.
        for entry in entries.iter().filter(|e| is_gone(e)) {
            log::note(&format!("{} is in Cloud Asset Inventory and no longer exists", entry.target));
            discovered.retain(|c| c.to_string() != entry.target);
        }
        entries.retain(|e| !is_gone(e));
    }
    let report = FleetReport::new(FleetParts {
        tool: report::Tool { name: "gke-posture".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        generated_at: job.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        exit: job.exit,
        scope: FleetScope { asked, discovered: discovered.iter().map(ToString::to_string).collect() },
        rules: Rules {
            checks: job.rules.0,
            configuration: job.rules.1,
            options: rule_options(job.live, job.dataplane),
        },
        part: choice.shard.map(|shard| Part { shard, run: choice.run.clone() }),
        shards: Vec::new(),
        clusters: entries,
        checks: check_infos(&shared.registry, &shared.config),
        gaps: found
            .unseen
            .into_iter()
            .map(|u| DiscoveryGap { scope: u.scope, what: u.what, why: u.why, mend: u.mend })
            .collect(),
        waivers,
    });
    let render = |format: Format, width: usize, color: bool| -> Result<String, Failure> {
        Ok(match format {
            Format::Json => report.json(),
            Format::Markdown => markdown::render(&report).map_err(Failure::input)?,
            Format::Table => {
                table::render(&report, &Style { width, color, show_all: job.show_all, footer: drift_lines(&report) })
            }
        })
    };
    if let Some(dir) = &args.output_dir {
        let stem = part_stem(choice.shard);
        for (ending, format) in [("json", Format::Json), ("md", Format::Markdown)] {
            output::write_file(&dir.join(format!("{stem}.{ending}")), render(format, 100, false)?.as_bytes())?;
        }
    }
    for (path, format) in &job.outputs {
        output::write_file(path, render(*format, 100, false)?.as_bytes())?;
    }
    output::print(&render(job.format, output::width(), job.color)?)?;
    if report.outcome == Outcome::NoResult {
        log::error("no cluster gave a result");
    }
    last_word(&report);
    Ok(report.outcome.status())
}

struct Shared {
    registry: Registry,
    config: Config,
    dataplane: Option<Dataplane>,
    exit: ExitPolicy,
    now: jiff::Timestamp,
    options: Options,
    output_dir: Option<PathBuf>,
    /// What Terraform's state says of the clusters.
    terraform: BTreeMap<ClusterName, Cluster>,
    fix_for: FixFor,
    /// The first report that could not be written.
    failed: Mutex<Option<Failure>>,
}

async fn audit_all(
    shared: &Arc<Shared>,
    clusters: Vec<ClusterName>,
    parallel: usize,
    state: &Arc<State>,
) -> (Vec<ClusterEntry>, Vec<WaiverReport>) {
    let slots = Arc::new(Semaphore::new(parallel));
    let mut tasks = JoinSet::new();
    let mut names = std::collections::HashMap::new();
    for name in clusters {
        let (shared, slots, own) = (shared.clone(), slots.clone(), name.clone());
        let task = tasks.spawn(async move {
            // Nobody closes the semaphore.
            let _slot = slots.acquire().await;
            audit_one(&shared, &own).await
        });
        names.insert(task.id(), name);
    }
    let mut done: Vec<(ClusterEntry, Vec<WaiverReport>)> = Vec::new();
    while let Some(result) = tasks.join_next_with_id().await {
        let one = match result {
            Ok((_, one)) => one,
            Err(e) => match names.get(&e.id()) {
                Some(name) => (failed(name, "the audit of this cluster broke off"), Vec::new()),
                None => continue,
            },
        };
        state.done.fetch_add(1, Ordering::Relaxed);
        say(&one.0);
        done.push(one);
    }
    // Tasks end in any order; the report has one.
    done.sort_by(|a, b| a.0.target.cmp(&b.0.target));
    let (entries, waivers): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    (entries, waivers.into_iter().flatten().collect())
}

fn failed(name: &ClusterName, why: &str) -> ClusterEntry {
    let error = ClusterError {
        kind: ErrorKind::Failed,
        what: name.to_string(),
        why: why.to_owned(),
        mend: "Audit the cluster alone to see more.".to_owned(),
    };
    ClusterEntry::unread(name, error)
}

async fn audit_one(shared: &Arc<Shared>, name: &ClusterName) -> (ClusterEntry, Vec<WaiverReport>) {
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

fn judge(shared: &Shared, name: &ClusterName, mut snapshot: Snapshot) -> (ClusterEntry, Vec<WaiverReport>) {
    let state = snapshot.cluster.as_ref().and_then(|c| c.config.get("status")?.as_str().map(str::to_owned));
    let described = shared.terraform.get(name);
    let live = described.and(snapshot.cluster.as_ref()).map(|c| c.config.clone());
    if let Some(cluster) = described {
        snapshot.terraform.clone_from(&cluster.addresses);
    }
    let settings = Settings {
        registry: &shared.registry,
        config: &shared.config,
        dataplane: shared.dataplane,
        now: shared.now,
        exit: shared.exit,
        digest: collect::digest(&snapshot),
    };
    let places = terraform::Places::of(&snapshot);
    let mut report = audit(snapshot, &settings);
    terraform::annotate(&mut report, &places);
    if let Some(cluster) = described {
        terraform::compare(&mut report, cluster, live.as_ref());
    }
    terraform::keep_fixes(&mut report, shared.fix_for);
    let mut file = None;
    if let Some(dir) = &shared.output_dir {
        match write(dir, name, &report) {
            Ok(name) => file = Some(name),
            Err(failure) => {
                shared.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
            }
        }
    }
    let mut entry = ClusterEntry::judged(name, state, &report, file);
    if let Some(error) = &mut entry.error {
        error.kind = kind(&error.why);
    }
    (entry, report.waivers)
}

/// What is otherwise in clusters than in Terraform's state.
fn drift_lines(report: &FleetReport) -> Vec<String> {
    let drifts = |c: &ClusterEntry| -> Vec<String> {
        let all = c.drift.iter().flatten();
        all.map(|d| format!("drift: {}: {} {}", c.target, d.address, d.attribute)).collect()
    };
    report.clusters.iter().flat_map(drifts).collect()
}

/// Writes a cluster's own reports and answers the name of the JSON.
fn write(dir: &Path, name: &ClusterName, report: &Report) -> Result<String, Failure> {
    let stem = name.file_stem();
    let markdown = report::markdown::render(report, None).map_err(Failure::input)?;
    output::write_file(&dir.join(format!("{stem}.md")), markdown.as_bytes())?;
    let file = format!("{stem}.json");
    output::write_file(&dir.join(&file), report.json().as_bytes())?;
    Ok(file)
}

fn kind(why: &str) -> ErrorKind {
    let any = |words: &[&str]| words.iter().any(|w| why.contains(w));
    if any(&["(401)", "(403)", "no Google credentials", "gave no token"]) {
        ErrorKind::Forbidden
    } else if any(&["cannot be reached", "no answer", "the time of the run"]) {
        ErrorKind::Unreachable
    } else {
        ErrorKind::Failed
    }
}

fn is_gone(entry: &ClusterEntry) -> bool {
    entry.error.as_ref().is_some_and(|e| e.why.starts_with("not found (404)"))
}

/// One line for a cluster that is done.
fn say(entry: &ClusterEntry) {
    let outcome = serde_json::to_value(entry.outcome).unwrap_or_default();
    let outcome = outcome.as_str().unwrap_or_default();
    match (&entry.summary, &entry.error) {
        (Some(s), _) => {
            let by = &s.by_severity;
            let counts = format!(
                "{} critical, {} high, {} medium, {} low, {} info",
                by.critical, by.high, by.medium, by.low, by.info
            );
            if log::is_animated() {
                super::live::above(&format!("{outcome:<20}  {}  {counts}", entry.target));
            }
            tracing::info!(cluster = entry.target, outcome, counts, "cluster audited");
        }
        (None, error) => {
            let why = error.as_ref().map(|e| e.why.as_str()).unwrap_or_default();
            if log::is_animated() {
                super::live::above(&format!("{outcome:<20}  {}  {why}", entry.target));
            }
            tracing::warn!(cluster = entry.target, outcome, why, "cluster without a result");
        }
    }
}

fn asked(scopes: &[Scope], targets_file: Option<TargetsFile>) -> Asked {
    let mut asked = Asked { targets_file, ..Asked::default() };
    for scope in scopes {
        match scope {
            Scope::Project(id) => asked.projects.push(id.clone()),
            Scope::Folder(id) => asked.folders.push(id.clone()),
            Scope::Organization(id) => asked.organizations.push(id.clone()),
        }
    }
    asked
}

fn rule_options(live: &LiveArgs, dataplane: Option<Dataplane>) -> Vec<String> {
    let mut options = Vec::new();
    options.extend(live.no_configmaps.then(|| "--no-configmaps".to_owned()));
    options.extend(live.read_secret_values.then(|| "--read-secret-values".to_owned()));
    options.extend(dataplane.map(|d| format!("--dataplane {}", d.name())));
    options
}

fn check_infos(registry: &Registry, config: &Config) -> Vec<CheckInfo> {
    let enabled = registry.checks().iter().filter(|c| config.is_enabled(&c.id));
    enabled
        .map(|c| CheckInfo {
            id: c.id.clone(),
            title: c.title.clone(),
            severity: config.severity_of(&c.id).unwrap_or(c.severity),
            why: c.why.clone(),
            controls: registry.controls_of(&c.id).clone(),
        })
        .collect()
}

/// One line for whoever watches a job by its log.
fn last_word(report: &FleetReport) {
    let outcome = serde_json::to_value(report.outcome).unwrap_or_default();
    let by = &report.totals.by_severity;
    let fields = serde_json::json!({
        "outcome": outcome,
        "exitStatus": report.outcome.status(),
        "clusters": report.totals.clusters,
        "clustersByOutcome": report.totals.by_outcome,
        "findings": { "critical": by.critical, "high": by.high, "medium": by.medium, "low": by.low, "info": by.info },
        "gaps": report.gaps.len(),
    });
    let Json::Object(fields) = fields else { return };
    let text = format!("fleet audit finished: {}", outcome.as_str().unwrap_or_default());
    log::outcome(super::audit::severity(report.outcome), &text, fields);
}
