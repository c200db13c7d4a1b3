//! Who owns routes: entities of the routing table by protocol, and the sets of routes the table's thread owns itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use waypost_manager::RouteTerms;
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
    terms: BTreeMap<ProtocolId, RouteTerms>,
    refused: BTreeMap<ProtocolId, u64>,
}

impl Owners {
    /// The entity of a protocol, registered if need be.
    fn entity(&mut self, rtm: &mut Rtm, protocol: ProtocolId) -> Option<EntityId> {
        if let Some(entity) = self.entities.get(&protocol) {
            return Some(*entity);
        }
        self.registered = self.registered.wrapping_add(1);
        let config = EntityConfig {
            protocol,
            instance: self.registered,
            family: None,
            preference: default_preference(protocol),
            route_limit: self.terms.get(&protocol).and_then(|terms| terms.limit),
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

    /// Sets what a protocol may do from now on.
    pub(super) fn set_terms(&mut self, rtm: &mut Rtm, protocol: ProtocolId, terms: RouteTerms) {
        self.terms.insert(protocol, terms);
        if let Some(entity) = self.get(protocol) {
            // INVARIANT: an entity in the map is registered, so this cannot be refused.
            let _ = rtm.set_route_limit(entity, terms.limit);
        }
    }

    /// How many routes of each protocol were refused.
    pub(super) const fn refused(&self) -> &BTreeMap<ProtocolId, u64> {
        &self.refused
    }

    /// Applies changes for a protocol, which is registered if need be.
    pub(super) fn change(&mut self, rtm: &mut Rtm, now: Time, protocol: ProtocolId, changes: &[RouteChange]) {
        if changes.is_empty() {
            return;
        }
        if let Some(entity) = self.entity(rtm, protocol) {
            self.apply(rtm, now, protocol, entity, changes);
        }
    }

    /// Applies changes for an entity; what is refused is counted and logged, bounded by the first of a batch.
    pub(super) fn apply(
        &mut self,
        rtm: &mut Rtm,
        now: Time,
        protocol: ProtocolId,
        entity: EntityId,
        changes: &[RouteChange],
    ) {
        if let Some(hold_down) = self.terms.get(&protocol).and_then(|terms| terms.hold_down) {
            hold(rtm, protocol, hold_down, changes);
        }
        match rtm.apply(now, entity, changes) {
            Ok(report) => {
                if let Some(first) = report.refused.first() {
                    let refused = report.refused.len();
                    *self.refused.entry(protocol).or_insert(0) += refused as u64;
                    tracing::warn!(
                        %protocol,
                        refused,
                        prefix = %first.prefix,
                        reason = %first.reason,
                        "routes were refused; this is the first"
                    );
                }
            }
            Err(error) => tracing::error!(%protocol, %error, "routes were refused"),
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

/// Asks for hold-down of the destinations to which the last routes are about to be deleted, all of one protocol.
fn hold(rtm: &mut Rtm, protocol: ProtocolId, hold_down: Duration, changes: &[RouteChange]) {
    for change in changes {
        if let RouteChange::Delete { prefix, .. } = change {
            let candidates = rtm.candidates(*prefix);
            if !candidates.is_empty() && candidates.iter().all(|candidate| candidate.owner == protocol) {
                // INVARIANT: there is a route, and the time is not zero.
                let _ = rtm.hold(*prefix, hold_down);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use waypost_rtm::Standing;
    use waypost_types::{NextHop, RouteKind, Seed};

    use super::*;

    fn set(prefix: &str) -> RouteChange {
        RouteChange::Set {
            prefix: prefix.parse().unwrap(),
            path: PathId(0),
            route: Route {
                kind: RouteKind::Unicast,
                next_hops: [NextHop::on(InterfaceIndex(2))].into_iter().collect(),
                metric: 1,
                tag: 0,
                preference: None,
            },
        }
    }

    fn delete(prefix: &str) -> RouteChange {
        RouteChange::Delete {
            prefix: prefix.parse().unwrap(),
            path: PathId(0),
        }
    }

    /// A table with the interface of the routes, and owners.
    fn table() -> (Rtm, Owners) {
        let mut rtm = Rtm::new(Seed(1));
        rtm.set_interface_usable(InterfaceIndex(2), true);
        (rtm, Owners::default())
    }

    fn change(rtm: &mut Rtm, owners: &mut Owners, now: u64, changes: &[RouteChange]) {
        let entity = owners.entity(rtm, ProtocolId::RIP).unwrap();
        owners.apply(rtm, Time::from_secs(now), ProtocolId::RIP, entity, changes);
    }

    #[test]
    fn limits_hold_before_and_after_the_first_route() {
        let (mut rtm, mut owners) = table();
        let limit = |limit| RouteTerms {
            limit,
            ..RouteTerms::default()
        };
        owners.set_terms(&mut rtm, ProtocolId::RIP, limit(Some(1)));
        change(
            &mut rtm,
            &mut owners,
            1,
            &[set("10.1.0.0/16"), set("10.2.0.0/16")],
        );
        assert_eq!(rtm.memory().destinations, 1);
        assert_eq!(owners.refused()[&ProtocolId::RIP], 1);
        owners.set_terms(&mut rtm, ProtocolId::RIP, limit(None));
        change(&mut rtm, &mut owners, 2, &[set("10.2.0.0/16")]);
        assert_eq!(rtm.memory().destinations, 2);
        assert_eq!(owners.refused()[&ProtocolId::RIP], 1);
    }

    #[test]
    fn hold_down_begins_when_the_last_route_goes_and_ends_in_time() {
        let (mut rtm, mut owners) = table();
        let prefix: Prefix = "10.1.0.0/16".parse().unwrap();
        change(&mut rtm, &mut owners, 1, &[set("10.1.0.0/16")]);
        change(&mut rtm, &mut owners, 2, &[delete("10.1.0.0/16")]);
        assert!(rtm.exact(prefix).is_none(), "nobody asked for hold-down");
        let terms = RouteTerms {
            hold_down: Some(Duration::from_secs(30)),
            ..RouteTerms::default()
        };
        owners.set_terms(&mut rtm, ProtocolId::RIP, terms);
        change(&mut rtm, &mut owners, 3, &[set("10.1.0.0/16")]);
        change(&mut rtm, &mut owners, 4, &[delete("10.1.0.0/16")]);
        assert_eq!(rtm.next_deadline(), Some(Time::from_secs(34)));
        let held = |rtm: &Rtm| {
            rtm.exact(prefix)
                .is_some_and(|destination| destination.held.is_some())
        };
        assert!(held(&rtm));
        // Another route is used at once, and not told of before the time is over.
        change(&mut rtm, &mut owners, 5, &[set("10.1.0.0/16")]);
        assert!(matches!(
            rtm.candidates(prefix)[0].standing,
            Standing::Held { .. }
        ));
        rtm.expire(Time::from_secs(34));
        assert!(!held(&rtm));
        assert_eq!(rtm.candidates(prefix)[0].standing, Standing::Best);
    }
}
