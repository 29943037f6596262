//! Keys: the encryption of Secrets in the cluster's database, certificates, and memory.

use crate::facts::certificate;
use crate::facts::found::Found;
use crate::inventory::{Known, Reason};

use super::{Source, days_between, health};

crate::found_facts! {
    /// Encryption and certificates.
    pub struct EncryptionFacts {
        /// Whether Secrets are encrypted with a key of Cloud KMS before they are stored.
        secrets_encrypted / "secretsEncrypted": bool => [Cluster],
            "databaseEncryption.state ENCRYPTED or ALL_OBJECTS_ENCRYPTION_ENABLED, and a keyName";
        /// Whether that encryption works: `working`, `pending` or `broken`.
        secrets_encryption_health / "secretsEncryptionHealth": String => [Cluster],
            "databaseEncryption.currentState, and conditions of the key";
        /// Number of errors that the last changes of the encryption met.
        secrets_encryption_errors / "secretsEncryptionErrors": i64 => [Cluster],
            "databaseEncryption.lastOperationErrors";
        /// Days until the cluster's certificate authority ends; of several the first to end.
        ca_days_left / "caDaysLeft": i64 => [Cluster], "notAfter of masterAuth.clusterCaCertificate";
        /// Date on which it ends.
        ca_end / "caEnd": String => [Cluster], "notAfter of masterAuth.clusterCaCertificate";
        /// Whether all nodes encrypt their memory.
        confidential_nodes / "confidentialNodes": bool => [Cluster],
            "confidentialNodes.enabled of the cluster, or of every node pool";
    }
}

/// Conditions that say that the key does not serve.
const KEY_CONDITIONS: [&str; 2] = ["CLOUD_KMS_KEY_ERROR", "CLOUD_KMS_KEY_DESTROYED"];

const STATES: [&str; 3] = ["ENCRYPTED", "DECRYPTED", "ALL_OBJECTS_ENCRYPTION_ENABLED"];

pub fn read(c: &Source<'_>) -> EncryptionFacts {
    let d = &c.document;
    let encrypted = d
        .word("databaseEncryption.state", &STATES)
        .map(|state| matches!(state.as_str(), "ENCRYPTED" | "ALL_OBJECTS_ENCRYPTION_ENABLED"))
        .and(|| d.text("databaseEncryption.keyName").map(|key| !key.is_empty()));
    let ca_end = ca_end(c);
    EncryptionFacts {
        secrets_encrypted: encrypted,
        secrets_encryption_health: encryption_health(c),
        secrets_encryption_errors: d.each("databaseEncryption.lastOperationErrors").map(|errors| errors.len() as i64),
        ca_days_left: ca_end.clone().map(|end| days_between(c.now, end)),
        ca_end: ca_end.map(|end| end.strftime("%Y-%m-%d").to_string()),
        confidential_nodes: confidential_nodes(c),
    }
}

/// A condition of the key breaks the encryption whatever the state says.
fn encryption_health(c: &Source<'_>) -> Found<String> {
    let d = &c.document;
    let broken = d.each("conditions").then(|conditions| {
        let codes = conditions.iter().map(|condition| health::code(d, condition));
        codes.fold(Found::of(false), |any, code| any.or(|| code.map(|code| KEY_CONDITIONS.contains(&code.as_str()))))
    });
    if broken.value == Known::Value(true) {
        return broken.map(|_| "broken".to_owned());
    }
    let state = d.required("databaseEncryption.currentState").then(|state| {
        let short = state.strip_prefix("CURRENT_STATE_").unwrap_or_default();
        Found::of(match short {
            "ENCRYPTED" | "ALL_OBJECTS_ENCRYPTION_ENABLED" => "working".to_owned(),
            "ENCRYPTION_PENDING" | "DECRYPTION_PENDING" | "ALL_OBJECTS_ENCRYPTION_PENDING" => "pending".to_owned(),
            "DECRYPTED" | "ENCRYPTION_ERROR" | "DECRYPTION_ERROR" | "ALL_OBJECTS_ENCRYPTION_ERROR" => {
                "broken".to_owned()
            }
            _ => {
                return Found::unknown(Reason::undecided(format!(
                    "databaseEncryption.currentState has the value \"{state}\", which this version does not know"
                )));
            }
        })
    });
    // What certainly does not work needs no condition to say so.
    match state.value.value().map(String::as_str) {
        Some("broken") => state,
        _ => broken.with(state).map(|(_, state)| state),
    }
}

fn ca_end(c: &Source<'_>) -> Found<jiff::Timestamp> {
    const PATH: &str = "masterAuth.clusterCaCertificate";
    let found = c.document.required(PATH).then(|text| match certificate::first_expiry(&text) {
        Some(end) => Found::of(end),
        None => Found::unknown(Reason::undecided(format!("{PATH} is no certificate in PEM and base64"))),
    });
    // The certificate itself says nothing to a reader: its end does.
    let shown = found.value.value().map_or_else(|| "not a certificate".to_owned(), |end| format!("ends {end}"));
    let evidence = found.evidence.into_iter().map(|mut e| {
        if e.value.is_string() {
            e.value = shown.as_str().into();
        }
        e
    });
    Found { value: found.value, evidence: evidence.collect() }
}

fn confidential_nodes(c: &Source<'_>) -> Found<bool> {
    let d = &c.document;
    // The type says which technology it would be, not that it is on.
    let of = |path: &str| d.flag(&format!("{path}.enabled"));
    of("confidentialNodes").or(|| {
        d.each("nodePools").then(|pools| {
            let start = Found::of(!pools.is_empty());
            pools.iter().fold(start, |all, pool| all.and(|| of(&format!("{pool}.config.confidentialNodes"))))
        })
    })
}
