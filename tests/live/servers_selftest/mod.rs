//! The test servers against the clients that the program is built on, so that a test may believe them.
//!
//! The documents that are pinned here word for word were taken from a kube-apiserver v1.34.4.
mod documents;
mod faults;
mod google;
mod rights;
mod transport;

use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use crate::servers::kubeconfig::{self, Identity};
use crate::servers::{FakeGoogle, FakeKube, Options};

const CNPG: &str = "/apis/postgresql.cnpg.io/v1/clusters";
const POLICIES: &str = "/apis/networking.k8s.io/v1/networkpolicies";

fn run<T>(future: impl Future<Output = T>) -> T {
    // Fails when another test of this process was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// What came back, as far as it came.
#[derive(Debug)]
struct Got {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Result<String, String>,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|v| v.to_str().unwrap()).unwrap_or_default()
    }

    #[track_caller]
    fn text(&self) -> &str {
        self.body.as_ref().unwrap()
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(self.text()).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// A client for one server, as one user.
struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Client {
    fn new(kube: &FakeKube, token: Option<&str>) -> Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        if !kube.authority_pem.is_empty() {
            builder = builder.tls_certs_only([reqwest::Certificate::from_pem(kube.authority_pem.as_bytes()).unwrap()]);
        }
        Client { http: builder.build().unwrap(), base: kube.url(), token: token.map(str::to_owned) }
    }

    fn google(google: &FakeGoogle, token: Option<&str>) -> Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Client { http, base: google.url(), token: token.map(str::to_owned) }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Got, String> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let response = request.send().await.map_err(|e| format!("{e:?}"))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.text().await.map_err(|e| format!("{e:?}"));
        Ok(Got { status, headers, body })
    }

    async fn try_get(&self, path: &str) -> Result<Got, String> {
        self.send(self.http.get(format!("{}{path}", self.base))).await
    }

    async fn get(&self, path: &str) -> Got {
        self.try_get(path).await.unwrap()
    }

    async fn accept(&self, path: &str, accept: &str) -> Got {
        self.send(self.http.get(format!("{}{path}", self.base)).header("Accept", accept)).await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Got {
        self.send(self.http.post(format!("{}{path}", self.base)).json(body)).await.unwrap()
    }
}

fn config_maps(names: &[&str]) -> Vec<Value> {
    let one = |n: &&str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": n}, "data": {"k": "v"}});
    names.iter().map(one).collect()
}

fn bare(objects: &[Value]) -> FakeKube {
    FakeKube::with(Options { system_objects: false, ..Options::default() }, objects)
}

async fn kube_client(kube: &FakeKube, token: &str) -> kube::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = kubeconfig::kubeconfig(kube, "gke_p_l_c", &Identity::Token(token.to_owned()));
    let file = Kubeconfig::from_yaml(&file.to_string()).unwrap();
    let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await.unwrap();
    kube::Client::try_from(config).unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|i| i["metadata"]["name"].as_str().unwrap()).collect()
}
