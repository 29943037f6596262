//! Options that several commands share: what to read, which configuration, which checks, what time it is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::check::{Files, Registry, SourceFile, builtin_files, shell_quote};
use crate::collect;
use crate::collect::live::Target;
use crate::config::Config;
use crate::inventory::{ClusterName, Dataplane, Need, Snapshot};
use crate::{example, facts};

use super::{Failure, live, log};

#[derive(clap::Args)]
pub(super) struct Evidence {
    /// A live GKE cluster, `projects/P/locations/L/clusters/C` (or kubectl's name of it, `gke_P_L_C`); or files and folders
    /// about one cluster, detected from the content: Kubernetes manifests (YAML or JSON), what `kubectl get -o json` or
    /// `gcloud container clusters describe --format=json` (or `list`, or `node-pools list`), `gcloud asset export` or
    /// `terraform show -json` prints, or a snapshot. `-` is standard input. Without any: the
    /// current context of the kubeconfig, or the pod's service account.
    #[arg(value_name = "TARGET")]
    pub inputs: Vec<String>,
    /// Use the built-in example instead of inputs.
    #[arg(long, conflicts_with = "inputs")]
    pub demo: bool,
    /// Namespace of objects that name none.
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub namespace: String,
    /// The input is complete: what is absent does not exist.
    #[arg(long)]
    pub complete: bool,
    /// What enforces network policies; `auto` reads it from the cluster configuration, and assumes enforcement without one.
    #[arg(long, value_enum, default_value = "auto", value_name = "DATAPLANE")]
    pub dataplane: DataplaneChoice,
    #[command(flatten)]
    pub live: live::LiveArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum DataplaneChoice {
    Auto,
    Calico,
    DataplaneV2,
    Upstream,
    None,
}

impl DataplaneChoice {
    pub(super) fn stated(self) -> Option<Dataplane> {
        Some(match self {
            DataplaneChoice::Auto => return None,
            DataplaneChoice::Calico => Dataplane::Calico,
            DataplaneChoice::DataplaneV2 => Dataplane::DataplaneV2,
            DataplaneChoice::Upstream => Dataplane::Upstream,
            DataplaneChoice::None => Dataplane::None,
        })
    }
}

impl Evidence {
    /// Reads the evidence; the clock is asked once. `needs`: what is read of a live cluster. `named`: that cluster, where
    /// not the arguments name it.
    pub(super) fn read(
        &self,
        needs: BTreeSet<Need>,
        named: Option<ClusterName>,
    ) -> Result<(Snapshot, jiff::Timestamp), Failure> {
        let target = match named {
            Some(name) => Some(Target::Gke(name)),
            None if self.demo => None,
            None => self.live.target(&self.inputs)?,
        };
        if let Some(target) = target {
            if self.complete || self.namespace != "default" {
                return Err(Failure::input(
                    "--complete and --namespace are about files; a live cluster says both itself",
                ));
            }
            let now = now(None)?;
            let snapshot = live::collect(&target, &self.live.options(needs, now))?;
            return Ok((snapshot, now));
        }
        let options = collect::Options {
            namespace: self.namespace.clone(),
            complete: self.complete,
            cluster: self.live.cluster.clone(),
        };
        let read = if self.demo { example::snapshot() } else { collect::read(&self.inputs, options) };
        let mut snapshot = read.map_err(|p| Failure::problems(&p))?;
        let config = snapshot.cluster.as_ref().map(|c| &c.config);
        let text = |key: &str| config.and_then(|c| c.get(key)?.as_str());
        let is_named = |chosen: &str| {
            let full = text("selfLink").and_then(ClusterName::parse);
            text("name") == Some(chosen) || full.is_some_and(|full| ClusterName::parse(chosen) == Some(full))
        };
        if self.live.cluster.as_deref().is_some_and(|chosen| !is_named(chosen)) && snapshot.terraform.is_empty() {
            return Err(Failure::input(
                "--cluster chooses among the clusters that the input describes, and it holds none of that name; a live \
                 cluster is named by --project, --location and --cluster",
            ));
        }
        let now = now(snapshot.collected_at.as_deref())?;
        snapshot.collected_at.get_or_insert_with(|| now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        snapshot.collector.get_or_insert_with(|| env!("CARGO_PKG_VERSION").to_owned());
        if !self.demo {
            warn_of_unused_config(&self.inputs);
        }
        Ok((snapshot, now))
    }

    /// The inputs as a person would repeat them on a command line.
    pub(super) fn repeat(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        if self.demo {
            words.push("--demo".to_owned());
        }
        if self.complete {
            words.push("--complete".to_owned());
        }
        if self.namespace != "default" {
            words.push(format!("--namespace {}", shell_quote(&self.namespace)));
        }
        if let Some(d) = self.dataplane.stated() {
            words.push(format!("--dataplane {}", d.name()));
        }
        words.extend(self.live.repeat());
        words.extend(self.inputs.iter().map(|i| shell_quote(i).into_owned()));
        words.join(" ")
    }
}

/// The time that `SOURCE_DATE_EPOCH` gives, if it is set: <https://reproducible-builds.org/specs/source-date-epoch/>.
pub(super) fn source_date_epoch() -> Result<Option<jiff::Timestamp>, Failure> {
    let Some(text) = std::env::var_os("SOURCE_DATE_EPOCH").filter(|v| !v.is_empty()) else { return Ok(None) };
    text.to_str()
        .and_then(|t| t.trim().parse().ok())
        .and_then(|s| jiff::Timestamp::from_second(s).ok())
        .map(Some)
        .ok_or_else(|| Failure::input("SOURCE_DATE_EPOCH is not a number of seconds since 1970"))
}

/// `SOURCE_DATE_EPOCH`, else the snapshot's collection time, else the clock.
pub(super) fn now(collected_at: Option<&str>) -> Result<jiff::Timestamp, Failure> {
    if let Some(time) = source_date_epoch()? {
        return Ok(time);
    }
    if let Some(text) = collected_at {
        return text
            .parse()
            .map_err(|_| Failure::input(format!("the snapshot's collection time \"{text}\" is not RFC 3339")));
    }
    Ok(jiff::Timestamp::now())
}

fn warn_of_unused_config(inputs: &[String]) {
    for input in inputs {
        for name in collect::CONFIG_NAMES {
            let path = Path::new(input).join(name);
            if path.is_file() && !same_file(&path, &PathBuf::from(name)) {
                log::note(&format!("{} is among the inputs, and is read only if given with --config", path.display()));
            }
        }
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((std::fs::canonicalize(a), std::fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

#[derive(clap::Args)]
#[command(next_help_heading = "Checks and configuration")]
pub(super) struct ConfigArgs {
    /// Configuration file [default: gke-posture.yaml in this folder or above it, up to the repository's root]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Use no configuration file.
    #[arg(long, conflicts_with = "config")]
    pub no_config: bool,
    /// A folder with your own checks, in addition to the built-in ones.
    #[arg(long, value_name = "DIR")]
    pub checks: Vec<PathBuf>,
}

impl ConfigArgs {
    /// The checks.
    pub(super) fn registry(&self) -> Result<Registry, Failure> {
        registry(&self.checks)
    }

    /// The texts of all checks and controls.
    pub(super) fn files(&self) -> Result<Files, Failure> {
        files(&self.checks)
    }

    /// The configuration; `demo` has one of its own.
    pub(super) fn config(&self, registry: &Registry, demo: bool) -> Result<Config, Failure> {
        match self.source(demo)? {
            None => Ok(Config::default()),
            Some((name, text)) => {
                Config::parse(&name, &text, &registry.known_names()).map_err(|p| Failure::problems(&p))
            }
        }
    }

    /// `sha256:…` of the configuration's text; `None`: there is none.
    pub(super) fn digest(&self) -> Result<Option<String>, Failure> {
        let hex = |text: &str| Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect::<String>();
        Ok(self.source(false)?.map(|(_, text)| format!("sha256:{}", hex(&text))))
    }

    /// Name and text of the configuration.
    fn source(&self, demo: bool) -> Result<Option<(String, String)>, Failure> {
        let path = match (&self.config, self.no_config, demo) {
            (_, true, _) => return Ok(None),
            (Some(path), _, _) => path.clone(),
            (None, _, true) => return Ok(example::config().map(|(name, text)| (name.to_owned(), text.to_owned()))),
            (None, _, false) => match find_config() {
                Some(path) => path,
                None => return Ok(None),
            },
        };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|e| Failure::input(format!("cannot read configuration {name}: {e}")))?;
        Ok(Some((name, text)))
    }
}

/// Looks upwards from the working folder, no further than the root of its repository.
fn find_config() -> Option<PathBuf> {
    let start = std::env::current_dir().ok()?;
    for (depth, folder) in start.ancestors().enumerate() {
        for name in collect::CONFIG_NAMES {
            let path = folder.join(name);
            if path.is_file() {
                return Some(if depth == 0 { PathBuf::from(name) } else { path });
            }
        }
        if folder.join(".git").exists() {
            return None;
        }
    }
    None
}

/// Built-in checks and those of the user's folders.
pub(super) fn registry(folders: &[PathBuf]) -> Result<Registry, Failure> {
    Registry::load(&files(folders)?, facts::vocabulary).map_err(|p| Failure::problems(&p))
}

fn files(folders: &[PathBuf]) -> Result<Files, Failure> {
    let mut files = builtin_files();
    for folder in folders {
        files = files.and(read_checks(folder)?);
    }
    Ok(files)
}

/// The YAML files below a folder.
pub(super) fn read_checks(folder: &Path) -> Result<Files, Failure> {
    let failed =
        |path: &Path, e: std::io::Error| Failure::input(format!("cannot read checks from {}: {e}", path.display()));
    let mut pending = vec![folder.to_path_buf()];
    let mut found = Vec::new();
    while let Some(dir) = pending.pop() {
        for entry in std::fs::read_dir(&dir).map_err(|e| failed(&dir, e))? {
            let path = entry.map_err(|e| failed(&dir, e))?.path();
            if path.is_dir() && !path.is_symlink() {
                pending.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
                let text = std::fs::read_to_string(&path).map_err(|e| failed(&path, e))?;
                found.push(SourceFile { name: path.display().to_string(), text });
            }
        }
    }
    if found.is_empty() {
        return Err(Failure::input(format!("{} holds no check (a file that ends in .yaml)", folder.display())));
    }
    Ok(Files::split(found))
}
