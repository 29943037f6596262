//! The outcome in a word and in sentences.

use crate::check::{Severity, Verdict};

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::schema::SubjectKind;

use super::exit::{checks_without_input, is_answer, is_finding, is_incomplete};
use super::text::{count, line, noun, number};
use super::{Dataplane, Outcome, Report, Target, UnusedObjects};

/// The outcome in a word, and whether it is incomplete.
pub(crate) fn word(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Pass => ("PASS", ""),
        Outcome::Findings => ("FAIL", ""),
        Outcome::Incomplete => ("INCOMPLETE", ""),
        Outcome::FindingsIncomplete => ("FAIL", ", incomplete"),
        Outcome::NoResult => ("NO RESULT", ""),
    }
}

/// What the comparison with the Terraform state found; empty where there was none.
fn drift(report: &Report) -> String {
    match report.drift.as_ref().map(Vec::len) {
        None => String::new(),
        Some(0) => "The cluster agrees with the Terraform state.".to_owned(),
        Some(n) => {
            let fails = if report.exit.fail_on_drift { ", which fails this audit" } else { "" };
            let verb = if n == 1 { "differs" } else { "differ" };
            format!("{} {verb} from the Terraform state{fails}.", count(n, "setting", "settings"))
        }
    }
}

/// That nothing was evaluated, and of what.
pub(crate) fn nothing_evaluated(report: &Report) -> String {
    let e = &report.evidence;
    if e.objects == 0 {
        return "Nothing could be read, so nothing was evaluated.".to_owned();
    }
    let read = e.kinds.iter().map(|(kind, n)| (kind.as_str(), *n));
    // Objects of other kinds are among the first.
    let unused = report
        .not_evaluated
        .objects
        .iter()
        .filter(|o| o.reason == UnusedObjects::NO_CHECK)
        .map(|o| (o.kind.as_str(), o.count));
    let kinds: Vec<String> = read.chain(unused).map(|(kind, n)| format!("{} {}", number(n), line(kind))).collect();
    const MOST: usize = 5;
    let more = match kinds.len() {
        n if n > MOST + 1 => format!(", and {} more kinds", number(n - MOST)),
        _ => String::new(),
    };
    let shown = if more.is_empty() { kinds.len() } else { MOST };
    let unknown = match report.summary.by_verdict.of(Verdict::Unknown) {
        0 => "no check applies to what was read".to_owned(),
        1 => "the only result is unknown".to_owned(),
        2 => "both results are unknown".to_owned(),
        n => format!("all {} results are unknown", number(n)),
    };
    let of = count(e.objects, "object", "objects");
    format!(
        "Nothing was evaluated of {of} ({}{more}): {unknown}.",
        kinds.iter().take(shown).cloned().collect::<Vec<_>>().join(", ")
    )
}

/// The subjects that were evaluated, by kind.
fn evaluated(report: &Report) -> String {
    let mut subjects: BTreeMap<SubjectKind, BTreeSet<&str>> = BTreeMap::new();
    for r in report.results.iter().filter(|r| is_answer(r)) {
        subjects.entry(r.subject.kind).or_default().insert(&r.subject.id);
    }
    let texts: Vec<String> = subjects
        .iter()
        .map(|(kind, ids)| {
            let (one, many) = noun(*kind);
            count(ids.len(), one, many)
        })
        .collect();
    format!("Evaluated: {}.", texts.join(", "))
}

/// What follows for the exit status, in a few sentences.
pub(crate) fn sentences(report: &Report) -> Vec<String> {
    let findings = report.results.iter().filter(|r| is_finding(r, report.exit)).count();
    let undecided = report.results.iter().filter(|r| is_incomplete(r, report.exit)).count();
    let failing = report.summary.by_severity.total();
    let unknown = report.summary.by_verdict.of(Verdict::Unknown);
    let threshold = report.exit.fail_on.map_or("", Severity::name);
    let first = match (report.outcome, report.exit.fail_on) {
        (Outcome::NoResult, _) => return vec![nothing_evaluated(report)],
        (_, None) if failing > 0 => "No finding fails this audit, as --fail-on is none.".into(),
        (_, Some(_)) if findings > 0 => {
            format!("{}, which fails this audit.", at_least(findings, "finding", "findings", threshold))
        }
        (_, Some(_)) if failing > 0 => {
            format!("No finding is {}, which is what fails this audit.", or_worse(threshold))
        }
        _ if report.summary.by_verdict.of(Verdict::Pass) == 0 => "Nothing failed, and nothing passed.".to_string(),
        _ if report.summary.by_verdict.of(Verdict::Waived) > 0 => "Nothing failed that is not waived.".to_string(),
        _ => "Nothing failed.".to_string(),
    };
    let unread = match &report.gaps[..] {
        [] => None,
        [one] => Some(format!("{} could not be read", line(&one.error.what))),
        many => Some(format!("{} things could not be read", number(many.len()))),
    };
    let without_input = match checks_without_input(&report.not_evaluated, &report.checks, report.exit).count() {
        0 => None,
        n => Some(format!(
            "{} {} not evaluated, as the input does not contain what {} about",
            count(n, "check", "checks"),
            if n == 1 { "was" } else { "were" },
            if n == 1 { "it is" } else { "they are" },
        )),
    };
    let doubts: Vec<String> = (undecided > 0)
        .then(|| {
            let verb = if undecided == 1 { "is" } else { "are" };
            format!("{} of {} {verb} unknown", count(undecided, "result", "results"), or_worse(threshold))
        })
        .into_iter()
        .chain(unread)
        .chain(without_input)
        .collect();
    let second = match report.outcome {
        Outcome::Incomplete | Outcome::FindingsIncomplete => {
            format!("The answer is incomplete: {}.", doubts.join(", and "))
        }
        _ if unknown > 0 => format!(
            "{} {} not evaluated, and {} not count for the exit status.",
            capital_count(unknown),
            if unknown == 1 { "was" } else { "were" },
            if unknown == 1 { "does" } else { "do" }
        ),
        _ => String::new(),
    };
    // A pass states of what.
    let what = if report.outcome == Outcome::Pass { evaluated(report) } else { String::new() };
    [first, second, drift(report), what].into_iter().filter(|s| !s.is_empty()).collect()
}

/// `2 findings are high or worse`.
fn at_least(n: usize, one: &str, many: &str, threshold: &str) -> String {
    let verb = if n == 1 { "is" } else { "are" };
    format!("{} {verb} {}", count(n, one, many), or_worse(threshold))
}

/// `high or worse`.
pub(crate) fn or_worse(threshold: &str) -> String {
    if threshold == "critical" { threshold.to_string() } else { format!("{threshold} or worse") }
}

fn capital_count(n: usize) -> String {
    if n == 1 { "One result".into() } else { format!("{} results", number(n)) }
}

/// Whether and by what network policies are enforced.
pub(crate) fn enforcement(target: &Target) -> String {
    let name = match target.dataplane {
        Some(Dataplane::Calico) => "Calico",
        Some(Dataplane::DataplaneV2) => "Dataplane V2",
        Some(Dataplane::Upstream) => "upstream rules",
        Some(Dataplane::None) => return "network policy not enforced".into(),
        None => match target.enforced {
            Some(true) => return "network policy enforced".into(),
            Some(false) => return "network policy not enforced".into(),
            // A cluster that is named was described, and its description does not decide.
            None if target.name.is_some() => return "enforcement not known".into(),
            None => return "enforcement assumed".into(),
        },
    };
    match target.enforced {
        Some(true) => format!("{name}, enforcing"),
        Some(false) => format!("{name}, not enforcing"),
        None => format!("{name}, enforcement not known"),
    }
}
