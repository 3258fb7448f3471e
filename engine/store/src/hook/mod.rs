//! Hooks: senders, which tell us that something has changed, and receivers, which are told.

mod event;
mod message;
mod table;

pub(crate) use event::{note_held, note_synced, told};
pub use message::HookKey;
pub use table::{Hook, HookSide};
