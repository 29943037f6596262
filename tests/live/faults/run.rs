//! Runs the cells, several at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::json;

use super::cells::{At, Cell, Expect, Road, Twist};
use super::evaluate::{Outcome, evaluate, evaluate_fault, evaluate_noted};
use crate::servers::ports::{Babble, Closed, Silent};
use crate::servers::{Crd, Effect, Options, data};
use crate::world::{CLUSTER, Login, World};

/// More than the processors: most cells wait.
const AT_A_TIME: usize = 16;

/// What is wrong with any cell.
pub(super) fn all(cells: Vec<Cell>) -> Vec<String> {
    let cells = Mutex::new(cells.into_iter());
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some(cell) = cells.lock().unwrap().next() else { return };
                    if let Err(why) = one(&cell) {
                        let what = format!("{} × {}: {why}", cell.place, cell.fault);
                        wrong.lock().unwrap().push(what);
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    wrong
}

fn world(road: Road, options: Options) -> World {
    let mut objects = match road {
        Road::Secrets | Road::WithoutSecret => crate::world::objects_with_billing(),
        _ => crate::world::objects(),
    };
    if road == Road::Paged {
        // What deployments leave behind: ReplicaSets of former revisions, without pods.
        let labels = json!({"app": "tomoda-api", "pod-template-hash": "old"});
        objects.extend((0..520).map(|n| {
            json!({
                "apiVersion": "apps/v1", "kind": "ReplicaSet",
                "metadata": {"name": format!("tomoda-api-{n}"), "namespace": "prod", "labels": labels,
                    "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "tomoda-api",
                        "uid": "0", "controller": true}]},
                "spec": {"replicas": 0, "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "api", "image": "api"}]}}},
            })
        }));
    }
    let options = Options { aggregated_discovery: road != Road::OldDiscovery, ..options };
    let world = World::with(options, &objects);
    data::policy_crds().into_iter().for_each(|crd| world.kube.install(crd));
    world.kube.install(Crd::new("postgresql.cnpg.io", "v1", "Pooler", "poolers", true));
    match road {
        Road::WithoutConfigMap => world.kube.delete("v1", "ConfigMap", "prod", "tomoda-config"),
        Road::WithoutSecret => world.kube.delete("v1", "Secret", "prod", "billing-db"),
        _ => {}
    }
    world
}

/// Half of the cells let no finding count, so that the status of an audit without findings is seen too.
fn arguments(road: Road, fail_on: &'static str, timeout: Option<&'static str>) -> Vec<&'static str> {
    let mut args = vec!["audit", CLUSTER, "--format", "json", "--fail-on", fail_on];
    if matches!(road, Road::Secrets | Road::WithoutSecret) {
        args.push("--read-secret-values");
    }
    args.extend(timeout.into_iter().flat_map(|t| ["--timeout", t]));
    args
}

fn fail_on(cell: &Cell) -> &'static str {
    if cell.fault.len().is_multiple_of(2) { "high" } else { "none" }
}

/// The run without faults, once.
fn base(road: Road, fail_on: &'static str) -> Arc<Outcome> {
    type Bases = BTreeMap<(Road, &'static str), Arc<OnceLock<Arc<Outcome>>>>;
    static BASES: Mutex<Bases> = Mutex::new(BTreeMap::new());
    let slot = BASES.lock().unwrap().entry((road, fail_on)).or_default().clone();
    slot.get_or_init(|| {
        let world = world(road, Options::default());
        let out = world.run(Login::TokenFile, &arguments(road, fail_on, None));
        let outcome = Outcome { status: out.status, report: out.json() };
        assert_eq!(outcome.report["gaps"], json!([]), "{road:?}");
        world.assert_only_reads(matches!(road, Road::Secrets | Road::WithoutSecret));
        Arc::new(outcome)
    })
    .clone()
}

/// What a gap may record of the fault of a cell; empty where that is not said here.
fn recorded_as(cell: &Cell) -> &'static [&'static str] {
    match cell.twist {
        Twist::Certificate(_) => return &["untrusted-certificate"],
        Twist::KubeRefuses | Twist::GoogleRefuses => return &["unreachable"],
        Twist::KubeSilent => return &["timeout", "unreachable"],
        Twist::KubeBabbles => return &[],
        Twist::None => {}
    }
    // Whatever keeps a token from being made.
    if cell.place.starts_with("metadata server") || cell.place.starts_with("token of") {
        return &["unauthenticated"];
    }
    let [fault] = &cell.faults[..] else { return &[] };
    match fault.effect() {
        Effect::Status { code: 401, .. } | Effect::Revoke => &["unauthenticated"],
        Effect::Status { code: 403, .. } => &["forbidden"],
        Effect::Status { code: 404, .. } => &["not-found"],
        Effect::Status { code: 410, .. } | Effect::Expired => &["expired"],
        Effect::Status { code: 429, .. } => &["too-many-requests"],
        Effect::Status { code: 500..=599, .. } => &["server-error"],
        Effect::Hang | Effect::Stall | Effect::Drip { .. } => &["timeout"],
        Effect::Close | Effect::Reset | Effect::ResetWithin(_) | Effect::CutLength(_) | Effect::CutChunked(_) => {
            &["incomplete-answer"]
        }
        Effect::Html { code: 200 } | Effect::Malformed | Effect::NoBody => &["invalid-answer", "incomplete-answer"],
        _ => &[],
    }
}

fn one(cell: &Cell) -> Result<(), String> {
    let fail_on = fail_on(cell);
    let base = base(cell.base, fail_on);
    let tls = match cell.twist {
        Twist::Certificate(certificate) => Some(certificate),
        _ => Options::default().tls,
    };
    let world = world(cell.road, Options { tls, ..Options::default() });
    let server = match cell.at {
        At::Google => world.google.faults(),
        At::Kube => world.kube.faults(),
    };
    cell.faults.iter().for_each(|f| server.add(f.clone()));
    let mut command = world.command(cell.login, &arguments(cell.road, fail_on, cell.timeout));
    let (closed, silent, babble) = (Closed::new(), Silent::new(), Babble::new(b"SSH-2.0-OpenSSH_9.2\r\n"));
    let moved = |address: std::net::SocketAddr| {
        let mut cluster = data::served_by(data::example_cluster(), &world.kube, data::Endpoint::Public);
        cluster["endpoint"] = json!(address.to_string());
        cluster["controlPlaneEndpointsConfig"]["ipEndpointsConfig"]["publicEndpoint"] = json!(address.to_string());
        world.google.cluster(CLUSTER, cluster);
    };
    match cell.twist {
        Twist::KubeRefuses => moved(closed.address),
        Twist::KubeSilent => moved(silent.address),
        Twist::KubeBabbles => moved(babble.address),
        Twist::GoogleRefuses => {
            command.env("CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER", format!("http://{}", closed.address));
        }
        Twist::None | Twist::Certificate(_) => {}
    }
    let out = crate::support::output(command, None);
    if !cell.faults.is_empty() && server.struck() == 0 {
        return Err("the fault struck nothing".to_owned());
    }
    let wrong = world.not_meant(cell.road == Road::Secrets);
    if !wrong.is_empty() {
        return Err(format!("not meant to be asked: {wrong:?}"));
    }
    let Ok(report) = serde_json::from_str(&out.stdout) else { return Err(format!("no report: {}", out.all())) };
    let got = Outcome { status: out.status, report };
    let evaluated = match cell.expect {
        Expect::Complete => evaluate(&cell.lost, &cell.names, true, &base, &got),
        Expect::Gap => evaluate(&cell.lost, &cell.names, false, &base, &got).and_then(|()| match recorded_as(cell) {
            [] => Ok(()),
            faults => evaluate_fault(&cell.names, faults, &got),
        }),
        Expect::Noted => evaluate_noted("is taken as a policy whose rules are not known", &base, &got),
        Expect::CompleteOrGap if got.is_complete(&base) => Ok(()),
        Expect::CompleteOrGap => evaluate(&cell.lost, &cell.names, false, &base, &got),
    };
    evaluated.map_err(|why| format!("{why}\n  status {}, gaps {:#}\n{}", got.status, got.report["gaps"], out.stderr))
}
