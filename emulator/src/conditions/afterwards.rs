//! What the service does to objects by itself, some time after they were made.

use super::Profile;
use serde::{Deserialize, Serialize};

/// How long it takes, in milliseconds; `null`: it does not happen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Afterwards {
    /// Until a new Microsoft 365 group without a description has its name for one.
    pub(crate) group_described: Option<u32>,
}

impl Afterwards {
    pub(super) fn of(profile: Profile) -> Afterwards {
        match profile {
            Profile::Ideal => Afterwards { group_described: None },
            Profile::Typical | Profile::Hostile => Afterwards { group_described: Some(90_000) },
        }
    }
}
