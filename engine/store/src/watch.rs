//! Wakes those who wait for the queue: this process at once, on SQLite by looking whether another process committed, on
//! PostgreSQL by LISTEN.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::postgres::PgListener;
use sqlx::{AnyConnection, Connection as _, Executor as _};
use std::str::FromStr as _;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::dialect::Dialect;
use crate::sql::Sql;
use crate::{Result, Store};

/// How often the SQLite file is looked at. A look costs some 50 microseconds.
const LOOK: Duration = Duration::from_millis(40);
/// How long to wait before a lost connection is made again.
const PAUSE: Duration = Duration::from_secs(1);

/// Wakes when the queue may have new rows, whoever wrote them: this process at once, another one within 100 ms.
#[derive(Debug)]
pub struct Watch {
    receiver: watch::Receiver<u64>,
    /// Keeps the store open, and with it the sender.
    _store: Store,
}

impl Watch {
    /// Returns after the next change; at once if there was one since the last call. False alarms happen.
    pub async fn changed(&mut self) {
        if self.receiver.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The sender, and the task that looks at other processes once somebody waits.
#[derive(Debug, Default)]
pub(crate) struct Waker {
    sender: watch::Sender<u64>,
    lookout: Mutex<Option<AbortHandle>>,
}

impl Waker {
    pub(crate) fn sender(&self) -> &watch::Sender<u64> {
        &self.sender
    }

    pub(crate) fn stop(&self) {
        if let Some(lookout) = self.lookout.lock().unwrap_or_else(PoisonError::into_inner).take() {
            lookout.abort();
        }
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Store {
    /// Wakes when the queue may have new rows. The first call begins to look at other processes.
    pub async fn watch(&self) -> Result<Watch> {
        let mut receiver = self.wake().subscribe();
        receiver.mark_unchanged();
        let missing = self.waker().lookout.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        if missing {
            let lookout = self.look_out().await?;
            if let Some(other) = self.waker().lookout.lock().unwrap_or_else(PoisonError::into_inner).replace(lookout) {
                other.abort();
            }
        }
        Ok(Watch { receiver, _store: self.clone() })
    }

    /// Wakes who waits in this process.
    pub(crate) fn notify(&self) {
        self.wake().send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Starts the task that looks at other processes. What they do after this returns is seen.
    async fn look_out(&self) -> Result<AbortHandle> {
        let (sender, clock, url) = (self.wake().clone(), self.clock().clone(), self.url().to_owned());
        let task = match self.dialect() {
            Dialect::Sqlite(_) => {
                let mut connection = connect(&url).await?;
                let mut seen = data_version(&mut connection).await?;
                tokio::spawn(async move {
                    loop {
                        clock.sleep(LOOK).await;
                        match data_version(&mut connection).await {
                            Ok(version) if version == seen => continue,
                            Ok(version) => seen = version,
                            Err(error) => {
                                tracing::warn!(%error, "the database file cannot be looked at; it is tried again");
                                clock.sleep(PAUSE).await;
                            }
                        }
                        sender.send_modify(|count| *count = count.wrapping_add(1));
                    }
                })
            }
            Dialect::Postgres => {
                let mut listener = listen(&url).await?;
                tokio::spawn(async move {
                    loop {
                        // `None` says that the connection was lost and made again: what was sent meanwhile is unknown.
                        if let Err(error) = listener.try_recv().await {
                            tracing::warn!(%error, "the database does not answer; it is asked again");
                            clock.sleep(PAUSE).await;
                        }
                        sender.send_modify(|count| *count = count.wrapping_add(1));
                    }
                })
            }
        };
        Ok(task.abort_handle())
    }
}

async fn connect(url: &str) -> Result<AnyConnection> {
    let mut connection = AnyConnection::connect_with(&AnyConnectOptions::from_str(url)?).await?;
    connection.execute("pragma busy_timeout = 10000").await?;
    Ok(connection)
}

/// A number that differs after another connection has committed.
async fn data_version(connection: &mut AnyConnection) -> Result<i64> {
    Sql::new("select data_version as n from pragma_data_version").number(connection).await
}

async fn listen(url: &str) -> Result<PgListener> {
    let mut listener = PgListener::connect(url).await?;
    listener.listen("entrain_queue").await?;
    Ok(listener)
}
