//! Runs all checks: from facts to results.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::evaluate::{Evaluator, unknown_message};
use super::registry::Registry;
use super::{CheckResult, Verdict, WaiverRef};
use crate::config::{Config, WaiverReport};
use crate::facts::schema::{FactTable, Facts, SubjectKind};
use crate::inventory::Reason;

impl Registry {
    /// Evaluates every enabled check for every subject of the table. `now` is the day that waivers are compared
    /// with. Sorted by check id, then subject id.
    ///
    /// A kind that the table does not have gives no results ([`Registry::out_of_scope`] names its checks); a kind
    /// whose subjects could not be listed gives one unknown with subject `*` for each check, and so do, as not
    /// applicable, the node pools of a cluster that has none.
    pub fn run(&self, table: &FactTable, config: &Config, now: Date) -> Vec<CheckResult> {
        let evaluator = Evaluator::new(self, config, table.cluster.as_ref(), table.unlisted.get(&SubjectKind::Cluster));
        let mut results = Vec::new();
        for kind in SubjectKind::ALL {
            let checks: Vec<_> = self.checks.iter().filter(|c| c.subject == kind && c.is_selected(config)).collect();
            if checks.is_empty() {
                continue;
            }
            if let Some(reasons) = table.unlisted.get(&kind) {
                for check in &checks {
                    let message = format!("{} could not be listed; {}", plural(kind), unknown_message(reasons));
                    results.push(evaluator.unknown_for_all(check, message, reasons.clone()));
                }
            }
            if kind == SubjectKind::NodePool && has_no_pools(table) {
                let message = "the cluster has no node pools";
                results.extend(checks.iter().map(|check| evaluator.not_applicable_for_all(check, message.to_owned())));
            }
            // There may be several hundred thousand.
            results.reserve_exact(checks.len() * subjects(table, kind).len());
            for facts in subjects(table, kind) {
                let subject = evaluator.for_subject(facts);
                results.extend(checks.iter().map(|check| subject.evaluate(check)));
            }
        }
        // Before waivers, because a waiver of a failure covers what the failure implies.
        self.mark_causes(&mut results);
        for result in &mut results {
            waive(result, config, now);
        }
        let mut results = self.unknown_once(results, &evaluator, config, now);
        results.sort_by(|a, b| (&a.check, &a.subject.id).cmp(&(&b.check, &b.subject.id)));
        results
    }

    /// Folds the unwaived unknowns of each check with `unknownOnce` into one for all its subjects.
    fn unknown_once(
        &self,
        mut results: Vec<CheckResult>,
        evaluator: &Evaluator<'_>,
        config: &Config,
        now: Date,
    ) -> Vec<CheckResult> {
        let once: BTreeSet<&str> = self.checks.iter().filter(|c| c.unknown_once).map(|c| c.id.as_str()).collect();
        let is_folded = |r: &mut CheckResult| r.verdict == Verdict::Unknown && once.contains(r.check.as_str());
        let mut by_check: BTreeMap<String, Vec<CheckResult>> = BTreeMap::new();
        for result in results.extract_if(.., is_folded) {
            by_check.entry(result.check.clone()).or_default().push(result);
        }
        for (id, group) in by_check {
            let Some(check) = self.get(&id) else { continue };
            let mut reasons: Vec<Reason> = Vec::new();
            let mut messages = BTreeSet::new();
            for result in &group {
                messages.insert(result.message.clone());
                for reason in &result.reasons {
                    if !reasons.contains(reason) {
                        reasons.push(reason.clone());
                    }
                }
            }
            // A text that all of them share is kept; several would repeat each other.
            let message = match messages.pop_first() {
                Some(message) if messages.is_empty() => message,
                _ => unknown_message(&reasons),
            };
            let mut result = evaluator.unknown_for_all(check, message, reasons);
            waive(&mut result, config, now);
            results.push(result);
        }
        results
    }

    /// Marks each failure that another failure on the same subject, or on the cluster, implies.
    fn mark_causes(&self, results: &mut [CheckResult]) {
        let failed: BTreeSet<(String, String)> = results
            .iter()
            .filter(|r| r.verdict == Verdict::Fail)
            .map(|r| (r.check.clone(), r.subject.id.clone()))
            .collect();
        for result in results.iter_mut().filter(|r| r.verdict == Verdict::Fail) {
            let Some(check) = self.get(&result.check) else { continue };
            let subjects = [result.subject.id.as_str(), "cluster"];
            let cause = check
                .implied_by
                .iter()
                .find(|c| subjects.iter().any(|s| failed.contains(&((*c).clone(), (*s).to_owned()))));
            result.caused_by = cause.cloned();
        }
    }
}

/// The state of each waiver of the configuration, in order of the file.
pub fn waiver_report(config: &Config, results: &[CheckResult], now: Date) -> Vec<WaiverReport> {
    let waivable: Vec<(&str, &str)> = results
        .iter()
        .filter(|r| matches!(r.verdict, Verdict::Fail | Verdict::Unknown | Verdict::Waived))
        .map(|r| (r.check.as_str(), r.subject.id.as_str()))
        .collect();
    config.waiver_report(&waivable, now)
}

fn subjects(table: &FactTable, kind: SubjectKind) -> &[Facts] {
    match kind {
        SubjectKind::Cluster if table.pools_only => &[],
        SubjectKind::Cluster => table.cluster.as_slice(),
        _ => table.subjects.get(&kind).map_or(&[], Vec::as_slice),
    }
}

/// Whether it is known that there are none: <https://cloud.google.com/kubernetes-engine/docs/concepts/node-pools>.
fn has_no_pools(table: &FactTable) -> bool {
    let kind = SubjectKind::NodePool;
    table.subjects.get(&kind).is_some_and(Vec::is_empty) && !table.unlisted.contains_key(&kind)
}

fn waive(result: &mut CheckResult, config: &Config, now: Date) {
    if !matches!(result.verdict, Verdict::Fail | Verdict::Unknown) {
        return;
    }
    if let Some(waiver) = config.waiver_for(&result.check, &result.subject.id, now) {
        result.verdict = Verdict::Waived;
        result.waiver = Some(WaiverRef {
            reason: waiver.reason.clone(),
            owner: waiver.owner.clone(),
            ticket: waiver.ticket.clone(),
            until: waiver.until.to_string(),
        });
    }
}

fn plural(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Cluster => "the cluster",
        SubjectKind::NodePool => "node pools",
        SubjectKind::Namespace => "namespaces",
        SubjectKind::Workload => "workloads",
        SubjectKind::NetworkPolicy => "network policies",
        SubjectKind::Service => "services",
        SubjectKind::Database => "databases",
        SubjectKind::DatabaseClient => "database clients",
    }
}
