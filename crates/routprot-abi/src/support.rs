//! The host's functions for modules (SUPPORT_FUNCTIONS, routing-protocol-interface 4.5).
//!
//! They carry no argument that says which module calls, so every module gets functions of its own: there are as many sets as
//! modules may run in this process at a time, each for one place in a table.

use std::ffi::c_void;
use std::net::Ipv4Addr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use waypost_routprot::{MS_ROUTER_VERSION, OutputBuffer, ReceiveType, Refusal, Status, SupportFunctions};
use waypost_types::{InterfaceIndex, NextHops, Prefix, Prefix4, Prefix6, ProtocolId, Route, RouteKind};

use crate::layout::{NetAddress, RouteInfo, SupportTable};

/// Modules that may run in this process at a time.
const PLACES: usize = 32;

/// Who answers at each place.
static HOSTS: [RwLock<Option<Arc<dyn SupportFunctions>>>; PLACES] = [const { RwLock::new(None) }; PLACES];
/// Which places are taken.
static TAKEN: Mutex<[bool; PLACES]> = Mutex::new([false; PLACES]);

/// A module's set of functions, answered by its host until this is ended; afterwards they say ERROR_CAN_NOT_COMPLETE.
pub(crate) struct Support {
    place: usize,
    /// Whether the place may be used again.
    is_lasting: bool,
}

impl Support {
    /// Takes a place for what `host` does; `None` when none is free.
    pub(crate) fn new(host: Arc<dyn SupportFunctions>) -> Option<Self> {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let place = taken.iter().position(|taken| !taken)?;
        taken[place] = true;
        *HOSTS[place].write().unwrap_or_else(PoisonError::into_inner) = Some(host);
        Some(Self {
            place,
            is_lasting: false,
        })
    }

    /// The table to hand out: valid for ever.
    pub(crate) const fn table(&self) -> &'static SupportTable {
        &TABLES[self.place]
    }

    /// Answers ERROR_CAN_NOT_COMPLETE from now on. The place is another's only once this is dropped.
    pub(crate) fn end(&self) {
        *HOSTS[self.place].write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Never gives the place to another module: this one may still call its functions.
    pub(crate) const fn abandon(&mut self) {
        self.is_lasting = true;
    }
}

impl Drop for Support {
    fn drop(&mut self) {
        self.end();
        if !self.is_lasting {
            TAKEN.lock().unwrap_or_else(PoisonError::into_inner)[self.place] = false;
        }
    }
}

/// A table for each of these places.
macro_rules! tables {
    ($($place:literal)*) => {
        [$(SupportTable {
            version: MS_ROUTER_VERSION,
            reserved: 0,
            demand_dial_request: demand_dial_request::<$place>,
            set_interface_receive_type: set_interface_receive_type::<$place>,
            validate_route: validate_route::<$place>,
            mib_entry_create: mib_entry_create::<$place>,
            mib_entry_delete: mib_entry_delete::<$place>,
            mib_entry_set: mib_entry_set::<$place>,
            mib_entry_get: mib_entry_get::<$place>,
            mib_entry_get_first: mib_entry_get_first::<$place>,
            mib_entry_get_next: mib_entry_get_next::<$place>,
            get_router_id: get_router_id::<$place>,
            has_multicast_boundary: has_multicast_boundary::<$place>,
        }),*]
    };
}

static TABLES: [SupportTable; PLACES] = tables! {
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
};

/// Asks the host at a place. A panic of it does not cross into the module: it is an answer like `missing`, given when
/// nobody is there.
fn ask<T>(place: usize, missing: T, question: impl FnOnce(&dyn SupportFunctions) -> T) -> T {
    let host = HOSTS[place]
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    host.and_then(|host| catch_unwind(AssertUnwindSafe(|| question(&*host))).ok())
        .unwrap_or(missing)
}

/// [`ask`] for an answer in codes.
fn code(place: usize, question: impl FnOnce(&dyn SupportFunctions) -> Result<(), Refusal>) -> u32 {
    let question = |host: &dyn SupportFunctions| question(host).err().map_or(0, |refusal| refusal.status.0);
    ask(place, Status::ERROR_CAN_NOT_COMPLETE.0, question)
}

/// The octets that a module passes; `None` for a pointer that is NULL though there should be some.
///
/// # Safety
/// A pointer that is not NULL points to that many octets.
unsafe fn octets<'a>(size: u32, pointer: *mut c_void) -> Option<&'a [u8]> {
    match (size, pointer.is_null()) {
        (0, _) => Some(&[]),
        (_, true) => None,
        // SAFETY: as above, and nobody writes there during the call.
        (size, false) => Some(unsafe { slice::from_raw_parts(pointer.cast(), size as usize) }),
    }
}

unsafe extern "C" fn demand_dial_request<const PLACE: usize>(protocol: u32, interface: u32) -> u32 {
    code(PLACE, |host| {
        host.demand_dial_request(ProtocolId(protocol), InterfaceIndex(interface))
    })
}

unsafe extern "C" fn set_interface_receive_type<const PLACE: usize>(
    protocol: u32,
    interface: u32,
    kind: u32,
    active: i32,
) -> u32 {
    let kind = match kind {
        0 => ReceiveType::Promiscuous,
        1 => ReceiveType::PromiscuousMulticast,
        _ => return Status::ERROR_INVALID_PARAMETER.0,
    };
    code(PLACE, |host| {
        host.set_interface_receive_type(ProtocolId(protocol), InterfaceIndex(interface), kind, active != 0)
    })
}

unsafe extern "C" fn validate_route<const PLACE: usize>(
    protocol: u32,
    route: *mut c_void,
    destination: *mut c_void,
) -> u32 {
    // SAFETY: the interface says that this is NULL or an RTM_ROUTE_INFO of the caller's.
    let Some(info) = (unsafe { route.cast::<RouteInfo>().as_mut() }) else {
        return Status::ERROR_INVALID_PARAMETER.0;
    };
    // SAFETY: the interface says that this is NULL or an RTM_NET_ADDRESS of the caller's.
    let address = unsafe { destination.cast::<NetAddress>().as_ref() };
    let prefix = match address.map(prefix_of) {
        None => None,
        Some(Some(prefix)) => Some(prefix),
        Some(None) => return Status::ERROR_INVALID_PARAMETER.0,
    };
    // Next hops are handles of the routing table, which checks them itself when the route is added.
    let route = Route {
        kind: RouteKind::Unicast,
        next_hops: NextHops::default(),
        metric: info.metric,
        tag: 0,
        preference: None,
    };
    code(PLACE, |host| {
        info.preference = host.validate_route(ProtocolId(protocol), &route, prefix)?.into();
        Ok(())
    })
}

/// The prefix that an RTM_NET_ADDRESS stands for.
fn prefix_of(address: &NetAddress) -> Option<Prefix> {
    /// AF_INET6 where the structure was published; Linux says 10.
    const PUBLISHED_INET6: u16 = 23;
    let length = u8::try_from(address.bits).ok()?;
    match address.family {
        2 => {
            let (octets, _) = address.octets.split_first_chunk::<4>()?;
            Prefix4::new((*octets).into(), length).ok().map(Prefix::V4)
        }
        10 | PUBLISHED_INET6 => Prefix6::new(address.octets.into(), length).ok().map(Prefix::V6),
        _ => None,
    }
}

/// Defines the host's functions that change an entry of another client's MIB.
macro_rules! mib_changes {
    ($($name:ident)*) => {$(
        unsafe extern "C" fn $name<const PLACE: usize>(target: u32, size: u32, input: *mut c_void) -> u32 {
            // SAFETY: the caller says that there are `size` octets.
            match unsafe { octets(size, input) } {
                Some(input) => code(PLACE, |host| host.$name(ProtocolId(target), input)),
                None => Status::ERROR_INVALID_PARAMETER.0,
            }
        }
    )*};
}

mib_changes! { mib_entry_create mib_entry_delete mib_entry_set }

/// Defines the host's functions that read an entry of another client's MIB.
macro_rules! mib_reads {
    ($($name:ident)*) => {$(
        unsafe extern "C" fn $name<const PLACE: usize>(
            target: u32,
            size: u32,
            input: *mut c_void,
            out_size: *mut u32,
            out: *mut c_void,
        ) -> u32 {
            // SAFETY: the caller says that this is NULL or a size of its own.
            let Some(out_size) = (unsafe { out_size.as_mut() }) else {
                return Status::ERROR_INVALID_PARAMETER.0;
            };
            // SAFETY: the caller says that there are `size` octets.
            let Some(input) = (unsafe { octets(size, input) }) else {
                return Status::ERROR_INVALID_PARAMETER.0;
            };
            let mut buffer = OutputBuffer::new(if out.is_null() {
                None
            } else {
                // SAFETY: the caller lends that many octets for the call.
                Some(unsafe { slice::from_raw_parts_mut(out.cast::<u8>(), *out_size as usize) })
            });
            code(PLACE, |host| {
                let answer = host.$name(ProtocolId(target), input, &mut buffer);
                let is_sized = answer
                    .as_ref()
                    .err()
                    .is_none_or(|refusal| refusal.status == Status::ERROR_INSUFFICIENT_BUFFER);
                if is_sized {
                    *out_size = u32::try_from(buffer.size).unwrap_or(u32::MAX);
                }
                answer
            })
        }
    )*};
}

mib_reads! { mib_entry_get mib_entry_get_first mib_entry_get_next }

unsafe extern "C" fn get_router_id<const PLACE: usize>() -> u32 {
    ask(PLACE, 0, |host| {
        // In network order in memory.
        host.router_id()
            .map_or(0, |id| u32::from_ne_bytes(id.address().octets()))
    })
}

unsafe extern "C" fn has_multicast_boundary<const PLACE: usize>(interface: u32, group: u32) -> i32 {
    ask(PLACE, 0, |host| {
        let group = Ipv4Addr::from(group.to_ne_bytes());
        i32::from(host.has_multicast_boundary(InterfaceIndex(interface), group))
    })
}
