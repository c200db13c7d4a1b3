//! Numbers that name things: interfaces, protocols, routers.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kernel's number of an interface. Not stable across deletion and re-creation: configuration is keyed by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct InterfaceIndex(pub u32);

impl fmt::Display for InterfaceIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A protocol's 32-bit number, also the type of its information blocks and the owner of its routes.
///
/// Layout `(type & 3) << 30 | (vendor & 0x3FFF) << 16 | number` (routing-protocol-interface 2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ProtocolId(pub u32);

impl ProtocolId {
    /// Routes of the machine itself: connected networks, loopback.
    pub const LOCAL: Self = Self(2);
    /// Routes made by a management call.
    pub const NETMGMT: Self = Self(3);
    /// RIP versions 1 and 2 for IPv4.
    pub const RIP: Self = Self(8);
    /// OSPF version 2.
    pub const OSPF: Self = Self(13);
    /// BGP as route source; the protocol itself is 0x0137000E.
    pub const BGP_ROUTES: Self = Self(14);
    /// The IP router manager in MIB calls (IPRTRMGR_PID).
    pub const ROUTER_MANAGER: Self = Self(10000);
    /// Static routes that an autostatic update obtained.
    pub const AUTOSTATIC: Self = Self(10002);
    /// Static routes.
    pub const STATIC: Self = Self(10006);
    /// Static routes that never start a demand-dial connection.
    pub const STATIC_NON_DOD: Self = Self(10007);

    /// Builds an identifier from its three parts, each cut to its width.
    #[must_use]
    pub const fn from_parts(kind: u8, vendor: u16, number: u16) -> Self {
        Self((kind as u32 & 3) << 30 | (vendor as u32 & 0x3FFF) << 16 | number as u32)
    }

    /// Type (0 unicast, 1 multicast, 2 and 3 vendor specific), vendor and number.
    #[must_use]
    pub const fn parts(self) -> (u8, u16, u16) {
        (
            (self.0 >> 30) as u8,
            (self.0 >> 16) as u16 & 0x3FFF,
            self.0 as u16,
        )
    }

    /// The short name used in configuration paths, if the number is one of ours.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::LOCAL => "connected",
            Self::NETMGMT => "netmgmt",
            Self::RIP => "rip",
            Self::OSPF => "ospf",
            Self::BGP_ROUTES => "bgp",
            Self::ROUTER_MANAGER => "router",
            Self::AUTOSTATIC => "autostatic",
            Self::STATIC => "static",
            Self::STATIC_NON_DOD => "static-non-dod",
            _ => return None,
        })
    }

    /// The identifier of a short name, the inverse of [`Self::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::LOCAL,
            Self::NETMGMT,
            Self::RIP,
            Self::OSPF,
            Self::BGP_ROUTES,
            Self::ROUTER_MANAGER,
            Self::AUTOSTATIC,
            Self::STATIC,
            Self::STATIC_NON_DOD,
        ]
        .into_iter()
        .find(|id| id.name() == Some(name))
    }
}

impl fmt::Display for ProtocolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&format!("{:#010x}", self.0)),
        }
    }
}

impl fmt::Debug for ProtocolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The router's 32-bit name, written like an IPv4 address. Never 0.0.0.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouterId(Ipv4Addr);

/// 0.0.0.0, or text that is no dotted quad, is no router identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a router identifier (expected a dotted quad other than 0.0.0.0)")]
pub struct RouterIdError(pub String);

impl RouterId {
    /// A router identifier; refuses 0.0.0.0.
    pub fn new(id: Ipv4Addr) -> Result<Self, RouterIdError> {
        if id.is_unspecified() {
            Err(RouterIdError(id.to_string()))
        } else {
            Ok(Self(id))
        }
    }

    /// The identifier as the address it looks like.
    #[must_use]
    pub const fn address(self) -> Ipv4Addr {
        self.0
    }
}

impl fmt::Display for RouterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for RouterId {
    type Err = RouterIdError;

    fn from_str(text: &str) -> Result<Self, RouterIdError> {
        text.parse()
            .ok()
            .and_then(|id| Self::new(id).ok())
            .ok_or_else(|| RouterIdError(text.to_owned()))
    }
}

crate::prefix::text_form!(RouterId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_identifiers() {
        // routing-protocol-interface 2: packed numbers of the table.
        assert_eq!(ProtocolId::from_parts(1, 0x137, 10).0, 0x4137_000A);
        assert_eq!(ProtocolId::from_parts(2, 0x137, 10005).0, 0x8137_2715);
        assert_eq!(ProtocolId::RIP.parts(), (0, 0, 8));
        // Host block types sit in the reserved corner and so never collide.
        assert_eq!(ProtocolId(0xFFFF_0005).parts(), (3, 0x3FFF, 5));
    }

    #[test]
    fn names_are_a_bijection() {
        for id in [2, 3, 8, 13, 14, 10000, 10002, 10006, 10007].map(ProtocolId) {
            assert_eq!(ProtocolId::from_name(id.name().unwrap()), Some(id));
        }
        assert_eq!(ProtocolId(77).name(), None);
        assert_eq!(ProtocolId(77).to_string(), "0x0000004d");
    }

    #[test]
    fn router_id_is_never_zero() {
        assert!("0.0.0.0".parse::<RouterId>().is_err());
        assert_eq!("192.0.2.1".parse::<RouterId>().unwrap().to_string(), "192.0.2.1");
    }
}
