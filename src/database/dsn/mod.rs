//! Connection strings: which syntax, and what they say. They may have unknown parts ([`HOLE`]) and masked ones.
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
    /// Recognised as a database, but not one whose settings are read.
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

/// A part of a connection string.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    #[default]
    Absent,
    Known(String),
    /// It has an unknown or masked part.
    Opaque,
}

impl Part {
    pub fn known(&self) -> Option<&str> {
        match self {
            Part::Known(v) => Some(v),
            _ => None,
        }
    }

    /// A part from decoded text.
    pub fn of(text: &str) -> Self {
        if text.contains(HOLE) || text.contains(HIDDEN) { Part::Opaque } else { Part::Known(text.to_owned()) }
    }

    fn or_absent(text: &str) -> Self {
        if text.is_empty() { Part::Absent } else { Part::of(text) }
    }
}

/// Where the password of a connection string comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Password {
    #[default]
    Absent,
    /// In the string itself (masked).
    Literal,
    /// From a reference that is not read.
    Reference,
}

impl Password {
    fn of(text: &str) -> Self {
        match text {
            "" => Password::Absent,
            t if t.chars().all(|c| c == HOLE) => Password::Reference,
            _ => Password::Literal,
        }
    }
}

/// A server that a connection may go to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host {
    /// The name that is verified: a DNS name, an IP address, or a socket directory (begins with `/` or `@`).
    pub name: Part,
    /// libpq's `hostaddr`: where packets go, if not to `name`.
    pub address: Part,
    /// Text of the port; absent means the engine's default.
    pub port: Part,
}

impl Host {
    /// A Unix socket, to which no TLS mode applies.
    pub fn is_socket(&self) -> bool {
        self.address == Part::Absent
            && match &self.name {
                Part::Known(n) => n.starts_with(['/', '@']),
                _ => false,
            }
    }
}

/// What is odd about a string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// A raw `@`, `/`, `?` or `#` in the userinfo: drivers disagree on the host. Percent-encode the password.
    AmbiguousUserinfo,
    /// A key that stands more than once with different values.
    RepeatedKey(String),
    /// The driver refuses the string; the text says why without quoting it.
    Malformed(&'static str),
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Problem::AmbiguousUserinfo => f.write_str("ambiguous DSN (percent-encode the password)"),
            Problem::RepeatedKey(k) => write!(f, "{k} is given more than once with different values"),
            Problem::Malformed(why) => f.write_str(why),
        }
    }
}

/// A parsed connection string. It never holds a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dsn {
    pub engine: Engine,
    pub syntax: Syntax,
    /// Lower-case scheme without `+driver`; empty for the syntaxes that have none.
    pub scheme: String,
    /// SQLAlchemy's driver, or what parameters give away (`prisma`).
    pub driver: Option<String>,
    /// At least one; a string without a host has one absent host.
    pub hosts: Vec<Host>,
    pub user: Part,
    pub password: Password,
    pub database: Part,
    /// In order, decoded; the values of secrets are opaque.
    pub parameters: Vec<(String, Part)>,
    pub problems: Vec<Problem>,
}

impl Dsn {
    fn empty(engine: Engine, syntax: Syntax) -> Dsn {
        Dsn {
            engine,
            syntax,
            scheme: String::new(),
            driver: None,
            hosts: Vec::new(),
            user: Part::Absent,
            password: Password::Absent,
            database: Part::Absent,
            parameters: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The values of parameter `key`, exactly as spelled (.NET keys without case and blanks), in order.
    pub fn values<'a>(&'a self, key: &'a str) -> impl DoubleEndedIterator<Item = &'a Part> + 'a {
        self.parameters.iter().filter(move |(k, _)| k == key).map(|(_, v)| v)
    }

    /// The last value of parameter `key`.
    pub fn last(&self, key: &str) -> Option<&Part> {
        self.parameters.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    pub fn is_ambiguous(&self) -> bool {
        self.problems.contains(&Problem::AmbiguousUserinfo)
    }

    /// Finds repeated keys, and what parameters say about host, user, database and driver.
    fn finish(mut self) -> Self {
        for i in 0..self.parameters.len() {
            let (key, value) = &self.parameters[i];
            let problem = Problem::RepeatedKey(key.clone());
            if self.parameters[..i].iter().any(|(k, v)| k == key && v != value) && !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
        if self.engine == Engine::Postgres && self.syntax == Syntax::Uri {
            self.take_overrides();
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

    /// Parameters that override the authority, and carry everything in a key/value DSN.
    fn take_overrides(&mut self) {
        let list = |part: &Part| match part {
            Part::Known(v) => v.split(',').map(|s| Part::or_absent(s.trim())).collect(),
            other => vec![other.clone()],
        };
        let names: Option<Vec<Part>> = self.last("host").map(list);
        let addresses: Option<Vec<Part>> = self.last("hostaddr").map(list);
        let ports: Option<Vec<Part>> = self.last("port").map(list);
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
            // One port serves all hosts.
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

/// A text that looks like a connection string and cannot be read. It never quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unparsed(pub &'static str);

/// Reads a connection string; `None` if `text` is not one.
pub fn parse(text: &str) -> Option<Result<Dsn, Unparsed>> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    url::parse(text).or_else(|| pairs::dot_net(text)).or_else(|| pairs::key_value(text))
}

/// Percent-decodes; `None` if an escape is broken. `+` stays.
fn decode(text: &str) -> Option<String> {
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
