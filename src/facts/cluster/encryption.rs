//! Encryption of Secrets in etcd, certificates, and encryption of memory.

use crate::facts::certificate;
use crate::facts::reading::Reading;
use crate::inventory::{Known, Reason};

use super::{Source, days_between, health};

crate::configuration_facts! {
    /// Encryption and certificates.
    pub(super) struct EncryptionFacts {
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

/// Conditions of a key that cannot be used.
const KEY_CONDITIONS: [&str; 2] = ["CLOUD_KMS_KEY_ERROR", "CLOUD_KMS_KEY_DESTROYED"];

const STATES: [&str; 3] = ["ENCRYPTED", "DECRYPTED", "ALL_OBJECTS_ENCRYPTION_ENABLED"];

pub(super) fn read_facts(c: &Source<'_>) -> EncryptionFacts {
    let d = &c.resource;
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

/// With such a condition of the key, encryption is broken in any state.
fn encryption_health(c: &Source<'_>) -> Reading<String> {
    let d = &c.resource;
    let broken = d.each("conditions").and_then(|conditions| {
        let codes = conditions.iter().map(|condition| health::code(d, condition));
        codes.fold(Reading::known(false), |any, code| {
            any.or(|| code.map(|code| KEY_CONDITIONS.contains(&code.as_str())))
        })
    });
    if broken.value == Known::Value(true) {
        return broken.map(|_| "broken".to_owned());
    }
    let state = d.required("databaseEncryption.currentState").and_then(|state| {
        let short = state.strip_prefix("CURRENT_STATE_").unwrap_or_default();
        Reading::known(match short {
            "ENCRYPTED" | "ALL_OBJECTS_ENCRYPTION_ENABLED" => "working".to_owned(),
            "ENCRYPTION_PENDING" | "DECRYPTION_PENDING" | "ALL_OBJECTS_ENCRYPTION_PENDING" => "pending".to_owned(),
            "DECRYPTED" | "ENCRYPTION_ERROR" | "DECRYPTION_ERROR" | "ALL_OBJECTS_ENCRYPTION_ERROR" => {
                "broken".to_owned()
            }
            _ => {
                return Reading::unknown(Reason::undecided(format!(
                    "databaseEncryption.currentState has the value \"{state}\", which this version does not know"
                )));
            }
        })
    });
    // A broken state decides, whatever the conditions are.
    match state.value.value().map(String::as_str) {
        Some("broken") => state,
        _ => broken.with(state).map(|(_, state)| state),
    }
}

fn ca_end(c: &Source<'_>) -> Reading<jiff::Timestamp> {
    const PATH: &str = "masterAuth.clusterCaCertificate";
    let found = c.resource.required(PATH).and_then(|text| match certificate::first_expiry(&text) {
        Some(end) => Reading::known(end),
        None => Reading::unknown(Reason::undecided(format!("{PATH} is no certificate in PEM and base64"))),
    });
    // The end of the certificate is shown, not its text.
    let shown = found.value.value().map_or_else(|| "not a certificate".to_owned(), |end| format!("ends {end}"));
    let evidence = found.evidence.into_iter().map(|mut e| {
        if e.value.is_string() {
            e.value = shown.as_str().into();
        }
        e
    });
    Reading { value: found.value, evidence: evidence.collect() }
}

fn confidential_nodes(c: &Source<'_>) -> Reading<bool> {
    let d = &c.resource;
    // `confidentialInstanceType` names the technology; it does not switch it on.
    let of = |path: &str| d.flag(&format!("{path}.enabled"));
    of("confidentialNodes").or(|| {
        d.each("nodePools").and_then(|pools| {
            let start = Reading::known(!pools.is_empty());
            pools.iter().fold(start, |all, pool| all.and(|| of(&format!("{pool}.config.confidentialNodes"))))
        })
    })
}
