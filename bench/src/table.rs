//! The routing table alone: memory, insertion, withdrawal and lookups with a million IPv4 destinations.
//!
//! Memory is the resident set's growth in a process of its own, which this program starts itself for: what the allocator kept of
//! earlier measurements would hide part of it.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use waypost_loadgen::mix;
use waypost_rtm::{EntityConfig, EntityId, Rtm, SubscriberConfig, SubscriberId, SubscriberKind};
use waypost_types::{
    InterfaceIndex, NextHop, PathId, ProtocolId, Random, Route, RouteChange, RouteKind, Seed, Time,
};

use crate::Context;
use crate::cost::resident;
use crate::report::{Row, Samples, Section};

/// Destinations.
const DESTINATIONS: u32 = 1_000_000;
/// Routes a batch: what a protocol sends the table at once.
const BATCH: usize = 4096;
/// Route rows a slice of a sweep looks at.
const SLICE: usize = 4096;
/// Lookups a measurement.
const LOOKUPS: u32 = 2_000_000;
/// The argument that makes this program measure memory and print it.
const CHILD: &str = "--measure-table";

const SEED: Seed = Seed(1);

pub(crate) fn run(context: &Context) -> Result<Section> {
    let mut section = Section::new("the routing table alone, 1 000 000 IPv4 destinations");
    let runs = context.runs(5);
    for (routes, bar) in [(1, 64.0), (2, 96.0)] {
        let mut samples = Samples::default();
        for _ in 0..context.runs(3) {
            samples.add_number(memory_of(routes)?);
        }
        let plural = if routes == 1 { "" } else { "s" };
        let name = format!("resident memory a destination, {routes} route{plural} each");
        section.row(Row::new(name, "B", samples).at_most(bar));
    }
    let mut insert = Samples::default();
    let mut insert_sorted = Samples::default();
    let mut drain = Samples::default();
    let mut withdraw = Samples::default();
    let mut slice = Samples::default();
    let mut walk = Samples::default();
    let mut lookup = Samples::default();
    let mut lookup_all = Samples::default();
    for _ in 0..runs {
        let sorted = Filled::new()?.insert(RIP, Order::Sorted)?;
        insert_sorted.add_number(rate(DESTINATIONS, sorted));
        let mut filled = Filled::new()?;
        insert.add_number(rate(DESTINATIONS, filled.insert(RIP, Order::Shuffled)?));
        drain.add_number(rate(DESTINATIONS, filled.drain()?));
        walk.add_number(rate(DESTINATIONS, filled.walk()));
        let addresses = addresses();
        lookup.add_number(rate(LOOKUPS, filled.look_up(&addresses)));
        lookup_all.add_number(rate(LOOKUPS, filled.look_up_all(&addresses)));
        let (whole, longest) = filled.withdraw()?;
        withdraw.add(whole);
        slice.add(longest);
    }
    for (name, samples) in [
        (
            "insert in batches, best route and journal, in order",
            insert_sorted,
        ),
        ("insert in batches, best route and journal, shuffled", insert),
    ] {
        section.row(at_least(Row::new(name, "M/s", samples.clone()), &samples, 4.0));
    }
    section.row(Row::new("drain of the forwarding journal", "M/s", drain));
    section.row(Row::new(
        "longest match of random addresses, one by one",
        "M/s",
        lookup,
    ));
    section.row(at_least(
        Row::new(
            "longest match of random addresses, many at once",
            "M/s",
            lookup_all.clone(),
        ),
        &lookup_all,
        8.0,
    ));
    section.row(Row::time("withdraw all of an owner", withdraw).at_most(150.0));
    section.row(Row::time("withdraw all of an owner: the longest slice", slice).at_most(1.0));
    section.note(format!(
        "prefixes have the mix of lengths of the public table; batches of {BATCH}; a forwarding subscriber hears of everything"
    ));
    section.note("one processor; half of the addresses looked up are inside a destination of the table");
    Ok(section)
}

fn at_least(row: Row, samples: &Samples, limit: f64) -> Row {
    row.bar(format!(">= {limit} M/s"), samples.median() >= limit)
}

/// Millions a second.
fn rate(count: u32, time: Duration) -> f64 {
    f64::from(count) / time.as_secs_f64() / 1e6
}

const RIP: ProtocolId = ProtocolId::RIP;

/// A table with an owner and a subscriber, and the batches that fill it.
struct Filled {
    table: Rtm,
    forwarding: SubscriberId,
    entities: Vec<EntityId>,
}

fn route(number: u32) -> Route {
    // A few hundred gateways, as a router at an exchange has them.
    let gateway = Ipv4Addr::from_bits(0xC000_0201 + number % 300);
    Route {
        kind: RouteKind::Unicast,
        next_hops: std::iter::once(NextHop::via(IpAddr::V4(gateway), InterfaceIndex(2 + number % 3)))
            .collect(),
        metric: 1 + number % 15,
        tag: 0,
        preference: None,
    }
}

/// In which order routes come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// Any.
    Shuffled,
    /// That of addresses, in which tables are dumped.
    Sorted,
}

/// A million changes, made where their time does not count. Shuffled ones take no memory beside a batch's, which would show.
fn batches(order: Order) -> impl Iterator<Item = Vec<RouteChange>> {
    let mut numbers: Vec<u32> = Vec::new();
    if order == Order::Sorted {
        numbers.extend(0..DESTINATIONS);
        numbers.sort_by_cached_key(|number| mix::prefix4(SEED, *number));
    }
    let change = move |place: u32| {
        let number = numbers.get(place as usize).copied().unwrap_or(place);
        RouteChange::Set {
            prefix: mix::prefix4(SEED, number).into(),
            path: PathId(0),
            route: route(number),
        }
    };
    (0..DESTINATIONS).step_by(BATCH).map(move |first| {
        (first..DESTINATIONS.min(first + BATCH as u32))
            .map(&change)
            .collect()
    })
}

impl Filled {
    fn new() -> Result<Self> {
        let mut table = Rtm::new(Seed(7));
        let config = SubscriberConfig {
            by_set: true,
            ..SubscriberConfig::new(SubscriberKind::Forwarding)
        };
        let forwarding = table.subscribe(config)?;
        Ok(Self {
            table,
            forwarding,
            entities: Vec::new(),
        })
    }

    fn insert(&mut self, protocol: ProtocolId, order: Order) -> Result<Duration> {
        let entity = self.table.register(EntityConfig::new(protocol))?;
        self.entities.push(entity);
        let mut spent = Duration::ZERO;
        for batch in batches(order) {
            let start = Instant::now();
            let report = self.table.apply(Time::from_secs(1), entity, &batch)?;
            spent += start.elapsed();
            if !report.refused.is_empty() {
                bail!("routes were refused");
            }
        }
        Ok(spent)
    }

    fn drain(&mut self) -> Result<Duration> {
        let start = Instant::now();
        while self.table.drain_forwarding(self.forwarding, BATCH)?.len() == BATCH {}
        Ok(start.elapsed())
    }

    fn walk(&self) -> Duration {
        let start = Instant::now();
        let (mut after, mut seen) = (None, 0);
        loop {
            let page = self.table.page(after, BATCH);
            seen += page.len();
            match page.last() {
                Some(last) => after = Some(last.prefix),
                None => break,
            }
        }
        assert_eq!(seen, DESTINATIONS as usize);
        start.elapsed()
    }

    fn look_up(&self, addresses: &[Ipv4Addr]) -> Duration {
        let start = Instant::now();
        let found = addresses
            .iter()
            .filter(|address| self.table.lookup(IpAddr::V4(**address)).is_some())
            .count();
        let spent = start.elapsed();
        assert!(found > addresses.len() / 4, "{found} were found");
        spent
    }

    fn look_up_all(&self, addresses: &[Ipv4Addr]) -> Duration {
        let mut found = 0;
        let start = Instant::now();
        self.table
            .lookup_all4(addresses, |_, route| found += usize::from(route.is_some()));
        let spent = start.elapsed();
        assert!(found > addresses.len() / 4, "{found} were found");
        spent
    }

    fn withdraw(&mut self) -> Result<(Duration, Duration)> {
        let entity = self.entities.pop().context("nobody to withdraw")?;
        let start = Instant::now();
        self.table.deregister(entity)?;
        let mut longest = start.elapsed();
        loop {
            let slice = Instant::now();
            let progress = self.table.sweep(Time::from_secs(2), SLICE);
            longest = longest.max(slice.elapsed());
            if !progress.more {
                return Ok((start.elapsed(), longest));
            }
        }
    }
}

fn addresses() -> Vec<Ipv4Addr> {
    let mut random = Seed(3).random();
    (0..LOOKUPS).map(|_| address(&mut random)).collect()
}

/// An address: half of them in a destination of the table.
fn address(random: &mut Random) -> Ipv4Addr {
    let bits = random.next_u64();
    if bits & 1 == 0 {
        return Ipv4Addr::from_bits((bits >> 32) as u32);
    }
    let prefix = mix::prefix4(SEED, random.below(DESTINATIONS.into()) as u32);
    let inside = (bits >> 32) as u32 & (u32::MAX >> prefix.length());
    Ipv4Addr::from_bits(prefix.network().to_bits() | inside)
}

/// Bytes of resident memory a destination, as a process of its own measures it.
fn memory_of(routes: u32) -> Result<f64> {
    let program = std::env::current_exe()?;
    let output = Command::new(program)
        .args([CHILD, &routes.to_string()])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim()
        .parse()
        .with_context(|| format!("measuring memory: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Whether the program was started to measure memory; then it has done so.
pub(crate) fn measured_memory() -> Result<bool> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(CHILD) {
        return Ok(false);
    }
    let routes: usize = arguments.next().context("how many routes?")?.parse()?;
    let mut filled = Filled::new()?;
    let own = [std::process::id()];
    let before = resident(&own)?;
    for protocol in [RIP, ProtocolId::OSPF].into_iter().take(routes) {
        filled.insert(protocol, Order::Shuffled)?;
        // The kernel side keeps up with protocols.
        filled.drain()?;
    }
    let grown = resident(&own)?.saturating_sub(before);
    let known = filled.table.memory();
    assert_eq!(known.destinations, DESTINATIONS as usize);
    writeln!(std::io::stderr(), "{known:?}")?;
    writeln!(std::io::stdout(), "{}", grown as f64 / f64::from(DESTINATIONS))?;
    Ok(true)
}
