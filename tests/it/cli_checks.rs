//! `checks list | show | test`, and checks of one's own.

use crate::support::{Room, deployment, verdicts};

const OWN: &str = r#"id: no-host-network
title: Workload keeps to the pod network
severity: high
subject: workload
pass: "!workload.hostNetwork"
message: "{{ workload.name }} uses the host's network"
why: The host's network is not for workloads.
fix: { kubectl: "kubectl -n {{ workload.namespace }} get deployments" }
tests:
  - { name: pod network, given: { workload: { hostNetwork: false } }, expect: pass }
  - { name: host network, given: { workload: { hostNetwork: true } }, expect: fail }
"#;

fn room() -> Room {
    let room = Room::with(&deployment("shop", "web"));
    room.write("own/mine.yaml", OWN);
    room
}

#[test]
fn checks_are_listed_and_explained() {
    let room = room();
    let list = room.sh("checks list").status(0).says("policy-port-mismatch").says("checks. For details of one").stdout;
    let json = room.sh("checks list --format json").status(0).json();
    for check in json.as_array().unwrap() {
        let id = check["id"].as_str().unwrap();
        assert!(list.contains(id), "{id}");
        assert!(!check["why"].as_str().unwrap().is_empty() && check["tests"].as_u64() >= Some(2), "{id}");
        assert!(check["fix"].as_object().is_some_and(|f| !f.is_empty()), "{id} has no fix");
    }
    let shown = room.sh("checks show policy-port-mismatch").status(0);
    for part in ["high", "Facts", "Evaluation", "Fix with kubectl", "References"] {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    assert_eq!(room.sh("checks show policy-port-mismatch --format json").json()["id"], "policy-port-mismatch");
    room.sh("checks show policy-prt-mismatch").status(2).warns("did you mean \"policy-port-mismatch\"?");
    room.sh("checks show nope").status(2).warns("unknown check \"nope\"").warns("checks list");
}

#[test]
fn the_tests_of_checks_run() {
    let room = room();
    room.sh("checks test").status(0).says(" passed, 0 failed");
    room.sh("checks test own").status(0).says("2 passed, 0 failed");
    room.write(
        "own/mine.yaml",
        OWN.replace("hostNetwork: true } }, expect: fail", "hostNetwork: false } }, expect: fail"),
    );
    room.sh("checks test own").status(1).says("FAILED  no-host-network: host network").says("1 passed, 1 failed");
    room.sh("checks test none").status(2).warns("cannot read checks from none");
    std::fs::create_dir(room.path("empty")).unwrap();
    room.sh("checks test empty").status(2).warns("empty holds no check");
}

#[test]
fn a_check_of_ones_own_judges_like_a_built_in_one() {
    let room = room();
    let run = |flags: &str| room.sh(&format!("audit in.yaml --checks own {flags}"));
    let pass = run("--format json").status(0).json();
    assert_eq!(verdicts(&pass, "no-host-network"), [("shop/Deployment/web".to_owned(), "pass".to_owned())]);
    room.write("in.yaml", deployment("shop", "web").replace("{ containers", "{ hostNetwork: true, containers"));
    let fail = run("--format json").status(1).json();
    let result = fail["results"].as_array().unwrap().iter().find(|r| r["check"] == "no-host-network").unwrap().clone();
    assert_eq!(result["verdict"], "fail");
    assert_eq!(result["message"], "shop/Deployment/web uses the host's network");
    assert_eq!(result["fix"]["kubectl"], "kubectl -n shop get deployments");
    run("").status(1).says("Workload keeps to the pod network").says("checks show no-host-network --checks own");
    room.sh("checks show no-host-network --checks own").status(0).says("own/mine.yaml, with 2 tests");
    room.write("gke-posture.yaml", "checks: { no-host-network: { severity: low } }\n");
    run("").status(0);
    room.sh("audit in.yaml").status(2).warns("unknown check \"no-host-network\"");
}

#[test]
fn mistakes_in_a_check_are_named_with_their_place() {
    let room = room();
    for (from, to, message) in [
        ("why:", "whyy:", "own/mine.yaml:7:1: check: unknown key \"whyy\" (did you mean \"why\"?)"),
        (
            "!workload.hostNetwork\"",
            "!workload.hostNetwrk\"",
            "own/mine.yaml:5:9: pass: unknown fact \"workload.hostNetwrk\" (did you mean",
        ),
        ("!workload.hostNetwork\"", "!workload.hostNetwork &&\"", "own/mine.yaml:5:"),
        ("!workload.hostNetwork\"", "has(workload.hostNetwork)\"", "own/mine.yaml:5:"),
        (
            "{{ workload.name }} uses",
            "{{ workload.nam }} uses",
            "own/mine.yaml:6:14: message: unknown fact \"workload.nam\"",
        ),
        ("{{ workload.name }} uses", "{{ workload.name uses", "own/mine.yaml:6:"),
        (
            "id: no-host-network",
            "id: policy-port-mismatch",
            "own/mine.yaml:1:5: duplicate check \"policy-port-mismatch\"",
        ),
        ("id: no-host-network", "id: No Host", "own/mine.yaml:1:5: id: \"No Host\""),
        (
            "severity: high",
            "severity: hihg",
            "own/mine.yaml:3:11: severity: unknown severity \"hihg\" (did you mean \"high\"?)",
        ),
        ("subject: workload", "subject: pod", "own/mine.yaml:4:10: subject: unknown kind \"pod\""),
        ("expect: fail", "expect: pass", "own/mine.yaml:10:3: tests: no failing test"),
        ("title: Workload keeps to the pod network\n", "", "own/mine.yaml:1:1: check: \"title\" is missing"),
        ("hostNetwork: true }", "hostNetwork: maybe }", "own/mine.yaml:11:"),
    ] {
        assert!(OWN.contains(from), "{from}");
        room.write("own/mine.yaml", OWN.replacen(from, to, 1));
        for line in ["audit in.yaml --checks own", "checks list --checks own"] {
            let out = room.sh(line).status(2).warns(message);
            assert_eq!(out.stdout, "", "{from}");
        }
    }
    let (head, _) = OWN.split_once("tests:").unwrap();
    room.write("own/mine.yaml", head);
    room.sh("checks list --checks own").status(2).warns("\"tests\" is missing");
    room.write("own/mine.yaml", OWN).write("own/again.yaml", OWN);
    room.sh("checks list --checks own").status(2).warns("duplicate check \"no-host-network\"");
}
