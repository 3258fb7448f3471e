//! Unique values that more than one wants or has.

use entrain_model::{Contest, Hold, KindSchema, ObjectState, TargetId, fold};
use serde_json::Value as Json;

use crate::edits::Known;

/// Why the object must not take one of the values that it wants; `None` if it may try.
///
/// `own` is the record that is or becomes its own. A value that such a record has already is no contest. A value held
/// by a record of another object is none yet: that object may be about to give it up, which [`crate::order`] finds out.
pub(crate) fn lost(state: &ObjectState, known: Known<'_>, own: Option<&TargetId>, schema: &KindSchema) -> Option<Hold> {
    state
        .contests
        .iter()
        .filter(|contest| contest.attribute != schema.anchor && !has(known, contest))
        .find_map(|contest| lost_to(contest, own).map(|detail| Hold::Conflict { attribute: contest.attribute.clone(), detail }))
}

fn has(known: Known<'_>, contest: &Contest) -> bool {
    let same = |text: &Json| text.as_str().is_some_and(|text| fold(text) == fold(&contest.value));
    match known.latest(&contest.attribute) {
        Some(Json::Array(list)) => list.iter().any(same),
        Some(value) => same(&value),
        None => false,
    }
}

fn lost_to(contest: &Contest, own: Option<&TargetId>) -> Option<String> {
    let value = &contest.value;
    let mut others = contest.held_by.iter().filter(|(id, _)| Some(id) != own);
    if let Some((id, _)) = others.clone().find(|(_, object)| object.is_none()) {
        return Some(format!(
            "\"{value}\" belongs to record {id}, which is linked to no object of the source: \
             change it there, or match by this attribute to take the record over"
        ));
    }
    if let Some((id, Some(keeper))) = others.find(|(_, object)| object.as_ref().is_some_and(|o| contest.wanted_by.contains(o))) {
        return Some(format!("\"{value}\" belongs to {keeper} (record {id}), which keeps it: give one of them another value"));
    }
    if contest.wanted_by.is_empty() {
        return None;
    }
    let rivals: Vec<String> = contest.wanted_by.iter().map(ToString::to_string).collect();
    Some(format!("\"{value}\" is wanted by {} as well: give all but one another value", rivals.join(", ")))
}
