//! How long to wait before a request is sent again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use entrain_model::Millis;
use time::PrimitiveDateTime;
use time::macros::format_description;

/// Waits longer than this are left to the caller.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Reads a `Retry-After` header, RFC 9110 section 10.2.3: seconds, or a date. `now` is the time of whoever wrote it.
pub(crate) fn retry_after(value: &str, now: Millis) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let wait = http_date(value)?.saturating_sub(now);
    Some(Duration::from_millis(u64::try_from(wait).unwrap_or(0)))
}

/// Reads a date as HTTP writes it, RFC 9110 section 5.6.7.
pub(crate) fn http_date(value: &str) -> Option<Millis> {
    let form = format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    Some(PrimitiveDateTime::parse(value.trim(), form).ok()?.assume_utc().unix_timestamp().saturating_mul(1000))
}

/// The wait after a refusal for the sake of a quota that says no time: longer, for a request that is refused counts too.
pub(crate) fn throttled_backoff(attempts: u32, draw: u8) -> Duration {
    backoff(attempts, draw).max(THROTTLED_AT_LEAST * attempts.clamp(1, 6))
}

const THROTTLED_AT_LEAST: Duration = Duration::from_secs(10);

/// The wait after the given number of attempts: one second, doubled each time up to a minute, spread by a draw in `0..=255`
/// from half of it to the whole, so that many callers do not come back at once.
pub(crate) fn backoff(attempts: u32, draw: u8) -> Duration {
    let whole = Duration::from_secs(1 << attempts.saturating_sub(1).min(6)).min(Duration::from_secs(60));
    whole / 2 + whole / 2 * u32::from(draw) / 255
}

/// Spreads waits without randomness, so that a simulation repeats itself: a golden-ratio sequence, shifted by the time.
#[derive(Default)]
pub(crate) struct Spread(AtomicU64);

impl Spread {
    /// The next draw for [`backoff`].
    pub(crate) fn draw(&self, now: Millis) -> u8 {
        let step = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        step.wrapping_add(now.unsigned_abs() << 48).to_be_bytes()[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after(" 12 ", 0), Some(Duration::from_secs(12)));
        let now = 784_111_777_000 - 30_000;
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now + 60_000), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", 0), None);
    }

    #[test]
    fn draws_spread_over_the_whole_range() {
        let spread = Spread::default();
        let draws: Vec<u8> = (0..8).map(|_| spread.draw(0)).collect();
        assert!((0..4).all(|quarter| draws.iter().any(|draw| draw / 64 == quarter)), "{draws:?}");
    }

    #[test]
    fn a_refusal_without_a_time_is_waited_out_longer() {
        let waits: Vec<u64> = [1, 2, 6, 30].map(|attempts| throttled_backoff(attempts, 0).as_secs()).into();
        assert_eq!(waits, [10, 20, 60, 60]);
    }

    #[test]
    fn waits_double_up_to_a_minute_and_are_spread() {
        assert_eq!(backoff(1, 255), Duration::from_secs(1));
        assert_eq!(backoff(3, 255), Duration::from_secs(4));
        assert_eq!(backoff(3, 0), Duration::from_secs(2));
        assert_eq!(backoff(40, 255), Duration::from_secs(60));
    }
}
