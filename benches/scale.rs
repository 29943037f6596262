//! How the work grows, as ratios measured in one run: `cargo bench --bench scale`.
//!
//! - reach of every pair by the engine, against an evaluator that walks all policies for each pair;
//! - a whole audit, against reading the same files alone.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use gke_posture::audit::{Evidence, Settings, audit, prepare};
use gke_posture::check::{Registry, builtin_files};
use gke_posture::collect::{Options, read_embedded};
use gke_posture::config::Config;
use gke_posture::inventory::{Dataplane, Snapshot, Tri};
use gke_posture::network::policy::{Peer as RulePeer, Policy, Rule};
use gke_posture::network::{Peer, Reach};

/// Namespaces with ten Deployments, ten Services and five policies each.
fn cluster(namespaces: usize) -> String {
    let mut text = String::new();
    for n in 0..namespaces {
        let ns = format!("team-{n}");
        let _ = writeln!(
            text,
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {ns}, labels: {{team: t{}}}}}",
            n % 20
        );
        for w in 0..10 {
            let _ = writeln!(
                text,
                "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app-{w}, namespace: {ns}}}\nspec:\n  template:\n    metadata: {{labels: {{app: app-{w}, tier: t{}}}}}\n    spec: {{containers: [{{name: c, image: i, ports: [{{name: http, containerPort: {}}}]}}]}}",
                w % 3,
                8000 + w
            );
            let _ = writeln!(
                text,
                "---\napiVersion: v1\nkind: Service\nmetadata: {{name: app-{w}, namespace: {ns}}}\nspec: {{selector: {{app: app-{w}}}, ports: [{{port: 80, targetPort: http}}]}}"
            );
        }
        for p in 0..5 {
            let _ = writeln!(
                text,
                "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p{p}, namespace: {ns}}}\nspec:\n  podSelector: {{matchLabels: {{app: app-{p}}}}}\n  policyTypes: [Ingress, Egress]\n  ingress:\n    - from: [{{namespaceSelector: {{matchLabels: {{team: t{}}}}}, podSelector: {{matchLabels: {{tier: t{}}}}}}}, {{ipBlock: {{cidr: 10.{}.{p}.0/24}}}}]\n      ports: [{{port: {}}}]\n  egress: [{{to: [{{namespaceSelector: {{}}}}], ports: [{{port: 8000, endPort: 8009}}]}}]",
                (n + p) % 20,
                p % 3,
                n % 250,
                8000 + p
            );
        }
    }
    text
}

fn read(text: &str) -> Snapshot {
    let options = Options::new("default", true);
    read_embedded(&[("bench.yaml", text)], "bench", options).expect("the generated files are valid")
}

/// One side of one pair on one port, by walking every policy of the namespace: slow and plain.
fn naive_side(reach: &Reach, policies: &[Policy], direction: usize, subject: usize, other: usize, port: u16) -> bool {
    let model = &reach.model;
    let cell = &model.cells[subject];
    let namespace = &model.namespaces[cell.namespace].name;
    let (mut isolated, mut allowed) = (false, false);
    for p in policies.iter().filter(|p| p.meta.namespace == *namespace && p.isolates[direction]) {
        if cell.labels.matches(&p.selector) != Tri::Yes {
            continue;
        }
        isolated = true;
        let opens = |r: &Rule| {
            let peer = r.peers.as_ref().is_none_or(|peers| {
                peers.iter().any(|peer| match peer {
                    RulePeer::Pods { .. } => model.peer_selects(peer, namespace, &model.cells[other]) == Tri::Yes,
                    RulePeer::Block(b) => model.block_holds_cell(&model.blocks[*b], &model.cells[other]) == Tri::Yes,
                })
            });
            peer && r.ports.iter().any(
                |x| matches!(x.what, gke_posture::network::policy::PortMatch::Range(a, b) if (a..=b).contains(&port)),
            )
        };
        allowed |= p.rules[direction].iter().any(opens);
    }
    !isolated || allowed
}

fn median(mut runs: Vec<Duration>) -> f64 {
    runs.sort();
    runs[runs.len() / 2].as_secs_f64()
}

fn main() {
    println!(
        "namespaces  workloads  policies     engine      naive   naive/engine     reading      audit   audit/reading"
    );
    let registry = Registry::load(&builtin_files(), gke_posture::facts::vocabulary).expect("built-in checks load");
    let config = Config::default();
    for namespaces in [5, 20, 60] {
        let text = cluster(namespaces);
        let (mut engine, mut naive, mut reading, mut whole) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..3 {
            let start = Instant::now();
            let snapshot = read(&text);
            reading.push(start.elapsed());

            let (inventory, mut reach) = prepare(snapshot.clone(), Some(Dataplane::Calico));
            let policies = reach.model.policies.clone();
            let n = inventory.workloads.len();
            let start = Instant::now();
            let mut allowed = 0usize;
            for a in 0..n {
                for b in 0..n {
                    let d = reach.pair(Peer::Class((a, 0)), Peer::Class((b, 0)));
                    allowed += usize::from(reach.set(d.certain).contains(Default::default(), 8003));
                }
            }
            engine.push(start.elapsed());
            let start = Instant::now();
            let mut slow = 0usize;
            for a in 0..n {
                for b in 0..n {
                    slow += usize::from(
                        naive_side(&reach, &policies, 1, a, b, 8003) && naive_side(&reach, &policies, 0, b, a, 8003),
                    );
                }
            }
            naive.push(start.elapsed());
            assert_eq!(allowed, slow, "both answer alike");

            let settings = Settings {
                dataplane: Some(Dataplane::Calico),
                ..Settings::new(&registry, &config, jiff::Timestamp::UNIX_EPOCH)
            };
            let start = Instant::now();
            let snapshot = read(&text);
            let report = audit(Evidence::new(snapshot, None), &settings);
            whole.push(start.elapsed());
            assert!(!report.results.is_empty());
        }
        let (e, s, r, w) = (median(engine), median(naive), median(reading), median(whole));
        println!(
            "{namespaces:>10}  {:>9}  {:>8}  {:>7.1}ms  {:>7.1}ms  {:>12.1}  {:>8.1}ms  {:>7.1}ms  {:>13.1}",
            namespaces * 10,
            namespaces * 5,
            e * 1e3,
            s * 1e3,
            s / e,
            r * 1e3,
            w * 1e3,
            w / r
        );
    }
}
