//! Mapping: Rhai scripts turn a source record into the target record that it shall have.
//!
//! Scripts are data that an operator wrote, so they run in a sandbox ([`Limits`]) and never see more than their input.
//! They compile once; a [`Mapping`] is shared by all threads and evaluation is a pure function of record, context and script.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout))]

mod compile;
mod defaults;
mod error;
mod explain;
mod input;
mod library;
mod limits;
mod mapping;
mod output;
mod places;
mod reference;
mod sandbox;
mod script;

pub use defaults::default_scripts;
pub use error::MappingError;
pub use limits::Limits;
pub use mapping::{Mapping, Origin, Traced};
pub use reference::function_table;
pub use script::{Context, Mapped, ScopeRules, Script};
