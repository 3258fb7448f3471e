//! The store itself: opening, time, transactions.

use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use entrain_model::{Clock, Millis};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Connection as _, Executor as _};
use tokio::sync::{Mutex, watch};

use crate::audit::{Author, Sealer};
use crate::dialect::{Dialect, redacted};
use crate::schema::{MIGRATIONS, Migration, migrate};
use crate::sql::Sql;
use crate::transaction::Writing;
use crate::watch::Waker;
use crate::{Approvers, FailPoints, Result, StoreError};

/// How old the measured difference between our clock and the server's may become, in milliseconds.
const OFFSET_VALID: Millis = 60_000;

/// How often an opening is tried again that met another one, and how long after.
const TRIES: u32 = 100;
const BUSY: Duration = Duration::from_millis(50);

/// The database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
    failpoints: Option<Arc<FailPoints>>,
    author: Author,
    approvers: Approvers,
}

#[derive(Debug)]
struct Inner {
    dialect: Dialect,
    url: String,
    /// One connection on SQLite, which has one writer.
    write: AnyPool,
    read: AnyPool,
    clock: Arc<dyn Clock>,
    /// What is to be added to the clock for the time of the database.
    offset: AtomicI64,
    /// When the offset was measured, by the clock.
    measured: AtomicI64,
    waker: Waker,
    /// Pages that somebody has filled tables with.
    pages: AtomicU64,
    /// What the writing connection of SQLite is set to.
    durability: Mutex<Durability>,
    /// Draws the salts of the audit.
    sealer: Sealer,
}

/// What a commit waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durability {
    /// The disk.
    Synced,
    /// Nothing; the order of commits is kept.
    Ordered,
}

impl Durability {
    fn pragma(self) -> &'static str {
        match self {
            Durability::Synced => "pragma synchronous = full",
            Durability::Ordered => "pragma synchronous = normal",
        }
    }
}

impl Store {
    /// Opens `sqlite:///path/file.sqlite3` (created with mode 0600 if it is missing; its directory must exist) or
    /// `postgres://..`, and brings its schema up to date under a lock. A SQLite database of an older schema is backed up
    /// beside itself first.
    ///
    /// # Errors
    /// A newer schema, another program's file, no access, no connection.
    pub async fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Store> {
        Self::open_with(url, clock, MIGRATIONS).await
    }

    pub(crate) async fn open_with(url: &str, clock: Arc<dyn Clock>, migrations: &[Migration]) -> Result<Store> {
        sqlx::any::install_default_drivers();
        let dialect = Dialect::of(url)?;
        let unreachable = |detail: String| StoreError::Unreachable { url: redacted(url), detail };
        if let Dialect::Sqlite(path) = &dialect {
            create_file(path).map_err(|error| unreachable(format!("{error}; its directory must exist and be writable")))?;
        }
        let options = AnyConnectOptions::from_str(url).map_err(|error| unreachable(error.to_string()))?;
        let mut tries = 0;
        while let Err(error) = open_once(&options, &dialect, url, migrations).await {
            // Another process makes, opens or lets go of the same file at this moment. SQLite waits for locks, but not for these.
            if !matches!(error, StoreError::Busy { .. }) || tries == TRIES {
                return Err(error);
            }
            tries += 1;
            clock.sleep(BUSY).await;
        }
        let store = Self::over(dialect, url, &options, clock, Sealer::new(key()?));
        store.measure_offset().await?;
        Ok(store)
    }

    fn over(dialect: Dialect, url: &str, options: &AnyConnectOptions, clock: Arc<dyn Clock>, sealer: Sealer) -> Store {
        let pool = |connections: u32, greeting: &'static str| {
            AnyPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(Duration::from_secs(60))
                .idle_timeout(None)
                .max_lifetime(None)
                // On a full disk SQLite ends a transaction by itself, and the connection is still thought to be inside it: such a
                // one would refuse to begin for ever.
                .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
                .after_connect(move |connection, _| Box::pin(async move { connection.execute(greeting).await.map(drop) }))
                .connect_lazy_with(options.clone())
        };
        let write = pool(if dialect == Dialect::Postgres { 8 } else { 1 }, dialect.greeting());
        let read = if dialect == Dialect::Postgres { write.clone() } else { pool(4, dialect.reader_greeting()) };
        let inner = Inner {
            dialect,
            url: url.to_owned(),
            write,
            read,
            clock,
            offset: AtomicI64::new(0),
            measured: AtomicI64::new(Millis::MIN),
            waker: Waker::default(),
            pages: AtomicU64::new(0),
            durability: Mutex::new(Durability::Synced),
            sealer,
        };
        Store { inner: Arc::new(inner), failpoints: None, author: Author::default(), approvers: Approvers::default() }
    }

    /// The same database, with failures that a test asks for.
    #[must_use]
    pub fn with_failpoints(mut self, failpoints: Arc<FailPoints>) -> Self {
        self.failpoints = Some(failpoints);
        self
    }

    /// Ends all its connections. What is written afterwards fails.
    pub async fn close(&self) {
        self.inner.waker.stop();
        self.inner.read.close().await;
        self.inner.write.close().await;
    }

    /// The time of the database: of the server for PostgreSQL, of the clock for SQLite.
    pub fn now(&self) -> Millis {
        self.inner.clock.now() + self.inner.offset.load(Ordering::Relaxed)
    }

    /// Measures the difference to the server's time, if that was long ago.
    async fn measure_offset(&self) -> Result<()> {
        let inner = &self.inner;
        let before = inner.clock.now();
        if inner.dialect != Dialect::Postgres
            || before.saturating_sub(inner.measured.load(Ordering::Relaxed)).unsigned_abs() < OFFSET_VALID.unsigned_abs()
        {
            return Ok(());
        }
        let server = Sql::new("select cast(extract(epoch from clock_timestamp()) * 1000 as bigint) as n")
            .number(&mut *self.read().await?)
            .await?;
        let after = inner.clock.now();
        inner.offset.store(server - (before + (after - before) / 2), Ordering::Relaxed);
        inner.measured.store(after, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn dialect(&self) -> &Dialect {
        &self.inner.dialect
    }

    pub(crate) fn url(&self) -> &str {
        &self.inner.url
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    pub(crate) fn pages(&self) -> &AtomicU64 {
        &self.inner.pages
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.inner.waker
    }

    /// Tells those in this process who wait for the queue.
    pub(crate) fn wake(&self) -> &watch::Sender<u64> {
        self.inner.waker.sender()
    }

    /// A connection to read with.
    pub(crate) async fn read(&self) -> Result<PoolConnection<Any>> {
        self.call().await;
        Ok(self.inner.read.acquire().await?)
    }

    /// Begins a writing transaction. Dropped without commit it leaves nothing; once committed it is on the disk.
    pub(crate) async fn begin(&self) -> Result<Writing> {
        self.begin_at(Durability::Synced).await
    }

    /// Begins a writing transaction of what can be made again from source and target. On SQLite a loss of power (not of the
    /// process) may lose the last of these, in order and never one before a transaction that is on the disk.
    pub(crate) async fn begin_derived(&self) -> Result<Writing> {
        self.begin_at(Durability::Ordered).await
    }

    async fn call(&self) {
        if let Some(failpoints) = &self.failpoints {
            failpoints.call().await;
        }
    }

    async fn begin_at(&self, durability: Durability) -> Result<Writing> {
        if let Some(failpoints) = &self.failpoints {
            failpoints.alive()?;
        }
        self.call().await;
        self.measure_offset().await?;
        let inner = &self.inner;
        // Held until the transaction has begun: nobody else changes the connection in between.
        let mut set = inner.durability.lock().await;
        if *set != durability && inner.dialect != Dialect::Postgres {
            inner.write.acquire().await?.execute(durability.pragma()).await?;
            *set = durability;
        }
        let mut transaction = inner.write.begin_with(inner.dialect.begin()).await?;
        if let Some(failpoints) = &self.failpoints {
            failpoints.begins(durability == Durability::Synced && waits(&mut transaction, &inner.dialect).await?);
        }
        Ok(Writing::new(transaction))
    }

    pub(crate) fn author(&self) -> &Author {
        &self.author
    }

    pub(crate) fn author_mut(&mut self) -> &mut Author {
        &mut self.author
    }

    pub(crate) fn approvers(&self) -> Approvers {
        self.approvers
    }

    pub(crate) fn set_approvers(&mut self, approvers: Approvers) {
        self.approvers = approvers;
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.inner.sealer
    }

    pub(crate) fn failpoints(&self) -> Option<&FailPoints> {
        self.failpoints.as_deref()
    }
}

/// A key for the salts of the audit, which nobody can guess.
fn key() -> Result<[u8; 32]> {
    let mut key = [0; 32];
    #[expect(clippy::disallowed_methods, reason = "whoever knew the salts could try values until one fits the audit")]
    getrandom::fill(&mut key).map_err(|error| StoreError::Database(format!("the system gives no random numbers: {error}")))?;
    Ok(key)
}

/// Opens, brings the schema up to date, and closes.
async fn open_once(options: &AnyConnectOptions, dialect: &Dialect, url: &str, migrations: &[Migration]) -> Result<()> {
    let mut connection = AnyConnection::connect_with(options).await.map_err(|error| not_opened(url, StoreError::from(error)))?;
    let prepared = prepare(&mut connection, dialect, url, migrations).await;
    // Also after a failure: a connection that is only dropped holds the file a little longer than this call.
    let closed = connection.close().await;
    prepared?;
    Ok(closed?)
}

/// Whether commits of this connection wait for the disk, by what SQLite says it is set to and not by what it was told.
async fn waits(connection: &mut AnyConnection, dialect: &Dialect) -> Result<bool> {
    const FULL: i64 = 2;
    if *dialect == Dialect::Postgres {
        return Ok(true);
    }
    // No step of a process that may die: it is asked in tests alone.
    let level: i64 = sqlx::query_scalar("select synchronous from pragma_synchronous").fetch_one(connection).await?;
    Ok(level >= FULL)
}

/// Sets the connection and brings the schema up to date.
async fn prepare(connection: &mut AnyConnection, dialect: &Dialect, url: &str, migrations: &[Migration]) -> Result<()> {
    connection.execute(dialect.greeting()).await?;
    if matches!(dialect, Dialect::Sqlite(_)) {
        connection.execute("pragma journal_mode = wal").await?;
    }
    migrate(connection, dialect, url, migrations).await
}

/// Names the database in failures that would not say which.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others say what to do already")]
fn not_opened(url: &str, error: StoreError) -> StoreError {
    match error {
        StoreError::Database(detail) | StoreError::Disk { detail } | StoreError::Lost { detail } => {
            StoreError::Unreachable { url: redacted(url), detail }
        }
        known => known,
    }
}

/// Creates the database file, for its owner alone; the files that SQLite puts beside it get the same mode.
pub(crate) fn create_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

#[cfg(test)]
pub(crate) mod tests;
