//! No secret of the input is in anything that comes out: reports, snapshots, messages.

use std::io::Read;

use crate::support::{Room, formats};

/// Starts every planted value; nothing else has it.
const CANARY: &str = "CANARY";

const OBJECTS: &str = r#"
apiVersion: v1
kind: Secret
metadata:
  name: s
  namespace: app
  annotations: { kubectl.kubernetes.io/last-applied-configuration: '{"data":{"password":"CANARY-annotation-1"}}' }
data: { password: CANARYdata1, url: Q0FOQVJZ }
stringData: { url: "postgres://u:CANARY-string@h/d" }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: cm, namespace: app, annotations: { kubectl.kubernetes.io/last-applied-configuration: CANARY-annotation-2 } }
data:
  DB_PASSWORD: CANARY-cm-1
  DATABASE_URL: "postgres://u:CANARY-cm-2@h/d?sslmode=require"
  app.properties: "spring.datasource.password=CANARY-cm-3\nspring.datasource.url=jdbc:postgresql://h/d?user=u&password=CANARY-cm-4\n"
  config.json: '{"password": "CANARY-cm-5", "token": "CANARY-cm-6"}'
  API_TOKEN: CANARY-cm-7
  private.pem: "-----BEGIN PRIVATE KEY-----\nCANARY-cm-8\n-----END PRIVATE KEY-----"
  settings.yaml: "db:\n  password: CANARY-cm-9\n"
  DB_SSLMODE: require
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: app
  annotations: { kubectl.kubernetes.io/last-applied-configuration: '{"env":[{"name":"PGPASSWORD","value":"CANARY-annotation-3"}]}' }
spec:
  template:
    metadata:
      labels: { app: web }
      annotations: { checksum/secret: CANARY-annotation-4, env: "postgres://a:CANARY-annotation-5@h/d" }
    spec:
      initContainers: [{ name: i, image: x, env: [{ name: PASSWORD, value: CANARY-env-1 }] }]
      containers:
        - name: web
          image: x
          command: [sh, -c, "export PGPASSWORD=CANARY-arg-1; psql postgres://u:CANARY-arg-2@h/d"]
          args: ["--password=CANARY-arg-3", "--token", "CANARY-arg-4", "--db-url=postgres://u:CANARY-arg-5@h/d", "--api-key", "CANARY-arg-6", "-pCANARY-arg-7", "SECRET=CANARY-arg-8", "Authorization: Bearer CANARY-arg-9"]
          env:
            - { name: DB_PASSWORD, value: CANARY-env-2 }
            - { name: PGPASSWORD, value: CANARY-env-3 }
            - { name: DATABASE_URL, value: "postgres://user:CANARY-env-4@pg-rw.app:5432/db?sslmode=require&password=CANARY-env-5" }
            - { name: JDBC_URL, value: "jdbc:postgresql://pg-rw.app:5432/db?user=u&password=CANARY-env-6" }
            - { name: SPRING_DATASOURCE_URL, value: "jdbc:postgresql://pg-rw.app/db?password=CANARY-env-7&sslpassword=CANARY-env-8" }
            - { name: DSN, value: "host=pg-rw.app user=u password=CANARY-env-9 sslmode=require" }
            - { name: DB_DSN, value: "host=pg-rw.app user=u password='CANARY-env-10 and CANARY-env-11' sslmode=require" }
            - { name: ConnectionStrings__Default, value: "Host=pg-rw.app;Username=u;Password=CANARY-env-12;SSL Mode=Require" }
            - { name: SQL_CONNECTION_STRING, value: "Server=tcp:h,1433;User ID=u;Pwd=CANARY-env-13;Encrypt=true" }
            - { name: AWS_SECRET_ACCESS_KEY, value: CANARY-env-14 }
            - { name: API_KEY, value: CANARY-env-15 }
            - { name: GITHUB_TOKEN, value: CANARY-env-16 }
            - { name: MYSQL_DSN, value: "root:CANARY-env-17@tcp(mysql:3306)/db" }
            - { name: REDIS_URL, value: "redis://:CANARY-env-18@redis:6379/0" }
            - { name: FOO, value: CANARY-env-19 }
            - { name: CONFIG, value: '{"db":{"password":"CANARY-env-20"}}' }
            - { name: OTHER_DATABASE_URL, value: "postgres://u:CANARY@env-21/x@pg-rw.app/db" }
            - { name: AMQP_URL, value: "amqp://u:CANARY-env-22@mq/" }
            - { name: SENTRY_DSN, value: "https://CANARY-env-23@sentry.example/1" }
            - { name: JAVA_OPTS, value: "-Ddb.password=CANARY-env-24 -Dx=y" }
            - { name: PGOPTIONS, value: "-c password=CANARY-env-25" }
            - { name: HTTP_PROXY, value: "http://u:CANARY-env-26@proxy:3128" }
            - { name: SLACK_WEBHOOK, value: "https://hooks.example/services/CANARY-env-27" }
            - { name: STORAGE, value: "DefaultEndpointsProtocol=https;AccountKey=CANARY-env-28==;" }
          envFrom: [{ configMapRef: { name: cm } }, { secretRef: { name: s } }]
---
apiVersion: v1
kind: Pod
metadata: { name: p, namespace: app, annotations: { note: CANARY-annotation-6 } }
spec: { containers: [{ name: c, image: x, env: [{ name: PASS, value: CANARY-env-29 }], args: [--secret, CANARY-arg-10] }] }
---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: { name: pg, namespace: app }
spec:
  instances: 1
  postgresql:
    parameters: { ssl_passphrase_command: echo CANARY-pg-1, archive_command: aws --password CANARY-pg-2, primary_conninfo: host=a password=CANARY-pg-3 }
    pg_hba:
      - 'host all all 10.0.0.0/8 ldap ldapserver=l ldapbinddn="cn=x" ldapbindpasswd=CANARY-hba-1 ldapsearchattribute=uid'
      - 'host all all 10.0.0.0/8 ldap ldapurl="ldap://u:CANARY-hba-2@l/dc=x" ldapbindpasswd="CANARY-hba-3 and CANARY-hba-4"'
      - 'host all all 10.0.0.0/8 radius radiusservers=r radiussecrets=CANARY-hba-5'
      - 'hst all all 10.0.0.0/8 ldap ldapbindpasswd=CANARY-hba-6'
  bootstrap: { initdb: { database: d, owner: o, postInitSQL: ["create role x password 'CANARY-pg-4'"] } }
---
apiVersion: example.com/v1
kind: Thing
metadata: { name: thing }
spec: { password: CANARY-other }
"#;

const CLUSTER: &str = r#"{"name": "c", "currentMasterVersion": "1.33.1-gke.1", "networkPolicy": {"enabled": "password=CANARY-cluster-0"},
"masterAuth": {"username": "admin", "password": "CANARY-cluster-1", "clientKey": "CANARY-cluster-2", "clientCertificate": "CANARY-cluster-3"},
"nodePools": [{"name": "p", "config": {
  "metadata": {"startup-script": "echo CANARY-cluster-4", "user-data": "CANARY-cluster-5", "disable-legacy-endpoints": "true"},
  "containerdConfig": {"registryHosts": [{"server": "r", "hosts": [{"host": "h", "header": [{"key": "Authorization", "value": ["Basic CANARY-cluster-6"]}]}]}]}}}],
"nodeConfig": {"metadata": {"k": "CANARY-cluster-7"}}, "description": "password=CANARY-cluster-8",
"future": {"secret": {"value": "CANARY-cluster-9"}, "accessToken": "CANARY-cluster-10", "apiKey": "CANARY-cluster-11",
  "private_key": "CANARY-cluster-12", "url": "postgres://u:CANARY-cluster-13@h/d"}}"#;

#[track_caller]
fn clean(what: &str, text: &str) {
    if let Some(at) = text.find(CANARY) {
        let from = text[..at].char_indices().rev().nth(120).map_or(0, |(i, _)| i);
        panic!("{what}: …{}", text[from..].chars().take(200).collect::<String>());
    }
}

fn gunzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn nothing_that_is_secret_comes_out() {
    let room = Room::with(OBJECTS);
    room.write("cluster.json", CLUSTER);
    for format in formats() {
        let out = room.sh(&format!("audit in.yaml cluster.json --all --format {format}"));
        assert!([1, 3].contains(&out.status), "{out:?}");
        clean(format, &out.all());
    }
    for format in ["json", "table"] {
        clean(format, &room.sh(&format!("reach in.yaml cluster.json --all --format {format}")).status(0).all());
    }
    clean("snapshot", &room.sh("snapshot in.yaml cluster.json -o s").status(0).all());
    let snapshot = gunzip(&room.read("s"));
    clean("snapshot file", &snapshot);
    // Names stay, as they are what is evaluated.
    for name in ["\"password\"", "DB_PASSWORD", "DB_SSLMODE", "\"require\"", "pg-rw.app"] {
        assert!(snapshot.contains(name), "{name}");
    }
}

#[test]
fn mistakes_near_a_secret_do_not_quote_it() {
    let head = "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\n";
    let deployment = |container: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: d }}\nspec: {{ template: {{ spec: {{ containers: [{{ name: c, {container} }}] }} }} }}\n"
        )
    };
    let c = "CANARYvalue";
    let cases = [
        format!("{head}stringData:\n  password: \"{c}\n"),
        format!("{head}stringData:\n\tpassword: {c}\n"),
        format!("{head}stringData:\n  a: b\n password: {c}\n"),
        format!("{head}stringData:\n  password: {c}: x: y\n"),
        format!("{head}stringData:\n  password: *{c}\n"),
        format!("{head}stringData:\n  password: !!int {c}\n"),
        format!("{head}stringData:\n  password: @{c}\n"),
        format!("{head}stringData:\n  password: `{c}\n"),
        format!("{head}stringData:\n  password: \"\\q{c}\"\n"),
        format!("{head}stringData:\n  password: {c}\n  foo\n  bar: x\n"),
        format!("{head}data:\n  password: !!binary \"{c}%%%\"\n"),
        format!("{head}stringData: {{ password: {c}\n"),
        format!("{head}stringData: {c}\n"),
        format!("{head}stringData: [{c}]\n"),
        format!("apiVersion: v1\nkind: Secret\nmetadata: {c}\n"),
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{ name: s, annotations: {c}, labels: [{c}] }}\n"),
        format!(
            "{{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {{\"name\": \"s\"}}, \"stringData\": {{\"password\": \"{c}\" \"x\"}}}}"
        ),
        format!(
            "{{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {{\"name\": \"s\"}}, \"stringData\": {{\"password\": \"\\u{c}\"}}}}"
        ),
        deployment(&format!(
            "env: [{{ name: PASSWORD, value: [{c}] }}, {{ name: [{c}] }}, {c}], args: {{ a: {c} }}, command: {c}"
        )),
        deployment(&format!("env: [{{ name: PASSWORD, valueFrom: {{ x: {c} }} }}], envFrom: [{c}]")),
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: d }}\ndata: {{ password: {{ a: {c} }} }}\n"),
        format!("{c}\n"),
        format!("PASSWORD={c}\n"),
    ];
    let room = Room::new();
    for text in cases {
        // By the ending, one parser's error or the other's is shown.
        for name in ["in.yaml", "in.json"] {
            room.write(name, &text);
            let out = room.run(&["audit", name]).status(2).warns("error: in.");
            clean(&text, &out.all());
        }
    }
}
