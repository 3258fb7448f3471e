//! What Graph allows for each attribute: lengths, characters, uniqueness, and whether it can be written or cleared.
//!
//! Source: the reference pages of the resource types user and group, of their create and update calls, and the limits of
//! the sign-in name in "Password policies and account restrictions".

mod groups;
mod users;

use std::collections::BTreeSet;

use entrain_model::{AttributeSchema, Kind, Schema, Shape, Writable};

use crate::EntraConfig;
pub(crate) use groups::NOT_IN_NICKNAME as NOT_IN_GROUP_NICKNAME;

/// The attribute that carries the anchor of a group: an alternate key, immutable once set.
pub(crate) const GROUP_ANCHOR: &str = "uniqueName";

/// The schema of a tenant, as this configuration uses it.
pub fn schema(config: &EntraConfig) -> Schema {
    Schema { users: users::schema(config), groups: groups::schema() }
}

/// The attributes of a kind that can be written under some configuration, parts aside. Extensions are not among them.
pub fn names(kind: Kind) -> BTreeSet<&'static str> {
    match kind {
        Kind::User => users::names(),
        Kind::Group => groups::schema().attributes.into_keys().filter(|name| !name.contains('.')).collect(),
    }
}

/// A row of the tables, built up from its form.
fn of(shape: Shape) -> AttributeSchema {
    AttributeSchema {
        shape,
        max_length: None,
        max_values: None,
        unique: false,
        writable: Writable::Always,
        clearable: true,
        forbidden: "",
        ascii: false,
    }
}

fn text(max_length: usize) -> AttributeSchema {
    AttributeSchema { max_length: Some(max_length), ..of(Shape::Text) }
}

/// The row, but it must always have a value.
fn kept(row: AttributeSchema) -> AttributeSchema {
    AttributeSchema { clearable: false, ..row }
}

fn written(writable: Writable, row: AttributeSchema) -> AttributeSchema {
    AttributeSchema { writable, ..row }
}
