//! What the operator decided for a target.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Authorities, Millis, Removal};

/// How far a target may be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Plans and reports; never writes.
    #[default]
    Observe,
    /// Makes what is missing, with its references; what is there already is found and linked, and stays as it is.
    CreateOnly,
    /// Creates, updates and adds references; takes nothing away and removes nobody.
    Upsert,
    /// Creates, updates and removes.
    Full,
}

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ }) => {
        impl $name {
            /// The word that is stored and shown.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }
        impl std::str::FromStr for $name {
            type Err = UnknownWord;
            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word { $($word => Ok($name::$variant),)+ other => Err(UnknownWord(other.to_owned())) }
            }
        }
    };
}

/// A word that stands for none of the choices.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is none of the choices")]
pub struct UnknownWord(pub(crate) String);

words!(Mode { Observe = "observe", CreateOnly = "create-only", Upsert = "upsert", Full = "full" });

/// One matching key: a target attribute, and where the wanted value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchKey {
    /// The target attribute that is compared.
    pub attribute: String,
    /// The source attribute that gives the value; without one, what the mapping sets for `attribute`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// What the planner needs of a target's configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// For users that left.
    pub user_removal: Removal,
    /// For groups that left.
    pub group_removal: Removal,
    /// Whose word counts for which attribute.
    pub authority: Authorities,
    /// The domains in which a login may end, folded; empty when not known.
    pub verified_domains: Vec<String>,
    /// The records that are protected because the operator says so: ids and logins, folded.
    pub protected: BTreeSet<String>,
    /// Why it is not known now who is protected; `None`: it is known.
    pub unread: Option<String>,
    /// The time at which the run began.
    pub now: Millis,
    /// What was written after this may not be visible everywhere yet; `None`: all that was written is.
    pub unsettled_since: Option<Millis>,
}
