//! Who owns routes: entities of the routing table by protocol, and the sets of routes the table's thread owns itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use waypost_rtm::{EntityConfig, EntityId, Rtm, default_preference};
use waypost_types::{InterfaceIndex, PathId, Prefix, ProtocolId, Route, RouteChange, Time};

/// How many destinations a page of a walk through the table has.
const PAGE: usize = 1024;

/// Entities by protocol.
#[derive(Default)]
pub(super) struct Owners {
    entities: BTreeMap<ProtocolId, EntityId>,
    /// Tells an entity from one of the same protocol whose routes are still being swept.
    registered: u32,
}

impl Owners {
    /// The entity of a protocol, registered if need be.
    pub(super) fn entity(&mut self, rtm: &mut Rtm, protocol: ProtocolId) -> Option<EntityId> {
        if let Some(entity) = self.entities.get(&protocol) {
            return Some(*entity);
        }
        self.registered = self.registered.wrapping_add(1);
        let config = EntityConfig {
            protocol,
            instance: self.registered,
            family: None,
            preference: default_preference(protocol),
            route_limit: None,
            merge_equal: protocol == ProtocolId::STATIC,
        };
        match rtm.register(config) {
            Ok(entity) => {
                self.entities.insert(protocol, entity);
                Some(entity)
            }
            Err(error) => {
                tracing::error!(%protocol, %error, "the routing table takes no routes of the protocol");
                None
            }
        }
    }

    /// The entity of a protocol that has routes.
    pub(super) fn get(&self, protocol: ProtocolId) -> Option<EntityId> {
        self.entities.get(&protocol).copied()
    }

    /// Forgets a protocol's entity; its routes are swept.
    pub(super) fn remove(&mut self, rtm: &mut Rtm, protocol: ProtocolId) {
        if let Some(entity) = self.entities.remove(&protocol) {
            // INVARIANT: an entity in the map is registered, so this cannot be refused.
            let _ = rtm.deregister(entity);
        }
    }
}

/// Routes that belong to an interface: its connected networks, or its autostatic routes. Each interface has its own path, so
/// that two interfaces can have a route to one destination.
#[derive(Default)]
pub(super) struct PerInterface {
    routes: BTreeMap<InterfaceIndex, BTreeMap<Prefix, Route>>,
}

impl PerInterface {
    /// Makes these the routes of an interface; returns what differs.
    pub(super) fn replace(
        &mut self,
        interface: InterfaceIndex,
        routes: impl IntoIterator<Item = (Prefix, Route)>,
    ) -> Vec<RouteChange> {
        let path = PathId(interface.0);
        let wanted: BTreeMap<Prefix, Route> = routes.into_iter().collect();
        let before = self.routes.remove(&interface).unwrap_or_default();
        let gone: BTreeSet<Prefix> = before
            .keys()
            .filter(|prefix| !wanted.contains_key(prefix))
            .copied()
            .collect();
        let set = wanted
            .iter()
            .filter(|(prefix, route)| before.get(prefix) != Some(route));
        let mut changes: Vec<RouteChange> = set
            .map(|(prefix, route)| RouteChange::Set {
                prefix: *prefix,
                path,
                route: route.clone(),
            })
            .collect();
        changes.extend(
            gone.into_iter()
                .map(|prefix| RouteChange::Delete { prefix, path }),
        );
        if !wanted.is_empty() {
            self.routes.insert(interface, wanted);
        }
        changes
    }
}

/// The routes of `protocol` whose next hops all lie on `interface`.
pub(super) fn routes_through(
    rtm: &Rtm,
    protocol: ProtocolId,
    interface: InterfaceIndex,
) -> Vec<(Prefix, Route)> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = rtm.page(after, PAGE);
        let Some(last) = page.last() else { return found };
        after = Some(last.prefix);
        for destination in &page {
            let candidates = rtm.candidates(destination.prefix).into_iter();
            let through = candidates.filter(|candidate| {
                let hops = &candidate.route.next_hops;
                candidate.owner == protocol
                    && !hops.is_empty()
                    && hops.iter().all(|hop| hop.interface == interface)
            });
            found.extend(through.map(|candidate| (destination.prefix, candidate.route)));
        }
    }
}

/// Applies changes for an entity; what is refused is logged, bounded by the first of a batch.
pub(super) fn apply(
    rtm: &mut Rtm,
    now: Time,
    protocol: ProtocolId,
    entity: EntityId,
    changes: &[RouteChange],
) {
    match rtm.apply(now, entity, changes) {
        Ok(report) => {
            if let Some(first) = report.refused.first() {
                tracing::warn!(
                    %protocol,
                    refused = report.refused.len(),
                    prefix = %first.prefix,
                    reason = %first.reason,
                    "routes were refused; this is the first"
                );
            }
        }
        Err(error) => tracing::error!(%protocol, %error, "routes were refused"),
    }
}
