//! The tenant's time: the wall clock from the start on, run at a rate, plus what was advanced by hand.

use std::sync::atomic::{AtomicI64, Ordering};
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
    start: i64,
    rate: f64,
    advanced: AtomicI64,
}

impl Clock {
    /// A clock over a wall clock. The rate says how many seconds of the tenant pass in one of the wall clock.
    pub(crate) fn new(wall: Wall, rate: f64) -> Clock {
        let mut clock = Clock { wall, start: 0, rate, advanced: AtomicI64::new(0) };
        clock.start = clock.wall();
        clock
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
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a float holds milliseconds of 280,000 years"
    )]
    pub(crate) fn now(&self) -> i64 {
        let passed = (self.wall() - self.start) as f64 * self.rate;
        self.start + passed as i64 + self.advanced.load(Ordering::Relaxed)
    }

    /// Moves the tenant's time forward.
    pub(crate) fn advance(&self, milliseconds: i64) {
        self.advanced.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// How long a duration of the tenant takes on the wall clock.
    pub(crate) fn real(&self, milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds).div_f64(self.rate)
    }
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
