//! The forms in which gcloud and Cloud Asset Inventory print clusters and node pools.

use serde_json::{Value, json};

use crate::support::{Room, verdicts};

fn full_name(name: &str) -> String {
    format!("projects/p-9/locations/europe-west4/clusters/{name}")
}

fn pool(cluster: &str, name: &str, image: &str) -> Value {
    json!({
        "name": name,
        "selfLink": format!("https://container.googleapis.com/v1/{}/nodePools/{name}", full_name(cluster)),
        "config": {"imageType": image, "machineType": "e2-small"},
        "management": {"autoRepair": true, "autoUpgrade": true},
    })
}

fn cluster(name: &str, abac: bool) -> Value {
    json!({
        "name": name,
        "location": "europe-west4",
        "selfLink": format!("https://container.googleapis.com/v1/{}", full_name(name)),
        "currentMasterVersion": "1.33.2-gke.100",
        "legacyAbac": {"enabled": abac},
        "nodePools": [pool(name, "general", "UBUNTU_CONTAINERD")],
    })
}

fn asset(kind: &str, name: &str, data: &Value) -> Value {
    json!({"name": format!("//container.googleapis.com/{name}"), "assetType": kind, "resource": {"version": "v1", "data": data}})
}

fn assets() -> Vec<Value> {
    let node_pool = asset(
        "container.googleapis.com/NodePool",
        &format!("{}/nodePools/extra", full_name("good")),
        &pool("good", "extra", "COS_CONTAINERD"),
    );
    vec![
        asset("container.googleapis.com/Cluster", &full_name("good"), &cluster("good", false)),
        asset("container.googleapis.com/Cluster", &full_name("bad"), &cluster("bad", true)),
        node_pool,
        asset("compute.googleapis.com/Instance", "projects/p-9/zones/z/instances/i", &json!({"name": "i"})),
    ]
}

fn audit(room: &Room, line: &str) -> Value {
    room.sh(&format!("audit {line} --format json --profile all --fail-on none --allow-unknown")).json()
}

#[test]
fn cluster_chooses_among_those_of_a_list() {
    let lines: Vec<String> = assets()
        .iter()
        .map(|asset| {
            // An export has snake_case here.
            asset.to_string().replace("assetType", "asset_type")
        })
        .collect();
    for (what, text) in [
        ("gcloud container clusters list", json!([cluster("good", false), cluster("bad", true)]).to_string()),
        ("clusters.list", json!({"clusters": [cluster("good", false), cluster("bad", true)]}).to_string()),
        ("gcloud asset list", Value::Array(assets()).to_string()),
        ("assets.list", json!({"assets": assets()}).to_string()),
        ("gcloud asset export", lines.join("\n") + "\n"),
    ] {
        let room = Room::new();
        room.write("list.json", text);
        for (name, expected) in [("good", "pass"), (&full_name("bad"), "fail")] {
            let report = audit(&room, &format!("list.json --cluster {name}"));
            assert_eq!(verdicts(&report, "legacy-abac-disabled")[0].1, expected, "{what} {name}");
        }
        room.sh("audit list.json")
            .status(2)
            .warns("choose one with --cluster")
            .warns(&full_name("good"))
            .warns(&full_name("bad"));
        room.sh("audit list.json --cluster other")
            .status(2)
            .warns("no cluster is called other")
            .warns(&full_name("bad"));
    }
}

#[test]
fn node_pools_join_their_cluster() {
    let room = Room::new();
    room.write("assets.json", Value::Array(assets()).to_string());
    let report = audit(&room, "assets.json --cluster good");
    let images = verdicts(&report, "node-image-cos");
    assert_eq!(images.len(), 2, "{images:?}");
    assert!(report.to_string().contains("projects/p-9/zones/z/instances/i"), "an asset that is left out is named");
    assert!(report.to_string().contains(&full_name("bad")), "a cluster that is left out is named");
}

#[test]
fn a_pool_that_two_files_describe_differently_is_unknown() {
    let room = Room::new();
    room.write("cluster.json", cluster("good", false).to_string());
    room.write("pools.json", json!([pool("good", "general", "COS_CONTAINERD")]).to_string());
    let report = audit(&room, "cluster.json pools.json");
    assert_eq!(verdicts(&report, "node-image-cos")[0].1, "unknown");
    assert_eq!(verdicts(&report, "node-auto-repair")[0].1, "pass");
}

#[test]
fn node_pools_are_evaluated_without_their_cluster() {
    let pools = [pool("good", "general", "UBUNTU_CONTAINERD"), pool("good", "extra", "COS_CONTAINERD")];
    for text in [json!(pools).to_string(), json!({"nodePools": pools}).to_string()] {
        let room = Room::new();
        room.write("pools.json", text);
        let report = audit(&room, "pools.json");
        assert_eq!(verdicts(&report, "legacy-abac-disabled"), [], "checks of the cluster are out of scope");
        assert_eq!(verdicts(&report, "node-auto-repair").len(), 2);
        assert_eq!(report["target"]["name"], "good", "{}", report["target"]);
    }
}

#[test]
fn assets_without_content_name_the_export_that_has_it() {
    let room = Room::new();
    let bare = json!([{"name": format!("//container.googleapis.com/{}", full_name("c")), "assetType": "container.googleapis.com/Cluster"}]);
    room.write("search.json", bare.to_string());
    room.sh("audit search.json").status(2).warns("--content-type=resource");
}

#[test]
fn every_gcloud_command_names_the_project_and_keeps_what_is_on() {
    let room = Room::new();
    let mut described = cluster("good", true);
    described["loggingConfig"] = json!({"componentConfig": {"enableComponents": ["SYSTEM_COMPONENTS", "KCP_SSHD"]}});
    described["monitoringConfig"] = json!({"componentConfig": {"enableComponents": ["APISERVER", "STORAGE"]}});
    described["maintenancePolicy"] = json!({"window": {"maintenanceExclusions": {"freeze": {
        "startTime": "2020-01-01T00:00:00Z", "endTime": "2099-01-01T00:00:00Z"}}}});
    described["nodePools"][0]["maintenancePolicy"] = json!({"exclusionUntilEndOfSupport": {"enabled": true}});
    room.write("c.json", described.to_string());
    let report = audit(&room, "c.json");
    let mut commands = 0;
    for result in report["results"].as_array().unwrap() {
        let Some(text) = result["fix"]["gcloud"].as_str() else { continue };
        for line in text.lines().filter(|line| line.starts_with("gcloud ")) {
            assert!(line.contains("--project p-9"), "{line}");
            commands += 1;
        }
    }
    assert!(commands > 10, "{commands}");
    let fix = |check: &str| {
        let results = report["results"].as_array().unwrap();
        let result = results.iter().find(|r| r["check"] == check).unwrap();
        result["fix"]["gcloud"].as_str().unwrap_or_default().to_owned()
    };
    assert!(fix("cloud-logging").contains("--logging=SYSTEM,WORKLOAD,KCP_SSHD"), "{}", fix("cloud-logging"));
    assert!(
        fix("control-plane-logs").contains("--logging=SYSTEM,API_SERVER,SCHEDULER,CONTROLLER_MANAGER,KCP_SSHD"),
        "{}",
        fix("control-plane-logs")
    );
    assert!(fix("cloud-monitoring").contains("--monitoring=SYSTEM,API_SERVER,STORAGE"), "{}", fix("cloud-monitoring"));
    let exclusions = fix("maintenance-exclusion-scope");
    assert!(exclusions.contains("--remove-maintenance-exclusion=freeze"), "{exclusions}");
    assert!(
        exclusions.contains(
            "gcloud container node-pools update general --cluster good --location europe-west4 --project p-9 \
             --remove-maintenance-exclusion-until-end-of-support"
        ),
        "{exclusions}"
    );
}
