//! The routing table of RIP: what was heard, what is our own, which of it is used and which of it changed.
//!
//! Everything heard is kept per destination, neighbour and interface with the metric as received, filtered or not, so
//! that a change of configuration selects anew from it at once. What is used goes to the routing table manager; what is
//! announced may be a route of our own instead. A destination that lost its last route is announced as unreachable until
//! its garbage time is over (RFC 2453 §3.8).
//!
//! Cost: learning, forgetting and expiring take time logarithmic in the table; only changes of configuration and of
//! interfaces walk it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::ops::Bound;
use std::time::Duration;

use smallvec::SmallVec;
use waypost_engine::Outbox;
use waypost_types::{InterfaceIndex, NextHop, PathId, Prefix4, ProtocolId, Route, RouteKind, Time};

use crate::config::Adjustment;
use crate::packet::INFINITY;
use crate::redistribute::Rules;

/// The preference of routes that may replace static ones: better than theirs in the router's preference table.
pub const OVERWRITE_STATIC_PREFERENCE: u8 = 2;
/// How long a route that is gone is still announced where nothing else is configured (RFC 2453 §3.8).
const REMOVAL: Duration = Duration::from_secs(120);
/// How many destinations one call lets expire; the rest follows in the next.
const EXPIRIES_A_CALL: usize = 4096;

/// What the table must know of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkPolicy {
    /// Cost added to what is heard there, 1..=16.
    pub cost: u8,
    /// Weight of its next hops.
    pub weight: u16,
    /// Its routes win over static ones.
    pub overwrite_static: bool,
    /// Time until a route that is not refreshed is unusable.
    pub expiration: Duration,
    /// Time an unusable route is still announced.
    pub removal: Duration,
    /// The networks of the link, for telling which gateways need to be marked as on it.
    pub networks: Vec<Prefix4>,
}

/// A route as one neighbour announced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Where it was heard.
    pub interface: InterfaceIndex,
    /// Who announced it.
    pub from: Ipv4Addr,
    /// Where packets go: the announcer, or the better next hop it named.
    pub next_hop: Ipv4Addr,
    /// The metric as received, 1..=15.
    pub metric: u8,
    /// Its route tag.
    pub tag: u16,
    /// When it was last announced.
    pub refreshed: Time,
    /// Whether the accept filters let it pass,
    pub permitted: bool,
    /// and what they change about it.
    pub adjustment: Adjustment,
    /// Whether it is in use.
    pub selected: bool,
}

impl Heard {
    /// Takes what filters and policies say of it.
    pub fn judge(&mut self, verdict: Option<Adjustment>) {
        self.permitted = verdict.is_some();
        self.adjustment = verdict.unwrap_or_default();
    }
}

/// A route of another source that may be redistributed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Whose it is.
    pub owner: ProtocolId,
    /// Its metric there.
    pub metric: u32,
    /// Its tag there.
    pub tag: u32,
    /// The router of its first next hop,
    pub next_hop: Option<Ipv4Addr>,
    /// and the interface that it goes out of.
    pub interface: Option<InterfaceIndex>,
    /// Its gateway, when it has exactly one next hop.
    pub gateway: Option<(InterfaceIndex, Ipv4Addr)>,
}

/// Where an announced route comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A network of one of our interfaces.
    Connected,
    /// Another source's route.
    Redistributed(ProtocolId),
    /// Neighbours.
    Learned,
}

/// What RIP says of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// Where it comes from; of garbage: came from.
    pub origin: Origin,
    /// Our metric, 1..=15; 16 for garbage.
    pub metric: u8,
    /// The metric that garbage had: a policy that let it be announced lets its end be announced.
    pub usable_metric: u8,
    /// Its route tag.
    pub tag: u16,
    /// The router that a policy of redistribution names in place of `via`.
    pub next_hop: Option<Ipv4Addr>,
    /// The next hops.
    pub via: SmallVec<[(InterfaceIndex, Ipv4Addr); 1]>,
    /// Unreachable, and announced as such until then.
    pub garbage_until: Option<Time>,
}

/// Everything known of one destination.
#[derive(Clone, Debug, Default)]
pub struct Destination {
    /// What neighbours announced, in order of first hearing.
    pub heard: SmallVec<[Heard; 1]>,
    /// The interfaces whose network it is.
    pub connected: SmallVec<[InterfaceIndex; 1]>,
    /// Another source's route to it.
    pub external: Option<External>,
    /// What is announced.
    pub current: Option<Current>,
    /// What the routing table manager has.
    installed: Option<Route>,
    /// Its place in the journal; 0 for none.
    journal: u64,
    /// When it is looked at for expiry.
    check_at: Option<Time>,
    /// The interface whose removal interval holds once `current` is gone.
    home: Option<InterfaceIndex>,
    /// When `current` last changed.
    pub changed: Time,
    /// It went from one set of interfaces straight to another, so that those who hear us on the new ones may still count
    /// on us although split horizon keeps us silent there now.
    pub moved: bool,
}

impl Destination {
    fn is_void(&self) -> bool {
        self.heard.is_empty()
            && self.connected.is_empty()
            && self.external.is_none()
            && self.current.is_none()
    }
}

/// The table.
#[derive(Debug, Default)]
pub struct Table {
    destinations: BTreeMap<Prefix4, Destination>,
    links: BTreeMap<InterfaceIndex, LinkPolicy>,
    heard_on: BTreeMap<InterfaceIndex, u32>,
    pub(crate) redistribution: Rules,
    ecmp: usize,
    preference: Option<u8>,
    /// How long routes of our own that belong to no interface are still announced when they are gone.
    removal: Duration,
    /// Changed destinations by the number of their last change.
    journal: BTreeMap<u64, Prefix4>,
    last_change: u64,
    /// When destinations are looked at for expiry: each at most once, never later than something in it expires.
    checks: BTreeSet<(Time, Prefix4)>,
    /// Changes of the routes in use (RFC 1724 rip2GlobalRouteChanges).
    pub route_changes: u32,
}

impl Table {
    /// An empty table that uses one next hop a destination.
    #[must_use]
    pub fn new() -> Self {
        Self {
            ecmp: 1,
            removal: REMOVAL,
            ..Self::default()
        }
    }

    /// Every destination, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Prefix4, &Destination)> {
        self.destinations.iter()
    }

    /// The destinations after a place, in order.
    pub fn range(
        &self,
        from: Bound<Prefix4>,
        to: Bound<Prefix4>,
    ) -> impl Iterator<Item = (&Prefix4, &Destination)> {
        self.destinations.range((from, to))
    }

    /// One destination.
    #[must_use]
    pub fn get(&self, prefix: Prefix4) -> Option<&Destination> {
        self.destinations.get(&prefix)
    }

    /// How many destinations there are, garbage included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.destinations.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.destinations.is_empty()
    }

    /// How many routes heard on an interface are kept.
    #[must_use]
    pub fn heard_on(&self, interface: InterfaceIndex) -> u32 {
        self.heard_on.get(&interface).copied().unwrap_or(0)
    }

    /// What the table knows of an interface.
    #[must_use]
    pub fn link(&self, interface: InterfaceIndex) -> Option<&LinkPolicy> {
        self.links.get(&interface)
    }

    /// Whether `from` announced `prefix` on `interface` and that is kept.
    #[must_use]
    pub fn knows(&self, prefix: Prefix4, interface: InterfaceIndex, from: Ipv4Addr) -> bool {
        self.destinations.get(&prefix).is_some_and(|destination| {
            destination
                .heard
                .iter()
                .any(|heard| heard.interface == interface && heard.from == from)
        })
    }

    /// Replaces what holds for all destinations, and selects anew.
    pub fn set_policy(
        &mut self,
        now: Time,
        ecmp: usize,
        preference: Option<u8>,
        redistribution: Rules,
        out: &mut Outbox,
    ) {
        let same =
            self.ecmp == ecmp && self.preference == preference && self.redistribution == redistribution;
        self.ecmp = ecmp.max(1);
        self.preference = preference;
        self.redistribution = redistribution;
        if !same {
            self.for_every(now, out, |_, _| true);
        }
    }

    /// Replaces the time that routes of our own which belong to no interface are still announced when they are gone.
    /// Holds for those that go from now on.
    pub fn set_removal(&mut self, removal: Option<Duration>) {
        self.removal = removal.unwrap_or(REMOVAL);
    }

    /// Replaces what the table knows of an interface. `permit` says anew which of its routes pass the filters, and how.
    pub fn set_link(
        &mut self,
        now: Time,
        interface: InterfaceIndex,
        policy: LinkPolicy,
        permit: impl Fn(Prefix4, &Heard) -> Option<Adjustment>,
        out: &mut Outbox,
    ) {
        self.links.insert(interface, policy);
        if self.heard_on(interface) == 0 {
            return;
        }
        self.for_every(now, out, |prefix, destination| {
            let mut touched = false;
            for heard in destination
                .heard
                .iter_mut()
                .filter(|heard| heard.interface == interface)
            {
                heard.judge(permit(prefix, heard));
                touched = true;
            }
            touched
        });
    }

    /// Forgets an interface with everything heard there and its networks.
    pub fn remove_link(&mut self, now: Time, interface: InterfaceIndex, out: &mut Outbox) {
        self.for_every(now, out, |_, destination| {
            let before = destination.heard.len() + destination.connected.len();
            destination.heard.retain(|heard| heard.interface != interface);
            destination.connected.retain(|index| *index != interface);
            before != destination.heard.len() + destination.connected.len()
        });
        self.heard_on.remove(&interface);
        self.links.remove(&interface);
    }

    /// Forgets what was heard on an interface from those that `keep` does not want.
    pub fn retain_senders(
        &mut self,
        now: Time,
        interface: InterfaceIndex,
        keep: impl Fn(Ipv4Addr) -> bool,
        out: &mut Outbox,
    ) {
        if self.heard_on(interface) == 0 {
            return;
        }
        let mut forgotten = 0;
        self.for_every(now, out, |_, destination| {
            let before = destination.heard.len();
            destination
                .heard
                .retain(|heard| heard.interface != interface || keep(heard.from));
            forgotten += (before - destination.heard.len()) as u32;
            before != destination.heard.len()
        });
        self.count_out(interface, forgotten);
    }

    /// Sends what was heard on an interface to its announcer instead, where `keep` no longer wants the next hop it named.
    pub fn retain_next_hops(
        &mut self,
        now: Time,
        interface: InterfaceIndex,
        keep: impl Fn(Ipv4Addr) -> bool,
        out: &mut Outbox,
    ) {
        self.for_every(now, out, |_, destination| {
            let mut touched = false;
            for heard in &mut destination.heard {
                if heard.interface == interface && heard.next_hop != heard.from && !keep(heard.next_hop) {
                    heard.next_hop = heard.from;
                    touched = true;
                }
            }
            touched
        });
    }

    /// Forgets what was heard on an interface beyond the first `maximum` routes in the order of destinations.
    pub fn cap(&mut self, now: Time, interface: InterfaceIndex, maximum: u32, out: &mut Outbox) {
        if self.heard_on(interface) <= maximum {
            return;
        }
        let mut left = maximum;
        self.for_every(now, out, |_, destination| {
            let before = destination.heard.len();
            destination.heard.retain(|heard| {
                let keep = heard.interface != interface || left > 0;
                if heard.interface == interface {
                    left = left.saturating_sub(1);
                }
                keep
            });
            before != destination.heard.len()
        });
        self.heard_on.insert(interface, maximum);
    }

    /// Forgets the routes of other sources that `keep` does not want.
    pub fn retain_external(&mut self, now: Time, keep: impl Fn(ProtocolId) -> bool, out: &mut Outbox) {
        self.for_every(now, out, |_, destination| {
            let gone = destination
                .external
                .as_ref()
                .is_some_and(|external| !keep(external.owner));
            if gone {
                destination.external = None;
            }
            gone
        });
    }

    /// Sets or removes another source's route.
    pub fn set_external(&mut self, now: Time, prefix: Prefix4, external: Option<External>, out: &mut Outbox) {
        if external.is_some() || self.destinations.contains_key(&prefix) {
            self.destinations.entry(prefix).or_default().external = external;
            self.update(now, prefix, out);
        }
    }

    /// Adds or removes a network of an interface.
    pub fn set_connected(
        &mut self,
        now: Time,
        prefix: Prefix4,
        interface: InterfaceIndex,
        present: bool,
        out: &mut Outbox,
    ) {
        let destination = self.destinations.entry(prefix).or_default();
        destination.connected.retain(|index| *index != interface);
        if present {
            destination.connected.push(interface);
        }
        self.update(now, prefix, out);
    }

    /// Takes in an announcement (RFC 2453 §3.9.2). `heard.metric` is 1..=15.
    pub fn learn(&mut self, prefix: Prefix4, heard: Heard, out: &mut Outbox) {
        let now = heard.refreshed;
        let destination = self.destinations.entry(prefix).or_default();
        let known = destination
            .heard
            .iter_mut()
            .find(|known| known.interface == heard.interface && known.from == heard.from);
        match known {
            Some(known) => {
                let same = Heard {
                    refreshed: heard.refreshed,
                    ..*known
                } == Heard {
                    selected: known.selected,
                    ..heard
                };
                *known = Heard {
                    selected: known.selected,
                    ..heard
                };
                if same {
                    // Expiry is looked at when the old time comes; nothing else depends on the refresh.
                    return;
                }
            }
            None => {
                destination.heard.push(Heard {
                    selected: false,
                    ..heard
                });
                *self.heard_on.entry(heard.interface).or_default() += 1;
            }
        }
        self.update(now, prefix, out);
    }

    /// A neighbour no longer reaches a destination.
    pub fn forget(
        &mut self,
        now: Time,
        prefix: Prefix4,
        interface: InterfaceIndex,
        from: Ipv4Addr,
        out: &mut Outbox,
    ) {
        let Some(destination) = self.destinations.get_mut(&prefix) else {
            return;
        };
        let before = destination.heard.len();
        destination
            .heard
            .retain(|heard| heard.interface != interface || heard.from != from);
        if destination.heard.len() != before {
            self.count_out(interface, 1);
            self.update(now, prefix, out);
        }
    }

    fn count_out(&mut self, interface: InterfaceIndex, routes: u32) {
        if let Some(count) = self.heard_on.get_mut(&interface) {
            *count = count.saturating_sub(routes);
        }
    }

    /// When [`Self::expire`] has something to do.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Time> {
        self.checks.first().map(|(at, _)| *at)
    }

    /// Lets go of what was not refreshed in time and of garbage whose time is over; a bounded number at once.
    pub fn expire(&mut self, now: Time, out: &mut Outbox) {
        for _ in 0..EXPIRIES_A_CALL {
            let Some((_, prefix)) = self.checks.first().copied().filter(|(at, _)| *at <= now) else {
                return;
            };
            self.checks.pop_first();
            let Some(destination) = self.destinations.get_mut(&prefix) else {
                continue;
            };
            destination.check_at = None;
            let links = &self.links;
            let mut dead: SmallVec<[InterfaceIndex; 4]> = SmallVec::new();
            destination.heard.retain(|heard| {
                let alive = links
                    .get(&heard.interface)
                    .is_some_and(|link| now < heard.refreshed + link.expiration);
                if !alive {
                    dead.push(heard.interface);
                }
                alive
            });
            for interface in dead {
                self.count_out(interface, 1);
            }
            self.update(now, prefix, out);
        }
    }

    /// Looks at every destination; where `touch` says so, selects anew.
    fn for_every(
        &mut self,
        now: Time,
        out: &mut Outbox,
        mut touch: impl FnMut(Prefix4, &mut Destination) -> bool,
    ) {
        let touched: Vec<Prefix4> = self
            .destinations
            .iter_mut()
            .filter_map(|(prefix, destination)| touch(*prefix, destination).then_some(*prefix))
            .collect();
        for prefix in touched {
            self.update(now, prefix, out);
        }
    }

    /// Selects anew for one destination: tells the routing table manager, notes the change, sets the next check.
    fn update(&mut self, now: Time, prefix: Prefix4, out: &mut Outbox) {
        let Some(destination) = self.destinations.get_mut(&prefix) else {
            return;
        };
        let selected = select(destination, &self.links, self.ecmp);
        let route = selected.as_ref().map(|current| {
            let mut used = destination.heard.iter().filter(|heard| heard.selected);
            let own = used.find_map(|heard| heard.adjustment.preference);
            route_of(current, &self.links, own.or(self.preference))
        });
        if destination.installed != route {
            self.route_changes = self.route_changes.wrapping_add(1);
            match &route {
                Some(route) => out.set_route(prefix, PathId(0), route.clone()),
                None => out.delete_route(prefix, PathId(0)),
            }
            destination.installed = route;
        }

        let removal = destination
            .home
            .and_then(|home| self.links.get(&home))
            .map_or(self.removal, |link| link.removal);
        let next = own(prefix, destination, &self.redistribution)
            .or(selected)
            .or_else(|| garbage(destination.current.as_ref(), now, removal));
        match &next {
            Some(next) if next.garbage_until.is_some() => {}
            Some(next) => {
                let first = next.via.first().map(|(index, _)| *index);
                destination.home = destination.connected.first().copied().or(first);
            }
            None => destination.home = None,
        }
        if destination.current != next {
            // Garbage that is over was announced as unreachable all along: its end is no news.
            let news = next.is_some();
            destination.moved = match (&destination.current, &next) {
                (Some(old), Some(new)) if old.garbage_until.is_none() => {
                    destination.moved
                        || old
                            .via
                            .iter()
                            .map(|hop| hop.0)
                            .ne(new.via.iter().map(|hop| hop.0))
                }
                _ => false,
            };
            destination.current = next;
            destination.changed = now;
            if news {
                self.journal.remove(&destination.journal);
                self.last_change += 1;
                destination.journal = self.last_change;
                self.journal.insert(self.last_change, prefix);
            }
        }

        let check = next_check(destination, &self.links);
        if destination.is_void() {
            self.journal.remove(&destination.journal);
            if let Some(at) = destination.check_at {
                self.checks.remove(&(at, prefix));
            }
            self.destinations.remove(&prefix);
            return;
        }
        // A check that comes too early finds nothing and sets the next one: cheaper than moving it with every refresh.
        if let Some(at) = check
            && destination.check_at.is_none_or(|set| at < set)
        {
            if let Some(old) = destination.check_at.replace(at) {
                self.checks.remove(&(old, prefix));
            }
            self.checks.insert((at, prefix));
        }
    }

    /// The number of the last change.
    #[must_use]
    pub const fn last_change(&self) -> u64 {
        self.last_change
    }

    /// Whether somebody may not have been told of a change yet.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.journal.is_empty()
    }

    /// Destinations that changed after a change, oldest first, each once with the number of its last change.
    pub fn changes_after(&self, change: u64) -> impl Iterator<Item = (u64, Prefix4)> {
        self.journal
            .range((Bound::Excluded(change), Bound::Unbounded))
            .map(|(number, prefix)| (*number, *prefix))
    }

    /// Forgets changes that everyone was told of.
    pub fn trim_changes(&mut self, told: u64) {
        if self
            .journal
            .first_key_value()
            .is_some_and(|(first, _)| *first <= told)
        {
            self.journal = self.journal.split_off(&(told + 1));
        }
    }
}

/// Chooses among what was heard: the lowest total, the routes in use before equally good others (RFC 2453 §3.9.2).
fn select(
    destination: &mut Destination,
    links: &BTreeMap<InterfaceIndex, LinkPolicy>,
    ecmp: usize,
) -> Option<Current> {
    let total = |heard: &Heard| {
        let cost = links.get(&heard.interface).map_or(INFINITY, |link| link.cost);
        let metric = heard.adjustment.metric(heard.metric);
        metric.saturating_add(cost).min(INFINITY)
    };
    let best = destination
        .heard
        .iter()
        .filter(|heard| heard.permitted)
        .map(total)
        .min()
        .filter(|metric| *metric < INFINITY);
    let Some(best) = best else {
        for heard in &mut destination.heard {
            heard.selected = false;
        }
        return None;
    };
    let mut left = ecmp;
    let mut via: SmallVec<[(InterfaceIndex, Ipv4Addr); 1]> = SmallVec::new();
    let mut tag = None;
    let mut chosen: SmallVec<[bool; 4]> = SmallVec::from_elem(false, destination.heard.len());
    for wanted in [true, false] {
        for (heard, chosen) in destination.heard.iter().zip(&mut chosen) {
            if left > 0 && heard.selected == wanted && heard.permitted && total(heard) == best {
                *chosen = true;
                tag.get_or_insert_with(|| heard.adjustment.tag(heard.tag));
                let next_hop = heard.adjustment.next_hop.unwrap_or(heard.next_hop);
                let hop = (heard.interface, next_hop);
                if !via.contains(&hop) {
                    left -= 1;
                    via.push(hop);
                }
            }
        }
    }
    for (heard, chosen) in destination.heard.iter_mut().zip(chosen) {
        heard.selected = chosen;
    }
    via.sort_unstable();
    Some(Current {
        origin: Origin::Learned,
        metric: best,
        usable_metric: best,
        tag: tag.unwrap_or(0),
        next_hop: None,
        via,
        garbage_until: None,
    })
}

/// What the routing table manager gets for a selection.
fn route_of(
    current: &Current,
    links: &BTreeMap<InterfaceIndex, LinkPolicy>,
    preference: Option<u8>,
) -> Route {
    let link = |index: &InterfaceIndex| links.get(index);
    let overwrite = current
        .via
        .iter()
        .any(|(index, _)| link(index).is_some_and(|link| link.overwrite_static));
    Route {
        kind: RouteKind::Unicast,
        next_hops: current
            .via
            .iter()
            .map(|(index, gateway)| NextHop {
                weight: link(index).map_or(1, |link| link.weight),
                onlink: link(index)
                    .is_some_and(|link| !link.networks.iter().any(|network| network.contains(*gateway))),
                ..NextHop::via((*gateway).into(), *index)
            })
            .collect(),
        metric: current.metric.into(),
        tag: current.tag.into(),
        preference: if overwrite {
            Some(OVERWRITE_STATIC_PREFERENCE)
        } else {
            preference
        },
    }
}

/// Our own route to a destination: it is announced whatever neighbours say.
fn own(prefix: Prefix4, destination: &Destination, rules: &Rules) -> Option<Current> {
    let current = |origin, metric, tag| Current {
        origin,
        metric,
        usable_metric: metric,
        tag,
        next_hop: None,
        via: SmallVec::new(),
        garbage_until: None,
    };
    if !destination.connected.is_empty() {
        // DEVIATION RFC 2453 §3.5: a connected network enters with metric 1, not with the cost configured for its
        // interface, as in FRR and BIRD: `metric` is the cost of what is heard there.
        return Some(current(Origin::Connected, 1, 0));
    }
    let external = destination.external.as_ref()?;
    let said = rules.apply(prefix, external)?;
    Some(Current {
        via: external.gateway.into_iter().collect(),
        next_hop: said.next_hop,
        ..current(Origin::Redistributed(external.owner), said.metric, said.tag)
    })
}

/// What is left of a route that is gone, while its garbage time lasts.
fn garbage(old: Option<&Current>, now: Time, removal: Duration) -> Option<Current> {
    let old = old?;
    let until = old.garbage_until.unwrap_or(now + removal);
    (now < until).then(|| Current {
        metric: INFINITY,
        garbage_until: Some(until),
        ..old.clone()
    })
}

/// When something in a destination expires next.
fn next_check(destination: &Destination, links: &BTreeMap<InterfaceIndex, LinkPolicy>) -> Option<Time> {
    destination
        .heard
        .iter()
        .map(|heard| {
            heard.refreshed
                + links
                    .get(&heard.interface)
                    .map_or(Duration::ZERO, |link| link.expiration)
        })
        .chain(
            destination
                .current
                .as_ref()
                .and_then(|current| current.garbage_until),
        )
        .min()
}

#[cfg(test)]
mod tests;
