//! Checks are data; this room reads them and judges facts by them.

mod result;

pub use result::{CheckResult, Fix, Severity, Verdict, WaiverRef};
