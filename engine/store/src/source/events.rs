//! The log of changes, for people and programs that follow it. The queue, not this log, is what drives a sync: on
//! PostgreSQL a transaction that ends late may add an event before one that was seen already.

use entrain_model::{Millis, ObjectRef};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sqlx::any::AnyRow;

use crate::sql::{Columns as _, Sql, limit};
use crate::{Result, Store};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The object is new.
    Created,
    /// The object differs.
    Updated,
    /// The object is gone; `row` is what it was.
    Deleted,
    /// The group has one more member or owner; `row` says which.
    MemberAdded,
    /// The group has one less; `row` says which.
    MemberRemoved,
}

impl ChangeKind {
    /// The word that is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Created => "created",
            ChangeKind::Updated => "updated",
            ChangeKind::Deleted => "deleted",
            ChangeKind::MemberAdded => "member added",
            ChangeKind::MemberRemoved => "member removed",
        }
    }
}

/// One change of the source.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeEvent {
    /// Its place in the log.
    pub seq: i64,
    /// When.
    pub at: Millis,
    /// The object; for memberships the group.
    pub object: ObjectRef,
    /// What happened.
    pub change: ChangeKind,
    /// The row that is gone, or the membership, by column; `null` for the others.
    pub row: Json,
}

impl Store {
    /// The next changes after a place in the log; 0 is its beginning.
    pub async fn events(&self, after_seq: i64, rows: usize) -> Result<Vec<ChangeEvent>> {
        Sql::new("select seq, at, kind, id, op, body from change_events where seq > $1 order by seq limit $2")
            .arg(after_seq)
            .arg(limit(rows))
            .all(&mut *self.read().await?)
            .await?
            .iter()
            .map(read)
            .collect()
    }
}

/// A change as stored.
pub(crate) fn read(row: &AnyRow) -> Result<ChangeEvent> {
    Ok(ChangeEvent {
        seq: row.int("seq")?,
        at: row.int("at")?,
        object: row.object("")?,
        change: row.word("op")?,
        row: row.opt_json("body")?.unwrap_or_default(),
    })
}
