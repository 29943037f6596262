//! Google credentials: where a token comes from, and how to get one. Nothing else in the program knows.
//!
//! The order is gcloud's and Terraform's own for tokens given in the environment, then Application Default Credentials
//! (<https://cloud.google.com/docs/authentication/application-default-credentials>), then the user of `gcloud auth login`.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gcp_auth::{CustomServiceAccount, GCloudAuthorizedUser, TokenProvider};
use google_cloud_auth::credentials::{
    self as adc, CacheableResource, Credentials, CredentialsProvider, EntityTag, impersonated,
};
use google_cloud_gax::error::CredentialsError;
use http::{Extensions, HeaderMap, HeaderValue};

use crate::lexicon::{add_credential, mask_text};

use super::fault::Fault;

/// What gke-gcloud-auth-plugin asks for. Without the e-mail the cluster sees a service account as its numeric id, which
/// bindings by e-mail do not name.
const SCOPES: [&str; 2] =
    ["https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/userinfo.email"];

const TOKEN_VARIABLES: [&str; 2] = ["CLOUDSDK_AUTH_ACCESS_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN"];
const TOKEN_FILE_VARIABLE: &str = "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE";

/// How long getting a token may take before the source counts as not answering.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Where tokens come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A token in this environment variable.
    Variable(&'static str),
    /// A token in the file that `CLOUDSDK_AUTH_ACCESS_TOKEN_FILE` names; read anew for each token.
    File(PathBuf),
    /// A key of a service account.
    Key(PathBuf),
    /// Application Default Credentials of another type, which the file says.
    Adc {
        path: PathBuf,
        kind: String,
    },
    Metadata,
    Gcloud,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Variable(name) => write!(f, "the access token in {name}"),
            Source::File(path) => write!(f, "the access token in {} ({TOKEN_FILE_VARIABLE})", path.display()),
            Source::Key(path) => write!(f, "the service account key {}", path.display()),
            Source::Adc { path, kind } => write!(f, "Application Default Credentials {} ({kind})", path.display()),
            Source::Metadata => f.write_str("the metadata server"),
            Source::Gcloud => f.write_str("the user of `gcloud auth login`"),
        }
    }
}

impl Source {
    /// The command that fixes it when its tokens are not accepted.
    pub(super) fn fix(&self) -> &'static str {
        match self {
            Source::Variable(_) | Source::File(_) => {
                "An access token lives for an hour: give a new one, as `gcloud auth print-access-token` prints it"
            }
            Source::Key(_) => "Look whether the key still exists: `gcloud iam service-accounts keys list`",
            Source::Adc { .. } => "Sign in again: `gcloud auth application-default login`",
            Source::Metadata => {
                "Look which service account this machine or pod runs as, and whether Workload Identity Federation is set up for it"
            }
            Source::Gcloud => "Sign in again: `gcloud auth login`",
        }
    }
}

/// A token that was given, and never prints itself.
struct Given(HeaderValue);

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Given(hidden)")
    }
}

/// A provider of gcp_auth.
struct Provided(Arc<dyn TokenProvider>);

impl std::fmt::Debug for Provided {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Provided(hidden)")
    }
}

fn header(token: &str) -> Result<HeaderValue, CredentialsError> {
    add_credential(token);
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
        .map_err(|_| CredentialsError::from_msg(false, "the token has characters that no token has"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn headers(value: HeaderValue) -> CacheableResource<HeaderMap> {
    let data = HeaderMap::from_iter([(http::header::AUTHORIZATION, value)]);
    CacheableResource::New { entity_tag: EntityTag::new(), data }
}

impl CredentialsProvider for Given {
    async fn headers(&self, _: Extensions) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        Ok(headers(self.0.clone()))
    }
    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

impl CredentialsProvider for Provided {
    async fn headers(&self, _: Extensions) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let token = self.0.token(&SCOPES).await.map_err(|e| CredentialsError::from_msg(false, chain(&e)))?;
        Ok(headers(header(token.as_str())?))
    }
    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

/// Google credentials that were found.
#[derive(Debug)]
pub(super) struct Google {
    source: Source,
    impersonate: Option<String>,
    current: Mutex<Credentials>,
}

impl Google {
    /// Looks for credentials, and gets a first token from them. `impersonate` is the e-mail of a service account; no
    /// source is waited for longer than `patience`, which is what the run has left.
    ///
    /// # Errors
    /// What was tried, what each source said, and the command that fixes it.
    pub(super) async fn find(impersonate: Option<&str>, patience: Duration) -> Result<Google, String> {
        let patience = patience.min(PATIENCE);
        let source = look().await?;
        let wrong = |why: String| format!("{source} {why}. {}", source.fix());
        let plain = tokio::time::timeout(patience, build(&source))
            .await
            .map_err(|_| wrong("did not answer".to_owned()))?
            .map_err(|e| wrong(format!("cannot be used: {e}")))?;
        let credentials = match impersonate {
            None => plain,
            Some(account) => as_account(plain, account).map_err(&wrong)?,
        };
        let google = Google {
            source: source.clone(),
            impersonate: impersonate.map(str::to_owned),
            current: Mutex::new(credentials),
        };
        google.authorization_within(patience).await.map_err(|f| f.to_string())?;
        Ok(google)
    }

    /// For Google's client library.
    pub(super) fn credentials(&self) -> Credentials {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The headers that prove the identity: a bearer token, and the project that pays for the quota where one is set.
    ///
    /// # Errors
    /// [`Fault::Credentials`] with the source, what it said and the command that fixes it.
    pub(super) async fn authorization(&self) -> Result<HeaderMap, Fault> {
        self.authorization_within(PATIENCE).await
    }

    async fn authorization_within(&self, patience: Duration) -> Result<HeaderMap, Fault> {
        let said = match tokio::time::timeout(patience, self.credentials().headers(Extensions::new())).await {
            Ok(Ok(CacheableResource::New { data, .. })) => {
                for value in data.get_all(http::header::AUTHORIZATION) {
                    let token = value.to_str().unwrap_or_default();
                    add_credential(token.split_once(' ').map_or(token, |(_, token)| token));
                }
                return Ok(data);
            }
            Ok(Ok(CacheableResource::NotModified)) => "gave no token".to_owned(),
            Ok(Err(e)) => format!("gave no token: {}", chain(&e)),
            Err(_) => format!("did not answer within {} s", patience.as_secs_f64().ceil()),
        };
        let whose = match &self.impersonate {
            None => self.source.to_string(),
            Some(account) => format!("{}, impersonating {account},", self.source),
        };
        let grant = match &self.impersonate {
            None => String::new(),
            Some(account) => format!(
                ". Impersonation takes roles/iam.serviceAccountTokenCreator: gcloud iam service-accounts \
                 add-iam-policy-binding {} --member=user:YOU --role=roles/iam.serviceAccountTokenCreator",
                super::gap::quote(account)
            ),
        };
        Err(Fault::Credentials(format!("{whose} {said}. {}{grant}", self.source.fix())))
    }

    /// Forgets the token that was not accepted. Answers whether another one may come: a token that was given stays what it is.
    pub(super) async fn renew(&self) -> bool {
        if matches!(self.source, Source::Variable(_)) {
            return false;
        }
        let Ok(Ok(plain)) = tokio::time::timeout(PATIENCE, build(&self.source)).await else { return false };
        let fresh = match &self.impersonate {
            None => Ok(plain),
            Some(account) => as_account(plain, account),
        };
        let Ok(fresh) = fresh else { return false };
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        true
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// Who it is, as far as the source says: the impersonated account, or the e-mail in a key.
    pub(super) fn account(&self) -> Option<String> {
        if let Some(account) = &self.impersonate {
            return account.rsplit(',').next().map(|a| a.trim().to_owned());
        }
        match &self.source {
            Source::Key(path) => read_json(path).ok()?.get("client_email")?.as_str().map(str::to_owned),
            _ => None,
        }
    }
}

/// The first source that is there.
async fn look() -> Result<Source, String> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
    if set(TOKEN_VARIABLES[0]).is_some() {
        return Ok(Source::Variable(TOKEN_VARIABLES[0]));
    }
    if let Some(path) = set(TOKEN_FILE_VARIABLE) {
        return Ok(Source::File(path.into()));
    }
    if set(TOKEN_VARIABLES[1]).is_some() {
        return Ok(Source::Variable(TOKEN_VARIABLES[1]));
    }
    let well_known = set("CLOUDSDK_CONFIG")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".config/gcloud")))
        .map(|folder| folder.join("application_default_credentials.json"));
    let file = match set("GOOGLE_APPLICATION_CREDENTIALS") {
        // One that is named and wrong must not be passed over for another identity.
        Some(path) => Some(PathBuf::from(path)),
        None => well_known.clone().filter(|path| path.is_file()),
    };
    if let Some(path) = file {
        let json = read_json(&path).map_err(|e| {
            format!(
                "cannot read Application Default Credentials {}: {e}. Make them with `gcloud auth application-default login`",
                path.display()
            )
        })?;
        let kind = json.get("type").and_then(|t| t.as_str()).unwrap_or_default();
        // It is shown to people. What no type looks like may be a secret in the wrong place.
        let is_type = kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        let kind = if is_type { kind } else { "of an unknown type" };
        return Ok(match kind {
            "service_account" => Source::Key(path),
            _ => Source::Adc { path, kind: kind.to_owned() },
        });
    }
    if has_metadata_server().await {
        return Ok(Source::Metadata);
    }
    let gcloud = match tokio::time::timeout(PATIENCE, GCloudAuthorizedUser::new()).await {
        Ok(Ok(_)) => return Ok(Source::Gcloud),
        Ok(Err(e)) => chain(&e),
        Err(_) => "it did not answer".to_owned(),
    };
    Err(format!(
        "no Google credentials were found. Tried: {}, {TOKEN_FILE_VARIABLE} and {} (not set); Application Default \
         Credentials (GOOGLE_APPLICATION_CREDENTIALS is not set, {} does not exist, no metadata server answers); gcloud \
         ({gcloud}). A person signs in with `gcloud auth application-default login`; a job gets an identity from its \
         platform, or from a file that GOOGLE_APPLICATION_CREDENTIALS names",
        TOKEN_VARIABLES[0],
        TOKEN_VARIABLES[1],
        well_known.map_or("the well-known file".to_owned(), |p| p.display().to_string()),
    ))
}

fn read_json(path: &Path) -> Result<serde_json::Value, String> {
    let text = std::fs::read(path).map_err(|e| e.to_string())?;
    // The parser's message could quote a key.
    let json: serde_json::Value = serde_json::from_slice(&text)
        .map_err(|e| format!("it is not JSON (line {} column {})", e.line(), e.column()))?;
    for key in ["private_key", "refresh_token", "client_secret"] {
        let secrets = [json.get(key), json.get("source_credentials").and_then(|source| source.get(key))];
        secrets.into_iter().flatten().filter_map(|s| s.as_str()).for_each(add_credential);
    }
    Ok(json)
}

/// Asks as Google's libraries do: <https://cloud.google.com/compute/docs/instances/detect-compute-engine>.
async fn has_metadata_server() -> bool {
    let host = std::env::var("GCE_METADATA_HOST").ok().filter(|h| !h.is_empty());
    let host = host.unwrap_or_else(|| "169.254.169.254".to_owned());
    let Ok(client) = reqwest::Client::builder().timeout(Duration::from_secs(2)).no_proxy().build() else {
        return false;
    };
    for _ in 0..2 {
        let answer = client.get(format!("http://{host}/")).header("Metadata-Flavor", "Google").send().await;
        if let Ok(answer) = answer {
            return answer.headers().get("metadata-flavor").is_some_and(|v| v == "Google");
        }
    }
    false
}

async fn build(source: &Source) -> Result<Credentials, String> {
    match source {
        Source::Variable(name) => {
            let token = std::env::var(name).map_err(|_| "it is not text".to_owned())?;
            Ok(Given(header(&token).map_err(|e| chain(&e))?).into())
        }
        Source::File(path) => {
            let token = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
            Ok(Given(header(&token).map_err(|e| chain(&e))?).into())
        }
        // Google's own library makes a token that the key itself signs. Google's APIs take it; a cluster takes what the
        // token endpoint gives, as gke-gcloud-auth-plugin asks for it.
        Source::Key(path) => {
            let key = CustomServiceAccount::from_file(path).map_err(|_| {
                "it is not a service account key with private_key, client_email and token_uri".to_owned()
            })?;
            Ok(Provided(Arc::new(key)).into())
        }
        Source::Gcloud => {
            let user = GCloudAuthorizedUser::new().await.map_err(|e| chain(&e))?;
            Ok(Provided(Arc::new(user)).into())
        }
        Source::Metadata => adc::mds::Builder::default().with_scopes(SCOPES).build().map_err(|e| chain(&e)),
        Source::Adc { path, kind } => {
            let json = read_json(path)?;
            let built = match kind.as_str() {
                "authorized_user" => adc::user_account::Builder::new(json).with_scopes(SCOPES).build(),
                "impersonated_service_account" => impersonated::Builder::new(json).with_scopes(SCOPES).build(),
                "external_account" => adc::external_account::Builder::new(json).with_scopes(SCOPES).build(),
                "" => return Err("it has no type".to_owned()),
                _ => return Err("credentials of this type are not supported".to_owned()),
            };
            built.map_err(|e| chain(&e))
        }
    }
}

/// `account` may be a chain of delegates that ends with the account, as gcloud takes it: `a@…,b@…`.
fn as_account(plain: Credentials, account: &str) -> Result<Credentials, String> {
    let mut chain_of = account.split(',').map(str::trim).collect::<Vec<_>>();
    let target = chain_of.pop().unwrap_or_default();
    impersonated::Builder::from_source_credentials(plain)
        .with_target_principal(target)
        .with_delegates(chain_of)
        .with_scopes(SCOPES)
        .build()
        .map_err(|e| format!("cannot impersonate {account}: {}", chain(&e)))
}

/// An error with what is behind it, on one line and without secrets.
pub(super) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut at = error.source();
    while let Some(e) = at {
        let more = e.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        at = e.source();
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    mask_text(&line).chars().take(400).collect()
}
