//! How fast one tenant is called: one governor over all calls, whoever makes them.
//!
//! Graph keeps two accounts per application and tenant, resource units and writes (Graph documentation, "Identity and access
//! service limits"). The governor keeps the same accounts, charges every request before it leaves, and corrects itself by the
//! headers of the answers. Requests wait in lanes: a leaver before a direct change before a full run; reads have a gate of
//! their own and go on while writes wait.

mod account;
mod bucket;
mod cost;
mod queue;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use entrain_model::{Clock, Lane, Millis};
use tokio::sync::Notify;

use crate::Quota;
use account::Account;
use queue::{Queue, Ticket};

pub(crate) use account::{Limit, Told};
pub(crate) use cost::{Charge, charge};

/// What Graph is told of a lane: it throttles the lower ones first (Graph documentation, "Throttling priority").
pub(crate) fn priority(lane: Lane) -> &'static str {
    match lane {
        Lane::Leaver => "High",
        Lane::Direct => "Normal",
        Lane::Bulk => "Low",
    }
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Reads,
    Writes,
}

/// The pace of one tenant.
pub(crate) struct Pacing {
    state: Mutex<State>,
    changed: Notify,
    concurrency: usize,
    clock: Arc<dyn Clock>,
}

struct State {
    account: Account,
    reads: Queue,
    writes: Queue,
}

impl State {
    fn queue(&mut self, gate: Gate) -> &mut Queue {
        match gate {
            Gate::Reads => &mut self.reads,
            Gate::Writes => &mut self.writes,
        }
    }
}

/// What a waiting request does next.
enum Step {
    Go,
    /// Until something changes.
    Wait,
    /// Until then, or until something changes.
    Sleep(Duration),
}

impl Pacing {
    pub(crate) fn new(concurrency: usize, quota: Quota, clock: Arc<dyn Clock>) -> Self {
        let state = State { account: Account::new(quota, clock.now()), reads: Queue::default(), writes: Queue::default() };
        Self { state: Mutex::new(state), changed: Notify::new(), concurrency: concurrency.max(1), clock }
    }

    /// Waits for its turn, for a place on the wire and for what it costs. The place is given back when the permit is dropped.
    pub(crate) async fn admit(&self, gate: Gate, lane: Lane, charge: Charge) -> Permit<'_> {
        let mut waiting = Waiting { pacing: self, gate, ticket: Some(self.lock().queue(gate).enter(lane)) };
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            match self.step(&mut waiting, lane, charge) {
                Step::Go => return Permit { pacing: self, gate, lane, charge },
                Step::Wait => changed.await,
                Step::Sleep(rest) => tokio::select! {
                    () = self.clock.sleep(rest) => {}
                    () = changed => {}
                },
            }
        }
    }

    fn step(&self, waiting: &mut Waiting<'_>, lane: Lane, charge: Charge) -> Step {
        let now = self.clock.now();
        let mut state = self.lock();
        let Some(ticket) = waiting.ticket else { return Step::Go };
        let queue = state.queue(waiting.gate);
        // One place is for leavers alone: what hangs on the wire holds up none of them.
        let places = self.concurrency + usize::from(lane == Lane::Leaver);
        if !queue.is_first(ticket) || queue.on_the_wire() >= places {
            return Step::Wait;
        }
        if let Some(rest) = queue.pause(lane, now).or_else(|| state.account.wait(charge, lane, now)) {
            return Step::Sleep(rest);
        }
        state.account.take(charge, now);
        let queue = state.queue(waiting.gate);
        queue.leave(ticket);
        queue.departed(lane);
        waiting.ticket = None;
        self.changed.notify_waiters();
        Step::Go
    }

    /// A request of this lane was told to wait that long: it and the lanes below it leave no more through this gate. Those above
    /// it, see [`queue`].
    pub(crate) fn pause(&self, gate: Gate, lane: Lane, wait: Duration) {
        let now = self.clock.now();
        self.lock().queue(gate).pause_for(lane, wait, now);
    }

    /// Takes what an answer told of the accounts.
    pub(crate) fn learn(&self, charge: Charge, told: Told) {
        let now = self.clock.now();
        self.lock().account.learn(charge, told, now);
    }

    /// The most links of one request that adds members or owners, at the least cost for each.
    pub(crate) fn links(&self) -> usize {
        self.lock().account.links()
    }

    /// How long these changes take from now on: so many requests of one write each, and so many links spread over so many
    /// groups. A pause that stands comes first.
    pub(crate) fn time_for(&self, changes: u64, links: u64, groups: u64) -> Duration {
        let (now, mut state) = (self.clock.now(), self.lock());
        let pause = state.writes.pause(Lane::Bulk, now).filter(|_| changes + links > 0).unwrap_or_default();
        pause.saturating_add(state.account.time_for(changes, links, groups, now.saturating_add(millis(pause))))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a queue, given up when its caller is dropped.
struct Waiting<'a> {
    pacing: &'a Pacing,
    gate: Gate,
    ticket: Option<Ticket>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.pacing.lock().queue(self.gate).leave(ticket);
            self.pacing.changed.notify_waiters();
        }
    }
}

/// A place on the wire.
pub(crate) struct Permit<'a> {
    pacing: &'a Pacing,
    gate: Gate,
    lane: Lane,
    charge: Charge,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut state = self.pacing.lock();
        state.queue(self.gate).landed(self.lane);
        state.account.landed(self.charge);
        drop(state);
        self.pacing.changed.notify_waiters();
    }
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests;
