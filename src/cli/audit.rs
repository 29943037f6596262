//! `gke-posture audit`

use std::path::{Path, PathBuf};

use crate::audit::{self, Settings};
use crate::check::{Framework, Registry, Verdict};
use crate::config::{Config, Selection, Severity};
use crate::document::hint;
use crate::report::{self, ExitPolicy, Format, Outcome, Report, Style};

use super::fleet::{self, FleetArgs};
use super::input::{ConfigArgs, Evidence};
use super::output;
use super::report_args::ReportArgs;
use super::terraform::{State, TerraformArgs};
use super::{Failure, limits, log};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    evidence: Evidence,
    #[command(flatten)]
    fleet: FleetArgs,
    #[command(flatten)]
    terraform: TerraformArgs,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten, next_help_heading = "Report")]
    report: ReportArgs,
    /// Group the report by the controls of a framework, such as cis-gke-1.9.0.
    #[arg(help_heading = "Report", long, value_name = "ID", conflicts_with = "template")]
    framework: Option<String>,
    /// Evaluate the checks of security, of operations or both [default: the configuration's, else security]
    #[arg(help_heading = "Report", long, value_enum, value_name = "PROFILE")]
    profile: Option<ProfileChoice>,
    /// Your own template for the Markdown report.
    #[arg(help_heading = "Report", long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// Findings of this severity or worse fail the audit [default: high; the example alone fails on none]
    #[arg(help_heading = "Report", long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// Unknown results and gaps do not make the audit incomplete.
    #[arg(help_heading = "Report", long, conflicts_with = "strict")]
    allow_unknown: bool,
    /// Every unknown result makes the audit incomplete, also one whose input or permission is missing.
    #[arg(help_heading = "Report", long)]
    strict: bool,
    /// Refuse evidence with another digest than this one (sha256:…, as `snapshot` prints it).
    #[arg(help_heading = "Report", long, value_name = "DIGEST")]
    expect_digest: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ProfileChoice {
    Security,
    Operations,
    All,
}

impl ProfileChoice {
    fn selection(self) -> Selection {
        match self {
            ProfileChoice::Security => Selection::Security,
            ProfileChoice::Operations => Selection::Operations,
            ProfileChoice::All => Selection::All,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    Critical,
    High,
    Medium,
    Low,
    Info,
    None,
}

impl FailOn {
    fn severity(self) -> Option<Severity> {
        match self {
            FailOn::Critical => Some(Severity::Critical),
            FailOn::High => Some(Severity::High),
            FailOn::Medium => Some(Severity::Medium),
            FailOn::Low => Some(Severity::Low),
            FailOn::Info => Some(Severity::Info),
            FailOn::None => None,
        }
    }
}

pub(super) fn run(args: Args) -> Result<u8, Failure> {
    limits::limit_time(args.evidence.live.timeout);
    let targets = args.report.targets()?;
    let template = match &args.template {
        None => None,
        Some(path) => {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|e| Failure::input(format!("cannot read template {name}: {e}")))?;
            Some((name, text))
        }
    };
    let registry = args.config.registry()?;
    let framework = args.framework.as_deref().map(|id| framework(&registry, id)).transpose()?;
    let mut config = args.config.config(&registry, args.evidence.demo)?;
    if let Some(choice) = args.profile {
        config.profile = choice.selection();
    }
    let exit = ExitPolicy {
        fail_on: args.fail_on.map_or(Some(Severity::High), FailOn::severity),
        allow_unknown: args.allow_unknown,
        strict: args.strict,
        fail_on_drift: args.terraform.fail_on_drift,
    };
    let state = args.terraform.state(&args.evidence.live)?;
    let state = match state {
        Some(state) if state.clusters.len() > 1 || args.fleet.output_dir.is_some() => {
            return fleet(&args, registry, config, exit, targets, Some(state));
        }
        other => other,
    };
    if args.fleet.is_requested(&args.evidence.live) {
        return fleet(&args, registry, config, exit, targets, None);
    }
    args.fleet.refuse_for_one()?;
    let (name, cluster) = state.and_then(|mut s| s.clusters.pop_first()).unzip();
    let (snapshot, now) = args.evidence.read(registry.needs(&config), name)?;
    limits::inputs_are_read();
    let evidence = audit::Evidence::new(snapshot, cluster.as_ref());
    if let Some(expected) = args.expect_digest.as_ref().filter(|e| *e != evidence.digest()) {
        return Err(Failure::input(format!(
            "the digest of the evidence is {}, and --expect-digest requires {expected}",
            evidence.digest()
        )));
    }
    let settings = Settings {
        dataplane: args.evidence.dataplane.stated(),
        exit,
        fix_for: args.terraform.fix_for.tool(),
        ..Settings::new(&registry, &config, now)
    };
    let report = audit::audit(evidence, &settings);
    limits::inputs_are_evaluated();
    // The example alone fails on nothing: it only shows what a report looks like.
    let showing = args.evidence.demo && args.fail_on.is_none();
    let status = report.outcome.status();
    let render = |format: Format, width: usize, color: bool| -> Result<String, Failure> {
        let footer = footer(&args, &report, showing, status);
        let options = report::Options {
            style: Style { width, color, show_all: args.report.all, footer },
            template: template.as_ref().map(|(name, text)| (name.as_str(), text.as_str())),
            framework,
        };
        report::render(&report, format, &options).map_err(Failure::input)
    };
    for (path, format) in targets {
        output::write_file(path, render(format, 100, false)?.as_bytes())?;
    }
    output::print(&render(args.report.format, output::width(), args.report.color.enabled())?)?;
    if showing && args.report.format != Format::Table {
        log::note(&real_status(status));
    }
    if report.outcome == Outcome::NoResult {
        log::error(&nothing(&report));
    }
    last_word(&report, status);
    Ok(if showing && status != Outcome::NoResult.status() { 0 } else { status })
}

fn framework<'r>(registry: &'r Registry, id: &str) -> Result<&'r Framework, Failure> {
    let all = registry.frameworks();
    // `cis-gke-1.9` is what people call `cis-gke-1.9.0`.
    let is_it = |f: &&Framework| f.framework == id || f.framework.strip_suffix(".0") == Some(id);
    all.iter().find(is_it).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|f| f.framework.as_str()).collect();
        let hint = hint(id, names.iter().copied());
        Failure::input(format!("--framework: unknown framework \"{id}\"{hint}; known: {}", names.join(", ")))
    })
}

/// The audit of many clusters.
fn fleet(
    args: &Args,
    registry: Registry,
    config: Config,
    exit: ExitPolicy,
    outputs: Vec<(&Path, Format)>,
    state: Option<State>,
) -> Result<u8, Failure> {
    let e = &args.evidence;
    let chosen = e.live.cluster.is_some() && state.is_none();
    let one = e.live.context.is_some() || e.live.kubeconfig.is_some() || chosen;
    if !e.inputs.is_empty()
        || e.demo
        || one
        || e.complete
        || args.template.is_some()
        || args.expect_digest.is_some()
        || args.framework.is_some()
    {
        return Err(Failure::input(
            "several clusters (--project without --cluster, --folder, --organization, --targets) are read live: give no \
             files, kubeconfig, template, framework or digest beside them",
        ));
    }
    let job = fleet::Job {
        rules: (args.config.files()?.digest(), args.config.digest()?),
        registry,
        config,
        dataplane: e.dataplane.stated(),
        exit,
        now: super::input::now(None)?,
        live: &e.live,
        state,
        fix_for: args.terraform.fix_for.tool(),
        format: args.report.format,
        outputs,
        show_all: args.report.all,
        color: args.report.color.enabled(),
    };
    limits::limit_each_cluster();
    fleet::run(&args.fleet, job)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Why there is no result.
fn nothing(report: &Report) -> String {
    match report.gaps.first() {
        Some(gap) => format!("nothing was evaluated: {}: {}. {}", gap.error.what, gap.error.why, gap.error.fix),
        None if report.evidence.objects == 0 => {
            "nothing could be read: no object that this tool knows is in the input".to_owned()
        }
        None => lower_first(report::verdict::nothing_evaluated(report).trim_end_matches('.')),
    }
}

/// One line for whoever watches a job by its log.
fn last_word(report: &Report, status: u8) {
    let fields = serde_json::json!({
        "outcome": report.outcome,
        "exitStatus": status,
        "cluster": report.target.name,
        "project": report.target.project,
        "location": report.target.location,
        "findings": report.summary.by_severity,
        "unknown": report.summary.by_verdict.of(Verdict::Unknown),
        "gaps": report.gaps.len(),
    });
    let serde_json::Value::Object(fields) = fields else { return };
    log::outcome(report.outcome, "audit", fields);
}

/// What to do next, with commands that can be pasted.
fn footer(args: &Args, report: &Report, showing: bool, status: u8) -> Vec<String> {
    let mut lines = Vec::new();
    let worst = report
        .results
        .iter()
        .filter(|r| r.verdict == Verdict::Fail && r.caused_by.is_none())
        .max_by(|a, b| a.severity.cmp(&b.severity).then(b.check.cmp(&a.check)));
    if let Some(w) = worst {
        let own: String = args
            .config
            .checks
            .iter()
            .map(|d| format!(" --checks {}", crate::check::shell_quote(&d.display().to_string())))
            .collect();
        lines.push(format!("Next: gke-posture checks show {}{own}", w.check));
        lines.push("      why it matters, what is read and how to fix it".to_owned());
        let reach = report
            .results
            .iter()
            .find(|r| r.check == "database-reachable-across-environments" && r.verdict == Verdict::Fail);
        if let Some(r) = reach {
            lines.push(format!("      gke-posture reach {} --to {}", args.evidence.repeat(), r.subject.id));
            lines.push("      who reaches it, and by which rules".to_owned());
        }
    }
    if showing {
        lines.push(real_status(status));
    }
    lines
}

/// The note on the exit status of the example, which does not fail.
fn real_status(status: u8) -> String {
    let meaning = match status {
        0 => "nothing at or above high",
        1 => "findings at or above high",
        3 => "incomplete",
        _ => "no usable result",
    };
    format!("A real audit would have ended with exit status {status} ({meaning}).")
}
