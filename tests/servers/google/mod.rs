//! Google's APIs on one port: GKE, Cloud Asset Inventory, Resource Manager, fleet memberships, and everything that
//! makes tokens. Each of them lives at the paths that it has on its own host.

mod errors;
mod identity;
mod resources;

use std::sync::{Arc, RwLock};

use serde_json::Value;

use super::faults::Faults;
use super::record::Record;
use super::serve::{Gzip, Handler, Reply, Request, Server};
use super::tokens::Tokens;
use identity::Identities;
pub(crate) use resources::Refusal;
use resources::Resources;

pub(crate) struct FakeGoogle {
    server: Server,
    state: Arc<State>,
}

struct State {
    tokens: Tokens,
    google: RwLock<Google>,
}

#[derive(Default)]
struct Google {
    identities: Identities,
    resources: Resources,
}

impl FakeGoogle {
    pub(crate) fn start() -> FakeGoogle {
        let state = Arc::new(State { tokens: Tokens::default(), google: RwLock::default() });
        let server = Server::start(state.clone(), None);
        FakeGoogle { server, state }
    }

    /// `http://127.0.0.1:PORT`, the endpoint of every API and the start of every token URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// `127.0.0.1:PORT`, for `GCE_METADATA_HOST`.
    pub(crate) fn host(&self) -> String {
        self.server.address.to_string()
    }

    /// Shared with the API servers of the clusters, which know the same users.
    pub(crate) fn tokens(&self) -> &Tokens {
        &self.state.tokens
    }

    pub(crate) fn record(&self) -> &Record {
        &self.server.record
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.server.faults
    }

    fn google(&self) -> std::sync::RwLockWriteGuard<'_, Google> {
        self.state.google.write().unwrap()
    }

    // Resources.

    /// A project without clusters, below folders (`folders/1`, nearest first) and an organization (`organizations/2`).
    pub(crate) fn project(&self, id: &str, ancestors: &[&str]) {
        self.google().resources.project(id, ancestors);
    }

    /// A cluster, in JSON with names for enums as gcloud prints it. `name` is `projects/P/locations/L/clusters/C`.
    pub(crate) fn cluster(&self, name: &str, cluster: Value) {
        self.google().resources.cluster(name, cluster);
    }

    /// A zone of the project that lists over all locations could not reach.
    pub(crate) fn missing_zone(&self, project: &str, zone: &str) {
        self.google().resources.missing_zone(project, zone);
    }

    /// A fleet membership of a cluster. `name` is `projects/P/locations/L/memberships/M`.
    pub(crate) fn membership(&self, name: &str, cluster: &str) {
        self.google().resources.membership(name, cluster);
    }

    /// Refuses every call of a service (`container.googleapis.com`) for a project, folder or organization
    /// (`projects/P`).
    pub(crate) fn refuse(&self, service: &str, scope: &str, refusal: Refusal) {
        self.google().resources.refuse(service, scope, refusal);
    }

    /// Takes an IAM permission from everybody: on `projects/P`, or everywhere with `*`.
    pub(crate) fn deny(&self, permission: &str, scope: &str) {
        self.google().resources.deny(permission, scope);
    }

    pub(crate) fn allow_again(&self) {
        self.google().resources.allow_again();
    }

    // Identities.

    /// The key file of a service account.
    pub(crate) fn service_account_key(&self, email: &str) -> Value {
        self.google().identities.service_accounts.insert(email.to_owned());
        identity::service_account_key(&self.url(), email)
    }

    /// The application default credentials of a person.
    pub(crate) fn authorized_user(&self, email: &str) -> Value {
        let token = format!("1//fake-refresh-token-{email}");
        self.google().identities.refresh.insert(token.clone(), email.to_owned());
        identity::authorized_user(&self.url(), &token)
    }

    /// Refresh tokens given out so far are no longer good.
    pub(crate) fn revoke_refresh_tokens(&self) {
        self.google().identities.refresh.clear();
    }

    /// Credentials of a workload identity pool, whose subject token is in a file.
    pub(crate) fn external_account(&self, principal: &str, subject_token: &str, file: &std::path::Path) -> Value {
        self.google().identities.federated.insert(subject_token.to_owned(), principal.to_owned());
        std::fs::write(file, subject_token).unwrap();
        serde_json::json!({
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/providers/ci",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": format!("{}/v1/token", self.url()),
            "credential_source": {"file": file},
            "universe_domain": "googleapis.com",
        })
    }

    /// Credentials that impersonate, with others as their source; see [`FakeGoogle::may_impersonate`].
    pub(crate) fn impersonated(&self, source: &Value, email: &str) -> Value {
        serde_json::json!({
            "type": "impersonated_service_account",
            "service_account_impersonation_url":
                format!("{}/v1/projects/-/serviceAccounts/{email}:generateAccessToken", self.url()),
            "source_credentials": source,
            "delegates": [],
        })
    }

    pub(crate) fn may_impersonate(&self, user: &str, email: &str) {
        self.google().identities.impersonators.insert((user.to_owned(), email.to_owned()));
    }

    /// Makes the metadata server answer, as this account.
    pub(crate) fn machine(&self, email: &str) {
        self.google().identities.machine = Some(email.to_owned());
    }
}

impl Handler for State {
    fn user(&self, request: &Request) -> Option<String> {
        let token = request.bearer()?;
        let known = self.tokens.authenticate(token);
        known.or_else(|| self.google.read().unwrap().identities.self_signed(token))
    }

    fn answer(&self, request: &Request, user: Option<&str>, _: usize) -> Reply {
        let google = self.google.read().unwrap();
        let path = request.path.as_str();
        // What needs no token.
        match (request.method.as_str(), path) {
            ("POST", "/token") => return google.identities.token(request, &self.tokens),
            ("POST", "/v1/token") => return google.identities.exchange(request, &self.tokens),
            // A ping by which clients find the server.
            ("GET", "/") => {
                return Reply::new(200, "application/text", "computeMetadata/\n").header("Metadata-Flavor", "Google");
            }
            ("GET", path) if path.starts_with("/computeMetadata/") => {
                return google.identities.metadata(request, &self.tokens);
            }
            _ => {}
        }
        let impersonated = path
            .strip_prefix("/v1/projects/-/serviceAccounts/")
            .and_then(|rest| rest.strip_suffix(":generateAccessToken"));
        let Some(user) = user else {
            return match resources::service(path) {
                None if impersonated.is_none() => errors::no_such_path(path),
                service => errors::unauthenticated(
                    service.unwrap_or("iamcredentials.googleapis.com"),
                    request.bearer().is_some(),
                ),
            };
        };
        match impersonated {
            Some(email) => google.identities.impersonate(user, &email.replace("%40", "@"), &self.tokens),
            None => google.resources.answer(request),
        }
    }

    fn failure(&self, request: &Request, code: u16) -> Reply {
        // OAuth endpoints do not speak google.rpc.
        match request.path.as_str() {
            "/token" | "/v1/token" => errors::oauth(code, "internal_failure", "Backend Error"),
            path if path.starts_with("/computeMetadata/") => {
                Reply::new(code, "text/html; charset=UTF-8", format!("{code}\n")).header("Metadata-Flavor", "Google")
            }
            _ => errors::plain(code),
        }
    }

    fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    fn gzip(&self) -> Gzip {
        Gzip::Always
    }
}
