//! This router restarts gracefully: packets still follow the routes of its earlier life, and its neighbours are asked to go on as
//! if it had never been away (RFC 3623 §2, §5).
//!
//! It cannot know beforehand that it will die, so it says so when it is back, before its first Hello. Until the network is as it was, it
//! says nothing else: what it said in its earlier life still holds, and so do the routes.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use waypost_engine::{Now, Outbox, Severity};
use waypost_types::Time;
use waypost_wire::Writer;

use super::send::To;
use super::{Deferred, Domain, Ospf, Timer};
use crate::area::AreaId;
use crate::database::Slot;
use crate::interface::machine::State;
use crate::interface::{Interface, InterfaceId};
use crate::lsa::body::{LinkType, RouterLink};
use crate::lsa::grace::{Grace, Reason};
use crate::lsa::opaque::{GRACE, link_state_id};
use crate::lsa::{Body, LsaKey, LsaType, Scope};
use crate::neighbor::Neighbor;
use crate::neighbor::lists::Handle;
use crate::neighbor::machine::State as NeighborState;

/// By how much a grace-LSA goes before the first Hello: should the Hello overtake it, it would be too late.
const HEAD_START: Duration = Duration::from_millis(100);

/// How a graceful restart ended (RFC 4750, ospfRestartExitReason; RFC 3623 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartExit {
    /// Every adjacency there was is there again.
    Completed,
    /// The grace period is over.
    TimedOut,
    /// A neighbour does not go on as if nothing had happened.
    TopologyChanged,
    /// The router stops or is called otherwise now.
    Abandoned,
}

impl fmt::Display for RestartExit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Completed => "every adjacency is there again",
            Self::TimedOut => "the grace period is over",
            Self::TopologyChanged => "a neighbour does not know of this router any more",
            Self::Abandoned => "it is given up",
        })
    }
}

/// Whether this router restarts gracefully, or did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restart {
    /// It started as one starts.
    #[default]
    No,
    /// It does until then.
    Until(Time),
    /// It did.
    Ended(RestartExit),
}

/// What a link that was said in the earlier life has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    /// Its neighbours are adjacent.
    There,
    /// Not all of them yet.
    NotYet,
    /// A neighbour says that it is not there any more, or this router has no such link.
    Gone,
}

impl Ospf {
    /// The router starts with the routes of an earlier life in the kernel, and asks its neighbours for so much time. Before
    /// [`Self::start`].
    pub fn restart_gracefully(&mut self, now: Now, period: Duration) {
        let end = now.time + period;
        self.restart = Restart::Until(end);
        self.timers.set(Timer::Restart, end);
    }

    /// Whether it restarts gracefully, or did.
    #[must_use]
    pub const fn restart(&self) -> Restart {
        self.restart
    }

    /// Whether what it said in its earlier life still has to do.
    pub(super) const fn restarts(&self) -> bool {
        matches!(self.restart, Restart::Until(_))
    }

    /// Asks the neighbours on an interface to go on, before they hear a Hello that does not know them (§5): whether the Hello is to
    /// wait for that. Nobody acknowledges it before there is an exchange, so it is said again with every Hello until then.
    pub(super) fn say_grace(&mut self, now: Now, id: InterfaceId, out: &mut Outbox) -> bool {
        let Restart::Until(end) = self.restart else {
            return false;
        };
        let (Some(router), Some(interface)) = (self.router, self.interfaces.get(&id)) else {
            return false;
        };
        if interface.neighbors.values().any(Neighbor::takes_part_in_flooding) {
            return false;
        }
        let key = LsaKey {
            kind: LsaType::OpaqueLink,
            id: link_state_id(GRACE, 0),
            router,
        };
        let domain = Domain::Link(id);
        let first = self.wish_of(domain, key).is_none();
        if first {
            let grace = Grace {
                period: u32::try_from(end.since(now.time).as_secs()).unwrap_or(u32::MAX),
                reason: Reason::SoftwareRestart,
                address: interface.attachment.address,
            };
            let area = interface.parameters.area;
            let mut writer = Writer::new();
            grace.encode(&mut writer);
            self.wish(now, domain, key, self.lsa_options(area), writer.finish(), out);
        }
        // It went with the interface's database if that was down meanwhile.
        self.realise(now, domain, key, out);
        self.tell_grace(now, id, key, out);
        if first {
            self.timers.set(Timer::Hello(id), now.time + HEAD_START);
        }
        first
    }

    /// Sends the grace-LSA of an interface to whoever is there, adjacent or not.
    fn tell_grace(&mut self, now: Now, id: InterfaceId, key: LsaKey, out: &mut Outbox) {
        let database = self.databases.get(Domain::Link(id));
        let slot = database.and_then(|database| database.find(key));
        let (Some(slot), Some(interface)) = (slot, self.interfaces.get(&id)) else {
            return;
        };
        let handle = Handle {
            scope: Scope::Link,
            slot,
        };
        let to: Vec<To> = if interface.parameters.network.has_multicast() {
            vec![To::All]
        } else {
            let addresses = interface.neighbors.values().map(|neighbor| neighbor.address);
            addresses.map(To::One).collect()
        };
        for to in to {
            self.send_update(now, id, to, &[handle], out);
        }
    }

    /// What a neighbour's Hello says this router was before: who was elected is so again without an election, which others do not
    /// hold (§2.2 (3)). Whether it was.
    pub(super) fn resume_election(
        &mut self,
        id: InterfaceId,
        source: Ipv4Addr,
        designated: Ipv4Addr,
        backup: Ipv4Addr,
    ) -> Option<State> {
        let restarts = self.restarts();
        let interface = self.interfaces.get_mut(&id)?;
        let own = interface.address();
        if !restarts || interface.state != State::Waiting {
            return None;
        }
        let state = if designated == own {
            State::Dr
        } else if backup == own && designated == source {
            State::Backup
        } else {
            return None;
        };
        (interface.designated_router, interface.backup) = (designated, backup);
        Some(state)
    }

    /// Something happened by which the restart may be over.
    pub(super) fn note_restart(&mut self) {
        if self.restarts() {
            self.defer(Deferred::Restart);
        }
    }

    /// Looks whether the network is as it was, or cannot be any more (§2.2, the last paragraph).
    pub(super) fn look_at_restart(&mut self, now: Now, out: &mut Outbox) {
        if !self.restarts() {
            return;
        }
        let areas = self.attached_areas();
        let states: Vec<Again> = areas.iter().map(|area| self.area_again(*area)).collect();
        if states.contains(&Again::Gone) {
            self.end_restart(now, RestartExit::TopologyChanged, out);
        } else if self.is_adjacent() && states.iter().all(|state| *state == Again::There) {
            self.end_restart(now, RestartExit::Completed, out);
        }
    }

    /// Whether what this router said of its links in an area holds again.
    fn area_again(&self, area: AreaId) -> Again {
        let Some(links) = self.said_before(area) else {
            // Who is adjacent would have told what there was. Where nobody is, nobody will.
            let on = self
                .interfaces
                .values()
                .filter(|interface| interface.parameters.area == area && interface.speaks());
            let mut neighbors = on.clone().flat_map(|interface| interface.neighbors.values());
            let told = neighbors.any(|neighbor| neighbor.state == NeighborState::Full);
            return if told || on.clone().all(is_alone) {
                Again::There
            } else {
                Again::NotYet
            };
        };
        let states: Vec<Again> = links.iter().map(|link| self.link_again(area, link)).collect();
        if states.contains(&Again::Gone) {
            Again::Gone
        } else if states.contains(&Again::NotYet) {
            Again::NotYet
        } else {
            Again::There
        }
    }

    fn is_adjacent(&self) -> bool {
        let mut neighbors = self
            .interfaces
            .values()
            .flat_map(|interface| interface.neighbors.values());
        neighbors.any(|neighbor| neighbor.state == NeighborState::Full)
    }

    fn said_before(&self, area: AreaId) -> Option<Vec<RouterLink>> {
        match self.live(area, LsaType::Router, self.router?, self.router)? {
            Body::Router(router) => Some(router.links().collect()),
            _ => None,
        }
    }

    /// An LSA of an area, by whomever if nobody is named, unless it is at MaxAge.
    fn live(&self, area: AreaId, kind: LsaType, id: Ipv4Addr, router: Option<Ipv4Addr>) -> Option<Body<'_>> {
        let database = self.databases.get(Domain::Area(area))?;
        let fits = |slot: &Slot| {
            let key = database.key(*slot);
            let right = key.is_some_and(|key| {
                (key.kind, key.id) == (kind, id) && router.is_none_or(|router| key.router == router)
            });
            right && !database.is_flushed(*slot)
        };
        let slot = match router {
            Some(router) => database.find(LsaKey { kind, id, router }).filter(fits),
            None => database.slots().find(fits),
        };
        database.body(slot?)
    }

    fn link_again(&self, area: AreaId, link: &RouterLink) -> Again {
        let on = |interface: &&Interface| interface.parameters.area == area && interface.state > State::Down;
        let mut interfaces = self.interfaces.values().filter(on);
        match link.kind {
            LinkType::PointToPoint | LinkType::Virtual => {
                let mut neighbors = interfaces.flat_map(|interface| interface.neighbors.values());
                if neighbors
                    .any(|neighbor| neighbor.router == link.id && neighbor.state == NeighborState::Full)
                {
                    return Again::There;
                }
                match self.live(area, LsaType::Router, link.id, Some(link.id)) {
                    Some(Body::Router(other)) if !other.links().any(|back| Some(back.id) == self.router) => {
                        Again::Gone
                    }
                    _ => Again::NotYet,
                }
            }
            LinkType::Transit => {
                let Some(interface) = interfaces.find(|interface| interface.address() == link.data) else {
                    return Again::NotYet;
                };
                let members = match self.live(area, LsaType::Network, link.id, None) {
                    Some(Body::Network(network)) => network.routers().collect::<Vec<_>>(),
                    _ => return Again::NotYet,
                };
                if !members.iter().any(|member| Some(*member) == self.router) {
                    return Again::Gone;
                }
                let is_full = |neighbor: &Neighbor| neighbor.state == NeighborState::Full;
                let there = if link.id == link.data {
                    let full = |member: &Ipv4Addr| {
                        let mut neighbors = interface.neighbors.values();
                        neighbors.any(|neighbor| neighbor.router == *member && is_full(neighbor))
                    };
                    members
                        .iter()
                        .all(|member| Some(*member) == self.router || full(member))
                } else {
                    interface.neighbors.get(&link.id).is_some_and(is_full)
                };
                if there { Again::There } else { Again::NotYet }
            }
            LinkType::Stub | LinkType::Other(_) => Again::There,
        }
    }

    /// From now on this router speaks for itself again: everything it has to say is said, what it would not say is flushed, and its
    /// routes are those it calculates (§2.3).
    pub(super) fn end_restart(&mut self, now: Now, exit: RestartExit, out: &mut Outbox) {
        if !self.restarts() {
            return;
        }
        self.restart = Restart::Ended(exit);
        self.timers.cancel(&Timer::Restart);
        self.log(
            None,
            out,
            Severity::Info,
            format!("the graceful restart is over: {exit}"),
        );
        let areas: Vec<AreaId> = self.databases.areas.keys().copied().collect();
        for area in areas {
            self.describe_router(now, area, out);
        }
        for id in self.interfaces.keys().copied().collect::<Vec<_>>() {
            self.describe_network(now, id, out);
        }
        // What is elsewhere follows from the routes, and those from what this router says of itself.
        let of_itself = |key: &LsaKey| matches!(key.kind, LsaType::Router | LsaType::Network);
        self.say_all(now, of_itself, out);
        self.calculate_anew();
        self.calculate(now, out);
        self.say_all(now, |key| !of_itself(key), out);
        for domain in self.databases.domains() {
            let Some(database) = self.databases.get(domain) else {
                continue;
            };
            let unsaid = |slot: &Slot| {
                let key = database.key(*slot);
                let own = database
                    .header(*slot, now.time)
                    .is_some_and(|header| self.is_own(&header));
                own && !key.is_some_and(|key| self.wishes.contains_key(&(domain, key)))
            };
            for slot in database.slots().filter(unsaid).collect::<Vec<_>>() {
                self.flush(now, domain, slot, out);
            }
        }
    }

    /// Says LSAs, whether or not anything changed in them since the earlier life, lest they grow old. The grace-LSAs are over.
    fn say_all(&mut self, now: Now, which: impl Fn(&LsaKey) -> bool, out: &mut Outbox) {
        for (domain, key) in self.wishes.keys().copied().collect::<Vec<_>>() {
            if !which(&key) {
                continue;
            }
            if let Some(wish) = self.wishes.get_mut(&(domain, key)) {
                wish.say_once();
            }
            if let Domain::Link(id) = domain {
                self.withdraw_now(now, domain, key, out);
                // Those that are not adjacent yet are not to go on for the rest of the period.
                self.tell_grace(now, id, key, out);
            } else {
                self.realise(now, domain, key, out);
            }
        }
    }
}

/// Whether it is certain that there is no other router on the network of an interface: somebody would have been elected.
fn is_alone(interface: &Interface) -> bool {
    let elected = interface.parameters.network.has_election() && interface.state > State::Waiting;
    elected && interface.neighbors.is_empty()
}
