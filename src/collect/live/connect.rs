//! From a target to a client of its Kubernetes API.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kube::Client;
use kube::config::{AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::config::{NamedAuthInfo, NamedCluster, NamedContext};

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
        Client::try_from(config.clone()).map_err(|e| describe_client_error(&e))
    }

    pub(super) fn server(&self) -> String {
        let (Proof::Client(config) | Proof::Google(config, _)) = self;
        config.cluster_url.to_string().trim_end_matches('/').to_owned()
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
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|e| {
        format!("context {chosen} of kubeconfig {shown} cannot be used: {}", describe_kubeconfig_error(&e))
    })?;
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
    let host = host.trim_matches(['[', ']']);
    let ip = host.parse::<std::net::IpAddr>().ok();
    if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
        return true;
    }
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
