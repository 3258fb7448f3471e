//! What the guard counts: the counted changes of a plan, and what was let through of late.

use std::collections::BTreeSet;

use entrain_model::{Counted, Kind, Limit, Millis, ObjectRef, Operation, RunId, SourceId, TargetName};
use serde::Serialize;
use sqlx::AnyConnection;

use crate::plan::PlanLine;
use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit, to_word};
use crate::{Result, Store};

const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;

/// How much of one sort of change nobody approved, in a plan and, together with it, of late.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GuardCount {
    /// The sort.
    pub operation: Operation,
    /// Of which kind of object.
    pub kind: Kind,
    /// The attribute of a change of an attribute; the group in counts by group; empty otherwise.
    pub about: String,
    /// In the plan.
    pub run: u64,
    /// With what was let through within the last sixty minutes.
    pub hour: u64,
    /// With what was let through within the last 24 hours.
    pub day: u64,
    /// In counts by group: how many references the group has.
    pub references: u64,
}

/// Which groups a limit for each group is about.
#[derive(Clone, Copy, Debug)]
pub enum GuardedGroups<'a> {
    /// This one, which has a limit of its own.
    One(&'a SourceId),
    /// All that have none.
    AllBut(&'a [SourceId]),
}

/// The window of the guard at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowMark(i64);

/// What was let through since `$3` and is not part of the plan of run `$2` itself.
const LET_THROUGH: &str = "from guarded g where g.target = $1 and g.at >= $3 and not exists (select 1 from plan_counted p
  where p.run = $2 and p.kind = g.kind and p.id = g.id and p.operation = g.operation and p.about = g.about)";

/// Changes of attributes are counted attribute by attribute.
const ABOUT: &str = "case when operation in ('change', 'clear') then about else '' end";

impl Store {
    /// Counts what the run would do that nobody approved, by sort, kind and attribute, and where the window stands.
    pub async fn guard_counts(&self, target: &TargetName, run: &RunId) -> Result<(Vec<GuardCount>, WindowMark)> {
        let mut connection = self.read().await?;
        let mark = Sql::new("select guard_mark as n from targets where name = $1").arg(target).number(&mut connection).await?;
        let planned = Sql::new(&format!(
            "select operation, kind, {ABOUT} as about, count(*) as n from plan_counted where run = $1 and approved = 0
             group by operation, kind, {ABOUT} order by operation, kind, about"
        ));
        let mut counts = Vec::new();
        for row in planned.arg(run).all(&mut connection).await? {
            let n = row.count("n")?;
            let (operation, kind) = (row.word("operation")?, row.word("kind")?);
            counts.push(GuardCount { operation, kind, about: row.str("about")?, run: n, hour: n, day: n, references: 0 });
        }
        if counts.is_empty() {
            return Ok((counts, WindowMark(mark)));
        }
        for since in [HOUR, DAY] {
            let text = format!(
                "select operation, kind, {ABOUT} as about, count(*) as n {LET_THROUGH} group by operation, kind, {ABOUT}"
            );
            let sql = Sql::new(&text).arg(target).arg(run).arg(self.now().saturating_sub(since));
            for row in sql.all(&mut connection).await? {
                let key: (Operation, Kind, String) = (row.word("operation")?, row.word("kind")?, row.str("about")?);
                let n = row.count("n")?;
                let same = counts.iter_mut().find(|count| (count.operation, count.kind, &count.about) == (key.0, key.1, &key.2));
                if let Some(count) = same {
                    *if since == HOUR { &mut count.hour } else { &mut count.day } += n;
                }
            }
        }
        Ok((counts, WindowMark(mark)))
    }

    /// The groups whose references the run would change in more cases than these limits allow even of an empty group.
    pub async fn guard_groups(
        &self,
        target: &TargetName,
        run: &RunId,
        operation: Operation,
        limits: [&Limit; 3],
        which: GuardedGroups<'_>,
        rows: usize,
    ) -> Result<Vec<GuardCount>> {
        let word = operation.as_str();
        let window = |since: &str| {
            format!(
                "(select count(*) from guarded g where g.target = $1 and g.operation = '{word}' and g.kind = 'group'
                   and g.id = c.id and g.at >= {since} and not exists (select 1 from plan_counted p where p.run = $2
                     and p.kind = g.kind and p.id = g.id and p.operation = g.operation and p.about = g.about))"
            )
        };
        let text = format!(
            "select id, n, n + before_hour as hour, n + before_day as day, held from (
               select c.id, count(*) as n, {} as before_hour, {} as before_day,
                 (select count(*) from links l join mirror_refs m on m.target = l.target and m.id = l.target_id
                   where l.target = $1 and l.kind = 'group' and l.id = c.id) as held
               from plan_counted c where c.run = $2 and c.approved = 0 and c.operation = '{word}' and c.kind = 'group'",
            window("$3"),
            window("$4")
        );
        let [least_run, least_hour, least_day] = limits.map(|limit| i64::try_from(limit.allowed(0)).unwrap_or(i64::MAX));
        let now = self.now();
        let sql = Sql::new(&text).arg(target).arg(run).arg(now.saturating_sub(HOUR)).arg(now.saturating_sub(DAY));
        let sql = match which {
            GuardedGroups::One(id) => sql.bind(" and c.id = ", id),
            GuardedGroups::AllBut(ids) => ids.iter().fold(sql, |sql, id| sql.bind(" and c.id <> ", id)),
        };
        let sql = sql.bind(" group by c.id) as groups_of_run where n > ", least_run);
        let sql = sql.bind(" or n + before_hour > ", least_hour).bind(" or n + before_day > ", least_day);
        let sql = sql.bind(" order by n desc, id limit ", limit(rows));
        let mut counts = Vec::new();
        for row in sql.all(&mut *self.read().await?).await? {
            counts.push(GuardCount {
                operation,
                kind: Kind::Group,
                about: row.str("id")?,
                run: row.count("n")?,
                hour: row.count("hour")?,
                day: row.count("day")?,
                references: row.count("held")?,
            });
        }
        Ok(counts)
    }

    /// Takes what the run will do into the window, unless the window has moved since it was looked at.
    pub async fn guard_pass(&self, target: &TargetName, run: &RunId, seen: WindowMark) -> Result<bool> {
        let mut tx = self.begin_derived().await?;
        let moved = Sql::new("update targets set guard_mark = guard_mark + 1 where name = $1 and guard_mark = $2")
            .arg(target)
            .arg(seen.0)
            .run(&mut tx)
            .await?;
        if moved == 0 {
            return Ok(false);
        }
        let now = self.now();
        Sql::new(
            "insert into guarded (target, operation, kind, id, about, at, run)
             select $1, operation, kind, id, about, $2, run from plan_counted where run = $3 and approved = 0
             on conflict (target, operation, kind, id, about) do update set at = excluded.at, run = excluded.run",
        )
        .arg(target)
        .arg(now)
        .arg(run)
        .run(&mut tx)
        .await?;
        Sql::new("delete from guarded where target = $1 and at < $2")
            .arg(target)
            .arg(now.saturating_sub(DAY))
            .run(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The lines of a plan that the guard counts and nobody approved, by their place in it.
    pub async fn guarded_lines(&self, run: &RunId, after_seq: i64, rows: usize) -> Result<Vec<PlanLine>> {
        let sql =
            Sql::new("select distinct seq from plan_counted where run = $1 and seq > $2 and approved = 0 order by seq limit $3");
        let found = sql.arg(run).arg(after_seq).arg(limit(rows)).all(&mut *self.read().await?).await?;
        let seqs = found.iter().map(|row| row.int("seq")).collect::<Result<Vec<_>>>()?;
        self.lines(run, &seqs).await
    }

    /// Takes out of a plan's count what is of no such sort: it is within its limits, and needs nobody's approval.
    pub async fn uncount_others(&self, run: &RunId, sorts: &BTreeSet<Operation>) -> Result<()> {
        let mut tx = self.begin_derived().await?;
        Sql::new("delete from plan_counted where run = $1 and approved = 0 and operation not in (values ")
            .arg(run)
            .rows(sorts.iter().map(|sort| [Arg::from(sort.as_str())]))
            .text(")")
            .run(&mut tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Which of these objects have a change in the plan that the guard counts and nobody approved.
    pub async fn guarded_objects(&self, run: &RunId, objects: &BTreeSet<ObjectRef>) -> Result<BTreeSet<ObjectRef>> {
        self.counted_among(run, objects, "").await
    }

    /// The same, of which more is so: a condition on `plan_counted c`, whose run is `$1`.
    pub(crate) async fn counted_among(
        &self,
        run: &RunId,
        objects: &BTreeSet<ObjectRef>,
        more: &str,
    ) -> Result<BTreeSet<ObjectRef>> {
        let (mut found, objects) = (BTreeSet::new(), objects.iter().collect::<Vec<_>>());
        let text = format!(
            "select distinct c.kind as kind, c.id as id from plan_counted c where c.run = $1 and c.approved = 0 {more}
               and (c.kind, c.id) in (select * from (values "
        );
        for chunk in objects.chunks(CHUNK) {
            let sql = Sql::new(&text).arg(run).objects(chunk.iter().copied()).text(") as page)");
            for row in sql.all(&mut *self.read().await?).await? {
                found.insert(row.object("")?);
            }
        }
        Ok(found)
    }
}

/// Keeps what a plan's lines are counted as, within a transaction.
pub(crate) async fn put(connection: &mut AnyConnection, run: &RunId, counted: &[(i64, &ObjectRef, &Counted)]) -> Result<()> {
    for chunk in counted.chunks(CHUNK) {
        let rows = chunk
            .iter()
            .map(|(seq, object, counted)| -> Result<[Arg; 8]> {
                Ok([
                    run.into(),
                    (*seq).into(),
                    to_word(&counted.operation)?.into(),
                    (&counted.about).into(),
                    object.kind.into(),
                    (&object.id).into(),
                    (&counted.fingerprint).into(),
                    0_i64.into(),
                ])
            })
            .collect::<Result<Vec<_>>>()?;
        Sql::new("insert into plan_counted (run, seq, operation, about, kind, id, fingerprint, approved) values ")
            .rows(rows)
            .text(" on conflict do nothing")
            .run(connection)
            .await?;
    }
    Ok(())
}
