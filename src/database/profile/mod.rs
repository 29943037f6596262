//! The connections of a container. The variables with one prefix form a profile, with the source of each value.

mod convention;
mod gather;
mod mode;
mod operator;
mod sidecar;
#[cfg(test)]
mod tests;
mod unread;

pub(crate) use sidecar::{Sidecar, is_server, sidecars};
pub(crate) use unread::unread_variables;

use super::dsn::{DsnValue, Engine, Host, Password, Syntax};
use super::env::{Environment, PodContext, Provenance, Sources};
use super::outcome::Client;
use super::tls::{Declared, Driver, Range};
use crate::inventory::Reason;
use crate::inventory::object::Container;
use crate::lexicon::Confidence;

/// A variable that configures a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableEvidence {
    pub variable: String,
    /// The effective value. Secrets are masked; unread parts are named.
    pub value: String,
    pub from: Provenance,
}

/// Why the driver's TLS mode is not evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delegation {
    /// A Cloud SQL or AlloyDB proxy in the pod.
    Proxy {
        container: String,
    },
    /// A connector in the process.
    Connector,
    Socket,
    /// A pooler or a server in the pod. A pooler's own connection to the server is not evaluated here.
    InPod {
        container: String,
    },
}

/// How the connection is encrypted, as far as the environment states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode {
    pub client: Client,
    /// Only a variable that no driver reads sets the class.
    pub declared: bool,
    pub confidence: Confidence,
    /// Whether a mode is set at all. `None` if that is not known.
    pub explicit: Option<bool>,
    /// Whether drivers accept the mode. `None` if there is none, or it is not known.
    pub valid: Option<bool>,
    /// The mode as it is written, for messages.
    pub text: Option<String>,
    /// The variable that declares a mode and that no driver reads, with what it declares.
    pub convention: Option<(String, Declared)>,
    /// The classes by driver, from the settings that drivers read.
    pub range: Option<Range>,
    pub delegation: Option<Delegation>,
    /// The name of a switch that turns verification off.
    pub verification_off: Option<String>,
}

/// One connection of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The common prefix (`DB`, `READ_DATABASE`), or `libpq` for the `PG…` variables.
    pub name: String,
    pub engine: Engine,
    /// Syntax of the connection string. `None` for separate variables.
    pub syntax: Option<Syntax>,
    /// Never empty. A client can connect to any of them.
    pub hosts: Vec<Host>,
    pub database: DsnValue,
    pub user: DsnValue,
    /// `Literal`: a manifest or a ConfigMap holds the password.
    pub password: Password,
    pub mode: Mode,
    /// The drivers that may be in use.
    pub drivers: Vec<Driver>,
    /// Why only these are possible.
    pub driver_hint: Option<String>,
    pub evidence: Vec<VariableEvidence>,
    /// Settings that contradict each other. The weaker one counts.
    pub conflicts: Vec<String>,
    /// Problems: an ambiguous connection string, a loopback address without a server, and so on.
    pub problems: Vec<String>,
    /// Why the host or the mode is not known.
    pub reasons: Vec<Reason>,
}

/// What the caller knows about the pod's owner.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ownership {
    /// A CloudNativePG Cluster or Pooler owns the pod, so its variables configure a server.
    pub database_operator: bool,
}

/// Finds the connections of `container`, whose environment is `env`.
pub(crate) fn profiles(
    pod: &PodContext<'_>,
    container: &Container,
    env: &Environment,
    sources: &dyn Sources,
    ownership: Ownership,
) -> Vec<Profile> {
    let server = ownership.database_operator || is_server(container);
    let gathered = gather::gather(pod, env, sources, server);
    let builder = mode::ProfileBuilder::new(pod, container, env, &gathered);
    gathered.connections.iter().map(|c| builder.build(c)).collect()
}

/// The names and keys of Secrets from which `env` items of a container take the password or the connection string of
/// profile `name`.
pub(crate) fn credential_keys(container: &Container, name: &str) -> Vec<(String, String)> {
    use crate::inventory::object::EnvSource;
    use crate::lexicon::{Purpose, classify};
    let feeds = |variable: &str| {
        classify(variable).is_some_and(|v| {
            matches!(v.purpose, Purpose::Password | Purpose::Url | Purpose::Jdbc | Purpose::DotNet)
                && v.profile.eq_ignore_ascii_case(name)
        })
    };
    container
        .env
        .iter()
        .filter(|e| feeds(&e.name))
        .filter_map(|e| match &e.source {
            EnvSource::SecretKey { name, key, .. } => Some((name.clone(), key.clone())),
            _ => None,
        })
        .collect()
}
