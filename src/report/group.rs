//! Results as people read them: by check, worst first.

use std::collections::BTreeMap;

use crate::check::{CheckResult, Severity, Verdict};
use crate::facts::schema::SubjectKind;

use super::Report;
use super::exit::counts;
use super::text::{count, noun};

/// Results of one check with one verdict and one severity.
pub(crate) struct Group<'a> {
    pub check: &'a str,
    pub title: &'a str,
    pub severity: Severity,
    pub results: Vec<&'a CheckResult>,
    /// Subjects that the check applies to, whatever the verdict and severity.
    pub of: usize,
}

impl Group<'_> {
    /// `6 of 10 workloads`, and what the severity was before it was changed; empty where there is nothing to say.
    pub fn extent(&self) -> String {
        let changed = self.changed();
        let parts = [self.share(), changed];
        parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(", ")
    }

    fn changed(&self) -> String {
        let base = self.results.first().and_then(|r| r.base_severity);
        match base.filter(|b| self.results.iter().all(|r| r.base_severity == Some(*b))) {
            Some(b) if b > self.severity => format!("lowered from {}", b.name()),
            Some(b) if b < self.severity => format!("raised from {}", b.name()),
            _ => String::new(),
        }
    }

    fn share(&self) -> String {
        let n = self.results.len();
        let Some(first) = self.results.first() else { return String::new() };
        let (one, many) = noun(first.subject.kind);
        match self.of {
            // One is listed right below: counting it adds nothing.
            of if n <= 1 || of < n => String::new(),
            of if of == n => format!("all {}", count(of, one, many)),
            of => format!("{} of {}", super::text::number(n), count(of, one, many)),
        }
    }
}

/// Whether a kind of subject is the cluster's configuration, not what runs in it.
pub(crate) fn is_configuration(kind: SubjectKind) -> bool {
    matches!(kind, SubjectKind::Cluster | SubjectKind::NodePool)
}

/// Results of a verdict by check and severity: worst severity first, in each what runs in the cluster before how it is
/// configured, then by check id; in each by subject.
pub(crate) fn groups(report: &Report, verdict: Verdict) -> Vec<Group<'_>> {
    groups_of(report, |r| counts(r) && r.verdict == verdict)
}

/// The same of results that are advice.
pub(crate) fn advice(report: &Report, verdict: Verdict) -> Vec<Group<'_>> {
    groups_of(report, |r| r.advice && r.caused_by.is_none() && r.verdict == verdict)
}

fn groups_of(report: &Report, wanted: impl Fn(&CheckResult) -> bool) -> Vec<Group<'_>> {
    let mut by_check: BTreeMap<(std::cmp::Reverse<Severity>, bool, &str), Vec<&CheckResult>> = BTreeMap::new();
    for r in report.results.iter().filter(|r| wanted(r)) {
        let key = (std::cmp::Reverse(r.severity), is_configuration(r.subject.kind), r.check.as_str());
        by_check.entry(key).or_default().push(r);
    }
    by_check
        .into_iter()
        .map(|((severity, _, check), results)| Group {
            check,
            title: results.first().map_or(check, |r| &r.title),
            severity: severity.0,
            of: report.check(check).map_or(results.len(), |c| c.counts.applicable()),
            results,
        })
        .collect()
}

/// Results that say the same, what is said of most first, then in order of the first of each.
pub(crate) fn fold<'a>(results: &[&'a CheckResult], say: impl Fn(&CheckResult) -> String) -> Vec<Fold<'a>> {
    let mut out: Vec<Fold<'a>> = Vec::new();
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    for &r in results {
        let text = say(r);
        match at.get(&text).and_then(|&i| out.get_mut(i)) {
            Some(fold) => fold.results.push(r),
            None => {
                at.insert(text.clone(), out.len());
                out.push(Fold { text, results: vec![r] });
            }
        }
    }
    out.sort_by_key(|f| std::cmp::Reverse(f.results.len()));
    out
}

/// Subjects of which the same is said.
pub(crate) struct Fold<'a> {
    pub text: String,
    pub results: Vec<&'a CheckResult>,
}

/// What an unknown result says: its reasons, else its message.
pub(crate) fn reasons(r: &CheckResult) -> String {
    let mut texts: Vec<&str> = Vec::new();
    for reason in &r.reasons {
        if !reason.text.is_empty() && !texts.contains(&reason.text.as_str()) {
            texts.push(&reason.text);
        }
    }
    match (texts.is_empty(), r.message.is_empty()) {
        (false, _) => texts.join("\n"),
        (true, false) => r.message.clone(),
        (true, true) => "the evidence does not decide it".into(),
    }
}

/// The gap that alone makes a result unknown, if the report lists it: people read of it there.
pub(crate) fn only_gap<'a>(report: &'a Report, r: &CheckResult) -> Option<&'a str> {
    let mut ids = r.reasons.iter().map(|reason| reason.gap.as_deref());
    let first = ids.next()??;
    let gap = report.gaps.iter().find(|g| g.id == first)?;
    ids.all(|id| id == Some(first)).then_some(gap.id.as_str())
}

/// What people call a subject.
pub(crate) fn subject(r: &CheckResult) -> String {
    if r.subject.id == "*" { format!("all {}", noun(r.subject.kind).1) } else { super::text::line(&r.subject.id) }
}
