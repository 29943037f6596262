//! What an audit of a cluster would be able to read, without reading it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use tokio::task::JoinSet;

use crate::inventory::{Need, ReadError, Right};

use super::api::Api;
use super::credentials::Google;
use super::fault::Fault;
use super::{Options, Progress, Run, Target, connect, discovery, google, kinds};

/// Whether something that an audit takes is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The caller has it.
    Granted,
    /// With what fixes it.
    Missing(String),
    /// It could not be told, and why.
    Unknown(String),
    /// Nothing to read, and why: no right is needed.
    NotNeeded(String),
}

/// One right or permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What of the evidence it is needed for.
    pub need: Need,
    /// `list pods`, `container.clusters.get`.
    pub what: String,
    /// Whether the caller has it.
    pub state: State,
}

/// The answer.
#[derive(Clone, Debug, Default)]
pub struct Diagnosis {
    /// Where the Google credentials come from; absent where none are used.
    pub credentials: Option<String>,
    /// Who the cluster says it is.
    pub user: Option<String>,
    /// What answers, and why others were passed over.
    pub endpoint: Option<String>,
    /// Circumstances to know of, such as why an endpoint could not be used.
    pub notes: Vec<String>,
    /// What could not be read at all.
    pub unreadable: Vec<ReadError>,
    /// What an audit would not read: the needs of its gaps.
    pub unread: BTreeSet<Need>,
    /// IAM permissions, if the GKE API is read, then rights in the cluster, if it can be reached.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Whether an audit would read everything.
    pub fn is_well(&self) -> bool {
        let fine = |s: &State| matches!(s, State::Granted | State::NotNeeded(_));
        self.unreadable.is_empty() && self.findings.iter().all(|f| fine(&f.state))
    }
}

/// Permissions of Google's IAM that reading a cluster may take.
const PERMISSIONS: [&str; 2] = ["container.clusters.get", "container.clusters.connect"];

/// Asks what may be read.
///
/// # Errors
/// As [`super::collect`].
pub async fn diagnose(target: &Target, options: &Options) -> Result<Diagnosis, String> {
    let progress = Arc::new(Progress::default());
    let mut run = Run::new(options, &progress);
    let mut diagnosis = Diagnosis::default();
    let opened = match target {
        Target::Gke(name) => {
            let read = run.configuration(name).await?;
            if let Some((_, google)) = &read {
                permissions(&run, &mut diagnosis, google, &name.project).await;
            }
            match read {
                None => None,
                Some((config, google)) => match run.connect_to_endpoint(&config, &google, "Kubernetes API").await {
                    Ok(connected) => {
                        diagnosis.endpoint = Some(connected.endpoint);
                        diagnosis.notes.extend(connected.refused);
                        Some(connected.connection)
                    }
                    Err(error) => {
                        diagnosis.unreadable.push(error);
                        None
                    }
                },
            }
        }
        Target::Kubeconfig { file, context, gke } => {
            if let Some(name) = gke
                && let Some((_, google)) = run.configuration(name).await?
            {
                permissions(&run, &mut diagnosis, &google, &name.project).await;
            }
            let (proof, what) = connect::by_kubeconfig(file.as_deref(), context.as_deref()).await?;
            let server = format!("{} ({what})", proof.server());
            match run.connect(proof, options.timeout, None, None).await {
                Ok(connection) => {
                    diagnosis.endpoint = Some(server);
                    Some(connection)
                }
                Err(error) => {
                    diagnosis.unreadable.push(ReadError { what: format!("Kubernetes API {server}"), ..error });
                    None
                }
            }
        }
    };
    for gap in &run.snapshot.gaps {
        diagnosis.unread.insert(gap.need);
        if !diagnosis.unreadable.contains(&gap.error) {
            diagnosis.unreadable.push(gap.error.clone());
        }
    }
    diagnosis.notes.append(&mut run.snapshot.notes);
    match opened {
        Some((api, served)) => {
            diagnosis.user = user_name(&api).await;
            let rights = rights(&run, &api, &served, diagnosis.user.as_deref()).await;
            let lacking = rights.iter().filter(|f| matches!(f.state, State::Missing(_) | State::Unknown(_)));
            diagnosis.unread.extend(lacking.map(|f| f.need));
            diagnosis.findings.extend(rights);
        }
        // As the gaps of an audit that cannot reach the cluster.
        None => diagnosis.unread.extend(run.needs().filter(|n| n.permission().is_none())),
    }
    Ok(diagnosis)
}

async fn permissions(run: &Run<'_>, diagnosis: &mut Diagnosis, google: &Google, project: &str) {
    diagnosis.credentials = Some(match google.account() {
        Some(account) => format!("{} ({account})", google.source()),
        None => google.source().to_string(),
    });
    let answer = google::permissions(google, project, &PERMISSIONS, run.deadline).await;
    for permission in PERMISSIONS {
        let state = match &answer {
            Ok(granted) if granted.iter().any(|g| g == permission) => State::Granted,
            Ok(_) if permission == "container.clusters.connect" => {
                State::NotNeeded("not granted; only the DNS endpoint requires it".to_owned())
            }
            Ok(_) => State::Missing(format!(
                "gcloud projects add-iam-policy-binding {project} --member=MEMBER --role=roles/container.clusterViewer"
            )),
            // The cluster was read, whatever Resource Manager says.
            Err(_) if permission == "container.clusters.get" => State::Granted,
            Err(fault) => State::Unknown(format!("Resource Manager could not be asked: {fault}")),
        };
        diagnosis.findings.push(Finding { need: Need::Cluster, what: permission.to_owned(), state });
    }
}

/// <https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/self-subject-review-v1/>
async fn user_name(api: &Api) -> Option<String> {
    #[derive(Deserialize)]
    struct Review {
        status: Status,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Status {
        user_info: User,
    }
    #[derive(Deserialize)]
    struct User {
        username: String,
    }
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let answer = api.review("/apis/authentication.k8s.io/v1/selfsubjectreviews", body.to_string().into_bytes()).await;
    serde_json::from_slice::<Review>(&answer.ok()?).ok().map(|r| r.status.user_info.username)
}

async fn rights(
    run: &Run<'_>,
    api: &Arc<Api>,
    served: &Result<discovery::Served, Fault>,
    user: Option<&str>,
) -> Vec<Finding> {
    let mut wanted: Vec<(Need, Right, Option<State>)> = Vec::new();
    for need in run.needs() {
        if need == Need::ConfigMaps && !run.options.config_maps {
            continue;
        }
        let lists = kinds::resources(need);
        for right in need.rights() {
            let state = match lists.iter().find(|r| r.right == *right).map(|r| super::version(r, served)) {
                Some(Ok(None)) => Some(State::NotNeeded("the cluster has no such resource".to_owned())),
                Some(Err(fault)) => Some(State::Unknown(fault.to_string())),
                _ => None,
            };
            wanted.push((need, *right, state));
        }
    }
    if run.options.secret_values {
        wanted.push((Need::ConfigMaps, Right { group: "", resource: "secrets", verb: "get" }, None));
    }
    let mut tasks = JoinSet::new();
    let mut findings: Vec<Option<Finding>> = wanted.iter().map(|_| None).collect();
    for (i, (need, right, state)) in wanted.iter().cloned().enumerate() {
        if let Some(state) = state {
            findings[i] = Some(Finding { need, what: right.to_string(), state });
            continue;
        }
        let api = api.clone();
        tasks.spawn(async move { (i, need, right, is_allowed(&api, right).await) });
    }
    while let Some(done) = tasks.join_next().await {
        let Ok((i, need, right, answer)) = done else { continue };
        let state = match answer {
            Ok(true) => State::Granted,
            Ok(false) => State::Missing(super::gap::grant_command(user)),
            Err(fault) => State::Unknown(fault.to_string()),
        };
        findings[i] = Some(Finding { need, what: right.to_string(), state });
    }
    let lost = |(need, right, _): &(Need, Right, Option<State>)| Finding {
        need: *need,
        what: right.to_string(),
        state: State::Unknown("asking for it failed".to_owned()),
    };
    findings.into_iter().zip(&wanted).map(|(f, w)| f.unwrap_or_else(|| lost(w))).collect()
}

/// <https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/>
async fn is_allowed(api: &Api, right: Right) -> Result<bool, Fault> {
    #[derive(Deserialize)]
    struct Review {
        status: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        allowed: bool,
    }
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"group": right.group, "resource": right.resource, "verb": right.verb}},
    });
    let answer =
        api.review("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body.to_string().into_bytes()).await?;
    let review: Review = serde_json::from_slice(&answer)
        .map_err(|e| Fault::Malformed(format!("not a review (line {} column {})", e.line(), e.column())))?;
    Ok(review.status.allowed)
}
