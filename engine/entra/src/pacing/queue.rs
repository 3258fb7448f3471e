//! Who waits at a gate, and who is next.
//!
//! Graph says that it throttles lower priorities first, not that higher ones pass; a refused request counts, too. So a pause that
//! a lower lane came upon holds a direct change as well, and a leaver tries its luck, one request at a time.

use std::collections::{BTreeMap, BTreeSet};
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
    /// What holds every lane.
    every: Pause,
    /// What holds every lane but the first.
    lower: Pause,
    /// Requests that have left and are not answered.
    on_the_wire: BTreeMap<Lane, usize>,
}

/// Since when it was looked at, and until when it lasts.
#[derive(Default)]
struct Pause(Millis, Millis);

impl Pause {
    fn last_for(&mut self, wait: Duration, now: Millis) {
        let rest = self.rest(now).unwrap_or_default().max(wait);
        *self = Self(now, now.saturating_add(millis(rest)));
    }

    /// How long it lasts, if it still does. A clock that is set back makes it no longer.
    fn rest(&mut self, now: Millis) -> Option<Duration> {
        let Self(since, until) = *self;
        let until = until.saturating_sub(since.saturating_sub(now).max(0));
        *self = Self(now, until);
        u64::try_from(until.saturating_sub(now)).ok().filter(|rest| *rest > 0).map(Duration::from_millis)
    }
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

    /// Its request is on the wire.
    pub(crate) fn departed(&mut self, lane: Lane) {
        *self.on_the_wire.entry(lane).or_default() += 1;
    }

    /// It is answered or given up.
    pub(crate) fn landed(&mut self, lane: Lane) {
        self.on_the_wire.entry(lane).and_modify(|departed| *departed -= 1);
    }

    pub(crate) fn on_the_wire(&self) -> usize {
        self.on_the_wire.values().sum()
    }

    /// A request of this lane was told to wait.
    pub(crate) fn pause_for(&mut self, lane: Lane, wait: Duration, now: Millis) {
        match lane {
            Lane::Leaver => self.every.last_for(wait, now),
            Lane::Direct | Lane::Bulk => self.lower.last_for(wait, now),
        }
    }

    /// How long a pause holds this lane, if one does.
    pub(crate) fn pause(&mut self, lane: Lane, now: Millis) -> Option<Duration> {
        let (every, lower) = (self.every.rest(now), self.lower.rest(now));
        let tries = lane == Lane::Leaver && self.on_the_wire.get(&lane).is_none_or(|departed| *departed == 0);
        if tries { every } else { every.max(lower) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_makes_a_pause_no_longer() {
        for lane in [Lane::Leaver, Lane::Bulk] {
            let mut queue = Queue::default();
            let seconds = |seconds| Some(Duration::from_secs(seconds));
            assert_eq!(queue.pause(lane, 7_200_000), None);
            queue.pause_for(lane, Duration::from_secs(30), 7_200_000);
            assert_eq!(queue.pause(lane, 7_210_000), seconds(20));
            assert_eq!(queue.pause(lane, 3_610_000), seconds(20), "an hour earlier");
            queue.pause_for(lane, Duration::from_secs(5), 3_612_000);
            assert_eq!(queue.pause(lane, 3_612_000), seconds(18), "the longer one counts");
            assert_eq!(queue.pause(lane, 3_630_000), None);
            assert_eq!(queue.pause(lane, 1_000), None, "what is over stays over");
        }
    }

    #[test]
    fn a_pause_holds_its_lane_and_those_below_and_lets_one_leaver_try() {
        let held = |queue: &mut Queue| [Lane::Leaver, Lane::Direct, Lane::Bulk].map(|lane| queue.pause(lane, 0).is_some());
        for (lane, expected) in
            [(Lane::Bulk, [false, true, true]), (Lane::Direct, [false, true, true]), (Lane::Leaver, [true, true, true])]
        {
            let mut queue = Queue::default();
            queue.pause_for(lane, Duration::from_secs(9), 0);
            assert_eq!(held(&mut queue), expected, "{lane:?}");
            queue.departed(Lane::Bulk);
            assert_eq!(held(&mut queue), expected, "{lane:?}: what else is on the wire does not matter");
            queue.departed(Lane::Leaver);
            assert_eq!(held(&mut queue), [true; 3], "{lane:?}: the first is not answered");
            queue.landed(Lane::Leaver);
            assert_eq!(held(&mut queue), expected, "{lane:?}");
        }
    }
}
