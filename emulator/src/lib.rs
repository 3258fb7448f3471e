//! An Entra tenant on localhost: the token endpoint, Microsoft Graph v1.0 for users and groups, and a control plane.
//!
//! It is written from what the service documents and has been seen to do, and shares no type with the engine that
//! is tested against it, so that a wrong belief about Graph cannot be held by both.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! let emulator = entrain_emulator::Emulator::start(entrain_emulator::Options::default()).await?;
//! println!("{} {}", emulator.graph_url, emulator.tenant_id);
//! emulator.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! A request takes this way: `server` (TLS, log) → `auth` (token) → `control::faults` → `graph` (routes) → `rules`
//! (may it be?) → `directory` (objects, references, indexes, journal). Delta queries read the journal.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod afterwards;
mod app;
mod auth;
mod clock;
mod conditions;
pub mod control;
mod dice;
mod directory;
mod emulator;
mod failure;
mod graph;
mod log;
mod odata;
mod options;
mod registration;
mod rules;
mod server;
mod tenants;
mod throttle;
mod world;

pub use conditions::Profile;
pub use emulator::{Emulator, Running};
pub use options::{Authentication, Domain, Options, Switches};
