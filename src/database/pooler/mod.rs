//! What a CloudNativePG Pooler (PgBouncer) accepts. PgBouncer parses its list in its own way: it skips an invalid line
//! and applies the rest.
//!
//! [PgBouncer configuration](https://www.pgbouncer.org/config.html#hba-file-format),
//! [Pooler](https://cloudnative-pg.io/documentation/current/connection_pooling/), `docs/semantics.md#poolers`.

#[cfg(test)]
mod tests;

use super::hba::{Acceptance, Address, ConnectionType, User};
use super::hba::{Database, Method};
use super::hba::{Line, Origin, Posture, Question, Rule, RuleError, evaluate, parse};
use crate::inventory::object::CnpgPooler;
use crate::lexicon::mask_text;

/// The connection from the pooler to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerHop {
    /// `verify-ca`, `verify-full`.
    Authenticated,
    /// `require`: encrypted; the server is not authenticated.
    Encrypted,
    /// `prefer`, or `allow` and `disable` with a user-provided password: cleartext is possible.
    Opportunistic,
    /// `allow` and `disable` with the built-in role, which has a certificate and no password. It cannot log in.
    Broken,
    /// Not a mode of PgBouncer.
    Invalid,
}

/// What a Pooler allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolerPosture {
    /// Whether clients can log in without TLS.
    pub client: Acceptance,
    pub server_hop: ServerHop,
    /// Lines of `spec.pgbouncer.pg_hba` that PgBouncer skips, with the reason.
    pub skipped: Vec<RuleError>,
    /// `auth_type` is not `hba`, so the whole list has no effect.
    pub list_disabled: bool,
    /// `auth_type` is `trust`, `any` or `plain`, or a trust rule is reached.
    pub no_authentication: bool,
}

/// Evaluates a Pooler.
pub(crate) fn evaluate_pooler(pooler: &CnpgPooler, question: &Question) -> PoolerPosture {
    let parameter = |name: &str, default: &'static str| {
        pooler.parameters.get(name).map_or(default, |v| v.trim()).to_ascii_lowercase()
    };
    let auth = parameter("auth_type", "hba");
    let list_disabled = auth != "hba";
    let (rules, skipped) = parse_rules(pooler);
    let tls = parameter("client_tls_sslmode", "prefer");
    let posture = (!list_disabled).then(|| {
        let parsed = super::hba::Rules { rules, ..Default::default() };
        evaluate(&parsed, question)
    });
    let listed = posture.as_ref().map_or(Acceptance::Open, |p| p.acceptance.clone());
    let client = match tls.as_str() {
        "require" | "verify-ca" | "verify-full" => match listed {
            Acceptance::LockedOut | Acceptance::CleartextOnly => Acceptance::LockedOut,
            _ => Acceptance::TlsOnly,
        },
        // Without TLS, only the rules for cleartext apply.
        "disable" => match listed {
            Acceptance::Open | Acceptance::CleartextOnly => Acceptance::CleartextOnly,
            Acceptance::TlsOnly | Acceptance::LockedOut => Acceptance::LockedOut,
            other => other,
        },
        _ => listed,
    };
    let password = pooler.auth_query_secret;
    let server_hop = match parameter("server_tls_sslmode", "verify-ca").as_str() {
        "verify-ca" | "verify-full" => ServerHop::Authenticated,
        "require" => ServerHop::Encrypted,
        "prefer" => ServerHop::Opportunistic,
        "allow" | "disable" if password => ServerHop::Opportunistic,
        "allow" | "disable" => ServerHop::Broken,
        _ => ServerHop::Invalid,
    };
    let trusts = |p: &Posture| p.reaches(Method::Trust, None) == Some(true);
    let no_authentication = matches!(auth.as_str(), "trust" | "any" | "plain") || posture.as_ref().is_some_and(trusts);
    PoolerPosture { client, server_hop, skipped, list_disabled, no_authentication }
}

/// Parses the generated list: the rules that PgBouncer applies, and the lines that it skips.
fn parse_rules(pooler: &CnpgPooler) -> (Vec<Rule>, Vec<RuleError>) {
    let mut lines: Vec<Line> = Vec::new();
    for (item, text) in pooler.pg_hba.iter().enumerate() {
        for (i, line) in text.split('\n').enumerate() {
            let origin = Origin::User { item, line: i + 1 };
            lines.push(Line { origin, text: line.to_owned(), uncertain: false });
        }
    }
    for text in ["host all all 0.0.0.0/0 md5", "host all all ::/0 md5"] {
        lines.push(Line { origin: Origin::Operator, text: text.to_owned(), uncertain: false });
    }
    let (mut rules, mut skipped) = (Vec::new(), Vec::new());
    for line in lines {
        // One by one: PgBouncer has no line continuation. Its syntax is that of PostgreSQL 13.
        let mut parsed = parse(std::slice::from_ref(&line), 13);
        let mut skip = |message: String| {
            let text = mask_text(line.text.trim());
            skipped.push(RuleError { origin: line.origin.clone(), text, message });
        };
        match (parsed.errors.pop(), parsed.rules.pop()) {
            (Some(e), _) => skip(e.message),
            (None, Some(rule)) => match unsupported_reason(&rule) {
                Some(why) => skip(why.to_owned()),
                None => rules.push(rule),
            },
            (None, None) => {}
        }
    }
    (rules, skipped)
}

/// Why PgBouncer skips a line that PostgreSQL accepts.
fn unsupported_reason(rule: &Rule) -> Option<&'static str> {
    if matches!(rule.connection, ConnectionType::HostGssEnc | ConnectionType::HostNoGssEnc) {
        return Some("PgBouncer has no hostgssenc and hostnogssenc rules");
    }
    if rule.users.iter().any(|u| matches!(u, User::Role(_))) || rule.databases.contains(&Database::SameRole) {
        return Some("PgBouncer has no role membership");
    }
    if matches!(rule.address, Address::SameHost | Address::SameNet | Address::Host(_)) {
        return Some("PgBouncer accepts only IP addresses and all");
    }
    if rule.client_certificate && rule.method != Method::Cert {
        return Some("PgBouncer has no clientcert option");
    }
    let known = matches!(
        rule.method,
        Method::Trust
            | Method::Reject
            | Method::Md5
            | Method::Password
            | Method::Peer
            | Method::Cert
            | Method::ScramSha256
            | Method::Pam
            | Method::Ldap
    );
    (!known).then_some("PgBouncer has no such method")
}
