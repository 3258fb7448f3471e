//! The values that objects hold, kept small: a tenant may hold a million users.

use serde_json::Value as Json;

/// One property's value. Absence from an object means "was never set"; [`Value::Null`] means "was cleared".
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Cleared: a delta reports it as `null`.
    Null,
    /// `Edm.Boolean`.
    Flag(bool),
    /// `Edm.Int32` and `Edm.Int64`.
    Number(i64),
    /// `Edm.String`, and moments as RFC 3339 text in UTC.
    Text(Box<str>),
    /// A collection of strings.
    Texts(Box<[Box<str>]>),
    /// A complex value or a collection of them.
    Json(Box<Json>),
}

impl Value {
    /// A text value.
    pub(crate) fn text(text: impl Into<Box<str>>) -> Value {
        Value::Text(text.into())
    }

    /// A collection of texts.
    pub(crate) fn texts<T: Into<Box<str>>>(items: impl IntoIterator<Item = T>) -> Value {
        Value::Texts(items.into_iter().map(Into::into).collect())
    }

    /// The text, if this is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// The texts of a collection; empty for anything else.
    pub(crate) fn items(&self) -> &[Box<str>] {
        if let Value::Texts(items) = self { items } else { &[] }
    }

    /// `true` only for the flag `true`.
    pub(crate) fn is_true(&self) -> bool {
        *self == Value::Flag(true)
    }

    /// Appends the value as JSON.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Flag(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
            Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
            Value::Text(text) => write_text(out, text),
            Value::Texts(items) => write_texts(out, items),
            Value::Json(json) => write_json(out, json),
        }
    }
}

/// Appends a JSON string.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    // Writing to a vector cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// Appends a JSON value.
pub(crate) fn write_json(out: &mut Vec<u8>, json: &Json) {
    let _ = serde_json::to_writer(out, json);
}

fn write_texts(out: &mut Vec<u8>, items: &[Box<str>]) {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_text(out, item);
    }
    out.push(b']');
}

/// Text as Entra compares it: case does not count.
pub(crate) fn folded(text: &str) -> String {
    text.to_lowercase()
}
