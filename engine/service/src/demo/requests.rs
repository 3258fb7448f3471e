//! The requests that went to the tenant, as they are shown.

use std::sync::{Mutex, PoisonError};

use entrain_entra::{Exchange, Observer};
use entrain_model::{Clock as _, Millis};

use crate::wiring::SystemClock;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Method, path and the names of the properties that went with it.
    pub(super) text: String,
    /// When its answer came.
    pub(super) answered_at: Millis,
}

/// Collects requests until they are taken.
#[derive(Debug, Default)]
pub(super) struct Requests(Mutex<Vec<Request>>);

impl Requests {
    /// Those since the last call.
    pub(super) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Requests {
    fn seen(&self, exchange: &Exchange<'_>) {
        let properties =
            if exchange.properties.is_empty() { String::new() } else { format!(" {{{}}}", exchange.properties.join(", ")) };
        let status = exchange.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let text = format!("{} {}{properties} -> {status}", exchange.method, exchange.path);
        let request = Request { text, answered_at: SystemClock.now() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    }
}
