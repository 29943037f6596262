//! Pitfalls of the GKE API: each test fails with a rule that is plausible and wrong. `docs/semantics.md#gke-configuration`
//! states the rules.
use gke_posture::check::Verdict;
use gke_posture::facts::schema::SubjectKind;
use gke_posture::report::framework::{ControlStatus, FrameworkReport};
use gke_posture::report::{Outcome, Report};
use serde_json::{Value, json};

const CASES: &str = include_str!("../cases/gke-config-cases.yaml");

/// The base of the cases with some of its objects replaced.
fn base(changes: Value) -> Value {
    let all: Value = serde_saphyr::from_str(CASES).unwrap();
    let mut cluster = all["base"].clone();
    for (key, value) in changes.as_object().unwrap() {
        cluster[key] = value.clone();
    }
    cluster
}

/// The base's node pool with some of its NodeConfig replaced.
fn pool(name: &str, config: Value) -> Value {
    let mut pool = base(json!({}))["nodePools"][0].clone();
    pool["name"] = name.into();
    for (key, value) in config.as_object().unwrap() {
        pool["config"][key] = value.clone();
    }
    pool
}

fn audit(changes: Value) -> Report {
    crate::gke::audit(&base(changes))
}

/// What a check says: the verdict, or `warn`.
fn says(report: &Report, check: &str) -> &'static str {
    crate::gke::word(crate::gke::result(report, check, None))
}

fn says_of(report: &Report, check: &str, pool: &str) -> &'static str {
    crate::gke::word(crate::gke::result(report, check, Some(pool)))
}

fn endpoints(ip: Value) -> Value {
    json!({"controlPlaneEndpointsConfig": {"ipEndpointsConfig": ip}})
}

#[test]
fn a_dns_only_cluster_is_not_public_and_not_open() {
    let report = audit(json!({
        "controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"allowExternalTraffic": true}, "ipEndpointsConfig": {"enabled": false}},
        "privateClusterConfig": {"enablePrivateNodes": true, "publicEndpoint": "203.0.113.9"},
        "endpoint": "gke-0.us-central1.gke.goog",
    }));
    assert_eq!(says(&report, "control-plane-no-public-ip"), "pass");
    assert_eq!(says(&report, "control-plane-authorized-networks"), "pass");
}

#[test]
fn the_new_field_is_the_opposite_of_the_old_one_and_wins() {
    let mut changes = endpoints(json!({"enabled": true, "enablePublicEndpoint": true}));
    changes["privateClusterConfig"] = json!({"enablePrivateEndpoint": true});
    assert_eq!(says(&audit(changes), "control-plane-no-public-ip"), "fail");
    let mut old = base(json!({"privateClusterConfig": {"enablePrivateEndpoint": true}}));
    old.as_object_mut().unwrap().remove("controlPlaneEndpointsConfig");
    assert_eq!(says(&crate::gke::audit(&old), "control-plane-no-public-ip"), "pass");
}

#[test]
fn no_range_at_all_is_the_tightest_list() {
    let networks = json!({"enabled": true, "gcpPublicCidrsAccessEnabled": false});
    let report = audit(endpoints(json!({"enablePublicEndpoint": true, "authorizedNetworksConfig": networks})));
    assert_eq!(says(&report, "control-plane-authorized-networks"), "pass");
    assert_eq!(says(&report, "authorized-networks-not-world"), "pass");
}

#[test]
fn the_whole_internet_is_no_restriction() {
    for blocks in [json!([{"cidrBlock": "0.0.0.0/0"}]), json!([{"cidrBlock": "10.0.0.0/8"}, {"cidrBlock": "::/0"}])] {
        let networks = json!({"enabled": true, "cidrBlocks": blocks});
        let report = audit(endpoints(json!({"enablePublicEndpoint": true, "authorizedNetworksConfig": networks})));
        assert_eq!(says(&report, "authorized-networks-not-world"), "fail");
    }
}

#[test]
fn other_customers_machines_pass_unless_they_are_shut_out() {
    for (value, expected) in [(json!(true), "fail"), (json!(false), "pass"), (Value::Null, "warn")] {
        let mut networks = json!({"enabled": true, "cidrBlocks": [{"cidrBlock": "198.51.100.0/24"}]});
        if !value.is_null() {
            networks["gcpPublicCidrsAccessEnabled"] = value.clone();
        }
        let report = audit(endpoints(json!({"enablePublicEndpoint": true, "authorizedNetworksConfig": networks})));
        assert_eq!(says(&report, "authorized-networks-no-gcp-public"), expected, "{value}");
    }
}

#[test]
fn a_switch_of_the_cluster_does_not_convert_its_pools() {
    let report = audit(json!({
        "networkConfig": {"defaultEnablePrivateNodes": true}, "privateClusterConfig": {"enablePrivateNodes": true},
    }));
    assert_eq!(says(&report, "private-nodes"), "pass");
    assert_eq!(says(&report, "private-nodes-every-pool"), "warn");
    let fix = crate::gke::result(&audit(json!({})), "private-nodes", None).fix.gcloud.clone().unwrap();
    assert!(
        fix.contains("clusters update") && fix.contains("--enable-private-nodes"),
        "it can be changed in place: {fix}"
    );
}

#[test]
fn addresses_say_nothing() {
    let mut changes = endpoints(json!({"enabled": true, "enablePublicEndpoint": false}));
    changes["privateClusterConfig"] = json!({"publicEndpoint": "203.0.113.9", "enablePrivateEndpoint": true});
    changes["endpoint"] = "203.0.113.9".into();
    assert_eq!(says(&audit(changes), "control-plane-no-public-ip"), "pass");
    // v1beta1 says this of every cluster.
    assert_eq!(says(&audit(json!({"privateCluster": true})), "control-plane-no-public-ip"), "fail");
}

#[test]
fn dataplane_v2_enforces_with_the_add_on_off_and_calico_only_with_both_switches() {
    let dpv2 = audit(json!({"networkConfig": {"datapathProvider": "ADVANCED_DATAPATH"}}));
    assert_eq!(says(&dpv2, "network-policy-enforcement"), "pass");
    let calico = audit(json!({"networkPolicy": {"enabled": true}, "addonsConfig": {"networkPolicyConfig": {}}}));
    assert_eq!(says(&calico, "network-policy-enforcement"), "pass");
    let named = audit(json!({"networkPolicy": {"provider": "CALICO"}}));
    assert_eq!(says(&named, "network-policy-enforcement"), "fail");
    // The object is missing: whether the add-on runs is not known.
    let missing = audit(json!({"networkPolicy": {"enabled": true}, "addonsConfig": {}}));
    assert_eq!(says(&missing, "network-policy-enforcement"), "unknown");
}

#[test]
fn binary_authorization_is_its_mode() {
    for (value, expected) in [
        (json!({"evaluationMode": "PROJECT_SINGLETON_POLICY_ENFORCE"}), "pass"),
        (json!({}), "fail"),
        (json!({"evaluationMode": "DISABLED", "enabled": true}), "fail"),
    ] {
        let report = audit(json!({"binaryAuthorization": value}));
        assert_eq!(says(&report, "binary-authorization"), expected, "{value}");
    }
}

#[test]
fn all_objects_encryption_is_encryption() {
    for state in [json!("ENCRYPTED"), json!("ALL_OBJECTS_ENCRYPTION_ENABLED"), json!(1), json!(3)] {
        let report = audit(json!({"databaseEncryption": {"state": state, "keyName": "k"}}));
        assert_eq!(says(&report, "secrets-encryption-cmek"), "pass", "{state}");
    }
}

#[test]
fn nothing_said_of_encryption_is_none() {
    let mut cluster = base(json!({}));
    cluster.as_object_mut().unwrap().remove("databaseEncryption");
    assert_eq!(says(&crate::gke::audit(&cluster), "secrets-encryption-cmek"), "fail");
}

#[test]
fn a_client_certificate_that_is_not_shown_is_not_known() {
    let cluster = base(json!({"masterAuth": {"clusterCaCertificate": "Q0E=", "clientCertificateConfig": {}}}));
    let report = crate::gke::audit(&cluster);
    let result = crate::gke::result(&report, "client-certificate-disabled", None);
    assert_eq!(crate::gke::word(result), "unknown");
    assert_eq!(result.reasons[0].cause, gke_posture::inventory::Cause::Withheld);
    let seen = crate::gke::audit_with(&cluster, &[], "callerPermissions: [container.clusters.getCredentials]");
    assert_eq!(says(&seen, "client-certificate-disabled"), "pass");
    let issued = crate::gke::audit_with(&base(json!({"masterAuth": {"clientKey": "x"}})), &[], "");
    assert_eq!(says(&issued, "client-certificate-disabled"), "fail");
}

#[test]
fn the_default_account_has_two_spellings_and_autopilot_uses_it_too() {
    let number = "123456789-compute@developer.gserviceaccount.com";
    for account in ["default", number] {
        let report = audit(json!({"nodePools": [pool("a", json!({"serviceAccount": account}))]}));
        assert_eq!(says(&report, "node-service-account"), "fail", "{account}");
    }
    let report = audit(json!({"autopilot": {"enabled": true}}));
    assert_eq!(says(&report, "nap-service-account"), "fail");
}

#[test]
fn every_pool_is_judged_and_the_mirror_of_the_first_is_not() {
    let own =
        json!({"serviceAccount": "n@p.iam.gserviceaccount.com", "shieldedInstanceConfig": {"enableSecureBoot": true}});
    let report = audit(
        json!({"nodeConfig": own, "nodePools": [pool("a", own.clone()), pool("b", json!({"imageType": "UBUNTU"}))]}),
    );
    for check in ["node-service-account", "secure-boot"] {
        assert_eq!(says_of(&report, check, "a"), "pass", "{check}");
        assert_eq!(says_of(&report, check, "b"), "fail", "{check}");
    }
    assert_eq!(says_of(&report, "node-image-cos", "b"), "fail");
}

#[test]
fn live_spellings_are_read_in_both_encodings() {
    let camel = audit(json!({"networkConfig": {"enableIntraNodeVisibility": true}}));
    assert_eq!(says(&camel, "intranode-visibility"), "pass");
    let mut cluster = base(json!({"network_config": {"enable_intra_node_visibility": true}}));
    cluster.as_object_mut().unwrap().remove("networkConfig");
    assert_eq!(says(&crate::gke::audit(&cluster), "intranode-visibility"), "pass");
}

fn nap(defaults: Value) -> Value {
    json!({"autoscaling": {"enableNodeAutoprovisioning": true, "autoprovisioningNodePoolDefaults": defaults}})
}

#[test]
fn what_is_absent_in_a_message_that_is_there_is_off() {
    assert_eq!(says(&audit(nap(json!({"shieldedInstanceConfig": {}}))), "nap-integrity-monitoring"), "fail");
    assert_eq!(says(&audit(nap(json!({}))), "nap-integrity-monitoring"), "pass");
}

#[test]
fn defaults_of_auto_provisioning_count_only_where_it_is_on() {
    let defaults = json!({"serviceAccount": "default", "imageType": "UBUNTU_CONTAINERD"});
    let off = audit(json!({"autoscaling": {"autoprovisioningNodePoolDefaults": defaults}}));
    assert_eq!(says(&off, "nap-image-cos"), "not-applicable");
    let mut autopilot = nap(defaults.clone());
    autopilot["autopilot"] = json!({"enabled": true});
    let autopilot = audit(autopilot);
    for check in ["nap-image-cos", "nap-secure-boot", "nap-integrity-monitoring"] {
        assert_eq!(says(&autopilot, check), "not-applicable", "{check}");
    }
    assert_eq!(says(&audit(nap(defaults)), "nap-image-cos"), "fail");
}

#[test]
fn alpha_and_auto_upgrade_are_not_the_wrong_way_round() {
    assert_eq!(says(&audit(json!({})), "alpha-cluster"), "pass");
    assert_eq!(says(&audit(json!({"enableKubernetesAlpha": true})), "alpha-cluster"), "fail");
    assert_eq!(says(&audit(json!({})), "node-auto-upgrade"), "pass");
}

#[test]
fn a_dashboard_that_is_not_mentioned_is_gone() {
    assert_eq!(says(&audit(json!({"addonsConfig": {}})), "kubernetes-dashboard-disabled"), "pass");
    let on = audit(json!({"addonsConfig": {"kubernetesDashboard": {}}}));
    assert_eq!(says(&on, "kubernetes-dashboard-disabled"), "fail");
}

#[test]
fn withdrawn_features_are_no_findings() {
    let report = audit(json!({
        "securityPostureConfig": {"mode": "BASIC", "vulnerabilityMode": "VULNERABILITY_MODE_UNSPECIFIED"},
        "enterpriseConfig": {"clusterTier": "STANDARD"},
    }));
    assert_eq!(says(&report, "security-posture"), "pass");
    for check in crate::gke::REGISTRY.checks() {
        let text = format!("{} {}", check.id, check.pass.source()).to_lowercase();
        assert!(!["vulnerab", "enterprise", "compliance"].iter().any(|w| text.contains(w)), "{}", check.id);
    }
    let tier = audit(json!({"securityPostureConfig": {"mode": "ENTERPRISE"}}));
    let result = crate::gke::result(&tier, "security-posture", None);
    assert!(crate::gke::word(result) == "pass" && result.note.as_ref().unwrap().contains("discontinued"));
}

#[test]
fn no_check_asks_for_pod_security_policies() {
    let report = audit(json!({"podSecurityPolicyConfig": {"enabled": false}}));
    assert!(
        report.results.iter().all(|r| !r.check.contains("security-policy") && !r.message.contains("PodSecurityPolicy"))
    );
}

#[test]
fn controls_of_the_benchmark_are_judged_by_checks_of_gke() {
    let cis = crate::gke::REGISTRY.frameworks().iter().find(|f| f.framework == "cis-gke-1.9.0").unwrap();
    let checks = |id: &str| cis.controls.iter().find(|c| c.id == id).unwrap().checks.clone();
    for (id, check) in [
        ("5.6.3", "control-plane-authorized-networks"),
        ("5.6.4", "control-plane-no-public-ip"),
        ("5.6.5", "private-nodes-every-pool"),
        ("5.5.1", "node-image-cos"),
        ("5.8.2", "google-groups-rbac"),
        ("5.8.3", "legacy-abac-disabled"),
        ("5.1.4", "binary-authorization"),
        ("5.2.2", "workload-identity"),
    ] {
        assert!(checks(id).iter().any(|c| c == check), "{id}: {:?}", checks(id));
    }
    // What nobody can see in the cluster is said to be so.
    assert!(checks("5.6.7").is_empty());
}

#[test]
fn workload_logs_are_not_called_audit_logs() {
    let check = crate::gke::REGISTRY.get("cloud-logging").unwrap();
    assert!(!check.title.to_lowercase().contains("audit"), "{}", check.title);
    assert!(check.why.contains("audit logs are separate"), "{}", check.why);
}

#[test]
fn workload_identity_of_the_cluster_does_not_protect_a_pool() {
    let report = audit(json!({"workloadIdentityConfig": {"workloadPool": "p.svc.id.goog"}}));
    assert_eq!(says(&report, "workload-identity"), "pass");
    let pool = crate::gke::result(&report, "gke-metadata-server", None);
    assert_eq!((crate::gke::word(pool), pool.caused_by.as_deref()), ("fail", None));
    // Without it the pool's failure follows from the cluster's, and is told of once.
    let without = audit(json!({}));
    let pool = crate::gke::result(&without, "gke-metadata-server", None);
    assert_eq!(pool.caused_by.as_deref(), Some("workload-identity"));
}

#[test]
fn components_decide_and_no_component_is_off() {
    let empty = json!({"loggingConfig": {"componentConfig": {}}, "loggingService": "logging.googleapis.com/kubernetes",
                       "monitoringConfig": {}, "monitoringService": "monitoring.googleapis.com/kubernetes"});
    let report = audit(empty);
    assert_eq!(says(&report, "cloud-logging"), "fail");
    assert_eq!(says(&report, "cloud-monitoring"), "fail");
}

fn exclusion(options: Value) -> Report {
    let window = json!({"startTime": "2026-01-01T00:00:00Z", "endTime": "2099-01-01T00:00:00Z", "maintenanceExclusionOptions": options});
    audit(json!({"maintenancePolicy": {"window": {"maintenanceExclusions": {"freeze": window}}}}))
}

#[test]
fn an_exclusion_without_a_scope_keeps_everything_away() {
    assert_eq!(says(&exclusion(json!({})), "maintenance-exclusion-scope"), "fail");
    assert_eq!(says(&exclusion(json!({"scope": "NO_MINOR_UPGRADES"})), "maintenance-exclusion-scope"), "pass");
    assert_eq!(says(&exclusion(json!({"scope": "NO_MINOR_OR_NODE_UPGRADES"})), "maintenance-exclusion-scope"), "warn");
}

#[test]
fn scopes_are_judged_with_the_account() {
    let scopes = json!(["https://www.googleapis.com/auth/cloud-platform"]);
    let own = json!({"serviceAccount": "n@p.iam.gserviceaccount.com", "oauthScopes": scopes});
    assert_eq!(says(&audit(json!({"nodePools": [pool("a", own)]})), "node-oauth-scopes"), "pass");
    let default = json!({"serviceAccount": "default", "oauthScopes": scopes});
    assert_eq!(says(&audit(json!({"nodePools": [pool("a", default)]})), "node-oauth-scopes"), "fail");
    let added_by_gke = json!({"serviceAccount": "default", "oauthScopes": [
        "https://www.googleapis.com/auth/devstorage.read_only", "https://www.googleapis.com/auth/logging.write",
        "https://www.googleapis.com/auth/monitoring", "https://www.googleapis.com/auth/service.management.readonly",
        "https://www.googleapis.com/auth/servicecontrol", "https://www.googleapis.com/auth/trace.append",
    ]});
    assert_eq!(says(&audit(json!({"nodePools": [pool("a", added_by_gke)]})), "node-oauth-scopes"), "pass");
}

#[test]
fn an_empty_setting_of_external_ips_is_blocked() {
    let report = audit(json!({"networkConfig": {"serviceExternalIpsConfig": {}}}));
    assert_eq!(says(&report, "service-external-ips-blocked"), "pass");
}

#[test]
fn no_setting_of_role_bindings_is_not_safe() {
    let mut cluster = base(json!({}));
    cluster.as_object_mut().unwrap().remove("rbacBindingConfig");
    let report = crate::gke::audit(&cluster);
    for check in ["rbac-no-unauthenticated-bindings", "rbac-no-authenticated-bindings"] {
        assert_eq!(says(&report, check), "fail", "{check}");
        assert!(crate::gke::REGISTRY.get(check).unwrap().why.contains("Existing bindings stay"), "{check}");
    }
}

fn skew(control_plane: &str, nodes: &str) -> Report {
    let mut cluster = base(json!({"currentMasterVersion": control_plane}));
    cluster["nodePools"][0]["version"] = nodes.into();
    crate::gke::audit(&cluster)
}

#[test]
fn versions_are_numbers_and_three_behind_is_the_limit() {
    assert_eq!(says(&skew("1.33.1", "1.31.9"), "node-version-skew"), "pass");
    assert_eq!(says(&skew("1.33.1", "1.30.9"), "node-version-skew"), "warn");
    assert_eq!(says(&skew("1.33.1", "1.29.9"), "node-version-skew"), "fail");
    // As texts, 1.9 would be ahead of 1.30.
    assert_eq!(says(&skew("1.30.1", "1.9.7-gke.11"), "node-version-skew"), "fail");
    assert_eq!(says(&skew("1.10.1", "1.9.7-gke.11"), "node-version-skew"), "pass");
}

#[test]
fn boot_disks_are_5_9_2() {
    let report = audit(json!({}));
    assert_eq!(report.check("boot-disk-cmek").unwrap().controls["cis-gke-1.9.0"], ["5.9.2"]);
}

#[test]
fn the_docker_image_is_not_acceptable_and_windows_is_exempt() {
    for (image, expected) in [
        ("COS_CONTAINERD", "pass"),
        ("cos_containerd", "pass"),
        ("COS", "fail"),
        ("UBUNTU", "fail"),
        ("WINDOWS_LTSC_CONTAINERD", "not-applicable"),
        ("windows_sac", "not-applicable"),
        ("CUSTOM_CONTAINERD", "unknown"),
    ] {
        let report = audit(json!({"nodePools": [pool("a", json!({"imageType": image}))]}));
        assert_eq!(says(&report, "node-image-cos"), expected, "{image}");
    }
}

#[test]
fn a_value_that_does_not_exist_yet_is_no_finding_and_no_pass() {
    for (change, check) in [
        (json!({"binaryAuthorization": {"evaluationMode": "BRAND_NEW"}}), "binary-authorization"),
        (json!({"releaseChannel": {"channel": "BRAND_NEW"}}), "release-channel"),
        (json!({"databaseEncryption": {"state": "BRAND_NEW", "keyName": "k"}}), "secrets-encryption-cmek"),
        (json!({"networkConfig": {"datapathProvider": "BRAND_NEW"}}), "dataplane-v2"),
        (json!({"networkConfig": {"datapathProvider": "BRAND_NEW"}}), "network-policy-enforcement"),
        (json!({"securityPostureConfig": {"mode": "BRAND_NEW"}}), "security-posture"),
        (json!({"anonymousAuthenticationConfig": {"mode": 99}}), "anonymous-auth-limited"),
        (json!({"conditions": [{"code": "BRAND_NEW"}]}), "cluster-conditions"),
        (json!({"status": "BRAND_NEW"}), "cluster-conditions"),
    ] {
        let report = audit(change.clone());
        let result = crate::gke::result(&report, check, None);
        assert_eq!(crate::gke::word(result), "unknown", "{change}");
        let raw = if change.to_string().contains("99") { "99" } else { "BRAND_NEW" };
        assert!(result.reasons.iter().any(|r| r.text.contains(raw)), "{:?}", result.reasons);
    }
}

#[test]
fn a_control_is_named_with_the_version_of_its_benchmark() {
    for framework in crate::gke::REGISTRY.frameworks().iter().filter(|f| f.framework.starts_with("cis-")) {
        assert!(framework.framework.rsplit('-').next().unwrap().split('.').count() == 3, "{}", framework.framework);
    }
    let of = |version: &str, id: &str| {
        let framework = crate::gke::REGISTRY.frameworks().iter().find(|f| f.framework == version).unwrap();
        framework.controls.iter().find(|c| c.id == id).map(|c| c.checks.join(" ")).unwrap_or_default()
    };
    assert_eq!(of("cis-gke-1.9.0", "5.10.4"), "security-posture");
    assert_eq!(of("cis-gke-1.8.0", "5.10.5"), "security-posture");
    assert_eq!(of("cis-gke-1.6.0", "5.10.4"), "binary-authorization");
    // A check names the versions in force only.
    let report = audit(json!({}));
    let controls = &report.check("security-posture").unwrap().controls;
    assert!(controls.contains_key("cis-gke-1.9.0") && !controls.contains_key("cis-gke-1.6.0"), "{controls:?}");
}

#[test]
fn no_pool_and_no_verdict_is_left_to_the_reader() {
    let report = audit(json!({"nodePools": [pool("a", json!({})), pool("b", json!({})), pool("c", json!({}))]}));
    for check in crate::gke::REGISTRY.checks().iter().filter(|c| c.subject.name() == "nodePool") {
        if check.profile.name() == "security" {
            assert_eq!(report.results.iter().filter(|r| r.check == check.id).count(), 3, "{}", check.id);
        }
    }
}

#[test]
fn a_listing_without_some_zones_is_incomplete() {
    let listing = |missing: Value| json!({"clusters": [base(json!({}))], "missingZones": missing});
    let report = crate::gke::audit(&listing(json!(["us-central1-b"])));
    assert_eq!(report.outcome, Outcome::FindingsIncomplete);
    assert!(report.gaps[0].error.what.contains("us-central1-b"), "{:?}", report.gaps);
    // The cluster that is there is evaluated all the same.
    assert_eq!(says(&report, "shielded-nodes"), "pass");
    assert_eq!(crate::gke::audit(&listing(json!([]))).gaps, []);
}

/// The catalogue's 1.5: on Autopilot the key is the cluster's, and the response may name no pool.
#[test]
fn the_key_of_boot_disks_on_autopilot_is_that_of_the_cluster() {
    let autopilot = |pools: Value, key: Value| {
        let mut cluster = base(json!({"autopilot": {"enabled": true}, "nodePools": pools}));
        cluster["autoscaling"] = json!({"enableNodeAutoprovisioning": true, "autoprovisioningNodePoolDefaults": key});
        crate::gke::audit(&cluster)
    };
    let key = || json!({"bootDiskKmsKey": "projects/p/locations/l/keyRings/r/cryptoKeys/k"});
    let control = |report: &Report, id: &str| {
        let turned = FrameworkReport::new(
            report,
            crate::gke::REGISTRY.frameworks().iter().find(|f| f.framework == "cis-gke-1.9.0").unwrap(),
        );
        turned.controls.iter().find(|c| c.id == id).unwrap().clone()
    };
    for (pools, with_key, expected) in [
        (json!([]), false, "fail"),
        (json!([]), true, "pass"),
        (json!([pool("a", json!({})), pool("b", json!({}))]), false, "fail"),
        (json!([pool("a", json!({})), pool("b", json!({}))]), true, "pass"),
    ] {
        let none = pools == json!([]);
        let report = autopilot(pools, if with_key { key() } else { json!({}) });
        assert_eq!(says(&report, "autopilot-boot-disk-cmek"), expected);
        assert_eq!(says(&report, "boot-disk-cmek"), if none { "not-applicable" } else { expected });
        // What the cluster decides is one finding, whatever the number of pools.
        let own = |r: &&gke_posture::check::CheckResult| r.verdict == Verdict::Fail && r.caused_by.is_none();
        let disks = report.results.iter().filter(|r| r.check.ends_with("boot-disk-cmek")).filter(own).count();
        assert_eq!(disks, usize::from(!with_key));
        let cis = control(&report, "5.9.2");
        assert_eq!(cis.status, if with_key { ControlStatus::Met } else { ControlStatus::NotMet });
        assert_eq!(cis.findings.len(), usize::from(!with_key));
        assert_eq!(control(&report, "5.5.3").status, ControlStatus::NotApplicable);
    }
}

/// The catalogue's 1.7: without node pools their checks do not apply, and do not pass.
#[test]
fn a_cluster_without_node_pools_has_one_result_for_each_of_their_checks() {
    let report = audit(json!({"nodePools": []}));
    let checks = crate::gke::REGISTRY.checks().iter().filter(|c| c.subject == SubjectKind::NodePool);
    for check in checks.filter(|c| report.checks.iter().any(|ran| ran.id == c.id)) {
        let found: Vec<_> = report.results.iter().filter(|r| r.check == check.id).collect();
        assert_eq!(found.len(), 1, "{}", check.id);
        assert_eq!((found[0].verdict, found[0].subject.id.as_str()), (Verdict::NotApplicable, "*"));
        assert!(!report.not_evaluated.checks.iter().any(|n| n.checks.contains(&check.id)), "{}", check.id);
    }
}

#[test]
fn nodes_without_node_pools_are_pools_that_were_left_out() {
    let report = audit(json!({"nodePools": [], "currentNodeCount": 12}));
    assert_eq!(says(&report, "node-auto-upgrade"), "unknown");
}

/// Zero is omitted, and the field is deprecated: nobody knows whether it was filled in.
#[test]
fn an_absent_number_of_nodes_is_none_only_without_node_pools() {
    let says_with = |changes: Value| {
        let report = crate::gke::audit_with(&base(changes), &[], "profile: all\n");
        crate::gke::word(crate::gke::result(&report, "l4-ilb-subsetting", None))
    };
    assert_eq!(says_with(json!({})), "unknown");
    assert_eq!(says_with(json!({"nodePools": []})), "not-applicable");
    assert_eq!(says_with(json!({"currentNodeCount": 250})), "not-applicable");
    assert_eq!(says_with(json!({"currentNodeCount": 251})), "fail");
}
