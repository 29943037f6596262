//! Every fault, as a client sees it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Client, Got, bare, config_maps, names, run};
use crate::servers::{Cut, Effect, Fault, Shape};

#[test]
fn every_fault_is_what_it_says() {
    let kube = bare(&config_maps(&["a", "b", "c"]));
    let token = kube.user("a");
    let pods = "/api/v1/configmaps";
    /// What a client gets to see.
    type Seen = fn(Result<Got, String>) -> bool;
    let broken_body: Seen = |got| got.is_ok_and(|g| g.status == 200 && g.body.is_err());
    let page = Effect::body(200, "text/html", "<html>");
    let shape = Effect::Shape;
    let table: Vec<(&str, Effect, Seen)> = vec![
        ("status", Effect::status(500), |g| g.unwrap().json()["reason"] == "InternalError"),
        ("unavailable", Effect::status(503), |g| g.unwrap().text() == "service unavailable\n"),
        ("retry after", Effect::retry_after(429, "7"), |g| {
            let g = g.unwrap();
            g.status == 429 && g.header("retry-after") == "7" && g.text().starts_with("Too many requests")
        }),
        ("own body", page, |g| g.unwrap().text() == "<html>"),
        ("close", Effect::Close, |g| !g.unwrap_err().contains("ConnectionReset")),
        ("reset", Effect::Reset, |g| g.unwrap_err().contains("ConnectionReset")),
        ("reset, headers", Effect::ResetWithin(Cut::Headers), |g| g.is_err() || g.is_ok_and(|g| g.body.is_err())),
        ("reset, half", Effect::ResetWithin(Cut::Half), |g| g.is_err() || g.is_ok_and(|g| g.body.is_err())),
        ("cut, headers", Effect::CutLength(Cut::Headers), broken_body),
        ("cut, half", Effect::CutLength(Cut::Half), broken_body),
        ("cut, last", Effect::CutLength(Cut::Last), broken_body),
        ("chunks, headers", Effect::CutChunked(Cut::Headers), broken_body),
        ("chunks, half", Effect::CutChunked(Cut::Half), broken_body),
        ("chunks, last", Effect::CutChunked(Cut::Last), broken_body),
        ("gzip cut", Effect::GzipCut, broken_body),
        ("gzip garbage", Effect::GzipGarbage, broken_body),
        ("malformed", Effect::Malformed, |g| serde_json::from_str::<Value>(g.unwrap().text()).is_err()),
        ("no body", Effect::NoBody, |g| g.unwrap().text().is_empty()),
        ("items null", shape(Shape::ItemsNull), |g| g.unwrap().json()["items"].is_null()),
        ("items absent", shape(Shape::ItemsAbsent), |g| g.unwrap().json().get("items").is_none()),
        ("items object", shape(Shape::ItemsObject), |g| g.unwrap().json()["items"].is_object()),
        ("item string", shape(Shape::ItemString), |g| g.unwrap().json()["items"][0].is_string()),
        ("item null", shape(Shape::ItemNull), |g| g.unwrap().json()["items"][0].is_null()),
        ("metadata null", shape(Shape::MetadataNull), |g| g.unwrap().json()["items"][0]["metadata"].is_null()),
        ("spec string", shape(Shape::SpecString), |g| g.unwrap().json()["items"][0]["spec"].is_string()),
        ("array", shape(Shape::Array), |g| g.unwrap().json() == json!([])),
        ("null", shape(Shape::Null), |g| g.unwrap().json().is_null()),
        ("empty", shape(Shape::Empty), |g| g.unwrap().json() == json!({})),
        ("edit", Effect::edit(|v| v["x"] = json!(1)), |g| g.unwrap().json()["x"] == 1),
        ("portal", Effect::Html { code: 200 }, |g| {
            let g = g.unwrap();
            g.status == 200 && g.header("content-type").starts_with("text/html")
        }),
        ("proxy", Effect::Html { code: 502 }, |g| g.unwrap().text().contains("502 Bad Gateway")),
        ("redirect", Effect::Redirect { code: 302, to: "https://login.example/".into() }, |g| {
            g.unwrap().header("location") == "https://login.example/"
        }),
        ("expired", Effect::Expired, |g| g.unwrap().json()["reason"] == "Expired"),
        ("drip", Effect::Drip { bytes: 100, pause: Duration::from_millis(1) }, |g| {
            names(&g.unwrap().json()).len() == 3
        }),
    ];
    run(async {
        for (name, effect, seen) in table {
            kube.faults().clear();
            kube.faults().add(Fault::on(pods, effect).once());
            // A connection of its own: nothing is tried again on a new one behind the test's back.
            let client = Client::new(&kube, Some(&token));
            let got = client.try_get(pods).await;
            let debug = format!("{got:?}");
            assert!(seen(got), "{name}: {debug}");
            assert_eq!(kube.faults().struck(), 1, "{name}");
            assert_eq!(client.get(pods).await.status, 200, "after {name}");
        }
        // What never ends: any time is too short.
        let patience = Duration::from_millis(50);
        let client = Client::new(&kube, Some(&token));
        kube.faults().add(Fault::on(pods, Effect::Hang).once());
        assert!(tokio::time::timeout(patience, client.get(pods)).await.is_err());
        kube.faults().add(Fault::on(pods, Effect::Stall).once());
        let request = client.http.get(format!("{}{pods}", client.base)).bearer_auth(&token);
        let mut stalled = request.send().await.unwrap();
        let promised = stalled.content_length().unwrap() as usize;
        assert_eq!(stalled.chunk().await.unwrap().unwrap().len(), promised / 2);
        assert!(tokio::time::timeout(patience, stalled.chunk()).await.is_err());
        assert_eq!(client.get(pods).await.status, 200);
    });
}

#[test]
fn faults_choose_their_requests() {
    let kube = bare(&config_maps(&["a", "b", "c"]));
    let token = kube.user("a");
    let client = Client::new(&kube, Some(&token));
    kube.faults().add(Fault::on("/api/v1/configmaps?*continue=*", Effect::Expired).once());
    kube.faults().add(Fault::on("/api/v1/pods", Effect::status(500)).from(2).times(2));
    kube.faults().add(Fault::on("/api/v1/nodes*", Effect::status(503)).verb("POST"));
    run(async {
        let mut seen = Vec::new();
        for _ in 0..5 {
            seen.push(client.get("/api/v1/pods").await.status);
        }
        assert_eq!(seen, [200, 500, 500, 200, 200]);
        assert_eq!(client.get("/api/v1/nodes").await.status, 200);
        let first = client.get("/api/v1/configmaps?limit=1").await.json();
        let next = format!("/api/v1/configmaps?limit=1&continue={}", first["metadata"]["continue"].as_str().unwrap());
        assert_eq!(client.get(&next).await.status, 410);
        assert_eq!(client.get(&next).await.status, 200);
        // Revoked at the third request for anything.
        kube.faults().clear();
        kube.faults().add(Fault::on("*", Effect::Revoke).from(3).once());
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(client.get("/version").await.status);
        }
        assert_eq!(seen, [200, 200, 401, 401]);
        // A token that is good for two requests, without a clock.
        kube.faults().clear();
        kube.tokens().set_uses(2);
        let client = Client::new(&kube, Some(&kube.user("b")));
        let seen = [client.get("/api").await.status, client.get("/api").await.status, client.get("/api").await.status];
        assert_eq!(seen, [200, 200, 401]);
    });
    assert_eq!(kube.record().count("/api/v1/pods"), 5);
}

#[test]
fn a_server_ends_with_what_hangs() {
    let kube = bare(&[]);
    let token = kube.user("a");
    kube.faults().add(Fault::on("*", Effect::Hang));
    let client = Arc::new(Client::new(&kube, Some(&token)));
    run(async {
        let request = || {
            tokio::spawn({
                let client = client.clone();
                async move { client.try_get("/version").await }
            })
        };
        let requests = [request(), request(), request()];
        while kube.record().entries().len() < requests.len() {
            tokio::task::yield_now().await;
        }
        assert!(kube.record().entries().iter().all(|e| e.status.is_none()));
        assert_eq!((kube.record().peak(), kube.record().connections()), (3, 3));
        drop(kube);
        for request in requests {
            assert!(request.await.unwrap().is_err());
        }
    });
}
