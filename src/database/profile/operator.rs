//! The contents of the Secrets that CloudNativePG creates, which are known without reading them.
//!
//! <https://cloudnative-pg.io/documentation/current/applications/#secrets>

use crate::database::env::{HOLE, Opaque, Sources};

/// The operator's value for a key of `<cluster>-app` or `<cluster>-superuser`, with [`HOLE`] for secrets. `None` if the
/// operator is not known to have created the Secret.
pub(super) fn derived_value(opaque: &Opaque, sources: &dyn Sources) -> Option<String> {
    let Opaque::Secret { namespace, name, key: Some(key), .. } = opaque else { return None };
    let clusters = sources.cnpg_clusters(namespace);
    let cluster = clusters.into_iter().find(|c| {
        let own = |suffix: &str| name.strip_suffix(suffix) == Some(c.meta.name.as_str());
        // The operator does not create this Secret for a Cluster that names another one.
        (own("-app") || own("-superuser")) && (c.secrets.is_empty() || c.secrets.iter().any(|(s, _)| s == name))
    })?;
    let host = format!("{}-rw", cluster.meta.name);
    let database = cluster.database.clone().unwrap_or_else(|| "app".to_owned());
    Some(match key.as_str() {
        "host" => host,
        "port" => "5432".to_owned(),
        "dbname" => database,
        "uri" => format!("postgresql://{HOLE}:{HOLE}@{host}.{namespace}:5432/{database}"),
        "fqdn-uri" => format!("postgresql://{HOLE}:{HOLE}@{host}.{namespace}.svc.cluster.local:5432/{database}"),
        "jdbc-uri" => format!("jdbc:postgresql://{host}.{namespace}:5432/{database}?password={HOLE}&user={HOLE}"),
        "fqdn-jdbc-uri" => {
            format!(
                "jdbc:postgresql://{host}.{namespace}.svc.cluster.local:5432/{database}?password={HOLE}&user={HOLE}"
            )
        }
        _ => return None,
    })
}
