//! Autostatic updates: routes asked of the neighbours once and kept as static ones (routing-protocol-interface 9.3).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use waypost_infobase::BlockKey;
use waypost_routprot::router_blocks::{
    INFINITE_LIFETIME, InterfaceRoute, InterfaceRoute4, InterfaceRoute6, RouteFamily, RouteType, RouteViews,
    UNUSED_METRIC, decode_interface_routes, encode_routes,
};
use waypost_routprot::{Functionality, InfoBlock, Refusal, Status, UpdateComplete};
use waypost_types::{InterfaceIndex, NextHop, Prefix, ProtocolId, Route, RouteKind, Time, WallTime};

use crate::Manager;
use crate::environment::Autostatic;
use crate::interfaces::Interface;
use crate::transaction::Author;

/// How long the protocols may take.
const UPDATE_TIMEOUT: Duration = Duration::from_secs(60);

/// Told how an update ended: the number of routes kept, or why not.
pub(crate) type Done = Box<dyn FnOnce(Result<usize, Refusal>) + Send>;

/// An update in progress on one interface.
pub(crate) struct Update {
    pub(crate) deadline: Time,
    waiting: BTreeSet<ProtocolId>,
    asked: BTreeSet<ProtocolId>,
    failure: Option<Refusal>,
    author: Author,
    done: Done,
}

impl Manager {
    /// Starts an update on an interface: every client there that can is asked, all in parallel (P-29). `done` is called
    /// when the last has answered. On success the interface's autostatic routes are replaced, on failure they stay.
    pub fn update_autostatic(
        &mut self,
        now: Time,
        interface: &str,
        author: &Author,
        done: impl FnOnce(Result<usize, Refusal>) + Send + 'static,
    ) {
        match self.begin_update(now, interface) {
            Ok((index, asked)) => {
                let update = Update {
                    deadline: now + UPDATE_TIMEOUT,
                    waiting: asked.clone(),
                    asked,
                    failure: None,
                    author: author.clone(),
                    done: Box::new(done),
                };
                self.updates.insert(index, update);
            }
            Err(refusal) => done(Err(refusal)),
        }
    }

    fn begin_update(
        &mut self,
        _now: Time,
        name: &str,
    ) -> Result<(InterfaceIndex, BTreeSet<ProtocolId>), Refusal> {
        let path = crate::Path::new(["interfaces", name]).to_string();
        let interface = self
            .table
            .by_name(name)
            .ok_or_else(|| Refusal::new(Status::ERROR_NO_SUCH_INTERFACE, "no such interface").at(&path))?;
        let index = interface.index;
        if !self.usable(interface) || !interface.carrier || interface.addresses.is_empty() {
            let reason = "the interface is not up, has no carrier or no address";
            return Err(Refusal::new(Status::ERROR_INTERFACE_NOT_CONNECTED, reason).at(&path));
        }
        if self.updates.contains_key(&index) {
            return Err(
                Refusal::new(Status::ERROR_UPDATE_IN_PROGRESS, "an update is running already").at(&path),
            );
        }
        let mut asked = BTreeSet::new();
        let mut first = None;
        for (id, client) in &self.clients {
            let able = client
                .functionality
                .contains(Functionality::RF_DEMAND_UPDATE_ROUTES);
            if able && client.is_running() && client.interfaces.contains_key(&index) {
                match client.lock().update_routes(index) {
                    Ok(()) => drop(asked.insert(*id)),
                    // Completed with that code: no UPDATE_COMPLETE will come (P-18).
                    Err(refusal) => first = first.or(Some(refusal)),
                }
            }
        }
        match first {
            Some(refusal) => Err(refusal.at(&path)),
            None if asked.is_empty() => {
                Err(Refusal::failed("no protocol on the interface can update routes on request").at(&path))
            }
            None => Ok((index, asked)),
        }
    }

    pub(crate) fn update_complete(&mut self, wall: WallTime, id: ProtocolId, complete: UpdateComplete) {
        let Some(update) = self.updates.get_mut(&complete.interface) else {
            return;
        };
        if !update.waiting.remove(&id) {
            return;
        }
        if complete.status != Status::NO_ERROR && update.failure.is_none() {
            update.failure = Some(Refusal::new(
                complete.status,
                format!("{id} could not update its routes"),
            ));
        }
        if update.waiting.is_empty()
            && let Some(update) = self.updates.remove(&complete.interface)
        {
            let result = match update.failure {
                Some(refusal) => Err(refusal),
                None => self.convert(wall, complete.interface, &update.asked, &update.author),
            };
            (update.done)(result);
        }
    }

    /// Turns the routes obtained on an interface into autostatic ones: stored first, then in the table, then announced.
    fn convert(
        &mut self,
        wall: WallTime,
        index: InterfaceIndex,
        asked: &BTreeSet<ProtocolId>,
        author: &Author,
    ) -> Result<usize, Refusal> {
        let name = self.table.get(index).map(|interface| interface.name.clone());
        let name = name.ok_or_else(|| Refusal::failed("the interface is gone"))?;
        let mut routes = Autostatic::new();
        for id in asked {
            routes.extend(self.routes.routes_through(*id, index));
        }
        for (_, route) in &mut routes {
            route.preference = None;
        }
        routes.sort_by_key(|(prefix, route)| (*prefix, route.metric));
        routes.dedup_by_key(|(prefix, _)| *prefix);
        let key = BlockKey::interface(&name, ProtocolId::AUTOSTATIC);
        let rows: Vec<InterfaceRoute> = routes
            .iter()
            .map(|(prefix, route)| row(index, *prefix, route))
            .collect();
        let block = InfoBlock::new(1, encode_routes(&rows));
        if self.tree.get(&key) != Some(&block) {
            let block = (!routes.is_empty()).then_some(block);
            self.commit(wall, author, None, &[(key, block)])?;
        }
        let count = routes.len();
        self.routes.set_autostatic(index, routes);
        Ok(count)
    }

    /// Gives an interface that appeared the autostatic routes it had.
    pub(crate) fn restore_autostatic(&mut self, interface: &Interface) {
        let key = BlockKey::interface(&interface.name, ProtocolId::AUTOSTATIC);
        let Some(block) = self.tree.get(&key) else { return };
        match block.payload().and_then(decode_interface_routes) {
            Ok(rows) => {
                let routes = rows.iter().map(|row| route(interface.index, row)).collect();
                self.routes.set_autostatic(interface.index, routes);
            }
            Err(refusal) => self
                .log
                .push(format!("autostatic routes of {}: {refusal}", interface.name)),
        }
    }

    pub(crate) fn abort_update(&mut self, index: InterfaceIndex, reason: &str) {
        if let Some(update) = self.updates.remove(&index) {
            (update.done)(Err(Refusal::failed(reason)));
        }
    }
}

/// The published row of an autostatic route (INTERFACE_ROUTE_INFO). It holds one next hop: of an equal-cost set, the first.
fn row(index: InterfaceIndex, prefix: Prefix, route: &Route) -> InterfaceRoute {
    let gateway = route.next_hops.first().and_then(|hop| hop.gateway);
    let family = match prefix {
        Prefix::V4(prefix) => RouteFamily::V4(InterfaceRoute4 {
            prefix,
            policy: 0,
            next_hop: match gateway {
                Some(IpAddr::V4(gateway)) => gateway,
                _ => Ipv4Addr::UNSPECIFIED,
            },
            age: 0,
            next_hop_as: 0,
            metrics: [route.metric, UNUSED_METRIC, UNUSED_METRIC],
        }),
        Prefix::V6(prefix) => RouteFamily::V6(InterfaceRoute6 {
            prefix,
            next_hop: match gateway {
                Some(IpAddr::V6(gateway)) => gateway,
                _ => Ipv6Addr::UNSPECIFIED,
            },
            valid_lifetime: INFINITE_LIFETIME,
            metric: route.metric,
        }),
    };
    let kind = if gateway.is_some() {
        RouteType::Indirect
    } else {
        RouteType::Direct
    };
    let (protocol, preference, views) = (ProtocolId::AUTOSTATIC, 0, RouteViews::UNICAST);
    InterfaceRoute {
        family,
        interface: index,
        kind,
        protocol,
        preference,
        views,
    }
}

/// The route of a stored row, on the interface as it is numbered now.
fn route(index: InterfaceIndex, row: &InterfaceRoute) -> (Prefix, Route) {
    let (gateway, metric) = match &row.family {
        RouteFamily::V4(route) => (IpAddr::from(route.next_hop), route.metrics[0]),
        RouteFamily::V6(route) => (IpAddr::from(route.next_hop), route.metric),
    };
    let hop = if gateway.is_unspecified() {
        NextHop::on(index)
    } else {
        NextHop::via(gateway, index)
    };
    let route = Route {
        kind: RouteKind::Unicast,
        next_hops: [hop].into_iter().collect(),
        metric: if metric == UNUSED_METRIC { 1 } else { metric },
        tag: 0,
        preference: (row.preference != 0).then_some(row.preference),
    };
    (row.prefix(), route)
}
