//! Runs that a request begins and does not wait for: they go on when its connection is gone, and end before the process does.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use entrain_model::RunId;
use entrain_sync::{Progress, Report, Step, SyncError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::Api;
use crate::http::problem::Problem;
use crate::wiring::ConnectError;
use axum::http::StatusCode;

/// Something that goes on behind a request.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Carries on what requests have begun, until the process is told to stop and all of it has ended.
pub(crate) async fn keep(mut waiting: mpsc::UnboundedReceiver<Work>, mut stop: watch::Receiver<bool>) {
    let mut working = JoinSet::new();
    loop {
        tokio::select! {
            () = async { drop(stop.wait_for(|stop| *stop).await) } => break,
            Some(_) = working.join_next() => {}
            work = waiting.recv() => match work {
                Some(work) => drop(working.spawn(work)),
                None => break,
            },
        }
    }
    waiting.close();
    while let Some(work) = waiting.recv().await {
        working.spawn(work);
    }
    while working.join_next().await.is_some() {}
}

/// Tells under which id a run has begun.
pub(super) struct Began(Mutex<Option<oneshot::Sender<RunId>>>);

impl Progress for Began {
    fn run(&self, id: &RunId) {
        if let Some(began) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = began.send(id.clone());
        }
    }
    fn begin(&self, _: Step, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
}

/// A run under way.
pub(super) struct Going {
    pub(super) run: RunId,
    /// How it ends.
    pub(super) end: oneshot::Receiver<Result<Report, SyncError>>,
}

impl Api {
    /// Begins a run; it goes on by itself.
    ///
    /// # Errors
    /// It ended before it had begun: the target is halted, or what was asked for contradicts how things stand.
    pub(super) async fn begin<F, R>(&self, work: F) -> Result<Going, Problem>
    where
        F: FnOnce(Arc<Began>) -> R + Send + 'static,
        R: Future<Output = Result<Report, SyncError>> + Send + 'static,
    {
        let (began, mut begun) = oneshot::channel();
        let (ended, mut end) = oneshot::channel();
        let went_on: Work = Box::pin(async move {
            let result = work(Arc::new(Began(Mutex::new(Some(began))))).await;
            if let Err(error) = &result {
                tracing::warn!("a run that was asked for did not come to its end: {error}");
            }
            let _ = ended.send(result);
        });
        let stopping = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the service is going down; ask again when it is back");
        self.work.send(went_on).map_err(|_| stopping())?;
        tokio::select! {
            biased;
            Ok(run) = &mut begun => Ok(Going { run, end }),
            result = &mut end => Err(match result {
                Ok(Ok(report)) => match report.halt {
                    Some(halt) => halted(&halt.message),
                    None => Problem::conflict("there was nothing to run"),
                },
                Ok(Err(error)) => error.into(),
                Err(_) => stopping(),
            }),
        }
    }
}

/// The target is halted.
pub(super) fn halted(message: &str) -> Problem {
    Problem::conflict(format!("the target is halted: {message}. Mend it, then resume the target")).coded("halted")
}

impl From<SyncError> for Problem {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Store(error) => error.into(),
            SyncError::Halt(halt) => halted(&halt.message),
            SyncError::Busy(_) => Problem::conflict(error.to_string()).coded("busy"),
            SyncError::Target(_) | SyncError::Incomplete(_) => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()).coded("target_unreadable")
            }
            SyncError::Stopped | SyncError::Reconfigured(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            SyncError::Thread(_) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }
}

/// Where a file or secret is belongs to the machine and stays in the log.
impl From<ConnectError> for Problem {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Store(error) => error.into(),
            ConnectError::Mapping(error) => Problem::refused(error.to_string()).coded("mapping_fails"),
            ConnectError::Secret(_) | ConnectError::File(_) | ConnectError::Directory(_) | ConnectError::Handover(_) => {
                tracing::error!("a target cannot run: {error}");
                let detail = "the configuration of the target cannot be used: the log says why, under the request id";
                Problem::conflict(detail).coded("configuration")
            }
        }
    }
}
