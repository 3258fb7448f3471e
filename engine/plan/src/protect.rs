//! What may not be done to records that are protected, or while nobody knows which are.

use entrain_model::{Action, Actual, Change, Decision, DesiredRecord, Hold, KindSchema, ObjectState, Policy, Schema, TargetId};
use serde_json::Value as Json;

use crate::claims::disables;
use crate::matching::untouchable;

/// Whether the change must not be made before it is known who is protected: it takes a record over, or takes access away.
pub fn is_guarded(change: &Change, schema: &Schema) -> bool {
    match &change.action {
        // A new credential is a way in.
        Action::Link { .. } | Action::Restore { .. } | Action::Issue { .. } | Action::RevokeSessions { .. } => true,
        Action::Unlink { .. } | Action::Create { .. } | Action::AddReference { .. } | Action::RemoveReference { .. } => false,
        Action::Disable { .. } | Action::Delete { .. } | Action::Update { .. } => {
            blocked(&change.action, schema.of(change.object.kind)).is_some()
        }
    }
}

/// The record whose sign-in ends with the change.
pub fn blocked<'a>(action: &'a Action, schema: &KindSchema) -> Option<&'a TargetId> {
    match action {
        Action::Disable { id, .. } | Action::Delete { id } => Some(id),
        Action::Update { id, .. } => disables(action, schema).then_some(id),
        Action::Link { .. }
        | Action::Unlink { .. }
        | Action::Create { .. }
        | Action::Restore { .. }
        | Action::RevokeSessions { .. }
        | Action::Issue { .. }
        | Action::AddReference { .. }
        | Action::RemoveReference { .. } => None,
    }
}

/// Why a change must not be made to a record that is known so.
pub fn shield(change: &Change, actual: Option<&Actual>, schema: &Schema, policy: &Policy) -> Option<Hold> {
    let unread = || policy.unread.clone().filter(|_| is_guarded(change, schema));
    actual.and_then(untouchable).or_else(|| unread().map(|detail| Hold::ProtectionUnread { detail }))
}

/// Lets nothing through that ignorance of who is protected forbids.
pub(crate) fn knowing(state: &ObjectState, schema: &Schema, policy: &Policy, decisions: Vec<Decision>) -> Vec<Decision> {
    let Some(why) = &policy.unread else { return decisions };
    let guarded = |decision: &Decision| matches!(decision, Decision::Change(change) if is_guarded(change, schema));
    if !decisions.iter().any(guarded) {
        return decisions;
    }
    vec![Decision::Hold(state.object.clone(), Hold::ProtectionUnread { detail: why.clone() })]
}

/// A new record that privileges can be given to is made by hand: whoever is put into it might become an administrator.
pub(crate) fn privileging(record: &DesiredRecord, schema: &KindSchema) -> Option<Hold> {
    let attribute = schema.privileging?;
    (record.value(attribute) == Some(&Json::Bool(true))).then(|| Hold::Protected {
        detail: format!("`{attribute}` would make a record that privileges can be given to: make it in the target, approve it by name, and it is linked"),
    })
}
