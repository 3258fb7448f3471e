//! First credentials on their way to the operator: sealed, signed, told once, kept nowhere.

mod seal;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use entrain_model::{Clock, Delivery, Handover, Issued, TargetName, Undelivered};
use secrecy::ExposeSecret as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};

pub use seal::{Seal, SealError};

use crate::alarms::{Secret, SecretError};
use crate::cli::utc;
use crate::config::{DeliverConfig, SourcedError};

/// A receiver that does not answer holds up the batch for so long. There is no second attempt: what was not taken is worthless.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why nobody can be told.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The secret is not where the configuration says.
    #[error("first_password.deliver: {0}")]
    Missing(#[from] SourcedError),
    /// The secret is no key.
    #[error("first_password.deliver: {0}")]
    Secret(#[from] SecretError),
    /// The public key cannot be used.
    #[error("first_password.deliver: {0}")]
    Key(#[from] SealError),
    /// The HTTP client cannot be made.
    #[error("first_password.deliver: its receiver cannot be called: {0}")]
    Client(#[from] reqwest::Error),
}

/// Takes first credentials to one receiver.
pub struct Sealed {
    target: TargetName,
    clock: Arc<dyn Clock>,
    client: reqwest::Client,
    url: String,
    secret: Secret,
    seal: Seal,
}

impl Sealed {
    /// Reads secret and key.
    ///
    /// # Errors
    /// One of them is not there, or is none.
    pub fn new(target: TargetName, config: &DeliverConfig, clock: Arc<dyn Clock>) -> Result<Self, DeliveryError> {
        let secret = Secret::read(&config.secret.read("the secret of the receiver of first credentials")?)?;
        let client = reqwest::Client::builder()
            .user_agent(concat!("entrain/", env!("CARGO_PKG_VERSION")))
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { target, clock, client, url: config.url.clone(), secret, seal: Seal::open(&config.public_key)? })
    }

    /// The message, and what identifies it.
    fn message(&self, handover: &Handover) -> Option<(String, String)> {
        let until = match handover.issued {
            Issued::Password => None,
            Issued::Pass { until } => Some(utc(until)),
        };
        let inner = json!({
            "login": handover.login, "kind": handover.issued.as_str(), "credential": handover.secret.expose_secret(), "until": until,
        });
        let sealed = self.seal.close(&inner.to_string())?;
        // Every sealed text differs from every other.
        let id: String = Sha256::digest(&sealed).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let body = json!({
            "type": "credential.issued", "timestamp": utc(self.clock.now()),
            "data": { "target": self.target, "object": handover.object, "record": handover.record, "sealed": sealed },
        });
        Some((format!("msg_{id}"), body.to_string()))
    }
}

#[async_trait]
impl Delivery for Sealed {
    async fn deliver(&self, handover: &Handover) -> Result<(), Undelivered> {
        let lost = |why: &str| Undelivered(format!("the receiver of first credentials did not take it: {why}"));
        let (id, body) = self.message(handover).ok_or_else(|| lost("it could not be sealed"))?;
        let seconds = self.clock.now() / 1000;
        let request = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", self.secret.sign(&id, seconds, &body))
            .body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(lost(&format!("it answered {}", answer.status().as_u16()))),
            Err(error) => Err(lost(if error.is_timeout() { "no answer in time" } else { "no connection" })),
        }
    }
}
