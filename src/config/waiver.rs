//! Findings that are accepted for a time.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Config, Pattern};

/// An accepted finding. It waives failures and unknowns, never a pass.
#[derive(Clone, Debug, PartialEq, schemars::JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
pub struct Waiver {
    /// Exact id of a check. No pattern: a waiver that silently grows with each new
    /// check of a similar name would hide findings that nobody has seen.
    #[schemars(length(min = 1))]
    pub check: String,
    /// Subject id; `*` matches any run of characters, `/` included.
    pub subject: Pattern,
    /// Why it is accepted.
    #[schemars(length(min = 1))]
    pub reason: String,
    /// Who answers for it.
    #[schemars(length(min = 1))]
    pub owner: String,
    /// Where it is tracked.
    pub ticket: Option<String>,
    /// Last day on which it holds, `YYYY-MM-DD`.
    #[schemars(with = "String", extend("format" = "date"))]
    pub until: Date,
}

impl Waiver {
    /// Whether the waiver covers that check and subject, whatever the day.
    pub fn covers(&self, check: &str, subject: &str) -> bool {
        self.check == check && self.subject.matches(subject)
    }

    /// Whether `today` is after the last day.
    pub fn is_expired(&self, today: Date) -> bool {
        self.until < today
    }
}

/// A configured waiver and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WaiverReport {
    /// Check id, as configured.
    pub check: String,
    /// Subject id or pattern, as configured.
    pub subject: String,
    /// Why the finding is accepted.
    pub reason: String,
    /// Who answers for the waiver.
    pub owner: String,
    /// Where it is tracked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Last day on which it holds, `YYYY-MM-DD`.
    pub until: String,
    /// Whether it applies today.
    pub status: WaiverStatus,
    /// Results that it waives (or would, had it not expired).
    pub matched: usize,
}

/// What became of a waiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WaiverStatus {
    /// It has not expired, and matches at least one failure or unknown.
    Active,
    /// Its last day is over: it waives nothing.
    Expired,
    /// It has not expired, but no failure or unknown matches it.
    Unused,
}

impl WaiverStatus {
    /// Name in reports.
    pub fn name(self) -> &'static str {
        match self {
            WaiverStatus::Active => "active",
            WaiverStatus::Expired => "expired",
            WaiverStatus::Unused => "unused",
        }
    }
}

impl Config {
    /// The first waiver of the file that covers the check and subject and has not expired.
    pub fn waiver_for(&self, check: &str, subject: &str, today: Date) -> Option<&Waiver> {
        self.waivers.iter().find(|w| !w.is_expired(today) && w.covers(check, subject))
    }

    /// Reports every waiver in order of the file. `waivable` are the (check, subject) pairs whose result is a failure or
    /// an unknown, waived or not.
    pub fn waiver_report(&self, waivable: &[(&str, &str)], today: Date) -> Vec<WaiverReport> {
        self.waivers
            .iter()
            .map(|w| {
                let matched = waivable.iter().filter(|(check, subject)| w.covers(check, subject)).count();
                let status = match (w.is_expired(today), matched) {
                    (true, _) => WaiverStatus::Expired,
                    (false, 0) => WaiverStatus::Unused,
                    (false, _) => WaiverStatus::Active,
                };
                WaiverReport {
                    check: w.check.clone(),
                    subject: w.subject.as_str().into(),
                    reason: w.reason.clone(),
                    owner: w.owner.clone(),
                    ticket: w.ticket.clone(),
                    until: w.until.to_string(),
                    status,
                    matched,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KnownNames;

    #[test]
    fn a_waiver_holds_through_its_last_day_and_is_reported_either_way() {
        let known = KnownNames { checks: vec!["a".into(), "b".into()] };
        let text = "waivers:\n  - { check: a, subject: 'prod/*', reason: r, owner: o, until: 2027-01-31 }\n  \
                    - { check: b, subject: tomoda/x, reason: r, owner: o, until: 2026-01-01 }\n  \
                    - { check: b, subject: 'nothing', reason: r, owner: o, until: 2027-01-31 }\n";
        let c = Config::parse("c", text, &known).unwrap();
        let last: Date = "2027-01-31".parse().unwrap();
        let after: Date = "2027-02-01".parse().unwrap();
        assert!(c.waiver_for("a", "prod/Deployment/x", last).is_some());
        assert!(c.waiver_for("a", "prod/Deployment/x", after).is_none());
        assert!(c.waiver_for("b", "prod/Deployment/x", last).is_none());
        let report = c.waiver_report(&[("a", "prod/x"), ("a", "prod/y"), ("b", "tomoda/x")], last);
        let seen: Vec<_> = report.iter().map(|w| (w.status, w.matched)).collect();
        assert_eq!(seen, [(WaiverStatus::Active, 2), (WaiverStatus::Expired, 1), (WaiverStatus::Unused, 0)]);
    }
}
