//! The shape of the Secrets that CloudNativePG makes: known without reading them.
//!
//! <https://cloudnative-pg.io/documentation/current/applications/#secrets>

use crate::database::env::{HOLE, Opaque, Sources};

/// The value that the operator puts under a key of `<cluster>-app` or `<cluster>-superuser`, with [`HOLE`] for what
/// is secret. `None` if the Secret is not known to be the operator's.
pub(super) fn derived(opaque: &Opaque, sources: &dyn Sources) -> Option<String> {
    let Opaque::Secret { namespace, name, key: Some(key), .. } = opaque else { return None };
    let clusters = sources.cnpg_clusters(namespace);
    let cluster = clusters.into_iter().find(|c| {
        let own = |suffix: &str| name.strip_suffix(suffix) == Some(c.meta.name.as_str());
        // A Cluster that names another Secret of this kind does not make this one.
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
