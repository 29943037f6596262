//! Compression, certificates, addresses.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DynamicObject, ListParams};
use serde_json::{Value, json};

use super::{CNPG, Client, bare, kube_client, run};
use crate::servers::{Certificate, FakeKube, Gzip, Options, data, ports};

#[test]
fn large_answers_are_compressed_for_those_who_accept_it() {
    let big: Vec<Value> = (0..40)
        .map(|i| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("c{i}")}, "data": {"x": "y".repeat(4000)}}))
        .collect();
    let kube = bare(&big);
    let always = FakeKube::with(Options { gzip: Gzip::Always, tls: None, ..Options::default() }, &[]);
    let (token, other) = (kube.user("a"), always.user("a"));
    run(async {
        // reqwest decodes and takes the header away; it asked for gzip.
        let client = Client::new(&kube, Some(&token));
        let got = client.get("/api/v1/configmaps").await;
        assert_eq!((got.header("vary"), got.json()["items"].as_array().unwrap().len()), ("Accept-Encoding", 40));
        assert_eq!(client.get("/api/v1/pods").await.header("vary"), "");
        assert_eq!(Client::new(&always, Some(&other)).get("/api/v1/pods").await.header("vary"), "Accept-Encoding");
        let plain = reqwest::Client::builder().no_gzip().no_proxy().build().unwrap();
        let plain = Client { http: plain, base: always.url(), token: Some(other.clone()) };
        assert_eq!(plain.get("/api/v1/pods").await.header("vary"), "");
        let api: Api<ConfigMap> = Api::all(kube_client(&kube, &token).await);
        assert_eq!(api.list(&ListParams::default()).await.unwrap().items.len(), 40);
    });
}

#[test]
fn certificates_can_be_wrong_in_three_ways() {
    for (certificate, fault) in [
        (Certificate::Right, None),
        (Certificate::UnknownAuthority, Some("UnknownIssuer")),
        (Certificate::WrongName, Some("NotValidForName")),
        (Certificate::Expired, Some("Expired")),
    ] {
        let kube = FakeKube::with(Options { tls: Some(certificate), ..Options::default() }, &[]);
        let token = kube.user("a");
        match (run(Client::new(&kube, Some(&token)).try_get("/version")), fault) {
            (Ok(got), None) => assert_eq!(got.status, 200),
            (Err(e), Some(fault)) => assert!(e.contains(fault), "{certificate:?}: {e}"),
            (got, _) => panic!("{certificate:?}: {got:?}"),
        }
    }
}

#[test]
fn behind_a_prefix_is_the_same_cluster() {
    let prefix = "/v1/projects/1/locations/global/gkeMemberships/m";
    let kube = FakeKube::with(Options { prefix: prefix.into(), ..Options::default() }, &data::example());
    let token = kube.user("a");
    run(async {
        let client = kube_client(&kube, &token).await;
        let clusters: Api<DynamicObject> = Api::all_with(
            client,
            &kube::api::ApiResource {
                group: "postgresql.cnpg.io".into(),
                version: "v1".into(),
                api_version: "postgresql.cnpg.io/v1".into(),
                kind: "Cluster".into(),
                plural: "clusters".into(),
            },
        );
        assert_eq!(clusters.list(&ListParams::default()).await.unwrap().items.len(), 2);
    });
    assert_eq!(kube.record().paths(), [format!("GET {prefix}{CNPG}")]);
}

#[test]
fn addresses_without_a_server() {
    let http = || {
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder().no_proxy().build().unwrap()
    };
    let (closed, silent, babble) = (ports::Closed::new(), ports::Silent::new(), ports::Babble::new(b"SSH-2.0-x\r\n"));
    run(async {
        let refused = http().get(format!("http://{}/", closed.address)).send().await.unwrap_err();
        assert!(refused.is_connect(), "{refused:?}");
        // The connection is made, and then nothing ever comes: any time is too short.
        let waits = http().get(format!("http://{}/", silent.address)).timeout(Duration::from_millis(50)).send().await;
        assert!(waits.unwrap_err().is_timeout());
        for scheme in ["http", "https"] {
            http().get(format!("{scheme}://{}/", babble.address)).send().await.unwrap_err();
        }
    });
}
