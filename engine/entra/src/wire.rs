//! One HTTPS exchange. The only file that knows the HTTP library; tests put a script in its place.

use std::time::Duration;

use async_trait::async_trait;
use entrain_model::{DirectoryError, Fault};

use crate::{Cloud, EntraConfig};

/// A request as it goes out. It shows in no debug output: it carries the token, and first passwords.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub method: &'static str,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<Vec<u8>>,
}

/// An answer as it came in, whole.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Incoming {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }
    /// A header that may come several times.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// No answer.
#[derive(Clone, Debug)]
pub(crate) enum WireError {
    /// The request did not leave: no connection.
    NotSent(String),
    /// It may have left; the answer was lost or cut short.
    Lost(String),
}

/// Carries requests.
#[async_trait]
pub(crate) trait Wire: Send + Sync {
    async fn exchange(&self, request: Outgoing) -> Result<Incoming, WireError>;
}

/// The client of one tenant: connections are kept and shared, also with the token requests.
pub(crate) fn client(config: &EntraConfig) -> Result<reqwest::Client, DirectoryError> {
    let unusable = |what: &str, error: &dyn std::fmt::Display| {
        DirectoryError::new(Fault::Unauthorized, format!("{what}: {error}. Correct the target's configuration and resume"))
    };
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("entrain/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(60))
        .timeout(Duration::from_secs(150))
        .pool_idle_timeout(Duration::from_secs(90))
        .http2_keep_alive_interval(Duration::from_secs(20))
        .redirect(reqwest::redirect::Policy::none());
    if let Some(pem) = &config.ca_pem {
        let trusted = reqwest::Certificate::from_pem_bundle(pem)
            .map_err(|error| unusable("the certificates to trust are no readable PEM", &error))?;
        builder = match config.cloud {
            Cloud::Custom { .. } => builder.tls_certs_only(trusted),
            Cloud::Global | Cloud::UsGovernment | Cloud::UsGovernmentDod | Cloud::China => builder.tls_certs_merge(trusted),
        };
    }
    builder.build().map_err(|error| unusable("the HTTPS client could not be set up", &error))
}

#[async_trait]
impl Wire for reqwest::Client {
    async fn exchange(&self, request: Outgoing) -> Result<Incoming, WireError> {
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).map_err(|e| WireError::NotSent(e.to_string()))?;
        let mut builder = self.request(method, &request.url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let answer = builder.send().await.map_err(unanswered)?;
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let body = answer.bytes().await.map_err(|error| WireError::Lost(causes(&error)))?.to_vec();
        Ok(Incoming { status, headers, body })
    }
}

fn unanswered(error: reqwest::Error) -> WireError {
    match error.is_connect() || error.is_builder() {
        true => WireError::NotSent(causes(&error)),
        false => WireError::Lost(causes(&error)),
    }
}

/// The error with its causes, without the address, which may name a person.
fn causes(error: &reqwest::Error) -> String {
    let mut text = match (error.is_timeout(), error.is_connect(), error.is_body() || error.is_decode()) {
        (true, ..) => "no answer in time".to_owned(),
        (_, true, _) => "no connection".to_owned(),
        (.., true) => "the answer was cut short".to_owned(),
        _ => "the connection failed".to_owned(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
