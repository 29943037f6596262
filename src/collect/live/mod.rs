//! A live cluster as evidence: the GKE API, then Kubernetes at one of the cluster's addresses. Reads only.
//!
//! What cannot be read becomes a gap that states what was read, what went wrong and how to fix it. Nothing that a gap
//! covers counts as absent.

mod api;
mod connect;
mod container;
mod credentials;
mod decompress;
mod discovery;
mod doctor;
mod endpoint;
mod fault;
mod fleet;
mod gap;
mod google;
mod items;
mod kinds;
mod lists;
mod named;
mod overrides;
mod pace;
mod page;
mod replica_sets;
mod retry;
mod target;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::inventory::{ClusterConfig, ClusterName, Completeness, FaultKind, Gap, Need, Origin, ReadError, Snapshot};

use super::gke;
use api::Api;
use connect::Proof;
use container::Container;
use credentials::Google;
use fault::Fault;
use kinds::Resource;

pub use connect::current_context;
pub use doctor::{Diagnosis, Finding, State, diagnose};
pub use endpoint::Choice as EndpointChoice;
pub use fleet::{Discovered, DiscoveryGap, Scope, discover};
use lists::Lists;
pub use lists::Progress;
pub use target::Target;

/// What to read, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the enabled checks need; nothing else is asked for.
    pub needs: BTreeSet<Need>,
    /// Which endpoints of the control plane to try; a kubeconfig names its own.
    pub endpoint: EndpointChoice,
    /// E-mail of a service account to act as.
    pub impersonate: Option<String>,
    /// For the whole cluster.
    pub timeout: Duration,
    /// Whether the ConfigMaps that environments refer to are read.
    pub config_maps: bool,
    /// Whether the Secrets that environments refer to are read; only settings of TLS are kept of them.
    pub secret_values: bool,
    /// Start of the run: the time of collection in the snapshot.
    pub now: jiff::Timestamp,
}

/// Reads a cluster. What could not be read is in the snapshot's gaps; if that is everything, nothing else is in it.
///
/// # Errors
/// What a person must fix before anything can be asked: a kubeconfig that cannot be used, an address that is none.
pub async fn collect(target: &Target, options: &Options, progress: &Arc<Progress>) -> Result<Snapshot, String> {
    let mut run = Run::new(options, progress);
    match target {
        Target::Gke(name) => run.gke(name).await?,
        Target::Kubeconfig { file, context, gke } => {
            if let Some(name) = gke {
                run.configuration(name).await?;
            }
            run.kubeconfig(file.as_deref(), context.as_deref()).await?;
        }
    }
    for need in Need::ALL.into_iter().filter(|n| !options.needs.contains(n)) {
        let why = "no enabled check needs it";
        run.snapshot.unread.insert(need, why.to_owned());
    }
    if !options.config_maps {
        run.snapshot.unread.insert(Need::ConfigMaps, "--no-configmaps was given".to_owned());
    }
    run.snapshot.sort();
    Ok(run.snapshot)
}

/// Sets one TLS implementation for all clients, which use the default of the process.
pub fn install_tls() {
    // An error means that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

struct Run<'a> {
    options: &'a Options,
    progress: &'a Arc<Progress>,
    deadline: Instant,
    snapshot: Snapshot,
}

/// A connection to the Kubernetes API, with the API groups that it serves or why they are not known.
type Connection = (Arc<Api>, Result<discovery::Served, Fault>);

/// A connection to one of a cluster's endpoints.
struct Connected {
    connection: Connection,
    /// Such as `DNS endpoint https://…`.
    endpoint: String,
    kind: endpoint::Kind,
    /// Why the endpoints before it could not be used.
    refused: Vec<String>,
}

impl<'a> Run<'a> {
    fn new(options: &'a Options, progress: &'a Arc<Progress>) -> Self {
        install_tls();
        Run {
            options,
            progress,
            deadline: Instant::now() + options.timeout,
            snapshot: Snapshot {
                collected_at: Some(options.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
                collector: Some(env!("CARGO_PKG_VERSION").to_owned()),
                completeness: Completeness::Complete,
                ..Snapshot::default()
            },
        }
    }

    fn needs(&self) -> impl Iterator<Item = Need> + '_ {
        self.options.needs.iter().copied()
    }

    fn no_kubernetes(&mut self, error: &ReadError) {
        let gaps = gap::of_kubernetes(self.needs(), error);
        self.snapshot.gaps.extend(gaps);
    }

    async fn gke(&mut self, name: &ClusterName) -> Result<(), String> {
        self.snapshot.source = format!("GKE API and Kubernetes API of {name}");
        let kubernetes = format!("Kubernetes API of {name}");
        let Some((config, google)) = self.configuration(name).await? else {
            self.no_kubernetes(&ReadError::new(
                FaultKind::NotAttempted,
                kubernetes,
                "its address comes from the GKE API, which could not be read",
                "First fix why the cluster cannot be read",
            ));
            return Ok(());
        };
        if self.needs().all(|n| n.permission().is_some()) {
            return Ok(());
        }
        match self.connect_to_endpoint(&config, &google, &kubernetes).await {
            Ok(connected) => {
                self.snapshot.source = format!("{}, {}", self.snapshot.source, connected.endpoint);
                let notes = connected.refused.iter().map(|why| format!("the {why}; the {} was used", connected.kind));
                self.snapshot.notes.extend(notes);
                self.kubernetes(connected.connection).await;
            }
            Err(error) => self.no_kubernetes(&error),
        }
        Ok(())
    }

    /// Reads the Cluster resource; `None`: the gap says why not.
    async fn configuration(&mut self, name: &ClusterName) -> Result<Option<(Json, Arc<Google>)>, String> {
        self.snapshot.name = Some(name.clone());
        let google = match Google::find(self.options.impersonate.as_deref(), self.options.timeout).await {
            Ok(google) => Arc::new(google),
            Err(why) => {
                let fix = "Without credentials nothing can be read".to_owned();
                self.snapshot.gaps.push(gap::cluster(name, FaultKind::Unauthenticated, &why, fix));
                return Ok(None);
            }
        };
        self.snapshot.identity = google.account();
        tracing::info!(source = %google.source(), "Google credentials");
        let container = Container::new(google.clone())?;
        match container.cluster(name, self.deadline).await {
            Ok(raw) => {
                let config = self.cluster(name, &raw);
                if self.options.needs.contains(&Need::UpgradeInfo) {
                    self.upgrade_info(name, &container, &google).await;
                }
                Ok(Some((config, google)))
            }
            Err(fault) => {
                self.snapshot.gaps.push(gap::of_cluster(name, &container, &fault, &google));
                Ok(None)
            }
        }
    }

    /// Reads when support of the cluster's version ends.
    async fn upgrade_info(&mut self, name: &ClusterName, container: &Container, google: &Google) {
        match container.upgrade_info(name, self.deadline).await {
            Ok(raw) => {
                let api = format!("container.googleapis.com/v1/{name}:fetchClusterUpgradeInfo");
                let origin = Origin::api(api, None);
                self.snapshot.upgrade_info = Some(ClusterConfig {
                    config: gke::normalise(&raw),
                    origin,
                    recorded: None,
                    creation: None,
                    pools_only: false,
                });
            }
            Err(fault) => self.snapshot.gaps.push(gap::of_upgrade_info(name, container, &fault, google)),
        }
    }

    /// Takes the configuration over, and says so where the cluster is not as it runs.
    fn cluster(&mut self, name: &ClusterName, raw: &Json) -> Json {
        let config = gke::normalise(raw);
        let origin = Origin::api(format!("container.googleapis.com/v1/{name}"), None);
        match config.get("status").and_then(Json::as_str) {
            Some("RUNNING") => {}
            status => {
                let status = status.unwrap_or("not reported");
                let message = config.get("statusMessage").and_then(Json::as_str).unwrap_or_default();
                let more = if message.is_empty() { String::new() } else { format!(" ({message})") };
                self.snapshot
                    .notes
                    .push(format!("the cluster's state is {status}, not RUNNING{more}: what is read may change"));
            }
        }
        self.snapshot.cluster =
            Some(ClusterConfig { config: config.clone(), origin, recorded: None, creation: None, pools_only: false });
        config
    }

    /// Connects to the first endpoint that can be used. `what`: what is being read, for the error.
    async fn connect_to_endpoint(
        &self,
        config: &Json,
        google: &Arc<Google>,
        what: &str,
    ) -> Result<Connected, ReadError> {
        let candidates = endpoint::endpoints(config, self.options.endpoint)
            .map_err(|why| ReadError::new(FaultKind::Unreachable, what, why, "Choose another with --endpoint"))?;
        let mut refused: Vec<String> = Vec::new();
        let mut fixes: Vec<String> = Vec::new();
        let mut faults: Vec<FaultKind> = Vec::new();
        let count = candidates.len();
        for (i, endpoint) in candidates.into_iter().enumerate() {
            let kind = endpoint.kind;
            let proof = match connect::by_endpoint(&endpoint, google.clone()).await {
                Ok(proof) => proof,
                Err(why) => {
                    refused.push(format!("{kind}: {why}"));
                    continue;
                }
            };
            // An address that does not answer must leave time for the next one.
            let patience = (self.deadline - Instant::now()) / (count - i) as u32;
            match self.connect(proof, patience, Some(kind), Some(google)).await {
                Ok(connection) => {
                    let endpoint = format!("{kind} {}", connection.0.server());
                    return Ok(Connected { connection, endpoint, kind, refused });
                }
                Err(error) => {
                    tracing::info!(%kind, url = endpoint.url, fault = error.why, "the endpoint cannot be used");
                    let verb = match error.fault {
                        FaultKind::Unreachable => "",
                        _ => "gave no answer that can be used: ",
                    };
                    refused.push(format!("{kind} {} {verb}{}", endpoint.url, error.why));
                    faults.push(error.fault);
                    if !fixes.contains(&error.fix) {
                        fixes.push(error.fix);
                    }
                }
            }
        }
        // A server that answers decides: the others may be meant for callers elsewhere.
        let answered = |f: &&FaultKind| matches!(f, FaultKind::Unauthenticated | FaultKind::Forbidden);
        let fault = faults.iter().find(answered).or(faults.first()).copied().unwrap_or(FaultKind::Unreachable);
        Err(ReadError::new(fault, what, refused.join("; "), fixes.join(". ")))
    }

    async fn kubeconfig(&mut self, file: Option<&std::path::Path>, context: Option<&str>) -> Result<(), String> {
        let (proof, what) = connect::by_kubeconfig(file, context).await?;
        let kubernetes = format!("Kubernetes API {} ({what})", proof.server());
        self.snapshot.source = match &self.snapshot.cluster {
            Some(_) => format!("GKE API and {kubernetes}"),
            None => kubernetes.clone(),
        };
        if proof.is_unverified() {
            self.snapshot.notes.push(
                "the kubeconfig sets insecure-skip-tls-verify: the server's certificate is not verified".to_owned(),
            );
        }
        let google = match &proof {
            Proof::Google(_, google) => Some(google.clone()),
            Proof::Client(_) => None,
        };
        let patience = self.deadline - Instant::now();
        match self.connect(proof, patience, None, google.as_ref()).await {
            Ok(connection) => self.kubernetes(connection).await,
            Err(error) => self.no_kubernetes(&ReadError { what: kubernetes, ..error }),
        }
        Ok(())
    }

    /// Connects, and asks which API groups there are. The caller names in the error what is being read.
    async fn connect(
        &self,
        proof: Proof,
        patience: Duration,
        kind: Option<endpoint::Kind>,
        google: Option<&Arc<Google>>,
    ) -> Result<Connection, ReadError> {
        let failed = |fault: Fault| {
            let fix = gap::fix_of_server(&fault, kind, google.map(Arc::as_ref));
            ReadError::new(fault.kind(), "", fault.to_string(), fix)
        };
        let api = Api::new(proof, self.deadline.min(Instant::now() + patience)).map_err(failed)?;
        let custom: Vec<&str> = self
            .needs()
            .flat_map(kinds::resources)
            .filter(|r| !r.builtin)
            .map(|r| r.right.group)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let served = match discovery::discover(&api, &custom).await {
            Ok(served) => Ok(served),
            // Kubernetes itself refuses or fails; it can still be asked for lists.
            Err(fault @ (Fault::Forbidden { user: Some(_), .. } | Fault::Unavailable { .. } | Fault::CutOff(_))) => {
                Err(fault)
            }
            Err(fault) => return Err(failed(fault)),
        };
        Ok((Arc::new(api.until(self.deadline)), served))
    }

    /// Reads all lists side by side, then what they refer to by name.
    async fn kubernetes(&mut self, (api, served): Connection) {
        let resources: Vec<Resource> = self.needs().flat_map(kinds::resources).collect();
        self.progress.kinds.store(resources.len(), Ordering::Relaxed);
        let lists = Arc::new(Lists::new(api.clone(), self.progress.clone()));
        let mut tasks = JoinSet::new();
        let mut parts: Vec<Option<Result<Snapshot, Gap>>> = resources.iter().map(|_| None).collect();
        for (i, resource) in resources.iter().copied().enumerate() {
            let version = match version(&resource, &served) {
                Ok(Some(version)) => version,
                Ok(None) => {
                    self.progress.kinds_done.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                Err(fault) => {
                    parts[i] = Some(Err(gap_of(&resource, &fault)));
                    continue;
                }
            };
            let (lists, progress) = (lists.clone(), self.progress.clone());
            tasks.spawn(async move {
                let metadata = resource.need == Need::OtherPolicies || replica_sets::is(&resource);
                let read = lists.read(&resource, &version, metadata).await;
                progress.kinds_done.fetch_add(1, Ordering::Relaxed);
                (i, read.map_err(|fault| gap_of(&resource, &fault)))
            });
        }
        while let Some(done) = tasks.join_next().await {
            if let Ok((i, part)) = done {
                parts[i] = Some(part);
            } else {
                tracing::error!("a task that reads a list failed");
            }
        }
        for (part, resource) in parts.into_iter().zip(&resources) {
            match part {
                Some(Ok(part)) => self.snapshot.absorb(part),
                Some(Err(gap)) => self.snapshot.gaps.push(gap),
                None if matches!(version(resource, &served), Ok(None)) => {}
                None => {
                    let fault = Fault::Malformed("reading it failed".to_owned());
                    self.snapshot.gaps.push(gap_of(resource, &fault));
                }
            }
        }
        if let Some(resource) = resources.iter().find(|r| replica_sets::is(r))
            && replica_sets::lack_templates(&self.snapshot)
        {
            match lists.read(resource, "v1", false).await {
                Ok(whole) => replica_sets::replace(&mut self.snapshot, whole),
                Err(fault) => self.snapshot.gaps.push(gap_of(resource, &fault)),
            }
        }
        // With the memory of its pages.
        drop(lists);
        if self.options.config_maps && self.options.needs.contains(&Need::ConfigMaps) {
            named::config_maps(&api, &mut self.snapshot).await;
        }
        if self.options.secret_values && self.options.needs.contains(&Need::ConfigMaps) {
            named::secrets(&api, &mut self.snapshot).await;
        }
    }
}

/// The version to ask for; `None`: the server has no such resource, so that there are no such objects.
fn version(resource: &Resource, served: &Result<discovery::Served, Fault>) -> Result<Option<String>, Fault> {
    if resource.builtin {
        return Ok(Some("v1".to_owned()));
    }
    let served = served.as_ref().map_err(Clone::clone)?;
    let (group, name) = (resource.right.group, resource.right.resource);
    // Calico's own API server shows the same objects again.
    if group == "projectcalico.org" && !served.versions("crd.projectcalico.org", name)?.is_empty() {
        return Ok(None);
    }
    let versions = served.versions(group, name)?;
    // Of other policies only the metadata is read, which is the same in every version.
    let wanted = match resource.need {
        Need::OtherPolicies => versions.first(),
        _ => versions.iter().find(|v| *v == "v1"),
    };
    match (wanted, versions.first()) {
        (Some(version), _) => Ok(Some(version.clone())),
        (None, Some(other)) => Err(Fault::Malformed(format!(
            "the server has {name}.{group} only in version {other}, and this program reads v1"
        ))),
        (None, None) => Ok(None),
    }
}

fn gap_of(resource: &Resource, fault: &Fault) -> Gap {
    let right = resource.right;
    let what =
        if right.group.is_empty() { right.resource.to_owned() } else { format!("{}.{}", right.resource, right.group) };
    gap::of_resource(resource.need, &what, &right.to_string(), fault)
}
