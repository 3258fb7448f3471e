//! When a full sync is due: a durable time in the database, computed by the target's own schedule.

use std::time::Duration;

use chrono_tz::Tz;
use croner::Cron;
use entrain_model::{Kind, Millis, TargetName};
use entrain_store::{Store, StoreError};

use crate::config::Schedule;

/// The next time after `now` at which the schedule is due, in its own time zone, daylight saving included.
pub(super) fn next(schedule: &Schedule, now: Millis, jitter: f64) -> Option<Millis> {
    let at = [occurrence(&schedule.cron, schedule.time_zone, now), next_full(schedule, now)].into_iter().flatten().min()?;
    Some(at.saturating_add(millis(schedule.jitter.mul_f64(jitter.clamp(0.0, 1.0)))))
}

/// The next time at which all of the tenant is to be read anew.
pub(crate) fn next_full(schedule: &Schedule, now: Millis) -> Option<Millis> {
    occurrence(&schedule.full.as_ref()?.cron, schedule.time_zone, now)
}

/// Whether all of the tenant is to be read anew, which was last done at `read`.
pub(super) fn is_full_due(schedule: &Schedule, read: Option<Millis>, now: Millis) -> bool {
    let (Some(full), Some(read)) = (&schedule.full, read) else { return false };
    let Some(now) = at(schedule.time_zone, now) else { return false };
    full.cron.find_previous_occurrence(&now, true).is_ok_and(|due| due.timestamp_millis() > read)
}

/// Whether a full sync is due that was planned for `at`. A time beyond the next one of the schedule was planned before the
/// clock was set back.
pub(super) fn is_due(schedule: &Schedule, at: Option<Millis>, now: Millis) -> bool {
    let latest = next(schedule, now, 1.0);
    at.is_none_or(|at| at <= now || latest.is_some_and(|latest| at > latest))
}

fn occurrence(cron: &Cron, zone: Tz, now: Millis) -> Option<Millis> {
    cron.find_next_occurrence(&at(zone, now)?, false).ok().map(|at| at.timestamp_millis())
}

fn at(zone: Tz, millis: Millis) -> Option<chrono::DateTime<Tz>> {
    Some(chrono::DateTime::from_timestamp_millis(millis)?.with_timezone(&zone))
}

/// When all of the tenant was last read, users and groups; `None` if what is known of either is not to be trusted.
pub(crate) async fn last_read(store: &Store, target: &TargetName) -> Result<Option<Millis>, StoreError> {
    let mut last = Millis::MAX;
    for kind in Kind::ALL {
        let Some(cursor) = store.mirror_cursor(target, kind).await? else { return Ok(None) };
        last = last.min(cursor.full_at);
    }
    Ok(Some(last))
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
    use crate::config::FullRead;

    fn schedule(expression: &str, zone: &str) -> Schedule {
        Schedule {
            expression: expression.into(),
            cron: Schedule::parse_cron(expression).unwrap(),
            full: None,
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
    fn all_is_read_anew_once_at_each_of_its_times() {
        let cron = Schedule::parse_cron("0 0 3 * * *").unwrap();
        let full = FullRead { expression: "0 0 3 * * *".into(), cron };
        let schedule = Schedule { full: Some(full), ..schedule("0 0 */4 * * *", "UTC") };
        let (hour, three) = (3_600_000, BEFORE_THE_CHANGE + 150 * 60_000);
        assert_eq!(next(&schedule, three - hour, 0.0), Some(three), "it comes between two others");
        assert!(!is_full_due(&schedule, Some(three - hour), three - 1));
        assert!(is_full_due(&schedule, Some(three - hour), three));
        assert!(is_full_due(&schedule, Some(three - hour), three + 5 * hour), "late is not never");
        assert!(!is_full_due(&schedule, Some(three + 1), three + 5 * hour));
        assert!(!is_full_due(&schedule, None, three), "the first read is of everything anyway");
    }

    #[test]
    fn jitter_delays_and_never_hastens() {
        let schedule = schedule("0 0 */4 * * *", "UTC");
        let plain = next(&schedule, BEFORE_THE_CHANGE, 0.0).unwrap();
        assert_eq!(next(&schedule, BEFORE_THE_CHANGE, 1.0).unwrap(), plain + 60_000);
        assert!((0.0..=1.0).contains(&jitter("a", 1)) && jitter("a", 1) != jitter("b", 1));
    }
}
