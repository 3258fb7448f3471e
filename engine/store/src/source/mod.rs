//! The source directory: users, groups, memberships and what happened to them.

pub(crate) mod events;
mod reads;
pub(crate) mod rows;
mod writer;

pub use events::{ChangeEvent, ChangeKind};
pub use reads::{SourceCounts, SourceLacks};
pub use rows::{GroupRow, Membership, Role, UserRow};
pub use writer::{Applied, SourceChange, SourceWriter};
