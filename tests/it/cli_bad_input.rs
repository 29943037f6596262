//! Bad input ends with an error that names the place, never with a crash and never in silence.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::support::{CALICO, Room, deployment, formats, policy, verdicts};
use serde_json::{Value, json};

/// The audit refuses the file and says `message`.
#[track_caller]
fn refused(bytes: impl AsRef<[u8]>, message: &str) {
    let room = Room::new();
    room.write("in.yaml", bytes);
    let out = room.sh("audit in.yaml").status(2).warns(message);
    assert_eq!(out.stdout, "");
    assert!(out.stderr.starts_with("error: in.yaml"), "{}", out.stderr);
    for word in ["Options", "budget", "u64", "Depth {", "os error 0"] {
        assert!(!out.stderr.contains(word), "a programmer's word: {}", out.stderr);
    }
}

#[test]
fn every_command_that_reads_refuses_alike() {
    let room = Room::with("a: [\n");
    for line in ["audit in.yaml", "audit in.yaml --format json", "reach in.yaml", "snapshot in.yaml -o s"] {
        let out = room.sh(line).status(2);
        assert_eq!(
            (out.stdout.as_str(), out.stderr.as_str()),
            ("", "error: in.yaml:1:4: not valid YAML: unclosed bracket '['\n")
        );
    }
}

#[test]
fn files_that_are_not_text() {
    refused("", "in.yaml: the file is empty");
    refused(" \n\t\n", "in.yaml: the file is empty");
    let binary: Vec<u8> = (0..4096u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 7) as u8).collect();
    refused(binary, "not text");
    refused(b"kind: Pod\nmetadata:\n  name: \xff\xfe\n", "in.yaml:3: not text");
    refused(b"kind: Pod\0\n", "not text");
}

#[test]
fn the_broken_document_of_many_is_named() {
    let mut text = String::new();
    for i in 1..=12 {
        let close = if i == 7 { "" } else { "}" };
        let _ = write!(text, "apiVersion: v1\nkind: Namespace\nmetadata: {{ name: n{i} {close}\n---\n");
    }
    refused(text, "in.yaml:27:11: not valid YAML: ");
}

#[test]
fn broken_json_is_named_with_its_place() {
    let room = Room::new();
    for (text, place) in [
        ("{\"apiVersion\": \"v1\",\n \"kind\" \"Pod\"}", "in.json:2:9: not valid JSON"),
        ("{\"apiVersion\": \"v1\",", "in.json:1:"),
        ("{\"apiVersion\": \"v1\"} x", "in.json:1:"),
    ] {
        room.write("in.json", text);
        room.sh("audit in.json").status(2).warns(place);
    }
}

#[test]
fn yaml_mistakes_are_said_in_words() {
    let object = "apiVersion: v1\nkind: Namespace\nmetadata:\n";
    refused(format!("{object}\tname: a\n"), "in.yaml:4:2: not valid YAML: tabs");
    refused(format!("{object}  name: a\n  name: b\n"), "in.yaml:5:3: not valid YAML: the key \"name\" is given twice");
    refused(
        format!("{object}  name: y\n"),
        "in.yaml:4:9: metadata.name: expected a string, found a boolean (put it in quotes)",
    );
    refused("just a text\n", "in.yaml:1: neither a Kubernetes object");
    refused("a: b\n", "in.yaml:1: neither a Kubernetes object");
    refused("- 1\n- 2\n", "in.yaml:1: neither a Kubernetes object");
    refused("apiVersion: v1\nkind: Namespace\n", "in.yaml:1:1: metadata is missing");
    refused("apiVersion: v1\nkind: Namespace\nmetadata: {}\n", "in.yaml:3:11: metadata: name is missing");
}

#[test]
fn line_ends_and_byte_order_marks_do_not_matter() {
    let text = deployment("shop", "web");
    let plain = Room::with(&text).sh("reach in.yaml --format json").status(0).stdout;
    for other in [text.replace('\n', "\r\n"), format!("\u{feff}{text}")] {
        assert_eq!(Room::with(&other).sh("reach in.yaml --format json").status(0).stdout, plain);
    }
    refused(deployment("shop", "web").replace("8080", "99999").replace('\n', "\r\n"), "in.yaml:8:");
}

#[test]
fn nesting_and_aliases_are_bounded() {
    let started = Instant::now();
    let levels = 10_000;
    refused(format!("a: {}{}\n", "[".repeat(levels), "]".repeat(levels)), "not valid YAML");
    refused(format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels)), "not valid YAML");
    let mut text = String::new();
    for i in 0..3000 {
        let _ = writeln!(text, "{:width$}a:", "", width = i);
    }
    refused(text, "not valid YAML: nested deeper than 200 levels");
    let mut bomb = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for pair in "abcdefghijklm".as_bytes().windows(2) {
        let (from, to) = (pair[0] as char, pair[1] as char);
        let _ = writeln!(bomb, "{to}: &{to} [{}]", vec![format!("*{from}"); 9].join(", "));
    }
    refused(bomb, "its aliases would make it many times as large as it is");
    refused("a: &a [*a]\n", "not valid YAML");
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[test]
fn ordinary_aliases_are_read() {
    let text = "
apiVersion: v1
kind: List
items:
- { apiVersion: apps/v1, kind: Deployment, metadata: { name: a, namespace: shop }, spec: { template: &t { metadata: { labels: { app: a } }, spec: { containers: [{ name: c, image: i }] } } } }
- { apiVersion: apps/v1, kind: Deployment, metadata: { name: b, namespace: shop }, spec: { template: *t } }
";
    let out = Room::with(text).sh("reach in.yaml --format json").status(0);
    assert!(out.stdout.contains("shop/Deployment/a") && out.stdout.contains("shop/Deployment/b"));
}

/// More than 250,000 nodes and 1,024 documents, which a YAML parser's defaults refuse.
#[test]
fn a_large_file_is_accepted() {
    let mut text = String::new();
    for i in 0..1100 {
        let _ = write!(text, "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: c{i}, namespace: shop }}\ndata:\n");
        for k in 0..120 {
            let _ = writeln!(text, "  key{k}: a value of some length that says nothing");
        }
        text.push_str("---\n");
    }
    assert!(text.len() > 5 << 20, "{}", text.len());
    text.push_str(&deployment("shop", "web"));
    let out = Room::with(&text).sh("audit in.yaml --format json").status(0);
    assert_eq!(out.json()["evidence"]["kinds"]["ConfigMap"], 1100);
}

/// Rows T113–T119 of the semantics: what the API server refuses.
const REFUSED: [(&str, &str); 23] = [
    ("{ podSelector: {}, ingress: [{ from: [{}] }] }", "5:41: spec.ingress[0].from[0]: the peer has none of"),
    (
        "{ podSelector: {}, egress: [{ to: [{ ipBlock: { cidr: 10.0.0.0/8 }, podSelector: {} }] }] }",
        "spec.egress[0].to[0]: ipBlock must be alone",
    ),
    (
        "{ podSelector: {}, egress: [{ to: [{ ipBlock: { cidr: 10.0.0.0/8 }, namespaceSelector: {} }] }] }",
        "spec.egress[0].to[0]: ipBlock must be alone",
    ),
    (
        "{ podSelector: {}, ingress: [{ ports: [{ endPort: 90 }] }] }",
        "spec.ingress[0].ports[0].endPort: endPort needs a numeric port",
    ),
    ("{ podSelector: {}, ingress: [{ ports: [{ port: http, endPort: 90 }] }] }", "endPort needs a numeric port"),
    ("{ podSelector: {}, ingress: [{ ports: [{ port: 91, endPort: 90 }] }] }", "endPort 90 is below port 91"),
    (
        "{ podSelector: {}, egress: [{ to: [{ ipBlock: { cidr: 10.0.0.0/8, except: [11.0.0.0/9] } }] }] }",
        "except[0]: 11.0.0.0/9 is not a strict part",
    ),
    (
        "{ podSelector: {}, egress: [{ to: [{ ipBlock: { cidr: 10.0.0.0/8, except: [10.0.0.0/8] } }] }] }",
        "10.0.0.0/8 is not a strict part",
    ),
    (
        "{ podSelector: {}, egress: [{ to: [{ ipBlock: { cidr: 10.0.0.0/8, except: ['fd00::/9'] } }] }] }",
        "fd00::/9 is not a strict part",
    ),
    (
        "{ podSelector: {}, egress: [{ to: [{ ipBlock: { cidr: 10.0.0.1 } }] }] }",
        "cidr \"10.0.0.1\" is not an address range",
    ),
    (
        "{ podSelector: { matchExpressions: [{ key: a, operator: In }] } }",
        "spec.podSelector.matchExpressions[0]: In needs at least one value",
    ),
    (
        "{ podSelector: { matchExpressions: [{ key: a, operator: NotIn, values: [] }] } }",
        "NotIn needs at least one value",
    ),
    ("{ podSelector: { matchExpressions: [{ key: a, operator: Exists, values: [b] }] } }", "Exists takes no values"),
    (
        "{ podSelector: { matchExpressions: [{ key: a, operator: DoesNotExist, values: [b] }] } }",
        "DoesNotExist takes no values",
    ),
    (
        "{ podSelector: { matchExpressions: [{ key: a, operator: Gt, values: ['1'] }] } }",
        "operator \"Gt\" is not one of",
    ),
    ("{ podSelector: {}, ingress: [{ ports: [{ protocol: ICMP }] }] }", "protocol: unknown value \"ICMP\""),
    (
        "{ podSelector: {}, ingress: [{ ports: [{ protocol: tcp, port: 80 }] }] }",
        "unknown value \"tcp\" (did you mean \"TCP\"?)",
    ),
    ("{ podSelector: {}, ingress: [{ ports: [{ port: 0 }] }] }", "ports[0].port: port 0 is not in 1–65535"),
    ("{ podSelector: {}, ingress: [{ ports: [{ port: 65536 }] }] }", "port 65536 is not in 1–65535"),
    ("{ podSelector: {}, ingress: [{ ports: [{ port: Http }] }] }", "\"Http\" is not a port name"),
    (
        "{ podSelector: {}, ingress: [{ ports: [{ port: abcdefghijklmnop }] }] }",
        "\"abcdefghijklmnop\" is not a port name",
    ),
    (
        "{ podSelector: {}, policyTypes: [ingress] }",
        "spec.policyTypes[0]: unknown value \"ingress\" (did you mean \"Ingress\"?)",
    ),
    ("{ podSelector: {}, policyTypes: [Both] }", "spec.policyTypes[0]: unknown value \"Both\""),
];

#[test]
fn a_policy_that_the_api_refuses_is_refused_with_its_place_and_all_at_once() {
    let text: String =
        REFUSED.iter().enumerate().map(|(i, (spec, _))| policy("shop", &format!("p{i}"), spec)).collect();
    let out = Room::with(&text).sh("audit in.yaml").status(2);
    let lines: Vec<&str> = out.stderr.lines().collect();
    assert_eq!(lines.len(), REFUSED.len(), "{}", out.stderr);
    for (i, ((_, message), line)) in REFUSED.iter().zip(lines).enumerate() {
        // `spec` is on the fourth of five lines of each document.
        let place = format!("error: in.yaml:{}:", 5 * i + 4);
        let message = message.strip_prefix("5:41: ").unwrap_or(message);
        assert!(line.starts_with(&place) && line.contains(message), "{line}\nexpected {place} … {message}");
        let column = line[place.len()..].split(':').next().unwrap();
        assert!(column.parse::<u32>().is_ok_and(|c| c > 7), "{line}");
    }
    // An IPv6 range is none of them.
    let fine = policy(
        "shop",
        "v6",
        "{ podSelector: {}, egress: [{ to: [{ ipBlock: { cidr: '2001:db8::/32', except: ['2001:db8:1::/48'] } }] }] }",
    );
    Room::with(&(fine + &deployment("shop", "web"))).sh("audit in.yaml").status(0);
}

#[test]
fn a_wrong_type_is_named_and_not_guessed() {
    let spec = |s: &str| format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: a }}\nspec: {s}\n");
    for (text, message) in [
        (spec("[]"), "in.yaml:4:7: spec: expected an object, found a list"),
        (spec("{ replicas: many, template: {} }"), "spec.replicas: expected a whole number, found a string"),
        (
            spec("{ template: { spec: { containers: {} } } }"),
            "spec.template.spec.containers: expected a list, found an object",
        ),
        (
            spec("{ template: { spec: { hostNetwork: 'true' } } }"),
            "spec.template.spec.hostNetwork: expected true or false, found a string",
        ),
        (
            spec("{ template: { metadata: { labels: { a: 1.0 } } } }"),
            "spec.template.metadata.labels.a: expected a string, found a number (put it in quotes)",
        ),
        (
            spec("{ template: { spec: { containers: [{ name: c, ports: [{ containerPort: 70000 }] }] } } }"),
            "containers[0].ports[0].containerPort: port 70000 is not in",
        ),
        (
            spec("{ template: { spec: { containers: [{ name: c, env: [{ name: A, value: 5 }] }] } } }"),
            "env[0].value: expected a string, found a number (put it in quotes)",
        ),
    ] {
        refused(text, message);
    }
}

const KINDS: [(&str, &str); 20] = [
    ("v1", "Pod"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("v1", "ReplicationController"),
    ("v1", "Namespace"),
    ("v1", "Service"),
    ("v1", "Endpoints"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("networking.k8s.io/v1", "Ingress"),
    ("postgresql.cnpg.io/v1", "Cluster"),
    ("postgresql.cnpg.io/v1", "Pooler"),
    ("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"),
    ("example.com/v1", "Other"),
];

#[test]
fn nulls_are_absent_in_every_kind() {
    let mut items = Vec::new();
    for (api, kind) in KINDS {
        items.push(json!({ "apiVersion": api, "kind": kind, "metadata": { "name": "bare" } }));
        let mut null = json!({ "apiVersion": api, "kind": kind });
        for key in
            ["spec", "status", "data", "stringData", "binaryData", "subsets", "endpoints", "ports", "addressType"]
        {
            null[key] = Value::Null;
        }
        null["metadata"] =
            json!({ "name": "nulls", "namespace": null, "labels": null, "annotations": null, "ownerReferences": null });
        items.push(null);
        items.push(json!({ "apiVersion": api, "kind": kind, "metadata": { "name": "empty" }, "spec": {
            "template": null, "selector": null, "podSelector": null, "ports": null, "ingress": null, "egress": null, "policyTypes": null,
            "rules": null, "containers": null, "jobTemplate": null, "postgresql": null, "instances": null, "pgbouncer": null, "replicas": null } }));
    }
    let room = Room::with(&json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string());
    for format in formats() {
        let out = room.sh(&format!("audit in.yaml --format {format} --all"));
        assert!([0, 1, 3].contains(&out.status), "{out:?}");
    }
    room.sh("reach in.yaml").status(0);
    room.sh("snapshot in.yaml -o s").status(0);
    // A null where the whole metadata should be is said for each object.
    for (api, kind) in &KINDS[..19] {
        let out =
            Room::with(&format!("apiVersion: {api}\nkind: {kind}\nmetadata: null\n")).sh("audit in.yaml").status(2);
        assert!(out.stderr.contains("metadata is missing"), "{}", out.stderr);
    }
}

#[test]
fn a_cluster_field_of_a_wrong_form_is_unknown_never_off_and_never_a_pass() {
    let base: Value = serde_json::from_str(CALICO).unwrap();
    let room = Room::with(&deployment("shop", "web"));
    let set = |path: &str, value: Value| {
        let mut doc = base.clone();
        *doc.pointer_mut(path).unwrap_or_else(|| panic!("{path}")) = value;
        room.write("c.json", doc.to_string());
        let report = room.sh("audit c.json in.yaml --format json").json();
        let found = verdicts(&report, "network-policy-enforcement");
        (found[0].1.clone(), report["target"]["enforced"].clone())
    };
    for path in ["/networkPolicy", "/networkPolicy/enabled", "/addonsConfig", "/addonsConfig/networkPolicyConfig"] {
        for value in [json!(null), json!("x"), json!([1])] {
            assert_eq!(set(path, value.clone()), ("unknown".to_owned(), Value::Null), "{path} = {value}");
        }
    }
    // What does not decide does not matter, whatever its form.
    for path in ["/name", "/location", "/currentMasterVersion"] {
        for value in [json!(null), json!([{}])] {
            assert_eq!(set(path, value.clone()), ("pass".to_owned(), json!(true)), "{path} = {value}");
        }
    }
    let mut v2 = base.clone();
    for value in [json!(null), json!("MIGRATE_TO_ADVANCED_DATAPATH"), json!(7), json!({}), json!([])] {
        v2["networkConfig"] = json!({ "datapathProvider": value });
        room.write("c.json", v2.to_string());
        let report = room.sh("audit c.json --format json").json();
        assert_eq!(report["target"]["enforced"], Value::Null, "{value}");
        assert!(report["outcome"].as_str().unwrap().ends_with("incomplete"), "{value}: {}", report["outcome"]);
    }
}

#[test]
fn paths_that_lead_nowhere_are_errors() {
    let room = Room::with(&deployment("shop", "web"));
    room.sh("audit none.yaml").status(2).warns("none.yaml: cannot read: ").warns("is the path right?");
    // All of them at once.
    let out = room.sh("audit none.yaml in.yaml nothing.yaml").status(2);
    assert_eq!(out.stderr.lines().count(), 2, "{}", out.stderr);
}

#[cfg(unix)]
#[test]
fn links_and_unreadable_files_are_said() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let room = Room::new();
    room.write("d/in.yaml", deployment("shop", "web"));
    // A link to a folder above is followed once.
    symlink(".", room.path("d/self")).unwrap();
    symlink("in.yaml", room.path("d/same.yaml")).unwrap();
    let out = room.sh("audit d --format json").status(0);
    assert_eq!(out.json()["evidence"]["kinds"]["Deployment"], 1);
    assert_eq!(out.json()["evidence"]["notes"], json!([]));
    symlink("nowhere", room.path("d/dangling.yaml")).unwrap();
    room.sh("audit d").status(2).warns("d/dangling.yaml: cannot follow");
    std::fs::remove_file(room.path("d/dangling.yaml")).unwrap();
    symlink("b.yaml", room.path("d/a.yaml")).unwrap();
    symlink("a.yaml", room.path("d/b.yaml")).unwrap();
    room.sh("audit d").status(2).warns("d/a.yaml: cannot follow").warns("d/b.yaml: cannot follow");
    room.sh("audit d/a.yaml").status(2).warns("d/a.yaml: cannot read");

    let room = Room::with(&deployment("shop", "web"));
    room.write("d/x.yaml", "a: b\n");
    std::fs::set_permissions(room.path("d/x.yaml"), std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(room.path("d/x.yaml")).is_ok() {
        println!("skipped: this user may read everything");
    } else {
        room.sh("audit d").status(2).warns("d/x.yaml: cannot read").warns("may not read it");
    }
}

#[cfg(unix)]
#[test]
fn a_named_pipe_in_a_folder_is_an_error_and_not_waited_for() {
    let room = Room::new();
    room.write("d/in.yaml", deployment("shop", "web"));
    let made = std::process::Command::new("mkfifo").arg(room.path("d/pipe.yaml")).status();
    if !made.is_ok_and(|s| s.success()) {
        println!("skipped: no mkfifo here");
        return;
    }
    room.sh("audit d --format json").status(2).warns("d/pipe.yaml: a named pipe");
}

#[test]
fn a_misspelt_field_of_a_policy_is_refused_with_the_name_that_was_meant() {
    let room = Room::with(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p, namespace: shop }\nspec:\n  podSelector: {}\n  ingres: [{}]\n",
    );
    room.sh("audit in.yaml").status(2).warns("in.yaml:6:11: spec.ingres: unknown field (did you mean \"ingress\"?)");
    let room = Room::with(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p, namespace: shop }\nspec:\n  podSelector: { matchLabel: { a: b } }\n",
    );
    room.sh("audit in.yaml").status(2).warns("matchLabel: unknown field (did you mean \"matchLabels\"?)");
}
