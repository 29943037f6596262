//! What the rules of a database server and of its poolers accept, as facts with their evidence.

use serde_json::Value as Json;

use crate::database::hba::{self, Method, Transport};
use crate::inventory::{Known, Reason, Tri};

use super::connections::Database;
use super::context::{Context, tri};
use super::schema::Evidence;

/// What the rules of a server and its poolers accept.
pub(super) struct Server {
    pub refuses: Known<bool>,
    pub word: Known<String>,
    pub rule: Known<String>,
    pub valid: Known<bool>,
    pub errors: Known<Vec<String>>,
    pub md5: Known<bool>,
    pub stores_md5: Known<bool>,
    pub trust: Known<bool>,
    pub trust_evidence: Vec<Evidence>,
    pub cleartext_evidence: Vec<Evidence>,
    pub error_evidence: Vec<Evidence>,
    pub md5_evidence: Vec<Evidence>,
}

/// The facts of a database server and of its poolers.
pub(super) fn server(cx: &Context<'_>, d: &Database) -> Server {
    let (Some((rules, posture)), Some(c)) = (&d.posture, d.cnpg) else {
        let reason = Reason::undecided(format!(
            "the rules of {} (pg_hba, ssl) are in files inside the server, which Kubernetes does not show",
            d.id
        ));
        return Server {
            refuses: Known::unknown(reason.clone()),
            word: Known::unknown(reason.clone()),
            rule: Known::unknown(reason.clone()),
            valid: Known::unknown(reason.clone()),
            errors: Known::unknown(reason.clone()),
            md5: Known::unknown(reason.clone()),
            stores_md5: Known::unknown(reason.clone()),
            trust: Known::unknown(reason),
            trust_evidence: Vec::new(),
            cleartext_evidence: Vec::new(),
            error_evidence: Vec::new(),
            md5_evidence: Vec::new(),
        };
    };
    let cluster = &cx.inventory.snapshot.cnpg_clusters[c];
    let place = |origin: &hba::Origin| match origin {
        hba::Origin::User { item, .. } => format!("spec.postgresql.pg_hba[{item}]"),
        hba::Origin::Operator => "pg_hba rule that the operator always adds".to_owned(),
    };
    let show = |r: &hba::Reached, rule: &str| {
        let at = &rules.rules[r.rule];
        cx.evidence(&cluster.meta, &place(&at.origin), Json::from(at.text.clone()), rule)
    };
    let admits: Vec<&hba::Reached> =
        posture.reached.iter().filter(|r| r.transport == Transport::Cleartext && r.method != Method::Reject).collect();
    let rule = admits.first().map_or_else(String::new, |r| {
        let at = &rules.rules[r.rule];
        format!("{} `{}`", place(&at.origin), at.text)
    });
    let invalid = || {
        Known::unknown(Reason::undecided(format!(
            "pg_hba of {} has an invalid line, so the rules in effect are not known: a running server keeps its old rules, and a restarted one does not start",
            d.id
        )))
    };
    let refuses_cleartext = |v: &hba::Acceptance| match v {
        hba::Acceptance::TlsOnly | hba::Acceptance::LockedOut => Known::Value(true),
        hba::Acceptance::Open | hba::Acceptance::Partial { .. } | hba::Acceptance::CleartextOnly => Known::Value(false),
        hba::Acceptance::Invalid(_) => invalid(),
        hba::Acceptance::Unknown(reasons) => Known::Unknown(reasons.clone()),
    };
    let mut refuses = refuses_cleartext(&posture.acceptance);
    let mut verdict = &posture.acceptance;
    let mut rule = rule;
    let mut pooler_evidence = Vec::new();
    // Clients also connect to a pooler: what it accepts, the database accepts.
    for p in &d.poolers {
        let one = refuses_cleartext(&p.posture.client);
        let object = &cx.inventory.snapshot.cnpg_poolers[p.index];
        if one == Known::Value(false) {
            let setting = object.parameters.get("client_tls_sslmode").map(str::to_owned);
            pooler_evidence.push(cx.evidence(
                &object.meta,
                "spec.pgbouncer.parameters.client_tls_sslmode",
                setting.map_or(Json::Null, Json::from),
                "prefer is the default and accepts cleartext; require rejects it",
            ));
            if refuses != Known::Value(false) {
                verdict = &p.posture.client;
                rule = format!("{} (its client_tls_sslmode is not require)", object.meta.object_ref());
            }
        }
        refuses = match (refuses, one) {
            (Known::Value(false), _) | (_, Known::Value(false)) => Known::Value(false),
            (Known::Unknown(r), _) | (_, Known::Unknown(r)) => Known::Unknown(r),
            (Known::Value(true), Known::Value(true)) => Known::Value(true),
        };
    }
    let errors: Vec<String> =
        rules.errors.iter().map(|e| format!("{} `{}`: {}", place(&e.origin), e.text, e.message)).collect();
    // <https://www.postgresql.org/docs/current/runtime-config-connection.html#GUC-PASSWORD-ENCRYPTION>
    let stored_md5 = match cluster.parameters.get("password_encryption") {
        Some(v) => v.eq_ignore_ascii_case("md5"),
        None => hba::postgres_major(cluster) <= 13,
    };
    let md5 = match (stored_md5, posture.reaches(Method::Md5, None)) {
        (true, _) | (_, Some(true)) => Known::Value(true),
        (false, Some(false)) => Known::Value(false),
        (false, None) if matches!(posture.acceptance, hba::Acceptance::Invalid(_)) => invalid(),
        (false, None) => tri(Tri::Maybe, Vec::new()),
    };
    let pooler_trust = d.poolers.iter().any(|p| p.posture.no_authentication);
    let trust = match (pooler_trust, posture.reaches(Method::Trust, None)) {
        (true, _) | (_, Some(true)) => Known::Value(true),
        (false, Some(false)) => Known::Value(false),
        (false, None) if matches!(posture.acceptance, hba::Acceptance::Invalid(_)) => invalid(),
        (false, None) => tri(Tri::Maybe, Vec::new()),
    };
    let trust_evidence = posture
        .reached
        .iter()
        .filter(|r| r.method == Method::Trust)
        .take(1)
        .map(|r| show(r, &format!("the first match decides, for example {}", r.witness)))
        .collect();
    let md5_evidence = posture
        .reached
        .iter()
        .filter(|r| r.method == Method::Md5)
        .take(1)
        .map(|r| show(r, "the first match decides"))
        .collect();
    Server {
        refuses,
        word: Known::Value(verdict.word().to_owned()),
        rule: Known::Value(rule),
        valid: Known::Value(errors.is_empty()),
        error_evidence: rules
            .errors
            .iter()
            .map(|e| cx.evidence(&cluster.meta, &place(&e.origin), Json::from(e.text.clone()), &e.message))
            .collect(),
        errors: Known::Value(errors),
        md5,
        stores_md5: Known::Value(stored_md5),
        trust,
        trust_evidence,
        cleartext_evidence: posture
            .reached
            .iter()
            .filter(|r| r.transport == Transport::Cleartext)
            .take(3)
            .map(|r| {
                show(
                    r,
                    &format!("the first match decides: {} in cleartext, for example {}", r.method.word(), r.witness),
                )
            })
            .chain(pooler_evidence)
            .collect(),
        md5_evidence,
    }
}
