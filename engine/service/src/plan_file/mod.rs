//! A plan as a file: written for people or programs, signed, and read again to be applied.

mod markdown;
mod read;
mod signature;

pub(crate) use markdown::markdown;
pub(crate) use read::{Header, read};
pub(crate) use signature::{PlanKey, sign, verify};

/// What the file says it is; another number is another form.
pub(crate) const FORMAT: &str = "entrain-plan-1";

#[cfg(test)]
mod tests;
