//! The tenant's time: the wall clock from the start on, run at a rate, plus what was advanced by hand.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What the tenant's time is measured by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wall {
    /// A clock that goes, in unix milliseconds.
    Goes(fn() -> i64),
    /// A moment at which time stands still but for what is advanced.
    Still(i64),
}

impl Wall {
    /// The machine's clock.
    pub(crate) const MACHINE: Wall = Wall::Goes(machine);
}

/// A clock that can run fast and be moved forward.
#[derive(Debug)]
pub(crate) struct Clock {
    wall: Wall,
    pace: RwLock<Pace>,
    advanced: AtomicI64,
}

/// How fast the tenant's time goes, from a moment on that is known on both clocks.
#[derive(Clone, Copy, Debug)]
struct Pace {
    wall: i64,
    tenant: i64,
    rate: f64,
}

impl Pace {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a float holds milliseconds of 280,000 years"
    )]
    fn at(self, wall: i64) -> i64 {
        self.tenant + ((wall - self.wall) as f64 * self.rate) as i64
    }
}

impl Clock {
    /// A clock over a wall clock. The rate says how many seconds of the tenant pass in one of the wall clock.
    pub(crate) fn new(wall: Wall, rate: f64) -> Clock {
        let clock = Clock { wall, pace: RwLock::new(Pace { wall: 0, tenant: 0, rate }), advanced: AtomicI64::new(0) };
        let now = clock.wall();
        *clock.pace.write().unwrap_or_else(PoisonError::into_inner) = Pace { wall: now, tenant: now, rate };
        clock
    }

    fn pace(&self) -> Pace {
        *self.pace.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many seconds of the tenant pass in one of the wall clock.
    pub(crate) fn rate(&self) -> f64 {
        self.pace().rate
    }

    /// From now on time goes at another rate.
    pub(crate) fn run_at(&self, rate: f64) {
        let wall = self.wall();
        let mut pace = self.pace.write().unwrap_or_else(PoisonError::into_inner);
        *pace = Pace { wall, tenant: pace.at(wall), rate };
    }

    fn wall(&self) -> i64 {
        match self.wall {
            Wall::Goes(wall) => wall(),
            Wall::Still(moment) => moment,
        }
    }

    /// The clock that callers live by, where they do not live in the tenant's time.
    pub(crate) fn of_callers(&self) -> i64 {
        match self.wall {
            Wall::Goes(wall) => wall(),
            Wall::Still(_) => machine(),
        }
    }

    /// Whether time passes only by being advanced: then nothing is late by itself.
    pub(crate) fn stands_still(&self) -> bool {
        matches!(self.wall, Wall::Still(_))
    }

    /// The tenant's time in unix milliseconds.
    pub(crate) fn now(&self) -> i64 {
        self.pace().at(self.wall()) + self.advanced.load(Ordering::Relaxed)
    }

    /// Moves the tenant's time forward.
    pub(crate) fn advance(&self, milliseconds: i64) {
        self.advanced.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// How long a duration of the tenant takes on the wall clock.
    pub(crate) fn real(&self, milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds).div_f64(self.rate())
    }
}

/// Whether time can go at this rate.
pub(crate) fn is_rate(rate: f64) -> bool {
    rate > 0.0 && rate.is_finite()
}

fn machine() -> i64 {
    i64::try_from(since_epoch().as_millis()).unwrap_or(i64::MAX)
}

/// The machine's time since the epoch, finer than the clock: for the arrival time of requests.
#[expect(clippy::disallowed_methods, reason = "this is where the emulator's clock comes from")]
pub(crate) fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn moment(milliseconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(milliseconds.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// RFC 3339 in UTC, to the second: `2026-01-31T10:00:00Z`.
pub(crate) fn rfc3339(milliseconds: i64) -> String {
    moment(milliseconds).format(&Rfc3339).unwrap_or_default()
}

/// As headers say it: `Sat, 31 Jan 2026 10:00:00 GMT`.
pub(crate) fn http_date(milliseconds: i64) -> String {
    let form =
        time::macros::format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    moment(milliseconds).format(form).unwrap_or_default()
}
