//! What a check says of one subject.

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

/// Subject id of a result that stands for all subjects of a kind.
pub const ALL_SUBJECTS: &str = "*";

/// Lower-case hex SHA-256 of check id, a newline, and subject id: stable over messages, severities and clusters.
pub fn fingerprint(check: &str, subject: &str) -> String {
    let digest = Sha256::digest(format!("{check}\n{subject}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What all subjects of a run share.
pub(super) struct Judge<'a> {
    registry: &'a Registry,
    config: &'a Config,
    cluster: ClusterView<'a>,
    engine: Environment<'a>,
    commands: Environment<'a>,
}

impl<'a> Judge<'a> {
    /// `absent` says why there are no facts of the cluster, where something is known about that.
    pub fn new(
        registry: &'a Registry,
        config: &'a Config,
        cluster: Option<&'a Facts>,
        absent: Option<&'a Vec<Reason>>,
    ) -> Self {
        let fields = (registry.vocabulary)(SubjectKind::Cluster);
        let cluster = ClusterView::new(cluster, fields, absent.map_or(&[], Vec::as_slice));
        Judge { registry, config, cluster, engine: template::engine(), commands: template::engine_of_commands() }
    }

    pub fn view(&self, facts: &'a Facts) -> Bench<'a, '_> {
        let fields = (self.registry.vocabulary)(facts.subject.kind);
        Bench { judge: self, view: View::new(facts, fields, &self.cluster), context: OnceCell::new() }
    }

    /// The severity of a check before `lower`.
    fn severity(&self, check: &Check) -> Severity {
        self.config.severity_of(&check.id).unwrap_or(check.severity)
    }

    /// One unknown for all subjects of a check.
    pub fn for_all(&self, check: &Check, message: String, reasons: Vec<Reason>) -> CheckResult {
        CheckResult { verdict: Verdict::Unknown, message, reasons, ..self.blank(check, all_subjects(check)) }
    }

    /// One for a check that has no subject.
    pub fn not_applicable_for_all(&self, check: &Check, message: String) -> CheckResult {
        CheckResult { verdict: Verdict::NotApplicable, message, ..self.blank(check, all_subjects(check)) }
    }

    fn blank(&self, check: &Check, subject: Subject) -> CheckResult {
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

/// One subject, ready to be judged by many checks.
pub(super) struct Bench<'a, 'j> {
    judge: &'j Judge<'a>,
    view: View<'a>,
    /// Most subjects need no text.
    context: OnceCell<Value>,
}

impl Bench<'_, '_> {
    pub fn judge(&self, check: &Check) -> CheckResult {
        let blank = self.judge.blank(check, self.view.subject().subject.clone());
        if let Some(when) = &check.when {
            match when.eval(&self.view) {
                Outcome::True => {}
                Outcome::False => {
                    let message = format!("does not apply to {}: `{}` is false", blank.subject.id, when.source());
                    return self.not_applicable(when, message, blank);
                }
                Outcome::Unknown(reasons) => return self.unknown(check, when, reasons, blank),
            }
        }
        // One reason that certainly holds is enough, whatever is not known of the others.
        let mut doubt = None;
        for skip in &check.skip {
            match skip.when.eval(&self.view) {
                Outcome::True => {
                    let message = self.text(check, &skip.because);
                    return self.not_applicable(&skip.when, message, blank);
                }
                Outcome::False => {}
                Outcome::Unknown(reasons) => doubt = doubt.or(Some((&skip.when, reasons))),
            }
        }
        if let Some((expr, reasons)) = doubt {
            return self.unknown(check, expr, reasons, blank);
        }
        match check.pass.eval(&self.view) {
            Outcome::True => self.pass(check, blank),
            Outcome::False => self.fail(check, blank),
            Outcome::Unknown(reasons) => self.unknown(check, &check.pass, reasons, blank),
        }
    }

    fn text(&self, check: &Check, source: &str) -> String {
        template::render(&self.judge.engine, source, self.context(check))
    }

    fn context(&self, check: &Check) -> &Value {
        self.context.get_or_init(|| template::context(&self.view, self.judge.registry.scope(check.subject)))
    }

    /// Evidence behind the deciding facts; where there is none, behind all facts of the expression.
    fn with_evidence(&self, expr: &Expr, result: CheckResult) -> CheckResult {
        let mut evidence = self.view.evidence(&expr.deciding_paths(&self.view));
        if evidence.is_empty() {
            evidence = self.view.evidence(expr.paths());
        }
        CheckResult { evidence, ..result }
    }

    fn not_applicable(&self, when: &Expr, message: String, blank: CheckResult) -> CheckResult {
        self.with_evidence(when, CheckResult { verdict: Verdict::NotApplicable, message, ..blank })
    }

    fn unknown(&self, check: &Check, expr: &Expr, reasons: Vec<Reason>, blank: CheckResult) -> CheckResult {
        let message = match &check.unknown {
            Some(source) => self.text(check, source),
            None => because(&reasons),
        };
        self.with_evidence(expr, CheckResult { verdict: Verdict::Unknown, message, reasons, ..blank })
    }

    fn pass(&self, check: &Check, blank: CheckResult) -> CheckResult {
        let holds = |when: &Option<Expr>| when.as_ref().is_none_or(|w| w.eval(&self.view) == Outcome::True);
        let notes: Vec<String> =
            check.notes.iter().filter(|r| holds(&r.when)).map(|r| self.text(check, &r.text)).collect();
        let note = (!notes.is_empty()).then(|| notes.join(" "));
        let message = format!("{} passes", blank.subject.id);
        self.with_evidence(&check.pass, CheckResult { verdict: Verdict::Pass, message, note, ..blank })
    }

    fn fail(&self, check: &Check, blank: CheckResult) -> CheckResult {
        let mut result = CheckResult { verdict: Verdict::Fail, message: self.text(check, &check.message), ..blank };
        // An unknown lowers nothing.
        let rule = check.lower.iter().find(|l| l.when.eval(&self.view) == Outcome::True);
        if let Some(rule) = rule {
            // The configuration may have set a severity that is as mild.
            let lowered = rule.to < result.severity;
            let from = if lowered { format!(" instead of {}", result.severity.name()) } else { String::new() };
            result.severity = result.severity.min(rule.to);
            result.note = Some(format!("{}{from}: {}", result.severity.name(), rule.because));
        }
        result.base_severity = (result.severity != check.severity).then_some(check.severity);
        let commands = &self.judge.commands;
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

/// The message of an unknown that has no text of its own.
pub(super) fn because(reasons: &[Reason]) -> String {
    let texts: Vec<&str> = reasons.iter().map(|r| r.text.as_str()).collect();
    format!("cannot tell: {}", texts.join("; "))
}
