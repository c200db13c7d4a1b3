//! ROUTE messages (`struct rtmsg`, `linux/rtnetlink.h`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bitflags::bitflags;
use smallvec::SmallVec;
use waypost_types::{InterfaceIndex, NextHop, Prefix, Prefix4, Prefix6, RouteKind};

use crate::attribute::{family_of, fixed};
use crate::constants::{
    AF_INET, AF_INET6, RT_SCOPE_UNIVERSE, RT_TABLE_MAIN, RT_TABLE_UNSPEC, RTA_DST, RTA_GATEWAY,
    RTA_MULTIPATH, RTA_NH_ID, RTA_OIF, RTA_PREFSRC, RTA_PRIORITY, RTA_SRC, RTA_TABLE, RTA_VIA, RTN_BLACKHOLE,
    RTN_PROHIBIT, RTN_UNICAST, RTN_UNREACHABLE, RTPROT_UNSPEC,
};
use crate::{
    Attribute, Attributes, EncodeError, Family, NexthopId, Reason, RouteProtocol, RouteType, Scope, Writer,
};

bitflags! {
    /// State and wishes of one next hop (`RTNH_F_*`); bits without a name here are kept.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct RouteNextHopFlags: u8 {
        /// Its interface is down: it is not used.
        const DEAD = 0x1;
        /// The gateway is on the link although no address of the interface covers it.
        const ONLINK = 0x4;
        /// Done in hardware.
        const OFFLOAD = 0x8;
        /// Its interface has no carrier.
        const LINKDOWN = 0x10;
        const _ = !0;
    }
}

bitflags! {
    /// `rtm_flags` without the eight low bits, which belong to the next hop.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct RouteFlags: u32 {
        /// A cached exception, such as a path MTU, not a route.
        const CLONED = 0x200;
        /// Done in hardware.
        const OFFLOAD = 0x4000;
        /// Hardware gives its packets to the kernel.
        const TRAP = 0x8000;
        /// Hardware refused it.
        const OFFLOAD_FAILED = 0x2000_0000;
        const _ = !0xFF;
    }
}

/// One next hop of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RouteNextHop {
    /// The outgoing interface; a request may leave it to the kernel to find the gateway's.
    pub interface: Option<InterfaceIndex>,
    /// The gateway, which may be IPv6 for an IPv4 route (RFC 5549, `RTA_VIA`).
    pub gateway: Option<IpAddr>,
    /// Share of the flows, 1..=256.
    pub weight: u16,
    /// On-link wish and, from the kernel, state.
    pub flags: RouteNextHopFlags,
}

impl From<NextHop> for RouteNextHop {
    fn from(hop: NextHop) -> Self {
        Self {
            interface: Some(hop.interface),
            gateway: hop.gateway,
            weight: hop.weight,
            flags: if hop.onlink {
                RouteNextHopFlags::ONLINK
            } else {
                RouteNextHopFlags::empty()
            },
        }
    }
}

impl From<RouteKind> for RouteType {
    fn from(kind: RouteKind) -> Self {
        match kind {
            RouteKind::Unicast => RTN_UNICAST,
            RouteKind::Blackhole => RTN_BLACKHOLE,
            RouteKind::Unreachable => RTN_UNREACHABLE,
            RouteKind::Prohibit => RTN_PROHIBIT,
        }
    }
}

/// A route of the kernel.
///
/// The kernel tells routes apart by table, destination, `tos` (IPv4), source (IPv6) and priority, and then by what else
/// a request names. Metrics (`RTA_METRICS`), encapsulations and expiry are not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where to; says the family.
    pub destination: Prefix,
    /// IPv6 only: the source that packets must have, of the destination's family.
    pub source: Option<Prefix>,
    /// IPv4 only: the type of service that packets must have; 0 for any.
    pub tos: u8,
    /// The table.
    pub table: u32,
    /// Who installed it.
    pub protocol: RouteProtocol,
    /// How far the destination is: link without a gateway, universe with one.
    pub scope: Scope,
    /// Unicast, blackhole and so on.
    pub kind: RouteType,
    /// Rank among routes to the destination, lower wins. IPv6 takes 1024 for 0.
    pub priority: u32,
    /// Source address for packets that have none yet, of the destination's family.
    pub preferred_source: Option<IpAddr>,
    /// The next hop object; the kernel sends the resolved `next_hops` along, a request must not.
    pub nexthop: Option<NexthopId>,
    /// Where packets go.
    pub next_hops: SmallVec<[RouteNextHop; 1]>,
    /// Flags of the whole route.
    pub flags: RouteFlags,
}

impl Route {
    /// A unicast route of the main table without next hop, installed by nobody.
    #[must_use]
    pub fn new(destination: Prefix) -> Self {
        Self {
            destination,
            source: None,
            tos: 0,
            table: RT_TABLE_MAIN,
            protocol: RTPROT_UNSPEC,
            scope: RT_SCOPE_UNIVERSE,
            kind: RTN_UNICAST,
            priority: 0,
            preferred_source: None,
            nexthop: None,
            next_hops: SmallVec::new(),
            flags: RouteFlags::empty(),
        }
    }

    /// IPv4 or IPv6.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self.destination {
            Prefix::V4(_) => AF_INET,
            Prefix::V6(_) => AF_INET6,
        }
    }

    /// `None` for families other than IPv4 and IPv6, such as multicast routes (RTNL_FAMILY_IPMR) and MPLS.
    pub(crate) fn decode(payload: &[u8]) -> Result<Option<Self>, Reason> {
        let (
            &[
                family,
                length,
                source_length,
                tos,
                table,
                protocol,
                scope,
                kind,
                f0,
                f1,
                f2,
                f3,
            ],
            rest,
        ) = fixed::<12>(payload)?;
        let family = Family(family);
        if family != AF_INET && family != AF_INET6 {
            return Ok(None);
        }
        let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
        let [hop_flags, ..] = flags.to_le_bytes();
        let (mut destination, mut source) = (None, None);
        let mut single = RouteNextHop {
            interface: None,
            gateway: None,
            weight: 1,
            flags: RouteNextHopFlags::from_bits_retain(hop_flags),
        };
        let mut route = Self {
            tos,
            table: table.into(),
            protocol: RouteProtocol(protocol),
            scope: Scope(scope),
            kind: RouteType(kind),
            flags: RouteFlags::from_bits_truncate(flags),
            ..Self::new(Prefix::V4(Prefix4::DEFAULT))
        };
        for attribute in Attributes::new(rest) {
            let attribute = attribute?;
            match attribute.kind {
                RTA_DST => destination = Some(attribute.ip(family)?),
                RTA_SRC => source = Some(attribute.ip(family)?),
                RTA_TABLE => route.table = attribute.u32()?,
                RTA_PRIORITY => route.priority = attribute.u32()?,
                RTA_PREFSRC => route.preferred_source = Some(attribute.ip(family)?),
                RTA_NH_ID => route.nexthop = Some(NexthopId(attribute.u32()?)),
                RTA_MULTIPATH => route.next_hops = decode_multipath(attribute.value, family)?,
                _ => single.decode_attribute(&attribute, family)?,
            }
        }
        if single.interface.is_some() || single.gateway.is_some() {
            route.next_hops.push(single);
        }
        route.destination = prefix(family, RTA_DST, destination, length)?;
        if source_length > 0 {
            route.source = Some(prefix(family, RTA_SRC, source, source_length)?);
        }
        Ok(Some(route))
    }

    pub(crate) fn encode(&self, writer: &mut Writer<'_>) {
        let family = self.family();
        let (hop_flags, multipath) = match self.next_hops.as_slice() {
            // A hop that names nothing cannot be told from none outside a list.
            [hop] if hop.weight == 1 && (hop.interface.is_some() || hop.gateway.is_some()) => {
                (hop.flags.bits(), false)
            }
            hops => (0, !hops.is_empty()),
        };
        writer.fixed(&[
            family.0,
            self.destination.length(),
            self.source.map_or(0, Prefix::length),
            self.tos,
            u8::try_from(self.table).unwrap_or(RT_TABLE_UNSPEC as u8),
            self.protocol.0,
            self.scope.0,
            self.kind.0,
        ]);
        writer.fixed(&(self.flags.bits() & !0xFF | u32::from(hop_flags)).to_ne_bytes());
        if self.destination.length() > 0 {
            writer.ip(RTA_DST, self.destination.network());
        }
        if let Some(source) = self.source {
            writer.ip_of(RTA_SRC, family, source.network());
        }
        if self.table > u8::MAX.into() {
            writer.u32(RTA_TABLE, self.table);
        }
        if self.priority != 0 {
            writer.u32(RTA_PRIORITY, self.priority);
        }
        if let Some(address) = self.preferred_source {
            writer.ip_of(RTA_PREFSRC, family, address);
        }
        if let Some(id) = self.nexthop {
            writer.u32(RTA_NH_ID, id.0);
        }
        if multipath {
            writer.attribute(RTA_MULTIPATH, |writer| {
                for hop in &self.next_hops {
                    hop.encode_in_multipath(writer, family);
                }
            });
        } else if let Some(hop) = self.next_hops.first() {
            if let Some(interface) = hop.interface {
                writer.u32(RTA_OIF, interface.0);
            }
            hop.encode_gateway(writer, family);
        }
    }
}

impl RouteNextHop {
    fn decode_attribute(&mut self, attribute: &Attribute<'_>, family: Family) -> Result<(), Reason> {
        match attribute.kind {
            // No interface has number 0; in a list the field is always there and 0 says none, too.
            RTA_OIF => self.interface = Some(InterfaceIndex(attribute.u32()?)).filter(|index| index.0 != 0),
            RTA_GATEWAY => self.gateway = Some(attribute.ip(family)?),
            RTA_VIA => {
                // `struct rtvia`: the gateway's family, then its address.
                let (&[f0, f1], address) = fixed::<2>(attribute.value)?;
                let attribute = Attribute {
                    kind: RTA_VIA,
                    value: address,
                };
                match u16::from_ne_bytes([f0, f1]) {
                    10 => self.gateway = Some(attribute.ip(AF_INET6)?),
                    2 => self.gateway = Some(attribute.ip(AF_INET)?),
                    // A link-layer gateway (AF_PACKET) only occurs with MPLS.
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn encode_gateway(&self, writer: &mut Writer<'_>, family: Family) {
        match self.gateway {
            Some(gateway) if family_of(gateway) == family => writer.ip(RTA_GATEWAY, gateway),
            Some(IpAddr::V6(gateway)) => writer.attribute(RTA_VIA, |writer| {
                writer.fixed(&u16::from(AF_INET6.0).to_ne_bytes());
                writer.fixed(&gateway.octets());
            }),
            Some(IpAddr::V4(_)) => writer.fail(EncodeError::Family { attribute: RTA_VIA }),
            None => {}
        }
    }

    /// `struct rtnexthop` and its attributes.
    fn encode_in_multipath(&self, writer: &mut Writer<'_>, family: Family) {
        let Some(hops) = weight_field(self.weight) else {
            writer.fail(EncodeError::Weight { weight: self.weight });
            return;
        };
        let [i0, i1, i2, i3] = self.interface.map_or(0, |index| index.0).to_ne_bytes();
        let head = [self.flags.bits(), hops, i0, i1, i2, i3];
        writer.length_prefixed(RTA_MULTIPATH, &head, |writer| self.encode_gateway(writer, family));
    }
}

/// A weight as the kernel writes it: one less, in a byte. `None` outside 1..=256.
pub(crate) fn weight_field(weight: u16) -> Option<u8> {
    weight.checked_sub(1).and_then(|less| u8::try_from(less).ok())
}

fn decode_multipath(mut bytes: &[u8], family: Family) -> Result<SmallVec<[RouteNextHop; 1]>, Reason> {
    let mut hops = SmallVec::new();
    while let Some((&[l0, l1, flags, weight, i0, i1, i2, i3], _)) = bytes.split_first_chunk::<8>() {
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let attributes = bytes.get(8..length).ok_or(Reason::AttributeLength {
            length,
            left: bytes.len(),
        })?;
        let index = u32::from_ne_bytes([i0, i1, i2, i3]);
        let mut hop = RouteNextHop {
            interface: (index != 0).then_some(InterfaceIndex(index)),
            gateway: None,
            weight: u16::from(weight).saturating_add(1),
            flags: RouteNextHopFlags::from_bits_retain(flags),
        };
        for attribute in Attributes::new(attributes) {
            hop.decode_attribute(&attribute?, family)?;
        }
        hops.push(hop);
        bytes = bytes.get(crate::attribute::aligned(length)..).unwrap_or_default();
    }
    Ok(hops)
}

/// A prefix from its length and its address, which the kernel leaves out when the length is 0.
fn prefix(family: Family, attribute: u16, address: Option<IpAddr>, length: u8) -> Result<Prefix, Reason> {
    let (any, max) = if family == AF_INET6 {
        (IpAddr::V6(Ipv6Addr::UNSPECIFIED), Prefix6::MAX_LENGTH)
    } else {
        (IpAddr::V4(Ipv4Addr::UNSPECIFIED), Prefix4::MAX_LENGTH)
    };
    let address = match address {
        Some(address) => address,
        None if length == 0 => any,
        None => return Err(Reason::Missing { attribute }),
    };
    match address {
        IpAddr::V4(address) => Prefix4::containing(address, length).map(Prefix::V4),
        IpAddr::V6(address) => Prefix6::containing(address, length).map(Prefix::V6),
    }
    .map_err(|_| Reason::PrefixLength { length, max })
}
