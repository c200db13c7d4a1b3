//! The objects of a client, and what happens when nobody counts on one any more.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use smallvec::SmallVec;
use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_types::{PathId, Prefix};

use super::enumeration::Enumeration;
use super::events::{Notes, Pending};
use super::handle::{Handle, Id, Kind, Slab};
use super::info::{self, Events};
use super::list::List;
use super::lock::Locks;
use super::methods::Running;
use super::notify::Watching;
use super::prefixes::Prefixes;
use crate::table::{EntityKey, EntityName, RouteTable, Views, WatchKey};

/// Slots that entities can reserve in the destinations of a family (P-66).
pub(super) const SLOTS: usize = 8;

/// What a module keeps with an object; dropped with it.
pub(super) type Attachment = Option<Box<dyn Any + Send>>;

pub(super) struct Entity {
    pub(super) family: Family,
    pub(super) name: EntityName,
    /// `None`: it registered elsewhere, or has ended.
    pub(super) registered: Option<Registered>,
    /// Its next hops; those of others as far as somebody knows them.
    pub(super) hops: BTreeMap<(IpAddr, u32), Id<Hop>>,
}

pub(super) struct Registered {
    pub(super) key: EntityKey,
    pub(super) events: Option<Arc<dyn Events>>,
    pub(super) methods: Arc<[usize]>,
    pub(super) slot: Option<usize>,
    /// The path of its latest next hop.
    pub(super) last_path: u32,
    pub(super) is_blocked: bool,
    /// Methods of it that run.
    pub(super) running: u32,
    /// It may not be called any more.
    pub(super) is_ending: bool,
}

pub(super) struct Destination {
    pub(super) prefix: Prefix,
    /// Of entities of the client, and those of others as far as somebody knows them; in the order of their making.
    pub(super) routes: SmallVec<[Id<Route>; 2]>,
    pub(super) slots: Option<Box<[Option<Arc<AtomicUsize>>; SLOTS]>>,
    /// Kept for the sake of its slots although nobody else counts on it.
    pub(super) is_parked: bool,
}

pub(super) struct Route {
    pub(super) destination: Id<Destination>,
    pub(super) owner: Id<Entity>,
    pub(super) path: PathId,
    /// The owner is an entity of this client.
    pub(super) is_own: bool,
    /// It stands for the route that a hold shows.
    pub(super) is_held: bool,
    pub(super) is_deleted: bool,
    /// The table has it.
    pub(super) is_in_table: bool,
    pub(super) content: Content,
    pub(super) list: Option<(Id<List>, u64)>,
    pub(super) expires: Option<Instant>,
    /// Its time is over, and nobody gave it more since.
    pub(super) is_expired: bool,
    /// When the heap of deadlines has it.
    pub(super) queued: Option<Instant>,
    pub(super) attachment: Attachment,
}

/// What an owner says about a route, checked, or what the table shows of it.
pub(super) struct Content {
    pub(super) neighbour: Option<Id<Hop>>,
    pub(super) flags1: u8,
    pub(super) flags: u16,
    pub(super) metric: u32,
    pub(super) preference: u32,
    pub(super) views: Views,
    pub(super) specific: usize,
    pub(super) hops: SmallVec<[Id<Hop>; 2]>,
}

pub(super) struct Hop {
    pub(super) owner: Id<Entity>,
    pub(super) address: IpAddr,
    pub(super) bits: u16,
    pub(super) interface: u32,
    pub(super) is_deleted: bool,
    pub(super) flags: u16,
    pub(super) specific: usize,
    pub(super) remote: Option<Id<Destination>>,
    /// Stands for it as the neighbour of routes.
    pub(super) path: PathId,
    pub(super) attachment: Attachment,
}

/// A route whose time is over by then, unless it was given more.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deadline(pub(super) std::cmp::Reverse<Instant>, pub(super) Handle);

/// The client's own registration for changes of a family.
pub(super) struct Watch {
    pub(super) key: WatchKey,
}

pub(super) struct State {
    pub(super) table: Arc<dyn RouteTable>,
    pub(super) notes: Arc<Notes>,
    pub(super) entities: Slab<Entity>,
    pub(super) destinations: Slab<Destination>,
    pub(super) routes: Slab<Route>,
    pub(super) hops: Slab<Hop>,
    pub(super) enumerations: Slab<Enumeration>,
    pub(super) registrations: Slab<Watching>,
    pub(super) lists: Slab<List>,
    pub(super) by_name: BTreeMap<(Family, EntityName), Id<Entity>>,
    pub(super) by_prefix: Prefixes<Id<Destination>>,
    /// Destinations with routes of the client that the table does not have: how many each.
    pub(super) withdrawn: BTreeMap<Prefix, usize>,
    pub(super) deadlines: BinaryHeap<Deadline>,
    pub(super) pending: VecDeque<Pending>,
    pub(super) locks: Locks,
    pub(super) running: Vec<Running>,
    pub(super) slots: [[bool; SLOTS]; 2],
    /// Destinations that are kept for the sake of their slots.
    pub(super) parked: BTreeSet<Id<Destination>>,
    /// How many next hops are remote, by family, and the registrations that exist while there are some.
    pub(super) remote_hops: [usize; 2],
    pub(super) watches: [Option<Watch>; 2],
    /// The entity whose callback runs.
    pub(super) calling: Option<Id<Entity>>,
    pub(super) is_ending: bool,
}

pub(super) const fn place_of(family: Family) -> usize {
    match family {
        Family::V4 => 0,
        Family::V6 => 1,
    }
}

impl State {
    pub(super) fn new(
        table: Arc<dyn RouteTable>,
        notes: Arc<Notes>,
        client: u8,
        seed: u32,
        limit: u32,
    ) -> Self {
        let seed = seed.wrapping_mul(0x9E37_79B1);
        Self {
            table,
            notes,
            entities: Slab::new(Kind::Entity, client, seed, limit),
            destinations: Slab::new(Kind::Destination, client, seed, limit),
            routes: Slab::new(Kind::Route, client, seed, limit),
            hops: Slab::new(Kind::NextHop, client, seed, limit),
            enumerations: Slab::new(Kind::Enumeration, client, seed, limit),
            registrations: Slab::new(Kind::Registration, client, seed, limit),
            lists: Slab::new(Kind::List, client, seed, limit),
            by_name: BTreeMap::new(),
            by_prefix: Prefixes::new(),
            withdrawn: BTreeMap::new(),
            deadlines: BinaryHeap::new(),
            pending: VecDeque::new(),
            locks: Locks::default(),
            running: Vec::new(),
            slots: [[false; SLOTS]; 2],
            parked: BTreeSet::new(),
            remote_hops: [0; 2],
            watches: [None, None],
            calling: None,
            is_ending: false,
        }
    }

    /// The entity that calls.
    pub(super) fn caller(&self, handle: Handle) -> Result<Id<Entity>, Status> {
        let entity = self.entities.find(handle).ok_or(Status::ERROR_INVALID_HANDLE)?;
        match &self.entities[entity].registered {
            Some(registered) if !registered.is_ending => Ok(entity),
            _ => Err(Status::ERROR_INVALID_HANDLE),
        }
    }

    /// What an entity of this client was given when it registered.
    pub(super) fn registered(&self, entity: Id<Entity>) -> Result<&Registered, Status> {
        self.entities[entity]
            .registered
            .as_ref()
            .ok_or(Status::ERROR_INVALID_HANDLE)
    }

    pub(super) fn family(&self, entity: Id<Entity>) -> Family {
        self.entities[entity].family
    }

    pub(super) fn destination(&self, caller: Id<Entity>, handle: Handle) -> Result<Id<Destination>, Status> {
        let found = self.destinations.find(handle);
        found
            .filter(|id| Family::of(self.destinations[*id].prefix) == self.family(caller))
            .ok_or(Status::ERROR_INVALID_HANDLE)
    }

    pub(super) fn route(&self, caller: Id<Entity>, handle: Handle) -> Result<Id<Route>, Status> {
        let found = self.routes.find(handle);
        found
            .filter(|id| self.family(self.routes[*id].owner) == self.family(caller))
            .ok_or(Status::ERROR_INVALID_HANDLE)
    }

    pub(super) fn hop(&self, caller: Id<Entity>, handle: Handle) -> Result<Id<Hop>, Status> {
        let found = self.hops.find(handle);
        found
            .filter(|id| self.family(self.hops[*id].owner) == self.family(caller))
            .ok_or(Status::ERROR_INVALID_HANDLE)
    }

    /// A route of the caller's own: otherwise ERROR_ACCESS_DENIED.
    pub(super) fn own_route(&self, caller: Id<Entity>, handle: Handle) -> Result<Id<Route>, Status> {
        let route = self.route(caller, handle)?;
        if self.routes[route].owner == caller {
            Ok(route)
        } else {
            Err(Status::ERROR_ACCESS_DENIED)
        }
    }

    /// A next hop of the caller's own: otherwise ERROR_ACCESS_DENIED.
    pub(super) fn own_hop(&self, caller: Id<Entity>, handle: Handle) -> Result<Id<Hop>, Status> {
        let hop = self.hop(caller, handle)?;
        if self.hops[hop].owner == caller {
            Ok(hop)
        } else {
            Err(Status::ERROR_ACCESS_DENIED)
        }
    }

    /// The object for a prefix.
    pub(super) fn intern(&mut self, prefix: Prefix) -> Result<Id<Destination>, Status> {
        if let Some(found) = self.by_prefix.get(prefix) {
            return Ok(found);
        }
        self.intern_new(prefix)
    }

    /// The object for a prefix that has none.
    pub(super) fn intern_new(&mut self, prefix: Prefix) -> Result<Id<Destination>, Status> {
        let made = self.destinations.insert(Destination {
            prefix,
            routes: SmallVec::new(),
            slots: None,
            is_parked: false,
        });
        let made = made.ok_or(Status::ERROR_NOT_ENOUGH_MEMORY)?;
        self.by_prefix.insert(prefix, made);
        Ok(made)
    }

    /// The object for an entity, of this client or another.
    pub(super) fn intern_entity(&mut self, family: Family, name: EntityName) -> Result<Id<Entity>, Status> {
        if let Some(found) = self.by_name.get(&(family, name)) {
            return Ok(*found);
        }
        let made = self.entities.insert(Entity {
            family,
            name,
            registered: None,
            hops: BTreeMap::new(),
        });
        let made = made.ok_or(Status::ERROR_NOT_ENOUGH_MEMORY)?;
        self.by_name.insert((family, name), made);
        Ok(made)
    }

    /// Frees an entity that nobody counts on.
    pub(super) fn reap_entity(&mut self, id: Id<Entity>) {
        if self.entities.is_unused(id)
            && let Some(entity) = self.entities.remove(id)
        {
            let key = (entity.family, entity.name);
            if self.by_name.get(&key) == Some(&id) {
                self.by_name.remove(&key);
            }
        }
    }

    /// Frees a destination that nobody counts on, unless something is kept in its slots.
    pub(super) fn reap_destination(&mut self, id: Id<Destination>) {
        if self.destinations.is_unused(id) && !self.park(id) {
            self.unpark(id);
            if let Some(destination) = self.destinations.remove(id) {
                self.by_prefix.remove(destination.prefix);
            }
        }
    }

    /// Frees a route that nobody counts on, and what it counted on.
    pub(super) fn reap_route(&mut self, id: Id<Route>) {
        if !self.routes.is_unused(id) {
            return;
        }
        let destination = self.routes[id].destination;
        self.destinations[destination].routes.retain(|route| *route != id);
        if let Some(route) = self.routes.remove(id) {
            self.unpin_content(route.content);
            if self.entities.unpin(route.owner) {
                self.reap_entity(route.owner);
            }
            self.unpin_destination(destination);
        }
    }

    /// Frees a next hop that nobody counts on, and what it counted on.
    pub(super) fn reap_hop(&mut self, id: Id<Hop>) {
        if self.hops.is_unused(id)
            && let Some(hop) = self.hops.remove(id)
        {
            let key = (hop.address, hop.interface);
            let hops = &mut self.entities[hop.owner].hops;
            if hops.get(&key) == Some(&id) {
                hops.remove(&key);
            }
            if hop.flags & info::hop_flags::REMOTE != 0 && !hop.is_deleted {
                self.remote_is_gone(hop.owner);
            }
            if let Some(remote) = hop.remote {
                self.unpin_destination(remote);
            }
            if self.entities.unpin(hop.owner) {
                self.reap_entity(hop.owner);
            }
        }
    }

    pub(super) fn unpin_destination(&mut self, id: Id<Destination>) {
        if self.destinations.unpin(id) {
            self.reap_destination(id);
        }
    }

    pub(super) fn unpin_route(&mut self, id: Id<Route>) {
        if self.routes.unpin(id) {
            self.reap_route(id);
        }
    }

    pub(super) fn unpin_hop(&mut self, id: Id<Hop>) {
        if self.hops.unpin(id) {
            self.reap_hop(id);
        }
    }

    pub(super) fn unpin_entity(&mut self, id: Id<Entity>) {
        if self.entities.unpin(id) {
            self.reap_entity(id);
        }
    }
}
