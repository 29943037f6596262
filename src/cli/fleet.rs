//! `gke-posture audit` of many clusters: its options, progress and outputs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};

use crate::check::{FixTool, Registry, Severity};
use crate::collect::live::Scope;
use crate::config::Config;
use crate::fleet::shard::Shard;
use crate::fleet::{
    self, ClusterEntry, FleetAudit, FleetReport, FleetRun, Observer, Part, Rules, StartError, Targets, part_stem,
};
use crate::inventory::{ClusterName, Dataplane};
use crate::report::{self, ExitPolicy, Format, Outcome, Report, Style};

use super::live::{LiveArgs, Status, drive, interrupted, leave, status_of};
use super::terraform::State;
use super::{Failure, log, output, shard};

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Fleets")]
pub(super) struct FleetArgs {
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
pub(super) struct Job<'a> {
    pub registry: Registry,
    pub config: Config,
    /// `sha256:…` over the texts of checks, and of the configuration.
    pub rules: (String, Option<String>),
    pub dataplane: Option<Dataplane>,
    pub exit: ExitPolicy,
    pub now: jiff::Timestamp,
    pub live: &'a LiveArgs,
    /// Terraform's state, whose clusters are audited.
    pub state: Option<State>,
    pub fix_for: Option<FixTool>,
    pub format: Format,
    pub outputs: Vec<(&'a Path, Format)>,
    pub show_all: bool,
    pub color: bool,
}

impl FleetArgs {
    /// Whether many clusters are requested.
    pub(super) fn is_requested(&self, live: &LiveArgs) -> bool {
        let projects = !live.project.is_empty() && live.cluster.is_none() && live.location.is_none();
        projects || !self.folder.is_empty() || !self.organization.is_empty() || self.targets.is_some()
    }

    /// Refuses options that have a meaning for many clusters only.
    pub(super) fn refuse_for_one(&self) -> Result<(), Failure> {
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
pub(super) fn run(args: &FleetArgs, job: Job<'_>) -> Result<u8, Failure> {
    check_formats(job.format, &job.outputs)?;
    let mut targets = args.targets(job.live)?;
    let mut terraform = Default::default();
    if let Some(state) = job.state {
        if targets.file.is_some() || !targets.scopes.is_empty() {
            return Err(Failure::input(
                "--terraform names the clusters itself: give no --targets, --folder or --organization",
            ));
        }
        targets.named.extend(state.clusters.keys().cloned());
        targets.file = Some(state.file);
        terraform = state.clusters;
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
        dataplane: job.dataplane,
        exit: job.exit,
        fix_for: job.fix_for,
        now: job.now,
        rules: Rules {
            checks: job.rules.0,
            configuration: job.rules.1,
            options: rule_options(job.live, job.dataplane),
        },
        terraform,
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
        let render = |format| report::render(report, format, &Default::default());
        write(&format!("{stem}.md"), render(Format::Markdown)?)?;
        write(&file, render(Format::Json)?)?;
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

/// Refuses a format that a fleet report does not have, before anything is read.
pub(super) fn check_formats(format: Format, files: &[(&Path, Format)]) -> Result<(), Failure> {
    let mut all = std::iter::once(format).chain(files.iter().map(|(_, format)| *format));
    all.try_for_each(fleet::check_format).map_err(Failure::input)
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
    output::print(&fleet::render(report, format, style).map_err(Failure::input)?)?;
    if report.outcome == Outcome::NoResult {
        log::error("no cluster gave a result");
    }
    Ok(())
}

fn write_file(path: &Path, report: &FleetReport, format: Format, style: &Style) -> Result<(), Failure> {
    let plain = Style { width: 100, color: false, ..style.clone() };
    let text = fleet::render(report, format, &plain).map_err(Failure::input)?;
    output::write_file(path, text.as_bytes())
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
