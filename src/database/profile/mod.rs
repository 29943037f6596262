//! Connections of a container: the variables of one prefix form a profile, with where each part comes from.

mod convention;
mod gather;
mod mode;
mod operator;
mod sidecar;
#[cfg(test)]
mod tests;

pub use sidecar::{Sidecar, is_server, sidecars};

use super::dsn::{Engine, Host, Part, Password, Syntax};
use super::env::{Environment, PodContext, Provenance, Sources};
use super::tls::{Declared, Driver, Range};
use super::verdict::Client;
use crate::inventory::Reason;
use crate::inventory::object::Container;
use crate::lexicon::Confidence;

/// A variable that says something about a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub variable: String,
    /// The effective value; secrets are masked, unread parts named.
    pub value: String,
    pub from: Provenance,
}

/// Why no TLS of the driver is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delegation {
    /// A Cloud SQL or AlloyDB proxy in the pod.
    Proxy {
        container: String,
    },
    /// A connector in the process.
    Connector,
    Socket,
    /// A pooler or a server in the pod; a pooler's own connection to the server is another hop.
    InPod {
        container: String,
    },
}

/// How the connection is encrypted, as far as the environment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode {
    pub client: Client,
    /// The class comes from a convention variable only: no driver reads it.
    pub declared: bool,
    pub confidence: Confidence,
    /// Whether a mode is set at all (DBT-C01); `None` if that is not known.
    pub explicit: Option<bool>,
    /// Whether the mode is one that drivers know (DBT-C04); `None` if there is none, or it is not known.
    pub valid: Option<bool>,
    /// The mode as text, for messages.
    pub text: Option<String>,
    /// The convention variable and what it declares.
    pub convention: Option<(String, Declared)>,
    /// Classes by driver, from what drivers read.
    pub range: Option<Range>,
    pub delegation: Option<Delegation>,
    /// A switch turns verification off (DBT-C08): its name.
    pub verification_off: Option<String>,
}

/// One connection of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The common prefix (`DB`, `READ_DATABASE`), or `libpq` for the `PG…` variables.
    pub name: String,
    pub engine: Engine,
    /// Of the connection string; `None` for single variables.
    pub syntax: Option<Syntax>,
    /// Never empty. A client may connect to any of them.
    pub hosts: Vec<Host>,
    pub database: Part,
    pub user: Part,
    /// `Literal`: a password stands in a manifest or ConfigMap (DBT-C09).
    pub password: Password,
    pub mode: Mode,
    /// Drivers that may be in use.
    pub drivers: Vec<Driver>,
    /// What narrowed them.
    pub driver_hint: Option<String>,
    pub evidence: Vec<Evidence>,
    /// Settings that contradict each other (DBT-C05); the weaker one counts.
    pub conflicts: Vec<String>,
    /// What is odd: an ambiguous string, a loopback address without a server, …
    pub problems: Vec<String>,
    /// Why host or mode is not known.
    pub reasons: Vec<Reason>,
}

/// What the caller knows about the pod's owner.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ownership {
    /// A CloudNativePG Cluster or Pooler owns the pod: its variables configure a server.
    pub database_operator: bool,
}

/// Finds the connections of `container`, whose environment is `env`.
pub fn profiles(
    pod: &PodContext<'_>,
    container: &Container,
    env: &Environment,
    sources: &dyn Sources,
    ownership: Ownership,
) -> Vec<Profile> {
    let server = ownership.database_operator || is_server(container);
    let gathered = gather::gather(pod, env, sources, server);
    let shared = mode::Shared::new(pod, container, env, &gathered);
    gathered.connections.iter().map(|c| shared.profile(c)).collect()
}

/// Secret names and keys that `env` items of a container read for the password or the whole address of the profile
/// `name`.
pub fn credential_keys(container: &Container, name: &str) -> Vec<(String, String)> {
    use crate::inventory::object::EnvSource;
    use crate::lexicon::{Group, classify};
    let feeds = |variable: &str| {
        classify(variable).is_some_and(|v| {
            matches!(v.group, Group::Password | Group::Url | Group::Jdbc | Group::DotNet)
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
