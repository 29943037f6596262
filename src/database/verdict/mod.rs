//! Client and server joined: does this connection run encrypted, and is the server authenticated?

#[cfg(test)]
mod tests;

use super::hba;
use super::tls::{Class, Range};

/// How a client connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Over the drivers that may be in use; both ends are equal where they agree.
    Classes { worst: Class, best: Class },
    /// A setting that is not read decides.
    Unknown,
    /// A proxy in the pod or a connector in the process does the TLS.
    Delegated,
    /// A Unix socket, or a server in the same pod: nothing leaves the pod.
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
pub enum Server {
    /// Cleartext is accepted.
    Open,
    TlsOnly,
    /// TLS is off.
    NoTls,
    /// TLS is on, and its rules refuse it.
    CleartextOnly,
    Unknown,
}

impl From<&hba::Verdict> for Server {
    /// `partial` counts as open, an invalid list as unknown; where nobody gets in, cleartext does not either.
    fn from(v: &hba::Verdict) -> Self {
        match v {
            hba::Verdict::Open | hba::Verdict::Partial { .. } => Server::Open,
            hba::Verdict::TlsOnly | hba::Verdict::LockedOut => Server::TlsOnly,
            hba::Verdict::CleartextOnly => Server::CleartextOnly,
            hba::Verdict::Invalid(_) | hba::Verdict::Unknown(_) => Server::Unknown,
        }
    }
}

/// What else the matrix asks for. `None` is not known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context {
    /// The CA that is checked signs for this database only.
    pub private_ca: Option<bool>,
    /// The host that the client types is in the server's certificate.
    pub host_in_certificate: Option<bool>,
    /// Whether `prefer` of the driver falls back when `pg_hba` rejects TLS.
    pub falls_back_on_hba: Option<bool>,
    /// The class comes from a convention variable only.
    pub declared: bool,
}

/// The answer for one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Pass,
    /// Declared only: no driver reads the variable.
    PassDeclared,
    /// Encrypted because the server refuses everything else; authentication is not known.
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
    pub fn passes(self) -> bool {
        matches!(self, Outcome::Pass | Outcome::PassDeclared | Outcome::PassEncrypted | Outcome::PassDelegated)
    }
}

/// The whole matrix: encrypted and authenticated.
pub fn verdict(client: Client, server: Server, context: &Context) -> Outcome {
    judge(client, server, context, &cell)
}

/// Only whether anything runs in cleartext (DBT-C02): the server need not be authenticated.
pub fn no_cleartext(client: Client, server: Server, context: &Context) -> Outcome {
    let outcome = judge(client, server, context, &|class, server, context| match (class, server) {
        (Class::T3 | Class::T4 | Class::T5, Server::Open | Server::TlsOnly | Server::Unknown) => {
            match cell(class, server, context) {
                Outcome::Broken => Outcome::Broken,
                _ => Outcome::Pass,
            }
        }
        (Class::T2, Server::TlsOnly) => Outcome::Pass,
        _ => cell(class, server, context),
    });
    match outcome {
        // The server's refusal is proof, whatever the client declares.
        Outcome::Pass if context.declared && server != Server::TlsOnly => Outcome::PassDeclared,
        other => other,
    }
}

fn judge(
    client: Client,
    server: Server,
    context: &Context,
    cell: &dyn Fn(Class, Server, &Context) -> Outcome,
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
    let (low, high) = (cell(worst, server, context), cell(best, server, context));
    // A class between the two may still differ from both: the ends only agree for good if nothing in between can.
    let between = [Class::T0, Class::T1, Class::T2, Class::T3, Class::T4, Class::T5];
    let uniform = between.into_iter().filter(|c| worst <= *c && *c <= best).all(|c| cell(c, server, context) == low);
    match () {
        () if low == high && (worst == best || uniform) => low,
        () if low.passes() && high.passes() => low.max(high),
        () => Outcome::DependsOnDriver,
    }
}

fn cell(class: Class, server: Server, context: &Context) -> Outcome {
    use Server::{CleartextOnly, NoTls, Open, TlsOnly, Unknown};
    match (class, server) {
        (Class::Error, _) => Outcome::Broken,
        (Class::T0, TlsOnly) => Outcome::Broken,
        (Class::T0, _) => Outcome::Fail,
        (Class::T1, TlsOnly) => Outcome::Warn,
        (Class::T1, _) => Outcome::Fail,
        (Class::T2, Open | TlsOnly | Unknown) => Outcome::Warn,
        (Class::T2, NoTls) => Outcome::Fail,
        (Class::T2, CleartextOnly) => match context.falls_back_on_hba {
            Some(true) => Outcome::Fail,
            Some(false) => Outcome::Broken,
            None => Outcome::DependsOnDriver,
        },
        (Class::T3 | Class::T4 | Class::T5, NoTls | CleartextOnly) => Outcome::Broken,
        (Class::T3, _) => Outcome::Warn,
        (Class::T4, _) => match context.private_ca {
            Some(true) => Outcome::Pass,
            Some(false) => Outcome::Warn,
            None => Outcome::Unknown,
        },
        (Class::T5, _) if context.host_in_certificate == Some(false) => Outcome::Broken,
        (Class::T5, _) => Outcome::Pass,
    }
}
