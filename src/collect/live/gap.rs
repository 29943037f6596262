//! Explains a fault as a gap: what was read, what went wrong, and how to fix it.

use crate::inventory::{ClusterName, FaultKind, Gap, Need, ReadError};

use super::container::Container;
use super::credentials::Google;
use super::endpoint::Kind;
use super::fault::Fault;

/// Text from outside as one word of a printed command. A control character, which no name has, is replaced.
pub(super) fn quote(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    // The only error is a NUL character, which is replaced.
    shlex::try_quote(&visible).map_or_else(|_| "''".to_owned(), |word| word.into_owned())
}

/// The `doctor --print` command that makes the role for the user whom the server names.
pub(super) fn grant_command(user: Option<&str>) -> String {
    let whom = match user {
        None => "--user NAME".to_owned(),
        Some(user) => match user.strip_prefix("system:serviceaccount:").and_then(|u| u.split_once(':')) {
            Some((namespace, name)) => format!("--service-account={}", quote(&format!("{namespace}/{name}"))),
            None => format!("--user={}", quote(user)),
        },
    };
    format!("gke-posture doctor --print cluster-role {whom} | kubectl apply -f -")
}

/// A list, or the objects read by name, that could not be read.
pub(super) fn of_resource(need: Need, what: &str, right: &str, fault: &Fault) -> Gap {
    let fix = match fault {
        Fault::Forbidden { user: Some(user), .. } => format!("Grant `{right}` with: {}", grant_command(Some(user))),
        Fault::Forbidden { .. } => format!("Grant `{right}` with: {}", grant_command(None)),
        Fault::Expired => "Try again when the cluster is quieter".to_owned(),
        Fault::OutOfTime(_) => "Allow more time with --timeout".to_owned(),
        Fault::Refused { status: 200, .. } => {
            "Report the shape of this object: this version does not support it".to_owned()
        }
        _ => "Try again; -vv shows each request and its answer".to_owned(),
    };
    Gap { id: what.to_owned(), need, error: ReadError::new(fault.kind(), what, fault.to_string(), fix) }
}

/// The Kubernetes API as a whole could not be read: one gap for each need. They share an id, and reports show them as one.
pub(super) fn of_kubernetes(needs: impl Iterator<Item = Need>, error: &ReadError) -> Vec<Gap> {
    let gap = |need| Gap { id: "kubernetes".to_owned(), need, error: error.clone() };
    needs.filter(|n| n.permission().is_none()).map(gap).collect()
}

/// How to fix that a server as a whole cannot be read. `kind`: which of a GKE cluster's endpoints it is.
pub(super) fn fix_of_server(fault: &Fault, kind: Option<Kind>, google: Option<&Google>) -> String {
    match (fault, kind) {
        (Fault::Unauthorized(_), _) => match google {
            Some(google) => format!("{} was not accepted. {}", google.source(), google.source().fix()),
            None => "Check the credentials of the kubeconfig: `kubectl auth whoami`".to_owned(),
        },
        (Fault::Credentials(_), _) => "Without a token nothing can be read".to_owned(),
        (Fault::OutOfTime(_), _) => "Allow more time with --timeout".to_owned(),
        (Fault::Certificate(_), _) => {
            "A proxy may intercept the connection, or the address is another server's: compare the certificate authority".to_owned()
        }
        (_, Some(kind)) => kind.fix().to_owned(),
        (_, None) => "Check that `kubectl version` reaches it from here".to_owned(),
    }
}

/// The Cluster resource could not be read.
pub(super) fn of_cluster(name: &ClusterName, place: &Container, fault: &Fault, google: &Google) -> Gap {
    let project = quote(&name.project);
    let fix = match fault {
        Fault::Forbidden { reason: Some(reason), .. } if reason == "SERVICE_DISABLED" => {
            format!("Enable the GKE API: gcloud services enable container.googleapis.com --project {project}")
        }
        Fault::Forbidden { reason: Some(reason), .. } if reason.contains("VPC_SERVICE_CONTROLS") || reason == "SECURITY_POLICY_VIOLATED" => {
            "A VPC Service Controls perimeter refuses the request: run inside it, or add an access level for this caller".to_owned()
        }
        Fault::Forbidden { .. } => {
            let member = google.account().map_or("MEMBER".to_owned(), |a| match a.ends_with(".gserviceaccount.com") {
                true => quote(&format!("serviceAccount:{a}")),
                false => quote(&format!("user:{a}")),
            });
            format!(
                "Grant container.clusters.get: gcloud projects add-iam-policy-binding {project} --member={member} --role=roles/container.clusterViewer"
            )
        }
        Fault::NotFound(_) => format!("Check its name: gcloud container clusters list --project {project}"),
        Fault::Unauthorized(_) => google.source().fix().to_owned(),
        Fault::Credentials(_) => "Without a token nothing can be read".to_owned(),
        Fault::OutOfTime(_) => "Allow more time with --timeout".to_owned(),
        Fault::Unreachable(_) | Fault::Certificate(_) => format!("Check that {} can be reached from here", place.place()),
        _ => "Try again; -vv shows each request and its answer".to_owned(),
    };
    cluster(name, fault.kind(), &fault.to_string(), fix)
}

/// When support ends could not be asked.
pub(super) fn of_upgrade_info(name: &ClusterName, place: &Container, fault: &Fault, google: &Google) -> Gap {
    let mut error = of_cluster(name, place, fault, google).error;
    error.what = format!("upgrade information of {name} (GKE API)");
    if matches!(fault, Fault::NotFound(_)) {
        error.fix = "Try again; a custom endpoint of the API must forward :fetchClusterUpgradeInfo".to_owned();
    }
    Gap { id: "gke-upgrade-info".to_owned(), need: Need::UpgradeInfo, error }
}

/// As [`of_cluster`], for an error before the first request.
pub(super) fn cluster(name: &ClusterName, fault: FaultKind, why: &str, fix: String) -> Gap {
    let error = ReadError::new(fault, format!("{name} (GKE API)"), why, fix);
    Gap { id: "gke-cluster".to_owned(), need: Need::Cluster, error }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_gap_records_the_fault_as_a_type() {
        let status = |code| Fault::of_status(code, None, b"{\"message\": \"no (403)\"}");
        let io = |kind| Fault::of_transport(&std::io::Error::from(kind));
        for (fault, kind) in [
            (status(401), FaultKind::Unauthenticated),
            (status(403), FaultKind::Forbidden),
            (status(404), FaultKind::NotFound),
            (status(410), FaultKind::Expired),
            (status(429), FaultKind::TooManyRequests),
            (status(500), FaultKind::ServerError),
            (status(503), FaultKind::ServerError),
            (status(418), FaultKind::InvalidAnswer),
            (io(std::io::ErrorKind::ConnectionRefused), FaultKind::Unreachable),
            (io(std::io::ErrorKind::UnexpectedEof), FaultKind::IncompleteAnswer),
            (Fault::Slow(Duration::from_secs(1)), FaultKind::Timeout),
            (Fault::OutOfTime(Box::new(status(429))), FaultKind::Timeout),
            (Fault::Certificate(String::new()), FaultKind::UntrustedCertificate),
            (Fault::Malformed("the answer says (403)".to_owned()), FaultKind::InvalidAnswer),
            (Fault::Credentials("no Google credentials".to_owned()), FaultKind::Unauthenticated),
        ] {
            let gap = of_resource(Need::Services, "services", "list services", &fault);
            assert_eq!((gap.error.fault, &*gap.error.what), (kind, "services"), "{fault}");
            let json = serde_json::to_value(&gap).unwrap();
            let keys: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
            assert!(["id", "need", "fault", "what", "why", "fix"].iter().all(|k| keys.contains(k)) && keys.len() == 6);
            assert_eq!(serde_json::from_value::<Gap>(json).unwrap(), gap);
        }
    }

    #[test]
    fn a_gap_of_an_older_snapshot_is_read() {
        let text =
            r#"{"id": "pods", "need": "workloads", "what": "pods", "why": "forbidden (403)", "mend": "Grant it"}"#;
        let gap: Gap = serde_json::from_str(text).unwrap();
        assert_eq!(gap.error, ReadError::new(FaultKind::Other, "pods", "forbidden (403)", "Grant it"));
    }
}
