//! What reading a large live cluster costs, as ratios measured in one run: `cargo bench --bench live`.
//!
//! A server in a process of its own gives 5,000 namespaces, 10,000 Deployments with 100,000 pods, their ReplicaSets,
//! Services and EndpointSlices, and 10,000 NetworkPolicies, in pages that are made and compressed before. Then, each in a
//! process of its own, several times in turn:
//!
//! - download: the same requests with an HTTP client that inflates what comes, as most do, and it is thrown away;
//! - collect: the evidence, in memory;
//! - snapshot: `gke-posture snapshot`, which also writes it to a file;
//!
//! and once: audit, with time and memory after each phase. `cargo bench --bench live -- 5` measures five times,
//! `-- 3 10` with a tenth of everything. Memory is the peak of resident memory (`VmHWM`) and is given on Linux only.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gke_posture::audit::{Evidence, Settings, prepare};
use gke_posture::check::{Registry, builtin_files};
use gke_posture::collect::live::{self, EndpointChoice, Options, Progress, Target};
use gke_posture::config::Config;
use gke_posture::inventory::{Need, Snapshot};
use secrecy::ExposeSecret as _;
use tokio::sync::Semaphore;

#[path = "live/data.rs"]
mod data;
#[path = "live/server.rs"]
mod server;
#[allow(dead_code, clippy::unwrap_used)]
#[path = "../tests/servers/tls.rs"]
mod tls;

use data::Size;

// That of the program.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Target: peak of collecting, MiB.
const MEMORY: f64 = 300.0;
/// Target: collecting by downloading, wall time.
const RATIO: f64 = 1.5;
/// Requests at a time, as `gke-posture` makes them.
const PARALLEL: usize = 5;

fn size(part: usize) -> Size {
    Size { namespaces: 5_000 / part, deployments: 10_000 / part, policies: 10_000 / part, pods: 100_000 / part }
}

fn main() {
    // Cargo adds `--bench`.
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["serve", part, file] => server::serve(size(part.parse().expect("a number")), Path::new(file)),
        ["download", file] => run(download(Path::new(file))),
        ["collect", file] => run(async {
            let snapshot = collect(Path::new(file)).await;
            println!("{} pods", snapshot.kinds()["Pod"]);
            // Memory is given back with the process.
            std::process::exit(0);
        }),
        ["audit", file] => run(audit(Path::new(file))),
        [] => compare(3, 1),
        [runs] => compare(runs.parse().expect("how often"), 1),
        [runs, part] => compare(runs.parse().expect("how often"), part.parse().expect("which part of the size")),
        _ => panic!("usage: cargo bench --bench live -- [RUNS [PART]]"),
    }
}

fn run(work: impl Future<Output = ()>) {
    live::install_tls();
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime").block_on(work);
}

/// What one process took.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    wall: Duration,
    /// Of all threads, user and system.
    cpu: Duration,
    /// MiB.
    peak: f64,
}

fn compare(runs: usize, part: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = folder.path().join("kubeconfig");
    let file = kubeconfig.to_str().expect("a path in UTF-8");
    let own = std::env::current_exe().expect("this program's path");
    let started = Instant::now();
    let mut server = Command::new(&own)
        .args(["serve", &part.to_string(), file])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut ready = String::new();
    BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut ready).expect("the server is ready");
    let packed: f64 = ready.trim().parse().expect("a number of bytes");
    println!("pages ready after {:.0?}: {:.1} MB compressed", started.elapsed(), packed / 1e6);

    let itself = |role: &str| command(&own, &[role, file]);
    let snapshot = folder.path().join("snapshot.gz");
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_gke-posture"));
    let words = ["snapshot", "--kubeconfig", file, "-o", snapshot.to_str().expect("a path in UTF-8")];
    println!("{:<10}  {:>8}  {:>8}  {:>9}", "", "wall", "CPU", "peak");
    let mut costs: [Vec<Cost>; 3] = Default::default();
    for _ in 0..runs {
        // In turn, so that what else the machine does weighs on all alike.
        let commands =
            [("download", itself("download")), ("collect", itself("collect")), ("snapshot", command(&binary, &words))];
        for ((name, command), all) in commands.into_iter().zip(&mut costs) {
            let cost = measure(command);
            show(name, cost);
            all.push(cost);
        }
    }
    let [download, collect, snapshot] = costs.map(median);
    println!("medians of {runs}:");
    for (name, cost) in [("download", download), ("collect", collect), ("snapshot", snapshot)] {
        show(name, cost);
    }
    let ratio = |cost: Cost| cost.wall.as_secs_f64() / download.wall.as_secs_f64();
    println!("collect/download   wall {:.2} (target {RATIO})", ratio(collect));
    println!("snapshot/download  wall {:.2}", ratio(snapshot));
    println!("collect peak       {:.0} MiB (target {MEMORY:.0})", collect.peak);
    println!("audit by phase:");
    let mut audit = itself("audit");
    audit.stdout(Stdio::inherit());
    show("audit", measure(audit));
    drop(server.stdin.take());
    let _ = server.wait();
    let reached = part > 1 || (collect.peak < MEMORY && ratio(collect) <= RATIO);
    println!("{}", if reached { "targets reached" } else { "TARGETS MISSED" });
}

fn command(program: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn show(name: &str, cost: Cost) {
    println!("{name:<10}  {:>7.2}s  {:>7.2}s  {:>5.0} MiB", cost.wall.as_secs_f64(), cost.cpu.as_secs_f64(), cost.peak);
}

/// Each by itself.
fn median(costs: Vec<Cost>) -> Cost {
    fn middle<T: PartialOrd + Copy>(costs: &[Cost], of: impl Fn(&Cost) -> T) -> T {
        let mut all: Vec<T> = costs.iter().map(of).collect();
        all.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
        all[all.len() / 2]
    }
    Cost { wall: middle(&costs, |c| c.wall), cpu: middle(&costs, |c| c.cpu), peak: middle(&costs, |c| c.peak) }
}

/// Runs a process to its end and watches it. What it takes in its last hundredth of a second is not seen.
fn measure(mut command: Command) -> Cost {
    let started = Instant::now();
    let mut child = command.spawn().expect("the process starts");
    let mut cost = Cost::default();
    loop {
        if let Some((peak, cpu)) = watch(&child) {
            cost = Cost { peak, cpu, ..cost };
        }
        if let Some(status) = child.try_wait().expect("the process can be waited for") {
            cost.wall = started.elapsed();
            let mut said = String::new();
            let _ = child.stderr.take().map(|mut e| std::io::Read::read_to_string(&mut e, &mut said));
            assert!(status.success(), "{command:?} failed: {said}");
            return cost;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Peak in MiB, and processor time.
fn watch(child: &Child) -> Option<(f64, Duration)> {
    let peak = peak(&child.id().to_string())?;
    // proc(5): utime and stime are fields 14 and 15, in hundredths of a second.
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some((peak, Duration::from_millis(ticks * 10)))
}

/// MiB.
fn peak(process: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0)
}

/// Asks for all that `gke-posture` asks for, and throws it away.
async fn download(file: &Path) {
    let client = Client::new(file).await;
    let slots = Arc::new(Semaphore::new(PARALLEL));
    let lists = Need::ALL.into_iter().flat_map(Need::rights).filter(|r| r.verb == "list");
    let mut tasks = tokio::task::JoinSet::new();
    for right in lists {
        let path = match right.group {
            "" => format!("/api/v1/{}", right.resource),
            "apps" | "batch" | "discovery.k8s.io" | "networking.k8s.io" => {
                format!("/apis/{}/v1/{}", right.group, right.resource)
            }
            // The server has no other.
            _ => continue,
        };
        let (client, slots) = (client.clone(), slots.clone());
        tasks.spawn(async move {
            let mut url = format!("{path}?limit={}", data::PAGE);
            loop {
                let _slot = slots.acquire().await;
                match throw_away(&client, &url).await {
                    Some(token) => url = format!("{path}?limit={}&continue={token}", data::PAGE),
                    None => break,
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("a list is downloaded");
    }
    // The server says in its head how many namespaces it has; every fifth has a ConfigMap that is read by name.
    for n in (0..namespaces(&client).await).step_by(5) {
        let (client, slots) = (client.clone(), slots.clone());
        tasks.spawn(async move {
            let _slot = slots.acquire().await;
            throw_away(&client, &format!("/api/v1/namespaces/team-{n:04}/configmaps/settings")).await;
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("a ConfigMap is downloaded");
    }
}

/// A client that inflates what comes, as most do.
#[derive(Clone)]
struct Client {
    http: reqwest::Client,
    server: String,
}

impl Client {
    async fn new(file: &Path) -> Client {
        let kubeconfig = kube::config::Kubeconfig::read_from(file).expect("a kubeconfig");
        let config =
            kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.expect("a configuration");
        let token = config.auth_info.token.expect("a token");
        let mut own = http::HeaderMap::new();
        let bearer = format!("Bearer {}", token.expose_secret());
        own.insert(http::header::AUTHORIZATION, bearer.parse().expect("a header"));
        let authorities = config.root_cert.expect("a certificate authority").into_iter();
        let authorities = authorities.map(|der| reqwest::Certificate::from_der(&der).expect("a certificate"));
        let http = reqwest::Client::builder()
            .default_headers(own)
            .tls_certs_only(authorities)
            .no_proxy()
            .build()
            .expect("a client");
        Client { http, server: config.cluster_url.to_string().trim_end_matches('/').to_owned() }
    }
}

async fn get(client: &Client, url: &str) -> reqwest::Response {
    // As `gke-posture` asks for them.
    let accept = match url.contains("/replicasets") {
        true => "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json;q=0.9",
        false => "application/json",
    };
    let request = client.http.get(format!("{}{url}", client.server)).header("accept", accept);
    let response = request.send().await.expect("an answer");
    // Not every namespace of another server has the ConfigMap.
    assert!(response.status().is_success() || url.contains("/configmaps/"), "{url}: {}", response.status());
    response
}

/// Answers the token of the next page, which stands in the first bytes.
async fn throw_away(client: &Client, url: &str) -> Option<String> {
    let mut answer = get(client, url).await;
    let mut head: Vec<u8> = Vec::new();
    while let Some(data) = answer.chunk().await.expect("a whole answer") {
        if head.len() < 1000 {
            head.extend_from_slice(&data[..data.len().min(1000)]);
        }
    }
    let head = String::from_utf8_lossy(&head);
    let (_, rest) = head.split_once("\"items\"").map_or(head.as_ref(), |(h, _)| h).split_once("\"continue\":\"")?;
    Some(rest.split_once('"')?.0.to_owned())
}

async fn namespaces(client: &Client) -> usize {
    let url = format!("/api/v1/namespaces?limit={}", data::PAGE);
    let body = get(client, &url).await.bytes().await.expect("a whole answer");
    let page: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    let more = page["metadata"]["remainingItemCount"].as_u64().unwrap_or(0) as usize;
    page["items"].as_array().expect("items").len() + more
}

async fn collect(file: &Path) -> Snapshot {
    let options = Options {
        needs: BTreeSet::from(Need::ALL),
        endpoint: EndpointChoice::Auto,
        impersonate: None,
        timeout: Duration::from_secs(600),
        config_maps: true,
        secret_values: false,
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    let target = Target::Kubeconfig { file: Some(file.to_owned()), context: None, gke: None };
    let snapshot = live::collect(&target, &options, &Arc::new(Progress::default())).await.expect("a snapshot");
    assert!(snapshot.gaps.is_empty(), "everything is read: {:?}", snapshot.gaps);
    snapshot
}

/// The steps of `gke_posture::audit::audit`, phase by phase.
async fn audit(file: &Path) {
    let mut last = Instant::now();
    let mut phase = |name: &str, what: String| {
        let peak = peak("self").unwrap_or_default();
        println!("  {name:<9} {:>7.2}s  peak so far {peak:>5.0} MiB  {what}", last.elapsed().as_secs_f64());
        last = Instant::now();
    };
    let registry = Registry::load(&builtin_files(), gke_posture::facts::vocabulary).expect("built-in checks load");
    let config = Config::default();
    let snapshot = collect(file).await;
    phase("collect", format!("{:?}", snapshot.kinds()));
    let evidence = Evidence::new(snapshot.clone(), None);
    phase("digest", String::new());
    let (inventory, mut reach) = prepare(snapshot, None);
    phase("join", format!("{} workloads", inventory.workloads.len()));
    let knowledge = gke_posture::facts::build(&inventory, &mut reach, &config, jiff::Timestamp::now());
    let subjects: usize = knowledge.table.subjects.values().map(Vec::len).sum();
    phase("facts", format!("{subjects} subjects"));
    let results = registry.run(&knowledge.table, &config, jiff::civil::date(1970, 1, 1));
    phase("evaluate", format!("{} results", results.len()));
    drop((inventory, reach, knowledge, results));
    let settings = Settings::new(&registry, &config, jiff::Timestamp::UNIX_EPOCH);
    let report = gke_posture::audit::audit(evidence, &settings);
    phase("all again", format!("{} results in the report", report.results.len()));
}
