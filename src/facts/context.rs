//! What all fact builders share.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::config::{Config, PRODUCTION};
use crate::inventory::object::Meta;
use crate::inventory::{ClassId, Dataplane, Inventory, Known, ObjectRef, Origin, Reason, Tri, Workload};
use crate::network::{Direction, Reach};

use super::schema::{Evidence, Fact, Facts, Subject, SubjectKind};

/// The parts of one audit that facts are made from.
pub struct Context<'a> {
    pub inventory: &'a Inventory,
    pub reach: &'a mut Reach,
    pub config: &'a Config,
    /// The one time of the run.
    pub now: jiff::Timestamp,
    /// Isolation by workload and direction, because several subjects need it.
    isolation: BTreeMap<(usize, usize), Isolation>,
}

/// Whether a workload is isolated in one direction: the answer of its worst class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolation {
    pub isolated: Known<bool>,
    /// Policies that select all of its pods, by index, whether or not they are enforced.
    pub policies: Vec<usize>,
}

impl<'a> Context<'a> {
    pub fn new(inventory: &'a Inventory, reach: &'a mut Reach, config: &'a Config, now: jiff::Timestamp) -> Self {
        Context { inventory, reach, config, now, isolation: BTreeMap::new() }
    }

    /// Classes of a workload.
    pub fn classes(&self, workload: usize) -> Vec<ClassId> {
        (0..self.inventory.workloads[workload].classes.len()).map(|c| (workload, c)).collect()
    }

    /// Classes whose pods are not on the host network, so that NetworkPolicies apply to them.
    pub fn pod_classes(&self, workload: usize) -> Vec<ClassId> {
        let classes = &self.inventory.workloads[workload].classes;
        (0..classes.len()).filter(|c| !classes[*c].host_network).map(|c| (workload, c)).collect()
    }

    pub fn is_platform(&self, namespace: &str) -> bool {
        self.config.is_platform_namespace(namespace)
    }

    pub fn isolation(&mut self, workload: usize, direction: Direction) -> Isolation {
        if let Some(i) = self.isolation.get(&(workload, direction as usize)) {
            return i.clone();
        }
        let mut worst = Tri::Yes;
        let mut reasons = Vec::new();
        let mut policies: Option<Vec<usize>> = None;
        for class in self.pod_classes(workload) {
            let one = self.reach.isolated(class, direction);
            worst = worst.min(one);
            if one == Tri::Maybe {
                reasons.extend(crate::network::explain::isolation_reasons(
                    self.reach,
                    self.inventory,
                    class,
                    direction,
                ));
            }
            let (certain, _) = self.reach.policies_of(class, direction);
            policies = Some(match policies {
                None => certain,
                Some(p) => p.into_iter().filter(|x| certain.contains(x)).collect(),
            });
        }
        let result = Isolation { isolated: tri(worst, reasons), policies: policies.unwrap_or_default() };
        self.isolation.insert((workload, direction as usize), result.clone());
        result
    }

    pub fn policy_id(&self, policy: usize) -> String {
        self.reach.model.policies[policy].id()
    }

    pub fn policy_ids(&self, policies: &[usize]) -> Vec<String> {
        policies.iter().map(|p| self.policy_id(*p)).collect()
    }

    /// Evidence that names an object of the input.
    pub fn evidence(&self, meta: &Meta, path: &str, value: Json, rule: &str) -> Evidence {
        evidence(meta.object_ref(), &meta.origin, path, value, rule)
    }

    /// Evidence about a workload as a whole.
    pub fn of_workload(&self, w: &Workload, path: &str, value: Json, rule: &str) -> Evidence {
        evidence(w.object.clone(), &w.origin, path, value, rule)
    }

    /// Whether policies are enforced; assumed without a cluster configuration.
    pub fn policies_enforced(&self) -> Known<bool> {
        let enforcement = &self.reach.enforcement;
        let assumed = !enforcement.candidates.contains(&Dataplane::None);
        match enforcement.enforced.or(assumed.then_some(true)) {
            Some(e) => Known::Value(e),
            None => Known::Unknown(enforcement.reason.iter().cloned().collect()),
        }
    }

    /// The source of an object that the environment of a workload references.
    pub fn source_of(&self, object: &ObjectRef, workload: &Workload) -> Option<Origin> {
        if *object == workload.object {
            return Some(workload.origin.clone());
        }
        (object.kind == "ConfigMap")
            .then(|| self.inventory.config_map(&object.namespace, &object.name))
            .flatten()
            .map(|c| c.meta.origin.clone())
    }

    /// Evidence of what isolates a workload: its policies, or that there are none.
    pub fn isolation_evidence(&self, workload: usize, direction: Direction, policies: &[usize]) -> Vec<Evidence> {
        let w = &self.inventory.workloads[workload];
        if policies.is_empty() {
            let labels = w.classes.first().map(|c| Json::from_iter(c.labels.iter())).unwrap_or_default();
            let rule = format!(
                "no NetworkPolicy of namespace {} with policyTypes {} selects these pod labels",
                w.object.namespace,
                if direction == Direction::Ingress { "Ingress" } else { "Egress" }
            );
            return vec![self.of_workload(w, "pod labels", labels, &rule)];
        }
        policies
            .iter()
            .filter_map(|p| self.reach.model.policies.get(*p))
            .map(|p| {
                let selector = crate::inventory::labels::display(&p.selector);
                self.evidence(&p.meta, "spec.podSelector", Json::from(selector), &format!("selects {}", w.id))
            })
            .collect()
    }

    /// Evidence of whether policies are enforced.
    pub fn enforcement_evidence(&self) -> Vec<Evidence> {
        let Some(cluster) = &self.inventory.snapshot.cluster else { return Vec::new() };
        self.reach
            .enforcement
            .evidence
            .iter()
            .map(|(path, value)| Evidence {
                omitted: cluster.creation.as_ref().and_then(|c| c.omission(path)).map(str::to_owned),
                ..evidence(
                    super::cluster::object(&cluster.config),
                    &cluster.origin,
                    path,
                    value.clone(),
                    "Dataplane V2 always enforces NetworkPolicies; the legacy dataplane enforces them if networkPolicy.enabled is true and the add-on is not disabled",
                )
            })
            .collect()
    }
}

/// A three-valued answer as a fact.
pub(super) fn tri(t: Tri, reasons: Vec<Reason>) -> Known<bool> {
    match t {
        Tri::Yes => Known::Value(true),
        Tri::No => Known::Value(false),
        Tri::Maybe if reasons.is_empty() => Known::unknown(Reason::undecided("the evidence does not decide this")),
        Tri::Maybe => {
            let mut reasons = reasons;
            reasons.sort();
            reasons.dedup();
            Known::Unknown(reasons)
        }
    }
}

pub(super) fn evidence(object: ObjectRef, origin: &Origin, path: &str, value: Json, rule: &str) -> Evidence {
    Evidence {
        object,
        path: path.to_owned(),
        value,
        rule: (!rule.is_empty()).then(|| rule.to_owned()),
        omitted: None,
        source: (*origin != Origin::default()).then(|| origin.clone()),
    }
}

/// The three facts of a set that reachability decides: its certain members, its possible members, and whether it is empty.
/// `empty` is false if there is a certain member, true if there is no member of either kind, else unknown.
pub(super) fn set_of(certain: Vec<String>, maybe: Vec<String>, reasons: Vec<Reason>) -> SetFacts {
    let mut certain = certain;
    let mut maybe = maybe;
    certain.sort();
    certain.dedup();
    maybe.sort();
    maybe.dedup();
    maybe.retain(|m| !certain.contains(m));
    let empty = match (certain.is_empty(), maybe.is_empty()) {
        (false, _) => Known::Value(false),
        (true, true) => Known::Value(true),
        (true, false) => tri(Tri::Maybe, reasons),
    };
    SetFacts { certain: Known::Value(certain), maybe: Known::Value(maybe), empty }
}

pub(super) struct SetFacts {
    pub certain: Known<Vec<String>>,
    pub maybe: Known<Vec<String>>,
    pub empty: Known<bool>,
}

impl SetFacts {
    pub(super) fn unknown(reasons: Vec<Reason>) -> Self {
        SetFacts {
            certain: Known::Unknown(reasons.clone()),
            maybe: Known::Unknown(reasons.clone()),
            empty: Known::Unknown(reasons),
        }
    }
}

/// Puts facts and evidence of one subject together.
pub(super) fn facts(
    id: String,
    kind: SubjectKind,
    object: ObjectRef,
    values: BTreeMap<&'static str, Fact>,
    evidence: Vec<(&'static str, Vec<Evidence>)>,
) -> Facts {
    let mut by_fact: BTreeMap<&'static str, Vec<Evidence>> = BTreeMap::new();
    for (name, list) in evidence {
        by_fact.entry(name).or_default().extend(list);
    }
    by_fact.values_mut().for_each(Vec::shrink_to_fit);
    Facts { subject: Subject { id, kind, object }, values, evidence: by_fact }
}

/// Whether an object of this environment counts as production: it is production, or the environment is not set.
pub(super) fn counts_as_production(environment: Option<&str>) -> bool {
    environment.is_none_or(|e| e == PRODUCTION)
}
