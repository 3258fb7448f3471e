//! The service: per target a worker for direct sync, a schedule for full sync, and an eye on its configuration.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use entrain_entra::Observer;
use entrain_model::{Clock, Millis, Reason, Scope, TargetName};
use entrain_store::{Halt, HaltKind, Put, RunState, Store, StoreError};
use entrain_sync::{Ask, Direct, Engine, Progress, Silent, Target, Worker};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

use super::due;
use super::reload::Files;
use super::watch::Watch;
use super::{ConnectError, connect_in_force};
use crate::alarms::WebhookError;
use crate::api::{self, Api, Routers};
use crate::config::{Config, TargetConfig};
use crate::hooks::{self, Events, Keyring};
use crate::http::{Http, HttpError, Mounted};
use crate::jobs;
use crate::metrics::{self, Counters, Counting, Metrics, Timed};
use crate::scim::{self, SchemasError, Scim};
use crate::sign_in::{self, ProviderError};

/// After a full sync that could not go on, the next one is tried this soon.
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// Why the service cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ticker failed.
    #[error("the schedule cannot be started: {0}")]
    Schedule(#[from] JobSchedulerError),
    /// The address for figures cannot be listened at.
    #[error("figures cannot be shown at {0} (metrics.listen): {1}")]
    Metrics(SocketAddr, std::io::Error),
    /// A webhook cannot be used.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// The schemas of SCIM cannot be used.
    #[error(transparent)]
    Scim(#[from] SchemasError),
    /// The identity provider of people cannot be used.
    #[error(transparent)]
    SignIn(#[from] ProviderError),
    /// The server cannot begin.
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// A service under way.
pub struct Service {
    engine: Engine,
    stop: watch::Sender<bool>,
    ticker: JobScheduler,
    tasks: JoinSet<()>,
    figures: Option<SocketAddr>,
    http: Option<SocketAddr>,
}

/// One target of the service.
pub(crate) struct Served {
    engine: Engine,
    config: watch::Sender<TargetConfig>,
    target: watch::Sender<Option<Arc<Target>>>,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
    direct: Arc<dyn Direct>,
    counters: Arc<Counters>,
    running: AtomicBool,
    /// When a full sync that could not go on is tried again, where the database could not be told that.
    again_at: AtomicI64,
    /// The version of the mapping as it was loaded; 0 for none.
    version: AtomicI64,
    file: Option<PathBuf>,
}

impl Service {
    /// Starts all targets of a configuration. `file` is watched, and so are the scripts that it names.
    pub async fn start(
        config: &Config,
        file: Option<&Path>,
        store: Store,
        clock: Arc<dyn Clock>,
        direct: Arc<dyn Direct>,
        observer: Option<Arc<dyn Observer>>,
    ) -> Result<Service, ServeError> {
        let engine = Engine::new(store, Arc::clone(&clock), &format!("serve-{}", std::process::id()));
        let (stop, _) = watch::channel(false);
        let ticker = JobScheduler::new().await?;
        let mut tasks = JoinSet::new();
        let (mut watched, mut counted, mut all) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for config in &config.targets {
            let counters = Arc::new(Counters::default());
            counted.insert(config.name.clone(), Arc::clone(&counters));
            let served = Arc::new(Served {
                engine: engine.clone(),
                config: watch::Sender::new(config.clone()),
                target: watch::Sender::new(None),
                clock: Arc::clone(&clock),
                observer: observer.clone(),
                direct: Arc::new(Timed { counters: Arc::clone(&counters), then: Arc::clone(&direct) }),
                counters,
                running: AtomicBool::new(false),
                again_at: AtomicI64::new(Millis::MAX),
                version: AtomicI64::new(0),
                file: file.map(Path::to_owned),
            });
            watched.insert(config.name.clone(), served.target.subscribe());
            all.insert(config.name.clone(), Arc::clone(&served));
            served.load().await?;
            served.start(&ticker, &mut tasks, &stop).await?;
        }
        let metrics = Arc::new(Metrics { store: engine.store().clone(), targets: counted });
        let mut figures = None;
        if let Some(address) = config.metrics.listen {
            let failed = |error| ServeError::Metrics(address, error);
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            figures = Some(listener.local_addr().map_err(failed)?);
            let (metrics, mut stopped) = (Arc::clone(&metrics), stop.subscribe());
            tasks.spawn(metrics::serve(listener, metrics, async move { drop(stopped.changed().await) }));
        }
        let keys = Arc::new(Keyring::new(config.clone(), engine.store().clone()));
        let mut http = None;
        if let Some(address) = config.http.listen {
            let shared = Http::new(engine.store().clone(), Arc::clone(&clock), metrics, config);
            let source = engine.store().clone().acting_as("scim");
            let scim = Scim::new(source, Arc::clone(&clock), scim::catalog(&config.scim)?);
            let events = Events { http: Arc::clone(&shared), scim: scim.clone(), keys: Arc::clone(&keys) };
            let (api, waiting) = Api::new(engine.clone(), Arc::clone(&clock), all);
            tasks.spawn(api::keep(waiting, stop.subscribe()));
            let Routers { api, open } = api.routers();
            let auth = sign_in::router(&shared, &config.access, &clock)?;
            let mounted = Mounted { scim: scim::behind_door(scim), api, events: hooks::router(events), auth, open };
            http = Some(shared.start(&config.http, address, mounted, &mut tasks, &stop).await?);
        }
        Watch::new(config, engine.store().clone(), clock, watched, keys)?.start(&mut tasks, &stop);
        ticker.start().await?;
        Ok(Service { engine, stop, ticker, tasks, figures, http })
    }

    /// The engine beneath.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where figures are to be had.
    pub fn figures(&self) -> Option<SocketAddr> {
        self.figures
    }

    /// Where all ways in are to be had.
    pub fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Ends: what is on the wire is finished and recorded, nothing new begins.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        if let Err(error) = self.ticker.shutdown().await {
            tracing::warn!("the schedule did not end in order: {error}");
        }
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Served {
    /// Its configuration as it is now.
    pub(crate) fn config(&self) -> TargetConfig {
        self.config.borrow().clone()
    }

    /// The target, unless it has not compiled yet.
    pub(crate) fn target(&self) -> Option<Arc<Target>> {
        self.target.borrow().clone()
    }

    /// Reads scripts and secrets and makes the target new. What does not compile halts it; what it had before stays.
    async fn load(&self) -> Result<(), StoreError> {
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

    async fn start(
        self: &Arc<Self>,
        ticker: &JobScheduler,
        tasks: &mut JoinSet<()>,
        stop: &watch::Sender<bool>,
    ) -> Result<(), ServeError> {
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
        ticker.add(job).await?;
        tasks.spawn(Arc::clone(self).watch_files(stop.subscribe()));
        tasks.spawn(Arc::clone(self).work(stop.subscribe(), first_over));
        Ok(())
    }

    /// The worker, as soon as there is a target that compiles. Before the very first full sync nothing is known of the
    /// tenant, and one enumeration costs less than looking every object up.
    async fn work(self: Arc<Self>, mut stop: watch::Receiver<bool>, mut first_over: watch::Receiver<bool>) {
        let name = self.config.borrow().name.clone();
        if !matches!(self.engine.store().target(&name).await, Ok(Some(row)) if row.last_full_at.is_some()) {
            tokio::select! {
                _ = stop.changed() => return,
                _ = first_over.wait_for(|over| *over) => {}
            }
        }
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
        let mut working = std::pin::pin!(worker.run(stop));
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
            let soon = store.now().saturating_add(i64::try_from(AFTER_FAILURE.as_millis()).unwrap_or_default());
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

    /// Looks every second whether the configuration, a script or the published version is another one now.
    async fn watch_files(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut files = Files::new(self.file.clone(), &self.config.borrow());
        let mut stored = true;
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                () = self.clock.sleep(Duration::from_secs(1)) => {}
            }
            if stored && !files.changed() && !self.republished().await {
                continue;
            }
            // The guard of `borrow` must be gone before anything is sent: it is a lock.
            let name = self.config.borrow().name.clone();
            if let Some(config) = files.reread(&name, self.engine.store()).await {
                self.config.send_replace(config);
            }
            files = Files::new(self.file.clone(), &self.config.borrow());
            let loaded = self.load().await;
            if let (Err(error), true) = (&loaded, stored) {
                tracing::error!("the changed configuration could not be stored; that is tried again every second: {error}");
            }
            stored = loaded.is_ok();
        }
    }
}
