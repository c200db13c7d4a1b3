//! The gateways of recursive next hops, and what each of them was found to lead to.
//!
//! Gateways are few where routes are many. They are kept in a trie, so that a change of a destination concerns only those
//! under its prefix; those are *due*, and [`crate::resolve`] finds the way to them anew. What it looked at on the way is noted
//! with the answer: gateways that it came across, and interfaces. When one of these changes the answer is due as well.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use smallvec::SmallVec;
use waypost_types::{InterfaceIndex, MAX_NEXT_HOPS, NextHop, NextHops, Prefix, RouteKind};

use crate::family::{AddressFamily, Family};
use crate::trie::{Bits, Trie};

/// How many gateways may lead to each other before a next hop counts as unresolved (router-services P-61).
pub const MAX_RECURSION: usize = 8;

/// Where a recursive next hop leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The destination whose route leads to the gateway.
    pub through: Prefix,
    /// The next hops on the way to it, all of them usable and none recursive.
    pub next_hops: NextHops,
}

/// Why a recursive next hop leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// No route covers the gateway, or none of those that do can be used.
    #[error("no route leads to it")]
    NoRoute,
    /// Packets to the gateway are dropped.
    #[error("packets to it are dropped by the {kind} route to {through}")]
    Dropped {
        /// The destination that covers the gateway.
        through: Prefix,
        /// What happens to packets there.
        kind: RouteKind,
    },
    /// Only routes that lead back to the gateway cover it.
    #[error("it is only reached through itself")]
    Loop,
    /// More than [`MAX_RECURSION`] gateways lead to each other, or more routes than are looked at for one gateway.
    #[error(
        "it is reached through more than {MAX_RECURSION} gateways, or through too many routes to look at"
    )]
    TooDeep,
}

/// What was found for a gateway, and what it depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolution {
    pub(crate) outcome: Result<Resolved, Unresolved>,
    /// The numbers of the gateways come across.
    pub(crate) gateways: Vec<u32>,
    /// The interfaces come across, usable or not.
    pub(crate) interfaces: Vec<InterfaceIndex>,
}

impl Resolution {
    pub(crate) const NONE: Self = Self {
        outcome: Err(Unresolved::NoRoute),
        gateways: Vec::new(),
        interfaces: Vec::new(),
    };
}

struct Row {
    gateway: IpAddr,
    resolution: Resolution,
}

/// Every gateway, by the number of its next hop.
#[derive(Default)]
pub(crate) struct Tracked {
    rows: BTreeMap<u32, Row>,
    v4: Trie<[u8; 4]>,
    v6: Trie<[u8; 16]>,
    /// Which sets have the next hop as a member.
    sets: BTreeSet<(u32, u32)>,
    /// Which gateways a gateway was come across for.
    consulted: BTreeSet<(u32, u32)>,
    /// Which gateways an interface was come across for.
    by_interface: BTreeSet<(InterfaceIndex, u32)>,
    due: BTreeSet<u32>,
    /// Not looked for yet.
    new: Vec<u32>,
}

impl Tracked {
    pub(crate) fn add(&mut self, number: u32, gateway: IpAddr) {
        match gateway {
            IpAddr::V4(gateway) => self.v4.insert(&gateway.octets(), 32, number),
            IpAddr::V6(gateway) => self.v6.insert(&gateway.octets(), 128, number),
        };
        self.rows.insert(
            number,
            Row {
                gateway,
                resolution: Resolution::NONE,
            },
        );
        self.new.push(number);
    }

    pub(crate) fn remove(&mut self, number: u32, gateway: IpAddr) {
        match gateway {
            IpAddr::V4(gateway) => self.v4.remove(&gateway.octets(), 32),
            IpAddr::V6(gateway) => self.v6.remove(&gateway.octets(), 128),
        };
        self.set_resolution(number, Resolution::NONE);
        self.rows.remove(&number);
        self.due.remove(&number);
    }

    pub(crate) fn add_set(&mut self, number: u32, set: u32) {
        self.sets.insert((number, set));
    }

    pub(crate) fn remove_set(&mut self, number: u32, set: u32) {
        self.sets.remove(&(number, set));
    }

    /// The sets that have this next hop as a member.
    pub(crate) fn sets(&self, number: u32) -> impl Iterator<Item = u32> + '_ {
        let range = (number, 0)..=(number, u32::MAX);
        self.sets.range(range).map(|&(_, set)| set)
    }

    pub(crate) fn number(&self, gateway: IpAddr) -> Option<u32> {
        match gateway {
            IpAddr::V4(gateway) => self.v4.get(&gateway.octets(), 32),
            IpAddr::V6(gateway) => self.v6.get(&gateway.octets(), 128),
        }
    }

    pub(crate) fn gateway(&self, number: u32) -> Option<IpAddr> {
        self.rows.get(&number).map(|row| row.gateway)
    }

    pub(crate) fn resolution(&self, number: u32) -> Option<&Resolution> {
        self.rows.get(&number).map(|row| &row.resolution)
    }

    /// Takes over what was found. Says whether the next hops are others than before.
    pub(crate) fn set_resolution(&mut self, number: u32, resolution: Resolution) -> bool {
        let Some(row) = self.rows.get_mut(&number) else {
            return false;
        };
        let old = std::mem::replace(&mut row.resolution, resolution);
        let new = &row.resolution;
        if old.gateways != new.gateways {
            for gateway in &old.gateways {
                self.consulted.remove(&(*gateway, number));
            }
            self.consulted
                .extend(new.gateways.iter().map(|gateway| (*gateway, number)));
        }
        if old.interfaces != new.interfaces {
            for interface in &old.interfaces {
                self.by_interface.remove(&(*interface, number));
            }
            self.by_interface
                .extend(new.interfaces.iter().map(|interface| (*interface, number)));
        }
        let next_hops = |resolution: &Resolution| {
            let outcome = resolution.outcome.as_ref().ok();
            outcome.map(|resolved| resolved.next_hops.clone())
        };
        next_hops(&old) != next_hops(new)
    }

    /// The routes to a destination changed: the gateways under it are due.
    pub(crate) fn destination_changed<A: AddressFamily>(&mut self, bits: &A::Bits, length: u8) {
        match A::FAMILY {
            Family::V4 => under(&self.v4, bits.as_ref(), length, &self.consulted, &mut self.due),
            Family::V6 => under(&self.v6, bits.as_ref(), length, &self.consulted, &mut self.due),
        }
    }

    /// An interface is usable, or is not any more.
    pub(crate) fn interface_changed(&mut self, interface: InterfaceIndex) {
        let range = (interface, 0)..=(interface, u32::MAX);
        let numbers = self.by_interface.range(range).map(|&(_, number)| number);
        self.due.extend(numbers);
    }

    /// The gateways nobody has looked for yet.
    pub(crate) fn take_new(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.new)
    }

    /// The next gateway to be looked for again.
    pub(crate) fn pop_due(&mut self) -> Option<u32> {
        self.due.pop_first()
    }

    pub(crate) fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        let dependencies = self.consulted.len() + self.by_interface.len();
        self.v4.bytes()
            + self.v6.bytes()
            + self.rows.len() * size_of::<(u32, Row)>()
            // Each is in its row and in the index.
            + (self.sets.len() + dependencies) * size_of::<(u32, u32)>()
            + dependencies * size_of::<u32>()
    }
}

/// Adds the gateways under a prefix to those that are due, and those for which they were come across.
fn under<B: Bits>(
    trie: &Trie<B>,
    bits: &[u8],
    length: u8,
    consulted: &BTreeSet<(u32, u32)>,
    due: &mut BTreeSet<u32>,
) {
    if trie.len() == 0 {
        return;
    }
    let mut first = B::default();
    first.as_mut().copy_from_slice(bits);
    let covers = |other: &B| {
        let (whole, rest) = (usize::from(length / 8), length % 8);
        let differing = |at: usize| (bits[at] ^ other.as_ref()[at]).checked_shr(u32::from(8 - rest));
        bits[..whole] == other.as_ref()[..whole] && (rest == 0 || differing(whole) == Some(0))
    };
    let exact = trie.get(&first, length).map(|number| (first, length, number));
    let mut next = exact.or_else(|| trie.next(Some((&first, length))));
    while let Some((bits, length, number)) = next.filter(|(bits, ..)| covers(bits)) {
        due.insert(number);
        let range = (number, 0)..=(number, u32::MAX);
        due.extend(consulted.range(range).map(|&(_, dependent)| dependent));
        next = trie.next(Some((&bits, length)));
    }
}

/// The next hops of a set with what each of them resolves to: a recursive one shares its weight among those in its place by
/// theirs. Next hops that two lead to bear the weight of both.
pub(crate) fn spread(parts: impl Iterator<Item = (NextHop, NextHops)>) -> NextHops {
    let mut all: SmallVec<[(NextHop, u64); 4]> = SmallVec::new();
    for (next_hop, resolved) in parts {
        for hop in resolved {
            let weight = if next_hop.is_recursive() {
                u64::from(next_hop.weight) * u64::from(hop.weight)
            } else {
                u64::from(hop.weight)
            };
            let is_full = all.len() == MAX_NEXT_HOPS;
            let same = |(have, _): &&mut (NextHop, u64)| {
                (have.interface, have.gateway, have.onlink) == (hop.interface, hop.gateway, hop.onlink)
            };
            match all.iter_mut().find(same) {
                Some((_, sum)) => *sum += weight,
                None if is_full => {}
                None => all.push((hop, weight)),
            }
        }
    }
    let common = all
        .iter()
        .fold(0, |common, (_, weight)| divisor(common, *weight))
        .max(1);
    let largest = all.iter().map(|(_, weight)| weight / common).max().unwrap_or(1);
    let mut hops: NextHops = all
        .iter()
        .map(|(hop, weight)| {
            let weight = weight / common;
            // The kernel knows weights up to 256.
            let weight = if largest > 256 {
                (weight * 256 / largest).max(1)
            } else {
                weight
            };
            NextHop {
                weight: u16::try_from(weight).unwrap_or(256),
                ..*hop
            }
        })
        .collect();
    hops.sort_unstable_by_key(order);
    hops
}

/// The order of next hops in a set.
pub(crate) const fn order(hop: &NextHop) -> (InterfaceIndex, Option<IpAddr>, bool) {
    (hop.interface, hop.gateway, hop.onlink)
}

/// The greatest common divisor.
const fn divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::V4;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn hop(last: u8, weight: u16) -> NextHop {
        NextHop {
            weight,
            ..NextHop::via(address(last), InterfaceIndex(1))
        }
    }

    #[test]
    fn a_destination_concerns_the_gateways_under_it_and_what_they_were_come_across_for() {
        let mut tracked = Tracked::default();
        for number in [1, 9, 20, 200] {
            tracked.add(u32::from(number), address(number));
        }
        let through_20 = Resolution {
            gateways: vec![20],
            ..Resolution::NONE
        };
        tracked.set_resolution(200, through_20);
        let mut due = |last, length| {
            tracked.destination_changed::<V4>(&[10, 0, 0, last], length);
            let mut due = Vec::new();
            while let Some(number) = tracked.pop_due() {
                due.push(number);
            }
            due
        };
        assert_eq!(due(0, 28), [1, 9]);
        assert_eq!(due(9, 32), [9]);
        assert_eq!(due(8, 29), [9]);
        assert_eq!(due(16, 28), [20, 200]);
        assert_eq!(due(0, 0), [1, 9, 20, 200]);
        assert_eq!(due(2, 31), [0; 0]);
    }

    #[test]
    fn weights_are_shared_and_fit() {
        let far = |weight| NextHop {
            weight,
            ..NextHop::recursive(address(99))
        };
        let of = |parts: &[(NextHop, &[NextHop])]| {
            spread(
                parts
                    .iter()
                    .map(|(hop, resolved)| (*hop, NextHops::from_slice(resolved))),
            )
            .into_vec()
        };
        assert_eq!(of(&[(far(4), &[hop(1, 1), hop(2, 2)])]), [hop(1, 1), hop(2, 2)]);
        assert_eq!(
            of(&[(far(3), &[hop(2, 1), hop(1, 1)]), (hop(1, 1), &[hop(1, 1)])]),
            [hop(1, 4), hop(2, 3)]
        );
        assert_eq!(
            of(&[(far(256), &[hop(1, 256), hop(2, 1)]), (hop(3, 1), &[hop(3, 1)])]),
            [hop(1, 256), hop(2, 1), hop(3, 1)]
        );
    }
}
