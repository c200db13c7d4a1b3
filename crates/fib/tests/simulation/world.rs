//! The routing table's side and the operations; what must hold after each, and in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use waypost_fib::{
    BatchId, FIRST_ID, Fib, Installation, LAST_ID, Mode, RTPROT_WAYPOST, Refused, Token, kernel_protocol,
};
use waypost_netlink::constants::{NLM_F_REPLACE, RTN_BLACKHOLE, RTN_PROHIBIT, RTN_UNICAST, RTPROT_UNSPEC};
use waypost_netlink::{Batch, Body, NexthopId, Route, RouteNextHop};
use waypost_rtm::{Forwarding, ForwardingChange, NextHopSetChange, NextHopSetId};
use waypost_types::{InterfaceIndex, NextHop, NextHops, Prefix, ProtocolId, RouteKind, Seed, Time};

use crate::kernel::{HAND, Kernel, is_v6};

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Want(u8, u8, u8),
    Unwant(u8),
    /// One batch there and back.
    Step,
    /// One batch there, its results stay under way.
    Send,
    Complete,
    /// All notifications are read.
    Deliver,
    Link(u32, bool, bool),
    HandDeletesRoute(u8),
    HandDeletesObject(u8),
    HandChangesObject(u8),
    /// One of our protocol, in our range of ids.
    HandMakesObject(u8),
    /// By one that is ours as far as anybody can tell; added if there is none.
    HandReplacesRoute(u8, u8),
    /// At our priority or not; replacing or not.
    HandAddsRoute(u8, bool, bool),
    HandBorrows(u8),
    HandRemovesForeign(u8),
    /// Milliseconds.
    Wait(u32),
    /// Notifications are lost.
    Overrun,
    /// The results of a batch are lost.
    Lose,
    Restart,
    Sweep,
}

type Wanted = (ProtocolId, RouteKind, Option<usize>);

pub(crate) struct World {
    kernel: Kernel,
    fib: Fib,
    wanted: BTreeMap<Prefix, Wanted>,
    /// What the machine was told of links.
    told: BTreeMap<u32, bool>,
    in_flight: Option<(BatchId, Vec<Refused>)>,
    now: Time,
    swept: bool,
    /// A link came up while news were unread.
    flapped: bool,
    /// Routes that somebody replaced, of which no news was read: nobody knows yet what they go through.
    replaced: BTreeSet<Prefix>,
    life: u32,
    batch: Batch<Token>,
}

fn prefix(number: u8) -> Prefix {
    if number >= 10 {
        format!("2001:db8:{number}::/48").parse().unwrap()
    } else {
        format!("10.{number}.0.0/16").parse().unwrap()
    }
}

/// The sets of next hops: (interface, last octet of the gateway).
const SETS: [&[(u32, u8)]; 7] = [
    &[(2, 1)],
    &[(3, 1)],
    &[(2, 0)],
    &[(2, 1), (3, 1)],
    &[(2, 1), (2, 2), (4, 1)],
    &[(3, 0), (4, 0)],
    &[(4, 9), (3, 1)],
];

fn hops(set: usize, v6: bool) -> NextHops {
    let hop = |&(interface, last): &(u32, u8)| {
        let link = InterfaceIndex(interface);
        match (last, v6) {
            (0, _) => NextHop::on(link),
            (_, true) => NextHop::via(format!("fe80::{last}").parse().unwrap(), link),
            (_, false) => NextHop::via(format!("192.0.{interface}.{last}").parse().unwrap(), link),
        }
    };
    SETS[set].iter().map(hop).collect()
}

impl World {
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            kernel: Kernel::new(mode),
            fib: Fib::new(mode, Seed(1)),
            wanted: BTreeMap::new(),
            told: BTreeMap::new(),
            in_flight: None,
            now: Time::from_secs(100),
            swept: false,
            flapped: false,
            replaced: BTreeSet::new(),
            life: 0,
            batch: Batch::new(waypost_netlink::Acknowledge::Last, 5),
        }
    }

    pub(crate) fn run(mut self, ops: &[Op]) {
        for op in ops {
            self.apply(op);
        }
        self.quiesce();
        self.check();
    }

    fn usable(&self, prefix: Prefix, set: usize) -> NextHops {
        let alive = |hop: &NextHop| self.told.get(&hop.interface.0).copied().unwrap_or(true);
        hops(set, is_v6(prefix)).into_iter().filter(alive).collect()
    }

    fn set_id(&self, set: usize, v6: bool) -> NextHopSetId {
        NextHopSetId {
            index: (set * 2 + usize::from(v6)) as u32,
            generation: self.life,
        }
    }

    fn tell(&mut self, prefix: Prefix) {
        let forwarding = self.wanted.get(&prefix).and_then(|&(owner, kind, set)| {
            let next_hops = set.map_or_else(NextHops::new, |set| self.usable(prefix, set));
            if set.is_some() && next_hops.is_empty() {
                return None;
            }
            Some(Forwarding {
                kind,
                owner,
                preference: 1,
                metric: 1,
                set: set.map(|set| self.set_id(set, is_v6(prefix))),
                can_change: set.is_some_and(|set| SETS[set].len() > 1),
                next_hops,
            })
        });
        self.fib.want(&ForwardingChange {
            generation: 0,
            prefix,
            forwarding,
        });
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Want(number, set, owner) => {
                let owner = [ProtocolId::RIP, ProtocolId::STATIC, ProtocolId::LOCAL][usize::from(owner)];
                let wanted = match set {
                    7 => (owner, RouteKind::Blackhole, None),
                    8 => (owner, RouteKind::Prohibit, None),
                    set => (owner, RouteKind::Unicast, Some(usize::from(set))),
                };
                self.wanted.insert(prefix(number), wanted);
                self.tell(prefix(number));
            }
            Op::Unwant(number) => {
                self.wanted.remove(&prefix(number));
                self.tell(prefix(number));
            }
            Op::Step => {
                self.apply(&Op::Send);
                self.apply(&Op::Complete);
            }
            Op::Send => self.send(),
            Op::Complete => {
                if let Some((id, refused)) = self.in_flight.take() {
                    self.fib.completed(self.now, id, refused);
                }
            }
            Op::Lose => {
                if self.in_flight.take().is_some() {
                    self.fib.batch_lost(self.now);
                }
            }
            Op::Deliver => self.deliver(),
            Op::Link(index, up, carrier) => {
                self.flapped |= up && carrier && !self.kernel.news.is_empty();
                self.kernel.set_link(index, up, carrier);
            }
            Op::HandDeletesRoute(number) => {
                let priority = self.kernel.mode.priority();
                if let Some(route) = self.kernel.main_route(prefix(number), priority).cloned() {
                    self.kernel.routes.retain(|other| *other != route);
                    self.kernel.tell(HAND, 0, Body::DelRoute(route));
                }
            }
            Op::HandDeletesObject(number) => {
                let id = FIRST_ID + u32::from(number);
                let borrowed =
                    |route: &Route| route.nexthop == Some(NexthopId(id)) && route.protocol == RTPROT_UNSPEC;
                if !self.kernel.routes.iter().any(borrowed) {
                    self.kernel.remove_object(id, Some(HAND));
                }
            }
            Op::HandChangesObject(number) => self.kernel.change_object(FIRST_ID + u32::from(number)),
            Op::HandMakesObject(number) => self.kernel.add_object(FIRST_ID + u32::from(number)),
            Op::HandReplacesRoute(number, object) => self.replace_route(prefix(number), object),
            Op::HandAddsRoute(number, at_our_rank, replace) => {
                self.add_foreign(prefix(number), at_our_rank, replace);
            }
            Op::HandBorrows(number) => {
                let object = self.kernel.objects.keys().nth(usize::from(number)).copied();
                let mut route = Route::new(format!("172.16.{number}.0/24").parse().unwrap());
                let there = self.kernel.main_route(route.destination, 0).is_some();
                if let Some(id) = object.filter(|_| !there) {
                    route.nexthop = Some(NexthopId(id));
                    self.kernel.routes.push(route.clone());
                    self.kernel.tell(HAND, 0, Body::NewRoute(route));
                    // The kernel and the machine race here; what is asked is that it holds from the news on.
                    self.apply(&Op::Complete);
                    self.deliver();
                }
            }
            Op::HandRemovesForeign(number) => {
                let foreign = |route: &&Route| {
                    route.protocol == RTPROT_UNSPEC
                        && (route.destination == prefix(number)
                            || route.destination == format!("172.16.{number}.0/24").parse().unwrap())
                };
                if let Some(route) = self.kernel.routes.iter().find(foreign).cloned() {
                    self.kernel.routes.retain(|other| *other != route);
                    self.kernel.tell(HAND, 0, Body::DelRoute(route));
                }
            }
            Op::Wait(milliseconds) => {
                self.now += Duration::from_millis(milliseconds.into());
                self.fib.expire(self.now);
            }
            Op::Overrun => {
                // Links are read by everybody anew after an overrun.
                self.kernel.news.clear();
                self.fib.overrun(self.now);
                self.resync();
            }
            Op::Restart => {
                self.kernel.news.clear();
                self.in_flight = None;
                self.life += 1;
                self.swept = false;
                self.fib = Fib::new(self.kernel.mode, Seed(1));
                self.resync();
                let all: Vec<Prefix> = self.wanted.keys().copied().collect();
                all.into_iter().for_each(|prefix| self.tell(prefix));
            }
            Op::Sweep => {
                self.swept = true;
                self.fib.sweep_strays();
            }
        }
    }

    fn replace_route(&mut self, destination: Prefix, object: u8) {
        let priority = self.kernel.mode.priority();
        let mut route = Route::new(destination);
        route.priority = priority;
        route.protocol = kernel_protocol(ProtocolId::RIP);
        match self.kernel.mode {
            Mode::Objects => {
                let id = self.kernel.objects.keys().nth(usize::from(object)).copied();
                let Some(id) = id else { return };
                route.nexthop = Some(NexthopId(id));
            }
            Mode::Inline => {
                let hop = NextHop::on(InterfaceIndex(2 + u32::from(object) % 3));
                if !self.kernel.links[&hop.interface.0].0 {
                    return;
                }
                route.next_hops.push(RouteNextHop::from(hop));
            }
        }
        let old = self.kernel.main_route(destination, priority).cloned();
        if old.as_ref().is_some_and(|old| old.protocol == RTPROT_UNSPEC) {
            return;
        }
        self.kernel.routes.retain(|other| Some(other) != old.as_ref());
        self.kernel.routes.push(route.clone());
        let flags = if old.is_some() { NLM_F_REPLACE } else { 0 };
        self.kernel.tell(HAND, flags, Body::NewRoute(route));
        self.replaced.insert(destination);
    }

    fn add_foreign(&mut self, destination: Prefix, at_our_rank: bool, replace: bool) {
        let mut route = Route::new(destination);
        route.protocol = RTPROT_UNSPEC;
        route.priority = if at_our_rank {
            self.kernel.mode.priority()
        } else {
            7
        };
        route
            .next_hops
            .push(RouteNextHop::from(NextHop::on(InterfaceIndex(1))));
        match self.kernel.main_route(destination, route.priority).cloned() {
            None => self.kernel.routes.push(route.clone()),
            Some(old) if replace => {
                self.kernel.routes.retain(|other| *other != old);
                self.kernel.routes.push(route.clone());
            }
            Some(_) => return,
        }
        let flags = if replace { NLM_F_REPLACE } else { 0 };
        self.kernel.tell(HAND, flags, Body::NewRoute(route));
        // Until the news is read nobody can know, and the kernel replaces by priority alone.
        if at_our_rank {
            self.apply(&Op::Complete);
            self.deliver();
        }
    }

    /// The interfaces' state reaches the routing table together with the machine.
    fn links_told(&mut self, index: u32, alive: bool) {
        if self.told.insert(index, alive) == Some(alive) {
            return;
        }
        for set in 0..SETS.len() {
            for v6 in [false, true] {
                let of_family: Prefix = prefix(if v6 { 11 } else { 0 });
                let next_hops = self.usable(of_family, set);
                self.fib.set_changed(&NextHopSetChange {
                    generation: 0,
                    set: self.set_id(set, v6),
                    next_hops,
                });
            }
        }
        let all: Vec<Prefix> = self.wanted.keys().copied().collect();
        all.into_iter().for_each(|prefix| self.tell(prefix));
    }

    fn deliver(&mut self) {
        self.replaced.clear();
        while let Some(message) = self.kernel.news.pop_front() {
            self.fib.hear(self.now, &message);
            if let Body::NewLink(link) = &message.body {
                let alive = link.is_operational();
                self.links_told(link.index.0, alive);
            }
        }
        self.resync();
    }

    fn resync(&mut self) {
        if !self.fib.needs_resync() {
            return;
        }
        self.in_flight = None;
        self.kernel.news.clear();
        self.replaced.clear();
        let indexes: Vec<u32> = self.kernel.links.keys().copied().collect();
        let links: Vec<_> = indexes.iter().map(|&index| self.kernel.link(index)).collect();
        let objects: Vec<_> = self.kernel.objects.values().cloned().collect();
        self.fib.resync_begin(self.now, &links, &objects);
        for route in &self.kernel.routes {
            self.fib.resync_route(route);
        }
        self.fib.resync_end(self.now, true);
        for index in indexes {
            let alive = self.kernel.alive(index);
            self.links_told(index, alive);
        }
    }

    /// Whether the kernel's route is just what the machine was told to have there.
    fn is_right(&self, route: &Route) -> bool {
        let Some(&(owner, kind, set)) = self.wanted.get(&route.destination) else {
            return false;
        };
        if owner == ProtocolId::LOCAL || kernel_protocol(owner) != route.protocol {
            return false;
        }
        let kernel_kind = match kind {
            RouteKind::Unicast => RTN_UNICAST,
            RouteKind::Blackhole => RTN_BLACKHOLE,
            _ => RTN_PROHIBIT,
        };
        if route.kind != kernel_kind {
            return false;
        }
        let Some(set) = set else { return true };
        let mut wanted: Vec<_> = self
            .usable(route.destination, set)
            .iter()
            .map(|hop| (hop.interface.0, hop.gateway))
            .collect();
        wanted.sort_unstable();
        !wanted.is_empty() && self.kernel.resolve(route) == wanted
    }

    fn send(&mut self) {
        self.resync();
        if self.in_flight.is_some() {
            return;
        }
        let mut batch = std::mem::take(&mut self.batch);
        if let Some(id) = self.fib.next_batch(self.now, &mut batch) {
            let priority = self.kernel.mode.priority();
            let right: Vec<Prefix> = self
                .kernel
                .routes
                .iter()
                .filter(|route| route.priority == priority && self.is_right(route))
                .map(|route| route.destination)
                .filter(|destination| !self.replaced.contains(destination))
                .collect();
            let refused = self.kernel.execute(&batch, &mut |old| {
                assert_ne!(old.protocol, RTPROT_UNSPEC, "touches someone else's {old:?}");
            });
            // A route that was right is there after the batch as well: never deleted to be added again. The one
            // exception is a link that came back before the news of its loss was read.
            if !self.flapped {
                for prefix in right {
                    assert!(
                        self.kernel.main_route(prefix, priority).is_some(),
                        "a gap for {prefix}"
                    );
                }
            }
            self.in_flight = Some((id, refused));
        }
        self.batch = batch;
    }

    fn quiesce(&mut self) {
        self.apply(&Op::Sweep);
        for _ in 0..20 {
            self.deliver();
            self.now += Duration::from_secs(61);
            self.fib.expire(self.now);
            for _ in 0..200 {
                self.apply(&Op::Step);
                if self.fib.is_settled() {
                    break;
                }
            }
        }
    }

    fn check(&self) {
        assert!(self.fib.is_settled(), "still busy");
        let priority = self.kernel.mode.priority();
        for number in 0..12 {
            let destination = prefix(number);
            let held = self.kernel.main_route(destination, priority);
            let wanted = self.wanted.get(&destination).is_some_and(|&(owner, _, set)| {
                owner != ProtocolId::LOCAL && set.is_none_or(|set| !self.usable(destination, set).is_empty())
            });
            let installation = self.fib.installation(destination);
            match held {
                Some(route) if route.protocol == RTPROT_UNSPEC => match installation {
                    Some(Installation::Failed { failure, .. }) => assert_eq!(failure.errno, 17),
                    other => assert!(!wanted && other.is_none(), "{destination}: {other:?}"),
                },
                Some(route) => {
                    assert!(wanted && self.is_right(route), "{destination} is {route:?}");
                    assert_eq!(installation, Some(Installation::Installed));
                }
                None => assert!(
                    !wanted && installation.is_none(),
                    "{destination} {wanted}: {installation:?}"
                ),
            }
        }
        // No object is left that no route uses, or would use were it not for someone else's.
        let failed = |number| {
            matches!(
                self.fib.installation(prefix(number)),
                Some(Installation::Failed { .. })
            )
        };
        // Nor one that someone else's route holds on to, with its members.
        let borrows = |route: &Route| route.protocol == RTPROT_UNSPEC && route.nexthop.is_some();
        if (0..12).any(failed) || self.kernel.routes.iter().any(borrows) {
            return;
        }
        for object in self
            .kernel
            .objects
            .values()
            .filter(|o| (FIRST_ID..=LAST_ID).contains(&o.id.0))
        {
            assert_eq!(object.protocol, RTPROT_WAYPOST);
            let used_by = |route: &Route| route.nexthop == Some(object.id);
            let in_group = self.kernel.objects.values().any(|group| {
                matches!(&group.kind, waypost_netlink::NexthopKind::Group { members, .. }
                    if members.iter().any(|member| member.id == object.id))
            });
            assert!(
                in_group || self.kernel.routes.iter().any(used_by),
                "{object:?} is left over"
            );
        }
    }
}
