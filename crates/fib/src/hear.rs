//! What the kernel says by itself: links, objects and routes that others change, and what goes with a link in silence.

use std::collections::BTreeMap;

use smallvec::SmallVec;
use waypost_netlink::constants::{AF_UNSPEC, NLM_F_REPLACE};
use waypost_netlink::{Body, Link, LinkFlags, Message, Nexthop, Route, RouteNextHopFlags};
use waypost_rtm::Family;
use waypost_types::{InterfaceIndex, NextHop, Prefix, RouteKind, Time};

use crate::fib::Fib;
use crate::object::{Index, Loss, Members, Presence, Sent as ObjectSent, Single};
use crate::ownership::{self, Mode, is_at_our_rank, is_our_object, is_our_route};
use crate::report::Failure;
use crate::rows::{Form, Row};
use crate::work::{Retry, Sent, count_fight};

/// Whether the kernel keeps what goes out of the link. It flushes it when the link is down or lost its carrier, which
/// for it means neither running nor a signal from below.
pub(crate) fn is_alive(link: &Link) -> bool {
    link.flags.contains(LinkFlags::UP) && link.flags.intersects(LinkFlags::RUNNING | LinkFlags::LOWER_UP)
}

impl Fib {
    /// Takes in a notification. Those of the caller's own requests, which bear the port of its socket, must be left out.
    pub fn hear(&mut self, now: Time, message: &Message) {
        self.now = now;
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
            // Objects are used in one mode only; the other leaves them to whoever made them.
            Body::NewNexthop(_) | Body::DelNexthop(_) if self.mode == Mode::Inline => {}
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
            let (altered, lost) = self
                .objects
                .on_interface(interface)
                .into_iter()
                .partition::<Vec<Index>, _>(|&index| self.objects.is_altered(index));
            self.objects_lost(now, &lost, Loss::Silent);
            if !altered.is_empty() {
                // Somebody may have moved them to another interface. Those that were being put right are lost if they
                // were; if the kernel refused it, because the link was down already, they are as they were.
                for index in altered {
                    if let Some(object) = self.objects.get_mut(index).filter(|object| object.sent.is_some()) {
                        object.disturbed = object.disturbed.max(Some(Loss::Told));
                    }
                }
                self.demand_resync(now);
            }
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

    /// Objects are gone, or may be, and their routes and memberships with them.
    pub(crate) fn objects_lost(&mut self, now: Time, indexes: &[Index], loss: Loss) {
        let mut lost: BTreeMap<Index, Loss> = BTreeMap::new();
        let mut open: Vec<(Index, Loss)> = indexes.iter().map(|&index| (index, loss)).collect();
        while let Some((index, loss)) = open.pop() {
            let Some(object) = self.objects.get_mut(index) else {
                continue;
            };
            if lost.contains_key(&index) || (object.presence == Presence::Absent && object.sent.is_none()) {
                continue;
            }
            // What went with its link is deleted whatever else is said about it, and then that is how it is known.
            let doubtful = object.presence == Presence::Doubtful;
            let loss = if doubtful { Loss::Silent } else { loss };
            lost.insert(index, loss);
            if object.sent.is_some() {
                object.disturbed = object.disturbed.max(Some(loss));
            }
            match loss {
                Loss::Told => object.presence = Presence::Shaken,
                Loss::Silent => {
                    self.objects.doubt(index);
                    self.objects.set_held_members(index, &Members::new());
                }
            }
            self.unborrow_all(index);
            for group in self.objects.groups_of(index) {
                self.member_lost(group, index, loss, &mut open);
            }
        }
        if lost
            .keys()
            .any(|&index| self.objects.get(index).is_some_and(|object| object.users > 0))
        {
            self.routes_lost(now, &lost);
        }
        for index in lost.into_keys() {
            if let Some(object) = self.objects.get_mut(index) {
                if std::mem::take(&mut object.stray) {
                    self.objects.forget_stray_group(index);
                }
                self.objects.touch(index);
            }
        }
    }

    /// A member of a group is gone, or may be. With its last member the group goes as well: it is put to what is `open`.
    fn member_lost(&mut self, group: Index, member: Index, loss: Loss, open: &mut Vec<(Index, Loss)>) {
        let Some(object) = self.objects.get_mut(group) else {
            return;
        };
        let mut left = object.held_members.clone();
        left.retain(|(held, _)| *held != member);
        if left.len() == object.held_members.len() {
            return;
        }
        // What is on its way to the kernel may have found the group there still, and given it others.
        let renewed = matches!(&object.sent, Some(ObjectSent::Make(members))
            if members.iter().any(|(sent, _)| *sent != member));
        if left.is_empty() {
            open.push((group, if renewed { Loss::Told } else { loss }));
        } else if loss == Loss::Told {
            // It has the member or not. The members it may have are kept until it is written anew.
            if object.presence == Presence::Present {
                object.presence = Presence::Altered;
            }
            self.objects.touch(group);
        } else {
            self.objects.set_held_members(group, &left);
            self.objects.touch(group);
        }
    }

    /// The routes of these objects went with them, or may have.
    pub(crate) fn routes_lost(&mut self, now: Time, lost: &BTreeMap<Index, Loss>) {
        let loss = |form: Option<Form>| form.and_then(|form| lost.get(&form.object).copied());
        let sent = |sent: Option<Sent>| match sent {
            Some(Sent::Set(form)) => loss(Some(form)),
            _ => None,
        };
        for prefix in self.rows.select(|row| loss(Some(row.form)).is_some()) {
            let Some(row) = self.rows.get(prefix) else {
                continue;
            };
            self.statistics.lost += 1;
            match loss(Some(row.form)) {
                Some(Loss::Told) if row.stray => {
                    // It cannot be adopted any more. If it is there after all, it is found again.
                    self.unsettle(prefix, false);
                    self.demand_resync(now);
                }
                Some(Loss::Told) => {
                    self.unsettle(prefix, true);
                    self.shake(prefix);
                }
                _ => self.unsettle(prefix, false),
            }
        }
        for prefix in self
            .works
            .select(|work| loss(work.held).is_some() || sent(work.sent).is_some())
        {
            let Some(work) = self.works.get_mut(prefix) else {
                continue;
            };
            work.disturbed = work.disturbed.max(sent(work.sent));
            match loss(work.held) {
                Some(Loss::Told) => {
                    self.statistics.lost += u64::from(!work.shaken);
                    work.shaken = true;
                }
                Some(Loss::Silent) => {
                    self.statistics.lost += 1;
                    self.set_held(prefix, None);
                }
                None => {}
            }
            self.works.enqueue(prefix);
        }
    }

    /// It is not certain any more what the kernel has for an unsettled destination.
    pub(crate) fn shake(&mut self, prefix: Prefix) {
        if let Some(work) = self.works.get_mut(prefix) {
            work.shaken = work.held.is_some();
        }
    }

    /// How members that were lost all together were lost.
    pub(crate) fn loss_of(&self, members: &Members) -> Loss {
        let doubtful = |index: Index| {
            self.objects
                .get(index)
                .is_some_and(|object| object.presence == Presence::Doubtful)
        };
        if members.iter().any(|&(member, _)| doubtful(member)) {
            Loss::Silent
        } else {
            Loss::Told
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
                // Which of the two the kernel has only the kernel can tell.
                self.demand_resync(now);
            }
            Some(_) if is_our_object(nexthop) => {
                if !self.objects.read(nexthop) {
                    self.statistics.meddled += 1;
                }
                // Our last request may have come after it: it is written anew even if it is right.
                self.objects.set_altered(index);
            }
            Some(_) => {
                self.objects.set_altered(index);
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
        self.objects_lost(now, &[index], Loss::Told);
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
        if (self.mode == Mode::Inline || !is_our_route(self.mode, route)) && self.borrow(route) {
            self.demand_resync(now);
        }
        self.note_shadow(route);
        if !is_at_our_rank(self.mode, route) {
            return;
        }
        if !self.is_taken(route) {
            // What it replaced went with it, unless our last request came after it.
            if replaced {
                self.unsettle(prefix, true);
                self.shake(prefix);
                self.works.enqueue(prefix);
            }
            return;
        }
        self.foreign.insert(prefix);
        if !replaced {
            return;
        }
        // It took the place of ours, unless our last request came after it.
        self.demand_resync(now);
        if self.rows.get(prefix).is_some() {
            self.statistics.meddled += 1;
            self.unsettle(prefix, false);
        } else if let Some(work) = self.works.get(prefix)
            && work.sent.is_none()
            && work.held.is_some()
        {
            self.set_held(prefix, None);
            self.works.enqueue(prefix);
        }
    }

    /// Whether someone else's route has the place of ours. One that bears our mark but names an object that is not there is
    /// gone: it went with the object, which we deleted or are about to.
    pub(crate) fn is_taken(&self, route: &Route) -> bool {
        let named = route.nexthop.and_then(ownership::index);
        let marked = self.mode == Mode::Objects && is_our_route(self.mode, route);
        is_at_our_rank(self.mode, route)
            && !(marked && named.is_some_and(|index| !self.objects.is_taken(index)))
    }

    /// A route of ours was seen in the kernel.
    fn found(&mut self, now: Time, prefix: Prefix, form: Form) {
        let object = self.objects.get(form.object);
        if object.is_some_and(|object| object.sent.is_some() || object.presence == Presence::Shaken) {
            // Whether it is still there depends on what came first, it or what became of its object.
            self.demand_resync(now);
        }
        if let Some(row) = self.rows.get(prefix) {
            if row.form != form {
                self.statistics.meddled += 1;
                self.resync_before_all(now);
                self.unsettle(prefix, true);
                self.shake(prefix);
            }
            return;
        }
        match self.works.get(prefix) {
            None => {
                self.add_stray(prefix, form);
                // We may have deleted it since.
                self.demand_resync(now);
            }
            Some(work) if work.sent.is_some() => self.demand_resync(now),
            Some(work) if work.held == Some(form) => {}
            Some(work) => {
                if work.held.is_none() {
                    self.set_held(prefix, Some(form));
                }
                self.resync_before_all(now);
                self.shake(prefix);
                self.works.enqueue(prefix);
            }
        }
    }

    /// Somebody put one that looks like ours in the place of ours, or our last request did the opposite. Which object it
    /// goes through now, and must stay, only the kernel can tell, and nothing is done before it was asked.
    const fn resync_before_all(&mut self, now: Time) {
        self.resync = Some(now);
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
        // The kernel deletes the next hops of an IPv6 route one by one if it is asked to.
        let in_part = |row: &Row| self.mode == Mode::Inline && !row.stray && matches!(prefix, Prefix::V6(_));
        if let Some(row) = self
            .rows
            .get(prefix)
            .filter(|row| row.form == form || in_part(row))
        {
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

    /// A route of someone else goes through an object of ours. Whether that shows that the object is there although it was
    /// taken for lost; its routes may be there too then.
    pub(crate) fn borrow(&mut self, route: &Route) -> bool {
        if self.mode == Mode::Inline {
            self.spare(route);
            return false;
        }
        if let Some(index) = route.nexthop.and_then(ownership::index)
            && let Some(object) = self.objects.get_mut(index)
            && self.borrowed.insert(key(route), index).is_none()
        {
            object.foreign_users += 1;
            if object.presence == Presence::Doubtful {
                // It is there after all, and cannot be deleted any more.
                self.objects.set_altered(index);
                return true;
            }
        }
        false
    }

    /// An object that the sweep would delete stays if someone else's route goes through it.
    fn spare(&mut self, route: &Route) {
        if let Some(id) = route.nexthop
            && !is_our_route(Mode::Objects, route)
            && let Some(members) = self.superseded.remove(&id)
        {
            for member in members {
                self.superseded.remove(&member);
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
        let kind = ownership::kind_of(route)?;
        let object = match route.nexthop {
            Some(id) => {
                let index = ownership::index(id)?;
                self.objects
                    .get(index)
                    .filter(|object| object.can_have_routes())?;
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
            RouteKind::Unreachable | RouteKind::Prohibit => self.objects.acquire(Single::Reject {
                family,
                kind,
                interface: self.loopback,
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
