//! What happened to one object, newest first: changes of the source, what was begun in the target, and the audit.

use entrain_model::{Millis, ObjectRef, RunId, TargetName};

use crate::about::{EffectRow, effect_row};
use crate::audit::{AuditRow, AuditScope};
use crate::source::events;
use crate::sql::{Sql, limit};
use crate::{ChangeEvent, Result, Store};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// The source changed.
    Source(ChangeEvent),
    /// A change of the target was begun.
    Effect(EffectRow),
    /// Something was done or decided, as the audit has it.
    Audit(AuditRow),
}

/// What tells two things of one moment apart: the sort, then its own order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum MomentKey {
    /// A change of the source, by its place.
    Source(i64),
    /// An effect, by its run and line.
    Effect(String, i64),
    /// A row of the audit, by its place.
    Audit(i64),
}

/// When, and which.
pub type Moment = (Millis, MomentKey);

impl Happened {
    /// Its place in time.
    pub fn moment(&self) -> Moment {
        match self {
            Happened::Source(event) => (event.at, MomentKey::Source(event.seq)),
            Happened::Effect(row) => (row.started_at, MomentKey::Effect(row.run.to_string(), row.line)),
            Happened::Audit(row) => (row.at, MomentKey::Audit(row.seq)),
        }
    }
}

impl Store {
    /// The next things that happened to an object before a moment, newest first.
    pub async fn timeline(
        &self,
        target: &TargetName,
        object: &ObjectRef,
        before: Option<&Moment>,
        rows: usize,
    ) -> Result<Vec<Happened>> {
        let until = before.map_or(Millis::MAX, |(at, _)| *at);
        let mut all = self.source_history(object, (until, before), rows).await?;
        all.extend(self.effect_history(target, object, (until, before), rows).await?);
        all.extend(self.audit_history(target, object, (until, before), rows).await?);
        all.sort_by_key(|one| std::cmp::Reverse(one.moment()));
        all.truncate(rows);
        Ok(all)
    }

    async fn source_history(&self, object: &ObjectRef, place: Place<'_>, rows: usize) -> Result<Vec<Happened>> {
        let last = |key: &MomentKey| if let MomentKey::Source(seq) = key { Some(*seq) } else { None };
        let (until, seq) = (place.0, number(place, last, MomentKey::Source(i64::MAX)));
        let text = "select seq, at, kind, id, op, body from change_events where kind = $1 and id = $2
             and (at < $3 or (at = $3 and seq < $4)) order by at desc, seq desc limit $5";
        let sql = Sql::new(text).arg(object.kind).arg(&object.id).arg(until).arg(seq).arg(limit(rows));
        let found = sql.all(&mut *self.read().await?).await?;
        found.iter().map(|row| events::read(row).map(Happened::Source)).collect()
    }

    async fn effect_history(
        &self,
        target: &TargetName,
        object: &ObjectRef,
        place: Place<'_>,
        rows: usize,
    ) -> Result<Vec<Happened>> {
        let (run, line) = match place.1 {
            Some((_, MomentKey::Effect(run, line))) => (run.clone(), *line),
            Some((_, MomentKey::Source(_))) => (String::new(), 0),
            Some((_, MomentKey::Audit(_))) | None => ("~".to_owned(), 0),
        };
        let text = "select run, seq, body, state, detail, request_id, started_at, ended_at from effects
             where target = $1 and kind = $2 and id = $3 and (started_at < $4 or (started_at = $4 and (run, seq) < ($5, $6)))
             order by started_at desc, run desc, seq desc limit $7";
        let sql = Sql::new(text).arg(target).arg(object.kind).arg(&object.id).arg(place.0);
        let found = sql.arg(&RunId::from(run)).arg(line).arg(limit(rows)).all(&mut *self.read().await?).await?;
        found.iter().map(|row| effect_row(row).map(Happened::Effect)).collect()
    }

    async fn audit_history(
        &self,
        target: &TargetName,
        object: &ObjectRef,
        place: Place<'_>,
        rows: usize,
    ) -> Result<Vec<Happened>> {
        let last = |key: &MomentKey| if let MomentKey::Audit(seq) = key { Some(*seq) } else { None };
        let scope = AuditScope { object: Some(object.clone()), ..AuditScope::default() };
        let seq = number(place, last, MomentKey::Audit(i64::MAX));
        let page = self.audit_before(&scope, Some(target), (place.0, seq), rows).await?;
        Ok(page.into_iter().map(Happened::Audit).collect())
    }
}

/// Until when, and behind which moment.
type Place<'a> = (Millis, Option<&'a Moment>);

/// Rows of one moment are behind the place if their sort comes before its sort; of its own sort, those before its number.
fn number(place: Place<'_>, own: impl Fn(&MomentKey) -> Option<i64>, greatest: MomentKey) -> i64 {
    match place.1 {
        None => i64::MAX,
        Some((_, key)) => own(key).unwrap_or(if greatest < *key { i64::MAX } else { 0 }),
    }
}
