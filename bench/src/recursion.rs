//! A million recursive routes through one gateway, and what it takes until the kernel hears that the way to it is another.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use waypost_fib::{BatchId, Fib, Mode, Token};
use waypost_loadgen::mix;
use waypost_netlink::Batch;
use waypost_rtm::{EntityConfig, EntityId, Rtm, SubscriberConfig, SubscriberId, SubscriberKind};
use waypost_types::{
    InterfaceIndex, NextHop, PathId, Prefix, ProtocolId, Route, RouteChange, RouteKind, Seed, Time,
};

use crate::Context;
use crate::report::{Row, Samples, Section};

/// Recursive routes.
const ROUTES: u32 = 1_000_000;
/// Routes a batch, and destinations drained at once.
const BATCH: usize = 4096;
/// Route rows a slice of a sweep looks at.
const SLICE: usize = 4096;
/// Moves a run.
const MOVES: usize = 20;

const GATEWAY: [u8; 4] = [203, 0, 113, 7];
const COVERING: &str = "203.0.113.0/24";

pub(crate) fn run(context: &Context) -> Result<Section> {
    let mut section = Section::new("1 000 000 recursive routes, and the covering route's next hop moves");
    let mut insert = Samples::default();
    let mut moved = Samples::default();
    let mut messages = Samples::default();
    let mut whole = Samples::default();
    for _ in 0..context.runs(3) {
        let mut router = Router::new()?;
        insert.add_number(f64::from(ROUTES) / router.fill()?.as_secs_f64() / 1e6);
        for turn in 0..MOVES {
            let (sent, requests, done) = router.turn(turn)?;
            moved.add(sent);
            messages.add_number(requests as f64);
            whole.add(done);
        }
    }
    section.row(Row::new(
        "insert in batches, each through the gateway",
        "M/s",
        insert,
    ));
    section.row(Row::time("from the change until the kernel's message is made", moved).at_most(20.0));
    section.row(Row::new("requests in it", "", messages));
    section.row(Row::time("until nothing is left to do", whole));
    section.note(
        "table and reconcile machine alone: the kernel takes everything at once. Prefixes have the mix of lengths of the public table",
    );
    Ok(section)
}

struct Router {
    table: Rtm,
    fib: Fib,
    forwarding: SubscriberId,
    covering: EntityId,
    far: EntityId,
    batch: Batch<Token>,
}

fn set(prefix: Prefix, next_hop: NextHop) -> RouteChange {
    RouteChange::Set {
        prefix,
        path: PathId(0),
        route: Route {
            kind: RouteKind::Unicast,
            next_hops: std::iter::once(next_hop).collect(),
            metric: 1,
            tag: 0,
            preference: None,
        },
    }
}

impl Router {
    fn new() -> Result<Self> {
        let mut table = Rtm::new(Seed(7));
        let forwarding = table.subscribe(SubscriberConfig {
            by_set: true,
            ..SubscriberConfig::new(SubscriberKind::Forwarding)
        })?;
        let mut fib = Fib::new(Mode::Objects, Seed(7));
        fib.resync_begin(Time::ZERO, &[], &[]);
        fib.resync_end(Time::ZERO, true);
        Ok(Self {
            covering: table.register(EntityConfig::new(ProtocolId::RIP))?,
            far: table.register(EntityConfig::new(ProtocolId::STATIC))?,
            table,
            fib,
            forwarding,
            batch: Batch::default(),
        })
    }

    /// The covering route through one of two routers, in turns.
    fn covering(turn: usize) -> Result<RouteChange> {
        let last = 1 + (turn % 2) as u8;
        let next_hop = NextHop::via(IpAddr::from([192, 0, 2, last]), InterfaceIndex(2));
        Ok(set(COVERING.parse()?, next_hop))
    }

    /// Puts all routes in. The time is that of the table.
    fn fill(&mut self) -> Result<Duration> {
        self.table
            .apply(Time::ZERO, self.covering, &[Self::covering(1)?])?;
        let gateway = IpAddr::from(GATEWAY);
        // None that is more specific than the covering route.
        let prefixes = (0..).map(|number| Prefix::from(mix::prefix4(Seed(1), number)));
        let mut prefixes = prefixes
            .filter(|prefix| !prefix.contains(gateway))
            .take(ROUTES as usize)
            .peekable();
        let mut spent = Duration::ZERO;
        while prefixes.peek().is_some() {
            let chunk = prefixes.by_ref().take(BATCH);
            let changes: Vec<RouteChange> = chunk
                .map(|prefix| set(prefix, NextHop::recursive(gateway)))
                .collect();
            let start = Instant::now();
            let report = self.table.apply(Time::ZERO, self.far, &changes)?;
            spent += start.elapsed();
            ensure!(report.refused.is_empty(), "routes were refused");
            self.settle()?;
        }
        let installed = self.fib.counts().installed;
        ensure!(
            installed > ROUTES as usize,
            "{installed} routes are in the kernel"
        );
        Ok(spent)
    }

    /// One round of what the router's thread does; the batch that came of it, if one did.
    fn round(&mut self) -> Result<Option<BatchId>> {
        self.table.sweep(Time::ZERO, SLICE);
        for change in self.table.drain_next_hop_sets(self.forwarding, usize::MAX)? {
            self.fib.set_changed(&change);
        }
        for change in self.table.drain_forwarding(self.forwarding, BATCH)? {
            self.fib.want(&change);
        }
        Ok(self.fib.next_batch(Time::ZERO, &mut self.batch))
    }

    fn settle(&mut self) -> Result<()> {
        loop {
            match self.round()? {
                Some(id) => self.fib.completed(Time::ZERO, id, Vec::new()),
                None if self.table.is_sweeping() => {}
                None => return Ok(()),
            }
        }
    }

    /// Moves the covering route. How long until the first batch is made, what is in it, and how long until all is done.
    fn turn(&mut self, turn: usize) -> Result<(Duration, usize, Duration)> {
        let change = Self::covering(turn)?;
        let start = Instant::now();
        self.table.apply(Time::ZERO, self.covering, &[change])?;
        let id = self.round()?.context("the kernel has nothing to hear")?;
        let sent = start.elapsed();
        let requests = self.batch.len();
        self.fib.completed(Time::ZERO, id, Vec::new());
        self.settle()?;
        Ok((sent, requests, start.elapsed()))
    }
}
