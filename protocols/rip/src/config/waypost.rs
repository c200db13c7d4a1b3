//! Waypost's own blocks: everything that text can say. Octet by octet in `docs/blocks/rip.md`.
//!
//! Layout 4 is the newest. Older ones, which cannot say everything, are read and written back as they are.
//!
//! A block that is accepted is canonical: what is not given is zero, nothing is left over, so writing it again gives the
//! same octets. Errors name the option, or the field of the block where there is no option to name.

use std::net::Ipv4Addr;

use waypost_routprot::{InfoBlock, Refusal, WaypostHeader};
use waypost_types::{ProtocolId, WallTime};
use waypost_wire::{DigestAlgorithm, ReadError, Reader, Secret, Writer};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::block::LAYOUT;
use super::codes::Coded;
use super::validate::{MAX_COUNT, MAX_NOTE};
use super::{Adjustment, GlobalConfig, InterfaceConfig, Key, Options, Redistribution};
use given::{Bit, Given, GivenReader};
use policies::{policy, write_policy};
use rules::{rules, write_rules};

mod given;
mod policies;
mod rules;

macro_rules! bits {
    ($(#[$doc:meta])* $name:ident: $($bit:ident = $number:literal $option:literal),* $(,)?) => {
        $(#[$doc])*
        pub(in crate::config::waypost) mod $name {
            use super::Bit;

            $(pub(in crate::config::waypost) const $bit: Bit = Bit { number: $number, option: $option };)*
            pub(in crate::config::waypost) const ALL: &[Bit] = &[$($bit),*];
        }
    };
}
use bits;

bits! {
    /// Bits of `given` and `switches` for the interface options.
    option:
    METRIC = 0 "metric",
    METRIC_OUT = 1 "metric-out",
    PASSIVE = 2 "passive",
    ANNOUNCE = 3 "announce",
    ACCEPT = 4 "accept",
    UPDATE_MODE = 5 "update-mode",
    UPDATE_INTERVAL = 6 "update-interval",
    EXPIRATION_INTERVAL = 7 "expiration-interval",
    REMOVAL_INTERVAL = 8 "removal-interval",
    SPLIT_HORIZON = 9 "split-horizon",
    POISON_REVERSE = 10 "poison-reverse",
    TRIGGERED_UPDATES = 11 "triggered-updates",
    GRACEFUL_SHUTDOWN = 12 "graceful-shutdown",
    ACCEPT_HOST_ROUTES = 13 "accept-host-routes",
    ANNOUNCE_HOST_ROUTES = 14 "announce-host-routes",
    ACCEPT_DEFAULT_ROUTE = 15 "accept-default-route",
    ANNOUNCE_DEFAULT_ROUTE = 16 "announce-default-route",
    ORIGINATE_DEFAULT = 17 "originate-default",
    OVERWRITE_STATIC_ROUTES = 18 "overwrite-static-routes",
    SUMMARISE = 19 "summarise",
    ROUTE_TAG = 20 "route-tag",
    NEIGHBOR_MODE = 21 "neighbor-mode",
    NEIGHBORS = 22 "neighbors",
    ACCEPT_FILTER = 23 "accept-filter",
    ANNOUNCE_FILTER = 24 "announce-filter",
    AUTHENTICATION = 25 "authentication",
    PASSWORD = 26 "password",
    KEYS = 27 "keys",
    CHECK_ZERO = 28 "check-zero",
    TTL_SECURITY = 29 "ttl-security",
    MAXIMUM_ROUTES = 30 "maximum-routes",
    DSCP = 31 "dscp",
    PORT = 32 "port",
    PACKET_LENGTH = 33 "packet-length",
    RECEIVE_BUFFER = 34 "receive-buffer",
    ECMP_WEIGHT = 35 "ecmp-weight",
    CHECK_LINK = 36 "check-link",
    ACCEPT_POLICY = 37 "accept-policy",
    ANNOUNCE_POLICY = 38 "announce-policy",
}

bits! {
    /// Bits of `own-given` in the interface block.
    interface:
    ANNOTATE = 0 "annotate",
}

bits! {
    /// Bits of `own-given` in the global block.
    global:
    ANNOTATE = 0 "annotate",
    PREFERENCE = 1 "preference",
    ECMP = 2 "ecmp",
    TRIGGERED_DELAY = 3 "triggered-delay",
    PEER_FILTER = 4 "peer-filter",
    PEERS = 5 "peers",
    REDISTRIBUTE = 6 "redistribute",
    LOGGING = 7 "logging",
    MAX_RECEIVE_QUEUE = 8 "max-receive-queue",
    MAX_SEND_QUEUE = 9 "max-send-queue",
}

bits! {
    /// Bits of `given` in a redistribution.
    redistribution:
    METRIC = 0 "metric",
    TAG = 1 "tag",
    FILTER = 2 "filter",
    POLICY = 3 "policy",
}

bits! {
    /// Bits of `given` in a key.
    key:
    ACCEPT_FROM = 0 "accept-from",
    ACCEPT_UNTIL = 1 "accept-until",
    SEND_FROM = 2 "send-from",
    SEND_UNTIL = 3 "send-until",
    LONG_SECRETS = 4 "long-secrets",
}

/// The interface options, in both blocks right after the header.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct OptionsFixed {
    given: U64,
    switches: U64,
    update_interval: U32,
    expiration_interval: U32,
    removal_interval: U32,
    maximum_routes: U32,
    receive_buffer: U32,
    route_tag: U16,
    port: U16,
    packet_length: U16,
    ecmp_weight: U16,
    metric: u8,
    metric_out: u8,
    originate_default: u8,
    dscp: u8,
    announce: u8,
    accept: u8,
    update_mode: u8,
    neighbor_mode: u8,
    authentication: u8,
    ttl_security: u8,
    reserved: U16,
    neighbor_count: U32,
    accept_rule_count: U32,
    announce_rule_count: U32,
    password_length: U32,
    key_count: U32,
}

/// The fixed part of the interface block.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct InterfaceFixed {
    options: OptionsFixed,
    own_given: U32,
    annotate_length: U32,
}

/// The fixed part of the global block.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct GlobalFixed {
    options: OptionsFixed,
    own_given: U32,
    annotate_length: U32,
    triggered_delay: U32,
    max_receive_queue: U32,
    max_send_queue: U32,
    preference: u8,
    ecmp: u8,
    peer_filter: u8,
    logging: u8,
    peer_count: U32,
    redistribution_count: U32,
}

/// A key; its secret follows.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct KeyRecord {
    id: u8,
    algorithm: u8,
    given: u8,
    long_secrets: u8,
    secret_length: U32,
    accept_from: U64,
    accept_until: U64,
    send_from: U64,
    send_until: U64,
}

/// A redistribution; the rules of its filter follow.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RedistributionRecord {
    source: U32,
    given: u8,
    metric: u8,
    tag: U16,
    rule_count: U32,
}

/// Reads an interface block, except for the ranges of values, which validation checks.
pub(super) fn decode_interface(octets: &[u8], layout: u32) -> Result<InterfaceConfig, Refusal> {
    let (fixed, mut tail) = split::<InterfaceFixed>(octets)?;
    let own = GivenReader::new("own-given", fixed.own_given.get().into(), interface::ALL)?;
    let config = InterfaceConfig {
        options: decode_options(&fixed.options, &mut tail, layout)?,
        annotate: text(
            &mut tail,
            &own,
            interface::ANNOTATE,
            fixed.annotate_length,
            MAX_NOTE,
        )?,
    };
    end(&tail)?;
    Ok(config)
}

/// Reads a global block, except for the ranges of values, which validation checks.
pub(super) fn decode_global(octets: &[u8], layout: u32) -> Result<GlobalConfig, Refusal> {
    let (fixed, mut tail) = split::<GlobalFixed>(octets)?;
    let own = GivenReader::new("own-given", fixed.own_given.get().into(), global::ALL)?;
    let config = GlobalConfig {
        defaults: decode_options(&fixed.options, &mut tail, layout)?,
        preference: own.number(global::PREFERENCE, fixed.preference)?,
        ecmp: own.number(global::ECMP, fixed.ecmp)?,
        triggered_delay: own.number(global::TRIGGERED_DELAY, fixed.triggered_delay.get())?,
        peer_filter: own.choice(global::PEER_FILTER, fixed.peer_filter)?,
        logging: own.choice(global::LOGGING, fixed.logging)?,
        max_receive_queue: own.number(global::MAX_RECEIVE_QUEUE, fixed.max_receive_queue.get())?,
        max_send_queue: own.number(global::MAX_SEND_QUEUE, fixed.max_send_queue.get())?,
        peers: routers(&mut tail, &own, global::PEERS, fixed.peer_count)?,
        redistribute: redistributions(&mut tail, &own, fixed.redistribution_count, layout)?,
        annotate: text(&mut tail, &own, global::ANNOTATE, fixed.annotate_length, MAX_NOTE)?,
    };
    end(&tail)?;
    Ok(config)
}

fn decode_options(fixed: &OptionsFixed, tail: &mut Reader<'_>, layout: u32) -> Result<Options, Refusal> {
    let given = GivenReader::new(
        "given",
        fixed.given.get(),
        bits_of(layout, option::ALL, OPTIONS_OF_LAYOUT_4),
    )?;
    let switches = given.switches(fixed.switches.get(), SWITCHES)?;
    if fixed.reserved.get() != 0 {
        return Err(Refusal::out_of_range("reserved", fixed.reserved, "0"));
    }
    Ok(Options {
        metric: given.number(option::METRIC, fixed.metric)?,
        metric_out: given.number(option::METRIC_OUT, fixed.metric_out)?,
        passive: switches.get(option::PASSIVE),
        announce: given.choice(option::ANNOUNCE, fixed.announce)?,
        accept: given.choice(option::ACCEPT, fixed.accept)?,
        update_mode: given.choice(option::UPDATE_MODE, fixed.update_mode)?,
        update_interval: given.number(option::UPDATE_INTERVAL, fixed.update_interval.get())?,
        expiration_interval: given.number(option::EXPIRATION_INTERVAL, fixed.expiration_interval.get())?,
        removal_interval: given.number(option::REMOVAL_INTERVAL, fixed.removal_interval.get())?,
        split_horizon: switches.get(option::SPLIT_HORIZON),
        poison_reverse: switches.get(option::POISON_REVERSE),
        triggered_updates: switches.get(option::TRIGGERED_UPDATES),
        graceful_shutdown: switches.get(option::GRACEFUL_SHUTDOWN),
        accept_host_routes: switches.get(option::ACCEPT_HOST_ROUTES),
        announce_host_routes: switches.get(option::ANNOUNCE_HOST_ROUTES),
        accept_default_route: switches.get(option::ACCEPT_DEFAULT_ROUTE),
        announce_default_route: switches.get(option::ANNOUNCE_DEFAULT_ROUTE),
        originate_default: given.number(option::ORIGINATE_DEFAULT, fixed.originate_default)?,
        overwrite_static_routes: switches.get(option::OVERWRITE_STATIC_ROUTES),
        summarise: switches.get(option::SUMMARISE),
        route_tag: given.number(option::ROUTE_TAG, fixed.route_tag.get())?,
        neighbor_mode: given.choice(option::NEIGHBOR_MODE, fixed.neighbor_mode)?,
        authentication: given.choice(option::AUTHENTICATION, fixed.authentication)?,
        check_zero: switches.get(option::CHECK_ZERO),
        ttl_security: given.choice(option::TTL_SECURITY, fixed.ttl_security)?,
        maximum_routes: given.number(option::MAXIMUM_ROUTES, fixed.maximum_routes.get())?,
        dscp: given.number(option::DSCP, fixed.dscp)?,
        port: given.number(option::PORT, fixed.port.get())?,
        packet_length: given.number(option::PACKET_LENGTH, fixed.packet_length.get())?,
        receive_buffer: given.number(option::RECEIVE_BUFFER, fixed.receive_buffer.get())?,
        ecmp_weight: given.number(option::ECMP_WEIGHT, fixed.ecmp_weight.get())?,
        check_link: switches.get(option::CHECK_LINK),
        // The tails, in their order in the block.
        neighbors: routers(tail, &given, option::NEIGHBORS, fixed.neighbor_count)?,
        accept_filter: rules(
            tail,
            &given,
            option::ACCEPT_FILTER,
            fixed.accept_rule_count,
            layout,
        )?,
        announce_filter: rules(
            tail,
            &given,
            option::ANNOUNCE_FILTER,
            fixed.announce_rule_count,
            layout,
        )?,
        password: text(tail, &given, option::PASSWORD, fixed.password_length, MAX_SECRET)?.map(Secret::new),
        keys: keys(tail, &given, fixed.key_count, layout)?,
        accept_policy: policy(tail, &given, option::ACCEPT_POLICY)?,
        announce_policy: policy(tail, &given, option::ANNOUNCE_POLICY)?,
    })
}

/// The options whose value is a bit of `switches`.
const SWITCHES: &[Bit] = &[
    option::PASSIVE,
    option::SPLIT_HORIZON,
    option::POISON_REVERSE,
    option::TRIGGERED_UPDATES,
    option::GRACEFUL_SHUTDOWN,
    option::ACCEPT_HOST_ROUTES,
    option::ANNOUNCE_HOST_ROUTES,
    option::ACCEPT_DEFAULT_ROUTE,
    option::ANNOUNCE_DEFAULT_ROUTE,
    option::OVERWRITE_STATIC_ROUTES,
    option::SUMMARISE,
    option::CHECK_ZERO,
    option::CHECK_LINK,
];

/// How many options, and parts of a redistribution, came with layout 4; they are the last.
const OPTIONS_OF_LAYOUT_4: usize = 2;
const REDISTRIBUTION_OF_LAYOUT_4: usize = 1;

/// The bits that a layout has, without the `new` that came with layout 4.
fn bits_of(layout: u32, all: &'static [Bit], new: usize) -> &'static [Bit] {
    let known = if layout < 4 { all.len() - new } else { all.len() };
    all.get(..known).unwrap_or(all)
}

/// The bits of a key in layout 2.
const KEY_BITS_OF_LAYOUT_2: &[Bit] = &[
    key::ACCEPT_FROM,
    key::ACCEPT_UNTIL,
    key::SEND_FROM,
    key::SEND_UNTIL,
];

/// Octets of a password's text or of a secret.
const MAX_SECRET: usize = 255;

/// Checks the header and reads the fixed part; the reader is at the first tail.
fn split<F: FromBytes>(octets: &[u8]) -> Result<(F, Reader<'_>), Refusal> {
    let (_, mut reader) = WaypostHeader::read(octets)?;
    let fixed = record(&mut reader).map_err(|_| {
        Refusal::invalid("the block is shorter than its fixed part")
            .at("length")
            .with_value(octets.len())
            .with_allowed(format!("{} or more", WaypostHeader::SIZE + size_of::<F>()))
    })?;
    Ok((fixed, reader))
}

fn end(tail: &Reader<'_>) -> Result<(), Refusal> {
    if tail.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid("octets follow the last list")
        .at("length")
        .with_value(tail.offset().saturating_add(tail.left()))
        .with_allowed(tail.offset().to_string()))
}

fn record<F: FromBytes>(tail: &mut Reader<'_>) -> Result<F, ReadError> {
    let octets = tail.take(size_of::<F>())?;
    F::read_from_bytes(octets).map_err(|_| ReadError {
        // INVARIANT: exactly as many octets as the record has were taken.
        offset: tail.offset(),
        needed: size_of::<F>(),
        left: 0,
    })
}

fn cut(option: &str, error: ReadError) -> Refusal {
    Refusal::invalid(format!("it leaves the block: {error}")).at(option)
}

/// How many elements of at least `size` octets a tail has; `None` when it is not given.
///
/// The count is compared with what is left of the block, so that nobody allocates more than was sent.
fn count(
    tail: &Reader<'_>,
    given: &GivenReader,
    bit: Bit,
    count: U32,
    size: usize,
    most: usize,
) -> Result<Option<usize>, Refusal> {
    let Some(count) = given.number(bit, count.get())? else {
        return Ok(None);
    };
    if count as usize > most {
        return Err(Refusal::out_of_range(
            bit.option,
            count,
            format!("at most {most}"),
        ));
    }
    if u64::from(count) * size as u64 > tail.left() as u64 {
        return Err(Refusal::invalid("it leaves the block")
            .at(bit.option)
            .with_value(count)
            .with_allowed(format!("at most {}", tail.left() / size)));
    }
    Ok(Some(count as usize))
}

/// Reads every element of a list.
fn elements<T>(
    count: Option<usize>,
    option: &str,
    mut element: impl FnMut() -> Result<T, Refusal>,
) -> Result<Option<Vec<T>>, Refusal> {
    count
        .map(|count| {
            (0..count)
                .map(|position| element().map_err(|refusal| refusal.under(&format!("{option}.{position}"))))
                .collect()
        })
        .transpose()
}

fn text(
    tail: &mut Reader<'_>,
    given: &GivenReader,
    bit: Bit,
    length: U32,
    most: usize,
) -> Result<Option<String>, Refusal> {
    count(tail, given, bit, length, 1, most)?
        .map(|length| {
            utf8(
                tail.take(length).map_err(|error| cut(bit.option, error))?,
                bit.option,
            )
        })
        .transpose()
}

fn utf8(octets: &[u8], option: &str) -> Result<String, Refusal> {
    match std::str::from_utf8(octets) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(Refusal::invalid("it is not UTF-8 text").at(option)),
    }
}

fn routers(
    tail: &mut Reader<'_>,
    given: &GivenReader,
    bit: Bit,
    routers: U32,
) -> Result<Option<Vec<Ipv4Addr>>, Refusal> {
    let count = count(tail, given, bit, routers, 4, MAX_COUNT)?;
    elements(count, bit.option, || tail.ipv4().map_err(|error| cut("", error)))
}

fn keys(
    tail: &mut Reader<'_>,
    given: &GivenReader,
    keys: U32,
    layout: u32,
) -> Result<Option<Vec<Key>>, Refusal> {
    let count = count(tail, given, option::KEYS, keys, size_of::<KeyRecord>(), MAX_COUNT)?;
    elements(count, option::KEYS.option, || {
        let record: KeyRecord = record(tail).map_err(|error| cut("", error))?;
        // Layout 2 has no rule for long secrets: neither the bit nor the octet.
        let known = if layout < 3 {
            KEY_BITS_OF_LAYOUT_2
        } else {
            key::ALL
        };
        let given = GivenReader::new("given", record.given.into(), known)?;
        let secret = tail
            .take(record.secret_length.get() as usize)
            .map_err(|error| cut("secret", error))?;
        let time = |bit, time: U64| Ok(given.number(bit, time.get())?.map(WallTime));
        Ok(Key {
            id: record.id,
            secret: Secret::new(utf8(secret, "secret")?),
            algorithm: DigestAlgorithm::from_code(record.algorithm.into(), "algorithm")?,
            long_secrets: given.choice(key::LONG_SECRETS, record.long_secrets)?,
            accept_from: time(key::ACCEPT_FROM, record.accept_from)?,
            accept_until: time(key::ACCEPT_UNTIL, record.accept_until)?,
            send_from: time(key::SEND_FROM, record.send_from)?,
            send_until: time(key::SEND_UNTIL, record.send_until)?,
        })
    })
}

fn redistributions(
    tail: &mut Reader<'_>,
    given: &GivenReader,
    entries: U32,
    layout: u32,
) -> Result<Option<Vec<Redistribution>>, Refusal> {
    let size = size_of::<RedistributionRecord>();
    let count = count(tail, given, global::REDISTRIBUTE, entries, size, MAX_COUNT)?;
    elements(count, global::REDISTRIBUTE.option, || {
        let record: RedistributionRecord = record(tail).map_err(|error| cut("", error))?;
        let given = GivenReader::new(
            "given",
            record.given.into(),
            bits_of(layout, redistribution::ALL, REDISTRIBUTION_OF_LAYOUT_4),
        )?;
        Ok(Redistribution {
            source: ProtocolId(record.source.get()),
            metric: given.number(redistribution::METRIC, record.metric)?,
            tag: given.number(redistribution::TAG, record.tag.get())?,
            filter: rules(tail, &given, redistribution::FILTER, record.rule_count, layout)?,
            policy: policy(tail, &given, redistribution::POLICY)?,
        })
    })
}

/// The layout to write `options` in: the one wanted, unless only a newer one can say everything.
fn able(layout: u32, options: &Options, redistribute: Option<&[Redistribution]>) -> u32 {
    let entries = redistribute.unwrap_or_default();
    let mut keys = options.keys.iter().flatten();
    let mut rules = [&options.accept_filter, &options.announce_filter]
        .into_iter()
        .chain(entries.iter().map(|entry| &entry.filter))
        .flatten()
        .flatten();
    let needs = if options.policies().next().is_some() || entries.iter().any(|entry| entry.policy.is_some()) {
        4
    } else if keys.any(|key| key.long_secrets.is_some())
        || rules.any(|rule| rule.adjustment != Adjustment::default())
    {
        3
    } else {
        2
    };
    if layout < needs { LAYOUT } else { layout }
}

/// Writes an interface block.
pub(super) fn encode_interface(config: &InterfaceConfig, layout: u32) -> InfoBlock {
    let layout = able(layout, &config.options, None);
    let mut own = Given::default();
    let annotate_length = own.length(interface::ANNOTATE, config.annotate.as_deref().map(str::len));
    let fixed = InterfaceFixed {
        options: encode_options(&config.options),
        own_given: own.word(),
        annotate_length,
    };
    let mut writer = WaypostHeader::start(layout);
    writer.slice(fixed.as_bytes());
    write_tails(&mut writer, &config.options, layout);
    write_text(&mut writer, config.annotate.as_deref());
    WaypostHeader::finish(layout, writer)
}

/// Writes a global block.
pub(super) fn encode_global(config: &GlobalConfig, layout: u32) -> InfoBlock {
    let layout = able(layout, &config.defaults, config.redistribute.as_deref());
    let mut own = Given::default();
    let fixed = GlobalFixed {
        options: encode_options(&config.defaults),
        annotate_length: own.length(global::ANNOTATE, config.annotate.as_deref().map(str::len)),
        triggered_delay: own.number(global::TRIGGERED_DELAY, config.triggered_delay).into(),
        max_receive_queue: own
            .number(global::MAX_RECEIVE_QUEUE, config.max_receive_queue)
            .into(),
        max_send_queue: own.number(global::MAX_SEND_QUEUE, config.max_send_queue).into(),
        preference: own.number(global::PREFERENCE, config.preference),
        ecmp: own.number(global::ECMP, config.ecmp),
        peer_filter: own.choice(global::PEER_FILTER, config.peer_filter),
        logging: own.choice(global::LOGGING, config.logging),
        peer_count: own.length(global::PEERS, config.peers.as_ref().map(Vec::len)),
        redistribution_count: own.length(global::REDISTRIBUTE, config.redistribute.as_ref().map(Vec::len)),
        // Last: now every bit is known.
        own_given: own.word(),
    };
    let mut writer = WaypostHeader::start(layout);
    writer.slice(fixed.as_bytes());
    write_tails(&mut writer, &config.defaults, layout);
    write_routers(&mut writer, config.peers.as_deref());
    for entry in config.redistribute.iter().flatten() {
        let mut given = Given::default();
        let record = RedistributionRecord {
            source: entry.source.0.into(),
            metric: given.number(redistribution::METRIC, entry.metric),
            tag: given.number(redistribution::TAG, entry.tag).into(),
            rule_count: given.length(redistribution::FILTER, entry.filter.as_ref().map(Vec::len)),
            given: {
                given.number(redistribution::POLICY, entry.policy.as_ref().map(drop));
                given.octet()
            },
        };
        writer.slice(record.as_bytes());
        write_rules(&mut writer, entry.filter.as_deref(), layout);
        write_policy(&mut writer, entry.policy.as_deref());
    }
    write_text(&mut writer, config.annotate.as_deref());
    WaypostHeader::finish(layout, writer)
}

fn encode_options(options: &Options) -> OptionsFixed {
    let mut given = Given::default();
    for (bit, value) in [
        (option::PASSIVE, options.passive),
        (option::SPLIT_HORIZON, options.split_horizon),
        (option::POISON_REVERSE, options.poison_reverse),
        (option::TRIGGERED_UPDATES, options.triggered_updates),
        (option::GRACEFUL_SHUTDOWN, options.graceful_shutdown),
        (option::ACCEPT_HOST_ROUTES, options.accept_host_routes),
        (option::ANNOUNCE_HOST_ROUTES, options.announce_host_routes),
        (option::ACCEPT_DEFAULT_ROUTE, options.accept_default_route),
        (option::ANNOUNCE_DEFAULT_ROUTE, options.announce_default_route),
        (option::OVERWRITE_STATIC_ROUTES, options.overwrite_static_routes),
        (option::SUMMARISE, options.summarise),
        (option::CHECK_ZERO, options.check_zero),
        (option::CHECK_LINK, options.check_link),
    ] {
        given.switch(bit, value);
    }
    given.number(option::ACCEPT_POLICY, options.accept_policy.as_ref().map(drop));
    given.number(
        option::ANNOUNCE_POLICY,
        options.announce_policy.as_ref().map(drop),
    );
    OptionsFixed {
        update_interval: given
            .number(option::UPDATE_INTERVAL, options.update_interval)
            .into(),
        expiration_interval: given
            .number(option::EXPIRATION_INTERVAL, options.expiration_interval)
            .into(),
        removal_interval: given
            .number(option::REMOVAL_INTERVAL, options.removal_interval)
            .into(),
        maximum_routes: given
            .number(option::MAXIMUM_ROUTES, options.maximum_routes)
            .into(),
        receive_buffer: given
            .number(option::RECEIVE_BUFFER, options.receive_buffer)
            .into(),
        route_tag: given.number(option::ROUTE_TAG, options.route_tag).into(),
        port: given.number(option::PORT, options.port).into(),
        packet_length: given.number(option::PACKET_LENGTH, options.packet_length).into(),
        ecmp_weight: given.number(option::ECMP_WEIGHT, options.ecmp_weight).into(),
        metric: given.number(option::METRIC, options.metric),
        metric_out: given.number(option::METRIC_OUT, options.metric_out),
        originate_default: given.number(option::ORIGINATE_DEFAULT, options.originate_default),
        dscp: given.number(option::DSCP, options.dscp),
        announce: given.choice(option::ANNOUNCE, options.announce),
        accept: given.choice(option::ACCEPT, options.accept),
        update_mode: given.choice(option::UPDATE_MODE, options.update_mode),
        neighbor_mode: given.choice(option::NEIGHBOR_MODE, options.neighbor_mode),
        authentication: given.choice(option::AUTHENTICATION, options.authentication),
        ttl_security: given.choice(option::TTL_SECURITY, options.ttl_security),
        reserved: 0.into(),
        neighbor_count: given.length(option::NEIGHBORS, options.neighbors.as_ref().map(Vec::len)),
        accept_rule_count: given.length(
            option::ACCEPT_FILTER,
            options.accept_filter.as_ref().map(Vec::len),
        ),
        announce_rule_count: given.length(
            option::ANNOUNCE_FILTER,
            options.announce_filter.as_ref().map(Vec::len),
        ),
        password_length: given.length(
            option::PASSWORD,
            options.password.as_ref().map(|password| password.expose().len()),
        ),
        key_count: given.length(option::KEYS, options.keys.as_ref().map(Vec::len)),
        // Last: now every bit is known.
        given: given.bits().into(),
        switches: given.values().into(),
    }
}

/// Writes the tails that both blocks have.
fn write_tails(writer: &mut Writer, options: &Options, layout: u32) {
    write_routers(writer, options.neighbors.as_deref());
    write_rules(writer, options.accept_filter.as_deref(), layout);
    write_rules(writer, options.announce_filter.as_deref(), layout);
    write_text(writer, options.password.as_ref().map(Secret::expose));
    for entry in options.keys.iter().flatten() {
        let mut given = Given::default();
        let long_secrets = given.choice(key::LONG_SECRETS, entry.long_secrets);
        let mut time = |bit, time: Option<WallTime>| given.number(bit, time.map(|time| time.0)).into();
        let record = KeyRecord {
            id: entry.id,
            algorithm: entry.algorithm.code(),
            long_secrets,
            secret_length: U32::new(u32::try_from(entry.secret.expose().len()).unwrap_or(u32::MAX)),
            accept_from: time(key::ACCEPT_FROM, entry.accept_from),
            accept_until: time(key::ACCEPT_UNTIL, entry.accept_until),
            send_from: time(key::SEND_FROM, entry.send_from),
            send_until: time(key::SEND_UNTIL, entry.send_until),
            given: given.octet(),
        };
        writer.slice(record.as_bytes());
        write_text(writer, Some(entry.secret.expose()));
    }
    write_policy(writer, options.accept_policy.as_deref());
    write_policy(writer, options.announce_policy.as_deref());
}

fn write_routers(writer: &mut Writer, routers: Option<&[Ipv4Addr]>) {
    for router in routers.unwrap_or_default() {
        writer.ipv4(*router);
    }
}

fn write_text(writer: &mut Writer, text: Option<&str>) {
    writer.slice(text.unwrap_or_default().as_bytes());
}

#[cfg(test)]
mod tests;
