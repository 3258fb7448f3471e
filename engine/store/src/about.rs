//! All that stands about one object, for people who ask.

use entrain_model::{Action, Millis, ObjectRef, RunId, TargetName, fold};
use sqlx::any::AnyRow;

use crate::link::{self, LinkRow};
use crate::sql::{Columns as _, Sql, limit};
use crate::{HoldRow, Result, Store, WaitingRun, alarm, hold};

/// What is stored of one object beside what a run plans from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// Its link.
    pub link: Option<LinkRow>,
    /// The holds that stand.
    pub holds: Vec<HoldRow>,
    /// Its row in the queue.
    pub queued: Option<Queued>,
    /// Who works on it, and until when.
    pub lease: Option<(String, Millis)>,
    /// The plans that wait for approval and have changes of it, newest first.
    pub waiting: Vec<WaitingRun>,
    /// What was last done or tried, newest first.
    pub effects: Vec<EffectRow>,
}

/// A row of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Since when it waits.
    pub since: Millis,
    /// It is not taken before this.
    pub not_before: Millis,
    /// How often it was put back.
    pub attempts: i64,
    /// Why it was put back last.
    pub error: Option<String>,
}

/// An effect that was begun, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectRow {
    /// The run.
    pub run: RunId,
    /// The line of its plan.
    pub line: i64,
    /// What was to be done.
    pub action: Action,
    /// The word of what became of it.
    pub state: String,
    /// What was seen.
    pub detail: Option<String>,
    /// The target's own id of the request.
    pub request_id: Option<String>,
    /// When it began.
    pub started_at: Millis,
    /// When it ended.
    pub ended_at: Option<Millis>,
}

impl Store {
    /// What stands about one object, with so many of its latest effects.
    pub async fn about(&self, target: &TargetName, object: &ObjectRef, effects: usize) -> Result<About> {
        let mut connection = self.read().await?;
        let of = |text: &str| Sql::new(text).arg(target).arg(object.kind).arg(&object.id);
        let mut about = About {
            link: link::load(&mut connection, target, std::iter::once(object)).await?.remove(object),
            ..About::default()
        };
        let holds = of("select * from holds where target = $1 and kind = $2 and id = $3 order by code, about");
        about.holds = holds.all(&mut connection).await?.iter().map(hold::read).collect::<Result<_>>()?;
        let queued = of("select first_at, not_before, attempts, error from queue where target = $1 and kind = $2 and id = $3");
        about.queued = queued.one(&mut connection).await?.as_ref().map(queued_row).transpose()?;
        let lease = of("select holder, until from leases where target = $1 and kind = $2 and id = $3 and until >= $4");
        if let Some(row) = lease.arg(self.now()).one(&mut connection).await? {
            about.lease = Some((row.str("holder")?, row.int("until")?));
        }
        let waiting = of("select id, scope, started_at, report from runs r where target = $1 and state = 'held'
             and exists (select 1 from plan_lines l where l.run = r.id and l.state = 'planned' and l.kind = $2 and l.id = $3)
             order by id desc");
        about.waiting = waiting.all(&mut connection).await?.iter().map(alarm::waiting).collect::<Result<_>>()?;
        let latest = of("select run, seq, body, state, detail, request_id, started_at, ended_at from effects
             where target = $1 and kind = $2 and id = $3 order by coalesce(ended_at, started_at) desc, run desc, seq desc limit $4");
        about.effects = latest.arg(limit(effects)).all(&mut connection).await?.iter().map(effect_row).collect::<Result<_>>()?;
        Ok(about)
    }

    /// Objects of the source that somebody may mean by a word that is no id: whose login (also without its domain), mail or
    /// name it is, whose id contains it, and the neighbours of such an id.
    pub async fn similar(&self, object: &ObjectRef, rows: usize) -> Result<Vec<ObjectRef>> {
        let mut connection = self.read().await?;
        let (table, names) = match object.kind {
            entrain_model::Kind::User => (
                "users",
                "lower(user_name) = $1 or lower(mail) = $1 or lower(display_name) = $1
                 or substr(lower(user_name), 1, length($1) + 1) = $1 || '@'",
            ),
            entrain_model::Kind::Group => ("groups", "lower(display_name) = $1"),
        };
        let contains = "lower(id) = $1 or replace(lower(id), $1, '') <> lower(id)";
        let mut found = Vec::new();
        for (condition, word) in [
            (format!("{names} order by id"), fold(object.id.as_str())),
            (format!("{contains} order by id"), fold(object.id.as_str())),
            ("id > $1 order by id".to_owned(), object.id.to_string()),
            ("id < $1 order by id desc".to_owned(), object.id.to_string()),
        ] {
            let sql = Sql::new(&format!("select id from {table} where {condition} limit $2")).arg(word).arg(limit(rows));
            for row in sql.all(&mut connection).await? {
                let one = ObjectRef { kind: object.kind, id: row.str("id")?.into() };
                if !found.contains(&one) && found.len() < rows {
                    found.push(one);
                }
            }
        }
        Ok(found)
    }
}

fn queued_row(row: &AnyRow) -> Result<Queued> {
    Ok(Queued {
        since: row.int("first_at")?,
        not_before: row.int("not_before")?,
        attempts: row.int("attempts")?,
        error: row.opt_str("error")?,
    })
}

pub(crate) fn effect_row(row: &AnyRow) -> Result<EffectRow> {
    Ok(EffectRow {
        run: row.str("run")?.into(),
        line: row.int("seq")?,
        action: row.json("body")?,
        state: row.str("state")?,
        detail: row.opt_str("detail")?,
        request_id: row.opt_str("request_id")?,
        started_at: row.int("started_at")?,
        ended_at: row.opt_int("ended_at")?,
    })
}
