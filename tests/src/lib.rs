//! What the tests of several crates share: a directory in memory and scenarios that are written as transcripts.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::wildcard_enum_match_arm))]

pub mod memory;

pub mod certificates;
pub mod collector;
pub mod command;
pub mod database;
pub mod identity;
pub mod operator;
pub mod patience;
pub mod planted;
pub mod receiver;
pub mod rig;
pub mod scenario;
pub mod scim;
pub mod served;
pub mod server;
pub mod serving;
pub mod simulation;
pub mod stage;
pub mod tenant;
pub mod written;
