//! Repeatable randomness: one seed a run, one independent child a purpose.

use std::time::Duration;

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// The only source of randomness of a pure component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed for one purpose. Drawing more for one purpose never shifts another's numbers.
    #[must_use]
    pub fn child(self, purpose: &str) -> Self {
        // FNV-1a over the purpose, then the splitmix64 finaliser.
        let mut hash = 0xCBF2_9CE4_8422_2325_u64 ^ self.0;
        for byte in purpose.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self(hash ^ (hash >> 31))
    }

    /// The seed for the `number`th thing of a kind.
    #[must_use]
    pub fn nth(self, number: u64) -> Self {
        Self(self.0 ^ number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)).child("nth")
    }

    /// A generator started from this seed.
    #[must_use]
    pub fn random(self) -> Random {
        Random(Pcg64Mcg::seed_from_u64(self.0))
    }
}

/// A small, fast, repeatable generator. Not for secrets.
#[derive(Clone, Debug)]
pub struct Random(Pcg64Mcg);

impl Random {
    /// Any 64-bit number.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The multiply-shift bias is under 2^-32 for every bound used here.
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A duration from `low` to `high`, both included; `low` when they are the wrong way round.
    pub fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let span = high.saturating_sub(low).as_nanos() as u64;
        low + Duration::from_nanos(self.below(span.saturating_add(1)))
    }

    /// True in `numerator` of `denominator` draws.
    pub fn chance(&mut self, numerator: u64, denominator: u64) -> bool {
        self.below(denominator) < numerator
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeatable_and_independent() {
        let draw = |seed: Seed| {
            let mut random = seed.random();
            [random.next_u64(), random.next_u64()]
        };
        assert_eq!(draw(Seed(7)), draw(Seed(7)));
        assert_ne!(draw(Seed(7)), draw(Seed(8)));
        assert_ne!(draw(Seed(7).child("timers")), draw(Seed(7).child("jitter")));
        assert_ne!(Seed(7).nth(0), Seed(7).nth(1));
    }

    #[test]
    fn stays_in_range() {
        let mut random = Seed(1).random();
        let (low, high) = (Duration::from_secs(1), Duration::from_secs(5));
        for _ in 0..1000 {
            let drawn = random.between(low, high);
            assert!(low <= drawn && drawn <= high);
            assert!(random.below(3) < 3);
        }
        assert_eq!(random.below(0), 0);
    }
}
