//! `gke-posture checks list | show | test`: lists, explains and tests checks.

use std::path::PathBuf;

use crate::check::{Explanation, Registry};

use super::input::registry;
use super::output::{self, paragraph};
use super::{Failure, limits};

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List all checks.
    List {
        /// A folder with your own checks, in addition to the built-in checks.
        #[arg(long, value_name = "DIR")]
        checks: Vec<PathBuf>,
        #[arg(long, value_enum, default_value = "table")]
        format: ListFormat,
    },
    /// Explain one check: why it matters, which facts it uses, how to fix a finding.
    Show {
        /// Id of the check, as `checks list` prints it.
        #[arg(value_name = "ID")]
        id: String,
        /// A folder with your own checks, in addition to the built-in checks.
        #[arg(long, value_name = "DIR")]
        checks: Vec<PathBuf>,
        #[arg(long, value_enum, default_value = "table")]
        format: ListFormat,
    },
    /// Run the tests in check files: those of the built-in checks, or those in a folder.
    Test {
        /// A folder with checks. Without it, the built-in checks are tested.
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ListFormat {
    Table,
    Json,
}

pub(super) fn run(args: Args) -> Result<u8, Failure> {
    limits::limit_time(None);
    match args.command {
        Command::List { checks, format } => list(&registry(&checks)?, format),
        Command::Show { id, checks, format } => show(&registry(&checks)?, &id, format),
        Command::Test { dir } => test(dir),
    }
}

fn json<T: serde::Serialize>(value: &T) -> Result<u8, Failure> {
    let mut text =
        serde_json::to_string_pretty(value).map_err(|e| Failure::input(format!("cannot print JSON: {e}")))?;
    text.push('\n');
    output::print(&text)?;
    Ok(0)
}

fn list(registry: &Registry, format: ListFormat) -> Result<u8, Failure> {
    if format == ListFormat::Json {
        let all: Vec<Explanation> = registry.checks().iter().filter_map(|c| registry.describe(&c.id)).collect();
        return json(&all);
    }
    let id_width = registry.checks().iter().map(|c| c.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut subjects: Vec<_> = registry.checks().iter().map(|c| c.subject).collect();
    subjects.sort();
    subjects.dedup();
    for subject in subjects {
        text.push_str(&format!("{}\n", subject.name()));
        for c in registry.checks().iter().filter(|c| c.subject == subject) {
            text.push_str(&format!("  {:<8}  {:<id_width$}  {}\n", c.severity.name(), c.id, c.title));
        }
        text.push('\n');
    }
    text.push_str(&format!("{} checks. For details of one: gke-posture checks show ID\n", registry.checks().len()));
    output::print(&text)?;
    Ok(0)
}

fn show(registry: &Registry, id: &str, format: ListFormat) -> Result<u8, Failure> {
    let Some(e) = registry.describe(id) else {
        let names = registry.known_names().checks;
        let hint = crate::document::hint(id, names.iter().map(String::as_str));
        return Err(Failure::input(format!(
            "unknown check \"{id}\"{hint}; run `gke-posture checks list` for all checks"
        )));
    };
    if format == ListFormat::Json {
        return json(&e);
    }
    let width = output::width().clamp(60, 100);
    let mut text = format!("{}   {}   {}\n{}\n", e.id, e.severity.name(), e.subject.name(), e.title);
    if e.finding != e.title {
        text.push_str(&format!("A failure is reported as: {}\n", e.finding));
    }
    text.push('\n');
    paragraph(&mut text, &e.why, width, 0, 0);
    text.push_str("\nFacts\n");
    for fact in &e.facts {
        text.push_str(&format!("  {}\n", fact.path));
        paragraph(&mut text, fact.doc.trim(), width, 6, 0);
    }
    if !e.needs.is_empty() {
        text.push_str("\nPermissions for a live cluster\n");
        for need in &e.needs {
            let (what, right) = (need.name(), need.rights_text());
            paragraph(&mut text, &format!("{what}: {right}"), width, 2, 2);
        }
    }
    text.push_str("\nEvaluation\n");
    if let Some(when) = &e.when {
        text.push_str(&format!("  applies when   {when}\n"));
    }
    for s in &e.skip {
        text.push_str(&format!("  except when    {}\n", s.when));
        paragraph(&mut text, &format!("because {}", s.because), width, 6, 0);
    }
    text.push_str(&format!("  passes when    {}\n", e.pass));
    for l in &e.lower {
        text.push_str(&format!("  {} when   {}\n", l.to.name(), l.when));
        paragraph(&mut text, &format!("because {}", l.because), width, 6, 0);
    }
    if !e.implied_by.is_empty() {
        text.push_str(&format!(
            "  not counted if one of these fails for the same subject: {}\n",
            e.implied_by.join(", ")
        ));
    }
    for (tool, fix) in [("kubectl", &e.fix.kubectl), ("gcloud", &e.fix.gcloud), ("Terraform", &e.fix.terraform)] {
        if let Some(fix) = fix {
            text.push_str(&format!("\nFix with {tool} (each finding fills in the text in {{{{ }}}})\n"));
            for line in fix.trim_end().lines() {
                text.push_str(&format!("  {line}\n"));
            }
        }
    }
    if !e.controls.is_empty() {
        text.push_str("\nControls\n");
        for c in &e.controls {
            text.push_str(&format!("  {} {}   {}\n", c.framework, c.id, c.title));
        }
    }
    if !e.references.is_empty() {
        text.push_str("\nReferences\n");
        for r in &e.references {
            text.push_str(&format!("  {r}\n"));
        }
    }
    text.push_str(&format!("\n{}, with {} tests\n", e.file, e.tests));
    output::print(&text)?;
    Ok(0)
}

fn test(dir: Option<PathBuf>) -> Result<u8, Failure> {
    let own: Vec<PathBuf> = dir.into_iter().collect();
    let registry = registry(&own)?;
    // The built-in checks are loaded too, because checks of the folder can refer to them.
    let is_selected = |check: &str| {
        own.is_empty()
            || registry.get(check).is_some_and(|c| own.iter().any(|d| c.file.starts_with(&d.display().to_string())))
    };
    let outcomes: Vec<_> = registry.run_tests().into_iter().filter(|o| is_selected(&o.check)).collect();
    let failed: Vec<_> = outcomes.iter().filter(|o| !o.passed).collect();
    let mut text = String::new();
    for o in &failed {
        text.push_str(&format!("FAILED  {}: {}\n        {}\n", o.check, o.name, o.detail));
    }
    text.push_str(&format!("{} passed, {} failed\n", outcomes.len() - failed.len(), failed.len()));
    output::print(&text)?;
    Ok(u8::from(!failed.is_empty()))
}
