//! Buffers lent to a module, with guards on both sides.

use std::ffi::c_void;

/// Octets of a guard.
const GUARD: usize = 32;
/// What a guard is filled with.
const PATTERN: u8 = 0xA5;

/// A copy of some octets that a module may write to, between guards that tell when it wrote past an end.
///
/// Aligned like `malloc`'s memory, because modules read structures from it.
pub(crate) struct Lent {
    words: Vec<u128>,
    length: usize,
}

impl Lent {
    /// Without octets; [`Self::fill`] gives it some.
    pub(crate) const fn new() -> Self {
        Self {
            words: Vec::new(),
            length: 0,
        }
    }

    /// Takes a copy of `octets`.
    pub(crate) fn fill(&mut self, octets: &[u8]) {
        self.length = octets.len();
        let size = GUARD + octets.len().next_multiple_of(size_of::<u128>()) + GUARD;
        self.words.clear();
        self.words
            .resize(size / size_of::<u128>(), u128::from_ne_bytes([PATTERN; 16]));
        self.octets_mut()[GUARD..GUARD + octets.len()].copy_from_slice(octets);
    }

    fn octets(&self) -> &[u8] {
        // SAFETY: the words are that many initialised octets, borrowed as `self` is.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast(), size_of_val(self.words.as_slice())) }
    }

    fn octets_mut(&mut self) -> &mut [u8] {
        let length = size_of_val(self.words.as_slice());
        // SAFETY: the words are that many initialised octets, borrowed as `self` is; every pattern of bits is a word.
        unsafe { std::slice::from_raw_parts_mut(self.words.as_mut_ptr().cast(), length) }
    }

    /// Where the octets begin: never NULL.
    pub(crate) fn pointer(&mut self) -> *mut c_void {
        self.octets_mut()[GUARD..].as_mut_ptr().cast()
    }

    /// What is between the guards now.
    pub(crate) fn content(&self) -> &[u8] {
        &self.octets()[GUARD..GUARD + self.length]
    }

    /// Whether nothing was written outside.
    pub(crate) fn is_intact(&self) -> bool {
        let octets = self.octets();
        // All octets at once rather than until the first other one: this is part of each call.
        let others = |guard: &[u8]| guard.iter().fold(0, |others, octet| others | (octet ^ PATTERN));
        others(&octets[..GUARD]) | others(&octets[GUARD + self.length..]) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_tell() {
        let mut lent = Lent::new();
        for length in [0, 1, 15, 16, 17, 1000] {
            let octets: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            lent.fill(&octets);
            assert_eq!(lent.content(), octets);
            assert!(lent.is_intact());
            assert_eq!(lent.pointer() as usize % 16, 0);
            for outside in [GUARD - 1, GUARD + length, GUARD + length + GUARD - 1] {
                lent.fill(&octets);
                lent.octets_mut()[outside] ^= 1;
                assert!(!lent.is_intact(), "{length}: {outside}");
            }
        }
    }
}
