//! `gke-posture report merge`

use std::path::{Path, PathBuf};

use crate::check::shell_quote;
use crate::fleet::shard::Shard;
use crate::fleet::{FleetReport, PartFile, PartInput, decode as decode_report, merge as merge_parts, part_file};
use crate::report::{Format, Style};

use super::fleet::{self, write_report};
use super::input::source_date_epoch;
use super::output;
use super::report_args::ReportArgs;
use super::{Failure, limits, log};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Merge the reports of the shards of a fleet audit into one, and list the shards that are missing.
    ///
    /// Reads fleet-INDEX-of-TOTAL.json in DIR, or in the folders directly below it; where there is none, fleet.json. A
    /// shard that is missing, or whose part is left over from an earlier run, makes the result incomplete.
    #[command(after_help = super::EXIT_STATUS)]
    Merge(Merge),
}

#[derive(clap::Args)]
struct Merge {
    /// Folder with the parts: the --output-dir of the shards.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    report: ReportArgs,
}

pub(super) fn run(args: Args) -> Result<u8, Failure> {
    limits::limit_time(None);
    let Command::Merge(args) = args.command;
    merge(&args)
}

fn merge(args: &Merge) -> Result<u8, Failure> {
    let targets = args.report.targets()?;
    fleet::check_formats(args.report.format, &targets)?;
    let report = read_parts(args)?;
    let footer = footer(&args.dir, &report);
    let style = Style { width: output::width(), color: args.report.color.enabled(), show_all: args.report.all, footer };
    write_report(&report, &targets, args.report.format, &style)?;
    for s in report.shards.iter().filter(|s| !s.present && args.report.format != Format::Table) {
        let why = s.why.as_deref().unwrap_or_default();
        log::note(&format!("shard {} of {} is missing: {why}", s.index, s.count));
    }
    Ok(report.outcome.status())
}

/// Reads the parts of the folder as one report.
fn read_parts(args: &Merge) -> Result<FleetReport, Failure> {
    let found = PartFiles::find(&args.dir)?;
    let mut problems: Vec<String> = vec![];
    let mut parts: Vec<PartInput> = vec![];
    for (path, shard) in &found.shards {
        let file = path.display().to_string();
        let Some(named) = *shard else {
            problems
                .push(format!("{file}: it is named after no shard: they are counted from 0, and below their total"));
            continue;
        };
        match decode(&args.dir, path) {
            Ok(report) => parts.push(PartInput { file, named, report }),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(Failure::problems(&problems));
    }
    if parts.is_empty() {
        return match &found.whole[..] {
            [one] => decode(&args.dir, one).map_err(|p| Failure::problems(&[p])),
            [] => Err(Failure::input(format!(
                "{} holds no part of a fleet report (fleet-INDEX-of-TOTAL.json, or fleet.json): give the folder that was \
                 the --output-dir of the shards",
                args.dir.display()
            ))),
            many => Err(Failure::input(format!(
                "{} holds {} reports of whole fleets, which cannot be merged: {}",
                args.dir.display(),
                many.len(),
                many.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
            ))),
        };
    }
    for path in found.whole.iter().filter(|p| !args.report.output.contains(p)) {
        log::note(&format!("{} is the report of a whole fleet, and is not merged", path.display()));
    }
    let now = source_date_epoch()?.map(|t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    merge_parts(parts, now).map_err(|p| Failure::problems(&p))
}

/// Reads a fleet report. The file names of its clusters' reports become relative to `dir`.
fn decode(dir: &Path, path: &Path) -> Result<FleetReport, String> {
    let file = path.display();
    let bytes = std::fs::read(path).map_err(|e| format!("cannot read {file}: {e}"))?;
    let mut report = decode_report(&bytes).map_err(|e| format!("{file}: {e}"))?;
    let folder = path.strip_prefix(dir).ok().and_then(Path::parent).filter(|f| !f.as_os_str().is_empty());
    if let Some(folder) = folder {
        for name in report.clusters.iter_mut().filter_map(|c| c.report.as_mut()) {
            *name = format!("{}/{name}", folder.display());
        }
    }
    Ok(report)
}

/// Fleet reports in a folder, by their names; sorted.
#[derive(Default)]
struct PartFiles {
    shards: Vec<(PathBuf, Option<Shard>)>,
    whole: Vec<PathBuf>,
}

impl PartFiles {
    /// Finds those in the folder itself; where there is none, those in the folders directly below it.
    fn find(dir: &Path) -> Result<PartFiles, Failure> {
        let mut found = PartFiles::default();
        let folders = found.add(dir)?;
        if found.shards.is_empty() && found.whole.is_empty() {
            for folder in folders {
                found.add(&folder)?;
            }
        }
        found.shards.sort();
        found.whole.sort();
        Ok(found)
    }

    /// Adds the files of one folder, and returns the folders in it.
    fn add(&mut self, dir: &Path) -> Result<Vec<PathBuf>, Failure> {
        let failed = |e: std::io::Error| Failure::input(format!("cannot read the folder {}: {e}", dir.display()));
        let mut folders = vec![];
        for entry in std::fs::read_dir(dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            match path.file_name().and_then(|n| n.to_str()).and_then(part_file) {
                Some(PartFile::Shard(shard)) => self.shards.push((path, shard)),
                Some(PartFile::Whole) => self.whole.push(path),
                None => {}
            }
        }
        Ok(folders)
    }
}

/// What to read next: the report of the worst cluster, if it is there.
fn footer(dir: &Path, report: &FleetReport) -> Vec<String> {
    let worst = report.worst_first().into_iter().find(|c| !c.worst.is_empty());
    let Some(json) = worst.and_then(|c| c.report.as_ref()).map(|name| dir.join(name)) else { return vec![] };
    let file = [json.with_extension("md"), json].into_iter().find(|p| p.is_file());
    let line =
        |p: PathBuf| format!("Next: {}   the report of the worst cluster", shell_quote(&p.display().to_string()));
    file.map(line).into_iter().collect()
}
