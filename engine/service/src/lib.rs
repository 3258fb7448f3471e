//! The service `entrain`: configuration, import, command line and wiring. The one crate that names Entra *and* sync.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout))]

mod acts;
pub mod alarms;
mod api;
pub mod cli;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
mod explained;
mod handover;
mod hooks;
pub mod http;
pub mod import;
pub mod jobs;
mod metrics;
mod plan_file;
mod reasons;
pub mod scim;
pub mod sign_in;
pub mod telemetry;
mod vault;
mod view;
pub mod wiring;
