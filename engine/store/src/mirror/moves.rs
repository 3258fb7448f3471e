//! References that somebody else added or took away: what a read shows and we did not do.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Kind, Relation, RunId, TargetId, TargetName};
use sqlx::AnyConnection;

use super::{ReferenceWrite, generation};
use crate::sql::{Arg, CHUNK, Sql};
use crate::{Result, Store, link};

/// What has moved both ways is as it was.
const BACK: i64 = 2;

/// A move that stands already and is told again stays; one the other way ends it.
const OR_BACK: &str = " on conflict (target, id, relation, to_id) do update
     set present = case when reference_moves.present = excluded.present then excluded.present else 2 end";

/// Both ends belong to objects of ours: what goes on among strangers is nobody's drift.
const LINKED: &str = "exists (select 1 from links f where f.target = $1 and f.target_id = p.id)
       and exists (select 1 from links t where t.target = $1 and t.target_id = p.to_id)";

impl Store {
    /// Forgets the moves that were read before the plan of this run over everything was made and that it need not put right.
    pub async fn settle_moves(&self, target: &TargetName, run: &RunId) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        let until = generation(&mut transaction, target).await?;
        Sql::new(
            "delete from reference_moves where target = $1 and generation <= $3 and not exists (select 1 from drift d
               join links l on l.target = d.target and l.kind = d.kind and l.id = d.id
               where d.run = $2 and l.target_id = reference_moves.id and d.attribute = reference_moves.relation)",
        )
        .arg(target)
        .arg(run)
        .arg(until)
        .run(&mut transaction)
        .await?;
        Ok(transaction.commit().await?)
    }
}

/// Notes what these words of a read mean against what is known, before they are taken in.
pub(super) async fn note(
    connection: &mut AnyConnection,
    target: &TargetName,
    generation: i64,
    writes: &[ReferenceWrite<'_>],
) -> Result<()> {
    let from: BTreeSet<&TargetId> = writes.iter().map(|write| write.from).collect();
    let ours = link::owners(connection, target, &from.into_iter().collect::<Vec<_>>()).await?;
    let writes = writes.iter().filter(|write| ours.contains_key(write.from));
    let last: BTreeMap<_, _> = writes.map(|write| ((write.from, write.relation, write.to), write)).collect();
    let (present, gone): (Vec<_>, Vec<_>) = last.into_values().partition(|write| write.present);
    for chunk in gone.chunks(CHUNK) {
        let known = "exists (select 1 from mirror_refs r where r.target = $1 and r.id = p.id and r.relation = p.relation
           and r.to_id = p.to_id)";
        let page = Sql::new(PAGE).arg(target).arg(generation).rows(chunk.iter().map(|write| ends(write)));
        page.text(&format!("{} where {known} and {LINKED} {OR_BACK}", insert("p.to_id", 0))).run(connection).await?;
    }
    for chunk in present.chunks(CHUNK) {
        let new = "not exists (select 1 from mirror_refs r where r.target = $1 and r.id = p.id and r.relation = p.relation
           and r.to_id = p.to_id)";
        let page = Sql::new(PAGE).arg(target).arg(generation).rows(chunk.iter().map(|write| ends(write)));
        page.text(&format!("{} where {new} and {LINKED} {OR_BACK}", insert("p.to_id", 1))).run(connection).await?;
    }
    let managers: Vec<_> = present.iter().filter(|write| write.relation == Relation::Manager).collect();
    for chunk in managers.chunks(CHUNK) {
        // A user has one manager: another one takes the place of the one before.
        let page = Sql::new(PAGE).arg(target).arg(generation).rows(chunk.iter().map(|write| ends(write)));
        let before = " join mirror_refs r on r.target = $1 and r.id = p.id and r.relation = p.relation and r.to_id <> p.to_id";
        let linked = LINKED.replace("p.to_id", "r.to_id");
        page.text(&format!("{}{before} where {linked} {OR_BACK}", insert("r.to_id", 0))).run(connection).await?;
    }
    end_those_back(connection, target).await
}

const PAGE: &str = "with page (id, relation, to_id) as (values ";

fn insert(to: &str, present: i64) -> String {
    format!(
        ") insert into reference_moves (target, id, relation, to_id, present, generation)
         select distinct $1, p.id, p.relation, {to}, {present}, $2 from page p"
    )
}

fn ends(write: &ReferenceWrite<'_>) -> [Arg; 3] {
    [write.from.into(), write.relation.as_str().into(), write.to.into()]
}

/// Notes the references of a kind that a full read did not see.
pub(super) async fn note_unseen(connection: &mut AnyConnection, target: &TargetName, kind: Kind, generation: i64) -> Result<()> {
    Sql::new(&format!(
        "insert into reference_moves (target, id, relation, to_id, present, generation)
         select $1, p.id, p.relation, p.to_id, 0, $3 from mirror_refs p
         where p.target = $1 and p.kind = $2 and p.generation < $3 and {LINKED} {OR_BACK}"
    ))
    .arg(target)
    .arg(kind)
    .arg(generation)
    .run(connection)
    .await?;
    end_those_back(connection, target).await
}

async fn end_those_back(connection: &mut AnyConnection, target: &TargetName) -> Result<()> {
    let sql = Sql::new("delete from reference_moves where target = $1 and present = $2").arg(target).arg(BACK);
    sql.run(connection).await.map(drop)
}

/// We have written these ourselves: whatever moved them before is over.
pub(crate) async fn forget_moves(
    connection: &mut AnyConnection,
    target: &TargetName,
    writes: &[ReferenceWrite<'_>],
) -> Result<()> {
    for chunk in writes.chunks(CHUNK) {
        Sql::new("delete from reference_moves where target = $1 and (id, relation, to_id) in (select * from (values ")
            .arg(target)
            .rows(chunk.iter().map(ends))
            .text(") as page)")
            .run(connection)
            .await?;
    }
    Ok(())
}
