//! What of a plan somebody approved, and what of it counts as approved in a later one.

use std::collections::BTreeSet;

use entrain_model::{Kind, Millis, ObjectRef, Operation, RunId, TargetName};
use sqlx::AnyConnection;

use crate::sql::Sql;
use crate::{Result, Store, StoreError};

/// Which of the counted changes of a held plan somebody approves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// All.
    All,
    /// Those of these objects; the others are parked.
    Only(BTreeSet<ObjectRef>),
    /// All but those of these objects, which are parked.
    Except(BTreeSet<ObjectRef>),
}

impl Choice {
    /// The choice in words: which, and the objects that it names.
    pub(crate) fn words(&self) -> (&'static str, Vec<String>) {
        let words = |objects: &BTreeSet<ObjectRef>| objects.iter().map(ToString::to_string).collect();
        match self {
            Choice::All => ("all", Vec::new()),
            Choice::Only(objects) => ("only", words(objects)),
            Choice::Except(objects) => ("except", words(objects)),
        }
    }
}

impl Store {
    /// Counts as approved what the run changes of one attribute.
    pub async fn approve_counted(&self, run: &RunId, operation: Operation, kind: Kind, about: &str) -> Result<()> {
        let mut tx = self.begin_derived().await?;
        Sql::new("update plan_counted set approved = 1 where run = $1 and operation = $2 and kind = $3 and about = $4")
            .arg(run)
            .arg(operation.as_str())
            .arg(kind)
            .arg(about)
            .run(&mut tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Counts as approved what somebody approved of an earlier plan and this one has again.
    pub async fn carry_approval(&self, approved: &RunId, run: &RunId) -> Result<()> {
        let mut tx = self.begin_derived().await?;
        Sql::new(
            "update plan_counted set approved = 1 where run = $1 and exists (select 1 from plan_counted a where a.run = $2
               and a.kind = plan_counted.kind and a.id = plan_counted.id and a.operation = plan_counted.operation
               and a.about = plan_counted.about and a.fingerprint = plan_counted.fingerprint and a.approved = 1)",
        )
        .arg(run)
        .arg(approved)
        .run(&mut tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Counts as approved whatever the run makes and somebody approved to be made in any run of the target before.
    pub async fn carry_creates(&self, target: &TargetName, run: &RunId) -> Result<()> {
        let mut tx = self.begin_derived().await?;
        Sql::new(
            "update plan_counted set approved = 1 where run = $1 and operation = 'create' and exists (
               select 1 from plan_counted a join runs r on r.id = a.run
               where r.target = $2 and r.approved_at is not null and r.state = 'superseded' and a.approved = 1
                 and a.kind = plan_counted.kind and a.id = plan_counted.id and a.operation = plan_counted.operation
                 and a.fingerprint = plan_counted.fingerprint)",
        )
        .arg(run)
        .arg(target)
        .run(&mut tx)
        .await?;
        Ok(tx.commit().await?)
    }
}

/// Marks what is chosen of a held plan as approved, and parks the objects of the rest, within a transaction.
pub(crate) async fn choose(
    connection: &mut AnyConnection,
    run: &RunId,
    choice: &Choice,
    (reason, now): (&str, Millis),
) -> Result<()> {
    let all = "update plan_counted set approved = $2 where run = $1";
    let (base, named, objects) = match choice {
        Choice::All => (1, 1, None),
        Choice::Only(objects) => (0, 1, Some(objects)),
        Choice::Except(objects) => (1, 0, Some(objects)),
    };
    Sql::new(all).arg(run).arg(base).run(connection).await?;
    for object in objects.into_iter().flatten() {
        let sql = Sql::new(&format!("{all} and kind = $3 and id = $4")).arg(run).arg(named);
        if sql.arg(object.kind).arg(&object.id).run(connection).await? == 0 {
            return Err(StoreError::Conflict(format!("no change of {object} in run {run} needs approval")));
        }
    }
    let left = "(select distinct kind, id from plan_counted where run = $1 and approved = 0)";
    Sql::new(&format!(
        "insert into parked (target, kind, id, reason, since)
         select r.target, l.kind, l.id, $2, $3 from {left} l join runs r on r.id = $1 where true
         on conflict (target, kind, id) do nothing"
    ))
    .arg(run)
    .arg(reason)
    .arg(now)
    .run(connection)
    .await?;
    // What was planned of a parked object before is not carried out.
    Sql::new(&format!(
        "update links set version = version + 1, run = '' where target = (select target from runs where id = $1)
           and (kind, id) in {left}"
    ))
    .arg(run)
    .run(connection)
    .await?;
    Ok(())
}
