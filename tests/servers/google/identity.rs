//! Where credentials come from: the token endpoints, the metadata server, IAM Credentials, and files that point there.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::serve::{Reply, Request};
use super::super::tokens::Tokens;
use super::errors;

/// A throw-away RSA key, made for this file: PKCS #8, base64. Nothing outside these tests has ever seen it.
const KEY: &str = include_str!("key.b64");

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

#[derive(Default)]
pub(super) struct Identities {
    /// Accounts whose keys sign.
    pub service_accounts: BTreeSet<String>,
    /// Refresh token → user.
    pub refresh: BTreeMap<String, String>,
    /// Subject token of a workload identity pool → principal.
    pub federated: BTreeMap<String, String>,
    /// (user, service account) that may be impersonated.
    pub impersonators: BTreeSet<(String, String)>,
    /// The account of the machine, if this is one.
    pub machine: Option<String>,
}

/// The file of a service account's key. Its owner signs tokens itself, or trades an assertion at `token_uri`.
pub(super) fn service_account_key(url: &str, email: &str) -> Value {
    let body = KEY.trim();
    json!({
        "type": "service_account",
        "project_id": "development-485000",
        "private_key_id": "0000000000000000000000000000000000000001",
        "private_key": format!("-----BEGIN {0}-----\n{body}\n-----END {0}-----\n", "PRIVATE KEY"),
        "client_email": email,
        "client_id": "100000000000000000001",
        "token_uri": format!("{url}/token"),
        "universe_domain": "googleapis.com",
    })
}

/// What `gcloud auth application-default login` writes.
pub(super) fn authorized_user(url: &str, refresh_token: &str) -> Value {
    json!({
        "type": "authorized_user",
        "account": "",
        "client_id": "764086051850-example.apps.googleusercontent.com",
        "client_secret": "d-example-client-secret",
        "refresh_token": refresh_token,
        "token_uri": format!("{url}/token"),
        "universe_domain": "googleapis.com",
    })
}

impl Identities {
    /// Whom a token that an account signed itself stands for: <https://google.aip.dev/auth/4111>. The signature is not
    /// checked, its claims are.
    pub(super) fn self_signed(&self, token: &str) -> Option<String> {
        let claims = claims(token)?;
        let issuer = claims["iss"].as_str()?;
        let scoped = claims["scope"].is_string() || claims["aud"].is_string();
        (self.service_accounts.contains(issuer) && scoped).then(|| issuer.to_owned())
    }

    /// `POST /token`: RFC 6749 in a form, and in JSON as Google's clients send it.
    pub(super) fn token(&self, request: &Request, tokens: &Tokens) -> Reply {
        let field = fields(request);
        match field("grant_type").as_str() {
            "refresh_token" => match self.refresh.get(&field("refresh_token")) {
                Some(user) => granted(user, tokens),
                None => errors::oauth(400, "invalid_grant", "Token has been expired or revoked."),
            },
            JWT_BEARER => {
                let issuer = claims(&field("assertion")).and_then(|c| c["iss"].as_str().map(str::to_owned));
                match issuer.filter(|i| self.service_accounts.contains(i)) {
                    Some(user) => granted(&user, tokens),
                    None => errors::oauth(400, "invalid_grant", "Invalid grant: account not found"),
                }
            }
            _ => errors::oauth(400, "unsupported_grant_type", "Invalid grant_type."),
        }
    }

    /// `POST /v1/token` of the Security Token Service: RFC 8693.
    pub(super) fn exchange(&self, request: &Request, tokens: &Tokens) -> Reply {
        let field = fields(request);
        if field("grant_type") != TOKEN_EXCHANGE {
            return errors::oauth(400, "invalid_request", "Invalid value for \"grant_type\".");
        }
        match self.federated.get(&field("subject_token")) {
            None => errors::oauth(400, "invalid_grant", "The subject token could not be verified."),
            Some(user) => {
                let value = json!({
                    "access_token": tokens.issue(user),
                    "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
                    "token_type": "Bearer",
                    "expires_in": tokens.expires_in(),
                });
                Reply::json(200, &value)
            }
        }
    }

    /// `POST /v1/projects/-/serviceAccounts/E:generateAccessToken` of IAM Credentials.
    pub(super) fn impersonate(&self, user: &str, email: &str, tokens: &Tokens) -> Reply {
        if !self.impersonators.contains(&(user.to_owned(), email.to_owned())) {
            let resource = format!("projects/-/serviceAccounts/{email}");
            return errors::permission_denied("iam.googleapis.com", "iam.serviceAccounts.getAccessToken", &resource);
        }
        let expires = Timestamp::now() + SignedDuration::from_secs(tokens.expires_in() as i64);
        // Whole seconds, as Google says them.
        let expires = Timestamp::from_second(expires.as_second()).unwrap();
        Reply::json(200, &json!({"accessToken": tokens.issue(email), "expireTime": expires.to_string()}))
    }

    /// `http://metadata.google.internal`: <https://cloud.google.com/compute/docs/metadata/querying-metadata>.
    pub(super) fn metadata(&self, request: &Request, tokens: &Tokens) -> Reply {
        let text = |body: String| {
            Reply::new(200, "application/text", body)
                .header("Metadata-Flavor", "Google")
                .header("Server", "Metadata Server for VM")
        };
        if !request.header("x-forwarded-for").is_empty() || request.header("metadata-flavor") != "Google" {
            return Reply::new(403, "text/html; charset=UTF-8", "Missing Metadata-Flavor:Google header.\n");
        }
        let Some(email) = &self.machine else { return Reply::new(404, "text/html; charset=UTF-8", "404\n") };
        let account = "/computeMetadata/v1/instance/service-accounts/";
        match request.path.as_str() {
            "/computeMetadata/v1/universe/universe-domain" => text("googleapis.com".to_owned()),
            "/computeMetadata/v1/project/project-id" => text("development-485000".to_owned()),
            path if path == account => text(format!("default/\n{email}/\n")),
            path => match path.strip_prefix(account).and_then(|rest| rest.split_once('/')) {
                Some((who, what)) if who == "default" || who == email => match what {
                    "email" => text(email.clone()),
                    "scopes" => text("https://www.googleapis.com/auth/cloud-platform\n".to_owned()),
                    "token" => granted(email, tokens).header("Metadata-Flavor", "Google"),
                    _ => Reply::new(404, "text/html; charset=UTF-8", "404\n"),
                },
                _ => Reply::new(404, "text/html; charset=UTF-8", "404\n"),
            },
        }
    }
}

fn granted(user: &str, tokens: &Tokens) -> Reply {
    let value = json!({"access_token": tokens.issue(user), "expires_in": tokens.expires_in(), "token_type": "Bearer"});
    Reply::json(200, &value)
}

/// The claims of a JSON Web Token that is still valid.
fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    (claims["exp"].as_i64()? > Timestamp::now().as_second()).then_some(claims)
}

fn fields(request: &Request) -> impl Fn(&str) -> String {
    let json: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let form: BTreeMap<String, String> = form_urlencoded::parse(&request.body).into_owned().collect();
    move |name| json[name].as_str().map(str::to_owned).or_else(|| form.get(name).cloned()).unwrap_or_default()
}
