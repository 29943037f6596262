//! What controllers make of a cluster's objects: nodes, ReplicaSets and Pods; and whole clusters by the number.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const NODES: usize = 3;

/// The objects with the nodes, ReplicaSets and Pods that they would have in a running cluster. Jobs have run, and
/// custom resources (a CloudNativePG Cluster) get nothing.
pub(crate) fn with_pods(objects: Vec<Value>) -> Vec<Value> {
    let mut all: Vec<Value> = (0..NODES).map(node).collect();
    let mut pods = Pods::default();
    for object in objects {
        all.extend(pods.of(&object));
        all.push(object);
    }
    all
}

fn node(n: usize) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": format!("node-{n}"), "labels": {
            "kubernetes.io/hostname": format!("node-{n}"),
            "cloud.google.com/gke-nodepool": "general",
        }},
        "spec": {"podCIDR": format!("10.20.{n}.0/24"), "podCIDRs": [format!("10.20.{n}.0/24")]},
        "status": {
            "addresses": [{"type": "InternalIP", "address": format!("10.10.0.{}", 10 + n)}],
            "nodeInfo": {"kubeletVersion": "v1.33.4-gke.1350000", "operatingSystem": "linux"},
        },
    })
}

/// Letters and digits as Kubernetes makes them up for names, the same in every run.
fn suffix(text: &str, length: usize) -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let digest = Sha256::digest(text);
    digest.iter().take(length).map(|b| ALPHABET[usize::from(*b) % ALPHABET.len()] as char).collect()
}

/// Hands out addresses.
#[derive(Default)]
struct Pods {
    made: u32,
}

impl Pods {
    fn of(&mut self, object: &Value) -> Vec<Value> {
        let kind = object["kind"].as_str().unwrap_or_default();
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
        let replicas = object["spec"]["replicas"].as_u64().unwrap_or(1) as usize;
        let template = &object["spec"]["template"];
        let hash = suffix(&template.to_string(), 10);
        match kind {
            "Deployment" => {
                let set = format!("{name}-{hash}");
                let mut template = template.clone();
                template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
                let mut selector = object["spec"]["selector"].clone();
                selector["matchLabels"]["pod-template-hash"] = json!(hash);
                let mut made = vec![json!({
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "metadata": {
                        "name": set, "namespace": namespace, "labels": template["metadata"]["labels"],
                        "ownerReferences": [owner("Deployment", namespace, name)],
                    },
                    "spec": {"replicas": replicas, "selector": selector, "template": template},
                    "status": {"replicas": replicas},
                })];
                made.extend((0..replicas).map(|i| {
                    let pod = format!("{set}-{}", suffix(&format!("{namespace}/{set}/{i}"), 5));
                    self.pod(&pod, namespace, &template, owner("ReplicaSet", namespace, &set))
                }));
                made
            }
            "StatefulSet" => (0..replicas)
                .map(|i| {
                    let pod = format!("{name}-{i}");
                    let mut template = template.clone();
                    let labels = &mut template["metadata"]["labels"];
                    labels["controller-revision-hash"] = json!(format!("{name}-{hash}"));
                    labels["statefulset.kubernetes.io/pod-name"] = json!(pod);
                    labels["apps.kubernetes.io/pod-index"] = json!(i.to_string());
                    self.pod(&pod, namespace, &template, owner(kind, namespace, name))
                })
                .collect(),
            "DaemonSet" => (0..NODES)
                .map(|i| {
                    let pod = format!("{name}-{}", suffix(&format!("{namespace}/{name}/{i}"), 5));
                    let mut template = template.clone();
                    let labels = &mut template["metadata"]["labels"];
                    labels["controller-revision-hash"] = json!(hash);
                    labels["pod-template-generation"] = json!("1");
                    self.pod(&pod, namespace, &template, owner(kind, namespace, name))
                })
                .collect(),
            _ => Vec::new(),
        }
    }

    fn pod(&mut self, name: &str, namespace: &str, template: &Value, owner: Value) -> Value {
        let n = self.made;
        self.made += 1;
        let node = n as usize % NODES;
        let node_address = format!("10.10.0.{}", 10 + node);
        let mut spec = template["spec"].clone();
        let address = match spec["hostNetwork"] == true {
            true => node_address.clone(),
            // 10.64.0.0/10 holds four million.
            false => format!("10.{}.{}.{}", 64 + (n >> 16), (n >> 8) & 255, n & 255),
        };
        spec["nodeName"] = json!(format!("node-{node}"));
        if spec["serviceAccountName"].is_null() {
            spec["serviceAccountName"] = json!("default");
        }
        spec["serviceAccount"] = spec["serviceAccountName"].clone();
        // The ServiceAccount admission plugin.
        let volume = format!("kube-api-access-{}", suffix(name, 5));
        push(
            &mut spec["volumes"],
            json!({"name": volume, "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            ]}}),
        );
        let mut statuses = Vec::new();
        for container in spec["containers"].as_array_mut().into_iter().flatten() {
            push(
                &mut container["volumeMounts"],
                json!({"name": volume, "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}),
            );
            statuses.push(json!({
                "name": container["name"], "image": container["image"], "ready": true, "started": true, "restartCount": 0,
                "state": {"running": {"startedAt": "2025-11-24T09:00:05Z"}},
            }));
        }
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name, "namespace": namespace, "labels": template["metadata"]["labels"],
                "annotations": template["metadata"].get("annotations").cloned().unwrap_or(json!({})),
                "ownerReferences": [owner],
            },
            "spec": spec,
            "status": {
                "phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "hostIP": node_address,
                "hostIPs": [{"ip": node_address}], "startTime": "2025-11-24T09:00:00Z", "containerStatuses": statuses,
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        })
    }
}

/// A reference to a controller of `apps/v1`, with the uid that the server gives it.
fn owner(kind: &str, namespace: &str, name: &str) -> Value {
    let plural = format!("{}s", kind.to_lowercase());
    json!({
        "apiVersion": "apps/v1", "kind": kind, "name": name, "controller": true, "blockOwnerDeletion": true,
        "uid": super::data::object_uid("apps", &plural, &json!(namespace), &json!(name)),
    })
}

fn push(list: &mut Value, item: Value) {
    match list.as_array_mut() {
        Some(items) => items.push(item),
        None => *list = json!([item]),
    }
}

/// How large a generated cluster is. All but `namespaces` count per namespace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub namespaces: usize,
    pub deployments: usize,
    /// Pods of each Deployment.
    pub replicas: usize,
    /// NetworkPolicies; each selects one Deployment, at most as many as there are.
    pub policies: usize,
}

impl Scale {
    /// 100,000 pods and 10,000 policies in 5,000 namespaces.
    pub(crate) const LARGE: Scale = Scale { namespaces: 5_000, deployments: 2, replicas: 10, policies: 2 };

    pub(crate) fn pods(self) -> usize {
        self.namespaces * self.deployments * self.replicas
    }
}

/// Makes a cluster's objects one by one, so that the largest needs no memory here.
pub(crate) fn generate(scale: Scale, put: &mut impl FnMut(Value)) {
    (0..NODES).for_each(|n| put(node(n)));
    let mut pods = Pods::default();
    for n in 0..scale.namespaces {
        let namespace = format!("team-{n}");
        let environment = ["production", "staging", "development"][n % 3];
        let labels = json!({"team": format!("t{}", n % 20), "environment": environment});
        put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}));
        let settings = json!({"DB_SSLMODE": "require", "DB_HOST": "postgres.data.svc", "LOG_LEVEL": "info"});
        put(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": namespace},
            "data": settings,
        }));
        for d in 0..scale.deployments {
            let deployment = deployment(&namespace, d, scale.replicas);
            pods.of(&deployment).into_iter().for_each(&mut *put);
            put(deployment);
            put(json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": format!("app-{d}"), "namespace": namespace},
                "spec": {"selector": {"app": format!("app-{d}")}, "ports": [{"port": 80, "targetPort": "http"}]},
            }));
        }
        for p in 0..scale.policies {
            put(json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": {"name": format!("app-{p}"), "namespace": namespace},
                "spec": {
                    "podSelector": {"matchLabels": {"app": format!("app-{p}")}},
                    "policyTypes": ["Ingress", "Egress"],
                    "ingress": [{
                        "from": [{"namespaceSelector": {"matchLabels": {"team": format!("t{}", (n + p) % 20)}}}],
                        "ports": [{"port": 8080, "protocol": "TCP"}],
                    }],
                    "egress": [{"to": [{"ipBlock": {"cidr": format!("10.{}.0.0/16", n % 64)}}]}],
                },
            }));
        }
    }
}

fn deployment(namespace: &str, d: usize, replicas: usize) -> Value {
    let name = format!("app-{d}");
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name, "tier": format!("t{}", d % 3)}},
                "spec": {"containers": [{
                    "name": "main", "image": format!("registry.example.com/{name}:1.4.2"),
                    "ports": [{"name": "http", "containerPort": 8080}],
                    "envFrom": [{"configMapRef": {"name": "settings"}}],
                    "env": [
                        {"name": "DB_USER", "value": name},
                        {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
                        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                    ],
                    "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}},
                    "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]},
                    },
                }]},
            },
        },
    })
}
