//! What the mapping wants of a source object in the target.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{Hold, codes};

/// What a mapping says of one attribute. An attribute that it does not name is left alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// It shall have this value.
    Set(Json),
    /// It shall have no value.
    Clear,
    /// It gets this value when the record is created and is left alone afterwards.
    CreateOnly(Json),
    /// It gets this value when the record is created, and later where the target has none.
    Yield(Json),
}

/// A target record as the mapping wants it: the target's attribute names, three states each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DesiredRecord {
    /// By attribute name.
    pub settings: BTreeMap<String, Setting>,
}

impl DesiredRecord {
    /// The value that the attribute shall have, if the mapping sets one.
    pub fn value(&self, attribute: &str) -> Option<&Json> {
        match self.settings.get(attribute)? {
            Setting::Set(value) | Setting::CreateOnly(value) | Setting::Yield(value) => Some(value),
            Setting::Clear => None,
        }
    }

    /// The value that is enforced, if the mapping sets one and decides about the attribute alone.
    pub fn enforced(&self, attribute: &str) -> Option<&Json> {
        match self.settings.get(attribute)? {
            Setting::Set(value) => Some(value),
            Setting::Clear | Setting::CreateOnly(_) | Setting::Yield(_) => None,
        }
    }

    /// The text that the attribute shall have, if the mapping sets one.
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.value(attribute)?.as_str()
    }
}

/// What shall be true of a source object in one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "detail")]
pub enum Desired {
    /// It has this record.
    Present(DesiredRecord),
    /// It is gone from the source.
    Absent(Why),
    /// The source has it, this target shall not.
    OutOfScope(Why),
    /// Nothing may be done about it now.
    Held(Hold),
}

/// Why an object shall not be in the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Its deletion was recorded by the source.
    Tombstone,
    /// A complete read of the source did not find it.
    NotInCompleteRead,
    /// It is not a member, directly or through groups, of the group that bounds this target.
    NotInScopeGroup,
    /// The scope predicate says no.
    Predicate,
    /// Service accounts are out of this target's scope.
    ServiceAccount,
    /// Groups are out of this target's scope.
    GroupsOut,
    /// The mapping skips it, for this reason.
    Skipped(String),
}

codes!(Why {
    Tombstone = "tombstone",
    NotInCompleteRead = "not_in_complete_read",
    NotInScopeGroup = "not_in_scope_group",
    Predicate = "predicate",
    ServiceAccount = "service_account",
    GroupsOut = "groups_out",
    Skipped = "skipped",
});
