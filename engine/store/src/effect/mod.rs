//! Effects: the intent is committed before a call, the outcome after it.

mod end;
mod link;
mod open;
mod references;
mod start;
mod types;

pub use references::ReferenceEffect;
pub use types::{End, LinkWrite, MirrorWrite, OpenEffect, Outcome, Refusal, Settled, Start};
