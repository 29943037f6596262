//! Which resources there are, and the documents that say so: `/api`, `/apis`, `/apis/G`, `/apis/G/V`, classic and
//! aggregated.
//!
//! `discovery.json` holds what a kube-apiserver v1.34.4 without custom resources says of itself.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::serve::Reply;

const BUILT_IN: &str = include_str!("discovery.json");
const CRD_VERBS: [&str; 8] = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
pub(super) const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// A custom resource definition, as far as serving it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Crd {
    pub group: String,
    /// Served versions, the preferred one first.
    pub versions: Vec<String>,
    pub kind: String,
    pub plural: String,
    pub namespaced: bool,
}

impl Crd {
    pub(crate) fn new(group: &str, version: &str, kind: &str, plural: &str, namespaced: bool) -> Crd {
        let own = str::to_owned;
        Crd { group: own(group), versions: vec![own(version)], kind: own(kind), plural: own(plural), namespaced }
    }

    /// From a CustomResourceDefinition object.
    pub(crate) fn of(object: &Value) -> Crd {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let spec = &object["spec"];
        let versions = spec["versions"].as_array().cloned().unwrap_or_default();
        Crd {
            group: text(&spec["group"]),
            versions: versions.iter().filter(|v| v["served"] != false).map(|v| text(&v["name"])).collect(),
            kind: text(&spec["names"]["kind"]),
            plural: text(&spec["names"]["plural"]),
            namespaced: spec["scope"] == "Namespaced",
        }
    }

    /// The CustomResourceDefinition object.
    pub(crate) fn object(&self) -> Value {
        let versions: Vec<Value> = (self.versions.iter().enumerate())
            .map(|(i, v)| {
                let schema =
                    json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
                json!({"name": v, "served": true, "storage": i == 0, "schema": schema})
            })
            .collect();
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{}.{}", self.plural, self.group)},
            "spec": {
                "group": self.group,
                "names": {
                    "kind": self.kind, "listKind": format!("{}List", self.kind), "plural": self.plural,
                    "singular": self.kind.to_lowercase(),
                },
                "scope": if self.namespaced { "Namespaced" } else { "Cluster" },
                "versions": versions,
            },
        })
    }
}

/// One resource of one version.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub group: String,
    pub version: String,
    pub plural: String,
    pub kind: String,
    pub namespaced: bool,
    pub verbs: Vec<String>,
    pub custom: bool,
}

impl Resource {
    pub(super) fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }
}

pub(super) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

#[derive(Clone, Debug)]
struct Version {
    group: String,
    version: String,
    /// As in an APIResourceList, subresources included.
    resources: Vec<Value>,
    custom: bool,
    /// An APIService whose server does not answer.
    broken: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Catalogue(Vec<Version>);

impl Catalogue {
    /// `minor`: 33 or 34.
    pub(super) fn new(minor: u32) -> Catalogue {
        let documents: Vec<Value> = serde_json::from_str(BUILT_IN).unwrap();
        let versions = documents.into_iter().map(|d| {
            let name = d["groupVersion"].as_str().unwrap();
            let (group, version) = name.rsplit_once('/').unwrap_or(("", name));
            let resources = d["resources"].as_array().unwrap().clone();
            Version { group: group.into(), version: version.into(), resources, custom: false, broken: false }
        });
        // Dynamic resource allocation is on by default since 1.34.
        Catalogue(versions.filter(|v| minor >= 34 || v.group != "resource.k8s.io").collect())
    }

    pub(super) fn install(&mut self, crd: &Crd) {
        for version in &crd.versions {
            let digest = Sha256::digest(format!("{}/{}/{}", crd.group, crd.versions[0], crd.kind));
            let resource = json!({
                "name": crd.plural,
                "singularName": crd.kind.to_lowercase(),
                "namespaced": crd.namespaced,
                "kind": crd.kind,
                "verbs": CRD_VERBS,
                "storageVersionHash": BASE64_STANDARD.encode(&digest[..8]),
            });
            self.add(&crd.group, version, resource);
        }
    }

    fn add(&mut self, group: &str, version: &str, resource: Value) {
        let place = match self.0.iter().position(|v| v.group == group && v.version == version) {
            Some(place) => place,
            None => {
                // Versions of a group stand together.
                let place = self.0.iter().rposition(|v| v.group == group).map_or(self.0.len(), |p| p + 1);
                let (group, version) = (group.to_owned(), version.to_owned());
                self.0.insert(place, Version { group, version, resources: Vec::new(), custom: true, broken: false });
                place
            }
        };
        let held = &mut self.0[place].resources;
        if held.iter().all(|r| r["name"] != resource["name"]) {
            held.push(resource);
            held.sort_by_key(|r| r["name"].to_string());
        }
    }

    /// An aggregated API whose server is down: listed in `/apis`, 503 below it.
    pub(super) fn break_group(&mut self, group: &str, version: &str) {
        let (group, version) = (group.to_owned(), version.to_owned());
        self.0.push(Version { group, version, resources: Vec::new(), custom: true, broken: true });
    }

    /// All versions of a resource, the preferred one first.
    pub(super) fn of_kind(&self, group: &str, kind: &str) -> Vec<Resource> {
        self.resources().filter(|r| r.group == group && r.kind == kind).collect()
    }

    pub(super) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Resource> {
        self.resources().find(|r| r.group == group && r.version == version && r.plural == plural)
    }

    /// The server itself answers for unknown resources of this group; otherwise nothing is there.
    pub(super) fn owns(&self, group: &str) -> bool {
        self.0.iter().any(|v| v.group == group && !v.custom)
    }

    pub(super) fn broken(&self, group: &str) -> bool {
        self.0.iter().any(|v| v.group == group && v.broken)
    }

    fn resources(&self) -> impl Iterator<Item = Resource> + '_ {
        self.0.iter().flat_map(|v| v.resources.iter().map(move |r| (v, r))).filter_map(|(v, r)| {
            let plural = r["name"].as_str().unwrap();
            let verbs = r["verbs"].as_array().unwrap();
            (!plural.contains('/')).then(|| Resource {
                group: v.group.clone(),
                version: v.version.clone(),
                plural: plural.to_owned(),
                kind: r["kind"].as_str().unwrap().to_owned(),
                namespaced: r["namespaced"] == true,
                verbs: verbs.iter().map(|v| v.as_str().unwrap().to_owned()).collect(),
                custom: v.custom,
            })
        })
    }

    fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for v in self.0.iter().filter(|v| !v.group.is_empty()) {
            if !groups.contains(&v.group.as_str()) {
                groups.push(&v.group);
            }
        }
        groups
    }

    fn group(&self, group: &str) -> Option<String> {
        let versions: Vec<String> = (self.0.iter().filter(|v| v.group == group))
            .map(|v| format!(r#"{{"groupVersion":"{group}/{0}","version":"{0}"}}"#, v.version))
            .collect();
        let preferred = versions.first()?;
        let (all, name) = (versions.join(","), group);
        Some(format!(r#""name":"{name}","versions":[{all}],"preferredVersion":{preferred}}}"#))
    }

    /// `/api`.
    pub(super) fn core_versions(&self, address: &str, accept: &str) -> Reply {
        if aggregated(accept) {
            return self.aggregate(vec![""]);
        }
        let address = format!(r#"{{"clientCIDR":"0.0.0.0/0","serverAddress":"{address}"}}"#);
        document(format!(r#"{{"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[{address}]}}"#))
    }

    /// `/apis`.
    pub(super) fn group_list(&self, accept: &str) -> Reply {
        if aggregated(accept) {
            return self.aggregate(self.groups());
        }
        let groups: Vec<String> =
            self.groups().iter().filter_map(|g| self.group(g)).map(|g| format!("{{{g}")).collect();
        document(format!(r#"{{"kind":"APIGroupList","apiVersion":"v1","groups":[{}]}}"#, groups.join(",")))
    }

    /// `/apis/G`.
    pub(super) fn group_document(&self, group: &str) -> Option<Reply> {
        Some(document(format!(r#"{{"kind":"APIGroup","apiVersion":"v1",{}"#, self.group(group)?)))
    }

    /// `/api/v1` and `/apis/G/V`.
    pub(super) fn resource_list(&self, group: &str, version: &str) -> Option<Reply> {
        let found = self.0.iter().find(|v| v.group == group && v.version == version)?;
        let resources = Value::from(found.resources.clone());
        // The core group's document has no apiVersion, for clients of old.
        let own = if group.is_empty() { "" } else { r#""apiVersion":"v1","# };
        let name = api_version(group, version);
        Some(document(format!(r#"{{"kind":"APIResourceList",{own}"groupVersion":"{name}","resources":{resources}}}"#)))
    }

    fn aggregate(&self, groups: Vec<&str>) -> Reply {
        let items: Vec<Value> = groups.into_iter().map(|g| self.aggregate_group(g)).collect();
        let items = Value::from(items);
        let text = format!(
            r#"{{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","metadata":{{}},"items":{items}}}"#
        );
        document(text).header("Content-Type", AGGREGATED).header("Vary", "Accept").header("Cache-Control", "public")
    }

    fn aggregate_group(&self, group: &str) -> Value {
        let versions: Vec<Value> = (self.0.iter().filter(|v| v.group == group))
            .map(|v| match v.broken {
                true => json!({"version": v.version, "freshness": "Stale"}),
                false => json!({"version": v.version, "resources": aggregate_resources(v), "freshness": "Current"}),
            })
            .collect();
        let metadata = if group.is_empty() { json!({}) } else { json!({"name": group}) };
        json!({"metadata": metadata, "versions": versions})
    }
}

fn aggregate_resources(version: &Version) -> Vec<Value> {
    let (mut resources, mut subs): (Vec<Value>, Vec<(String, Value)>) = (Vec::new(), Vec::new());
    for r in &version.resources {
        let name = r["name"].as_str().unwrap();
        let kind = match (r.get("group"), version.custom) {
            (Some(group), _) => json!({"group": group, "version": r["version"], "kind": r["kind"]}),
            (None, true) => json!({"group": version.group, "version": version.version, "kind": r["kind"]}),
            (None, false) => json!({"group": "", "version": "", "kind": r["kind"]}),
        };
        if let Some((parent, sub)) = name.split_once('/') {
            subs.push((parent.to_owned(), json!({"subresource": sub, "responseKind": kind, "verbs": r["verbs"]})));
            continue;
        }
        let mut resource = json!({
            "resource": name,
            "responseKind": kind,
            "scope": if r["namespaced"] == true { "Namespaced" } else { "Cluster" },
            "singularResource": r["singularName"],
            "verbs": r["verbs"],
        });
        for key in ["shortNames", "categories"] {
            if let Some(value) = r.get(key) {
                resource[key] = value.clone();
            }
        }
        resources.push(resource);
    }
    for (parent, sub) in subs {
        if let Some(resource) = resources.iter_mut().find(|r| r["resource"] == parent.as_str()) {
            let held = resource.as_object_mut().unwrap().entry("subresources").or_insert(json!([]));
            held.as_array_mut().unwrap().push(sub);
        }
    }
    resources
}

/// v2 is the only version that 1.33 and later answer with; v2beta1 is asked for by clients that know older servers.
fn aggregated(accept: &str) -> bool {
    accept.split(',').any(|kind| {
        let parameters: Vec<&str> = kind.split(';').map(str::trim).collect();
        parameters.contains(&"as=APIGroupDiscoveryList") && parameters.contains(&"v=v2")
    })
}

fn document(text: String) -> Reply {
    Reply::new(200, "application/json", format!("{text}\n"))
}
