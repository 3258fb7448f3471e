//! A token bucket that fills continuously and starts full.

/// How far beyond its limit a bucket is charged: the service reports at most 1.8.
const MOST: f64 = 1.8;

/// The size of a bucket and the time in which it fills.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// What it holds.
    pub(crate) capacity: f64,
    /// In how many seconds an empty one is full again.
    pub(crate) seconds: f64,
}

impl Limit {
    fn per_millisecond(self) -> f64 {
        self.capacity / (self.seconds * 1000.0).max(1.0)
    }
}

/// What was taken from a bucket and has not flowed back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    taken: f64,
    at: i64,
}

impl Bucket {
    /// Lets flow back what does until now.
    #[expect(clippy::cast_precision_loss, reason = "an interval fits a float")]
    pub(crate) fn settle(&mut self, limit: Limit, now: i64) {
        let passed = (now - self.at).max(0) as f64;
        self.taken = (self.taken - passed * limit.per_millisecond()).max(0.0);
        self.at = now;
    }

    /// Milliseconds until `amount` fits while the share `left` stays untouched; 0: it fits now.
    pub(crate) fn wait(&self, limit: Limit, amount: f64, left: f64) -> f64 {
        // What is larger than the bucket passes when the bucket is full.
        let room = (limit.capacity * (1.0 - left)).max(amount);
        (self.taken + amount - room).max(0.0) / limit.per_millisecond().max(f64::MIN_POSITIVE)
    }

    /// Takes an amount, whether it fits or not.
    pub(crate) fn take(&mut self, limit: Limit, amount: f64) {
        self.taken = (self.taken + amount).min(limit.capacity * MOST);
    }

    /// The share of the limit that is used: 1 at the limit, up to 1.8 beyond it.
    pub(crate) fn share(&self, limit: Limit) -> f64 {
        self.taken / limit.capacity.max(f64::MIN_POSITIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, Limit};

    const WRITES: Limit = Limit { capacity: 3000.0, seconds: 150.0 };

    fn after(taken: f64, milliseconds: i64) -> Bucket {
        let mut bucket = Bucket::default();
        bucket.settle(WRITES, 1_000_000);
        bucket.take(WRITES, taken);
        bucket.settle(WRITES, 1_000_000 + milliseconds);
        bucket
    }

    #[test]
    fn it_starts_full_and_flows_back_continuously() {
        assert!(after(2999.0, 0).wait(WRITES, 1.0, 0.0) <= 0.0);
        assert!((after(3000.0, 0).wait(WRITES, 1.0, 0.0) - 50.0).abs() < 1e-6, "20 a second");
        assert!(after(3000.0, 50).wait(WRITES, 1.0, 0.0) <= 1e-6);
        assert!((after(3000.0, 75_000).share(WRITES) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn what_is_refused_counts_up_to_a_point() {
        assert!((after(100_000.0, 0).share(WRITES) - 1.8).abs() < 1e-9);
    }

    #[test]
    fn a_share_is_left_to_others() {
        let bucket = after(2800.0, 0);
        assert!(bucket.wait(WRITES, 1.0, 0.0) <= 0.0);
        assert!(bucket.wait(WRITES, 1.0, 0.1) > 0.0);
    }
}
