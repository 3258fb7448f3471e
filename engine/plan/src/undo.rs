//! Taking back what was done: the inverse of each change, as far as the record still is as the change left it.

use std::collections::BTreeMap;

use entrain_model::{Action, Change, DesiredRecord, Edit, KindSchema, ObjectRef, ObjectState, Phase, Relation, Schema, TargetId};
use serde_json::Value as Json;

use crate::compare::same;
use crate::edits::Known;
use crate::matching::untouchable;

/// What is linked to what now, as far as references need it.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    /// The record of an object.
    pub records: BTreeMap<ObjectRef, TargetId>,
    /// The object of a record.
    pub objects: BTreeMap<TargetId, ObjectRef>,
}

/// What takes a change back, and what of it cannot be taken back, each in words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inverse {
    /// What to do, and when.
    pub action: Option<(Phase, Action)>,
    /// What is left as it is, and why.
    pub left: Vec<String>,
}

impl Inverse {
    fn of(phase: Phase, action: Action) -> Self {
        Self { action: Some((phase, action)), left: Vec::new() }
    }

    fn nothing(why: impl Into<String>) -> Self {
        Self { action: None, left: vec![why.into()] }
    }
}

/// The inverse of a change that was done. `state` is what is known of its object now; without one nothing is.
pub fn undo(change: &Change, state: Option<&ObjectState>, ends: &Ends, schema: &Schema) -> Inverse {
    if let Some(hold) = state.and_then(|state| state.actual.as_ref()).and_then(untouchable) {
        return Inverse::nothing(hold.to_string());
    }
    let schema = schema.of(change.object.kind);
    let linked = state.and_then(|state| state.link.as_ref()).map(|link| &link.id);
    match &change.action {
        Action::Create { .. } | Action::Restore { .. } => match linked {
            Some(id) => Inverse::of(Phase::Removals, Action::Delete { id: id.clone() }),
            None => Inverse::nothing("the record that was made is linked to it no more"),
        },
        Action::Delete { id } => Inverse::of(Phase::Users, Action::Restore { id: id.clone(), record: DesiredRecord::default() }),
        Action::Link { id, .. } if linked == Some(id) => Inverse::of(Phase::Removals, Action::Unlink { id: id.clone() }),
        Action::Update { id, .. } | Action::Disable { id, .. } | Action::Link { id, .. } if linked != Some(id) => {
            Inverse::nothing(format!("record {id} is linked to it no more"))
        }
        Action::Update { id, edits } => edited(id, edits, state, schema),
        Action::Disable { id, .. } => {
            let enabled = |name: &str| Edit { attribute: name.to_owned(), was: Some(Json::Bool(true)), to: Json::Bool(false) };
            edited(id, &schema.enabled.map(enabled).into_iter().collect::<Vec<_>>(), state, schema)
        }
        Action::RevokeSessions { .. } => Inverse::nothing("sessions that were revoked do not come back: people sign in again"),
        Action::Issue { .. } => Inverse::nothing("a credential that was issued stands until it is used or runs out"),
        Action::Unlink { id } => {
            Inverse::nothing(format!("the link to {id} was forgotten; the next full sync finds it if it is there"))
        }
        Action::Link { id, .. } => Inverse::nothing(format!("record {id} is linked to it no more")),
        Action::AddReference { relation: Relation::Manager, .. } => {
            Inverse::nothing("which manager there was before is not known")
        }
        Action::AddReference { relation, to } => match ends.records.get(to) {
            Some(id) => Inverse::of(
                Phase::ReferenceRemovals,
                Action::RemoveReference { relation: *relation, to_kind: to.kind, to: id.clone() },
            ),
            None => Inverse::nothing(format!("{to} is linked to no record any more")),
        },
        Action::RemoveReference { relation, to, .. } => match ends.objects.get(to) {
            Some(object) => Inverse::of(Phase::References, Action::AddReference { relation: *relation, to: object.clone() }),
            None => Inverse::nothing(format!("record {to} is linked to no object any more")),
        },
    }
}

/// The values before, of those edits that nobody has changed since.
fn edited(id: &TargetId, edits: &[Edit], state: Option<&ObjectState>, schema: &KindSchema) -> Inverse {
    let known =
        Known { actual: state.and_then(|state| state.actual.as_ref()), link: state.and_then(|state| state.link.as_ref()) };
    let (mut back, mut left) = (Vec::new(), Vec::new());
    for edit in edits {
        let name = &edit.attribute;
        let shape = schema.attributes.get(name.as_str()).map(|rule| rule.shape);
        let same = |a: &Json, b: &Json| shape.map_or(a == b, |shape| same(shape, a, b));
        let now = known.latest(name);
        // What the target made of what was sent is as the change left it.
        let stands =
            now.as_ref().is_some_and(|now| same(now, &edit.to) || known.made_of_sent(name).is_some_and(|made| same(now, made)));
        match (&edit.was, stands) {
            (None, _) => left.push(format!("{name}: what it was before is not known")),
            (Some(_), false) => left.push(format!("{name}: somebody changed it since")),
            (Some(was), true) => back.push(Edit { attribute: name.clone(), was: now, to: was.clone() }),
        }
    }
    let action = (!back.is_empty()).then(|| (Phase::Updates, Action::Update { id: id.clone(), edits: back }));
    Inverse { action, left }
}
