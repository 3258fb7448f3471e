//! The three states of an attribute, and skipping an object.

use rhai::{Dynamic, Engine, ImmutableString, Map};
use serde_json::Value as Json;

use super::{Entry, Result, fail};
use crate::output;
use crate::sandbox::skip;

/// What a script says of an attribute other than a plain value.
#[derive(Clone, Debug)]
pub(crate) enum Marker {
    /// It shall have no value.
    Clear,
    /// It gets this value at creation. Already converted: a marker never holds a value of the language, so it cannot nest.
    CreateOnly(Json),
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "clear",
        call: "clear()",
        says: "The attribute shall have no value.",
        example: "clear()",
        gives: "clear()",
        register: |engine| {
            engine.register_fn("clear", || Marker::Clear);
        },
    },
    Entry {
        name: "or_clear",
        call: "or_clear(value)",
        says: "The value, or `clear()` if it is not set.",
        example: "or_clear(\"  \")",
        gives: "clear()",
        register: or_clear,
    },
    Entry {
        name: "clear_unset",
        call: "clear_unset(map)",
        says: "The map with `clear()` for each entry that is not set: `or_clear` for many.",
        example: "clear_unset(#{a: 1, b: ()})",
        gives: "#{a: 1, b: clear()}",
        register: |engine| super::lists::read_only(engine, "clear_unset", clear_unset),
    },
    Entry {
        name: "create_only",
        call: "create_only(value)",
        says: "The attribute gets the value when the record is created and is left alone afterwards. Of a value that is not set: nothing.",
        example: "create_only(\"Member\")",
        gives: "create_only(\"Member\")",
        register: |engine| {
            engine.register_fn("create_only", create_only);
        },
    },
    Entry {
        name: "skip",
        call: "skip(reason)",
        says: "Ends the script: the object is not for this target, for this reason. Not an error.",
        example: "skip(\"no contract\")",
        gives: "skip(\"no contract\")",
        register: |engine| {
            engine.register_fn("skip", |reason: ImmutableString| -> Result<Dynamic> { Err(skip(reason.to_string())) });
        },
    },
];

fn or_clear(engine: &mut Engine) {
    engine.register_fn("or_clear", |text: ImmutableString| -> Dynamic {
        if text.trim().is_empty() { Dynamic::from(Marker::Clear) } else { text.into() }
    });
    engine.register_fn("or_clear", |(): ()| Marker::Clear);
    engine.register_fn(
        "or_clear",
        |value: Dynamic| if super::values::is_set(&value) { value } else { Dynamic::from(Marker::Clear) },
    );
}

fn clear_unset(map: &mut Map) -> Map {
    let part = |value: &Dynamic| if super::values::is_set(value) { value.clone() } else { Dynamic::from(Marker::Clear) };
    map.iter().map(|(name, value)| (name.clone(), part(value))).collect()
}

fn create_only(value: Dynamic) -> Result<Dynamic> {
    if value.is::<Marker>() {
        return fail("create_only takes a plain value, not clear() or another create_only");
    }
    Ok(output::json(&value)?.map_or(Dynamic::UNIT, |value| Dynamic::from(Marker::CreateOnly(value))))
}
