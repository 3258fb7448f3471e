//! One account of Graph: it fills evenly up to its capacity, and each request takes from it.

use std::time::Duration;

use entrain_model::Millis;

/// A token bucket. It may be in debt: then nothing leaves until it is paid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    capacity: f64,
    /// How fast it fills, and the share of it that we dare to use.
    per_second: f64,
    dared: f64,
    level: f64,
    at: Millis,
}

impl Bucket {
    /// Full.
    pub(crate) fn new(capacity: f64, over: Duration, now: Millis) -> Self {
        Self { capacity, per_second: capacity / over.as_secs_f64(), dared: 1.0, level: capacity, at: now }
    }

    pub(crate) fn capacity(&self) -> f64 {
        self.capacity
    }

    pub(crate) fn level(&mut self, now: Millis) -> f64 {
        let passed = u32::try_from(now.saturating_sub(self.at).max(0)).unwrap_or(u32::MAX);
        self.level = (self.level + f64::from(passed) / 1000.0 * self.rate()).min(self.capacity);
        self.at = now;
        self.level
    }

    fn rate(&self) -> f64 {
        self.per_second * self.dared
    }

    /// From now on it fills with this share of its rate.
    pub(crate) fn dare(&mut self, share: f64, now: Millis) {
        self.level(now);
        self.dared = share;
    }

    pub(crate) fn set(&mut self, level: f64, now: Millis) {
        self.at = now;
        self.level = level.min(self.capacity);
    }

    pub(crate) fn take(&mut self, cost: f64, now: Millis) {
        let level = self.level(now);
        self.set(level - cost, now);
    }

    /// How long until it holds as much and a rest, a share of its capacity; nothing if it does.
    pub(crate) fn wait(&mut self, cost: f64, rest: f64, now: Millis) -> Option<Duration> {
        let short = (cost + rest * self.capacity).min(self.capacity) - self.level(now);
        // A thousandth more: a wait that ends a rounding error early would be waited for again.
        (short > 1e-6).then(|| Duration::from_secs_f64(short / self.rate()) + Duration::from_millis(1))
    }

    /// How long work of this cost takes altogether.
    pub(crate) fn time_for(&mut self, cost: f64, now: Millis) -> Duration {
        Duration::try_from_secs_f64((cost - self.level(now)).max(0.0) / self.rate()).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fills_evenly_and_never_beyond_its_capacity() {
        let mut bucket = Bucket::new(3000.0, Duration::from_secs(150), 0);
        bucket.take(3000.0, 0);
        assert_eq!(bucket.wait(20.0, 0.0, 0), Some(Duration::from_millis(1001)));
        assert_eq!(bucket.wait(20.0, 0.0, 1000), None);
        assert!((bucket.level(60_000) - 1200.0).abs() < 1e-6);
        assert!((bucket.level(10_000_000) - 3000.0).abs() < 1e-6);
        assert_eq!(bucket.time_for(5000.0, 10_000_000), Duration::from_secs(100));
    }

    #[test]
    fn a_debt_is_paid_first() {
        let mut bucket = Bucket::new(100.0, Duration::from_secs(10), 0);
        bucket.take(150.0, 0);
        assert_eq!(bucket.wait(10.0, 0.0, 0), Some(Duration::from_millis(6001)));
    }
}
