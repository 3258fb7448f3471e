//! Who asks, and what they may.
//!
//! A router behind a door takes a [`Caller`] as an argument of its functions and begins with [`Caller::require`]; one that acts
//! on a target also asks [`Caller::may_touch`]. What a door or these refuse is counted and stands in the audit.

mod caller;
mod cookie;
mod door;
mod key;
mod role;
mod visit;

pub use caller::{Caller, CallerKind};
pub(crate) use cookie::{Cookie, Lasting};
pub(super) use door::{Door, Peer, guard};
pub(crate) use key::Drawn;
pub use role::Role;
pub(crate) use visit::{Visit, Visitors};
