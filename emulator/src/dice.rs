//! Chance that a seed repeats (SplitMix64).

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A sequence of pseudo-random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The sequence of a seed.
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// A sequence of its own for the n-th event of a kind: what one event draws changes nothing for the next.
    pub(crate) fn of(seed: u64, kind: u64, n: u64) -> Dice {
        Dice(mixed(mixed(seed.wrapping_add(STEP)) ^ kind).wrapping_add(mixed(n)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mixed(self.0)
    }

    /// A number from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a float")]
    pub(crate) fn roll(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether something happens that happens at this rate.
    pub(crate) fn strikes(&mut self, rate: f64) -> bool {
        rate >= 1.0 || self.roll() < rate
    }

    /// A number around 0 with a standard deviation of 1.
    pub(crate) fn deviation(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.roll()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.roll()).cos()
    }

    /// Brings items into any order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }

    /// A number below the given one; 0 if that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let number = self.next() % u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(number).unwrap_or(0)
    }
}

fn mixed(mut state: u64) -> u64 {
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn a_seed_repeats_and_events_are_independent() {
        let draw = |mut dice: Dice| (0..4).map(|_| dice.below(1000)).collect::<Vec<_>>();
        assert_eq!(draw(Dice::of(1, 2, 3)), draw(Dice::of(1, 2, 3)));
        assert_ne!(draw(Dice::of(1, 2, 3)), draw(Dice::of(1, 2, 4)));
        assert_ne!(draw(Dice::of(1, 2, 3)), draw(Dice::of(2, 2, 3)));
        assert_ne!(draw(Dice::of(1, 2, 3)), draw(Dice::of(1, 3, 3)));
    }

    #[test]
    fn rates_come_true() {
        let mut dice = Dice::new(7);
        let struck = (0..10_000).filter(|_| dice.strikes(0.1)).count();
        assert!((900..1100).contains(&struck), "{struck}");
        assert!(!dice.strikes(0.0) && dice.strikes(1.0));
    }
}
