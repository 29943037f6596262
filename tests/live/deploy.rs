//! What `deploy/` and `Containerfile` install: rendered by `kubectl kustomize`, compared with the program
//! and, where the environment names one, a real API server.
//!
//! `GKE_POSTURE_LIVE_KUBECONFIG` names the kubeconfig of an administrator of a cluster for tests. Nothing is changed there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::support::Room;
use serde_json::{Value, json};

const JOB: &str = "/spec/jobTemplate/spec";
const POD: &str = "/spec/jobTemplate/spec/template/spec";
const CONTAINER: &str = "/spec/jobTemplate/spec/template/spec/containers/0";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn documents(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).expect("YAML")
}

fn has_kubectl() -> bool {
    let found = Command::new("kubectl").args(["version", "--client"]).output().is_ok_and(|o| o.status.success());
    if !found {
        println!("skipped: kubectl is not on the path");
    }
    found
}

#[track_caller]
fn kustomize(folder: &Path) -> Vec<Value> {
    let out = Command::new("kubectl").arg("kustomize").arg(folder).output().expect("kubectl runs");
    assert!(out.status.success(), "{}: {}", folder.display(), String::from_utf8_lossy(&out.stderr));
    documents(&String::from_utf8(out.stdout).expect("UTF-8"))
}

/// Folders below `top` with a kustomization, relative to it.
fn variants(top: &Path) -> Vec<String> {
    let mut found = vec!["base".to_owned()];
    for entry in std::fs::read_dir(top.join("overlays")).expect("overlays") {
        found.push(format!("overlays/{}", entry.expect("an entry").file_name().to_string_lossy()));
    }
    found.sort();
    found
}

/// Every variant with its objects; empty without kubectl. Rendered once, since every test asks.
fn rendered() -> &'static [(String, Vec<Value>)] {
    static RENDERED: LazyLock<Vec<(String, Vec<Value>)>> = LazyLock::new(|| {
        let top = root().join("deploy/kubernetes");
        variants(&top).into_iter().map(|name| (name.clone(), kustomize(&top.join(name)))).collect()
    });
    if has_kubectl() { &RENDERED } else { &[] }
}

#[track_caller]
fn object<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|o| o["kind"] == kind);
    let first = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "more than one {kind}");
    first
}

#[track_caller]
fn at<'a>(object: &'a Value, path: &str) -> &'a Value {
    object.pointer(path).unwrap_or_else(|| panic!("no {path} in {object:#}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn strings(value: &Value) -> Vec<&str> {
    list(value).iter().map(|v| v.as_str().expect("a string")).collect()
}

fn env<'a>(container: &'a Value, name: &str) -> Option<&'a Value> {
    list(&container["env"]).iter().find(|e| e["name"] == name)
}

/// The rules of the pod failure policy for an exit status of the audit: the action of the first that matches, else `Count`.
fn action(job: &Value, status: i64) -> &str {
    let rule = list(at(job, "/podFailurePolicy/rules")).iter().find(|r| {
        r["onExitCodes"]["containerName"] == "audit" && list(&r["onExitCodes"]["values"]).iter().any(|v| *v == status)
    });
    rule.map_or("Count", |r| r["action"].as_str().expect("an action"))
}

#[test]
fn each_variant_is_a_whole_job() {
    for (name, objects) in rendered() {
        for kind in ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "NetworkPolicy", "CronJob"] {
            object(objects, kind);
        }
        let cron = object(objects, "CronJob");
        let job_name = at(cron, "/metadata/name").as_str().unwrap();
        assert!(job_name.len() <= 52, "{name}: {job_name}");
        assert_eq!(cron["spec"]["concurrencyPolicy"], "Forbid", "{name}");
        for path in [
            "/spec/timeZone",
            "/spec/startingDeadlineSeconds",
            "/spec/successfulJobsHistoryLimit",
            "/spec/failedJobsHistoryLimit",
            "/spec/jobTemplate/spec/activeDeadlineSeconds",
            "/spec/jobTemplate/spec/ttlSecondsAfterFinished",
        ] {
            at(cron, path);
        }
        let account = at(object(objects, "ServiceAccount"), "/metadata/name");
        assert_eq!(at(cron, &format!("{POD}/serviceAccountName")), account, "{name}");
        let namespace = at(object(objects, "Namespace"), "/metadata/name");
        for o in objects.iter().filter(|o| o["metadata"]["namespace"] != Value::Null) {
            assert_eq!(&o["metadata"]["namespace"], namespace, "{name}: {o:#}");
        }
        let maps = |named: &Value| objects.iter().find(|o| o["kind"] == "ConfigMap" && o["metadata"]["name"] == *named);
        let pod = at(cron, POD);
        for reference in
            list(&pod["containers"][0]["env"]).iter().filter_map(|e| e.pointer("/valueFrom/configMapKeyRef"))
        {
            let map = maps(&reference["name"]).unwrap_or_else(|| panic!("{name}: {reference}"));
            assert!(map["data"][reference["key"].as_str().unwrap()].is_string(), "{name}: {reference}");
        }
        for reference in list(&pod["volumes"]).iter().filter_map(|v| v.pointer("/configMap/name")) {
            assert!(maps(reference).is_some(), "{name}: {reference}");
        }
        let image = at(cron, &format!("{CONTAINER}/image"));
        assert_eq!(image, concat!("ghcr.io/OWNER/gke-posture:", env!("CARGO_PKG_VERSION")), "{name}");
    }
}

/// <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>, and a read-only root file system.
#[test]
fn pods_are_restricted() {
    for (name, objects) in rendered() {
        let labels = at(object(objects, "Namespace"), "/metadata/labels");
        for mode in ["enforce", "audit", "warn"] {
            assert_eq!(labels[format!("pod-security.kubernetes.io/{mode}")], "restricted", "{name}");
        }
        let pod = at(object(objects, "CronJob"), POD);
        let allowed: BTreeSet<&str> = [
            "configMap",
            "csi",
            "downwardAPI",
            "emptyDir",
            "ephemeral",
            "persistentVolumeClaim",
            "projected",
            "secret",
        ]
        .into();
        for volume in list(&pod["volumes"]) {
            let sources: Vec<&String> = volume.as_object().unwrap().keys().filter(|k| *k != "name").collect();
            assert_eq!(sources.len(), 1, "{name}: {volume}");
            assert!(allowed.contains(sources[0].as_str()), "{name}: {volume}");
            assert_ne!(sources[0], "secret", "{name}: the job needs no secret");
        }
        for host in ["hostNetwork", "hostPID", "hostIPC", "hostUsers"] {
            assert_eq!(pod[host], Value::Null, "{name}");
        }
        let security = at(pod, "/securityContext");
        assert_eq!(security["runAsNonRoot"], true, "{name}");
        assert!(security["runAsUser"].as_u64().unwrap() >= 10_000, "{name}");
        assert_eq!(security["seccompProfile"], json!({"type": "RuntimeDefault"}), "{name}");
        let containers = list(&pod["containers"]).iter().chain(list(&pod["initContainers"]));
        for container in containers {
            assert_eq!(
                container["securityContext"],
                json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}}),
                "{name}"
            );
            let resources = &container["resources"];
            assert_eq!(at(resources, "/requests/memory"), at(resources, "/limits/memory"), "{name}");
        }
    }
}

#[test]
fn what_is_written_goes_to_a_volume() {
    for (name, objects) in rendered() {
        let pod = at(object(objects, "CronJob"), POD);
        let container = &pod["containers"][0];
        let volumes: BTreeSet<&str> = list(&pod["volumes"]).iter().map(|v| v["name"].as_str().unwrap()).collect();
        let mounts = list(&container["volumeMounts"]);
        for m in mounts {
            assert!(volumes.contains(m["name"].as_str().unwrap()), "{name}: {m}");
        }
        let writable = |path: &str| {
            mounts.iter().any(|m| {
                m["readOnly"] != true && Path::new(path).starts_with(m["mountPath"].as_str().expect("a mount path"))
            })
        };
        assert!(writable(env(container, "TMPDIR").unwrap()["value"].as_str().unwrap()), "{name}");
        let outputs: Vec<&str> = strings(&container["args"])
            .into_iter()
            .filter_map(|a| a.strip_prefix("--output=").or_else(|| a.strip_prefix("--output-dir=")))
            .collect();
        assert!(!outputs.is_empty(), "{name}");
        for path in outputs {
            assert!(writable(path), "{name}: {path}");
            // One folder a run: the report of yesterday is not taken for that of today.
            assert!(path.contains("$(JOB_NAME)"), "{name}: {path}");
        }
        let run = at(env(container, "JOB_NAME").unwrap(), "/valueFrom/fieldRef/fieldPath");
        assert_eq!(run, "metadata.labels['batch.kubernetes.io/job-name']", "{name}");
    }
}

#[test]
fn a_job_ends_as_the_exit_status_says() {
    for (name, objects) in rendered() {
        let job = at(object(objects, "CronJob"), JOB);
        let pod = at(job, "/template/spec");
        assert_eq!(pod["restartPolicy"], "Never", "{name}: what a pod failure policy asks for");
        let names: Vec<&Value> = list(&pod["containers"]).iter().map(|c| &c["name"]).collect();
        let rules = list(at(job, "/podFailurePolicy/rules"));
        for rule in rules.iter().filter(|r| r["onExitCodes"] != Value::Null) {
            assert!(names.contains(&&rule["onExitCodes"]["containerName"]), "{name}: {rule}");
        }
        // First: a pod on its way out may report any exit status.
        assert_eq!(
            rules[0],
            json!({"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}),
            "{name}"
        );
        let sharded = job["completionMode"] == "Indexed";
        let once = if sharded { "FailIndex" } else { "FailJob" };
        // Findings and incomplete audits are not repeated, and end no other shard. A usage error is the same in each.
        assert_eq!([1, 2, 3].map(|s| action(job, s)), [once, "FailJob", once], "{name}");
        // Nothing read, out of memory, terminated: again.
        assert_eq!([4, 130, 137, 143].map(|s| action(job, s)), ["Count"; 4], "{name}");
        let limit = if sharded { "backoffLimitPerIndex" } else { "backoffLimit" };
        assert!((1..=3).contains(&job[limit].as_u64().unwrap()), "{name}");
        if sharded {
            assert_eq!(job["backoffLimit"], Value::Null, "{name}: it would end all shards for the failures of some");
        }
    }
}

/// A copy that may be edited.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (from, to): (PathBuf, PathBuf) = {
            let e = entry.unwrap();
            (e.path(), to.join(e.file_name()))
        };
        if from.is_dir() { copy(&from, &to) } else { std::fs::copy(&from, &to).map(|_| ()).unwrap() }
    }
}

#[test]
fn the_number_of_shards_is_written_once() {
    let mut sharded = 0;
    for (name, objects) in rendered() {
        let job = at(object(objects, "CronJob"), JOB);
        let total = env(&job["template"]["spec"]["containers"][0], "JOB_COMPLETIONS");
        if job["completionMode"] == "Indexed" {
            sharded += 1;
            let n = job["completions"].as_u64().unwrap();
            assert_eq!(total.unwrap()["value"], n.to_string(), "{name}");
            assert_eq!(job["parallelism"], n, "{name}");
        } else {
            assert_eq!(total, None, "{name}: a total without an index");
        }
    }
    if !has_kubectl() {
        return;
    }
    assert!(sharded > 0);
    let room = Room::new();
    copy(&root().join("deploy/kubernetes"), &room.path("k"));
    let patch = room.text("k/overlays/fleet/cronjob.yaml");
    assert!(patch.contains("completions: 4 "), "{patch}");
    room.write("k/overlays/fleet/cronjob.yaml", patch.replace("completions: 4 ", "completions: 7 "));
    let objects = &kustomize(&room.path("k/overlays/fleet"));
    let job = at(object(objects, "CronJob"), JOB);
    assert_eq!((&job["completions"], &job["parallelism"]), (&json!(7), &json!(7)));
    assert_eq!(env(&job["template"]["spec"]["containers"][0], "JOB_COMPLETIONS").unwrap()["value"], "7");
}

#[test]
fn the_settings_are_written_once() {
    if !has_kubectl() {
        return;
    }
    let room = Room::new();
    copy(&root().join("deploy/kubernetes"), &room.path("k"));
    room.write(
        "k/base/settings.env",
        "TARGET=projects/p/locations/l/clusters/c\nGOOGLE_SERVICE_ACCOUNT=auditor@p.iam.gserviceaccount.com\n",
    );
    for name in ["base", "overlays/bucket", "overlays/fleet"] {
        let objects = &kustomize(&room.path("k").join(name));
        let annotations = at(object(objects, "ServiceAccount"), "/metadata/annotations");
        assert_eq!(annotations["iam.gke.io/gcp-service-account"], "auditor@p.iam.gserviceaccount.com", "{name}");
        assert_eq!(
            *at(object(objects, "ClusterRoleBinding"), "/subjects"),
            json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "auditor@p.iam.gserviceaccount.com"}]),
            "{name}"
        );
        let pod = at(object(objects, "CronJob"), POD);
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}: no token that nobody uses");
        let target = at(env(&pod["containers"][0], "TARGET").unwrap(), "/valueFrom/configMapKeyRef");
        let map = objects.iter().find(|o| o["kind"] == "ConfigMap" && o["metadata"]["name"] == target["name"]).unwrap();
        let value = map["data"][target["key"].as_str().unwrap()].as_str().unwrap();
        let expected =
            if name == "overlays/fleet" { "--folder=FOLDER_NUMBER" } else { "projects/p/locations/l/clusters/c" };
        assert_eq!(value, expected, "{name}");
        assert_eq!(pod["containers"][0]["args"][1], "$(TARGET)", "{name}");
    }
    let objects = &kustomize(&room.path("k/overlays/in-cluster"));
    assert_eq!(object(objects, "ServiceAccount")["metadata"]["annotations"], Value::Null);
    assert_eq!(
        *at(object(objects, "ClusterRoleBinding"), "/subjects"),
        json!([{"kind": "ServiceAccount", "name": "gke-posture", "namespace": "gke-posture"}])
    );
    let pod = at(object(objects, "CronJob"), POD);
    assert_eq!(pod["automountServiceAccountToken"], true);
    assert!(!strings(&pod["containers"][0]["args"]).contains(&"$(TARGET)"));
}

#[test]
fn the_cluster_role_reads_and_reads_no_secret() {
    let role = &documents(&text("deploy/kubernetes/base/clusterrole.yaml"))[0];
    let rules = list(&role["rules"]);
    assert!(!rules.is_empty());
    for rule in rules {
        for verb in strings(&rule["verbs"]) {
            assert!(["get", "list"].contains(&verb), "{rule}");
        }
        assert_eq!(rule["nonResourceURLs"], Value::Null, "{rule}");
        for (key, refused) in [("resources", ["secrets", "*"]), ("apiGroups", ["*", "authorization.k8s.io"])] {
            let names = strings(&rule[key]);
            assert!(!names.is_empty(), "{rule}");
            for name in names {
                assert!(!refused.contains(&name) && !name.contains('/'), "{rule}");
            }
        }
    }
}

/// All of an audit's options that the manifests use, with where they do.
fn used_options() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut add = |place: &str, words: Vec<&str>| {
        for word in words.into_iter().filter(|w| w.starts_with("--")) {
            found.push((word.split('=').next().unwrap_or(word).to_owned(), place.to_owned()));
        }
    };
    for (name, objects) in rendered() {
        let container = at(object(objects, "CronJob"), CONTAINER);
        let args = strings(&container["args"]);
        assert_eq!(args[0], "audit", "{name}");
        add(name, args);
        for map in objects.iter().filter(|o| o["kind"] == "ConfigMap") {
            add(name, map["data"]["TARGET"].as_str().into_iter().collect());
        }
    }
    for file in ["job.yaml", "fleet.yaml"] {
        let job = &documents(&text(&format!("deploy/cloud-run/{file}")))[0];
        let args = strings(at(job, "/spec/template/spec/template/spec/containers/0/args"));
        assert_eq!(args[0], "audit", "{file}");
        add(file, args);
    }
    found
}

#[test]
fn every_option_is_one_that_audit_knows() {
    let help = Room::new().run(&["audit", "--help"]).status(0).stdout;
    let known: BTreeSet<&str> = help
        .lines()
        .flat_map(|l| l.split_whitespace().take_while(|w| w.starts_with('-')))
        .map(|w| w.trim_end_matches([',', '.', '=']))
        .collect();
    assert!(known.contains("--fail-on"), "{help}");
    let unknown: BTreeSet<(String, String)> =
        used_options().into_iter().filter(|(option, _)| !known.contains(option.as_str())).collect();
    assert!(unknown.is_empty(), "audit --help has none of these: {unknown:#?}");
}

/// As a cluster would have it on the day after: the job is there to read, and may do nothing else.
#[test]
fn the_audit_finds_in_its_own_job_only_what_it_is_there_for() {
    for (name, objects) in rendered() {
        let input = serde_json::to_string(&json!({"apiVersion": "v1", "kind": "List", "items": objects})).unwrap();
        for dataplane in ["calico", "dataplane-v2"] {
            let args = ["audit", "-", "--dataplane", dataplane, "--format", "json"];
            let report = Room::new().pipe(&args, input.as_bytes()).status(0).json();
            let found = list(&report["results"]).iter().filter(|r| r["verdict"] == "fail");
            let found: BTreeSet<&str> = found.map(|r| r["check"].as_str().unwrap()).collect();
            // Google's APIs and its token.
            let expected: BTreeSet<&str> = ["workload-internet-egress", "workload-metadata-reachable"].into();
            assert_eq!(found, expected, "{name} {dataplane}");
        }
    }
}

#[test]
fn the_network_policy_lets_out_what_the_job_needs() {
    for (name, objects) in rendered() {
        let input = serde_json::to_string(&json!({"apiVersion": "v1", "kind": "List", "items": objects})).unwrap();
        let ask = |dataplane: &str, to: &str, port: &str, expect: &str| {
            let from = "gke-posture/CronJob/gke-posture";
            let args = [
                "reach",
                "-",
                "--dataplane",
                dataplane,
                "--from",
                from,
                "--to",
                to,
                "--port",
                port,
                "--expect",
                expect,
            ];
            let out = Room::new().pipe(&args, input.as_bytes());
            assert_eq!(out.status, 0, "{name}: {dataplane}: {to} port {port} is not {expect}: {out:?}");
        };
        for dataplane in ["calico", "dataplane-v2"] {
            // Google's APIs and addresses of control planes, public and private.
            ask(dataplane, "ip:199.36.153.8", "443", "allowed");
            ask(dataplane, "ip:203.0.113.9", "443", "allowed");
            ask(dataplane, "ip:172.16.0.2", "443", "allowed");
            // NodeLocal DNSCache and Cloud DNS.
            ask(dataplane, "ip:169.254.20.10", "53", "allowed");
            ask(dataplane, "ip:169.254.169.254", "53", "allowed");
            ask(dataplane, "ip:203.0.113.9", "80", "denied");
            ask(dataplane, "ip:203.0.113.9", "5432", "denied");
        }
        // The metadata server as each sees it.
        ask("calico", "ip:169.254.169.252", "988", "allowed");
        ask("dataplane-v2", "ip:169.254.169.254", "80", "allowed");
    }
}

/// The configuration that is installed, and the examples in its comments.
#[test]
fn the_shipped_configuration_loads() {
    let shipped = text("deploy/kubernetes/base/gke-posture.yaml");
    let open: Vec<&str> = shipped
        .lines()
        .filter_map(|l| l.strip_prefix("# "))
        .filter(|l| l.starts_with(' ') || l.ends_with(':') && !l.contains(' '))
        .collect();
    assert!(open.len() > 8, "{open:#?}");
    let room = Room::new();
    room.write("shipped.yaml", &shipped).write("open.yaml", open.join("\n"));
    for file in ["shipped.yaml", "open.yaml"] {
        room.run(&["audit", "--demo", "--config", file]).status(0);
    }
}

#[test]
fn the_image_runs_as_the_manifests_do() {
    let file = text("Containerfile");
    let last = file.rfind("\nFROM ").expect("stages");
    let image = &file[last..];
    assert!(image.starts_with("\nFROM scratch\n"), "{image}");
    assert!(image.contains("\nENTRYPOINT [\"/gke-posture\"]\n"), "{image}");
    let user = image.lines().find_map(|l| l.strip_prefix("USER ")).expect("USER");
    let (uid, gid) = user.split_once(':').expect("user and group");
    for (name, objects) in rendered() {
        let pod = at(object(objects, "CronJob"), POD);
        let security = &pod["securityContext"];
        assert_eq!([&security["runAsUser"], &security["runAsGroup"]].map(ToString::to_string), [uid, gid], "{name}");
        for volume in list(&pod["volumes"]).iter().filter(|v| v["csi"] != Value::Null) {
            mounted_for(&volume["csi"], uid, gid);
        }
    }
    for (path, tasks) in [("deploy/cloud-run/job.yaml", 1), ("deploy/cloud-run/fleet.yaml", 4)] {
        let execution = documents(&text(path)).remove(0)["spec"]["template"]["spec"].take();
        assert_eq!(execution["taskCount"], tasks, "{path}");
        assert_eq!(execution["parallelism"].as_u64().unwrap_or(1), tasks, "{path}: all at a time");
        let task = &execution["template"]["spec"];
        assert_eq!(task["maxRetries"], 0, "{path}: findings do not go away");
        assert_eq!(
            task["containers"][0]["image"],
            concat!("ghcr.io/OWNER/gke-posture:", env!("CARGO_PKG_VERSION")),
            "{path}"
        );
        mounted_for(&task["volumes"][0]["csi"], uid, gid);
    }
}

#[track_caller]
fn mounted_for(csi: &Value, uid: &str, gid: &str) {
    let options: Vec<&str> = at(csi, "/volumeAttributes/mountOptions").as_str().unwrap().split(',').collect();
    assert!(options.contains(&format!("uid={uid}").as_str()), "{csi}");
    assert!(options.contains(&format!("gid={gid}").as_str()), "{csi}");
}

/// Blocks of a Markdown file that are marked as `language`.
fn blocks(markdown: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in markdown.split(&format!("\n```{language}\n")).skip(1) {
        found.push(part.split("\n```").next().unwrap_or(part).to_owned());
    }
    found
}

#[test]
fn what_the_documents_print_can_be_pasted() {
    for path in ["docs/scheduled.md", "deploy/cloud-run/README.md"] {
        let document = text(path);
        let commands = blocks(&document, "sh");
        assert!(commands.len() > 4, "{path}");
        for block in commands {
            let out = Command::new("bash").args(["-n", "-c", &block]).output().expect("bash runs");
            assert!(out.status.success(), "{path}: {block}\n{}", String::from_utf8_lossy(&out.stderr));
        }
        for block in blocks(&document, "json") {
            serde_json::from_str::<Value>(&block).unwrap_or_else(|e| panic!("{path}: {e}: {block}"));
        }
        let folder = root().join(path).parent().unwrap().to_owned();
        for link in document.split("](").skip(1).filter_map(|l| l.split(')').next()) {
            let file = link.split('#').next().unwrap();
            assert!(folder.join(file).exists(), "{path}: {link}");
        }
    }
}

/// Every object with every field, as the real API server decodes, validates and admits it. Nothing is stored: namespaced
/// objects are tried in `default`, since the namespace of their own is not there.
#[test]
fn a_real_api_server_accepts_it() {
    let Some(kubeconfig) = std::env::var_os("GKE_POSTURE_LIVE_KUBECONFIG").filter(|v| !v.is_empty()) else {
        println!("skipped: GKE_POSTURE_LIVE_KUBECONFIG names no kubeconfig");
        return;
    };
    let try_out = |objects: &[Value]| {
        let mut objects = objects.to_vec();
        for o in objects.iter_mut().filter(|o| o["metadata"]["namespace"] != Value::Null) {
            o["metadata"]["namespace"] = json!("default");
        }
        let room = Room::new();
        room.write("all.json", json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string());
        let mut apply = Command::new("kubectl");
        apply.args(["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f"]);
        apply.arg(room.path("all.json")).arg("--kubeconfig").arg(&kubeconfig);
        let out = apply.output().expect("kubectl runs");
        (
            out.status.success(),
            format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)),
        )
    };
    for (name, objects) in rendered() {
        let (accepted, said) = try_out(objects);
        assert!(accepted, "{name}: {said}");
        assert_eq!(said.lines().filter(|l| l.contains("(server dry run)")).count(), objects.len(), "{name}: {said}");

        // The server does look: at names of fields, and at what goes together.
        let cron = objects.iter().position(|o| o["kind"] == "CronJob").unwrap();
        let mut misspelt = objects.clone();
        misspelt[cron]["spec"]["concurencyPolicy"] = json!("Forbid");
        let (accepted, said) = try_out(&misspelt);
        assert!(!accepted && said.contains("concurencyPolicy"), "{name}: {said}");
        let mut restarted = objects.clone();
        *restarted[cron].pointer_mut(&format!("{POD}/restartPolicy")).unwrap() = json!("OnFailure");
        let (accepted, said) = try_out(&restarted);
        assert!(!accepted && said.contains("restartPolicy"), "{name}: {said}");
    }
}

/// Regenerate with `gke-posture doctor --print cluster-role > deploy/kubernetes/base/clusterrole.yaml`.
#[test]
fn the_cluster_role_is_the_one_that_is_printed() {
    let printed = std::process::Command::new(env!("CARGO_BIN_EXE_gke-posture"))
        .args(["doctor", "--print", "cluster-role", "--no-config"])
        .output()
        .unwrap();
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes/base/clusterrole.yaml");
    assert_eq!(String::from_utf8_lossy(&printed.stdout), std::fs::read_to_string(file).unwrap());
}
