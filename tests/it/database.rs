//! Databases and their clients through the whole road: from manifests to verdicts.

use gke_posture::audit::{Evidence, Settings, audit};
use gke_posture::check::{CheckResult, Registry, Verdict, builtin_files};
use gke_posture::collect::{Options, read_embedded};
use gke_posture::config::Config;

/// Results of the built-in checks over `manifests`, which are complete.
fn evaluate(manifests: &str) -> Vec<CheckResult> {
    let registry = Registry::load(&builtin_files(), gke_posture::facts::vocabulary).expect("built-in checks load");
    let options = Options::new("default", true);
    let snapshot = read_embedded(&[("in.yaml", manifests)], "test", options).expect("valid manifests");
    let config = Config::default();
    let settings = Settings::new(&registry, &config, jiff::Timestamp::UNIX_EPOCH);
    audit(Evidence::new(snapshot, None), &settings).results
}

fn one<'a>(results: &'a [CheckResult], check: &str, subject: &str) -> &'a CheckResult {
    results
        .iter()
        .find(|r| r.check == check && r.subject.id == subject)
        .unwrap_or_else(|| panic!("no result of {check} for {subject}"))
}

const CLUSTER: &str = "
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: { name: pg, namespace: prod }
spec:
  instances: 2
  postgresql: { pg_hba: ['hostnossl all all all reject'] }
";

fn pooler(mode: &str) -> String {
    format!(
        "---
apiVersion: postgresql.cnpg.io/v1
kind: Pooler
metadata: {{ name: pg-pool, namespace: prod }}
spec: {{ cluster: {{ name: pg }}, instances: 1, type: rw, pgbouncer: {{ poolMode: session{mode} }} }}
"
    )
}

fn client(host: &str, mode: &str) -> String {
    format!(
        "---
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: api, namespace: prod }}
spec:
  template:
    metadata: {{ labels: {{ app: api }} }}
    spec:
      containers:
        - name: app
          image: registry.example.com/api:1
          env:
            - {{ name: DB_HOST, value: {host} }}
            - {{ name: DB_SSLMODE, value: {mode} }}
"
    )
}

#[test]
fn a_rule_that_rejects_cleartext_first_is_enough_for_the_instances() {
    let results = evaluate(CLUSTER);
    assert_eq!(one(&results, "database-refuses-cleartext", "prod/Cluster/pg").verdict, Verdict::Pass);
}

#[test]
fn a_pooler_accepts_cleartext_by_default_whatever_the_cluster_rejects() {
    let results = evaluate(&(CLUSTER.to_owned() + &pooler("")));
    let r = one(&results, "database-refuses-cleartext", "prod/Cluster/pg");
    assert_eq!(r.verdict, Verdict::Fail);
    assert!(r.message.contains("prod/Pooler/pg-pool"), "{}", r.message);
    assert!(r.evidence.iter().any(|e| e.object.kind == "Pooler" && e.path.ends_with("client_tls_sslmode")));
    let required = evaluate(&(CLUSTER.to_owned() + &pooler(", parameters: { client_tls_sslmode: require }")));
    assert_eq!(one(&required, "database-refuses-cleartext", "prod/Cluster/pg").verdict, Verdict::Pass);
}

#[test]
fn a_client_is_judged_by_the_server_where_it_arrives() {
    // `prefer` is safe only where the server refuses cleartext: the instances do, the pooler does not.
    let all = CLUSTER.to_owned() + &pooler("");
    let direct = evaluate(&(all.clone() + &client("pg-rw", "prefer")));
    assert_eq!(one(&direct, "database-client-tls-mode", "prod/Deployment/api/app/DB").verdict, Verdict::Pass);
    let pooled = evaluate(&(all + &client("pg-pool", "prefer")));
    assert_eq!(one(&pooled, "database-client-tls-mode", "prod/Deployment/api/app/DB").verdict, Verdict::Fail);
}

#[test]
fn a_mode_that_only_a_secret_knows_is_unknown_and_says_what_to_do() {
    let results = evaluate(
        "
apiVersion: apps/v1
kind: Deployment
metadata: { name: api, namespace: prod }
spec:
  template:
    metadata: { labels: { app: api } }
    spec:
      containers:
        - name: app
          image: registry.example.com/api:1
          env:
            - { name: DB_HOST, value: db.example.com }
            - { name: DB_SSLMODE, valueFrom: { secretKeyRef: { name: db, key: mode } } }
",
    );
    let r = one(&results, "database-client-tls-mode", "prod/Deployment/api/app/DB");
    assert_eq!(r.verdict, Verdict::Unknown);
    assert!(r.reasons.iter().any(|r| r.text.contains("ConfigMap")), "{:?}", r.reasons);
}

#[test]
fn databases_without_environment_give_one_unknown_with_lines_to_paste() {
    let two = CLUSTER.replace("prod", "shared")
        + "---"
        + &CLUSTER.replace("prod", "shared").replace("name: pg", "name: other");
    let results = evaluate(&two);
    let cross: Vec<_> = results.iter().filter(|r| r.check == "database-reachable-across-environments").collect();
    assert_eq!(cross.len(), 1);
    assert_eq!((cross[0].subject.id.as_str(), cross[0].verdict), ("*", Verdict::Unknown));
    assert_eq!(cross[0].reasons.len(), 1);
    let text = &cross[0].reasons[0].text;
    assert!(
        text.contains("environments:") && text.contains("shared/Cluster/pg") && text.contains("shared/Cluster/other")
    );
}

#[test]
fn nothing_runs_in_cleartext_where_the_server_refuses_it_whatever_the_driver() {
    // Without a mode drivers differ from cleartext to verified TLS; the server settles it.
    let results = evaluate(
        &(CLUSTER.to_owned()
            + "---
apiVersion: apps/v1
kind: Deployment
metadata: { name: api, namespace: prod }
spec:
  template:
    metadata: { labels: { app: api } }
    spec:
      containers:
        - { name: app, image: registry.example.com/api:1, env: [{ name: DATABASE_URL, value: 'postgres://u@pg-rw/app' }] }
"),
    );
    let r = results.iter().find(|r| r.check == "database-client-tls-mode").expect("one client");
    assert_eq!(r.verdict, Verdict::Pass, "{}", r.message);
    assert!(r.note.as_deref().is_some_and(|t| t.contains("accepts only encrypted connections")), "{:?}", r.note);
}

#[test]
fn libpq_variables_are_read_by_a_driver_that_ignores_the_mode() {
    let results = evaluate(
        "
apiVersion: apps/v1
kind: Deployment
metadata: { name: api, namespace: prod }
spec:
  template:
    metadata: { labels: { app: api } }
    spec:
      containers:
        - name: app
          image: registry.example.com/api:1
          env: [{ name: PGHOST, value: db.example.com }, { name: PGSSLMODE, value: require }]
",
    );
    let r = results.iter().find(|r| r.check == "database-client-tls-mode").expect("one client");
    assert_eq!(r.verdict, Verdict::Unknown);
    assert!(r.reasons.iter().any(|r| r.text.contains("postgres.js")), "{:?}", r.reasons);
}

#[test]
fn trust_admits_anybody_and_is_critical() {
    let trusting = CLUSTER
        .replace("'hostnossl all all all reject'", "'hostssl all all all trust', 'hostnossl all all all reject'");
    let r = evaluate(&trusting);
    let r = one(&r, "database-trust", "prod/Cluster/pg");
    assert_eq!((r.verdict, r.severity.name()), (Verdict::Fail, "critical"));
    assert!(r.evidence.iter().any(|e| e.value.as_str().is_some_and(|v| v.contains("trust"))));
    assert_eq!(one(&evaluate(CLUSTER), "database-trust", "prod/Cluster/pg").verdict, Verdict::Pass);
}

#[test]
fn an_agent_on_the_database_s_own_node_is_a_note_and_no_unexpected_client() {
    // A policy that admits nobody but the operator and the peers; the agent runs on every node, also on the database's.
    let live = CLUSTER.to_owned()
        + "---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: pg, namespace: prod }
spec: { podSelector: { matchLabels: { cnpg.io/cluster: pg } }, policyTypes: [Ingress] }
---
apiVersion: v1
kind: Pod
metadata:
  name: pg-1
  namespace: prod
  labels: { cnpg.io/cluster: pg, cnpg.io/podRole: instance, cnpg.io/instanceName: pg-1, cnpg.io/instanceRole: primary }
  ownerReferences: [{ apiVersion: postgresql.cnpg.io/v1, kind: Cluster, name: pg, controller: true }]
spec: { nodeName: n1, containers: [{ name: postgres, image: i, ports: [{ containerPort: 5432 }] }] }
status: { phase: Running, podIPs: [{ ip: 10.4.0.1 }], hostIPs: [{ ip: 10.128.0.1 }] }
---
apiVersion: v1
kind: Pod
metadata:
  name: agent-x
  namespace: kube-system
  ownerReferences: [{ apiVersion: apps/v1, kind: DaemonSet, name: agent, controller: true }]
spec: { nodeName: n1, hostNetwork: true, containers: [{ name: c, image: i }] }
status: { phase: Running, podIPs: [{ ip: 10.128.0.1 }], hostIPs: [{ ip: 10.128.0.1 }] }
";
    let results = evaluate(&live);
    let r = one(&results, "database-reachable-by-non-clients", "prod/Cluster/pg");
    assert_eq!(r.verdict, Verdict::Pass, "{}", r.message);
    assert!(r.note.as_deref().is_some_and(|t| t.contains("kube-system/DaemonSet/agent")), "{:?}", r.note);
    // The same agent, when any node is admitted, is an unexpected client.
    let open = live.replace("policyTypes: [Ingress] }", "policyTypes: [Ingress], ingress: [{}] }");
    let results = evaluate(&open);
    assert_eq!(one(&results, "database-reachable-by-non-clients", "prod/Cluster/pg").verdict, Verdict::Fail);
}

#[test]
fn a_proxy_that_ended_before_the_client_began_carries_nothing() {
    let pod = |kind: &str| {
        format!(
            "
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: api, namespace: prod }}
spec:
  template:
    metadata: {{ labels: {{ app: api }} }}
    spec:
      {kind}: [{{ name: proxy, image: registry.example.com/cloud-sql-proxy:2{}, args: ['p:r:i'] }}]
      containers:
        - name: app
          image: registry.example.com/api:1
          env: [{{ name: DATABASE_URL, value: 'postgres://u@127.0.0.1/app?sslmode=disable' }}]
",
            ""
        )
    };
    let ended = evaluate(&pod("initContainers"));
    let r = ended.iter().find(|r| r.check == "database-client-tls-mode").expect("one client");
    assert_ne!(r.verdict, Verdict::Pass, "{}", r.message);
}
