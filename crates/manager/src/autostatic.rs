//! Autostatic updates: routes asked of the neighbours once and kept as static ones (routing-protocol-interface 9.3).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_infobase::BlockKey;
use waypost_routprot::router_blocks::{
    INFINITE_LIFETIME, InterfaceRoute, InterfaceRoute4, InterfaceRoute6, RouteFamily, RouteType, RouteViews,
    UNUSED_METRIC, decode_interface_routes, encode_routes,
};
use waypost_routprot::{Functionality, InfoBlock, Refusal, Status, UpdateComplete, UpdateKind};
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
        match self.begin_update(interface) {
            Ok((index, asked, failure)) => {
                let update = Update {
                    deadline: now + UPDATE_TIMEOUT,
                    waiting: asked.clone(),
                    asked,
                    failure,
                    author: author.clone(),
                    done: Box::new(done),
                };
                self.updates.insert(index, update);
            }
            Err(refusal) => done(Err(refusal)),
        }
    }

    /// Asks the clients: the interface, those that will answer, and the first failure so far.
    fn begin_update(
        &mut self,
        name: &str,
    ) -> Result<(InterfaceIndex, BTreeSet<ProtocolId>, Option<Refusal>), Refusal> {
        let path = crate::Path::new(["interfaces", name]).to_string();
        let interface = self
            .table
            .by_name(name)
            .ok_or_else(|| Refusal::new(Status::ERROR_NO_SUCH_INTERFACE, "no such interface").at(&path))?;
        let index = interface.index;
        if !self.usable(interface) || !interface.carrier || !interface.is_bound() {
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
            Some(refusal) if asked.is_empty() => Err(refusal.at(&path)),
            None if asked.is_empty() => {
                Err(Refusal::failed("no protocol on the interface can update routes on request").at(&path))
            }
            // The others are at it: the update runs until they have answered (P-29).
            first => Ok((index, asked, first.map(|refusal| refusal.at(&path)))),
        }
    }

    pub(crate) fn update_complete(&mut self, wall: WallTime, id: ProtocolId, complete: UpdateComplete) {
        if complete.kind == UpdateKind::Routes && self.is_owed(id, complete.interface) {
            return;
        }
        let failure = (complete.status != Status::NO_ERROR).then(|| {
            Refusal::new(
                complete.status,
                format!("{} could not update its routes", self.configuration.name_of(id)),
            )
        });
        if complete.kind == UpdateKind::Routes
            && let Some(update) = self.note_answer(id, complete.interface, failure)
        {
            let result = match update.failure {
                Some(refusal) => Err(refusal),
                None => self.convert(wall, complete.interface, &update.asked, &update.author),
            };
            (update.done)(result);
        }
    }

    /// Whether an answer is that to an update that was given up. A client answers in order, each time it was asked (P-18).
    fn is_owed(&mut self, id: ProtocolId, index: InterfaceIndex) -> bool {
        let Some(count) = self.owed.get_mut(&(index, id)) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
            self.owed.remove(&(index, id));
        }
        true
    }

    fn owe(&mut self, id: ProtocolId, index: InterfaceIndex) {
        *self.owed.entry((index, id)).or_insert(0) += 1;
    }

    /// A client will not answer any more, on any interface as it is gone, or on one that it left: its part of the update
    /// failed. Having left it does answer, but nobody waits for that.
    pub(crate) fn update_lost(&mut self, id: ProtocolId, on: Option<InterfaceIndex>, reason: &str) {
        if on.is_none() {
            self.owed.retain(|(_, of), _| *of != id);
        }
        let all: Vec<InterfaceIndex> = self.updates.keys().copied().collect();
        for index in all
            .into_iter()
            .filter(|index| on.is_none_or(|only| only == *index))
        {
            let failure = Some(Refusal::failed(reason));
            let waited = |update: &Update| update.waiting.contains(&id);
            if on.is_some() && self.updates.get(&index).is_some_and(waited) {
                self.owe(id, index);
            }
            if let Some(update) = self.note_answer(id, index, failure) {
                (update.done)(Err(update.failure.unwrap_or_else(|| Refusal::failed(reason))));
            }
        }
    }

    /// Takes note of a client's answer; gives the update when it was the last one.
    fn note_answer(
        &mut self,
        id: ProtocolId,
        index: InterfaceIndex,
        failure: Option<Refusal>,
    ) -> Option<Update> {
        let update = self.updates.get_mut(&index)?;
        if !update.waiting.remove(&id) {
            return None;
        }
        update.failure = update.failure.take().or(failure);
        if update.waiting.is_empty() {
            self.updates.remove(&index)
        } else {
            None
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
        let rows: Vec<InterfaceRoute> = routes.iter().map(|(prefix, route)| row(*prefix, route)).collect();
        let block = (!routes.is_empty()).then(|| InfoBlock::new(1, encode_routes(&rows)));
        if self.tree().get(&key) != block.as_ref() {
            self.commit(wall, &noted(author, &name), (key, block))?;
        }
        let count = routes.len();
        self.routes.set_autostatic(index, routes);
        Ok(count)
    }

    /// Gives an interface that appeared the autostatic routes it had.
    pub(crate) fn restore_autostatic(&mut self, interface: &Interface) {
        let key = BlockKey::interface(&interface.name, ProtocolId::AUTOSTATIC);
        let Some(block) = self.tree().get(&key) else {
            return;
        };
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
            for id in &update.waiting {
                self.owe(*id, index);
            }
            (update.done)(Err(Refusal::failed(reason)));
        }
    }
}

/// The published row of an autostatic route (INTERFACE_ROUTE_INFO). It holds one next hop: of an equal-cost set, the first.
///
/// The interface is the one of the block's key, whatever its number will be: none is written.
fn row(prefix: Prefix, route: &Route) -> InterfaceRoute {
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
        interface: InterfaceIndex(0),
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

/// The author of an update, with a note that says what it was.
fn noted(author: &Author, interface: &str) -> Author {
    let mut note = format!("autostatic update of {interface}");
    if !author.note.is_empty() {
        note = format!("{note}: {}", author.note);
    }
    Author {
        name: author.name.clone(),
        note,
    }
}

/// The autostatic routes of an interface as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct AutostaticConfig {
    /// The routes that the last update found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<AutostaticRoute>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AutostaticRoute {
    /// The destination.
    prefix: Prefix,
    /// The router on the link. Default: none, the destination is on the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    gateway: Option<IpAddr>,
    /// The metric, 0..=4294967294. Default 1.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 4_294_967_294_u32))]
    metric: u32,
}

const fn one() -> u32 {
    1
}

impl AutostaticConfig {
    /// What a block says; `None` when it says more than text can.
    pub(crate) fn of(block: &InfoBlock) -> Option<Self> {
        let rows = decode_interface_routes(block.payload().ok()?).ok()?;
        let config = Self {
            routes: rows.iter().map(AutostaticRoute::of).collect(),
        };
        (config.block().as_ref() == Ok(block)).then_some(config)
    }

    /// The block that says this.
    pub(crate) fn block(&self) -> Result<InfoBlock, Refusal> {
        let rows: Result<Vec<InterfaceRoute>, Refusal> = self
            .routes
            .iter()
            .enumerate()
            .map(|(number, route)| {
                route
                    .row()
                    .map_err(|refusal| refusal.under(&format!("routes.{number}")))
            })
            .collect();
        let rows = rows?;
        Ok(if rows.is_empty() {
            InfoBlock::absent()
        } else {
            InfoBlock::new(1, encode_routes(&rows))
        })
    }
}

impl AutostaticRoute {
    fn of(row: &InterfaceRoute) -> Self {
        let (prefix, route) = route(InterfaceIndex(0), row);
        Self {
            prefix,
            gateway: route.next_hops.first().and_then(|hop| hop.gateway),
            metric: route.metric,
        }
    }

    fn row(&self) -> Result<InterfaceRoute, Refusal> {
        if self.metric == UNUSED_METRIC {
            return Err(Refusal::out_of_range(
                "metric",
                self.metric,
                format!("0..={}", UNUSED_METRIC - 1),
            ));
        }
        let hop = match self.gateway {
            Some(gateway) if matches!(self.prefix, Prefix::V4(_)) != gateway.is_ipv4() => {
                return Err(Refusal::invalid(
                    "the gateway is of another address family than the destination",
                )
                .at("gateway")
                .with_value(gateway));
            }
            Some(gateway) => NextHop::via(gateway, InterfaceIndex(0)),
            None => NextHop::on(InterfaceIndex(0)),
        };
        let route = Route {
            kind: RouteKind::Unicast,
            next_hops: [hop].into_iter().collect(),
            metric: self.metric,
            tag: 0,
            preference: None,
        };
        Ok(row(self.prefix, &route))
    }
}
