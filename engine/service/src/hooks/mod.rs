//! Hooks: other programs tell us that something has changed, and are told what became of it. Each has a secret of its own, and
//! messages are signed as standardwebhooks.com says.

mod keys;
mod message;
mod receive;
mod tell;

pub(crate) use keys::{Keyring, draw_secret, vault_name};
pub(crate) use message::EVENT_TYPES;
pub(crate) use receive::{Events, router};
pub(crate) use tell::Teller;
