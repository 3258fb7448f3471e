//! The configuration of the targets. It is kept as the operator wrote it; what it means is known elsewhere.

mod forget;

use entrain_model::{Millis, TargetName};
use serde_json::{Map, Value as Json};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::audit::{Entry, append};
use crate::sql::{Columns as _, Sql, to_json};
use crate::{Result, Store, StoreError};

/// The configuration of one target.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingsRow {
    /// The target.
    pub name: TargetName,
    /// Its keys, without the name. Secrets stand in it by their place alone.
    pub body: Map<String, Json>,
    /// The number of the change that made it so. No later change of any target has the same.
    pub revision: i64,
    /// When it was changed last.
    pub changed_at: Millis,
    /// By whom.
    pub changed_by: String,
}

/// The configuration of all targets, as it was at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// How often it was changed; 0 as long as a file decides.
    pub revision: i64,
    /// The targets by name.
    pub targets: Vec<SettingsRow>,
}

/// A change of the configuration of one target.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingsChange {
    /// The target.
    pub name: TargetName,
    /// What it shall be; `None` removes the target.
    pub body: Option<Map<String, Json>>,
    /// What it must be for that.
    pub expected: Expected,
    /// What becomes of runs that are under way with the configuration before.
    pub under_way: UnderWay,
}

/// What a configuration must be to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Not there.
    Absent,
    /// There, whatever it is.
    Present,
    /// Of this revision.
    Revision(i64),
}

/// What becomes of runs that are under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderWay {
    /// They go on: the change is none of what they do.
    GoesOn,
    /// What they have not begun is dropped, and queued anew.
    Drops,
}

/// What became of a file that is to be the first configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// It is.
    Taken,
    /// There is one already.
    Before,
}

impl Store {
    /// The configuration of all targets.
    pub async fn settings(&self) -> Result<Settings> {
        // One statement sees one moment, on either database.
        let sql = Sql::new(
            "select c.revision as changes, s.name as name, s.body as body, s.revision as revision, s.changed_at as changed_at, \
               s.changed_by as changed_by
             from settings_changes c left join target_settings s on 1 = 1 order by s.name",
        );
        let rows = sql.all(&mut *self.read().await?).await?;
        let revision = rows.first().map(|row| row.int("changes")).transpose()?.unwrap_or(0);
        let mut targets = Vec::new();
        for row in &rows {
            if row.opt_str("name")?.is_some() {
                targets.push(read(row)?);
            }
        }
        Ok(Settings { revision, targets })
    }

    /// How often the configuration was changed.
    pub async fn settings_revision(&self) -> Result<i64> {
        Sql::new("select revision as n from settings_changes").number(&mut *self.read().await?).await
    }

    /// Makes this the configuration, unless there was one before.
    pub async fn adopt_settings(&self, targets: &[(TargetName, Map<String, Json>)]) -> Result<Adopted> {
        let mut transaction = self.begin().await?;
        let revision = next(&mut transaction).await?;
        if revision > 1 {
            return Ok(Adopted::Before);
        }
        let mut entries = Vec::new();
        for (name, body) in targets {
            put(self, &mut transaction, name, body, revision).await?;
            entries.push(act("settings_adopted", name, None, Some(body)));
        }
        append(self, &mut transaction, entries).await?;
        transaction.commit().await?;
        self.notify();
        Ok(Adopted::Taken)
    }

    /// Carries all of these out, or none; the revision that they make.
    ///
    /// # Errors
    /// One is not as expected, or cannot be removed now.
    pub async fn change_settings(&self, changes: &[SettingsChange]) -> Result<i64> {
        let mut transaction = self.begin().await?;
        let revision = next(&mut transaction).await?;
        let mut entries = Vec::new();
        for change in changes {
            let name = &change.name;
            let sql = Sql::new("select * from target_settings where name = $1").arg(name);
            let standing = sql.one(&mut transaction).await?.as_ref().map(read).transpose()?;
            expect(change, standing.as_ref())?;
            let before = standing.as_ref().map(|row| &row.body);
            match &change.body {
                Some(body) => put(self, &mut transaction, name, body, revision).await?,
                None => self.forget(&mut transaction, name).await?,
            }
            if change.under_way == UnderWay::Drops {
                // Everything is looked at under the new one, as soon as it is loaded.
                let sql = Sql::new("update targets set epoch = epoch + 1, next_due_at = $2 where name = $1");
                sql.arg(name).arg(self.now()).run(&mut transaction).await?;
            }
            let action = if change.body.is_some() { "settings_changed" } else { "target_removed" };
            entries.push(act(action, name, before, change.body.as_ref()));
        }
        append(self, &mut transaction, entries).await?;
        transaction.commit().await?;
        self.notify();
        Ok(revision)
    }
}

/// Counts one more change. Whoever makes the next one waits for the end of this.
async fn next(connection: &mut AnyConnection) -> Result<i64> {
    Sql::new("update settings_changes set revision = revision + 1 returning revision as n").number(connection).await
}

/// Has everybody who serves look at the configuration anew: what it names has changed, and not what it says.
pub(crate) async fn touch(connection: &mut AnyConnection) -> Result<()> {
    Sql::new("update settings_changes set revision = revision + 1 where revision > 0").run(connection).await?;
    Ok(())
}

fn expect(change: &SettingsChange, standing: Option<&SettingsRow>) -> Result<()> {
    let name = &change.name;
    match (change.expected, standing) {
        (Expected::Absent, None) | (Expected::Present, Some(_)) => Ok(()),
        (Expected::Revision(wanted), Some(row)) if row.revision == wanted => Ok(()),
        (Expected::Revision(_), Some(row)) => Err(StoreError::Changed {
            what: format!("target `{name}`"),
            now: format!("it is at revision {} by {}", row.revision, row.changed_by),
        }),
        (Expected::Absent, Some(_)) => Err(StoreError::Conflict(format!("there is a target `{name}` already"))),
        (Expected::Present | Expected::Revision(_), None) => Err(StoreError::Missing { what: format!("target `{name}`") }),
    }
}

async fn put(
    store: &Store,
    connection: &mut AnyConnection,
    name: &TargetName,
    body: &Map<String, Json>,
    revision: i64,
) -> Result<()> {
    Sql::new("insert into target_settings (name, body, revision, changed_at, changed_by) values ")
        .rows([[name.into(), to_json(body)?.into(), revision.into(), store.now().into(), (&*store.author().name).into()]])
        .text(
            " on conflict (name) do update set body = excluded.body, revision = excluded.revision,
              changed_at = excluded.changed_at, changed_by = excluded.changed_by",
        )
        .run(connection)
        .await?;
    Ok(())
}

/// What the audit keeps: the keys that differ.
fn act(action: &str, name: &TargetName, before: Option<&Map<String, Json>>, after: Option<&Map<String, Json>>) -> Entry {
    let mut entry = Entry::act(action).target(name);
    let empty = Map::new();
    let (before, after) = (before.unwrap_or(&empty), after.unwrap_or(&empty));
    for (key, was) in before {
        if after.get(key) != Some(was) {
            entry = entry.before(key, was.clone());
        }
    }
    for (key, now) in after {
        if before.get(key) != Some(now) {
            entry = entry.after(key, now.clone());
        }
    }
    entry
}

fn read(row: &AnyRow) -> Result<SettingsRow> {
    Ok(SettingsRow {
        name: row.str("name")?.into(),
        body: row.json("body")?,
        revision: row.int("revision")?,
        changed_at: row.int("changed_at")?,
        changed_by: row.str("changed_by")?,
    })
}

#[cfg(test)]
mod tests;
