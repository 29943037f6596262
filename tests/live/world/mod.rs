//! A project with a cluster, as a person would audit it: Google's APIs, the cluster's API server, and a folder to run in.
//! The crate that takes it has the modules `servers` and `support` beside it.
#![allow(dead_code)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::servers::data::{self, Endpoint};
use crate::servers::ports::Closed;
use crate::servers::{FakeGoogle, FakeKube, Options, live};
use crate::support::{self, Out, Room};

pub(crate) const PROJECT: &str = "development-485000";
pub(crate) const CLUSTER: &str = "projects/development-485000/locations/asia-east1-a/clusters/gke-tomoda";
/// Whoever audits, in all forms of credentials.
pub(crate) const WHO: &str = "auditor@development-485000.iam.gserviceaccount.com";
/// Client of a database whose settings are in a Secret.
pub(crate) const BILLING: &str = "prod/Deployment/billing";

/// Where tokens come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// A token in `CLOUDSDK_AUTH_ACCESS_TOKEN`.
    Token,
    /// A token in the file of `CLOUDSDK_AUTH_ACCESS_TOKEN_FILE`.
    TokenFile,
    /// The key of a service account.
    Key,
    /// Application default credentials of a person.
    User,
    Metadata,
    Nobody,
}

pub(crate) struct World {
    pub google: FakeGoogle,
    pub kube: FakeKube,
    pub room: Room,
    /// Where no metadata server answers.
    nowhere: Closed,
}

/// The example as it runs: with pods, and with the Secrets that nobody may read.
pub(crate) fn objects() -> Vec<Value> {
    let mut objects = data::example();
    objects.push(secret("prod", "tomoda-db", json!({"password": "pw"})));
    objects.push(secret("tomoda", "tomoda-db", json!({"password": "pw"})));
    objects.push(secret("prod", "nobody-refers-to-it", json!({"password": "pw"})));
    objects.push(json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "nobody-refers-to-it", "namespace": "prod"}, "data": {"DB_SSLMODE": "disable"}}));
    live::with_pods(objects)
}

/// As [`objects`], with [`BILLING`], whose sslmode is in a Secret and makes it pass.
pub(crate) fn objects_with_billing() -> Vec<Value> {
    let billing = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "billing", "namespace": "prod", "labels": {"app": "billing"}},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "billing"}}, "template": {
            "metadata": {"labels": {"app": "billing"}},
            "spec": {"containers": [{
                "name": "billing", "image": "registry.example.com/billing:1.0.0",
                "env": [
                    {"name": "PGHOST", "value": "prod-postgres-postgresql.data.svc.cluster.local"},
                    {"name": "PGDATABASE", "value": "billing"},
                    {"name": "PGSSLROOTCERT", "value": "/etc/ssl/postgres/ca.crt"},
                    {"name": "PGSSLMODE", "valueFrom": {"secretKeyRef": {"name": "billing-db", "key": "mode"}}},
                ],
            }]},
        }},
    });
    let mut all = objects();
    all.extend(live::with_pods(vec![billing]).into_iter().filter(|o| o["kind"] != "Node"));
    all.push(secret("prod", "billing-db", json!({"mode": "verify-full"})));
    all
}

pub(crate) fn secret(namespace: &str, name: &str, values: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "stringData": values})
}

impl World {
    pub(crate) fn new() -> World {
        World::with(Options::default(), &objects())
    }

    pub(crate) fn with(options: Options, objects: &[Value]) -> World {
        let google = FakeGoogle::start();
        google.project(PROJECT, &["folders/11", "organizations/22"]);
        let kube = FakeKube::with(Options { tokens: google.tokens().clone(), ..options }, objects);
        kube.allow_everything(WHO);
        google.cluster(CLUSTER, data::served_by(data::example_cluster(), &kube, Endpoint::Public));
        let room = Room::new();
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tomoda/gke-posture.yaml");
        room.write("gke-posture.yaml", std::fs::read(config).unwrap());
        World { google, kube, room, nowhere: Closed::new() }
    }

    /// The binary, with nothing in its environment but where this world is.
    pub(crate) fn command(&self, login: Login, args: &[&str]) -> Command {
        let mut command = self.room.command(args);
        command.env_clear().env("SOURCE_DATE_EPOCH", support::EPOCH).env("HOME", self.room.path("home"));
        command.env("PATH", self.room.path("bin")).env("GCE_METADATA_HOST", self.nowhere.address.to_string());
        for service in ["CONTAINER", "CLOUDASSET", "CLOUDRESOURCEMANAGER", "CONNECTGATEWAY", "IAMCREDENTIALS"] {
            command.env(format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}"), self.google.url());
        }
        let file = |name: &str, value: String| {
            self.room.write(name, value);
            self.room.path(name)
        };
        match login {
            Login::Token => command.env("CLOUDSDK_AUTH_ACCESS_TOKEN", self.google.tokens().issue(WHO)),
            Login::TokenFile => {
                command.env("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", file("token", self.google.tokens().issue(WHO)))
            }
            Login::Key => {
                let key = file("key.json", self.google.service_account_key(WHO).to_string());
                command.env("GOOGLE_APPLICATION_CREDENTIALS", key)
            }
            Login::User => {
                let user = file("adc.json", self.google.authorized_user(WHO).to_string());
                command.env("GOOGLE_APPLICATION_CREDENTIALS", user)
            }
            Login::Metadata => {
                self.google.machine(WHO);
                command.env("GCE_METADATA_HOST", self.google.host())
            }
            Login::Nobody => &mut command,
        };
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, login: Login, args: &[&str]) -> Out {
        support::output(self.command(login, args), None)
    }

    /// Only reads happened: `GET`, and what makes tokens. Secrets only if they were asked for, ConfigMaps and Secrets
    /// only where an environment refers to them.
    pub(crate) fn assert_only_reads(&self, secrets: bool) {
        let wrong = self.not_meant(secrets);
        assert!(wrong.is_empty(), "not meant to be asked:\n{}", wrong.join("\n"));
    }

    pub(crate) fn not_meant(&self, secrets: bool) -> Vec<String> {
        let tokens = |path: &str| ["/token", "/v1/token"].contains(&path) || path.ends_with(":generateAccessToken");
        let referred: BTreeSet<String> = (["prod", "tomoda"].iter())
            .flat_map(|n| [format!("{n}/configmaps/tomoda-config"), format!("{n}/secrets/tomoda-db")])
            .chain(["prod/secrets/billing-db".to_owned()])
            .map(|name| format!("/api/v1/namespaces/{name}"))
            .collect();
        let mut wrong = Vec::new();
        for e in self.kube.record().entries() {
            let sensitive = e.path.contains("/secrets") || e.path.contains("/configmaps");
            let allowed = !e.path.contains("/secrets") || secrets;
            // Behind Connect Gateway something stands before it.
            let own = e.path.find("/api/v1/").map_or("", |at| &e.path[at..]);
            let meant = !sensitive || referred.contains(own) && allowed;
            if e.verb != "GET" || e.query.contains("watch") || !meant {
                wrong.push(e.line());
            }
        }
        let google = self.google.record().entries();
        wrong.extend(google.iter().filter(|e| e.verb != "GET" && !tokens(&e.path)).map(|e| e.line()));
        wrong
    }
}

/// The results without where they were read.
pub(crate) fn results(report: &Value) -> Vec<Value> {
    let mut results = report["results"].as_array().unwrap().clone();
    for result in &mut results {
        for evidence in result["evidence"].as_array_mut().into_iter().flatten() {
            evidence.as_object_mut().map(|e| e.remove("source"));
        }
    }
    results
}
