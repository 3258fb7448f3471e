//! Requests that may be sent again: the second one gets the answer of the first, and nothing is done twice.

use entrain_model::Millis;

use crate::sql::{Columns as _, Sql};
use crate::{Result, Store};

/// So long an answer is kept.
const KEPT: Millis = 24 * 3_600_000;

/// A request that has no answer after this long has none any more: its process died.
const UNDER_WAY: Millis = 2 * 60_000;

/// An answer as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Its status.
    pub status: u16,
    /// The type of its body.
    pub content_type: String,
    /// Its body.
    pub body: String,
}

/// What is known of a request under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is the first: it goes ahead.
    First,
    /// It was answered.
    Before(Replay),
    /// The same is under way.
    UnderWay,
    /// The key was used for another request.
    Another,
}

impl Store {
    /// Takes a key for a request, unless it was taken within a day. `request` is a digest of what is asked.
    pub async fn ask_once(&self, caller: &str, key: &str, request: &str) -> Result<Asked> {
        let now = self.now();
        let mut tx = self.begin().await?;
        Sql::new("delete from idempotency where at < $1 or (status is null and at < $2)")
            .arg(now - KEPT)
            .arg(now - UNDER_WAY)
            .run(&mut tx)
            .await?;
        let taken = Sql::new(
            "insert into idempotency (caller, key, request, at) values ($1, $2, $3, $4) on conflict (caller, key) do nothing",
        )
        .arg(caller)
        .arg(key)
        .arg(request)
        .arg(now)
        .run(&mut tx)
        .await?;
        let known = Sql::new("select request, status, content_type, body from idempotency where caller = $1 and key = $2");
        let known = known.arg(caller).arg(key).one(&mut tx).await?;
        tx.commit().await?;
        let Some(row) = known.filter(|_| taken == 0) else { return Ok(Asked::First) };
        if row.str("request")? != request {
            return Ok(Asked::Another);
        }
        let Some(status) = row.opt_int("status")? else { return Ok(Asked::UnderWay) };
        Ok(Asked::Before(Replay {
            status: u16::try_from(status).unwrap_or(500),
            content_type: row.opt_str("content_type")?.unwrap_or_default(),
            body: row.opt_str("body")?.unwrap_or_default(),
        }))
    }

    /// Keeps the answer to a request; without one its key is free again.
    pub async fn answered_once(&self, caller: &str, key: &str, answer: Option<&Replay>) -> Result<()> {
        let mut tx = self.begin().await?;
        let sql = match answer {
            None => Sql::new("delete from idempotency where caller = $1 and key = $2").arg(caller).arg(key),
            Some(answer) => {
                Sql::new("update idempotency set status = $3, content_type = $4, body = $5 where caller = $1 and key = $2")
                    .arg(caller)
                    .arg(key)
                    .arg(i64::from(answer.status))
                    .arg(answer.content_type.as_str())
                    .arg(answer.body.as_str())
            }
        };
        sql.run(&mut tx).await?;
        Ok(tx.commit().await?)
    }
}
