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

    /// Forgets those not heard for `silence`. Returns who that was and when to look again.
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

/// How many pairs of sender and key one interface remembers the last number of. More than there can be neighbours, so
/// that one who is none any more can always make room.
pub const MAXIMUM_SEQUENCES: usize = 4 * MAXIMUM_NEIGHBORS;

/// The last number received under a key.
#[derive(Clone, Copy, Debug)]
struct Last {
    number: u32,
    at: Time,
}

/// The sequence numbers received on one interface (RFC 2082 §3.2.2, kept by RFC 4822).
///
/// They outlive neighbours, carrier and the interface itself: if silence made us forget them, any message recorded earlier
/// would be believed afterwards.
#[derive(Clone, Debug, Default)]
pub struct Sequences {
    last: BTreeMap<(Ipv4Addr, u8), Last>,
}

impl Sequences {
    /// Whether a message of `from` with this number is no replay.
    ///
    /// Numbers never decrease. A router that lost its own begins with 0, which is believed once it was silent for so long
    /// that it is no neighbour any more.
    #[must_use]
    pub fn admit(&self, from: Ipv4Addr, key: u8, number: u32, is_neighbor: bool) -> bool {
        self.last
            .get(&(from, key))
            .is_none_or(|last| number >= last.number || (number == 0 && !is_neighbor))
    }

    /// Whether a number of `from` under `key` is known.
    #[must_use]
    pub fn knows(&self, from: Ipv4Addr, key: u8) -> bool {
        self.last.contains_key(&(from, key))
    }

    /// Remembers an admitted number. When there are too many, whoever is no neighbour and was heard longest ago is forgotten.
    pub fn remember(&mut self, now: Time, from: Ipv4Addr, key: u8, number: u32, neighbors: &Neighbors) {
        if self.last.len() >= MAXIMUM_SEQUENCES && !self.knows(from, key) {
            let oldest = self
                .last
                .iter()
                .filter(|((from, _), _)| neighbors.get(*from).is_none())
                .min_by_key(|(_, last)| last.at)
                .or_else(|| self.last.iter().min_by_key(|(_, last)| last.at))
                .map(|(sender, _)| *sender);
            if let Some(oldest) = oldest {
                self.last.remove(&oldest);
            }
        }
        self.last.insert((from, key), Last { number, at: now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

    #[test]
    fn sequence_numbers_never_decrease_under_one_key() {
        let mut sequences = Sequences::default();
        let nobody = Neighbors::default();
        let mut take = |key, number, is_neighbor| {
            let admitted = sequences.admit(FROM, key, number, is_neighbor);
            if admitted {
                sequences.remember(Time::ZERO, FROM, key, number, &nobody);
            }
            admitted
        };
        assert!(take(1, 10, false));
        assert!(take(1, 10, true));
        assert!(!take(1, 9, true));
        assert!(!take(1, 9, false));
        // Another key has numbers of its own: rollover starts them afresh.
        assert!(take(2, 3, true));
        assert!(take(1, 11, true));
        // 0 begins anew, but only after connectivity was lost.
        assert!(!take(1, 0, true));
        assert!(take(1, 0, false));
        assert!(take(1, 1, true));
    }

    #[test]
    fn made_up_senders_do_not_push_out_the_numbers_of_neighbours() {
        let (mut sequences, mut neighbors) = (Sequences::default(), Neighbors::default());
        neighbors.entry(FROM, Time::ZERO, Version::V2).unwrap();
        sequences.remember(Time::ZERO, FROM, 1, 7, &neighbors);
        for number in 0..2 * u32::try_from(MAXIMUM_SEQUENCES).unwrap() {
            let from = Ipv4Addr::from(0x0A00_0000 + number);
            sequences.remember(Time::from_secs(1), from, 1, 7, &neighbors);
        }
        assert_eq!(sequences.last.len(), MAXIMUM_SEQUENCES);
        assert!(!sequences.admit(FROM, 1, 6, false));
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
