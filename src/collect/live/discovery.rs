//! Which resources of custom API groups a server has:
//! <https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api>.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::api::{Api, JSON};
use super::fault::Fault;
use super::page::shown_kind;

/// The whole of it in one answer, from Kubernetes 1.30; older servers give the list of groups.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;q=0.9";

/// The listable resources of the groups that were asked about, with the versions that have them, the preferred first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Served {
    /// (group, resource) → versions.
    resources: BTreeMap<(String, String), Vec<String>>,
    /// Why it is not known what some groups have: an API server of their own answers for them.
    stale: BTreeMap<String, Fault>,
}

impl Served {
    /// Versions in which a resource is served; empty where it is not.
    ///
    /// # Errors
    /// The group's own server does not answer.
    pub(super) fn versions(&self, group: &str, resource: &str) -> Result<&[String], Fault> {
        let found = self.resources.get(&(group.to_owned(), resource.to_owned())).map(Vec::as_slice);
        match found {
            Some(versions) => Ok(versions),
            None => self.stale.get(group).map_or(Ok(&[]), |fault| Err(fault.clone())),
        }
    }

    fn add(&mut self, group: &str, resource: &str, version: &str) {
        let versions = self.resources.entry((group.to_owned(), resource.to_owned())).or_default();
        if !versions.iter().any(|v| v == version) {
            versions.push(version.to_owned());
        }
    }
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct AggregatedList {
    items: Vec<AggregatedGroup>,
}

#[derive(Deserialize)]
struct AggregatedGroup {
    metadata: Meta,
    #[serde(default)]
    versions: Vec<AggregatedVersion>,
}

#[derive(Deserialize)]
struct AggregatedVersion {
    version: String,
    #[serde(default)]
    resources: Vec<AggregatedResource>,
    #[serde(default)]
    freshness: Option<String>,
}

#[derive(Deserialize)]
struct AggregatedResource {
    resource: String,
    #[serde(default)]
    verbs: Vec<String>,
}

#[derive(Deserialize)]
struct GroupList {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Group {
    name: String,
    #[serde(default)]
    versions: Vec<Version>,
    #[serde(default)]
    preferred_version: Option<Version>,
}

#[derive(Clone, Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct ResourceList {
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    name: String,
    #[serde(default)]
    verbs: Vec<String>,
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8], what: &str) -> Result<T, Fault> {
    serde_json::from_slice(body)
        .map_err(|e| Fault::Malformed(format!("not {what} (line {} column {})", e.line(), e.column())))
}

/// Asks which of `groups` the server has. The first request of a run: it also says whether the server can be talked to.
pub(super) async fn discover(api: &Api, groups: &[&str]) -> Result<Served, Fault> {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    let body = api.get("/apis", AGGREGATED).await?;
    let kind: Kind = parse(&body, "the API's list of groups")?;
    let mut served = Served::default();
    match kind.kind.as_str() {
        "APIGroupDiscoveryList" => {
            let list: AggregatedList = parse(&body, "the API's discovery document")?;
            for group in list.items.iter().filter(|g| groups.contains(&g.metadata.name.as_str())) {
                for version in &group.versions {
                    if version.freshness.as_deref() == Some("Stale") {
                        let why = "the server of this API group does not answer, so that its kinds are not known";
                        served.stale.insert(group.metadata.name.clone(), Fault::Malformed(why.to_owned()));
                    }
                    let listable = version.resources.iter().filter(|r| r.verbs.iter().any(|v| v == "list"));
                    for r in listable {
                        served.add(&group.metadata.name, &r.resource, &version.version);
                    }
                }
            }
        }
        "APIGroupList" => {
            let list: GroupList = parse(&body, "the API's list of groups")?;
            for group in list.groups.iter().filter(|g| groups.contains(&g.name.as_str())) {
                let preferred = group.preferred_version.iter().chain(&group.versions);
                let mut seen: Vec<&str> = Vec::new();
                for version in preferred.map(|v| v.version.as_str()) {
                    if seen.contains(&version) {
                        continue;
                    }
                    seen.push(version);
                    match api.get(&format!("/apis/{}/{version}", group.name), JSON).await {
                        Ok(body) => {
                            let list: ResourceList = parse(&body, "a list of resources")?;
                            for r in list.resources.iter().filter(|r| r.verbs.iter().any(|v| v == "list")) {
                                served.add(&group.name, &r.name, version);
                            }
                        }
                        Err(f) if f.is_transient() => drop(served.stale.insert(group.name.clone(), f)),
                        Err(f) => return Err(f),
                    }
                }
            }
        }
        other => {
            return Err(Fault::Malformed(format!("not the API's list of groups, but {}", shown_kind(other))));
        }
    }
    Ok(served)
}
