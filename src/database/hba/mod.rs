//! Who can log in to a PostgreSQL server, over which transport and by which method: `pg_hba.conf`.
//!
//! Grammar and matching follow [the PostgreSQL documentation](https://www.postgresql.org/docs/current/auth-pg-hba-conf.html);
//! the list that CloudNativePG generates is described in
//! [its documentation](https://cloudnative-pg.io/documentation/current/postgresql_conf/#the-pg_hba-section).
//! `docs/semantics.md#pg_hba` states the rules in short.

mod address;
mod cnpg;
mod evaluate;
mod option;
mod parse;
#[cfg(test)]
mod tests;
mod token;

use std::net::IpAddr;

pub(crate) use address::Address;
pub(crate) use cnpg::{generated_lines, postgres_major};
pub(crate) use evaluate::evaluate;
pub(crate) use parse::parse;

use crate::inventory::Reason;

/// Where a line of the list comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A line that the operator writes.
    Operator,
    /// `spec.postgresql.pg_hba[item]`, its 1-based `line`.
    User { item: usize, line: usize },
}

/// One line before parsing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub origin: Origin,
    pub text: String,
    /// The line may be absent: the evidence does not resolve its pod selector.
    pub uncertain: bool,
}

/// The first field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionType {
    Local,
    Host,
    HostSsl,
    HostNoSsl,
    HostGssEnc,
    HostNoGssEnc,
}

/// An element of the database field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    All,
    SameUser,
    SameRole,
    /// Physical replication. A login of an application never matches it.
    Replication,
    Name(String),
    File(String),
    Regex(String),
}

/// An element of the user field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum User {
    All,
    Name(String),
    /// `+role`: its direct and indirect members.
    Role(String),
    File(String),
    Regex(String),
}

/// An authentication method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    Trust,
    Reject,
    Password,
    Ldap,
    Pam,
    Radius,
    Md5,
    ScramSha256,
    Cert,
    Peer,
    Ident,
    Gss,
    Oauth,
}

impl Method {
    /// The word in `pg_hba.conf`.
    pub fn word(self) -> &'static str {
        match self {
            Method::Trust => "trust",
            Method::Reject => "reject",
            Method::Password => "password",
            Method::Ldap => "ldap",
            Method::Pam => "pam",
            Method::Radius => "radius",
            Method::Md5 => "md5",
            Method::ScramSha256 => "scram-sha-256",
            Method::Cert => "cert",
            Method::Peer => "peer",
            Method::Ident => "ident",
            Method::Gss => "gss",
            Method::Oauth => "oauth",
        }
    }

    /// Whether the client sends the password itself to the server.
    pub fn sends_password(self) -> bool {
        matches!(self, Method::Password | Method::Ldap | Method::Pam | Method::Radius)
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub origin: Origin,
    /// The line with secrets masked.
    pub text: String,
    pub connection: ConnectionType,
    pub databases: Vec<Database>,
    pub users: Vec<User>,
    pub address: Address,
    pub method: Method,
    /// `clientcert=` is set.
    pub client_certificate: bool,
    pub uncertain: bool,
}

/// A line that the server rejects. With such a line the server keeps its old rules on reload, and does not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    pub origin: Origin,
    /// The line with secrets masked.
    pub text: String,
    pub message: String,
}

impl std::fmt::Display for RuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.origin {
            Origin::Operator => write!(f, "operator rule")?,
            Origin::User { item, line } => write!(f, "spec.postgresql.pg_hba[{item}] line {line}")?,
        }
        write!(f, ": {}: {}", self.message, self.text)
    }
}

/// A parsed list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    pub rules: Vec<Rule>,
    pub errors: Vec<RuleError>,
    /// `include…` lines and names in files. The files are not read, and may be missing.
    pub unread: Vec<RuleError>,
    /// What a reader may misunderstand, such as a name that looks like a keyword.
    pub notes: Vec<RuleError>,
}

/// How a connection reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    Cleartext,
    Tls,
}

/// Which logins to evaluate. A field that is `None` or empty stands for every value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Question {
    pub database: Option<String>,
    pub user: Option<String>,
    /// Addresses as the server sees them.
    pub addresses: Vec<IpAddr>,
    /// The cluster has no IPv6.
    pub ipv4_only: bool,
}

/// A login that stands for all logins that match the same rules.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Witness {
    pub database: String,
    pub user: String,
    pub address: IpAddr,
}

impl std::fmt::Display for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{} from {}", self.user, self.database, self.address)
    }
}

/// Whether a client can log in without TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// Every login is accepted in cleartext.
    Open,
    /// Cleartext is rejected; TLS is accepted.
    TlsOnly,
    /// Some logins are accepted in cleartext, others are rejected. At most [`Acceptance::MAX_WITNESSES`] of each.
    Partial {
        open: Vec<Witness>,
        refused: Vec<Witness>,
    },
    /// Ordinary users are rejected over both transports.
    LockedOut,
    /// Cleartext is accepted; TLS is rejected.
    CleartextOnly,
    /// The server rejects the list.
    Invalid(Vec<RuleError>),
    Unknown(Vec<Reason>),
}

impl Acceptance {
    pub const MAX_WITNESSES: usize = 16;

    /// The name in reports.
    pub fn word(&self) -> &'static str {
        match self {
            Acceptance::Open => "open",
            Acceptance::TlsOnly => "tls-only",
            Acceptance::Partial { .. } => "partial",
            Acceptance::LockedOut => "locked-out",
            Acceptance::CleartextOnly => "cleartext-only",
            Acceptance::Invalid(_) => "hba-invalid",
            Acceptance::Unknown(_) => "unknown",
        }
    }
}

/// A rule that decides some login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Index into [`Rules::rules`].
    pub rule: usize,
    pub transport: Transport,
    pub method: Method,
    /// An example of what it decides.
    pub witness: Witness,
    /// `false` if another rule may decide, because a part of a rule cannot be resolved.
    pub certain: bool,
}

/// A role that needs a client certificate over TLS, but logs in without one in cleartext.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateBypass {
    pub user: String,
    /// The `cert` rule.
    pub certificate_rule: usize,
    /// The rule that accepts cleartext.
    pub cleartext_rule: usize,
}

/// What a list allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posture {
    pub acceptance: Acceptance,
    /// The rules that decide a login, in list order, `reject` included. Empty for an invalid list.
    pub reached: Vec<Reached>,
    pub certificate_bypass: Vec<CertificateBypass>,
    /// Rules of the user that decide no login. Rules for sockets and for replication are not evaluated.
    pub shadowed: Vec<usize>,
}

impl Posture {
    /// Whether a login by `method` is possible over `transport`, or over any transport if that is `None`. `None` if the
    /// list does not decide it.
    pub fn reaches(&self, method: Method, transport: Option<Transport>) -> Option<bool> {
        self.any(|m| m == method, transport)
    }

    /// Whether a login in cleartext can use a method that sends the password itself.
    pub fn password_in_cleartext(&self) -> Option<bool> {
        self.any(Method::sends_password, Some(Transport::Cleartext))
    }

    fn any(&self, wanted: impl Fn(Method) -> bool, transport: Option<Transport>) -> Option<bool> {
        if matches!(self.acceptance, Acceptance::Invalid(_)) {
            return None;
        }
        let mut found = self.reached.iter().filter(|r| wanted(r.method) && transport.is_none_or(|t| t == r.transport));
        let first = found.next();
        match first {
            Some(r) if r.certain || found.any(|r| r.certain) => Some(true),
            Some(_) => None,
            // A list that was not evaluated has no rules here.
            None if self.reached.is_empty() && matches!(self.acceptance, Acceptance::Unknown(_)) => None,
            None => Some(false),
        }
    }
}
