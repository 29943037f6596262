//! `gke-posture audit` of many clusters: its options, progress and outputs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};

use crate::audit::{Settings, audit};
use crate::check::{Registry, Severity};
use crate::collect;
use crate::collect::live::Scope;
use crate::config::Config;
use crate::fleet::shard::Shard;
use crate::fleet::{
    self, ClusterEntry, FleetAudit, FleetReport, FleetRun, Observer, Part, Rules, StartError, Targets, format,
    part_stem,
};
use crate::inventory::ClusterName;
use crate::network::Dataplane;
use crate::report::table::Style;
use crate::report::{self, ExitPolicy, Outcome, Report};

use super::audit::Format;
use super::live::{LiveArgs, Status, drive, interrupted, leave, status_of};
use super::terraform::{self, FixFor};
use super::{Failure, log, output, shard};

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Fleets")]
pub struct FleetArgs {
    /// Audit all clusters of a folder, by its number. May be repeated. `--project` without `--cluster` does the same for
    /// projects.
    #[arg(long, value_name = "NUMBER", num_args = 1.., value_delimiter = ',', value_parser = parse_folder)]
    pub folder: Vec<Scope>,
    /// Audit all clusters of an organization, by its number. May be repeated.
    #[arg(long, value_name = "NUMBER", num_args = 1.., value_delimiter = ',', value_parser = parse_organization)]
    pub organization: Vec<Scope>,
    /// Audit the clusters that a file names, one a line (`projects/P/locations/L/clusters/C`); `#` begins a comment.
    #[arg(long, value_name = "FILE")]
    pub targets: Option<PathBuf>,
    /// Number of clusters to audit at a time.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub parallel: u16,
    /// Folder for a report on each cluster (JSON and Markdown) and one on all of them.
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
    /// Audit only this share of the clusters, such as 0/8 for the first of eight [default: as CLOUD_RUN_TASK_INDEX and
    /// CLOUD_RUN_TASK_COUNT, or JOB_COMPLETION_INDEX and JOB_COMPLETIONS specify; else all of them]
    #[arg(long, value_name = "INDEX/TOTAL")]
    pub shard: Option<Shard>,
}

fn parse_folder(text: &str) -> Result<Scope, String> {
    parse_number(text.trim_start_matches("folders/")).map(Scope::Folder)
}

fn parse_organization(text: &str) -> Result<Scope, String> {
    parse_number(text.trim_start_matches("organizations/")).map(Scope::Organization)
}

fn parse_number(text: &str) -> Result<String, String> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.to_owned()).ok_or_else(|| "it is named by its number".to_owned())
}

/// A fleet audit as the command line requests it, beside [`FleetArgs`].
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
    /// Whether many clusters are requested.
    pub fn is_requested(&self, live: &LiveArgs) -> bool {
        let projects = !live.project.is_empty() && live.cluster.is_none() && live.location.is_none();
        projects || !self.folder.is_empty() || !self.organization.is_empty() || self.targets.is_some()
    }

    /// Refuses options that have a meaning for many clusters only.
    pub fn refuse_for_one(&self) -> Result<(), Failure> {
        match (&self.output_dir, self.shard) {
            (Some(_), _) => Err(Failure::input("--output-dir is for several clusters; for one use --output FILE")),
            (_, Some(_)) => {
                Err(Failure::input("--shard is for several clusters: --project, --folder, --organization or --targets"))
            }
            _ => Ok(()),
        }
    }

    /// The clusters that are requested.
    fn targets(&self, live: &LiveArgs) -> Result<Targets, Failure> {
        let mut targets = match &self.targets {
            None => Targets::default(),
            Some(path) => {
                let name = path.display().to_string();
                let text =
                    std::fs::read_to_string(path).map_err(|e| Failure::input(format!("cannot read {name}: {e}")))?;
                Targets::parse(&name, &text).map_err(|p| Failure::problems(&p))?
            }
        };
        for id in &live.project {
            let bare = id.trim_start_matches("projects/");
            let fits = |c: char| c.is_ascii_alphanumeric() || "-.:".contains(c);
            if bare.is_empty() || !bare.chars().all(fits) {
                return Err(Failure::input(format!("--project {id}: it is named by its id")));
            }
            targets.scopes.insert(Scope::Project(bare.to_owned()));
        }
        targets.scopes.extend(self.folder.iter().chain(&self.organization).cloned());
        Ok(targets)
    }
}

/// Runs the audit of a fleet and returns the exit status.
pub fn run(args: &FleetArgs, job: Job<'_>) -> Result<u8, Failure> {
    let mut targets = args.targets(job.live)?;
    let mut described = Default::default();
    if let Some(state) = job.state {
        if targets.file.is_some() || !targets.scopes.is_empty() {
            return Err(Failure::input(
                "--terraform names the clusters itself: give no --targets, --folder or --organization",
            ));
        }
        targets.named.extend(state.clusters.keys().cloned());
        targets.file = Some(state.file);
        described = state.clusters;
    }
    let choice = shard::choose(args.shard, |name| std::env::var_os(name))?;
    choice.note.iter().for_each(|note| log::note(note));
    if let Some(dir) = &args.output_dir {
        std::fs::create_dir_all(dir).map_err(|e| Failure::input(format!("cannot make {}: {e}", dir.display())))?;
    }
    let audit = FleetAudit {
        targets,
        part: choice.shard.map(|shard| Part { shard, run: choice.run }),
        parallel: usize::from(args.parallel),
        options: job.live.options(job.registry.needs(&job.config), job.now),
        registry: job.registry,
        config: job.config,
        exit: job.exit,
        now: job.now,
        rules: Rules {
            checks: job.rules.0,
            configuration: job.rules.1,
            options: rule_options(job.live, job.dataplane),
        },
        evaluate: Box::new(move |fleet, name, mut snapshot| {
            let described = described.get(name);
            let live = described.and(snapshot.cluster.as_ref()).map(|c| c.config.clone());
            if let Some(cluster) = described {
                snapshot.terraform.clone_from(&cluster.addresses);
            }
            let settings = Settings {
                registry: &fleet.registry,
                config: &fleet.config,
                dataplane: job.dataplane,
                now: fleet.now,
                exit: fleet.exit,
                digest: collect::digest(&snapshot),
            };
            let places = terraform::Places::of(&snapshot);
            let mut report = audit(snapshot, &settings);
            terraform::annotate(&mut report, &places);
            if let Some(cluster) = described {
                terraform::compare(&mut report, cluster, live.as_ref());
            }
            terraform::keep_fixes(&mut report, job.fix_for);
            report
        }),
    };
    let progress = Arc::new(Progress { output_dir: args.output_dir.clone(), ..Progress::default() });
    let shown = progress.clone();
    let status: Status = Arc::new(move || shown.status());
    let ended = drive(&status, async { fleet::run(audit, progress, interrupted()).await })?;
    let FleetRun { report, deleted, unwritten, interrupted } = match ended {
        Ok(run) => run,
        Err(StartError::Discovery(text)) => return Err(Failure { text, status: 4 }),
        Err(StartError::Interrupted(signal)) => leave(&status, signal),
    };
    match (unwritten, interrupted) {
        (Some(text), None) => return Err(Failure::input(text)),
        // The report is written all the same: nobody can run it again to get what is known.
        (Some(text), Some(_)) => log::error(&text),
        (None, _) => {}
    }
    for name in deleted {
        log::note(&format!("{name} is in Cloud Asset Inventory and no longer exists"));
    }
    if let Some(dir) = &args.output_dir {
        let stem = part_stem(choice.shard);
        for (ending, format) in [("json", Format::Json), ("md", Format::Markdown)] {
            write_file(&dir.join(format!("{stem}.{ending}")), &report, format, &Style::default())?;
        }
    }
    let style = Style { width: output::width(), color: job.color, show_all: job.show_all, footer: Vec::new() };
    write_report(&report, &job.outputs, job.format, &style)?;
    if interrupted.is_some() {
        log::error(&format!("interrupted: {}; the report lists which were not", status()));
    }
    let ended = interrupted.map_or(report.outcome.status(), status_of);
    log_outcome(&report, ended);
    Ok(ended)
}

/// How far the run is, and where the reports on single clusters go.
#[derive(Default)]
struct Progress {
    found: AtomicUsize,
    audited: AtomicUsize,
    output_dir: Option<PathBuf>,
}

impl Progress {
    fn status(&self) -> String {
        match self.found.load(Ordering::Relaxed) {
            0 => "looking for clusters".to_owned(),
            found => format!("{} of {found} clusters audited", self.audited.load(Ordering::Relaxed)),
        }
    }
}

impl Observer for Progress {
    fn clusters_found(&self, count: usize) {
        self.found.store(count, Ordering::Relaxed);
    }

    fn keep_report(&self, name: &ClusterName, report: &Report) -> Result<Option<String>, String> {
        let Some(dir) = &self.output_dir else { return Ok(None) };
        let stem = name.file_stem();
        let file = format!("{stem}.json");
        let write = |name: &str, text: String| output::write_file(&dir.join(name), text.as_bytes()).map_err(|e| e.text);
        write(&format!("{stem}.md"), report::markdown::render(report, None)?)?;
        write(&file, report.json())?;
        Ok(Some(file))
    }

    fn cluster_finished(&self, entry: &ClusterEntry) {
        self.audited.fetch_add(1, Ordering::Relaxed);
        let outcome = entry.outcome.name();
        let result = match (&entry.summary, &entry.error) {
            (Some(s), _) => Severity::ALL.map(|v| format!("{} {}", s.by_severity.of(v), v.name())).join(", "),
            (None, error) => error.as_ref().map(|e| e.why.clone()).unwrap_or_default(),
        };
        log::progress(&format!("{outcome:<20}  {}  {result}", entry.target));
        match entry.summary {
            Some(_) => tracing::info!(cluster = entry.target, outcome, counts = result, "cluster audited"),
            None => tracing::warn!(cluster = entry.target, outcome, why = result, "cluster without a result"),
        }
    }
}

/// Writes a fleet report to files, and to standard output.
pub(super) fn write_report(
    report: &FleetReport,
    files: &[(&Path, Format)],
    format: Format,
    style: &Style,
) -> Result<(), Failure> {
    for (path, format) in files {
        write_file(path, report, *format, style)?;
    }
    output::print(&render(report, format, style)?)?;
    if report.outcome == Outcome::NoResult {
        log::error("no cluster gave a result");
    }
    Ok(())
}

fn write_file(path: &Path, report: &FleetReport, format: Format, style: &Style) -> Result<(), Failure> {
    let plain = Style { width: 100, color: false, ..style.clone() };
    output::write_file(path, render(report, format, &plain)?.as_bytes())
}

fn render(report: &FleetReport, format: Format, style: &Style) -> Result<String, Failure> {
    match format {
        Format::Json => format::json::render(report).map_err(Failure::input),
        Format::Markdown => format::markdown::render(report).map_err(Failure::input),
        Format::Table => Ok(format::table::render(report, style)),
    }
}

/// Options that change results, as the report records them.
fn rule_options(live: &LiveArgs, dataplane: Option<Dataplane>) -> Vec<String> {
    let mut options = Vec::new();
    options.extend(live.no_configmaps.then(|| "--no-configmaps".to_owned()));
    options.extend(live.read_secret_values.then(|| "--read-secret-values".to_owned()));
    options.extend(dataplane.map(|d| format!("--dataplane {}", d.name())));
    options
}

fn log_outcome(report: &FleetReport, status: u8) {
    let fields = json!({
        "outcome": report.outcome,
        "exitStatus": status,
        "clusters": report.totals.clusters,
        "clustersByOutcome": report.totals.by_outcome,
        "findings": report.totals.by_severity,
        "gaps": report.gaps.len(),
    });
    let Json::Object(fields) = fields else { return };
    log::outcome(report.outcome, "fleet audit", fields);
}
