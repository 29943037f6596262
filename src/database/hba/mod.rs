//! Who may log in to a PostgreSQL server, over which transport and by which method: `pg_hba.conf`.
//!
//! Grammar and matching follow [the PostgreSQL documentation](https://www.postgresql.org/docs/current/auth-pg-hba-conf.html);
//! the list that CloudNativePG generates is described in
//! [its documentation](https://cloudnative-pg.io/documentation/current/postgresql_conf/#the-pg_hba-section).

mod address;
mod cnpg;
mod evaluate;
mod option;
mod parse;
#[cfg(test)]
mod tests;
mod token;

use std::net::IpAddr;

pub use address::Address;
pub use cnpg::{generated, major};
pub use evaluate::evaluate;
pub use parse::parse;

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
pub struct Line {
    pub origin: Origin,
    pub text: String,
    /// The line may be absent: its pod selector is not resolved in the evidence.
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
    /// Physical replication only, which no login of an application is.
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
    /// `+role`: direct and indirect members.
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

    /// The secret itself is sent to the server.
    pub fn sends_text(self) -> bool {
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

/// A line that the server refuses. It keeps its old rules on reload and does not start with these.
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
    /// `include…` lines, whose files are not read, and files that may be missing.
    pub unread: Vec<RuleError>,
    /// Notes: a name that looks like a keyword, …
    pub notes: Vec<RuleError>,
}

/// How a connection reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    Cleartext,
    Tls,
}

/// What is asked. Fields that are `None` or empty stand for anything, by finite witnesses.
#[derive(Clone, Debug, Default)]
pub struct Question {
    pub database: Option<String>,
    pub user: Option<String>,
    /// Addresses as the server sees them.
    pub addresses: Vec<IpAddr>,
    /// The cluster has no IPv6.
    pub ipv4_only: bool,
}

/// A request that stands for all requests which the rules treat alike.
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
pub enum Verdict {
    /// Every request is served in cleartext.
    Open,
    /// Cleartext is refused, and TLS is not.
    TlsOnly,
    /// Some requests are served in cleartext, some are refused. At most [`Verdict::MAX_WITNESSES`] of each.
    Partial {
        open: Vec<Witness>,
        refused: Vec<Witness>,
    },
    /// Ordinary users are refused over both transports.
    LockedOut,
    /// Cleartext is served and TLS refused.
    CleartextOnly,
    /// The server does not take the list.
    Invalid(Vec<RuleError>),
    Unknown(Vec<Reason>),
}

impl Verdict {
    pub const MAX_WITNESSES: usize = 16;

    /// The verdict's name in reports.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Open => "open",
            Verdict::TlsOnly => "tls-only",
            Verdict::Partial { .. } => "partial",
            Verdict::LockedOut => "locked-out",
            Verdict::CleartextOnly => "cleartext-only",
            Verdict::Invalid(_) => "hba-invalid",
            Verdict::Unknown(_) => "unknown",
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
    /// `false` if a part that cannot be resolved may make another rule decide.
    pub certain: bool,
}

/// A role that has to show a certificate over TLS, and logs in without one in cleartext.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateBypass {
    pub user: String,
    /// The `cert` rule.
    pub certificate_rule: usize,
    /// The rule that serves cleartext.
    pub cleartext_rule: usize,
}

/// What a list allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posture {
    pub verdict: Verdict,
    /// Rules that decide, in list order, `reject` included. Empty for an invalid list.
    pub reached: Vec<Reached>,
    pub certificate_bypass: Vec<CertificateBypass>,
    /// User rules that decide nothing (rules for sockets and for replication are not evaluated).
    pub shadowed: Vec<usize>,
}

impl Posture {
    /// Whether a login by `method` is possible over `transport` (any, if `None`). `None` if that is not decided.
    pub fn reaches(&self, method: Method, transport: Option<Transport>) -> Option<bool> {
        self.any(|m| m == method, transport)
    }

    /// Whether a method that sends the secret as text serves cleartext.
    pub fn text_password_in_cleartext(&self) -> Option<bool> {
        self.any(Method::sends_text, Some(Transport::Cleartext))
    }

    fn any(&self, wanted: impl Fn(Method) -> bool, transport: Option<Transport>) -> Option<bool> {
        if matches!(self.verdict, Verdict::Invalid(_)) {
            return None;
        }
        let mut found = self.reached.iter().filter(|r| wanted(r.method) && transport.is_none_or(|t| t == r.transport));
        let first = found.next();
        match first {
            Some(r) if r.certain || found.any(|r| r.certain) => Some(true),
            Some(_) => None,
            // A list that was not evaluated to the end shows no rule at all.
            None if self.reached.is_empty() && matches!(self.verdict, Verdict::Unknown(_)) => None,
            None => Some(false),
        }
    }
}
