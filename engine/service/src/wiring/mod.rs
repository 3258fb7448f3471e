//! Wiring: from the configuration to targets that run.

mod checkup;
mod clock;
mod connect;
mod due;
mod force;
mod reload;
mod serve;
mod watch;

pub(crate) use due::{last_read, next_full};
pub(crate) use serve::Served;

pub use crate::vault::unseal;
pub use checkup::{checkup, permissions};
pub use clock::{FastClock, SystemClock};
pub use connect::{ConnectError, Connected, compile, connect, connect_with};
pub use force::{connect_as_published, connect_in_force, fingerprint, in_force, restored, stored};
pub use serve::{ServeError, Service};
