//! Reports for the tests: a realistic one, and one whose every string is hostile.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::check::{CheckResult, Fix, Severity, Verdict, WaiverRef};
use crate::facts::schema::{Evidence, Subject, SubjectKind};
use crate::inventory::{FaultKind, ObjectRef, Origin, ReadError, Reason};

use super::*;

/// A result for a subject id ; the kind follows from the id.
pub(crate) fn result(check: &str, severity: Severity, verdict: Verdict, id: &str) -> CheckResult {
    let parts: Vec<&str> = id.split('/').collect();
    let (kind, object) = match parts[..] {
        ["namespace", name] => (SubjectKind::Namespace, object("v1", "Namespace", "", name)),
        ["nodePool", name] => (SubjectKind::NodePool, object("container.googleapis.com/v1", "NodePool", "", name)),
        [ns, "NetworkPolicy", name] => {
            (SubjectKind::NetworkPolicy, object("networking.k8s.io/v1", "NetworkPolicy", ns, name))
        }
        [ns, "Cluster", name] => (SubjectKind::Database, object("postgresql.cnpg.io/v1", "Cluster", ns, name)),
        [ns, kind, name] => (SubjectKind::Workload, object("apps/v1", kind, ns, name)),
        [ns, kind, name, ..] => (SubjectKind::DatabaseClient, object("apps/v1", kind, ns, name)),
        _ => (SubjectKind::Cluster, object("container.googleapis.com/v1", "Cluster", "", id)),
    };
    CheckResult {
        check: check.into(),
        severity,
        base_severity: None,
        verdict,
        advice: false,
        subject: Subject { id: id.into(), kind, object },
        message: String::new(),
        note: None,
        reasons: vec![],
        evidence: vec![],
        fix: Fix::default(),
        caused_by: None,
        waiver: None,
        fingerprint: "0".repeat(64),
    }
}

fn object(api_version: &str, kind: &str, namespace: &str, name: &str) -> ObjectRef {
    ObjectRef { api_version: api_version.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() }
}

/// Id, severity, title, finding and why.
const CHECKS: &[(&str, Severity, &str, &str, &str)] = &[
    (
        "cluster-release-channel",
        Severity::Medium,
        "Cluster is enrolled in a release channel",
        "Cluster is not enrolled in a release channel",
        "Outside a release channel nobody upgrades the control plane before a version leaves support.",
    ),
    (
        "db-cleartext-accepted",
        Severity::High,
        "Database accepts only encrypted connections",
        "Database accepts cleartext connections",
        "A `host` rule matches connections with and without TLS. Whoever can read the network between client and \
         database reads the data and the password exchange.",
    ),
    (
        "db-client-verifies-server",
        Severity::High,
        "Database client verifies the server",
        "Database client does not verify the server",
        "With `sslmode=require` a client encrypts, but to anyone who answers. Only `verify-full` notices an impostor.",
    ),
    (
        "db-cross-environment",
        Severity::Critical,
        "Production database is not reachable from another environment",
        "Production database is reachable from another environment",
        "Development workloads run unreviewed code with wide access. If they can open a connection to the production \
         database, one leaked password is enough.",
    ),
    (
        "namespace-default-deny",
        Severity::Medium,
        "Namespace denies by default",
        "Namespace has no default deny",
        "Without a policy that selects every pod, each new workload starts open until someone remembers to write one.",
    ),
    (
        "node-pool-secure-boot",
        Severity::Low,
        "Node pool starts with Secure Boot",
        "Node pool starts without Secure Boot",
        "Secure Boot refuses a changed boot loader or kernel.",
    ),
    (
        "policy-port-mismatch",
        Severity::Critical,
        "Policy ports match container ports",
        "Policy port matches no container port",
        "Traffic to the port that is meant stays blocked, and the next person under pressure deletes the policy.",
    ),
    (
        "workload-egress-restricted",
        Severity::High,
        "Workload egress is restricted",
        "Workload egress is not restricted",
        "What a compromised container can reach decides what a compromise costs: the metadata server gives it the \
         node's identity, the internet a way out for data.",
    ),
    (
        "workload-ingress-isolated",
        Severity::Medium,
        "Workload is isolated for ingress",
        "Workload accepts connections from everywhere",
        "No policy selects it for ingress, so every pod of every namespace may connect.",
    ),
];

/// Framework → control ids of a check of the sample.
fn controls(check: &str) -> BTreeMap<String, Vec<String>> {
    let all: &[(&str, &[&str])] = match check {
        "db-cross-environment" => &[("CIS GKE 1.6", &["4.3.2"]), ("PCI DSS 4.0", &["1.4.4", "6.5.3"])],
        "db-cleartext-accepted" => &[("PCI DSS 4.0", &["4.2.1"])],
        _ => &[],
    };
    let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    all.iter().map(|(framework, ids)| ((*framework).to_owned(), owned(ids))).collect()
}

fn unused_objects(api_version: &str, kind: &str, count: usize) -> UnusedObjects {
    UnusedObjects {
        api_version: api_version.into(),
        kind: kind.into(),
        count,
        names: vec![],
        reason: "no check is about objects of this kind".into(),
    }
}

struct Maker(Vec<CheckResult>);

impl Maker {
    fn add(&mut self, check: &str, verdict: Verdict, id: &str, message: &str) -> &mut CheckResult {
        let (_, severity, ..) = CHECKS.iter().find(|c| c.0 == check).expect("a check of the sample");
        let mut r = result(check, *severity, verdict, id);
        r.message = message.into();
        let at = self.0.len();
        self.0.push(r);
        &mut self.0[at]
    }
    fn fail(&mut self, check: &str, id: &str, message: &str) -> &mut CheckResult {
        self.add(check, Verdict::Fail, id, message)
    }
}

fn evidence(r: &CheckResult, path: &str, value: Json, rule: &str, line: u32) -> Evidence {
    let file = format!("{}/manifests.yaml", r.subject.object.namespace);
    Evidence {
        object: r.subject.object.clone(),
        path: path.into(),
        value,
        rule: (!rule.is_empty()).then(|| rule.into()),
        omitted: None,
        source: Some(Origin::file(file, line)),
    }
}

/// An audit of gke-tomoda with findings of every severity, unknowns, a waiver of each status and passes.
pub(crate) fn sample() -> Report {
    let mut m = Maker(vec![]);
    let r = m.fail(
        "db-cross-environment",
        "data/Cluster/postgres-prod",
        "3 workloads in tomoda (development) reach port 5432; no policy selects it",
    );
    r.evidence = vec![
        evidence(
            r,
            "metadata.labels",
            json!({"cnpg.io/cluster": "postgres-prod"}),
            "no NetworkPolicy in data selects these labels for ingress",
            3,
        ),
        evidence(
            r,
            "",
            json!(["tomoda/Deployment/backend", "tomoda/Deployment/frontend", "tomoda/StatefulSet/queue"]),
            "workloads of another environment that reach it",
            1,
        ),
    ];
    r.fix.kubectl = Some("kubectl apply -f - <<'EOF'\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: postgres-prod, namespace: data }\nspec:\n  podSelector: { matchLabels: { cnpg.io/cluster: postgres-prod } }\n  policyTypes: [Ingress]\n  ingress:\n    - from: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: prod } } }]\n      ports: [{ port: 5432 }]\nEOF\n".into());
    let r = m.fail(
        "policy-port-mismatch",
        "prod/NetworkPolicy/frontend-policy",
        "allows TCP 8081, but frontend listens on 8082: it matches no traffic",
    );
    r.evidence = vec![evidence(
        r,
        "spec.ingress[0].ports[0].port",
        json!(8081),
        "the only container port of frontend is 8082",
        14,
    )];
    r.fix.kubectl = Some("kubectl -n prod patch networkpolicy frontend-policy --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/ingress/0/ports/0/port\",\"value\":8082}]'".into());
    for (id, line) in [("data/Cluster/postgres-prod", 21), ("data/Cluster/postgres-dev", 58)] {
        let r = m.fail(
            "db-cleartext-accepted",
            id,
            "spec.postgresql.pg_hba[0] `host all all all md5` admits connections without TLS",
        );
        r.evidence = vec![evidence(
            r,
            "spec.postgresql.pg_hba[0]",
            json!("host all all all md5"),
            "the first matching rule decides, and `host` matches with and without TLS",
            line,
        )];
        r.fix.kubectl = Some(format!(
            "kubectl -n data patch {} --type=merge -p '{{\"spec\":{{\"postgresql\":{{\"pg_hba\":[\"hostssl all all all scram-sha-256\"]}}}}}}'",
            id.replace("data/Cluster/", "cluster.postgresql.cnpg.io/")
        ));
        if id.ends_with("dev") {
            r.severity = Severity::Medium;
            r.base_severity = Some(Severity::High);
        }
    }
    for id in ["prod/Deployment/backend", "prod/Deployment/frontend", "prod/StatefulSet/worker"].into_iter().chain([
        "tomoda/Deployment/backend",
        "tomoda/Deployment/frontend",
        "tomoda/StatefulSet/queue",
    ]) {
        let r = m.fail("workload-egress-restricted", id, "reaches the internet and the metadata server");
        r.evidence = vec![evidence(r, "metadata.labels", json!({"app": "x"}), "no policy selects it for egress", 3)];
        let namespace = &r.subject.object.namespace;
        r.fix.kubectl = Some(format!("kubectl -n {namespace} apply -f deny-egress.yaml"));
    }
    m.fail(
        "workload-egress-restricted",
        "data/Deployment/redis",
        "reaches the internet; the metadata server is denied",
    );
    m.fail(
        "db-client-verifies-server",
        "tomoda/Deployment/backend/app/DATABASE",
        "connects with sslmode `require`: encrypted, but to whoever answers as postgres-dev.data.svc",
    );
    for ns in ["data", "prod", "tomoda"] {
        m.fail(
            "namespace-default-deny",
            &format!("namespace/{ns}"),
            "no policy selects every pod for ingress or egress",
        );
    }
    for id in ["data/Cluster/postgres-dev", "data/Deployment/redis", "data/CronJob/nightly-backup-to-object-storage"] {
        let r =
            m.fail("workload-ingress-isolated", id, "no policy selects it: every pod of every namespace may connect");
        r.subject.kind = SubjectKind::Workload;
    }
    m.fail(
        "workload-ingress-isolated",
        "data/StatefulSet/pgadmin",
        "selected only by data/allow-all, which admits every source on every port",
    );
    for pool in ["default-pool", "spot"] {
        m.fail(
            "node-pool-secure-boot",
            &format!("nodePool/{pool}"),
            "shieldedInstanceConfig.enableSecureBoot is not set",
        );
    }
    let implied = m.fail("workload-ingress-isolated", "data/Cluster/postgres-prod", "no policy selects it");
    implied.caused_by = Some("db-cross-environment".into());

    let r = m.add("db-client-verifies-server", Verdict::Unknown, "prod/Deployment/backend/app/DATABASE", "");
    r.reasons = vec![Reason::undecided(
        "DB_SSLMODE may be overridden by Secret prod/backend, whose values are not read. Run with --read-secret-values, or move the setting into a ConfigMap.",
    )];
    for (check, id) in [
        ("db-client-verifies-server", "traefik-system/Deployment/traefik/traefik/REDIS"),
        ("db-client-verifies-server", "prod/StatefulSet/worker/worker/DATABASE"),
    ] {
        let r = m.add(check, Verdict::Unknown, id, "");
        r.reasons = vec![Reason::gap("configmaps", "ConfigMaps could not be read")];
    }
    let r = m.add("cluster-release-channel", Verdict::Unknown, "cluster", "");
    r.reasons = vec![Reason::missing(
        "releaseChannel is not in the cluster configuration given. Save it again with: gcloud container clusters describe gke-tomoda --format=json",
    )];
    let r = m.add(
        "workload-egress-restricted",
        Verdict::Waived,
        "traefik-system/Deployment/traefik",
        "reaches the internet",
    );
    r.waiver = Some(WaiverRef {
        reason: "Ingress controller fetches certificates from Let's Encrypt".into(),
        owner: "platform@example.com".into(),
        ticket: Some("SEC-412".into()),
        until: "2027-01-31".into(),
    });
    for i in 0..7 {
        m.add("policy-port-mismatch", Verdict::Pass, &format!("prod/NetworkPolicy/policy-{i}"), "ports match");
    }
    let r = m.add("db-client-verifies-server", Verdict::Pass, "prod/CronJob/report/report/DATABASE", "verify-full");
    r.note = Some("declared only: no driver in the image is known to read PGSSLMODE".into());
    m.add("db-cross-environment", Verdict::NotApplicable, "data/Cluster/postgres-dev", "");

    let text = |s: &str| Some(s.to_string());
    let ns = |name: &str, env: Option<&str>, guessed, platform, numbers: [usize; 5], deny| NamespaceCoverage {
        namespace: name.into(),
        environment: env.map(Into::into),
        environment_guessed: guessed,
        platform,
        coverage: Coverage {
            workloads: numbers[0],
            ingress_isolated: numbers[1],
            ingress_unknown: numbers[2],
            egress_isolated: numbers[3],
            egress_unknown: numbers[4],
        },
        default_deny_ingress: deny,
        default_deny_egress: Some(false),
    };
    let waiver = |check: &str, subject: &str, until: &str, status, matched| WaiverReport {
        check: check.into(),
        subject: subject.into(),
        reason: "Ingress controller fetches certificates from Let's Encrypt".into(),
        owner: "platform@example.com".into(),
        ticket: text("SEC-412"),
        until: until.into(),
        status,
        matched,
    };
    Report::new(Parts {
        tool: Tool { name: "gke-posture".into(), version: "0.1.0".into() },
        generated_at: "2026-11-23T09:00:05Z".into(),
        exit: ExitPolicy::default(),
        target: Target {
            name: text("gke-tomoda"),
            project: text("development-485000"),
            location: text("asia-east1-a"),
            version: text("1.33.4-gke.1350000"),
            dataplane: Some(Dataplane::Calico),
            enforced: Some(true),
            dataplane_note: None,
        },
        evidence: EvidenceSummary {
            source: "built-in example".into(),
            collected_at: text("2026-11-23T09:00:00Z"),
            collector: Some(Collector { identity: text("auditor@example.com"), version: text("0.1.0") }),
            evidence_digest: format!("sha256:{}", "3f9a".repeat(16)),
            objects: 64,
            kinds: [("Deployment", 9), ("NetworkPolicy", 8), ("Namespace", 6), ("Service", 12), ("ConfigMap", 29)]
                .map(|(k, n)| (k.to_string(), n))
                .into(),
            ignored_files: 2,
            complete: true,
            notes: vec!["prod/Deployment/backend is given twice; the later one (prod/backend.yaml:1) holds".into()],
        },
        results: m.0,
        gaps: vec![Gap {
            id: "configmaps".into(),
            need: "get configmaps".into(),
            error: ReadError::new(
                FaultKind::Forbidden,
                "ConfigMaps in all namespaces",
                "403: auditor@example.com lacks `get configmaps`",
                "Grant it with:\n  gke-posture doctor --print cluster-role --user auditor@example.com | kubectl apply -f -",
            ),
        }],
        waivers: vec![
            waiver(
                "workload-egress-restricted",
                "traefik-system/Deployment/traefik",
                "2027-01-31",
                WaiverStatus::Active,
                1,
            ),
            waiver(
                "policy-port-mismatch",
                "prod/NetworkPolicy/frontend-policy",
                "2026-10-31",
                WaiverStatus::Expired,
                1,
            ),
            waiver("node-pool-secure-boot", "nodePool/legacy", "2027-03-31", WaiverStatus::Unused, 0),
        ],
        not_evaluated: NotEvaluated {
            checks: vec![UnusedChecks {
                checks: vec!["cluster-release-channel".into(), "node-pool-secure-boot".into()],
                reason: "No node pool configuration given: add the output of gcloud container clusters describe --format=json".into(),
            }],
            objects: vec![
                unused_objects("cilium.io/v2", "CiliumNetworkPolicy", 1),
                unused_objects("gateway.networking.k8s.io/v1", "HTTPRoute", 3),
            ],
        },
        checks: CHECKS
            .iter()
            .map(|(id, severity, title, finding, why)| CheckSummary {
                id: (*id).into(),
                title: (*title).into(),
                finding: Some((*finding).into()),
                severity: *severity,
                why: (*why).into(),
                references: vec!["https://kubernetes.io/docs/concepts/services-networking/network-policies/".into()],
                controls: controls(id),
                counts: VerdictCounts::default(),
            })
            .collect(),
        fix_for: None,
        comparison: Comparison::NotRequested,
        namespaces: vec![
            ns("prod", Some("production"), true, false, [3, 3, 0, 0, 0], Some(false)),
            ns("tomoda", Some("development"), false, false, [3, 3, 0, 0, 0], Some(false)),
            ns("data", None, false, false, [5, 0, 0, 0, 1], None),
            ns("traefik-system", None, false, false, [1, 1, 0, 1, 0], Some(true)),
            ns("kube-system", None, false, true, [14, 0, 0, 0, 0], Some(false)),
            ns("gke-managed-system", None, false, true, [3, 0, 0, 0, 0], Some(false)),
        ],
    })
}

/// A string of everything that breaks tables, terminals and Markdown.
pub(crate) const HOSTILE: &str = "# x | y\n\n```\n</details><script>alert(1)</script>\r\n- [a](javascript:1) ![i](http://e.vil/x) *b* __c__ `d` ~~e~~ \
     \u{1b}[31mred\u{1b}[0m \u{202e}rtl\u{200b} \u{0}\u{7} <!-- 數據庫 👩‍💻 ❤️ $x$ &amp; \\ ````` end\n| --- | --- |\n===";

/// The sample with every string of its data replaced or lengthened by [`HOSTILE`].
pub(crate) fn hostile() -> Report {
    fn spoil(json: &mut Json) {
        match json {
            Json::String(s) => s.push_str(HOSTILE),
            Json::Array(items) => items.iter_mut().for_each(spoil),
            Json::Object(map) => {
                // Words of a closed set stay as they are, or it would be no report.
                let keep = [
                    "severity",
                    "baseSeverity",
                    "verdict",
                    "outcome",
                    "failOn",
                    "dataplane",
                    "cause",
                    "fault",
                    "status",
                    "kind",
                ];
                for (key, value) in map.iter_mut() {
                    if !keep.contains(&key.as_str()) {
                        spoil(value);
                    }
                }
                let keyed = map.keys().any(|k| k.contains(' '));
                if keyed {
                    *map = std::mem::take(map).into_iter().map(|(k, v)| (k + HOSTILE, v)).collect();
                }
            }
            _ => {}
        }
    }
    let mut json = serde_json::to_value(sample()).expect("a report is JSON");
    spoil(&mut json);
    serde_json::from_value(json).expect("a spoiled report is still a report")
}
