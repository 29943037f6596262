//! `--terraform`, `--fail-on-drift` and `--fix-for`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::check::FixTool;
use crate::collect::terraform::{Cluster, clusters_of_state};
use crate::fleet::TargetsFile;
use crate::inventory::ClusterName;

use super::Failure;
use super::live::LiveArgs;

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Terraform")]
pub(super) struct TerraformArgs {
    /// Audit the live clusters that this state describes (`terraform show -json` or a state file), and report their
    /// drift from it.
    #[arg(long, value_name = "STATE", conflicts_with_all = ["inputs", "demo"])]
    pub terraform: Option<PathBuf>,
    /// A difference between the state and a cluster fails the audit.
    #[arg(long, requires = "terraform")]
    pub fail_on_drift: bool,
    /// The tool that fixes in the reports are for.
    #[arg(long, value_enum, default_value = "all", value_name = "TOOL")]
    pub fix_for: FixFor,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum FixFor {
    Gcloud,
    Terraform,
    Kubectl,
    #[default]
    All,
}

impl FixFor {
    /// The one tool; `None`: all tools.
    pub(super) fn tool(self) -> Option<FixTool> {
        match self {
            FixFor::Gcloud => Some(FixTool::Gcloud),
            FixFor::Terraform => Some(FixTool::Terraform),
            FixFor::Kubectl => Some(FixTool::Kubectl),
            FixFor::All => None,
        }
    }
}

/// The clusters of a state, by name, and the file.
pub(super) struct State {
    pub clusters: BTreeMap<ClusterName, Cluster>,
    pub file: TargetsFile,
}

impl TerraformArgs {
    /// Reads the state; `None`: there is none.
    pub(super) fn state(&self, live: &LiveArgs) -> Result<Option<State>, Failure> {
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
