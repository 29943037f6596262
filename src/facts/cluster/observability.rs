//! What is watched: images that run, posture, logs, metrics.

use crate::facts::reading::{Reading, members};
use crate::inventory::Reason;

use super::Source;

crate::configuration_facts! {
    /// Supply chain, posture, logs and metrics.
    pub(super) struct ObservabilityFacts {
        /// Binary Authorization: `enforced`, `audited` (what breaks the policy runs, and is logged) or `off`.
        binary_authorization / "binaryAuthorization": String => [Cluster],
            "binaryAuthorization.evaluationMode; the deprecated enabled counts only where no mode is set";
        /// Mode of the security posture dashboard; empty: off.
        security_posture / "securityPosture": String => [Cluster],
            "securityPostureConfig.mode BASIC or ENTERPRISE; anything else is off";
        /// Whether logs of the system's components are collected.
        system_logs / "systemLogs": bool => [Cluster],
            "loggingConfig.componentConfig decides, an empty one is off; without loggingConfig loggingService decides";
        /// Whether logs of the workloads are collected.
        workload_logs / "workloadLogs": bool => [Cluster],
            "loggingConfig.componentConfig decides, an empty one is off; without loggingConfig loggingService decides";
        /// Logs of the control plane that are not collected.
        missing_control_plane_logs / "missingControlPlaneLogs": Vec<String> => [Cluster],
            "APISERVER, SCHEDULER and CONTROLLER_MANAGER in loggingConfig.componentConfig.enableComponents";
        /// Components whose logs are collected.
        collected_logs / "collectedLogs": Vec<String> => [Cluster], "loggingConfig.componentConfig.enableComponents";
        /// Components whose metrics are collected.
        collected_metrics / "collectedMetrics": Vec<String> => [Cluster],
            "monitoringConfig.componentConfig.enableComponents";
        /// Whether metrics of the system's components are collected.
        system_metrics / "systemMetrics": bool => [Cluster],
            "monitoringConfig.componentConfig decides, an empty one is off; without monitoringConfig monitoringService decides";
    }
}

const CONTROL_PLANE: [&str; 3] = ["APISERVER", "CONTROLLER_MANAGER", "SCHEDULER"];

pub(super) fn read_facts(c: &Source<'_>) -> ObservabilityFacts {
    let d = &c.resource;
    ObservabilityFacts {
        binary_authorization: binary_authorization(c),
        security_posture: d
            .word("securityPostureConfig.mode", &["MODE_UNSPECIFIED", "DISABLED", "BASIC", "ENTERPRISE"])
            .map(|mode| if matches!(mode.as_str(), "BASIC" | "ENTERPRISE") { mode } else { String::new() }),
        system_logs: collected(c, "logging", "SYSTEM_COMPONENTS"),
        workload_logs: collected(c, "logging", "WORKLOADS"),
        missing_control_plane_logs: missing_control_plane_logs(c),
        collected_logs: d.texts("loggingConfig.componentConfig.enableComponents"),
        collected_metrics: d.texts("monitoringConfig.componentConfig.enableComponents"),
        system_metrics: collected(c, "monitoring", "SYSTEM_COMPONENTS"),
    }
}

fn binary_authorization(c: &Source<'_>) -> Reading<String> {
    // The last two are of v1beta1.
    const MODES: [&str; 5] = [
        "EVALUATION_MODE_UNSPECIFIED",
        "DISABLED",
        "PROJECT_SINGLETON_POLICY_ENFORCE",
        "POLICY_BINDINGS",
        "POLICY_BINDINGS_AND_PROJECT_SINGLETON_POLICY_ENFORCE",
    ];
    let d = &c.resource;
    let word = |w: &str| Reading::known(w.to_owned());
    d.word("binaryAuthorization.evaluationMode", &MODES).and_then(|mode| match mode.as_str() {
        "" | "EVALUATION_MODE_UNSPECIFIED" => {
            d.flag("binaryAuthorization.enabled").and_then(|on| word(if on { "enforced" } else { "off" }))
        }
        "DISABLED" => word("off"),
        "POLICY_BINDINGS" => word("audited"),
        _ => word("enforced"),
    })
}

/// Whether a component's `logging` or `monitoring` is collected. The new field decides if it is there at all.
fn collected(c: &Source<'_>, what: &str, component: &str) -> Reading<bool> {
    let d = &c.resource;
    d.has(&format!("{what}Config"))
        .and_then(|there| {
            if there {
                return d.contains(&format!("{what}Config.componentConfig.enableComponents"), component);
            }
            let path = format!("{what}Service");
            d.text(&path).and_then(|service| match service.strip_prefix(&format!("{what}.googleapis.com")) {
                // Before there were components, one switch stood for all of them.
                Some("" | "/kubernetes") => Reading::known(true),
                _ if matches!(service.as_str(), "" | "none") => Reading::known(false),
                _ => Reading::unknown(Reason::undecided(format!(
                    "{path} has the value \"{service}\", which this version does not know"
                ))),
            })
        })
        .without_ancestors()
}

fn missing_control_plane_logs(c: &Source<'_>) -> Reading<Vec<String>> {
    let all = CONTROL_PLANE.map(|component| {
        let logged = c.resource.contains("loggingConfig.componentConfig.enableComponents", component);
        logged.map(|logged| (!logged).then(|| component.to_owned()))
    });
    members(all.into())
}
