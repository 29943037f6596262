//! What the example must show. The tables were worked out by hand, from the rules of NetworkPolicy, GKE, CloudNativePG and
//! PostgreSQL; `examples/tomoda/README.md` has the same rows and says why each one holds.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

const README: &str = include_str!("../../examples/tomoda/README.md");

/// Severity, check, whom it fails for. `{a,b}` stands for either, as in a shell.
type Row = (&'static str, &'static str, &'static str);

const HERE: &str = "audit --complete --config examples/tomoda/gke-posture.yaml examples/tomoda/k8s";

/// The cluster as it is: what a person is shown.
const BASE: &[Row] = &[
    ("critical", "database-reachable-across-environments", "data/Cluster/postgres-prod"),
    ("high", "database-reachable-by-non-clients", "data/Cluster/postgres-prod"),
    ("high", "database-refuses-cleartext", "data/Cluster/postgres-prod"),
    ("high", "policy-port-mismatch", "prod/NetworkPolicy/frontend-policy"),
    ("medium", "database-reachable-by-non-clients", "data/Cluster/postgres"),
    ("medium", "database-refuses-cleartext", "data/Cluster/postgres"),
    ("medium", "namespace-default-deny-ingress", "namespace/{data,prod,traefik-system}"),
    ("medium", "workload-egress-isolated", "data/Cluster/{postgres,postgres-prod}"),
    ("medium", "workload-egress-isolated", "data/StatefulSet/redis"),
    ("medium", "workload-egress-isolated", "prod/Deployment/{frontend,tomoda-api,tomoda-async}"),
    ("medium", "workload-egress-isolated", "traefik-system/Deployment/traefik"),
    ("medium", "workload-ingress-isolated", "data/Cluster/{postgres,postgres-prod}"),
    ("medium", "workload-ingress-isolated", "data/StatefulSet/redis"),
    ("medium", "workload-ingress-isolated", "traefik-system/Deployment/traefik"),
    ("low", "database-client-tls-mode", "tomoda/Deployment/{tomoda-api/api,tomoda-async/async}/DB"),
    ("low", "database-client-verifies-server", "prod/Deployment/{tomoda-api/api,tomoda-async/async}/DB"),
    ("low", "database-password-scram", "data/Cluster/postgres-prod"),
    ("low", "database-password-scram", "data/Cluster/postgres"),
    ("low", "namespace-default-deny-egress", "namespace/{data,prod,tomoda,traefik-system}"),
    ("low", "namespace-default-deny-ingress", "namespace/tomoda"),
    ("low", "workload-egress-isolated", "tomoda/Deployment/{frontend,tomoda-api,tomoda-async}"),
    // How the cluster is configured.
    ("high", "rbac-no-authenticated-bindings", "cluster"),
    ("high", "rbac-no-unauthenticated-bindings", "cluster"),
    ("medium", "anonymous-auth-limited", "cluster"),
    ("medium", "binary-authorization", "cluster"),
    ("medium", "control-plane-no-public-ip", "cluster"),
    ("medium", "control-plane-regional", "cluster"),
    ("medium", "secrets-encryption-cmek", "cluster"),
    ("low", "authorized-networks-private-endpoint", "cluster"),
    ("low", "control-plane-dns-only", "cluster"),
    ("low", "control-plane-logs", "cluster"),
    ("low", "dataplane-v2", "cluster"),
    ("low", "google-groups-rbac", "cluster"),
    ("low", "intranode-visibility", "cluster"),
    ("low", "upgrade-notifications", "cluster"),
    ("low", "boot-disk-cmek", "nodePool/general"),
    ("low", "node-pool-multi-zone", "nodePool/general"),
];

/// The cluster as it is: what is told of and not counted, because it has to be asked for.
const BASE_ADVICE: &[Row] = &[
    ("low", "confidential-nodes", "cluster"),
    ("low", "patch-upgrades-accelerated", "cluster"),
    ("low", "secret-manager-addon", "cluster"),
];

/// The cluster as it is: what the input does not say.
const BASE_UNKNOWN: &[Row] = &[("high", "version-supported", "cluster")];

/// The cluster as it is: what another failure of the same subject implies, in the JSON only.
const BASE_IMPLIED: &[Row] = &[
    ("low", "database-client-verifies-server", "tomoda/Deployment/{tomoda-api/api,tomoda-async/async}/DB"),
    ("low", "security-bulletin-notifications", "cluster"),
    ("medium", "workload-internet-egress", "data/Cluster/{postgres,postgres-prod}"),
    ("medium", "workload-internet-egress", "data/StatefulSet/redis"),
    ("medium", "workload-internet-egress", "prod/Deployment/{frontend,tomoda-api,tomoda-async}"),
    ("medium", "workload-internet-egress", "traefik-system/Deployment/traefik"),
    ("low", "workload-internet-egress", "tomoda/Deployment/{frontend,tomoda-api,tomoda-async}"),
    ("low", "workload-metadata-reachable", "data/Cluster/{postgres,postgres-prod}"),
    ("low", "workload-metadata-reachable", "data/StatefulSet/redis"),
    ("low", "workload-metadata-reachable", "{prod,tomoda}/Deployment/{frontend,tomoda-api,tomoda-async}"),
    ("low", "workload-metadata-reachable", "traefik-system/Deployment/traefik"),
    ("medium", "workload-reachable-from-every-namespace", "data/Cluster/{postgres,postgres-prod}"),
    ("medium", "workload-reachable-from-every-namespace", "data/StatefulSet/redis"),
    ("medium", "workload-reachable-from-every-namespace", "traefik-system/Deployment/traefik"),
];

/// Which check implies which, wherever a row above is implied.
const IMPLIED_BY: &[(&str, &str)] = &[
    ("database-client-verifies-server", "database-client-tls-mode"),
    ("security-bulletin-notifications", "upgrade-notifications"),
    ("workload-internet-egress", "workload-egress-isolated"),
    ("workload-metadata-reachable", "workload-egress-isolated"),
    ("workload-reachable-from-every-namespace", "workload-ingress-isolated"),
];

/// A variant is told by its difference from the cluster as it is; implied rows go by their check.
struct Variant {
    /// As in the README.
    heading: &'static str,
    /// What follows [`HERE`].
    inputs: &'static str,
    new: &'static [Row],
    new_implied: &'static [Row],
    gone: &'static [Row],
    gone_implied: &'static [Row],
    /// Critical, high, medium, low: what is counted, which is what is not implied.
    counts: [u64; 4],
    /// Namespace, workloads, isolated for ingress, for egress.
    coverage: &'static [(&'static str, u64, u64, u64)],
}

const AS_IT_IS: Variant = Variant {
    heading: "### The cluster as it is",
    inputs: "examples/tomoda/cluster.json",
    new: &[],
    new_implied: &[],
    gone: &[],
    gone_implied: &[],
    counts: [1, 5, 21, 23],
    coverage: &[
        ("cnpg-system", 1, 0, 0),
        ("data", 3, 0, 0),
        ("kube-system", 1, 0, 0),
        ("prod", 3, 3, 0),
        ("tomoda", 3, 3, 0),
        ("traefik-system", 1, 0, 0),
    ],
};

/// The add-on is off: the same policies, and nothing that acts on them.
const ENFORCEMENT_OFF: Variant = Variant {
    heading: "### Enforcement switched off",
    inputs: "examples/tomoda-variants/enforcement-off/cluster.json",
    new: &[
        ("high", "network-policy-enforcement", "cluster"),
        ("medium", "workload-ingress-isolated", "prod/Deployment/{frontend,tomoda-api,tomoda-async}"),
        ("low", "workload-ingress-isolated", "tomoda/Deployment/{frontend,tomoda-api,tomoda-async}"),
    ],
    new_implied: &[
        ("medium", "workload-reachable-from-every-namespace", "prod/Deployment/{frontend,tomoda-api,tomoda-async}"),
        ("low", "workload-reachable-from-every-namespace", "tomoda/Deployment/{frontend,tomoda-api,tomoda-async}"),
    ],
    gone: &[],
    gone_implied: &[],
    counts: [1, 6, 24, 26],
    coverage: &[
        ("cnpg-system", 1, 0, 0),
        ("data", 3, 0, 0),
        ("kube-system", 1, 0, 0),
        ("prod", 3, 0, 0),
        ("tomoda", 3, 0, 0),
        ("traefik-system", 1, 0, 0),
    ],
};

/// The obvious first policy: namespace `prod` to `postgres-prod`, TCP 5432.
const POSTGRES_INGRESS: Variant = Variant {
    heading: "### The obvious policy in front of the database",
    inputs: "examples/tomoda/cluster.json examples/tomoda-variants/postgres-ingress",
    new: &[("high", "database-operator-cut-off", "data/Cluster/postgres-prod")],
    new_implied: &[],
    gone: &[
        ("critical", "database-reachable-across-environments", "data/Cluster/postgres-prod"),
        ("medium", "workload-ingress-isolated", "data/Cluster/postgres-prod"),
    ],
    gone_implied: &[("medium", "workload-reachable-from-every-namespace", "data/Cluster/postgres-prod")],
    counts: [0, 6, 20, 23],
    coverage: WITH_A_POLICY,
};

/// The policy that admits the two clients, the operator and the instances themselves.
const CLEAN: Variant = Variant {
    heading: "### The policy that can stay",
    inputs: "examples/tomoda/cluster.json examples/tomoda-variants/postgres-ingress-clean",
    new: &[],
    new_implied: &[],
    gone: &[
        ("critical", "database-reachable-across-environments", "data/Cluster/postgres-prod"),
        ("high", "database-reachable-by-non-clients", "data/Cluster/postgres-prod"),
        ("medium", "workload-ingress-isolated", "data/Cluster/postgres-prod"),
    ],
    gone_implied: &[("medium", "workload-reachable-from-every-namespace", "data/Cluster/postgres-prod")],
    counts: [0, 4, 20, 23],
    coverage: WITH_A_POLICY,
};

const WITH_A_POLICY: &[(&str, u64, u64, u64)] = &[
    ("cnpg-system", 1, 0, 0),
    ("data", 3, 1, 0),
    ("kube-system", 1, 0, 0),
    ("prod", 3, 3, 0),
    ("tomoda", 3, 3, 0),
    ("traefik-system", 1, 0, 0),
];

const VARIANTS: &[&Variant] = &[&AS_IT_IS, &ENFORCEMENT_OFF, &POSTGRES_INGRESS, &CLEAN];

#[test]
fn the_cluster_as_it_is() {
    let report = AS_IT_IS.audit();
    AS_IT_IS.compare(&report);

    let port = report.one("policy-port-mismatch", "prod/NetworkPolicy/frontend-policy");
    assert_says(port, &["8081", "prod/Deployment/frontend", "8082", "frontend-service"]);
    let crossing = report.one("database-reachable-across-environments", "data/Cluster/postgres-prod");
    assert_says(crossing, &["3 workloads in development", "5432", "no enforced NetworkPolicy"]);
    for app in ["frontend", "tomoda-api", "tomoda-async"] {
        assert_says(crossing, &[&format!("tomoda/Deployment/{app}")]);
    }
    for database in ["data/Cluster/postgres", "data/Cluster/postgres-prod"] {
        assert_says(report.one("database-password-scram", database), &["md5"]);
        assert_says(report.one("database-refuses-cleartext", database), &["host all all all md5", "without TLS"]);
        assert_says(report.one("database-reachable-by-non-clients", database), &["8 unexpected clients", "5432"]);
    }
    // Of twelve workloads two are clients, one is the operator and one is the database itself.
    let common = ["data/StatefulSet/redis", "kube-system/Deployment/kube-dns", "prod/Deployment/frontend"];
    let common = common.into_iter().chain(["tomoda/Deployment/frontend", "traefik-system/Deployment/traefik"]);
    for (database, others) in [
        (
            "data/Cluster/postgres-prod",
            "data/Cluster/postgres tomoda/Deployment/tomoda-api tomoda/Deployment/tomoda-async",
        ),
        ("data/Cluster/postgres", "data/Cluster/postgres-prod prod/Deployment/tomoda-api prod/Deployment/tomoda-async"),
    ] {
        let expected: BTreeSet<&str> = common.clone().chain(others.split(' ')).collect();
        assert_eq!(unexpected_clients(&report, database), expected, "{database}");
    }
    // Production's TLS mode is what passes with a doubt; that workloads are trusted is what the configuration says.
    let notes: Vec<(&str, &str)> = report.passing().filter_map(|r| Some((id(r), r["note"].as_str()?))).collect();
    let declared = "declared only (DB_SSLMODE=require): no driver reads this variable by itself, and the server is not known to reject unencrypted connections";
    let clients = ["prod/Deployment/tomoda-api/api/DB", "prod/Deployment/tomoda-async/async/DB"];
    let sandbox = "no node pool uses GKE Sandbox. If untrusted workloads run in this cluster, set untrustedWorkloads in gke-posture.yaml";
    assert_eq!(notes, [(clients[0], declared), (clients[1], declared), ("cluster", sandbox)]);
    for client in clients {
        assert_eq!(report.one("database-client-tls-mode", client)["verdict"], "pass");
    }
}

#[test]
fn the_built_in_example_is_these_files() {
    let (demo, files) = (Report::of("audit --demo"), AS_IT_IS.audit());
    assert_eq!(demo.status, 0, "the example alone shows its findings and fails nothing");
    assert_eq!(demo.json["results"], files.json["results"]);
    assert_eq!(demo.json["summary"], files.json["summary"]);
}

#[test]
fn enforcement_switched_off() {
    let report = ENFORCEMENT_OFF.audit();
    ENFORCEMENT_OFF.compare(&report);

    assert_says(report.one("network-policy-enforcement", "cluster"), &["6 policies have no effect"]);
    assert_eq!(report.json["target"]["enforced"], false);
    // Nothing counts as isolated, whatever is written.
    let isolation =
        ["workload-ingress-isolated", "workload-egress-isolated", "workload-reachable-from-every-namespace"];
    let isolation = isolation.into_iter().chain(["namespace-default-deny-ingress", "namespace-default-deny-egress"]);
    for check in isolation {
        let passing: Vec<&str> = report.passing().filter(|r| r["check"] == check).map(id).collect();
        assert!(passing.is_empty(), "{check} passes for {passing:?}");
    }
    for app in ["frontend", "tomoda-api", "tomoda-async"] {
        for namespace in ["prod", "tomoda"] {
            let result = report.one("workload-ingress-isolated", &format!("{namespace}/Deployment/{app}"));
            assert_says(result, &[&format!("{app}-policy selects it"), "policies are not enforced"]);
        }
    }
}

#[test]
fn with_the_obvious_policy() {
    let report = POSTGRES_INGRESS.audit();
    POSTGRES_INGRESS.compare(&report);

    let database = "data/Cluster/postgres-prod";
    for check in ["database-reachable-across-environments", "workload-ingress-isolated"] {
        assert_eq!(report.one(check, database)["verdict"], "pass", "{check}");
    }
    // Let in with its namespace, although it does not use the database.
    assert_eq!(unexpected_clients(&report, database), BTreeSet::from(["prod/Deployment/frontend"]));
    assert_says(
        report.one("database-reachable-by-non-clients", database),
        &["1 unexpected client ", "prod/Deployment/frontend"],
    );
    let cut_off = report.one("database-operator-cut-off", database);
    let operator = "cnpg-system/Deployment/cnpg-controller-manager";
    assert_says(cut_off, &[&format!("{operator} on TCP 5432"), &format!("{operator} on TCP 8000"), "peer instances"]);
    report.assert_sound_policy("data/NetworkPolicy/postgres-ingress");
}

#[test]
fn with_the_policy_that_can_stay() {
    let report = CLEAN.audit();
    CLEAN.compare(&report);

    let database = "data/Cluster/postgres-prod";
    for check in [
        "database-reachable-across-environments",
        "database-reachable-by-non-clients",
        "database-operator-cut-off",
        "workload-ingress-isolated",
        "workload-reachable-from-every-namespace",
    ] {
        assert_eq!(report.one(check, database)["verdict"], "pass", "{check}");
    }
    report.assert_sound_policy("data/NetworkPolicy/postgres-ingress");
}

#[test]
fn the_readme_has_the_same_rows() {
    for variant in VARIANTS {
        let (_, section) = README.split_once(&format!("{}\n", variant.heading)).expect(variant.heading);
        let section = section.split("\n##").next().unwrap();
        let command = format!("    cargo run -- {}\n", variant.command());
        assert!(section.contains(&command), "{} has no line\n{command}", variant.heading);
        let numbers = ["critical", "high", "medium", "low"].iter().zip(variant.counts);
        let numbers: Vec<String> = numbers.map(|(severity, n)| format!("{n} {severity}")).collect();
        assert!(section.contains(&numbers.join(", ")), "{} does not say {numbers:?}", variant.heading);

        let expected: Vec<String> = if variant.heading == AS_IT_IS.heading {
            let all = BASE.iter().chain(BASE_IMPLIED).chain(BASE_ADVICE).chain(BASE_UNKNOWN);
            all.map(|r| format!("| {} | `{}` | `{}` |", r.0, r.1, r.2)).collect()
        } else {
            let new = variant.new.iter().chain(variant.new_implied).map(|r| ("fails", r));
            let gone = variant.gone.iter().chain(variant.gone_implied).map(|r| ("passes", r));
            new.chain(gone).map(|(now, r)| format!("| {now} | {} | `{}` | `{}` |", r.0, r.1, r.2)).collect()
        };
        for row in &expected {
            assert!(section.contains(&format!("\n{row}")), "{} has no row\n{row}", variant.heading);
        }
        let rows = section.lines().filter(|l| l.starts_with("| ") && l.contains('`')).count();
        assert_eq!(rows, expected.len(), "{} has a row too many or too few", variant.heading);
    }
}

impl Variant {
    fn command(&self) -> String {
        format!("{HERE} {}", self.inputs)
    }

    fn audit(&self) -> Report {
        let report = Report::of(&self.command());
        assert_eq!(report.status, 1, "each variant has findings of severity high");
        report
    }

    /// Every failing and every unknown result, both ways, and the numbers.
    fn compare(&self, report: &Report) {
        let mut expected = BTreeMap::new();
        let told = [
            (BASE, Told::Failing),
            (BASE_IMPLIED, Told::Implied),
            (BASE_ADVICE, Told::Advice),
            (BASE_UNKNOWN, Told::Unknown),
            (self.new, Told::Failing),
            (self.new_implied, Told::Implied),
        ];
        for (rows, how) in told {
            for (key, told) in expand(rows, how) {
                assert!(expected.insert(key.clone(), told).is_none(), "{key:?} is there twice");
            }
        }
        for (rows, how) in [(self.gone, Told::Failing), (self.gone_implied, Told::Implied)] {
            for (key, told) in expand(rows, how) {
                assert_eq!(expected.remove(&key), Some(told), "{key:?} was not there");
            }
        }

        let mut actual = BTreeMap::new();
        for r in report.results().iter().filter(|r| r["verdict"] == "fail" || r["verdict"] == "unknown") {
            let told = format!("{} {}", text(&r["severity"]), text(&r["verdict"]));
            let told = r["causedBy"].as_str().map_or(told.clone(), |c| format!("{told}, implied by {c}"));
            let told = if r["advice"] == true { format!("{told}, advice") } else { told };
            actual.insert((text(&r["check"]).to_owned(), id(r).to_owned()), told);
        }
        let missing: Vec<_> = expected.iter().filter(|(k, v)| actual.get(*k) != Some(v)).collect();
        let extra: Vec<_> = actual.iter().filter(|(k, v)| expected.get(*k) != Some(v)).collect();
        assert!(missing.is_empty() && extra.is_empty(), "missing: {missing:#?}\nextra: {extra:#?}");

        let summary = &report.json["summary"];
        let counts = ["critical", "high", "medium", "low"].map(|s| summary["bySeverity"][s].as_u64().unwrap());
        assert_eq!(counts, self.counts);
        let numbers = |v: &Value| ["workloads", "ingressIsolated", "egressIsolated"].map(|k| v[k].as_u64().unwrap());
        let namespaces = summary["coverage"]["namespaces"].as_array().unwrap();
        let coverage: Vec<(&str, [u64; 3])> = namespaces.iter().map(|n| (text(&n["namespace"]), numbers(n))).collect();
        let wanted: Vec<(&str, [u64; 3])> = self.coverage.iter().map(|&(n, w, i, e)| (n, [w, i, e])).collect();
        assert_eq!(coverage, wanted);
        // The platform's namespaces are shown and not counted.
        let evaluated = wanted.iter().filter(|(n, _)| !["cnpg-system", "kube-system"].contains(n));
        let total = evaluated.fold([0; 3], |sum, (_, n)| [sum[0] + n[0], sum[1] + n[1], sum[2] + n[2]]);
        assert_eq!(numbers(&summary["coverage"]["total"]), total);
        assert_eq!(report.json["gaps"], Value::Array(Vec::new()));
        let left: Vec<&Value> = report.json["notEvaluated"]["checks"].as_array().unwrap().iter().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(text(&left[0]["reason"]).contains("about operations"), "{left:?}");
    }
}

struct Report {
    json: Value,
    status: i32,
}

impl Report {
    /// Runs the tool as the README does.
    fn of(command: &str) -> Report {
        let output = Command::new(env!("CARGO_BIN_EXE_gke-posture"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(command.split(' '))
            .args(["--format", "json"])
            .output()
            .expect("the tool runs");
        let complaint = String::from_utf8_lossy(&output.stderr);
        let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{command}: {e}\n{complaint}"));
        Report { json, status: output.status.code().expect("an exit status") }
    }

    fn results(&self) -> &[Value] {
        self.json["results"].as_array().expect("results")
    }

    fn passing(&self) -> impl Iterator<Item = &Value> {
        self.results().iter().filter(|r| r["verdict"] == "pass")
    }

    fn one(&self, check: &str, subject: &str) -> &Value {
        let mut found = self.results().iter().filter(|r| r["check"] == check && id(r) == subject);
        let result = found.next().unwrap_or_else(|| panic!("no result of {check} for {subject}"));
        assert!(found.next().is_none(), "two results of {check} for {subject}");
        result
    }

    fn assert_sound_policy(&self, policy: &str) {
        for check in ["policy-selects-no-workload", "policy-peer-selects-nothing", "policy-port-mismatch"] {
            assert_eq!(self.one(check, policy)["verdict"], "pass", "{check}");
        }
    }
}

/// The workloads that evidence of `database-reachable-by-non-clients` lists.
fn unexpected_clients<'a>(report: &'a Report, database: &str) -> BTreeSet<&'a str> {
    let result = report.one("database-reachable-by-non-clients", database);
    let evidence = result["evidence"].as_array().expect("evidence");
    let list = evidence.iter().find(|e| e["rule"] == "can reach it, but is not a declared client").expect("the list");
    list["value"].as_array().expect("workloads").iter().map(text).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn id(result: &Value) -> &str {
    text(&result["subject"]["id"])
}

fn assert_says(result: &Value, parts: &[&str]) {
    let message = text(&result["message"]);
    for part in parts {
        assert!(message.contains(part), "\"{message}\" does not say \"{part}\"");
    }
}

/// How a row is told.
#[derive(Clone, Copy)]
enum Told {
    Failing,
    Implied,
    Advice,
    Unknown,
}

/// (check, subject) and what is told of it, for all subjects of these rows.
fn expand(rows: &[Row], how: Told) -> Vec<((String, String), String)> {
    let mut all = Vec::new();
    for (severity, check, subjects) in rows {
        let told = match how {
            Told::Failing => format!("{severity} fail"),
            Told::Advice => format!("{severity} fail, advice"),
            Told::Unknown => format!("{severity} unknown"),
            Told::Implied => {
                let by = IMPLIED_BY.iter().find(|(c, _)| c == check).expect("which check implies it").1;
                format!("{severity} fail, implied by {by}")
            }
        };
        all.extend(braces(subjects).into_iter().map(|s| (((*check).to_owned(), s), told.clone())));
    }
    all
}

/// `a{b,c}d` → `abd`, `acd`.
fn braces(pattern: &str) -> Vec<String> {
    let Some((before, rest)) = pattern.split_once('{') else { return vec![pattern.to_owned()] };
    let (choices, after) = rest.split_once('}').expect("a closing brace");
    choices.split(',').flat_map(|choice| braces(&format!("{before}{choice}{after}"))).collect()
}
