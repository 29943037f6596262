//! Projects, clusters and memberships, and the methods that list them:
//! <https://cloud.google.com/kubernetes-engine/docs/reference/rest>,
//! <https://cloud.google.com/asset-inventory/docs/reference/rest/v1/TopLevel/searchAllResources>,
//! <https://cloud.google.com/kubernetes-engine/fleet-management/docs/reference/rest/v1/projects.locations.memberships>.

use std::collections::{BTreeMap, BTreeSet};

use google_cloud_container_v1::model::Cluster;
use serde_json::{Value, json};

use super::super::serve::{Reply, Request};
use super::errors;

const CONTAINER: &str = "container.googleapis.com";
const ASSET: &str = "cloudasset.googleapis.com";
const HUB: &str = "gkehub.googleapis.com";
const RESOURCE_MANAGER: &str = "cloudresourcemanager.googleapis.com";

/// Why a whole service refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    ServiceDisabled,
    VpcServiceControls,
    BillingDisabled,
    QuotaExceeded,
}

#[derive(Default)]
pub(super) struct Resources {
    projects: BTreeMap<String, Project>,
    /// (service, scope).
    refused: BTreeMap<(String, String), Refusal>,
    /// (permission, scope or `*`).
    denied: BTreeSet<(String, String)>,
}

#[derive(Default)]
struct Project {
    number: u64,
    ancestors: Vec<String>,
    /// (location, name).
    clusters: BTreeMap<(String, String), Value>,
    missing_zones: Vec<String>,
    /// Resource name → cluster.
    memberships: BTreeMap<String, String>,
}

/// The service that has this path.
pub(super) fn service(path: &str) -> Option<&'static str> {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match parts.as_slice() {
        ["v1", "projects", _, "locations", _, "clusters", ..] => Some(CONTAINER),
        ["v1", "projects", _, "locations", _, "memberships"] => Some(HUB),
        ["v1", "projects" | "folders" | "organizations", scope] if scope.ends_with(":searchAllResources") => {
            Some(ASSET)
        }
        ["v1" | "v3", "projects", project] if project.ends_with(":testIamPermissions") => Some(RESOURCE_MANAGER),
        _ => None,
    }
}

impl Resources {
    pub(super) fn project(&mut self, id: &str, ancestors: &[&str]) {
        let number = 100_000_000_000 + self.projects.len() as u64 + 1;
        let ancestors = ancestors.iter().map(|a| (*a).to_owned()).collect();
        let project = self.projects.entry(id.to_owned()).or_insert(Project { number, ..Project::default() });
        project.ancestors = ancestors;
    }

    fn project_mut(&mut self, id: &str) -> &mut Project {
        if !self.projects.contains_key(id) {
            self.project(id, &[]);
        }
        self.projects.get_mut(id).unwrap()
    }

    pub(super) fn cluster(&mut self, name: &str, mut cluster: Value) {
        let parts: Vec<&str> = name.split('/').collect();
        let ["projects", project, "locations", location, "clusters", id] = parts.as_slice() else {
            panic!("{name}: not projects/P/locations/L/clusters/C");
        };
        cluster["name"] = json!(id);
        cluster["location"] = json!(location);
        cluster["selfLink"] = json!(format!("https://{CONTAINER}/v1/{}", link(project, location, id)));
        self.project_mut(project).clusters.insert(((*location).to_owned(), (*id).to_owned()), cluster);
    }

    pub(super) fn missing_zone(&mut self, project: &str, zone: &str) {
        self.project_mut(project).missing_zones.push(zone.to_owned());
    }

    pub(super) fn membership(&mut self, name: &str, cluster: &str) {
        let project = name.split('/').nth(1).expect("projects/P/locations/L/memberships/M");
        self.project_mut(project).memberships.insert(name.to_owned(), cluster.to_owned());
    }

    pub(super) fn refuse(&mut self, service: &str, scope: &str, refusal: Refusal) {
        self.refused.insert((service.to_owned(), scope.to_owned()), refusal);
    }

    pub(super) fn deny(&mut self, permission: &str, scope: &str) {
        self.denied.insert((permission.to_owned(), scope.to_owned()));
    }

    pub(super) fn allow_again(&mut self) {
        self.refused.clear();
        self.denied.clear();
    }

    pub(super) fn answer(&self, request: &Request) -> Reply {
        let parts: Vec<&str> = request.path.split('/').skip(1).collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["v1", "projects", project, "locations", location, "clusters"]) => {
                self.list_clusters(request, project, location)
            }
            ("GET", ["v1", "projects", project, "locations", location, "clusters", id]) => match id.split_once(':') {
                None => self.get_cluster(request, project, location, id),
                Some((id, "fetchClusterUpgradeInfo")) => self.upgrade_info(project, location, id),
                Some(_) => errors::no_such_path(&request.path),
            },
            ("GET", ["v1", "projects", project, "locations", location, "memberships"]) => {
                self.list_memberships(request, project, location)
            }
            ("GET", ["v1", kind @ ("projects" | "folders" | "organizations"), rest]) => {
                match rest.strip_suffix(":searchAllResources") {
                    Some(id) => self.search(request, &format!("{kind}/{id}")),
                    None => errors::no_such_path(&request.path),
                }
            }
            ("POST", ["v1" | "v3", "projects", rest]) => match rest.strip_suffix(":testIamPermissions") {
                Some(project) => self.test_permissions(request, project),
                None => errors::no_such_path(&request.path),
            },
            _ => errors::no_such_path(&request.path),
        }
    }

    /// The refusal of a service, or of a permission, if there is one.
    fn refusal(&self, service: &str, permission: Option<&str>, scope: &str, resource: &str) -> Option<Reply> {
        let project = scope.strip_prefix("projects/").and_then(|p| self.projects.get(p));
        let number = project.map_or("0".to_owned(), |p| p.number.to_string());
        if let Some(refusal) = self.refused.get(&(service.to_owned(), scope.to_owned())) {
            return Some(match refusal {
                Refusal::ServiceDisabled => errors::service_disabled(service, title(service), &number),
                Refusal::VpcServiceControls => errors::vpc_service_controls(service, &number),
                Refusal::BillingDisabled => errors::billing_disabled(service, &number),
                Refusal::QuotaExceeded => errors::quota_exceeded(service, &number),
            });
        }
        let permission = permission?;
        // Whoever may not see a project is not told whether it exists.
        let known = !scope.starts_with("projects/") || project.is_some();
        if known && !self.is_denied(permission, scope) {
            return None;
        }
        Some(match service {
            CONTAINER => errors::gke_permission_denied(permission, resource),
            _ => errors::permission_denied(service, permission, resource),
        })
    }

    fn is_denied(&self, permission: &str, scope: &str) -> bool {
        ["*", scope].iter().any(|s| self.denied.contains(&(permission.to_owned(), (*s).to_owned())))
    }

    fn get_cluster(&self, request: &Request, project: &str, location: &str, id: &str) -> Reply {
        let (scope, name) =
            (format!("projects/{project}"), format!("projects/{project}/locations/{location}/clusters/{id}"));
        if let Some(reply) = self.refusal(CONTAINER, Some("container.clusters.get"), &scope, &name) {
            return reply;
        }
        let key = (location.to_owned(), id.to_owned());
        match self.projects.get(project).and_then(|p| p.clusters.get(&key)) {
            Some(cluster) => json_reply(&encoded(request, cluster)),
            None => errors::not_found(&name),
        }
    }

    /// A version that is supported for long.
    fn upgrade_info(&self, project: &str, location: &str, id: &str) -> Reply {
        let scope = format!("projects/{project}");
        let name = format!("{scope}/locations/{location}/clusters/{id}");
        if let Some(reply) = self.refusal(CONTAINER, Some("container.clusters.get"), &scope, &name) {
            return reply;
        }
        let key = (location.to_owned(), id.to_owned());
        match self.projects.get(project).is_some_and(|p| p.clusters.contains_key(&key)) {
            true => json_reply(&json!({
                "autoUpgradeStatus": ["ACTIVE"],
                "endOfStandardSupportTimestamp": "2099-06-12",
                "endOfExtendedSupportTimestamp": "2100-06-12",
            })),
            false => errors::not_found(&name),
        }
    }

    fn list_clusters(&self, request: &Request, project: &str, location: &str) -> Reply {
        let scope = format!("projects/{project}");
        if let Some(reply) = self.refusal(CONTAINER, Some("container.clusters.list"), &scope, &scope) {
            return reply;
        }
        let found = &self.projects[project];
        let here = |l: &str| location == "-" || location == l;
        let clusters: Vec<Value> =
            found.clusters.iter().filter(|((l, _), _)| here(l)).map(|(_, c)| encoded(request, c)).collect();
        // Google leaves out what is empty.
        let mut list = json!({});
        if !clusters.is_empty() {
            list["clusters"] = clusters.into();
        }
        let missing: Vec<&String> = found.missing_zones.iter().filter(|z| here(z)).collect();
        if !missing.is_empty() {
            list["missingZones"] = json!(missing);
        }
        json_reply(&list)
    }

    fn list_memberships(&self, request: &Request, project: &str, location: &str) -> Reply {
        let scope = format!("projects/{project}");
        let resource = format!("//{HUB}/{scope}/locations/{location}");
        if let Some(reply) = self.refusal(HUB, Some("gkehub.memberships.list"), &scope, &resource) {
            return reply;
        }
        let here = |name: &str| location == "-" || name.split('/').nth(3) == Some(location);
        let memberships: Vec<Value> = (self.projects[project].memberships.iter().filter(|(name, _)| here(name)))
            .map(|(name, cluster)| {
                json!({
                    "name": name,
                    "endpoint": {"gkeCluster": {"resourceLink": format!("//{CONTAINER}/{cluster}")}},
                    "state": {"code": "READY"},
                    "createTime": "2025-10-14T06:25:00Z",
                })
            })
            .collect();
        page(request, "resources", memberships, 100)
    }

    fn search(&self, request: &Request, scope: &str) -> Reply {
        let permission = "cloudasset.assets.searchAllResources";
        if let Some(reply) = self.refusal(ASSET, Some(permission), scope, scope) {
            return reply;
        }
        let types = request.parameters("assetTypes");
        let wanted = types.is_empty() || types.iter().any(|t| t == "container.googleapis.com/Cluster");
        let inside =
            |id: &str, p: &Project| scope == format!("projects/{id}") || p.ancestors.iter().any(|a| a == scope);
        let mut found = Vec::new();
        for (id, project) in self.projects.iter().filter(|(id, p)| wanted && inside(id, p)) {
            for ((location, name), cluster) in &project.clusters {
                let folders: Vec<&String> = project.ancestors.iter().filter(|a| a.starts_with("folders/")).collect();
                let organization = project.ancestors.iter().find(|a| a.starts_with("organizations/"));
                let mut result = json!({
                    "name": format!("//{CONTAINER}/{}", link(id, location, name)),
                    "assetType": "container.googleapis.com/Cluster",
                    "project": format!("projects/{}", project.number),
                    "displayName": name,
                    "location": location,
                    "state": cluster["status"],
                    "parentAssetType": "cloudresourcemanager.googleapis.com/Project",
                    "parentFullResourceName": format!("//{RESOURCE_MANAGER}/projects/{id}"),
                });
                if !folders.is_empty() {
                    result["folders"] = json!(folders);
                }
                if let Some(organization) = organization {
                    result["organization"] = json!(organization);
                }
                found.push(result);
            }
        }
        page(request, "results", found, 100)
    }

    /// Needs no permission itself.
    fn test_permissions(&self, request: &Request, project: &str) -> Reply {
        let scope = format!("projects/{project}");
        if let Some(reply) = self.refusal(RESOURCE_MANAGER, None, &scope, &scope) {
            return reply;
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let Some(asked) = body["permissions"].as_array() else {
            return errors::invalid("Request must contain at least one permission.");
        };
        let held: Vec<&Value> = (asked.iter())
            .filter(|p| self.projects.contains_key(project) && !self.is_denied(p.as_str().unwrap_or_default(), &scope))
            .collect();
        json_reply(&if held.is_empty() { json!({}) } else { json!({"permissions": held}) })
    }
}

/// A zone ends in a letter after a dash, `asia-east1-a`; its clusters' links say so.
fn link(project: &str, location: &str, id: &str) -> String {
    let zonal = location.rsplit('-').next().is_some_and(|part| part.len() == 1);
    let word = if zonal { "zones" } else { "locations" };
    format!("projects/{project}/{word}/{location}/clusters/{id}")
}

fn title(service: &str) -> &'static str {
    match service {
        CONTAINER => "Kubernetes Engine API",
        ASSET => "Cloud Asset API",
        HUB => "GKE Hub API",
        _ => "Cloud Resource Manager API",
    }
}

/// With `$alt=json;enum-encoding=int`, as the Rust client asks, enums are integers. What that client's model cannot
/// hold goes out as it is: a server newer than the client.
fn encoded(request: &Request, cluster: &Value) -> Value {
    if !request.parameter("$alt").is_some_and(|alt| alt.contains("enum-encoding=int")) {
        return cluster.clone();
    }
    match serde_json::from_value::<Cluster>(cluster.clone()) {
        Ok(typed) => serde_json::to_value(typed).unwrap(),
        Err(_) => cluster.clone(),
    }
}

fn page(request: &Request, key: &str, all: Vec<Value>, default: usize) -> Reply {
    let size =
        request.parameter("pageSize").and_then(|s| s.parse::<usize>().ok()).filter(|n| *n > 0).unwrap_or(default);
    let start = match request.parameter("pageToken").filter(|t| !t.is_empty()) {
        None => 0,
        Some(token) => match token.strip_prefix("page-").and_then(|n| n.parse::<usize>().ok()) {
            Some(start) => start,
            None => return errors::invalid("Invalid page token."),
        },
    };
    let mut list = json!({});
    let items: Vec<&Value> = all.iter().skip(start).take(size).collect();
    if !items.is_empty() {
        list[key] = json!(items);
    }
    if start + size < all.len() {
        list["nextPageToken"] = json!(format!("page-{}", start + size));
    }
    json_reply(&list)
}

fn json_reply(value: &Value) -> Reply {
    let text = serde_json::to_string_pretty(value).unwrap();
    Reply::new(200, "application/json; charset=UTF-8", format!("{text}\n"))
}
