//! What goes wrong, by chance from a seed or by order.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::oneshot;

/// How often a call goes wrong; each between 0 and 1, and the sum of those of writes too.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// It is done and the answer is lost.
    pub lost_after: f64,
    /// It is not done and the answer is lost.
    pub lost_before: f64,
    /// It is throttled.
    pub throttled: f64,
    /// The directory is not reachable.
    pub unreachable: f64,
    /// How often a read breaks off.
    pub broken_reads: f64,
    /// How often an incremental read shows again what it showed before.
    pub replays: f64,
    /// How often an incremental read comes in another order, and torn apart.
    pub reorders: f64,
}

/// What happens to one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing special.
    Works,
    /// It is done and the answer is lost.
    LostAfter,
    /// It is not done and the answer is lost.
    LostBefore,
    /// It is done, the answer is lost, and the adapter sends it again.
    LostAndRepeated,
    /// It is throttled, with this time to wait.
    Throttled(Option<Duration>),
    /// The directory is not reachable.
    Unreachable,
    /// The credential is refused.
    Unauthorized,
}

/// Whether the write at which the engine crashes is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// It never arrived.
    Before,
    /// It was done.
    After,
}

/// Fires when the crash is due. Await it beside the engine and drop the engine then.
pub type Crashed = oneshot::Receiver<()>;

/// What the directory decided about one write.
pub(super) enum Fate {
    /// As [`Next`] says.
    Answer(Next),
    /// No answer, now and later; whether the write is done.
    Silence { done: bool },
}

pub(super) struct Chance {
    random: u64,
    faults: Faults,
    next: VecDeque<Next>,
    crash: Option<(u64, Crash, oneshot::Sender<()>)>,
    down: bool,
}

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: seed, faults: Faults::default(), next: VecDeque::new(), crash: None, down: false }
    }

    pub(super) fn set(&mut self, faults: Faults) {
        self.faults = faults;
    }

    pub(super) fn queue(&mut self, next: impl IntoIterator<Item = Next>) {
        self.next.extend(next);
    }

    pub(super) fn crash_at(&mut self, n: u64, crash: Crash) -> Crashed {
        let (sender, receiver) = oneshot::channel();
        self.crash = Some((n, crash, sender));
        receiver
    }

    pub(super) fn recover(&mut self) {
        self.down = false;
        self.crash = None;
    }

    /// Decides about the next write.
    pub(super) fn fate(&mut self) -> Fate {
        if self.down {
            return Fate::Silence { done: false };
        }
        if let Some((n, crash, sender)) = self.crash.take() {
            if n <= 1 {
                self.down = true;
                // Nobody may be listening any more; the silence is the same.
                let _ = sender.send(());
                return Fate::Silence { done: crash == Crash::After };
            }
            self.crash = Some((n - 1, crash, sender));
        }
        Fate::Answer(self.next.pop_front().unwrap_or_else(|| self.draw()))
    }

    fn draw(&mut self) -> Next {
        let Faults { lost_after, lost_before, throttled, unreachable, .. } = self.faults;
        let drawn = self.fraction();
        let outcomes = [
            (lost_after, Next::LostAfter),
            (lost_before, Next::LostBefore),
            (throttled, Next::Throttled(None)),
            (unreachable, Next::Unreachable),
        ];
        let mut upper = 0.0;
        for (share, outcome) in outcomes {
            upper += share;
            if drawn < upper {
                return if outcome == Next::Throttled(None) { Next::Throttled(self.patience()) } else { outcome };
            }
        }
        Next::Works
    }

    /// How long it asks a throttled caller to wait: not at all, a moment, or longer than anybody would like.
    fn patience(&mut self) -> Option<Duration> {
        [None, Some(1), Some(30), Some(600)][self.below(4)].map(Duration::from_secs)
    }

    /// One of the first `n` numbers, 0 among them.
    pub(super) fn below(&mut self, n: usize) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "it numbers a few things"
        )]
        let drawn = (self.fraction() * n as f64) as usize;
        drawn.min(n.saturating_sub(1))
    }

    /// Whether the next read breaks off.
    pub(super) fn read_breaks(&mut self) -> bool {
        self.faults.broken_reads > 0.0 && self.fraction() < self.faults.broken_reads
    }

    /// Whether the next incremental read comes in another order.
    pub(super) fn reorders(&mut self) -> bool {
        self.faults.reorders > 0.0 && self.fraction() < self.faults.reorders
    }

    /// How many things an incremental read shows once more.
    pub(super) fn replayed(&mut self) -> usize {
        if self.faults.replays > 0.0 && self.fraction() < self.faults.replays { self.below(6) } else { 0 }
    }

    /// Between 0 and 1, by SplitMix64.
    pub(super) fn fraction(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        f64::from(u32::try_from(mixed >> 32).unwrap_or(u32::MAX)) / 4_294_967_296.0
    }
}
