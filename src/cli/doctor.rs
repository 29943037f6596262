//! `gke-posture doctor`

use std::collections::{BTreeMap, BTreeSet};

use crate::check::Registry;
use crate::collect::live::{Diagnosis, State, diagnose};
use crate::config::Config;
use crate::inventory::{Need, Right};

use super::input::ConfigArgs;
use super::live::{LiveArgs, Status, block_on};
use super::{Failure, limits, output};

#[derive(clap::Args)]
pub(super) struct Args {
    /// A GKE cluster, `projects/P/locations/L/clusters/C`. Without: the current context of the kubeconfig, or the pod's
    /// service account.
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    #[command(flatten)]
    live: LiveArgs,
    #[command(flatten)]
    config: ConfigArgs,
    /// Offline: print the least-privilege role for the enabled checks. `cluster-role` is for
    /// `kubectl apply -f -`, `iam-role` for `gcloud iam roles create gke_posture --project P --file FILE`.
    #[arg(help_heading = "Roles", long, value_enum, value_name = "ROLE", conflicts_with = "target")]
    print: Option<Print>,
    /// With `--print cluster-role`: also bind it to this user, such as a service account's e-mail.
    #[arg(help_heading = "Roles", long, value_name = "NAME", requires = "print")]
    user: Vec<String>,
    /// With `--print cluster-role`: also bind it to this service account of the cluster.
    #[arg(help_heading = "Roles", long, value_name = "NAMESPACE/NAME", requires = "print")]
    service_account: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Print {
    ClusterRole,
    IamRole,
}

pub(super) fn run(args: Args) -> Result<u8, Failure> {
    limits::limit_time(args.live.timeout);
    let registry = args.config.registry()?;
    let config = args.config.config(&registry, false)?;
    let mut needs = registry.needs(&config);
    if args.live.no_configmaps {
        needs.remove(&Need::ConfigMaps);
    }
    if let Some(print) = args.print {
        let text = match print {
            Print::ClusterRole => cluster_role(&args, &needs)?,
            Print::IamRole if !args.user.is_empty() || !args.service_account.is_empty() => {
                return Err(Failure::input(
                    "--user and --service-account bind a cluster role; an IAM role is bound with gcloud",
                ));
            }
            Print::IamRole => iam_role(),
        };
        output::print(&text)?;
        return Ok(0);
    }
    let inputs: Vec<String> = args.target.iter().cloned().collect();
    let target = args.live.target(&inputs)?.ok_or_else(|| {
        Failure::input(format!(
            "{} is not the name of a cluster (projects/P/locations/L/clusters/C); files need no permissions",
            inputs.join(" ")
        ))
    })?;
    let options = args.live.options(needs, jiff::Timestamp::now());
    let status: Status = std::sync::Arc::new(|| "asking what may be read".to_owned());
    let found = block_on(&status, diagnose(&target, &options))?.map_err(Failure::input)?;
    output::print(&render(&found, &registry, &config))?;
    Ok(match (found.is_well(), found.findings.is_empty()) {
        (true, _) => 0,
        (false, true) => 4,
        (false, false) => 3,
    })
}

fn render(found: &Diagnosis, registry: &Registry, config: &Config) -> String {
    let width = output::width().max(60);
    let mut text = String::new();
    let mut head = |name: &str, value: &str| {
        text.push_str(&format!("{name:<12} {value}\n"));
    };
    if let Some(credentials) = &found.credentials {
        head("credentials", credentials);
    }
    head("identity", found.user.as_deref().unwrap_or("not known: the cluster was not asked, or did not answer"));
    head("endpoint", found.endpoint.as_deref().unwrap_or("none that answers"));
    for note in &found.notes {
        output::paragraph(&mut text, &format!("passed over: {note}"), width, 13, 0);
    }
    for error in &found.unreadable {
        text.push('\n');
        output::paragraph(&mut text, &format!("UNREADABLE  {}: {}", error.what, error.why), width, 0, 12);
        output::paragraph(&mut text, &error.fix, width, 12, 0);
    }
    text.push('\n');
    for need in Need::ALL {
        // Rights in the same state are one line.
        let mut lines_of_need: Vec<(&str, &str, Vec<&str>)> = Vec::new();
        for f in found.findings.iter().filter(|f| f.need == need) {
            let (word, why) = match &f.state {
                State::Granted => ("yes", ""),
                State::Missing(_) => ("NO", ""),
                State::Unknown(why) => ("UNKNOWN", why.as_str()),
                State::NotNeeded(why) => ("-", why.as_str()),
            };
            match lines_of_need.iter_mut().find(|(w, y, _)| (*w, *y) == (word, why)) {
                Some((_, _, rights)) => rights.push(&f.what),
                None => lines_of_need.push((word, why, vec![&f.what])),
            }
        }
        for (word, why, rights) in lines_of_need {
            let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
            let mut lines = String::new();
            output::paragraph(&mut lines, &format!("{}: {}{why}", need.name(), rights.join(", ")), width, 9, 2);
            text.push_str(&format!("{word:<9}{}", lines.trim_start()));
        }
    }
    text.push('\n');
    if found.is_well() {
        text.push_str("Everything that the enabled checks need can be read.\n");
        return text;
    }
    let costs: BTreeSet<&str> = Need::ALL
        .into_iter()
        .filter(|n| found.unread.contains(n))
        .flat_map(|n| registry.checks_needing(n))
        .filter(|id| registry.get(id).is_some_and(|c| c.is_selected(config)))
        .collect();
    let count = costs.len();
    output::paragraph(
        &mut text,
        &format!(
            "Without it, {count} of the enabled checks are unknown: {}",
            costs.into_iter().collect::<Vec<_>>().join(", ")
        ),
        width,
        0,
        2,
    );
    let fixes: BTreeSet<&String> = found
        .findings
        .iter()
        .filter_map(|f| match &f.state {
            State::Missing(fix) => Some(fix),
            _ => None,
        })
        .collect();
    for fix in fixes {
        text.push_str(&format!("\nGrant it with:\n  {fix}\n"));
    }
    text
}

/// Name of the role and of its binding.
const NAME: &str = "gke-posture";

/// A ClusterRole with the rights of the needs, and bindings.
fn cluster_role(args: &Args, needs: &BTreeSet<Need>) -> Result<String, Failure> {
    let mut rights: BTreeSet<Right> = needs.iter().flat_map(|n| n.rights()).copied().collect();
    if args.live.read_secret_values {
        rights.insert(Right { group: "", resource: "secrets", verb: "get" });
    }
    let mut rules: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for right in &rights {
        rules.entry((right.group, right.verb)).or_default().push(right.resource);
    }
    let mut text =
        format!("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: {NAME}\nrules:\n");
    for ((group, verb), resources) in rules {
        text.push_str(&format!(
            "  - apiGroups: [{}]\n    resources: [{}]\n    verbs: [{verb}]\n",
            if group.is_empty() { "\"\"" } else { group },
            resources.join(", ")
        ));
    }
    let mut subjects = String::new();
    for user in &args.user {
        let name = serde_json::Value::from(user.as_str());
        subjects.push_str(&format!("  - apiGroup: rbac.authorization.k8s.io\n    kind: User\n    name: {name}\n"));
    }
    for account in &args.service_account {
        let fits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
        let Some((namespace, name)) = account.split_once('/').filter(|(a, b)| fits(a) && fits(b)) else {
            return Err(Failure::input(format!("--service-account {account}: expected NAMESPACE/NAME")));
        };
        subjects.push_str(&format!("  - kind: ServiceAccount\n    namespace: {namespace}\n    name: {name}\n"));
    }
    if !subjects.is_empty() {
        text.push_str(&format!(
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: {NAME}\nroleRef:\n  \
             apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: {NAME}\nsubjects:\n{subjects}"
        ));
    }
    Ok(text)
}

/// <https://cloud.google.com/iam/docs/creating-custom-roles#creating>
fn iam_role() -> String {
    "\
title: gke-posture
description: What gke-posture reads of a GKE cluster through the GKE API.
stage: GA
includedPermissions:
  # The cluster's configuration and its addresses.
  - container.clusters.get
  # Only for audits of whole projects (--project, --folder, --organization).
  - container.clusters.list
  # Only for the DNS endpoint; it gives no right inside of the cluster.
  - container.clusters.connect
"
    .to_owned()
}
