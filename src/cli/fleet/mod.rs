//! `gke-posture audit` of many clusters: finds them, audits several at a time, writes a report on each and one on all.

mod clusters;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::check::{FixTool, Registry};
use crate::collect::live::{Discovered, Scope, discover};
use crate::config::Config;
use crate::fleet::shard::Shard;
use crate::fleet::{
    Asked, CheckInfo, ClusterEntry, DiscoveryGap, FleetParts, FleetReport, FleetScope, Part, Rules, TargetsFile,
    markdown, part_stem, table,
};
use crate::inventory::ClusterName;
use crate::network::Dataplane;
use crate::report::table::Style;
use crate::report::{self, ExitPolicy, Format, Outcome};

use super::live::{LiveArgs, Status, drive, interrupted, leave, status_of};
use super::terraform;
use super::{Failure, log, output, shard};
use clusters::{Audited, Shared, State, audit_all, is_gone};

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
    pub fix_for: Option<FixTool>,
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
        again: match choice.shard {
            Some(shard) => format!("Run the audit again with --shard {shard}."),
            None => "Run the audit again.".to_owned(),
        },
        stopped: AtomicBool::new(false),
    });
    let (found, audited) = drive(&status, async {
        let mut stop = tokio::spawn(interrupted());
        let mut found = match scopes.is_empty() {
            true => Discovered::default(),
            false => tokio::select! {
                found = discover(&scopes, &shared.options) => found.map_err(|e| Failure { text: e, status: 4 })?,
                number = &mut stop => leave(&status, number.unwrap_or(2)),
            },
        };
        found.clusters.extend(named);
        let takes = |c: &&ClusterName| choice.shard.is_none_or(|s| s.takes(&c.to_string()));
        let own: Vec<ClusterName> = found.clusters.iter().filter(takes).cloned().collect();
        state.all.store(own.len(), Ordering::Relaxed);
        tracing::info!(found = found.clusters.len() as u64, own = own.len() as u64, "clusters");
        let audited = audit_all(&shared, own, usize::from(args.parallel), &state, &mut stop).await;
        Ok::<_, Failure>((found, audited))
    })??;
    let Audited { mut entries, waivers, interrupted } = audited;
    let failure = shared.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (failure, interrupted) {
        (Some(failure), None) => return Err(failure),
        // What is known is still told.
        (Some(failure), Some(_)) => log::error(&failure.text),
        (None, _) => {}
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
        gaps: found.unseen.into_iter().map(|u| DiscoveryGap { scope: u.scope, error: u.error }).collect(),
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
    if interrupted.is_some() {
        log::error(&format!("interrupted: {}; the report says which were not", status()));
    }
    let ended = interrupted.map_or(report.outcome.status(), status_of);
    last_word(&report, ended);
    Ok(ended)
}

/// What is otherwise in clusters than in Terraform's state.
fn drift_lines(report: &FleetReport) -> Vec<String> {
    let drifts = |c: &ClusterEntry| -> Vec<String> {
        let all = c.drift.iter().flatten();
        all.map(|d| format!("drift: {}: {} {}", c.target, d.address, d.attribute)).collect()
    };
    report.clusters.iter().flat_map(drifts).collect()
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
            title: c.finding.clone(),
            severity: config.severity_of(&c.id).unwrap_or(c.severity),
            why: c.why.clone(),
            controls: registry.controls_of(&c.id).clone(),
        })
        .collect()
}

/// One line for whoever watches a job by its log.
fn last_word(report: &FleetReport, status: u8) {
    let fields = serde_json::json!({
        "outcome": report.outcome,
        "exitStatus": status,
        "clusters": report.totals.clusters,
        "clustersByOutcome": report.totals.by_outcome,
        "findings": report.totals.by_severity,
        "gaps": report.gaps.len(),
    });
    let Json::Object(fields) = fields else { return };
    let text = format!("fleet audit finished: {}", report.outcome.name());
    log::outcome(super::audit::severity(report.outcome), &text, fields);
}
