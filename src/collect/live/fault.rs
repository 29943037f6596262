//! What can go wrong with one request, and whether trying again can help.

use std::error::Error as StdError;
use std::time::Duration;

use crate::inventory::FaultKind;
use crate::lexicon::mask_text;

/// Why a request gave no answer that can be used.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    /// 401: the credentials were not accepted.
    Unauthorized(String),
    /// 403, with the user whom Kubernetes names, or the reason that Google gives (`SERVICE_DISABLED`, …).
    Forbidden { message: String, user: Option<String>, reason: Option<String> },
    /// 404.
    NotFound(String),
    /// 410: the continue token of a list, or its resourceVersion, is too old.
    Expired,
    /// 429 or 5xx: the server is busy or broken; `after` is what its Retry-After asks for.
    Unavailable { status: u16, message: String, after: Option<Duration> },
    /// Any other status.
    Refused { status: u16, message: String },
    /// No answer, or no more of it, within this time.
    Slow(Duration),
    /// Nobody answers at the address.
    Unreachable(String),
    /// The server's certificate was not accepted.
    Certificate(String),
    /// The answer broke off.
    CutOff(String),
    /// The answer is not what this request gives.
    Malformed(String),
    /// No token could be had.
    Credentials(String),
    /// The run's own time was up; the last fault says what it was waiting for.
    OutOfTime(Box<Fault>),
}

impl Fault {
    /// The fault without its details, as gaps record it.
    pub(super) fn kind(&self) -> FaultKind {
        match self {
            Fault::Unauthorized(_) | Fault::Credentials(_) => FaultKind::Unauthenticated,
            Fault::Forbidden { .. } => FaultKind::Forbidden,
            Fault::NotFound(_) => FaultKind::NotFound,
            Fault::Expired => FaultKind::Expired,
            Fault::Unavailable { status: 429, .. } => FaultKind::TooManyRequests,
            Fault::Unavailable { .. } => FaultKind::ServerError,
            Fault::Slow(_) | Fault::OutOfTime(_) => FaultKind::Timeout,
            Fault::Unreachable(_) => FaultKind::Unreachable,
            Fault::Certificate(_) => FaultKind::UntrustedCertificate,
            Fault::CutOff(_) => FaultKind::IncompleteAnswer,
            Fault::Refused { .. } | Fault::Malformed(_) => FaultKind::InvalidAnswer,
        }
    }

    /// Whether the same request may succeed a little later.
    pub(super) fn is_transient(&self) -> bool {
        matches!(
            self,
            Fault::Unavailable { .. } | Fault::Slow(_) | Fault::Unreachable(_) | Fault::CutOff(_) | Fault::Malformed(_)
        )
    }

    /// From a status that is no success. `body` is what came with it.
    pub(super) fn of_status(status: u16, after: Option<Duration>, body: &[u8]) -> Fault {
        let message = message_of(body);
        match status {
            401 => Fault::Unauthorized(message),
            403 => Fault::Forbidden { user: user_in(&message), message, reason: None },
            404 => Fault::NotFound(message),
            410 => Fault::Expired,
            429 | 500..=599 => Fault::Unavailable { status, message, after },
            _ => Fault::Refused { status, message },
        }
    }

    /// From an error of the transport, by what is at the bottom of it.
    pub(super) fn of_transport(error: &(dyn StdError + 'static)) -> Fault {
        let mut at = Some(error);
        let mut deepest = error.to_string();
        while let Some(e) = at {
            if let Some(tls) = e.downcast_ref::<rustls::Error>() {
                return Fault::Certificate(certificate(tls));
            }
            if let Some(io) = e.downcast_ref::<std::io::Error>() {
                if let Some(tls) = tls_within(io) {
                    return Fault::Certificate(certificate(tls));
                }
                use std::io::ErrorKind as K;
                match io.kind() {
                    K::ConnectionReset | K::BrokenPipe | K::UnexpectedEof | K::ConnectionAborted => {
                        return Fault::CutOff("the connection was closed".to_owned());
                    }
                    K::ConnectionRefused => return Fault::Unreachable("connection refused".to_owned()),
                    K::TimedOut => return Fault::Unreachable("no answer to the connection".to_owned()),
                    _ => {}
                }
            }
            deepest = e.to_string();
            at = e.source();
        }
        let deepest = mask_text(&deepest);
        let lower = deepest.to_lowercase();
        let before_body = lower.contains("lookup") || lower.contains("unreachable") || lower.contains("connect");
        if before_body && !lower.contains("closed") { Fault::Unreachable(deepest) } else { Fault::CutOff(deepest) }
    }
}

/// The TLS error in an I/O error, which may be wrapped in others: `source()` of such an error passes over what it holds.
fn tls_within(io: &std::io::Error) -> Option<&rustls::Error> {
    let inner = io.get_ref()?;
    let deeper = || tls_within(inner.downcast_ref::<std::io::Error>()?);
    inner.downcast_ref::<rustls::Error>().or_else(deeper)
}

fn certificate(error: &rustls::Error) -> String {
    use rustls::{CertificateError as C, Error as E};
    match error {
        E::InvalidCertificate(C::UnknownIssuer) => {
            "its certificate is from an authority that is not trusted here".to_owned()
        }
        E::InvalidCertificate(C::Expired | C::ExpiredContext { .. }) => "its certificate has expired".to_owned(),
        E::InvalidCertificate(C::NotValidForName | C::NotValidForNameContext { .. }) => {
            "its certificate is for another name".to_owned()
        }
        other => mask_text(&other.to_string()),
    }
}

/// What an error body says: Kubernetes' Status and Google's error have a message; a page has none that helps.
fn message_of(body: &[u8]) -> String {
    if let Ok(json) = serde_json::from_slice::<serde_json::Value>(body) {
        let text = json.get("message").or_else(|| json.pointer("/error/message")).and_then(|m| m.as_str());
        return text.map(one_line).unwrap_or_default();
    }
    match std::str::from_utf8(body) {
        Ok(text) if looks_like_page(text) => "an HTML page, as a proxy or a login portal gives".to_owned(),
        Ok(text) => one_line(text),
        Err(_) => String::new(),
    }
}

pub(super) fn looks_like_page(text: &str) -> bool {
    let start = text.trim_start().get(..15).unwrap_or(text).to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

/// One line of at most 300 characters without secrets.
fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // Masked before it is cut: half a token is no token that could be recognized.
    mask_text(&line).chars().take(300).collect()
}

/// The user in Kubernetes' `… is forbidden: User "x" cannot list resource …`.
fn user_in(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("User \"")?;
    Some(rest.split('"').next()?.to_owned()).filter(|u| !u.is_empty())
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let with = |f: &mut std::fmt::Formatter<'_>, what: &str, message: &str| {
            if message.is_empty() { f.write_str(what) } else { write!(f, "{what}: {message}") }
        };
        match self {
            Fault::Unauthorized(m) => with(f, "the credentials were not accepted (401)", m),
            Fault::Forbidden { message, .. } => with(f, "forbidden (403)", message),
            Fault::NotFound(m) => with(f, "not found (404)", m),
            Fault::Expired => f.write_str("the list changed faster than it could be read (410)"),
            Fault::Unavailable { status: 429, message, .. } => with(f, "too many requests (429)", message),
            Fault::Unavailable { status, message, .. } => with(f, &format!("the server failed ({status})"), message),
            Fault::Refused { status, message } => with(f, &format!("unexpected status {status}"), message),
            Fault::Slow(d) => write!(f, "no answer within {} s", d.as_secs_f64().ceil()),
            Fault::Unreachable(m) => with(f, "cannot be reached", m),
            Fault::Certificate(m) => with(f, "the server's certificate is not trusted", m),
            Fault::CutOff(m) => with(f, "the answer is incomplete", m),
            Fault::Malformed(m) => with(f, "the answer is invalid", m),
            Fault::Credentials(m) => f.write_str(m),
            Fault::OutOfTime(last) => write!(f, "the timeout was reached; before that: {last}"),
        }
    }
}
