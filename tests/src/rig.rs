//! An engine with a fresh database and any directory as its target.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use entrain::wiring::FastClock;
use entrain_mapping::{Limits, Mapping, ScopeRules as Predicates, Script, default_scripts};
use entrain_model::{Clock, Kind, Limits as Guard, Millis, Mode, ObjectRef, Policy, Reason, Relation, Scope, WritableDirectory};
use entrain_store::{FailPoints, SourceChange, Store, Who};
use entrain_sync::{Ask, Direct, Engine, Report, ScopeRules, Silent, SyncError, Target, TargetChoice, Timing, Worker};
use tokio::sync::watch;

use crate::database::{Database, Dialect};

/// The machine's clock, or one that runs faster, moved forward at will.
#[derive(Debug)]
pub struct MovableClock {
    clock: FastClock,
    ahead: AtomicI64,
}

impl Default for MovableClock {
    fn default() -> Self {
        Self::fast(1)
    }
}

impl MovableClock {
    /// One that runs so many times faster.
    pub fn fast(rate: u32) -> Self {
        Self { clock: FastClock::new(rate), ahead: AtomicI64::new(0) }
    }

    /// Moves it forward.
    pub fn advance(&self, by: Duration) {
        self.ahead.fetch_add(i64::try_from(by.as_millis()).unwrap_or(0), Ordering::SeqCst);
    }

    /// Sets it back, as somebody does whose clock was wrong.
    pub fn turn_back(&self, by: Duration) {
        self.ahead.fetch_sub(i64::try_from(by.as_millis()).unwrap_or(0), Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for MovableClock {
    fn now(&self) -> Millis {
        self.clock.now() + self.ahead.load(Ordering::SeqCst)
    }
    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }
}

/// Everything that a test of the engine needs.
pub struct Rig {
    /// The engine.
    pub engine: Engine,
    /// The target as it is now.
    pub target: Arc<Target>,
    /// Time.
    pub clock: Arc<MovableClock>,
    dialect: Dialect,
    database: Database,
}

impl Rig {
    /// A target named `test` in mode `full`, with the default mapping, over `directory`; `change` adjusts it.
    ///
    /// # Errors
    /// The database cannot be made.
    pub async fn new(
        dialect: Dialect,
        directory: Arc<dyn WritableDirectory>,
        change: impl FnOnce(&mut Target),
    ) -> anyhow::Result<Self> {
        Self::at(Arc::default(), dialect, directory, change).await
    }

    /// The same with a clock of the caller's.
    ///
    /// # Errors
    /// The database cannot be made.
    pub async fn at(
        clock: Arc<MovableClock>,
        dialect: Dialect,
        directory: Arc<dyn WritableDirectory>,
        change: impl FnOnce(&mut Target),
    ) -> anyhow::Result<Self> {
        Self::over(Database::new(dialect)?, clock, dialect, directory, change).await
    }

    /// The same in a database of the caller's.
    ///
    /// # Errors
    /// The database does not open.
    pub async fn over(
        database: Database,
        clock: Arc<MovableClock>,
        dialect: Dialect,
        directory: Arc<dyn WritableDirectory>,
        change: impl FnOnce(&mut Target),
    ) -> anyhow::Result<Self> {
        let store = Store::open(database.url(), clock.clone()).await?;
        let mut target = target(directory, &default_scripts())?;
        change(&mut target);
        let rig = Self { engine: engine(store, &clock), target: Arc::new(target), clock, dialect, database };
        rig.announce().await?;
        Ok(rig)
    }

    /// The database's URL.
    pub fn url(&self) -> &str {
        self.database.url()
    }

    /// A folder that goes with the test.
    pub fn folder(&self) -> &std::path::Path {
        self.database.folder()
    }

    /// The database.
    pub fn store(&self) -> &Store {
        self.engine.store()
    }

    async fn announce(&self) -> anyhow::Result<()> {
        let target = &self.target;
        self.store().put_target(&target.name, target.mode, &target.config_digest, target.mapping.version()).await?;
        Ok(())
    }

    /// Changes the target as an operator would who edits the configuration.
    ///
    /// # Errors
    /// The database fails.
    pub async fn configure(&mut self, change: impl FnOnce(&mut Target)) -> anyhow::Result<()> {
        let mut target = (*self.target).clone();
        change(&mut target);
        self.target = Arc::new(target);
        self.announce().await
    }

    /// Makes another mapping the target's.
    ///
    /// # Errors
    /// It does not compile.
    pub async fn script(&mut self, kind: Kind, text: &str) -> anyhow::Result<()> {
        let mut scripts = default_scripts();
        scripts.push(Script { name: format!("test-{kind}.rhai"), kind, text: text.to_owned() });
        let mapping = Arc::new(Mapping::compile(&scripts, &Predicates { users: None, groups: None }, Limits::default())?);
        self.configure(|target| target.mapping = mapping).await
    }

    /// Writes to the source through its door.
    ///
    /// # Errors
    /// The database fails.
    pub async fn write(&self, changes: &[SourceChange]) -> anyhow::Result<()> {
        let mut writer = self.store().source_writer().await?;
        writer.apply(changes).await?;
        Ok(writer.commit().await?)
    }

    /// One run over everything.
    ///
    /// # Errors
    /// It did not come to its end.
    pub async fn full(&self) -> Result<Report, SyncError> {
        self.engine.reconcile(&self.target, Ask::sync(Scope::Everything, Reason::Operator), &Silent).await
    }

    /// One run over these.
    ///
    /// # Errors
    /// It did not come to its end.
    pub async fn only(&self, objects: &[ObjectRef]) -> Result<Report, SyncError> {
        let scope = Scope::Only(objects.iter().cloned().collect());
        self.engine.reconcile(&self.target, Ask::sync(scope, Reason::Operator), &Silent).await
    }

    /// Lets the worker take what is due now, to the end; what it reported.
    ///
    /// # Errors
    /// The worker could not go on.
    pub async fn direct(&self) -> anyhow::Result<Vec<Result<Report, SyncError>>> {
        self.clock.advance(self.target.timing.at_most);
        let seen = Arc::new(Seen::default());
        let (_keep, target) = watch::channel(Arc::clone(&self.target));
        let (_run, stop) = watch::channel(false);
        let worker = Worker::new(self.engine.clone(), target, Arc::clone(&seen) as Arc<dyn Direct>, Arc::new(Silent));
        while worker.drain(Who::Leavers, &stop).await? + worker.drain(Who::Others, &stop).await? > 0 {}
        drop(worker);
        let seen = Arc::try_unwrap(seen).ok().context("the worker still runs")?;
        Ok(seen.0.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets time pass as the database sees it: SQLite asks our clock, which moves at will; PostgreSQL has its own.
    pub async fn pass(&self, time: Duration) {
        match self.dialect {
            Dialect::Sqlite => self.clock.advance(time),
            Dialect::Postgres => self.clock.sleep(time).await,
        }
    }

    /// The machine of a SQLite database loses its power: of the write-ahead log only `kept` bytes are on the disk, and `torn`
    /// after them. Then everything starts anew.
    ///
    /// # Errors
    /// The database does not open any more.
    pub async fn lose_power(&mut self, kept: usize, torn: &[u8]) -> anyhow::Result<()> {
        let path = self.url().trim_start_matches("sqlite://").to_owned();
        let log = format!("{path}-wal");
        // Taken before the last connection closes: that would write everything to the disk.
        let (pages, mut written) = (std::fs::read(&path)?, std::fs::read(&log)?);
        self.store().close().await;
        written.truncate(kept);
        written.extend_from_slice(torn);
        std::fs::write(&path, pages)?;
        std::fs::write(&log, written)?;
        drop(std::fs::remove_file(format!("{path}-shm")));
        self.engine = engine(Store::open(self.url(), self.clock.clone()).await?, &self.clock);
        Ok(())
    }

    /// The engine as after a restart of its process, with failures that a test asks for. Leases of the dead have run out.
    pub async fn restart(&mut self, failpoints: Option<Arc<FailPoints>>) {
        self.pass(self.target.timing.lease + Duration::from_millis(50)).await;
        let store = self.store().clone();
        let store = store.with_failpoints(failpoints.unwrap_or_else(|| Arc::new(FailPoints::count_only())));
        self.engine = engine(store, &self.clock);
    }
}

#[derive(Default)]
struct Seen(Mutex<Vec<Result<Report, SyncError>>>);

impl Direct for Seen {
    fn synced(&self, _: &BTreeSet<ObjectRef>, result: &Result<Report, SyncError>) {
        let kept = match result {
            Ok(report) => Ok(report.clone()),
            Err(error) => Err(SyncError::Incomplete(error.to_string())),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
    }
}

fn engine(store: Store, clock: &Arc<MovableClock>) -> Engine {
    let name = format!("test-{}", clock.now());
    Engine::new(store, Arc::clone(clock) as Arc<dyn Clock>, &name)
}

/// A target over a directory, in mode `full`, with generous limits and little patience.
///
/// # Errors
/// The scripts do not compile.
pub fn target(directory: Arc<dyn WritableDirectory>, scripts: &[Script]) -> anyhow::Result<Target> {
    let mapping = Mapping::compile(scripts, &Predicates { users: None, groups: None }, Limits::default())?;
    Ok(target_with(directory, Arc::new(mapping)))
}

/// The same with a mapping that is compiled already.
pub fn target_with(directory: Arc<dyn WritableDirectory>, mapping: Arc<Mapping>) -> Target {
    let schema = directory.schema();
    Target {
        name: "test".into(),
        mode: Mode::Full,
        policy: Policy::default(),
        limits: Guard::default(),
        scope: ScopeRules { service_accounts: TargetChoice::Include, ..ScopeRules::default() },
        user_keys: schema.users.match_keys.clone(),
        group_keys: schema.groups.match_keys.clone(),
        mapping,
        settings: Arc::new(serde_json::json!({})),
        relations: vec![Relation::Member, Relation::Owner, Relation::Manager],
        config_digest: "test".into(),
        revision: None,
        timing: Timing {
            lease: Duration::from_secs(20),
            settling: Duration::from_secs(60),
            linger: Duration::ZERO,
            ..Timing::default()
        },
        directory,
    }
}
