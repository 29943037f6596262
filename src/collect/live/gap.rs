//! From a fault to what a person reads of it: what was asked, what came back, what it would take.

use crate::inventory::{ClusterName, Gap, Need};

use super::container::Container;
use super::credentials::Google;
use super::endpoint::Kind;
use super::fault::Fault;

fn sentence(text: &str) -> String {
    text.trim().trim_end_matches('.').to_owned()
}

/// The words of `doctor --print` that make the role for whom the server names.
pub fn grant(user: Option<&str>) -> String {
    let whom = match user {
        None => "--user NAME".to_owned(),
        Some(user) => match user.strip_prefix("system:serviceaccount:").and_then(|u| u.split_once(':')) {
            Some((namespace, name)) => format!("--service-account {namespace}/{name}"),
            None => format!("--user {user}"),
        },
    };
    format!("gke-posture doctor --print cluster-role {whom} | kubectl apply -f -")
}

/// A list, or the objects read by name, that could not be read.
pub fn of_resource(need: Need, what: &str, right: &str, fault: &Fault) -> Gap {
    let fix = match fault {
        Fault::Forbidden { user: Some(user), .. } => format!("Grant `{right}` with: {}", grant(Some(user))),
        Fault::Forbidden { .. } => format!("Grant `{right}` with: {}", grant(None)),
        Fault::Expired => "Try again when the cluster is quieter".to_owned(),
        Fault::OutOfTime(_) => "Give it more time with --timeout".to_owned(),
        Fault::Refused { status: 200, .. } => {
            "Please report this object's shape: it is one that this version does not know".to_owned()
        }
        _ => "Try again; with -vv each request and its answer is shown".to_owned(),
    };
    Gap { id: what.to_owned(), need, what: what.to_owned(), why: sentence(&fault.to_string()), fix }
}

/// Everything that Kubernetes would have said: one gap for each need, with one id, so that it reads as one.
pub fn of_kubernetes(needs: impl Iterator<Item = Need>, what: &str, why: &str, fix: &str) -> Vec<Gap> {
    let gap = |need| Gap {
        id: "kubernetes".to_owned(),
        need,
        what: what.to_owned(),
        why: sentence(why),
        fix: fix.to_owned(),
    };
    needs.filter(|n| n.permission().is_none()).map(gap).collect()
}

/// What helps when a server as a whole cannot be asked. `kind`: which of a GKE cluster's addresses it was.
pub fn mend_server(fault: &Fault, kind: Option<Kind>, google: Option<&Google>) -> String {
    match (fault, kind) {
        (Fault::Unauthorized(_), _) => match google {
            Some(google) => format!("{} was not accepted. {}", google.source(), google.source().fix()),
            None => "Look at the credentials of the kubeconfig: `kubectl auth whoami`".to_owned(),
        },
        (Fault::Credentials(_), _) => "Without a token nothing can be read".to_owned(),
        (Fault::OutOfTime(_), _) => "Give it more time with --timeout".to_owned(),
        (Fault::Certificate(_), _) => {
            "Somebody stands between, or the address is another server's: compare the certificate authority".to_owned()
        }
        (_, Some(kind)) => kind.fix().to_owned(),
        (_, None) => "Look whether `kubectl version` reaches it from here".to_owned(),
    }
}

/// The Cluster resource could not be read.
pub fn of_cluster(name: &ClusterName, place: &Container, fault: &Fault, google: &Google) -> Gap {
    let project = &name.project;
    let fix = match fault {
        Fault::Forbidden { reason: Some(reason), .. } if reason == "SERVICE_DISABLED" => {
            format!("Switch the GKE API on: gcloud services enable container.googleapis.com --project {project}")
        }
        Fault::Forbidden { reason: Some(reason), .. } if reason.contains("VPC_SERVICE_CONTROLS") || reason == "SECURITY_POLICY_VIOLATED" => {
            "A VPC Service Controls perimeter refuses the request: run inside of it, or add an access level for this caller".to_owned()
        }
        Fault::Forbidden { .. } => {
            let member = google.account().map_or("MEMBER".to_owned(), |a| match a.ends_with(".gserviceaccount.com") {
                true => format!("serviceAccount:{a}"),
                false => format!("user:{a}"),
            });
            format!(
                "Grant container.clusters.get: gcloud projects add-iam-policy-binding {project} --member={member} --role=roles/container.clusterViewer"
            )
        }
        Fault::NotFound(_) => format!("Look for it: gcloud container clusters list --project {project}"),
        Fault::Unauthorized(_) => google.source().fix().to_owned(),
        Fault::Credentials(_) => "Without a token nothing can be read".to_owned(),
        Fault::OutOfTime(_) => "Give it more time with --timeout".to_owned(),
        Fault::Unreachable(_) | Fault::Certificate(_) => format!("Look whether {} can be reached from here", place.place()),
        _ => "Try again; with -vv each request and its answer is shown".to_owned(),
    };
    cluster(name, &fault.to_string(), fix)
}

/// When support ends could not be asked.
pub fn of_upgrade_info(name: &ClusterName, place: &Container, fault: &Fault, google: &Google) -> Gap {
    let of_cluster = of_cluster(name, place, fault, google);
    let fix = match fault {
        Fault::NotFound(_) => {
            "Try again; an endpoint of the API of your own must pass :fetchClusterUpgradeInfo on".to_owned()
        }
        _ => of_cluster.fix,
    };
    let (id, what) = ("gke-upgrade-info".to_owned(), format!("upgrade information of {name} (GKE API)"));
    Gap { id, need: Need::UpgradeInfo, what, fix, ..of_cluster }
}

/// As [`of_cluster`], for what came before any request.
pub fn cluster(name: &ClusterName, why: &str, fix: String) -> Gap {
    Gap {
        id: "gke-cluster".to_owned(),
        need: Need::Cluster,
        what: format!("{name} (GKE API)"),
        why: sentence(why),
        fix,
    }
}
