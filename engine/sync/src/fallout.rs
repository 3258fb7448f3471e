//! What follows from what was done: objects that waited for a link, and objects that must be looked at again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use entrain_model::{Action, DirectoryError, Fault, Hold, Kind, Millis, ObjectRef, Query, Write, Written};
use entrain_store::Reading;

use crate::SyncError;
use crate::ask::ask;
use crate::discover::wanted;
use crate::engine::Run;
use crate::lookup::ask_again;
use crate::map::Learned;
use crate::resolve::Ready;

/// The first wait before an object is looked at again; it doubles with each attempt.
const AGAIN: Duration = Duration::from_secs(2);

/// Queues the neighbours of objects that just got a record, and the objects whose change did not go through.
pub(crate) async fn queue(run: &Run<'_>, linked: &[ObjectRef], again: &[ObjectRef]) -> Result<(), SyncError> {
    let (store, name) = (run.store(), &run.target.name);
    // A full run comes to references after all records are there; a small one must wake those that waited.
    if !run.whole() && !linked.is_empty() {
        let mut neighbours = store.containers_of(linked).await?;
        let managers: Vec<_> = linked.iter().filter(|o| o.kind == Kind::User).map(|o| o.id.clone()).collect();
        neighbours.extend(store.reports_of(&managers).await?);
        store.enqueue(name, &neighbours, 0).await?;
    }
    if !again.is_empty() {
        store.enqueue_again(name, again, AGAIN).await?;
    }
    Ok(())
}

/// Queues objects of which nothing new can be said before a time.
pub(crate) async fn queue_late(run: &Run<'_>, late: impl Iterator<Item = (ObjectRef, Millis)>) -> Result<(), SyncError> {
    let mut by_time: BTreeMap<Millis, Vec<ObjectRef>> = BTreeMap::new();
    late.for_each(|(object, at)| by_time.entry(at).or_default().push(object));
    for (at, objects) in by_time {
        run.store().enqueue_late(&run.target.name, &objects, AGAIN, at).await?;
    }
    Ok(())
}

/// Of the objects that a batch named and that the target did not find: those whose record is so new that this says nothing.
pub(crate) async fn settling(
    run: &Run<'_>,
    started: &[Ready],
    answers: &[Result<Written, DirectoryError>],
) -> Result<BTreeSet<ObjectRef>, SyncError> {
    let named: BTreeSet<ObjectRef> = not_found(started, answers).flat_map(|(ready, _)| ends(ready)).collect();
    let Some(since) = run.policy.unsettled_since.filter(|_| !named.is_empty()) else { return Ok(BTreeSet::new()) };
    Ok(run.store().written_since(&run.target.name, &named.into_iter().collect::<Vec<_>>(), since).await?)
}

/// The hold of a change that the target could not do because it does not show everywhere yet what it has.
pub(crate) fn waits(ready: &Ready, error: &DirectoryError, settling: &BTreeSet<ObjectRef>) -> Option<Hold> {
    if let Some(Write::FirstMember { group, .. }) = &ready.write {
        return Some(Hold::WaitingFor(group.clone()));
    }
    if !matches!(error.fault, Fault::NotFound { .. }) {
        return None;
    }
    let mut new = ends(ready).filter(|object| settling.contains(object));
    new.next().map(|object| if object == ready.object { Hold::Settling } else { Hold::WaitingFor(object) })
}

/// The linked records that the target did not find although they are not new.
pub(crate) fn missing(
    started: &[Ready],
    answers: &[Result<Written, DirectoryError>],
    settling: &BTreeSet<ObjectRef>,
) -> BTreeSet<ObjectRef> {
    not_found(started, answers).flat_map(|(ready, _)| ends(ready)).filter(|object| !settling.contains(object)).collect()
}

fn not_found<'a>(
    started: &'a [Ready],
    answers: &'a [Result<Written, DirectoryError>],
) -> impl Iterator<Item = (&'a Ready, &'a DirectoryError)> {
    let sent = started.iter().filter(|ready| ready.write.is_some()).zip(answers);
    sent.filter(|(ready, _)| !matches!(ready.write, Some(Write::FirstMember { .. })))
        .filter_map(|(ready, answer)| Some((ready, answer.as_ref().err()?)))
        .filter(|(_, error)| matches!(error.fault, Fault::NotFound { .. }))
}

/// The object, and the other end of the reference that the change adds.
fn ends(ready: &Ready) -> impl Iterator<Item = ObjectRef> + use<> {
    let other = match &ready.action {
        Action::AddReference { to, .. } => Some(to.clone()),
        Action::Link { .. }
        | Action::Unlink { .. }
        | Action::Create { .. }
        | Action::Restore { .. }
        | Action::Update { .. }
        | Action::RemoveReference { .. }
        | Action::Disable { .. }
        | Action::RevokeSessions { .. }
        | Action::Issue { .. }
        | Action::Delete { .. } => None,
    };
    std::iter::once(ready.object.clone()).chain(other)
}

/// Reads the linked records of these objects: the mirror holds them for alive, and the target did not find them.
pub(crate) async fn look_for(run: &Run<'_>, missing: &BTreeSet<ObjectRef>) -> Result<(), SyncError> {
    let objects: Vec<_> = missing.iter().take(LOOKED_UP).cloned().collect();
    let links = run.store().link_ids(&run.target.name, &objects).await?;
    let ids = links.into_iter().map(|(object, (id, _))| (object, id)).collect();
    if let Err(error) = ask_again(run, &ids).await {
        tracing::warn!(target = %run.target.name, run = %run.id, "what became of missing records is not known: {error}");
    }
    queue(run, &[], &objects).await
}

/// How many refused values of one batch are looked up; the next run looks up the others.
const LOOKED_UP: usize = 50;

/// The key under which the record is found that has what a refused change wanted.
pub(crate) fn taken(run: &Run<'_>, ready: &Ready, error: &DirectoryError) -> Option<(Kind, String, String)> {
    let Fault::AlreadyExists { attribute: Some(attribute) } = &error.fault else { return None };
    let (kind, schema) = (ready.object.kind, run.target.schema().of(ready.object.kind));
    let is_key = schema.login == Some(attribute.as_str()) || schema.anchor == *attribute;
    let attributes = match ready.write.as_ref()? {
        Write::Create(record) => &record.attributes,
        Write::Update { attributes, .. } | Write::Restore { attributes, .. } => attributes,
        Write::Disable { .. }
        | Write::RevokeSessions { .. }
        | Write::Issue { .. }
        | Write::Delete { .. }
        | Write::AddReference { .. }
        | Write::FirstMember { .. }
        | Write::RemoveReference { .. } => return None,
    };
    let value = attributes.get(attribute)?.as_str()?;
    is_key.then(|| (kind, attribute.clone(), value.to_owned()))
}

/// Reads who has the values that were refused: the mirror did not know it, or the plan would have been another.
pub(crate) async fn learn(run: &Run<'_>, taken: &[(Kind, String, String)]) -> Result<(), SyncError> {
    if taken.is_empty() {
        return Ok(());
    }
    let generation = run.store().next_generation(&run.target.name).await?;
    for (kind, attribute, value) in taken.iter().take(LOOKED_UP).cloned() {
        let attributes = wanted(run, kind, &Learned::default());
        let query = Query::Matching { kind, attribute, value, attributes };
        let learned = match ask(run, kind, Reading::Lookup, query, |_| {}).await {
            Ok(answer) => answer.take(run, generation).await,
            Err(error) => Err(error),
        };
        if let Err(error) = learned {
            tracing::warn!(target = %run.target.name, run = %run.id, "the holder of a refused value is not known: {error}");
        }
    }
    Ok(())
}
