//! One target of the service: a worker for direct sync, a schedule for full sync, and an eye on its scripts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use entrain_entra::Observer;
use entrain_model::{Clock, Millis, Reason, Scope, TargetName};
use entrain_store::{Halt, HaltKind, Put, RunState, StoreError};
use entrain_sync::{Ask, Direct, Engine, Progress, Silent, SyncError, Target, Worker};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use uuid::Uuid;

use super::due;
use super::reload::Files;
use super::{ConnectError, connect_in_force};
use crate::config::TargetConfig;
use crate::jobs;
use crate::metrics::{Counters, Counting, Timed};

/// After a full sync that could not go on, the next one is tried this soon.
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// One target of the service.
pub(crate) struct Served {
    engine: Engine,
    config: watch::Sender<TargetConfig>,
    target: watch::Sender<Option<Arc<Target>>>,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
    direct: Arc<dyn Direct>,
    pub(crate) counters: Arc<Counters>,
    running: AtomicBool,
    /// When a full sync that could not go on is tried again, where the database could not be told that.
    again_at: AtomicI64,
    /// The version of the mapping as it was loaded; 0 for none.
    version: AtomicI64,
    /// One at a time makes the target new.
    loading: Mutex<()>,
    stop: watch::Sender<bool>,
}

/// What all targets of a process share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) engine: Engine,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) direct: Arc<dyn Direct>,
    pub(super) ticker: JobScheduler,
}

impl Served {
    /// A target that is not loaded yet.
    pub(super) fn new(shared: &Shared, config: TargetConfig) -> Arc<Self> {
        let counters = Arc::new(Counters::default());
        Arc::new(Self {
            engine: shared.engine.clone(),
            config: watch::Sender::new(config),
            target: watch::Sender::new(None),
            clock: Arc::clone(&shared.clock),
            observer: shared.observer.clone(),
            direct: Arc::new(Timed { counters: Arc::clone(&counters), then: Arc::clone(&shared.direct) }),
            counters,
            running: AtomicBool::new(false),
            again_at: AtomicI64::new(Millis::MAX),
            version: AtomicI64::new(0),
            loading: Mutex::default(),
            stop: watch::Sender::new(false),
        })
    }

    /// Its configuration as it is now.
    pub(crate) fn config(&self) -> TargetConfig {
        self.config.borrow().clone()
    }

    /// The target, unless it has not compiled yet.
    pub(crate) fn target(&self) -> Option<Arc<Target>> {
        self.target.borrow().clone()
    }

    /// Takes another configuration. Runs that are under way keep the one that they began with.
    pub(super) async fn reconfigure(&self, config: TargetConfig) -> Result<(), StoreError> {
        let before = self.config.send_replace(config.clone());
        if let Err(error) = self.load().await {
            // It is told apart from the stored one by its revision, and tried again.
            self.config.send_replace(before);
            return Err(error);
        }
        if before.schedule == config.schedule {
            return Ok(());
        }
        let row = self.engine.store().target(&config.name).await?;
        // What is due already stays so.
        match row.and_then(|row| row.next_due_at) {
            Some(at) if at > self.engine.store().now() => self.plan_next(&config.name).await,
            Some(_) | None => Ok(()),
        }
    }

    /// Reads scripts and secrets and makes the target new. What does not compile halts it; what it had before stays.
    pub(super) async fn load(&self) -> Result<(), StoreError> {
        let _one = self.loading.lock().await;
        let config = self.config.borrow().clone();
        let store = self.engine.store();
        let counting = Counting { counters: Arc::clone(&self.counters), then: self.observer.clone() };
        let connected = connect_in_force(store, &config, Arc::clone(&self.clock), Some(Arc::new(counting))).await;
        self.version.store(store.published_number(&config.name).await?.unwrap_or(0), Ordering::SeqCst);
        match connected {
            Ok(connected) => {
                let target = connected.target;
                let put = store.put_target(&target.name, target.mode, &target.config_digest, target.mapping.version()).await?;
                let _ = self.target.send_replace(Some(Arc::clone(&target)));
                self.release(&target, put).await
            }
            Err(ConnectError::Store(error)) => Err(error),
            Err(error) => {
                store.put_target(&config.name, config.mode, "", "").await?;
                self.halt(&config.name, &error).await
            }
        }
    }

    /// A changed mapping or configuration lets a target go on by itself, if what stopped it passes now.
    async fn release(&self, target: &Arc<Target>, put: Put) -> Result<(), StoreError> {
        if put == Put::Same {
            return Ok(());
        }
        match self.engine.release(target).await {
            Ok(outcome) => tracing::info!(target = %target.name, ?put, ?outcome, "configuration or mapping changed"),
            Err(error) => tracing::warn!(target = %target.name, "the changed mapping could not be tried: {error}"),
        }
        self.engine.store().set_next_due(&target.name, Some(self.engine.store().now())).await
    }

    async fn halt(&self, name: &TargetName, error: &ConnectError) -> Result<(), StoreError> {
        tracing::error!(target = %name, "target halted: {error}");
        let (kind, script, line, column) = match error {
            ConnectError::Mapping(error) => (HaltKind::Mapping, Some(error.script.clone()), error.line, error.column),
            ConnectError::Handover(_)
            | ConnectError::Secret(_)
            | ConnectError::File(_)
            | ConnectError::Directory(_)
            | ConnectError::Store(_) => (HaltKind::Configuration, None, None, None),
        };
        let number = |n: Option<usize>| n.and_then(|n| i64::try_from(n).ok());
        let halt = Halt {
            kind,
            script,
            line: number(line),
            column: number(column),
            object: None,
            message: error.to_string(),
            input: None,
            since: self.engine.store().now(),
            leavers_waiting: self.engine.store().queue_depth(name).await?.removals,
        };
        self.engine.store().halt(name, &halt).await
    }

    /// Begins its work; the id of its tick.
    pub(super) async fn start(
        self: &Arc<Self>,
        ticker: &JobScheduler,
        tasks: &mut JoinSet<()>,
    ) -> Result<Uuid, JobSchedulerError> {
        let (first, first_over) = watch::channel(false);
        let starting = Arc::clone(self);
        tasks.spawn(async move {
            starting.full(Reason::Startup).await;
            first.send_replace(true);
        });
        let tick = Arc::clone(self);
        let job = Job::new_async("* * * * * *", move |_, _| {
            let tick = Arc::clone(&tick);
            Box::pin(async move { tick.run_due().await })
        })?;
        let tick = ticker.add(job).await?;
        tasks.spawn(Arc::clone(self).watch_files(self.stop.subscribe()));
        tasks.spawn(Arc::clone(self).work(self.stop.subscribe(), first_over));
        Ok(tick)
    }

    /// Ends its work, after what is on the wire.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// The worker, as soon as there is a target that compiles. Until a full sync has succeeded once, or the first of this process is
    /// over, it only blocks those who leave.
    async fn work(self: Arc<Self>, mut stop: watch::Receiver<bool>, first_over: watch::Receiver<bool>) {
        let name = self.config.borrow().name.clone();
        let is_known = matches!(self.engine.store().target(&name).await, Ok(Some(row)) if row.last_full_at.is_some());
        let begin = if is_known { watch::channel(true).1 } else { first_over };
        let mut targets = self.target.subscribe();
        let first = loop {
            if let Some(target) = targets.borrow_and_update().clone() {
                break target;
            }
            tokio::select! {
                _ = stop.changed() => return,
                changed = targets.changed() => if changed.is_err() { return },
            }
        };
        let (send, receive) = watch::channel(first);
        let worker = Worker::new(self.engine.clone(), receive, Arc::clone(&self.direct), Arc::new(Silent) as Arc<dyn Progress>);
        let mut working = std::pin::pin!(worker.run(stop, begin));
        loop {
            tokio::select! {
                () = &mut working => return,
                changed = targets.changed() => {
                    let newest = targets.borrow_and_update().clone();
                    if let (Ok(()), Some(target)) = (changed, newest) {
                        let _ = send.send(target);
                    }
                }
            }
        }
    }

    async fn run_due(&self) {
        let name = self.config.borrow().name.clone();
        let now = self.engine.store().now();
        match self.engine.store().target(&name).await {
            // A configuration that was changed a moment ago is loaded first.
            Ok(Some(row)) if row.settings != self.config.borrow().revision => {}
            Ok(Some(row)) if row.halt.is_none() => {
                let due = due::is_due(&self.config.borrow().schedule, row.next_due_at, now);
                let again = self.again_at.load(Ordering::SeqCst);
                let due = if again == Millis::MAX { due } else { again <= now };
                if due {
                    self.full(Reason::Schedule).await;
                }
            }
            Ok(_) => {}
            Err(error) => tracing::error!(target = %name, "the schedule cannot be read: {error}"),
        }
    }

    /// One full sync, unless one runs in this process already; then says when the next is due.
    async fn full(&self, reason: Reason) {
        let Some(target) = self.target.borrow().clone() else { return };
        if self.running.swap(true, Ordering::SeqCst) {
            return;
        }
        let store = self.engine.store();
        self.again_at.store(Millis::MAX, Ordering::SeqCst);
        let planned = self.plan_next(&target.name).await;
        if let Err(error) = self.read_anew_if_due(&target).await {
            tracing::error!(target = %target.name, "that all is to be read anew cannot be written; it is tried with the next sync: {error}");
        }
        let result = self.engine.reconcile(&target, Ask::sync(Scope::Everything, reason), &Silent).await;
        // What stopped it was dealt with already, or is within a second.
        let moved = matches!(result, Err(SyncError::Stopped | SyncError::Reconfigured(_)));
        let failed = match &result {
            Ok(report) => {
                let state = report.state;
                tracing::info!(target = %target.name, state = state.as_str(), done = ?report.done, held = ?report.held, "full sync ended");
                for reason in &report.reasons {
                    tracing::error!(target = %target.name, run = report.run.as_ref().map(ToString::to_string), "held for approval: {reason}");
                }
                state == RunState::Failed
            }
            Err(error) => {
                tracing::warn!(target = %target.name, "full sync did not come to its end and is tried again soon: {error}");
                true
            }
        };
        if failed || planned.is_err() {
            let after = if moved { Duration::ZERO } else { AFTER_FAILURE };
            let soon = store.now().saturating_add(i64::try_from(after.as_millis()).unwrap_or_default());
            if let Err(error) = store.set_next_due(&target.name, Some(soon)).await {
                tracing::error!(target = %target.name, "the schedule cannot be written: {error}");
                self.again_at.store(soon, Ordering::SeqCst);
            }
        }
        self.running.store(false, Ordering::SeqCst);
    }

    /// Has all of the tenant read by the next sync, if the schedule says so.
    async fn read_anew_if_due(&self, target: &Target) -> Result<(), StoreError> {
        let store = self.engine.store();
        let read = due::last_read(store, &target.name).await?;
        if due::is_full_due(&self.config.borrow().schedule, read, store.now()) {
            jobs::Job::FullSync.prepare(&self.engine, &target.name).await?;
        }
        Ok(())
    }

    async fn plan_next(&self, name: &TargetName) -> Result<(), StoreError> {
        let now = self.engine.store().now();
        let next = due::next(&self.config.borrow().schedule, now, due::jitter(name.as_str(), now));
        self.engine.store().set_next_due(name, next).await
    }

    /// Whether another version of the mapping was published, or the one in force taken back, by another process.
    async fn republished(&self) -> bool {
        let name = self.config.borrow().name.clone();
        let loaded = self.version.load(Ordering::SeqCst);
        matches!(self.engine.store().published_number(&name).await, Ok(number) if number.unwrap_or(0) != loaded)
    }

    /// Looks every second whether a script or the published version is another one now.
    async fn watch_files(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut files = Files::new(&self.config.borrow());
        let mut stored = true;
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                () = self.clock.sleep(Duration::from_secs(1)) => {}
            }
            if files.revision() != self.config.borrow().revision {
                // Whoever changed the configuration has loaded what it names.
                files = Files::new(&self.config.borrow());
            }
            if stored && !files.changed() && !self.republished().await {
                continue;
            }
            files = Files::new(&self.config.borrow());
            let loaded = self.load().await;
            if let (Err(error), true) = (&loaded, stored) {
                tracing::error!("the changed mapping could not be stored; that is tried again every second: {error}");
            }
            stored = loaded.is_ok();
        }
    }
}
