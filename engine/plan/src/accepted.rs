//! The difference that was accepted when a mapping was published: what its first run over everything may change.

use std::collections::BTreeMap;

use entrain_model::Kind;
use serde::{Deserialize, Serialize};

/// So many objects more than accepted are let through, whatever the share: the source goes on changing.
const SLACK: u64 = 10;

/// How many objects were to differ in each attribute, and how far a run may go beyond.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Which mapping it is about, by its fingerprint.
    pub mapping: String,
    /// Objects by kind and attribute.
    pub attributes: BTreeMap<Kind, BTreeMap<String, u64>>,
    /// How many per cent more are let through.
    pub tolerance: u32,
}

impl Accepted {
    /// How many objects were to differ in the attribute.
    pub fn objects(&self, kind: Kind, attribute: &str) -> u64 {
        self.attributes.get(&kind).and_then(|attributes| attributes.get(attribute)).copied().unwrap_or(0)
    }

    /// How many may, the tolerance included.
    pub fn allowed(&self, kind: Kind, attribute: &str) -> u64 {
        let accepted = self.objects(kind, attribute);
        let share = accepted.saturating_mul(u64::from(self.tolerance)).div_ceil(100);
        accepted.saturating_add(share.max(SLACK))
    }
}
