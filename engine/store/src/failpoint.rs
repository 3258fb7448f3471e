//! Stops on purpose around effect transactions, for crash tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::{Result, StoreError};

tokio::task_local! {
    static LIFE: Arc<FailPoints>;
}

/// A future whose statements are steps of `points`, those within a transaction too: it stops before one of them, and with it what was
/// not committed yet. A commit has a step before it and one after it.
pub async fn mortal<F: Future>(points: Arc<FailPoints>, life: F) -> F::Output {
    LIFE.scope(points, life).await
}

/// A statement is about to be sent, or a commit has been answered.
pub(crate) async fn statement() {
    if let Ok(points) = LIFE.try_with(Arc::clone) {
        points.call().await;
    }
}

/// Where to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailPoint {
    /// The intent is not recorded; no call may follow.
    BeforeStart,
    /// The intent is recorded; the call is never made.
    AfterStart,
    /// The call was made; its outcome is not recorded.
    BeforeEnd,
    /// The outcome is recorded; nothing after it happens.
    AfterEnd,
}

impl FailPoint {
    /// All, in the order in which one effect passes them.
    pub const ALL: [FailPoint; 4] = [FailPoint::BeforeStart, FailPoint::AfterStart, FailPoint::BeforeEnd, FailPoint::AfterEnd];

    fn name(self) -> &'static str {
        match self {
            FailPoint::BeforeStart => "before the start of an effect",
            FailPoint::AfterStart => "after the start of an effect",
            FailPoint::BeforeEnd => "before the end of an effect",
            FailPoint::AfterEnd => "after the end of an effect",
        }
    }
}

/// Is told of every passage.
struct Observer(Box<dyn Fn(FailPoint, Committed) + Send + Sync>);

/// What the last transaction that began before a passage waited for when it was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// The disk: a loss of power takes nothing of it away.
    OnDisk,
    /// The system alone: a loss of power may take it away.
    InMemory,
}

impl std::fmt::Debug for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Observer")
    }
}

/// Counts passages and fails the chosen one. From then on nothing is written any more, as in a dead process.
#[derive(Debug, Default)]
pub struct FailPoints {
    armed: Option<(FailPoint, u64)>,
    observer: Option<Observer>,
    passed: [AtomicU64; 4],
    dead: AtomicBool,
    /// The last transaction that began waits for the disk.
    waits: AtomicBool,
    /// Calls of the database, and whatever else its user counts as a step.
    steps: AtomicU64,
    /// The step that nothing comes after; 0 for none.
    last: AtomicU64,
}

impl FailPoints {
    /// Fails the `nth` (from 1) passage of `point`.
    pub fn at(point: FailPoint, nth: u64) -> Self {
        Self { armed: Some((point, nth)), ..Self::default() }
    }

    /// Counts passages and never fails.
    pub fn count_only() -> Self {
        Self::default()
    }

    /// Tells of every passage, before it fails if it is the chosen one, and whether the transaction before it is on the disk: as past
    /// [`FailPoint::AfterStart`] and [`FailPoint::AfterEnd`] it must be.
    #[must_use]
    pub fn observed(self, observer: impl Fn(FailPoint, Committed) + Send + Sync + 'static) -> Self {
        Self { observer: Some(Observer(Box::new(observer))), ..self }
    }

    /// How often a point was passed.
    pub fn passages(&self, point: FailPoint) -> u64 {
        self.passed[point as usize].load(Ordering::SeqCst)
    }

    /// Whether the chosen passage came.
    pub fn tripped(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// At the `n`th step from now nothing goes on any more: neither an answer nor an error comes. Whoever waits is to be dropped.
    pub fn die_in(&self, n: u64) {
        self.last.store(self.steps.load(Ordering::SeqCst) + n.max(1), Ordering::SeqCst);
    }

    /// No step is the last any more.
    pub fn spare(&self) {
        self.last.store(0, Ordering::SeqCst);
    }

    /// Counts a step; whether it was the last.
    pub fn step(&self) -> bool {
        let step = self.steps.fetch_add(1, Ordering::SeqCst) + 1;
        let last = self.last.load(Ordering::SeqCst);
        last > 0 && step >= last
    }

    /// Whether the last step was taken.
    pub fn died(&self) -> bool {
        let last = self.last.load(Ordering::SeqCst);
        last > 0 && self.steps.load(Ordering::SeqCst) >= last
    }

    /// A call of the database. After the last step it never ends.
    pub(crate) async fn call(&self) {
        if self.step() {
            std::future::pending::<()>().await;
        }
    }

    /// Where the last transaction is.
    pub fn committed(&self) -> Committed {
        if self.waits.load(Ordering::SeqCst) { Committed::OnDisk } else { Committed::InMemory }
    }

    /// A transaction begins that waits for the disk, or does not.
    pub(crate) fn begins(&self, waits: bool) {
        self.waits.store(waits, Ordering::SeqCst);
    }

    pub(crate) fn alive(&self) -> Result<()> {
        if self.tripped() { Err(StoreError::Injected("a point passed before")) } else { Ok(()) }
    }

    pub(crate) fn pass(&self, point: FailPoint) -> Result<()> {
        self.alive()?;
        if let Some(Observer(observer)) = &self.observer {
            observer(point, self.committed());
        }
        let passage = self.passed[point as usize].fetch_add(1, Ordering::SeqCst) + 1;
        if self.armed == Some((point, passage)) {
            self.dead.store(true, Ordering::SeqCst);
            return Err(StoreError::Injected(point.name()));
        }
        Ok(())
    }
}
