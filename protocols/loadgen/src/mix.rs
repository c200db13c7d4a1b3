//! The n-th prefix of a synthetic routing table.
//!
//! Prefixes of one sequence never repeat. Their lengths are spread as in the public table of 2023, in every stretch of ten
//! thousand alike. Where they lie is a permutation keyed by the seed; IPv4 prefixes of /21 and longer come in fours that are
//! neighbours, as in the public table most have a neighbour.

use std::net::{Ipv4Addr, Ipv6Addr};

use waypost_types::{Prefix4, Prefix6, Seed};

/// Most prefixes of one family: there are no more distinct ones of the rarest length.
pub const MAXIMUM: u32 = 3_500_000;

/// In how many prefixes each length has its share.
const STRETCH: u64 = 10_000;

/// Spreads the lengths inside a stretch; coprime to it.
const STRIDE: u64 = 6173;

/// Lengths and how many of [`STRETCH`] prefixes have each.
const LENGTHS4: [(u8, u64); 15] = [
    (10, 1),
    (11, 1),
    (12, 3),
    (13, 6),
    (14, 13),
    (15, 22),
    (16, 144),
    (17, 91),
    (18, 150),
    (19, 267),
    (20, 460),
    (21, 535),
    (22, 1155),
    (23, 1027),
    (24, 6125),
];
const LENGTHS6: [(u8, u64); 21] = [
    (28, 40),
    (29, 300),
    (30, 70),
    (31, 40),
    (32, 1350),
    (33, 220),
    (34, 140),
    (35, 110),
    (36, 480),
    (37, 60),
    (38, 130),
    (39, 80),
    (40, 900),
    (41, 60),
    (42, 220),
    (43, 70),
    (44, 1000),
    (45, 180),
    (46, 430),
    (47, 380),
    (48, 3740),
];

/// First octets that hold addresses which are not for the public Internet, all or in part.
const RESERVED: [u8; 8] = [10, 100, 127, 169, 172, 192, 198, 203];

/// First octets that are left.
const FIRST_OCTETS: u64 = 223 - RESERVED.len() as u64;

/// From this length on, prefixes come in fours.
const GROUPED: u8 = 21;

/// Where IPv6 addresses are given out from: five blocks of this length.
const BLOCKS6: [u16; 5] = [0x2400, 0x2600, 0x2800, 0x2A00, 0x2C00];
const BLOCK6_LENGTH: u8 = 12;

/// The length of the n-th prefix, and how many before it have the same.
fn length(lengths: &[(u8, u64)], number: u64) -> (u8, u64) {
    let (stretch, place) = (number / STRETCH, number % STRETCH);
    let mut rank = place * STRIDE % STRETCH;
    for &(length, share) in lengths {
        if rank < share {
            return (length, stretch * share + rank);
        }
        rank -= share;
    }
    // INVARIANT: the shares add up to the stretch.
    (0, 0)
}

/// The n-th IPv4 prefix of a seed; `number` below [`MAXIMUM`].
#[must_use]
pub fn prefix4(seed: Seed, number: u32) -> Prefix4 {
    let (length, rank) = length(&LENGTHS4, u64::from(number));
    let slots = FIRST_OCTETS << (length - 8);
    let slot = if length >= GROUPED {
        permute(seed.nth(u64::from(length)), rank / 4, slots / 4) * 4 + rank % 4
    } else {
        permute(seed.nth(u64::from(length)), rank, slots)
    };
    // INVARIANT: an octet is below 223 and a slot below 2^24.
    let (nth_octet, inside) = (
        (slot >> (length - 8)) as u8,
        slot as u32 & ((1 << (length - 8)) - 1),
    );
    let octet = (1..=223_u8)
        .filter(|octet| !RESERVED.contains(octet))
        .nth(usize::from(nth_octet))
        .unwrap_or(1);
    let address = Ipv4Addr::from_bits(u32::from(octet) << 24 | inside << (32 - length));
    Prefix4::containing(address, length).unwrap_or_else(|_| Prefix4::host(address))
}

/// The n-th IPv6 prefix of a seed; `number` below [`MAXIMUM`].
#[must_use]
pub fn prefix6(seed: Seed, number: u32) -> Prefix6 {
    let (length, rank) = length(&LENGTHS6, u64::from(number));
    let inside = length - BLOCK6_LENGTH;
    let slot = permute(
        seed.nth(u64::from(length)),
        rank,
        (BLOCKS6.len() as u64) << inside,
    );
    let block = BLOCKS6
        .get((slot >> inside) as usize)
        .copied()
        .unwrap_or(BLOCKS6[0]);
    let bits = u128::from(block) << 112 | u128::from(slot & ((1 << inside) - 1)) << (128 - length);
    let address = Ipv6Addr::from_bits(bits);
    Prefix6::containing(address, length).unwrap_or_else(|_| Prefix6::host(address))
}

/// Where a number below `size` goes in a permutation of all of them: a Feistel network over the next even number of bits,
/// walked until it comes out inside.
fn permute(seed: Seed, number: u64, size: u64) -> u64 {
    let bits = u64::BITS - size.saturating_sub(1).leading_zeros();
    let half = bits.div_ceil(2).max(1);
    let mask = (1_u64 << half) - 1;
    let mut value = number;
    loop {
        let (mut left, mut right) = (value >> half, value & mask);
        for round in 0..4 {
            let mixed = mix(right ^ seed.0.rotate_left(round * 16)) & mask;
            (left, right) = (right, left ^ mixed);
        }
        value = left << half | right;
        // A permutation of a larger set: from inside, one always comes back inside.
        if value < size {
            return value;
        }
    }
}

/// The finaliser of splitmix64.
const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prefixes_never_repeat_and_have_the_mix() {
        const COUNT: u32 = 200_000;
        let seed = Seed(7);
        let four: BTreeSet<Prefix4> = (0..COUNT).map(|n| prefix4(seed, n)).collect();
        let six: BTreeSet<Prefix6> = (0..COUNT).map(|n| prefix6(seed, n)).collect();
        assert_eq!((four.len(), six.len()), (COUNT as usize, COUNT as usize));
        let mut lengths = BTreeMap::new();
        for prefix in &four {
            *lengths.entry(prefix.length()).or_insert(0) += 1;
            assert!(!RESERVED.contains(&prefix.network().octets()[0]));
            assert!((1..=223).contains(&prefix.network().octets()[0]));
        }
        let expected: BTreeMap<u8, u64> = LENGTHS4.iter().map(|(l, share)| (*l, share * 20)).collect();
        assert_eq!(lengths, expected);
        for (lengths, sum) in [(&LENGTHS4[..], STRETCH), (&LENGTHS6[..], STRETCH)] {
            assert_eq!(lengths.iter().map(|(_, share)| share).sum::<u64>(), sum);
        }
    }

    #[test]
    fn there_are_as_many_as_promised() {
        for &(length, share) in &LENGTHS4 {
            assert!(
                FIRST_OCTETS << (length - 8) >= u64::from(MAXIMUM) / STRETCH * share,
                "/{length}"
            );
        }
        for &(length, share) in &LENGTHS6 {
            let slots = (BLOCKS6.len() as u64) << (length - BLOCK6_LENGTH);
            assert!(slots >= u64::from(MAXIMUM) / STRETCH * share, "/{length}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_and_another_one_another() {
        let first = |seed| (0..50).map(|n| prefix4(Seed(seed), n)).collect::<Vec<_>>();
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }

    proptest! {
        #[test]
        fn a_permutation(seed in any::<u64>(), size in 1_u64..2000) {
            let all: BTreeSet<u64> = (0..size).map(|n| permute(Seed(seed), n, size)).collect();
            prop_assert_eq!(all.len() as u64, size);
            prop_assert!(all.iter().all(|n| *n < size));
        }
    }
}
