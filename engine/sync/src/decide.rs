//! From states to a judged plan: pages of objects, then references, then the order, then the guard.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{
    Action, Basis, Change, Condition, Decision, Desired, Hold, Mode, ObjectRef, ObjectState, Phase, Relation, Scope, anchor_value,
};
use entrain_plan::{Origin, claims, counted, is_doubtful, permits, plan};
use entrain_store::{Drift, PlannedLine, ReferenceChange, ReferenceEdit, ReferenceScope, Settled};
use tracing::Instrument as _;

use crate::discover::Seen;
use crate::engine::{Ask, PAGE, Run, Task};
use crate::guard::Judged;
use crate::lookup::ask_again;
use crate::map::anchor_of;
use crate::recover::Waits;
use crate::{Hands, Step, SyncError, contest, drift, fallout, guard, leaving, reviewed, trace};

/// Plans the scope and judges the whole.
pub(crate) async fn decide(run: &Run<'_>, seen: Seen, ask: &Ask) -> Result<Judged, SyncError> {
    run.progress().begin(Step::Plan, None);
    leaving::returned(run, &ask.scope).await?;
    match &ask.scope {
        Scope::Everything => {
            run.store().settle_statistics().await?;
            let mut after = None;
            loop {
                let page = run.store().object_page(&run.target.name, after.as_ref(), PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.clone());
                objects(run, seen, &page).instrument(trace::decided(page.len())).await?;
            }
            run.store().settle_statistics().await?;
            references(run, ReferenceScope::Everything).await?;
            if ask.task == Task::Reconcile && matches!(run.hands(), Hands::Free(_)) {
                run.store().settle_moves(&run.target.name, &run.id).await?;
            }
        }
        Scope::Only(objects_only) => {
            let all: Vec<_> = objects_only.iter().cloned().collect();
            for page in all.chunks(PAGE) {
                objects(run, seen, page).instrument(trace::decided(page.len())).await?;
            }
            references(run, ReferenceScope::Only(&all)).await?;
        }
    }
    arranged(run, ask).await
}

/// Orders what was planned and judges the whole.
pub(crate) async fn arranged(run: &Run<'_>, ask: &Ask) -> Result<Judged, SyncError> {
    let recreated = contest::arrange(run).await?;
    match (&ask.task, &ask.scope) {
        // It says nothing of what holds an object.
        (Task::Undo { .. }, _) => {}
        (Task::Reconcile | Task::Apply { .. }, Scope::Everything) => {
            run.store().prune_holds(&run.target.name, &run.id, None).await?;
        }
        (Task::Reconcile | Task::Apply { .. }, Scope::Only(objects)) => {
            let only: Vec<_> = objects.iter().cloned().collect();
            run.store().prune_holds(&run.target.name, &run.id, Some(&only)).await?;
        }
    }
    if let Task::Apply { plan } | Task::Undo { plan: Some(plan), .. } = &ask.task {
        reviewed::keep(run, plan).await?;
    }
    guard::judged(run, recreated, ask.approval.as_ref()).await
}

async fn objects(run: &Run<'_>, seen: Seen, page: &[ObjectRef]) -> Result<(), SyncError> {
    run.still_ours().await?;
    run.saw(page.len());
    let mut known = states(run, seen, page).await?;
    let mut lines = planned(run, &known);
    if run.is_ignorant(&lines) {
        run.read_protection().await?;
        known = states(run, seen, page).await?;
        lines = planned(run, &known);
    }
    drift::note(run, &known).await?;
    run.spare_last_administrator(&mut lines).await?;
    put(run, &lines, &patient(run, &known)).await?;
    run.progress().advance(page.len() as u64);
    Ok(())
}

fn planned(run: &Run<'_>, states: &[ObjectState]) -> Vec<PlannedLine> {
    let (schema, policy) = (run.target.schema(), run.knowing_policy());
    let mut lines = Vec::new();
    for state in states {
        for decision in plan(state, schema, &policy) {
            let Some(decision) = permitted(run, repeated(run, decision), Origin::Found) else { continue };
            lines.push(match &decision {
                Decision::Change(change) => PlannedLine {
                    claims: claims(change, state, schema),
                    counted: counted(change, schema, &run.target.limits),
                    drift: drift::of_change(run, change, state),
                    decision,
                },
                Decision::Hold(..) => decision.into(),
            });
        }
    }
    lines
}

/// What is known of the page. A record that seems to be gone or changed by somebody is read before that is believed; what a
/// run over everything has just read of changes needs no second look.
async fn states(run: &Run<'_>, seen: Seen, page: &[ObjectRef]) -> Result<Vec<ObjectState>, SyncError> {
    let anchors = page.iter().map(|object| (object.clone(), anchor_value(object))).collect();
    let mut states = run.store().states(&run.target.name, seen, page, &anchors).await?;
    let doubtful = |state: &&ObjectState| {
        let gone = state.actual.as_ref().is_some_and(|actual| actual.condition == Condition::Gone);
        (gone || !run.whole()) && is_doubtful(state, run.target.schema())
    };
    let ids: BTreeMap<_, _> = states
        .iter()
        .filter(doubtful)
        .filter_map(|state| Some((state.object.clone(), state.link.as_ref()?.id.clone())))
        .collect();
    if !ids.is_empty() {
        ask_again(run, &ids).await?;
        let again: Vec<_> = ids.into_keys().collect();
        let fresh = run.store().states(&run.target.name, seen, &again, &anchors).await?;
        let mut fresh: BTreeMap<_, _> = fresh.into_iter().map(|state| (state.object.clone(), state)).collect();
        for state in &mut states {
            if let Some(read) = fresh.remove(&state.object) {
                *state = read;
            }
        }
    }
    for state in &mut states {
        repeatable(run, state).await?;
    }
    leaving::note(run, &mut states).await?;
    Ok(states)
}

/// A create that was not found no longer keeps its object waiting: it is sent again, or nobody wants it any more.
async fn repeatable(run: &Run<'_>, state: &mut ObjectState) -> Result<(), SyncError> {
    let Some(repeat) = run.repeats.get(&state.object) else { return Ok(()) };
    if matches!(state.desired, Desired::Present(_)) {
        state.unsettled = false;
    } else if repeat.settled {
        state.unsettled = false;
        run.store().settle_effect(&repeat.effect.0, repeat.effect.1, Settled::NotDone).await?;
    }
    Ok(())
}

/// A create whose answer was lost is repeated as it was sent, whatever the source says by now; the next run brings it up to date.
fn repeated(run: &Run<'_>, decision: Decision) -> Decision {
    match decision {
        Decision::Change(Change { object, phase, action: Action::Create { record }, basis }) => {
            let sent = run
                .repeats
                .get(&object)
                .map(|repeat| &repeat.record)
                .filter(|sent| anchor_of(&run.target, &object, sent) == anchor_of(&run.target, &object, &record));
            let record = sent.cloned().unwrap_or(record);
            Decision::Change(Change { object, phase, action: Action::Create { record }, basis })
        }
        other @ (Decision::Change(_) | Decision::Hold(..)) => other,
    }
}

/// When creates may be sent again that must wait for that. Who is to have no access does not wait: a record that shows late
/// is blocked soon.
fn patient(run: &Run<'_>, states: &[ObjectState]) -> Waits {
    let waits = |state: &ObjectState| {
        let enabled = run.target.schema().of(state.object.kind).enabled;
        let Desired::Present(record) = &state.desired else { return None };
        let is_blocked = enabled.and_then(|enabled| record.value(enabled)) == Some(&serde_json::Value::Bool(false));
        if is_blocked { None } else { run.waits.get(&state.object).map(|until| (state.object.clone(), *until)) }
    };
    states.iter().filter(|state| state.unsettled).filter_map(waits).collect()
}

async fn put(run: &Run<'_>, lines: &[PlannedLine], waits: &Waits) -> Result<(), SyncError> {
    let holds: Vec<_> = lines
        .iter()
        .filter_map(|line| match &line.decision {
            Decision::Hold(object, hold) => Some((object.clone(), hold.clone())),
            Decision::Change(_) => None,
        })
        .collect();
    let settling: Vec<_> = holds.iter().filter(|(_, hold)| *hold == Hold::Settling).map(|(object, _)| object.clone()).collect();
    run.store().put_plan(&run.id, lines).await?;
    run.store().put_holds(&run.target.name, &run.id, &holds).await?;
    let (late, soon): (Vec<_>, Vec<_>) = settling.into_iter().partition(|object| waits.contains_key(object));
    fallout::queue(run, &[], &soon).await?;
    fallout::queue_late(run, late.iter().filter_map(|object| Some((object.clone(), *waits.get(object)?)))).await
}

async fn references(run: &Run<'_>, scope: ReferenceScope<'_>) -> Result<(), SyncError> {
    let (mut after, leavers) = (None, leaving::memberships(&run.policy));
    loop {
        run.engine.goes_on()?;
        run.keep().await?;
        let (mut page, next) = run.store().reference_page(&run.target.name, &run.id, (scope, leavers), after, PAGE).await?;
        drift::believe(run, &mut page).await?;
        let from: BTreeSet<_> = page.iter().map(|change| change.object.clone()).collect();
        let from: Vec<_> = from.into_iter().collect();
        let bases = run.store().bases(&run.target.name, &from).await?;
        let made = match run.target.mode {
            Mode::CreateOnly => run.store().made(&run.target.name, &from).await?,
            Mode::Observe | Mode::Upsert | Mode::Full => BTreeSet::new(),
        };
        let unlinked = |object: &ObjectRef| bases.get(object).is_none_or(|basis| basis.link == 0);
        let new: Vec<_> = from.iter().filter(|object| unlinked(object)).cloned().collect();
        let taken_over = run.store().to_be_linked(&run.id, &new).await?;
        let mut lines = Vec::with_capacity(page.len());
        for change in page.into_iter().filter(|change| run.target.relations.contains(&change.relation)) {
            let is_new = unlinked(&change.object);
            let origin = if is_new || made.contains(&change.object) { Origin::Made } else { Origin::Found };
            let drift = drift::of_reference(&change);
            // What comes with a record that is made takes nobody by surprise.
            let guarded = if is_new && !taken_over.contains(&change.object) { Guarded::No } else { Guarded::Yes };
            if let Some(decision) = permitted(run, decided(change, &bases), origin) {
                lines.push(line(run, decision, guarded, drift));
            }
        }
        put(run, &lines, &Waits::default()).await?;
        match next {
            Some(cursor) => after = Some(cursor),
            None => return Ok(()),
        }
    }
}

/// The decision, unless the mode of the target leaves such things as they are.
fn permitted(run: &Run<'_>, decision: Decision, origin: Origin) -> Option<Decision> {
    match &decision {
        Decision::Change(change) if !permits(run.target.mode, &change.action, origin) => {
            run.leave(&change.action);
            None
        }
        // What nobody would change need not wait for anything.
        Decision::Hold(_, Hold::WaitingFor(_)) if run.target.mode == Mode::CreateOnly && origin == Origin::Found => None,
        Decision::Change(_) | Decision::Hold(..) => Some(decision),
    }
}

/// Whether the guard counts a change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guarded {
    Yes,
    No,
}

fn line(run: &Run<'_>, decision: Decision, guarded: Guarded, drift: Vec<Drift>) -> PlannedLine {
    match &decision {
        Decision::Change(change) => {
            let counted = match guarded {
                Guarded::Yes => counted(change, run.target.schema(), &run.target.limits),
                Guarded::No => Vec::new(),
            };
            PlannedLine { decision, claims: Vec::new(), counted, drift }
        }
        Decision::Hold(..) => decision.into(),
    }
}

pub(crate) fn decided(reference: ReferenceChange, bases: &BTreeMap<ObjectRef, Basis>) -> Decision {
    let ReferenceChange { object, relation, edit, moved: _ } = reference;
    let basis = bases.get(&object).copied().unwrap_or_default();
    let change = |phase, action| Decision::Change(Change { object: object.clone(), phase, action, basis });
    let phase = match relation {
        Relation::Manager => Phase::Managers,
        Relation::Member | Relation::Owner => Phase::References,
    };
    match edit {
        ReferenceEdit::Add(to) => change(phase, Action::AddReference { relation, to }),
        ReferenceEdit::Remove { to_kind, to } => {
            change(Phase::ReferenceRemovals, Action::RemoveReference { relation, to_kind, to })
        }
        ReferenceEdit::Waits(other) => Decision::Hold(object.clone(), Hold::WaitingFor(other)),
        ReferenceEdit::Itself => Decision::Hold(
            object.clone(),
            Hold::Rejected {
                attribute: Some(relation.as_str().into()),
                detail: "it is a reference to itself, which the target does not allow: remove it in the source".into(),
            },
        ),
    }
}
