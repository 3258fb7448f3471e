//! All that happened, and when each replica shows it.

use std::sync::Arc;
use std::time::Duration;

use entrain_model::{Clock, Millis};

use super::faults::Chance;
use super::tables::{Key, Record, Reference, Tables};

/// How many copies of the directory answer reads. Each is asked by chance.
const REPLICAS: usize = 3;

/// How late a directory with several replicas is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lag {
    /// The share of replicas that show a change late, between 0 and 1.
    pub share: f64,
    /// The longest that one is late.
    pub longest: Duration,
    /// The longest that a call takes.
    pub latency: Duration,
}

/// Something that an incremental read shows.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Record(Key),
    Reference(Reference, bool),
}

struct Happened {
    event: Event,
    /// The record as it was then; `None` if it was gone.
    record: Option<Record>,
    visible: [Millis; REPLICAS],
}

/// A cursor is a place in it.
#[derive(Default)]
pub(super) struct History {
    happened: Vec<Happened>,
    clock: Option<Arc<dyn Clock>>,
    lag: Lag,
}

/// The replica that a call reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replica(usize);

impl History {
    pub(super) fn delay(&mut self, clock: Arc<dyn Clock>, lag: Lag) {
        (self.clock, self.lag) = (Some(clock), lag);
    }

    pub(super) fn len(&self) -> usize {
        self.happened.len()
    }

    pub(super) fn push(&mut self, event: Event, record: Option<Record>, chance: &mut Chance) {
        let (now, lag) = (self.now(), self.lag);
        let visible = std::array::from_fn(|_| {
            let late = lag.share > 0.0 && chance.fraction() < lag.share;
            if late { now + millis(lag.longest.mul_f64(chance.fraction())) } else { now }
        });
        self.happened.push(Happened { event, record, visible });
    }

    /// How long the next call takes, and the time that it takes it from.
    pub(super) fn latency(&self, chance: &mut Chance) -> Option<(Arc<dyn Clock>, Duration)> {
        let clock = self.clock.clone()?;
        Some((clock, self.lag.latency.mul_f64(chance.fraction())))
    }

    /// `None`: the directory has one copy.
    pub(super) fn replica(&self, chance: &mut Chance) -> Option<Replica> {
        self.clock.as_ref().map(|_| Replica(chance.below(REPLICAS)))
    }

    /// What a replica shows now.
    pub(super) fn seen_by(&self, replica: Replica) -> Tables {
        let mut tables = Tables::default();
        for (place, happened) in self.happened.iter().enumerate() {
            if self.is_visible(place, replica) {
                happened.apply(&mut tables);
            }
        }
        tables
    }

    pub(super) fn is_visible(&self, place: usize, replica: Replica) -> bool {
        self.happened.get(place).is_some_and(|happened| happened.visible[replica.0] <= self.now())
    }

    /// Where an incremental read goes on after one by this replica: before the first thing that it does not show yet.
    pub(super) fn resume_at(&self, from: usize, replica: Option<Replica>) -> usize {
        let hidden = |place: &usize| replica.is_some_and(|replica| !self.is_visible(*place, replica));
        (from..self.len()).find(hidden).unwrap_or(self.len())
    }

    /// What happened from a place on, as far as the replica shows it.
    pub(super) fn since(&self, place: usize, replica: Option<Replica>) -> impl Iterator<Item = &Event> {
        let shown = move |place: usize| replica.is_none_or(|replica| self.is_visible(place, replica));
        self.happened.iter().enumerate().skip(place).filter(move |(place, _)| shown(*place)).map(|(_, happened)| &happened.event)
    }

    fn now(&self) -> Millis {
        self.clock.as_ref().map_or(0, |clock| clock.now())
    }
}

impl Happened {
    fn apply(&self, tables: &mut Tables) {
        match (&self.event, &self.record) {
            (Event::Record(key), Some(record)) => drop(tables.records.insert(key.clone(), record.clone())),
            (Event::Record(key), None) => drop(tables.records.remove(key)),
            (Event::Reference(reference, true), _) => drop(tables.references.insert(reference.clone())),
            (Event::Reference(reference, false), _) => drop(tables.references.remove(reference)),
        }
    }
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX / 4)
}
