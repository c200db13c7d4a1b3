//! What a large table costs: time and bytes a route.
//!
//! `cargo run --release -p waypost-rtm --example rtm_cost [ROUTES]`, 1 000 000 routes by default. The prefixes have a
//! length mix and density like those of the Internet's table. Trie bytes are what the trie reserved; resident memory is
//! what was touched of it.

// An example measures, so it may look at the clock and print.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use waypost_rtm::{EntityConfig, Rtm, RtmError, SubscriberConfig, SubscriberId, SubscriberKind};
use waypost_types::{
    InterfaceIndex, NextHop, NextHops, PathId, Prefix, Prefix4, Prefix6, PrefixError, ProtocolId, Random,
    Route, RouteChange, RouteKind, Seed, Time,
};

const BATCH: usize = 1024;
/// Sets of next hops the routes share.
const GATEWAYS: u64 = 64;
const NOW: Time = Time::ZERO;

/// A prefix within one of `blocks` allocations: as in the Internet's table, announced prefixes lie close together.
fn v4(random: &mut Random, blocks: u64) -> Result<Prefix, PrefixError> {
    // Lengths in percent, about as a full table has them: 60 of /24, 10 each of /22 and /23, the rest shorter.
    let length = match random.below(100) {
        0..60 => 24,
        60..70 => 23,
        70..80 => 22,
        n => 21 - (n % 6) as u8,
    };
    let block = Seed(random.below(blocks)).random().below(223 << 10) as u32 + (1 << 10);
    let address = Ipv4Addr::from(block << 14 | random.below(1 << 14) as u32);
    Ok(Prefix4::containing(address, length)?.into())
}

fn v6(random: &mut Random, blocks: u64) -> Result<Prefix, PrefixError> {
    let length = match random.below(100) {
        0..50 => 48,
        50..65 => 32,
        65..80 => 44,
        80..92 => 40,
        n => 29 + (n % 8) as u8,
    };
    // 2000::/3 by blocks of /32, within which the sixteen bits up to /48 differ.
    let block = u128::from(Seed(random.below(blocks)).random().below(1 << 29) | 1 << 29);
    let bits = block << 96 | u128::from(random.below(1 << 16)) << 80;
    Ok(Prefix6::containing(Ipv6Addr::from(bits), length)?.into())
}

fn distinct(
    count: usize,
    seed: Seed,
    make: impl Fn(&mut Random, u64) -> Result<Prefix, PrefixError>,
) -> Result<Vec<Prefix>, PrefixError> {
    let mut random = seed.random();
    let mut prefixes = std::collections::BTreeSet::new();
    // About sixteen prefixes a block.
    let blocks = (count as u64 / 16).max(1);
    while prefixes.len() < count {
        prefixes.insert(make(&mut random, blocks)?);
    }
    Ok(prefixes.into_iter().collect())
}

fn shuffle(prefixes: &mut [Prefix]) {
    let mut random = Seed(9).random();
    for last in (1..prefixes.len()).rev() {
        prefixes.swap(last, random.below(last as u64 + 1) as usize);
    }
}

fn batches(prefixes: &[Prefix], path: u32, metric: u32) -> Vec<Vec<RouteChange>> {
    let mut random = Seed(7).random();
    let mut set = |prefix: &Prefix| {
        let number = random.below(GATEWAYS) as u8;
        let gateway = match prefix {
            Prefix::V4(_) => IpAddr::from([192, 0, 2, number]),
            Prefix::V6(_) => IpAddr::from(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, u16::from(number))),
        };
        let interface = InterfaceIndex(u32::from(number % 8) + 1);
        RouteChange::Set {
            prefix: *prefix,
            path: PathId(path),
            route: Route {
                kind: RouteKind::Unicast,
                next_hops: NextHops::from_slice(&[NextHop::via(gateway, interface)]),
                metric,
                tag: 0,
                preference: None,
            },
        }
    };
    let changes: Vec<RouteChange> = prefixes.iter().map(&mut set).collect();
    changes.chunks(BATCH).map(<[RouteChange]>::to_vec).collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a measurement looks at the process it runs in"
)]
fn resident() -> usize {
    let pages = |text: String| {
        text.split(' ')
            .nth(1)
            .and_then(|pages| pages.parse::<usize>().ok())
    };
    std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(pages)
        .unwrap_or(0)
        * 4096
}

/// Runs `work` and prints its time for each of `count` things.
fn timed<T>(what: &str, count: usize, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    let took = start.elapsed();
    let each = took.as_nanos() as f64 / count.max(1) as f64;
    println!(
        "  {what:<44} {each:>8.0} ns each {:>10.2} ms",
        took.as_secs_f64() * 1e3
    );
    result
}

/// Sweeps to the end and prints the longest slice.
fn sweep(rtm: &mut Rtm, what: &str, count: usize) {
    let mut longest = std::time::Duration::ZERO;
    timed(what, count, || {
        loop {
            let start = Instant::now();
            let progress = rtm.sweep(NOW, 4096);
            longest = longest.max(start.elapsed());
            if !progress.more {
                break;
            }
        }
    });
    println!(
        "  {:<44} {:>30.2} ms",
        "  longest slice of 4096 rows",
        longest.as_secs_f64() * 1e3
    );
}

fn drain(rtm: &mut Rtm, subscriber: SubscriberId) -> Result<usize, RtmError> {
    let mut drained = 0;
    loop {
        let changes = rtm.drain_forwarding(subscriber, 512)?;
        drained += changes.len();
        if changes.len() < 512 {
            return Ok(drained);
        }
    }
}

fn memory(rtm: &Rtm, before: usize) {
    let memory = rtm.memory();
    let each = |bytes: usize| bytes as f64 / memory.destinations.max(1) as f64;
    println!(
        "  bytes a destination: {:.1} = trie {:.1} + destination {:.1} + routes {:.1} + next hops {:.2}; journal {:.1}; \
         resident {:.1}",
        each(memory.bytes() - memory.journal_bytes),
        each(memory.index_bytes),
        each(memory.destination_bytes),
        each(memory.route_bytes),
        each(memory.next_hop_bytes),
        each(memory.journal_bytes),
        each(resident().saturating_sub(before)),
    );
}

fn insert_in_order(prefixes: &[Prefix]) -> Result<(), RtmError> {
    let routes = batches(prefixes, 0, 10);
    let before = resident();
    let mut rtm = Rtm::new(Seed(1));
    let rip = rtm.register(EntityConfig::new(ProtocolId::RIP))?;
    timed("insert, nobody subscribed", prefixes.len(), || {
        routes
            .iter()
            .try_for_each(|batch| rtm.apply(NOW, rip, batch).map(drop))
    })?;
    memory(&rtm, before);
    Ok(())
}

fn measure(prefixes: &[Prefix]) -> Result<(), RtmError> {
    let count = prefixes.len();
    let first = batches(prefixes, 0, 10);
    let worse = batches(prefixes, 1, 20);
    let deletes: Vec<RouteChange> = prefixes
        .iter()
        .map(|&prefix| RouteChange::Delete {
            prefix,
            path: PathId(0),
        })
        .collect();
    let before = resident();
    let mut rtm = Rtm::new(Seed(1));
    let rip = rtm.register(EntityConfig::new(ProtocolId::RIP))?;
    let ospf = rtm.register(EntityConfig::new(ProtocolId::OSPF))?;
    let apply = |rtm: &mut Rtm, entity, batches: &[Vec<RouteChange>]| {
        batches
            .iter()
            .try_for_each(|batch| rtm.apply(NOW, entity, batch).map(drop))
    };
    timed("insert, nobody subscribed", count, || {
        apply(&mut rtm, rip, &first)
    })?;
    memory(&rtm, before);
    timed("insert what is there", count, || apply(&mut rtm, rip, &first))?;
    let fib = rtm.subscribe(SubscriberConfig::new(SubscriberKind::Forwarding))?;
    timed("insert a second, better route", count, || {
        apply(&mut rtm, ospf, &worse)
    })?;
    memory(&rtm, before);
    timed("drain forwarding", count, || drain(&mut rtm, fib))?;
    timed("longest match", count, || {
        prefixes
            .iter()
            .filter(|prefix| rtm.longest_match(prefix.network()).is_some())
            .count()
    });
    rtm.set_preference(ProtocolId::RIP, 1)?;
    sweep(&mut rtm, "another preference for all", count);
    rtm.set_interface_usable(InterfaceIndex(3), false);
    sweep(&mut rtm, "an interface with 1/8 of all routes fails", count);
    timed("drain both", count, || drain(&mut rtm, fib))?;
    rtm.set_interface_usable(InterfaceIndex(77), false);
    sweep(&mut rtm, "an interface without routes fails", 1);
    timed("withdraw the first route of each", count, || {
        deletes
            .chunks(BATCH)
            .try_for_each(|batch| rtm.apply(NOW, rip, batch).map(drop))
    })?;
    rtm.deregister(ospf)?;
    sweep(&mut rtm, "the second owner leaves", count);
    timed("drain", count, || drain(&mut rtm, fib))?;
    println!("  empty again: {:?}", rtm.memory());
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args()
        .nth(1)
        .map_or(Ok(1_000_000), |text| text.parse())?;
    for (family, mut prefixes) in [
        ("IPv4", distinct(count, Seed(4), v4)?),
        ("IPv6", distinct(count / 4, Seed(6), v6)?),
    ] {
        println!("{} {family} routes, in order", prefixes.len());
        insert_in_order(&prefixes)?;
        println!("{} {family} routes, in no order", prefixes.len());
        shuffle(&mut prefixes);
        measure(&prefixes)?;
    }
    Ok(())
}
