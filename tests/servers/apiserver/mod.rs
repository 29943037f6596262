//! An API server that only reads: discovery, lists in pages, single objects, who may do what.
//!
//! Its documents were compared with those of a kube-apiserver v1.34.4; `tests/servers_selftest/` pins what matters.

mod defaults;
mod discovery;
mod rights;
mod selector;
mod status;
mod store;

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) use discovery::Crd;

use super::data;
use super::faults::Faults;
use super::record::Record;
use super::serve::{Gzip, Handler, Reply, Request, Server};
use super::tls::{self, Certificate};
use super::tokens::Tokens;
use discovery::{Catalogue, Resource};
use rights::{Rights, Want};
use store::{Form, Store};

/// Who sends no credentials.
const ANONYMOUS: &str = "system:anonymous";

pub(crate) struct Options {
    /// 33 or 34, of Kubernetes 1.
    pub minor: u32,
    /// As `/version` says it.
    pub git_version: String,
    pub tls: Option<Certificate>,
    pub gzip: Gzip,
    /// What stands before `/api`, as behind Connect Gateway: `/v1/projects/1/locations/global/gkeMemberships/m`.
    pub prefix: String,
    /// Shared with the service that hands tokens out.
    pub tokens: Tokens,
    /// GKE lets requests without credentials in as `system:anonymous`; without this they get 401.
    pub anonymous: bool,
    /// GKE's authorizer names the IAM permission in refusals.
    pub gke_words: bool,
    /// The namespaces and the Service that a new cluster has.
    pub system_objects: bool,
    /// Discovery in one document, since Kubernetes 1.26; without it, one document for each group and version.
    pub aggregated_discovery: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            minor: 33,
            git_version: "v1.33.4-gke.1350000".to_owned(),
            tls: Some(Certificate::Right),
            gzip: Gzip::Large,
            prefix: String::new(),
            tokens: Tokens::default(),
            anonymous: true,
            gke_words: false,
            system_objects: true,
            aggregated_discovery: true,
        }
    }
}

pub(crate) struct FakeKube {
    server: Server,
    state: Arc<State>,
    /// The authority that the cluster is said to have, PEM; empty without TLS.
    pub authority_pem: String,
}

struct State {
    options: Options,
    cluster: RwLock<Cluster>,
}

struct Cluster {
    store: Store,
    catalogue: Catalogue,
    rights: Rights,
    groups: BTreeMap<String, Vec<String>>,
}

impl FakeKube {
    /// A server over TLS with these objects.
    pub(crate) fn start(objects: &[Value]) -> FakeKube {
        FakeKube::with(Options::default(), objects)
    }

    pub(crate) fn with(options: Options, objects: &[Value]) -> FakeKube {
        let tls = options.tls.map(tls::make);
        let cluster = Cluster {
            store: Store::new(1000),
            catalogue: Catalogue::new(options.minor),
            rights: Rights::new(options.gke_words),
            groups: BTreeMap::new(),
        };
        let system = options.system_objects;
        let state = Arc::new(State { options, cluster: RwLock::new(cluster) });
        let server = Server::start(state.clone(), tls.as_ref().map(|t| t.config.clone()));
        let authority_pem = tls.map(|t| t.authority_pem).unwrap_or_default();
        let kube = FakeKube { server, state, authority_pem };
        if system {
            data::system_objects().into_iter().for_each(|o| kube.put(o));
        }
        objects.iter().for_each(|o| kube.put(o.clone()));
        kube
    }

    /// Adds or replaces an object. The resource of an unknown group is installed with it: a CustomResourceDefinition
    /// installs what it defines, another object its own kind.
    pub(crate) fn put(&self, object: Value) {
        let (group, kind) = group_kind(&object);
        if kind == "CustomResourceDefinition" {
            self.cluster_mut().catalogue.install(&Crd::of(&object));
        } else if self.state.cluster.read().unwrap().catalogue.of_kind(&group, &kind).is_empty() {
            self.install(data::crd_of(&object));
        }
        let mut cluster = self.cluster_mut();
        let resource = cluster.catalogue.of_kind(&group, &kind).remove(0);
        cluster.store.put(&resource, object);
    }

    pub(crate) fn delete(&self, api_version: &str, kind: &str, namespace: &str, name: &str) {
        let (group, _) = split(api_version);
        let mut cluster = self.cluster_mut();
        let resource = cluster.catalogue.of_kind(group, kind).remove(0);
        cluster.store.delete(&resource, namespace, name);
    }

    /// A custom resource without objects.
    pub(crate) fn install(&self, crd: Crd) {
        self.cluster_mut().catalogue.install(&crd);
        self.put(crd.object());
    }

    /// An aggregated API that is listed and does not work, as `metrics.k8s.io` is while its server is down.
    pub(crate) fn break_group(&self, group: &str, version: &str) {
        self.cluster_mut().catalogue.break_group(group, version);
    }

    /// Every continue token handed out so far expires.
    pub(crate) fn compact(&self) {
        self.cluster_mut().store.compact();
    }

    /// A user with all rights, and a token for it.
    pub(crate) fn user(&self, name: &str) -> String {
        self.cluster_mut().rights.everything(name);
        self.tokens().issue(name)
    }

    /// A user with no rights but those of everybody, and a token for it.
    pub(crate) fn powerless(&self, name: &str) -> String {
        self.cluster_mut().rights.nothing(name);
        self.tokens().issue(name)
    }

    /// All rights for a user whose token comes from elsewhere.
    pub(crate) fn allow_everything(&self, user: &str) {
        self.cluster_mut().rights.everything(user);
    }

    /// Adds the rights of a ClusterRole (with `rules`) to a user, in all namespaces.
    pub(crate) fn bind(&self, user: &str, cluster_role: &Value) {
        self.cluster_mut().rights.bind(user, cluster_role);
    }

    /// `*` stands for any. `resource` may carry a subresource, `pods/log`.
    pub(crate) fn deny(&self, user: &str, verb: &str, group: &str, resource: &str) {
        self.cluster_mut().rights.deny(user, verb, group, resource, None);
    }

    /// In one namespace, and thereby for all of them at once.
    pub(crate) fn deny_in(&self, user: &str, verb: &str, group: &str, resource: &str, namespace: &str) {
        self.cluster_mut().rights.deny(user, verb, group, resource, Some(namespace));
    }

    /// Forgets all denials.
    pub(crate) fn allow_again(&self) {
        self.cluster_mut().rights.allow_again();
    }

    /// Groups that `selfsubjectreviews` names, besides `system:authenticated`.
    pub(crate) fn groups(&self, user: &str, groups: &[&str]) {
        let groups = groups.iter().map(|g| (*g).to_owned()).collect();
        self.cluster_mut().groups.insert(user.to_owned(), groups);
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.state.options.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{}", self.server.address, self.state.options.prefix)
    }

    /// `127.0.0.1:PORT`, as `endpoint` in the cluster's configuration.
    pub(crate) fn endpoint(&self) -> String {
        self.server.address.to_string()
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.address.port()
    }

    /// For `masterAuth.clusterCaCertificate`.
    pub(crate) fn authority_base64(&self) -> String {
        BASE64_STANDARD.encode(&self.authority_pem)
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.state.options.tokens
    }

    pub(crate) fn record(&self) -> &Record {
        &self.server.record
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.server.faults
    }

    fn cluster_mut(&self) -> std::sync::RwLockWriteGuard<'_, Cluster> {
        self.state.cluster.write().unwrap()
    }
}

/// The first form of JSON in an Accept header that is served: `""` for the document itself, or what `as` says. A form
/// that is asked for where it makes no sense (metadata of the discovery) is not distinguished.
fn form(accept: &str) -> Option<&str> {
    if accept.is_empty() {
        return Some("");
    }
    accept.split(',').find_map(|kind| {
        let mut parameters = kind.split(';').map(str::trim);
        let media = parameters.next()?;
        let form = parameters.find_map(|p| p.strip_prefix("as=")).unwrap_or_default();
        let known = ["", "PartialObjectMetadata", "PartialObjectMetadataList", "APIGroupDiscoveryList"].contains(&form);
        (known && ["*/*", "application/*", "application/json"].contains(&media)).then_some(form)
    })
}

fn split(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

fn group_kind(object: &Value) -> (String, String) {
    let text = |v: &Value| v.as_str().expect("objects have apiVersion and kind").to_owned();
    (split(&text(&object["apiVersion"])).0.to_owned(), text(&object["kind"]))
}

/// What a path asks for.
enum Route<'a> {
    Path,
    Core,
    Groups,
    Group(&'a str),
    Version(&'a str, &'a str),
    Resource { version: &'a str, want: Want },
}

/// k8s.io/apiserver/pkg/endpoints/request/requestinfo.go, `NewRequestInfo`.
fn route<'a>(method: &str, path: &'a str, query_name: Option<String>) -> Route<'a> {
    let parts: Vec<&'a str> = path.split('/').filter(|p| !p.is_empty()).collect();
    let (group, version, rest): (&str, &str, &[&str]) = match parts.as_slice() {
        ["api"] => return Route::Core,
        ["apis"] => return Route::Groups,
        ["apis", group] => return Route::Group(group),
        ["api", version] => return Route::Version("", version),
        ["apis", group, version] => return Route::Version(group, version),
        ["api", version, rest @ ..] => ("", version, rest),
        ["apis", group, version, rest @ ..] => (group, version, rest),
        _ => return Route::Path,
    };
    let mut want = Want { group: group.to_owned(), ..Want::default() };
    let rest = match rest {
        // `/namespaces/x` is the namespace x, and in it; so is its status.
        ["namespaces", namespace, rest @ ..] => {
            want.namespace = (*namespace).to_owned();
            if rest.is_empty() || ["status", "finalize"].contains(&rest[0]) {
                want.resource = "namespaces".to_owned();
                want.name = (*namespace).to_owned();
                want.subresource = rest.first().copied().unwrap_or_default().to_owned();
                &[]
            } else {
                rest
            }
        }
        rest => rest,
    };
    if let [resource, rest @ ..] = rest {
        want.resource = (*resource).to_owned();
        want.name = rest.first().copied().unwrap_or_default().to_owned();
        want.subresource = rest.get(1).copied().unwrap_or_default().to_owned();
    }
    want.verb = match (method, want.name.is_empty()) {
        ("GET" | "HEAD", false) => "get",
        ("GET" | "HEAD", true) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", false) => "delete",
        ("DELETE", true) => "deletecollection",
        _ => "",
    }
    .to_owned();
    // A list of one name counts as that object.
    if let Some(name) = query_name.filter(|_| want.verb == "list") {
        want.name = name;
    }
    Route::Resource { version, want }
}

impl Handler for State {
    fn user(&self, request: &Request) -> Option<String> {
        match request.bearer() {
            Some(token) => self.options.tokens.authenticate(token),
            None => self.options.anonymous.then(|| ANONYMOUS.to_owned()),
        }
    }

    fn answer(&self, request: &Request, user: Option<&str>, number: usize) -> Reply {
        let reply = match user {
            None => status::unauthorized(),
            Some(user) => self.authenticated(request, user),
        };
        let digest = Sha256::digest(format!("audit {number}"));
        let reply = reply.header("Audit-Id", &data::uid(&digest));
        match reply.headers.iter().any(|(n, _)| n == "Cache-Control") {
            true => reply,
            false => reply.header("Cache-Control", "no-cache, private"),
        }
    }

    fn failure(&self, _: &Request, code: u16) -> Reply {
        match code {
            // The token of the request is not looked at: any will do to go on inconsistently.
            410 => status::expired(Some(&store::token(-1, ""))),
            code => status::plain(code),
        }
    }

    fn tokens(&self) -> &Tokens {
        &self.options.tokens
    }

    fn gzip(&self) -> Gzip {
        self.options.gzip
    }
}

impl State {
    fn authenticated(&self, request: &Request, user: &str) -> Reply {
        let Some(path) = request.path.strip_prefix(&self.options.prefix) else { return status::page_not_found() };
        let method = request.method.as_str();
        let selector = request.parameter("fieldSelector").unwrap_or_default();
        let mut route = route(method, path, selector.strip_prefix("metadata.name=").map(str::to_owned));
        let cluster = self.cluster.read().unwrap();
        if let Route::Resource { version, want } = &mut route {
            if want.verb == "list" && request.parameter("watch").is_some_and(|w| w == "true" || w == "1") {
                want.verb = "watch".to_owned();
            }
            if !cluster.rights.allowed(user, want) {
                return cluster.rights.refusal(user, want);
            }
            return cluster.resource(request, user, version, want);
        }
        // system:public-info-viewer and system:discovery.
        let public = ["/healthz", "/livez", "/readyz", "/version"].contains(&path);
        if !public && (user == ANONYMOUS || matches!(route, Route::Path)) {
            return match cluster.rights.administrator(user) {
                true => status::page_not_found(),
                false => rights::path_refusal(user, &method.to_lowercase(), path),
            };
        }
        if method != "GET" {
            return status::method_not_allowed();
        }
        let accept = request.header("accept");
        if form(accept).is_none() {
            return status::not_acceptable();
        }
        let catalogue = &cluster.catalogue;
        let accept = if self.options.aggregated_discovery { accept } else { "application/json" };
        match route {
            Route::Core => catalogue.core_versions(request.header("host"), accept),
            Route::Groups => catalogue.group_list(accept),
            Route::Group(group) => catalogue.group_document(group).unwrap_or_else(status::page_not_found),
            Route::Version(group, _) if catalogue.broken(group) => status::unavailable(),
            Route::Version(group, version) => catalogue
                .resource_list(group, version)
                .unwrap_or_else(|| if catalogue.owns(group) { status::not_found() } else { status::page_not_found() }),
            _ if path == "/version" => Reply::json(200, &self.version()),
            _ => Reply::new(200, "text/plain; charset=utf-8", "ok"),
        }
    }

    fn version(&self) -> Value {
        let minor = self.options.minor.to_string();
        json!({
            "major": "1", "minor": minor, "emulationMajor": "1", "emulationMinor": minor, "minCompatibilityMajor": "1",
            "minCompatibilityMinor": (self.options.minor - 1).to_string(), "gitVersion": self.options.git_version,
            "gitCommit": "0000000000000000000000000000000000000000", "gitTreeState": "clean",
            "buildDate": "2025-08-14T09:00:00Z", "goVersion": "go1.24.5 X:boringcrypto", "compiler": "gc",
            "platform": "linux/amd64",
        })
    }
}

impl Cluster {
    fn resource(&self, request: &Request, user: &str, version: &str, want: &Want) -> Reply {
        if self.catalogue.broken(&want.group) {
            return status::unavailable();
        }
        let Some(resource) = self.catalogue.find(&want.group, version, &want.resource) else {
            return if self.catalogue.owns(&want.group) { status::not_found() } else { status::page_not_found() };
        };
        if want.verb == "create" && want.resource.starts_with("selfsubject") {
            return self.review(request, user, &resource);
        }
        if !["get", "list"].contains(&want.verb.as_str()) || !resource.verbs.contains(&want.verb) {
            return status::method_not_allowed();
        }
        // A namespaced object is not to be had without its namespace; a cluster's not within one.
        let inside = !want.namespace.is_empty() && want.resource != "namespaces";
        if !want.subresource.is_empty() || inside != resource.namespaced && (inside || want.verb == "get") {
            return if resource.custom { status::page_not_found() } else { status::not_found() };
        }
        let accept = request.header("accept");
        let Some(form) = form(accept) else { return status::not_acceptable() };
        let form = if form.starts_with("PartialObjectMetadata") { Form::Metadata } else { Form::Whole };
        let namespace = if inside { want.namespace.as_str() } else { "" };
        match want.verb.as_str() {
            "get" => self.store.get(&resource, namespace, &want.name, form),
            _ => self.store.list(&resource, namespace, request, form),
        }
    }

    /// Questions about oneself, answered from the table that decides.
    fn review(&self, request: &Request, user: &str, resource: &Resource) -> Reply {
        let body: Option<Value> = serde_json::from_slice(&request.body).ok().filter(Value::is_object);
        let Some(mut review) = body else {
            let message = format!("the object provided is unrecognized (must be of type {})", resource.kind);
            return status::bad_request(&message);
        };
        review["apiVersion"] = json!(resource.api_version());
        review["kind"] = json!(resource.kind);
        match resource.plural.as_str() {
            "selfsubjectaccessreviews" => {
                let text =
                    |key: &str| review["spec"]["resourceAttributes"][key].as_str().unwrap_or_default().to_owned();
                if review["spec"]["resourceAttributes"].is_object()
                    == review["spec"]["nonResourceAttributes"].is_object()
                {
                    return status::review_of_nothing();
                }
                if !review["spec"]["resourceAttributes"].is_object() {
                    let path = review["spec"]["nonResourceAttributes"]["path"].as_str().unwrap_or_default();
                    let public = ["/api", "/apis", "/healthz", "/livez", "/readyz", "/version"].contains(&path);
                    review["status"] = json!({"allowed": public});
                    return Reply::json(201, &review);
                }
                let want = Want {
                    verb: text("verb"),
                    group: text("group"),
                    resource: text("resource"),
                    subresource: text("subresource"),
                    namespace: text("namespace"),
                    name: text("name"),
                };
                review["metadata"] = json!({});
                review["status"] = match self.rights.allowed(user, &want) {
                    true => json!({"allowed": true, "reason": "RBAC: allowed by ClusterRoleBinding \"a-test\""}),
                    false => json!({"allowed": false}),
                };
            }
            "selfsubjectreviews" => {
                let mut groups = self.groups.get(user).cloned().unwrap_or_default();
                groups.push("system:authenticated".to_owned());
                review["metadata"] = json!({"creationTimestamp": "2025-11-24T09:00:00Z"});
                review["status"] = json!({"userInfo": {"username": user, "groups": groups}});
            }
            _ => return status::method_not_allowed(),
        }
        Reply::json(201, &review)
    }
}
