//! What the servers are loaded with: the example, folders of manifests, and what a new cluster has anyway.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::apiserver::{Crd, FakeKube};

/// ComputeClass, and kinds of other groups that can open or close what NetworkPolicies say: group, version, kind, plural, namespaced.
const POLICY_CRDS: [(&str, &str, &str, &str, bool); 10] = [
    ("cilium.io", "v2", "CiliumClusterwideNetworkPolicy", "ciliumclusterwidenetworkpolicies", false),
    ("cilium.io", "v2", "CiliumNetworkPolicy", "ciliumnetworkpolicies", true),
    ("crd.projectcalico.org", "v1", "GlobalNetworkPolicy", "globalnetworkpolicies", false),
    ("crd.projectcalico.org", "v1", "NetworkPolicy", "networkpolicies", true),
    ("crd.projectcalico.org", "v1", "StagedGlobalNetworkPolicy", "stagedglobalnetworkpolicies", false),
    ("cloud.google.com", "v1", "ComputeClass", "computeclasses", false),
    ("networking.gke.io", "v1alpha1", "FQDNNetworkPolicy", "fqdnnetworkpolicies", true),
    ("policy.networking.k8s.io", "v1alpha1", "AdminNetworkPolicy", "adminnetworkpolicies", false),
    ("policy.networking.k8s.io", "v1alpha1", "BaselineAdminNetworkPolicy", "baselineadminnetworkpolicies", false),
    ("policy.networking.k8s.io", "v1alpha2", "ClusterNetworkPolicy", "clusternetworkpolicies", false),
];

/// The definitions of all policy kinds beside NetworkPolicy, and of ComputeClass, to install without objects.
pub(crate) fn policy_crds() -> Vec<Crd> {
    POLICY_CRDS
        .iter()
        .map(|(group, version, kind, plural, inside)| Crd::new(group, version, kind, plural, *inside))
        .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The objects of `examples/tomoda`.
pub(crate) fn example() -> Vec<Value> {
    folder(&root().join("examples/tomoda/k8s"))
}

/// The cluster configuration of `examples/tomoda`, as `gcloud container clusters describe` prints it.
pub(crate) fn example_cluster() -> Value {
    serde_json::from_slice(&std::fs::read(root().join("examples/tomoda/cluster.json")).unwrap()).unwrap()
}

/// All objects of the YAML and JSON files below a folder, in the order of their paths; lists are taken apart.
pub(crate) fn folder(path: &Path) -> Vec<Value> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        .map(|e| e.unwrap().path())
        .collect();
    entries.sort();
    let mut objects = Vec::new();
    for entry in entries {
        if entry.is_dir() {
            objects.extend(folder(&entry));
        } else if entry.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json") {
            let text = std::fs::read_to_string(&entry).unwrap();
            objects.extend(manifests(&text).unwrap_or_else(|e| panic!("{}: {e}", entry.display())));
        }
    }
    objects
}

/// The objects of a text with YAML documents, or JSON.
pub(crate) fn manifests(text: &str) -> Result<Vec<Value>, String> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|e| e.to_string())?;
    let mut objects = Vec::new();
    for document in documents.into_iter().filter(|d| !d.is_null()) {
        match document["items"].as_array() {
            Some(items) if document["kind"].as_str().is_some_and(|k| k.ends_with("List")) => {
                objects.extend(items.clone())
            }
            _ => objects.push(document),
        }
    }
    Ok(objects)
}

/// The objects as `kubectl apply` sends them: with themselves in an annotation, environment values and all.
pub(crate) fn as_applied(mut objects: Vec<Value>) -> Vec<Value> {
    for object in &mut objects {
        let text = format!("{object}\n");
        object["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = json!(text);
    }
    objects
}

/// What a cluster has before anybody puts anything in it.
pub(crate) fn system_objects() -> Vec<Value> {
    let namespaces = ["default", "kube-node-lease", "kube-public", "kube-system"];
    let mut objects: Vec<Value> = (namespaces.iter())
        .map(|n| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}}))
        .collect();
    objects.push(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "kubernetes", "namespace": "default", "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "targetPort": 443}]},
    }));
    objects.extend(namespaces.iter().map(|n| {
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "kube-root-ca.crt", "namespace": n},
            "data": {"ca.crt": "-----BEGIN CERTIFICATE-----\nan example\n-----END CERTIFICATE-----\n"},
        })
    }));
    objects
}

/// The definition that an object of a custom kind must have had.
pub(super) fn crd_of(object: &Value) -> Crd {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let (api_version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
    let (group, version) = api_version.split_once('/').unwrap_or_else(|| panic!("no such kind: {api_version} {kind}"));
    if let Some((.., plural, inside)) = POLICY_CRDS.iter().find(|(g, _, k, ..)| *g == group && *k == kind) {
        return Crd::new(group, version, &kind, plural, *inside);
    }
    let lower = kind.to_lowercase();
    let plural = match lower.as_str() {
        l if l.ends_with('y') && !l.ends_with("ay") && !l.ends_with("ey") => format!("{}ies", &l[..l.len() - 1]),
        l if ["s", "x", "ch", "sh"].iter().any(|e| l.ends_with(e)) => format!("{l}es"),
        l => format!("{l}s"),
    };
    // CloudNativePG's Cluster and its like live in namespaces; what is named so at length does not.
    let wide = (kind.starts_with("Cluster") && kind != "Cluster") || kind.ends_with("Class");
    let inside = object["metadata"]["namespace"].is_string() || !wide;
    Crd::new(group, version, &kind, &plural, inside)
}

/// The uid of an object.
pub(super) fn object_uid(group: &str, plural: &str, namespace: &Value, name: &Value) -> String {
    uid(&Sha256::digest(format!("{group}/{plural}/{namespace}/{name}")))
}

/// A random UUID (version 4, RFC 9562) in shape, and the same in every run.
pub(super) fn uid(digest: &[u8]) -> String {
    let hex: String = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// Where a cluster's configuration says that its API server is. The other endpoints are taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Public,
    Private,
    /// `localhost:PORT`. The DNS endpoint is verified by name and by public authorities: a client needs `SSL_CERT_FILE`.
    Dns,
}

/// The cluster configuration with this server as the cluster.
pub(crate) fn served_by(mut cluster: Value, kube: &FakeKube, endpoint: Endpoint) -> Value {
    let address = kube.endpoint();
    cluster["masterAuth"]["clusterCaCertificate"] = json!(kube.authority_base64());
    let fields = cluster.as_object_mut().unwrap();
    fields.remove("privateClusterConfig");
    fields.remove("endpoint");
    let ip = |key: &str| json!({"enabled": true, "enablePublicEndpoint": key == "publicEndpoint", key: address});
    let off = json!({"enabled": false});
    match endpoint {
        Endpoint::Public => {
            cluster["endpoint"] = json!(address);
            cluster["controlPlaneEndpointsConfig"] = json!({"ipEndpointsConfig": ip("publicEndpoint")});
        }
        Endpoint::Private => {
            cluster["endpoint"] = json!(address);
            cluster["privateClusterConfig"] =
                json!({"enablePrivateNodes": true, "enablePrivateEndpoint": true, "privateEndpoint": address});
            cluster["controlPlaneEndpointsConfig"] = json!({"ipEndpointsConfig": ip("privateEndpoint")});
        }
        Endpoint::Dns => {
            let name = format!("localhost:{}", kube.port());
            let dns = json!({"endpoint": name, "allowExternalTraffic": true});
            cluster["controlPlaneEndpointsConfig"] = json!({"dnsEndpointConfig": dns, "ipEndpointsConfig": off});
        }
    }
    cluster
}
