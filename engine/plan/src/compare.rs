//! When two values of an attribute are the same.

use std::borrow::Cow;
use std::collections::BTreeSet;

use entrain_model::{Attributes, Shape};
use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Whether both mean the same in this shape. `null`, an empty text, an empty list and an empty object are all "no value".
pub(crate) fn same(shape: Shape, left: &Json, right: &Json) -> bool {
    match (is_unset(left), is_unset(right)) {
        (true, true) => return true,
        (false, false) => {}
        _ => return false,
    }
    match shape {
        Shape::Text | Shape::Login | Shape::Boolean => left == right,
        Shape::Texts => texts(left).is_some_and(|set| Some(set) == texts(right)),
        Shape::DateTime => match (instant(left), instant(right)) {
            (Some(left), Some(right)) => left == right,
            _ => left == right,
        },
        Shape::Parts(_) | Shape::Whole => dense(left) == dense(right),
    }
}

/// Whether this stands for no value.
pub(crate) fn is_unset(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(list) => list.is_empty(),
        Json::Object(members) => members.values().all(is_unset),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

/// The same letters and digits: a target trims, folds and formats what it is sent.
pub(crate) fn is_rewritten(sent: &Json, shown: &Json) -> bool {
    fn bare(text: &str) -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    }
    match (sent, shown) {
        (Json::String(sent), Json::String(shown)) => bare(sent) == bare(shown),
        (Json::Array(sent), Json::Array(shown)) => {
            sent.len() == shown.len() && sent.iter().zip(shown).all(|(sent, shown)| is_rewritten(sent, shown))
        }
        _ => sent == shown,
    }
}

/// The point in time that a text names; a bare date is its midnight in UTC.
pub(crate) fn instant(value: &Json) -> Option<OffsetDateTime> {
    let text = value.as_str()?;
    let whole = if text.len() == 10 { Cow::Owned(format!("{text}T00:00:00Z")) } else { Cow::Borrowed(text) };
    OffsetDateTime::parse(&whole, &Rfc3339).ok()
}

/// What the attributes say of a name, dotted for a part of a nested attribute; `None` if they say nothing.
/// An object that is there and lacks the part says that the part has no value.
pub(crate) fn look_up<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a Json> {
    if let Some(value) = attributes.get(name) {
        return Some(value);
    }
    let (parent, part) = name.split_once('.')?;
    Some(attributes.get(parent)?.get(part).unwrap_or(&Json::Null))
}

fn texts(value: &Json) -> Option<BTreeSet<&str>> {
    value.as_array()?.iter().map(Json::as_str).collect()
}

/// The value without members that have none: a directory may list them or leave them out.
pub(crate) fn dense(value: &Json) -> Json {
    let Some(members) = value.as_object() else { return value.clone() };
    let valued = members.iter().filter(|(_, value)| !is_unset(value));
    Json::Object(valued.map(|(name, value)| (name.clone(), dense(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_compared_by_their_shape() {
        let table = [
            (Shape::Text, json!("a"), json!("a"), true),
            (Shape::Text, json!("a"), json!("A"), false),
            (Shape::Login, json!("a@x.example"), json!("A@x.example"), false),
            (Shape::Text, json!(""), Json::Null, true),
            (Shape::Texts, json!([]), Json::Null, true),
            (Shape::Texts, json!([]), json!(""), true),
            (Shape::Boolean, json!(false), Json::Null, false),
            (Shape::Texts, json!(["a", "b"]), json!(["b", "a"]), true),
            (Shape::Texts, json!(["a", "b"]), json!(["a", "B"]), false),
            (Shape::Texts, json!(["a"]), json!("a"), false),
            (Shape::DateTime, json!("2020-01-01"), json!("2020-01-01T00:00:00Z"), true),
            (Shape::DateTime, json!("2020-01-01T00:00:00Z"), json!("2020-01-01T00:00:00.000Z"), true),
            (Shape::DateTime, json!("2020-01-01T01:00:00+01:00"), json!("2020-01-01T00:00:00Z"), true),
            (Shape::DateTime, json!("2020-01-01"), json!("2020-01-02"), false),
            (Shape::DateTime, json!("soon"), json!("soon"), true),
            (Shape::Whole, json!({"a": "x", "b": null}), json!({"a": "x"}), true),
            (Shape::Whole, json!({"a": "x"}), json!({"a": "x", "b": "y"}), false),
            (Shape::Whole, json!({"a": null}), Json::Null, true),
        ];
        for (shape, left, right, expected) in table {
            assert_eq!(same(shape, &left, &right), expected, "{shape:?} {left} {right}");
            assert_eq!(same(shape, &right, &left), expected, "{shape:?} {right} {left}");
        }
    }

    #[test]
    fn a_part_is_found_nested_and_dotted() {
        let nested = Attributes::from([("box".to_owned(), json!({"one": "1"}))]);
        assert_eq!(look_up(&nested, "box.one"), Some(&json!("1")));
        assert_eq!(look_up(&nested, "box.two"), Some(&Json::Null));
        assert_eq!(look_up(&nested, "other.one"), None);
        let dotted = Attributes::from([("box.one".to_owned(), json!("1"))]);
        assert_eq!(look_up(&dotted, "box.one"), Some(&json!("1")));
        assert_eq!(look_up(&dotted, "box.two"), None);
        let cleared = Attributes::from([("box".to_owned(), Json::Null)]);
        assert_eq!(look_up(&cleared, "box.one"), Some(&Json::Null));
    }
}
