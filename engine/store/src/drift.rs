//! What of the lines of a plan puts right what somebody did in the target, and how often that was needed of late.

use std::collections::BTreeMap;

use entrain_model::{Kind, Millis, ObjectRef, RunId, TargetName};
use sqlx::AnyConnection;

use crate::sql::{Arg, CHUNK, Columns as _, Sql, limit};
use crate::{Result, Store};

/// One value or reference that somebody changed in the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The attribute, dotted for a part; the relation of a reference.
    pub attribute: String,
    /// The object at the other end of a reference.
    pub other: Option<ObjectRef>,
}

/// How many values and references, by kind and attribute.
pub type DriftCounts = BTreeMap<(Kind, String), u64>;

/// What of a run was drift.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriftTally {
    /// What was found.
    pub found: DriftCounts,
    /// Of that, what was put right.
    pub repaired: DriftCounts,
}

/// A value or reference that was put right again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refought {
    /// Whose.
    pub object: ObjectRef,
    /// The object at the other end of a reference, in words; empty for an attribute.
    pub other: String,
    /// How often.
    pub times: u64,
    /// When first within the time that was asked for.
    pub first_at: Millis,
    /// When last.
    pub last_at: Millis,
}

/// An attribute or relation that somebody else writes as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fight {
    /// Of which kind of object.
    pub kind: Kind,
    /// Which.
    pub attribute: String,
    /// How many values or references.
    pub values: u64,
    /// Those that were put right most often.
    pub foremost: Vec<Refought>,
}

impl Store {
    /// What of a run was drift, and what of it was put right.
    pub async fn drift_tally(&self, run: &RunId) -> Result<DriftTally> {
        let rows = Sql::new(
            "select kind, attribute, count(*) as found, count(repaired_at) as repaired from drift where run = $1
             group by kind, attribute order by kind, attribute",
        )
        .arg(run)
        .all(&mut *self.read().await?)
        .await?;
        let mut tally = DriftTally::default();
        for row in rows {
            let key = (row.word("kind")?, row.str("attribute")?);
            tally.found.insert(key.clone(), row.count("found")?);
            if row.count("repaired")? > 0 {
                tally.repaired.insert(key, row.count("repaired")?);
            }
        }
        Ok(tally)
    }

    /// How many values and references were put right since.
    pub async fn drift_repaired(&self, target: &TargetName, since: Millis) -> Result<DriftCounts> {
        let rows = Sql::new(
            "select kind, attribute, count(*) as n from drift where target = $1 and repaired_at >= $2 group by kind, attribute",
        )
        .arg(target)
        .arg(since)
        .all(&mut *self.read().await?)
        .await?;
        rows.iter().map(|row| Ok(((row.word("kind")?, row.str("attribute")?), row.count("n")?))).collect()
    }

    /// What was put right at least so often since, by kind and attribute, each with the foremost of its values.
    pub async fn fights(&self, target: &TargetName, since: Millis, times: u32, foremost: usize) -> Result<Vec<Fight>> {
        let mut connection = self.read().await?;
        let rows = Sql::new(
            "select kind, attribute, count(*) as n from (select kind, attribute, id, other from drift
               where target = $1 and repaired_at >= $2 group by kind, attribute, id, other having count(*) >= $3) as often
             group by kind, attribute order by kind, attribute",
        )
        .arg(target)
        .arg(since)
        .arg(i64::from(times))
        .all(&mut connection)
        .await?;
        let mut fights = Vec::with_capacity(rows.len());
        for row in rows {
            let (kind, attribute) = (row.word("kind")?, row.str("attribute")?);
            let of = (target, since, kind, attribute.as_str());
            let foremost = refought(&mut connection, of, times, foremost).await?;
            fights.push(Fight { kind, attribute, values: row.count("n")?, foremost });
        }
        Ok(fights)
    }

    /// What was put right since of an attribute or relation, most often first.
    pub async fn refought(
        &self,
        target: &TargetName,
        since: Millis,
        (kind, attribute): (Kind, &str),
        rows: usize,
    ) -> Result<Vec<Refought>> {
        refought(&mut *self.read().await?, (target, since, kind, attribute), 1, rows).await
    }
}

async fn refought(
    connection: &mut AnyConnection,
    (target, since, kind, attribute): (&TargetName, Millis, Kind, &str),
    times: u32,
    rows: usize,
) -> Result<Vec<Refought>> {
    let rows = Sql::new(
        "select kind, id, other, count(*) as n, min(repaired_at) as first_at, max(repaired_at) as last_at from drift
         where target = $1 and repaired_at >= $2 and kind = $3 and attribute = $4
         group by kind, id, other having count(*) >= $5 order by n desc, id, other limit $6",
    )
    .arg(target)
    .arg(since)
    .arg(kind)
    .arg(attribute)
    .arg(i64::from(times))
    .arg(limit(rows))
    .all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Refought {
                object: row.object("")?,
                other: row.str("other")?,
                times: row.count("n")?,
                first_at: row.int("first_at")?,
                last_at: row.int("last_at")?,
            })
        })
        .collect()
}

/// Notes the drift of new lines.
pub(crate) async fn put(connection: &mut AnyConnection, run: &RunId, lines: &[(i64, &ObjectRef, &Drift)]) -> Result<()> {
    for chunk in lines.chunks(CHUNK) {
        Sql::new("with page (run, seq, attribute, kind, id, other) as (values ")
            .rows(chunk.iter().map(|(seq, object, drift)| -> [Arg; 6] {
                [
                    run.into(),
                    (*seq).into(),
                    (&drift.attribute).into(),
                    object.kind.into(),
                    (&object.id).into(),
                    drift.other.as_ref().map(ToString::to_string).unwrap_or_default().into(),
                ]
            }))
            .text(
                ") insert into drift (run, seq, attribute, target, kind, id, other)
                 select p.run, p.seq, p.attribute, r.target, p.kind, p.id, p.other from page p join runs r on r.id = p.run",
            )
            .run(connection)
            .await?;
    }
    Ok(())
}

/// These lines are done: what was drift is repaired. Gives the attributes of each.
pub(crate) async fn repaired(
    connection: &mut AnyConnection,
    run: &RunId,
    done: &[i64],
    now: Millis,
) -> Result<BTreeMap<i64, Vec<String>>> {
    let mut attributes: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for chunk in done.chunks(CHUNK) {
        let rows = Sql::new("update drift set repaired_at = $2 where run = $1 and seq in (values ")
            .arg(run)
            .arg(now)
            .rows(chunk.iter().map(|seq| [Arg::from(*seq)]))
            .text(") returning seq, attribute")
            .all(connection)
            .await?;
        for row in rows {
            attributes.entry(row.int("seq")?).or_default().push(row.str("attribute")?);
        }
    }
    attributes.values_mut().for_each(|names| names.sort());
    Ok(attributes)
}

/// The drift of the lines of a page.
pub(crate) async fn of_lines(
    connection: &mut AnyConnection,
    run: &RunId,
    (first, last): (i64, i64),
) -> Result<BTreeMap<i64, Vec<String>>> {
    let sql = Sql::new("select seq, attribute from drift where run = $1 and seq >= $2 and seq <= $3 order by seq, attribute");
    let mut attributes: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for row in sql.arg(run).arg(first).arg(last).all(connection).await? {
        attributes.entry(row.int("seq")?).or_default().push(row.str("attribute")?);
    }
    Ok(attributes)
}
