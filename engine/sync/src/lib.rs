//! The shell around the pure planner: it reads, lets the planner decide, judges the whole, executes and records.
//!
//! There is one operation, [`Engine::reconcile`]. A user's edit is a scope of one, the four-hourly run is
//! [`Scope::Everything`](entrain_model::Scope); a retry, a recovery and an operator's button are the same call.
//! Only [`execute`](self) calls `write`: a target that is only observed has no hands to write with.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod accepted;
mod adoption;
mod already;
mod approve;
mod ask;
mod audited;
mod contest;
mod decide;
mod discover;
mod drift;
mod engine;
mod error;
mod execute;
mod explain;
mod fallout;
mod first_members;
mod guard;
mod hands;
mod leaving;
mod lookup;
mod map;
mod outcome;
mod preflight;
mod progress;
mod protect;
mod recover;
mod report;
mod resolve;
mod resume;
mod reviewed;
mod sink;
mod success;
mod tail;
mod target;
mod trace;
mod undo;
mod whatif;
mod worker;

pub use adoption::{Adopted, Adoptions, Class};
pub use engine::{Approval, Ask, Engine, Task};
pub use error::SyncError;
pub use explain::{Explanation, Knowledge, Permission, Rule, Source};
pub use hands::{Hands, ReadOnly};
pub use preflight::{Check, Finding, Findings};
pub use progress::{Progress, Silent, Step};
pub use report::{Report, Writing};
pub use resume::{Checked, Resumed};
pub use target::{ScopeRules, Target, TargetChoice, Timing};
pub use whatif::{Failure, Invalid, Moved, WhatIf};
pub use worker::{Direct, Worker};
