//! What ordinary lists may do besides telling each object once (Graph "Paging").

use super::Profile;
use serde::{Deserialize, Serialize};

/// Rates of surprises.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Lists {
    /// The rate of lists that begin with a page without an item, which has a `nextLink` all the same.
    pub(crate) empty_pages: f64,
}

impl Lists {
    pub(super) fn of(profile: Profile) -> Lists {
        match profile {
            Profile::Ideal => Lists { empty_pages: 0.0 },
            Profile::Typical => Lists { empty_pages: 0.001 },
            Profile::Hostile => Lists { empty_pages: 0.05 },
        }
    }
}
