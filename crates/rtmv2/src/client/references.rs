//! References: another one, and one less (router-services A1, memory rules).

use std::fmt;

use waypost_routprot::Status;

use super::Client;
use super::handle::{Handle, Id, Kind};
use super::info::{DestinationInfo, HopInfo, RouteInfo};
use super::state::{Entity, Hop, State};

/// What the entities of a client have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Registered.
    pub entities: usize,
    /// That are referenced, or have something in a slot.
    pub destinations: usize,
    /// Of these entities, deleted ones that are referenced included, and those of others that they know.
    pub routes: usize,
    /// The same.
    pub next_hops: usize,
    /// Not deleted.
    pub lists: usize,
    /// Not deleted.
    pub enumerations: usize,
    /// For changes.
    pub registrations: usize,
    /// Not dropped; counted when the entities end.
    pub references: u64,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.entities as u64, "entities"),
            (self.destinations as u64, "destinations"),
            (self.routes as u64, "routes"),
            (self.next_hops as u64, "next hops"),
            (self.lists as u64, "route lists"),
            (self.enumerations as u64, "enumerations"),
            (self.registrations as u64, "change notifications"),
            (self.references, "references"),
        ];
        let mut between = "";
        for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{between}{count} {what}")?;
            between = ", ";
        }
        Ok(())
    }
}

impl State {
    /// Whether a handle names anything.
    pub(super) fn is_valid(&self, handle: Handle) -> bool {
        match Kind::of(handle) {
            Some(Kind::Entity) => self.entities.find(handle).is_some(),
            Some(Kind::Destination) => self.destinations.find(handle).is_some(),
            Some(Kind::Route) => self.routes.find(handle).is_some(),
            Some(Kind::NextHop) => self.hops.find(handle).is_some(),
            Some(Kind::Enumeration) => self.enumerations.find(handle).is_some(),
            Some(Kind::Registration) => self.registrations.find(handle).is_some(),
            Some(Kind::List) => self.lists.find(handle).is_some(),
            None => false,
        }
    }

    fn refer_to(&mut self, caller: Id<Entity>, handle: Handle) {
        macro_rules! refer {
            ($slab:ident) => {
                if let Some(id) = self.$slab.find(handle) {
                    self.$slab.refer(id, caller);
                }
            };
        }
        match Kind::of(handle) {
            Some(Kind::Entity) => refer!(entities),
            Some(Kind::Destination) => refer!(destinations),
            Some(Kind::Route) => refer!(routes),
            Some(Kind::NextHop) => refer!(hops),
            Some(Kind::Enumeration) => refer!(enumerations),
            Some(Kind::Registration) => refer!(registrations),
            Some(Kind::List) => refer!(lists),
            None => {}
        }
    }

    /// Drops a reference. False: there is none. What is ended by a function of its own goes by that function only.
    pub(super) fn release_handle(&mut self, caller: Id<Entity>, handle: Handle) -> bool {
        macro_rules! release {
            ($slab:ident, $reap:ident) => {
                match self.$slab.find(handle) {
                    Some(id) if self.$slab.release(id, caller) => {
                        self.$reap(id);
                        true
                    }
                    _ => false,
                }
            };
        }
        match Kind::of(handle) {
            Some(Kind::Entity) => release!(entities, reap_entity),
            Some(Kind::Destination) => release!(destinations, reap_destination),
            Some(Kind::Route) => release!(routes, reap_route),
            Some(Kind::NextHop) => release!(hops, reap_hop),
            _ => false,
        }
    }

    pub(super) fn release_or_none(&mut self, caller: Id<Entity>, handle: Handle) -> bool {
        handle.is_null() || self.release_handle(caller, handle)
    }

    pub(super) fn release_route_info(&mut self, caller: Id<Entity>, info: &RouteInfo) -> bool {
        let mut released = self.release_handle(caller, info.destination);
        released &= self.release_handle(caller, info.owner);
        released &= self.release_or_none(caller, info.neighbour);
        for hop in &info.next_hops {
            released &= self.release_handle(caller, *hop);
        }
        released
    }

    /// What a next hop is, with handles that nobody was given a reference for.
    pub(super) fn plain_hop_info(&self, id: Id<Hop>) -> HopInfo {
        let hop = &self.hops[id];
        HopInfo {
            address: hop.address,
            bits: hop.bits,
            owner: self.entities.handle(hop.owner),
            interface: hop.interface,
            state: if hop.is_deleted {
                super::LifeState::Deleted
            } else {
                super::LifeState::Created
            },
            flags: hop.flags,
            specific: hop.specific,
            remote: hop
                .remote
                .map_or(Handle::NULL, |remote| self.destinations.handle(remote)),
        }
    }
}

/// What became of references that were to be dropped.
const fn outcome(released: bool) -> Result<(), Status> {
    if released {
        Ok(())
    } else {
        Err(Status::ERROR_INVALID_HANDLE)
    }
}

impl Client {
    /// What the entities have now, except for references.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let state = self.lock();
        let entities = state.entities.iter();
        Usage {
            entities: entities.filter(|(_, entity)| entity.registered.is_some()).count(),
            destinations: state.destinations.len(),
            routes: state.routes.len(),
            next_hops: state.hops.len(),
            lists: state.lists.len(),
            enumerations: state.enumerations.len(),
            registrations: state.registrations.len(),
            references: 0,
        }
    }

    /// RtmReferenceHandles: another reference on each, of whichever kind.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE: then none was added.
    pub fn refer(&self, entity: Handle, handles: &[Handle]) -> Result<(), Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        if !handles.iter().all(|handle| state.is_valid(*handle)) {
            return Err(Status::ERROR_INVALID_HANDLE);
        }
        for handle in handles {
            state.refer_to(caller, *handle);
        }
        Ok(())
    }

    fn release_kind(&self, entity: Handle, kind: Kind, handles: &[Handle]) -> Result<(), Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        let mut released = true;
        for handle in handles {
            released &= Kind::of(*handle) == Some(kind) && state.release_handle(caller, *handle);
        }
        outcome(released)
    }

    /// RtmReleaseEntities.
    ///
    /// # Errors
    /// ERROR_INVALID_HANDLE: not all have a reference to drop; those that have were dropped.
    pub fn release_entities(&self, entity: Handle, entities: &[Handle]) -> Result<(), Status> {
        self.release_kind(entity, Kind::Entity, entities)
    }

    /// RtmReleaseRoutes.
    ///
    /// # Errors
    /// As [`Self::release_entities`].
    pub fn release_routes(&self, entity: Handle, routes: &[Handle]) -> Result<(), Status> {
        self.release_kind(entity, Kind::Route, routes)
    }

    /// Drops references on destinations.
    ///
    /// # Errors
    /// As [`Self::release_entities`].
    pub fn release_destinations(&self, entity: Handle, destinations: &[Handle]) -> Result<(), Status> {
        self.release_kind(entity, Kind::Destination, destinations)
    }

    /// RtmReleaseNextHops.
    ///
    /// # Errors
    /// As [`Self::release_entities`].
    pub fn release_next_hops(&self, entity: Handle, hops: &[Handle]) -> Result<(), Status> {
        self.release_kind(entity, Kind::NextHop, hops)
    }

    /// RtmReleaseDestInfo, RtmReleaseDests, RtmReleaseChangedDests: what the structure names.
    ///
    /// # Errors
    /// As [`Self::release_entities`].
    pub fn release_destination_info(&self, entity: Handle, info: &DestinationInfo) -> Result<(), Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        outcome(state.release_destination_info(caller, info))
    }

    /// RtmReleaseRouteInfo: what the structure names.
    ///
    /// # Errors
    /// As [`Self::release_entities`].
    pub fn release_route_info(&self, entity: Handle, info: &RouteInfo) -> Result<(), Status> {
        let mut state = self.lock();
        let caller = state.caller(entity)?;
        outcome(state.release_route_info(caller, info))
    }
}
