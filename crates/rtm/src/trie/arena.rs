//! Blocks of 32-bit words, all in one vector. A block that is given back is used again for blocks of its size.
//!
//! Sizes are eight to a doubling, so that a block is at most an eighth larger than what was asked for.

/// How many sizes there are; the largest is of 1024 words.
const CLASSES: usize = 64;

/// No block.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Arena {
    words: Vec<u32>,
    /// The first free block of each size; in it the next one.
    free: [u32; CLASSES],
}

impl Arena {
    pub(super) const fn new() -> Self {
        Self {
            words: Vec::new(),
            free: [NONE; CLASSES],
        }
    }

    /// A block for at least so many words, 1..=1024, with whatever was in it.
    pub(super) fn allocate(&mut self, words: usize) -> u32 {
        let class = class_of(words);
        let head = self.free[class];
        if let Some(&next) = self.words.get(head as usize) {
            self.free[class] = next;
            return head;
        }
        let (offset, size) = (self.words.len(), size_of_class(class));
        if self.words.capacity() < offset + size {
            // At this size slack counts, and the allocator moves large blocks without copying.
            self.words.reserve_exact((offset / 8).max(1024));
        }
        self.words.resize(offset + size, 0);
        // INVARIANT: fewer than 2^32 prefixes, of at most a dozen words each, are refused long before by their rows.
        offset as u32
    }

    /// Takes back a block that was allocated for so many words.
    pub(super) fn release(&mut self, offset: u32, words: usize) {
        let class = class_of(words);
        self.words[offset as usize] = self.free[class];
        self.free[class] = offset;
    }

    /// The word at an offset, whosever it is; 0 behind the end.
    pub(super) fn peek(&self, offset: u32) -> u32 {
        self.words.get(offset as usize).copied().unwrap_or(0)
    }

    pub(super) fn block(&self, offset: u32, words: usize) -> &[u32] {
        &self.words[offset as usize..][..words]
    }

    pub(super) fn block_mut(&mut self, offset: u32, words: usize) -> &mut [u32] {
        &mut self.words[offset as usize..][..words]
    }

    /// Copies the first words of a block over those of another.
    pub(super) fn copy(&mut self, from: u32, to: u32, words: usize) {
        let from = from as usize;
        self.words.copy_within(from..from + words, to as usize);
    }

    /// Whether blocks of these sizes are of one class, so that one can become the other where it is.
    pub(super) fn same_size(a: usize, b: usize) -> bool {
        class_of(a) == class_of(b)
    }

    pub(super) fn bytes(&self) -> usize {
        self.words.capacity() * size_of::<u32>()
    }
}

/// The smallest class for so many words.
const fn class_of(words: usize) -> usize {
    if words <= 8 {
        return words - 1;
    }
    let power = (words - 1).ilog2() as usize;
    let step = 1 << (power - 3);
    8 + (power - 3) * 8 + (words - 1 - (1 << power)) / step
}

const fn size_of_class(class: usize) -> usize {
    if class < 8 {
        return class + 1;
    }
    let power = 3 + (class - 8) / 8;
    (1 << power) + ((class - 8) % 8 + 1) * (1 << (power - 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_they_are_for() {
        for words in 1..=1024 {
            let class = class_of(words);
            let size = size_of_class(class);
            assert!(
                class < CLASSES && size >= words && size <= words + words.div_ceil(8),
                "{words}"
            );
            assert!(class == 0 || size_of_class(class - 1) < words, "{words}");
        }
    }

    #[test]
    fn blocks_are_used_again() {
        let mut arena = Arena::new();
        let first = arena.allocate(20);
        let second = arena.allocate(20);
        assert_ne!(first, second);
        arena.release(first, 20);
        assert_ne!(arena.allocate(50), first);
        assert_eq!(arena.allocate(19), first);
        let length = arena.words.len();
        arena.release(second, 20);
        assert_eq!(arena.allocate(20), second);
        assert_eq!(arena.words.len(), length);
    }
}
