//! What a change means for others: the unique values that it takes or gives up.

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
