//! What the API reports of the cluster's and its pools' state.

use crate::facts::reading::{Reading, members};
use crate::facts::resource::Resource;

use super::Source;

crate::configuration_facts! {
    /// State and conditions.
    pub(super) struct HealthFacts {
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
const OTHERS: [&str; 4] = ["GCE_QUOTA_EXCEEDED", "GCE_STOCKOUT", "SET_BY_OPERATOR", "UNKNOWN"];

const GOOD: [&str; 5] = ["STATUS_UNSPECIFIED", "PROVISIONING", "RECONCILING", "RUNNING", "STOPPING"];
/// `RUNNING_WITH_ERROR` is a pool's.
const BAD: [&str; 3] = ["DEGRADED", "ERROR", "RUNNING_WITH_ERROR"];

/// The code of a condition.
pub(super) fn code(d: &Resource<'_>, condition: &str) -> Reading<String> {
    d.word(&format!("{condition}.code"), &[&ALARMS[..], &OTHERS[..]].concat())
}

pub(super) fn read_facts(c: &Source<'_>) -> HealthFacts {
    let d = &c.resource;
    let mut found = of(c, "", "");
    let pools = d.each("nodePools");
    match pools.value.value() {
        Some(list) => {
            for pool in list {
                let name = d.text(&format!("{pool}.name"));
                let name = name.value.value().map_or(pool.as_str(), String::as_str);
                found.extend(of(c, &format!("{pool}."), &format!("node pool {name}: ")));
            }
        }
        // Those of pools are in doubt, not those of the cluster.
        None => found.push(pools.map(|_| None)),
    }
    HealthFacts { alarms: members(found) }
}

/// The status and the conditions below `path`, each with the prefix `whose`.
fn of(c: &Source<'_>, path: &str, whose: &str) -> Vec<Reading<Option<String>>> {
    let d = &c.resource;
    let status = format!("{path}status");
    let known = [&GOOD[..], &BAD[..]].concat();
    let status = d.word(&status, &known).map(|s| BAD.contains(&s.as_str()).then(|| format!("{whose}status {s}")));
    let mut found = vec![status];
    let list = d.each(&format!("{path}conditions"));
    match list.value.value() {
        Some(conditions) => found.extend(conditions.iter().map(|condition| {
            code(d, condition).map(|code| ALARMS.contains(&code.as_str()).then(|| format!("{whose}{code}")))
        })),
        None => found.push(list.map(|_| None)),
    }
    found
}
