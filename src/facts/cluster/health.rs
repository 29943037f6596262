//! What the API reports of the cluster's and its pools' state.

use crate::facts::found::{Found, members};
use crate::inventory::Reason;

use super::Source;

crate::found_facts! {
    /// State and conditions.
    pub struct HealthFacts {
        /// Conditions and states that bear on security, such as CA_EXPIRING, those of pools with the pool's name.
        alarms / "alarms": Vec<String> => [Cluster],
            "conditions of the cluster and its pools, and a status of error";
    }
}

/// Codes of `StatusCondition` that bear on security.
const ALARMS: [&str; 5] = [
    "CA_EXPIRING",
    "CLOUD_KMS_KEY_DESTROYED",
    "CLOUD_KMS_KEY_ERROR",
    "GKE_SERVICE_ACCOUNT_DELETED",
    "NODE_SERVICE_ACCOUNT_MISSING_PERMISSIONS",
];
/// Codes that do not.
const OTHERS: [&str; 5] = ["", "GCE_QUOTA_EXCEEDED", "GCE_STOCKOUT", "SET_BY_OPERATOR", "UNKNOWN"];

const GOOD: [&str; 5] = ["STATUS_UNSPECIFIED", "PROVISIONING", "RECONCILING", "RUNNING", "STOPPING"];
/// `RUNNING_WITH_ERROR` is a pool's.
const BAD: [&str; 3] = ["DEGRADED", "ERROR", "RUNNING_WITH_ERROR"];

/// Whether a condition bears on security.
fn is_alarm(code: &str) -> bool {
    ALARMS.contains(&code)
}

pub fn read(c: &Source<'_>) -> HealthFacts {
    let d = &c.document;
    let alarms = d.each("nodePools").then(|pools| {
        let mut found = of(c, "", "");
        for pool in pools {
            let name = d.text(&format!("{pool}.name"));
            let name = name.value.value().map_or(pool.as_str(), String::as_str);
            found.extend(of(c, &format!("{pool}."), &format!("node pool {name}: ")));
        }
        members(found)
    });
    HealthFacts { alarms }
}

/// The status and the conditions below `path`; `whose` stands before each.
fn of(c: &Source<'_>, path: &str, whose: &str) -> Vec<Found<Option<String>>> {
    let d = &c.document;
    let status = format!("{path}status");
    let known = [&GOOD[..], &BAD[..]].concat();
    let status = d.word(&status, &known).map(|s| BAD.contains(&s.as_str()).then(|| format!("{whose}status {s}")));
    let mut found = vec![status];
    let list = d.each(&format!("{path}conditions"));
    match list.value.value() {
        Some(conditions) => found.extend(conditions.iter().map(|condition| {
            d.text(&format!("{condition}.code")).then(|code| match () {
                () if is_alarm(&code) => Found::of(Some(format!("{whose}{code}"))),
                () if OTHERS.contains(&code.as_str()) => Found::of(None),
                () => Found::unknown(Reason::undecided(format!(
                    "{condition}.code has the value \"{code}\", which this version does not know"
                ))),
            })
        })),
        None => found.push(list.map(|_| None)),
    }
    found
}
