//! The door for writers of the source.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::SourceId;
use sqlx::AnyConnection;

use super::rows::Stored;
use super::{GroupRow, Membership, UserRow};
use crate::sql::{Arg, CHUNK, Sql};
use crate::transaction::Writing;
use crate::{Result, Store};

/// One change of the source.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceChange {
    /// Makes the user so.
    PutUser(UserRow),
    /// Makes the group so.
    PutGroup(GroupRow),
    /// Removes the user and its memberships.
    RemoveUser(SourceId),
    /// Removes the group and its memberships.
    RemoveGroup(SourceId),
    /// Adds a membership.
    PutMembership(Membership),
    /// Removes a membership.
    RemoveMembership(Membership),
}

/// What a list of changes did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Rows that are new.
    pub inserted: u64,
    /// Rows that differ now.
    pub updated: u64,
    /// Rows that were so already; nothing was written for them.
    pub unchanged: u64,
    /// Rows that are gone.
    pub removed: u64,
}

/// One transaction on the source. Dropped without `commit` it changes nothing.
#[derive(Debug)]
pub struct SourceWriter {
    store: Store,
    transaction: Writing,
}

impl Store {
    /// Begins to write the source. On SQLite there is one writer at a time: others, the sync among them, wait.
    pub async fn source_writer(&self) -> Result<SourceWriter> {
        Ok(SourceWriter { store: self.clone(), transaction: self.begin().await? })
    }
}

impl SourceWriter {
    /// Makes the changes in order. What is so already is not written, and emits no event.
    pub async fn apply(&mut self, changes: &[SourceChange]) -> Result<Applied> {
        let mut applied = Applied::default();
        let mut rest = changes;
        while let Some(first) = rest.first() {
            let (batch, later) = rest.split_at(batch_length(rest));
            rest = later;
            let connection = &mut *self.transaction;
            match first {
                SourceChange::PutUser(_) => put(connection, users(batch), &mut applied).await?,
                SourceChange::PutGroup(_) => put(connection, groups(batch), &mut applied).await?,
                SourceChange::PutMembership(_) => put_memberships(connection, batch, &mut applied).await?,
                SourceChange::RemoveUser(id) => remove(connection, "users", id, &mut applied).await?,
                SourceChange::RemoveGroup(id) => remove(connection, "groups", id, &mut applied).await?,
                SourceChange::RemoveMembership(membership) => remove_membership(connection, membership, &mut applied).await?,
            }
        }
        Ok(applied)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    /// Keeps them, and wakes who waits.
    pub async fn commit(self) -> Result<()> {
        self.transaction.commit().await?;
        self.store.notify();
        Ok(())
    }
}

/// How many of the changes, from the first, can be made by one statement: puts of one sort, no row twice.
fn batch_length(changes: &[SourceChange]) -> usize {
    let mut seen = BTreeSet::new();
    let mut sort = None;
    let mut length = 0;
    for change in changes.iter().take(CHUNK) {
        let key = match change {
            SourceChange::PutUser(row) => (1, row.id.as_str().to_owned()),
            SourceChange::PutGroup(row) => (2, row.id.as_str().to_owned()),
            SourceChange::PutMembership(row) => (3, format!("{row:?}")),
            SourceChange::RemoveUser(_) | SourceChange::RemoveGroup(_) | SourceChange::RemoveMembership(_) => break,
        };
        if *sort.get_or_insert(key.0) != key.0 || !seen.insert(key.1) {
            break;
        }
        length += 1;
    }
    length.max(1)
}

fn users(batch: &[SourceChange]) -> Vec<&UserRow> {
    batch.iter().filter_map(|change| if let SourceChange::PutUser(row) = change { Some(row) } else { None }).collect()
}

fn groups(batch: &[SourceChange]) -> Vec<&GroupRow> {
    batch.iter().filter_map(|change| if let SourceChange::PutGroup(row) = change { Some(row) } else { None }).collect()
}

/// Writes the rows that are not stored so already; an update is an update for the triggers too.
async fn put<R: Stored>(connection: &mut AnyConnection, rows: Vec<&R>, applied: &mut Applied) -> Result<()> {
    let (table, columns) = (R::TABLE, R::COLUMNS);
    let known: BTreeMap<SourceId, R> = Sql::new(&format!("select {columns} from {table} where id in (values "))
        .rows(rows.iter().map(|row| [Arg::from(row.id())]))
        .text(")")
        .all(connection)
        .await?
        .iter()
        .map(|row| R::read(row).map(|row| (row.id().clone(), row)))
        .collect::<Result<_>>()?;
    let mut changed = Vec::new();
    for row in rows {
        match known.get(row.id()) {
            Some(stored) if stored == row => applied.unchanged += 1,
            stored => {
                *(if stored.is_some() { &mut applied.updated } else { &mut applied.inserted }) += 1;
                changed.push(row.args()?);
            }
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    let sets: Vec<String> = columns.split(", ").skip(1).map(|column| format!("{column} = excluded.{column}")).collect();
    Sql::new(&format!("insert into {table} ({columns}) values "))
        .rows(changed)
        .text(&format!(" on conflict (id) do update set {}, updated_at = excluded.updated_at", sets.join(", ")))
        .run(connection)
        .await?;
    Ok(())
}

async fn put_memberships(connection: &mut AnyConnection, batch: &[SourceChange], applied: &mut Applied) -> Result<()> {
    let rows =
        batch.iter().filter_map(|change| if let SourceChange::PutMembership(row) = change { Some(row.args()) } else { None });
    let inserted = Sql::new("insert into memberships (group_id, role, member_kind, member_id) values ")
        .rows(rows)
        .text(" on conflict (group_id, role, member_kind, member_id) do nothing returning member_id")
        .all(connection)
        .await?
        .len() as u64;
    applied.inserted += inserted;
    applied.unchanged += batch.len() as u64 - inserted;
    Ok(())
}

async fn remove(connection: &mut AnyConnection, table: &str, id: &SourceId, applied: &mut Applied) -> Result<()> {
    let sql = Sql::new(&format!("delete from {table} where id = $1 returning id")).arg(id);
    removed(sql.all(connection).await?.len(), applied);
    Ok(())
}

async fn remove_membership(connection: &mut AnyConnection, membership: &Membership, applied: &mut Applied) -> Result<()> {
    let sql = Sql::new(
        "delete from memberships where group_id = $1 and role = $2 and member_kind = $3 and member_id = $4 returning member_id",
    );
    removed(membership.args().into_iter().fold(sql, Sql::arg).all(connection).await?.len(), applied);
    Ok(())
}

fn removed(rows: usize, applied: &mut Applied) {
    applied.removed += rows as u64;
    applied.unchanged += u64::from(rows == 0);
}
