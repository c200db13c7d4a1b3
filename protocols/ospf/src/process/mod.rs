//! The protocol at work: interfaces, neighbours, exchange and flooding (RFC 2328 §8 to §14).
//!
//! [`Ospf`] is driven by inputs and answers through an [`Outbox`]; it has no clock and no socket. An input changes state and
//! leaves work behind: elections to hold, LSAs of ours to look at, LSAs to flood. [`Ospf::settle`] does that work when the
//! input is handled, so that a hundred changes in one input make one router-LSA and one packet.

mod ageing;
mod exchange;
mod flooding;
mod grace;
mod hello;
mod interfaces;
mod life;
mod neighbors;
mod originate;
mod receive;
mod restart;
mod routes;
mod self_description;
mod send;
mod stub_router;
mod summaries;
mod translation;
mod virtual_links;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;

use originate::{Former, Wish};
use routes::Routing;
use stub_router::Passing;
use waypost_engine::{Now, Outbox, Severity, TimerQueue};
use waypost_types::{InterfaceIndex, Random, Seed, Time};

use crate::area::AreaId;
use crate::authentication::{SEQUENCE_KEY, SequenceNumbers};
use crate::database::{Database, Slot};
use crate::interface::{Interface, InterfaceId};
use crate::lsa::LsaKey;
use crate::neighbor::help::Exit;
use crate::neighbor::lists::Handle;
use crate::parameters::RouterParameters;
pub use receive::Arrival;
pub use restart::{Restart, RestartExit};
pub use routes::{Calculation, RouteCounters};

/// Where an LSA is flooded, exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Domain {
    /// The link of an interface.
    Link(InterfaceId),
    /// An area.
    Area(AreaId),
    /// The autonomous system.
    As,
}

/// Every database.
#[derive(Debug)]
pub struct Databases {
    seed: Seed,
    external: Database,
    areas: BTreeMap<AreaId, Database>,
    links: BTreeMap<InterfaceId, Database>,
}

impl Databases {
    fn new(seed: Seed) -> Self {
        Self {
            seed,
            external: Database::new(seed),
            areas: BTreeMap::new(),
            links: BTreeMap::new(),
        }
    }

    /// The database of a domain, if there is one.
    #[must_use]
    pub fn get(&self, domain: Domain) -> Option<&Database> {
        match domain {
            Domain::As => Some(&self.external),
            Domain::Area(area) => self.areas.get(&area),
            Domain::Link(link) => self.links.get(&link),
        }
    }

    fn get_mut(&mut self, domain: Domain) -> Option<&mut Database> {
        match domain {
            Domain::As => Some(&mut self.external),
            Domain::Area(area) => self.areas.get_mut(&area),
            Domain::Link(link) => self.links.get_mut(&link),
        }
    }

    /// The database of a domain, made if there is none.
    fn ensure(&mut self, domain: Domain) -> &mut Database {
        let seed = self.seed;
        match domain {
            Domain::As => &mut self.external,
            Domain::Area(area) => self.areas.entry(area).or_insert_with(|| Database::new(seed)),
            Domain::Link(link) => self.links.entry(link).or_insert_with(|| Database::new(seed)),
        }
    }

    fn remove(&mut self, domain: Domain) {
        match domain {
            Domain::As => self.external = Database::new(self.seed),
            Domain::Area(area) => drop(self.areas.remove(&area)),
            Domain::Link(link) => drop(self.links.remove(&link)),
        }
    }

    /// The databases of areas.
    pub fn areas(&self) -> impl Iterator<Item = (AreaId, &Database)> {
        self.areas.iter().map(|(area, database)| (*area, database))
    }

    /// Every domain with a database.
    #[must_use]
    pub fn domains(&self) -> Vec<Domain> {
        let areas = self.areas.keys().map(|area| Domain::Area(*area));
        let links = self.links.keys().map(|link| Domain::Link(*link));
        std::iter::once(Domain::As).chain(areas).chain(links).collect()
    }

    /// LSAs in all databases.
    #[must_use]
    pub fn len(&self) -> usize {
        let inner = self.areas.values().chain(self.links.values());
        self.external.len() + inner.map(Database::len).sum::<usize>()
    }

    /// Whether there is no LSA at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn next_due(&self) -> Option<Time> {
        let inner = self.areas.values().chain(self.links.values());
        inner
            .chain(std::iter::once(&self.external))
            .filter_map(Database::next_due)
            .min()
    }
}

/// What a timer is for. A neighbour is named by its interface and its key there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// The next Hello.
    Hello(InterfaceId),
    /// The end of waiting for a Designated Router.
    Wait(InterfaceId),
    /// Acknowledgments that waited for each other.
    Acknowledge(InterfaceId),
    /// A neighbour was silent for too long.
    Inactivity(InterfaceId, Ipv4Addr),
    /// A configured neighbour that is down is asked again.
    Poll(InterfaceId, Ipv4Addr),
    /// A Database Description was not answered.
    Describe(InterfaceId, Ipv4Addr),
    /// A Link State Request was not answered.
    Request(InterfaceId, Ipv4Addr),
    /// LSAs were not acknowledged.
    Retransmit(InterfaceId, Ipv4Addr),
    /// An LSA of ours may be originated again.
    Originate(Domain, LsaKey),
    /// Sequence numbers of authentication are to be stored again, or need no longer be waited for.
    Sequence,
    /// Routes are to be calculated.
    Calculate,
    /// The grace period of a neighbour is over.
    Grace(InterfaceId, Ipv4Addr),
    /// The router has run long enough not to be a stub any more.
    Started,
    /// Another border router has translated for an NSSA long enough.
    Translator(AreaId),
    /// The grace period of this router's own restart is over.
    Restart,
}

/// Work that an input leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deferred {
    /// The election is to be held again.
    NeighborChange(InterfaceId),
    /// Adjacencies are to be looked at again.
    AdjOk(InterfaceId),
    /// The next LSAs may be asked for, or all of them came.
    Request(InterfaceId, Ipv4Addr),
    /// A neighbour that restarts is not to be helped any more.
    EndHelp(InterfaceId, Ipv4Addr, Exit),
    /// How externals are said inside NSSAs is to be looked at.
    Externals,
    /// Whether this router's own restart is over is.
    Restart,
}

/// Counters of the process as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouterCounters {
    /// New instances of LSAs of ours (RFC 4750, ospfOriginateNewLsas).
    pub originated: u64,
    /// New instances of LSAs of others (RFC 4750, ospfRxNewLsas).
    pub received: u64,
    /// LSAs that were not taken because there are too many.
    pub overflowed: u64,
}

/// OSPF on one router.
#[derive(Debug)]
pub struct Ospf {
    seed: Seed,
    random: Random,
    /// The router identifier; nothing is said without one.
    router: Option<Ipv4Addr>,
    parameters: RouterParameters,
    interfaces: BTreeMap<InterfaceId, Interface>,
    databases: Databases,
    wishes: BTreeMap<(Domain, LsaKey), Wish>,
    timers: TimerQueue<Timer>,
    numbers: SequenceNumbers,
    deferred: VecDeque<Deferred>,
    /// Areas whose router-LSA is to be looked at.
    router_lsas: BTreeSet<AreaId>,
    /// Interfaces whose network-LSA is.
    network_lsas: BTreeSet<InterfaceId>,
    /// Interfaces with LSAs to be flooded out of them.
    floods: BTreeSet<InterfaceId>,
    /// What it said under its last identifier, and may have been told too late not to believe any more.
    former: Former,
    /// LSAs at MaxAge that no list holds: to be removed when no exchange is going on.
    expired: BTreeSet<(Domain, Slot)>,
    /// Neighbours in Exchange or Loading (RFC 2328 §14).
    exchanging: usize,
    routing: Routing,
    counters: RouterCounters,
    /// Why it is a stub router for a time.
    passing: Passing,
    /// Whether it restarts gracefully.
    restart: Restart,
    /// It said good-bye.
    stopped: bool,
}

impl Ospf {
    /// OSPF that does nothing yet. `seed` is its only randomness.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self {
            seed,
            random: seed.child("ospf").random(),
            router: None,
            parameters: RouterParameters::default(),
            interfaces: BTreeMap::new(),
            databases: Databases::new(seed),
            wishes: BTreeMap::new(),
            timers: TimerQueue::new(),
            numbers: SequenceNumbers::default(),
            deferred: VecDeque::new(),
            router_lsas: BTreeSet::new(),
            network_lsas: BTreeSet::new(),
            floods: BTreeSet::new(),
            former: Former::default(),
            expired: BTreeSet::new(),
            exchanging: 0,
            routing: Routing::new(seed),
            counters: RouterCounters::default(),
            passing: Passing::No,
            restart: Restart::No,
            stopped: false,
        }
    }

    /// Begins, with what an earlier life stored under [`SEQUENCE_KEY`].
    pub fn start(
        &mut self,
        now: Now,
        router: Option<Ipv4Addr>,
        parameters: RouterParameters,
        persisted: Option<&[u8]>,
        out: &mut Outbox,
    ) {
        self.router = router;
        self.parameters = parameters;
        self.begin_as_stub(now);
        self.numbers = SequenceNumbers::resume(persisted);
        self.reserve_numbers(now, out);
        self.set_virtual_links(now, out);
        self.settle(now, out);
    }

    /// What became of sequence numbers to be stored.
    pub fn persisted(&mut self, now: Now, value: &[u8], stored: bool, out: &mut Outbox) {
        self.numbers.answer(value, stored);
        self.reserve_numbers(now, out);
        self.settle(now, out);
    }

    fn reserve_numbers(&mut self, now: Now, out: &mut Outbox) {
        if let Some(record) = self.numbers.reserve(now) {
            out.persist(SEQUENCE_KEY, record);
        }
        let waited = self.timers.get(&Timer::Sequence).is_some();
        match self.numbers.wait(now) {
            Some(until) => self.timers.set(Timer::Sequence, until),
            None if waited => {
                self.timers.cancel(&Timer::Sequence);
                // Hellos that could not go go now; what else could not is sent again in its own time.
                let ids: Vec<InterfaceId> = self.interfaces.keys().copied().collect();
                for id in ids {
                    self.hello_timer(now, id, out);
                }
            }
            None => {}
        }
    }

    /// The router identifier in force.
    #[must_use]
    pub const fn router(&self) -> Option<Ipv4Addr> {
        self.router
    }

    /// The parameters of the router as a whole.
    #[must_use]
    pub const fn parameters(&self) -> &RouterParameters {
        &self.parameters
    }

    /// The databases.
    #[must_use]
    pub const fn databases(&self) -> &Databases {
        &self.databases
    }

    /// The interfaces.
    #[must_use]
    pub const fn interfaces(&self) -> &BTreeMap<InterfaceId, Interface> {
        &self.interfaces
    }

    /// The counters.
    #[must_use]
    pub const fn counters(&self) -> RouterCounters {
        self.counters
    }

    /// When [`Self::deadline`] is wanted next.
    #[must_use]
    pub fn next_time(&self) -> Option<Time> {
        if self.stopped {
            return None;
        }
        let timers = self.timers.next_deadline();
        timers.into_iter().chain(self.databases.next_due()).min()
    }

    /// Does what time asks for.
    pub fn deadline(&mut self, now: Now, out: &mut Outbox) {
        while let Some(timer) = self.timers.pop_due(now.time) {
            self.fire(now, timer, out);
        }
        self.age(now, out);
        self.settle(now, out);
    }

    fn fire(&mut self, now: Now, timer: Timer, out: &mut Outbox) {
        use crate::interface::machine::Event as InterfaceEvent;
        use crate::neighbor::machine::Event as NeighborEvent;
        match timer {
            Timer::Hello(id) => self.hello_timer(now, id, out),
            Timer::Wait(id) => self.interface_event(now, id, InterfaceEvent::WaitTimer, out),
            Timer::Acknowledge(id) => self.send_acknowledgments(now, id, out),
            Timer::Inactivity(id, key) => {
                self.neighbor_event(now, id, key, NeighborEvent::InactivityTimer, out);
            }
            Timer::Poll(id, key) => self.poll(now, id, key, out),
            Timer::Describe(id, key) => self.describe_again(now, id, key, out),
            Timer::Request(id, key) => self.request_again(now, id, key, out),
            Timer::Retransmit(id, key) => self.retransmit(now, id, key, out),
            Timer::Originate(domain, key) => self.realise(now, domain, key, out),
            Timer::Sequence => self.reserve_numbers(now, out),
            Timer::Calculate => self.calculate(now, out),
            Timer::Grace(id, key) => self.end_help(now, id, key, Exit::TimedOut, out),
            Timer::Started => self.end_as_stub(now, out),
            Timer::Translator(_) => self.translate(now, out),
            Timer::Restart => self.end_restart(now, RestartExit::TimedOut, out),
        }
    }

    /// Does the work that inputs left behind. LSAs go on their way before routes are calculated: others wait for them.
    fn settle(&mut self, now: Now, out: &mut Outbox) {
        loop {
            self.settle_databases(now, out);
            while let Some(id) = self.floods.pop_first() {
                self.send_floods(now, id, out);
            }
            if !self.plan_calculation(now, out) {
                break;
            }
        }
    }

    /// The same after a change of configuration: routes are calculated at once, and before anything is said. So what an area hears
    /// of a network that is in another one now goes in one packet with what it no longer hears of it.
    fn settle_at_once(&mut self, now: Now, out: &mut Outbox) {
        self.settle_databases(now, out);
        while self.calculate_if_asked(now, out) {
            self.settle_databases(now, out);
        }
        self.settle(now, out);
    }

    fn settle_databases(&mut self, now: Now, out: &mut Outbox) {
        loop {
            if let Some(deferred) = self.deferred.pop_front() {
                match deferred {
                    Deferred::NeighborChange(id) => {
                        let event = crate::interface::machine::Event::NeighborChange;
                        self.interface_event(now, id, event, out);
                    }
                    Deferred::AdjOk(id) => self.look_at_adjacencies(now, id, out),
                    Deferred::Request(id, key) => self.request(now, id, key, out),
                    Deferred::EndHelp(id, key, exit) => self.end_help(now, id, key, exit, out),
                    Deferred::Externals => self.look_at_externals(now, out),
                    Deferred::Restart => self.look_at_restart(now, out),
                }
            } else if let Some(area) = self.router_lsas.pop_first() {
                self.describe_router(now, area, out);
            } else if let Some(id) = self.network_lsas.pop_first() {
                self.describe_network(now, id, out);
            } else if self.remove_expired(now, out) {
                // Removing may let an LSA of ours begin anew.
            } else {
                break;
            }
        }
    }

    fn defer(&mut self, deferred: Deferred) {
        if !self.deferred.contains(&deferred) {
            self.deferred.push_back(deferred);
        }
    }

    fn notice(&self, id: InterfaceId, out: &mut Outbox, severity: Severity, text: String) {
        self.log(id.index(), out, severity, text);
    }

    /// Logs a line, if so much is wanted.
    fn log(&self, index: Option<InterfaceIndex>, out: &mut Outbox, severity: Severity, text: String) {
        if self.parameters.logged.is_some_and(|lowest| severity >= lowest) {
            out.notice(severity, index, text);
        }
    }

    /// The domain and slot of a handle of a neighbour on this interface.
    fn resolve(&self, id: InterfaceId, handle: Handle) -> Option<(Domain, Slot)> {
        let domain = self.interfaces.get(&id)?.domain(handle.scope);
        Some((domain, handle.slot))
    }
}
