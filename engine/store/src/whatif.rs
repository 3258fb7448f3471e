//! The unique values that another mapping would want, beside what is stored: which of them would clash. Kept in temporary tables
//! of one connection, so that memory does not grow with the source and nothing of it stays.

use std::str::FromStr as _;

use entrain_model::{Kind, ObjectRef, TargetId, TargetName};
use sqlx::any::{AnyConnectOptions, AnyRow};
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions as _, Executor as _};

use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit};
use crate::{Result, Store, StoreError};

/// A unique value that an object would want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// Whose.
    pub object: ObjectRef,
    /// The attribute and the folded value; none says that the object wants nothing any more.
    pub value: Option<(String, String)>,
    /// Whether it would want it newly.
    pub new: bool,
}

/// A unique value that could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The kind of the objects.
    pub kind: Kind,
    /// The attribute.
    pub attribute: String,
    /// The folded value.
    pub value: String,
    /// How many objects would want it.
    pub objects: u64,
    /// One or two of them.
    pub wanted_by: Vec<ObjectRef>,
    /// The record of the target that has it and would keep it.
    pub held_by: Option<TargetId>,
}

/// All clashes: how many there are, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clashes {
    /// Values that more than one object would want.
    pub wanted: u64,
    /// Values that a record has which is another object's or nobody's.
    pub held: u64,
    /// The first of both.
    pub first: Vec<Clash>,
}

/// What would be wanted, while it is gathered.
#[derive(Debug)]
pub struct Wants {
    connection: AnyConnection,
    target: TargetName,
    rows: u64,
}

impl Store {
    /// Begins to gather what would be wanted of a target.
    pub async fn wants(&self, target: &TargetName) -> Result<Wants> {
        let options = AnyConnectOptions::from_str(self.url()).map_err(StoreError::from)?;
        let mut connection = options.connect().await?;
        let text = self.dialect().text();
        connection.execute(self.dialect().scratch_greeting()).await?;
        let table = format!(
            "create temporary table wants (kind {text} not null, id {text} not null, attribute {text} not null,
               value {text} not null, new bigint not null)"
        );
        connection.execute(AssertSqlSafe(table)).await?;
        Ok(Wants { connection, target: target.clone(), rows: 0 })
    }
}

impl Wants {
    /// Adds values. Of an object that is added at all, what is stored does not count any more.
    pub async fn put(&mut self, wants: &[Want]) -> Result<()> {
        for chunk in wants.chunks(CHUNK) {
            self.rows += chunk.len() as u64;
            Sql::new("insert into wants (kind, id, attribute, value, new) values ")
                .rows(chunk.iter().map(|want| -> [Arg; 5] {
                    let (attribute, value) = want.value.as_ref().map_or(("", ""), |(a, v)| (a.as_str(), v.as_str()));
                    [want.object.kind.into(), (&want.object.id).into(), attribute.into(), value.into(), want.new.into()]
                }))
                .run(&mut self.connection)
                .await?;
        }
        Ok(())
    }

    /// Which values could not be had; the first `keep` of either sort are told.
    pub async fn clashes(mut self, keep: usize) -> Result<Clashes> {
        let mut clashes = Clashes::default();
        if self.rows == 0 {
            return Ok(clashes);
        }
        self.connection.execute("create index wants_value on wants (kind, attribute, value)").await?;
        self.connection.execute("create index wants_object on wants (kind, id)").await?;
        self.connection.execute("analyze wants").await?;
        clashes.wanted = self.count(WANTED).await?;
        for row in &self.rows(WANTED, " order by kind, attribute, value limit $2", keep).await? {
            clashes.first.push(wanted(row)?);
        }
        clashes.held = self.count(HELD).await?;
        for row in &self.rows(HELD, " order by w.kind, w.attribute, w.value, m.id limit $2", keep).await? {
            clashes.first.push(held(row)?);
        }
        Ok(clashes)
    }

    async fn count(&mut self, sql: &str) -> Result<u64> {
        let sql = Sql::new(&format!("select count(*) as n from ({sql}) as clashes")).arg(&self.target);
        Ok(u64::try_from(sql.number(&mut self.connection).await?).unwrap_or(0))
    }

    async fn rows(&mut self, sql: &str, order: &str, keep: usize) -> Result<Vec<AnyRow>> {
        Sql::new(&format!("{sql}{order}")).arg(&self.target).arg(limit(keep)).all(&mut self.connection).await
    }
}

/// Values that more than one object would want, one of them newly. An object that is not gathered keeps what is stored.
const WANTED: &str = "select kind, attribute, value, count(*) as objects, min(id) as first_id, max(id) as last_id
     from (
       select kind, id, attribute, value, new from wants where attribute <> ''
       union all
       select d.kind, d.id, d.attribute, d.value, 0
       from (select distinct kind, attribute, value from wants where new = 1) as w
       cross join desired_unique d
       cross join source_versions v
       where d.target = $1 and d.kind = w.kind and d.attribute = w.attribute and d.value = w.value
         and v.kind = d.kind and v.id = d.id and v.present = 1
         and not exists (select 1 from wants o where o.kind = d.kind and o.id = d.id)
     ) as every
     group by kind, attribute, value
     having count(*) > 1 and max(new) = 1";

/// Values newly wanted of a linked record that another live record has: nobody's, or that of an object that is not gathered. What such
/// an object wants itself is told by the other question.
const HELD: &str = "select w.kind as kind, w.id as id, w.attribute as attribute, w.value as value, m.id as record
     from wants w
     cross join links own
     cross join mirror_keys x
     cross join mirror m
     left join links h on h.target = $1 and h.target_id = m.id
     where w.new = 1 and own.target = $1 and own.kind = w.kind and own.id = w.id
       and x.target = $1 and x.kind = w.kind and x.attribute = w.attribute and x.value = w.value
       and m.target = $1 and m.kind = x.kind and m.id = x.id and m.condition = 'live' and m.id <> own.target_id
       and (h.id is null or not exists (select 1 from wants o where o.kind = h.kind and o.id = h.id))
       and not exists (select 1 from desired_unique u where u.target = $1 and u.kind = h.kind and u.id = h.id
         and u.attribute = w.attribute and u.value = w.value)";

fn wanted(row: &AnyRow) -> Result<Clash> {
    let kind = row.word("kind")?;
    let object = |id: String| ObjectRef { kind, id: id.into() };
    Ok(Clash {
        kind,
        attribute: row.str("attribute")?,
        value: row.str("value")?,
        objects: row.count("objects")?,
        wanted_by: vec![object(row.str("first_id")?), object(row.str("last_id")?)],
        held_by: None,
    })
}

fn held(row: &AnyRow) -> Result<Clash> {
    let object = row.object("")?;
    Ok(Clash {
        kind: object.kind,
        attribute: row.str("attribute")?,
        value: row.str("value")?,
        objects: 1,
        wanted_by: vec![object],
        held_by: Some(row.str("record")?.into()),
    })
}
