//! The router manager's own published blocks, and the container that carries blocks of all kinds.
//!
//! An [`InfoHeader`] is the published container: a directory and, behind it, one block of octets for each entry. Entries whose
//! type is a protocol's number hold that protocol's private octets; types from 0xFFFF0000 up are the router manager's own. Of
//! those, the modules below read the ones Waypost acts upon; the others are named in [`BlockType`], stored and given back
//! unread (router-services P-88).
//!
//! Integers are little-endian, IPv4 addresses and masks are in network order (rras-blocks P-101). Octets after what a block
//! says it holds are ignored and never written (rras-blocks 1.3).

mod global;
mod header;
mod priority;
mod routes;
mod status;

use std::fmt;

use waypost_types::ProtocolId;
use waypost_wire::{ReadError, Reader};

use crate::{Refusal, Scope};

pub use global::{GlobalInfo, LoggingLevel};
pub use header::{Block, InfoHeader, MAX_BLOCKS, MAX_HEADER_SIZE};
pub use priority::{
    DEFAULT_PREFERENCE, Preference, PreferenceTable, PriorityInfo, SubProtocol, default_preference,
};
pub use routes::{
    INFINITE_LIFETIME, INTERFACE_ROUTE_INFO_SIZE, InterfaceRoute, InterfaceRoute4, InterfaceRoute6,
    MIB_IPFORWARDROW_SIZE, RouteFamily, RouteType, RouteViews, UNUSED_METRIC, decode_interface_routes,
    decode_routes, encode_routes, route_block, static_interface_block,
};
pub use status::{AdminStatus, InterfaceStatusInfo};

/// Most elements a variable tail may have (rras-blocks P-105).
pub const MAX_ELEMENTS: u32 = 65_536;

/// The type of a block: a protocol's number, or one of the router manager's own types.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockType(pub u32);

macro_rules! block_types {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        impl BlockType {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The published name of a type of the router manager's.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

// rras-blocks 9.1. 0xFFFF0008 and 0xFFFF0010 are gaps: IPv6 routes travel in 0xFFFF0005.
block_types! {
    /// Packet filters inbound (FILTER_DESCRIPTOR).
    IP_IN_FILTER_INFO = 0xFFFF_0001;
    /// Packet filters outbound (FILTER_DESCRIPTOR).
    IP_OUT_FILTER_INFO = 0xFFFF_0002;
    /// The IPv4 router manager as a whole; see [`GlobalInfo`].
    IP_GLOBAL_INFO = 0xFFFF_0003;
    /// Whether an interface is administratively up; see [`InterfaceStatusInfo`].
    IP_INTERFACE_STATUS_INFO = 0xFFFF_0004;
    /// The static routes of an interface, IPv4 and IPv6; see [`InterfaceRoute`].
    IP_ROUTE_INFO = 0xFFFF_0005;
    /// Preferences of route sources; see [`PriorityInfo`]. May occur repeatedly.
    IP_PROT_PRIORITY_INFO = 0xFFFF_0006;
    /// Router discovery (RTR_DISC_INFO, RFC 1256).
    IP_ROUTER_DISC_INFO = 0xFFFF_0007;
    /// Packets that may start a demand-dial connection (FILTER_DESCRIPTOR).
    IP_DEMAND_DIAL_FILTER_INFO = 0xFFFF_0009;
    /// Multicast heartbeat (MCAST_HBEAT_INFO); the published name is misspelt.
    IP_MCAST_HEARBEAT_INFO = 0xFFFF_000A;
    /// Multicast boundaries (MIB_BOUNDARYROW array).
    IP_MCAST_BOUNDARY_INFO = 0xFFFF_000B;
    /// IP-in-IP tunnel (IPINIP_CONFIG_INFO).
    IP_IPINIP_CFG_INFO = 0xFFFF_000C;
    /// Whether fragments are dropped.
    IP_IFFILTER_INFO = 0xFFFF_000D;
    /// Multicast TTL and rate limit (MIB_MCAST_LIMIT_ROW).
    IP_MCAST_LIMIT_INFO = 0xFFFF_000E;
    /// The IPv6 router manager as a whole; see [`GlobalInfo`].
    IPV6_GLOBAL_INFO = 0xFFFF_000F;
    /// IPv6 packet filters inbound (FILTER_DESCRIPTOR_V6).
    IP_IN_FILTER_INFO_V6 = 0xFFFF_0011;
    /// IPv6 packet filters outbound (FILTER_DESCRIPTOR_V6).
    IP_OUT_FILTER_INFO_V6 = 0xFFFF_0012;
    /// IPv6 packets that may start a demand-dial connection (FILTER_DESCRIPTOR_V6).
    IP_DEMAND_DIAL_FILTER_INFO_V6 = 0xFFFF_0013;
    /// Whether IPv6 fragments are dropped.
    IP_IFFILTER_INFO_V6 = 0xFFFF_0014;
    /// Whether packet filters are on (MPR_FILTER_0).
    IP_FILTER_ENABLE_INFO = 0xFFFF_0015;
    /// Whether IPv6 packet filters are on (MPR_FILTER_0).
    IP_FILTER_ENABLE_INFO_V6 = 0xFFFF_0016;
    /// Preferences of route sources with their sub-protocol; see [`PriorityInfo`]. May occur repeatedly.
    IP_PROT_PRIORITY_INFO_EX = 0xFFFF_0017;
}

impl BlockType {
    /// The lowest type of the router manager's own; everything below is a protocol's number.
    pub const ROUTER_MANAGER: Self = Self(0xFFFF_0000);

    /// The lowest type that Waypost may give to router-manager blocks nobody published (rras-blocks P-100).
    pub const WAYPOST_EXTENSIONS: Self = Self(0xFFFF_5700);

    /// The protocol whose private octets such a block holds; `None` for the router manager's own types.
    #[must_use]
    pub fn protocol(self) -> Option<ProtocolId> {
        (self < Self::ROUTER_MANAGER).then_some(ProtocolId(self.0))
    }

    /// Where the router manager's published types belong: to a transport as a whole or to an interface (rras-blocks 9.1).
    /// `None` for protocols, which have blocks in both places, and for types that nobody published.
    #[must_use]
    pub const fn scope(self) -> Option<Scope> {
        match self {
            Self::IP_GLOBAL_INFO
            | Self::IPV6_GLOBAL_INFO
            | Self::IP_PROT_PRIORITY_INFO
            | Self::IP_PROT_PRIORITY_INFO_EX => Some(Scope::Global),
            _ if self.name().is_some() => Some(Scope::Interface),
            _ => None,
        }
    }

    /// Whether a directory may name the type more than once; the last block wins (rras-blocks 1.2).
    #[must_use]
    pub const fn may_repeat(self) -> bool {
        matches!(self, Self::IP_PROT_PRIORITY_INFO | Self::IP_PROT_PRIORITY_INFO_EX)
    }
}

impl From<ProtocolId> for BlockType {
    fn from(protocol: ProtocolId) -> Self {
        Self(protocol.0)
    }
}

impl fmt::Display for BlockType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name(), self.protocol()) {
            (Some(name), _) => f.pad(name),
            (None, Some(protocol)) => fmt::Display::fmt(&protocol, f),
            (None, None) => f.pad(&format!("{:#010x}", self.0)),
        }
    }
}

impl fmt::Debug for BlockType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a block that ends inside its own structure is refused with.
fn cut_short(error: ReadError) -> Refusal {
    Refusal::invalid(format!("the block is cut short: {error}"))
}

/// The next DWORD, named for the refusal.
fn dword(reader: &mut Reader<'_>, field: &str) -> Result<u32, Refusal> {
    reader.u32_le().map_err(|error| cut_short(error).at(field))
}

/// The next BOOL, named for the refusal.
fn boolean(reader: &mut Reader<'_>, field: &str) -> Result<bool, Refusal> {
    match dword(reader, field)? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Refusal::out_of_range(field, other, "0 or 1")),
    }
}

/// The next element count, checked against the limit and against what `element` octets each would take.
fn count(reader: &mut Reader<'_>, field: &str, element: usize) -> Result<usize, Refusal> {
    let count = dword(reader, field)?;
    let room = reader.left() / element;
    let allowed = u32::try_from(room).unwrap_or(u32::MAX).min(MAX_ELEMENTS);
    if count > allowed {
        return Err(Refusal::out_of_range(field, count, format!("0..={allowed}")));
    }
    Ok(count as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_their_owners() {
        assert_eq!(BlockType::from(ProtocolId::RIP).protocol(), Some(ProtocolId::RIP));
        assert_eq!(BlockType(0x8137_2715).protocol(), Some(ProtocolId(0x8137_2715)));
        assert_eq!(BlockType::IP_ROUTE_INFO.protocol(), None);
        assert_eq!(BlockType::IP_ROUTE_INFO.to_string(), "IP_ROUTE_INFO");
        assert_eq!(BlockType(0xFFFF_0010).to_string(), "0xffff0010");
        assert_eq!(BlockType(8).to_string(), "rip");
        assert_eq!(BlockType::IP_ROUTE_INFO.scope(), Some(Scope::Interface));
        assert_eq!(BlockType::IP_PROT_PRIORITY_INFO.scope(), Some(Scope::Global));
        assert_eq!(
            (BlockType(8).scope(), BlockType(0xFFFF_0010).scope()),
            (None, None)
        );
    }
}
