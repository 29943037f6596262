//! The command line: one file for each subcommand, with the text that people read.

mod audit;
mod checks;
mod doctor;
mod fleet;
mod input;
mod limits;
mod live;
mod log;
mod output;
mod reach;
#[cfg(test)]
mod recorded_tests;
mod report;
mod report_args;
mod schema;
mod shard;
mod snapshot;
mod terraform;

use clap::{Parser, Subcommand};

const EXIT_STATUS: &str = "\
Exit status (the same for every format):
  0    no findings at or above --fail-on
  1    findings at or above --fail-on
  2    usage or input error
  3    incomplete: something that counts could not be read or decided
  4    no usable result: nothing could be read
  130, 143  interrupted
If both 1 and 3 apply, the status is 1.";

/// Audits a GKE cluster: who can reach what, are policies enforced, and are database connections encrypted.
#[derive(Parser)]
#[command(version, about, after_help = EXIT_STATUS, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    log: log::LogArgs,
    #[command(flatten)]
    limits: limits::LimitArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Audit a cluster and write a report.
    #[command(after_help = EXIT_STATUS)]
    Audit(Box<audit::Args>),
    /// Print which workloads can reach which, or answer one question with the rules that decide it.
    Reach(reach::Args),
    /// Save the evidence in one compressed file, without secrets.
    Snapshot(snapshot::Args),
    /// Check what an audit of a live cluster can read, and print the least-privilege roles.
    Doctor(doctor::Args),
    /// List, explain and test checks.
    Checks(checks::Args),
    /// Merge the reports of a fleet audit.
    Report(report::Args),
    /// Print a JSON Schema.
    Schema(schema::Args),
}

/// An error that ends a command: the message for people, and the exit status.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong; may have several lines.
    pub text: String,
    /// Exit status: 2 for a usage or input error, 4 if there is no usable result.
    pub status: u8,
}

impl Failure {
    /// A usage or input error.
    pub fn input(text: impl Into<String>) -> Self {
        Failure { text: text.into(), status: 2 }
    }

    /// All problems in the input, one on each line.
    pub fn problems<P: std::fmt::Display>(problems: &[P]) -> Self {
        let lines: Vec<String> = problems.iter().map(|p| format!("error: {p}")).collect();
        Failure { text: lines.join("\n"), status: 2 }
    }
}

/// Parses the arguments, runs the command, and returns the exit status.
pub fn run() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version go to standard output.
            let _ = e.print();
            return if e.use_stderr() { 2 } else { 0 };
        }
    };
    log::init(&cli.log);
    limits::watch(cli.limits);
    let result = match cli.command {
        Command::Audit(args) => audit::run(*args),
        Command::Reach(args) => reach::run(args),
        Command::Snapshot(args) => snapshot::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Checks(args) => checks::run(args),
        Command::Report(args) => report::run(args),
        Command::Schema(args) => schema::run(args),
    };
    match result {
        Ok(status) => status,
        Err(failure) => {
            log::error(&failure.text);
            failure.status
        }
    }
}
