//! The difference of references: memberships, owners and managers of the source against those of the mirror.

mod sql;

use entrain_model::{Kind, ObjectRef, Relation, RunId, TargetId, TargetName};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::sql::{CHUNK, Columns as _, Sql, limit};
use crate::{Result, Store};

/// What is to be done about one reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceChange {
    /// The group, or for managers the user, whose record has the reference.
    pub object: ObjectRef,
    /// What the other is to it.
    pub relation: Relation,
    /// What to do.
    pub edit: ReferenceEdit,
    /// The object at the other end, if somebody changed the reference in the target since the two agreed.
    pub moved: Option<ObjectRef>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceEdit {
    /// The source has it and the target does not.
    Add(ObjectRef),
    /// The target has it, between records linked to present objects, and the source does not.
    Remove {
        /// The other's kind.
        to_kind: Kind,
        /// The other's record.
        to: TargetId,
    },
    /// The other is held and has no record.
    Waits(ObjectRef),
    /// An object in itself, which no target takes.
    Itself,
}

/// Whose references.
#[derive(Clone, Copy, Debug)]
pub enum ReferenceScope<'a> {
    /// Those that the records of these objects have.
    Only(&'a [ObjectRef]),
    /// All.
    Everything,
}

/// What becomes of the memberships of users that left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Leavers {
    /// They stay as they are.
    #[default]
    Stay,
    /// They are removed.
    GoOut,
}

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceCursor {
    stage: Stage,
    /// How many objects of a list are done with, in this stage.
    done: usize,
    /// The key of the last row, of the whole or of the object that is next in the list.
    key: Vec<String>,
}

/// Each stage walks one index from its beginning to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Managers,
    Members,
    Removals,
}

impl Stage {
    /// The beginning of the next stage.
    fn next(self) -> Option<ReferenceCursor> {
        let stage = match self {
            Stage::Managers => Stage::Members,
            Stage::Members => Stage::Removals,
            Stage::Removals => return None,
        };
        Some(ReferenceCursor { stage, done: 0, key: Vec::new() })
    }

    /// The columns of the index that it walks, in the order of its rows.
    fn columns(self) -> &'static str {
        match self {
            Stage::Managers => "u.id",
            Stage::Members => "m.group_id, m.role, m.member_kind, m.member_id",
            Stage::Removals => "r.id, r.relation, r.to_id",
        }
    }

    /// The names of these columns in its rows.
    fn key_columns(self) -> &'static [&'static str] {
        match self {
            Stage::Managers => &["id"],
            Stage::Members => &["id", "relation", "to_kind", "to_id"],
            Stage::Removals => &["from_record", "relation", "to_record"],
        }
    }

    fn key_length(self) -> usize {
        self.key_columns().len()
    }
}

impl Store {
    /// The next differences, and where to go on; `None` at the end. A page may be empty before the end. Additions come before removals. An object that is not
    /// present here, that is parked, or whose record must not be written has none. A reference is removed only between
    /// records that are linked to present objects; one to an object that left stays as it is. What the plan of the run will
    /// link is compared as if it were linked.
    pub async fn reference_page(
        &self,
        target: &TargetName,
        run: &RunId,
        (scope, leavers): (ReferenceScope<'_>, Leavers),
        after: Option<ReferenceCursor>,
        rows: usize,
    ) -> Result<(Vec<ReferenceChange>, Option<ReferenceCursor>)> {
        page(&mut *self.read().await?, target, run, (scope, leavers), after, rows).await
    }
}

/// The next differences, by a connection that may be within a transaction.
pub(crate) async fn page(
    connection: &mut AnyConnection,
    target: &TargetName,
    run: &RunId,
    (scope, leavers): (ReferenceScope<'_>, Leavers),
    after: Option<ReferenceCursor>,
    rows: usize,
) -> Result<Page> {
    let mut changes = Vec::new();
    let first = after.unwrap_or(ReferenceCursor { stage: Stage::Managers, done: 0, key: Vec::new() });
    let ReferenceScope::Only(objects) = scope else { return all(connection, (target, run, leavers), first, rows).await };
    let mut next = Some(first);
    while let Some(cursor) = next.take_if(|_| changes.len() < rows) {
        let room = rows - changes.len();
        let (found, then) = some(connection, (target, run, leavers), objects, cursor, room).await?;
        changes.extend(found);
        next = then;
    }
    Ok((changes, next))
}

type Page = (Vec<ReferenceChange>, Option<ReferenceCursor>);

/// References that are looked at for each change that a page may hold: a page ends in bounded time, also where nothing differs.
const LOOKED_AT: usize = 10;

async fn all(
    connection: &mut AnyConnection,
    (target, run, leavers): (&TargetName, &RunId, Leavers),
    cursor: ReferenceCursor,
    rows: usize,
) -> Result<Page> {
    let stage = cursor.stage;
    let end = end_of(connection, target, &cursor, rows.saturating_mul(LOOKED_AT)).await?;
    let (columns, length) = (stage.columns(), stage.key_length());
    let until = match &end {
        Some(_) => format!("and ({columns}) <= ({})", places(3 + length, length)),
        None => String::new(),
    };
    let last = 3 + length * if end.is_some() { 2 } else { 1 };
    let page = format!("({columns}) > ({}) {until} order by {columns} limit ${last}", places(3, length));
    let text = match stage {
        Stage::Managers => sql::additions(&sql::MANAGER, &page),
        Stage::Members => sql::additions(&sql::MEMBER, &page),
        Stage::Removals => sql::removals(leavers, &page),
    };
    let sql = keyed(Sql::new(&text).arg(target).arg(run), &cursor.key, length);
    let sql = end.iter().flatten().fold(sql, |sql, column| sql.arg(column)).arg(limit(rows));
    let found = sql.all(connection).await?;
    let next = match (found.last(), end) {
        (Some(last), _) if found.len() == rows => Some(ReferenceCursor { stage, done: 0, key: key_of(last, stage)? }),
        (_, Some(key)) => Some(ReferenceCursor { stage, done: 0, key }),
        (_, None) => stage.next(),
    };
    Ok((changes(&found)?, next))
}

/// The key so many references further on; none if there are fewer.
async fn end_of(
    connection: &mut AnyConnection,
    target: &TargetName,
    cursor: &ReferenceCursor,
    references: usize,
) -> Result<Option<Vec<String>>> {
    let (stage, columns, length) = (cursor.stage, cursor.stage.columns(), cursor.stage.key_length());
    let (table, within) = match stage {
        Stage::Managers => ("users u", ""),
        Stage::Members => ("memberships m", ""),
        Stage::Removals => ("mirror_refs r", "r.target = $1 and "),
    };
    let named = stage.key_columns().iter().zip(columns.split(", ")).map(|(name, column)| format!("{column} as {name}"));
    let text = format!(
        "select {} from {table} where {within}({columns}) > ({}) order by {columns} limit 1 offset ${}",
        named.collect::<Vec<_>>().join(", "),
        places(2, length),
        2 + length
    );
    let sql = keyed(Sql::new(&text).arg(target), &cursor.key, length).arg(limit(references.saturating_sub(1)));
    sql.one(connection).await?.map(|row| key_of(&row, stage)).transpose()
}

/// So many placeholders, beginning with this number.
fn places(first: usize, number: usize) -> String {
    (first..first + number).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

/// Users have one manager at most and go by the page; groups may be large and go one by one.
async fn some(
    connection: &mut AnyConnection,
    (target, run, leavers): (&TargetName, &RunId, Leavers),
    objects: &[ObjectRef],
    cursor: ReferenceCursor,
    rows: usize,
) -> Result<Page> {
    let ReferenceCursor { stage, done, key } = cursor;
    let rest: Vec<&ObjectRef> = objects.iter().filter(|object| stage != Stage::Members || object.kind == Kind::Group).collect();
    let Some(first) = rest.get(done) else { return Ok((Vec::new(), stage.next())) };
    if first.kind == Kind::Group {
        if stage == Stage::Managers {
            return Ok((Vec::new(), Some(ReferenceCursor { stage, done: done + 1, key: Vec::new() })));
        }
        let text = match stage {
            Stage::Members | Stage::Managers => sql::additions(
                &sql::MEMBER,
                "m.group_id = $3 and (m.role, m.member_kind, m.member_id) > ($4, $5, $6)
                   order by m.role, m.member_kind, m.member_id limit $7",
            ),
            Stage::Removals => sql::removals(
                leavers,
                "r.id = (select o.target_id from links o where o.target = $1 and o.kind = 'group' and o.id = $3)
                   and (r.relation, r.to_id) > ($4, $5) order by r.relation, r.to_id limit $6",
            ),
        };
        let within = key.get(1..).unwrap_or_default();
        let sql = keyed(Sql::new(&text).arg(target).arg(run).arg(&first.id), within, stage.key_length() - 1).arg(limit(rows));
        let found = sql.all(connection).await?;
        let next = match found.last() {
            Some(last) if found.len() == rows => ReferenceCursor { stage, done, key: key_of(last, stage)? },
            _ => ReferenceCursor { stage, done: done + 1, key: Vec::new() },
        };
        return Ok((changes(&found)?, Some(next)));
    }
    let users: Vec<&ObjectRef> =
        rest[done..].iter().copied().take_while(|object| object.kind == Kind::User).take(CHUNK).collect();
    let text = match stage {
        Stage::Managers | Stage::Members => sql::additions(&sql::MANAGER, "u.id in (values "),
        Stage::Removals => sql::removals(
            leavers,
            "r.id in (select o.target_id from links o where o.target = $1 and o.kind = 'user' and o.id in (values ",
        ),
    };
    let close = if stage == Stage::Removals { "))" } else { ")" };
    let sql = Sql::new(&text).arg(target).arg(run).rows(users.iter().map(|user| [(&user.id).into()])).text(close);
    let found = sql.all(connection).await?;
    Ok((changes(&found)?, Some(ReferenceCursor { stage, done: done + users.len(), key: Vec::new() })))
}

/// Gives the columns of a key; those of none come before all others.
fn keyed(sql: Sql, key: &[String], length: usize) -> Sql {
    (0..length).fold(sql, |sql, column| sql.arg(key.get(column).map_or("", String::as_str)))
}

fn key_of(row: &AnyRow, stage: Stage) -> Result<Vec<String>> {
    stage.key_columns().iter().map(|column| row.str(column)).collect()
}

fn changes(rows: &[AnyRow]) -> Result<Vec<ReferenceChange>> {
    rows.iter()
        .map(|row| {
            let (object, to) = (row.object("")?, row.object("to_")?);
            let record = row.opt_str("to_record")?;
            let moved = (row.int("moved")? != 0).then(|| to.clone());
            let edit = match row.opt_str("to_state")?.as_deref() {
                None => ReferenceEdit::Remove { to_kind: to.kind, to: TargetId::from(record.unwrap_or_default()) },
                Some(_) if object == to => ReferenceEdit::Itself,
                Some("held") if record.is_none() => ReferenceEdit::Waits(to),
                Some(_) => ReferenceEdit::Add(to),
            };
            Ok(ReferenceChange { object, relation: row.word("relation")?, edit, moved })
        })
        .collect()
}
