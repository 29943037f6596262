//! Who may do what: authentication, authorization, admission.

use crate::config::CallerPermission;
use crate::facts::reading::{Reading, members};
use crate::facts::resource::Resource;
use crate::facts::version::Gate;
use crate::inventory::Reason;

use super::Source;

crate::configuration_facts! {
    /// Authentication, authorization and admission.
    pub(super) struct IdentityFacts {
        /// Whether the legacy ABAC authorizer is on.
        legacy_abac / "legacyAbac": bool => [Cluster], "off unless legacyAbac.enabled is true";
        /// Whether a client certificate of the cluster's own was issued. Only callers with container.clusters.getCredentials
        /// see it: that nothing is there proves nothing unless `callerPermissions` of gke-posture.yaml names that permission.
        client_certificate / "clientCertificate": bool => [Cluster],
            "masterAuth.clientCertificate or masterAuth.clientKey is set; issueClientCertificate decides only where the cluster is created, because the API never returns it";
        /// Whether a static password is set.
        basic_authentication / "basicAuthentication": bool => [Cluster],
            "masterAuth.username or masterAuth.password is set";
        /// The Google group whose members' groups RBAC knows; empty where there is none.
        google_group / "googleGroup": String => [Cluster],
            "authenticatorGroupsConfig.securityGroup, where authenticatorGroupsConfig.enabled is true";
        /// Whether Workload Identity Federation for GKE is on.
        workload_identity / "workloadIdentity": bool => [Cluster], "workloadIdentityConfig.workloadPool is set";
        /// The version that brings the restriction of role bindings; null: this one has it.
        rbac_bindings_from / "rbacBindingsFrom": Option<String> => [Cluster],
            "versions compare part by part, with the number behind -gke.";
        /// Whether roles may be bound to system:anonymous and system:unauthenticated; null: not reported, and the default
        /// is that they may.
        unauthenticated_bindings / "unauthenticatedBindings": Option<bool> => [Cluster],
            "rbacBindingConfig.enableInsecureBindingSystemUnauthenticated; allowed unless it is false";
        /// Whether roles may be bound to system:authenticated, which is every Google account; null: not reported, and the
        /// default is that they may.
        authenticated_bindings / "authenticatedBindings": Option<bool> => [Cluster],
            "rbacBindingConfig.enableInsecureBindingSystemAuthenticated; allowed unless it is false";
        /// The version that brings the restriction of anonymous requests; null: this one has it.
        anonymous_authentication_from / "anonymousAuthenticationFrom": Option<String> => [Cluster],
            "versions compare part by part, with the number behind -gke.";
        /// Whether anonymous requests reach the health endpoints only.
        anonymous_limited / "anonymousLimited": bool => [Cluster],
            "anonymousAuthenticationConfig.mode LIMITED; ENABLED, and nothing, let anonymous requests through to authorization";
        /// Whether Shielded GKE Nodes are on.
        shielded_nodes / "shieldedNodes": bool => [Cluster], "off unless shieldedNodes.enabled is true";
        /// The version that lets the control plane alone create nodes; null: this one has it.
        node_creation_from / "nodeCreationFrom": Option<String> => [Cluster],
            "versions compare part by part, with the number behind -gke.";
        /// Whether the control plane, not the kubelet, creates the Node objects.
        nodes_by_control_plane / "nodesByControlPlane": bool => [Cluster],
            "nodeCreationConfig.nodeCreationMode VIA_CONTROL_PLANE";
        /// Whether the cluster names the allowlists of privileged workloads that it trusts.
        privileged_allowlists_set / "privilegedAllowlistsSet": bool => [Cluster],
            "autopilot.privilegedAdmissionConfig; without it every allowlist that Google publishes is trusted";
        /// The trusted allowlists.
        privileged_allowlists / "privilegedAllowlists": Vec<String> => [Cluster],
            "autopilot.privilegedAdmissionConfig.allowlistPaths";
        /// Trusted allowlists that match everything in a bucket.
        privileged_buckets / "privilegedBuckets": Vec<String> => [Cluster],
            "a path that begins with gs:// and ends in *";
        /// Trusted allowlists that are one file of a bucket.
        privileged_files / "privilegedFiles": Vec<String> => [Cluster],
            "a path that begins with gs:// and does not end in *";
        /// Whether Autopilot workloads may have NET_ADMIN.
        net_admin / "netAdmin": bool => [Cluster], "off unless autopilot.workloadPolicyConfig.allowNetAdmin is true";
    }
}

const ALLOWLISTS: &str = "autopilot.privilegedAdmissionConfig";

pub(super) fn read_facts(c: &Source<'_>) -> IdentityFacts {
    let d = &c.resource;
    let group = d.flag("authenticatorGroupsConfig.enabled").and_then(|on| match on {
        true => d.text("authenticatorGroupsConfig.securityGroup"),
        false => Reading::known(String::new()),
    });
    IdentityFacts {
        legacy_abac: d.flag("legacyAbac.enabled"),
        client_certificate: client_certificate(c),
        basic_authentication: set(d, "masterAuth.username").or(|| set(d, "masterAuth.password")),
        google_group: group,
        workload_identity: set(d, "workloadIdentityConfig.workloadPool"),
        rbac_bindings_from: c.lacks(Gate::RbacBindings),
        unauthenticated_bindings: d.optional("rbacBindingConfig.enableInsecureBindingSystemUnauthenticated"),
        authenticated_bindings: d.optional("rbacBindingConfig.enableInsecureBindingSystemAuthenticated"),
        anonymous_authentication_from: c.lacks(Gate::AnonymousAuthentication),
        anonymous_limited: d
            .word("anonymousAuthenticationConfig.mode", &["MODE_UNSPECIFIED", "ENABLED", "LIMITED"])
            .map(|mode| mode == "LIMITED"),
        shielded_nodes: d.flag("shieldedNodes.enabled"),
        node_creation_from: c.lacks(Gate::NodeCreation),
        nodes_by_control_plane: d
            .word("nodeCreationConfig.nodeCreationMode", &["MODE_UNSPECIFIED", "VIA_KUBELET", "VIA_CONTROL_PLANE"])
            .map(|mode| mode == "VIA_CONTROL_PLANE"),
        privileged_allowlists_set: d.has(ALLOWLISTS),
        privileged_allowlists: d.texts(&format!("{ALLOWLISTS}.allowlistPaths")),
        privileged_buckets: allowlists(d, |path| path.starts_with("gs://") && path.ends_with('*')),
        privileged_files: allowlists(d, |path| path.starts_with("gs://") && !path.ends_with('*')),
        net_admin: d.flag("autopilot.workloadPolicyConfig.allowNetAdmin"),
    }
}

/// Whether a text is there and not empty.
fn set(d: &Resource<'_>, path: &str) -> Reading<bool> {
    d.text(path).map(|text| !text.is_empty())
}

fn client_certificate(c: &Source<'_>) -> Reading<bool> {
    let d = &c.resource;
    let permission = CallerPermission::GetCredentials;
    let seen = c.settings.caller_permissions.contains(&permission);
    let permission = permission.name();
    if c.oldest_version().is_some() {
        return d.flag("masterAuth.clientCertificateConfig.issueClientCertificate");
    }
    set(d, "masterAuth.clientCertificate").or(|| set(d, "masterAuth.clientKey")).and_then(|there| match there || seen {
        true => Reading::known(there),
        false => Reading::unknown(Reason::withheld(format!(
            "only callers with {permission} see a client certificate. If whoever made this input holds it, state it in \
             gke-posture.yaml: callerPermissions: [{permission}]"
        ))),
    })
}

/// The trusted paths of one form; one of a form that is not known may be any.
fn allowlists(d: &Resource<'_>, form: impl Fn(&str) -> bool) -> Reading<Vec<String>> {
    let list = format!("{ALLOWLISTS}.allowlistPaths");
    d.each(&list).and_then(|paths| {
        if paths.is_empty() {
            return Reading::known(Vec::new());
        }
        let one = |path: &String| {
            d.text(path).and_then(|text| match text.starts_with("gs://") || text.starts_with("gke://") {
                true => Reading::known(form(&text).then_some(text)),
                false => Reading::unknown(Reason::undecided(format!("{path}: \"{text}\" is no path of a known form"))),
            })
        };
        members(paths.iter().map(one).collect())
    })
}
