//! What the plan says of the target: collisions, records that must not be touched, what new records lack.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{
    Action, Change, Decision, Desired, DesiredRecord, Hold, ObjectRef, ObjectState, TargetId, anchor_value, fold,
};
use entrain_plan::{flaws, missing};
use entrain_store::PlanLine;

use super::Preflight;
use super::finding::Check;
use crate::SyncError;
use crate::adoption::REFERENCES;
use crate::engine::PAGE;

/// Goes through the plan that was just made.
pub(super) async fn check(preflight: &mut Preflight<'_>) -> Result<(), SyncError> {
    let mut seq = 0;
    loop {
        let page = preflight.run.store().plan_lines(&preflight.run.id, seq, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        seq = last.seq;
        lines(preflight, page).await?;
    }
}

async fn lines(preflight: &mut Preflight<'_>, page: Vec<PlanLine>) -> Result<(), SyncError> {
    let (store, name) = (preflight.run.store(), preflight.run.target.name.clone());
    let some = |wanted: fn(&Decision) -> bool| -> Vec<ObjectRef> {
        let objects: BTreeSet<_> = page.iter().filter(|line| wanted(&line.decision)).map(|line| line.object.clone()).collect();
        objects.into_iter().collect()
    };
    let created = some(|decision| matches!(decision, Decision::Change(Change { action: Action::Create { .. }, .. })));
    let unclear = some(|decision| matches!(decision, Decision::Hold(_, Hold::Rejected { .. } | Hold::Conflict { .. })));
    let binned = store.binned(&name, &created).await?;
    let anchors = unclear.iter().map(|object| (object.clone(), anchor_value(object))).collect();
    let states = store.states(&name, 0, &unclear, &anchors).await?;
    let states: BTreeMap<_, _> = states.into_iter().map(|state| (state.object.clone(), state)).collect();
    for line in page {
        match line.decision {
            Decision::Hold(object, hold) => held(preflight, &object, &hold, states.get(&object)),
            Decision::Change(Change { object, action: Action::Create { record }, .. }) => {
                new(preflight, &object, &record, binned.get(&object));
            }
            Decision::Change(_) => {}
        }
    }
    Ok(())
}

/// A record that would be made.
fn new(preflight: &mut Preflight<'_>, object: &ObjectRef, record: &DesiredRecord, binned: Option<&TargetId>) {
    if let Some(id) = binned {
        preflight.findings.add(Check::InRecycleBin, "", || format!("{object}: record {id} has the same key"));
    }
    let schema = preflight.run.target.schema().of(object.kind);
    let login = schema.login.and_then(|login| record.text(login));
    let domain = login.and_then(|login| login.rsplit_once('@')).map(|(_, domain)| fold(domain));
    let federated = domain.is_some_and(|domain| preflight.federated.contains(&domain));
    let lacks = schema.subject.filter(|subject| schema.anchor != **subject && record.text(subject).is_none());
    if let Some(subject) = lacks.filter(|_| federated) {
        let login = login.unwrap_or_default();
        preflight.findings.add(Check::FederatedWithoutId, subject, || format!("{object}: \"{login}\""));
    }
}

/// An object that is left alone. What the values and the source have told already is not told again.
fn held(preflight: &mut Preflight<'_>, object: &ObjectRef, hold: &Hold, state: Option<&ObjectState>) {
    let (check, attribute) = match hold.code() {
        "ambiguous" => (Check::Ambiguous, ""),
        "protected" => (Check::Protected, ""),
        "on_premises_mastered" => (Check::MasteredElsewhere, ""),
        "unwritable" => (Check::Unwritable, ""),
        "foreign_anchor" => (Check::ForeignAnchor, ""),
        // A script that failed, an operator's wish, and what passes by itself.
        "failed" | "parked" | "settling" | "incomplete_read" | "waiting_for" => return,
        // Circles of one are told as circles.
        "rejected" if matches!(hold, Hold::Rejected { attribute: Some(name), .. } if REFERENCES.contains(&name.as_str())) => {
            return;
        }
        "rejected" => match rejected(preflight, object, state) {
            Some(found) => found,
            None => return,
        },
        "conflict" if is_taken(hold, state) => (Check::TakenInTarget, attribute_of(hold)),
        "conflict" => return,
        _ => (Check::Held, ""),
    };
    preflight.findings.add(check, attribute, || format!("{object}: {hold}"));
}

/// What a new record lacks; nothing if one of its values is at fault, or a reference.
fn rejected<'h>(preflight: &Preflight<'_>, object: &ObjectRef, state: Option<&ObjectState>) -> Option<(Check, &'h str)> {
    let state = state?;
    let Desired::Present(record) = &state.desired else { return None };
    let schema = preflight.run.target.schema();
    if !flaws(object.kind, record, schema, &preflight.run.policy).is_empty() {
        return None;
    }
    let lacks = missing(object.kind, record, schema).filter(|_| state.link.is_none());
    let Some(Hold::Rejected { attribute: Some(lacks), .. }) = lacks else { return Some((Check::Held, "")) };
    let required = schema.of(object.kind).required.iter().find(|name| **name == lacks)?;
    Some((Check::RequiredMissing, required))
}

/// Whether a record that nobody is linked to has the value. If only other objects want it, it is a duplicate of the source.
fn is_taken(hold: &Hold, state: Option<&ObjectState>) -> bool {
    let attribute = attribute_of(hold);
    let contests = state.into_iter().flat_map(|state| &state.contests).filter(|contest| contest.attribute == attribute);
    contests.into_iter().any(|contest| contest.held_by.iter().any(|(_, object)| object.is_none()))
}

fn attribute_of(hold: &Hold) -> &str {
    if let Hold::Conflict { attribute, .. } = hold { attribute } else { "" }
}
