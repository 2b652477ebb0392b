//! A pseudorandom number generator whose output never changes, unlike that of a library. It must not generate secrets;
//! `random` does.

/// `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
#[derive(Clone, Debug)]
pub(super) struct Prng {
    state: u64,
}

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Prng {
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A generator for one of many numbered items. Its output is independent of that for other numbers.
    pub(super) fn stream(seed: u64, number: u64) -> Self {
        Self::new(mix(seed.wrapping_add(GAMMA)) ^ mix(number.wrapping_mul(GAMMA).wrapping_add(1)))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }

    /// A uniformly distributed number in `0..n`, with a bias of at most n ÷ 2⁶⁴; 0 for n = 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(n);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A uniformly distributed number in `low..=high`; `low` if the range is empty.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high.saturating_sub(low)).unwrap_or(0);
        low.saturating_add_unsigned(self.below(span.saturating_add(1)))
    }

    /// `true` with a probability of `permille` in a thousand.
    pub(super) fn chance(&mut self, permille: u64) -> bool {
        self.below(1_000) < permille
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_equals_the_published_one() {
        // First values for seed 1234567, from the reference implementation (prng.di.unimi.it/splitmix64.c).
        let mut prng = Prng::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| prng.next()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn numbers_are_within_their_bounds() {
        let mut prng = Prng::stream(1, 2);
        assert_eq!(prng.below(0), 0);
        assert_eq!(prng.between(7, 7), 7);
        for _ in 0..10_000 {
            assert!(prng.below(10) < 10);
            assert!((-3..=3).contains(&prng.between(-3, 3)));
        }
        let hits = (0..100_000).filter(|_| prng.chance(250)).count();
        assert!((24_000..26_000).contains(&hits), "{hits}");
        assert!(!prng.chance(0) && prng.chance(1_000));
    }
}
