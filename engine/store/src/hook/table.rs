//! Which hooks there are. Their secrets are sealed elsewhere; here are only the names of those.

use std::collections::BTreeSet;

use entrain_model::Millis;
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::audit::Entry;
use crate::sql::{Columns as _, Sql, to_json};
use crate::{Result, Store, StoreError};

/// Which way a hook goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HookSide {
    /// It tells us.
    Sender,
    /// It is told.
    Receiver,
}

impl HookSide {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            HookSide::Sender => "sender",
            HookSide::Receiver => "receiver",
        }
    }
}

/// A sender or a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Which way it goes.
    pub side: HookSide,
    /// Its name; no other of its side has it.
    pub name: String,
    /// Where a receiver listens.
    pub url: Option<String>,
    /// The types of events that a receiver wants; of none, all.
    pub events: BTreeSet<String>,
    /// The name of the sealed secret in use.
    pub secret: String,
    /// The one before it, and until when it is good.
    pub previous: Option<(String, Millis)>,
    /// When it was made.
    pub created_at: Millis,
    /// By whom.
    pub created_by: String,
}

impl Hook {
    /// The names of the secrets that are good now, the newest first.
    pub fn secrets(&self, now: Millis) -> impl Iterator<Item = &str> {
        let previous = self.previous.as_ref().filter(|(_, until)| *until > now).map(|(name, _)| name.as_str());
        std::iter::once(self.secret.as_str()).chain(previous)
    }

    /// Whether a receiver wants events of a type.
    pub fn wants(&self, event: &str) -> bool {
        self.events.is_empty() || self.events.contains(event)
    }
}

impl Store {
    /// Adds a hook.
    ///
    /// # Errors
    /// There is one of that name.
    pub async fn add_hook(
        &self,
        side: HookSide,
        name: &str,
        url: Option<&str>,
        events: &BTreeSet<String>,
        secret: &str,
    ) -> Result<()> {
        let mut transaction = self.begin().await?;
        let added = Sql::new("insert into hooks (side, name, url, events, secret, created_at, created_by) values ")
            .rows([[
                side.as_str().into(),
                name.into(),
                url.into(),
                to_json(events)?.into(),
                secret.into(),
                self.now().into(),
                (&*self.author().name).into(),
            ]])
            .text(" on conflict (side, name) do nothing")
            .run(&mut transaction)
            .await?;
        if added == 0 {
            return Err(StoreError::Conflict(format!("there is a {} called `{name}` already", side.as_str())));
        }
        let entry = Entry::act("hook_added").after("side", side.as_str()).after("name", name);
        self.record(&mut transaction, entry.after("url", url).after("events", to_json(events)?)).await?;
        Ok(transaction.commit().await?)
    }

    /// The hook of that name.
    pub async fn hook(&self, side: HookSide, name: &str) -> Result<Option<Hook>> {
        let sql = Sql::new("select * from hooks where side = $1 and name = $2").arg(side.as_str()).arg(name);
        sql.one(&mut *self.read().await?).await?.as_ref().map(read).transpose()
    }

    /// All of one side, by name. They are few: each was made by a person.
    pub async fn hooks(&self, side: HookSide) -> Result<Vec<Hook>> {
        of_side(&mut *self.read().await?, side).await
    }

    /// Gives a hook another secret; the one before it is good until then. Returns the hook as it was.
    ///
    /// # Errors
    /// There is none of that name.
    pub async fn rotate_hook(&self, side: HookSide, name: &str, secret: &str, until: Millis) -> Result<Hook> {
        let mut transaction = self.begin().await?;
        let sql = Sql::new(&format!("select * from hooks where side = $1 and name = $2{}", self.dialect().for_update()));
        let row = sql.arg(side.as_str()).arg(name).one(&mut transaction).await?;
        let before = read(&row.ok_or_else(|| missing(side, name))?)?;
        Sql::new("update hooks set secret = $1, previous = $2, previous_until = $3 where side = $4 and name = $5")
            .arg(secret)
            .arg(&before.secret)
            .arg(until)
            .arg(side.as_str())
            .arg(name)
            .run(&mut transaction)
            .await?;
        let entry = Entry::act("hook_rotated").after("side", side.as_str()).after("name", name);
        self.record(&mut transaction, entry.after("previous_until", until)).await?;
        transaction.commit().await?;
        Ok(before)
    }

    /// Removes a hook, and what a receiver was still to be told.
    ///
    /// # Errors
    /// There is none of that name.
    pub async fn remove_hook(&self, side: HookSide, name: &str) -> Result<Hook> {
        let mut transaction = self.begin().await?;
        let sql = Sql::new("delete from hooks where side = $1 and name = $2 returning *").arg(side.as_str()).arg(name);
        let row = sql.one(&mut transaction).await?;
        let hook = read(&row.ok_or_else(|| missing(side, name))?)?;
        match side {
            HookSide::Sender => Sql::new("delete from hook_messages where sender = $1").arg(name).run(&mut transaction).await?,
            HookSide::Receiver => {
                let sql = Sql::new("delete from deliveries where webhook = $1").arg(hook.delivered_as());
                sql.run(&mut transaction).await?
            }
        };
        let entry = Entry::act("hook_removed").before("side", side.as_str()).before("name", name);
        self.record(&mut transaction, entry.before("url", hook.url.as_deref())).await?;
        transaction.commit().await?;
        Ok(hook)
    }
}

impl Hook {
    /// Under which name its deliveries stand beside those of alarms.
    pub fn delivered_as(&self) -> String {
        format!("hook:{}", self.name)
    }
}

pub(super) async fn of_side(connection: &mut AnyConnection, side: HookSide) -> Result<Vec<Hook>> {
    let sql = Sql::new("select * from hooks where side = $1 order by name").arg(side.as_str());
    sql.all(connection).await?.iter().map(read).collect()
}

fn missing(side: HookSide, name: &str) -> StoreError {
    StoreError::Conflict(format!(
        "there is no {} called `{name}`; `entrain hook {} list` shows them",
        side.as_str(),
        side.as_str()
    ))
}

fn read(row: &AnyRow) -> Result<Hook> {
    let previous = row.opt_str("previous")?.zip(row.opt_int("previous_until")?);
    Ok(Hook {
        side: row.word("side")?,
        name: row.str("name")?,
        url: row.opt_str("url")?,
        events: row.json("events")?,
        secret: row.str("secret")?,
        previous,
        created_at: row.int("created_at")?,
        created_by: row.str("created_by")?,
    })
}
