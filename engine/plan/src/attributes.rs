//! From a desired record, or from edits, to the attributes of a write.

use entrain_model::{Attributes, Authority, DesiredRecord, Edit, KindSchema, Shape, Writable};
use serde_json::{Map, Value as Json};

use crate::compare::is_unset;
use crate::leaves::{Leaf, leaves};

/// For which write attributes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The record is made: what has no value is left out.
    Creation,
    /// The record is there already (restored, linked): `null` clears, and what the target decides from then on is left out.
    Later,
}

/// What to send of a desired record, nested attributes as objects. Later, the anchor is not among it: it is written alone.
pub fn attributes_of(record: &DesiredRecord, moment: Moment, schema: &KindSchema) -> Attributes {
    let sent = leaves(record, schema).into_iter().filter(|leaf| is_sent(leaf, moment, schema));
    nest(sent.map(|leaf| (leaf.name, leaf.to.clone())), schema)
}

/// What to send for the edits of an update, nested attributes as objects that hold the edited parts alone.
pub fn attributes_of_edits(edits: &[Edit], schema: &KindSchema) -> Attributes {
    nest(edits.iter().map(|edit| (edit.attribute.clone(), edit.to.clone())), schema)
}

/// Nested attributes by dotted names, as a link remembers what was sent: merging two such maps by key loses nothing.
pub fn flat(attributes: &Attributes, schema: &KindSchema) -> Attributes {
    let mut flat = Attributes::new();
    for (name, value) in attributes {
        match value.as_object().filter(|_| has_parts(name, schema)) {
            Some(parts) => flat.extend(parts.iter().map(|(part, value)| (format!("{name}.{part}"), value.clone()))),
            None => {
                flat.insert(name.clone(), value.clone());
            }
        }
    }
    flat
}

/// Puts what was written into what is known of a record: nested attributes by part, all others as a whole.
pub fn merge(known: &mut Attributes, written: &Attributes, schema: &KindSchema) {
    for (name, value) in flat(written, schema) {
        match split(&name, schema) {
            Some((parent, part)) => put_part(known, parent, part, value),
            None => {
                known.insert(name, value);
            }
        }
    }
}

fn is_sent(leaf: &Leaf<'_>, moment: Moment, schema: &KindSchema) -> bool {
    let writable = leaf.rule.map_or(Writable::Always, |rule| rule.writable);
    match moment {
        Moment::Creation => writable != Writable::Never && !is_unset(leaf.to),
        Moment::Later => writable == Writable::Always && leaf.authority == Authority::Manage && leaf.name != schema.anchor,
    }
}

fn nest(values: impl Iterator<Item = (String, Json)>, schema: &KindSchema) -> Attributes {
    let mut nested = Attributes::new();
    for (name, value) in values {
        match split(&name, schema) {
            Some((parent, part)) => put_part(&mut nested, parent, part, value),
            None => {
                nested.insert(name, value);
            }
        }
    }
    nested
}

fn put_part(attributes: &mut Attributes, parent: &str, part: &str, value: Json) {
    let slot = attributes.entry(parent.to_owned()).or_insert(Json::Null);
    if !slot.is_object() {
        *slot = Json::Object(Map::new());
    }
    if let Json::Object(parts) = slot {
        parts.insert(part.to_owned(), value);
    }
}

fn split<'n>(name: &'n str, schema: &KindSchema) -> Option<(&'n str, &'n str)> {
    name.split_once('.').filter(|(parent, _)| has_parts(parent, schema))
}

fn has_parts(name: &str, schema: &KindSchema) -> bool {
    schema.attributes.get(name).is_some_and(|rule| matches!(rule.shape, Shape::Parts(_)))
}
