//! The real clock: the one place that asks the machine for the time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use entrain_model::{Clock, Millis};

/// The time of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A clock that runs faster than the machine's: for rehearsals against an emulator that does the same.
#[derive(Clone, Copy, Debug)]
pub struct FastClock {
    rate: u32,
}

/// When every fast clock showed the right time, 2026-01-01T00:00:00Z. It is fixed, so that one process goes on where another
/// ended: what they write to the database must not lie in each other's future.
const BEGAN: Millis = 1_767_225_600_000;

impl FastClock {
    /// So many seconds of it pass in one of the machine's.
    pub fn new(rate: u32) -> Self {
        Self { rate: rate.max(1) }
    }
}

#[async_trait]
impl Clock for FastClock {
    fn now(&self) -> Millis {
        BEGAN + (SystemClock.now() - BEGAN).saturating_mul(i64::from(self.rate))
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration / self.rate).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fast_clock_passes_more_time_and_waits_less() {
        let (clock, real) = (FastClock::new(200), SystemClock.now());
        let began = clock.now();
        clock.sleep(Duration::from_secs(20)).await;
        assert!(clock.now() - began >= 20_000, "its own time");
        assert!(SystemClock.now() - real < 10_000, "the machine's time");
    }
}
