//! The queue: one row per target and object that is to be looked at, with a version that counts its changes.

use std::collections::BTreeSet;
use std::time::Duration;

use entrain_model::{Millis, ObjectRef, TargetName};
use sqlx::AnyConnection;

use crate::lease::{TOO_LONG, give_back, millis};
use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit};
use crate::{Result, Store};

/// An object that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub object: ObjectRef,
    /// Version of its row; it is removed only if this has not moved.
    pub version: i64,
    /// How often it was put back.
    pub attempts: i64,
    /// When its first change was made that no sync covers yet.
    pub first_at: Millis,
}

/// Whose rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Users that are gone from the source, or not active there: each waits to lose its access.
    Leavers,
    /// All other objects.
    Others,
}

impl Who {
    /// As a condition on the rows of `queue q`.
    fn condition(self) -> String {
        match self {
            Who::Leavers => format!("and {LEAVER}"),
            Who::Others => format!("and not {LEAVER}"),
        }
    }
}

const LEAVER: &str =
    "(q.kind = 'user' and (exists (select 1 from source_versions s where s.kind = q.kind and s.id = q.id and s.present = 0)
       or exists (select 1 from users u where u.id = q.id and u.active = 0)))";

/// Which rows are due.
#[derive(Clone, Copy, Debug)]
pub struct DueRule {
    /// Whose.
    pub of: Who,
    /// A row that has been quiet for so long.
    pub quiet: Duration,
    /// A row that has waited for so long, quiet or not.
    pub at_most: Duration,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// All rows.
    pub rows: i64,
    /// Rows that may be taken now.
    pub due: i64,
    /// Since when the oldest waits.
    pub oldest: Option<Millis>,
    /// Rows whose object is gone from the source.
    pub removals: i64,
}

impl Store {
    /// Takes due rows and leases their objects. A row that comes from the future (a clock was set back) is due.
    pub async fn lease_due(
        &self,
        target: &TargetName,
        holder: &str,
        rows: usize,
        rule: DueRule,
        lease: Duration,
    ) -> Result<Vec<Due>> {
        let (due, whose) = (DueAt::new(self.now(), rule.quiet, rule.at_most), rule.of.condition());
        let look = due.args(Sql::new(&format!("select 1 as n from queue q where {DUE} {whose} limit 1")), target);
        if look.one(&mut *self.read().await?).await?.is_none() {
            return Ok(Vec::new());
        }
        let mut transaction = self.begin_derived().await?;
        // Leases are taken in the order of kind and id by everybody, so that no two wait for each other.
        let text = format!(
            "insert into leases (target, kind, id, holder, until)
             select target, kind, id, $6, $7 from (
               select q.target, q.kind, q.id from queue q where {DUE} {whose}
               order by q.first_at, q.kind, q.id limit $8) as due
             where true order by kind desc, id
             on conflict (target, kind, id) do update set holder = excluded.holder, until = excluded.until
               where leases.until < $2 or leases.until > $9
             returning kind, id"
        );
        let sql = due.args(Sql::new(&text), target).arg(holder).arg(due.now + millis(lease)).arg(limit(rows));
        let sql = sql.arg(due.now + TOO_LONG);
        let leased = sql.all(&mut transaction).await?.iter().map(|row| row.object("")).collect::<Result<Vec<_>>>()?;
        let taken = self.taken(&mut transaction, target, &leased).await?;
        // Another holder may have ended the row between the two statements.
        let ended: Vec<ObjectRef> = leased.into_iter().filter(|object| !taken.iter().any(|due| due.object == *object)).collect();
        give_back(&mut transaction, target, holder, &ended).await?;
        transaction.commit().await?;
        Ok(taken)
    }

    async fn taken(&self, connection: &mut AnyConnection, target: &TargetName, leased: &[ObjectRef]) -> Result<Vec<Due>> {
        let mut taken = Vec::with_capacity(leased.len());
        for chunk in leased.chunks(CHUNK) {
            let rows =
                Sql::new("select kind, id, version, attempts, first_at from queue where target = $1 and (kind, id) in (select * from (values ")
                    .arg(target)
                    .objects(chunk)
                    .text(") as page)")
                    .all(connection)
                    .await?;
            for row in &rows {
                taken.push(Due {
                    object: row.object("")?,
                    version: row.int("version")?,
                    attempts: row.int("attempts")?,
                    first_at: row.int("first_at")?,
                });
            }
        }
        taken.sort_by(|a: &Due, b| (a.first_at, &a.object).cmp(&(b.first_at, &b.object)));
        Ok(taken)
    }

    /// When the next row may be due by the same rule as for `lease_due`; in the past if one is. Rows that somebody has
    /// leased do not count until their lease ends.
    pub async fn next_due(&self, target: &TargetName, rule: DueRule) -> Result<Option<Millis>> {
        let row = Sql::new(&format!(
            "select min(case when ready < not_before then case when not_before < until then until else not_before end
                             when ready < until then until else ready end) as n
             from (select case when q.changed_at > $2 then 0
                            when q.changed_at + $3 < q.first_at + $4 then q.changed_at + $3 else q.first_at + $4 end as ready,
                     case when q.not_before > $5 then 0 else q.not_before end as not_before,
                     case when l.until > $6 then 0 else coalesce(l.until + 1, 0) end as until
                   from queue q left join leases l on l.target = q.target and l.kind = q.kind and l.id = q.id
                   where q.target = $1 {}) as waiting",
            rule.of.condition()
        ))
        .arg(target)
        .arg(self.now() + FUTURE)
        .arg(millis(rule.quiet))
        .arg(millis(rule.at_most))
        .arg(self.now() + LONGEST_WAIT)
        .arg(self.now() + TOO_LONG)
        .one(&mut *self.read().await?)
        .await?;
        row.map_or(Ok(None), |row| row.opt_int("n"))
    }

    /// Removes rows whose version is still this.
    pub async fn done(&self, target: &TargetName, rows: &[(ObjectRef, i64)]) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        for chunk in rows.chunks(CHUNK) {
            Sql::new("delete from queue where target = $1 and (kind, id, version) in (select * from (values ")
                .arg(target)
                .rows(chunk.iter().map(versioned))
                .text(") as page)")
                .run(&mut transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Puts rows back whose version is still this; a row that moved on is due by itself.
    pub async fn retry_later(
        &self,
        target: &TargetName,
        rows: &[(ObjectRef, i64)],
        not_before: Millis,
        error: &str,
    ) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        for chunk in rows.chunks(CHUNK) {
            Sql::new(
                "update queue set attempts = attempts + 1, not_before = $2, error = $3
                 where target = $1 and (kind, id, version) in (select * from (values ",
            )
            .arg(target)
            .arg(not_before)
            .arg(error)
            .rows(chunk.iter().map(versioned))
            .text(") as page)")
            .run(&mut transaction)
            .await?;
        }
        transaction.commit().await?;
        self.notify();
        Ok(())
    }

    /// Asks for these objects to be looked at, without the quiet time.
    pub async fn enqueue(&self, target: &TargetName, objects: &[ObjectRef], not_before: Millis) -> Result<()> {
        let mut transaction = self.begin().await?;
        enqueue(&mut transaction, target, objects, not_before, self.now()).await?;
        transaction.commit().await?;
        self.notify();
        Ok(())
    }

    /// How much waits.
    pub async fn queue_depth(&self, target: &TargetName) -> Result<QueueDepth> {
        let row = Sql::new(
            "select count(*) as rows, cast(coalesce(sum(case when q.not_before <= $2 then 1 else 0 end), 0) as bigint) as due,
               min(q.first_at) as oldest,
               cast(coalesce(sum(case when v.present = 1 then 0 else 1 end), 0) as bigint) as removals
             from queue q left join source_versions v on v.kind = q.kind and v.id = q.id where q.target = $1",
        )
        .arg(target)
        .arg(self.now())
        .one(&mut *self.read().await?)
        .await?;
        let Some(row) = row else { return Ok(QueueDepth::default()) };
        Ok(QueueDepth {
            rows: row.int("rows")?,
            due: row.int("due")?,
            oldest: row.opt_int("oldest")?,
            removals: row.int("removals")?,
        })
    }
}

/// A row whose change lies further in the future than this comes from a clock that was set back.
const FUTURE: Millis = 1_000;

/// No row waits for longer than this: one that would was put back before a clock was set back.
const LONGEST_WAIT: Millis = 6 * 3_600_000;

/// A row of `queue q` that may be taken, unless a lease that can be true keeps it (see [`TOO_LONG`], [`LONGEST_WAIT`]): `$1` target, `$2` now, `$3` quiet since, `$4` waiting since, `$5` not later.
const DUE: &str = "q.target = $1 and (q.not_before <= $2 or q.not_before > $2 + 21600000) and (q.changed_at <= $3 or q.first_at <= $4 or q.changed_at > $5)
     and not exists (select 1 from leases l where l.target = q.target and l.kind = q.kind and l.id = q.id
       and l.until >= $2 and l.until <= $2 + 600000)";

/// The times of `DUE`.
struct DueAt {
    now: Millis,
    quiet_since: Millis,
    waiting_since: Millis,
}

impl DueAt {
    fn new(now: Millis, quiet: Duration, at_most: Duration) -> Self {
        Self { now, quiet_since: now - millis(quiet), waiting_since: now - millis(at_most) }
    }

    fn args(&self, sql: Sql, target: &TargetName) -> Sql {
        sql.arg(target).arg(self.now).arg(self.quiet_since).arg(self.waiting_since).arg(self.now + FUTURE)
    }
}

/// Queues objects in the order of kind and id, as everybody does.
pub(crate) async fn enqueue(
    connection: &mut AnyConnection,
    target: &TargetName,
    objects: &[ObjectRef],
    not_before: Millis,
    now: Millis,
) -> Result<()> {
    let objects: Vec<&ObjectRef> = objects.iter().collect::<BTreeSet<_>>().into_iter().collect();
    for chunk in objects.chunks(CHUNK) {
        Sql::new("with page (kind, id) as (values ")
            .arg(target)
            .arg(now)
            .arg(not_before)
            .objects(chunk.iter().copied())
            .text(
                ") insert into queue (target, kind, id, version, first_at, changed_at, not_before, attempts)
                 select $1, page.kind, page.id, 1, $2, $2, $3, 0 from page where true
                 on conflict (target, kind, id) do update set version = queue.version + 1,
                   changed_at = excluded.changed_at, not_before = excluded.not_before",
            )
            .run(connection)
            .await?;
    }
    Ok(())
}

fn versioned((object, version): &(ObjectRef, i64)) -> [Arg; 3] {
    [object.kind.into(), (&object.id).into(), (*version).into()]
}
