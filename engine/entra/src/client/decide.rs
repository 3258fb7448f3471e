//! Whether a request is sent again, and what is said when it is not. Pure.

use std::time::Duration;

use entrain_model::{DirectoryError, Disposition, Fault, Millis};

use super::Reply;
use crate::call::{Answer, Call, Outcome, Repeat};
use crate::classify::{Meaning, Refusal, classify};
use crate::pacing::Limit;
use crate::retry::LONGEST_WAIT;

/// What has just been written may take a moment to be visible: this often a refusal that says so is not believed.
const UNRIPE_ATTEMPTS: u32 = 3;

/// What follows from one outcome.
pub(super) enum Next {
    /// There is a reply.
    Settled(Reply),
    /// It is sent again after the wait. `pause` holds back all others too; `lost` says that it may have been done.
    Again { wait: Duration, pause: Pause, lost: bool },
}

/// Who waits besides the request itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    Nobody,
    /// What waits at the same gate, of its lane and those below.
    Gate,
    /// The same at both gates.
    Both,
}

/// So often a request may be refused for the sake of a quota before it is left to the caller: others use the tenant too.
const THROTTLED_MOST: u32 = 40;

/// How often a request was sent.
pub(super) struct Tries {
    pub made: u32,
    pub most: u32,
    /// How often it was refused with 429; such sendings are not counted in `made`.
    pub throttled: u32,
    /// The answer to an earlier one was lost.
    pub lost_before: bool,
    /// The wait before the next one, unless Graph asks for another.
    pub wait: Duration,
    /// The same after a refusal with 429.
    pub throttled_wait: Duration,
    /// Now: what an answer asks for counts from when it came.
    pub now: Millis,
}

impl Tries {
    /// Decides.
    pub(super) fn next(&self, call: &Call, outcome: Outcome) -> Next {
        let more = self.made < self.most;
        match outcome {
            Outcome::Answered(answer) if answer.succeeded() => Next::Settled(Ok(answer)),
            Outcome::Answered(answer) => self.refused(call, &answer),
            Outcome::NotSent(_) if more => self.again(false),
            Outcome::NotSent(why) => Next::Settled(Err(self.unreachable(call, &why))),
            Outcome::Lost(_) if more && call.repeat == Repeat::Safe => self.again(true),
            Outcome::Lost(why) => Next::Settled(Err(gave_up(call, &why, self.made))),
            Outcome::NoToken(error) if more && error.disposition() == Disposition::Retry => self.again(false),
            Outcome::NoToken(error) => {
                Next::Settled(Err(Refusal { meaning: Meaning::Unauthorized, error, after_loss: self.lost_before }))
            }
        }
    }

    fn again(&self, lost: bool) -> Next {
        Next::Again { wait: self.wait, pause: Pause::Nobody, lost }
    }

    /// Decides after an answer that is no success.
    fn refused(&self, call: &Call, answer: &Answer) -> Next {
        let mut refusal = Refusal { after_loss: self.lost_before, ..classify(call, answer) };
        let throttled = refusal.meaning == Meaning::Throttled;
        let wait = answer.retry_after.unwrap_or(if throttled { self.throttled_wait } else { self.wait });
        let unavailable = refusal.meaning == Meaning::Unavailable;
        let more = if throttled { self.throttled < THROTTLED_MOST } else { self.made < self.most };
        if self.passes(call, refusal.meaning) && more && wait <= LONGEST_WAIT {
            let wait = answer.rest(self.now).unwrap_or(wait);
            let pause = match (answer.retry_after, answer.told.throttled) {
                // That pause began when the answer came.
                (Some(_), _) => Pause::Nobody,
                (None, Some(Limit::Units)) => Pause::Both,
                (None, _) if throttled => Pause::Gate,
                (None, _) => Pause::Nobody,
            };
            return Next::Again { wait, pause, lost: unavailable };
        }
        if unavailable {
            refusal.error.fault = unknown(call);
        }
        Next::Settled(Err(refusal))
    }

    /// Whether the same request may succeed a moment later, and may be sent again.
    fn passes(&self, call: &Call, meaning: Meaning) -> bool {
        match meaning {
            Meaning::Throttled | Meaning::Concurrent => true,
            Meaning::Unripe => self.made < UNRIPE_ATTEMPTS,
            Meaning::Unavailable => call.repeat == Repeat::Safe,
            Meaning::Missing | Meaning::LinkMissing => call.doubt.absence,
            Meaning::LinkExists => call.doubt.presence,
            Meaning::Unauthorized
            | Meaning::Forbidden
            | Meaning::Quota
            | Meaning::Barred
            | Meaning::Conflict
            | Meaning::LinkTwice
            | Meaning::Mastered
            | Meaning::Unwritable
            | Meaning::AnchorRefused
            | Meaning::CursorExpired
            | Meaning::Query
            | Meaning::Unsupported
            | Meaning::Invalid => false,
        }
    }

    fn unreachable(&self, call: &Call, why: &str) -> Refusal {
        let (method, attempts) = (call.method.as_str(), self.made);
        let message =
            format!("Graph cannot be reached for {method} {} ({attempts} attempts): {why}. Check network and proxy", call.shape);
        let fault = if self.lost_before { unknown(call) } else { Fault::Unreachable };
        Refusal { meaning: Meaning::Unavailable, error: DirectoryError::new(fault, message), after_loss: self.lost_before }
    }
}

/// What is to be said when nobody knows: a read was not done, a write may have been.
fn unknown(call: &Call) -> Fault {
    if call.writes() { Fault::OutcomeUnknown } else { Fault::Unreachable }
}

/// The answer was lost for good.
pub(super) fn gave_up(call: &Call, why: &str, attempts: u32) -> Refusal {
    let message = format!("the answer to {} {} was lost ({attempts} attempts): {why}", call.method.as_str(), call.shape);
    Refusal { meaning: Meaning::Unavailable, error: DirectoryError::new(unknown(call), message), after_loss: true }
}
