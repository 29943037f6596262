//! Facts of a database: who reaches it, who should, and whether it takes connections in cleartext.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::config::PRODUCTION;
use crate::inventory::object::Protocol;
use crate::inventory::{Known, Reason, Tri};
use crate::network::{Direction, Peer, explain, well_known};

use super::connections::{self, Database, Databases, Leads};
use super::context::{self, Context, SetFacts, counts_as_production, set_of};
use super::database_server::server;
use super::environment::{self, DatabaseNames, Environment};
use super::schema::{Evidence, Facts, SubjectKind};

crate::facts! {
    /// Facts of a PostgreSQL database.
    pub struct DatabaseFacts {
        /// `namespace/Kind/name`.
        name / "name": String => [CloudNativePg],
        /// `postgres`.
        engine / "engine": String => [CloudNativePg],
        /// Operator that runs it: `cloudnative-pg`, or `none` for a server in an ordinary workload.
        operator / "operator": String => [CloudNativePg],
        /// Port of its pods.
        port / "port": i64 => [CloudNativePg],
        /// Its environment; `null` if it is not set.
        environment / "environment": Option<String> => [CloudNativePg, Namespaces],
        /// Whether it counts as production: it is production, or its environment is not set.
        production / "production": bool => [CloudNativePg, Namespaces],
        /// Whether an enforced policy isolates its pods for ingress.
        ingress_isolated / "ingressIsolated": bool => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Declared clients: workloads with a connection that leads to it.
        clients / "clients": Vec<String> => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps],
        /// Workloads that may be clients: their host, or their whole environment, is in a Secret.
        clients_maybe / "clientsMaybe": Vec<String> => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps],
        /// Workloads that can certainly reach its port and are not declared clients.
        unexpected_clients / "unexpectedClients": Vec<String> => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps, Namespaces, NetworkPolicies, OtherPolicies],
        /// Workloads that can possibly reach its port, or are possibly not declared clients.
        unexpected_clients_maybe / "unexpectedClientsMaybe": Vec<String> => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps, Namespaces, NetworkPolicies, OtherPolicies],
        /// Whether only declared clients can reach it.
        unexpected_clients_empty / "unexpectedClientsEmpty": bool => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps, Namespaces, NetworkPolicies, OtherPolicies],
        /// Workloads on the host network that can reach it only from the node of one of its pods, which no policy can block.
        node_local_clients / "nodeLocalClients": Vec<String> => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Namespaces of its declared clients.
        client_namespaces / "clientNamespaces": Vec<String> => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps],
        /// Whether a login without any credential is possible over TCP (`trust`), by pg_hba or by a pooler.
        accepts_trust / "acceptsTrust": bool => [CloudNativePg],
        /// Workloads of another environment that can certainly reach its port.
        cross_environment_clients / "crossEnvironmentClients": Vec<String> => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Workloads that possibly can, or whose environment is not known.
        cross_environment_clients_maybe / "crossEnvironmentClientsMaybe": Vec<String> => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Whether only workloads of its own environment can reach it.
        cross_environment_clients_empty / "crossEnvironmentClientsEmpty": bool => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Environments of the workloads in `crossEnvironmentClients`.
        cross_environments / "crossEnvironments": Vec<String> => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Peers that certainly cannot connect although the database needs them, such as `the operator cnpg-system/Deployment/cnpg on TCP 8000`.
        blocked_peers / "blockedPeers": Vec<String> => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Peers that possibly cannot connect.
        blocked_peers_maybe / "blockedPeersMaybe": Vec<String> => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Whether the operator and the peer instances can connect.
        blocked_peers_empty / "blockedPeersEmpty": bool => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Whether its rules reject every login in cleartext.
        refuses_cleartext / "refusesCleartext": bool => [CloudNativePg],
        /// `open`, `partial`, `tls-only`, `cleartext-only`, `locked-out`, `hba-invalid` or `unknown`.
        cleartext / "cleartext": String => [CloudNativePg],
        /// The rule that accepts cleartext; empty if there is none.
        cleartext_rule / "cleartextRule": String => [CloudNativePg],
        /// Whether every line of its pg_hba is valid.
        rules_valid / "rulesValid": bool => [CloudNativePg],
        /// Invalid lines of its pg_hba, each with its error.
        rule_errors / "ruleErrors": Vec<String> => [CloudNativePg],
        /// Whether a login by `md5` is possible, or passwords are stored as MD5.
        accepts_md5 / "acceptsMd5": bool => [CloudNativePg],
        /// Whether new passwords are stored as MD5: `password_encryption` says so, or the major version is 13 or older.
        stores_md5 / "storesMd5": bool => [CloudNativePg],
        /// Workloads that reference a credential of it and have no connection to it.
        unexpected_credential_holders / "unexpectedCredentialHolders": Vec<String> => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps],
        /// Workloads for which that is possible.
        unexpected_credential_holders_maybe / "unexpectedCredentialHoldersMaybe": Vec<String> => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps],
        /// Whether only its clients reference its credentials.
        unexpected_credential_holders_empty / "unexpectedCredentialHoldersEmpty": bool => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps],
    }
}

/// Environment of a database.
pub fn environment_of(cx: &Context<'_>, d: &Database) -> Option<Environment> {
    with_names(cx, d, |names| names.environment(cx.config))
}

/// The environments that labels give a database, if they contradict each other.
fn contradiction_of(cx: &Context<'_>, d: &Database) -> Vec<String> {
    with_names(cx, d, |names| names.contradiction(cx.config))
}

fn with_names<T>(cx: &Context<'_>, d: &Database, ask: impl FnOnce(DatabaseNames<'_>) -> T) -> T {
    let namespace = &d.object.namespace;
    let namespace_labels = cx.inventory.namespaces.get(namespace).map(|n| n.labels.known.clone()).unwrap_or_default();
    let (labels, namespace_labels) = (&d.labels, &namespace_labels);
    ask(DatabaseNames { id: &d.id, namespace, name: &d.object.name, labels, namespace_labels })
}

/// Notes on databases whose environment the labels leave open.
pub fn notes(cx: &Context<'_>, all: &Databases) -> Vec<String> {
    let note = |d: &Database| {
        let contradiction = contradiction_of(cx, d);
        let environment = environment_of(cx, d)?.name;
        (!contradiction.is_empty()).then(|| {
            format!(
                "{}: its labels and those of its namespace name the environments {}: it counts as {environment} until \
                 gke-posture.yaml states its environment",
                d.id,
                contradiction.join(" and "),
            )
        })
    };
    all.list.iter().filter_map(note).collect()
}

/// Facts of the database `all.list[index]`.
pub fn build(cx: &mut Context<'_>, all: &Databases, index: usize) -> Facts {
    let d = &all.list[index];
    let environment = environment_of(cx, d).map(|e| e.name);
    let users = users(cx, all, index);
    let reached = reached(cx, d);
    let unexpected = unexpected_clients(cx, &users, &reached);
    // All of them in one reason, so that there is one fix.
    let without_environment: Vec<String> =
        all.list.iter().filter(|d| environment_of(cx, d).is_none()).map(|d| d.id.clone()).collect();
    let (cross, environments) =
        clients_of_other_environments(cx, d, environment.as_deref(), &without_environment, &reached);
    let blocked = blocked_peers(cx, d);
    let isolation = d.instances.map(|w| cx.isolation(w, Direction::Ingress));
    let holders = unexpected_credential_holders(cx, all, index, &users);
    let server = server(cx, d);
    let names =
        |set: &BTreeSet<usize>| -> Vec<String> { set.iter().map(|w| cx.inventory.workloads[*w].id.clone()).collect() };
    let maybe: BTreeSet<usize> = users.maybe.keys().copied().collect();
    let reach_evidence = match (&isolation, d.instances) {
        (Some(i), Some(w)) => {
            let mut e = cx.isolation_evidence(w, Direction::Ingress, &i.policies);
            if cx.reach.enforcement.enforced == Some(false) {
                e.extend(cx.enforcement_evidence());
            }
            e
        }
        _ => Vec::new(),
    };
    let client_evidence = users.evidence.clone();
    let list = |known: &Known<Vec<String>>| Json::from(known.value().cloned().unwrap_or_default());
    let own = |path: &str, value: Json, rule: &str| context::evidence(d.object.clone(), &d.origin, path, value, rule);
    let mut unexpected_evidence = reach_evidence.clone();
    unexpected_evidence.push(own(
        &format!("workloads that can reach port {} and are not declared clients", d.port),
        list(&unexpected.certain),
        "can reach it, but is not a declared client",
    ));
    let mut cross_evidence = reach_evidence.clone();
    cross_evidence.push(own(
        &format!("workloads of other environments that can reach port {}", d.port),
        list(&cross.certain),
        "environments are taken from the configuration, then from labels, then from words in the name",
    ));
    let mut blocked_evidence = reach_evidence.clone();
    blocked_evidence.push(own(
        "blocked connections",
        list(&blocked.certain),
        "the operator and the other instances need TCP 8000 (status) and TCP 5432 on each instance",
    ));
    let values = DatabaseFacts {
        name: Known::Value(d.id.clone()),
        engine: Known::Value("postgres".to_owned()),
        operator: Known::Value(if d.cnpg.is_some() { "cloudnative-pg" } else { "none" }.to_owned()),
        port: Known::Value(i64::from(d.port)),
        environment: Known::Value(environment.clone()),
        production: Known::Value(counts_as_production(environment.as_deref())),
        ingress_isolated: isolation.map_or_else(
            || Known::unknown(Reason::missing(format!("{} has no pods in the evidence", d.id))),
            |i| i.isolated,
        ),
        clients: Known::Value(names(&users.certain)),
        clients_maybe: Known::Value(names(&maybe)),
        unexpected_clients: unexpected.certain,
        unexpected_clients_maybe: unexpected.maybe,
        unexpected_clients_empty: unexpected.empty,
        node_local_clients: Known::Value(ids(cx, reached.node_local.iter().copied())),
        client_namespaces: Known::Value({
            let all: BTreeSet<String> =
                users.certain.iter().map(|w| cx.inventory.workloads[*w].object.namespace.clone()).collect();
            all.into_iter().collect()
        }),
        accepts_trust: server.trust,
        cross_environment_clients: cross.certain,
        cross_environment_clients_maybe: cross.maybe,
        cross_environment_clients_empty: cross.empty,
        cross_environments: environments,
        blocked_peers: blocked.certain,
        blocked_peers_maybe: blocked.maybe,
        blocked_peers_empty: blocked.empty,
        refuses_cleartext: server.refuses,
        cleartext: server.word,
        cleartext_rule: server.rule,
        rules_valid: server.valid,
        rule_errors: server.errors,
        accepts_md5: server.md5,
        stores_md5: server.stores_md5,
        unexpected_credential_holders: holders.0.certain,
        unexpected_credential_holders_maybe: holders.0.maybe,
        unexpected_credential_holders_empty: holders.0.empty,
    };
    context::facts(
        d.id.clone(),
        SubjectKind::Database,
        d.object.clone(),
        values.into_values(),
        vec![
            ("ingressIsolated", reach_evidence),
            ("unexpectedClientsEmpty", unexpected_evidence),
            ("unexpectedClientsEmpty", client_evidence),
            ("crossEnvironmentClientsEmpty", cross_evidence),
            ("blockedPeersEmpty", blocked_evidence),
            ("refusesCleartext", server.cleartext_evidence),
            ("rulesValid", server.error_evidence),
            ("acceptsMd5", server.md5_evidence),
            ("acceptsTrust", server.trust_evidence),
            ("unexpectedCredentialHoldersEmpty", holders.1),
        ],
    )
}

/// Declared clients of a database.
struct Users {
    certain: BTreeSet<usize>,
    /// Workloads that may be clients, with the reasons why this is not known.
    maybe: BTreeMap<usize, Vec<Reason>>,
    evidence: Vec<Evidence>,
}

fn users(cx: &Context<'_>, all: &Databases, index: usize) -> Users {
    let mut users = Users { certain: BTreeSet::new(), maybe: BTreeMap::new(), evidence: Vec::new() };
    for c in &all.connections {
        match &c.leads {
            Leads::To(set) if set.contains(&index) => {
                users.certain.insert(c.workload);
                let w = &cx.inventory.workloads[c.workload];
                if let Some(e) = c.profile.evidence.first() {
                    let (object, path) = e.from.evidence(&w.object);
                    let source = cx.source_of(&object, w);
                    users.evidence.push(Evidence {
                        object,
                        path,
                        value: Json::from(e.value.clone()),
                        omitted: None,
                        rule: Some(format!(
                            "{} of {} leads to {}: {}",
                            e.variable,
                            w.id,
                            all.list[index].id,
                            c.path.join(" → ")
                        )),
                        source,
                    });
                }
            }
            Leads::To(_) | Leads::Elsewhere(_) => {}
            Leads::Unknown(r) => users.maybe.entry(c.workload).or_default().extend(r.iter().cloned()),
        }
    }
    for container in &all.opaque {
        let reasons = container.reasons_with_name(&cx.inventory.workloads[container.workload]);
        users.maybe.entry(container.workload).or_default().extend(reasons);
    }
    users.maybe.retain(|w, _| !users.certain.contains(w));
    users
}

/// Workloads that can reach a database, without its own infrastructure; with reasons where this is only possible.
struct Reached {
    certain: BTreeSet<usize>,
    maybe: BTreeMap<usize, Vec<Reason>>,
    /// On the host network, and only from the node of a database pod: no policy can block this.
    node_local: BTreeSet<usize>,
}

fn reached(cx: &mut Context<'_>, d: &Database) -> Reached {
    let mut reached = Reached { certain: BTreeSet::new(), maybe: BTreeMap::new(), node_local: BTreeSet::new() };
    for w in 0..cx.inventory.workloads.len() {
        if d.servers.contains(&w) || is_infrastructure(cx, d, w) || !cx.inventory.workloads[w].running {
            continue;
        }
        let mut best = Tri::No;
        let mut node_local = false;
        let mut reasons = Vec::new();
        for from in cx.classes(w) {
            for server in &d.servers {
                for to in cx.classes(*server) {
                    let (a, b) = (Peer::Class(from), Peer::Class(to));
                    let decision = cx.reach.any_pair_from_other_nodes(a, b);
                    let one = cx.reach.allows(decision, Protocol::Tcp, d.port);
                    best = best.max(one);
                    if one == Tri::Maybe {
                        reasons.extend(explain::reasons(cx.reach, cx.inventory, a, b));
                    }
                    let whole = cx.reach.any_pair(a, b);
                    node_local |= cx.reach.allows(whole, Protocol::Tcp, d.port) > Tri::No && one == Tri::No;
                }
            }
        }
        match best {
            Tri::Yes => {
                reached.certain.insert(w);
            }
            Tri::Maybe => {
                reached.maybe.insert(w, reasons);
            }
            Tri::No if node_local => {
                reached.node_local.insert(w);
            }
            Tri::No => {}
        }
    }
    reached
}

/// The operator, and jobs that the operator runs for this Cluster.
fn is_infrastructure(cx: &Context<'_>, d: &Database, w: usize) -> bool {
    if d.cnpg.is_none() {
        return false;
    }
    let workload = &cx.inventory.workloads[w];
    is_operator(cx, w)
        || workload.object.kind == "Job"
            && workload.object.namespace == d.object.namespace
            && workload.classes.iter().all(|c| {
                c.labels.get("cnpg.io/cluster") == Some(&d.object.name) && c.labels.contains_key("cnpg.io/jobRole")
            })
}

/// <https://cloudnative-pg.io/documentation/current/installation_upgrade/>
fn is_operator(cx: &Context<'_>, w: usize) -> bool {
    let workload = &cx.inventory.workloads[w];
    workload.classes.iter().all(|c| c.labels.get("app.kubernetes.io/name").is_some_and(|n| n == "cloudnative-pg"))
        || workload.classes.iter().flat_map(|c| &c.specs).flat_map(|(_, s)| &s.containers).any(|c| {
            c.image.split(['@', ':']).next().and_then(|i| i.rsplit('/').next()).is_some_and(|n| n == "cloudnative-pg")
        })
}

fn ids(cx: &Context<'_>, set: impl IntoIterator<Item = usize>) -> Vec<String> {
    set.into_iter().map(|w| cx.inventory.workloads[w].id.clone()).collect()
}

/// Workloads that can reach the database and are not declared clients.
fn unexpected_clients(cx: &Context<'_>, users: &Users, reached: &Reached) -> SetFacts {
    let certain: Vec<usize> = reached
        .certain
        .iter()
        .copied()
        .filter(|w| !users.certain.contains(w) && !users.maybe.contains_key(w))
        .collect();
    let mut maybe: Vec<usize> = reached.certain.iter().copied().filter(|w| users.maybe.contains_key(w)).collect();
    maybe.extend(reached.maybe.keys().copied().filter(|w| !users.certain.contains(w)));
    let mut reasons = Vec::new();
    for w in &maybe {
        reasons.extend(users.maybe.get(w).into_iter().flatten().cloned());
        reasons.extend(reached.maybe.get(w).into_iter().flatten().cloned());
    }
    set_of(ids(cx, certain), ids(cx, maybe), reasons)
}

/// Workloads of other environments that can reach it.
fn clients_of_other_environments(
    cx: &Context<'_>,
    d: &Database,
    environment: Option<&str>,
    without_environment: &[String],
    reached: &Reached,
) -> (SetFacts, Known<Vec<String>>) {
    let Some(environment) = environment else {
        let reason = Reason::missing(format!(
            "the environment of {} is not set. Add to gke-posture.yaml, each database to its environment:\n  environments:\n    {PRODUCTION}: {{ namespaces: [], databases: [{}] }}\n    development: {{ namespaces: [], databases: [] }}",
            without_environment.join(", "),
            without_environment.join(", "),
        ));
        return (SetFacts::unknown(vec![reason.clone()]), Known::unknown(reason));
    };
    let contradiction = contradiction_of(cx, d);
    if !contradiction.is_empty() {
        let reason = Reason::missing(format!(
            "the labels of {} and of its namespace name the environments {}. Add the database to its environment in gke-posture.yaml:\n  environments:\n    {environment}: {{ databases: [{}] }}",
            d.id,
            contradiction.join(" and "),
            d.id,
        ));
        return (SetFacts::unknown(vec![reason.clone()]), Known::unknown(reason));
    }
    let labels_of = |w: usize| {
        let namespace = &cx.inventory.workloads[w].object.namespace;
        cx.inventory.namespaces.get(namespace).map(|n| n.labels.known.clone()).unwrap_or_default()
    };
    let of = |w: usize| {
        let namespace = &cx.inventory.workloads[w].object.namespace;
        environment::of_namespace(cx.config, namespace, &labels_of(w)).map(|e| e.name)
    };
    let (mut certain, mut maybe, mut reasons, mut names) = (Vec::new(), Vec::new(), Vec::new(), BTreeSet::new());
    for w in reached.certain.iter().chain(reached.maybe.keys()) {
        let workload = &cx.inventory.workloads[*w];
        let namespace = &workload.object.namespace;
        let contradiction = environment::contradiction_of_namespace(cx.config, namespace, &labels_of(*w));
        if !contradiction.is_empty() && *namespace != d.object.namespace {
            maybe.push(*w);
            reasons.push(Reason::missing(format!(
                "the labels of namespace {namespace} name the environments {}. Add the namespace to its environment in gke-posture.yaml",
                contradiction.join(" and "),
            )));
            continue;
        }
        match of(*w) {
            Some(e) if e == environment => {}
            Some(e) => match reached.maybe.get(w) {
                None => {
                    certain.push(*w);
                    names.insert(e);
                }
                Some(why) => {
                    maybe.push(*w);
                    reasons.extend(why.iter().cloned());
                }
            },
            // Platform workloads serve every environment.
            None if cx.is_platform(&workload.object.namespace) => {}
            // The namespace of the database itself is shared: what counts there is who uses the database, not the environment.
            None if workload.object.namespace == d.object.namespace => {}
            None => {
                maybe.push(*w);
                reasons.push(Reason::missing(format!(
                    "the environment of namespace {} is not set. Add the namespace to gke-posture.yaml, under environments or platformNamespaces",
                    workload.object.namespace
                )));
            }
        }
    }
    let set = set_of(ids(cx, certain), ids(cx, maybe), reasons);
    (set, Known::Value(names.into_iter().collect()))
}

/// The operator and the peer instances, where a policy blocks what the database needs of them.
fn blocked_peers(cx: &mut Context<'_>, d: &Database) -> SetFacts {
    let (Some(_), Some(instances)) = (d.cnpg, d.instances) else {
        return set_of(Vec::new(), Vec::new(), Vec::new());
    };
    let operators: Vec<usize> = (0..cx.inventory.workloads.len()).filter(|w| is_operator(cx, *w)).collect();
    let sources: Vec<(String, Vec<Peer>)> = if operators.is_empty() {
        vec![("the operator (expected in namespace cnpg-system)".to_owned(), vec![well_known::CNPG_OPERATOR])]
    } else {
        operators
            .iter()
            .map(|w| {
                let peers = cx.classes(*w).into_iter().map(Peer::Class).collect();
                (format!("the operator {}", cx.inventory.workloads[*w].id), peers)
            })
            .collect()
    };
    let targets = cx.classes(instances);
    let (mut certain, mut maybe, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
    let mut check = |cx: &mut Context<'_>, name: &str, from: Peer, to: Peer, port: u16| {
        let decision = cx.reach.pair(from, to);
        let text = format!("{name} on TCP {port}");
        match cx.reach.allows(decision, Protocol::Tcp, port) {
            Tri::Yes => {}
            Tri::No => certain.push(text),
            Tri::Maybe => {
                maybe.push(text);
                reasons.extend(explain::reasons(cx.reach, cx.inventory, from, to));
            }
        }
    };
    for to in &targets {
        for (name, peers) in &sources {
            for from in peers {
                for port in [8000, d.port] {
                    check(cx, name, *from, Peer::Class(*to), port);
                }
            }
        }
        if cx.inventory.workloads[instances].pods.is_none_or(|n| n > 1) {
            for port in [8000, d.port] {
                check(cx, "peer instances", Peer::Class(*to), Peer::Class(*to), port);
            }
        }
    }
    set_of(certain, maybe, reasons)
}

/// Workloads that reference a credential of the database and are not clients.
fn unexpected_credential_holders(
    cx: &Context<'_>,
    all: &Databases,
    index: usize,
    users: &Users,
) -> (SetFacts, Vec<Evidence>) {
    let d = &all.list[index];
    // (namespace, Secret) → keys that are a credential; `None` is the whole Secret.
    let mut secrets: BTreeSet<(String, String, Option<String>)> = BTreeSet::new();
    if let Some(c) = d.cnpg {
        for (name, holds) in &cx.inventory.snapshot.cnpg_clusters[c].secrets {
            if holds == "owner" || holds == "superuser" || holds.starts_with("role ") {
                secrets.insert((d.object.namespace.clone(), name.clone(), None));
            }
        }
    }
    for c in all.connections.iter().filter(|c| matches!(&c.leads, Leads::To(set) if set.contains(&index))) {
        let namespace = &cx.inventory.workloads[c.workload].object.namespace;
        for (secret, key) in connections::credentials(cx.inventory, c) {
            secrets.insert((namespace.clone(), secret, Some(key)));
        }
    }
    let (mut certain, mut maybe, mut reasons, mut evidence) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (w, workload) in cx.inventory.workloads.iter().enumerate() {
        if d.servers.contains(&w) || users.certain.contains(&w) || is_infrastructure(cx, d, w) {
            continue;
        }
        for u in connections::secret_uses(workload) {
            let holds = secrets.iter().any(|(ns, secret, key)| {
                *ns == workload.object.namespace
                    && *secret == u.secret
                    && (key.is_none() || u.key.is_none() || *key == u.key)
            });
            if !holds {
                continue;
            }
            let rule = format!("Secret {}/{} contains a credential of {}", workload.object.namespace, u.secret, d.id);
            let value = u.key.clone().map_or(Json::Null, Json::from);
            match users.maybe.get(&w) {
                None => {
                    certain.push(workload.id.clone());
                    evidence.push(cx.of_workload(workload, &u.path, value, &rule));
                }
                Some(why) => {
                    maybe.push(workload.id.clone());
                    reasons.extend(why.iter().cloned());
                }
            }
        }
    }
    (set_of(certain, maybe, reasons), evidence)
}
