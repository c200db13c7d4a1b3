//! A trie of prefixes, an octet a level, with a 32-bit number for each.
//!
//! A node stands for whole octets of an address. It has a child for every further octet under which there is something, and
//! an entry for every prefix that ends within the octet after it: up to 2 + 4 + .. + 256 of them, each at the position that a
//! one followed by the prefix's last bits makes. So a look-up in a full IPv4 table touches three nodes, of which two are always
//! in the cache, and finds the longest match in one of them by testing eight bits of a bitmap.
//!
//! Entries and children are packed into blocks of one arena ([`packed`], [`arena`]): no prefix has a heap block of its own, and
//! with the mix of the public table one takes about ten octets.

mod arena;
mod packed;

use std::marker::PhantomData;

use arena::Arena;
use packed::Packed;

/// No node.
const NONE: u32 = u32::MAX;

/// Prefixes that are touched at a time.
pub(crate) const ABREAST: usize = 32;

/// Where everything begins.
const ROOT: u32 = 0;

#[derive(Clone, Copy, Debug, Default)]
struct Node {
    /// Positions, from 2 on.
    entries: Packed<16>,
    children: Packed<8>,
}

/// Octets of an address, at most 16.
pub(crate) trait Bits: Copy + Default + AsRef<[u8]> + AsMut<[u8]> {}

impl Bits for [u8; 4] {}
impl Bits for [u8; 16] {}

/// Most levels of nodes.
const LEVELS: usize = 16;

/// Prefixes of addresses of one family. Bits after a prefix's length are zero.
#[derive(Debug)]
pub(crate) struct Trie<B> {
    nodes: Vec<Node>,
    free_node: u32,
    arena: Arena,
    /// The number of the prefix of length 0.
    shortest: Option<u32>,
    len: usize,
    bits: PhantomData<B>,
}

/// An item in the order of addresses, of two with the same the shorter one first.
pub(crate) type Item<B> = (B, u8, u32);

/// The level of the node that a prefix of `length`, not 0, is in, and how many bits of the level's octet it has.
const fn level_of(length: u8) -> (usize, u8) {
    ((length as usize - 1) / 8, (length - 1) % 8 + 1)
}

/// The position of a prefix that has the upper `depth` bits of an octet.
const fn position(octet: u8, depth: u8) -> u16 {
    1 << depth | (octet as u16) >> (8 - depth)
}

impl<B: Bits> Default for Trie<B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Bits> Trie<B> {
    pub(crate) const fn new() -> Self {
        Self {
            nodes: Vec::new(),
            free_node: NONE,
            arena: Arena::new(),
            shortest: None,
            len: 0,
            bits: PhantomData,
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Bytes that hold it.
    pub(crate) fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.arena.bytes()
    }

    fn child(&self, node: u32, octet: u8) -> Option<u32> {
        self.nodes
            .get(node as usize)?
            .children
            .get(&self.arena, octet.into())
    }

    /// The number of exactly this prefix.
    pub(crate) fn get(&self, bits: &B, length: u8) -> Option<u32> {
        if length == 0 {
            return self.shortest;
        }
        let (level, depth) = level_of(length);
        let mut node = ROOT;
        for octet in &bits.as_ref()[..level] {
            node = self.child(node, *octet)?;
        }
        let node = self.nodes.get(node as usize)?;
        node.entries
            .get(&self.arena, position(bits.as_ref()[level], depth))
    }

    /// Reads what look-ups of these prefixes, up to [`ABREAST`], are going to read.
    ///
    /// Memory is a hundred times slower than the processor, but it answers many questions at once. Who goes through many
    /// prefixes has all of them touched first, step by step, where none waits for another, and then finds everything at hand.
    pub(crate) fn touch(&self, prefixes: impl Iterator<Item = (B, u8)>) {
        if self.nodes.is_empty() {
            return;
        }
        let mut nodes = [NONE; ABREAST];
        for (place, (bits, length)) in nodes.iter_mut().zip(prefixes) {
            let (level, _) = level_of(length.max(1));
            let mut node = ROOT;
            for octet in &bits.as_ref()[..level] {
                match self.child(node, *octet) {
                    Some(child) => node = child,
                    None => break,
                }
            }
            *place = node;
        }
        let entries = nodes.map(|node| {
            let row = self.nodes.get(node as usize);
            row.map_or_else(Packed::default, |row| row.entries)
        });
        let mut read = 0;
        for entries in entries {
            read ^= entries.touch(&self.arena);
        }
        std::hint::black_box(read);
    }

    /// Adds a prefix with this number, unless it is there: then gives the number it has.
    pub(crate) fn insert(&mut self, bits: &B, length: u8, number: u32) -> Option<u32> {
        if length == 0 {
            if self.shortest.is_none() {
                self.shortest = Some(number);
                self.len += 1;
                return None;
            }
            return self.shortest;
        }
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let (level, depth) = level_of(length);
        let mut node = ROOT;
        for octet in &bits.as_ref()[..level] {
            node = match self.child(node, *octet) {
                Some(child) => child,
                None => self.add_node(node, *octet),
            };
        }
        let position = position(bits.as_ref()[level], depth);
        let row = &mut self.nodes[node as usize];
        let known = row.entries.get(&self.arena, position);
        if known.is_none() {
            row.entries.insert(&mut self.arena, position, number);
            self.len += 1;
        }
        known
    }

    fn add_node(&mut self, parent: u32, octet: u8) -> u32 {
        let number = match self.nodes.get_mut(self.free_node as usize) {
            Some(free) => {
                let number = self.free_node;
                self.free_node = free.next_free();
                *free = Node::default();
                number
            }
            None => {
                if self.nodes.len() == self.nodes.capacity() {
                    self.nodes.reserve_exact((self.nodes.len() / 8).max(64));
                }
                self.nodes.push(Node::default());
                // INVARIANT: there are fewer nodes than octets of prefixes, whose rows are refused long before.
                (self.nodes.len() - 1) as u32
            }
        };
        self.nodes[parent as usize]
            .children
            .insert(&mut self.arena, octet.into(), number);
        number
    }

    /// Removes a prefix and gives its number.
    pub(crate) fn remove(&mut self, bits: &B, length: u8) -> Option<u32> {
        let removed = if length == 0 {
            self.shortest.take()?
        } else {
            let (level, depth) = level_of(length);
            let mut path = [NONE; LEVELS];
            let mut node = ROOT;
            for (place, octet) in path.iter_mut().zip(&bits.as_ref()[..level]) {
                *place = node;
                node = self.child(node, *octet)?;
            }
            let row = self.nodes.get_mut(node as usize)?;
            let removed = row
                .entries
                .remove(&mut self.arena, position(bits.as_ref()[level], depth))?;
            self.prune(&path[..level], bits, node);
            removed
        };
        self.len -= 1;
        if self.len == 0 {
            // Give the memory back.
            *self = Self::new();
        }
        Some(removed)
    }

    /// Frees a node that is empty, and those above it that become so.
    fn prune(&mut self, path: &[u32], bits: &B, mut node: u32) {
        for (level, &parent) in path.iter().enumerate().rev() {
            let row = &mut self.nodes[node as usize];
            if !row.entries.is_empty() || !row.children.is_empty() {
                return;
            }
            *row = Node::free(self.free_node);
            self.free_node = node;
            self.nodes[parent as usize]
                .children
                .remove(&mut self.arena, bits.as_ref()[level].into());
            node = parent;
        }
    }

    /// The number of the longest prefix of the first `length` bits, itself included, that is accepted.
    pub(crate) fn longest(&self, bits: &B, length: u8, accept: impl Fn(u32) -> bool) -> Option<u32> {
        let mut path = [NONE; LEVELS];
        let mut levels = 0;
        let mut node = ROOT;
        // Whole octets on the way; the node below the last of them may have prefixes that long.
        while levels * 8 < usize::from(length) && (node as usize) < self.nodes.len() {
            path[levels] = node;
            let octet = bits.as_ref()[levels];
            levels += 1;
            match self.child(node, octet) {
                Some(child) => node = child,
                None => break,
            }
        }
        for level in (0..levels).rev() {
            let deepest = (usize::from(length) - level * 8).min(8) as u8;
            let positions = (1..=deepest)
                .rev()
                .map(|depth| position(bits.as_ref()[level], depth));
            let entries = self.nodes[path[level] as usize].entries;
            if let Some(number) = entries.first_of(&self.arena, positions, &accept) {
                return Some(number);
            }
        }
        self.shortest.filter(|number| accept(*number))
    }

    /// The first item, or the first one after a prefix, which need not be there.
    pub(crate) fn next(&self, after: Option<(&B, u8)>) -> Option<Item<B>> {
        let Some((bits, length)) = after else {
            let shortest = self.shortest.map(|number| (B::default(), 0, number));
            return shortest.or_else(|| self.first_in(ROOT, 0, B::default(), (0, 1)));
        };
        if length == 0 {
            return self.first_in(ROOT, 0, B::default(), (0, 1));
        }
        let (level, depth) = level_of(length);
        let mut path = [NONE; LEVELS];
        let mut node = Some(ROOT).filter(|_| !self.nodes.is_empty());
        let mut levels = 0;
        while let Some(there) = node {
            path[levels] = there;
            if levels == level {
                break;
            }
            node = self.child(there, bits.as_ref()[levels]);
            levels += 1;
        }
        if node.is_some() {
            // Longer ones at the same address, then the rest of the node.
            let found = self.first_in(
                path[level],
                level,
                *bits,
                (bits.as_ref()[level].into(), depth + 1),
            );
            if found.is_some() {
                return found;
            }
        }
        // What is under the octets of the path is done; on with the next octet, further and further up.
        (0..levels.min(level)).rev().find_map(|level| {
            let next = u16::from(bits.as_ref()[level]) + 1;
            self.first_in(path[level], level, *bits, (next, 1))
        })
    }

    /// The first item in or below a node, from an octet and a depth of prefixes that begin at it on; depth 9 is the child's.
    fn first_in(&self, node: u32, level: usize, mut bits: B, from: (u16, u8)) -> Option<Item<B>> {
        let row = self.nodes.get(node as usize)?;
        bits.as_mut()[level..].fill(0);
        let child = row.children.next(&self.arena, from.0);
        // At the same octet an entry is shorter than what is in the child.
        let last = child.map_or(0xFF, |(octet, _)| octet);
        match (self.first_entry(row, from, last), child) {
            (Some((octet, depth, number)), _) => {
                bits.as_mut()[level] = octet as u8;
                Some((bits, (level * 8) as u8 + depth, number))
            }
            (None, Some((octet, child))) => {
                bits.as_mut()[level] = octet as u8;
                // INVARIANT: a node below another has something in it.
                self.first_in(child, level + 1, bits, (0, 1))
            }
            (None, None) => None,
        }
    }

    /// The first entry from an octet and depth on, up to a last octet: octet, depth and number.
    fn first_entry(&self, row: &Node, from: (u16, u8), last: u16) -> Option<(u16, u8, u32)> {
        if let Some(list) = row.entries.as_list(&self.arena) {
            let place = |(position, number): (u16, u32)| {
                // A one, and behind it the bits.
                let depth = position.ilog2() as u8;
                (position << (8 - depth) & 0xFF, depth, number)
            };
            return list
                .map(place)
                .filter(|&(octet, depth, _)| (octet, depth) >= from && octet <= last)
                .min();
        }
        (from.0..=last).find_map(|octet| {
            // Prefixes that begin at an octet have at least as many bits as it has before its zeros at the end.
            let least = (8 - (octet | 256).trailing_zeros() as u8).max(1);
            let first = if octet == from.0 { from.1.max(least) } else { least };
            let depth =
                (first..=8).find(|depth| row.entries.contains(&self.arena, position(octet as u8, *depth)))?;
            let number = row.entries.get(&self.arena, position(octet as u8, depth))?;
            Some((octet, depth, number))
        })
    }
}

impl Node {
    /// A free node that names the next one.
    fn free(next: u32) -> Self {
        Self {
            entries: Packed::holding(next),
            children: Packed::default(),
        }
    }

    fn next_free(self) -> u32 {
        self.entries.held()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Prefixes that often cover each other: octets of few values.
    fn prefix() -> impl Strategy<Value = ([u8; 4], u8)> {
        let octet = prop::sample::select(&[0_u8, 1, 2, 127, 128, 192, 254, 255][..]);
        (prop::array::uniform4(octet), 0..=32_u8).prop_map(|(octets, length)| masked(octets, length))
    }

    fn masked(octets: [u8; 4], length: u8) -> ([u8; 4], u8) {
        let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
        ((u32::from_be_bytes(octets) & mask).to_be_bytes(), length)
    }

    type Model = BTreeMap<([u8; 4], u8), u32>;

    fn check(trie: &Trie<[u8; 4]>, model: &Model, at: ([u8; 4], u8)) -> Result<(), TestCaseError> {
        prop_assert_eq!(trie.len(), model.len());
        prop_assert_eq!(trie.get(&at.0, at.1), model.get(&at).copied());
        for odd in [false, true] {
            let accept = |number: u32| !odd || number % 2 == 1;
            let covering = (0..=at.1)
                .rev()
                .filter_map(|length| model.get(&masked(at.0, length)).copied());
            let longest = covering.into_iter().find(|number| accept(*number));
            prop_assert_eq!(trie.longest(&at.0, at.1, accept), longest);
        }
        let after = std::ops::Bound::Excluded(at);
        let next = model.range((after, std::ops::Bound::Unbounded)).next();
        let next = next.map(|(&(bits, length), &number)| (bits, length, number));
        prop_assert_eq!(trie.next(Some((&at.0, at.1))), next);
        Ok(())
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(operations in prop::collection::vec((prefix(), any::<bool>()), 1..300)) {
            let mut trie = Trie::<[u8; 4]>::new();
            let mut model = Model::new();
            for (number, (at, adds)) in operations.into_iter().enumerate() {
                let number = number as u32;
                if adds {
                    let known = model.get(&at).copied();
                    prop_assert_eq!(trie.insert(&at.0, at.1, number), known);
                    model.entry(at).or_insert(number);
                } else {
                    prop_assert_eq!(trie.remove(&at.0, at.1), model.remove(&at));
                }
                check(&trie, &model, at)?;
            }
            let mut items = Vec::new();
            let mut last = trie.next(None);
            while let Some((bits, length, number)) = last {
                items.push(((bits, length), number));
                last = trie.next(Some((&bits, length)));
            }
            prop_assert_eq!(items, model.iter().map(|(at, number)| (*at, *number)).collect::<Vec<_>>());
            for (bits, length) in model.into_keys() {
                prop_assert!(trie.remove(&bits, length).is_some());
            }
            prop_assert_eq!((trie.len(), trie.bytes()), (0, 0));
        }
    }

    #[test]
    fn long_addresses() {
        let mut trie = Trie::<[u8; 16]>::new();
        let mut bits = [0; 16];
        (bits[0], bits[1], bits[15]) = (0x20, 1, 1);
        assert_eq!(trie.insert(&bits, 128, 1), None);
        assert_eq!(trie.insert(&[0; 16], 0, 2), None);
        let mut wide = [0; 16];
        wide[0] = 0x20;
        assert_eq!(trie.insert(&wide, 3, 3), None);
        assert_eq!(trie.longest(&bits, 128, |_| true), Some(1));
        assert_eq!(trie.longest(&bits, 127, |_| true), Some(3));
        assert_eq!(trie.longest(&bits, 2, |_| true), Some(2));
        assert_eq!(trie.next(Some((&wide, 3))), Some((bits, 128, 1)));
        assert_eq!(trie.next(Some((&bits, 128))), None);
    }
}
