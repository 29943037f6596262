//! The table: places that a run asks × what goes wrong there.
//!
//! The GKE API and one list of Kubernetes, NetworkPolicies, get every fault. Discovery, a second page and the objects that
//! are read by name share its transport and get those that differ behind it. Each other list shares all of its code: it
//! gets a refusal, and one of three faults in turn. The token endpoints of a key and of a user are asked by different
//! libraries, and get the faults that those can tell apart. Not here: a hang that passes, since an attempt waits a minute.

use std::time::Duration;

use gke_posture::inventory::Need;

use crate::servers::{Certificate, Cut, Effect, Fault, Shape};
use crate::world::{CLUSTER, Login};

/// Which server the faults are at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Google,
    Kube,
}

/// What cannot be known without the answer.
#[derive(Clone, Debug)]
pub(super) enum Lost {
    Everything,
    /// All but the cluster's configuration.
    Kubernetes,
    Needs(Vec<Need>),
    /// What these workloads refer to by name.
    Objects(Vec<&'static str>),
}

impl Lost {
    /// The needs that a gap must be about.
    pub(super) fn needs(&self) -> Vec<Need> {
        match self {
            Lost::Everything => vec![Need::Cluster, Need::Namespaces, Need::Workloads, Need::NetworkPolicies],
            Lost::Kubernetes => vec![Need::Namespaces, Need::Workloads, Need::NetworkPolicies, Need::ConfigMaps],
            Lost::Needs(needs) => needs.clone(),
            Lost::Objects(_) => vec![Need::ConfigMaps],
        }
    }
}

/// A run, up to its faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Road {
    Plain,
    /// A server that gives its discovery in one document for each group.
    OldDiscovery,
    /// More than a page of ReplicaSets.
    Paged,
    /// `--read-secret-values`, with a client whose setting is in a Secret.
    Secrets,
    /// As [`Road::Plain`], after the ConfigMap of `prod` was deleted.
    WithoutConfigMap,
    /// As [`Road::Secrets`], after the Secret of the client was deleted.
    WithoutSecret,
}

/// What is wrong beside the faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Twist {
    None,
    /// The cluster's certificate.
    Certificate(Certificate),
    /// Nobody listens at the cluster's address.
    KubeRefuses,
    /// The cluster's address takes connections and says nothing.
    KubeSilent,
    /// The cluster's address speaks no TLS.
    KubeBabbles,
    GoogleRefuses,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    /// The complete outcome.
    Complete,
    Gap,
    /// Either; never a third.
    CompleteOrGap,
    /// A policy that cannot be understood is kept as one whose rules are not known: no gap, a note, and no new pass.
    Noted,
}

pub(super) struct Cell {
    pub place: String,
    pub fault: String,
    pub road: Road,
    pub login: Login,
    pub at: At,
    pub twist: Twist,
    pub faults: Vec<Fault>,
    pub lost: Lost,
    /// What the gap must name.
    pub names: String,
    pub expect: Expect,
    /// The run without the fault.
    pub base: Road,
    /// `--timeout`, where the fault would otherwise be waited for.
    pub timeout: Option<&'static str>,
}

/// A fault: its name, the effect, and how often it strikes.
type Named = (String, Effect, Option<usize>);

fn named(name: &str, effect: Effect, times: Option<usize>) -> Named {
    (format!("{name} {}", if times.is_some() { "once" } else { "always" }), effect, times)
}

/// What passes: a second attempt gets its answer.
fn passing() -> Vec<Named> {
    let mut all = vec![named("429 with Retry-After", Effect::retry_after(429, "1"), Some(1))];
    for code in [500, 503] {
        all.push(named(&code.to_string(), Effect::status(code), Some(1)));
    }
    all.push(named("reset", Effect::Reset, Some(1)));
    all.push(named("close", Effect::Close, Some(1)));
    for (name, cut) in [("headers", Cut::Headers), ("half", Cut::Half), ("the last byte", Cut::Last)] {
        all.push(named(&format!("cut at {name}, Content-Length"), Effect::CutLength(cut), Some(1)));
        all.push(named(&format!("cut at {name}, chunked"), Effect::CutChunked(cut), Some(1)));
    }
    all.push(named("reset within", Effect::ResetWithin(Cut::Half), Some(1)));
    // Slow, but it arrives.
    let drip = Effect::Drip { bytes: 700, pause: Duration::from_millis(2) };
    all.push(("slow drip".to_owned(), drip, None));
    all
}

/// What does not pass, and is known at once or after a few attempts.
fn lasting() -> Vec<Named> {
    let mut all: Vec<Named> = [401, 403, 404, 500, 503]
        .into_iter()
        .map(|code| named(&code.to_string(), Effect::status(code), None))
        .collect();
    all.push(named("429 with a Retry-After of an hour", Effect::retry_after(429, "3600"), None));
    all.push(named("reset", Effect::Reset, None));
    all.push(named("cut, Content-Length", Effect::CutLength(Cut::Half), None));
    all.push(named("cut, chunked", Effect::CutChunked(Cut::Last), None));
    all.push(named("malformed", Effect::Malformed, None));
    all.push(named("no body", Effect::NoBody, None));
    all.push(named("a page with 200", Effect::Html { code: 200 }, None));
    all.push(named("a page with 502", Effect::Html { code: 502 }, None));
    all.push(named("gzip cut", Effect::GzipCut, None));
    all.push(named("gzip of nothing", Effect::GzipGarbage, None));
    let to = "http://127.0.0.1:9/login".to_owned();
    all.push(named("redirect", Effect::Redirect { code: 302, to }, None));
    all.push(named("an array", Effect::Shape(Shape::Array), None));
    all.push(named("null", Effect::Shape(Shape::Null), None));
    all
}

/// What is waited for until `--timeout`.
fn waiting() -> Vec<Named> {
    vec![named("hang", Effect::Hang, None), named("stall", Effect::Stall, None)]
}

/// Shapes that only a list can have.
fn list_shapes() -> Vec<Named> {
    let shapes = [
        Shape::ItemsNull,
        Shape::ItemsAbsent,
        Shape::ItemsObject,
        Shape::ItemString,
        Shape::ItemNull,
        Shape::MetadataNull,
        Shape::Empty,
    ];
    shapes.into_iter().map(|s| named(&format!("{s:?}"), Effect::Shape(s), None)).collect()
}

/// One place, to which faults are added.
struct Place {
    name: String,
    road: Road,
    login: Login,
    at: At,
    pattern: String,
    lost: Lost,
    names: String,
}

impl Place {
    fn new(name: &str, at: At, pattern: &str, lost: Lost, names: &str) -> Place {
        let (road, login) = (Road::Plain, Login::TokenFile);
        Place { name: name.into(), road, login, at, pattern: pattern.into(), lost, names: names.into() }
    }

    fn road(self, road: Road) -> Place {
        Place { road, ..self }
    }

    fn login(self, login: Login) -> Place {
        Place { login, ..self }
    }

    fn cell(&self, (fault, effect, times): Named, expect: Expect) -> Cell {
        let rule = Fault::on(&self.pattern, effect);
        Cell {
            place: self.name.clone(),
            fault,
            road: self.road,
            login: self.login,
            at: self.at,
            twist: Twist::None,
            faults: vec![match times {
                Some(n) => rule.times(n),
                None => rule,
            }],
            lost: self.lost.clone(),
            names: self.names.clone(),
            expect,
            base: self.road,
            timeout: None,
        }
    }

    fn each(&self, faults: Vec<Named>, expect: Expect) -> Vec<Cell> {
        faults.into_iter().map(|f| self.cell(f, expect)).collect()
    }

    fn waits(&self) -> Vec<Cell> {
        waiting().into_iter().map(|f| Cell { timeout: Some("8s"), ..self.cell(f, Expect::Gap) }).collect()
    }

    /// Those faults of [`Place::all`] that lead to other code behind the transport.
    fn most(&self) -> Vec<Cell> {
        let kept = [
            "429 with Retry-After once",
            "503 once",
            "reset once",
            "cut at the last byte, chunked once",
            "401 always",
            "403 always",
            "404 always",
            "500 always",
            "cut, chunked always",
            "malformed always",
            "a page with 200 always",
            "gzip cut always",
            "redirect always",
            "null always",
            "hang always",
            "401 once",
            "token revoked once",
        ];
        self.all().into_iter().filter(|c| kept.contains(&c.fault.as_str())).collect()
    }

    /// All faults that a document of any kind can have.
    fn all(&self) -> Vec<Cell> {
        let mut cells = self.each(passing(), Expect::Complete);
        cells.extend(self.each(lasting(), Expect::Gap));
        cells.extend(self.waits());
        // Another token comes with the second attempt, and is the same where the token was given.
        cells.push(self.cell(named("401", Effect::status(401), Some(1)), Expect::Complete));
        cells.push(self.cell(named("token revoked", Effect::Revoke, Some(1)), Expect::Gap));
        cells.push(self.cell(named("malformed", Effect::Malformed, Some(1)), Expect::CompleteOrGap));
        cells.push(self.cell(named("gzip cut", Effect::GzipCut, Some(1)), Expect::CompleteOrGap));
        cells
    }
}

/// A cell without faults at a request: the address itself is wrong.
fn twisted(name: &str, twist: Twist, lost: Lost, names: &str, timeout: Option<&'static str>) -> Cell {
    let cell = Place::new("address", At::Kube, "", lost, names).cell(named(name, Effect::Hang, None), Expect::Gap);
    Cell { twist, faults: Vec::new(), timeout, ..cell }
}

/// Those that wait longest first.
pub(super) fn all() -> Vec<Cell> {
    let mut cells = tokens();
    cells.extend(google());
    cells.extend(addresses());
    cells.extend(discovery());
    cells.extend(lists());
    cells.extend(objects());
    cells.sort_by_key(|c| !c.fault.contains("hang"));
    cells
}

fn tokens() -> Vec<Cell> {
    let metadata = "/computeMetadata/v1/instance/service-accounts/default/token";
    let places = [
        Place::new("metadata server", At::Google, metadata, Lost::Everything, "metadata server").login(Login::Metadata),
        Place::new("token of a key", At::Google, "/token", Lost::Everything, "key.json").login(Login::Key),
        Place::new("token of a user", At::Google, "/token", Lost::Everything, "adc.json").login(Login::User),
    ];
    let mut cells = Vec::new();
    for place in places {
        for code in [401, 403, 503] {
            cells.push(place.cell(named(&code.to_string(), Effect::status(code), None), Expect::Gap));
        }
        let lasting = [
            named("reset", Effect::Reset, None),
            named("cut", Effect::CutLength(Cut::Half), None),
            named("malformed", Effect::Malformed, None),
            named("a page with 200", Effect::Html { code: 200 }, None),
            named("Empty", Effect::Shape(Shape::Empty), None),
        ];
        cells.extend(place.each(lasting.into(), Expect::Gap));
        // The libraries try some of these again.
        for code in [500, 503] {
            cells.push(place.cell(named(&code.to_string(), Effect::status(code), Some(1)), Expect::CompleteOrGap));
        }
        cells.push(place.cell(named("reset", Effect::Reset, Some(1)), Expect::CompleteOrGap));
        cells.extend(place.waits().into_iter().filter(|c| c.fault == "hang always"));
        // Revoked mid-run: at the cluster's first list and at the GKE API, another token is made.
        for (at, path) in [(At::Google, format!("/v1/{CLUSTER}")), (At::Kube, "/api/v1/pods".to_owned())] {
            let cell = place.cell(named("token revoked", Effect::Revoke, Some(1)), Expect::Complete);
            cells.push(Cell { at, faults: vec![Fault::on(&path, Effect::Revoke).once()], ..cell });
        }
    }
    cells
}

fn google() -> Vec<Cell> {
    let place = Place::new("GKE get cluster", At::Google, &format!("/v1/{CLUSTER}"), Lost::Everything, CLUSTER);
    let mut cells = place.all();
    let path = format!("/v1/{CLUSTER}:fetchClusterUpgradeInfo");
    let lost = Lost::Needs(vec![Need::UpgradeInfo]);
    cells.extend(Place::new("GKE upgrade information", At::Google, &path, lost, "upgrade information").most());
    // Without its fields the cluster is unknown, and says no address.
    let empty = place.cell(named("Empty", Effect::Shape(Shape::Empty), None), Expect::Gap);
    cells.push(Cell { lost: Lost::Kubernetes, names: "Kubernetes API".to_owned(), ..empty });
    cells
}

fn addresses() -> Vec<Cell> {
    let kube = |name: &str, twist, timeout| twisted(name, twist, Lost::Kubernetes, "Kubernetes API", timeout);
    let certificate = |name: &str, c| kube(name, Twist::Certificate(c), None);
    vec![
        certificate("unknown CA", Certificate::UnknownAuthority),
        certificate("wrong name", Certificate::WrongName),
        certificate("expired", Certificate::Expired),
        kube("nobody listens", Twist::KubeRefuses, None),
        kube("silence, as a hang", Twist::KubeSilent, Some("8s")),
        kube("no TLS", Twist::KubeBabbles, None),
        twisted("nobody listens at the GKE API", Twist::GoogleRefuses, Lost::Everything, CLUSTER, None),
    ]
}

fn discovery() -> Vec<Cell> {
    // With a document that Kubernetes itself refuses, the lists of its own kinds can still be read.
    let custom = || Lost::Needs(vec![Need::OtherPolicies, Need::CloudNativePg, Need::ComputeClasses]);
    let apis = Place::new("discovery", At::Kube, "/apis", Lost::Kubernetes, "Kubernetes API");
    let mut cells = Vec::new();
    for mut cell in apis.most() {
        let broken = ["500 always", "cut, chunked always", "gzip cut always"];
        if broken.contains(&cell.fault.as_str()) {
            cell.lost = custom();
            cell.names = "clusters.postgresql.cnpg.io".to_owned();
        }
        cells.push(cell);
    }
    let old = Place::new("discovery, old form", At::Kube, "/apis", Lost::Kubernetes, "Kubernetes API")
        .road(Road::OldDiscovery);
    for fault in [named("malformed", Effect::Malformed, None), named("Empty", Effect::Shape(Shape::Empty), None)] {
        cells.push(old.cell(fault, Expect::Gap));
    }
    let group = "/apis/postgresql.cnpg.io/v1";
    let group = Place::new("discovery of a group", At::Kube, group, custom(), "").road(Road::OldDiscovery);
    for cell in group.most() {
        // One group that does not answer costs what is in it; what is wrong with the document may cost more.
        cells.push(Cell { lost: Lost::Needs(vec![Need::CloudNativePg]), ..cell });
    }
    cells
}

/// Path, resource as a gap names it, and what it is part of.
const LISTS: [(&str, &str, Need); 23] = [
    ("/apis/cloud.google.com/v1/computeclasses", "computeclasses", Need::ComputeClasses),
    ("/api/v1/namespaces", "namespaces", Need::Namespaces),
    ("/api/v1/pods", "pods", Need::Workloads),
    ("/api/v1/replicationcontrollers", "replicationcontrollers", Need::Workloads),
    ("/api/v1/services", "services", Need::Services),
    ("/apis/apps/v1/daemonsets", "daemonsets.apps", Need::Workloads),
    ("/apis/apps/v1/deployments", "deployments.apps", Need::Workloads),
    ("/apis/apps/v1/replicasets", "replicasets.apps", Need::Workloads),
    ("/apis/apps/v1/statefulsets", "statefulsets.apps", Need::Workloads),
    ("/apis/batch/v1/cronjobs", "cronjobs.batch", Need::Workloads),
    ("/apis/batch/v1/jobs", "jobs.batch", Need::Workloads),
    ("/apis/discovery.k8s.io/v1/endpointslices", "endpointslices.discovery.k8s.io", Need::EndpointSlices),
    ("/apis/cilium.io/v2/ciliumclusterwidenetworkpolicies", "ciliumclusterwidenetworkpolicies", Need::OtherPolicies),
    ("/apis/cilium.io/v2/ciliumnetworkpolicies", "ciliumnetworkpolicies.cilium.io", Need::OtherPolicies),
    ("/apis/crd.projectcalico.org/v1/globalnetworkpolicies", "globalnetworkpolicies", Need::OtherPolicies),
    ("/apis/crd.projectcalico.org/v1/networkpolicies", "networkpolicies.crd.projectcalico", Need::OtherPolicies),
    ("/apis/crd.projectcalico.org/v1/stagedglobalnetworkpolicies", "stagedglobal", Need::OtherPolicies),
    ("/apis/networking.gke.io/v1alpha1/fqdnnetworkpolicies", "fqdnnetworkpolicies", Need::OtherPolicies),
    ("/apis/policy.networking.k8s.io/v1alpha1/adminnetworkpolicies", "adminnetworkpolicies", Need::OtherPolicies),
    ("/apis/policy.networking.k8s.io/v1alpha1/baselineadminnetworkpolicies", "baseline", Need::OtherPolicies),
    ("/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies", "clusternetworkp", Need::OtherPolicies),
    ("/apis/postgresql.cnpg.io/v1/clusters", "clusters.postgresql.cnpg.io", Need::CloudNativePg),
    ("/apis/postgresql.cnpg.io/v1/poolers", "poolers.postgresql.cnpg.io", Need::CloudNativePg),
];

fn lists() -> Vec<Cell> {
    let mut cells = Vec::new();
    for (n, (path, names, need)) in LISTS.into_iter().enumerate() {
        let place = Place::new(path, At::Kube, path, Lost::Needs(vec![need]), names);
        cells.push(place.cell(named("403", Effect::status(403), None), Expect::Gap));
        let one = match n % 3 {
            0 => named("ItemNull", Effect::Shape(Shape::ItemNull), None),
            1 => named("malformed", Effect::Malformed, None),
            _ => named("cut before the last byte, chunked", Effect::CutChunked(Cut::Last), None),
        };
        cells.push(place.cell(one, Expect::Gap));
    }
    let path = "/apis/networking.k8s.io/v1/networkpolicies";
    let lost = || Lost::Needs(vec![Need::NetworkPolicies]);
    let first = Place::new(path, At::Kube, path, lost(), "networkpolicies.networking.k8s.io");
    cells.extend(first.all());
    cells.extend(first.each(list_shapes(), Expect::Gap));
    cells.push(first.cell(named("SpecString", Effect::Shape(Shape::SpecString), None), Expect::Noted));
    // The second page, by its continue token.
    let path = "/apis/apps/v1/replicasets?*continue=*";
    let lost = || Lost::Needs(vec![Need::Workloads]);
    let second = Place::new("second page", At::Kube, path, lost(), "replicasets.apps").road(Road::Paged);
    cells.extend(second.most());
    cells.push(second.cell(named("ItemsAbsent", Effect::Shape(Shape::ItemsAbsent), None), Expect::Gap));
    cells.push(second.cell(named("410", Effect::Expired, Some(1)), Expect::Complete));
    cells.push(second.cell(named("410", Effect::Expired, None), Expect::Gap));
    cells
}

fn objects() -> Vec<Cell> {
    let path = "/api/v1/namespaces/prod/configmaps/tomoda-config";
    let clients = vec!["prod/Deployment/tomoda-api", "prod/Deployment/tomoda-async"];
    let one = Place::new("ConfigMap", At::Kube, path, Lost::Objects(clients), "prod/tomoda-config");
    let path = "/api/v1/namespaces/prod/secrets/billing-db";
    let clients = vec![crate::world::BILLING];
    let secret = Place::new("Secret", At::Kube, path, Lost::Objects(clients), "prod/billing-db").road(Road::Secrets);
    let mut cells = Vec::new();
    for (place, without) in [(one, Road::WithoutConfigMap), (secret, Road::WithoutSecret)] {
        for cell in place.most() {
            // The API server says of an object that it is not there: then it is not.
            cells.push(match cell.fault.as_str() {
                "404 always" => Cell { base: without, expect: Expect::Complete, ..cell },
                _ => cell,
            });
        }
        for shape in [Shape::Empty, Shape::MetadataNull] {
            cells.push(place.cell(named(&format!("{shape:?}"), Effect::Shape(shape), None), Expect::Gap));
        }
        let data = Effect::edit(|object| object["data"] = serde_json::json!("no map"));
        cells.push(place.cell(named("data of another type", data, None), Expect::Gap));
    }
    cells
}
