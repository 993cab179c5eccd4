//! A small random generator whose numbers follow from a seed alone, on every machine and in every version.

/// Numbers by the rule of `SplitMix64`.
pub(super) struct Random {
    state: u64,
}

/// What the rule adds at every step: the golden ratio as a fraction of 2^64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// Numbers of one sequence of a seed.
    pub(super) fn new(seed: u64, sequence: u64) -> Self {
        let mut random = Self { state: seed };
        random.state = random.number() ^ sequence.wrapping_mul(STEP);
        random
    }

    /// The next number.
    fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, or zero when there is none.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.number() % (bound.max(1) as u64)) as usize
    }

    /// Whether something of so many percent happens.
    pub(super) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub(super) fn pick<'v, T>(&mut self, values: &'v [T]) -> Option<&'v T> {
        values.get(self.below(values.len()))
    }

    /// One of these texts.
    pub(super) fn text<'v>(&mut self, values: &[&'v str]) -> &'v str {
        self.pick(values).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_sequence_say_all() {
        let numbers = |seed, sequence| {
            let mut random = Random::new(seed, sequence);
            (0..50).map(|_| random.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(1, 2), numbers(1, 2));
        assert_ne!(numbers(1, 2), numbers(1, 3));
        assert_ne!(numbers(1, 2), numbers(2, 2));
    }

    #[test]
    fn every_value_comes_up() {
        let mut random = Random::new(7, 7);
        let mut seen = [0; 10];
        (0..1000).for_each(|_| seen[random.below(10)] += 1);
        assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
    }
}
