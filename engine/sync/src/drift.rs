//! What somebody else did in the target, told apart from what the source, the mapping or we ourselves did.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Action, Change, ObjectRef, ObjectState, Relation};
use entrain_plan::{agreed, drift, left_to_target};
use entrain_store::{Drift, DriftCounts, ReferenceChange, ReferenceEffect};

use crate::engine::Run;
use crate::resolve::Links;
use crate::{Hands, SyncError};

/// What of a change of a record puts right what somebody did in the target.
pub(crate) fn of_change(run: &Run<'_>, change: &Change, state: &ObjectState) -> Vec<Drift> {
    let attributes = drift(change, state, run.target.schema());
    attributes.into_iter().map(|attribute| Drift { attribute, other: None }).collect()
}

/// The same of a change of a reference.
pub(crate) fn of_reference(reference: &ReferenceChange) -> Vec<Drift> {
    let moved = |other: &ObjectRef| Drift { attribute: reference.relation.as_str().to_owned(), other: Some(other.clone()) };
    reference.moved.iter().map(moved).collect()
}

/// Takes back that somebody moved a reference where that may be a late read of what we did ourselves, to it or to its ends.
pub(crate) async fn believe(run: &Run<'_>, page: &mut [ReferenceChange]) -> Result<(), SyncError> {
    let moved = page.iter().filter_map(|change| Some((&change.object, change.moved.as_ref()?)));
    let (objects, others): (BTreeSet<ObjectRef>, BTreeSet<ObjectRef>) =
        moved.map(|(object, other)| (object.clone(), other.clone())).unzip();
    let Some(since) = run.policy.unsettled_since.filter(|_| !objects.is_empty()) else { return Ok(()) };
    let (store, name) = (run.store(), &run.target.name);
    let others: Vec<_> = others.into_iter().collect();
    let links = store.link_ids(name, &others).await?;
    let objects: Vec<_> = objects.into_iter().collect();
    let own = store.reference_effects(name, &objects, since).await?;
    let ends: Vec<_> = objects.into_iter().chain(others).collect();
    let new = store.written_since(name, &ends, since).await?;
    for change in page {
        let Some(other) = &change.moved else { continue };
        let ours = own.iter().any(|effect| is_about(effect, (&change.object, change.relation, other), &links));
        if ours || new.contains(&change.object) || new.contains(other) {
            change.moved = None;
        }
    }
    Ok(())
}

fn is_about(effect: &ReferenceEffect, (object, relation, other): (&ObjectRef, Relation, &ObjectRef), links: &Links) -> bool {
    let same = match &effect.action {
        Action::AddReference { relation: of, to } => *of == relation && to == other,
        Action::RemoveReference { relation: of, to, .. } => {
            *of == relation && links.get(other).is_some_and(|(record, _)| record == to)
        }
        Action::Link { .. }
        | Action::Unlink { .. }
        | Action::Create { .. }
        | Action::Restore { .. }
        | Action::Update { .. }
        | Action::Disable { .. }
        | Action::RevokeSessions { .. }
        | Action::Issue { .. }
        | Action::Delete { .. } => false,
    };
    effect.object == *object && same
}

/// Keeps what was found as wanted, so that a later change of it in the target is known for what it is; and counts what is left
/// to the target.
pub(crate) async fn note(run: &Run<'_>, states: &[ObjectState]) -> Result<(), SyncError> {
    let mut found = Vec::new();
    for state in states {
        let schema = run.target.schema().of(state.object.kind);
        let agreed = agreed(state, schema);
        if let Some(link) = state.link.as_ref().filter(|_| !agreed.is_empty()) {
            found.push((state.object.clone(), link, agreed));
        }
        for attribute in left_to_target(state, schema, &run.target.policy) {
            run.leave_value(format!("{} {attribute}", state.object.kind));
        }
    }
    if !found.is_empty() && matches!(run.hands(), Hands::Free(_)) {
        run.store().count_as_sent(&run.target.name, &found).await?;
    }
    Ok(())
}

/// Counts by kind and attribute in words, as in `user jobTitle`.
pub(crate) fn in_words(counts: DriftCounts) -> BTreeMap<String, u64> {
    counts.into_iter().map(|((kind, attribute), count)| (format!("{kind} {attribute}"), count)).collect()
}
