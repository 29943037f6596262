//! Client and server combined: is this connection encrypted, and is the server authenticated?
//!
//! `docs/semantics.md#client-and-server` holds the table.

#[cfg(test)]
mod tests;

use super::hba;
use super::tls::{Class, Range};

/// How a client connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// The classes over the drivers that may be in use. Equal if the drivers agree.
    Classes { worst: Class, best: Class },
    /// An unread setting decides.
    Unknown,
    /// A proxy in the pod or a connector in the process encrypts the connection.
    Delegated,
    /// A Unix socket, or a server in the same pod. Nothing leaves the pod.
    Local,
}

impl Client {
    pub fn class(class: Class) -> Self {
        Client::Classes { worst: class, best: class }
    }
}

impl From<&Range> for Client {
    fn from(r: &Range) -> Self {
        Client::Classes { worst: r.worst, best: r.best }
    }
}

/// What the server accepts from this client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// Cleartext is accepted.
    Open,
    TlsOnly,
    /// TLS is off. No reader of a server's settings reports it yet; the outcomes are complete without a reader.
    #[cfg_attr(not(test), expect(dead_code))]
    NoTls,
    /// TLS is on, but the rules reject it.
    CleartextOnly,
    Unknown,
}

impl From<&hba::Acceptance> for Server {
    /// `Partial` counts as open and an invalid list as unknown. Where every login is rejected, so is cleartext.
    fn from(v: &hba::Acceptance) -> Self {
        match v {
            hba::Acceptance::Open | hba::Acceptance::Partial { .. } => Server::Open,
            hba::Acceptance::TlsOnly | hba::Acceptance::LockedOut => Server::TlsOnly,
            hba::Acceptance::CleartextOnly => Server::CleartextOnly,
            hba::Acceptance::Invalid(_) | hba::Acceptance::Unknown(_) => Server::Unknown,
        }
    }
}

/// What else decides the outcome. `None` is not known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context {
    /// The checked CA signs certificates of this database only.
    pub private_ca: Option<bool>,
    /// The host in the client's settings is in the server's certificate.
    pub host_in_certificate: Option<bool>,
    /// Whether the driver's `prefer` falls back to cleartext if `pg_hba` rejects TLS.
    pub falls_back_on_hba: Option<bool>,
    /// Only a variable that no driver reads sets the class.
    pub declared: bool,
}

/// The result for one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Pass,
    /// The mode is declared only: no driver reads the variable.
    PassDeclared,
    /// Encrypted, because the server rejects cleartext. Whether the server is authenticated is not known.
    PassEncrypted,
    PassDelegated,
    Warn,
    Fail,
    /// The client cannot connect.
    Broken,
    /// Some drivers pass and some do not.
    DependsOnDriver,
    Unknown,
}

impl Outcome {
    pub(crate) fn passes(self) -> bool {
        matches!(self, Outcome::Pass | Outcome::PassDeclared | Outcome::PassEncrypted | Outcome::PassDelegated)
    }
}

/// Whether the connection is encrypted and the server authenticated.
pub(crate) fn encrypted_and_authenticated(client: Client, server: Server, context: &Context) -> Outcome {
    evaluate(client, server, context, &class_outcome)
}

/// Whether the connection is encrypted. The server need not be authenticated.
pub(crate) fn encrypted(client: Client, server: Server, context: &Context) -> Outcome {
    let outcome = evaluate(client, server, context, &|class, server, context| match (class, server) {
        (Class::Require | Class::VerifyCa | Class::VerifyFull, Server::Open | Server::TlsOnly | Server::Unknown) => {
            match class_outcome(class, server, context) {
                Outcome::Broken => Outcome::Broken,
                _ => Outcome::Pass,
            }
        }
        (Class::Prefer, Server::TlsOnly) => Outcome::Pass,
        _ => class_outcome(class, server, context),
    });
    match outcome {
        // A server that rejects cleartext is proof, whatever the client declares.
        Outcome::Pass if context.declared && server != Server::TlsOnly => Outcome::PassDeclared,
        other => other,
    }
}

fn evaluate(
    client: Client,
    server: Server,
    context: &Context,
    class_outcome: &dyn Fn(Class, Server, &Context) -> Outcome,
) -> Outcome {
    let (worst, best) = match client {
        Client::Delegated | Client::Local => return Outcome::PassDelegated,
        Client::Unknown => {
            return match server {
                Server::TlsOnly => Outcome::PassEncrypted,
                Server::NoTls | Server::CleartextOnly => Outcome::Fail,
                Server::Open | Server::Unknown => Outcome::Unknown,
            };
        }
        Client::Classes { worst, best } => (worst, best),
    };
    let (low, high) = (class_outcome(worst, server, context), class_outcome(best, server, context));
    // A class between the two can have another outcome, so every class of the range must agree.
    let between = [Class::Disable, Class::Allow, Class::Prefer, Class::Require, Class::VerifyCa, Class::VerifyFull];
    let uniform =
        between.into_iter().filter(|c| worst <= *c && *c <= best).all(|c| class_outcome(c, server, context) == low);
    match () {
        () if low == high && (worst == best || uniform) => low,
        () if low.passes() && high.passes() => low.max(high),
        () => Outcome::DependsOnDriver,
    }
}

fn class_outcome(class: Class, server: Server, context: &Context) -> Outcome {
    use Server::{CleartextOnly, NoTls, Open, TlsOnly, Unknown};
    match (class, server) {
        (Class::Error, _) => Outcome::Broken,
        (Class::Disable, TlsOnly) => Outcome::Broken,
        (Class::Disable, _) => Outcome::Fail,
        (Class::Allow, TlsOnly) => Outcome::Warn,
        (Class::Allow, _) => Outcome::Fail,
        (Class::Prefer, Open | TlsOnly | Unknown) => Outcome::Warn,
        (Class::Prefer, NoTls) => Outcome::Fail,
        (Class::Prefer, CleartextOnly) => match context.falls_back_on_hba {
            Some(true) => Outcome::Fail,
            Some(false) => Outcome::Broken,
            None => Outcome::DependsOnDriver,
        },
        (Class::Require | Class::VerifyCa | Class::VerifyFull, NoTls | CleartextOnly) => Outcome::Broken,
        (Class::Require, _) => Outcome::Warn,
        (Class::VerifyCa, _) => match context.private_ca {
            Some(true) => Outcome::Pass,
            Some(false) => Outcome::Warn,
            None => Outcome::Unknown,
        },
        (Class::VerifyFull, _) if context.host_in_certificate == Some(false) => Outcome::Broken,
        (Class::VerifyFull, _) => Outcome::Pass,
    }
}
