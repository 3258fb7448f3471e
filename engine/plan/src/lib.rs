//! Deciding, as pure functions: what to do about an object, in which order, and whether a person must approve it.
//!
//! Nothing here waits, reads or writes. [`plan`] looks at one object; [`order`] and [`judge`] look at a whole run
//! through what the store aggregated of it. References between records are compared as sets by the store and do not
//! pass through here, except to be counted and rendered. [`differences`] compares two mappings of one object.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::wildcard_enum_match_arm))]

mod accepted;
mod attributes;
mod authority;
mod candidates;
mod claims;
mod compare;
mod contest;
mod decide;
mod digest;
mod drift;
mod edits;
mod judge;
mod leaves;
mod linked;
mod matching;
mod mode;
mod order;
mod parking;
mod protect;
mod removal;
mod render;
mod undo;
mod validate;
mod whatif;

#[cfg(test)]
mod tests;

pub use accepted::Accepted;
pub use attributes::{Moment, attributes_of, attributes_of_edits, flat, merge};
pub use authority::{left_to_target, ruled};
pub use candidates::{Fit, fits};
pub use claims::{Claimed, claims, counted};
pub use decide::{is_doubtful, plan};
pub use digest::{PlanDigest, digest, digest_of};
pub use drift::{RECORD, agreed, drift};
pub use judge::{Concerns, Count, Objection, Suspicion, Verdict, judge};
pub use linked::undelivered;
pub use mode::{Origin, permits};
pub use order::{Dependency, Held, Ordering, Parking, Placed, order};
pub use protect::{blocked, is_guarded, shield};
pub use render::{json, line};
pub use undo::{Ends, Inverse, undo};
pub use validate::{Flaw, FlawSort, flaws, missing, validate};
pub use whatif::{Difference, Example, Group, Groups, Pattern, differences};
