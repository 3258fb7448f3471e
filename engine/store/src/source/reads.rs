//! Reads of the source.

use std::collections::BTreeMap;

use entrain_model::{Kind, ObjectRef, SourceId, SourceRecord};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::rows::Stored;
use super::{GroupRow, Membership, UserRow};
use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit};
use crate::{Result, Store, StoreError};

/// How much the source holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceCounts {
    /// Users.
    pub users: u64,
    /// Groups.
    pub groups: u64,
    /// Memberships, of members and owners.
    pub memberships: u64,
}

/// Which tables of the source are empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceLacks {
    /// There is no user.
    pub users: bool,
    /// There is no group.
    pub groups: bool,
    /// There is no membership.
    pub memberships: bool,
}

impl Store {
    /// The next records of a kind by id.
    pub async fn source_page(&self, kind: Kind, after: Option<&SourceId>, rows: usize) -> Result<Vec<SourceRecord>> {
        let connection = &mut *self.read().await?;
        match kind {
            Kind::User => page::<UserRow>(connection, kind, after, rows).await,
            Kind::Group => page::<GroupRow>(connection, kind, after, rows).await,
        }
    }

    /// These records, by kind and id; what does not exist is left out.
    pub async fn source_records(&self, objects: &[ObjectRef]) -> Result<Vec<SourceRecord>> {
        let mut connection = self.read().await?;
        let mut records = Vec::with_capacity(objects.len());
        for kind in Kind::ALL {
            let ids: Vec<&SourceId> = objects.iter().filter(|object| object.kind == kind).map(|object| &object.id).collect();
            for chunk in ids.chunks(CHUNK) {
                records.extend(match kind {
                    Kind::User => some::<UserRow>(&mut connection, kind, chunk).await?,
                    Kind::Group => some::<GroupRow>(&mut connection, kind, chunk).await?,
                });
            }
        }
        Ok(records)
    }

    /// How much there is.
    pub async fn source_counts(&self) -> Result<SourceCounts> {
        let row = Sql::new(
            "select (select count(*) from users) as users, (select count(*) from groups) as groups,
               (select count(*) from memberships) as memberships",
        )
        .one(&mut *self.read().await?)
        .await?;
        let Some(row) = row else { return Ok(SourceCounts::default()) };
        Ok(SourceCounts { users: row.count("users")?, groups: row.count("groups")?, memberships: row.count("memberships")? })
    }

    /// Which tables of the source have no row at all.
    pub async fn source_lacks(&self) -> Result<SourceLacks> {
        let row = Sql::new(
            "select case when exists (select 1 from users) then 0 else 1 end as users,
               case when exists (select 1 from groups) then 0 else 1 end as groups,
               case when exists (select 1 from memberships) then 0 else 1 end as memberships",
        )
        .one(&mut *self.read().await?)
        .await?;
        let Some(row) = row else { return Ok(SourceLacks::default()) };
        let lacks = |column| Ok::<_, StoreError>(row.int(column)? == 1);
        Ok(SourceLacks { users: lacks("users")?, groups: lacks("groups")?, memberships: lacks("memberships")? })
    }

    /// One user as stored.
    pub async fn user_row(&self, id: &SourceId) -> Result<Option<UserRow>> {
        let sql = Sql::new(&format!("select {} from users where id = $1", UserRow::COLUMNS)).arg(id);
        sql.one(&mut *self.read().await?).await?.as_ref().map(UserRow::read).transpose()
    }

    /// One group as stored.
    pub async fn group_row(&self, id: &SourceId) -> Result<Option<GroupRow>> {
        let sql = Sql::new(&format!("select {} from groups where id = $1", GroupRow::COLUMNS)).arg(id);
        sql.one(&mut *self.read().await?).await?.as_ref().map(GroupRow::read).transpose()
    }

    /// The next memberships of a group: members before owners, groups before users.
    pub async fn memberships_of(&self, group: &SourceId, after: Option<&Membership>, rows: usize) -> Result<Vec<Membership>> {
        let mut sql = Sql::new(
            "select group_id, role, member_kind, member_id from memberships
             where group_id = $1 and (role, member_kind, member_id) > ($2, $3, $4)
             order by role, member_kind, member_id limit $5",
        )
        .arg(group);
        sql = match after {
            Some(after) => after.args().into_iter().skip(1).fold(sql, Sql::arg),
            None => sql.arg("").arg("").arg(""),
        };
        sql.arg(limit(rows)).all(&mut *self.read().await?).await?.iter().map(Membership::read).collect()
    }

    /// Who uses these logins (folded `userName`s) now.
    pub async fn logins_in_use(&self, folded: &[String]) -> Result<BTreeMap<String, Vec<SourceId>>> {
        let mut connection = self.read().await?;
        let mut users: BTreeMap<String, Vec<SourceId>> = BTreeMap::new();
        for chunk in folded.chunks(CHUNK) {
            let rows = Sql::new("select lower(user_name) as login, id from users where lower(user_name) in (values ")
                .rows(chunk.iter().map(|login| [Arg::from(login)]))
                .text(") order by id")
                .all(&mut connection)
                .await?;
            for row in &rows {
                users.entry(row.str("login")?).or_default().push(row.str("id")?.into());
            }
        }
        Ok(users)
    }
}

/// Selects rows of a table with the version of each.
fn select<R: Stored>(kind: Kind) -> Sql {
    let (table, columns) = (R::TABLE, R::COLUMNS);
    Sql::new(&format!(
        "select {columns}, coalesce((select v.version from source_versions v where v.kind = $1 and v.id = {table}.id), 0)
         as version from {table} where id "
    ))
    .arg(kind)
}

async fn page<R: Stored>(
    connection: &mut AnyConnection,
    kind: Kind,
    after: Option<&SourceId>,
    rows: usize,
) -> Result<Vec<SourceRecord>> {
    let sql = select::<R>(kind).text("> $2 order by id limit $3").arg(after.map_or("", SourceId::as_str)).arg(limit(rows));
    records::<R>(&sql.all(connection).await?)
}

async fn some<R: Stored>(connection: &mut AnyConnection, kind: Kind, ids: &[&SourceId]) -> Result<Vec<SourceRecord>> {
    let sql = select::<R>(kind).text("in (values ").rows(ids.iter().map(|id| [Arg::from(*id)])).text(") order by id");
    records::<R>(&sql.all(connection).await?)
}

fn records<R: Stored>(rows: &[AnyRow]) -> Result<Vec<SourceRecord>> {
    rows.iter().map(|row| Ok(R::read(row)?.record(row.int("version")?))).collect()
}
