//! Reads inside a writing transaction: what they say holds until it ends.

use entrain_model::{Kind, ObjectRef, SourceId};

use super::Versioned;
use super::find::{kept, select};
use crate::source::rows::Stored;
use crate::sql::{Columns as _, Sql};
use crate::{GroupRow, Membership, Result, SourceWriter, UserRow};

impl SourceWriter {
    /// The user, which nobody else changes before this transaction ends.
    pub async fn kept_user(&mut self, id: &SourceId) -> Result<Option<Versioned<UserRow>>> {
        self.kept::<UserRow>(Kind::User, id).await
    }

    /// The group, likewise. Its memberships may change, which moves its version.
    pub async fn kept_group(&mut self, id: &SourceId) -> Result<Option<Versioned<GroupRow>>> {
        self.kept::<GroupRow>(Kind::Group, id).await
    }

    async fn kept<R: Stored>(&mut self, kind: Kind, id: &SourceId) -> Result<Option<Versioned<R>>> {
        let lock = self.store().dialect().for_update();
        // The row first: its version may move until the lock is there.
        let locked = Sql::new(&format!("select id from {} where id = $1{lock}", R::TABLE)).arg(id);
        if locked.one(self.connection()).await?.is_none() {
            return Ok(None);
        }
        let sql = Sql::new(&format!("{} where id = $1", select::<R>(kind))).arg(id);
        sql.one(self.connection()).await?.as_ref().map(kept).transpose()
    }

    /// Who else uses a login, folded. Whoever asks for the same one waits until this transaction ends.
    pub async fn login_holder(&mut self, folded: &str, but: &SourceId) -> Result<Option<SourceId>> {
        if let Some(lock) = self.store().dialect().lock_login() {
            Sql::new(lock).arg(folded).all(self.connection()).await?;
        }
        let sql = Sql::new("select id from users where lower(user_name) = $1 and id <> $2 order by id limit 1");
        let row = sql.arg(folded).arg(but).one(self.connection()).await?;
        row.map(|row| Ok(row.str("id")?.into())).transpose()
    }

    /// What sort of object an id is, users before groups.
    pub async fn kind_of(&mut self, id: &SourceId) -> Result<Option<Kind>> {
        for (kind, table) in [(Kind::User, "users"), (Kind::Group, "groups")] {
            let sql = Sql::new(&format!("select id from {table} where id = $1")).arg(id);
            if sql.one(self.connection()).await?.is_some() {
                return Ok(Some(kind));
            }
        }
        Ok(None)
    }

    /// The next memberships of a group, as this transaction sees them.
    pub async fn members_page(&mut self, group: &SourceId, after: Option<&ObjectRef>, rows: i64) -> Result<Vec<Membership>> {
        let (kind, id) = after.map_or(("", ""), |after| (after.kind.as_str(), after.id.as_str()));
        Sql::new(
            "select group_id, role, member_kind, member_id from memberships
             where group_id = $1 and role = 'member' and (member_kind, member_id) > ($2, $3)
             order by member_kind, member_id limit $4",
        )
        .arg(group)
        .arg(kind)
        .arg(id)
        .arg(rows)
        .all(self.connection())
        .await?
        .iter()
        .map(Membership::read)
        .collect()
    }

    /// Says that a group was changed now, although only its memberships were.
    pub async fn touch_group(&mut self, id: &SourceId) -> Result<()> {
        let now = self.store().now();
        Sql::new("update groups set updated_at = $1 where id = $2").arg(now).arg(id).run(self.connection()).await?;
        Ok(())
    }
}
