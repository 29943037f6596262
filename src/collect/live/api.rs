//! One Kubernetes API server: reads paths, again where that can help, and with a new token where one has run out.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request, header};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use tokio::sync::{RwLock, Semaphore};
use tokio::time::Instant;

use super::connect::{Proof, describe_client_error};
use super::decompress::{LARGEST, ResponseBody, too_large};
use super::fault::Fault;
use super::retry::{retry, retry_after};

/// Requests at a time; API Priority and Fairness gives a client about this much.
const PARALLEL: usize = 5;

/// Lists in the plainest form.
pub(super) const JSON: &str = "application/json";
/// Lists of metadata alone: <https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables>.
pub(super) const METADATA: &str =
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json;q=0.9";

const GZIP: &str = "gzip";

/// Memory for an answer is reserved by its stated length up to this many bytes; a compressed page is smaller.
const LARGEST_RESERVED: usize = 1 << 22;

/// At most this many bytes of the body of an error are read.
const LARGEST_ERROR: usize = 1 << 20;

/// A connection.
pub(super) struct Api {
    proof: Proof,
    /// The client and how often it has been made anew.
    client: RwLock<(Client, u32)>,
    slots: Semaphore,
    deadline: Instant,
}

impl Api {
    /// # Errors
    /// [`Fault::Credentials`] where no client can be made.
    pub(super) fn new(proof: Proof, deadline: Instant) -> Result<Api, Fault> {
        let client = proof.client().map_err(Fault::Credentials)?;
        Ok(Api { client: RwLock::new((client, 0)), slots: Semaphore::new(PARALLEL), deadline, proof })
    }

    /// The same connection with other time.
    pub(super) fn until(self, deadline: Instant) -> Api {
        Api { deadline, ..self }
    }

    pub(super) fn server(&self) -> String {
        self.proof.server()
    }

    /// The body of a successful GET.
    pub(super) async fn get(&self, path: &str, accept: &str) -> Result<Bytes, Fault> {
        let answer = self.ask(Method::GET, path, accept, Vec::new(), |answer| answer.unpacked(LARGEST)).await?;
        Ok(answer.bytes)
    }

    /// As [`get`](Self::get), not yet unpacked: whether that can be done is not known.
    pub(super) async fn get_packed(&self, path: &str, accept: &str) -> Result<ResponseBody, Fault> {
        self.ask(Method::GET, path, accept, Vec::new(), Ok).await
    }

    /// The body of a successful POST; only for questions such as SelfSubjectAccessReview, which store nothing.
    pub(super) async fn review(&self, path: &str, body: Vec<u8>) -> Result<Bytes, Fault> {
        Ok(self.ask(Method::POST, path, JSON, body, |answer| answer.unpacked(LARGEST)).await?.bytes)
    }

    /// `open`: what is made of a successful answer; where that fails, it is asked for again.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        accept: &str,
        body: Vec<u8>,
        open: impl Fn(ResponseBody) -> Result<ResponseBody, Fault> + Copy,
    ) -> Result<ResponseBody, Fault> {
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await;
        let mut renewed = false;
        loop {
            let (client, generation) = self.client.read().await.clone();
            let result = retry(self.deadline, path, || {
                let (client, method, body) = (client.clone(), method.clone(), body.clone());
                async move { self.once(client, method, path, accept, body).await.and_then(open) }
            })
            .await;
            match result {
                Err(Fault::Unauthorized(_)) if !renewed && self.renew(generation).await => renewed = true,
                other => return other,
            }
        }
    }

    /// Makes a new client, so that a token is read or made anew. Answers whether that may help.
    async fn renew(&self, generation: u32) -> bool {
        let mut client = self.client.write().await;
        if client.1 != generation {
            // Another request did.
            return true;
        }
        if let Proof::Google(_, google) = &self.proof
            && !google.renew().await
        {
            return false;
        }
        match self.proof.client() {
            Ok(fresh) => {
                tracing::info!(server = self.server(), "credentials were not accepted; trying with new ones");
                *client = (fresh, generation + 1);
                true
            }
            Err(_) => false,
        }
    }

    async fn once(
        &self,
        client: Client,
        method: Method,
        path: &str,
        accept: &str,
        body: Vec<u8>,
    ) -> Result<ResponseBody, Fault> {
        let started = Instant::now();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ACCEPT, accept)
            .header(header::USER_AGENT, concat!("gke-posture/", env!("CARGO_PKG_VERSION")));
        if self.proof.takes_gzip() {
            request = request.header(header::ACCEPT_ENCODING, GZIP);
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, JSON);
        }
        let mut request =
            request.body(Body::from(body)).map_err(|e| Fault::Malformed(format!("the path {path} is none: {e}")))?;
        if let Proof::Google(_, google) = &self.proof {
            request.headers_mut().extend(google.authorization().await?);
        }
        let response = client.send(request).await.map_err(|e| fault_of_client(&e))?;
        let (parts, body) = response.into_parts();
        let gzip = parts.headers.get(header::CONTENT_ENCODING).is_some_and(|v| v == GZIP);
        let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
        let answer = read_body(body, length.unwrap_or_default()).await.map(|bytes| ResponseBody { bytes, gzip });
        let status = parts.status.as_u16();
        tracing::debug!(path, status, ms = started.elapsed().as_millis() as u64, "Kubernetes API");
        if parts.status.is_success() {
            let answer = answer?;
            refuse_page(&parts.headers, &answer.start())?;
            return Ok(answer);
        }
        let error = answer.and_then(|answer| answer.unpacked(LARGEST_ERROR)).map(|answer| answer.bytes);
        Err(Fault::of_status(status, retry_after(&parts.headers), &error.unwrap_or_default()))
    }
}

/// `length`: how many bytes the server states.
async fn read_body(mut body: Body, length: usize) -> Result<Bytes, Fault> {
    let mut all = BytesMut::with_capacity(length.min(LARGEST_RESERVED));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| match Fault::of_transport(&e) {
            // The connection stood; it is the answer that is not whole.
            Fault::Unreachable(m) => Fault::CutOff(m),
            other => other,
        })?;
        if let Ok(data) = frame.into_data() {
            if all.len() + data.len() > LARGEST {
                return Err(too_large(LARGEST));
            }
            all.extend_from_slice(&data);
        }
    }
    Ok(all.freeze())
}

/// A proxy or a login portal answers with a success that holds a page.
fn refuse_page(headers: &HeaderMap, body: &[u8]) -> Result<(), Fault> {
    let html = headers.get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"text/html"));
    if html || body.starts_with(b"<") {
        return Err(Fault::Malformed("an HTML page, as a proxy or a login portal gives".to_owned()));
    }
    Ok(())
}

fn fault_of_client(error: &kube::Error) -> Fault {
    match error {
        kube::Error::Auth(_) => {
            Fault::Credentials(format!("the kubeconfig's credentials give no token: {}", describe_client_error(error)))
        }
        other => Fault::of_transport(other),
    }
}
