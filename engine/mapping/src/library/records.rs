//! The typed lists of a person: mail addresses, phone numbers and postal addresses (RFC 7643, section 4.1.2).
//!
//! An entry without a type counts as `work`. Of several entries of one type the primary one is meant, else the first.

use std::ops::ControlFlow;

use rhai::{Array, Dynamic, ImmutableString, Map};

use super::lists::read_only;
use super::{Entry, values};
use crate::input::ADDRESS_PARTS;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        name: "email",
        call: "email(user, type)",
        says: "The mail address of that type, e.g. `\"work\"`, `\"home\"`, `\"other\"`; `()` if there is none. The work address is `user.mail` where that is set.",
        example: "email(#{mail: (), emails: [#{type: \"work\", value: \"ann@corp.example\"}]}, \"work\")",
        gives: "\"ann@corp.example\"",
        register: |engine| {
            read_only(engine, "email", |user: &mut Map, kind: ImmutableString| {
                let mail = user.get("mail").filter(|mail| kind == "work" && values::is_set(mail));
                mail.cloned().unwrap_or_else(|| value(user, "emails", &kind))
            });
        },
    },
    Entry {
        name: "emails",
        call: "emails(user, type)",
        says: "The list of all mail addresses of that type.",
        example: "emails(#{emails: [#{type: \"other\", value: \"ann@home.example\"}]}, \"other\")",
        gives: "[\"ann@home.example\"]",
        register: |engine| {
            read_only(engine, "emails", |user: &mut Map, kind: ImmutableString| -> Array { all(user, "emails", &kind) });
        },
    },
    Entry {
        name: "phone",
        call: "phone(user, type)",
        says: "The phone number of that type, e.g. `\"work\"`, `\"mobile\"`, `\"fax\"`; `()` if there is none.",
        example: "phone(#{phoneNumbers: [#{type: \"mobile\", value: \"+41 79 1\"}]}, \"mobile\")",
        gives: "\"+41 79 1\"",
        register: |engine| read_only(engine, "phone", |user: &mut Map, kind: ImmutableString| value(user, "phoneNumbers", &kind)),
    },
    Entry {
        name: "address",
        call: "address(user, type)",
        says: "The postal address of that type as a map of `streetAddress`, `locality`, `region`, `postalCode`, `country` and `formatted`, each `()` where it is not set.",
        example: "address(#{addresses: [#{type: \"work\", locality: \"Bern\"}]}, \"work\").locality",
        gives: "\"Bern\"",
        register: |engine| read_only(engine, "address", address),
    },
];

/// Hands each entry of that type to `visit`, until it says to stop.
fn visit(user: &Map, list: &str, kind: &str, mut visit: impl FnMut(&Map) -> ControlFlow<()>) {
    let Some(Ok(list)) = user.get(list).map(Dynamic::as_array_ref) else { return };
    for entry in list.iter() {
        if let Ok(entry) = entry.as_map_ref()
            && is_of(&entry, kind)
            && visit(&entry).is_break()
        {
            return;
        }
    }
}

fn is_of(entry: &Map, kind: &str) -> bool {
    let own = entry.get("type").and_then(|kind| kind.as_immutable_string_ref().ok());
    own.map_or(kind == "work", |own| own.eq_ignore_ascii_case(kind))
}

/// What `pick` takes from the primary entry, else from the first.
fn chosen<T>(user: &Map, list: &str, kind: &str, pick: impl Fn(&Map) -> T) -> Option<T> {
    let mut found = None;
    visit(user, list, kind, |entry| {
        let primary = entry.get("primary").is_some_and(|primary| primary.as_bool() == Ok(true));
        if primary || found.is_none() {
            found = Some(pick(entry));
        }
        if primary { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    found
}

fn value_of(entry: &Map) -> Dynamic {
    entry.get("value").filter(|value| values::is_set(value)).cloned().unwrap_or(Dynamic::UNIT)
}

fn value(user: &Map, list: &str, kind: &str) -> Dynamic {
    chosen(user, list, kind, value_of).unwrap_or(Dynamic::UNIT)
}

fn all(user: &Map, list: &str, kind: &str) -> Array {
    let mut found = Array::new();
    visit(user, list, kind, |entry| {
        found.extend(Some(value_of(entry)).filter(values::is_set));
        ControlFlow::Continue(())
    });
    found
}

fn address(user: &mut Map, kind: ImmutableString) -> Map {
    let mut address = chosen(user, "addresses", &kind, Map::clone).unwrap_or_default();
    for part in ADDRESS_PARTS {
        address.entry((*part).into()).or_insert(Dynamic::UNIT);
    }
    address
}
