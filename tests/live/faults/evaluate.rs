//! Whether the outcome of a run with a fault is right.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use gke_posture::check::{Registry, builtin_files};
use gke_posture::config::Config;
use gke_posture::facts;
use gke_posture::inventory::Need;
use serde_json::Value;

use super::cells::Lost;

/// What a run said.
#[derive(Debug)]
pub(super) struct Outcome {
    pub status: i32,
    pub report: Value,
}

impl Outcome {
    fn gaps(&self) -> &[Value] {
        self.report["gaps"].as_array().expect("a report has gaps")
    }

    fn results(&self) -> Vec<Value> {
        crate::world::results(&self.report)
    }

    fn passes(&self) -> BTreeSet<(String, String)> {
        let passes = self.results().into_iter().filter(|r| r["verdict"] == "pass");
        passes.map(|r| (text(&r["check"]), text(&r["subject"]["id"]))).collect()
    }

    /// Nothing but what a run without faults says: the same results, no gap, the same status.
    pub(super) fn is_complete(&self, base: &Outcome) -> bool {
        self.gaps().is_empty()
            && self.results() == base.results()
            && self.status == base.status
            && self.report["outcome"] == base.report["outcome"]
    }

    /// The needs that the gaps are about.
    fn lost(&self) -> BTreeSet<Need> {
        // The permission is that of the cluster's configuration too.
        let covers = |gap: &Value, need: Need| match gap["id"] == "gke-upgrade-info" {
            true => need == Need::UpgradeInfo,
            false => text(&gap["need"]).contains(&need.rights_text()),
        };
        Need::ALL.into_iter().filter(|n| self.gaps().iter().any(|g| covers(g, *n))).collect()
    }
}

fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| Registry::load(&builtin_files(), facts::vocabulary).expect("the built-in checks load"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Whether a gap that names `names` records one of these faults.
pub(super) fn evaluate_fault(names: &str, faults: &[&str], got: &Outcome) -> Result<(), String> {
    let named = |gap: &&Value| format!("{} {}", text(&gap["what"]), text(&gap["why"])).contains(names);
    let recorded: Vec<String> = got.gaps().iter().filter(named).map(|gap| text(&gap["fault"])).collect();
    match recorded.iter().any(|fault| faults.contains(&fault.as_str())) {
        true => Ok(()),
        false => Err(format!("a gap with the fault {faults:?} is expected, found {recorded:?}")),
    }
}

/// The judgement of one cell: what is wrong with `got`, if anything.
///
/// It must be complete, exactly as `base`, which is the run without faults; where the fault is one that does not pass
/// (`fixed` is false), it must instead
/// - have a gap that names what was asked (`names`), says why, and what helps;
/// - let no check pass that needs what its gaps are about, and nothing pass at all that does not pass in `base`;
/// - end with the outcome and status of an incomplete audit.
pub(super) fn evaluate(lost: &Lost, names: &str, fixed: bool, base: &Outcome, got: &Outcome) -> Result<(), String> {
    if fixed {
        return if got.is_complete(base) { Ok(()) } else { Err("a fault that passes is not fixed".to_owned()) };
    }
    let named = |gap: &&Value| format!("{} {}", text(&gap["what"]), text(&gap["why"])).contains(names);
    let Some(gap) = got.gaps().iter().find(named) else { return Err(format!("no gap names {names}")) };
    for part in ["id", "need", "fault", "what", "why", "fix"] {
        if text(&gap[part]).trim().is_empty() {
            return Err(format!("the gap has no {part}: {gap}"));
        }
    }
    let gone = got.lost();
    if let Some(need) = lost.needs().iter().find(|n| !gone.contains(n)) {
        return Err(format!("no gap is about {need:?}"));
    }
    costs_of(lost, &gone, got)?;
    no_new_pass(base, got)?;
    outcome(&gone, got)
}

/// As [`evaluate`], for what is no gap and is said in a note of the evidence.
pub(super) fn evaluate_noted(note: &str, base: &Outcome, got: &Outcome) -> Result<(), String> {
    if !got.report["evidence"].to_string().contains(note) {
        return Err(format!("no note says {note}: {}", got.report["evidence"]));
    }
    no_new_pass(base, got)
}

fn no_new_pass(base: &Outcome, got: &Outcome) -> Result<(), String> {
    match got.passes().difference(&base.passes()).next() {
        None => Ok(()),
        Some((check, subject)) => Err(format!("{check} passes for {subject}, and does not without the fault")),
    }
}

/// No pass of a check whose verdict needs what was not read.
fn costs_of(lost: &Lost, gone: &BTreeSet<Need>, got: &Outcome) -> Result<(), String> {
    let whole = got.gaps().iter().any(|g| g["id"] == "kubernetes");
    for need in gone {
        let checks = registry().checks_needing(*need);
        for (check, subject) in got.passes() {
            // ConfigMaps and Secrets are read one by one, so that only what refers to one is lost with it; unless
            // Kubernetes as a whole could not be read.
            let concerned = match lost {
                _ if *need != Need::ConfigMaps || whole => true,
                Lost::Objects(workloads) => {
                    workloads.iter().any(|w| subject == *w || subject.starts_with(&format!("{w}/")))
                }
                _ => false,
            };
            if concerned && checks.contains(&check.as_str()) {
                return Err(format!("{check} passes for {subject} without {need:?}"));
            }
        }
    }
    Ok(())
}

/// 4 if nothing was read; else 1 if there are findings, and 3: a gap makes every audit incomplete.
fn outcome(gone: &BTreeSet<Need>, got: &Outcome) -> Result<(), String> {
    let fail_on = &got.report["exit"]["failOn"];
    let finding = |r: &Value| {
        let severe = match fail_on.as_str() {
            None => false,
            Some("high") => ["high", "critical"].contains(&r["severity"].as_str().unwrap_or_default()),
            Some(other) => panic!("--fail-on {other} is not used here"),
        };
        r["verdict"] == "fail" && r["causedBy"].is_null() && severe
    };
    let expected = if registry().needs(&Config::default()).is_subset(gone) {
        ("no-result", 4)
    } else if got.results().iter().any(finding) {
        ("findings-incomplete", 1)
    } else {
        ("incomplete", 3)
    };
    let said = (got.report["outcome"].as_str().unwrap_or_default(), got.status);
    if said == expected { Ok(()) } else { Err(format!("outcome and status are {said:?}, not {expected:?}")) }
}
