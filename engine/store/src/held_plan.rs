//! What a held plan waits for, and what it keeps nobody from.

use std::collections::BTreeSet;

use entrain_model::{ObjectRef, Phase, RunId, TargetName};

use crate::queue::enqueue;
use crate::run::EVERYTHING;
use crate::sql::{Columns as _, Sql};
use crate::{Result, Store};

/// The row `h` of another held plan of the target `$2` is about the same change as the row `c` of the plan `$1`.
const SAME: &str = "h.kind = c.kind and h.id = c.id and h.operation = c.operation and h.about = c.about
               and h.run <> $1 and r.target = $2 and r.state = 'held'";

impl Store {
    /// The newest held plan of the target that has some of this plan's counted changes, and how many.
    pub async fn awaited(&self, target: &TargetName, run: &RunId) -> Result<Option<(RunId, u64)>> {
        let row = Sql::new(&format!(
            "select h.run as run, count(*) as n from plan_counted c cross join plan_counted h join runs r on r.id = h.run
             where c.run = $1 and c.approved = 0 and {SAME} group by h.run order by h.run desc limit 1"
        ))
        .arg(run)
        .arg(target)
        .one(&mut *self.read().await?)
        .await?;
        row.map(|row| Ok((row.str("run")?.into(), row.count("n")?))).transpose()
    }

    /// Takes out of a plan's count what no held plan has: it waits for nobody.
    pub async fn uncount_unawaited(&self, target: &TargetName, run: &RunId) -> Result<()> {
        let mut tx = self.begin_derived().await?;
        Sql::new(&format!(
            "delete from plan_counted as c where c.run = $1 and c.approved = 0
               and not exists (select 1 from plan_counted h join runs r on r.id = h.run where {SAME})"
        ))
        .arg(run)
        .arg(target)
        .run(&mut tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// The plan over everything that waits for approval.
    pub async fn held_whole(&self, target: &TargetName) -> Result<Option<RunId>> {
        let sql = Sql::new("select id from runs where target = $1 and state = 'held' and scope = $2 order by id desc limit 1");
        let found = sql.arg(target).arg(EVERYTHING).one(&mut *self.read().await?).await?;
        found.map(|row| Ok(row.str("id")?.into())).transpose()
    }

    /// Queues who loses access by a held plan and is not what it is held for.
    pub async fn enqueue_free_leavers(&self, target: &TargetName, run: &RunId) -> Result<()> {
        let mut tx = self.begin().await?;
        let rows = Sql::new(
            "select distinct l.kind as kind, l.id as id from plan_lines l where l.run = $1 and l.state = 'planned' and l.phase = $2
               and not exists (select 1 from plan_counted c where c.run = l.run and c.kind = l.kind and c.id = l.id and c.approved = 0)
               and not exists (select 1 from queue q where q.target = $3 and q.kind = l.kind and q.id = l.id)",
        )
        .arg(run)
        .arg(Phase::Leavers.number())
        .arg(target)
        .all(&mut tx)
        .await?;
        let objects = rows.iter().map(|row| row.object("")).collect::<Result<Vec<_>>>()?;
        enqueue(&mut tx, target, &objects, 0, self.now()).await?;
        tx.commit().await?;
        self.notify();
        Ok(())
    }

    /// Of these, who is queued and was not changed since the plan was made.
    pub async fn awaited_objects(&self, run: &RunId, objects: &BTreeSet<ObjectRef>) -> Result<BTreeSet<ObjectRef>> {
        let unchanged = "and exists (select 1 from runs r join queue q on q.target = r.target
                 where r.id = $1 and q.kind = c.kind and q.id = c.id and q.changed_at < r.started_at)";
        self.counted_among(run, objects, unchanged).await
    }
}
