//! Why a run did not come to its end.

use entrain_model::{DirectoryError, Disposition};
use entrain_store::{Halt, StoreError};

/// What ends a run early.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The target stops until somebody resumes it.
    #[error("{}", .0.message)]
    Halt(Box<Halt>),
    /// The target cannot be read now. Nothing is concluded from what was not seen; the next run tries again.
    #[error("the target cannot be read: {0}")]
    Target(DirectoryError),
    /// The target was read, and something that a decision needs is missing.
    #[error("the target was not read completely, so nothing is written: {0}")]
    Incomplete(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another run works on the same target or objects.
    #[error("another run works on target `{0}` now; it is tried again when that run has ended")]
    Busy(String),
    /// Its configuration is an older one by now.
    #[error("target `{0}` has another configuration by now; it goes on as soon as that is loaded")]
    Reconfigured(String),
    /// The service is going down.
    #[error("stopped before the end; the next run goes on where this one stopped")]
    Stopped,
    /// A thread of this process died.
    #[error("an internal thread failed: {0}")]
    Thread(String),
}

impl SyncError {
    /// What a failed read of the target means for the run.
    pub(crate) fn reading(error: DirectoryError) -> Result<Self, DirectoryError> {
        match error.disposition() {
            Disposition::HaltTarget => Err(error),
            Disposition::Retry | Disposition::Replan | Disposition::HoldObject => Ok(SyncError::Target(error)),
        }
    }
}
