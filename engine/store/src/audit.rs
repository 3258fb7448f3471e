//! What was changed in a target, kept for auditors.

use entrain_model::{Millis, ObjectRef, RunId, TargetName};
use serde_json::Value as Json;

use sqlx::any::AnyRow;

use crate::sql::{Columns as _, Sql, limit};
use crate::{Result, Store};

/// The two sides of a change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Audit {
    /// What was known before; `null` if nothing.
    pub before: Json,
    /// What was sent; never a secret.
    pub after: Json,
}

/// A kept change.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// Its place.
    pub seq: i64,
    /// When its outcome was recorded.
    pub at: Millis,
    /// The target.
    pub target: TargetName,
    /// The run.
    pub run: RunId,
    /// The line of its plan.
    pub line: i64,
    /// Whose record.
    pub object: ObjectRef,
    /// The word of the action.
    pub action: String,
    /// The word of the outcome: `done`, `unknown`, `refused`, `retry` or, from recovery, `settled_done` and `settled_not_done`.
    pub outcome: String,
    /// The two sides.
    pub audit: Audit,
    /// The target's own id of the request.
    pub request_id: Option<String>,
}

impl Store {
    /// The next kept changes after a place.
    pub async fn audit(&self, target: Option<&TargetName>, after_seq: i64, rows: usize) -> Result<Vec<AuditRow>> {
        let sql = match target {
            Some(target) => Sql::new("select * from audit where target = $1 and seq > $2 order by seq limit $3").arg(target),
            None => Sql::new("select * from audit where seq > $1 order by seq limit $2"),
        };
        sql.arg(after_seq).arg(limit(rows)).all(&mut *self.read().await?).await?.iter().map(read).collect()
    }
}

fn read(row: &AnyRow) -> Result<AuditRow> {
    Ok(AuditRow {
        seq: row.int("seq")?,
        at: row.int("at")?,
        target: row.str("target")?.into(),
        run: row.str("run")?.into(),
        line: row.int("line")?,
        object: row.object("")?,
        action: row.str("action")?,
        outcome: row.str("outcome")?,
        audit: Audit { before: row.json("before")?, after: row.json("after")? },
        request_id: row.opt_str("request_id")?,
    })
}
