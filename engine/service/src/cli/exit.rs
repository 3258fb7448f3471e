//! How a command ends.

use entrain_store::{RunState, StoreError};
use entrain_sync::SyncError;

use super::session::Usage;
use crate::acts::scripts::ScriptsError;
use crate::config::ConfigError;
use crate::wiring::ConnectError;

/// How a command ended, as the process tells its caller. The order is that of gravity: of several targets the gravest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Source and target agree, or what was asked for was done.
    Converged,
    /// They agree apart from what is held.
    Partial,
    /// A plan goes beyond the limits and waits for approval.
    NeedsApproval,
    /// The target is halted.
    Halted,
    /// The arguments or the configuration are wrong.
    Usage,
    /// Anything else, such as no connection.
    Failure,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Exit::Converged => 0,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::Halted => 3,
            Exit::NeedsApproval => 4,
            Exit::Partial => 5,
        }
    }

    /// That of a run in this state.
    pub fn of_run(state: RunState) -> Self {
        match state {
            RunState::Converged | RunState::Planned => Exit::Converged,
            RunState::Partial => Exit::Partial,
            RunState::Held => Exit::NeedsApproval,
            RunState::Halted => Exit::Halted,
            RunState::Running | RunState::Failed | RunState::Superseded | RunState::Rejected => Exit::Failure,
        }
    }

    /// That of a command that ended with this error.
    pub fn of_error(error: &anyhow::Error) -> Self {
        if error.is::<ConfigError>() || error.is::<Usage>() {
            return Exit::Usage;
        }
        let scripts = error.downcast_ref::<ScriptsError>();
        let (connect, sync) = match scripts {
            Some(ScriptsError::Connect(error)) => (Some(error), None),
            Some(ScriptsError::Sync(error)) => (None, Some(error)),
            Some(ScriptsError::Store(_)) => return Exit::Failure,
            Some(_) => return Exit::Usage,
            None => (error.downcast_ref::<ConnectError>(), error.downcast_ref::<SyncError>()),
        };
        match (connect, sync) {
            (Some(ConnectError::Mapping(_)), _) | (_, Some(SyncError::Halt(_))) => Exit::Halted,
            (_, Some(SyncError::Store(StoreError::OneOfTwo { .. }))) => Exit::NeedsApproval,
            (Some(ConnectError::Secret(_) | ConnectError::File(_)), _) => Exit::Usage,
            _ => Exit::Failure,
        }
    }
}
