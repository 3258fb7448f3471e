//! One life of the service's process: the worker, the schedule, and an operator who looks in now and then.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use entrain_model::{Clock as _, Millis, ObjectRef, Reason, Scope};
use entrain_store::{Choice, Halt, RunState, Store, StoreError, Who};
use entrain_sync::{Ask, Direct, Engine, Report, Silent, SyncError, Worker};
use tokio::sync::watch;

use super::errors::tells_of;
use super::world::World;

/// How often everything is synchronised.
const EVERY: Millis = 4 * 3600 * 1000;
/// After a full sync that could not go on, the next one comes this soon.
const SOON: Millis = 60 * 1000;
/// How often the operator looks.
const ROUND: Duration = Duration::from_secs(20 * 60);
/// A worker that would wait this long has nothing to do, and is told of news.
const IDLE: Millis = 30 * 1000;
/// So few due objects are a bulk change here, so that many are.
const BULK: usize = 4;
const LONG: Millis = 3600 * 1000;

pub(super) struct Process<'a> {
    world: &'a World,
    engine: Engine,
    /// The first full sync of this life is over.
    begun: AtomicBool,
}

impl<'a> Process<'a> {
    pub(super) fn new(world: &'a World, store: Store, life: usize) -> Self {
        let engine = Engine::new(store, world.clock.clone(), &format!("life-{life}"));
        Self { world, engine, begun: AtomicBool::new(false) }
    }

    /// Takes what is due of these, when it is due.
    pub(super) async fn worker(&self, of: Who) {
        while !self.knows_the_tenant(of).await {
            let known = self.world.clock.news();
            self.world.clock.until(self.world.clock.now() + 1_000, known).await;
        }
        let (_keep, target) = watch::channel(Arc::clone(&self.world.target));
        let (_run, stop) = watch::channel(false);
        let seen = Arc::new(Seen::default());
        let worker =
            Worker::new(self.engine.clone(), target, Arc::clone(&seen) as Arc<dyn Direct>, Arc::new(Silent)).with_bulk(BULK);
        loop {
            let known = self.world.clock.news();
            let drained = worker.drain(of, &stop).await;
            self.check("direct", &seen.take());
            if let Err(error) = drained {
                self.store_failed(&error);
            }
            let wait = Millis::try_from(worker.wait(of).await.as_millis()).unwrap_or(IDLE);
            let due = self.world.clock.now() + if wait < IDLE { wait } else { LONG };
            self.world.clock.until(due, known).await;
        }
    }

    async fn knows_the_tenant(&self, of: Who) -> bool {
        let (store, name) = (self.engine.store(), &self.world.target.name);
        if of == Who::Leavers && matches!(store.population(name).await, Ok(linked) if linked.users > 0) {
            return true;
        }
        let row = store.target(name).await;
        self.begun.load(Ordering::SeqCst) || matches!(row, Ok(Some(row)) if row.last_full_at.is_some())
    }

    /// One full sync at the start, then whenever one is due.
    pub(super) async fn schedule(&self) {
        self.full(Reason::Startup).await;
        self.begun.store(true, Ordering::SeqCst);
        loop {
            let known = self.world.clock.news();
            let now = self.world.clock.now();
            let row = self.engine.store().target(&self.world.target.name).await.ok().flatten();
            let due = row.as_ref().and_then(|row| row.next_due_at).unwrap_or(now);
            if due <= now && row.is_some_and(|row| row.halt.is_none()) {
                self.full(Reason::Schedule).await;
            } else {
                self.world.clock.until(due.max(now + 1_000), known).await;
            }
        }
    }

    async fn full(&self, reason: Reason) {
        let (store, name) = (self.engine.store(), &self.world.target.name);
        let planned = store.set_next_due(name, Some(self.world.clock.now() + EVERY)).await;
        let result = self.engine.reconcile(&self.world.target, Ask::sync(Scope::Everything, reason), &Silent).await;
        self.ended(&result);
        if result.is_err() || planned.is_err() {
            drop(store.set_next_due(name, Some(self.world.clock.now() + SOON)).await);
        }
        self.world.clock.tell();
    }

    /// Resumes what is halted and approves what is held.
    pub(super) async fn operator(&self) {
        loop {
            self.world.clock.sleep(ROUND).await;
            let store = self.engine.store();
            let halted = store.target(&self.world.target.name).await.ok().flatten().is_some_and(|row| row.halt.is_some());
            if halted {
                drop(self.engine.resume(&self.world.target, None).await);
                self.world.clock.tell();
                continue;
            }
            let runs = store.runs(Some(&self.world.target.name), 50).await.unwrap_or_default();
            for run in runs.iter().filter(|run| run.state == RunState::Held) {
                match self.engine.approve(&self.world.target, &run.id, "the operator", &Choice::All, &Silent).await {
                    // Another run may have taken its place since it was read.
                    Err(SyncError::Store(StoreError::Conflict(_))) => {}
                    result => self.ended(&result),
                }
                self.world.clock.tell();
            }
        }
    }

    fn ended(&self, result: &Result<Report, SyncError>) {
        if let Err(SyncError::Store(error)) = result {
            self.store_failed(error);
        }
        self.check("full", &[told(result)]);
    }

    /// An ERROR in the log is for a person: there must be something for that person to see.
    fn check(&self, what: &str, results: &[Told]) {
        for Told { words, .. } in results {
            self.world.note(&format_args!("{what}: {words}"));
        }
        let target = &self.world.target.name;
        for error in self.world.errors.take() {
            if !results.iter().filter_map(|told| told.halt.as_ref()).any(|halt| tells_of(&error, target, halt)) {
                self.world.wrong(format!("logged as ERROR without its halt ({results:?}): {error:?}"));
            }
        }
    }

    /// The database works all the time, so whatever it refuses is the engine's mistake.
    fn store_failed(&self, error: &StoreError) {
        if !matches!(error, StoreError::Injected(_)) {
            self.world.wrong(format!("the database refused: {error}"));
        }
    }
}

/// How a run ended: what it said, and the halt that it ended in.
#[derive(Debug)]
struct Told {
    halt: Option<Halt>,
    words: String,
}

fn told(result: &Result<Report, SyncError>) -> Told {
    match result {
        Ok(report) => {
            let Report { planned, done, held, failed, dropped, reasons, .. } = report;
            let words = format!(
                "{:?}, planned {planned:?}, done {done:?}, held {held:?}, failed {failed}, dropped {dropped} {reasons:?}",
                report.state
            );
            Told { halt: report.halt.clone(), words }
        }
        Err(error) => Told { halt: None, words: error.to_string() },
    }
}

/// What the worker reported since it was asked last.
#[derive(Default)]
struct Seen(std::sync::Mutex<Vec<Told>>);

impl Seen {
    fn take(&self) -> Vec<Told> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Direct for Seen {
    fn synced(&self, objects: &BTreeSet<ObjectRef>, result: &Result<Report, SyncError>) {
        let Told { halt, words } = told(result);
        let objects: Vec<String> = objects.iter().map(ToString::to_string).collect();
        let kept = Told { halt, words: format!("{} {words}", objects.join(", ")) };
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(kept);
    }
}
