//! Repeatable damage: what a fuzzer without feedback does to its corpus.

use waypost_types::Random;

/// Numbers that parsers get wrong.
const INTERESTING: [u32; 14] = [
    0,
    1,
    2,
    16,
    25,
    32,
    33,
    0x7F,
    0x80,
    0xFF,
    0xFFFF,
    0x7FFF_FFFF,
    0x8000_0000,
    u32::MAX,
];

/// The longest input that mutation makes.
const LONGEST: usize = 8192;

/// Damages `octets` in one to eight places; `others` is the rest of the corpus, to splice with.
pub fn mutate(octets: &[u8], others: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut octets = octets.to_vec();
    for _ in 0..=random.below(8) {
        damage(&mut octets, others, random);
    }
    octets.truncate(LONGEST);
    octets
}

fn damage(octets: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Random) {
    let at = random.below(octets.len() as u64) as usize;
    match random.below(10) {
        0 => octets.truncate(at),
        1 => octets.extend(
            (0..random.below(24))
                .map(|_| random.next_u64() as u8)
                .collect::<Vec<_>>(),
        ),
        2 => splice(octets, others, at, random),
        3 => {
            let end = octets.len().min(at + random.below(32) as usize);
            octets.drain(at..end);
        }
        4 => {
            let end = octets.len().min(at + random.below(32) as usize);
            let copy = octets[at..end].to_vec();
            octets.splice(at..at, copy);
        }
        5 => {
            let number = INTERESTING[random.below(INTERESTING.len() as u64) as usize];
            let width = [1, 2, 4][random.below(3) as usize];
            let number = if random.chance(1, 4) {
                number.swap_bytes().to_le_bytes()
            } else {
                number.to_le_bytes()
            };
            for (place, octet) in octets.iter_mut().skip(at).zip(number).take(width) {
                *place = octet;
            }
        }
        6 => {
            if let Some(octet) = octets.get_mut(at) {
                *octet = octet.wrapping_add(random.below(9) as u8).wrapping_sub(4);
            }
        }
        7 => octets.insert(at, random.next_u64() as u8),
        _ => {
            if let Some(octet) = octets.get_mut(at) {
                *octet ^= 1 << random.below(8);
            }
        }
    }
}

/// Puts a piece of another input in place of what follows `at`, or between.
fn splice(octets: &mut Vec<u8>, others: &[Vec<u8>], at: usize, random: &mut Random) {
    let Some(other) = others.get(random.below(others.len() as u64) as usize) else {
        return;
    };
    let from = random.below(other.len() as u64) as usize;
    let piece = other[from..].iter().copied();
    if random.chance(1, 2) {
        octets.truncate(at);
        octets.extend(piece);
    } else {
        octets.splice(at..at, piece.take(64));
    }
}
