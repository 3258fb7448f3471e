//! Recent writes and what they replaced: what those still see whom a write has not reached. A write is forgotten when it
//! has reached everyone, so that this is as small as the lag is short.

use super::links::Relation;
use super::names::Name;
use super::object::{Life, Row};
use super::roles::Assignment;
use super::value::Value;
use std::collections::VecDeque;

/// When a write reaches the places that are read from, in unix milliseconds of the tenant.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    /// Each replica.
    pub(crate) replicas: Box<[i64]>,
    /// The index of advanced queries.
    pub(crate) index: i64,
    /// The changes that delta queries tell.
    pub(crate) delta: i64,
}

impl Arrivals {
    fn last(&self) -> i64 {
        self.replicas.iter().copied().fold(self.index.max(self.delta), i64::max)
    }
}

/// What a change replaced.
#[derive(Clone, Debug)]
pub(crate) enum Before {
    /// Where the object was in its life. What had not been created counts as gone for good.
    Life(Life),
    /// The value of a property; `None`: it was never set.
    Value(Name, Option<Value>),
    /// Whether there was a reference.
    Link(Relation, Row, bool),
    /// Whether the object held a role.
    Role(Assignment, bool),
}

/// One write.
#[derive(Debug)]
pub(crate) struct Written {
    /// When it reaches whom.
    pub(crate) arrivals: Arrivals,
    /// The journal's end before it.
    pub(crate) journal: u64,
    /// The objects that it changed, and what was there.
    pub(crate) changes: Vec<(Row, Before)>,
}

/// How often what has arrived everywhere is forgotten, in milliseconds.
const SWEEP: i64 = 1000;

/// The writes that have not reached everyone, oldest first.
#[derive(Debug, Default)]
pub(crate) struct History {
    writes: VecDeque<Written>,
    open: bool,
    swept: i64,
}

impl History {
    /// Begins a write that arrives here and there at its time; without arrivals it is everywhere at once.
    pub(crate) fn begin(&mut self, arrivals: Option<Arrivals>, journal: u64, now: i64) {
        if now.saturating_sub(self.swept) >= SWEEP {
            self.swept = now;
            self.writes.retain(|write| !write.changes.is_empty() && write.arrivals.last() > now);
        }
        self.open = arrivals.is_some();
        self.writes.extend(arrivals.map(|arrivals| Written { arrivals, journal, changes: Vec::new() }));
    }

    /// Whether what changes now is to be noted.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Notes what a change replaced.
    pub(crate) fn note(&mut self, row: Row, before: Before) {
        if let Some(write) = self.writes.back_mut().filter(|_| self.open) {
            write.changes.push((row, before));
        }
    }

    /// The writes, oldest first.
    pub(crate) fn writes(&self) -> impl Iterator<Item = &Written> {
        self.writes.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_arrived_everywhere_is_forgotten() {
        let mut history = History::default();
        let arrivals = |lag: i64, now: i64| Arrivals { replicas: Box::new([now, now + lag]), index: now, delta: now };
        for second in 0..100 {
            let now = 1_000_000 + second * 1000;
            history.begin(Some(arrivals(5000, now)), 0, now);
            history.note(Row(1), Before::Life(Life::Live));
        }
        assert_eq!(history.writes().count(), 5, "those of the last five seconds");
        // A write that changes nothing, and one that is everywhere at once, leave nothing behind.
        history.begin(Some(arrivals(5000, 1_200_000)), 0, 1_200_000);
        history.begin(None, 0, 1_201_000);
        history.note(Row(1), Before::Life(Life::Live));
        assert_eq!((history.writes().count(), history.is_open()), (0, false));
    }
}
