//! Object ids that follow from a seed.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A sequence of version 4 shaped ids: the same seed gives the same ids in the same order.
#[derive(Debug)]
pub(crate) struct Ids {
    seed: u64,
    next: u64,
}

impl Ids {
    /// The sequence of a seed.
    pub(crate) fn new(seed: u64) -> Ids {
        Ids { seed, next: 0 }
    }

    /// The next id.
    pub(crate) fn next(&mut self) -> Uuid {
        self.next += 1;
        derived(&[&self.seed.to_le_bytes(), &self.next.to_le_bytes()])
    }
}

/// An id that follows from some bytes.
pub(crate) fn derived(parts: &[&[u8]]) -> Uuid {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    let digest = hasher.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
