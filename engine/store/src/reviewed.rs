//! Plans that were reviewed outside of the database, line by line as digests.

use entrain_model::{Decision, ObjectRef, RunId};

use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit};
use crate::{Result, Store};

/// What became of a reviewed plan when it was planned anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Objects for which the same came out.
    pub same: u64,
    /// Objects for which something else came out.
    pub drifted: u64,
    /// Objects for which nothing is to be done any more.
    pub settled: u64,
    /// Objects that the reviewed plan does not name.
    pub others: u64,
}

/// The word of lines that are not carried out since something else came out for their object.
pub const DRIFTED: &str = "drifted";
/// The word of lines whose object the reviewed plan does not name.
pub const NOT_IN_PLAN: &str = "not_in_plan";

impl Store {
    /// Forgets what was kept of a reviewed plan, before it is read in again.
    pub async fn begin_reviewed(&self, plan: &str) -> Result<()> {
        let mut tx = self.begin_derived().await?;
        Sql::new("delete from reviewed where plan = $1").arg(plan).run(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    /// Keeps lines of a reviewed plan: whose, and the digest of what is to be done.
    pub async fn put_reviewed(&self, plan: &str, lines: &[(ObjectRef, String)]) -> Result<()> {
        let mut tx = self.begin_derived().await?;
        for chunk in lines.chunks(CHUNK) {
            let rows = chunk
                .iter()
                .map(|(object, digest)| -> [Arg; 4] { [plan.into(), object.kind.into(), (&object.id).into(), digest.into()] });
            Sql::new("insert into reviewed (plan, kind, id, digest) values ")
                .rows(rows)
                .text(" on conflict do nothing")
                .run(&mut tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Drops every line of the run whose object did not come out as reviewed, and counts the others as approved.
    /// `digest` makes the digest of a line.
    pub async fn keep_reviewed(&self, run: &RunId, plan: &str, digest: fn(&Decision) -> String) -> Result<Kept> {
        let planned = format!("{plan} {run}");
        self.begin_reviewed(&planned).await?;
        let mut after = 0;
        loop {
            let page = self.plan_lines(run, after, CHUNK).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            let changes = page.iter().filter(|line| matches!(line.decision, Decision::Change(_)));
            let lines: Vec<_> = changes.map(|line| (line.object.clone(), digest(&line.decision))).collect();
            self.put_reviewed(&planned, &lines).await?;
        }
        let kept = self.drop_drifted(run, plan, &planned).await?;
        self.begin_reviewed(&planned).await?;
        Ok(kept)
    }

    async fn drop_drifted(&self, run: &RunId, plan: &str, planned: &str) -> Result<Kept> {
        let mut tx = self.begin_derived().await?;
        let counted = Sql::new(&format!(
            "select fate, count(*) as n from (select {} as fate from
               (select distinct kind, id from reviewed where plan in ($1, $2)) o) as fates group by fate",
            fate("$1", "$2")
        ));
        let mut kept = Kept::default();
        for row in counted.arg(plan).arg(planned).all(&mut tx).await? {
            let n = row.count("n")?;
            match row.str("fate")?.as_str() {
                "same" => kept.same = n,
                "settled" => kept.settled = n,
                DRIFTED => kept.drifted = n,
                _ => kept.others = n,
            }
        }
        let fate = fate("$2", "$3");
        Sql::new(&format!(
            "update plan_lines as o set state = 'dropped', detail = {fate}
             where o.run = $1 and o.state = 'planned' and {fate} <> 'same'"
        ))
        .arg(run)
        .arg(plan)
        .arg(planned)
        .run(&mut tx)
        .await?;
        for statement in [
            "delete from plan_counted where run = $1 and seq in (select seq from plan_lines where run = $1 and state = 'dropped')",
            "update plan_counted set approved = 1 where run = $1",
        ] {
            Sql::new(statement).arg(run).run(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(kept)
    }

    /// The objects of a run that did not come out as reviewed.
    pub async fn drifted(&self, run: &RunId, rows: usize) -> Result<Vec<ObjectRef>> {
        let sql = Sql::new("select distinct kind, id from plan_lines where run = $1 and detail = $2 order by kind, id limit $3");
        let found = sql.arg(run).arg(DRIFTED).arg(limit(rows)).all(&mut *self.read().await?).await?;
        found.iter().map(|row| row.object("")).collect()
    }
}

/// What became of the object `o`, as an expression: it is as reviewed if each side has every line of the other.
fn fate(plan: &str, planned: &str) -> String {
    let named =
        |side: &str| format!("exists (select 1 from reviewed r where r.plan = {side} and r.kind = o.kind and r.id = o.id)");
    let differs = |one: &str, other: &str| {
        format!(
            "exists (select 1 from reviewed a where a.plan = {one} and a.kind = o.kind and a.id = o.id and not exists (
               select 1 from reviewed b where b.plan = {other} and b.kind = a.kind and b.id = a.id and b.digest = a.digest))"
        )
    };
    format!(
        "case when not {} then '{NOT_IN_PLAN}' when not {} then 'settled' when {} or {} then '{DRIFTED}' else 'same' end",
        named(plan),
        named(planned),
        differs(plan, planned),
        differs(planned, plan)
    )
}
