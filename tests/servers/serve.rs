//! What all servers share: a thread with a runtime of its own, HTTP/1.1 with or without TLS, recording, faults.
//!
//! HTTP/2 is not offered: neither `kube` nor the Google client speaks it with the features that this program uses.

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::thread::JoinHandle;
use std::time::Duration;

use flate2::{Compression, write::GzEncoder};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::Sleep;
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

use super::faults::{Delivery, Effect, Faults, Outcome, strike};
use super::record::{Entry, Record};
use super::tokens::Tokens;

/// Go's `net/http` buffers so much before it decides on chunks; so do answers here.
const UNCHUNKED: usize = 2048;
/// Above this, kube-apiserver compresses for clients that accept it:
/// k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/writers.go, `defaultGzipThresholdBytes`.
const GZIP_THRESHOLD: usize = 128 * 1024;

pub(super) struct Request {
    pub method: Method,
    /// Percent-encoded, as sent.
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn bearer(&self) -> Option<&str> {
        self.header("authorization").strip_prefix("Bearer ")
    }

    /// The first value of a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters(name).into_iter().next()
    }

    pub(super) fn parameters(&self, name: &str) -> Vec<String> {
        let pairs = form_urlencoded::parse(self.query.as_bytes());
        pairs.filter(|(k, _)| k == name).map(|(_, v)| v.into_owned()).collect()
    }
}

#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Reply {
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Reply {
        Reply { status, headers: vec![("Content-Type".into(), content_type.into())], body: body.into() }
    }

    pub(super) fn json(status: u16, value: &serde_json::Value) -> Reply {
        Reply::new(status, "application/json", format!("{value}\n"))
    }

    /// Sets a header, in place of one of the same name.
    pub(super) fn header(mut self, name: &str, value: &str) -> Reply {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn gzip(mut self) -> Reply {
        // The level of kube-apiserver.
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(1));
        encoder.write_all(&self.body).unwrap();
        self.body = encoder.finish().unwrap().into();
        self.header("Content-Encoding", "gzip").header("Vary", "Accept-Encoding")
    }
}

/// When to compress for a client that accepts gzip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Gzip {
    Never,
    /// As kube-apiserver does: bodies above 128 KiB.
    #[default]
    Large,
    Always,
}

/// What makes a server the one it is.
pub(super) trait Handler: Send + Sync + 'static {
    /// Whom the credentials stand for.
    fn user(&self, request: &Request) -> Option<String>;
    fn answer(&self, request: &Request, user: Option<&str>, number: usize) -> Reply;
    /// The answer of this kind of server when it fails with a status, whatever the reason.
    fn failure(&self, request: &Request, code: u16) -> Reply;
    fn tokens(&self) -> &Tokens;
    fn gzip(&self) -> Gzip;
}

struct Shared {
    handler: Arc<dyn Handler>,
    record: Record,
    faults: Faults,
}

/// A server on a port of its own of 127.0.0.1. It ends when it is dropped, with everything that hangs.
pub(super) struct Server {
    pub address: SocketAddr,
    pub record: Record,
    pub faults: Faults,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(handler: Arc<dyn Handler>, tls: Option<Arc<ServerConfig>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (record, faults) = (Record::default(), Faults::default());
        let shared = Arc::new(Shared { handler, record: record.clone(), faults: faults.clone() });
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    _ = stopped => {}
                    () = accept(listener, shared, tls.map(TlsAcceptor::from)) => {}
                }
            });
        });
        Server { address, record, faults, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the server has been printed by its thread; panicking again while a test unwinds would abort.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: tokio::net::TcpListener, shared: Arc<Shared>, tls: Option<TlsAcceptor>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (shared, tls) = (shared.clone(), tls.clone());
        tokio::spawn(async move {
            shared.record.connected();
            // Errors are the client's to notice: a handshake it breaks off, a connection that a fault cuts.
            let _ = stream.set_nodelay(true);
            let reset = Arc::new(AtomicBool::new(false));
            let stream = Resettable { stream, reset: reset.clone() };
            match tls {
                None => talk(stream, shared, reset).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        talk(stream, shared, reset).await;
                    }
                }
            }
        });
    }
}

async fn talk(stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>, reset: Arc<AtomicBool>) {
    let service = hyper::service::service_fn(|request| respond(request, shared.clone(), reset.clone()));
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// The connection is to end without an answer.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed by a fault")
    }
}

impl std::error::Error for Closed {}

async fn respond(
    request: hyper::Request<hyper::body::Incoming>,
    shared: Arc<Shared>,
    reset: Arc<AtomicBool>,
) -> Result<Response<Pieces>, Closed> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    let request = Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
    };
    let effect = shared.faults.take(&request);
    if matches!(effect, Some(Effect::Revoke))
        && let Some(token) = request.bearer()
    {
        shared.handler.tokens().revoke(token);
    }
    let user = shared.handler.user(&request);
    let number = shared.record.asked(Entry {
        number: 0,
        verb: request.method.to_string(),
        path: request.path.clone(),
        query: request.query.clone(),
        user: user.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
        status: None,
    });
    let answer = || shared.handler.answer(&request, user.as_deref(), number);
    let encode = |reply: Reply| {
        let wanted = match shared.handler.gzip() {
            Gzip::Never => false,
            Gzip::Large => reply.body.len() > GZIP_THRESHOLD,
            Gzip::Always => !reply.body.is_empty(),
        };
        if wanted && request.header("accept-encoding").contains("gzip") { reply.gzip() } else { reply }
    };
    let outcome = match effect {
        None => Outcome::Reply(encode(answer()), Delivery::Whole),
        Some(effect) => strike(effect, answer, |code| shared.handler.failure(&request, code), encode),
    };
    match outcome {
        Outcome::Reply(reply, delivery) => {
            shared.record.answered(number, Some(reply.status));
            Ok(response(reply, delivery, reset))
        }
        Outcome::Hang => std::future::pending().await,
        Outcome::Close => {
            shared.record.answered(number, None);
            Err(Closed)
        }
        Outcome::Reset => {
            shared.record.answered(number, None);
            reset.store(true, Ordering::SeqCst);
            Err(Closed)
        }
    }
}

fn response(reply: Reply, delivery: Delivery, reset: Arc<AtomicBool>) -> Response<Pieces> {
    let length = reply.body.len();
    let cut = |at: usize| VecDeque::from([reply.body.slice(..at.min(length))]);
    let (pieces, pause, end) = match delivery {
        Delivery::Whole => (cut(length), Duration::ZERO, End::Done),
        Delivery::Drip { bytes, pause } => {
            let pieces = (0..length).step_by(bytes).map(|i| reply.body.slice(i..length.min(i + bytes))).collect();
            (pieces, pause, End::Done)
        }
        Delivery::Stall(at) => (cut(at), Duration::ZERO, End::Never),
        Delivery::Cut { after, reset: true, .. } => (cut(after), Duration::ZERO, End::Reset(reset)),
        Delivery::Cut { after, reset: false, .. } => (cut(after), Duration::ZERO, End::Close),
    };
    let exact = match delivery {
        Delivery::Whole => length <= UNCHUNKED,
        Delivery::Stall(_) => true,
        Delivery::Drip { .. } => false,
        Delivery::Cut { length, .. } => length,
    };
    let mut response = Response::new(Pieces { pieces, pause, end, sleep: None, flushed: false });
    *response.status_mut() = reply.status.try_into().unwrap();
    for (name, value) in &reply.headers {
        response.headers_mut().append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
    }
    if exact {
        response.headers_mut().insert("Content-Length", HeaderValue::from(length));
    }
    response
}

/// What comes after the last piece.
enum End {
    Done,
    /// Nothing, and no end either.
    Never,
    Close,
    Reset(Arc<AtomicBool>),
}

struct Pieces {
    pieces: VecDeque<Bytes>,
    pause: Duration,
    end: End,
    sleep: Option<Pin<Box<Sleep>>>,
    /// What was said before the end has had its chance to leave.
    flushed: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        if let Some(sleep) = &mut self.sleep {
            ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
        }
        while let Some(piece) = self.pieces.pop_front() {
            if piece.is_empty() {
                continue;
            }
            if !self.pause.is_zero() {
                self.sleep = Some(Box::pin(tokio::time::sleep(self.pause)));
            }
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match &self.end {
            End::Done => Poll::Ready(None),
            End::Never => Poll::Pending,
            // hyper drops what it still holds when a body fails: let it write first.
            End::Close | End::Reset(_) if !self.flushed => {
                self.flushed = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            End::Close => Poll::Ready(Some(Err(Closed))),
            End::Reset(reset) => {
                reset.store(true, Ordering::SeqCst);
                Poll::Ready(Some(Err(Closed)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.end, End::Done) && self.pieces.iter().all(Bytes::is_empty) && self.sleep.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// A connection that ends with RST if it was told so.
struct Resettable {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Resettable {
    fn drop(&mut self) {
        if self.reset.load(Ordering::SeqCst) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Resettable {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Resettable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
