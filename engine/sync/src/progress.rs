//! What a run tells whoever watches it.

use std::time::Duration;

use entrain_model::RunId;

/// A step of a run, in words for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Source objects are mapped.
    Map,
    /// The target is read.
    Discover,
    /// Differences are planned.
    Plan,
    /// Changes are written.
    Write,
    /// Our own echo is read back.
    Drain,
}

impl Step {
    /// The word that is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Map => "mapping",
            Step::Discover => "discovering",
            Step::Plan => "planning",
            Step::Write => "writing",
            Step::Drain => "reading back",
        }
    }
}

/// Watches a run.
pub trait Progress: Send + Sync {
    /// It has begun under this id.
    fn run(&self, _id: &RunId) {}
    /// A step begins; `total` is how much there is to do, where that is known.
    fn begin(&self, step: Step, total: Option<u64>);
    /// This many more are done.
    fn advance(&self, done: u64);
    /// By the quotas of the target, what is left of the step takes so long.
    fn expect(&self, _left: Duration) {}
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: Step, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
}
