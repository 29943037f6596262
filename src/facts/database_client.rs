//! Facts of one connection of a container to PostgreSQL: what it is encrypted with, and whom it trusts.

use serde_json::Value as Json;

use crate::database::outcome::{self, Client, Outcome, Server};
use crate::database::profile::{Delegation, Profile};
use crate::inventory::{Known, Reason, Tri, Workload};

use super::connections::{Connection, Databases, Leads, OpaqueContainer};
use super::context::{self, Context, counts_as_production, tri};
use super::database;
use super::environment::{self, Environment};
use super::schema::{Evidence, Facts, SubjectKind};

crate::facts! {
    /// Facts of one connection (a profile) of a container.
    pub struct DatabaseClientFacts {
        /// `WORKLOAD/container/profile`.
        name / "name": String => [Workloads],
        /// `namespace/Kind/name` of the workload.
        workload / "workload": String => [Workloads],
        /// The host that it connects to, as configured.
        host / "host": String => [Workloads, ConfigMaps],
        /// The database that it leads to; `null` if that is not one of this cluster, or not known.
        database / "database": Option<String> => [Workloads, ConfigMaps, Services, EndpointSlices, CloudNativePg],
        /// What the host leads to if it is not a database of this cluster; empty otherwise.
        elsewhere / "elsewhere": String => [Workloads, ConfigMaps, Services, EndpointSlices],
        /// Environment of the database, or of the workload if that is not known; `null` if neither is set.
        environment / "environment": Option<String> => [Workloads, ConfigMaps, Services, EndpointSlices, CloudNativePg, Namespaces],
        /// Whether it counts as production: it is production, or its environment is not set.
        production / "production": bool => [Workloads, ConfigMaps, Services, EndpointSlices, CloudNativePg, Namespaces],
        /// The TLS mode as configured, such as `DB_SSLMODE=require`; `null` if none is set.
        mode / "mode": Option<String> => [Workloads, ConfigMaps],
        /// Whether the mode comes from a variable that no driver reads by itself.
        declared / "declared": bool => [Workloads, ConfigMaps],
        /// Whether the connection certainly never uses cleartext.
        encrypted / "encrypted": bool => [Workloads, ConfigMaps, Services, EndpointSlices, CloudNativePg],
        /// The outcome behind `encrypted`: `pass`, `pass-declared`, `pass-encrypted-by-server`, `pass-delegated`, `warn` (it falls
        /// back to cleartext), `fail`, `broken`, `depends-on-driver` or `unknown`.
        encryption / "encryption": String => [Workloads, ConfigMaps, Services, EndpointSlices, CloudNativePg],
        /// Whether it certainly verifies the identity of the server.
        verifies_server / "verifiesServer": bool => [Workloads, ConfigMaps, Services, EndpointSlices, CloudNativePg],
        /// What the weakest driver that may be in use does, such as `TLS that falls back to cleartext`; empty if that is not known.
        weakest / "weakest": String => [Workloads, ConfigMaps],
        /// Whether the container can start: it cannot if its environment references something that does not exist.
        starts / "starts": bool => [Workloads, ConfigMaps],
        /// Settings that contradict each other.
        conflicts / "conflicts": Vec<String> => [Workloads, ConfigMaps],
    }
}

fn word(o: Outcome) -> &'static str {
    match o {
        Outcome::Pass => "pass",
        Outcome::PassDeclared => "pass-declared",
        Outcome::PassEncrypted => "pass-encrypted-by-server",
        Outcome::PassDelegated => "pass-delegated",
        Outcome::Warn => "warn",
        Outcome::Fail => "fail",
        Outcome::Broken => "broken",
        Outcome::DependsOnDriver => "depends-on-driver",
        Outcome::Unknown => "unknown",
    }
}

/// The server's side for a connection: the weakest of the databases it may lead to.
fn server_of(all: &Databases, c: &Connection) -> (Server, Option<bool>) {
    let Leads::To(set) = &c.leads else { return (Server::Unknown, None) };
    let at = |w: &usize| all.list.iter().find(|d| d.servers.contains(w)).and_then(|d| d.met_at(*w));
    let mut servers = c.servers.iter().map(|w| at(w).map_or(Server::Unknown, Server::from));
    let Some(first) = servers.next() else { return (Server::Unknown, None) };
    let server = servers.fold(first, |a, b| if a == b { a } else { Server::Unknown });
    // The operator's own CA signs for one Cluster only.
    let private = set.iter().all(|d| all.list[*d].cnpg.is_some());
    (server, private.then_some(true))
}

/// Facts of one connection. `id` is `WORKLOAD/container/profile`.
pub fn build(cx: &mut Context<'_>, all: &Databases, c: &Connection, id: String) -> Facts {
    let workload = cx.inventory.workloads[c.workload].clone();
    let p = &c.profile;
    let (server, private_ca) = server_of(all, c);
    let private_ca = private_ca.filter(|_| private_ca_of(cx, all, c));
    let falls_back = (!p.drivers.is_empty()).then_some(()).and_then(|()| {
        let all_do = p.drivers.iter().all(|d| d.falls_back_on_hba());
        let none_does = p.drivers.iter().all(|d| !d.falls_back_on_hba());
        if all_do {
            Some(true)
        } else if none_does {
            Some(false)
        } else {
            None
        }
    });
    let context = outcome::Context {
        private_ca,
        host_in_certificate: None,
        falls_back_on_hba: falls_back,
        declared: p.mode.declared,
    };
    let no_cleartext = outcome::encrypted(p.mode.client, server, &context);
    let mut reasons = p.reasons.clone();
    if let Some(r) = &p.mode.range {
        let names =
            |list: &[crate::database::tls::Driver]| list.iter().map(|d| d.name()).collect::<Vec<_>>().join(", ");
        if r.worst != r.best {
            reasons.push(Reason::undecided(format!(
                "it depends on the driver, which is not known: at worst {} ({}), at best {} ({})",
                r.worst.describe(),
                names(&r.worst_drivers),
                r.best.describe(),
                names(&r.best_drivers)
            )));
        }
    }
    // Where the server refuses cleartext nothing runs in it, whichever driver it is; only an attempt could.
    let refused = server == Server::TlsOnly;
    let no_cleartext = match no_cleartext {
        Outcome::DependsOnDriver | Outcome::Unknown if refused => Outcome::PassEncrypted,
        other => other,
    };
    let encrypted = match no_cleartext {
        o if o.passes() => Tri::Yes,
        Outcome::Warn | Outcome::Fail => Tri::No,
        // It cannot connect at all: nothing runs in cleartext.
        Outcome::Broken => Tri::Yes,
        _ => Tri::Maybe,
    };
    let verifies = match p.mode.client {
        Client::Delegated | Client::Local => Tri::Yes,
        Client::Unknown => Tri::Maybe,
        Client::Classes { .. } => match outcome::encrypted_and_authenticated(p.mode.client, server, &context) {
            o if o.passes() => Tri::Yes,
            Outcome::Warn | Outcome::Fail => Tri::No,
            Outcome::Broken => Tri::Yes,
            _ => match p.mode.client {
                Client::Classes { best, .. } if best <= crate::database::tls::Class::Require => Tri::No,
                _ => Tri::Maybe,
            },
        },
    };
    let database = match &c.leads {
        Leads::To(set) => Known::Value(set.iter().next().map(|d| all.list[*d].id.clone())),
        Leads::Elsewhere(_) => Known::Value(None),
        Leads::Unknown(r) => Known::Unknown(r.clone()),
    };
    let environment = match &c.leads {
        Leads::To(set) => set.iter().next().and_then(|d| database::environment_of(cx, &all.list[*d])),
        _ => None,
    }
    .or_else(|| environment_of(cx, &workload))
    .map(|e| e.name);
    let mode = mode_text(c);
    let values = DatabaseClientFacts {
        name: Known::Value(id.clone()),
        workload: Known::Value(workload.id.clone()),
        host: Known::Value(c.hosts.join(", ")),
        database,
        elsewhere: Known::Value(match &c.leads {
            Leads::Elsewhere(what) => what.clone(),
            _ => String::new(),
        }),
        environment: Known::Value(environment.clone()),
        production: Known::Value(counts_as_production(environment.as_deref())),
        mode: match (&mode, p.mode.explicit) {
            (Some(m), _) => Known::Value(Some(m.clone())),
            (None, Some(false)) => Known::Value(None),
            (None, _) => Known::Unknown(non_empty(&p.reasons)),
        },
        declared: Known::Value(p.mode.declared),
        encrypted: tri(encrypted, reasons.clone()),
        encryption: Known::Value(word(no_cleartext).to_owned()),
        verifies_server: tri(verifies, reasons),
        weakest: Known::Value(weakest(p)),
        starts: Known::Value(c.starts),
        conflicts: Known::Value(p.conflicts.clone()),
    };
    let mut evidence: Vec<Evidence> = p
        .evidence
        .iter()
        .map(|e| {
            let (object, path) = e.from.evidence(&workload.object);
            let source = cx.source_of(&object, &workload);
            Evidence {
                object,
                path,
                value: Json::from(format!("{}={}", e.variable, e.value)),
                rule: None,
                omitted: None,
                source,
            }
        })
        .collect();
    if let Some(d) = &p.mode.delegation {
        let what = match d {
            Delegation::Proxy { container } => format!("container {container} is a database proxy"),
            Delegation::Connector => "a connector in the process handles TLS".to_owned(),
            Delegation::Socket => "a Unix socket".to_owned(),
            Delegation::InPod { container } => format!("container {container} of the same pod is the server"),
        };
        evidence.push(cx.of_workload(
            &workload,
            "connection",
            Json::from(what),
            "the driver does not handle TLS there",
        ));
    }
    context::facts(
        id,
        SubjectKind::DatabaseClient,
        workload.object,
        values.into_values(),
        vec![("encrypted", evidence.clone()), ("verifiesServer", evidence)],
    )
}

/// Name of the profile that stands for what a container's unread variables may set.
const UNREAD: &str = "environment";

/// Facts of the connections that a container may have by variables that were not read: all of them are unknown.
pub fn build_unread(cx: &Context<'_>, c: &OpaqueContainer) -> Facts {
    let workload = &cx.inventory.workloads[c.workload];
    let id = format!("{}/{}/{UNREAD}", workload.id, c.container);
    let environment = environment_of(cx, workload).map(|e| e.name);
    fn unknown<T>(c: &OpaqueContainer) -> Known<T> {
        Known::Unknown(c.reasons.clone())
    }
    let values = DatabaseClientFacts {
        name: Known::Value(id.clone()),
        workload: Known::Value(workload.id.clone()),
        host: unknown(c),
        database: unknown(c),
        elsewhere: unknown(c),
        environment: Known::Value(environment.clone()),
        production: Known::Value(counts_as_production(environment.as_deref())),
        mode: unknown(c),
        declared: unknown(c),
        encrypted: unknown(c),
        encryption: unknown(c),
        verifies_server: unknown(c),
        weakest: unknown(c),
        starts: Known::Value(c.starts),
        conflicts: unknown(c),
    };
    let evidence = vec![cx.of_workload(
        workload,
        &format!("containers[{}]", c.container),
        Json::Null,
        "variables that were not read",
    )];
    context::facts(
        id,
        SubjectKind::DatabaseClient,
        workload.object.clone(),
        values.into_values(),
        vec![("encrypted", evidence.clone()), ("verifiesServer", evidence)],
    )
}

fn environment_of(cx: &Context<'_>, workload: &Workload) -> Option<Environment> {
    let namespace = &workload.object.namespace;
    let labels = cx.inventory.namespaces.get(namespace).map(|n| n.labels.known.clone()).unwrap_or_default();
    environment::of_namespace(cx.config, namespace, &labels)
}

fn non_empty(reasons: &[Reason]) -> Vec<Reason> {
    if reasons.is_empty() {
        vec![Reason::undecided("it is not known whether a TLS mode is set")]
    } else {
        reasons.to_vec()
    }
}

/// Whether every database of a connection uses the CA that the operator made for it alone.
fn private_ca_of(cx: &Context<'_>, all: &Databases, c: &Connection) -> bool {
    let Leads::To(set) = &c.leads else { return false };
    set.iter().all(|d| {
        all.list[*d].cnpg.is_some_and(|i| {
            let cluster = &cx.inventory.snapshot.cnpg_clusters[i];
            let own = format!("{}-ca", cluster.meta.name);
            cluster.secrets.iter().any(|(name, holds)| holds == "ca" && *name == own)
        })
    })
}

/// The mode with its variable, as it is configured.
fn mode_text(c: &Connection) -> Option<String> {
    let mode = &c.profile.mode;
    let text = mode.text.as_ref().filter(|t| !t.is_empty());
    match (&mode.convention, text) {
        (Some((variable, _)), Some(text)) if mode.declared => Some(format!("{variable}={text}")),
        (_, Some(text)) => Some(format!("sslmode={text}")),
        (Some((variable, _)), None) => Some(format!("an empty {variable}")),
        (None, None) => None,
    }
}

/// What the weakest driver does with the settings, with the variable that weakens them.
fn weakest(p: &Profile) -> String {
    let Client::Classes { worst, .. } = p.mode.client else { return String::new() };
    let drivers = p.mode.range.as_ref().filter(|r| r.worst == worst && r.worst != r.best).map(|r| {
        let names: Vec<&str> = r.worst_drivers.iter().map(|d| d.name()).collect();
        format!(" with {}", names.join(", "))
    });
    let switch = p.mode.verification_off.as_ref().map(|v| format!(", since {v} turns verification off"));
    format!("{}{}{}", worst.describe(), drivers.unwrap_or_default(), switch.unwrap_or_default())
}

/// Ids of all connections, `#2` where a container has two of one name.
pub fn ids(cx: &Context<'_>, all: &Databases) -> Vec<String> {
    let mut seen: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    all.connections
        .iter()
        .map(|c| {
            let id = format!("{}/{}/{}", cx.inventory.workloads[c.workload].id, c.container, c.profile.name);
            let n = seen.entry(id.clone()).or_insert(0);
            *n += 1;
            if *n == 1 { id } else { format!("{id}#{n}") }
        })
        .collect()
}
