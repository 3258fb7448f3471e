//! Finding users and groups.

use std::collections::BTreeMap;

use entrain_model::{Kind, Millis, SourceId};
use sqlx::any::AnyRow;

use super::SourceTest;
use super::test::Table;
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

/// Which rows are wanted, and in which order.
#[derive(Clone, Debug)]
pub struct SourceQuery<'a> {
    /// What they pass.
    pub test: &'a SourceTest,
    /// Their order.
    pub order: (SourceOrder, SourceDirection),
    /// Goes on behind an id in the order of ids.
    pub after: Option<SourceId>,
    /// So many are left out before the first.
    pub skip: u64,
    /// At most so many.
    pub rows: usize,
}

impl SourceQuery<'_> {
    /// Adds what of it follows the conditions to a statement.
    pub(super) fn window(&self, table: Table, mut sql: Sql) -> Sql {
        if let Some(after) = &self.after {
            sql = sql.bind(" and id > ", after);
        }
        let (order, direction) = self.order;
        let direction = match direction {
            SourceDirection::Ascending => "",
            SourceDirection::Descending => " desc",
        };
        let by = order.column(table).map_or_else(String::new, |column| {
            format!("case when {column} is null then 1 else 0 end{direction}, {column}{direction}, ")
        });
        let skip = i64::try_from(self.skip).unwrap_or(i64::MAX);
        sql.text(&format!(" order by {by}id{direction}")).bind(" limit ", limit(self.rows)).bind(" offset ", skip)
    }
}

impl SourceOrder {
    /// What a table is ordered by beside the id. Resources have no names.
    fn column(self, table: Table) -> Option<&'static str> {
        match (self, table) {
            (SourceOrder::Id, _) | (SourceOrder::Login | SourceOrder::Name, Table::Resources) => None,
            (SourceOrder::Login, Table::Users) => Some("lower(user_name)"),
            (SourceOrder::Login | SourceOrder::Name, Table::Users | Table::Groups) => Some("lower(display_name)"),
            (SourceOrder::ExternalId, _) => Some("external_id"),
            (SourceOrder::Created, _) => Some("created_at"),
            (SourceOrder::Modified, _) => Some("updated_at"),
        }
    }
}

impl Store {
    /// Users that a query finds.
    pub async fn find_users(&self, query: &SourceQuery<'_>) -> Result<Vec<Versioned<UserRow>>> {
        self.find(Kind::User, query).await
    }

    /// Groups that a query finds.
    pub async fn find_groups(&self, query: &SourceQuery<'_>) -> Result<Vec<Versioned<GroupRow>>> {
        self.find(Kind::Group, query).await
    }

    async fn find<R: Stored>(&self, kind: Kind, query: &SourceQuery<'_>) -> Result<Vec<Versioned<R>>> {
        let sql = query.test.write(kind.into(), Sql::new(&format!("{} where ", select::<R>(kind))));
        query.window(kind.into(), sql).all(&mut *self.read().await?).await?.iter().map(kept).collect()
    }

    /// How many pass.
    pub async fn count_found(&self, kind: Kind, test: &SourceTest) -> Result<u64> {
        let table = if kind == Kind::User { "users" } else { "groups" };
        let sql = test.write(kind.into(), Sql::new(&format!("select count(*) as n from {table} where ")));
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
