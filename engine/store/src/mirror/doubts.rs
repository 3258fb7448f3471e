//! Records that one look showed otherwise than they were known.
//!
//! A look at a single record may reach a copy of the target that is behind, after an incremental read has told of the newer
//! state. The next incremental read says nothing more of it; so such a record is looked at again once every copy has caught up.

use std::collections::BTreeSet;

use entrain_model::{Kind, Millis, Observed, TargetId, TargetName};
use serde_json::Value as Json;
use sqlx::AnyConnection;

use super::image::{Image, is_unset};
use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit};
use crate::{Result, Store};

impl Store {
    /// Some of the records that were doubted up to a time, in the order of their ids.
    pub async fn doubted(&self, target: &TargetName, kind: Kind, until: Millis) -> Result<Vec<TargetId>> {
        let sql = Sql::new("select id from mirror_doubts where target = $1 and kind = $2 and since <= $3 order by id limit $4");
        let rows = sql.arg(target).arg(kind).arg(until).arg(limit(CHUNK)).all(&mut *self.read().await?).await?;
        rows.iter().map(|row| row.str("id").map(TargetId::from)).collect()
    }

    /// Ends doubts that arose up to a time.
    pub async fn end_doubts(&self, target: &TargetName, kind: Kind, ids: &[TargetId], until: Millis) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        for chunk in ids.chunks(CHUNK) {
            Sql::new("delete from mirror_doubts where target = $1 and kind = $2 and since <= $3 and id in (values ")
                .arg(target)
                .arg(kind)
                .arg(until)
                .rows(chunk.iter().map(|id| [Arg::from(id)]))
                .text(")")
                .run(&mut transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }
}

/// Whether a look at a record contradicts what is known of it. What was not known is no contradiction.
pub(super) fn contradicts(known: &Image, seen: &Observed) -> bool {
    let differ = |left: &Json, right: &Json| left != right && !(is_unset(left) && is_unset(right));
    known.condition != seen.condition
        || known.attributes.iter().any(|(name, value)| seen.attributes.get(name).is_some_and(|seen| differ(value, seen)))
}

pub(super) async fn note(
    connection: &mut AnyConnection,
    target: &TargetName,
    kind: Kind,
    ids: &BTreeSet<&TargetId>,
    at: Millis,
) -> Result<()> {
    for chunk in ids.iter().collect::<Vec<_>>().chunks(CHUNK) {
        Sql::new("insert into mirror_doubts (target, kind, id, since) values ")
            .rows(chunk.iter().map(|id| -> [Arg; 4] { [target.into(), kind.into(), (**id).into(), at.into()] }))
            .text(" on conflict (target, kind, id) do update set since = excluded.since")
            .run(connection)
            .await?;
    }
    Ok(())
}
