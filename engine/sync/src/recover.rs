//! After a crash or a lost answer an object is unsettled. Nothing is sent twice that could be made twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use entrain_model::{Action, Anchor, Condition, DesiredRecord, Millis, ObjectRef, Query, RunId, Scope, TargetId};
use entrain_store::{OpenEffect, Reading, Settled};

use crate::ask::{Answer, KEPT, ask, at_once};
use crate::discover::wanted;
use crate::engine::{Run, millis};
use crate::map::{Learned, anchor_of};
use crate::{Hands, SyncError, Timing};

/// Creates that are repeated exactly as they were sent, so that the target's uniqueness forbids a second record. Each stays
/// of unknown outcome until its repeat begins: a run that does not come to it leaves it to the next.
pub(crate) type Repeats = BTreeMap<ObjectRef, Repeat>;

/// A create that was not found.
pub(crate) struct Repeat {
    /// As it was sent.
    pub(crate) record: DesiredRecord,
    /// Run and line of its effect.
    pub(crate) effect: (RunId, i64),
    /// The target has settled: it was not done.
    pub(crate) settled: bool,
}

/// When creates of unknown outcome may be sent again that had the time to show and do not: until then a look says nothing new.
pub(crate) type Waits = BTreeMap<ObjectRef, Millis>;

/// What recovery leaves open.
#[derive(Default)]
pub(crate) struct Lost {
    /// What this run may send again.
    pub(crate) repeats: Repeats,
    /// What must wait for that.
    pub(crate) waits: Waits,
}

impl Lost {
    fn wait(&mut self, run: &Run<'_>, effect: &OpenEffect) {
        let timing = &run.target.timing;
        if age(run, effect) >= timing.linger {
            let settles = effect.started_at.saturating_add(millis(timing.settling));
            let until = self.waits.entry(effect.object.clone()).or_insert(settles);
            *until = settles.max(*until);
        }
    }
}

/// Looks at every change of unknown outcome in the scope.
pub(crate) async fn recover(run: &Run<'_>, scope: &Scope) -> Result<Lost, SyncError> {
    let mut lost = Lost::default();
    if matches!(run.hands(), Hands::Tied(_)) {
        return Ok(lost);
    }
    run.store().date_back_effects(&run.target.name).await?;
    let mut open = run.store().open_effects(&run.target.name, run.store().now()).await?;
    open.retain(|effect| match scope {
        Scope::Everything => true,
        Scope::Only(objects) => objects.contains(&effect.object),
    });
    for effect in open.iter().filter(|effect| sent(effect).is_none()) {
        forget(run, effect).await?;
        say_looked_at(run, effect);
    }
    for few in creates(&open).chunks(KEPT) {
        for (create, effect) in look_for(run, few).await?.into_iter().zip(few) {
            settle(run, effect, create?, &mut lost).await?;
            say_looked_at(run, effect.0);
        }
    }
    Ok(lost)
}

/// What a look for lost creates found.
#[derive(Default)]
pub(crate) struct Look {
    /// How many do not show yet, and may soon: they were sent a moment ago, or may soon be sent again.
    pub(crate) soon: usize,
    /// When the first of all may be sent again.
    pub(crate) settles_in: Option<Duration>,
    /// Those of them that may be sent again.
    pub(crate) repeatable: BTreeSet<ObjectRef>,
}

impl Look {
    fn wait_for(&mut self, age: Duration, timing: &Timing, patience: Duration) {
        let left = timing.settling.saturating_sub(age);
        self.soon += usize::from(age < timing.linger || left <= patience);
        self.settles_in = Some(self.settles_in.map_or(left, |least| least.min(left)));
    }
}

/// Looks for what this run created without an answer, and links what it finds. A read that fails leaves the rest for later. Soon
/// is what may be sent again within `patience`.
pub(crate) async fn look(run: &Run<'_>, patience: Duration) -> Result<Look, SyncError> {
    let (store, mut look) = (run.store(), Look::default());
    let mut open = store.open_effects(&run.target.name, store.now()).await?;
    open.retain(|effect| effect.run == run.id);
    for few in creates(&open).chunks(KEPT) {
        for (create, (effect, _)) in look_for(run, few).await?.into_iter().zip(few) {
            match create {
                Ok(Create::Landed(id)) => drop(store.settle_effect(&effect.run, effect.seq, Settled::Landed(id)).await?),
                Ok(Create::Missing { .. }) => drop(look.repeatable.insert(effect.object.clone())),
                Ok(Create::Elsewhere) => {}
                Ok(Create::TooEarlyToSay) => look.wait_for(age(run, effect), &run.target.timing, patience),
                Err(SyncError::Target(error)) => {
                    tracing::warn!(target = %run.target.name, run = %run.id, "lost creates are looked for later: {error}");
                    return Ok(look);
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(look)
}

/// A create, and the record as it was sent.
type Sent<'e> = (&'e OpenEffect, &'e DesiredRecord);

fn creates(open: &[OpenEffect]) -> Vec<Sent<'_>> {
    open.iter().filter_map(|effect| Some((effect, sent(effect)?))).collect()
}

/// The record that a create sent.
fn sent(effect: &OpenEffect) -> Option<&DesiredRecord> {
    match &effect.action {
        Action::Create { record } => Some(record),
        Action::Update { .. }
        | Action::Link { .. }
        | Action::Unlink { .. }
        | Action::Restore { .. }
        | Action::AddReference { .. }
        | Action::RemoveReference { .. }
        | Action::Disable { .. }
        | Action::RevokeSessions { .. }
        | Action::Issue { .. }
        | Action::Delete { .. } => None,
    }
}

/// Another run may look at the same change at the same time; then the first one's word stands, and leases and versions keep
/// the second from acting on it.
async fn settle(run: &Run<'_>, (effect, record): &Sent<'_>, create: Create, lost: &mut Lost) -> Result<(), SyncError> {
    let found = match create {
        Create::Landed(id) => Settled::Landed(id),
        // The object got a record otherwise, for instance out of the recycle bin: nothing is left to repeat.
        Create::Missing { settled: true } if is_linked(run, &effect.object).await? => Settled::NotDone,
        Create::Missing { settled } => {
            let effect_key = (effect.run.clone(), effect.seq);
            let repeat = Repeat { record: (*record).clone(), effect: effect_key, settled };
            lost.repeats.insert(effect.object.clone(), repeat);
            return Ok(());
        }
        Create::Elsewhere => Settled::NotDone,
        Create::TooEarlyToSay => {
            lost.wait(run, effect);
            return Ok(());
        }
    };
    run.store().settle_effect(&effect.run, effect.seq, found).await?;
    Ok(())
}

/// What is no create does no harm when it is done again, and the plan does it again if it still differs.
async fn forget(run: &Run<'_>, effect: &OpenEffect) -> Result<(), SyncError> {
    if let Action::Update { id, edits } = &effect.action {
        let attributes: Vec<_> = edits.iter().map(|edit| edit.attribute.clone()).collect();
        run.store().mark_unknown(&run.target.name, effect.object.kind, id, &attributes).await?;
    }
    run.store().settle_effect(&effect.run, effect.seq, Settled::NotDone).await?;
    Ok(())
}

fn say_looked_at(run: &Run<'_>, effect: &OpenEffect) {
    tracing::info!(target = %run.target.name, object = %effect.object, action = effect.action.as_str(), "looked at a change of unknown outcome");
}

fn age(run: &Run<'_>, effect: &OpenEffect) -> Duration {
    Duration::from_millis(u64::try_from(run.store().now().saturating_sub(effect.started_at)).unwrap_or_default())
}

async fn is_linked(run: &Run<'_>, object: &ObjectRef) -> Result<bool, SyncError> {
    Ok(!run.store().link_ids(&run.target.name, std::slice::from_ref(object)).await?.is_empty())
}

enum Create {
    Landed(TargetId),
    Missing {
        settled: bool,
    },
    /// What was sent belongs to another record by now: to repeat it could not succeed.
    Elsewhere,
    TooEarlyToSay,
}

/// Looks for the records of these creates; what came of each, in their order, up to the first read that failed.
async fn look_for(run: &Run<'_>, creates: &[Sent<'_>]) -> Result<Vec<Result<Create, SyncError>>, SyncError> {
    let generation = run.store().next_generation(&run.target.name).await?;
    let mut found = Vec::with_capacity(creates.len());
    for looked in at_once(creates, |(effect, record)| create(run, effect, record)).await {
        found.push(match looked {
            Ok((create, answer)) => answer.take(run, generation).await.map(|()| create),
            Err(error) => Err(error),
        });
    }
    Ok(found)
}

/// Asks for the record by the keys that were sent. An absent answer proves nothing until the target has settled.
async fn create(run: &Run<'_>, effect: &OpenEffect, record: &DesiredRecord) -> Result<(Create, Answer), SyncError> {
    let (kind, schema) = (effect.object.kind, run.target.schema().of(effect.object.kind));
    let expected = anchor_of(&run.target, &effect.object, record);
    let (attribute, value) = match schema.login.and_then(|login| Some((login.to_owned(), record.text(login)?.to_owned()))) {
        Some(login) => login,
        None => (schema.anchor.clone(), expected.clone()),
    };
    let query = Query::Matching { kind, attribute, value, attributes: wanted(run, kind, &Learned::default()) };
    let (mut landed, mut taken) = (None, false);
    let answer = ask(run, kind, Reading::Lookup, query, |seen| {
        let carried = seen.attributes.get(&schema.anchor).and_then(serde_json::Value::as_str);
        match Anchor::compare(carried, &expected) {
            Anchor::Ours if seen.condition == Condition::Live => landed = Some(seen.id.clone()),
            Anchor::Absent | Anchor::Foreign(_) if seen.condition == Condition::Live => taken = true,
            Anchor::Ours | Anchor::Absent | Anchor::Foreign(_) => {}
        }
    })
    .await?;
    let settled = age(run, effect) >= run.target.timing.settling;
    let create = match landed {
        Some(id) => Create::Landed(id),
        None if taken => Create::Elsewhere,
        None if settled || schema.created_by_anchor => Create::Missing { settled },
        None => Create::TooEarlyToSay,
    };
    Ok((create, answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_show_soon_and_what_may_soon_be_sent_again_is_waited_for() {
        let timing = Timing { settling: Duration::from_secs(900), linger: Duration::from_secs(30), ..Timing::default() };
        let patient = |ages: &[u64], patience| {
            let mut look = Look::default();
            ages.iter().for_each(|age| look.wait_for(Duration::from_secs(*age), &timing, Duration::from_secs(patience)));
            (look.soon, look.settles_in.map(|left| left.as_secs()))
        };
        let seconds = |ages: &[u64]| patient(ages, 30);
        assert_eq!(seconds(&[]), (0, None));
        assert_eq!(seconds(&[10]), (1, Some(890)));
        assert_eq!(seconds(&[500]), (0, Some(400)), "it is left to the next run");
        assert_eq!(seconds(&[500, 893]), (1, Some(7)));
        assert_eq!(seconds(&[950]), (1, Some(0)));
        assert_eq!((seconds(&[850]).0, patient(&[850], 60).0, patient(&[10, 500], 60).0), (0, 1, 1));
    }
}
