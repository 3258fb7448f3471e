//! The index of texts: which objects may hold this value in that property.

use super::names::Name;
use super::object::{Object, Row};
use super::value::{Value, folded};
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The properties that are indexed, for uniqueness and for filters.
pub(crate) const INDEXED: &[Name] = &[
    Name::USER_PRINCIPAL_NAME,
    Name::DISPLAY_NAME,
    Name::MAIL,
    Name::MAIL_NICKNAME,
    Name::PROXY_ADDRESSES,
    Name::OTHER_MAILS,
    Name::IMMUTABLE_ID,
    Name::EMPLOYEE_ID,
    Name::UNIQUE_NAME,
    Name::APP_ID,
];

/// Sixteen bytes per indexed value: the property, a hash of the folded text, the object.
#[derive(Debug, Default)]
pub(crate) struct Lookup(BTreeSet<(Name, u64, Row)>);

impl Lookup {
    /// Objects that may hold the text, in order of creation. The caller compares the value itself.
    pub(crate) fn candidates(&self, name: Name, text: &str) -> impl Iterator<Item = Row> {
        let hash = hash(text);
        self.0.range((name, hash, Row(0))..=(name, hash, Row(u32::MAX))).map(|(_, _, row)| *row)
    }

    /// Notes what the object holds.
    pub(crate) fn add(&mut self, row: Row, object: &Object) {
        for key in keys(object) {
            self.0.insert((key.0, key.1, row));
        }
    }

    /// Forgets what the object holds.
    pub(crate) fn remove(&mut self, row: Row, object: &Object) {
        for key in keys(object) {
            self.0.remove(&(key.0, key.1, row));
        }
    }
}

fn keys(object: &Object) -> impl Iterator<Item = (Name, u64)> {
    INDEXED.iter().flat_map(|name| texts(object.value(*name)).map(|text| (*name, hash(text))))
}

/// The texts of a value: itself, or the items of a collection.
pub(crate) fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let one = value.and_then(Value::as_text);
    one.into_iter().chain(value.map_or(&[][..], Value::items).iter().map(|item| &**item))
}

fn hash(text: &str) -> u64 {
    // Fixed keys: the index is the same in every run.
    let mut hasher = DefaultHasher::new();
    folded(text).hash(&mut hasher);
    hasher.finish()
}
