//! Kubeconfig files for these servers.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::apiserver::FakeKube;

/// How the file says who one is.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    Token(String),
    TokenFile(PathBuf),
    /// A command that prints an ExecCredential, as gke-gcloud-auth-plugin does.
    Exec {
        command: String,
        args: Vec<String>,
    },
    Nobody,
}

/// A kubeconfig with one context, `gke_P_L_C` or any other name.
pub(crate) fn kubeconfig(kube: &FakeKube, context: &str, identity: &Identity) -> Value {
    let user = match identity {
        Identity::Token(token) => json!({"token": token}),
        Identity::TokenFile(path) => json!({"tokenFile": path}),
        Identity::Exec { command, args } => json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1", "command": command, "args": args,
            "interactiveMode": "Never", "provideClusterInfo": true,
        }}),
        Identity::Nobody => json!({}),
    };
    let mut cluster = json!({"server": kube.url()});
    if !kube.authority_pem.is_empty() {
        cluster["certificate-authority-data"] = json!(kube.authority_base64());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": context, "cluster": cluster}],
        "users": [{"name": context, "user": user}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
    })
}

/// Writes a kubeconfig for a user's token; JSON is YAML.
pub(crate) fn write(path: &Path, kube: &FakeKube, context: &str, token: &str) {
    let value = kubeconfig(kube, context, &Identity::Token(token.to_owned()));
    std::fs::write(path, serde_json::to_string_pretty(&value).unwrap()).unwrap();
}
