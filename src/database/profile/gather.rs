//! Groups variables into connections.

use std::collections::BTreeMap;

use super::{VariableEvidence, operator};
use crate::database::dsn::{self, Dsn, DsnError, DsnValue, Engine, Host, Password, Syntax};
use crate::database::env::{EnvValue, Environment, HOLE, PodContext, Sources};
use crate::inventory::Reason;
use crate::lexicon::{Confidence, Purpose, classify};

/// A variable with a known purpose. Unknown parts of its text are [`HOLE`]s.
pub(super) struct ConnectionVariable {
    pub name: String,
    pub purpose: Purpose,
    pub profile: String,
    pub confidence: Confidence,
    pub value: EnvValue,
    pub text: String,
    pub evidence: VariableEvidence,
}

/// A connection before its mode is evaluated.
pub(super) struct Connection {
    pub name: String,
    pub engine: Engine,
    pub dsn: Option<Dsn>,
    pub hosts: Vec<Host>,
    pub database: DsnValue,
    pub user: DsnValue,
    pub password: Password,
    pub evidence: Vec<VariableEvidence>,
    pub problems: Vec<String>,
    pub reasons: Vec<Reason>,
    /// The connection string is unread or cannot be parsed.
    pub opaque: bool,
    /// A Secret in `envFrom` may override the string.
    pub shadowed: bool,
    pub confidence: Confidence,
}

pub(super) struct Gathered {
    pub variables: Vec<ConnectionVariable>,
    pub connections: Vec<Connection>,
}

impl Gathered {
    /// Whether a connection of this name exists.
    pub(super) fn has(&self, profile: &str) -> bool {
        self.connections.iter().any(|c| c.name == profile)
    }
}

/// Whether a variable configures the server in a server's container.
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
            EnvValue::Opaque(o) => operator::derived_value(o, sources),
            _ => None,
        };
        let text = match (&variable.value, derived) {
            (_, Some(text)) => text,
            // The visible value still shows the purpose of a variable that a Secret may override.
            (EnvValue::Shadowable { value, .. }, None) => value.clone(),
            (value, None) => value.template().marked(),
        };
        let known = classify(name);
        let looks_like_dsn = matches!(dsn::parse(&text), Some(Ok(_))) && !is_entirely_unknown(&text);
        let (purpose, profile, confidence) = match known {
            Some(v) if !looks_like_dsn || is_string_group(v.purpose) => (v.purpose, v.profile, v.confidence),
            Some(v) => (Purpose::Url, v.profile, v.confidence),
            // A variable with any name can hold a connection string.
            None if looks_like_dsn => (Purpose::Url, name.clone(), Confidence::Medium),
            None => continue,
        };
        let shown = match &variable.value {
            EnvValue::Shadowable { value, by } => {
                let by: Vec<String> = by.iter().map(|o| o.describe()).collect();
                format!("{value} (unless {} sets it)", by.join(", "))
            }
            value => value.template().to_string(),
        };
        let evidence = VariableEvidence { variable: name.clone(), value: shown, from: variable.from.clone() };
        found.push(ConnectionVariable {
            name: name.clone(),
            purpose,
            profile,
            confidence,
            value: variable.value.clone(),
            text,
            evidence,
        });
    }
    let connections = build_connections(pod, env, &found);
    Gathered { variables: found, connections }
}

fn is_string_group(purpose: Purpose) -> bool {
    matches!(purpose, Purpose::Url | Purpose::Jdbc | Purpose::DotNet)
}

/// Whether every part of the text is unknown.
fn is_entirely_unknown(text: &str) -> bool {
    text.chars().all(|c| c == HOLE)
}

fn build_connections(pod: &PodContext<'_>, env: &Environment, found: &[ConnectionVariable]) -> Vec<Connection> {
    let mut out: BTreeMap<String, Connection> = BTreeMap::new();
    for f in found.iter().filter(|f| is_string_group(f.purpose)) {
        // An empty connection string sets nothing.
        if f.text.trim().is_empty() {
            continue;
        }
        // Two connection strings with one prefix (`DATABASE_URL`, `DATABASE_URI`) are two connections.
        let name = if out.contains_key(&f.profile) || f.profile.is_empty() { &f.name } else { &f.profile };
        out.insert(name.clone(), connection_from_string(name.clone(), f, pod, env));
    }
    let hosts: Vec<&ConnectionVariable> = found.iter().filter(|f| f.purpose == Purpose::Host).collect();
    for host in hosts {
        if host.text.trim().is_empty() || host.profile.is_empty() {
            continue;
        }
        match out.get_mut(&host.profile) {
            None => {
                let connection = connection_from_variables(&host.profile, found, pod, env);
                out.insert(host.profile.clone(), connection);
            }
            Some(existing) if existing.dsn.is_some() => existing.evidence.push(host.evidence.clone()),
            Some(_) => {}
        }
    }
    out.into_values().collect()
}

fn reasons(f: &ConnectionVariable, pod: &PodContext<'_>, env: &Environment) -> Vec<Reason> {
    env.reasons(&f.name, pod)
}

fn connection_from_string(name: String, f: &ConnectionVariable, pod: &PodContext<'_>, env: &Environment) -> Connection {
    let blank = |engine, opaque| Connection {
        name: name.clone(),
        engine,
        dsn: None,
        hosts: vec![Host { name: DsnValue::Opaque, ..Host::default() }],
        database: DsnValue::Opaque,
        user: DsnValue::Opaque,
        password: Password::Reference,
        evidence: vec![f.evidence.clone()],
        problems: Vec::new(),
        reasons: Vec::new(),
        opaque,
        shadowed: matches!(f.value, EnvValue::Shadowable { .. }),
        confidence: f.confidence,
    };
    // A source that names this variable probably sets it, so the visible text does not count.
    let replaced = matches!(&f.value, EnvValue::Shadowable { by, .. } if by.iter().any(super::convention::is_keyed));
    match dsn::parse(&f.text).filter(|_| !replaced) {
        Some(Ok(mut dsn)) => {
            // libpq takes from the environment what a connection string does not set:
            // https://www.postgresql.org/docs/current/libpq-envars.html
            if let ([host], Some(name)) = (dsn.hosts.as_mut_slice(), env.get("PGHOST").known())
                && dsn.engine == Engine::Postgres
                && (&host.name, &host.address) == (&DsnValue::Absent, &DsnValue::Absent)
                && !name.is_empty()
            {
                host.name = DsnValue::from_text(name);
            }
            let problems = dsn.problems.iter().map(|p| format!("{}: {p}", f.name)).collect();
            // An unknown password does not matter here; an unknown host or mode does.
            let unread_host = dsn.hosts.iter().any(|h| h.name == DsnValue::Opaque);
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
            if let Some(Err(DsnError(why))) = unparsed {
                c.problems.push(format!("{}: {why}", f.name));
            }
            if c.reasons.is_empty() {
                c.reasons.push(Reason::undecided(format!(
                    "{} of {} container {} is not a valid connection string: write it as postgresql://host/database?sslmode=…",
                    f.name, pod.workload, env.container
                )));
            }
            c
        }
    }
}

/// The engine by the words in a prefix, else by the port.
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

fn connection_from_variables(
    profile: &str,
    found: &[ConnectionVariable],
    pod: &PodContext<'_>,
    env: &Environment,
) -> Connection {
    let with = |purpose: Purpose| found.iter().filter(move |f| f.purpose == purpose && f.profile == profile);
    let part = |f: Option<&ConnectionVariable>| match f {
        None => DsnValue::Absent,
        Some(f) if matches!(f.value, EnvValue::Shadowable { .. }) => DsnValue::Opaque,
        Some(f) if f.text.trim().is_empty() => DsnValue::Absent,
        Some(f) => DsnValue::from_text(f.text.trim()),
    };
    let mut evidence: Vec<VariableEvidence> = Vec::new();
    let mut unread: Vec<Reason> = Vec::new();
    let port = match part(with(Purpose::Port).next()) {
        // The variable of a Service link, not a port number.
        DsnValue::Known(p) if p.starts_with("tcp://") => DsnValue::Absent,
        other => other,
    };
    let mut hosts = Vec::new();
    // `PGHOSTADDR` is the address to connect to, `PGHOST` the name to verify.
    let address = with(Purpose::Host).find(|f| f.name == "PGHOSTADDR");
    for f in with(Purpose::Host).filter(|f| f.name != "PGHOSTADDR" || with(Purpose::Host).count() == 1) {
        evidence.push(f.evidence.clone());
        match part(Some(f)) {
            DsnValue::Known(text) => {
                let text = text.split_once("://").map_or(text.as_str(), |(_, t)| t);
                for one in text.split(',') {
                    let socket = one.starts_with(['/', '@']);
                    let (name, own) = if socket { (one, None) } else { dsn::split_port(one.trim()) };
                    hosts.push(Host {
                        name: DsnValue::from_text(name.trim_end_matches('/').trim()),
                        address: address.filter(|a| a.name != f.name).map_or(DsnValue::Absent, |a| part(Some(a))),
                        port: own.map_or_else(|| port.clone(), DsnValue::from_text),
                    });
                }
            }
            other => {
                unread.extend(reasons(f, pod, env));
                hosts.push(Host { name: other, address: DsnValue::Absent, port: port.clone() });
            }
        }
    }
    for f in [Purpose::Port, Purpose::DatabaseName, Purpose::User].into_iter().flat_map(with) {
        evidence.push(f.evidence.clone());
    }
    let password = match with(Purpose::Password).next().map(|f| &f.value) {
        None => Password::Absent,
        Some(EnvValue::Opaque(crate::database::env::Opaque::Withheld { .. })) => Password::Literal,
        Some(EnvValue::Known(v)) if v.is_empty() => Password::Absent,
        Some(EnvValue::Known(_)) => Password::Literal,
        Some(_) => Password::Reference,
    };
    let known_port = port.known().unwrap_or_default();
    let engine = engine_of(profile, known_port);
    let properties = with(Purpose::UrlProperties).next();
    let dsn = properties.and_then(|p| {
        // Keycloak appends the properties to the JDBC URL that it builds: https://www.keycloak.org/server/db
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
        database: part(with(Purpose::DatabaseName).next()),
        user: part(with(Purpose::User).next()),
        password,
        evidence,
        problems: Vec::new(),
        reasons: unread,
        opaque: false,
        shadowed: false,
        confidence: with(Purpose::Host).map(|f| f.confidence).min().unwrap_or(Confidence::Low),
    }
}
