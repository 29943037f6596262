//! What can go wrong between a client and a server, as rules: which requests, from which one on, how often, and how.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use super::serve::{Reply, Request};

/// How far a body gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The headers arrive, no byte of the body.
    Headers,
    Half,
    /// All but the last byte. For Kubernetes that is the newline after the JSON: a reader that does not care about the
    /// end of the message takes it for complete.
    Last,
}

impl Cut {
    fn at(self, length: usize) -> usize {
        match self {
            Cut::Headers => 0,
            Cut::Half => length / 2,
            Cut::Last => length.saturating_sub(1),
        }
    }
}

/// A JSON document of another shape than promised, in a message that is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `items: null`. (A real API server says this for an empty list of metadata, and never for one with objects.)
    ItemsNull,
    ItemsAbsent,
    ItemsObject,
    /// The first item is a string.
    ItemString,
    /// The first item is null.
    ItemNull,
    /// The metadata of the first item, or of the object itself, is null.
    MetadataNull,
    /// The spec of the first item, or of the object itself, is a string.
    SpecString,
    /// The whole document is an empty list.
    Array,
    /// The whole document is null.
    Null,
    /// `{}`.
    Empty,
}

#[derive(Clone)]
pub(crate) enum Effect {
    /// An answer of the fault's own. Without a body, the one that this kind of server gives with that status.
    Status {
        code: u16,
        retry_after: Option<String>,
        body: Option<(String, String)>,
    },
    /// No answer, ever.
    Hang,
    /// The headers and half of the body, then nothing, ever.
    Stall,
    /// The body in pieces of so many bytes, with a pause after each.
    Drip {
        bytes: usize,
        pause: Duration,
    },
    /// The connection is closed in order instead of an answer.
    Close,
    /// The connection is reset (TCP RST) instead of an answer.
    Reset,
    /// The connection is reset within the body.
    ResetWithin(Cut),
    /// The connection is closed before as many bytes as `Content-Length` says.
    CutLength(Cut),
    /// The connection is closed before the chunk that ends the body.
    CutChunked(Cut),
    /// A complete message that holds the first half of the document.
    Malformed,
    /// A complete message without a body.
    NoBody,
    Shape(Shape),
    /// Anything else that is to be done to the document.
    Edit(Arc<dyn Fn(&mut Value) + Send + Sync>),
    /// A page for people, as proxies and login portals answer.
    Html {
        code: u16,
    },
    /// Complete as a message, but the gzip stream within it is not.
    GzipCut,
    /// `Content-Encoding: gzip` over something else.
    GzipGarbage,
    Redirect {
        code: u16,
        to: String,
    },
    /// 410 `Expired`, with the token to go on inconsistently. Meant for requests with `continue`.
    Expired,
    /// The token of this request is revoked, before it is looked at.
    Revoke,
}

impl Effect {
    pub(crate) fn status(code: u16) -> Effect {
        Effect::Status { code, retry_after: None, body: None }
    }

    /// `after`: seconds, or an HTTP date.
    pub(crate) fn retry_after(code: u16, after: &str) -> Effect {
        Effect::Status { code, retry_after: Some(after.to_owned()), body: None }
    }

    pub(crate) fn body(code: u16, content_type: &str, body: &str) -> Effect {
        Effect::Status { code, retry_after: None, body: Some((content_type.to_owned(), body.to_owned())) }
    }

    pub(crate) fn edit(edit: impl Fn(&mut Value) + Send + Sync + 'static) -> Effect {
        Effect::Edit(Arc::new(edit))
    }
}

/// Which requests an effect strikes.
#[derive(Clone)]
pub(crate) struct Fault {
    pattern: String,
    verb: Option<String>,
    from: usize,
    times: Option<usize>,
    effect: Effect,
    seen: usize,
    struck: usize,
}

impl Fault {
    /// Strikes every request that matches the pattern; see [`matches`].
    pub(crate) fn on(pattern: &str, effect: Effect) -> Fault {
        Fault { pattern: pattern.to_owned(), verb: None, from: 1, times: None, effect, seen: 0, struck: 0 }
    }

    pub(crate) fn verb(mut self, verb: &str) -> Fault {
        self.verb = Some(verb.to_owned());
        self
    }

    /// From the `n`th matching request on, counted from 1.
    pub(crate) fn from(mut self, n: usize) -> Fault {
        self.from = n;
        self
    }

    pub(crate) fn times(mut self, times: usize) -> Fault {
        self.times = Some(times);
        self
    }

    pub(crate) fn once(self) -> Fault {
        self.times(1)
    }

    pub(crate) fn effect(&self) -> &Effect {
        &self.effect
    }

    /// Whether a client waits for the answer for ever.
    pub(crate) fn hangs(&self) -> bool {
        matches!(self.effect, Effect::Hang | Effect::Stall)
    }
}

/// The rules of one server. The first rule that is due strikes; every rule that matches counts.
#[derive(Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<Vec<Fault>>>);

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        self.0.lock().unwrap().push(fault);
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap().clear();
    }

    /// How often any rule struck: a test of a fault that never happened proves nothing.
    pub(crate) fn struck(&self) -> usize {
        self.0.lock().unwrap().iter().map(|f| f.struck).sum()
    }

    pub(super) fn take(&self, request: &Request) -> Option<Effect> {
        let mut due = None;
        for fault in self.0.lock().unwrap().iter_mut() {
            let verb = fault.verb.as_ref().is_none_or(|v| *v == request.method.as_str());
            if !verb || !matches(&fault.pattern, &request.path, &request.query) {
                continue;
            }
            fault.seen += 1;
            if due.is_none() && fault.seen >= fault.from && fault.times.is_none_or(|t| fault.struck < t) {
                fault.struck += 1;
                due = Some(fault.effect.clone());
            }
        }
        due
    }
}

/// Whether a pattern, in which `*` stands for anything, covers a whole path. A pattern with `?` is held against path and
/// query: `/api/v1/pods?*continue=*`.
pub(crate) fn matches(pattern: &str, path: &str, query: &str) -> bool {
    if pattern.contains('?') { glob(pattern, &format!("{path}?{query}")) } else { glob(pattern, path) }
}

fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    // Without a star the pattern is the text.
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// How the reply goes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Delivery {
    #[default]
    Whole,
    Drip {
        bytes: usize,
        pause: Duration,
    },
    /// So many bytes, then never again any.
    Stall(usize),
    /// So many bytes, then the connection ends; `length` promises more in `Content-Length`.
    Cut {
        after: usize,
        length: bool,
        reset: bool,
    },
}

/// What an effect makes of a request.
pub(super) enum Outcome {
    Reply(Reply, Delivery),
    Hang,
    Close,
    Reset,
}

/// `answer` is what the server says undisturbed, `failure` what this kind of server says with a status.
pub(super) fn strike(
    effect: Effect,
    answer: impl FnOnce() -> Reply,
    failure: impl Fn(u16) -> Reply,
    encode: impl Fn(Reply) -> Reply,
) -> Outcome {
    let whole = |reply| Outcome::Reply(encode(reply), Delivery::Whole);
    let cut = |cut: Cut, length, reset| {
        move |reply: Reply| {
            let after = cut.at(reply.body.len());
            Outcome::Reply(reply, Delivery::Cut { after, length, reset })
        }
    };
    match effect {
        Effect::Status { code, retry_after, body } => {
            let mut reply = match body {
                Some((kind, text)) => Reply::new(code, &kind, text),
                None => failure(code),
            };
            if let Some(after) = retry_after {
                reply = reply.header("Retry-After", &after);
            }
            whole(reply)
        }
        Effect::Hang => Outcome::Hang,
        Effect::Close => Outcome::Close,
        Effect::Reset => Outcome::Reset,
        Effect::Stall => {
            let reply = encode(answer());
            let half = Cut::Half.at(reply.body.len());
            Outcome::Reply(reply, Delivery::Stall(half))
        }
        Effect::Drip { bytes, pause } => Outcome::Reply(encode(answer()), Delivery::Drip { bytes, pause }),
        Effect::ResetWithin(at) => cut(at, true, true)(encode(answer())),
        Effect::CutLength(at) => cut(at, true, false)(encode(answer())),
        Effect::CutChunked(at) => cut(at, false, false)(encode(answer())),
        Effect::Malformed => {
            let mut reply = answer();
            reply.body = reply.body.slice(..Cut::Half.at(reply.body.len()));
            whole(reply)
        }
        Effect::NoBody => {
            let mut reply = answer();
            reply.body = Default::default();
            whole(reply)
        }
        Effect::Shape(shape) => whole(edited(answer(), |v| reshape(shape, v))),
        Effect::Edit(edit) => whole(edited(answer(), |v| edit(v))),
        Effect::Html { code } => {
            let words = StatusCode::from_u16(code).ok().and_then(|s| s.canonical_reason()).unwrap_or("Error");
            let page = format!(
                "<html>\r\n<head><title>{code} {words}</title></head>\r\n<body>\r\n<center><h1>{code} {words}</h1></center>\r\n\
                 <form action=\"/login\"><input name=\"user\"></form>\r\n</body>\r\n</html>\r\n"
            );
            whole(Reply::new(code, "text/html; charset=utf-8", page))
        }
        Effect::GzipCut => {
            let mut reply = answer().gzip();
            reply.body = reply.body.slice(..Cut::Half.at(reply.body.len()));
            Outcome::Reply(reply, Delivery::Whole)
        }
        Effect::GzipGarbage => Outcome::Reply(answer().header("Content-Encoding", "gzip"), Delivery::Whole),
        Effect::Redirect { code, to } => whole(Reply::new(code, "text/plain", "").header("Location", &to)),
        Effect::Expired => whole(failure(410)),
        // The caller has revoked it already.
        Effect::Revoke => whole(answer()),
    }
}

fn edited(mut reply: Reply, edit: impl FnOnce(&mut Value)) -> Reply {
    let mut value: Value = serde_json::from_slice(&reply.body).expect("only JSON answers can be edited");
    edit(&mut value);
    reply.body = serde_json::to_vec(&value).unwrap().into();
    reply
}

fn reshape(shape: Shape, document: &mut Value) {
    match shape {
        Shape::Array => *document = json!([]),
        Shape::Null => *document = Value::Null,
        Shape::Empty => *document = json!({}),
        Shape::ItemsNull => document["items"] = Value::Null,
        Shape::ItemsObject => document["items"] = json!({}),
        Shape::ItemsAbsent => {
            if let Some(object) = document.as_object_mut() {
                object.remove("items");
            }
        }
        Shape::ItemString | Shape::ItemNull => {
            let item = if shape == Shape::ItemNull { Value::Null } else { json!("an item") };
            match document["items"].as_array_mut() {
                Some(items) if !items.is_empty() => items[0] = item,
                _ => document["items"] = json!([item]),
            }
        }
        Shape::MetadataNull => first(document)["metadata"] = Value::Null,
        Shape::SpecString => first(document)["spec"] = json!("a spec"),
    }
}

/// The first item of a list, or the object itself.
fn first(document: &mut Value) -> &mut Value {
    let list = document["items"].as_array().is_some_and(|items| !items.is_empty());
    if list { &mut document["items"][0] } else { document }
}
