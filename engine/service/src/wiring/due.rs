//! When a full sync is due: a durable time in the database, computed by the target's own schedule.

use std::time::Duration;

use chrono_tz::Tz;
use croner::Cron;
use entrain_model::Millis;

use crate::config::Schedule;

/// The next time after `now` at which the schedule is due, in its own time zone, daylight saving included.
pub(super) fn next(schedule: &Schedule, now: Millis, jitter: f64) -> Option<Millis> {
    let at = occurrence(&schedule.cron, schedule.time_zone, now)?;
    Some(at.saturating_add(millis(schedule.jitter.mul_f64(jitter.clamp(0.0, 1.0)))))
}

/// Whether a full sync is due that was planned for `at`. A time beyond the next one of the schedule was planned before the
/// clock was set back.
pub(super) fn is_due(schedule: &Schedule, at: Option<Millis>, now: Millis) -> bool {
    let latest = next(schedule, now, 1.0);
    at.is_none_or(|at| at <= now || latest.is_some_and(|latest| at > latest))
}

fn occurrence(cron: &Cron, zone: Tz, now: Millis) -> Option<Millis> {
    let now = chrono::DateTime::from_timestamp_millis(now)?.with_timezone(&zone);
    cron.find_next_occurrence(&now, false).ok().map(|at| at.timestamp_millis())
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

/// A number from 0 to 1 that differs from target to target and from time to time, so that many do not start at once.
pub(super) fn jitter(name: &str, now: Millis) -> f64 {
    use sha2::{Digest as _, Sha256};
    let hash = Sha256::new().chain_update(name).chain_update(now.to_be_bytes()).finalize();
    f64::from(u16::from_be_bytes([hash[0], hash[1]])) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(expression: &str, zone: &str) -> Schedule {
        Schedule {
            expression: expression.into(),
            cron: Schedule::parse_cron(expression).unwrap(),
            time_zone: Schedule::parse_zone(zone).unwrap(),
            jitter: Duration::from_secs(60),
        }
    }

    /// 2026-03-29T00:30:00Z; clocks in Zurich go from 02:00 to 03:00 at 01:00Z.
    const BEFORE_THE_CHANGE: Millis = 1_774_744_200_000;

    #[test]
    fn four_o_clock_stays_four_o_clock_across_daylight_saving() {
        let at = next(&schedule("0 0 4 * * *", "Europe/Zurich"), BEFORE_THE_CHANGE, 0.0).unwrap();
        // 04:00 in Zurich is 02:00Z from that night on, and was 03:00Z the night before.
        assert_eq!(at - BEFORE_THE_CHANGE, 90 * 60_000);
    }

    #[test]
    fn a_clock_that_was_set_back_delays_nothing() {
        let schedule = schedule("0 0 */4 * * *", "UTC");
        let planned = next(&schedule, BEFORE_THE_CHANGE, 1.0);
        assert!(!is_due(&schedule, planned, BEFORE_THE_CHANGE));
        assert!(is_due(&schedule, planned, planned.unwrap()));
        assert!(is_due(&schedule, planned, BEFORE_THE_CHANGE - 24 * 3_600_000), "a day too early");
        assert!(is_due(&schedule, None, BEFORE_THE_CHANGE));
    }

    #[test]
    fn jitter_delays_and_never_hastens() {
        let schedule = schedule("0 0 */4 * * *", "UTC");
        let plain = next(&schedule, BEFORE_THE_CHANGE, 0.0).unwrap();
        assert_eq!(next(&schedule, BEFORE_THE_CHANGE, 1.0).unwrap(), plain + 60_000);
        assert!((0.0..=1.0).contains(&jitter("a", 1)) && jitter("a", 1) != jitter("b", 1));
    }
}
