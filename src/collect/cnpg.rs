//! Parses Cluster and Pooler of postgresql.cnpg.io: <https://cloudnative-pg.io/documentation/current/cloudnative-pg.v1/>.

use std::collections::BTreeMap;

use crate::document::{Content, Cursor};
use crate::inventory::object::*;
use crate::lexicon;

use super::kubernetes::{FromObject, ReadOptions};

fn parse_count(c: Option<Cursor<'_>>) -> Option<u32> {
    c.and_then(|n| n.int()).and_then(|n| u32::try_from(n).ok())
}

/// The parameters that the audit reads. Others can hold secrets, such as `ssl_passphrase_command` and
/// `primary_conninfo`, and are not kept.
const PARAMETERS: &[&str] = &["password_encryption", "auth_type", "client_tls_sslmode", "server_tls_sslmode"];

/// The parameters that are read; some may be written as numbers or booleans. A value that is no word is masked.
fn parse_parameters(c: Option<Cursor<'_>>) -> Labels {
    let Some(c) = c else { return Labels::new() };
    c.entries()
        .into_iter()
        .filter_map(|(entry, v)| {
            let text = match &v.node.content {
                Content::Str(s) => s.to_string(),
                Content::Int(i) => i.to_string(),
                Content::Float(f) => f.to_string(),
                Content::Bool(b) => b.to_string(),
                _ => {
                    v.str();
                    return None;
                }
            };
            let key = PARAMETERS.iter().find(|key| **key == entry.key)?;
            Some(((*key).to_owned(), lexicon::mask_setting(&text)))
        })
        .collect()
}

impl FromObject for CnpgCluster {
    fn read(c: &Cursor<'_>, meta: Meta, options: &ReadOptions<'_>) -> impl IntoIterator<Item = CnpgCluster> {
        Some(parse_cluster(c, meta, options))
    }
}

impl FromObject for CnpgPooler {
    fn read(c: &Cursor<'_>, meta: Meta, _: &ReadOptions<'_>) -> impl IntoIterator<Item = CnpgPooler> {
        Some(parse_pooler(c, meta))
    }
}

fn parse_cluster(c: &Cursor<'_>, meta: Meta, options: &ReadOptions<'_>) -> CnpgCluster {
    let name = meta.name.clone();
    let operator_version =
        meta.annotations.get("cnpg.io/operatorVersion").value().copied().flatten().map(str::to_owned);
    let Some(spec) = c.get("spec") else {
        return CnpgCluster { meta, instances: 1, ..CnpgCluster::default() };
    };
    let bootstrap = ["initdb", "recovery", "pg_basebackup"].iter().find_map(|k| spec.at(&format!("bootstrap.{k}")));
    let secret_at = |path: &str| spec.at(path).and_then(|s| s.string_at("name"));
    let mut secrets: Vec<(String, String)> = Vec::new();
    let mut secret = |name: Option<String>, default: &str, holds: &str| {
        secrets.push((name.unwrap_or_else(|| default.to_owned()), holds.to_owned()));
    };
    secret(
        bootstrap.as_ref().and_then(|b| b.at("secret.name")).and_then(|s| s.str().map(str::to_owned)),
        &format!("{name}-app"),
        "owner",
    );
    secret(secret_at("superuserSecret"), &format!("{name}-superuser"), "superuser");
    let plain = |path: &str| spec.at(path).and_then(|s| s.str().map(str::to_owned));
    secret(plain("certificates.serverCASecret"), &format!("{name}-ca"), "ca");
    secret(plain("certificates.serverTLSSecret"), &format!("{name}-server"), "server-key");
    secret(plain("certificates.replicationTLSSecret"), &format!("{name}-replication"), "replication-key");
    for role in spec.at("managed").map(|m| m.items("roles")).unwrap_or_default() {
        if let Some(s) = role.at("passwordSecret").and_then(|s| s.string_at("name")) {
            secrets.push((s, format!("role {}", role.string_at("name").unwrap_or_default())));
        }
    }
    let postgresql = spec.get("postgresql");
    let mut pod_selector_refs: BTreeMap<String, Option<Vec<String>>> =
        spec.items("podSelectorRefs").iter().filter_map(|r| Some((r.string_at("name")?, None))).collect();
    for r in options.status(c).map(|s| s.items("podSelectorRefs")).unwrap_or_default() {
        if let Some(n) = r.string_at("name") {
            pod_selector_refs.insert(n, Some(r.string_list("ips")));
        }
    }
    CnpgCluster {
        instances: parse_count(spec.get("instances")).unwrap_or(1),
        image_name: spec.string_at("imageName"),
        image_catalog_major: parse_count(spec.at("imageCatalogRef.major")),
        pg_hba: lexicon::mask_hba(&postgresql.as_ref().map(|p| p.string_list("pg_hba")).unwrap_or_default()),
        parameters: parse_parameters(postgresql.as_ref().and_then(|p| p.get("parameters"))),
        ldap: postgresql
            .as_ref()
            .and_then(|p| p.get("ldap"))
            .is_some_and(|l| l.get("bindAsAuth").is_some() || l.get("bindSearchAuth").is_some()),
        pod_selector_refs,
        enable_superuser_access: spec.bool_at("enableSuperuserAccess"),
        inherited_labels: spec.at("inheritedMetadata.labels").map(|l| l.strings()).unwrap_or_default(),
        database: bootstrap.as_ref().and_then(|b| b.string_at("database")),
        owner_role: bootstrap.as_ref().and_then(|b| b.string_at("owner")),
        secrets,
        operator_version,
        meta,
    }
}

fn parse_pooler(c: &Cursor<'_>, meta: Meta) -> CnpgPooler {
    let Some(spec) = c.get("spec") else {
        return CnpgPooler { meta, instances: 1, ..CnpgPooler::default() };
    };
    let bouncer = spec.get("pgbouncer");
    CnpgPooler {
        cluster: spec.at("cluster").and_then(|c| c.string_at("name")).unwrap_or_default(),
        instances: parse_count(spec.get("instances")).unwrap_or(1),
        parameters: parse_parameters(bouncer.as_ref().and_then(|b| b.get("parameters"))),
        pg_hba: lexicon::mask_hba(&bouncer.as_ref().map(|b| b.string_list("pg_hba")).unwrap_or_default()),
        template_labels: spec.at("template.metadata.labels").map(|l| l.strings()).unwrap_or_default(),
        auth_query_secret: bouncer.as_ref().and_then(|b| b.get("authQuerySecret")).is_some(),
        meta,
    }
}
