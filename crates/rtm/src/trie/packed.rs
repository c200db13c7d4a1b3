//! A small map from numbers to 32-bit values, in one block of an arena: a few as a sorted list, more as a bitmap with the
//! values behind it in the order of its bits. Between them, for each 64 bits, how many are set before: so that the place of a
//! value takes one count of bits and not as many as the bitmap has words.

use super::arena::Arena;

/// Up to so many are a list.
const FEW: usize = 8;

/// A map of keys below `32 * WORDS`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Packed<const WORDS: usize> {
    offset: u32,
    count: u16,
}

/// The key in a list of them, two to a word.
fn listed(block: &[u32], at: usize) -> u16 {
    (block[at / 2] >> (16 * (at % 2))) as u16
}

impl<const WORDS: usize> Packed<WORDS> {
    /// An empty one that keeps a number for whom it belongs to.
    pub(super) const fn holding(number: u32) -> Self {
        Self {
            offset: number,
            count: 0,
        }
    }

    /// The number it was made to keep.
    pub(super) const fn held(self) -> u32 {
        self.offset
    }

    pub(super) const fn is_empty(self) -> bool {
        self.count == 0
    }

    const fn is_list(self) -> bool {
        self.count as usize <= FEW
    }

    /// Words of a block for so many.
    const fn words(count: usize) -> usize {
        if count <= FEW {
            count.div_ceil(2) + count
        } else {
            Self::VALUES + count
        }
    }

    /// Words before the values of a bitmap: the bits, and a half word for each 64 of them.
    const VALUES: usize = WORDS + WORDS / 4;

    fn block(self, arena: &Arena) -> &[u32] {
        if self.count == 0 {
            return &[];
        }
        arena.block(self.offset, Self::words(self.count.into()))
    }

    /// Where the values begin.
    fn first_value(self) -> usize {
        if self.is_list() {
            usize::from(self.count).div_ceil(2)
        } else {
            Self::VALUES
        }
    }

    /// How many keys are below `key`, and whether it is there itself.
    fn rank(self, block: &[u32], key: u16) -> (usize, bool) {
        if self.is_list() {
            let below = (0..usize::from(self.count))
                .take_while(|&at| listed(block, at) < key)
                .count();
            let there = below < self.count.into() && listed(block, below) == key;
            return (below, there);
        }
        let (group, bit) = (usize::from(key / 64), key % 64);
        let bits = u64::from(block[2 * group]) | u64::from(block[2 * group + 1]) << 32;
        let part = (bits & ((1 << bit) - 1)).count_ones() as usize;
        let before = usize::from(listed(&block[WORDS..], group));
        (before + part, bits >> bit & 1 != 0)
    }

    /// Counts the bits anew.
    fn sum_up(block: &mut [u32]) {
        let mut before = 0;
        for group in 0..WORDS / 2 {
            let (word, shift) = (WORDS + group / 2, 16 * (group % 2));
            block[word] = block[word] & !(0xFFFF << shift) | before << shift;
            before += block[2 * group].count_ones() + block[2 * group + 1].count_ones();
        }
    }

    /// One bit more or less is set in a group.
    fn shift_sums(block: &mut [u32], key: u16, up: bool) {
        for group in usize::from(key / 64) + 1..WORDS / 2 {
            let one = 1 << (16 * (group % 2));
            let word = &mut block[WORDS + group / 2];
            // INVARIANT: a sum is at most 511, and at least 1 where one is taken away: no half word touches the other.
            *word = if up { *word + one } else { *word - one };
        }
    }

    /// Reads the beginning of the block: the first lines of the cache that it lies on.
    pub(super) fn touch(self, arena: &Arena) -> u32 {
        arena.peek(self.offset) ^ arena.peek(self.offset + 16) ^ arena.peek(self.offset + 32)
    }

    pub(super) fn get(self, arena: &Arena, key: u16) -> Option<u32> {
        if self.count == 0 {
            return None;
        }
        let block = self.block(arena);
        let (rank, there) = self.rank(block, key);
        there.then(|| block[self.first_value() + rank])
    }

    /// Whether a key is there.
    pub(super) fn contains(self, arena: &Arena, key: u16) -> bool {
        if self.is_list() {
            return self.get(arena, key).is_some();
        }
        self.block(arena)[usize::from(key / 32)] >> (key % 32) & 1 != 0
    }

    /// The keys and values of one that is a list.
    pub(super) fn as_list(self, arena: &Arena) -> Option<impl Iterator<Item = (u16, u32)>> {
        let (block, first) = (self.block(arena), self.first_value());
        self.is_list()
            .then(|| (0..usize::from(self.count)).map(move |at| (listed(block, at), block[first + at])))
    }

    /// Adds a key that is not there.
    pub(super) fn insert(&mut self, arena: &mut Arena, key: u16, value: u32) {
        let count = usize::from(self.count);
        if count < FEW {
            let (mut keys, mut values) = self.list(arena);
            let at = keys[..count].partition_point(|known| *known < key);
            keys.copy_within(at..count, at + 1);
            values.copy_within(at..count, at + 1);
            (keys[at], values[at]) = (key, value);
            self.write_list(arena, &keys[..=count], &values[..=count]);
            return;
        }
        let (old_words, new_words) = (Self::words(count), Self::words(count + 1));
        if count == FEW {
            let (keys, values) = self.list(arena);
            arena.release(self.offset, old_words);
            self.offset = arena.allocate(new_words);
            let block = arena.block_mut(self.offset, new_words);
            block[..Self::VALUES].fill(0);
            for key in &keys[..FEW] {
                block[usize::from(key / 32)] |= 1 << (key % 32);
            }
            Self::sum_up(block);
            block[Self::VALUES..Self::VALUES + FEW].copy_from_slice(&values[..FEW]);
        } else if !Arena::same_size(old_words, new_words) {
            self.relocate(arena, old_words, new_words);
        }
        let block = arena.block_mut(self.offset, new_words);
        // As the bitmap that it is by now.
        let bitmap = Self {
            count: (FEW + 1) as u16,
            ..*self
        };
        let (rank, _) = bitmap.rank(block, key);
        block[usize::from(key / 32)] |= 1 << (key % 32);
        Self::shift_sums(block, key, true);
        let values = Self::VALUES;
        block.copy_within(values + rank..values + count, values + rank + 1);
        block[values + rank] = value;
        self.count += 1;
    }

    /// Removes a key and gives its value.
    pub(super) fn remove(&mut self, arena: &mut Arena, key: u16) -> Option<u32> {
        let value = self.get(arena, key)?;
        let count = usize::from(self.count);
        let (old_words, new_words) = (Self::words(count), Self::words(count - 1));
        if count <= FEW {
            let (mut keys, mut values) = self.list(arena);
            let at = keys[..count].partition_point(|known| *known < key);
            keys.copy_within(at + 1..count, at);
            values.copy_within(at + 1..count, at);
            self.write_list(arena, &keys[..count - 1], &values[..count - 1]);
            return Some(value);
        }
        let block = arena.block_mut(self.offset, old_words);
        let (rank, _) = self.rank(block, key);
        block[usize::from(key / 32)] &= !(1 << (key % 32));
        Self::shift_sums(block, key, false);
        block.copy_within(Self::VALUES + rank + 1..Self::VALUES + count, Self::VALUES + rank);
        if count - 1 == FEW {
            let mut keys = [0; FEW + 1];
            let set = block[..WORDS].iter().enumerate().flat_map(|(word, bits)| {
                (0..32_u16)
                    .filter(move |bit| bits >> bit & 1 != 0)
                    .map(move |bit| word as u16 * 32 + bit)
            });
            keys.iter_mut().zip(set).for_each(|(key, set)| *key = set);
            let mut values = [0; FEW + 1];
            values[..FEW].copy_from_slice(&block[Self::VALUES..Self::VALUES + FEW]);
            self.write_list(arena, &keys[..FEW], &values[..FEW]);
            return Some(value);
        }
        if !Arena::same_size(old_words, new_words) {
            self.relocate(arena, new_words, new_words);
        }
        self.count -= 1;
        Some(value)
    }

    /// Moves the first `keep` words into a block for `words`.
    fn relocate(&mut self, arena: &mut Arena, keep: usize, words: usize) {
        let old_words = Self::words(self.count.into());
        let offset = arena.allocate(words);
        arena.copy(self.offset, offset, keep);
        arena.release(self.offset, old_words);
        self.offset = offset;
    }

    /// A list's keys and values, with room for one more.
    fn list(self, arena: &Arena) -> ([u16; FEW + 1], [u32; FEW + 1]) {
        let (mut keys, mut values) = ([0; FEW + 1], [0; FEW + 1]);
        let (block, first) = (self.block(arena), self.first_value());
        for at in 0..usize::from(self.count) {
            (keys[at], values[at]) = (listed(block, at), block[first + at]);
        }
        (keys, values)
    }

    /// Makes these keys and values, at most [`FEW`], the contents.
    fn write_list(&mut self, arena: &mut Arena, keys: &[u16], values: &[u32]) {
        let (old_words, new_words) = (Self::words(self.count.into()), Self::words(keys.len()));
        let fits = self.count > 0 && new_words > 0 && Arena::same_size(old_words, new_words);
        if !fits {
            if self.count > 0 {
                arena.release(self.offset, old_words);
            }
            if new_words > 0 {
                self.offset = arena.allocate(new_words);
            }
        }
        self.count = keys.len() as u16;
        if new_words == 0 {
            return;
        }
        let first = self.first_value();
        let block = arena.block_mut(self.offset, new_words);
        for (word, pair) in keys.chunks(2).enumerate() {
            let high = pair.get(1).copied().unwrap_or(0);
            block[word] = u32::from(pair[0]) | u32::from(high) << 16;
        }
        block[first..first + values.len()].copy_from_slice(values);
    }

    /// The lowest key from `from` on, with its value.
    pub(super) fn next(self, arena: &Arena, from: u16) -> Option<(u16, u32)> {
        let block = self.block(arena);
        if self.is_list() {
            let at = (0..usize::from(self.count)).find(|&at| listed(block, at) >= from)?;
            return Some((listed(block, at), block[self.first_value() + at]));
        }
        let (word, bit) = (usize::from(from / 32), from % 32);
        let mut above = block[..WORDS].get(word)? & (u32::MAX << bit);
        let mut word = word;
        while above == 0 {
            word += 1;
            above = *block[..WORDS].get(word)?;
        }
        let key = (word * 32) as u16 + above.trailing_zeros() as u16;
        let (rank, _) = self.rank(block, key);
        Some((key, block[Self::VALUES + rank]))
    }

    /// The first of these keys that is there and whose value is accepted, with its value.
    pub(super) fn first_of(
        self,
        arena: &Arena,
        keys: impl Iterator<Item = u16>,
        accept: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        if self.count == 0 {
            return None;
        }
        let block = self.block(arena);
        if self.is_list() {
            let first = self.first_value();
            for key in keys {
                for at in 0..usize::from(self.count) {
                    if listed(block, at) == key && accept(block[first + at]) {
                        return Some(block[first + at]);
                    }
                }
            }
            return None;
        }
        for key in keys {
            if block[usize::from(key / 32)] >> (key % 32) & 1 != 0 {
                let (rank, _) = self.rank(block, key);
                let value = block[Self::VALUES + rank];
                if accept(value) {
                    return Some(value);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_map(operations in prop::collection::vec((0..512_u16, any::<bool>()), 1..400)) {
            let mut arena = Arena::new();
            let mut packed = Packed::<16>::default();
            let mut model = BTreeMap::new();
            for (number, (key, adds)) in operations.into_iter().enumerate() {
                let value = number as u32;
                if adds && !model.contains_key(&key) {
                    packed.insert(&mut arena, key, value);
                    model.insert(key, value);
                } else {
                    prop_assert_eq!(packed.remove(&mut arena, key), model.remove(&key));
                }
                prop_assert_eq!(usize::from(packed.count), model.len());
                prop_assert_eq!(packed.get(&arena, key), model.get(&key).copied());
                let next = model.range(key..).next().map(|(key, value)| (*key, *value));
                prop_assert_eq!(packed.next(&arena, key), next);
            }
            for key in 0..512 {
                prop_assert_eq!(packed.get(&arena, key), model.get(&key).copied());
            }
        }
    }
}
