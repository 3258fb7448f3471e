//! Who waits at a gate, and who is next.

use std::collections::BTreeSet;
use std::time::Duration;

use entrain_model::{Lane, Millis};

use super::millis;

/// A place: by lane, then first come, first served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(Lane, u64);

/// One gate.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: BTreeSet<Ticket>,
    next: u64,
    /// Since when the pause was looked at, and until when it lasts.
    paused: (Millis, Millis),
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

    pub(crate) fn pause_for(&mut self, wait: Duration, now: Millis) {
        let rest = self.pause(now).unwrap_or_default().max(wait);
        self.paused = (now, now.saturating_add(millis(rest)));
    }

    /// How long the pause lasts, if there is one. A clock that is set back makes it no longer.
    pub(crate) fn pause(&mut self, now: Millis) -> Option<Duration> {
        let (since, until) = self.paused;
        let until = until.saturating_sub(since.saturating_sub(now).max(0));
        self.paused = (now, until);
        u64::try_from(until.saturating_sub(now)).ok().filter(|rest| *rest > 0).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_makes_a_pause_no_longer() {
        let mut queue = Queue::default();
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(queue.pause(7_200_000), None);
        queue.pause_for(Duration::from_secs(30), 7_200_000);
        assert_eq!(queue.pause(7_210_000), seconds(20));
        assert_eq!(queue.pause(3_610_000), seconds(20), "an hour earlier");
        queue.pause_for(Duration::from_secs(5), 3_612_000);
        assert_eq!(queue.pause(3_612_000), seconds(18), "the longer one counts");
        assert_eq!(queue.pause(3_630_000), None);
        assert_eq!(queue.pause(1_000), None, "what is over stays over");
    }
}
