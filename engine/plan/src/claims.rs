//! What a change means for others: the unique values it takes and gives up, and what the guard counts it as.

use entrain_model::{
    Action, Attributes, Change, Claim, Counted, Edit, KindSchema, Limits, ObjectState, Operation, Schema, TargetId, fold,
};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::attributes::{Moment, attributes_of, flat};
use crate::compare::is_unset;
use crate::digest::{canonical, hex};
use crate::edits::Known;

/// A unique value that a change takes or gives up: attribute and folded value.
pub type Claimed = (Claim, String, String);

/// What the guard counts this change as: all that some rule has a limit for.
pub fn counted(change: &Change, schema: &Schema, limits: &Limits) -> Vec<Counted> {
    let kind = change.object.kind;
    let mut counts = deeds(&change.action, schema.of(kind));
    // Nothing else that a block changes keeps it waiting: it is limited as a block, and by whatever names an attribute.
    let blocks = disables(&change.action, schema.of(kind));
    counts.retain(|(operation, about, _)| {
        let beside = blocks && *operation == Operation::Change;
        if beside { limits.name(kind, *operation, about) } else { limits.count(kind, *operation, about) }
    });
    let fingerprint = |done: Json| hex(&Sha256::digest(canonical(&done).to_string())[..16]);
    counts.into_iter().map(|(operation, about, done)| Counted { operation, about, fingerprint: fingerprint(done) }).collect()
}

/// The sorts of what the action does, to what of the object, and what of it a person approves: the record and what it is
/// to have. What it had before is not part of that, nor is the rest of an update.
fn deeds(action: &Action, schema: &KindSchema) -> Vec<(Operation, String, Json)> {
    let whole = |operation, done| vec![(operation, String::new(), done)];
    match action {
        Action::Link { id, .. } => whole(Operation::Link, json!(id)),
        Action::Unlink { id } => whole(Operation::Unlink, json!(id)),
        Action::Create { .. } => whole(Operation::Create, Json::Null),
        Action::Restore { id, .. } => whole(Operation::Create, json!(id)),
        Action::Delete { id } => whole(Operation::Delete, json!(id)),
        Action::Disable { id, .. } => whole(Operation::Disable, json!(id)),
        Action::AddReference { relation, to } => {
            vec![(Operation::AddReference, format!("{} {to}", relation.as_str()), Json::Null)]
        }
        Action::RemoveReference { relation, to, .. } => {
            vec![(Operation::RemoveReference, format!("{} {to}", relation.as_str()), Json::Null)]
        }
        Action::Update { id, edits } => {
            let blocks = disables(action, schema).then(|| (Operation::Disable, String::new(), json!(id)));
            // A block that is repeated with another change is none.
            let is_change = |edit: &&Edit| edit.was.as_ref() != Some(&edit.to);
            blocks.into_iter().chain(edits.iter().filter(is_change).map(|edit| edited(id, edit, schema))).collect()
        }
        // Whoever loses a session signs in again.
        Action::RevokeSessions { .. } | Action::Issue { .. } => Vec::new(),
    }
}

fn edited(id: &TargetId, edit: &Edit, schema: &KindSchema) -> (Operation, String, Json) {
    let done = json!([id, edit.to]);
    if Some(edit.attribute.as_str()) == schema.login {
        (Operation::Rename, String::new(), done)
    } else if is_unset(&edit.to) && edit.was.as_ref().is_none_or(|was| !is_unset(was)) {
        (Operation::Clear, edit.attribute.clone(), done)
    } else {
        (Operation::Change, edit.attribute.clone(), done)
    }
}

/// Whether the action blocks a sign-in that is not known to be blocked already.
pub(crate) fn disables(action: &Action, schema: &KindSchema) -> bool {
    let blocked = Json::Bool(false);
    let Action::Update { edits, .. } = action else { return matches!(action, Action::Disable { .. }) };
    let blocks = |edit: &Edit| edit.to == blocked && edit.was.as_ref() != Some(&blocked);
    edits.iter().any(|edit| Some(edit.attribute.as_str()) == schema.enabled && blocks(edit))
}

/// The unique values that a change takes or gives up. A change of letter case alone does neither.
pub fn claims(change: &Change, state: &ObjectState, schema: &Schema) -> Vec<Claimed> {
    let schema = schema.of(change.object.kind);
    let known = Known { actual: state.actual.as_ref(), link: state.link.as_ref() };
    let mut claims = Vec::new();
    match &change.action {
        Action::Create { record } => collect_all(&mut claims, &attributes_of(record, Moment::Creation, schema), schema),
        Action::Restore { record, .. } => collect_all(&mut claims, &attributes_of(record, Moment::Later, schema), schema),
        Action::Update { edits, .. } => {
            for edit in edits.iter().filter(|edit| is_unique(&edit.attribute, schema)) {
                let was = edit.was.clone().or_else(|| known.latest(&edit.attribute)).unwrap_or_default();
                collect(&mut claims, &edit.attribute, &folded(&was), &folded(&edit.to));
            }
        }
        Action::Delete { .. } => {
            for name in schema.attributes.keys().filter(|name| is_unique(name, schema)) {
                let was = known.latest(name).unwrap_or_default();
                collect(&mut claims, name, &folded(&was), &[]);
            }
        }
        Action::Link { .. }
        | Action::Unlink { .. }
        | Action::AddReference { .. }
        | Action::RemoveReference { .. }
        | Action::Disable { .. }
        | Action::RevokeSessions { .. }
        | Action::Issue { .. } => {}
    }
    claims
}

/// The anchor is unique too, but never moves from record to record.
fn is_unique(name: &str, schema: &KindSchema) -> bool {
    name != schema.anchor && schema.attributes.get(name).is_some_and(|rule| rule.unique)
}

fn folded(value: &Json) -> Vec<String> {
    match value {
        Json::String(text) if !text.is_empty() => vec![fold(text)],
        Json::Array(list) => list.iter().filter_map(Json::as_str).map(fold).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => Vec::new(),
    }
}

fn collect_all(claims: &mut Vec<Claimed>, wanted: &Attributes, schema: &KindSchema) {
    for (name, value) in flat(wanted, schema).iter().filter(|(name, _)| is_unique(name, schema)) {
        collect(claims, name, &[], &folded(value));
    }
}

fn collect(claims: &mut Vec<Claimed>, attribute: &str, was: &[String], to: &[String]) {
    let attribute = attribute.to_owned();
    let wants = to.iter().filter(|value| !was.contains(value));
    let frees = was.iter().filter(|value| !to.contains(value));
    claims.extend(wants.map(|value| (Claim::Wants, attribute.clone(), value.clone())));
    claims.extend(frees.map(|value| (Claim::Frees, attribute.clone(), value.clone())));
}
