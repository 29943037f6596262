//! Variables that were not read, and may hold the settings of a connection.

use crate::database::env::Sources;
use crate::inventory::object::{Container, EnvFromSource, EnvSource};
use crate::inventory::{Known, Reason};
use crate::lexicon::{Purpose, classify};

/// Why a container may have connections that its visible environment does not show; empty where none can be hidden.
///
/// Single variables whose names state their purpose are left out: what is unknown of those is a matter of the connection
/// that they belong to.
pub(crate) fn unread_variables(namespace: &str, container: &Container, sources: &dyn Sources) -> Vec<Reason> {
    let mut found = Vec::new();
    for from in &container.env_from {
        match &from.source {
            EnvFromSource::ConfigMap { name, .. } => {
                found.extend(unread_config_map(namespace, name, sources).into_iter().map(|r| {
                    let text =
                        format!("its variables may connect it to any database, and they were not read: {}", r.text);
                    Reason { text, ..r }
                }));
            }
            EnvFromSource::Secret { name, .. } => found.extend(unread_secret(namespace, name, &from.prefix, sources)),
        }
    }
    for var in &container.env {
        let EnvSource::ConfigMapKey { name, .. } = &var.source else { continue };
        if classify(&var.name).is_none_or(|v| v.profile.is_empty()) {
            found.extend(unread_config_map(namespace, name, sources).into_iter().map(|r| {
                let text = format!("{} may connect it to any database, and was not read: {}", var.name, r.text);
                Reason { text, ..r }
            }));
        }
    }
    found.sort();
    found.dedup();
    found
}

fn unread_config_map(namespace: &str, name: &str, sources: &dyn Sources) -> Vec<Reason> {
    match sources.config_map(namespace, name) {
        Known::Value(_) => Vec::new(),
        Known::Unknown(reasons) => reasons,
    }
}

fn unread_secret(namespace: &str, name: &str, prefix: &str, sources: &dyn Sources) -> Option<Reason> {
    const FIX: &str = "Name the host, which is not secret, in a literal or a ConfigMap";
    // The variables of a Secret that was read are like any others.
    if sources.secret(namespace, name).is_some() {
        return None;
    }
    let Some(keys) = sources.secret_keys(namespace, name) else {
        return Some(Reason::withheld(format!(
            "its variables may connect it to any database: they come from Secret {namespace}/{name}, whose keys and values are \
             not read. {FIX}"
        )));
    };
    let keys: Vec<&str> =
        keys.iter().filter(|key| may_set_connection(&format!("{prefix}{key}"))).map(String::as_str).collect();
    (!keys.is_empty()).then(|| {
        Reason::undecided(format!(
            "its variables may connect it to any database: they come from Secret {namespace}/{name}, whose values are not \
             read and whose keys ({}) may set a connection. {FIX}",
            keys.join(", ")
        ))
    })
}

/// Whether a variable of this name may hold the address of a database. In doubt it may.
fn may_set_connection(name: &str) -> bool {
    const WORDS: [&str; 14] = [
        "addr",
        "conn",
        "database",
        "datasource",
        "db",
        "dsn",
        "endpoint",
        "host",
        "jdbc",
        "pg",
        "postgres",
        "server",
        "uri",
        "url",
    ];
    match classify(name).map(|v| v.purpose) {
        Some(Purpose::Host | Purpose::Url | Purpose::Jdbc | Purpose::DotNet) => true,
        Some(_) => false,
        None => WORDS.iter().any(|word| name.to_ascii_lowercase().contains(word)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cannot_hold_an_address_hide_no_connection() {
        for name in ["DATABASE_URL", "pgbouncer", "uri", "API_ENDPOINT", "redis-host"] {
            assert!(may_set_connection(name), "{name}");
        }
        for name in ["LOG_LEVEL", "token", "tls.crt", "password", "DB_PASSWORD", "PGSSLMODE"] {
            assert!(!may_set_connection(name), "{name}");
        }
    }
}
