//! Where jobs hand in their requests, so that those of many jobs travel in one batch.
//!
//! A job is an ordinary async function that awaits one reply after the other. When every job waits, what lies on the desk is sent
//! in packs. Each reply goes to its job when it comes, so that a slow pack holds up only whoever travels in it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use entrain_model::{Handover, Lane};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::call::Call;
use crate::client::{Client, Reply};

/// The writes to one record.
pub(super) type Job<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

type Slot = Arc<Mutex<Option<Reply>>>;

/// The requests that are to be sent next.
pub(super) struct Desk {
    lane: Lane,
    waiting: Mutex<Vec<(Call, Slot)>>,
    /// A reply was put into its slot since the jobs were asked last.
    delivered: AtomicBool,
    /// First credentials that are handed over when all requests are answered.
    pub(super) outbox: Mutex<Vec<Handover>>,
}

impl Desk {
    /// A desk whose requests go in this lane.
    pub(super) fn new(lane: Lane) -> Self {
        Self { lane, waiting: Mutex::default(), delivered: AtomicBool::new(false), outbox: Mutex::default() }
    }

    /// Hands in a request and waits for its reply.
    pub(super) async fn send(&self, call: Call) -> Reply {
        let slot = Slot::default();
        self.lock().push((call.in_lane(self.lane), slot.clone()));
        // Nobody need be woken: the desk asks every waiting job after each reply.
        poll_fn(|_| slot.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// Runs jobs to their ends.
    pub(super) async fn run<T>(&self, client: &Client, jobs: Vec<Job<'_, T>>) -> Vec<T> {
        let mut done = Vec::with_capacity(jobs.len());
        let mut jobs: Vec<Option<Job<'_, T>>> = jobs.into_iter().map(Some).collect();
        let mut packs = FuturesUnordered::new();
        poll_fn(|context| {
            loop {
                for job in &mut jobs {
                    if let Some(Poll::Ready(result)) = job.as_mut().map(|job| job.as_mut().poll(context)) {
                        done.push(result);
                        *job = None;
                    }
                }
                jobs.retain(Option::is_some);
                if jobs.is_empty() {
                    return Poll::Ready(());
                }
                packs.extend(self.packs(client));
                while let Poll::Ready(Some(())) = packs.poll_next_unpin(context) {}
                // Where nothing was delivered, jobs wait for packs under way, or for something else such as the clock.
                if !self.delivered.swap(false, Ordering::Relaxed) {
                    return Poll::Pending;
                }
            }
        })
        .await;
        done
    }

    /// Takes what lies on the desk, in packs that deliver their replies.
    fn packs<'a>(&'a self, client: &'a Client) -> Vec<impl Future<Output = ()> + Send + 'a> {
        let (calls, slots): (Vec<Call>, Vec<Slot>) = std::mem::take(&mut *self.lock()).into_iter().unzip();
        let packs = client.packs(&calls).into_iter();
        packs
            .map(|places| {
                let calls: Vec<Call> = places.iter().map(|place| calls[*place].clone()).collect();
                let slots: Vec<Slot> = places.iter().map(|place| Arc::clone(&slots[*place])).collect();
                async move { client.send_pack(&calls, |place, reply| self.deliver(&slots[place], reply)).await }
            })
            .collect()
    }

    fn deliver(&self, slot: &Slot, reply: Reply) {
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply);
        self.delivered.store(true, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Call, Slot)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
