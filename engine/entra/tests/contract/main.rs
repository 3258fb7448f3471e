//! The adapter against an emulated tenant over HTTPS: what it reads is what stands there, what it writes stands there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod checkup;
mod connections;
mod faults;
mod quotas;
mod reading;
mod signing_in;
mod stage;
mod writing;
