//! The connections to Graph. Whoever answers 503 is left: the next request goes over a new one, to what the name leads to by then
//! (Microsoft Graph, best practices: a retry after 503 takes a new TCP connection).

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use entrain_model::DirectoryError;

use crate::EntraConfig;
use crate::wire::{Incoming, Outgoing, Wire, WireError, client};

const UNAVAILABLE: u16 = 503;

/// A client, and how many there were before it. Its requests on the wire end where they began.
pub(crate) struct Connections {
    config: EntraConfig,
    current: Mutex<(u64, reqwest::Client)>,
}

impl Connections {
    pub(crate) fn new(config: &EntraConfig, first: reqwest::Client) -> Self {
        Self { config: config.clone(), current: Mutex::new((0, first)) }
    }

    fn current(&self) -> (u64, reqwest::Client) {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Of several requests that were refused on one connection, the first leaves it.
    fn leave(&self, used: u64) -> Result<(), DirectoryError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.0 == used {
            *current = (used + 1, client(&self.config)?);
        }
        Ok(())
    }
}

#[async_trait]
impl Wire for Connections {
    async fn exchange(&self, request: Outgoing) -> Result<Incoming, WireError> {
        let (used, client) = self.current();
        let answer = client.exchange(request).await;
        if answer.as_ref().is_ok_and(|answer| answer.status == UNAVAILABLE)
            && let Err(error) = self.leave(used)
        {
            tracing::warn!("the connection that answered 503 is kept: {error}");
        }
        answer
    }
}
