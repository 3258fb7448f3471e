//! What a change means for others: for unique values, and for the guard.

use serde::{Deserialize, Serialize};

/// What a change does with a unique value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// It takes it: the value must be free before.
    Wants,
    /// It gives it up: the value is free afterwards.
    Frees,
}

/// Against which limit of the guard a change counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// A sign-in is blocked.
    Disable,
    /// A record is deleted.
    Delete,
    /// A reference is taken away.
    RemoveReference,
}
