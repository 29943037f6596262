//! The list that [CloudNativePG generates](https://cloudnative-pg.io/documentation/current/postgresql_conf/#the-pg_hba-section)
//! around the user's rules.

use super::{Line, Origin};
use crate::inventory::object::CnpgCluster;

/// Major version of the operator's default image, for a Cluster that names no image.
const DEFAULT_MAJOR: u32 = 17;

/// The PostgreSQL major version by which the operator chooses the default method: `imageCatalogRef.major`, else the tag
/// of `imageName`, else the version of the operator's default image.
pub(crate) fn postgres_major(cluster: &CnpgCluster) -> u32 {
    let tag = || {
        let image = cluster.image_name.as_deref()?;
        let image = image.split('@').next()?;
        let tag = image.rsplit('/').next()?.split_once(':')?.1;
        let digits = tag.find(|c: char| !c.is_ascii_digit()).unwrap_or(tag.len());
        tag[..digits].parse::<u32>().ok().filter(|m| *m >= 9)
    };
    cluster.image_catalog_major.or_else(tag).unwrap_or(DEFAULT_MAJOR)
}

/// The whole list in order: the operator's own rules, the user's rules, the LDAP rule, the default rule.
pub(crate) fn generated_lines(cluster: &CnpgCluster) -> Vec<Line> {
    let fixed = |text: &str| Line { origin: Origin::Operator, text: text.to_owned(), uncertain: false };
    // Later operators use other user name maps, which do not change who matches these rules.
    let mut out = vec![
        fixed("local all all peer map=local"),
        fixed("hostssl postgres streaming_replica all cert"),
        fixed("hostssl replication streaming_replica all cert"),
        fixed("hostssl all cnpg_pooler_pgbouncer all cert"),
    ];
    for (item, text) in cluster.pg_hba.iter().enumerate() {
        user_item(cluster, item, text, &mut out);
    }
    if cluster.ldap {
        // The real options are not read. This one makes the line valid.
        out.push(fixed("host all all 0.0.0.0/0 ldap ldapbasedn=hidden"));
    }
    let method = if postgres_major(cluster) >= 14 { "scram-sha-256" } else { "md5" };
    out.push(fixed(&format!("host all all all {method}")));
    out
}

/// One item can hold several lines. `${podselector:NAME}` repeats the whole item for each address.
fn user_item(cluster: &CnpgCluster, item: usize, text: &str, out: &mut Vec<Line>) {
    let mut push = |text: &str, uncertain: bool| {
        for (i, line) in text.split('\n').enumerate() {
            let origin = Origin::User { item, line: i + 1 };
            out.push(Line { origin, text: line.to_owned(), uncertain });
        }
    };
    let Some((reference, name)) = selector(text) else {
        push(text, false);
        return;
    };
    match cluster.pod_selector_refs.get(name) {
        Some(Some(addresses)) => {
            for address in addresses {
                let length = if address.contains(':') { 128 } else { 32 };
                push(&text.replace(reference, &format!("{address}/{length}")), false);
            }
        }
        // Without the status, the item may be present or absent, for addresses that are not known. The same holds for a
        // name that is not in podSelectorRefs: the operator rejects such a Cluster, and leaves out the line or the whole
        // item if it exists all the same.
        Some(None) | None => push(&text.replace(reference, "unresolved-pod-selector"), true),
    }
}

/// The first `${podselector:NAME}` in `text`, and NAME.
fn selector(text: &str) -> Option<(&str, &str)> {
    let start = text.find("${podselector:")?;
    let end = start + text[start..].find('}')? + 1;
    let reference = &text[start..end];
    Some((reference, &reference["${podselector:".len()..reference.len() - 1]))
}
