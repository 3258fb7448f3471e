//! Time that moves when nobody has anything else to do.

use std::future::poll_fn;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use entrain_model::{Clock, Millis};

/// Before the machine's own time: what triggers of the database stamp with that lies in the future, and is due at once.
const BEGINNING: Millis = 1_000_000_000_000;

/// The clock of one simulation.
#[derive(Debug)]
pub(super) struct VirtualClock {
    now: AtomicI64,
    /// The earliest time that somebody waits for since this was last asked.
    awaited: AtomicI64,
    /// Counts what those who wait for news must look at.
    news: AtomicU64,
}

impl VirtualClock {
    pub(super) fn new() -> Self {
        Self { now: AtomicI64::new(BEGINNING), awaited: AtomicI64::new(Millis::MAX), news: AtomicU64::new(0) }
    }

    /// Milliseconds since the beginning.
    pub(super) fn passed(&self) -> Millis {
        self.now() - BEGINNING
    }

    pub(super) fn advance_to(&self, time: Millis) {
        self.now.fetch_max(time, Ordering::SeqCst);
    }

    /// The earliest time that was waited for since the last call.
    pub(super) fn take_awaited(&self) -> Option<Millis> {
        let awaited = self.awaited.swap(Millis::MAX, Ordering::SeqCst);
        (awaited < Millis::MAX).then_some(awaited)
    }

    /// Wakes those who wait for news.
    pub(super) fn tell(&self) {
        self.news.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn news(&self) -> u64 {
        self.news.load(Ordering::SeqCst)
    }

    /// Waits until then, or until there is news after `known`.
    pub(super) async fn until(&self, time: Millis, known: u64) {
        poll_fn(|_| {
            if self.now() >= time || self.news() != known {
                return Poll::Ready(());
            }
            self.awaited.fetch_min(time, Ordering::SeqCst);
            Poll::Pending
        })
        .await;
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Millis {
        self.now.load(Ordering::SeqCst)
    }

    /// Nobody wakes who sleeps here: the actors are polled again when their time has come.
    async fn sleep(&self, duration: Duration) {
        let until = self.now().saturating_add(Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX / 4));
        let woken = poll_fn(|_| {
            if self.now() >= until {
                return Poll::Ready(());
            }
            self.awaited.fetch_min(until, Ordering::SeqCst);
            Poll::Pending
        });
        woken.await;
    }
}
