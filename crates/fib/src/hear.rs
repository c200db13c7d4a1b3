//! What the kernel says by itself: links, objects and routes that others change, and what goes with a link in silence.

use std::collections::BTreeSet;

use smallvec::SmallVec;
use waypost_netlink::constants::{
    AF_UNSPEC, NLM_F_REPLACE, RTN_BLACKHOLE, RTN_PROHIBIT, RTN_UNICAST, RTN_UNREACHABLE,
};
use waypost_netlink::{Body, Link, LinkFlags, Message, Nexthop, Route, RouteNextHopFlags};
use waypost_rtm::Family;
use waypost_types::{InterfaceIndex, NextHop, Prefix, RouteKind, Time};

use crate::fib::Fib;
use crate::object::{Index, Members, Presence, Single};
use crate::ownership::{self, Mode, is_at_our_rank, is_our_object, is_our_route};
use crate::report::Failure;
use crate::rows::Form;
use crate::work::{Retry, Sent, count_fight};

/// Whether the kernel keeps what goes out of the link. It flushes it when the link is down or lost its carrier, which
/// for it means neither running nor a signal from below.
pub(crate) fn is_alive(link: &Link) -> bool {
    link.flags.contains(LinkFlags::UP) && link.flags.intersects(LinkFlags::RUNNING | LinkFlags::LOWER_UP)
}

impl Fib {
    /// Takes in a notification. Those of the caller's own requests, which bear the port of its socket, must be left out.
    pub fn hear(&mut self, now: Time, message: &Message) {
        // What the kernel does by itself has no port, and is no meddling.
        let meddled = message.header.port != 0;
        match &message.body {
            Body::NewLink(link) if link.family == AF_UNSPEC => self.link(now, link),
            Body::DelLink(link) if link.family == AF_UNSPEC => {
                self.link_changed(now, link.index, false);
                self.links.remove(&link.index);
            }
            Body::NewAddress(address) => self.retry_interface(address.interface),
            Body::DelAddress(_) if self.mode == Mode::Inline => self.demand_resync(now),
            Body::NewNexthop(nexthop) => self.nexthop_set(now, nexthop),
            Body::DelNexthop(nexthop) => self.nexthop_gone(now, nexthop, meddled),
            Body::NewRoute(route) => {
                self.route_set(now, route, message.header.flags & NLM_F_REPLACE != 0);
            }
            Body::DelRoute(route) => self.route_gone(now, route, meddled),
            _ => {}
        }
    }

    // Links

    fn link(&mut self, now: Time, link: &Link) {
        if link.flags.contains(LinkFlags::LOOPBACK) {
            self.loopback = link.index;
        }
        self.link_changed(now, link.index, is_alive(link));
    }

    fn link_changed(&mut self, now: Time, interface: InterfaceIndex, alive: bool) {
        let before = self.links.insert(interface, alive);
        if !alive {
            self.shadows.retain(|_, out| *out != Some(interface));
        }
        if self.mode == Mode::Inline {
            // Which of them the kernel dropped depends on the family and on whether the link is down or has no carrier.
            if before != Some(alive) {
                self.demand_resync(now);
            }
        } else if !alive && before != Some(false) {
            let lost = self.objects.on_interface(interface);
            self.objects_lost(&lost, true);
        }
        if alive {
            self.retry_interface(interface);
        }
    }

    /// Something about an interface changed for the better: what failed on it may work now.
    fn retry_interface(&mut self, interface: InterfaceIndex) {
        for index in self.objects.on_interface(interface) {
            let Some(object) = self.objects.get_mut(index) else {
                continue;
            };
            if object.presence == Presence::Present || object.fights.0 > 1 {
                continue;
            }
            object.attempts = 0;
            if let Some(at) = object.retry.take() {
                self.works.remove_retry(at, Retry::Object(index));
            }
            self.objects.touch(index);
        }
        if self.mode == Mode::Inline {
            for prefix in self.works.select(|work| work.failure.is_some()) {
                self.works.enqueue(prefix);
            }
        }
    }

    /// An object is gone, and the routes and memberships with it. Doubtful if the kernel did not say so.
    pub(crate) fn object_lost(&mut self, index: Index, doubtful: bool) {
        self.objects_lost(&[index], doubtful);
    }

    fn objects_lost(&mut self, indexes: &[Index], doubtful: bool) {
        let mut lost: BTreeSet<Index> = BTreeSet::new();
        let mut open: Vec<(Index, bool)> = indexes.iter().map(|&index| (index, doubtful)).collect();
        while let Some((index, doubtful)) = open.pop() {
            let Some(object) = self.objects.get_mut(index) else {
                continue;
            };
            if !lost.insert(index) || (object.presence == Presence::Absent && object.sent.is_none()) {
                continue;
            }
            object.disturbed = object.sent.is_some();
            if doubtful {
                self.objects.doubt(index);
            } else {
                object.presence = Presence::Absent;
                self.objects.doubtful.remove(&index);
            }
            self.objects.set_held_members(index, &Members::new());
            self.unborrow_all(index);
            for group in self.objects.groups_of(index) {
                let Some(object) = self.objects.get(group) else {
                    continue;
                };
                let mut held = object.held_members.clone();
                held.retain(|(member, _)| *member != index);
                if held.len() == object.held_members.len() {
                    continue;
                }
                if held.is_empty() {
                    open.push((group, true));
                } else {
                    self.objects.set_held_members(group, &held);
                    self.objects.touch(group);
                }
            }
        }
        if lost
            .iter()
            .any(|&index| self.objects.get(index).is_some_and(|object| object.users > 0))
        {
            self.routes_lost(&lost);
        }
        for index in lost {
            if let Some(object) = self.objects.get_mut(index) {
                if std::mem::take(&mut object.stray) {
                    self.objects.forget_stray_group(index);
                }
                self.objects.touch(index);
            }
        }
    }

    /// The routes of these objects went with them.
    fn routes_lost(&mut self, lost: &BTreeSet<Index>) {
        let is_lost = |form: Option<Form>| form.is_some_and(|form| lost.contains(&form.object));
        for prefix in self.rows.select(|row| is_lost(Some(row.form))) {
            self.statistics.lost += 1;
            self.unsettle(prefix, false);
        }
        let sent = |sent: Option<Sent>| matches!(sent, Some(Sent::Set(form)) if lost.contains(&form.object));
        for prefix in self.works.select(|work| is_lost(work.held) || sent(work.sent)) {
            let Some(work) = self.works.get_mut(prefix) else {
                continue;
            };
            if sent(work.sent) {
                work.disturbed = true;
            }
            if is_lost(work.held) {
                self.statistics.lost += 1;
                self.set_held(prefix, None);
            }
            self.works.enqueue(prefix);
        }
    }

    // Objects

    fn nexthop_set(&mut self, now: Time, nexthop: &Nexthop) {
        let Some(index) = ownership::index(nexthop.id) else {
            return;
        };
        match self.objects.get_mut(index) {
            None if is_our_object(nexthop) => {
                self.objects.read(nexthop);
                if self.swept
                    && let Some(object) = self.objects.get_mut(index)
                {
                    object.stray = false;
                    self.objects.touch(index);
                }
            }
            None => self.objects.take_away(index),
            Some(object) if object.sent.is_some() => {
                object.disturbed = true;
                self.demand_resync(now);
            }
            Some(_) if is_our_object(nexthop) => {
                if !self.objects.read(nexthop) {
                    self.statistics.meddled += 1;
                }
            }
            Some(object) => {
                object.presence = Presence::Altered;
                self.objects.touch(index);
            }
        }
    }

    fn nexthop_gone(&mut self, now: Time, nexthop: &Nexthop, meddled: bool) {
        let Some(index) = ownership::index(nexthop.id) else {
            return;
        };
        let Some(object) = self.objects.get_mut(index) else {
            self.objects.give_back(index);
            return;
        };
        if object.presence == Presence::Absent && object.sent.is_none() {
            return;
        }
        if meddled {
            self.statistics.meddled += 1;
            let delay = count_fight(&mut object.fights, now);
            if !delay.is_zero() && object.users > 0 {
                let count = object.fights.0;
                let text = format!("someone deleted the nexthop object {count} times in a row");
                object.failure = Some(Box::new(Failure { errno: 0, text }));
                let at = now + delay;
                if let Some(old) = object.retry.replace(at) {
                    self.works.remove_retry(old, Retry::Object(index));
                }
                self.works.add_retry(at, Retry::Object(index));
            }
        }
        self.object_lost(index, false);
    }

    // Routes

    fn route_set(&mut self, now: Time, route: &Route, replaced: bool) {
        let prefix = route.destination;
        if replaced {
            self.unborrow(route);
        }
        if let Some(form) = self.form_of(route) {
            self.found(now, prefix, form);
            self.objects.release(form.object);
            return;
        }
        self.borrow(route);
        self.note_shadow(route);
        if !is_at_our_rank(self.mode, route) {
            return;
        }
        self.foreign.insert(prefix);
        if !replaced {
            return;
        }
        // It took the place of ours.
        if self.rows.get(prefix).is_some() {
            self.statistics.meddled += 1;
            self.unsettle(prefix, false);
        } else if let Some(work) = self.works.get(prefix) {
            if work.sent.is_some() {
                self.demand_resync(now);
            } else if work.held.is_some() {
                self.set_held(prefix, None);
                self.works.enqueue(prefix);
            }
        }
    }

    /// A route of ours was seen in the kernel.
    fn found(&mut self, now: Time, prefix: Prefix, form: Form) {
        if let Some(row) = self.rows.get(prefix) {
            if row.form != form {
                self.statistics.meddled += 1;
                self.unsettle(prefix, true);
                self.set_held(prefix, Some(form));
            }
            return;
        }
        match self.works.get(prefix) {
            None => self.add_stray(prefix, form),
            Some(work) if work.sent.is_some() => self.demand_resync(now),
            Some(work) if work.held == Some(form) => {}
            Some(_) => {
                self.set_held(prefix, Some(form));
                self.works.enqueue(prefix);
            }
        }
    }

    fn route_gone(&mut self, now: Time, route: &Route, meddled: bool) {
        let prefix = route.destination;
        self.unborrow(route);
        let Some(form) = self.form_of(route) else {
            self.forget_shadow(route);
            if is_at_our_rank(self.mode, route) && self.foreign.remove(&prefix) {
                self.works.enqueue(prefix);
            }
            return;
        };
        self.objects.release(form.object);
        let mut lost = false;
        if let Some(row) = self.rows.get(prefix).filter(|row| row.form == form) {
            self.unsettle(prefix, !row.stray);
            lost = true;
        } else if let Some(work) = self.works.get(prefix) {
            if work.sent.is_some() {
                self.demand_resync(now);
            } else if work.held == Some(form) {
                self.works.enqueue(prefix);
                lost = true;
            }
        }
        if lost && let Some(work) = self.works.get_mut(prefix) {
            work.shaken = true;
        }
        if lost && meddled {
            self.statistics.meddled += 1;
            self.fight(now, prefix);
        } else if lost {
            self.statistics.lost += 1;
        }
    }

    /// Somebody deleted a route of ours. It is put back, but less and less often.
    fn fight(&mut self, now: Time, prefix: Prefix) {
        let fight = self.fights.entry(prefix).or_insert((0, Time::ZERO));
        let delay = count_fight(fight, now);
        let count = fight.0;
        if !delay.is_zero()
            && let Some(work) = self.works.get_mut(prefix)
            && work.wanted.is_some()
        {
            work.queued = false;
            let text = format!("someone deleted the route {count} times in a row");
            work.failure = Some(Box::new(Failure { errno: 0, text }));
            self.works.retry_at(prefix, now + delay);
        }
    }

    /// A route of someone else goes through an object of ours.
    pub(crate) fn borrow(&mut self, route: &Route) {
        if let Some(index) = route.nexthop.and_then(ownership::index)
            && let Some(object) = self.objects.get_mut(index)
            && self.borrowed.insert(key(route), index).is_none()
        {
            object.foreign_users += 1;
            if object.presence == Presence::Doubtful {
                // It is there after all, and cannot be deleted any more.
                object.presence = Presence::Altered;
                self.objects.doubtful.remove(&index);
                self.objects.touch(index);
            }
        }
    }

    fn unborrow(&mut self, route: &Route) {
        if !self.borrowed.is_empty()
            && let Some(index) = self.borrowed.remove(&key(route))
            && let Some(object) = self.objects.get_mut(index)
        {
            object.foreign_users = object.foreign_users.saturating_sub(1);
            self.objects.touch(index);
        }
    }

    /// The routes of someone else through an object went with it.
    fn unborrow_all(&mut self, index: Index) {
        if let Some(object) = self.objects.get_mut(index)
            && std::mem::take(&mut object.foreign_users) > 0
        {
            self.borrowed.retain(|_, &mut through| through != index);
        }
    }

    /// The form of a route of ours, with one more reference to its object; `None` if it is not ours.
    pub(crate) fn form_of(&mut self, route: &Route) -> Option<Form> {
        if !is_our_route(self.mode, route) {
            return None;
        }
        let kind = match route.kind {
            RTN_UNICAST => RouteKind::Unicast,
            RTN_BLACKHOLE => RouteKind::Blackhole,
            RTN_UNREACHABLE => RouteKind::Unreachable,
            RTN_PROHIBIT => RouteKind::Prohibit,
            _ => return None,
        };
        let object = match route.nexthop {
            Some(id) => {
                let index = ownership::index(id)?;
                self.objects.get(index)?;
                self.objects.retain(index);
                index
            }
            None => self.inline_object(route, kind),
        };
        Some(Form {
            object,
            protocol: route.protocol,
            kind,
        })
    }

    fn inline_object(&mut self, route: &Route, kind: RouteKind) -> Index {
        let family = Family::of(route.destination);
        match kind {
            RouteKind::Blackhole => self.objects.acquire(Single::Blackhole(family)),
            RouteKind::Unreachable | RouteKind::Prohibit => self.objects.acquire(Single::Hop {
                family,
                interface: self.loopback,
                gateway: None,
                onlink: false,
            }),
            RouteKind::Unicast => {
                // Which set the next hops stand for only our own records tell.
                let prefix = route.destination;
                let work = self.works.get(prefix);
                let mut known: SmallVec<[Form; 3]> =
                    self.rows.get(prefix).map(|row| row.form).into_iter().collect();
                known.extend(work.and_then(|work| work.held));
                known.extend(work.and_then(|work| work.wanted));
                for form in known {
                    if form.kind == RouteKind::Unicast
                        && self.objects.has_next_hops(form.object, &route.next_hops)
                    {
                        self.objects.retain(form.object);
                        return form.object;
                    }
                }
                let hops: SmallVec<[NextHop; 1]> = route
                    .next_hops
                    .iter()
                    .map(|hop| NextHop {
                        interface: hop.interface.unwrap_or(InterfaceIndex(0)),
                        gateway: hop.gateway,
                        weight: hop.weight,
                        onlink: hop.flags.contains(RouteNextHopFlags::ONLINK),
                    })
                    .collect();
                self.objects.acquire_inline(family, &hops)
            }
        }
    }

    /// Those members that were not lost while the group was on its way.
    pub(crate) fn still_ready(&self, members: &Members) -> Members {
        let ready = |index: Index| {
            self.objects
                .get(index)
                .is_some_and(crate::object::Object::is_ready)
        };
        members
            .iter()
            .filter(|(member, _)| ready(*member))
            .copied()
            .collect()
    }
}

const fn key(route: &Route) -> (u32, Prefix, u32, u8) {
    (route.table, route.destination, route.priority, route.tos)
}
