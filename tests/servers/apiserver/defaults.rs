//! What an API server adds to an object that it is given: identity, managed fields, and the defaults of the kinds that
//! the analysis reads (k8s.io/kubernetes/pkg/apis/*/v1/defaults.go, compared with a server v1.34.4).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::super::data::object_uid;
use super::discovery::Resource;

const CREATED: &str = "2025-11-24T09:00:00Z";

pub(super) fn complete(object: &mut Value, resource: &Resource, revision: u64) {
    if !resource.custom {
        fill(object, resource);
        omit_empty(object);
    }
    let managed = managed_fields(object, resource);
    let named = &object["metadata"];
    let uid = object_uid(&resource.group, &resource.plural, &named["namespace"], &named["name"]);
    let metadata = object["metadata"].as_object_mut().expect("metadata is an object");
    if resource.namespaced {
        metadata.entry("namespace").or_insert(json!("default"));
    } else {
        metadata.remove("namespace");
    }
    metadata.entry("uid").or_insert(json!(uid));
    metadata.entry("creationTimestamp").or_insert(json!(CREATED));
    metadata.entry("managedFields").or_insert(managed);
    metadata.insert("resourceVersion".into(), json!(revision.to_string()));
    if !matches!(resource.kind.as_str(), "Namespace" | "ConfigMap" | "Secret" | "Service" | "ServiceAccount") {
        metadata.entry("generation").or_insert(json!(1));
    }
}

/// The real ones name every field that is set, and no value.
fn managed_fields(object: &Value, resource: &Resource) -> Value {
    let mut fields = Map::new();
    for (key, value) in object.as_object().expect("an object") {
        match key.as_str() {
            "apiVersion" | "kind" | "status" => {}
            "metadata" => {
                let mut metadata = Map::new();
                for key in ["annotations", "labels"] {
                    if let Some(value) = value.get(key).filter(|v| v.is_object()) {
                        metadata.insert(format!("f:{key}"), field_set(value));
                    }
                }
                if !metadata.is_empty() {
                    fields.insert("f:metadata".into(), metadata.into());
                }
            }
            _ => {
                fields.insert(format!("f:{key}"), field_set(value));
            }
        }
    }
    json!([{
        "apiVersion": resource.api_version(),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        "manager": "kubectl-client-side-apply",
        "operation": "Update",
        "time": CREATED,
    }])
}

fn field_set(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut set = Map::new();
            set.insert(".".into(), json!({}));
            set.extend(map.iter().map(|(k, v)| (format!("f:{k}"), field_set(v))));
            set.into()
        }
        Value::Array(items) if items.iter().any(|i| i["name"].is_string()) => {
            let mut set = Map::new();
            set.insert(".".into(), json!({}));
            set.extend(items.iter().map(|i| (format!("k:{{\"name\":{}}}", i["name"]), field_set(i))));
            set.into()
        }
        _ => json!({}),
    }
}

fn fill(object: &mut Value, resource: &Resource) {
    match resource.kind.as_str() {
        "Namespace" => {
            let name = object["metadata"]["name"].clone();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
            set(&mut object["spec"], "finalizers", json!(["kubernetes"]));
            set(&mut object["status"], "phase", json!("Active"));
        }
        "Pod" => {
            pod_spec(&mut object["spec"]);
            set(&mut object["spec"], "priority", json!(0));
            set(&mut object["spec"], "enableServiceLinks", json!(true));
            set(&mut object["spec"], "preemptionPolicy", json!("PreemptLowerPriority"));
            set(&mut object["status"], "phase", json!("Pending"));
            set(&mut object["status"], "qosClass", json!("BestEffort"));
        }
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "ReplicationController" => {
            let spec = &mut object["spec"];
            if resource.kind != "DaemonSet" {
                set(spec, "replicas", json!(1));
            }
            match resource.kind.as_str() {
                "Deployment" => {
                    set(spec, "progressDeadlineSeconds", json!(600));
                    let rolling =
                        json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}});
                    set(spec, "strategy", rolling);
                }
                "DaemonSet" => {
                    let rolling =
                        json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}});
                    set(spec, "updateStrategy", rolling);
                }
                "StatefulSet" => {
                    let retain = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
                    set(spec, "persistentVolumeClaimRetentionPolicy", retain);
                    set(spec, "podManagementPolicy", json!("OrderedReady"));
                    set(spec, "updateStrategy", json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}));
                }
                _ => {}
            }
            if !matches!(resource.kind.as_str(), "ReplicaSet" | "ReplicationController") {
                set(spec, "revisionHistoryLimit", json!(10));
            }
            pod_spec(&mut spec["template"]["spec"]);
            set(object, "status", json!({}));
        }
        "Job" => pod_spec(&mut object["spec"]["template"]["spec"]),
        "CronJob" => {
            let spec = &mut object["spec"];
            set(spec, "concurrencyPolicy", json!("Allow"));
            set(spec, "suspend", json!(false));
            set(spec, "successfulJobsHistoryLimit", json!(3));
            set(spec, "failedJobsHistoryLimit", json!(1));
            pod_spec(&mut spec["jobTemplate"]["spec"]["template"]["spec"]);
            set(object, "status", json!({}));
        }
        "Service" => service(object),
        "NetworkPolicy" => network_policy(&mut object["spec"]),
        "Secret" => secret(object),
        "Ingress" => set(&mut object["status"], "loadBalancer", json!({})),
        _ => {}
    }
}

/// Sets what is absent or null; what holds the key becomes an object if it is nothing yet.
fn set(object: &mut Value, key: &str, value: Value) {
    if object[key].is_null() {
        object[key] = value;
    }
}

/// The items of a list, if there is one.
fn items<'a>(object: &'a mut Value, key: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
}

fn pod_spec(spec: &mut Value) {
    set(spec, "restartPolicy", json!("Always"));
    set(spec, "terminationGracePeriodSeconds", json!(30));
    set(spec, "dnsPolicy", json!("ClusterFirst"));
    set(spec, "securityContext", json!({}));
    set(spec, "schedulerName", json!("default-scheduler"));
    for list in ["initContainers", "containers"] {
        for c in items(spec, list) {
            set(c, "resources", json!({}));
            set(c, "terminationMessagePath", json!("/dev/termination-log"));
            set(c, "terminationMessagePolicy", json!("File"));
            let image = c["image"].as_str().unwrap_or_default();
            let name = image.rsplit('/').next().unwrap_or_default();
            let tagged = image.contains('@') || name.contains(':') && !name.ends_with(":latest");
            set(c, "imagePullPolicy", json!(if tagged { "IfNotPresent" } else { "Always" }));
            items(c, "ports").for_each(|p| set(p, "protocol", json!("TCP")));
            for e in items(c, "env") {
                if let Some(field) = e.pointer_mut("/valueFrom/fieldRef") {
                    set(field, "apiVersion", json!("v1"));
                }
            }
        }
    }
}

fn service(object: &mut Value) {
    let digest = Sha256::digest(format!("{}/{}", object["metadata"]["namespace"], object["metadata"]["name"]));
    let spec = &mut object["spec"];
    set(spec, "type", json!("ClusterIP"));
    set(spec, "sessionAffinity", json!("None"));
    if spec["type"] != "ExternalName" {
        set(spec, "clusterIP", json!(format!("10.96.{}.{}", digest[0], digest[1] % 253 + 1)));
        let address = spec["clusterIP"].clone();
        set(spec, "clusterIPs", json!([address]));
        set(spec, "ipFamilies", json!(["IPv4"]));
        set(spec, "ipFamilyPolicy", json!("SingleStack"));
        set(spec, "internalTrafficPolicy", json!("Cluster"));
    }
    if spec["type"] == "LoadBalancer" || spec["type"] == "NodePort" {
        set(spec, "externalTrafficPolicy", json!("Cluster"));
    }
    if spec["type"] == "LoadBalancer" {
        set(spec, "allocateLoadBalancerNodePorts", json!(true));
    }
    for p in items(spec, "ports") {
        set(p, "protocol", json!("TCP"));
        let port = p["port"].clone();
        set(p, "targetPort", port);
    }
    set(&mut object["status"], "loadBalancer", json!({}));
}

fn network_policy(spec: &mut Value) {
    if spec["policyTypes"].as_array().is_none_or(Vec::is_empty) {
        let egress = spec["egress"].as_array().is_some_and(|e| !e.is_empty());
        spec["policyTypes"] = if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
    }
    for direction in ["ingress", "egress"] {
        for rule in items(spec, direction) {
            items(rule, "ports").for_each(|p| set(p, "protocol", json!("TCP")));
        }
    }
}

fn secret(object: &mut Value) {
    if let Some(Value::Object(plain)) = object.as_object_mut().and_then(|o| o.remove("stringData")) {
        for (key, value) in plain {
            object["data"][key] = json!(BASE64_STANDARD.encode(value.as_str().unwrap_or_default()));
        }
    }
    set(object, "type", json!("Opaque"));
}

/// Go's `omitempty`: null, lists and maps without an entry, and an environment value of `""` do not come back. Objects
/// without fields do: an empty selector is not an absent one.
fn omit_empty(value: &mut Value) {
    const MAPS: [&str; 5] = ["labels", "annotations", "matchLabels", "nodeSelector", "data"];
    match value {
        Value::Array(items) => items.iter_mut().for_each(omit_empty),
        Value::Object(fields) => {
            fields.values_mut().for_each(omit_empty);
            let named = fields.contains_key("name");
            fields.retain(|key, value| match value {
                Value::Null => false,
                Value::Array(items) => !items.is_empty() || key == "containers",
                Value::Object(map) => !map.is_empty() || !MAPS.contains(&key.as_str()),
                Value::String(text) => !(text.is_empty() && named && key == "value"),
                _ => true,
            });
        }
        _ => {}
    }
}
