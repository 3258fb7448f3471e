//! What a plan leaves beside it: records in the recycle bin under the same keys, and records that nobody claims.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Kind, ObjectRef, RunId, TargetId, TargetName};

use crate::sql::{CHUNK, Columns as _, Sql, limit};
use crate::{Result, Store};

/// Live records that are linked to nothing and that the plan of the run links to nothing.
const UNCLAIMED: &str = "from mirror m where m.target = $1 and m.kind = $3 and m.condition = 'live'
     and not exists (select 1 from links l where l.target = m.target and l.target_id = m.id)
     and not exists (select 1 from plan_links p where p.run = $2 and p.kind = m.kind and p.target_id = m.id)";

impl Store {
    /// For each of these objects that has one, the first record in the recycle bin that one of its keys finds.
    pub async fn binned(&self, target: &TargetName, objects: &[ObjectRef]) -> Result<BTreeMap<ObjectRef, TargetId>> {
        let mut connection = self.read().await?;
        let mut found = BTreeMap::new();
        for chunk in objects.chunks(CHUNK) {
            let sql = Sql::new("with page (kind, id) as (values ").arg(target).objects(chunk).text(
                ") select page.kind as kind, page.id as id, m.id as record
                   from page cross join desired_keys k cross join mirror_keys x cross join mirror m
                   where k.target = $1 and k.kind = page.kind and k.id = page.id
                     and x.target = $1 and x.kind = k.kind and x.attribute = k.attribute and x.value = k.value
                     and m.target = $1 and m.kind = x.kind and m.id = x.id and m.condition = 'deleted'
                   order by page.kind, page.id, k.rank, m.id",
            );
            for row in sql.all(&mut connection).await? {
                found.entry(row.object("")?).or_insert(row.str("record")?.into());
            }
        }
        Ok(found)
    }

    /// For which of these objects the plan of the run makes or restores a record.
    pub async fn made_in(&self, run: &RunId, objects: &[ObjectRef]) -> Result<BTreeSet<ObjectRef>> {
        let mut connection = self.read().await?;
        let mut found = BTreeSet::new();
        for chunk in objects.chunks(CHUNK) {
            let sql = Sql::new(
                "select kind, id from plan_counted where run = $1 and operation = 'create' and (kind, id) in (select * from (values ",
            );
            for row in sql.arg(run).objects(chunk).text(") as page)").all(&mut connection).await? {
                found.insert(row.object("")?);
            }
        }
        Ok(found)
    }

    /// How many live records of the kind nobody claims, with the plan of the run.
    pub async fn unclaimed(&self, target: &TargetName, run: &RunId, kind: Kind) -> Result<u64> {
        let sql = Sql::new(&format!("select count(*) as n {UNCLAIMED}")).arg(target).arg(run).arg(kind);
        Ok(u64::try_from(sql.number(&mut *self.read().await?).await?).unwrap_or(0))
    }

    /// The next of them.
    pub async fn unclaimed_page(
        &self,
        target: &TargetName,
        run: &RunId,
        kind: Kind,
        after: Option<&TargetId>,
        rows: usize,
    ) -> Result<Vec<TargetId>> {
        let sql = Sql::new(&format!("select m.id as id {UNCLAIMED} and m.id > $4 order by m.id limit $5"))
            .arg(target)
            .arg(run)
            .arg(kind)
            .arg(after.map_or("", TargetId::as_str))
            .arg(limit(rows));
        sql.all(&mut *self.read().await?).await?.iter().map(|row| row.str("id").map(TargetId::from)).collect()
    }
}
