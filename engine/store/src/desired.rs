//! What the mapping wants, one row per target and object.

mod names;
mod standing;

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Desired, Evidence, ObjectRef, SourceId, TargetName, fold};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

pub use standing::{Standing, StoredBody};

use crate::sql::{Arg, CHUNK, Columns as _, Sql, to_json};
use crate::{Result, Store};

/// A matching key: the target record of this object is the one that has this value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its strength; smaller is stronger.
    pub rank: i64,
    /// The same in words.
    pub evidence: Evidence,
    /// The target attribute, nested ones by a dotted path; ignored for [`Evidence::TargetId`].
    pub attribute: String,
    /// The value, compared folded.
    pub value: String,
}

/// The mapped state of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredRow {
    /// Which.
    pub object: ObjectRef,
    /// The version of the source object that was mapped.
    pub source_version: i64,
    /// What shall be.
    pub desired: Desired,
    /// The keys by which its record is found.
    pub keys: Vec<Key>,
    /// The unique values that it wants: attribute and value, compared folded.
    pub unique: Vec<(String, String)>,
    /// Under which rules it was made, in the caller's words; empty if it must be made again whatever happens.
    pub ruling: String,
    /// The user whose record was read for it, and that record's version (0 if there is none).
    pub looks_up: Option<(SourceId, i64)>,
}

/// The pseudo attribute under which the ids of records are indexed.
pub(crate) const ID_KEY: &str = "id";

impl Store {
    /// Replaces rows, their keys and their unique wants. A linked object that enters or leaves the target by it gets a
    /// new link version, so that what was planned before is not carried out.
    pub async fn put_desired(&self, target: &TargetName, rows: &[DesiredRow]) -> Result<()> {
        let mut transaction = self.begin_derived().await?;
        put(&mut transaction, target, rows).await?;
        Ok(transaction.commit().await?)
    }

    /// Drops rows whose object is gone from the source and that have neither a link nor a change of unknown outcome. Returns
    /// how many.
    pub async fn prune_desired(&self, target: &TargetName) -> Result<u64> {
        let mut transaction = self.begin_derived().await?;
        let pruned = Sql::new(
            "delete from desired where target = $1
               and not exists (select 1 from source_versions v where v.kind = desired.kind and v.id = desired.id and v.present = 1)
               and not exists (select 1 from links l where l.target = $1 and l.kind = desired.kind and l.id = desired.id)
               and not exists (select 1 from effects e where e.target = $1 and e.kind = desired.kind and e.id = desired.id
                 and e.state in ('started', 'unknown'))",
        )
        .arg(target)
        .run(&mut transaction)
        .await?;
        for table in [KEYS.table, UNIQUE.table] {
            if pruned > 0 {
                Sql::new(&format!(
                    "delete from {table} where target = $1
                       and not exists (select 1 from desired d where d.target = $1 and d.kind = {table}.kind and d.id = {table}.id)"
                ))
                .arg(target)
                .run(&mut transaction)
                .await?;
            }
        }
        transaction.commit().await?;
        Ok(pruned)
    }
}

/// Replaces rows within a transaction.
pub(crate) async fn put(connection: &mut AnyConnection, target: &TargetName, rows: &[DesiredRow]) -> Result<()> {
    let rows: BTreeMap<&ObjectRef, &DesiredRow> = rows.iter().map(|row| (&row.object, row)).collect();
    let rows: Vec<&DesiredRow> = rows.into_values().collect();
    for chunk in rows.chunks(CHUNK) {
        put_states(connection, target, chunk).await?;
        names::put(connection, target, chunk).await?;
        KEYS.put(connection, target, chunk, keys(chunk)?).await?;
        UNIQUE.put(connection, target, chunk, unique(chunk)).await?;
    }
    Ok(())
}

/// The stored form of a state: its word, its reason, the whole, and what it was made from.
struct State {
    source_version: i64,
    word: &'static str,
    why: Option<String>,
    body: String,
    ruling: String,
    looks_up: Option<SourceId>,
    looks_up_version: i64,
}

impl State {
    fn of(row: &DesiredRow) -> Result<Self> {
        let (word, why) = match &row.desired {
            Desired::Present(_) => ("present", None),
            Desired::Absent(why) => ("absent", Some(why.code())),
            Desired::OutOfScope(why) => ("out_of_scope", Some(why.code())),
            Desired::Held(hold) => ("held", Some(hold.code())),
        };
        let (looks_up, looks_up_version) = row.looks_up.clone().unzip();
        Ok(Self {
            source_version: row.source_version,
            word,
            why: why.map(str::to_owned),
            body: to_json(&row.desired)?,
            ruling: row.ruling.clone(),
            looks_up,
            looks_up_version: looks_up_version.unwrap_or(0),
        })
    }

    /// Whether a stored row says all of this already.
    fn stands_in(&self, row: &AnyRow) -> Result<bool> {
        Ok(row.int("source_version")? == self.source_version
            && row.str("body")? == self.body
            && row.str("ruling")? == self.ruling
            && row.opt_str("looks_up")?.as_deref() == self.looks_up.as_ref().map(SourceId::as_str)
            && row.int("looks_up_version")? == self.looks_up_version)
    }
}

async fn put_states(connection: &mut AnyConnection, target: &TargetName, rows: &[&DesiredRow]) -> Result<()> {
    let mut known = BTreeMap::new();
    let sql = Sql::new(
        "select kind, id, source_version, state, body, ruling, looks_up, looks_up_version from desired
         where target = $1 and (kind, id) in (select * from (values ",
    );
    for row in sql.arg(target).objects(rows.iter().map(|row| &row.object)).text(") as page)").all(connection).await? {
        known.insert(row.object("")?, row);
    }
    let (mut changed, mut moved) = (Vec::new(), Vec::new());
    for row in rows {
        let state = State::of(row)?;
        let stored = known.get(&row.object);
        if stored.map(|stored| state.stands_in(stored)).transpose()? == Some(true) {
            continue;
        }
        let word = stored.map(|stored| stored.str("state")).transpose()?;
        if word.is_some_and(|word| (word == "present") != (state.word == "present")) {
            moved.push(&row.object);
        }
        changed.push((&row.object, state));
    }
    write_states(connection, target, changed).await?;
    if !moved.is_empty() {
        let sql = Sql::new(
            "update links set version = version + 1, run = '' where target = $1 and (kind, id) in (select * from (values ",
        );
        sql.arg(target).objects(moved).text(") as page)").run(connection).await?;
    }
    Ok(())
}

async fn write_states(connection: &mut AnyConnection, target: &TargetName, changed: Vec<(&ObjectRef, State)>) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    Sql::new(
        "insert into desired (target, kind, id, source_version, state, why, body, ruling, looks_up, looks_up_version) values ",
    )
    .rows(changed.into_iter().map(|(object, state)| -> [Arg; 10] {
        [
            target.into(),
            object.kind.into(),
            (&object.id).into(),
            state.source_version.into(),
            state.word.into(),
            state.why.into(),
            state.body.into(),
            state.ruling.into(),
            state.looks_up.as_ref().map(SourceId::as_str).into(),
            state.looks_up_version.into(),
        ]
    }))
    .text(
        " on conflict (target, kind, id) do update set source_version = excluded.source_version, state = excluded.state,
               why = excluded.why, body = excluded.body, ruling = excluded.ruling, looks_up = excluded.looks_up,
               looks_up_version = excluded.looks_up_version",
    )
    .run(connection)
    .await?;
    Ok(())
}

/// A table of what belongs to a desired row. Rows are compared as text, so that a page that changes nothing writes nothing.
struct Parts {
    table: &'static str,
    /// The columns after target, kind and id.
    columns: &'static str,
    /// Of those, the one that holds a number.
    number: Option<usize>,
}

const KEYS: Parts = Parts { table: "desired_keys", columns: "rank, attribute, value, evidence", number: Some(0) };
const UNIQUE: Parts = Parts { table: "desired_unique", columns: "attribute, value", number: None };

type Part = (ObjectRef, Vec<String>);

impl Parts {
    async fn put(
        &self,
        connection: &mut AnyConnection,
        target: &TargetName,
        rows: &[&DesiredRow],
        wanted: BTreeSet<Part>,
    ) -> Result<()> {
        let stored = self.stored(connection, target, rows).await?;
        let (table, columns) = (self.table, self.columns);
        let gone: Vec<&Part> = stored.difference(&wanted).collect();
        for chunk in gone.chunks(CHUNK) {
            Sql::new(&format!("delete from {table} where target = $1 and (kind, id, {columns}) in (select * from (values "))
                .arg(target)
                .rows(chunk.iter().map(|part| self.args(part)))
                .text(") as page)")
                .run(connection)
                .await?;
        }
        let new: Vec<&Part> = wanted.difference(&stored).collect();
        for chunk in new.chunks(CHUNK) {
            Sql::new(&format!("with page (kind, id, {columns}) as (values "))
                .arg(target)
                .rows(chunk.iter().map(|part| self.args(part)))
                .text(&format!(
                    ") insert into {table} (target, kind, id, {columns}) select $1, kind, id, {columns} from page where true
                     on conflict do nothing"
                ))
                .run(connection)
                .await?;
        }
        Ok(())
    }

    async fn stored(&self, connection: &mut AnyConnection, target: &TargetName, rows: &[&DesiredRow]) -> Result<BTreeSet<Part>> {
        let sql = Sql::new(&format!(
            "select kind, id, {} from {} where target = $1 and (kind, id) in (select * from (values ",
            self.columns, self.table
        ))
        .arg(target)
        .objects(rows.iter().map(|row| &row.object))
        .text(") as page)");
        let mut stored = BTreeSet::new();
        for row in sql.all(connection).await? {
            let mut part = Vec::new();
            for (index, column) in self.columns.split(", ").enumerate() {
                part.push(if self.number == Some(index) { row.int(column)?.to_string() } else { row.str(column)? });
            }
            stored.insert((row.object("")?, part));
        }
        Ok(stored)
    }

    fn args(&self, (object, part): &Part) -> Vec<Arg> {
        let mut args = vec![object.kind.into(), (&object.id).into()];
        args.extend(part.iter().enumerate().map(|(index, text)| match text.parse::<i64>() {
            Ok(number) if self.number == Some(index) => number.into(),
            _ => text.into(),
        }));
        args
    }
}

fn keys(rows: &[&DesiredRow]) -> Result<BTreeSet<Part>> {
    let mut parts = BTreeSet::new();
    for row in rows {
        for key in &row.keys {
            let attribute = if key.evidence == Evidence::TargetId { ID_KEY } else { &key.attribute };
            let part = vec![key.rank.to_string(), attribute.to_owned(), fold(&key.value), to_json(&key.evidence)?];
            parts.insert((row.object.clone(), part));
        }
    }
    Ok(parts)
}

fn unique(rows: &[&DesiredRow]) -> BTreeSet<Part> {
    let wants = rows.iter().flat_map(|row| row.unique.iter().map(move |want| (&row.object, want)));
    wants.map(|(object, (attribute, value))| (object.clone(), vec![attribute.clone(), fold(value)])).collect()
}
