//! `Status` documents in kube-apiserver's words: k8s.io/apimachinery/pkg/api/errors/errors.go, compared with a server
//! v1.34.4.

use serde_json::{Value, json};

use super::super::serve::Reply;

fn status(code: u16, reason: &str, message: &str, details: Option<Value>) -> Reply {
    // In the order of the Go struct, which serde_json's maps would not keep.
    let mut text = format!(
        r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":{},"reason":"{reason}""#,
        json!(message)
    );
    if let Some(details) = details {
        text.push_str(&format!(r#","details":{details}"#));
    }
    text.push_str(&format!(r#","code":{code}}}"#));
    text.push('\n');
    Reply::new(code, "application/json", text)
}

/// Any status, as an API server says it when it has nothing more to say.
pub(super) fn plain(code: u16) -> Reply {
    let (reason, message) = match code {
        400 => ("BadRequest", "the server rejected our request for an unknown reason"),
        401 => return unauthorized(),
        403 => ("Forbidden", "forbidden"),
        404 => return not_found(),
        405 => return method_not_allowed(),
        408 | 504 => (
            "Timeout",
            "the server was unable to return a response in the time allotted, but may still be processing the request",
        ),
        410 => return expired(None),
        429 => return too_many_requests(),
        500 => ("InternalError", "Internal error occurred: etcdserver: request timed out"),
        503 => return unavailable(),
        _ => ("Unknown", "the server reported an unknown error"),
    };
    status(code, reason, message, None)
}

pub(super) fn unauthorized() -> Reply {
    status(401, "Unauthorized", "Unauthorized", None)
}

/// `object` is `resource.group "name"`, or `resource.group` for a collection.
pub(super) fn forbidden(message: &str, details: Value) -> Reply {
    status(403, "Forbidden", message, Some(details)).header("X-Content-Type-Options", "nosniff")
}

pub(super) fn bad_request(message: &str) -> Reply {
    status(400, "BadRequest", message, None)
}

/// An unknown resource or version of a group that kube-apiserver itself serves.
pub(super) fn not_found() -> Reply {
    status(404, "NotFound", "the server could not find the requested resource", Some(json!({})))
}

/// A path that nothing serves: an absent group, or an absent resource of a custom one.
pub(super) fn page_not_found() -> Reply {
    text(404, "404 page not found")
}

pub(super) fn no_such_object(resource: &str, group: &str, name: &str) -> Reply {
    let qualified = qualified(resource, group);
    let mut details = json!({"name": name, "kind": resource});
    if !group.is_empty() {
        details["group"] = json!(group);
    }
    status(404, "NotFound", &format!("{qualified} \"{name}\" not found"), Some(details))
}

pub(super) fn method_not_allowed() -> Reply {
    let message = "the server does not allow this method on the requested resource";
    status(405, "MethodNotAllowed", message, Some(json!({})))
}

pub(super) fn not_acceptable() -> Reply {
    let message = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
                   application/vnd.kubernetes.protobuf, application/json;stream=watch, \
                   application/vnd.kubernetes.protobuf;stream=watch";
    status(406, "NotAcceptable", message, Some(json!({})))
}

pub(super) fn review_of_nothing() -> Reply {
    let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
    let message = format!(".authorization.k8s.io \"\" is invalid: spec.resourceAttributes: Invalid value: null: {why}");
    status(422, "Invalid", &message, Some(json!({"group": "authorization.k8s.io"})))
}

/// An aggregated API whose server does not answer.
pub(super) fn unavailable() -> Reply {
    text(503, "service unavailable")
}

/// Too many requests in flight: k8s.io/apiserver/pkg/server/filters/priority-and-fairness.go, `tooManyRequests`.
fn too_many_requests() -> Reply {
    text(429, "Too many requests, please try again later.").header("Retry-After", "1")
}

/// Go's `http.Error`.
fn text(code: u16, message: &str) -> Reply {
    Reply::new(code, "text/plain; charset=utf-8", format!("{message}\n")).header("X-Content-Type-Options", "nosniff")
}

pub(super) fn version_too_large(asked: u64, current: u64) -> Reply {
    let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
    let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
    status(504, "Timeout", &message, Some(json!({"causes": [cause], "retryAfterSeconds": 1})))
}

/// A continue token of a revision that is no longer kept. `again` is the token with which the rest can be read
/// inconsistently.
pub(super) fn expired(again: Option<&str>) -> Reply {
    let message = "The provided continue parameter is too old to display a consistent list result. You can start a new \
                   list without the continue parameter, or use the continue token in this response to retrieve the \
                   remainder of the results. Continuing with the provided token results in an inconsistent list - \
                   objects that were created, modified, or deleted between the time the first chunk was returned and \
                   now may show up in the list.";
    let reply = status(410, "Expired", message, None);
    let Some(again) = again else { return reply };
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let text = text.replacen(r#""metadata":{}"#, &format!(r#""metadata":{{"continue":"{again}"}}"#), 1);
    Reply { body: text.into(), ..reply }
}

/// `networkpolicies.networking.k8s.io`, `pods`.
pub(super) fn qualified(resource: &str, group: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}
