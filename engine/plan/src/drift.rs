//! What of a change puts right what somebody else did in the target, as distinct from what the source or the mapping made.

use entrain_model::{
    Action, Attributes, Authority, Change, Condition, Desired, KindSchema, Knowledge, LinkState, ObjectState, Schema, Value,
    Writable,
};
use serde_json::Value as Json;

use crate::compare::{look_up, same};
use crate::edits::{Known, drifting};
use crate::leaves::{Leaf, leaves};

/// Stands for the record as a whole, where somebody deleted it.
pub const RECORD: &str = "(record)";

/// The attributes that somebody changed in the target and that this change puts right, dotted for parts: what is wanted is
/// what was last sent, and the target shows something else. A record that was deleted counts as [`RECORD`].
pub fn drift(change: &Change, state: &ObjectState, schema: &Schema) -> Vec<String> {
    let Some(link) = &state.link else { return Vec::new() };
    let schema = schema.of(change.object.kind);
    match &change.action {
        Action::Update { edits, .. } => {
            let Desired::Present(record) = &state.desired else { return Vec::new() };
            let known = Known { actual: state.actual.as_ref(), link: Some(link) };
            let drifting = drifting(record, known, schema);
            edits.iter().map(|edit| &edit.attribute).filter(|name| drifting.contains(*name)).cloned().collect()
        }
        Action::Restore { .. } | Action::Create { .. } => vec![RECORD.to_owned()],
        Action::Link { id, .. } if *id == link.id => vec![schema.anchor.clone()],
        Action::Disable { .. } => {
            schema.enabled.filter(|name| unblocked(name, state, link)).map(str::to_owned).into_iter().collect()
        }
        Action::Link { .. }
        | Action::Unlink { .. }
        | Action::AddReference { .. }
        | Action::RemoveReference { .. }
        | Action::RevokeSessions { .. }
        | Action::Issue { .. }
        | Action::Delete { .. } => Vec::new(),
    }
}

/// Somebody let the user in again whom we had blocked.
fn unblocked(enabled: &str, state: &ObjectState, link: &LinkState) -> bool {
    let known = Known { actual: state.actual.as_ref(), link: None };
    look_up(&link.sent, enabled) == Some(&Json::Bool(false)) && known.value(enabled) == Value::Value(Json::Bool(true))
}

/// The values of a linked record that are as wanted although they were never sent: from now on they count as sent, so that a
/// change of them in the target is known for what it is.
pub fn agreed(state: &ObjectState, schema: &KindSchema) -> Attributes {
    let (Desired::Present(record), Some(link), Some(actual)) = (&state.desired, &state.link, &state.actual) else {
        return Attributes::new();
    };
    if actual.condition != Condition::Live || actual.knowledge != Knowledge::Fresh || actual.id != link.id {
        return Attributes::new();
    }
    let known = Known { actual: Some(actual), link: None };
    let ours = |leaf: &Leaf<'_>| {
        leaf.authority == Authority::Manage
            && leaf.name != schema.anchor
            && leaf.rule.is_none_or(|rule| rule.writable == Writable::Always)
            && look_up(&link.sent, &leaf.name).is_none()
    };
    let as_wanted = |leaf: &Leaf<'_>| match known.value(&leaf.name) {
        Value::Unknown => false,
        Value::Unset => same(leaf.shape, &Json::Null, leaf.to),
        Value::Value(value) => same(leaf.shape, &value, leaf.to),
    };
    let leaves = leaves(record, schema).into_iter().filter(|leaf| ours(leaf) && as_wanted(leaf));
    leaves.map(|leaf| (leaf.name, leaf.to.clone())).collect()
}
