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

impl InterfaceIndex {
    /// No interface in particular; the kernel gives this number to none.
    pub const UNSPECIFIED: Self = Self(0);
}

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

/// The vendor of RRAS's own protocols (PROTO_VENDOR_MS1).
const VENDOR: u16 = 0x0137;

/// The vendor of protocols that only Waypost has; nobody's in the published list.
const WAYPOST_VENDOR: u16 = 0x1757;

/// Every number that routing-protocol-interface 2 lists, by its short name: protocols and sources of routes.
impl ProtocolId {
    /// Routes of a source that has no number of its own.
    pub const OTHER: Self = Self(1);
    /// Routes of the machine itself: connected networks, loopback.
    pub const LOCAL: Self = Self(2);
    /// Routes made by a management call.
    pub const NETMGMT: Self = Self(3);
    /// Routes from ICMP redirects.
    pub const ICMP: Self = Self(4);
    /// EGP.
    pub const EGP: Self = Self(5);
    /// GGP.
    pub const GGP: Self = Self(6);
    /// HELLO.
    pub const HELLO: Self = Self(7);
    /// RIP versions 1 and 2 for IPv4 (MS_IP_RIP).
    pub const RIP: Self = Self(8);
    /// IS-IS.
    pub const IS_IS: Self = Self(9);
    /// ES-IS.
    pub const ES_IS: Self = Self(10);
    /// Cisco's IGRP.
    pub const CISCO: Self = Self(11);
    /// BBN's SPF IGP.
    pub const BBN: Self = Self(12);
    /// OSPF version 2 (MS_IP_OSPF).
    pub const OSPF: Self = Self(13);
    /// BGP as route source; the protocol itself is [`Self::BGP`].
    pub const BGP_ROUTES: Self = Self(14);
    /// The published sample protocol (MS_IP_SAMPLE).
    pub const SAMPLE: Self = Self(200);
    /// The BOOTP and DHCP relay agent (MS_IP_BOOTP).
    pub const BOOTP: Self = Self(9999);
    /// The IP router manager in MIB calls (IPRTRMGR_PID).
    pub const ROUTER_MANAGER: Self = Self(10000);
    /// Static routes that an autostatic update obtained.
    pub const AUTOSTATIC: Self = Self(10002);
    /// Static routes.
    pub const STATIC: Self = Self(10006);
    /// Static routes that never start a demand-dial connection.
    pub const STATIC_NON_DOD: Self = Self(10007);
    /// BGP, the protocol (MS_IP_BGP); its routes are [`Self::BGP_ROUTES`].
    pub const BGP: Self = Self::from_parts(0, VENDOR, 14);
    /// MSDP (MS_IP_MSDP).
    pub const MSDP: Self = Self::from_parts(1, VENDOR, 9);
    /// IGMP (MS_IP_IGMP).
    pub const IGMP: Self = Self::from_parts(1, VENDOR, 10);
    /// BGMP (MS_IP_BGMP).
    pub const BGMP: Self = Self::from_parts(1, VENDOR, 11);
    /// VRRP (MS_IP_VRRP).
    pub const VRRP: Self = Self::from_parts(2, VENDOR, 112);
    /// The DNS proxy (MS_IP_DNS_PROXY).
    pub const DNS_PROXY: Self = Self::from_parts(2, VENDOR, 10003);
    /// The DHCP allocator (MS_IP_DHCP_ALLOCATOR).
    pub const DHCP_ALLOCATOR: Self = Self::from_parts(2, VENDOR, 10004);
    /// Network address translation (MS_IP_NAT).
    pub const NAT: Self = Self::from_parts(2, VENDOR, 10005);
    /// Differentiated services (MS_IP_DIFFSERV).
    pub const DIFFSERV: Self = Self::from_parts(2, VENDOR, 10008);
    /// The multicast group manager (MS_IP_MGM).
    pub const MGM: Self = Self::from_parts(2, VENDOR, 10009);
    /// Application layer gateways (MS_IP_ALG).
    pub const ALG: Self = Self::from_parts(2, VENDOR, 10010);
    /// The H.323 proxy (MS_IP_H323).
    pub const H323: Self = Self::from_parts(2, VENDOR, 10011);
    /// The FTP proxy (MS_IP_FTP).
    pub const FTP: Self = Self::from_parts(2, VENDOR, 10012);
    /// MS_IP_DTP.
    pub const DTP: Self = Self::from_parts(2, VENDOR, 10013);
    /// The load generator, Waypost's own.
    pub const LOADGEN: Self = Self::from_parts(2, WAYPOST_VENDOR, 1);

    /// Those with a short name, and it.
    const NAMED: &'static [(Self, &'static str)] = &[
        (Self::OTHER, "other"),
        (Self::LOCAL, "connected"),
        (Self::NETMGMT, "netmgmt"),
        (Self::ICMP, "icmp"),
        (Self::EGP, "egp"),
        (Self::GGP, "ggp"),
        (Self::HELLO, "hello"),
        (Self::RIP, "rip"),
        (Self::IS_IS, "isis"),
        (Self::ES_IS, "es-is"),
        (Self::CISCO, "cisco"),
        (Self::BBN, "bbn"),
        (Self::OSPF, "ospf"),
        (Self::BGP_ROUTES, "bgp"),
        (Self::SAMPLE, "sample"),
        (Self::BOOTP, "bootp"),
        (Self::ROUTER_MANAGER, "router"),
        (Self::AUTOSTATIC, "autostatic"),
        (Self::STATIC, "static"),
        (Self::STATIC_NON_DOD, "static-non-dod"),
        (Self::BGP, "bgp-protocol"),
        (Self::MSDP, "msdp"),
        (Self::IGMP, "igmp"),
        (Self::BGMP, "bgmp"),
        (Self::VRRP, "vrrp"),
        (Self::DNS_PROXY, "dns-proxy"),
        (Self::DHCP_ALLOCATOR, "dhcp-allocator"),
        (Self::NAT, "nat"),
        (Self::DIFFSERV, "diffserv"),
        (Self::MGM, "mgm"),
        (Self::ALG, "alg"),
        (Self::H323, "h323"),
        (Self::FTP, "ftp"),
        (Self::DTP, "dtp"),
        (Self::LOADGEN, "loadgen"),
    ];

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

    /// The short name used in configuration, if the number has one.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Self::NAMED
            .iter()
            .find(|(id, _)| *id == self)
            .map(|(_, name)| *name)
    }

    /// The identifier of a short name, the inverse of [`Self::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMED
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(id, _)| *id)
    }
}

/// Text that names no protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is neither the name nor the number of a protocol or route source")]
pub struct ProtocolIdError(pub String);

/// A short name, or a number, hexadecimal after `0x`: what `Display` writes, and more.
impl FromStr for ProtocolId {
    type Err = ProtocolIdError;

    fn from_str(text: &str) -> Result<Self, ProtocolIdError> {
        Self::from_name(text)
            .or_else(|| {
                let number = match text.strip_prefix("0x") {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => text.parse(),
                };
                number.ok().map(Self)
            })
            .ok_or_else(|| ProtocolIdError(text.to_owned()))
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
        for (id, number) in [
            (ProtocolId::RIP, 0x0000_0008),
            (ProtocolId::OSPF, 0x0000_000D),
            (ProtocolId::BOOTP, 0x0000_270F),
            (ProtocolId::BGP, 0x0137_000E),
            (ProtocolId::MSDP, 0x4137_0009),
            (ProtocolId::IGMP, 0x4137_000A),
            (ProtocolId::BGMP, 0x4137_000B),
            (ProtocolId::VRRP, 0x8137_0070),
            (ProtocolId::SAMPLE, 0x0000_00C8),
            (ProtocolId::DNS_PROXY, 0x8137_2713),
            (ProtocolId::DHCP_ALLOCATOR, 0x8137_2714),
            (ProtocolId::NAT, 0x8137_2715),
            (ProtocolId::DIFFSERV, 0x8137_2718),
            (ProtocolId::MGM, 0x8137_2719),
            (ProtocolId::ALG, 0x8137_271A),
            (ProtocolId::H323, 0x8137_271B),
            (ProtocolId::FTP, 0x8137_271C),
            (ProtocolId::DTP, 0x8137_271D),
        ] {
            assert_eq!(id.0, number, "{id}");
        }
        // Host block types sit in the reserved corner and so never collide.
        assert_eq!(ProtocolId(0xFFFF_0005).parts(), (3, 0x3FFF, 5));
    }

    #[test]
    fn names_are_a_bijection() {
        // Every source of routes has a name, too.
        for id in (1..=14).chain([10002, 10006, 10007]).map(ProtocolId) {
            assert!(id.name().is_some(), "{id}");
        }
        let names: std::collections::BTreeSet<_> = ProtocolId::NAMED.iter().map(|(_, name)| name).collect();
        assert_eq!(names.len(), ProtocolId::NAMED.len());
        for (id, name) in ProtocolId::NAMED {
            assert_eq!(id.name(), Some(*name));
            assert_eq!(ProtocolId::from_name(name), Some(*id));
        }
        assert_eq!(ProtocolId(77).name(), None);
        for (text, number) in [
            ("static", 10006),
            ("0x0000004d", 77),
            ("77", 77),
            ("10006", 10006),
        ] {
            assert_eq!(text.parse(), Ok(ProtocolId(number)), "{text}");
        }
        for text in ["", "statik", "0x", "-1", "4294967296"] {
            assert!(text.parse::<ProtocolId>().is_err(), "{text}");
        }
        assert_eq!(ProtocolId(77).to_string(), "0x0000004d");
    }

    #[test]
    fn router_id_is_never_zero() {
        assert!("0.0.0.0".parse::<RouterId>().is_err());
        assert_eq!("192.0.2.1".parse::<RouterId>().unwrap().to_string(), "192.0.2.1");
    }
}
