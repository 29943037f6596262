//! Parses connection strings. They can have unknown parts ([`HOLE`]) and masked parts.
//!
//! Syntaxes: [libpq](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING),
//! [pgjdbc](https://jdbc.postgresql.org/documentation/use/), [R2DBC](https://r2dbc.io/spec/1.0.0.RELEASE/spec/html/#overview.connection.url),
//! [Npgsql](https://www.npgsql.org/doc/connection-string-parameters.html),
//! [SQLAlchemy](https://docs.sqlalchemy.org/en/20/core/engines.html#database-urls).

mod pairs;
#[cfg(test)]
mod tests;
mod url;

pub(crate) use url::split_port;

use super::env::HOLE;
use crate::lexicon::{HIDDEN, HIDDEN_AMBIGUOUS};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    Postgres,
    MySql,
    Redis,
    MongoDb,
    SqlServer,
    /// A database whose settings are not evaluated.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Syntax {
    /// `scheme://…`, also with SQLAlchemy's `+driver`.
    Uri,
    /// Blank-separated `key=value`.
    KeyValue,
    Jdbc,
    R2dbc,
    /// Semicolon-separated `Key=Value`.
    DotNet,
    /// `user:password@tcp(host:port)/database`.
    GoMySql,
}

/// The value of one part of a connection string.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum DsnValue {
    #[default]
    Absent,
    Known(String),
    /// A part of it is unknown or masked.
    Opaque,
}

impl DsnValue {
    pub fn known(&self) -> Option<&str> {
        match self {
            DsnValue::Known(v) => Some(v),
            _ => None,
        }
    }

    /// A value from decoded text.
    pub fn from_text(text: &str) -> Self {
        if text.contains(HOLE) || text.contains(HIDDEN) { DsnValue::Opaque } else { DsnValue::Known(text.to_owned()) }
    }

    fn or_absent(text: &str) -> Self {
        if text.is_empty() { DsnValue::Absent } else { DsnValue::from_text(text) }
    }
}

/// Where the password of a connection string comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Password {
    #[default]
    Absent,
    /// In the string itself (masked).
    Literal,
    /// From an unread reference.
    Reference,
}

impl Password {
    fn from_text(text: &str) -> Self {
        match text {
            "" => Password::Absent,
            t if t.chars().all(|c| c == HOLE) => Password::Reference,
            _ => Password::Literal,
        }
    }
}

/// A server that a client may connect to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host {
    /// The name to verify: a DNS name, an IP address, or a socket directory (begins with `/` or `@`).
    pub name: DsnValue,
    /// libpq's `hostaddr`: the address to connect to, if not `name`.
    pub address: DsnValue,
    /// The port. Absent means the engine's default.
    pub port: DsnValue,
}

impl Host {
    /// Whether it is a Unix socket, to which no TLS mode applies.
    pub fn is_socket(&self) -> bool {
        self.address == DsnValue::Absent
            && match &self.name {
                DsnValue::Known(n) => n.starts_with(['/', '@']),
                _ => false,
            }
    }
}

/// A problem in a connection string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DsnProblem {
    /// A raw `@`, `/`, `?` or `#` in the userinfo, so that drivers disagree on the host.
    AmbiguousUserinfo,
    /// A key that is repeated with different values.
    RepeatedKey(String),
    /// The driver rejects the string. The text states why, without quoting the string.
    Malformed(&'static str),
}

impl std::fmt::Display for DsnProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DsnProblem::AmbiguousUserinfo => f.write_str("ambiguous connection string (percent-encode the password)"),
            DsnProblem::RepeatedKey(k) => write!(f, "{k} is repeated with different values"),
            DsnProblem::Malformed(why) => f.write_str(why),
        }
    }
}

/// A parsed connection string. It never holds a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dsn {
    pub engine: Engine,
    pub syntax: Syntax,
    /// Lower-case scheme without `+driver`. Empty for syntaxes without a scheme.
    pub scheme: String,
    /// SQLAlchemy's driver, or the driver that parameters identify (`prisma`).
    pub driver: Option<String>,
    /// At least one. A string without a host has one absent host.
    pub hosts: Vec<Host>,
    pub user: DsnValue,
    pub password: Password,
    pub database: DsnValue,
    /// In order, decoded. The values of secrets are opaque.
    pub parameters: Vec<(String, DsnValue)>,
    pub problems: Vec<DsnProblem>,
}

impl Dsn {
    fn empty(engine: Engine, syntax: Syntax) -> Dsn {
        Dsn {
            engine,
            syntax,
            scheme: String::new(),
            driver: None,
            hosts: Vec::new(),
            user: DsnValue::Absent,
            password: Password::Absent,
            database: DsnValue::Absent,
            parameters: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The values of parameter `key`, exactly as spelled (.NET keys without case and blanks), in order.
    pub(crate) fn values<'a>(&'a self, key: &'a str) -> impl DoubleEndedIterator<Item = &'a DsnValue> + 'a {
        self.parameters.iter().filter(move |(k, _)| k == key).map(|(_, v)| v)
    }

    /// The last value of parameter `key`.
    pub(crate) fn last(&self, key: &str) -> Option<&DsnValue> {
        self.parameters.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// Finds repeated keys, and applies the parameters that set host, user, database and driver.
    fn finish(mut self) -> Self {
        for i in 0..self.parameters.len() {
            let (key, value) = &self.parameters[i];
            let problem = DsnProblem::RepeatedKey(key.clone());
            if self.parameters[..i].iter().any(|(k, v)| k == key && v != value) && !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
        if self.engine == Engine::Postgres && self.syntax == Syntax::Uri {
            self.apply_overrides();
            const PRISMA: &[&str] = &["schema", "connection_limit", "pgbouncer", "sslaccept", "pool_timeout"];
            if self.driver.is_none() && self.parameters.iter().any(|(k, _)| PRISMA.contains(&k.as_str())) {
                self.driver = Some("prisma".to_owned());
            }
        }
        if self.hosts.is_empty() {
            self.hosts.push(Host::default());
        }
        self
    }

    /// Applies the parameters that override the authority. In a key/value string they set everything.
    fn apply_overrides(&mut self) {
        let list = |part: &DsnValue| match part {
            DsnValue::Known(v) => v.split(',').map(|s| DsnValue::or_absent(s.trim())).collect(),
            other => vec![other.clone()],
        };
        let names: Option<Vec<DsnValue>> = self.last("host").map(list);
        let addresses: Option<Vec<DsnValue>> = self.last("hostaddr").map(list);
        let ports: Option<Vec<DsnValue>> = self.last("port").map(list);
        if let Some(names) = names {
            self.hosts = names.into_iter().map(|name| Host { name, ..Host::default() }).collect();
        }
        if let Some(addresses) = addresses {
            self.hosts.resize(addresses.len().max(self.hosts.len()), Host::default());
            for (host, address) in self.hosts.iter_mut().zip(addresses) {
                host.address = address;
            }
        }
        if let Some(ports) = ports {
            // A single port applies to all hosts.
            for (i, host) in self.hosts.iter_mut().enumerate() {
                host.port = ports.get(i).or(ports.first().filter(|_| ports.len() == 1)).cloned().unwrap_or_default();
            }
        }
        for (key, target) in [("user", &mut self.user), ("dbname", &mut self.database)] {
            if let Some((_, v)) = self.parameters.iter().rev().find(|(k, _)| k == key) {
                *target = v.clone();
            }
        }
    }
}

/// Why a text that looks like a connection string cannot be parsed. It never quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DsnError(pub &'static str);

/// Parses a connection string. `None` if `text` is not one.
pub(crate) fn parse(text: &str) -> Option<Result<Dsn, DsnError>> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    url::parse_url(text).or_else(|| pairs::parse_dot_net(text)).or_else(|| pairs::parse_key_value(text))
}

/// Percent-decodes. `None` if an escape is invalid. `+` stays.
fn percent_decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        if b != b'%' {
            out.push(b);
            continue;
        }
        let digit = |b: Option<u8>| (b? as char).to_digit(16);
        let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(out).ok()
}
