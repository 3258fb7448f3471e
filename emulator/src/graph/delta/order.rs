//! The order in which a round tells its items: that of the journal, or any other that a seed decides.

use serde::{Deserialize, Serialize};

/// An order other than the usual one, fixed for a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reordered {
    /// What decides it.
    #[serde(rename = "s")]
    pub(crate) seed: u32,
    /// The objects that there were when the round began.
    #[serde(rename = "n")]
    pub(crate) objects: usize,
}

/// A permutation that needs no memory: equal steps around a circle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    start: usize,
    step: usize,
    items: usize,
}

impl Order {
    /// The order of so many items; without a seed, the usual one.
    pub(crate) fn of(reordered: Option<Reordered>, items: usize) -> Order {
        let Some(Reordered { seed, .. }) = reordered.filter(|_| items > 1) else { return Order { start: 0, step: 1, items } };
        let seed = seed as usize;
        let mut step = 1 + seed % (items - 1);
        // One more ends at the latest at a step of one less than all.
        while divisor(step, items) != 1 {
            step = 1 + step % (items - 1);
        }
        Order { start: seed / items % items, step, items }
    }

    /// The item at a position.
    pub(crate) fn at(self, position: usize) -> usize {
        (self.start + position * self.step) % self.items.max(1)
    }
}

fn divisor(one: usize, other: usize) -> usize {
    if other == 0 { one } else { divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_comes_once() {
        for items in 0..40 {
            for seed in [0, 1, 7, 1000, u32::MAX] {
                let order = Order::of(Some(Reordered { seed, objects: items }), items);
                let mut all: Vec<usize> = (0..items).map(|position| order.at(position)).collect();
                all.sort_unstable();
                assert!(all.into_iter().eq(0..items), "{items} {seed}");
            }
        }
        let usual = Order::of(None, 5);
        assert!((0..5).map(|position| usual.at(position)).eq(0..5));
    }
}
