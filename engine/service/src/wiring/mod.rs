//! Wiring: from the configuration to targets that run.

mod clock;
mod connect;
mod due;
mod reload;
mod serve;
mod watch;

pub use clock::{FastClock, SystemClock};
pub use connect::{ConnectError, Connected, connect};
pub use serve::{ServeError, Service};
