//! Checks are data; this room reads them and judges facts by them.

mod result;

pub use crate::config::Severity;
pub use result::{CheckResult, Fix, Verdict, WaiverRef};
