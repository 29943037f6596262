//! The user's `gke-posture.yaml`: environments, platform namespaces, settings of checks, thresholds and waivers. The
//! module does no I/O: the file comes in as text.

mod parse;
mod pattern;
mod profile;
mod schema;
mod severity;
mod waiver;

pub use crate::document::Problem;
pub use pattern::Pattern;
pub use profile::{CallerPermission, Profile, Selection};
pub use schema::json_schema;
pub use severity::Severity;
pub use waiver::{Waiver, WaiverReport, WaiverStatus};

use std::collections::BTreeMap;

/// Name of the environment that counts as production.
pub const PRODUCTION: &str = "production";

/// Namespaces that GKE and Kubernetes own, whatever the file specifies.
pub const PLATFORM_NAMESPACES: [&str; 6] =
    ["kube-system", "kube-public", "kube-node-lease", "gke-managed-*", "gke-gmp-system", "gmp-*"];

/// Names that the file may refer to.
#[derive(Clone, Debug, Default)]
pub struct KnownNames {
    /// Ids of all checks, built-in and the user's own.
    pub checks: Vec<String>,
}

/// Configuration of gke-posture (gke-posture.yaml).
#[derive(Clone, Debug, Default, PartialEq, schemars::JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Environments by name. Names are free; `production` is the one that counts as production.
    pub environments: BTreeMap<String, Environment>,
    /// Namespaces of the platform, added to the built-in ones. `*` matches any run of characters.
    pub platform_namespaces: Vec<Pattern>,
    /// Which checks run: those of security (the default), of operations, or both. `--profile` overrides it.
    pub profile: Selection,
    /// IAM permissions of the account that read the cluster's configuration, of those that decide what the API shows.
    /// Without `container.clusters.getCredentials` it is not known whether a client certificate was issued.
    pub caller_permissions: Vec<CallerPermission>,
    /// Whether the cluster runs untrusted workloads, such as code of customers, which need GKE Sandbox.
    pub untrusted_workloads: bool,
    /// Settings of checks, by check id.
    pub checks: BTreeMap<String, CheckSetting>,
    /// Coverage below which a namespace fails.
    pub thresholds: Thresholds,
    /// Accepted findings, each until a date.
    pub waivers: Vec<Waiver>,
}

/// The namespaces and databases of an environment. `*` matches any run of characters.
#[derive(Clone, Debug, Default, PartialEq, schemars::JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Environment {
    /// Namespace names.
    pub namespaces: Vec<Pattern>,
    /// Database ids, such as `data/Cluster/postgres-prod`; they win over the database's namespace.
    pub databases: Vec<Pattern>,
}

/// Settings of one check.
#[derive(Clone, Debug, Default, PartialEq, schemars::JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CheckSetting {
    /// False switches the check off: it gives no results. True switches it on whatever the profile, also if it is off by
    /// default.
    pub enabled: Option<bool>,
    /// Replaces the check's own severity; the check may still lower it for a subject.
    pub severity: Option<Severity>,
}

/// Coverage in percent (0 to 100) below which a namespace fails; 0 requires none.
#[derive(Clone, Debug, Default, PartialEq, schemars::JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Thresholds {
    /// Share of workloads isolated for ingress, in percent.
    #[schemars(range(min = 0, max = 100))]
    pub ingress_coverage: u8,
    /// Share of workloads isolated for egress, in percent.
    #[schemars(range(min = 0, max = 100))]
    pub egress_coverage: u8,
}

impl Config {
    /// The environment of a namespace, or `None` where no pattern of the file matches. The most specific pattern wins (a
    /// name without `*`, then the most literal characters), then the first environment by name.
    pub fn environment_of_namespace(&self, namespace: &str) -> Option<&str> {
        self.most_specific(|e| &e.namespaces, namespace)
    }

    /// The environment of a database: by its id first, then by its namespace.
    pub fn environment_of_database(&self, id: &str, namespace: &str) -> Option<&str> {
        self.most_specific(|e| &e.databases, id).or_else(|| self.environment_of_namespace(namespace))
    }

    fn most_specific(&self, patterns: impl Fn(&Environment) -> &[Pattern], name: &str) -> Option<&str> {
        let mut best: Option<((bool, usize), &str)> = None;
        for (environment, members) in &self.environments {
            for pattern in patterns(members).iter().filter(|p| p.matches(name)) {
                // Strictly greater, so that the first name wins among equals.
                if best.is_none_or(|(s, _)| pattern.specificity() > s) {
                    best = Some((pattern.specificity(), environment));
                }
            }
        }
        best.map(|(_, environment)| environment)
    }

    /// Whether a namespace is the platform's: a built-in one or one of the file.
    pub fn is_platform_namespace(&self, namespace: &str) -> bool {
        PLATFORM_NAMESPACES.iter().any(|p| Pattern::new(*p).matches(namespace))
            || self.platform_namespaces.iter().any(|p| p.matches(namespace))
    }

    /// Whether the file leaves the check on.
    pub fn is_enabled(&self, check: &str) -> bool {
        self.checks.get(check).is_none_or(|s| s.enabled != Some(false))
    }

    /// Whether the file switches the check on explicitly.
    pub fn is_switched_on(&self, check: &str) -> bool {
        self.checks.get(check).is_some_and(|s| s.enabled == Some(true))
    }

    /// The severity that replaces a check's own.
    pub fn severity_of(&self, check: &str) -> Option<Severity> {
        self.checks.get(check).and_then(|s| s.severity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const FULL: &str = r#"environments:
  production: { namespaces: [prod, "pay-*"], databases: [data/Cluster/postgres-prod] }
  development: { namespaces: [tomoda, "*"] }
platformNamespaces: [cert-manager]
profile: all
callerPermissions: [container.clusters.getCredentials]
untrustedWorkloads: true
checks:
  a: { enabled: false, severity: low }
thresholds: { ingressCoverage: 80, egressCoverage: 0 }
waivers:
  - { check: a, subject: "prod/*", reason: legacy, owner: team-a, ticket: JIRA-1, until: 2027-01-31 }
  - { check: a, subject: "tomoda/*", reason: sandbox, owner: team-b, until: 2026-12-31 }
"#;

    fn config(text: &str) -> Config {
        Config::parse("gke-posture.yaml", text, &KnownNames { checks: vec!["a".into()] }).unwrap()
    }

    #[test]
    fn the_most_specific_pattern_decides_the_environment() {
        let c = config(FULL);
        assert_eq!(c.environment_of_namespace("prod"), Some("production"));
        assert_eq!(c.environment_of_namespace("pay-eu"), Some("production"));
        assert_eq!(c.environment_of_namespace("else"), Some("development"));
        assert_eq!(config("{}").environment_of_namespace("prod"), None);
        let tie = config("environments: { b: { namespaces: ['x*'] }, a: { namespaces: ['*x'] } }");
        assert_eq!(tie.environment_of_namespace("xx"), Some("a"));
    }

    #[test]
    fn a_databases_own_id_wins_over_its_namespace() {
        let c = config(FULL);
        assert_eq!(c.environment_of_database("data/Cluster/postgres-prod", "tomoda"), Some("production"));
        assert_eq!(c.environment_of_database("tomoda/Cluster/x", "tomoda"), Some("development"));
    }

    #[test]
    fn platform_namespaces_are_the_built_in_ones_and_the_users() {
        let c = config(FULL);
        for name in
            ["kube-system", "kube-node-lease", "gke-managed-cim", "gke-gmp-system", "gmp-public", "cert-manager"]
        {
            assert!(c.is_platform_namespace(name), "{name}");
        }
        for name in ["prod", "kube-system2", "gke-managed", "default"] {
            assert!(!c.is_platform_namespace(name), "{name}");
        }
    }

    #[test]
    fn checks_can_be_switched_off_and_on_and_get_another_severity() {
        let c = config(FULL);
        assert!(!c.is_switched_on("a") && !c.is_switched_on("b"));
        assert!(config("checks: { a: { enabled: true } }").is_switched_on("a"));
        assert!(!c.is_enabled("a"));
        assert!(c.is_enabled("b"));
        assert_eq!(c.severity_of("a"), Some(Severity::Low));
        assert_eq!(c.severity_of("b"), None);
    }
}
