//! What delta queries may do besides telling each change once (Graph "Use delta query").

use super::Profile;
use serde::{Deserialize, Serialize};

/// Sizes of pages and rates of surprises.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Deltas {
    /// Objects on a page; by default what the start said.
    pub(crate) page: Option<usize>,
    /// References on a page; a group with more of them goes on on the next one.
    pub(crate) links: Option<usize>,
    /// The rate of pages without an item, which have a `nextLink` all the same.
    pub(crate) empty_pages: f64,
    /// The rate of pages and rounds that tell again what was told before.
    pub(crate) replays: f64,
    /// Whether the items of a page come in any order.
    pub(crate) shuffled: bool,
    /// Whether a round, or the enumeration of all objects, comes in any order over all its pages.
    pub(crate) reordered: bool,
    /// How far back something that is told again may lag, in milliseconds; a later page of the round tells it as it is.
    pub(crate) stale_by: i64,
    /// Whether the first round tells what is in the recycle bin, as removed.
    pub(crate) removed_at_first: bool,
    /// The rate of rounds that the service makes begin again.
    pub(crate) resets: f64,
    /// How long a token lives, in seconds.
    pub(crate) lifetime: i64,
    /// How an expired token is refused.
    pub(crate) expired: Expiry,
}

/// The refusal of an expired token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Expiry {
    /// 410 with a `Location` to begin again at.
    Gone,
    /// 400 `syncStateNotFound`, without one.
    NotFound,
}

impl Deltas {
    pub(super) fn of(profile: Profile) -> Deltas {
        let ideal = Deltas {
            page: None,
            links: None,
            empty_pages: 0.0,
            replays: 0.0,
            shuffled: false,
            reordered: false,
            stale_by: 0,
            removed_at_first: false,
            resets: 0.0,
            lifetime: 7 * 24 * 3600,
            expired: Expiry::Gone,
        };
        match profile {
            Profile::Ideal => ideal,
            Profile::Typical => Deltas { empty_pages: 0.01, replays: 0.01, shuffled: true, ..ideal },
            Profile::Hostile => Deltas {
                page: Some(100),
                links: Some(150),
                empty_pages: 0.1,
                replays: 0.2,
                shuffled: true,
                reordered: true,
                stale_by: 60_000,
                removed_at_first: true,
                resets: 0.005,
                ..ideal
            },
        }
    }
}
