//! The static routes of an interface, type 0xFFFF0005 (router-services C8, rras-blocks 9.6).
//!
//! Two row formats are published: INTERFACE_ROUTE_INFO of 72 octets for both address families, and the older MIB_IPFORWARDROW
//! of 56 octets for IPv4. Both are read, the former is written.

use std::net::{Ipv4Addr, Ipv6Addr};

use waypost_types::{InterfaceIndex, Prefix, Prefix4, Prefix6, ProtocolId};
use waypost_wire::{ReadError, Reader, Writer};

use super::{Block, BlockType, MAX_ELEMENTS, cut_short};
use crate::{InfoBlock, Refusal};

/// Octets of an INTERFACE_ROUTE_INFO.
pub const INTERFACE_ROUTE_INFO_SIZE: usize = 72;

/// Octets of a MIB_IPFORWARDROW.
pub const MIB_IPFORWARDROW_SIZE: usize = 56;

/// The metric that means none (IRI_UNUSED_METRIC, minus one).
pub const UNUSED_METRIC: u32 = u32::MAX;

/// The IPv6 lifetime that never ends.
pub const INFINITE_LIFETIME: u32 = u32::MAX;

/// dwRtInfoType.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum RouteType {
    /// 0, which is how Windows reads every type back.
    #[default]
    Unspecified = 0,
    /// None of the below.
    Other = 1,
    /// Logically deleted.
    Invalid = 2,
    /// The destination is on the link.
    Direct = 3,
    /// The destination is behind a router.
    Indirect = 4,
}

impl RouteType {
    fn from_number(number: u32) -> Option<Self> {
        [
            Self::Unspecified,
            Self::Other,
            Self::Invalid,
            Self::Direct,
            Self::Indirect,
        ]
        .into_iter()
        .find(|kind| *kind as u32 == number)
    }
}

/// dwRtInfoViewSet: which routing tables a route is for, as a mask; empty means any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteViews(u32);

impl RouteViews {
    /// Whichever the router manager likes.
    pub const ANY: Self = Self(0);
    /// Unicast forwarding.
    pub const UNICAST: Self = Self(1);
    /// Multicast reverse-path checks.
    pub const MULTICAST: Self = Self(2);
    /// Both.
    pub const BOTH: Self = Self(3);

    /// Whether unicast packets follow the route.
    #[must_use]
    pub const fn includes_unicast(self) -> bool {
        self.0 & Self::UNICAST.0 != 0 || self.0 == Self::ANY.0
    }
}

/// The part of a row that is IPv4's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceRoute4 {
    /// Destination and mask.
    pub prefix: Prefix4,
    /// dwRtInfoPolicy, for type-of-service routing; 0.
    pub policy: u32,
    /// The router; 0.0.0.0 when the destination is on the link.
    pub next_hop: Ipv4Addr,
    /// Seconds since the route was made or confirmed.
    pub age: u32,
    /// Autonomous system of the next hop; 0 when unknown.
    pub next_hop_as: u32,
    /// Metrics 1 to 3, unused ones [`UNUSED_METRIC`].
    pub metrics: [u32; 3],
}

/// The part of a row that is IPv6's. Its Flags are always 0 and not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceRoute6 {
    /// Destination and prefix length.
    pub prefix: Prefix6,
    /// The router; `::` when the destination is on the link.
    pub next_hop: Ipv6Addr,
    /// Seconds the route is valid for, or [`INFINITE_LIFETIME`].
    pub valid_lifetime: u32,
    /// The metric, or [`UNUSED_METRIC`].
    pub metric: u32,
}

/// The two families of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteFamily {
    /// bV4 is 1.
    V4(InterfaceRoute4),
    /// bV4 is 0.
    V6(InterfaceRoute6),
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceRoute {
    /// Destination, next hop and metric.
    pub family: RouteFamily,
    /// The outgoing interface; the container's own one in a block of routes.
    pub interface: InterfaceIndex,
    /// Direct, indirect or other.
    pub kind: RouteType,
    /// Whose route it is: STATIC, STATIC_NON_DOD or AUTOSTATIC in a block of routes.
    pub protocol: ProtocolId,
    /// Preference 1..=255; 0 takes the one from the table of preferences.
    pub preference: u8,
    /// Which tables it is for.
    pub views: RouteViews,
}

impl InterfaceRoute {
    /// The destination.
    #[must_use]
    pub fn prefix(&self) -> Prefix {
        match &self.family {
            RouteFamily::V4(route) => route.prefix.into(),
            RouteFamily::V6(route) => route.prefix.into(),
        }
    }
}

/// Reads the rows of a block of type [`BlockType::IP_ROUTE_INFO`], told apart by the size of its items.
///
/// 87 with the path of the field, as in `routes.2.dwRtInfoMask`.
pub fn decode_routes(block: &Block) -> Result<Vec<InterfaceRoute>, Refusal> {
    if block.kind() != BlockType::IP_ROUTE_INFO {
        return Err(Refusal::out_of_range("InfoType", block.kind(), "IP_ROUTE_INFO"));
    }
    match block.item_size() as usize {
        0 => Ok(Vec::new()),
        INTERFACE_ROUTE_INFO_SIZE => rows(block.bytes(), INTERFACE_ROUTE_INFO_SIZE, decode_row),
        MIB_IPFORWARDROW_SIZE => rows(block.bytes(), MIB_IPFORWARDROW_SIZE, decode_forward_row),
        other => Err(Refusal::out_of_range(
            "InfoSize",
            other,
            "72 (INTERFACE_ROUTE_INFO) or 56 (MIB_IPFORWARDROW)",
        )),
    }
}

/// Reads INTERFACE_ROUTE_INFO rows, one after the other.
pub fn decode_interface_routes(octets: &[u8]) -> Result<Vec<InterfaceRoute>, Refusal> {
    rows(octets, INTERFACE_ROUTE_INFO_SIZE, decode_row)
}

/// Writes INTERFACE_ROUTE_INFO rows, one after the other.
#[must_use]
pub fn encode_routes(routes: &[InterfaceRoute]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(INTERFACE_ROUTE_INFO_SIZE * routes.len());
    for route in routes {
        encode_row(&mut writer, route);
    }
    writer.finish()
}

/// The routes of an interface as configuration of the static protocol: its rows, in the 72-octet form, as one structure.
///
/// A block without rows becomes the absent form: the interface has no static routes.
pub fn static_interface_block(block: &Block) -> Result<InfoBlock, Refusal> {
    let routes = decode_routes(block)?;
    if routes.is_empty() {
        return Ok(InfoBlock::absent());
    }
    Ok(InfoBlock::new(1, encode_routes(&routes)))
}

/// The inverse of [`static_interface_block`]: the published block of routes, one item a row.
///
/// 87 when `info` is not in RRAS's layout, which has StructureVersion 0 or 1.
pub fn route_block(info: &InfoBlock) -> Result<Block, Refusal> {
    if info.is_absent() {
        return Block::new(BlockType::IP_ROUTE_INFO, 0, 0, Vec::new());
    }
    if info.version > 1 {
        return Err(Refusal::out_of_range("StructureVersion", info.version, "0 or 1"));
    }
    let octets = info.payload()?;
    let rows = decode_interface_routes(octets)?.len();
    Block::new(
        BlockType::IP_ROUTE_INFO,
        INTERFACE_ROUTE_INFO_SIZE as u32,
        // INVARIANT: decoding refuses more than MAX_ELEMENTS rows.
        u32::try_from(rows).unwrap_or(MAX_ELEMENTS),
        octets,
    )
}

type DecodeRow = fn(&mut Reader<'_>) -> Result<InterfaceRoute, Refusal>;

fn rows(octets: &[u8], size: usize, decode: DecodeRow) -> Result<Vec<InterfaceRoute>, Refusal> {
    let count = octets.len() / size;
    if !octets.len().is_multiple_of(size) || count > MAX_ELEMENTS as usize {
        return Err(Refusal::invalid("not a whole number of rows, or too many")
            .at("StructureSize")
            .with_value(octets.len())
            .with_allowed(format!("a multiple of {size}, at most {MAX_ELEMENTS} rows")));
    }
    octets
        .chunks_exact(size)
        .enumerate()
        .map(|(index, row)| {
            decode(&mut Reader::new(row)).map_err(|refusal| refusal.under(&format!("routes.{index}")))
        })
        .collect()
}

fn decode_row(reader: &mut Reader<'_>) -> Result<InterfaceRoute, Refusal> {
    let mut family = reader.sub(48).map_err(cut_short)?;
    let tail = Tail::read(reader).map_err(cut_short)?;
    let family = match tail.v4 {
        1 => RouteFamily::V4(decode_v4(&mut family)?),
        0 => RouteFamily::V6(decode_v6(&mut family)?),
        other => return Err(Refusal::out_of_range("bV4", other, "0 or 1")),
    };
    Ok(InterfaceRoute {
        family,
        interface: InterfaceIndex(tail.interface),
        kind: route_type(tail.kind)?,
        protocol: ProtocolId(tail.protocol),
        preference: u8::try_from(tail.preference)
            .map_err(|_| Refusal::out_of_range("dwRtInfoPreference", tail.preference, "0..=255"))?,
        views: if tail.views <= RouteViews::BOTH.0 {
            RouteViews(tail.views)
        } else {
            return Err(Refusal::out_of_range("dwRtInfoViewSet", tail.views, "0..=3"));
        },
    })
}

/// What both families share, at offset 48.
struct Tail {
    interface: u32,
    kind: u32,
    protocol: u32,
    preference: u32,
    views: u32,
    v4: u32,
}

impl Tail {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        Ok(Self {
            interface: reader.u32_le()?,
            kind: reader.u32_le()?,
            protocol: reader.u32_le()?,
            preference: reader.u32_le()?,
            views: reader.u32_le()?,
            v4: reader.u32_le()?,
        })
    }
}

fn route_type(number: u32) -> Result<RouteType, Refusal> {
    RouteType::from_number(number).ok_or_else(|| Refusal::out_of_range("dwRtInfoType", number, "0..=4"))
}

fn decode_v4(reader: &mut Reader<'_>) -> Result<InterfaceRoute4, Refusal> {
    let prefix = destination4(reader)?;
    let read = |reader: &mut Reader<'_>| {
        Ok(InterfaceRoute4 {
            prefix,
            policy: reader.u32_le()?,
            next_hop: reader.ipv4()?,
            age: reader.u32_le()?,
            next_hop_as: reader.u32_le()?,
            metrics: [reader.u32_le()?, reader.u32_le()?, reader.u32_le()?],
        })
    };
    read(reader).map_err(cut_short)
}

/// Destination and mask, which both row formats start with.
fn destination4(reader: &mut Reader<'_>) -> Result<Prefix4, Refusal> {
    let destination = reader.ipv4().map_err(cut_short)?;
    let mask = reader.ipv4().map_err(cut_short)?;
    let prefix = Prefix4::from_netmask(destination, mask).map_err(|error| {
        Refusal::invalid(error.to_string())
            .at("dwRtInfoMask")
            .with_value(mask)
    })?;
    if prefix.network() != destination {
        return Err(Refusal::invalid("the destination has bits set past its mask")
            .at("dwRtInfoDest")
            .with_value(destination)
            .with_allowed(prefix.network().to_string()));
    }
    if destination.is_multicast() {
        return Err(multicast("dwRtInfoDest", &prefix));
    }
    Ok(prefix)
}

fn multicast(field: &str, prefix: &dyn std::fmt::Display) -> Refusal {
    Refusal::invalid("the destination is multicast")
        .at(field)
        .with_value(prefix)
        .with_allowed("a unicast prefix")
}

fn decode_v6(reader: &mut Reader<'_>) -> Result<InterfaceRoute6, Refusal> {
    let destination = Ipv6Addr::from(reader.array::<16>().map_err(cut_short)?);
    let length = reader.u32_le().map_err(cut_short)?;
    let length = u8::try_from(length)
        .ok()
        .filter(|length| *length <= Prefix6::MAX_LENGTH)
        .ok_or_else(|| Refusal::out_of_range("DestinationPrefix.PrefixLength", length, "0..=128"))?;
    let prefix = Prefix6::new(destination, length)
        .map_err(|error| Refusal::invalid(error.to_string()).at("DestinationPrefix"))?;
    if destination.is_multicast() {
        return Err(multicast("DestinationPrefix", &prefix));
    }
    let next_hop = Ipv6Addr::from(reader.array::<16>().map_err(cut_short)?);
    let valid_lifetime = reader.u32_le().map_err(cut_short)?;
    let flags = reader.u32_le().map_err(cut_short)?;
    if flags != 0 {
        return Err(Refusal::out_of_range("Flags", flags, "0"));
    }
    Ok(InterfaceRoute6 {
        prefix,
        next_hop,
        valid_lifetime,
        metric: reader.u32_le().map_err(cut_short)?,
    })
}

/// MIB_IPFORWARDROW: metrics 4 and 5 have no place in the newer row and are dropped.
fn decode_forward_row(reader: &mut Reader<'_>) -> Result<InterfaceRoute, Refusal> {
    let prefix = destination4(reader)?;
    let policy = reader.u32_le().map_err(cut_short)?;
    let next_hop = reader.ipv4().map_err(cut_short)?;
    let interface = InterfaceIndex(reader.u32_le().map_err(cut_short)?);
    let kind = route_type(reader.u32_le().map_err(cut_short)?)?;
    let protocol = ProtocolId(reader.u32_le().map_err(cut_short)?);
    let read = |reader: &mut Reader<'_>| {
        Ok(InterfaceRoute4 {
            prefix,
            policy,
            next_hop,
            age: reader.u32_le()?,
            next_hop_as: reader.u32_le()?,
            metrics: [reader.u32_le()?, reader.u32_le()?, reader.u32_le()?],
        })
    };
    Ok(InterfaceRoute {
        family: RouteFamily::V4(read(reader).map_err(cut_short)?),
        interface,
        kind,
        protocol,
        preference: 0,
        views: RouteViews::ANY,
    })
}

fn encode_row(writer: &mut Writer, route: &InterfaceRoute) {
    let v4 = match &route.family {
        RouteFamily::V4(v4) => {
            writer
                .ipv4(v4.prefix.network())
                .ipv4(v4.prefix.netmask())
                .u32_le(v4.policy)
                .ipv4(v4.next_hop)
                .u32_le(v4.age)
                .u32_le(v4.next_hop_as);
            for metric in v4.metrics {
                writer.u32_le(metric);
            }
            // The IPv6 member of the union is the longer one.
            writer.zeros(12);
            1
        }
        RouteFamily::V6(v6) => {
            writer
                .slice(&v6.prefix.network().octets())
                .u32_le(v6.prefix.length().into())
                .slice(&v6.next_hop.octets())
                .u32_le(v6.valid_lifetime)
                .u32_le(0)
                .u32_le(v6.metric);
            0
        }
    };
    writer
        .u32_le(route.interface.0)
        .u32_le(route.kind as u32)
        .u32_le(route.protocol.0)
        .u32_le(route.preference.into())
        .u32_le(route.views.0)
        .u32_le(v4);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn v4(prefix: &str, next_hop: [u8; 4]) -> InterfaceRoute {
        InterfaceRoute {
            family: RouteFamily::V4(InterfaceRoute4 {
                prefix: prefix.parse().unwrap(),
                policy: 0,
                next_hop: next_hop.into(),
                age: 0,
                next_hop_as: 0,
                metrics: [5, UNUSED_METRIC, UNUSED_METRIC],
            }),
            interface: InterfaceIndex(2),
            kind: RouteType::Indirect,
            protocol: ProtocolId::STATIC,
            preference: 3,
            views: RouteViews::UNICAST,
        }
    }

    #[test]
    fn published_offsets() {
        // router-services C8: ifIndex 48, type 52, proto 56, preference 60, viewSet 64, bV4 68.
        let octets = encode_routes(&[v4("10.0.0.0/8", [192, 0, 2, 1])]);
        assert_eq!(octets.len(), 72);
        let word = |at: usize| u32::from_le_bytes(octets[at..at + 4].try_into().unwrap());
        assert_eq!(
            &octets[..16],
            [10, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1]
        );
        assert_eq!([24, 28, 32].map(word), [5, UNUSED_METRIC, UNUSED_METRIC]);
        assert_eq!([48, 52, 56, 60, 64, 68].map(word), [2, 4, 10006, 3, 1, 1]);
    }

    #[test]
    fn older_rows_become_newer_ones() {
        let mut octets = vec![10, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1];
        for word in [2, 4, 10006, 0, 0, 5, u32::MAX, u32::MAX, u32::MAX, u32::MAX] {
            octets.extend(u32::to_le_bytes(word));
        }
        let block = Block::new(BlockType::IP_ROUTE_INFO, 56, 1, octets).unwrap();
        let wanted = InterfaceRoute {
            preference: 0,
            views: RouteViews::ANY,
            ..v4("10.0.0.0/8", [192, 0, 2, 1])
        };
        assert_eq!(decode_routes(&block).unwrap(), [wanted]);
        let info = static_interface_block(&block).unwrap();
        assert_eq!((info.structure_size, info.structure_count), (72, 1));
        let back = route_block(&info).unwrap();
        assert_eq!((back.item_size(), back.item_count()), (72, 1));
        assert_eq!(decode_routes(&back).unwrap(), [wanted]);
    }

    #[test]
    fn nine_old_rows_are_as_long_as_seven_new_ones() {
        let old: Vec<u8> = std::iter::repeat_n([0u8; 56], 9).flatten().collect();
        let block = Block::new(BlockType::IP_ROUTE_INFO, 56, 9, old.clone()).unwrap();
        assert_eq!(decode_routes(&block).unwrap().len(), 9);
        let block = Block::new(BlockType::IP_ROUTE_INFO, 72, 7, old).unwrap();
        assert_eq!(decode_routes(&block).unwrap().len(), 7);
        let block = Block::new(BlockType::IP_ROUTE_INFO, 63, 8, vec![0; 504]).unwrap();
        assert_eq!(decode_routes(&block).unwrap_err().path, "InfoSize");
    }

    #[test]
    fn no_rows_are_no_configuration() {
        let block = Block::new(BlockType::IP_ROUTE_INFO, 0, 0, Vec::new()).unwrap();
        assert_eq!(static_interface_block(&block), Ok(InfoBlock::absent()));
        assert_eq!(route_block(&InfoBlock::absent()), Ok(block));
        assert!(route_block(&InfoBlock::new(2, vec![0; 72])).is_err());
    }

    #[test]
    fn refusals_name_row_and_field() {
        let good = encode_routes(&[v4("10.0.0.0/8", [0; 4]), v4("10.0.0.0/8", [0; 4])]);
        let path = |at: usize, octets: &[u8]| {
            let mut bad = good.clone();
            bad[at..at + octets.len()].copy_from_slice(octets);
            decode_interface_routes(&bad).unwrap_err().path
        };
        assert_eq!(path(72, &[224]), "routes.1.dwRtInfoDest");
        assert_eq!(path(1, &[9]), "routes.0.dwRtInfoDest");
        assert_eq!(path(4, &[255, 0, 255]), "routes.0.dwRtInfoMask");
        assert_eq!(path(52, &[5]), "routes.0.dwRtInfoType");
        assert_eq!(path(61, &[1]), "routes.0.dwRtInfoPreference");
        assert_eq!(path(64, &[4]), "routes.0.dwRtInfoViewSet");
        assert_eq!(path(68, &[2]), "routes.0.bV4");
        // Row 0 read as IPv6: 0x0a00:0:ff00:: with a length from the zeroes at 16.
        assert_eq!(path(68, &[0]), "routes.0.DestinationPrefix");
        assert_eq!(
            decode_interface_routes(&good[..143]).unwrap_err().path,
            "StructureSize"
        );
        let v6 = |at: usize, octet: u8| {
            let mut row = vec![0; 72];
            row[at] = octet;
            decode_interface_routes(&row).unwrap_err().path
        };
        assert_eq!(v6(16, 129), "routes.0.DestinationPrefix.PrefixLength");
        assert_eq!(v6(40, 1), "routes.0.Flags");
    }

    fn route() -> impl Strategy<Value = InterfaceRoute> {
        let v4 = (any::<u32>(), 0u8..=32, any::<[u32; 7]>())
            .prop_map(|(bits, length, words)| InterfaceRoute4 {
                prefix: Prefix4::containing(bits.into(), length).unwrap(),
                policy: words[0],
                next_hop: words[1].into(),
                age: words[2],
                next_hop_as: words[3],
                metrics: [words[4], words[5], words[6]],
            })
            .prop_filter("multicast", |route| !route.prefix.network().is_multicast())
            .prop_map(RouteFamily::V4);
        let v6 = (any::<u128>(), 0u8..=128, any::<(u128, u32, u32)>())
            .prop_map(
                |(bits, length, (next_hop, valid_lifetime, metric))| InterfaceRoute6 {
                    prefix: Prefix6::containing(bits.into(), length).unwrap(),
                    next_hop: next_hop.into(),
                    valid_lifetime,
                    metric,
                },
            )
            .prop_filter("multicast", |route| !route.prefix.network().is_multicast())
            .prop_map(RouteFamily::V6);
        (prop_oneof![v4, v6], any::<(u32, u32, u8)>(), 0u32..5, 0u32..4).prop_map(
            |(family, (interface, protocol, preference), kind, views)| InterfaceRoute {
                family,
                interface: InterfaceIndex(interface),
                kind: RouteType::from_number(kind).unwrap(),
                protocol: ProtocolId(protocol),
                preference,
                views: RouteViews(views),
            },
        )
    }

    proptest! {
        #[test]
        fn round_trip(routes in prop::collection::vec(route(), 0..6)) {
            prop_assert_eq!(decode_interface_routes(&encode_routes(&routes)).unwrap(), routes);
        }

        #[test]
        fn hostile_rows_are_read_or_refused(route in route(), at in 0usize..72, octet: u8, old: [u8; 56]) {
            let mut octets = encode_routes(&[route]);
            octets[at] = octet;
            if let Ok(read) = decode_interface_routes(&octets) {
                prop_assert_eq!(decode_interface_routes(&encode_routes(&read)).unwrap(), read);
            }
            let block = Block::new(BlockType::IP_ROUTE_INFO, 56, 1, old.to_vec()).unwrap();
            if let Ok(info) = static_interface_block(&block) {
                prop_assert_eq!(decode_interface_routes(&info.bytes).unwrap().len(), 1);
            }
        }
    }
}
