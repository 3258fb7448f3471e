//! Who asks, and what they may.
//!
//! A router behind a door takes a [`Caller`] as an argument of its functions and begins with [`Caller::require`]; one that acts
//! on a target also asks [`Caller::may_touch`]. What a door or these refuse is counted and stands in the audit.

mod caller;
mod door;
mod key;
mod role;

pub use caller::{Caller, CallerKind};
pub(super) use door::{Door, Peer, guard};
pub(crate) use key::Drawn;
pub use role::Role;
