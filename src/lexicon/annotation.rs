//! Annotations that the analysis reads; every other annotation is dropped at collection.

use super::name::is_secret_name;

/// Exact keys, each read by some fact.
const KEYS: &[&str] = &[
    "networking.gke.io/network",
    "networking.gke.io/interfaces",
    "networking.gke.io/default-interface",
    "networking.gke.io/load-balancer-type",
    "cloud.google.com/load-balancer-type",
    "cloud.google.com/neg",
    "cloud.google.com/neg-status",
    "cloud.google.com/backend-config",
    "cnpg.io/operatorVersion",
    "cnpg.io/validation",
    "cnpg.io/podPatch",
    "cnpg.io/passwordPassthrough",
    "cnpg.io/hibernation",
    "iam.gke.io/gcp-service-account",
    "kubernetes.io/ingress.class",
    "sidecar.istio.io/inject",
    "linkerd.io/inject",
    // A workload that sets its mode from an annotation (`fieldRef: metadata.annotations[...]`).
    "environment",
    "env",
    "stage",
    "app.kubernetes.io/environment",
];

/// Last segments of keys of any domain that name an environment or a TLS mode: neither is ever a secret.
const NAMES: &[&str] = &["environment", "env", "stage", "ssl", "sslmode", "ssl-mode", "ssl_mode", "tls", "tls-mode"];

/// Whether the annotation `key` is kept at collection. A key that is not kept reads as *unknown*, not as absent.
pub fn keep_annotation(key: &str) -> bool {
    if is_secret_name(key) {
        return false;
    }
    if KEYS.contains(&key) {
        return true;
    }
    let last = key.rsplit('/').next().unwrap_or(key).to_ascii_lowercase();
    let last = last.rsplit('.').next().unwrap_or(&last);
    NAMES.contains(&last) || last.ends_with("sslmode") || last.ends_with("ssl-mode")
}
