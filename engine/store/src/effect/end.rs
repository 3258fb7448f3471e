//! The outcome.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Attributes, Condition, Hold, Kind, Millis, ObjectRef, RunId, TargetId, TargetName};
use sqlx::AnyConnection;

use super::link::{Links, taken};
use super::{End, MirrorWrite, Outcome};
use crate::audit::{Audit, Entry, append, recall};
use crate::failpoint::FailPoint;
use crate::mirror::{Images, ReferenceWrite, drop_references, forget_moves, generation, merge, write_references};
use crate::sql::{Arg, CHUNK, Columns as _, Sql};
use crate::{Result, Store, credential, drift, hold, hook, leaver};

impl Store {
    /// Records outcomes in one transaction: effect, line, link, mirror, audit and holds.
    ///
    /// An outcome that would link a record which is linked to another object is recorded as refused, and the object is
    /// held: two objects never share a record.
    pub async fn end_effects(&self, target: &TargetName, run: &RunId, ends: &[End]) -> Result<()> {
        self.pass(FailPoint::BeforeEnd)?;
        let mut transaction = self.begin().await?;
        let now = self.now();
        let taken = taken(&mut transaction, target, ends).await?;
        let found = recall(&mut transaction, target, ends).await?;
        let outcomes: Vec<Ended<'_>> = ends.iter().map(|end| Ended::of(end, taken.get(&end.seq))).collect();
        let mut entries = Vec::with_capacity(ends.len());
        write_outcomes(&mut transaction, run, &outcomes, now, &mut entries).await?;
        let standing: Vec<&End> = outcomes.iter().filter(|ended| ended.stands).map(|ended| ended.end).collect();
        Links::write(&mut transaction, target, run, &standing, now).await?;
        write_mirror(&mut transaction, target, &standing).await?;
        credential::end(&mut transaction, target, ends, now).await?;
        leaver::sessions_ended(&mut transaction, target, ends, now).await?;
        let holds: Vec<(ObjectRef, Hold)> =
            outcomes.iter().filter_map(|ended| Some((ended.end.object.clone(), ended.hold.clone()?))).collect();
        hold::put(&mut transaction, target, run, now, &holds).await?;
        let synced = outcomes.iter().filter(|ended| ended.line == "done").map(|ended| ended.end.object.clone());
        hook::note_synced(&mut transaction, target, now, synced).await?;
        let done: Vec<i64> = outcomes.iter().filter(|ended| ended.line == "done").map(|ended| ended.end.seq).collect();
        name_drift(&mut entries, drift::repaired(&mut transaction, run, &done, now).await?);
        audit(self, &mut transaction, target, run, (entries, found)).await?;
        transaction.commit().await?;
        self.pass(FailPoint::AfterEnd)
    }
}

/// The field that names what of a change put right what somebody else did.
const DRIFT: &str = "(drift)";

/// The word of a change that was not done and is made again.
const RETRY: &str = "retry";

/// An outcome in the words of the tables.
struct Ended<'a> {
    end: &'a End,
    effect: &'static str,
    line: &'static str,
    detail: Option<String>,
    hold: Option<Hold>,
    /// Link and mirror are written.
    stands: bool,
}

impl<'a> Ended<'a> {
    fn of(end: &'a End, owner: Option<&ObjectRef>) -> Self {
        if let Some(owner) = owner {
            let detail = format!("its record is linked to {owner} already; unlink one of them or correct the source");
            let hold = Hold::Ambiguous { detail: detail.clone() };
            return Self { end, effect: "refused", line: "failed", detail: Some(detail), hold: Some(hold), stands: false };
        }
        let (effect, line, detail, hold) = match &end.outcome {
            Outcome::Done { .. } => ("done", "done", None, None),
            Outcome::Unknown { detail } => ("unknown", "unknown", Some(detail.clone()), None),
            Outcome::Refused { hold } => ("refused", "failed", Some(hold.to_string()), Some(hold.clone())),
            Outcome::Retry { detail } => ("retry", "failed", Some(detail.clone()), None),
        };
        Self { end, effect, line, detail, hold, stands: true }
    }

    fn entry(&self, action: &str) -> Entry {
        let Audit { record, before, after, recall: _ } = self.end.audit.clone();
        let made = match &self.end.outcome {
            Outcome::Done { written } => written.id.clone(),
            Outcome::Unknown { .. } | Outcome::Refused { .. } | Outcome::Retry { .. } => None,
        };
        Entry {
            line: Some(self.end.seq),
            object: Some(self.end.object.clone()),
            record: record.or(made),
            action: action.to_owned(),
            outcome: self.effect.to_owned(),
            request_id: self.request_id().map(str::to_owned),
            before,
            after,
            ..Entry::default()
        }
    }

    fn request_id(&self) -> Option<&str> {
        match &self.end.outcome {
            Outcome::Done { written } => self.end.request_id.as_deref().or(written.request_id.as_deref()),
            Outcome::Unknown { .. } | Outcome::Refused { .. } | Outcome::Retry { .. } => self.end.request_id.as_deref(),
        }
    }
}

/// Closes effects and lines. Gives an entry for the audit for each effect that there was.
async fn write_outcomes(
    connection: &mut AnyConnection,
    run: &RunId,
    ended: &[Ended<'_>],
    now: Millis,
    entries: &mut Vec<Entry>,
) -> Result<()> {
    for chunk in ended.chunks(CHUNK) {
        let rows = |word: fn(&Ended<'_>) -> &'static str| {
            chunk.iter().map(move |ended| -> [Arg; 4] {
                [ended.end.seq.into(), word(ended).into(), ended.detail.clone().into(), ended.request_id().into()]
            })
        };
        let closed = Sql::new("with page (seq, state, detail, request_id) as (values ")
            .arg(run)
            .arg(now)
            .rows(rows(|ended| ended.effect))
            .text(
                ") update effects set state = page.state, detail = page.detail, request_id = page.request_id, ended_at = $2
                 from page where effects.run = $1 and effects.seq = page.seq returning effects.seq as seq, effects.action as action",
            )
            .all(connection)
            .await?;
        Sql::new("with page (seq, state, detail, request_id) as (values ")
            .arg(run)
            .rows(rows(|ended| ended.line))
            .text(
                ") update plan_lines set state = page.state, detail = page.detail, request_id = page.request_id
                 from page where plan_lines.run = $1 and plan_lines.seq = page.seq",
            )
            .run(connection)
            .await?;
        let retried = chunk.iter().filter(|ended| ended.effect == RETRY).map(|ended| ended.end.seq);
        keep_in_doubt(connection, run, retried.collect()).await?;
        let actions = closed.iter().map(|row| Ok((row.int("seq")?, row.str("action")?))).collect::<Result<BTreeMap<_, _>>>()?;
        entries.extend(chunk.iter().filter_map(|ended| Some(ended.entry(actions.get(&ended.end.seq)?))));
    }
    Ok(())
}

/// A create that was sent again and was not done this time: the one before it may have been, so that it is still to be looked for.
async fn keep_in_doubt(connection: &mut AnyConnection, run: &RunId, retried: Vec<i64>) -> Result<()> {
    if retried.is_empty() {
        return Ok(());
    }
    Sql::new(
        "update effects set state = 'unknown' where run = $1 and action = 'create' and exists (
           select 1 from effects e where e.target = effects.target and e.kind = effects.kind and e.id = effects.id
             and e.action = 'create' and e.state = 'settled_not_done' and e.detail = 'sent again' and e.ended_at = effects.started_at
         ) and seq in (values ",
    )
    .arg(run)
    .rows(retried.into_iter().map(|seq| [Arg::from(seq)]))
    .text(")")
    .run(connection)
    .await?;
    Ok(())
}

/// Names in each entry what of its line put right what somebody else did.
fn name_drift(entries: &mut [Entry], mut drift: BTreeMap<i64, Vec<String>>) {
    for entry in entries {
        if let Some(attributes) = entry.line.and_then(|line| drift.remove(&line)) {
            entry.after.insert(DRIFT.to_owned(), attributes.into());
        }
    }
}

/// What was done goes into the audit last: from there to its end this transaction keeps all others from adding to it.
async fn audit(
    store: &Store,
    connection: &mut AnyConnection,
    target: &TargetName,
    run: &RunId,
    (mut entries, mut found): (Vec<Entry>, BTreeMap<i64, Attributes>),
) -> Result<()> {
    let version = Sql::new("select mapping_version from runs where id = $1").arg(run).one(connection).await?;
    let version = version.map(|row| row.str("mapping_version")).transpose()?;
    for entry in &mut entries {
        entry.target = Some(target.clone());
        entry.run = Some(run.clone());
        entry.mapping_version.clone_from(&version);
        if let Some(before) = entry.line.and_then(|line| found.remove(&line)) {
            entry.before = before;
        }
    }
    append(store, connection, entries).await
}

/// Brings the mirror up to what was written. New records count as seen by the read that goes on now.
async fn write_mirror(connection: &mut AnyConnection, target: &TargetName, ends: &[&End]) -> Result<()> {
    let writes: Vec<&MirrorWrite> = ends.iter().flat_map(|end| &end.mirror).collect();
    if writes.is_empty() {
        return Ok(());
    }
    let generation = generation(connection, target).await?;
    let mut lost = Vec::new();
    for kind in Kind::ALL {
        let ids: BTreeSet<&TargetId> =
            writes.iter().filter_map(|write| record(write)).filter(|(of, _)| *of == kind).map(|(_, id)| id).collect();
        if ids.is_empty() {
            continue;
        }
        let mut images = Images::load(connection, target, kind, &ids).await?;
        for write in &writes {
            match write {
                MirrorWrite::Attributes { kind: of, id, attributes } if *of == kind => {
                    merge(&mut images.entry(id, generation).attributes, attributes);
                }
                MirrorWrite::Condition { kind: of, id, condition } if *of == kind => {
                    let image = images.entry(id, generation);
                    image.condition = *condition;
                    image.generation = generation;
                    if *condition != Condition::Live {
                        lost.push(id);
                    }
                }
                MirrorWrite::Attributes { .. } | MirrorWrite::Condition { .. } | MirrorWrite::Reference { .. } => {}
            }
        }
        images.store(connection, target).await?;
    }
    drop_references(connection, target, &lost).await?;
    let references: Vec<ReferenceWrite<'_>> = writes.iter().filter_map(|write| reference(write)).collect();
    forget_moves(connection, target, &references).await?;
    write_references(connection, target, generation, &references).await
}

fn record(write: &MirrorWrite) -> Option<(Kind, &TargetId)> {
    match write {
        MirrorWrite::Attributes { kind, id, .. } | MirrorWrite::Condition { kind, id, .. } => Some((*kind, id)),
        MirrorWrite::Reference { .. } => None,
    }
}

fn reference(write: &MirrorWrite) -> Option<ReferenceWrite<'_>> {
    match write {
        MirrorWrite::Reference { relation, from_kind, from, to_kind, to, present } => Some(ReferenceWrite {
            from_kind: *from_kind,
            from,
            relation: *relation,
            to_kind: Some(*to_kind),
            to,
            present: *present,
        }),
        MirrorWrite::Attributes { .. } | MirrorWrite::Condition { .. } => None,
    }
}

/// Objects of other ends, by line.
pub(super) type Owners = BTreeMap<i64, ObjectRef>;
