//! A change of a reference that the target calls needless, where we believed otherwise: somebody was faster, or the copy of
//! the target that answered shows an older state. Taken for granted, the latter would stay wrong until everything is read anew.

use std::collections::BTreeSet;

use entrain_model::{Action, DirectoryError, Fault, Millis, ObjectRef, Relation, TargetId, Write, Written};
use entrain_store::ReferenceEffect;

use crate::SyncError;
use crate::engine::Run;
use crate::resolve::{Links, Ready};

/// What is said of an answer that is not believed yet.
const DOUBT: &str = "the target calls it needless, and may not show yet what was written last";

/// How long before the settling window the first such answer is remembered: longer than the longest wait between two attempts.
const REMEMBERED: Millis = 3_600_000;

/// The two ends of a reference.
type Ends = (ObjectRef, Relation, TargetId);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Added,
    Removed,
}

/// Makes changes of unknown outcome of needless ones that nothing explains. The last change of our own explains one of the same
/// sort, and none of the other. Without any, a lost sending of the same write explains it; else it is believed once the first
/// answer of its kind is as old as the target needs to settle.
pub(crate) async fn doubt(
    run: &Run<'_>,
    started: &[Ready],
    mut answers: Vec<Result<Written, DirectoryError>>,
) -> Result<Vec<Result<Written, DirectoryError>>, SyncError> {
    let Some(since) = run.policy.unsettled_since else { return Ok(answers) };
    let sent = started.iter().filter(|ready| ready.write.is_some());
    let needless: Vec<_> = sent
        .zip(&answers)
        .enumerate()
        .filter_map(|(place, (ready, answer))| {
            let written = answer.as_ref().ok().filter(|written| written.already)?;
            Some((place, ends(ready)?, written.clone()))
        })
        .collect();
    if needless.is_empty() {
        return Ok(answers);
    }
    let objects: BTreeSet<_> = needless.iter().map(|(_, ((object, ..), _), _)| object.clone()).collect();
    let (store, objects) = (run.store(), objects.into_iter().collect::<Vec<_>>());
    let known = store.reference_effects(&run.target.name, &objects, since.saturating_sub(REMEMBERED)).await?;
    let others: BTreeSet<_> = known.iter().filter_map(|effect| added(&effect.action)).cloned().collect();
    let links = store.link_ids(&run.target.name, &others.into_iter().collect::<Vec<_>>()).await?;
    for (place, (ends, way), written) in needless {
        let known = known.iter().filter(|effect| is_near(effect, &ends, &links));
        let same = |effect: &ReferenceEffect| way_of(&effect.action) == Some(way) && other(effect, &links) == Some(&ends.2);
        if !believable(known, same, since, &written) {
            let error = DirectoryError::new(Fault::OutcomeUnknown, DOUBT);
            answers[place] = Err(DirectoryError { request_id: written.request_id, ..error });
        }
    }
    Ok(answers)
}

fn believable<'a>(
    known: impl Iterator<Item = &'a ReferenceEffect>,
    same: impl Fn(&ReferenceEffect) -> bool,
    since: Millis,
    written: &Written,
) -> bool {
    let (doubted, plain): (Vec<_>, Vec<_>) =
        known.partition(|effect| effect.detail.as_ref().is_some_and(|detail| detail.contains(DOUBT)));
    match plain.last().filter(|effect| effect.started_at >= since) {
        Some(last) => same(last),
        None => written.after_lost_sending || doubted.iter().any(|effect| same(effect) && effect.started_at < since),
    }
}

fn ends(ready: &Ready) -> Option<(Ends, Way)> {
    let way = way_of(&ready.action)?;
    match ready.write.as_ref()? {
        Write::AddReference { relation, to, .. } | Write::RemoveReference { relation, to, .. } => {
            Some(((ready.object.clone(), *relation, to.clone()), way))
        }
        Write::Create(_)
        | Write::Restore { .. }
        | Write::Update { .. }
        | Write::Disable { .. }
        | Write::RevokeSessions { .. }
        | Write::Issue { .. }
        | Write::Delete { .. }
        | Write::FirstMember { .. } => None,
    }
}

fn way_of(action: &Action) -> Option<Way> {
    match action {
        Action::AddReference { .. } => Some(Way::Added),
        Action::RemoveReference { .. } => Some(Way::Removed),
        Action::Link { .. }
        | Action::Unlink { .. }
        | Action::Create { .. }
        | Action::Restore { .. }
        | Action::Update { .. }
        | Action::Disable { .. }
        | Action::RevokeSessions { .. }
        | Action::Issue { .. }
        | Action::Delete { .. } => None,
    }
}

fn added(action: &Action) -> Option<&ObjectRef> {
    if let Action::AddReference { to, .. } = action { Some(to) } else { None }
}

/// Whether it is about this reference, or about one whose place it takes: a user has one manager.
fn is_near(effect: &ReferenceEffect, (object, relation, to): &Ends, links: &Links) -> bool {
    effect.object == *object
        && relation_of(&effect.action) == Some(*relation)
        && (*relation == Relation::Manager || other(effect, links) == Some(to))
}

fn relation_of(action: &Action) -> Option<Relation> {
    match action {
        Action::AddReference { relation, .. } | Action::RemoveReference { relation, .. } => Some(*relation),
        Action::Link { .. }
        | Action::Unlink { .. }
        | Action::Create { .. }
        | Action::Restore { .. }
        | Action::Update { .. }
        | Action::Disable { .. }
        | Action::RevokeSessions { .. }
        | Action::Issue { .. }
        | Action::Delete { .. } => None,
    }
}

/// The record at the other end.
fn other<'a>(effect: &'a ReferenceEffect, links: &'a Links) -> Option<&'a TargetId> {
    if let Action::RemoveReference { to, .. } = &effect.action {
        return Some(to);
    }
    links.get(added(&effect.action)?).map(|(id, _)| id)
}
