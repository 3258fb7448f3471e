//! What was refused, counted: an attacker must not be able to fill the audit.

use entrain_model::Millis;

use crate::audit::{Entry, append};
use crate::{Result, Store};

/// Refusals of one kind to one caller within a short time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The credential that was shown, if it is one of ours; else the network that the requests came from.
    pub who: String,
    /// The way in, as in `/api/v1`.
    pub door: String,
    /// The status of the answers.
    pub status: u16,
    /// How many.
    pub requests: u64,
    /// When the first came.
    pub since: Millis,
}

impl Store {
    /// Adds refusals to the audit, a row for each.
    pub async fn record_refusals(&self, refused: &[Refused]) -> Result<()> {
        if refused.is_empty() {
            return Ok(());
        }
        let entry = |one: &Refused| {
            let entry = Entry::act("access_refused").by(&one.who).after("door", one.door.as_str()).after("since", one.since);
            entry.after("status", one.status).after("requests", one.requests)
        };
        let mut transaction = self.begin().await?;
        append(self, &mut transaction, refused.iter().map(entry).collect()).await?;
        Ok(transaction.commit().await?)
    }
}
