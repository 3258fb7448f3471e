//! A small scope reads nothing of linked objects; an object without a link is looked up by its keys and in the recycle bin.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Evidence, Kind, Millis, ObjectRef, Query, TargetId, anchor_value};
use entrain_store::{Key, Reading};

use crate::SyncError;
use crate::ask::{Answer, KEPT, ask, at_once};
use crate::discover::{Seen, wanted};
use crate::engine::{PAGE, Run};
use crate::map::Learned;
use crate::resolve::Links;

/// Looks up what is wanted and not linked.
pub(crate) async fn lookup(run: &Run<'_>, learned: &Learned) -> Result<Seen, SyncError> {
    let generation = run.store().next_generation(&run.target.name).await?;
    let wanted: Vec<_> = learned.keys.iter().map(|(object, _)| object.clone()).collect();
    let mut linked = Links::new();
    for page in wanted.chunks(PAGE) {
        linked.extend(run.store().link_ids(&run.target.name, page).await?);
    }
    let mut found = false;
    let unlinked: Vec<_> = learned.keys.iter().filter(|(object, _)| !linked.contains_key(object)).collect();
    for few in unlinked.chunks(KEPT) {
        for answers in at_once(few, |(object, keys)| by_keys(run, object, keys)).await {
            for answer in answers? {
                found |= answer.reading() == Reading::Lookup && answer.is_live();
                answer.take(run, generation).await?;
            }
        }
    }
    if found {
        run.read_protection().await?;
    }
    Ok(generation)
}

/// Asks for one object by each of its keys, and then in the recycle bin: what is deleted meanwhile shows in one of both.
async fn by_keys(run: &Run<'_>, object: &ObjectRef, keys: &[Key]) -> Result<Vec<Answer>, SyncError> {
    let kind = object.kind;
    let attributes = wanted(run, kind, &Learned::default());
    let mut answers = Vec::new();
    for key in keys {
        // Anchors are compared to the letter; all other keys without regard to case.
        let value = if key.evidence == Evidence::Anchor { anchor_value(object) } else { key.value.clone() };
        let query = match key.evidence {
            Evidence::TargetId => Query::Record { kind, id: TargetId::from(value.as_str()), attributes: attributes.clone() },
            Evidence::Anchor | Evidence::Key(_) | Evidence::Created => {
                let (attribute, value) = (key.attribute.clone(), value.clone());
                Query::Matching { kind, attribute, value, attributes: attributes.clone() }
            }
        };
        answers.push(ask(run, kind, Reading::Lookup, query, |_| {}).await?);
        if key.rank == 0 {
            let matching = Some((key.attribute.clone(), value));
            let deleted = Query::Deleted { kind, matching, attributes: attributes.clone() };
            answers.push(ask(run, kind, Reading::RecycleBin, deleted, |_| {}).await?);
        }
    }
    Ok(answers)
}

/// Reads the linked records of these objects by their ids. One that is not shown is looked for in the recycle bin.
pub(crate) async fn ask_again(run: &Run<'_>, ids: &BTreeMap<ObjectRef, TargetId>) -> Result<(), SyncError> {
    let generation = run.store().next_generation(&run.target.name).await?;
    let ids: Vec<_> = ids.iter().collect();
    for few in ids.chunks(KEPT) {
        for answers in at_once(few, |(object, id)| by_id(run, object, id)).await {
            for answer in answers? {
                answer.take(run, generation).await?;
            }
        }
    }
    Ok(())
}

async fn by_id(run: &Run<'_>, object: &ObjectRef, id: &TargetId) -> Result<Vec<Answer>, SyncError> {
    let (kind, attributes) = (object.kind, wanted(run, object.kind, &Learned::default()));
    let query = Query::Record { kind, id: id.clone(), attributes: attributes.clone() };
    let shown = ask(run, kind, Reading::Lookup, query, |_| {}).await?;
    if shown.is_live() {
        return Ok(vec![shown]);
    }
    let anchor = run.target.schema().of(kind).anchor.clone();
    let query = Query::Deleted { kind, matching: Some((anchor, anchor_value(object))), attributes };
    Ok(vec![shown, ask(run, kind, Reading::RecycleBin, query, |_| {}).await?])
}

/// Looks at the records of linked objects that are believed deleted or gone, before anything is concluded from that: an incremental
/// read may have told of what was so before a restore.
pub(crate) async fn lost(run: &Run<'_>, objects: &BTreeSet<ObjectRef>) -> Result<(), SyncError> {
    let objects: Vec<_> = objects.iter().cloned().collect();
    for page in objects.chunks(PAGE) {
        let lost = run.store().lost_records(&run.target.name, page).await?;
        if !lost.is_empty() {
            ask_again(run, &lost).await?;
        }
    }
    Ok(())
}

/// Looks again at records that a look showed otherwise than they were known: it may have been late. By now the target has settled.
pub(crate) async fn doubted(run: &Run<'_>, kind: Kind) -> Result<(), SyncError> {
    let (store, target) = (run.store(), &run.target);
    let until = store.now().saturating_sub(Millis::try_from(target.timing.settling.as_millis()).unwrap_or(Millis::MAX));
    let attributes = wanted(run, kind, &Learned::default());
    loop {
        let ids = store.doubted(&target.name, kind, until).await?;
        if ids.is_empty() {
            return Ok(());
        }
        let generation = store.next_generation(&target.name).await?;
        for few in ids.chunks(KEPT) {
            let by_id = |id: &TargetId| Query::Record { kind, id: id.clone(), attributes: attributes.clone() };
            for answer in at_once(few, |id| ask(run, kind, Reading::Lookup, by_id(id), |_| {})).await {
                answer?.take(run, generation).await?;
            }
        }
        store.end_doubts(&target.name, kind, &ids, until).await?;
    }
}
