//! Objects that left although they have a record: since when is noted, since steps may be due days later.

use entrain_model::{Desired, Kind, Left, Millis, ObjectRef, ObjectState, Policy, Scope};
use entrain_store::Leavers;

use crate::SyncError;
use crate::engine::Run;

/// What becomes of the memberships of users that left.
pub(crate) fn memberships(policy: &Policy) -> Leavers {
    if policy.user_removal.remove_from_groups.is_taken() { Leavers::GoOut } else { Leavers::Stay }
}

/// When the record of an object that left is deleted; `None` if it is not, or if somebody keeps it from that.
pub(crate) fn deletes_at(state: &ObjectState, policy: &Policy) -> Option<Millis> {
    let removal = match state.object.kind {
        Kind::User => policy.user_removal,
        Kind::Group => policy.group_removal,
    };
    let held_back = state.retained.is_some() || state.parked.is_some() || state.link.is_none();
    removal.deletes_at(state.left.filter(|_| !held_back)?.at)
}

/// Forgets of those that are back that they had left. What was taken from them is for their groups to give back.
pub(crate) async fn returned(run: &Run<'_>, scope: &Scope) -> Result<(), SyncError> {
    let (store, name) = (run.store(), &run.target.name);
    match scope {
        Scope::Everything => {
            store.forget_returned(name, None).await?;
            store.prune_credentials(name).await?;
        }
        Scope::Only(objects) => {
            let only: Vec<_> = objects.iter().cloned().collect();
            let back = store.forget_returned(name, Some(&only)).await?;
            if !back.is_empty() && memberships(&run.policy) == Leavers::GoOut {
                look_at(run, store.containers_of(&back).await?).await?;
            }
        }
    }
    Ok(())
}

/// Notes the objects of a page that have left since.
pub(crate) async fn note(run: &Run<'_>, states: &mut [ObjectState]) -> Result<(), SyncError> {
    let new = |state: &&mut ObjectState| {
        let gone = matches!(state.desired, Desired::Absent(_) | Desired::OutOfScope(_));
        gone && state.link.is_some() && state.left.is_none()
    };
    let mut leavers: Vec<&mut ObjectState> = states.iter_mut().filter(new).collect();
    let objects: Vec<_> = leavers.iter().map(|state| state.object.clone()).collect();
    let noted = run.store().note_left(&run.target.name, &objects, run.policy.now).await?;
    for state in &mut leavers {
        state.left = noted.get(&state.object).map(|at| Left { at: *at, sessions_ended: None });
    }
    let users = leavers.iter().filter(|state| state.object.kind == Kind::User);
    let records: Vec<_> = users.filter_map(|state| Some(state.link.as_ref()?.id.clone())).collect();
    if !run.whole() && !records.is_empty() && memberships(&run.policy) == Leavers::GoOut {
        look_at(run, run.store().groups_having(&run.target.name, &records).await?).await?;
    }
    Ok(())
}

/// A small run changes references of its own objects only: other groups have their turn next.
async fn look_at(run: &Run<'_>, groups: Vec<ObjectRef>) -> Result<(), SyncError> {
    let Scope::Only(own) = &run.scope else { return Ok(()) };
    let others: Vec<_> = groups.into_iter().filter(|group| !own.contains(group)).collect();
    if !others.is_empty() {
        run.store().enqueue(&run.target.name, &others, 0).await?;
    }
    Ok(())
}
