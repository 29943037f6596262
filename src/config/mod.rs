//! The user's `gke-posture.yaml`: environments, platform namespaces, checks switched off or re-rated, thresholds and
//! waivers. It does no I/O: the file comes in as text.

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

/// The environment that counts as production.
pub const PRODUCTION: &str = "production";

/// Namespaces that the platform owns, whatever the file says (contracts, "Subjects").
pub const PLATFORM_NAMESPACES: [&str; 6] =
    ["kube-system", "kube-public", "kube-node-lease", "gke-managed-*", "gke-gmp-system", "gmp-*"];

/// What the file may refer to by name.
#[derive(Clone, Debug, Default)]
pub struct KnownNames {
    /// Ids of all checks, built-in and the user's own.
    pub checks: Vec<String>,
}

/// Configuration of gke-posture (gke-posture.yaml).
#[derive(Clone, Debug, Default, PartialEq, schemars::JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Config {
    /// Environment name → what belongs to it. Names are free; `production` is the one that counts as production.
    pub environments: BTreeMap<String, Environment>,
    /// Namespaces of the platform, added to the built-in ones. `*` matches any run of characters.
    pub platform_namespaces: Vec<Pattern>,
    /// Which checks judge: of security (the default), of operations, or both. `--profile` overrides it.
    pub profile: Selection,
    /// Permissions that whoever read the cluster's configuration held, of those that decide what the API shows. Without
    /// `container.clusters.getCredentials` it is not known whether a client certificate was issued.
    pub caller_permissions: Vec<CallerPermission>,
    /// True where workloads run that are not trusted, such as code of customers: they ask for GKE Sandbox.
    pub untrusted_workloads: bool,
    /// Check id → what to change about it.
    pub checks: BTreeMap<String, CheckSetting>,
    /// Coverage below which a namespace fails.
    pub thresholds: Thresholds,
    /// Findings that are accepted for a time.
    pub waivers: Vec<Waiver>,
}

/// What belongs to an environment. `*` matches any run of characters.
#[derive(Clone, Debug, Default, PartialEq, schemars::JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Environment {
    /// Namespace names.
    pub namespaces: Vec<Pattern>,
    /// Database ids, such as `data/Cluster/postgres-prod`; they win over the database's namespace.
    pub databases: Vec<Pattern>,
}

/// What to change about a check.
#[derive(Clone, Debug, Default, PartialEq, schemars::JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CheckSetting {
    /// False switches the check off: it gives no results. True switches it on whatever the profile, and makes one that has
    /// to be asked for count.
    pub enabled: Option<bool>,
    /// Replaces the check's own severity; the check may still lower it for a subject.
    pub severity: Option<Severity>,
}

/// Coverage in percent (0 to 100) below which a namespace fails; 0 asks for none.
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
    /// Environment that a namespace belongs to by this file; `None` where the file does not say. The most specific
    /// pattern wins (a literal name, then the most literal characters), then the environment's name.
    pub fn environment_of_namespace(&self, namespace: &str) -> Option<&str> {
        self.best(|e| &e.namespaces, namespace)
    }

    /// Environment of a database: by its own id first, then by its namespace.
    pub fn environment_of_database(&self, id: &str, namespace: &str) -> Option<&str> {
        self.best(|e| &e.databases, id).or_else(|| self.environment_of_namespace(namespace))
    }

    fn best(&self, patterns: impl Fn(&Environment) -> &[Pattern], name: &str) -> Option<&str> {
        let mut best: Option<((bool, usize), &str)> = None;
        for (environment, members) in &self.environments {
            for pattern in patterns(members).iter().filter(|p| p.matches(name)) {
                // Strictly greater: among equals the first name stays.
                if best.is_none_or(|(s, _)| pattern.specificity() > s) {
                    best = Some((pattern.specificity(), environment));
                }
            }
        }
        best.map(|(_, environment)| environment)
    }

    /// True for the namespaces of the platform: built-in ones and those of the file.
    pub fn is_platform_namespace(&self, namespace: &str) -> bool {
        PLATFORM_NAMESPACES.iter().any(|p| Pattern::new(*p).matches(namespace))
            || self.platform_namespaces.iter().any(|p| p.matches(namespace))
    }

    /// False where the file switches the check off.
    pub fn is_enabled(&self, check: &str) -> bool {
        self.checks.get(check).is_none_or(|s| s.enabled != Some(false))
    }

    /// True where the file switches the check on.
    pub fn is_asked_for(&self, check: &str) -> bool {
        self.checks.get(check).is_some_and(|s| s.enabled == Some(true))
    }

    /// The severity that the file gives a check instead of its own.
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
  - { check: "*", subject: "tomoda/*", reason: sandbox, owner: team-b, until: 2026-12-31 }
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
    fn checks_may_be_switched_off_on_and_re_rated() {
        let c = config(FULL);
        assert!(!c.is_asked_for("a") && !c.is_asked_for("b"));
        assert!(config("checks: { a: { enabled: true } }").is_asked_for("a"));
        assert!(!c.is_enabled("a"));
        assert!(c.is_enabled("b"));
        assert_eq!(c.severity_of("a"), Some(Severity::Low));
        assert_eq!(c.severity_of("b"), None);
    }
}
