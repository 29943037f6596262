//! `gke-posture.yaml` from the command line: mistakes, what each setting changes, and the published schemas.

use crate::support::{CALICO, Out, Room, deployment, verdicts};
use serde_json::Value;

fn shop() -> Room {
    let room = Room::with(&(deployment("prod", "web") + &deployment("dev", "web")));
    room.write("cluster.json", CALICO);
    room
}

fn audit(room: &Room, config: &str, flags: &str) -> Out {
    room.write("gke-posture.yaml", config);
    room.sh(&format!("audit in.yaml cluster.json --format json {flags}"))
}

#[test]
fn mistakes_are_named_with_their_place() {
    let room = shop();
    let waiver = |more: &str| {
        format!(
            "waivers:\n  - {{ check: policy-port-mismatch, subject: x, reason: r, owner: o, until: 2026-12-31{more} }}\n"
        )
    };
    for (text, message) in [
        (
            "wavers: []\n".to_owned(),
            "gke-posture.yaml:1:1: configuration: unknown key \"wavers\" (did you mean \"waivers\"?)",
        ),
        (waiver(", untl: x"), "gke-posture.yaml:2:88: waiver: unknown key \"untl\" (did you mean \"until\"?)"),
        (
            "checks:\n  workload-egress-isolatd: {}\n".to_owned(),
            "gke-posture.yaml:2:3: unknown check \"workload-egress-isolatd\" (did you mean \"workload-egress-isolated\"?)",
        ),
        (
            waiver("").replace("policy-port-mismatch", "policy-prt-mismatch"),
            "gke-posture.yaml:2:14: unknown check \"policy-prt-mismatch\" (did you mean \"policy-port-mismatch\"?)",
        ),
        (waiver("").replace("2026-12-31", "2026-02-30"), "until: \"2026-02-30\" is no date, expected YYYY-MM-DD"),
        (waiver("").replace(", owner: o", ""), "gke-posture.yaml:2:5: waiver: \"owner\" is missing"),
        (
            "thresholds: { egressCoverage: high }\n".to_owned(),
            "gke-posture.yaml:1:31: thresholds.egressCoverage: expected a whole number",
        ),
        ("checks: { policy-end-port: { severity: hihg } }\n".to_owned(), "(did you mean \"high\"?)"),
        ("environments: { prod: [a] }\n".to_owned(), "environments.prod: expected an object, found a list"),
        ("a: [\n".to_owned(), "gke-posture.yaml:1:4: "),
    ] {
        let out = audit(&room, &text, "").status(2).warns(message);
        assert_eq!(out.stdout, "", "{text}");
        assert!(out.stderr.starts_with("error: gke-posture.yaml:"), "{}", out.stderr);
    }
    // All of them in one run.
    let out = audit(&room, "wavers: []\nthresholds: { ingressCoverage: 200 }\n", "").status(2);
    assert_eq!(out.stderr.lines().count(), 2, "{}", out.stderr);
    room.sh("audit in.yaml --config none.yaml").status(2).warns("cannot read configuration none.yaml");
}

#[test]
fn the_file_is_found_above_and_can_be_left_out() {
    let room = shop();
    room.write("gke-posture.yaml", "wavers: []\n").write("sub/x.yaml", deployment("prod", "web"));
    let mut command = crate::support::command_in(&room.path("sub"), &["audit", "x.yaml"]);
    command.env_remove("COLUMNS");
    crate::support::output(command, None).status(2).warns("gke-posture.yaml:1:1");
    room.sh("audit in.yaml --no-config").status(0);
    room.write("other.yaml", "checks: {}\n");
    room.sh("audit in.yaml --config other.yaml").status(0);
    room.sh("audit --demo").status(0);
    // A configuration among the inputs is no evidence, and that it is not used is said.
    room.write("in/a.yaml", deployment("prod", "web")).write("in/gke-posture.yaml", "checks: {}\n");
    room.sh("audit in --no-config").status(0).warns("in/gke-posture.yaml is among the inputs");
}

#[test]
fn a_waiver_waives_until_its_date() {
    let room = shop();
    let waive = |until: &str| {
        format!(
            "checks: {{ workload-ingress-isolated: {{ severity: critical }} }}
waivers:
  - {{ check: workload-ingress-isolated, subject: 'prod/*', reason: legacy, owner: team-a, ticket: T-1, until: {until} }}
  - {{ check: workload-ingress-isolated, subject: dev/Deployment/web, reason: sandbox, owner: team-b, until: 2099-01-01 }}
  - {{ check: policy-end-port, subject: 'nope/*', reason: old, owner: team-c, until: 2099-01-01 }}
"
        )
    };
    audit(&room, "checks: { workload-ingress-isolated: { severity: critical } }\n", "--fail-on critical").status(1);
    // The day of `until` still counts; now is 2025-11-24.
    for (until, status, state) in [("2025-11-24", 0, "active"), ("2025-11-23", 1, "expired")] {
        let report = audit(&room, &waive(until), "--fail-on critical").status(status).json();
        let states: Vec<&str> =
            report["waivers"].as_array().unwrap().iter().map(|w| w["status"].as_str().unwrap()).collect();
        assert_eq!(states, [state, "active", "unused"], "{until}");
        let verdict =
            |id: &str| verdicts(&report, "workload-ingress-isolated").into_iter().find(|(s, _)| s == id).unwrap().1;
        assert_eq!(verdict("dev/Deployment/web"), "waived");
        assert_eq!(verdict("prod/Deployment/web"), if status == 0 { "waived" } else { "fail" });
        for format in ["table", "markdown"] {
            let text = room.sh(&format!("audit in.yaml --format {format}")).stdout.to_lowercase();
            // What a check calls its failure.
            let text = text.replace("certificate has expired", "");
            assert!(text.contains("unused") && text.contains("team-c") && text.contains("old"), "{text}");
            assert_eq!(text.contains("expired"), state == "expired", "{text}");
        }
    }
}

#[test]
fn an_unknown_can_be_waived() {
    let room = shop();
    room.write("cluster.json", r#"{"currentMasterVersion": "1.33", "networkPolicy": null}"#);
    let report = audit(&room, "", "").json();
    assert_eq!(verdicts(&report, "network-policy-enforcement")[0].1, "unknown");
    assert!(report["outcome"].as_str().unwrap().ends_with("incomplete"), "{}", report["outcome"]);
    let report = audit(
        &room,
        "waivers: [{ check: network-policy-enforcement, subject: cluster, reason: r, owner: o, until: 2026-12-31 }]\n",
        "--strict",
    );
    assert_eq!(verdicts(&report.json(), "network-policy-enforcement")[0].1, "waived");
}

#[test]
fn checks_are_switched_off_and_re_rated() {
    let room = shop();
    let report = audit(&room, "checks: { workload-ingress-isolated: { enabled: false } }\n", "--fail-on critical")
        .status(0)
        .json();
    assert!(verdicts(&report, "workload-ingress-isolated").is_empty());
    let not_evaluated = report["notEvaluated"].to_string();
    assert!(not_evaluated.contains("workload-ingress-isolated") && not_evaluated.contains("switched off"), "{report}");
    let report =
        audit(&room, "checks: { namespace-default-deny-egress: { severity: critical } }\n", "").status(1).json();
    let found: Vec<&Value> = report["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|r| r["check"] == "namespace-default-deny-egress")
        .collect();
    assert!(found.iter().any(|r| r["severity"] == "critical" && r["baseSeverity"] == "low"), "{found:?}");
}

#[test]
fn environments_decide_and_are_not_guessed() {
    let room = shop();
    let environment = |config: &str, namespace: &str| {
        let report = audit(&room, config, "").json();
        let all = report["summary"]["coverage"]["namespaces"].as_array().unwrap().clone();
        let n = all.into_iter().find(|n| n["namespace"] == namespace).unwrap();
        (n["environment"].as_str().map(str::to_owned), n["environmentGuessed"] == true)
    };
    let production = Some("production".to_owned());
    assert_eq!(environment("", "prod"), (production.clone(), true));
    let own = "environments: { production: { namespaces: [dev] }, test: { namespaces: ['pr*'] } }\n";
    assert_eq!(environment(own, "dev"), (production, false));
    assert_eq!(environment(own, "prod"), (Some("test".to_owned()), false));
}

#[test]
fn platform_namespaces_are_not_covered_and_thresholds_are() {
    let room = shop();
    let report = audit(&room, "platformNamespaces: [prod]\n", "").json();
    let found = verdicts(&report, "workload-ingress-isolated");
    assert!(found.contains(&("prod/Deployment/web".to_owned(), "not-applicable".to_owned())), "{found:?}");
    assert_eq!(report["summary"]["coverage"]["total"]["workloads"], 1);
    assert!(room.sh("reach in.yaml").status(0).stdout.contains("prod/Deployment/web"));
    let coverage = |percent: u8| {
        let config = format!("thresholds: {{ ingressCoverage: {percent}, egressCoverage: {percent} }}\n");
        verdicts(&audit(&room, &config, "").json(), "namespace-ingress-coverage").remove(0).1
    };
    assert_eq!(coverage(0), "not-applicable");
    assert_eq!(coverage(1), "fail");
}

#[track_caller]
fn valid(schema: &Value, instance: &Value) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(instance).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn what_is_printed_validates_against_the_published_schemas() {
    let room = shop();
    let schema = |what: &str| {
        let schema = room.sh(&format!("schema {what}")).status(0).json();
        jsonschema::meta::validate(&schema).unwrap_or_else(|e| panic!("{what}: {e}"));
        schema
    };
    let report = schema("report");
    room.write("opaque.yaml", "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: { name: g }\nspec: {}\n");
    for line in
        ["audit --demo", "audit in.yaml --strict", "audit in.yaml cluster.json opaque.yaml", "audit cluster.json"]
    {
        valid(&report, &room.sh(&format!("{line} --format json")).json());
    }
    let reach = schema("reach");
    for line in ["reach --demo", "reach in.yaml opaque.yaml", "reach in.yaml --dataplane none"] {
        valid(&reach, &room.sh(&format!("{line} --format json")).json());
    }
    let config = schema("config");
    let validator = jsonschema::validator_for(&config).unwrap();
    assert!(validator.is_valid(&serde_json::json!({ "environments": { "production": { "namespaces": ["prod"] } }, "thresholds": { "egressCoverage": 5 } })));
    assert!(!validator.is_valid(&serde_json::json!({ "wavers": [] })));
    assert!(!validator.is_valid(&serde_json::json!({ "thresholds": { "egressCoverage": 101 } })));
}
