//! What a mapping is made from, what it sees and what comes out.

use entrain_model::{DesiredRecord, Kind, SourceRecord};
use serde_json::Value as Json;

/// One script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The file name that errors show.
    pub name: String,
    /// Whose records it maps.
    pub kind: Kind,
    /// Its text.
    pub text: String,
}

/// Predicates that say which objects belong to a target: one Rhai expression each, e.g. `user.department == "Sales"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeRules {
    /// Sees `user`, `manager` and `target`.
    pub users: Option<String>,
    /// Sees `group`, `manager` (always `()`) and `target`.
    pub groups: Option<String>,
}

/// What scripts see besides the record.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The target's settings, seen as `target`: an object, or `null` for none. Scripts read them by `lookup(target, name, default)`.
    pub target: &'a Json,
    /// The manager's record, seen as `manager`.
    pub manager: Option<&'a SourceRecord>,
}

/// The result of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub enum Mapped {
    /// The object shall have this record.
    Record(DesiredRecord),
    /// A script skips the object, for this reason.
    Skip(String),
}
