//! Evaluates checks for one subject.

use std::cell::OnceCell;

use minijinja::Environment;
use minijinja::value::Value;
use sha2::{Digest, Sha256};

use super::definition::Check;
use super::expr::{ClusterView, Expr, Outcome, View};
use super::registry::Registry;
use super::{CheckResult, Fix, Severity, Verdict, template};
use crate::config::Config;
use crate::facts::schema::{Facts, Subject, SubjectKind};
use crate::inventory::{ObjectRef, Reason};

/// Subject id of a result for all subjects of a kind.
pub const ALL_SUBJECTS: &str = "*";

/// Lower-case hex SHA-256 of check id, a newline, and subject id: stable over messages, severities and clusters.
pub fn fingerprint(check: &str, subject: &str) -> String {
    let digest = Sha256::digest(format!("{check}\n{subject}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Evaluates checks; all subjects of a run share it.
pub(super) struct Evaluator<'a> {
    registry: &'a Registry,
    config: &'a Config,
    cluster: ClusterView<'a>,
    engine: Environment<'a>,
    commands: Environment<'a>,
}

impl<'a> Evaluator<'a> {
    /// `absent` says why there are no facts of the cluster, where something is known about that.
    pub(super) fn new(
        registry: &'a Registry,
        config: &'a Config,
        cluster: Option<&'a Facts>,
        absent: Option<&'a Vec<Reason>>,
    ) -> Self {
        let fields = (registry.vocabulary)(SubjectKind::Cluster);
        let cluster = ClusterView::new(cluster, fields, absent.map_or(&[], Vec::as_slice));
        Evaluator { registry, config, cluster, engine: template::engine(), commands: template::engine_of_commands() }
    }

    pub(super) fn for_subject(&self, facts: &'a Facts) -> SubjectEvaluator<'a, '_> {
        let fields = (self.registry.vocabulary)(facts.subject.kind);
        SubjectEvaluator { shared: self, view: View::new(facts, fields, &self.cluster), context: OnceCell::new() }
    }

    /// The severity of a check before `lower`.
    fn severity(&self, check: &Check) -> Severity {
        self.config.severity_of(&check.id).unwrap_or(check.severity)
    }

    /// One unknown result for all subjects of a check.
    pub(super) fn unknown_for_all(&self, check: &Check, message: String, reasons: Vec<Reason>) -> CheckResult {
        CheckResult { verdict: Verdict::Unknown, message, reasons, ..self.base(check, all_subjects(check)) }
    }

    /// One not-applicable result for a check without subjects.
    pub(super) fn not_applicable_for_all(&self, check: &Check, message: String) -> CheckResult {
        CheckResult { verdict: Verdict::NotApplicable, message, ..self.base(check, all_subjects(check)) }
    }

    fn base(&self, check: &Check, subject: Subject) -> CheckResult {
        let severity = self.severity(check);
        CheckResult {
            check: check.id.clone(),
            severity,
            base_severity: (severity != check.severity).then_some(check.severity),
            verdict: Verdict::Pass,
            advice: check.is_advice(self.config),
            fingerprint: fingerprint(&check.id, &subject.id),
            subject,
            message: String::new(),
            note: None,
            reasons: Vec::new(),
            evidence: Vec::new(),
            fix: Fix::default(),
            caused_by: None,
            waiver: None,
        }
    }
}

fn all_subjects(check: &Check) -> Subject {
    let object = ObjectRef { kind: check.subject.name().into(), name: ALL_SUBJECTS.into(), ..ObjectRef::default() };
    Subject { id: ALL_SUBJECTS.into(), kind: check.subject, object }
}

/// One subject, to be evaluated by many checks.
pub(super) struct SubjectEvaluator<'a, 's> {
    shared: &'s Evaluator<'a>,
    view: View<'a>,
    /// What templates see; made when the first text is rendered, because most subjects need none.
    context: OnceCell<Value>,
}

impl SubjectEvaluator<'_, '_> {
    pub(super) fn evaluate(&self, check: &Check) -> CheckResult {
        let base = self.shared.base(check, self.view.subject().subject.clone());
        if let Some(when) = &check.when {
            match when.eval(&self.view) {
                Outcome::True => {}
                Outcome::False => {
                    let message = format!("does not apply to {}: `{}` is false", base.subject.id, when.source());
                    return self.not_applicable(when, message, base);
                }
                Outcome::Unknown(reasons) => return self.unknown(check, when, reasons, base),
            }
        }
        // One rule that certainly applies is enough, whatever is unknown about the others.
        let mut undecided = None;
        for skip in &check.skip {
            match skip.when.eval(&self.view) {
                Outcome::True => {
                    let message = self.text(check, &skip.because);
                    return self.not_applicable(&skip.when, message, base);
                }
                Outcome::False => {}
                Outcome::Unknown(reasons) => undecided = undecided.or(Some((&skip.when, reasons))),
            }
        }
        if let Some((expr, reasons)) = undecided {
            return self.unknown(check, expr, reasons, base);
        }
        match check.pass.eval(&self.view) {
            Outcome::True => self.pass(check, base),
            Outcome::False => self.fail(check, base),
            Outcome::Unknown(reasons) => self.unknown(check, &check.pass, reasons, base),
        }
    }

    fn text(&self, check: &Check, source: &str) -> String {
        template::render(&self.shared.engine, source, self.context(check))
    }

    fn context(&self, check: &Check) -> &Value {
        self.context.get_or_init(|| template::context(&self.view, self.shared.registry.scope(check.subject)))
    }

    /// Adds the evidence of the deciding facts; if there is none, of all facts of the expression.
    fn with_evidence(&self, expr: &Expr, result: CheckResult) -> CheckResult {
        let mut evidence = self.view.evidence(&expr.deciding_paths(&self.view));
        if evidence.is_empty() {
            evidence = self.view.evidence(expr.paths());
        }
        // What the verdict of a resource that is created rests on, if it is not written.
        let mut notes: Vec<&str> = result.note.iter().map(String::as_str).collect();
        if matches!(result.verdict, Verdict::Pass | Verdict::Fail) {
            let omitted = evidence.iter().filter_map(|e| e.omitted.as_deref());
            omitted.for_each(|sentence| {
                if !notes.contains(&sentence) {
                    notes.push(sentence)
                }
            });
        }
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        CheckResult { evidence, note, ..result }
    }

    fn not_applicable(&self, when: &Expr, message: String, base: CheckResult) -> CheckResult {
        self.with_evidence(when, CheckResult { verdict: Verdict::NotApplicable, message, ..base })
    }

    fn unknown(&self, check: &Check, expr: &Expr, reasons: Vec<Reason>, base: CheckResult) -> CheckResult {
        let message = match &check.unknown {
            Some(source) => self.text(check, source),
            None => unknown_message(&reasons),
        };
        self.with_evidence(expr, CheckResult { verdict: Verdict::Unknown, message, reasons, ..base })
    }

    fn pass(&self, check: &Check, base: CheckResult) -> CheckResult {
        let applies = |when: &Option<Expr>| when.as_ref().is_none_or(|w| w.eval(&self.view) == Outcome::True);
        let notes: Vec<String> =
            check.notes.iter().filter(|r| applies(&r.when)).map(|r| self.text(check, &r.text)).collect();
        let note = (!notes.is_empty()).then(|| notes.join(" "));
        let message = format!("{} passes", base.subject.id);
        self.with_evidence(&check.pass, CheckResult { verdict: Verdict::Pass, message, note, ..base })
    }

    fn fail(&self, check: &Check, base: CheckResult) -> CheckResult {
        let mut result = CheckResult { verdict: Verdict::Fail, message: self.text(check, &check.message), ..base };
        // An unknown lowers nothing.
        let rule = check.lower.iter().find(|l| l.when.eval(&self.view) == Outcome::True);
        if let Some(rule) = rule {
            // The configuration may have set a severity that is as low.
            let lowered = rule.to < result.severity;
            let from = if lowered { format!(" instead of {}", result.severity.name()) } else { String::new() };
            result.severity = result.severity.min(rule.to);
            result.note = Some(format!("{}{from}: {}", result.severity.name(), rule.because));
        }
        result.base_severity = (result.severity != check.severity).then_some(check.severity);
        let commands = &self.shared.commands;
        let text =
            |source: &Option<String>| source.as_ref().map(|s| template::render(commands, s, self.context(check)));
        result.fix = Fix {
            kubectl: text(&check.fix.kubectl),
            gcloud: text(&check.fix.gcloud),
            terraform: text(&check.fix.terraform),
        };
        self.with_evidence(&check.pass, result)
    }
}

/// The message of an unknown without a text of its own.
pub(super) fn unknown_message(reasons: &[Reason]) -> String {
    let texts: Vec<&str> = reasons.iter().map(|r| r.text.as_str()).collect();
    format!("cannot be decided: {}", texts.join("; "))
}
