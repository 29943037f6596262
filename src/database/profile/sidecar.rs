//! Finds containers that are not clients: servers, poolers, proxies.

use crate::inventory::object::{Container, ContainerRole, PodSpec};

/// A container that serves the other containers of its pod over loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sidecar {
    /// A Cloud SQL or AlloyDB Auth Proxy. If it is `exposed`, it also listens on other addresses, where clients in other
    /// pods connect in cleartext.
    Proxy {
        container: String,
        exposed: bool,
    },
    Pooler {
        container: String,
    },
    Server {
        container: String,
    },
}

/// Last segment of an image's repository, lower-case, without tag and digest.
fn image_name(image: &str) -> String {
    let image = image.split('@').next().unwrap_or(image);
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split(':').next().unwrap_or(last).to_ascii_lowercase()
}

fn command_words(container: &Container) -> impl Iterator<Item = &str> {
    container.command.iter().filter_map(|v| v.text())
}

/// Whether the container runs a database server, rather than a client from a server's image (`psql`, `pg_dump`).
pub(crate) fn is_server(container: &Container) -> bool {
    #[rustfmt::skip]
    const IMAGES: &[&str] = &[
        "postgres", "postgresql", "postgis", "pgvector", "spilo", "mysql", "mariadb", "redis", "valkey", "mongo",
        "mongodb", "cockroach", "crunchy-postgres",
    ];
    #[rustfmt::skip]
    const CLIENTS: &[&str] = &[
        "psql", "pg_dump", "pg_dumpall", "pg_restore", "pg_isready", "pg_basebackup", "mysql", "mysqldump",
        "redis-cli", "mongosh", "sh", "bash", "ash", "dash",
    ];
    let image = image_name(&container.image);
    if image.contains("exporter") || image.contains("client") || image.contains("backup") {
        return false;
    }
    if !(IMAGES.contains(&image.as_str()) || image.starts_with("timescaledb") || image.starts_with("spilo-")) {
        return false;
    }
    let port = container.ports.iter().any(|p| matches!(p.port, 5432 | 3306 | 6379 | 27017 | 26257));
    let data = container.env.iter().any(|e| e.name == "PGDATA");
    match container.command.first() {
        // The image's entry point.
        None => true,
        Some(first) => match first.text() {
            Some(word) => {
                let base = word.rsplit('/').next().unwrap_or(word);
                port || data || !CLIENTS.contains(&base)
            }
            None => port || data,
        },
    }
}

fn detect_proxy(container: &Container) -> Option<Sidecar> {
    let image = image_name(&container.image);
    let by_image =
        ["cloud-sql-proxy", "cloudsql-proxy", "gce-proxy", "alloydb-auth-proxy"].iter().any(|n| image.ends_with(n));
    let by_env = container.env.iter().any(|e| e.name.starts_with("CSQL_PROXY_"));
    // `project:region:instance`, not `host:port`.
    let by_argument = command_words(container).any(|w| {
        let w = w.split(['?', '=']).next().unwrap_or(w);
        !w.contains('/')
            && w.split(':').count() == 3
            && w.split(':').all(|p| !p.is_empty() && p.parse::<u16>().is_err())
    });
    if !(by_image || by_env || by_argument) {
        return None;
    }
    let beyond = |address: &str| !matches!(address, "127.0.0.1" | "localhost" | "::1" | "[::1]");
    let mut exposed = false;
    let mut previous = "";
    for word in command_words(container) {
        let own = word
            .split_once("address=")
            .map(|(_, a)| a.split(['&', ',']).next().unwrap_or(a))
            .or_else(|| word.split_once("=tcp:").and_then(|(_, a)| a.rsplit_once(':')).map(|(host, _)| host));
        exposed |= own.is_some_and(beyond) || (matches!(previous, "--address" | "-a") && beyond(word));
        previous = word;
    }
    exposed |= container.env.iter().any(|e| {
        e.name == "CSQL_PROXY_ADDRESS"
            && !matches!(&e.source, crate::inventory::object::EnvSource::Value(v) if v.text().is_some_and(|a| !beyond(a)))
    });
    Some(Sidecar::Proxy { container: container.name.clone(), exposed })
}

/// The containers of a pod that may serve a loopback address.
pub(crate) fn sidecars(spec: &PodSpec) -> Vec<Sidecar> {
    spec.containers
        .iter()
        // An init container that is not a sidecar ends before the other containers start.
        .filter(|c| matches!(c.role, ContainerRole::Regular | ContainerRole::Sidecar))
        .filter_map(|c| {
            let container = c.name.clone();
            let image = image_name(&c.image);
            detect_proxy(c).or_else(|| {
                if image.contains("pgbouncer") || matches!(image.as_str(), "pgcat" | "odyssey" | "pgpool") {
                    Some(Sidecar::Pooler { container })
                } else {
                    is_server(c).then_some(Sidecar::Server { container })
                }
            })
        })
        .collect()
}
