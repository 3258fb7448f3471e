//! Carries what turned to the webhooks: at least once, for a day, and never in the way of anything else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use entrain_model::{Clock, Millis};
use entrain_store::{Delivery, Store, StoreError};
use serde_json::{Value as Json, json};

use super::{Secret, SecretError};
use crate::config::{SourcedError, WebhookConfig};

/// How long a delivery is tried.
pub(crate) const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// How long one attempt may take; for a little longer nobody else tries the same.
const ATTEMPT: Duration = Duration::from_secs(15);
const LEASE: Duration = Duration::from_secs(60);
/// Attempts follow each other after this long, then three times as long each time, up to the longest.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(2 * 3600);
/// Deliveries that are tried in one go.
const BATCH: usize = 10;

/// Why a webhook cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Its secret is not where the configuration says.
    #[error("webhook `{0}`: {1}")]
    Missing(String, SourcedError),
    /// Its secret is no key.
    #[error("webhook `{0}`: {1}")]
    Secret(String, SecretError),
    /// The HTTP client cannot be made.
    #[error("webhooks cannot be called: {0}")]
    Client(#[from] reqwest::Error),
}

/// Carries to all webhooks of the configuration.
pub(crate) struct Courier {
    store: Store,
    carrier: Carrier,
    receivers: BTreeMap<String, Receiver>,
}

/// Carries deliveries, whatever they are about.
pub(crate) struct Carrier {
    store: Store,
    clock: Arc<dyn Clock>,
    client: reqwest::Client,
}

/// Somebody who is told.
pub(crate) struct Receiver {
    /// Where it listens.
    pub(crate) url: String,
    /// The keys that sign: one, or two while it changes them.
    pub(crate) secrets: Vec<Secret>,
}

/// What a receiver answered.
enum Answer {
    Taken,
    /// It wants no more of this.
    Gone,
    NotTaken(String),
}

impl Courier {
    /// Reads the secrets.
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, webhooks: &[WebhookConfig]) -> Result<Self, WebhookError> {
        let mut receivers = BTreeMap::new();
        for webhook in webhooks {
            let secret = webhook.secret.read("the secret of a webhook");
            let secret = secret.map_err(|error| WebhookError::Missing(webhook.name.clone(), error))?;
            let secret = Secret::read(&secret).map_err(|error| WebhookError::Secret(webhook.name.clone(), error))?;
            receivers.insert(webhook.name.clone(), Receiver { url: webhook.url.clone(), secrets: vec![secret] });
        }
        Ok(Self { carrier: Carrier::new(store.clone(), clock)?, store, receivers })
    }

    /// Carries what is due now.
    pub(crate) async fn carry(&self) -> Result<(), StoreError> {
        let names: Vec<String> = self.receivers.keys().cloned().collect();
        self.store.spread_alarms(&names, PATIENCE).await?;
        let all = self.receivers.iter().map(|(name, receiver)| self.carrier.carry_to(name, receiver));
        futures_util::future::try_join_all(all).await.map(drop)
    }
}

impl Carrier {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("entrain/", env!("CARGO_PKG_VERSION")))
            .timeout(ATTEMPT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { store, clock, client })
    }

    /// Carries what is due to one receiver, until nothing is or one attempt of a batch has failed.
    pub(crate) async fn carry_to(&self, name: &str, receiver: &Receiver) -> Result<(), StoreError> {
        loop {
            let batch = self.store.take_deliveries(name, LEASE, BATCH).await?;
            let answers = futures_util::future::join_all(batch.iter().map(|delivery| self.try_once(receiver, delivery))).await;
            let (mut taken, mut failed) = (Vec::new(), false);
            for (delivery, answer) in batch.iter().zip(answers) {
                if let Answer::Taken = answer {
                    taken.push(delivery.clone());
                } else {
                    failed = true;
                    self.record(delivery, answer).await?;
                }
            }
            self.store.delivered(&taken).await?;
            if failed || batch.len() < BATCH {
                return Ok(());
            }
        }
    }

    async fn try_once(&self, receiver: &Receiver, delivery: &Delivery) -> Answer {
        let (id, seconds, body) = (format!("msg_{}", delivery.event), self.clock.now() / 1000, payload(delivery).to_string());
        let signatures: Vec<String> = receiver.secrets.iter().map(|secret| secret.sign(&id, seconds, &body)).collect();
        let request = self
            .client
            .post(&receiver.url)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", signatures.join(" "))
            .body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Answer::Taken,
            Ok(answer) if answer.status().as_u16() == 410 => Answer::Gone,
            Ok(answer) => Answer::NotTaken(format!("it answered {}", answer.status().as_u16())),
            Err(error) => Answer::NotTaken(if error.is_timeout() { "no answer in time" } else { "no connection" }.to_owned()),
        }
    }

    async fn record(&self, delivery: &Delivery, answer: Answer) -> Result<(), StoreError> {
        let (webhook, attempts) = (delivery.webhook.as_str(), delivery.attempts);
        let next = self.store.now().saturating_add(millis(wait(attempts)));
        match answer {
            Answer::Taken => self.store.delivered(std::slice::from_ref(delivery)).await,
            Answer::Gone => {
                tracing::warn!(webhook, "a webhook wants no more of this (410)");
                self.store.give_up_delivery(delivery, "it answered 410").await
            }
            Answer::NotTaken(why) if next > delivery.until => {
                tracing::error!(webhook, attempts, "a message could not be delivered within a day: {why}");
                self.store.give_up_delivery(delivery, &why).await
            }
            Answer::NotTaken(why) => {
                tracing::warn!(webhook, attempts, "a message could not be delivered and is tried again: {why}");
                self.store.delivery_failed(delivery, next, &why).await
            }
        }
    }
}

/// How long after this attempt the next one comes.
fn wait(attempts: i64) -> Duration {
    let times = u32::try_from(attempts.clamp(1, 12) - 1).unwrap_or_default();
    (FIRST * 3_u32.pow(times)).min(LONGEST)
}

fn payload(delivery: &Delivery) -> Json {
    if let Some(sort) = delivery.body.get("type") {
        return json!({ "type": sort, "timestamp": rfc3339(delivery.at), "data": delivery.body["data"] });
    }
    let turn = delivery.body["turn"].as_str().unwrap_or_default();
    json!({ "type": format!("alarm.{turn}"), "timestamp": rfc3339(delivery.at), "data": delivery.body["alarm"] })
}

fn rfc3339(at: Millis) -> String {
    chrono::DateTime::from_timestamp_millis(at)
        .map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
        .unwrap_or_default()
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_thin_out_and_a_day_has_more_than_ten_of_them() {
        let waits: Vec<u64> = (1..=9).map(|attempts| wait(attempts).as_secs()).collect();
        assert_eq!(waits, [5, 15, 45, 135, 405, 1215, 3645, 7200, 7200]);
        let (mut passed, mut attempts) = (Duration::ZERO, 0);
        while passed <= PATIENCE {
            attempts += 1;
            passed += wait(attempts);
        }
        assert!((15..30).contains(&attempts), "{attempts}");
    }
}
