//! Text that somebody else wrote: secrets in odd places, escape sequences, shell syntax, servers that send credentials
//! back.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Command;

use base64::prelude::*;

use crate::support::{Room, deployment, formats, policy};

/// Starts every planted value; nothing else has it.
const PLANTED: &str = "zebra77";

fn container(n: usize, body: &str) -> String {
    format!("      - {{name: c{n}, image: x, {body}}}\n")
}

#[test]
fn a_secret_in_any_place_of_a_value_is_masked() {
    let p = PLANTED;
    let values = [
        format!("postgres://db.data/app --user app --pw {p}"),
        format!("postgres://db.data/app\\nuser\\n{p}"),
        format!("postgres://app%3A{p}@db.data/app"),
        format!("postgres://app:{p}:5432/app"),
        format!("postgres://db.data/app?sslmode={p}1"),
        format!("postgres://db.data/app?application_name={p}"),
        format!("postgres://db.data/app?host=app:{p}@x"),
        format!("postgres://db.data/app#{p}"),
        format!("postgresql+psycopg://u:{p}@db.data/app"),
        format!("host=app:{p}@db.data dbname=x"),
        format!("host=db.data dbname=x options='-c a={p}'"),
        format!("host=db.data dbname=x password = 'a \\\\' {p}'"),
        format!("Server=postgres://app:{p}@db.data/x;Ssl Mode=Require"),
        format!("address=redis://:{p}@redis:6379;ssl=true"),
        format!("Host=db.data;Application Name={p};Password=\\\"a;{p}\\\""),
        format!("jdbc:postgresql://db.data/x?user=u&password={p}&ApplicationName={p}"),
        format!("jdbc:sqlserver://db.data:1433;user=u;password={{{p};x}};encrypt=true"),
        format!("$(PREFIX){p}"),
        format!("u:{p}@tcp(db.data:3306)/x"),
    ];
    let names = ["DATABASE_URL", "ConnectionStrings__Db", "CACHE", "DB_DSN", "DB_SSLMODE"];
    let mut text = deployment("prod", "web").replace("containers: [", "containers: [{name: none, image: x}, ");
    text.push_str("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app, namespace: prod}\nspec:\n  selector: {matchLabels: {app: app}}\n  template:\n    metadata:\n      labels: {app: app}\n      annotations: {cnpg.io/podPatch: \"");
    text.push_str(&format!("{p}\", env: \"x {p}\"}}\n    spec:\n      containers:\n"));
    let mut n = 0;
    for value in &values {
        for name in names {
            text.push_str(&container(n, &format!("env: [{{name: {name}, value: \"{value}\"}}]")));
            n += 1;
        }
        text.push_str(&container(n, &format!("args: [\"{value}\"]")));
        n += 1;
    }
    for args in [
        format!("\"foo:{p}:1001:100:upload\""),
        format!("--requirepass, \"{p}\""),
        format!("--password, /{p}"),
        format!("-p, {p}"),
        format!("-p{p}"),
        format!("--{p}"),
        format!("--config=/etc/{p}"),
        format!("sh, -c, \"run --pw {p} PGSSLMODE={p}\""),
    ] {
        text.push_str(&container(n, &format!("args: [{args}]")));
        n += 1;
    }
    text.push_str(&format!(
        "---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {{name: pg, namespace: data, annotations: {{cnpg.io/podPatch: '[{{\"value\": \"{p}\"}}]'}}}}
spec:
  instances: 1
  postgresql:
    parameters: {{archive_command: \"aws {p}\", primary_conninfo: \"host=a {p}\", password_encryption: \"{p}\"}}
    pg_hba:
    - 'host all all 10.0.0.0/8 radius radiusservers=\"a,b\" radiussecrets=\"\"\"{p} 1\"\",\"\"{p} 2\"\"\"'
    - 'host all all 10.1.0.0/16 ldap ldapserver=x \"ldapbindpasswd={p} x\" # {p}'
    - 'host all all 10.2.0.0/16 ldap ldapurl=ldap://a:{p}@x ldapbindpasswd=\"a \\'
    - '{p}\" ldaptls=1'
    - 'hst all all 10.3.0.0/16 ldap {p}'
"
    ));
    let room = Room::with(&text);
    for format in formats() {
        let out = room.sh(&format!("audit in.yaml --all -vv --format {format}"));
        assert!([0, 1, 3].contains(&out.status), "{out:?}");
        assert!(!out.all().contains(p), "{format}: {}", around(&out.all(), p));
    }
    room.sh("snapshot in.yaml -o s").status(0);
    let mut snapshot = String::new();
    flate2::read::GzDecoder::new(&room.read("s")[..]).read_to_string(&mut snapshot).unwrap();
    assert!(!snapshot.contains(p), "{}", around(&snapshot, p));
    assert!(snapshot.contains("db.data"), "hosts stay");
}

fn around(text: &str, what: &str) -> String {
    let at = text.find(what).unwrap_or(0);
    text.chars().skip(text[..at].chars().count().saturating_sub(150)).take(250).collect()
}

#[test]
fn names_that_the_api_server_refuses_are_input_errors() {
    let object = |kind: &str, metadata: &str| format!("apiVersion: v1\nkind: {kind}\nmetadata: {{ {metadata} }}\n");
    let cases = [
        (object("Namespace", "name: \"x\\nYAML\\ntouch PWNED #\""), "in.yaml:3:19: metadata.name: \"x\\nYAML"),
        (object("Namespace", "name: a.b"), "is not a valid name"),
        (policy("prod", "\"p\\e[31m\"", "{}"), "is not a valid name"),
        (deployment("\"a;b\"", "web"), "metadata.namespace: \"a;b\" is not a valid name"),
        (object("Service", "name: a, labels: { \"k\\e[31m\": v }"), "is not a valid label key"),
        (object("Service", "name: a, labels: { k: \"$(touch x)\" }"), "is not a valid label value"),
        (policy("prod", "p", "{podSelector: {matchLabels: {\"k;x\": v}}}"), "is not a valid label key"),
        (policy("prod", "p", "{}").replace("spec:", "Spec:"), "unknown field \"Spec\" (did you mean \"spec\"?)"),
        (policy("prod", "p", "{}").replace("spec:", "rules: {}\nspec:"), "rules: unknown field"),
        (policy("prod", "p", "{}").replace("spec:", "spec: {}\nSPEC:"), "unknown field \"SPEC\""),
        (deployment("prod", "web").replace("spec:\n", "Spec:\n"), "unknown field \"Spec\""),
        (object("Service", "Name: a, name: b"), "unknown field \"Name\" (did you mean \"name\"?)"),
    ];
    for (text, message) in cases {
        let out = Room::with(&text).sh("audit in.yaml").status(2).warns(message);
        assert!(!out.all().contains('\u{1b}'), "{text}");
    }
}

/// A cluster whose names are shell syntax. The API for clusters is not asked, so any text can be in a file.
const SHELL: &str = r#"{"name": "x'\"; : > PWNED; #", "location": "$(: > PWNED)\nYAML\n: > PWNED #", "currentMasterVersion": "1.20.1-gke.1",
  "nodePools": [{"name": "`: > PWNED`", "version": "1.20.1-gke.1", "config": {"imageType": "COS", "serviceAccount": "default"}},
    {"name": "--flag", "version": "1.20.1-gke.1"}]}"#;

#[test]
fn no_printed_command_runs_what_a_name_contains() {
    let room = Room::with(&deployment("prod", "web"));
    room.write("cluster.json", SHELL);
    let report = room.sh("audit in.yaml cluster.json --all --format json").json();
    let mut commands = 0;
    for result in report["results"].as_array().unwrap() {
        for kind in ["kubectl", "gcloud"] {
            let Some(text) = result["fix"][kind].as_str() else { continue };
            commands += 1;
            let bash = |flag: &str| {
                let mut command = Command::new("/bin/bash");
                // Without programs, only what the shell itself does has an effect.
                command.args(["--norc", flag, text]).env("PATH", "/nonexistent").current_dir(room.path(""));
                command.output().unwrap()
            };
            room.write("script", text);
            let parsed = Command::new("/bin/bash").args(["-n", "script"]).current_dir(room.path("")).output().unwrap();
            assert!(parsed.status.success(), "{text}");
            bash("-c");
            assert!(!room.path("PWNED").exists(), "{text}");
            assert!(!text.contains(" --flag"), "{text}");
        }
    }
    assert!(commands > 30, "{commands}");
}

#[test]
fn output_has_no_escape_sequences_of_others() {
    let cluster = SHELL.replace("x'", "x\\u001b]0;T\\u0007\\u001b[2J\\u202e\\u200b'");
    let room = Room::with(&deployment("prod", "web"));
    room.write("cluster.json", cluster);
    for format in formats() {
        let out = room.sh(&format!("audit in.yaml cluster.json --all --color always --format {format}")).all();
        for bad in ["\u{1b}]", "\u{1b}[2J", "\u{7}", "\u{202e}", "\u{200b}"] {
            assert!(!out.contains(bad), "{format}: {bad:?}");
        }
    }
}

/// Serves every request with 403 and what it was asked, in every form, until the program ends.
fn echo_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut stream = stream;
                loop {
                    let (mut head, mut length) = (String::new(), 0);
                    loop {
                        let mut line = String::new();
                        if reader.read_line(&mut line).unwrap_or(0) == 0 {
                            return;
                        }
                        if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                            length = n.trim().parse().unwrap();
                        }
                        if line.trim().is_empty() {
                            break;
                        }
                        head.push_str(&line);
                    }
                    reader.read_exact(&mut vec![0; length]).unwrap();
                    let sent = head
                        .lines()
                        .find_map(|l| l.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case("authorization")));
                    let value = sent.map_or("", |(_, v)| v.trim());
                    let token = value.split_once(' ').map_or(value, |(_, t)| t);
                    let coded = BASE64_STANDARD.encode(token);
                    let message = format!(
                        "x is forbidden: User \"x;touch PWNED;#\" with {token} {coded} {} cannot list",
                        token.replace('/', "%2F")
                    );
                    let body = serde_json::json!({"kind": "Status", "message": message, "reason": token}).to_string();
                    let answer = format!(
                        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nX-Echo: {token}\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

fn kubeconfig(server: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\n\
         users: [{{name: u, user: {user}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n"
    )
}

#[test]
fn credentials_that_a_server_sends_back_are_redacted() {
    let port = echo_server();
    let secret = "tok/en-that-was-sent-77";
    for (server, user) in [
        (format!("http://127.0.0.1:{port}"), format!("{{token: {secret}}}")),
        (format!("http://127.0.0.1:{port}"), format!("{{username: me, password: {secret}}}")),
        (format!("http://me:{}@127.0.0.1:{port}", secret.replace('/', "%2F")), "{}".to_owned()),
        (format!("http://127.0.0.1:{port}?token={}", secret.replace('/', "%2F")), "{}".to_owned()),
    ] {
        let room = Room::new();
        room.write("k", kubeconfig(&server, &user));
        for line in [
            "audit --kubeconfig k -vv --timeout 20s",
            "audit --kubeconfig k --format json --timeout 20s --log-format json -vv",
            "snapshot --kubeconfig k -o s --timeout 20s",
            "doctor --kubeconfig k --timeout 20s",
        ] {
            let out = room.sh(line).all();
            for form in [
                secret.to_owned(),
                secret.replace('/', "%2F"),
                BASE64_STANDARD.encode(secret),
                BASE64_STANDARD.encode(format!("me:{secret}")),
            ] {
                assert!(!out.contains(&form), "{line} {server}: {}", around(&out, &form));
            }
            assert!(!out.contains("--user x;") && !out.contains("--user=x;"), "{out}");
        }
    }
}

#[test]
fn no_token_is_sent_without_encryption() {
    let token = format!("{{token: {PLANTED}}}");
    for (server, message) in [
        ("http://cluster.example", "would send credentials unencrypted: use https"),
        ("http://127.0.0.1.example", "would send credentials unencrypted: use https"),
    ] {
        let room = Room::new();
        room.write("k", kubeconfig(server, &token));
        let out = room.sh("audit --kubeconfig k --timeout 5s").warns(message);
        assert!([2, 4].contains(&out.status), "{out:?}");
    }
    let room = Room::new();
    let text =
        kubeconfig("http://127.0.0.1:1", &token).replace("server:", "proxy-url: \"http://proxy.example:1\", server:");
    room.write("k", text);
    room.sh("audit --kubeconfig k --timeout 5s").warns("its proxy proxy.example would get the credentials unencrypted");
}

#[test]
fn legacy_auth_providers_work_or_name_what_replaced_them() {
    let port = echo_server();
    let jwt = |exp: i64| {
        let claims = BASE64_URL_SAFE_NO_PAD.encode(format!("{{\"exp\": {exp}}}"));
        format!("aGVhZA.{claims}.c2lnbmF0dXJl")
    };
    let provider = |name: &str, config: &str| format!("{{auth-provider: {{name: {name}, config: {config}}}}}");
    for (user, message) in [
        (provider("gcp", "{access-token: \"a\\nb\"}"), "gke-gcloud-auth-plugin"),
        (provider("azure", "{}"), "kubelogin convert-kubeconfig"),
        (provider(PLANTED, "{}"), "auth-provider of an unknown name"),
        (provider("oidc", "{}"), "oidc without an id-token"),
        (provider("oidc", &format!("{{id-token: {}}}", jwt(1_000_000_000))), "id-token has expired"),
        (provider("oidc", "{id-token: \"a\\nb\"}"), "characters that no token has"),
        (provider("oidc", &format!("{{id-token: {}}}", jwt(4_000_000_000))), "forbidden (403)"),
        ("{client-certificate-data: \"%%%\", client-key-data: \"%%%\"}".to_owned(), "error"),
        ("{client-certificate-data: YQ==, client-key-data: YQ==}".to_owned(), "error"),
    ] {
        let room = Room::new();
        room.write("k", kubeconfig(&format!("http://127.0.0.1:{port}"), &user));
        let out = room.sh("audit --kubeconfig k --timeout 20s");
        assert!(out.all().contains(message), "{user}: {out:?}");
        assert!(!out.all().contains(PLANTED), "{out:?}");
    }
}
