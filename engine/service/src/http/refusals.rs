//! Refusals on their way to the audit: counted by caller, door and status, and written once a minute.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use entrain_model::Millis;
use entrain_store::Refused;
use tokio::sync::watch;

use super::Http;

/// So many are told apart in a minute; the others are counted together.
const KINDS: usize = 200;

const MINUTE: Duration = Duration::from_secs(60);

/// Caller, door, status.
type Kind = (String, String, u16);

/// Those of this minute.
#[derive(Default)]
pub(super) struct Refusals(Mutex<BTreeMap<Kind, (u64, Millis)>>);

impl Refusals {
    /// Counts one.
    pub(super) fn note(&self, who: &str, door: &str, status: u16, now: Millis) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kind = (who.to_owned(), door.to_owned(), status);
        if kinds.len() >= KINDS && !kinds.contains_key(&kind) {
            kind = ("(others)".to_owned(), door.to_owned(), status);
        }
        kinds.entry(kind).or_insert((0, now)).0 += 1;
    }

    /// Takes all of them.
    fn take(&self) -> Vec<Refused> {
        let kinds = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let refused = |((who, door, status), (requests, since))| Refused { who, door, status, requests, since };
        kinds.into_iter().map(refused).collect()
    }

    /// Puts back what could not be written.
    fn put_back(&self, refused: Vec<Refused>) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for one in refused {
            let counted = kinds.entry((one.who, one.door, one.status)).or_insert((0, one.since));
            *counted = (counted.0 + one.requests, counted.1.min(one.since));
        }
    }
}

impl Http {
    /// Writes the refusals of each minute. The last ones are written when all connections have ended.
    pub(super) async fn keep_refusals(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = async { drop(stop.wait_for(|stop| *stop).await) } => return,
                () = self.clock.sleep(MINUTE) => self.write_refusals().await,
            }
        }
    }

    pub(super) async fn write_refusals(&self) {
        let refused = self.refusals.take();
        if let Err(error) = self.store.record_refusals(&refused).await {
            tracing::error!("refusals could not be added to the audit and are kept for the next minute: {error}");
            self.refusals.put_back(refused);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_few_rows() {
        let refusals = Refusals::default();
        for request in 0..100_000_i64 {
            refusals.note(&format!("network {}", request % 1_000), "/api/v1", 401, request);
        }
        let rows = refusals.take();
        assert_eq!(rows.len(), KINDS + 1);
        assert_eq!(rows.iter().map(|row| row.requests).sum::<u64>(), 100_000);
        assert_eq!(refusals.take(), []);
    }
}
