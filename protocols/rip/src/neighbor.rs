//! The routers heard on an interface.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use waypost_types::Time;

use crate::packet::Version;

/// How many neighbours one interface remembers: whoever floods with made-up senders fills no more.
pub const MAXIMUM_NEIGHBORS: usize = 1024;

/// A router that sent responses (RFC 1724 rip2PeerTable).
#[derive(Clone, Debug)]
pub struct Neighbor {
    /// When it was first heard since it was last forgotten.
    pub since: Time,
    /// When its last response came.
    pub last_update: Time,
    /// The version of that response.
    pub version: Version,
    /// The last route tag it announced.
    pub last_tag: u16,
    /// Responses taken from it.
    pub updates: u32,
    /// Its responses dropped as invalid.
    pub bad_packets: u32,
    /// Its entries dropped as invalid.
    pub bad_entries: u32,
    /// The highest sequence number received under each key.
    sequences: BTreeMap<u8, u32>,
}

impl Neighbor {
    /// Whether a message with this number is no replay: numbers never decrease (RFC 2082 §3.2.2). Remembers it if so.
    pub fn admit_sequence(&mut self, key: u8, sequence: u32) -> bool {
        let last = self.sequences.entry(key).or_insert(sequence);
        let admitted = sequence >= *last;
        if admitted {
            *last = sequence;
        }
        admitted
    }
}

/// The neighbours of one interface.
#[derive(Clone, Debug, Default)]
pub struct Neighbors {
    by_address: BTreeMap<Ipv4Addr, Neighbor>,
}

impl Neighbors {
    /// All of them, by address.
    pub fn iter(&self) -> impl Iterator<Item = (&Ipv4Addr, &Neighbor)> {
        self.by_address.iter()
    }

    /// One that is known.
    pub fn get_mut(&mut self, address: Ipv4Addr) -> Option<&mut Neighbor> {
        self.by_address.get_mut(&address)
    }

    /// One that is known.
    #[must_use]
    pub fn get(&self, address: Ipv4Addr) -> Option<&Neighbor> {
        self.by_address.get(&address)
    }

    /// The neighbour of that address, new if need be; `None` when there are too many.
    pub fn entry(&mut self, address: Ipv4Addr, now: Time, version: Version) -> Option<&mut Neighbor> {
        if self.by_address.len() >= MAXIMUM_NEIGHBORS && !self.by_address.contains_key(&address) {
            return None;
        }
        Some(self.by_address.entry(address).or_insert_with(|| Neighbor {
            since: now,
            last_update: now,
            version,
            last_tag: 0,
            updates: 0,
            bad_packets: 0,
            bad_entries: 0,
            sequences: BTreeMap::new(),
        }))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_address.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_address.is_empty()
    }

    /// Forgets everybody.
    pub fn clear(&mut self) {
        self.by_address.clear();
    }

    /// Forgets those not heard for `silence`, with their sequence numbers, so that a router that lost its own may come
    /// back (RFC 2082 §3.2.2). Returns who that was and when to look again.
    pub fn expire(&mut self, now: Time, silence: Duration) -> (Vec<Ipv4Addr>, Option<Time>) {
        let mut gone = Vec::new();
        let mut next: Option<Time> = None;
        self.by_address.retain(|address, neighbor| {
            let end = neighbor.last_update + silence;
            let keep = now < end;
            if keep {
                next = Some(next.map_or(end, |next| next.min(end)));
            } else {
                gone.push(*address);
            }
            keep
        });
        (gone, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_never_decrease_under_one_key() {
        let mut neighbors = Neighbors::default();
        let neighbor = neighbors
            .entry(Ipv4Addr::new(192, 0, 2, 1), Time::ZERO, Version::V2)
            .unwrap();
        assert!(neighbor.admit_sequence(1, 10));
        assert!(neighbor.admit_sequence(1, 10));
        assert!(!neighbor.admit_sequence(1, 9));
        // Another key has numbers of its own: rollover starts them afresh.
        assert!(neighbor.admit_sequence(2, 3));
        assert!(neighbor.admit_sequence(1, 11));
    }

    #[test]
    fn made_up_senders_fill_no_more_than_the_bound() {
        let mut neighbors = Neighbors::default();
        for number in 0..5000_u32 {
            let _ = neighbors.entry(Ipv4Addr::from(0x0A00_0000 + number), Time::ZERO, Version::V2);
        }
        assert_eq!(neighbors.len(), MAXIMUM_NEIGHBORS);
        assert!(
            neighbors
                .entry(Ipv4Addr::new(10, 0, 0, 1), Time::ZERO, Version::V2)
                .is_some()
        );
        let (gone, next) = neighbors.expire(Time::from_secs(180), Duration::from_secs(180));
        assert_eq!((gone.len(), next), (MAXIMUM_NEIGHBORS, None));
    }
}
