//! Failures in the words of Google's APIs: `google.rpc.Status` as JSON, with `google.rpc.ErrorInfo`.
//! Reasons: <https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto>.

use serde_json::{Value, json};

use super::super::serve::Reply;

/// The name of a code: <https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto>.
fn code_name(code: u16) -> &'static str {
    match code {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        500 => "INTERNAL",
        501 => "UNIMPLEMENTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "UNKNOWN",
    }
}

fn error(code: u16, message: &str, details: Vec<Value>) -> Reply {
    let mut error = json!({"code": code, "message": message, "status": code_name(code)});
    if !details.is_empty() {
        error["details"] = details.into();
    }
    // Google prints its JSON for people.
    let text = serde_json::to_string_pretty(&json!({"error": error})).unwrap();
    Reply::new(code, "application/json; charset=UTF-8", format!("{text}\n"))
}

fn info(reason: &str, domain: &str, metadata: Value) -> Value {
    json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": domain, "metadata": metadata})
}

/// Any status, when there is nothing more to say.
pub(super) fn plain(code: u16) -> Reply {
    let message = match code {
        400 => "Request contains an invalid argument.",
        401 => return unauthenticated("container.googleapis.com", true),
        403 => "The caller does not have permission",
        404 => "Requested entity was not found.",
        429 => return quota_exceeded("container.googleapis.com", "0"),
        500 => "Internal error encountered.",
        503 => "The service is currently unavailable.",
        504 => "Deadline expired before operation could complete.",
        _ => "Unknown error.",
    };
    error(code, message, Vec::new())
}

pub(super) fn unauthenticated(service: &str, sent: bool) -> Reply {
    let advice = "Expected OAuth 2 access token, login cookie or other valid authentication credential. See \
                  https://developers.google.com/identity/sign-in/web/devconsole-project.";
    let (message, reason) = match sent {
        true => (format!("Request had invalid authentication credentials. {advice}"), "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        false => (format!("Request is missing required authentication credential. {advice}"), "CREDENTIALS_MISSING"),
    };
    let details = vec![info(reason, "googleapis.com", json!({"service": service}))];
    let challenge =
        if sent { r#"Bearer realm="https://accounts.google.com/", error="invalid_token""# } else { "Bearer" };
    error(401, &message, details).header("WWW-Authenticate", challenge)
}

pub(super) fn service_disabled(service: &str, title: &str, project_number: &str) -> Reply {
    let url = format!("https://console.developers.google.com/apis/api/{service}/overview?project={project_number}");
    let message = format!(
        "{title} has not been used in project {project_number} before or it is disabled. Enable it by visiting {url} then \
         retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry."
    );
    let metadata = json!({
        "activationUrl": url, "consumer": format!("projects/{project_number}"), "containerInfo": project_number,
        "service": service, "serviceTitle": title,
    });
    let help = json!({
        "@type": "type.googleapis.com/google.rpc.Help",
        "links": [{"description": "Google developers console API activation", "url": url}],
    });
    error(403, &message, vec![info("SERVICE_DISABLED", "googleapis.com", metadata), help])
}

/// GKE's own words: other services say `Permission 'x' denied on resource …`.
pub(super) fn gke_permission_denied(permission: &str, resource: &str) -> Reply {
    let message = format!("Required \"{permission}\" permission(s) for \"{resource}\".");
    let metadata = json!({"permission": permission, "resource": resource});
    error(403, &message, vec![info("IAM_PERMISSION_DENIED", "container.googleapis.com", metadata)])
}

pub(super) fn permission_denied(service: &str, permission: &str, resource: &str) -> Reply {
    let message = format!("Permission '{permission}' denied on resource '{resource}' (or it may not exist).");
    let metadata = json!({"permission": permission, "resource": resource});
    error(403, &message, vec![info("IAM_PERMISSION_DENIED", service, metadata)])
}

/// As recorded in <https://github.com/cloudquery/cloudquery/issues/1062>.
pub(super) fn vpc_service_controls(service: &str, project_number: &str) -> Reply {
    let uid = "eYhDkfYCu-exampleExampleExample-kX5YnhAJmc3PZ7pmNNfSsqtQ";
    let message = format!("Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: {uid}");
    let violation = json!({
        "@type": "type.googleapis.com/google.rpc.PreconditionFailure",
        "violations": [{"type": "VPC_SERVICE_CONTROLS", "description": uid}],
    });
    let metadata = json!({"service": service, "uid": uid, "consumer": format!("projects/{project_number}")});
    error(403, &message, vec![violation, info("SECURITY_POLICY_VIOLATED", "googleapis.com", metadata)])
}

pub(super) fn billing_disabled(service: &str, project_number: &str) -> Reply {
    let message = format!(
        "This API method requires billing to be enabled. Please enable billing on project #{project_number} by visiting \
         https://console.developers.google.com/billing/enable?project={project_number} then retry. If you enabled billing \
         for this project recently, wait a few minutes for the action to propagate to our systems and retry."
    );
    let metadata = json!({"consumer": format!("projects/{project_number}"), "service": service});
    error(403, &message, vec![info("BILLING_DISABLED", "googleapis.com", metadata)])
}

pub(super) fn quota_exceeded(service: &str, project_number: &str) -> Reply {
    let message = format!(
        "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute' of service '{service}' for \
         consumer 'project_number:{project_number}'."
    );
    let metadata = json!({
        "consumer": format!("projects/{project_number}"), "quota_limit": "ReadRequestsPerMinutePerProject",
        "quota_limit_value": "3000", "quota_metric": format!("{service}/read_requests"), "service": service,
    });
    error(429, &message, vec![info("RATE_LIMIT_EXCEEDED", "googleapis.com", metadata)])
}

pub(super) fn not_found(what: &str) -> Reply {
    error(404, &format!("Not found: {what}."), Vec::new())
}

pub(super) fn invalid(message: &str) -> Reply {
    error(400, message, Vec::new())
}

/// A path that no API has: a page, not JSON.
pub(super) fn no_such_path(path: &str) -> Reply {
    let page = format!(
        "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n<p><b>404.</b> <ins>That’s an error.</ins>\n\
         <p>The requested URL <code>{path}</code> was not found on this server.  <ins>That’s all we know.</ins>\n"
    );
    Reply::new(404, "text/html; charset=UTF-8", page)
}

/// OAuth's own form: RFC 6749, section 5.2.
pub(super) fn oauth(code: u16, error: &str, description: &str) -> Reply {
    let value = json!({"error": error, "error_description": description});
    Reply::new(code, "application/json; charset=utf-8", value.to_string())
}
