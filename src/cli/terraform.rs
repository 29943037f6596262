//! `--terraform`, `--fail-on-drift` and `--fix-for`: from Terraform's state to live clusters, and back to its addresses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::collect::terraform::{Cluster, clusters_of_state, differences, place};
use crate::facts::schema::Evidence;
use crate::fleet::TargetsFile;
use crate::inventory::{ClusterName, Snapshot, Terraform};
use crate::report::{Drift, Report};

use super::Failure;
use super::live::LiveArgs;

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Terraform")]
pub struct TerraformArgs {
    /// Audit the live clusters that this state describes (`terraform show -json` or a state file), and report what is
    /// otherwise in them than in the state.
    #[arg(long, value_name = "STATE", conflicts_with_all = ["inputs", "demo"])]
    pub terraform: Option<PathBuf>,
    /// A difference between the state and a cluster fails the audit.
    #[arg(long, requires = "terraform")]
    pub fail_on_drift: bool,
    /// With which tool findings are fixed in the reports.
    #[arg(long, value_enum, default_value = "all", value_name = "TOOL")]
    pub fix_for: FixFor,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum FixFor {
    Gcloud,
    Terraform,
    Kubectl,
    #[default]
    All,
}

/// The clusters of a state, by name, and the file.
pub struct State {
    pub clusters: BTreeMap<ClusterName, Cluster>,
    pub file: TargetsFile,
}

impl TerraformArgs {
    /// Reads the state; `None`: there is none.
    pub fn state(&self, live: &LiveArgs) -> Result<Option<State>, Failure> {
        let Some(path) = &self.terraform else { return Ok(None) };
        if !live.project.is_empty() || live.location.is_some() || live.context.is_some() || live.kubeconfig.is_some() {
            return Err(Failure::input(
                "--terraform names the clusters itself: give no --project, --location, --context or --kubeconfig beside it \
                 (--cluster NAME chooses one of them)",
            ));
        }
        read(path, live.cluster.as_deref()).map(Some)
    }
}

fn read(path: &Path, chosen: Option<&str>) -> Result<State, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| Failure::input(format!("cannot read state {name}: {e}")))?;
    let all = clusters_of_state(&name, &text).map_err(Failure::input)?;
    if all.is_empty() {
        return Err(Failure::input(format!("{name}: this state holds no google_container_cluster")));
    }
    let known: Vec<String> = all.iter().map(|c| format!("  {} ({})", c.address, c.short_name())).collect();
    let mut clusters = BTreeMap::new();
    for cluster in all {
        if chosen.is_some_and(|n| n != cluster.short_name() && n != cluster.address) {
            continue;
        }
        let full = cluster.name().ok_or_else(|| {
            Failure::input(format!("{name}: {} has neither self_link nor project, location and name", cluster.address))
        })?;
        clusters.insert(full, cluster);
    }
    if clusters.is_empty() {
        let chosen = chosen.unwrap_or_default();
        return Err(Failure::input(format!("{name}: no cluster is called {chosen}; there are\n{}", known.join("\n"))));
    }
    Ok(State { clusters, file: TargetsFile::new(&name, &text) })
}

/// Where Terraform has a cluster and its node pools; empty without Terraform.
pub struct Places {
    addresses: BTreeMap<String, String>,
    /// Names of the node pools in the order of the configuration, whose paths count them.
    pools: Vec<String>,
}

impl Places {
    pub fn of(snapshot: &Snapshot) -> Places {
        let pools = snapshot.cluster.as_ref().and_then(|c| c.config.get("nodePools")?.as_array());
        let name = |pool: &Json| pool.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
        let pools = pools.into_iter().flatten().map(name).collect();
        Places { addresses: snapshot.terraform.clone(), pools }
    }

    fn place(&self, evidence: &Evidence) -> Option<Terraform> {
        if evidence.object.kind == "NodePool" {
            return place(&self.addresses, Some(&evidence.object.name), &evidence.path);
        }
        // `nodePools[1].config.imageType` of the cluster is the pool's own.
        let of_pool = || {
            let (index, path) = evidence.path.strip_prefix("nodePools[")?.split_once("].")?;
            Some((self.pools.get(index.parse::<usize>().ok()?)?, path))
        };
        match of_pool() {
            Some((pool, path)) => place(&self.addresses, Some(pool), path),
            None => place(&self.addresses, None, &evidence.path),
        }
    }
}

/// Says in a report where Terraform has what the evidence is about.
pub fn annotate(report: &mut Report, places: &Places) {
    for evidence in report.results.iter_mut().flat_map(|r| &mut r.evidence) {
        if evidence.object.api_version.starts_with("container.googleapis.com/")
            && let Some(place) = places.place(evidence)
        {
            evidence.source = evidence.source.take().map(|origin| origin.with_terraform(place));
        }
    }
}

/// Compares a cluster of the state with the live one, if that could be read.
pub fn compare(report: &mut Report, state: &Cluster, live: Option<&Json>) {
    let Some(live) = live else { return report.not_compared() };
    let drift = differences(state, live).into_iter().map(|d| Drift {
        object: d.object,
        address: d.address,
        attribute: d.attribute,
        path: d.path,
        state: d.state,
        live: d.live,
    });
    report.compared(drift.collect());
}

/// Keeps the ways to fix findings that were asked for.
pub fn keep_fixes(report: &mut Report, wanted: FixFor) {
    if wanted == FixFor::All {
        return;
    }
    for fix in report.results.iter_mut().map(|r| &mut r.fix) {
        fix.gcloud = fix.gcloud.take().filter(|_| wanted == FixFor::Gcloud);
        fix.terraform = fix.terraform.take().filter(|_| wanted == FixFor::Terraform);
        fix.kubectl = fix.kubectl.take().filter(|_| wanted == FixFor::Kubectl);
    }
}
