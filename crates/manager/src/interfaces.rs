//! The interface table, fed by the kernel.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use waypost_routprot::{AdapterBinding, InterfaceIdentity, InterfaceType, LocalBinding};
use waypost_types::{InterfaceIndex, Prefix4};

/// An interface as the kernel has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Interface {
    /// The kernel's number.
    pub index: InterfaceIndex,
    /// The name.
    pub name: String,
    /// The kernel's word for what it is: `ether`, `veth`, `loopback`, `bridge`.
    pub kind: String,
    /// How it comes to be connected.
    #[serde(rename = "type")]
    pub connection: InterfaceType,
    /// Largest packet in octets.
    pub mtu: u32,
    /// Bits a second; 0 when unknown.
    pub speed: u64,
    /// Set up by the administrator of the machine (IFF_UP).
    pub up: bool,
    /// Carrier is there.
    pub carrier: bool,
    /// Hardware address in colon notation, empty when it has none.
    pub mac: String,
    /// IPv4 addresses with prefix length, the primary first.
    pub addresses: Vec<(std::net::Ipv4Addr, u8)>,
    /// IPv6 addresses with prefix length.
    pub addresses6: Vec<(Ipv6Addr, u8)>,
    /// The other end of a point-to-point link.
    pub remote: Option<IpAddr>,
}

impl Interface {
    /// Name, number and type, as `add_interface` passes them.
    #[must_use]
    pub fn identity(&self) -> InterfaceIdentity {
        InterfaceIdentity {
            name: self.name.clone(),
            index: self.index,
            kind: self.connection,
        }
    }

    /// What it is bound to, as ADDRESS_CHANGE passes it.
    #[must_use]
    pub fn binding(&self) -> AdapterBinding {
        let local = |&(address, length): &(_, u8)| {
            Some(LocalBinding {
                address,
                prefix: Prefix4::containing(address, length).ok()?,
            })
        };
        AdapterBinding {
            addresses: self.addresses.iter().filter_map(local).collect(),
            addresses6: self.addresses6.clone(),
            remote: self.remote,
            mtu: self.mtu,
            speed: self.speed,
        }
    }

    /// Whether it has an adapter to run on: an IPv4 address. IPv6 addresses alone, which every link has, bind nothing.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        !self.addresses.is_empty()
    }
}

/// What the kernel reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceChange {
    /// The interface is there, like this.
    Present(Interface),
    /// The interface is gone.
    Gone(InterfaceIndex),
}

/// Every interface the kernel has.
#[derive(Clone, Debug, Default)]
pub struct InterfaceTable {
    by_index: BTreeMap<InterfaceIndex, Interface>,
    by_name: HashMap<String, InterfaceIndex>,
}

impl InterfaceTable {
    /// All of them, by index.
    pub fn iter(&self) -> impl Iterator<Item = &Interface> {
        self.by_index.values()
    }

    /// The one with this number.
    #[must_use]
    pub fn get(&self, index: InterfaceIndex) -> Option<&Interface> {
        self.by_index.get(&index)
    }

    /// The one with this name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Interface> {
        self.by_name.get(name).and_then(|index| self.by_index.get(index))
    }

    /// Takes over the kernel's view of one interface; returns what was known before.
    pub(crate) fn insert(&mut self, interface: Interface) -> Option<Interface> {
        let old = self.remove(interface.index);
        self.by_name.insert(interface.name.clone(), interface.index);
        self.by_index.insert(interface.index, interface);
        old
    }

    /// Forgets an interface.
    pub(crate) fn remove(&mut self, index: InterfaceIndex) -> Option<Interface> {
        let old = self.by_index.remove(&index)?;
        // Another interface may have taken over the name in the meantime.
        if self.by_name.get(&old.name) == Some(&index) {
            self.by_name.remove(&old.name);
        }
        Some(old)
    }
}
