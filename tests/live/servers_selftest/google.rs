//! Google's APIs, with Google's own clients; and a cluster as they describe it.

use google_cloud_auth::credentials::{
    AccessTokenCredentials, Credentials, external_account, impersonated, mds, service_account, user_account,
};
use google_cloud_container_v1::client::ClusterManager;
use google_cloud_container_v1::model::{cluster::Status, network_policy::Provider};
use google_cloud_gax::retry_policy::NeverRetry;
use serde_json::json;

use super::{Client, POLICIES, run};
use crate::servers::data::{self, Endpoint};
use crate::servers::google::Refusal;
use crate::servers::{FakeGoogle, FakeKube, Options};

const CLUSTER: &str = "projects/development-485000/locations/asia-east1-a/clusters/gke-tomoda";

async fn gke(google: &FakeGoogle, credentials: Credentials) -> ClusterManager {
    ClusterManager::builder()
        .with_endpoint(google.url())
        .with_credentials(credentials)
        .with_retry_policy(NeverRetry)
        .build()
        .await
        .unwrap()
}

fn with_cluster() -> FakeGoogle {
    let google = FakeGoogle::start();
    google.project("development-485000", &["folders/11", "organizations/22"]);
    google.cluster(CLUSTER, data::example_cluster());
    google
}

fn person(google: &FakeGoogle) -> Credentials {
    user_account::Builder::new(google.authorized_user("person@example.com")).build().unwrap()
}

#[test]
fn the_official_client_reads_clusters() {
    let google = with_cluster();
    google.missing_zone("development-485000", "asia-east1-b");
    run(async {
        let client = gke(&google, person(&google)).await;
        let cluster = client.get_cluster().set_name(CLUSTER).send().await.unwrap();
        assert_eq!(cluster.current_master_version, "1.33.4-gke.1350000");
        assert_eq!(cluster.network_policy.as_ref().unwrap().provider, Provider::Calico);
        assert_eq!(cluster.status, Status::Running);
        let list = client.list_clusters().set_parent("projects/development-485000/locations/-").send().await.unwrap();
        assert_eq!((list.clusters.len(), list.missing_zones.as_slice()), (1, &["asia-east1-b".to_owned()][..]));
        // On the wire enums are integers for this client, and names for others.
        let token = google.tokens().issue("person@example.com");
        let curl = Client::google(&google, Some(&token));
        let path = format!("/v1/{CLUSTER}");
        assert_eq!(curl.get(&path).await.json()["status"], "RUNNING");
        assert_eq!(curl.get(&format!("{path}?%24alt=json%3Benum-encoding%3Dint")).await.json()["status"], 2);
    });
    let asked = google.record().matching(&format!("/v1/{CLUSTER}?*%24alt=json*"));
    assert_eq!(asked[0].user.as_deref(), Some("person@example.com"));
    google.record().assert_only_reads();
}

#[test]
fn failures_of_google_carry_their_reason() {
    let google = with_cluster();
    let reason = |e: google_cloud_container_v1::Error| {
        let details = e.status().map(|s| format!("{:?}", s.details)).unwrap_or_default();
        (e.http_status_code(), details, e.to_string())
    };
    run(async {
        let client = gke(&google, person(&google)).await;
        let get = |name: &str| client.get_cluster().set_name(name).send();
        let missing = get("projects/development-485000/locations/asia-east1-a/clusters/nope").await.unwrap_err();
        let (code, _, text) = reason(missing);
        assert_eq!(code, Some(404));
        assert!(
            text.contains("Not found: projects/development-485000/locations/asia-east1-a/clusters/nope."),
            "{text}"
        );
        for (refusal, expected) in [
            (Refusal::ServiceDisabled, "SERVICE_DISABLED"),
            (Refusal::VpcServiceControls, "SECURITY_POLICY_VIOLATED"),
            (Refusal::BillingDisabled, "BILLING_DISABLED"),
            (Refusal::QuotaExceeded, "RATE_LIMIT_EXCEEDED"),
        ] {
            google.allow_again();
            google.refuse("container.googleapis.com", "projects/development-485000", refusal);
            let (code, details, _) = reason(get(CLUSTER).await.unwrap_err());
            assert_eq!(code, Some(if refusal == Refusal::QuotaExceeded { 429 } else { 403 }));
            assert!(details.contains(expected), "{details}");
        }
        google.allow_again();
        google.deny("container.clusters.get", "projects/development-485000");
        let (code, details, text) = reason(get(CLUSTER).await.unwrap_err());
        assert_eq!(code, Some(403));
        assert!(details.contains("IAM_PERMISSION_DENIED"), "{details}");
        assert!(
            text.contains(&format!("Required \"container.clusters.get\" permission(s) for \"{CLUSTER}\".")),
            "{text}"
        );
        // What may not be seen is not said to exist.
        let (code, ..) = reason(get("projects/other/locations/l/clusters/c").await.unwrap_err());
        assert_eq!(code, Some(403));
        google.allow_again();
        google.tokens().revoke_all();
        let (code, details, _) = reason(get(CLUSTER).await.unwrap_err());
        assert_eq!(code, Some(401));
        assert!(details.contains("ACCESS_TOKEN_TYPE_UNSUPPORTED"), "{details}");
        let got = Client::google(&google, None).get(&format!("/v1/{CLUSTER}")).await;
        assert_eq!((got.status, got.header("www-authenticate")), (401, "Bearer"));
    });
}

#[test]
fn every_kind_of_credentials_gets_a_token() {
    let google = with_cluster();
    google.may_impersonate("person@example.com", "auditor@p.iam.gserviceaccount.com");
    google.machine("machine@p.iam.gserviceaccount.com");
    let dir = tempfile::tempdir().unwrap();
    let scope = ["https://www.googleapis.com/auth/cloud-platform"];
    let account = google.service_account_key("robot@p.iam.gserviceaccount.com");
    let user = google.authorized_user("person@example.com");
    let federated = google.external_account("principal://pool/ci", "subject", &dir.path().join("subject"));
    let through = google.impersonated(&user, "auditor@p.iam.gserviceaccount.com");
    let not_allowed = google.impersonated(&user, "other@p.iam.gserviceaccount.com");
    run(async {
        let tokens: Vec<(&str, AccessTokenCredentials)> = vec![
            (
                "robot@p.iam.gserviceaccount.com",
                service_account::Builder::new(account)
                    .with_access_specifier(service_account::AccessSpecifier::from_scopes(scope))
                    .build_access_token_credentials()
                    .unwrap(),
            ),
            ("person@example.com", user_account::Builder::new(user).build_access_token_credentials().unwrap()),
            (
                "machine@p.iam.gserviceaccount.com",
                mds::Builder::default().with_endpoint(google.url()).build_access_token_credentials().unwrap(),
            ),
            (
                "principal://pool/ci",
                external_account::Builder::new(federated).with_scopes(scope).build_access_token_credentials().unwrap(),
            ),
            (
                "auditor@p.iam.gserviceaccount.com",
                impersonated::Builder::new(through).build_access_token_credentials().unwrap(),
            ),
        ];
        for (who, credentials) in tokens {
            let token = credentials.access_token().await.unwrap_or_else(|e| panic!("{who}: {e:?}")).token;
            let path = format!("/v1/{CLUSTER}");
            let got = Client::google(&google, Some(&token)).get(&path).await;
            assert_eq!(got.status, 200, "{who}");
            assert_eq!(google.record().matching(&path).pop().unwrap().user.as_deref(), Some(who));
            // A cluster knows the tokens that Google handed out; a token that an account signed itself is none of them.
            assert_eq!(google.tokens().owner(&token).is_some(), !who.starts_with("robot"), "{who}");
        }
        let refused = impersonated::Builder::new(not_allowed)
            .with_retry_policy(NeverRetry)
            .build_access_token_credentials()
            .unwrap()
            .access_token()
            .await
            .unwrap_err();
        assert!(format!("{refused:?}").contains("iam.serviceAccounts.getAccessToken"), "{refused:?}");
        google.revoke_refresh_tokens();
        let stale = user_account::Builder::new(json!({
            "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "old",
            "token_uri": format!("{}/token", google.url()),
        }));
        let stale = stale.with_retry_policy(NeverRetry).build_access_token_credentials().unwrap();
        let stale = stale.access_token().await.unwrap_err();
        assert!(format!("{stale:?}").contains("invalid_grant"), "{stale:?}");
        // The metadata server insists on its header.
        let plain = Client::google(&google, None);
        let path = "/computeMetadata/v1/instance/service-accounts/default/token";
        assert_eq!(plain.get(path).await.status, 403);
        let asked = plain.http.get(format!("{}{path}", plain.base)).header("Metadata-Flavor", "Google");
        let got = plain.send(asked).await.unwrap();
        assert_eq!((got.header("metadata-flavor"), &got.json()["token_type"]), ("Google", &json!("Bearer")));
        let domain = plain.http.get(format!("{}/computeMetadata/v1/universe/universe-domain", plain.base));
        let got = plain.send(domain.header("Metadata-Flavor", "Google")).await.unwrap();
        assert_eq!(got.text(), "googleapis.com");
        // The grant that other clients use for service accounts.
        let form = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", "a.b.c")];
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let got = plain.send(plain.http.post(format!("{}/token", plain.base)).body(body)).await.unwrap();
        assert_eq!((got.status, &got.json()["error"]), (400, &json!("invalid_grant")));
    });
}

#[test]
fn a_fleet_is_found_in_pages() {
    let google = FakeGoogle::start();
    for n in 0..3 {
        google.project(&format!("p{n}"), if n < 2 { &["folders/1", "organizations/9"] } else { &["organizations/9"] });
        for c in ["a", "b"] {
            google.cluster(&format!("projects/p{n}/locations/europe-west1/clusters/{c}"), data::example_cluster());
        }
    }
    google.membership("projects/p0/locations/global/memberships/m", "projects/p0/locations/europe-west1/clusters/a");
    google.deny("container.clusters.get", "projects/p2");
    let token = google.tokens().issue("a@example.com");
    let client = Client::google(&google, Some(&token));
    run(async {
        for (scope, expected) in [("projects/p0", 2), ("folders/1", 4), ("organizations/9", 6), ("folders/7", 0)] {
            let mut found = Vec::new();
            let mut next = String::new();
            loop {
                let types = "assetTypes=container.googleapis.com/Cluster";
                let path = format!("/v1/{scope}:searchAllResources?{types}&pageSize=1&pageToken={next}");
                let page = client.get(&path).await.json();
                found.extend(page["results"].as_array().cloned().unwrap_or_default());
                match page["nextPageToken"].as_str() {
                    Some(token) => next = token.to_owned(),
                    None => break,
                }
            }
            assert_eq!(found.len(), expected, "{scope}");
            if let Some(first) = found.first() {
                assert_eq!(first["name"], "//container.googleapis.com/projects/p0/locations/europe-west1/clusters/a");
            }
        }
        let hub = client.get("/v1/projects/p0/locations/-/memberships").await.json();
        let cluster = "//container.googleapis.com/projects/p0/locations/europe-west1/clusters/a";
        assert_eq!(hub["resources"][0]["endpoint"]["gkeCluster"]["resourceLink"], cluster);
        let asked = json!({"permissions": ["container.clusters.get", "container.clusters.list"]});
        for (project, held) in [("p0", &asked["permissions"]), ("p2", &json!(["container.clusters.list"]))] {
            let got = client.post(&format!("/v1/projects/{project}:testIamPermissions"), &asked).await;
            assert_eq!(&got.json()["permissions"], held);
        }
        assert_eq!(client.post("/v3/projects/nope:testIamPermissions", &asked).await.json(), json!({}));
        google.refuse("cloudresourcemanager.googleapis.com", "projects/p0", Refusal::ServiceDisabled);
        assert_eq!(client.post("/v3/projects/p0:testIamPermissions", &asked).await.status, 403);
    });
    google.record().assert_only_reads();
}

#[test]
fn a_cluster_is_reached_as_its_configuration_says() {
    let google = FakeGoogle::start();
    let options = Options { tokens: google.tokens().clone(), ..Options::default() };
    let kube = FakeKube::with(options, &data::example());
    kube.allow_everything("person@example.com");
    google.cluster(CLUSTER, data::served_by(data::example_cluster(), &kube, Endpoint::Public));
    run(async {
        let credentials = person(&google);
        let cluster = gke(&google, credentials).await.get_cluster().set_name(CLUSTER).send().await.unwrap();
        let token = google.tokens().issue("person@example.com");
        let authority = &cluster.master_auth.as_ref().unwrap().cluster_ca_certificate;
        let pem = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, authority).unwrap();
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()])
            .build()
            .unwrap();
        let client = Client { http, base: format!("https://{}", cluster.endpoint), token: Some(token.clone()) };
        assert_eq!(client.get(POLICIES).await.json()["items"].as_array().unwrap().len(), 6);
        google.tokens().revoke(&token);
        assert_eq!(client.get(POLICIES).await.status, 401);
    });
    assert_eq!(kube.record().entries()[0].user.as_deref(), Some("person@example.com"));
}
