//! Leases: who works on an object, or on a whole target, until when. Times are those of the database.

use std::collections::BTreeSet;
use std::time::Duration;

use entrain_model::{Millis, ObjectRef, TargetName};
use sqlx::AnyConnection;

use crate::sql::{Arg, CHUNK, Columns as _, Sql};
use crate::{Result, Store};

impl Store {
    /// Leases objects. Returns those that the holder has now; those it had already are renewed.
    pub async fn lease(
        &self,
        target: &TargetName,
        holder: &str,
        objects: &[ObjectRef],
        lease: Duration,
    ) -> Result<Vec<ObjectRef>> {
        let mut transaction = self.begin_derived().await?;
        let now = self.now();
        let mut leased = Vec::with_capacity(objects.len());
        // In the order of kind and id, as everybody does, so that no two wait for each other.
        let ordered: Vec<&ObjectRef> = objects.iter().collect::<BTreeSet<_>>().into_iter().collect();
        for chunk in ordered.chunks(CHUNK) {
            let rows = Sql::new("insert into leases (target, kind, id, holder, until) values ")
                .arg(now)
                .rows(chunk.iter().map(|object| -> [Arg; 5] {
                    [target.into(), object.kind.into(), (&object.id).into(), holder.into(), (now + millis(lease)).into()]
                }))
                .text(TAKE_OVER)
                .all(&mut transaction)
                .await?;
            for row in &rows {
                leased.push(row.object("")?);
            }
        }
        transaction.commit().await?;
        Ok(leased)
    }

    /// Gives back these objects, or all that the holder has (a claim of the target stays).
    pub async fn release(&self, target: &TargetName, holder: &str, objects: Option<&[ObjectRef]>) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        match objects {
            Some(objects) => give_back(&mut transaction, target, holder, objects).await?,
            None => {
                Sql::new("delete from leases where target = $1 and holder = $2 and kind <> 'target'")
                    .arg(target)
                    .arg(holder)
                    .run(&mut transaction)
                    .await?;
            }
        }
        Ok(transaction.commit().await?)
    }

    /// Claims the target for a full run, or renews the claim. `false` if another holder has it.
    pub async fn claim_target(&self, target: &TargetName, holder: &str, lease: Duration) -> Result<bool> {
        let mut transaction = self.begin_derived().await?;
        let now = self.now();
        // A holder that let its claim run out is dead: what it held of objects is free too, whenever it was renewed last.
        Sql::new(
            "delete from leases where target = $1 and kind <> 'target' and holder in (select c.holder from leases c
               where c.target = $1 and c.kind = 'target' and (c.until < $2 or c.until > $4) and c.holder <> $3)",
        )
        .arg(target)
        .arg(now)
        .arg(holder)
        .arg(now + TOO_LONG)
        .run(&mut transaction)
        .await?;
        let claim: [Arg; 5] = [target.into(), "target".into(), "".into(), holder.into(), (now + millis(lease)).into()];
        let rows = Sql::new("insert into leases (target, kind, id, holder, until) values ")
            .arg(now)
            .rows([claim])
            .text(TAKE_OVER)
            .all(&mut transaction)
            .await?;
        transaction.commit().await?;
        Ok(!rows.is_empty())
    }

    /// Whether a full run works on the target now.
    pub async fn is_claimed(&self, target: &TargetName) -> Result<bool> {
        let now = self.now();
        let claim = Sql::new("select 1 as n from leases where target = $1 and kind = 'target' and until >= $2 and until <= $3");
        let claim = claim.arg(target).arg(now).arg(now + TOO_LONG).one(&mut *self.read().await?).await?;
        Ok(claim.is_some())
    }

    /// Gives the claim back.
    pub async fn release_target(&self, target: &TargetName, holder: &str) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        Sql::new("delete from leases where target = $1 and kind = 'target' and holder = $2")
            .arg(target)
            .arg(holder)
            .run(&mut transaction)
            .await?;
        Ok(transaction.commit().await?)
    }
}

/// No lease is as long as this: one that ends later was taken before a clock was set back, and counts no more.
pub(crate) const TOO_LONG: Millis = 600_000;

/// Takes a lease that ran out before `$1`, or renews one's own. The condition is judged on the row as it is once it is
/// locked: that is what makes it safe between replicas.
const TAKE_OVER: &str = " on conflict (target, kind, id) do update set holder = excluded.holder, until = excluded.until
     where leases.until < $1 or leases.until > excluded.until + 600000 or leases.holder = excluded.holder returning kind, id";

pub(crate) async fn give_back(
    connection: &mut AnyConnection,
    target: &TargetName,
    holder: &str,
    objects: &[ObjectRef],
) -> Result<()> {
    for chunk in objects.chunks(CHUNK) {
        Sql::new("delete from leases where target = $1 and holder = $2 and (kind, id) in (select * from (values ")
            .arg(target)
            .arg(holder)
            .objects(chunk)
            .text(") as page)")
            .run(connection)
            .await?;
    }
    Ok(())
}

/// A duration as stored.
pub(crate) fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX / 4)
}
