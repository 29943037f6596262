//! Checks are data: this module loads them and evaluates facts by them. It does no I/O: texts come in as strings.

mod controls;
mod definition;
mod evaluate;
mod explain;
mod expr;
mod functions;
mod lexical;
mod load;
mod registry;
mod result;
mod run;
mod scope;
mod selftest;
mod signatures;
mod source;
mod template;
#[cfg(test)]
mod tests;
mod typing;

pub use crate::config::{Profile, Severity};
pub use controls::{Control, Framework};
pub use definition::{Check, CheckTest, Given, Lower, Note, Skip};
pub use evaluate::{ALL_SUBJECTS, fingerprint};
pub use explain::{ControlDoc, Explanation, FactDoc, LowerRule, SkipRule};
pub use expr::{ClusterView, Expr, Outcome, View};
pub use registry::Registry;
pub use result::{CheckResult, Fix, FixTool, Verdict, WaiverRef};
pub use run::waiver_report;
pub use scope::{Path, Vocabulary};
pub use selftest::TestOutcome;
pub use source::{Files, SourceFile, builtin_files};
pub use template::shell_quote;
