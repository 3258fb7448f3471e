//! The service `entrain`: configuration, import, command line and wiring. The one crate that names Entra *and* sync.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout))]

pub mod alarms;
pub mod cli;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
mod handover;
mod hooks;
pub mod http;
pub mod import;
mod metrics;
mod plan_file;
pub mod scim;
mod vault;
pub mod wiring;
