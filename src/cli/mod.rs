//! The command line: one file for each subcommand. Words for people live here.

mod audit;
mod checks;
mod doctor;
mod fleet;
mod input;
mod live;
mod log;
mod output;
mod reach;
mod report;
mod schema;
mod shard;
mod shell;
mod snapshot;
mod terraform;

use clap::{Parser, Subcommand};

const EXIT_STATUS: &str = "\
Exit status (the same for every format):
  0    nothing found at or above --fail-on
  1    findings at or above --fail-on
  2    usage or input error
  3    incomplete: something that counts could not be read or decided
  4    no usable result: nothing could be read
  130, 143  interrupted
1 wins over 3.";

/// The truth about a GKE cluster: who can reach what, is it enforced, and is the database connection encrypted.
#[derive(Parser)]
#[command(version, about, after_help = EXIT_STATUS, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    log: log::LogArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Judge a cluster and write a compliance report.
    #[command(after_help = EXIT_STATUS)]
    Audit(Box<audit::Args>),
    /// Print who can reach whom, or answer one question with the rules that decide.
    Reach(reach::Args),
    /// Save the evidence as one compressed file without secrets.
    Snapshot(snapshot::Args),
    /// Say what an audit of a live cluster could read, and print the least-privilege roles.
    Doctor(doctor::Args),
    /// List, explain and test checks.
    Checks(checks::Args),
    /// Work with reports that were written before.
    Report(report::Args),
    /// Print a JSON Schema.
    Schema(schema::Args),
}

/// An error that ends a command: what a person should read, and the exit status.
#[derive(Debug)]
pub struct Failure {
    pub text: String,
    pub status: u8,
}

impl Failure {
    /// A usage or input error.
    pub fn input(text: impl Into<String>) -> Self {
        Failure { text: text.into(), status: 2 }
    }

    /// All problems of the input, one a line.
    pub fn problems<P: std::fmt::Display>(problems: &[P]) -> Self {
        let lines: Vec<String> = problems.iter().map(|p| format!("error: {p}")).collect();
        Failure { text: lines.join("\n"), status: 2 }
    }
}

/// Parses the arguments, runs the command and answers the exit status.
pub fn run() -> u8 {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version are answers, on standard output.
            let _ = e.print();
            return if e.use_stderr() { 2 } else { 0 };
        }
    };
    log::init(&cli.log);
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
