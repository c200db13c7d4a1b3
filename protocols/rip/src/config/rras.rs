//! RRAS's own blocks, IPRIP_GLOBAL_CONFIG and IPRIP_IF_CONFIG (rras-blocks 2.1 to 2.3).
//!
//! Reading states every option that the block can express, so that what the block says also holds against the global
//! defaults; `passive` is false, and options the block has no field for stay unset. Writing gives an option that is not set
//! its built-in default, for the block has no "not set". What it cannot express at all:
//!
//! | Configuration | In the block |
//! |---|---|
//! | `passive` | IC_AnnounceMode 0 |
//! | timers below 15 s | 15 |
//! | `triggered-delay` in milliseconds | the next whole second |
//! | `authentication = "cryptographic"` | 3, MD5, which setting the block refuses (P-107): written back, it cannot switch authentication off unnoticed |
//! | filters by prefix, or with permits and denies mixed | the nearest address ranges, see `rras_filter.rs` |
//! | `metric-out`, `originate-default`, `keys`, `check-zero`, `ttl-security`, `maximum-routes`, `dscp`, `port`, `packet-length`, `receive-buffer`, `ecmp-weight`, `check-link`, `accept-policy`, `announce-policy`, `annotate` | dropped |
//! | global: `preference`, `ecmp`, `redistribute`, defaults of interface options, `annotate` | dropped |
//!
//! IC_State is read-only: ignored here, written as 0 and filled in by the engine (P-104).

use std::mem::offset_of;
use std::net::Ipv4Addr;

use waypost_routprot::{InfoBlock, Refusal};
use waypost_wire::{ReadError, Reader, Writer};
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::codes::Coded;
use super::rras_filter::{self, FilterMode, Range};
use super::secrets::{PASSWORD_SIZE, password_from_octets, password_octets};
use super::validate::{MAX_COUNT, in_range, unicast};
use super::{
    Accept, Announce, Authentication, Effective, GlobalConfig, InterfaceConfig, Logging, NeighborMode,
    Options, PeerFilter, UpdateMode,
};

/// StructureVersion of RRAS's layout.
const VERSION: u32 = 1;

/// The fixed part of IPRIP_GLOBAL_CONFIG.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct GlobalFixed {
    logging_level: U32,
    max_recv_queue_size: U32,
    max_send_queue_size: U32,
    min_triggered_update_interval: U32,
    peer_filter_mode: U32,
    peer_filter_count: U32,
}

/// The fixed part of IPRIP_IF_CONFIG.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct InterfaceFixed {
    state: U32,
    metric: U32,
    update_mode: U32,
    accept_mode: U32,
    announce_mode: U32,
    protocol_flags: U32,
    route_expiration_interval: U32,
    route_removal_interval: U32,
    full_update_interval: U32,
    authentication_type: U32,
    authentication_key: [u8; PASSWORD_SIZE],
    route_tag: U16,
    padding: [u8; 2],
    unicast_peer_mode: U32,
    accept_filter_mode: U32,
    announce_filter_mode: U32,
    unicast_peer_count: U32,
    accept_filter_count: U32,
    announce_filter_count: U32,
}

const _: () = assert!(size_of::<GlobalFixed>() == 24 && size_of::<InterfaceFixed>() == 84);

/// Where IC_AuthenticationKey is.
pub(super) const KEY_OFFSET: usize = offset_of!(InterfaceFixed, authentication_key);

/// IC_ProtocolFlags.
mod flag {
    pub(super) const ACCEPT_HOST_ROUTES: u32 = 0x001;
    pub(super) const ANNOUNCE_HOST_ROUTES: u32 = 0x002;
    pub(super) const ACCEPT_DEFAULT_ROUTES: u32 = 0x004;
    pub(super) const ANNOUNCE_DEFAULT_ROUTES: u32 = 0x008;
    pub(super) const SPLIT_HORIZON: u32 = 0x010;
    pub(super) const POISON_REVERSE: u32 = 0x020;
    pub(super) const GRACEFUL_SHUTDOWN: u32 = 0x040;
    pub(super) const TRIGGERED_UPDATES: u32 = 0x080;
    pub(super) const OVERWRITE_STATIC_ROUTES: u32 = 0x100;
    pub(super) const NO_SUBNET_SUMMARY: u32 = 0x200;
    pub(super) const ALL: u32 = 0x3FF;
}

/// Seconds that RRAS allows between triggered updates.
const MAX_HOLD: u32 = 86_400;
/// Seconds that RRAS allows between full updates.
const UPDATE_INTERVAL: (u32, u32) = (15, 86_400);
/// Seconds that RRAS allows for the life and the after-life of a route.
const ROUTE_INTERVAL: (u32, u32) = (15, 259_200);

/// Reads IPRIP_GLOBAL_CONFIG.
pub(super) fn decode_global(octets: &[u8]) -> Result<GlobalConfig, Refusal> {
    let (fixed, mut tail) = split::<GlobalFixed>(octets)?;
    let peers = fixed.peer_filter_count.get();
    check_tail(&tail, &[("GC_PeerFilterCount", peers, ADDRESS_SIZE)])?;
    let logging = Logging::from_code(fixed.logging_level.get(), "GC_LoggingLevel")?;
    let hold = fixed.min_triggered_update_interval.get();
    in_range("GC_MinTriggeredUpdateInterval", hold, 0, MAX_HOLD)?;
    let peer_filter = PeerFilter::from_code(fixed.peer_filter_mode.get(), "GC_PeerFilterMode")?;
    Ok(GlobalConfig {
        triggered_delay: Some(hold.saturating_mul(1000)),
        peer_filter: Some(peer_filter),
        peers: Some(addresses(&mut tail, "GC_PeerFilter", peers)?),
        logging: Some(logging),
        max_receive_queue: Some(fixed.max_recv_queue_size.get()),
        max_send_queue: Some(fixed.max_send_queue_size.get()),
        ..GlobalConfig::default()
    })
}

/// Writes IPRIP_GLOBAL_CONFIG.
pub(super) fn encode_global(config: &GlobalConfig) -> InfoBlock {
    const QUEUE: u32 = 1 << 20;
    let peers = listed(config.peers.as_deref().unwrap_or_default());
    let fixed = GlobalFixed {
        logging_level: word(config.logging.unwrap_or_default()),
        max_recv_queue_size: config.max_receive_queue.unwrap_or(QUEUE).into(),
        max_send_queue_size: config.max_send_queue.unwrap_or(QUEUE).into(),
        min_triggered_update_interval: config
            .triggered_delay
            .unwrap_or(1000)
            .div_ceil(1000)
            .min(MAX_HOLD)
            .into(),
        peer_filter_mode: word(config.peer_filter.unwrap_or_default()),
        peer_filter_count: count(peers),
    };
    let mut writer = Writer::with_capacity(size_of::<GlobalFixed>() + peers.len() * ADDRESS_SIZE as usize);
    writer.slice(fixed.as_bytes());
    for peer in peers {
        writer.ipv4(*peer);
    }
    InfoBlock::new(VERSION, writer.finish())
}

/// Reads IPRIP_IF_CONFIG.
pub(super) fn decode_interface(octets: &[u8]) -> Result<InterfaceConfig, Refusal> {
    let (fixed, mut tail) = split::<InterfaceFixed>(octets)?;
    let (peers, accepted, announced) = (
        fixed.unicast_peer_count.get(),
        fixed.accept_filter_count.get(),
        fixed.announce_filter_count.get(),
    );
    check_tail(
        &tail,
        &[
            ("IC_UnicastPeerCount", peers, ADDRESS_SIZE),
            ("IC_AcceptFilterCount", accepted, RANGE_SIZE),
            ("IC_AnnounceFilterCount", announced, RANGE_SIZE),
        ],
    )?;
    let metric = fixed.metric.get();
    in_range("IC_Metric", metric, 0, 16)?;
    let flags = fixed.protocol_flags.get();
    if flags & !flag::ALL != 0 {
        return Err(Refusal::out_of_range(
            "IC_ProtocolFlags",
            format_args!("{flags:#x}"),
            format!("bits of {:#x}", flag::ALL),
        ));
    }
    let set = |bit: u32| Some(flags & bit != 0);
    let seconds = |field, value: U32, (low, high)| {
        in_range(field, value.get(), low, high)?;
        Ok(Some(value.get()))
    };
    let authentication = Authentication::from_code(fixed.authentication_type.get(), "IC_AuthenticationType")?;
    if authentication == Authentication::Cryptographic {
        return Err(
            Refusal::invalid("a block in RRAS's layout cannot ask for MD5: it carries no key chain")
                .at("IC_AuthenticationType")
                .with_value(3)
                .with_allowed("1, 2"),
        );
    }
    let mode = |field, value: U32| FilterMode::from_code(value.get(), field);
    let accept_filter = mode("IC_AcceptFilterMode", fixed.accept_filter_mode)?;
    let announce_filter = mode("IC_AnnounceFilterMode", fixed.announce_filter_mode)?;
    let options = Options {
        // INVARIANT: at most 16, checked above.
        metric: Some(metric as u8),
        passive: Some(false),
        update_mode: Some(UpdateMode::from_code(fixed.update_mode.get(), "IC_UpdateMode")?),
        accept: Some(Accept::from_code(fixed.accept_mode.get(), "IC_AcceptMode")?),
        announce: Some(Announce::from_code(fixed.announce_mode.get(), "IC_AnnounceMode")?),
        expiration_interval: seconds(
            "IC_RouteExpirationInterval",
            fixed.route_expiration_interval,
            ROUTE_INTERVAL,
        )?,
        removal_interval: seconds(
            "IC_RouteRemovalInterval",
            fixed.route_removal_interval,
            ROUTE_INTERVAL,
        )?,
        update_interval: seconds(
            "IC_FullUpdateInterval",
            fixed.full_update_interval,
            UPDATE_INTERVAL,
        )?,
        accept_host_routes: set(flag::ACCEPT_HOST_ROUTES),
        announce_host_routes: set(flag::ANNOUNCE_HOST_ROUTES),
        accept_default_route: set(flag::ACCEPT_DEFAULT_ROUTES),
        announce_default_route: set(flag::ANNOUNCE_DEFAULT_ROUTES),
        split_horizon: set(flag::SPLIT_HORIZON),
        poison_reverse: set(flag::POISON_REVERSE),
        graceful_shutdown: set(flag::GRACEFUL_SHUTDOWN),
        triggered_updates: set(flag::TRIGGERED_UPDATES),
        overwrite_static_routes: set(flag::OVERWRITE_STATIC_ROUTES),
        summarise: Some(flags & flag::NO_SUBNET_SUMMARY == 0),
        authentication: Some(authentication),
        password: password_from_octets(fixed.authentication_key),
        route_tag: Some(fixed.route_tag.get()),
        neighbor_mode: Some(NeighborMode::from_code(
            fixed.unicast_peer_mode.get(),
            "IC_UnicastPeerMode",
        )?),
        neighbors: Some(addresses(&mut tail, "IC_UnicastPeer", peers)?),
        accept_filter: Some(rras_filter::rules(
            accept_filter,
            &ranges(&mut tail, "IC_AcceptFilter", accepted)?,
        )),
        announce_filter: Some(rras_filter::rules(
            announce_filter,
            &ranges(&mut tail, "IC_AnnounceFilter", announced)?,
        )),
        ..Options::default()
    };
    Ok(InterfaceConfig {
        options,
        annotate: None,
    })
}

/// Writes IPRIP_IF_CONFIG.
pub(super) fn encode_interface(config: &InterfaceConfig) -> InfoBlock {
    let values = Effective::resolve(
        config,
        &GlobalConfig::default(),
        &waypost_policy::Policies::default(),
    );
    let flags = [
        (values.accept_host_routes, flag::ACCEPT_HOST_ROUTES),
        (values.announce_host_routes, flag::ANNOUNCE_HOST_ROUTES),
        (values.accept_default_route, flag::ACCEPT_DEFAULT_ROUTES),
        (values.announce_default_route, flag::ANNOUNCE_DEFAULT_ROUTES),
        (values.split_horizon, flag::SPLIT_HORIZON),
        (values.poison_reverse, flag::POISON_REVERSE),
        (values.graceful_shutdown, flag::GRACEFUL_SHUTDOWN),
        (values.triggered_updates, flag::TRIGGERED_UPDATES),
        (values.overwrite_static_routes, flag::OVERWRITE_STATIC_ROUTES),
        (!values.summarise, flag::NO_SUBNET_SUMMARY),
    ]
    .into_iter()
    .filter(|(set, _)| *set)
    .fold(0, |flags, (_, bit)| flags | bit);
    let seconds = |interval: std::time::Duration, (low, high): (u32, u32)| {
        let seconds = u32::try_from(interval.as_secs()).unwrap_or(u32::MAX);
        U32::new(seconds.clamp(low, high))
    };
    let peers = listed(&values.neighbors);
    let (accept_mode, accepted) = rras_filter::mode_and_ranges(&values.accept_filter);
    let (announce_mode, announced) = rras_filter::mode_and_ranges(&values.announce_filter);
    let (accepted, announced) = (listed(&accepted), listed(&announced));
    let fixed = InterfaceFixed {
        state: 0.into(),
        // As configured: 0 acts as 1 but comes back as 0.
        metric: u32::from(config.options.metric.unwrap_or(1)).into(),
        update_mode: word(values.update_mode),
        accept_mode: word(values.accept),
        announce_mode: word(values.announce),
        protocol_flags: flags.into(),
        route_expiration_interval: seconds(values.expiration_interval, ROUTE_INTERVAL),
        route_removal_interval: seconds(values.removal_interval, ROUTE_INTERVAL),
        full_update_interval: seconds(values.update_interval, UPDATE_INTERVAL),
        authentication_type: word(values.authentication),
        authentication_key: password_octets(&values.password),
        route_tag: values.route_tag.into(),
        padding: [0; 2],
        unicast_peer_mode: word(values.neighbor_mode),
        accept_filter_mode: word(accept_mode),
        announce_filter_mode: word(announce_mode),
        unicast_peer_count: count(peers),
        accept_filter_count: count(accepted),
        announce_filter_count: count(announced),
    };
    let mut writer = Writer::with_capacity(size_of::<InterfaceFixed>());
    writer.slice(fixed.as_bytes());
    for peer in peers {
        writer.ipv4(*peer);
    }
    for (low, high) in accepted.iter().chain(announced) {
        writer.ipv4(*low).ipv4(*high);
    }
    InfoBlock::new(VERSION, writer.finish())
}

/// Octets of a listed router.
const ADDRESS_SIZE: u64 = 4;
/// Octets of IPRIP_ROUTE_FILTER.
const RANGE_SIZE: u64 = 8;

/// As much of a list as a block may hold.
fn listed<T>(list: &[T]) -> &[T] {
    list.get(..MAX_COUNT).unwrap_or(list)
}

fn word(value: impl Coded) -> U32 {
    u32::from(value.code()).into()
}

fn count<T>(list: &[T]) -> U32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX).into()
}

/// The fixed part, and a reader over what follows it.
fn split<F: FromBytes + KnownLayout + Immutable>(octets: &[u8]) -> Result<(F, Reader<'_>), Refusal> {
    match F::read_from_prefix(octets) {
        Ok((fixed, tail)) => Ok((fixed, Reader::new(tail))),
        Err(_) => Err(Refusal::invalid("the block is shorter than its fixed part")
            .at("StructureSize")
            .with_value(octets.len())
            .with_allowed(format!("{} or more", size_of::<F>()))),
    }
}

/// Checks every count, and that the tail holds all that they announce, before anything is read (P-105).
fn check_tail(tail: &Reader<'_>, counts: &[(&str, u32, u64)]) -> Result<(), Refusal> {
    for (field, count, _) in counts {
        in_range(field, u64::from(*count), 0, MAX_COUNT as u64)?;
    }
    let mut left = tail.left() as u64;
    for (field, count, size) in counts {
        let needed = u64::from(*count) * size;
        left = left.checked_sub(needed).ok_or_else(|| {
            Refusal::invalid(format!(
                "the list leaves the block: {needed} octets needed, {left} left"
            ))
            .at(field)
            .with_value(count)
            .with_allowed(format!("at most {}", left / size))
        })?;
    }
    Ok(())
}

fn addresses(tail: &mut Reader<'_>, field: &str, count: u32) -> Result<Vec<Ipv4Addr>, Refusal> {
    (0..count)
        .map(|position| {
            let address = tail.ipv4().map_err(|error| cut(field, &error))?;
            unicast(|| format!("{field}.{position}"), address)?;
            Ok(address)
        })
        .collect()
}

fn ranges(tail: &mut Reader<'_>, field: &str, count: u32) -> Result<Vec<Range>, Refusal> {
    (0..count)
        .map(|position| {
            let mut address = || tail.ipv4().map_err(|error| cut(field, &error));
            let (low, high) = (address()?, address()?);
            if low > high {
                return Err(Refusal::invalid("the range is the wrong way round")
                    .at(&format!("{field}.{position}"))
                    .with_value(format_args!("{low}-{high}"))
                    .with_allowed("Lo <= Hi"));
            }
            Ok((low, high))
        })
        .collect()
}

fn cut(field: &str, error: &ReadError) -> Refusal {
    Refusal::invalid(format!("the list leaves the block: {error}")).at(field)
}

#[cfg(test)]
mod tests;
