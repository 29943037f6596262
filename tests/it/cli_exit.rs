//! The exit status and the outcome of an audit, as README.md states them.

use crate::support::{Room, deployment, formats, policy};

/// No policy and nothing secret: medium findings, no high ones.
fn medium() -> Room {
    Room::with(&deployment("shop", "web"))
}

/// The same with enforcement off: a high finding.
fn high() -> Room {
    let room = medium();
    room.write("cluster.json", r#"{"name": "c", "nodePools": [], "networkPolicy": {}}"#);
    room
}

/// A dataplane that enforces, without a cluster of which there would be more to say.
const ENFORCED: &str = "--dataplane calico";

/// Decided (with [`ENFORCED`]) but for one policy whose rules are not modelled: unknown results of severity medium.
fn undecided() -> Room {
    let room = medium();
    room.write(
        "opaque.yaml",
        "apiVersion: crd.projectcalico.org/v1\nkind: GlobalNetworkPolicy\nmetadata: { name: g }\nspec: {}\n",
    );
    room
}

#[track_caller]
fn audit(room: &Room, flags: &str, status: i32, outcome: &str) {
    let out = room.sh(&format!("audit . --format json {flags}")).status(status);
    assert_eq!(out.json()["outcome"], outcome, "{flags}");
}

#[test]
fn the_status_is_the_same_in_every_format() {
    let enforced = format!("{ENFORCED} --fail-on medium");
    for (room, flags, status) in
        [(medium(), "", 0), (high(), "", 1), (high(), "--fail-on none", 0), (undecided(), &enforced, 3)]
    {
        for format in formats() {
            room.sh(&format!("audit . --format {format} {flags}")).status(status);
        }
    }
}

#[test]
fn findings_fail_from_the_threshold_up() {
    let room = medium();
    audit(&room, "", 0, "pass");
    audit(&room, "--fail-on critical", 0, "pass");
    audit(&room, "--fail-on high", 0, "pass");
    audit(&room, "--fail-on medium", 1, "findings");
    audit(&room, "--fail-on low", 1, "findings");
    audit(&room, "--fail-on none", 0, "pass");
}

#[test]
fn high_is_the_default_threshold() {
    let room = high();
    audit(&room, "", 1, "findings");
    audit(&room, "--fail-on critical", 0, "pass");
    audit(&room, "--fail-on none", 0, "pass");
}

#[test]
fn what_the_evidence_does_not_decide_makes_an_audit_incomplete_from_the_threshold_up() {
    let enforced = |flags: &str| format!("{ENFORCED} {flags}");
    let room = undecided();
    audit(&room, &enforced(""), 0, "pass");
    audit(&room, &enforced("--fail-on none"), 0, "pass");
    audit(&room, &enforced("--fail-on medium"), 3, "incomplete");
    audit(&room, &enforced("--fail-on medium --allow-unknown"), 0, "pass");
    audit(&room, &enforced("--fail-on medium --strict"), 3, "incomplete");
    // A policy that selects nothing is certain, and medium: findings win.
    room.write("stray.yaml", policy("shop", "stray", "{ podSelector: { matchLabels: { no: one } } }"));
    audit(&room, &enforced("--fail-on medium"), 1, "findings-incomplete");
}

#[test]
fn missing_input_counts_only_when_strict() {
    // The policy's peer is not in the input, which may not be all there is: unknown for want of input, of severity low.
    let room = Room::with(
        &(deployment("shop", "web")
            + &policy("shop", "deny", "{ podSelector: {}, policyTypes: [Ingress, Egress] }")
            + &policy(
                "shop",
                "p",
                "{ podSelector: {}, ingress: [{ from: [{ namespaceSelector: { matchLabels: { a: b } } }] }] }",
            )),
    );
    room.write("gke-posture.yaml", "checks: { policy-peer-selects-nothing: { severity: high } }\n");
    let enforced = |flags: &str| format!("{ENFORCED} {flags}");
    audit(&room, &enforced(""), 0, "pass");
    audit(&room, &enforced("--strict"), 3, "incomplete");
    // Without a cluster configuration, its critical checks are not evaluated: they are none of those that count here.
    room.write(
        "gke-posture.yaml",
        "checks: { policy-peer-selects-nothing: { severity: high }, authorized-networks-not-world: { enabled: false }, \
         basic-auth-disabled: { enabled: false }, legacy-abac-disabled: { enabled: false } }\n",
    );
    audit(&room, &enforced("--strict --fail-on critical"), 0, "pass");
}

#[test]
fn allowing_unknowns_and_being_strict_exclude_each_other() {
    medium().sh("audit in.yaml --strict --allow-unknown").status(2).warns("cannot be used with");
}

#[test]
fn the_example_alone_shows_and_does_not_fail() {
    let room = Room::new();
    let sentence = "A real audit would have ended with exit status 1 (findings at or above high).";
    room.sh("audit --demo").status(0).says(sentence);
    // Data stays data: elsewhere the sentence is on standard error.
    for format in formats().filter(|format| *format != "table") {
        let out = room.sh(&format!("audit --demo --format {format}")).status(0).warns(sentence);
        assert!(!out.stdout.contains("real audit"), "{}", out.stdout);
    }
    assert_eq!(room.sh("audit --demo --format json").json()["outcome"], "findings");
}

#[test]
fn the_example_with_an_explicit_threshold_is_any_audit() {
    let room = Room::new();
    for (threshold, format, status) in
        [("critical", "json", 1), ("high", "table", 1), ("low", "markdown", 1), ("none", "table", 0)]
    {
        let out = room.sh(&format!("audit --demo --format {format} --fail-on {threshold}")).status(status);
        assert!(!out.all().contains("real audit"), "{}", out.all());
    }
}

#[test]
fn an_input_without_anything_known_has_no_result() {
    for text in ["# nothing\n", "---\n---\n"] {
        let room = Room::with(text);
        let out = room.sh("audit in.yaml --format json").status(4).warns("nothing could be read");
        assert_eq!(out.json()["outcome"], "no-result");
    }
    let room = Room::new();
    room.write("empty/readme.txt", "");
    for format in formats() {
        room.sh(&format!("audit empty --format {format} --fail-on none --allow-unknown")).status(4);
    }
    room.sh("audit empty").status(4).says("NO RESULT");
    room.sh("reach empty").status(4);
    room.sh("snapshot empty -o x.snapshot").status(4);
    assert!(!room.path("x.snapshot").exists());
}

#[test]
fn an_input_of_which_nothing_is_evaluated_has_no_result() {
    let releases: String = ["a", "b"]
        .map(|n| format!("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{ name: {n} }}\n---\n"))
        .concat();
    for (text, read) in [
        (releases.as_str(), "2 objects (2 HelmRelease)"),
        ("apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: a }\n", "1 object (1 ServiceAccount)"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { a: b }\n", "1 object (1 ConfigMap)"),
    ] {
        let room = Room::with(text);
        for flags in ["", "--strict", "--allow-unknown", "--fail-on none", "--complete", "--profile all"] {
            for format in formats() {
                let out = room.sh(&format!("audit in.yaml --format {format} {flags}")).status(4);
                assert!(!out.stdout.contains("PASS"), "{text} {format} {flags}: {}", out.stdout);
                out.warns("nothing was evaluated");
            }
            let report = room.sh(&format!("audit in.yaml --format json {flags}")).status(4).json();
            assert_eq!(report["outcome"], "no-result", "{text} {flags}");
        }
        room.sh("audit in.yaml").status(4).says("NO RESULT").says(&format!("Nothing was evaluated of {read}"));
        room.sh("audit in.yaml --format markdown").says("Nothing was evaluated of ");
    }
    // Configuration of which every field is unknown decides nothing either.
    let room = Room::new();
    room.write("in.json", r#"{"nodePools": null, "currentMasterVersion": null, "networkConfig": null, "name": null}"#);
    let report = room.sh("audit in.json --format json").json();
    let verdicts = &report["summary"]["byVerdict"];
    if verdicts["pass"].as_u64().unwrap_or(0) + verdicts["fail"].as_u64().unwrap_or(0) == 0 {
        assert_eq!(report["outcome"], "no-result", "{report}");
    }
}

#[test]
fn a_pass_states_of_what() {
    medium().sh("audit in.yaml").status(0).says("PASS").says("Evaluated: 1 namespace, 1 workload.");
}

#[test]
fn checks_whose_input_is_not_given_make_a_strict_audit_incomplete() {
    let room = medium();
    audit(&room, ENFORCED, 0, "pass");
    room.sh(&format!("audit . --strict {ENFORCED}")).status(3).says("checks were not evaluated");
    audit(&room, &format!("--strict --fail-on none {ENFORCED}"), 0, "pass");
}

#[test]
fn usage_errors_end_with_2() {
    let room = medium();
    for line in [
        "",
        "audit",
        "audit in.yaml --fail-on hihg",
        "audit in.yaml --format html",
        "audit in.yaml --demo",
        "audit in.yaml --nope",
        "audit in.yaml --config a --no-config",
        "reach in.yaml --expect allowed",
        "snapshot in.yaml",
        "schema nope",
        "audits",
    ] {
        let out = room.sh(line).status(2);
        assert_eq!(out.stdout, "", "{line}");
    }
    room.sh("--help").status(0).says("4    no usable result");
    room.sh("audit --help").status(0).says("If both 1 and 3 apply, the status is 1");
    room.sh("--version").status(0).says(concat!("gke-posture ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn cluster_checks_are_out_of_scope_without_a_cluster_and_in_scope_with_one() {
    let room = medium();
    let report = room.sh("audit in.yaml --format json --strict").json();
    assert!(crate::support::verdicts(&report, "network-policy-enforcement").is_empty());
    assert!(room.sh("audit in.yaml").stdout.contains("no cluster configuration given"));
    let room = high();
    let report = room.sh("audit . --format json").json();
    assert_eq!(
        crate::support::verdicts(&report, "network-policy-enforcement"),
        [("cluster".to_owned(), "fail".to_owned())]
    );
    room.sh("audit cluster.json").status(1).says("no Kubernetes objects given");
}
