//! How often a caller may ask: a bucket for each, on the clock that everything else has.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use entrain_model::{Clock, Millis};

/// How fast a bucket fills, and how much it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// Requests in a burst.
    pub(super) burst: i64,
    /// Milliseconds until one more is allowed.
    pub(super) every: Millis,
}

/// With a credential.
pub(super) const CALLER: Rate = Rate { burst: 400, every: 10 };
/// Messages of a program that signs them: it tells of each change of a whole directory.
pub(super) const SENDER: Rate = Rate { burst: 2_000, every: 2 };

/// From a network, without one that is good: so many at once, then one in three seconds.
pub(super) fn stranger(burst: u32) -> Rate {
    Rate { burst: i64::from(burst), every: 3_000 }
}

/// So many callers are told apart; the others share one bucket.
const CALLERS: usize = 10_000;

/// When each bucket will be full again: its whole state.
pub(super) struct Paces {
    clock: Arc<dyn Clock>,
    full_at: Mutex<BTreeMap<String, Millis>>,
}

impl Paces {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, full_at: Mutex::default() }
    }

    /// Takes one request from a bucket.
    ///
    /// # Errors
    /// It is empty: the seconds until there is one again.
    pub(super) fn take(&self, who: &str, rate: Rate) -> Result<(), u64> {
        let now = self.clock.now();
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CALLERS && !buckets.contains_key(who) {
            buckets.retain(|_, full_at| *full_at > now);
        }
        let who = if buckets.len() >= CALLERS && !buckets.contains_key(who) { "(others)" } else { who };
        let full_at = buckets.entry(who.to_owned()).or_insert(now);
        let after = (*full_at).max(now) + rate.every;
        let over = after - now - rate.burst * rate.every;
        if over > 0 {
            return Err(u64::try_from(over.div_euclid(1000) + 1).unwrap_or(1));
        }
        *full_at = after;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use super::*;

    #[derive(Debug, Default)]
    struct Set(AtomicI64);

    #[async_trait::async_trait]
    impl Clock for Set {
        fn now(&self) -> Millis {
            self.0.load(Ordering::SeqCst)
        }
        async fn sleep(&self, _: Duration) {}
    }

    #[test]
    fn a_burst_is_allowed_then_one_by_one() {
        let clock = Arc::new(Set::default());
        let paces = Paces::new(Arc::clone(&clock) as Arc<dyn Clock>);
        let rate = Rate { burst: 3, every: 1_000 };
        for _ in 0..3 {
            assert_eq!(paces.take("a", rate), Ok(()));
        }
        assert_eq!(paces.take("a", rate), Err(2));
        assert_eq!(paces.take("b", rate), Ok(()), "another caller has a bucket of its own");
        clock.0.store(1_000, Ordering::SeqCst);
        assert_eq!(paces.take("a", rate), Ok(()));
        assert!(paces.take("a", rate).is_err());
        clock.0.store(1_000_000, Ordering::SeqCst);
        for _ in 0..3 {
            assert_eq!(paces.take("a", rate), Ok(()), "it holds no more than a burst");
        }
        assert!(paces.take("a", rate).is_err());
    }

    #[test]
    fn callers_without_number_share_a_bucket() {
        let paces = Paces::new(Arc::new(Set::default()));
        let rate = Rate { burst: 1, every: 1_000 };
        for caller in 0..CALLERS {
            assert_eq!(paces.take(&caller.to_string(), rate), Ok(()));
        }
        assert_eq!(paces.take("x", rate), Ok(()));
        assert!(paces.take("y", rate).is_err());
        assert!(paces.full_at.lock().unwrap().len() <= CALLERS + 1);
    }
}
