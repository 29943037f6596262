//! A kube-apiserver that only gives what was made ready before, so that it costs next to nothing beside its clients.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio_rustls::TlsAcceptor;

use super::data::{self, PAGE, Pages, Size};
use super::tls;

/// Serves until standard input ends, on one thread. Writes a kubeconfig, and then a line to standard output.
pub(crate) fn serve(size: Size, kubeconfig: &Path) {
    let pages = Arc::new(data::cluster(size));
    let made = tls::make(tls::Certificate::Right);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let authority = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &made.authority_pem);
    let config = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "bench",
        "clusters": [{"name": "bench", "cluster": {
            "server": format!("https://127.0.0.1:{port}"), "certificate-authority-data": authority}}],
        "users": [{"name": "bench", "user": {"token": "bench"}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
    });
    std::fs::write(kubeconfig, config.to_string()).expect("a file that can be written");
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let packed: usize = pages.values().flatten().map(Bytes::len).sum();
    println!("{packed}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        listener.set_nonblocking(true).expect("a socket that does not block");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a socket of tokio");
        let acceptor = TlsAcceptor::from(made.config);
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            // As Go's servers do; without it an answer may wait 40 ms for an acknowledgement.
            stream.set_nodelay(true).expect("a socket");
            let (acceptor, pages) = (acceptor.clone(), pages.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(move |request| {
                    let reply = answer(&pages, &request);
                    async { Ok::<_, std::convert::Infallible>(reply) }
                });
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
}

fn answer(pages: &Pages, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    let reply = |body: Bytes| Response::builder().header("content-type", "application/json").body(Full::new(body));
    let accept = request.headers().get("accept").and_then(|a| a.to_str().ok()).unwrap_or_default();
    let slim = accept.contains("as=PartialObjectMetadataList").then(|| pages.get(format!("{path}#metadata").as_str()));
    let made = if let Some(list) = slim.flatten().or_else(|| pages.get(path)) {
        assert!(query.starts_with(&format!("limit={PAGE}")), "pages are made ready for one limit: {query}");
        let page = query.split_once("continue=").map_or(0, |(_, n)| n.parse().expect("a token of ours"));
        Response::builder()
            .header("content-type", "application/json")
            .header("content-encoding", "gzip")
            .body(Full::new(list[page].clone()))
    } else if path == "/apis" {
        reply(Bytes::from_static(
            br#"{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","metadata":{},"items":[]}"#,
        ))
    } else if let Some((namespace, "settings")) =
        path.strip_prefix("/api/v1/namespaces/").and_then(|p| p.split_once("/configmaps/"))
    {
        reply(Bytes::from(format!(
            r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"settings","namespace":"{namespace}","resourceVersion":"7"}},"data":{{"PGSSLMODE":"verify-full","REGION":"europe-west1"}}}}"#
        )))
    } else {
        Response::builder().status(404).body(Full::new(Bytes::new()))
    };
    made.expect("headers of ours")
}
