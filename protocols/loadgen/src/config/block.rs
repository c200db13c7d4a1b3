//! Waypost's layout 2 of both blocks; the byte tables are in docs/blocks/loadgen.md.
//!
//! One configuration has exactly one encoding: what is not given is zero, and unknown flags are refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use waypost_routprot::{InfoBlock, Refusal, WaypostHeader};
use waypost_types::RouteKind;
use waypost_wire::{ReadError, Reader, Writer};

use super::{GlobalConfig, InterfaceConfig, MAXIMUM_GATEWAYS};

/// The layout number.
pub(super) const LAYOUT: u32 = 2;

const KINDS: [RouteKind; 4] = [
    RouteKind::Unicast,
    RouteKind::Blackhole,
    RouteKind::Unreachable,
    RouteKind::Prohibit,
];

/// Bits of the options that are given, in the order of their fields.
mod given {
    pub(super) const ROUTES: u32 = 1;
    pub(super) const ROUTES6: u32 = 2;
    pub(super) const SEED: u32 = 4;
    pub(super) const RATE: u32 = 8;
    pub(super) const FLAPS: u32 = 16;
    pub(super) const FLAP_DOWN: u32 = 32;
    pub(super) const REROUTES: u32 = 64;
    pub(super) const METRIC: u32 = 128;
    pub(super) const TAG: u32 = 256;
    pub(super) const NEXT_HOPS: u32 = 512;
    pub(super) const KIND: u32 = 1024;
    pub(super) const ANNOTATE: u32 = 2048;
    pub(super) const ALL: u32 = 4095;
}

fn cut_short(error: ReadError) -> Refusal {
    Refusal::invalid(format!("the block is cut short: {error}"))
}

pub(super) fn encode_global(config: &GlobalConfig) -> InfoBlock {
    let bit = |given: bool, bit: u32| if given { bit } else { 0 };
    let mut writer = WaypostHeader::start(LAYOUT);
    writer
        .u32_le(
            bit(config.routes.is_some(), given::ROUTES)
                | bit(config.routes6.is_some(), given::ROUTES6)
                | bit(config.seed.is_some(), given::SEED)
                | bit(config.rate.is_some(), given::RATE)
                | bit(config.flaps.is_some(), given::FLAPS)
                | bit(config.flap_down.is_some(), given::FLAP_DOWN)
                | bit(config.reroutes.is_some(), given::REROUTES)
                | bit(config.metric.is_some(), given::METRIC)
                | bit(config.tag.is_some(), given::TAG)
                | bit(config.next_hops.is_some(), given::NEXT_HOPS)
                | bit(config.kind.is_some(), given::KIND)
                | bit(config.annotate.is_some(), given::ANNOTATE),
        )
        .u32_le(config.routes.unwrap_or(0))
        .u32_le(config.routes6.unwrap_or(0))
        .u64_le(config.seed.unwrap_or(0))
        .u32_le(config.rate.unwrap_or(0))
        .u32_le(config.flaps.unwrap_or(0))
        .u32_le(config.flap_down.unwrap_or(0))
        .u32_le(config.reroutes.unwrap_or(0))
        .u32_le(config.metric.unwrap_or(0))
        .u32_le(config.tag.unwrap_or(0))
        .u8(config.next_hops.unwrap_or(0))
        .u8(KINDS
            .iter()
            .position(|kind| Some(*kind) == config.kind)
            .unwrap_or(0) as u8);
    note(&mut writer, config.annotate.as_deref());
    WaypostHeader::finish(LAYOUT, writer)
}

pub(super) fn decode_global(octets: &[u8]) -> Result<GlobalConfig, Refusal> {
    let (_, mut reader) = WaypostHeader::read(octets)?;
    let word = |reader: &mut Reader<'_>| reader.u32_le().map_err(cut_short);
    let present = word(&mut reader)?;
    if present & !given::ALL != 0 {
        return Err(Refusal::out_of_range(
            "present",
            format!("{present:#x}"),
            format!("bits of {:#x}", given::ALL),
        ));
    }
    let option = |name: &str, bit: u32, reader: &mut Reader<'_>| {
        let value = word(reader)?;
        when(name, present & bit != 0, value)
    };
    let routes = option("routes", given::ROUTES, &mut reader)?;
    let routes6 = option("routes6", given::ROUTES6, &mut reader)?;
    let seed = reader.u64_le().map_err(cut_short)?;
    let seed = when("seed", present & given::SEED != 0, seed)?;
    let rate = option("rate", given::RATE, &mut reader)?;
    let flaps = option("flaps", given::FLAPS, &mut reader)?;
    let flap_down = option("flap-down", given::FLAP_DOWN, &mut reader)?;
    let reroutes = option("reroutes", given::REROUTES, &mut reader)?;
    let metric = option("metric", given::METRIC, &mut reader)?;
    let tag = option("tag", given::TAG, &mut reader)?;
    let next_hops = reader.u8().map_err(cut_short)?;
    let kind = reader.u8().map_err(cut_short)?;
    let kind = when("kind", present & given::KIND != 0, kind)?
        .map(|kind| {
            let known = KINDS.get(usize::from(kind)).copied();
            known.ok_or_else(|| Refusal::out_of_range("kind", kind, "0..=3"))
        })
        .transpose()?;
    Ok(GlobalConfig {
        routes,
        routes6,
        seed,
        rate,
        flaps,
        flap_down,
        reroutes,
        next_hops: when("next-hops", present & given::NEXT_HOPS != 0, next_hops)?,
        kind,
        metric,
        tag,
        annotate: read_note(&mut reader, present & given::ANNOTATE != 0)?,
    })
}

/// An option if it is given; what is not given must be zero.
fn when<T: Default + PartialEq + ToString>(name: &str, given: bool, value: T) -> Result<Option<T>, Refusal> {
    match given {
        true => Ok(Some(value)),
        false if value == T::default() => Ok(None),
        false => Err(Refusal::out_of_range(
            name,
            value.to_string(),
            "0 when it is not given",
        )),
    }
}

const HAS_ANNOTATION: u32 = 1;

pub(super) fn encode_interface(config: &InterfaceConfig) -> InfoBlock {
    let mut writer = WaypostHeader::start(LAYOUT);
    // INVARIANT: validation bounds the gateways.
    writer
        .u32_le(if config.annotate.is_some() {
            HAS_ANNOTATION
        } else {
            0
        })
        .u32_le(u32::try_from(config.gateways.len()).unwrap_or(u32::MAX));
    for gateway in &config.gateways {
        match gateway {
            IpAddr::V4(address) => writer.u32_le(4).ipv4(*address).zeros(12),
            IpAddr::V6(address) => writer.u32_le(6).slice(&address.octets()),
        };
    }
    note(&mut writer, config.annotate.as_deref());
    WaypostHeader::finish(LAYOUT, writer)
}

pub(super) fn decode_interface(octets: &[u8]) -> Result<InterfaceConfig, Refusal> {
    let (_, mut reader) = WaypostHeader::read(octets)?;
    let present = reader.u32_le().map_err(cut_short)?;
    if present & !HAS_ANNOTATION != 0 {
        return Err(Refusal::out_of_range("present", present, "0 or 1"));
    }
    let count = reader.u32_le().map_err(cut_short)?;
    if count as usize > MAXIMUM_GATEWAYS {
        return Err(Refusal::out_of_range(
            "gateways",
            count,
            format!("up to {MAXIMUM_GATEWAYS}"),
        ));
    }
    let gateways = (0..count)
        .map(|number| {
            let path = format!("gateways.{number}");
            let family = reader.u32_le().map_err(cut_short)?;
            let octets = reader.array::<16>().map_err(cut_short)?;
            match (family, octets) {
                (4, [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) => {
                    Ok(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
                }
                (6, octets) => Ok(IpAddr::V6(Ipv6Addr::from(octets))),
                (other, _) => Err(Refusal::out_of_range(
                    &path,
                    other,
                    "4, followed by an address and zeros, or 6",
                )),
            }
        })
        .collect::<Result<_, _>>()?;
    Ok(InterfaceConfig {
        gateways,
        annotate: read_note(&mut reader, present & HAS_ANNOTATION != 0)?,
    })
}

/// A note's length, two octets, and the note.
fn note(writer: &mut Writer, note: Option<&str>) {
    let note = note.unwrap_or_default();
    // INVARIANT: validation bounds the note.
    writer
        .u16_le(u16::try_from(note.len()).unwrap_or(u16::MAX))
        .slice(note.as_bytes());
}

fn read_note(reader: &mut Reader<'_>, given: bool) -> Result<Option<String>, Refusal> {
    let length = reader.u16_le().map_err(cut_short)?;
    let octets = reader.take(usize::from(length)).map_err(cut_short)?;
    let note =
        std::str::from_utf8(octets).map_err(|_| Refusal::invalid("the note is not UTF-8").at("annotate"))?;
    if !reader.is_empty() {
        return Err(Refusal::invalid("octets follow the note")
            .with_value(reader.left())
            .with_allowed("0"));
    }
    when("annotate", given, note.to_owned())
}
