//! Waypost's layout 2 of both blocks; the byte tables are in docs/blocks/static.md.
//!
//! One configuration has exactly one encoding: unused octets must be zero, unknown flags are refused. So whatever decodes
//! encodes to the same octets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use waypost_routprot::{InfoBlock, Refusal, WaypostHeader};
use waypost_types::{MAX_NEXT_HOPS, Prefix, Prefix4, Prefix6, RouteKind};
use waypost_wire::{ReadError, Reader, Writer};

use super::{
    GlobalConfig, InterfaceConfig, InterfaceStaticRoute, MAX_ANNOTATION, MAX_INTERFACE_NAME, Origin,
    StaticRoute, Via,
};

/// The layout number.
pub(super) const LAYOUT: u32 = 2;

/// Octets of a record before its next hops.
const RECORD_FIXED: usize = 40;

/// Octets of the name field of a next hop: IFNAMSIZ.
const NAME_FIELD: usize = MAX_INTERFACE_NAME + 1;

const HAS_ANNOTATION: u32 = 1;

const RECORD_METRIC: u8 = 1;
const RECORD_TAG: u8 = 2;
const RECORD_ANNOTATION: u8 = 4;
const RECORD_FLAGS: u8 = RECORD_METRIC | RECORD_TAG | RECORD_ANNOTATION;

const HOP_GATEWAY: u8 = 1;
const HOP_ONLINK: u8 = 2;
const HOP_DEVICE: u8 = 4;
/// The weight was written out. Routes of the router as a whole do not tell a written 1 from none.
const HOP_WEIGHT: u8 = 8;
/// Only in routes of the router as a whole.
const HOP_RECURSIVE: u8 = 16;
const HOP_FLAGS: u8 = HOP_GATEWAY | HOP_ONLINK | HOP_DEVICE | HOP_WEIGHT | HOP_RECURSIVE;

const KINDS: [RouteKind; 4] = [
    RouteKind::Unicast,
    RouteKind::Blackhole,
    RouteKind::Unreachable,
    RouteKind::Prohibit,
];

pub(super) fn unknown_layout(layout: u32) -> Refusal {
    Refusal::out_of_range("layout", layout, LAYOUT.to_string())
}

/// A route of either block. A route of the router has next hops with names, a route of an interface has one without.
struct Record {
    prefix: Prefix,
    kind: RouteKind,
    origin: Origin,
    preference: Option<u8>,
    metric: Option<u32>,
    tag: Option<u32>,
    hops: Vec<Hop>,
    annotate: Option<String>,
}

struct Hop {
    gateway: Option<IpAddr>,
    onlink: bool,
    recursive: bool,
    device: Option<String>,
    weight: Option<u16>,
}

pub(super) fn encode_global(config: &GlobalConfig) -> InfoBlock {
    encode(
        config.annotate.as_deref(),
        config.routes.iter().map(|route| Record {
            prefix: route.prefix,
            kind: route.kind,
            origin: Origin::Static,
            preference: route.preference,
            metric: route.metric,
            tag: route.tag,
            hops: route
                .via
                .iter()
                .map(|via| Hop {
                    gateway: via.gateway,
                    onlink: via.onlink,
                    recursive: via.recursive,
                    device: via.device.clone(),
                    weight: (via.weight != 1).then_some(via.weight),
                })
                .collect(),
            annotate: route.annotate.clone(),
        }),
    )
}

pub(super) fn encode_interface(config: &InterfaceConfig) -> InfoBlock {
    encode(
        config.annotate.as_deref(),
        config.routes.iter().map(|route| Record {
            prefix: route.prefix,
            kind: RouteKind::Unicast,
            origin: route.origin,
            preference: route.preference,
            metric: route.metric,
            tag: route.tag,
            hops: vec![Hop {
                gateway: route.gateway,
                onlink: route.onlink,
                recursive: false,
                device: None,
                weight: route.weight,
            }],
            annotate: route.annotate.clone(),
        }),
    )
}

pub(super) fn decode_global(octets: &[u8]) -> Result<GlobalConfig, Refusal> {
    let (records, annotate) = decode(octets)?;
    let routes = records
        .into_iter()
        .enumerate()
        .map(|(index, record)| {
            if record.origin != Origin::Static {
                return Err(Refusal::out_of_range(
                    &format!("routes.{index}.origin"),
                    record.origin as u8,
                    "0 for routes of the router as a whole",
                ));
            }
            let via = record
                .hops
                .into_iter()
                .enumerate()
                .map(|(hop_index, hop)| match hop.weight {
                    Some(1) => Err(Refusal::invalid("a weight of 1 is written by leaving it out")
                        .at(&format!("routes.{index}.via.{hop_index}"))
                        .with_value(1)),
                    weight => Ok(Via {
                        gateway: hop.gateway,
                        device: hop.device,
                        weight: weight.unwrap_or(1),
                        onlink: hop.onlink,
                        recursive: hop.recursive,
                    }),
                })
                .collect::<Result<_, _>>()?;
            Ok(StaticRoute {
                prefix: record.prefix,
                via,
                kind: record.kind,
                preference: record.preference,
                metric: record.metric,
                tag: record.tag,
                annotate: record.annotate,
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(GlobalConfig { routes, annotate })
}

pub(super) fn decode_interface(octets: &[u8]) -> Result<InterfaceConfig, Refusal> {
    let (records, annotate) = decode(octets)?;
    let routes = records
        .into_iter()
        .enumerate()
        .map(|(index, record)| {
            interface_route(record).map_err(|refusal| refusal.under(&format!("routes.{index}")))
        })
        .collect::<Result<_, _>>()?;
    Ok(InterfaceConfig { routes, annotate })
}

fn interface_route(record: Record) -> Result<InterfaceStaticRoute, Refusal> {
    if record.kind != RouteKind::Unicast {
        return Err(Refusal::out_of_range(
            "kind",
            record.kind,
            "unicast on an interface",
        ));
    }
    let hops = record.hops.len();
    let Some(hop) = record.hops.into_iter().next().filter(|_| hops == 1) else {
        return Err(Refusal::out_of_range("nextHopCount", hops, "1 on an interface"));
    };
    if hop.recursive {
        return Err(
            Refusal::invalid("the interface is given, so there is nothing to find")
                .at("recursive")
                .with_value(true)
                .with_allowed("false"),
        );
    }
    if let Some(name) = hop.device {
        return Err(
            Refusal::invalid("the interface is the one the route is configured on")
                .at("device")
                .with_value(name.escape_default()),
        );
    }
    Ok(InterfaceStaticRoute {
        prefix: record.prefix,
        gateway: hop.gateway,
        onlink: hop.onlink,
        weight: hop.weight,
        preference: record.preference,
        metric: record.metric,
        tag: record.tag,
        origin: record.origin,
        annotate: record.annotate,
    })
}

fn encode(annotate: Option<&str>, records: impl ExactSizeIterator<Item = Record>) -> InfoBlock {
    let mut writer = WaypostHeader::start(LAYOUT);
    // INVARIANT: validation bounds routes, next hops and notes far below the width of their counts.
    let word = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    writer
        .u32_le(word(records.len()))
        .u32_le(if annotate.is_some() { HAS_ANNOTATION } else { 0 })
        .u32_le(word(annotate.map_or(0, str::len)));
    for record in records {
        let start = writer.len();
        encode_record(&mut writer, &record);
        let length = word(writer.len() - start);
        writer.patch(start, &length.to_le_bytes());
    }
    text(&mut writer, annotate);
    WaypostHeader::finish(LAYOUT, writer)
}

fn encode_record(writer: &mut Writer, record: &Record) {
    let (family, network) = match record.prefix {
        Prefix::V4(prefix) => (4, IpAddr::V4(prefix.network())),
        Prefix::V6(prefix) => (6, IpAddr::V6(prefix.network())),
    };
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    // INVARIANT: as in `encode`.
    let short = |value: usize| u16::try_from(value).unwrap_or(u16::MAX);
    writer
        .u32_le(0)
        .u8(family)
        .u8(record.prefix.length())
        .u8(KINDS.iter().position(|kind| *kind == record.kind).unwrap_or(0) as u8)
        .u8(record.origin as u8)
        .u8(record.preference.unwrap_or(0))
        .u8(flag(record.metric.is_some(), RECORD_METRIC)
            | flag(record.tag.is_some(), RECORD_TAG)
            | flag(record.annotate.is_some(), RECORD_ANNOTATION))
        .u16_le(short(record.hops.len()))
        .u32_le(record.metric.unwrap_or(0))
        .u32_le(record.tag.unwrap_or(0))
        .u16_le(short(record.annotate.as_ref().map_or(0, String::len)))
        .u16_le(0);
    address(writer, Some(network));
    for hop in &record.hops {
        address(writer, hop.gateway);
        writer
            .u8(flag(hop.gateway.is_some(), HOP_GATEWAY)
                | flag(hop.onlink, HOP_ONLINK)
                | flag(hop.recursive, HOP_RECURSIVE)
                | flag(hop.device.is_some(), HOP_DEVICE)
                | flag(hop.weight.is_some(), HOP_WEIGHT))
            .u8(0)
            .u16_le(hop.weight.unwrap_or(0));
        let name = hop.device.as_deref().unwrap_or_default();
        writer
            .slice(name.as_bytes())
            .zeros(NAME_FIELD.saturating_sub(name.len()));
    }
    text(writer, record.annotate.as_deref());
}

/// 16 octets: an IPv4 address takes the first four.
fn address(writer: &mut Writer, address: Option<IpAddr>) {
    match address {
        Some(IpAddr::V4(address)) => writer.ipv4(address).zeros(12),
        Some(IpAddr::V6(address)) => writer.slice(&address.octets()),
        None => writer.zeros(16),
    };
}

/// UTF-8 octets, padded to a multiple of 4.
fn text(writer: &mut Writer, text: Option<&str>) {
    let octets = text.unwrap_or_default().as_bytes();
    writer
        .slice(octets)
        .zeros(octets.len().next_multiple_of(4) - octets.len());
}

fn cut_short(error: ReadError) -> Refusal {
    Refusal::invalid(format!("the block is cut short: {error}"))
}

fn decode(octets: &[u8]) -> Result<(Vec<Record>, Option<String>), Refusal> {
    let (_, mut reader) = WaypostHeader::read(octets)?;
    let mut fixed = || reader.u32_le().map_err(cut_short);
    let (count, flags, annotation) = (fixed()?, fixed()?, fixed()?);
    let room = reader.left() / RECORD_FIXED;
    if count as usize > room {
        return Err(Refusal::out_of_range("routeCount", count, format!("0..={room}")));
    }
    if flags & !HAS_ANNOTATION != 0 {
        return Err(Refusal::out_of_range("flags", format!("{flags:#x}"), "0 or 1"));
    }
    let mut records = Vec::with_capacity(count as usize);
    for index in 0..count {
        let record =
            decode_record(&mut reader).map_err(|refusal| refusal.under(&format!("routes.{index}")))?;
        records.push(record);
    }
    let annotate = note(&mut reader, flags & HAS_ANNOTATION != 0, annotation as usize)?;
    if !reader.is_empty() {
        return Err(Refusal::invalid("octets follow the last field")
            .at("length")
            .with_value(octets.len())
            .with_allowed(reader.offset().to_string()));
    }
    Ok((records, annotate))
}

fn decode_record(reader: &mut Reader<'_>) -> Result<Record, Refusal> {
    let length = reader.u32_le().map_err(cut_short)? as usize;
    let left = reader.left().saturating_add(4);
    if !(RECORD_FIXED..=left).contains(&length) {
        return Err(Refusal::out_of_range(
            "recordLength",
            length,
            format!("{RECORD_FIXED}..={left}"),
        ));
    }
    let mut reader = reader.sub(length - 4).map_err(cut_short)?;
    let reader = &mut reader;
    let fixed = Fixed::read(reader).map_err(cut_short)?;
    let kind = KINDS
        .get(usize::from(fixed.kind))
        .copied()
        .ok_or_else(|| Refusal::out_of_range("kind", fixed.kind, "0..=3"))?;
    let origin = Origin::ALL
        .get(usize::from(fixed.origin))
        .copied()
        .ok_or_else(|| Refusal::out_of_range("origin", fixed.origin, "0..=2"))?;
    if fixed.flags & !RECORD_FLAGS != 0 {
        return Err(Refusal::out_of_range(
            "flags",
            format!("{:#x}", fixed.flags),
            "0..=0x7",
        ));
    }
    if fixed.reserved != 0 {
        return Err(reserved("reserved"));
    }
    let optional = |flag: u8, value: u32, field: &str| match (fixed.flags & flag != 0, value) {
        (true, value) => Ok(Some(value)),
        (false, 0) => Ok(None),
        (false, _) => Err(reserved(field)),
    };
    let metric = optional(RECORD_METRIC, fixed.metric, "metric")?;
    let tag = optional(RECORD_TAG, fixed.tag, "tag")?;
    let prefix = decode_prefix(&fixed)?;
    let hops = usize::from(fixed.next_hops);
    if hops > MAX_NEXT_HOPS {
        return Err(Refusal::out_of_range(
            "nextHopCount",
            hops,
            format!("0..={MAX_NEXT_HOPS}"),
        ));
    }
    let hops = (0..hops)
        .map(|index| {
            decode_hop(reader, fixed.family).map_err(|refusal| refusal.under(&format!("via.{index}")))
        })
        .collect::<Result<_, _>>()?;
    let annotate = note(
        reader,
        fixed.flags & RECORD_ANNOTATION != 0,
        usize::from(fixed.annotation),
    )?;
    if !reader.is_empty() {
        return Err(Refusal::invalid("octets follow the last field")
            .at("recordLength")
            .with_value(length)
            .with_allowed((length - reader.left()).to_string()));
    }
    Ok(Record {
        prefix,
        kind,
        origin,
        preference: (fixed.preference != 0).then_some(fixed.preference),
        metric,
        tag,
        hops,
        annotate,
    })
}

/// The fixed part of a record after its length.
struct Fixed {
    family: u8,
    prefix_length: u8,
    kind: u8,
    origin: u8,
    preference: u8,
    flags: u8,
    next_hops: u16,
    metric: u32,
    tag: u32,
    annotation: u16,
    reserved: u16,
    network: [u8; 16],
}

impl Fixed {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ReadError> {
        Ok(Self {
            family: reader.u8()?,
            prefix_length: reader.u8()?,
            kind: reader.u8()?,
            origin: reader.u8()?,
            preference: reader.u8()?,
            flags: reader.u8()?,
            next_hops: reader.u16_le()?,
            metric: reader.u32_le()?,
            tag: reader.u32_le()?,
            annotation: reader.u16_le()?,
            reserved: reader.u16_le()?,
            network: reader.array()?,
        })
    }
}

fn reserved(field: &str) -> Refusal {
    Refusal::invalid("octets that are not in use must be zero").at(field)
}

fn decode_prefix(fixed: &Fixed) -> Result<Prefix, Refusal> {
    let prefix = match decode_address(fixed.network, fixed.family, "prefix")? {
        IpAddr::V4(network) => Prefix4::new(network, fixed.prefix_length).map(Prefix::V4),
        IpAddr::V6(network) => Prefix6::new(network, fixed.prefix_length).map(Prefix::V6),
    };
    prefix.map_err(|error| Refusal::invalid(error.to_string()).at("prefix"))
}

fn decode_address(octets: [u8; 16], family: u8, field: &str) -> Result<IpAddr, Refusal> {
    let [a, b, c, d, rest @ ..] = octets;
    match family {
        4 if rest == [0; 12] => Ok(Ipv4Addr::new(a, b, c, d).into()),
        4 => Err(reserved(field)),
        6 => Ok(Ipv6Addr::from(octets).into()),
        other => Err(Refusal::out_of_range("family", other, "4 or 6")),
    }
}

fn decode_hop(reader: &mut Reader<'_>, family: u8) -> Result<Hop, Refusal> {
    let read = |reader: &mut Reader<'_>| {
        Ok((
            reader.array::<16>()?,
            reader.u8()?,
            reader.u8()?,
            reader.u16_le()?,
            reader.array::<NAME_FIELD>()?,
        ))
    };
    let (gateway, flags, padding, weight, name) = read(reader).map_err(cut_short)?;
    if flags & !HOP_FLAGS != 0 {
        return Err(Refusal::out_of_range("flags", format!("{flags:#x}"), "0..=0x1f"));
    }
    if padding != 0 {
        return Err(reserved("reserved"));
    }
    let gateway = if flags & HOP_GATEWAY != 0 {
        Some(decode_address(gateway, family, "gateway")?)
    } else if gateway == [0; 16] {
        None
    } else {
        return Err(reserved("gateway"));
    };
    let weight = match (flags & HOP_WEIGHT != 0, weight) {
        (true, weight) => Some(weight),
        (false, 0) => None,
        (false, _) => return Err(reserved("weight")),
    };
    Ok(Hop {
        gateway,
        onlink: flags & HOP_ONLINK != 0,
        recursive: flags & HOP_RECURSIVE != 0,
        device: decode_name(name, flags & HOP_DEVICE != 0)?,
        weight,
    })
}

fn decode_name(field: [u8; NAME_FIELD], given: bool) -> Result<Option<String>, Refusal> {
    let end = field.iter().position(|octet| *octet == 0).unwrap_or(NAME_FIELD);
    let (name, rest) = field.split_at(end);
    if rest.iter().any(|octet| *octet != 0) || given == name.is_empty() {
        return Err(Refusal::invalid("not a name padded with zeroes, or not flagged as there").at("device"));
    }
    if !given {
        return Ok(None);
    }
    String::from_utf8(name.to_vec())
        .map(Some)
        .map_err(|_| Refusal::invalid("the name is not UTF-8").at("device"))
}

/// A note of `length` octets and its padding.
fn note(reader: &mut Reader<'_>, given: bool, length: usize) -> Result<Option<String>, Refusal> {
    if length > if given { MAX_ANNOTATION } else { 0 } {
        return Err(Refusal::out_of_range(
            "annotationLength",
            length,
            if given {
                format!("0..={MAX_ANNOTATION}")
            } else {
                "0 without the flag".to_owned()
            },
        ));
    }
    let octets = reader.take(length).map_err(cut_short)?;
    let padding = reader
        .take(length.next_multiple_of(4) - length)
        .map_err(cut_short)?;
    if padding.iter().any(|octet| *octet != 0) {
        return Err(reserved("annotate"));
    }
    if !given {
        return Ok(None);
    }
    String::from_utf8(octets.to_vec())
        .map(Some)
        .map_err(|_| Refusal::invalid("the note is not UTF-8").at("annotate"))
}
