//! The routes that are in the kernel as wanted, packed: 12 bytes for an IPv4 route, 24 for an IPv6 one.

use std::hash::BuildHasher;
use std::net::{Ipv4Addr, Ipv6Addr};

use foldhash::quality::FixedState;
use hashbrown::HashTable;
use waypost_netlink::RouteProtocol;
use waypost_types::{Prefix, Prefix4, Prefix6, RouteKind, Seed};

use crate::object::Index;

/// What a route of ours says: through which object, for whom, and what happens to packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) object: Index,
    pub(crate) protocol: RouteProtocol,
    pub(crate) kind: RouteKind,
}

/// One route that is in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) form: Form,
    /// Left from an earlier life, and nobody has asked for it yet.
    pub(crate) stray: bool,
    /// Which resync saw it last; two values are enough to tell this one from the one before.
    pub(crate) mark: bool,
}

#[derive(Clone, Copy)]
struct Packed<K> {
    key: K,
    object: Index,
    length: u8,
    protocol: u8,
    bits: u8,
}

const STRAY: u8 = 4;
const MARK: u8 = 8;

impl<K> Packed<K> {
    fn new(key: K, length: u8, row: Row) -> Self {
        let kind = match row.form.kind {
            RouteKind::Unicast => 0,
            RouteKind::Blackhole => 1,
            RouteKind::Unreachable => 2,
            RouteKind::Prohibit => 3,
        };
        Self {
            key,
            object: row.form.object,
            length,
            protocol: row.form.protocol.0,
            bits: kind | if row.stray { STRAY } else { 0 } | if row.mark { MARK } else { 0 },
        }
    }

    fn row(&self) -> Row {
        let kind = match self.bits & 3 {
            0 => RouteKind::Unicast,
            1 => RouteKind::Blackhole,
            2 => RouteKind::Unreachable,
            _ => RouteKind::Prohibit,
        };
        Row {
            form: Form {
                object: self.object,
                protocol: RouteProtocol(self.protocol),
                kind,
            },
            stray: self.bits & STRAY != 0,
            mark: self.bits & MARK != 0,
        }
    }
}

/// Address bits as a key without alignment holes.
trait Key: Copy + Eq + std::hash::Hash {
    fn prefix(self, length: u8) -> Option<Prefix>;
}

impl Key for u32 {
    fn prefix(self, length: u8) -> Option<Prefix> {
        Prefix4::new(Ipv4Addr::from(self), length).ok().map(Prefix::V4)
    }
}

impl Key for [u32; 4] {
    fn prefix(self, length: u8) -> Option<Prefix> {
        let [a, b, c, d] = self.map(u128::from);
        let bits = a << 96 | b << 64 | c << 32 | d;
        Prefix6::new(Ipv6Addr::from(bits), length).ok().map(Prefix::V6)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "each quarter is cut out on purpose"
)]
const fn quarters(bits: u128) -> [u32; 4] {
    [
        (bits >> 96) as u32,
        (bits >> 64) as u32,
        (bits >> 32) as u32,
        bits as u32,
    ]
}

struct Side<K> {
    table: HashTable<Packed<K>>,
}

impl<K: Key> Side<K> {
    fn get(&self, hasher: &FixedState, key: K, length: u8) -> Option<Row> {
        let hash = hasher.hash_one((key, length));
        let found = self
            .table
            .find(hash, |row| row.key == key && row.length == length)?;
        Some(found.row())
    }

    fn put(&mut self, hasher: &FixedState, key: K, length: u8, row: Row) {
        let hash = hasher.hash_one((key, length));
        let packed = Packed::new(key, length, row);
        match self
            .table
            .find_mut(hash, |row| row.key == key && row.length == length)
        {
            Some(found) => *found = packed,
            None => {
                self.table
                    .insert_unique(hash, packed, |row| hasher.hash_one((row.key, row.length)));
            }
        }
    }

    fn take(&mut self, hasher: &FixedState, key: K, length: u8) -> Option<Row> {
        let hash = hasher.hash_one((key, length));
        let entry = self
            .table
            .find_entry(hash, |row| row.key == key && row.length == length)
            .ok()?;
        let (packed, _) = entry.remove();
        if self.table.len() < self.table.capacity() / 8 {
            self.table
                .shrink_to(self.table.len() * 2, |row| hasher.hash_one((row.key, row.length)));
        }
        Some(packed.row())
    }

    fn select(&self, wanted: &mut impl FnMut(&Row) -> bool, found: &mut Vec<Prefix>) {
        let rows = self.table.iter().filter(|packed| wanted(&packed.row()));
        found.extend(rows.filter_map(|packed| packed.key.prefix(packed.length)));
    }
}

/// All rows. Hash order never shows: whoever looks at more than one gets them sorted.
pub(crate) struct Rows {
    hasher: FixedState,
    v4: Side<u32>,
    v6: Side<[u32; 4]>,
}

impl Rows {
    pub(crate) fn new(seed: Seed) -> Self {
        Self {
            hasher: FixedState::with_seed(seed.child("fib rows").0),
            v4: Side {
                table: HashTable::new(),
            },
            v6: Side {
                table: HashTable::new(),
            },
        }
    }

    pub(crate) fn get(&self, prefix: Prefix) -> Option<Row> {
        match prefix {
            Prefix::V4(p) => self.v4.get(&self.hasher, p.bits(), p.length()),
            Prefix::V6(p) => self.v6.get(&self.hasher, quarters(p.bits()), p.length()),
        }
    }

    pub(crate) fn put(&mut self, prefix: Prefix, row: Row) {
        match prefix {
            Prefix::V4(p) => self.v4.put(&self.hasher, p.bits(), p.length(), row),
            Prefix::V6(p) => self.v6.put(&self.hasher, quarters(p.bits()), p.length(), row),
        }
    }

    pub(crate) fn take(&mut self, prefix: Prefix) -> Option<Row> {
        match prefix {
            Prefix::V4(p) => self.v4.take(&self.hasher, p.bits(), p.length()),
            Prefix::V6(p) => self.v6.take(&self.hasher, quarters(p.bits()), p.length()),
        }
    }

    /// The destinations of the rows that `wanted` picks, in order: one linear pass.
    pub(crate) fn select(&self, mut wanted: impl FnMut(&Row) -> bool) -> Vec<Prefix> {
        let mut found = Vec::new();
        self.v4.select(&mut wanted, &mut found);
        self.v6.select(&mut wanted, &mut found);
        found.sort_unstable();
        found
    }

    pub(crate) fn len(&self) -> usize {
        self.v4.table.len() + self.v6.table.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.v4.table.allocation_size() + self.v6.table.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waypost_netlink::constants::RTPROT_RIP;

    #[test]
    fn rows_are_small_and_come_back_as_they_were() {
        assert_eq!(size_of::<Packed<u32>>(), 12);
        assert_eq!(size_of::<Packed<[u32; 4]>>(), 24);
        let mut rows = Rows::new(Seed(1));
        let kinds = [
            RouteKind::Unicast,
            RouteKind::Blackhole,
            RouteKind::Unreachable,
            RouteKind::Prohibit,
        ];
        let mut all = Vec::new();
        for (object, kind) in (0..).zip(kinds) {
            for text in [format!("10.{object}.0.0/16"), format!("2001:db8:{object}::/48")] {
                let form = Form {
                    object,
                    protocol: RTPROT_RIP,
                    kind,
                };
                let row = Row {
                    form,
                    stray: object % 2 == 0,
                    mark: object > 1,
                };
                all.push((text.parse::<Prefix>().unwrap(), row));
            }
        }
        all.iter().for_each(|&(prefix, row)| rows.put(prefix, row));
        for &(prefix, row) in &all {
            assert_eq!(rows.get(prefix), Some(row));
        }
        assert_eq!(rows.get("10.0.0.0/17".parse().unwrap()), None);
        let mut sorted: Vec<_> = all.iter().map(|&(prefix, _)| prefix).collect();
        sorted.sort_unstable();
        assert_eq!(rows.select(|_| true), sorted);
        assert_eq!(rows.select(|row| row.stray).len(), 4);
        for &(prefix, row) in &all {
            assert_eq!(rows.take(prefix), Some(row));
            assert_eq!(rows.take(prefix), None);
        }
        assert_eq!(rows.len(), 0);
    }
}
