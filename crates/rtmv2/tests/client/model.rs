//! Random calls against a naive model: what every call answers, and what the table has after it.

use std::sync::Arc;

use proptest::prelude::*;
use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_rtmv2::client::{
    Client, Handle, INFINITE, LifeState, Range, Registration, RouteEnumeration, RouteInfo, RouteRequest,
    Target, Usage,
};
use waypost_rtmv2::{ChangeTypes, LocalTable, RouteTable};

use crate::rig::{BOTH, UCAST, hop, name, prefix, table};

/// Nested, so that lookups have something to decide.
const DESTINATIONS: [&str; 6] = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.1.0/24",
    "10.2.0.0/16",
    "172.16.0.0/12",
];
const ADDRESSES: usize = 4;

#[derive(Clone, Debug)]
pub(crate) enum Call {
    AddHop {
        owner: usize,
        address: usize,
        kept: bool,
    },
    DeleteHop {
        caller: usize,
        hop: usize,
    },
    ReleaseHop {
        caller: usize,
        hop: usize,
    },
    AddRoute {
        owner: usize,
        at: usize,
        neighbour: Option<usize>,
        hops: Vec<usize>,
        metric: u32,
        views: u32,
        kept: bool,
    },
    DeleteRoute {
        caller: usize,
        route: usize,
    },
    ReleaseRoute {
        caller: usize,
        route: usize,
    },
    Look {
        caller: usize,
        route: usize,
    },
    Changed,
}

pub(crate) fn calls(count: usize) -> impl Strategy<Value = Vec<Call>> {
    let which = 0..1000_usize;
    let call = prop_oneof![
        3 => (0..2_usize, 0..ADDRESSES, any::<bool>())
            .prop_map(|(owner, address, kept)| Call::AddHop { owner, address, kept }),
        1 => (0..2_usize, which.clone()).prop_map(|(caller, hop)| Call::DeleteHop { caller, hop }),
        1 => (0..2_usize, which.clone()).prop_map(|(caller, hop)| Call::ReleaseHop { caller, hop }),
        6 => (
            0..2_usize,
            0..DESTINATIONS.len(),
            proptest::option::of(which.clone()),
            proptest::collection::vec(which.clone(), 0..3),
            0..3_u32,
            1..=BOTH,
            any::<bool>(),
        )
            .prop_map(|(owner, at, neighbour, hops, metric, views, kept)| Call::AddRoute {
                owner, at, neighbour, hops, metric, views, kept,
            }),
        3 => (0..2_usize, which.clone()).prop_map(|(caller, route)| Call::DeleteRoute { caller, route }),
        1 => (0..2_usize, which.clone()).prop_map(|(caller, route)| Call::ReleaseRoute { caller, route }),
        2 => (0..2_usize, which).prop_map(|(caller, route)| Call::Look { caller, route }),
        1 => Just(Call::Changed),
    ];
    proptest::collection::vec(call, 1..count)
}

struct Hop {
    handle: Handle,
    owner: usize,
    address: usize,
    is_deleted: bool,
    references: u32,
}

struct Route {
    handle: Handle,
    owner: usize,
    at: usize,
    neighbour: Option<usize>,
    hops: Vec<usize>,
    metric: u32,
    views: u32,
    is_deleted: bool,
    references: u32,
}

/// Two entities and everything they have, as it should be.
pub(crate) struct Model<'a> {
    client: &'a Client,
    table: &'a LocalTable,
    entities: [Handle; 2],
    protocols: [u32; 2],
    hops: Vec<Hop>,
    routes: Vec<Route>,
    registration: Handle,
    /// What the table shows of each destination when changes were asked for last.
    seen: Vec<Shown>,
    /// Others use the table, too.
    is_shared: bool,
}

/// Owner, metric, next hops, and view, sorted.
type Shown = Vec<(u32, u32, Vec<String>, usize)>;

fn address(address: usize) -> String {
    format!("192.0.2.{}", address + 1)
}

impl<'a> Model<'a> {
    pub(crate) fn new(
        client: &'a Client,
        table: &'a LocalTable,
        protocols: [u32; 2],
        is_shared: bool,
    ) -> Self {
        let entities = protocols.map(|protocol| {
            client
                .register(Family::V4, name(protocol), &Registration::default())
                .unwrap()
        });
        let registration = client
            .register_for_changes(entities[0], BOTH, ChangeTypes::ALL, false, 0)
            .unwrap();
        Self {
            client,
            table,
            entities,
            protocols,
            hops: Vec::new(),
            routes: Vec::new(),
            registration,
            seen: vec![Vec::new(); DESTINATIONS.len()],
            is_shared,
        }
    }

    fn route_exists(&self, route: usize) -> bool {
        !self.routes[route].is_deleted || self.routes[route].references > 0
    }

    fn hop_exists(&self, hop: usize) -> bool {
        !self.hops[hop].is_deleted
            || self.hops[hop].references > 0
            || (0..self.routes.len()).any(|route| {
                let uses = &self.routes[route];
                self.route_exists(route) && (uses.neighbour == Some(hop) || uses.hops.contains(&hop))
            })
    }

    /// What the table should show of the entities' routes to a destination.
    fn shown(&self, at: usize) -> Shown {
        let mut shown = Vec::new();
        for route in self
            .routes
            .iter()
            .filter(|route| route.at == at && !route.is_deleted)
        {
            let mut hops: Vec<_> = route
                .hops
                .iter()
                .filter(|hop| !self.hops[**hop].is_deleted)
                .map(|hop| address(self.hops[*hop].address))
                .collect();
            hops.sort();
            hops.dedup();
            if !hops.is_empty() {
                for place in (0..2).filter(|place| route.views & 1 << place != 0) {
                    shown.push((self.protocols[route.owner], route.metric, hops.clone(), place));
                }
            }
        }
        shown.sort();
        shown
    }

    /// What it shows.
    fn table_shows(&self, at: usize) -> Shown {
        let Some(snapshot) = self.table.destination(prefix(DESTINATIONS[at])) else {
            return Vec::new();
        };
        let mut shown = Vec::new();
        for (place, view) in snapshot.views.iter().enumerate() {
            if !self.is_shared && !view.routes.is_empty() {
                let least = view.routes.iter().map(|route| route.route.metric).min();
                let best: Vec<_> = view.routes.iter().filter(|route| route.is_best).collect();
                assert_eq!(best.len(), 1);
                assert_eq!(Some(best[0].route.metric), least);
            }
            for route in &view.routes {
                let protocol = route.owner.protocol.0;
                if self.protocols.contains(&protocol) {
                    let hops = route.route.next_hops.iter();
                    let mut hops: Vec<_> = hops.map(|hop| hop.gateway.unwrap().to_string()).collect();
                    hops.sort();
                    shown.push((protocol, route.route.metric, hops, place));
                }
            }
        }
        shown.sort();
        shown
    }

    /// Whether what the owner names is its own: the first that is not decides.
    fn check(&self, owner: usize, hops: impl Iterator<Item = usize>) -> Result<(), Status> {
        for hop in hops {
            if !self.hop_exists(hop) {
                return Err(Status::ERROR_INVALID_HANDLE);
            }
            if self.hops[hop].owner != owner {
                return Err(Status::ERROR_INVALID_PARAMETER);
            }
        }
        Ok(())
    }

    /// Who drops a reference. It may be one of another entity, so that on a shared table only who has one drops one.
    const fn releaser(&self, caller: usize, owner: usize, references: u32) -> Option<usize> {
        match (self.is_shared, references) {
            (false, _) => Some(caller),
            (true, 0) => None,
            (true, _) => Some(owner),
        }
    }

    /// Whether a call names something that is gone. On a shared table somebody else may still look at it.
    fn is_stale(&self, call: &Call) -> bool {
        let hop = |hop: &usize| !self.hops.is_empty() && !self.hop_exists(hop % self.hops.len());
        match call {
            Call::DeleteHop { hop: it, .. } => hop(it),
            Call::AddRoute { neighbour, hops, .. } => neighbour.iter().chain(hops).any(hop),
            Call::DeleteRoute { route, .. } | Call::Look { route, .. } => {
                !self.routes.is_empty() && !self.route_exists(route % self.routes.len())
            }
            _ => false,
        }
    }

    pub(crate) fn call(&mut self, call: &Call) {
        if self.is_shared && self.is_stale(call) {
            return;
        }
        match call {
            Call::AddHop { owner, address, kept } => self.add_hop(*owner, *address, *kept),
            Call::DeleteHop { caller, hop } if !self.hops.is_empty() => {
                self.delete_hop(*caller, hop % self.hops.len());
            }
            Call::ReleaseHop { caller, hop } if !self.hops.is_empty() => {
                let hop = hop % self.hops.len();
                let Some(caller) = &self.releaser(*caller, self.hops[hop].owner, self.hops[hop].references)
                else {
                    return;
                };
                let done = self
                    .client
                    .release_next_hops(self.entities[*caller], &[self.hops[hop].handle]);
                assert_eq!(done.is_ok(), self.hops[hop].references > 0);
                self.hops[hop].references = self.hops[hop].references.saturating_sub(1);
            }
            Call::AddRoute { .. } => self.add_route(call),
            Call::DeleteRoute { caller, route } if !self.routes.is_empty() => {
                self.delete_route(*caller, route % self.routes.len());
            }
            Call::ReleaseRoute { caller, route } if !self.routes.is_empty() => {
                let route = route % self.routes.len();
                let Some(caller) =
                    &self.releaser(*caller, self.routes[route].owner, self.routes[route].references)
                else {
                    return;
                };
                let done = self
                    .client
                    .release_routes(self.entities[*caller], &[self.routes[route].handle]);
                assert_eq!(done.is_ok(), self.routes[route].references > 0);
                self.routes[route].references = self.routes[route].references.saturating_sub(1);
            }
            Call::Look { caller, route } if !self.routes.is_empty() => {
                self.look(*caller, route % self.routes.len());
            }
            Call::Changed => self.changed(),
            _ => {}
        }
        for (at, destination) in DESTINATIONS.iter().enumerate() {
            assert_eq!(self.table_shows(at), self.shown(at), "{destination}");
        }
        self.lookups();
    }

    fn add_hop(&mut self, owner: usize, at: usize, kept: bool) {
        let target = if kept { Target::New } else { Target::Unreferenced };
        let (handle, is_new) = self
            .client
            .add_next_hop(self.entities[owner], target, &hop(&address(at), 1))
            .unwrap();
        let known = self
            .hops
            .iter_mut()
            .find(|hop| hop.owner == owner && hop.address == at && !hop.is_deleted);
        assert_eq!(is_new, known.is_none());
        match known {
            Some(known) => {
                assert!(!kept || handle == known.handle);
                known.references += u32::from(kept);
            }
            None => {
                let found = self
                    .client
                    .find_next_hop(self.entities[owner], address(at).parse().unwrap(), 1)
                    .unwrap();
                assert!(!kept || handle == found);
                assert!(self.hops.iter().all(|hop| hop.handle != found));
                self.hops.push(Hop {
                    handle: found,
                    owner,
                    address: at,
                    is_deleted: false,
                    references: 1 + u32::from(kept),
                });
            }
        }
    }

    fn delete_hop(&mut self, caller: usize, hop: usize) {
        let done = self
            .client
            .delete_next_hop(self.entities[caller], self.hops[hop].handle);
        let expected = if !self.hop_exists(hop) {
            Err(Status::ERROR_INVALID_HANDLE)
        } else if self.hops[hop].owner != caller {
            Err(Status::ERROR_ACCESS_DENIED)
        } else if self.hops[hop].is_deleted {
            Err(Status::ERROR_NOT_FOUND)
        } else {
            let hop = &mut self.hops[hop];
            hop.is_deleted = true;
            hop.references = hop.references.saturating_sub(1);
            Ok(())
        };
        assert_eq!(done, expected);
    }

    fn add_route(&mut self, call: &Call) {
        let Call::AddRoute {
            owner,
            at,
            neighbour,
            hops,
            metric,
            views,
            kept,
        } = call
        else {
            return;
        };
        let of = |hop: &usize| hop.checked_rem(self.hops.len());
        let neighbour = neighbour.as_ref().and_then(of);
        let hops: Vec<usize> = hops.iter().filter_map(of).collect();
        let info = RouteInfo {
            neighbour: neighbour.map_or(Handle::NULL, |hop| self.hops[hop].handle),
            metric: *metric,
            preference: 10,
            views: *views,
            next_hops: hops.iter().map(|hop| self.hops[*hop].handle).collect(),
            ..RouteInfo::default()
        };
        let done = self.client.add_route(
            self.entities[*owner],
            &RouteRequest {
                target: if *kept { Target::New } else { Target::Unreferenced },
                prefix: prefix(DESTINATIONS[*at]),
                info: &info,
                time_to_live: INFINITE,
                list: Handle::NULL,
                first: false,
            },
        );
        if let Err(status) = self.check(*owner, neighbour.into_iter().chain(hops.iter().copied())) {
            assert_eq!(done, Err(status));
            return;
        }
        let done = done.unwrap();
        let known = self.routes.iter_mut().find(|route| {
            !route.is_deleted && route.owner == *owner && route.at == *at && route.neighbour == neighbour
        });
        assert_eq!(done.is_new, known.is_none());
        let handle = if *kept {
            done.route
        } else {
            let criteria = RouteInfo {
                owner: self.entities[*owner],
                neighbour: info.neighbour,
                ..RouteInfo::default()
            };
            self.client
                .exact_route(
                    self.entities[*owner],
                    prefix(DESTINATIONS[*at]),
                    3,
                    &criteria,
                    0,
                    BOTH,
                )
                .unwrap()
        };
        match known {
            Some(known) => {
                assert_eq!(handle, known.handle);
                known.references += 1;
                (known.metric, known.views, known.hops) = (*metric, *views, hops);
            }
            None => self.routes.push(Route {
                handle,
                owner: *owner,
                at: *at,
                neighbour,
                hops,
                metric: *metric,
                views: *views,
                is_deleted: false,
                references: 1,
            }),
        }
    }

    fn delete_route(&mut self, caller: usize, route: usize) {
        let done = self
            .client
            .delete_route(self.entities[caller], self.routes[route].handle);
        let expected = if !self.route_exists(route) {
            Err(Status::ERROR_INVALID_HANDLE)
        } else if self.routes[route].owner != caller {
            Err(Status::ERROR_ACCESS_DENIED)
        } else if self.routes[route].is_deleted {
            Err(Status::ERROR_NOT_FOUND)
        } else {
            let route = &mut self.routes[route];
            route.is_deleted = true;
            route.references = route.references.saturating_sub(1);
            Ok(())
        };
        assert_eq!(done.map(|_| ()), expected);
    }

    fn look(&self, caller: usize, route: usize) {
        let known = &self.routes[route];
        let entity = self.entities[caller];
        let looked = self.client.route_info(entity, known.handle);
        if !self.route_exists(route) {
            assert_eq!(looked, Err(Status::ERROR_INVALID_HANDLE));
            return;
        }
        let (info, destination) = looked.unwrap();
        assert_eq!(destination, prefix(DESTINATIONS[known.at]));
        assert_eq!(info.owner, self.entities[known.owner]);
        assert_eq!((info.metric, info.views), (known.metric, known.views));
        assert_eq!(info.state == LifeState::Deleted, known.is_deleted);
        let hops: Vec<_> = known.hops.iter().map(|hop| self.hops[*hop].handle).collect();
        assert_eq!(info.next_hops.to_vec(), hops);
        self.client.release_route_info(entity, &info).unwrap();
    }

    /// Every change is told, and each destination once.
    fn changed(&mut self) {
        let batch = self
            .client
            .changed_destinations(self.entities[0], self.registration, 256)
            .unwrap();
        let mut told: Vec<_> = batch.items.iter().map(|info| info.prefix).collect();
        for info in &batch.items {
            self.client
                .release_destination_info(self.entities[0], info)
                .unwrap();
        }
        for (at, destination) in DESTINATIONS.iter().enumerate() {
            let shown = self.shown(at);
            assert!(shown == self.seen[at] || told.contains(&prefix(destination)));
            self.seen[at] = shown;
        }
        let count = told.len();
        told.dedup();
        assert_eq!(told.len(), count);
    }

    fn lookups(&self) {
        let is_in = |at: usize, view: usize| self.shown(at).iter().any(|shown| shown.3 == view);
        for (at, text) in DESTINATIONS.iter().enumerate() {
            let exact = self
                .client
                .exact_destination(self.entities[0], prefix(text), 0, UCAST);
            assert!(!is_in(at, 0) || exact.is_ok());
            if let Ok(info) = &exact {
                assert!(self.is_shared || is_in(at, 0));
                self.client
                    .release_destination_info(self.entities[0], info)
                    .unwrap();
            }
        }
        if self.is_shared {
            return;
        }
        let longest = (0..4).rev().find(|at| is_in(*at, 0));
        let found = self
            .client
            .most_specific(self.entities[1], prefix("10.1.1.1/32"), 0, UCAST);
        assert_eq!(
            found.as_ref().ok().map(|info| info.prefix),
            longest.map(|at| prefix(DESTINATIONS[at]))
        );
        if let Ok(info) = found {
            self.client
                .release_destination_info(self.entities[1], &info)
                .unwrap();
        }
        self.enumerate();
    }

    /// Destinations in their order, and every route once.
    fn enumerate(&self) {
        let entity = self.entities[0];
        let enumeration = self
            .client
            .enumerate_destinations(entity, BOTH, Range::Start, false, 0)
            .unwrap();
        let mut found = Vec::new();
        loop {
            let batch = self.client.next_destinations(entity, enumeration, 2).unwrap();
            for info in &batch.items {
                found.push(info.prefix);
                self.client.release_destination_info(entity, info).unwrap();
            }
            if batch.is_last {
                break;
            }
        }
        self.client.delete_enumeration(entity, enumeration).unwrap();
        let there = (0..DESTINATIONS.len()).filter(|at| !self.shown(*at).is_empty());
        let there: Vec<_> = there.map(|at| prefix(DESTINATIONS[at])).collect();
        assert_eq!(found, there);
        let criteria = RouteInfo::default();
        let asked = RouteEnumeration {
            destination: Handle::NULL,
            range: Range::Start,
            views: BOTH,
            is_own: true,
            flags: 0,
            criteria: &criteria,
            interface: 0,
        };
        let enumeration = self.client.enumerate_routes(entity, &asked).unwrap();
        let mut found = self.client.next_routes(entity, enumeration, 256).unwrap().items;
        self.client.delete_enumeration(entity, enumeration).unwrap();
        self.client.release_routes(entity, &found).unwrap();
        let own = self
            .routes
            .iter()
            .filter(|route| route.owner == 0 && !route.is_deleted);
        let mut own: Vec<_> = own.map(|route| route.handle).collect();
        found.sort();
        own.sort();
        assert_eq!(found, own);
    }

    /// Gives everything back that is referenced; nothing else is left behind then.
    pub(crate) fn end(self) {
        for entity in self.entities {
            self.client.deregister(entity).unwrap();
        }
    }

    /// Gives references back one by one.
    fn release_all(&mut self) {
        for route in &mut self.routes {
            for _ in 0..std::mem::take(&mut route.references) {
                self.client
                    .release_routes(self.entities[0], &[route.handle])
                    .unwrap();
            }
        }
        for hop in &mut self.hops {
            for _ in 0..std::mem::take(&mut hop.references) {
                self.client
                    .release_next_hops(self.entities[1], &[hop.handle])
                    .unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn calls_do_what_the_model_does(calls in calls(120)) {
        let table = table();
        let client = Client::new(Arc::clone(&table) as Arc<dyn RouteTable>, 9);
        let mut model = Model::new(&client, &table, [200, 201], false);
        for call in &calls {
            model.call(call);
        }
        model.release_all();
        let usage = client.usage();
        let alive = model.routes.iter().filter(|route| !route.is_deleted).count();
        assert_eq!(usage.routes, alive);
        let known = (0..model.hops.len()).filter(|hop| model.hop_exists(*hop)).count();
        assert_eq!(usage.next_hops, known);
        model.end();
        assert_eq!(client.usage(), Usage::default());
    }
}
