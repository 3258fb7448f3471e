//! From a planned change to a write: every id is looked up at the last moment.

use std::collections::{BTreeMap, BTreeSet};

use entrain_model::{Action, Attributes, Basis, Edit, Hold, Kind, NewRecord, ObjectRef, Relation, TargetId, Write, anchor_value};
use entrain_plan::{Moment, attributes_of, blocked};
use serde_json::{Value as Json, json};

use crate::engine::Run;
use crate::map::anchor_of;

/// Links of the objects that a batch names.
pub(crate) type Links = BTreeMap<ObjectRef, (TargetId, bool)>;

/// A line of the plan, ready.
pub(crate) struct Ready {
    pub(crate) seq: i64,
    pub(crate) basis: Basis,
    pub(crate) object: ObjectRef,
    pub(crate) action: Action,
    /// `None`: only our own database changes.
    pub(crate) write: Option<Write>,
    /// What is recorded before the call: the keys and values that go out.
    pub(crate) sent: Json,
}

/// What the writes of a batch may name.
pub(crate) struct Names {
    /// Records that are there.
    pub(crate) links: Links,
    /// Objects whose records the batch makes.
    pub(crate) new: BTreeSet<ObjectRef>,
}

/// Makes the write of one action.
pub(crate) fn resolve(run: &Run<'_>, object: &ObjectRef, action: &Action, names: &Names) -> Result<Option<Write>, Hold> {
    let (kind, links) = (object.kind, &names.links);
    let id_of = |other: &ObjectRef| links.get(other).map(|(id, _)| id.clone()).ok_or_else(|| Hold::WaitingFor(other.clone()));
    Ok(match action {
        Action::Link { write_anchor: false, .. } | Action::Unlink { .. } => None,
        Action::Link { id, .. } => Some(Write::Update { kind, id: id.clone(), attributes: anchor_alone(run, object) }),
        Action::Create { record } => {
            let anchor = (run.target.schema().of(kind).anchor.clone(), anchor_of(&run.target, object, record));
            let mut attributes = attributes_of(record, Moment::Creation, run.target.schema().of(kind));
            attributes.insert(anchor.0.clone(), Json::String(anchor.1.clone()));
            Some(Write::Create(NewRecord { kind, attributes, anchor, object: object.clone() }))
        }
        Action::Restore { id, record } => Some(Write::Restore {
            kind,
            id: id.clone(),
            attributes: attributes_of(record, Moment::Later, run.target.schema().of(kind)),
        }),
        Action::Update { id, edits } => Some(Write::Update { kind, id: id.clone(), attributes: edited(edits) }),
        Action::AddReference { relation: Relation::Member, to } if names.new.contains(object) => {
            Some(Write::FirstMember { group: object.clone(), to_kind: to.kind, to: id_of(to)? })
        }
        Action::AddReference { relation, to } => {
            Some(Write::AddReference { relation: *relation, from: id_of(object)?, to_kind: to.kind, to: id_of(to)? })
        }
        Action::RemoveReference { relation, to_kind, to } => {
            Some(Write::RemoveReference { relation: *relation, from: id_of(object)?, to_kind: *to_kind, to: to.clone() })
        }
        Action::Disable { id, sessions } => Some(Write::Disable { id: id.clone(), sessions: *sessions }),
        Action::RevokeSessions { id } => Some(Write::RevokeSessions { id: id.clone() }),
        Action::Issue { id, login } => Some(Write::Issue { id: id.clone(), object: object.clone(), login: login.clone() }),
        Action::Delete { id } => Some(Write::Delete { kind, id: id.clone() }),
    })
}

/// The objects whose links a batch needs.
pub(crate) fn named(object: &ObjectRef, action: &Action) -> Vec<ObjectRef> {
    match action {
        Action::AddReference { to, .. } => vec![object.clone(), to.clone()],
        Action::RemoveReference { .. } => vec![object.clone()],
        Action::Link { .. }
        | Action::Unlink { .. }
        | Action::Create { .. }
        | Action::Restore { .. }
        | Action::Update { .. }
        | Action::Disable { .. }
        | Action::RevokeSessions { .. }
        | Action::Issue { .. }
        | Action::Delete { .. } => Vec::new(),
    }
}

/// What goes into the effect row before the call. Values of attributes stay in the plan line; keys are enough to look again.
pub(crate) fn sent(run: &Run<'_>, object: &ObjectRef, action: &Action) -> Json {
    let schema = run.target.schema().of(object.kind);
    match action {
        Action::Create { record } => json!({
            "anchor": anchor_of(&run.target, object, record),
            "login": schema.login.and_then(|login| record.text(login)),
        }),
        Action::Restore { id, .. }
        | Action::Link { id, .. }
        | Action::Unlink { id }
        | Action::Update { id, .. }
        | Action::Disable { id, .. }
        | Action::RevokeSessions { id }
        | Action::Issue { id, .. }
        | Action::Delete { id } => json!({ "id": id }),
        Action::AddReference { relation, to } => json!({ "relation": relation, "to": to }),
        Action::RemoveReference { relation, to, .. } => json!({ "relation": relation, "id": to }),
    }
}

/// The record that an action changes, if there is one already. References are the store's business.
pub(crate) fn changed(action: &Action) -> Option<&TargetId> {
    match action {
        Action::Link { id, .. }
        | Action::Restore { id, .. }
        | Action::Update { id, .. }
        | Action::Disable { id, .. }
        | Action::RevokeSessions { id }
        | Action::Issue { id, .. }
        | Action::Delete { id } => Some(id),
        Action::Unlink { .. } | Action::Create { .. } | Action::AddReference { .. } | Action::RemoveReference { .. } => None,
    }
}

/// The attribute that the sign-in of the kind hangs on, if the change ends one.
pub(crate) fn blocks(run: &Run<'_>, ready: &Ready) -> Option<&'static str> {
    let schema = run.target.schema().of(ready.object.kind);
    blocked(&ready.action, schema).and(schema.enabled)
}

fn anchor_alone(run: &Run<'_>, object: &ObjectRef) -> Attributes {
    let attribute = run.target.schema().of(object.kind).anchor.clone();
    Attributes::from([(attribute, Json::String(anchor_value(object)))])
}

pub(crate) fn edited(edits: &[Edit]) -> Attributes {
    edits.iter().map(|edit| (edit.attribute.clone(), edit.to.clone())).collect()
}

/// Whether a first credential is made and handed over with the change.
pub(crate) fn hands_over(run: &Run<'_>, ready: &Ready) -> bool {
    match &ready.action {
        Action::Create { .. } => ready.object.kind == Kind::User && run.target.directory.hands_over(),
        Action::Issue { .. } => true,
        Action::Link { .. }
        | Action::Unlink { .. }
        | Action::Restore { .. }
        | Action::Update { .. }
        | Action::AddReference { .. }
        | Action::RemoveReference { .. }
        | Action::Disable { .. }
        | Action::RevokeSessions { .. }
        | Action::Delete { .. } => false,
    }
}
