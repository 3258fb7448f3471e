//! What can go wrong at a directory, as facts; and the one place that decides what follows.

use std::time::Duration;

use crate::TargetId;

/// What a directory stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Too many requests. It was not done.
    Throttled {
        /// How long it asked us to wait.
        retry_after: Option<Duration>,
    },
    /// No connection, or it could not serve the request. It was not done.
    Unreachable,
    /// The answer was lost, or says nothing about what was done.
    OutcomeUnknown,
    /// It refuses the request as it is.
    Rejected {
        /// Its own code.
        code: String,
        /// The attribute that it names.
        attribute: Option<String>,
    },
    /// Another record has this unique value, or the record is already there.
    AlreadyExists {
        /// The attribute that it names.
        attribute: Option<String>,
    },
    /// It knows no such record.
    NotFound {
        /// The id that it names; the record itself or the other end of a reference.
        id: Option<TargetId>,
    },
    /// The credential is not accepted.
    Unauthorized,
    /// The credential is accepted and may not do this.
    Forbidden,
    /// Somebody else writes the same record now. It was not done.
    Concurrent,
    /// The directory offers no such thing.
    Unsupported,
}

/// A fault with what is needed to find it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", request_id.as_ref().map(|id| format!(" (request-id {id})")).unwrap_or_default())]
pub struct DirectoryError {
    /// The fact.
    pub fault: Fault,
    /// What happened, to which object, and what to do.
    pub message: String,
    /// The directory's own id of the request.
    pub request_id: Option<String>,
}

/// What follows from a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Send the same again later.
    Retry,
    /// Look again, and plan again.
    Replan,
    /// Hold this object; go on with the others.
    HoldObject,
    /// Stop the target: every object would fail alike.
    HaltTarget,
}

impl DirectoryError {
    /// A fault without a request id.
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { fault, message: message.into(), request_id: None }
    }

    /// Decides. The only place that does.
    pub fn disposition(&self) -> Disposition {
        match &self.fault {
            Fault::Throttled { .. } | Fault::Unreachable | Fault::Concurrent => Disposition::Retry,
            Fault::OutcomeUnknown | Fault::AlreadyExists { .. } | Fault::NotFound { .. } => Disposition::Replan,
            Fault::Rejected { .. } | Fault::Forbidden | Fault::Unsupported => Disposition::HoldObject,
            Fault::Unauthorized => Disposition::HaltTarget,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_one_disposition() {
        let table = [
            (Fault::Throttled { retry_after: None }, Disposition::Retry),
            (Fault::Unreachable, Disposition::Retry),
            (Fault::Concurrent, Disposition::Retry),
            (Fault::OutcomeUnknown, Disposition::Replan),
            (Fault::AlreadyExists { attribute: None }, Disposition::Replan),
            (Fault::NotFound { id: None }, Disposition::Replan),
            (Fault::Rejected { code: "x".into(), attribute: None }, Disposition::HoldObject),
            (Fault::Forbidden, Disposition::HoldObject),
            (Fault::Unsupported, Disposition::HoldObject),
            (Fault::Unauthorized, Disposition::HaltTarget),
        ];
        for (fault, expected) in table {
            assert_eq!(DirectoryError::new(fault.clone(), "").disposition(), expected, "{fault:?}");
        }
    }

    #[test]
    fn the_request_id_is_part_of_the_message() {
        let error = DirectoryError { request_id: Some("r-1".into()), ..DirectoryError::new(Fault::Forbidden, "no") };
        assert_eq!(error.to_string(), "no (request-id r-1)");
    }
}
