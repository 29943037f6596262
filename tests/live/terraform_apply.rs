//! The module of `deploy/terraform` with the real Terraform, against servers that behave like Google's APIs; and the audit
//! of a state's clusters.

use std::path::Path;
use std::process::Command;

use crate::servers::data::{self, Endpoint};
use crate::servers::{FakeGoogle, FakeKube, Options};
use crate::support::{Out, Room, output};
use crate::terraform::{resource, state};
use serde_json::{Value, json};

struct Cloud {
    google: FakeGoogle,
    kubes: Vec<FakeKube>,
    token: String,
}

const PROJECT: &str = "development-485000";
const LOCATION: &str = "asia-east1-a";

impl Cloud {
    /// Clusters of the project by name; `change` makes each another than the example's.
    fn of(clusters: &[&str], objects: Vec<Value>, change: impl Fn(&mut Value)) -> Cloud {
        let google = FakeGoogle::start();
        google.project(PROJECT, &[]);
        let mut kubes = Vec::new();
        for name in clusters {
            let options = Options { tokens: google.tokens().clone(), ..Options::default() };
            let kube = FakeKube::with(options, &data::as_applied(objects.clone()));
            let mut cluster = data::served_by(data::example_cluster(), &kube, Endpoint::Public);
            cluster["name"] = json!(name);
            change(&mut cluster);
            google.cluster(&format!("projects/{PROJECT}/locations/{LOCATION}/clusters/{name}"), cluster);
            kubes.push(kube);
        }
        let token = google.tokens().issue("auditor@example.com");
        kubes.iter().for_each(|k| k.allow_everything("auditor@example.com"));
        Cloud { google, kubes, token }
    }

    fn sign_in(&self, command: &mut Command, home: &Path) {
        for service in ["CONTAINER", "CLOUDASSET", "CLOUDRESOURCEMANAGER"] {
            command.env(format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}"), self.google.url());
        }
        command.env("CLOUDSDK_AUTH_ACCESS_TOKEN", &self.token).env("HOME", home);
    }

    #[track_caller]
    fn run(&self, room: &Room, line: &str) -> Out {
        let mut command = room.command(&line.split_whitespace().collect::<Vec<_>>());
        self.sign_in(&mut command, &room.path("."));
        output(command, None)
    }
}

/// Terraform in a room with a copy of the module.
fn terraform(cloud: &Cloud, room: &Room, line: &[&str]) -> Out {
    let mut command = Command::new("terraform");
    command.args(line).current_dir(room.path(".")).env("TF_IN_AUTOMATION", "1").env("CHECKPOINT_DISABLE", "1");
    command.env("SOURCE_DATE_EPOCH", crate::support::EPOCH).env_remove("TF_CLI_CONFIG_FILE");
    cloud.sign_in(&mut command, &room.path("."));
    output(command, None)
}

fn is_installed() -> bool {
    let there = Command::new("terraform").arg("version").output().is_ok_and(|o| o.status.success());
    if !there {
        eprintln!("skipped: there is no terraform");
    }
    there
}

fn module() -> Room {
    let room = Room::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/terraform");
    for name in ["main.tf", "variables.tf"] {
        room.write(name, std::fs::read(source.join(name)).unwrap());
    }
    room
}

fn apply(cloud: &Cloud, room: &Room, more: &[&str]) -> Out {
    terraform(cloud, room, &["init", "-input=false", "-no-color"]).status(0);
    let program = format!("-var=gke_posture={}", env!("CARGO_BIN_EXE_gke-posture"));
    let (project, location) = (format!("-var=project={PROJECT}"), format!("-var=location={LOCATION}"));
    let mut line =
        vec!["apply", "-auto-approve", "-input=false", "-no-color", "-var=cluster=one", "-var=wait_seconds=0"];
    line.extend([program.as_str(), &project, &location]);
    line.extend(more);
    terraform(cloud, room, &line)
}

#[test]
fn a_finding_fails_the_apply() {
    if !is_installed() {
        return;
    }
    let cloud = Cloud::of(&["one"], data::example(), |_| {});
    let room = module();
    let out = apply(&cloud, &room, &[]);
    assert_ne!(out.status, 0, "{out:?}");
    assert!(out.all().contains("exit status 1"), "{out:?}");
    // The audit is tainted, so the next apply runs it again; with another threshold it passes.
    let out = apply(&cloud, &room, &["-var=fail_on=none", "-var=arguments=[\"--allow-unknown\"]"]).status(0);
    assert!(out.stdout.contains("Creation complete") || out.stdout.contains("Apply complete"), "{out:?}");
    cloud.google.record().assert_only_reads();
}

#[test]
fn a_cluster_without_findings_lets_the_apply_pass() {
    if !is_installed() {
        return;
    }
    // No workload, and enforcement that is on: nothing to find at critical.
    let cloud =
        Cloud::of(&["one"], Vec::new(), |c| c["networkConfig"]["datapathProvider"] = json!("ADVANCED_DATAPATH"));
    let room = module();
    apply(&cloud, &room, &["-var=fail_on=critical", "-var=arguments=[\"--allow-unknown\"]"])
        .status(0)
        .says("Apply complete");
}

#[test]
fn a_cluster_that_cannot_be_read_is_tried_again_and_fails_the_apply() {
    if !is_installed() {
        return;
    }
    let cloud = Cloud::of(&[], Vec::new(), |_| {});
    let room = module();
    let out = apply(&cloud, &room, &["-var=tries=2"]);
    assert_ne!(out.status, 0);
    assert!(out.all().contains("attempt 2 of 2"), "{out:?}");
}

fn described(name: &str) -> Value {
    let mut cluster = crate::terraform::cluster();
    cluster["name"] = json!(name);
    let full = format!("projects/{PROJECT}/locations/{LOCATION}/clusters/{name}");
    cluster["id"] = json!(full);
    cluster["self_link"] = json!(format!("https://container.googleapis.com/v1/{full}"));
    cluster["private_cluster_config"] = json!([]);
    cluster["master_auth"] = json!([]);
    cluster
}

#[test]
fn the_clusters_of_a_state_are_audited_live_and_compared() {
    let cloud = Cloud::of(&["one"], data::example(), |_| {});
    let room = Room::new();
    room.write("state.json", state(vec![resource(crate::terraform::ADDRESS, described("one"))]).to_string());
    let report = cloud.run(&room, "audit --terraform state.json --format json").status(1).json();
    assert_eq!(report["drift"], json!([]), "{:#}", report["drift"]);
    // What somebody changed behind Terraform's back.
    let changed = Cloud::of(&["one"], data::example(), |c| {
        c["networkPolicy"] = json!({});
        c["masterAuthorizedNetworksConfig"]["cidrBlocks"][0]["cidrBlock"] = json!("0.0.0.0/0");
        c["releaseChannel"] = json!({"channel": "RAPID"});
        c["nodePools"][0]["config"]["workloadMetadataConfig"] = json!({});
    });
    let report = changed
        .run(&room, "audit --terraform state.json --format json --fail-on none --allow-unknown")
        .status(0)
        .json();
    let drift = report["drift"].as_array().unwrap();
    let of = |attribute: &str| {
        drift.iter().find(|d| d["attribute"] == attribute).unwrap_or_else(|| panic!("{attribute}: {drift:#?}"))
    };
    assert_eq!(of("network_policy.enabled")["state"], true);
    assert_eq!(of("network_policy.enabled")["live"], Value::Null);
    assert_eq!(of("network_policy.enabled")["address"], crate::terraform::ADDRESS);
    assert_eq!(of("release_channel.channel")["live"], "RAPID");
    assert_eq!(of("master_authorized_networks_config.cidr_blocks")["live"][0]["cidrBlock"], "0.0.0.0/0");
    assert_eq!(of("node_pool[0].node_config.workload_metadata_config.mode")["object"], "NodePool/general");
    assert_eq!(of("network_policy.provider")["path"], "networkPolicy.provider");
    assert_eq!(drift.len(), 5, "{drift:#?}");
    let finding =
        report["results"].as_array().unwrap().iter().find(|r| r["check"] == "network-policy-enforcement").unwrap();
    let sources: Vec<&Value> =
        finding["evidence"].as_array().unwrap().iter().map(|e| &e["source"]["terraform"]).collect();
    assert!(
        sources.contains(&&json!({"address": crate::terraform::ADDRESS, "attribute": "network_policy.enabled"})),
        "{sources:?}"
    );
    let base = "audit --terraform state.json --fail-on none --allow-unknown";
    changed.run(&room, base).status(0).says("release_channel.channel").says("drift from the Terraform state");
    changed.run(&room, &format!("{base} --format markdown")).status(0).says("Drift").says("RAPID");
    let out = changed.run(&room, &format!("{base} --fail-on-drift --format json")).status(1);
    assert_eq!(out.json()["outcome"], "findings");
    // A cluster that could not be read is none without drift.
    let none = Cloud::of(&[], Vec::new(), |_| {});
    let out = none.run(&room, &format!("{base} --fail-on-drift --format json"));
    assert!([3, 4].contains(&out.status), "{out:?}");
    for line in
        ["audit --fail-on-drift", "audit --terraform state.json x.yaml", "audit --terraform state.json --project p"]
    {
        cloud.run(&room, line).status(2);
    }
    cloud.google.record().assert_only_reads();
    cloud.kubes.iter().for_each(|k| k.record().assert_only_reads());
}

#[test]
fn several_clusters_of_a_state_are_a_fleet() {
    let cloud = Cloud::of(&["one", "two"], data::example(), |c| {
        if c["name"] == "two" {
            c["shieldedNodes"] = json!({});
        }
    });
    let room = Room::new();
    let clusters = ["one", "two"].map(|n| resource(&format!("google_container_cluster.all[\"{n}\"]"), described(n)));
    room.write("state.json", state(clusters.to_vec()).to_string());
    let line = "audit --terraform state.json --format json --fail-on none --allow-unknown";
    let report = cloud.run(&room, &format!("{line} --output-dir out")).status(0).json();
    let all = report["clusters"].as_array().unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0]["drift"], json!([]), "{all:#?}");
    assert_eq!(all[1]["drift"][0]["attribute"], "enable_shielded_nodes");
    assert!(room.text(&format!("out/{PROJECT}_{LOCATION}_two.md")).contains("enable_shielded_nodes"));
    cloud.run(&room, &format!("{line} --fail-on-drift")).status(1);
    let one = cloud.run(&room, &format!("{line} --cluster one --fail-on-drift")).status(0).json();
    assert_eq!(one["target"]["name"], "one");
}
