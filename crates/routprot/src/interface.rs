//! Interfaces as a protocol is told of them (routing-protocol-interface 5.6 and 8).

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};
use waypost_types::{InterfaceIndex, Prefix4};

/// How an interface comes to be connected (NET_INTERFACE_TYPE); the numbers are the documented ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u32)]
pub enum InterfaceType {
    /// A LAN or leased line: always there.
    #[default]
    Permanent = 0,
    /// Connected when there is something to send.
    DemandDial = 1,
    /// A dialled-out workstation connection.
    LocalWorkstationDial = 2,
    /// A dialled-in workstation.
    RemoteWorkstationDial = 3,
}

/// Name, number and type of an interface; what `add_interface` passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceIdentity {
    /// The name, unique while the interface exists, and the key of its configuration.
    pub name: String,
    /// The kernel's number.
    pub index: InterfaceIndex,
    /// How it is connected.
    pub kind: InterfaceType,
}

/// An address on an interface, with the network around it (IP_LOCAL_BINDING).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalBinding {
    /// The router's own address.
    pub address: Ipv4Addr,
    /// The network it is in.
    pub prefix: Prefix4,
}

/// What an interface is bound to (IP_ADAPTER_BINDING_INFO).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdapterBinding {
    /// Every IPv4 address, the primary first. None: the interface is not bound.
    pub addresses: Vec<LocalBinding>,
    /// Every IPv6 address with its prefix length.
    pub addresses6: Vec<(std::net::Ipv6Addr, u8)>,
    /// The other end of a point-to-point link.
    pub remote: Option<IpAddr>,
    /// Largest packet in octets; 0 when unknown.
    pub mtu: u32,
    /// Bits a second; 0 when unknown.
    pub speed: u64,
}

/// What happened to an interface (RIS_*, in the order of the documented numbers 0..=4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceStatus {
    /// The complete new set of addresses. Without any, the interface is unbound.
    AddressChange(AdapterBinding),
    /// Administratively enabled: ends the disabled state that every interface starts in.
    Enabled,
    /// Administratively disabled.
    Disabled,
    /// Carrier is there.
    MediaPresent,
    /// Carrier is gone.
    MediaAbsent,
}

impl InterfaceStatus {
    /// The documented number (StatusType).
    #[must_use]
    pub const fn number(&self) -> u32 {
        match self {
            Self::AddressChange(_) => 0,
            Self::Enabled => 1,
            Self::Disabled => 2,
            Self::MediaPresent => 3,
            Self::MediaAbsent => 4,
        }
    }
}
