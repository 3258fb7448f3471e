//! After a crash or a lost answer an object is unsettled. Nothing is sent twice that could be made twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use entrain_model::{Action, Anchor, Condition, DesiredRecord, ObjectRef, Query, RunId, Scope, TargetId};
use entrain_store::{OpenEffect, Reading, Settled};

use crate::discover::{stop, wanted};
use crate::engine::Run;
use crate::map::{Learned, anchor_of};
use crate::sink::MirrorSink;
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

/// Looks at every change of unknown outcome in the scope.
pub(crate) async fn recover(run: &Run<'_>, scope: &Scope) -> Result<Repeats, SyncError> {
    let mut repeats = Repeats::new();
    if matches!(run.hands(), Hands::Tied(_)) {
        return Ok(repeats);
    }
    run.store().date_back_effects(&run.target.name).await?;
    for effect in run.store().open_effects(&run.target.name, run.store().now()).await? {
        let within = match scope {
            Scope::Everything => true,
            Scope::Only(objects) => objects.contains(&effect.object),
        };
        if within {
            settle(run, &effect, &mut repeats).await?;
        }
    }
    Ok(repeats)
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
    fn wait_for(&mut self, age: Duration, timing: &Timing) {
        let left = timing.settling.saturating_sub(age);
        self.soon += usize::from(age < timing.linger || left <= timing.linger);
        self.settles_in = Some(self.settles_in.map_or(left, |least| least.min(left)));
    }
}

/// Looks for what this run created without an answer, and links what it finds. A read that fails leaves the rest for later.
pub(crate) async fn look(run: &Run<'_>) -> Result<Look, SyncError> {
    let (store, mut look) = (run.store(), Look::default());
    for effect in store.open_effects(&run.target.name, store.now()).await?.iter().filter(|effect| effect.run == run.id) {
        let Action::Create { record } = &effect.action else { continue };
        match create(run, effect, record).await {
            Ok(Create::Landed(id)) => {
                store.settle_effect(&effect.run, effect.seq, Settled::Landed(id)).await?;
            }
            Ok(Create::Missing { .. }) => drop(look.repeatable.insert(effect.object.clone())),
            Ok(Create::Elsewhere) => {}
            Ok(Create::TooEarlyToSay) => look.wait_for(age(run, effect), &run.target.timing),
            Err(SyncError::Target(error)) => {
                tracing::warn!(target = %run.target.name, run = %run.id, "lost creates are looked for later: {error}");
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(look)
}

async fn settle(run: &Run<'_>, effect: &OpenEffect, repeats: &mut Repeats) -> Result<(), SyncError> {
    let store = run.store();
    // Another run may look at the same change at the same time; then the first one's word stands, and leases and versions
    // keep the second from acting on it.
    let found = match &effect.action {
        Action::Create { record } => match create(run, effect, record).await? {
            Create::Landed(id) => Some(Settled::Landed(id)),
            // The object got a record otherwise, for instance out of the recycle bin: nothing is left to repeat.
            Create::Missing { settled: true } if is_linked(run, &effect.object).await? => Some(Settled::NotDone),
            Create::Missing { settled } => {
                let effect_key = (effect.run.clone(), effect.seq);
                repeats.insert(effect.object.clone(), Repeat { record: record.clone(), effect: effect_key, settled });
                None
            }
            Create::Elsewhere => Some(Settled::NotDone),
            Create::TooEarlyToSay => None,
        },
        Action::Update { id, edits } => {
            let attributes: Vec<_> = edits.iter().map(|edit| edit.attribute.clone()).collect();
            store.mark_unknown(&run.target.name, effect.object.kind, id, &attributes).await?;
            Some(Settled::NotDone)
        }
        // Each of these does no harm when it is done again, and the plan does it again if it still differs.
        Action::Link { .. }
        | Action::Unlink { .. }
        | Action::Restore { .. }
        | Action::AddReference { .. }
        | Action::RemoveReference { .. }
        | Action::Disable { .. }
        | Action::RevokeSessions { .. }
        | Action::Issue { .. }
        | Action::Delete { .. } => Some(Settled::NotDone),
    };
    if let Some(found) = found {
        store.settle_effect(&effect.run, effect.seq, found).await?;
    }
    tracing::info!(target = %run.target.name, object = %effect.object, action = effect.action.as_str(), "looked at a change of unknown outcome");
    Ok(())
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

/// Asks for the record by the keys that were sent. An absent answer proves nothing until the target has settled.
async fn create(run: &Run<'_>, effect: &OpenEffect, record: &DesiredRecord) -> Result<Create, SyncError> {
    let (kind, schema) = (effect.object.kind, run.target.schema().of(effect.object.kind));
    let expected = anchor_of(&run.target, &effect.object, record);
    let (attribute, value) = match schema.login.and_then(|login| Some((login.to_owned(), record.text(login)?.to_owned()))) {
        Some(login) => login,
        None => (schema.anchor.clone(), expected.clone()),
    };
    let attributes = wanted(run, kind, &Learned::default());
    let generation = run.store().next_generation(&run.target.name).await?;
    let (mut landed, mut taken) = (None, false);
    let mut sink = MirrorSink::new(run, kind, generation, Reading::Lookup, |seen| {
        let carried = seen.attributes.get(&schema.anchor).and_then(serde_json::Value::as_str);
        match Anchor::compare(carried, &expected) {
            Anchor::Ours if seen.condition == Condition::Live => landed = Some(seen.id.clone()),
            Anchor::Absent | Anchor::Foreign(_) if seen.condition == Condition::Live => taken = true,
            Anchor::Ours | Anchor::Absent | Anchor::Foreign(_) => {}
        }
    });
    let query = Query::Matching { kind, attribute, value, attributes };
    run.hands().directory().read(&query, &mut sink).await.map_err(|error| stop(run, error))?;
    drop(sink);
    let settled = age(run, effect) >= run.target.timing.settling;
    Ok(match landed {
        Some(id) => Create::Landed(id),
        None if taken => Create::Elsewhere,
        None if settled || schema.created_by_anchor => Create::Missing { settled },
        None => Create::TooEarlyToSay,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_show_soon_and_what_may_soon_be_sent_again_is_waited_for() {
        let timing = Timing { settling: Duration::from_secs(900), linger: Duration::from_secs(30), ..Timing::default() };
        let seconds = |ages: &[u64]| {
            let mut look = Look::default();
            ages.iter().for_each(|age| look.wait_for(Duration::from_secs(*age), &timing));
            (look.soon, look.settles_in.map(|left| left.as_secs()))
        };
        assert_eq!(seconds(&[]), (0, None));
        assert_eq!(seconds(&[10]), (1, Some(890)));
        assert_eq!(seconds(&[500]), (0, Some(400)), "it is left to the next run");
        assert_eq!(seconds(&[500, 893]), (1, Some(7)));
        assert_eq!(seconds(&[950]), (1, Some(0)));
    }
}
