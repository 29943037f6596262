//! Options of a live cluster, and the run that reads it: with a line that moves, and an end at Ctrl-C.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::SignedDuration;

use crate::collect::live::{self, EndpointChoice, Options, Progress, Target};
use crate::inventory::{ClusterName, Need, Snapshot};

use super::{Failure, log};

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Live clusters")]
pub(super) struct LiveArgs {
    /// Project of the cluster that --location and --cluster name; `audit` without them audits all its clusters.
    #[arg(long, value_name = "PROJECT", num_args = 1.., value_delimiter = ',')]
    pub project: Vec<String>,
    /// Region or zone of the cluster.
    #[arg(long, value_name = "LOCATION", requires = "cluster")]
    pub location: Option<String>,
    /// Name of the cluster. Beside files that describe several: which of them is meant.
    #[arg(long, value_name = "NAME")]
    pub cluster: Option<String>,
    /// Read only Kubernetes, through this context of the kubeconfig, without the GKE API.
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Kubeconfig file [default: KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Endpoint of the GKE cluster through which Kubernetes is read.
    #[arg(long, value_enum, default_value = "auto", value_name = "ENDPOINT")]
    pub endpoint: Endpoint,
    /// Impersonate this service account, given by its email address.
    #[arg(long, value_name = "EMAIL")]
    pub impersonate_service_account: Option<String>,
    /// Maximum time to read one cluster, such as 90s or 10m. The whole run may take a quarter more and ten seconds, then it
    /// ends with exit status 4.
    #[arg(long, default_value = "5m", value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
    /// Do not read ConfigMaps. What depends on one is unknown.
    #[arg(long)]
    pub no_configmaps: bool,
    /// Read the Secrets that environment variables refer to. Of their values, only TLS settings are kept.
    #[arg(long)]
    pub read_secret_values: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Endpoint {
    /// The first that works of DNS, public, private and gateway.
    #[default]
    Auto,
    Dns,
    Public,
    Private,
    /// Connect Gateway of the cluster's fleet.
    Gateway,
}

/// Parses `90s`, `10m` or `1h30m`. A number without a unit is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let seconds = || text.trim().parse().map(SignedDuration::from_secs).ok();
    let duration = seconds().or_else(|| text.parse().ok()).ok_or("expected a time such as 90s or 10m")?;
    Some(duration)
        .filter(|d| (SignedDuration::from_secs(1)..=SignedDuration::from_hours(24)).contains(d))
        .map(SignedDuration::unsigned_abs)
        .ok_or_else(|| "expected at least one second and at most 24h".to_owned())
}

impl LiveArgs {
    /// The cluster that the options and `inputs` name; `None`: the inputs are files.
    pub(super) fn target(&self, inputs: &[String]) -> Result<Option<Target>, Failure> {
        let kubeconfig = self.context.is_some() || self.kubeconfig.is_some();
        let named: Vec<ClusterName> = inputs.iter().filter_map(|i| cluster_name(i)).collect();
        let by_options = match (&self.project[..], &self.location, &self.cluster) {
            ([project], Some(location), Some(cluster)) => {
                let name = format!("projects/{project}/locations/{location}/clusters/{cluster}");
                Some(
                    ClusterName::parse(&name)
                        .ok_or_else(|| Failure::input(format!("{name} is not the name of a cluster")))?,
                )
            }
            ([], None, None) => None,
            // Which of those that a document of Terraform describes.
            ([], None, Some(_)) if !inputs.is_empty() && named.is_empty() && !kubeconfig => return Ok(None),
            (_, Some(_), Some(_)) => {
                return Err(Failure::input("--location and --cluster name one cluster: give one --project"));
            }
            _ => return Err(Failure::input("--project, --location and --cluster name one live cluster together")),
        };
        let ways = usize::from(!inputs.is_empty()) + usize::from(by_options.is_some()) + usize::from(kubeconfig);
        if ways > 1 {
            return Err(Failure::input(
                "give one thing to read: a cluster (projects/P/locations/L/clusters/C), --context or --kubeconfig, or files",
            ));
        }
        if let Some(name) = by_options {
            return Ok(Some(Target::Gke(name)));
        }
        if let [name] = &named[..]
            && inputs.len() == 1
        {
            return Ok(Some(Target::Gke(name.clone())));
        }
        if !named.is_empty() {
            return Err(Failure::input(
                "one audit is about one cluster: give one cluster's name, and no files beside it",
            ));
        }
        if !inputs.is_empty() {
            return Ok(None);
        }
        let gke = if kubeconfig { None } else { live::current_context().and_then(|c| ClusterName::parse(&c)) };
        Ok(Some(Target::Kubeconfig { file: self.kubeconfig.clone(), context: self.context.clone(), gke }))
    }

    pub(super) fn options(&self, needs: BTreeSet<Need>, now: jiff::Timestamp) -> Options {
        Options {
            needs,
            endpoint: match self.endpoint {
                Endpoint::Auto => EndpointChoice::Auto,
                Endpoint::Dns => EndpointChoice::Dns,
                Endpoint::Public => EndpointChoice::Public,
                Endpoint::Private => EndpointChoice::Private,
                Endpoint::Gateway => EndpointChoice::Gateway,
            },
            impersonate: self.impersonate_service_account.clone().or_else(|| {
                // As gcloud and the Terraform provider take it.
                let names = ["CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT", "GOOGLE_IMPERSONATE_SERVICE_ACCOUNT"];
                names.iter().find_map(|n| std::env::var(n).ok()).filter(|v| !v.is_empty())
            }),
            timeout: self.timeout.unwrap_or(Duration::from_secs(300)),
            config_maps: !self.no_configmaps,
            secret_values: self.read_secret_values,
            now,
        }
    }

    /// The options as a person would repeat them.
    pub(super) fn repeat(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut option = |name: &str, value: Option<String>| {
            words.extend(value.map(|v| format!("--{name} {}", crate::check::shell_quote(&v))));
        };
        self.project.iter().for_each(|p| option("project", Some(p.clone())));
        option("location", self.location.clone());
        option("cluster", self.cluster.clone());
        option("context", self.context.clone());
        option("kubeconfig", self.kubeconfig.as_ref().map(|p| p.display().to_string()));
        let endpoint = (self.endpoint != Endpoint::Auto).then(|| format!("{:?}", self.endpoint).to_lowercase());
        option("endpoint", endpoint);
        option("impersonate-service-account", self.impersonate_service_account.clone());
        words.extend(self.no_configmaps.then(|| "--no-configmaps".to_owned()));
        words.extend(self.read_secret_values.then(|| "--read-secret-values".to_owned()));
        words
    }
}

/// A cluster's name, unless a file has it.
fn cluster_name(input: &str) -> Option<ClusterName> {
    ClusterName::parse(input).filter(|_| !std::path::Path::new(input).exists())
}

/// Reads a cluster.
pub(super) fn collect(target: &Target, options: &Options) -> Result<Snapshot, Failure> {
    let progress = Arc::new(Progress::default());
    let shown = progress.clone();
    let status: Status = Arc::new(move || line(&shown));
    block_on(&status, async { live::collect(target, options, &progress).await })?.map_err(Failure::input)
}

/// What is being done, in one line.
pub(super) type Status = Arc<dyn Fn() -> String + Send + Sync>;

/// Runs to the end, or to Ctrl-C or SIGTERM, which end the program at once and say what was not done.
pub(super) fn block_on<T>(status: &Status, work: impl Future<Output = T>) -> Result<T, Failure> {
    let watched = status.clone();
    drive(status, async {
        // Beside the work, which may be busy for a while.
        let signal = interrupted();
        tokio::spawn(async move { leave(&watched, signal.await) });
        work.await
    })
}

/// As [`block_on`], of work that watches for interrupts itself. What comes after it is ended by one, too.
pub(super) fn drive<T>(status: &Status, work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure { text: format!("cannot start: {e}"), status: 4 })?;
    let shown = status.clone();
    let _line = log::show_progress(move || shown());
    let result = runtime.block_on(work);
    // What a server still owes an answer for must not hold the program up.
    runtime.shutdown_background();
    log::end_progress();
    leave_at_next();
    Ok(result)
}

/// Ends the program after a signal of this number.
pub(super) fn leave(status: &Status, number: u8) -> ! {
    log::end_progress();
    log::error(&format!("interrupted: {}; nothing was written", status()));
    std::process::exit(i32::from(status_of(number)))
}

/// The exit status after a signal of this number, as shells have it.
pub(super) fn status_of(number: u8) -> u8 {
    128 + number
}

/// Ends the program at the next signal, whatever it is doing: a signal that was listened for once does nothing by itself.
fn leave_at_next() {
    std::thread::spawn(|| {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        let number = runtime.block_on(async { interrupted().await });
        log::error("interrupted before everything was evaluated and written");
        std::process::exit(i32::from(status_of(number)));
    });
}

/// Listens for Ctrl-C and SIGTERM from now on; what it answers waits for one and gives its number.
///
/// # Panics
/// Outside of a runtime.
pub(super) fn interrupted() -> impl Future<Output = u8> + Send {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{Signal, SignalKind, signal};
        async fn next(signal: std::io::Result<Signal>) {
            match signal {
                Ok(mut signal) => drop(signal.recv().await),
                // It cannot be listened for, and does what it does to any program.
                Err(_) => std::future::pending().await,
            }
        }
        let (int, term) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        async {
            tokio::select! { () = next(int) => 2, () = next(term) => 15 }
        }
    }
    #[cfg(not(unix))]
    async {
        let _ = tokio::signal::ctrl_c().await;
        2
    }
}

fn line(progress: &Progress) -> String {
    let at = |n: &AtomicUsize| n.load(Ordering::Relaxed);
    let kinds = at(&progress.kinds);
    if kinds == 0 {
        return "connecting".to_owned();
    }
    format!(
        "Kubernetes  {} objects, {} of them pods · {} of {kinds} kinds",
        at(&progress.objects),
        at(&progress.pods),
        at(&progress.kinds_done)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_bounds() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("1h30m", 5400), ("90", 90), ("24h", 86_400)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "soon", "0", "0s", "-5m", "25h", "10 parsecs"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
