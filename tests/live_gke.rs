//! Live
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod servers;
mod support;
mod world;

use world::{CLUSTER, Login, World};

#[test]
fn base() {
    let w = World::new();
    let t = std::time::Instant::now();
    let out = w.run(Login::Token, &["audit", CLUSTER, "--format", "json"]);
    eprintln!("{:?}", t.elapsed());
    let j = out.json();
    eprintln!("{} {} {}", out.status, j["outcome"], j["gaps"]);
    eprintln!("{}", j["summary"]["byVerdict"]);
    let out = w.run(Login::Token, &["audit", CLUSTER, "--format", "json", "--read-secret-values"]);
    let j = out.json();
    eprintln!("{} {} {}", out.status, j["outcome"], j["gaps"]);
    eprintln!("{}", j["summary"]["byVerdict"]);
    for r in j["results"].as_array().unwrap() { if r["verdict"]=="unknown" || r["subject"]["id"].as_str().unwrap().contains("billing") { eprintln!("{} {} {} {} {}", r["check"], r["subject"]["id"], r["verdict"], r["message"], r["reasons"]); } }
    w.assert_only_reads(true);
    for e in w.kube.record().entries() { eprintln!("{}", e.line()); }
}
