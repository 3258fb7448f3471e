//! The conditions under which the tenant is used: how much it throttles, lags, loses and repeats. A profile names a whole
//! set; every number can be changed at the start and while the emulator runs. Durations are in the tenant's time.

mod afterwards;
mod ambiguity;
mod check;
mod deltas;
mod lists;
mod replication;
mod throttling;

pub(crate) use ambiguity::{Ambiguity, Rates};
pub(crate) use deltas::{Deltas, Expiry};
pub(crate) use replication::{BindOfUnknown, Replication, Upsert};
pub(crate) use throttling::{BindCost, RetryAfter, Throttling};

use afterwards::Afterwards;
use lists::Lists;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::sync::{PoisonError, RwLock};

/// A named set of conditions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Profile {
    /// No limits, no lag, no loss: for tests of something else.
    #[default]
    Ideal,
    /// What an ordinary tenant does on an ordinary day.
    Typical,
    /// The worst that has been seen, all at once.
    Hostile,
}

impl std::str::FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Profile, String> {
        serde_json::from_value(text.into()).map_err(|_| format!("no profile '{text}': it is ideal, typical or hostile"))
    }
}

/// Every number of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Conditions {
    /// The set that these began as.
    profile: Profile,
    /// Quotas.
    pub(crate) throttling: Throttling,
    /// Replicas and their lag.
    pub(crate) replication: Replication,
    /// Lost and damaged answers.
    pub(crate) ambiguity: Ambiguity,
    /// Delta queries.
    pub(crate) delta: Deltas,
    /// Ordinary lists.
    pub(crate) lists: Lists,
    /// What the service does by itself.
    pub(crate) afterwards: Afterwards,
}

impl Conditions {
    /// The conditions of a profile.
    pub(crate) fn of(profile: Profile) -> Conditions {
        Conditions {
            profile,
            throttling: Throttling::of(profile),
            replication: Replication::of(profile),
            ambiguity: Ambiguity::of(profile),
            delta: Deltas::of(profile),
            lists: Lists::of(profile),
            afterwards: Afterwards::of(profile),
        }
    }

    /// The same with some members changed; objects are merged member by member.
    ///
    /// # Errors
    /// Unknown members, values of the wrong type, and numbers that make no sense.
    pub(crate) fn with(&self, change: Json) -> Result<Conditions, String> {
        let mut whole = serde_json::to_value(self).map_err(|error| error.to_string())?;
        merge(&mut whole, change);
        let changed: Conditions = serde_json::from_value(whole).map_err(|error| error.to_string())?;
        if changed.profile != self.profile {
            return Err("PUT profile changes the whole set".to_owned());
        }
        check::check(&changed)?;
        Ok(changed)
    }
}

fn merge(whole: &mut Json, change: Json) {
    match (whole, change) {
        (Json::Object(members), Json::Object(changes)) => {
            for (name, change) in changes {
                merge(members.entry(name).or_insert(Json::Object(Map::new())), change);
            }
        }
        (whole, change) => *whole = change,
    }
}

/// The conditions in force.
#[derive(Debug)]
pub(crate) struct InForce(RwLock<Conditions>);

impl InForce {
    /// Puts conditions in force.
    pub(crate) fn new(conditions: Conditions) -> InForce {
        InForce(RwLock::new(conditions))
    }

    /// The present ones.
    pub(crate) fn present(&self) -> Conditions {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes some of them; returns all.
    ///
    /// # Errors
    /// As [`Conditions::with`].
    pub(crate) fn change(&self, change: Json) -> Result<Conditions, String> {
        let mut conditions = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *conditions = conditions.with(change)?;
        Ok(*conditions)
    }

    /// Changes to another profile; returns its conditions.
    pub(crate) fn switch(&self, profile: Profile) -> Conditions {
        let conditions = Conditions::of(profile);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = conditions;
        conditions
    }
}

#[cfg(test)]
mod tests {
    use super::{Conditions, Profile};
    use serde_json::json;

    #[test]
    fn a_change_leaves_the_rest() {
        let typical = Conditions::of(Profile::Typical);
        let changed = typical.with(json!({ "throttling": { "writes": 7.0 } })).unwrap();
        assert!((changed.throttling.writes - 7.0).abs() < f64::EPSILON);
        assert_eq!(changed.replication, typical.replication);
        for wrong in [json!({ "throttling": { "wirtes": 7 } }), json!({ "weather": {} }), json!({ "profile": "hostile" })] {
            assert!(typical.with(wrong).is_err());
        }
    }
}
