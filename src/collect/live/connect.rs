//! From a target to a client of its Kubernetes API.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::prelude::*;
use kube::Client;
use kube::config::{AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::config::{NamedAuthInfo, NamedCluster, NamedContext};

use crate::lexicon::{add_credential, add_credentials_of_url, add_user_and_password};

use super::credentials::{Google, PATIENCE, chain};
use super::endpoint::Endpoint;

/// How a request proves who sends it.
#[derive(Clone)]
pub(super) enum Proof {
    /// The client does, by what its kubeconfig or the pod's service account says.
    Client(kube::Config),
    /// A Google token with each request.
    Google(kube::Config, Arc<Google>),
}

impl Proof {
    /// A client, with everything that it remembers forgotten.
    ///
    /// # Errors
    /// One sentence for a person.
    pub(super) fn client(&self) -> Result<Client, String> {
        let (Proof::Client(config) | Proof::Google(config, _)) = self;
        refuse_token(&config.auth_info)?;
        remember_credentials(config);
        refuse_plain_http(config, matches!(self, Proof::Google(..)))?;
        Client::try_from(config.clone()).map_err(|e| describe_client_error(&e))
    }

    pub(super) fn server(&self) -> String {
        let (Proof::Client(config) | Proof::Google(config, _)) = self;
        // A user, a password or a token in it is no part of the address.
        let url = &config.cluster_url;
        let authority = url.authority().map_or("", |a| a.as_str().rsplit('@').next().unwrap_or_default());
        let scheme = url.scheme_str().unwrap_or("https");
        format!("{scheme}://{authority}{}", url.path()).trim_end_matches('/').to_owned()
    }

    /// Whether answers may be compressed: a kubeconfig may say `disable-compression`.
    pub(super) fn takes_gzip(&self) -> bool {
        let (Proof::Client(config) | Proof::Google(config, _)) = self;
        !config.disable_compression
    }

    /// Whether the server's certificate is not looked at.
    pub(super) fn is_unverified(&self) -> bool {
        let (Proof::Client(config) | Proof::Google(config, _)) = self;
        config.accept_invalid_certs
    }
}

/// The error of a client in words. kube prints what a credential plugin printed, in which there are tokens.
pub(super) fn describe_client_error(error: &kube::Error) -> String {
    use kube::client::AuthError as E;
    match error {
        kube::Error::Auth(E::AuthExecRun { out, .. }) => format!(
            "the kubeconfig's credential plugin failed ({}); `kubectl auth whoami` shows what it says",
            out.status
        ),
        kube::Error::Auth(E::AuthExecParse(_)) => {
            "the kubeconfig's credential plugin printed no ExecCredential".to_owned()
        }
        other => chain(other),
    }
}

/// kube panics where the token of a kubeconfig cannot be sent as a header.
fn refuse_token(auth: &AuthInfo) -> Result<(), String> {
    use secrecy::ExposeSecret as _;
    let sendable = |token: &str| http::HeaderValue::from_str(token).is_ok();
    match &auth.token {
        Some(token) if !sendable(token.expose_secret()) => {
            Err("the kubeconfig's token has characters that no token has, such as a line's end".to_owned())
        }
        _ => Ok(()),
    }
}

/// Adds what this configuration proves its identity with to what is redacted.
fn remember_credentials(config: &kube::Config) {
    use secrecy::ExposeSecret as _;
    let auth = &config.auth_info;
    let secrets = [&auth.token, &auth.password, &auth.client_key_data];
    secrets.into_iter().flatten().for_each(|secret| add_credential(secret.expose_secret()));
    if let (Some(user), Some(password)) = (&auth.username, &auth.password) {
        add_user_and_password(user, password.expose_secret());
    }
    // Only a small file can be a token or a key; anything else fails later, with its reason.
    for path in [&auth.token_file, &auth.client_key].into_iter().flatten() {
        if std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() < 1 << 20)
            && let Ok(text) = std::fs::read_to_string(path)
        {
            add_credential(&text);
        }
    }
    if let Some(provider) = &auth.auth_provider {
        let names = ["id-token", "refresh-token", "access-token", "client-secret"];
        names.iter().filter_map(|name| provider.config.get(*name)).for_each(|secret| add_credential(secret));
    }
    add_credentials_of_url(&config.cluster_url.to_string());
    config.proxy_url.iter().for_each(|proxy| add_credentials_of_url(&proxy.to_string()));
}

/// Credentials are sent without encryption within this machine only.
fn refuse_plain_http(config: &kube::Config, google: bool) -> Result<(), String> {
    let auth = &config.auth_info;
    let has_credentials = google
        || auth.token.is_some()
        || auth.token_file.is_some()
        || auth.password.is_some()
        || auth.exec.is_some()
        || auth.auth_provider.is_some()
        || has_userinfo(&config.cluster_url)
        || config.cluster_url.query().is_some();
    if !has_credentials || config.cluster_url.scheme_str() != Some("http") {
        return Ok(());
    }
    let host = config.cluster_url.host().unwrap_or_default();
    if !is_this_machine(host) {
        return Err(format!(
            "the server of the kubeconfig is http://{host}, which would send credentials unencrypted: use https (http is for \
             this machine only, such as the address of `kubectl proxy`)"
        ));
    }
    match &config.proxy_url {
        Some(proxy) if !is_this_machine(proxy.host().unwrap_or_default()) => Err(format!(
            "the server of the kubeconfig is http://{host}, and its proxy {} would get the credentials unencrypted: use \
             https, or no proxy for this machine",
            proxy.host().unwrap_or_default()
        )),
        _ => Ok(()),
    }
}

fn has_userinfo(url: &http::Uri) -> bool {
    url.authority().is_some_and(|a| a.as_str().contains('@'))
}

fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Replaces a legacy `auth-provider`, which kubectl has in part removed.
///
/// # Errors
/// What is used in its place: <https://kubernetes.io/blog/2022/05/03/kubernetes-1-24-release-announcement/> removed `gcp`
/// and `azure` in 1.26; `oidc` remains.
fn replace_auth_provider(auth: &mut AuthInfo, context: &str) -> Result<(), String> {
    let Some(provider) = auth.auth_provider.take() else { return Ok(()) };
    for name in ["id-token", "refresh-token", "access-token", "client-secret"] {
        provider.config.get(name).into_iter().for_each(|secret| add_credential(secret));
    }
    let wrong = |what: &str| Err(format!("context {context} uses auth-provider {what}"));
    match provider.name.as_str() {
        "oidc" => {}
        "gcp" => {
            return wrong(
                "gcp, which kubectl no longer has: install gke-gcloud-auth-plugin, and run `gcloud container clusters \
                 get-credentials CLUSTER --location LOCATION` again",
            );
        }
        "azure" => {
            return wrong(
                "azure, which kubectl no longer has: run `kubelogin convert-kubeconfig` (https://github.com/Azure/kubelogin)",
            );
        }
        // What stands here may be anything, also a secret.
        _ => return wrong("of an unknown name: kubectl has only oidc; use a credential plugin (`exec`)"),
    }
    let token = provider.config.get("id-token").map(|t| t.trim()).filter(|t| !t.is_empty());
    let refresh = "run any kubectl command with this context, which writes a new one, or use the plugin kubelogin \
                   (https://github.com/int128/kubelogin)";
    match token {
        None => wrong(&format!("oidc without an id-token: {refresh}")),
        Some(token) if expiry_of(token).is_some_and(|at| at <= jiff::Timestamp::now()) => {
            wrong(&format!("oidc, whose id-token has expired: {refresh}"))
        }
        Some(token) => {
            auth.token = Some(token.to_owned().into());
            Ok(())
        }
    }
}

/// When a JSON Web Token expires: <https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4>.
fn expiry_of(token: &str) -> Option<jiff::Timestamp> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?.trim_end_matches('=')).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    jiff::Timestamp::from_second(claims.get("exp")?.as_i64()?).ok()
}

/// For one of a GKE cluster's own addresses.
///
/// # Errors
/// One sentence for a person.
pub(super) async fn by_endpoint(endpoint: &Endpoint, google: Arc<Google>) -> Result<Proof, String> {
    let name = || "gke".to_owned();
    let cluster = Cluster {
        server: Some(endpoint.url.clone()),
        certificate_authority_data: endpoint.authority.clone(),
        ..Cluster::default()
    };
    let kubeconfig = Kubeconfig {
        clusters: vec![NamedCluster { name: name(), cluster: Some(cluster), other: Default::default() }],
        auth_infos: vec![NamedAuthInfo {
            name: name(),
            auth_info: Some(AuthInfo::default()),
            other: Default::default(),
        }],
        contexts: vec![NamedContext {
            name: name(),
            context: Some(Context { cluster: name(), user: Some(name()), ..Context::default() }),
            other: Default::default(),
        }],
        current_context: Some(name()),
        ..Kubeconfig::default()
    };
    let config =
        kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(|e| {
            format!("the cluster's endpoint {} cannot be used: {}", endpoint.url, describe_kubeconfig_error(&e))
        })?;
    Ok(Proof::Google(with_own_timeouts(config, false), google))
}

/// For a kubeconfig and one of its contexts; where there is no kubeconfig, for the service account of the pod it runs in.
/// Answers also what it is, for people.
///
/// # Errors
/// One sentence for a person.
pub(super) async fn by_kubeconfig(file: Option<&Path>, context: Option<&str>) -> Result<(Proof, String), String> {
    let mut files: Vec<PathBuf> = match file {
        Some(file) => vec![file.to_owned()],
        None => default_files(),
    };
    if file.is_none() {
        files.retain(|f| f.is_file());
    }
    if files.is_empty() {
        if context.is_none() && std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
            let config = kube::Config::incluster()
                .map_err(|e| format!("the pod's service account cannot be used: {}", chain(&e)))?;
            return Ok((Proof::Client(with_own_timeouts(config, true)), "the cluster this pod runs in".to_owned()));
        }
        return Err("there is no kubeconfig (KUBECONFIG is not set to a file, ~/.kube/config does not exist) and no \
                    service account of a pod. Name a GKE cluster (projects/P/locations/L/clusters/C), a kubeconfig \
                    (--kubeconfig FILE), files to audit, or --demo"
            .to_owned());
    }
    let mut merged: Option<Kubeconfig> = None;
    for path in &files {
        let one = Kubeconfig::read_from(path)
            .map_err(|e| format!("cannot read kubeconfig {}: {}", path.display(), describe_kubeconfig_error(&e)))?;
        merged = Some(match merged {
            None => one,
            Some(earlier) => earlier.merge(one).map_err(|e| {
                format!("cannot merge kubeconfig {}: {}", path.display(), describe_kubeconfig_error(&e))
            })?,
        });
    }
    let kubeconfig = merged.unwrap_or_default();
    let shown = files.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
    let chosen = match context {
        Some(context) => context.to_owned(),
        None => kubeconfig.current_context.clone().filter(|c| !c.is_empty()).ok_or_else(|| {
            format!(
                "kubeconfig {shown} has no current context; choose one with --context{}",
                context_names(&kubeconfig)
            )
        })?,
    };
    let names: Vec<&str> = kubeconfig.contexts.iter().map(|c| c.name.as_str()).collect();
    if !names.contains(&chosen.as_str()) {
        let hint = crate::document::hint(&chosen, names.iter().copied());
        return Err(format!("kubeconfig {shown} has no context \"{chosen}\"{hint}{}", context_names(&kubeconfig)));
    }
    let own_proxy = cluster_of(&kubeconfig, &chosen).is_some_and(|c| c.proxy_url.is_some());
    let options = KubeConfigOptions { context: Some(chosen.clone()), ..KubeConfigOptions::default() };
    if let Some(cluster) = cluster_of(&kubeconfig, &chosen) {
        cluster.server.iter().chain(&cluster.proxy_url).for_each(|url| add_credentials_of_url(url));
    }
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|e| {
        format!("context {chosen} of kubeconfig {shown} cannot be used: {}", describe_kubeconfig_error(&e))
    })?;
    remember_credentials(&config);
    replace_auth_provider(&mut config.auth_info, &chosen)?;
    let proof = proof_of(with_own_timeouts(config, own_proxy), &chosen).await?;
    Ok((proof, format!("kubeconfig context {chosen}")))
}

/// gke-gcloud-auth-plugin gives the token that this program gets itself; where the plugin is not installed, it does.
async fn proof_of(mut config: kube::Config, context: &str) -> Result<Proof, String> {
    let command = config.auth_info.exec.as_ref().and_then(|e| e.command.clone()).unwrap_or_default();
    let plugin = Path::new(&command).file_name().is_some_and(|n| n == "gke-gcloud-auth-plugin");
    if !plugin || is_installed(&command) {
        return Ok(Proof::Client(config));
    }
    let google = Google::find(None, PATIENCE).await.map_err(|e| {
        format!("context {context} requires gke-gcloud-auth-plugin, which is not installed; getting a token without it failed: {e}")
    })?;
    config.auth_info = AuthInfo::default();
    Ok(Proof::Google(config, Arc::new(google)))
}

fn is_installed(command: &str) -> bool {
    if command.contains('/') {
        return Path::new(command).is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(command).is_file())
}

/// The name of the current context of the default kubeconfig, if any.
pub fn current_context() -> Option<String> {
    let files = default_files();
    files.iter().filter_map(|f| Kubeconfig::read_from(f).ok()).find_map(|k| k.current_context).filter(|c| !c.is_empty())
}

/// <https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/#the-kubeconfig-environment-variable>
fn default_files() -> Vec<PathBuf> {
    match std::env::var_os("KUBECONFIG").filter(|v| !v.is_empty()) {
        Some(list) => std::env::split_paths(&list).filter(|p| !p.as_os_str().is_empty()).collect(),
        None => std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".kube/config")).into_iter().collect(),
    }
}

fn cluster_of<'a>(kubeconfig: &'a Kubeconfig, context: &str) -> Option<&'a Cluster> {
    let context = kubeconfig.contexts.iter().find(|c| c.name == context)?.context.as_ref()?;
    kubeconfig.clusters.iter().find(|c| c.name == context.cluster)?.cluster.as_ref()
}

fn context_names(kubeconfig: &Kubeconfig) -> String {
    let names: Vec<&str> = kubeconfig.contexts.iter().take(10).map(|c| c.name.as_str()).collect();
    if names.is_empty() { String::new() } else { format!(" (it has {})", names.join(", ")) }
}

/// Timeouts and repeats are this program's own. `own_proxy`: the proxy is the kubeconfig's, not the environment's.
fn with_own_timeouts(mut config: kube::Config, own_proxy: bool) -> kube::Config {
    config.default_retry = false;
    config.read_timeout = None;
    config.write_timeout = None;
    config.connect_timeout = Some(std::time::Duration::from_secs(5));
    if !own_proxy && config.proxy_url.is_some() && is_direct(config.cluster_url.host().unwrap_or_default()) {
        config.proxy_url = None;
    }
    config
}

/// Whether the environment says that a host is not asked through its proxy; this machine never is.
fn is_direct(host: &str) -> bool {
    if is_this_machine(host) {
        return true;
    }
    let host = host.trim_matches(['[', ']']);
    let ip = host.parse::<std::net::IpAddr>().ok();
    let text = ["NO_PROXY", "no_proxy"].iter().find_map(|n| std::env::var(n).ok()).unwrap_or_default();
    text.split(',').map(str::trim).filter(|e| !e.is_empty()).any(|entry| {
        let domain = entry.trim_start_matches('.');
        entry == "*"
            || host == domain
            || host.strip_suffix(domain).is_some_and(|front| front.ends_with('.'))
            || matches!((ip, entry.parse::<ipnet::IpNet>()), (Some(ip), Ok(net)) if net.contains(&ip))
    })
}

/// The error's words. A parser's message quotes the text, in which there are tokens.
fn describe_kubeconfig_error(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(e) => match e.location() {
            Some(at) => format!("it is not a kubeconfig: line {} column {}", at.line(), at.column()),
            None => "it is not a kubeconfig".to_owned(),
        },
        // The path has been said, and would be printed in quotes within quotes.
        KubeconfigError::ReadConfig(e, _) => e.to_string(),
        other => chain(other),
    }
}
