//! Writes a cluster of the oracle as Kubernetes objects.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::oracle::*;

/// How to write what the API lets one write in several ways.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// Write absent lists and selectors as `null`.
    pub nulls: bool,
    /// One JSON list in place of YAML documents.
    pub json: bool,
}

fn put<T>(map: &mut Map<String, Value>, style: Style, key: &str, value: Option<&T>, f: impl FnOnce(&T) -> Value) {
    match value {
        Some(v) => {
            map.insert(key.to_owned(), f(v));
        }
        None if style.nulls => {
            map.insert(key.to_owned(), Value::Null);
        }
        None => {}
    }
}

fn selector(s: &Selector) -> Value {
    let mut map = Map::new();
    if !s.labels.is_empty() {
        map.insert("matchLabels".into(), json!(s.labels));
    }
    if !s.expressions.is_empty() {
        let list: Vec<Value> = s
            .expressions
            .iter()
            .map(|(key, operator, values)| {
                let mut e = json!({"key": key, "operator": format!("{operator:?}")});
                if !values.is_empty() {
                    e["values"] = json!(values);
                }
                e
            })
            .collect();
        map.insert("matchExpressions".into(), list.into());
    }
    map.into()
}

fn rule(r: &Rule, peers: &str, style: Style) -> Value {
    let mut map = Map::new();
    put(&mut map, style, peers, r.peers.as_ref(), |list| {
        list.iter()
            .map(|p| match p {
                Peer::Block { cidr, except } if except.is_empty() => json!({"ipBlock": {"cidr": cidr}}),
                Peer::Block { cidr, except } => json!({"ipBlock": {"cidr": cidr, "except": except}}),
                Peer::Pods { namespaces, pods } => {
                    let mut map = Map::new();
                    put(&mut map, style, "namespaceSelector", namespaces.as_ref(), selector);
                    put(&mut map, style, "podSelector", pods.as_ref(), selector);
                    map.into()
                }
            })
            .collect::<Vec<Value>>()
            .into()
    });
    put(&mut map, style, "ports", r.ports.as_ref(), |list| {
        list.iter()
            .map(|p| {
                let mut map = Map::new();
                put(&mut map, style, "protocol", p.protocol.as_ref(), |p| p.name().into());
                put(&mut map, style, "port", p.port.as_ref(), |p| match p {
                    PortNumber::Number(n) => (*n).into(),
                    PortNumber::Name(n) => n.as_str().into(),
                });
                put(&mut map, style, "endPort", p.end.as_ref(), |n| (*n).into());
                Value::from(map)
            })
            .collect::<Vec<Value>>()
            .into()
    });
    map.into()
}

pub(crate) fn policy(p: &Policy, style: Style) -> Value {
    let mut spec = Map::new();
    put(&mut spec, style, "podSelector", p.selector.as_ref(), selector);
    put(&mut spec, style, "policyTypes", p.types.as_ref(), |t| {
        t.iter().map(|t| format!("{t:?}").into()).collect::<Vec<Value>>().into()
    });
    let rules = |list: &Vec<Rule>, peers: &str| list.iter().map(|r| rule(r, peers, style)).collect::<Vec<_>>().into();
    put(&mut spec, style, "ingress", p.ingress.as_ref(), |l| rules(l, "from"));
    put(&mut spec, style, "egress", p.egress.as_ref(), |l| rules(l, "to"));
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"namespace": p.namespace, "name": p.name},
        "spec": spec,
    })
}

/// `containers` and `initContainers` of a pod.
pub(crate) fn pod_spec(p: &Pod) -> Map<String, Value> {
    let mut spec = Map::new();
    let (mut init, mut regular) = (Vec::new(), Vec::new());
    for (i, (role, ports)) in p.containers.iter().enumerate() {
        let ports: Vec<Value> = ports
            .iter()
            .map(|p| {
                let mut port = json!({"containerPort": p.number});
                if let Some(name) = &p.name {
                    port["name"] = json!(name);
                }
                if let Some(protocol) = p.protocol {
                    port["protocol"] = json!(protocol.name());
                }
                port
            })
            .collect();
        let mut container = json!({"name": format!("c{i}"), "image": "example"});
        if !ports.is_empty() {
            container["ports"] = ports.into();
        }
        match role {
            Role::Regular => regular.push(container),
            Role::Init => init.push(container),
            Role::Sidecar => {
                container["restartPolicy"] = json!("Always");
                init.push(container);
            }
        }
    }
    if !init.is_empty() {
        spec.insert("initContainers".into(), init.into());
    }
    spec.insert("containers".into(), regular.into());
    if p.host_network {
        spec.insert("hostNetwork".into(), true.into());
    }
    spec
}

pub(crate) fn pod(p: &Pod) -> Value {
    let mut spec = pod_spec(p);
    if let Some(node) = &p.node {
        spec.insert("nodeName".into(), json!(node));
    }
    let list = |ips: &[IpAddr]| ips.iter().map(|ip| json!({"ip": ip})).collect::<Vec<_>>();
    let phase = match (p.finished, &p.node) {
        (true, _) => "Succeeded",
        (false, Some(_)) => "Running",
        (false, None) => "Pending",
    };
    let mut status = json!({"phase": phase});
    if let Some(ip) = p.ips.first() {
        status["podIP"] = json!(ip);
        status["podIPs"] = list(&p.ips).into();
    }
    if let Some(ip) = p.host_ips.first() {
        status["hostIP"] = json!(ip);
        status["hostIPs"] = list(&p.host_ips).into();
    }
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": p.namespace, "name": p.name, "uid": p.name, "labels": p.labels},
        "spec": spec, "status": status,
    })
}

pub(crate) fn namespace(n: &Namespace) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n.name, "labels": n.labels}})
}

/// The DaemonSets by whose images the versions of the agents are known.
pub(crate) fn agents(versions: Versions) -> Vec<Value> {
    let agent = |name: &str, container: &str, image: String| {
        json!({
            "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"namespace": "kube-system", "name": name},
            "spec": {"template": {"metadata": {"labels": {"agent": name}}, "spec": {
                "hostNetwork": true, "containers": [{"name": container, "image": image}],
            }}},
        })
    };
    let calico = versions.calico.map(|m| agent("calico-node", "calico-node", format!("calico/node:v3.{m}.1")));
    let cilium = versions.cilium.map(|m| agent("anetd", "cilium-agent", format!("cilium/cilium:v1.{m}.2-gke.1")));
    calico.into_iter().chain(cilium).collect()
}

impl Cluster {
    pub(crate) fn objects(&self, style: Style) -> Vec<Value> {
        let namespaces = self.namespaces.iter().map(namespace);
        let pods = self.pods.iter().map(pod);
        namespaces.chain(pods).chain(self.policies.iter().map(|p| policy(p, style))).collect()
    }
}

/// The text of some objects and a name for its file.
pub(crate) fn text(objects: &[Value], style: Style) -> (&'static str, String) {
    if style.json {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        return ("cluster.json", serde_json::to_string(&list).expect("JSON"));
    }
    let documents: Vec<String> = objects.iter().map(|o| serde_saphyr::to_string(o).expect("YAML")).collect();
    ("cluster.yaml", documents.join("---\n"))
}
