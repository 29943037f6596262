//! Every object of the input is evaluated, or counted and named as not evaluated; what rests on something that was not
//! read is unknown.

use serde_json::Value;

use crate::support::{Room, verdicts};

/// A database that only its own namespace reaches, and a workload whose container has `environment`.
fn shop(environment: &str) -> String {
    let app = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: api, namespace: shop }}\nspec:\n  selector: {{ matchLabels: {{ app: api }} }}\n  \
         template:\n    metadata: {{ labels: {{ app: api }} }}\n    spec: {{ containers: [{{ name: main, image: example/api, {environment} }}] }}\n---\n"
    );
    "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { env: production } }\n---\n\
     apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: { name: pg, namespace: shop }\n\
     spec: { instances: 1, postgresql: { pg_hba: ['hostssl all all all scram-sha-256', 'hostnossl all all all reject'] } }\n---\n"
        .to_owned()
        + &app
}

fn reasons<'a>(report: &'a Value, check: &str) -> Vec<&'a Value> {
    let of_check = report["results"].as_array().unwrap().iter().filter(|r| r["check"] == check);
    of_check.filter_map(|r| r["reasons"].as_array()).flatten().collect()
}

const REACHABLE: &str = "database-reachable-by-non-clients";
const CLIENT: &str = "database-client-tls-mode";

#[test]
fn a_container_whose_variables_were_not_read_may_be_a_client() {
    let config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: api-settings, namespace: shop }\ndata: ";
    for environment in [
        "envFrom: [{ configMapRef: { name: api-settings } }]",
        "envFrom: [{ configMapRef: { name: api-settings, optional: true } }]",
        "env: [{ name: UPSTREAM, valueFrom: { configMapKeyRef: { name: api-settings, key: upstream } } }]",
    ] {
        let room = Room::with(&shop(environment));
        let report = room.sh("audit in.yaml --format json").json();
        for (check, subject) in [(REACHABLE, "shop/Cluster/pg"), (CLIENT, "shop/Deployment/api/main/environment")] {
            assert_eq!(verdicts(&report, check), [(subject.to_owned(), "unknown".to_owned())], "{environment}");
            let reasons = reasons(&report, check);
            assert!(reasons.iter().all(|r| r["cause"] == "missing-input"), "{reasons:?}");
            assert!(reasons[0]["text"].as_str().unwrap().contains("shop/api-settings"), "{reasons:?}");
        }
        room.sh("audit in.yaml --strict --fail-on critical").status(3);
        // It is no client once the ConfigMap says so.
        room.write("map.yaml", format!("{config_map}{{ upstream: none, LOG_LEVEL: info }}\n"));
        let report = room.sh("audit . --format json").json();
        assert_eq!(verdicts(&report, REACHABLE), [("shop/Cluster/pg".to_owned(), "fail".to_owned())], "{environment}");
        assert!(verdicts(&report, CLIENT).is_empty());
    }
}

#[test]
fn a_secret_as_an_environment_may_hold_any_connection() {
    let room = Room::with(&shop("envFrom: [{ secretRef: { name: api-secrets } }]"));
    let causes = |report: &Value, check| {
        let mut causes: Vec<_> =
            reasons(report, check).iter().map(|r| r["cause"].as_str().unwrap().to_owned()).collect();
        causes.dedup();
        causes
    };
    let report = room.sh("audit in.yaml --format json").json();
    for check in [REACHABLE, CLIENT] {
        assert_eq!(causes(&report, check), ["withheld"], "{check}");
    }
    room.sh("audit in.yaml --strict").status(3);
    let secret = |keys: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{ name: api-secrets, namespace: shop }}\nstringData: {{ {keys} }}\n"
        )
    };
    room.write("secret.yaml", secret("DATABASE_URL: x, token: y"));
    let report = room.sh("audit . --format json").json();
    for check in [REACHABLE, CLIENT] {
        assert_eq!(causes(&report, check), ["undecided"], "{check}");
        assert!(reasons(&report, check)[0]["text"].as_str().unwrap().contains("(DATABASE_URL)"));
    }
    // Keys of which none can name a database make no client.
    room.write("secret.yaml", secret("token: y, LOG_LEVEL: z"));
    let report = room.sh("audit . --format json").json();
    assert_eq!(verdicts(&report, REACHABLE)[0].1, "fail");
    assert!(verdicts(&report, CLIENT).is_empty());
}
