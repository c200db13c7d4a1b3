//! The networks of the machine's own addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use waypost_netlink::{Address, AddressFlags};
use waypost_types::{
    InterfaceIndex, NextHop, NextHops, PathId, Prefix, Prefix4, Prefix6, Route, RouteBatch, RouteChange, RouteKind,
};

/// An address as far as the kernel tells addresses apart.
type Key = (InterfaceIndex, IpAddr, u8, Option<IpAddr>);

/// The addresses, and the networks they make.
#[derive(Debug, Default)]
pub(super) struct Connected {
    addresses: BTreeMap<Key, Prefix>,
    /// What was told the table.
    told: BTreeSet<(Prefix, InterfaceIndex)>,
}

impl Connected {
    /// An address is there or changed.
    pub(super) fn set(&mut self, address: &Address) {
        match network(address) {
            Some(network) => {
                self.addresses.insert(key(address), network);
            }
            None => self.remove(address),
        }
    }

    /// An address went away.
    pub(super) fn remove(&mut self, address: &Address) {
        self.addresses.remove(&key(address));
    }

    /// All addresses are about to be read anew.
    pub(super) fn clear(&mut self) {
        self.addresses.clear();
    }

    /// What changed since the last call: one route a network and interface.
    pub(super) fn changes(&mut self) -> RouteBatch {
        let wanted: BTreeSet<(Prefix, InterfaceIndex)> =
            self.addresses.iter().map(|(key, &network)| (network, key.0)).collect();
        let gone = self.told.difference(&wanted).map(|&(prefix, interface)| RouteChange::Delete {
            prefix,
            path: PathId(interface.0),
        });
        let new = wanted.difference(&self.told).map(|&(prefix, interface)| RouteChange::Set {
            prefix,
            path: PathId(interface.0),
            route: Route {
                kind: RouteKind::Unicast,
                next_hops: NextHops::from_buf([NextHop::on(interface)]),
                metric: 0,
                tag: 0,
                preference: None,
            },
        });
        let batch = gone.chain(new).collect();
        self.told = wanted;
        batch
    }
}

const fn key(address: &Address) -> Key {
    (address.interface, address.local, address.prefix_length, address.peer)
}

/// The network on the link; none for loopback and link-local addresses, which mean nothing elsewhere, and for those that
/// are not in use.
fn network(address: &Address) -> Option<Prefix> {
    if address.flags.intersects(AddressFlags::TENTATIVE | AddressFlags::DADFAILED) {
        return None;
    }
    match address.peer.unwrap_or(address.local) {
        IpAddr::V4(ip) if !ip.is_loopback() && !ip.is_link_local() => {
            Prefix4::containing(ip, address.prefix_length).ok().map(Prefix::V4)
        }
        IpAddr::V6(ip) if !ip.is_loopback() && !ip.is_unicast_link_local() => {
            Prefix6::containing(ip, address.prefix_length).ok().map(Prefix::V6)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(interface: u32, text: &str, length: u8) -> Address {
        Address::new(InterfaceIndex(interface), text.parse().unwrap(), length)
    }

    fn told(batch: &RouteBatch) -> Vec<(bool, String, u32)> {
        let told = batch.iter().map(|change| match change {
            RouteChange::Set { prefix, path, .. } => (true, prefix.to_string(), path.0),
            RouteChange::Delete { prefix, path } => (false, prefix.to_string(), path.0),
        });
        told.collect()
    }

    #[test]
    fn one_network_however_many_addresses() {
        let mut connected = Connected::default();
        let (first, second) = (address(2, "10.0.0.1", 24), address(2, "10.0.0.2", 24));
        connected.set(&first);
        connected.set(&second);
        connected.set(&address(3, "10.0.0.3", 24));
        connected.set(&address(1, "127.0.0.1", 8));
        connected.set(&address(2, "fe80::1", 64));
        let net = || "10.0.0.0/24".to_owned();
        assert_eq!(told(&connected.changes()), [(true, net(), 2), (true, net(), 3)]);
        connected.remove(&first);
        assert!(connected.changes().is_empty());
        connected.remove(&second);
        assert_eq!(told(&connected.changes()), [(false, net(), 2)]);
    }

    #[test]
    fn a_tentative_address_makes_no_network_yet() {
        let mut connected = Connected::default();
        let mut tentative = address(2, "2001:db8::1", 64);
        tentative.flags |= AddressFlags::TENTATIVE;
        connected.set(&tentative);
        assert!(connected.changes().is_empty());
        connected.set(&address(2, "2001:db8::1", 64));
        assert_eq!(told(&connected.changes()), [(true, "2001:db8::/64".to_owned(), 2)]);
    }

    #[test]
    fn the_peer_of_a_point_to_point_link_counts() {
        let mut connected = Connected::default();
        let mut ours = address(2, "192.0.2.1", 32);
        ours.peer = Some("192.0.2.2".parse().unwrap());
        connected.set(&ours);
        assert_eq!(told(&connected.changes()), [(true, "192.0.2.2/32".to_owned(), 2)]);
    }
}
