//! Parses a NetworkPolicy and reports what the API server refuses:
//! <https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/>.

use crate::document::{Content, Cursor};
use crate::inventory::object::*;

use super::kubernetes::{FromObject, ReadOptions, parse_port, parse_protocol};
use super::names::check_labels;

const REFUSED: &str = "the API server refuses this object";

impl FromObject for NetworkPolicy {
    fn read(c: &Cursor<'_>, meta: Meta, options: &ReadOptions<'_>) -> impl IntoIterator<Item = NetworkPolicy> {
        let mut policy = parse_network_policy(c, meta);
        policy.spec.selectors_mut().for_each(|s| options.interner.intern_labels(&mut s.match_labels));
        Some(policy)
    }
}

fn parse_network_policy(c: &Cursor<'_>, meta: Meta) -> NetworkPolicy {
    const STRICT: &str = "kubectl refuses it, and an API server without field validation drops it";
    c.refuse_unknown_fields(&["apiVersion", "kind", "metadata", "spec", "status"], STRICT);
    let Some(spec) = c.get("spec") else { return NetworkPolicy { meta, spec: NetworkPolicySpec::default() } };
    spec.refuse_unknown_fields(&["podSelector", "policyTypes", "ingress", "egress"], STRICT);
    for (list, peers) in [("ingress", "from"), ("egress", "to")] {
        for rule in spec.items(list) {
            rule.refuse_unknown_fields(&[peers, "ports"], STRICT);
            for peer in rule.items(peers) {
                peer.refuse_unknown_fields(&["podSelector", "namespaceSelector", "ipBlock"], STRICT);
            }
            for port in rule.items("ports") {
                port.refuse_unknown_fields(&["protocol", "port", "endPort"], STRICT);
            }
        }
    }
    let policy_types = spec
        .items("policyTypes")
        .iter()
        .filter_map(|t| match t.str()? {
            "Ingress" => Some(PolicyType::Ingress),
            "Egress" => Some(PolicyType::Egress),
            other => {
                let hint = match other.to_ascii_lowercase().as_str() {
                    "ingress" => " (did you mean \"Ingress\"?)",
                    "egress" => " (did you mean \"Egress\"?)",
                    _ => "",
                };
                t.problem(format_args!("unknown value \"{other}\"{hint}; {REFUSED}"));
                None
            }
        })
        .collect();
    NetworkPolicy {
        meta,
        spec: NetworkPolicySpec {
            pod_selector: spec.get("podSelector").map(|s| parse_selector(&s)).unwrap_or_default(),
            policy_types,
            ingress: spec
                .items("ingress")
                .iter()
                .map(|r| IngressRule { from: parse_peers(r, "from"), ports: parse_ports(r) })
                .collect(),
            egress: spec
                .items("egress")
                .iter()
                .map(|r| EgressRule { to: parse_peers(r, "to"), ports: parse_ports(r) })
                .collect(),
        },
    }
}

/// A label selector, with the API's validation of operators and values.
fn parse_selector(c: &Cursor<'_>) -> LabelSelector {
    c.refuse_unknown_fields(
        &["matchLabels", "matchExpressions"],
        "the API server drops it, and an empty selector selects everything",
    );
    let match_expressions = c
        .items("matchExpressions")
        .iter()
        .filter_map(|e| {
            let key = e.string_at("key").unwrap_or_default();
            if key.is_empty() {
                e.problem(format_args!("key is missing; {REFUSED}"));
            }
            let text = e.string_at("operator").unwrap_or_default();
            let operator = match text.as_str() {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => {
                    e.problem(format_args!(
                        "operator \"{other}\" is not one of In, NotIn, Exists, DoesNotExist; {REFUSED}"
                    ));
                    return None;
                }
            };
            let mut values = e.string_list("values");
            values.sort();
            values.dedup();
            match operator {
                Operator::In | Operator::NotIn if values.is_empty() => {
                    e.problem(format_args!("{text} needs at least one value; {REFUSED}"));
                }
                Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
                    e.problem(format_args!("{text} takes no values; {REFUSED}"));
                }
                _ => {}
            }
            Some(Requirement { key, operator, values })
        })
        .collect();
    if let Some(labels) = c.get("matchLabels") {
        check_labels(&labels);
    }
    LabelSelector { match_labels: c.get("matchLabels").map(|l| l.strings()).unwrap_or_default(), match_expressions }
}

fn parse_peers(rule: &Cursor<'_>, key: &str) -> Vec<PolicyPeer> {
    rule.items(key)
        .iter()
        .map(|p| {
            let peer = PolicyPeer {
                pod_selector: p.get("podSelector").map(|s| parse_selector(&s)),
                namespace_selector: p.get("namespaceSelector").map(|s| parse_selector(&s)),
                ip_block: p.get("ipBlock").map(|b| parse_ip_block(&b)),
            };
            match (&peer.ip_block, peer.pod_selector.is_some() || peer.namespace_selector.is_some()) {
                (None, false) => {
                    p.problem(format_args!(
                        "the peer has none of podSelector, namespaceSelector and ipBlock; {REFUSED} (it does not mean everyone)"
                    ));
                }
                (Some(_), true) => p.problem(format_args!("ipBlock must be alone in its peer; {REFUSED}")),
                _ => {}
            }
            peer
        })
        .collect()
}

fn parse_ip_block(c: &Cursor<'_>) -> IpBlock {
    let text = c.string_at("cidr").unwrap_or_default();
    let cidr = parse_cidr(&text);
    if cidr.is_none() {
        c.problem(format_args!("cidr \"{text}\" is not an address range such as 10.0.0.0/8; {REFUSED}"));
    }
    let except = c.items("except");
    for e in &except {
        let Some(inner_text) = e.str() else { continue };
        match (cidr, parse_cidr(inner_text)) {
            (_, None) => e.problem(format_args!("\"{inner_text}\" is not an address range; {REFUSED}")),
            (Some(outer), Some(inner)) => {
                let strictly_inside = outer.contains(&inner.network()) && inner.prefix_len() > outer.prefix_len();
                if !strictly_inside {
                    e.problem(format_args!("{inner_text} is not a strict part of {text}; {REFUSED}"));
                }
            }
            (None, Some(_)) => {}
        }
    }
    IpBlock { cidr: text, except: except.iter().filter_map(|e| e.str().map(str::to_owned)).collect() }
}

fn parse_ports(rule: &Cursor<'_>) -> Vec<PolicyPort> {
    rule.items("ports")
        .iter()
        .map(|p| {
            let port = p.get("port").and_then(|n| parse_port(&n));
            let end_port = p.get("endPort").and_then(|e| {
                let end = e.port()?;
                match &port {
                    Some(PortRef::Number(start)) if end >= *start => Some(end),
                    Some(PortRef::Number(start)) => {
                        e.problem(format_args!("endPort {end} is below port {start}; {REFUSED}"));
                        None
                    }
                    Some(PortRef::Name(_)) | None => {
                        e.problem(format_args!("endPort needs a numeric port; {REFUSED}"));
                        None
                    }
                }
            });
            if !matches!(p.node.content, Content::Object(_) | Content::Null) {
                p.problem("expected an object");
            }
            PolicyPort { protocol: parse_protocol(p), port, end_port }
        })
        .collect()
}
