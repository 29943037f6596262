//! Options of every command that writes a report.

use std::path::{Path, PathBuf};

use crate::report::Format;

use super::Failure;
use super::output::Color;

#[derive(clap::Args)]
pub(super) struct ReportArgs {
    /// Format on standard output.
    #[arg(long, value_enum, default_value = "table")]
    pub(super) format: Format,
    #[arg(long, short, value_name = "FILE", help = output_help())]
    pub(super) output: Vec<PathBuf>,
    /// Show full lists in the table.
    #[arg(long)]
    pub(super) all: bool,
    /// Color of the table.
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(super) color: Color,
}

impl ReportArgs {
    /// The files to write, each with the format of its ending.
    pub(super) fn targets(&self) -> Result<Vec<(&Path, Format)>, Failure> {
        self.output.iter().map(|path| Ok((path.as_path(), format_of(path)?))).collect()
    }
}

impl clap::ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        Format::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()))
    }
}

fn output_help() -> String {
    format!("Also write the report to a file, in the format of its ending: {}. May be repeated", endings())
}

/// `.md, .json or .txt`: the usual ending of each format.
fn endings() -> String {
    let all: Vec<String> = Format::ALL.iter().filter_map(|f| f.endings().first().map(|e| format!(".{e}"))).collect();
    match all.split_last() {
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

fn format_of(path: &Path) -> Result<Format, Failure> {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    Format::from_ending(ending).ok_or_else(|| {
        Failure::input(format!(
            "--output {}: the format of a file follows from its ending, which is {}",
            path.display(),
            endings()
        ))
    })
}
