//! Where jobs hand in their requests, so that those of many jobs travel in one batch.
//!
//! A job is an ordinary async function that awaits one reply after the other. When every job waits, what lies on the desk is a
//! round: it is sent, and the replies wake the jobs for the next one.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use entrain_model::Handover;

use crate::call::Call;
use crate::client::{Client, Reply};
use crate::pacing::Lane;

/// The writes to one record.
pub(super) type Job<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

type Slot = Arc<Mutex<Option<Reply>>>;

/// The requests of the next round.
pub(super) struct Desk {
    lane: Lane,
    round: Mutex<Vec<(Call, Slot)>>,
    /// First credentials that are handed over when all requests are answered.
    pub(super) outbox: Mutex<Vec<Handover>>,
}

impl Desk {
    /// A desk whose requests go in this lane.
    pub(super) fn new(lane: Lane) -> Self {
        Self { lane, round: Mutex::default(), outbox: Mutex::default() }
    }

    /// Hands in a request and waits for its reply.
    pub(super) async fn send(&self, call: Call) -> Reply {
        let slot = Slot::default();
        self.lock().push((call.in_lane(self.lane), slot.clone()));
        // Nobody need be woken: the desk asks every waiting job after each round.
        poll_fn(|_| slot.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// Runs jobs to their ends, round by round.
    pub(super) async fn run<T>(&self, client: &Client, jobs: Vec<Job<'_, T>>) -> Vec<T> {
        let mut done = Vec::with_capacity(jobs.len());
        let mut jobs: Vec<Option<Job<'_, T>>> = jobs.into_iter().map(Some).collect();
        loop {
            poll_fn(|context| {
                for job in &mut jobs {
                    if let Some(Poll::Ready(result)) = job.as_mut().map(|job| job.as_mut().poll(context)) {
                        done.push(result);
                        *job = None;
                    }
                }
                jobs.retain(Option::is_some);
                // A job may wait for something else, such as the clock; it wakes this task itself.
                if jobs.is_empty() || !self.lock().is_empty() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            let (calls, slots): (Vec<Call>, Vec<Slot>) = std::mem::take(&mut *self.lock()).into_iter().unzip();
            if calls.is_empty() {
                return done;
            }
            for (slot, reply) in slots.iter().zip(client.send_all(&calls).await) {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Call, Slot)>> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
