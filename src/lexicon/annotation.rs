//! The annotations that the analysis uses. `collect` drops all others.

use super::name::is_secret_name;

/// Exact keys. An annotation that is not here is not kept, so a fact that uses a new one adds its key.
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
    // Workloads can set environment variables from annotations (`fieldRef: metadata.annotations[…]`).
    "environment",
    "env",
    "stage",
    "app.kubernetes.io/environment",
];

/// Last segments of keys, in any domain, that name an environment or a TLS mode. Neither is a secret.
const NAMES: &[&str] = &["environment", "env", "stage", "ssl", "sslmode", "ssl-mode", "ssl_mode", "tls", "tls-mode"];

/// Whether `collect` keeps the annotation `key`. A key that is not kept is *unknown*, not absent.
pub(crate) fn keep_annotation(key: &str) -> bool {
    let last = key.rsplit(['/', '.']).next().unwrap_or(key);
    let ends = |tail: &str| {
        let start = last.len().checked_sub(tail.len());
        start.and_then(|at| last.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(tail))
    };
    let read = KEYS.contains(&key)
        || NAMES.iter().any(|name| last.eq_ignore_ascii_case(name))
        || ends("sslmode")
        || ends("ssl-mode");
    // Last, because this test is the slowest and most annotations are not used.
    read && !is_secret_name(key)
}
