//! Hands first credentials to an operator's endpoint: sealed for the operator's key, signed as every webhook, kept nowhere.
//!
//! Unlike alarms they are not queued: what cannot be delivered at once is lost on purpose, and another one is asked for.

mod seal;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::rand;
use entrain_model::{Clock, Delivery, Handover, Issued, Millis, TargetName, Undelivered};
use secrecy::ExposeSecret as _;
use serde_json::json;

pub(crate) use seal::{SealError, open};

use crate::alarms::{Secret, SecretError};
use crate::config::{DeliverConfig, SourcedError};
use seal::SealKey;

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// The waits before the attempts.
const WAITS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(4)];

/// Why first passwords cannot be handed over as the configuration says.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// The key of the signature is not where the configuration says.
    #[error("first_password.deliver: {0}")]
    Missing(#[from] SourcedError),
    /// It is no key.
    #[error("first_password.deliver: {0}")]
    Secret(#[from] SecretError),
    /// The key to seal for cannot be used.
    #[error("first_password.deliver: {0}")]
    Seal(String),
    /// The HTTP client cannot be made.
    #[error("first_password.deliver cannot be called: {0}")]
    Client(#[from] reqwest::Error),
}

/// Delivers to one endpoint.
pub(crate) struct Messenger {
    target: TargetName,
    url: String,
    secret: Secret,
    seal: SealKey,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
}

impl Messenger {
    /// Reads the keys.
    pub(crate) fn new(target: TargetName, config: &DeliverConfig, clock: Arc<dyn Clock>) -> Result<Self, HandoverError> {
        let secret = Secret::read(&config.secret.read("the secret of the receiver of first passwords")?)?;
        let seal = SealKey::open(&config.seal_for).map_err(|error| HandoverError::Seal(error.to_string()))?;
        let client = reqwest::Client::builder()
            .user_agent(concat!("entrain/", env!("CARGO_PKG_VERSION")))
            .timeout(ATTEMPT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { target, url: config.url.clone(), secret, seal, client, clock })
    }

    /// The whole message. Only the sealed part says what the credential is, and whose login it belongs to.
    fn body(&self, handover: &Handover) -> Result<String, SealError> {
        let until = match handover.issued {
            Issued::Password => None,
            Issued::Pass { until } => Some(rfc3339(until)),
        };
        let inside = json!({
            "target": self.target, "object": handover.object, "record": handover.record, "login": handover.login,
            "kind": handover.issued.as_str(), "secret": handover.secret.expose_secret(), "valid_until": until,
        });
        let sealed = self.seal.seal(&inside.to_string())?;
        let data = json!({
            "target": self.target, "object": handover.object, "record": handover.record, "kind": handover.issued.as_str(),
            "sealed": sealed,
        });
        Ok(json!({ "type": "first_password.issued", "timestamp": rfc3339(self.clock.now()), "data": data }).to_string())
    }

    async fn try_once(&self, id: &str, body: &str) -> Result<(), String> {
        let seconds = self.clock.now() / 1000;
        let request = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", self.secret.sign(id, seconds, body))
            .body(body.to_owned());
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("the receiver answered {}", answer.status().as_u16())),
            Err(error) if error.is_timeout() => Err("the receiver did not answer in time".to_owned()),
            Err(_) => Err("the receiver cannot be reached".to_owned()),
        }
    }
}

#[async_trait]
impl Delivery for Messenger {
    async fn deliver(&self, handover: &Handover) -> Result<(), Undelivered> {
        let body = self.body(handover).map_err(|error| Undelivered(error.to_string()))?;
        let mut id = [0; 16];
        rand::fill(&mut id).map_err(|_| Undelivered("the system gives no randomness".to_owned()))?;
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut last = String::new();
        for wait in WAITS {
            if wait > Duration::ZERO {
                self.clock.sleep(wait).await;
            }
            match self.try_once(&format!("msg_{id}"), &body).await {
                Ok(()) => return Ok(()),
                Err(why) => last = why,
            }
        }
        tracing::warn!(target = %self.target, object = %handover.object, "a first credential could not be handed over: {last}");
        Err(Undelivered(format!("{}: {last}", handover.issued.as_str())))
    }
}

fn rfc3339(at: Millis) -> String {
    chrono::DateTime::from_timestamp_millis(at)
        .map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
        .unwrap_or_default()
}
