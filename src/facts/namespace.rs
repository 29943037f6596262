//! Facts of a namespace: how many of its workloads are isolated, and whether traffic is denied by default.

use serde_json::Value as Json;

use crate::inventory::object::{LabelSelector, PolicyType};
use crate::inventory::{Dataplane, Known, ObjectRef, Origin, Reason, Tri};
use crate::network::Direction;

use super::context::{self, Context, tri};
use super::environment::{self, Environment};
use super::schema::{Evidence, Facts, SubjectKind};

crate::facts! {
    /// Facts of a namespace.
    pub struct NamespaceFacts {
        /// Name.
        name / "name": String => [Namespaces],
        /// Whether it is a platform namespace.
        platform / "platform": bool => [Namespaces],
        /// Its environment; `null` if it is not set.
        environment / "environment": Option<String> => [Namespaces],
        /// Number of running workloads to which NetworkPolicies apply (not on the host network).
        workloads / "workloads": i64 => [Workloads],
        /// How many of them are certainly isolated for ingress.
        ingress_isolated / "ingressIsolated": i64 => [Workloads, NetworkPolicies],
        /// How many of them are certainly isolated for egress.
        egress_isolated / "egressIsolated": i64 => [Workloads, NetworkPolicies],
        /// Share of workloads certainly isolated for ingress, 0–100, rounded down; 100 if there are no workloads.
        ingress_coverage / "ingressCoverage": i64 => [Workloads, NetworkPolicies],
        /// Share of workloads certainly isolated for egress, 0–100, rounded down; 100 if there are no workloads.
        egress_coverage / "egressCoverage": i64 => [Workloads, NetworkPolicies],
        /// Share that the configuration requires (`thresholds.ingressCoverage`); 0 if it requires none.
        required_ingress_coverage / "requiredIngressCoverage": i64 => [],
        /// Share that the configuration requires (`thresholds.egressCoverage`); 0 if it requires none.
        required_egress_coverage / "requiredEgressCoverage": i64 => [],
        /// Whether an enforced policy isolates every pod for ingress, and none of those policies allows all ingress.
        default_deny_ingress / "defaultDenyIngress": bool => [Namespaces, NetworkPolicies, OtherPolicies],
        /// Whether an enforced policy isolates every pod for egress, and none of those policies allows all egress.
        default_deny_egress / "defaultDenyEgress": bool => [Namespaces, NetworkPolicies, OtherPolicies],
    }
}

/// A namespace in the coverage table of the report.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage {
    /// Name of the namespace.
    pub namespace: String,
    /// Its environment; absent if it is not set and cannot be guessed.
    pub environment: Option<Environment>,
    /// Whether it is a platform namespace, which the totals leave out.
    pub platform: bool,
    /// Running workloads to which NetworkPolicies apply (not on the host network).
    pub workloads: u32,
    /// How many of them are certainly isolated, for ingress and for egress.
    pub isolated: [u32; 2],
    /// How many of them are neither certainly isolated nor certainly open, for ingress and for egress.
    pub unknown: [u32; 2],
    /// Whether traffic is denied by default, for ingress and for egress; `None` if it is not known.
    pub default_deny: [Option<bool>; 2],
}

impl Coverage {
    /// Makes everything unknown that depends on policies, if they could not be read.
    pub fn forget_policies(&mut self) {
        self.isolated = [0; 2];
        self.unknown = [self.workloads; 2];
        self.default_deny = [None; 2];
    }
}

/// Counts the workloads of a namespace and the isolated ones among them.
pub fn coverage(cx: &mut Context<'_>, name: &str) -> Coverage {
    let mut c = Coverage {
        namespace: name.to_owned(),
        environment: environment_of(cx, name),
        platform: cx.is_platform(name),
        workloads: 0,
        isolated: [0; 2],
        unknown: [0; 2],
        default_deny: [None; 2],
    };
    for &w in cx.inventory.workloads_in(name) {
        let workload = &cx.inventory.workloads[w];
        if !workload.running || cx.pod_classes(w).is_empty() {
            continue;
        }
        c.workloads += 1;
        for d in Direction::BOTH {
            match cx.isolation(w, d).isolated {
                Known::Value(true) => c.isolated[d as usize] += 1,
                Known::Value(false) => {}
                Known::Unknown(_) => c.unknown[d as usize] += 1,
            }
        }
    }
    for d in Direction::BOTH {
        c.default_deny[d as usize] = default_deny(cx, name, d).0.value().copied();
    }
    c
}

fn environment_of(cx: &Context<'_>, name: &str) -> Option<Environment> {
    let labels = cx.inventory.namespaces.get(name).map(|n| n.labels.known.clone()).unwrap_or_default();
    environment::of_namespace(cx.config, name, &labels)
}

fn is_empty(s: &LabelSelector) -> bool {
    s.match_labels.is_empty() && s.match_expressions.is_empty()
}

/// Whether all traffic is denied that no policy allows, with the policies that deny it.
fn default_deny(cx: &Context<'_>, name: &str, direction: Direction) -> (Known<bool>, Vec<usize>) {
    let enforcement = &cx.reach.enforcement;
    let d = direction as usize;
    let denies = |i: &usize| {
        let p = &cx.reach.model.policies[*i];
        p.isolates[d] && is_empty(&p.selector) && p.network.is_none()
    };
    let all: Vec<usize> = cx.reach.model.policies_in(name).iter().copied().filter(denies).collect();
    let opens = all
        .iter()
        .any(|i| cx.reach.model.policies[*i].rules[d].iter().any(|r| r.peers.is_none() && r.ports.is_empty()));
    let denied = !all.is_empty() && !opens;
    let opaque = cx.reach.opaque_in(name, direction);
    let known = match (denied, enforcement.enforced) {
        // A policy of a kind that is not evaluated may deny, and may open what another denies.
        _ if opaque.is_some() => Tri::Maybe,
        (false, _) => Tri::No,
        (true, Some(e)) => e.into(),
        (true, None) if enforcement.candidates.contains(&Dataplane::None) => Tri::Maybe,
        // Without a cluster configuration, enforcement is assumed.
        (true, None) => Tri::Yes,
    };
    (tri(known, opaque.into_iter().chain(enforcement.reason.clone()).collect()), all)
}

/// Facts of the namespace `name`. `c` is its [`coverage`].
pub fn build(cx: &mut Context<'_>, name: &str, c: &Coverage) -> Facts {
    let share = |n: u32| (n * 100).checked_div(c.workloads).map_or(100, i64::from);
    let counted = |cx: &mut Context<'_>, d: Direction, value: i64| -> Known<i64> {
        if c.unknown[d as usize] == 0 {
            return Known::Value(value);
        }
        let mut reasons: Vec<Reason> = Vec::new();
        for &w in cx.inventory.workloads_in(name) {
            reasons.extend(cx.isolation(w, d).isolated.reasons().iter().cloned());
        }
        reasons.sort();
        reasons.dedup();
        Known::Unknown(reasons)
    };
    let (ingress_deny, ingress_policies) = default_deny(cx, name, Direction::Ingress);
    let (egress_deny, egress_policies) = default_deny(cx, name, Direction::Egress);
    let values = NamespaceFacts {
        name: Known::Value(name.to_owned()),
        platform: Known::Value(c.platform),
        environment: Known::Value(c.environment.clone().map(|e| e.name)),
        workloads: Known::Value(i64::from(c.workloads)),
        ingress_isolated: counted(cx, Direction::Ingress, i64::from(c.isolated[0])),
        egress_isolated: counted(cx, Direction::Egress, i64::from(c.isolated[1])),
        ingress_coverage: counted(cx, Direction::Ingress, share(c.isolated[0])),
        egress_coverage: counted(cx, Direction::Egress, share(c.isolated[1])),
        required_ingress_coverage: Known::Value(i64::from(cx.config.thresholds.ingress_coverage)),
        required_egress_coverage: Known::Value(i64::from(cx.config.thresholds.egress_coverage)),
        default_deny_ingress: ingress_deny,
        default_deny_egress: egress_deny,
    };
    let object = ObjectRef {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        namespace: String::new(),
        name: name.to_owned(),
    };
    let origin = cx.inventory.namespaces.get(name).and_then(|n| n.origin.clone()).unwrap_or_default();
    let evidence = |d: Direction, policies: &[usize]| deny_evidence(cx, &object, &origin, d, policies);
    let ingress = evidence(Direction::Ingress, &ingress_policies);
    let egress = evidence(Direction::Egress, &egress_policies);
    context::facts(
        format!("namespace/{name}"),
        SubjectKind::Namespace,
        object.clone(),
        values.into_values(),
        vec![("defaultDenyIngress", ingress), ("defaultDenyEgress", egress)],
    )
}

fn deny_evidence(
    cx: &Context<'_>,
    object: &ObjectRef,
    origin: &Origin,
    direction: Direction,
    policies: &[usize],
) -> Vec<Evidence> {
    let policy_type = if direction == Direction::Ingress { PolicyType::Ingress } else { PolicyType::Egress };
    let mut list: Vec<Evidence> = policies
        .iter()
        .filter_map(|p| cx.reach.model.policies.get(*p))
        .map(|p| {
            cx.evidence(
                &p.meta,
                "spec.podSelector",
                Json::String("{}".to_owned()),
                &format!("an empty podSelector with policyTypes {policy_type:?} selects every pod"),
            )
        })
        .collect();
    if list.is_empty() {
        let in_namespace: Vec<String> = cx
            .reach
            .model
            .policies_in(&object.name)
            .iter()
            .map(|p| cx.reach.model.policies[*p].meta.name.clone())
            .collect();
        let origin = if *origin == Origin::default() { None } else { Some(origin.clone()) };
        list.push(Evidence {
            object: object.clone(),
            path: "NetworkPolicies of the namespace".to_owned(),
            value: Json::from(in_namespace),
            omitted: None,
            rule: Some(format!("none has an empty podSelector and policyTypes {policy_type:?}")),
            source: origin,
        });
    }
    if cx.reach.enforcement.enforced == Some(false) {
        list.extend(cx.enforcement_evidence());
    }
    list
}
