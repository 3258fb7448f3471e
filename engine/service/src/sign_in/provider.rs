//! The identity provider, over the wire: what it says of itself, its keys, and the exchange of a code.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use entrain_model::{Clock, Millis};
use jsonwebtoken::jwk::Jwk;
use reqwest::{Client, RequestBuilder, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tokio::sync::Mutex;

use super::id_token::{Claims, Disbelief, Expected, read};
use super::pending::Pending;
use crate::config::{OidcConfig, SourcedError, is_safe};

/// What it says of itself is asked for again after so long.
const KNOWN: Millis = 3_600_000;
/// After a failure nobody waits for the next one before this.
const PAUSE: Millis = 5_000;
/// The largest answer, in bytes.
const LARGEST: usize = 1 << 20;

/// Why the provider cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Our secret is not where the configuration says.
    #[error("access.oidc.client_secret: {0}")]
    Secret(#[from] SourcedError),
    /// The authority of its certificate cannot be used.
    #[error("{0} (access.oidc.ca_file): {1}")]
    Authority(PathBuf, String),
    /// The HTTP client cannot be made.
    #[error("the identity provider cannot be called: {0}")]
    Client(#[from] reqwest::Error),
}

/// Why a sign-in comes to nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The provider does not answer, or not as it should: later, or after it is mended.
    #[error("the identity provider {0}")]
    Provider(String),
    /// It refuses this sign-in.
    #[error("the identity provider refuses it: {0}")]
    Refused(String),
    /// What it said is not believed.
    #[error(transparent)]
    Disbelieved(#[from] Disbelief),
}

/// What it says of itself (OpenID Connect Discovery 1.0).
#[derive(Clone, Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Json>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: SecretString,
}

/// What is known of it.
#[derive(Clone)]
struct Known {
    metadata: Arc<Metadata>,
    keys: Arc<Vec<Jwk>>,
    since: Millis,
}

#[derive(Default)]
struct Memory {
    known: Option<Known>,
    failed: Option<(Millis, Failure)>,
}

/// The provider.
pub(super) struct Provider {
    config: OidcConfig,
    secret: Option<SecretString>,
    client: Client,
    clock: Arc<dyn Clock>,
    memory: Mutex<Memory>,
}

impl Provider {
    pub(super) fn new(config: OidcConfig, clock: Arc<dyn Clock>) -> Result<Self, ProviderError> {
        let secret =
            config.client_secret.as_ref().map(|secret| secret.read("the secret of the OpenID Connect client")).transpose()?;
        let mut client = Client::builder()
            .user_agent(concat!("entrain/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none());
        if let Some(file) = &config.ca_file {
            let wrong = |error: &dyn std::fmt::Display| ProviderError::Authority(file.clone(), error.to_string());
            let pem = std::fs::read(file).map_err(|error| wrong(&error))?;
            client = client.add_root_certificate(reqwest::Certificate::from_pem(&pem).map_err(|error| wrong(&error))?);
        }
        Ok(Self { config, secret, client: client.build()?, clock, memory: Mutex::default() })
    }

    /// Where somebody proves who they are.
    pub(super) async fn address(&self, pending: &Pending, redirect: &str) -> Result<String, Failure> {
        let known = self.known().await?;
        let scope = ["openid"].into_iter().chain(self.config.scopes.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
        let (state, nonce, challenge) = (pending.state(), pending.nonce(), pending.challenge());
        let said = [
            ("response_type", "code"),
            ("client_id", &self.config.client_id),
            ("redirect_uri", redirect),
            ("scope", &scope),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let address = Url::parse_with_params(&known.metadata.authorization_endpoint, said);
        address.map(String::from).map_err(|_| Failure::Provider("names an authorization_endpoint that is no address".to_owned()))
    }

    /// Whether an answer is its own, as far as it says so (RFC 9207).
    pub(super) async fn has_said(&self, issuer: Option<&str>) -> Result<bool, Failure> {
        let said = self.known().await?.metadata.authorization_response_iss_parameter_supported;
        Ok(issuer.map_or(!said, |issuer| issuer == self.config.issuer))
    }

    /// Exchanges a code for what the provider says of a person.
    pub(super) async fn exchange(&self, code: &str, pending: &Pending, redirect: &str) -> Result<Claims, Failure> {
        let mut known = self.known().await?;
        let tokens = self.tokens(&known.metadata, code, pending, redirect).await?;
        let nonce = pending.nonce();
        let OidcConfig { issuer, client_id, .. } = &self.config;
        let expected = Expected { issuer, client_id, nonce: &nonce, now: self.clock.now() };
        let mut claims = match read(&tokens.id_token, &known.keys, &expected) {
            Err(Disbelief::UnknownKey) => {
                known = self.ask().await?;
                read(&tokens.id_token, &known.keys, &expected)?
            }
            believed => believed?,
        };
        if let Some(more) = &known.metadata.userinfo_endpoint
            && super::id_token::values(&claims, &self.config.roles_claim).is_empty()
        {
            self.add(more, &tokens.access_token, &mut claims).await?;
        }
        Ok(claims)
    }

    async fn tokens(&self, metadata: &Metadata, code: &str, pending: &Pending, redirect: &str) -> Result<Tokens, Failure> {
        let verifier = pending.verifier();
        let mut said = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
            ("code_verifier", verifier.expose_secret()),
        ];
        let mut request = self.client.post(&metadata.token_endpoint);
        let only_in_body = !metadata.token_endpoint_auth_methods_supported.is_empty()
            && !metadata.token_endpoint_auth_methods_supported.iter().any(|method| method == "client_secret_basic");
        match &self.secret {
            Some(secret) if !only_in_body => {
                request = request.basic_auth(encoded(&self.config.client_id), Some(encoded(secret.expose_secret())));
            }
            Some(secret) => {
                said.extend([("client_id", self.config.client_id.as_str()), ("client_secret", secret.expose_secret())])
            }
            None => said.push(("client_id", &self.config.client_id)),
        }
        let body = form(&said);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        answer(request, "gives no token").await
    }

    /// Adds what the provider tells only when it is asked once more, and only if that is about the same person.
    async fn add(&self, address: &str, token: &SecretString, claims: &mut Claims) -> Result<(), Failure> {
        let request = self.client.get(address).bearer_auth(token.expose_secret());
        let more: Claims = answer(request, "tells nothing more of the person").await?;
        if more.get("sub") != claims.get("sub") {
            return Err(Disbelief::Wrong("what it tells beside its token is about somebody else (sub)").into());
        }
        for (name, value) in more {
            claims.entry(name).or_insert(value);
        }
        Ok(())
    }

    /// What is known of the provider, asked for if it was not of late.
    async fn known(&self) -> Result<Known, Failure> {
        let mut memory = self.memory.lock().await;
        let now = self.clock.now();
        if let Some(known) = memory.known.as_ref().filter(|known| now - known.since < KNOWN) {
            return Ok(known.clone());
        }
        // Whoever waited for the lock need not wait for the same failure.
        if let Some((at, failure)) = memory.failed.as_ref().filter(|(at, _)| now - at < PAUSE) {
            tracing::debug!(at, "the identity provider is not asked again yet");
            return Err(failure.clone());
        }
        let asked = self.ask_now().await;
        match &asked {
            Ok(known) => *memory = Memory { known: Some(known.clone()), failed: None },
            Err(failure) => memory.failed = Some((self.clock.now(), failure.clone())),
        }
        asked
    }

    /// Asks again, whatever is known: its keys have changed.
    async fn ask(&self) -> Result<Known, Failure> {
        let known = self.ask_now().await?;
        self.memory.lock().await.known = Some(known.clone());
        Ok(known)
    }

    async fn ask_now(&self) -> Result<Known, Failure> {
        let address = format!("{}/.well-known/openid-configuration", self.config.issuer.trim_end_matches('/'));
        let metadata: Metadata = answer(self.client.get(address), "does not say what it is").await?;
        if metadata.issuer != self.config.issuer {
            return Err(Failure::Provider(
                "calls itself otherwise than access.oidc.issuer: write it exactly as it does".to_owned(),
            ));
        }
        let Metadata { authorization_endpoint, token_endpoint, jwks_uri, userinfo_endpoint, .. } = &metadata;
        let all = [authorization_endpoint, token_endpoint, jwks_uri].into_iter().chain(userinfo_endpoint);
        if !all.into_iter().all(|address| is_safe(address)) {
            return Err(Failure::Provider("names addresses that are not private (https://)".to_owned()));
        }
        let keys: Keys = answer(self.client.get(&metadata.jwks_uri), "does not show its keys").await?;
        // A key of a sort that is not known is no reason not to use the others.
        let keys = keys.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        Ok(Known { metadata: Arc::new(metadata), keys: Arc::new(keys), since: self.clock.now() })
    }
}

/// The answer to a request, as JSON. Of one that fails only the code is kept: the rest may be about a person.
async fn answer<T: DeserializeOwned>(request: RequestBuilder, otherwise: &str) -> Result<T, Failure> {
    let failed = |why: &str| Failure::Provider(format!("{otherwise}: {why}"));
    let mut response =
        request.send().await.map_err(|error| failed(if error.is_timeout() { "no answer in time" } else { "no connection" }))?;
    let status = response.status();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| failed("the answer broke off"))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LARGEST {
            return Err(failed("the answer is too large"));
        }
    }
    if status.is_client_error() {
        let code = serde_json::from_slice::<Json>(&bytes).ok().and_then(|said| said["error"].as_str().map(plain));
        return Err(Failure::Refused(code.unwrap_or_else(|| format!("status {}", status.as_u16()))));
    }
    if !status.is_success() {
        return Err(failed(&format!("status {}", status.as_u16())));
    }
    serde_json::from_slice(&bytes).map_err(|_| failed("the answer is not what it should be"))
}

/// A code of an error, as it may be shown: a short word.
pub(super) fn plain(code: &str) -> String {
    code.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect()
}

/// A form, as it is sent.
fn form(said: &[(&str, &str)]) -> String {
    let written = Url::parse_with_params("form:", said).ok();
    written.and_then(|url| url.query().map(str::to_owned)).unwrap_or_default()
}

/// A text in the encoding of forms, in which RFC 6749 wants both parts of a client's proof.
fn encoded(text: &str) -> String {
    form(&[("", text)]).trim_start_matches('=').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_written_so_that_nothing_can_be_added_to_it() {
        assert_eq!(form(&[("code", "a&b=c d"), ("x", "ü%")]), "code=a%26b%3Dc+d&x=%C3%BC%25");
        assert_eq!(encoded("a:b=c"), "a%3Ab%3Dc");
        assert_eq!(plain("access_denied<script>"), "access_deniedscript");
    }
}
