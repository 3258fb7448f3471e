//! What webhooks are still to be told. A delivery is done, or it is tried until its time is over.

use std::time::Duration;

use entrain_model::Millis;
use serde_json::Value as Json;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::lease::millis;
use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit};
use crate::{Result, Store, hook};

/// Something that a webhook is to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The event: the same for every webhook and every attempt.
    pub event: String,
    /// Which webhook.
    pub webhook: String,
    /// When it happened.
    pub at: Millis,
    /// What happened: `turn` and `alarm`, or for a receiver of hooks `type` and `data`.
    pub body: Json,
    /// How often it was tried, this time included.
    pub attempts: i64,
    /// When it is given up.
    pub until: Millis,
}

/// How the deliveries of a webhook stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhooks {
    /// Its name.
    pub webhook: String,
    /// How many wait.
    pub waiting: i64,
    /// How many were given up, as far as they are remembered.
    pub given_up: i64,
}

impl Store {
    /// Gives each webhook its deliveries of what happened since the last time. What is older than `patience` is told nobody.
    pub async fn spread_alarms(&self, webhooks: &[String], patience: Duration) -> Result<()> {
        let new = "select id, at from alarm_events where spread = 0 order by id limit 200";
        if Sql::new(new).one(&mut *self.read().await?).await?.is_none() {
            return Ok(());
        }
        let (now, mut tx) = (self.now(), self.begin().await?);
        let events = Sql::new(new).all(&mut tx).await?;
        let mut rows: Vec<[Arg; 6]> = Vec::new();
        for event in &events {
            let (id, until) = (event.str("id")?, now.saturating_add(millis(patience)));
            if event.int("at")?.saturating_add(millis(patience)) > now {
                rows.extend(webhooks.iter().map(|webhook| -> [Arg; 6] {
                    [Arg::from(&id), webhook.into(), Arg::from(0_i64), now.into(), until.into(), "waiting".into()]
                }));
            }
            Sql::new("update alarm_events set spread = 1 where id = $1").arg(&id).run(&mut tx).await?;
        }
        for chunk in rows.chunks(CHUNK) {
            Sql::new("insert into deliveries (event, webhook, attempts, next_at, until, state) values ")
                .rows(chunk.iter().cloned())
                .text(" on conflict (event, webhook) do nothing")
                .run(&mut tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Takes due deliveries of a webhook. For as long as `lease` nobody else tries them.
    pub async fn take_deliveries(&self, webhook: &str, lease: Duration, rows: usize) -> Result<Vec<Delivery>> {
        let now = self.now();
        let due =
            "select event from deliveries where webhook = $1 and state = 'waiting' and next_at <= $2 order by next_at, event";
        let look = Sql::new(&format!("{due} limit 1")).arg(webhook).arg(now);
        if look.one(&mut *self.read().await?).await?.is_none() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let text = format!(
            "update deliveries set attempts = attempts + 1, next_at = $3 where webhook = $1 and state = 'waiting' and next_at <= $2
               and event in ({due} limit $4) returning event, attempts, until"
        );
        let sql = Sql::new(&text).arg(webhook).arg(now).arg(now.saturating_add(millis(lease))).arg(limit(rows));
        let mut deliveries = Vec::new();
        for row in sql.all(&mut tx).await? {
            deliveries.extend(delivery(&mut tx, webhook, &row).await?);
        }
        tx.commit().await?;
        deliveries.sort_by(|a, b| a.event.cmp(&b.event));
        Ok(deliveries)
    }

    /// The webhook has taken these.
    pub async fn delivered(&self, deliveries: &[Delivery]) -> Result<()> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        for delivery in deliveries {
            end(&mut tx, delivery, "done", None).await?;
        }
        Ok(tx.commit().await?)
    }

    /// It has not, and never will.
    pub async fn give_up_delivery(&self, delivery: &Delivery, detail: &str) -> Result<()> {
        self.end_delivery(delivery, "given_up", Some(detail)).await
    }

    /// It has not, and is to be tried again then.
    pub async fn delivery_failed(&self, delivery: &Delivery, next_at: Millis, detail: &str) -> Result<()> {
        let mut tx = self.begin_derived().await?;
        Sql::new("update deliveries set next_at = $1, detail = $2 where event = $3 and webhook = $4 and state = 'waiting'")
            .arg(next_at)
            .arg(detail)
            .arg(&delivery.event)
            .arg(&delivery.webhook)
            .run(&mut tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// How the deliveries of all webhooks stand.
    pub async fn webhooks(&self) -> Result<Vec<Webhooks>> {
        let sql = Sql::new(
            "select webhook, cast(sum(case when state = 'waiting' then 1 else 0 end) as bigint) as waiting,
               cast(sum(case when state = 'given_up' then 1 else 0 end) as bigint) as given_up
             from deliveries group by webhook order by webhook",
        );
        let rows = sql.all(&mut *self.read().await?).await?;
        rows.iter()
            .map(|row| {
                Ok(Webhooks { webhook: row.str("webhook")?, waiting: row.int("waiting")?, given_up: row.int("given_up")? })
            })
            .collect()
    }

    /// Forgets alarms that are over for as long, and what was told of them.
    pub async fn forget_alarms(&self, older_than: Duration) -> Result<()> {
        let before = self.now().saturating_sub(millis(older_than));
        let mut tx = self.begin_derived().await?;
        for text in [
            "delete from deliveries where event in (select id from alarm_events where at < $1)",
            "delete from alarm_events where at < $1 and spread = 1",
            "delete from alarms where cleared_at < $1",
        ] {
            Sql::new(text).arg(before).run(&mut tx).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn end_delivery(&self, delivery: &Delivery, state: &str, detail: Option<&str>) -> Result<()> {
        let mut tx = self.begin().await?;
        end(&mut tx, delivery, state, detail).await?;
        Ok(tx.commit().await?)
    }
}

async fn end(connection: &mut AnyConnection, delivery: &Delivery, state: &str, detail: Option<&str>) -> Result<()> {
    Sql::new("update deliveries set state = $1, detail = $2 where event = $3 and webhook = $4")
        .arg(state)
        .arg(detail)
        .arg(&delivery.event)
        .arg(&delivery.webhook)
        .run(connection)
        .await?;
    Ok(())
}

async fn delivery(connection: &mut AnyConnection, webhook: &str, row: &AnyRow) -> Result<Option<Delivery>> {
    let event = row.str("event")?;
    let alarm = Sql::new("select body, at from alarm_events where id = $1").arg(&event).one(connection).await?;
    let told = match alarm {
        Some(row) => Some((row.int("at")?, row.json("body")?)),
        None => hook::told(connection, &event).await?,
    };
    let Some((at, body)) = told else { return Ok(None) };
    Ok(Some(Delivery { event, webhook: webhook.to_owned(), at, body, attempts: row.int("attempts")?, until: row.int("until")? }))
}
