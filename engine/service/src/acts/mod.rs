//! What an operator does, whichever way it was asked for: a command and the administrative interface call the same functions.

mod park;
pub(crate) mod scripts;
pub(crate) mod settings;

pub(crate) use park::{Unknown, park, unpark};
