//! Temporary access passes: one for each user at most.

use super::object::Row;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A pass. Its text is told once and not kept.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    /// Its id.
    pub(crate) id: Uuid,
    /// When it was made, in unix milliseconds of the tenant.
    pub(crate) created: i64,
    /// From when it can be used.
    pub(crate) starts: i64,
    /// For how many minutes.
    pub(crate) minutes: i64,
    /// Whether it can be used only once.
    pub(crate) once: bool,
}

impl Pass {
    /// When it ends.
    pub(crate) fn ends(&self) -> i64 {
        self.starts.saturating_add(self.minutes.saturating_mul(60_000))
    }
}

/// The passes by their users.
pub(crate) type Passes = BTreeMap<Row, Pass>;
