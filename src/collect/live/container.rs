//! The GKE API, by Google's own client: <https://cloud.google.com/kubernetes-engine/docs/reference/rest>.

use std::error::Error as StdError;
use std::sync::Arc;

use google_cloud_container_v1::client::ClusterManager;
use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::StatusDetails;
use google_cloud_gax::retry_policy::NeverRetry;
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::inventory::ClusterName;

use super::credentials::Google;
use super::fault::Fault;
use super::overrides;
use super::retry::{retry, retry_after};

/// What a listing of a project's clusters gave.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Cluster resources as the API's JSON.
    pub clusters: Vec<Json>,
    /// Zones that did not answer: their clusters are not in the list.
    pub missing_zones: Vec<String>,
}

/// A client with an identity.
pub(super) struct Container {
    google: Arc<Google>,
    endpoint: Option<String>,
}

impl Container {
    /// # Errors
    /// An endpoint in the environment that cannot be used.
    pub(super) fn new(google: Arc<Google>) -> Result<Container, String> {
        Ok(Container { google, endpoint: overrides::endpoint("CONTAINER")? })
    }

    /// Where it asks, for people.
    pub(super) fn place(&self) -> &str {
        self.endpoint.as_deref().unwrap_or("https://container.googleapis.com")
    }

    /// The Cluster resource as the API's JSON (camelCase, enums as numbers where the client knows them).
    pub(super) async fn cluster(&self, name: &ClusterName, deadline: Instant) -> Result<Json, Fault> {
        let path = name.to_string();
        self.ask(deadline, &path, |client| {
            let request = client.get_cluster().set_name(&path);
            async move { request.send().await.map(|c| serde_json::to_value(&c)) }
        })
        .await
        .and_then(object)
    }

    /// When support of the cluster's version ends, and what else the API says of its upgrades, as the API's JSON.
    pub(super) async fn upgrade_info(&self, name: &ClusterName, deadline: Instant) -> Result<Json, Fault> {
        let path = name.to_string();
        self.ask(deadline, &path, |client| {
            let request = client.fetch_cluster_upgrade_info().set_name(&path);
            async move { request.send().await.map(|i| serde_json::to_value(&i)) }
        })
        .await
        .and_then(object)
    }

    /// All clusters of a project.
    pub(super) async fn clusters(&self, project: &str, deadline: Instant) -> Result<Listing, Fault> {
        let parent = format!("projects/{project}/locations/-");
        let answer = self
            .ask(deadline, &parent, |client| {
                let request = client.list_clusters().set_parent(&parent);
                async move { request.send().await.map(|c| serde_json::to_value(&c)) }
            })
            .await
            .and_then(object)?;
        let list = |key: &str| answer.get(key).and_then(Json::as_array).cloned().unwrap_or_default();
        let missing_zones = list("missingZones").iter().filter_map(|z| z.as_str().map(str::to_owned)).collect();
        Ok(Listing { clusters: list("clusters"), missing_zones })
    }

    /// Sends a request, again where that can help; once more with a new token where the first was not accepted.
    async fn ask<T, F, A>(&self, deadline: Instant, what: &str, send: F) -> Result<T, Fault>
    where
        F: Fn(ClusterManager) -> A,
        A: Future<Output = Result<T, Error>>,
    {
        let mut renewed = false;
        loop {
            let client = self.client().await?;
            tracing::debug!(what, place = self.place(), "GKE API");
            let result = retry(deadline, what, || async {
                super::pace::turn().await;
                send(client.clone()).await.map_err(|e| fault(&e))
            })
            .await;
            match result {
                Err(Fault::Unauthorized(_)) if !renewed && self.google.renew().await => renewed = true,
                other => return other,
            }
        }
    }

    async fn client(&self) -> Result<ClusterManager, Fault> {
        let builder =
            ClusterManager::builder().with_credentials(self.google.credentials()).with_retry_policy(NeverRetry);
        let builder = match &self.endpoint {
            Some(endpoint) => builder.with_endpoint(endpoint),
            None => builder,
        };
        builder.build().await.map_err(|e| Fault::Credentials(format!("no client for the GKE API: {}", chained(&e))))
    }
}

fn chained(e: &dyn StdError) -> String {
    super::credentials::chain(e)
}

fn object(value: Result<Json, serde_json::Error>) -> Result<Json, Fault> {
    match value {
        Ok(json @ Json::Object(_)) => Ok(json),
        _ => Err(Fault::Malformed("not the resource that was asked for".to_owned())),
    }
}

fn fault(e: &Error) -> Fault {
    if let Some(status) = e.http_status_code() {
        let after = e.http_headers().and_then(retry_after);
        let body = e.http_payload().map(|b| b.to_vec()).unwrap_or_default();
        let mut fault = Fault::of_status(status, after, &body);
        if let (Some(rpc), Fault::Forbidden { message, reason, .. }) = (e.status(), &mut fault) {
            if !rpc.message.is_empty() {
                *message = crate::lexicon::mask_text(&rpc.message);
            }
            *reason = rpc.details.iter().find_map(|d| match d {
                StatusDetails::ErrorInfo(info) => Some(info.reason.clone()),
                _ => None,
            });
        }
        return fault;
    }
    if e.is_authentication() {
        return Fault::Credentials(format!("no token for the GKE API: {}", chained(e)));
    }
    if e.is_deserialization() {
        return Fault::Malformed(chained(e));
    }
    Fault::of_transport(e)
}
