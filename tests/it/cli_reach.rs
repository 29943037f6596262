//! `reach`: questions with their exit statuses, names, and the JSON form.

use crate::support::{CALICO, Room, deployment, policy};
use serde_json::{Value, json};

/// shop/web (8080 open to shop), shop/api (nothing selects it), a StatefulSet that is also called web, and an agent on
/// the host's network.
fn shop() -> Room {
    let room = Room::with(
        &(deployment("shop", "web")
            + &deployment("shop", "api")
            + &deployment("shop", "web")
                .replace("kind: Deployment", "kind: StatefulSet")
                .replace("{ app: web }", "{ app: other }")
            + &deployment("shop", "agent")
                .replace("kind: Deployment", "kind: DaemonSet")
                .replace("{ containers", "{ hostNetwork: true, containers")
            + &deployment("other", "far")
            + &policy(
                "shop",
                "web",
                "{ podSelector: { matchLabels: { app: web } }, ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 8080 }] }] }",
            )),
    );
    room.write("cluster.json", CALICO);
    room
}

const WEB: &str = "shop/Deployment/web";

fn ask(room: &Room, from: &str, to: &str, more: &str) -> crate::support::Out {
    room.sh(&format!("reach in.yaml cluster.json --from {from} --to {to} {more}"))
}

#[test]
fn a_question_is_answered_and_its_expectation_is_the_status() {
    let room = shop();
    for (from, to, port, answer) in [
        ("shop/api", WEB, 8080, "ALLOWED"),
        ("shop/api", WEB, 8081, "DENIED"),
        ("other/far", WEB, 8080, "DENIED"),
        (WEB, "other/far", 1, "ALLOWED"),
        ("ip:203.0.113.7", WEB, 8080, "DENIED"),
        ("ip:2001:db8::1", "shop/api", 22, "ALLOWED"),
        ("node", WEB, 8080, "DENIED"),
        ("node", "shop/api", 8080, "ALLOWED"),
        ("shop/api", "ip:203.0.113.7", 443, "ALLOWED"),
        ("shop/agent", WEB, 8080, "UNKNOWN"),
        ("shop/agent", "shop/api", 8080, "ALLOWED"),
        ("other/far", "shop/agent", 22, "ALLOWED"),
    ] {
        let out = ask(&room, from, to, &format!("--port {port}")).status(0);
        assert!(out.stdout.starts_with(answer), "{from} {to} {port}: {}", out.stdout);
        for (expect, right) in [("allowed", "ALLOWED"), ("denied", "DENIED")] {
            let status = if answer == "UNKNOWN" { 3 } else { i32::from(answer != right) };
            let flags = format!("--port {port} --expect {expect}");
            ask(&room, from, to, &flags).status(status);
            ask(&room, from, to, &format!("{flags} --format json")).status(status);
        }
    }
    ask(&room, "shop/api", WEB, "--port 8080 --protocol udp --expect denied").status(0);
    ask(&room, "shop/api", WEB, "--expect allowed").status(0).says("TCP 8080");
    // Without a cluster configuration, a denial rests on enforcement that is assumed.
    let assumed =
        |to: &str, more: &str| room.sh(&format!("reach in.yaml --from other/far --to {to} --port 8080 {more}"));
    for format in ["table", "json"] {
        for expect in ["denied", "allowed"] {
            let flags = format!("--expect {expect} --format {format}");
            assumed(WEB, &flags).status(3).warns("--dataplane");
            assumed(WEB, &format!("{flags} --dataplane calico")).status(i32::from(expect == "allowed"));
            assumed("shop/api", &flags).status(i32::from(expect == "denied"));
        }
    }
    ask(&room, "shop/agent", WEB, "--port 80").says("Unknown because: a pod on the host's network counts as its node");
}

#[test]
fn the_explanation_names_policies_rules_and_places() {
    let room = shop();
    let denied = ask(&room, "other/far", WEB, "--port 8080");
    for part in
        ["isolated by shop/NetworkPolicy/web", "ingress[0]", "in.yaml:46", "from every pod of namespace shop, TCP 8080"]
    {
        assert!(denied.stdout.contains(part), "{part}: {}", denied.stdout);
    }
    ask(&room, "shop/api", WEB, "--port 8080").says("matches: opens TCP 8080");
    ask(&room, WEB, "shop/api", "--port 1").says("To deny it: add a NetworkPolicy in shop that selects app=api");
}

#[test]
fn names_that_mean_nothing_or_too_much_are_errors() {
    let room = shop();
    for (name, message) in [
        ("shop/ap", "no workload \"shop/ap\" in the evidence (did you mean \"shop/api\"?)"),
        ("shop/Deployment/wbe", "(did you mean \"shop/Deployment/web\"?)"),
        ("shop/web", "\"shop/web\" is not unique: shop/Deployment/web, shop/StatefulSet/web"),
        ("web", "\"web\" is not a peer"),
        ("a/b/c/d", "is not a peer"),
        ("ip:1.2.3", "\"1.2.3\" is not an IPv4 or IPv6 address"),
        ("ip:10.0.0.0/8", "is not an IPv4 or IPv6 address"),
        ("ip:", "is not an IPv4 or IPv6 address"),
        ("shop/api#2", "has no class #2 of pods (it has 1)"),
        ("shop/api#0", "is not the number of a class"),
    ] {
        let out = room.sh(&format!("reach in.yaml --from {name}")).status(2).warns(message);
        assert_eq!(out.stdout, "", "{name}");
    }
    room.sh("reach in.yaml --from node --to ip:1.2.3.4").status(2).warns("must be a workload");
    for port in ["0", "65536", "-1", "http", ""] {
        room.run(&["reach", "in.yaml", &format!("--port={port}")]).status(2).warns("--port");
    }
    room.sh("reach in.yaml --port 65535").status(0);
    room.sh("reach in.yaml --protocol icmp").status(2);
    room.sh("reach in.yaml --protocol udp").status(2).warns("--port");
    ask(&room, "shop/deployment/web", "shop/api", "").status(0);
}

/// The pair of a table.
fn pair<'a>(table: &'a Value, from: &str, to: &str) -> Option<&'a Value> {
    table["connections"].as_array().unwrap().iter().find(|c| c["from"] == from && c["to"] == to)
}

fn everything() -> Value {
    json!(["TCP", "UDP", "SCTP"].map(|p| json!({ "protocol": p, "ports": [[1, 65535]] })))
}

#[test]
fn the_json_table_has_its_documented_form() {
    let room = shop();
    let t = room.sh("reach in.yaml cluster.json --pairs --format json").status(0).json();
    assert_eq!((&t["schemaVersion"], &t["dataplane"], &t["enforced"]), (&json!(1), &json!("calico"), &json!(true)));
    let peer = |id: &str| t["peers"].as_array().unwrap().iter().find(|p| p["id"] == id).cloned().unwrap_or_default();
    assert_eq!(
        peer(WEB),
        json!({ "id": WEB, "kind": "workload", "namespace": "shop", "pods": 2, "hostNetwork": false })
    );
    assert_eq!(peer("shop/DaemonSet/agent")["hostNetwork"], true);
    assert_eq!(peer("shop/DaemonSet/agent")["pods"], Value::Null);
    assert_eq!(peer("node"), json!({ "id": "node", "kind": "node" }));
    let ips: Vec<&Value> = t["peers"].as_array().unwrap().iter().filter(|p| p["kind"] == "ip").collect();
    assert_eq!(ips.len(), 1, "no policy tells addresses apart: {ips:?}");
    assert!(ips[0]["ranges"].as_array().unwrap().contains(&json!(["0.0.0.0", "255.255.255.255"])), "{ips:?}");
    let ip = ips[0]["id"].as_str().unwrap();

    let tcp8080 = json!([{ "protocol": "TCP", "ports": [[8080, 8080]] }]);
    assert_eq!(
        *pair(&t, "shop/Deployment/api", WEB).unwrap(),
        json!({ "from": "shop/Deployment/api", "to": WEB, "allow": tcp8080 })
    );
    // The diagonal is another replica.
    assert_eq!(pair(&t, WEB, WEB).unwrap()["allow"], tcp8080);
    assert_eq!(pair(&t, WEB, "shop/Deployment/api").unwrap()["allow"], everything());
    // Nothing allowed, nothing possible: absent. So are pairs of addresses and nodes.
    assert_eq!(pair(&t, "other/Deployment/far", WEB), None);
    assert_eq!(pair(&t, ip, WEB), None);
    assert_eq!(pair(&t, "node", WEB), None);
    for (from, to) in [(ip, "node"), ("node", ip), (ip, ip), ("node", "node")] {
        assert_eq!(pair(&t, from, to), None);
    }
    // An agent on the host's network is remote node or local node: certain is what holds as both.
    let agent = pair(&t, "shop/DaemonSet/agent", WEB).unwrap();
    assert_eq!(agent["allow"], json!([]));
    assert_eq!(agent["unknown"].as_array().unwrap().len(), 3);
    assert!(agent["unknown"][0]["reason"].as_str().unwrap().contains("host's network"));
    assert_eq!(pair(&t, "shop/DaemonSet/agent", "shop/Deployment/api").unwrap()["allow"], everything());
    assert_eq!(pair(&t, "node", "shop/DaemonSet/agent").unwrap()["allow"], everything());
}

#[test]
fn a_single_pod_does_not_connect_to_another_replica_of_itself() {
    let room = Room::with(
        "apiVersion: v1\nkind: Pod\nmetadata: { name: solo, namespace: shop }\nspec: { containers: [{ name: c, image: i }] }\n",
    );
    let t = room.sh("reach in.yaml --pairs --format json").status(0).json();
    assert_eq!(pair(&t, "shop/Pod/solo", "shop/Pod/solo"), None);
    assert!(pair(&t, "shop/Pod/solo", "node").is_some());
}

#[test]
fn addresses_are_told_apart_only_where_a_policy_does() {
    let room = Room::with(
        &(deployment("shop", "web")
            + &policy(
                "shop",
                "out",
                "{ podSelector: {}, policyTypes: [Egress], egress: [{ to: [{ ipBlock: { cidr: 203.0.113.0/24, except: [203.0.113.128/25] } }] }] }",
            )),
    );
    let t = room.sh("reach in.yaml --dataplane calico --pairs --format json").status(0).json();
    let mut ranges: Vec<Value> =
        t["peers"].as_array().unwrap().iter().filter(|p| p["kind"] == "ip").map(|p| p["ranges"].clone()).collect();
    ranges.sort_by_key(|r| r.as_array().unwrap().len());
    assert_eq!(ranges[0], json!([["203.0.113.0", "203.0.113.127"]]));
    assert_eq!(ranges[1][0], json!(["0.0.0.0", "203.0.112.255"]));
    assert_eq!(ranges[1][1], json!(["203.0.113.128", "255.255.255.255"]));
    assert_eq!(ranges.len(), 2);
    for (address, answer) in
        [("203.0.113.127", "ALLOWED"), ("203.0.113.128", "DENIED"), ("203.0.112.255", "DENIED"), ("::1", "DENIED")]
    {
        let out = room
            .sh(&format!("reach in.yaml --dataplane calico --from shop/web --to ip:{address} --port 443"))
            .status(0);
        assert!(out.stdout.starts_with(answer), "{address}: {}", out.stdout);
    }
}

#[test]
fn only_the_ends_and_the_port_that_were_asked_for_are_in_the_table() {
    let room = shop();
    let count = |flags: &str| {
        let t = room.sh(&format!("reach in.yaml cluster.json --pairs --format json {flags}")).status(0).json();
        t["connections"].as_array().unwrap().clone()
    };
    assert!(count(&format!("--to {WEB}")).iter().all(|c| c["to"] == WEB));
    assert!(count("--from other/far").iter().all(|c| c["from"] == "other/Deployment/far"));
    assert_eq!(count(&format!("--from shop/api --to {WEB}")).len(), 1);
    let on = |port: &str| count(&format!("--to {WEB} {port}"));
    assert!(on("--port 8080").iter().any(|c| c["allow"] == json!([{ "protocol": "TCP", "ports": [[8080, 8080]] }])));
    assert!(on("--port 8081").iter().all(|c| c["allow"] == json!([])), "only the host's agents may reach it");
    assert!(on("--port 8080 --protocol udp").iter().all(|c| c["allow"] == json!([])));
    let text = room.sh(&format!("reach in.yaml cluster.json --to {WEB} --port 8081")).status(0).stdout;
    assert!(!text.contains("TCP 8080") && text.contains("from shop/DaemonSet/agent"), "{text}");
}

#[test]
fn the_dataplane_is_stated_assumed_or_read() {
    // endPort is honoured by Calico and was ignored by older agents of Dataplane V2.
    let text = deployment("shop", "web")
        + &deployment("shop", "api")
        + &policy(
            "shop",
            "web",
            "{ podSelector: { matchLabels: { app: web } }, ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 8080, endPort: 8090 }] }] }",
        );
    let room = Room::with(&text);
    let table = |flags: &str| room.sh(&format!("reach in.yaml --pairs --format json {flags}")).status(0).json();
    for (flag, dataplane, enforced) in [
        ("calico", "calico", true),
        ("dataplane-v2", "dataplane-v2", true),
        ("upstream", "upstream", true),
        ("none", "none", false),
    ] {
        let t = table(&format!("--dataplane {flag}"));
        assert_eq!((&t["dataplane"], &t["enforced"]), (&json!(dataplane), &json!(enforced)));
    }
    for flags in ["", "--dataplane auto"] {
        let t = table(flags);
        assert_eq!((&t["dataplane"], &t["enforced"]), (&Value::Null, &Value::Null));
        let c = pair(&t, "shop/Deployment/api", WEB).unwrap();
        assert_eq!(c["allow"], json!([{ "protocol": "TCP", "ports": [[8080, 8080]] }]));
        assert_eq!(c["unknown"][0]["ports"], json!([[8081, 8090]]));
        assert!(
            c["unknown"][0]["reason"].as_str().unwrap().contains("Calico and Dataplane V2 answer differently"),
            "{c}"
        );
    }
    let allowed = json!([{ "protocol": "TCP", "ports": [[8080, 8090]] }]);
    let c = table("--dataplane calico");
    assert_eq!(
        *pair(&c, "shop/Deployment/api", WEB).unwrap(),
        json!({ "from": "shop/Deployment/api", "to": WEB, "allow": allowed })
    );
    room.sh("reach in.yaml").status(0).says("no cluster configuration").says("--dataplane");
    room.sh("audit in.yaml").says("enforcement assumed");
    room.sh("audit in.yaml --dataplane calico").says("stated with --dataplane");
    room.sh("reach in.yaml --dataplane cilium").status(2);
}

#[test]
fn without_enforcement_policies_hold_nothing_back() {
    let room = shop();
    room.write("off.json", r#"{"currentMasterVersion": "1.33", "networkPolicy": {}}"#);
    for flags in ["off.json", "--dataplane none", "cluster.json --dataplane none"] {
        let t = room.sh(&format!("reach in.yaml {flags} --pairs --format json")).status(0).json();
        assert_eq!((&t["dataplane"], &t["enforced"]), (&json!("none"), &json!(false)), "{flags}");
        for c in t["connections"].as_array().unwrap() {
            assert_eq!(c["allow"], everything(), "{flags}: {c}");
        }
        // Every pair of two different ends of which one is a workload, and each workload's replicas.
        let n = t["peers"].as_array().unwrap().iter().filter(|p| p["kind"] == "workload").count();
        let others = t["peers"].as_array().unwrap().len() - n;
        assert_eq!(t["connections"].as_array().unwrap().len(), n * n + 2 * n * others, "{flags}");
    }
    let report = room.sh("audit in.yaml off.json --format json").status(1).json();
    for (id, verdict) in crate::support::verdicts(&report, "workload-ingress-isolated") {
        assert_ne!(verdict, "pass", "{id} is not isolated by a policy that is not enforced");
    }
}

#[test]
fn an_address_of_the_cluster_itself_is_no_outside_address() {
    let room = Room::with(
        "apiVersion: v1
kind: Pod
metadata: { name: a, namespace: shop, uid: u, labels: { app: a } }
spec: { nodeName: n1, containers: [{ name: c, image: i }] }
status: { phase: Running, podIPs: [{ ip: 10.4.0.7 }], hostIPs: [{ ip: 10.128.0.5 }] }
---
apiVersion: v1
kind: Service
metadata: { name: a, namespace: shop }
spec: { clusterIP: 10.8.0.9, selector: { app: a }, ports: [{ port: 80 }] }
",
    );
    for (address, what) in [
        ("10.4.0.7", "the address of a pod of shop/Pod/a"),
        ("10.8.0.9", "the cluster IP of shop/Service/a"),
        ("10.128.0.5", "the address of node n1"),
    ] {
        room.sh(&format!("reach in.yaml --from ip:{address} --to shop/a --port 80 --expect denied"))
            .status(2)
            .warns(what);
    }
    room.sh("reach in.yaml --from ip:203.0.113.7 --to shop/a --port 80 --expect allowed").status(0);
}

#[test]
fn the_metadata_server_is_asked_for_where_a_policy_sees_it() {
    let room = Room::with(&deployment("shop", "web"));
    room.write(
        "cluster.json",
        r#"{"name": "c", "networkPolicy": {"enabled": true}, "addonsConfig": {"networkPolicyConfig": {}},
            "nodePools": [{"name": "p", "config": {"workloadMetadataConfig": {"mode": "GKE_METADATA"}}}]}"#,
    );
    room.sh("reach . --from shop/web --to ip:169.254.169.254 --port 80")
        .status(2)
        .warns("--to ip:169.254.169.252 --port 988");
    room.sh("reach . --from shop/web --to ip:169.254.169.252 --port 988 --expect allowed").status(0);
}

/// The ids of the sets that an entry names.
fn members<'a>(t: &'a Value, names: &Value) -> Vec<&'a str> {
    let sets = names.as_array().unwrap().iter().map(|n| t["sets"][n.as_str().unwrap()].as_array().unwrap());
    sets.flatten().map(|id| id.as_str().unwrap()).collect()
}

#[test]
fn the_json_by_sets_has_its_documented_form() {
    let room = shop();
    let t = room.sh("reach in.yaml cluster.json --format json").status(0).json();
    let pairs = room.sh("reach in.yaml cluster.json --pairs --format json").status(0).json();
    assert_eq!((&t["schemaVersion"], &t["dataplane"], &t["enforced"]), (&json!(2), &json!("calico"), &json!(true)));
    assert_eq!(t["peers"], pairs["peers"]);
    let entry = |from: &str, to: &str| {
        let connections = t["connections"].as_array().unwrap();
        let found = connections
            .iter()
            .filter(|c| members(&t, &c["from"]).contains(&from) && members(&t, &c["to"]).contains(&to));
        found.collect::<Vec<_>>()
    };
    let web = entry("shop/Deployment/api", WEB);
    assert_eq!(web.len(), 1, "{web:?}");
    assert_eq!(web[0]["allow"], json!([{ "protocol": "TCP", "ports": [[8080, 8080]] }]));
    assert_eq!(web[0].get("unknown"), None);
    assert_eq!(entry("other/Deployment/far", WEB), Vec::<&Value>::new());
    // Everything that no policy restricts is one entry, whoever asks.
    assert_eq!(entry(WEB, "other/Deployment/far"), entry("other/Deployment/far", "shop/Deployment/api"));
    let agent = entry("shop/DaemonSet/agent", WEB);
    assert!(agent[0]["unknown"][0]["reason"].as_str().unwrap().contains("host's network"), "{agent:?}");
}

#[test]
fn pairs_are_json_or_csv() {
    let room = shop();
    let csv = room.sh(&format!("reach in.yaml cluster.json --pairs --format csv --to {WEB}")).status(0).stdout;
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("from,to,answer,protocol,first_port,last_port,reason"));
    assert!(csv.contains("shop/Deployment/api,shop/Deployment/web,allow,TCP,8080,8080,\n"), "{csv}");
    let unknown = lines.find(|l| l.starts_with("shop/DaemonSet/agent,")).unwrap();
    assert!(unknown.contains(",unknown,TCP,1,65535,\"a pod on the host's network"), "{unknown}");
    for flags in ["--pairs", "--format csv", "--pairs --format table"] {
        room.sh(&format!("reach in.yaml {flags}")).status(2).warns("--pairs is for --format json and csv");
    }
}

/// Workloads that are treated alike are one line, however many there are.
#[test]
fn the_table_groups_what_is_alike() {
    let mut text = String::new();
    for i in 0..40 {
        text += &deployment("shop", &format!("app-{i}"));
        text += &deployment("blog", &format!("app-{i}"));
    }
    text += &policy(
        "shop",
        "own",
        "{ podSelector: {}, ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 8080 }] }] }",
    );
    let room = Room::with(&text);
    let out = room.sh("reach in.yaml --dataplane calico").status(0);
    assert!(out.stdout.lines().count() < 40, "{}", out.stdout);
    out.says("to shop: all 40 workloads").says("from shop: all 40 workloads").says("TCP 8080");
    let by_sets = room.sh("reach in.yaml --dataplane calico --format json").status(0).stdout;
    let pairs = room.sh("reach in.yaml --dataplane calico --pairs --format json").status(0).stdout;
    assert!(by_sets.len() * 10 < pairs.len(), "{} bytes by sets, {} by pairs", by_sets.len(), pairs.len());
}
