//! Alarms: what a person should know of is raised once, told to the log and to webhooks, and cleared once.

mod credential;
mod fight;
mod look;
mod sign;
mod webhook;

pub(crate) use credential::Expiry;
pub use fight::settle_fights;
pub(crate) use look::{Watched, look, said};
pub use sign::{Secret, SecretError};
pub use webhook::WebhookError;
pub(crate) use webhook::{Carrier, Courier, PATIENCE, Receiver};
