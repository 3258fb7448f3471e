//! Who is inside a group, and who depends on whom.

use std::collections::BTreeSet;

use entrain_model::{ObjectRef, SourceId, TargetName};
use sqlx::any::AnyRow;

use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit};
use crate::{Result, Store};

/// The group `$1`, if it has members, and all groups inside it. `union` drops what is there already, so that cycles end.
/// The first id comes from a column and not from the argument, so that it has the collation of the others.
const NESTED: &str = "with recursive nested (id) as (
       select id from (select g.group_id as id from memberships g where g.group_id = $1 limit 1) as first
       union
       select m.member_id from nested join memberships m
         on m.group_id = nested.id and m.role = 'member' and m.member_kind = 'group')";

impl Store {
    /// Which of these are members of the group, directly or through groups in it. Cycles do no harm.
    pub async fn within_group(&self, group: &SourceId, among: &[ObjectRef]) -> Result<BTreeSet<ObjectRef>> {
        let mut connection = self.read().await?;
        let mut inside = BTreeSet::new();
        for chunk in among.chunks(CHUNK) {
            let rows = Sql::new(NESTED)
                .arg(group)
                .text(", page (kind, id) as (values ")
                .objects(chunk)
                .text(
                    ") select kind, id from page where exists (select 1 from memberships m where m.member_kind = page.kind
                       and m.member_id = page.id and m.role = 'member' and m.group_id in (select nested.id from nested))",
                )
                .all(&mut connection)
                .await?;
            inside.extend(objects(&rows)?);
        }
        Ok(inside)
    }

    /// The users whose manager is one of these.
    pub async fn reports_of(&self, managers: &[SourceId]) -> Result<Vec<ObjectRef>> {
        let mut connection = self.read().await?;
        let mut reports = Vec::new();
        for chunk in managers.chunks(CHUNK) {
            let rows = Sql::new("select 'user' as kind, id from users where manager_id in (values ")
                .rows(chunk.iter().map(|id| [Arg::from(id)]))
                .text(") order by id")
                .all(&mut connection)
                .await?;
            reports.extend(objects(&rows)?);
        }
        Ok(reports)
    }

    /// The groups that hold one of these directly, as member or owner. They are to be looked at again when one of these
    /// gets a record or enters the target.
    pub async fn containers_of(&self, members: &[ObjectRef]) -> Result<Vec<ObjectRef>> {
        let mut connection = self.read().await?;
        let mut containers = BTreeSet::new();
        for chunk in members.chunks(CHUNK) {
            let rows = Sql::new(
                "select distinct 'group' as kind, group_id as id from memberships where (member_kind, member_id) in (select * from (values ",
            )
            .objects(chunk)
            .text(") as page)")
            .all(&mut connection)
            .await?;
            containers.extend(objects(&rows)?);
        }
        Ok(containers.into_iter().collect())
    }

    /// Users whose recorded state no longer fits the group that bounds the target: inside it and recorded as outside or not
    /// at all, or recorded as present and no longer inside. Once they are mapped anew they are not named again.
    pub async fn scope_changes(&self, target: &TargetName, scope_group: &SourceId, rows: usize) -> Result<Vec<ObjectRef>> {
        let rows = Sql::new(NESTED)
            .arg(scope_group)
            .arg(target)
            .arg(limit(rows))
            .text(
                ", inside (id) as (
                   select distinct m.member_id from nested
                     join memberships m on m.group_id = nested.id and m.role = 'member' and m.member_kind = 'user')
                 select 'user' as kind, inside.id as id from inside
                   join source_versions v on v.kind = 'user' and v.id = inside.id and v.present = 1
                   left join desired d on d.target = $2 and d.kind = 'user' and d.id = inside.id
                   where d.id is null or (d.state = 'out_of_scope' and d.why = 'not_in_scope_group')
                 union all
                 select d.kind, d.id from desired d
                   join source_versions v on v.kind = 'user' and v.id = d.id and v.present = 1
                   where d.target = $2 and d.kind = 'user' and d.state = 'present'
                   and not exists (select 1 from inside where inside.id = d.id)
                 order by 2 limit $3",
            )
            .all(&mut *self.read().await?)
            .await?;
        objects(&rows)
    }
}

fn objects(rows: &[AnyRow]) -> Result<Vec<ObjectRef>> {
    rows.iter().map(|row| row.object("")).collect()
}
