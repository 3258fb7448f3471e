//! All SQL of Entrain: the source of truth with its change events, the mirror of each target, links, queue, leases,
//! plans, effects, runs and audit.
//!
//! One query text serves SQLite and PostgreSQL; only schema and triggers differ, in one file per database. Times are
//! integer milliseconds, JSON is text, booleans are 0 and 1. No method holds more than a page, and no SQL type crosses
//! the border of this crate.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout))]

mod about;
mod access;
mod adoption;
mod alarm;
mod approval;
mod audit;
mod credential;
mod desired;
mod dialect;
mod drift;
mod effect;
mod error;
mod failpoint;
mod filling;
mod followup;
mod four_eyes;
mod guard;
mod held_plan;
mod hold;
mod hook;
mod idempotency;
mod lease;
mod leaver;
mod link;
mod listing;
mod mirror;
mod plan;
mod preflight;
mod protection;
mod queue;
mod reference;
mod relink;
mod reviewed;
mod run;
mod schema;
mod scim;
mod scope;
mod secret;
mod settings;
mod source;
mod sql;
mod state;
mod statistics;
mod store;
mod target;
mod timeline;
mod transaction;
mod version;
mod watch;
mod whatif;

pub use about::{About, EffectRow, Queued};
pub use access::{AccessKind, AccessToken, NewSession, NewToken, Person, PersonSession, Refused};
pub use alarm::{Alarm, AlarmKind, AlarmRow, Delivery, HeldObjects, Turn, WaitingRun, Webhooks};
pub use approval::Choice;
pub use audit::{Audit, AuditRow, AuditScope, AuditValue, Broken, CONDITION, Head, Pruned, Recall, Redacted, Verified};
pub use credential::CredentialRow;
pub use desired::{DesiredRow, Key, Standing, StoredBody};
pub use drift::{Drift, DriftCounts, DriftTally, Fight, Refought};
pub use effect::{End, LinkWrite, MirrorWrite, OpenEffect, Outcome, ReferenceEffect, Refusal, Settled, Start};
pub use error::StoreError;
pub use failpoint::{Committed, FailPoint, FailPoints, mortal};
pub use four_eyes::Approvers;
pub use guard::{GuardCount, GuardedGroups, WindowMark};
pub use hold::{HoldFilter, HoldRow};
pub use hook::{Hook, HookKey, HookSide};
pub use idempotency::{Asked, Replay};
pub use leaver::LeaverRow;
pub use link::LinkRow;
pub use listing::{LineFilter, RunFilter};
pub use mirror::{MirrorCounts, MirrorCursor, MirrorPage, Reading};
pub use plan::{ContestedLine, LineState, PlanCounts, PlanLine, PlannedLine, Population, Tally, UNDELIVERED};
pub use preflight::{Dangling, Scratch, Shared, Web};
pub use protection::{ProtectedRecord, ProtectionApproval, ProtectionRead};
pub use queue::{Due, DueRule, QueueDepth, Who};
pub use reference::{Leavers, ReferenceChange, ReferenceCursor, ReferenceEdit, ReferenceScope};
pub use relink::Relinked;
pub use reviewed::{DRIFTED, Kept, NOT_IN_PLAN};
pub use run::{RunKind, RunRow, RunState};
pub use scim::{Compared, ResourceRow, SourceDirection, SourceOrder, SourceQuery, SourceTest, Versioned};
pub use secret::{DataKey, Sealed, SecretRow};
pub use settings::{Adopted, Expected, Settings, SettingsChange, SettingsRow, UnderWay};
pub use source::{
    Applied, ChangeEvent, ChangeKind, GroupRow, Membership, Role, SourceChange, SourceCounts, SourceLacks, SourceWriter, UserRow,
};
pub use state::Supposition;
pub use store::Store;
pub use target::{Halt, HaltKind, Put, TargetRow};
pub use timeline::{Happened, Moment, MomentKey};
pub use version::{NewVersion, Origin, StoredScript, VersionRow, VersionState};
pub use watch::Watch;
pub use whatif::{Clash, Clashes, Want, Wants};

/// The result of every method of the store.
pub type Result<T> = std::result::Result<T, StoreError>;
