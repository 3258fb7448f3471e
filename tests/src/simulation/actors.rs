//! The simulation's own scheduler: one actor at a time, until it waits for time to pass.
//!
//! An actor that waits for anything else (the database, a thread) is waited for, so that nothing but the seed decides who
//! acts next. Time moves when all actors wait for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use entrain_model::{Clock as _, Millis};

use super::clock::VirtualClock;

type Act<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

struct Actor<'a> {
    act: Act<'a>,
    wakes: Millis,
    leads: bool,
}

/// Where an actor stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// At something else than time.
    Busy,
    /// At time, or at its end.
    Rests,
}

/// How a stretch of time ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The leading actor is done.
    Done,
    /// The process died where it was.
    Died,
}

/// All that act in one life of the process. They end together.
pub(super) struct Actors<'a> {
    clock: Arc<VirtualClock>,
    actors: Vec<Actor<'a>>,
    current: Option<usize>,
    news: u64,
    /// Told of every step; whether the process dies of it.
    dies: Box<dyn FnMut(Step) -> bool + Send + 'a>,
}

impl<'a> Actors<'a> {
    pub(super) fn new(clock: &Arc<VirtualClock>, dies: impl FnMut(Step) -> bool + Send + 'a) -> Self {
        Self { clock: Arc::clone(clock), actors: Vec::new(), current: None, news: clock.news(), dies: Box::new(dies) }
    }

    /// The one whose end ends the stretch.
    pub(super) fn led_by(self, act: impl Future<Output = ()> + Send + 'a) -> Self {
        self.add(act, true)
    }

    /// One that follows.
    pub(super) fn with(self, act: impl Future<Output = ()> + Send + 'a) -> Self {
        self.add(act, false)
    }

    fn add(mut self, act: impl Future<Output = ()> + Send + 'a, leads: bool) -> Self {
        self.actors.push(Actor { act: Box::pin(act), wakes: self.clock.now(), leads });
        self
    }

    /// Whose time comes first acts next; of several, who came first.
    fn next(&mut self) -> Option<usize> {
        if self.news != self.clock.news() {
            self.news = self.clock.news();
            self.actors.iter_mut().for_each(|actor| actor.wakes = self.clock.now());
        }
        let (place, actor) = self.actors.iter().enumerate().min_by_key(|(_, actor)| actor.wakes)?;
        self.clock.advance_to(actor.wakes);
        Some(place)
    }
}

impl Future for Actors<'_> {
    type Output = Ending;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ending> {
        let this = self.get_mut();
        loop {
            let Some(place) = this.current.or_else(|| this.next()) else { return Poll::Ready(Ending::Done) };
            this.current = Some(place);
            let Some(actor) = this.actors.get_mut(place) else { return Poll::Ready(Ending::Done) };
            let _ = this.clock.take_awaited();
            let polled = actor.act.as_mut().poll(context);
            let awaited = this.clock.take_awaited();
            let busy = polled.is_pending() && awaited.is_none();
            let leads = actor.leads;
            if let (Poll::Pending, Some(wakes)) = (&polled, awaited) {
                actor.wakes = wakes;
            }
            if (this.dies)(if busy { Step::Busy } else { Step::Rests }) {
                return Poll::Ready(Ending::Died);
            }
            if busy {
                return Poll::Pending;
            }
            this.current = None;
            if polled.is_ready() {
                this.actors.remove(place);
                if leads {
                    return Poll::Ready(Ending::Done);
                }
            }
        }
    }
}
