//! Finding users and groups.

use std::collections::BTreeMap;

use entrain_model::{Kind, Millis, SourceId};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::SourceTest;
use crate::source::rows::Stored;
use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit};
use crate::{GroupRow, Result, Store, UserRow};

/// A row with what is known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Versioned<R> {
    /// The row.
    pub row: R,
    /// How often it was changed.
    pub version: i64,
    /// When it was made.
    pub created: Millis,
    /// When it was last changed.
    pub modified: Millis,
}

/// What rows are ordered by; those without a value come last, and the id decides between equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceOrder {
    /// The id.
    #[default]
    Id,
    /// The login; for groups the name.
    Login,
    /// The display name.
    Name,
    /// The external id.
    ExternalId,
    /// When it was made.
    Created,
    /// When it was changed.
    Modified,
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceDirection {
    /// The least.
    #[default]
    Ascending,
    /// The greatest.
    Descending,
}

impl Store {
    /// Users that pass, in order, without the first `skip`. `after` goes on behind an id in the order of ids.
    pub async fn find_users(
        &self,
        test: &SourceTest,
        order: (SourceOrder, SourceDirection),
        after: Option<&SourceId>,
        skip: u64,
        rows: usize,
    ) -> Result<Vec<Versioned<UserRow>>> {
        find(&mut *self.read().await?, Kind::User, test, order, after, skip, rows).await
    }

    /// Groups that pass, likewise.
    pub async fn find_groups(
        &self,
        test: &SourceTest,
        order: (SourceOrder, SourceDirection),
        after: Option<&SourceId>,
        skip: u64,
        rows: usize,
    ) -> Result<Vec<Versioned<GroupRow>>> {
        find(&mut *self.read().await?, Kind::Group, test, order, after, skip, rows).await
    }

    /// How many pass.
    pub async fn count_found(&self, kind: Kind, test: &SourceTest) -> Result<u64> {
        let table = if kind == Kind::User { "users" } else { "groups" };
        let sql = test.write(kind, Sql::new(&format!("select count(*) as n from {table} where ")));
        Ok(u64::try_from(sql.number(&mut *self.read().await?).await?).unwrap_or(0))
    }

    /// The groups that these users are direct members of, with their names: at most `rows` altogether.
    pub async fn groups_of(&self, users: &[SourceId], rows: usize) -> Result<BTreeMap<SourceId, Vec<(SourceId, String)>>> {
        let mut found: BTreeMap<SourceId, Vec<(SourceId, String)>> = BTreeMap::new();
        let mut connection = self.read().await?;
        for chunk in users.chunks(CHUNK) {
            let listed = Sql::new(
                "select m.member_id, m.group_id, g.display_name from memberships m join groups g on g.id = m.group_id
                 where m.member_kind = 'user' and m.role = 'member' and m.member_id in (values ",
            )
            .rows(chunk.iter().map(|id| [Arg::from(id)]))
            .text(&format!(") order by m.member_id, m.group_id limit {rows}"))
            .all(&mut connection)
            .await?;
            for row in &listed {
                let group = (row.str("group_id")?.into(), row.str("display_name")?);
                found.entry(row.str("member_id")?.into()).or_default().push(group);
            }
        }
        Ok(found)
    }
}

async fn find<R: Stored>(
    connection: &mut AnyConnection,
    kind: Kind,
    test: &SourceTest,
    (order, direction): (SourceOrder, SourceDirection),
    after: Option<&SourceId>,
    skip: u64,
    rows: usize,
) -> Result<Vec<Versioned<R>>> {
    let mut sql = test.write(kind, Sql::new(&format!("{} where ", select::<R>(kind))));
    if let Some(after) = after {
        sql = sql.bind(" and id > ", after);
    }
    let direction = match direction {
        SourceDirection::Ascending => "",
        SourceDirection::Descending => " desc",
    };
    let column = match (order, kind) {
        (SourceOrder::Id, _) => None,
        (SourceOrder::Login, Kind::User) => Some("lower(user_name)"),
        (SourceOrder::Login | SourceOrder::Name, _) => Some("lower(display_name)"),
        (SourceOrder::ExternalId, _) => Some("external_id"),
        (SourceOrder::Created, _) => Some("created_at"),
        (SourceOrder::Modified, _) => Some("updated_at"),
    };
    let by = column.map_or_else(String::new, |column| {
        format!("case when {column} is null then 1 else 0 end{direction}, {column}{direction}, ")
    });
    sql = sql.text(&format!(" order by {by}id{direction}")).bind(" limit ", limit(rows));
    let skip = i64::try_from(skip).unwrap_or(i64::MAX);
    sql.bind(" offset ", skip).all(connection).await?.iter().map(kept).collect()
}

/// The columns of a table with what `Versioned` has.
pub(super) fn select<R: Stored>(kind: Kind) -> String {
    let (table, columns, kind) = (R::TABLE, R::COLUMNS, kind.as_str());
    format!(
        "select {columns}, created_at, updated_at, coalesce((select v.version from source_versions v
           where v.kind = '{kind}' and v.id = {table}.id), 0) as version from {table}"
    )
}

pub(super) fn kept<R: Stored>(row: &AnyRow) -> Result<Versioned<R>> {
    let (version, created, modified) = (row.int("version")?, row.int("created_at")?, row.int("updated_at")?);
    Ok(Versioned { row: R::read(row)?, version, created, modified })
}
