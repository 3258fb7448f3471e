//! The whole engine in virtual time: a worker, a schedule and an operator against a directory that is late, forgetful and
//! edited by others, while the process dies now and then.
//!
//! Everything follows from one seed. Time moves only when all actors wait for it: see `actors`.

mod actors;
mod clock;
mod deeds;
mod errors;
#[cfg(test)]
mod found;
mod others;
mod process;
mod source;
mod storm;
mod truth;
mod world;

pub use deeds::{Case, case};
pub use storm::play;
