//! Whose word counts for an attribute: what of a record is enforced, and what is left to the target.

use std::collections::BTreeMap;

use entrain_model::{Authority, Condition, Desired, DesiredRecord, KindSchema, ObjectState, Policy, Setting, Value};
use serde_json::Value as Json;

use crate::compare::same;
use crate::edits::{Known, is_due};
use crate::leaves::{Leaf, leaves};

/// The record under these authorities. The stricter word counts: what a mapping gives to new records only is never managed.
pub fn ruled(record: DesiredRecord, authorities: &BTreeMap<String, Authority>) -> DesiredRecord {
    let settings = record.settings.into_iter().map(|(name, setting)| {
        let authority = authorities.get(&name).copied().unwrap_or_default();
        (name, under(authority, setting))
    });
    DesiredRecord { settings: settings.collect() }
}

/// What the target decides has nothing that could be cleared.
fn under(authority: Authority, setting: Setting) -> Setting {
    match (authority, setting) {
        (Authority::Manage, setting) | (_, setting @ (Setting::CreateOnly(_) | Setting::Yield(_))) => setting,
        (Authority::CreateOnly, Setting::Set(value)) => Setting::CreateOnly(value),
        (Authority::CreateOnly, Setting::Clear) => Setting::CreateOnly(Json::Null),
        (Authority::Yield, Setting::Set(value)) => Setting::Yield(value),
        (Authority::Yield, Setting::Clear) => Setting::Yield(Json::Null),
    }
}

/// What of the record may be sent to a record that is there: only that must fit.
pub(crate) fn at_stake(record: &DesiredRecord, known: Known<'_>, schema: &KindSchema) -> DesiredRecord {
    let empty = |name: &str| match schema.attributes.get(name).map(|rule| rule.shape) {
        // Parts are filled one by one.
        Some(entrain_model::Shape::Parts(_)) => true,
        _ => known.value(name) == Value::Unset,
    };
    let settings = record.settings.iter().filter(|(name, setting)| match setting {
        Setting::Set(_) | Setting::Clear => true,
        Setting::Yield(_) => empty(name),
        Setting::CreateOnly(_) => false,
    });
    DesiredRecord { settings: settings.map(|(name, setting)| (name.clone(), setting.clone())).collect() }
}

/// The values, dotted for parts, in which a linked record differs from what the mapping says and which the policy leaves to
/// the target.
pub fn left_to_target(state: &ObjectState, schema: &KindSchema, policy: &Policy) -> Vec<String> {
    let (Desired::Present(record), Some(link), Some(actual)) = (&state.desired, &state.link, &state.actual) else {
        return Vec::new();
    };
    if actual.condition != Condition::Live {
        return Vec::new();
    }
    let known = Known { actual: Some(actual), link: Some(link) };
    let named = |leaf: &Leaf<'_>| {
        let attribute = leaf.name.split_once('.').map_or(leaf.name.as_str(), |(parent, _)| parent);
        leaf.authority != Authority::Manage && policy.authority.over(state.object.kind, attribute) != Authority::Manage
    };
    let differs = |leaf: &Leaf<'_>| match known.value(&leaf.name) {
        Value::Unknown => false,
        Value::Unset => !same(leaf.shape, &Json::Null, leaf.to),
        Value::Value(value) => !same(leaf.shape, &value, leaf.to),
    };
    let accepted = |leaf: &Leaf<'_>| {
        let made = known.made_of_sent(&leaf.name).cloned();
        made.is_some() && made == known.latest(&leaf.name)
    };
    let filled = |leaf: &Leaf<'_>| leaf.authority == Authority::Yield && is_due(leaf, known);
    let leaves = leaves(record, schema).into_iter();
    leaves.filter(|leaf| named(leaf) && differs(leaf) && !filled(leaf) && !accepted(leaf)).map(|leaf| leaf.name).collect()
}
