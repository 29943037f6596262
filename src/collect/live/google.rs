//! Plain questions to Google's APIs that have no client of their own here.

use serde_json::Value as Json;
use tokio::time::Instant;

use super::credentials::{Google, chain};
use super::fault::Fault;
use super::overrides;
use super::retry::{retry, retry_after};

/// An API by its host and by gcloud's name for its override.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    pub host: &'static str,
    pub name: &'static str,
}

pub(super) const RESOURCE_MANAGER: Service =
    Service { host: "https://cloudresourcemanager.googleapis.com", name: "CLOUDRESOURCEMANAGER" };

/// Sends a request, `body` makes it a POST; once more with a new token where the first was not accepted.
///
/// # Errors
/// The fault; [`Fault::Refused`] for an address in the environment that cannot be used.
pub(super) async fn ask(
    google: &Google,
    service: Service,
    path: &str,
    query: &[(&str, &str)],
    body: Option<&Json>,
    deadline: Instant,
) -> Result<Json, Fault> {
    let base = overrides::endpoint(service.name).map_err(|message| Fault::Refused { status: 0, message })?;
    let url = format!("{}{path}", base.as_deref().unwrap_or(service.host));
    // Redirects are refused: a token goes nowhere but to the address that was meant.
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("gke-posture/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| Fault::Credentials(format!("no client: {}", chain(&e))))?;
    let once = || async {
        let request = match body {
            None => client.get(&url),
            Some(json) => client.post(&url).json(json),
        };
        let answer = request.query(query).headers(google.authorization().await?).send().await;
        let answer = answer.map_err(|e| Fault::of_transport(&e.without_url()))?;
        let (status, after) = (answer.status(), retry_after(answer.headers()));
        let bytes = answer.bytes().await.map_err(|e| Fault::of_transport(&e.without_url()))?;
        tracing::debug!(url, status = u64::from(status.as_u16()), "Google API");
        if status.is_success() {
            return serde_json::from_slice(&bytes)
                .map_err(|e| Fault::Malformed(format!("not JSON (line {} column {})", e.line(), e.column())));
        }
        Err(with_reason(Fault::of_status(status.as_u16(), after, &bytes), &bytes))
    };
    match retry(deadline, path, once).await {
        Err(Fault::Unauthorized(_)) if google.renew().await => retry(deadline, path, once).await,
        other => other,
    }
}

/// The reason of Google's ErrorInfo: <https://google.aip.dev/193>.
fn with_reason(fault: Fault, body: &[u8]) -> Fault {
    let Fault::Forbidden { message, user, .. } = fault else { return fault };
    let json: Json = serde_json::from_slice(body).unwrap_or_default();
    let details = json.pointer("/error/details").and_then(Json::as_array);
    let reason = details.and_then(|d| d.iter().find_map(|d| d.get("reason")?.as_str().map(str::to_owned)));
    Fault::Forbidden { message, user, reason }
}

/// Which of these permissions the caller has on a project:
/// <https://cloud.google.com/resource-manager/reference/rest/v1/projects/testIamPermissions>.
pub(super) async fn permissions(
    google: &Google,
    project: &str,
    wanted: &[&str],
    deadline: Instant,
) -> Result<Vec<String>, Fault> {
    let path = format!("/v1/projects/{project}:testIamPermissions");
    let body = serde_json::json!({ "permissions": wanted });
    let answer = ask(google, RESOURCE_MANAGER, &path, &[], Some(&body), deadline).await?;
    let granted = answer.get("permissions").and_then(Json::as_array);
    Ok(granted.into_iter().flatten().filter_map(|p| p.as_str().map(str::to_owned)).collect())
}
