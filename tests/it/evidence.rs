//! Every object of the input is evaluated, or counted and named as not evaluated; what rests on something that was not
//! read is unknown.

use serde_json::{Value, json};

use crate::support::{Room, verdicts};

/// A database that only its own namespace reaches, and a workload whose container has `environment`.
fn shop(environment: &str) -> String {
    let app = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: api, namespace: shop }}\nspec:\n  selector: {{ matchLabels: {{ app: api }} }}\n  \
         template:\n    metadata: {{ labels: {{ app: api }} }}\n    spec: {{ containers: [{{ name: main, image: example/api, {environment} }}] }}\n---\n"
    );
    "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { env: production } }\n---\n\
     apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: { name: pg, namespace: shop }\n\
     spec: { instances: 1, postgresql: { pg_hba: ['hostssl all all all scram-sha-256', 'hostnossl all all all reject'] } }\n---\n"
        .to_owned()
        + &app
}

fn reasons<'a>(report: &'a Value, check: &str) -> Vec<&'a Value> {
    let of_check = report["results"].as_array().unwrap().iter().filter(|r| r["check"] == check);
    of_check.filter_map(|r| r["reasons"].as_array()).flatten().collect()
}

const REACHABLE: &str = "database-reachable-by-non-clients";
const CLIENT: &str = "database-client-tls-mode";

#[test]
fn a_container_whose_variables_were_not_read_may_be_a_client() {
    let config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: api-settings, namespace: shop }\ndata: ";
    for environment in [
        "envFrom: [{ configMapRef: { name: api-settings } }]",
        "envFrom: [{ configMapRef: { name: api-settings, optional: true } }]",
        "env: [{ name: UPSTREAM, valueFrom: { configMapKeyRef: { name: api-settings, key: upstream } } }]",
    ] {
        let room = Room::with(&shop(environment));
        let report = room.sh("audit in.yaml --format json").json();
        for (check, subject) in [(REACHABLE, "shop/Cluster/pg"), (CLIENT, "shop/Deployment/api/main/environment")] {
            assert_eq!(verdicts(&report, check), [(subject.to_owned(), "unknown".to_owned())], "{environment}");
            let reasons = reasons(&report, check);
            assert!(reasons.iter().all(|r| r["cause"] == "missing-input"), "{reasons:?}");
            assert!(reasons[0]["text"].as_str().unwrap().contains("shop/api-settings"), "{reasons:?}");
        }
        room.sh("audit in.yaml --strict --fail-on critical").status(3);
        // It is no client once the ConfigMap says so.
        room.write("map.yaml", format!("{config_map}{{ upstream: none, LOG_LEVEL: info }}\n"));
        let report = room.sh("audit . --format json").json();
        assert_eq!(verdicts(&report, REACHABLE), [("shop/Cluster/pg".to_owned(), "fail".to_owned())], "{environment}");
        assert!(verdicts(&report, CLIENT).is_empty());
    }
}

#[test]
fn a_secret_as_an_environment_may_hold_any_connection() {
    let room = Room::with(&shop("envFrom: [{ secretRef: { name: api-secrets } }]"));
    let causes = |report: &Value, check| {
        let mut causes: Vec<_> =
            reasons(report, check).iter().map(|r| r["cause"].as_str().unwrap().to_owned()).collect();
        causes.dedup();
        causes
    };
    let report = room.sh("audit in.yaml --format json").json();
    for check in [REACHABLE, CLIENT] {
        assert_eq!(causes(&report, check), ["withheld"], "{check}");
    }
    room.sh("audit in.yaml --strict").status(3);
    let secret = |keys: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{ name: api-secrets, namespace: shop }}\nstringData: {{ {keys} }}\n"
        )
    };
    room.write("secret.yaml", secret("DATABASE_URL: x, token: y"));
    let report = room.sh("audit . --format json").json();
    for check in [REACHABLE, CLIENT] {
        assert_eq!(causes(&report, check), ["undecided"], "{check}");
        assert!(reasons(&report, check)[0]["text"].as_str().unwrap().contains("(DATABASE_URL)"));
    }
    // Keys of which none can name a database make no client.
    room.write("secret.yaml", secret("token: y, LOG_LEVEL: z"));
    let report = room.sh("audit . --format json").json();
    assert_eq!(verdicts(&report, REACHABLE)[0].1, "fail");
    assert!(verdicts(&report, CLIENT).is_empty());
}

const POD: &str = "spec: { hostNetwork: true, containers: [{ name: main, image: example/main }] }";

fn host_network(room: &Room) -> Vec<(String, String)> {
    verdicts(&room.sh("audit . --format json").json(), "workload-host-network")
}

fn fails(id: &str) -> (String, String) {
    (id.to_owned(), "fail".to_owned())
}

#[test]
fn the_status_of_a_manifest_is_ignored() {
    let pod = |uid: &str, phase: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{ name: probe, namespace: shop{uid} }}\n{POD}\nstatus: {{ phase: {phase} }}\n"
        )
    };
    let job = |uid: &str| {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{ name: load, namespace: shop{uid} }}\nspec: {{ template: {{ {POD} }} }}\n\
             status: {{ conditions: [{{ type: Complete, status: 'True' }}] }}\n"
        )
    };
    for (text, id) in [
        (pod("", "Succeeded"), "shop/Pod/probe"),
        (pod("", "Failed"), "shop/Pod/probe"),
        (pod(", uid: ''", "Succeeded"), "shop/Pod/probe"),
        (job(""), "shop/Job/load"),
    ] {
        assert_eq!(host_network(&Room::with(&text)), [fails(id)], "{text}");
    }
    // What a server gave has finished, and is named.
    for (text, kind, name) in [(pod(", uid: u", "Failed"), "Pod", "shop/probe"), (job(", uid: u"), "Job", "shop/load")]
    {
        let report = Room::with(&text).sh("audit in.yaml --format json").status(4).json();
        let objects = &report["notEvaluated"]["objects"][0];
        assert_eq!((&objects["kind"], &objects["names"]), (&json!(kind), &json!([name])), "{report}");
        assert_eq!(objects["reason"], "they have finished");
    }
}

#[test]
fn no_owner_makes_an_object_disappear() {
    let deployment = |owner: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: api, namespace: shop, uid: own, ownerReferences: [{{ {owner}, controller: true }}] }}\n\
             spec: {{ selector: {{ matchLabels: {{ app: api }} }}, template: {{ metadata: {{ labels: {{ app: api }} }}, {POD} }} }}\n"
        )
    };
    let of = |api_version: &str, kind: &str, name: &str, rest: &str| {
        format!(
            "---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {{ name: {name}, namespace: shop, uid: the-uid }}\n\
             spec: {{ template: {{ metadata: {{ labels: {{ a: b }} }}, spec: {{ containers: [] }} }} }}\n{rest}\n"
        )
    };
    let finished = of("batch/v1", "Job", "owner", "status: { conditions: [{ type: Failed, status: 'True' }] }");
    for (owner, other, id) in [
        ("apiVersion: batch/v1, kind: Job, name: owner", finished.clone(), "shop/Deployment/api"),
        ("apiVersion: batch/v1, kind: CronJob, name: owner", finished, "shop/CronJob/owner"),
        ("apiVersion: apps/v1, kind: Deployment, name: api", String::new(), "shop/Deployment/api"),
        ("apiVersion: apps/v1, kind: StatefulSet, name: owner", of("apps/v1", "StatefulSet", "owner", ""), "shop/Deployment/api"),
        // Of another API group and with another uid, it is another object than the one of that name.
        ("apiVersion: example.com/v1, kind: StatefulSet, name: owner", of("apps/v1", "StatefulSet", "owner", ""), "shop/Deployment/api"),
        (
            "apiVersion: postgresql.cnpg.io/v1, kind: Pooler, name: owner",
            "---\napiVersion: postgresql.cnpg.io/v1\nkind: Pooler\nmetadata: { name: owner, namespace: shop }\nspec: { cluster: { name: pg } }\n".to_owned(),
            "shop/Deployment/api",
        ),
        // Nobody has read it: it gives the workload its name.
        ("apiVersion: example.com/v1, kind: App, name: owner", String::new(), "shop/App/owner"),
    ] {
        let room = Room::with(&(deployment(owner) + &other));
        assert!(host_network(&room).contains(&fails(id)), "{owner}: {:?}", host_network(&room));
        let notes = room.sh("audit in.yaml --format json").json()["evidence"]["notes"].to_string();
        assert_eq!(notes.contains("as controller, but"), id == "shop/Deployment/api", "{owner}: {notes}");
    }
}

#[test]
fn owners_in_a_circle_are_all_evaluated() {
    let names = ["a", "b", "c"];
    let text: String = names
        .iter()
        .zip(["b", "c", "a"])
        .map(|(name, owner)| {
            format!(
                "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {{ name: {name}, namespace: shop, ownerReferences: \
                 [{{ apiVersion: apps/v1, kind: ReplicaSet, name: {owner}, controller: true }}] }}\nspec: {{ template: {{ {POD} }} }}\n---\n"
            )
        })
        .collect();
    assert_eq!(host_network(&Room::with(&text)), names.map(|n| fails(&format!("shop/ReplicaSet/{n}"))));
}

#[test]
fn a_pod_that_claims_an_owner_hides_neither_itself_nor_the_template() {
    let stateful = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: { name: db, namespace: shop, uid: u1 }\n\
        spec: { selector: { matchLabels: { app: db } }, template: { metadata: { labels: { app: db } }, spec: { hostNetwork: true, containers: [{ name: main }] } } }\n---\n";
    let pod = |labels: &str, uid: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{ name: claims, namespace: shop{uid}, labels: {{ {labels} }}, ownerReferences: \
             [{{ apiVersion: apps/v1, kind: StatefulSet, name: db, uid: u1, controller: true }}] }}\nspec: {{ containers: [{{ name: main, image: x }}] }}\n"
        )
    };
    let audit = |text: &str| host_network(&Room::with(text));
    assert_eq!(audit(stateful), [fails("shop/StatefulSet/db")]);
    // A pod of a manifest does not stand for the pods that the controller makes.
    assert_eq!(audit(&(stateful.to_owned() + &pod("app: db", ""))), [fails("shop/StatefulSet/db")]);
    let report =
        Room::with(&(stateful.to_owned() + &pod("app: other", ", uid: u9"))).sh("audit in.yaml --format json").json();
    let subjects: Vec<String> = verdicts(&report, "workload-host-network").into_iter().map(|(id, _)| id).collect();
    assert_eq!(subjects, ["shop/Pod/claims", "shop/StatefulSet/db"]);
    assert!(report["evidence"]["notes"].to_string().contains("its selector does not match"), "{report}");
}

#[test]
fn only_what_the_operator_makes_is_an_instance() {
    let cluster = "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: { name: pg, namespace: shop }\n\
        spec: { instances: 1, postgresql: { pg_hba: ['hostssl all all all scram-sha-256'] } }\n---\n";
    let all = "cnpg.io/cluster: pg, cnpg.io/podRole: instance, cnpg.io/instanceName: pg-1";
    let pod = |name: &str, labels: &str, container: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{ name: {name}, namespace: shop, uid: u-{name}, labels: {{ {labels} }}, ownerReferences: \
             [{{ apiVersion: postgresql.cnpg.io/v1, kind: Cluster, name: pg, uid: u, controller: true }}] }}\n\
             spec: {{ containers: [{{ name: {container}, image: x, ports: [{{ containerPort: 5432 }}] }}] }}\n---\n"
        )
    };
    let instance = pod("pg-1", all, "postgres");
    for (labels, container) in [
        ("cnpg.io/cluster: pg", "postgres"),
        ("cnpg.io/cluster: pg, cnpg.io/podRole: instance", "postgres"),
        ("cnpg.io/cluster: pg, cnpg.io/instanceName: pg-1", "postgres"),
        ("cnpg.io/podRole: instance, cnpg.io/instanceName: pg-1", "postgres"),
        (all, "shell"),
    ] {
        let room = Room::with(&(cluster.to_owned() + &instance + &pod("intruder", labels, container)));
        let report = room.sh("audit in.yaml --format json").json();
        let found = &report["results"].as_array().unwrap().iter().find(|r| r["check"] == REACHABLE).unwrap();
        assert_eq!(found["verdict"], "fail", "{labels} {container}");
        assert!(found["message"].as_str().unwrap().contains("shop/Pod/intruder"), "{found}");
        let notes = report["evidence"]["notes"].to_string();
        assert!(notes.contains("shop/Pod/intruder names postgresql.cnpg.io/v1 Cluster/pg as controller"), "{notes}");
    }
    let report = Room::with(&(cluster.to_owned() + &instance)).sh("audit in.yaml --format json").json();
    assert_eq!(verdicts(&report, REACHABLE), [("shop/Cluster/pg".to_owned(), "pass".to_owned())]);
    assert_eq!(report["evidence"]["notes"], json!([]));
}

#[test]
fn objects_that_share_a_generated_name_are_all_evaluated() {
    let job = |spec: &str| {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{ generateName: load-, namespace: shop }}\nspec: {{ template: {{ {spec} }} }}\n---\n"
        )
    };
    let room = Room::with(&(job("spec: { containers: [{ name: main, image: x }] }") + &job(POD)));
    assert_eq!(host_network(&room), [fails("shop/Job/load-*")]);
}

#[test]
fn every_manifest_of_a_folder_is_read() {
    let pod = |name: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{ name: {name}, namespace: shop }}\n{POD}\n");
    let room = Room::new();
    for (file, name) in [
        ("in/plain.yaml", "plain"),
        ("in/.hidden.yaml", "hidden"),
        ("in/.folder/x.yml", "folder"),
        ("in/sub/gke-posture.yml", "named-like-configuration"),
        ("in/.github/deep/.er/x.json.yaml", "deep"),
    ] {
        room.write(file, pod(name));
    }
    room.write("in/.git/x.yaml", "broken: [").write("in/.env", "A=b").write("in/gke-posture.yaml", "waivers: []\n");
    room.write("in/.github/workflows/ci.yaml", "on: push\njobs: {}\n");
    let report = room.sh("audit in --no-config --format json").json();
    let found = verdicts(&report, "workload-host-network");
    let names = ["deep", "folder", "hidden", "named-like-configuration", "plain"];
    assert_eq!(found, names.map(|n| fails(&format!("shop/Pod/{n}"))));
    let notes = report["evidence"]["notes"].to_string();
    assert!(notes.contains("in/.env is neither") && notes.contains("ci.yaml:1 is not a Kubernetes object"), "{notes}");
    assert!(!notes.contains("gke-posture.yaml"), "{notes}");
    // Only what is configuration by its content is taken for it.
    room.write("in/gke-posture.yaml", "replicaCount: 3\n");
    let notes = room.sh("audit in --no-config --format json").json()["evidence"]["notes"].to_string();
    assert!(notes.contains("in/gke-posture.yaml:1 is not a Kubernetes object"), "{notes}");
}

#[test]
fn each_key_of_the_configuration_is_known_where_folders_are_read() {
    let room = Room::new();
    let schema = room.sh("schema config").json();
    room.write("in/pod.yaml", format!("apiVersion: v1\nkind: Pod\nmetadata: {{ name: p }}\n{POD}\n"));
    for key in schema["properties"].as_object().unwrap().keys() {
        room.write("in/gke-posture.yaml", format!("{key}: {{}}\n"));
        let notes = room.sh("audit in --no-config --format json").json()["evidence"]["notes"].to_string();
        assert!(!notes.contains("gke-posture.yaml"), "{key}: {notes}");
    }
}

#[test]
fn folders_that_go_on_are_an_error() {
    let room = Room::new();
    let pod = format!("apiVersion: v1\nkind: Pod\nmetadata: {{ name: p }}\n{POD}\n");
    room.write(&format!("in/{}pod.yaml", "d/".repeat(64)), &pod);
    room.sh("audit in").status(0);
    room.write(&format!("in/{}pod.yaml", "d/".repeat(65)), &pod);
    room.sh("audit in").status(2).warns("more than 64 levels");
}

#[test]
fn lists_in_lists_are_flattened() {
    let pod = |name: &str| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"hostNetwork": true, "containers": []}});
    let inner = json!({"apiVersion": "v1", "kind": "List", "items": [pod("b"), {"apiVersion": "v1", "kind": "List", "items": [pod("c")]}]});
    let typed = json!({"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"name": "d"}, "spec": {"hostNetwork": true, "containers": []}}]});
    let text = json!({"apiVersion": "v1", "kind": "List", "items": [pod("a"), inner, typed, {"apiVersion": "v1", "kind": "List", "items": []}]});
    let room = Room::new();
    room.write("in.json", text.to_string());
    assert_eq!(host_network(&room), ["a", "b", "c", "d"].map(|n| fails(&format!("default/Pod/{n}"))));
    assert_eq!(room.sh("audit . --format json").json()["notEvaluated"]["objects"], json!([]));
    // A kind of somebody's own that is called a list is none.
    room.write(
        "in.json",
        json!({"apiVersion": "example.com/v1", "kind": "AllowList", "metadata": {"name": "l"}, "items": ["a"]})
            .to_string(),
    );
    let objects = room.sh("audit . --format json").status(4).json()["notEvaluated"]["objects"].clone();
    assert_eq!((&objects[0]["kind"], &objects[0]["names"]), (&json!("AllowList"), &json!(["l"])));
}

#[test]
fn what_has_to_be_rendered_first_is_one_line_that_names_the_renderer() {
    let deployment = crate::support::deployment("shop", "web");
    let one_line = |room: &Room, input: &str, renderer: &str| {
        for command in ["audit", "reach"] {
            let out = room.sh(&format!("{command} {input}")).status(2).warns(renderer);
            assert_eq!(out.stderr.lines().count(), 1, "{input}: {}", out.stderr);
        }
    };
    let room = Room::new();
    room.write("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    room.write("chart/values.yaml", "replicas: 2\n");
    for i in 0..5 {
        room.write(
            &format!("chart/templates/{i}.yaml"),
            "{{- if .Values.on }}\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\n{{- end }}\n",
        );
    }
    room.write("chart/templates/ok.yaml", &deployment);
    room.write("chart/charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\n")
        .write("chart/charts/sub/templates/a.yaml", "a: {{ b }}\n");
    one_line(&room, "chart", "`helm template chart`");
    one_line(&room, "chart/templates/0.yaml", "helm template");
    let loose = Room::new();
    for i in 0..5 {
        loose.write(
            &format!("in/{i}.yaml"),
            "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: \"{{ .Values.name }}\" }\n",
        );
    }
    one_line(&loose, "in", "helm template");
    // Templates inside a value are the object's own.
    let own = Room::with(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: alerts }\ndata:\n  a: |\n    {{ $labels.instance }} is down\n",
    );
    own.write("web.yaml", &deployment);
    own.sh("audit .").status(0);
    // A chart without templates is manifests.
    let plain = Room::new();
    plain.write("chart/Chart.yaml", "apiVersion: v2\nname: web\n").write("chart/templates/web.yaml", &deployment);
    plain.sh("audit chart").status(0);

    for (file, text, renderer) in [
        ("main.tf", "resource \"google_container_cluster\" \"c\" {}\n", "terraform show -json"),
        ("plan.bin", "PK\u{3}\u{4}\u{14}", "terraform show -json"),
        ("list.txt", "NAME  LOCATION  MASTER_VERSION\nc  europe-west1  1.33\n", "--format=json"),
        ("pods.txt", "NAME    READY   STATUS\nweb-1   1/1     Running\n", "-o yaml"),
    ] {
        let room = Room::new();
        room.write(file, text);
        one_line(&room, file, renderer);
    }
    let terraform = Room::new();
    terraform.write("tf/main.tf", "").write("tf/variables.tf", "").write("tf/a.tf.json", "{}");
    one_line(&terraform, "tf", "terraform show -json");
    terraform.write("tf/web.yaml", &deployment);
    let report = terraform.sh("audit tf --format json").status(0).json();
    assert!(report["evidence"]["notes"].to_string().contains("3 files are of Terraform's own language"), "{report}");
    // What gcloud prints by default is YAML, and is read.
    let room = Room::with("name: c\nnetworkPolicy: {}\nnodePools: []\ncurrentMasterVersion: 1.33.1-gke.1\n");
    assert_eq!(room.sh("audit in.yaml --format json").json()["target"]["name"], "c");
}

#[test]
fn a_kustomization_that_only_lists_is_read_and_one_that_changes_is_not() {
    let deployment = |name: &str| crate::support::deployment("shop", name);
    let room = Room::new();
    room.write("base/web.yaml", deployment("web")).write("base/kustomization.yaml", "resources: [web.yaml]\n");
    room.write("overlay/own.yaml", deployment("own"));
    room.write("overlay/kustomization.yaml", "resources:\n- ../base\n- own.yaml\n- ../extra.yaml\n");
    room.write("extra.yaml", deployment("extra"));
    let ids = |input: &str| {
        let report = room.sh(&format!("audit {input} --format json")).status(0).json();
        assert!(!report["evidence"]["notes"].to_string().contains("twice"), "{report}");
        verdicts(&report, "workload-host-network").into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    let all = ["shop/Deployment/extra", "shop/Deployment/own", "shop/Deployment/web"];
    for input in ["overlay", "overlay/kustomization.yaml", "overlay base", "base overlay", "."] {
        assert_eq!(ids(input), all, "{input}");
    }
    for change in
        ["patches: [{ path: own.yaml }]", "namespace: other", "images: [{ name: x, newTag: y }]", "components: [c]"]
    {
        room.write("overlay/kustomization.yaml", format!("resources: [../base]\n{change}\n"));
        for input in ["overlay", "overlay/kustomization.yaml", "."] {
            let out = room.sh(&format!("audit {input}")).status(2).warns("kubectl kustomize ");
            assert_eq!(out.stderr.lines().count(), 1, "{}", out.stderr);
        }
    }
    room.write("overlay/kustomization.yaml", "resources: ['https://github.com/example/repository//base?ref=v1']\n");
    room.sh("audit overlay").status(2).warns("`kubectl kustomize overlay`");
}

#[test]
fn labels_that_contradict_each_other_lower_no_severity() {
    let text = |own: &str, namespace: &str| {
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{ name: shop, labels: {{ env: {namespace} }} }}\n---\n\
             apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {{ name: pg, namespace: shop, labels: {{ {own} }} }}\n\
             spec: {{ instances: 1, postgresql: {{ pg_hba: ['host all all all scram-sha-256'] }} }}\n"
        )
    };
    for (own, namespace) in [("env: dev", "production"), ("stage: prod", "dev"), ("env: dev, environment: prod", "dev")]
    {
        let room = Room::with(&text(own, namespace));
        let report = room.sh("audit in.yaml --format json").status(1).json();
        let cross = "database-reachable-across-environments";
        assert_eq!(verdicts(&report, cross)[0].1, "unknown", "{own}");
        let reasons = reasons(&report, cross);
        assert!(reasons[0]["text"].as_str().unwrap().contains("databases: [shop/Cluster/pg]"), "{reasons:?}");
        assert!(report["evidence"]["notes"].to_string().contains("development and production"), "{report}");
        // The configuration settles it.
        room.write("gke-posture.yaml", "environments: { development: { databases: [shop/Cluster/pg] } }\n");
        let report = room.sh("audit in.yaml --format json").status(0).json();
        assert_eq!(verdicts(&report, cross)[0].1, "not-applicable", "{own}");
        assert_eq!(report["evidence"]["notes"], json!([]));
    }
    Room::with(&text("env: dev", "dev")).sh("audit in.yaml").status(0);
}
