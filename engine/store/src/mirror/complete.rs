//! The end of a read: what a proof allows to conclude.

use std::collections::BTreeSet;

use entrain_model::{Cursor, Kind, Millis, Proof, TargetId, TargetName};
use sqlx::AnyConnection;

use super::{drop_references, moves};
use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit, to_json};
use crate::{Result, Store};

/// Where the next incremental read begins.
#[derive(Clone, Debug, PartialEq)]
pub struct MirrorCursor {
    /// The directory's own mark.
    pub cursor: Cursor,
    /// The attributes that all records were read with.
    pub attributes: BTreeSet<String>,
    /// When everything was last read.
    pub full_at: Millis,
}

impl Store {
    /// Ends a read with its proof: after a full read, live records and references that it did not see are gone.
    pub async fn complete_mirror(
        &self,
        target: &TargetName,
        kind: Kind,
        proof: &Proof,
        attributes: &BTreeSet<String>,
        generation: i64,
    ) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        if !proof.incremental() {
            moves::note_unseen(&mut transaction, target, kind, generation).await?;
            Sql::new("delete from mirror_refs where target = $1 and kind = $2 and generation < $3")
                .arg(target)
                .arg(kind)
                .arg(generation)
                .run(&mut transaction)
                .await?;
            lose_unseen(&mut transaction, target, kind, "live", generation).await?;
        }
        drop_gone(&mut transaction, target, kind).await?;
        Sql::new(
            "insert into mirror_kinds (target, kind, anchor, keys, cursor, attributes, full_at) values ($1, $2, '', '[]', $3, $4, $5)
             on conflict (target, kind) do update set cursor = excluded.cursor, attributes = excluded.attributes,
               full_at = coalesce(excluded.full_at, mirror_kinds.full_at)",
        )
        .arg(target)
        .arg(kind)
        .arg(proof.cursor().map(|cursor| cursor.0.as_str()))
        .arg(to_json(attributes)?)
        .arg((!proof.incremental()).then(|| self.now()))
        .run(&mut transaction)
        .await?;
        Ok(transaction.commit().await?)
    }

    /// How many live records of a kind this read has seen.
    pub async fn seen(&self, target: &TargetName, kind: Kind, generation: i64) -> Result<u64> {
        let sql = Sql::new(
            "select count(*) as n from mirror where target = $1 and kind = $2 and condition = 'live' and generation >= $3",
        );
        let seen = sql.arg(target).arg(kind).arg(generation).number(&mut *self.read().await?).await?;
        Ok(u64::try_from(seen).unwrap_or(0))
    }

    /// Ends a read of the recycle bin: deleted records that it did not see are gone for good.
    pub async fn complete_recycle_bin(&self, target: &TargetName, kind: Kind, _proof: &Proof, generation: i64) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        lose_unseen(&mut transaction, target, kind, "deleted", generation).await?;
        drop_gone(&mut transaction, target, kind).await?;
        Ok(transaction.commit().await?)
    }

    /// Where the next incremental read begins, if it can.
    pub async fn mirror_cursor(&self, target: &TargetName, kind: Kind) -> Result<Option<MirrorCursor>> {
        let row = Sql::new(
            "select cursor, attributes, full_at from mirror_kinds
             where target = $1 and kind = $2 and cursor is not null and full_at is not null",
        )
        .arg(target)
        .arg(kind)
        .one(&mut *self.read().await?)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(MirrorCursor {
            cursor: Cursor(row.str("cursor")?),
            attributes: row.json("attributes")?,
            full_at: row.int("full_at")?,
        }))
    }

    /// Makes the next read a full one.
    pub async fn forget_cursor(&self, target: &TargetName, kind: Kind) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        Sql::new("update mirror_kinds set cursor = null where target = $1 and kind = $2")
            .arg(target)
            .arg(kind)
            .run(&mut transaction)
            .await?;
        Ok(transaction.commit().await?)
    }
}

/// Records of this condition that were last seen before the generation are gone, with their keys and references. They are
/// named page by page: PostgreSQL would compare every key with every unseen record.
async fn lose_unseen(
    connection: &mut AnyConnection,
    target: &TargetName,
    kind: Kind,
    condition: &str,
    generation: i64,
) -> Result<()> {
    loop {
        let unseen = Sql::new(
            "select id from mirror where target = $1 and kind = $2 and condition = $3 and generation < $4
             order by generation limit $5",
        );
        let rows = unseen.arg(target).arg(kind).arg(condition).arg(generation).arg(limit(CHUNK)).all(connection).await?;
        let ids = rows.iter().map(|row| row.str("id").map(TargetId::from)).collect::<Result<Vec<_>>>()?;
        if ids.is_empty() {
            return Ok(());
        }
        drop_references(connection, target, &ids.iter().collect::<Vec<_>>()).await?;
        for statement in ["delete from mirror_keys", "update mirror set condition = 'gone'"] {
            Sql::new(&format!("{statement} where target = $1 and kind = $2 and id in (values "))
                .arg(target)
                .arg(kind)
                .rows(ids.iter().map(|id| [Arg::from(id)]))
                .text(")")
                .run(connection)
                .await?;
        }
    }
}

/// A record that is gone is kept only as long as an object is linked to it.
async fn drop_gone(connection: &mut AnyConnection, target: &TargetName, kind: Kind) -> Result<()> {
    Sql::new(
        "delete from mirror where target = $1 and kind = $2 and condition = 'gone'
           and not exists (select 1 from links l where l.target = $1 and l.target_id = mirror.id)",
    )
    .arg(target)
    .arg(kind)
    .run(connection)
    .await?;
    Ok(())
}
