//! Objects that left although they have a record: since when, and which records an operator retains.

use std::collections::BTreeMap;

use entrain_model::{Millis, ObjectRef, TargetId, TargetName};
use sqlx::AnyConnection;

use crate::audit::Entry;
use crate::effect::{End, Outcome};
use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit};
use crate::{Result, Store, queue};

/// An object that left and has a record still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaverRow {
    /// Which.
    pub object: ObjectRef,
    /// Its record.
    pub record: TargetId,
    /// Whether the source has let it go, or it is only out of scope.
    pub deleted: bool,
    /// When it left.
    pub left_at: Millis,
    /// Why an operator retains its record, if one does.
    pub retained: Option<String>,
}

/// The object has left: the source has let it go, or the target shall not have it.
const GONE: &str = "(exists (select 1 from source_versions v where v.kind = lv.kind and v.id = lv.id and v.present = 0)
   or exists (select 1 from desired d where d.target = lv.target and d.kind = lv.kind and d.id = lv.id and d.state = 'out_of_scope'))";

impl Store {
    /// Notes that these objects have left: when the source says so, or now. Returns when each did.
    pub async fn note_left(
        &self,
        target: &TargetName,
        objects: &[ObjectRef],
        now: Millis,
    ) -> Result<BTreeMap<ObjectRef, Millis>> {
        let mut noted = BTreeMap::new();
        if objects.is_empty() {
            return Ok(noted);
        }
        let mut tx = self.begin_derived().await?;
        for chunk in objects.chunks(CHUNK) {
            let rows = Sql::new("with page (kind, id) as (values ")
                .arg(target)
                .arg(now)
                .objects(chunk)
                .text(
                    ") insert into leavers (target, kind, id, left_at, event)
                     select $1, page.kind, page.id, case when e.at < $2 then e.at else $2 end, coalesce(e.seq, 0)
                     from page left join change_events e on e.seq = (select max(x.seq) from change_events x
                       where x.kind = page.kind and x.id = page.id and x.op = 'deleted' and exists (select 1 from source_versions v
                         where v.kind = page.kind and v.id = page.id and v.present = 0))
                     where true
                     on conflict (target, kind, id) do update set left_at = excluded.left_at, event = excluded.event,
                       sessions_ended_at = null
                     returning kind, id, left_at",
                )
                .all(&mut tx)
                .await?;
            for row in &rows {
                noted.insert(row.object("")?, row.int("left_at")?);
            }
        }
        tx.commit().await?;
        Ok(noted)
    }

    /// Forgets of these objects, or of all, that they left, where they are back or have no record any more. Returns which.
    pub async fn forget_returned(&self, target: &TargetName, objects: Option<&[ObjectRef]>) -> Result<Vec<ObjectRef>> {
        let any = "select 1 as n from leavers where target = $1 limit 1";
        if Sql::new(any).arg(target).one(&mut *self.read().await?).await?.is_none() {
            return Ok(Vec::new());
        }
        let delete = || {
            Sql::new(
                "delete from leavers where target = $1 and (
                   not exists (select 1 from links l where l.target = $1 and l.kind = leavers.kind and l.id = leavers.id)
                   or exists (select 1 from source_versions v join desired d on d.target = $1 and d.kind = v.kind and d.id = v.id
                     where v.kind = leavers.kind and v.id = leavers.id and v.present = 1 and d.state = 'present'))",
            )
            .arg(target)
        };
        let mut tx = self.begin_derived().await?;
        let mut rows = Vec::new();
        match objects {
            None => rows = delete().text(" returning kind, id").all(&mut tx).await?,
            Some(objects) => {
                for chunk in objects.chunks(CHUNK) {
                    let sql = delete().text(" and (kind, id) in (select * from (values ").objects(chunk);
                    rows.extend(sql.text(") as page) returning kind, id").all(&mut tx).await?);
                }
            }
        }
        tx.commit().await?;
        rows.iter().map(|row| row.object("")).collect()
    }

    /// The next objects that left and have a record still, users first.
    pub async fn leavers(&self, target: &TargetName, after: Option<&ObjectRef>, rows: usize) -> Result<Vec<LeaverRow>> {
        let (kind, id) = after.map_or(("", ""), |after| (after.kind.as_str(), after.id.as_str()));
        // Users come before groups, against the alphabet.
        let text = format!(
            "select lv.kind as kind, lv.id as id, lv.left_at as left_at, l.target_id as record, rt.reason as retained,
               case when exists (select 1 from source_versions v where v.kind = lv.kind and v.id = lv.id and v.present = 0)
                 then 1 else 0 end as deleted
             from leavers lv
               join links l on l.target = lv.target and l.kind = lv.kind and l.id = lv.id
               left join retained rt on rt.target = lv.target and rt.kind = lv.kind and rt.id = lv.id
             where lv.target = $1 and ($2 = '' or lv.kind < $2 or (lv.kind = $2 and lv.id > $3)) and {GONE}
             order by lv.kind desc, lv.id limit $4"
        );
        let sql = Sql::new(&text).arg(target).arg(kind).arg(id).arg(limit(rows));
        sql.all(&mut *self.read().await?)
            .await?
            .iter()
            .map(|row| {
                Ok(LeaverRow {
                    object: row.object("")?,
                    record: row.str("record")?.into(),
                    deleted: row.int("deleted")? != 0,
                    left_at: row.int("left_at")?,
                    retained: row.opt_str("retained")?,
                })
            })
            .collect()
    }

    /// Retains the record of an object for this reason, also before it leaves, or lets it go. What was planned for it before
    /// is not carried out. Returns whether that changed anything.
    pub async fn retain(&self, target: &TargetName, object: &ObjectRef, reason: Option<&str>) -> Result<bool> {
        let mut tx = self.begin().await?;
        let of = |text: &str| Sql::new(text).arg(target).arg(object.kind).arg(&object.id);
        let sql = match reason {
            Some(reason) => of("insert into retained (target, kind, id, reason, since) values ($1, $2, $3, $4, $5)
                 on conflict (target, kind, id) do update set reason = excluded.reason")
            .arg(reason)
            .arg(self.now()),
            None => of("delete from retained where target = $1 and kind = $2 and id = $3"),
        };
        if sql.run(&mut tx).await? == 0 {
            return Ok(false);
        }
        of("update links set version = version + 1, run = '' where target = $1 and kind = $2 and id = $3").run(&mut tx).await?;
        queue::enqueue(&mut tx, target, std::slice::from_ref(object), 0, self.now()).await?;
        let act = match reason {
            Some(reason) => Entry::act("retain").after("reason", reason),
            None => Entry::act("release"),
        };
        self.record(&mut tx, act.target(target).object(object)).await?;
        tx.commit().await?;
        self.notify();
        Ok(true)
    }

    /// The linked groups whose records have these as members.
    pub async fn groups_having(&self, target: &TargetName, records: &[TargetId]) -> Result<Vec<ObjectRef>> {
        let mut groups = std::collections::BTreeSet::new();
        for chunk in records.chunks(CHUNK) {
            let sql = Sql::new(
                "select distinct l.kind as kind, l.id as id from mirror_refs r join links l on l.target = r.target and l.target_id = r.id
                 where r.target = $1 and r.relation = 'member' and l.kind = 'group' and r.to_id <> '' and r.to_id in (values ",
            );
            for row in
                sql.arg(target).rows(chunk.iter().map(|id| [Arg::from(id)])).text(")").all(&mut *self.read().await?).await?
            {
                groups.insert(row.object("")?);
            }
        }
        Ok(groups.into_iter().collect())
    }
}

/// Notes the leavers whose sessions these calls have revoked.
pub(crate) async fn sessions_ended(connection: &mut AnyConnection, target: &TargetName, ends: &[End], now: Millis) -> Result<()> {
    let done = |end: &&End| end.ends_sessions && matches!(end.outcome, Outcome::Done { .. });
    let ended: Vec<&ObjectRef> = ends.iter().filter(done).map(|end| &end.object).collect();
    for chunk in ended.chunks(CHUNK) {
        Sql::new("update leavers set sessions_ended_at = $2 where target = $1 and (kind, id) in (select * from (values ")
            .arg(target)
            .arg(now)
            .objects(chunk.iter().copied())
            .text(") as page)")
            .run(connection)
            .await?;
    }
    Ok(())
}
