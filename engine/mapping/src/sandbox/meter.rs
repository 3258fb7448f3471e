//! What one evaluation has used so far. Kept per thread, because the engine's own count starts anew in every callback that
//! a native function makes.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use rhai::{Dynamic, EvalAltResult, Position};

use crate::Limits;

/// The clock is read, and variables are weighed, once in this many operations.
const CLOCK_EVERY: u64 = 64;
const WEIGH_EVERY: u64 = 256;

/// Why an evaluation ended other than by a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// `skip(reason)` was called.
    Skip(String),
    /// It ran out of time.
    Late,
    /// Something went wrong that the language would have passed over; where, and what.
    Fault(Position, String),
}

struct State {
    limits: Cell<Limits>,
    operations: Cell<u64>,
    weighed_at: Cell<u64>,
    deadline: Cell<Option<Instant>>,
    stop: RefCell<Option<Stop>>,
}

thread_local! {
    static STATE: State = State {
        limits: Cell::new(Limits::default()),
        operations: Cell::new(0),
        weighed_at: Cell::new(0),
        deadline: Cell::new(None),
        stop: RefCell::new(None),
    };
}

/// The meter of one evaluation on this thread.
#[derive(Debug)]
pub(crate) struct Meter(());

impl Meter {
    /// Sets it to zero.
    #[expect(clippy::disallowed_methods, reason = "a bound on wall time is about the real clock; no result depends on it")]
    pub(crate) fn start(limits: &Limits) -> Self {
        STATE.with(|state| {
            state.limits.set(*limits);
            state.operations.set(0);
            state.weighed_at.set(0);
            state.deadline.set(Instant::now().checked_add(limits.wall()));
            state.stop.replace(None);
        });
        Self(())
    }

    /// Ends it, and says whether something stopped the script.
    pub(crate) fn finish(self) -> Option<Stop> {
        STATE.with(|state| {
            state.deadline.set(None);
            state.stop.take()
        })
    }
}

/// Counts one operation; a value ends the script.
#[expect(clippy::disallowed_methods, reason = "a bound on wall time is about the real clock; no result depends on it")]
pub(crate) fn step() -> Option<Dynamic> {
    STATE.with(|state| {
        let count = state.operations.get() + 1;
        state.operations.set(count);
        let limits = state.limits.get();
        if count > limits.operations {
            return Some(format!("the script needs more than {} operations; look for an endless loop", limits.operations).into());
        }
        let late = || state.deadline.get().is_some_and(|deadline| Instant::now() >= deadline);
        if count.is_multiple_of(CLOCK_EVERY) && late() {
            stop(Stop::Late);
        }
        // Said again at every step: `${..}` swallows the first error.
        state.stop.borrow().as_ref().map(|reason| match reason {
            Stop::Late => format!("the script needs more than {} ms for one object", limits.wall_ms).into(),
            Stop::Skip(_) | Stop::Fault(..) => Dynamic::UNIT,
        })
    })
}

/// Whether it is time to weigh the variables; asking resets it.
pub(crate) fn weighing_due() -> bool {
    STATE.with(|state| {
        let count = state.operations.get();
        let due = count >= state.weighed_at.get() + WEIGH_EVERY;
        if due {
            state.weighed_at.set(count);
        }
        due
    })
}

/// The limits of the running evaluation.
pub(crate) fn limits() -> Limits {
    STATE.with(|state| state.limits.get())
}

/// Fails if a text of this many bytes is too long. For functions whose result can be far longer than their arguments.
pub(crate) fn text_fits(bytes: usize) -> Result<(), Box<EvalAltResult>> {
    if bytes <= limits().string_bytes {
        return Ok(());
    }
    Err(Box::new(EvalAltResult::ErrorDataTooLarge("Length of string".to_owned(), Position::NONE)))
}

/// Fails if a list of this many values is too long.
pub(crate) fn values_fit(values: usize) -> Result<(), Box<EvalAltResult>> {
    if values <= limits().array_values {
        return Ok(());
    }
    Err(Box::new(EvalAltResult::ErrorDataTooLarge("Size of array".to_owned(), Position::NONE)))
}

/// Records a skip and gives the error that ends the script.
pub(crate) fn skip(reason: String) -> Box<EvalAltResult> {
    stop(Stop::Skip(reason));
    Box::new(EvalAltResult::ErrorTerminated(Dynamic::UNIT, Position::NONE))
}

/// Records a fault whose error the language does not pass on, so that the next operation ends the script.
pub(crate) fn silently_lost(position: Position, message: &str) {
    stop(Stop::Fault(position, message.to_owned()));
}

fn stop(reason: Stop) {
    STATE.with(|state| {
        state.stop.borrow_mut().get_or_insert(reason);
    });
}
