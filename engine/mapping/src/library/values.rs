//! Values that may be missing, and conversions.

use rhai::{Dynamic, Engine, ImmutableString, Map};

use super::{Entry, Result, fail, of_text};

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "is_set",
        call: "is_set(value)",
        says: "Whether there is a value: not `()`, not a blank text, not an empty list or map.",
        example: "is_set(\" \")",
        gives: "false",
        register: |engine| {
            engine.register_fn("is_set", |value: Dynamic| is_set(&value));
        },
    },
    Entry {
        name: "is_blank",
        call: "is_blank(value)",
        says: "The opposite of `is_set`.",
        example: "is_blank(())",
        gives: "true",
        register: |engine| {
            engine.register_fn("is_blank", |value: Dynamic| !is_set(&value));
        },
    },
    Entry {
        name: "coalesce",
        call: "coalesce(a, b, ..)",
        says: "The first of two to six values that is set, or `()`.",
        example: "coalesce((), \"\", \"Ann\")",
        gives: "\"Ann\"",
        register: coalesce,
    },
    Entry {
        name: "lookup",
        call: "lookup(map, key, default)",
        says: "The entry of the map, or the default if there is none, it is `()`, or the key is `()`. The way to read an attribute that records need not have.",
        example: "lookup(#{DE: \"EMEA\", US: \"AMER\"}, \"DE\", \"other\")",
        gives: "\"EMEA\"",
        register: |engine| {
            super::lists::read_only(engine, "lookup", |map: &mut Map, key: ImmutableString, default: Dynamic| {
                lookup(map, &key, default)
            });
            super::lists::read_only(engine, "lookup", |_: &mut Map, (): (), default: Dynamic| default);
        },
    },
    Entry {
        name: "to_text",
        call: "to_text(value)",
        says: "A number, `true` or `false` as text. A text stays as it is.",
        example: "to_text(100001)",
        gives: "\"100001\"",
        register: |engine| {
            of_text(engine, "to_text", str::to_owned);
            engine.register_fn("to_text", |value: i64| value.to_string());
            engine.register_fn("to_text", |value: f64| value.to_string());
            engine.register_fn("to_text", |value: bool| value.to_string());
        },
    },
    Entry {
        name: "to_int",
        call: "to_int(text)` or `to_int(text, default)",
        says: "The whole number that the text stands for. Without a default, any other text is an error.",
        example: "to_int(\" 42 \") + to_int(\"n/a\", 0)",
        gives: "42",
        register: to_int,
    },
    Entry {
        name: "to_bool",
        call: "to_bool(text)` or `to_bool(text, default)",
        says: "`true` for true, yes, y, on, 1; `false` for false, no, n, off, 0; in any case. Without a default, any other text is an error.",
        example: "to_bool(\"Yes\")",
        gives: "true",
        register: to_bool,
    },
];

/// Whether there is a value.
pub(super) fn is_set(value: &Dynamic) -> bool {
    if let Ok(text) = value.as_immutable_string_ref() {
        return !text.trim().is_empty();
    }
    if let Ok(list) = value.as_array_ref() {
        return !list.is_empty();
    }
    if let Ok(map) = value.as_map_ref() {
        return !map.is_empty();
    }
    !value.is_unit()
}

fn first_set<const N: usize>(values: [Dynamic; N]) -> Dynamic {
    values.into_iter().find(is_set).unwrap_or(Dynamic::UNIT)
}

fn coalesce(engine: &mut Engine) {
    type D = Dynamic;
    engine.register_fn("coalesce", |a: D, b: D| first_set([a, b]));
    engine.register_fn("coalesce", |a: D, b: D, c: D| first_set([a, b, c]));
    engine.register_fn("coalesce", |a: D, b: D, c: D, d: D| first_set([a, b, c, d]));
    engine.register_fn("coalesce", |a: D, b: D, c: D, d: D, e: D| first_set([a, b, c, d, e]));
    engine.register_fn("coalesce", |a: D, b: D, c: D, d: D, e: D, f: D| first_set([a, b, c, d, e, f]));
}

fn lookup(map: &Map, key: &str, default: Dynamic) -> Dynamic {
    map.get(key).filter(|value| !value.is_unit()).cloned().unwrap_or(default)
}

fn to_int(engine: &mut Engine) {
    let parse = |text: &str| text.trim().parse::<i64>().ok();
    engine.register_fn("to_int", |value: i64| value);
    engine.register_fn("to_int", |(): ()| ());
    engine.register_fn("to_int", |(): (), default: Dynamic| default);
    engine.register_fn("to_int", move |text: ImmutableString| -> Result<i64> {
        parse(&text).map_or_else(|| fail("to_int: the text is no whole number; to_int(text, default) accepts any text"), Ok)
    });
    engine.register_fn("to_int", move |text: ImmutableString, default: Dynamic| parse(&text).map_or(default, Dynamic::from));
}

fn to_bool(engine: &mut Engine) {
    engine.register_fn("to_bool", |value: bool| value);
    engine.register_fn("to_bool", |(): ()| ());
    engine.register_fn("to_bool", |(): (), default: Dynamic| default);
    engine.register_fn("to_bool", |text: ImmutableString| -> Result<bool> {
        truth(&text).map_or_else(|| fail("to_bool: the text is neither yes nor no; to_bool(text, default) accepts any text"), Ok)
    });
    engine.register_fn("to_bool", |text: ImmutableString, default: Dynamic| truth(&text).map_or(default, Dynamic::from));
}

fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "on" | "1" => Some(true),
        "false" | "no" | "n" | "off" | "0" => Some(false),
        _ => None,
    }
}
