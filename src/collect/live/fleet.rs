//! Which clusters there are: in projects by the GKE API, in folders and organizations by Cloud Asset Inventory.

use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::time::Instant;

use crate::inventory::{ClusterName, FaultKind, ReadError};

use super::container::Container;
use super::credentials::Google;
use super::fault::Fault;
use super::google::{self, Service};
use super::{Options, install_tls};

/// Where clusters are looked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// A project's id.
    Project(String),
    /// A folder's number.
    Folder(String),
    /// An organization's number.
    Organization(String),
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scope::Project(id) => write!(f, "projects/{id}"),
            Scope::Folder(id) => write!(f, "folders/{id}"),
            Scope::Organization(id) => write!(f, "organizations/{id}"),
        }
    }
}

/// A part of the scope in which there may be clusters that were not found.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscoveryGap {
    /// What of the scope it is about, such as `projects/P`.
    pub scope: String,
    /// What could not be read, why, and the fix.
    #[serde(flatten)]
    pub error: ReadError,
}

/// What was found. Clusters are sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovered {
    /// Every cluster of the scopes, as far as they could be read.
    pub clusters: BTreeSet<ClusterName>,
    /// Parts of the scopes that could not be read; sorted.
    pub gaps: Vec<DiscoveryGap>,
}

const CLOUD_ASSET: Service = Service { host: "https://cloudasset.googleapis.com", name: "CLOUDASSET" };

/// Looks for clusters.
///
/// # Errors
/// No credentials, or an address in the environment that cannot be used: nothing was asked.
pub async fn discover(scopes: &[Scope], options: &Options) -> Result<Discovered, String> {
    install_tls();
    let google = Arc::new(Google::find(options.impersonate.as_deref(), options.timeout).await?);
    let deadline = Instant::now() + options.timeout;
    let container = Container::new(google.clone())?;
    let mut found = Discovered::default();
    for scope in scopes {
        let result = match scope {
            Scope::Project(id) => project(&container, id, deadline, &mut found).await,
            _ => assets(&google, scope, deadline, &mut found).await,
        };
        if let Err(fault) = result {
            let what = format!("clusters of {scope}");
            let error = ReadError::new(fault.kind(), what, fault.to_string(), fix(scope, &fault));
            found.gaps.push(DiscoveryGap { scope: scope.to_string(), error });
        }
    }
    found.gaps.sort();
    Ok(found)
}

async fn project(container: &Container, id: &str, deadline: Instant, found: &mut Discovered) -> Result<(), Fault> {
    let listing = container.clusters(id, deadline).await?;
    for cluster in &listing.clusters {
        let text = |key: &str| cluster.get(key).and_then(Json::as_str).unwrap_or_default();
        let name = format!("projects/{id}/locations/{}/clusters/{}", text("location"), text("name"));
        match ClusterName::parse(&name) {
            Some(name) => {
                found.clusters.insert(name);
            }
            None => return Err(Fault::Malformed("a cluster without name and location in the list".to_owned())),
        }
    }
    for zone in listing.missing_zones {
        found.gaps.push(DiscoveryGap {
            scope: format!("projects/{id}"),
            error: ReadError::new(
                FaultKind::Unreachable,
                format!("clusters of projects/{id} in {zone}"),
                "the zone did not answer the GKE API (missingZones)",
                "Try again later: the list lacks its clusters until the zone answers",
            ),
        });
    }
    Ok(())
}

/// <https://cloud.google.com/asset-inventory/docs/reference/rest/v1/TopLevel/searchAllResources>
async fn assets(google: &Google, scope: &Scope, deadline: Instant, found: &mut Discovered) -> Result<(), Fault> {
    let path = format!("/v1/{scope}:searchAllResources");
    let mut token = String::new();
    loop {
        let mut query =
            vec![("assetTypes", "container.googleapis.com/Cluster"), ("pageSize", "500"), ("readMask", "name")];
        if !token.is_empty() {
            query.push(("pageToken", &token));
        }
        let page = google::ask(google, CLOUD_ASSET, &path, &query, None, deadline).await?;
        if !page.is_object() {
            return Err(Fault::Malformed("not a page of search results".to_owned()));
        }
        for result in page.get("results").and_then(Json::as_array).into_iter().flatten() {
            let name = result.get("name").and_then(Json::as_str).unwrap_or_default();
            match ClusterName::parse(name) {
                Some(name) => {
                    found.clusters.insert(name);
                }
                None => return Err(Fault::Malformed("a search result that is not the name of a cluster".to_owned())),
            }
        }
        match page.get("nextPageToken").and_then(Json::as_str).filter(|t| !t.is_empty()) {
            None => return Ok(()),
            Some(next) if next == token => return Err(Fault::Malformed("the pages do not advance".to_owned())),
            Some(next) => token = next.to_owned(),
        }
    }
}

fn fix(scope: &Scope, fault: &Fault) -> String {
    match (scope, fault) {
        (Scope::Project(id), Fault::Forbidden { reason: Some(reason), .. }) if reason == "SERVICE_DISABLED" => {
            format!("The GKE API is not enabled in it. If it has clusters: gcloud services enable container.googleapis.com --project {id}")
        }
        (Scope::Project(id), Fault::Forbidden { .. }) => format!(
            "Grant container.clusters.list: gcloud projects add-iam-policy-binding {id} --member=MEMBER --role=roles/container.clusterViewer"
        ),
        (_, Fault::Forbidden { reason: Some(reason), .. }) if reason == "SERVICE_DISABLED" => {
            "Enable Cloud Asset Inventory in the project that is billed for the call: gcloud services enable cloudasset.googleapis.com".to_owned()
        }
        (Scope::Folder(id), Fault::Forbidden { .. }) => format!(
            "Grant cloudasset.assets.searchAllResources: gcloud resource-manager folders add-iam-policy-binding {id} --member=MEMBER --role=roles/cloudasset.viewer"
        ),
        (Scope::Organization(id), Fault::Forbidden { .. }) => format!(
            "Grant cloudasset.assets.searchAllResources: gcloud organizations add-iam-policy-binding {id} --member=MEMBER --role=roles/cloudasset.viewer"
        ),
        (_, Fault::NotFound(_)) => "Check the id".to_owned(),
        (_, Fault::OutOfTime(_)) => "Allow more time with --timeout".to_owned(),
        _ => "Try again; -vv shows each request and its answer".to_owned(),
    }
}
