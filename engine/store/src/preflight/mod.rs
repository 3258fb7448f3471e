//! Questions about the source as a whole: what points nowhere, what goes round in circles, which values occur twice.

mod scratch;

use entrain_model::{ObjectRef, SourceId};

use crate::sql::{Columns as _, Sql, limit};
use crate::{Result, Store};

pub use scratch::{Scratch, Shared, Web};

/// References of the source that name nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dangling {
    /// Users whose manager does not exist.
    Managers,
    /// Memberships of users and groups that do not exist.
    Members,
    /// Memberships in groups that do not exist.
    Groups,
}

impl Dangling {
    /// What is selected: who refers, and to whom.
    fn select(self) -> &'static str {
        match self {
            Dangling::Managers => {
                "from users s where s.manager_id is not null and not exists (select 1 from users t where t.id = s.manager_id)"
            }
            Dangling::Members => {
                "from memberships s where (s.member_kind = 'user' and not exists (select 1 from users t where t.id = s.member_id))
                   or (s.member_kind = 'group' and not exists (select 1 from groups t where t.id = s.member_id))"
            }
            Dangling::Groups => "from memberships s where not exists (select 1 from groups t where t.id = s.group_id)",
        }
    }

    fn columns(self) -> &'static str {
        match self {
            Dangling::Managers => "'user' as kind, s.id as id, 'user' as to_kind, s.manager_id as to_id",
            Dangling::Members => "'group' as kind, s.group_id as id, s.member_kind as to_kind, s.member_id as to_id",
            Dangling::Groups => "s.member_kind as kind, s.member_id as id, 'group' as to_kind, s.group_id as to_id",
        }
    }
}

impl Store {
    /// How many such references there are, and the first of them: who refers to whom.
    pub async fn dangling(&self, what: Dangling, rows: usize) -> Result<(u64, Vec<(ObjectRef, ObjectRef)>)> {
        let mut connection = self.read().await?;
        let count = Sql::new(&format!("select count(*) as n {}", what.select())).number(&mut connection).await?;
        let text = format!("select {} {} order by id, to_id limit $1", what.columns(), what.select());
        let mut first = Vec::new();
        for row in Sql::new(&text).arg(limit(rows)).all(&mut connection).await? {
            let (kind, to_kind) = (row.word("kind")?, row.word("to_kind")?);
            let id = |column| Ok::<SourceId, crate::StoreError>(row.str(column)?.into());
            first.push((ObjectRef { kind, id: id("id")? }, ObjectRef { kind: to_kind, id: id("to_id")? }));
        }
        Ok((u64::try_from(count).unwrap_or(0), first))
    }
}
