//! The annotations that the analysis uses. `collect` drops all others.

use super::name::is_secret_name;
use super::shape::{is_identifier, is_mode_word, is_plain_word};
use super::{HIDDEN, mask_text};

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

/// Masks the value of an annotation that is kept: a name of an environment and a TLS mode are kept in their form only,
/// and of a patch for pods, which can hold any value of a pod, only that there is one.
pub(crate) fn mask_annotation(key: &str, text: &str) -> String {
    let last = key.rsplit('/').next().unwrap_or(key).to_ascii_lowercase();
    let keep = match key {
        "cnpg.io/podPatch" => false,
        _ if last.contains("ssl") || last.contains("tls") => is_mode_word(text) || is_plain_word(text),
        _ if ["environment", "env", "stage"].iter().any(|n| last.ends_with(n)) => is_identifier(text),
        _ => return mask_text(text),
    };
    if keep { text.to_owned() } else { HIDDEN.to_owned() }
}
