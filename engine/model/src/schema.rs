//! What a directory knows of its attributes.

use std::collections::BTreeMap;

use crate::{Kind, MatchKey};

/// The attributes of both kinds.
#[derive(Clone, Debug)]
pub struct Schema {
    /// Of users.
    pub users: KindSchema,
    /// Of groups.
    pub groups: KindSchema,
}

impl Schema {
    /// That of one kind.
    pub fn of(&self, kind: Kind) -> &KindSchema {
        match kind {
            Kind::User => &self.users,
            Kind::Group => &self.groups,
        }
    }
}

/// The attributes of one kind. Names that it does not list pass unchecked (extensions).
#[derive(Clone, Debug)]
pub struct KindSchema {
    /// The attribute by which people sign in, if the kind has one.
    pub login: Option<&'static str>,
    /// The attribute that names the object for people.
    pub name: &'static str,
    /// The attribute that says whether sign-in is allowed, if the kind has one.
    pub enabled: Option<&'static str>,
    /// The attribute that carries the anchor; nested ones by a dotted path.
    pub anchor: String,
    /// A create names the anchor as its key: a repeat makes no second record.
    pub created_by_anchor: bool,
    /// The attribute by which people of a domain that signs in elsewhere are known there, if the kind has one.
    pub subject: Option<&'static str>,
    /// The attribute that mail addresses are made of, if the kind has one.
    pub nickname: Option<&'static str>,
    /// The attribute that, when `true`, makes a new record one that privileges can be given to.
    pub privileging: Option<&'static str>,
    /// Attributes without which no record can be made.
    pub required: &'static [&'static str],
    /// The keys by which records are matched unless the operator chooses others, strongest first.
    pub match_keys: Vec<MatchKey>,
    /// By name.
    pub attributes: BTreeMap<&'static str, AttributeSchema>,
}

/// What is known of one attribute.
#[derive(Clone, Debug)]
pub struct AttributeSchema {
    /// Its form.
    pub shape: Shape,
    /// The longest text, in characters.
    pub max_length: Option<usize>,
    /// The most values of a list.
    pub max_values: Option<usize>,
    /// No two live records of the target may have the same value, compared without ASCII case.
    pub unique: bool,
    /// Whether it can be written.
    pub writable: Writable,
    /// Whether it can be cleared once it has a value.
    pub clearable: bool,
    /// Characters that it must not contain.
    pub forbidden: &'static str,
    /// Only ASCII is allowed.
    pub ascii: bool,
}

/// The form of an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Text.
    Text,
    /// Text of the form `local@domain`; the domain must be one that the target has verified.
    Login,
    /// A list of texts, whose order has no meaning.
    Texts,
    /// `true` or `false`.
    Boolean,
    /// A point in time, RFC 3339.
    DateTime,
    /// An object that is compared and written by its own parts, which are listed.
    Parts(&'static [&'static str]),
    /// An object that is compared and written as a whole.
    Whole,
}

/// Whether an attribute can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writable {
    /// Always.
    Always,
    /// When the record is made, and never again.
    AtCreation,
    /// Once: it can be given to a record that has none, and never changed.
    Once,
    /// Never.
    Never,
}
