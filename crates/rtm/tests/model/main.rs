//! Random operations on the table and on a naive model of it: best routes, forwarding, journal, counts and memory.

// Only test code here, though clippy takes it for a program.
#![allow(clippy::unwrap_used)]

mod naive;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use waypost_rtm::{
    Candidate, EntityConfig, Family, Forwarding, NextHopSetId, Rtm, Standing, SubscriberConfig, SubscriberId,
    SubscriberKind,
};
use waypost_types::{
    BestRoute, InterfaceIndex, MAX_NEXT_HOPS, NextHop, NextHops, PathId, Prefix, ProtocolId, Route,
    RouteChange, RouteKind, Seed, Time,
};

use naive::{Model, ModelEntity};

const PROTOCOLS: [ProtocolId; 3] = [ProtocolId::RIP, ProtocolId::OSPF, ProtocolId::STATIC];
const PREFIXES: [&str; 8] = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.0.0.0/16",
    "10.0.0.0/24",
    "10.128.0.0/9",
    "10.0.0.1/32",
    "2001:db8::/32",
    "2001:db8:1::/48",
];
const LIMIT: u32 = 5;

/// Of recursive next hops: each under other prefixes.
const GATEWAYS: [&str; 6] = [
    "10.0.0.1",
    "10.0.0.2",
    "10.0.1.1",
    "10.200.0.1",
    "172.16.0.1",
    "2001:db8:1::1",
];

fn prefix(index: usize) -> Prefix {
    PREFIXES[index].parse().unwrap()
}

#[derive(Clone, Debug)]
enum Op {
    Register {
        protocol: usize,
        merge: bool,
        limited: bool,
        v4_only: bool,
    },
    Apply {
        entity: usize,
        changes: Vec<RouteChange>,
    },
    Deregister(usize),
    MarkStale(usize),
    SweepStale(usize),
    Preference(usize, Option<u8>),
    Interface(u32, bool),
    Hold(usize, u64),
    Pass(u64),
    Drain(usize),
    Sweep(usize),
}

fn next_hops() -> impl Strategy<Value = NextHops> {
    let recursive = || {
        (prop::sample::select(&GATEWAYS[..]), 1..4_u16).prop_map(|(gateway, weight)| NextHop {
            weight,
            ..NextHop::recursive(gateway.parse().unwrap())
        })
    };
    let next_hop = |gateways| {
        (1..4_u32, 0..gateways, 1..3_u16).prop_map(|(interface, last, weight)| NextHop {
            interface: InterfaceIndex(interface),
            gateway: (last > 0).then(|| IpAddr::from([192, 0, 2, last])),
            weight,
            onlink: false,
        })
    };
    prop_oneof![
        5 => prop::collection::vec(next_hop(3_u8), 0..4),
        3 => prop::collection::vec(recursive(), 1..3),
        1 => prop::collection::vec(prop_oneof![recursive(), next_hop(3_u8)], 1..4),
        // Around what one route may have, so that two of them together have more.
        1 => prop::collection::vec(next_hop(9_u8), MAX_NEXT_HOPS - 6..MAX_NEXT_HOPS + 2),
    ]
    .prop_map(NextHops::from_vec)
}

fn route() -> impl Strategy<Value = Route> {
    let kind = prop_oneof![
        5 => Just(RouteKind::Unicast),
        1 => Just(RouteKind::Blackhole),
    ];
    let preference = prop_oneof![4 => Just(None), 1 => (0..4_u8).prop_map(Some)];
    (kind, next_hops(), 1..3_u32, 0..2_u32, preference).prop_map(|(kind, hops, metric, tag, preference)| {
        Route {
            kind,
            next_hops: if kind == RouteKind::Unicast {
                hops
            } else {
                NextHops::new()
            },
            metric,
            tag,
            preference,
        }
    })
}

fn change() -> impl Strategy<Value = RouteChange> {
    let place = (0..PREFIXES.len(), 0..3_u32).prop_map(|(index, path)| (prefix(index), PathId(path)));
    prop_oneof![
        3 => (place.clone(), route()).prop_map(|((prefix, path), route)| RouteChange::Set { prefix, path, route }),
        1 => place.prop_map(|(prefix, path)| RouteChange::Delete { prefix, path }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => (0..PROTOCOLS.len(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(protocol, merge, limited, v4_only)| Op::Register { protocol, merge, limited, v4_only }
        ),
        8 => (0..3_usize, prop::collection::vec(change(), 1..6))
            .prop_map(|(entity, changes)| Op::Apply { entity, changes }),
        1 => (0..3_usize).prop_map(Op::Deregister),
        1 => (0..3_usize).prop_map(Op::MarkStale),
        1 => (0..3_usize).prop_map(Op::SweepStale),
        1 => (0..PROTOCOLS.len(), prop::option::of(1..4_u8)).prop_map(|(p, value)| Op::Preference(p, value)),
        2 => (1..4_u32, any::<bool>()).prop_map(|(interface, usable)| Op::Interface(interface, usable)),
        1 => (0..PREFIXES.len(), 0..5_u64).prop_map(|(prefix, seconds)| Op::Hold(prefix, seconds)),
        1 => (1..4_u64).prop_map(Op::Pass),
        2 => (0..4_usize).prop_map(Op::Drain),
        2 => (1..5_usize).prop_map(Op::Sweep),
    ]
}

/// What subscribers know from their drains alone.
struct Mirrors {
    best: (SubscriberId, BTreeMap<Prefix, BestRoute>),
    rip: (SubscriberId, BTreeMap<Prefix, BestRoute>),
    all: (SubscriberId, BTreeMap<Prefix, Vec<Candidate>>),
    forwarding: (SubscriberId, BTreeMap<Prefix, Forwarding>),
    by_set: (
        SubscriberId,
        BTreeMap<Prefix, Forwarding>,
        BTreeMap<NextHopSetId, NextHops>,
    ),
    generation: u64,
}

fn store<T>(mirror: &mut BTreeMap<Prefix, T>, prefix: Prefix, value: Option<T>) {
    match value {
        Some(value) => mirror.insert(prefix, value),
        None => mirror.remove(&prefix),
    };
}

/// The candidates without what is not news: staleness, and how long a hold lasts.
fn comparable(rtm: &Rtm, prefix: Prefix) -> Option<Vec<Candidate>> {
    let mut candidates = rtm.candidates(prefix);
    for candidate in &mut candidates {
        candidate.stale = false;
        if let Standing::Held { .. } = candidate.standing {
            candidate.standing = Standing::Best;
        }
    }
    (!candidates.is_empty()).then_some(candidates)
}

impl Mirrors {
    fn new(rtm: &mut Rtm) -> Self {
        let mut subscribe = |kind, owners: Option<ProtocolId>, by_set| {
            let mut config = SubscriberConfig::new(kind);
            config.owners = owners.map(|owner| BTreeSet::from([owner]));
            config.by_set = by_set;
            rtm.subscribe(config).unwrap()
        };
        Self {
            best: (subscribe(SubscriberKind::Best, None, false), BTreeMap::new()),
            rip: (
                subscribe(SubscriberKind::Best, Some(ProtocolId::RIP), false),
                BTreeMap::new(),
            ),
            all: (subscribe(SubscriberKind::All, None, false), BTreeMap::new()),
            forwarding: (
                subscribe(SubscriberKind::Forwarding, None, false),
                BTreeMap::new(),
            ),
            by_set: (
                subscribe(SubscriberKind::Forwarding, None, true),
                BTreeMap::new(),
                BTreeMap::new(),
            ),
            generation: 0,
        }
    }

    fn newer(&mut self, generation: u64) -> Result<(), TestCaseError> {
        prop_assert!(generation > self.generation, "generations grow");
        self.generation = generation;
        Ok(())
    }

    fn drain(&mut self, rtm: &mut Rtm, max: usize) -> Result<(), TestCaseError> {
        for filtered in [false, true] {
            let id = if filtered { self.rip.0 } else { self.best.0 };
            let mut seen = BTreeSet::new();
            for change in rtm.drain(id, max).unwrap() {
                self.newer(change.generation)?;
                prop_assert!(
                    seen.insert(change.notice.prefix),
                    "a destination is told once a drain"
                );
                let mirror = if filtered {
                    &mut self.rip.1
                } else {
                    &mut self.best.1
                };
                store(mirror, change.notice.prefix, change.notice.best);
            }
        }
        for change in rtm.drain(self.all.0, max).unwrap() {
            let candidates = comparable(rtm, change.notice.prefix);
            store(&mut self.all.1, change.notice.prefix, candidates);
        }
        for change in rtm.drain_forwarding(self.forwarding.0, max).unwrap() {
            store(&mut self.forwarding.1, change.prefix, change.forwarding);
        }
        for change in rtm.drain_next_hop_sets(self.by_set.0, max).unwrap() {
            self.by_set.2.insert(change.set, change.next_hops);
        }
        for change in rtm.drain_forwarding(self.by_set.0, max).unwrap() {
            if let Some(Forwarding {
                set: Some(set),
                next_hops,
                ..
            }) = &change.forwarding
            {
                self.by_set.2.insert(*set, next_hops.clone());
            }
            store(&mut self.by_set.1, change.prefix, change.forwarding);
        }
        Ok(())
    }

    /// With everything drained the mirrors are what the table says.
    fn check(&mut self, rtm: &Rtm) -> Result<(), TestCaseError> {
        let page = rtm.page(None, usize::MAX);
        let held = |d: &waypost_rtm::Destination| d.held.is_some();
        let best: BTreeMap<_, _> = page
            .iter()
            .filter(|d| !held(d))
            .filter_map(|d| Some((d.prefix, d.best.clone()?)))
            .collect();
        prop_assert_eq!(&self.best.1, &best);
        let mut rip = best;
        rip.retain(|_, best| best.owner == ProtocolId::RIP);
        prop_assert_eq!(&self.rip.1, &rip);
        let forwarding: BTreeMap<_, _> = page
            .iter()
            .filter_map(|d| Some((d.prefix, d.forwarding.clone()?)))
            .collect();
        prop_assert_eq!(&self.forwarding.1, &forwarding);
        let mut by_set = self.by_set.1.clone();
        for forwarding in by_set.values_mut() {
            if let Some(set) = forwarding.set {
                forwarding.next_hops = self.by_set.2[&set].clone();
            }
        }
        prop_assert_eq!(&by_set, &forwarding);
        let all: BTreeMap<_, _> = page
            .iter()
            .filter_map(|d| Some((d.prefix, comparable(rtm, d.prefix)?)))
            .collect();
        prop_assert_eq!(&self.all.1, &all);
        Ok(())
    }
}

struct Run {
    rtm: Rtm,
    model: Model,
    mirrors: Mirrors,
    /// Put-off work is done after every operation, so that the model, which does all at once, must agree exactly.
    exact: bool,
}

impl Run {
    fn new(exact: bool) -> Self {
        let mut rtm = Rtm::new(Seed(1));
        let mirrors = Mirrors::new(&mut rtm);
        Self {
            rtm,
            model: Model::default(),
            mirrors,
            exact,
        }
    }

    fn step(&mut self, op: &Op) -> Result<(), TestCaseError> {
        let (rtm, model) = (&mut self.rtm, &mut self.model);
        match op {
            Op::Register {
                protocol,
                merge,
                limited,
                v4_only,
            } => {
                let mut config = EntityConfig::new(PROTOCOLS[*protocol]);
                config.merge_equal = *merge;
                config.route_limit = limited.then_some(LIMIT);
                config.family = v4_only.then_some(Family::V4);
                let id = rtm.register(config.clone());
                prop_assert_eq!(id.is_err(), model.entities.contains_key(protocol));
                if let Ok(id) = id {
                    model.entities.insert(*protocol, ModelEntity { id, config });
                }
            }
            Op::Apply { entity, changes } => {
                let Some(id) = model.entities.get(entity).map(|e| e.id) else {
                    return Ok(());
                };
                let report = rtm.apply(model.now, id, changes).unwrap();
                let refused: Vec<usize> = report.refused.iter().map(|r| r.position).collect();
                let taken = |change| model.apply(*entity, change);
                let taken: Vec<bool> = changes.iter().map(taken).collect();
                prop_assert_eq!(report.accepted + refused.len(), changes.len());
                if self.exact {
                    let expected = taken.iter().enumerate().filter(|(_, taken)| !**taken);
                    prop_assert_eq!(refused, expected.map(|(at, _)| at).collect::<Vec<_>>());
                }
            }
            Op::Deregister(protocol) => {
                if let Some(entity) = model.entities.remove(protocol) {
                    rtm.deregister(entity.id).unwrap();
                    prop_assert!(rtm.apply(model.now, entity.id, &[]).is_err());
                    model.retain(|r| r.protocol != *protocol);
                }
            }
            Op::MarkStale(protocol) => {
                if let Some(entity) = model.entities.get(protocol) {
                    rtm.mark_stale(entity.id).unwrap();
                    let routes = model.destinations.values_mut().flat_map(|d| &mut d.routes);
                    routes
                        .filter(|r| r.protocol == *protocol)
                        .for_each(|r| r.fresh = false);
                }
            }
            Op::SweepStale(protocol) => {
                if let Some(entity) = model.entities.get(protocol) {
                    rtm.sweep_stale(entity.id).unwrap();
                    model.retain(|r| r.fresh || r.protocol != *protocol);
                }
            }
            Op::Preference(protocol, value) => {
                match value {
                    Some(value) => {
                        rtm.set_preference(PROTOCOLS[*protocol], *value).unwrap();
                        model.preferences.insert(*protocol, *value);
                    }
                    None => {
                        rtm.reset_preference(PROTOCOLS[*protocol]);
                        model.preferences.remove(protocol);
                    }
                };
            }
            Op::Interface(interface, usable) => {
                rtm.set_interface_usable(InterfaceIndex(*interface), *usable);
                if *usable {
                    model.down.remove(&InterfaceIndex(*interface));
                } else {
                    model.down.insert(InterfaceIndex(*interface));
                }
            }
            Op::Hold(index, seconds) => {
                let duration = Duration::from_secs(*seconds);
                let result = rtm.hold(prefix(*index), duration);
                let destination = model.destinations.entry(prefix(*index)).or_default();
                let holds = *seconds > 0;
                if let Some((_, held)) = destination.held.as_mut().filter(|_| holds) {
                    *held = duration.max(*held);
                } else if holds && !destination.routes.is_empty() {
                    destination.armed = Some(destination.armed.unwrap_or_default().max(duration));
                } else if self.exact {
                    prop_assert!(result.is_err());
                    return Ok(());
                }
                prop_assert!(result.is_ok() || !self.exact);
            }
            Op::Pass(seconds) => {
                model.now += Duration::from_secs(*seconds);
                rtm.expire(model.now);
                for destination in model.destinations.values_mut() {
                    destination.held = destination
                        .held
                        .filter(|(since, time)| *since + *time > model.now);
                }
                if self.exact {
                    let held = model.destinations.values().filter_map(|d| d.held);
                    prop_assert_eq!(rtm.next_deadline(), held.map(|(since, time)| since + time).min());
                }
            }
            Op::Drain(max) => self.mirrors.drain(rtm, *max)?,
            Op::Sweep(budget) => {
                let progress = rtm.sweep(model.now, *budget);
                prop_assert!(progress.visited <= *budget);
            }
        }
        if self.exact {
            self.finish_sweeping();
            self.model.choose();
            self.compare()?;
        }
        Ok(())
    }

    fn finish_sweeping(&mut self) {
        while self.rtm.sweep(self.model.now, 3).more {}
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        let (rtm, model) = (&self.rtm, &self.model);
        for index in 0..PREFIXES.len() {
            let prefix = prefix(index);
            let found = rtm.exact(prefix);
            prop_assert_eq!(found.as_ref().and_then(|d| d.best.clone()), model.best(prefix));
            let held = found
                .as_ref()
                .and_then(|d| d.held.as_ref())
                .map(|held| held.until);
            let expected = model.destinations.get(&prefix).and_then(|d| d.held);
            prop_assert_eq!(held, expected.map(|(since, time)| since + time));
            let forwarding = found.and_then(|d| d.forwarding);
            let flat = forwarding.map(|f| (f.kind, f.owner, f.preference, f.metric, f.next_hops));
            prop_assert_eq!(flat, model.forwarding(prefix));
            let candidates = rtm.candidates(prefix);
            let routes = model.destinations.get(&prefix).map_or(&[][..], |d| &d.routes);
            prop_assert_eq!(candidates.len(), routes.len());
            for (candidate, route) in candidates.iter().zip(routes) {
                prop_assert_eq!(candidate.owner, PROTOCOLS[route.protocol]);
                prop_assert_eq!(candidate.path, route.path);
                prop_assert_eq!(&candidate.route, &route.route);
                prop_assert_eq!(candidate.since, route.since);
                prop_assert_eq!(candidate.stale, !route.fresh);
                prop_assert_eq!(
                    candidate.standing == Standing::Inactive,
                    !model.eligible(&route.route)
                );
                prop_assert_ne!(candidate.standing, Standing::Pending);
            }
        }
        for gateway in GATEWAYS.map(|gateway| gateway.parse().unwrap()) {
            let hop = |hop: &NextHop| {
                *hop == NextHop {
                    weight: hop.weight,
                    ..NextHop::recursive(gateway)
                }
            };
            let mut routes = model.destinations.values().flat_map(|d| &d.routes);
            let is_named = routes.any(|r| r.route.next_hops.iter().any(hop));
            let found = rtm.resolution(gateway);
            prop_assert_eq!(found.is_some(), is_named);
            if let Some(found) = found {
                let found = found
                    .as_ref()
                    .ok()
                    .map(|way| (way.through, way.next_hops.clone()));
                prop_assert_eq!(found, model.way_to(gateway, &mut vec![gateway]));
            }
        }
        for status in rtm.entities() {
            let protocol = PROTOCOLS
                .iter()
                .position(|p| *p == status.config.protocol)
                .unwrap();
            prop_assert!(!status.leaving);
            prop_assert_eq!(
                (status.routes[0] + status.routes[1]) as usize,
                model.count(protocol)
            );
            let best = model
                .destinations
                .values()
                .filter(|d| d.best.is_some_and(|b| b.0 == protocol));
            prop_assert_eq!((status.best[0] + status.best[1]) as usize, best.count());
        }
        for address in [
            "10.0.0.1",
            "10.0.0.2",
            "10.200.0.1",
            "172.16.0.1",
            "2001:db8:1::1",
            "::1",
        ] {
            let address: IpAddr = address.parse().unwrap();
            let covering = (0..PREFIXES.len()).map(prefix).filter(|p| p.contains(address));
            let longest = covering
                .filter(|p| model.best(*p).is_some())
                .max_by_key(|p| p.length());
            prop_assert_eq!(rtm.longest_match(address).map(|d| d.prefix), longest);
            let found = rtm.lookup(address);
            prop_assert_eq!(found.map(|found| found.prefix), longest);
            if let (Some(found), Some(prefix)) = (found, longest) {
                let forwarding = rtm
                    .exact(prefix)
                    .and_then(|destination| destination.forwarding)
                    .unwrap();
                prop_assert_eq!(
                    (found.kind, found.owner, found.set),
                    (forwarding.kind, forwarding.owner, forwarding.set)
                );
            }
            let mut together = Vec::new();
            match address {
                IpAddr::V4(address) => {
                    rtm.lookup_all4(&[address; 40], |at, found| together.push((at, found)));
                }
                IpAddr::V6(address) => {
                    rtm.lookup_all6(&[address; 40], |at, found| together.push((at, found)));
                }
            }
            prop_assert!(together.into_iter().eq((0..40).map(|at| (at, found))));
        }
        Ok(())
    }

    /// Drains, compares mirrors, then takes everything out again: nothing may be left over.
    fn finish(mut self) -> Result<(), TestCaseError> {
        self.finish_sweeping();
        self.mirrors.drain(&mut self.rtm, usize::MAX)?;
        self.mirrors.check(&self.rtm)?;
        if self.exact {
            self.compare()?;
            for (prefix, best) in &self.mirrors.best.1 {
                prop_assert_eq!(Some(best.clone()), self.model.advertised(*prefix));
            }
        }
        for destination in self.rtm.page(None, usize::MAX) {
            // Whatever happened in which slices, the best route is one of the lowest that are eligible.
            let candidates = self.rtm.candidates(destination.prefix);
            let rank = |c: &Candidate| (c.preference, c.route.metric);
            let eligible = candidates.iter().filter(|c| self.is_eligible(&c.route));
            let best = destination.best.map(|best| (best.preference, best.route.metric));
            prop_assert_eq!(best, eligible.map(rank).min());
        }
        self.check_replay()?;
        self.check_pages()?;

        for entity in std::mem::take(&mut self.model.entities).into_values() {
            self.rtm.deregister(entity.id).unwrap();
        }
        self.finish_sweeping();
        self.rtm.expire(Time::MAX);
        self.mirrors.drain(&mut self.rtm, usize::MAX)?;
        self.mirrors.check(&self.rtm)?;
        let memory = self.rtm.memory();
        let left = [
            memory.destinations,
            memory.routes,
            memory.next_hops,
            memory.next_hop_sets,
        ];
        prop_assert_eq!(left, [0; 4]);
        prop_assert_eq!(self.rtm.entities().count(), 0);
        Ok(())
    }

    /// As the table itself says of the route's next hops.
    fn is_eligible(&self, route: &Route) -> bool {
        let leads_somewhere = |hop: &NextHop| match hop.gateway.filter(|_| hop.is_recursive()) {
            Some(gateway) => self.rtm.resolution(gateway).unwrap().is_ok(),
            None => self.rtm.interface_is_usable(hop.interface),
        };
        route.kind != RouteKind::Unicast || route.next_hops.iter().any(leads_somewhere)
    }

    fn check_replay(&mut self) -> Result<(), TestCaseError> {
        let config = SubscriberConfig::new(SubscriberKind::Best);
        let late = self.rtm.subscribe(config).unwrap();
        prop_assert!(self.rtm.pending(late).unwrap().is_empty());
        prop_assert!(self.rtm.drain(late, 100).unwrap().is_empty());
        self.rtm.replay(late).unwrap();
        let mut mirror = BTreeMap::new();
        loop {
            let changes = self.rtm.drain(late, 2).unwrap();
            let done = changes.len() < 2;
            for change in changes {
                store(&mut mirror, change.notice.prefix, change.notice.best);
            }
            if done {
                break;
            }
        }
        prop_assert!(self.rtm.pending(late).unwrap().is_empty());
        prop_assert_eq!(&mirror, &self.mirrors.best.1);
        self.rtm.unsubscribe(late).unwrap();
        prop_assert!(self.rtm.drain(late, 1).is_err());
        Ok(())
    }

    fn check_pages(&self) -> Result<(), TestCaseError> {
        let whole: Vec<Prefix> = self
            .rtm
            .page(None, usize::MAX)
            .into_iter()
            .map(|d| d.prefix)
            .collect();
        prop_assert!(whole.is_sorted());
        let mut paged = Vec::new();
        loop {
            let page = self.rtm.page(paged.last().copied(), 2);
            if page.is_empty() {
                break;
            }
            paged.extend(page.into_iter().map(|d| d.prefix));
        }
        prop_assert_eq!(paged, whole);
        Ok(())
    }
}

fn run(ops: &[Op], exact: bool) -> Result<(), TestCaseError> {
    let mut run = Run::new(exact);
    for protocol in 0..2 {
        run.step(&Op::Register {
            protocol,
            merge: protocol == 0,
            limited: false,
            v4_only: false,
        })?;
    }
    for op in ops {
        run.step(op)?;
    }
    run.finish()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_the_model(ops in prop::collection::vec(op(), 1..60)) {
        run(&ops, true)?;
    }

    /// Slices of put-off work anywhere between the operations.
    #[test]
    fn holds_together_in_slices(ops in prop::collection::vec(op(), 1..100)) {
        run(&ops, false)?;
    }
}
