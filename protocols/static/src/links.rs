//! The interfaces as far as they decide whether a next hop can be reached.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use waypost_routprot::{AdapterBinding, InterfaceStatus};
use waypost_types::{InterfaceIndex, NextHop, Prefix, Prefix4, Prefix6};

use crate::config::{Via, is_link_local};

/// One interface: the three bits of routing-protocol-interface 8.3 and what it is bound to.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) enabled: bool,
    pub(crate) media: bool,
    pub(crate) binding: AdapterBinding,
}

impl Link {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            enabled: false,
            // Present until told otherwise (P-25).
            media: true,
            binding: AdapterBinding::default(),
        }
    }

    /// Whether packets can leave by it. Addresses are not needed for that: a tunnel may have none.
    pub(crate) const fn is_up(&self) -> bool {
        self.enabled && self.media
    }

    /// The networks around its addresses, and the other end of a point-to-point link.
    pub(crate) fn networks(&self) -> BTreeSet<Prefix> {
        let v4 = self.binding.addresses.iter().map(|local| local.prefix.into());
        let v6 = self.binding.addresses6.iter().filter_map(|(address, length)| {
            // An impossible length connects nothing; the rest of the binding still counts.
            Prefix6::containing(*address, *length).ok().map(Prefix::from)
        });
        v4.chain(v6).chain(self.binding.remote.map(host)).collect()
    }

    /// Every network in which a gateway can see a change of this interface.
    fn reach(&self) -> BTreeSet<Prefix> {
        let mut reach = self.networks();
        // An own address is a change of its own where the network around it is not to be had.
        reach.extend(self.addresses().into_iter().map(host));
        reach
    }

    fn addresses(&self) -> BTreeSet<IpAddr> {
        let v4 = self.binding.addresses.iter().map(|local| local.address.into());
        let v6 = self
            .binding
            .addresses6
            .iter()
            .map(|(address, _)| (*address).into());
        v4.chain(v6).collect()
    }
}

fn host(address: IpAddr) -> Prefix {
    match address {
        IpAddr::V4(address) => Prefix4::host(address).into(),
        IpAddr::V6(address) => Prefix6::host(address).into(),
    }
}

/// Why a next hop cannot be used, in words for `show`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreachable {
    NoInterface(String),
    Disabled(String),
    NoCarrier(String),
    NotConnected(IpAddr),
    NotConnectedThere(IpAddr, String),
    OwnAddress(IpAddr),
    Broadcast(IpAddr, Prefix),
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInterface(name) => write!(f, "there is no interface {name}"),
            Self::Disabled(name) => write!(f, "interface {name} is disabled"),
            Self::NoCarrier(name) => write!(f, "interface {name} has no carrier"),
            Self::NotConnected(gateway) => write!(
                f,
                "next hop {gateway} is on no connected network and not marked recursive"
            ),
            Self::NotConnectedThere(gateway, name) => {
                write!(f, "next hop {gateway} is on no network of {name}")
            }
            Self::OwnAddress(gateway) => write!(f, "next hop {gateway} is an address of this router"),
            Self::Broadcast(gateway, network) => {
                write!(f, "next hop {gateway} is the broadcast address of {network}")
            }
        }
    }
}

/// What a change of an interface can change for next hops: those that name it, and gateways in these networks.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    pub(crate) device: String,
    pub(crate) networks: BTreeSet<Prefix>,
}

/// All interfaces.
#[derive(Debug, Default)]
pub(crate) struct Links {
    links: BTreeMap<InterfaceIndex, Link>,
    names: BTreeMap<String, InterfaceIndex>,
    /// Which interfaces that are up connect a network; the lengths in use make longest-match a few look-ups.
    connected: BTreeMap<Prefix, BTreeSet<InterfaceIndex>>,
    lengths4: BTreeMap<u8, usize>,
    lengths6: BTreeMap<u8, usize>,
    /// The router's own addresses, up or not.
    own: BTreeMap<IpAddr, BTreeSet<InterfaceIndex>>,
}

impl Links {
    pub(crate) fn add(&mut self, index: InterfaceIndex, name: &str) -> Touched {
        self.links.insert(index, Link::new(name));
        self.names.insert(name.to_owned(), index);
        Touched {
            device: name.to_owned(),
            networks: BTreeSet::new(),
        }
    }

    pub(crate) fn remove(&mut self, index: InterfaceIndex) -> Option<Touched> {
        self.withdraw(index);
        let link = self.links.remove(&index)?;
        // A new interface may have taken the name before the old one was deleted.
        if self.names.get(&link.name) == Some(&index) {
            self.names.remove(&link.name);
        }
        Some(Touched {
            networks: link.reach(),
            device: link.name,
        })
    }

    /// Takes note of a status. `None` when no next hop can tell the difference.
    pub(crate) fn update(&mut self, index: InterfaceIndex, status: &InterfaceStatus) -> Option<Touched> {
        let old = self.links.get(&index)?.clone();
        let mut new = old.clone();
        match status {
            InterfaceStatus::AddressChange(binding) => new.binding = binding.clone(),
            InterfaceStatus::Enabled => new.enabled = true,
            InterfaceStatus::Disabled => new.enabled = false,
            InterfaceStatus::MediaPresent => new.media = true,
            InterfaceStatus::MediaAbsent => new.media = false,
        }
        let networks = (old.networks(), new.networks());
        let same =
            old.is_up() == new.is_up() && networks.0 == networks.1 && old.addresses() == new.addresses();
        if same {
            self.links.insert(index, new);
            return None;
        }
        self.withdraw(index);
        let touched = Touched {
            device: new.name.clone(),
            networks: &old.reach() | &new.reach(),
        };
        self.links.insert(index, new);
        self.announce(index);
        Some(touched)
    }

    /// Takes what an interface contributes out of the look-up tables.
    fn withdraw(&mut self, index: InterfaceIndex) {
        let Some(link) = self.links.get(&index) else {
            return;
        };
        for address in link.addresses() {
            leave(&mut self.own, &address, index);
        }
        if link.is_up() {
            for network in link.networks() {
                leave(&mut self.connected, &network, index);
                let lengths = lengths(&mut self.lengths4, &mut self.lengths6, network);
                if let Some(count) = lengths.get_mut(&network.length()) {
                    *count -= 1;
                    if *count == 0 {
                        lengths.remove(&network.length());
                    }
                }
            }
        }
    }

    /// The inverse of [`Self::withdraw`].
    fn announce(&mut self, index: InterfaceIndex) {
        let Some(link) = self.links.get(&index) else {
            return;
        };
        for address in link.addresses() {
            self.own.entry(address).or_default().insert(index);
        }
        if link.is_up() {
            for network in link.networks() {
                self.connected.entry(network).or_default().insert(index);
                *lengths(&mut self.lengths4, &mut self.lengths6, network)
                    .entry(network.length())
                    .or_default() += 1;
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (InterfaceIndex, &Link)> {
        self.links.iter().map(|(index, link)| (*index, link))
    }

    pub(crate) fn name(&self, index: InterfaceIndex) -> Option<&str> {
        self.links.get(&index).map(|link| link.name.as_str())
    }

    /// Where a next hop leads now.
    pub(crate) fn resolve(&self, via: &Via) -> Result<NextHop, Unreachable> {
        let device = via.device.as_deref().map(|name| self.device(name)).transpose()?;
        let hop = |interface| NextHop {
            interface,
            gateway: via.gateway,
            weight: via.weight,
            onlink: via.onlink,
        };
        let Some(gateway) = via.gateway else {
            // INVARIANT: validation refuses a next hop with neither gateway nor interface.
            return device
                .map(|(index, _)| hop(index))
                .ok_or_else(|| Unreachable::NoInterface(String::new()));
        };
        if self.own.contains_key(&gateway) {
            return Err(Unreachable::OwnAddress(gateway));
        }
        if via.recursive {
            return Ok(NextHop {
                weight: via.weight,
                ..NextHop::recursive(gateway)
            });
        }
        if let Some((index, link)) = device {
            let connected = via.onlink || is_link_local(gateway);
            return match longest(link.networks(), gateway) {
                Some(network) if is_broadcast(network, gateway) => {
                    Err(Unreachable::Broadcast(gateway, network))
                }
                None if !connected => Err(Unreachable::NotConnectedThere(gateway, link.name.clone())),
                _ => Ok(hop(index)),
            };
        }
        let (network, index) = self
            .connecting(gateway)
            .ok_or(Unreachable::NotConnected(gateway))?;
        if is_broadcast(network, gateway) {
            return Err(Unreachable::Broadcast(gateway, network));
        }
        Ok(hop(index))
    }

    fn device(&self, name: &str) -> Result<(InterfaceIndex, &Link), Unreachable> {
        let found = self
            .names
            .get(name)
            .and_then(|index| Some((*index, self.links.get(index)?)));
        match found {
            None => Err(Unreachable::NoInterface(name.to_owned())),
            Some((_, link)) if !link.enabled => Err(Unreachable::Disabled(name.to_owned())),
            Some((_, link)) if !link.media => Err(Unreachable::NoCarrier(name.to_owned())),
            Some(found) => Ok(found),
        }
    }

    /// The longest connected network around an address, and the interface; the lowest-numbered one of several.
    fn connecting(&self, address: IpAddr) -> Option<(Prefix, InterfaceIndex)> {
        let lengths = match address {
            IpAddr::V4(_) => &self.lengths4,
            IpAddr::V6(_) => &self.lengths6,
        };
        lengths.keys().rev().find_map(|length| {
            let network = containing(address, *length)?;
            let index = self.connected.get(&network)?.first()?;
            Some((network, *index))
        })
    }
}

fn containing(address: IpAddr, length: u8) -> Option<Prefix> {
    match address {
        IpAddr::V4(address) => Prefix4::containing(address, length).ok().map(Prefix::from),
        IpAddr::V6(address) => Prefix6::containing(address, length).ok().map(Prefix::from),
    }
}

fn longest(networks: BTreeSet<Prefix>, address: IpAddr) -> Option<Prefix> {
    networks
        .into_iter()
        .filter(|network| network.contains(address))
        .max_by_key(|network| network.length())
}

/// Networks of 31 and 32 bits have no broadcast address (RFC 3021), IPv6 has none at all.
fn is_broadcast(network: Prefix, address: IpAddr) -> bool {
    match (network, address) {
        (Prefix::V4(network), IpAddr::V4(address)) => network.length() <= 30 && network.last() == address,
        _ => false,
    }
}

fn leave<K: Ord>(map: &mut BTreeMap<K, BTreeSet<InterfaceIndex>>, key: &K, index: InterfaceIndex) {
    if let Some(members) = map.get_mut(key) {
        members.remove(&index);
        if members.is_empty() {
            map.remove(key);
        }
    }
}

fn lengths<'m>(
    v4: &'m mut BTreeMap<u8, usize>,
    v6: &'m mut BTreeMap<u8, usize>,
    network: Prefix,
) -> &'m mut BTreeMap<u8, usize> {
    match network {
        Prefix::V4(_) => v4,
        Prefix::V6(_) => v6,
    }
}
