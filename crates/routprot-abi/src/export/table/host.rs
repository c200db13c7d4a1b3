//! The host's functions of the routing table (WAYPOST_RTM), as Rust calls them.

use std::mem::offset_of;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_rtmv2::client::{HopInfo, INFINITE, RouteInfo};
use waypost_rtmv2::{EntityName, Views};
use waypost_types::{Prefix, ProtocolId};

use crate::rtm::Functions;
use crate::rtm::convert::{address_of, entity_info, hop_of, name_of, next_hop_info, prefix_of};
use crate::rtm::layout::{EntityInfo, EventCallback, NextHopInfo, Profile};
use crate::rtm::pointer::{DestinationPointer, In, Out, RoutePointer, RouteSpace};

/// What the host gave this object: its functions, and the number of the module to it.
static FUNCTIONS: AtomicPtr<Functions> = AtomicPtr::new(ptr::null_mut());
static MODULE: AtomicU32 = AtomicU32::new(0);

/// Destinations asked for at a time.
const MANY: usize = 64;
/// Change types RTM_CHANGE_TYPE_BEST and RTM_CHANGE_TYPE_FORWARDING: another best route, and another way of the same.
const BEST: u32 = 2 | 4;

/// WaypostTakeRtm (waypost.h): takes the functions that this object has for as long as it is loaded.
///
/// # Safety
/// NULL, or a WAYPOST_RTM that stays.
pub unsafe fn take(module: u32, functions: *const Functions) {
    MODULE.store(module, Ordering::Relaxed);
    FUNCTIONS.store(functions.cast_mut(), Ordering::Release);
}

/// The way to the routing table.
#[derive(Clone, Copy)]
pub(super) struct Host {
    functions: &'static Functions,
    module: u32,
}

/// A destination and its best route for unicast, with the references that came with them.
pub(super) struct Destination {
    pub(super) prefix: Prefix,
    /// The route and its owner, if there is one.
    pub(super) best: Option<(u64, u64)>,
}

fn done(code: u32) -> Result<(), Status> {
    match Status(code) {
        Status::NO_ERROR => Ok(()),
        status => Err(status),
    }
}

impl Host {
    /// These functions, called as this module.
    pub(super) const fn new(functions: &'static Functions, module: u32) -> Self {
        Self { functions, module }
    }

    /// ERROR_NOT_SUPPORTED when the host has no routing table for modules, or one of before.
    pub(super) fn installed() -> Result<Self, Status> {
        let functions = FUNCTIONS.load(Ordering::Acquire);
        if functions.is_null() {
            return Err(Status::ERROR_NOT_SUPPORTED);
        }
        // SAFETY: the host says that there is such a structure, whose first word is its size.
        let size = unsafe { functions.cast::<u32>().read() } as usize;
        // Everything up to here is called.
        if size < offset_of!(Functions, create_route_list) {
            return Err(Status::ERROR_NOT_SUPPORTED);
        }
        // SAFETY: it stays for as long as this object does, and what is used of it is there.
        let functions = unsafe { &*functions };
        Ok(Self::new(functions, MODULE.load(Ordering::Relaxed)))
    }

    pub(super) fn register(
        self,
        family: Family,
        protocol: ProtocolId,
        events: EventCallback,
    ) -> Result<u64, Status> {
        let name = EntityName {
            protocol,
            instance: 0,
        };
        let info = entity_info(family, name);
        let mut profile = Profile {
            next_hops: 0,
            handles: 0,
            views: 0,
            view_count: 0,
        };
        let mut entity = 0;
        done((self.functions.register_entity)(
            self.module,
            In::to(&info),
            In::NULL,
            Some(events),
            0,
            Out::to(&mut profile),
            Out::to(&mut entity),
        ))?;
        Ok(entity)
    }

    pub(super) fn deregister(self, entity: u64) -> Result<(), Status> {
        done((self.functions.deregister_entity)(entity))
    }

    /// Gives a next hop with a reference.
    pub(super) fn add_next_hop(self, entity: u64, info: &HopInfo) -> Result<u64, Status> {
        let info = next_hop_info(info);
        let (mut hop, mut flags) = (0, 0);
        done((self.functions.add_next_hop)(
            entity,
            In::to(&info),
            Out::to(&mut hop),
            Out::to(&mut flags),
        ))?;
        Ok(hop)
    }

    /// The reference goes with it.
    pub(super) fn delete_next_hop(self, entity: u64, hop: u64) -> Result<(), Status> {
        done((self.functions.delete_next_hop)(entity, hop, In::NULL))
    }

    /// Adds a route, whose reference is given, or changes the one that is given.
    pub(super) fn set_route(
        self,
        entity: u64,
        mut route: u64,
        prefix: Prefix,
        info: &RouteInfo,
    ) -> Result<u64, Status> {
        let mut space: RouteSpace = [0; _];
        let pointer = RoutePointer::to(&mut space);
        pointer.put(info);
        let address = address_of(prefix);
        let mut flags = 0;
        done((self.functions.add_route_to_dest)(
            entity,
            Out::to(&mut route),
            In::to(&address),
            pointer,
            INFINITE,
            0,
            0,
            0,
            Out::to(&mut flags),
        ))?;
        Ok(route)
    }

    /// The reference goes with it.
    pub(super) fn delete_route(self, entity: u64, route: u64) -> Result<(), Status> {
        let mut flags = 0;
        done((self.functions.delete_route_to_dest)(
            entity,
            route,
            Out::to(&mut flags),
        ))
    }

    /// From now on the entity is told of other best routes for unicast.
    pub(super) fn watch(self, entity: u64, context: usize) -> Result<u64, Status> {
        let mut watch = 0;
        done((self.functions.register_for_change_notification)(
            entity,
            Views::UNICAST.bits(),
            BEST,
            context,
            Out::to(&mut watch),
        ))?;
        Ok(watch)
    }

    pub(super) fn unwatch(self, entity: u64, watch: u64) -> Result<(), Status> {
        done((self.functions.deregister_from_change_notification)(
            entity, watch,
        ))
    }

    /// Gives `each` some of the destinations that changed; false: these were all.
    pub(super) fn changed(
        self,
        entity: u64,
        watch: u64,
        each: impl FnMut(&Destination),
    ) -> Result<bool, Status> {
        self.destinations(
            each,
            |count, place| (self.functions.get_changed_dests)(entity, watch, count, place),
            |count, place| (self.functions.release_changed_dests)(entity, watch, count, place),
        )
    }

    /// Every destination with a route for unicast.
    pub(super) fn enumerate(self, entity: u64) -> Result<u64, Status> {
        let mut enumeration = 0;
        done((self.functions.create_dest_enum)(
            entity,
            Views::UNICAST.bits(),
            0,
            In::NULL,
            0,
            Out::to(&mut enumeration),
        ))?;
        Ok(enumeration)
    }

    /// Gives `each` some of them; false: these were the last.
    pub(super) fn next(
        self,
        entity: u64,
        enumeration: u64,
        each: impl FnMut(&Destination),
    ) -> Result<bool, Status> {
        self.destinations(
            each,
            |count, place| (self.functions.get_enum_dests)(entity, enumeration, count, place),
            |count, place| (self.functions.release_dests)(entity, count, place),
        )
    }

    pub(super) fn end_enumeration(self, entity: u64, enumeration: u64) -> Result<(), Status> {
        done((self.functions.delete_enum_handle)(entity, enumeration))
    }

    fn destinations(
        self,
        mut each: impl FnMut(&Destination),
        get: impl FnOnce(Out<u32>, DestinationPointer) -> u32,
        release: impl FnOnce(u32, DestinationPointer) -> u32,
    ) -> Result<bool, Status> {
        let mut words = [0; MANY * DestinationPointer::WORDS];
        let place = DestinationPointer::to(&mut words);
        let mut count = MANY as u32;
        let is_last = match done(get(Out::to(&mut count), place)) {
            Ok(()) => false,
            Err(Status::ERROR_NO_MORE_ITEMS) => true,
            Err(status) => return Err(status),
        };
        for (head, views) in place.all(count.min(MANY as u32))? {
            let routes = views.iter().filter(|view| view.route != 0);
            each(&Destination {
                prefix: prefix_of(&head.address)?,
                best: routes.map(|view| (view.route, view.owner)).next(),
            });
        }
        done(release(count, place))?;
        Ok(!is_last)
    }

    /// Whose routes an entity's are.
    pub(super) fn owner(self, entity: u64, of: u64) -> Result<ProtocolId, Status> {
        let mut info: EntityInfo = entity_info(
            Family::V4,
            EntityName {
                protocol: ProtocolId(0),
                instance: 0,
            },
        );
        done((self.functions.get_entity_info)(entity, of, Out::to(&mut info)))?;
        Ok(name_of(&info).protocol)
    }

    /// Gives `look` a route and its next hops.
    pub(super) fn with_route<R>(
        self,
        entity: u64,
        route: u64,
        look: impl FnOnce(&RouteInfo, &[HopInfo]) -> R,
    ) -> Result<R, Status> {
        let mut space: RouteSpace = [0; _];
        let pointer = RoutePointer::to(&mut space);
        done((self.functions.get_route_info)(entity, route, pointer, Out::NULL))?;
        let seen = pointer.get().and_then(|info| {
            let hops = info.next_hops.iter().map(|hop| self.hop(entity, hop.0));
            let hops = hops.collect::<Result<Vec<_>, _>>()?;
            Ok(look(&info, &hops))
        });
        done((self.functions.release_route_info)(entity, pointer))?;
        seen
    }

    fn hop(self, entity: u64, hop: u64) -> Result<HopInfo, Status> {
        let mut space = NextHopInfo::NONE;
        done((self.functions.get_next_hop_info)(
            entity,
            hop,
            Out::to(&mut space),
        ))?;
        let info = hop_of(&space);
        done((self.functions.release_next_hop_info)(entity, In::to(&space)))?;
        info
    }
}
