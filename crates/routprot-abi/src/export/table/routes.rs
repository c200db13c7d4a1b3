//! The routes of one entity, as the host has them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_rtmv2::Views;
use waypost_rtmv2::client::{Handle, Handles, HopInfo, LifeState, RouteInfo, route_flags};
use waypost_types::{MAX_NEXT_HOPS, NextHop, PathId, Prefix, Route, RouteChange, RouteKind};

use super::host::Host;

/// What an entity has added: handles, to change and delete it by.
pub(super) struct Routes {
    host: Host,
    entity: u64,
    family: Family,
    routes: HashMap<Prefix, Added>,
    hops: HashMap<HopKey, Shared>,
}

/// To RTMv2 a next hop is its address and interface.
type HopKey = (IpAddr, u32);

/// A route, and the next hops it counts on.
struct Added {
    handle: u64,
    hops: Vec<HopKey>,
}

/// A next hop, and how many routes count on it.
struct Shared {
    handle: u64,
    uses: usize,
}

impl Routes {
    pub(super) fn new(host: Host, entity: u64, family: Family) -> Self {
        Self {
            host,
            entity,
            family,
            routes: HashMap::new(),
            hops: HashMap::new(),
        }
    }

    pub(super) const fn entity(&self) -> u64 {
        self.entity
    }

    /// ERROR_NOT_SUPPORTED for a second route to a destination: to RTMv2 these are told apart by who is behind them, which a
    /// number does not say.
    pub(super) fn apply(&mut self, change: &RouteChange) -> Result<(), Status> {
        match change {
            RouteChange::Set { path, .. } | RouteChange::Delete { path, .. } if *path != PathId(0) => {
                Err(Status::ERROR_NOT_SUPPORTED)
            }
            RouteChange::Set { prefix, route, .. } => self.set(*prefix, route),
            RouteChange::Delete { prefix, .. } => self.delete(*prefix),
        }
    }

    fn set(&mut self, prefix: Prefix, route: &Route) -> Result<(), Status> {
        let mut hops: Vec<HopKey> = route.next_hops.iter().map(|hop| self.key(hop)).collect();
        hops.sort_unstable();
        hops.dedup();
        if hops.len() > MAX_NEXT_HOPS {
            return Err(Status::ERROR_INVALID_PARAMETER);
        }
        let set = self.take_hops(&hops).and_then(|handles| {
            let info = RouteInfo {
                flags: if route.kind == RouteKind::Unicast {
                    0
                } else {
                    route_flags::BLACKHOLE
                },
                metric: route.metric,
                // 0 is the one of the preference table.
                preference: route.preference.map_or(0, u32::from),
                views: Views::UNICAST.bits(),
                next_hops: handles,
                ..RouteInfo::default()
            };
            let before = self.routes.get(&prefix).map_or(0, |added| added.handle);
            self.host.set_route(self.entity, before, prefix, &info)
        });
        match set {
            Ok(handle) => {
                let before = self.routes.insert(prefix, Added { handle, hops });
                before.map_or(Ok(()), |before| self.leave_hops(&before.hops))
            }
            Err(status) => {
                self.leave_hops(&hops)?;
                Err(status)
            }
        }
    }

    fn delete(&mut self, prefix: Prefix) -> Result<(), Status> {
        let Some(added) = self.routes.remove(&prefix) else {
            return Ok(());
        };
        let deleted = self.host.delete_route(self.entity, added.handle);
        self.leave_hops(&added.hops).and(deleted)
    }

    /// Ends the entity, with everything that it has.
    pub(super) fn end(mut self) -> Result<(), Status> {
        let prefixes: Vec<_> = self.routes.keys().copied().collect();
        let mut ended = Ok(());
        for prefix in prefixes {
            let deleted = self.delete(prefix);
            ended = ended.and(deleted);
        }
        // Whatever went wrong before.
        let deregistered = self.host.deregister(self.entity);
        ended.and(deregistered)
    }

    fn key(&self, hop: &NextHop) -> HopKey {
        let on_link = match self.family {
            Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        (hop.gateway.unwrap_or(on_link), hop.interface.0)
    }

    /// Counts on these next hops, all of them whether it succeeds or not.
    fn take_hops(&mut self, keys: &[HopKey]) -> Result<Handles, Status> {
        for key in keys {
            self.hops
                .entry(*key)
                .or_insert(Shared { handle: 0, uses: 0 })
                .uses += 1;
        }
        let mut handles = Handles::new();
        for key @ (address, interface) in keys {
            let Some(shared) = self.hops.get_mut(key) else {
                continue;
            };
            if shared.handle == 0 {
                let info = HopInfo {
                    address: *address,
                    bits: if address.is_ipv4() { 32 } else { 128 },
                    owner: Handle::NULL,
                    interface: *interface,
                    state: LifeState::Created,
                    flags: 0,
                    specific: 0,
                    remote: Handle::NULL,
                };
                shared.handle = self.host.add_next_hop(self.entity, &info)?;
            }
            handles.push(Handle(shared.handle));
        }
        Ok(handles)
    }

    fn leave_hops(&mut self, keys: &[HopKey]) -> Result<(), Status> {
        let mut left = Ok(());
        for key in keys {
            let Some(shared) = self.hops.get_mut(key) else {
                continue;
            };
            shared.uses -= 1;
            if shared.uses == 0 {
                let handle = shared.handle;
                self.hops.remove(key);
                if handle != 0 {
                    let deleted = self.host.delete_next_hop(self.entity, handle);
                    left = left.and(deleted);
                }
            }
        }
        left
    }
}
