//! The emulator over real HTTPS, rule by rule.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, unreachable_pub, missing_docs)]
#![allow(clippy::disallowed_methods, reason = "tests measure, and live in the machine's time")]

mod anchors;
mod applications;
mod batch;
mod choices;
mod client;
mod clock;
mod control;
mod delta;
mod doors;
mod exact;
mod groups;
mod guests;
mod hostile;
mod identities;
mod licences;
mod losses;
mod memberships;
mod methods;
mod overlaps;
mod permissions;
mod protected;
mod queries;
mod quotas;
mod recycle;
mod references;
mod repeats;
mod replicas;
mod roles;
mod strict;
mod surprises;
mod tokens;
mod users;
