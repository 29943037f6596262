//! No secret of a live cluster, of Google's answers or of the credentials themselves leaves the program.
//!
//! Canaries are planted wherever a secret may be, and looked for in everything that a run prints, logs or writes.
use std::io::Read as _;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use serde_json::{Value, json};

use crate::servers::data::{self, Endpoint};
use crate::servers::{Effect, FakeGoogle, Fault, MARK, Options};
use crate::support::{Out, output};
use crate::world::{CLUSTER, Login, PROJECT, WHO, World};

/// In every secret that is planted; digits and letters as a generator of passwords makes them.
const CANARY: &str = "c4naryX9q7Zt2";

fn canary(n: u32) -> String {
    format!("{CANARY}{n}Lw8")
}

/// The example with canaries in everything that is no setting.
fn objects() -> Vec<Value> {
    let mut objects = crate::world::objects_with_billing();
    for (n, object) in objects.iter_mut().enumerate() {
        let n = n as u32;
        object["metadata"]["annotations"]["example.com/token"] = json!(canary(n));
        match object["kind"].as_str().unwrap() {
            "Secret" => {
                object["stringData"][format!("key-{n}")] = json!(canary(n));
                object["stringData"]["DATABASE_PASSWORD"] = json!(canary(n));
            }
            "ConfigMap" => {
                object["data"]["API_KEY"] = json!(canary(n));
                object["data"]["notes.txt"] = json!(format!("password = {}", canary(n)));
                object["data"]["CACHE_URL"] = json!(format!("redis://:{}@redis.data.svc:6379/0", canary(n)));
            }
            "Deployment" | "StatefulSet" | "ReplicaSet" => poison(&mut object["spec"]["template"], n),
            "Pod" => poison(object, n),
            _ => {}
        }
    }
    objects.push(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "unrelated", "namespace": "prod"},
        "stringData": {"value": canary(1000)},
    }));
    data::as_applied(objects)
}

fn poison(pod: &mut Value, n: u32) {
    pod["metadata"]["annotations"]["example.com/password"] = json!(canary(n));
    for container in pod["spec"]["containers"].as_array_mut().into_iter().flatten() {
        let url = format!("postgresql://app:{}@prod-postgres-postgresql.data.svc:5432/app?sslmode=require", canary(n));
        let key_words = format!("host=postgres.data.svc user=app password={} sslmode=require", canary(n));
        let mut env = container["env"].as_array().cloned().unwrap_or_default();
        for (name, value) in [
            ("SESSION_KEY", canary(n)),
            ("POSTGRES_PASSWORD", canary(n)),
            ("PGPASSWORD", canary(n)),
            ("REPORTS_DATABASE_URL", url),
            ("LEGACY_DSN", key_words),
            ("PGOPTIONS", format!("-c app.token={}", canary(n))),
        ] {
            env.push(json!({"name": name, "value": value}));
        }
        container["env"] = env.into();
        container["args"] = json!(["--password", canary(n), format!("--dsn=postgres://u:{}@h/db", canary(n))]);
        container["command"] = json!(["sh", "-c", format!("TOKEN={} exec app", canary(n))]);
    }
}

fn poisoned() -> World {
    let w = World::with(Options::default(), &objects());
    w.kube.install(crate::servers::Crd::new("postgresql.cnpg.io", "v1", "Pooler", "poolers", true));
    w
}

/// All that must not be seen: the canaries, plain and in base64, the tokens, and the parts of the credentials.
fn secrets(google: &FakeGoogle) -> Vec<String> {
    let key = google.service_account_key(WHO);
    let body: String = key["private_key"].as_str().unwrap().lines().nth(1).unwrap().chars().take(40).collect();
    // Of a text in base64, what does not depend on what stands around it; at all three places in a group.
    let encoded = ["", "x", "xx"].map(|front| {
        let text = BASE64_STANDARD_NO_PAD.encode(format!("{front}{CANARY}"));
        text[4..text.len() - 2].to_owned()
    });
    let mut all = vec![
        CANARY.to_owned(),
        MARK.to_owned(),
        body,
        "fake-refresh-token".to_owned(),
        "d-example-client-secret".to_owned(),
    ];
    all.extend(encoded);
    all
}

/// Fails where a secret is in what was printed, or in any file that was written. Those that held one before are `given`.
#[track_caller]
fn clean(what: &str, w: &World, out: &Out, given: &[&str]) {
    let secrets = secrets(&w.google);
    let look = |place: &str, text: &str| {
        if let Some(secret) = secrets.iter().find(|s| text.contains(s.as_str())) {
            let at = text.find(secret.as_str()).unwrap();
            let (from, to) = (text.floor_char_boundary(at.saturating_sub(200)), text.ceil_char_boundary(at + 100));
            panic!("{what}: {secret} in {place}: …{}…", &text[from..to.min(text.len())]);
        }
    };
    look("stdout", &out.stdout);
    look("stderr", &out.stderr);
    let mut pending = vec![w.room.path("")];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir() {
                pending.push(path);
            } else if !given.contains(&name.as_str()) {
                let bytes = std::fs::read(&path).unwrap();
                let mut plain = Vec::new();
                let packed = flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).is_ok();
                look(&name, &String::from_utf8_lossy(if packed { &plain } else { &bytes }));
            }
        }
    }
}

const GIVEN: [&str; 7] = ["token", "key.json", "adc.json", "kubeconfig", "plugin", "client.pem", "other.json"];

#[test]
fn nothing_leaves_a_run_that_goes_well() {
    let lines = [
        format!("audit {CLUSTER} --all -o report.json -o report.md -o report.txt"),
        format!("audit {CLUSTER} --format json --read-secret-values"),
        format!("audit {CLUSTER} --format markdown --no-configmaps"),
        format!("reach {CLUSTER} --format json"),
        format!("snapshot {CLUSTER} -o plain.snapshot"),
        format!("snapshot {CLUSTER} --read-secret-values -o values.snapshot"),
        format!("doctor {CLUSTER} --read-secret-values"),
        format!("audit --project {PROJECT} --output-dir fleet"),
    ];
    for (n, line) in lines.iter().enumerate() {
        let w = poisoned();
        let login = [Login::Token, Login::TokenFile, Login::Key, Login::User, Login::Metadata][n % 5];
        for log in ["-vvv", "-vvv --log-format json"] {
            let words: Vec<&str> = line.split(' ').chain(log.split(' ')).collect();
            let out = w.run(login, &words);
            assert!([0, 1, 3].contains(&out.status), "{line}: {}", out.stderr);
            clean(&format!("{line} {log}"), &w, &out, &GIVEN);
            assert!(out.stderr.len() > 500, "{line}: -vvv says little: {}", out.stderr);
        }
        assert!(!w.kube.record().entries().is_empty());
    }
}

/// Servers and proxies quote what they were sent, and what they hold.
#[test]
fn nothing_leaves_by_what_servers_say() {
    let token = format!("ya29.{MARK}-quoted");
    let message = format!(
        "request with header \"Authorization: Bearer {token}\" failed: password={} postgres://u:{}@h/d",
        canary(1),
        canary(2)
    );
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": 403,
        "reason": "Forbidden"});
    let google = json!({"error": {"code": 403, "message": message, "status": "PERMISSION_DENIED",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "X", "domain": "d",
            "metadata": {"authorization": format!("Bearer {token}")}}]}});
    let oauth = json!({"error": "invalid_grant", "error_description": message});
    let cluster = format!("/v1/{CLUSTER}");
    let map = "/api/v1/namespaces/prod/configmaps/tomoda-config";
    let secret = "/api/v1/namespaces/prod/secrets/billing-db";
    let body = |code, value: &Value| Effect::body(code, "application/json", &value.to_string());
    let page = |code| Effect::body(code, "text/plain", &message);
    let cells: Vec<(&str, bool, Login, Effect)> = vec![
        (&cluster, true, Login::Token, body(403, &google)),
        (&cluster, true, Login::TokenFile, body(401, &google)),
        (&cluster, true, Login::TokenFile, page(400)),
        (&cluster, true, Login::TokenFile, body(200, &json!({"name": 7, "endpoint": message}))),
        ("/token", true, Login::Key, body(400, &oauth)),
        ("/token", true, Login::User, body(400, &oauth)),
        ("/token", true, Login::User, page(401)),
        ("/token", true, Login::Key, body(200, &json!({"access_token": [token]}))),
        ("/apis", false, Login::TokenFile, body(403, &status)),
        ("/apis", false, Login::TokenFile, body(200, &json!({"kind": message}))),
        ("/api/v1/pods", false, Login::TokenFile, body(403, &status)),
        ("/api/v1/pods", false, Login::TokenFile, page(418)),
        ("/api/v1/pods", false, Login::TokenFile, Effect::Malformed),
        ("/api/v1/pods", false, Login::TokenFile, body(200, &json!({"kind": message}))),
        (map, false, Login::TokenFile, body(403, &status)),
        (map, false, Login::TokenFile, Effect::Malformed),
        (secret, false, Login::TokenFile, body(403, &status)),
        (secret, false, Login::TokenFile, Effect::Malformed),
        (secret, false, Login::TokenFile, Effect::edit(|s| s["data"] = json!([canary(5)]))),
        (secret, false, Login::TokenFile, Effect::edit(|s| s["data"]["mode"] = json!(canary(6)))),
        (
            secret,
            false,
            Login::TokenFile,
            Effect::edit(|s| s["data"]["mode"] = json!(BASE64_STANDARD.encode(canary(7)))),
        ),
    ];
    for (path, at_google, login, effect) in cells {
        let w = poisoned();
        let faults = if at_google { w.google.faults() } else { w.kube.faults() };
        faults.add(Fault::on(path, effect));
        let words = ["audit", CLUSTER, "--read-secret-values", "-vvv", "--format", "json", "-o", "report.md"];
        let out = w.run(login, &words);
        assert!(faults.struck() > 0, "{path}");
        clean(&format!("fault at {path}"), &w, &out, &GIVEN);
        let out = w.run(login, &["doctor", CLUSTER, "-vvv", "--log-format", "json"]);
        clean(&format!("doctor, fault at {path}"), &w, &out, &GIVEN);
        let out = w.run(login, &["audit", "--project", PROJECT, "-vv"]);
        clean(&format!("fleet, fault at {path}"), &w, &out, &GIVEN);
    }
}

fn with_kubeconfig(w: &World, user: Value, cluster: Value) -> Command {
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": cluster}], "users": [{"name": "c", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    });
    w.room.write("kubeconfig", kubeconfig.to_string());
    w.command(Login::Nobody, &["audit", "--kubeconfig", "kubeconfig", "-vvv", "--format", "json"])
}

#[test]
fn nothing_leaves_a_kubeconfig() {
    let w = poisoned();
    let cluster = json!({"server": w.kube.url(), "certificate-authority-data": w.kube.authority_base64()});
    let key = BASE64_STANDARD.encode(format!("-----BEGIN PRIVATE KEY-----\n{}\n", canary(1)));
    let plugin = format!("#!/bin/sh\necho {} >&2\necho '{{\"token\": \"{}\"}}'\nexit 1\n", canary(2), canary(3));
    w.room.write("plugin", plugin);
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(w.room.path("plugin"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let exec = |command: &str| {
        json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1", "command": command, "interactiveMode": "Never",
            "args": ["--password", canary(4)], "env": [{"name": "PLUGIN_SECRET", "value": canary(5)}],
        }})
    };
    let plugin = w.room.path("plugin").display().to_string();
    let users = [
        json!({"token": canary(6)}),
        json!({"token": format!("{}\nwith a line", canary(7))}),
        json!({"username": "admin", "password": canary(8)}),
        json!({"client-certificate-data": key, "client-key-data": key}),
        json!({"client-certificate-data": canary(9), "client-key-data": canary(9)}),
        exec(&plugin),
        exec("no-such-plugin"),
        json!({"auth-provider": {"name": "gcp", "config": {"access-token": canary(10), "cmd-args": canary(10)}}}),
    ];
    for user in users {
        let out = output(with_kubeconfig(&w, user.clone(), cluster.clone()), None);
        assert_ne!(out.status, 0);
        clean(&format!("kubeconfig with {user}"), &w, &out, &GIVEN);
    }
    // A parser's message quotes what it read.
    for text in [
        format!("apiVersion: v1\nusers:\n- name: x\n  user: {{token: {}, : }}\n", canary(11)),
        format!("apiVersion: v1\nusers: {}\n", canary(12)),
        format!("{{\"users\": [{{\"name\": \"x\", \"user\": {{\"token\": [\"{}\"]}}}}]}}", canary(13)),
    ] {
        w.room.write("kubeconfig", text);
        let out = w.run(Login::Nobody, &["audit", "--kubeconfig", "kubeconfig", "-vvv"]);
        assert_eq!(out.status, 2, "{}", out.all());
        clean("a broken kubeconfig", &w, &out, &GIVEN);
    }
}

#[test]
fn nothing_leaves_a_broken_credentials_file() {
    let w = poisoned();
    let mut key = w.google.service_account_key(WHO);
    key["private_key"] = json!(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", canary(1)));
    let texts = [
        key.to_string(),
        format!("{{\"type\": \"service_account\", \"private_key\": \"{}\"", canary(2)),
        json!({"type": canary(3), "refresh_token": canary(3)}).to_string(),
        json!({"type": "authorized_user", "client_secret": canary(4), "refresh_token": [canary(4)]}).to_string(),
        json!({"type": "external_account", "credential_source": {"file": "no/such/file"}, "audience": canary(5),
            "subject_token_type": "t", "token_url": format!("http://u:{}@127.0.0.1:9/v1/token", canary(5))})
        .to_string(),
        canary(6),
    ];
    for text in texts {
        w.room.write("other.json", &text);
        for line in [format!("audit {CLUSTER} -vvv"), format!("doctor {CLUSTER} -vvv --log-format json")] {
            let mut command = w.command(Login::Nobody, &line.split(' ').collect::<Vec<_>>());
            command.env("GOOGLE_APPLICATION_CREDENTIALS", w.room.path("other.json"));
            let out = output(command, None);
            assert_eq!(out.status, 4, "{}", out.all());
            clean(&format!("credentials {text}"), &w, &out, &GIVEN);
        }
    }
    // A token of which the environment holds something else.
    for token in [format!("{}\nX-Injected: yes", canary(7)), canary(8)] {
        let mut command = w.command(Login::Nobody, &["audit", CLUSTER, "-vvv"]);
        command.env("CLOUDSDK_AUTH_ACCESS_TOKEN", token);
        let out = output(command, None);
        assert_eq!(out.status, 4, "{}", out.all());
        clean("a token that is none", &w, &out, &GIVEN);
    }
}

/// A cluster's own answer may hold the passwords of old: basic authentication and a client key.
#[test]
fn nothing_leaves_the_clusters_own_configuration() {
    let w = poisoned();
    let mut cluster = data::served_by(data::example_cluster(), &w.kube, Endpoint::Public);
    cluster["masterAuth"]["password"] = json!(canary(1));
    cluster["masterAuth"]["clientKey"] = json!(BASE64_STANDARD.encode(canary(2)));
    cluster["nodePools"][0]["config"]["metadata"] = json!({"startup-token": canary(3)});
    w.google.cluster(CLUSTER, cluster);
    for line in [format!("audit {CLUSTER} --format json -vvv"), format!("snapshot {CLUSTER} -o s.snapshot -vvv")] {
        let out = w.run(Login::Token, &line.split(' ').collect::<Vec<_>>());
        clean(&line, &w, &out, &GIVEN);
    }
}
