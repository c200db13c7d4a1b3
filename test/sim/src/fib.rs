//! The kernel's forwarding table of one router, as the real one behaves.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use waypost_rtm::Forwarding;
use waypost_types::{InterfaceIndex, NextHops, Prefix4, ProtocolId, Time};

use crate::NodeId;

/// How the kernel forwards to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FibEntry {
    /// Whose route it is.
    pub owner: ProtocolId,
    /// The route's metric.
    pub metric: u32,
    /// Where packets go; more than one: any of them.
    pub next_hops: NextHops,
}

/// A change of a forwarding table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FibChange {
    /// When.
    pub at: Time,
    /// On which router.
    pub node: NodeId,
    /// The destination.
    pub prefix: Prefix4,
    /// How it was forwarded to.
    pub old: Option<FibEntry>,
    /// How it is now.
    pub new: Option<FibEntry>,
}

/// A forwarding table.
#[derive(Clone, Debug)]
pub struct Fib {
    entries: BTreeMap<Prefix4, FibEntry>,
    /// How many entries there are of each prefix length.
    lengths: [u32; 33],
}

impl Default for Fib {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            lengths: [0; 33],
        }
    }
}

impl Fib {
    /// Replaces or removes what there is for `prefix`; returns what there was.
    pub(crate) fn set(&mut self, prefix: Prefix4, forwarding: Option<&Forwarding>) -> Option<FibEntry> {
        let old = match forwarding {
            Some(forwarding) => self.entries.insert(
                prefix,
                FibEntry {
                    owner: forwarding.owner,
                    metric: forwarding.metric,
                    next_hops: forwarding.next_hops.clone(),
                },
            ),
            None => self.entries.remove(&prefix),
        };
        // INVARIANT: a prefix is at most 32 bits long.
        let count = &mut self.lengths[usize::from(prefix.length())];
        match (old.is_some(), forwarding.is_some()) {
            (false, true) => *count += 1,
            (true, false) => *count -= 1,
            _ => {}
        }
        old
    }

    /// What the kernel does when a device goes down: every IPv4 next hop through it is gone, and nobody is told.
    pub(crate) fn flush(&mut self, interface: InterfaceIndex) -> Vec<(Prefix4, FibEntry)> {
        let mut flushed = Vec::new();
        let lengths = &mut self.lengths;
        self.entries.retain(|prefix, entry| {
            if !entry.next_hops.iter().any(|hop| hop.interface == interface) {
                return true;
            }
            flushed.push((*prefix, entry.clone()));
            entry.next_hops.retain(|hop| hop.interface != interface);
            if entry.next_hops.is_empty() {
                lengths[usize::from(prefix.length())] -= 1;
            }
            !entry.next_hops.is_empty()
        });
        flushed
    }

    /// What there is for exactly this prefix.
    #[must_use]
    pub fn get(&self, prefix: Prefix4) -> Option<&FibEntry> {
        self.entries.get(&prefix)
    }

    /// The longest prefix that covers an address.
    #[must_use]
    pub fn lookup(&self, address: Ipv4Addr) -> Option<(Prefix4, &FibEntry)> {
        (0..=32_u8)
            .rev()
            .filter(|length| self.lengths[usize::from(*length)] > 0)
            .find_map(|length| {
                let prefix = Prefix4::containing(address, length).ok()?;
                Some((prefix, self.entries.get(&prefix)?))
            })
    }

    /// Every entry, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Prefix4, &FibEntry)> {
        self.entries.iter()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use waypost_types::{NextHop, RouteKind};

    use super::*;

    fn p(text: &str) -> Prefix4 {
        text.parse().unwrap()
    }

    fn through(interfaces: &[u32]) -> Forwarding {
        Forwarding {
            kind: RouteKind::Unicast,
            owner: ProtocolId::RIP,
            preference: 120,
            metric: 2,
            set: None,
            can_change: false,
            next_hops: interfaces
                .iter()
                .map(|index| NextHop::on(InterfaceIndex(*index)))
                .collect(),
        }
    }

    #[test]
    fn the_longest_match_wins_and_a_flush_is_by_device() {
        let mut fib = Fib::default();
        fib.set(p("0.0.0.0/0"), Some(&through(&[1])));
        fib.set(p("10.0.0.0/8"), Some(&through(&[1, 2])));
        fib.set(p("10.1.0.0/16"), Some(&through(&[2])));
        let best = |fib: &Fib, address: &str| fib.lookup(address.parse().unwrap()).map(|(prefix, _)| prefix);
        assert_eq!(best(&fib, "10.1.2.3"), Some(p("10.1.0.0/16")));
        assert_eq!(best(&fib, "10.2.2.3"), Some(p("10.0.0.0/8")));
        assert_eq!(best(&fib, "192.0.2.1"), Some(p("0.0.0.0/0")));
        assert_eq!(fib.flush(InterfaceIndex(2)).len(), 2);
        assert_eq!(best(&fib, "10.1.2.3"), Some(p("10.0.0.0/8")));
        assert_eq!(fib.get(p("10.0.0.0/8")).unwrap().next_hops.len(), 1);
        fib.set(p("10.0.0.0/8"), None);
        fib.set(p("0.0.0.0/0"), None);
        assert_eq!(best(&fib, "10.1.2.3"), None);
        assert!(fib.is_empty());
    }
}
