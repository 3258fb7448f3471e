//! What the operator decided for a target.

use serde::{Deserialize, Serialize};

use crate::Millis;

/// How far a target may be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Plans and reports; never writes.
    #[default]
    Observe,
    /// Creates, updates and removes.
    Full,
}

/// What becomes of a record whose object left the source or the scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Removal {
    /// It stays as it is, linked.
    #[default]
    Leave,
    /// Sign-in is blocked and sessions are revoked.
    Disable,
    /// It goes to the recycle bin.
    Delete,
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
pub struct UnknownWord(String);

words!(Mode { Observe = "observe", Full = "full" });
words!(Removal { Leave = "leave", Disable = "disable", Delete = "delete" });

/// The most of one operation that a run may do without approval: the larger of a count and a share of the population.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// This many are always allowed.
    pub count: u64,
    /// So are this many per cent of the linked population.
    pub percent: f64,
}

impl Default for Limit {
    fn default() -> Self {
        Self { count: 10, percent: 2.0 }
    }
}

impl Limit {
    /// How many are allowed at this population.
    pub fn allowed(&self, population: u64) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "populations are far below 2^52"
        )]
        let share = (population as f64 * self.percent / 100.0).floor() as u64;
        self.count.max(share)
    }
}

/// The guard's limits of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Users whose sign-in is blocked, by removal or by attribute.
    pub disable: Limit,
    /// Records that are deleted.
    pub delete: Limit,
    /// References that are taken away.
    pub remove_reference: Limit,
}

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
    /// The domains in which a login may end, folded; empty when not known.
    pub verified_domains: Vec<String>,
    /// What was written after this may not be visible everywhere yet; `None`: all that was written is.
    pub unsettled_since: Option<Millis>,
}
