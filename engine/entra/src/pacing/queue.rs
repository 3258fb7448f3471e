//! Who waits at a gate, and who is next.

use std::collections::BTreeSet;
use std::time::Duration;

use entrain_model::{Lane, Millis};

/// A place: by lane, then first come, first served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(Lane, u64);

/// One gate.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: BTreeSet<Ticket>,
    next: u64,
    paused_until: Millis,
    /// Requests that have left and are not answered.
    pub(crate) on_the_wire: usize,
}

impl Queue {
    pub(crate) fn enter(&mut self, lane: Lane) -> Ticket {
        self.next += 1;
        let ticket = Ticket(lane, self.next);
        self.waiting.insert(ticket);
        ticket
    }

    pub(crate) fn leave(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    pub(crate) fn is_first(&self, ticket: Ticket) -> bool {
        self.waiting.first() == Some(&ticket)
    }

    pub(crate) fn pause_until(&mut self, until: Millis) {
        self.paused_until = self.paused_until.max(until);
    }

    /// How long the pause lasts, if there is one.
    pub(crate) fn pause(&self, now: Millis) -> Option<Duration> {
        u64::try_from(self.paused_until.saturating_sub(now)).ok().filter(|rest| *rest > 0).map(Duration::from_millis)
    }
}
