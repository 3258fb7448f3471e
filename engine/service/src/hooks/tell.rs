//! Receivers are told: at least once, for a day, and never in the way of anything else.

use std::sync::Arc;
use std::time::Duration;

use entrain_model::Clock;
use entrain_store::{HookSide, Store, StoreError};

use super::keys::Keyring;
use crate::alarms::{Carrier, PATIENCE, Receiver};

/// How long events are remembered that nobody took: longer than they are tried.
const PAST: Duration = Duration::from_secs(2 * 24 * 3600);
/// How long messages of senders are remembered: longer than one is believed.
const MESSAGES: i64 = 15 * 60 * 1000;

/// Tells all receivers that there are.
pub(crate) struct Teller {
    store: Store,
    carrier: Carrier,
    keys: Arc<Keyring>,
}

impl Teller {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, keys: Arc<Keyring>) -> reqwest::Result<Self> {
        Ok(Self { carrier: Carrier::new(store.clone(), clock)?, store, keys })
    }

    /// Carries what is due now. What is noted meanwhile is carried the next time.
    pub(crate) async fn tell(&self) -> Result<(), StoreError> {
        while self.store.spread_hook_events(PATIENCE).await? {}
        let hooks = self.store.hooks(HookSide::Receiver).await?;
        let all = hooks.iter().map(async |hook| {
            let secrets = match self.keys.keys(hook).await {
                Ok(secrets) => secrets,
                Err(error) => {
                    tracing::error!(receiver = hook.name, "a receiver cannot be told: {error}");
                    return Ok(());
                }
            };
            let receiver = Receiver { url: hook.url.clone().unwrap_or_default(), secrets };
            self.carrier.carry_to(&hook.delivered_as(), &receiver).await
        });
        futures_util::future::try_join_all(all).await.map(drop)
    }

    /// Forgets what is over.
    pub(crate) async fn forget(&self) -> Result<(), StoreError> {
        self.store.forget_messages(self.store.now().saturating_sub(MESSAGES)).await?;
        self.store.forget_hook_events(PAST).await
    }
}
