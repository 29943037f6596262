//! Variables to connections: which belong together, and what each says.

use std::collections::BTreeMap;

use super::{Evidence, operator};
use crate::database::dsn::{self, Dsn, Engine, Host, Part, Password, Syntax, Unparsed};
use crate::database::env::{EnvValue, Environment, HOLE, PodContext, Sources};
use crate::inventory::Reason;
use crate::lexicon::{Confidence, Group, classify};

/// A recognised variable with its value as text with holes.
pub(super) struct Found {
    pub name: String,
    pub group: Group,
    pub profile: String,
    pub confidence: Confidence,
    pub value: EnvValue,
    pub text: String,
    pub evidence: Evidence,
}

/// A connection before its mode is judged.
pub(super) struct Connection {
    pub name: String,
    pub engine: Engine,
    pub dsn: Option<Dsn>,
    pub hosts: Vec<Host>,
    pub database: Part,
    pub user: Part,
    pub password: Password,
    pub evidence: Vec<Evidence>,
    pub problems: Vec<String>,
    pub reasons: Vec<Reason>,
    /// The connection string itself is not read, or cannot be.
    pub opaque: bool,
    /// A Secret that is taken whole may overwrite the string.
    pub shadowed: bool,
    pub confidence: Confidence,
}

pub(super) struct Gathered {
    pub found: Vec<Found>,
    pub connections: Vec<Connection>,
}

impl Gathered {
    /// Whether a connection of this name exists.
    pub fn has(&self, profile: &str) -> bool {
        self.connections.iter().any(|c| c.name == profile)
    }
}

/// Variables that configure a server when they stand in a server's container.
fn is_server_side(name: &str) -> bool {
    ["POSTGRES_", "POSTGRESQL_", "PG", "MYSQL_", "MARIADB_", "REDIS_", "MONGO"].iter().any(|p| name.starts_with(p))
}

pub(super) fn gather(pod: &PodContext<'_>, env: &Environment, sources: &dyn Sources, server: bool) -> Gathered {
    let mut found = Vec::new();
    for (name, variable) in &env.variables {
        if server && is_server_side(name) {
            continue;
        }
        let derived = match &variable.value {
            EnvValue::Opaque(o) => operator::derived(o, sources),
            _ => None,
        };
        let text = match (&variable.value, derived) {
            (_, Some(text)) => text,
            // The visible value of a variable that a Secret may overwrite still says what it is for.
            (EnvValue::Shadowable { value, .. }, None) => value.clone(),
            (value, None) => value.template().marked(),
        };
        let known = classify(name);
        let looks_like_dsn = matches!(dsn::parse(&text), Some(Ok(_))) && !is_list_of_nothing(&text);
        let (group, profile, confidence) = match known {
            Some(v) if !looks_like_dsn || is_string_group(v.group) => (v.group, v.profile, v.confidence),
            Some(v) => (Group::Url, v.profile, v.confidence),
            // Any variable that holds a database URL is one.
            None if looks_like_dsn => (Group::Url, name.clone(), Confidence::Medium),
            None => continue,
        };
        let shown = match &variable.value {
            EnvValue::Shadowable { value, by } => {
                let by: Vec<String> = by.iter().map(|o| o.describe()).collect();
                format!("{value} (unless {} sets it)", by.join(", "))
            }
            value => value.template().to_string(),
        };
        let evidence = Evidence { variable: name.clone(), value: shown, from: variable.from.clone() };
        found.push(Found {
            name: name.clone(),
            group,
            profile,
            confidence,
            value: variable.value.clone(),
            text,
            evidence,
        });
    }
    let connections = connections(pod, env, &found);
    Gathered { found, connections }
}

fn is_string_group(group: Group) -> bool {
    matches!(group, Group::Url | Group::Jdbc | Group::DotNet)
}

/// A string whose every part is a hole says nothing.
fn is_list_of_nothing(text: &str) -> bool {
    text.chars().all(|c| c == HOLE)
}

fn connections(pod: &PodContext<'_>, env: &Environment, found: &[Found]) -> Vec<Connection> {
    let mut out: BTreeMap<String, Connection> = BTreeMap::new();
    for f in found.iter().filter(|f| is_string_group(f.group)) {
        // An empty URL sets nothing.
        if f.text.trim().is_empty() {
            continue;
        }
        // Two strings of one prefix (`DATABASE_URL`, `DATABASE_URI`) are two connections.
        let name = if out.contains_key(&f.profile) || f.profile.is_empty() { &f.name } else { &f.profile };
        out.insert(name.clone(), from_string(name.clone(), f, pod, env));
    }
    let hosts: Vec<&Found> = found.iter().filter(|f| f.group == Group::Host).collect();
    for host in hosts {
        if host.text.trim().is_empty() || host.profile.is_empty() {
            continue;
        }
        match out.get_mut(&host.profile) {
            None => {
                let connection = from_variables(&host.profile, found, pod, env);
                out.insert(host.profile.clone(), connection);
            }
            Some(existing) if existing.dsn.is_some() => existing.evidence.push(host.evidence.clone()),
            Some(_) => {}
        }
    }
    out.into_values().collect()
}

fn reasons(f: &Found, pod: &PodContext<'_>, env: &Environment) -> Vec<Reason> {
    env.reasons(&f.name, pod)
}

fn from_string(name: String, f: &Found, pod: &PodContext<'_>, env: &Environment) -> Connection {
    let blank = |engine, opaque| Connection {
        name: name.clone(),
        engine,
        dsn: None,
        hosts: vec![Host { name: Part::Opaque, ..Host::default() }],
        database: Part::Opaque,
        user: Part::Opaque,
        password: Password::Reference,
        evidence: vec![f.evidence.clone()],
        problems: Vec::new(),
        reasons: Vec::new(),
        opaque,
        shadowed: matches!(f.value, EnvValue::Shadowable { .. }),
        confidence: f.confidence,
    };
    // A source that names this very variable probably sets it: the visible text says nothing.
    let replaced = matches!(&f.value, EnvValue::Shadowable { by, .. } if by.iter().any(super::convention::is_keyed));
    match dsn::parse(&f.text).filter(|_| !replaced) {
        Some(Ok(mut dsn)) => {
            // libpq takes from the environment what a string leaves open.
            if let ([host], Some(name)) = (dsn.hosts.as_mut_slice(), env.get("PGHOST").known())
                && dsn.engine == Engine::Postgres
                && (&host.name, &host.address) == (&Part::Absent, &Part::Absent)
                && !name.is_empty()
            {
                host.name = Part::of(name);
            }
            let problems = dsn.problems.iter().map(|p| format!("{}: {p}", f.name)).collect();
            // A hole in the password leaves the rest as it is; a hole in host or mode is a reason.
            let unread_host = dsn.hosts.iter().any(|h| h.name == Part::Opaque);
            Connection {
                engine: dsn.engine,
                hosts: dsn.hosts.clone(),
                database: dsn.database.clone(),
                user: dsn.user.clone(),
                password: dsn.password,
                problems,
                reasons: if unread_host || blank(Engine::Postgres, false).shadowed {
                    reasons(f, pod, env)
                } else {
                    Vec::new()
                },
                dsn: Some(dsn),
                ..blank(Engine::Postgres, false)
            }
        }
        unparsed => {
            let mut c = blank(engine_of(&f.profile, ""), true);
            c.reasons = reasons(f, pod, env);
            if let Some(Err(Unparsed(why))) = unparsed {
                c.problems.push(format!("{}: {why}", f.name));
            }
            if c.reasons.is_empty() {
                c.reasons.push(Reason::undecided(format!(
                    "{} of {} container {} is not a connection string that can be read: write it as postgresql://host/database?sslmode=…",
                    f.name, pod.workload, env.container
                )));
            }
            c
        }
    }
}

/// Engine by the words of a prefix, else by the port.
pub(super) fn engine_of(profile: &str, port: &str) -> Engine {
    let upper = profile.to_ascii_uppercase();
    let has = |w: &str| upper.contains(w);
    match port {
        _ if has("MYSQL") || has("MARIADB") => Engine::MySql,
        _ if has("REDIS") => Engine::Redis,
        _ if has("MONGO") => Engine::MongoDb,
        _ if has("POSTGRES") || has("PG") || upper == "LIBPQ" => Engine::Postgres,
        "3306" => Engine::MySql,
        "6379" => Engine::Redis,
        "27017" => Engine::MongoDb,
        _ => Engine::Postgres,
    }
}

fn from_variables(profile: &str, found: &[Found], pod: &PodContext<'_>, env: &Environment) -> Connection {
    let of = |group: Group| found.iter().filter(move |f| f.group == group && f.profile == profile);
    let part = |f: Option<&Found>| match f {
        None => Part::Absent,
        Some(f) if matches!(f.value, EnvValue::Shadowable { .. }) => Part::Opaque,
        Some(f) if f.text.trim().is_empty() => Part::Absent,
        Some(f) => Part::of(f.text.trim()),
    };
    let mut evidence: Vec<Evidence> = Vec::new();
    let mut unread: Vec<Reason> = Vec::new();
    let port = match part(of(Group::Port).next()) {
        // A service link, not a port number.
        Part::Known(p) if p.starts_with("tcp://") => Part::Absent,
        other => other,
    };
    let mut hosts = Vec::new();
    // `PGHOSTADDR` is where packets go, `PGHOST` the name that is verified.
    let address = of(Group::Host).find(|f| f.name == "PGHOSTADDR");
    for f in of(Group::Host).filter(|f| f.name != "PGHOSTADDR" || of(Group::Host).count() == 1) {
        evidence.push(f.evidence.clone());
        match part(Some(f)) {
            Part::Known(text) => {
                let text = text.split_once("://").map_or(text.as_str(), |(_, t)| t);
                for one in text.split(',') {
                    let socket = one.starts_with(['/', '@']);
                    let (name, own) = if socket { (one, None) } else { dsn::split_port(one.trim()) };
                    hosts.push(Host {
                        name: Part::of(name.trim_end_matches('/').trim()),
                        address: address.filter(|a| a.name != f.name).map_or(Part::Absent, |a| part(Some(a))),
                        port: own.map_or_else(|| port.clone(), Part::of),
                    });
                }
            }
            other => {
                unread.extend(reasons(f, pod, env));
                hosts.push(Host { name: other, address: Part::Absent, port: port.clone() });
            }
        }
    }
    for f in [Group::Port, Group::DatabaseName, Group::User].into_iter().flat_map(of) {
        evidence.push(f.evidence.clone());
    }
    let password = match of(Group::Password).next().map(|f| &f.value) {
        None => Password::Absent,
        Some(EnvValue::Opaque(crate::database::env::Opaque::Withheld { .. })) => Password::Literal,
        Some(EnvValue::Known(v)) if v.is_empty() => Password::Absent,
        Some(EnvValue::Known(_)) => Password::Literal,
        Some(_) => Password::Reference,
    };
    let known_port = port.known().unwrap_or_default();
    let engine = engine_of(profile, known_port);
    let properties = of(Group::UrlProperties).next();
    let dsn = properties.and_then(|p| {
        // Keycloak appends the properties to the JDBC URL that it builds.
        evidence.push(p.evidence.clone());
        let separator = if p.text.starts_with('?') { "" } else { "?" };
        match dsn::parse(&format!("jdbc:postgresql://host/database{separator}{}", p.text)) {
            Some(Ok(d)) if d.syntax == Syntax::Jdbc => Some(d),
            _ => None,
        }
    });
    Connection {
        name: profile.to_owned(),
        engine,
        dsn,
        hosts,
        database: part(of(Group::DatabaseName).next()),
        user: part(of(Group::User).next()),
        password,
        evidence,
        problems: Vec::new(),
        reasons: unread,
        opaque: false,
        shadowed: false,
        confidence: of(Group::Host).map(|f| f.confidence).min().unwrap_or(Confidence::Low),
    }
}
