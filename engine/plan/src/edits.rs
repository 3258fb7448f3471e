//! What differs between what shall be and what is known of a linked record.

use std::collections::BTreeSet;

use entrain_model::{Actual, Authority, DesiredRecord, Edit, KindSchema, Knowledge, LinkState, Value, Writable};
use serde_json::Value as Json;

use crate::compare::{is_rewritten, is_unset, look_up, same};
use crate::leaves::{Leaf, leaves};

/// What is known of a record that shall be changed.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    /// What the target showed.
    pub actual: Option<&'a Actual>,
    /// What we last sent, and what became of it.
    pub link: Option<&'a LinkState>,
}

impl Known<'_> {
    /// What is known of one value in the target.
    pub(crate) fn value(&self, name: &str) -> Value {
        match self.actual.and_then(|actual| look_up(&actual.attributes, name)) {
            None => Value::Unknown,
            Some(value) if is_unset(value) => Value::Unset,
            Some(value) => Value::Value(value.clone()),
        }
    }

    /// The value that the record has as far as is known, or that it was given last.
    pub(crate) fn latest(&self, name: &str) -> Option<Json> {
        match self.value(name) {
            Value::Value(value) => Some(value),
            Value::Unset => Some(Json::Null),
            Value::Unknown => self.sent(name).cloned(),
        }
    }

    fn sent(&self, name: &str) -> Option<&Json> {
        look_up(&self.link?.sent, name)
    }

    /// What the target made of what was sent: what it showed after the write, if that is the same in another writing. A wholly
    /// different value is somebody's edit, even if it is the first that was read.
    pub(crate) fn made_of_sent(&self, name: &str) -> Option<&Json> {
        let sent = self.sent(name)?;
        look_up(&self.link?.stored, name).filter(|stored| is_rewritten(sent, stored))
    }
}

/// How long ago the record was written by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Reads show what was written.
    Long,
    /// Reads may show what was before: that is no drift.
    NotYet,
}

/// Whether a read shows something else than what was sent and is still wanted.
pub(crate) fn is_drifting(record: &DesiredRecord, known: Known<'_>, schema: &KindSchema) -> bool {
    leaves(record, schema).iter().any(|leaf| drifts(leaf, known, schema))
}

/// The values, dotted for parts, of which a read shows something else than what was sent and is still wanted.
pub(crate) fn drifting(record: &DesiredRecord, known: Known<'_>, schema: &KindSchema) -> BTreeSet<String> {
    leaves(record, schema).into_iter().filter(|leaf| drifts(leaf, known, schema)).map(|leaf| leaf.name).collect()
}

/// Whether a value is to be sent only because the target is believed to have none.
pub(crate) fn is_filling(record: &DesiredRecord, known: Known<'_>, schema: &KindSchema) -> bool {
    leaves(record, schema).iter().any(|leaf| leaf.authority == Authority::Yield && is_due(leaf, known))
}

fn drifts(leaf: &Leaf<'_>, known: Known<'_>, schema: &KindSchema) -> bool {
    is_candidate(leaf, schema) && is_sent(leaf, known) && is_due(leaf, known)
}

fn is_candidate(leaf: &Leaf<'_>, schema: &KindSchema) -> bool {
    leaf.name != schema.anchor && leaf.authority != Authority::CreateOnly
}

/// What is wanted is what was last sent.
fn is_sent(leaf: &Leaf<'_>, known: Known<'_>) -> bool {
    known.sent(&leaf.name).is_some_and(|sent| same(leaf.shape, sent, leaf.to))
}

/// All edits, by attribute. Empty when nothing is to be sent.
pub(crate) fn edits(record: &DesiredRecord, known: Known<'_>, schema: &KindSchema, settled: Settled) -> Vec<Edit> {
    let leaves = leaves(record, schema);
    let blocks = |leaf: &Leaf<'_>| {
        Some(leaf.name.as_str()) == schema.enabled && *leaf.to == Json::Bool(false) && leaf.authority == Authority::Manage
    };
    // A block that a late read does not show yet is sent twice rather than late.
    let may_be_late = |leaf: &Leaf<'_>| settled == Settled::NotYet && is_sent(leaf, known) && !blocks(leaf);
    let differs = |leaf: &&Leaf<'_>| is_candidate(leaf, schema) && !may_be_late(leaf) && is_due(leaf, known);
    let mut edits: Vec<Edit> = leaves.iter().filter(differs).map(|leaf| edit(leaf, known)).collect();
    let trusted = known.actual.is_some_and(|actual| actual.knowledge == Knowledge::Fresh);
    if !edits.is_empty() && !trusted {
        // Whoever is blocked is blocked again with every other change: what is remembered may be out of date.
        for leaf in leaves.iter().filter(|leaf| blocks(leaf)) {
            if edits.iter().all(|edit| edit.attribute != leaf.name) {
                edits.push(edit(leaf, known));
            }
        }
        edits.sort_by(|a, b| a.attribute.cmp(&b.attribute));
    }
    edits
}

/// The first edit that clears what the target does not let be cleared.
pub(crate) fn forbidden_clear<'e>(edits: &'e [Edit], schema: &KindSchema) -> Option<&'e Edit> {
    let clearable = |name: &str| {
        let parent = name.split_once('.').map_or(name, |(parent, _)| parent);
        schema.attributes.get(name).or_else(|| schema.attributes.get(parent)).is_none_or(|rule| rule.clearable)
    };
    edits.iter().find(|edit| is_unset(&edit.to) && !clearable(&edit.attribute))
}

fn edit(leaf: &Leaf<'_>, known: Known<'_>) -> Edit {
    let was = match known.value(&leaf.name) {
        Value::Unknown => None,
        Value::Unset => Some(Json::Null),
        Value::Value(value) => Some(value),
    };
    let to = if is_unset(leaf.to) && !leaf.to.is_array() { Json::Null } else { leaf.to.clone() };
    Edit { attribute: leaf.name.clone(), was, to }
}

/// Whether the value is to be sent to a record that is there.
pub(crate) fn is_due(leaf: &Leaf<'_>, known: Known<'_>) -> bool {
    let value = known.value(&leaf.name);
    match leaf.rule.map_or(Writable::Always, |rule| rule.writable) {
        Writable::Never | Writable::AtCreation => return false,
        Writable::Once => return value == Value::Unset && !is_unset(leaf.to),
        Writable::Always => {}
    }
    if leaf.authority == Authority::Yield {
        return value == Value::Unset && !is_unset(leaf.to);
    }
    let sent = known.sent(&leaf.name);
    // A read may show the state before our own last write; so what changed since then is sent even if the target seems to agree.
    let changed = sent.is_some_and(|sent| !same(leaf.shape, sent, leaf.to));
    changed || drifted(leaf, &value, sent, known.made_of_sent(&leaf.name))
}

/// Whether the target has something else than it made of what was sent.
fn drifted(leaf: &Leaf<'_>, value: &Value, sent: Option<&Json>, stored: Option<&Json>) -> bool {
    let value = match value {
        Value::Unknown => return sent.is_none(),
        Value::Unset => &Json::Null,
        Value::Value(value) => value,
    };
    let accepted = stored.is_some_and(|stored| same(leaf.shape, stored, value));
    !accepted && !same(leaf.shape, value, leaf.to)
}
