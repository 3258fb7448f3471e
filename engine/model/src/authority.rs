//! Who decides about an attribute of the target.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Kind;

/// Whose word counts for an attribute that the mapping names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// The mapping's: what it says is enforced.
    #[default]
    Manage,
    /// The mapping's when the record is made, and the target's from then on.
    CreateOnly,
    /// The target's: what the mapping says is sent only where the target has no value.
    Yield,
}

impl Authority {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Authority::Manage => "manage",
            Authority::CreateOnly => "create-only",
            Authority::Yield => "yield",
        }
    }
}

/// The authority over the attributes of both kinds. What is not named is managed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Authorities {
    /// Over those of users, by name.
    pub users: BTreeMap<String, Authority>,
    /// Over those of groups, by name.
    pub groups: BTreeMap<String, Authority>,
}

impl Authorities {
    /// Those that are named for a kind.
    pub fn of(&self, kind: Kind) -> &BTreeMap<String, Authority> {
        match kind {
            Kind::User => &self.users,
            Kind::Group => &self.groups,
        }
    }

    /// The authority over an attribute.
    pub fn over(&self, kind: Kind, attribute: &str) -> Authority {
        self.of(kind).get(attribute).copied().unwrap_or_default()
    }
}
