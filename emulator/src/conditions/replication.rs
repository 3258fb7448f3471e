//! Replicas, and how late they learn of a write (Graph "Designing for eventual consistency").

use super::Profile;
use crate::dice::Dice;
use serde::{Deserialize, Serialize};

/// How many replicas there are, and their lags.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Replication {
    /// How many replicas answer reads; 0: the primary does.
    pub(crate) replicas: usize,
    /// Until a replica knows a write.
    pub(crate) lag: Lag,
    /// Until the index of advanced queries knows it.
    pub(crate) index: Lag,
    /// Until delta queries tell it.
    pub(crate) delta: Lag,
    /// Whether delta queries tell changes in their order. Otherwise each is told when it arrives, and one may be late while
    /// later ones of other objects are there.
    pub(crate) delta_in_order: bool,
    /// What an upsert answers on a replica that does not know the group yet.
    pub(crate) upsert_of_unknown: Upsert,
    /// What a create answers that binds an object which the replica does not know yet.
    pub(crate) bind_of_unknown: BindOfUnknown,
}

/// How many standard deviations the 99.9th percentile is away from the median.
const P999: f64 = 3.09;

/// A distribution of lags, in milliseconds: half of all are below the median, all but one of a thousand below `p999`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Lag {
    /// The median.
    pub(crate) median: u32,
    /// The 99.9th percentile.
    pub(crate) p999: u32,
    /// The longest.
    pub(crate) max: u32,
}

impl Lag {
    const fn new(median: u32, p999: u32, max: u32) -> Lag {
        Lag { median, p999, max }
    }

    /// One lag: log-normal up to `p999`, and one in a thousand between that and the longest.
    #[expect(clippy::cast_possible_truncation, reason = "a lag is far below the range of an integer")]
    pub(crate) fn draw(&self, dice: &mut Dice) -> i64 {
        let (median, p999, max) = (f64::from(self.median), f64::from(self.p999.max(self.median)), f64::from(self.max));
        if median <= 0.0 {
            return 0;
        }
        let (deviation, tail) = (dice.deviation(), dice.roll());
        let lag = if dice.strikes(0.001) {
            p999 * (max / p999).max(1.0).powf(tail)
        } else {
            (median * (p999 / median).powf(deviation / P999)).min(p999)
        };
        lag as i64
    }
}

/// How an upsert ends that finds the group only at the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Upsert {
    /// 204: the group is updated.
    Update,
    /// 400: its unique name is taken.
    Conflict,
}

/// How a create is refused for what only the primary knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum BindOfUnknown {
    /// 404 naming it.
    NotFound,
    /// 400, as if some value were invalid.
    Invalid,
    /// Each of these, at random.
    Mixed,
}

impl Replication {
    pub(super) fn of(profile: Profile) -> Replication {
        let none = Lag::new(0, 0, 0);
        let ideal = Replication {
            replicas: 0,
            lag: none,
            index: none,
            delta: none,
            delta_in_order: true,
            upsert_of_unknown: Upsert::Update,
            bind_of_unknown: BindOfUnknown::NotFound,
        };
        match profile {
            Profile::Ideal => ideal,
            Profile::Typical => Replication {
                replicas: 3,
                lag: Lag::new(400, 10_000, 60_000),
                index: Lag::new(2000, 20_000, 120_000),
                delta: Lag::new(1000, 15_000, 60_000),
                ..ideal
            },
            Profile::Hostile => Replication {
                replicas: 5,
                lag: Lag::new(2000, 60_000, 660_000),
                index: Lag::new(8000, 120_000, 900_000),
                delta: Lag::new(5000, 60_000, 300_000),
                delta_in_order: false,
                bind_of_unknown: BindOfUnknown::Mixed,
                ..ideal
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lags_follow_their_numbers() {
        let lag = Lag::new(400, 10_000, 60_000);
        let mut dice = Dice::new(3);
        let mut drawn: Vec<i64> = (0..20_000).map(|_| lag.draw(&mut dice)).collect();
        drawn.sort_unstable();
        assert!((380..420).contains(&drawn[10_000]), "{}", drawn[10_000]);
        let beyond = drawn.iter().filter(|lag| **lag > 10_000).count();
        assert!((8..40).contains(&beyond), "{beyond} of 20,000");
        assert!(drawn[19_999] <= 60_000 && drawn[19_999] > 20_000, "{}", drawn[19_999]);
        assert_eq!(Lag::new(0, 0, 0).draw(&mut dice), 0);
        assert_eq!(Lag::new(500, 500, 500).draw(&mut dice), 500);
    }
}
