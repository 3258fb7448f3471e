//! Whether a full run counts as a successful one, and whether its target is filled by it. Who waits for one is told when none comes.

use std::collections::BTreeMap;
use std::time::Duration;

use entrain_model::Millis;
use entrain_store::RunState;

use crate::engine::{Run, millis};
use crate::guard::Filled;
use crate::{Report, SyncError};

/// So many errors are let pass whatever the size of the target ...
const TOLERATED: u64 = 5;
/// ... or one object in so many.
const SHARE: u64 = 20;

/// Holds that stand for an error of a value or of an answer. The others are decisions of ours or of a person.
const ERRORS: [&str; 3] = ["failed", "incomplete_read", "rejected"];
/// Holds that stand for a missing permission: nobody is blocked until it is granted.
const MISSING_PERMISSION: &str = "protection_unread";

/// For so long after the first full run, what it left on its way keeps the target from counting as filled; then it counts whatever
/// is left, so that nobody can keep the limits of a filled target away.
const FILLING: Duration = Duration::from_secs(24 * 3600);

/// Why a run was no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shortfall {
    /// So many objects wait for a permission.
    Permission(u64),
    /// More than are tolerated came to nothing by an error.
    Errors { errors: u64, tolerated: u64 },
}

impl Run<'_> {
    /// Whether the run, which came to its end, was a success: nothing waits for a permission, and few came to nothing by an
    /// error.
    pub(crate) async fn is_success(&self, report: &Report) -> Result<bool, SyncError> {
        match report.state {
            RunState::Converged => return Ok(true),
            RunState::Partial => {}
            RunState::Running
            | RunState::Planned
            | RunState::Held
            | RunState::Halted
            | RunState::Failed
            | RunState::Superseded
            | RunState::Rejected => return Ok(false),
        }
        let linked = self.store().population(&self.target.name).await?;
        let planned: u64 = report.planned.values().sum();
        let short = shortfall(&report.held, report.failed, planned.max(linked.users + linked.groups));
        let (target, run) = (&self.target.name, &self.id);
        match short {
            None => {}
            Some(Shortfall::Permission(objects)) => tracing::warn!(
                %target, %run, objects, "the full sync does not count as successful: a permission is missing; `entrain holds` names it"
            ),
            Some(Shortfall::Errors { errors, tolerated }) => tracing::warn!(
                %target, %run, errors, tolerated, "the full sync does not count as successful: too much failed; `entrain holds` tells why"
            ),
        }
        Ok(short.is_none())
    }

    /// Whether the target is filled after this success: no create of a first load is of unknown outcome, and nothing waits for one.
    pub(crate) async fn is_loaded(&self) -> Result<bool, SyncError> {
        let (store, name) = (self.store(), &self.target.name);
        if self.filled == Filled::Yes {
            return Ok(true);
        }
        let now = store.now();
        let first = store.first_full_at(name).await?.unwrap_or(now);
        if !is_filling(first, now) || !store.awaits_records(name).await? {
            return Ok(true);
        }
        tracing::info!(target = %name, run = %self.id, "the target does not count as filled yet: creates without an answer, or what waits for them, are left");
        Ok(false)
    }
}

/// A first run of the future (a clock was set back) is long ago.
fn is_filling(first: Millis, now: Millis) -> bool {
    (0..millis(FILLING)).contains(&now.saturating_sub(first))
}

fn shortfall(held: &BTreeMap<String, u64>, failed: u64, population: u64) -> Option<Shortfall> {
    let of = |code: &str| held.get(code).copied().unwrap_or(0);
    let (waiting, errors) = (of(MISSING_PERMISSION), failed + ERRORS.into_iter().map(of).sum::<u64>());
    let tolerated = TOLERATED.max(population / SHARE);
    if waiting > 0 {
        return Some(Shortfall::Permission(waiting));
    }
    (errors > tolerated).then_some(Shortfall::Errors { errors, tolerated })
}

#[cfg(test)]
mod tests {
    use entrain_model::Hold;

    use super::*;

    fn held(held: &[(&str, u64)]) -> BTreeMap<String, u64> {
        held.iter().map(|(code, n)| ((*code).to_owned(), *n)).collect()
    }

    #[test]
    fn few_errors_are_a_success_and_many_are_none() {
        let errors = |errors, tolerated| Some(Shortfall::Errors { errors, tolerated });
        for (codes, failed, population, expected) in [
            (&[][..], 0, 0, None),
            (&[], 5, 10, None),
            (&[], 6, 10, errors(6, 5)),
            (&[], 50, 1_000, None),
            (&[], 51, 1_000, errors(51, 50)),
            (&[("rejected", 40), ("failed", 8)], 3, 1_000, errors(51, 50)),
            (&[("incomplete_read", 6)], 0, 100, errors(6, 5)),
            (&[("ambiguous", 400), ("parked", 300), ("waiting_for", 900)], 0, 1_000, None),
            (&[("protection_unread", 1)], 0, 500_000, Some(Shortfall::Permission(1))),
        ] {
            assert_eq!(shortfall(&held(codes), failed, population), expected, "{codes:?} {failed} of {population}");
        }
    }

    #[test]
    fn a_first_load_is_over_after_a_day() {
        let day = millis(FILLING);
        let filling = [(0, 0), (5, 4 + day), (5, 5 + day), (5, 4)].map(|(first, now)| is_filling(first, now));
        assert_eq!(filling, [true, true, false, false]);
    }

    #[test]
    fn the_codes_are_those_of_holds() {
        for code in ERRORS.into_iter().chain([MISSING_PERMISSION]) {
            assert!(Hold::CODES.contains(&code), "{code}");
        }
    }
}
