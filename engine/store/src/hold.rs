//! Holds that stand, and objects that an operator parked.

use entrain_model::{Hold, Kind, Millis, ObjectRef, RunId, TargetName};
use sqlx::AnyConnection;

use sqlx::any::AnyRow;

use crate::audit::Entry;
use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit, to_json};
use crate::{Result, Store, hook, queue};

/// A hold that stands.
#[derive(Clone, Debug, PartialEq)]
pub struct HoldRow {
    /// The target.
    pub target: TargetName,
    /// The object.
    pub object: ObjectRef,
    /// Why.
    pub hold: Hold,
    /// Since when, without a break.
    pub since: Millis,
    /// The run that said so last.
    pub run: RunId,
}

/// Which holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldFilter {
    /// Of this target.
    pub target: Option<TargetName>,
    /// Of objects of this kind.
    pub kind: Option<Kind>,
    /// For this reason.
    pub code: Option<String>,
}

impl Store {
    /// The next holds, by target, object and reason.
    pub async fn holds(&self, target: Option<&TargetName>, after: Option<&HoldRow>, rows: usize) -> Result<Vec<HoldRow>> {
        self.holds_page(&HoldFilter { target: target.cloned(), ..HoldFilter::default() }, after, rows).await
    }

    /// The next holds that pass, likewise.
    pub async fn holds_page(&self, filter: &HoldFilter, after: Option<&HoldRow>, rows: usize) -> Result<Vec<HoldRow>> {
        let [at, kind, id, code, about] = after.map(place).unwrap_or_default();
        let mut sql = Sql::new("select * from holds where (target, kind, id, code, about) > ($1, $2, $3, $4, $5)");
        sql = sql.arg(at).arg(kind).arg(id).arg(code).arg(about);
        if let Some(target) = &filter.target {
            sql = sql.bind(" and target = ", target);
        }
        if let Some(kind) = filter.kind {
            sql = sql.bind(" and kind = ", kind);
        }
        if let Some(code) = &filter.code {
            sql = sql.bind(" and code = ", code.as_str());
        }
        sql = sql.bind(" order by target, kind, id, code, about limit ", limit(rows));
        sql.all(&mut *self.read().await?).await?.iter().map(read).collect()
    }

    /// Adds holds. An object may have several, for instance one for each member it waits for.
    pub async fn put_holds(&self, target: &TargetName, run: &RunId, holds: &[(ObjectRef, Hold)]) -> Result<()> {
        if holds.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin_derived().await?;
        put(&mut tx, target, run, self.now(), holds).await?;
        Ok(tx.commit().await?)
    }

    /// Drops the holds of these objects.
    pub async fn clear_holds(&self, target: &TargetName, objects: &[ObjectRef]) -> Result<()> {
        if objects.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin_derived().await?;
        clear(&mut tx, target, objects).await?;
        Ok(tx.commit().await?)
    }

    /// Drops the holds of these objects that this run did not put: for after it has planned them.
    pub async fn prune_holds(&self, target: &TargetName, run: &RunId, objects: Option<&[ObjectRef]>) -> Result<()> {
        let stale = "select 1 as n from holds where target = $1 and run <> $2 limit 1";
        if Sql::new(stale).arg(target).arg(run).one(&mut *self.read().await?).await?.is_none() {
            return Ok(());
        }
        let delete = || Sql::new("delete from holds where target = $1 and run <> $2").arg(target).arg(run);
        let mut tx = self.begin_derived().await?;
        match objects {
            None => drop(delete().run(&mut tx).await?),
            Some(objects) => {
                for chunk in objects.chunks(CHUNK) {
                    delete()
                        .text(" and (kind, id) in (select * from (values ")
                        .objects(chunk)
                        .text(") as page)")
                        .run(&mut tx)
                        .await?;
                }
            }
        }
        Ok(tx.commit().await?)
    }

    /// Parks the objects of a run's plan, for a run that takes something back: nothing but itself may touch them until
    /// somebody unparks them.
    pub async fn park_planned(&self, target: &TargetName, run: &RunId, reason: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        Sql::new(
            "insert into parked (target, kind, id, reason, since)
             select $1, p.kind, p.id, $2, $3 from (select distinct kind, id from plan_lines where run = $4 and state = 'planned') p
             where true on conflict (target, kind, id) do nothing",
        )
        .arg(target)
        .arg(reason)
        .arg(self.now())
        .arg(run)
        .run(&mut tx)
        .await?;
        Sql::new(
            "update links set version = version + 1, run = $1 where target = $2 and exists (select 1 from plan_lines p
               where p.run = $1 and p.state = 'planned' and p.kind = links.kind and p.id = links.id)",
        )
        .arg(run)
        .arg(target)
        .run(&mut tx)
        .await?;
        self.record(&mut tx, Entry::act("take_back").target(target).run(run).after("reason", reason)).await?;
        Ok(tx.commit().await?)
    }

    /// Parks an object for this reason, or lets it go, and queues it. What was planned for it before is not carried out.
    pub async fn park(&self, target: &TargetName, object: &ObjectRef, reason: Option<&str>) -> Result<()> {
        let mut tx = self.begin().await?;
        let of = |text: &str| Sql::new(text).arg(target).arg(object.kind).arg(&object.id);
        let sql = match reason {
            Some(reason) => of("insert into parked (target, kind, id, reason, since) values ($1, $2, $3, $4, $5) \
                 on conflict (target, kind, id) do update set reason = excluded.reason")
            .arg(reason)
            .arg(self.now()),
            None => of("delete from parked where target = $1 and kind = $2 and id = $3"),
        };
        sql.run(&mut tx).await?;
        of("update links set version = version + 1, run = '' where target = $1 and kind = $2 and id = $3").run(&mut tx).await?;
        queue::enqueue(&mut tx, target, std::slice::from_ref(object), 0, self.now()).await?;
        let act = match reason {
            Some(reason) => Entry::act("park").after("reason", reason),
            None => Entry::act("unpark"),
        };
        self.record(&mut tx, act.target(target).object(object)).await?;
        tx.commit().await?;
        self.notify();
        Ok(())
    }
}

/// Adds holds within a transaction. What holds for the same reason already keeps its beginning.
pub(crate) async fn put(
    connection: &mut AnyConnection,
    target: &TargetName,
    run: &RunId,
    now: Millis,
    holds: &[(ObjectRef, Hold)],
) -> Result<()> {
    hook::note_held(connection, target, now, holds).await?;
    // One statement must not name a row twice: the last of equal holds counts.
    let distinct: std::collections::BTreeMap<_, _> =
        holds.iter().map(|(object, hold)| ((object, hold.code(), about(hold)), hold)).collect();
    let rows: Vec<_> = distinct.into_iter().collect();
    for chunk in rows.chunks(CHUNK) {
        let values = chunk
            .iter()
            .map(|((object, code, about), hold)| -> Result<[Arg; 8]> {
                Ok([
                    target.into(),
                    object.kind.into(),
                    (&object.id).into(),
                    (*code).into(),
                    about.into(),
                    to_json(hold)?.into(),
                    now.into(),
                    run.into(),
                ])
            })
            .collect::<Result<Vec<_>>>()?;
        Sql::new("insert into holds (target, kind, id, code, about, body, since, run) values ")
            .rows(values)
            .text(" on conflict (target, kind, id, code, about) do update set body = excluded.body, run = excluded.run")
            .run(connection)
            .await?;
    }
    Ok(())
}

/// Drops the holds of these objects within a transaction.
pub(crate) async fn clear(connection: &mut AnyConnection, target: &TargetName, objects: &[ObjectRef]) -> Result<()> {
    for chunk in objects.chunks(CHUNK) {
        Sql::new("delete from holds where target = $1 and (kind, id) in (select * from (values ")
            .arg(target)
            .objects(chunk)
            .text(") as page)")
            .run(connection)
            .await?;
    }
    Ok(())
}

/// What tells two holds of one object and one code apart.
fn about(hold: &Hold) -> String {
    match hold {
        Hold::WaitingFor(other) => other.to_string(),
        Hold::Rejected { attribute, .. } => attribute.clone().unwrap_or_default(),
        Hold::Conflict { attribute, .. } => attribute.clone(),
        Hold::Ambiguous { .. }
        | Hold::Protected { .. }
        | Hold::ProtectionUnread { .. }
        | Hold::LastAdministrator { .. }
        | Hold::OnPremisesMastered
        | Hold::Unwritable { .. }
        | Hold::ForeignAnchor { .. }
        | Hold::Settling
        | Hold::IncompleteRead
        | Hold::ChangedSince { .. }
        | Hold::Parked { .. }
        | Hold::Retained { .. }
        | Hold::Undelivered { .. }
        | Hold::Failed { .. } => String::new(),
    }
}

/// The key of a row, in the order of pages.
fn place(row: &HoldRow) -> [String; 5] {
    [row.target.as_str(), row.object.kind.as_str(), row.object.id.as_str(), row.hold.code(), &about(&row.hold)].map(str::to_owned)
}

pub(crate) fn read(row: &AnyRow) -> Result<HoldRow> {
    Ok(HoldRow {
        target: row.str("target")?.into(),
        object: row.object("")?,
        hold: row.json("body")?,
        since: row.int("since")?,
        run: row.str("run")?.into(),
    })
}
