//! Time comes in by argument.

use std::time::Duration;

use async_trait::async_trait;

/// Milliseconds since 1970-01-01T00:00:00Z, as stored.
pub type Millis = i64;

/// The only source of time and of waiting.
#[async_trait]
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The time now.
    fn now(&self) -> Millis;
    /// Waits that long.
    async fn sleep(&self, duration: Duration);
}
