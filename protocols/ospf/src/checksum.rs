//! The two checksums of OSPF: of packets (RFC 1071) and of LSAs (RFC 905 Annex B).

/// Where the checksum stands in an LSA.
const LSA_CHECKSUM: usize = 16;
/// What the checksum of an LSA leaves out: the age, which changes as the LSA travels (RFC 2328 §12.1.7).
const LSA_AGE: usize = 2;
/// How many octets may be added up before the sums are reduced: the second stays below 2^32.
const FLETCHER_RUN: usize = 4102;

/// The one's complement sum of `octets` in pairs (RFC 1071); the complement of it is the checksum, and over octets that hold
/// the right checksum it is 0xFFFF.
#[must_use]
pub fn internet_sum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for part in parts {
        let (pairs, last) = part.as_chunks::<2>();
        sum += pairs
            .iter()
            .map(|pair| u64::from(u16::from_be_bytes(*pair)))
            .sum::<u64>();
        // Only the last part may be odd.
        sum += last.first().map_or(0, |octet| u64::from(*octet) << 8);
    }
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum as u16
}

fn fletcher(parts: &[&[u8]]) -> (u32, u32) {
    let (mut first, mut second) = (0_u32, 0_u32);
    for run in parts.iter().flat_map(|part| part.chunks(FLETCHER_RUN)) {
        for octet in run {
            first += u32::from(*octet);
            second += first;
        }
        first %= 255;
        second %= 255;
    }
    (first, second)
}

/// Whether the checksum of a whole LSA is right. One of zero means that it was not computed, which OSPF does not allow
/// (RFC 2328 §12.1.7).
#[must_use]
pub fn lsa_checksum_is_right(lsa: &[u8]) -> bool {
    let (Some(covered), Some(checksum)) = (lsa.get(LSA_AGE..), lsa.get(LSA_CHECKSUM..LSA_CHECKSUM + 2))
    else {
        return false;
    };
    checksum != [0, 0] && fletcher(&[covered]) == (0, 0)
}

/// The checksum that a whole LSA should have, whatever it has now. Zero when it is too short to hold one.
#[must_use]
pub fn lsa_checksum(lsa: &[u8]) -> u16 {
    let (Some(before), Some(after)) = (lsa.get(LSA_AGE..LSA_CHECKSUM), lsa.get(LSA_CHECKSUM + 2..)) else {
        return 0;
    };
    let (first, second) = fletcher(&[before, &[0, 0], after]);
    // Annex B: with n octets after the first octet of the checksum, X = n * C0 - C1 and Y = C1 - (n + 1) * C0, modulo 255.
    // Zero is written as 255, so that a checksum is never zero.
    let behind = (after.len() as u32 + 1) % 255;
    let x = (behind * first + 255 - second) % 255;
    let y = (second + (255 - (behind + 1) % 255) * first) % 255;
    let write = |value: u32| if value == 0 { 255 } else { value as u8 };
    u16::from_be_bytes([write(x), write(y)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A router-LSA without its checksum.
    const ROUTER_LSA: &str = "0001020101010101010101018000000300000024000000010a000100ffffff000300000a";

    fn octets(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn the_sum_of_rfc_1071_section_3() {
        assert_eq!(
            internet_sum(&[&[0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7]]),
            0xDDF2
        );
        assert_eq!(internet_sum(&[&[0x00, 0x01], &[0xF2]]), 0xF201);
        assert_eq!(internet_sum(&[&[]]), 0);
    }

    #[test]
    fn a_checksum_of_zero_is_none() {
        let mut lsa = octets(ROUTER_LSA);
        assert!(!lsa_checksum_is_right(&lsa));
        let checksum = lsa_checksum(&lsa);
        lsa[16..18].copy_from_slice(&checksum.to_be_bytes());
        assert!(lsa_checksum_is_right(&lsa));
        // All octets zero would sum up to zero.
        assert!(!lsa_checksum_is_right(&[0; 20]));
        assert!(!lsa_checksum_is_right(&[0; 17]));
        assert_eq!(lsa_checksum(&[1; 17]), 0);
    }

    /// The definition, octet by octet, without reduction in between.
    fn naive(lsa: &[u8]) -> (u64, u64) {
        let (mut first, mut second) = (0_u64, 0_u64);
        for octet in &lsa[2..] {
            first += u64::from(*octet);
            second += first;
        }
        (first % 255, second % 255)
    }

    proptest! {
        #[test]
        fn what_is_computed_is_right_and_damage_is_seen(
            mut lsa in prop::collection::vec(any::<u8>(), 20..6000),
            at in any::<prop::sample::Index>(),
            age in any::<[u8; 2]>(),
        ) {
            let checksum = lsa_checksum(&lsa);
            prop_assert!(checksum.to_be_bytes().iter().all(|octet| *octet != 0));
            lsa[16..18].copy_from_slice(&checksum.to_be_bytes());
            prop_assert_eq!(naive(&lsa), (0, 0));
            prop_assert!(lsa_checksum_is_right(&lsa));
            // It does not depend on what stood in its place, nor on the age.
            prop_assert_eq!(lsa_checksum(&lsa), checksum);
            lsa[..2].copy_from_slice(&age);
            prop_assert!(lsa_checksum_is_right(&lsa));
            let at = 2 + at.index(lsa.len() - 2);
            lsa[at] ^= 0x10;
            prop_assert!(!lsa_checksum_is_right(&lsa));
        }
    }
}
