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
use super::environment::{self, Environment};
use super::schema::{Evidence, Facts, SubjectKind};

crate::facts! {
    /// Facts of a PostgreSQL database.
    pub struct DatabaseFacts {
        /// `namespace/Kind/name`.
        name / "name": String => [CloudNativePg],
        /// `postgres`.
        engine / "engine": String => [CloudNativePg],
        /// Who runs it: `cloudnative-pg`, or `none` for a server in a workload of its own.
        operator / "operator": String => [CloudNativePg],
        /// Port at its pods.
        port / "port": i64 => [CloudNativePg],
        /// Its environment, `null` when nothing says.
        environment / "environment": Option<String> => [CloudNativePg, Namespaces],
        /// Whether it is judged as production: it is, or nothing says what it is.
        production / "production": bool => [CloudNativePg, Namespaces],
        /// Whether a policy that is enforced isolates its pods for ingress.
        ingress_isolated / "ingressIsolated": bool => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Workloads with a connection that leads to it.
        clients / "clients": Vec<String> => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps],
        /// Workloads that may have one: their host, or their whole environment, is in a Secret.
        clients_maybe / "clientsMaybe": Vec<String> => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps],
        /// Workloads that certainly reach its port and do not use it.
        excess_clients / "excessClients": Vec<String> => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps, Namespaces, NetworkPolicies, OtherPolicies],
        /// Workloads that possibly reach its port, or possibly do not use it.
        excess_clients_maybe / "excessClientsMaybe": Vec<String> => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps, Namespaces, NetworkPolicies, OtherPolicies],
        /// Whether only its clients reach it.
        excess_clients_empty / "excessClientsEmpty": bool => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps, Namespaces, NetworkPolicies, OtherPolicies],
        /// Workloads on the host's network that reach it from its own node only, which no policy can take away.
        node_local_clients / "nodeLocalClients": Vec<String> => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Namespaces of its clients.
        client_namespaces / "clientNamespaces": Vec<String> => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps],
        /// Whether a login without any credential is possible over TCP (`trust`), by pg_hba or by a pooler.
        trust_reachable / "trustReachable": bool => [CloudNativePg],
        /// Workloads of another environment that certainly reach its port.
        cross_environment_clients / "crossEnvironmentClients": Vec<String> => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Workloads that possibly do, or whose environment is not known.
        cross_environment_clients_maybe / "crossEnvironmentClientsMaybe": Vec<String> => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Whether only workloads of its own environment reach it.
        cross_environment_clients_empty / "crossEnvironmentClientsEmpty": bool => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Environments of the workloads in `crossEnvironmentClients`.
        cross_environments / "crossEnvironments": Vec<String> => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// What the operator and the peer instances certainly cannot reach, such as `the operator on TCP 8000`.
        cut_off / "cutOff": Vec<String> => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// What they possibly cannot reach.
        cut_off_maybe / "cutOffMaybe": Vec<String> => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Whether the operator and the peer instances reach what they need.
        cut_off_empty / "cutOffEmpty": bool => [CloudNativePg, Workloads, Namespaces, NetworkPolicies, OtherPolicies],
        /// Whether its rules refuse every login in cleartext.
        refuses_cleartext / "refusesCleartext": bool => [CloudNativePg],
        /// `open`, `partial`, `tls-only`, `cleartext-only`, `locked-out`, `hba-invalid` or `unknown`.
        cleartext / "cleartext": String => [CloudNativePg],
        /// The rule that admits cleartext, in words; empty when there is none.
        cleartext_rule / "cleartextRule": String => [CloudNativePg],
        /// Whether every line of its pg_hba is valid.
        rules_valid / "rulesValid": bool => [CloudNativePg],
        /// Mistakes in its pg_hba.
        rule_errors / "ruleErrors": Vec<String> => [CloudNativePg],
        /// Whether a login by `md5` is possible, or passwords are stored as MD5.
        md5_reachable / "md5Reachable": bool => [CloudNativePg],
        /// Whether new passwords are stored as MD5: `password_encryption` says so, or the major version is 13 or older.
        md5_stored / "md5Stored": bool => [CloudNativePg],
        /// Workloads that hold a credential of it and have no connection to it.
        credential_holders_excess / "credentialHoldersExcess": Vec<String> => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps],
        /// Workloads of which that is possible.
        credential_holders_excess_maybe / "credentialHoldersExcessMaybe": Vec<String> => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps],
        /// Whether only its clients hold its credentials.
        credential_holders_excess_empty / "credentialHoldersExcessEmpty": bool => [CloudNativePg, Workloads, Services, EndpointSlices, ConfigMaps],
    }
}

/// Environment of a database.
pub fn environment_of(cx: &Context<'_>, d: &Database) -> Option<Environment> {
    let namespace = &d.object.namespace;
    let labels = cx.inventory.namespaces.get(namespace).map(|n| n.labels.known.clone()).unwrap_or_default();
    environment::of_database(cx.config, &d.id, namespace, &d.object.name, &d.labels, &labels)
}

pub fn build(cx: &mut Context<'_>, all: &Databases, index: usize) -> Facts {
    let d = &all.list[index];
    let environment = environment_of(cx, d).map(|e| e.name);
    let users = users(cx, all, index);
    let reached = reached(cx, d);
    let excess = excess(cx, &users, &reached);
    // All of them in one sentence, so that there is one thing to do.
    let homeless: Vec<String> =
        all.list.iter().filter(|d| environment_of(cx, d).is_none()).map(|d| d.id.clone()).collect();
    let (cross, environments) = cross(cx, d, environment.as_deref(), &homeless, &reached);
    let cut = cut_off(cx, d);
    let isolation = d.instances.map(|w| cx.isolation(w, Direction::Ingress));
    let holders = holders(cx, all, index, &users);
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
    let mut excess_evidence = reach_evidence.clone();
    excess_evidence.push(own(
        &format!("workloads that reach port {} and have no connection to it", d.port),
        list(&excess.certain),
        "reach minus references",
    ));
    let mut cross_evidence = reach_evidence.clone();
    cross_evidence.push(own(
        &format!("workloads of other environments that reach port {}", d.port),
        list(&cross.certain),
        "environments: configuration, then labels, then whole name tokens",
    ));
    let mut cut_evidence = reach_evidence.clone();
    cut_evidence.push(own(
        "needed connections",
        list(&cut.certain),
        "the operator and the other instances need TCP 8000 (status) and 5432 at each instance",
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
        excess_clients: excess.certain,
        excess_clients_maybe: excess.maybe,
        excess_clients_empty: excess.empty,
        node_local_clients: Known::Value(ids(cx, reached.node_local.iter().copied())),
        client_namespaces: Known::Value({
            let all: BTreeSet<String> =
                users.certain.iter().map(|w| cx.inventory.workloads[*w].object.namespace.clone()).collect();
            all.into_iter().collect()
        }),
        trust_reachable: server.trust,
        cross_environment_clients: cross.certain,
        cross_environment_clients_maybe: cross.maybe,
        cross_environment_clients_empty: cross.empty,
        cross_environments: environments,
        cut_off: cut.certain,
        cut_off_maybe: cut.maybe,
        cut_off_empty: cut.empty,
        refuses_cleartext: server.refuses,
        cleartext: server.word,
        cleartext_rule: server.rule,
        rules_valid: server.valid,
        rule_errors: server.errors,
        md5_reachable: server.md5,
        md5_stored: server.md5_stored,
        credential_holders_excess: holders.0.certain,
        credential_holders_excess_maybe: holders.0.maybe,
        credential_holders_excess_empty: holders.0.empty,
    };
    context::facts(
        d.id.clone(),
        SubjectKind::Database,
        d.object.clone(),
        values.into_values(),
        vec![
            ("ingressIsolated", reach_evidence),
            ("excessClientsEmpty", excess_evidence),
            ("excessClientsEmpty", client_evidence),
            ("crossEnvironmentClientsEmpty", cross_evidence),
            ("cutOffEmpty", cut_evidence),
            ("refusesCleartext", server.cleartext_evidence),
            ("rulesValid", server.error_evidence),
            ("md5Reachable", server.md5_evidence),
            ("trustReachable", server.trust_evidence),
            ("credentialHoldersExcessEmpty", holders.1),
        ],
    )
}

/// Who uses a database.
struct Users {
    certain: BTreeSet<usize>,
    /// Workloads that may, and why that is not known.
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
    for (w, reason) in &all.opaque {
        users.maybe.entry(*w).or_default().push(reason.clone());
    }
    users.maybe.retain(|w, _| !users.certain.contains(w));
    users
}

/// Workloads that reach a database, its own infrastructure left out, with the reasons where that is possible only.
struct Reached {
    certain: BTreeSet<usize>,
    maybe: BTreeMap<usize, Vec<Reason>>,
    /// On the host's network, and only from the node of a database pod: no policy can take that away.
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

/// The operator, and jobs that the operator runs for this very Cluster.
fn is_infrastructure(cx: &Context<'_>, d: &Database, w: usize) -> bool {
    if d.cnpg.is_none() {
        return false;
    }
    let workload = &cx.inventory.workloads[w];
    is_operator(cx, w)
        || workload.object.namespace == d.object.namespace
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

/// Reach minus references.
fn excess(cx: &Context<'_>, users: &Users, reached: &Reached) -> SetFacts {
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

/// Workloads of other environments that reach it.
fn cross(
    cx: &Context<'_>,
    d: &Database,
    environment: Option<&str>,
    homeless: &[String],
    reached: &Reached,
) -> (SetFacts, Known<Vec<String>>) {
    let Some(environment) = environment else {
        let reason = Reason::missing(format!(
            "nothing says which environment {} belong{} to. Add to gke-posture.yaml, each in its place:\n  environments:\n    {PRODUCTION}: {{ namespaces: [], databases: [{}] }}\n    development: {{ namespaces: [], databases: [] }}",
            homeless.join(", "),
            if homeless.len() == 1 { "s" } else { "" },
            homeless.join(", "),
        ));
        return (SetFacts::unknown(vec![reason.clone()]), Known::unknown(reason));
    };
    let of = |w: usize| {
        let namespace = &cx.inventory.workloads[w].object.namespace;
        let labels = cx.inventory.namespaces.get(namespace).map(|n| n.labels.known.clone()).unwrap_or_default();
        environment::of_namespace(cx.config, namespace, &labels).map(|e| e.name)
    };
    let (mut certain, mut maybe, mut reasons, mut names) = (Vec::new(), Vec::new(), Vec::new(), BTreeSet::new());
    for w in reached.certain.iter().chain(reached.maybe.keys()) {
        let workload = &cx.inventory.workloads[*w];
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
            // The platform serves every environment.
            None if cx.is_platform(&workload.object.namespace) => {}
            // What serves the database's own namespace is judged by whether it uses the database, not by environment.
            None if workload.object.namespace == d.object.namespace => {}
            None => {
                maybe.push(*w);
                reasons.push(Reason::missing(format!(
                    "nothing says which environment namespace {} belongs to. Add it to gke-posture.yaml under environments, or to platformNamespaces",
                    workload.object.namespace
                )));
            }
        }
    }
    let set = set_of(ids(cx, certain), ids(cx, maybe), reasons);
    (set, Known::Value(names.into_iter().collect()))
}

/// What a policy takes away from the operator and the peers.
fn cut_off(cx: &mut Context<'_>, d: &Database) -> SetFacts {
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
    let mut ask = |cx: &mut Context<'_>, name: &str, from: Peer, to: Peer, port: u16| {
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
                    ask(cx, name, *from, Peer::Class(*to), port);
                }
            }
        }
        if cx.inventory.workloads[instances].pods.is_none_or(|n| n > 1) {
            for port in [8000, d.port] {
                ask(cx, "peer instances", Peer::Class(*to), Peer::Class(*to), port);
            }
        }
    }
    set_of(certain, maybe, reasons)
}

/// Workloads that hold a credential of the database without using it.
fn holders(cx: &Context<'_>, all: &Databases, index: usize, users: &Users) -> (SetFacts, Vec<Evidence>) {
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
            let rule = format!("Secret {}/{} holds a credential of {}", workload.object.namespace, u.secret, d.id);
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
